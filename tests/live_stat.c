// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Statistics of live groups: they follow what happens, and are what plain reads say. */
#include <signal.h>
#include <sys/mman.h>

#include "cgtest.h"

/* Enable in the root what the machine has of these. */
static void enable(struct cgw *c, const char *names)
{
	_cleanup_group_ struct cgw_group *root = cgtest_open(c, "/");
	size_t len;

	for (const char *word; (word = cgw__next_word(&names, &len));) {
		_cleanup_free_ char *name = strndup(word, len);

		if (cgtest_have_controller(name))
			cgw_group_enable(root, name);
	}
}

static int numbers_are_those_of_the_files(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_top_ char *top = cgtest_new("files");
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_ALL);
	const struct cgw_metric *m;
	size_t singles = 0;

	enable(c, "cpu memory pids io hugetlb misc rdma");
	CHECK_INT(cgw_group_stat(g, stat), 0);
	for (size_t i = 0; (m = cgw_stat_at(stat, i)); i++) {
		_cleanup_free_ char *text = cgtest_read(top, m->file);
		char number[32];

		CHECK(!m->source);
		CHECK(text[0]);
		snprintf(number, sizeof(number), "%llu", (unsigned long long)m->value);
		if (m->key || (m->is_max && strcmp(text, "max") != 0))
			continue;
		CHECK_STR(text, m->is_max ? "max" : number);
		singles++;
	}
	CHECK(singles >= 2);
	return TAP_PASS;
}

/* Every file there is that holds numbers has its metrics: none is forgotten. */
static int no_file_is_forgotten(void)
{
	static const char *const others[] = {
		"cgroup.controllers", "cgroup.events", "cgroup.freeze", "cgroup.kill",
		"cgroup.pressure", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads",
		"cgroup.type", "cpu.idle", "cpu.uclamp.max", "cpu.uclamp.min", "cpu.weight.nice",
		"io.latency", "io.weight", "io.bfq.weight", "io.prio.class", "memory.oom.group",
		"memory.reclaim", "memory.zswap.writeback",
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_top_ char *top = cgtest_new("all");
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_DEFAULT);
	_cleanup_(cgw__closedirp) DIR *dir = NULL;
	const struct dirent *entry;
	char path[512];

	enable(c, "cpu memory pids io hugetlb misc rdma");
	CHECK_INT(cgw_group_stat(g, stat), 0);
	snprintf(path, sizeof(path), "%s%s", cgtest_mount(), top);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		_cleanup_free_ char *text = cgtest_read(top, entry->d_name);
		const struct cgw_metric *m = NULL;
		bool known = entry->d_type != DT_REG || !text[0] || !strncmp(entry->d_name, "cpuset.", 7);

		for (size_t i = 0; i < ARRAY_SIZE(others); i++)
			known = known || !strcmp(others[i], entry->d_name);
		for (size_t i = 0; !known && (m = cgw_stat_at(stat, i)); i++)
			known = !strcmp(m->file, entry->d_name);
		if (!known)
			FAIL("nothing was read of %s: '%s'", entry->d_name, text);
	}
	return TAP_PASS;
}

static pid_t spinner(const char *group)
{
	pid_t pid = cgtest_fork();

	if (!pid) {
		if (cgtest_write(group, "cgroup.procs", "0"))
			_exit(1);
		for (;;)
			;
	}
	return pid;
}

static int cpu_time_grows_with_work(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_top_ char *top = cgtest_new("cpu");
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_CPU | CGW_STAT_CGROUP);
	int64_t deadline = cgw__now_ns() + CGTEST_TIMEOUT_MS * CGW_NSEC_PER_MSEC;
	uint64_t usage = 0, populated;
	pid_t pid;

	CHECK_INT(cgw_group_stat(g, stat), 0);
	CHECK_INT(cgw_stat_get(stat, "cpu.stat", NULL, "usage_usec", &usage), 0);
	CHECK_INT(usage, 0);
	CHECK_INT(cgw_stat_get(stat, "cgroup.events", NULL, "populated", &populated), 0);
	CHECK_INT(populated, 0);
	pid = spinner(top);
	while (usage < 20000 && cgw__now_ns() < deadline) {
		CHECK_INT(cgw_group_stat(g, stat), 0);
		CHECK_INT(cgw_stat_get(stat, "cpu.stat", NULL, "usage_usec", &usage), 0);
	}
	CHECK(usage >= 20000);
	CHECK_INT(cgw_stat_get(stat, "cgroup.events", NULL, "populated", &populated), 0);
	CHECK_INT(populated, 1);
	cgtest_end(pid);
	return TAP_PASS;
}

#define EATEN (24UL << 20)

/* A child in the group that has touched memory and says so, then waits. */
static pid_t eater(const char *group)
{
	int said[2];
	char byte;
	pid_t pid;

	if (pipe2(said, O_CLOEXEC) < 0)
		cgtest_bail("pipe");
	pid = cgtest_fork();
	if (!pid) {
		char *p;

		if (cgtest_write(group, "cgroup.procs", "0"))
			_exit(1);
		p = mmap(NULL, EATEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			_exit(1);
		memset(p, 1, EATEN);
		if (write(said[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(said[1]);
	if (read(said[0], &byte, 1) != 1)
		cgtest_bail("no memory for the test");
	close(said[0]);
	return pid;
}

static int memory_and_tasks_are_counted(void)
{
	static const char *const needed[] = { "memory", "pids" };
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_top_ char *top = NULL;
	_cleanup_group_ struct cgw_group *g = NULL;
	_cleanup_stat_ struct cgw_stat *stat = NULL;
	uint64_t value;
	pid_t pid;

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!cgtest_have_controller(needed[i]))
			return tap_skip("%s", cgtest_why_not(needed[i]));
	enable(c, "memory pids");
	top = cgtest_new("memory");
	g = cgtest_open(c, top);
	stat = cgtest_stat(c, CGW_STAT_DEFAULT);
	CHECK_INT(cgtest_write(top, "memory.max", "67108864"), 0);
	pid = eater(top);
	CHECK_INT(cgw_group_stat(g, stat), 0);
	CHECK_INT(cgw_stat_get(stat, "memory.current", NULL, NULL, &value), 0);
	CHECK(value >= EATEN && value <= 64 << 20);
	CHECK_INT(cgw_stat_get(stat, "memory.stat", NULL, "anon", &value), 0);
	CHECK(value >= EATEN / 2);
	CHECK_INT(cgw_stat_get(stat, "memory.max", NULL, NULL, &value), 0);
	CHECK_INT(value, 64 << 20);
	CHECK_INT(cgw_stat_get(stat, "memory.high", NULL, NULL, &value), 1);
	CHECK_INT(cgw_stat_get(stat, "pids.current", NULL, NULL, &value), 0);
	CHECK_INT(value, 1);
	CHECK_INT(cgw_stat_get(stat, "pids.max", NULL, NULL, &value), 1);
	cgtest_end(pid);
	return TAP_PASS;
}

static int a_group_without_controllers_has_the_rest(void)
{
	const char *any = cgtest_any_controller();
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_top_ char *top = cgtest_new("bare");
	_cleanup_group_ struct cgw_group *child = cgtest_child(c, top, "child"), *g = cgtest_open(c, top);
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_ALL);
	uint64_t value;
	size_t whole;

	if (!any)
		return tap_skip("cgroup2 has no controller here");
	enable(c, any);
	CHECK_INT(cgw_group_stat(g, stat), 0);
	whole = cgw_stat_count(stat);
	CHECK_INT(cgw_group_stat(child, stat), 0);
	CHECK(cgw_stat_count(stat) < whole);
	CHECK_INT(cgw_stat_get(stat, "cpu.stat", NULL, "usage_usec", &value), 0);
	CHECK_INT(cgw_group_stat(g, stat), 0);
	CHECK_INT(cgw_stat_count(stat), whole);
	return TAP_PASS;
}

static int huge_pages_have_their_sizes(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_top_ char *top = NULL;
	_cleanup_group_ struct cgw_group *g = NULL;
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_HUGETLB);
	uint64_t value;

	if (!cgtest_have_controller("hugetlb"))
		return tap_skip("%s", cgtest_why_not("hugetlb"));
	enable(c, "hugetlb");
	top = cgtest_new("huge");
	g = cgtest_open(c, top);
	if (cgtest_write(top, "hugetlb.2MB.max", "4194304"))
		return tap_skip("no pages of 2MB here");
	CHECK_INT(cgw_group_stat(g, stat), 0);
	CHECK_INT(cgw_stat_get(stat, "hugetlb.2MB.current", NULL, NULL, &value), 0);
	CHECK_INT(value, 0);
	CHECK_INT(cgw_stat_get(stat, "hugetlb.2MB.max", NULL, NULL, &value), 0);
	CHECK_INT(value, 4194304);
	CHECK_INT(cgw_stat_get(stat, "hugetlb.2MB.rsvd.max", NULL, NULL, &value), 1);
	CHECK_INT(cgw_stat_get(stat, "hugetlb.2MB.events", NULL, "max", &value), 0);
	return TAP_PASS;
}

static int hidden_pressure_is_absent_then_back(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_top_ char *top = cgtest_new("psi");
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_PSI);
	uint64_t value;

	if (cgtest_write(top, "cgroup.pressure", "0"))
		return tap_skip("this kernel cannot hide pressure");
	CHECK_INT(cgw_group_stat(g, stat), 0);
	CHECK_INT(cgw_stat_count(stat), 0);
	CHECK_INT(cgtest_write(top, "cgroup.pressure", "1"), 0);
	CHECK_INT(cgw_group_stat(g, stat), 0);
	CHECK_INT(cgw_stat_get(stat, "cpu.pressure", "some", "total", &value), 0);
	CHECK_INT(cgw_stat_get(stat, "memory.pressure", "full", "avg300", &value), 0);
	return TAP_PASS;
}

static int a_threaded_group_is_read(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_top_ char *top = cgtest_new("threaded");
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "threads");
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_ALL);
	uint64_t value;

	CHECK_INT(cgw_group_set_threaded(g), 0);
	CHECK_INT(cgw_group_stat(g, stat), 0);
	CHECK_INT(cgw_stat_get(stat, "cpu.stat", NULL, "usage_usec", &value), 0);
	CHECK_INT(cgw_stat_get(stat, "memory.current", NULL, NULL, &value), -ENOENT);
	return TAP_PASS;
}

static int a_removed_group_is_enodev(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_top_ char *top = cgtest_new("gone");
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "child"), *other = cgtest_open(c, top);
	_cleanup_free_ char *path = strdup(cgw_group_path(g));
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_ALL);
	_cleanup_stat_ struct cgw_stat *psi = cgtest_stat(c, CGW_STAT_PSI);
	size_t n;

	CHECK_INT(cgw_group_stat(other, stat), 0);
	n = cgw_stat_count(stat);
	CHECK_INT(cgtest_rmdir(path), 0);
	CHECK_INT(cgw_group_stat(g, psi), -ENODEV);
	CHECK_INT(cgw_group_stat(g, stat), -ENODEV);
	CHECK_HAS(cgw_strerror(c), "the group was removed");
	CHECK_INT(cgw_stat_count(stat), 0);
	CHECK_INT(cgw_group_stat(other, stat), 0);
	CHECK_INT(cgw_stat_count(stat), n);
	return TAP_PASS;
}

/* A child makes and removes a group without end; each reading is whole or says it is gone. */
static int groups_may_vanish_while_they_are_read(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_top_ char *top = cgtest_new("race");
	_cleanup_group_ struct cgw_group *calm = cgtest_child(c, top, "calm");
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_ALL);
	_cleanup_free_ char *path = NULL;
	size_t whole, read = 0, gone = 0;
	pid_t pid;

	CHECK(asprintf(&path, "%s/restless", top) > 0);
	CHECK_INT(cgw_group_stat(calm, stat), 0);
	whole = cgw_stat_count(stat);
	pid = cgtest_fork();
	while (!pid) {
		cgtest_mkdir(path);
		cgtest_rmdir(path);
	}
	for (long i = cgtest_scale(20000); i > 0; i--) {
		_cleanup_group_ struct cgw_group *g = NULL;
		int err = cgw_group_open(c, path, &g);

		if (err == -ENOENT)
			continue;
		CHECK_INT(err, 0);
		err = cgw_group_stat(g, stat);
		if (err != -ENODEV && err)
			FAIL("%s", cgw_strerror(c));
		if (!err)
			CHECK_INT(cgw_stat_count(stat), whole);
		read += !err;
		gone += err != 0;
	}
	cgtest_end(pid);
	tap_note("%zu read whole, %zu gone meanwhile", read, gone);
	CHECK_INT(cgw_group_stat(calm, stat), 0);
	CHECK_INT(cgw_stat_count(stat), whole);
	return TAP_PASS;
}

static size_t open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static int the_machine_is_read(void)
{
	static const char *const numbers[] = { "pids.current", "memory.current" };
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/");
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_ALL);
	uint64_t value;
	size_t fds;

	CHECK_INT(cgw_group_stat(g, stat), 0);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		CHECK_INT(cgw_stat_get(stat, numbers[i], NULL, NULL, &value), 0);
		CHECK(value > 0);
	}
	CHECK_INT(cgw_stat_get(stat, "cpu.stat", NULL, "usage_usec", &value), 0);
	CHECK(value > 0);
	CHECK_INT(cgw_stat_get(stat, "memory.max", NULL, NULL, &value), -ENOENT);
	fds = open_fds();
	for (int i = 0; i < 10; i++)
		CHECK_INT(cgw_group_stat(g, stat), 0);
	CHECK_INT(open_fds(), fds);
	return TAP_PASS;
}

static int the_size_of_a_device_policy_is_told(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_top_ char *top = cgtest_new("policy");
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_DEVICES);
	uint64_t value;
	int err;

	CHECK_INT(cgw_group_stat(g, stat), 0);
	CHECK_INT(cgw_stat_count(stat), 0);
	err = cgtest_set_devices(g, "c 1:3 rw\nc 1:5 r");
	if (err == -EOPNOTSUPP)
		return tap_skip("built without BPF");
	CHECK_INT(err, 0);
	CHECK_INT(cgw_group_stat(g, stat), 0);
	CHECK_INT(cgw_stat_get(stat, "devices", NULL, "entries", &value), 0);
	CHECK_INT(value, 2);
	CHECK_INT(cgw_stat_get(stat, "devices", NULL, "class_bytes", &value), 0);
	CHECK(value > 100);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(numbers_are_those_of_the_files),
	T(no_file_is_forgotten),
	T(cpu_time_grows_with_work),
	T(memory_and_tasks_are_counted),
	T(a_group_without_controllers_has_the_rest),
	T(huge_pages_have_their_sizes),
	T(hidden_pressure_is_absent_then_back),
	T(a_threaded_group_is_read),
	T(a_removed_group_is_enodev),
	T(groups_may_vanish_while_they_are_read),
	T(the_machine_is_read),
	T(the_size_of_a_device_policy_is_told),
};

CGTEST_DEVICE_MAIN(tests)

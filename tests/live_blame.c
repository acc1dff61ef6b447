// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Limits that fire: the event of the group, and the group whose limit it was. */
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "cgtest.h"

#define BIT(kind) CGW_EVENT_BIT(CGW_EVENT_##kind)
#define OOM (BIT(MEMORY_OOM) | BIT(MEMORY_OOM_KILL) | BIT(MEMORY_OOM_GROUP_KILL))
#define MIB (1UL << 20)

#define NEED(controller)                                                \
	do {                                                            \
		if (!cgtest_have_controller(controller))                \
			return tap_skip("%s", cgtest_why_not(controller)); \
	} while (0)

/* A child in the group that touches memory again and again, until it is killed. */
static pid_t hog(const char *group, size_t bytes)
{
	pid_t pid = cgtest_fork();
	char *p;

	if (pid)
		return pid;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || cgtest_write(group, "cgroup.procs", "0"))
		_exit(1);
	for (;;) {
		for (size_t i = 0; i < bytes; i += 4096)
			p[i]++;
		madvise(p, bytes, MADV_DONTNEED); /* so that it has to be given again */
	}
}

/* top - g - sub, with the controller in each; no swap, so that a limit is one. */
struct tree {
	char *top;
	struct cgw *c;
	struct cgw_group *t, *g, *sub;
	struct cgw_watch *w;
};

#define _cleanup_tree_ _cleanup_(free_tree)

static void free_tree(struct tree *t)
{
	cgw_watch_free(t->w);
	cgw_group_close(t->t);
	cgw_group_close(t->g);
	cgw_group_close(t->sub);
	cgw_free(t->c);
	cgtest_remove(&t->top);
}

static struct tree make_tree(const char *name, const char *controller)
{
	struct tree t = { .top = cgtest_new(name), .c = cgtest_context() };

	t.t = cgtest_open(t.c, t.top);
	t.g = cgtest_child(t.c, t.top, "g");
	t.sub = cgtest_child(t.c, t.top, "g/sub");
	if (cgw_group_enable(t.g, controller))
		cgtest_bail("%s", cgw_strerror(t.c));
	cgtest_write(t.top, "memory.swap.max", "0");
	t.w = cgtest_watch(t.c);
	return t;
}

static int a_kill_by_the_parents_limit_is_told_with_the_parent(void)
{
	_cleanup_tree_ struct tree t = { 0 };
	struct cgw_event e;
	int64_t begin;

	NEED("memory");
	t = make_tree("oomparent", "memory");
	CHECK_INT(cgw_group_write(t.t, "memory.max", "20M"), 0);
	for (int round = 1; round <= 3; round++) {
		cgtest_watch_add(t.w, t.sub, OOM | BIT(POPULATED), 0);
		CHECK(cgtest_was_killed(hog(cgw_group_path(t.sub), 60 * MIB)));
		begin = cgw__now_ns();
		CHECK(cgtest_await(t.w, CGW_EVENT_MEMORY_OOM_KILL, cgw_group_path(t.sub), &e));
		tap_note("told %lld us after it was reaped", (long long)((int64_t)e.mono_ns - begin) / 1000);
		CHECK_STR(e.by, t.top);
		CHECK_INT(e.by_id, cgw_group_id(t.t));
		CHECK_INT(e.delta, 1);
		CHECK_INT(e.own, 1);
		CHECK_INT(e.total, round);
	}
	return TAP_PASS;
}

static int a_kill_by_the_groups_own_limit_is_told_before_it_is_empty(void)
{
	_cleanup_tree_ struct tree t = { 0 };
	bool oom = false, killed = false;
	struct cgw_event e;

	NEED("memory");
	t = make_tree("oomself", "memory");
	CHECK_INT(cgw_group_write(t.g, "memory.max", "20M"), 0);
	/* the limit is that of the group, the processes are in one below it */
	CHECK_INT(cgw_group_write(t.g, "memory.oom.group", "1"), 0);
	cgtest_sleeper(cgw_group_path(t.sub));
	cgtest_watch_add(t.w, t.g, 0, 0);
	CHECK(cgtest_was_killed(hog(cgw_group_path(t.sub), 60 * MIB)));
	for (;;) {
		CHECK_INT(cgtest_next(t.w, &e), 1);
		if (e.kind == CGW_EVENT_MEMORY_OOM) {
			oom = true;
			CHECK_INT(e.own, 1);
			CHECK_STR(e.by, cgw_group_path(t.g));
		} else if (e.kind == CGW_EVENT_MEMORY_OOM_KILL) {
			killed = true;
			CHECK_INT(e.own, 0);
			CHECK_STR(e.by, cgw_group_path(t.g));
		} else if (e.kind == CGW_EVENT_POPULATED && !e.total) {
			break;
		}
	}
	CHECK(oom);
	CHECK(killed);
	return TAP_PASS;
}

/* A sibling's kill by the common limit, then one by the group's own. */
static int the_nearest_limit_that_fired_is_told(void)
{
	_cleanup_tree_ struct tree t = { 0 };
	_cleanup_group_ struct cgw_group *sibling = NULL;
	bool sub = false, g = false;
	struct cgw_event e;

	NEED("memory");
	t = make_tree("oomnear", "memory");
	sibling = cgtest_child(t.c, t.top, "sibling");
	CHECK_INT(cgw_group_write(t.t, "memory.max", "40M"), 0);
	CHECK_INT(cgw_group_write(t.g, "memory.max", "20M"), 0);
	cgtest_watch_add(t.w, t.g, OOM, CGW_WATCH_RECURSIVE);
	CHECK(cgtest_was_killed(hog(cgw_group_path(sibling), 60 * MIB)));
	CHECK(cgtest_was_killed(hog(cgw_group_path(t.sub), 60 * MIB)));
	/* either may come first: the kernel notifies of each file by itself */
	while (!sub || !g) {
		CHECK_INT(cgtest_next(t.w, &e), 1);
		if (e.kind != CGW_EVENT_MEMORY_OOM_KILL)
			continue;
		CHECK_STR(e.by, cgw_group_path(t.g));
		sub = sub || !strcmp(e.path, cgw_group_path(t.sub));
		g = g || !strcmp(e.path, cgw_group_path(t.g));
	}
	return TAP_PASS;
}

static int a_kill_of_the_whole_group_is_told_as_such(void)
{
	_cleanup_tree_ struct tree t = { 0 };
	struct cgw_event e;
	uint64_t killed = 0;
	pid_t quiet;

	NEED("memory");
	t = make_tree("oomgroup", "memory");
	if (cgw_group_write(t.sub, "memory.oom.group", "1"))
		return tap_skip("%s", cgw_strerror(t.c));
	CHECK_INT(cgw_group_write(t.t, "memory.max", "20M"), 0);
	cgtest_watch_add(t.w, t.sub, 0, 0);
	quiet = cgtest_sleeper(cgw_group_path(t.sub));
	CHECK(cgtest_was_killed(hog(cgw_group_path(t.sub), 60 * MIB)));
	CHECK(cgtest_was_killed(quiet));
	do {
		CHECK_INT(cgtest_next(t.w, &e), 1);
		if (e.kind == CGW_EVENT_MEMORY_OOM_KILL)
			killed += e.delta;
	} while (e.kind != CGW_EVENT_MEMORY_OOM_GROUP_KILL);
	CHECK(killed >= 2); /* the kernel counts the one it chose twice */
	CHECK_STR(e.by, t.top);
	return TAP_PASS;
}

static int throttling_and_limits_of_ancestors_are_told(void)
{
	_cleanup_tree_ struct tree t = { 0 };
	struct cgw_event e;
	pid_t pid;

	NEED("memory");
	t = make_tree("high", "memory");
	CHECK_INT(cgw_group_write(t.g, "memory.high", "10M"), 0);
	cgtest_watch_add(t.w, t.g, BIT(MEMORY_HIGH), 0);
	pid = hog(cgw_group_path(t.sub), 30 * MIB);
	CHECK(cgtest_await(t.w, CGW_EVENT_MEMORY_HIGH, cgw_group_path(t.g), &e));
	CHECK(e.own > 0);
	CHECK_STR(e.by, cgw_group_path(t.g));
	CHECK_INT(cgw_watch_remove(t.w, t.g), 0);
	cgtest_watch_add(t.w, t.sub, BIT(MEMORY_HIGH), CGW_WATCH_ANCESTORS);
	CHECK(cgtest_await(t.w, CGW_EVENT_MEMORY_HIGH, cgw_group_path(t.sub), &e));
	CHECK_INT(e.own, 0);
	CHECK_STR(e.by, cgw_group_path(t.g));
	cgtest_end(pid);
	return TAP_PASS;
}

/* Forks until it is refused; the number of processes is bounded whatever the limit does. */
static pid_t fork_bomb(const char *group)
{
	pid_t pid = cgtest_fork();

	if (pid)
		return pid;
	if (cgtest_write(group, "cgroup.procs", "0"))
		_exit(1);
	for (int i = 0; i < 20; i++)
		if (!fork()) {
			pause();
			_exit(0);
		}
	pause();
	_exit(0);
}

static int a_refused_fork_is_told_with_the_limit(void)
{
	_cleanup_tree_ struct tree t = { 0 };
	struct cgw_event e;

	NEED("pids");
	t = make_tree("pids", "pids");
	CHECK_INT(cgw_group_write(t.g, "pids.max", "5"), 0);
	/* before Linux 6.11 it is counted where the fork was, since then where the limit is */
	cgtest_watch_add(t.w, t.sub, BIT(PIDS_MAX), CGW_WATCH_ANCESTORS);
	fork_bomb(cgw_group_path(t.sub));
	CHECK(cgtest_await(t.w, CGW_EVENT_PIDS_MAX, cgw_group_path(t.sub), &e));
	CHECK_STR(e.by, cgw_group_path(t.g));
	CHECK_STR(e.name, "pids.max");
	CHECK(e.delta > 0 && e.delta <= 16);
	CHECK_INT(cgw_group_kill(t.t, CGTEST_TIMEOUT_MS), 0);
	return TAP_PASS;
}

static int the_limit_of_the_group_itself_refuses_a_fork(void)
{
	_cleanup_tree_ struct tree t = { 0 };
	struct cgw_event e;

	NEED("pids");
	t = make_tree("pidsself", "pids");
	CHECK_INT(cgw_group_write(t.sub, "pids.max", "3"), 0);
	cgtest_watch_add(t.w, t.t, BIT(PIDS_MAX), CGW_WATCH_RECURSIVE);
	fork_bomb(cgw_group_path(t.sub));
	CHECK(cgtest_await(t.w, CGW_EVENT_PIDS_MAX, cgw_group_path(t.sub), &e));
	CHECK_STR(e.by, cgw_group_path(t.sub));
	CHECK(e.own > 0 && e.own == e.delta);
	CHECK_INT(cgw_group_kill(t.t, CGTEST_TIMEOUT_MS), 0);
	return TAP_PASS;
}

static int pressure_of_memory_fires_a_trigger_more_than_once(void)
{
	_cleanup_tree_ struct tree t = { 0 };
	struct cgw_event e;
	uint64_t total = 0;
	pid_t pid;

	NEED("memory");
	t = make_tree("psimem", "memory");
	if (cgw_watch_add_pressure(t.w, t.g, CGW_PRESSURE_MEMORY, false, 5000, 1000000))
		return tap_skip("%s", cgw_strerror(t.c));
	/* a second one in the same file, which does not fire */
	CHECK_INT(cgw_watch_add_pressure(t.w, t.g, CGW_PRESSURE_MEMORY, true, 9999999, 10000000),
		  0);
	CHECK_INT(cgw_group_write(t.g, "memory.high", "10M"), 0);
	pid = hog(cgw_group_path(t.sub), 30 * MIB);
	for (int i = 0; i < 3; i++) {
		CHECK_INT(cgtest_next(t.w, &e), 1);
		CHECK_STR(e.name, "memory.pressure");
		CHECK_STR(e.detail, "some 5000 1000000");
		CHECK_STR(e.path, cgw_group_path(t.g));
		CHECK(e.total > total && e.delta > 0);
		total = e.total;
	}
	cgtest_end(pid);
	CHECK_INT(cgw_group_delete(t.g, CGW_DELETE_RECURSIVE, CGTEST_TIMEOUT_MS), 0);
	CHECK(cgtest_await(t.w, CGW_EVENT_REMOVED, cgw_group_path(t.g), &e));
	CHECK_INT(cgw_watch_count(t.w), 0);
	return TAP_PASS;
}

/* Needs no controller: more tasks than CPUs. */
static int pressure_of_the_cpu_fires_a_trigger(void)
{
	_cleanup_top_ char *top = cgtest_new("psicpu");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_watch_ struct cgw_watch *w = cgtest_watch(c);
	struct cgw_event e;
	long n = 2 * sysconf(_SC_NPROCESSORS_ONLN);
	int err = cgw_watch_add_pressure(w, g, CGW_PRESSURE_CPU, false, 10000, 2000000);

	if (err == -ENOENT || err == -EOPNOTSUPP)
		return tap_skip("%s", cgw_strerror(c));
	CHECK_INT(err, 0);
	for (long i = 0; i < n; i++)
		if (!cgtest_fork()) {
			cgtest_write(top, "cgroup.procs", "0");
			for (;;)
				;
		}
	CHECK(cgtest_await(w, CGW_EVENT_PRESSURE, top, &e));
	CHECK_STR(e.name, "cpu.pressure");
	CHECK(e.delta >= 10000);
	CHECK_INT(cgw_group_kill(g, CGTEST_TIMEOUT_MS), 0);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(a_kill_by_the_parents_limit_is_told_with_the_parent),
	T(a_kill_by_the_groups_own_limit_is_told_before_it_is_empty),
	T(the_nearest_limit_that_fired_is_told),
	T(a_kill_of_the_whole_group_is_told_as_such),
	T(throttling_and_limits_of_ancestors_are_told),
	T(a_refused_fork_is_told_with_the_limit),
	T(the_limit_of_the_group_itself_refuses_a_fork),
	T(pressure_of_memory_fires_a_trigger_more_than_once),
	T(pressure_of_the_cpu_fires_a_trigger),
};

CGTEST_LIVE_MAIN(tests)

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Failures in words: what is wrong, where, and what to do about it. */
#include "cgtest.h"

/* A control file that is not there: see tests/data for why. */
static int missing_files_are_explained(void)
{
	static const struct {
		const char *tree, *group, *file;
		int err;
		const char *why, *hint;
	} cases[] = {
		{ "hybrid", "/web", "memory.max", -ENODEV,
		  "'/web': cgroup v1 holds controller 'memory' on this hybrid host",
		  "cgroup_no_v1=memory" },
		{ "hybrid", "/web", "io.max", -ENODEV, "cgroup v1 holds controller 'io'",
		  "cgroup_no_v1" },
		{ "hybrid", "/web", "hugetlb.2MB.max", -ENODEV,
		  "controller 'hugetlb' is not enabled in '/cgroup.subtree_control'",
		  "cgward controllers / +hugetlb" },
		{ "hybrid", "/web", "cpuset.cpus", -ENODEV, "the root has no controller 'cpuset'",
		  "cgroup_disable=cpuset" },
		{ "unified", "/web/api", "memory.max", -ENODEV,
		  "controller 'memory' is not enabled in '/web/cgroup.subtree_control'",
		  "cgward controllers /web +memory" },
		{ "unified", "/web/api", "hugetlb.2MB.max", -ENODEV,
		  "controller 'hugetlb' is not enabled in '/cgroup.subtree_control'",
		  "cgward controllers / +hugetlb" },
		{ "unified", "/web", "rdma.max", -ENODEV, "the root has no controller 'rdma'",
		  "cgroup_disable=rdma" },
		{ "unified", "/web", "memroy.max", -ENODEV, "no controller is named 'memroy'",
		  "here there are: cpuset cpu io memory hugetlb pids" },
		{ "unified", "/web", "memory.maximum", -ENOENT,
		  "controller 'memory' has no file memory.maximum in this kernel", NULL },
		{ "unified", "/", "memory.max", -ENOENT, "no file memory.max in the root group",
		  NULL },
		{ "unified", "/web", "cgroup.colour", -ENOENT,
		  "this kernel has no file cgroup.colour", NULL },
		{ "unified", "/", "cgroup.events", -ENOENT, "the root group has no such file",
		  NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char data[64];
		_cleanup_ctx_ struct cgw *c = NULL;
		_cleanup_group_ struct cgw_group *g = NULL;
		char *text = NULL;

		snprintf(data, sizeof(data), "%s", cases[i].tree);
		c = cgtest_recorded(cgtest_data(data));
		g = cgtest_open(c, cases[i].group);
		CHECK_INT(cgw_group_read(g, cases[i].file, &text), cases[i].err);
		CHECK(!text);
		CHECK_HAS(cgw_strerror(c), "cannot read ");
		CHECK_HAS(cgw_strerror(c), cases[i].why);
		if (cases[i].hint)
			CHECK_HAS(cgw_hint(c), cases[i].hint);
		CHECK(!cgw_error_is_input(c));

		CHECK_INT(cgw_group_write(g, cases[i].file, "5"), cases[i].err);
		CHECK_HAS(cgw_strerror(c), "cannot set ");
		CHECK_HAS(cgw_strerror(c), "=5 in '");
		CHECK_HAS(cgw_strerror(c), cases[i].why);
	}
	return TAP_PASS;
}

static int words_that_are_no_file_names_are_input_errors(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("unified"));
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
	char *text;

	CHECK_INT(cgw_group_read(g, "memory", &text), -ENOENT);
	CHECK_HAS(cgw_strerror(c), "no control file is named 'memory'");
	CHECK_HAS(cgw_hint(c), "CONTROLLER.NAME");
	CHECK(cgw_error_is_input(c));
	return TAP_PASS;
}

static int removed_groups_are_told_from_missing_files(void)
{
	_cleanup_tmp_ char *dir = cgtest_copy("unified");
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web/api");
	char *gone, *text;

	CHECK(asprintf(&gone, "%s/cgroup/web/api", dir) > 0);
	cgtest_rmtree(&gone);
	CHECK_INT(cgw_group_read(g, "pids.max", &text), -ENODEV);
	CHECK_STR(cgw_strerror(c), "cannot read pids.max of '/web/api': the group was removed");
	CHECK_INT(cgw_group_write(g, "pids.max", "5"), -ENODEV);
	CHECK_HAS(cgw_strerror(c), "the group was removed");
	CHECK_INT(cgw_group_is_frozen(g), -ENODEV);
	CHECK_HAS(cgw_strerror(c), "the group was removed");
	CHECK_INT(cgw_group_is_populated(g), -ENODEV);
	CHECK_HAS(cgw_strerror(c), "the group was removed");
	return TAP_PASS;
}

static int accepted_forms_are_known(void)
{
	static const char *const cases[][2] = {
		{ "memory.max", "max" },	   { "memory.oom.group", "0 or 1" },
		{ "memory.reclaim", "bytes" },	   { "cpu.max", "QUOTA|max [PERIOD]" },
		{ "cpu.max.burst", "0..QUOTA" },   { "cpu.weight", "1..10000" },
		{ "cpu.weight.nice", "-20..19" },  { "pids.max", "0..4194304 or max" },
		{ "io.max", "rbps=N|max" },	   { "io.weight", "1..10000" },
		{ "hugetlb.2MB.max", "bytes" },	   { "hugetlb.1GB.rsvd.max", "bytes" },
		{ "cpuset.cpus", "0-3,6" },	   { "cgroup.max.depth", "0..2147483647 or max" },
		{ "cgroup.pressure", "0 or 1" },   { "cpu.pressure", "STALL_US WINDOW_US" },
		{ "memory.pressure", "STALL_US" }, { "cpu.uclamp.min", "0.00..100.00" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *form = cgw__accepted_form(cases[i][0]);

		if (!form || !strstr(form, cases[i][1]))
			FAIL("%s takes '%s', wanted '%s'", cases[i][0], form ? form : "?",
			     cases[i][1]);
	}
	CHECK(!cgw__accepted_form("foo.max"));
	CHECK(!cgw__accepted_form("cgroup.procs"));
	return TAP_PASS;
}

static int each_failure_replaces_the_last(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("unified"));
	struct cgw_group *g;
	char *path;

	CHECK_STR(cgw_strerror(c), "");
	CHECK(!cgw_hint(c));
	CHECK(!cgw_error_is_input(c));
	CHECK_INT(cgw_group_open(c, "web", &g), -EINVAL);
	CHECK(cgw_hint(c) && cgw_error_is_input(c));
	CHECK_INT(cgw_pid_group_path(c, 999, &path), -ESRCH);
	CHECK_STR(cgw_strerror(c), "cannot find the group of pid 999: no such process");
	CHECK(!cgw_hint(c) && !cgw_error_is_input(c));
	/* its own text as an argument */
	CHECK_INT(cgw__fail(c, -EIO, "again: %s", cgw_strerror(c)), -EIO);
	CHECK_STR(cgw_strerror(c), "again: cannot find the group of pid 999: no such process");
	CHECK_INT(cgw__err(c, -EIO, "cannot x"), -EIO);
	CHECK_STR(cgw_strerror(c), "cannot x: Input/output error");
	return TAP_PASS;
}

static int long_names_do_not_overflow_messages(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("unified"));
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
	char name[4090], path[4096];
	struct cgw_group *none;
	char *text;

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	name[100] = '.';
	CHECK(cgw_group_read(g, name, &text) < 0);
	CHECK(cgw_group_write(g, name, name) < 0);
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 200 ? 'y' : '/';
	path[4095] = '\0';
	CHECK_INT(cgw_group_open(c, path, &none), -ENOENT);
	CHECK(strlen(cgw_strerror(c)) < 1024);
	CHECK_INT(cgw__fail(c, -EIO, "%s", name), -EIO);
	CHECK_INT(strlen(cgw_strerror(c)), 1023);
	return TAP_PASS;
}

struct heard {
	char text[2048];
	enum cgw_log_level level;
	size_t n;
};

static void hear(enum cgw_log_level level, const char *message, void *arg)
{
	struct heard *h = arg;

	snprintf(h->text, sizeof(h->text), "%s", message);
	h->level = level;
	h->n++;
}

static int failures_go_to_the_log_as_debug_lines(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("unified"));
	struct heard h = { .n = 0 };
	struct cgw_group *g;

	cgw_set_log(c, hear, &h);
	CHECK_INT(cgw_group_open(c, "/nobody", &g), -ENOENT);
	CHECK_INT(h.n, 1);
	CHECK_INT(h.level, CGW_LOG_DEBUG);
	CHECK_STR(h.text, cgw_strerror(c));
	cgw_set_log(c, NULL, NULL);
	CHECK_INT(cgw_group_open(c, "/nobody", &g), -ENOENT);
	CHECK_INT(h.n, 1);
	return TAP_PASS;
}

static int processes_are_named(void)
{
	_cleanup_tmp_ char *dir = cgtest_copy("unified");
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web/api");
	char who[400];

	cgw__describe_procs(g, false, who, sizeof(who));
	CHECK_STR(who, "pid 101 (webserver)");
	for (int pid = 201; pid < 208; pid++)
		cgtest_spit("worker\n", "%s/proc/%d/comm", dir, pid);
	cgtest_spit("0\n0\n207\n206\n205\n204\n203\n202\n201\n", "%s/cgroup/web/api/cgroup.procs",
		    dir);
	cgw__describe_procs(g, false, who, sizeof(who));
	CHECK_STR(who, "pid 201 (worker), pid 202 (worker), pid 203 (worker), pid 204 (worker), "
		       "pid 205 (worker) and 2 more, 2 of another pid namespace");
	cgw__describe_procs(g, false, who, 20);
	CHECK(strlen(who) < 20);
	cgtest_spit("", "%s/cgroup/web/api/cgroup.procs", dir);
	cgw__describe_procs(g, false, who, sizeof(who));
	CHECK_STR(who, "");
	return TAP_PASS;
}

/* tests/data/unified/proc/101/task: one in state D, one asleep, one running. */
static int tasks_that_do_not_stop_are_named(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("unified"));
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web/api");
	char who[700];

	cgw__describe_unfrozen(&g, 1, who, sizeof(who));
	CHECK_HAS(who, "pid 101 (web) server, state D in handle_userfault < do_anonymous_page < "
		       "asm_exc_page_fault)");
	CHECK_HAS(who, "pid 103 (spinner, state R in do_spin)");
	CHECK(!strstr(who, "worker"));
	cgw__describe_unfrozen(&g, 1, who, 30);
	CHECK(strlen(who) < 30);
	return TAP_PASS;
}

static void take_line(enum cgw_log_level level, const char *message, void *arg)
{
	(void)level;
	snprintf(arg, 200, "%s", message);
}

/* What others chose must not move the cursor of whoever reads the message. */
static int control_characters_do_not_reach_the_terminal(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("unified"));
	struct cgw_group *g = NULL;
	char line[200] = "";

	cgw_set_log(c, take_line, line);
	CHECK_INT(cgw_group_open(c, "we\033[2Jb\n\177\r\303\251", &g), -EINVAL);
	CHECK_HAS(cgw_strerror(c), "'we?[2Jb???\303\251'");
	CHECK_HAS(cgw_hint(c), "/we?[2Jb???\303\251");
	CHECK_STR(line, cgw_strerror(c));
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(missing_files_are_explained),
	T(words_that_are_no_file_names_are_input_errors),
	T(removed_groups_are_told_from_missing_files),
	T(accepted_forms_are_known),
	T(each_failure_replaces_the_last),
	T(long_names_do_not_overflow_messages),
	T(failures_go_to_the_log_as_debug_lines),
	T(processes_are_named),
	T(tasks_that_do_not_stop_are_named),
	T(control_characters_do_not_reach_the_terminal),
};

CGTEST_MAIN(tests)

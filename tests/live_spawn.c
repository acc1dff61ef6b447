// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Starting commands inside a group. */
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cgtest.h"

/* A command whose output goes to a file of the test's directory. */
struct output {
	char *dir;
	char path[300];
};

static void free_output(struct output *o)
{
	cgtest_rmtree(&o->dir);
}

#define _cleanup_output_ _cleanup_(free_output)

static struct output new_output(void)
{
	struct output o = { .dir = cgtest_tmpdir() };

	chmod(o.dir, 0777);
	snprintf(o.path, sizeof(o.path), "%s/out", o.dir);
	return o;
}

/* Run a shell script in the group; its output's first line. */
static char *run(struct cgw_group *g, struct cgw_spawn s, const char *script)
{
	_cleanup_output_ struct output o = new_output();
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", NULL, NULL };
	_cleanup_free_ char *command = NULL;
	pid_t pid;

	if (asprintf(&command, "exec > %s; %s", o.path, script) < 0)
		return NULL;
	argv[2] = command;
	s.sz = sizeof(s);
	s.argv = argv;
	pid = cgw_group_spawn(g, &s, NULL);
	if (pid < 0 || cgtest_reap(pid) != 0) {
		tap_note("'%s' gives %d: %s", script, pid, cgw_strerror(g->c));
		return strdup("");
	}
	return cgtest_slurp("%s", o.path);
}

static const struct cgw_spawn plain = { .uid = (uid_t)-1 };

/* grep is the command itself: it is in the group when it looks. */
static int commands_are_in_the_group_from_the_start(void)
{
	_cleanup_top_ char *top = cgtest_new("spawn");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "a");
	_cleanup_free_ char *line = run(g, plain, "grep ^0:: /proc/self/cgroup");
	char want[200];

	snprintf(want, sizeof(want), "0::%s", cgw_group_path(g));
	CHECK_STR(line, want);
	return TAP_PASS;
}

static int children_are_inside_whenever_spawn_returns(void)
{
	_cleanup_top_ char *top = cgtest_new("born");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	char *argv[] = { (char *)"sleep", (char *)"100", NULL };
	struct cgw_spawn s = { .sz = sizeof(s), .argv = argv, .uid = (uid_t)-1 };

	for (long i = 0, n = cgtest_scale(50); i < n; i++) {
		_cleanup_free_ char *where = NULL;
		pid_t pid = cgw_group_spawn(g, &s, NULL);

		if (pid < 0)
			FAIL("%s", cgw_strerror(c));
		where = cgtest_group_of(pid);
		CHECK_STR(where, top);
		cgtest_end(pid);
	}
	return TAP_PASS;
}

static int exit_statuses_and_pidfds_are_those_of_the_command(void)
{
	_cleanup_top_ char *top = cgtest_new("status");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)"exit 42", NULL };
	struct cgw_spawn s = { .sz = sizeof(s), .argv = argv, .uid = (uid_t)-1 };
	_cleanup_close_ int pidfd = -EBADF;
	siginfo_t info;
	pid_t pid;

	pid = cgw_group_spawn(g, &s, &pidfd);
	CHECK(pid > 0);
	CHECK(pidfd >= 0 && fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
	CHECK(cgtest_readable(pidfd));
	CHECK(!waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED));
	CHECK_INT(info.si_pid, pid);
	CHECK_INT(info.si_status, 42);
	CHECK_INT(info.si_code, CLD_EXITED);
	return TAP_PASS;
}

static int commands_that_cannot_be_executed_are_input_errors(void)
{
	_cleanup_top_ char *top = cgtest_new("noexec");
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	char file[300];
	const struct {
		const char *command;
		int err;
	} cases[] = {
		{ "no-such-command-anywhere", -ENOENT },
		{ "/no/such/command", -ENOENT },
		{ dir, -EACCES },
		{ file, -EACCES },
		{ "", -ENOENT },
	};

	snprintf(file, sizeof(file), "%s/data", dir);
	cgtest_spit("not executable", "%s", file);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *argv[] = { (char *)cases[i].command, NULL };
		struct cgw_spawn s = { .sz = sizeof(s), .argv = argv, .uid = (uid_t)-1 };
		char what[400];
		int pidfd = -77;

		CHECK_INT(cgw_group_spawn(g, &s, &pidfd), cases[i].err);
		CHECK_INT(pidfd, -77);
		CHECK(cgw_error_is_input(c) && cgw_error_is_exec(c));
		snprintf(what, sizeof(what), "cannot execute '%s': ", cases[i].command);
		CHECK_HAS(cgw_strerror(c), what);
		CHECK_INT(waitpid(-1, NULL, WNOHANG), -1); /* it was reaped */
	}
	CHECK_INT(cgw_group_wait_empty(g, CGTEST_TIMEOUT_MS), 0);
	return TAP_PASS;
}

static int directory_user_and_environment_are_set(void)
{
	char *env[] = { (char *)"COLOUR=blue", (char *)"PATH=/usr/bin:/bin", NULL };
	static const gid_t groups[] = { 7, 8 };
	_cleanup_top_ char *top = cgtest_new("props");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	struct cgw_spawn s = { .cwd = "/proc",
			       .uid = 65534,
			       .gid = 65533,
			       .groups = groups,
			       .n_groups = 2,
			       .envp = env };
	_cleanup_free_ char *cwd = run(g, s, "pwd"), *uid = NULL, *gid = NULL, *more = NULL;
	_cleanup_free_ char *colour = run(g, s, "echo $COLOUR $HOME");

	CHECK_STR(cwd, "/proc");
	CHECK_STR(colour, "blue");
	uid = run(g, s, "grep ^Uid: /proc/self/status");
	gid = run(g, s, "grep ^Gid: /proc/self/status");
	more = run(g, s, "grep ^Groups: /proc/self/status");
	CHECK_STR(uid, "Uid:\t65534\t65534\t65534\t65534");
	CHECK_STR(gid, "Gid:\t65533\t65533\t65533\t65533");
	CHECK_HAS(more, "7 8");
	return TAP_PASS;
}

static int failing_directory_is_named(void)
{
	_cleanup_top_ char *top = cgtest_new("cwd");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	char *argv[] = { (char *)"true", NULL };
	struct cgw_spawn s = {
		.sz = sizeof(s), .argv = argv, .uid = (uid_t)-1, .cwd = "/no/such/dir"
	};

	CHECK_INT(cgw_group_spawn(g, &s, NULL), -ENOENT);
	CHECK_HAS(cgw_strerror(c), "'/no/such/dir': No such file");
	/* the command is not at fault */
	CHECK(!cgw_error_is_input(c) && !cgw_error_is_exec(c));
	return TAP_PASS;
}

static int signal_mask_is_the_one_asked_for(void)
{
	_cleanup_top_ char *top = cgtest_new("mask");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	struct cgw_spawn s = { .uid = (uid_t)-1 };
	_cleanup_free_ char *blocked = NULL, *clear = NULL;
	sigset_t mask, before;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mask, &before);
	s.sigmask = &before;
	clear = run(g, s, "exec grep ^SigBlk: /proc/self/status");
	s.sigmask = NULL;
	blocked = run(g, s, "exec grep ^SigBlk: /proc/self/status");
	sigprocmask(SIG_SETMASK, &before, NULL);
	CHECK_STR(clear, "SigBlk:\t0000000000000000");
	CHECK_STR(blocked, "SigBlk:\t0000000000000200");
	return TAP_PASS;
}

static int no_descriptor_leaks_into_the_command(void)
{
	_cleanup_top_ char *top = cgtest_new("fds");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_free_ char *fds = NULL;

	fds = run(g, plain, "ls /proc/self/fd | tr '\\n' ' '");
	CHECK_HAS(fds, "0 1 ");
	for (char *p = fds, *end; *p; p = end) {
		int fd = (int)strtol(p, &end, 10);

		if (end == p)
			break;
		/* 3 is the directory that ls reads; what this program was given itself it passes on
		 */
		if (fd > 3 && fcntl(fd, F_GETFD) != 0)
			FAIL("descriptor %d of '%s' has leaked", fd, fds);
	}
	return TAP_PASS;
}

static int pids_limit_is_explained(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_resources_ struct cgw_resources *r = NULL;
	_cleanup_group_ struct cgw_group *g = NULL;
	_cleanup_top_ char *top = NULL;
	struct cgw_create_opts opts = { .sz = sizeof(opts) };
	char *argv[] = { (char *)"sleep", (char *)"100", NULL };
	struct cgw_spawn s = { .sz = sizeof(s), .argv = argv, .uid = (uid_t)-1 };
	char path[200];
	pid_t pid;

	if (!cgtest_have_controller("pids"))
		return tap_skip("%s", cgtest_why_not("pids"));
	top = cgtest_new("pids");
	CHECK_INT(cgw_resources_new(c, &r), 0);
	CHECK_INT(cgw_resources_add(r, "pids.max=1"), 0);
	opts.resources = r;
	snprintf(path, sizeof(path), "%s/a", top);
	CHECK_INT(cgw_group_create(c, path, &opts, &g), 0);
	pid = cgw_group_spawn(g, &s, NULL);
	CHECK(pid > 0);
	CHECK_INT(cgw_group_spawn(g, &s, NULL), -EAGAIN);
	CHECK_HAS(cgw_hint(c), "pids.max");
	cgtest_end(pid);
	return TAP_PASS;
}

static int groups_that_take_no_process_are_explained(void)
{
	_cleanup_top_ char *top = cgtest_new("refuses");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top),
					 *gone = cgtest_child(c, top, "gone");
	const char *controller = cgtest_have_controller("memory") ? "memory" : "hugetlb";
	char *argv[] = { (char *)"true", NULL };
	struct cgw_spawn s = { .sz = sizeof(s), .argv = argv, .uid = (uid_t)-1 };

	CHECK_INT(cgtest_rmdir(cgw_group_path(gone)), 0);
	CHECK_INT(cgw_group_spawn(gone, &s, NULL), -ENODEV);
	CHECK_HAS(cgw_strerror(c), "the group was removed");
	if (!cgtest_have_controller(controller))
		return tap_skip("%s", cgtest_why_not("memory"));
	CHECK_INT(cgw_group_enable(g, controller), 0);
	CHECK_INT(cgw_group_spawn(g, &s, NULL), -EBUSY);
	CHECK_HAS(cgw_strerror(c), "passes controllers on");
	CHECK_HAS(cgw_hint(c), "no-internal-process rule");
	return TAP_PASS;
}

static int nothing_to_start_is_refused(void)
{
	_cleanup_top_ char *top = cgtest_new("nothing");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	char *none[] = { NULL }, *some[] = { (char *)"true", NULL };
	struct cgw_spawn s = { .sz = sizeof(s), .uid = (uid_t)-1 };

	CHECK_INT(cgw_group_spawn(g, &s, NULL), -EINVAL);
	s.argv = none;
	CHECK_INT(cgw_group_spawn(g, &s, NULL), -EINVAL);
	s.argv = some;
	s.sz = 8;
	CHECK_INT(cgw_group_spawn(g, &s, NULL), -EINVAL);
	/* ours, whatever the exec's own -EINVAL is */
	CHECK(cgw_error_is_input(c) && !cgw_error_is_exec(c));
	return TAP_PASS;
}

struct without {
	const char *top;
	unsigned int call;
	unsigned int err;
};

static int spawn_without(void *arg)
{
	const struct without *w = arg;
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = NULL;
	_cleanup_free_ char *line = NULL;
	char *argv[] = { (char *)"/no/such/command", NULL };
	struct cgw_spawn s = { .sz = sizeof(s), .argv = argv, .uid = (uid_t)-1 };
	char want[200];

	if (cgtest_forbid(w->call, -1, w->err))
		return 100;
	g = cgtest_open(c, w->top);
	line = run(g, plain, "grep ^0:: /proc/self/cgroup");
	snprintf(want, sizeof(want), "0::%s", w->top);
	if (strcmp(line, want))
		return 2;
	return cgw_group_spawn(g, &s, NULL) == -ENOENT && cgw_error_is_input(c) ? 0 : 3;
}

static int fail_to_execute(void *arg)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, arg), *none = NULL;
	char *argv[] = { (char *)"/bin/true", NULL };
	struct cgw_spawn s = { .sz = sizeof(s), .argv = argv, .uid = (uid_t)-1 };

	if (cgtest_forbid(SYS_execve, -1, EINVAL))
		return 100;
	if (cgw_group_spawn(g, &s, NULL) != -EINVAL || !cgw_error_is_exec(c))
		return 1;
	/* each failure replaces the last */
	return cgw_group_open(c, "web", &none) == -EINVAL && !cgw_error_is_exec(c) ? 0 : 2;
}

static int any_error_of_the_exec_is_told_apart(void)
{
	_cleanup_top_ char *top = cgtest_new("einval");

	CHECK_INT(cgtest_in_child(fail_to_execute, top), 0);
	return TAP_PASS;
}

static int it_works_where_clone3_is_refused(void)
{
	_cleanup_top_ char *top = cgtest_new("noclone3");
	struct without w[] = { { top, SYS_clone3, ENOSYS }, { top, SYS_clone3, EPERM } };

	for (size_t i = 0; i < ARRAY_SIZE(w); i++)
		CHECK_INT(cgtest_in_child(spawn_without, &w[i]), 0);
	return TAP_PASS;
}

static int it_works_where_openat2_is_refused(void)
{
	_cleanup_top_ char *top = cgtest_new("noopenat2");
	struct without w[] = { { top, SYS_openat2, ENOSYS }, { top, SYS_openat2, EPERM } };

	for (size_t i = 0; i < ARRAY_SIZE(w); i++)
		CHECK_INT(cgtest_in_child(spawn_without, &w[i]), 0);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(commands_are_in_the_group_from_the_start),
	T(children_are_inside_whenever_spawn_returns),
	T(exit_statuses_and_pidfds_are_those_of_the_command),
	T(commands_that_cannot_be_executed_are_input_errors),
	T(directory_user_and_environment_are_set),
	T(failing_directory_is_named),
	T(signal_mask_is_the_one_asked_for),
	T(no_descriptor_leaks_into_the_command),
	T(pids_limit_is_explained),
	T(groups_that_take_no_process_are_explained),
	T(nothing_to_start_is_refused),
	T(any_error_of_the_exec_is_told_apart),
	T(it_works_where_clone3_is_refused),
	T(it_works_where_openat2_is_refused),
};

CGTEST_LIVE_MAIN(tests)

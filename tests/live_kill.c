// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Killing, signalling and waiting for the end of what is in a group. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cgtest.h"

/*
 * top ── a ── b
 *     └─ c
 */
static int whole_tree_is_killed(void)
{
	_cleanup_top_ char *top = cgtest_new("tree");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *a = cgtest_child(c, top, "a");
	_cleanup_group_ struct cgw_group *b = cgtest_child(c, top, "a/b"),
					 *d = cgtest_child(c, top, "c");
	_cleanup_top_ char *other = cgtest_new("treebystander");
	const pid_t bystander = cgtest_sleeper(other);
	pid_t pids[6];

	for (int i = 0; i < 6; i++)
		pids[i] = cgtest_sleeper(cgw_group_path(i < 2 ? a : i < 4 ? b : d));
	CHECK_INT(cgw_group_is_populated(g), 1);
	CHECK_INT(cgw_group_kill(g, CGTEST_TIMEOUT_MS), 0);
	CHECK_INT(cgw_group_is_populated(g), 0);
	for (int i = 0; i < 6; i++)
		CHECK(cgtest_was_killed(pids[i]));
	CHECK(!cgtest_is_dead(bystander));
	CHECK_INT(cgw_group_kill(g, CGTEST_TIMEOUT_MS), 0); /* nobody there */
	return TAP_PASS;
}

/*
 * A process that does nothing but fork and hand over to its child, so that no list of
 * pids is true for long. "x" comes through the pipe now and then while it goes on.
 */
static pid_t fork_loop(const char *group)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	pid = cgtest_fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, 0);
		if (cgtest_write(group, "cgroup.procs", "0"))
			_exit(1);
		signal(SIGCHLD, SIG_IGN);
		for (unsigned int i = 0;; i++) {
			if (i == 50 && write(ready[1], "x", 1) != 1)
				_exit(1);
			if (fork() > 0)
				_exit(0);
		}
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

static int forking_processes_cannot_escape(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (long i = 0, n = cgtest_scale(20); i < n; i++) {
		_cleanup_top_ char *top = cgtest_new("forks");
		_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
		pid_t pid = fork_loop(top);

		CHECK(pid > 0);
		CHECK_INT(cgw_group_is_populated(g), 1);
		if (cgw_group_kill(g, CGTEST_TIMEOUT_MS))
			FAIL("%s", cgw_strerror(c));
		CHECK_INT(cgw_group_is_populated(g), 0);
		CHECK_INT(cgw_group_delete(g, 0, CGTEST_TIMEOUT_MS), 0);
		cgtest_reap(pid);
	}
	return TAP_PASS;
}

static int frozen_groups_are_killed_too(void)
{
	_cleanup_top_ char *top = cgtest_new("frozen");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	pid_t pid = cgtest_sleeper(top);

	CHECK_INT(cgw_group_freeze(&g, 1, CGTEST_TIMEOUT_MS), 0);
	CHECK_INT(cgw_group_kill(g, CGTEST_TIMEOUT_MS), 0);
	CHECK(cgtest_was_killed(pid));
	return TAP_PASS;
}

static int kill_without_waiting_returns_at_once(void)
{
	_cleanup_top_ char *top = cgtest_new("nowait");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	pid_t pid = cgtest_sleeper(top);

	CHECK_INT(cgw_group_kill(g, 0), 0);
	CHECK(cgtest_was_killed(pid));
	return TAP_PASS;
}

static int waiting_times_out_and_names_who_is_left(void)
{
	_cleanup_top_ char *top = cgtest_new("timeout");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *a = cgtest_child(c, top, "a");
	pid_t pid = cgtest_sleeper(cgw_group_path(a));
	int64_t begin = cgw__now_ns();
	char who[64];

	CHECK_INT(cgw_group_wait_empty(g, 50), -ETIMEDOUT);
	CHECK(cgw__now_ns() - begin >= 50 * CGW_NSEC_PER_MSEC);
	CHECK_HAS(cgw_strerror(c), "after 50 ms it still has pid ");
	snprintf(who, sizeof(who), "pid %d (", pid);
	CHECK_HAS(cgw_strerror(c), who);
	CHECK_INT(cgw_group_wait_empty(g, 0), -ETIMEDOUT);
	cgtest_end(pid);
	CHECK_INT(cgw_group_wait_empty(g, CGTEST_TIMEOUT_MS), 0);
	CHECK_INT(cgw_group_wait_empty(g, 0), 0);
	return TAP_PASS;
}

/* Somebody else ends the process, or removes the group, while this one waits. */
static int waiting_ends_when_the_last_one_leaves(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (int remove = 0; remove < 2; remove++) {
		_cleanup_top_ char *top = cgtest_new("leaves");
		_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
		int gate[2];
		pid_t pid;

		CHECK(!pipe2(gate, O_CLOEXEC));
		pid = cgtest_fork();
		if (!pid) {
			char byte;

			close(gate[1]);
			if (cgtest_write(top, "cgroup.procs", "0") || read(gate[0], &byte, 1) != 1)
				_exit(1);
			usleep(30000); /* beyond the first looks, so that an event must do it */
			if (remove) {
				cgtest_write("", "cgroup.procs", "0");
				cgtest_rmdir(top);
			}
			_exit(0);
		}
		CHECK(cgtest_wait_event(top, "populated", 1));
		CHECK_INT(write(gate[1], "x", 1), 1);
		CHECK_INT(cgw_group_wait_empty(g, CGTEST_TIMEOUT_MS), 0);
		CHECK_INT(cgtest_reap(pid), 0);
		CHECK_INT(cgw_group_wait_empty(g, CGTEST_TIMEOUT_MS), 0);
		close(gate[0]);
		close(gate[1]);
	}
	return TAP_PASS;
}

static int signals_reach_each_process_once(void)
{
	_cleanup_top_ char *top = cgtest_new("signal");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *a = cgtest_child(c, top, "a");
	pid_t pids[5];

	CHECK_INT(cgw_group_signal(g, SIGUSR1), 0);
	for (int i = 0; i < 5; i++)
		pids[i] = cgtest_sleeper(i < 2 ? top : cgw_group_path(a));
	CHECK_INT(cgw_group_signal(g, SIGCONT), 5);
	CHECK_INT(cgw_group_signal(a, SIGUSR1), 3);
	for (int i = 2; i < 5; i++) {
		int status = cgtest_reap(pids[i]);

		CHECK(status >= 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
	}
	CHECK(!cgtest_is_dead(pids[0]) && !cgtest_is_dead(pids[1]));
	CHECK_INT(cgw_group_signal(g, SIGTERM), 2);
	return TAP_PASS;
}

static int bad_signals_and_the_root_are_refused(void)
{
	_cleanup_top_ char *top = cgtest_new("refused");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *root = cgtest_open(c, "/");
	static const int signals[] = { -1, 0, 65, 1000 };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		CHECK_INT(cgw_group_signal(g, signals[i]), -EINVAL);
		CHECK(cgw_error_is_input(c));
	}
	CHECK_INT(cgw_group_kill(root, 0), -EINVAL);
	CHECK_INT(cgw_group_wait_empty(root, 0), -EINVAL);
	CHECK_INT(cgw_group_is_populated(root), 1);
	return TAP_PASS;
}

static int kill_own_group(void *arg)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, arg);
	_cleanup_group_ struct cgw_group *a = cgtest_child(c, arg, "a");

	if (cgtest_write(cgw_group_path(a), "cgroup.procs", "0"))
		return 1;
	if (cgw_group_kill(g, 0) != -EDEADLK || cgw_group_kill(a, 0) != -EDEADLK)
		return 2;
	return strstr(cgw_strerror(c), "the caller is inside") ? 0 : 3;
}

static int the_caller_does_not_kill_itself(void)
{
	_cleanup_top_ char *top = cgtest_new("self");

	CHECK_INT(cgtest_in_child(kill_own_group, top), 0);
	return TAP_PASS;
}

static int vanished_groups_are_said_to_be_gone(void)
{
	_cleanup_top_ char *top = cgtest_new("vanished");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "a");

	CHECK_INT(cgtest_rmdir(cgw_group_path(g)), 0);
	CHECK_INT(cgw_group_kill(g, 100), -ENODEV);
	CHECK_HAS(cgw_strerror(c), "the group was removed");
	CHECK_INT(cgw_group_wait_empty(g, 100), 0);
	CHECK_INT(cgw_group_is_populated(g), -ENODEV);
	return TAP_PASS;
}

/* What is done where cgroup.kill does not exist, before Linux 5.14. */
static int killing_one_by_one_reaches_everybody(void)
{
	_cleanup_top_ char *top = cgtest_new("onebyone");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *a = cgtest_child(c, top, "a");
	pid_t pids[4];

	for (int i = 0; i < 4; i++)
		pids[i] = cgtest_sleeper(i < 2 ? top : cgw_group_path(a));
	if (cgw__kill_frozen(g))
		FAIL("%s", cgw_strerror(c));
	CHECK_INT(cgw_group_wait_empty(g, CGTEST_TIMEOUT_MS), 0);
	for (int i = 0; i < 4; i++)
		CHECK(cgtest_was_killed(pids[i]));
	CHECK_INT(cgw_group_is_frozen(g), 0);
	pids[0] = fork_loop(top);
	CHECK_INT(cgw__kill_frozen(g), 0);
	CHECK_INT(cgw_group_wait_empty(g, CGTEST_TIMEOUT_MS), 0);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(whole_tree_is_killed),
	T(forking_processes_cannot_escape),
	T(frozen_groups_are_killed_too),
	T(kill_without_waiting_returns_at_once),
	T(waiting_times_out_and_names_who_is_left),
	T(waiting_ends_when_the_last_one_leaves),
	T(signals_reach_each_process_once),
	T(bad_signals_and_the_root_are_refused),
	T(the_caller_does_not_kill_itself),
	T(vanished_groups_are_said_to_be_gone),
	T(killing_one_by_one_reaches_everybody),
};

CGTEST_LIVE_MAIN(tests)

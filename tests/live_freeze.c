// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Freeze and thaw: the state reached, and what is undone when it is not. */
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "cgtest.h"

/* A child in the group that counts in shared memory for as long as it runs. */
static pid_t counter(const char *group, volatile unsigned long *count)
{
	pid_t pid = cgtest_fork();

	if (!pid) {
		if (cgtest_write(group, "cgroup.procs", "0"))
			_exit(1);
		for (;;)
			++*count;
	}
	while (!*count && !cgtest_is_dead(pid))
		sched_yield();
	return pid;
}

static volatile unsigned long *shared_count(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Does it count on? Only its own progress can tell that it runs; standing still takes time. */
static bool goes_on(const volatile unsigned long *count, int64_t within_ms)
{
	int64_t deadline = cgw__now_ns() + within_ms * CGW_NSEC_PER_MSEC;
	unsigned long before = *count;

	while (*count == before)
		if (cgw__now_ns() >= deadline)
			return false;
	return true;
}

static int frozen_tasks_stand_still_and_thawed_ones_go_on(void)
{
	_cleanup_top_ char *top = cgtest_new("freeze");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	volatile unsigned long *count = shared_count();
	_cleanup_free_ char *events = NULL;

	CHECK(count);
	counter(top, count);
	CHECK_INT(cgw_group_is_frozen(g), 0);
	CHECK(goes_on(count, CGTEST_TIMEOUT_MS));
	CHECK_INT(cgw_group_freeze(&g, 1, CGTEST_TIMEOUT_MS), 0);
	CHECK_INT(cgw_group_is_frozen(g), 1);
	events = cgtest_read(top, "cgroup.events");
	CHECK_HAS(events, "frozen 1");
	CHECK(!goes_on(count, 50));
	CHECK_INT(cgw_group_freeze(&g, 1, CGTEST_TIMEOUT_MS), 0); /* twice is no error */
	CHECK_INT(cgw_group_thaw(&g, 1, CGTEST_TIMEOUT_MS), 0);
	CHECK_INT(cgw_group_is_frozen(g), 0);
	CHECK(goes_on(count, CGTEST_TIMEOUT_MS));
	CHECK_INT(cgw_group_thaw(&g, 1, CGTEST_TIMEOUT_MS), 0);
	munmap((void *)count, 4096);
	return TAP_PASS;
}

/* The state is there when the call returns, every time. */
static int freeze_is_confirmed_when_it_returns(void)
{
	_cleanup_top_ char *top = cgtest_new("confirm");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);

	for (int i = 0; i < 8; i++)
		cgtest_sleeper(top);
	for (long i = 0, n = cgtest_scale(200); i < n; i++) {
		if (cgw_group_freeze(&g, 1, CGTEST_TIMEOUT_MS))
			FAIL("round %ld: %s", i, cgw_strerror(c));
		CHECK_INT(cgw_group_is_frozen(g), 1);
		if (cgw_group_thaw(&g, 1, CGTEST_TIMEOUT_MS))
			FAIL("round %ld: %s", i, cgw_strerror(c));
		CHECK_INT(cgw_group_is_frozen(g), 0);
	}
	return TAP_PASS;
}

static int many_groups_are_frozen_against_one_deadline(void)
{
	enum { N = 30 };
	_cleanup_top_ char *top = cgtest_new("many");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	struct cgw_group *groups[N];
	int err, frozen = 0, thawed = 0;

	for (int i = 0; i < N; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		groups[i] = cgtest_child(c, top, name);
		if (i % 3)
			cgtest_sleeper(cgw_group_path(groups[i]));
	}
	err = cgw_group_freeze(groups, N, CGTEST_TIMEOUT_MS);
	for (int i = 0; i < N; i++)
		frozen += cgw_group_is_frozen(groups[i]) == 1;
	if (!err)
		err = cgw_group_thaw(groups, N, CGTEST_TIMEOUT_MS);
	for (int i = 0; i < N; i++) {
		thawed += cgw_group_is_frozen(groups[i]) == 0;
		cgw_group_close(groups[i]);
	}
	CHECK_INT(err, 0);
	CHECK_INT(frozen, N);
	CHECK_INT(thawed, N);
	CHECK_INT(cgw_group_freeze(NULL, 0, 0), 0);
	return TAP_PASS;
}

static int groups_below_are_frozen_too_and_need_their_ancestor_thawed(void)
{
	_cleanup_top_ char *top = cgtest_new("nested");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *a = cgtest_child(c, top, "a");
	_cleanup_group_ struct cgw_group *b = cgtest_child(c, top, "a/b");
	char why[200];

	cgtest_sleeper(cgw_group_path(b));
	CHECK_INT(cgw_group_freeze(&a, 1, CGTEST_TIMEOUT_MS), 0);
	CHECK_INT(cgw_group_is_frozen(b), 1);
	CHECK_INT(cgw_group_is_frozen(g), 0);
	CHECK_INT(cgw_group_freeze(&b, 1, CGTEST_TIMEOUT_MS), 0);
	CHECK_INT(cgw_group_thaw(&b, 1, CGTEST_TIMEOUT_MS), -EBUSY);
	snprintf(why, sizeof(why), "its ancestor '%s' is frozen", cgw_group_path(a));
	CHECK_HAS(cgw_strerror(c), why);
	CHECK_HAS(cgw_hint(c), cgw_group_path(a));
	CHECK_INT(cgw_group_thaw(&a, 1, CGTEST_TIMEOUT_MS), 0);
	CHECK_INT(cgw_group_is_frozen(a), 0);
	/* it was asked to be frozen itself */
	CHECK_INT(cgw_group_is_frozen(b), 1);
	CHECK_INT(cgw_group_thaw(&b, 1, CGTEST_TIMEOUT_MS), 0);
	CHECK_INT(cgw_group_is_frozen(b), 0);
	return TAP_PASS;
}

static int freeze_own_group(void *arg)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, arg);
	_cleanup_group_ struct cgw_group *a = cgtest_child(c, arg, "a"),
					 *b = cgtest_child(c, arg, "b");
	struct cgw_group *both[] = { b, a };

	if (cgtest_write(cgw_group_path(a), "cgroup.procs", "0"))
		return 1;
	if (cgw_group_freeze(&g, 1, 1000) != -EDEADLK || cgw_group_freeze(&a, 1, 1000) != -EDEADLK)
		return 2;
	if (!strstr(cgw_strerror(c), "the caller is inside"))
		return 3;
	/* and then the others are not frozen either */
	if (cgw_group_freeze(both, 2, 1000) != -EDEADLK || cgw_group_is_frozen(b) != 0)
		return 4;
	return cgw_group_freeze(&b, 1, CGTEST_TIMEOUT_MS) ? 5 : 0;
}

static int the_caller_does_not_freeze_itself(void)
{
	_cleanup_top_ char *top = cgtest_new("self");

	CHECK_INT(cgtest_in_child(freeze_own_group, top), 0);
	return TAP_PASS;
}

static int vanished_groups_undo_the_freeze_of_the_others(void)
{
	_cleanup_top_ char *top = cgtest_new("vanished");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *a = cgtest_child(c, top, "a"),
					 *b = cgtest_child(c, top, "b");
	struct cgw_group *both[] = { a, b };
	_cleanup_free_ char *request = NULL;

	cgtest_sleeper(cgw_group_path(a));
	CHECK_INT(cgtest_rmdir(cgw_group_path(b)), 0);
	CHECK_INT(cgw_group_freeze(both, 2, CGTEST_TIMEOUT_MS), -ENODEV);
	CHECK_HAS(cgw_strerror(c), "removed");
	request = cgtest_read(cgw_group_path(a), "cgroup.freeze");
	CHECK_STR(request, "0");
	CHECK_INT(cgw_group_freeze(&b, 1, 100), -ENODEV);
	CHECK_INT(cgw_group_thaw(&b, 1, 100), -ENODEV);
	CHECK_INT(cgw_group_is_frozen(b), -ENODEV);
	return TAP_PASS;
}

static int root_is_not_frozen(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *root = cgtest_open(c, "/");

	CHECK_INT(cgw_group_is_frozen(root), 0);
	CHECK(cgw_group_freeze(&root, 1, 100) < 0);
	CHECK(cgw_strerror(c)[0]);
	return TAP_PASS;
}

static int freeze_that_times_out_is_undone_and_names_the_task(void)
{
	_cleanup_top_ char *top = cgtest_new("stuck");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *a = cgtest_child(c, top, "a"),
					 *b = cgtest_child(c, top, "b");
	_cleanup_group_ struct cgw_group *frozen = cgtest_child(c, top, "c");
	struct cgw_group *groups[] = { frozen, a, b };
	volatile unsigned long *count = shared_count();
	int64_t begin;
	char who[64];
	int ms = 200;
	pid_t pid;

	CHECK(count);
	pid = cgtest_stuck(cgw_group_path(b));
	if (pid < 0)
		return tap_skip("no task can be made to resist the freezer: userfaultfd: %s",
				strerror(-pid));
	counter(cgw_group_path(a), count);
	CHECK_INT(cgw_group_freeze(&frozen, 1, CGTEST_TIMEOUT_MS), 0);
	/* The one that counts stops when it gets to a CPU: where that takes longer it is named. */
	do {
		begin = cgw__now_ns();
		CHECK_INT(cgw_group_freeze(groups, 3, ms), -ETIMEDOUT);
		CHECK(cgw__now_ns() - begin >= ms * CGW_NSEC_PER_MSEC);
		snprintf(who, sizeof(who), "not frozen after %d ms", ms);
		CHECK_HAS(cgw_strerror(c), who);
		ms *= 4;
	} while (!strstr(cgw_strerror(c), cgw_group_path(b)) && ms < CGTEST_TIMEOUT_MS);
	CHECK_HAS(cgw_strerror(c), cgw_group_path(b));
	snprintf(who, sizeof(who), "still not stopped: pid %d (", pid);
	CHECK_HAS(cgw_strerror(c), who);
	CHECK_HAS(cgw_strerror(c), "state D");
	CHECK_HAS(cgw_hint(c), "undone");
	/* undone is what this call did, and no more */
	CHECK(cgtest_wait_event(cgw_group_path(a), "frozen", 0));
	CHECK(goes_on(count, CGTEST_TIMEOUT_MS));
	CHECK_INT(cgw_group_is_frozen(b), 0);
	CHECK_INT(cgw_group_is_frozen(frozen), 1);
	CHECK_INT(cgw_group_kill(b, CGTEST_TIMEOUT_MS), 0);
	munmap((void *)count, 4096);
	return TAP_PASS;
}

/* A parent in vfork() waits for its child; the freezer must not be held up by either. */
static int groups_with_a_waiting_vfork_parent_freeze(void)
{
	_cleanup_top_ char *top = cgtest_new("vfork");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	char *argv[] = { (char *)"sleep", (char *)"100", NULL };
	struct cgw_spawn s = { .sz = sizeof(s), .argv = argv, .uid = (uid_t)-1 };
	int gate[2];
	pid_t pid;

	CHECK(!pipe2(gate, O_CLOEXEC));
	pid = cgtest_fork();
	if (!pid) {
		if (cgtest_write(top, "cgroup.procs", "0"))
			_exit(1);
		if (!vfork()) {
			char byte = 'x';

			/* tells that the parent is waiting by now, then keeps it so */
			if (write(gate[1], &byte, 1) != 1)
				_exit(1);
			for (;;)
				pause();
		}
		_exit(0);
	}
	CHECK(cgtest_readable(gate[0]));
	CHECK(cgw_group_spawn(g, &s, NULL) > 0);
	if (cgw_group_freeze(&g, 1, CGTEST_TIMEOUT_MS))
		FAIL("%s", cgw_strerror(c));
	CHECK_INT(cgw_group_kill(g, CGTEST_TIMEOUT_MS), 0);
	close(gate[0]);
	close(gate[1]);
	return TAP_PASS;
}

/* 6.1 and 6.12 can leave "frozen 1" behind when tasks die while their group is thawed. */
static int groups_are_thawed_while_their_tasks_die(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (long i = 0, n = cgtest_scale(200); i < n; i++) {
		_cleanup_top_ char *top = cgtest_new("dying");
		_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
		_cleanup_group_ struct cgw_group *a = cgtest_child(c, top, "a");
		pid_t pids[2] = { cgtest_sleeper(top), cgtest_sleeper(cgw_group_path(a)) };

		if (cgw_group_freeze(&g, 1, CGTEST_TIMEOUT_MS))
			FAIL("%s", cgw_strerror(c));
		for (size_t j = 0; j < ARRAY_SIZE(pids); j++)
			kill(pids[j], SIGKILL);
		if (cgw_group_thaw(&g, 1, CGTEST_TIMEOUT_MS))
			FAIL("%s", cgw_strerror(c));
		for (size_t j = 0; j < ARRAY_SIZE(pids); j++)
			cgtest_reap(pids[j]);
		CHECK_INT(cgw_group_is_frozen(g), 0);
	}
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(groups_are_thawed_while_their_tasks_die),
	T(frozen_tasks_stand_still_and_thawed_ones_go_on),
	T(freeze_is_confirmed_when_it_returns),
	T(many_groups_are_frozen_against_one_deadline),
	T(groups_below_are_frozen_too_and_need_their_ancestor_thawed),
	T(the_caller_does_not_freeze_itself),
	T(vanished_groups_undo_the_freeze_of_the_others),
	T(root_is_not_frozen),
	T(freeze_that_times_out_is_undone_and_names_the_task),
	T(groups_with_a_waiting_vfork_parent_freeze),
};

CGTEST_LIVE_MAIN(tests)

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The tracer of freezes, and by it what all tracers have in common. */
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/capability.h>

#include "cgtest.h"

#define FREEZE CGW_TRACER_BIT(CGW_TRACER_FREEZE)

static const struct cgw_trace_freeze *freeze_of(const struct cgw_trace_event *e)
{
	return (const void *)e->record;
}

static int freeze(const char *group, const char *value)
{
	return cgtest_write(group, "cgroup.freeze", value);
}

static int freezes_are_told_with_who_and_how_long(void)
{
	_cleanup_top_ char *top = cgtest_new("told");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *a = cgtest_child(c, top, "a");
	_cleanup_trace_ struct cgw_trace *t = cgtest_trace(c, FREEZE, g, 0);
	const char *path = cgw_group_path(a);
	pid_t pid = cgtest_sleeper(path);
	struct cgw_trace_event e;
	uint64_t asked;

	CHECK_INT(freeze(top, "1"), 0);
	CHECK(cgtest_trace_await(t, CGW_TRACE_FREEZE_REQUESTED, top, &e));
	CHECK_INT(e.record->pid, getpid());
	CHECK_INT(e.record->uid, 0);
	CHECK_STR(e.record->comm, program_invocation_short_name);
	CHECK_INT(e.record->group, cgw_group_id(g));
	CHECK_INT(e.record->source, CGW_TRACE_TP_BTF);
	CHECK(freeze_of(&e)->own);
	asked = e.record->mono_ns;
	CHECK(cgtest_trace_await(t, CGW_TRACE_FREEZE_REQUESTED, path, &e));
	CHECK(!freeze_of(&e)->own);
	/* The leaf is frozen before what is above it. */
	CHECK(cgtest_trace_await(t, CGW_TRACE_FREEZE_REACHED, path, &e));
	CHECK_INT(e.record->tid, pid);
	CHECK_INT(freeze_of(&e)->by_pid, getpid());
	CHECK(freeze_of(&e)->after_ns > 0);
	CHECK(cgtest_trace_await(t, CGW_TRACE_FREEZE_REACHED, top, &e));
	CHECK_INT(freeze_of(&e)->after_ns, e.record->mono_ns - asked);
	CHECK_INT(freeze(top, "0"), 0);
	CHECK(cgtest_trace_await(t, CGW_TRACE_FREEZE_THAW, top, &e));
	CHECK(cgtest_trace_await(t, CGW_TRACE_FREEZE_THAWED, top, &e));
	CHECK(freeze_of(&e)->frozen_ns > 0);
	CHECK_INT(freeze_of(&e)->by_pid, getpid());
	return TAP_PASS;
}

static int groups_beside_those_watched_are_not_told(void)
{
	_cleanup_top_ char *top = cgtest_new("beside");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *a = cgtest_child(c, top, "a"),
					 *b = cgtest_child(c, top, "b"),
					 *below = cgtest_child(c, cgw_group_path(b), "below");
	_cleanup_trace_ struct cgw_trace *t = cgtest_trace(c, FREEZE, b, 0);
	struct cgw_trace_event e;

	CHECK_INT(freeze(cgw_group_path(a), "1"), 0);
	CHECK_INT(freeze(cgw_group_path(below), "1"), 0);
	CHECK_INT(cgtest_trace_next(t, &e), 1);
	CHECK_STR(e.path, cgw_group_path(below));
	CHECK_INT(cgtest_trace_next(t, &e), 1);
	CHECK_STR(e.path, cgw_group_path(below));
	CHECK_INT(cgw_trace_read(t, &e), 0);
	return TAP_PASS;
}

static int paths_outlive_their_groups(void)
{
	_cleanup_top_ char *top = cgtest_new("outlive");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_trace_ struct cgw_trace *t = cgtest_trace(c, FREEZE, g, 0);
	long n = cgtest_scale(300);
	struct cgw_trace_event e;

	for (long i = 0; i < n; i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s/group-%ld", top, i);
		CHECK_INT(cgtest_mkdir(path), 0);
		CHECK_INT(freeze(path, "1"), 0);
		CHECK_INT(cgtest_rmdir(path), 0);
	}
	for (long i = 0; i < n; i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s/group-%ld", top, i);
		CHECK_INT(cgtest_trace_next(t, &e), 1);
		CHECK_STR(e.path, path);
		CHECK_INT(e.record->kind, CGW_TRACE_FREEZE_REQUESTED);
		CHECK_INT(cgtest_trace_next(t, &e), 1);
		CHECK_STR(e.path, path);
		CHECK_INT(e.record->kind, CGW_TRACE_FREEZE_REACHED);
	}
	return TAP_PASS;
}

static int take_blocker(const struct cgw_trace_event *e, void *arg)
{
	struct cgw_trace_blocked *b = arg;

	if (b->head.pid)
		return -EEXIST;
	memcpy(b, e->record, sizeof(*b));
	return strstr(e->path, "/a") ? 0 : -EINVAL;
}

/* The sleeper needs a moment to stop; it is not in the way for ever: wait until one is left. */
static int wait_for_one_blocker(struct cgw_group *g, struct cgw_trace_blocked *b)
{
	int64_t end = cgw__deadline(CGTEST_TIMEOUT_MS);
	int err;

	do {
		memset(b, 0, sizeof(*b));
		err = cgw_group_blockers(g, take_blocker, b);
	} while (err == -EEXIST && cgw__now_ns() < end && !sched_yield());
	return err;
}

static int tasks_in_the_way_are_told(void)
{
	_cleanup_top_ char *top = cgtest_new("blocked");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *a = cgtest_child(c, top, "a");
	struct cgw_trace_opts opts = {
		.sz = sizeof(opts), .tracers = FREEZE, .groups = &g, .n_groups = 1, .blocked_ms = 50
	};
	_cleanup_trace_ struct cgw_trace *t = NULL;
	struct cgw_trace_blocked only;
	const struct cgw_trace_blocked *b;
	struct cgw_trace_event e;
	pid_t pid = cgtest_stuck(cgw_group_path(a));

	if (pid < 0)
		return tap_skip("no task can be made to resist the freezer: userfaultfd: %s",
				strerror(-pid));
	cgtest_sleeper(cgw_group_path(a)); /* in nobody's way */
	CHECK_INT(cgw_trace_new(c, &opts, &t), 0);
	CHECK_INT(freeze(top, "1"), 0);
	/* Whoever is in the way is looked for when events are read, and not before. */
	CHECK_INT(wait_for_one_blocker(g, &only), 0);
	CHECK(cgtest_trace_await(t, CGW_TRACE_FREEZE_BLOCKED, cgw_group_path(a), &e));
	b = (const void *)e.record;
	CHECK_INT(b->head.pid, pid);
	CHECK_INT(b->head.source, CGW_TRACE_ITER);
	CHECK_INT(b->state, 'D');
	CHECK_STR(b->wchan, "handle_userfault");
	CHECK_HAS(b->stack, "handle_userfault < ");
	CHECK(b->after_ns >= 50 * (uint64_t)CGW_NSEC_PER_MSEC);
	/* Again, after twice the time; nobody else is named. */
	CHECK_INT(cgtest_trace_next(t, &e), 1);
	CHECK_INT(e.record->kind, CGW_TRACE_FREEZE_BLOCKED);
	CHECK_INT(e.record->pid, pid);
	CHECK(((const struct cgw_trace_blocked *)e.record)->after_ns >=
	      100 * (uint64_t)CGW_NSEC_PER_MSEC);
	cgtest_end(pid);
	CHECK(cgtest_trace_await(t, CGW_TRACE_FREEZE_REACHED, top, &e));
	CHECK_INT(cgw_trace_read(t, &e), 0);
	return TAP_PASS;
}

static int tasks_in_the_way_are_found_without_a_tracer(void)
{
	_cleanup_top_ char *top = cgtest_new("found");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *a = cgtest_child(c, top, "a");
	pid_t pid = cgtest_stuck(cgw_group_path(a));
	struct cgw_trace_blocked b = { 0 };

	if (pid < 0)
		return tap_skip("no task can be made to resist the freezer: userfaultfd: %s",
				strerror(-pid));
	cgtest_sleeper(cgw_group_path(a));
	CHECK_INT(freeze(top, "1"), 0);
	CHECK_INT(wait_for_one_blocker(g, &b), 0);
	CHECK_INT(b.head.pid, pid);
	CHECK_STR(b.wchan, "handle_userfault");
	cgtest_end(pid);
	return TAP_PASS;
}

static int broken_freezes_are_told(void)
{
	_cleanup_top_ char *top = cgtest_new("broken");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_trace_ struct cgw_trace *t = cgtest_trace(c, FREEZE, g, 0);
	struct cgw_trace_event e;
	pid_t pid = cgtest_sleeper("/");
	char number[16];

	CHECK_INT(freeze(top, "1"), 0);
	CHECK(cgtest_trace_await(t, CGW_TRACE_FREEZE_REACHED, top, &e));
	/* A task that comes in runs until it is stopped too. */
	snprintf(number, sizeof(number), "%d", pid);
	CHECK_INT(cgtest_write(top, "cgroup.procs", number), 0);
	CHECK(cgtest_trace_await(t, CGW_TRACE_FREEZE_BROKEN, top, &e));
	CHECK(freeze_of(&e)->frozen_ns > 0);
	CHECK(cgtest_trace_await(t, CGW_TRACE_FREEZE_REACHED, top, &e));
	CHECK_INT(e.record->tid, pid);
	CHECK_INT(freeze(top, "0"), 0);
	CHECK(cgtest_trace_await(t, CGW_TRACE_FREEZE_THAWED, top, &e));
	return TAP_PASS;
}

static int freezing_by_the_tracer_keeps_its_events(void)
{
	_cleanup_top_ char *top = cgtest_new("kept");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_trace_ struct cgw_trace *t = cgtest_trace(c, FREEZE, g, 0);
	long n = cgtest_scale(200);
	struct cgw_trace_event e;

	cgtest_sleeper(top);
	for (long i = 0; i < n; i++) {
		CHECK_INT(cgw_group_freeze(&g, 1, CGTEST_TIMEOUT_MS), 0);
		CHECK_INT(cgw_group_is_frozen(g), 1);
		CHECK_INT(cgw_group_thaw(&g, 1, CGTEST_TIMEOUT_MS), 0);
		CHECK_INT(cgw_group_is_frozen(g), 0);
	}
	/* They were put aside: the descriptor says so although the rings are empty. */
	CHECK(cgtest_readable(cgw_trace_fd(t)));
	for (long i = 0; i < n; i++) {
		CHECK(cgtest_trace_await(t, CGW_TRACE_FREEZE_REQUESTED, top, &e));
		CHECK(cgtest_trace_await(t, CGW_TRACE_FREEZE_REACHED, top, &e));
		CHECK(cgtest_trace_await(t, CGW_TRACE_FREEZE_THAW, top, &e));
		CHECK(cgtest_trace_await(t, CGW_TRACE_FREEZE_THAWED, top, &e));
	}
	CHECK_INT(cgw_trace_read(t, &e), 0);
	return TAP_PASS;
}

static int lost_records_are_counted(void)
{
	_cleanup_top_ char *top = cgtest_new("lost");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_trace_ struct cgw_trace *t = cgtest_trace(c, FREEZE, g, 4096);
	uint64_t got = 0, lost = 0, wanted = 0;
	struct cgw_trace_event e;

	/* Nobody inside: a request is reached, or given up, within the write. */
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 200; i++, wanted += 4) {
			CHECK_INT(freeze(top, "1"), 0);
			CHECK_INT(freeze(top, "0"), 0);
		}
		while (cgw_trace_read(t, &e) == 1) {
			if (e.record->kind == CGW_TRACE_LOST)
				lost += ((const struct cgw_trace_lost *)e.record)->records;
			else
				got++;
		}
		tap_note("got %llu lost %llu", (unsigned long long)got, (unsigned long long)lost);
		CHECK(lost > 0);
		CHECK(got > 0);
		CHECK_INT(got + lost, wanted);
	}
	return TAP_PASS;
}

static int take_path(const struct cgw_trace_event *e, void *arg)
{
	char *seen = arg;

	snprintf(seen + strlen(seen), 4000 - strlen(seen), "%s %s\n", e->name, e->path);
	return 0;
}

static int events_can_be_consumed_directly(void)
{
	_cleanup_top_ char *top = cgtest_new("direct");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_trace_ struct cgw_trace *t = cgtest_trace(c, FREEZE, g, 0);
	char seen[4000] = "", wanted[1000];
	struct cgw_trace_event e;

	/* Those that a wait has put aside come first. */
	CHECK_INT(cgw_group_freeze(&g, 1, CGTEST_TIMEOUT_MS), 0);
	CHECK_INT(freeze(top, "0"), 0);
	CHECK_INT(cgw_trace_consume(t, take_path, seen), 0);
	snprintf(wanted, sizeof(wanted),
		 "freeze.requested %s\nfreeze.reached %s\nfreeze.thaw %s\nfreeze.thawed %s\n", top,
		 top, top, top);
	CHECK_STR(seen, wanted);
	CHECK_INT(cgw_trace_read(t, &e), 0);
	return TAP_PASS;
}

static int listeners_do_not_disturb_each_other(void)
{
	_cleanup_top_ char *top = cgtest_new("two");
	_cleanup_ctx_ struct cgw *c = cgtest_context(), *c2 = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *g2 = cgtest_open(c2, top);
	_cleanup_trace_ struct cgw_trace *t = cgtest_trace(c, FREEZE, g, 0),
					 *t2 = cgtest_trace(c2, FREEZE, g2, 4096);
	struct cgw_trace_event e;

	CHECK_INT(freeze(top, "1"), 0);
	CHECK(cgtest_trace_await(t, CGW_TRACE_FREEZE_REACHED, top, &e));
	CHECK(cgtest_trace_await(t2, CGW_TRACE_FREEZE_REACHED, top, &e));
	cgw_trace_free(t2);
	t2 = NULL;
	CHECK_INT(freeze(top, "0"), 0);
	CHECK(cgtest_trace_await(t, CGW_TRACE_FREEZE_THAWED, top, &e));
	return TAP_PASS;
}

static int listeners_that_are_killed_leave_nothing(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	uint32_t ids[4];
	int ready[2];
	char byte;
	pid_t pid;

	CHECK_INT(pipe2(ready, O_CLOEXEC), 0);
	pid = cgtest_fork();
	if (!pid) {
		cgtest_trace(c, FREEZE, NULL, 0);
		if (write(ready[1], "r", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	CHECK_INT(read(ready[0], &byte, 1), 1);
	CHECK_INT(cgtest_programs_of(pid, "cgward_freeze", ids, ARRAY_SIZE(ids)), 1);
	cgtest_end(pid);
	close(ready[0]);
	CHECK(cgtest_program_goes(ids[0]));
	return TAP_PASS;
}

static int without_capabilities(void *arg)
{
	struct cgw_trace_opts opts = { .sz = sizeof(opts), .tracers = FREEZE };
	struct cgw *c = arg;
	struct cgw_trace *t;
	cap_t none = cap_init();
	int err;

	if (cap_set_proc(none))
		return 1;
	err = cgw_trace_new(c, &opts, &t);
	tap_note("%s", cgw_strerror(c));
	if (err != -EPERM || !strstr(cgw_strerror(c), "CAP_BPF is missing") || !cgw_hint(c))
		return 2;
	return 0;
}

static int missing_capabilities_are_named(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	CHECK_INT(cgtest_in_child(without_capabilities, c), 0);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	{ "freezes are told with who and how long", freezes_are_told_with_who_and_how_long },
	{ "groups beside those watched are not told", groups_beside_those_watched_are_not_told },
	{ "paths outlive their groups", paths_outlive_their_groups },
	{ "tasks in the way are told", tasks_in_the_way_are_told },
	{ "tasks in the way are found without a tracer",
	  tasks_in_the_way_are_found_without_a_tracer },
	{ "broken freezes are told", broken_freezes_are_told },
	{ "freezing by the tracer keeps its events", freezing_by_the_tracer_keeps_its_events },
	{ "lost records are counted", lost_records_are_counted },
	{ "events can be consumed directly", events_can_be_consumed_directly },
	{ "listeners do not disturb each other", listeners_do_not_disturb_each_other },
	{ "listeners that are killed leave nothing", listeners_that_are_killed_leave_nothing },
	{ "missing capabilities are named", missing_capabilities_are_named },
};

CGTEST_LIVE_MAIN(tests)

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Until when a trace is complete: what is read later did not happen before. What is printed live
 * relies on it: a replay has the order of the times.
 */
#include <signal.h>

#include "cgtest.h"
#include "tracer.h"

#define ALL ((1U << CGW_TRACERS) - 1)
#define MIB (1ULL << 20)

/* TOP/a, what all tracers tell of it, and who is refused a device there. */
struct scene {
	char *top;
	struct cgw *c;
	struct cgw_group *t, *a;
	struct cgtest_agent agent;
	struct cgw_trace *trace;
};

static void scene_end(struct scene *s)
{
	cgw_trace_free(s->trace);
	cgtest_agent_stop(&s->agent);
	cgw_group_close(s->a);
	cgw_group_close(s->t);
	cgw_free(s->c);
	cgtest_remove(&s->top);
}

static struct scene scene_begin(const char *name)
{
	struct scene s = { .top = cgtest_new(name), .c = cgtest_context() };

	s.t = cgtest_open(s.c, s.top);
	if (cgtest_have_controller("memory") && cgw_group_enable(s.t, "memory"))
		cgtest_bail("%s", cgw_strerror(s.c));
	s.a = cgtest_child(s.c, s.top, "a");
	s.agent = cgtest_agent_start(cgw_group_path(s.a));
	if (cgtest_set_devices(s.a, "c 1:3"))
		cgtest_bail("%s", cgw_strerror(s.c));
	s.trace = cgtest_trace(s.c, ALL, s.t, 0);
	return s;
}

/* Something that each tracer tells, of groups that it has not named yet. */
static int happen(struct scene *s, int round)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%d", s->top, round);
	CHECK_INT(cgtest_mkdir(path), 0);
	CHECK_INT(cgtest_write(path, "cgroup.freeze", "1"), 0);
	CHECK_INT(cgtest_write(path, "cgroup.freeze", "0"), 0);
	CHECK_INT(cgtest_agent_open(&s->agent, "/dev/full", O_RDONLY), -EPERM);
	if (cgtest_have_controller("memory")) {
		cgtest_write(path, "memory.swap.max", "0");
		CHECK_INT(cgtest_write(path, "memory.max", "4194304"), 0);
		CHECK_INT(cgtest_reap(cgtest_eater(path, 64 * MIB)), SIGKILL);
	}
	CHECK_INT(cgtest_rmdir(path), 0);
	return TAP_PASS;
}

/* The last records of tasks in one ring. */
struct last {
	struct {
		uint32_t tid;
		uint64_t ns;
	} by[64];
	size_t n;
	size_t records;
	char wrong[128]; /* "" = nothing */
};

static int look(void *arg, void *data, size_t size)
{
	const struct cgw_trace_record *r = data;
	struct last *l = arg;
	size_t i = 0;

	(void)size;
	l->records++;
	while (i < l->n && l->by[i].tid != r->tid)
		i++;
	if (i == ARRAY_SIZE(l->by))
		return 0;
	l->n += i == l->n;
	l->by[i].tid = r->tid;
	if (r->mono_ns < l->by[i].ns)
		snprintf(l->wrong, sizeof(l->wrong),
			 "a record of kind %u is %llu ns older than the one before", r->kind,
			 (unsigned long long)(l->by[i].ns - r->mono_ns));
	l->by[i].ns = r->mono_ns;
	return 0;
}

/* One task's records, among them those that name groups, are in the order of their times. */
static int times_are_taken_in_the_order_of_the_ring(void)
{
	_cleanup_(scene_end) struct scene s = scene_begin("ring");

	for (int i = 0; i < 3; i++)
		if (happen(&s, i))
			return TAP_FAIL;
	for (size_t i = 0; i < s.trace->n_armed; i++) {
		const struct cgw__armed *a = &s.trace->armed[i];
		int fd = bpf_object__find_map_fd_by_name(a->obj, "events");
		struct last l = { .wrong = "" };
		struct ring_buffer *ring = ring_buffer__new(fd, look, &l, NULL);

		CHECK(ring);
		ring_buffer__consume(ring);
		ring_buffer__free(ring);
		tap_note("%s: %zu records", a->tracer->name, l.records);
		CHECK_STR(l.wrong, "");
		CHECK(l.records >= 3 || !strcmp(a->tracer->name, "oom"));
	}
	return TAP_PASS;
}

/* Read what there is; none of it may be older than at. */
static int read_newer(struct cgw_trace *t, uint64_t at, size_t *n)
{
	struct cgw_trace_event e;
	int got;

	for (; (got = cgw_trace_read(t, &e)) > 0; ++*n)
		if (e.record->mono_ns <= at)
			FAIL("%s of %s is %llu ns too late", e.name, e.path,
			     (unsigned long long)(at - e.record->mono_ns));
	CHECK_INT(got, 0);
	return TAP_PASS;
}

static int nothing_comes_that_is_older_than_what_was_complete(void)
{
	_cleanup_(scene_end) struct scene s = scene_begin("older");
	int rounds = (int)cgtest_scale(100);
	size_t n = 0, said = 0;
	uint64_t at = 0;
	pid_t pid;

	pid = cgtest_fork();
	if (!pid) {
		for (int i = 0; i < rounds; i++)
			if (happen(&s, i))
				_exit(1);
		_exit(0);
	}
	while (!cgtest_is_dead(pid)) {
		uint64_t complete;

		if (read_newer(s.trace, at, &n)) {
			cgtest_end(pid);
			return TAP_FAIL;
		}
		complete = cgw_trace_complete_ns(s.trace);
		said += complete > at;
		at = complete > at ? complete : at;
	}
	CHECK_INT(cgtest_reap(pid), 0);
	CHECK_INT(read_newer(s.trace, at, &n), TAP_PASS);
	tap_note("%zu events; said to be complete %zu times meanwhile", n, said);
	CHECK(n >= 4 * (size_t)rounds);
	CHECK(said > 0);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(times_are_taken_in_the_order_of_the_ring),
	T(nothing_comes_that_is_older_than_what_was_complete),
};

CGTEST_DEVICE_MAIN(tests)

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Events read from a tree of plain files: what is told, in which order, whose limit it was. */
#include <sys/stat.h>

#include "cgtest.h"

/* A tree with the groups /a/b/c and /a/d; all counters are 0. */
struct tree {
	char *dir;
	struct cgw *c;
	struct cgw_watch *w;
};

#define _cleanup_tree_ _cleanup_(free_tree)

static const char zeros[] = "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n";

static void free_tree(struct tree *t)
{
	cgw_watch_free(t->w);
	cgw_free(t->c);
	cgtest_rmtree(&t->dir);
}

static void set(const struct tree *t, const char *group, const char *file, const char *text)
{
	cgtest_spit(text, "%s/cgroup%s/%s", t->dir, group, file);
}

static void make_group(const struct tree *t, const char *path, bool local_pids)
{
	char dir[512];

	snprintf(dir, sizeof(dir), "%s/cgroup%s", t->dir, path);
	mkdir(dir, 0755);
	set(t, path, "cgroup.subtree_control", "memory pids\n");
	set(t, path, "cgroup.events", "populated 0\nfrozen 0\n");
	set(t, path, "memory.events", zeros);
	set(t, path, "memory.events.local", zeros);
	set(t, path, "pids.events", "max 0\n");
	if (local_pids)
		set(t, path, "pids.events.local", "max 0\n");
	set(t, path, "pids.max", "max\n");
	set(t, path, "pids.current", "0\n");
}

static struct tree make_tree(bool local_pids)
{
	struct tree t = { .dir = cgtest_tmpdir() };

	set(&t, "", "cgroup.controllers", "memory pids\n");
	set(&t, "", "cgroup.subtree_control", "memory pids\n");
	make_group(&t, "/a", local_pids);
	make_group(&t, "/a/b", local_pids);
	make_group(&t, "/a/b/c", local_pids);
	make_group(&t, "/a/d", local_pids);
	cgtest_spit("", "%s/proc/self/mountinfo", t.dir);
	t.c = cgtest_recorded(t.dir);
	t.w = cgtest_watch(t.c);
	return t;
}

static void watch(const struct tree *t, const char *path, uint64_t kinds, unsigned int flags)
{
	_cleanup_group_ struct cgw_group *g = cgtest_open(t->c, path);

	cgtest_watch_add(t->w, g, kinds, flags);
}

/* An OOM kill as the kernel counts it: at the limit and above, then where the victim is. */
static void kill_in(const struct tree *t, const char *limit_files, const char *group)
{
	char file[300];
	const char *at = limit_files;

	for (size_t n; *at; at += n + (at[n] == ' ')) {
		n = strcspn(at, " ");
		snprintf(file, sizeof(file), "%.*s", (int)n, at);
		set(t, "", file, "low 0\nhigh 0\nmax 3\noom 1\noom_kill 0\noom_group_kill 0\n");
	}
	set(t, group, "memory.events.local", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\noom_group_kill 0\n");
	set(t, group, "memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\noom_group_kill 0\n");
}

#define EXPECT(t, text)                                            \
	do {                                                       \
		_cleanup_free_ char *all_ = cgtest_events((t).w);  \
		CHECK_STR(all_, text);                             \
	} while (0)

static int states_are_told_when_they_change(void)
{
	_cleanup_tree_ struct tree t = make_tree(true);

	watch(&t, "/a/b", 0, 0);
	EXPECT(t, "");
	set(&t, "/a/b", "cgroup.events", "populated 1\nfrozen 0\n");
	EXPECT(t, "/a/b populated 1\n");
	set(&t, "/a/b", "cgroup.events", "populated 1\nfrozen 0\n");
	EXPECT(t, "");
	set(&t, "/a/b", "cgroup.events", "populated 1\nfrozen 1\n");
	EXPECT(t, "/a/b frozen 1\n");
	set(&t, "/a/b", "cgroup.events", "populated 0\nfrozen 0\n");
	EXPECT(t, "/a/b frozen 0\n/a/b populated 0\n");
	return TAP_PASS;
}

static int initial_states_are_told_when_asked_for(void)
{
	_cleanup_tree_ struct tree t = make_tree(true);

	set(&t, "/a/b", "cgroup.events", "populated 1\nfrozen 0\n");
	watch(&t, "/a/b", 0, CGW_WATCH_INITIAL | CGW_WATCH_RECURSIVE);
	EXPECT(t, "/a/b/c populated 0\n/a/b/c frozen 0\n/a/b populated 1\n/a/b frozen 0\n");
	return TAP_PASS;
}

static int counters_come_before_empty(void)
{
	_cleanup_tree_ struct tree t = make_tree(true);

	set(&t, "/a/b", "cgroup.events", "populated 1\nfrozen 0\n");
	watch(&t, "/a/b", 0, 0);
	set(&t, "/a/b", "cgroup.events", "populated 0\nfrozen 0\n");
	set(&t, "/a/b", "memory.events.local", "oom 1\noom_kill 2\n");
	set(&t, "/a/b", "memory.events", "oom 1\noom_kill 2\n");
	EXPECT(t, "/a/b memory.oom +1 own 1 =1 by /a/b\n"
		  "/a/b memory.oom_kill +2 own 2 =2 by /a/b\n"
		  "/a/b populated 0\n");
	return TAP_PASS;
}

static int a_kill_names_the_ancestor_whose_limit_it_was(void)
{
	_cleanup_tree_ struct tree t = make_tree(true);

	watch(&t, "/a/b", CGW_EVENT_BIT(CGW_EVENT_MEMORY_OOM_KILL), 0);
	kill_in(&t, "a/memory.events.local a/memory.events", "/a/b");
	EXPECT(t, "/a/b memory.oom_kill +1 own 1 =1 by /a\n");
	return TAP_PASS;
}

static int a_kill_by_the_groups_own_limit_names_the_group(void)
{
	_cleanup_tree_ struct tree t = make_tree(true);

	watch(&t, "/a/b", CGW_EVENT_BIT(CGW_EVENT_MEMORY_OOM_KILL), 0);
	set(&t, "/a", "memory.events", "max 3\noom 1\noom_kill 1\n");
	set(&t, "/a/b", "memory.events.local", "max 3\noom 1\noom_kill 1\n");
	set(&t, "/a/b", "memory.events", "max 3\noom 1\noom_kill 1\n");
	EXPECT(t, "/a/b memory.oom_kill +1 own 1 =1 by /a/b\n");
	return TAP_PASS;
}

static int a_kill_without_a_limit_names_nobody(void)
{
	_cleanup_tree_ struct tree t = make_tree(true);

	watch(&t, "/a/b", 0, 0);
	kill_in(&t, "", "/a/b");
	EXPECT(t, "/a/b memory.oom_kill +1 own 1 =1\n");
	return TAP_PASS;
}

static int a_limit_that_fired_long_ago_is_not_blamed(void)
{
	_cleanup_tree_ struct tree t = make_tree(true);

	set(&t, "/a", "memory.events.local", "max 3\noom 1\noom_kill 0\n");
	set(&t, "/a", "memory.events", "max 3\noom 1\noom_kill 1\n");
	watch(&t, "/a/b", 0, 0);
	kill_in(&t, "", "/a/b");
	EXPECT(t, "/a/b memory.oom_kill +1 own 1 =1\n");
	return TAP_PASS;
}

static int what_happens_below_is_told_at_both_places(void)
{
	_cleanup_tree_ struct tree t = make_tree(true);

	watch(&t, "/a", CGW_EVENT_BIT(CGW_EVENT_MEMORY_OOM_KILL) | CGW_EVENT_BIT(CGW_EVENT_MEMORY_HIGH),
	      CGW_WATCH_RECURSIVE);
	set(&t, "/a/b/c", "memory.events.local", "high 7\noom 1\noom_kill 1\n");
	set(&t, "/a/b/c", "memory.events", "high 7\noom 1\noom_kill 1\n");
	set(&t, "/a/b", "memory.events", "high 7\noom 1\noom_kill 1\n");
	set(&t, "/a", "memory.events", "high 7\noom 1\noom_kill 1\n");
	EXPECT(t, "/a/b/c memory.high +7 own 7 =7 by /a/b/c\n"
		  "/a/b/c memory.oom_kill +1 own 1 =1 by /a/b/c\n"
		  "/a memory.high +7 own 0 =7 by /a/b/c\n"
		  "/a memory.oom_kill +1 own 0 =1 by /a/b/c\n");
	return TAP_PASS;
}

static int ancestors_limits_are_told_when_asked_for(void)
{
	_cleanup_tree_ struct tree t = make_tree(true);

	watch(&t, "/a/b", 0, 0);
	watch(&t, "/a/d", 0, CGW_WATCH_ANCESTORS);
	set(&t, "/a", "memory.events.local", "high 5\nmax 2\n");
	set(&t, "/a", "pids.events.local", "max 4\n");
	EXPECT(t, "/a/d pids.max +4 own 0 =4 by /a\n"
		  "/a/d memory.high +5 own 0 =5 by /a\n"
		  "/a/d memory.max +2 own 0 =2 by /a\n");
	return TAP_PASS;
}

/* Linux 6.11 counts at the limit, older ones where the fork was. */
static int a_refused_fork_names_the_limit_of_old_kernels_too(void)
{
	_cleanup_tree_ struct tree t = make_tree(false);

	watch(&t, "/a/b", 0, 0);
	set(&t, "/a", "pids.max", "10\n");
	set(&t, "/a", "pids.current", "10\n");
	set(&t, "/a/b", "pids.events", "max 3\n");
	EXPECT(t, "/a/b pids.max +3 own 3 =3 by /a\n");
	return TAP_PASS;
}

static int a_refused_fork_names_the_limit(void)
{
	_cleanup_tree_ struct tree t = make_tree(true);

	watch(&t, "/a/b", 0, 0);
	watch(&t, "/a", 0, 0);
	set(&t, "/a", "pids.events.local", "max 3\n");
	set(&t, "/a", "pids.events", "max 3\n");
	EXPECT(t, "/a pids.max +3 own 3 =3 by /a\n");
	return TAP_PASS;
}

static int hugetlb_and_misc_are_named_with_what_they_count(void)
{
	_cleanup_tree_ struct tree t = make_tree(true);

	set(&t, "/a/b", "hugetlb.2MB.events", "max 0\n");
	set(&t, "/a/b", "hugetlb.2MB.events.local", "max 0\n");
	set(&t, "/a/b", "hugetlb.2MB.current", "0\n");
	set(&t, "/a", "hugetlb.2MB.max", "2097151\n");
	set(&t, "/a", "hugetlb.2MB.current", "0\n");
	set(&t, "/a/b", "misc.events", "sev.max 0\n");
	set(&t, "/a/b", "news.events", "something 0\n");
	set(&t, "/a/b", "odd.events", "this is: no counter\n");
	watch(&t, "/a/b", 0, 0);
	set(&t, "/a/b", "hugetlb.2MB.events.local", "max 1\n");
	set(&t, "/a/b", "hugetlb.2MB.events", "max 1\n");
	EXPECT(t, "/a/b hugetlb.2MB.max +1 own 1 =1 by /a\n");
	set(&t, "/a/b", "misc.events", "sev.max 2\n");
	EXPECT(t, "/a/b misc.sev.max +2 own 2 =2 by /a/b\n");
	set(&t, "/a/b", "news.events", "something 9\n");
	EXPECT(t, "/a/b news.something +9 own 9 =9 by /a/b\n");
	set(&t, "/a/b", "odd.events", "this is: still none\n");
	EXPECT(t, "");
	return TAP_PASS;
}

static int a_removed_group_ends_its_events(void)
{
	_cleanup_tree_ struct tree t = make_tree(true);
	_cleanup_free_ char *dir = NULL;

	set(&t, "/a/b/c", "cgroup.events", "populated 1\nfrozen 0\n");
	watch(&t, "/a", 0, CGW_WATCH_RECURSIVE);
	CHECK_INT(cgw_watch_count(t.w), 4);
	CHECK(asprintf(&dir, "%s/cgroup/a/b", t.dir) > 0);
	cgtest_rmtree(&dir);
	EXPECT(t, "/a/b/c populated 0\n/a/b/c removed\n/a/b removed\n");
	CHECK_INT(cgw_watch_count(t.w), 2);
	make_group(&t, "/a/b", true);
	EXPECT(t, "/a/b created\n");
	CHECK_INT(cgw_watch_count(t.w), 3);
	return TAP_PASS;
}

static int a_group_is_watched_with_new_options_or_no_longer(void)
{
	_cleanup_tree_ struct tree t = make_tree(true);
	_cleanup_group_ struct cgw_group *a = cgtest_open(t.c, "/a"), *b = cgtest_open(t.c, "/a/b");

	watch(&t, "/a", 0, CGW_WATCH_RECURSIVE);
	watch(&t, "/a", CGW_EVENT_BIT(CGW_EVENT_FROZEN), 0);
	CHECK_INT(cgw_watch_count(t.w), 1);
	set(&t, "/a/b", "cgroup.events", "populated 1\nfrozen 1\n");
	set(&t, "/a", "cgroup.events", "populated 1\nfrozen 1\n");
	EXPECT(t, "/a frozen 1\n");
	CHECK_INT(cgw_watch_remove(t.w, b), -ENOENT);
	CHECK_STR(cgw_strerror(t.c), "'/a/b' is not watched");
	watch(&t, "/a/b", 0, 0);
	CHECK_INT(cgw_watch_remove(t.w, a), 0);
	CHECK_INT(cgw_watch_count(t.w), 1);
	set(&t, "/a", "cgroup.events", "populated 0\nfrozen 0\n");
	set(&t, "/a/b", "cgroup.events", "populated 0\nfrozen 1\n");
	EXPECT(t, "/a/b populated 0\n");
	/* what is an ancestor now still names the limit */
	kill_in(&t, "a/memory.events.local", "/a/b");
	EXPECT(t, "/a/b memory.oom_kill +1 own 1 =1 by /a\n");
	CHECK_INT(cgw_watch_remove(t.w, b), 0);
	CHECK_INT(cgw_watch_count(t.w), 0);
	return TAP_PASS;
}

static int kinds_have_names(void)
{
	enum cgw_event_kind kind;

	for (int i = 0; i <= CGW_EVENT_OVERFLOW; i++) {
		const char *name = cgw_event_kind_name((enum cgw_event_kind)i);

		CHECK_INT(cgw_event_kind_parse(name, &kind), 0);
		CHECK_INT(kind, i);
	}
	CHECK_INT(cgw_event_kind_parse("oom_kill", &kind), 0);
	CHECK_INT(kind, CGW_EVENT_MEMORY_OOM_KILL);
	CHECK_INT(cgw_event_kind_parse("max", &kind), -EINVAL); /* of what? */
	CHECK_INT(cgw_event_kind_parse("", &kind), -EINVAL);
	CHECK_INT(cgw_event_kind_parse("memory", &kind), -EINVAL);
	return TAP_PASS;
}

static int pressure_times_out_of_bounds_are_input_errors(void)
{
	_cleanup_tree_ struct tree t = make_tree(true);
	_cleanup_group_ struct cgw_group *g = cgtest_open(t.c, "/a");
	struct cgw_watch *w = t.w;
	const enum cgw_pressure memory = CGW_PRESSURE_MEMORY;

	CHECK_INT(cgw_watch_add_pressure(w, g, memory, false, 1000, 499999), -ERANGE);
	CHECK(cgw_error_is_input(t.c));
	CHECK_INT(cgw_watch_add_pressure(w, g, memory, false, 1000, 10000001), -ERANGE);
	CHECK_INT(cgw_watch_add_pressure(w, g, memory, false, 0, 500000), -ERANGE);
	CHECK_INT(cgw_watch_add_pressure(w, g, memory, false, 500001, 500000), -ERANGE);
	CHECK_INT(cgw_watch_add_pressure(w, g, CGW_PRESSURE_IRQ, false, 1000, 500000), -EINVAL);
	CHECK_INT(cgw_watch_add_pressure(w, g, CGW_PRESSURE_CPU, false, 1000, 500000), -ENOENT);
	CHECK_HAS(cgw_strerror(t.c), "cannot watch cpu.pressure of '/a': pressure is not measured here");
	CHECK_INT(cgw_watch_count(w), 0);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(states_are_told_when_they_change),
	T(initial_states_are_told_when_asked_for),
	T(counters_come_before_empty),
	T(a_kill_names_the_ancestor_whose_limit_it_was),
	T(a_kill_by_the_groups_own_limit_names_the_group),
	T(a_kill_without_a_limit_names_nobody),
	T(a_limit_that_fired_long_ago_is_not_blamed),
	T(what_happens_below_is_told_at_both_places),
	T(ancestors_limits_are_told_when_asked_for),
	T(a_refused_fork_names_the_limit_of_old_kernels_too),
	T(a_refused_fork_names_the_limit),
	T(hugetlb_and_misc_are_named_with_what_they_count),
	T(a_removed_group_ends_its_events),
	T(a_group_is_watched_with_new_options_or_no_longer),
	T(kinds_have_names),
	T(pressure_times_out_of_bounds_are_input_errors),
};

CGTEST_MAIN(tests)

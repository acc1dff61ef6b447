// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * OOM kills in groups of the test's own: whose limit it was, who was killed, and how full the
 * groups were. Each is told twice: by oom_kill_process where the kernel lets programs look at it,
 * and by the groups' counts alone, which is all that other kernels have.
 */
#include <signal.h>
#include <sys/wait.h>

#include "cgtest.h"

#define OOM CGW_TRACER_BIT(CGW_TRACER_OOM)
#define MIB (1ULL << 20)

/* TOP/a/b/c, each with the controller, and who listens. */
struct scene {
	char *top;
	struct cgw *c;
	struct cgw_group *t, *a, *b, *leaf;
	struct cgw_trace *trace;
};

static void scene_end(struct scene *s)
{
	cgw_trace_free(s->trace);
	cgw_group_close(s->leaf);
	cgw_group_close(s->b);
	cgw_group_close(s->a);
	cgw_group_close(s->t);
	cgw_free(s->c);
	cgtest_remove(&s->top);
}

static struct cgw_group *child(struct scene *s, struct cgw_group *g, const char *name)
{
	if (cgw_group_enable(g, "memory"))
		cgtest_bail("%s", cgw_strerror(s->c));
	return cgtest_child(s->c, cgw_group_path(g), name);
}

static struct scene scene_begin(const char *name, bool no_fentry)
{
	struct scene s = { .top = cgtest_new(name), .c = cgtest_context() };

	s.c->no_fentry = no_fentry;
	s.t = cgtest_open(s.c, s.top);
	s.a = child(&s, s.t, "a");
	s.b = child(&s, s.a, "b");
	s.leaf = child(&s, s.b, "leaf");
	return s;
}

static void limit(struct cgw_group *g, uint64_t bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)bytes);
	cgtest_write(cgw_group_path(g), "memory.swap.max", "0");
	if (cgtest_write(cgw_group_path(g), "memory.max", bytes ? text : "max"))
		cgtest_bail("memory.max of %s", cgw_group_path(g));
}

/* Let one be killed in the group. Return: its pid, or -1 when it was not. */
static pid_t eat(struct cgw_group *g)
{
	pid_t pid = cgtest_eater(cgw_group_path(g), 64 * MIB);
	int status = cgtest_reap(pid);

	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? pid : -1;
}

static const struct cgw_trace_oom *oom_of(const struct cgw_trace_event *e)
{
	return (const void *)e->record;
}

static uint64_t value(struct cgw_group *g, const char *file)
{
	_cleanup_free_ char *text = cgtest_read(cgw_group_path(g), file);

	return !strcmp(text, "max") ? CGW_TRACE_OOM_NO_LIMIT : strtoull(text, NULL, 10);
}

static uint64_t counted(struct cgw_group *g, const char *key)
{
	_cleanup_free_ char *text = cgtest_read(cgw_group_path(g), "memory.events.local"), *line;

	if (asprintf(&line, "\n%s ", key) < 0)
		cgtest_bail("asprintf");
	return strstr(text, line) ? strtoull(strstr(text, line) + strlen(line), NULL, 10) : 0;
}

/* What the record says of a group against its files, which nobody has changed since. */
static int check_level(const struct cgw_trace_oom *r, int i, struct cgw_group *g)
{
	const struct cgw_trace_oom_level *l = &r->levels[i];

	CHECK_INT(l->group, cgw_group_id(g));
	CHECK_INT(l->up, i);
	CHECK_INT(l->max, value(g, "memory.max"));
	CHECK_INT(l->high, value(g, "memory.high"));
	CHECK_INT(l->swap_max, value(g, "memory.swap.max"));
	CHECK_INT(l->oom_group, value(g, "memory.oom.group"));
	CHECK_INT(l->oom_kill, counted(g, "oom_kill"));
	/* These may have risen: the victim asks again before it dies. */
	CHECK(l->oom <= counted(g, "oom"));
	CHECK(l->usage > 0);
	CHECK(l->usage <= l->peak + 64 * 4096 * (uint64_t)sysconf(_SC_NPROCESSORS_CONF));
	CHECK(l->peak <= value(g, "memory.peak"));
	CHECK(l->trigger);
	return TAP_PASS;
}

static int check_limit(struct scene *s, struct cgw_group *limited, int level, uint64_t sequence)
{
	struct cgw_group *const groups[] = { s->leaf, s->b, s->a, s->t };
	const struct cgw_trace_oom *r;
	struct cgw_trace_event e;
	pid_t pid;

	limit(limited, 8 * MIB);
	pid = eat(s->leaf);
	CHECK(pid > 0);
	/* It is there already: nobody waits for it. */
	CHECK_INT(cgw_trace_read(s->trace, &e), 1);
	r = oom_of(&e);
	CHECK_INT(e.record->kind, CGW_TRACE_OOM_KILL);
	CHECK_STR(e.path, cgw_group_path(s->leaf));
	CHECK_INT(r->pid, pid);
	CHECK_INT(r->head.pid, pid);
	CHECK_INT(r->uid, 0);
	CHECK_STR(r->comm, program_invocation_short_name);
	CHECK_INT(r->scope, CGW_TRACE_OOM_MEMCG);
	CHECK_INT(r->limit, cgw_group_id(limited));
	CHECK_INT(r->limit_level, level);
	CHECK_INT(r->rose_level, level);
	CHECK_INT(r->group_level, CGW_TRACE_OOM_NO_LEVEL);
	CHECK_INT(r->sequence, sequence);
	CHECK_INT(r->member, 1);
	CHECK(!r->dying && !r->v1 && !r->cut);
	/* It has pages in common with this process, which count elsewhere. */
	CHECK(r->anon_rss > 4 * MIB && r->anon_rss < r->total_vm);
	CHECK(r->total_vm > 64 * MIB);
	CHECK(r->pgtables > 0);
	CHECK_INT(r->n_levels, 4);
	CHECK_INT(r->head.size, offsetof(struct cgw_trace_oom, levels) + 4 * sizeof(r->levels[0]));
	for (int i = 0; i < 4; i++)
		if (check_level(r, i, groups[i]) != TAP_PASS)
			return TAP_FAIL;
	CHECK(r->levels[level].rose > 0);
	if (r->head.source == CGW_TRACE_FENTRY) {
		CHECK_INT(r->constraint, 3); /* CONSTRAINT_MEMCG */
		CHECK_INT(r->total_bytes, 8 * MIB);
		CHECK(r->points > 0);
	}
	CHECK_INT(cgw_trace_read(s->trace, &e), 0);
	limit(limited, 0);
	return TAP_PASS;
}

static int limits_at_each_level(const char *name, bool no_fentry)
{
	_cleanup_(scene_end) struct scene s = { 0 };

	if (!cgtest_have_controller("memory"))
		return tap_skip("%s", cgtest_why_not("memory"));
	s = scene_begin(name, no_fentry);
	s.trace = cgtest_trace(s.c, OOM, s.t, 0);
	/* An OOM at the one leaves counts behind that have to be no evidence for the next. */
	if (check_limit(&s, s.leaf, 0, 1) || check_limit(&s, s.b, 1, 2) ||
	    check_limit(&s, s.a, 2, 3) || check_limit(&s, s.leaf, 0, 4))
		return TAP_FAIL;
	return TAP_PASS;
}

static int the_limit_that_fired_is_named(void)
{
	return limits_at_each_level("limit", false);
}

static int the_limit_is_found_by_counts_alone(void)
{
	return limits_at_each_level("counts", true);
}

/* A limit above is as full as that of the group: the kernel meets the lower one first. */
static int full_limits_above_are_not_blamed(void)
{
	_cleanup_(scene_end) struct scene s = { 0 };
	struct cgw_trace_event e;

	if (!cgtest_have_controller("memory"))
		return tap_skip("%s", cgtest_why_not("memory"));
	s = scene_begin("full", true);
	limit(s.b, 8 * MIB + MIB / 2);
	CHECK(eat(s.leaf) > 0); /* before anybody listens: counted, and not new */
	s.trace = cgtest_trace(s.c, OOM, s.t, 0);
	limit(s.leaf, 8 * MIB);
	CHECK(eat(s.leaf) > 0);
	CHECK_INT(cgw_trace_read(s.trace, &e), 1);
	CHECK_INT(oom_of(&e)->limit, cgw_group_id(s.leaf));
	CHECK_INT(oom_of(&e)->levels[1].rose, 0);
	CHECK(oom_of(&e)->levels[1].oom > 0);
	return TAP_PASS;
}

static int kill_group(const char *name, bool no_fentry)
{
	_cleanup_(scene_end) struct scene s = { 0 };
	struct cgw_trace_event e;
	pid_t pids[4], seen[4] = { 0 };

	if (!cgtest_have_controller("memory"))
		return tap_skip("%s", cgtest_why_not("memory"));
	s = scene_begin(name, no_fentry);
	s.trace = cgtest_trace(s.c, OOM, s.t, 0);
	limit(s.a, 8 * MIB);
	CHECK_INT(cgtest_write(cgw_group_path(s.b), "memory.oom.group", "1"), 0);
	for (int round = 1; round <= 2; round++) {
		for (int i = 1; i < 4; i++)
			pids[i] = cgtest_sleeper(cgw_group_path(s.leaf));
		pids[0] = cgtest_eater(cgw_group_path(s.leaf), 64 * MIB);
		for (int i = 0; i < 4; i++)
			CHECK_INT(WTERMSIG(cgtest_reap(pids[i])), SIGKILL);
		for (int i = 0; i < 4; i++) {
			const struct cgw_trace_oom *r;

			CHECK_INT(cgtest_trace_next(s.trace, &e), 1);
			r = oom_of(&e);
			seen[i] = (pid_t)r->pid;
			CHECK_STR(e.path, cgw_group_path(s.leaf));
			CHECK_INT(r->sequence, round);
			CHECK_INT(r->member, i + 1);
			CHECK_INT(r->limit, cgw_group_id(s.a));
			CHECK_INT(r->limit_level, 2);
			CHECK_INT(r->group_level, 1);
			CHECK_INT(r->head.pid, pids[0]);
			CHECK(!r->dying);
		}
		CHECK_INT(seen[0], pids[0]);
		for (int i = 0; i < 4; i++)
			for (int k = 0; k < i; k++)
				CHECK(seen[i] != seen[k]);
		CHECK_INT(cgw_trace_read(s.trace, &e), 0);
	}
	return TAP_PASS;
}

static int all_of_a_group_kill_share_a_number(void)
{
	return kill_group("group", false);
}

static int group_kills_are_put_together_without_fentry(void)
{
	return kill_group("groupcounts", true);
}

static int paths_of_victims_outlive_their_groups(void)
{
	_cleanup_(scene_end) struct scene s = { 0 };
	_cleanup_free_ char *path = NULL;
	struct cgw_trace_event e;

	if (!cgtest_have_controller("memory"))
		return tap_skip("%s", cgtest_why_not("memory"));
	s = scene_begin("gone", false);
	path = strdup(cgw_group_path(s.leaf));
	s.trace = cgtest_trace(s.c, OOM, s.t, 0);
	limit(s.leaf, 8 * MIB);
	CHECK(eat(s.leaf) > 0);
	CHECK_INT(cgtest_rmdir(cgw_group_path(s.leaf)), 0);
	CHECK_INT(cgtest_rmdir(cgw_group_path(s.b)), 0);
	CHECK_INT(cgtest_trace_next(s.trace, &e), 1);
	CHECK_STR(e.path, path);
	CHECK_INT(oom_of(&e)->limit_level, 0);
	return TAP_PASS;
}

static int groups_beside_are_not_told_but_counted(void)
{
	_cleanup_(scene_end) struct scene s = { 0 };
	_cleanup_group_ struct cgw_group *beside = NULL;
	struct cgw_trace_event e;

	if (!cgtest_have_controller("memory"))
		return tap_skip("%s", cgtest_why_not("memory"));
	s = scene_begin("beside", true);
	beside = child(&s, s.a, "beside");
	s.trace = cgtest_trace(s.c, OOM, s.b, 0);
	limit(s.a, 8 * MIB);
	CHECK(eat(beside) > 0);
	CHECK_INT(cgw_trace_read(s.trace, &e), 0);
	/* That was at the limit above: the next one, at the leaf's, has to know. */
	limit(s.leaf, 8 * MIB);
	limit(s.a, 0);
	CHECK(eat(s.leaf) > 0);
	CHECK_INT(cgw_trace_read(s.trace, &e), 1);
	CHECK_INT(oom_of(&e)->limit, cgw_group_id(s.leaf));
	CHECK_INT(oom_of(&e)->sequence, 2);
	return TAP_PASS;
}

/* Make and remove groups until it is killed. */
static pid_t churn(struct cgw_group *g)
{
	pid_t pid = cgtest_fork();
	char path[512];

	if (pid)
		return pid;
	for (unsigned int i = 0;; i++) {
		snprintf(path, sizeof(path), "%s/churn-%u", cgw_group_path(g), i);
		if (cgtest_mkdir(path))
			_exit(1);
		snprintf(path, sizeof(path), "%s/churn-%u", cgw_group_path(g), i - 20);
		if (i >= 20 && cgtest_rmdir(path))
			_exit(1);
	}
}

static int churning_groups_confuse_nobody(void)
{
	_cleanup_(scene_end) struct scene s = { 0 };
	long n = cgtest_scale(100);
	pid_t churner;

	if (!cgtest_have_controller("memory"))
		return tap_skip("%s", cgtest_why_not("memory"));
	s = scene_begin("churn", true);
	s.trace = cgtest_trace(s.c, OOM, s.t, 0);
	churner = churn(s.a);
	for (long i = 0; i < n; i++) {
		_cleanup_group_ struct cgw_group *g = NULL;
		_cleanup_free_ char *path = NULL;
		struct cgw_trace_event e;
		char name[32];
		bool above = i % 2;
		uint64_t id;
		pid_t pid;

		snprintf(name, sizeof(name), "round-%ld", i);
		g = child(&s, s.b, name);
		path = strdup(cgw_group_path(g));
		id = cgw_group_id(above ? s.b : g);
		limit(s.b, above ? 4 * MIB : 0);
		limit(g, above ? 0 : 4 * MIB);
		pid = eat(g);
		CHECK(pid > 0);
		CHECK_INT(cgtest_rmdir(path), 0);
		CHECK_INT(cgtest_trace_next(s.trace, &e), 1);
		CHECK_INT(e.record->kind, CGW_TRACE_OOM_KILL);
		CHECK_STR(e.path, path);
		CHECK_INT(oom_of(&e)->pid, pid);
		CHECK_INT(oom_of(&e)->limit, id);
		CHECK_INT(oom_of(&e)->limit_level, above);
		CHECK_INT(oom_of(&e)->sequence, i + 1);
	}
	CHECK(!cgtest_is_dead(churner));
	cgtest_end(churner);
	return TAP_PASS;
}

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* A listener of its own sees it at the same time; how long after the victim was marked? */
static int two_listeners_are_told_at_once(void)
{
	_cleanup_(scene_end) struct scene s = { 0 };
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = NULL;
	_cleanup_trace_ struct cgw_trace *other = NULL;
	int n = (int)cgtest_scale(100);
	_cleanup_free_ int64_t *after = calloc((size_t)n, sizeof(*after));
	struct cgw_trace_event e;

	if (!cgtest_have_controller("memory"))
		return tap_skip("%s", cgtest_why_not("memory"));
	s = scene_begin("two", false);
	s.trace = cgtest_trace(s.c, OOM, s.t, 0);
	g = cgtest_open(c, cgw_group_path(s.leaf));
	other = cgtest_trace(c, OOM, g, 4096);
	limit(s.leaf, 4 * MIB);
	for (int i = 0; i < n; i++) {
		pid_t pid = cgtest_eater(cgw_group_path(s.leaf), 64 * MIB);

		CHECK_INT(cgtest_trace_next(s.trace, &e), 1);
		after[i] = cgw__now_ns() - (int64_t)e.record->mono_ns;
		CHECK_INT(oom_of(&e)->pid, pid);
		CHECK_INT(cgtest_trace_next(other, &e), 1);
		CHECK_INT(oom_of(&e)->pid, pid);
		cgtest_reap(pid);
	}
	qsort(after, (size_t)n, sizeof(*after), compare_times);
	tap_note("known %lld us after the victim was marked, %lld us at p90, of %d",
		 (long long)after[n / 2] / 1000, (long long)after[n * 9 / 10] / 1000, n);
	CHECK_INT(cgw_trace_read(s.trace, &e), 0);
	CHECK_INT(cgw_trace_read(other, &e), 0);
	return TAP_PASS;
}

static int a_killed_listener_leaves_nothing(void)
{
	static const char *const programs[] = { "cgward_victim", "cgward_victim_p", "cgward_oom_begi",
						"cgward_oom_end", "cgward_oom_prim", "cgward_oom_rele" };
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	size_t n[ARRAY_SIZE(programs)], loaded = 0;
	uint32_t ids[32];
	int ready[2];
	char byte;
	pid_t pid;

	CHECK_INT(pipe2(ready, O_CLOEXEC), 0);
	pid = cgtest_fork();
	if (!pid) {
		cgtest_trace(c, OOM, NULL, 0);
		if (write(ready[1], "r", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	CHECK_INT(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		n[i] = cgtest_programs_of(pid, programs[i], ids + loaded, ARRAY_SIZE(ids) - loaded);
		loaded += n[i];
	}
	/* One for the victim, by whichever argument the tracepoint has. */
	CHECK_INT(n[0] + n[1], 1);
	CHECK_INT(n[5], 1);
	tap_note("%zu programs were loaded", loaded);
	cgtest_end(pid);
	for (size_t i = 0; i < loaded; i++)
		CHECK(cgtest_program_goes(ids[i]));
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(the_limit_that_fired_is_named),
	T(the_limit_is_found_by_counts_alone),
	T(full_limits_above_are_not_blamed),
	T(all_of_a_group_kill_share_a_number),
	T(group_kills_are_put_together_without_fentry),
	T(paths_of_victims_outlive_their_groups),
	T(groups_beside_are_not_told_but_counted),
	T(churning_groups_confuse_nobody),
	T(two_listeners_are_told_at_once),
	T(a_killed_listener_leaves_nothing),
};

CGTEST_LIVE_MAIN(tests)

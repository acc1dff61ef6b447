// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The tracer of denied devices: whose filter it was, in which group; what is lost is counted. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "cgtest.h"
#include "shapes.h"

static struct cgw_trace *trace(struct cgw *c, struct cgw_group *const *groups, size_t n,
			       size_t ring_bytes)
{
	const struct cgw_trace_opts opts = { .sz = sizeof(opts),
					     .tracers = CGW_TRACER_BIT(CGW_TRACER_DENY),
					     .groups = groups,
					     .n_groups = n,
					     .ring_bytes = ring_bytes };
	struct cgw_trace *t = NULL;

	if (cgw_trace_new(c, &opts, &t))
		cgtest_bail("%s", cgw_strerror(c));
	return t;
}

/* "PATH c 1:7 rw by RULE of WHOM"; lives until the next call. */
static const char *tell(const struct cgw_trace_event *e)
{
	const struct cgw_trace_deny *r = (const void *)e->record;
	static char text[1024];

	if (r->head.kind != CGW_TRACE_DENY)
		return e->name;
	snprintf(text, sizeof(text), "%s %c %u:%u %s%s%s by %s of %s", e->path,
		 r->type == CGW_DEVICE_BLOCK ? 'b' : 'c', r->major, r->minor,
		 r->access & CGW_DEVICE_READ ? "r" : "", r->access & CGW_DEVICE_WRITE ? "w" : "",
		 r->access & CGW_DEVICE_MKNOD ? "m" : "", e->rule ? e->rule : "-",
		 e->decided_by ? e->decided_by : "-");
	return text;
}

/* The next event is this one, of group PATH. */
#define NEXT(t, path, rest)                                          \
	do {                                                         \
		struct cgw_trace_event e_;                           \
		char want__[600];                                    \
		CHECK_INT(cgtest_trace_next(t, &e_), 1);                          \
		snprintf(want__, sizeof(want__), "%s %s", path, rest); \
		CHECK_STR(tell(&e_), want__);                        \
	} while (0)

#define NOTHING_MORE(t)                                        \
	do {                                                   \
		struct cgw_trace_event e_;                     \
		CHECK_INT(cgw_trace_read(t, &e_), 0);          \
	} while (0)

static int denials_of_each_owner_are_told(void)
{
	const struct {
		const char *name, *by;
		const struct bpf_insn *code;
		size_t n;
	} cases[] = {
		{ "", "crun", crun, ARRAY_SIZE(crun) },
		{ "", "runc", runc, ARRAY_SIZE(runc) },
		{ "", "containerd", containerd, ARRAY_SIZE(containerd) },
		{ "", "systemd", systemd, ARRAY_SIZE(systemd) },
		{ "sd_devices", "systemd", systemd, ARRAY_SIZE(systemd) },
	};
	_cleanup_top_ char *top = cgtest_new("owners");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *all = cgtest_open(c, top), *ours = cgtest_child(c, top, "ours");
	_cleanup_trace_ struct cgw_trace *t = trace(c, &all, 1, 0);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(cgw_group_path(ours));
	char rest[600];

	CHECK_INT(cgtest_set_devices(ours, "c 1:3\nc 1:7 r"), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_RDWR), -EPERM);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDONLY), -EPERM);
	snprintf(rest, sizeof(rest), "c 1:7 rw by deny a of %s", cgw_group_path(ours));
	NEXT(t, cgw_group_path(ours), rest);
	snprintf(rest, sizeof(rest), "c 1:5 r by deny a of %s", cgw_group_path(ours));
	NEXT(t, cgw_group_path(ours), rest);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_group_ struct cgw_group *g = NULL;
		_cleanup_agent_ struct cgtest_agent other = { 0 };
		_cleanup_close_ int prog = cgtest_load(cases[i].name, cases[i].code, cases[i].n);
		char name[16];

		snprintf(name, sizeof(name), "g%zu", i);
		g = cgtest_child(c, top, name);
		CHECK_INT(cgtest_attach(g, prog, BPF_F_ALLOW_MULTI), 0);
		other = cgtest_agent_start(cgw_group_path(g));
		CHECK_INT(cgtest_agent_open(&other, "/dev/null", O_RDWR), 0);
		CHECK_INT(cgtest_agent_open(&other, "/dev/zero", O_WRONLY), -EPERM);
		snprintf(rest, sizeof(rest), "c 1:5 w by - of %s", cases[i].by);
		NEXT(t, cgw_group_path(g), rest);
	}
	NOTHING_MORE(t);
	return TAP_PASS;
}

static int events_say_who_and_what(void)
{
	_cleanup_top_ char *top = cgtest_new("who");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_trace_ struct cgw_trace *t = trace(c, &g, 1, 0);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);
	_cleanup_free_ char *node = NULL;
	const struct cgw_trace_deny *r;
	struct cgw_trace_event e;

	CHECK(asprintf(&node, "%s/node", dir) > 0);
	CHECK_INT(cgtest_set_devices(g, "c 1:3"), 0);
	CHECK_INT(cgtest_agent_access(&a, "/dev/zero", F_OK), -EPERM);
	CHECK_INT(cgtest_agent_mknod(&a, node, S_IFBLK | 0600, makedev(7, 99)), -EPERM);
	CHECK_INT(cgtest_trace_next(t, &e), 1);
	r = (const void *)e.record;
	CHECK_INT(r->head.kind, CGW_TRACE_DENY);
	CHECK_INT(r->head.size, sizeof(*r));
	CHECK_INT(r->head.source, CGW_TRACE_CGROUP_DEV);
	CHECK_INT(r->head.group, cgw_group_id(g));
	CHECK_INT(r->head.pid, a.pid);
	CHECK_INT(r->head.uid, 0);
	CHECK(r->head.mono_ns && r->head.mono_ns < (uint64_t)cgw__now_ns());
	CHECK_HAS(r->head.comm, "live_deny");
	CHECK_STR(e.name, "deny");
	CHECK_INT(r->access, 0);
	CHECK_INT(r->minor, 5);
	CHECK_STR(e.node, "/dev/zero");
	CHECK_INT(cgtest_trace_next(t, &e), 1);
	r = (const void *)e.record;
	CHECK_INT(r->type, CGW_DEVICE_BLOCK);
	CHECK_INT(r->access, CGW_DEVICE_MKNOD);
	CHECK_INT(r->major, 7);
	CHECK_INT(r->minor, 99);
	NOTHING_MORE(t);
	return TAP_PASS;
}

/* top/a is watched: what is in it and below, whoever of them has the filter; not top/z. */
static int only_what_is_watched_is_told_and_once(void)
{
	_cleanup_top_ char *top = cgtest_new("nested");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *a = cgtest_child(c, top, "a"),
					 *z = cgtest_child(c, top, "z"),
					 *b = cgtest_child(c, cgw_group_path(a), "b"),
					 *d = cgtest_child(c, cgw_group_path(b), "d");
	struct cgw_group *const both[] = { d, a, b };
	_cleanup_trace_ struct cgw_trace *t = trace(c, both, ARRAY_SIZE(both), 0);
	_cleanup_agent_ struct cgtest_agent in_a = cgtest_agent_start(cgw_group_path(a)),
					    in_d = cgtest_agent_start(cgw_group_path(d)),
					    in_z = cgtest_agent_start(cgw_group_path(z));
	char rest[600];

	CHECK_INT(cgtest_set_devices(a, "allow a\ndeny c 1:7"), 0);
	CHECK_INT(cgtest_set_devices(z, "c 1:3"), 0);
	CHECK_INT(cgtest_agent_open(&in_z, "/dev/full", O_RDONLY), -EPERM);
	CHECK_INT(cgtest_agent_open(&in_d, "/dev/full", O_RDONLY), -EPERM);
	CHECK_INT(cgtest_agent_open(&in_a, "/dev/full", O_WRONLY), -EPERM);
	snprintf(rest, sizeof(rest), "c 1:7 r by deny c 1:7 rwm of %s", cgw_group_path(a));
	NEXT(t, cgw_group_path(d), rest);
	snprintf(rest, sizeof(rest), "c 1:7 w by deny c 1:7 rwm of %s", cgw_group_path(a));
	NEXT(t, cgw_group_path(a), rest);
	NOTHING_MORE(t);
	return TAP_PASS;
}

/* More places than there are links: all are told by one observer at the root. */
static int many_places_become_one(void)
{
	_cleanup_top_ char *top = cgtest_new("places");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_trace_ struct cgw_trace *t = NULL;
	struct cgw_group *parents[20], *groups[20];
	int seen = 0;

	for (int i = 0; i < 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%d", i);
		parents[i] = cgtest_child(c, top, name);
		groups[i] = cgtest_child(c, cgw_group_path(parents[i]), "g");
		CHECK_INT(cgtest_set_devices(groups[i], "deny a"), 0);
	}
	t = trace(c, groups, 20, 0);
	for (int i = 0; i < 20; i++) {
		const char *path = cgw_group_path(groups[i]);
		_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(path);
		struct cgw_trace_event e;

		CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_RDONLY), -EPERM);
		CHECK_INT(cgtest_trace_next(t, &e), 1);
		CHECK_STR(e.path, path);
		seen++;
	}
	CHECK_INT(seen, 20);
	NOTHING_MORE(t);
	for (int i = 0; i < 20; i++) {
		cgw_group_close(groups[i]);
		cgw_group_close(parents[i]);
	}
	return TAP_PASS;
}

static int what_a_later_program_allows_is_no_denial(void)
{
	_cleanup_top_ char *top = cgtest_new("overruled");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *all = cgtest_open(c, top), *g = cgtest_child(c, top, "g");
	_cleanup_trace_ struct cgw_trace *t = trace(c, &all, 1, 0);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(cgw_group_path(g));
	_cleanup_close_ int prog = cgtest_load("overruler", overruler, ARRAY_SIZE(overruler));

	CHECK_INT(cgtest_set_devices(g, "c 1:3"), 0);
	CHECK_INT(cgtest_attach(all, prog, BPF_F_ALLOW_MULTI), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_RDONLY), 0);
	NOTHING_MORE(t);
	return TAP_PASS;
}

static int a_group_that_is_gone_has_its_path(void)
{
	_cleanup_top_ char *top = cgtest_new("gone");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *all = cgtest_open(c, top), *g = cgtest_child(c, top, "short");
	_cleanup_trace_ struct cgw_trace *t = trace(c, &all, 1, 0);
	_cleanup_free_ char *path = strdup(cgw_group_path(g));
	struct cgtest_agent a = cgtest_agent_start(path);

	CHECK_INT(cgtest_set_devices(g, "deny a"), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_RDONLY), -EPERM);
	cgtest_agent_stop(&a);
	CHECK_INT(cgw_group_delete(g, 0, CGTEST_TIMEOUT_MS), 0);
	NEXT(t, path, "c 1:7 r by - of -");
	return TAP_PASS;
}

/* Their policy is taken away before anybody reads the event. */
static int a_denier_that_is_gone_is_not_named(void)
{
	_cleanup_top_ char *top = cgtest_new("cleared");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_trace_ struct cgw_trace *t = trace(c, &g, 1, 0);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);

	CHECK_INT(cgtest_set_devices(g, "deny a"), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_RDONLY), -EPERM);
	CHECK_INT(cgw_group_clear_devices(g), 1);
	NEXT(t, top, "c 1:7 r by - of -");
	return TAP_PASS;
}

static int listeners_do_not_disturb_each_other(void)
{
	static const char *const nodes[] = { "never:/dev/full", NULL };
	_cleanup_top_ char *top = cgtest_new("two");
	_cleanup_ctx_ struct cgw *c = cgtest_context(), *c2 = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *g2 = cgtest_open(c2, top);
	_cleanup_trace_ struct cgw_trace *t = trace(c, &g, 1, 0), *t2 = trace(c2, &g2, 1, 0);
	_cleanup_opener_ struct cgtest_opener o = { 0 };
	_cleanup_free_ char *text = NULL;
	struct cgw_trace_event e;
	long n = cgtest_scale(1000);
	char count[16];

	CHECK_INT(cgtest_set_devices(g, "c 1:3"), 0);
	snprintf(count, sizeof(count), "%ld", n);
	o = cgtest_opener_start(top, count, nodes);
	for (long i = 0; i < n; i++) {
		CHECK_INT(cgtest_trace_next(t, &e), 1);
		CHECK_INT(e.record->pid, o.pid);
	}
	CHECK_INT(cgtest_opener_stop(&o, &text), 0);
	NOTHING_MORE(t);
	for (long i = 0; i < n; i++)
		CHECK_INT(cgtest_trace_next(t2, &e), 1);
	NOTHING_MORE(t2);
	return TAP_PASS;
}

static int count_observers(struct cgw_group *g)
{
	_cleanup_free_ struct cgw_program *programs = NULL;
	int n = cgw_group_effective_programs(g, &programs), observers = 0;

	for (int i = 0; i < n; i++)
		observers += programs[i].observer;
	return n < 0 ? n : observers;
}

static int a_killed_listener_leaves_nothing(void)
{
	_cleanup_top_ char *top = cgtest_new("killed");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "g");
	int fds[2], before = count_observers(g);
	char ready;
	pid_t pid;

	CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
	pid = cgtest_fork();
	if (!pid) {
		trace(c, &g, 1, 0);
		_exit(write(fds[1], "r", 1) == 1 ? pause() : 1);
	}
	close(fds[1]);
	CHECK_INT(read(fds[0], &ready, 1), 1);
	close(fds[0]);
	CHECK_INT(count_observers(g), before + 1);
	cgtest_end(pid);
	CHECK_INT(count_observers(g), before);
	return TAP_PASS;
}

static int add_lost(const struct cgw_trace_event *e, void *arg)
{
	long *n = arg;

	if (e->record->kind == CGW_TRACE_LOST)
		n[1] += (long)((const struct cgw_trace_lost *)e->record)->records;
	else
		n[0]++;
	return 0;
}

static int lost_records_are_counted_exactly(void)
{
	static const char *const nodes[] = { "never:/dev/full", NULL };
	_cleanup_top_ char *top = cgtest_new("lost");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_trace_ struct cgw_trace *t = trace(c, &g, 1, (size_t)sysconf(_SC_PAGESIZE));
	_cleanup_free_ char *text = NULL;
	long made = cgtest_scale(50000), got[2] = { 0 };
	struct cgtest_opener o;
	char count[16];

	CHECK_INT(cgtest_set_devices(g, "c 1:3"), 0);
	snprintf(count, sizeof(count), "%ld", made);
	o = cgtest_opener_start(top, count, nodes);
	CHECK_INT(cgtest_reap(o.pid), 0);
	CHECK_INT(cgw_trace_consume(t, add_lost, got), 0);
	CHECK(got[0] > 10 && got[1] > 10);
	CHECK_INT(got[0] + got[1], made);
	/* and while it is read */
	got[0] = got[1] = 0;
	close(o.fd);
	o = cgtest_opener_start(top, count, nodes);
	while (!cgtest_opener_done(&o))
		CHECK_INT(cgw_trace_consume(t, add_lost, got), 0);
	CHECK_INT(cgtest_opener_stop(&o, &text), 0);
	CHECK_INT(cgw_trace_consume(t, add_lost, got), 0);
	CHECK_INT(got[0] + got[1], made);
	return TAP_PASS;
}

/* Also what is in the ring and was not read is more to read. */
static int what_was_read_is_complete_after_a_moment(void)
{
	_cleanup_top_ char *top = cgtest_new("complete");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_trace_ struct cgw_trace *t = trace(c, &g, 1, 0);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);
	int64_t deadline = cgw__deadline(CGTEST_TIMEOUT_MS);
	struct cgw_trace_event e;
	uint64_t at;

	CHECK_INT(cgtest_set_devices(g, "c 1:3"), 0);
	NOTHING_MORE(t);
	CHECK(cgw_trace_complete_ns(t) && cgw_trace_complete_ns(t) < (uint64_t)cgw__now_ns());
	CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_RDONLY), -EPERM);
	CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_RDONLY), -EPERM);
	CHECK_INT(cgw_trace_complete_ns(t), 0);
	CHECK_INT(cgtest_trace_next(t, &e), 1);
	CHECK_INT(cgw_trace_complete_ns(t), 0);
	CHECK_INT(cgtest_trace_next(t, &e), 1);
	at = e.record->mono_ns;
	NOTHING_MORE(t);
	while (cgw_trace_complete_ns(t) <= at)
		CHECK(cgw__now_ns() < deadline);
	return TAP_PASS;
}

static int rings_have_sizes(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	static const size_t sizes[] = { 1, 3 << 20, 2U << 30 };
	struct cgw_trace_opts opts = { .sz = sizeof(opts),
				       .tracers = CGW_TRACER_BIT(CGW_TRACER_DENY) };
	struct cgw_trace *t = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		opts.ring_bytes = sizes[i];
		CHECK_INT(cgw_trace_new(c, &opts, &t), -ERANGE);
		CHECK(cgw_error_is_input(c));
		CHECK_HAS(cgw_strerror(c), "a power of two");
	}
	return TAP_PASS;
}

static int without_privilege_it_says_which(void *arg)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	const struct cgw_trace_opts opts = { .sz = sizeof(opts),
					     .tracers = CGW_TRACER_BIT(CGW_TRACER_DENY) };
	const struct cgw_learn_opts learn_opts = { .sz = sizeof(learn_opts) };
	struct cgw_learn *l = NULL;
	struct cgw_trace *t = NULL;

	(void)arg;
	CHECK_INT(setgid(65534), 0);
	CHECK_INT(setuid(65534), 0);
	CHECK_INT(cgw_trace_new(c, &opts, &t), -EPERM);
	CHECK_STR(cgw_strerror(c), "cannot load the tracer 'deny': CAP_BPF is missing");
	CHECK_INT(cgw_learn_new(c, &learn_opts, &l), -EPERM);
	CHECK_STR(cgw_strerror(c), "cannot load the tracer 'learn': CAP_BPF is missing");
	return TAP_PASS;
}

static int privilege_is_named(void)
{
	return cgtest_in_child(without_privilege_it_says_which, NULL);
}

/* Of this build, and one of another. */
static int observers_decide_nothing(void)
{
	_cleanup_top_ char *top = cgtest_new("nothing");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *all = cgtest_open(c, top), *g = cgtest_child(c, top, "g");
	_cleanup_trace_ struct cgw_trace *t = trace(c, &g, 1, 0);
	_cleanup_close_ int prog = cgtest_load("cgward_obs_x", nobody, ARRAY_SIZE(nobody));
	_cleanup_policy_ struct cgw_policy *policy = cgtest_policy(c, "c 1:3");
	_cleanup_close_ int link = cgtest_link(all, prog);
	_cleanup_free_ struct cgw_program *p = NULL;
	struct cgw_check check;

	CHECK(t && link >= 0);
	CHECK_INT(cgw_group_device_programs(all, &p), 2);
	for (int i = 0; i < 2; i++)
		CHECK(p[i].observer && !p[i].ours && !p[i].looks_like &&
		      p[i].overrules == CGW_ANSWER_NO);
	CHECK_INT(cgw_group_check_device(g, CGW_DEVICE_CHAR, 1, 5, CGW_DEVICE_READ, &check), 0);
	CHECK_INT(check.verdict, CGW_VERDICT_ALLOW);
	CHECK_STR(check.path, "");
	CHECK_INT(cgtest_set_devices(g, "c 1:3"), 0);
	CHECK_INT(cgw_group_check_device(g, CGW_DEVICE_CHAR, 1, 3, CGW_DEVICE_READ, &check), 0);
	CHECK_INT(check.verdict, CGW_VERDICT_ALLOW);
	CHECK_STR(check.path, cgw_group_path(g));
	CHECK_INT(cgw_group_replace_foreign(all, policy), 0);
	CHECK_INT(count_observers(all), 2);
	return TAP_PASS;
}

static int who_shuts_observers_out_is_named(void)
{
	_cleanup_top_ char *top = cgtest_new("shut");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *all = cgtest_open(c, top), *g = cgtest_child(c, top, "g");
	_cleanup_close_ int prog = cgtest_load("s_snap", nobody, ARRAY_SIZE(nobody));
	struct cgw_group *const groups[] = { g };
	const struct cgw_trace_opts opts = { .sz = sizeof(opts),
					     .tracers = CGW_TRACER_BIT(CGW_TRACER_DENY),
					     .groups = groups,
					     .n_groups = 1 };
	struct cgw_trace *t = NULL;

	CHECK_INT(cgtest_attach(all, prog, 0), 0);
	CHECK_INT(cgw_trace_new(c, &opts, &t), -EPERM);
	CHECK_HAS(cgw_strerror(c), "'s_snap' is attached to");
	CHECK_HAS(cgw_hint(c), "BPF_F_ALLOW_MULTI");
	return TAP_PASS;
}

/* Enter the group and be denied. */
static int be_denied(void *group)
{
	int fd = cgtest_write(group, "cgroup.procs", "0") ? -1 : open("/dev/full", O_RDONLY | O_CLOEXEC);

	return fd < 0 && errno == EPERM ? 0 : 1;
}

static int groups_may_come_and_go(void)
{
	_cleanup_top_ char *top = cgtest_new("churn");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *all = cgtest_open(c, top);
	_cleanup_trace_ struct cgw_trace *t = trace(c, &all, 1, 0);
	long n = cgtest_scale(500), came = 0;
	char path[300];

	for (long i = 0; i < n; i++) {
		_cleanup_group_ struct cgw_group *g = NULL;
		char name[32];

		snprintf(name, sizeof(name), "g%ld", i);
		g = cgtest_child(c, top, name);
		CHECK_INT(cgtest_set_devices(g, "c 1:3"), 0);
		snprintf(path, sizeof(path), "%s/%s", top, name);
		CHECK_INT(cgtest_in_child(be_denied, path), 0);
		CHECK_INT(cgw_group_delete(g, 0, CGTEST_TIMEOUT_MS), 0);
		/* read in lots, so that most are long gone by then */
		while ((i % 100 == 99 || i == n - 1) && came <= i) {
			struct cgw_trace_event e;

			CHECK_INT(cgtest_trace_next(t, &e), 1);
			snprintf(path, sizeof(path), "%s/g%ld", top, came++);
			CHECK_STR(e.path, path);
		}
	}
	NOTHING_MORE(t);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(denials_of_each_owner_are_told),
	T(events_say_who_and_what),
	T(only_what_is_watched_is_told_and_once),
	T(many_places_become_one),
	T(what_a_later_program_allows_is_no_denial),
	T(a_group_that_is_gone_has_its_path),
	T(a_denier_that_is_gone_is_not_named),
	T(listeners_do_not_disturb_each_other),
	T(a_killed_listener_leaves_nothing),
	T(lost_records_are_counted_exactly),
	T(what_was_read_is_complete_after_a_moment),
	T(rings_have_sizes),
	T(privilege_is_named),
	T(observers_decide_nothing),
	T(who_shuts_observers_out_is_named),
	T(groups_may_come_and_go),
};

CGTEST_DEVICE_MAIN(tests)

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The tracer of lifecycles: who made, filled, set up and removed which group. */
#include <bpf/bpf.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cgtest.h"
#include "tracer.h"

#define LIFECYCLE CGW_TRACER_BIT(CGW_TRACER_LIFECYCLE)

/* Wait for the event, which is to be ours and from a tracepoint. */
#define AWAIT(t, kind, path, e)                                                                    \
	do {                                                                                       \
		CHECK(cgtest_trace_await(t, kind, path, e));                                       \
		CHECK_INT((e)->record->uid, 0);                                                    \
	} while (0)

static const char *join(char *buf, size_t size, const char *top, const char *name)
{
	snprintf(buf, size, "%s/%s", top, name);
	return buf;
}

#define JOIN(buf, top, name) join(buf, sizeof(buf), top, name)

/* Does this kernel let programs at functions? */
static bool has_functions(const struct cgw_trace *t)
{
	return !cgw_trace_missing(t, 0);
}

static int what_cannot_be_told_is_said(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_trace_ struct cgw_trace *t = cgtest_trace(c, LIFECYCLE, NULL, 0);
	_cleanup_trace_ struct cgw_trace *freeze =
		cgtest_trace(c, CGW_TRACER_BIT(CGW_TRACER_FREEZE), NULL, 0);
	bool takes = cgw__trace_has_fentry(t, "cgroup_file_write");

	CHECK(!cgw_trace_missing(freeze, 0));
	CHECK_INT(has_functions(t), takes);
	if (takes)
		return TAP_PASS;
	CHECK_HAS(cgw_trace_missing(t, 0), "where attached tasks come from");
	CHECK_HAS(cgw_trace_missing(t, 0), "the kernel takes no program at cgroup_attach_task (E");
	CHECK_HAS(cgw_trace_missing(t, 1), "writes to control files: ");
	CHECK(!cgw_trace_missing(t, 2));
	return TAP_PASS;
}

static int a_group_is_told_from_its_making_to_its_end(void)
{
	_cleanup_top_ char *top = cgtest_new("life");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_trace_ struct cgw_trace *t = cgtest_trace(c, LIFECYCLE, g, 0);
	const struct cgw_trace_populated *p;
	struct cgw_trace_event e;
	uint64_t id, before = (uint64_t)cgw__now_ns();
	char path[256];
	pid_t pid;

	CHECK_INT(cgtest_mkdir(JOIN(path, top, "a")), 0);
	AWAIT(t, CGW_TRACE_CREATED, path, &e);
	CHECK_STR(e.name, "lifecycle.created");
	CHECK_INT(e.record->pid, getpid());
	CHECK_INT(e.record->source, CGW_TRACE_TP_BTF);
	CHECK(e.record->mono_ns >= before && e.record->mono_ns <= (uint64_t)cgw__now_ns());
	CHECK(!e.from);
	id = e.record->group;

	pid = cgtest_sleeper(path);
	AWAIT(t, CGW_TRACE_POPULATED, path, &e);
	p = (const void *)e.record;
	CHECK_INT(p->populated, 1);
	CHECK_INT(p->head.group, id);
	AWAIT(t, CGW_TRACE_POPULATED, top, &e);
	cgtest_end(pid);
	AWAIT(t, CGW_TRACE_POPULATED, path, &e);
	p = (const void *)e.record;
	CHECK_INT(p->populated, 0);
	CHECK_INT(p->head.pid, pid);

	CHECK_INT(cgtest_rmdir(path), 0);
	AWAIT(t, CGW_TRACE_REMOVED, path, &e);
	CHECK_INT(e.record->pid, getpid());
	AWAIT(t, CGW_TRACE_RELEASED, path, &e);
	CHECK_INT(e.record->group, id);
	return TAP_PASS;
}

static int a_process_born_inside_is_told_by_populated_alone(void)
{
	_cleanup_top_ char *top = cgtest_new("born");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_trace_ struct cgw_trace *t = cgtest_trace(c, LIFECYCLE, g, 0);
	const char *argv[] = { "sleep", "1000", NULL };
	struct cgw_spawn spawn = { .sz = sizeof(spawn), .argv = (char *const *)argv };
	struct cgw_trace_event e;
	pid_t pid = cgw_group_spawn(g, &spawn, NULL);

	if (pid < 0)
		FAIL("%s", cgw_strerror(c));
	CHECK_INT(cgtest_trace_next(t, &e), 1);
	CHECK_INT(e.record->kind, CGW_TRACE_POPULATED);
	CHECK_STR(e.path, top);
	cgtest_end(pid);
	do
		CHECK_INT(cgtest_trace_next(t, &e), 1);
	while (e.record->kind == CGW_TRACE_WRITTEN);
	CHECK_INT(e.record->kind, CGW_TRACE_POPULATED);
	return TAP_PASS;
}

/* top/in is watched, top/out is not. */
static int moves_in_are_told_and_moves_out_where_the_kernel_lets_us(void)
{
	_cleanup_top_ char *top = cgtest_new("moves");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *in = cgtest_child(c, top, "in");
	_cleanup_group_ struct cgw_group *out = cgtest_child(c, top, "out");
	_cleanup_trace_ struct cgw_trace *t = cgtest_trace(c, LIFECYCLE, in, 0);
	const char *in_path = cgw_group_path(in), *out_path = cgw_group_path(out);
	const struct cgw_trace_attached *r;
	struct cgw_trace_event e;
	pid_t pid = cgtest_sleeper(out_path);

	CHECK_INT(cgw_group_attach(in, &pid, 1), 0);
	AWAIT(t, CGW_TRACE_ATTACHED, in_path, &e);
	r = (const void *)e.record;
	CHECK_INT(r->head.pid, getpid());
	CHECK_INT(r->task_pid, pid);
	CHECK_INT(r->task_tid, pid);
	CHECK_INT(r->process, 1);
	CHECK_STR(r->task_comm, r->head.comm);
	if (has_functions(t))
		CHECK_STR(e.from, out_path);
	else
		CHECK(!e.from && !r->from);

	CHECK_INT(cgw_group_attach(out, &pid, 1), 0);
	if (has_functions(t)) {
		AWAIT(t, CGW_TRACE_ATTACHED, out_path, &e);
		CHECK_STR(e.from, in_path);
		CHECK_INT(((const struct cgw_trace_attached *)e.record)->from, cgw_group_id(in));
	} else {
		AWAIT(t, CGW_TRACE_POPULATED, in_path, &e);
		CHECK_INT(((const struct cgw_trace_populated *)e.record)->populated, 0);
	}
	/* What goes on elsewhere is not told: the next is what happens here again. */
	CHECK_INT(cgtest_end(pid), SIGKILL);
	CHECK_INT(cgtest_rmdir(out_path), 0);
	CHECK_INT(cgtest_rmdir(in_path), 0);
	while (cgtest_trace_next(t, &e) == 1 && e.record->kind != CGW_TRACE_REMOVED)
		CHECK_STR(e.path, in_path);
	CHECK_STR(e.path, in_path);
	return TAP_PASS;
}

static int a_thread_is_told_from_a_process(void)
{
	_cleanup_top_ char *top = cgtest_new("thread");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *a = cgtest_child(c, top, "a");
	_cleanup_trace_ struct cgw_trace *t = NULL;
	struct cgw_trace_event e;
	pid_t pid = cgtest_sleeper(top);

	if (cgw_group_set_threaded(a))
		FAIL("%s", cgw_strerror(c));
	t = cgtest_trace(c, LIFECYCLE, g, 0);
	if (cgw_group_attach_threads(a, &pid, 1))
		FAIL("%s", cgw_strerror(c));
	AWAIT(t, CGW_TRACE_ATTACHED, cgw_group_path(a), &e);
	CHECK_INT(((const struct cgw_trace_attached *)e.record)->process, 0);
	CHECK_INT(((const struct cgw_trace_attached *)e.record)->task_tid, pid);
	if (has_functions(t))
		CHECK_STR(e.from, top);
	return TAP_PASS;
}

/* Write, and check what was told of it. */
static int check_write(struct cgw_trace *t, const char *group, const char *file, const char *text,
		       bool taken)
{
	const struct cgw_trace_written *r;
	size_t len = strlen(text), kept = len < CGW_TRACE_TEXT ? len : CGW_TRACE_TEXT;
	struct cgw_trace_event e;
	int err = cgtest_write(group, file, text);

	CHECK_INT(!err, taken);
	AWAIT(t, CGW_TRACE_WRITTEN, group, &e);
	r = (const void *)e.record;
	CHECK_INT(r->head.source, CGW_TRACE_FENTRY);
	CHECK_INT(r->head.pid, getpid());
	CHECK_STR(r->file, file);
	CHECK_INT(r->result, taken ? (int)len : err);
	CHECK_INT(r->len, len);
	CHECK(!memcmp(r->text, text, kept) && !r->text[kept]);
	return TAP_PASS;
}

#define CHECK_WRITE(...)                                                                           \
	do {                                                                                       \
		if (check_write(t, __VA_ARGS__))                                                   \
			return TAP_FAIL;                                                           \
	} while (0)

static int writes_to_control_files_are_told_with_their_results(void)
{
	_cleanup_top_ char *top = cgtest_new("writes");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_trace_ struct cgw_trace *t = cgtest_trace(c, LIFECYCLE, g, 0);
	char path[256], text[300];

	if (!has_functions(t))
		return tap_skip("%s", cgw_trace_missing(t, 1));
	CHECK_WRITE(top, "cgroup.max.depth", "5", true);
	CHECK_WRITE(top, "cgroup.max.depth", "nonsense\n", false);
	CHECK_WRITE(top, "cgroup.procs", "4194305", false);
	CHECK_WRITE(top, "cgroup.freeze", "0\n", true);
	/* The parser of this cuts the kernel's copy up at blanks. */
	CHECK_WRITE(top, "cgroup.subtree_control", "-nonsense +nonsense", false);
	memset(text, 'x', sizeof(text));
	for (size_t len = CGW_TRACE_TEXT - 1; len <= CGW_TRACE_TEXT + 1; len++) {
		text[len] = '\0';
		CHECK_WRITE(top, "cgroup.max.descendants", text, false);
		text[len] = 'x';
	}
	CHECK_INT(cgtest_mkdir(JOIN(path, top, "below")), 0);
	CHECK_WRITE(path, "cgroup.max.depth", "max", true);
	return TAP_PASS;
}

/* Groups made and removed by several processes at the same time. */
static pid_t churner(const char *top, int number, long n)
{
	pid_t pid = cgtest_fork();

	for (long i = 0; !pid && i < n; i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s/%d-%ld", top, number, i);
		if (cgtest_mkdir(path) || cgtest_rmdir(path))
			_exit(1);
	}
	if (!pid)
		_exit(0);
	return pid;
}

struct count {
	long created;
	long removed;
	long released;
	long others;
	long nameless;
	uint64_t lost;
};

static void add(struct count *n, const struct cgw_trace_event *e)
{
	switch (e->record->kind) {
	case CGW_TRACE_CREATED:
		n->created++;
		break;
	case CGW_TRACE_REMOVED:
		n->removed++;
		break;
	case CGW_TRACE_RELEASED:
		n->released++;
		break;
	case CGW_TRACE_LOST:
		n->lost += ((const struct cgw_trace_lost *)e->record)->records;
		return;
	default:
		n->others++;
	}
	n->nameless += strncmp(e->path, "/cgwtest-", 9) != 0;
}

/* All of want, unless nothing comes any more. */
static void count_all(struct cgw_trace *t, struct count *n, long want)
{
	struct cgw_trace_event e;

	while (n->created + n->removed + n->released + (long)n->lost < want &&
	       cgtest_trace_next(t, &e) == 1)
		add(n, &e);
}

#define CHECK_COUNT(n, all)                                                                        \
	do {                                                                                       \
		CHECK_INT((n).lost, 0);                                                            \
		CHECK_INT((n).created, all);                                                       \
		CHECK_INT((n).removed, all);                                                       \
		CHECK_INT((n).released, all);                                                      \
		CHECK_INT((n).others, 0);                                                          \
		CHECK_INT((n).nameless, 0);                                                        \
	} while (0)

/* Two listeners, of which one has another tracer beside, that forgets groups in its own time. */
static int groups_that_come_and_go_at_once_are_all_told(void)
{
	enum { PROCESSES = 4 };
	_cleanup_top_ char *top = cgtest_new("churn");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_trace_ struct cgw_trace *t = cgtest_trace(c, LIFECYCLE, g, 0);
	_cleanup_trace_ struct cgw_trace *both =
		cgtest_trace(c, LIFECYCLE | CGW_TRACER_BIT(CGW_TRACER_FREEZE), g, 0);
	struct count n = { 0 }, m = { 0 };
	long each = cgtest_scale(250), all = PROCESSES * each;
	pid_t pids[PROCESSES];

	for (int i = 0; i < PROCESSES; i++)
		pids[i] = churner(top, i, each);
	count_all(t, &n, 3 * all);
	count_all(both, &m, 3 * all);
	for (int i = 0; i < PROCESSES; i++)
		CHECK_INT(cgtest_reap(pids[i]), 0);
	CHECK_COUNT(n, all);
	CHECK_COUNT(m, all);
	return TAP_PASS;
}

/* The least ring there is: nothing is told twice, and what is missing is counted. */
static int what_a_small_ring_loses_is_counted(void)
{
	_cleanup_top_ char *top = cgtest_new("small");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_trace_ struct cgw_trace *t = cgtest_trace(c, LIFECYCLE, g, 4096);
	_cleanup_trace_ struct cgw_trace *large = cgtest_trace(c, LIFECYCLE, g, 0);
	struct count n = { 0 }, m = { 0 };
	long all = 50;
	pid_t pid = churner(top, 0, all);

	CHECK_INT(cgtest_reap(pid), 0);
	count_all(large, &m, 3 * all);
	CHECK_COUNT(m, all);
	count_all(t, &n, 3 * all);
	CHECK(n.lost > 0);
	CHECK_INT(n.created + n.removed + n.released + (long)n.lost, 3 * all);
	return TAP_PASS;
}

struct armed {
	int fd;
	uint32_t id; /* of one of its programs */
};

static void __attribute__((noreturn)) arm_and_wait(int fd)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	struct cgw_trace *t = cgtest_trace(c, LIFECYCLE, NULL, 0);
	struct bpf_program *p = bpf_object__find_program_by_name(t->armed[0].obj, "cgward_mkdir");
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &size) ||
	    write(fd, &info.id, sizeof(info.id)) != sizeof(info.id))
		_exit(1);
	for (;;)
		pause();
}

static int a_listener_that_is_killed_leaves_nothing(void)
{
	int pipe_fds[2], fd;
	uint32_t id = 0;
	pid_t pid;

	CHECK_INT(pipe2(pipe_fds, O_CLOEXEC), 0);
	pid = cgtest_fork();
	if (!pid)
		arm_and_wait(pipe_fds[1]);
	close(pipe_fds[1]);
	CHECK_INT(read(pipe_fds[0], &id, sizeof(id)), sizeof(id));
	close(pipe_fds[0]);
	fd = bpf_prog_get_fd_by_id(id);
	CHECK(fd >= 0);
	close(fd);
	CHECK_INT(cgtest_end(pid), SIGKILL);
	/* The kernel takes it away when it gets to it. */
	CHECK(cgtest_program_goes(id));
	return TAP_PASS;
}

/* So there is no event for it; the kernel's tracepoint fires for groups of v1 alone. */
static int a_group_cannot_be_renamed(void)
{
	_cleanup_top_ char *top = cgtest_new("rename");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_trace_ struct cgw_trace *t = NULL;
	char a[256], b[256], from[512], to[512];
	struct cgw_trace_event e;

	JOIN(from, cgtest_mount(), JOIN(a, top, "a") + 1);
	JOIN(to, cgtest_mount(), JOIN(b, top, "b") + 1);
	CHECK_INT(cgtest_mkdir(a), 0);
	t = cgtest_trace(c, LIFECYCLE, g, 0);
	CHECK(rename(from, to) < 0);
	CHECK_INT(errno, EPERM);
	CHECK(cgtest_exists(a) && !cgtest_exists(b));
	/* What is told first is what happens next. */
	CHECK_INT(cgtest_rmdir(a), 0);
	CHECK_INT(cgtest_trace_next(t, &e), 1);
	CHECK_INT(e.record->kind, CGW_TRACE_REMOVED);
	CHECK_STR(e.path, a);
	return TAP_PASS;
}

/* A v1 hierarchy of our own, without controllers, that nobody else sees. */
static int churn_on_v1(void *arg)
{
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	char options[64], made[256], path[256];
	int err;

	(void)arg;
	snprintf(options, sizeof(options), "none,name=cgwtest-%d", getpid());
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", dir, "cgroup", 0, options) < 0)
		return 2;
	err = mkdir(JOIN(made, dir, "cgwtest-v1"), 0755);
	if (!err) {
		err = rename(made, JOIN(path, dir, "cgwtest-v1-renamed"));
		cgtest_spit("0", "%s/cgroup.procs", err ? made : path);
		cgtest_spit("0", "%s/cgroup.procs", dir);
		err |= rmdir(err ? made : path);
	}
	umount(dir);
	return err ? 1 : 0;
}

static int groups_of_v1_are_not_told(void)
{
	_cleanup_top_ char *top = cgtest_new("v2");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_trace_ struct cgw_trace *t = cgtest_trace(c, LIFECYCLE, NULL, 0);
	struct cgw_trace_event e;
	char path[256];
	int status = cgtest_in_child(churn_on_v1, NULL);

	if (status == 2)
		return tap_skip("a v1 hierarchy cannot be mounted here");
	CHECK_INT(status, 0);
	CHECK_INT(cgtest_mkdir(JOIN(path, top, "a")), 0);
	do {
		CHECK_INT(cgtest_trace_next(t, &e), 1);
		CHECK(!strstr(e.path, "cgwtest-v1"));
		CHECK(e.record->kind != CGW_TRACE_ATTACHED || !e.path[0] || e.path[1]);
	} while (e.record->kind != CGW_TRACE_CREATED || strcmp(e.path, path));
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(what_cannot_be_told_is_said),
	T(a_group_is_told_from_its_making_to_its_end),
	T(a_process_born_inside_is_told_by_populated_alone),
	T(moves_in_are_told_and_moves_out_where_the_kernel_lets_us),
	T(a_thread_is_told_from_a_process),
	T(writes_to_control_files_are_told_with_their_results),
	T(groups_that_come_and_go_at_once_are_all_told),
	T(what_a_small_ring_loses_is_counted),
	T(a_listener_that_is_killed_leaves_nothing),
	T(a_group_cannot_be_renamed),
	T(groups_of_v1_are_not_told),
};

CGTEST_LIVE_MAIN(tests)

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Events of real groups on one watcher: states, counters, ends, pressure; whose limit it was. */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cgtest.h"

#define BIT(kind) CGW_EVENT_BIT(CGW_EVENT_##kind)
#define STATES (BIT(POPULATED) | BIT(FROZEN))

#define NEXT(w, line)                                          \
	do {                                                   \
		struct cgw_event e_;                           \
		CHECK_INT(cgtest_next(w, &e_), 1);             \
		CHECK_STR(cgtest_event(&e_), line);            \
	} while (0)

/* These three are the next, in whatever order: the kernel notifies of each file by itself. */
#define NEXT_THREE(w, a, b, c)                                                                     \
	do {                                                                                       \
		const char *lines_[] = { a, b, c };                                                \
		for (int i_ = 0; i_ < 3; i_++) {                                                   \
			struct cgw_event e_;                                                       \
			CHECK_INT(cgtest_next(w, &e_), 1);                                         \
			CHECK(take_line(lines_, 3, cgtest_event(&e_)));                            \
		}                                                                                  \
	} while (0)

/* Is it one of the lines? Then it is taken away. */
static bool take_line(const char **lines, int n, const char *text)
{
	for (int i = 0; i < n; i++)
		if (lines[i] && !strcmp(lines[i], text)) {
			lines[i] = NULL;
			return true;
		}
	tap_note("not expected: %s", text);
	return false;
}

/* "PATH WHAT", until the next but three. */
static const char *line(const struct cgw_group *g, const char *what)
{
	static char lines[4][512];
	static int n;

	n = (n + 1) % 4;
	snprintf(lines[n], sizeof(lines[n]), "%s %s", cgw_group_path(g), what);
	return lines[n];
}

static int open_fds(void)
{
	_cleanup_(cgw__closedirp) DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	return n;
}

/* Watches of the inotify instance, as the kernel has them. */
static int kernel_watches(const struct cgw_watch *w)
{
	_cleanup_free_ char *info = cgtest_slurp("/proc/self/fdinfo/%d", cgw_watch_fd(w));
	int n = 0;

	for (const char *p = info; (p = strstr(p, "inotify wd:")); p++)
		n++;
	return n;
}

static int states_come_in_order_and_removal_is_last(void)
{
	_cleanup_top_ char *top = cgtest_new("order");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "g");
	_cleanup_watch_ struct cgw_watch *w = cgtest_watch(c);
	struct cgw_event e;
	pid_t pid;

	cgtest_watch_add(w, g, 0, 0);
	CHECK_INT(cgw_watch_read(w, &e), 0);
	pid = cgtest_sleeper(cgw_group_path(g));
	NEXT(w, line(g, "populated 1"));
	CHECK_INT(cgw_group_freeze(&g, 1, CGTEST_TIMEOUT_MS), 0);
	NEXT(w, line(g, "frozen 1"));
	CHECK_INT(cgw_group_thaw(&g, 1, CGTEST_TIMEOUT_MS), 0);
	NEXT(w, line(g, "frozen 0"));
	cgtest_end(pid);
	NEXT(w, line(g, "populated 0"));
	CHECK_INT(cgw_group_delete(g, 0, CGTEST_TIMEOUT_MS), 0);
	CHECK_INT(cgtest_next(w, &e), 1);
	CHECK_INT(e.kind, CGW_EVENT_REMOVED);
	CHECK_INT(e.id, cgw_group_id(g));
	CHECK(e.time_ns > 1000000000ULL * 1000000000 && e.mono_ns <= (uint64_t)cgw__now_ns());
	CHECK_INT(cgw_watch_count(w), 0);
	CHECK_INT(kernel_watches(w), 0);
	/* another group of that name is not the one that was watched */
	cgw_group_close(g);
	g = cgtest_child(c, top, "g");
	cgtest_sleeper(cgw_group_path(g));
	CHECK(cgtest_wait_event(cgw_group_path(g), "populated", 1));
	CHECK_INT(cgw_watch_read(w, &e), 0);
	cgtest_watch_add(w, g, STATES, CGW_WATCH_INITIAL);
	NEXT(w, line(g, "populated 1"));
	NEXT(w, line(g, "frozen 0"));
	return TAP_PASS;
}

static int a_group_that_vanished_at_once_is_told_as_empty_and_removed(void)
{
	_cleanup_top_ char *top = cgtest_new("vanish");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "g");
	_cleanup_watch_ struct cgw_watch *w = cgtest_watch(c);
	pid_t pid = cgtest_sleeper(cgw_group_path(g));
	struct cgw_event e;

	cgtest_watch_add(w, g, 0, 0);
	cgtest_end(pid);
	CHECK_INT(cgw_group_delete(g, 0, CGTEST_TIMEOUT_MS), 0);
	/* only now is anything read: the files are gone */
	NEXT(w, line(g, "populated 0"));
	NEXT(w, line(g, "removed"));
	CHECK_INT(cgw_watch_read(w, &e), 0);
	CHECK_INT(cgw_watch_add(w, g, NULL), -ENODEV);
	CHECK_HAS(cgw_strerror(c), "the group was removed");
	CHECK_INT(cgw_watch_remove(w, g), -ENOENT);
	CHECK_INT(cgw_watch_count(w), 0);
	CHECK_INT(kernel_watches(w), 0);
	return TAP_PASS;
}

/* Each group gets a process and loses it. */
static int many_groups_share_a_watcher_and_leave_nothing(void)
{
	int n = (int)cgtest_scale(500), fds, watches, on = 0, off = 0, removed = 0;
	_cleanup_top_ char *top = cgtest_new("manyevents");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *t = cgtest_open(c, top);
	_cleanup_free_ pid_t *pids = calloc((size_t)n, sizeof(*pids));
	struct cgw_watch *w;
	struct cgw_event e;
	int64_t begin;

	fds = open_fds();
	w = cgtest_watch(c);
	for (int i = 0; i < n; i++) {
		_cleanup_group_ struct cgw_group *g = NULL;
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		g = cgtest_child(c, top, name);
		cgtest_watch_add(w, g, 0, 0);
		pids[i] = cgtest_sleeper(cgw_group_path(g));
	}
	CHECK_INT(open_fds(), fds + 1);
	CHECK_INT(cgw_watch_count(w), n);
	watches = kernel_watches(w);
	while (on < n && cgtest_next(w, &e) == 1)
		on += e.kind == CGW_EVENT_POPULATED && e.total == 1;
	CHECK_INT(on, n);
	begin = cgw__now_ns();
	CHECK_INT(cgw_group_kill(t, 0), 0);
	while (off < n && cgtest_next(w, &e) == 1)
		off += e.kind == CGW_EVENT_POPULATED && e.total == 0;
	CHECK_INT(off, n);
	tap_note("%d groups, %d inotify watches, 1 descriptor; all empty %lld us after the kill", n,
		 watches, (long long)(cgw__now_ns() - begin) / 1000);
	for (int i = 0; i < n; i++)
		cgtest_reap(pids[i]);
	cgtest_remove(&top);
	while (removed < n && cgtest_next(w, &e) == 1)
		removed += e.kind == CGW_EVENT_REMOVED;
	CHECK_INT(removed, n);
	CHECK_INT(cgw_watch_count(w), 0);
	CHECK_INT(kernel_watches(w), 0);
	cgw_watch_free(w);
	CHECK_INT(open_fds(), fds);
	return TAP_PASS;
}

static int groups_made_below_are_followed(void)
{
	_cleanup_top_ char *top = cgtest_new("follow");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *t = cgtest_open(c, top), *old = cgtest_child(c, top, "old");
	_cleanup_group_ struct cgw_group *a = NULL, *b = NULL;
	_cleanup_watch_ struct cgw_watch *w = cgtest_watch(c);
	pid_t pid;

	cgtest_watch_add(w, t, 0, CGW_WATCH_RECURSIVE);
	CHECK_INT(cgw_watch_count(w), 2);
	/* both are there, and one has a process, before anything is read */
	a = cgtest_child(c, top, "a");
	b = cgtest_child(c, top, "a/b");
	pid = cgtest_sleeper(cgw_group_path(b));
	NEXT(w, line(a, "created"));
	NEXT(w, line(b, "created"));
	NEXT(w, line(b, "populated 1"));
	NEXT(w, line(a, "populated 1"));
	NEXT(w, line(t, "populated 1"));
	CHECK_INT(cgw_watch_count(w), 4);
	cgtest_end(pid);
	NEXT_THREE(w, line(b, "populated 0"), line(a, "populated 0"), line(t, "populated 0"));
	CHECK_INT(cgw_group_delete(a, CGW_DELETE_RECURSIVE, CGTEST_TIMEOUT_MS), 0);
	NEXT(w, line(b, "removed"));
	NEXT(w, line(a, "removed"));
	CHECK_INT(cgw_group_delete(old, 0, CGTEST_TIMEOUT_MS), 0);
	NEXT(w, line(old, "removed"));
	CHECK_INT(cgw_watch_count(w), 1);
	return TAP_PASS;
}

static int two_watchers_see_the_same_and_do_not_disturb_each_other(void)
{
	_cleanup_top_ char *top = cgtest_new("twowatch");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_watch_ struct cgw_watch *a = cgtest_watch(c), *b = cgtest_watch(c);
	struct cgw_event e;
	pid_t pid;

	cgtest_watch_add(a, g, STATES, 0);
	cgtest_watch_add(b, g, STATES, 0);
	pid = cgtest_sleeper(top);
	NEXT(a, line(g, "populated 1"));
	NEXT(b, line(g, "populated 1"));
	CHECK_INT(cgw_watch_remove(a, g), 0);
	CHECK_INT(kernel_watches(a), 0);
	cgtest_end(pid);
	NEXT(b, line(g, "populated 0"));
	CHECK_INT(cgw_watch_read(a, &e), 0);
	/* again, from what is there now */
	cgtest_watch_add(a, g, STATES, 0);
	cgtest_watch_add(a, g, STATES, 0);
	CHECK_INT(cgw_watch_count(a), 1);
	cgtest_sleeper(top);
	NEXT(a, line(g, "populated 1"));
	NEXT(b, line(g, "populated 1"));
	return TAP_PASS;
}

static int no_event_is_lost_when_the_kernels_queue_overflows(void)
{
	_cleanup_free_ char *limit = cgtest_slurp("/proc/sys/fs/inotify/max_queued_events");
	_cleanup_top_ char *top = cgtest_new("overflow");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *t = cgtest_open(c, top), *a = cgtest_child(c, top, "a"),
					 *b = cgtest_child(c, top, "b"), *late = NULL;
	_cleanup_group_ struct cgw_group *x = cgtest_child(c, top, "a/x"),
					 *y = cgtest_child(c, top, "b/y");
	_cleanup_watch_ struct cgw_watch *w = cgtest_watch(c);
	bool overflow = false, removed = false, populated = false;
	struct cgw_event e;

	CHECK(x && y);
	if (atol(limit) > 200000)
		return tap_skip("fs.inotify.max_queued_events is %s", limit);
	cgtest_watch_add(w, t, STATES, CGW_WATCH_RECURSIVE);
	/* two files in turn, as equal events that follow each other are one */
	for (long i = 0; i < atol(limit) / 2 + 10; i++)
		if (cgtest_write(cgw_group_path(a), "cgroup.subtree_control", " ") ||
		    cgtest_write(cgw_group_path(b), "cgroup.subtree_control", " "))
			FAIL("cannot write cgroup.subtree_control");
	late = cgtest_child(c, top, "late");
	cgtest_sleeper(cgw_group_path(late));
	CHECK_INT(cgw_group_delete(y, 0, CGTEST_TIMEOUT_MS), 0);
	while (!(overflow && removed && populated) && cgtest_next(w, &e) == 1) {
		overflow = overflow || e.kind == CGW_EVENT_OVERFLOW;
		removed = removed || !strcmp(cgtest_event(&e), line(y, "removed"));
		populated = populated || !strcmp(cgtest_event(&e), line(late, "populated 1"));
	}
	CHECK(overflow);
	CHECK(removed);
	CHECK(populated);
	CHECK_INT(cgw_watch_count(w), 5);
	return TAP_PASS;
}

static int run_out(void *arg)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, arg);
	int next = fcntl(cgw_group_fd(g), F_DUPFD_CLOEXEC, 0);
	struct cgw_watch *w;
	struct rlimit none;

	close(next);
	getrlimit(RLIMIT_NOFILE, &none);
	none.rlim_cur = (rlim_t)next;
	if (setrlimit(RLIMIT_NOFILE, &none))
		return 1;
	if (cgw_watch_new(c, &w) != -EMFILE || !strstr(cgw_hint(c), "fs.inotify.max_user_instances"))
		return 2;
	return 0;
}

/* A user namespace has limits of its own. */
static int run_out_of_watches(void *arg)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, arg);
	_cleanup_watch_ struct cgw_watch *w = NULL;
	int fd, err;

	if (unshare(CLONE_NEWUSER))
		return 4;
	cgtest_spit("0 0 1", "/proc/self/uid_map");
	fd = open("/proc/sys/user/max_inotify_watches", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "2", 1) != 1)
		return 4;
	close(fd);
	w = cgtest_watch(c);
	err = cgw_watch_add(w, g, NULL);
	if (err != -ENOSPC || !strstr(cgw_hint(c), "fs.inotify.max_user_watches"))
		return 1;
	return cgw_watch_count(w) || kernel_watches(w) ? 2 : 0;
}

static int limits_of_inotify_are_named(void)
{
	_cleanup_top_ char *top = cgtest_new("inotify");
	int status;

	CHECK_INT(cgtest_in_child(run_out, top), 0);
	status = cgtest_in_child(run_out_of_watches, top);
	if (status == 4)
		return tap_skip("no user namespace with limits of its own can be had");
	CHECK_INT(status, 0);
	return TAP_PASS;
}

/* A huge page is refused before it is looked for: none need exist. */
static pid_t touch_huge_page(const char *group)
{
	pid_t pid = cgtest_fork();
	char *p;

	if (pid)
		return pid;
	signal(SIGBUS, SIG_DFL);
	p = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED || cgtest_write(group, "cgroup.procs", "0"))
		_exit(1);
	*p = 1;
	_exit(0);
}

/* The controller is enabled while the group is watched already. */
static int a_refused_huge_page_names_the_limit(void)
{
	_cleanup_top_ char *top = cgtest_new("huge");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *t = cgtest_open(c, top), *g = cgtest_child(c, top, "g");
	_cleanup_watch_ struct cgw_watch *w = cgtest_watch(c);
	struct cgw_event e;
	int status;

	if (!cgtest_have_controller("hugetlb"))
		return tap_skip("%s", cgtest_why_not("hugetlb"));
	cgtest_watch_add(w, g, 0, 0);
	CHECK_INT(cgw_group_enable(t, "hugetlb"), 0);
	if (cgw_group_write(t, "hugetlb.2MB.max", "0"))
		return tap_skip("no huge pages of 2 MB: %s", cgw_strerror(c));
	CHECK(!cgtest_more(w) || cgw_watch_read(w, &e) == 0);
	status = cgtest_reap(touch_huge_page(cgw_group_path(g)));
	if (!WIFSIGNALED(status))
		return tap_skip("a private mapping of a huge page cannot be made: exit status %d", status);
	CHECK(cgtest_await(w, CGW_EVENT_HUGETLB_MAX, cgw_group_path(g), &e));
	CHECK_STR(e.name, "hugetlb.2MB.max");
	CHECK_STR(e.by, top);
	CHECK_INT(e.delta, 1);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(states_come_in_order_and_removal_is_last),
	T(a_group_that_vanished_at_once_is_told_as_empty_and_removed),
	T(many_groups_share_a_watcher_and_leave_nothing),
	T(groups_made_below_are_followed),
	T(two_watchers_see_the_same_and_do_not_disturb_each_other),
	T(no_event_is_lost_when_the_kernels_queue_overflows),
	T(limits_of_inotify_are_named),
	T(a_refused_huge_page_names_the_limit),
};

CGTEST_LIVE_MAIN(tests)

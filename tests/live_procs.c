// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The processes and threads of groups: moved, all or none, and listed. */
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#include "cgtest.h"

static int compare_pids(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

static int processes_are_moved_and_listed(void)
{
	_cleanup_top_ char *top = cgtest_new("attach");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *a = cgtest_child(c, top, "a"),
					 *b = cgtest_child(c, top, "b");
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_procs_ struct cgw_procs procs = { 0 }, none = { 0 };
	pid_t pids[3], last;
	_cleanup_free_ char *where = NULL;

	for (int i = 0; i < 3; i++)
		pids[i] = cgtest_sleeper(cgw_group_path(a));
	last = pids[2];
	CHECK_INT(cgw_group_attach(b, pids + 1, 2), 0);
	CHECK_INT(cgw_group_procs(g, true, &procs), 0);
	CHECK_INT(procs.n, 3);
	where = cgtest_group_of(pids[0]);
	CHECK_STR(where, cgw_group_path(a));
	free(where);
	where = NULL;
	/* sorted, which they need not be as they come: the numbers begin again at the end */
	qsort(pids, 3, sizeof(pids[0]), compare_pids);
	for (int i = 0; i < 3; i++)
		CHECK_INT(procs.pids[i], pids[i]);
	CHECK_INT(cgw_group_procs(g, false, &none), 0);
	CHECK_INT(none.n, 0);
	CHECK_INT(cgw_pid_group_path(c, last, &where), 0);
	CHECK_STR(where, cgw_group_path(b));
	return TAP_PASS;
}

static int dead_pid_among_many_moves_nobody(void)
{
	_cleanup_top_ char *top = cgtest_new("allornone");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *a = cgtest_child(c, top, "a"),
					 *b = cgtest_child(c, top, "b");
	_cleanup_group_ struct cgw_group *to = cgtest_child(c, top, "to");
	pid_t pids[3] = { cgtest_sleeper(cgw_group_path(a)), cgtest_sleeper(cgw_group_path(b)),
			  cgtest_sleeper(cgw_group_path(b)) };
	_cleanup_free_ char *first = NULL, *second = NULL, *left = NULL;
	char what[64];

	cgtest_end(pids[2]);
	CHECK_INT(cgw_group_attach(to, pids, 3), -ESRCH);
	snprintf(what, sizeof(what), "cannot move pid %d into", pids[2]);
	CHECK_HAS(cgw_strerror(c), what);
	CHECK_HAS(cgw_strerror(c), "no such process");
	first = cgtest_group_of(pids[0]);
	second = cgtest_group_of(pids[1]);
	left = cgtest_read(cgw_group_path(to), "cgroup.procs");
	CHECK_STR(first, cgw_group_path(a));
	CHECK_STR(second, cgw_group_path(b));
	CHECK_STR(left, "");
	return TAP_PASS;
}

static int internal_processes_are_explained(void)
{
	_cleanup_top_ char *top = cgtest_new("internal");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "a");
	const char *controller = cgtest_have_controller("memory") ? "memory" : "hugetlb";
	_cleanup_free_ char *enabled = NULL;
	char who[64];
	pid_t pid;

	if (!cgtest_have_controller(controller))
		return tap_skip("%s", cgtest_why_not("memory"));
	pid = cgtest_sleeper(cgw_group_path(g));
	CHECK_INT(cgw_group_enable(g, controller), -EBUSY);
	snprintf(who, sizeof(who), "it holds processes itself: pid %d (", pid);
	CHECK_HAS(cgw_strerror(c), who);
	CHECK_HAS(cgw_hint(c), "no-internal-process rule");
	/* what was enabled above for it is disabled again */
	enabled = cgtest_read(top, "cgroup.subtree_control");
	CHECK_STR(enabled, "");

	cgtest_end(pid);
	CHECK(cgtest_wait_event(cgw_group_path(g), "populated", 0));
	CHECK_INT(cgw_group_enable(g, controller), 0);
	pid = cgtest_sleeper("");
	CHECK_INT(cgw_group_attach(g, &pid, 1), -EBUSY);
	CHECK_HAS(cgw_strerror(c), "passes controllers on to children");
	CHECK_HAS(cgw_strerror(c), controller);
	CHECK_HAS(cgw_hint(c), "no-internal-process rule");
	cgtest_end(pid);
	return TAP_PASS;
}

/* The kernel would take that as the wish for a thread root, where no child accepts processes. */
static int populated_groups_do_not_become_thread_roots(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = NULL;
	_cleanup_top_ char *top = NULL;
	enum cgw_group_type type;
	pid_t pid;

	if (!cgtest_have_controller("pids"))
		return tap_skip("%s", cgtest_why_not("pids"));
	top = cgtest_new("threadroot");
	g = cgtest_child(c, top, "a");
	cgw_group_close(cgtest_child(c, top, "a/b"));
	pid = cgtest_sleeper(cgw_group_path(g));
	CHECK_INT(cgw_group_enable(g, "pids"), -EBUSY);
	CHECK_HAS(cgw_strerror(c), "it holds processes itself");
	CHECK_INT(cgw_group_get_type(g, &type), 0);
	CHECK_INT(type, CGW_TYPE_DOMAIN);
	cgtest_end(pid);
	return TAP_PASS;
}

/* Two threads of a process in dom; the second is moved to dom/t. */
static void *sleep_for_ever(void *arg)
{
	int fd = *(int *)arg;
	pid_t tid = (pid_t)syscall(SYS_gettid);

	if (write(fd, &tid, sizeof(tid)) != sizeof(tid))
		_exit(1);
	for (;;)
		pause();
	return NULL;
}

static pid_t threaded_sleeper(const char *group, pid_t *ret_tid)
{
	int ready[2];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	pid = cgtest_fork();
	if (!pid) {
		pthread_t thread;

		if (cgtest_write(group, "cgroup.procs", "0") ||
		    pthread_create(&thread, NULL, sleep_for_ever, &ready[1]))
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], ret_tid, sizeof(*ret_tid)) != sizeof(*ret_tid))
		pid = -1;
	close(ready[0]);
	return pid;
}

static int threads_are_moved_alone(void)
{
	_cleanup_top_ char *top = cgtest_new("threads");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *dom = cgtest_child(c, top, "dom"), *t = NULL;
	struct cgw_create_opts opts = { .sz = sizeof(opts), .threaded = true };
	_cleanup_procs_ struct cgw_procs in_t = { 0 }, in_dom = { 0 };
	_cleanup_free_ char *threads = NULL;
	char path[200], want[32];
	pid_t pid, tid = 0;

	snprintf(path, sizeof(path), "%s/dom/t", top);
	CHECK_INT(cgw_group_create(c, path, &opts, &t), 0);
	pid = threaded_sleeper(cgw_group_path(dom), &tid);
	CHECK(pid > 0 && tid > 0);
	CHECK_INT(cgw_group_attach_threads(t, &tid, 1), 0);
	threads = cgtest_read(path, "cgroup.threads");
	snprintf(want, sizeof(want), "%d", tid);
	CHECK_STR(threads, want);
	/* a threaded group tells the process that its threads belong to */
	CHECK_INT(cgw_group_procs(t, false, &in_t), 0);
	CHECK_INT(in_t.n, 1);
	CHECK_INT(in_t.pids[0], pid);
	CHECK_INT(cgw_group_procs(dom, true, &in_dom), 0);
	CHECK_INT(in_dom.n, 1);
	cgtest_end(pid);
	CHECK_INT(cgw_group_attach_threads(t, &tid, 1), -ESRCH);
	CHECK_HAS(cgw_strerror(c), "thread");
	return TAP_PASS;
}

static int read_foreign(void *arg)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, arg);
	_cleanup_procs_ struct cgw_procs procs = { 0 };
	char who[100];

	if (cgw_group_procs(g, true, &procs)) {
		tap_note("%s", cgw_strerror(c));
		return 1;
	}
	if (procs.n != 0 || procs.foreign != 2)
		return 2;
	cgw__describe_procs(g, true, who, sizeof(who));
	if (strcmp(who, "2 of another pid namespace"))
		return 3;
	return cgw_group_delete(g, 0, 100) == -EBUSY && strstr(cgw_strerror(c), who) ? 0 : 4;
}

static int in_new_pid_namespace(void *arg)
{
	if (unshare(CLONE_NEWPID) < 0)
		return 100;
	return cgtest_in_child(read_foreign, arg);
}

static int processes_of_other_pid_namespaces_are_counted(void)
{
	_cleanup_top_ char *top = cgtest_new("foreign");

	cgtest_sleeper(top);
	cgtest_sleeper(top);
	CHECK_INT(cgtest_in_child(in_new_pid_namespace, top), 0);
	return TAP_PASS;
}

static int all_processes_are_moved(void)
{
	_cleanup_top_ char *top = cgtest_new("moveall");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *from = cgtest_child(c, top, "from");
	_cleanup_group_ struct cgw_group *below = cgtest_child(c, top, "from/below");
	_cleanup_group_ struct cgw_group *to = cgtest_child(c, top, "to");
	_cleanup_procs_ struct cgw_procs procs = { 0 }, threads = { 0 };
	pid_t pids[3];

	pids[0] = cgtest_sleeper(cgw_group_path(from));
	pids[1] = cgtest_sleeper(cgw_group_path(below));
	/* one that ends at once may be listed and gone when its turn comes */
	pids[2] = cgtest_fork();
	if (!pids[2])
		_exit(cgtest_write(cgw_group_path(from), "cgroup.procs", "0") ? 1 : 0);
	CHECK(cgw_group_move_all(from, to, false) >= 1);
	/* it may also come after the move, and would be counted until it is reaped */
	CHECK_INT(cgtest_reap(pids[2]), 0);
	CHECK_INT(cgw_group_procs(from, true, &procs), 0);
	CHECK_INT(procs.n, 1);
	CHECK_INT(procs.pids[0], pids[1]);
	cgw_procs_free(&procs);
	CHECK_INT(cgw_group_move_all(from, to, true), 1);
	CHECK_INT(cgw_group_move_all(from, to, true), 0);
	CHECK_INT(cgw_group_procs(to, false, &procs), 0);
	CHECK_INT(procs.n, 2);
	CHECK_INT(cgw_group_threads(to, false, &threads), 0);
	CHECK_INT(threads.n, 2);
	/* into a leaf below, so that the group can pass controllers on */
	CHECK_INT(cgw_group_move_all(to, below, false), 2);
	CHECK_INT(cgw_group_move_all(below, from, false), 2);
	CHECK_INT(cgw_group_move_all(from, below, true), -EINVAL);
	CHECK_INT(cgw_group_move_all(from, from, false), -EINVAL);
	CHECK_INT(cgw_group_move_all(from, below, false), 2);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(processes_are_moved_and_listed),   T(dead_pid_among_many_moves_nobody),
	T(internal_processes_are_explained), T(populated_groups_do_not_become_thread_roots),
	T(threads_are_moved_alone),	     T(processes_of_other_pid_namespaces_are_counted),
	T(all_processes_are_moved),
};

CGTEST_LIVE_MAIN(tests)

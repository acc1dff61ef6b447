// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* End the processes of a group, signal them, wait until they are gone. */
#include <signal.h>
#include <sys/syscall.h>

#include "internal.h"

int cgw_group_is_populated(struct cgw_group *g)
{
	int state = cgw__read_event(g, "populated");

	if (state >= 0)
		return state;
	if (state == -ENOENT && cgw__group_is_root(g))
		return 1; /* the root has no cgroup.events: init is in there somewhere */
	if (state == -ENODEV)
		return cgw__fail(g->c, state, "cannot read cgroup.events of '%s': the group was removed",
				 g->path);
	return cgw__err(g->c, state, "cannot read cgroup.events of '%s'", g->path);
}

static int wait_empty(struct cgw_group *g, const char *what, int64_t deadline, int timeout_ms)
{
	char who[500];
	int err = cgw__wait_events(&g, 1, "populated", 0, deadline);

	if (err != -ETIMEDOUT)
		return err ? cgw__err(g->c, err, "%s", what) : 0;
	cgw__describe_procs(g, true, who, sizeof(who));
	return cgw__fail(g->c, err, "%s: after %d ms it still has %s", what, timeout_ms,
			 who[0] ? who : "exiting processes");
}

int cgw_group_wait_empty(struct cgw_group *g, int timeout_ms)
{
	char what[640];

	if (cgw__group_is_root(g))
		return cgw__bad(g->c, -EINVAL, "cannot wait for the root group: it is never empty");
	snprintf(what, sizeof(what), "cannot wait for '%s' to be empty", g->path);
	return wait_empty(g, what, cgw__deadline(timeout_ms), timeout_ms);
}

static int pidfd_open(pid_t pid)
{
	long fd = syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : (int)fd;
}

/*
 * Signal one process of the group. Its pid may have been used again since the list was
 * read: a descriptor is taken first, then membership is looked at, then the signal sent.
 * Return: 1 when it was sent, 0 when the process is no longer here, -errno.
 */
static int signal_one(struct cgw_group *g, pid_t pid, int signal)
{
	_cleanup_close_ int fd = pidfd_open(pid);
	_cleanup_free_ char *path = NULL;

	if (fd == -ESRCH || fd == -EINVAL)
		return 0;
	if (fd < 0)
		return fd;
	if (cgw_pid_group_path(g->c, pid, &path) || !cgw__path_below(path, g->path))
		return 0;
	if (syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) < 0)
		return errno == ESRCH ? 0 : -errno;
	return 1;
}

static bool contains(const struct cgw_procs *p, pid_t pid)
{
	size_t lo = 0, hi = p->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (p->pids[mid] == pid)
			return true;
		if (p->pids[mid] < pid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

int cgw_group_signal(struct cgw_group *g, int signal)
{
	_cleanup_(cgw__procs_freep) struct cgw_procs seen = { 0 };
	int sent = 0;

	if (signal < 1 || signal > SIGRTMAX)
		return cgw__bad(g->c, -EINVAL, "bad signal %d: signals are 1..%d", signal, SIGRTMAX);
	/* Until a pass finds nobody new; a fork bomb is for cgroup.kill, not for this. */
	for (int pass = 0; pass < 100; pass++) {
		struct cgw_procs now = { 0 };
		bool news = false;
		int err = cgw_group_procs(g, true, &now);

		if (err)
			return err;
		for (size_t i = 0; i < now.n && err >= 0; i++) {
			if (contains(&seen, now.pids[i]))
				continue;
			news = true;
			err = signal_one(g, now.pids[i], signal);
			if (err < 0)
				cgw__err(g->c, err, "cannot send signal %d to pid %d of '%s'", signal,
					 now.pids[i], g->path);
			else
				sent += err;
		}
		cgw_procs_free(&seen);
		seen = now;
		if (err < 0)
			return err;
		if (!news)
			break;
	}
	return sent;
}

/* Before Linux 5.14: nobody can fork while frozen, so one pass reaches everyone. */
int cgw__kill_frozen(struct cgw_group *g)
{
	int err = cgw_group_freeze(&g, 1, 3000), sent;

	if (err)
		return err;
	sent = cgw_group_signal(g, SIGKILL);
	err = cgw_group_thaw(&g, 1, 3000);
	return sent < 0 ? sent : err;
}

int cgw_group_kill(struct cgw_group *g, int timeout_ms)
{
	int64_t deadline = cgw__deadline(timeout_ms);
	char what[640];
	int err;

	snprintf(what, sizeof(what), "cannot kill '%s'", g->path);
	if (cgw__group_is_root(g))
		return cgw__bad(g->c, -EINVAL, "cannot kill the root group");
	if (cgw__caller_inside(g))
		return cgw__fail(g->c, -EDEADLK, "%s: the caller is inside and would die too", what);
	err = cgw__write_at(g->c, g->fd, "cgroup.kill", "1");
	if (err == -ENOENT && cgw__read_event(g, "populated") != -ENODEV)
		err = cgw__kill_frozen(g);
	else if (err == -EOPNOTSUPP) {
		cgw__fail(g->c, err, "%s: it is threaded, and a signal ends whole processes", what);
		cgw__hint(g->c, "kill the domain it belongs to, the nearest ancestor that is not threaded");
	} else if (err == -ENOENT || err == -ENODEV)
		err = cgw__fail(g->c, -ENODEV, "%s: the group was removed", what);
	else if (err)
		err = cgw__explain_access(g->c, err, what, g->path);
	if (err || !timeout_ms)
		return err;
	return wait_empty(g, what, deadline, timeout_ms);
}

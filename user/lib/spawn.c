// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Start a command inside a group, by clone3(CLONE_INTO_CGROUP). */
#include <grp.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "internal.h"

/* What the child could not do, sent to the parent before it exits. */
struct failure {
	int err;
	char step[24];
};

#define CHANGE_USER "change the user"

static void __attribute__((noreturn)) give_up(int fd, const char *step)
{
	struct failure f = { .err = -errno };
	ssize_t n;

	strncpy(f.step, step, sizeof(f.step) - 1);
	n = write(fd, &f, sizeof(f));
	_exit(n == sizeof(f) ? 125 : 124);
}

/* The child's side, between clone and exec: nothing but system calls. */
static void __attribute__((noreturn)) start(const struct cgw_spawn *s, int procs_fd, int fail_fd)
{
	if (procs_fd >= 0 && write(procs_fd, "0", 1) < 0)
		give_up(fail_fd, "enter the group");
	if (s->new_session)
		setsid();
	if (s->uid != (uid_t)-1) {
		if (setgroups(s->n_groups, s->groups) < 0 || setgid(s->gid) < 0 ||
		    setuid(s->uid) < 0)
			give_up(fail_fd, CHANGE_USER);
	}
	if (s->cwd && chdir(s->cwd) < 0)
		give_up(fail_fd, "change the directory");
	if (s->sigmask)
		sigprocmask(SIG_SETMASK, s->sigmask, NULL);
	if (s->envp)
		execvpe(s->argv[0], s->argv, s->envp);
	else
		execvp(s->argv[0], s->argv);
	give_up(fail_fd, "execute");
}

static pid_t clone_into(int cgroup_fd, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD | (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = cgroup_fd >= 0 ? (unsigned int)cgroup_fd : 0,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	return pid < 0 ? -errno : (pid_t)pid;
}

/* Kernels before 5.7, and filters that refuse clone3: the child moves itself. */
static pid_t fork_into(struct cgw_group *g, const struct cgw_spawn *s, int fail_fd)
{
	_cleanup_close_ int procs = cgw__open_beneath(g->c, g->fd, "cgroup.procs", O_WRONLY);
	pid_t pid;

	if (procs < 0)
		return procs;
	pid = fork();
	if (pid == 0)
		start(s, procs, fail_fd);
	return pid < 0 ? -errno : pid;
}

static pid_t explain_clone(struct cgw_group *g, const struct cgw_spawn *s, int err)
{
	struct cgw *c = g->c;
	char what[640];

	snprintf(what, sizeof(what), "cannot start '%s' in '%s'", s->argv[0], g->path);
	switch (err) {
	case -EAGAIN:
		cgw__err(c, err, "%s", what);
		cgw__hint(c, "pids.max of the group or of one above it, or the user's process limit, is reached");
		return err;
	case -EBUSY:
		cgw__fail(c, err, "%s: it passes controllers on to children", what);
		cgw__hint(c, "no-internal-process rule: start it in a child group");
		return err;
	case -EOPNOTSUPP:
		cgw__fail(c, err, "%s: the group is in a threaded domain, the caller is not", what);
		return err;
	case -ENODEV:
	case -ENOENT:
		return cgw__fail(c, -ENODEV, "%s: the group was removed", what);
	case -EACCES:
	case -EPERM:
		cgw__explain_access(c, err, what, g->path);
		if (!cgw_hint(c))
			cgw__hint(c, CGW_COMMON_ANCESTOR_HINT);
		return err;
	default:
		return cgw__err(c, err, "%s", what);
	}
}

/* Read the child's report: nothing comes when the exec went well. */
static int read_report(struct cgw *c, const char *group, const struct cgw_spawn *s, int fd)
{
	struct failure f;
	ssize_t n;

	do {
		n = read(fd, &f, sizeof(f));
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(f))
		return 0;
	f.step[sizeof(f.step) - 1] = '\0';
	if (!strcmp(f.step, CHANGE_USER)) {
		cgw__err(c, f.err, "cannot " CHANGE_USER " to %u", s->uid);
		if (f.err == -EPERM)
			cgw__hint(c, "be root, or have CAP_SETUID and CAP_SETGID");
		return f.err;
	}
	cgw__err(c, f.err, "cannot %s '%s'", f.step,
		 !strcmp(f.step, "execute") ? s->argv[0] :
		 !strcmp(f.step, "change the directory") ? s->cwd : group);
	/* The command's own fault, which shells tell apart by 126 and 127. */
	c->error.exec = !strcmp(f.step, "execute");
	c->error.input = c->error.exec;
	return f.err;
}

pid_t cgw_group_spawn(struct cgw_group *g, const struct cgw_spawn *s, int *ret_pidfd)
{
	_cleanup_close_ int from = -EBADF, to = -EBADF;
	int pidfd = -EBADF, pipe_fds[2], err;
	pid_t pid;

	if (s->sz != sizeof(*s) || !s->argv || !s->argv[0])
		return cgw__bad(g->c, -EINVAL, "cannot start a command: none is given");
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return cgw__err(g->c, -errno, "cannot make a pipe");
	from = pipe_fds[0];
	to = pipe_fds[1];
	pid = clone_into(g->fd, &pidfd);
	if (pid == 0)
		start(s, -EBADF, to);
	if (pid == -ENOSYS || pid == -EINVAL || pid == -E2BIG || pid == -EPERM)
		pid = fork_into(g, s, to);
	if (pid < 0)
		return explain_clone(g, s, pid);
	close(TAKE_FD(to));
	err = read_report(g->c, g->path, s, from);
	if (err) {
		waitpid(pid, NULL, 0);
		if (pidfd >= 0)
			close(pidfd);
		return err;
	}
	if (ret_pidfd)
		*ret_pidfd = pidfd;
	else if (pidfd >= 0)
		close(pidfd);
	return pid;
}

/* Start a command in the caller's group that waits before it executes. ret_hold: to release it. */
pid_t cgw__spawn_hold(struct cgw *c, const struct cgw_spawn *s, int *ret_hold)
{
	int ends[2];
	ssize_t n;
	char go;
	pid_t pid;

	if (s->sz != sizeof(*s) || !s->argv || !s->argv[0])
		return cgw__bad(c, -EINVAL, "cannot start a command: none is given");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return cgw__err(c, -errno, "cannot make a pair of sockets");
	pid = fork();
	if (!pid) {
		close(ends[0]);
		do {
			n = read(ends[1], &go, 1);
		} while (n < 0 && errno == EINTR);
		/* Whoever was to release it is gone. */
		if (n != 1)
			_exit(125);
		start(s, -EBADF, ends[1]);
	}
	close(ends[1]);
	if (pid < 0) {
		pid = cgw__err(c, -errno, "cannot start '%s'", s->argv[0]);
		close(ends[0]);
		return pid;
	}
	*ret_hold = ends[0];
	return pid;
}

/* Let it execute. Return: 0; -errno when it cannot, and it is reaped then. Closes hold. */
int cgw__spawn_release(struct cgw *c, const struct cgw_spawn *s, pid_t pid, int hold)
{
	int err = 0;

	if (send(hold, "", 1, MSG_NOSIGNAL) == 1)
		err = read_report(c, "", s, hold);
	close(hold);
	if (err)
		waitpid(pid, NULL, 0);
	return err;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Waiting for a state in cgroup.events, by event and against one deadline. */
#include <poll.h>
#include <stdint.h>
#include <time.h>

#include "internal.h"

int64_t cgw__now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

int64_t cgw__deadline(int timeout_ms)
{
	return timeout_ms < 0 ? CGW_FOREVER : cgw__now_ns() + timeout_ms * CGW_NSEC_PER_MSEC;
}

static int parse_event(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (; text; text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL)
		if (!strncmp(text, key, n) && text[n] == ' ')
			return text[n + 1] == '1';
	return -ENODATA;
}

static int read_event_fd(int fd, const char *key)
{
	char text[256];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	return parse_event(text, key);
}

/*
 * Is key what is wanted? A group that was thawed while its last tasks died can say
 * "frozen 1" for ever (seen on 6.1 and 6.12): when nobody is inside, it is not frozen.
 */
static int reached(int fd, const char *key, int want)
{
	int state = read_event_fd(fd, key);

	if (state == 1 && !want && !strcmp(key, "frozen") && !read_event_fd(fd, "populated"))
		return 1;
	return state < 0 ? state : state == want;
}

/* "populated" or "frozen" of cgroup.events: 1 or 0; -ENODEV for a removed group. */
int cgw__read_event(struct cgw_group *g, const char *key)
{
	_cleanup_close_ int fd = cgw__open_beneath(g->c, g->fd, "cgroup.events", O_RDONLY);
	int state;

	if (fd == -ENOENT && !cgw__group_is_root(g))
		return -ENODEV;
	if (fd < 0)
		return fd;
	state = read_event_fd(fd, key);
	return state;
}

static void close_all(struct pollfd *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i].fd >= 0)
			close(fds[i].fd);
	free(fds);
}

/* How long to sleep in poll: to the deadline, but shortly while events may be held back. */
static int poll_timeout(int64_t begin, int64_t deadline)
{
	int64_t now = cgw__now_ns(), left = deadline - now;

	/*
	 * kernfs_notify: one notification per file in 10 ms, and by a kworker. Within the
	 * first 20 ms the state is looked at again every 1 ms.
	 */
	if (now - begin < 20 * CGW_NSEC_PER_MSEC)
		return left < CGW_NSEC_PER_MSEC ? 0 : 1;
	if (deadline == CGW_FOREVER)
		return -1;
	left = (left + CGW_NSEC_PER_MSEC - 1) / CGW_NSEC_PER_MSEC;
	return left > 1000000 ? 1000000 : (int)left;
}

/* The last of fds is the tracer's where t is not NULL. */
static int wait_fds(struct pollfd *fds, size_t n, const char *key, int want, int64_t deadline,
		    struct cgw_trace *t)
{
	int64_t begin = cgw__now_ns();

	for (;;) {
		size_t waiting = 0;

		/* Before the states are read: what comes after that makes it readable again. */
		if (t && cgw__trace_keep(t))
			t = NULL;

		for (size_t i = 0; i < n; i++) {
			int state;

			if (fds[i].fd < 0)
				continue;
			state = reached(fds[i].fd, key, want);
			/* A removed group has nobody inside; any other state it cannot reach. */
			if (state == -ENODEV && !(want == 0 && !strcmp(key, "populated")))
				return -ENODEV;
			if (state < 0 && state != -ENODEV)
				return state;
			if (state == 1 || state == -ENODEV) {
				close(fds[i].fd);
				fds[i].fd = -EBADF;
				continue;
			}
			waiting++;
		}
		if (!waiting)
			return 0;
		if (cgw__now_ns() >= deadline)
			return -ETIMEDOUT;
		if (poll(fds, n + (t != NULL), poll_timeout(begin, deadline)) < 0 && errno != EINTR)
			return -errno;
	}
}

/*
 * Wait until key is want in every group's cgroup.events. A signal does not end it.
 * Return: 0, -ETIMEDOUT, -ENODEV when a group vanished before it got there, -errno.
 */
int cgw__wait_events(struct cgw_group *const *groups, size_t n, const char *key, int want,
		     int64_t deadline)
{
	struct cgw_trace *t = n && !strcmp(key, "frozen") ? groups[0]->c->freezer : NULL;
	struct pollfd *fds = calloc(n + 1, sizeof(*fds));
	int err = 0;

	if (!fds)
		return -ENOMEM;
	if (t)
		fds[n] = (struct pollfd){ .fd = cgw__trace_ring(t), .events = POLLIN };
	for (size_t i = 0; i < n; i++)
		fds[i].fd = -EBADF;
	for (size_t i = 0; i < n && !err; i++) {
		fds[i].fd = cgw__open_beneath(groups[i]->c, groups[i]->fd, "cgroup.events",
					      O_RDONLY);
		fds[i].events = POLLPRI;
		if (fds[i].fd == -ENOENT)
			err = want == 0 && !strcmp(key, "populated") ? 0 : -ENODEV;
		else if (fds[i].fd < 0)
			err = fds[i].fd;
	}
	if (!err)
		err = wait_fds(fds, n, key, want, deadline, t);
	close_all(fds, n);
	return err;
}

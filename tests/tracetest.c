// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What tests of tracers need: the next event, tasks that resist the freezer or eat memory. */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "cgtest.h"

int cgtest_trace_next(struct cgw_trace *t, struct cgw_trace_event *e)
{
	int64_t deadline = cgw__now_ns() + CGTEST_TIMEOUT_MS * CGW_NSEC_PER_MSEC;
	int got;

	while (!(got = cgw_trace_read(t, e))) {
		struct pollfd p = { .fd = cgw_trace_fd(t), .events = POLLIN };
		int64_t left = (deadline - cgw__now_ns()) / CGW_NSEC_PER_MSEC;

		if (left <= 0 || poll(&p, 1, (int)left) < 0)
			return 0;
	}
	return got;
}

bool cgtest_trace_await(struct cgw_trace *t, unsigned int kind, const char *path,
			struct cgw_trace_event *e)
{
	while (cgtest_trace_next(t, e) == 1) {
		if (e->record->kind == kind && (!path || !strcmp(e->path, path)))
			return true;
		tap_note("passed over: %s %s", e->name, e->path);
	}
	tap_note("no %s of %s came", cgw_trace_kind_name(kind), path ? path : "any group");
	return false;
}

struct cgw_trace *cgtest_trace(struct cgw *c, unsigned int tracers, struct cgw_group *g,
			       size_t ring_bytes)
{
	struct cgw_trace_opts opts = { .sz = sizeof(opts),
				       .tracers = tracers,
				       .groups = &g,
				       .n_groups = g != NULL,
				       .ring_bytes = ring_bytes,
				       .blocked_ms = -1 };
	struct cgw_trace *t;

	if (cgw_trace_new(c, &opts, &t))
		cgtest_bail("%s", cgw_strerror(c));
	return t;
}

/*
 * A task that does not freeze until somebody fills a page in: process_vm_readv() on a page
 * that userfaultfd watches waits killably, and not in a place where the freezer reaches.
 */
static int watch_page(void *page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .range = { .start = (uintptr_t)page, .len = 4096 },
					.mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0 || ioctl(fd, UFFDIO_REGISTER, &area) < 0)
		return -errno;
	return fd;
}

static void __attribute__((noreturn)) get_stuck(const char *group, int ready)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err = page == MAP_FAILED ? -errno : watch_page(page);
	char byte;
	struct iovec local = { .iov_base = &byte, .iov_len = 1 };
	struct iovec remote = { .iov_base = page, .iov_len = 1 };

	if (err >= 0)
		err = cgtest_write(group, "cgroup.procs", "0");
	if (write(ready, &err, sizeof(err)) != sizeof(err) || err)
		_exit(1);
	process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	_exit(2);
}

pid_t cgtest_stuck(const char *group)
{
	int ready[2], err = -EIO;
	int64_t end;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -errno;
	pid = cgtest_fork();
	if (!pid)
		get_stuck(group, ready[1]);
	close(ready[1]);
	if (read(ready[0], &err, sizeof(err)) != sizeof(err))
		err = -EIO;
	close(ready[0]);
	/* There is no event for this: look at its state until it is D. */
	end = cgw__deadline(CGTEST_TIMEOUT_MS);
	while (!err && cgw__now_ns() < end) {
		_cleanup_free_ char *stat = cgtest_slurp("/proc/%d/stat", pid);

		if (strstr(stat, ") D "))
			return pid;
		usleep(1000);
	}
	cgtest_end(pid);
	return err ? err : -ETIMEDOUT;
}

pid_t cgtest_eater(const char *group, uint64_t bytes)
{
	pid_t pid = cgtest_fork();
	char *p;

	if (pid)
		return pid;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED || cgtest_write(group, "cgroup.procs", "0"))
		_exit(1);
	for (uint64_t i = 0; i < bytes; i += 4096)
		p[i] = 1;
	_exit(0);
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Pressure triggers (PSI) of groups. */
#include <inttypes.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/inotify.h>

#include "events.h"

static const char *const files[] = {
	[CGW_PRESSURE_CPU] = "cpu.pressure",
	[CGW_PRESSURE_IO] = "io.pressure",
	[CGW_PRESSURE_MEMORY] = "memory.pressure",
	[CGW_PRESSURE_IRQ] = "irq.pressure",
};

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=N" of the text: N. */
static uint64_t parse_total(const char *text, bool full)
{
	const char *line = strstr(text, full ? "full " : "some ");
	const char *total = line ? strstr(line, "total=") : NULL;

	return total ? strtoull(total + 6, NULL, 10) : 0;
}

/* Poll takes the trigger's event: it is asked when inotify tells of the file, and only then. */
int cgw__triggers_read(struct cgw_watch *w, struct cgw__node *n, struct cgw__file *f, int dirfd)
{
	for (struct cgw__trigger *t = f->triggers; t; t = t->next) {
		struct pollfd p = { .fd = t->fd, .events = POLLPRI };
		struct cgw_event e = { .kind = CGW_EVENT_PRESSURE,
				       .name = f->name,
				       .detail = t->text };
		_cleanup_free_ char *text = NULL;
		ssize_t len;
		int err;

		if (poll(&p, 1, 0) != 1 || !(p.revents & POLLPRI))
			continue;
		len = cgw__read_at(w->c, dirfd, f->name, &text);
		if (len < 0)
			return (int)len;
		e.total = parse_total(text, t->full);
		e.delta = e.own = e.total - t->total_us;
		t->total_us = e.total;
		err = cgw__event_put(w, n, &e);
		if (err)
			return err;
	}
	return 0;
}

/* The kernel's bounds, which it tells by EINVAL alone. */
static int check_times(struct cgw *c, const char *what, uint32_t stall_us, uint32_t window_us)
{
	if (window_us < 500000 || window_us > 10000000)
		return cgw__bad(c, -ERANGE, "%s: a window is 500 ms to 10 s, not %" PRIu32 " us", what,
				window_us);
	if (!stall_us || stall_us > window_us)
		return cgw__bad(c, -ERANGE, "%s: a stall is more than nothing and at most the window, not %" PRIu32 " us",
				what, stall_us);
	return 0;
}

static int explain_arm(struct cgw_group *g, const char *what, const char *file, bool full,
		       uint32_t window_us, int err)
{
	switch (err) {
	case -ENODEV:
		return cgw__fail(g->c, err, "%s: the group was removed", what);
	case -ENOENT:
	case -EOPNOTSUPP:
		cgw__fail(g->c, err, "%s: pressure is not measured here", what);
		cgw__hint(g->c, "it takes CONFIG_PSI (irq: Linux 6.1), psi=1 where that is not the default, and 1 in cgroup.pressure of the group");
		return err;
	case -EACCES:
	case -EPERM:
	case -EROFS:
		return cgw__explain_access(g->c, err, what, g->path);
	case -EINVAL:
		if (full && !strcmp(file, "cpu.pressure"))
			return cgw__fail(g->c, err, "%s: this kernel takes no full trigger for the CPU", what);
		if (window_us % 2000000 && !cgw__has_cap(CAP_SYS_RESOURCE)) {
			cgw__fail(g->c, err, "%s: without CAP_SYS_RESOURCE a window is a multiple of 2 s",
				  what);
			cgw__hint(g->c, "use 2 s, 4 s, 6 s, 8 s or 10 s (Linux 6.4), or have that capability");
			return err;
		}
		break;
	}
	return cgw__err(g->c, err, "%s", what);
}

/* Open the file once more for this trigger: the kernel takes one for each open file. */
static int arm(struct cgw__trigger *t, struct cgw *c, int dirfd, const char *file)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n;

	t->fd = cgw__open_beneath(c, dirfd, file, O_RDWR | O_NONBLOCK);
	if (t->fd < 0)
		return t->fd;
	n = cgw__read_fd(t->fd, &text);
	if (n < 0)
		return (int)n;
	t->total_us = parse_total(text, t->full);
	return write(t->fd, t->text, strlen(t->text) + 1) < 0 ? -errno : 0;
}

static int add_trigger(struct cgw_watch *w, struct cgw__node *n, const char *file,
		       struct cgw__trigger *t)
{
	_cleanup_close_ int fd = cgw__node_open(w, n);
	struct cgw__file *f = cgw__file_find(n, file);
	int err;

	if (fd < 0)
		return fd;
	if (!f)
		f = cgw__file_new(n, file);
	if (!f)
		return -ENOMEM;
	/* First, so that no event can come unseen; that of the write below is looked at in vain. */
	err = cgw__mark_add(w, &f->mark, fd, file, IN_MODIFY);
	if (!err)
		err = arm(t, w->c, fd, file);
	if (err && !f->triggers)
		cgw__file_drop(w, f);
	if (err)
		return err;
	t->next = f->triggers;
	f->triggers = t;
	return 0;
}

int cgw_watch_add_pressure(struct cgw_watch *w, struct cgw_group *g, enum cgw_pressure resource,
			   bool full, uint32_t stall_us, uint32_t window_us)
{
	const char *file = resource < ARRAY_SIZE(files) ? files[resource] : "?.pressure";
	struct cgw__trigger *t;
	struct cgw__node *n;
	char what[640];
	int err;

	snprintf(what, sizeof(what), "cannot watch %s of '%s'", file, g->path);
	if (resource >= ARRAY_SIZE(files))
		return cgw__bad(w->c, -EINVAL, "%s: no such resource", what);
	if (resource == CGW_PRESSURE_IRQ && !full)
		return cgw__bad(w->c, -EINVAL, "%s: of irq there is only 'full'", what);
	err = check_times(w->c, what, stall_us, window_us);
	if (!err)
		err = cgw__watch_begin(w, g, CGW_EVENT_BIT(CGW_EVENT_PRESSURE), &n);
	if (err)
		return err;
	t = calloc(1, sizeof(*t));
	if (!t) {
		err = -ENOMEM;
	} else {
		t->fd = -EBADF;
		t->full = full;
		snprintf(t->text, sizeof(t->text), "%s %" PRIu32 " %" PRIu32, full ? "full" : "some",
			 stall_us, window_us);
		err = add_trigger(w, n, file, t);
	}
	if (!err)
		return 0;
	if (t && t->fd >= 0)
		close(t->fd);
	free(t);
	if (n->kinds == CGW_EVENT_BIT(CGW_EVENT_PRESSURE) && !cgw__file_find(n, file))
		cgw__node_unwatch(w, n);
	cgw__nodes_bury(w);
	return err == -ENOSPC ? err : explain_arm(g, what, file, full, window_us, err);
}

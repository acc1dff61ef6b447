// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The tracer of freezes: what the kernel tells, and who is in the way when it takes long. */
#include <sys/timerfd.h>

#include "blockers.h"
#include "freezer.skel.h"
#include "tracer.h"

static struct cgw__freezing **find(struct cgw_trace *t, uint64_t group)
{
	struct cgw__freezing **f = &t->freezing;

	while (*f && (*f)->group != group)
		f = &(*f)->next;
	return f;
}

static void end(struct cgw_trace *t, uint64_t group)
{
	struct cgw__freezing **f = find(t, group), *ended = *f;

	if (ended) {
		*f = ended->next;
		free(ended);
	}
}

/* Let the descriptor be readable when the next group is due. */
static int set_timer(struct cgw_trace *t)
{
	struct itimerspec when = { 0 };
	int64_t due = CGW_FOREVER;

	for (const struct cgw__freezing *f = t->freezing; f; f = f->next)
		due = f->due_ns < due ? f->due_ns : due;
	if (due != CGW_FOREVER) {
		when.it_value.tv_sec = due / 1000000000;
		when.it_value.tv_nsec = due % 1000000000;
	}
	t->timer_set = due != CGW_FOREVER;
	return timerfd_settime(t->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) < 0 ? -errno : 0;
}

static int begin(struct cgw_trace *t, const struct cgw_trace_record *r)
{
	struct cgw__freezing *f;

	end(t, r->group);
	f = calloc(1, sizeof(*f));
	if (!f)
		return cgw__oom(t->c);
	f->group = r->group;
	f->since_ns = (int64_t)r->mono_ns;
	f->due_ns = f->since_ns + t->blocked_ms * CGW_NSEC_PER_MSEC;
	f->next = t->freezing;
	t->freezing = f;
	return set_timer(t);
}

/* With the tasks of a group those of the groups below it are found. */
static bool is_covered(struct cgw_trace *t, uint64_t group)
{
	while ((group = cgw__names_parent(t, group)))
		if (*find(t, group))
			return true;
	return false;
}

static int note(struct cgw_trace *t, const struct cgw_trace_record *r)
{
	switch (r->kind) {
	case CGW_TRACE_FREEZE_REQUESTED:
		return t->blocked_ms > 0 && !is_covered(t, r->group) ? begin(t, r) : 0;
	case CGW_TRACE_FREEZE_REACHED:
	case CGW_TRACE_FREEZE_THAW:
	case CGW_TRACE_FORGET:
		end(t, r->group);
		return 0;
	default:
		return 0;
	}
}

struct blocked {
	struct cgw_trace *t;
	const struct cgw__freezing *f;
};

static int put(struct cgw_trace_blocked *b, void *arg)
{
	const struct blocked *blocked = arg;

	b->after_ns = b->head.mono_ns - (uint64_t)blocked->f->since_ns;
	return cgw__trace_put(blocked->t, &b->head);
}

/* Tell who is in the way of what takes long; again after twice the time. */
int cgw__freezing_due(struct cgw_trace *t)
{
	int64_t now = cgw__now_ns();
	bool any = false;
	uint64_t n;
	int err = 0;

	if (!t->timer_set)
		return 0;
	if (read(t->timer_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return -errno;
	t->timer_set = t->freezing != NULL;
	for (struct cgw__freezing *f = t->freezing; f && !err; f = f->next) {
		struct blocked blocked = { t, f };
		struct cgw_group g = { .c = t->c, .id = f->group, .fd = -EBADF };

		if (f->due_ns > now)
			continue;
		any = true;
		f->due_ns = now + (now - f->since_ns);
		g.path = (char *)cgw__names_path(t, f->group);
		g.fd = cgw__open_by_id(t->c, f->group);
		if (g.fd >= 0)
			err = cgw__for_each_blocker(&g, put, &blocked);
		cgw__closep(&g.fd);
	}
	if (any && !err)
		err = set_timer(t);
	return err;
}

void cgw__freezing_free(struct cgw_trace *t)
{
	while (t->freezing)
		end(t, t->freezing->group);
}

static const void *elf(size_t *ret_size)
{
	return cgw_freezer_bpf__elf_bytes(ret_size);
}

const struct cgw__tracer cgw__freezer = {
	.name = "freezer",
	.elf = elf,
	.ring_bytes = 256 << 10,
	.note = note,
};

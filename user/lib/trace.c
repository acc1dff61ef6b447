// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Tracers with one descriptor to poll: their rings, the queue of what came, its names. */
#include <bpf/btf.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>

#include "tracer.h"

/* What is queued at most; the rest waits in the rings, and what they cannot take is counted. */
#define QUEUE_BYTES (4U << 20)

static const struct cgw__tracer *const tracers[CGW_TRACERS] = {
	[CGW_TRACER_FREEZE] = &cgw__freezer,
	[CGW_TRACER_OOM] = &cgw__oom_killer,
	[CGW_TRACER_DENY] = &cgw__deny,
	[CGW_TRACER_LIFECYCLE] = &cgw__lifecycle,
};

static int64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void fill_event(struct cgw_trace *t, const struct cgw_trace_record *r,
		       struct cgw_trace_event *e)
{
	uint64_t from = 0;

	if (r->kind == CGW_TRACE_ATTACHED)
		from = ((const struct cgw_trace_attached *)r)->from;
	*e = (struct cgw_trace_event){
		.record = r,
		.name = cgw_trace_kind_name(r->kind),
		.path = cgw__names_path(t, r->group),
		.from = from ? cgw__names_path(t, from) : NULL,
		.time_ns = r->mono_ns + (uint64_t)t->wall_ns,
	};
}

/* Queue a copy of a record, or hand it over at once. */
int cgw__trace_put(struct cgw_trace *t, const struct cgw_trace_record *r)
{
	struct cgw__records *q = &t->queue;
	size_t size = (r->size + 7U) & ~7U;

	if (t->direct) {
		struct cgw_trace_event e;

		if (r->kind == CGW_TRACE_FORGET) {
			cgw__names_release(t, r->group, r->source);
			return 0;
		}
		fill_event(t, r, &e);
		return t->direct(&e, t->direct_arg);
	}
	if (q->room - q->len < size) {
		size_t room = q->room ? 2 * q->room : 65536;
		char *buf = realloc(q->buf, room);

		if (!buf)
			return cgw__oom(t->c);
		q->buf = buf;
		q->room = room;
	}
	memcpy(q->buf + q->len, r, r->size);
	q->len += size;
	return 0;
}

static int on_record(void *arg, void *data, size_t size)
{
	struct cgw__armed *a = arg;
	struct cgw_trace_record *r = data, forget;
	struct cgw_trace *t = a->t;
	int err = 0;

	if (size < sizeof(*r) || r->size > size)
		return 0;
	if (r->kind == CGW_TRACE_GROUP) {
		err = cgw__names_put(t, data);
		if (!err)
			cgw__names_hold(t, r->group, (unsigned int)(a - t->armed));
		return err;
	}
	if (a->tracer->note)
		err = a->tracer->note(t, r);
	if (r->kind == CGW_TRACE_FORGET) {
		forget = *r;
		forget.source = (uint8_t)(a - t->armed);
		r = &forget;
	}
	if (!err)
		err = cgw__trace_put(t, r);
	/* A negative number ends ring_buffer__consume(), with this record taken. */
	return err ? err : t->queue.len > QUEUE_BYTES ? -EXFULL : 0;
}

static int put_lost(struct cgw_trace *t, struct cgw__armed *a)
{
	uint64_t lost = __atomic_load_n(&a->counts->lost, __ATOMIC_RELAXED);
	struct cgw_trace_lost r = {
		.head = { .kind = CGW_TRACE_LOST, .size = sizeof(r), .source = CGW_TRACE_FILES },
		.records = lost - a->lost,
	};

	if (!r.records)
		return 0;
	a->lost = lost;
	r.head.mono_ns = (uint64_t)now(CLOCK_MONOTONIC);
	return cgw__trace_put(t, &r.head);
}

struct placed {
	uint64_t mono_ns;
	size_t at;
};

static int compare_times(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	if (x->mono_ns != y->mono_ns)
		return x->mono_ns < y->mono_ns ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* What several rings gave, in the order in which it happened. */
static int sort_queue(struct cgw_trace *t)
{
	_cleanup_free_ struct placed *list = NULL;
	struct cgw__records *q = &t->queue, sorted = t->spare;
	size_t n = 0;

	for (size_t pos = q->pos; pos < q->len; n++)
		pos += (((struct cgw_trace_record *)(q->buf + pos))->size + 7U) & ~7U;
	list = calloc(n ? n : 1, sizeof(*list));
	if (!list)
		return cgw__oom(t->c);
	n = 0;
	for (size_t pos = q->pos; pos < q->len; n++) {
		const struct cgw_trace_record *r = (const void *)(q->buf + pos);

		list[n] = (struct placed){ r->mono_ns, pos };
		pos += (r->size + 7U) & ~7U;
	}
	qsort(list, n, sizeof(*list), compare_times);
	t->spare = *q;
	*q = sorted;
	q->pos = q->len = 0;
	for (size_t i = 0; i < n; i++) {
		int err = cgw__trace_put(t, (const void *)(t->spare.buf + list[i].at));

		if (err)
			return err;
	}
	return 0;
}

/* Take what is in the rings into the queue, unless that is full. */
int cgw__trace_pull(struct cgw_trace *t)
{
	int err = 0;

	if (t->queue.len > QUEUE_BYTES)
		return 0;
	if (t->queue.pos == t->queue.len)
		t->queue.pos = t->queue.len = 0;
	t->wall_ns = now(CLOCK_REALTIME) - now(CLOCK_MONOTONIC);
	err = ring_buffer__consume(t->rings);
	err = err == -EXFULL || err > 0 ? 0 : err;
	for (size_t i = 0; i < t->n_armed && !err; i++)
		err = put_lost(t, &t->armed[i]);
	if (!err)
		err = cgw__freezing_due(t);
	if (!err && t->n_armed > 1 && !t->direct)
		err = sort_queue(t);
	return err;
}

/* Let the descriptor say that there is something, or that there is nothing but in the rings. */
static void set_ready(struct cgw_trace *t)
{
	bool ready = t->queue.pos < t->queue.len;
	uint64_t n = 1;

	if (ready == t->is_ready)
		return;
	if (ready ? write(t->ready_fd, &n, sizeof(n)) > 0 : read(t->ready_fd, &n, sizeof(n)) > 0)
		t->is_ready = ready;
}

/* While somebody waits for a state: what woke him is kept for cgw_trace_read(). */
int cgw__trace_keep(struct cgw_trace *t)
{
	int err = cgw__trace_pull(t);

	set_ready(t);
	return err;
}

/* Readable when the rings have something that was not pulled. */
int cgw__trace_ring(const struct cgw_trace *t)
{
	return ring_buffer__epoll_fd(t->rings);
}

int cgw_trace_read(struct cgw_trace *t, struct cgw_trace_event *ret_event)
{
	struct cgw__records *q = &t->queue;

	for (;;) {
		const struct cgw_trace_record *r;
		int err;

		if (q->pos == q->len) {
			err = cgw__trace_pull(t);
			if (err)
				return err;
		}
		if (q->pos == q->len) {
			set_ready(t);
			return 0;
		}
		r = (const void *)(q->buf + q->pos);
		q->pos += (r->size + 7U) & ~7U;
		if (r->kind == CGW_TRACE_FORGET) {
			cgw__names_release(t, r->group, r->source);
			continue;
		}
		fill_event(t, r, ret_event);
		if (r->kind == CGW_TRACE_DENY)
			cgw__verdicts_find(t, ret_event);
		return 1;
	}
}

int cgw_trace_consume(struct cgw_trace *t, cgw_trace_fn fn, void *arg)
{
	struct cgw_trace_event e;
	int got, err;

	/* What a wait for a freeze has taken comes first. */
	while (t->queue.pos < t->queue.len) {
		got = cgw_trace_read(t, &e);
		err = got > 0 ? fn(&e, arg) : got;
		if (err)
			return err;
	}
	t->direct = fn;
	t->direct_arg = arg;
	err = cgw__trace_pull(t);
	t->direct = NULL;
	set_ready(t);
	return err;
}

/* What a program's store takes to be seen here, and clocks of CPUs to agree, is far less. */
#define SETTLED_NS (1 * CGW_NSEC_PER_MSEC)

uint64_t cgw_trace_complete_ns(const struct cgw_trace *t)
{
	int64_t at = now(CLOCK_MONOTONIC) - SETTLED_NS;
	struct pollfd rings[CGW_TRACERS];

	for (size_t i = 0; i < t->n_armed; i++)
		rings[i] = (struct pollfd){
			.fd = bpf_object__find_map_fd_by_name(t->armed[i].obj, "events"),
			.events = POLLIN,
		};
	/* A program takes the time when it has room; from then on the ring is readable. */
	if (t->queue.pos < t->queue.len || poll(rings, t->n_armed, 0) || at < 0)
		return 0;
	return (uint64_t)at;
}

const char *cgw_trace_missing(const struct cgw_trace *t, size_t i)
{
	return i < t->n_missing ? t->missing[i] : NULL;
}

int cgw_trace_fd(const struct cgw_trace *t)
{
	return t->epoll_fd;
}

void cgw_trace_free(struct cgw_trace *t)
{
	if (!t)
		return;
	if (t->c->freezer == t)
		t->c->freezer = NULL;
	ring_buffer__free(t->rings);
	while (t->n_armed)
		cgw__tracer_disarm(&t->armed[--t->n_armed]);
	btf__free(t->btf);
	cgw__closep(&t->epoll_fd);
	cgw__closep(&t->timer_fd);
	cgw__closep(&t->ready_fd);
	cgw__names_free(t);
	cgw__freezing_free(t);
	cgw__verdicts_free(t);
	free(t->queue.buf);
	free(t->spare.buf);
	free(t);
}

static void trace_freep(struct cgw_trace **t)
{
	cgw_trace_free(*t);
}

static int add_fd(struct cgw_trace *t, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int make_fds(struct cgw_trace *t)
{
	int err = 0;

	t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	t->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	t->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->epoll_fd < 0 || t->timer_fd < 0 || t->ready_fd < 0)
		err = -errno;
	if (!err)
		err = add_fd(t, t->timer_fd);
	if (!err)
		err = add_fd(t, t->ready_fd);
	return err ? cgw__err(t->c, err, "cannot make the descriptors of a tracer") : 0;
}

/* All rings under one descriptor. */
static int join_rings(struct cgw_trace *t)
{
	int err = 0;

	for (size_t i = 0; i < t->n_armed && !err; i++) {
		int fd = bpf_object__find_map_fd_by_name(t->armed[i].obj, "events");

		if (t->rings) {
			err = ring_buffer__add(t->rings, fd, on_record, &t->armed[i]);
			continue;
		}
		t->rings = ring_buffer__new(fd, on_record, &t->armed[i], NULL);
		err = t->rings ? 0 : -errno;
	}
	if (!err)
		err = add_fd(t, ring_buffer__epoll_fd(t->rings));
	return err ? cgw__err(t->c, err, "cannot read the ring of a tracer") : 0;
}

static int check_opts(struct cgw *c, const struct cgw_trace_opts *o)
{
	long page = sysconf(_SC_PAGESIZE);

	if (o->sz != sizeof(*o))
		return cgw__bad(c, -EINVAL, "cannot trace: opts of another size");
	if (!o->tracers || o->tracers >= CGW_TRACER_BIT(CGW_TRACERS))
		return cgw__bad(c, -EINVAL,
				"cannot trace: no tracer is named, or one that there is not");
	if (o->n_groups > CGW_TRACE_TARGETS)
		return cgw__bad(c, -E2BIG,
				"cannot trace %zu groups: at most %d, with all below them",
				o->n_groups, CGW_TRACE_TARGETS);
	if (o->ring_bytes && (o->ring_bytes < (size_t)page || o->ring_bytes > 1U << 30 ||
			      o->ring_bytes & (o->ring_bytes - 1)))
		return cgw__bad(c, -ERANGE,
				"a ring of %zu bytes: it takes a power of two, %ld to %u",
				o->ring_bytes, page, 1U << 30);
	return 0;
}

int cgw_trace_new(struct cgw *c, const struct cgw_trace_opts *opts, struct cgw_trace **ret_t)
{
	_cleanup_(trace_freep) struct cgw_trace *t = NULL;
	struct stat st;
	int root, err = check_opts(c, opts);

	if (err)
		return err;
	root = cgw__root(c);
	if (root < 0)
		return root;
	t = calloc(1, sizeof(*t));
	if (!t)
		return cgw__oom(c);
	t->c = c;
	t->root = fstat(c->root_fd, &st) < 0 ? 0 : st.st_ino;
	t->epoll_fd = t->timer_fd = t->ready_fd = -EBADF;
	t->groups = opts->groups;
	t->n_groups = opts->n_groups;
	t->blocked_ms = opts->blocked_ms ? opts->blocked_ms : 1000;
	err = cgw__trace_btf(t);
	if (!err)
		err = make_fds(t);
	for (unsigned int i = 0; i < CGW_TRACERS && !err; i++)
		if (opts->tracers & CGW_TRACER_BIT(i))
			err = cgw__tracer_arm(t, tracers[i], opts->ring_bytes);
	if (!err)
		err = join_rings(t);
	if (err)
		return err;
	t->groups = NULL;
	if (opts->tracers & CGW_TRACER_BIT(CGW_TRACER_FREEZE))
		c->freezer = t;
	*ret_t = TAKE_PTR(t);
	return 0;
}

/* The hooks that a tracer is attached to, as "tp_btf/cgroup_freeze, fentry/oom_kill_process". */
static void list_hooks(const struct cgw__armed *a, char *buf, size_t size)
{
	struct bpf_program *p;
	size_t n = 0;

	buf[0] = '\0';
	bpf_object__for_each_program(p, a->obj)
		if (bpf_program__autoload(p) && n < size)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "",
					      bpf_program__section_name(p));
}

/* Each tracer is armed, over all groups, and taken away again. */
int cgw__probe_tracers(struct cgw *c, cgw_probe_fn fn, void *arg)
{
	int err = 0;

	for (unsigned int i = 0; i < CGW_TRACERS && !err; i++) {
		struct cgw_trace_opts opts = { .sz = sizeof(opts), .tracers = CGW_TRACER_BIT(i),
					       .blocked_ms = -1 };
		_cleanup_(trace_freep) struct cgw_trace *t = NULL;
		char feature[32], hooks[512];
		struct cgw_probe p = { .feature = feature };

		if (!tracers[i])
			continue;
		snprintf(feature, sizeof(feature), "trace_%s", cgw__tracer_name(i));
		if (cgw_trace_new(c, &opts, &t)) {
			p.why = cgw_strerror(c);
			p.hint = cgw_hint(c);
		} else {
			list_hooks(&t->armed[0], hooks, sizeof(hooks));
			p.works = true;
			p.how = hooks;
		}
		err = fn(&p, arg);
	}
	return err;
}

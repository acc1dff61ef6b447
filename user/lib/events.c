// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* One inotify instance for the events of any number of groups. */
#include <fnmatch.h>
#include <search.h>
#include <sys/inotify.h>
#include <time.h>

#include "events.h"

/* The name ends with the key that the file has. */
static const struct {
	const char *name;
	const char *file; /* fnmatch(3) pattern */
} kinds[] = {
	[CGW_EVENT_POPULATED] = { "populated", "cgroup.events" },
	[CGW_EVENT_FROZEN] = { "frozen", "cgroup.events" },
	[CGW_EVENT_MEMORY_LOW] = { "memory.low", "memory.events" },
	[CGW_EVENT_MEMORY_HIGH] = { "memory.high", "memory.events" },
	[CGW_EVENT_MEMORY_MAX] = { "memory.max", "memory.events" },
	[CGW_EVENT_MEMORY_OOM] = { "memory.oom", "memory.events" },
	[CGW_EVENT_MEMORY_OOM_KILL] = { "memory.oom_kill", "memory.events" },
	[CGW_EVENT_MEMORY_OOM_GROUP_KILL] = { "memory.oom_group_kill", "memory.events" },
	[CGW_EVENT_SWAP_HIGH] = { "memory.swap.high", "memory.swap.events" },
	[CGW_EVENT_SWAP_MAX] = { "memory.swap.max", "memory.swap.events" },
	[CGW_EVENT_SWAP_FAIL] = { "memory.swap.fail", "memory.swap.events" },
	[CGW_EVENT_PIDS_MAX] = { "pids.max", "pids.events" },
	[CGW_EVENT_HUGETLB_MAX] = { "hugetlb.max", "hugetlb.*.events" },
	[CGW_EVENT_MISC_MAX] = { "misc.max", "misc.events" },
	[CGW_EVENT_OTHER] = { "other", NULL },
	[CGW_EVENT_PRESSURE] = { "pressure", NULL },
	[CGW_EVENT_CREATED] = { "created", NULL },
	[CGW_EVENT_REMOVED] = { "removed", NULL },
	[CGW_EVENT_OVERFLOW] = { "overflow", NULL },
};

/* These end or shake up the stream: they are reported whatever was asked for. */
#define ALWAYS (CGW_EVENT_BIT(CGW_EVENT_REMOVED) | CGW_EVENT_BIT(CGW_EVENT_OVERFLOW))

const char *cgw_event_kind_name(enum cgw_event_kind kind)
{
	return kind < ARRAY_SIZE(kinds) ? kinds[kind].name : "?";
}

static const char *last_word(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

int cgw_event_kind_parse(const char *name, enum cgw_event_kind *ret_kind)
{
	size_t found = 0, n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!strcmp(kinds[i].name, name)) {
			*ret_kind = (enum cgw_event_kind)i;
			return 0;
		}
		if (!strcmp(last_word(kinds[i].name), name)) {
			found = i;
			n++;
		}
	}
	if (n != 1)
		return -EINVAL;
	*ret_kind = (enum cgw_event_kind)found;
	return 0;
}

static enum cgw_event_kind kind_of(const char *file, const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].file && !fnmatch(kinds[i].file, file, 0) &&
		    !strcmp(last_word(kinds[i].name), last_word(key)))
			return (enum cgw_event_kind)i;
	return CGW_EVENT_OTHER;
}

/* Can this file have events of these kinds? Any but cgroup.events may get new counters. */
bool cgw__event_file_wanted(const char *file, uint64_t wanted)
{
	if (wanted & CGW_EVENT_BIT(CGW_EVENT_OTHER) && strcmp(file, "cgroup.events"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (wanted & CGW_EVENT_BIT(i) && kinds[i].file && !fnmatch(kinds[i].file, file, 0))
			return true;
	return false;
}

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* Copy a string into the room at *p; NULL stays NULL. */
static const char *keep(char **p, const char *s)
{
	char *copy = *p;

	if (!s)
		return NULL;
	*p = stpcpy(copy, s) + 1;
	return copy;
}

/* Queue an event of n, or of none; the rest of *e is the caller's. */
int cgw__event_put(struct cgw_watch *w, const struct cgw__node *n, struct cgw_event *e)
{
	struct cgw__queued *q;
	char *p;

	if (n && !((n->kinds | ALWAYS) & CGW_EVENT_BIT(e->kind)))
		return 0;
	e->name = e->name ? e->name : kinds[e->kind].name;
	e->path = n ? n->path : "";
	q = calloc(1, sizeof(*q) + strlen(e->name) + strlen(e->path) + 4 +
			      (e->by ? strlen(e->by) : 0) + (e->detail ? strlen(e->detail) : 0));
	if (!q)
		return cgw__oom(w->c);
	p = q->strings;
	q->event = *e;
	q->event.name = keep(&p, e->name);
	q->event.path = keep(&p, e->path);
	q->event.by = keep(&p, e->by);
	q->event.detail = keep(&p, e->detail);
	q->event.id = n ? n->id : 0;
	q->event.time_ns = now(CLOCK_REALTIME);
	q->event.mono_ns = now(CLOCK_MONOTONIC);
	*w->tail = q;
	w->tail = &q->next;
	return 0;
}

int cgw__event_state(struct cgw_watch *w, const struct cgw__node *n, enum cgw_event_kind kind,
		     bool state)
{
	struct cgw_event e = { .kind = kind, .total = state };

	return cgw__event_put(w, n, &e);
}

int cgw__event_counter(struct cgw_watch *w, const struct cgw__node *n, const struct cgw__file *f,
		       const char *key, struct cgw_event *e)
{
	_cleanup_free_ char *name = NULL;

	if (asprintf(&name, "%.*s.%s", (int)(strlen(f->name) - strlen(".events")), f->name, key) < 0)
		return cgw__oom(w->c);
	e->kind = kind_of(f->name, key);
	e->name = name;
	return cgw__event_put(w, n, e);
}

int cgw_watch_new(struct cgw *c, struct cgw_watch **ret_w)
{
	struct cgw_watch *w;
	int root = cgw__root(c);

	if (root < 0)
		return root;
	w = calloc(1, sizeof(*w));
	if (!w)
		return cgw__oom(c);
	w->c = c;
	w->tail = &w->head;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0) {
		int err = cgw__err(c, -errno, "cannot make a watcher");

		if (err == -EMFILE)
			cgw__hint(c, "sysctl fs.inotify.max_user_instances=N raises how many a user may have; ulimit -n, the descriptors of a process");
		free(w);
		return err;
	}
	*ret_w = w;
	return 0;
}

/* A node and all below it. */
static void drop_tree(struct cgw_watch *w, struct cgw__node *n)
{
	while (n->children)
		drop_tree(w, n->children);
	cgw__node_drop(w, n);
}

/* Nodes that were noted and then dropped. */
static void bury_dirty(struct cgw_watch *w)
{
	while (w->dirty) {
		struct cgw__node *n = w->dirty;

		w->dirty = n->next;
		n->next = w->dead;
		w->dead = n;
	}
}

void cgw_watch_free(struct cgw_watch *w)
{
	if (!w)
		return;
	/* With the instance all its watches go at once. */
	close(w->fd);
	w->fd = -EBADF;
	if (w->nodes) {
		struct cgw__node *n = *(struct cgw__node **)w->nodes;

		while (n->parent)
			n = n->parent;
		drop_tree(w, n);
	}
	bury_dirty(w);
	cgw__nodes_bury(w);
	while (w->head) {
		struct cgw__queued *q = w->head;

		w->head = q->next;
		free(q);
	}
	free(w->current);
	free(w);
}

int cgw_watch_fd(const struct cgw_watch *w)
{
	return w->fd;
}

size_t cgw_watch_count(const struct cgw_watch *w)
{
	return w->watched;
}

/* The node of a group, which counts as watched from here on. */
int cgw__watch_begin(struct cgw_watch *w, struct cgw_group *g, uint64_t wanted,
		     struct cgw__node **ret_n)
{
	struct cgw__node *n;
	int err = cgw__node_get(w, g->path, &n);

	if (!err && n->id != g->id) {
		cgw__node_prune(w, n);
		cgw__nodes_bury(w);
		err = -ENOENT;
	}
	if (err == -ENOENT)
		return cgw__fail(w->c, -ENODEV, "cannot watch '%s': the group was removed", g->path);
	if (err)
		return err;
	w->watched += !n->kinds;
	n->kinds |= wanted;
	*ret_n = n;
	return 0;
}

int cgw_watch_add(struct cgw_watch *w, struct cgw_group *g, const struct cgw_watch_opts *opts)
{
	uint64_t wanted = opts && opts->kinds ? opts->kinds : UINT64_MAX;
	_cleanup_close_ int fd = -EBADF;
	struct cgw__node *n;
	int err;

	if (opts && opts->sz != sizeof(*opts))
		return cgw__bad(w->c, -EINVAL, "cannot watch '%s': opts of another size", g->path);
	err = cgw__watch_begin(w, g, wanted, &n);
	if (err)
		return err;
	for (const struct cgw__file *f = n->files; f; f = f->next)
		wanted |= f->triggers ? CGW_EVENT_BIT(CGW_EVENT_PRESSURE) : 0;
	n->kinds = wanted;
	n->flags = opts ? opts->flags : 0;
	n->followed = n->fresh = false;
	if (!(n->flags & CGW_WATCH_RECURSIVE))
		cgw__node_unfollow(w, n);
	fd = cgw__node_open(w, n);
	err = fd < 0 ? fd : cgw__node_watch(w, n, fd);
	if (err)
		cgw__node_unwatch(w, n);
	cgw__nodes_bury(w);
	/* What has run out is told already, with what to do about it. */
	if (!err || err == -ENOSPC || err == -ENOMEM)
		return err;
	return cgw__err(w->c, err, "cannot watch '%s'", g->path);
}

int cgw_watch_remove(struct cgw_watch *w, struct cgw_group *g)
{
	struct cgw__node *n = cgw__node_find(w, g->id);

	if (!n || !n->kinds)
		return cgw__fail(w->c, -ENOENT, "'%s' is not watched", g->path);
	cgw__node_unwatch(w, n);
	cgw__nodes_bury(w);
	return 0;
}

/* The group and those below it are gone: each that was watched gets its last event. */
static int end_tree(struct cgw_watch *w, struct cgw__node *n)
{
	int err = 0, one;

	while (n->children) {
		one = end_tree(w, n->children);
		err = one ? one : err;
	}
	if (n->kinds && n->populated && !err)
		err = cgw__event_state(w, n, CGW_EVENT_POPULATED, false);
	if (n->kinds && !err)
		err = cgw__event_put(w, n, &(struct cgw_event){ .kind = CGW_EVENT_REMOVED });
	w->watched -= n->kinds != 0;
	cgw__node_drop(w, n);
	return err;
}

static int end_group(struct cgw_watch *w, struct cgw__node *n)
{
	struct cgw__node *parent = n->parent;
	int err = end_tree(w, n);

	cgw__node_prune(w, parent);
	return err;
}

static int read_file(struct cgw_watch *w, struct cgw__node *n, struct cgw__file *f, int dirfd)
{
	_cleanup_close_ int again = -EBADF;
	int err;

	if (!f->dirty || !strcmp(f->name, "cgroup.events"))
		return 0;
	f->dirty = false;
	err = f->triggers ? cgw__triggers_read(w, n, f, dirfd) :
			    cgw__counters_read(w, n, f, dirfd, true);
	if (err != -ENOENT && err != -ENODEV)
		return err;
	/* Is the group gone, or the controller? */
	again = cgw__node_open(w, n);
	if (again < 0)
		return again;
	cgw__file_drop(w, f);
	return 0;
}

/*
 * Read what has changed. The states come first and are told last: whatever was counted before
 * a group became empty is then read after it did, and told before.
 */
static int read_node(struct cgw_watch *w, struct cgw__node *n, int dirfd)
{
	int populated = n->populated, frozen = n->frozen, err = 0;
	struct cgw__file *next, *states;

	if (n->rescan) {
		n->rescan = false;
		err = n->kinds ? cgw__node_scan(w, n, dirfd, true) : cgw__node_limits(w, n);
	}
	states = cgw__file_find(n, "cgroup.events");
	if (!err && states && states->dirty)
		err = cgw__states_read(w, dirfd, &populated, &frozen);
	for (struct cgw__file *f = n->files; f && !err; f = next) {
		next = f->next;
		f->dirty = f->dirty || (n->populated && !populated);
		err = read_file(w, n, f, dirfd);
	}
	if (!states || err)
		return err;
	states->dirty = false;
	if (frozen != n->frozen)
		err = cgw__event_state(w, n, CGW_EVENT_FROZEN, frozen);
	if (!err && populated != n->populated)
		err = cgw__event_state(w, n, CGW_EVENT_POPULATED, populated);
	n->frozen = frozen;
	n->populated = populated;
	return err;
}

static int visit(struct cgw_watch *w, struct cgw__node *n)
{
	_cleanup_close_ int fd = cgw__node_open(w, n);
	int err = fd < 0 ? fd : read_node(w, n, fd);

	if (err == -ENODEV)
		return end_group(w, n);
	return err ? cgw__err(w->c, err, "cannot read the events of '%s'", n->path) : 0;
}

static void set_dirty(struct cgw_watch *w, struct cgw__node *n)
{
	if (n->dirty)
		return;
	n->dirty = true;
	n->next = w->dirty;
	w->dirty = n;
}

static void all_dirty(struct cgw_watch *w, struct cgw__node *n)
{
	for (struct cgw__file *f = n->files; f; f = f->next)
		f->dirty = true;
	n->rescan = true;
	set_dirty(w, n);
	for (struct cgw__node *child = n->children; child; child = child->sibling)
		all_dirty(w, child);
}

/* Events were lost: everything is looked at again. */
static int overflow(struct cgw_watch *w)
{
	struct cgw__node *n = w->nodes ? *(struct cgw__node **)w->nodes : NULL;

	while (n && n->parent)
		n = n->parent;
	if (n)
		all_dirty(w, n);
	return cgw__event_put(w, NULL, &(struct cgw_event){ .kind = CGW_EVENT_OVERFLOW });
}

/* A child that has this name may be gone; it is found out when it is visited. */
static void disappeared(struct cgw_watch *w, struct cgw__node *parent, const char *name)
{
	for (struct cgw__node *n = parent->children; n; n = n->sibling)
		if (!strcmp(strrchr(n->path, '/') + 1, name))
			set_dirty(w, n);
}

/* One event of inotify: note what is to be read. */
static int note(struct cgw_watch *w, const struct inotify_event *ev)
{
	const struct cgw__mark *m = cgw__mark_find(w, ev->wd);

	if (ev->mask & IN_Q_OVERFLOW)
		return overflow(w);
	if (!m)
		return 0; /* of before the watch was taken away */
	if (m->f) {
		m->f->dirty = true;
		set_dirty(w, m->n);
	} else if (m == &m->n->control) {
		/* It is for the groups below. */
		for (struct cgw__node *n = m->n->children; n; n = n->sibling) {
			n->rescan = true;
			set_dirty(w, n);
		}
	} else if (ev->mask & IN_CREATE && ev->mask & IN_ISDIR) {
		return cgw__node_appeared(w, m->n, ev->name);
	} else if (ev->mask & IN_DELETE && ev->mask & IN_ISDIR) {
		disappeared(w, m->n, ev->name);
	}
	return 0;
}

static size_t depth(const struct cgw__node *n)
{
	size_t d = 0;

	for (; n; n = n->parent)
		d++;
	return d;
}

struct visited {
	struct cgw__node *n;
	size_t depth;
};

/* Deepest first: an event of a group below explains that of the group above. */
static int compare_depths(const void *a, const void *b)
{
	const struct visited *x = a, *y = b;

	return (x->depth < y->depth) - (x->depth > y->depth);
}

static int visit_dirty(struct cgw_watch *w)
{
	_cleanup_free_ struct visited *list = NULL;
	size_t n = 0;
	int err = 0;

	for (const struct cgw__node *node = w->dirty; node; node = node->next)
		n++;
	list = calloc(n ? n : 1, sizeof(*list));
	if (!list)
		return cgw__oom(w->c);
	n = 0;
	while (w->dirty) {
		struct cgw__node *node = w->dirty;

		w->dirty = node->next;
		node->dirty = false;
		if (node->dead) { /* between its event and now */
			node->next = w->dead;
			w->dead = node;
			continue;
		}
		list[n++] = (struct visited){ node, depth(node) };
	}
	qsort(list, n, sizeof(*list), compare_depths);
	for (size_t i = 0; i < n; i++) {
		int one = list[i].n->dead ? 0 : visit(w, list[i].n);

		err = one ? one : err;
	}
	return err;
}

/* Take what the kernel has queued, and read what it is about. */
static int refill(struct cgw_watch *w)
{
	char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t len;
	int err = 0, one;

	do {
		len = read(w->fd, buf, sizeof(buf));
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		return errno == EAGAIN ? 0 : cgw__err(w->c, -errno, "cannot read inotify events");
	for (ssize_t i = 0; i < len;) {
		const struct inotify_event *ev = (const void *)(buf + i);

		one = note(w, ev);
		err = one ? one : err;
		i += (ssize_t)(sizeof(*ev) + ev->len);
	}
	one = visit_dirty(w);
	cgw__nodes_bury(w);
	return one ? one : err;
}

int cgw_watch_read(struct cgw_watch *w, struct cgw_event *ret_event)
{
	struct cgw__queued *q;
	int err;

	free(w->current);
	w->current = NULL;
	if (!w->head && !w->pending) {
		w->pending = refill(w);
		w->error = w->c->error;
	}
	if (!w->head) {
		err = w->pending;
		w->pending = 0;
		if (err)
			w->c->error = w->error;
		return err;
	}
	q = w->head;
	w->head = q->next;
	if (!w->head)
		w->tail = &w->head;
	w->current = q;
	*ret_event = q->event;
	return 1;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Counters of events files: what rose since the last look, and whose limit made it. */
#include <inttypes.h>

#include "events.h"

/*
 * A limit and the kill it leads to are counted within one system call, at two places. Within
 * this time they are taken to belong together: notifications come 10 ms apart at least, a
 * console at 9600 baud takes a second for the kernel's report.
 */
#define TOGETHER_NS 2000000000LL

struct reading {
	struct cgw__file *f;
	bool local;
	int64_t now;
};

/* Where the counter is linked in, or where one is to be: they stay in the file's order. */
static struct cgw__counter **find_place(struct cgw__counter **p, const char *key)
{
	while (*p && strcmp((*p)->key, key))
		p = &(*p)->next;
	return p;
}

static int take_counter(const char *name, const char *key, const char *value, void *arg)
{
	const struct reading *r = arg;
	struct cgw__counter **place = find_place(&r->f->counters, key), *c = *place;
	uint64_t n = strtoull(value, NULL, 10);

	(void)name;
	if (!c) {
		c = calloc(1, sizeof(*c) + strlen(key) + 1);
		if (!c)
			return -ENOMEM;
		memcpy(c->key, key, strlen(key) + 1);
		*place = c;
	}
	if (r->local) {
		if (n > c->local)
			c->rose_ns = r->now;
		c->local = n;
	} else {
		c->seen = n;
	}
	return 0;
}

static int read_counters(struct cgw_watch *w, struct cgw__file *f, int dirfd, bool local)
{
	struct reading r = { .f = f, .local = local, .now = cgw__now_ns() };
	_cleanup_free_ char *text = NULL, *name = NULL;
	ssize_t n;

	if (local && asprintf(&name, "%s.local", f->name) < 0)
		return cgw__oom(w->c);
	n = cgw__read_at(w->c, dirfd, local ? name : f->name, &text);
	if (n < 0)
		return (int)n;
	/* A file of a form that is not known has no counters. */
	return cgw_parse_flat(text, take_counter, &r) == -ENOMEM ? -ENOMEM : 0;
}

/* What happened at the group's own level. */
int cgw__counters_local(struct cgw_watch *w, struct cgw__file *f, int dirfd)
{
	return read_counters(w, f, dirfd, true);
}

/* "populated" and "frozen"; what the file does not have is left as it is. */
int cgw__states_read(struct cgw_watch *w, int dirfd, int *ret_populated, int *ret_frozen)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n = cgw__read_at(w->c, dirfd, "cgroup.events", &text);

	if (n < 0)
		return n == -ENOENT ? -ENODEV : (int)n;
	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (!strncmp(line, "populated ", 10))
			*ret_populated = line[10] == '1';
		else if (!strncmp(line, "frozen ", 7))
			*ret_frozen = line[7] == '1';
	return 0;
}

static uint64_t read_number(struct cgw_watch *w, const struct cgw__node *n, const char *stem,
			    const char *tail)
{
	_cleanup_close_ int fd = cgw__node_open(w, n);
	_cleanup_free_ char *text = NULL;
	char file[300];

	snprintf(file, sizeof(file), "%s.%s", stem, tail);
	if (fd < 0 || cgw__read_at(w->c, fd, file, &text) < 0)
		return strcmp(tail, "current") ? UINT64_MAX : 0;
	return strcmp(text, "max") ? strtoull(text, NULL, 10) : UINT64_MAX;
}

/* "hugetlb.2MB" as bytes. */
static uint64_t page_bytes(const char *stem)
{
	char *unit;
	uint64_t n = strtoull(stem + strlen("hugetlb."), &unit, 10);

	return n << (*unit == 'G' ? 30 : *unit == 'M' ? 20 : 10);
}

/* The nearest group, from n up, that has no room for one more; of hugetlb also reserved ones. */
static struct cgw__node *find_full(struct cgw_watch *w, struct cgw__node *n,
				   const struct cgw__file *f)
{
	uint64_t unit = strncmp(f->name, "hugetlb.", 8) ? 1 : page_bytes(f->name);
	char stem[256], reserved[270];

	snprintf(stem, sizeof(stem), "%.*s", (int)(strlen(f->name) - strlen(".events")), f->name);
	snprintf(reserved, sizeof(reserved), "%s.rsvd", stem);
	for (; n; n = n->parent) {
		if (read_number(w, n, stem, "current") + unit > read_number(w, n, stem, "max"))
			return n;
		if (unit > 1 && read_number(w, n, reserved, "current") + unit >
					read_number(w, n, reserved, "max"))
			return n;
	}
	return NULL;
}

static bool just_rose(const struct cgw__node *n, const char *file, const char *key, int64_t now)
{
	struct cgw__file *f = cgw__file_find(n, file);
	const struct cgw__counter *c = f ? *find_place(&f->counters, key) : NULL;

	return c && c->rose_ns && now - c->rose_ns < TOGETHER_NS;
}

/* The deepest group below n whose own counter rose just now. */
static struct cgw__node *find_below(struct cgw__node *n, const char *file, const char *key,
				    int64_t now)
{
	for (struct cgw__node *child = n->children; child; child = child->sibling) {
		struct cgw__node *found = find_below(child, file, key, now);

		if (found)
			return found;
		if (just_rose(child, file, key, now))
			return child;
	}
	return NULL;
}

/*
 * A kill is counted where the victim was, "oom" where the limit is, before it. Both are read
 * in the other order, so the level is found in which "oom" rose.
 */
static struct cgw__node *find_killer(struct cgw_watch *w, struct cgw__node *n, bool own)
{
	int64_t now = cgw__now_ns();
	struct cgw__node *found = own ? NULL : find_below(n, "memory.events", "oom", now);

	for (; n && !found; n = n->parent) {
		struct cgw__file *f = cgw__file_find(n, "memory.events");
		_cleanup_close_ int fd = f && f->has_local ? cgw__node_open(w, n) : -EBADF;

		if (fd >= 0)
			cgw__counters_local(w, f, fd);
		if (just_rose(n, "memory.events", "oom", cgw__now_ns()))
			found = n;
	}
	return found;
}

/*
 * Whose limit made the counter of n rise? own: did it happen at n's own level? The kernel
 * counts an event at the level of the limit and above it, with exceptions: kills, pids.events
 * before Linux 6.11 and hugetlb are counted where the process was.
 */
static struct cgw__node *find_by(struct cgw_watch *w, struct cgw__node *n,
				 const struct cgw__file *f, const struct cgw__counter *c, bool own)
{
	bool kill = !strcmp(f->name, "memory.events") &&
		    (!strcmp(c->key, "oom_kill") || !strcmp(c->key, "oom_group_kill"));
	bool placed = strncmp(f->name, "hugetlb.", 8) &&
		      (strcmp(f->name, "pids.events") || f->has_local);

	if (kill)
		return find_killer(w, n, own);
	if (!own)
		n = find_below(n, f->name, c->key, cgw__now_ns());
	return placed || !n ? n : find_full(w, n, f);
}

/* Tell what an ancestor's limit did to the groups below it that asked for that. */
static int tell_below(struct cgw_watch *w, struct cgw__node *n, const struct cgw__node *by,
		      const struct cgw__file *f, const struct cgw__counter *c)
{
	int err = 0;

	for (struct cgw__node *child = n->children; child && !err; child = child->sibling) {
		if (child->kinds && !child->followed && child->flags & CGW_WATCH_ANCESTORS) {
			struct cgw_event e = { .delta = c->local - c->local_told,
					       .total = c->local,
					       .by = by->path,
					       .by_id = by->id };

			err = cgw__event_counter(w, child, f, c->key, &e);
		}
		if (!err)
			err = tell_below(w, child, by, f, c);
	}
	return err;
}

/* Events that an ancestor's limit causes below; kills are told where the victim was. */
static bool concerns_below(const struct cgw__file *f, const struct cgw__counter *c)
{
	if (!strcmp(f->name, "memory.events"))
		return !strcmp(c->key, "max") || !strcmp(c->key, "high") || !strcmp(c->key, "oom");
	return !strcmp(f->name, "pids.events");
}

static int report(struct cgw_watch *w, struct cgw__node *n, struct cgw__file *f,
		  struct cgw__counter *c)
{
	bool alone = n->followed && f->has_local;
	uint64_t own = c->local > c->local_reported ? c->local - c->local_reported : 0;
	uint64_t delta = alone ? own : c->seen > c->reported ? c->seen - c->reported : 0;
	struct cgw_event e = { .delta = delta, .own = own < delta ? own : delta };
	const struct cgw__node *by;

	if (!delta)
		return 0;
	e.total = alone ? c->local : c->seen;
	by = find_by(w, n, f, c, e.own);
	if (by) {
		e.by = by->path;
		e.by_id = by->id;
	}
	c->reported = c->seen;
	c->local_reported += e.own;
	return cgw__event_counter(w, n, f, c->key, &e);
}

/*
 * Read a file of counters. Those of the subtree first: what happens between the two reads is
 * then at worst told as the group's own the next time.
 */
int cgw__counters_read(struct cgw_watch *w, struct cgw__node *n, struct cgw__file *f, int dirfd,
		       bool tell)
{
	int err = n->kinds ? read_counters(w, f, dirfd, false) : 0;

	if (!err) {
		err = cgw__counters_local(w, f, dirfd);
		f->has_local = !err;
		err = err == -ENOENT ? 0 : err;
	}
	for (struct cgw__counter *c = f->counters; c && !err; c = c->next) {
		if (!f->has_local && c->seen > c->local) {
			c->local = c->seen;
			c->rose_ns = cgw__now_ns();
		}
		if (!tell) {
			c->reported = c->seen;
			c->local_reported = c->local_told = c->local;
			c->rose_ns = 0;
			continue;
		}
		if (n->kinds)
			err = report(w, n, f, c);
		if (!err && c->local > c->local_told && f->has_local && concerns_below(f, c))
			err = tell_below(w, n, n, f, c);
		c->local_told = c->local;
	}
	return err;
}

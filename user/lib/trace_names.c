// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Paths of groups by number: told by the kernel before a group's first record, kept after rmdir. */
#include <limits.h>
#include <search.h>
#include <stddef.h>

#include "tracer.h"

struct cgw__name {
	uint64_t id;
	uint64_t parent;
	char *path;	   /* made when it is asked for */
	unsigned int held; /* bit per tracer that told it, and not that the group is gone */
	char name[];
};

static int compare(const void *a, const void *b)
{
	const struct cgw__name *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static struct cgw__name *find(struct cgw_trace *t, uint64_t id)
{
	const struct cgw__name key = { .id = id };
	void *found = tfind(&key, &t->names, compare);

	return found ? *(struct cgw__name **)found : NULL;
}

/* A name stands for an older one of the same group. */
static struct cgw__name *add(struct cgw_trace *t, uint64_t id, const char *name, size_t len)
{
	struct cgw__name *n = calloc(1, sizeof(*n) + len + 1), *old = find(t, id);

	if (n)
		n->held = old ? old->held : 0;
	cgw__names_drop(t, id);
	if (!n)
		return NULL;
	n->id = id;
	memcpy(n->name, name, len);
	if (tsearch(n, &t->names, compare))
		return n;
	free(n);
	return NULL;
}

int cgw__names_put(struct cgw_trace *t, const struct cgw_trace_group *r)
{
	size_t room = r->head.size - offsetof(struct cgw_trace_group, name);
	struct cgw__name *n = add(t, r->head.group, r->name, strnlen(r->name, room));

	if (!n)
		return cgw__oom(t->c);
	n->parent = r->parent;
	return 0;
}

void cgw__names_drop(struct cgw_trace *t, uint64_t id)
{
	struct cgw__name *n = find(t, id);

	if (!n)
		return;
	tdelete(n, &t->names, compare);
	free(n->path);
	free(n);
}

/* Each tracer tells a group's name, and in the end that the group is gone, in its own time. */
void cgw__names_hold(struct cgw_trace *t, uint64_t id, unsigned int tracer)
{
	struct cgw__name *n = find(t, id);

	if (n)
		n->held |= 1U << tracer;
}

void cgw__names_release(struct cgw_trace *t, uint64_t id, unsigned int tracer)
{
	struct cgw__name *n = find(t, id);

	if (!n)
		return;
	n->held &= ~(1U << tracer);
	if (!n->held)
		cgw__names_drop(t, id);
}

/* 0 when it is not known. */
uint64_t cgw__names_parent(struct cgw_trace *t, uint64_t id)
{
	const struct cgw__name *n = find(t, id);

	return n ? n->parent : 0;
}

/* The path of a group that was never named, if it is still there. */
static const char *ask(struct cgw_trace *t, uint64_t id)
{
	struct cgw__name *n;
	char path[PATH_MAX];

	if (!id || cgw__path_by_id(t->c, id, path, sizeof(path)))
		return "";
	n = add(t, id, "", 0);
	if (!n)
		return "";
	n->path = strdup(path);
	return n->path ? n->path : "";
}

/* "" for a group that was never named and is not there. */
const char *cgw__names_path(struct cgw_trace *t, uint64_t id)
{
	struct cgw__name *n = find(t, id);
	const char *above;

	if (id == t->root)
		return "/";
	if (!n)
		return ask(t, id);
	if (n->path)
		return n->path;
	/* As deep as the kernel lets groups be: the parents end. */
	above = cgw__names_path(t, n->parent);
	if (asprintf(&n->path, "%s/%s", !above[0] ? "/..." : above[1] ? above : "", n->name) < 0)
		n->path = NULL;
	return n->path ? n->path : "";
}

void cgw__names_free(struct cgw_trace *t)
{
	while (t->names)
		cgw__names_drop(t, (*(struct cgw__name **)t->names)->id);
}

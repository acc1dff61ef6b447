// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Paths of groups by number: told by the kernel before a group's first record, kept after rmdir. */
#include <limits.h>
#include <search.h>

#include "tracer.h"

struct cgw__name {
	uint64_t id;
	char path[];
};

static int compare(const void *a, const void *b)
{
	const struct cgw__name *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Take over a name; it stands for an older one of the same group. */
static int keep(struct cgw_trace *t, struct cgw__name *name)
{
	cgw__names_drop(t, name->id);
	if (tsearch(name, &t->names, compare))
		return 0;
	free(name);
	return cgw__oom(t->c);
}

/* "leaf\0parent\0" to "/parent/leaf"; what is missing at the top is "...". */
int cgw__names_put(struct cgw_trace *t, const struct cgw_trace_group *r)
{
	size_t len = r->len < sizeof(r->names) ? r->len : sizeof(r->names), begin = len;
	struct cgw__name *name = calloc(1, sizeof(*name) + len + 8);
	char *p;

	if (!name)
		return cgw__oom(t->c);
	name->id = r->head.group;
	p = stpcpy(name->path, r->cut ? "/..." : r->outside ? "/.." : "");
	while (begin) {
		size_t end = begin - 1; /* of its NUL */

		for (begin = end; begin && r->names[begin - 1]; begin--)
			;
		*p++ = '/';
		memcpy(p, r->names + begin, end - begin);
		p += end - begin;
	}
	if (p == name->path)
		*p++ = '/';
	*p = '\0';
	return keep(t, name);
}

void cgw__names_drop(struct cgw_trace *t, uint64_t id)
{
	const struct cgw__name key = { .id = id };
	void *found = tfind(&key, &t->names, compare);
	struct cgw__name *name = found ? *(struct cgw__name **)found : NULL;

	if (name)
		tdelete(&key, &t->names, compare);
	free(name);
}

/* "" for a group that was never named and is not there. */
const char *cgw__names_path(struct cgw_trace *t, uint64_t id)
{
	const struct cgw__name key = { .id = id };
	void *found = tfind(&key, &t->names, compare);
	struct cgw__name *name;
	char path[PATH_MAX];

	if (found)
		return (*(struct cgw__name **)found)->path;
	if (!id || cgw__path_by_id(t->c, id, path, sizeof(path)))
		return "";
	name = calloc(1, sizeof(*name) + strlen(path) + 1);
	if (!name)
		return "";
	name->id = id;
	memcpy(name->path, path, strlen(path) + 1);
	return keep(t, name) ? "" : name->path;
}

void cgw__names_free(struct cgw_trace *t)
{
	while (t->names)
		cgw__names_drop(t, (*(struct cgw__name **)t->names)->id);
}

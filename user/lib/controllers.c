// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Which controllers a group has and passes on to its children. */
#include "internal.h"

int cgw_group_controllers(struct cgw_group *g, enum cgw_controllers which, char **ret_names)
{
	const char *file = which == CGW_CONTROLLERS_AVAILABLE ? "cgroup.controllers" :
								"cgroup.subtree_control";
	ssize_t n = cgw_group_read(g, file, ret_names);

	return n < 0 ? (int)n : 0;
}

/* Controllers that can work in threaded groups; the others need a domain. */
static bool is_threaded_controller(const char *name)
{
	return cgw__has_word("cpu cpuset perf_event pids", name);
}

static int write_control(struct cgw_group *g, char sign, const char *name)
{
	char word[80];

	snprintf(word, sizeof(word), "%c%s", sign, name);
	return cgw__write_at(g->c, g->fd, "cgroup.subtree_control", word);
}

static int explain_enable(struct cgw_group *g, const char *name, int err)
{
	struct cgw *c = g->c;
	char what[640], who[400];

	snprintf(what, sizeof(what), "cannot enable controller '%s' in '%s'", name, g->path);
	switch (err) {
	case -ENOENT:
	case -EINVAL: {
		_cleanup_free_ char *have = NULL;

		if (cgw__read_at(c, g->fd, "cgroup.controllers", &have) >= 0 &&
		    !cgw__has_word(have, name))
			return cgw__explain_controller(g, what, name);
		cgw__err(c, err, "%s", what);
		if (!strcmp(name, "cpu"))
			cgw__hint(c, "move real-time processes to the root group first");
		return err;
	}
	case -EBUSY:
		cgw__describe_procs(g, false, who, sizeof(who));
		cgw__fail(c, err, "%s: it holds processes itself: %s", what, who[0] ? who : "none now");
		cgw__hint(c, "no-internal-process rule: move them into a child: cgward create %s/leaf, cgward attach %s/leaf PID",
			  g->path, g->path);
		return err;
	case -EOPNOTSUPP:
		cgw__fail(c, err, "%s: the group is threaded, '%s' needs a domain", what, name);
		return err;
	case -EACCES:
	case -EPERM:
	case -EROFS:
		return cgw__explain_access(c, err, what, g->path);
	default:
		return cgw__err(c, err, "%s", what);
	}
}

/*
 * The kernel lets threaded controllers be enabled over processes, and turns the group into
 * a thread root whose children accept nobody ("domain invalid"). Nobody wants that.
 */
static bool would_become_thread_root(struct cgw_group *g, const char *name)
{
	_cleanup_free_ char *type = NULL, *procs = NULL;

	if (!is_threaded_controller(name) || cgw__group_is_root(g))
		return false;
	return cgw__read_at(g->c, g->fd, "cgroup.type", &type) >= 0 && !strcmp(type, "domain") &&
	       cgw__read_at(g->c, g->fd, "cgroup.procs", &procs) > 0;
}

static int enable_one(struct cgw_group *g, const char *name, struct cgw__enabled **done)
{
	_cleanup_free_ struct cgw__enabled *item = NULL;
	_cleanup_free_ char *enabled = NULL;
	ssize_t n;
	int err;

	n = cgw_group_read(g, "cgroup.subtree_control", &enabled);
	if (n < 0)
		return (int)n;
	if (cgw__has_word(enabled, name))
		return 0;
	if (would_become_thread_root(g, name))
		return explain_enable(g, name, -EBUSY);
	item = calloc(1, sizeof(*item));
	if (!item)
		return cgw__oom(g->c);
	snprintf(item->name, sizeof(item->name), "%s", name);
	err = cgw__group_open_at(g->c, g->path, &item->g);
	if (err)
		return err;
	err = write_control(g, '+', name);
	if (err) {
		cgw_group_close(item->g);
		return explain_enable(g, name, err);
	}
	item->next = *done;
	*done = TAKE_PTR(item);
	return 0;
}

/* Last enabled first, so children before their ancestors. The error told is the first one. */
void cgw__enable_undo(struct cgw__enabled **done)
{
	for (struct cgw__enabled *e = *done; e; e = e->next)
		write_control(e->g, '-', e->name);
	cgw__enable_keep(done);
}

void cgw__enable_keep(struct cgw__enabled **done)
{
	while (*done) {
		struct cgw__enabled *e = *done;

		*done = e->next;
		cgw_group_close(e->g);
		free(e);
	}
}

static int enable_word(struct cgw_group *g, const char *word, size_t len,
		       struct cgw__enabled **done)
{
	char name[sizeof((*done)->name)];
	const char *p = g->path;

	if (len >= sizeof(name))
		return cgw__bad(g->c, -EINVAL, "bad controller name '%.*s'", (int)len, word);
	memcpy(name, word, len);
	name[len] = '\0';
	for (;;) {
		_cleanup_(cgw__group_closep) struct cgw_group *at = NULL;
		_cleanup_free_ char *path = NULL;
		int err;

		path = p == g->path ? strdup("/") : strndup(g->path, p - g->path);
		if (!path)
			return cgw__oom(g->c);
		err = cgw__group_open_at(g->c, path, &at);
		if (!err)
			err = enable_one(at, name, done);
		if (err || !p[0] || !p[1])
			return err;
		p += 1 + strcspn(p + 1, "/");
	}
}

/* Enable names from the root down to g; what was done is added to done, also on failure. */
int cgw__enable(struct cgw_group *g, const char *names, struct cgw__enabled **done)
{
	const char *word;
	size_t len;

	while ((word = cgw__next_word(&names, &len))) {
		int err = enable_word(g, word, len, done);

		if (err)
			return err;
	}
	return 0;
}

int cgw_group_enable(struct cgw_group *g, const char *names)
{
	struct cgw__enabled *done = NULL;
	int err = cgw__enable(g, names, &done);

	if (err)
		cgw__enable_undo(&done);
	else
		cgw__enable_keep(&done);
	return err;
}

struct disable {
	const char *name;
	struct cgw_group *top;
	struct cgw__enabled *done;
	bool recursive;
};

static int explain_disable(struct cgw_group *g, const char *name, int err)
{
	char what[640];

	snprintf(what, sizeof(what), "cannot disable controller '%s' in '%s'", name, g->path);
	if (err == -ENOENT)
		return cgw__explain_controller(g, what, name);
	if (err == -EACCES || err == -EPERM || err == -EROFS)
		return cgw__explain_access(g->c, err, what, g->path);
	return cgw__err(g->c, err, "%s", what);
}

static int disable_in(struct cgw_group *g, void *arg)
{
	_cleanup_free_ struct cgw__enabled *item = NULL;
	_cleanup_free_ char *enabled = NULL;
	struct disable *d = arg;
	int err;

	if (cgw__read_at(g->c, g->fd, "cgroup.subtree_control", &enabled) < 0 ||
	    !cgw__has_word(enabled, d->name))
		return 0;
	if (g != d->top && !d->recursive) {
		cgw__fail(g->c, -EBUSY, "cannot disable controller '%s' in '%s': it is enabled below, in '%s'",
			  d->name, d->top->path, g->path);
		cgw__hint(g->c, "--recursive disables it there first");
		return -EBUSY;
	}
	item = calloc(1, sizeof(*item));
	if (!item)
		return cgw__oom(g->c);
	snprintf(item->name, sizeof(item->name), "%s", d->name);
	err = cgw__group_open_at(g->c, g->path, &item->g);
	if (err)
		return err;
	err = write_control(g, '-', d->name);
	if (err) {
		cgw_group_close(item->g);
		return explain_disable(g, d->name, err);
	}
	item->next = d->done;
	d->done = TAKE_PTR(item);
	return 0;
}

int cgw_group_disable(struct cgw_group *g, const char *names, bool recursive)
{
	struct disable d = { .top = g, .recursive = recursive };
	const char *word;
	size_t len;
	int err = 0;

	while (!err && (word = cgw__next_word(&names, &len))) {
		_cleanup_free_ char *name = strndup(word, len);
		_cleanup_free_ char *have = NULL;

		if (!name)
			err = cgw__oom(g->c);
		else
			err = cgw_group_controllers(g, CGW_CONTROLLERS_AVAILABLE, &have);
		if (!err && !cgw__has_word(have, name))
			err = explain_disable(g, name, -ENOENT);
		d.name = name;
		if (!err)
			err = cgw_group_for_each(g, CGW_WALK_POST, disable_in, &d);
	}
	/* The list begins with the last one disabled: an ancestor comes before its children. */
	for (struct cgw__enabled *e = d.done; err && e; e = e->next)
		write_control(e->g, '+', e->name);
	cgw__enable_keep(&d.done);
	return err;
}

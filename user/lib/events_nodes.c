// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What a watch knows of groups: nodes, their files, the inotify watches on them. */
#include <search.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "events.h"

static int compare_marks(const void *a, const void *b)
{
	const struct cgw__mark *x = a, *y = b;

	return (x->wd > y->wd) - (x->wd < y->wd);
}

static int compare_nodes(const void *a, const void *b)
{
	const struct cgw__node *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

struct cgw__mark *cgw__mark_find(const struct cgw_watch *w, int wd)
{
	const struct cgw__mark key = { .wd = wd };
	void *found = tfind(&key, &w->marks, compare_marks);

	return found ? *(struct cgw__mark **)found : NULL;
}

struct cgw__node *cgw__node_find(const struct cgw_watch *w, uint64_t id)
{
	const struct cgw__node key = { .id = id };
	void *found = tfind(&key, &w->nodes, compare_nodes);

	return found ? *(struct cgw__node **)found : NULL;
}

static int no_watches(struct cgw_watch *w, const struct cgw__mark *m)
{
	cgw__fail(w->c, -ENOSPC, "cannot watch '%s': no inotify watch is left, this watcher has %zu",
		  m->n->path, w->n_marks);
	cgw__hint(w->c, "sysctl fs.inotify.max_user_watches=N raises what a user may have");
	return -ENOSPC;
}

/*
 * Watch a file of a group, or "." for its directory. The name is resolved beneath the group;
 * inotify gets the descriptor, which is closed again.
 */
int cgw__mark_add(struct cgw_watch *w, struct cgw__mark *m, int dirfd, const char *file,
		  uint32_t mask)
{
	_cleanup_close_ int fd = -EBADF;
	char path[64];

	if (m->wd >= 0)
		return 0;
	fd = cgw__open_beneath(w->c, dirfd, file, O_PATH);
	if (fd < 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	m->wd = inotify_add_watch(w->fd, path, mask);
	if (m->wd < 0 && errno == ENOSPC)
		return no_watches(w, m);
	if (m->wd < 0)
		return cgw__err(w->c, -errno, "cannot watch %s of '%s'", file, m->n->path);
	if (!tsearch(m, &w->marks, compare_marks)) {
		inotify_rm_watch(w->fd, m->wd);
		m->wd = -1;
		return cgw__oom(w->c);
	}
	w->n_marks++;
	return 0;
}

/* The kernel keeps watches on the files of a removed group: they are always taken away. */
static void mark_drop(struct cgw_watch *w, struct cgw__mark *m)
{
	if (m->wd < 0)
		return;
	tdelete(m, &w->marks, compare_marks);
	w->n_marks--;
	if (w->fd >= 0)
		inotify_rm_watch(w->fd, m->wd);
	m->wd = -1;
}

struct cgw__file *cgw__file_find(const struct cgw__node *n, const char *name)
{
	struct cgw__file *f = n->files;

	while (f && strcmp(f->name, name))
		f = f->next;
	return f;
}

struct cgw__file *cgw__file_new(struct cgw__node *n, const char *name)
{
	struct cgw__file *f = calloc(1, sizeof(*f) + strlen(name) + 1);

	if (!f)
		return NULL;
	memcpy(f->name, name, strlen(name) + 1);
	f->mark = (struct cgw__mark){ .wd = -1, .n = n, .f = f };
	f->local_mark = f->mark;
	f->next = n->files;
	n->files = f;
	return f;
}

void cgw__file_drop(struct cgw_watch *w, struct cgw__file *f)
{
	struct cgw__file **p = &f->mark.n->files;

	while (*p != f)
		p = &(*p)->next;
	*p = f->next;
	mark_drop(w, &f->mark);
	mark_drop(w, &f->local_mark);
	while (f->triggers) {
		struct cgw__trigger *t = f->triggers;

		f->triggers = t->next;
		close(t->fd);
		free(t);
	}
	while (f->counters) {
		struct cgw__counter *c = f->counters;

		f->counters = c->next;
		free(c);
	}
	free(f);
}

/* The group's directory, or -ENODEV when it is gone, even if another has its name now. */
int cgw__node_open(struct cgw_watch *w, const struct cgw__node *n)
{
	_cleanup_close_ int fd = cgw__open_beneath(w->c, w->c->root_fd,
						   n->path[1] ? n->path + 1 : ".",
						   O_PATH | O_DIRECTORY);
	struct stat st;

	if (fd == -ENOENT)
		return -ENODEV;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_ino == n->id ? TAKE_FD(fd) : -ENODEV;
}

/* Watch for groups and controllers that come and go below a group. */
int cgw__node_below(struct cgw_watch *w, struct cgw__node *n)
{
	_cleanup_close_ int fd = cgw__node_open(w, n);
	int err;

	if (fd < 0)
		return fd;
	err = cgw__mark_add(w, &n->dir, fd, ".", IN_CREATE | IN_DELETE | IN_ONLYDIR);
	if (!err)
		err = cgw__mark_add(w, &n->control, fd, "cgroup.subtree_control", IN_MODIFY);
	return err == -ENOENT ? 0 : err;
}

/* One file of an ancestor: only what is of its own level. */
static int watch_limit(struct cgw_watch *w, struct cgw__node *n, int dirfd, const char *name,
		       const char *local)
{
	struct cgw__file *f = cgw__file_find(n, name);
	bool found = f;
	int err;

	if (!f)
		f = cgw__file_new(n, name);
	if (!f)
		return cgw__oom(w->c);
	err = cgw__mark_add(w, &f->local_mark, dirfd, local, IN_MODIFY);
	if (err == -ENOENT && !found)
		cgw__file_drop(w, f);
	if (err)
		return err == -ENOENT ? 0 : err;
	f->has_local = true;
	err = found ? 0 : cgw__counters_local(w, f, dirfd);
	for (struct cgw__counter *c = f->counters; c && !found; c = c->next) {
		c->local_told = c->local;
		c->rose_ns = 0;
	}
	return err;
}

/* The limits of an ancestor that kill and refuse below. */
int cgw__node_limits(struct cgw_watch *w, struct cgw__node *n)
{
	_cleanup_close_ int fd = cgw__node_open(w, n);
	int err;

	if (fd < 0)
		return fd;
	err = watch_limit(w, n, fd, "memory.events", "memory.events.local");
	if (!err)
		err = watch_limit(w, n, fd, "pids.events", "pids.events.local");
	return err;
}

/* Take a node out of everything; what still points to it sees that it is dead. */
void cgw__node_drop(struct cgw_watch *w, struct cgw__node *n)
{
	while (n->files)
		cgw__file_drop(w, n->files);
	mark_drop(w, &n->dir);
	mark_drop(w, &n->control);
	tdelete(n, &w->nodes, compare_nodes);
	if (n->parent) {
		struct cgw__node **p = &n->parent->children;

		while (*p != n)
			p = &(*p)->sibling;
		*p = n->sibling;
	}
	n->dead = true;
	if (!n->dirty) {
		n->next = w->dead;
		w->dead = n;
	}
}

/* Drop the node and its ancestors as far as nobody needs them. */
void cgw__node_prune(struct cgw_watch *w, struct cgw__node *n)
{
	while (n && !n->dead && !n->kinds && !n->children) {
		struct cgw__node *parent = n->parent;

		cgw__node_drop(w, n);
		n = parent;
	}
}

void cgw__nodes_bury(struct cgw_watch *w)
{
	while (w->dead) {
		struct cgw__node *n = w->dead;

		w->dead = n->next;
		free(n);
	}
}

static struct cgw__node *node_new(const char *path, uint64_t id)
{
	struct cgw__node *n = calloc(1, sizeof(*n) + strlen(path) + 1);

	if (!n)
		return NULL;
	memcpy(n->path, path, strlen(path) + 1);
	n->id = id;
	n->dir = (struct cgw__mark){ .wd = -1, .n = n };
	n->control = n->dir;
	return n;
}

/* Make the node of a group whose parent has one; with the watches on that parent. */
static int node_add(struct cgw_watch *w, struct cgw__node *parent, const char *path, uint64_t id,
		    struct cgw__node **ret_n)
{
	struct cgw__node *n = node_new(path, id);
	int err = 0;

	if (!n || !tsearch(n, &w->nodes, compare_nodes)) {
		free(n);
		return cgw__oom(w->c);
	}
	n->parent = parent;
	if (parent) {
		bool first = !parent->children;

		n->sibling = parent->children;
		parent->children = n;
		if (first)
			err = cgw__node_below(w, parent);
		if (first && !err)
			err = cgw__node_limits(w, parent);
	}
	if (err) {
		cgw__node_drop(w, n);
		return err;
	}
	*ret_n = n;
	return 0;
}

/*
 * The node of the group at path, made if need be, with those of its ancestors. One that is not
 * watched afterwards has to be pruned.
 */
int cgw__node_get(struct cgw_watch *w, const char *path, struct cgw__node **ret_n)
{
	_cleanup_(cgw__group_closep) struct cgw_group *g = NULL;
	_cleanup_free_ char *up = NULL;
	struct cgw__node *parent = NULL;
	int err = cgw__group_open_at(w->c, path, &g);

	if (err)
		return err;
	*ret_n = cgw__node_find(w, g->id);
	if (*ret_n)
		return 0;
	if (!cgw__group_is_root(g)) {
		up = cgw__path_parent(path);
		err = up ? cgw__node_get(w, up, &parent) : cgw__oom(w->c);
	}
	if (!err)
		err = node_add(w, parent, path, g->id, ret_n);
	if (err)
		cgw__node_prune(w, parent);
	return err;
}

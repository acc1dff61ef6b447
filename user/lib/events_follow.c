// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Begin and end to watch a group; follow those that appear below it. */
#include <sys/inotify.h>

#include "events.h"

/* The name ends as every file of counters does. */
static bool is_events_file(const char *name)
{
	size_t n = strlen(name);

	return n > 7 && !strcmp(name + n - 7, ".events");
}

/* A file of a group that is watched, which may be known already. */
static int watch_file(struct cgw_watch *w, struct cgw__node *n, int dirfd, const char *name,
		      bool fresh)
{
	struct cgw__file *f = cgw__file_find(n, name);
	int err;

	if (!cgw__event_file_wanted(name, n->kinds))
		return 0;
	if (!f)
		f = cgw__file_new(n, name);
	if (!f)
		return cgw__oom(w->c);
	f->there = true;
	if (f->mark.wd >= 0)
		return 0;
	err = cgw__mark_add(w, &f->mark, dirfd, name, IN_MODIFY);
	if (err == -ENOENT || err == -ENODEV) {
		cgw__file_drop(w, f); /* its controller has just been disabled */
		return 0;
	}
	if (err || !strcmp(name, "cgroup.events"))
		return err;
	/* From here on changes are told; what was before is not, unless all of it is new. */
	return cgw__counters_read(w, n, f, dirfd, fresh);
}

static int watch_child(struct cgw_watch *w, struct cgw__node *parent, const char *name, bool fresh)
{
	_cleanup_free_ char *path = cgw__path_join(parent->path, name);
	_cleanup_close_ int fd = -EBADF;
	struct cgw_event created = { .kind = CGW_EVENT_CREATED };
	struct cgw__node *n;
	int err = path ? cgw__node_get(w, path, &n) : cgw__oom(w->c);

	if (err)
		return err == -ENOENT ? 0 : err;
	n->flags |= parent->flags & (CGW_WATCH_RECURSIVE | CGW_WATCH_INITIAL);
	if (!n->kinds) {
		n->kinds = parent->kinds;
		n->followed = true;
		n->fresh = fresh;
		w->watched++;
		if (fresh)
			err = cgw__event_put(w, n, &created);
	}
	fd = err ? err : cgw__node_open(w, n);
	err = fd < 0 ? fd : cgw__node_watch(w, n, fd);
	/* One that is gone by now is met again, as removed, by the event that says so. */
	if (err == -ENODEV || err == -ENOENT)
		return 0;
	if (err)
		cgw__node_unwatch(w, n);
	return err;
}

/* Files of a controller that was disabled. */
static void drop_vanished(struct cgw_watch *w, struct cgw__node *n)
{
	struct cgw__file *next;

	for (struct cgw__file *f = n->files; f; f = next) {
		next = f->next;
		if (!f->there && !f->triggers)
			cgw__file_drop(w, f);
	}
}

/*
 * Look through the directory for files of counters and, if it is to be followed, groups.
 * fresh: what was not known is new.
 */
int cgw__node_scan(struct cgw_watch *w, struct cgw__node *n, int dirfd, bool fresh)
{
	_cleanup_(cgw__closedirp) DIR *dir = NULL;
	const struct dirent *entry;
	int fd, err = 0;

	fd = cgw__open_beneath(w->c, dirfd, ".", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return cgw__oom(w->c);
	}
	for (struct cgw__file *f = n->files; f; f = f->next)
		f->there = false;
	while (!err && (entry = readdir(dir))) {
		if (entry->d_type == DT_REG && is_events_file(entry->d_name))
			err = watch_file(w, n, dirfd, entry->d_name, fresh);
		else if (entry->d_type == DT_DIR && n->flags & CGW_WATCH_RECURSIVE &&
			 strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			err = watch_child(w, n, entry->d_name, fresh);
	}
	if (err)
		return err;
	drop_vanished(w, n);
	/* The limits of an ancestor are wanted in any case. */
	return n->children ? cgw__node_limits(w, n) : 0;
}

/* A directory was made in a group. */
int cgw__node_appeared(struct cgw_watch *w, struct cgw__node *parent, const char *name)
{
	if (!(parent->flags & CGW_WATCH_RECURSIVE) || !parent->kinds)
		return 0;
	return watch_child(w, parent, name, true);
}

static int begin_states(struct cgw_watch *w, struct cgw__node *n, int dirfd)
{
	int populated = n->populated, frozen = n->frozen, err;
	bool initial;

	if (!cgw__file_find(n, "cgroup.events"))
		return 0;
	err = cgw__states_read(w, dirfd, &populated, &frozen);
	if (err)
		return err;
	initial = n->flags & CGW_WATCH_INITIAL && !n->fresh;
	if (initial || (n->fresh && populated))
		err = cgw__event_state(w, n, CGW_EVENT_POPULATED, populated);
	if (!err && (initial || (n->fresh && frozen)))
		err = cgw__event_state(w, n, CGW_EVENT_FROZEN, frozen);
	n->populated = populated;
	n->frozen = frozen;
	return err;
}

/* Watch what kinds and flags of the node ask for; more than once is no harm. */
int cgw__node_watch(struct cgw_watch *w, struct cgw__node *n, int dirfd)
{
	bool begun = cgw__file_find(n, "cgroup.events");
	int err = 0;

	/* Before the look at what is there, so that nothing can appear in between. */
	if (n->flags & CGW_WATCH_RECURSIVE)
		err = cgw__node_below(w, n);
	if (!err)
		err = cgw__node_scan(w, n, dirfd, n->fresh);
	return err || begun ? err : begin_states(w, n, dirfd);
}

/* No longer watch what was found below a group. */
void cgw__node_unfollow(struct cgw_watch *w, struct cgw__node *n)
{
	struct cgw__node *next;

	for (struct cgw__node *child = n->children; child; child = next) {
		next = child->sibling;
		if (!child->followed)
			continue;
		cgw__node_unfollow(w, child);
		child->kinds = 0;
		child->flags = 0;
		w->watched--;
		while (child->files)
			cgw__file_drop(w, child->files);
		if (!child->children)
			cgw__node_drop(w, child);
		else
			cgw__node_limits(w, child);
	}
}

/* No longer watch the group; as an ancestor of others it stays known. */
void cgw__node_unwatch(struct cgw_watch *w, struct cgw__node *n)
{
	cgw__node_unfollow(w, n);
	if (n->kinds)
		w->watched--;
	n->kinds = 0;
	n->flags = 0;
	n->followed = false;
	while (n->files)
		cgw__file_drop(w, n->files);
	if (n->children)
		cgw__node_limits(w, n);
	cgw__node_prune(w, n);
}

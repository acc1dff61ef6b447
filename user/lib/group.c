// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Groups: open, create, remove, walk. */
#include <limits.h>
#include <sys/stat.h>

#include "internal.h"

bool cgw__group_is_root(const struct cgw_group *g)
{
	return !g->path[1];
}

const char *cgw_group_path(const struct cgw_group *g)
{
	return g->path;
}

int cgw_group_fd(const struct cgw_group *g)
{
	return g->fd;
}

uint64_t cgw_group_id(const struct cgw_group *g)
{
	return g->id;
}

uint64_t cgw_group_generation(const struct cgw_group *g)
{
	return g->generation;
}

void cgw_group_close(struct cgw_group *g)
{
	if (!g)
		return;
	if (g->fd >= 0)
		close(g->fd);
	free(g->path);
	free(g);
}

/* Open rel beneath dirfd as the group whose whole path is path. */
static int open_at(struct cgw *c, int dirfd, const char *rel, const char *path,
		   struct cgw_group **ret_g)
{
	_cleanup_(cgw__group_closep) struct cgw_group *g = calloc(1, sizeof(*g));
	struct stat st;

	if (!g)
		return cgw__oom(c);
	g->c = c;
	g->fd = -EBADF;
	g->path = strdup(path);
	if (!g->path)
		return cgw__oom(c);
	g->fd = cgw__open_beneath(c, dirfd, rel, O_PATH | O_DIRECTORY);
	if (g->fd == -ENOENT)
		return cgw__fail(c, -ENOENT, "no such group: '%s'", path);
	if (g->fd == -ENOTDIR)
		return cgw__fail(c, -ENOTDIR, "cannot open group '%s': it is a control file", path);
	if (g->fd < 0)
		return cgw__err(c, g->fd, "cannot open group '%s'", path);
	if (fstat(g->fd, &st) < 0)
		return cgw__err(c, -errno, "cannot open group '%s'", path);
	g->id = st.st_ino;
	*ret_g = TAKE_PTR(g);
	return 0;
}

/* Open a group by a path known to be clean. */
int cgw__group_open_at(struct cgw *c, const char *path, struct cgw_group **ret_g)
{
	int root = cgw__root(c);

	if (root < 0)
		return root;
	return open_at(c, root, path[1] ? path + 1 : ".", path, ret_g);
}

int cgw_group_open(struct cgw *c, const char *path, struct cgw_group **ret_g)
{
	int err = cgw_verify_group_path(c, path);

	return err ? err : cgw__group_open_at(c, path, ret_g);
}

int cgw_group_open_fd(struct cgw *c, int fd, struct cgw_group **ret_g)
{
	_cleanup_(cgw__group_closep) struct cgw_group *g = NULL, *same = NULL;
	char link[64], target[PATH_MAX + 1];
	const char *path = target;
	struct stat st;
	ssize_t n;
	int err = cgw__root(c);

	if (err < 0)
		return err;
	if (fstat(fd, &st) < 0)
		return cgw__err(c, -errno, "cannot use descriptor %d as a group", fd);
	if (!S_ISDIR(st.st_mode))
		return cgw__bad(c, -ENOTDIR, "descriptor %d is no directory", fd);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, target, PATH_MAX);
	if (n < 0)
		return cgw__err(c, -errno, "cannot tell the path of descriptor %d", fd);
	target[n] = '\0';
	if (!cgw__path_below(target, c->mount))
		return cgw__bad(c, -EINVAL, "descriptor %d, '%s', is no group below %s", fd, target,
				c->mount);
	path += strlen(c->mount);
	err = open_at(c, fd, ".", path[0] ? path : "/", &g);
	if (!err)
		err = cgw__group_open_at(c, g->path, &same);
	if (err == -ENOENT)
		return cgw__fail(c, -ENODEV, "descriptor %d: the group was removed", fd);
	if (err)
		return err;
	if (same->id != g->id)
		return cgw__bad(c, -EINVAL, "descriptor %d is no group of the hierarchy at %s", fd, c->mount);
	*ret_g = TAKE_PTR(g);
	return 0;
}

int cgw_group_child(struct cgw_group *g, const char *name, struct cgw_group **ret_g)
{
	_cleanup_free_ char *path = cgw__path_join(g->path, name);
	int err;

	if (!path)
		return cgw__oom(g->c);
	err = cgw_verify_group_path(g->c, path);
	return err ? err : open_at(g->c, g->fd, name, path, ret_g);
}

/* Remove the directories made for a group that could not be completed, leaf first. */
static void remove_made(struct cgw *c, const char *path, size_t made)
{
	_cleanup_free_ char *left = strdup(path);

	while (left && made--) {
		unlinkat(c->root_fd, left + 1, AT_REMOVEDIR);
		*strrchr(left, '/') = '\0';
	}
}

static int explain_mkdir(struct cgw *c, const char *path, int err)
{
	char what[640];

	snprintf(what, sizeof(what), "cannot create group '%s'", path);
	switch (err) {
	case -EEXIST:
		cgw__fail(c, err, "%s: it exists", what);
		cgw__hint(c, "cgward attach %s PID moves a process into it", path);
		return err;
	case -EACCES:
	case -EPERM:
	case -EROFS: {
		_cleanup_free_ char *parent = cgw__path_parent(path);

		return cgw__explain_access(c, err, what, parent ? parent : path);
	}
	case -EAGAIN:
		cgw__fail(c, err, "%s: a cgroup.max.depth or cgroup.max.descendants above is reached",
			  what);
		return err;
	default:
		return cgw__err(c, err, "%s", what);
	}
}

/* mkdir one directory beneath its parent's descriptor. */
static int make_dir(struct cgw *c, const char *path)
{
	_cleanup_free_ char *parent = cgw__path_parent(path);
	_cleanup_close_ int fd = -EBADF;

	if (!parent)
		return -ENOMEM;
	fd = cgw__open_beneath(c, c->root_fd, parent[1] ? parent + 1 : ".", O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd;
	return mkdirat(fd, strrchr(path, '/') + 1, 0755) < 0 ? -errno : 0;
}

/* Make path and the parents it lacks. ret_made: how many of its last components are new. */
static int make_dirs(struct cgw *c, const char *path, size_t *ret_made)
{
	_cleanup_free_ char *prefix = strdup(path);
	size_t made = 0;
	char *slash = prefix;
	int err;

	if (!prefix)
		return cgw__oom(c);
	/* Mostly the parent is there. */
	err = make_dir(c, path);
	if (err != -ENOENT) {
		*ret_made = 1;
		return err ? explain_mkdir(c, path, err) : 0;
	}
	do {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		err = make_dir(c, prefix);
		if (err && !(err == -EEXIST && slash)) {
			*strrchr(prefix, '/') = '\0';
			remove_made(c, prefix, made);
			prefix[strlen(prefix)] = '/';
			return explain_mkdir(c, prefix, err);
		}
		made = err ? 0 : made + 1;
		if (slash)
			*slash = '/';
	} while (slash);
	*ret_made = made;
	return 0;
}

/* A group whose parent is threaded accepts nobody until it is threaded too. */
static int settle_type(struct cgw_group *g, bool threaded)
{
	enum cgw_group_type type;
	int err;

	if (threaded)
		return cgw_group_set_threaded(g);
	err = cgw_group_get_type(g, &type);
	if (err)
		return err;
	if (type == CGW_TYPE_DOMAIN_INVALID) {
		cgw__fail(g->c, -EOPNOTSUPP,
			  "cannot create group '%s': its parent is in a threaded domain, which takes no domain group",
			  g->path);
		cgw__hint(g->c, "--threaded makes it a threaded group");
		return -EOPNOTSUPP;
	}
	return 0;
}

/*
 * Have a new group get the controllers whose files are to be set; mostly it has them.
 * ret_domain: one of these works in domains alone, so that the group cannot be of another type.
 */
static int enable_for(struct cgw_group *g, const struct cgw_resources *r,
		      struct cgw__enabled **enabled, bool *ret_domain)
{
	_cleanup_(cgw__group_closep) struct cgw_group *parent = NULL;
	_cleanup_free_ char *names = NULL, *have = NULL, *path = cgw__path_parent(g->path);
	const char *p, *word;
	bool missing = false;
	size_t len;
	int err;

	if (!path)
		return cgw__oom(g->c);
	err = cgw__resources_controllers(r, &names);
	if (err)
		return err;
	if (cgw__read_at(g->c, g->fd, "cgroup.controllers", &have) < 0)
		missing = true;
	for (p = names; !missing && (word = cgw__next_word(&p, &len));) {
		char name[sizeof((*enabled)->name)];

		snprintf(name, sizeof(name), "%.*s", (int)len, word);
		missing = !cgw__has_word(have, name);
	}
	if (!missing) {
		*ret_domain = cgw__has_word(have, "memory") || cgw__has_word(have, "io");
		return 0;
	}
	err = cgw__group_open_at(g->c, path, &parent);
	return err ? err : cgw__enable(parent, names, enabled);
}

int cgw__group_set_up(struct cgw_group *g, const struct cgw_create_opts *opts,
		      struct cgw__enabled **enabled)
{
	bool domain = false, threaded = opts && opts->threaded;
	int err = 0;

	if (opts && opts->resources)
		err = enable_for(g, opts->resources, enabled, &domain);
	if (!err && (threaded || !domain))
		err = settle_type(g, threaded);
	if (!err && opts && opts->resources)
		err = cgw_group_apply(g, opts->resources);
	if (!err && opts && opts->devices)
		err = cgw_group_set_devices(g, opts->devices);
	return err < 0 ? err : 0;
}

int cgw_group_create(struct cgw *c, const char *path, const struct cgw_create_opts *opts,
		     struct cgw_group **ret_g)
{
	_cleanup_(cgw__group_closep) struct cgw_group *g = NULL;
	struct cgw__enabled *enabled = NULL;
	size_t made = 0;
	int err = cgw_verify_group_path(c, path);

	if (!err && opts && opts->sz != sizeof(*opts))
		err = cgw__bad(c, -EINVAL, "cannot create group: opts of another size");
	if (!err && !path[1])
		err = explain_mkdir(c, path, -EEXIST);
	if (!err && cgw__root(c) < 0)
		err = cgw__root(c);
	if (!err)
		err = make_dirs(c, path, &made);
	if (err)
		return err;
	err = cgw__group_open_at(c, path, &g);
	if (!err) {
		g->fresh = true;
		err = cgw__group_set_up(g, opts, &enabled);
	}
	if (err) {
		struct cgw__error saved = c->error;

		remove_made(c, path, made);
		cgw__enable_undo(&enabled);
		c->error = saved;
		return err;
	}
	cgw__enable_keep(&enabled);
	g->fresh = false; /* from here on others may have put processes in */
	*ret_g = TAKE_PTR(g);
	return 0;
}

/* rmdir the directory if it still is this group, not another of the same name. */
static int remove_dir(struct cgw_group *g)
{
	_cleanup_free_ char *beside = NULL; /* from the group itself: spares a walk of its path */
	struct stat st;

	if (asprintf(&beside, "..%s", strrchr(g->path, '/')) < 0)
		return -ENOMEM;
	if (fstatat(g->fd, beside, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (st.st_ino != g->id)
		return 0;
	if (unlinkat(g->fd, beside, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

struct children {
	struct cgw_group *top;
	char text[300];
	size_t n;
};

static int count_child(struct cgw_group *g, void *arg)
{
	struct children *ch = arg;
	size_t len = strlen(ch->text);

	if (g == ch->top)
		return 0;
	if (ch->n++ < 3)
		snprintf(ch->text + len, sizeof(ch->text) - len, "%s'%s'", len ? ", " : "", g->path);
	return 0;
}

/* EBUSY of a single group, explained; exiting processes are waited for. */
static int remove_busy(struct cgw_group *g, int64_t deadline)
{
	struct children ch = { .top = g };
	char who[400];
	int err;

	cgw_group_for_each(g, CGW_WALK_PRE, count_child, &ch);
	if (ch.n) {
		cgw__fail(g->c, -EBUSY, "cannot delete group '%s': it has %zu group%s below: %s%s",
			  g->path, ch.n, ch.n == 1 ? "" : "s", ch.text, ch.n > 3 ? ", ..." : "");
		cgw__hint(g->c, "--recursive deletes them too");
		return -EBUSY;
	}
	cgw__describe_procs(g, false, who, sizeof(who));
	if (who[0]) {
		cgw__fail(g->c, -EBUSY, "cannot delete group '%s': it has processes: %s", g->path, who);
		cgw__hint(g->c, "--kill kills them first");
		return -EBUSY;
	}
	err = cgw__wait_events(&g, 1, "populated", 0, deadline);
	if (err == -ETIMEDOUT)
		return cgw__fail(g->c, -ETIMEDOUT,
				 "cannot delete group '%s': its processes are exiting and did not end in time",
				 g->path);
	return err;
}

static int delete_one(struct cgw_group *g, int64_t deadline)
{
	int err;

	for (;;) {
		err = remove_dir(g);
		if (err != -EBUSY)
			break;
		err = remove_busy(g, deadline);
		if (err)
			return err;
		/* Empty, yet busy a moment ago: the last exit was still under way. */
		err = remove_dir(g);
		if (err != -EBUSY || cgw__now_ns() >= deadline)
			break;
	}
	if (err == -EACCES || err == -EPERM || err == -EROFS) {
		char what[640];

		snprintf(what, sizeof(what), "cannot delete group '%s'", g->path);
		return cgw__explain_access(g->c, err, what, g->path);
	}
	return err ? cgw__err(g->c, err, "cannot delete group '%s'", g->path) : 0;
}

static int delete_step(struct cgw_group *g, void *arg)
{
	return delete_one(g, *(int64_t *)arg);
}

int cgw_group_delete(struct cgw_group *g, unsigned int flags, int timeout_ms)
{
	int64_t deadline = cgw__deadline(timeout_ms);
	int err;

	if (cgw__group_is_root(g))
		return cgw__bad(g->c, -EBUSY, "cannot delete the root group");
	if (flags & CGW_DELETE_KILL) {
		if (!(flags & CGW_DELETE_RECURSIVE)) {
			struct children ch = { .top = g };

			cgw_group_for_each(g, CGW_WALK_PRE, count_child, &ch);
			if (ch.n)
				return remove_busy(g, deadline);
		}
		err = cgw_group_kill(g, timeout_ms);
		if (err && err != -ENODEV)
			return err;
	}
	if (flags & CGW_DELETE_RECURSIVE)
		return cgw_group_for_each(g, CGW_WALK_POST, delete_step, &deadline);
	return delete_one(g, deadline);
}

static const char *const type_names[] = {
	[CGW_TYPE_DOMAIN] = "domain",
	[CGW_TYPE_DOMAIN_THREADED] = "domain threaded",
	[CGW_TYPE_DOMAIN_INVALID] = "domain invalid",
	[CGW_TYPE_THREADED] = "threaded",
};

int cgw_group_get_type(struct cgw_group *g, enum cgw_group_type *ret_type)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n;

	if (cgw__group_is_root(g)) {
		*ret_type = CGW_TYPE_DOMAIN;
		return 0;
	}
	n = cgw_group_read(g, "cgroup.type", &text);
	if (n < 0)
		return (int)n;
	for (size_t i = 0; i < ARRAY_SIZE(type_names); i++)
		if (!strcmp(text, type_names[i])) {
			*ret_type = (enum cgw_group_type)i;
			return 0;
		}
	return cgw__fail(g->c, -EINVAL, "cannot read cgroup.type of '%s': unknown type '%s'",
			 g->path, text);
}

int cgw_group_set_threaded(struct cgw_group *g)
{
	char what[640], who[400];
	int err;

	if (cgw__group_is_root(g))
		return cgw__bad(g->c, -EINVAL, "cannot make the root group threaded");
	err = cgw__write_at(g->c, g->fd, "cgroup.type", "threaded");
	if (!err)
		return 0;
	snprintf(what, sizeof(what), "cannot make group '%s' threaded", g->path);
	if (err == -EACCES || err == -EPERM || err == -EROFS)
		return cgw__explain_access(g->c, err, what, g->path);
	if (err != -EOPNOTSUPP)
		return cgw__err(g->c, err, "%s", what);
	cgw__describe_procs(g, false, who, sizeof(who));
	if (who[0])
		return cgw__fail(g->c, err, "%s: it has processes: %s", what, who);
	cgw__fail(g->c, err, "%s: domain controllers are enabled in it or in its parent", what);
	cgw__hint(g->c, "only cpu, cpuset, perf_event and pids work in a threaded domain");
	return err;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(char **names)
{
	for (char **n = names; n && *n; n++)
		free(*n);
	free(names);
}

/* Names of the directories in a group, sorted, NULL at the end. */
static int list_children(struct cgw_group *g, char ***ret_names)
{
	_cleanup_(cgw__closedirp) DIR *dir = NULL;
	const struct dirent *entry;
	size_t n = 0, room = 0;
	char **names = NULL;
	int fd;

	fd = cgw__open_beneath(g->c, g->fd, ".", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -errno;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") ||
		    !strcmp(entry->d_name, ".."))
			continue;
		if (n + 1 >= room) {
			char **more;

			room = room ? room * 2 : 16;
			more = realloc(names, room * sizeof(*names));
			if (!more)
				goto undo;
			names = more;
		}
		names[n] = strdup(entry->d_name);
		names[n + 1] = NULL;
		if (!names[n++])
			goto undo;
	}
	if (n)
		qsort(names, n, sizeof(*names), compare_names);
	*ret_names = names;
	return 0;
undo:
	free_names(names);
	return -ENOMEM;
}

static int walk_children(struct cgw_group *g, enum cgw_walk_order order, cgw_group_fn fn, void *arg)
{
	char **names = NULL;
	int err = list_children(g, &names);

	if (err == -ENOENT || err == -ENODEV)
		return 0;
	if (err)
		return cgw__err(g->c, err, "cannot list the groups in '%s'", g->path);
	for (char **name = names; name && *name && !err; name++) {
		_cleanup_(cgw__group_closep) struct cgw_group *child = NULL;
		_cleanup_free_ char *path = cgw__path_join(g->path, *name);

		err = path ? open_at(g->c, g->fd, *name, path, &child) : cgw__oom(g->c);
		if (err == -ENOENT)
			err = 0;
		else if (!err)
			err = cgw_group_for_each(child, order, fn, arg);
	}
	free_names(names);
	return err;
}

int cgw_group_for_each(struct cgw_group *g, enum cgw_walk_order order, cgw_group_fn fn, void *arg)
{
	int err = 0;

	if (order == CGW_WALK_PRE)
		err = fn(g, arg);
	if (!err)
		err = walk_children(g, order, fn, arg);
	if (!err && order == CGW_WALK_POST)
		err = fn(g, arg);
	return err;
}

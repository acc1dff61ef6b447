// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The processes of a group: list them, move them in. */
#include <limits.h>

#include "internal.h"

void cgw_procs_free(struct cgw_procs *p)
{
	free(p->pids);
	p->pids = NULL;
	p->n = 0;
}

/* The process a thread belongs to, 0 when it has ended. */
static pid_t process_of(struct cgw *c, pid_t tid)
{
	_cleanup_free_ char *status = NULL;
	const char *tgid;

	if (cgw__read_proc(c, tid, "status", &status) < 0)
		return 0;
	tgid = strstr(status, "\nTgid:");
	return tgid ? atoi(tgid + 6) : 0;
}

static int append_pids(struct cgw *c, struct cgw_procs *p, const char *text, bool threads)
{
	size_t lines = 0;
	pid_t *more;

	for (const char *s = text; *s; s++)
		lines += *s == '\n';
	more = realloc(p->pids, (p->n + lines + 1) * sizeof(*p->pids));
	if (!more)
		return cgw__oom(c);
	p->pids = more;
	while (*text) {
		char *end;
		long pid = strtol(text, &end, 10);

		if (end == text)
			break;
		if (pid == 0) {
			p->foreign++;
		} else {
			if (threads)
				pid = process_of(c, (pid_t)pid);
			if (pid)
				p->pids[p->n++] = (pid_t)pid;
		}
		text = end + strspn(end, "\n");
	}
	return 0;
}

static int collect(struct cgw_group *g, void *arg)
{
	_cleanup_free_ char *text = NULL;
	bool threads = false;
	ssize_t n = cgw__read_at(g->c, g->fd, "cgroup.procs", &text);

	if (n == -EOPNOTSUPP) {
		threads = true;
		n = cgw__read_at(g->c, g->fd, "cgroup.threads", &text);
	}
	/* It vanished meanwhile: nobody is inside. */
	if (n == -ENOENT || n == -ENODEV)
		return 0;
	if (n < 0)
		return cgw__err(g->c, (int)n, "cannot list the processes of '%s'", g->path);
	return append_pids(g->c, arg, text, threads);
}

static int collect_threads(struct cgw_group *g, void *arg)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n = cgw__read_at(g->c, g->fd, "cgroup.threads", &text);

	if (n == -ENOENT || n == -ENODEV)
		return 0;
	if (n < 0)
		return cgw__err(g->c, (int)n, "cannot list the threads of '%s'", g->path);
	return append_pids(g->c, arg, text, false);
}

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static int list(struct cgw_group *g, bool recursive, cgw_group_fn fn, struct cgw_procs *ret_procs)
{
	_cleanup_(cgw__procs_freep) struct cgw_procs p = { 0 };
	size_t n = 0;
	int err;

	err = recursive ? cgw_group_for_each(g, CGW_WALK_PRE, fn, &p) : fn(g, &p);
	if (err)
		return err;
	/* A process that moves during the walk, or has threads in many groups, comes twice. */
	if (p.n)
		qsort(p.pids, p.n, sizeof(*p.pids), compare_pids);
	for (size_t i = 0; i < p.n; i++)
		if (!i || p.pids[i] != p.pids[n - 1])
			p.pids[n++] = p.pids[i];
	p.n = n;
	*ret_procs = p;
	p.pids = NULL;
	return 0;
}

int cgw_group_procs(struct cgw_group *g, bool recursive, struct cgw_procs *ret_procs)
{
	return list(g, recursive, collect, ret_procs);
}

int cgw_group_threads(struct cgw_group *g, bool recursive, struct cgw_procs *ret_threads)
{
	return list(g, recursive, collect_threads, ret_threads);
}

/* May the caller make groups in this one? On a read-only mount: yes, to be told so. */
static bool can_make_in(struct cgw_group *g)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", g->fd);
	return !access(path, W_OK | X_OK) || errno == EROFS;
}

static bool is_place(struct cgw *c, const char *path)
{
	_cleanup_(cgw__procs_freep) struct cgw_procs procs = { 0 };
	_cleanup_(cgw__group_closep) struct cgw_group *g = NULL;

	return !cgw__group_open_at(c, path, &g) && can_make_in(g) &&
	       !cgw_group_procs(g, false, &procs) && !procs.n && !procs.foreign;
}

int cgw_find_place(struct cgw *c, char **ret_path)
{
	_cleanup_(cgw__group_closep) struct cgw_group *root = NULL;
	_cleanup_free_ char *path = NULL;
	int err = cgw__group_open_at(c, "/", &root);

	if (err)
		return err;
	if (can_make_in(root)) {
		*ret_path = strdup("/cgward");
		return *ret_path ? 0 : cgw__oom(c);
	}
	err = cgw_pid_group_path(c, 0, &path);
	if (err)
		return err;
	for (; path[0] && path[1]; *strrchr(path, '/') = '\0')
		if (is_place(c, path)) {
			*ret_path = TAKE_PTR(path);
			return 0;
		}
	cgw__fail(c, -EACCES,
		  "cannot make a group: no ancestor of the caller's is writable and without processes");
	cgw__hint(c, "systemd-run --user --scope -p Delegate=yes gives you such a group; or be root");
	return -EACCES;
}

static int explain_attach(struct cgw_group *g, const char *file, pid_t pid, int err)
{
	const char *noun = !strcmp(file, "cgroup.threads") ? "thread" : "pid";
	_cleanup_free_ char *type = NULL, *enabled = NULL;
	struct cgw *c = g->c;
	char what[640];

	snprintf(what, sizeof(what), "cannot move %s %d into '%s'", noun, pid, g->path);
	switch (err) {
	case -ESRCH:
		return cgw__fail(c, err, "%s: no such process", what);
	case -ENOENT:
	case -ENODEV:
		return cgw__explain_missing(g, err, what, file);
	case -EBUSY:
		cgw__read_at(c, g->fd, "cgroup.subtree_control", &enabled);
		cgw__fail(c, err, "%s: it passes controllers on to children: %s", what,
			  enabled ? enabled : "?");
		cgw__hint(c, "no-internal-process rule: use a child, or cgward controllers %s -NAME",
			  g->path);
		return err;
	case -EOPNOTSUPP:
		cgw__read_at(c, g->fd, "cgroup.type", &type);
		cgw__fail(c, err, "%s: its type is '%s'", what, type ? type : "?");
		if (type && !strcmp(type, "domain invalid"))
			cgw__hint(c, "it lies in a threaded domain: make it threaded first");
		else
			cgw__hint(c, "a threaded group takes single threads, of processes in its own domain: --threads");
		return err;
	case -EACCES:
	case -EPERM:
	case -EROFS:
		cgw__explain_access(c, err, what, g->path);
		if (!cgw_hint(c))
			cgw__hint(c, CGW_COMMON_ANCESTOR_HINT);
		return err;
	case -EINVAL:
		cgw__err(c, err, "%s", what);
		cgw__hint(c, "kernel threads bound to a CPU, and real-time processes under the cpu controller, stay in the root");
		return err;
	default:
		return cgw__err(c, err, "%s", what);
	}
}

/* With ret_moved, who has ended meanwhile is passed over and not counted there. */
static int attach_all(struct cgw_group *g, const char *file, const pid_t *pids, size_t n,
		      int *ret_moved)
{
	char **from = calloc(n ? n : 1, sizeof(*from));
	struct cgw *c = g->c;
	size_t moved;
	int err = 0;

	if (!from)
		return cgw__oom(c);
	for (moved = 0; moved < n; moved++) {
		char number[16];

		/* Where it is now matters only for the way back, which the last one never goes. */
		if (moved + 1 < n || pids[moved] < 0)
			err = cgw_pid_group_path(c, pids[moved], &from[moved]);
		if (err == -ENOENT || err == -EXDEV || (err == -ESRCH && ret_moved))
			err = 0;
		else if (err == -ESRCH)
			err = explain_attach(g, file, pids[moved], err);
		if (err)
			break;
		snprintf(number, sizeof(number), "%d", pids[moved]);
		err = cgw__write_at(c, g->fd, file, number);
		if (err == -ESRCH && ret_moved) {
			err = 0;
			continue;
		}
		if (err) {
			err = explain_attach(g, file, pids[moved], err);
			break;
		}
		if (ret_moved)
			++*ret_moved;
	}
	for (size_t i = 0; err && i < moved; i++) {
		_cleanup_(cgw__group_closep) struct cgw_group *back = NULL;
		struct cgw__error saved = c->error;
		char number[16];

		snprintf(number, sizeof(number), "%d", pids[i]);
		if (from[i] && !cgw__group_open_at(c, from[i], &back))
			cgw__write_at(c, back->fd, file, number);
		c->error = saved;
	}
	for (size_t i = 0; i < n; i++)
		free(from[i]);
	free(from);
	return err;
}

int cgw_group_attach(struct cgw_group *g, const pid_t *pids, size_t n)
{
	return attach_all(g, "cgroup.procs", pids, n, NULL);
}

int cgw_group_attach_threads(struct cgw_group *g, const pid_t *tids, size_t n)
{
	return attach_all(g, "cgroup.threads", tids, n, NULL);
}

/* Against a group that forks for ever. */
#define MAX_ROUNDS 1000

int cgw_group_move_all(struct cgw_group *from, struct cgw_group *to, bool recursive)
{
	int moved = 0;

	if (from->id == to->id || (recursive && cgw__path_below(to->path, from->path)))
		return cgw__bad(from->c, -EINVAL, "cannot move the processes of '%s' to '%s': it is within it",
				from->path, to->path);
	/* Whoever is forked while the list is worked off comes with the next one. */
	for (int round = 0; round < MAX_ROUNDS; round++) {
		_cleanup_(cgw__procs_freep) struct cgw_procs p = { 0 };
		int err = cgw_group_procs(from, recursive, &p);

		if (!err && !p.n && p.foreign)
			return cgw__fail(from->c, -EPERM, "cannot move %zu process%s of '%s' that are of another pid namespace",
					 p.foreign, p.foreign == 1 ? "" : "es", from->path);
		if (!err && p.n)
			err = attach_all(to, "cgroup.procs", p.pids, p.n, &moved);
		if (err || !p.n)
			return err ? err : moved;
	}
	return cgw__fail(from->c, -EBUSY, "cannot move the processes of '%s': more are forked than are moved",
			 from->path);
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Freeze and thaw: the state reached is what counts, and a failure is undone. */
#include "internal.h"

int cgw_group_is_frozen(struct cgw_group *g)
{
	int state = cgw__read_event(g, "frozen");
	char what[640];

	if (state >= 0)
		return state;
	if (state == -ENOENT && cgw__group_is_root(g))
		return 0; /* the root has no cgroup.events: it is never frozen */
	snprintf(what, sizeof(what), "cannot read cgroup.events of '%s'", g->path);
	if (state == -ENODEV)
		return cgw__fail(g->c, state, "%s: the group was removed", what);
	return cgw__err(g->c, state, "%s", what);
}

/* What cgroup.freeze asks for: 1, 0 or -errno. */
static int read_request(struct cgw_group *g)
{
	_cleanup_close_ int fd = cgw__open_beneath(g->c, g->fd, "cgroup.freeze", O_RDONLY);
	_cleanup_free_ char *text = NULL;
	ssize_t n;
	char digit;

	if (fd >= 0 && pread(fd, &digit, 1, 0) == 1)
		return digit == '1';
	n = cgw_group_read(g, "cgroup.freeze", &text); /* it tells why not */
	return n < 0 ? (int)n : text[0] == '1';
}

static bool is_target(struct cgw_group *const *groups, size_t n, uint64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (groups[i]->id == id)
			return true;
	return false;
}

/* An ancestor that is asked to be frozen keeps its descendants so, unless it is thawed too. */
static int check_ancestors(struct cgw_group *g, struct cgw_group *const *groups, size_t n)
{
	for (const char *p = strchr(g->path + 1, '/'); p; p = strchr(p + 1, '/')) {
		_cleanup_(cgw__group_closep) struct cgw_group *above = NULL;
		_cleanup_free_ char *path = strndup(g->path, p - g->path);
		int err;

		if (!path)
			return cgw__oom(g->c);
		err = cgw__group_open_at(g->c, path, &above);
		if (err)
			return err;
		if (!is_target(groups, n, above->id) && read_request(above) == 1) {
			cgw__fail(g->c, -EBUSY, "cannot thaw '%s': its ancestor '%s' is frozen", g->path,
				  path);
			cgw__hint(g->c, "cgward thaw %s", path);
			return -EBUSY;
		}
	}
	return 0;
}

static int explain_timeout(struct cgw_group *const *groups, size_t n, const char *verb,
			   int timeout_ms)
{
	struct cgw *c = groups[0]->c;
	const char *path = groups[0]->path;
	char who[700] = "";

	for (size_t i = 0; i < n; i++)
		if (cgw_group_is_frozen(groups[i]) == (verb[0] == 't')) {
			path = groups[i]->path;
			break;
		}
	if (verb[0] == 'f')
		cgw__describe_unfrozen(groups, n, who, sizeof(who));
	cgw__fail(c, -ETIMEDOUT, "cannot %s '%s': not %s after %d ms%s%s", verb, path,
		  verb[0] == 'f' ? "frozen" : "thawed", timeout_ms,
		  who[0] ? "; still not stopped: " : "", who);
	if (who[0])
		cgw__hint(c, "a task in state D stops when its wait ends; the freeze was undone");
	return -ETIMEDOUT;
}

static int write_requests(struct cgw_group *const *groups, size_t n, bool freeze, bool *changed)
{
	for (size_t i = 0; i < n; i++) {
		int err = read_request(groups[i]);

		if (err < 0)
			return err;
		if (err == freeze)
			continue;
		err = cgw_group_write(groups[i], "cgroup.freeze", freeze ? "1" : "0");
		if (err)
			return err;
		changed[i] = true;
	}
	return 0;
}

/*
 * An empty group can be left with "frozen 1" (see user/lib/wait.c). To freeze it and thaw
 * it once more, with nobody inside, makes the kernel look again.
 */
static void clear_stale(struct cgw_group *g)
{
	if (cgw__read_event(g, "frozen") != 1 || cgw__read_event(g, "populated") != 0)
		return;
	if (!cgw__write_at(g->c, g->fd, "cgroup.freeze", "1"))
		cgw__write_at(g->c, g->fd, "cgroup.freeze", "0");
}

static int set_frozen(struct cgw_group *const *groups, size_t n, bool freeze, int timeout_ms)
{
	_cleanup_free_ bool *changed = calloc(n ? n : 1, sizeof(*changed));
	const char *verb = freeze ? "freeze" : "thaw";
	int64_t deadline = cgw__deadline(timeout_ms);
	int err;

	if (!n)
		return 0;
	if (!changed)
		return cgw__oom(groups[0]->c);
	err = write_requests(groups, n, freeze, changed);
	if (!err) {
		err = cgw__wait_events(groups, n, "frozen", freeze, deadline);
		if (err == -ETIMEDOUT)
			explain_timeout(groups, n, verb, timeout_ms);
		else if (err == -ENODEV)
			cgw__fail(groups[0]->c, err, "cannot %s: a group was removed meanwhile", verb);
		else if (err)
			cgw__err(groups[0]->c, err, "cannot %s '%s'", verb, groups[0]->path);
	}
	for (size_t i = 0; !err && !freeze && i < n; i++)
		clear_stale(groups[i]);
	for (size_t i = n; err && i--;)
		if (changed[i])
			cgw__write_at(groups[i]->c, groups[i]->fd, "cgroup.freeze",
				      freeze ? "0" : "1");
	return err;
}

int cgw_group_freeze(struct cgw_group *const *groups, size_t n, int timeout_ms)
{
	for (size_t i = 0; i < n; i++) {
		if (cgw__group_is_root(groups[i]))
			return cgw__bad(groups[i]->c, -EINVAL, "cannot freeze the root group");
		if (cgw__caller_inside(groups[i]))
			return cgw__fail(groups[i]->c, -EDEADLK,
					 "cannot freeze '%s': the caller is inside and would stop too",
					 groups[i]->path);
	}
	return set_frozen(groups, n, true, timeout_ms);
}

int cgw_group_thaw(struct cgw_group *const *groups, size_t n, int timeout_ms)
{
	for (size_t i = 0; i < n; i++) {
		int err;

		if (cgw__group_is_root(groups[i]))
			return cgw__bad(groups[i]->c, -EINVAL, "cannot thaw the root group: it is never frozen");
		err = check_ancestors(groups[i], groups, n);

		if (err)
			return err;
	}
	return set_frozen(groups, n, false, timeout_ms);
}

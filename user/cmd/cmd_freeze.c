// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* freeze and thaw: many groups against one deadline, all or none. */
#include "cmd.h"

#define DEFAULT_TIMEOUT_MS 3000

/* Handles of the groups, and with --recursive of all groups below them too. */
struct list {
	struct cgw_group **groups;
	int n;
	struct cgw *c;
};

static void free_list(struct list *l)
{
	for (int i = 0; i < l->n; i++)
		cgw_group_close(l->groups[i]);
	free(l->groups);
}

static int add_group(struct cgw_group *g, void *arg)
{
	struct list *l = arg;
	struct cgw_group **more = realloc(l->groups, ((size_t)l->n + 1) * sizeof(*more));
	int err;

	if (!more)
		return -ENOMEM;
	l->groups = more;
	err = cgw_group_open(l->c, cgw_group_path(g), &l->groups[l->n]);
	l->n += !err;
	return err == -ENOENT ? 0 : err;
}

static int change_state(struct cmd_ctx *x, int argc, char **argv,
			int (*change)(struct cgw_group *const *groups, size_t n, int timeout_ms))
{
	_cleanup_(cmd_targets_free) struct cmd_targets t = { .timeout_ms = DEFAULT_TIMEOUT_MS };
	_cleanup_(free_list) struct list l = { .c = x->c };
	int err = 0, status = cmd_read_targets(x, argc, argv, &t);

	if (status)
		return status;
	for (int i = 0; i < t.n && !err; i++)
		err = t.recursive ? cgw_group_for_each(t.groups[i], CGW_WALK_PRE, add_group, &l) :
				    add_group(t.groups[i], &l);
	if (!err)
		err = change(l.groups, (size_t)l.n, t.timeout_ms);
	return err ? cmd_fail(x, err) : 0;
}

int cmd_freeze(struct cmd_ctx *x, int argc, char **argv)
{
	return change_state(x, argc, argv, cgw_group_freeze);
}

int cmd_thaw(struct cmd_ctx *x, int argc, char **argv)
{
	return change_state(x, argc, argv, cgw_group_thaw);
}

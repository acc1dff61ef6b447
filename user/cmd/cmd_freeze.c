// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* freeze and thaw: many groups against one deadline, all or none. */
#include <getopt.h>

#include "cmd.h"

#define DEFAULT_TIMEOUT_MS 3000

/* A growing list of handles of their own. */
struct targets {
	struct cmd_ctx *x;
	struct cgw_group **groups;
	int n;
};

static void free_targets(struct targets *t)
{
	cmd_groups_free(t->groups, t->n);
}

static int add_target(struct cgw_group *g, void *arg)
{
	struct targets *t = arg;
	struct cgw_group **more = realloc(t->groups, ((size_t)t->n + 1) * sizeof(*more));
	int err;

	if (!more)
		return -ENOMEM;
	t->groups = more;
	err = cgw_group_open(t->x->c, cgw_group_path(g), &t->groups[t->n]);
	if (err == -ENOENT)
		return 0;
	if (!err)
		t->n++;
	return err;
}

static int change_state(struct cmd_ctx *x, int argc, char **argv,
			int (*change)(struct cgw_group *const *groups, size_t n, int timeout_ms))
{
	_cleanup_(free_targets) struct targets t = { .x = x };
	int timeout_ms = DEFAULT_TIMEOUT_MS, opt, status, err = 0;
	struct cgw_group **named = NULL;
	bool recursive = false;
	int n;

	while ((opt = cmd_next_opt(x, argc, argv)) != -1) {
		if (opt == 'h' || opt == '?')
			return opt == 'h' ? 0 : EXIT_USAGE;
		if (opt == OPT_RECURSIVE)
			recursive = true;
		else if ((status = cmd_duration(x, optarg, &timeout_ms)))
			return status;
	}
	status = cmd_check_args(x, argc);
	if (status)
		return status;
	n = argc - optind;
	status = cmd_groups(x, argv + optind, n, &named);
	if (status)
		return status;
	for (int i = 0; i < n && !err; i++)
		err = recursive ? cgw_group_for_each(named[i], CGW_WALK_PRE, add_target, &t) :
				  add_target(named[i], &t);
	cmd_groups_free(named, n);
	if (!err)
		err = change(t.groups, (size_t)t.n, timeout_ms);
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

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* update: other limits, another device policy for a group that is there. */
#include <getopt.h>

#include "cmd.h"

const struct cmd_opt opts_update[] = {
	{ "force", OPT_FORCE, NULL,
	  "also set a memory.max below what is in use: the kernel may kill" },
	{ "reclaim", OPT_RECLAIM, NULL,
	  "take memory away before memory.max is lowered; see --timeout" },
	{ 0 },
};

int cmd_update(struct cmd_ctx *x, int argc, char **argv)
{
	struct cgw_update_opts opts = { .sz = sizeof(opts), .timeout_ms = 10000 };
	_cleanup_(cmd_setup_free) struct cmd_setup setup = { 0 };
	_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;
	int opt, status = 0, err;

	while (!status && (opt = cmd_next_opt(x, argc, argv)) != -1) {
		if (opt == 'h' || opt == '?')
			return opt == 'h' ? CMD_DONE : EXIT_USAGE;
		if (opt == OPT_FORCE)
			opts.force = true;
		else if (opt == OPT_RECLAIM)
			opts.reclaim = true;
		else if (opt == OPT_TIMEOUT)
			status = cmd_duration(x, optarg, &opts.timeout_ms);
		else
			status = cmd_setup_opt(x, &setup, opt, optarg);
	}
	if (!status)
		status = cmd_setup_target(x, &setup, argc, argv, &g);
	if (status)
		return status;
	opts.resources = setup.resources;
	opts.devices = setup.policy;
	err = cgw_group_update(g, &opts);
	return err ? cmd_fail(x, err) : 0;
}

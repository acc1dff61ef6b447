// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* create: a group with its limits and device policy. */
#include <getopt.h>

#include "cmd.h"

const struct cmd_opt opts_create[] = {
	{ "threaded", OPT_THREADED, NULL, "a threaded group, for single threads of a process above it" },
	{ 0 },
};

int cmd_create(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(cmd_setup_free) struct cmd_setup setup = { 0 };
	_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;
	struct cgw_create_opts opts = { .sz = sizeof(opts) };
	int opt, status, err;

	while ((opt = cmd_next_opt(x, argc, argv)) != -1) {
		if (opt == 'h' || opt == '?')
			return opt == 'h' ? CMD_DONE : EXIT_USAGE;
		if (opt == OPT_THREADED)
			opts.threaded = true;
		else if ((status = cmd_setup_opt(x, &setup, opt, optarg)))
			return status;
	}
	status = cmd_check_args(x, argc);
	if (!status)
		status = cmd_setup_finish(x, &setup);
	if (status)
		return status;
	opts.resources = setup.resources;
	opts.devices = setup.policy;
	err = cgw_group_create(x->c, argv[optind], &opts, &g);
	if (err)
		return cmd_fail(x, err);
	if (x->json) {
		js_begin(&x->out, '{');
		js_key(&x->out, "path");
		js_string(&x->out, cgw_group_path(g));
		js_key(&x->out, "id");
		js_number(&x->out, cgw_group_id(g));
		js_end(&x->out, '}');
		js_line(&x->out);
	}
	return 0;
}

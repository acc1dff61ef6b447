// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* attach: move processes or threads into a group. */
#include <getopt.h>

#include "cmd.h"

const struct cmd_opt opts_attach[] = {
	{ "threads", OPT_THREADS, NULL, "the numbers are of threads, the group is threaded" },
	{ 0 },
};

int cmd_attach(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;
	_cleanup_free_ pid_t *pids = NULL;
	bool threads;
	int status = cmd_one_opt(x, argc, argv, &threads), err, n;

	if (status)
		return status;
	n = argc - optind - 1;
	pids = calloc((size_t)n, sizeof(*pids));
	if (!pids)
		return cmd_error(x, EXIT_REFUSED, "ENOMEM", NULL, "out of memory");
	for (int i = 0; i < n && !status; i++)
		status = cmd_pid(x, argv[optind + 1 + i], &pids[i]);
	if (!status)
		status = cmd_group(x, argv[optind], &g);
	if (status)
		return status;
	err = threads ? cgw_group_attach_threads(g, pids, (size_t)n) :
			cgw_group_attach(g, pids, (size_t)n);
	return err ? cmd_fail(x, err) : 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* delegate: hand a group and what is made below it to a user. */
#include <getopt.h>

#include "cmd.h"

int cmd_delegate(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;
	int err, status = cmd_no_opts(x, argc, argv);
	struct cmd_user user;

	if (!status)
		status = cmd_user(x, argv[optind + 1], &user);
	if (!status)
		status = cmd_group(x, argv[optind], &g);
	if (status)
		return status;
	err = cgw_group_delegate(g, user.uid, user.gid);
	return err ? cmd_fail(x, err) : 0;
}

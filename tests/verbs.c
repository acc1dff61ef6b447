// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Takes what rdma.max limits, and runs a command while it has it:
 *
 *	verbs NODE CONTEXTS DOMAINS COMMAND...
 *
 * NODE is a device as /dev/infiniband/uverbs0; each CONTEXT is an hca_handle and each protection
 * DOMAIN, of the last context, an hca_object. Exit status 1 when the kernel refuses one; else
 * the command's.
 */
#include <errno.h>
#include <fcntl.h>
#include <rdma/ib_user_verbs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int get_context(int fd)
{
	struct ib_uverbs_get_context_resp answer;
	struct {
		struct ib_uverbs_cmd_hdr header;
		struct ib_uverbs_get_context command;
	} request = {
		.header = { .command = IB_USER_VERBS_CMD_GET_CONTEXT,
			    .in_words = sizeof(request) / 4,
			    .out_words = sizeof(answer) / 4 },
		.command.response = (uintptr_t)&answer,
	};

	return write(fd, &request, sizeof(request)) < 0 ? -errno : 0;
}

static int get_domain(int fd)
{
	struct ib_uverbs_alloc_pd_resp answer;
	struct {
		struct ib_uverbs_cmd_hdr header;
		struct ib_uverbs_alloc_pd command;
	} request = {
		.header = { .command = IB_USER_VERBS_CMD_ALLOC_PD,
			    .in_words = sizeof(request) / 4,
			    .out_words = sizeof(answer) / 4 },
		.command.response = (uintptr_t)&answer,
	};

	return write(fd, &request, sizeof(request)) < 0 ? -errno : 0;
}

static int refused(const char *what, int i, int err)
{
	fprintf(stderr, "verbs: %s %d: %s\n", what, i + 1, strerror(-err));
	return 1;
}

int main(int argc, char **argv)
{
	int fd = -EBADF, err;

	if (argc < 5) {
		fprintf(stderr, "usage: verbs NODE CONTEXTS DOMAINS COMMAND...\n");
		return 2;
	}
	for (int i = 0; i < atoi(argv[2]); i++) {
		fd = open(argv[1], O_RDWR); /* the command has it, too */
		if (fd < 0)
			return refused(argv[1], i, -errno);
		err = get_context(fd);
		if (err)
			return refused("context", i, err);
	}
	for (int i = 0; i < atoi(argv[3]); i++) {
		err = get_domain(fd);
		if (err)
			return refused("domain", i, err);
	}
	execvp(argv[4], argv + 4);
	return refused(argv[4], 0, -errno);
}

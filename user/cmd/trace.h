/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Shared by trace, trace start, trace stop and trace list. */
#ifndef CGWARD_CMD_TRACE_H
#define CGWARD_CMD_TRACE_H

#include <limits.h>

#include "cmd.h"

struct trace {
	struct cmd_ctx *x;
	struct cgw_trace *t;
	struct cgw_trace_opts opts;
	struct cgw_group **groups;
	int n_groups;
	int duration_ms; /* -1 = until a signal */
	uint64_t count;	 /* 0 = any number */
	int signal_fd;
	bool print;
	struct denials denials;
	const char *record; /* file; NULL = none */
	bool force;
	int record_fd;
	struct cgw_recorder *recorder;
};

#define TRACE_INIT(x_)                                                                             \
	{                                                                                          \
		.x = (x_), .opts = { .sz = sizeof(struct cgw_trace_opts) }, .duration_ms = -1,     \
		.signal_fd = -1, .record_fd = -1                                                   \
	}

/* cmd_trace.c; each gives 0 or an exit status */
int trace_read_options(struct trace *tr, int argc, char **argv);
int trace_arm(struct trace *tr, int n_words, char **words);
int trace_follow(struct trace *tr);
void trace_free(struct trace *tr);

/* trace_record.c */
int record_begin(struct trace *tr);
int record_end(struct trace *tr, int status);

/* trace_state.c: what is recorded in the background, by names */
#define TRACE_DIR "/run/cgward"

struct trace_state {
	char name[65];
	int fd;	   /* of its file, locked by the process that records */
	pid_t pid; /* of that; 0 = it is gone */
	char tracers[64];
	char file[PATH_MAX];
	uint64_t since_ns;
	bool ended; /* and has said how, which follows */
	int status;
	uint64_t events;
	uint64_t lost;
	char why[256];
};

int trace_name(struct cmd_ctx *x, const char *name);
int trace_state_find(struct cmd_ctx *x, const char *name, struct trace_state *ret_s);
int trace_state_look(struct trace_state *s);
int trace_state_claim(struct cmd_ctx *x, struct trace_state *s);
void trace_state_end(const struct trace_state *s);
void trace_state_remove(const struct trace_state *s);
int trace_state_each(struct cmd_ctx *x, void (*fn)(struct cmd_ctx *x, const struct trace_state *s));

#endif

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* trace: what the tracers tell, as it happens. */
#include <poll.h>

#include "cmd.h"

const struct cmd_opt opts_trace[] = {
	{ "duration", OPT_DURATION, "D", "end after so long, as 10s" },
	{ "count", OPT_COUNT, "N", "end after N events" },
	{ "ring", OPT_RING, "SIZE", "of the buffer in the kernel, a power of two, as 1M" },
	{ "blocked", OPT_BLOCKED, "D",
	  "freeze: tell the tasks that have not stopped after so long; default 1s" },
	{ "summary", OPT_SUMMARY, NULL,
	  "deny, as JSON: repetitions once a second, with how many, as text has them" },
	{ 0 },
};

struct trace {
	struct cmd_ctx *x;
	struct cgw_trace *t;
	struct cgw_trace_opts opts;
	struct cgw_group **groups;
	int n_groups;
	int duration_ms; /* -1 = until a signal */
	uint64_t count;	 /* 0 = any number */
	int signal_fd;
	bool summary;
	struct denials denials;
};

static void free_trace(struct trace *tr)
{
	cgw_trace_free(tr->t);
	for (int i = 0; i < tr->n_groups; i++)
		cgw_group_close(tr->groups[i]);
	free(tr->groups);
	cmd_closep(&tr->signal_fd);
}

static int parse_tracers(struct trace *tr, char *list)
{
	enum cgw_tracer tracer;
	char *save;

	for (char *name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		if (cgw_tracer_parse(name, &tracer))
			return cmd_usage(
				tr->x,
				"'%s' is no tracer: there are freeze, oom, deny and lifecycle",
				name);
		tr->opts.tracers |= CGW_TRACER_BIT(tracer);
	}
	return 0;
}

static int parse_count(struct trace *tr, const char *text)
{
	char *end;

	errno = 0;
	tr->count = strtoull(text, &end, 10);
	if (errno || *end || end == text || !tr->count || text[0] == '-')
		return cmd_usage(tr->x, "'%s' is no number of events", text);
	return 0;
}

static int parse_ring(struct trace *tr, const char *text)
{
	uint64_t bytes;

	if (cgw_parse_size(text, &bytes) || !bytes)
		return cmd_usage(tr->x, "'%s' is no size of a ring: as 1M", text);
	tr->opts.ring_bytes = bytes;
	return 0;
}

static int read_options(struct trace *tr, int argc, char **argv)
{
	struct cmd_ctx *x = tr->x;
	int opt, status = 0;

	while (!status && (opt = cmd_next_opt(x, argc, argv)) != -1) {
		switch (opt) {
		case 'h':
			return CMD_DONE;
		case '?':
			return EXIT_USAGE;
		case OPT_COUNT:
			status = parse_count(tr, optarg);
			break;
		case OPT_SUMMARY:
			tr->summary = true;
			break;
		case OPT_RING:
			status = parse_ring(tr, optarg);
			break;
		case OPT_BLOCKED:
			status = cmd_duration(x, optarg, &tr->opts.blocked_ms);
			break;
		default:
			status = cmd_duration(x, optarg, &tr->duration_ms);
		}
	}
	return status ? status : cmd_check_args(x, argc);
}

static int open_groups(struct trace *tr, int argc, char **argv)
{
	int n = argc - optind, status = 0;

	tr->groups = calloc((size_t)n + 1, sizeof(*tr->groups));
	if (!tr->groups)
		return cmd_fail(tr->x, -ENOMEM);
	for (int i = 0; i < n && !status; i++) {
		status = cmd_group(tr->x, argv[optind + i], &tr->groups[i]);
		tr->n_groups += !status;
	}
	tr->opts.groups = tr->groups;
	tr->opts.n_groups = (size_t)tr->n_groups;
	return status;
}

static void print(struct trace *tr, const struct cgw_trace_event *e)
{
	if (tr->summary && denials_take(tr->x, &tr->denials, e))
		return;
	print_trace(tr->x, e);
}

static int follow(struct trace *tr)
{
	int64_t deadline = cmd_now_ms() + tr->duration_ms;
	struct out *o = &tr->x->out;
	struct pollfd fds[] = { { .fd = cgw_trace_fd(tr->t), .events = POLLIN },
				{ .fd = tr->signal_fd, .events = POLLIN },
				{ .fd = fileno(o->f) } };
	uint64_t n = 0;

	for (;;) {
		struct cgw_trace_event e;
		int got, wait;

		while ((got = cgw_trace_read(tr->t, &e)) > 0) {
			print(tr, &e);
			if (++n == tr->count)
				return 0;
		}
		if (got < 0)
			return cmd_fail(tr->x, got);
		denials_tell(tr->x, &tr->denials, false);
		wait = denials_wait(&tr->denials);
		fflush(o->f);
		if (fds[1].revents || fds[2].revents & POLLERR || ferror(o->f))
			return 0;
		if (tr->duration_ms >= 0) {
			int left = (int)(deadline - cmd_now_ms());

			if (left <= 0)
				return 0;
			wait = wait < 0 || left < wait ? left : wait;
		}
		if (poll(fds, ARRAY_SIZE(fds), wait) < 0 && errno != EINTR)
			return cmd_error(tr->x, EXIT_REFUSED, strerrorname_np(errno), NULL,
					 "cannot poll: %s", strerror(errno));
	}
}

int cmd_trace(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(free_trace) struct trace tr = {
		.x = x, .opts = { .sz = sizeof(tr.opts) }, .duration_ms = -1, .signal_fd = -1
	};
	int err, status = read_options(&tr, argc, argv);

	if (!status)
		status = parse_tracers(&tr, argv[optind++]);
	if (!status)
		status = open_groups(&tr, argc, argv);
	if (status)
		return status;
	tr.signal_fd = cmd_signal_fd();
	if (tr.signal_fd < 0)
		return cmd_error(x, EXIT_REFUSED, strerrorname_np(errno), NULL,
				 "cannot wait for events: %s", strerror(errno));
	tr.summary |= !x->json;
	err = cgw_trace_new(x->c, &tr.opts, &tr.t);
	if (err)
		return cmd_fail(x, err);
	for (size_t i = 0; cgw_trace_missing(tr.t, i); i++)
		cmd_note(x, "not told: %s", cgw_trace_missing(tr.t, i));
	cmd_note(x, "tracing; Ctrl-C ends it");
	status = follow(&tr);
	denials_tell(x, &tr.denials, true);
	return status;
}

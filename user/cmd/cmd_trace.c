// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* trace: what the tracers tell, as it happens. */
#include <poll.h>

#include "trace.h"

const struct cmd_opt opts_trace[] = {
	{ "duration", OPT_DURATION, "D", "end after so long, as 10s" },
	{ "count", OPT_COUNT, "N", "end after N events" },
	{ "ring", OPT_RING, "SIZE", "of the buffer in the kernel, a power of two, as 1M" },
	{ "blocked", OPT_BLOCKED, "D",
	  "freeze: tell the tasks that have not stopped after so long; default 1s" },
	{ "summary", OPT_SUMMARY, NULL,
	  "deny, as JSON: repetitions once a second, with how many, as text has them" },
	{ "record", OPT_RECORD, "FILE",
	  "keep the events in a new file, for replay; with -q do not print them" },
	{ "force", OPT_FORCE, NULL, "replace the file where it is there" },
	{ 0 },
};

void trace_free(struct trace *tr)
{
	cgw_recorder_free(tr->recorder);
	cmd_closep(&tr->record_fd);
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

int trace_read_options(struct trace *tr, int argc, char **argv)
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
			tr->denials.sum = true;
			break;
		case OPT_RING:
			status = parse_ring(tr, optarg);
			break;
		case OPT_BLOCKED:
			status = cmd_duration(x, optarg, &tr->opts.blocked_ms);
			break;
		case OPT_RECORD:
			tr->record = optarg;
			break;
		case OPT_FORCE:
			tr->force = true;
			break;
		default:
			status = cmd_duration(x, optarg, &tr->duration_ms);
		}
	}
	return status ? status : cmd_check_args(x, argc);
}

static int open_groups(struct trace *tr, int n, char **words)
{
	int status = 0;

	tr->groups = calloc((size_t)n + 1, sizeof(*tr->groups));
	if (!tr->groups)
		return cmd_fail(tr->x, -ENOMEM);
	for (int i = 0; i < n && !status; i++) {
		status = cmd_group(tr->x, words[i], &tr->groups[i]);
		tr->n_groups += !status;
	}
	tr->opts.groups = tr->groups;
	tr->opts.n_groups = (size_t)tr->n_groups;
	return status;
}

/* TRACERS [GROUP...]: from here on nothing is missed. */
int trace_arm(struct trace *tr, int n_words, char **words)
{
	struct cmd_ctx *x = tr->x;
	int err, status = parse_tracers(tr, words[0]);

	if (!status)
		status = open_groups(tr, n_words - 1, words + 1);
	if (status)
		return status;
	tr->signal_fd = cmd_signal_fd();
	if (tr->signal_fd < 0)
		return cmd_error(x, EXIT_REFUSED, strerrorname_np(errno), NULL,
				 "cannot wait for events: %s", strerror(errno));
	err = cgw_trace_new(x->c, &tr->opts, &tr->t);
	if (err)
		return cmd_fail(x, err);
	for (size_t i = 0; cgw_trace_missing(tr->t, i); i++)
		cmd_note(x, "not told: %s", cgw_trace_missing(tr->t, i));
	return record_begin(tr);
}

static int take(struct trace *tr, const struct cgw_trace_event *e)
{
	int err = tr->recorder ? cgw_recorder_write(tr->recorder, e) : 0;

	if (tr->print)
		denials_print(tr->x, &tr->denials, e);
	return err ? cmd_fail(tr->x, err) : 0;
}

/* What there is, as far as it happened before until_ns. Return: 0, CMD_DONE or an exit status. */
static int drain(struct trace *tr, uint64_t until_ns, uint64_t *n)
{
	struct cgw_trace_event e;
	int got, status;

	while ((got = cgw_trace_read(tr->t, &e)) > 0) {
		if (e.record->mono_ns > until_ns)
			return CMD_DONE;
		status = take(tr, &e);
		if (status)
			return status;
		if (++*n == tr->count)
			return CMD_DONE;
	}
	if (got < 0)
		return cmd_fail(tr->x, got);
	got = tr->recorder ? cgw_recorder_flush(tr->recorder) : 0;
	return got ? cmd_fail(tr->x, got) : 0;
}

/*
 * Tell how often denials were repeated, once nothing that counts can come any more.
 * Return: how long until there is more to tell, in ms; -1 = there is nothing.
 */
static int tell_repeated(struct trace *tr)
{
	uint64_t due = denials_due(&tr->denials);
	int64_t left;

	if (due == UINT64_MAX)
		return -1;
	denials_tell(tr->x, &tr->denials, cgw_trace_complete_ns(tr->t));
	due = denials_due(&tr->denials);
	if (due == UINT64_MAX)
		return -1;
	/* What happened in the last millisecond is not complete. */
	left = ((int64_t)due - cmd_now_ns()) / 1000000 + 2;
	return left > 1 ? (int)left : 1;
}

static int follow(struct trace *tr)
{
	int64_t deadline = cmd_now_ms() + tr->duration_ms;
	FILE *out = tr->x->out.f;
	struct pollfd fds[] = { { .fd = cgw_trace_fd(tr->t), .events = POLLIN },
				{ .fd = tr->signal_fd, .events = POLLIN },
				{ .fd = tr->print ? fileno(out) : -1 } };
	uint64_t n = 0;

	for (;;) {
		int64_t left = tr->duration_ms < 0 ? INT32_MAX : deadline - cmd_now_ms();
		/* What happened before the end is told. */
		bool last = left <= 0 || fds[1].revents;
		int status = drain(tr, last ? (uint64_t)cmd_now_ns() : UINT64_MAX, &n), wait;

		if (status || last)
			return status == CMD_DONE ? 0 : status;
		wait = tell_repeated(tr);
		if (tr->duration_ms >= 0 && (wait < 0 || left < wait))
			wait = (int)left;
		fflush(out);
		if (fds[2].revents & POLLERR || ferror(out))
			return 0;
		if (poll(fds, ARRAY_SIZE(fds), wait) < 0 && errno != EINTR)
			return cmd_error(tr->x, EXIT_REFUSED, strerrorname_np(errno), NULL,
					 "cannot poll: %s", strerror(errno));
	}
}

int trace_follow(struct trace *tr)
{
	int status = follow(tr);

	denials_tell(tr->x, &tr->denials, UINT64_MAX);
	return record_end(tr, status);
}

int cmd_trace(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(trace_free) struct trace tr = TRACE_INIT(x);
	int status = trace_read_options(&tr, argc, argv);

	if (!status && tr.force && !tr.record)
		status = cmd_usage(x, "--force goes with --record");
	tr.print = !tr.record || x->verbosity >= 0;
	tr.denials.sum |= !x->json;
	if (!status)
		status = trace_arm(&tr, argc - optind, argv + optind);
	if (status)
		return status;
	cmd_note(x, tr.record ? "recording; Ctrl-C ends it" : "tracing; Ctrl-C ends it");
	return trace_follow(&tr);
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* events: what happens to groups, as it happens. */
#include <inttypes.h>
#include <poll.h>

#include "cmd.h"

const struct cmd_opt opts_events[] = {
	{ "recursive", OPT_RECURSIVE, NULL, "groups below too, also those made later" },
	{ "kinds", OPT_KINDS, "KIND,...", "only these kinds, as populated,oom_kill" },
	{ "pressure", OPT_PRESSURE, "TRIGGER", "cpu|io|memory|irq:some|full:STALL/WINDOW, as memory:some:100ms/1s; repeatable" },
	{ "ancestors", OPT_ANCESTORS, NULL, "memory and pids limits that fire in the ancestors too" },
	{ "initial", OPT_INITIAL, NULL, "begin with the states as they are" },
	{ "until", OPT_UNTIL, "KIND[=0|1]", "end when this came, as populated=0 or oom_kill" },
	{ "exit-empty", OPT_EXIT_EMPTY, NULL, "end when none of the groups has a process" },
	{ 0 },
};

#define MAX_PRESSURES 16

struct pressure {
	enum cgw_pressure resource;
	bool full;
	uint32_t stall_us;
	uint32_t window_us;
};

/* A group named on the command line. */
struct named {
	uint64_t id;
	bool populated;
};

struct events {
	struct cmd_ctx *x;
	struct cmd_targets targets;
	struct cgw_watch *w;
	struct named *named;
	struct pressure pressures[MAX_PRESSURES];
	size_t n_pressures;
	uint64_t kinds; /* printed; 0 = all */
	unsigned int flags;
	const char *until;
	enum cgw_event_kind until_kind;
	int until_state; /* -1 = any */
	bool exit_empty;
	int signal_fd;
};

static void free_events(struct events *ev)
{
	cgw_watch_free(ev->w);
	cmd_targets_free(&ev->targets);
	free(ev->named);
	if (ev->signal_fd >= 0)
		close(ev->signal_fd);
}

static int parse_kind(struct cmd_ctx *x, const char *name, enum cgw_event_kind *ret_kind)
{
	char all[600] = "";

	if (!cgw_event_kind_parse(name, ret_kind))
		return 0;
	for (int i = 0; i <= CGW_EVENT_OVERFLOW; i++) {
		size_t n = strlen(all);

		snprintf(all + n, sizeof(all) - n, "%s%s", n ? ", " : "",
			 cgw_event_kind_name((enum cgw_event_kind)i));
	}
	return cmd_usage(x, "'%s' is no kind of event: there are %s", name, all);
}

static int parse_kinds(struct events *ev, char *list)
{
	enum cgw_event_kind kind;
	char *save, *name;
	int status = 0;

	for (name = strtok_r(list, ",", &save); name && !status; name = strtok_r(NULL, ",", &save)) {
		status = parse_kind(ev->x, name, &kind);
		if (!status)
			ev->kinds |= CGW_EVENT_BIT(kind);
	}
	return status || ev->kinds ? status : cmd_usage(ev->x, "--kinds names no kind of event");
}

static int parse_until(struct events *ev, const char *text)
{
	_cleanup_free_ char *name = strndup(text, strcspn(text, "="));
	const char *state = strchr(text, '=');
	int status = name ? parse_kind(ev->x, name, &ev->until_kind) : EXIT_REFUSED;

	if (status)
		return status;
	ev->until = text;
	ev->until_state = -1;
	if (!state)
		return 0;
	if ((strcmp(state, "=0") && strcmp(state, "=1")) ||
	    (ev->until_kind != CGW_EVENT_POPULATED && ev->until_kind != CGW_EVENT_FROZEN))
		return cmd_usage(ev->x, "'%s': only populated and frozen have a state, 0 or 1", text);
	ev->until_state = state[1] - '0';
	return 0;
}

/* What does not fit is out of the library's bounds too. */
static uint32_t to_us(int ms)
{
	return ms < 0 || ms > 100000 ? UINT32_MAX : (uint32_t)ms * 1000;
}

/* "memory:some:100ms/1s" */
static int parse_pressure(struct events *ev, char *text)
{
	static const char *const resources[] = { "cpu", "io", "memory", "irq" };
	_cleanup_free_ char *whole = strdup(text);
	char *save, *resource = strtok_r(text, ":", &save), *share = strtok_r(NULL, ":", &save);
	char *stall = strtok_r(NULL, "/", &save), *window = strtok_r(NULL, "", &save);
	struct pressure *p = &ev->pressures[ev->n_pressures];
	int status, stall_ms, window_ms;
	size_t i = 0;

	while (resource && i < ARRAY_SIZE(resources) && strcmp(resource, resources[i]))
		i++;
	if (!window || i == ARRAY_SIZE(resources) || (strcmp(share, "some") && strcmp(share, "full")))
		return cmd_usage(ev->x, "'%s' is not cpu|io|memory|irq:some|full:STALL/WINDOW, as memory:some:100ms/1s",
				 whole ? whole : text);
	if (ev->n_pressures == MAX_PRESSURES)
		return cmd_usage(ev->x, "more than %d times --pressure", MAX_PRESSURES);
	status = cmd_duration(ev->x, stall, &stall_ms);
	if (!status)
		status = cmd_duration(ev->x, window, &window_ms);
	if (status)
		return status;
	p->resource = (enum cgw_pressure)i;
	p->full = share[0] == 'f';
	p->stall_us = to_us(stall_ms);
	p->window_us = to_us(window_ms);
	ev->n_pressures++;
	return 0;
}

static int read_options(struct events *ev, int argc, char **argv)
{
	struct cmd_ctx *x = ev->x;
	int opt, status = 0;

	while (!status && (opt = cmd_next_opt(x, argc, argv)) != -1) {
		switch (opt) {
		case 'h':
			return CMD_DONE;
		case '?':
			return EXIT_USAGE;
		case OPT_RECURSIVE:
			ev->flags |= CGW_WATCH_RECURSIVE;
			break;
		case OPT_ANCESTORS:
			ev->flags |= CGW_WATCH_ANCESTORS;
			break;
		case OPT_INITIAL:
			ev->flags |= CGW_WATCH_INITIAL;
			break;
		case OPT_KINDS:
			status = parse_kinds(ev, optarg);
			break;
		case OPT_PRESSURE:
			status = parse_pressure(ev, optarg);
			break;
		case OPT_UNTIL:
			status = parse_until(ev, optarg);
			break;
		case OPT_EXIT_EMPTY:
			ev->exit_empty = true;
			break;
		default:
			status = cmd_duration(x, optarg, &ev->targets.timeout_ms);
		}
	}
	if (!status)
		status = cmd_check_args(x, argc);
	return status ? status : cmd_open_targets(x, argc, argv, &ev->targets);
}

/* Watch the groups that were named; their handles are not needed any more. */
static int watch_groups(struct events *ev)
{
	struct cgw_watch_opts opts = { .sz = sizeof(opts), .kinds = ev->kinds, .flags = ev->flags };
	int err = cgw_watch_new(ev->x->c, &ev->w);

	if (opts.kinds && ev->until)
		opts.kinds |= CGW_EVENT_BIT(ev->until_kind);
	if (opts.kinds && ev->exit_empty)
		opts.kinds |= CGW_EVENT_BIT(CGW_EVENT_POPULATED);
	for (int i = 0; i < ev->targets.n && !err; i++) {
		struct cgw_group *g = ev->targets.groups[i];

		ev->named[i].id = cgw_group_id(g);
		err = cgw_watch_add(ev->w, g, &opts);
		for (size_t j = 0; j < ev->n_pressures && !err; j++) {
			const struct pressure *p = &ev->pressures[j];

			err = cgw_watch_add_pressure(ev->w, g, p->resource, p->full, p->stall_us,
						     p->window_us);
		}
		/* After it is watched: a change from here on is an event. */
		if (!err && ev->exit_empty) {
			err = cgw_group_is_populated(g);
			ev->named[i].populated = err > 0;
			err = err == -ENODEV || err > 0 ? 0 : err;
		}
	}
	return err ? cmd_fail(ev->x, err) : 0;
}

static bool is_state(const struct cgw_event *e)
{
	return e->kind == CGW_EVENT_POPULATED || e->kind == CGW_EVENT_FROZEN;
}

static void print_json(struct out *o, const struct cgw_event *e)
{
	char when[64];

	format_time(e->time_ns, true, when, sizeof(when));
	js_begin(o, '{');
	js_key(o, "event");
	js_string(o, e->name);
	js_key(o, "time");
	js_string(o, when);
	js_key(o, "mono_ns");
	js_number(o, e->mono_ns);
	js_key(o, "path");
	js_string(o, e->path);
	js_key(o, "id");
	js_number(o, e->id);
	if (is_state(e)) {
		js_key(o, e->name);
		js_number(o, e->total);
	} else if (e->detail || e->delta) {
		js_key(o, "delta");
		js_number(o, e->delta);
		if (!e->detail) {
			js_key(o, "own");
			js_number(o, e->own);
		}
		js_key(o, "total");
		js_number(o, e->total);
		js_key(o, e->detail ? "trigger" : "by");
		if (e->detail || e->by)
			js_string(o, e->detail ? e->detail : e->by);
		else
			js_null(o);
	}
	js_end(o, '}');
	js_line(o);
}

static void print_text(FILE *f, const struct cgw_event *e)
{
	char when[64], value[32] = "";

	format_time(e->time_ns, false, when, sizeof(when));
	if (is_state(e))
		snprintf(value, sizeof(value), "%" PRIu64, e->total);
	else if (e->detail || e->delta)
		snprintf(value, sizeof(value), "+%" PRIu64 "%s", e->delta, e->detail ? "us" : "");
	fprintf(f, "%s  %-21s %8s  %s", when, e->name, value, e->path);
	if (e->detail)
		fprintf(f, "  (%s)", e->detail);
	else if (e->delta)
		fprintf(f, "%s%s  (%" PRIu64 " in all)", e->by ? "  by " : "", e->by ? e->by : "", e->total);
	fputc('\n', f);
}

/* Print the event; is it the one that ends all? */
static bool take_event(struct events *ev, const struct cgw_event *e)
{
	struct out *o = &ev->x->out;
	bool populated = false, until = ev->until && e->kind == ev->until_kind;

	/* --exit-empty alone looks at what is not to be printed. */
	if (!ev->kinds || ev->kinds & CGW_EVENT_BIT(e->kind) || until ||
	    e->kind != CGW_EVENT_POPULATED) {
		if (ev->x->json)
			print_json(o, e);
		else
			print_text(o->f, e);
		fflush(o->f);
	}
	if (until && (ev->until_state < 0 || (uint64_t)ev->until_state == e->total))
		return true;
	for (int i = 0; i < ev->targets.n; i++) {
		struct named *n = &ev->named[i];

		if (n->id == e->id && e->kind == CGW_EVENT_POPULATED)
			n->populated = e->total;
		else if (n->id == e->id && e->kind == CGW_EVENT_REMOVED)
			n->populated = false;
		populated = populated || n->populated;
	}
	return ev->exit_empty && !populated;
}

static int time_is_up(struct events *ev)
{
	if (ev->until)
		return cmd_error(ev->x, EXIT_REFUSED, "ETIMEDOUT", NULL, "no event '%s' came in %d ms", ev->until,
				 ev->targets.timeout_ms);
	if (ev->exit_empty)
		return cmd_error(ev->x, EXIT_REFUSED, "ETIMEDOUT", NULL,
				 "the groups were not empty after %d ms", ev->targets.timeout_ms);
	return 0;
}

static int all_gone(struct events *ev)
{
	if (ev->until)
		return cmd_error(ev->x, EXIT_REFUSED, "ENODEV", NULL,
				 "the groups are gone, and no event '%s' came", ev->until);
	return 0;
}

/* Print until a condition, a signal, the time, or whoever reads ends it. Return: the status. */
static int follow(struct events *ev)
{
	int64_t deadline = cmd_now_ms() + ev->targets.timeout_ms;
	struct pollfd fds[] = { { .fd = cgw_watch_fd(ev->w), .events = POLLIN },
				{ .fd = ev->signal_fd, .events = POLLIN },
				{ .fd = fileno(ev->x->out.f) } };
	bool populated = !ev->exit_empty;

	for (int i = 0; i < ev->targets.n; i++)
		populated = populated || ev->named[i].populated;
	if (!populated)
		return 0;
	for (;;) {
		struct cgw_event e;
		int got, wait = -1;

		while ((got = cgw_watch_read(ev->w, &e))) {
			if (got < 0)
				cmd_fail(ev->x, got); /* the other groups go on */
			else if (take_event(ev, &e) || ferror(ev->x->out.f))
				return 0;
		}
		if (!cgw_watch_count(ev->w))
			return all_gone(ev);
		if (ev->targets.timeout_ms >= 0) {
			wait = (int)(deadline - cmd_now_ms());
			if (wait <= 0)
				return time_is_up(ev);
		}
		if (poll(fds, ARRAY_SIZE(fds), wait) < 0 && errno != EINTR)
			return cmd_error(ev->x, EXIT_REFUSED, strerrorname_np(errno), NULL, "cannot poll: %s",
					 strerror(errno));
		/* A signal, or nobody reads the output any more. */
		if (fds[1].revents || fds[2].revents & POLLERR)
			return 0;
	}
}

int cmd_events(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(free_events) struct events ev = { .x = x, .targets = { .timeout_ms = -1 },
						    .signal_fd = -1 };
	int status = read_options(&ev, argc, argv);

	if (status)
		return status;
	ev.signal_fd = cmd_signal_fd();
	ev.named = calloc((size_t)ev.targets.n, sizeof(*ev.named));
	if (ev.signal_fd < 0 || !ev.named)
		return cmd_error(x, EXIT_REFUSED, strerrorname_np(errno), NULL, "cannot wait for events: %s",
				 strerror(errno));
	status = watch_groups(&ev);
	return status ? status : follow(&ev);
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What tests of events need: the next one, all there are, each as a line. */
#include <inttypes.h>
#include <poll.h>

#include "cgtest.h"

const char *cgtest_event(const struct cgw_event *e)
{
	static char line[9000];
	int n = snprintf(line, sizeof(line), "%s %s", e->path, e->name);

	if (e->detail)
		snprintf(line + n, sizeof(line) - (size_t)n, " %s", e->detail);
	else if (e->delta)
		snprintf(line + n, sizeof(line) - (size_t)n, " +%" PRIu64 " own %" PRIu64 " =%" PRIu64 "%s%s",
			 e->delta, e->own, e->total, e->by ? " by " : "", e->by ? e->by : "");
	else if (e->kind == CGW_EVENT_POPULATED || e->kind == CGW_EVENT_FROZEN)
		snprintf(line + n, sizeof(line) - (size_t)n, " %" PRIu64, e->total);
	return line;
}

int cgtest_next(struct cgw_watch *w, struct cgw_event *e)
{
	int64_t deadline = cgw__now_ns() + CGTEST_TIMEOUT_MS * CGW_NSEC_PER_MSEC;
	int got;

	while (!(got = cgw_watch_read(w, e))) {
		struct pollfd p = { .fd = cgw_watch_fd(w), .events = POLLIN };
		int64_t left = (deadline - cgw__now_ns()) / CGW_NSEC_PER_MSEC;

		if (left <= 0 || poll(&p, 1, (int)left) < 0)
			return 0;
	}
	return got;
}

bool cgtest_await(struct cgw_watch *w, enum cgw_event_kind kind, const char *path,
		  struct cgw_event *e)
{
	while (cgtest_next(w, e) == 1) {
		if (e->kind == kind && !strcmp(e->path, path))
			return true;
		tap_note("passed over: %s", cgtest_event(e));
	}
	tap_note("no %s of %s came", cgw_event_kind_name(kind), path);
	return false;
}

char *cgtest_events(struct cgw_watch *w)
{
	char *all = strdup("");
	struct cgw_event e;
	int got;

	while ((got = cgw_watch_read(w, &e)) || cgtest_more(w)) {
		char *more;

		if (!got)
			continue;
		if (asprintf(&more, "%s%s\n", all, got < 0 ? strerror(-got) : cgtest_event(&e)) < 0)
			cgtest_bail("out of memory");
		free(all);
		all = more;
	}
	return all;
}

bool cgtest_more(struct cgw_watch *w)
{
	struct pollfd p = { .fd = cgw_watch_fd(w), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

struct cgw_watch *cgtest_watch(struct cgw *c)
{
	struct cgw_watch *w;
	int err = cgw_watch_new(c, &w);

	if (err) {
		errno = -err;
		cgtest_bail("%s", cgw_strerror(c));
	}
	return w;
}

void cgtest_watch_add(struct cgw_watch *w, struct cgw_group *g, uint64_t kinds, unsigned int flags)
{
	struct cgw_watch_opts opts = { .sz = sizeof(opts), .kinds = kinds, .flags = flags };
	int err = cgw_watch_add(w, g, &opts);

	if (err) {
		errno = -err;
		cgtest_bail("cannot watch %s", cgw_group_path(g));
	}
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The events of tracers, as lines of text or JSON. */
#include <inttypes.h>

#include "cmd.h"

static const struct {
	unsigned int first; /* kinds from here on, to the next row's */
	void (*text)(FILE *f, const struct cgw_trace_event *e);
	void (*json)(struct out *o, const struct cgw_trace_event *e);
} kinds[] = {
	{ CGW_TRACE_FREEZE_REQUESTED, print_freeze, print_freeze_json },
	{ CGW_TRACE_OOM_KILL, print_oom, print_oom_json },
	{ CGW_TRACE_DENY, print_deny, print_deny_json },
	{ CGW_TRACE_CREATED, print_lifecycle, print_lifecycle_json },
};

/* "12 us", "3.4 ms", "5.6 s" */
void print_duration(FILE *f, uint64_t ns)
{
	if (ns < 10000000)
		fprintf(f, "%" PRIu64 " us", ns / 1000);
	else if (ns < 10000000000)
		fprintf(f, "%" PRIu64 " ms", ns / 1000000);
	else
		fprintf(f, "%" PRIu64 " s", ns / 1000000000);
}

void js_pair_string(struct out *o, const char *key, const char *value)
{
	js_key(o, key);
	if (value)
		js_string(o, value);
	else
		js_null(o);
}

void js_pair_number(struct out *o, const char *key, uint64_t value)
{
	js_key(o, key);
	js_number(o, value);
}

static void print_json(struct out *o, const struct cgw_trace_event *e, int row, uint64_t more)
{
	const struct cgw_trace_record *r = e->record;
	char when[64];

	format_time(e->time_ns, true, when, sizeof(when));
	js_begin(o, '{');
	js_pair_string(o, "event", e->name);
	js_pair_string(o, "time", when);
	js_pair_number(o, "mono_ns", r->mono_ns);
	if (r->kind == CGW_TRACE_LOST) {
		js_pair_number(o, "records", ((const struct cgw_trace_lost *)r)->records);
	} else {
		js_pair_string(o, "path", e->path);
		js_pair_number(o, "id", r->group);
		js_pair_number(o, "pid", r->pid);
		js_pair_number(o, "tid", r->tid);
		js_pair_number(o, "uid", r->uid);
		js_pair_string(o, "comm", r->comm);
		js_pair_string(o, "source", cgw_trace_source_name(r->source));
		if (row >= 0)
			kinds[row].json(o, e);
		if (more)
			js_pair_number(o, "more", more);
	}
	js_end(o, '}');
	js_line(o);
}

/* "12,345" */
static void print_count(FILE *f, uint64_t n)
{
	if (n >= 1000)
		print_count(f, n / 1000);
	fprintf(f, n < 1000 ? "%" PRIu64 : ",%03" PRIu64, n % 1000);
}

static void print_text(FILE *f, const struct cgw_trace_event *e, int row, uint64_t more)
{
	const struct cgw_trace_record *r = e->record;
	char when[64];

	format_time(e->time_ns, false, when, sizeof(when));
	fprintf(f, "%s  %-19s ", when, e->name);
	if (r->kind == CGW_TRACE_LOST) {
		fprintf(f, "%llu records: the ring was full (--ring)",
			(unsigned long long)((const struct cgw_trace_lost *)r)->records);
	} else {
		fprintf(f, "%s  ", e->path[0] ? e->path : "?");
		if (more) {
			fputs("... and ", f);
			print_count(f, more);
			fputs(" more like it: ", f);
		}
		if (row >= 0)
			kinds[row].text(f, e);
	}
	fputc('\n', f);
}

/* An event, or that there were more like it. */
void print_trace_more(struct cmd_ctx *x, const struct cgw_trace_event *e, uint64_t more)
{
	int row = (int)ARRAY_SIZE(kinds) - 1;

	while (row >= 0 && e->record->kind < kinds[row].first)
		row--;
	if (x->json)
		print_json(&x->out, e, row, more);
	else
		print_text(x->out.f, e, row, more);
}

void print_trace(struct cmd_ctx *x, const struct cgw_trace_event *e)
{
	print_trace_more(x, e, 0);
}

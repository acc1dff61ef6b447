// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What the tracer of lifecycles tells. */
#include "cmd.h"

static void print_by(FILE *f, const struct cgw_trace_record *r)
{
	fprintf(f, "by %s (pid %u, uid %u)", r->comm, r->pid, r->uid);
}

/* Names and values come from others: what is in them must not steer a terminal. */
static void print_plain(FILE *f, const char *s)
{
	for (; *s; s++)
		fputc((unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s, f);
}

static void print_attached(FILE *f, const struct cgw_trace_event *e)
{
	const struct cgw_trace_attached *r = (const void *)e->record;

	fprintf(f, "%s %s (pid %u", r->process ? "process" : "thread", r->task_comm, r->task_pid);
	if (!r->process)
		fprintf(f, ", thread %u", r->task_tid);
	fputc(')', f);
	if (e->from)
		fprintf(f, " from %s", e->from[0] ? e->from : "?");
	fputs(", ", f);
	print_by(f, &r->head);
}

/* The text as it was written, but for its last newline. */
static const char *written_text(const struct cgw_trace_written *r, char *buf)
{
	size_t len;

	memcpy(buf, r->text, CGW_TRACE_TEXT);
	buf[CGW_TRACE_TEXT] = '\0';
	len = strlen(buf);
	if (len && len == r->len && buf[len - 1] == '\n')
		buf[len - 1] = '\0';
	return buf;
}

static void print_written(FILE *f, const struct cgw_trace_written *r)
{
	char text[CGW_TRACE_TEXT + 1];

	fprintf(f, "%s = ", r->file);
	print_plain(f, written_text(r, text));
	if (r->len > CGW_TRACE_TEXT)
		fprintf(f, "... (%llu bytes)", (unsigned long long)r->len);
	fputs(", ", f);
	print_by(f, &r->head);
	if (r->result < 0)
		fprintf(f, ": %s", strerror((int)-r->result));
}

void print_lifecycle(FILE *f, const struct cgw_trace_event *e)
{
	const struct cgw_trace_record *r = e->record;

	switch (r->kind) {
	case CGW_TRACE_RELEASED: /* by the kernel, some time later */
		fputs("nothing is left of it", f);
		break;
	case CGW_TRACE_ATTACHED:
		print_attached(f, e);
		break;
	case CGW_TRACE_POPULATED:
		fprintf(f, "%s, ",
			((const struct cgw_trace_populated *)r)->populated ? "has processes"
									   : "is empty");
		print_by(f, r);
		break;
	case CGW_TRACE_WRITTEN:
		print_written(f, (const void *)r);
		break;
	default:
		print_by(f, r);
	}
}

static void print_attached_json(struct out *o, const struct cgw_trace_event *e)
{
	const struct cgw_trace_attached *r = (const void *)e->record;

	js_key(o, "process");
	js_bool(o, r->process);
	js_key(o, "task");
	js_begin(o, '{');
	js_pair_number(o, "pid", r->task_pid);
	js_pair_number(o, "tid", r->task_tid);
	js_pair_string(o, "comm", r->task_comm);
	js_end(o, '}');
	js_key(o, "from");
	if (!e->from) {
		js_null(o);
		return;
	}
	js_begin(o, '{');
	js_pair_string(o, "path", e->from);
	js_pair_number(o, "id", r->from);
	js_end(o, '}');
}

static void print_written_json(struct out *o, const struct cgw_trace_written *r)
{
	char text[CGW_TRACE_TEXT + 1];

	js_pair_string(o, "file", r->file);
	js_pair_string(o, "text", written_text(r, text));
	js_pair_number(o, "bytes", r->len);
	js_key(o, "cut");
	js_bool(o, r->len > CGW_TRACE_TEXT);
	js_pair_string(o, "error", r->result < 0 ? strerrorname_np((int)-r->result) : NULL);
}

void print_lifecycle_json(struct out *o, const struct cgw_trace_event *e)
{
	const struct cgw_trace_record *r = e->record;

	if (r->kind == CGW_TRACE_ATTACHED)
		print_attached_json(o, e);
	else if (r->kind == CGW_TRACE_WRITTEN)
		print_written_json(o, (const void *)r);
	else if (r->kind == CGW_TRACE_POPULATED)
		js_pair_number(o, "populated", ((const struct cgw_trace_populated *)r)->populated);
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What the tracer of freezes tells. */
#include "cmd.h"

static void print_by(FILE *f, const struct cgw_trace_freeze *r)
{
	if (r->by_pid)
		fprintf(f, " of %s (pid %u, uid %u)", r->by_comm, r->by_pid, r->by_uid);
}

static void print_lapse(FILE *f, const char *what, uint64_t ns)
{
	fputs(what, f);
	if (ns)
		print_duration(f, ns);
	else
		fputs("an unknown time", f);
}

static void print_blocked(FILE *f, const struct cgw_trace_blocked *r)
{
	fputs("not frozen", f);
	if (r->after_ns) {
		fputs(" after ", f);
		print_duration(f, r->after_ns);
	}
	fprintf(f, ": %s (pid %u", r->head.comm, r->head.pid);
	if (r->head.tid != r->head.pid)
		fprintf(f, ", thread %u", r->head.tid);
	fprintf(f, ", state %c)%s%s", r->state, r->stack[0] ? " in " : "", r->stack);
}

void print_freeze(FILE *f, const struct cgw_trace_event *e)
{
	const struct cgw_trace_record *head = e->record;
	const struct cgw_trace_freeze *r = (const void *)head;

	switch (head->kind) {
	case CGW_TRACE_FREEZE_BLOCKED:
		print_blocked(f, (const void *)head);
		return;
	case CGW_TRACE_FREEZE_REQUESTED:
	case CGW_TRACE_FREEZE_THAW:
		fprintf(f, "by %s (pid %u, uid %u)%s", head->comm, head->pid, head->uid,
			r->own				      ? ""
			: head->kind == CGW_TRACE_FREEZE_THAW ? ""
							      : ", with a group above");
		return;
	case CGW_TRACE_FREEZE_REACHED:
		print_lapse(f, "after ", r->after_ns);
		break;
	default:
		print_lapse(f, "was frozen for ", r->frozen_ns);
	}
	if (head->pid != r->by_pid)
		fprintf(f, "%s task %s (pid %u)",
			head->kind == CGW_TRACE_FREEZE_REACHED ? ", last" : ", first", head->comm,
			head->tid);
	if (r->by_pid) {
		fputs(", request", f);
		print_by(f, r);
	}
}

static void js_pair_ns(struct out *o, const char *key, uint64_t ns)
{
	if (ns) {
		js_pair_number(o, key, ns);
	} else {
		js_key(o, key);
		js_null(o);
	}
}

void print_freeze_json(struct out *o, const struct cgw_trace_event *e)
{
	const struct cgw_trace_blocked *b = (const void *)e->record;
	const struct cgw_trace_freeze *r = (const void *)e->record;

	if (e->record->kind == CGW_TRACE_FREEZE_BLOCKED) {
		char state[2] = { b->state };

		js_pair_ns(o, "after_ns", b->after_ns);
		js_pair_string(o, "state", state);
		js_pair_string(o, "wchan", b->wchan[0] ? b->wchan : NULL);
		js_pair_string(o, "stack", b->stack);
		return;
	}
	js_key(o, "own");
	js_bool(o, r->own);
	if (e->record->kind == CGW_TRACE_FREEZE_REQUESTED ||
	    e->record->kind == CGW_TRACE_FREEZE_THAW)
		return;
	if (e->record->kind == CGW_TRACE_FREEZE_REACHED)
		js_pair_ns(o, "after_ns", r->after_ns);
	else
		js_pair_ns(o, "frozen_ns", r->frozen_ns);
	js_key(o, "by");
	if (!r->by_pid) {
		js_null(o);
		return;
	}
	js_begin(o, '{');
	js_pair_number(o, "pid", r->by_pid);
	js_pair_number(o, "uid", r->by_uid);
	js_pair_string(o, "comm", r->by_comm);
	js_end(o, '}');
}

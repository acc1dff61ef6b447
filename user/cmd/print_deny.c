// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What the tracer of denied devices tells, and that it is told once a second where it repeats. */
#include "cmd.h"

/* One of each is printed in this time, then how many there were. */
#define PERIOD_MS 1000

const char *device_access(unsigned int access, char buf[4])
{
	char *p = buf;

	if (access & CGW_DEVICE_READ)
		*p++ = 'r';
	if (access & CGW_DEVICE_WRITE)
		*p++ = 'w';
	if (access & CGW_DEVICE_MKNOD)
		*p++ = 'm';
	*p = '\0';
	return buf;
}

/*
 * "c 10:229 (/dev/fuse) rw", its node NULL where that is not known; without access somebody looked
 * whether it is there.
 */
void print_device(FILE *f, unsigned int type, uint32_t major, uint32_t minor, const char *node,
		  unsigned int access)
{
	char letters[4];

	fprintf(f, "%c %u:%u%s%s%s %s", type == CGW_DEVICE_BLOCK ? 'b' : 'c', major, minor,
		node ? " (" : "", node ? node : "", node ? ")" : "",
		access ? device_access(access, letters) : "F_OK");
}

void js_device(struct out *o, unsigned int type, uint32_t major, uint32_t minor, const char *node)
{
	js_pair_string(o, "type", type == CGW_DEVICE_BLOCK ? "b" : "c");
	js_pair_number(o, "major", major);
	js_pair_number(o, "minor", minor);
	js_pair_string(o, "node", node);
}

/* Who says no: a rule, a policy, the programs of others, or nobody who is left. */
void print_denier(FILE *f, const char *rule, const char *decided_by)
{
	if (rule)
		fprintf(f, ", by rule '%s' of '%s'", rule, decided_by);
	else if (decided_by && decided_by[0] == '/')
		fprintf(f, ", by a policy that was never written, of '%s'", decided_by);
	else if (decided_by)
		fprintf(f, ", by a filter of another owner: %s", decided_by);
	else
		fputs(", by a filter that is gone", f);
}

void js_denier(struct out *o, const char *rule, const char *decided_by)
{
	js_pair_string(o, "rule", rule);
	js_pair_string(o, "resolved", "late");
	js_pair_string(o, "decided_by", decided_by);
}

void print_deny(FILE *f, const struct cgw_trace_event *e)
{
	const struct cgw_trace_deny *r = (const void *)e->record;

	fprintf(f, "%s (pid %u, uid %u): ", r->head.comm, r->head.pid, r->head.uid);
	print_device(f, r->type, r->major, r->minor, e->node, r->access);
	print_denier(f, e->rule, e->decided_by);
}

void print_deny_json(struct out *o, const struct cgw_trace_event *e)
{
	const struct cgw_trace_deny *r = (const void *)e->record;
	char letters[4];

	js_device(o, r->type, r->major, r->minor, e->node);
	js_pair_string(o, "access", device_access(r->access, letters));
	js_denier(o, e->rule, e->decided_by);
}

/* ---- repetitions ------------------------------------------------------------------ */

struct denial {
	struct cgw_trace_deny record;
	struct cgw_trace_event event; /* with strings of its own */
	uint64_t more;
	int64_t due_ms;
};

static bool is_like(const struct cgw_trace_deny *a, const struct cgw_trace_deny *b)
{
	return a->head.group == b->head.group && a->head.pid == b->head.pid &&
	       a->type == b->type && a->major == b->major && a->minor == b->minor &&
	       a->access == b->access;
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

static void forget(struct denials *d, size_t i)
{
	struct denial *past = d->list[i];

	free((char *)past->event.path);
	free((char *)past->event.rule);
	free((char *)past->event.decided_by);
	free(past);
	d->list[i] = d->list[--d->n];
}

static void tell(struct cmd_ctx *x, struct denial *past)
{
	if (past->more)
		print_trace_more(x, &past->event, past->more);
	past->more = 0;
}

/* The one that is due first makes room. */
static void make_room(struct cmd_ctx *x, struct denials *d)
{
	size_t oldest = 0;

	for (size_t i = 1; i < d->n; i++)
		if (d->list[i]->due_ms < d->list[oldest]->due_ms)
			oldest = i;
	tell(x, d->list[oldest]);
	forget(d, oldest);
}

/* Is it a repetition of one that was just printed? Then it is counted, and told later. */
bool denials_take(struct cmd_ctx *x, struct denials *d, const struct cgw_trace_event *e)
{
	const struct cgw_trace_deny *r = (const void *)e->record;
	struct denial *past;

	if (r->head.kind != CGW_TRACE_DENY)
		return false;
	for (size_t i = 0; i < d->n; i++)
		if (is_like(&d->list[i]->record, r)) {
			d->list[i]->more++;
			d->list[i]->event.time_ns = e->time_ns;
			d->list[i]->record.head.mono_ns = r->head.mono_ns;
			return true;
		}
	if (d->n == ARRAY_SIZE(d->list))
		make_room(x, d);
	past = calloc(1, sizeof(*past));
	if (!past)
		return false;
	past->record = *r;
	past->event = *e;
	past->event.record = &past->record.head;
	past->event.path = strdup(e->path);
	past->event.rule = copy(e->rule);
	past->event.decided_by = copy(e->decided_by);
	past->due_ms = cmd_now_ms() + PERIOD_MS;
	if (!past->event.path)
		past->event.path = strdup("");
	d->list[d->n++] = past;
	return false;
}

/* How long until some are to be told; -1 = there are none. */
int denials_wait(const struct denials *d)
{
	int64_t due = INT64_MAX, now = cmd_now_ms();

	for (size_t i = 0; i < d->n; i++)
		due = d->list[i]->due_ms < due ? d->list[i]->due_ms : due;
	return !d->n ? -1 : due > now ? (int)(due - now) : 0;
}

/* Tell those whose time has come, or all; what did not repeat is forgotten. */
void denials_tell(struct cmd_ctx *x, struct denials *d, bool all)
{
	int64_t now = cmd_now_ms();

	for (size_t i = d->n; i--;) {
		struct denial *past = d->list[i];
		bool repeats = past->more;

		if (!all && past->due_ms > now)
			continue;
		tell(x, past);
		past->due_ms = now + PERIOD_MS;
		if (all || !repeats)
			forget(d, i);
	}
}

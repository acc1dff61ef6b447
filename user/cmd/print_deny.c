// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What the tracer of denied devices tells, and that it is told once a second where it repeats. */
#include "cmd.h"

/* One of each is printed in this time, then how many there were. */
#define PERIOD_NS 1000000000ULL

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

/*
 * Times here are the events' own, and what is told depends on nothing else: a recording is replayed
 * as it was live, however fast either was read.
 */
struct denial {
	struct cgw_trace_deny record;
	struct cgw_trace_event event; /* with strings of its own */
	uint64_t more;
	uint64_t due_ns;
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

/* The others stay in the order in which they came. */
static void forget(struct denials *d, size_t i)
{
	struct denial *past = d->list[i];

	free((char *)past->event.path);
	free((char *)past->event.rule);
	free((char *)past->event.decided_by);
	free((char *)past->event.node);
	free(past);
	memmove(&d->list[i], &d->list[i + 1], (--d->n - i) * sizeof(d->list[0]));
}

/* The one that is due first, of several that came first; there is one. */
static size_t first_due(const struct denials *d)
{
	size_t first = 0;

	for (size_t i = 1; i < d->n; i++)
		if (d->list[i]->due_ns < d->list[first]->due_ns)
			first = i;
	return first;
}

static void tell(struct cmd_ctx *x, struct denial *past)
{
	if (past->more)
		print_trace_more(x, &past->event, past->more);
	past->more = 0;
}

static void remember(struct cmd_ctx *x, struct denials *d, const struct cgw_trace_event *e)
{
	const struct cgw_trace_deny *r = (const void *)e->record;
	struct denial *past = calloc(1, sizeof(*past));

	if (!past)
		return;
	if (d->n == ARRAY_SIZE(d->list)) {
		size_t first = first_due(d);

		tell(x, d->list[first]);
		forget(d, first);
	}
	past->record = *r;
	past->event = *e;
	past->event.record = &past->record.head;
	past->event.path = strdup(e->path);
	past->event.rule = copy(e->rule);
	past->event.decided_by = copy(e->decided_by);
	past->event.node = copy(e->node);
	past->due_ns = r->head.mono_ns + PERIOD_NS;
	if (!past->event.path)
		past->event.path = strdup("");
	d->list[d->n++] = past;
}

/* Is it a repetition of one that was just printed? Then it is counted, and told later. */
static bool repeats(struct cmd_ctx *x, struct denials *d, const struct cgw_trace_event *e)
{
	const struct cgw_trace_deny *r = (const void *)e->record;

	if (r->head.kind != CGW_TRACE_DENY)
		return false;
	for (size_t i = 0; i < d->n; i++)
		if (is_like(&d->list[i]->record, r)) {
			d->list[i]->more++;
			d->list[i]->event.time_ns = e->time_ns;
			d->list[i]->record.head.mono_ns = r->head.mono_ns;
			return true;
		}
	remember(x, d, e);
	return false;
}

/* An event, in its turn: what was due before it is told first. */
void denials_print(struct cmd_ctx *x, struct denials *d, const struct cgw_trace_event *e)
{
	denials_tell(x, d, e->record->mono_ns);
	if (!d->sum || !repeats(x, d, e))
		print_trace(x, e);
}

/* When the first is to be told; UINT64_MAX = there is none. */
uint64_t denials_due(const struct denials *d)
{
	return d->n ? d->list[first_due(d)]->due_ns : UINT64_MAX;
}

/* Tell what is due by then, in that order; what did not repeat is forgotten. UINT64_MAX = all. */
void denials_tell(struct cmd_ctx *x, struct denials *d, uint64_t until_ns)
{
	while (d->n) {
		size_t first = first_due(d);
		struct denial *past = d->list[first];

		if (past->due_ns > until_ns)
			break;
		past->due_ns += PERIOD_NS;
		if (past->more)
			tell(x, past);
		else
			forget(d, first);
	}
}

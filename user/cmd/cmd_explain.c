// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* explain: why a group is not frozen. */
#include "cmd.h"

/* What a task waits for, by the function it waits in. */
static const struct {
	const char *function; /* or how it begins */
	const char *what;
} waits[] = {
	{ "handle_userfault", "for whoever serves its page faults by userfaultfd" },
	{ "request_wait_answer", "for the answer of a FUSE file system's process" },
	{ "fuse_", "for a FUSE file system's process" },
	{ "rpc_", "for an NFS server" },
	{ "nfs", "for an NFS server" },
	{ "io_", "for a disk" },
	{ "folio_wait", "for a disk" },
	{ "blk_", "for a disk" },
	{ "do_coredump", "until its core dump is written" },
	{ "mutex_lock", "for a lock of the kernel that another task holds" },
	{ "rwsem_", "for a lock of the kernel that another task holds" },
	{ "kernel_clone", "for its vfork()ed child" },
	{ "wait_for_vfork", "for its vfork()ed child" },
};

struct verdict {
	struct cmd_ctx *x;
	const char *path;
	char *asked_of; /* the group itself or an ancestor; NULL = nobody asked */
	bool frozen;
	size_t n; /* tasks that have not stopped */
};

static const char *waits_for(const struct cgw_trace_blocked *b)
{
	if (b->state == 'R')
		return "it runs and has not come to where it can stop";
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++)
		if (!strncmp(b->wchan, waits[i].function, strlen(waits[i].function)))
			return waits[i].what;
	return b->state == 'D' ? "inside the kernel, where it cannot be stopped"
			       : "and has not come to where it can stop";
}

static void print_blocker(FILE *f, const struct cgw_trace_event *e)
{
	const struct cgw_trace_blocked *b = (const void *)e->record;

	fprintf(f, "  pid %u", b->head.pid);
	if (b->head.tid != b->head.pid)
		fprintf(f, ", thread %u", b->head.tid);
	fprintf(f, " (%s) in %s, state %c: %s%s\n", b->head.comm, e->path, b->state,
		b->state == 'R' ? "" : "it waits ", waits_for(b));
	if (b->stack[0])
		fprintf(f, "    %s\n", b->stack);
}

/* The verdict in words, before the first task. */
static void print_verdict(const struct verdict *v)
{
	FILE *f = v->x->out.f;

	if (!v->asked_of)
		fprintf(f, "%s is %s: nobody asks for it to be frozen\n", v->path,
			v->frozen ? "frozen" : "not frozen");
	else if (v->frozen)
		fprintf(f, "%s is frozen, as %s asks\n", v->path, v->asked_of);
	else
		fprintf(f, "%s is to be frozen, as %s asks, and is not\n", v->path, v->asked_of);
	if (v->asked_of && !v->frozen)
		fprintf(f, "tasks that have not stopped:\n");
}

static int take_blocker(const struct cgw_trace_event *e, void *arg)
{
	struct verdict *v = arg;
	struct out *o = &v->x->out;

	v->n++;
	if (!v->x->json) {
		print_blocker(o->f, e);
		return 0;
	}
	js_begin(o, '{');
	js_pair_string(o, "path", e->path);
	js_pair_number(o, "pid", e->record->pid);
	js_pair_number(o, "tid", e->record->tid);
	js_pair_string(o, "comm", e->record->comm);
	print_freeze_json(o, e);
	js_pair_string(o, "why", waits_for((const void *)e->record));
	js_end(o, '}');
	return 0;
}

/* The nearest group, from this one upwards, that asks for it. */
static int find_request(struct verdict *v, struct cgw_group *g)
{
	_cleanup_free_ char *path = strdup(cgw_group_path(g));

	while (path && path[1]) {
		_cleanup_(cmd_group_closep) struct cgw_group *at = NULL;
		_cleanup_free_ char *text = NULL;
		int err = cgw_group_open(v->x->c, path, &at);

		if (!err && cgw_group_read(at, "cgroup.freeze", &text) < 0)
			err = -EIO;
		if (err)
			return err;
		if (text[0] == '1') {
			v->asked_of = strdup(path);
			return v->asked_of ? 0 : -ENOMEM;
		}
		*(strrchr(path, '/') == path ? path + 1 : strrchr(path, '/')) = '\0';
	}
	return path ? 0 : -ENOMEM;
}

static int explain(struct verdict *v, struct cgw_group *g)
{
	struct out *o = &v->x->out;
	int err, frozen = cgw_group_is_frozen(g);

	if (frozen < 0)
		return frozen;
	v->frozen = frozen;
	err = find_request(v, g);
	if (err)
		return err;
	if (!v->x->json) {
		print_verdict(v);
		err = v->asked_of && !v->frozen ? cgw_group_blockers(g, take_blocker, v) : 0;
		if (!err && v->asked_of && !v->frozen && !v->n)
			fprintf(o->f, "  none by now: look again\n");
		return err;
	}
	js_begin(o, '{');
	js_pair_string(o, "path", v->path);
	js_key(o, "frozen");
	js_bool(o, v->frozen);
	js_pair_string(o, "asked_of", v->asked_of);
	js_key(o, "blockers");
	js_begin(o, '[');
	if (v->asked_of && !v->frozen)
		err = cgw_group_blockers(g, take_blocker, v);
	js_end(o, ']');
	js_end(o, '}');
	js_line(o);
	return err;
}

int cmd_explain_freeze(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;
	struct verdict v = { .x = x };
	int err, status = cmd_no_opts(x, argc, argv);

	if (!status)
		status = cmd_group(x, argv[optind], &g);
	if (status)
		return status;
	v.path = cgw_group_path(g);
	err = explain(&v, g);
	free(v.asked_of);
	return err ? cmd_fail(x, err) : 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The tasks that keep a group from being frozen: by an iterator, or from /proc. */
#include <limits.h>
#include <time.h>

#include "blockers.h"

/* The functions in which every waiting task is, whatever it waits for. */
static bool is_scheduler(const char *function)
{
	return !strncmp(function, "__schedule", 10) || !strncmp(function, "schedule", 8) ||
	       !strncmp(function, "io_schedule", 11);
}

/* Add a function to the stack; the first that is none of the scheduler is what it waits in. */
void cgw__blocked_frame(struct cgw_trace_blocked *b, const char *function, size_t len)
{
	size_t used = strlen(b->stack);

	if (b->state != 'R' && !b->wchan[0] && !is_scheduler(function))
		snprintf(b->wchan, sizeof(b->wchan), "%.*s", (int)len, function);
	snprintf(b->stack + used, sizeof(b->stack) - used, "%s%.*s", used ? " < " : "", (int)len,
		 function);
}

void cgw__blocked_begin(struct cgw_trace_blocked *b, uint8_t source)
{
	*b = (struct cgw_trace_blocked){
		.head = { .kind = CGW_TRACE_FREEZE_BLOCKED,
			  .size = sizeof(*b),
			  .source = source,
			  .mono_ns = (uint64_t)cgw__now_ns() },
	};
}

/* Its name is read last: a task that is gone by now blocks nothing. */
int cgw__blocked_tell(struct cgw *c, struct cgw_trace_blocked *b, cgw__blocker_fn fn, void *arg)
{
	_cleanup_free_ char *comm = NULL;
	char file[64];

	snprintf(file, sizeof(file), "task/%u/comm", b->head.tid);
	if (cgw__read_proc(c, (pid_t)b->head.pid, file, &comm) < 0)
		return 0;
	snprintf(b->head.comm, sizeof(b->head.comm), "%s", comm);
	return fn(b, arg);
}

/* What /proc says of a thread, when it is in a state in which it cannot have been frozen. */
static bool read_thread(struct cgw *c, pid_t pid, const char *tid, struct cgw_trace_blocked *b)
{
	_cleanup_free_ char *stat = NULL, *stack = NULL, *wchan = NULL;
	const char *close_paren;
	char file[64], *save;

	snprintf(file, sizeof(file), "task/%.20s/stat", tid);
	if (cgw__read_proc(c, pid, file, &stat) < 0)
		return false;
	close_paren = strrchr(stat, ')');
	if (!close_paren || strlen(close_paren) < 3 || !strchr("RD", close_paren[2]))
		return false;
	cgw__blocked_begin(b, CGW_TRACE_FILES);
	b->head.pid = (uint32_t)pid;
	b->head.tid = (uint32_t)strtoul(tid, NULL, 10);
	b->state = close_paren[2];
	snprintf(file, sizeof(file), "task/%.20s/stack", tid);
	if (cgw__read_proc(c, pid, file, &stack) > 0) {
		/* "[<0>] function+0x1/0x2" */
		for (char *l = strtok_r(stack, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
			const char *frame = strchr(l, ' ');

			if (frame)
				cgw__blocked_frame(b, frame + 1, strcspn(frame + 1, "+"));
		}
		return true;
	}
	snprintf(file, sizeof(file), "task/%.20s/wchan", tid);
	if (cgw__read_proc(c, pid, file, &wchan) > 1)
		cgw__blocked_frame(b, wchan, strlen(wchan));
	return true;
}

static int from_proc(struct cgw_group *g, cgw__blocker_fn fn, void *arg)
{
	_cleanup_(cgw__procs_freep) struct cgw_procs procs = { 0 };
	struct cgw *c = g->c;
	int err = cgw_group_procs(g, true, &procs);

	for (size_t i = 0; i < procs.n && err >= 0; i++) {
		_cleanup_(cgw__closedirp) DIR *tasks = NULL;
		const struct dirent *task;
		char path[128];

		snprintf(path, sizeof(path), "%s/%d/task", c->proc_root ? c->proc_root : "/proc",
			 procs.pids[i]);
		tasks = opendir(path);
		while (tasks && err >= 0 && (task = readdir(tasks))) {
			struct cgw_trace_blocked b;

			if (task->d_name[0] == '.' ||
			    !read_thread(c, procs.pids[i], task->d_name, &b))
				continue;
			b.head.group = g->id;
			err = cgw__blocked_tell(c, &b, fn, arg);
		}
	}
	return err < 0 ? err : 0;
}

struct listener {
	struct cgw_group *g;
	cgw_trace_fn fn;
	void *arg;
};

/* As an event, with the path of its group. */
static int as_event(struct cgw_trace_blocked *b, void *arg)
{
	const struct listener *l = arg;
	struct cgw_trace_event e = { .record = &b->head, .path = l->g->path };
	char path[PATH_MAX] = "";
	struct timespec ts;

	if (b->head.group != l->g->id) {
		cgw__path_by_id(l->g->c, b->head.group, path, sizeof(path));
		e.path = path;
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	e.time_ns = (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
	e.name = cgw_trace_kind_name(CGW_TRACE_FREEZE_BLOCKED);
	return l->fn(&e, l->arg);
}

/* Call fn with each task of the group, and below, that has not stopped. */
int cgw__for_each_blocker(struct cgw_group *g, cgw__blocker_fn fn, void *arg)
{
	struct cgw__error saved = g->c->error;
	int err = -EOPNOTSUPP;

	if (!g->c->proc_root && !g->c->recorded)
		err = cgw__blockers_by_iterator(g->c, g->id, fn, arg);
	if (err != -EOPNOTSUPP && err != -EPERM)
		return err;
	g->c->error = saved;
	return from_proc(g, fn, arg);
}

int cgw_group_blockers(struct cgw_group *g, cgw_trace_fn fn, void *arg)
{
	struct listener l = { g, fn, arg };

	return cgw__for_each_blocker(g, as_event, &l);
}

struct description {
	char *buf;
	size_t size;
	size_t len;
	size_t n;
};

static int describe(struct cgw_trace_blocked *b, void *arg)
{
	struct description *d = arg;

	if (d->n++ < 5 && d->len < d->size)
		d->len +=
			snprintf(d->buf + d->len, d->size - d->len,
				 "%spid %u (%s, state %c%s%.150s)", d->len ? ", " : "", b->head.tid,
				 b->head.comm, b->state, b->stack[0] ? " in " : "", b->stack);
	return 0;
}

/* The tasks of the groups that have not stopped: who they are and where they are. */
void cgw__describe_unfrozen(struct cgw_group *const *groups, size_t n, char *buf, size_t size)
{
	struct description d = { .buf = buf, .size = size };

	buf[0] = '\0';
	for (size_t i = 0; i < n; i++)
		if (cgw_group_is_frozen(groups[i]) == 0)
			cgw__for_each_blocker(groups[i], describe, &d);
}

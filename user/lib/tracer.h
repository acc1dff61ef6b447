/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Shared by the tracers: what each is made of, their queue, the paths of groups. */
#ifndef CGWARD_TRACER_H
#define CGWARD_TRACER_H

#include <bpf/libbpf.h>

#include "internal.h"

#define CGW_MAX_LINKS 16
#define CGW_MAX_MISSING 8

struct cgw__armed;

/* What a tracer cannot tell where the kernel takes no program at a function. */
struct cgw__part {
	const char *function;
	const char *what;
};

/* A tracer is bpf/NAME.bpf.c, and the little that the loader cannot see in it. */
struct cgw__tracer {
	const char *name;
	const void *(*elf)(size_t *ret_size);
	size_t ring_bytes;	     /* where nothing else is asked for */
	const char *const *optional; /* tracepoints it can do without; NULL at the end, or NULL */
	const struct cgw__part
		*parts; /* what functions are needed for; { 0 } at the end, or NULL */
	/* Before it is loaded: choose among programs. */
	int (*choose)(struct cgw_trace *t, struct cgw__armed *a);
	/* After it is loaded: attach what is more than a hook of the kernel. */
	int (*attach)(struct cgw_trace *t, struct cgw__armed *a);
	/* Look at a record as it leaves the ring, whose memory is the kernel's: read only. */
	int (*note)(struct cgw_trace *t, const struct cgw_trace_record *r);
};

extern const struct cgw__tracer cgw__freezer, cgw__oom_killer, cgw__deny, cgw__lifecycle;

/* One that is loaded and attached. */
struct cgw__armed {
	struct cgw_trace *t;
	const struct cgw__tracer *tracer;
	struct bpf_object *obj;
	struct bpf_link *links[CGW_MAX_LINKS];
	size_t n_links;
	const struct cgw_trace_counts *counts;
	uint64_t lost; /* of that, reported */
};

/* Records that left the ring, one after the other, each at a multiple of 8 bytes. */
struct cgw__records {
	char *buf;
	size_t len;
	size_t room;
	size_t pos;
};

/* A freeze that is not complete yet. */
struct cgw__freezing {
	struct cgw__freezing *next;
	uint64_t group;
	int64_t since_ns;
	int64_t due_ns; /* when its tasks are looked at */
};

struct cgw_trace {
	struct cgw *c;
	int epoll_fd;
	int timer_fd; /* for what is due */
	bool timer_set;
	int ready_fd; /* something is queued, whatever the rings say */
	bool is_ready; /* it says so */
	struct btf *btf;
	uint64_t root; /* the group where paths begin */
	struct ring_buffer *rings;
	struct cgw__armed armed[CGW_TRACERS];
	size_t n_armed;
	char missing[CGW_MAX_MISSING][192]; /* what was left out, a sentence each */
	size_t n_missing;
	struct cgw_group *const *groups; /* while it is made */
	size_t n_groups;
	struct cgw__records queue;
	struct cgw__records spare; /* to put the queue in order */
	void *names;		   /* tsearch(3) tree of struct cgw__name */
	int64_t wall_ns;	   /* CLOCK_REALTIME less CLOCK_MONOTONIC */
	struct cgw__freezing *freezing;
	int blocked_ms;
	struct cgw__verdicts *verdicts;
	cgw_trace_fn direct; /* gets the records instead of the queue */
	void *direct_arg;
};

/* trace.c */
int cgw__trace_put(struct cgw_trace *t, const struct cgw_trace_record *r);
int cgw__trace_pull(struct cgw_trace *t);

/* trace_loader.c */
int cgw__trace_btf(struct cgw_trace *t);
int cgw__tracer_arm(struct cgw_trace *t, const struct cgw__tracer *tracer, size_t ring_bytes);
void cgw__tracer_disarm(struct cgw__armed *a);
bool cgw__trace_has_fentry(struct cgw_trace *t, const char *function);

/* trace_names.c */
int cgw__names_put(struct cgw_trace *t, const struct cgw_trace_group *r);
uint64_t cgw__names_parent(struct cgw_trace *t, uint64_t id);
void cgw__names_drop(struct cgw_trace *t, uint64_t id);
void cgw__names_hold(struct cgw_trace *t, uint64_t id, unsigned int tracer);
void cgw__names_release(struct cgw_trace *t, uint64_t id, unsigned int tracer);
const char *cgw__names_path(struct cgw_trace *t, uint64_t id);
void cgw__names_free(struct cgw_trace *t);

/* trace_deny.c */
int cgw__observe(struct cgw_trace *t, struct cgw__armed *a);
void cgw__verdicts_find(struct cgw_trace *t, struct cgw_trace_event *e);
void cgw__verdicts_free(struct cgw_trace *t);

/* trace_oom.c */
int cgw__victim_is_task(const struct btf *btf);

/* trace_freeze.c */
int cgw__freezing_due(struct cgw_trace *t);
void cgw__freezing_free(struct cgw_trace *t);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Shared by the parts of a watch: its nodes (groups), their files and counters, its queue. */
#ifndef CGWARD_EVENTS_H
#define CGWARD_EVENTS_H

#include "internal.h"

/* One "KEY N" of an events file. */
struct cgw__counter {
	struct cgw__counter *next;
	uint64_t seen;	   /* of the group and those below, as last read */
	uint64_t reported; /* of that */
	uint64_t local;	   /* of the group alone, as last read */
	uint64_t local_reported;
	uint64_t local_told; /* of that, to groups below that want it */
	int64_t rose_ns;     /* when local was last seen to rise; 0 = never */
	char key[];
};

/* What an inotify watch is on. */
struct cgw__mark {
	int wd; /* -1 = none */
	struct cgw__node *n;
	struct cgw__file *f; /* NULL: the directory, or its cgroup.subtree_control */
};

/* An armed trigger in a pressure file. */
struct cgw__trigger {
	struct cgw__trigger *next;
	int fd;
	bool full;
	uint64_t total_us; /* stalled, when last reported */
	char text[64];	   /* as written: "some 100000 1000000" */
};

/* cgroup.events, X.events with X.events.local, or X.pressure with its triggers. */
struct cgw__file {
	struct cgw__file *next;
	struct cgw__mark mark;
	struct cgw__mark local_mark;
	struct cgw__counter *counters;
	struct cgw__trigger *triggers;
	bool has_local;
	bool dirty;
	bool there; /* seen in the directory at the last look */
	char name[];
};

/* A group that is watched, or an ancestor of one. It keeps no descriptor. */
struct cgw__node {
	struct cgw__node *parent;
	struct cgw__node *children;
	struct cgw__node *sibling;
	struct cgw__node *next; /* in the list of dirty or of dead ones */
	struct cgw__file *files;
	struct cgw__mark dir;	  /* groups come and go below */
	struct cgw__mark control; /* controllers come and go below */
	uint64_t id;
	uint64_t kinds;	    /* a bit for each kind that is reported; 0 = not watched */
	unsigned int flags; /* enum cgw_watch_flags */
	bool followed;	    /* found below a group that is watched with all below it */
	bool fresh;	    /* its life began under watch: counters are reported from 0 */
	bool dirty;
	bool rescan; /* files or groups may have appeared in it */
	bool dead;
	bool populated;
	bool frozen;
	char path[];
};

struct cgw__queued {
	struct cgw__queued *next;
	struct cgw_event event;
	char strings[];
};

struct cgw_watch {
	struct cgw *c;
	int fd;		/* inotify */
	void *marks;	/* tsearch(3) tree of struct cgw__mark by wd */
	size_t n_marks;
	void *nodes;	/* the same of struct cgw__node by id */
	size_t watched; /* groups */
	struct cgw__node *dirty;
	struct cgw__node *dead; /* freed when nothing can point to them */
	struct cgw__queued *head;
	struct cgw__queued **tail;
	struct cgw__queued *current; /* owns the strings of the last event given */
	struct cgw__error error;
	int pending; /* an error to give after the events before it */
};

/* events_nodes.c */
struct cgw__node *cgw__node_find(const struct cgw_watch *w, uint64_t id);
int cgw__node_get(struct cgw_watch *w, const char *path, struct cgw__node **ret_n);
int cgw__node_open(struct cgw_watch *w, const struct cgw__node *n);
int cgw__node_below(struct cgw_watch *w, struct cgw__node *n);
int cgw__node_limits(struct cgw_watch *w, struct cgw__node *n);
void cgw__node_drop(struct cgw_watch *w, struct cgw__node *n);
void cgw__node_prune(struct cgw_watch *w, struct cgw__node *n);
void cgw__nodes_bury(struct cgw_watch *w);
int cgw__mark_add(struct cgw_watch *w, struct cgw__mark *m, int dirfd, const char *file,
		  uint32_t mask);
struct cgw__mark *cgw__mark_find(const struct cgw_watch *w, int wd);
struct cgw__file *cgw__file_find(const struct cgw__node *n, const char *name);
struct cgw__file *cgw__file_new(struct cgw__node *n, const char *name);
void cgw__file_drop(struct cgw_watch *w, struct cgw__file *f);

/* events_follow.c */
int cgw__node_watch(struct cgw_watch *w, struct cgw__node *n, int dirfd);
void cgw__node_unfollow(struct cgw_watch *w, struct cgw__node *n);
void cgw__node_unwatch(struct cgw_watch *w, struct cgw__node *n);
int cgw__node_scan(struct cgw_watch *w, struct cgw__node *n, int dirfd, bool fresh);
int cgw__node_appeared(struct cgw_watch *w, struct cgw__node *parent, const char *name);

/* events_counters.c */
int cgw__counters_read(struct cgw_watch *w, struct cgw__node *n, struct cgw__file *f, int dirfd,
		       bool tell);
int cgw__counters_local(struct cgw_watch *w, struct cgw__file *f, int dirfd);
int cgw__states_read(struct cgw_watch *w, int dirfd, int *ret_populated, int *ret_frozen);

/* events.c */
int cgw__watch_begin(struct cgw_watch *w, struct cgw_group *g, uint64_t wanted,
		     struct cgw__node **ret_n);
bool cgw__event_file_wanted(const char *file, uint64_t kinds);
int cgw__event_put(struct cgw_watch *w, const struct cgw__node *n, struct cgw_event *e);
int cgw__event_state(struct cgw_watch *w, const struct cgw__node *n, enum cgw_event_kind kind,
		     bool state);
int cgw__event_counter(struct cgw_watch *w, const struct cgw__node *n, const struct cgw__file *f,
		       const char *key, struct cgw_event *e);

/* psi.c */
int cgw__triggers_read(struct cgw_watch *w, struct cgw__node *n, struct cgw__file *f, int dirfd);

#endif

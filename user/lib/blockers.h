/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Shared by the two ways to find the tasks that keep a group from being frozen. */
#ifndef CGWARD_BLOCKERS_H
#define CGWARD_BLOCKERS_H

#include "internal.h"

/* Return: 0, or what ends the walk. */
typedef int (*cgw__blocker_fn)(struct cgw_trace_blocked *b, void *arg);

int cgw__for_each_blocker(struct cgw_group *g, cgw__blocker_fn fn, void *arg);
void cgw__blocked_begin(struct cgw_trace_blocked *b, uint8_t source);
void cgw__blocked_frame(struct cgw_trace_blocked *b, const char *function, size_t len);
int cgw__blocked_tell(struct cgw *c, struct cgw_trace_blocked *b, cgw__blocker_fn fn, void *arg);

/* blockers_iter.c or nobpf.c: -EOPNOTSUPP or -EPERM where it cannot be done */
int cgw__blockers_by_iterator(struct cgw *c, uint64_t group, cgw__blocker_fn fn, void *arg);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * What the tracers have in common: their ring, which groups they are about, and the names
 * of groups, told once before a group's first record.
 */
#ifndef CGWARD_TRACE_BPF_H
#define CGWARD_TRACE_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "cgward/trace.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* User space gives it its size. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

/* Groups that are watched with all below them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CGW_TRACE_TARGETS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u8);
} targets SEC(".maps");

/* Groups whose names were told. When it is full they are told each time. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u8);
} told SEC(".maps");

const volatile struct cgw_trace_config config SEC(".rodata.cgw");
struct cgw_trace_counts counts SEC(".data.cgw");

static __always_inline __u64 group_id(struct cgroup *cgrp)
{
	return BPF_CORE_READ(cgrp, kn, id);
}

/* The group of a css; of a group's own one its parent's is css->parent's. */
static __always_inline struct cgroup *parent_of(struct cgroup *cgrp)
{
	return BPF_CORE_READ(cgrp, self.parent, cgroup);
}

/* Is it of the v2 hierarchy? The tracepoints fire for those of v1 too. */
static __always_inline bool is_v2(struct cgroup *cgrp)
{
	return BPF_CORE_READ(cgrp, root, hierarchy_id) == 0;
}

/* Is the group one of those asked for, or below one? */
static __always_inline bool is_watched(struct cgroup *cgrp)
{
	if (config.everything)
		return true;
	for (int i = 0; i < CGW_TRACE_LEVELS && cgrp; i++) {
		__u64 id = group_id(cgrp);

		if (bpf_map_lookup_elem(&targets, &id))
			return true;
		cgrp = parent_of(cgrp);
	}
	return false;
}

static __always_inline struct kernfs_node *node_parent(struct kernfs_node *kn)
{
	struct kernfs_node___new *new = (void *)kn;

	if (bpf_core_field_exists(new->__parent))
		return BPF_CORE_READ(new, __parent);
	return BPF_CORE_READ(kn, parent);
}

/*
 * The time of a record is taken while it has room in the ring, never before: a ring in which none
 * is taken will give nothing that is older than that moment. So a reader of several rings knows
 * until when he has read everything (cgw_trace_complete_ns), however long a program is held up.
 */
static __always_inline void fill(struct cgw_trace_record *r, __u16 kind, __u16 size, __u8 source,
				 __u64 group)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u64 uid_gid = bpf_get_current_uid_gid();

	r->kind = kind;
	r->size = size;
	r->source = source;
	r->pad[0] = r->pad[1] = r->pad[2] = 0;
	r->mono_ns = bpf_ktime_get_ns();
	r->group = group;
	r->pid = pid_tgid >> 32;
	r->tid = pid_tgid;
	r->uid = uid_gid;
	r->gid = uid_gid >> 32;
	bpf_get_current_comm(r->comm, sizeof(r->comm));
}

static __always_inline void count_lost(void)
{
	__sync_fetch_and_add(&counts.lost, 1);
}

/* Tell the name of one group. Return: was there room for it? */
static __always_inline bool tell_one(struct kernfs_node *kn, __u64 id, __u64 parent)
{
	const char *name = BPF_CORE_READ(kn, name);
	struct cgw_trace_long_group *l;
	struct cgw_trace_group *r;

	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r)
		return false;
	if (bpf_probe_read_kernel_str(r->name, sizeof(r->name), name) < (long)sizeof(r->name)) {
		fill(&r->head, CGW_TRACE_GROUP, sizeof(*r), 0, id);
		r->parent = parent;
		bpf_ringbuf_submit(r, 0);
		return true;
	}
	bpf_ringbuf_discard(r, 0);
	l = bpf_ringbuf_reserve(&events, sizeof(*l), 0);
	if (!l)
		return false;
	bpf_probe_read_kernel_str(l->name, sizeof(l->name), name);
	fill(&l->head, CGW_TRACE_GROUP, sizeof(*l), 0, id);
	l->parent = parent;
	bpf_ringbuf_submit(l, 0);
	return true;
}

/*
 * Tell the names of a group and of those above it that were not told yet. What the ring has no
 * room for is told the next time.
 */
static __always_inline void tell(struct cgroup *cgrp)
{
	struct kernfs_node *kn = BPF_CORE_READ(cgrp, kn);
	__u8 one = 1;

	for (int i = 0; i < CGW_TRACE_LEVELS && kn; i++) {
		struct kernfs_node *above = node_parent(kn);
		__u64 id = BPF_CORE_READ(kn, id);

		if (id == config.root || !above)
			return;
		if (!bpf_map_lookup_elem(&told, &id)) {
			if (!tell_one(kn, id, BPF_CORE_READ(above, id)))
				return;
			bpf_map_update_elem(&told, &id, &one, BPF_ANY);
		}
		kn = above;
	}
}

/* Room for a record about a group, its head filled in; NULL (and counted) when it is full. */
#define reserve(type, kind, source, cgrp)                                                          \
	({                                                                                         \
		__u64 id_ = group_id(cgrp);                                                        \
		struct type *r_;                                                                   \
		tell(cgrp);                                                                        \
		r_ = bpf_ringbuf_reserve(&events, sizeof(*r_), 0);                                 \
		if (r_)                                                                            \
			fill((struct cgw_trace_record *)r_, kind, sizeof(*r_), source, id_);       \
		else                                                                               \
			count_lost();                                                              \
		r_;                                                                                \
	})

/*
 * Hand over a record that was made elsewhere, its size not known before. Something else has room in
 * the ring meanwhile: nobody reads past it.
 */
static __always_inline void output(struct cgw_trace_record *r, __u64 size)
{
	__u64 *place = bpf_ringbuf_reserve(&events, sizeof(*place), 0);

	if (!place) {
		count_lost();
		return;
	}
	r->mono_ns = bpf_ktime_get_ns();
	if (bpf_ringbuf_output(&events, r, size, 0))
		count_lost();
	bpf_ringbuf_discard(place, 0);
}

/* The group's directory is gone and nothing uses it any more. */
static __always_inline void forget(struct cgroup *cgrp)
{
	struct cgw_trace_record *r;
	__u64 id = group_id(cgrp);

	if (bpf_map_delete_elem(&told, &id))
		return;
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r)
		return;
	fill(r, CGW_TRACE_FORGET, sizeof(*r), 0, id);
	bpf_ringbuf_submit(r, 0);
}

#endif

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Who froze and thawed which group, when it was reached and how long it lasted.
 * Hooks: tracepoints cgroup_freeze, cgroup_unfreeze, cgroup_notify_frozen (Linux 5.2) and
 * cgroup_release, as tp_btf. All fire once for each group of the subtree.
 */
#include "trace.bpf.h"

/* Bit of struct cgroup's flags: it is to be frozen. An enumerator without a type's name. */
#define CGRP_FREEZE 2

/* What a group is asked to be, and since when it is. */
struct asked {
	__u64 asked_ns;
	__u64 reached_ns;
	__u32 by_pid;
	__u32 by_uid;
	char by_comm[CGW_TRACE_COMM];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct asked);
} state SEC(".maps");

static __always_inline void emit(struct cgw_trace_freeze *r, struct cgroup *cgrp,
				 const struct asked *a, __u64 frozen_ns)
{
	r->after_ns = a && a->asked_ns ? r->head.mono_ns - a->asked_ns : 0;
	r->frozen_ns = frozen_ns;
	r->by_pid = a ? a->by_pid : 0;
	r->by_uid = a ? a->by_uid : 0;
	__builtin_memset(r->by_comm, 0, sizeof(r->by_comm));
	if (a)
		__builtin_memcpy(r->by_comm, a->by_comm, sizeof(r->by_comm));
	r->own = BPF_CORE_READ(cgrp, freezer.freeze);
	__builtin_memset(r->pad, 0, sizeof(r->pad));
	bpf_ringbuf_submit(r, 0);
}

/*
 * Times that later records count from are those of the records that tell of them, or where there
 * is no room for one, of now. It is looked only once whether there is: Linux 6.1 forgets.
 */
static __always_inline void keep_asked(__u64 id, struct asked *a, __u64 now)
{
	a->asked_ns = now;
	bpf_map_update_elem(&state, &id, a, BPF_ANY);
}

/* Return: how long it was frozen; 0 = not seen. */
static __always_inline __u64 keep_reached(struct asked *a, int frozen, __u64 now)
{
	__u64 since = a ? a->reached_ns : 0;

	if (a)
		a->reached_ns = frozen ? now : 0;
	return since && !frozen ? now - since : 0;
}

static __always_inline int ask(struct cgroup *cgrp, __u16 kind)
{
	__u64 id = group_id(cgrp), uid_gid = bpf_get_current_uid_gid();
	struct asked a = { 0 }, *old;
	struct cgw_trace_freeze *r;

	if (!is_v2(cgrp) || !is_watched(cgrp))
		return 0;
	a.by_pid = bpf_get_current_pid_tgid() >> 32;
	a.by_uid = uid_gid;
	bpf_get_current_comm(a.by_comm, sizeof(a.by_comm));
	old = bpf_map_lookup_elem(&state, &id);
	if (old && kind == CGW_TRACE_FREEZE_THAW)
		a.reached_ns = old->reached_ns;
	r = reserve(cgw_trace_freeze, kind, CGW_TRACE_TP_BTF, cgrp);
	if (r) {
		keep_asked(id, &a, r->head.mono_ns);
		emit(r, cgrp, &a, 0);
	} else {
		keep_asked(id, &a, bpf_ktime_get_ns());
	}
	return 0;
}

SEC("tp_btf/cgroup_freeze")
int BPF_PROG(cgward_freeze, struct cgroup *cgrp)
{
	return ask(cgrp, CGW_TRACE_FREEZE_REQUESTED);
}

SEC("tp_btf/cgroup_unfreeze")
int BPF_PROG(cgward_thaw, struct cgroup *cgrp)
{
	return ask(cgrp, CGW_TRACE_FREEZE_THAW);
}

SEC("tp_btf/cgroup_notify_frozen")
int BPF_PROG(cgward_frozen, struct cgroup *cgrp, const char *path, int frozen)
{
	bool asked = BPF_CORE_READ(cgrp, flags) >> CGRP_FREEZE & 1;
	__u16 kind = frozen  ? CGW_TRACE_FREEZE_REACHED
		     : asked ? CGW_TRACE_FREEZE_BROKEN
			     : CGW_TRACE_FREEZE_THAWED;
	__u64 id = group_id(cgrp);
	struct cgw_trace_freeze *r;
	struct asked *a;

	if (!is_v2(cgrp) || !is_watched(cgrp))
		return 0;
	/* What it was asked before; another CPU may ask for the opposite meanwhile. */
	a = bpf_map_lookup_elem(&state, &id);
	r = reserve(cgw_trace_freeze, kind, CGW_TRACE_TP_BTF, cgrp);
	if (r)
		emit(r, cgrp, a, keep_reached(a, frozen, r->head.mono_ns));
	else
		keep_reached(a, frozen, bpf_ktime_get_ns());
	if (kind == CGW_TRACE_FREEZE_THAWED)
		bpf_map_delete_elem(&state, &id);
	return 0;
}

SEC("tp_btf/cgroup_release")
int BPF_PROG(cgward_freezer_release, struct cgroup *cgrp)
{
	__u64 id = group_id(cgrp);

	if (!is_v2(cgrp))
		return 0;
	bpf_map_delete_elem(&state, &id);
	forget(cgrp);
	return 0;
}

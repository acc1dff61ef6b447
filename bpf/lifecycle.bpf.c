// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Who made, removed, filled and set up which group.
 * Hooks: tracepoints cgroup_mkdir, cgroup_rmdir, cgroup_release, cgroup_attach_task (Linux 4.13)
 * and cgroup_notify_populated (5.2), as tp_btf. Where the kernel lets programs at functions:
 * cgroup_attach_task for where a task comes from, cgroup_file_write for control files.
 * cgroup_rename and cgroup_transfer_tasks fire for v1 alone; v2 can do neither. A task that is
 * cloned into a group is not attached to it: of that only the first is told, by populated.
 */
#include "trace.bpf.h"

#define MAX_WRITERS 4096

/* What a thread is writing: the kernel's parsers cut their copy up, so it is taken before. */
struct writing {
	__u64 cgrp;
	__u64 len;
	char text[CGW_TRACE_TEXT];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_WRITERS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct writing);
} writers SEC(".maps");

/* The task that is being moved. The kernel moves one at a time: cgroup_mutex is held. */
static struct {
	__u64 task;
	__u64 by;
	__u64 from;
	bool watched; /* the group it comes from */
} moving;

static __always_inline int tell_life(struct cgroup *cgrp, __u16 kind)
{
	struct cgw_trace_record *r;

	if (!is_v2(cgrp) || !is_watched(cgrp))
		return 0;
	r = reserve(cgw_trace_record, kind, CGW_TRACE_TP_BTF, cgrp);
	if (r)
		bpf_ringbuf_submit(r, 0);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgward_mkdir, struct cgroup *cgrp)
{
	return tell_life(cgrp, CGW_TRACE_CREATED);
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgward_rmdir, struct cgroup *cgrp)
{
	return tell_life(cgrp, CGW_TRACE_REMOVED);
}

SEC("tp_btf/cgroup_release")
int BPF_PROG(cgward_release, struct cgroup *cgrp)
{
	tell_life(cgrp, CGW_TRACE_RELEASED);
	if (is_v2(cgrp))
		forget(cgrp);
	return 0;
}

SEC("tp_btf/cgroup_notify_populated")
int BPF_PROG(cgward_populated, struct cgroup *cgrp, const char *path, int populated)
{
	struct cgw_trace_populated *r;

	if (!is_v2(cgrp) || !is_watched(cgrp))
		return 0;
	r = reserve(cgw_trace_populated, CGW_TRACE_POPULATED, CGW_TRACE_TP_BTF, cgrp);
	if (!r)
		return 0;
	r->populated = populated;
	r->pad = 0;
	bpf_ringbuf_submit(r, 0);
	return 0;
}

SEC("fentry/cgroup_attach_task")
int BPF_PROG(cgward_move, struct cgroup *to, struct task_struct *task)
{
	struct cgroup *from = BPF_CORE_READ(task, cgroups, dfl_cgrp);

	if (!is_v2(to))
		return 0;
	moving.task = (__u64)task;
	moving.by = bpf_get_current_pid_tgid();
	moving.from = group_id(from);
	moving.watched = is_watched(from);
	if (moving.watched || is_watched(to))
		tell(from);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(cgward_attach, struct cgroup *cgrp, const char *path, struct task_struct *task,
	     bool threadgroup)
{
	bool seen = moving.task == (__u64)task && moving.by == bpf_get_current_pid_tgid();
	struct cgw_trace_attached *r;

	if (!is_v2(cgrp) || (!is_watched(cgrp) && !(seen && moving.watched)))
		return 0;
	r = reserve(cgw_trace_attached, CGW_TRACE_ATTACHED, CGW_TRACE_TP_BTF, cgrp);
	if (!r)
		return 0;
	r->from = seen ? moving.from : 0;
	r->task_pid = BPF_CORE_READ(task, tgid);
	r->task_tid = BPF_CORE_READ(task, pid);
	bpf_core_read(r->task_comm, sizeof(r->task_comm), &task->comm);
	r->process = threadgroup;
	__builtin_memset(r->pad, 0, sizeof(r->pad));
	bpf_ringbuf_submit(r, 0);
	return 0;
}

SEC("fentry/cgroup_file_write")
int BPF_PROG(cgward_write, struct kernfs_open_file *of, char *buf, __u64 nbytes)
{
	struct kernfs_node *kn = BPF_CORE_READ(of, kn), *dir = node_parent(kn);
	struct cgroup *cgrp = BPF_CORE_READ(dir, priv);
	__u64 tid = bpf_get_current_pid_tgid();
	struct writing w = { .cgrp = (__u64)cgrp, .len = nbytes };

	if (!cgrp || !is_v2(cgrp) || !is_watched(cgrp))
		return 0;
	if (nbytes > sizeof(w.text))
		nbytes = sizeof(w.text);
	if (bpf_probe_read_kernel(w.text, nbytes, buf) ||
	    bpf_map_update_elem(&writers, &tid, &w, BPF_ANY))
		count_lost();
	return 0;
}

SEC("fexit/cgroup_file_write")
int BPF_PROG(cgward_written, struct kernfs_open_file *of, char *buf, __u64 nbytes, __s64 off,
	     __s64 result)
{
	__u64 tid = bpf_get_current_pid_tgid();
	struct writing *w = bpf_map_lookup_elem(&writers, &tid);
	struct cgw_trace_written *r;

	if (!w)
		return 0;
	r = reserve(cgw_trace_written, CGW_TRACE_WRITTEN, CGW_TRACE_FENTRY,
		    (struct cgroup *)w->cgrp);
	if (r) {
		r->result = result;
		r->len = w->len;
		__builtin_memset(r->file, 0, sizeof(r->file));
		bpf_probe_read_kernel_str(r->file, sizeof(r->file), BPF_CORE_READ(of, kn, name));
		__builtin_memcpy(r->text, w->text, sizeof(w->text));
		__builtin_memset(r->text + sizeof(w->text), 0, sizeof(r->text) - sizeof(w->text));
		bpf_ringbuf_submit(r, 0);
	}
	bpf_map_delete_elem(&writers, &tid);
	return 0;
}

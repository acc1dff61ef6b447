// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The tasks that keep a group from being frozen, a line each, with their kernel stacks.
 * Hook: iter/task, Linux 5.8; the stack as text by "%pB", 5.13.
 */
#include "trace.bpf.h"

#define PF_EXITING 0x4
#define MAX_FRAMES 16

const volatile __u64 target SEC(".rodata.target");

static __always_inline bool is_below(struct cgroup *cgrp, __u64 id)
{
	for (int i = 0; i < CGW_TRACE_LEVELS && cgrp; i++) {
		if (group_id(cgrp) == id)
			return true;
		cgrp = parent_of(cgrp);
	}
	return false;
}

/* Since 5.14 the state has two underscores. */
static __always_inline __u32 state_of(struct task_struct *task)
{
	struct task_struct___old *old = (void *)task;

	if (bpf_core_field_exists(old->state))
		return BPF_CORE_READ(old, state);
	return BPF_CORE_READ(task, __state);
}

SEC("iter/task")
int cgward_blockers(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	__u64 frames[MAX_FRAMES] = { 0 };
	struct cgroup *cgrp;
	long size;

	if (!task)
		return 0;
	cgrp = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	if (!is_below(cgrp, target) || BPF_CORE_READ_BITFIELD_PROBED(task, frozen) ||
	    task->flags & PF_EXITING)
		return 0;
	BPF_SEQ_PRINTF(seq, "%u %u %u %llu %u", BPF_CORE_READ(task, tgid), BPF_CORE_READ(task, pid),
		       state_of(task), group_id(cgrp), BPF_CORE_READ(task, real_cred, uid.val));
	size = bpf_get_task_stack(task, frames, sizeof(frames), 0);
	for (int i = 0; i < MAX_FRAMES; i++)
		if (i * (long)sizeof(frames[0]) < size && frames[i])
			BPF_SEQ_PRINTF(seq, " %pB", frames[i]);
	BPF_SEQ_PRINTF(seq, "\n");
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What the observers of device filters have in common. Their programs are named cgward_obs_*. */
#ifndef CGWARD_OBSERVE_BPF_H
#define CGWARD_OBSERVE_BPF_H

#include "trace.bpf.h"

/* What a device program returns to leave things as those before it decided. */
#define KEEP_VERDICT 1

/* Device filters are those of the task's group in the v2 hierarchy. */
static __always_inline struct cgroup *current_group(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, cgroups, dfl_cgrp);
}

#endif

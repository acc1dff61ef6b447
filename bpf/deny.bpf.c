// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * An observer of denied devices: it decides nothing. Hooks: cgroup/dev, on a group above those
 * watched, whose programs run after theirs, so that bpf_get_retval (Linux 5.18) holds the
 * verdict of every filter below, whoever loaded it; tracepoint cgroup_release as tp_btf.
 */
#include "observe.bpf.h"

/* A function of its own: what is allowed is not to pay for saving its registers. */
static __noinline int tell_denial(struct bpf_cgroup_dev_ctx *ctx)
{
	struct cgroup *cgrp = current_group();
	struct cgw_trace_deny *r;

	if (!is_watched(cgrp))
		return KEEP_VERDICT;
	r = reserve(cgw_trace_deny, CGW_TRACE_DENY, CGW_TRACE_CGROUP_DEV, cgrp);
	if (!r)
		return KEEP_VERDICT;
	r->major = ctx->major;
	r->minor = ctx->minor;
	r->type = ctx->access_type & 0xffff;
	r->access = ctx->access_type >> 16;
	__builtin_memset(r->pad, 0, sizeof(r->pad));
	bpf_ringbuf_submit(r, 0);
	return KEEP_VERDICT;
}

SEC("cgroup/dev")
int cgward_obs_deny(struct bpf_cgroup_dev_ctx *ctx)
{
	if (bpf_get_retval())
		tell_denial(ctx);
	return KEEP_VERDICT;
}

SEC("tp_btf/cgroup_release")
int BPF_PROG(cgward_deny_release, struct cgroup *cgrp)
{
	if (is_v2(cgrp))
		forget(cgrp);
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The device filter that every governed group shares. Hook: cgroup/dev, Linux 4.15;
 * storage shared between programs by an 8-byte key: Linux 5.9.
 */
#include "table.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define ALL_LEVELS (CGW_POLICY_EXACT | CGW_POLICY_MAJOR | CGW_POLICY_MINOR)

/*
 * For each size class the map, keyed by the group of the attachment, so that descendants
 * share the policy of their ancestor; the filter proper, under which a group without a
 * written policy may open nothing; its stand-in while a group that already has processes
 * is adopted: everything passes until the policy is written, then the filter takes its
 * place; and the filter for policies that allow all OCI nodes (CGW_POLICY_SHORTCUT).
 */
#define POLICY_CLASS(N)                                                                     \
	struct {                                                                            \
		__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);                                  \
		__type(key, __u64);                                                         \
		__type(value, struct cgw_policy_value_##N);                                 \
	} cgward_policy##N SEC(".maps");                                                    \
	static __always_inline int run##N(struct bpf_cgroup_dev_ctx *ctx, int unwritten)    \
	{                                                                                   \
		const struct cgw_policy_value_##N *p =                                      \
			bpf_get_local_storage(&cgward_policy##N, 0);                        \
		const struct table t = TABLE(N, p, ALL_LEVELS);                             \
		return p->head.magic ? decide(&t, ctx) : unwritten;                         \
	}                                                                                   \
	SEC("cgroup/dev")                                                                   \
	int cgward_dev##N(struct bpf_cgroup_dev_ctx *ctx)                                   \
	{                                                                                   \
		return run##N(ctx, 0);                                                      \
	}                                                                                   \
	SEC("cgroup/dev")                                                                   \
	int cgward_dev_new##N(struct bpf_cgroup_dev_ctx *ctx)                               \
	{                                                                                   \
		return run##N(ctx, 1);                                                      \
	}                                                                                   \
	SEC("cgroup/dev")                                                                   \
	int cgward_dev_oci##N(struct bpf_cgroup_dev_ctx *ctx)                               \
	{                                                                                   \
		return is_oci_node(ctx) ? 1 : run##N(ctx, 0);                               \
	}

POLICY_CLASS(0)
POLICY_CLASS(1)
POLICY_CLASS(2)
POLICY_CLASS(3)

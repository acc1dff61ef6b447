// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The device filter of one policy alone. The others find the table of the group by the call
 * of a helper; this one has it in a frozen array of its own, at an address it knows.
 * Hook: cgroup/dev, Linux 4.15; addresses of map values, frozen maps: Linux 5.2.
 */
#include "table.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

/*
 * For each size class its instructions. User space loads them for each policy anew, with the
 * address of the policy's table in place of CGW_POLICY_ADDRESS. Of a frozen array the verifier
 * knows the numbers: it drops the lookups of kinds of entries that the table does not have, and
 * the test for OCI nodes where the table does not allow them all.
 */
#define OWN_CLASS(N)                                                                        \
	SEC("cgroup/dev")                                                                   \
	int cgward_dev_own##N(struct bpf_cgroup_dev_ctx *ctx)                               \
	{                                                                                   \
		const struct cgw_policy_value_##N *p;                                       \
		asm volatile("%0 = " TEXT(CGW_POLICY_ADDRESS) " ll" : "=r"(p));             \
		const struct table t = TABLE(N, p,                                          \
					     p->head.levels[CGW_DEVICE_BLOCK] |             \
						     p->head.levels[CGW_DEVICE_CHAR]);      \
		if (p->head.flags & CGW_POLICY_SHORTCUT && is_oci_node(ctx))                \
			return 1;                                                           \
		return decide(&t, ctx);                                                     \
	}

OWN_CLASS(0)
OWN_CLASS(1)
OWN_CLASS(2)
OWN_CLASS(3)

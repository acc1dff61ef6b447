// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The device filter that every governed group shares. Hook: cgroup/dev, Linux 4.15;
 * storage shared between programs by an 8-byte key: Linux 5.9.
 *
 * The rules were compiled to a decision table by user space (user/lib/compile.c); here the
 * most specific entry is looked up and one bit of it tested.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "cgward/policy.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The table of one value, wherever its size class puts the parts. */
struct table {
	const struct cgw_policy_value *head;
	const struct cgw_policy_slot *slots;
	const __u8 *displace;
	__u32 n_slots;
	__u32 n_buckets;
};

/* The verdicts of one class of devices, or -1 where the table has no entry for it. */
static __always_inline int lookup(const struct table *t, __u32 type, __u32 major, __u32 minor)
{
	__u64 hash = cgw_policy_hash(t->head->seed, type, major, minor);
	__u32 displace = t->displace[cgw_policy_bucket(hash, t->n_buckets)];
	const struct cgw_policy_slot *s = &t->slots[cgw_policy_index(hash, displace, t->n_slots)];

	if (s->major != major || s->minor != minor || s->type != type)
		return -1;
	return s->verdicts;
}

static __always_inline int decide(const struct table *t, struct bpf_cgroup_dev_ctx *ctx)
{
	__u32 access = ctx->access_type >> 16 & CGW_DEVICE_RWM;
	__u32 type = ctx->access_type & 3;
	__u32 levels = t->head->levels[type];
	int verdicts = -1;

	if (levels & CGW_POLICY_EXACT)
		verdicts = lookup(t, type, ctx->major, ctx->minor);
	if (verdicts < 0 && levels & CGW_POLICY_MAJOR)
		verdicts = lookup(t, type, ctx->major, CGW_DEVICE_ANY);
	if (verdicts < 0 && levels & CGW_POLICY_MINOR)
		verdicts = lookup(t, type, CGW_DEVICE_ANY, ctx->minor);
	if (verdicts < 0)
		verdicts = t->head->fallback[type];
	return verdicts >> access & 1;
}

/*
 * The nodes that every container is given. Whether all of them pass, whatever is asked for,
 * is decided by user space; then they need no lookup.
 */
static __always_inline int is_oci_node(struct bpf_cgroup_dev_ctx *ctx)
{
	__u32 major = ctx->major, minor = ctx->minor;

	if ((ctx->access_type & 3) != CGW_DEVICE_CHAR)
		return 0;
	if (major == 1)
		return minor < 32 && CGW_POLICY_OCI_MEM >> minor & 1;
	return major == CGW_POLICY_OCI_PTS ||
	       (major == 5 && minor < 32 && CGW_POLICY_OCI_TTY >> minor & 1);
}

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
		const struct table t = { &p->head, p->slots, p->displace,                   \
					 CGW_POLICY_SLOTS_##N, CGW_POLICY_BUCKETS_##N };    \
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

/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* A lookup in the decision table that user space compiled the rules to (user/lib/compile.c). */
#ifndef CGWARD_TABLE_BPF_H
#define CGWARD_TABLE_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "cgward/policy.h"

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

/* The table of one value, wherever its size class puts the parts. */
struct table {
	const struct cgw_policy_value *head;
	const __u32 *numbers;
	const __u16 *kinds;
	const __u8 *displace;
	__u32 n_slots;
	__u32 n_buckets;
	__u32 levels; /* the only ones that any type has entries of */
};

/* The table of size class N in the value at p. */
#define TABLE(N, p, levels)                                                                 \
	(const struct table)                                                                \
	{                                                                                   \
		&(p)->head, (p)->numbers, (p)->kinds, (p)->displace, CGW_POLICY_SLOTS_##N,  \
			CGW_POLICY_BUCKETS_##N, levels                                      \
	}

/* The verdicts of one class of devices, or -1 where the table has no entry for it. */
static __always_inline int lookup(const struct table *t, __u64 key)
{
	__u64 hash = cgw_policy_hash(t->head->seed, key, 0);
	__u32 displace = t->displace[cgw_policy_bucket(hash, t->n_buckets)];
	__u32 i = cgw_policy_index(hash, displace, t->n_slots);

	if (t->numbers[i] != (__u32)key || t->kinds[i] >> 8 != key >> 32)
		return -1;
	return t->kinds[i] & 0xff;
}

/*
 * What the numbers of a device add to a key. If there were larger ones, their upper bits would
 * be where no key of an entry has any. No jump: the verifier would go both ways each time.
 */
static __always_inline __u64 major_bits(__u32 major)
{
	return (__u64)(major >> CGW_POLICY_MAJOR_BITS) << 40 | major << CGW_POLICY_MINOR_BITS;
}

static __always_inline __u64 minor_bits(__u32 minor)
{
	return (__u64)(minor >> CGW_POLICY_MINOR_BITS) << 40 |
	       (minor & ((1U << CGW_POLICY_MINOR_BITS) - 1));
}

/* The most specific entry is looked up, and one bit of it tested. */
static __always_inline int decide(const struct table *t, struct bpf_cgroup_dev_ctx *ctx)
{
	__u32 access = ctx->access_type >> 16 & CGW_DEVICE_RWM;
	__u32 type = ctx->access_type & 3;
	__u64 key = cgw_policy_key(type, 0, 0);
	__u64 major = major_bits(ctx->major), minor = minor_bits(ctx->minor);
	__u32 levels = t->head->levels[type] & t->levels;
	int verdicts = -1;

	if (levels & CGW_POLICY_EXACT)
		verdicts = lookup(t, key | major | minor);
	if (verdicts < 0 && levels & CGW_POLICY_MAJOR)
		verdicts = lookup(t, key | major | CGW_POLICY_ANY_MINOR);
	if (verdicts < 0 && levels & CGW_POLICY_MINOR)
		verdicts = lookup(t, key | CGW_POLICY_ANY_MAJOR | minor);
	if (verdicts < 0)
		verdicts = t->head->fallback[type];
	return verdicts >> access & 1;
}

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* A lookup in the decision table that user space compiled the rules to (user/lib/compile.c). */
#ifndef CGWARD_TABLE_BPF_H
#define CGWARD_TABLE_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "cgward/policy.h"

/* The table of one value, wherever its size class puts the parts. */
struct table {
	const struct cgw_policy_value *head;
	const struct cgw_policy_slot *slots;
	const __u8 *displace;
	__u32 n_slots;
	__u32 n_buckets;
	__u32 levels; /* the only ones that any type has entries of */
};

/* The table of size class N in the value at p. */
#define TABLE(N, p, levels)                                                                 \
	(const struct table)                                                                \
	{                                                                                   \
		&(p)->head, (p)->slots, (p)->displace, CGW_POLICY_SLOTS_##N,                \
			CGW_POLICY_BUCKETS_##N, levels                                      \
	}

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

/* The most specific entry is looked up, and one bit of it tested. */
static __always_inline int decide(const struct table *t, struct bpf_cgroup_dev_ctx *ctx)
{
	__u32 access = ctx->access_type >> 16 & CGW_DEVICE_RWM;
	__u32 type = ctx->access_type & 3;
	__u32 levels = t->head->levels[type] & t->levels;
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

#endif

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The device filter that every governed group shares. Hook: cgroup/dev, Linux 4.15;
 * storage shared between programs by an 8-byte key: Linux 5.9.
 *
 * The rules were compiled to a decision table by user space (user/lib/policy.c);
 * here the most specific entry is looked up and one bit of it tested.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "cgward/policy.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Keyed by the group of the attachment, so descendants share the policy of their ancestor. */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, __u64);
	__type(value, struct cgw_policy_value);
} cgward_policy SEC(".maps");

/* The verdicts of one class of devices, or -1 where the table has no entry for it. */
static __always_inline int lookup(const struct cgw_policy_value *p, __u32 type, __u32 major,
				  __u32 minor)
{
	__u64 hash = cgw_policy_hash(p->seed, type, major, minor);
	__u32 i = cgw_policy_index(hash, p->displace[cgw_policy_bucket(hash)]);
	const struct cgw_policy_slot *s = &p->slots[i];

	if (s->major != major || s->minor != minor || s->type != type)
		return -1;
	return s->verdicts;
}

static __always_inline int decide(const struct cgw_policy_value *p, struct bpf_cgroup_dev_ctx *ctx)
{
	__u32 access = ctx->access_type >> 16 & CGW_DEVICE_RWM;
	__u32 type = ctx->access_type & 3;
	__u32 levels = p->levels[type];
	int verdicts = -1;

	if (levels & CGW_POLICY_EXACT)
		verdicts = lookup(p, type, ctx->major, ctx->minor);
	if (verdicts < 0 && levels & CGW_POLICY_MAJOR)
		verdicts = lookup(p, type, ctx->major, CGW_DEVICE_ANY);
	if (verdicts < 0 && levels & CGW_POLICY_MINOR)
		verdicts = lookup(p, type, CGW_DEVICE_ANY, ctx->minor);
	if (verdicts < 0)
		verdicts = p->fallback[type];
	return verdicts >> access & 1;
}

/* The filter proper: a group without a written policy may open nothing. */
SEC("cgroup/dev")
int cgward_dev(struct bpf_cgroup_dev_ctx *ctx)
{
	const struct cgw_policy_value *p = bpf_get_local_storage(&cgward_policy, 0);

	if (!p->magic)
		return 0;
	return decide(p, ctx);
}

/*
 * Stands in while a group that already has processes is adopted: everything
 * passes until the policy is written, then cgward_dev takes its place.
 */
SEC("cgroup/dev")
int cgward_dev_new(struct bpf_cgroup_dev_ctx *ctx)
{
	const struct cgw_policy_value *p = bpf_get_local_storage(&cgward_policy, 0);

	if (!p->magic)
		return 1;
	return decide(p, ctx);
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * An observer that counts which devices are used, and how: it decides nothing. Hook:
 * cgroup/dev, on a group above those watched (see deny.bpf.c).
 */
#include "observe.bpf.h"

/* User space gives it its size. What finds no room is counted. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cgw_use_key);
	__type(value, struct cgw_use_counts);
} uses SEC(".maps");

SEC("cgroup/dev")
int cgward_obs_use(struct bpf_cgroup_dev_ctx *ctx)
{
	struct cgw_use_key key = { .major = ctx->major,
				   .minor = ctx->minor,
				   .type = ctx->access_type & 0xffff,
				   .access = ctx->access_type >> 16 };
	const struct cgw_use_counts none = { 0 };
	struct cgw_use_counts *n;

	if (!is_watched(current_group()))
		return KEEP_VERDICT;
	n = bpf_map_lookup_elem(&uses, &key);
	if (!n) {
		bpf_map_update_elem(&uses, &key, &none, BPF_NOEXIST);
		n = bpf_map_lookup_elem(&uses, &key);
	}
	if (!n)
		count_lost();
	else if (bpf_get_retval())
		__sync_fetch_and_add(&n->denied, 1);
	else
		__sync_fetch_and_add(&n->allowed, 1);
	return KEEP_VERDICT;
}

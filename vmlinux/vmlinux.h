/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The kernel types that the programs in bpf/ read, and no more of them.
 * scripts/check-vmlinux compares each member with a kernel's BTF.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

enum bpf_map_type {
	BPF_MAP_TYPE_CGROUP_STORAGE = 19,
};

/* A program's context, not a kernel structure: laid out by the uapi, never relocated. */
struct bpf_cgroup_dev_ctx {
	__u32 access_type; /* access << 16 | type */
	__u32 major;
	__u32 minor;
};

#endif

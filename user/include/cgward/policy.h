/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The device policy as the kernel holds it: a value per group, shared by bpf/device.bpf.c and C. */
#ifndef CGWARD_POLICY_H
#define CGWARD_POLICY_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define CGW_POLICY_MAGIC 0x50574743U /* "CGWP"; 0 in a value nobody has written yet */
#define CGW_POLICY_VERSION 2

/* Value of a slot's major or minor that stands for every number. */
#define CGW_DEVICE_ANY 0xffffffffU

/* Device types and access bits, as in struct bpf_cgroup_dev_ctx. */
#define CGW_DEVICE_BLOCK 1U
#define CGW_DEVICE_CHAR 2U
#define CGW_DEVICE_MKNOD 1U
#define CGW_DEVICE_READ 2U
#define CGW_DEVICE_WRITE 4U
#define CGW_DEVICE_RWM 7U

/*
 * Values come in three sizes, each with its own map and programs: a group takes the
 * smallest that holds its entries. At four fifths full a place for each is always found.
 */
#define CGW_POLICY_CLASSES 3U
#define CGW_POLICY_SLOTS_0 32U
#define CGW_POLICY_SLOTS_1 320U
#define CGW_POLICY_SLOTS_2 5120U
#define CGW_POLICY_BUCKETS_0 16U
#define CGW_POLICY_BUCKETS_1 80U
#define CGW_POLICY_BUCKETS_2 1280U
/* Entries a policy may have. */
#define CGW_POLICY_ENTRIES 4096U

/* Flag: semantics runc, and what no rule names is allowed; for reading the policy back. */
#define CGW_POLICY_ALLOWS 1U
/* Flag: every request for an OCI default node passes, so that the program may skip the table. */
#define CGW_POLICY_SHORTCUT 2U

/* Flag: the group is to have a program of its own, see bpf/own.bpf.c. */
#define CGW_POLICY_OWN 4U
/* What stands for the address of the table in such a program until it is loaded. */
#define CGW_POLICY_ADDRESS 0x5057474350574743

/* The OCI default nodes: character devices 1:MINOR and 5:MINOR by bit, and 136:*. */
#define CGW_POLICY_OCI_MEM (1U << 3 | 1U << 5 | 1U << 7 | 1U << 8 | 1U << 9)
#define CGW_POLICY_OCI_TTY (1U << 0 | 1U << 2)
#define CGW_POLICY_OCI_PTS 136U

/* Which kinds of entries exist for a type, so that the others are not probed. */
#define CGW_POLICY_EXACT 1U
#define CGW_POLICY_MAJOR 2U /* major:* */
#define CGW_POLICY_MINOR 4U /* *:minor */

/*
 * One equivalence class of devices. verdicts has one bit for each requested
 * subset of {mknod, read, write}: bit N is set when a request for N passes.
 */
struct cgw_policy_slot {
	__u32 major;
	__u32 minor;
	__u8 type; /* 0 = no entry */
	__u8 verdicts;
	__u16 pad;
};

/*
 * What a value begins with; its slots follow, then a byte for each bucket. A perfect hash:
 * that byte says where the entries of the bucket went, so that a lookup reads one slot and
 * is never a loop. A value of zeros (what the kernel gives to a group on attach) has no
 * magic and decides nothing by itself.
 */
struct cgw_policy_value {
	__u32 magic;
	__u16 version;
	__u8 semantics; /* enum cgw_semantics */
	__u8 flags;	/* CGW_POLICY_ALLOWS, CGW_POLICY_SHORTCUT */
	__u64 generation; /* CLOCK_BOOTTIME in ns when it was written: greater at each change */
	__u32 seed;
	__u16 entries;
	__u8 size_class; /* below CGW_POLICY_CLASSES */
	__u8 pad;
	__u8 fallback[4]; /* verdicts where no entry matches, by type */
	__u8 levels[4];	  /* CGW_POLICY_EXACT, ... by type */
};

struct cgw_policy_value_0 {
	struct cgw_policy_value head;
	struct cgw_policy_slot slots[CGW_POLICY_SLOTS_0];
	__u8 displace[CGW_POLICY_BUCKETS_0];
};

struct cgw_policy_value_1 {
	struct cgw_policy_value head;
	struct cgw_policy_slot slots[CGW_POLICY_SLOTS_1];
	__u8 displace[CGW_POLICY_BUCKETS_1];
};

struct cgw_policy_value_2 {
	struct cgw_policy_value head;
	struct cgw_policy_slot slots[CGW_POLICY_SLOTS_2];
	__u8 displace[CGW_POLICY_BUCKETS_2];
};

static inline __u64 cgw_policy_hash(__u32 seed, __u32 type, __u32 major, __u32 minor)
{
	__u64 key = (__u64)major << 32 | minor;

	key = (key ^ key >> 29 ^ seed) * 0x9e3779b97f4a7c15ULL + type * 0xc2b2ae3d27d4eb4fULL;
	return (key ^ key >> 32) * 0xd6e8feb86659fd93ULL;
}

static inline __u32 cgw_policy_bucket(__u64 hash, __u32 buckets)
{
	return (__u32)((hash >> 32) * buckets >> 32);
}

static inline __u32 cgw_policy_index(__u64 hash, __u32 displace, __u32 slots)
{
	return (__u32)((__u64)((__u32)hash + displace * 0x9e3779b9U) * slots >> 32);
}

#endif

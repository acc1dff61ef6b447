/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The device policy as the kernel holds it: a value per group, shared by bpf/device.bpf.c and C. */
#ifndef CGWARD_POLICY_H
#define CGWARD_POLICY_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define CGW_POLICY_MAGIC 0x50574743U /* "CGWP"; 0 in a value nobody has written yet */
#define CGW_POLICY_VERSION 3

/* Value of an entry's major or minor that stands for every number. */
#define CGW_DEVICE_ANY 0xffffffffU

/* Device types and access bits, as in struct bpf_cgroup_dev_ctx. */
#define CGW_DEVICE_BLOCK 1U
#define CGW_DEVICE_CHAR 2U
#define CGW_DEVICE_MKNOD 1U
#define CGW_DEVICE_READ 2U
#define CGW_DEVICE_WRITE 4U
#define CGW_DEVICE_RWM 7U

/*
 * Values come in sizes, each with its own map and programs: a group takes the smallest that
 * holds its entries. At four fifths full a place for each is always found. The last is for
 * policies with numbers that no device has.
 */
#define CGW_POLICY_CLASSES 4U
#define CGW_POLICY_SLOTS_0 32U
#define CGW_POLICY_SLOTS_1 320U
#define CGW_POLICY_SLOTS_2 5120U
#define CGW_POLICY_SLOTS_3 5120U
#define CGW_POLICY_BUCKETS_0 16U
#define CGW_POLICY_BUCKETS_1 80U
#define CGW_POLICY_BUCKETS_2 1280U
#define CGW_POLICY_BUCKETS_3 1280U
/* Entries a policy may have. */
#define CGW_POLICY_ENTRIES 4096U

/* Flag: semantics runc, and what no rule names is allowed; for reading the policy back. */
#define CGW_POLICY_ALLOWS 1U
/* Flag: every request for an OCI default node passes, so that the program may skip the table. */
#define CGW_POLICY_SHORTCUT 2U

/* Flag: the policy is to be a program of its own, see bpf/own.bpf.c. */
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
struct cgw_policy_entry {
	__u32 major;
	__u32 minor;
	__u8 type;
	__u8 verdicts;
	__u16 pad;
};

/* Linux has devices with numbers of so many bits. */
#define CGW_POLICY_MAJOR_BITS 12U
#define CGW_POLICY_MINOR_BITS 20U

/*
 * What a value begins with; its slots follow, then a byte for each bucket. A perfect hash:
 * that byte says where the entries of the bucket went, so that a lookup reads one slot and
 * is never a loop. A value of zeros (what the kernel gives to a group on attach) has no
 * magic and decides nothing by itself.
 *
 * A slot is two halves of 32 and 16 bits: cgw_policy_key() of an entry, and below the upper
 * half its verdicts; 0 = no entry. An entry with numbers that no device has is marked, so that
 * no key of a device is like it.
 */
struct cgw_policy_value {
	__u32 magic;
	__u16 version;
	__u8 semantics; /* enum cgw_semantics */
	__u8 flags;	/* CGW_POLICY_ALLOWS, CGW_POLICY_SHORTCUT */
	__u64 generation; /* CLOCK_BOOTTIME in ns when it was written */
	__u32 seed;
	__u16 entries;
	__u8 size_class; /* below CGW_POLICY_CLASSES */
	__u8 pad;
	__u8 fallback[4]; /* verdicts where no entry matches, by type */
	__u8 levels[4];	  /* CGW_POLICY_EXACT, ... by type */
};

struct cgw_policy_value_0 {
	struct cgw_policy_value head;
	__u32 numbers[CGW_POLICY_SLOTS_0];
	__u16 kinds[CGW_POLICY_SLOTS_0];
	__u8 displace[CGW_POLICY_BUCKETS_0];
};

struct cgw_policy_value_1 {
	struct cgw_policy_value head;
	__u32 numbers[CGW_POLICY_SLOTS_1];
	__u16 kinds[CGW_POLICY_SLOTS_1];
	__u8 displace[CGW_POLICY_BUCKETS_1];
};

struct cgw_policy_value_2 {
	struct cgw_policy_value head;
	__u32 numbers[CGW_POLICY_SLOTS_2];
	__u16 kinds[CGW_POLICY_SLOTS_2];
	__u8 displace[CGW_POLICY_BUCKETS_2];
};

struct cgw_policy_value_3 {
	struct cgw_policy_value head;
	__u32 numbers[CGW_POLICY_SLOTS_3];
	__u16 kinds[CGW_POLICY_SLOTS_3];
	__u8 displace[CGW_POLICY_BUCKETS_3];
	__u32 high[CGW_POLICY_SLOTS_3]; /* of each slot, what cgw_policy_key() leaves out */
};

/* In the upper half of a slot: the key leaves bits of its numbers out. */
#define CGW_POLICY_WIDE 0x1000U

/* What a key of any major, and one of any minor, has in the place of it. */
#define CGW_POLICY_ANY_MAJOR 0x2fff00000ULL
#define CGW_POLICY_ANY_MINOR 0x1000fffffULL

/*
 * The lower bits of major and minor; then from bit 32 whether the minor is larger, whether the
 * major is ("every" is), and the type. No device has larger ones, so none is looked up by them.
 */
static inline __u64 cgw_policy_key(__u32 type, __u32 major, __u32 minor)
{
	__u32 kind = type << 2;

	if (major >> CGW_POLICY_MAJOR_BITS)
		kind |= 2;
	if (minor >> CGW_POLICY_MINOR_BITS)
		kind |= 1;
	minor &= (1U << CGW_POLICY_MINOR_BITS) - 1;
	return (__u64)kind << 32 | (major << CGW_POLICY_MINOR_BITS | minor);
}

static inline __u64 cgw_policy_hash(__u32 seed, __u64 key, __u32 high)
{
	key = (key ^ (__u64)seed << 36) * 0x9e3779b97f4a7c15ULL + high * 0xc2b2ae3d27d4eb4fULL;
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

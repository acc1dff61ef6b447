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
typedef _Bool bool;
enum { false, true };
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_CGROUP_STORAGE = 19,
	BPF_MAP_TYPE_RINGBUF = 27,
};

/* uapi flags, macros or without a name in BTF */
#define BPF_ANY 0
#define BPF_NOEXIST 1
#define BPF_F_NO_PREALLOC 1

/* Numbers that depend on how the kernel was built. */
enum cgroup_subsys_id___any { memory_cgrp_id___any };

enum memcg_memory_event {
	MEMCG_OOM = 3,
	MEMCG_OOM_KILL = 4,
};

enum oom_constraint {
	CONSTRAINT_NONE,
	CONSTRAINT_CPUSET,
	CONSTRAINT_MEMORY_POLICY,
	CONSTRAINT_MEMCG,
};

/* A program's context, not a kernel structure: laid out by the uapi, never relocated. */
struct bpf_cgroup_dev_ctx {
	__u32 access_type; /* access << 16 | type */
	__u32 major;
	__u32 minor;
};

/* What follows is found by BTF wherever the kernel has put it. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	__s64 counter;
} atomic64_t;
typedef atomic64_t atomic_long_t;

struct list_head {
	struct list_head *next;
};

struct kernfs_node {
	struct kernfs_node *parent; /* to 6.14 */
	const char *name;
	__u64 id;
	void *priv;
};

struct kernfs_node___new {
	struct kernfs_node *__parent;
};

struct kernfs_open_file {
	struct kernfs_node *kn;
};

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup_freezer_state {
	bool freeze;
};

struct cgroup {
	struct cgroup_subsys_state self;
	unsigned long flags;
	int level;
	struct kernfs_node *kn;
	struct cgroup_root *root;
	struct cgroup_freezer_state freezer;
	struct cgroup_subsys_state *subsys[];
};

struct css_set {
	struct cgroup *dfl_cgrp;
	struct cgroup_subsys_state *subsys[];
};

typedef struct {
	__u32 val;
} kuid_t;

struct cred {
	kuid_t uid;
};

struct percpu_counter {
	__s64 count;
};

struct mm_rss_stat___old {
	atomic_long_t count[4];
};

struct mm_struct {
	unsigned long total_vm;
	atomic_long_t pgtables_bytes;
	struct task_struct *owner;
};

struct mm_struct___old {
	struct mm_rss_stat___old rss_stat; /* to 6.1 */
};

struct mm_struct___new {
	struct percpu_counter rss_stat[4];
};

struct signal_struct {
	short oom_score_adj;
};

struct task_struct {
	unsigned int __state;
	unsigned int flags;
	int pid;
	int tgid;
	unsigned int frozen : 1;
	const struct cred *real_cred;
	char comm[16];
	struct css_set *cgroups;
	struct task_struct *group_leader;
	struct list_head tasks;
	struct mm_struct *mm;
	struct signal_struct *signal;
};

struct task_struct___old {
	long state; /* to 5.13 */
};

struct page_counter {
	atomic_long_t usage;
	unsigned long watermark;
	unsigned long high;
	unsigned long max;
};

struct mem_cgroup {
	struct cgroup_subsys_state css;
	struct page_counter memory;
	struct page_counter swap;
	bool oom_group;
	atomic_long_t memory_events_local[];
};

struct oom_control {
	struct mem_cgroup *memcg;
	unsigned int gfp_mask;
	int order;
	unsigned long totalpages;
	struct task_struct *chosen;
	long chosen_points;
	enum oom_constraint constraint;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__cgroup {
	struct bpf_iter_meta *meta;
	struct cgroup *cgroup;
};

#pragma clang attribute pop

#endif

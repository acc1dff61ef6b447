/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The records of the tracers: fixed structures, written by bpf/ and read by C. */
#ifndef CGWARD_TRACE_H
#define CGWARD_TRACE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define CGW_TRACE_COMM 16
/* Room for a name; most groups have a short one (NAME_MAX and its NUL is the longest). */
#define CGW_TRACE_SHORT_NAME 48
#define CGW_TRACE_LONG_NAME 256
/* Of what is written to a control file so much is kept. */
#define CGW_TRACE_TEXT 128
/* Levels of groups that a tracer looks at, counted from the one it is about. */
#define CGW_TRACE_LEVELS 32
/* Groups that can be watched by one tracer, besides those below them. */
#define CGW_TRACE_TARGETS 1024

enum cgw_trace_kind {
	CGW_TRACE_GROUP = 1, /* not an event: names a group before its first record */
	CGW_TRACE_FORGET,    /* not an event: that group will not be met again */
	CGW_TRACE_LOST,	     /* the ring was full: how many records are missing */

	CGW_TRACE_FREEZE_REQUESTED = 16,
	CGW_TRACE_FREEZE_REACHED,
	CGW_TRACE_FREEZE_BLOCKED, /* a task that has not stopped */
	CGW_TRACE_FREEZE_BROKEN,  /* still asked for, but a task runs again */
	CGW_TRACE_FREEZE_THAW,	  /* the opposite is asked for */
	CGW_TRACE_FREEZE_THAWED,

	CGW_TRACE_OOM_KILL = 32,

	CGW_TRACE_DENY = 48,

	CGW_TRACE_CREATED = 64,
	CGW_TRACE_REMOVED,
	CGW_TRACE_RELEASED,
	CGW_TRACE_ATTACHED,
	CGW_TRACE_POPULATED,
	CGW_TRACE_WRITTEN, /* to a control file */
};

/* Which kind of hook a record comes from. */
enum cgw_trace_source {
	CGW_TRACE_TP_BTF = 1,
	CGW_TRACE_FENTRY,
	CGW_TRACE_CGROUP_DEV,
	CGW_TRACE_ITER,
	CGW_TRACE_FILES,
};

/* What every record begins with. pid, tid, uid and comm are of the task that did it. */
struct cgw_trace_record {
	__u16 kind;
	__u16 size; /* of the whole record */
	__u8 source;
	__u8 pad[3];
	__u64 mono_ns; /* CLOCK_MONOTONIC */
	__u64 group;   /* inode number of its directory; 0 = none */
	__u32 pid;     /* as all process numbers here: of the initial pid namespace */
	__u32 tid;
	__u32 uid;
	__u32 gid;
	char comm[CGW_TRACE_COMM];
};

/* A group's own name, and which group it is in; 0 = none, or none below the root of paths. */
struct cgw_trace_group {
	struct cgw_trace_record head;
	__u64 parent;
	char name[CGW_TRACE_SHORT_NAME];
};

struct cgw_trace_long_group {
	struct cgw_trace_record head;
	__u64 parent;
	char name[CGW_TRACE_LONG_NAME];
};

struct cgw_trace_lost {
	struct cgw_trace_record head;
	__u64 records;
};

/* CGW_TRACE_FREEZE_*, but BLOCKED. In REACHED the task of the head is the last that stopped. */
struct cgw_trace_freeze {
	struct cgw_trace_record head;
	__u64 after_ns;	 /* since it was asked for; 0 = not seen */
	__u64 frozen_ns; /* BROKEN, THAWED: how long it was frozen; 0 = not seen */
	__u32 by_pid;	 /* who asked for it; 0 = not seen */
	__u32 by_uid;
	char by_comm[CGW_TRACE_COMM];
	__u8 own; /* asked of the group itself, not of one above */
	__u8 pad[7];
};

/* CGW_TRACE_FREEZE_BLOCKED: the task of the head has not stopped. */
struct cgw_trace_blocked {
	struct cgw_trace_record head;
	__u64 after_ns; /* since the freeze was asked for; 0 = not seen */
	char state;	/* as in /proc/PID/stat */
	char wchan[47]; /* function of the kernel it waits in; "" = it does not wait */
	char stack[512]; /* functions, innermost first, separated by " < " */
};

/* CGW_TRACE_DENY: the task of the head was refused a device, by whatever filter. */
struct cgw_trace_deny {
	struct cgw_trace_record head;
	__u32 major;
	__u32 minor;
	__u8 type;   /* CGW_DEVICE_BLOCK or CGW_DEVICE_CHAR */
	__u8 access; /* CGW_DEVICE_*; 0 = it looked whether the node is there (F_OK) */
	__u8 pad[6];
};

/* How devices are used is counted per device and access. */
struct cgw_use_key {
	__u32 major;
	__u32 minor;
	__u16 type;
	__u16 access;
};

struct cgw_use_counts {
	__u64 allowed;
	__u64 denied;
};

/* Groups of the ladder in an OOM's record; a deeper one is cut. */
#define CGW_TRACE_OOM_LEVELS 16
#define CGW_TRACE_OOM_NO_LEVEL 255
#define CGW_TRACE_OOM_NO_LIMIT 0xffffffffffffffffULL

enum cgw_trace_oom_scope {
	CGW_TRACE_OOM_UNKNOWN, /* memory is held by cgroup v1, and nothing tells more */
	CGW_TRACE_OOM_GLOBAL,  /* the machine, or a part of it: no group's limit */
	CGW_TRACE_OOM_MEMCG,   /* a group's memory.max */
};

/* A group that the victim's memory counts in, as it was when the victim was marked. In bytes. */
struct cgw_trace_oom_level {
	__u64 group;
	__u64 usage;
	__u64 max; /* CGW_TRACE_OOM_NO_LIMIT where there is none, as in all of these */
	__u64 high;
	__u64 peak;
	__u64 swap_usage;
	__u64 swap_max;
	__u64 oom;	/* of memory.events.local: its limit fired */
	__u64 oom_kill; /* likewise: of its own processes were killed */
	__u32 rose;	/* by how much oom has since the last OOM that was seen */
	__u16 up;	/* how many levels it is above the group of the head */
	__u8 oom_group; /* memory.oom.group */
	__u8 trigger;	/* it holds the task that asked for memory */
};

/*
 * CGW_TRACE_OOM_KILL: the group of the head is the victim's. The task of the head is the one that
 * asked for memory and found none: often not the victim.
 */
struct cgw_trace_oom {
	struct cgw_trace_record head;
	__u64 sequence; /* of the OOM, as this tracer counts them; all it kills have the same */
	__u64 limit;	/* group whose limit fired; 0 = none, or it cannot be told */
	__u64 total_vm; /* of the victim, in bytes, as what follows */
	__u64 anon_rss;
	__u64 file_rss;
	__u64 shmem_rss;
	__u64 swap;
	__u64 pgtables;
	__u64 total_bytes; /* what the victim was weighed against; source fentry only */
	__s64 points;	   /* and its weight, in pages; source fentry only */
	__u32 gfp_mask;	   /* of what was asked for; source fentry only */
	__s32 order;	   /* likewise: 2^order pages */
	__u32 pid;	   /* of the victim, as what follows; 0 = it was not found */
	__u32 tid;
	__u32 uid;
	__s32 oom_score_adj;
	char comm[CGW_TRACE_COMM];
	__u32 member; /* 1 = the victim that was chosen; 2 and on: killed with it, as one group */
	__u8 scope;   /* enum cgw_trace_oom_scope */
	__u8 n_levels;
	__u8 limit_level; /* of levels; CGW_TRACE_OOM_NO_LEVEL = none of them, as in these */
	__u8 rose_level;  /* which the counts of OOMs point to; fentry knows better */
	__u8 group_level; /* the one whose memory.oom.group has all of it killed */
	__u8 dying;	  /* it was ending anyway: it was given memory, and not killed */
	__u8 v1;	  /* memory is held by cgroup v1: no levels */
	__u8 cut;	  /* there are more levels */
	__u8 constraint;  /* as the kernel's enum oom_constraint; source fentry only */
	__u8 pad[3];
	/* The victim's first. The record ends with the last one, see n_levels. */
	struct cgw_trace_oom_level levels[CGW_TRACE_OOM_LEVELS];
};

/*
 * CGW_TRACE_ATTACHED: the task of the head moved another one, or itself, into the group; to a
 * watched one, or out of one.
 */
struct cgw_trace_attached {
	struct cgw_trace_record head;
	__u64 from; /* the group it was in; 0 = not seen */
	__u32 task_pid;
	__u32 task_tid;
	char task_comm[CGW_TRACE_COMM];
	__u8 process; /* all threads of it, not this one alone */
	__u8 pad[7];
};

struct cgw_trace_populated {
	struct cgw_trace_record head;
	__u32 populated; /* has a process now, itself or below; 0 = has none any more */
	__u32 pad;
};

/* CGW_TRACE_WRITTEN: the task of the head wrote to a control file of the group. */
struct cgw_trace_written {
	struct cgw_trace_record head;
	__s64 result; /* bytes taken, or -errno */
	__u64 len;    /* of what was written; more than CGW_TRACE_TEXT = the text is cut */
	char file[72];
	char text[CGW_TRACE_TEXT + 8];
};

/* What the programs are told before they are loaded, and what they count. */
struct cgw_trace_config {
	__u64 root;	 /* the group where paths begin */
	__u8 everything; /* groups anywhere are watched */
	__u8 pad[7];
};

struct cgw_trace_counts {
	__u64 lost;
};

#endif

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Who was killed for want of memory, at whose limit, and how full the groups around it were.
 * Hooks: tracepoint mark_victim as tp_btf, with the victim's pid as argument, since 6.9 (and the
 * stable series of 2025) its task: user space loads the one that fits. Where the kernel takes
 * programs at functions, oom_kill_process tells the limit itself. cgroup_release; iter/cgroup, 6.1.
 */
#include "trace.bpf.h"

/* Counters of mm_struct.rss_stat: enumerators without a type's name. */
enum { FILE_PAGES, ANON_PAGES, SWAP_ENTRIES, SHMEM_PAGES };

#define NSEC_PER_SEC 1000000000ULL
#define MAX_PROCESSES 8192
/* What each CPU may hold in reserve of a group's limit: MEMCG_CHARGE_BATCH. */
#define BATCH_PAGES 64

/* Counts of memory.events.local, as the last OOM left them. */
struct seen {
	__u64 oom;
	__u64 oom_kill;
	__u64 more_ns; /* when more than one OOM had been counted at once: others wait to kill */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct seen);
} baselines SEC(".maps");

/* Records are made here: also of groups that are not watched, for the sake of the counts. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cgw_trace_oom);
} scratch SEC(".maps");

const volatile __u32 page_bytes SEC(".rodata.oom") = 4096;

/* The OOM at work. The kernel has one at a time: all of this happens under its oom_lock. */
struct ongoing {
	__u64 task;
	__u64 ns;
	__u64 sequence;
	__u64 group; /* whose processes are all killed */
	__u64 total_bytes;
	__u64 memcg;
	__s64 points;
	__u32 members;
	__u32 pid; /* the first victim */
	__u32 gfp_mask;
	__s32 order;
	__u8 constraint;
	__u8 exact; /* oom_kill_process is at work, and told what is above */
};

static struct ongoing ongoing SEC(".data.oom");
static __u8 primed SEC(".data.oom");

static __always_inline __u64 bytes(__u64 pages)
{
	return pages * page_bytes;
}

/* The kernel's "max" is so many pages that their bytes just fit. */
static __always_inline __u64 limit_bytes(__u64 pages)
{
	return pages >= 0x7fffffffffffffffULL / page_bytes ? CGW_TRACE_OOM_NO_LIMIT : bytes(pages);
}

static __always_inline __u64 event_of(struct mem_cgroup *memcg, __u64 event)
{
	void *events = __builtin_preserve_access_index(&memcg->memory_events_local);
	__u64 n = 0;

	bpf_probe_read_kernel(&n, sizeof(n), events + event * sizeof(n));
	return n;
}

#define EVENT(memcg, name) event_of(memcg, bpf_core_enum_value(enum memcg_memory_event, name))

static __always_inline struct mem_cgroup *memcg_at(void *subsys)
{
	__u64 id = bpf_core_enum_value(enum cgroup_subsys_id___any, memory_cgrp_id___any);
	void *css = NULL;

	bpf_probe_read_kernel(&css, sizeof(css), subsys + id * sizeof(css));
	return css ? css - bpf_core_field_offset(struct mem_cgroup, css) : NULL;
}

static __always_inline struct mem_cgroup *memcg_of(struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);

	return memcg_at(__builtin_preserve_access_index(&set->subsys));
}

static __always_inline struct mem_cgroup *memcg_above(struct mem_cgroup *memcg)
{
	void *css = BPF_CORE_READ(memcg, css.parent);

	return css ? css - bpf_core_field_offset(struct mem_cgroup, css) : NULL;
}

static __always_inline void take_memory(struct cgw_trace_oom *r, struct mm_struct *mm)
{
	struct mm_struct___old *old = (void *)mm;
	struct mm_struct___new *new = (void *)mm;
	__s64 file, anon, swap, shmem;

	if (bpf_core_field_exists(old->rss_stat.count)) {
		file = BPF_CORE_READ(old, rss_stat.count[FILE_PAGES].counter);
		anon = BPF_CORE_READ(old, rss_stat.count[ANON_PAGES].counter);
		swap = BPF_CORE_READ(old, rss_stat.count[SWAP_ENTRIES].counter);
		shmem = BPF_CORE_READ(old, rss_stat.count[SHMEM_PAGES].counter);
	} else {
		file = BPF_CORE_READ(new, rss_stat[FILE_PAGES].count);
		anon = BPF_CORE_READ(new, rss_stat[ANON_PAGES].count);
		swap = BPF_CORE_READ(new, rss_stat[SWAP_ENTRIES].count);
		shmem = BPF_CORE_READ(new, rss_stat[SHMEM_PAGES].count);
	}
	/* They are summed up over CPUs, and may be a little below nothing. */
	r->file_rss = file > 0 ? bytes(file) : 0;
	r->anon_rss = anon > 0 ? bytes(anon) : 0;
	r->swap = swap > 0 ? bytes(swap) : 0;
	r->shmem_rss = shmem > 0 ? bytes(shmem) : 0;
	r->total_vm = bytes(BPF_CORE_READ(mm, total_vm));
	r->pgtables = BPF_CORE_READ(mm, pgtables_bytes.counter);
}

/* Was the victim killed, or did it end anyway? The kernel counts a kill before it marks. */
static __always_inline bool count_kill(struct mem_cgroup *memcg)
{
	__u64 id = group_id(BPF_CORE_READ(memcg, css.cgroup)), n = EVENT(memcg, MEMCG_OOM_KILL);
	struct seen *seen = bpf_map_lookup_elem(&baselines, &id);
	bool rose = seen ? n > seen->oom_kill : !primed || n;

	if (seen) {
		seen->oom_kill = n;
	} else {
		struct seen first = { .oom = EVENT(memcg, MEMCG_OOM), .oom_kill = n };

		/* What was counted of OOMs before is for count_oom() to see. */
		if (primed)
			first.oom = 0;
		bpf_map_update_elem(&baselines, &id, &first, BPF_NOEXIST);
	}
	return rose;
}

static __always_inline void take_victim(struct cgw_trace_oom *r, struct task_struct *task,
					struct mem_cgroup *memcg)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct task_struct *owner = mm ? BPF_CORE_READ(mm, owner) : NULL;

	r->pid = BPF_CORE_READ(task, tgid);
	r->tid = BPF_CORE_READ(task, pid);
	r->uid = BPF_CORE_READ(task, real_cred, uid.val);
	r->oom_score_adj = BPF_CORE_READ(task, signal, oom_score_adj);
	bpf_probe_read_kernel_str(r->comm, sizeof(r->comm),
				  __builtin_preserve_access_index(&task->comm));
	if (mm)
		take_memory(r, mm);
	if (owner)
		memcg = memcg_of(owner);
	if (memcg && is_v2(BPF_CORE_READ(memcg, css.cgroup)))
		r->dying = !count_kill(memcg);
}

/*
 * By how much the count of OOMs rose. One that others wait to act upon counts for a while: the
 * kernel counts first and then waits for its turn.
 */
static __always_inline __u32 count_oom(__u64 id, __u64 n, __u64 now)
{
	struct seen *seen = bpf_map_lookup_elem(&baselines, &id);
	__u64 before = seen ? seen->oom : primed ? 0 : n;
	__u32 rose = n - before;

	if (seen) {
		bool waiting = seen->more_ns && now - seen->more_ns < NSEC_PER_SEC;

		if (rose > 1)
			seen->more_ns = now;
		else if (!rose && waiting)
			rose = 1;
		seen->oom = n;
	} else {
		struct seen first = { .oom = n, .more_ns = rose > 1 ? now : 0 };

		bpf_map_update_elem(&baselines, &id, &first, BPF_NOEXIST);
	}
	return rose;
}

static __always_inline void take_level(struct cgw_trace_oom_level *l, struct mem_cgroup *memcg,
				       int victim_level, __u64 now)
{
	struct cgroup *cgrp = BPF_CORE_READ(memcg, css.cgroup);
	int level = BPF_CORE_READ(cgrp, level);

	l->group = group_id(cgrp);
	l->usage = bytes(BPF_CORE_READ(memcg, memory.usage.counter));
	l->max = limit_bytes(BPF_CORE_READ(memcg, memory.max));
	l->high = limit_bytes(BPF_CORE_READ(memcg, memory.high));
	l->peak = bytes(BPF_CORE_READ(memcg, memory.watermark));
	l->swap_usage = bytes(BPF_CORE_READ(memcg, swap.usage.counter));
	l->swap_max = limit_bytes(BPF_CORE_READ(memcg, swap.max));
	l->oom = EVENT(memcg, MEMCG_OOM);
	l->oom_kill = EVENT(memcg, MEMCG_OOM_KILL);
	l->rose = count_oom(l->group, l->oom, now);
	l->up = victim_level > level ? victim_level - level : 0;
	l->oom_group = BPF_CORE_READ(memcg, oom_group);
	l->trigger = bpf_get_current_ancestor_cgroup_id(level) == l->group;
}

/*
 * How much speaks for it that the limit of this group was hit: an OOM was counted there, and it
 * is full, as far as is known while others free memory. A count alone may be of an OOM that ended
 * without a kill. Of two that are full the kernel meets the lower one first.
 */
static __always_inline int weigh(const struct cgw_trace_oom_level *l)
{
	if (!l->rose || l->max == CGW_TRACE_OOM_NO_LIMIT || l->usage < l->max - l->max / 8)
		return 0;
	return 1 + l->trigger + (l->usage + bytes(BATCH_PAGES) > l->max ? 2 : 0);
}

static __always_inline void take_levels(struct cgw_trace_oom *r, struct mem_cgroup *memcg,
					int victim_level)
{
	int best = 0;

	for (__u32 i = 0; i < CGW_TRACE_OOM_LEVELS; i++) {
		struct mem_cgroup *above = memcg ? memcg_above(memcg) : NULL;
		int weight;

		if (!above) /* the root has no limit */
			return;
		take_level(&r->levels[i], memcg, victim_level, r->head.mono_ns);
		r->n_levels = i + 1;
		weight = weigh(&r->levels[i]);
		if (weight > best) {
			best = weight;
			r->rose_level = i;
		}
		memcg = above;
	}
	r->cut = memcg && memcg_above(memcg);
}

/* Which level is that group? */
static __always_inline __u8 level_of(const struct cgw_trace_oom *r, __u64 group)
{
	for (__u32 i = 0; i < CGW_TRACE_OOM_LEVELS; i++)
		if (i < r->n_levels && r->levels[i].group == group)
			return i;
	return CGW_TRACE_OOM_NO_LEVEL;
}

static __always_inline void take_limit(struct cgw_trace_oom *r)
{
	struct mem_cgroup *memcg = (void *)ongoing.memcg;
	struct cgroup *cgrp;

	if (!ongoing.exact) {
		r->limit_level = r->rose_level;
		r->scope = r->limit_level != CGW_TRACE_OOM_NO_LEVEL ? CGW_TRACE_OOM_MEMCG :
			   r->v1 ? CGW_TRACE_OOM_UNKNOWN : CGW_TRACE_OOM_GLOBAL;
		if (r->scope == CGW_TRACE_OOM_MEMCG)
			r->limit = r->levels[r->limit_level & (CGW_TRACE_OOM_LEVELS - 1)].group;
		return;
	}
	r->head.source = CGW_TRACE_FENTRY;
	r->total_bytes = ongoing.total_bytes;
	r->points = ongoing.points;
	r->gfp_mask = ongoing.gfp_mask;
	r->order = ongoing.order;
	r->constraint = ongoing.constraint;
	r->scope = memcg ? CGW_TRACE_OOM_MEMCG : CGW_TRACE_OOM_GLOBAL;
	cgrp = memcg ? BPF_CORE_READ(memcg, css.cgroup) : NULL;
	if (cgrp && is_v2(cgrp)) {
		r->limit = group_id(cgrp);
		r->limit_level = level_of(r, r->limit);
	}
}

/* As the kernel does: the topmost group, up to the limit's, that wants to be killed as one. */
static __always_inline void take_group(struct cgw_trace_oom *r)
{
	if (r->scope == CGW_TRACE_OOM_UNKNOWN ||
	    (r->scope == CGW_TRACE_OOM_MEMCG && r->limit_level == CGW_TRACE_OOM_NO_LEVEL))
		return;
	for (__u32 i = 0; i < CGW_TRACE_OOM_LEVELS && i < r->n_levels; i++) {
		if (r->levels[i].oom_group)
			r->group_level = i;
		if (i == r->limit_level)
			break;
	}
}

/*
 * Is the victim killed with the one before it? Where nothing tells when an OOM begins and ends:
 * by the same task, in the same group that is to be killed as one, and at once.
 */
static __always_inline bool is_member(const struct cgw_trace_oom *r, __u64 task)
{
	if (ongoing.exact)
		return ongoing.members;
	return ongoing.group && ongoing.task == task &&
	       r->head.mono_ns - ongoing.ns < NSEC_PER_SEC &&
	       level_of(r, ongoing.group) != CGW_TRACE_OOM_NO_LEVEL;
}

/*
 * The limit of those that are killed with the first is the first's. Return: is it another one? The
 * kernel kills the first again when it kills its group.
 */
static __always_inline bool number(struct cgw_trace_oom *r)
{
	__u64 task = bpf_get_current_pid_tgid();
	bool member = is_member(r, task);

	if (member && !ongoing.exact) {
		r->limit = ongoing.memcg;
		r->limit_level = r->limit ? level_of(r, r->limit) : CGW_TRACE_OOM_NO_LEVEL;
		r->rose_level = r->limit_level;
		r->scope = r->limit ? CGW_TRACE_OOM_MEMCG : CGW_TRACE_OOM_GLOBAL;
	} else {
		take_limit(r);
	}
	take_group(r);
	ongoing.ns = r->head.mono_ns;
	if (member && r->pid == ongoing.pid)
		return false;
	if (!member) {
		ongoing.sequence++;
		ongoing.members = 0;
		ongoing.task = task;
		ongoing.pid = r->pid;
		ongoing.group = r->group_level == CGW_TRACE_OOM_NO_LEVEL ? 0 :
				r->levels[r->group_level & (CGW_TRACE_OOM_LEVELS - 1)].group;
		if (!ongoing.exact)
			ongoing.memcg = r->limit;
	}
	r->sequence = ongoing.sequence;
	r->member = ++ongoing.members;
	return true;
}

static __always_inline int take(struct task_struct *task, __u32 pid)
{
	struct cgroup *cgrp = task ? BPF_CORE_READ(task, cgroups, dfl_cgrp) : NULL;
	struct mem_cgroup *memcg = task ? memcg_of(task) : NULL;
	__u32 zero = 0, size;
	struct cgw_trace_oom *r = bpf_map_lookup_elem(&scratch, &zero);

	if (!r)
		return 0;
	__builtin_memset(r, 0, offsetof(struct cgw_trace_oom, levels));
	fill(&r->head, CGW_TRACE_OOM_KILL, 0, CGW_TRACE_TP_BTF, cgrp ? group_id(cgrp) : 0);
	r->limit_level = r->rose_level = r->group_level = CGW_TRACE_OOM_NO_LEVEL;
	r->pid = r->tid = pid;
	if (task)
		take_victim(r, task, memcg);
	if (memcg && is_v2(BPF_CORE_READ(memcg, css.cgroup)))
		take_levels(r, memcg, BPF_CORE_READ(cgrp, level));
	else
		r->v1 = memcg != NULL;
	if (!number(r) || (cgrp ? !is_watched(cgrp) : !config.everything))
		return 0;
	if (cgrp)
		tell(cgrp);
	size = offsetof(struct cgw_trace_oom, levels) + (r->n_levels & 31) * sizeof(r->levels[0]);
	if (size > sizeof(*r))
		return 0;
	r->head.size = size;
	output(&r->head, size);
	return 0;
}

SEC("tp_btf/mark_victim")
int BPF_PROG(cgward_victim, struct task_struct *task)
{
	return take(task, 0);
}

/* The task of a number: nothing but a walk over all processes finds it on every kernel. */
static __always_inline struct task_struct *find_task(int pid)
{
	struct task_struct *self = (void *)bpf_get_current_task(), *first, *task;

	if (BPF_CORE_READ(self, pid) == pid)
		return self;
	first = task = BPF_CORE_READ(self, group_leader);
	for (int i = 0; i < MAX_PROCESSES; i++) {
		if (BPF_CORE_READ(task, pid) == pid)
			return task;
		task = (void *)BPF_CORE_READ(task, tasks.next) -
		       bpf_core_field_offset(struct task_struct, tasks);
		if (task == first)
			break;
	}
	return NULL;
}

SEC("tp_btf/mark_victim")
int BPF_PROG(cgward_victim_pid, int pid)
{
	return take(find_task(pid), pid);
}

SEC("fentry/oom_kill_process")
int BPF_PROG(cgward_oom_begin, struct oom_control *oc)
{
	ongoing.exact = 1;
	ongoing.members = 0;
	ongoing.memcg = (__u64)BPF_CORE_READ(oc, memcg);
	ongoing.total_bytes = bytes(BPF_CORE_READ(oc, totalpages));
	ongoing.points = BPF_CORE_READ(oc, chosen_points);
	ongoing.gfp_mask = BPF_CORE_READ(oc, gfp_mask);
	ongoing.order = BPF_CORE_READ(oc, order);
	ongoing.constraint = BPF_CORE_READ(oc, constraint);
	return 0;
}

SEC("fexit/oom_kill_process")
int BPF_PROG(cgward_oom_end, struct oom_control *oc)
{
	ongoing.exact = 0;
	ongoing.group = 0;
	return 0;
}

/* The counts as they are, of a group that no OOM told of yet. Run once, over all groups. */
SEC("iter/cgroup")
int cgward_oom_prime(struct bpf_iter__cgroup *ctx)
{
	struct cgroup *cgrp = ctx->cgroup;
	struct mem_cgroup *memcg;
	struct seen seen = { 0 };
	__u64 id;

	if (!cgrp) {
		primed = 1;
		return 0;
	}
	memcg = memcg_at(__builtin_preserve_access_index(&cgrp->subsys));
	if (!memcg)
		return 0;
	id = group_id(cgrp);
	seen.oom = EVENT(memcg, MEMCG_OOM);
	seen.oom_kill = EVENT(memcg, MEMCG_OOM_KILL);
	bpf_map_update_elem(&baselines, &id, &seen, BPF_NOEXIST);
	return 0;
}

SEC("tp_btf/cgroup_release")
int BPF_PROG(cgward_oom_release, struct cgroup *cgrp)
{
	__u64 id = group_id(cgrp);

	if (!is_v2(cgrp))
		return 0;
	bpf_map_delete_elem(&baselines, &id);
	forget(cgrp);
	return 0;
}

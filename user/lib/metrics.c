// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What is known of each metric: file, key, meaning, and its name and unit in OpenMetrics. */
#include "stat.h"

/* X(id, name, unit, type, digits, help): digits moves the kernel's point to that of the unit. */
#define FAMILIES(X)                                                                               \
	X(OTHER, "other", "", UNKNOWN, 0, "What this version of cgward knows no name for")        \
	X(POPULATED, "populated", "", GAUGE, 0, "Is a process in the group or below it?")         \
	X(FROZEN, "frozen", "", GAUGE, 0, "Is the group frozen?")                                 \
	X(DESCENDANTS, "descendants", "", GAUGE, 0, "Groups below")                               \
	X(DYING, "dying_descendants", "", GAUGE, 0, "Removed groups below that are still in use") \
	X(SUBSYS, "subsys", "", GAUGE, 0, "Groups, this one too, with the controller's state")    \
	X(DYING_SUBSYS, "dying_subsys", "", GAUGE, 0, "Removed ones with the controller's state") \
	X(MAX_DEPTH, "max_depth", "", GAUGE, 0, "Levels allowed below")                           \
	X(MAX_DESCENDANTS, "max_descendants", "", GAUGE, 0, "Groups allowed below")               \
	X(FROZEN_TIME, "frozen_seconds", "seconds", COUNTER, 6, "Time spent frozen")              \
	X(PIDS, "pids_current", "", GAUGE, 0, "Tasks")                                            \
	X(PIDS_PEAK, "pids_peak", "", GAUGE, 0, "Most tasks at a time")                           \
	X(PIDS_MAX, "pids_max", "", GAUGE, 0, "Tasks allowed")                                    \
	X(PIDS_EVENTS, "pids_events", "", COUNTER, 0, "Forks refused, here or below")             \
	X(PIDS_LOCAL, "pids_events_local", "", COUNTER, 0, "Forks refused in the group itself")   \
	X(CPU_USAGE, "cpu_usage_seconds", "seconds", COUNTER, 6, "CPU time")                      \
	X(CPU_USER, "cpu_user_seconds", "seconds", COUNTER, 6, "CPU time in user mode")           \
	X(CPU_SYSTEM, "cpu_system_seconds", "seconds", COUNTER, 6, "CPU time in the kernel")      \
	X(CPU_NICE, "cpu_nice_seconds", "seconds", COUNTER, 6, "CPU time of niced tasks")         \
	X(CPU_IDLE, "cpu_core_sched_force_idle_seconds", "seconds", COUNTER, 6,                   \
	  "CPU time kept idle by core scheduling")                                                \
	X(CPU_PERIODS, "cpu_periods", "", COUNTER, 0, "Periods of cpu.max")                       \
	X(CPU_THROTTLED, "cpu_throttled_periods", "", COUNTER, 0, "Periods that were throttled")  \
	X(CPU_THROTTLED_TIME, "cpu_throttled_seconds", "seconds", COUNTER, 6, "Time throttled")   \
	X(CPU_BURSTS, "cpu_bursts", "", COUNTER, 0, "Periods that used a burst")                  \
	X(CPU_BURST_TIME, "cpu_burst_seconds", "seconds", COUNTER, 6, "CPU time used in bursts")  \
	X(CPU_LOCAL_TIME, "cpu_local_throttled_seconds", "seconds", COUNTER, 6,                   \
	  "Time throttled by the group's own limit")                                              \
	X(CPU_QUOTA, "cpu_max_quota_seconds", "seconds", GAUGE, 6, "CPU time allowed a period")   \
	X(CPU_PERIOD, "cpu_max_period_seconds", "seconds", GAUGE, 6, "The period of the quota")   \
	X(CPU_MAX_BURST, "cpu_max_burst_seconds", "seconds", GAUGE, 6, "Burst allowed")           \
	X(CPU_WEIGHT, "cpu_weight", "", GAUGE, 0, "Share of the CPUs, 100 is usual")              \
	X(MEMORY, "memory_current_bytes", "bytes", GAUGE, 0, "Memory in use")                     \
	X(MEMORY_PEAK, "memory_peak_bytes", "bytes", GAUGE, 0, "Most memory in use at a time")    \
	X(MEMORY_MIN, "memory_min_bytes", "bytes", GAUGE, 0, "Never reclaimed below it")          \
	X(MEMORY_LOW, "memory_low_bytes", "bytes", GAUGE, 0, "Reclaimed below it as the last")    \
	X(MEMORY_HIGH, "memory_high_bytes", "bytes", GAUGE, 0, "Throttled above it")              \
	X(MEMORY_MAX, "memory_max_bytes", "bytes", GAUGE, 0, "Memory allowed")                    \
	X(MEMORY_STAT, "memory_stat_bytes", "bytes", GAUGE, 0, "Memory by kind")                  \
	X(MEMORY_COUNT, "memory_stat_events", "", COUNTER, 0, "Events of memory management")      \
	X(MEMORY_EVENTS, "memory_events", "", COUNTER, 0, "Limits reached, here or below")        \
	X(MEMORY_LOCAL, "memory_events_local", "", COUNTER, 0, "Limits reached by the group itself") \
	X(SWAP, "memory_swap_current_bytes", "bytes", GAUGE, 0, "Swap in use")                    \
	X(SWAP_PEAK, "memory_swap_peak_bytes", "bytes", GAUGE, 0, "Most swap in use at a time")   \
	X(SWAP_HIGH, "memory_swap_high_bytes", "bytes", GAUGE, 0, "Throttled above it")           \
	X(SWAP_MAX, "memory_swap_max_bytes", "bytes", GAUGE, 0, "Swap allowed")                   \
	X(SWAP_EVENTS, "memory_swap_events", "", COUNTER, 0, "Limits of swap reached")            \
	X(ZSWAP, "memory_zswap_current_bytes", "bytes", GAUGE, 0, "Compressed swap in memory")    \
	X(ZSWAP_MAX, "memory_zswap_max_bytes", "bytes", GAUGE, 0, "Compressed swap allowed")      \
	X(NUMA_STAT, "memory_numa_stat_bytes", "bytes", GAUGE, 0, "Memory by kind and node")      \
	X(NUMA_COUNT, "memory_numa_stat_events", "", COUNTER, 0, "Events by node")                \
	X(IO_BYTES, "io_bytes", "bytes", COUNTER, 0, "Bytes moved by a device")                   \
	X(IO_OPS, "io_operations", "", COUNTER, 0, "Requests to a device")                        \
	X(IO_COST, "io_cost_usage_seconds", "seconds", COUNTER, 6, "Device time used (iocost)")   \
	X(IO_WAIT, "io_cost_wait_seconds", "seconds", COUNTER, 6, "Time held back (iocost)")      \
	X(IO_INDEBT, "io_cost_indebt_seconds", "seconds", COUNTER, 6, "Time in debt (iocost)")    \
	X(IO_INDELAY, "io_cost_indelay_seconds", "seconds", COUNTER, 6, "Time delayed (iocost)")  \
	X(IO_VRATE, "io_cost_vrate_ratio", "ratio", GAUGE, 2, "Speed of the device's clock (iocost)") \
	X(IO_MAX_BYTES, "io_max_bytes_per_second", "bytes_per_second", GAUGE, 0, "Speed allowed") \
	X(IO_MAX_OPS, "io_max_operations_per_second", "operations_per_second", GAUGE, 0,          \
	  "Requests allowed")                                                                     \
	X(PRESSURE, "pressure_ratio", "ratio", GAUGE, 2, "Share of the time that tasks stalled")  \
	X(STALLED, "pressure_stalled_seconds", "seconds", COUNTER, 6, "Time that tasks stalled")  \
	X(HUGE, "hugetlb_current_bytes", "bytes", GAUGE, 0, "Huge pages in use")                  \
	X(HUGE_MAX, "hugetlb_max_bytes", "bytes", GAUGE, 0, "Huge pages allowed")                 \
	X(HUGE_RSVD, "hugetlb_rsvd_current_bytes", "bytes", GAUGE, 0, "Huge pages reserved")      \
	X(HUGE_RSVD_MAX, "hugetlb_rsvd_max_bytes", "bytes", GAUGE, 0, "Reservation allowed")      \
	X(HUGE_EVENTS, "hugetlb_events", "", COUNTER, 0, "Huge pages refused, here or below")     \
	X(HUGE_LOCAL, "hugetlb_events_local", "", COUNTER, 0, "Huge pages refused by the group")  \
	X(HUGE_NUMA, "hugetlb_numa_stat_bytes", "bytes", GAUGE, 0, "Huge pages by node")          \
	X(RDMA, "rdma_current", "", GAUGE, 0, "Objects of an RDMA device in use")                 \
	X(RDMA_MAX, "rdma_max", "", GAUGE, 0, "Objects of an RDMA device allowed")                \
	X(MISC, "misc_current", "", GAUGE, 0, "Of a scarce resource in use")                      \
	X(MISC_PEAK, "misc_peak", "", GAUGE, 0, "Most of a scarce resource at a time")            \
	X(MISC_MAX, "misc_max", "", GAUGE, 0, "Of a scarce resource allowed")                     \
	X(MISC_CAPACITY, "misc_capacity", "", GAUGE, 0, "Of a scarce resource on this machine")   \
	X(MISC_EVENTS, "misc_events", "", COUNTER, 0, "Scarce resources refused, here or below")  \
	X(MISC_LOCAL, "misc_events_local", "", COUNTER, 0, "Scarce resources refused by the group") \
	X(DMEM, "dmem_current_bytes", "bytes", GAUGE, 0, "Device memory in use")                  \
	X(DMEM_MIN, "dmem_min_bytes", "bytes", GAUGE, 0, "Device memory never taken away")        \
	X(DMEM_LOW, "dmem_low_bytes", "bytes", GAUGE, 0, "Device memory taken away as the last")  \
	X(DMEM_MAX, "dmem_max_bytes", "bytes", GAUGE, 0, "Device memory allowed")                 \
	X(DMEM_CAPACITY, "dmem_capacity_bytes", "bytes", GAUGE, 0, "Device memory there is")      \
	X(POLICY, "device_policy_entries", "", GAUGE, 0, "Entries of the cgward device policy")   \
	X(POLICY_BYTES, "device_policy_bytes", "bytes", GAUGE, 0, "Size of its table in the kernel")

#define FAMILY_ID(id, name, unit, type, digits, help) FAMILY_##id,
#define FAMILY_ROW(id, name, unit, type, digits, help) \
	{ "cgroup_" name, unit, help, CGW_METRIC_##type, digits },

enum { FAMILIES(FAMILY_ID) N_FAMILIES, FAMILY_NONE = N_FAMILIES };

static const struct cgw_family families[] = { FAMILIES(FAMILY_ROW) };

#define KEYS static const struct cgw__key_def
#define VALUE(id) ((const struct cgw__key_def[]){ { NULL, FAMILY_##id } })

KEYS group_stat[] = {
	{ "nr_descendants", FAMILY_DESCENDANTS },
	{ "nr_dying_descendants", FAMILY_DYING },
	{ "nr_subsys_*", FAMILY_SUBSYS, 10, "controller" },
	{ "nr_dying_subsys_*", FAMILY_DYING_SUBSYS, 16, "controller" },
};

KEYS group_stat_local[] = { { "frozen_usec", FAMILY_FROZEN_TIME } };

KEYS group_events[] = {
	{ "populated", FAMILY_POPULATED },
	{ "frozen", FAMILY_FROZEN },
};

KEYS cpu_stat[] = {
	{ "usage_usec", FAMILY_CPU_USAGE },
	{ "user_usec", FAMILY_CPU_USER },
	{ "system_usec", FAMILY_CPU_SYSTEM },
	{ "nice_usec", FAMILY_CPU_NICE },
	{ "core_sched.force_idle_usec", FAMILY_CPU_IDLE },
	{ "nr_periods", FAMILY_CPU_PERIODS },
	{ "nr_throttled", FAMILY_CPU_THROTTLED },
	{ "throttled_usec", FAMILY_CPU_THROTTLED_TIME },
	{ "nr_bursts", FAMILY_CPU_BURSTS },
	{ "burst_usec", FAMILY_CPU_BURST_TIME },
};

KEYS cpu_stat_local[] = { { "throttled_usec", FAMILY_CPU_LOCAL_TIME } };

KEYS cpu_max[] = {
	{ "quota", FAMILY_CPU_QUOTA },
	{ "period", FAMILY_CPU_PERIOD },
};

/* What memory is used for, then everything that is counted. */
#define MEMORY_KEYS(bytes, count)                                                              \
	{ "anon", bytes, 0, "type" }, { "file", bytes, 0, "type" },                            \
	{ "kernel", bytes, 0, "type" }, { "kernel_stack", bytes, 0, "type" },                  \
	{ "pagetables", bytes, 0, "type" }, { "sec_pagetables", bytes, 0, "type" },            \
	{ "percpu", bytes, 0, "type" }, { "sock", bytes, 0, "type" },                          \
	{ "vmalloc", bytes, 0, "type" }, { "shmem", bytes, 0, "type" },                        \
	{ "zswap", bytes, 0, "type" }, { "zswapped", bytes, 0, "type" },                       \
	{ "file_mapped", bytes, 0, "type" }, { "file_dirty", bytes, 0, "type" },               \
	{ "file_writeback", bytes, 0, "type" }, { "swapcached", bytes, 0, "type" },            \
	{ "anon_thp", bytes, 0, "type" }, { "file_thp", bytes, 0, "type" },                    \
	{ "shmem_thp", bytes, 0, "type" }, { "hugetlb", bytes, 0, "type" },                    \
	{ "inactive_anon", bytes, 0, "type" }, { "active_anon", bytes, 0, "type" },            \
	{ "inactive_file", bytes, 0, "type" }, { "active_file", bytes, 0, "type" },            \
	{ "unevictable", bytes, 0, "type" }, { "slab_reclaimable", bytes, 0, "type" },         \
	{ "slab_unreclaimable", bytes, 0, "type" }, { "slab", bytes, 0, "type" },              \
	{ "workingset_*", count, 0, "event" }, { "pg*", count, 0, "event" },                   \
	{ "pswp*", count, 0, "event" }, { "swp*", count, 0, "event" },                         \
	{ "zswp*", count, 0, "event" }, { "thp_*", count, 0, "event" },                        \
	{ "numa_*", count, 0, "event" }

KEYS memory_stat[] = { MEMORY_KEYS(FAMILY_MEMORY_STAT, FAMILY_MEMORY_COUNT) };
KEYS memory_numa_stat[] = { MEMORY_KEYS(FAMILY_NUMA_STAT, FAMILY_NUMA_COUNT) };

KEYS io_stat[] = {
	{ "rbytes", FAMILY_IO_BYTES, 0, "op", "read" },
	{ "wbytes", FAMILY_IO_BYTES, 0, "op", "write" },
	{ "dbytes", FAMILY_IO_BYTES, 0, "op", "discard" },
	{ "rios", FAMILY_IO_OPS, 0, "op", "read" },
	{ "wios", FAMILY_IO_OPS, 0, "op", "write" },
	{ "dios", FAMILY_IO_OPS, 0, "op", "discard" },
	{ "cost.usage", FAMILY_IO_COST },
	{ "cost.wait", FAMILY_IO_WAIT },
	{ "cost.indebt", FAMILY_IO_INDEBT },
	{ "cost.indelay", FAMILY_IO_INDELAY },
	{ "cost.vrate", FAMILY_IO_VRATE },
};

KEYS io_max[] = {
	{ "rbps", FAMILY_IO_MAX_BYTES, 0, "op", "read" },
	{ "wbps", FAMILY_IO_MAX_BYTES, 0, "op", "write" },
	{ "riops", FAMILY_IO_MAX_OPS, 0, "op", "read" },
	{ "wiops", FAMILY_IO_MAX_OPS, 0, "op", "write" },
};

KEYS pressure[] = {
	{ "avg10", FAMILY_PRESSURE, 0, "window", "10s" },
	{ "avg60", FAMILY_PRESSURE, 0, "window", "60s" },
	{ "avg300", FAMILY_PRESSURE, 0, "window", "300s" },
	{ "total", FAMILY_STALLED },
};

/* The total would be counted twice, beside its nodes. */
KEYS hugetlb_numa_stat[] = {
	{ "total", FAMILY_NONE },
	{ "N*", FAMILY_HUGE_NUMA, 1, "node" },
};

KEYS policy[] = {
	{ "entries", FAMILY_POLICY },
	{ "class_bytes", FAMILY_POLICY_BYTES },
};

#define EACH(id, label) ((const struct cgw__key_def[]){ { "*", FAMILY_##id, 0, label } })
#define IN_GROUP NULL, CGW_STAT_CGROUP
#define IN_PIDS "pids", CGW_STAT_PIDS
#define IN_CPU "cpu", CGW_STAT_CPU
#define IN_MEMORY "memory", CGW_STAT_MEMORY
#define IN_IO "io", CGW_STAT_IO
#define IN_PSI NULL, CGW_STAT_PSI
#define IN_HUGETLB "hugetlb", CGW_STAT_HUGETLB
#define IN_RDMA "rdma", CGW_STAT_RDMA
#define IN_MISC "misc", CGW_STAT_MISC
#define IN_DMEM "dmem", CGW_STAT_DMEM
#define ONE(id) CGW_FORM_VALUE, VALUE(id), 1
#define ALL(form, keys) CGW_FORM_##form, keys, ARRAY_SIZE(keys)
#define ANY(form, id, label) CGW_FORM_##form, EACH(id, label), 1

const struct cgw__file_def cgw__files[] = {
	{ "cgroup.stat", IN_GROUP, ALL(FLAT, group_stat) },
	{ "cgroup.stat.local", IN_GROUP, ALL(FLAT, group_stat_local) },
	{ "cgroup.events", IN_GROUP, ALL(FLAT, group_events) },
	{ "cgroup.max.depth", IN_GROUP, ONE(MAX_DEPTH) },
	{ "cgroup.max.descendants", IN_GROUP, ONE(MAX_DESCENDANTS) },
	{ "pids.current", IN_PIDS, ONE(PIDS) },
	{ "pids.peak", IN_PIDS, ONE(PIDS_PEAK) },
	{ "pids.max", IN_PIDS, ONE(PIDS_MAX) },
	{ "pids.events", IN_PIDS, ANY(FLAT, PIDS_EVENTS, "event") },
	{ "pids.events.local", IN_PIDS, ANY(FLAT, PIDS_LOCAL, "event") },
	{ "cpu.stat", NULL, CGW_STAT_CPU, ALL(FLAT, cpu_stat) },
	{ "cpu.stat.local", NULL, CGW_STAT_CPU, ALL(FLAT, cpu_stat_local) },
	{ "cpu.weight", IN_CPU, ONE(CPU_WEIGHT) },
	{ "cpu.max", IN_CPU, ALL(WORDS, cpu_max) },
	{ "cpu.max.burst", IN_CPU, ONE(CPU_MAX_BURST) },
	{ "cpu.pressure", IN_PSI, ALL(NESTED, pressure), CGW_FILE_RESOURCE, "scope" },
	{ "memory.current", IN_MEMORY, ONE(MEMORY) },
	{ "memory.peak", IN_MEMORY, ONE(MEMORY_PEAK) },
	{ "memory.min", IN_MEMORY, ONE(MEMORY_MIN) },
	{ "memory.low", IN_MEMORY, ONE(MEMORY_LOW) },
	{ "memory.high", IN_MEMORY, ONE(MEMORY_HIGH) },
	{ "memory.max", IN_MEMORY, ONE(MEMORY_MAX) },
	{ "memory.stat", IN_MEMORY, ALL(FLAT, memory_stat) },
	{ "memory.events", IN_MEMORY, ANY(FLAT, MEMORY_EVENTS, "event") },
	{ "memory.events.local", IN_MEMORY, ANY(FLAT, MEMORY_LOCAL, "event") },
	{ "memory.swap.current", IN_MEMORY, ONE(SWAP) },
	{ "memory.swap.peak", IN_MEMORY, ONE(SWAP_PEAK) },
	{ "memory.swap.high", IN_MEMORY, ONE(SWAP_HIGH) },
	{ "memory.swap.max", IN_MEMORY, ONE(SWAP_MAX) },
	{ "memory.swap.events", IN_MEMORY, ANY(FLAT, SWAP_EVENTS, "event") },
	{ "memory.zswap.current", IN_MEMORY, ONE(ZSWAP) },
	{ "memory.zswap.max", IN_MEMORY, ONE(ZSWAP_MAX) },
	{ "memory.numa_stat", "memory", CGW_STAT_NUMA, ALL(NESTED, memory_numa_stat), CGW_FILE_BY_NAME },
	{ "memory.pressure", IN_PSI, ALL(NESTED, pressure), CGW_FILE_RESOURCE, "scope" },
	{ "io.stat", IN_IO, ALL(NESTED, io_stat), 0, "device" },
	{ "io.max", IN_IO, ALL(NESTED, io_max), 0, "device" },
	{ "io.pressure", IN_PSI, ALL(NESTED, pressure), CGW_FILE_RESOURCE, "scope" },
	{ "irq.pressure", IN_PSI, ALL(NESTED, pressure), CGW_FILE_RESOURCE, "scope" },
	{ "rdma.current", IN_RDMA, ANY(NESTED, RDMA, "resource"), 0, "device" },
	{ "rdma.max", IN_RDMA, ANY(NESTED, RDMA_MAX, "resource"), 0, "device" },
	{ "misc.current", IN_MISC, ANY(FLAT, MISC, "resource") },
	{ "misc.peak", IN_MISC, ANY(FLAT, MISC_PEAK, "resource") },
	{ "misc.max", IN_MISC, ANY(FLAT, MISC_MAX, "resource") },
	{ "misc.capacity", IN_MISC, ANY(FLAT, MISC_CAPACITY, "resource") },
	{ "misc.events", IN_MISC, ANY(FLAT, MISC_EVENTS, NULL), CGW_FILE_SPLIT },
	{ "misc.events.local", IN_MISC, ANY(FLAT, MISC_LOCAL, NULL), CGW_FILE_SPLIT },
	{ "dmem.current", IN_DMEM, ANY(FLAT, DMEM, "region") },
	{ "dmem.min", IN_DMEM, ANY(FLAT, DMEM_MIN, "region") },
	{ "dmem.low", IN_DMEM, ANY(FLAT, DMEM_LOW, "region") },
	{ "dmem.max", IN_DMEM, ANY(FLAT, DMEM_MAX, "region") },
	{ "dmem.capacity", IN_DMEM, ANY(FLAT, DMEM_CAPACITY, "region") },
	{ "hugetlb.*.current", IN_HUGETLB, ONE(HUGE) },
	{ "hugetlb.*.max", IN_HUGETLB, ONE(HUGE_MAX) },
	{ "hugetlb.*.rsvd.current", IN_HUGETLB, ONE(HUGE_RSVD) },
	{ "hugetlb.*.rsvd.max", IN_HUGETLB, ONE(HUGE_RSVD_MAX) },
	{ "hugetlb.*.events", IN_HUGETLB, ANY(FLAT, HUGE_EVENTS, "event") },
	{ "hugetlb.*.events.local", IN_HUGETLB, ANY(FLAT, HUGE_LOCAL, "event") },
	{ "hugetlb.*.numa_stat", IN_HUGETLB, ALL(PAIRS, hugetlb_numa_stat) },
	{ "devices", NULL, CGW_STAT_DEVICES, ALL(POLICY, policy) },
};

const size_t cgw__n_files = ARRAY_SIZE(cgw__files);

/* "2MB": a component that '*' stands for. */
static bool is_size(const char *s, size_t len)
{
	size_t digits = strspn(s, "0123456789");

	return digits && digits + 2 == len && strchr("KMGT", s[digits]) && s[digits + 1] == 'B';
}

/*
 * Compare the name of a file with a text, component by component. ret_rest: what the text
 * has beyond the name.
 */
enum cgw__agreement cgw__compare_names(const char *pattern, const char *text, const char **ret_rest)
{
	for (;;) {
		size_t n = strcspn(pattern, "."), m = strcspn(text, ".");

		if (pattern[0] == '*' ? !is_size(text, m) : n != m || memcmp(pattern, text, n) != 0)
			return CGW_APART;
		if (!text[m])
			return pattern[n] ? CGW_ABOVE : CGW_SAME;
		text += m + 1;
		if (!pattern[n]) {
			*ret_rest = text;
			return CGW_BELOW;
		}
		pattern += n + 1;
	}
}

/* What is known of a key; NULL for one of a newer kernel. */
const struct cgw__key_def *cgw__find_key(const struct cgw__file_def *file, const char *key)
{
	for (unsigned int i = 0; i < file->n_keys; i++) {
		const struct cgw__key_def *def = &file->keys[i];
		size_t n;

		if (!def->key || !key) {
			if (def->key == key)
				return def;
			continue;
		}
		n = strlen(def->key);
		if (!strcmp(def->key, key) || (def->key[n - 1] == '*' && !strncmp(def->key, key, n - 1)))
			return def;
	}
	return NULL;
}

const struct cgw_family *cgw_family_at(size_t i)
{
	return i < N_FAMILIES ? &families[i] : NULL;
}

static size_t add_label(struct cgw_label *labels, size_t n, const char *name, const char *value,
			size_t len)
{
	labels[n] = (struct cgw_label){ name, value, len };
	return n + 1;
}

/* The labels of what has a name of its own: which of its kind it is. */
static size_t known_labels(const struct cgw__metric *metric, struct cgw_label *labels)
{
	const struct cgw__file_def *file = metric->file;
	const struct cgw_metric *m = &metric->m;
	const char *subject = file->flags & CGW_FILE_BY_NAME ? m->name : m->key, *value;
	size_t n = 0;

	if (file->flags & CGW_FILE_RESOURCE)
		n = add_label(labels, n, "resource", m->file, strcspn(m->file, "."));
	if (file->mask == CGW_STAT_HUGETLB) {
		value = m->file + strlen("hugetlb.");
		n = add_label(labels, n, "size", value, strcspn(value, "."));
	}
	if (file->name_label && m->name)
		n = add_label(labels, n, file->name_label, m->name, strlen(m->name));
	if (file->flags & CGW_FILE_SPLIT) {
		value = strrchr(m->key, '.');
		n = add_label(labels, n, "resource", m->key,
			      value ? (size_t)(value - m->key) : strlen(m->key));
		n = add_label(labels, n, "event", value ? value + 1 : "", value ? strlen(value + 1) : 0);
	}
	if (metric->def->label) {
		value = metric->def->value ? metric->def->value : subject + metric->def->skip;
		n = add_label(labels, n, metric->def->label, value, strlen(value));
	}
	if (file->flags & CGW_FILE_BY_NAME)
		n = add_label(labels, n, "node", m->key + (m->key[0] == 'N'),
			      strlen(m->key + (m->key[0] == 'N')));
	return n;
}

size_t cgw_metric_labels(const struct cgw_metric *m, struct cgw_label labels[CGW_METRIC_LABELS])
{
	const struct cgw__metric *metric = (const struct cgw__metric *)m;
	size_t n = 0;

	if (metric->def) {
		n = known_labels(metric, labels);
	} else {
		n = add_label(labels, n, "file", m->file, strlen(m->file));
		if (m->name)
			n = add_label(labels, n, "name", m->name, strlen(m->name));
		if (m->key)
			n = add_label(labels, n, "key", m->key, strlen(m->key));
	}
	if (m->source)
		n = add_label(labels, n, "source", m->source, strlen(m->source));
	return n;
}

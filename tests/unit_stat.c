// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Statistics: every file there is, what is missing, what is wrong, the root group, OpenMetrics. */
#include <sys/stat.h>

#include "cgtest.h"
#include "stat.h"

/* of tests/data/stat/cgroup/web */
#define METRICS 290

/* A metric by its name as "FILE[.NAME][.KEY]", or NULL. */
static const struct cgw_metric *find(const struct cgw_stat *stat, const char *name)
{
	const struct cgw_metric *m;

	for (size_t i = 0; (m = cgw_stat_at(stat, i)); i++) {
		char text[256];

		snprintf(text, sizeof(text), "%s%s%s%s%s", m->file, m->name ? "." : "",
			 m->name ? m->name : "", m->key ? "." : "", m->key ? m->key : "");
		if (!strcmp(text, name))
			return m;
	}
	return NULL;
}

static const struct {
	const char *name;
	uint64_t value;
	unsigned int decimals;
	bool is_max;
	const char *sample; /* in OpenMetrics, labels after cgroup */
} expected[] = {
	{ "cgroup.stat.nr_descendants", 0, 0, false, "cgroup_descendants" },
	{ "cgroup.stat.nr_subsys_memory", 1, 0, false, "cgroup_subsys controller=memory" },
	{ "cgroup.stat.nr_dying_subsys_io", 0, 0, false, "cgroup_dying_subsys controller=io" },
	{ "cgroup.stat.local.frozen_usec", 1500000, 0, false, "cgroup_frozen_seconds" },
	{ "cgroup.events.populated", 1, 0, false, "cgroup_populated" },
	{ "cgroup.max.depth", UINT64_MAX, 0, true, "cgroup_max_depth" },
	{ "cgroup.max.descendants", 100, 0, false, "cgroup_max_descendants" },
	{ "pids.current", 4, 0, false, "cgroup_pids_current" },
	{ "pids.peak", 9, 0, false, "cgroup_pids_peak" },
	{ "pids.max", 512, 0, false, "cgroup_pids_max" },
	{ "pids.events.max", 2, 0, false, "cgroup_pids_events event=max" },
	{ "pids.events.local.max", 1, 0, false, "cgroup_pids_events_local event=max" },
	{ "cpu.stat.usage_usec", 655046, 0, false, "cgroup_cpu_usage_seconds" },
	{ "cpu.stat.core_sched.force_idle_usec", 9, 0, false,
	  "cgroup_cpu_core_sched_force_idle_seconds" },
	{ "cpu.stat.burst_usec", 1000, 0, false, "cgroup_cpu_burst_seconds" },
	{ "cpu.stat.local.throttled_usec", 110000, 0, false, "cgroup_cpu_local_throttled_seconds" },
	{ "cpu.weight", 100, 0, false, "cgroup_cpu_weight" },
	{ "cpu.max.quota", 50000, 0, false, "cgroup_cpu_max_quota_seconds" },
	{ "cpu.max.period", 100000, 0, false, "cgroup_cpu_max_period_seconds" },
	{ "cpu.max.burst", 1000, 0, false, "cgroup_cpu_max_burst_seconds" },
	{ "cpu.pressure.some.avg10", 123, 2, false,
	  "cgroup_pressure_ratio resource=cpu scope=some window=10s" },
	{ "cpu.pressure.full.total", 5611, 0, false,
	  "cgroup_pressure_stalled_seconds resource=cpu scope=full" },
	{ "irq.pressure.full.avg10", 1, 2, false,
	  "cgroup_pressure_ratio resource=irq scope=full window=10s" },
	{ "memory.current", 21393408, 0, false, "cgroup_memory_current_bytes" },
	{ "memory.peak", 22282240, 0, false, "cgroup_memory_peak_bytes" },
	{ "memory.max", 209715200, 0, false, "cgroup_memory_max_bytes" },
	{ "memory.stat.anon", 17825792, 0, false, "cgroup_memory_stat_bytes type=anon" },
	{ "memory.stat.pgfault", 4304, 0, false, "cgroup_memory_stat_events event=pgfault" },
	{ "memory.stat.zswpwb", 3, 0, false, "cgroup_memory_stat_events event=zswpwb" },
	{ "memory.events.oom_kill", 1, 0, false, "cgroup_memory_events event=oom_kill" },
	{ "memory.events.local.high", 21, 0, false, "cgroup_memory_events_local event=high" },
	{ "memory.swap.current", 8192, 0, false, "cgroup_memory_swap_current_bytes" },
	{ "memory.swap.peak", 16384, 0, false, "cgroup_memory_swap_peak_bytes" },
	{ "memory.swap.high", UINT64_MAX, 0, true, "cgroup_memory_swap_high_bytes" },
	{ "memory.swap.events.fail", 6, 0, false, "cgroup_memory_swap_events event=fail" },
	{ "memory.zswap.current", 4096, 0, false, "cgroup_memory_zswap_current_bytes" },
	{ "memory.numa_stat.file.N1", 10485760, 0, false,
	  "cgroup_memory_numa_stat_bytes type=file node=1" },
	{ "memory.numa_stat.workingset_refault_anon.N0", 0, 0, false,
	  "cgroup_memory_numa_stat_events event=workingset_refault_anon node=0" },
	{ "io.stat.8:0.rbytes", 2285568, 0, false, "cgroup_io_bytes device=8:0 op=read" },
	{ "io.stat.259:0.dios", 6, 0, false, "cgroup_io_operations device=259:0 op=discard" },
	{ "io.stat.259:0.cost.usage", 1532009, 0, false, "cgroup_io_cost_usage_seconds device=259:0" },
	{ "io.stat.259:0.cost.indelay", 12, 0, false, "cgroup_io_cost_indelay_seconds device=259:0" },
	{ "io.stat.259:0.cost.vrate", 10025, 2, false, "cgroup_io_cost_vrate_ratio device=259:0" },
	{ "io.max.8:0.wbps", UINT64_MAX, 0, true,
	  "cgroup_io_max_bytes_per_second device=8:0 op=write" },
	{ "hugetlb.2MB.current", 4194304, 0, false, "cgroup_hugetlb_current_bytes size=2MB" },
	{ "hugetlb.1GB.max", UINT64_MAX, 0, true, "cgroup_hugetlb_max_bytes size=1GB" },
	{ "hugetlb.2MB.rsvd.current", 2097152, 0, false, "cgroup_hugetlb_rsvd_current_bytes size=2MB" },
	{ "hugetlb.2MB.rsvd.max", UINT64_MAX, 0, true, "cgroup_hugetlb_rsvd_max_bytes size=2MB" },
	{ "hugetlb.2MB.events.max", 7, 0, false, "cgroup_hugetlb_events size=2MB event=max" },
	{ "hugetlb.2MB.events.local.max", 6, 0, false, "cgroup_hugetlb_events_local size=2MB event=max" },
	{ "hugetlb.2MB.numa_stat.total", 4194304, 0, false, NULL },
	{ "hugetlb.2MB.numa_stat.N1", 2097152, 0, false, "cgroup_hugetlb_numa_stat_bytes size=2MB node=1" },
	{ "rdma.current.ocrdma1.hca_object", 10, 0, false,
	  "cgroup_rdma_current device=ocrdma1 resource=hca_object" },
	{ "rdma.max.ocrdma1.hca_object", UINT64_MAX, 0, true,
	  "cgroup_rdma_max device=ocrdma1 resource=hca_object" },
	{ "misc.peak.sev", 5, 0, false, "cgroup_misc_peak resource=sev" },
	{ "misc.max.sev_es", UINT64_MAX, 0, true, "cgroup_misc_max resource=sev_es" },
	{ "misc.events.sev.max", 2, 0, false, "cgroup_misc_events resource=sev event=max" },
	{ "dmem.current.drm/0000:03:00.0/vram0", 12345, 0, false,
	  "cgroup_dmem_current_bytes region=drm/0000:03:00.0/vram0" },
};

/* "FAMILY LABEL=VALUE..." */
static const char *sample_of(const struct cgw_metric *m, char *buf, size_t size)
{
	const struct cgw_family *family = cgw_family_at(m->family);
	struct cgw_label labels[CGW_METRIC_LABELS];
	size_t n = cgw_metric_labels(m, labels), len;

	if (!family)
		return NULL;
	len = (size_t)snprintf(buf, size, "%s", family->name);
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(buf + len, size - len, " %s=%.*s", labels[i].name,
					(int)labels[i].len, labels[i].value);
	return buf;
}

static int every_metric_of_a_full_group_is_read(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("stat"));
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_ALL);

	CHECK_INT(cgw_group_stat(g, stat), 0);
	CHECK_INT(cgw_stat_count(stat), METRICS);
	for (size_t i = 0; i < METRICS; i++)
		if (cgw_stat_at(stat, i)->family == 0)
			FAIL("%s %s is not known", cgw_stat_at(stat, i)->file, cgw_stat_at(stat, i)->key);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct cgw_metric *m = find(stat, expected[i].name);
		const char *sample;
		char buf[256];

		if (!m)
			FAIL("%s is missing", expected[i].name);
		if (m->value != expected[i].value || m->decimals != expected[i].decimals ||
		    m->is_max != expected[i].is_max || m->source)
			FAIL("%s is %llu with %u decimals%s", expected[i].name,
			     (unsigned long long)m->value, m->decimals, m->is_max ? ", max" : "");
		sample = sample_of(m, buf, sizeof(buf));
		if (!expected[i].sample)
			CHECK(!sample);
		else
			CHECK_STR(sample, expected[i].sample);
	}
	return TAP_PASS;
}

static int metrics_are_looked_up(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("stat"));
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_DEFAULT);
	uint64_t value = 7;

	CHECK_INT(cgw_stat_get(stat, "memory.current", NULL, NULL, &value), -ENOENT);
	CHECK_INT(cgw_group_stat(g, stat), 0);
	CHECK_INT(cgw_stat_get(stat, "memory.stat", NULL, "nothing", &value), -ENOENT);
	CHECK_INT(value, 7);
	CHECK_INT(cgw_stat_get(stat, "memory.current", NULL, NULL, &value), 0);
	CHECK_INT(value, 21393408);
	CHECK_INT(cgw_stat_get(stat, "io.stat", "8:0", "rios", &value), 0);
	CHECK_INT(value, 107);
	CHECK_INT(cgw_stat_get(stat, "memory.swap.high", NULL, NULL, &value), 1);
	CHECK(value == UINT64_MAX);
	CHECK(!cgw_stat_at(stat, cgw_stat_count(stat)));
	return TAP_PASS;
}

static int missing_files_have_no_metrics(void)
{
	static const char *const have[] = { "cgroup.stat.nr_descendants", "cpu.stat.usage_usec" };
	static const char *const lack[] = { "memory.current", "pids.current", "cpu.weight",
					    "cpu.pressure.some.total", "hugetlb.2MB.current" };
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("stat"));
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/bare"), *web = cgtest_open(c, "/web");
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_ALL);

	for (int round = 0; round < 3; round++) {
		CHECK_INT(cgw_group_stat(g, stat), 0);
		for (size_t i = 0; i < ARRAY_SIZE(have); i++)
			CHECK(find(stat, have[i]));
		for (size_t i = 0; i < ARRAY_SIZE(lack); i++)
			CHECK(!find(stat, lack[i]));
		/* What a poor group lacks is read of the next one all the same. */
		CHECK_INT(cgw_group_stat(web, stat), 0);
		CHECK_INT(cgw_stat_count(stat), METRICS);
	}
	return TAP_PASS;
}

static void remove_file(const char *dir, const char *file)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/cgroup/%s", dir, file);
	if (unlink(path) < 0)
		cgtest_bail("%s", path);
}

static int files_an_older_kernel_lacks_are_left_out(void)
{
	static const char *const files[] = { "memory.peak", "pids.peak", "cgroup.stat.local",
					     "irq.pressure", "memory.zswap.current" };
	_cleanup_tmp_ char *dir = cgtest_copy("stat");
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_ALL);
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "web/%s", files[i]);
		remove_file(dir, path);
	}
	for (int round = 0; round < 3; round++) {
		CHECK_INT(cgw_group_stat(g, stat), 0);
		CHECK_INT(cgw_stat_count(stat), METRICS - 4 - 4);
		CHECK(find(stat, "memory.current") && find(stat, "cpu.pressure.some.avg10"));
	}
	return TAP_PASS;
}

static int pressure_that_one_group_hides_is_read_of_others(void)
{
	static const char *const files[] = { "cpu.pressure", "memory.pressure", "io.pressure",
					     "irq.pressure" };
	_cleanup_tmp_ char *dir = cgtest_copy("stat");
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_ALL);
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "web/%s", files[i]);
		remove_file(dir, path);
	}
	CHECK_INT(cgw_group_stat(g, stat), 0);
	CHECK(!find(stat, "cpu.pressure.some.avg10"));
	cgtest_spit("some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n", "%s/cgroup/web/cpu.pressure", dir);
	CHECK_INT(cgw_group_stat(g, stat), 0);
	CHECK(find(stat, "cpu.pressure.some.total"));
	return TAP_PASS;
}

static int wrong_content_is_an_error_that_names_it(void)
{
	static const struct {
		const char *file;
		const char *content;
		int want;
		const char *message;
	} cases[] = {
		{ "memory.current", "12x\n", -EINVAL, "cannot read memory.current of '/web': '12x' is no number" },
		{ "memory.current", "-1\n", -EINVAL, "'-1' is no number" },
		{ "memory.current", "1 2\n", -EINVAL, "'1 2' is no number" },
		{ "memory.current", "1.\n", -EINVAL, "'1.' is no number" },
		{ "memory.current", ".5\n", -EINVAL, "'.5' is no number" },
		{ "memory.current", "1.2.3\n", -EINVAL, "'1.2.3' is no number" },
		{ "memory.current", "maximum\n", -EINVAL, "'maximum' is no number" },
		{ "memory.current", "18446744073709551616\n", -ERANGE, "does not fit in 64 bits" },
		{ "memory.stat", "anon 1\nfile\n", -EINVAL, "cannot read memory.stat of '/web': 'file' is no number" },
		{ "memory.stat", "anon \n", -EINVAL, "anon: '' is no number" },
		{ "memory.stat", "anon 1 2\n", -EINVAL, "anon: '1 2' is no number" },
		{ "memory.stat", "anon 99999999999999999999\n", -ERANGE,
		  "anon: '99999999999999999999' does not fit in 64 bits" },
		{ "memory.stat", "strange 99999999999999999999\n", -ERANGE, "strange: " },
		{ "io.stat", "8:0 rbytes=x\n", -EINVAL, "cannot read io.stat of '/web': 8:0 rbytes: 'x' is no number" },
		{ "io.stat", "8:0 rbytes=\n", -EINVAL, "8:0 rbytes: '' is no number" },
		{ "io.stat", "8:0 =1\n", -EINVAL, "8:0 '=1' is no number" },
		{ "io.stat", "rbytes=1\n", -EINVAL, "'rbytes=1' is no number" },
		{ "cpu.pressure", "some avg10=high\n", -EINVAL, "some avg10: 'high' is no number" },
		{ "cpu.max", "soon 100000\n", -EINVAL, "quota: 'soon' is no number" },
		{ "memory.numa_stat", "anon N0=-1\n", -EINVAL, "anon N0: '-1' is no number" },
		{ "rdma.current", "mlx4_0 hca_handle=few\n", -EINVAL, "mlx4_0 hca_handle: 'few' is no number" },
		{ "hugetlb.2MB.numa_stat", "total\n", -EINVAL, "'total' is no number" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tmp_ char *dir = cgtest_copy("stat");
		_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
		_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
		_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_ALL);

		cgtest_spit(cases[i].content, "%s/cgroup/web/%s", dir, cases[i].file);
		if (cgw_group_stat(g, stat) != cases[i].want)
			FAIL("%s with '%s': another result than %d", cases[i].file, cases[i].content,
			     cases[i].want);
		CHECK_HAS(cgw_strerror(c), cases[i].message);
		CHECK(!cgw_error_is_input(c));
		CHECK_INT(cgw_stat_count(stat), 0);
	}
	return TAP_PASS;
}

static int unusual_content_is_understood(void)
{
	static const struct {
		const char *file;
		const char *content;
		const char *metric; /* "-NAME": there must be none */
		uint64_t value;
		unsigned int decimals;
	} cases[] = {
		{ "memory.current", "18446744073709551615\n", "memory.current", UINT64_MAX, 0 },
		{ "memory.current", "007", "memory.current", 7, 0 },
		{ "memory.current", "", "-memory.current", 0, 0 },
		{ "memory.stat", "new_in_7 5\nanon 6\n", "memory.stat.new_in_7", 5, 0 },
		{ "memory.stat", "new_in_7 some words\nanon 6\n", "memory.stat.anon", 6, 0 },
		{ "memory.stat", "new_in_7 words\nanon 6\n", "-memory.stat.new_in_7", 0, 0 },
		{ "memory.stat", "\nanon 6\n\n", "memory.stat.anon", 6, 0 },
		{ "memory.numa_stat", "new N0=5\n", "memory.numa_stat.new.N0", 5, 0 },
		{ "io.stat", "", "-io.stat.8:0.rbytes", 0, 0 },
		{ "io.stat", "8:0\n", "-io.stat.8:0.rbytes", 0, 0 },
		{ "io.stat", "7:1 7:0 8:0 rbytes=5\n", "io.stat.8:0.rbytes", 5, 0 },
		{ "io.stat", "8:0 rbytes=5 use_delay=max\n", "io.stat.8:0.use_delay", UINT64_MAX, 0 },
		{ "io.stat", "8:0 rbytes=5 mood=good wbytes=6\n", "io.stat.8:0.wbytes", 6, 0 },
		{ "cpu.pressure", "some avg10=100.00\n", "cpu.pressure.some.avg10", 10000, 2 },
		{ "cpu.pressure", "some avg10=0.5\n", "cpu.pressure.some.avg10", 5, 1 },
		{ "cpu.max", "max 100000 later\n", "cpu.max.period", 100000, 0 },
		{ "cpu.max", "max\n", "-cpu.max.period", 0, 0 },
		{ "hugetlb.2MB.max", "9223372036852678656\n", "hugetlb.2MB.max", UINT64_MAX, 0 },
		{ "hugetlb.2MB.max", "4611686018427387904\n", "hugetlb.2MB.max", 1ULL << 62, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tmp_ char *dir = cgtest_copy("stat");
		_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
		_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
		_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_ALL);
		const struct cgw_metric *m;
		bool none = cases[i].metric[0] == '-';

		cgtest_spit(cases[i].content, "%s/cgroup/web/%s", dir, cases[i].file);
		if (cgw_group_stat(g, stat))
			FAIL("'%s': %s", cases[i].content, cgw_strerror(c));
		m = find(stat, cases[i].metric + none);
		if (!m != none)
			FAIL("%s with '%s'", cases[i].file, cases[i].content);
		if (m && (m->value != cases[i].value || m->decimals != cases[i].decimals))
			FAIL("%s with '%s'", cases[i].file, cases[i].content);
	}
	return TAP_PASS;
}

static int files_larger_than_the_buffer_are_read_whole(void)
{
	_cleanup_tmp_ char *dir = cgtest_copy("stat");
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_IO);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	for (int i = 0; f && i < 2000; i++)
		fprintf(f, "8:%d rbytes=%d wbytes=0 rios=0 wios=0 dbytes=0 dios=0\n", i, i);
	CHECK(f && !fclose(f));
	cgtest_spit(text, "%s/cgroup/web/io.stat", dir);
	CHECK_INT(cgw_group_stat(g, stat), 0);
	CHECK_INT(cgw_stat_count(stat), 2000 * 6 + 4);
	CHECK_INT(find(stat, "io.stat.8:1999.rbytes")->value, 1999);
	return TAP_PASS;
}

static int nothing_is_allocated_for_the_next_group(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("stat"));
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_ALL);
	struct cgw_stat before;
	size_t words = 0;

	CHECK_INT(cgw_group_stat(g, stat), 0);
	before = *stat;
	for (size_t i = 0; i < stat->n_files; i++)
		words += stat->files[i].keys.n + stat->files[i].names.n;
	for (int round = 0; round < 10; round++)
		CHECK_INT(cgw_group_stat(g, stat), 0);
	CHECK(stat->buf == before.buf && stat->metrics == before.metrics);
	CHECK(stat->files == before.files);
	CHECK_INT(stat->n_files, before.n_files);
	for (size_t i = 0; i < stat->n_files; i++)
		words -= stat->files[i].keys.n + stat->files[i].names.n;
	CHECK_INT(words, 0);
	return TAP_PASS;
}

static int a_removed_group_is_told_and_teaches_nothing(void)
{
	_cleanup_tmp_ char *dir = cgtest_copy("stat");
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
	_cleanup_group_ struct cgw_group *bare = cgtest_open(c, "/bare"), *g = cgtest_open(c, "/web");
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_ALL);
	char *path;

	CHECK(asprintf(&path, "%s/cgroup/bare", dir) > 0);
	cgtest_rmtree(&path);
	CHECK_INT(cgw_group_stat(bare, stat), -ENODEV);
	CHECK_STR(cgw_strerror(c), "cannot read the statistics of '/bare': the group was removed");
	CHECK_INT(cgw_stat_count(stat), 0);
	CHECK_INT(cgw_group_stat(g, stat), 0);
	CHECK_INT(cgw_stat_count(stat), METRICS);
	return TAP_PASS;
}

static const struct {
	const char *name;
	uint64_t value;
	const char *source;
} of_root[] = {
	{ "memory.current", 307200 + 43126784, "memory.stat" },
	{ "memory.swap.current", 8192 * 1024, "/proc/meminfo" },
	{ "pids.current", 65, "/proc/loadavg" },
	{ "irq.pressure.full.total", 33, "/proc/pressure" },
	{ "cpu.pressure.some.total", 2382309, NULL },
	{ "misc.capacity.sev", 50, NULL },
	{ "memory.stat.anon", 307200, NULL },
};

static int the_root_group_falls_back_to_proc(void)
{
	_cleanup_tmp_ char *dir = cgtest_copy("stat");
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/");
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_ALL);
	_cleanup_stat_ struct cgw_stat *pids = cgtest_stat(c, CGW_STAT_PIDS);
	_cleanup_stat_ struct cgw_stat *few = cgtest_stat(c, 0);
	const struct cgw_metric *m;

	CHECK_INT(cgw_group_stat(g, stat), 0);
	for (size_t i = 0; i < ARRAY_SIZE(of_root); i++) {
		m = find(stat, of_root[i].name);
		if (!m || m->value != of_root[i].value)
			FAIL("%s is %llu", of_root[i].name, m ? (unsigned long long)m->value : 0);
		if (of_root[i].source)
			CHECK_STR(m->source, of_root[i].source);
		else
			CHECK(!m->source);
	}
	CHECK(!find(stat, "memory.max") && !find(stat, "pids.max"));
	/* only what is asked for */
	CHECK_INT(cgw_group_stat(g, pids), 0);
	CHECK_INT(cgw_stat_count(pids), 1);
	/* without memory.stat: from /proc/meminfo, (244 + 42116 + 0) kB */
	CHECK_INT(cgw_stat_add(few, "memory.current"), 0);
	CHECK_INT(cgw_group_stat(g, few), 0);
	CHECK_INT(cgw_stat_count(few), 1);
	CHECK_INT(cgw_stat_at(few, 0)->value, 42360 * 1024);
	CHECK_STR(cgw_stat_at(few, 0)->source, "/proc/meminfo");
	return TAP_PASS;
}

static int the_root_of_a_namespace_is_not_the_machine(void)
{
	_cleanup_tmp_ char *dir = cgtest_copy("stat");
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/");
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, CGW_STAT_ALL);

	cgtest_spit("domain\n", "%s/cgroup/cgroup.type", dir);
	CHECK_INT(cgw_group_stat(g, stat), 0);
	for (size_t i = 0; i < ARRAY_SIZE(of_root); i++)
		CHECK(!of_root[i].source == !!find(stat, of_root[i].name));
	return TAP_PASS;
}

static int fields_choose_what_is_read(void)
{
	static const struct {
		const char *fields; /* separated by blanks */
		size_t n;
		const char *first;
	} cases[] = {
		{ "memory.current", 1, "memory.current" },
		{ "memory.current pids.current", 2, "pids.current" },
		{ "cpu.stat", 10, "cpu.stat.usage_usec" },
		{ "cpu.stat.local", 1, "cpu.stat.local.throttled_usec" },
		{ "cpu.stat.usage_usec", 1, "cpu.stat.usage_usec" },
		{ "cpu.stat.core_sched.force_idle_usec", 1, "cpu.stat.core_sched.force_idle_usec" },
		{ "cpu.max.burst", 1, "cpu.max.burst" },
		{ "cpu.max.quota", 1, "cpu.max.quota" },
		{ "pids", 5, "pids.current" },
		{ "memory.swap", 7, "memory.swap.current" },
		{ "memory.events", 7, "memory.events.low" },
		{ "io.stat.rbytes", 2, "io.stat.8:0.rbytes" },
		{ "io.stat.259:0", 11, "io.stat.259:0.rbytes" },
		{ "io.stat.259:0.cost.usage", 1, "io.stat.259:0.cost.usage" },
		{ "cpu.pressure.some", 4, "cpu.pressure.some.avg10" },
		{ "cpu.pressure.some.avg10 cpu.pressure.full.avg10", 2, "cpu.pressure.some.avg10" },
		{ "psi", 28, "cpu.pressure.some.avg10" },
		{ "numa", 62, "memory.numa_stat.anon.N0" },
		{ "memory.numa_stat.anon", 2, "memory.numa_stat.anon.N0" },
		{ "memory.numa_stat.N1", 31, "memory.numa_stat.anon.N1" },
		{ "hugetlb.2MB", 9, "hugetlb.2MB.current" },
		{ "hugetlb.2MB.current", 1, "hugetlb.2MB.current" },
		{ "hugetlb.1GB.events.max", 1, "hugetlb.1GB.events.max" },
		{ "hugetlb.64KB.current", 0, NULL },
		{ "memory.current memory.current", 1, "memory.current" },
		{ "cpu.stat.no_such_key", 0, NULL },
		{ "devices", 0, NULL },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("stat"));
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, 0);
		_cleanup_free_ char *fields = strdup(cases[i].fields);
		char *save;

		for (char *f = strtok_r(fields, " ", &save); f; f = strtok_r(NULL, " ", &save))
			if (cgw_stat_add(stat, f))
				FAIL("%s", cgw_strerror(c));
		CHECK_INT(cgw_group_stat(g, stat), 0);
		if (cgw_stat_count(stat) != cases[i].n ||
		    (cases[i].first && find(stat, cases[i].first) != cgw_stat_at(stat, 0)))
			FAIL("'%s' gives %zu metrics", cases[i].fields, cgw_stat_count(stat));
	}
	return TAP_PASS;
}

static int fields_of_no_file_are_refused(void)
{
	static const char *const fields[] = { "", "memor", "memory.", "memory.nothing", "memory.current.",
					      "cpu.stat.", ".", "hugetlb.2XB.current", "nonsense",
					      "memory.max,pids.max", "hugetlb.MB" };
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_stat_ struct cgw_stat *stat = cgtest_stat(c, 0);

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (cgw_stat_add(stat, fields[i]) != -EINVAL)
			FAIL("'%s' is taken", fields[i]);
		CHECK(cgw_error_is_input(c) && cgw_hint(c));
	}
	return TAP_PASS;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static int families_are_what_openmetrics_wants(void)
{
	static const char *const reserved[] = { "_total", "_created", "_count", "_sum",
						"_bucket", "_info", "_gcount", "_gsum" };
	const struct cgw_family *f, *other;

	for (size_t i = 0; (f = cgw_family_at(i)); i++) {
		CHECK(strspn(f->name, "abcdefghijklmnopqrstuvwxyz_") == strlen(f->name));
		CHECK(!strncmp(f->name, "cgroup_", 7) && f->help[0] && !strpbrk(f->help, "\\\n\""));
		for (size_t j = 0; j < ARRAY_SIZE(reserved); j++)
			if (ends_with(f->name, reserved[j]))
				FAIL("%s ends in %s", f->name, reserved[j]);
		if (f->unit[0] && !(ends_with(f->name, f->unit) &&
				    f->name[strlen(f->name) - strlen(f->unit) - 1] == '_'))
			FAIL("%s does not end in its unit %s", f->name, f->unit);
		for (size_t j = 0; j < i && (other = cgw_family_at(j)); j++)
			if (!strcmp(f->name, other->name))
				FAIL("%s comes twice", f->name);
	}
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(every_metric_of_a_full_group_is_read),
	T(metrics_are_looked_up),
	T(missing_files_have_no_metrics),
	T(files_an_older_kernel_lacks_are_left_out),
	T(pressure_that_one_group_hides_is_read_of_others),
	T(wrong_content_is_an_error_that_names_it),
	T(unusual_content_is_understood),
	T(files_larger_than_the_buffer_are_read_whole),
	T(nothing_is_allocated_for_the_next_group),
	T(a_removed_group_is_told_and_teaches_nothing),
	T(the_root_group_falls_back_to_proc),
	T(the_root_of_a_namespace_is_not_the_machine),
	T(fields_choose_what_is_read),
	T(fields_of_no_file_are_refused),
	T(families_are_what_openmetrics_wants),
};

CGTEST_MAIN(tests)

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* linux.resources as values of control files, their order, and what differs from them. */
#include "cgtest.h"

static struct cgw_resources *new_set(struct cgw *c)
{
	struct cgw_resources *r = NULL;

	if (cgw_resources_new(c, &r))
		abort();
	return r;
}

static int append_setting(const char *file, const char *value, const char *problem, void *arg)
{
	char *text = arg;

	sprintf(text + strlen(text), "%s=%s%s;", file, value, problem ? "!" : "");
	return 0;
}

/* The values that a document of linux.resources comes to, in the order of writing. */
static const char *plan(struct cgw *c, const char *json)
{
	_cleanup_resources_ struct cgw_resources *r = new_set(c);
	static char text[4096];

	text[0] = '\0';
	if (cgw_resources_add_oci(r, "config.json", json, strlen(json)))
		return NULL;
	if (cgw_resources_for_each(r, append_setting, text))
		abort();
	return text;
}

static int limits_become_values(void)
{
	static const char *const cases[][2] = {
		{ "{}", "" },
		{ "{\"ociVersion\":\"1.0.2\"}", "" },
		{ "{\"linux\":{}}", "" },
		{ "{\"linux\":{\"resources\":{\"pids\":{\"limit\":5}}}}", "pids.max=5;" },
		{ "{\"resources\":{\"pids\":{\"limit\":5}}}", "pids.max=5;" },
		{ "{\"pids\":{\"limit\":0}}", "pids.max=1;" },
		{ "{\"pids\":{\"limit\":-1}}", "pids.max=max;" },
		{ "{\"pids\":{}}", "" },
		{ "{\"pids\":null}", "" },
		{ "{\"cpu\":{\"shares\":0}}", "" },
		{ "{\"cpu\":{\"shares\":1}}", "cpu.weight=1;" },
		{ "{\"cpu\":{\"shares\":1024}}", "cpu.weight=100;" },
		{ "{\"cpu\":{\"shares\":262145}}", "cpu.weight=10000;" },
		{ "{\"cpu\":{\"quota\":5000}}", "cpu.max=5000 100000;" },
		{ "{\"cpu\":{\"quota\":5000,\"period\":20000}}", "cpu.max=5000 20000;" },
		{ "{\"cpu\":{\"quota\":-1}}", "cpu.max=max 100000;" },
		{ "{\"cpu\":{\"period\":20000}}", "cpu.max=max 20000;" },
		{ "{\"cpu\":{\"quota\":0,\"period\":0}}", "" },
		{ "{\"cpu\":{\"burst\":10,\"quota\":5000}}",
		  "cpu.max=5000 100000;cpu.max.burst=10;" },
		{ "{\"cpu\":{\"idle\":1,\"shares\":2}}", "cpu.weight=1;cpu.idle=1;" },
		{ "{\"cpu\":{\"idle\":0,\"shares\":2}}", "cpu.idle=0;cpu.weight=1;" },
		{ "{\"cpu\":{\"mems\":\"0\",\"cpus\":\"0-3\"}}", "cpuset.cpus=0-3;cpuset.mems=0;" },
		{ "{\"memory\":{\"limit\":0,\"swap\":0}}", "" },
		{ "{\"memory\":{\"limit\":100}}", "memory.max=100;" },
		{ "{\"memory\":{\"limit\":100,\"swap\":100}}",
		  "memory.swap.max=0;memory.max=100;" },
		{ "{\"memory\":{\"limit\":100,\"swap\":300}}",
		  "memory.swap.max=200;memory.max=100;" },
		{ "{\"memory\":{\"limit\":100,\"swap\":-1}}",
		  "memory.swap.max=max;memory.max=100;" },
		{ "{\"memory\":{\"limit\":-1}}", "memory.swap.max=max;memory.max=max;" },
		{ "{\"memory\":{\"limit\":-1,\"swap\":300}}",
		  "memory.swap.max=300;memory.max=max;" },
		{ "{\"memory\":{\"swap\":-1}}", "memory.swap.max=max;" },
		{ "{\"memory\":{\"reservation\":7,\"limit\":9}}", "memory.low=7;memory.max=9;" },
		{ "{\"blockIO\":{\"weight\":10}}", "io.bfq.weight=10;" },
		{ "{\"blockIO\":{\"weight\":0}}", "" },
		{ "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":1,\"weight\":99},"
		  "{\"major\":8,\"minor\":2}]}}",
		  "io.bfq.weight=8:1 99;" },
		{ "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":1,\"rate\":5}],"
		  "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":1,\"rate\":0},"
		  "{\"major\":8,\"minor\":11,\"rate\":7}]}}",
		  "io.max=8:1 rbps=5 wiops=max;io.max=8:11 wiops=7;" },
		{ "{\"hugepageLimits\":[{\"pageSize\":\"1GB\",\"limit\":0}]}",
		  "hugetlb.1GB.max=0;hugetlb.1GB.rsvd.max=0;" },
		{ "{\"rdma\":{\"mlx5_0\":{\"hcaHandles\":3},\"a\":{\"hcaObjects\":4},\"b\":{}}}",
		  "rdma.max=mlx5_0 hca_handle=3;rdma.max=a hca_object=4;" },
		{ "{\"unified\":{\"memory.high\":\"5M\",\"io.max\":\"8:0 rbps=1\\n8:1 rbps=2\"}}",
		  "memory.high=5242880;io.max=8:0 rbps=1;io.max=8:1 rbps=2;" },
		/* what the kernel would refuse is told */
		{ "{\"cpu\":{\"quota\":999}}", "cpu.max=999 100000!;" },
		{ "{\"unified\":{\"cpu.weight\":\"0\",\"pids.max\":\"-1\",\"cpu.weight.nice\":\"-"
		  "20\"}}",
		  "cpu.weight=0!;cpu.weight.nice=-20;pids.max=-1!;" },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *have = plan(c, cases[i][0]);

		if (!have)
			FAIL("%s: %s", cases[i][0], cgw_strerror(c));
		if (strcmp(have, cases[i][1]))
			FAIL("%s: '%s', wanted '%s'", cases[i][0], have, cases[i][1]);
	}
	return TAP_PASS;
}

static int structure_of_limits_becomes_values(void)
{
	static const bool yes = true, no = false;
	static const int nice = -5;
	const struct cgw_io_limit io[] = {
		{ .major = 8,
		  .rbps = CGW_VALUE(1000),
		  .wiops = CGW_VALUE(CGW_NO_LIMIT),
		  .weight = CGW_VALUE(7) },
		{ .major = 8, .minor = 16, .latency_us = CGW_VALUE(250) },
		{ .major = 9 },
	};
	const struct cgw_hugetlb_limit huge[] = { { "2MB", CGW_VALUE(4096),
						    CGW_VALUE(CGW_NO_LIMIT) } };
	const struct cgw_rdma_limit rdma[] = { { "mlx", NULL, CGW_VALUE(3) } };
	const struct cgw_misc_limit misc[] = { { "sev", CGW_NO_LIMIT }, { "tdx", 2 } };
	const struct cgw_limits l = {
		.sz = sizeof(l),
		.cpu_weight = CGW_VALUE(50),
		.cpu_quota_us = CGW_VALUE(5000),
		.cpu_period_us = CGW_VALUE(20000),
		.cpu_burst_us = CGW_VALUE(0),
		.cpu_idle = &no,
		.cpu_uclamp_min = CGW_VALUE(1205),
		.cpu_uclamp_max = CGW_VALUE(CGW_NO_LIMIT),
		.cpuset_cpus = "0-1",
		.memory_max = CGW_VALUE(CGW_NO_LIMIT),
		.memory_swap_max = CGW_VALUE(0),
		.memory_oom_group = &yes,
		.pids_max = CGW_VALUE(64),
		.pressure = &no,
		.io = io,
		.n_io = ARRAY_SIZE(io),
		.hugetlb = huge,
		.n_hugetlb = ARRAY_SIZE(huge),
		.rdma = rdma,
		.n_rdma = ARRAY_SIZE(rdma),
		.misc = misc,
		.n_misc = ARRAY_SIZE(misc),
	};
	struct cgw_limits bad = { .sz = sizeof(bad),
				  .pids_max = CGW_VALUE(1),
				  .cpu_weight = CGW_VALUE(0) };
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_resources_ struct cgw_resources *r = new_set(c), *none = new_set(c),
						 *other = new_set(c);
	const struct cgw_limits only_nice = { .sz = sizeof(l),
					      .cpu_nice = &nice,
					      .cpu_quota_us = CGW_VALUE(7000) };
	char text[1024] = "";

	CHECK_INT(cgw_resources_add_limits(r, &l), 0);
	CHECK_INT(cgw_resources_for_each(r, append_setting, text), 0);
	CHECK_STR(text,
		  "cpu.idle=0;cpu.weight=50;cpu.max=5000 20000;cpu.max.burst=0;cpu.uclamp.max=max;"
		  "cpu.uclamp.min=12.05;cpuset.cpus=0-1;memory.swap.max=0;memory.oom.group=1;"
		  "memory.max=max;pids.max=64;cgroup.pressure=0;io.max=8:0 rbps=1000 wiops=max;"
		  "io.weight=8:0 7;io.latency=8:16 target=250;hugetlb.2MB.max=4096;"
		  "hugetlb.2MB.rsvd.max=max;rdma.max=mlx hca_object=3;misc.max=sev "
		  "max;misc.max=tdx 2;");
	text[0] = '\0';
	CHECK_INT(cgw_resources_add_limits(none, &bad), -ERANGE);
	CHECK_STR(cgw_strerror(c), "bad limit cpu.weight=0: it takes 1..10000");
	bad.sz = 8;
	CHECK_INT(cgw_resources_add_limits(none, &bad), -EINVAL);
	CHECK_INT(cgw_resources_for_each(none, append_setting, text), 0);
	CHECK_STR(text, "");
	CHECK_INT(cgw_resources_add_limits(other, &only_nice), 0);
	CHECK_INT(cgw_resources_for_each(other, append_setting, text), 0);
	CHECK_STR(text, "cpu.weight.nice=-5;cpu.max=7000;");
	return TAP_PASS;
}

static int wrong_limits_are_refused_and_named(void)
{
	static const char *const cases[][2] = {
		{ "[]", "config.json:1:1: not an object" },
		{ "{\"linux\":{\"resources\":[]}}", "config.json:1:23: linux.resources: not an object" },
		{ "{\"cpu\":[]}", ":1:8: cpu: not an object" },
		{ "{\"cpu\":{\"shares\":-1}}", ":1:18: cpu.shares: not within 0" },
		{ "{\"cpu\":{\"shares\":1.5}}", "cpu.shares: not a whole number" },
		{ "{\"cpu\":{\"quota\":-2}}", "cpu.quota: not within -1" },
		{ "{\"cpu\":{\"quota\":9223372036854775808}}", "cpu.quota: not within -1" },
		{ "{\"cpu\":{\"quota\":5000,\"burst\":5001}}",
		  ":1:30: cpu.burst: 5001 is above the quota 5000" },
		{ "{\"cpu\":{\"idle\":2}}", "cpu.idle: not within 0 and 1" },
		{ "{\"cpu\":{\"cpus\":3}}", "cpu.cpus: not a string" },
		{ "{\"memory\":{\"limit\":\"1\"}}", "memory.limit: not a whole number" },
		{ "{\"memory\":{\"limit\":-2}}", "memory.limit: not within -1" },
		{ "{\"memory\":{\"swap\":5}}",
		  "memory.swap: 5 is memory and swap together, and needs a limit" },
		{ "{\"memory\":{\"limit\":6,\"swap\":5}}",
		  "memory.swap: 5 is memory and swap together, and below the limit 6" },
		{ "{\"memory\":{\"checkBeforeUpdate\":1}}",
		  "memory.checkBeforeUpdate: neither true nor false" },
		{ "{\"blockIO\":{\"weight\":9}}", "blockIO.weight: not within 10 and 1000" },
		{ "{\"blockIO\":{\"weight\":1001}}", "blockIO.weight: not within 10 and 1000" },
		{ "{\"blockIO\":{\"weightDevice\":[{\"weight\":10}]}}",
		  ":1:29: blockIO.weightDevice[0]: major or minor is missing" },
		{ "{\"blockIO\":{\"throttleReadBpsDevice\":[3]}}",
		  ":1:38: blockIO.throttleReadBpsDevice[0]: a device is an object" },
		{ "{\"hugepageLimits\":{}}", "hugepageLimits: not an array" },
		{ "{\"hugepageLimits\":[{\"pageSize\":\"2MB\"}]}",
		  "hugepageLimits[0]: limit is missing" },
		{ "{\"hugepageLimits\":[{\"pageSize\":\"../x\",\"limit\":1}]}",
		  "hugepageLimits[0].pageSize: '../x' is not one" },
		{ "{\"rdma\":{\"a b\":{}}}", ":1:16: rdma.a b: 'a b' is not the name of a device" },
		{ "{\"unified\":{\"cgroup.procs\":\"1\"}}", ":1:28: unified.cgroup.procs: bad setting 'cgroup.procs=1': cgroup.procs is not set this way" },
		{ "{\"unified\":{\"../x.y\":\"1\"}}", "is not the name of a control file" },
		{ "{\"unified\":{\"pids.max\":1}}", "unified.pids.max: not a string" },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_resources_ struct cgw_resources *r = new_set(c);
		char text[256] = "";

		CHECK_INT(cgw_resources_add(r, "pids.max=7"), 0);
		if (!cgw_resources_add_oci(r, "config.json", cases[i][0], strlen(cases[i][0])))
			FAIL("%s was taken", cases[i][0]);
		if (!strstr(cgw_strerror(c), cases[i][1]))
			FAIL("%s: %s", cases[i][0], cgw_strerror(c));
		CHECK(cgw_error_is_input(c));
		CHECK_INT(cgw_resources_for_each(r, append_setting, text), 0);
		CHECK_STR(text, "pids.max=7;");
	}
	return TAP_PASS;
}

/* Reference points of runc's formula; between them it must not fall. */
static int shares_become_weights(void)
{
	static const unsigned int points[][2] = {
		{ 2, 1 },      { 3, 2 },      { 100, 17 },	{ 512, 59 },	   { 1024, 100 },
		{ 2048, 174 }, { 5000, 356 }, { 100000, 4340 }, { 262143, 10000 }, { 262144, 10000 }
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	unsigned int last = 0;

	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		char json[64], want[64];

		sprintf(json, "{\"cpu\":{\"shares\":%u}}", points[i][0]);
		sprintf(want, "cpu.weight=%u;", points[i][1]);
		CHECK_STR(plan(c, json), want);
	}
	for (unsigned int shares = 2; shares <= 262144; shares += 1 + shares / 64) {
		unsigned int weight;
		char json[64];

		sprintf(json, "{\"cpu\":{\"shares\":%u}}", shares);
		CHECK_INT(sscanf(plan(c, json), "cpu.weight=%u", &weight), 1);
		CHECK(weight >= last && weight >= 1 && weight <= 10000);
		last = weight;
	}
	return TAP_PASS;
}

static void remember(enum cgw_log_level level, const char *line, void *arg)
{
	char *text = arg;

	if (level == CGW_LOG_WARNING)
		sprintf(text + strlen(text), "%s;", line);
}

static int settings_without_counterpart_are_reported(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	char text[1024] = "";

	cgw_set_log(c, remember, text);
	CHECK_STR(plan(c, "{\"linux\":{\"resources\":{\"memory\":{\"kernel\":5,\"limit\":1,"
			  "\"swappiness\":null},"
			  "\"network\":{},\"rdma\":{\"x\":{\"hcaThings\":1}}}}}"),
		  "memory.max=1;");
	CHECK_HAS(text, "config.json:1:43: linux.resources.memory.kernel is not applied");
	CHECK_HAS(text, "linux.resources.network is not applied");
	CHECK_HAS(text, "linux.resources.rdma.x.hcaThings is not applied");
	CHECK(!strstr(text, "swappiness"));
	return TAP_PASS;
}

static int values_are_written_in_an_order_that_works(void)
{
	static const char *const given[] = { "memory.max=5",	    "misc.max=a 1",
					     "cpu.max.burst=1",	    "cpuset.cpus.partition=root",
					     "cpu.weight=5",	    "cpu.idle=0",
					     "cpu.max=5000 100000", "cpuset.cpus=0",
					     "memory.swap.max=1",   "misc.max=b 2" };
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_resources_ struct cgw_resources *r = new_set(c);
	char text[512] = "";

	for (size_t i = 0; i < ARRAY_SIZE(given); i++)
		CHECK_INT(cgw_resources_add(r, given[i]), 0);
	CHECK_INT(cgw_resources_for_each(r, append_setting, text), 0);
	CHECK_STR(text, "cpu.idle=0;cpu.weight=5;cpu.max=5000 100000;cpu.max.burst=1;cpuset.cpus=0;"
			"cpuset.cpus.partition=root;memory.swap.max=1;memory.max=5;misc.max=a "
			"1;misc.max=b 2;");
	return TAP_PASS;
}

static int append_diff(const char *file, const char *have, const char *want, void *arg)
{
	char *text = arg;

	sprintf(text + strlen(text), "%s %s>%s;", file, have ? have : "-", want);
	return 0;
}

static int what_means_the_same_does_not_differ(void)
{
	static const struct {
		const char *file, *have, *want, *diff;
	} cases[] = {
		{ "pids.max", "max\n", "max", "" },
		{ "pids.max", "5\n", "6", "pids.max 5>6;" },
		{ "memory.max", "999424\n", "1000000", "" },
		{ "memory.max", "999424\n", "1004000", "memory.max 999424>1004000;" },
		{ "memory.max", "max\n", "4096", "memory.max max>4096;" },
		{ "hugetlb.2MB.max", "2097152\n", "3M", "" },
		{ "hugetlb.1GB.max", "0\n", "2097152", "" },
		{ "cpuset.cpus", "0-3,6\n", "0,1,2,3,6", "" },
		{ "cpuset.cpus", "0-3\n", "0-2", "cpuset.cpus 0-3>0-2;" },
		{ "cpuset.cpus", "\n", "0", "cpuset.cpus >0;" },
		{ "cpu.max", "50000 100000\n", "50000", "" },
		{ "cpu.max", "50000 100000\n", "50000 200000",
		  "cpu.max 50000 100000>50000 200000;" },
		{ "cpu.max", "25000 50000\n", "50%", "" },
		{ "cpu.max", "max 50000\n", "50%", "cpu.max max 50000>25000;" },
		{ "io.max", "8:0 rbps=5 wbps=max riops=max wiops=max\n", "8:0 rbps=5", "" },
		{ "io.max", "8:0 rbps=55 wbps=max riops=max wiops=max\n", "8:0 rbps=5",
		  "io.max 8:0 rbps=55 wbps=max riops=max wiops=max>8:0 rbps=5;" },
		{ "io.max", "8:0 rbps=5 wbps=max\n", "8:0 rbps=max",
		  "io.max 8:0 rbps=5 wbps=max>8:0 rbps=max;" },
		{ "io.max", "8:1 rbps=5\n", "8:0 rbps=5", "io.max >8:0 rbps=5;" },
		{ "io.max", "\n", "8:0 rbps=max", "" },
		{ "io.weight", "default 100\n8:0 7\n", "100", "" },
		{ "io.weight", "default 100\n8:0 7\n", "8:0 7", "" },
		{ "io.weight", "default 100\n8:0 7\n", "8:0 8", "io.weight 8:0 7>8:0 8;" },
		{ "rdma.max", "mlx hca_handle=3 hca_object=max\n", "mlx hca_handle=3", "" },
		{ "misc.max", "res_a 5\nres_b max\n", "res_b 3", "misc.max res_b max>res_b 3;" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tmp_ char *dir = cgtest_copy("unified");
		_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
		_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
		_cleanup_resources_ struct cgw_resources *r = new_set(c);
		char assignment[200], text[512] = "";

		cgtest_spit(cases[i].have, "%s/cgroup/web/%s", dir, cases[i].file);
		snprintf(assignment, sizeof(assignment), "%s=%s", cases[i].file, cases[i].want);
		CHECK_INT(cgw_resources_add(r, assignment), 0);
		if (cgw_group_diff(g, r, append_diff, text) != (cases[i].diff[0] ? 1 : 0))
			FAIL("%s has %s: %s", assignment, cases[i].have, text);
		if (strcmp(text, cases[i].diff))
			FAIL("%s has %s: '%s', wanted '%s'", assignment, cases[i].have, text,
			     cases[i].diff);
	}
	return TAP_PASS;
}

/* Cloud kernels lack some: what is missing is told, and how to get it. */
static int files_that_a_kernel_lacks_are_explained(void)
{
	static const char *const cases[][2] = {
		{ "cpu.uclamp.min=10.00", "cpu.uclamp.min takes CONFIG_UCLAMP_TASK_GROUP" },
		{ "io.latency=8:0 target=100", "io.latency takes CONFIG_BLK_CGROUP_IOLATENCY" },
		{ "memory.zswap.max=1M", "memory.zswap.max takes CONFIG_ZSWAP, Linux 5.19" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tmp_ char *dir = cgtest_copy("unified");
		_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
		_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
		_cleanup_resources_ struct cgw_resources *r = new_set(c);

		cgtest_spit("cpu io memory pids\n", "%s/cgroup/web/cgroup.controllers", dir);
		CHECK_INT(cgw_resources_add(r, cases[i][0]), 0);
		CHECK_INT(cgw_group_apply(g, r), -ENOENT);
		CHECK_HAS(cgw_strerror(c), "in this kernel");
		CHECK(cgw_hint(c));
		CHECK_STR(cgw_hint(c), cases[i][1]);
	}
	return TAP_PASS;
}

/* io.bfq.weight or io.weight, whichever is there; a file that may be missing. */
static int values_fit_the_files_that_are_there(void)
{
	static const char json[] = "{\"blockIO\":{\"weight\":500},\"memory\":{\"limit\":-1},"
				   "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304}]}";

	for (int bfq = 0; bfq < 2; bfq++) {
		_cleanup_tmp_ char *dir = cgtest_copy("unified");
		_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
		_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
		_cleanup_resources_ struct cgw_resources *r = new_set(c);
		_cleanup_free_ char *text = NULL;

		cgtest_spit("default 100\n", "%s/cgroup/web/%s", dir,
			    bfq ? "io.bfq.weight" : "io.weight");
		cgtest_spit("max\n", "%s/cgroup/web/hugetlb.2MB.max", dir);
		cgtest_spit("5\n", "%s/cgroup/web/memory.max", dir);
		CHECK_INT(cgw_resources_add_oci(r, "config.json", json, strlen(json)), 0);
		CHECK_INT(cgw_group_apply(g, r), 0);
		text = cgtest_slurp("%s/cgroup/web/%s", dir, bfq ? "io.bfq.weight" : "io.weight");
		CHECK_STR(text, bfq ? "500" : "4950");
	}
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(limits_become_values),
	T(structure_of_limits_becomes_values),
	T(wrong_limits_are_refused_and_named),
	T(shares_become_weights),
	T(settings_without_counterpart_are_reported),
	T(values_are_written_in_an_order_that_works),
	T(what_means_the_same_does_not_differ),
	T(files_that_a_kernel_lacks_are_explained),
	T(values_fit_the_files_that_are_there),
};

CGTEST_MAIN(tests)

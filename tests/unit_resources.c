// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* FILE=VALUE: units, refusals, and that a set of values is applied whole or not at all. */
#include <sys/stat.h>

#include "cgtest.h"

static struct cgw_resources *new_resources(struct cgw *c)
{
	struct cgw_resources *r = NULL;

	if (cgw_resources_new(c, &r))
		abort();
	return r;
}

static int values_are_written_in_plain_numbers(void)
{
	static const struct {
		const char *assignment;
		const char *file;
		const char *written;
	} cases[] = {
		{ "memory.max=512", "memory.max", "512" },
		{ "memory.max=512M", "memory.max", "536870912" },
		{ "memory.max=512m", "memory.max", "536870912" },
		{ "memory.max=1KiB", "memory.max", "1024" },
		{ "memory.max=1KB", "memory.max", "1024" },
		{ "memory.max=1K", "memory.max", "1024" },
		{ "memory.max=1kb", "memory.max", "1024" },
		{ "memory.max=3G", "memory.max", "3221225472" },
		{ "memory.max=2TiB", "memory.max", "2199023255552" },
		{ "memory.max=1P", "memory.max", "1125899906842624" },
		{ "memory.max=15E", "memory.max", "17293822569102704640" },
		{ "memory.max=0K", "memory.max", "0" },
		{ "memory.max=18446744073709551615", "memory.max", "18446744073709551615" },
		{ "memory.max=max", "memory.max", "max" },
		{ "memory.max= 512M ", "memory.max", "536870912" },
		/* a part of MemTotal, 4 GiB in the recorded meminfo */
		{ "memory.max=25%", "memory.max", "1073741800" },
		{ "memory.high=100%", "memory.high", "4294967200" },
		/* of one CPU, the period kept */
		{ "cpu.max=50%", "cpu.max", "50000 100000" },
		{ "cpu.max=200%", "cpu.max", "200000 100000" },
		{ "cpu.max=max 50000", "cpu.max", "max 50000" },
		/* inside keyed values too */
		{ "io.max=8:0 rbps=1M wbps=max", "io.max", "8:0 rbps=1048576 wbps=max" },
		{ "io.max=8:16  riops=120\twiops=3K", "io.max", "8:16 riops=120 wiops=3072" },
		{ "io.weight=8:0 200", "io.weight", "8:0 200" },
		/* what is no number with a unit stays, for the kernel to judge */
		{ "memory.max=1.5G", "memory.max", "1.5G" },
		{ "memory.max=-1", "memory.max", "-1" },
		{ "memory.max=K", "memory.max", "K" },
		{ "io.max=8:0 rbps=", "io.max", "8:0 rbps=" },
		{ "memory.max=a=b", "memory.max", "a=b" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tmp_ char *dir = cgtest_copy("unified");
		_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
		_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
		_cleanup_resources_ struct cgw_resources *r = new_resources(c);
		_cleanup_free_ char *text = NULL;

		if (cgw_resources_add(r, cases[i].assignment) || cgw_group_apply(g, r))
			FAIL("'%s': %s", cases[i].assignment, cgw_strerror(c));
		text = cgtest_slurp("%s/cgroup/web/%s", dir, cases[i].file);
		if (strcmp(text, cases[i].written))
			FAIL("'%s' writes '%s', wanted '%s'", cases[i].assignment, text,
			     cases[i].written);
	}
	return TAP_PASS;
}

static int cpu_percentage_keeps_the_period(void)
{
	static const char *const cases[][3] = {
		{ "max 100000\n", "cpu.max=150%", "150000 100000" },
		{ "10000 50000\n", "cpu.max=50%", "25000 50000" },
		{ "max 1000000\n", "cpu.max=1%", "10000 1000000" },
		{ "max\n", "cpu.max=10%", "10000 100000" },
	};
	_cleanup_tmp_ char *dir = cgtest_copy("unified");
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_resources_ struct cgw_resources *r = new_resources(c);
		_cleanup_free_ char *text = NULL;

		cgtest_spit(cases[i][0], "%s/cgroup/web/cpu.max", dir);
		CHECK_INT(cgw_resources_add(r, cases[i][1]), 0);
		CHECK_INT(cgw_group_apply(g, r), 0);
		text = cgtest_slurp("%s/cgroup/web/cpu.max", dir);
		CHECK_STR(text, cases[i][2]);
	}
	return TAP_PASS;
}

static int malformed_settings_are_refused(void)
{
	static const struct {
		const char *assignment;
		int err;
		const char *why;
		const char *hint;
	} cases[] = {
		{ "memory.max", -EINVAL, "no '='", "memory.max=512M" },
		{ "", -EINVAL, "no '='", "memory.max=512M" },
		{ "=5", -EINVAL, "not the name of a control file", "memory.max=512M" },
		{ "memory=5", -EINVAL, "'memory' is not the name", "memory.max=512M" },
		{ ".memory=5", -EINVAL, "not the name", NULL },
		{ " .max=5", -EINVAL, "' .max' is not the name", NULL },
		{ "memory.max =5", -EINVAL, "'memory.max ' is not the name", NULL },
		{ "../memory.max=5", -EINVAL, "not the name", NULL },
		{ "api/memory.max=5", -EINVAL, "not the name", NULL },
		{ "memory.max=", -EINVAL, "the value is empty", NULL },
		{ "memory.max=  ", -EINVAL, "the value is empty", NULL },
		{ "memory.max=0x10", -EINVAL, "'0x10' has no unit of K, M, G", NULL },
		{ "memory.max=1MiBs", -EINVAL, "'1MiBs' has no unit of K, M, G", NULL },
		{ "io.max=8:0 rbps=5x", -EINVAL, "'5x' has no unit of K, M, G", NULL },
		{ "memory.max=16E", -ERANGE, "'16E' does not fit in 64 bits", NULL },
		{ "memory.max=18446744073709551616", -ERANGE, "does not fit in 64 bits", NULL },
		{ "memory.max=18446744073709551K", -ERANGE, "does not fit in 64 bits", NULL },
		{ "io.max=8:0 rbps=99999999999999999999", -ERANGE, "'99999999999999999999'", NULL },
		{ "cpu.max=0%", -ERANGE, "out of range", NULL },
		{ "cpu.max=50.5%", -EINVAL, "whole number of percent", NULL },
		{ "cpu.max=%", -EINVAL, "whole number of percent", NULL },
		{ "cpu.max=-5%", -EINVAL, "whole number of percent", NULL },
		{ "cpu.max=50% 100000", -EINVAL, "whole number of percent", NULL },
		{ "cpu.max=100000000000%", -ERANGE, "out of range", NULL },
		{ "memory.max=101%", -ERANGE, "more than 100%", NULL },
		{ "pids.max=50%", -EINVAL, "pids.max takes no percentage", "cpu.max" },
		{ "cpu.weight=50%", -EINVAL, "cpu.weight takes no percentage", "memory.*" },
		{ "cgroup.procs=1", -EINVAL, "not set this way", "cgward attach" },
		{ "cgroup.threads=1", -EINVAL, "not set this way", "cgward attach --threads" },
		{ "cgroup.freeze=1", -EINVAL, "not set this way", "cgward freeze" },
		{ "cgroup.kill=1", -EINVAL, "not set this way", "cgward kill" },
		{ "memory.pressure=some 1 2", -EINVAL, "not set this way", "events --pressure" },
		{ "cgroup.subtree_control=+pids", -EINVAL, "not set this way",
		  "cgward controllers" },
		{ "cgroup.type=threaded", -EINVAL, "not set this way", "--threaded" },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("unified"));

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_resources_ struct cgw_resources *r = new_resources(c);
		_cleanup_free_ char *names = NULL;
		int err = cgw_resources_add(r, cases[i].assignment);

		if (err != cases[i].err)
			FAIL("'%s' gives %d, wanted %d", cases[i].assignment, err, cases[i].err);
		CHECK_HAS(cgw_strerror(c), cases[i].why);
		CHECK_HAS(cgw_strerror(c), cases[i].assignment);
		if (cases[i].hint)
			CHECK_HAS(cgw_hint(c), cases[i].hint);
		CHECK(cgw_error_is_input(c));
		/* nothing of it stays in the set */
		CHECK_INT(cgw__resources_controllers(r, &names), 0);
		CHECK_STR(names, "");
	}
	return TAP_PASS;
}

static int controllers_are_those_of_the_files(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("unified"));
	_cleanup_resources_ struct cgw_resources *r = new_resources(c);
	_cleanup_free_ char *names = NULL;

	CHECK_INT(cgw_resources_add(r, "memory.max=1M"), 0);
	CHECK_INT(cgw_resources_add(r, "pids.max=5"), 0);
	CHECK_INT(cgw_resources_add(r, "memory.high=1M"), 0);
	CHECK_INT(cgw_resources_add(r, "cgroup.max.depth=5"), 0);
	CHECK_INT(cgw_resources_add(r, "cgroup.pressure=1"), 0);
	CHECK_INT(cgw_resources_add(r, "hugetlb.2MB.max=0"), 0);
	CHECK_INT(cgw__resources_controllers(r, &names), 0);
	CHECK_STR(names, "memory pids hugetlb");
	return TAP_PASS;
}

/* Apply settings (NULL at the end) that must fail, and compare one file afterwards. */
static int stays_after_failure(const char *const *settings, const char *file, const char *want)
{
	_cleanup_tmp_ char *dir = cgtest_copy("unified");
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
	_cleanup_resources_ struct cgw_resources *r = new_resources(c);
	_cleanup_free_ char *text = NULL;

	for (; *settings; settings++)
		CHECK_INT(cgw_resources_add(r, *settings), 0);
	CHECK(cgw_group_apply(g, r) < 0);
	CHECK_HAS(cgw_strerror(c), "memory.missing");
	text = cgtest_slurp("%s/cgroup/web/%s", dir, file);
	CHECK_STR(text, want);
	return TAP_PASS;
}

static int refused_value_puts_earlier_ones_back(void)
{
	static const struct {
		const char *settings[4];
		const char *file;
		const char *want;
	} cases[] = {
		{ { "memory.max=5", "pids.max=7", "memory.missing=1" }, "memory.max", "max" },
		{ { "memory.max=5", "pids.max=7", "memory.missing=1" }, "pids.max", "max" },
		{ { "memory.high=5", "memory.missing=1" }, "memory.high", "1073741824" },
		/* the same file twice: what was there before the first */
		{ { "memory.high=5", "memory.high=6", "memory.missing=1" },
		  "memory.high",
		  "1073741824" },
		{ { "cpu.max=5%", "memory.missing=1" }, "cpu.max", "max 100000" },
		{ { "cpu.max=5000 10000", "memory.missing=1" }, "cpu.max", "max 100000" },
		/* of a keyed file the line of that key */
		{ { "io.max=8:16 wbps=5", "memory.missing=1" },
		  "io.max",
		  "8:16 rbps=max wbps=2000 riops=max wiops=max" },
		{ { "io.max=8:32 wbps=5", "memory.missing=1" },
		  "io.max",
		  "8:32 rbps=max wbps=max riops=max wiops=max" },
		{ { "io.weight=8:0 70", "memory.missing=1" }, "io.weight", "8:0 50" },
		{ { "io.weight=8:32 70", "memory.missing=1" }, "io.weight", "8:32 default" },
		{ { "io.weight=default 70", "memory.missing=1" }, "io.weight", "default 100" },
		{ { "io.weight=70", "memory.missing=1" }, "io.weight", "default 100" },
		/* nothing was written yet */
		{ { "memory.missing=1", "memory.high=5" }, "memory.high", "1073741824" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (stays_after_failure(cases[i].settings, cases[i].file, cases[i].want) !=
		    TAP_PASS)
			FAIL("case %zu", i);
	return TAP_PASS;
}

static int unwritable_file_is_named_and_earlier_ones_put_back(void)
{
	_cleanup_tmp_ char *dir = cgtest_copy("unified");
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
	_cleanup_resources_ struct cgw_resources *r = new_resources(c);
	_cleanup_free_ char *text = NULL;
	char path[512];

	/* a directory: not even root can write it */
	snprintf(path, sizeof(path), "%s/cgroup/web/pids.max", dir);
	CHECK(!unlink(path) && !mkdir(path, 0755));
	CHECK_INT(cgw_resources_add(r, "memory.high=5"), 0);
	CHECK_INT(cgw_resources_add(r, "pids.max=7"), 0);
	CHECK_INT(cgw_group_apply(g, r), -EISDIR);
	CHECK_HAS(cgw_strerror(c), "cannot set pids.max=7 in '/web'");
	CHECK(!cgw_error_is_input(c));
	text = cgtest_slurp("%s/cgroup/web/memory.high", dir);
	CHECK_STR(text, "1073741824");
	return TAP_PASS;
}

static int empty_set_changes_nothing(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("unified"));
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
	_cleanup_resources_ struct cgw_resources *r = new_resources(c);

	CHECK_INT(cgw_group_apply(g, r), 0);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(values_are_written_in_plain_numbers),
	T(cpu_percentage_keeps_the_period),
	T(malformed_settings_are_refused),
	T(controllers_are_those_of_the_files),
	T(refused_value_puts_earlier_ones_back),
	T(unwritable_file_is_named_and_earlier_ones_put_back),
	T(empty_set_changes_nothing),
};

CGTEST_MAIN(tests)

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Names of systemd's units, the groups they stand for, and control files as properties. */
#include "cgtest.h"
#include "unit.h"

static int names_are_those_systemd_takes(void)
{
	static const struct {
		const char *name;
		int want;
		const char *why;
	} cases[] = {
		{ "web.scope", CGW_UNIT_SCOPE, NULL },
		{ "a-b:c_d.e\\x2df.scope", CGW_UNIT_SCOPE, NULL },
		{ "run@7.scope", CGW_UNIT_SCOPE, NULL },
		{ "web-api.slice", CGW_UNIT_SLICE, NULL },
		{ "-.slice", CGW_UNIT_SLICE, NULL },
		{ "system-getty\\x2dx.slice", CGW_UNIT_SLICE, NULL },
		{ "cron.service", CGW_UNIT_OTHER, NULL },
		{ "tmp.mount", CGW_UNIT_OTHER, NULL },
		{ "", -EINVAL, "no suffix" },
		{ "web", -EINVAL, "no suffix" },
		{ "web.", -EINVAL, "no suffix" },
		{ "web.scopes", -EINVAL, "no suffix" },
		{ "web.timer", -EINVAL, "no suffix" },
		{ ".scope", -EINVAL, "nothing before its suffix" },
		{ "@.scope", -EINVAL, "template" },
		{ "@x.scope", -EINVAL, "template" },
		{ "x@.scope", -EINVAL, "template" },
		{ "we b.scope", -EINVAL, "' ' cannot be in it" },
		{ "we/b.scope", -EINVAL, "'/' cannot be in it" },
		{ "w\xc3\xa9.scope", -EINVAL, "'\\xc3' cannot be in it" },
		{ "a\nb.scope", -EINVAL, "cannot be in it" },
		{ "-a.slice", -EINVAL, "each part" },
		{ "a-.slice", -EINVAL, "each part" },
		{ "a--b.slice", -EINVAL, "each part" },
		{ "--.slice", -EINVAL, "each part" },
		{ "a@b.slice", -EINVAL, "each part" },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	char name[300];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum cgw__unit_kind kind = CGW_UNIT_OTHER;
		int got = cgw__unit_check(c, cases[i].name, &kind);

		if (cases[i].why ? got != cases[i].want : got || (int)kind != cases[i].want)
			FAIL("'%s': %d, kind %d", cases[i].name, got, kind);
		if (cases[i].why)
			CHECK_HAS(cgw_strerror(c), cases[i].why);
		CHECK(!cases[i].why || cgw_error_is_input(c));
	}
	for (int len = 255; len <= 256; len++) {
		enum cgw__unit_kind kind;

		memset(name, 'x', sizeof(name));
		strcpy(name + len - 6, ".scope");
		CHECK_INT(cgw__unit_check(c, name, &kind), len == 255 ? 0 : -EINVAL);
	}
	return TAP_PASS;
}

static int slices_are_expanded_at_their_dashes(void)
{
	static const struct {
		const char *slice;
		const char *name;
		const char *path;
	} cases[] = {
		{ NULL, "web.scope", "/system.slice/web.scope" },
		{ "system.slice", "web-api.scope", "/system.slice/web-api.scope" },
		{ "-.slice", "web.scope", "/web.scope" },
		{ "a-b-c.slice", "x.scope", "/a.slice/a-b.slice/a-b-c.slice/x.scope" },
		{ NULL, "-.slice", "/" },
		{ NULL, "my-group.slice", "/my.slice/my-group.slice" },
		{ "my.slice", "my-group.slice", "/my.slice/my-group.slice" },
		{ "-.slice", "my.slice", "/my.slice" },
		{ NULL, "kubepods-besteffort-pod1_2.slice",
		  "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice" },
		/* names that could be those of control files */
		{ NULL, "memory.scope", "/system.slice/_memory.scope" },
		{ NULL, "memory-a.scope", "/system.slice/memory-a.scope" },
		{ NULL, "cgroup.scope", "/system.slice/_cgroup.scope" },
		{ NULL, "_x.scope", "/system.slice/__x.scope" },
		{ "io-x.slice", "y.scope", "/_io.slice/io-x.slice/y.scope" },
	};
	static const struct {
		const char *slice;
		const char *name;
		const char *why;
	} bad[] = {
		{ "system", "web.scope", "does not end in .slice" },
		{ "a.scope", "web.scope", "does not end in .slice" },
		{ "a--b.slice", "web.scope", "each part" },
		{ "a/b.slice", "web.scope", "'/' cannot be in it" },
		{ "../x.slice", "web.scope", "'/' cannot be in it" },
		{ "system.slice", "my-group.slice", "by its name it is in 'my.slice'" },
		{ "my-group.slice", "my-group.slice", "by its name it is in 'my.slice'" },
		{ "my.slice", "web.slice", "by its name it is in '-.slice'" },
		{ "-.slice", "-.slice", NULL },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *path = NULL;

		CHECK_INT(cgw_unit_path(c, cases[i].slice, cases[i].name, &path), 0);
		CHECK_STR(path, cases[i].path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *path = NULL;

		CHECK_INT(cgw_unit_path(c, bad[i].slice, bad[i].name, &path),
			  bad[i].why ? -EINVAL : 0);
		if (bad[i].why)
			CHECK_HAS(cgw_strerror(c), bad[i].why);
	}
	return TAP_PASS;
}

/* 127 parts of one letter, and the dashes between them. */
static int deep_slices_have_long_paths(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_free_ char *path = NULL;
	char name[256] = "";

	for (int i = 0; i < 124; i++)
		strcat(name, i ? "-a" : "a");
	strcat(name, ".slice");
	CHECK_INT(cgw_unit_path(c, name, "x.scope", &path), 0);
	CHECK(strlen(path) > 15000);
	CHECK_STR(strrchr(path, '/'), "/x.scope");
	return TAP_PASS;
}

static int triples_become_units(void)
{
	static const struct {
		const char *triple;
		const char *slice;
		const char *name;
	} cases[] = {
		{ "system.slice:docker:4f2a", "system.slice", "docker-4f2a.scope" },
		{ "kubepods-besteffort-pod1_2.slice:cri-containerd:0a-b_c",
		  "kubepods-besteffort-pod1_2.slice", "cri-containerd-0a-b_c.scope" },
		{ "a.slice:any:a-b.slice", "a.slice", "a-b.slice" },
		{ "-.slice:x:y", "-.slice", "x-y.scope" },
		/* a suffix of another kind is part of the name */
		{ "system.slice:x:y.service", "system.slice", "x-y.service.scope" },
	};
	static const char *const bad[] = {
		"", "a", "a:b", "a.slice:b", "a.slice:b:", "a.slice::c", ":b:c", "a.slice::",
		"::", "a.slice:b:c:d", "a:b:c", "/a.slice:b:c", "a.slice:b/x:c", "a.slice:b:../c",
		"a--b.slice:c:d", "a.slice:x:b.slice", "a.slice:b c:d", "a.slice:b:c\n",
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *slice = NULL, *name = NULL;

		CHECK_INT(cgw_unit_parse_triple(c, cases[i].triple, &slice, &name), 0);
		CHECK_STR(slice, cases[i].slice);
		CHECK_STR(name, cases[i].name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *slice = NULL, *name = NULL;

		if (cgw_unit_parse_triple(c, bad[i], &slice, &name) != -EINVAL || slice || name)
			FAIL("'%s' is taken", bad[i]);
		CHECK(cgw_error_is_input(c) && cgw_strerror(c)[0]);
	}
	return TAP_PASS;
}

/* The properties of a set of values as "Name=value ..." in order. */
static void describe(const struct cgw__properties *p, char *text, size_t size)
{
	text[0] = '\0';
	for (size_t i = 0; i < p->n; i++) {
		const struct cgw__property *one = &p->list[i];
		size_t at = strlen(text);

		at += (size_t)snprintf(text + at, size - at, "%s%s=", at ? " " : "", one->name);
		if (one->type == 's')
			snprintf(text + at, size - at, "%s", one->text);
		else if (one->type == 't' && one->number == UINT64_MAX)
			snprintf(text + at, size - at, "infinity");
		else if (one->type == 't')
			snprintf(text + at, size - at, "%llu", (unsigned long long)one->number);
		for (size_t j = 0; j < one->n_bytes; j++, at += 2)
			snprintf(text + at, size - at, "%02x", one->bytes[j]);
	}
}

static int values_become_properties(void)
{
	static const struct {
		const char *settings[4];
		const char *properties;
	} cases[] = {
		{ { "memory.max=512M" }, "MemoryMax=536870912" },
		{ { "memory.max=max" }, "MemoryMax=infinity" },
		{ { "memory.min=0", "memory.low=4K", "memory.high=1M" },
		  "MemoryMin=0 MemoryLow=4096 MemoryHigh=1048576" },
		{ { "memory.swap.max=0", "memory.zswap.max=max" },
		  "MemorySwapMax=0 MemoryZSwapMax=infinity" },
		/* what systemd refuses is left to the file */
		{ { "memory.max=0", "memory.high=0", "pids.max=0" }, "" },
		{ { "memory.max=-1", "memory.high=1.5G", "pids.max=many" }, "" },
		{ { "cpu.weight=0" }, "" },
		{ { "cpu.weight=10001" }, "" },
		{ { "pids.max=max" }, "TasksMax=infinity" },
		{ { "pids.max=200" }, "TasksMax=200" },
		{ { "cpu.weight=50" }, "CPUWeight=50" },
		{ { "cpu.idle=1" }, "CPUWeight=0" },
		{ { "cpu.idle=1", "cpu.weight=50" }, "CPUWeight=0" },
		{ { "cpu.idle=0", "cpu.weight=50" }, "CPUWeight=50" },
		{ { "cpu.max=max" }, "CPUQuotaPerSecUSec=infinity" },
		{ { "cpu.max=max 50000" },
		  "CPUQuotaPerSecUSec=infinity CPUQuotaPeriodUSec=50000" },
		{ { "cpu.max=25000 50000" },
		  "CPUQuotaPerSecUSec=500000 CPUQuotaPeriodUSec=50000" },
		{ { "cpu.max=150000" }, "CPUQuotaPerSecUSec=1500000" },
		{ { "cpu.max=150%" }, "CPUQuotaPerSecUSec=1500000" },
		/* whole percents, never fewer */
		{ { "cpu.max=12345 100000" },
		  "CPUQuotaPerSecUSec=130000 CPUQuotaPeriodUSec=100000" },
		{ { "cpu.max=1000 1000000" },
		  "CPUQuotaPerSecUSec=10000 CPUQuotaPeriodUSec=1000000" },
		{ { "cpu.max=1000 0" }, "" },
		{ { "cpu.max=18446744073709551614 1000" }, "" },
		{ { "cpu.max=1000 1000 1000" }, "" },
		{ { "io.weight=200" }, "IOWeight=200" },
		{ { "io.weight=default 300" }, "IOWeight=300" },
		{ { "io.weight=8:0 300" }, "" },
		{ { "cpuset.cpus=0" }, "AllowedCPUs=01" },
		{ { "cpuset.cpus=0-3,6" }, "AllowedCPUs=4f" },
		{ { "cpuset.cpus=8,64-65" }, "AllowedCPUs=000100000000000003" },
		{ { "cpuset.mems=1" }, "AllowedMemoryNodes=02" },
		{ { "cpuset.cpus=0-31:2/4" }, "" },
		{ { "cpuset.cpus=3-1" }, "" },
		{ { "cpuset.cpus=0,99999" }, "" },
		{ { "cpuset.cpus=0," }, "" },
		{ { "memory.oom.group=1" }, "OOMPolicy=kill" },
		{ { "memory.oom.group=0" }, "OOMPolicy=continue" },
		{ { "io.max=8:0 rbps=1M", "hugetlb.2MB.max=2M", "cpu.max.burst=5" }, "" },
		{ { "memory.max=1M", "memory.max=2M" }, "MemoryMax=2097152" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(cgw__properties_free) struct cgw__properties p = { 0 };
		_cleanup_ctx_ struct cgw *c = cgtest_context();
		_cleanup_resources_ struct cgw_resources *r = NULL;
		char text[512];

		CHECK_INT(cgw_resources_new(c, &r), 0);
		for (size_t j = 0; j < 4 && cases[i].settings[j]; j++)
			CHECK_INT(cgw_resources_add(r, cases[i].settings[j]), 0);
		CHECK_INT(cgw__properties_add_resources(&p, r, false), 0);
		describe(&p, text, sizeof(text));
		if (strcmp(text, cases[i].properties) != 0)
			FAIL("%s: '%s', wanted '%s'", cases[i].settings[0], text, cases[i].properties);
	}
	return TAP_PASS;
}

/* Weights of an OCI document go to the file that is there, and to the one property. */
static int oci_weights_become_a_property(void)
{
	static const char json[] = "{\"blockIO\":{\"weight\":500},\"unified\":{\"memory.oom.group\":\"1\"}}";
	_cleanup_(cgw__properties_free) struct cgw__properties p = { 0 };
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_resources_ struct cgw_resources *r = NULL;
	char text[256];

	CHECK_INT(cgw_resources_new(c, &r), 0);
	CHECK_INT(cgw_resources_add_oci(r, "config.json", json, strlen(json)), 0);
	/* a slice is never killed as a whole */
	CHECK_INT(cgw__properties_add_resources(&p, r, true), 0);
	describe(&p, text, sizeof(text));
	CHECK_STR(text, "IOWeight=4950");
	return TAP_PASS;
}

static int cpu_lists_come_back(void)
{
	static const char *const lists[] = { "0", "0-3,6", "7-8", "1,3,5", "8191", "0-8191" };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		_cleanup_free_ uint8_t *bytes = NULL;
		_cleanup_free_ char *text = NULL;
		size_t n;

		CHECK_INT(cgw__parse_cpu_list(lists[i], &bytes, &n), 0);
		text = cgw__format_cpu_list(bytes, n);
		CHECK_STR(text, lists[i]);
	}
	return TAP_PASS;
}

static int a_property_that_is_not_known_is_left_out(void)
{
	_cleanup_(cgw__properties_free) struct cgw__properties p = { 0 };

	cgw__property_add(&p, "MemoryMax", 't');
	cgw__property_add(&p, "MemoryZSwapMax", 't');
	CHECK(!cgw__properties_drop(&p, "Cannot set property MemoryMaxX, or unknown property."));
	CHECK(!cgw__properties_drop(&p, "Access denied"));
	CHECK(cgw__properties_drop(&p, "Cannot set property MemoryZSwapMax, or unknown property."));
	CHECK(p.list[1].unknown && !p.list[0].unknown);
	CHECK(!cgw__properties_drop(&p, "Cannot set property MemoryZSwapMax, or unknown property."));
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(names_are_those_systemd_takes),
	T(slices_are_expanded_at_their_dashes),
	T(deep_slices_have_long_paths),
	T(triples_become_units),
	T(values_become_properties),
	T(oci_weights_become_a_property),
	T(cpu_lists_come_back),
	T(a_property_that_is_not_known_is_left_out),
};

CGTEST_MAIN(tests)

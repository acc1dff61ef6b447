// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What is wrong with an OCI JSON document is named with its place, in any document, in time. */
#include "cgtest.h"

/* The warnings of one document. */
struct warnings {
	size_t n;
	char last[1024];
};

static void count_warning(enum cgw_log_level level, const char *line, void *arg)
{
	struct warnings *w = arg;

	if (level != CGW_LOG_WARNING)
		return;
	w->n++;
	snprintf(w->last, sizeof(w->last), "%s", line);
}

static int read_limits(struct cgw *c, const char *text, size_t len)
{
	_cleanup_resources_ struct cgw_resources *r = NULL;

	if (cgw_resources_new(c, &r))
		return -ENOMEM;
	return cgw_resources_add_oci(r, "f", text, len);
}

static int a_fault_has_line_and_column(void)
{
	static const char *const cases[][2] = {
		{ "[]", "f:1:1: not an object" },
		{ "\n\n  [7]", "f:3:3: not an object" },
		{ "{\n\t\"memory\": {\n\t\t\"limit\": \"1G\"\n\t}\n}",
		  "f:3:12: memory.limit: not a whole number" },
		{ "{\"memory\"\n:\n\r\n  5}", "f:4:3: memory: not an object" },
		/* values that hold what looks like structure, before and around it */
		{ "{\"a\":\"}],\\\"memory\\\\\",\"b\":[[{\"memory\":{\"limit\":-9}}],\"]\"],\n"
		  "\"memory\":{\"limit\":-9}}",
		  "f:2:19: memory.limit: not within" },
		{ "{\"linux\":{\"memory\":{\"limit\":-9},\"resources\":{\"memory\":{\"limit\":-8}}}"
		  "}",
		  "f:1:64: linux.resources.memory.limit: not within" },
		/* the element, not the first one of its kind */
		{ "{\"hugepageLimits\":[ {\"pageSize\":\"2MB\",\"limit\":1} ,\n"
		  " {\"limit\":1 , \"pageSize\" : \"2MB]\"}]}",
		  "f:2:28: hugepageLimits[1].pageSize: '2MB]' is not one" },
		{ "{\"hugepageLimits\":[{\"limit\":1,\"pageSize\":\"2MB\"},\n{\"pageSize\":\"2MB\"}"
		  "]}",
		  "f:2:1: hugepageLimits[1]: limit is missing" },
		{ "{\"hugepageLimits\":[{\"limit\":1}]}",
		  "f:1:20: hugepageLimits[0].pageSize: '' is not one" },
		{ "{\"hugepageLimits\":[null]}",
		  "f:1:20: hugepageLimits[0]: a limit is an object" },
		{ "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":1,\"minor\":0,\"rate\":1}],"
		  "\"throttleWriteBpsDevice\":[{\"major\":1,\"minor\":0,\"rate\":-1}]}}",
		  "f:1:124: blockIO.throttleWriteBpsDevice[0].rate: not within" },
		/* keys with dots and brackets, and spelled with escapes */
		{ "{\"rdma\":{\"a.b[0]\":{},\"a\":{\"b[0]\":1},\"a.b\":{\"hcaHandles\":-1}}}",
		  "f:1:57: rdma.a.b.hcaHandles: not within" },
		{ "{\"rdma\":{\"x\\\"y\":{},\"\\\"\\\\\\/"
		  "\\u00e9\\ud83d\\ude00\":{\"hcaObjects\":\"\"}}}",
		  "f:1:61: rdma.\"\\/\303\251\360\237\230\200.hcaObjects: not a whole number" },
		{ "{\"unified\":{\"a.b\":\"1\",\n\"a\\u00e9.b\":\"1\"}}",
		  "f:2:13: unified.a\303\251.b: bad setting" },
		{ "{\"unified\":{\"memory.max\":\"1\",\"memory.high\":\"2X\"}}",
		  "f:1:44: unified.memory.high: bad setting 'memory.high=2X': '2X' has no unit" },
		/* two spellings of a key, which are not told apart by their text: the first */
		{ "{\"rdma\":{\"a/b\":{\"hcaObjects\":1},\"a\\/b\":{\"hcaObjects\":-1}}}",
		  "rdma.a/b.hcaObjects: not within" },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (!read_limits(c, cases[i][0], strlen(cases[i][0])))
			FAIL("%s was taken", cases[i][0]);
		if (!strstr(cgw_strerror(c), cases[i][1]))
			FAIL("%s: %s", cases[i][0], cgw_strerror(c));
		CHECK(cgw_error_is_input(c));
	}
	return TAP_PASS;
}

static int a_fault_of_the_syntax_has_them_too(void)
{
	static const char *const cases[][2] = {
		{ "", "f:1:1: the JSON ends too early" },
		{ "\n", "f:2:1: the JSON ends too early" },
		{ "{\"a\":1,\n \"b\":2,\n}", "f:3:1: " },
		{ "{\"a\":1,\n \"a\":2}", "f:2:2: the key 'a' stands twice" },
		{ "{\"a\":\n-01}", "f:2:1: not a number in JSON" },
		{ "{\"a\":\n\"x\ty\"}", "f:2:3: a control character in a string" },
		{ "{\"a\":1,\n\"\\u0062\":2}", "f:2:2: the key '\\u0062' spells ASCII by \\u" },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_INT(read_limits(c, cases[i][0], strlen(cases[i][0])), -EINVAL);
		if (strncmp(cgw_strerror(c), cases[i][1], strlen(cases[i][1])) != 0)
			FAIL("%s: %s", cases[i][0], cgw_strerror(c));
	}
	return TAP_PASS;
}

/* Around the fault: as many levels as are parsed, and long names. */
static int deep_and_long_documents_have_their_places(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	char text[4096], file[2048];
	_cleanup_resources_ struct cgw_resources *r = NULL;

	sprintf(text, "{\"x\":%.29s1%.29s,\n\"pids\":{\"limit\":true}}",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
	CHECK_INT(read_limits(c, text, strlen(text)), -EINVAL);
	CHECK_STR(cgw_strerror(c), "f:2:17: pids.limit: not a whole number");
	memset(file, 'f', sizeof(file) - 1);
	file[sizeof(file) - 1] = '\0';
	sprintf(text, "{\"rdma\":{\"%s\":\n1}}", file);
	CHECK_INT(read_limits(c, text, strlen(text)), -EINVAL);
	CHECK(!strncmp(cgw_strerror(c), "f:2:1: rdma.fff", 15));
	CHECK_INT(cgw_resources_new(c, &r), 0);
	CHECK_INT(cgw_resources_add_oci(r, file, "{\n\"pids\":1}", 11), -EINVAL);
	CHECK_HAS(cgw_strerror(c), "ff:2:8: pids: not an object");
	return TAP_PASS;
}

/* A document that holds much before what is warned of, piece by piece, and the last refused. */
static int warn_of_all(const char *begin, const char *piece, const char *end, const char *want)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	size_t large = (size_t)cgtest_scale(10 << 20), n = 4000, len = 0;
	_cleanup_free_ char *text = malloc(large + n * 64 + 256);
	struct warnings w = { 0 };
	int64_t started;

	CHECK(text != NULL);
	cgw_set_log(c, count_warning, &w);
	len += (size_t)sprintf(text, "{\"x\":[");
	while (len < large)
		len += (size_t)sprintf(text + len, "\"\\\"]\\n\",\n");
	len += (size_t)sprintf(text + len, "1],%s", begin);
	for (size_t i = 0; i < n; i++)
		len += (size_t)sprintf(text + len, "%s\"%zu\":1%s", piece, i,
				       strchr(piece, '{') ? "}" : "");
	len += (size_t)sprintf(text + len, "%s", end);
	started = cgw__now_ns();
	CHECK_INT(read_limits(c, text, len), -EINVAL);
	tap_note("%s%s...: %zu warnings in %lld ms", begin, piece, w.n,
		 (long long)((cgw__now_ns() - started) / CGW_NSEC_PER_MSEC));
	CHECK_INT(w.n, n + 1); /* and x */
	CHECK_HAS(cgw_strerror(c), want);
	return TAP_PASS;
}

/* Were the text walked from its beginning for each of them, this would take minutes. */
static int each_of_many_warnings_has_its_place(void)
{
	static const char *const cases[][4] = {
		{ "\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":0,\"minor\":0}",
		  ",\n{\"major\":1,\"minor\":0,", ",\n7]}}",
		  ":1: blockIO.throttleReadBpsDevice[4001]: a device is an object" },
		{ "\"blockIO\":{\"weightDevice\":[{\"major\":0,\"minor\":0}",
		  ",{\"major\":1,\"minor\":0,", ",\n7]}}", ":1: blockIO.weightDevice[4001]: " },
		{ "\"memory\":{\"limit\":1", ",\n", "},\n\"pids\":[]}", ":8: pids: not an object" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (warn_of_all(cases[i][0], cases[i][1], cases[i][2], cases[i][3]))
			FAIL("case %zu", i);
	return TAP_PASS;
}

/* Each is compared with all before it. */
static int too_many_entries_are_refused(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_free_ char *text = malloc(4097 * 32);
	size_t len = (size_t)sprintf(text, "{\"unified\":\n{");

	for (int i = 0; i <= 4096; i++)
		len += (size_t)sprintf(text + len, "\"misc.%d\":\"1\"%s", i, i < 4096 ? "," : "}}");
	CHECK_INT(read_limits(c, text, len), -EINVAL);
	CHECK_STR(cgw_strerror(c), "f:2:1: unified: more than 4096 entries");
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(a_fault_has_line_and_column),
	T(a_fault_of_the_syntax_has_them_too),
	T(deep_and_long_documents_have_their_places),
	T(each_of_many_warnings_has_its_place),
	T(too_many_entries_are_refused),
};

CGTEST_MAIN(tests)

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* From uses to rules: the smallest list, numbers that are handed out, lists of earlier runs. */
#include "cgtest.h"

#define B CGW_DEVICE_BLOCK
#define C CGW_DEVICE_CHAR
#define R CGW_DEVICE_READ
#define W CGW_DEVICE_WRITE
#define M CGW_DEVICE_MKNOD

static const char devices[] = "Character devices:\n"
			      "  1 mem\n"
			      "136 pts\n"
			      "240 own\n"
			      "511 last\n"
			      "512 beyond\n"
			      "\n"
			      "Block devices:\n"
			      "  7 loop\n"
			      "234 first\n"
			      "252 device-mapper\n"
			      "259 blkext\n";

/* A context whose /proc/devices is the one above. */
static struct cgw *context(const char *dir)
{
	cgtest_spit(devices, "%s/proc/devices", dir);
	cgtest_spit("", "%s/proc/self/cgroup", dir);
	cgtest_spit("", "%s/cgroup/cgroup.controllers", dir);
	return cgtest_recorded(dir);
}

/* The rules, each with "; " behind it; lives until the next call. */
static const char *learn(struct cgw *c, const char *earlier, unsigned int flags,
			 const struct cgw_use *uses, size_t n)
{
	_cleanup_rules_ struct cgw_rules *before = NULL, *rules = NULL;
	char rule[CGW_RULE_TEXT_MAX];
	static char text[2048];

	text[0] = '\0';
	if (cgw_rules_new(c, &before) || cgw_rules_add_text(before, "t", earlier, strlen(earlier)) ||
	    cgw_learn_rules(c, *earlier ? before : NULL, uses, n, flags, &rules))
		return cgw_strerror(c);
	for (size_t i = 0; i < cgw_rules_count(rules); i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s; ",
			 cgw_rule_format(cgw_rules_at(rules, i), rule));
	return text;
}

#define LEARN(earlier, flags, ...)                                                     \
	learn(c, earlier, flags, (const struct cgw_use[]){ __VA_ARGS__ },              \
	      sizeof((const struct cgw_use[]){ __VA_ARGS__ }) / sizeof(struct cgw_use))

static int nothing_used_is_an_empty_list(void)
{
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	_cleanup_ctx_ struct cgw *c = context(dir);

	CHECK_STR(learn(c, "", 0, NULL, 0), "");
	CHECK_STR(LEARN("", 0, { 0, 1, 1, 7, C, R }), "");
	return TAP_PASS;
}

static int a_device_has_one_rule(void)
{
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	_cleanup_ctx_ struct cgw *c = context(dir);

	CHECK_STR(LEARN("", 0, { 5, 0, 1, 3, C, R }, { 1, 0, 1, 3, C, W }, { 2, 0, 1, 3, C, R | W },
			{ 1, 0, 1, 3, B, M }),
		  "allow c 1:3 rw; allow b 1:3 m; ");
	CHECK_STR(LEARN("", 0, { 1, 0, 240, 1, C, R }, { 1, 0, 10, 9, C, R }, { 1, 0, 10, 200, C, R },
			{ 1, 0, 4, 64, C, R }),
		  "allow c 240:* r; allow c 4:64 r; allow c 10:9 r; allow c 10:200 r; ");
	return TAP_PASS;
}

static int what_is_only_looked_for_can_be_found(void)
{
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	_cleanup_ctx_ struct cgw *c = context(dir);

	CHECK_STR(LEARN("", 0, { 1, 0, 10, 200, C, 0 }), "allow c 10:200 m; ");
	CHECK_STR(LEARN("", 0, { 1, 0, 10, 200, C, 0 }, { 1, 0, 10, 200, C, W }), "allow c 10:200 w; ");
	CHECK_STR(LEARN("c *:* r", 0, { 1, 0, 10, 200, C, 0 }), "allow c *:* r; ");
	return TAP_PASS;
}

static int denied_uses_are_left_out_unless_wanted(void)
{
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	_cleanup_ctx_ struct cgw *c = context(dir);

	CHECK_STR(LEARN("", 0, { 0, 3, 1, 3, C, W }, { 1, 0, 1, 3, C, R }), "allow c 1:3 r; ");
	CHECK_STR(LEARN("", CGW_LEARN_DENIED, { 0, 3, 1, 3, C, W }, { 1, 0, 1, 3, C, R }),
		  "allow c 1:3 rw; ");
	return TAP_PASS;
}

static int numbers_that_are_handed_out_become_wildcards(void)
{
	static const struct {
		unsigned int type;
		uint32_t major;
		const char *name; /* NULL = not dynamic */
	} cases[] = {
		{ C, 135, NULL },    { C, 136, "pts" },	     { C, 143, "pts" },
		{ C, 144, NULL },    { B, 136, NULL },	     { B, 7, "loop" },
		{ C, 7, NULL },	     { B, 259, "blkext" },   { C, 259, NULL },
		{ C, 240, "own" },   { B, 240, NULL },	     { B, 252, "device-mapper" },
		{ C, 252, NULL },    { B, 234, "first" },    { C, 511, "last" },
		{ C, 512, NULL },    { C, 1, NULL },	     { B, 383, NULL },
	};
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	_cleanup_ctx_ struct cgw *c = context(dir);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cgw_use use = { 1, 0, cases[i].major, 5, (uint8_t)cases[i].type, R };
		char name[64] = "", want[64];

		if (cgw_device_is_dynamic(c, cases[i].type, cases[i].major, name, sizeof(name)) !=
		    !!cases[i].name)
			FAIL("type %u major %u", cases[i].type, cases[i].major);
		CHECK_STR(name, cases[i].name ? cases[i].name : "");
		snprintf(want, sizeof(want), "allow %c %u:%s r; ", cases[i].type == B ? 'b' : 'c',
			 cases[i].major, cases[i].name ? "*" : "5");
		CHECK_STR(learn(c, "", 0, &use, 1), want);
	}
	CHECK_STR(LEARN("", 0, { 1, 0, 136, 0, C, R }, { 1, 0, 136, 17, C, W }), "allow c 136:* rw; ");
	return TAP_PASS;
}

/* 240 to 254 are for what is tried out: nobody has the last minor there is. */
static int devices_have_nodes(void)
{
	char node[CGW_NODE_MAX];

	CHECK(!cgw_device_node(C, 254, 1048575, node));
	CHECK(!cgw_device_node(B, 254, 1048575, node));
	CHECK(!cgw_device_node(C, 143, 255, node));
	if (access("/sys/dev/char/1:3", F_OK) < 0)
		return tap_skip("sysfs is not mounted here");
	CHECK_STR(cgw_device_node(C, 1, 3, node), "/dev/null");
	CHECK(!cgw_device_node(B, 1, 1048575, node));
	return TAP_PASS;
}

static int earlier_lists_are_kept(void)
{
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	_cleanup_ctx_ struct cgw *c = context(dir);

	CHECK_STR(LEARN("c 1:3 w\nc 1:5 r", 0, { 1, 0, 1, 3, C, R }), "allow c 1:3 rw; allow c 1:5 r; ");
	CHECK_STR(LEARN("c 1:* r", 0, { 1, 0, 1, 3, C, R }), "allow c 1:* r; ");
	CHECK_STR(LEARN("allow a\ndeny c 1:11 w\ndeny c 1:1", 0, { 1, 0, 1, 11, C, W }),
		  "allow a; deny c 1:1 rwm; ");
	/* the same again changes nothing, in whatever order */
	CHECK_STR(LEARN("allow c 136:* rw\nallow c 1:3 r", 0, { 1, 0, 136, 3, C, R }, { 1, 0, 1, 3, C, R }),
		  "allow c 136:* rw; allow c 1:3 r; ");
	CHECK_STR(LEARN("allow c 1:3 r", 0, { 1, 0, 136, 9, C, R | W }),
		  "allow c 136:* rw; allow c 1:3 r; ");
	return TAP_PASS;
}

static int too_many_are_refused(void)
{
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	_cleanup_ctx_ struct cgw *c = context(dir);
	size_t n = CGW_POLICY_ENTRIES + 1;
	_cleanup_free_ struct cgw_use *uses = calloc(n, sizeof(*uses));
	_cleanup_rules_ struct cgw_rules *rules = NULL;

	CHECK(uses);
	for (size_t i = 0; i < n; i++)
		uses[i] = (struct cgw_use){ 1, 0, 10, (uint32_t)i, C, R };
	CHECK_INT(cgw_learn_rules(c, NULL, uses, n - 1, 0, &rules), 0);
	CHECK_INT(cgw_rules_count(rules), n - 1);
	cgw_rules_free(rules);
	rules = NULL;
	CHECK_INT(cgw_learn_rules(c, NULL, uses, n, 0, &rules), -E2BIG);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(nothing_used_is_an_empty_list),
	T(a_device_has_one_rule),
	T(what_is_only_looked_for_can_be_found),
	T(denied_uses_are_left_out_unless_wanted),
	T(numbers_that_are_handed_out_become_wildcards),
	T(devices_have_nodes),
	T(earlier_lists_are_kept),
	T(too_many_are_refused),
};

CGTEST_MAIN(tests)

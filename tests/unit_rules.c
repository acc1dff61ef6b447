// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Device rules as text: every form, and every error with its place. */
#include <sys/stat.h>

#include "cgtest.h"

#define R CGW_DEVICE_READ
#define W CGW_DEVICE_WRITE
#define M CGW_DEVICE_MKNOD
#define ANY CGW_DEVICE_ANY

static struct cgw_rules *new_rules(struct cgw *c)
{
	struct cgw_rules *rules = NULL;

	if (cgw_rules_new(c, &rules))
		abort();
	return rules;
}

static bool same_rule(const struct cgw_rule *a, const struct cgw_rule *b)
{
	return a->type == b->type && a->allow == b->allow && a->access == b->access &&
	       a->major == b->major && a->minor == b->minor;
}

static int every_form_of_rule_is_read(void)
{
	static const struct {
		const char *text;
		struct cgw_rule want;
	} cases[] = {
		{ "a", { 'a', true, R | W | M, ANY, ANY } },
		{ "b", { 'b', true, R | W | M, ANY, ANY } },
		{ "deny a", { 'a', false, R | W | M, ANY, ANY } },
		{ "allow c", { 'c', true, R | W | M, ANY, ANY } },
		{ "c 1:3", { 'c', true, R | W | M, 1, 3 } },
		{ "c 1:3 r", { 'c', true, R, 1, 3 } },
		{ "deny b 8:0 w", { 'b', false, W, 8, 0 } },
		{ "allow c 1:3 mwr", { 'c', true, R | W | M, 1, 3 } },
		{ "c 136:* rw", { 'c', true, R | W, 136, ANY } },
		{ "c *:3 m", { 'c', true, M, ANY, 3 } },
		{ "c *:* m", { 'c', true, M, ANY, ANY } },
		{ "a 1:3", { 'a', true, R | W | M, 1, 3 } },
		{ "c rw", { 'c', true, R | W, ANY, ANY } },
		{ "deny a m", { 'a', false, M, ANY, ANY } },
		{ "c 4294967294:4294967294 r", { 'c', true, R, 4294967294U, 4294967294U } },
		{ "c 0:0 rr", { 'c', true, R, 0, 0 } },
		{ "c 0001:003", { 'c', true, R | W | M, 1, 3 } },
		{ "  allow\tc   1:3\trw  ", { 'c', true, R | W, 1, 3 } },
		{ "/dev/null", { 'c', true, R | W | M, 1, 3 } },
		{ "/dev/null:r", { 'c', true, R, 1, 3 } },
		{ "deny /dev/null:wm", { 'c', false, W | M, 1, 3 } },
		{ "allow /dev/../dev/zero:r", { 'c', true, R, 1, 5 } },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_rules_ struct cgw_rules *rules = new_rules(c);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int err = cgw_rules_add(rules, cases[i].text);

		if (err)
			FAIL("'%s' gives %d: %s", cases[i].text, err, cgw_strerror(c));
		CHECK_INT(cgw_rules_count(rules), i + 1);
		if (!same_rule(cgw_rules_at(rules, i), &cases[i].want))
			FAIL("'%s' is read as another rule", cases[i].text);
	}
	CHECK(!cgw_rules_at(rules, ARRAY_SIZE(cases)));
	return TAP_PASS;
}

static int every_error_names_its_column(void)
{
	static const struct {
		const char *text;
		int err;
		unsigned int column;
		const char *why;
	} cases[] = {
		{ "", -EINVAL, 1, "ends too early" },
		{ "   ", -EINVAL, 4, "ends too early" },
		{ "allow", -EINVAL, 6, "ends too early" },
		{ "deny ", -EINVAL, 6, "ends too early" },
		{ "x 1:3", -EINVAL, 1, "'x' is no type" },
		{ "allow x", -EINVAL, 7, "'x' is no type" },
		{ "ALLOW c", -EINVAL, 1, "'ALLOW' is no type" },
		{ "allow deny c", -EINVAL, 7, "'deny' is no type" },
		{ "cc 1:3", -EINVAL, 1, "'cc' is no type" },
		{ "null", -EINVAL, 1, "'null' is no type" },
		{ "c 1", -EINVAL, 3, "'1' is no access" },
		{ "c 1 rw", -EINVAL, 3, "'1' is no access" },
		{ "c 1:", -EINVAL, 5, "minor is missing" },
		{ "c :3", -EINVAL, 3, "major is missing" },
		{ "c 1:3x", -EINVAL, 6, "minor '3x'" },
		{ "c -1:3", -EINVAL, 3, "major '-1'" },
		{ "c 1:+3", -EINVAL, 5, "minor '+3'" },
		{ "c 0x1:3", -EINVAL, 4, "major '0x1'" },
		{ "c 1:2:3", -EINVAL, 6, "minor '2:3'" },
		{ "c 1:**", -EINVAL, 5, "minor '**'" },
		{ "c 4294967295:0", -ERANGE, 3, "above 4294967294" },
		{ "c 1:99999999999999999999999", -ERANGE, 5, "above 4294967294" },
		{ "c 1:3 rx", -EINVAL, 7, "'rx' is no access" },
		{ "c 1:3 R", -EINVAL, 7, "'R' is no access" },
		{ "c 1:3 rw m", -EINVAL, 10, "'m' is too much" },
		{ "c rw 1:3", -EINVAL, 6, "'1:3' is too much" },
		{ "/nonexistent/dev", -ENOENT, 1, "No such file" },
		{ "deny /nonexistent/dev:rw", -ENOENT, 6, "'/nonexistent/dev'" },
		{ "/dev", -ENODEV, 1, "'/dev' is not a device" },
		{ "./tests", -ENODEV, 1, "is not a device" },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_rules_ struct cgw_rules *rules = new_rules(c);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int err = cgw_rules_add(rules, cases[i].text);
		char place[600];

		if (err != cases[i].err)
			FAIL("'%s' gives %d, wanted %d", cases[i].text, err, cases[i].err);
		snprintf(place, sizeof(place), "bad rule '%s': column %u: ", cases[i].text,
			 cases[i].column);
		CHECK_HAS(cgw_strerror(c), place);
		CHECK_HAS(cgw_strerror(c), cases[i].why);
		CHECK(cgw_error_is_input(c));
		if (err == -EINVAL)
			CHECK_HAS(cgw_hint(c), "[allow|deny] a|b|c");
		CHECK_INT(cgw_rules_count(rules), 0);
	}
	return TAP_PASS;
}

static int paths_are_looked_up_through_links(void)
{
	static const char *const names[] = { "link", "with:colon", "with blank", "x:rq" };
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	const struct cgw_rule want = { 'c', true, R, 1, 3 };
	char path[300], text[400];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_rules_ struct cgw_rules *rules = new_rules(c);

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		CHECK(!symlink("/dev/null", path));
		snprintf(text, sizeof(text), "%s:r", path);
		CHECK_INT(cgw_rules_add(rules, text), 0);
		CHECK(same_rule(cgw_rules_at(rules, 0), &want));
		CHECK_INT(cgw_rules_add(rules, path), 0);
		CHECK_INT(cgw_rules_at(rules, 1)->access, R | W | M);
	}
	snprintf(path, sizeof(path), "%s/loop", dir);
	CHECK(!symlink("loop", path));
	{
		_cleanup_rules_ struct cgw_rules *rules = new_rules(c);

		CHECK_INT(cgw_rules_add(rules, path), -ELOOP);
	}
	return TAP_PASS;
}

static int texts_are_read_line_by_line(void)
{
	static const char text[] = "# a comment\n"
				   "\n"
				   "deny a   # nothing\n"
				   "  c 1:3 rw\r\n"
				   "\t/dev/zero:r\t# by path\n"
				   "b 8:0 r";
	static const struct cgw_rule want[] = {
		{ 'a', false, R | W | M, ANY, ANY },
		{ 'c', true, R | W, 1, 3 },
		{ 'c', true, R, 1, 5 },
		{ 'b', true, R, 8, 0 },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_rules_ struct cgw_rules *rules = new_rules(c);
	_cleanup_free_ char *exact = malloc(strlen(text));

	/* no NUL behind it, so that a read beyond the end is seen */
	CHECK(exact);
	memcpy(exact, text, strlen(text));
	CHECK_INT(cgw_rules_add_text(rules, "text", exact, strlen(text)), 0);
	CHECK_INT(cgw_rules_count(rules), ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		if (!same_rule(cgw_rules_at(rules, i), &want[i]))
			FAIL("rule %zu is another", i);
	CHECK_INT(cgw_rules_add_text(rules, "empty", "", 0), 0);
	CHECK_INT(cgw_rules_add_text(rules, "blank", "\n\n  \n#\n", 7), 0);
	CHECK_INT(cgw_rules_count(rules), ARRAY_SIZE(want));
	return TAP_PASS;
}

static int errors_in_texts_name_line_and_column(void)
{
	static const struct {
		const char *text;
		const char *place;
	} cases[] = {
		{ "c 1:3\n\n  x", "my.rules:3:3: bad rule: 'x' is no type" },
		{ "c 1:3 rz # comment", "my.rules:1:7: bad rule: 'rz'" },
		{ "deny a\nc 1:", "my.rules:2:5: bad rule: minor is missing" },
		{ "deny a\nallow\n", "my.rules:2:6: bad rule: the rule ends too early" },
		{ "deny a\n/nonexistent\n",
		  "my.rules:2:1: bad rule: cannot look up '/nonexistent'" },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_rules_ struct cgw_rules *rules = new_rules(c);

	CHECK_INT(cgw_rules_add(rules, "c 5:0"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK(cgw_rules_add_text(rules, "my.rules", cases[i].text, strlen(cases[i].text)) <
		      0);
		CHECK_HAS(cgw_strerror(c), cases[i].place);
		CHECK(cgw_error_is_input(c));
		CHECK_INT(cgw_rules_count(rules), 1);
	}
	CHECK_INT(cgw_rules_add_text(rules, "my.rules", "c 1:3\nc\0 1:5\n", 13), -EINVAL);
	CHECK_HAS(cgw_strerror(c), "my.rules: byte 8 is a NUL");
	CHECK_INT(cgw_rules_count(rules), 1);
	return TAP_PASS;
}

static int files_are_read(void)
{
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_rules_ struct cgw_rules *rules = new_rules(c);
	char path[300];

	snprintf(path, sizeof(path), "%s/rules", dir);
	CHECK_INT(cgw_rules_add_file(rules, path), -ENOENT);
	CHECK_HAS(cgw_strerror(c), path);
	cgtest_spit("deny a\nc 1:3 rw\n", "%s", path);
	CHECK_INT(cgw_rules_add_file(rules, path), 0);
	CHECK_INT(cgw_rules_count(rules), 2);
	cgtest_spit("c 1:3\nc 1:3 q\n", "%s", path);
	CHECK_INT(cgw_rules_add_file(rules, path), -EINVAL);
	CHECK_HAS(cgw_strerror(c), "/rules:2:7: ");
	CHECK_INT(cgw_rules_add_file(rules, dir), -EISDIR);
	CHECK_INT(cgw_rules_count(rules), 2);
	return TAP_PASS;
}

/* The text of a list's rules, each with a semicolon behind it. */
static const char *text_of(const struct cgw_rules *rules)
{
	static char text[2048];
	char one[CGW_RULE_TEXT_MAX];

	text[0] = '\0';
	for (size_t i = 0; i < cgw_rules_count(rules); i++) {
		strcat(text, cgw_rule_format(cgw_rules_at(rules, i), one));
		strcat(text, ";");
	}
	return text;
}

static int lists_have_their_rules(void)
{
	static const struct {
		const char *name;
		const char *rules; /* separated by semicolons */
	} cases[] = {
		{ "oci",
		  "allow c *:* m;allow b *:* m;allow c 1:3 rwm;allow c 1:5 rwm;allow c 1:7 rwm;"
		  "allow c 1:8 rwm;allow c 1:9 rwm;allow c 5:0 rwm;allow c 5:2 rwm;allow c 136:* "
		  "rwm;" },
		{ "runc",
		  "allow c *:* m;allow b *:* m;allow c 1:3 rwm;allow c 1:5 rwm;allow c 1:7 rwm;"
		  "allow c 1:8 rwm;allow c 1:9 rwm;allow c 5:0 rwm;allow c 5:2 rwm;allow c 136:* "
		  "rwm;"
		  "allow c 10:200 rwm;" },
		{ "basic",
		  "allow c 1:3 rwm;allow c 1:5 rwm;allow c 1:7 rwm;allow c 1:8 rwm;allow c 1:9 rwm;"
		  "allow c 5:0 rwm;allow c 5:2 rwm;allow c 136:* rwm;" },
		{ "none", "deny a;" },
		{ "all", "allow a;" },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_rules_ struct cgw_rules *rules = new_rules(c);

		CHECK_INT(cgw_rules_add_list(rules, cases[i].name), 0);
		CHECK_STR(text_of(rules), cases[i].rules);
	}
	{
		_cleanup_rules_ struct cgw_rules *rules = new_rules(c);

		CHECK_INT(cgw_rules_add_list(rules, "docker"), -ENOENT);
		CHECK_STR(cgw_strerror(c), "no device list and no file is named 'docker'");
		CHECK_HAS(cgw_hint(c), "oci, runc, basic, none, all and hypervisor");
		CHECK(cgw_error_is_input(c));
	}
	return TAP_PASS;
}

/* Two of the devices have numbers that each kernel gives out anew. */
static int hypervisor_list_has_what_this_machine_has(void)
{
	static const char devices[] = "Character devices:\n  1 mem\n 10 misc\n253 device-mapper\n\n"
				      "Block devices:\n259 blkext\n  7 loop\n252 device-mapper\n";
	static const char fixed[] = "allow c 10:200 rwm;allow c 10:232 rwm;allow c 10:238 rwm;"
				    "allow c 10:241 rwm;allow c 10:196 rwm;";
	_cleanup_tmp_ char *dir = cgtest_copy("unified");
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
	_cleanup_rules_ struct cgw_rules *rules = new_rules(c), *none = new_rules(c);

	CHECK_INT(cgw_rules_add_list(none, "hypervisor"), 0);
	CHECK_HAS(text_of(none), fixed);
	CHECK(!strstr(text_of(none), " b 2"));
	cgtest_spit(devices, "%s/proc/devices", dir);
	cgtest_spit("232 kvm\n122 mshv\n", "%s/proc/misc", dir);
	CHECK_INT(cgw_rules_add_list(rules, "hypervisor"), 0);
	CHECK_HAS(text_of(rules), fixed);
	CHECK_HAS(text_of(rules), "10:196 rwm;allow b 252:* rwm;allow c 10:122 rwm;");
	return TAP_PASS;
}

/* What a runtime gives to each container: first to deny it for ordered, last for runc. */
static int defaults_are_put_where_the_semantics_want_them(void)
{
	static const char user[] = "allow b 8:0\ndeny a\ndeny c 5:0 w";
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_rules_ struct cgw_rules *ordered = new_rules(c), *runc = new_rules(c);
	_cleanup_rules_ struct cgw_rules *containerd = new_rules(c), *empty = new_rules(c);
	_cleanup_rules_ struct cgw_rules *partly = new_rules(c);

	CHECK_INT(cgw_rules_add_text(ordered, "x", user, strlen(user)), 0);
	CHECK_INT(cgw_rules_add_defaults(ordered, CGW_SEMANTICS_ORDERED), 0);
	CHECK_HAS(text_of(ordered), "allow b 8:0 rwm;deny a;allow c *:* m;");
	CHECK_HAS(text_of(ordered), "allow c 136:* rwm;deny c 5:0 w;");
	CHECK(!cgw_rules_evaluate(ordered, CGW_SEMANTICS_ORDERED, CGW_DEVICE_CHAR, 5, 0, 4));
	CHECK_INT(cgw_rules_add_text(runc, "x", user, strlen(user)), 0);
	CHECK_INT(cgw_rules_add_defaults(runc, CGW_SEMANTICS_RUNC), 0);
	CHECK_HAS(text_of(runc), "deny a;deny c 5:0 w;allow c *:* m;");
	CHECK_HAS(text_of(runc), "allow c 10:200 rwm;");
	CHECK(cgw_rules_evaluate(runc, CGW_SEMANTICS_RUNC, CGW_DEVICE_CHAR, 5, 0, 4));
	CHECK_INT(cgw_rules_add_text(containerd, "x", user, strlen(user)), 0);
	CHECK_INT(cgw_rules_add_defaults(containerd, CGW_SEMANTICS_CONTAINERD), 0);
	CHECK_INT((long)cgw_rules_count(containerd), 3);
	CHECK_INT(cgw_rules_add_defaults(empty, CGW_SEMANTICS_ORDERED), 0);
	CHECK(!strncmp(text_of(empty), "allow c *:* m;", 14));
	/* "a" with numbers or fewer bits does not deny everything */
	CHECK_INT(cgw_rules_add_text(partly, "x", "deny a 7:*\ndeny a *:* rw", 24), 0);
	CHECK_INT(cgw_rules_add_defaults(partly, CGW_SEMANTICS_ORDERED), 0);
	CHECK(!strncmp(text_of(partly), "allow c *:* m;", 14));
	return TAP_PASS;
}

static int formatted_rules_are_read_back(void)
{
	static const char types[] = "abc";
	static const uint32_t numbers[] = { 0, 1, 4294967294U, ANY };
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (unsigned int i = 0; i < 3 * 2 * 7 * 4 * 4; i++) {
		_cleanup_rules_ struct cgw_rules *rules = new_rules(c);
		struct cgw_rule rule = { types[i % 3], i / 3 % 2, (uint8_t)(i / 6 % 7 + 1),
					 numbers[i / 42 % 4], numbers[i / 168] };
		char text[CGW_RULE_TEXT_MAX];

		CHECK_INT(cgw_rules_add(rules, cgw_rule_format(&rule, text)), 0);
		if (!same_rule(cgw_rules_at(rules, 0), &rule))
			FAIL("'%s' is read back as another rule", text);
	}
	return TAP_PASS;
}

static int bad_structures_are_refused(void)
{
	static const struct cgw_rule bad[] = {
		{ 'x', true, R, 1, 1 },
		{ 0, true, R, 1, 1 },
		{ 'c', true, 0, 1, 1 },
		{ 'c', true, 8, 1, 1 },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_rules_ struct cgw_rules *rules = new_rules(c);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_INT(cgw_rules_add_rule(rules, &bad[i]), -EINVAL);
	CHECK_INT(cgw_rules_count(rules), 0);
	return TAP_PASS;
}

static int last_matching_rule_decides_each_bit(void)
{
	static const struct {
		const char *rules;
		unsigned int type, major, minor, access;
		bool want;
	} cases[] = {
		{ "", 2, 1, 3, R, false },
		{ "", 2, 1, 3, 0, false },
		{ "allow a", 1, 8, 0, R | W | M, true },
		{ "c 1:3 rw", 2, 1, 3, R | W, true },
		{ "c 1:3 rw", 2, 1, 3, R | W | M, false },
		{ "c 1:3 rw", 1, 1, 3, R, false },
		{ "c 1:3 rw", 2, 1, 4, R, false },
		{ "c 1:3 rw", 2, 1, 3, 0, true },
		{ "allow a\ndeny c 1:3 w", 2, 1, 3, R, true },
		{ "allow a\ndeny c 1:3 w", 2, 1, 3, R | W, false },
		{ "allow a\ndeny c 1:3 w", 2, 1, 3, 0, true },
		{ "deny c 1:3 w\nallow a", 2, 1, 3, W, true },
		{ "c 1:3 r\nc 1:3 w", 2, 1, 3, R | W, true },
		{ "c 1:* r\nc *:3 w", 2, 1, 3, R | W, true },
		{ "c 1:* r\nc *:3 w", 2, 1, 4, R | W, false },
		{ "allow a\ndeny a m", 1, 5, 5, M, false },
		{ "allow a\ndeny a m", 1, 5, 5, R | W, true },
		{ "deny a\nc 4294967294:0 r", 2, 4294967294U, 0, R, true },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_rules_ struct cgw_rules *rules = new_rules(c);

		CHECK_INT(cgw_rules_add_text(rules, "t", cases[i].rules, strlen(cases[i].rules)),
			  0);
		if (cgw_rules_evaluate(rules, CGW_SEMANTICS_ORDERED, cases[i].type, cases[i].major,
				       cases[i].minor, cases[i].access) != cases[i].want)
			FAIL("'%s' on %u %u:%u access %u is not %d", cases[i].rules, cases[i].type,
			     cases[i].major, cases[i].minor, cases[i].access, cases[i].want);
	}
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(every_form_of_rule_is_read),
	T(every_error_names_its_column),
	T(paths_are_looked_up_through_links),
	T(texts_are_read_line_by_line),
	T(errors_in_texts_name_line_and_column),
	T(files_are_read),
	T(lists_have_their_rules),
	T(hypervisor_list_has_what_this_machine_has),
	T(defaults_are_put_where_the_semantics_want_them),
	T(formatted_rules_are_read_back),
	T(bad_structures_are_refused),
	T(last_matching_rule_decides_each_bit),
};

CGTEST_MAIN(tests)

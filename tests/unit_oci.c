// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Device rules from OCI JSON: what is read, and what is refused rather than guessed. */
#include <json-c/json.h>

#include "cgtest.h"

/* The rules of a document, each followed by ";"; NULL when it is refused. */
static char *read_rules(struct cgw *c, const char *json)
{
	_cleanup_rules_ struct cgw_rules *rules = NULL;
	char one[CGW_RULE_TEXT_MAX], *text;
	size_t len = 0;

	if (cgw_rules_new(c, &rules) || cgw_rules_add_oci(rules, "config.json", json, strlen(json)))
		return NULL;
	text = calloc(cgw_rules_count(rules) + 1, CGW_RULE_TEXT_MAX + 1);
	for (size_t i = 0; i < cgw_rules_count(rules); i++)
		len += (size_t)sprintf(text + len, "%s;", cgw_rule_format(cgw_rules_at(rules, i), one));
	return text;
}

static int rules_are_found_wherever_the_document_begins(void)
{
	static const char *const documents[][2] = {
		{ "{\"ociVersion\":\"1.0.2\",\"linux\":{\"mask\":[],\"resources\":{\"devices\":", "}}}" },
		{ "{\"resources\":{\"pids\":{\"limit\":5},\"devices\":", "}}" },
		{ " { \"devices\" : ", " , \"memory\" : { } } " },
		{ "", "" },
	};
	static const char list[] = "[{\"allow\":false,\"access\":\"rwm\"},"
				   "{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rw\"}]";
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		_cleanup_free_ char *text = NULL, *json = NULL;

		if (asprintf(&json, "%s%s%s", documents[i][0], list, documents[i][1]) < 0)
			FAIL("asprintf");
		text = read_rules(c, json);
		if (!text)
			FAIL("%s", cgw_strerror(c));
		CHECK_STR(text, "deny a;allow c 1:3 rw;");
	}
	return TAP_PASS;
}

static int absent_fields_have_their_defaults(void)
{
	static const char *const cases[][2] = {
		{ "[]", "" },
		{ "[{}]", "deny a;" },
		{ "[{\"allow\":true}]", "allow a;" },
		{ "[{\"allow\":true,\"type\":null,\"major\":null,\"access\":null}]", "allow a;" },
		{ "[{\"allow\":true,\"type\":\"b\",\"major\":-1,\"minor\":7}]", "allow b *:7 rwm;" },
		{ "[{\"allow\":true,\"type\":\"c\",\"major\":4294967294}]",
		  "allow c 4294967294:* rwm;" },
		{ "[{\"x\":[10.0,-1.5e-01,0.5,-0,\"NI'/.\",0e+00]}]", "deny a;" },
		{ "[{\"type\":\"c\",\"access\":\"mr\",\"unknown\":{\"a\":[1]}}]", "deny c *:* rm;" },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = read_rules(c, cases[i][0]);

		if (!text)
			FAIL("%s: %s", cases[i][0], cgw_strerror(c));
		CHECK_STR(text, cases[i][1]);
	}
	return TAP_PASS;
}

static int what_is_wrong_is_refused_and_named(void)
{
	static const char *const cases[][2] = {
		{ "", "config.json:1:1: the JSON ends too early" },
		{ "{\"devices\":\n[", "config.json:2:2: the JSON ends too early" },
		{ "[]x", ":1:3: " },
		{ " null ", "nothing but null" },
		{ "nul", "the JSON ends too early" },
		{ "{'devices':[]}", ":1:2: ' is not JSON" },
		{ "{\"devices\":[] /* \"devices\" */}", ":1:15: " },
		{ "{}", "config.json:1:1: there are no linux.resources.devices" },
		{ "{\"linux\":{\"resources\":{}}}", "config.json:1:23: linux.resources: there are no" },
		{ "{\"linux\":[]}", "config.json:1:10: linux: not an object" },
		{ "{\"linux\":{\"resources\":7}}", ":1:23: linux.resources: not an object" },
		{ "{\"devices\":{}}", ":1:12: devices: the rules are no array" },
		{ "[1]", ":1:2: [0]: a rule is an object" },
		{ "[{},null]", ":1:5: [1]: a rule is an object" },
		{ "[{\"type\":\"x\"}]", ":1:10: [0].type: 'x' is none of a, b, c" },
		{ "[{\"type\":\"\"}]", "type: '' is none of" },
		{ "[{\"type\":\"cc\"}]", "type: 'cc' is none of" },
		{ "[{\"type\":5}]", "type: not a string" },
		{ "[{\"access\":\"\"}]", "access: '' is not letters" },
		{ "[{\"access\":\"rwx\"}]", "access: 'rwx' is not letters" },
		{ "[{\"major\":\"1\"}]", "[0].major: not a whole number" },
		{ "[{\"major\":1.5}]", "[0].major: not a whole number" },
		{ "[{\"major\":1e3}]", "[0].major: not a whole number" },
		{ "[{\"minor\":-2}]", "minor: not within -1 and 4294967294" },
		{ "[{\"minor\":4294967295}]", "minor: not within" },
		{ "[{\"minor\":99999999999999999999999}]", "minor: not within" },
		{ "[{\"minor\":-99999999999999999999999}]", "minor: not within" },
		{ "[{\"allow\":1}]", "allow: neither true nor false" },
		{ "[{\"allow\":\"true\"}]", "allow: neither true nor false" },
		{ "[{\"allow\":false,\n\"allow\":true}]", ":2:1: the key 'allow' stands twice" },
		{ "{\"devices\":[],\"a\":{\"x\":1},\"devices\":[{\"allow\":true}]}",
		  ":1:27: the key 'devices' stands twice" },
		{ "[{\"\\u0061llow\":true}]", ":1:4: the key '\\u0061llow' spells ASCII by" },
		{ "[{\"type\":\"c\\u0000\"}]", "type: a NUL in a string" },
		{ "[{\"x\":NaN}]", ":1:7: N is not JSON" },
		{ "[{\"x\":Infinity}]", ":1:7: I is not JSON" },
		{ "[{\"x\":-Infinity}]", ":1:7: not a number in JSON" },
		{ "[{\"x\":1.}]", ":1:7: not a number in JSON" },
		{ "[{\"major\":-01}]", ":1:11: not a number in JSON" },
		{ "[{\"major\":-.5}]", ":1:11: not a number in JSON" },
		{ "[{\"major\":00}]", ":1:11: not a number in JSON" },
		{ "[{\"x\":\"a\nb\"}]", ":1:9: a control character in a string" },
		{ "[{\"x\t\":1}]", ":1:5: a control character in a string" },
		{ "[{\"type\":\"\\u001b[2J\"}]", "type: '?[2J' is none of" },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = read_rules(c, cases[i][0]);

		if (text)
			FAIL("%s was taken for '%s'", cases[i][0], text);
		if (!strstr(cgw_strerror(c), cases[i][1]))
			FAIL("%s: %s", cases[i][0], cgw_strerror(c));
		CHECK(!strncmp(cgw_strerror(c), "config.json:", 12));
		CHECK(cgw_error_is_input(c));
	}
	return TAP_PASS;
}

static int what_follows_a_nul_is_not_ignored(void)
{
	static const char text[] = "[]\0{\"devices\":[{\"allow\":false}]}";
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_rules_ struct cgw_rules *rules = NULL;

	CHECK_INT(cgw_rules_new(c, &rules), 0);
	CHECK_INT(cgw_rules_add_oci(rules, "config.json", text, sizeof(text) - 1), -EINVAL);
	CHECK_HAS(cgw_strerror(c), "config.json:1:3: a NUL is not JSON");
	CHECK(cgw_error_is_input(c));
	return TAP_PASS;
}

static int keys_are_compared_within_their_object_only(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_free_ char *text = read_rules(
		c, "{\"a\":{\"devices\":1,\"b\":{\"devices\":2}},\"devices\":[{\"allow\":true},{\"allow\":true}],"
		   "\"text\":\"\\\"devices\\\":[]\",\"\\\"\":[\"devices\",\"devices\"]}");

	if (!text)
		FAIL("%s", cgw_strerror(c));
	CHECK_STR(text, "allow a;allow a;");
	return TAP_PASS;
}

static int large_and_deep_documents_do_no_harm(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	size_t n = (size_t)cgtest_scale(100000), len = 0;
	_cleanup_free_ char *deep = malloc(100001), *wide = malloc(n * 96 + 64);
	_cleanup_rules_ struct cgw_rules *rules = NULL;

	memset(deep, '[', 100000);
	deep[100000] = '\0';
	CHECK(!read_rules(c, deep));
	CHECK_HAS(cgw_strerror(c), "nesting too deep");
	len += (size_t)sprintf(wide, "{\"devices\":[");
	for (size_t i = 0; i < n; i++)
		len += (size_t)sprintf(wide + len, "%s{\"allow\":true,\"type\":\"c\",\"major\":%zu,\"minor\":%zu}",
				       i ? "," : "", i % 4000, i);
	sprintf(wide + len, "]}");
	CHECK_INT(cgw_rules_new(c, &rules), 0);
	CHECK_INT(cgw_rules_add_oci(rules, "wide", wide, strlen(wide)), 0);
	CHECK_INT(cgw_rules_count(rules), n);
	/* Cut off anywhere it is refused, and the list stays as it was. */
	for (size_t i = 1; i < 200; i++) {
		CHECK_INT(cgw_rules_add_oci(rules, "cut", wide, i), -EINVAL);
		CHECK_INT(cgw_rules_count(rules), n);
	}
	return TAP_PASS;
}

/* A large document, as somebody could feed it to a privileged caller. */
struct large {
	const char *begin;
	const char *piece; /* again and again */
	const char *rest;  /* then a number, and this; or NULL */
	const char *end;
	int want;
};

/* How long the JSON library alone takes for it. */
static int64_t parse_alone(const char *text, size_t len)
{
	int64_t started = cgtest_cpu_ns();
	json_tokener *tok = json_tokener_new();

	json_object_put(json_tokener_parse_ex(tok, text, (int)len));
	json_tokener_free(tok);
	return cgtest_cpu_ns() - started;
}

static int answer(const struct large *l)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_rules_ struct cgw_rules *rules = NULL;
	size_t n = (size_t)cgtest_scale(10 << 20), len = 0;
	_cleanup_free_ char *text = malloc(n + 256);
	int64_t started, took, alone;

	CHECK(text && !cgw_rules_new(c, &rules));
	len += (size_t)sprintf(text, "%s", l->begin);
	for (size_t i = 0; len < n; i++) {
		len += (size_t)sprintf(text + len, "%s", l->piece);
		if (l->rest)
			len += (size_t)sprintf(text + len, "%zu%s", i, l->rest);
	}
	len += (size_t)sprintf(text + len, "%s", l->end);
	alone = parse_alone(text, len) / CGW_NSEC_PER_MSEC;
	started = cgtest_cpu_ns();
	CHECK_INT(cgw_rules_add_oci(rules, "large", text, len), l->want);
	took = (cgtest_cpu_ns() - started) / CGW_NSEC_PER_MSEC;
	tap_note("%s%s...: %d after %lld ms, json-c alone %lld ms", l->begin, l->piece, l->want,
		 (long long)took, (long long)alone);
	/* what json-c takes, twice, and a look at each byte */
	CHECK(took < 10 * alone + 2000);
	return TAP_PASS;
}

static int ten_mebibytes_are_answered_in_time(void)
{
	static const struct large cases[] = {
		{ "[[", "[[[[[[[[", NULL, "", -EINVAL },
		{ "{\"x\":\"", "aaaaaaaaaaaaaaaa", NULL, "\",\"devices\":[]}", 0 },
		{ "{\"x\":\"", "\\u00e9\\n", NULL, "\",\"devices\":[]}", 0 },
		{ "{\"", "\\u00e9\\n", NULL, "\":1,\"devices\":[]}", 0 },
		{ "[{\"major\":1", "1111111111", NULL, "}]", -EINVAL },
		{ "[{\"x\":1.", "1111111111", NULL, "}]", 0 },
		{ "{\"x\":[[]", ",[]", NULL, "],\"devices\":[]}", 0 },
		{ "{\"devices\":[]", ",\"", "\":1", "}", 0 },
		{ "", "          ", NULL, "[]", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (answer(&cases[i]))
			FAIL("case %zu", i);
	return TAP_PASS;
}

/* Each costs json-c most of a KiB, however small it is. */
static int too_many_objects_are_refused(void)
{
	size_t n = 262144;
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_rules_ struct cgw_rules *rules = NULL;
	_cleanup_free_ char *text = malloc(3 * n + 8);

	CHECK(text && !cgw_rules_new(c, &rules));
	text[0] = '[';
	for (size_t i = 0; i <= n; i++)
		memcpy(text + 1 + 3 * i, "{},", 3);
	strcpy(text + 3 * (n + 1), "]");
	CHECK_INT(cgw_rules_add_oci(rules, "many", text, strlen(text)), -EINVAL);
	CHECK_HAS(cgw_strerror(c), "more than 262144 objects");
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(rules_are_found_wherever_the_document_begins),
	T(absent_fields_have_their_defaults),
	T(what_is_wrong_is_refused_and_named),
	T(what_follows_a_nul_is_not_ignored),
	T(keys_are_compared_within_their_object_only),
	T(large_and_deep_documents_do_no_harm),
	T(ten_mebibytes_are_answered_in_time),
	T(too_many_objects_are_refused),
};

CGTEST_MAIN(tests)

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The policy compiler against the evaluator, over every class of devices. */
#include "cgtest.h"
#include "random.h"

#define ANY CGW_DEVICE_ANY
#define RWM CGW_DEVICE_RWM
#define ORDERED CGW_SEMANTICS_ORDERED

/* The one that the helpers below compile and evaluate with. */
static enum cgw_semantics semantics = ORDERED;

static struct cgw_rules *rules_of(struct cgw *c, const char *text)
{
	struct cgw_rules *rules = NULL;

	if (cgw_rules_new(c, &rules) || cgw_rules_add_text(rules, "t", text, strlen(text)))
		abort();
	return rules;
}

static void add(struct cgw_rules *rules, char type, bool allow, unsigned int access, uint32_t major,
		uint32_t minor)
{
	const struct cgw_rule rule = { type, allow, (uint8_t)access, major, minor };

	if (cgw_rules_add_rule(rules, &rule))
		abort();
}

static void print_rules(const struct cgw_rules *rules)
{
	char text[CGW_RULE_TEXT_MAX];

	for (size_t i = 0; i < cgw_rules_count(rules) && i < 40; i++)
		tap_note("    %s", cgw_rule_format(cgw_rules_at(rules, i), text));
}

/*
 * Numbers that stand for all classes: those that the rules name, one that none names,
 * and the largest.
 */
struct space {
	uint32_t numbers[16];
	size_t n;
};

/* Is the table's verdict the list's, for every class and every subset of bits? */
static bool agree(const struct cgw_policy *p, const struct cgw_rules *rules, const struct space *s)
{
	for (size_t i = 0; i < 2 * s->n * s->n; i++) {
		unsigned int type = i & 1 ? CGW_DEVICE_CHAR : CGW_DEVICE_BLOCK;
		uint32_t major = s->numbers[(i >> 1) / s->n], minor = s->numbers[(i >> 1) % s->n];
		uint8_t want = cgw__rules_verdicts(rules, semantics, type, major, minor);
		uint8_t have = 0;

		for (unsigned int access = 0; access <= RWM; access++)
			have |= (uint8_t)(cgw_policy_check(p, type, major, minor, access, NULL)
					  << access);
		if (have == want)
			continue;
		tap_note("%s: type %u %u:%u gives %02x, must be %02x under",
			 cgw_semantics_name(semantics), type, major, minor, have, want);
		print_rules(rules);
		return false;
	}
	return true;
}

/* Canonical rules must give the same table, and be their own canonical rules. */
static bool round_trips(const struct cgw_policy *p, const struct cgw_rules *rules)
{
	_cleanup_policy_ struct cgw_policy *again = NULL;
	_cleanup_rules_ struct cgw_rules *canonical = NULL, *fixed = NULL;
	size_t each = semantics == CGW_SEMANTICS_CONTAINERD ? 4 : 2;
	size_t most = 4 + each * (cgw_policy_value(p, NULL)->entries + 1);

	if (!cgw_policy_rules(p, &canonical) && !cgw_policy_compile(canonical, semantics, &again) &&
	    !cgw_policy_rules(again, &fixed) && cgtest_same_table(p, again) &&
	    cgtest_same_rules(canonical, fixed) && cgw_rules_count(canonical) <= most)
		return true;
	tap_note("does not survive the way to canonical rules:");
	print_rules(rules);
	tap_note("canonical (at most %zu expected):", most);
	if (canonical)
		print_rules(canonical);
	return false;
}

/* The rule that check names must be a canonical one that gives the verdict. */
static bool names_its_rule(const struct cgw_policy *p, const struct cgw_rules *rules,
			   const struct space *s)
{
	unsigned int type = below(2) + 1, access = below(8);
	uint32_t major = s->numbers[below((unsigned int)s->n)];
	uint32_t minor = s->numbers[below((unsigned int)s->n)];
	struct cgw_rule rule = { 0 };
	bool allow = cgw_policy_check(p, type, major, minor, access, &rule);
	unsigned int refused = 0;

	for (unsigned int bit = 4; bit; bit >>= 1)
		if ((access ? access : RWM) & bit &&
		    !cgw_policy_check(p, type, major, minor, bit, NULL))
			refused = bit;
	if (rule.type && rule.allow == allow && cgw__rule_matches(&rule, type, major, minor) &&
	    (semantics != ORDERED ||
	     rule.access & (allow ? (access ? access : RWM) : refused)))
		return true;
	tap_note("type %u %u:%u access %u: verdict %d, rule type %d of", type, major, minor, access,
		 allow, rule.type);
	print_rules(rules);
	return false;
}

static void random_list(struct cgw_rules *rules, const struct space *s)
{
	unsigned int n = below(9);

	for (unsigned int i = 0; i < n; i++) {
		uint32_t major = s->numbers[below((unsigned int)s->n - 2)];
		uint32_t minor = s->numbers[below((unsigned int)s->n - 2)];

		add(rules, "abcc"[below(4)], below(5) > 1, 1 + below(7), below(3) ? major : ANY,
		    below(3) ? minor : ANY);
	}
}

static int random_lists(enum cgw_semantics with)
{
	/* the last two are never in a rule */
	static const struct space spaces[] = {
		{ { 0, 777, ANY }, 3 },
		{ { 1, 2, 777, ANY }, 4 },
		{ { 1, 3, 5, 4095, 777, ANY }, 6 },
	};
	/* the same with numbers that no device has, some alike in their lower bits */
	static const struct space large[] = {
		{ { 4095, 4096, 1048575, 1048576, 4294967294U, 8191, ANY }, 7 },
		{ { 5, 4101, 1048581, 2147483653U, 8197, ANY }, 6 },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	long n = cgtest_scale(120000), refused = 0;

	random_state = 1;
	semantics = with;
	for (long i = 0; i < n; i++) {
		const struct space *s = i % 64 ? &spaces[i % 3] : &large[i / 64 % 2];
		_cleanup_policy_ struct cgw_policy *p = NULL;
		_cleanup_rules_ struct cgw_rules *rules = rules_of(c, "");
		int err;

		random_list(rules, s);
		err = cgw_policy_compile(rules, semantics, &p);
		CHECK_INT(err, cgw_rules_validate(rules, semantics));
		refused += err != 0;
		if (err)
			continue;
		if (!agree(p, rules, s) || !round_trips(p, rules) || !names_its_rule(p, rules, s))
			FAIL("list %ld", i);
	}
	semantics = ORDERED;
	tap_note("%ld lists, %ld refused", n, refused);
	CHECK((refused > 0) == (with == CGW_SEMANTICS_RUNC));
	return TAP_PASS;
}

static int random_lists_compile_to_what_they_mean(void)
{
	return random_lists(ORDERED);
}

static int random_lists_compile_to_what_runc_makes_of_them(void)
{
	return random_lists(CGW_SEMANTICS_RUNC);
}

static int random_lists_compile_to_what_containerd_makes_of_them(void)
{
	return random_lists(CGW_SEMANTICS_CONTAINERD);
}

static int named_lists_compile_to_what_they_mean(void)
{
	static const char *const lists[] = { "oci", "runc", "basic", "none", "all" };
	static const struct space s = { { 1, 2, 3, 5, 7, 8, 9, 10, 136, 200, 777, ANY }, 12 };
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		_cleanup_policy_ struct cgw_policy *p = NULL;
		_cleanup_rules_ struct cgw_rules *rules = rules_of(c, "");

		CHECK_INT(cgw_rules_add_list(rules, lists[i]), 0);
		CHECK_INT(cgw_policy_compile(rules, ORDERED, &p), 0);
		CHECK(agree(p, rules, &s) && round_trips(p, rules));
	}
	return TAP_PASS;
}

static int redundant_rules_take_no_entry(void)
{
	static const struct {
		const char *rules;
		unsigned int entries;
		const char *canonical;
	} cases[] = {
		{ "", 0, "deny a;" },
		{ "deny a", 0, "deny a;" },
		{ "allow a", 0, "allow a;" },
		{ "allow a\nallow c 1:3 r", 0, "allow a;" },
		{ "deny c 1:3\ndeny b *:5", 0, "deny a;" },
		{ "c 1:3 r\nc 1:3 w", 1, "deny a;allow c 1:3 rw;" },
		{ "c 1:3\nc 1:3\nc 1:3", 1, "deny a;allow c 1:3 rwm;" },
		{ "c 1:* r\nc 1:3 r", 1, "deny a;allow c 1:* r;" },
		{ "c 1:* r\nc 1:3 rw", 2, "deny a;allow c 1:* r;allow c 1:3 w;" },
		{ "c 1:* rw\ndeny c 1:3 w", 2, "deny a;allow c 1:* rw;deny c 1:3 w;" },
		{ "a 1:3 r", 2, "deny a;allow c 1:3 r;allow b 1:3 r;" },
		{ "b *:* m\nc *:* rm", 0, "deny a;allow a *:* m;allow c *:* r;" },
		{ "allow a\ndeny c 5:1 w", 1, "allow a;deny c 5:1 w;" },
		/* one entry for 5:* instead of one for each of its crossings */
		{ "c *:1 w\nc *:2 w\nc *:3 w\ndeny c 5:*", 4,
		  "deny a;allow c *:1 w;allow c *:2 w;allow c *:3 w;deny c 5:* rwm;" },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_policy_ struct cgw_policy *p = NULL;
		_cleanup_rules_ struct cgw_rules *rules = rules_of(c, cases[i].rules),
						 *canonical = NULL;
		char text[512] = "", one[CGW_RULE_TEXT_MAX];

		CHECK_INT(cgw_policy_compile(rules, ORDERED, &p), 0);
		CHECK_INT(cgw_policy_value(p, NULL)->entries, cases[i].entries);
		CHECK_INT(cgw_policy_rules(p, &canonical), 0);
		for (size_t j = 0; j < cgw_rules_count(canonical); j++) {
			strcat(text, cgw_rule_format(cgw_rules_at(canonical, j), one));
			strcat(text, ";");
		}
		CHECK_STR(text, cases[i].canonical);
	}
	return TAP_PASS;
}

/* n rules about n devices, of several kinds of numbers. */
static void fill(struct cgw_rules *rules, unsigned int kind, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		switch (kind) {
		case 0: /* neighbours */
			add(rules, 'c', true, 6, 1, i);
			break;
		case 1:
			add(rules, i & 1 ? 'b' : 'c', true, 1 + i % 7, i / 2, i / 2);
			break;
		case 2: /* the top of the range */
			add(rules, 'c', true, 7, 4294967294U - i, 4294967294U);
			break;
		case 3:
			add(rules, 'b', true, 2, i << 20, i << 12);
			break;
		default: /* whole majors */
			add(rules, 'c', true, 7, i, ANY);
		}
}

static int full_table_compiles_and_one_more_is_refused(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (unsigned int kind = 0; kind < 5; kind++) {
		_cleanup_policy_ struct cgw_policy *p = NULL, *none = NULL;
		_cleanup_rules_ struct cgw_rules *rules = rules_of(c, ""), *more = rules_of(c, "");
		char limit[40];

		fill(rules, kind, CGW_POLICY_ENTRIES);
		if (cgw_policy_compile(rules, ORDERED, &p))
			FAIL("kind %u: %s", kind, cgw_strerror(c));
		CHECK_INT(cgw_policy_value(p, NULL)->entries, CGW_POLICY_ENTRIES);
		for (size_t i = 0; i < cgw_rules_count(rules); i++) {
			const struct cgw_rule *r = cgw_rules_at(rules, i);
			const uint32_t minor = r->minor == ANY ? 3 : r->minor;
			unsigned int type = r->type == 'b' ? CGW_DEVICE_BLOCK : CGW_DEVICE_CHAR;

			for (unsigned int access = 0; access <= RWM; access++)
				CHECK_INT(cgw_policy_check(p, type, r->major, minor, access, NULL),
					  (r->access & access) == access);
			CHECK(!cgw_policy_check(p, type ^ 3, 9999, minor, 0, NULL));
		}
		CHECK(round_trips(p, rules));

		fill(more, kind, CGW_POLICY_ENTRIES + 1);
		CHECK_INT(cgw_policy_compile(more, ORDERED, &none), -E2BIG);
		CHECK(!none && cgw_error_is_input(c));
		snprintf(limit, sizeof(limit), "the %u table entries", CGW_POLICY_ENTRIES);
		CHECK_HAS(cgw_strerror(c), limit);
	}
	return TAP_PASS;
}

/* Does the list let every OCI node pass, whatever is asked for? */
static bool lets_oci_nodes_pass(const struct cgw_rules *rules)
{
	static const uint32_t nodes[][2] = {
		{ 1, 3 },   { 1, 5 },	{ 1, 7 },   { 1, 8 },	{ 1, 9 },
		{ 5, 0 },   { 5, 2 },	{ 136, 0 }, { 136, 2 }, { 136, 3 },
		{ 136, 4 }, { 136, 5 }, { 136, 9 }, { 136, 77 }, { 136, ANY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		if (cgw__rules_verdicts(rules, semantics, 2, nodes[i][0], nodes[i][1]) != 0xff)
			return false;
	return true;
}

static int shortcut_is_for_policies_that_let_all_oci_nodes_pass(void)
{
	static const uint32_t majors[] = { 1, 5, 136, 10, ANY };
	static const uint32_t minors[] = { 0, 2, 3, 5, 9, 77, 4, ANY };
	static const char *const bases[] = { "oci", "all", "runc", "basic" };
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	long n = cgtest_scale(30000), taken = 0;

	random_state = 3;
	for (long i = 0; i < n; i++) {
		_cleanup_policy_ struct cgw_policy *p = NULL;
		_cleanup_rules_ struct cgw_rules *rules = rules_of(c, "");

		semantics = (enum cgw_semantics)(i % 3);
		CHECK_INT(cgw_rules_add_list(rules, bases[below(4)]), 0);
		for (unsigned int j = below(4); j; j--)
			add(rules, "abcc"[below(4)], below(2), 1 + below(7), majors[below(5)],
			    minors[below(8)]);
		if (cgw_policy_compile(rules, semantics, &p))
			continue;
		taken += p->value->flags & CGW_POLICY_SHORTCUT ? 1 : 0;
		if (lets_oci_nodes_pass(rules) != !!(p->value->flags & CGW_POLICY_SHORTCUT)) {
			print_rules(rules);
			FAIL("list %ld, flags %u", i, p->value->flags);
		}
	}
	semantics = ORDERED;
	CHECK(taken > n / 10 && taken < n * 9 / 10);
	return TAP_PASS;
}

static int random_full_tables_compile(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	long n = cgtest_scale(900);

	random_state = 2;
	for (long i = 0; i < n; i++) {
		_cleanup_policy_ struct cgw_policy *p = NULL;
		_cleanup_rules_ struct cgw_rules *rules = rules_of(c, "");

		for (unsigned int j = 0; j < cgw__policy_classes[i % 3].entries; j++)
			add(rules, "bc"[below(2)], true, 1 + below(7), below(4096),
			    below(1U << 20));
		if (cgw_policy_compile(rules, ORDERED, &p))
			FAIL("list %ld: %s", i, cgw_strerror(c));
		CHECK_INT(cgw_policy_value(p, NULL)->size_class, i % 3);
		for (size_t j = 0; j < cgw_rules_count(rules); j++) {
			const struct cgw_rule *r = cgw_rules_at(rules, j);
			unsigned int type = r->type == 'b' ? CGW_DEVICE_BLOCK : CGW_DEVICE_CHAR;

			CHECK(cgw_policy_check(p, type, r->major, r->minor, r->access, NULL));
		}
	}
	return TAP_PASS;
}

/* Keys that differ in their lowest bits only, and in all combinations of those. */
static int neighbouring_minors_of_any_major_compile(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (unsigned int major = 0; major < 64; major++) {
		_cleanup_policy_ struct cgw_policy *p = NULL;
		_cleanup_rules_ struct cgw_rules *rules = rules_of(c, "");

		for (unsigned int minor = 0; minor < CGW_POLICY_ENTRIES; minor++)
			add(rules, 'c', true, CGW_DEVICE_READ, major, minor);
		if (cgw_policy_compile(rules, ORDERED, &p))
			FAIL("major %u: %s", major, cgw_strerror(c));
		CHECK(p->value->seed < 10);
	}
	return TAP_PASS;
}

static int block_and_char_devices_of_one_number_are_two(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_rules_ struct cgw_rules *rules = rules_of(c, "b 8:0 r\nc 8:0 w\nb 9:* r\nc *:9 w");
	static const struct space s = { { 0, 8, 9, 777, ANY }, 5 };
	_cleanup_policy_ struct cgw_policy *p = NULL;

	CHECK_INT(cgw_policy_compile(rules, ORDERED, &p), 0);
	CHECK(cgw_policy_check(p, CGW_DEVICE_BLOCK, 8, 0, CGW_DEVICE_READ, NULL));
	CHECK(!cgw_policy_check(p, CGW_DEVICE_BLOCK, 8, 0, CGW_DEVICE_WRITE, NULL));
	CHECK(!cgw_policy_check(p, CGW_DEVICE_CHAR, 8, 0, CGW_DEVICE_READ, NULL));
	CHECK(cgw_policy_check(p, CGW_DEVICE_CHAR, 8, 0, CGW_DEVICE_WRITE, NULL));
	CHECK(agree(p, rules, &s));
	return TAP_PASS;
}

/* Those take the largest size, whatever their number. */
static int numbers_that_no_device_has_are_kept(void)
{
	static const struct {
		const char *rules;
		unsigned int size_class;
	} cases[] = {
		{ "c 4095:1048575\nb 4095:*\nc *:1048575 r", 0 },
		{ "c 4096:0", 3 },
		{ "c 0:1048576", 3 },
		{ "c 4096:* r\nc 0:* w\nc 8192:* m", 3 },
		{ "b *:1048576\nb *:0 r\nc *:4096", 3 },
		{ "c 4294967294:4294967294 r\nc 4294967294:* w\nc *:4294967294 m", 3 },
		{ "c 4096:1048575\nc 4095:1048576 r\nc 4095:1048575 w\nc 4096:1048576 m", 3 },
	};
	static const struct space s = {
		{ 0, 4095, 4096, 8191, 8192, 1048575, 1048576, 4294966272U, 4294967294U, ANY }, 10
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_policy_ struct cgw_policy *p = NULL;
		_cleanup_rules_ struct cgw_rules *rules = rules_of(c, cases[i].rules);

		CHECK_INT(cgw_policy_compile(rules, ORDERED, &p), 0);
		CHECK_INT(cgw_policy_value(p, NULL)->size_class, cases[i].size_class);
		CHECK(agree(p, rules, &s) && round_trips(p, rules));
	}
	return TAP_PASS;
}

static int crossings_of_majors_and_minors_are_all_there(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_rules_ struct cgw_rules *rules = rules_of(c, "");
	static const struct space s = { { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 777, ANY }, 13 };
	_cleanup_policy_ struct cgw_policy *p = NULL;

	/* a crossing allows what both allow: 10 x 10 more entries */
	for (uint32_t i = 0; i < 10; i++) {
		add(rules, 'c', true, CGW_DEVICE_READ, i, ANY);
		add(rules, 'c', true, CGW_DEVICE_WRITE, ANY, i);
	}
	CHECK_INT(cgw_policy_compile(rules, ORDERED, &p), 0);
	CHECK_INT(cgw_policy_value(p, NULL)->entries, 120);
	CHECK(agree(p, rules, &s) && round_trips(p, rules));
	return TAP_PASS;
}

/* Lists as somebody could feed them to a privileged caller: answered, and soon. */
static void hostile_list(struct cgw_rules *rules, int kind)
{
	uint32_t n = kind == 1 ? 1024 : kind < 4 ? 5000 : (uint32_t)cgtest_scale(1000000);

	/* kind 1: nothing but redundant rules, as many as are looked at */
	for (uint32_t i = 0; i < n; i++) {
		if (kind < 3)
			add(rules, 'c', kind != 1, CGW_DEVICE_READ, i, ANY);
		if (kind < 2)
			add(rules, 'c', kind != 1, CGW_DEVICE_WRITE, ANY, i);
		for (uint32_t j = 0; kind == 3 && j < 10; j++)
			add(rules, 'b', true, CGW_DEVICE_WRITE, i, j);
		if (kind == 4) /* many of one class, which all others have to mind */
			add(rules, 'c', i & 1, CGW_DEVICE_READ, ANY, ANY);
		if (kind == 4 && i < 1000)
			add(rules, 'c', false, CGW_DEVICE_WRITE, ANY, i);
		if (kind == 4 && i < 1000)
			add(rules, 'c', false, CGW_DEVICE_WRITE, i, ANY);
		if (kind == 5) /* many classes */
			add(rules, 'c', true, CGW_DEVICE_READ, i, 3);
		if (kind == 6 && i & 1) /* forgotten again and again */
			add(rules, 'a', false, RWM, ANY, ANY);
		if (kind == 6)
			add(rules, 'b', true, CGW_DEVICE_READ, i, 3);
	}
}

static int hostile_lists_are_answered_in_time(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (int i = 0; i < 7 * 3; i++) {
		enum cgw_semantics with = (enum cgw_semantics)(i % 3);
		_cleanup_policy_ struct cgw_policy *p = NULL;
		_cleanup_rules_ struct cgw_rules *rules = rules_of(c, "");
		int64_t begin = cgtest_cpu_ns(), built, took;
		int err;

		hostile_list(rules, i / 3);
		built = (cgtest_cpu_ns() - begin) / CGW_NSEC_PER_MSEC;
		begin = cgtest_cpu_ns();
		err = cgw_policy_compile(rules, with, &p);
		took = (cgtest_cpu_ns() - begin) / CGW_NSEC_PER_MSEC;
		tap_note("kind %d, %s: %d after %lld ms", i / 3, cgw_semantics_name(with), err,
			 (long long)took);
		CHECK(!err || err == -E2BIG);
		/* what is redundant is none too much, the rest is */
		if (i / 3 == 1 || i / 3 == 4)
			CHECK_INT(err, 0);
		else if (i / 3 < 4 || (i / 3 == 5 && cgtest_scale(1000000) == 1000000))
			CHECK_INT(err, -E2BIG);
		/* not the square of it: that was minutes */
		CHECK(took < 100 * built + 5000);
	}
	return TAP_PASS;
}

static int compiling_does_not_depend_on_former_lists(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_policy_ struct cgw_policy *a = NULL, *b = NULL;
	_cleanup_rules_ struct cgw_rules *rules = rules_of(c, "c 1:3 rw\nb 8:* r\nc *:5 m");

	CHECK_INT(cgw_policy_compile(rules, ORDERED, &a), 0);
	CHECK_INT(cgw_policy_compile(rules, ORDERED, &b), 0);
	CHECK_INT(a->size, b->size);
	CHECK(!memcmp(cgw_policy_value(a, NULL), cgw_policy_value(b, NULL), a->size));
	CHECK_INT(cgw_policy_value(a, NULL)->magic, CGW_POLICY_MAGIC);
	CHECK_INT(cgw_policy_value(a, NULL)->generation, 0);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(random_lists_compile_to_what_they_mean),
	T(random_lists_compile_to_what_runc_makes_of_them),
	T(random_lists_compile_to_what_containerd_makes_of_them),
	T(shortcut_is_for_policies_that_let_all_oci_nodes_pass),
	T(named_lists_compile_to_what_they_mean),
	T(redundant_rules_take_no_entry),
	T(full_table_compiles_and_one_more_is_refused),
	T(random_full_tables_compile),
	T(neighbouring_minors_of_any_major_compile),
	T(block_and_char_devices_of_one_number_are_two),
	T(numbers_that_no_device_has_are_kept),
	T(crossings_of_majors_and_minors_are_all_there),
	T(hostile_lists_are_answered_in_time),
	T(compiling_does_not_depend_on_former_lists),
};

CGTEST_MAIN(tests)

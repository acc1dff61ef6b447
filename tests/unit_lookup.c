// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The lookup of bpf/table.bpf.h, step by step on what the kernel holds: for the numbers that
 * devices have it must say what the rules say, whatever other numbers they name.
 */
#include "cgtest.h"
#include "random.h"

#define MAJORS (1U << CGW_POLICY_MAJOR_BITS)
#define MINORS (1U << CGW_POLICY_MINOR_BITS)

/* As lookup() there; -1 = no entry. */
static int look_up(const struct cgw_policy_value *v, uint64_t key)
{
	const struct cgw__policy_class *k = &cgw__policy_classes[v->size_class];
	const uint32_t *numbers = (const uint32_t *)(v + 1);
	const uint16_t *kinds = (const uint16_t *)(numbers + k->slots);
	const uint8_t *displace = (const uint8_t *)(kinds + k->slots);
	uint64_t hash = cgw_policy_hash(v->seed, key, 0);
	uint32_t i =
		cgw_policy_index(hash, displace[cgw_policy_bucket(hash, k->buckets)], k->slots);

	return numbers[i] == (uint32_t)key && kinds[i] >> 8 == key >> 32 ? kinds[i] & 0xff : -1;
}

/* As decide() there, for all subsets of access at once. */
static uint8_t kernel_verdicts(const struct cgw_policy_value *v, unsigned int type, uint32_t major,
			       uint32_t minor)
{
	uint64_t key = cgw_policy_key(type, major, minor);
	int verdicts = -1;

	if (v->levels[type] & CGW_POLICY_EXACT)
		verdicts = look_up(v, key);
	if (verdicts < 0 && v->levels[type] & CGW_POLICY_MAJOR)
		verdicts = look_up(v, key | CGW_POLICY_ANY_MINOR);
	if (verdicts < 0 && v->levels[type] & CGW_POLICY_MINOR)
		verdicts = look_up(v, key | CGW_POLICY_ANY_MAJOR);
	return verdicts < 0 ? v->fallback[type] : (uint8_t)verdicts;
}

static bool agree(const struct cgw_policy *p, const struct cgw_rules *rules, uint32_t major,
		  uint32_t minor)
{
	uint8_t want =
		cgw__rules_verdicts(rules, CGW_SEMANTICS_ORDERED, CGW_DEVICE_CHAR, major, minor);
	uint8_t have = kernel_verdicts(cgw_policy_value(p, NULL), CGW_DEVICE_CHAR, major, minor);

	if (have != want)
		tap_note("c %u:%u gives %02x, must be %02x", major, minor, have, want);
	return have == want;
}

static void add(struct cgw_rules *rules, uint32_t major, uint32_t minor)
{
	const struct cgw_rule rule = { 'c', true, CGW_DEVICE_RWM, major, minor };

	if (cgw_rules_add_rule(rules, &rule))
		cgtest_bail("add a rule");
}

/* Their lower bits are those of every minor of a major, or of every major of a minor. */
static int entries_of_no_device_are_not_found(void)
{
	static const struct {
		uint32_t major[2];
		uint32_t minor[2];
	} cases[] = {
		{ { 300, 10 }, { CGW_DEVICE_ANY, 1629487103 } },
		{ { CGW_DEVICE_ANY, 30560255 }, { 300, 229 } },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_rules_ struct cgw_rules *rules = NULL;
		_cleanup_policy_ struct cgw_policy *p = NULL;

		CHECK_INT(cgw_rules_new(c, &rules), 0);
		for (int j = 0; j < 2; j++)
			add(rules, cases[i].major[j], cases[i].minor[j]);
		CHECK_INT(cgw_policy_compile(rules, CGW_SEMANTICS_ORDERED, &p), 0);
		for (uint32_t n = 0; n < MAJORS; n++)
			CHECK(agree(p, rules, 10, n) && agree(p, rules, n, 229));
	}
	return TAP_PASS;
}

/* Many of them: in some of the lists one is where an entry for all is looked for. */
static int many_of_them_are_not_found(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (uint32_t list = 0; list < 8; list++) {
		_cleanup_rules_ struct cgw_rules *rules = NULL;
		_cleanup_policy_ struct cgw_policy *p = NULL;

		CHECK_INT(cgw_rules_new(c, &rules), 0);
		add(rules, 300, CGW_DEVICE_ANY);
		add(rules, CGW_DEVICE_ANY, 300);
		for (uint32_t i = 1; i <= 2000; i++) {
			add(rules, 10, (list * 100 + i) * MINORS + MINORS - 1);
			add(rules, (list * 100 + i) * MAJORS + MAJORS - 1, 229);
		}
		CHECK_INT(cgw_policy_compile(rules, CGW_SEMANTICS_ORDERED, &p), 0);
		for (uint32_t n = 0; n < MAJORS; n += 16)
			CHECK(agree(p, rules, 10, n) && agree(p, rules, n, 229));
	}
	return TAP_PASS;
}

/* A number: mostly of a device, often at a border. */
static uint32_t a_number(uint32_t limit)
{
	switch (below(6)) {
	case 0:
		return CGW_DEVICE_ANY;
	case 1:
		return limit - 1;
	case 2:
		return (1 + below(4)) * limit + limit - 1;
	case 3:
		return (1 + below(4)) * limit + below(4);
	default:
		return below(4);
	}
}

static int random_lists_agree(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	random_state = 12;
	for (long i = 0, n = cgtest_scale(20000); i < n; i++) {
		_cleanup_rules_ struct cgw_rules *rules = NULL;
		_cleanup_policy_ struct cgw_policy *p = NULL;

		CHECK_INT(cgw_rules_new(c, &rules), 0);
		for (unsigned int k = 1 + below(12); k; k--)
			add(rules, a_number(MAJORS), a_number(MINORS));
		CHECK_INT(cgw_policy_compile(rules, CGW_SEMANTICS_ORDERED, &p), 0);
		for (uint32_t k = 0; k < 36; k++) {
			uint32_t major = k / 6 < 5 ? k / 6 : MAJORS - 1;
			uint32_t minor = k % 6 < 5 ? k % 6 : MINORS - 1;

			CHECK(agree(p, rules, major, minor));
		}
	}
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(entries_of_no_device_are_not_found),
	T(many_of_them_are_not_found),
	T(random_lists_agree),
};

CGTEST_MAIN(tests)

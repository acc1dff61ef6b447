// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Compiled lists: the table says of every class what the list says, and each entry is needed. */
#include "fuzz.h"

#define ANY CGW_DEVICE_ANY
#define RWM CGW_DEVICE_RWM
#define MAX_RULES 128

const long fuzz_mutations = 20000;

/* Few numbers, so that rules meet; the large ones are where types and devices end. */
static const uint32_t numbers[16] = {
	0,	 1,	    2,	      3,    5,		 8,   4095, 136, (1 << 20) - 1,
	1 << 20, INT32_MAX, 1U << 31, 4096, 4294967294U, ANY, ANY,
};

/* A number that no rule has. */
#define OTHER 777

/* Two bytes a rule: what, and which. */
static void decode(struct cgw_rules *rules, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 1 < size && i < 2 * MAX_RULES; i += 2) {
		const struct cgw_rule rule = {
			.type = "abcc"[data[i] & 3],
			.allow = data[i] >> 2 & 1,
			.access = data[i] >> 3 & RWM ? data[i] >> 3 & RWM : RWM,
			.major = numbers[data[i + 1] & 15],
			.minor = numbers[data[i + 1] >> 4],
		};

		HOLDS(!cgw_rules_add_rule(rules, &rule));
	}
}

/* runc's emulator in its plainest form: a default, and exceptions as they were made. */
struct plain {
	bool allow;
	struct cgw_rule exceptions[MAX_RULES];
	size_t n;
};

static bool in_either(uint32_t have, uint32_t number)
{
	return have == ANY || have == number;
}

/* false: refused */
static bool emulate(struct plain *e, const struct cgw_rule *rule)
{
	struct cgw_rule *own = NULL;
	bool hole = false;

	if (rule->type == 'a') {
		e->allow = rule->allow;
		e->n = 0;
		return true;
	}
	for (size_t i = 0; i < e->n; i++) {
		struct cgw_rule *x = &e->exceptions[i];

		if (x->type != rule->type)
			continue;
		if (x->major == rule->major && x->minor == rule->minor)
			own = x;
		else if (in_either(x->major, rule->major) && in_either(x->minor, rule->minor))
			hole = hole || x->access & rule->access;
	}
	if (rule->allow != e->allow && !own)
		e->exceptions[e->n++] = *rule;
	else if (rule->allow != e->allow)
		own->access |= rule->access;
	else if (own && !hole)
		own->access &= (uint8_t)~rule->access;
	return rule->allow != e->allow || !hole;
}

static uint8_t plain_verdicts(const struct plain *e, unsigned int type, uint32_t major,
			      uint32_t minor)
{
	uint8_t excepted = 0;

	for (size_t i = 0; i < e->n; i++) {
		const struct cgw_rule *x = &e->exceptions[i];
		/* such numbers are negative in its program */
		bool reached = (x->major == ANY || x->major <= INT32_MAX) &&
			       (x->minor == ANY || x->minor <= INT32_MAX);

		for (unsigned int access = 0; access <= RWM; access++)
			if (x->access && reached && (x->access & access) == access &&
			    cgw__rule_matches(x, type, major, minor))
				excepted |= (uint8_t)(1U << access);
	}
	return e->allow ? (uint8_t)~excepted : excepted;
}

static bool run_plain(struct plain *e, const struct cgw_rules *rules)
{
	memset(e, 0, sizeof(*e));
	for (size_t i = 0; i < cgw_rules_count(rules); i++)
		if (!emulate(e, cgw_rules_at(rules, i)))
			return false;
	return true;
}

/* The numbers that the list tells apart, and one that it does not name. */
struct space {
	uint32_t majors[ARRAY_SIZE(numbers)];
	uint32_t minors[ARRAY_SIZE(numbers)];
	size_t n_majors;
	size_t n_minors;
};

static void add_number(uint32_t *list, size_t *n, uint32_t number)
{
	for (size_t i = 0; i < *n; i++)
		if (list[i] == number)
			return;
	list[(*n)++] = number;
}

static void find_space(struct space *s, const struct cgw_rules *rules)
{
	memset(s, 0, sizeof(*s));
	add_number(s->majors, &s->n_majors, OTHER);
	add_number(s->minors, &s->n_minors, OTHER);
	for (size_t i = 0; i < cgw_rules_count(rules); i++) {
		const struct cgw_rule *rule = cgw_rules_at(rules, i);

		if (rule->major != ANY)
			add_number(s->majors, &s->n_majors, rule->major);
		if (rule->minor != ANY)
			add_number(s->minors, &s->n_minors, rule->minor);
	}
}

static void check_class(const struct cgw_policy *p, const struct cgw_rules *rules,
			const struct plain *e, enum cgw_semantics semantics, unsigned int type,
			uint32_t major, uint32_t minor)
{
	uint8_t want = cgw__rules_verdicts(rules, semantics, type, major, minor);

	HOLDS(cgw__policy_verdicts(p->value, type, major, minor) == want);
	if (semantics == CGW_SEMANTICS_RUNC)
		HOLDS(plain_verdicts(e, type, major, minor) == want);
	for (unsigned int access = 0; access <= RWM; access++)
		HOLDS(cgw_policy_check(p, type, major, minor, access, NULL) ==
		      (want >> access & 1));
}

/* What the table would say without the entry. */
static uint8_t without(const struct cgw_policy_value *v, const struct cgw_policy_entry *e,
		       uint32_t minor)
{
	int found = -1;

	if (e->major != ANY && e->minor != ANY)
		found = cgw__policy_lookup(v, e->type, e->major, ANY);
	if (found < 0 && e->major != ANY)
		found = cgw__policy_lookup(v, e->type, ANY, minor);
	return found < 0 ? v->fallback[e->type] : (uint8_t)found;
}

/* Is there a device of which the table would say something else without the entry? */
static bool is_needed(const struct cgw_policy_value *v, const struct cgw_policy_entry *e,
		      const struct space *s)
{
	for (size_t i = 0; i < s->n_minors; i++) {
		uint32_t minor = e->minor == ANY ? s->minors[i] : e->minor;

		/* what a MAJ:* entry says of a pair that has its own is of no account */
		if (e->minor == ANY && cgw__policy_lookup(v, e->type, e->major, minor) >= 0)
			continue;
		if (e->verdicts != without(v, e, minor))
			return true;
	}
	return false;
}

static void check_entries(const struct cgw_policy *p, const struct space *s)
{
	const struct cgw_policy_value *v = cgw_policy_value(p, NULL);
	_cleanup_free_ struct cgw_policy_entry *entries = NULL;
	ssize_t n = cgw_policy_entries(p, &entries);

	HOLDS(n == v->entries);
	for (ssize_t i = 0; i < n; i++) {
		const struct cgw_policy_entry *e = &entries[i];

		HOLDS(cgw__policy_lookup(v, e->type, e->major, e->minor) == e->verdicts);
		HOLDS(!e->pad);
		HOLDS(v->levels[e->type] & (e->major == ANY ? CGW_POLICY_MINOR :
					    e->minor == ANY ? CGW_POLICY_MAJOR :
							      CGW_POLICY_EXACT));
		HOLDS(is_needed(v, e, s));
	}
}

/* Canonical rules give the table back, and are canonical themselves. */
static void check_rules(const struct cgw_policy *p, enum cgw_semantics semantics)
{
	_cleanup_rules_ struct cgw_rules *canonical = NULL, *fixed = NULL;
	_cleanup_policy_ struct cgw_policy *again = NULL;

	HOLDS(!cgw_policy_rules(p, &canonical));
	HOLDS(!cgw_policy_compile(canonical, semantics, &again));
	HOLDS(cgtest_same_table(p, again));
	HOLDS(!cgw_policy_rules(again, &fixed));
	HOLDS(cgtest_same_rules(canonical, fixed));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum cgw_semantics semantics = size ? data[0] % 3 : CGW_SEMANTICS_ORDERED;
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_rules_ struct cgw_rules *rules = fuzz_rules(c);
	_cleanup_policy_ struct cgw_policy *p = NULL;
	struct plain e;
	struct space s;
	int err;

	decode(rules, data + 1, size ? size - 1 : 0);
	err = cgw_policy_compile(rules, semantics, &p);
	HOLDS(cgw_rules_validate(rules, semantics) == err);
	HOLDS(!err == (run_plain(&e, rules) || semantics != CGW_SEMANTICS_RUNC));
	if (err) {
		fuzz_refused(c, err);
		HOLDS(!cgw_rules_evaluate(rules, semantics, CGW_DEVICE_CHAR, 1, 3, 0));
		return 0;
	}
	find_space(&s, rules);
	for (size_t i = 0; i < s.n_majors * s.n_minors; i++)
		for (unsigned int type = CGW_DEVICE_BLOCK; type <= CGW_DEVICE_CHAR; type++)
			check_class(p, rules, &e, semantics, type, s.majors[i / s.n_minors],
				    s.minors[i % s.n_minors]);
	check_entries(p, &s);
	check_rules(p, semantics);
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * What a rule list means, by each project's own definition: the reference that the
 * compiler (user/lib/policy.c) is checked against. Plain and slow on purpose.
 */
#include "internal.h"

static const char *const names[] = {
	[CGW_SEMANTICS_ORDERED] = "ordered",
	[CGW_SEMANTICS_RUNC] = "runc",
	[CGW_SEMANTICS_CONTAINERD] = "containerd",
};

const char *cgw_semantics_name(enum cgw_semantics semantics)
{
	return (size_t)semantics < ARRAY_SIZE(names) ? names[semantics] : "unknown";
}

int cgw_semantics_parse(const char *name, enum cgw_semantics *ret_semantics)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i])) {
			*ret_semantics = (enum cgw_semantics)i;
			return 0;
		}
	return -EINVAL;
}

/*
 * ordered: each rule sets its bits for the devices it matches; the last one to set a bit
 * decides it. A request passes when all its bits are allowed, F_OK when any is.
 */
static uint8_t ordered_verdicts(const struct cgw_rules *rules, unsigned int type, uint32_t major,
				uint32_t minor)
{
	unsigned int allowed = 0;
	uint8_t verdicts;

	for (size_t i = 0; i < rules->n; i++) {
		const struct cgw_rule *rule = &rules->rules[i];

		if (!cgw__rule_matches(rule, type, major, minor))
			continue;
		if (rule->allow)
			allowed |= rule->access;
		else
			allowed &= ~(unsigned int)rule->access;
	}
	verdicts = allowed != 0;
	for (unsigned int access = 1; access <= CGW_DEVICE_RWM; access++)
		if ((allowed & access) == access)
			verdicts |= (uint8_t)(1U << access);
	return verdicts;
}

/*
 * containerd: from the last rule to the first, the first one that matches the device and
 * shares a bit with the request decides; rwm asks for no bit at all. None = deny.
 */
static bool containerd_verdict(const struct cgw_rules *rules, unsigned int type, uint32_t major,
			       uint32_t minor, unsigned int access)
{
	for (size_t i = rules->n; i--;) {
		const struct cgw_rule *rule = &rules->rules[i];

		if (cgw__rule_matches(rule, type, major, minor) &&
		    (rule->access == CGW_DEVICE_RWM || rule->access & access))
			return rule->allow;
	}
	return false;
}

static uint8_t containerd_verdicts(const struct cgw_rules *rules, unsigned int type, uint32_t major,
				   uint32_t minor)
{
	uint8_t verdicts = 0;

	for (unsigned int access = 0; access <= CGW_DEVICE_RWM; access++)
		if (containerd_verdict(rules, type, major, minor, access))
			verdicts |= (uint8_t)(1U << access);
	return verdicts;
}

static int compare_exceptions(const void *a, const void *b)
{
	const struct cgw__exception *x = a, *y = b;

	if (x->type != y->type)
		return x->type - y->type;
	if (x->major != y->major)
		return x->major < y->major ? -1 : 1;
	return (x->minor > y->minor) - (x->minor < y->minor);
}

/* A place for each exception that the list can make, sorted: a long list must not take long. */
static int make_places(struct cgw__emulator *e, const struct cgw_rules *rules)
{
	size_t n = 0;

	e->exceptions = calloc(rules->n + 1, sizeof(*e->exceptions));
	if (!e->exceptions)
		return -ENOMEM;
	for (size_t i = 0; i < rules->n; i++)
		if (rules->rules[i].type != 'a')
			e->exceptions[n++] = (struct cgw__exception){
				.type = rules->rules[i].type,
				.major = rules->rules[i].major,
				.minor = rules->rules[i].minor,
			};
	if (n)
		qsort(e->exceptions, n, sizeof(*e->exceptions), compare_exceptions);
	for (size_t i = 0; i < n; i++)
		if (!e->n || compare_exceptions(&e->exceptions[e->n - 1], &e->exceptions[i]))
			e->exceptions[e->n++] = e->exceptions[i];
	e->round = 1;
	return 0;
}

static struct cgw__exception *find_place(struct cgw__emulator *e, char type, uint32_t major,
					 uint32_t minor)
{
	const struct cgw__exception wanted = { .type = type, .major = major, .minor = minor };

	return bsearch(&wanted, e->exceptions, e->n, sizeof(wanted), compare_exceptions);
}

/* Does a wider exception hold some of the bits that the rule takes back? */
static bool punches_hole(struct cgw__emulator *e, const struct cgw_rule *rule)
{
	const uint32_t any = CGW_DEVICE_ANY;
	const uint32_t wider[3][2] = { { any, rule->minor }, { rule->major, any }, { any, any } };

	for (size_t i = 0; i < ARRAY_SIZE(wider); i++) {
		const struct cgw__exception *x;

		if (wider[i][0] == rule->major && wider[i][1] == rule->minor)
			continue;
		x = find_place(e, rule->type, wider[i][0], wider[i][1]);
		if (x && x->round == e->round && x->access & rule->access)
			return true;
	}
	return false;
}

static int emulate(struct cgw__emulator *e, const struct cgw_rule *rule)
{
	struct cgw__exception *x;

	if (rule->type == 'a') {
		e->allow = rule->allow;
		e->round++;
		return 0;
	}
	if (rule->allow == e->allow && punches_hole(e, rule))
		return -EINVAL;
	x = find_place(e, rule->type, rule->major, rule->minor);
	if (x->round != e->round)
		x->access = 0;
	x->round = e->round;
	if (rule->allow == e->allow)
		x->access &= (uint8_t)~rule->access;
	else
		x->access |= rule->access;
	return 0;
}

/* What is left are the exceptions of the last round. */
static void drop_places(struct cgw__emulator *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++)
		if (e->exceptions[i].round == e->round && e->exceptions[i].access)
			e->exceptions[n++] = e->exceptions[i];
	e->n = n;
}

/*
 * runc: a default and exceptions from it, as cgroup v1 keeps them. A rule of type a sets
 * the default and forgets the exceptions, whatever else it says.
 * Return: 0, -ENOMEM, or -EINVAL with the number of the rule that is refused.
 */
int cgw__emulator_run(struct cgw__emulator *e, const struct cgw_rules *rules, size_t *ret_refused)
{
	memset(e, 0, sizeof(*e));
	if (make_places(e, rules))
		return -ENOMEM;
	for (size_t i = 0; i < rules->n; i++)
		if (emulate(e, &rules->rules[i])) {
			if (ret_refused)
				*ret_refused = i;
			return -EINVAL;
		}
	drop_places(e);
	return 0;
}

void cgw__emulator_free(struct cgw__emulator *e)
{
	free(e->exceptions);
	e->exceptions = NULL;
}

/* Numbers past 2^31 become negative immediates in runc's program and match no device. */
bool cgw__emulator_reaches(const struct cgw__exception *x)
{
	return (x->major == CGW_DEVICE_ANY || x->major <= INT32_MAX) &&
	       (x->minor == CGW_DEVICE_ANY || x->minor <= INT32_MAX);
}

/* The exceptions of the device, one that holds all the bits asked for decides. */
uint8_t cgw__emulator_verdicts(const struct cgw__emulator *e, unsigned int type, uint32_t major,
			       uint32_t minor)
{
	uint8_t excepted = 0;

	for (size_t i = 0; i < e->n; i++) {
		const struct cgw__exception *x = &e->exceptions[i];

		if (x->type != (type == CGW_DEVICE_BLOCK ? 'b' : 'c') ||
		    (x->major != CGW_DEVICE_ANY && x->major != major) ||
		    (x->minor != CGW_DEVICE_ANY && x->minor != minor) || !cgw__emulator_reaches(x))
			continue;
		for (unsigned int access = 0; access <= CGW_DEVICE_RWM; access++)
			if ((x->access & access) == access)
				excepted |= (uint8_t)(1U << access);
	}
	return e->allow ? (uint8_t)~excepted : excepted;
}

static uint8_t runc_verdicts(const struct cgw_rules *rules, unsigned int type, uint32_t major,
			     uint32_t minor)
{
	_cleanup_(cgw__emulator_free) struct cgw__emulator e = { 0 };

	return cgw__emulator_run(&e, rules, NULL) ? 0 :
						    cgw__emulator_verdicts(&e, type, major, minor);
}

/* The verdicts of a list on a device, a bit for each subset of access bits. */
uint8_t cgw__rules_verdicts(const struct cgw_rules *rules, enum cgw_semantics semantics,
			    unsigned int type, uint32_t major, uint32_t minor)
{
	switch (semantics) {
	case CGW_SEMANTICS_ORDERED:
		return ordered_verdicts(rules, type, major, minor);
	case CGW_SEMANTICS_RUNC:
		return runc_verdicts(rules, type, major, minor);
	case CGW_SEMANTICS_CONTAINERD:
		return containerd_verdicts(rules, type, major, minor);
	}
	return 0;
}

bool cgw_rules_evaluate(const struct cgw_rules *rules, enum cgw_semantics semantics,
			unsigned int type, uint32_t major, uint32_t minor, unsigned int access)
{
	return cgw__rules_verdicts(rules, semantics, type, major, minor) >>
		       (access & CGW_DEVICE_RWM) & 1;
}

int cgw_rules_validate(const struct cgw_rules *rules, enum cgw_semantics semantics)
{
	_cleanup_(cgw__emulator_free) struct cgw__emulator e = { 0 };
	char text[CGW_RULE_TEXT_MAX];
	size_t refused = 0;
	int err;

	if (semantics != CGW_SEMANTICS_RUNC)
		return 0;
	err = cgw__emulator_run(&e, rules, &refused);
	if (err == -EINVAL) {
		cgw__bad(rules->c, err,
			 "runc refuses rule %zu, '%s': it takes back part of a wider rule before it",
			 refused + 1, cgw_rule_format(&rules->rules[refused], text));
		cgw__hint(rules->c, "--semantics ordered accepts any list");
	}
	return err == -ENOMEM ? cgw__oom(rules->c) : err;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * A policy told as rules again: canonical ones, that compile to the same table. The kernel
 * keeps the table only, not what was typed.
 */
#include "internal.h"

#define ANY CGW_DEVICE_ANY
#define RWM CGW_DEVICE_RWM

/* The rules so far, and the policy they are made for. */
struct canon {
	struct cgw_rules *rules;
	const struct cgw_policy_value *v;
	int err;
};

static void emit(struct canon *k, char type, uint32_t major, uint32_t minor, bool allow,
		 uint8_t access)
{
	struct cgw_rule rule = { type, allow, access, major, minor };

	if (access && !k->err)
		k->err = cgw_rules_add_rule(k->rules, &rule);
}

static void emit_slot(struct canon *k, const struct cgw_policy_entry *s, bool allow, uint8_t access)
{
	emit(k, s->type == CGW_DEVICE_BLOCK ? 'b' : 'c', s->major, s->minor, allow, access);
}

/* *:MIN first, then MAJ:*, then exact: a later rule overrules an earlier one. */
static int level_of(const struct cgw_policy_entry *s)
{
	return s->major == ANY ? 0 : s->minor == ANY ? 1 : 2;
}

/*
 * Must the rules of a class say all there is to say? Those of MAJ:* must where there are
 * *:MIN rules before them, which hold for some of the same devices.
 */
static bool stands_alone(const struct canon *k, const struct cgw_policy_entry *s)
{
	return level_of(s) == 1 && k->v->levels[s->type] & CGW_POLICY_MINOR;
}

static uint8_t verdicts_or(int verdicts, uint8_t otherwise)
{
	return verdicts < 0 ? otherwise : (uint8_t)verdicts;
}

/* The verdicts that the rules of wider classes give. */
static uint8_t wider_verdicts(const struct canon *k, const struct cgw_policy_entry *s)
{
	uint8_t fallback = k->v->fallback[s->type];
	int wider;

	if (level_of(s) < 2)
		return fallback;
	wider = cgw__policy_lookup(k->v, s->type, s->major, ANY);
	if (wider < 0)
		wider = cgw__policy_lookup(k->v, s->type, ANY, s->minor);
	return verdicts_or(wider, fallback);
}

/* ---- ordered ---------------------------------------------------------------------- */

/* The access bits that an entry of an ordered policy allows. */
static uint8_t allowed_bits(uint8_t verdicts)
{
	uint8_t bits = 0;

	for (uint8_t bit = CGW_DEVICE_MKNOD; bit <= CGW_DEVICE_WRITE; bit <<= 1)
		if (verdicts >> bit & 1)
			bits |= bit;
	return bits;
}

static void begin_ordered(struct canon *k)
{
	uint8_t b = allowed_bits(k->v->fallback[CGW_DEVICE_BLOCK]);
	uint8_t c = allowed_bits(k->v->fallback[CGW_DEVICE_CHAR]);

	emit(k, 'a', ANY, ANY, b == RWM && c == RWM, RWM);
	if (b == RWM && c == RWM)
		return;
	emit(k, 'a', ANY, ANY, true, b & c);
	emit(k, 'b', ANY, ANY, true, b & (uint8_t)~c);
	emit(k, 'c', ANY, ANY, true, c & (uint8_t)~b);
}

static void slot_ordered(struct canon *k, const struct cgw_policy_entry *s)
{
	uint8_t want = allowed_bits(s->verdicts), base = allowed_bits(wider_verdicts(k, s));

	if (stands_alone(k, s))
		base = (uint8_t)~want & RWM;
	emit_slot(k, s, true, want & (uint8_t)~base);
	emit_slot(k, s, false, base & (uint8_t)~want);
}

/* ---- runc ------------------------------------------------------------------------- */

/* A class has one exception at most, and those of the wider classes hold for it too. */
static uint8_t find_exception(uint8_t family, uint8_t covered)
{
	for (uint8_t access = RWM; access; access--)
		if (family >> access & 1 && !(covered >> access & 1))
			return access;
	return 0;
}

static uint8_t family_of(const struct canon *k, uint8_t verdicts)
{
	return k->v->flags & CGW_POLICY_ALLOWS ? (uint8_t)~verdicts : verdicts;
}

static void begin_runc(struct canon *k)
{
	bool allows = k->v->flags & CGW_POLICY_ALLOWS;

	emit(k, 'a', ANY, ANY, allows, RWM);
	for (unsigned int type = CGW_DEVICE_BLOCK; type <= CGW_DEVICE_CHAR; type++)
		emit(k, type == CGW_DEVICE_BLOCK ? 'b' : 'c', ANY, ANY, !allows,
		     find_exception(family_of(k, k->v->fallback[type]), 0));
}

static void slot_runc(struct canon *k, const struct cgw_policy_entry *s)
{
	uint8_t fallback = k->v->fallback[s->type], covered = family_of(k, fallback);

	if (level_of(s) == 2) {
		int major = cgw__policy_lookup(k->v, s->type, s->major, ANY);
		int minor = cgw__policy_lookup(k->v, s->type, ANY, s->minor);

		covered |= family_of(k, verdicts_or(major, fallback));
		covered |= family_of(k, verdicts_or(minor, fallback));
	}
	emit_slot(k, s, !(k->v->flags & CGW_POLICY_ALLOWS),
		  find_exception(family_of(k, s->verdicts), covered));
}

/* ---- containerd ------------------------------------------------------------------- */

/* Rules of one class, in the order they are listed. */
struct sequence {
	bool allow[4];
	uint8_t access[4];
	size_t n;
};

/* What a rule that shares a bit with the request makes of the verdicts. */
static uint8_t overlay(uint8_t verdicts, bool allow, uint8_t access)
{
	uint8_t mask = 0;

	for (uint8_t request = 0; request <= RWM; request++)
		if (access == RWM || request & access)
			mask |= (uint8_t)(1U << request);
	return allow ? verdicts | mask : verdicts & (uint8_t)~mask;
}

/*
 * The shortest rules, at most left of them, that turn one byte of verdicts into another.
 * Seen from the last, each rule settles one bit more, so three and an rwm rule suffice.
 */
static bool find_sequence(uint8_t from, uint8_t want, size_t left, struct sequence *q)
{
	if (from == want)
		return true;
	if (!left)
		return false;
	for (int allow = 0; allow < 2; allow++)
		for (uint8_t access = RWM; access; access--) {
			q->allow[q->n] = allow;
			q->access[q->n++] = access;
			if (find_sequence(overlay(from, allow, access), want, left - 1, q))
				return true;
			q->n--;
		}
	return false;
}

static void emit_sequence(struct canon *k, char type, uint32_t major, uint32_t minor, uint8_t from,
			  uint8_t want, bool alone)
{
	struct sequence q = { 0 };
	bool found = false;

	for (size_t length = 0; length <= 4 && !found && !alone; length++)
		found = find_sequence(from, want, length, &q);
	for (size_t length = 0; length <= 3 && !found; length++) {
		q.n = 1;
		q.allow[0] = want & 1;
		q.access[0] = RWM;
		found = find_sequence(want & 1 ? 0xff : 0, want, length, &q);
	}
	for (size_t i = 0; i < q.n; i++)
		emit(k, type, major, minor, q.allow[i], q.access[i]);
}

static void begin_containerd(struct canon *k)
{
	uint8_t b = k->v->fallback[CGW_DEVICE_BLOCK], c = k->v->fallback[CGW_DEVICE_CHAR];

	emit_sequence(k, 'a', ANY, ANY, 0, b, true);
	emit_sequence(k, 'c', ANY, ANY, b, c, false);
}

static void slot_containerd(struct canon *k, const struct cgw_policy_entry *s)
{
	emit_sequence(k, s->type == CGW_DEVICE_BLOCK ? 'b' : 'c', s->major, s->minor,
		      wider_verdicts(k, s), s->verdicts, stands_alone(k, s));
}

/* ---- all -------------------------------------------------------------------------- */

static const struct {
	void (*begin)(struct canon *k);
	void (*slot)(struct canon *k, const struct cgw_policy_entry *s);
} tellers[] = {
	[CGW_SEMANTICS_ORDERED] = { begin_ordered, slot_ordered },
	[CGW_SEMANTICS_RUNC] = { begin_runc, slot_runc },
	[CGW_SEMANTICS_CONTAINERD] = { begin_containerd, slot_containerd },
};

static int compare_slots(const void *a, const void *b)
{
	const struct cgw_policy_entry *x = a, *y = b;

	if (level_of(x) != level_of(y))
		return level_of(x) - level_of(y);
	if (x->type != y->type)
		return y->type - x->type; /* c before b */
	if (x->major != y->major)
		return x->major < y->major ? -1 : 1;
	return (x->minor > y->minor) - (x->minor < y->minor);
}

ssize_t cgw_policy_entries(const struct cgw_policy *policy, struct cgw_policy_entry **ret_entries)
{
	const struct cgw_policy_value *v = policy->value;
	struct cgw_policy_entry *entries = calloc(v->entries + 1, sizeof(*entries));
	size_t n = 0;

	if (!entries)
		return cgw__oom(policy->c);
	for (size_t i = 0; n < v->entries && cgw__policy_slot(v, i, &entries[n]); i++)
		n += entries[n].type != 0;
	qsort(entries, n, sizeof(*entries), compare_slots);
	*ret_entries = entries;
	return (ssize_t)n;
}

int cgw_policy_rules(const struct cgw_policy *policy, struct cgw_rules **ret_rules)
{
	_cleanup_(cgw__rules_freep) struct cgw_rules *rules = NULL;
	_cleanup_free_ struct cgw_policy_entry *entries = NULL;
	struct canon k = { .v = policy->value };
	ssize_t n;

	k.err = cgw_rules_new(policy->c, &rules);
	if (k.err)
		return k.err;
	k.rules = rules;
	n = cgw_policy_entries(policy, &entries);
	if (n < 0)
		return (int)n;
	tellers[k.v->semantics].begin(&k);
	for (ssize_t i = 0; i < n; i++)
		tellers[k.v->semantics].slot(&k, &entries[i]);
	if (k.err)
		return k.err;
	*ret_rules = TAKE_PTR(rules);
	return 0;
}

/* Does this rule speak of the request? An ordered one of any of the bits in question. */
static bool speaks(enum cgw_semantics semantics, const struct cgw_rule *rule, unsigned int bits)
{
	switch (semantics) {
	case CGW_SEMANTICS_ORDERED:
		return rule->access & bits;
	case CGW_SEMANTICS_RUNC:
		return rule->type == 'a' || (rule->access & bits) == bits;
	case CGW_SEMANTICS_CONTAINERD:
		return rule->access == RWM || rule->access & bits;
	}
	return false;
}

bool cgw_policy_check(const struct cgw_policy *policy, unsigned int type, uint32_t major,
		      uint32_t minor, unsigned int access, struct cgw_rule *ret_rule)
{
	_cleanup_(cgw__rules_freep) struct cgw_rules *rules = NULL;
	uint8_t verdicts = cgw__policy_verdicts(policy->value, type, major, minor);
	enum cgw_semantics semantics = (enum cgw_semantics)policy->value->semantics;
	bool allow = verdicts >> (access & RWM) & 1;
	unsigned int bits = access & RWM;

	if (!ret_rule)
		return allow;
	memset(ret_rule, 0, sizeof(*ret_rule));
	if (semantics == CGW_SEMANTICS_ORDERED) {
		/* The bit that was refused first, or any bit that let it pass. */
		bits = allowed_bits(verdicts);
		bits = allow ? bits : ~bits & RWM;
		bits &= access ? access : RWM;
		bits = allow ? bits : bits & -bits;
	}
	if (cgw_policy_rules(policy, &rules) < 0)
		return allow;
	/* Canonical rules begin with one about everything: something is always found. */
	for (size_t i = rules->n; i--;)
		if (cgw__rule_matches(&rules->rules[i], type, major, minor) &&
		    speaks(semantics, &rules->rules[i], bits)) {
			*ret_rule = rules->rules[i];
			break;
		}
	return allow;
}

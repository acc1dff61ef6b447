// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The compiler: from a rule list and its semantics to the decision table, and back. */
#include "internal.h"

/* An entry of the table before it has its place in the hash. */
struct entry {
	uint32_t major;
	uint32_t minor;
	uint8_t type;
	uint8_t verdicts;
};

struct table {
	struct entry *entries;
	size_t n;
	size_t room;
	uint8_t fallback[4];
};

static void free_table(struct table *t)
{
	free(t->entries);
}

static int add_entry(struct table *t, unsigned int type, uint32_t major, uint32_t minor,
		     uint8_t verdicts)
{
	/* At once, so that a hostile list costs no more time than it must. */
	if (t->n == CGW_POLICY_ENTRIES)
		return -ENOSPC;
	if (t->n == t->room) {
		size_t room = t->room ? t->room * 2 : 64;
		struct entry *more = realloc(t->entries, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		t->entries = more;
		t->room = room;
	}
	t->entries[t->n++] = (struct entry){ major, minor, (uint8_t)type, verdicts };
	return 0;
}

/* The verdicts of a class of devices, for each subset of access bits asked for. */
static uint8_t class_verdicts(const struct cgw_rules *rules, enum cgw_semantics semantics,
			      unsigned int type, uint32_t major, uint32_t minor)
{
	uint8_t verdicts = 0;

	for (unsigned int access = 0; access <= CGW_DEVICE_RWM; access++)
		if (cgw_rules_evaluate(rules, semantics, type, major, minor, access))
			verdicts |= (uint8_t)(1U << access);
	return verdicts;
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static size_t sort_unique(uint64_t *keys, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(keys, n, sizeof(*keys), compare_numbers);
	for (size_t i = 0; i < n; i++)
		if (!i || keys[i] != keys[kept - 1])
			keys[kept++] = keys[i];
	return kept;
}

#define PAIR(major, minor) ((uint64_t)(major) << 32 | (minor))

/* The numbers that the rules of one type tell apart. */
struct classes {
	uint64_t *majors; /* of MAJ:* rules */
	size_t n_majors;
	uint64_t *minors; /* of *:MIN rules */
	size_t n_minors;
	uint64_t *pairs; /* of MAJ:MIN rules, and where a MAJ:* meets a *:MIN */
	size_t n_pairs;
};

static void free_classes(struct classes *k)
{
	free(k->majors);
	free(k->minors);
	free(k->pairs);
}

static int find_classes(const struct cgw_rules *rules, char letter, struct classes *k)
{
	size_t room = rules->n + 1;

	k->majors = calloc(room, sizeof(*k->majors));
	k->minors = calloc(room, sizeof(*k->minors));
	k->pairs = calloc(room, sizeof(*k->pairs));
	if (!k->majors || !k->minors || !k->pairs)
		return -ENOMEM;
	for (size_t i = 0; i < rules->n; i++) {
		const struct cgw_rule *rule = &rules->rules[i];
		bool any_major = rule->major == CGW_DEVICE_ANY;
		bool any_minor = rule->minor == CGW_DEVICE_ANY;

		if (rule->type != 'a' && rule->type != letter)
			continue;
		if (!any_major && !any_minor)
			k->pairs[k->n_pairs++] = PAIR(rule->major, rule->minor);
		else if (!any_major)
			k->majors[k->n_majors++] = rule->major;
		else if (!any_minor)
			k->minors[k->n_minors++] = rule->minor;
	}
	k->n_majors = sort_unique(k->majors, k->n_majors);
	k->n_minors = sort_unique(k->minors, k->n_minors);
	return 0;
}

/* More numbers than entries on both sides cannot all be told apart anyway. */
#define MAX_CROSSINGS ((size_t)256 * 256)

/* Add the crossings of MAJ:* and *:MIN rules to the pairs. */
static int cross_classes(struct classes *k)
{
	size_t cross = k->n_majors * k->n_minors;
	uint64_t *more;

	if (cross > MAX_CROSSINGS)
		return -E2BIG;
	if (cross) {
		more = realloc(k->pairs, (k->n_pairs + cross) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		k->pairs = more;
		for (size_t i = 0; i < k->n_majors; i++)
			for (size_t j = 0; j < k->n_minors; j++)
				k->pairs[k->n_pairs++] = PAIR(k->majors[i], k->minors[j]);
	}
	k->n_pairs = sort_unique(k->pairs, k->n_pairs);
	return 0;
}

static const struct entry *find_entry(const struct table *t, size_t from, size_t to,
				      uint32_t major, uint32_t minor)
{
	for (size_t i = from; i < to; i++)
		if (t->entries[i].major == major && t->entries[i].minor == minor)
			return &t->entries[i];
	return NULL;
}

/*
 * Entries for one type. A number that no rule names is asked for as ANY, which matches
 * exactly the rules that have a wildcard there. An entry that only repeats what the next
 * less specific one says is left out.
 */
static int tabulate(struct table *t, const struct cgw_rules *rules, enum cgw_semantics semantics,
		    unsigned int type, struct classes *k)
{
	const uint32_t any = CGW_DEVICE_ANY;
	size_t minors, majors, end;
	int err = 0;

	t->fallback[type] = class_verdicts(rules, semantics, type, any, any);
	minors = t->n;
	for (size_t i = 0; i < k->n_minors && !err; i++) {
		uint8_t v = class_verdicts(rules, semantics, type, any, (uint32_t)k->minors[i]);

		if (v != t->fallback[type])
			err = add_entry(t, type, any, (uint32_t)k->minors[i], v);
	}
	majors = t->n;
	for (size_t i = 0; i < k->n_majors && !err; i++) {
		uint8_t v = class_verdicts(rules, semantics, type, (uint32_t)k->majors[i], any);

		/* Where *:MIN entries exist, one MAJ:* stands for all its crossings with them. */
		if (v != t->fallback[type] || majors > minors)
			err = add_entry(t, type, (uint32_t)k->majors[i], any, v);
	}
	end = t->n;
	for (size_t i = 0; i < k->n_pairs && !err; i++) {
		uint32_t major = (uint32_t)(k->pairs[i] >> 32), minor = (uint32_t)k->pairs[i];
		const struct entry *wider = find_entry(t, majors, end, major, any);
		uint8_t v = class_verdicts(rules, semantics, type, major, minor);

		if (!wider)
			wider = find_entry(t, minors, majors, any, minor);
		if (v != (wider ? wider->verdicts : t->fallback[type]))
			err = add_entry(t, type, major, minor, v);
	}
	return err;
}

struct bucket {
	uint16_t members[CGW_POLICY_ENTRIES];
	uint16_t n;
};

static struct cgw_policy_slot *slot_of(struct cgw_policy_value *v, const struct entry *e,
				       unsigned int displace)
{
	uint64_t hash = cgw_policy_hash(v->seed, e->type, e->major, e->minor);

	return &v->slots[cgw_policy_index(hash, displace)];
}

/* Put all entries of a bucket on free slots by one displacement, or none of them. */
static bool place_bucket(struct cgw_policy_value *v, const struct table *t, const struct bucket *b,
			 unsigned int displace)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		const struct entry *e = &t->entries[b->members[i]];
		struct cgw_policy_slot *s = slot_of(v, e, displace);

		if (s->type)
			break;
		*s = (struct cgw_policy_slot){ e->major, e->minor, e->type, e->verdicts, 0 };
	}
	if (i == b->n)
		return true;
	while (i--)
		*slot_of(v, &t->entries[b->members[i]], displace) = (struct cgw_policy_slot){ 0 };
	return false;
}

/* Place the buckets, the fullest first, each by the first displacement that fits. */
static bool place(struct cgw_policy_value *v, const struct table *t, struct bucket *buckets)
{
	memset(v->slots, 0, sizeof(v->slots));
	memset(v->displace, 0, sizeof(v->displace));
	for (size_t i = 0; i < CGW_POLICY_BUCKETS; i++)
		buckets[i].n = 0;
	for (size_t i = 0; i < t->n; i++) {
		const struct entry *e = &t->entries[i];
		uint64_t hash = cgw_policy_hash(v->seed, e->type, e->major, e->minor);
		struct bucket *b = &buckets[cgw_policy_bucket(hash)];

		b->members[b->n++] = (uint16_t)i;
	}
	for (size_t size = t->n; size > 0; size--) {
		for (size_t i = 0; i < CGW_POLICY_BUCKETS; i++) {
			unsigned int d = 0;

			if (buckets[i].n != size)
				continue;
			while (d < 256 && !place_bucket(v, t, &buckets[i], d))
				d++;
			if (d == 256)
				return false;
			v->displace[i] = (uint8_t)d;
		}
	}
	return true;
}

static int build_value(struct cgw *c, const struct table *t, enum cgw_semantics semantics,
		       struct cgw_policy_value *v)
{
	_cleanup_free_ struct bucket *buckets = calloc(CGW_POLICY_BUCKETS, sizeof(*buckets));

	if (!buckets)
		return cgw__oom(c);
	v->magic = CGW_POLICY_MAGIC;
	v->version = CGW_POLICY_VERSION;
	v->semantics = (uint8_t)semantics;
	v->entries = (uint32_t)t->n;
	for (size_t i = 0; i < t->n; i++) {
		const struct entry *e = &t->entries[i];

		v->levels[e->type] |= e->major == CGW_DEVICE_ANY ? CGW_POLICY_MINOR :
				      e->minor == CGW_DEVICE_ANY ? CGW_POLICY_MAJOR :
								   CGW_POLICY_EXACT;
	}
	memcpy(v->fallback, t->fallback, sizeof(v->fallback));
	for (v->seed = 0; v->seed < 4096; v->seed++)
		if (place(v, t, buckets))
			return 0;
	return cgw__bad(c, -E2BIG, "the device policy's %zu entries do not fit the hash", t->n);
}

int cgw_policy_compile(const struct cgw_rules *rules, enum cgw_semantics semantics,
		       struct cgw_policy **ret_policy)
{
	_cleanup_(cgw__policy_freep) struct cgw_policy *policy = calloc(1, sizeof(*policy));
	_cleanup_(free_table) struct table t = { 0 };
	struct cgw *c = rules->c;
	int err = 0;

	if (!policy)
		return cgw__oom(c);
	policy->c = c;
	for (unsigned int type = CGW_DEVICE_BLOCK; type <= CGW_DEVICE_CHAR && !err; type++) {
		_cleanup_(free_classes) struct classes k = { 0 };

		err = find_classes(rules, type == CGW_DEVICE_BLOCK ? 'b' : 'c', &k);
		if (!err)
			err = cross_classes(&k);
		if (!err)
			err = tabulate(&t, rules, semantics, type, &k);
	}
	if (err == -E2BIG)
		return cgw__bad(c, err, "the device rules cross too many MAJ:* with *:MIN");
	if (err == -ENOSPC) {
		cgw__bad(c, -E2BIG, "the device policy needs more than the %u table entries that fit",
			 CGW_POLICY_ENTRIES);
		cgw__hint(c, "each device number that is treated unlike its MAJ:* or *:* takes one");
		return -E2BIG;
	}
	if (err)
		return cgw__oom(c);
	err = build_value(c, &t, semantics, &policy->value);
	if (err)
		return err;
	*ret_policy = TAKE_PTR(policy);
	return 0;
}

void cgw_policy_free(struct cgw_policy *policy)
{
	free(policy);
}

const struct cgw_policy_value *cgw_policy_value(const struct cgw_policy *policy)
{
	return &policy->value;
}

int cgw__policy_from_value(struct cgw *c, const struct cgw_policy_value *value,
			   struct cgw_policy **ret_policy)
{
	struct cgw_policy *policy = malloc(sizeof(*policy));

	if (!policy)
		return cgw__oom(c);
	policy->c = c;
	policy->value = *value;
	*ret_policy = policy;
	return 0;
}

/* What bpf/device.bpf.c does, for the same value. */
static const struct cgw_policy_slot *lookup(const struct cgw_policy_value *v, unsigned int type,
					    uint32_t major, uint32_t minor)
{
	uint64_t hash = cgw_policy_hash(v->seed, type, major, minor);
	const struct cgw_policy_slot *s =
		&v->slots[cgw_policy_index(hash, v->displace[cgw_policy_bucket(hash)])];

	return s->major == major && s->minor == minor && s->type == type ? s : NULL;
}

static uint8_t table_verdicts(const struct cgw_policy_value *v, unsigned int type, uint32_t major,
			      uint32_t minor)
{
	const struct cgw_policy_slot *s = lookup(v, type, major, minor);

	if (!s)
		s = lookup(v, type, major, CGW_DEVICE_ANY);
	if (!s)
		s = lookup(v, type, CGW_DEVICE_ANY, minor);
	return s ? s->verdicts : v->fallback[type & 3];
}

/* The access bits that an entry of an ordered policy allows. */
static uint8_t allowed_bits(uint8_t verdicts)
{
	uint8_t bits = 0;

	for (uint8_t bit = CGW_DEVICE_MKNOD; bit <= CGW_DEVICE_WRITE; bit <<= 1)
		if (verdicts >> bit & 1)
			bits |= bit;
	return bits;
}

static int emit(struct cgw_rules *rules, char type, uint32_t major, uint32_t minor, bool allow,
		uint8_t access)
{
	struct cgw_rule rule = { type, allow, access, major, minor };

	return access ? cgw_rules_add_rule(rules, &rule) : 0;
}

/* Rules that turn the bits base into the bits want, for one class. */
static int emit_change(struct cgw_rules *rules, const struct cgw_policy_slot *s, uint8_t base,
		       uint8_t want)
{
	char type = s->type == CGW_DEVICE_BLOCK ? 'b' : 'c';
	int err = emit(rules, type, s->major, s->minor, true, want & (uint8_t)~base);

	return err ? err : emit(rules, type, s->major, s->minor, false, base & (uint8_t)~want);
}

static int emit_fallback(struct cgw_rules *rules, const struct cgw_policy_value *v)
{
	const uint32_t any = CGW_DEVICE_ANY;
	uint8_t b = allowed_bits(v->fallback[CGW_DEVICE_BLOCK]);
	uint8_t c = allowed_bits(v->fallback[CGW_DEVICE_CHAR]);
	int err;

	if (b == CGW_DEVICE_RWM && c == CGW_DEVICE_RWM)
		return emit(rules, 'a', any, any, true, CGW_DEVICE_RWM);
	err = emit(rules, 'a', any, any, false, CGW_DEVICE_RWM);
	if (!err)
		err = emit(rules, 'a', any, any, true, b & c);
	if (!err)
		err = emit(rules, 'b', any, any, true, b & (uint8_t)~c);
	if (!err)
		err = emit(rules, 'c', any, any, true, c & (uint8_t)~b);
	return err;
}

static int compare_slots(const void *a, const void *b)
{
	const struct cgw_policy_slot *x = *(const struct cgw_policy_slot *const *)a;
	const struct cgw_policy_slot *y = *(const struct cgw_policy_slot *const *)b;

	if (x->type != y->type)
		return y->type - x->type; /* c before b */
	if (x->major != y->major)
		return x->major < y->major ? -1 : 1;
	return (x->minor > y->minor) - (x->minor < y->minor);
}

/* 0 for *:MIN, 1 for MAJ:*, 2 for exact: a later rule overrules an earlier one. */
static int level_of(const struct cgw_policy_slot *s)
{
	return s->major == CGW_DEVICE_ANY ? 0 : s->minor == CGW_DEVICE_ANY ? 1 : 2;
}

static int emit_slot(struct cgw_rules *rules, const struct cgw_policy_value *v,
		     const struct cgw_policy_slot *s)
{
	uint8_t want = allowed_bits(s->verdicts);
	const struct cgw_policy_slot *wider = NULL;

	/* A MAJ:* rule must outweigh every *:MIN rule before it: all its bits are said. */
	if (level_of(s) == 1 && v->levels[s->type] & CGW_POLICY_MINOR)
		return emit_change(rules, s, (uint8_t)~want & CGW_DEVICE_RWM, want);
	if (level_of(s) == 2) {
		wider = lookup(v, s->type, s->major, CGW_DEVICE_ANY);
		if (!wider)
			wider = lookup(v, s->type, CGW_DEVICE_ANY, s->minor);
	}
	return emit_change(rules, s, allowed_bits(wider ? wider->verdicts : v->fallback[s->type]),
			   want);
}

int cgw_policy_rules(const struct cgw_policy *policy, struct cgw_rules **ret_rules)
{
	_cleanup_(cgw__rules_freep) struct cgw_rules *rules = NULL;
	const struct cgw_policy_slot *slots[CGW_POLICY_SLOTS];
	const struct cgw_policy_value *v = &policy->value;
	size_t n = 0;
	int err = cgw_rules_new(policy->c, &rules);

	if (err)
		return err;
	for (size_t i = 0; i < CGW_POLICY_SLOTS; i++)
		if (v->slots[i].type)
			slots[n++] = &v->slots[i];
	if (n)
		qsort(slots, n, sizeof(slots[0]), compare_slots);
	err = emit_fallback(rules, v);
	for (int level = 0; level < 3; level++)
		for (size_t i = 0; i < n && !err; i++)
			if (level_of(slots[i]) == level)
				err = emit_slot(rules, v, slots[i]);
	if (err)
		return err;
	*ret_rules = TAKE_PTR(rules);
	return 0;
}

/* The last rule about this device that speaks of one of the bits. */
static const struct cgw_rule *last_rule(const struct cgw_rules *rules, unsigned int type,
					uint32_t major, uint32_t minor, unsigned int bits)
{
	const struct cgw_rule *found = NULL;

	for (size_t i = 0; i < rules->n; i++)
		if (rules->rules[i].access & bits &&
		    cgw__rule_matches(&rules->rules[i], type, major, minor))
			found = &rules->rules[i];
	return found;
}

bool cgw_policy_check(const struct cgw_policy *policy, unsigned int type, uint32_t major,
		      uint32_t minor, unsigned int access, struct cgw_rule *ret_rule)
{
	_cleanup_(cgw__rules_freep) struct cgw_rules *rules = NULL;
	uint8_t verdicts = table_verdicts(&policy->value, type, major, minor);
	bool allow = verdicts >> (access & CGW_DEVICE_RWM) & 1;
	const struct cgw_rule *rule;
	unsigned int bits;

	if (!ret_rule)
		return allow;
	/* The bit that was refused first, or any bit that let it pass. */
	bits = allowed_bits(verdicts);
	if (!allow)
		bits = ~bits & CGW_DEVICE_RWM;
	if (access)
		bits &= access;
	if (!allow)
		bits &= -bits;
	memset(ret_rule, 0, sizeof(*ret_rule));
	if (cgw_policy_rules(policy, &rules) < 0)
		return allow;
	rule = last_rule(rules, type, major, minor, bits);
	if (rule)
		*ret_rule = *rule;
	return allow;
}

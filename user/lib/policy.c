// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Policies: a table made into the value that the kernel looks up. */
#include "table.h"

#define ALL_ALLOWED 0xff

const struct cgw__policy_class cgw__policy_classes[CGW_POLICY_CLASSES] = {
	{ CGW_POLICY_SLOTS_0, CGW_POLICY_BUCKETS_0, 24, sizeof(struct cgw_policy_value_0) },
	{ CGW_POLICY_SLOTS_1, CGW_POLICY_BUCKETS_1, 256, sizeof(struct cgw_policy_value_1) },
	{ CGW_POLICY_SLOTS_2, CGW_POLICY_BUCKETS_2, CGW_POLICY_ENTRIES,
	  sizeof(struct cgw_policy_value_2) },
};

static const struct cgw__policy_class *class_of(const struct cgw_policy_value *v)
{
	return &cgw__policy_classes[v->size_class];
}

static struct cgw_policy_slot *slots_of(const struct cgw_policy_value *v)
{
	return (struct cgw_policy_slot *)(v + 1);
}

static uint8_t *displace_of(const struct cgw_policy_value *v)
{
	return (uint8_t *)(slots_of(v) + class_of(v)->slots);
}

static uint64_t hash_of(const struct cgw_policy_value *v, const struct cgw__entry *e)
{
	return cgw_policy_hash(v->seed, e->type, e->major, e->minor);
}

/* Entries by the bucket they fall in: bucket b has order[start[b]] up to start[b + 1]. */
struct buckets {
	uint16_t *order;
	uint16_t *start;
	size_t largest;
};

static void free_buckets(struct buckets *b)
{
	free(b->order);
	free(b->start);
}

static void fill_buckets(struct buckets *b, const struct cgw_policy_value *v,
			 const struct cgw__table *t)
{
	uint32_t n = class_of(v)->buckets;

	memset(b->start, 0, (n + 2) * sizeof(*b->start));
	/* Counted two places further on, so that filling them in moves each start to its place. */
	for (size_t i = 0; i < t->n; i++)
		b->start[cgw_policy_bucket(hash_of(v, &t->entries[i]), n) + 2]++;
	b->largest = 0;
	for (size_t i = 2; i <= n + 1; i++) {
		if (b->start[i] > b->largest)
			b->largest = b->start[i];
		b->start[i] = (uint16_t)(b->start[i] + b->start[i - 1]);
	}
	for (size_t i = 0; i < t->n; i++)
		b->order[b->start[cgw_policy_bucket(hash_of(v, &t->entries[i]), n) + 1]++] =
			(uint16_t)i;
}

static struct cgw_policy_slot *slot_of(const struct cgw_policy_value *v, const struct cgw__entry *e,
				       unsigned int displace)
{
	return slots_of(v) + cgw_policy_index(hash_of(v, e), displace, class_of(v)->slots);
}

/* Put n entries on free slots by one displacement, or none of them. */
static bool place_bucket(const struct cgw_policy_value *v, const struct cgw__table *t,
			 const uint16_t *members, size_t n, unsigned int displace)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const struct cgw__entry *e = &t->entries[members[i]];
		struct cgw_policy_slot *s = slot_of(v, e, displace);

		if (s->type)
			break;
		*s = (struct cgw_policy_slot){ e->major, e->minor, e->type, e->verdicts, 0 };
	}
	if (i == n)
		return true;
	while (i--)
		*slot_of(v, &t->entries[members[i]], displace) = (struct cgw_policy_slot){ 0 };
	return false;
}

/* Place the buckets, the fullest first, each by the first displacement that fits. */
static bool place(struct cgw_policy_value *v, const struct cgw__table *t, struct buckets *b)
{
	const struct cgw__policy_class *k = class_of(v);

	memset(v + 1, 0, k->bytes - sizeof(*v));
	fill_buckets(b, v, t);
	for (size_t size = b->largest; size > 0; size--) {
		for (size_t i = 0; i < k->buckets; i++) {
			unsigned int d = 0;

			if ((size_t)(b->start[i + 1] - b->start[i]) != size)
				continue;
			while (d < 256 && !place_bucket(v, t, b->order + b->start[i], size, d))
				d++;
			if (d == 256)
				return false;
			displace_of(v)[i] = (uint8_t)d;
		}
	}
	return true;
}

static void fill_head(struct cgw_policy_value *v, const struct cgw__table *t,
		      enum cgw_semantics semantics)
{
	v->magic = CGW_POLICY_MAGIC;
	v->version = CGW_POLICY_VERSION;
	v->semantics = (uint8_t)semantics;
	v->flags = t->invert ? CGW_POLICY_ALLOWS : 0;
	v->entries = (uint16_t)t->n;
	for (size_t i = 0; i < t->n; i++) {
		const struct cgw__entry *e = &t->entries[i];

		v->levels[e->type] |= e->major == CGW_DEVICE_ANY ? CGW_POLICY_MINOR :
				      e->minor == CGW_DEVICE_ANY ? CGW_POLICY_MAJOR :
								   CGW_POLICY_EXACT;
	}
	memcpy(v->fallback, t->fallback, sizeof(v->fallback));
}

static struct cgw_policy *new_policy(struct cgw *c, unsigned int size_class)
{
	struct cgw_policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return NULL;
	policy->c = c;
	policy->size = cgw__policy_classes[size_class].bytes;
	policy->value = calloc(1, policy->size);
	if (!policy->value) {
		free(policy);
		return NULL;
	}
	policy->value->size_class = (uint8_t)size_class;
	return policy;
}

/* Does every request for every minor of a major pass? */
static bool allows_major(const struct cgw_policy_value *v, uint32_t major)
{
	const struct cgw_policy_slot *s,
		*whole = cgw__policy_lookup(v, CGW_DEVICE_CHAR, major, CGW_DEVICE_ANY);

	for (size_t i = 0; (s = cgw__policy_slot(v, i)); i++) {
		if (s->type != CGW_DEVICE_CHAR || s->verdicts == ALL_ALLOWED)
			continue;
		if (s->major == major || (!whole && s->major == CGW_DEVICE_ANY &&
					  !cgw__policy_lookup(v, CGW_DEVICE_CHAR, major, s->minor)))
			return false;
	}
	return whole || v->fallback[CGW_DEVICE_CHAR] == ALL_ALLOWED;
}

/* May the program let the OCI nodes pass without a look at the table? */
static bool allows_oci_nodes(const struct cgw_policy_value *v)
{
	for (uint32_t i = 0; i < 32; i++) {
		if (CGW_POLICY_OCI_MEM >> i & 1 &&
		    cgw__policy_verdicts(v, CGW_DEVICE_CHAR, 1, i) != ALL_ALLOWED)
			return false;
		if (CGW_POLICY_OCI_TTY >> i & 1 &&
		    cgw__policy_verdicts(v, CGW_DEVICE_CHAR, 5, i) != ALL_ALLOWED)
			return false;
	}
	return allows_major(v, CGW_POLICY_OCI_PTS);
}

static int make_policy(struct cgw *c, const struct cgw__table *t, enum cgw_semantics semantics,
		       struct cgw_policy **ret_policy)
{
	_cleanup_(cgw__policy_freep) struct cgw_policy *policy = NULL;
	_cleanup_(free_buckets) struct buckets b = { 0 };
	unsigned int size_class = 0;

	while (t->n > cgw__policy_classes[size_class].entries)
		size_class++;
	policy = new_policy(c, size_class);
	b.order = calloc(t->n + 1, sizeof(*b.order));
	b.start = calloc(cgw__policy_classes[size_class].buckets + 2, sizeof(*b.start));
	if (!policy || !b.order || !b.start)
		return cgw__oom(c);
	fill_head(policy->value, t, semantics);
	for (policy->value->seed = 0; policy->value->seed < 4096; policy->value->seed++)
		if (place(policy->value, t, &b)) {
			if (allows_oci_nodes(policy->value))
				policy->value->flags |= CGW_POLICY_SHORTCUT;
			*ret_policy = TAKE_PTR(policy);
			return 0;
		}
	return cgw__bad(c, -E2BIG, "the device policy's %zu entries do not fit the hash", t->n);
}

int cgw_policy_compile(const struct cgw_rules *rules, enum cgw_semantics semantics,
		       struct cgw_policy **ret_policy)
{
	_cleanup_(cgw__table_free) struct cgw__table t = { 0 };
	int err = cgw__tabulate(rules, semantics, &t);

	return err ? err : make_policy(rules->c, &t, semantics, ret_policy);
}

void cgw_policy_set_own(struct cgw_policy *policy, bool own)
{
	policy->value->flags &= (uint8_t)~CGW_POLICY_OWN;
	if (own)
		policy->value->flags |= CGW_POLICY_OWN;
}

void cgw_policy_free(struct cgw_policy *policy)
{
	if (!policy)
		return;
	free(policy->value);
	free(policy);
}

const struct cgw_policy_value *cgw_policy_value(const struct cgw_policy *policy, size_t *ret_size)
{
	if (ret_size)
		*ret_size = policy->size;
	return policy->value;
}

/* A policy of what the kernel has; the value was checked to be one of this version. */
int cgw__policy_from_value(struct cgw *c, const struct cgw_policy_value *value,
			   struct cgw_policy **ret_policy)
{
	struct cgw_policy *policy = new_policy(c, value->size_class);

	if (!policy)
		return cgw__oom(c);
	memcpy(policy->value, value, policy->size);
	*ret_policy = policy;
	return 0;
}

/* What bpf/device.bpf.c does, for the same value. */
const struct cgw_policy_slot *cgw__policy_lookup(const struct cgw_policy_value *v,
						 unsigned int type, uint32_t major, uint32_t minor)
{
	const struct cgw__entry wanted = { major, minor, (uint8_t)type, 0 };
	uint32_t bucket = cgw_policy_bucket(hash_of(v, &wanted), class_of(v)->buckets);
	const struct cgw_policy_slot *s = slot_of(v, &wanted, displace_of(v)[bucket]);

	return s->major == major && s->minor == minor && s->type == type ? s : NULL;
}

uint8_t cgw__policy_verdicts(const struct cgw_policy_value *v, unsigned int type, uint32_t major,
			     uint32_t minor)
{
	const struct cgw_policy_slot *s = cgw__policy_lookup(v, type, major, minor);

	if (!s)
		s = cgw__policy_lookup(v, type, major, CGW_DEVICE_ANY);
	if (!s)
		s = cgw__policy_lookup(v, type, CGW_DEVICE_ANY, minor);
	return s ? s->verdicts : v->fallback[type & 3];
}

/* The slot number i of a value, or NULL past the last. */
const struct cgw_policy_slot *cgw__policy_slot(const struct cgw_policy_value *v, size_t i)
{
	return i < class_of(v)->slots ? slots_of(v) + i : NULL;
}

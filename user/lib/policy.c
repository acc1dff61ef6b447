// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Policies: a table made into the value that the kernel looks up. */
#include "table.h"

struct bucket {
	uint16_t members[CGW_POLICY_ENTRIES];
	uint16_t n;
};

static struct cgw_policy_slot *slot_of(struct cgw_policy_value *v, const struct cgw__entry *e,
				       unsigned int displace)
{
	uint64_t hash = cgw_policy_hash(v->seed, e->type, e->major, e->minor);

	return &v->slots[cgw_policy_index(hash, displace)];
}

/* Put all entries of a bucket on free slots by one displacement, or none of them. */
static bool place_bucket(struct cgw_policy_value *v, const struct cgw__table *t, const struct bucket *b,
			 unsigned int displace)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		const struct cgw__entry *e = &t->entries[b->members[i]];
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
static bool place(struct cgw_policy_value *v, const struct cgw__table *t, struct bucket *buckets)
{
	memset(v->slots, 0, sizeof(v->slots));
	memset(v->displace, 0, sizeof(v->displace));
	for (size_t i = 0; i < CGW_POLICY_BUCKETS; i++)
		buckets[i].n = 0;
	for (size_t i = 0; i < t->n; i++) {
		const struct cgw__entry *e = &t->entries[i];
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

static int build_value(struct cgw *c, const struct cgw__table *t, enum cgw_semantics semantics,
		       struct cgw_policy_value *v)
{
	_cleanup_free_ struct bucket *buckets = calloc(CGW_POLICY_BUCKETS, sizeof(*buckets));

	if (!buckets)
		return cgw__oom(c);
	v->magic = CGW_POLICY_MAGIC;
	v->version = CGW_POLICY_VERSION;
	v->semantics = (uint8_t)semantics;
	v->flags = t->invert ? CGW_POLICY_ALLOWS : 0;
	v->entries = (uint32_t)t->n;
	for (size_t i = 0; i < t->n; i++) {
		const struct cgw__entry *e = &t->entries[i];

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
	_cleanup_(cgw__table_free) struct cgw__table t = { 0 };
	int err;

	if (!policy)
		return cgw__oom(rules->c);
	policy->c = rules->c;
	err = cgw__tabulate(rules, semantics, &t);
	if (!err)
		err = build_value(rules->c, &t, semantics, &policy->value);
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
const struct cgw_policy_slot *cgw__policy_lookup(const struct cgw_policy_value *v,
						 unsigned int type, uint32_t major, uint32_t minor)
{
	uint64_t hash = cgw_policy_hash(v->seed, type, major, minor);
	const struct cgw_policy_slot *s =
		&v->slots[cgw_policy_index(hash, v->displace[cgw_policy_bucket(hash)])];

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

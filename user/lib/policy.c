// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Policies: a table made into the value that the kernel looks up. */
#include "table.h"

#define ALL_ALLOWED 0xff

#define POLICY_CLASS(N, entries, wide)                                  \
	{                                                               \
		CGW_POLICY_SLOTS_##N, CGW_POLICY_BUCKETS_##N, entries,  \
			wide, sizeof(struct cgw_policy_value_##N)       \
	}

const struct cgw__policy_class cgw__policy_classes[CGW_POLICY_CLASSES] = {
	POLICY_CLASS(0, 24, false),
	POLICY_CLASS(1, 256, false),
	POLICY_CLASS(2, CGW_POLICY_ENTRIES, false),
	POLICY_CLASS(3, CGW_POLICY_ENTRIES, true),
};

/* Before each the kernel has a struct rcu_head. */
_Static_assert(sizeof(struct cgw_policy_value_0) <= 256 - 16, "more than 256 bytes");
_Static_assert(sizeof(struct cgw_policy_value_1) <= 2048 - 16, "more than 2 KiB");
_Static_assert(sizeof(struct cgw_policy_value_2) <= 32768 - 16, "more than 32 KiB");

static const struct cgw__policy_class *class_of(const struct cgw_policy_value *v)
{
	return &cgw__policy_classes[v->size_class];
}

/* What follows the head of a value. */
struct parts {
	uint32_t *numbers;
	uint16_t *kinds;
	uint8_t *displace;
	uint32_t *high; /* NULL = none */
};

static struct parts parts_of(const struct cgw_policy_value *v)
{
	const struct cgw__policy_class *k = class_of(v);
	uint32_t *numbers = (uint32_t *)(v + 1);
	uint16_t *kinds = (uint16_t *)(numbers + k->slots);
	uint8_t *displace = (uint8_t *)(kinds + k->slots);
	uint32_t *high = (uint32_t *)(displace + k->buckets);

	return (struct parts){ numbers, kinds, displace, k->wide ? high : NULL };
}

/* The bits of the numbers that the key has no room for. */
static uint32_t high_of(const struct cgw_policy_entry *e)
{
	uint32_t major = e->major == CGW_DEVICE_ANY ? 0 : e->major >> CGW_POLICY_MAJOR_BITS;
	uint32_t minor = e->minor == CGW_DEVICE_ANY ? 0 : e->minor >> CGW_POLICY_MINOR_BITS;

	return major << CGW_POLICY_MAJOR_BITS | minor;
}

static uint64_t hash_of(const struct cgw_policy_value *v, const struct cgw_policy_entry *e)
{
	return cgw_policy_hash(v->seed, cgw_policy_key(e->type, e->major, e->minor), high_of(e));
}

static uint32_t join(bool larger, uint32_t high, uint32_t low, uint32_t bits)
{
	if (!larger)
		return low;
	return high ? high << bits | low : CGW_DEVICE_ANY;
}

static struct cgw_policy_entry entry_of(const struct cgw_policy_value *v, size_t i)
{
	const struct parts p = parts_of(v);
	uint32_t kind = p.kinds[i], high = p.high ? p.high[i] : 0;

	return (struct cgw_policy_entry){
		.major = join(kind >> 9 & 1, high >> CGW_POLICY_MAJOR_BITS,
			      p.numbers[i] >> CGW_POLICY_MINOR_BITS, CGW_POLICY_MAJOR_BITS),
		.minor = join(kind >> 8 & 1, high & ((1U << CGW_POLICY_MAJOR_BITS) - 1),
			      p.numbers[i] & ((1U << CGW_POLICY_MINOR_BITS) - 1),
			      CGW_POLICY_MINOR_BITS),
		.type = kind >> 10 & 3,
		.verdicts = (uint8_t)kind,
	};
}

static void set_slot(const struct parts *p, size_t i, const struct cgw_policy_entry *e)
{
	uint64_t key = cgw_policy_key(e->type, e->major, e->minor);
	uint32_t high = high_of(e);

	p->numbers[i] = (uint32_t)key;
	p->kinds[i] = (uint16_t)(key >> 32 << 8 | (high ? CGW_POLICY_WIDE : 0) | e->verdicts);
	if (p->high)
		p->high[i] = high;
}

/* Entries by the bucket they fall in: bucket b has order[start[b]] up to start[b + 1]. */
struct buckets {
	uint64_t *hashes; /* of the entries */
	uint16_t *order;
	uint16_t *start;
	size_t largest;
};

static void free_buckets(struct buckets *b)
{
	free(b->hashes);
	free(b->order);
	free(b->start);
}

static void fill_buckets(struct buckets *b, const struct cgw_policy_value *v,
			 const struct cgw__table *t)
{
	uint32_t n = class_of(v)->buckets;

	memset(b->start, 0, (n + 2) * sizeof(*b->start));
	/* Counted two places further on, so that filling them in moves each start to its place. */
	for (size_t i = 0; i < t->n; i++) {
		b->hashes[i] = hash_of(v, &t->entries[i]);
		b->start[cgw_policy_bucket(b->hashes[i], n) + 2]++;
	}
	b->largest = 0;
	for (size_t i = 2; i <= n + 1; i++) {
		if (b->start[i] > b->largest)
			b->largest = b->start[i];
		b->start[i] = (uint16_t)(b->start[i] + b->start[i - 1]);
	}
	for (size_t i = 0; i < t->n; i++)
		b->order[b->start[cgw_policy_bucket(b->hashes[i], n) + 1]++] = (uint16_t)i;
}

/* Put n entries of a bucket, from order[from] on, on free slots by one displacement, or none. */
static bool place_bucket(const struct cgw_policy_value *v, const struct cgw__table *t,
			 const struct buckets *b, size_t from, size_t n, unsigned int displace)
{
	static const struct cgw_policy_entry none;
	uint32_t slots = class_of(v)->slots;
	const struct parts p = parts_of(v);
	size_t i;

	for (i = from; i < from + n; i++) {
		uint32_t at = cgw_policy_index(b->hashes[b->order[i]], displace, slots);

		if (p.kinds[at])
			break;
		set_slot(&p, at, &t->entries[b->order[i]]);
	}
	if (i == from + n)
		return true;
	while (i-- > from)
		set_slot(&p, cgw_policy_index(b->hashes[b->order[i]], displace, slots), &none);
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
			while (d < 256 && !place_bucket(v, t, b, b->start[i], size, d))
				d++;
			if (d == 256)
				return false;
			parts_of(v).displace[i] = (uint8_t)d;
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
		const struct cgw_policy_entry *e = &t->entries[i];

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
	policy->own = calloc(1, sizeof(*policy->own));
	if (!policy->value || !policy->own) {
		free(policy->own);
		free(policy->value);
		free(policy);
		return NULL;
	}
	policy->own->fd = -EBADF;
	policy->value->size_class = (uint8_t)size_class;
	return policy;
}

/* Does every request for every minor of a major pass? */
static bool allows_major(const struct cgw_policy_value *v, uint32_t major)
{
	int whole = cgw__policy_lookup(v, CGW_DEVICE_CHAR, major, CGW_DEVICE_ANY);
	struct cgw_policy_entry e;

	for (size_t i = 0; cgw__policy_slot(v, i, &e); i++) {
		if (e.type != CGW_DEVICE_CHAR || e.verdicts == ALL_ALLOWED)
			continue;
		if (e.major == major ||
		    (whole < 0 && e.major == CGW_DEVICE_ANY &&
		     cgw__policy_lookup(v, CGW_DEVICE_CHAR, major, e.minor) < 0))
			return false;
	}
	return whole >= 0 || v->fallback[CGW_DEVICE_CHAR] == ALL_ALLOWED;
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

static unsigned int class_for(const struct cgw__table *t)
{
	const struct cgw__policy_class *k = cgw__policy_classes;
	uint32_t high = 0;

	for (size_t i = 0; i < t->n; i++)
		high |= high_of(&t->entries[i]);
	while (t->n > k->entries || (high && !k->wide))
		k++;
	return (unsigned int)(k - cgw__policy_classes);
}

static int make_policy(struct cgw *c, const struct cgw__table *t, enum cgw_semantics semantics,
		       struct cgw_policy **ret_policy)
{
	_cleanup_(cgw__policy_freep) struct cgw_policy *policy = NULL;
	_cleanup_(free_buckets) struct buckets b = { 0 };
	unsigned int size_class = class_for(t);

	policy = new_policy(c, size_class);
	b.hashes = calloc(t->n + 1, sizeof(*b.hashes));
	b.order = calloc(t->n + 1, sizeof(*b.order));
	b.start = calloc(cgw__policy_classes[size_class].buckets + 2, sizeof(*b.start));
	if (!policy || !b.hashes || !b.order || !b.start)
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
	if (policy->own->fd >= 0) {
		*policy->own->link = policy->own->next;
		if (policy->own->next)
			policy->own->next->link = policy->own->link;
		close(policy->own->fd);
	}
	free(policy->own);
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

/* The verdicts of the entry for one class of devices, or -1 where there is none. */
int cgw__policy_lookup(const struct cgw_policy_value *v, unsigned int type, uint32_t major,
		       uint32_t minor)
{
	const struct cgw_policy_entry wanted = { major, minor, (uint8_t)type, 0, 0 };
	uint64_t hash = hash_of(v, &wanted);
	uint32_t bucket = cgw_policy_bucket(hash, class_of(v)->buckets);
	uint32_t i = cgw_policy_index(hash, parts_of(v).displace[bucket], class_of(v)->slots);
	struct cgw_policy_entry e = entry_of(v, i);

	return e.major == major && e.minor == minor && e.type == type ? e.verdicts : -1;
}

/* For numbers of devices, what bpf/device.bpf.c says for the same value. */
uint8_t cgw__policy_verdicts(const struct cgw_policy_value *v, unsigned int type, uint32_t major,
			     uint32_t minor)
{
	int verdicts = cgw__policy_lookup(v, type, major, minor);

	if (verdicts < 0)
		verdicts = cgw__policy_lookup(v, type, major, CGW_DEVICE_ANY);
	if (verdicts < 0)
		verdicts = cgw__policy_lookup(v, type, CGW_DEVICE_ANY, minor);
	return verdicts < 0 ? v->fallback[type & 3] : (uint8_t)verdicts;
}

/* What slot number i of a value holds, of type 0 for nothing. Return: is there a slot i? */
bool cgw__policy_slot(const struct cgw_policy_value *v, size_t i, struct cgw_policy_entry *ret_e)
{
	if (i >= class_of(v)->slots)
		return false;
	*ret_e = entry_of(v, i);
	return true;
}

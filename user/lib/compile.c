// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The compiler: from a rule list and its semantics to the table of device classes. Checked
 * against user/lib/semantics.c, which says the same without an index.
 */
#include "table.h"

/* A rule of one type, as far as it tells devices apart. */
struct item {
	uint64_t key; /* of the run it belongs to */
	uint32_t order;
	uint8_t access;
	bool allow;
};

/* Items that share a kind of key, by key and then in the order of the list. */
struct run {
	struct item *items;
	size_t n;
};

enum { EXACT, MAJOR, MINOR, EVERY, N_RUNS };

/* All items of one type; those that match a device are at most one stretch of each run. */
struct index {
	enum cgw_semantics semantics;
	bool invert; /* runc: the items are exceptions from "allow" */
	struct run runs[N_RUNS];
};

/* Subsets of {m, r, w} as bits of a byte: those within access, and those that share a bit. */
static const uint8_t within[8] = { 0x01, 0x03, 0x05, 0x0f, 0x11, 0x33, 0x55, 0xff };
static const uint8_t overlapping[8] = { 0x00, 0xaa, 0xcc, 0xee, 0xf0, 0xfa, 0xfc, 0xff };

#define PAIR(major, minor) ((uint64_t)(major) << 32 | (minor))

static void free_index(struct index *x)
{
	for (int i = 0; i < N_RUNS; i++)
		free(x->runs[i].items);
}

static int add_item(struct index *x, const struct cgw_rule *rule, size_t order, size_t room)
{
	bool any_major = rule->major == CGW_DEVICE_ANY, any_minor = rule->minor == CGW_DEVICE_ANY;
	int kind = any_major ? (any_minor ? EVERY : MINOR) : any_minor ? MAJOR : EXACT;
	struct run *run = &x->runs[kind];

	if (!run->items) {
		run->items = calloc(room, sizeof(*run->items));
		if (!run->items)
			return -ENOMEM;
	}
	run->items[run->n++] = (struct item){
		.key = kind == EXACT ? PAIR(rule->major, rule->minor) :
		       kind == MAJOR ? rule->major :
		       kind == MINOR ? rule->minor :
				       0,
		.order = (uint32_t)order,
		.access = rule->access,
		.allow = rule->allow,
	};
	return 0;
}

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static int index_rules(struct index *x, const struct cgw_rules *rules, char letter)
{
	int err = 0;

	for (size_t i = 0; i < rules->n && !err; i++)
		if (rules->rules[i].type == 'a' || rules->rules[i].type == letter)
			err = add_item(x, &rules->rules[i], i, rules->n);
	return err;
}

/* runc: what its emulator made of the list; numbers its program never matches are left out. */
static int index_exceptions(struct index *x, const struct cgw_rules *rules, char letter)
{
	_cleanup_(cgw__emulator_free) struct cgw__emulator e = { 0 };
	int err = cgw__emulator_run(&e, rules, NULL);

	x->invert = e.allow;
	for (size_t i = 0; i < e.n && !err; i++) {
		const struct cgw__exception *ex = &e.exceptions[i];
		struct cgw_rule rule = { letter, !e.allow, ex->access, ex->major, ex->minor };

		if (ex->type == letter && cgw__emulator_reaches(ex))
			err = add_item(x, &rule, i, e.n);
	}
	return err;
}

/*
 * Of items with one key, which match the same devices, those stay that have a say after the
 * later ones: four at most, so that no list makes classes slow to judge.
 */
static void drop_overruled(struct run *run, enum cgw_semantics semantics)
{
	size_t at = run->n;
	uint8_t settled = 0;

	for (size_t i = run->n; i--;) {
		struct item *item = &run->items[i];
		uint8_t says = semantics == CGW_SEMANTICS_CONTAINERD ? overlapping[item->access] :
								       item->access;

		if (at == run->n || item->key != run->items[at].key)
			settled = 0;
		if (says & (uint8_t)~settled)
			run->items[--at] = *item;
		settled |= says;
	}
	run->n -= at;
	if (at)
		memmove(run->items, run->items + at, run->n * sizeof(*run->items));
}

static int make_index(struct index *x, const struct cgw_rules *rules, enum cgw_semantics semantics,
		      char letter)
{
	int err;

	x->semantics = semantics;
	err = semantics == CGW_SEMANTICS_RUNC ? index_exceptions(x, rules, letter) :
						index_rules(x, rules, letter);
	for (int i = 0; i < EVERY && !err; i++)
		if (x->runs[i].n)
			qsort(x->runs[i].items, x->runs[i].n, sizeof(struct item), compare_items);
	for (int i = 0; i < N_RUNS && !err; i++)
		drop_overruled(&x->runs[i], semantics);
	return err;
}

/* The stretch of a run with this key. */
static struct run find_stretch(const struct run *run, uint64_t key)
{
	struct run found = { 0 };
	size_t lo = 0, hi = run->n;

	if (!run->n)
		return found;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (run->items[mid].key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	found.items = run->items + lo;
	while (lo + found.n < run->n && run->items[lo + found.n].key == key)
		found.n++;
	return found;
}

/* What one more matching item makes of the state so far. */
static uint8_t fold(enum cgw_semantics semantics, uint8_t state, const struct item *item)
{
	uint8_t mask;

	switch (semantics) {
	case CGW_SEMANTICS_ORDERED: /* the state: bits allowed */
		return item->allow ? state | item->access : state & (uint8_t)~item->access;
	case CGW_SEMANTICS_CONTAINERD: /* the verdicts; a later item overrules */
		mask = overlapping[item->access & CGW_DEVICE_RWM];
		return item->allow ? state | mask : state & (uint8_t)~mask;
	case CGW_SEMANTICS_RUNC: /* requests within an exception */
		return state | within[item->access & CGW_DEVICE_RWM];
	}
	return state;
}

/* The verdicts of a class; ANY stands for a number that no rule names. */
static uint8_t class_verdicts(const struct index *x, uint32_t major, uint32_t minor)
{
	struct run runs[N_RUNS] = { [EVERY] = x->runs[EVERY] };
	uint8_t state = 0;

	if (major != CGW_DEVICE_ANY)
		runs[MAJOR] = find_stretch(&x->runs[MAJOR], major);
	if (minor != CGW_DEVICE_ANY)
		runs[MINOR] = find_stretch(&x->runs[MINOR], minor);
	if (major != CGW_DEVICE_ANY && minor != CGW_DEVICE_ANY)
		runs[EXACT] = find_stretch(&x->runs[EXACT], PAIR(major, minor));
	/* The four stretches together, in the order of the list. */
	for (;;) {
		struct run *next = NULL;

		for (int i = 0; i < N_RUNS; i++)
			if (runs[i].n && (!next || runs[i].items->order < next->items->order))
				next = &runs[i];
		if (!next)
			break;
		state = fold(x->semantics, state, next->items);
		next->items++;
		next->n--;
	}
	if (x->semantics == CGW_SEMANTICS_ORDERED)
		return state ? within[state] : 0;
	return x->invert ? (uint8_t)~state : state;
}

void cgw__table_free(struct cgw__table *t)
{
	free(t->entries);
	t->entries = NULL;
}

static int add_entry(struct cgw__table *t, unsigned int type, uint32_t major, uint32_t minor,
		     uint8_t verdicts)
{
	/* At once, so that a hostile list costs no more time than it must. */
	if (t->n == CGW_POLICY_ENTRIES)
		return -ENOSPC;
	if (t->n == t->room) {
		size_t room = t->room ? t->room * 2 : 64;
		struct cgw_policy_entry *more = realloc(t->entries, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		t->entries = more;
		t->room = room;
	}
	t->entries[t->n++] = (struct cgw_policy_entry){ major, minor, (uint8_t)type, verdicts, 0 };
	return 0;
}

/* Where the entries of one type begin, kind by kind; each kind is sorted. */
struct sections {
	size_t minors;
	size_t majors;
	size_t exact;
};

static const struct cgw_policy_entry *find_entry(const struct cgw__table *t, size_t from,
						 size_t to, uint32_t major, uint32_t minor)
{
	while (from < to) {
		size_t mid = (from + to) / 2;
		const struct cgw_policy_entry *e = &t->entries[mid];
		uint64_t have = PAIR(e->major, e->minor), want = PAIR(major, minor);

		if (have == want)
			return e;
		if (have < want)
			from = mid + 1;
		else
			to = mid;
	}
	return NULL;
}

/* Go to the first item of the next key. */
static size_t skip_key(const struct run *run, size_t i)
{
	uint64_t key = run->items[i].key;

	while (i < run->n && run->items[i].key == key)
		i++;
	return i;
}

/* More crossings than this cannot all be told apart in a table anyway. */
#define MAX_CROSSINGS ((size_t)1 << 22)

/* Would an entry be needed for the pair with a MAJ:* entry that says v, and would it without? */
static void weigh(const struct cgw__table *t, const struct index *x, unsigned int type,
		  const struct sections *s, uint64_t pair, uint8_t v, int *balance)
{
	uint32_t major = (uint32_t)(pair >> 32), minor = (uint32_t)pair;
	const struct cgw_policy_entry *e =
		find_entry(t, s->minors, s->majors, CGW_DEVICE_ANY, minor);
	uint8_t pair_v = class_verdicts(x, major, minor);

	*balance += (pair_v != (e ? e->verdicts : t->fallback[type])) - (pair_v != v);
}

/*
 * A MAJ:* entry that says what *:* says stands for the crossings with *:MIN entries, where
 * it would take more entries to say it of each.
 */
static bool spares_entries(const struct cgw__table *t, const struct index *x, unsigned int type,
			   const struct sections *s, uint32_t major, uint8_t v)
{
	const struct run *minors = &x->runs[MINOR], *exact = &x->runs[EXACT];
	size_t i = (size_t)(find_stretch(exact, PAIR(major, 0)).items - exact->items);
	int balance = -1;

	for (; i < exact->n && exact->items[i].key >> 32 == major; i = skip_key(exact, i))
		weigh(t, x, type, s, exact->items[i].key, v, &balance);
	for (i = 0; i < minors->n; i = skip_key(minors, i)) {
		uint64_t pair = PAIR(major, minors->items[i].key);

		if (!find_stretch(exact, pair).n)
			weigh(t, x, type, s, pair, v, &balance);
	}
	return balance > 0;
}

/* An entry for a pair, unless the next wider one says the same. */
static int add_pair(struct cgw__table *t, const struct index *x, unsigned int type,
		    const struct sections *s, uint32_t major, uint32_t minor)
{
	const uint32_t any = CGW_DEVICE_ANY;
	const struct cgw_policy_entry *wider = find_entry(t, s->majors, s->exact, major, any);
	uint8_t v = class_verdicts(x, major, minor);

	if (!wider)
		wider = find_entry(t, s->minors, s->majors, any, minor);
	if (v == (wider ? wider->verdicts : t->fallback[type]))
		return 0;
	return add_entry(t, type, major, minor, v);
}

/* The crossings of MAJ:* and *:MIN items that no MAJ:MIN item names. */
static int add_crossings(struct cgw__table *t, const struct index *x, unsigned int type,
			 const struct sections *s)
{
	const struct run *majors = &x->runs[MAJOR], *minors = &x->runs[MINOR];
	int err = 0;

	for (size_t i = 0; i < majors->n; i = skip_key(majors, i))
		for (size_t j = 0; j < minors->n && !err; j = skip_key(minors, j)) {
			uint64_t pair = PAIR(majors->items[i].key, minors->items[j].key);

			if (!find_stretch(&x->runs[EXACT], pair).n)
				err = add_pair(t, x, type, s, (uint32_t)(pair >> 32),
					       (uint32_t)pair);
		}
	return err;
}

/*
 * Entries for one type. A number that no rule names is asked for as ANY, which matches
 * exactly the rules that have a wildcard there. An entry that only repeats what the next
 * less specific one says is left out.
 */
static int tabulate(struct cgw__table *t, const struct index *x, unsigned int type)
{
	const struct run *majors = &x->runs[MAJOR], *minors = &x->runs[MINOR];
	const struct run *exact = &x->runs[EXACT];
	const uint32_t any = CGW_DEVICE_ANY;
	struct sections s = { .minors = t->n };
	int err = 0;

	if (majors->n && minors->n > MAX_CROSSINGS / majors->n)
		return -E2BIG;
	t->fallback[type] = class_verdicts(x, any, any);
	for (size_t i = 0; i < minors->n && !err; i = skip_key(minors, i)) {
		uint32_t minor = (uint32_t)minors->items[i].key;
		uint8_t v = class_verdicts(x, any, minor);

		if (v != t->fallback[type])
			err = add_entry(t, type, any, minor, v);
	}
	s.majors = t->n;
	for (size_t i = 0; i < majors->n && !err; i = skip_key(majors, i)) {
		uint32_t major = (uint32_t)majors->items[i].key;
		uint8_t v = class_verdicts(x, major, any);

		if (v != t->fallback[type] ||
		    (s.majors > s.minors && spares_entries(t, x, type, &s, major, v)))
			err = add_entry(t, type, major, any, v);
	}
	s.exact = t->n;
	for (size_t i = 0; i < exact->n && !err; i = skip_key(exact, i))
		err = add_pair(t, x, type, &s, (uint32_t)(exact->items[i].key >> 32),
			       (uint32_t)exact->items[i].key);
	return err ? err : add_crossings(t, x, type, &s);
}

static int explain(struct cgw *c, int err)
{
	switch (err) {
	case -E2BIG:
		return cgw__bad(c, err, "the device rules cross too many MAJ:* with *:MIN");
	case -ENOSPC:
		cgw__bad(c, -E2BIG, "the device policy needs more than the %u table entries that fit",
			 CGW_POLICY_ENTRIES);
		cgw__hint(c, "each device number that is treated unlike its MAJ:* or *:* takes one");
		return -E2BIG;
	default:
		return cgw__oom(c);
	}
}

/* The table of a list. The caller frees it, also on failure. */
int cgw__tabulate(const struct cgw_rules *rules, enum cgw_semantics semantics,
		  struct cgw__table *t)
{
	int err = cgw_rules_validate(rules, semantics);

	if (err)
		return err;
	for (unsigned int type = CGW_DEVICE_BLOCK; type <= CGW_DEVICE_CHAR && !err; type++) {
		_cleanup_(free_index) struct index x = { 0 };

		err = make_index(&x, rules, semantics, type == CGW_DEVICE_BLOCK ? 'b' : 'c');
		if (!err)
			err = tabulate(t, &x, type);
		t->invert = x.invert;
	}
	return err ? explain(rules->c, err) : 0;
}

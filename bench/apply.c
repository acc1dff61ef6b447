// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The device benchmark: what it costs to give groups a policy and to change it. */
#include <bpf/bpf.h>

#include "groups.h"

#define SCALE_RULES 12

enum {
	COMPILE,
	CREATE,
	APPLY,
	APPLY_OCI,
	LOAD_FAST,
	APPLY_FAST,
	ADOPT,
	UPDATE,
	UPDATE_OCI,
	UPDATE_FAST,
	ATTACH,
	ATTACH_FAST,
	WRITE,
	N_COSTS
};

static const char *const cost_names[N_COSTS] = {
	[COMPILE] = "compile",
	[CREATE] = "create",
	[APPLY] = "apply",
	[APPLY_OCI] = "apply, OCI list",
	[LOAD_FAST] = "--fast: load",
	[APPLY_FAST] = "--fast: apply",
	[ADOPT] = "adopt",
	[UPDATE] = "update",
	[UPDATE_OCI] = "update, OCI list",
	[UPDATE_FAST] = "--fast: update",
	[ATTACH] = "floor: attach",
	[ATTACH_FAST] = "--fast: floor: attach",
	[WRITE] = "floor: map update",
};

/* Costs of one length of list, in us per group; groups: a round, ours and a peer's. */
static struct size {
	int rules;
	unsigned int ours;
	unsigned int theirs;
	struct bench_row rows[N_COSTS];
} sizes[] = {
	{ .rules = 1, .ours = 300, .theirs = 100 },
	{ .rules = 12, .ours = 300, .theirs = 100 },
	{ .rules = 64, .ours = 300, .theirs = 32 },
	{ .rules = 256, .ours = 300, .theirs = 8 },
	{ .rules = 1024, .ours = 100, .theirs = 2 },
	{ .rules = MAX_RULES, .ours = 100, .theirs = 1 },
};

/* Groups there are at once, made without a policy and with one. */
static struct scale {
	unsigned int groups;
	unsigned int rounds;
	struct bench_row plain;
	struct bench_row create;
} scales[] = {
	{ 1, BENCH_ROUNDS },	{ 10, BENCH_ROUNDS }, { 100, BENCH_ROUNDS },
	{ 1000, BENCH_ROUNDS }, { MAX_SAMPLES, 3 },
};

static struct bench_series *series(struct size *z, int cost, enum bench_who who)
{
	return &z->rows[cost].by[who];
}

static void write_value(const struct cgw_group *g, const struct cgw_policy *policy)
{
	uint64_t id = cgw_group_id(g);

	if (bpf_map_update_elem(pinned(policy, POLICIES), &id, cgw_policy_value(policy, NULL),
				BPF_ANY))
		die("write the policy");
}

/* As cgw_group_create() has it around the policy. */
static void set_fresh(unsigned int n, bool fresh)
{
	for (unsigned int i = 0; i < n; i++)
		groups[i]->fresh = fresh;
}

static void add_ours(struct size *z, int cost, double us)
{
	series(z, cost, CGWARD)->runs = cost == COMPILE || cost == LOAD_FAST ? 1 : z->ours;
	bench_add(series(z, cost, CGWARD), us);
}

/* Lists that let everything be done with the nodes of every container. */
static void round_of_oci(struct size *z)
{
	static struct cgw_rule rules[MAX_RULES], others[MAX_RULES];
	struct cgw_policy *policy, *other;
	unsigned int n = z->ours;

	if (z->rules < OCI_RULES)
		return;
	make_oci_rules(rules, z->rules, 0);
	make_oci_rules(others, z->rules, 1);
	policy = compile(rules, z->rules);
	other = compile(others, z->rules);
	make_groups(n, NULL);
	set_fresh(n, true);
	add_ours(z, APPLY_OCI, TIMED(n, set_devices(groups[i], policy)));
	set_fresh(n, false);
	add_ours(z, UPDATE_OCI, TIMED(n, set_devices(groups[i], other)));
	remove_groups(n);
	cgw_policy_free(policy);
	cgw_policy_free(other);
}

static void load(struct cgw_policy *policy)
{
	if (cgw_policy_load(policy))
		die("load a policy");
}

/* Programs of the policies' own, loaded once for all groups. */
static void round_of_fast(struct size *z, struct cgw_policy *policy, struct cgw_policy *other)
{
	unsigned int n = z->ours;

	add_ours(z, LOAD_FAST, TIMED(1, load(policy)));
	load(other);
	make_groups(n, NULL);
	set_fresh(n, true);
	add_ours(z, APPLY_FAST, TIMED(n, set_devices(groups[i], policy)));
	set_fresh(n, false);
	add_ours(z, UPDATE_FAST, TIMED(n, set_devices(groups[i], other)));
	remove_groups(n);

	make_groups(n, NULL);
	add_ours(z, ATTACH_FAST, TIMED(n, attach_program(groups[i], policy->own->fd, -EBADF)));
	remove_groups(n);
	settle();
}

static void round_of_ours(struct size *z, const struct cgw_rule *rules,
			  const struct cgw_rule *others)
{
	struct cgw_policy *policy, *other = compile(others, z->rules);
	unsigned int n = z->ours;

	add_ours(z, COMPILE, TIMED(1, policy = compile(rules, z->rules)));
	add_ours(z, CREATE, make_groups(n, policy));
	remove_groups(n);

	make_groups(n, NULL);
	set_fresh(n, true);
	add_ours(z, APPLY, TIMED(n, set_devices(groups[i], policy)));
	set_fresh(n, false);
	add_ours(z, UPDATE, TIMED(n, set_devices(groups[i], other)));
	add_ours(z, WRITE, TIMED(n, write_value(groups[i], policy)));
	remove_groups(n);

	make_groups(n, NULL);
	add_ours(z, ADOPT, TIMED(n, set_devices(groups[i], policy)));
	remove_groups(n);

	make_groups(n, NULL);
	add_ours(z, ATTACH, TIMED(n, attach_program(groups[i], pinned(policy, FILTER), -EBADF)));
	remove_groups(n);
	round_of_fast(z, policy, other);
	cgw_policy_free(policy);
	cgw_policy_free(other);
}

static void round_of_peer(struct size *z, enum bench_who who, const struct cgw_rule *rules,
			  const struct cgw_rule *others)
{
	struct bench_series *applied = series(z, APPLY, who), *made = series(z, CREATE, who);
	double us, compiled;

	if (!has_peer(who) || applied->refused)
		return;
	us = make_groups(z->theirs, NULL);
	compiled = give_rules(who, rules, z->rules);
	if (compiled > 0)
		bench_add(series(z, COMPILE, who), compiled);
	series(z, COMPILE, who)->runs = 1;
	if (apply_peer(who, z->theirs, applied)) {
		made->runs = z->theirs;
		bench_add(made, us + applied->values[applied->n - 1]);
		give_rules(who, others, z->rules);
		apply_peer(who, z->theirs, series(z, UPDATE, who));
	}
	remove_groups(z->theirs);
}

static void round_of_size(struct size *z, unsigned int round)
{
	static struct cgw_rule rules[MAX_RULES], others[MAX_RULES];

	make_rules(rules, z->rules, 0);
	make_rules(others, z->rules, 1);
	for (unsigned int k = 0; k < N_WHO; k++) {
		enum bench_who who = (enum bench_who)((k + round) % N_WHO);

		if (who == CGWARD) {
			round_of_ours(z, rules, others);
			round_of_oci(z);
			continue;
		}
		round_of_peer(z, who, rules, others);
	}
}

/* ---- many groups ------------------------------------------------------------------ */

static double make_all(unsigned int n, const struct cgw_policy *policy)
{
	return TIMED(n, cgw_group_close(make_group("s", i, policy)));
}

static void remove_all(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct cgw_group *g;
		char path[128];

		snprintf(path, sizeof(path), "%s/s%u", base, i);
		if (cgw_group_open(c, path, &g) || cgw_group_delete(g, 0, 1000))
			die("delete");
		cgw_group_close(g);
	}
	settle();
}

static void round_of_scale(struct scale *s, unsigned int round)
{
	struct cgw_rule rules[SCALE_RULES];
	struct cgw_policy *policy;

	if (round >= s->rounds)
		return;
	make_rules(rules, SCALE_RULES, 0);
	policy = compile(rules, SCALE_RULES);
	bench_add(&s->create.by[CGWARD], make_all(s->groups, policy));
	remove_all(s->groups);
	bench_add(&s->plain.by[CGWARD], make_all(s->groups, NULL));
	remove_all(s->groups);
	cgw_policy_free(policy);
}

void apply_round(unsigned int round)
{
	for (struct size *z = sizes; z < sizes + ARRAY_SIZE(sizes); z++)
		round_of_size(z, round);
	for (struct scale *s = scales; s < scales + ARRAY_SIZE(scales); s++)
		round_of_scale(s, round);
}

/* ---- the report ------------------------------------------------------------------- */

static void print_scaled(struct bench_row *row, const char *what, unsigned int groups_at_once)
{
	row->what = what;
	row->unit = "us";
	row->rules = SCALE_RULES;
	row->by[CGWARD].runs = groups_at_once;
	bench_print(row);
}

void apply_report(void)
{
	for (int cost = 0; cost < N_COSTS; cost++)
		for (struct size *z = sizes; z < sizes + ARRAY_SIZE(sizes); z++) {
			z->rows[cost].what = cost_names[cost];
			z->rows[cost].unit = "us";
			z->rows[cost].rules = (unsigned int)z->rules;
			if (z->rows[cost].by[CGWARD].n)
				bench_print(&z->rows[cost]);
		}
	for (struct scale *s = scales; s < scales + ARRAY_SIZE(scales); s++)
		print_scaled(&s->plain, "groups, no policy", s->groups);
	for (struct scale *s = scales; s < scales + ARRAY_SIZE(scales); s++)
		print_scaled(&s->create, "groups, create", s->groups);
}

/* How many times faster than containerd, by number of rules; 0 = any. */
static double target_ratio(int rules)
{
	return rules == 12 ? 30 : rules == 64 ? 300 : rules == 256 ? 2000 : 0;
}

static bool check_apply(const char *what, struct size *z, int cost, double floor_us)
{
	enum bench_who peer = main_peer();
	struct bench_target t = {
		.what = what,
		.rules = (unsigned int)z->rules,
		.value = bench_ratio(series(z, cost, CGWARD), series(z, APPLY, peer)),
		.limit = target_ratio(z->rules),
		.at_least = true,
	};

	/* Were applying nothing but the system calls that it needs, would that do? */
	t.excused = bench_median(series(z, APPLY, peer)) / floor_us < t.limit;

	return t.limit <= 0 || bench_check(&t);
}

static bool check_update(const char *what, struct size *z, int cost)
{
	struct bench_target t = {
		.what = what,
		.rules = (unsigned int)z->rules,
		.value = bench_median(series(z, cost, CGWARD)),
		.limit = z->rules <= 256 ? 3 : 20,
	};

	return bench_check(&t);
}

bool apply_targets(void)
{
	enum bench_who peer = main_peer();
	bool met = true;

	for (struct size *z = sizes; z < sizes + ARRAY_SIZE(sizes) && peer != N_WHO; z++) {
		met &= check_apply(peer == CONTAINERD ? "apply, times faster than containerd" :
							"apply, times faster than crun",
				   z, APPLY,
				   bench_median(series(z, ATTACH, CGWARD)) +
					   bench_median(series(z, WRITE, CGWARD)));
		met &= check_apply(peer == CONTAINERD ? "--fast: apply, times faster than containerd" :
							"--fast: apply, times faster than crun",
				   z, APPLY_FAST, bench_median(series(z, ATTACH_FAST, CGWARD)));
	}
	for (struct size *z = sizes; z < sizes + ARRAY_SIZE(sizes); z++) {
		met &= check_update("update, us", z, UPDATE);
		met &= check_update("--fast: update, us", z, UPDATE_FAST);
	}
	return met;
}

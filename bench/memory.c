// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The device benchmark: kernel memory of a group's policy, or of a program of its own. */
#include <bpf/bpf.h>
#include <poll.h>

#include "groups.h"

#define MEMORY_ROUNDS 5
#define BATCH 50

/* Bytes per group; how many groups hold that at once, ours and a peer's. */
static struct memory {
	int rules;
	unsigned int ours;
	unsigned int theirs;
	enum { SHARED, OWN_OF_ALL, OWN_OF_EACH } kind; /* whose program, of ours */
	struct bench_row row;
} sizes[] = {
	{ .rules = 12, .ours = 1000, .theirs = 300 },
	{ .rules = 64, .ours = 1000, .theirs = 100 },
	{ .rules = 256, .ours = 1000, .theirs = 60 },
	{ .rules = 1024, .ours = 200, .theirs = 6 },
	{ .rules = MAX_RULES, .ours = 200, .theirs = 2 },
	{ .rules = 12, .ours = 1000, .kind = OWN_OF_ALL },
	{ .rules = MAX_RULES, .ours = 1000, .kind = OWN_OF_ALL },
	{ .rules = 12, .ours = 1000, .kind = OWN_OF_EACH },
	{ .rules = 256, .ours = 1000, .kind = OWN_OF_EACH },
	{ .rules = MAX_RULES, .ours = 200, .kind = OWN_OF_EACH },
};

static const char *const kind_names[] = {
	[SHARED] = "memory per group",
	[OWN_OF_ALL] = "--fast: memory per group",
	[OWN_OF_EACH] = "--fast: memory per policy",
};

/* Bytes in slabs, in the vmalloc area and per CPU: where maps, programs and their code are. */
static double kernel_memory(void)
{
	static const char *const names[] = { "Slab:", "VmallocUsed:", "Percpu:" };
	FILE *f = fopen("/proc/meminfo", "re");
	double sum = 0, kib;
	char line[128];

	if (!f)
		die("/proc/meminfo");
	while (fgets(line, sizeof(line), f))
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (!strncmp(line, names[i], strlen(names[i])) &&
			    sscanf(line + strlen(names[i]), "%lf", &kib) == 1)
				sum += kib * 1024;
	fclose(f);
	return sum;
}

/* A storage that is written to have the kernel free what it put off: see wait_freed(). */
static struct {
	struct cgw_group *g;
	int map_fd;
} pusher;

static void make_pusher(void)
{
	pusher.g = make_group("pusher", 0, NULL);
	attach_program(pusher.g, load_helper_call(&pusher.map_fd), -EBADF);
}

/*
 * A value that a write replaced is freed by kfree_rcu(), which waits for more of them: up to
 * five seconds, or until some hundreds have come together. These have 8 bytes each.
 */
static void wait_freed(void)
{
	uint64_t id = cgw_group_id(pusher.g), zero = 0;

	for (int i = 0; i < 2000; i++)
		bpf_map_update_elem(pusher.map_fd, &id, &zero, BPF_ANY);
	poll(NULL, 0, 50);
}

/* In batches: what one needs at first only serves the next, as when time passes between them. */
static void give_policies(const struct memory *m, const struct cgw_rule *rules)
{
	struct cgw_policy *policy = NULL;

	for (unsigned int i = 0; i < m->ours; i++) {
		if (!policy || m->kind == OWN_OF_EACH) {
			cgw_policy_free(policy);
			policy = compile(rules, m->rules);
			cgw_policy_set_own(policy, m->kind != SHARED);
		}
		set_devices(groups[i], policy);
		if (i % BATCH == BATCH - 1)
			wait_freed();
	}
	cgw_policy_free(policy);
}

static void give_programs(enum bench_who who, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		int fd = load_peer(who);

		if (fd < 0)
			die("load a program");
		attach_program(groups[i], fd, -EBADF);
		close(fd);
	}
}

static bool is_refused(enum bench_who who, struct bench_series *s)
{
	double begin = bench_now_ns();
	int fd = load_peer(who);

	if (fd >= 0) {
		close(fd);
		return false;
	}
	note_refusal(who, s, -fd, begin);
	return true;
}

static void one_round(struct memory *m, enum bench_who who)
{
	static struct cgw_rule rules[MAX_RULES];
	unsigned int n = who == CGWARD ? m->ours : m->theirs;
	double before;

	if (!has_peer(who) || !n || m->row.by[who].refused)
		return;
	make_rules(rules, m->rules, 0);
	if (who != CGWARD) {
		give_rules(who, rules, m->rules);
		if (is_refused(who, &m->row.by[who]))
			return;
	}
	make_groups(n, NULL);
	wait_freed();
	before = kernel_memory();
	if (who == CGWARD)
		give_policies(m, rules);
	else
		give_programs(who, n);
	wait_freed();
	m->row.by[who].runs = n;
	bench_add(&m->row.by[who], (kernel_memory() - before) / n);
	remove_groups(n);
	wait_freed();
}

void memory_rounds(void)
{
	make_pusher();
	for (unsigned int round = 0; round < MEMORY_ROUNDS; round++)
		for (struct memory *m = sizes; m < sizes + ARRAY_SIZE(sizes); m++)
			for (unsigned int k = 0; k < N_WHO; k++)
				one_round(m, (enum bench_who)((k + round) % N_WHO));
}

void memory_report(void)
{
	for (struct memory *m = sizes; m < sizes + ARRAY_SIZE(sizes); m++) {
		m->row.what = kind_names[m->kind];
		m->row.unit = "B";
		m->row.rules = (unsigned int)m->rules;
		bench_print(&m->row);
	}
}

bool memory_targets(void)
{
	enum bench_who peer = main_peer();
	struct bench_row *row = &sizes[0].row;
	struct bench_target t = {
		.what = "memory, bytes, against a program of its own",
		.rules = row->rules,
		.value = bench_median(&row->by[CGWARD]),
		.limit = peer == N_WHO ? 0 : bench_median(&row->by[peer]),
		.strict = true,
	};

	return peer == N_WHO || bench_check(&t);
}

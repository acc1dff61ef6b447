// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The device benchmark: what a check costs, by the kernel's own clock (BPF_ENABLE_STATS). */
#include <bpf/bpf.h>
#include <math.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "groups.h"

#define CHECKS 10000
#define SLICES 20
#define EMPTY_PROGRAMS 8
#define LEAST_NOISE 2 /* ns */

static const int lengths[] = { 1, 12, 64, 256, 1024, MAX_RULES };

/*
 * What is asked for: the device of the rule that a chain comes to first or last, or another;
 * of shared programs and those of peers, then of programs of our policies' own.
 */
enum { OCI, FIRST, LAST, NONE, FAST, N_PLACES = 2 * FAST };

static const char *const place_names[N_PLACES] = {
	"check, OCI default",
	"check, first rule",
	"check, last rule",
	"check, no match",
	"--fast: check, OCI default",
	"--fast: check, first rule",
	"--fast: check, last rule",
	"--fast: check, no match",
};

/* A group with a filter. */
struct target {
	struct cgw_group *g;
	int prog_fd;  /* < 0 = there is none */
	int probe_fd; /* the device node */
	int expected; /* errno */
};

static struct check {
	struct target targets[N_WHO];
	struct bench_row row;
} checks[ARRAY_SIZE(lengths)][N_PLACES];

static struct bench_row helper_row = { .what = "baseline: one helper", .unit = "ns" };
static struct bench_row empty_row = { .what = "baseline: empty", .unit = "ns" };

/* ---- setting up ------------------------------------------------------------------- */

/* A node needs no device behind it to be asked about. */
static int open_node(uint32_t major, uint32_t minor)
{
	char dir[] = "/tmp/cgward-bench-XXXXXX", path[64];
	int fd;

	if (!mkdtemp(dir))
		die("a directory for device nodes");
	snprintf(path, sizeof(path), "%s/node", dir);
	if (mknod(path, S_IFCHR | 0666, makedev(major, minor)))
		die("make a device node");
	fd = open(path, O_PATH | O_CLOEXEC);
	unlink(path);
	rmdir(dir);
	if (fd < 0)
		die("open a device node");
	return fd;
}

/* runc sorts its rules; the others test the last one first. */
static void order_for(enum bench_who who, struct cgw_rule *rules, int n)
{
	if (who == RUNC)
		return;
	for (int i = 0; i < n / 2; i++) {
		struct cgw_rule r = rules[i];

		rules[i] = rules[n - 1 - i];
		rules[n - 1 - i] = r;
	}
}

/* crun has what every container may use by itself. Return: how many rules. */
static int fill_rules(struct cgw_rule *rules, int n, int place, enum bench_who who)
{
	if (place % FAST == OCI) {
		int own = make_oci_rules(rules, n, 0);

		return who == CRUN ? own : n;
	}
	make_rules(rules, n, 0);
	order_for(who, rules, n);
	return n;
}

static int probe_of(int n, int place)
{
	static struct cgw_rule rules[MAX_RULES];

	make_rules(rules, n, 0);
	switch (place % FAST) {
	case OCI:
		return open_node(1, 3);
	case FIRST:
		return open_node(rules[0].major, rules[0].minor);
	case LAST:
		return open_node(rules[n - 1].major, rules[n - 1].minor);
	default:
		return open_node(rules[0].major, 1);
	}
}

static void set_up_target(struct target *t, enum bench_who who, int n, int place)
{
	static struct cgw_rule rules[MAX_RULES];
	static unsigned int number;

	t->prog_fd = -EBADF;
	if (!has_peer(who) || (place >= FAST && who != CGWARD))
		return;
	n = fill_rules(rules, n, place, who);
	t->g = make_group("check", number++, NULL);
	t->expected = place % FAST == NONE ? EPERM : 0;
	if (who == CGWARD) {
		struct cgw_policy *policy = compile(rules, n);

		cgw_policy_set_own(policy, place >= FAST);
		set_devices(t->g, policy);
		t->prog_fd = find_program(t->g, true);
		cgw_policy_free(policy);
		return;
	}
	give_rules(who, rules, n);
	t->prog_fd = who == CRUN ? crun_program() : load_peer(who);
	if (t->prog_fd >= 0)
		attach_program(t->g, t->prog_fd, -EBADF);
}

static void set_up(struct check *check, int n, int place)
{
	int probe_fd = probe_of(n, place);

	check->row = (struct bench_row){ .what = place_names[place],
					 .unit = "ns",
					 .rules = (unsigned int)n };
	for (int who = 0; who < N_WHO; who++) {
		struct target *t = &check->targets[who];
		double begin = bench_now_ns();

		set_up_target(t, (enum bench_who)who, n, place);
		t->probe_fd = probe_fd;
		check->row.by[who].runs = CHECKS;
		if (t->prog_fd < 0 && t->g)
			note_refusal((enum bench_who)who, &check->row.by[who], -t->prog_fd, begin);
	}
}

static bool is_measured(int length, int place)
{
	return place % FAST != OCI || length >= OCI_RULES;
}

/* ---- measuring -------------------------------------------------------------------- */

static void ask(const struct target *t, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		errno = 0;
		syscall(SYS_faccessat2, t->probe_fd, "", R_OK, AT_EMPTY_PATH);
		if (errno != t->expected)
			die("check a device");
	}
}

/* ns per run of the program: the median of slices, so that interrupts matter less. */
static double slice_checks(const struct target *t)
{
	double ns[SLICES];

	for (int i = 0; i < SLICES; i++) {
		struct bpf_prog_info before = program_info(t->prog_fd), after;

		ask(t, CHECKS / SLICES);
		after = program_info(t->prog_fd);
		if (after.run_cnt <= before.run_cnt)
			die("count the runs of a program");
		ns[i] = (double)(after.run_time_ns - before.run_time_ns) /
			(double)(after.run_cnt - before.run_cnt);
	}
	return bench_median_of(ns, SLICES);
}

/* A child enters the group and asks for the device again and again. */
static double measure(struct target *t)
{
	double ns;
	int fds[2], status;
	pid_t pid;

	fflush(stdout);
	if (pipe2(fds, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (!pid) {
		if (cgw_group_attach(t->g, (pid_t[]){ 0 }, 1))
			die("enter a group");
		ns = slice_checks(t);
		_exit(write(fds[1], &ns, sizeof(ns)) != sizeof(ns));
	}
	close(fds[1]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status ||
	    read(fds[0], &ns, sizeof(ns)) != sizeof(ns))
		die("check a device");
	close(fds[0]);
	return ns;
}

/* The programs take turns, and so does who is first; each time has a floor of its own. */
static void measure_round(struct check *check, unsigned int round, struct target *empty)
{
	for (unsigned int k = 0; k < N_WHO; k++) {
		unsigned int who = (k + round) % N_WHO;
		double floor;

		if (check->targets[who].prog_fd < 0)
			continue;
		floor = measure(empty);
		bench_add(&check->row.by[who], measure(&check->targets[who]) - floor);
	}
}

static struct target make_baseline(const char *name, unsigned int i, int prog_fd)
{
	struct target t = { .g = make_group(name, i, NULL), .prog_fd = prog_fd };

	t.probe_fd = open_node(1, 3);
	attach_program(t.g, t.prog_fd, -EBADF);
	return t;
}

/* The fastest of some: where the kernel happens to put one can cost it 6 ns. */
static struct target make_empty(void)
{
	struct target empty = { 0 };
	double least = INFINITY;

	for (unsigned int i = 0; i < EMPTY_PROGRAMS; i++) {
		struct target t = make_baseline("empty", i, load_return_1());

		for (int again = 0; again < 3; again++) {
			double ns = measure(&t);

			if (ns < least) {
				least = ns;
				empty = t;
			}
		}
	}
	return empty;
}

void check_rounds(void)
{
	int map_fd, stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	struct target helper = make_baseline("helper", 0, load_helper_call(&map_fd));
	struct target empty;

	if (stats < 0)
		die("count the runs of programs");
	empty = make_empty();

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		for (int place = 0; place < N_PLACES; place++)
			if (is_measured(lengths[i], place))
				set_up(&checks[i][place], lengths[i], place);
	helper_row.by[CGWARD].runs = empty_row.by[CGWARD].runs = CHECKS;
	for (unsigned int round = 0; round < BENCH_ROUNDS; round++) {
		double floor = measure(&empty);

		bench_add(&empty_row.by[CGWARD], floor);
		bench_add(&helper_row.by[CGWARD], measure(&helper) - floor);
		for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
			for (int place = 0; place < N_PLACES; place++)
				if (is_measured(lengths[i], place))
					measure_round(&checks[i][place], round, &empty);
	}
	close(map_fd);
	close(stats);
}

/* ---- the report ------------------------------------------------------------------- */

void check_report(void)
{
	bench_print(&empty_row);
	bench_print(&helper_row);
	for (int place = 0; place < N_PLACES; place++)
		for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
			if (is_measured(lengths[i], place))
				bench_print(&checks[i][place].row);
}

static double cost(size_t length, int place)
{
	return bench_median(&checks[length][place].row.by[CGWARD]);
}

/* Of all lengths together: one that stands out is told by the difference of the last two. */
static double typical(int place)
{
	double values[ARRAY_SIZE(lengths)];
	unsigned int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		if (is_measured(lengths[i], place))
			values[n++] = cost(i, place);
	return bench_median_of(values, n);
}

/* Of any rule, by the shared programs (0) or FAST ones. */
static double hit(int whose)
{
	double first = typical(whose + FIRST), last = typical(whose + LAST);

	return first > last ? first : last;
}

/* The longest list over that of 12. */
static double differ(int whose)
{
	return fabs(cost(ARRAY_SIZE(lengths) - 1, whose + LAST) - cost(1, whose + LAST));
}

/* What medians of this run may differ by when nothing does. */
static double noise(void)
{
	struct bench_series *s = &empty_row.by[CGWARD];
	double range;

	bench_median(s);
	range = s->values[s->n - 1] - s->values[0];
	return range / 2 > LEAST_NOISE ? range / 2 : LEAST_NOISE;
}

/* A hit on what no constant answers needs the helper: what that costs is the machine's. */
bool check_targets(void)
{
	double helper = bench_median(&helper_row.by[CGWARD]);
	const struct bench_target targets[] = {
		{ .what = "check, OCI default, ns", .value = typical(OCI), .limit = 3 },
		{ .what = "check, any other hit, ns",
		  .value = hit(0),
		  .limit = 8,
		  .excused = helper > 8 },
		{ .what = "check, no match, ns",
		  .value = typical(NONE),
		  .limit = 12,
		  .excused = helper > 12 },
		{ .what = "check, last of 4096 over last of 12, ns",
		  .value = differ(0),
		  .limit = noise() },
		{ .what = "--fast: check, any hit, ns", .value = hit(FAST), .limit = 8 },
		{ .what = "--fast: check, no match, ns",
		  .value = typical(FAST + NONE),
		  .limit = 12 },
		{ .what = "--fast: check, OCI default, ns", .value = typical(FAST), .limit = 3 },
		{ .what = "--fast: check, last of 4096 over last of 12, ns",
		  .value = differ(FAST),
		  .limit = noise() },
	};
	bool met = true;

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		met &= bench_check(&targets[i]);
	return met;
}

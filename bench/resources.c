// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * What groups cost: making one with values, attaching a process, reading the statistics and
 * deleting it, against the packages of containerd and runc. For a machine of its own: it
 * enables all controllers and limits the disk 1:0.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "groups.h"
#include "stat.h"

#define CYCLES 20
#define MAX_FILES 64

enum step { CREATE, ATTACH, STAT, DELETE, N_STEPS };

/* Of the peers' values (bench/peers): memory.swap.max is apart from memory there too. */
static const struct value {
	const char *file;
	const char *value;
} values[] = {
	{ "cpu.weight", "200" },       { "cpu.max", "50000 100000" },
	{ "cpuset.cpus", "0" },      { "memory.low", "16777216" },
	{ "memory.max", "268435456" }, { "memory.swap.max", "67108864" },
	{ "pids.max", "100" },	       { "io.max", "1:0 rbps=10485760" },
};

/* Files that a stat object reads in every group. */
struct files {
	const char *names[MAX_FILES];
	size_t n;
};

/* The same work as a peer does: what it reads for statistics, and what each step costs. */
struct work {
	enum bench_who peer;
	const char *const *columns;
	const char *const *reads;
	struct cgw_stat *stat;
	struct files files;
	struct bench_row steps[N_STEPS];
	struct bench_row all_steps;
	struct bench_row stats;
};

#define ROWS                                                                                       \
	.steps = {                                                     \
		[CREATE] = { .what = "create with 8 values", .unit = "us" }, \
		[ATTACH] = { .what = "attach a process", .unit = "us" },     \
		[STAT] = { .what = "stat", .unit = "us" },                   \
		[DELETE] = { .what = "delete", .unit = "us" },               \
	},                                                             \
	.all_steps = { .what = "create to delete", .unit = "us" },     \
	.stats = { .what = "stat of 1,000 groups", .unit = "us" }

static const char *const runc_columns[N_WHO] = {
	[CGWARD] = "cgward", [RUNC] = "runc", [FLOOR] = "floor"
};
static const char *const containerd_columns[N_WHO] = {
	[CGWARD] = "cgward", [CONTAINERD] = "containerd", [FLOOR] = "floor"
};

/* As opened by their code, see strace(1) of bench/peers. */
static const char *const runc_reads[] = { "cpu.stat",		"io.stat",
					  "memory.current",	"memory.max",
					  "memory.stat",	"memory.swap.current",
					  "memory.swap.max",	"pids.current",
					  "pids.max",		"rdma.current",
					  "rdma.max",		"hugetlb.2MB.current",
					  "hugetlb.2MB.events", "hugetlb.1GB.current",
					  "hugetlb.1GB.events", NULL };
static const char *const containerd_reads[] = { "cpu.stat",
						"io.stat",
						"memory.current",
						"memory.events",
						"memory.max",
						"memory.stat",
						"memory.swap.current",
						"memory.swap.max",
						"pids.current",
						"pids.max",
						"rdma.current",
						"rdma.max",
						"hugetlb.2MB.current",
						"hugetlb.2MB.max",
						"hugetlb.2MB.rsvd.current",
						"hugetlb.2MB.rsvd.max",
						"hugetlb.1GB.current",
						"hugetlb.1GB.max",
						"hugetlb.1GB.rsvd.current",
						"hugetlb.1GB.rsvd.max",
						NULL };

static struct work works[] = {
	{ .peer = RUNC, .columns = runc_columns, .reads = runc_reads, ROWS },
	{ .peer = CONTAINERD, .columns = containerd_columns, .reads = containerd_reads, ROWS },
};
static struct bench_row full_stats = { .what = "stat, all their files", .unit = "us" };

static struct cgw_stat *full_stat;
static struct files full_files;
static struct cgw_group *top;
static pid_t sleeper;
static char parking[96];
static int parking_fd;

/* ---- the floor: bare system calls ------------------------------------------------- */

static void put(int dir_fd, const char *file, const char *value)
{
	int fd = openat(dir_fd, file, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		die(file);
	close(fd);
}

static void get(int dir_fd, const struct files *files)
{
	static char buf[65536];

	for (size_t i = 0; i < files->n; i++) {
		int fd = openat(dir_fd, files->names[i], O_RDONLY | O_CLOEXEC);

		if (fd < 0 || read(fd, buf, sizeof(buf)) < 0)
			die(files->names[i]);
		close(fd);
	}
}

static void leave(void)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", sleeper);

	if (pwrite(parking_fd, text, (size_t)n, 0) < 0)
		die("park");
}

static void cycle_floor(const struct work *w, double *ns)
{
	int top_fd = cgw_group_fd(top), dir_fd;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", sleeper);
	ns[CREATE] = -bench_now_ns();
	if (mkdirat(top_fd, "c0", 0755))
		die("make");
	dir_fd = openat(top_fd, "c0", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		put(dir_fd, values[i].file, values[i].value);
	ns[CREATE] += bench_now_ns();
	ns[ATTACH] = -bench_now_ns();
	put(dir_fd, "cgroup.procs", pid);
	ns[ATTACH] += bench_now_ns();
	ns[STAT] = -bench_now_ns();
	get(dir_fd, &w->files);
	ns[STAT] += bench_now_ns();
	leave();
	ns[DELETE] = -bench_now_ns();
	close(dir_fd);
	if (unlinkat(top_fd, "c0", AT_REMOVEDIR))
		die("remove");
	ns[DELETE] += bench_now_ns();
}

/* ---- ours ------------------------------------------------------------------------- */

static void create(struct cgw_group **ret_g)
{
	struct cgw_create_opts opts = { .sz = sizeof(opts) };
	struct cgw_resources *r;
	char text[96];

	if (cgw_resources_new(c, &r))
		die("values");
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		snprintf(text, sizeof(text), "%s=%s", values[i].file, values[i].value);
		if (cgw_resources_add(r, text))
			die("values");
	}
	opts.resources = r;
	snprintf(text, sizeof(text), "%s/c0", base);
	if (cgw_group_create(c, text, &opts, ret_g))
		die("create");
	cgw_resources_free(r);
}

static void read_stat(struct cgw_group *g, struct cgw_stat *stat)
{
	if (cgw_group_stat(g, stat))
		die("stat");
}

static void cycle_ours(const struct work *w, double *ns)
{
	struct cgw_group *g;

	ns[CREATE] = -bench_now_ns();
	create(&g);
	ns[CREATE] += bench_now_ns();
	ns[ATTACH] = -bench_now_ns();
	if (cgw_group_attach(g, &sleeper, 1))
		die("attach");
	ns[ATTACH] += bench_now_ns();
	ns[STAT] = -bench_now_ns();
	read_stat(g, w->stat);
	ns[STAT] += bench_now_ns();
	leave();
	ns[DELETE] = -bench_now_ns();
	if (cgw_group_delete(g, 0, 1000))
		die("delete");
	cgw_group_close(g);
	ns[DELETE] += bench_now_ns();
}

/* ---- rounds ----------------------------------------------------------------------- */

static void cycle(struct work *w, enum bench_who who, unsigned int round)
{
	static double ns[CYCLES][N_STEPS], us[CYCLES];
	char command[256];

	(void)round;
	settle();
	if (who == CGWARD || who == FLOOR) {
		for (size_t i = 0; i < CYCLES; i++)
			(who == CGWARD ? cycle_ours : cycle_floor)(w, ns[i]);
	} else {
		snprintf(command, sizeof(command), "cycle %s %d %d %s", base, CYCLES, sleeper,
			 parking);
		ask_peer(who, command, CYCLES * (size_t)N_STEPS, &ns[0][0]);
	}
	for (int step = 0; step < N_STEPS; step++) {
		for (size_t i = 0; i < CYCLES; i++)
			us[i] = ns[i][step] / 1000;
		w->steps[step].by[who].runs = CYCLES;
		bench_add(&w->steps[step].by[who], bench_median_of(us, CYCLES));
	}
	for (size_t i = 0; i < CYCLES; i++)
		us[i] = (ns[i][CREATE] + ns[i][ATTACH] + ns[i][STAT] + ns[i][DELETE]) / 1000;
	w->all_steps.by[who].runs = CYCLES;
	bench_add(&w->all_steps.by[who], bench_median_of(us, CYCLES));
}

/* A part of the groups in each round, all of them in the end. */
static unsigned int part_of(unsigned int round, unsigned int *ret_first)
{
	*ret_first = round * MAX_GROUPS / BENCH_ROUNDS;
	return (round + 1) * MAX_GROUPS / BENCH_ROUNDS - *ret_first;
}

static void stat_part(struct work *w, enum bench_who who, unsigned int round)
{
	static double ns[MAX_GROUPS];
	struct bench_series *s = &w->stats.by[who];
	unsigned int first, n = part_of(round, &first);
	char command[128];

	s->runs = n;
	switch (who) {
	case CGWARD:
		bench_add(s, TIMED(n, read_stat(groups[first + i], w->stat)));
		break;
	case FLOOR:
		bench_add(s, TIMED(n, get(cgw_group_fd(groups[first + i]), &w->files)));
		break;
	default:
		snprintf(command, sizeof(command), "stat %s %u %u", base, n, first);
		ask_peer(who, command, n, ns);
		bench_add(s, bench_median_of(ns, n) / 1000);
	}
}

/* All that cgward can read of the controllers whose statistics the peers read in part. */
static void full_stat_part(unsigned int round)
{
	unsigned int first, n = part_of(round, &first);

	full_stats.by[CGWARD].runs = full_stats.by[FLOOR].runs = n;
	bench_add(&full_stats.by[CGWARD], TIMED(n, read_stat(groups[first + i], full_stat)));
	bench_add(&full_stats.by[FLOOR],
		  TIMED(n, get(cgw_group_fd(groups[first + i]), &full_files)));
}

static void each(void (*measure)(struct work *w, enum bench_who who, unsigned int round),
		 const char *what)
{
	for (unsigned int round = 0; round < BENCH_ROUNDS; round++) {
		char text[64];

		snprintf(text, sizeof(text), "%s: round %u of %d", what, round + 1, BENCH_ROUNDS);
		say(text);
		for (unsigned int i = 0; i < ARRAY_SIZE(works) * N_WHO; i++) {
			struct work *w = &works[i / N_WHO];
			enum bench_who who = (round + i) % N_WHO;

			if (w->columns[who] && (who != w->peer || has_peer(who)))
				measure(w, who, round);
		}
	}
	say("");
}

/* ---- the report ------------------------------------------------------------------- */

static void explain(void)
{
	struct utsname u;

	if (describe_machine(&u))
		return;
	printf("Groups on Linux %s %s: medians of %d rounds, all in turn in one run, us per "
	       "group.\n"
	       "Where this is an emulated machine only the ratios tell something.\n\n"
	       "  create     with cpu.weight and max, cpuset.cpus, memory.low and max, "
	       "memory.swap.max,\n"
	       "             pids.max, io.max; all controllers are enabled for all\n"
	       "  attach     by writing cgroup.procs; cgroup2 is mounted with favordynmods: no "
	       "one\n"
	       "             waits for an RCU grace period, which hits now one and now the other\n"
	       "  stat       the same files as the peer: %zu of runc, %zu of containerd;\n"
	       "             'all their files': all %zu that the same controllers have\n"
	       "  delete     after the process was moved out, off the clock\n"
	       "  floor      the bare system calls: mkdir and rmdir, open, read or write, and "
	       "close\n\n"
	       "%s"
	       "The ratio is the peer to cgward.\n",
	       u.release, u.machine, BENCH_ROUNDS, works[0].files.n, works[1].files.n, full_files.n,
	       peers_note());
}

static bool check_row(const struct work *w, struct bench_row *row, double factor)
{
	char what[96];
	const struct bench_target t = {
		.what = what,
		.value = bench_ratio(&row->by[CGWARD], &row->by[w->peer]),
		.limit = factor,
		.at_least = true,
	};

	if (!has_peer(w->peer))
		return true;
	snprintf(what, sizeof(what), "%s: %s to cgward", row->what, w->columns[w->peer]);
	return bench_check(&t);
}

static void tell_floor(struct bench_row *row)
{
	double times = bench_ratio(&row->by[FLOOR], &row->by[CGWARD]);

	if (bench_json) {
		printf("{\"what\":\"times the floor\",\"of\":");
		bench_json_string(row->what);
		printf(",\"value\":%.4f}\n", times);
	} else {
		printf("%s: cgward takes %.2f times the floor\n", row->what, times);
	}
}

static void print_work(struct work *w)
{
	if (!bench_json)
		printf("\n");
	bench_heading("", w->columns);
	for (size_t i = 0; i < N_STEPS; i++)
		bench_print(&w->steps[i]);
	bench_print(&w->all_steps);
	bench_print(&w->stats);
}

static bool check_work(struct work *w)
{
	bool met = true;

	for (size_t i = 0; i < N_STEPS; i++)
		met &= check_row(w, &w->steps[i], 1);
	met &= check_row(w, &w->all_steps, 3);
	met &= check_row(w, &w->stats, 2);
	return met;
}

static bool report(void)
{
	bool met = true;

	explain();
	for (size_t i = 0; i < ARRAY_SIZE(works); i++)
		print_work(&works[i]);
	bench_print(&full_stats);
	if (!bench_json)
		printf("\n");
	tell_floor(&works[0].all_steps);
	tell_floor(&works[0].stats);
	tell_floor(&full_stats);
	if (!bench_json)
		printf("\n%-48s %5s %9s\n", "targets", "", "measured");
	for (size_t i = 0; i < ARRAY_SIZE(works); i++)
		met &= check_work(&works[i]);
	return met;
}

/* ---- before all that -------------------------------------------------------------- */

/* In top and in the root above it. */
static void enable_all(void)
{
	struct cgw_group *root;
	char *names;

	if (cgw_group_open(c, "/", &root) ||
	    cgw_group_controllers(root, CGW_CONTROLLERS_AVAILABLE, &names) < 0 ||
	    cgw_group_enable(top, names))
		die("controllers");
	free(names);
	cgw_group_close(root);
}

static void start_sleeper(void)
{
	sleeper = fork();
	if (sleeper < 0)
		die("fork");
	if (!sleeper) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
}

/* After it has read a group once the object knows its files. */
static void find_files(struct cgw_stat *stat, struct files *files)
{
	read_stat(groups[0], stat);
	for (size_t i = 0; i < stat->n_files && files->n < MAX_FILES; i++) {
		const struct cgw__stat_file *file = &stat->files[i];

		if (file->selected && !file->absent[0] && !file->missed)
			files->names[files->n++] = file->name;
	}
}

static void make_stats(void)
{
	if (cgw_stat_new(c,
			 CGW_STAT_PIDS | CGW_STAT_CPU | CGW_STAT_MEMORY | CGW_STAT_IO |
				 CGW_STAT_RDMA | CGW_STAT_HUGETLB,
			 &full_stat))
		die("stat");
	find_files(full_stat, &full_files);
	for (size_t i = 0; i < ARRAY_SIZE(works); i++) {
		struct work *w = &works[i];

		if (cgw_stat_new(c, 0, &w->stat))
			die("stat");
		for (const char *const *file = w->reads; *file; file++)
			if (cgw_stat_add(w->stat, *file))
				die(*file);
		find_files(w->stat, &w->files);
	}
}

static int work(void)
{
	struct cgw_group *parked;
	enum cgw_mode mode;
	const char *mount_point;

	if (cgw_get_mode(c, &mode, &mount_point) || strcmp(mount_point, "/sys/fs/cgroup")) {
		fprintf(stderr, "bench: runc wants cgroup2 in /sys/fs/cgroup\n");
		return 1;
	}
	/* Else moving a process waits for the end of an RCU grace period, or by luck does not. */
	if (mount("cgroup2", mount_point, "cgroup2", MS_REMOUNT | MS_RELATIME, "favordynmods"))
		die("favordynmods");
	start_peers();
	parked = make_group("parking", 0, NULL);
	snprintf(parking, sizeof(parking), "%s", cgw_group_path(parked));
	parking_fd = openat(cgw_group_fd(parked), "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (parking_fd < 0 || cgw_group_open(c, base, &top))
		die("groups");
	enable_all();
	start_sleeper();
	leave();
	make_groups(MAX_GROUPS, NULL);
	make_stats();
	each(cycle, "create to delete");
	each(stat_part, "stat");
	for (unsigned int round = 0; round < BENCH_ROUNDS; round++)
		full_stat_part(round);
	return report() ? 0 : 1;
}

int main(int argc, char **argv)
{
	return bench_main(argc, argv, work);
}

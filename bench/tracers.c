// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * What tracers cost those who are traced: the same system calls in a loop, with a tracer armed
 * and without, in turn; and how many events a listener takes in without losing any.
 */
#include <bpf/bpf.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "groups.h"

#define PAGES 512     /* mapped at a time */
#define TURNS 3	      /* in a round, with and without */
#define SLICES 41     /* in a turn */
#define LEAST_NOISE 3 /* ns */
#define EXCUSE 30     /* ns of the program that there has to be */
#define RATE 100000   /* denials a second that must not be lost */
#define RATE_SECONDS 2
#define RATE_TRIES 5	   /* others may have the CPUs */
#define FLOOD 200000	   /* denials that nobody reads meanwhile */
#define DENIED "/dev/full" /* where a policy denies it */

/* ---- costs ------------------------------------------------------------------------ */

static void open_file(void)
{
	close(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
}

/* The filters are asked as by an open, and little else is done. */
static void ask_device(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/null", O_PATH | O_CLOEXEC);
	syscall(SYS_faccessat2, fd, "", R_OK, AT_EMPTY_PATH);
}

static void open_device(void)
{
	close(open("/dev/null", O_RDWR | O_CLOEXEC));
}

static void write_file(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("bench", MFD_CLOEXEC);
	if (pwrite(fd, "x", 1, 0) != 1)
		die("write");
}

/* Not fork(): that would copy what the tracers have in this process. */
static void spawn_child(void)
{
	static char *argv[] = { (char *)"true", NULL };
	static char path[sizeof(build_dir) + 16];
	pid_t pid;

	if (!path[0])
		snprintf(path, sizeof(path), "%s/bench/true", build_dir);
	if (posix_spawn(&pid, path, NULL, NULL, argv, environ) || waitpid(pid, NULL, 0) != pid)
		die("spawn");
}

/* A page that was never touched. */
static void fault_page(void)
{
	static volatile char *pages;
	static size_t next = PAGES;
	static const size_t size = 4096;

	if (next == PAGES) {
		if (pages)
			munmap((void *)pages, PAGES * size);
		pages = mmap(NULL, PAGES * size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (pages == MAP_FAILED)
			die("mmap");
		next = 0;
	}
	pages[size * next++] = 1;
}

/* What there is in the turns with it. */
enum armed {
	DENY,
	DENY_FILTERED, /* where there are denials: the group has a device policy all the time */
	LEAST_FILTERED,
	EMPTY,
	QUIET, /* those that are to be of no cost while nothing happens to groups, all at once */
	N_ARMED,
};

/* The least program that could observe: it asks for the verdict. */
static int load_least(void)
{
	const struct bpf_insn code[] = {
		insn(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_retval),
		insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1),
		insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return load_program(code, ARRAY_SIZE(code));
}

static const struct {
	int (*load)(void); /* no tracer, but a program where the observer would be */
	unsigned int tracers;
	bool filtered;
} armings[] = {
	[DENY] = { .tracers = CGW_TRACER_BIT(CGW_TRACER_DENY) },
	[DENY_FILTERED] = { .tracers = CGW_TRACER_BIT(CGW_TRACER_DENY), .filtered = true },
	[LEAST_FILTERED] = { .load = load_least, .filtered = true },
	[EMPTY] = { .load = load_return_1 },
	[QUIET] = { .tracers = CGW_TRACER_BIT(CGW_TRACER_FREEZE) | CGW_TRACER_BIT(CGW_TRACER_OOM) |
			       CGW_TRACER_BIT(CGW_TRACER_LIFECYCLE) },
};

struct cost {
	const char *what;
	void (*op)(void);
	struct bench_row row;
	double noise;
	double limit_ns; /* 0 = what is within the noise of this run */
	enum armed armed;
	unsigned int runs; /* of the operation, in a slice */
	bool or_noise;	   /* the greater of both */
	bool floor;	   /* nobody's target */
};

static struct cost costs[] = {
	{ .what = "deny, open a file", .armed = DENY, .op = open_file, .runs = 500 },
	{ .what = "deny, open a device",
	  .armed = DENY,
	  .op = open_device,
	  .runs = 500,
	  .limit_ns = 35,
	  .or_noise = true },
	{ .what = "deny, ask for a device",
	  .armed = DENY,
	  .op = ask_device,
	  .runs = 2000,
	  .limit_ns = 35 },
	{ .what = "empty, ask for a device",
	  .armed = EMPTY,
	  .op = ask_device,
	  .runs = 2000,
	  .floor = true },
	{ .what = "filtered, open one",
	  .armed = DENY_FILTERED,
	  .op = open_device,
	  .runs = 500,
	  .limit_ns = 35,
	  .or_noise = true },
	{ .what = "filtered, ask for one",
	  .armed = DENY_FILTERED,
	  .op = ask_device,
	  .runs = 2000,
	  .limit_ns = 35 },
	{ .what = "least, ask for one",
	  .armed = LEAST_FILTERED,
	  .op = ask_device,
	  .runs = 2000,
	  .floor = true },
	{ .what = "the others, open a file", .armed = QUIET, .op = open_file, .runs = 500 },
	{ .what = "the others, write", .armed = QUIET, .op = write_file, .runs = 2000 },
	{ .what = "the others, fork, exec", .armed = QUIET, .op = spawn_child, .runs = 20 },
	{ .what = "the others, page fault", .armed = QUIET, .op = fault_page, .runs = PAGES },
};

/* Of this process: what others do meanwhile is not in it. */
static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* The slice that was disturbed least: others use the same caches. */
static double time_turn(const struct cost *k)
{
	double least = 0;

	for (int slice = 0; slice < SLICES; slice++) {
		double start = cpu_ns(), ns;

		for (unsigned int i = 0; i < k->runs; i++)
			k->op();
		ns = (cpu_ns() - start) / k->runs;
		least = !slice || ns < least ? ns : least;
	}
	return least;
}

/* Of the group; those that are to be quiet, of all. */
static struct cgw_trace *arm(enum armed armed, struct cgw_group *g)
{
	struct cgw_trace_opts opts = { .sz = sizeof(opts),
				       .tracers = armings[armed].tracers,
				       .groups = &g,
				       .n_groups = armed != QUIET };
	struct cgw_trace *t;

	if (cgw_trace_new(c, &opts, &t))
		die("arm a tracer");
	return t;
}

/*
 * Who has them armed is another process: what it has open would cost this one time when it forks.
 * It reads nothing, as nothing happens that they tell.
 * Return: what it waits for the end of.
 */
static int start_armed(enum armed armed, struct cgw_group *g, pid_t *ret_pid)
{
	int ready[2], end[2];
	char byte;

	if (pipe2(ready, O_CLOEXEC) || pipe2(end, O_CLOEXEC))
		die("pipe");
	*ret_pid = fork();
	if (*ret_pid < 0)
		die("fork");
	if (!*ret_pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(end[1]);
		arm(armed, g);
		if (write(ready[1], "r", 1) != 1 || read(end[0], &byte, 1))
			_exit(1);
		_exit(0); /* nothing of it is pinned */
	}
	close(ready[1]);
	close(end[0]);
	if (read(ready[0], &byte, 1) != 1)
		die("arm a tracer");
	close(ready[0]);
	return end[1];
}

static void time_rows(enum armed armed, double (*ns)[TURNS], int turn)
{
	settle();
	for (size_t i = 0; i < ARRAY_SIZE(costs); i++)
		if (costs[i].armed == armed)
			ns[i][turn] = time_turn(&costs[i]);
}

static void time_armed(enum armed armed, double (*ns)[TURNS], int turn, struct cgw_group *g,
		       const struct cgw_group *top)
{
	int fd;
	pid_t pid;

	if (armings[armed].load) {
		fd = armings[armed].load();
		if (fd < 0)
			die("load a program");
		attach_program(top, fd, -EBADF);
		time_rows(armed, ns, turn);
		if (bpf_prog_detach2(fd, cgw_group_fd(top), BPF_CGROUP_DEVICE))
			die("detach a program");
		close(fd);
		return;
	}
	fd = start_armed(armed, g, &pid);
	time_rows(armed, ns, turn);
	close(fd);
	if (waitpid(pid, NULL, 0) != pid)
		die("stop a listener");
}

static void set_oci_policy(struct cgw_group *g)
{
	struct cgw_rule rules[OCI_RULES];
	struct cgw_policy *policy;

	make_oci_rules(rules, OCI_RULES, 0);
	policy = compile(rules, OCI_RULES);
	set_devices(g, policy);
	cgw_policy_free(policy);
}

/* One tracer is armed for all of its rows: that takes longer than a turn. */
static void cost_round(enum armed armed, struct cgw_group *g, const struct cgw_group *top)
{
	double with[ARRAY_SIZE(costs)][TURNS], without[ARRAY_SIZE(costs)][TURNS];

	if (armings[armed].filtered)
		set_oci_policy(g);
	for (int turn = 0; turn < TURNS; turn++)
		for (int with_it = 0; with_it < 2; with_it++) {
			if (with_it != turn % 2)
				time_armed(armed, with, turn, g, top);
			else
				time_rows(armed, without, turn);
		}
	if (armings[armed].filtered && cgw_group_clear_devices(g) < 0)
		die("remove the policy");
	for (size_t i = 0; i < ARRAY_SIZE(costs); i++)
		if (costs[i].armed == armed) {
			bench_add(&costs[i].row.by[CGWARD], bench_median_of(with[i], TURNS));
			bench_add(&costs[i].row.by[FLOOR], bench_median_of(without[i], TURNS));
		}
}

static void cost_rounds(void)
{
	struct cgw_group *g = make_group("traced", 0, NULL), *top;

	for (size_t i = 0; i < ARRAY_SIZE(costs); i++) {
		costs[i].row = (struct bench_row){ .what = costs[i].what, .unit = "ns" };
		costs[i].row.by[CGWARD].runs = costs[i].row.by[FLOOR].runs =
			costs[i].runs * SLICES * TURNS;
	}
	if (cgw_group_open(c, base, &top) || cgw_group_attach(g, (pid_t[]){ 0 }, 1))
		die("enter a group");
	for (unsigned int round = 0; round < BENCH_ROUNDS; round++)
		for (unsigned int armed = 0; armed < N_ARMED; armed++)
			cost_round((enum armed)armed, g, top);
}

/* The median of the differences in each round, and by how much they may be wrong. */
static double added(struct cost *k)
{
	const struct bench_series *with = &k->row.by[CGWARD], *without = &k->row.by[FLOOR];
	double differences[BENCH_ROUNDS], median;

	for (unsigned int i = 0; i < with->n; i++)
		differences[i] = with->values[i] - without->values[i];
	median = bench_median_of(differences, with->n);
	k->noise = (differences[with->n - 2] - differences[1]) / 2; /* but for one stray each */
	k->noise = k->noise > LEAST_NOISE ? k->noise : LEAST_NOISE;
	return median;
}

/* ---- events ----------------------------------------------------------------------- */

struct stream {
	const char *what;
	unsigned int rate; /* a second; 0 = as fast as it goes */
	unsigned int events;
	bool paused; /* nobody reads until all was made */
	uint64_t received;
	uint64_t lost;
	double seconds;
};

static struct stream streams[] = {
	{ .what = "read at once", .rate = RATE, .events = RATE * RATE_SECONDS },
	{ .what = "read later", .events = FLOOD, .paused = true },
};

static int take(const struct cgw_trace_event *e, void *arg)
{
	struct stream *s = arg;

	if (e->record->kind == CGW_TRACE_LOST)
		s->lost += ((const struct cgw_trace_lost *)e->record)->records;
	else if (e->record->kind == CGW_TRACE_DENY)
		s->received++;
	return 0;
}

/* On any CPU but that of who reads, if there is one. */
static void leave_cpu(void)
{
	int here = sched_getcpu();
	cpu_set_t others;

	CPU_ZERO(&others);
	for (long i = 0; i < sysconf(_SC_NPROCESSORS_CONF); i++)
		if (i != here)
			CPU_SET(i, &others);
	sched_setaffinity(0, sizeof(others), &others);
}

/* Be denied so often; with a rate, never more than it allows by now. */
static int make_events(struct cgw_group *g, const struct stream *s)
{
	double start;

	leave_cpu();
	if (cgw_group_attach(g, (pid_t[]){ 0 }, 1))
		return 1;
	start = bench_now_ns();
	for (unsigned int made = 0; made < s->events;) {
		double due = s->rate ? (bench_now_ns() - start) / 1e9 * s->rate : s->events;

		for (; made < s->events && made < due; made++)
			if (open(DENIED, O_RDONLY | O_CLOEXEC) >= 0 || errno != EPERM)
				return 1;
		if (made < s->events)
			poll(NULL, 0, 1);
	}
	return 0;
}

static void run_stream(struct stream *s, struct cgw_group *g)
{
	struct cgw_trace *t = arm(DENY, g);
	struct pollfd fds[] = { { .fd = cgw_trace_fd(t), .events = POLLIN }, { .events = POLLIN } };
	double start = bench_now_ns();
	int ended[2], status;
	pid_t pid;

	fflush(stdout);
	if (pipe2(ended, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (!pid)
		_exit(make_events(g, s));
	close(ended[1]);
	fds[1].fd = ended[0];
	if (s->paused)
		fds[0].fd = -1;
	do {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			die("poll");
		if (!s->paused && cgw_trace_consume(t, take, s))
			die("read events");
	} while (!fds[1].revents);
	s->seconds = (bench_now_ns() - start) / 1e9;
	close(ended[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		die("be denied a device");
	if (cgw_trace_consume(t, take, s))
		die("read events");
	cgw_trace_free(t);
}

static bool reached(const struct stream *s)
{
	return s->events / s->seconds >= s->rate * 0.9;
}

static void stream_rounds(void)
{
	const struct cgw_rule rule = { 'c', true, CGW_DEVICE_RWM, 1, 3 };
	struct cgw_policy *policy = compile(&rule, 1);
	struct cgw_group *g = make_group("denied", 0, policy);

	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		struct stream *s = &streams[i];

		for (int try = 0; try < RATE_TRIES; try++) {
			s->received = s->lost = 0;
			run_stream(s, g);
			if (s->lost || reached(s))
				break;
		}
	}
	cgw_policy_free(policy);
}

static void print_stream(const struct stream *s)
{
	unsigned long long received = s->received, lost = s->lost;

	if (bench_json)
		printf("{\"what\":\"events, "
		       "%s\",\"made\":%u,\"received\":%llu,\"lost\":%llu,\"seconds\":%.3f}\n",
		       s->what, s->events, received, lost, s->seconds);
	else
		printf("events, %-14s %u made, %llu received, %llu lost, in %.2f s: %.0f a "
		       "second\n",
		       s->what, s->events, received, lost, s->seconds, s->events / s->seconds);
}

/* ---- the report ------------------------------------------------------------------- */

static double limit_of(const struct cost *k)
{
	if (k->limit_ns > 0 && (!k->or_noise || k->limit_ns > k->noise))
		return k->limit_ns;
	return k->noise;
}

static bool report(void)
{
	static const char *const names[N_WHO] = { [CGWARD] = "armed", [FLOOR] = "not armed" };
	const struct stream *flow = &streams[0], *flood = &streams[1];
	const struct bench_target targets[] = {
		{ .what = "events a second without a loss",
		  .value = flow->events / flow->seconds,
		  .limit = RATE * 0.9,
		  .at_least = true,
		  .excused = flood->events / flood->seconds < 2.0 * RATE },
		{ .what = "of those, lost", .value = (double)(flow->events - flow->received) },
		{ .what = "beyond: neither received nor counted",
		  .value = (double)flood->events - (double)(flood->received + flood->lost) },
		{ .what = "beyond: lost",
		  .value = (double)flood->lost,
		  .limit = 1,
		  .at_least = true },
	};
	double more[ARRAY_SIZE(costs)], least[2] = { 0 };
	struct utsname u;
	bool met = true;

	if (!describe_machine(&u))
		printf("Tracers on Linux %s %s: medians of %d rounds, with and without in turn; ns "
		       "of CPU time a call.\n\n",
		       u.release, u.machine, BENCH_ROUNDS);
	for (size_t i = 0; i < ARRAY_SIZE(costs); i++)
		more[i] = added(&costs[i]);
	for (size_t i = 0; i < ARRAY_SIZE(costs); i++)
		if (costs[i].floor)
			least[armings[costs[i].armed].filtered] = more[i];
	bench_heading("", names);
	for (size_t i = 0; i < ARRAY_SIZE(costs); i++)
		bench_print(&costs[i].row);
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++)
		print_stream(&streams[i]);
	if (!bench_json)
		printf("\n%-48s %5s %9s\n", "targets", "", "measured");
	for (size_t i = 0; i < ARRAY_SIZE(costs); i++) {
		char what[64];
		const struct bench_target target = {
			.what = what,
			.value = more[i],
			.limit = limit_of(&costs[i]),
			/* nobody can be below what has to be there */
			.excused = costs[i].limit_ns > 0 &&
				   least[armings[costs[i].armed].filtered] > EXCUSE,
		};

		if (costs[i].floor)
			continue;
		snprintf(what, sizeof(what), "%s, ns more", costs[i].what);
		met &= bench_check(&target);
	}
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		met &= bench_check(&targets[i]);
	if (!bench_json)
		printf("excused: any device program at all adds %.0f ns here, and %.0f after a "
		       "filter when it asks\n"
		       "         for the verdict (more than %d); or one process is denied less "
		       "than "
		       "twice as often\n",
		       least[0], least[1], EXCUSE);
	return met;
}

static int work(void)
{
	say("costs");
	cost_rounds();
	say("events");
	stream_rounds();
	say("");
	return report() ? 0 : 1;
}

int main(int argc, char **argv)
{
	return bench_main(argc, argv, work);
}

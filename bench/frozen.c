// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * From the request to freeze a group until the caller knows that it is frozen: by the tracer of
 * freezes, by cgroup.events, and in the way of others. 90th percentiles, since the nearly
 * instant case looks alike in all of them.
 */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "groups.h"

#define FREEZES 60
#define SLOW_FREEZES 10 /* those that take 100 ms each */
#define PAUSE_US 25000	/* beyond what the kernel holds notifications back */

/* What it is like before the freeze. */
static const struct {
	const char *what;
	bool busy;   /* two tasks that run, besides 50 that sleep */
	bool thawed; /* within the millisecond before, instead of long ago */
} cases[] = {
	{ "one task sleeps", false, false },
	{ "the same, thawed < 1 ms", false, true },
	{ "50 sleep, two run", true, false },
	{ "the same, thawed < 1 ms", true, true },
};

static const char *const columns[N_WHO] = { [CGWARD] = "cgward",
					    [FLOOR] = "in the kernel",
					    [RUNC] = "runc's loop",
					    [SNAPD] = "snapd's tick",
					    [FILES] = "no tracer" };

static struct bench_row rows[ARRAY_SIZE(cases)];
static struct bench_row records = { .what = "a record to its reader", .unit = "us" };
static struct cgw *plain; /* a context without a tracer */
static struct cgw_trace *tracer;
static int events_fd, freeze_fd;

static bool says_frozen(void)
{
	char text[128];
	ssize_t n = pread(events_fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "frozen 1");
}

static void ask(const char *value)
{
	if (pwrite(freeze_fd, value, 1, 0) != 1)
		die("cgroup.freeze");
}

static void sleep_us(long us)
{
	struct timespec ts = { .tv_nsec = us * 1000 };

	nanosleep(&ts, NULL);
}

/* Write, look, and look again every 10 ms: runc's cgroups/fs2/freezer.go. */
static void freeze_as_runc(void)
{
	ask("1");
	while (!says_frozen())
		sleep_us(10000);
}

/* Write, and look when a ticker of 100 ms says so: snapd's sandbox/cgroup/freezer.go. */
static void freeze_as_snapd(void)
{
	ask("1");
	do
		sleep_us(100000);
	while (!says_frozen());
}

/* What cgw_group_freeze() does once it knows that it may. */
static void freeze(struct cgw *context, struct cgw_group *g)
{
	struct cgw_group own = *g, *p = &own;

	own.c = context;
	if (cgw_group_write(p, "cgroup.freeze", "1") ||
	    cgw__wait_events(&p, 1, "frozen", 1, cgw__deadline(10000)))
		die("freeze");
}

/* From the kernel's clock to the reader's, of the first event there is. */
static int take(const struct cgw_trace_event *e, void *arg)
{
	double *us = arg;

	if (us && !*us)
		*us = (bench_now_ns() - (double)e->record->mono_ns) / 1000;
	return 0;
}

/* When the kernel had it frozen, by its own clock. */
static int take_reached(const struct cgw_trace_event *e, void *arg)
{
	if (e->record->kind == CGW_TRACE_FREEZE_REACHED)
		*(double *)arg = (double)e->record->mono_ns;
	return 0;
}

/* Return: ns, when it had been frozen. */
static double thaw(struct cgw_group *g)
{
	struct cgw_group own = *g, *p = &own;
	double reached = 0;

	if (cgw_trace_consume(tracer, take_reached, &reached))
		die("the tracer");
	own.c = plain;
	if (cgw_group_thaw(&p, 1, 10000))
		die("thaw");
	if (cgw_trace_consume(tracer, take, NULL))
		die("the tracer");
	return reached;
}

static double p90(double *values, unsigned int n)
{
	bench_median_of(values, n); /* sorts */
	return values[n * 9 / 10];
}

static void use_any_cpu(void)
{
	cpu_set_t any;

	memset(&any, 0xff, sizeof(any));
	sched_setaffinity(0, sizeof(any), &any);
}

/* How long a record takes to a reader who waits for it: another process asks, from any CPU. */
static void record_round(struct cgw_group *g)
{
	struct pollfd p = { .fd = cgw_trace_fd(tracer), .events = POLLIN };
	int go[2];
	char byte;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		use_any_cpu();
		close(go[1]);
		while (read(go[0], &byte, 1) == 1) {
			sleep_us(1000);
			ask("1");
		}
		_exit(0);
	}
	close(go[0]);
	for (unsigned int i = 0; i < FREEZES; i++) {
		samples[i] = 0;
		if (pid < 0 || write(go[1], "f", 1) != 1)
			die("fork");
		while (samples[i] <= 0)
			if (poll(&p, 1, -1) < 0 || cgw_trace_consume(tracer, take, &samples[i]))
				die("the tracer");
		while (!says_frozen())
			sleep_us(100);
		thaw(g);
	}
	close(go[1]);
	waitpid(pid, NULL, 0);
	records.by[CGWARD].runs = FREEZES;
	bench_add(&records.by[CGWARD], p90(samples, FREEZES));
}

/* Return: us that nine of ten take at most. */
static double measure(struct cgw_group *g, enum bench_who who, bool thawed,
		      struct bench_series *floor)
{
	static double kernel[FREEZES];
	unsigned int n = who == SNAPD ? SLOW_FREEZES : FREEZES;

	for (unsigned int i = 0; i < n; i++) {
		double start;

		sleep_us(thawed ? i * 997 % 1000 : PAUSE_US);
		start = bench_now_ns();
		if (who == RUNC)
			freeze_as_runc();
		else if (who == SNAPD)
			freeze_as_snapd();
		else
			freeze(who == CGWARD ? c : plain, g);
		samples[i] = (bench_now_ns() - start) / 1000;
		kernel[i] = (thaw(g) - start) / 1000;
	}
	if (who == CGWARD)
		bench_add(floor, p90(kernel, n));
	return p90(samples, n);
}

/* A task of the group, on any CPU, that goes when the benchmark does. */
static void add_task(const struct cgw_group *g, bool runs)
{
	char number[16];
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		use_any_cpu();
		for (;;)
			if (!runs)
				pause();
	}
	snprintf(number, sizeof(number), "%d", pid);
	if (cgw_group_write((struct cgw_group *)g, "cgroup.procs", number))
		die("attach");
}

static void one_case(size_t i)
{
	static const enum bench_who order[] = { CGWARD, RUNC, FILES, SNAPD };
	struct cgw_group *g = make_group("frozen", (unsigned int)i, NULL);

	events_fd = openat(g->fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	freeze_fd = openat(g->fd, "cgroup.freeze", O_WRONLY | O_CLOEXEC);
	if (events_fd < 0 || freeze_fd < 0)
		die("open the group's files");
	for (int n = cases[i].busy ? 50 : 1; n; n--)
		add_task(g, false);
	for (int n = 0; cases[i].busy && n < 2; n++)
		add_task(g, true);
	rows[i] = (struct bench_row){ .what = cases[i].what, .unit = "us" };
	for (unsigned int round = 0; round < BENCH_ROUNDS; round++)
		for (size_t k = 0; k < ARRAY_SIZE(order); k++) {
			struct bench_series *s = &rows[i].by[order[k]];

			/* A second and a half for what is known to take 100 ms. */
			if (order[k] == SNAPD && round % 4)
				continue;
			say(cases[i].what);
			s->runs = order[k] == SNAPD ? SLOW_FREEZES : FREEZES;
			bench_add(s, measure(g, order[k], cases[i].thawed, &rows[i].by[FLOOR]));
		}
	for (unsigned int round = 0; !i && round < BENCH_ROUNDS; round++)
		record_round(g);
	close(events_fd);
	close(freeze_fd);
	if (cgw_group_delete(g, CGW_DELETE_KILL, 10000))
		die("delete");
	cgw_group_close(g);
}

/* Where the kernel itself takes longer than the target leaves, nobody can meet it. */
static bool check(size_t i, enum bench_who who, const char *what, double limit)
{
	struct bench_series *peer = &rows[i].by[who];
	const struct bench_target target = {
		.what = what,
		.value = bench_ratio(&rows[i].by[CGWARD], peer),
		.limit = limit,
		.at_least = true,
		.excused = bench_median(&rows[i].by[FLOOR]) > bench_median(peer) / limit,
	};

	return bench_check(&target);
}

static int work(void)
{
	struct cgw_trace_opts opts = { .sz = sizeof(opts),
				       .tracers = CGW_TRACER_BIT(CGW_TRACER_FREEZE),
				       .blocked_ms = -1 };
	bool met = true;

	if (cgw_new(&plain) || cgw_trace_new(c, &opts, &tracer) || cgw__root(plain) < 0)
		die("the tracer of freezes");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		one_case(i);
	say("");
	if (!bench_json)
		printf("known to be frozen: time from the request, of nine in ten\n");
	bench_heading("", columns);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		bench_print(&rows[i]);
	bench_print(&records);
	if (!bench_json)
		printf("\n%-48s %5s %9s\n", "targets", "", "measured");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		met &= check(i, RUNC, "times sooner than runc's loop", 50);
		met &= check(i, SNAPD, "times sooner than snapd's ticker", 500);
	}
	met &= bench_check(&(struct bench_target){ .what = "us of a record to its reader",
						   .value = bench_median(&records.by[CGWARD]),
						   .limit = 1000 });
	if (!bench_json)
		printf("excused: it takes the kernel longer to stop these tasks than the target "
		       "leaves\n");
	cgw_trace_free(tracer);
	cgw_free(plain);
	return !met;
}

int main(int argc, char **argv)
{
	return bench_main(argc, argv, work);
}

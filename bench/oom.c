// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * From the moment the kernel marks a victim of an OOM kill until a process knows of it: by the
 * tracer's record, and by the counter in memory.events as runtimes watch it. For a machine of
 * its own, whose clock counts instructions (scripts/vm -i): the times are those of a processor
 * that executes one in 2 ns, whatever else this one does.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "groups.h"

#define KILLS 30
#define LIMIT "4M"
#define BYTES (64UL << 20)

static const char *const columns[N_WHO] = { [CGWARD] = "the record", [FILES] = "memory.events" };
static struct bench_row row = { .what = "OOM kill known", .unit = "us" };
static struct cgw_trace *tracer;
static struct cgw_group *group;
static int inotify_fd, events_fd;

/* A process of the group that takes more memory than it may. */
static pid_t start_eater(void)
{
	pid_t pid = fork();
	volatile char *p;

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || cgw_group_write(group, "cgroup.procs", "0"))
		_exit(1);
	for (size_t i = 0; i < BYTES; i += 4096)
		p[i] = 1;
	_exit(0);
}

static int take(const struct cgw_trace_event *e, void *arg)
{
	if (e->record->kind == CGW_TRACE_OOM_KILL)
		*(double *)arg = (double)e->record->mono_ns;
	return 0;
}

static unsigned int count_kills(void)
{
	static const char key[] = "oom_kill ";
	char text[512], *at;
	ssize_t n = pread(events_fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, key);
	if (!at)
		die("memory.events");
	return (unsigned int)strtoul(at + sizeof(key) - 1, NULL, 10);
}

static void wait_for(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, -1) < 0)
		die("poll");
}

/* Return: when it was known that one more was killed. */
static double wait_for_counter(unsigned int before)
{
	char events[4096];

	while (count_kills() == before) {
		wait_for(inotify_fd);
		if (read(inotify_fd, events, sizeof(events)) < 0)
			die("inotify");
	}
	return bench_now_ns();
}

static double wait_for_record(double *ret_marked)
{
	for (;;) {
		wait_for(cgw_trace_fd(tracer));
		if (cgw_trace_consume(tracer, take, ret_marked))
			die("the tracer");
		if (*ret_marked > 0)
			return bench_now_ns();
	}
}

/* Return: us from the mark, of one kill. */
static double one_kill(enum bench_who who)
{
	unsigned int before = count_kills();
	double marked = 0, known;
	int status;
	pid_t pid = start_eater();

	known = who == CGWARD ? wait_for_record(&marked) : wait_for_counter(before);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		die("be killed");
	if (who == FILES)
		wait_for_record(&marked);
	return (known - marked) / 1000;
}

static void rounds(void)
{
	static const enum bench_who order[] = { CGWARD, FILES };

	for (unsigned int round = 0; round < BENCH_ROUNDS; round++)
		for (size_t k = 0; k < ARRAY_SIZE(order); k++) {
			struct bench_series *s = &row.by[order[k]];

			for (unsigned int i = 0; i < KILLS; i++)
				samples[i] = one_kill(order[k]);
			bench_median_of(samples, KILLS); /* sorts */
			s->runs = KILLS;
			bench_add(s, samples[KILLS * 9 / 10]);
		}
}

static void begin(void)
{
	struct cgw_trace_opts opts = { .sz = sizeof(opts),
				       .tracers = CGW_TRACER_BIT(CGW_TRACER_OOM) };
	struct cgw_group *top;
	char path[64];

	group = make_group("oom", 0, NULL);
	if (cgw_group_open(c, base, &top) || cgw_group_enable(top, "memory"))
		die("the memory controller");
	cgw_group_close(top);
	if (cgw_group_write(group, "memory.max", LIMIT) ||
	    cgw_group_write(group, "memory.swap.max", "0"))
		die("limits");
	events_fd = openat(cgw_group_fd(group), "memory.events", O_RDONLY | O_CLOEXEC);
	inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", events_fd);
	if (events_fd < 0 || inotify_fd < 0 || inotify_add_watch(inotify_fd, path, IN_MODIFY) < 0)
		die("memory.events");
	if (cgw_trace_new(c, &opts, &tracer))
		die("the tracer of OOM kills");
}

static int work(void)
{
	bool met;

	begin();
	rounds();
	if (!bench_json)
		printf("an OOM kill is known: time from the mark on the victim, of nine in ten\n");
	bench_heading("", columns);
	bench_print(&row);
	met = bench_check(&(struct bench_target){ .what = "us from the mark to the record's reader",
						  .value = bench_median(&row.by[CGWARD]),
						  .limit = 1000 });
	cgw_trace_free(tracer);
	if (cgw_group_delete(group, CGW_DELETE_KILL, 10000))
		die("delete");
	cgw_group_close(group);
	return !met;
}

int main(int argc, char **argv)
{
	return bench_main(argc, argv, work);
}

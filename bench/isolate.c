// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What the benchmarks run in: a process that leaves nothing behind, on one CPU. */
#include <libgen.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "groups.h"

char build_dir[4096];

static pid_t worker;

void say(const char *what)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s", what);
}

static void isolate(void)
{
	struct rlimit files;
	cpu_set_t allowed, one;

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700"))
		die("a bpffs of its own");
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	CPU_ZERO(&one);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
		if (CPU_ISSET(cpu, &allowed)) {
			CPU_SET(cpu, &one);
			break;
		}
	sched_setaffinity(0, sizeof(one), &one);
}

static void end_worker(int signal)
{
	kill(worker, signal);
}

/* The groups go whatever becomes of the worker, and with them a container of crun's. */
static void clean_up(void)
{
	struct cgw_group *g;

	remove_bundle();
	if (cgw_group_open(c, base, &g))
		return;
	if (cgw_group_delete(g, CGW_DELETE_RECURSIVE | CGW_DELETE_KILL, 10000))
		fprintf(stderr, "bench: %s\n", cgw_strerror(c));
	cgw_group_close(g);
}

static int supervise(const sigset_t *mask)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	int status;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], end_worker);
	sigprocmask(SIG_SETMASK, mask, NULL);
	while (waitpid(worker, &status, 0) < 0)
		if (errno != EINTR)
			die("wait");
	clean_up();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* This is O/bench/NAME: the command is O/cgward. */
static void find_build(void)
{
	ssize_t n = readlink("/proc/self/exe", build_dir, sizeof(build_dir) - 1);

	if (n < 0)
		die("/proc/self/exe");
	build_dir[n] = '\0';
	dirname(dirname(build_dir));
}

/*
 * Do the work in a process of its own, with a bpffs of its own and on one CPU. Return: an exit
 * status.
 */
int bench_main(int argc, char **argv, int (*work)(void))
{
	sigset_t set, before;

	bench_json = argc == 2 && !strcmp(argv[1], "--json");
	if (argc > 2 || (argc == 2 && !bench_json)) {
		fprintf(stderr, "usage: %s [--json]\n", argv[0]);
		return 2;
	}
	if (cgw_new(&c))
		return 1;
	find_build();
	snprintf(base, sizeof(base), "/cgwtest-%d-bench", getpid());
	isolate();
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, &before); /* none comes between fork and supervise */
	worker = fork();
	if (worker < 0)
		die("fork");
	if (!worker) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigprocmask(SIG_SETMASK, &before, NULL);
		exit(work());
	}
	return supervise(&before);
}

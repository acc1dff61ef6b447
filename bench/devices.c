// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * What a device policy costs: cgward's shared programs against a program per group, as
 * container runtimes have it. All take turns in one run, in fresh groups.
 */
#include <libgen.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "groups.h"

static pid_t worker;
static char build_dir[4096];

static const char *const who_names[N_WHO] = { "cgward", "runc", "containerd", "crun's shape" };

/* ---- the report ------------------------------------------------------------------- */

static void explain(void)
{
	struct utsname u;

	uname(&u);
	if (bench_json) {
		printf("{\"what\":\"machine\",\"kernel\":\"%s\",\"arch\":\"%s\",\"rounds\":%d,\"go_peers\":%s}\n",
		       u.release, u.machine, BENCH_ROUNDS, has_peer(RUNC) ? "true" : "false");
		return;
	}
	printf("Device policies on Linux %s %s: medians of %d rounds, all in turn in one run.\n"
	       "Rules are exact and rwm. runs = groups, checks or processes in a round of cgward's; times are\n"
	       "the median of those too. Memory has 5 rounds, 10,000 groups have 3.\n\n"
	       "  compile    rules to a policy, or to a program's instructions; us, not part of what follows\n"
	       "  create     make a group and give it a policy; us per group, as all down to 'groups'\n"
	       "  apply      give the policy to a fresh group; the peers: load a program and attach it\n"
	       "  OCI list   the same for a list that ends with the devices of every container\n"
	       "  adopt      give it to a group that may have processes\n"
	       "  update     change it; runc: load and replace; containerd: load and add another\n"
	       "  floor      the least system calls that apply and update need\n"
	       "  groups     as many at once as runs says: to make one without a policy, and with one\n"
	       "  check      ns by the kernel's clock (BPF_ENABLE_STATS), over an empty program; first and\n"
	       "             last: in the order in which a chain of comparisons tests them; OCI default:\n"
	       "             c 1:3 in a list that ends with the devices of every container\n"
	       "  helper     a program that calls bpf_get_local_storage() once, as cgward's does\n"
	       "  memory     growth of Slab + VmallocUsed + Percpu in /proc/meminfo, the groups apart\n"
	       "  devices set, true: whole processes, ms\n\n"
	       "%s"
	       "crun's shape is an imitation: the instructions that crun emits, loaded and attached from C.\n"
	       "The ratio is containerd to cgward, or the first peer there is.\n\n",
	       u.release, u.machine, BENCH_ROUNDS,
	       has_peer(RUNC) ?
		       "runc and containerd are their own code, in Debian's Go packages (bench/peers).\n" :
		       "runc and containerd are not measured: scripts/deps bench installs their Go packages.\n");
}

static bool report(void)
{
	bool met;

	explain();
	bench_heading(who_names);
	apply_report();
	check_report();
	memory_report();
	command_report();
	if (!bench_json)
		printf("\n%-42s %5s %9s\n", "targets", "rules", "measured");
	met = apply_targets();
	met &= check_targets();
	met &= memory_targets();
	met &= command_targets();
	if (!bench_json)
		printf("excused: on this machine the call of the helper alone costs more than the target\n");
	return met;
}

static void say(const char *what)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s", what);
}

static int work(void)
{
	char peers[sizeof(build_dir) + 16];
	struct cgw_group *keeper;

	snprintf(peers, sizeof(peers), "%s/bench/peers", build_dir);
	start_peers(peers);
	if (cgw__loader(c, &loader))
		die("load");
	/* The first program of its type on a machine patches kernel text: that is nobody's cost. */
	keeper = make_group("keeper", 0, NULL);
	attach_program(keeper, load_return_1(), -EBADF);
	for (unsigned int round = 0; round < BENCH_ROUNDS; round++) {
		char text[32];

		snprintf(text, sizeof(text), "apply: round %u of %d", round + 1, BENCH_ROUNDS);
		say(text);
		apply_round(round);
	}
	say("memory");
	memory_rounds();
	say("commands");
	command_rounds(build_dir);
	say("checks");
	check_rounds();
	say("");
	return report() ? 0 : 1;
}

/* ---- isolation -------------------------------------------------------------------- */

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

/* The groups go whatever becomes of the worker. */
static void clean_up(void)
{
	struct cgw_group *g;

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

/* O/bench/devices: the command is O/cgward. */
static void find_build(void)
{
	ssize_t n = readlink("/proc/self/exe", build_dir, sizeof(build_dir) - 1);

	if (n < 0)
		die("/proc/self/exe");
	build_dir[n] = '\0';
	dirname(dirname(build_dir));
}

int main(int argc, char **argv)
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

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * A program per group, as runtimes do it: runc and containerd by their own code, in a process
 * each (bench/peers), and crun itself (crun.c).
 */
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>

#include "groups.h"

#define MAX_INSNS (6 + 8 * MAX_RULES + 2)

/* A process that runs bench/peers. */
static struct server {
	FILE *to;
	FILE *from;
} servers[N_WHO];

static const char *const names[N_WHO] = { [RUNC] = "runc", [CONTAINERD] = "containerd" };

static void start(const char *program, enum bench_who who)
{
	int to[2], from[2];
	pid_t pid;

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(to[0], STDIN_FILENO);
		dup2(from[1], STDOUT_FILENO);
		execl(program, program, names[who], NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	servers[who].to = fdopen(to[1], "w");
	servers[who].from = fdopen(from[0], "r");
	if (!servers[who].to || !servers[who].from)
		die("pipe");
}

void start_peers(void)
{
	char program[sizeof(build_dir) + 16];

	snprintf(program, sizeof(program), "%s/bench/peers", build_dir);
	if (access(program, X_OK))
		return;
	start(program, RUNC);
	start(program, CONTAINERD);
}

bool has_peer(enum bench_who who)
{
	return who == CGWARD || (who == CRUN ? has_crun() : servers[who].to != NULL);
}

/* Whom the targets name, or the next best; N_WHO: there is nobody. */
enum bench_who main_peer(void)
{
	return has_peer(CONTAINERD) ? CONTAINERD : has_peer(CRUN) ? CRUN : N_WHO;
}

const char *peers_note(void)
{
	return has_peer(RUNC) ?
		       "runc and containerd are their own code, in Debian's Go packages (bench/peers).\n" :
		       "runc and containerd are not measured: scripts/deps bench installs their Go packages.\n";
}

/* Begins a report. Return: true when it is JSON, and has a line of this now. */
bool describe_machine(struct utsname *u)
{
	uname(u);
	if (bench_json)
		printf("{\"what\":\"machine\",\"kernel\":\"%s\",\"arch\":\"%s\",\"rounds\":%d,\"go_peers\":%s}\n",
		       u->release, u->machine, BENCH_ROUNDS, has_peer(RUNC) ? "true" : "false");
	return bench_json;
}

static void __attribute__((noreturn)) fail(enum bench_who who)
{
	fprintf(stderr, "bench: bench/peers %s gave no answer\n", names[who]);
	exit(1);
}

/* Part of an answer. */
static int __attribute__((format(scanf, 2, 3))) answer(enum bench_who who, const char *fmt, ...)
{
	va_list ap;
	int n;

	fflush(servers[who].to);
	va_start(ap, fmt);
	n = vfscanf(servers[who].from, fmt, ap);
	va_end(ap);
	return n;
}

static void write_number(FILE *f, uint32_t number)
{
	if (number == CGW_DEVICE_ANY)
		fprintf(f, " -1");
	else
		fprintf(f, " %u", number);
}

static void write_rule(FILE *f, const struct cgw_rule *r)
{
	fprintf(f, "%s %c", r->allow ? "allow" : "deny", r->type);
	write_number(f, r->major);
	write_number(f, r->minor);
	fprintf(f, " %s\n", access_letters(r->access));
}

/* Have the peer make its program of the rules. Return: us, or 0 where that cannot be told. */
double give_rules(enum bench_who who, const struct cgw_rule *rules, int n)
{
	double ns;

	if (who == CRUN) {
		give_crun(rules, n);
		return 0;
	}
	fprintf(servers[who].to, "rules %d\n", n);
	for (int i = 0; i < n; i++)
		write_rule(servers[who].to, &rules[i]);
	if (answer(who, " made %*d %lf", &ns) != 1)
		fail(who);
	return ns / 1000;
}

/* Load the peer's program from here. Return: a descriptor, or -errno. */
int load_peer(enum bench_who who)
{
	static struct bpf_insn insns[MAX_INSNS];
	size_t size;

	if (who == CRUN)
		return load_crun();
	fprintf(servers[who].to, "dump\n");
	if (answer(who, " dump %zu", &size) != 1 || fgetc(servers[who].from) != '\n' ||
	    size > sizeof(insns) || fread(insns, 1, size, servers[who].from) != size)
		fail(who);
	return load_program(insns, size / sizeof(*insns));
}

/* A program was not loaded, which took from then till now; crun's own time is without ours. */
void note_refusal(enum bench_who who, struct bench_series *s, int err, double begin)
{
	s->refused = err;
	s->refused_ms = who == CRUN ? crun_ms() : (bench_now_ns() - begin) / 1e6;
}

/*
 * The peer loads and attaches its program for each of the groups, or replaces the one
 * that they have. Return: false when the kernel refuses the program.
 */
bool apply_peer(enum bench_who who, unsigned int n, struct bench_series *us)
{
	enum cgw_mode mode;
	const char *mount;
	char word[16];

	us->runs = n;
	if (who == CRUN)
		return apply_crun(n, us);
	if (cgw_get_mode(c, &mode, &mount))
		die("cgroup2");
	fprintf(servers[who].to, "apply %u\n", n);
	for (unsigned int i = 0; i < n; i++)
		fprintf(servers[who].to, "%s%s\n", mount, cgw_group_path(groups[i]));
	if (answer(who, "%15s", word) != 1)
		fail(who);
	if (!strcmp(word, "refused")) {
		if (answer(who, "%d %lf", &us->refused, &us->refused_ms) != 2)
			fail(who);
		us->refused_ms /= 1e6;
		return false;
	}
	for (unsigned int i = 0; i < n; i++)
		if (answer(who, "%lf", &samples[i]) != 1)
			fail(who);
	bench_add(us, bench_median_of(samples, n) / 1000);
	return true;
}

/* Have the peer do what it answers by n numbers of nanoseconds. */
void ask_peer(enum bench_who who, const char *command, size_t n, double *ns)
{
	fprintf(servers[who].to, "%s\n", command);
	for (size_t i = 0; i < n; i++)
		if (answer(who, "%lf", &ns[i]) != 1)
			fail(who);
}

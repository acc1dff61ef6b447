// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * What a device policy costs: cgward's shared program against a program per group, in the
 * shape that container runtimes emit. Both take turns in one run, in fresh groups.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "bench.h"
#include "device.h"

#define TARGET_RATIO 20
#define TARGET_RULES 12
#define MAX_RULES 1024
#define MAX_GROUPS 1000
#define CHECKS 20000

/* Costs of one length of list, in us per group. */
static struct apply_cost {
	int rules;
	unsigned int groups;
	struct bench_series create, peer_create, ours, peer, attach, peer_attach, write, load;
	struct bench_series update, peer_update, adopt;
} applies[] = {
	{ .rules = 1, .groups = MAX_GROUPS },
	{ .rules = TARGET_RULES, .groups = MAX_GROUPS },
	{ .rules = 64, .groups = 100 },
	{ .rules = 256, .groups = 30 },
	{ .rules = MAX_RULES, .groups = 8 },
};

static struct cgw *c;
static struct cgw__loader *loader;
static char base[64];
static struct cgw_group *groups[MAX_GROUPS];
static int programs[MAX_GROUPS];
static pid_t worker;

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, cgw_strerror(c)[0] ? cgw_strerror(c) : strerror(errno));
	exit(1);
}

/* ---- rules, and the program that runtimes make of them ---------------------------- */

/* n exact rules; number null_at is the one for /dev/null, -1 for none. */
static void make_rules(struct cgw_rule *rules, int n, int null_at)
{
	for (int i = 0; i < n; i++) {
		rules[i] = (struct cgw_rule){ .type = 'c', .allow = true, .access = CGW_DEVICE_RWM };
		rules[i].major = i == null_at ? 1 : 200 + i % 7;
		rules[i].minor = i == null_at ? 3 : i * 13;
	}
}

static struct cgw_policy *compile(const struct cgw_rule *rules, int n)
{
	struct cgw_policy *policy;
	struct cgw_rules *list;

	if (cgw_rules_new(c, &list))
		die("rules");
	for (int i = 0; i < n; i++)
		if (cgw_rules_add_rule(list, &rules[i]))
			die("rules");
	if (cgw_policy_compile(list, CGW_SEMANTICS_ORDERED, &policy))
		die("compile");
	cgw_rules_free(list);
	return policy;
}

static struct bpf_insn insn(__u8 code, __u8 dst, __u8 src, __s16 off, __s32 imm)
{
	return (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm
	};
}

/* Jump over the rest of the rule, n instructions, when the register differs. */
static struct bpf_insn skip_unless(__u8 reg, __s32 value, __s16 n)
{
	return insn(BPF_JMP | BPF_JNE | BPF_K, reg, 0, n, value);
}

static struct bpf_insn *emit_exit(struct bpf_insn *p, int verdict)
{
	*p++ = insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, verdict);
	*p++ = insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return p;
}

/* r2 type, r3 access, r4 major, r5 minor; a block for each rule, then deny. */
static int load_chain(const struct cgw_rule *rules, int n)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_CGROUP_DEVICE);
	struct bpf_insn insns[6 + 8 * MAX_RULES + 2], *p = insns;
	int fd;

	*p++ = insn(BPF_LDX | BPF_W | BPF_MEM, BPF_REG_2, BPF_REG_1, 0, 0);
	*p++ = insn(BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	*p++ = insn(BPF_LDX | BPF_W | BPF_MEM, BPF_REG_3, BPF_REG_1, 0, 0);
	*p++ = insn(BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
	*p++ = insn(BPF_LDX | BPF_W | BPF_MEM, BPF_REG_4, BPF_REG_1, 4, 0);
	*p++ = insn(BPF_LDX | BPF_W | BPF_MEM, BPF_REG_5, BPF_REG_1, 8, 0);
	for (const struct cgw_rule *r = rules; r < rules + n; r++) {
		bool masked = r->access != CGW_DEVICE_RWM;

		*p++ = skip_unless(BPF_REG_2, r->type == 'c' ? CGW_DEVICE_CHAR : CGW_DEVICE_BLOCK,
				   masked ? 7 : 4);
		if (masked) {
			*p++ = insn(BPF_ALU | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0);
			*p++ = insn(BPF_ALU | BPF_AND | BPF_K, BPF_REG_1, 0, 0, r->access);
			*p++ = insn(BPF_JMP | BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_3, 4, 0);
		}
		*p++ = skip_unless(BPF_REG_4, (int)r->major, 3);
		*p++ = skip_unless(BPF_REG_5, (int)r->minor, 2);
		p = emit_exit(p, r->allow);
	}
	p = emit_exit(p, 0);
	fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, NULL, "Dual BSD/GPL", insns, p - insns, &opts);
	if (fd < 0)
		die("load a program");
	return fd;
}

static int load_return_1(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_CGROUP_DEVICE);
	struct bpf_insn insns[2];
	int fd;

	emit_exit(insns, 1);
	fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, NULL, "Dual BSD/GPL", insns, 2, &opts);
	if (fd < 0)
		die("load a program");
	return fd;
}

static void attach(const struct cgw_group *g, int prog_fd, int replace_fd)
{
	LIBBPF_OPTS(bpf_prog_attach_opts, opts, .flags = BPF_F_ALLOW_MULTI);

	if (replace_fd >= 0) {
		opts.flags |= BPF_F_REPLACE;
		opts.replace_prog_fd = replace_fd;
	}
	if (bpf_prog_attach_opts(prog_fd, cgw_group_fd(g), BPF_CGROUP_DEVICE, &opts))
		die("attach a program");
}

/* ---- the cost of applying and updating -------------------------------------------- */

static struct cgw_group *make_group(const char *kind, unsigned int i,
				    const struct cgw_policy *policy)
{
	struct cgw_create_opts opts = { .sz = sizeof(opts), .devices = policy };
	struct cgw_group *g;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s%u", base, kind, i);
	if (cgw_group_create(c, path, &opts, &g))
		die("create");
	return g;
}

/* A body for each group i; its value: us per group. */
#define TIMED(n, body)                                  \
	({                                              \
		double start_ = bench_now_ns();         \
		for (unsigned int i = 0; i < (n); i++) { \
			body;                           \
		}                                       \
		(bench_now_ns() - start_) / (n) / 1000; \
	})

/* Make groups, with a policy or NULL. Return: us per group. */
static double make_groups(unsigned int n, const struct cgw_policy *policy)
{
	double us = TIMED(n, groups[i] = make_group("g", i, policy));

	for (unsigned int i = 0; i < n; i++)
		programs[i] = -EBADF;
	poll(NULL, 0, 10); /* let the kernel finish with the groups before */
	return us;
}

static void remove_groups(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (cgw_group_delete(groups[i], 0, 1000))
			die("delete");
		cgw_group_close(groups[i]);
		if (programs[i] >= 0)
			close(programs[i]);
	}
}

static void set_devices(struct cgw_group *g, const struct cgw_policy *policy)
{
	if (cgw_group_set_devices(g, policy) < 0)
		die("set the policy");
}

/* The map or program that serves the policy's size class. */
static int pinned(const struct cgw_policy *policy, unsigned int kind)
{
	return loader->fds[cgw__pin(cgw_policy_value(policy, NULL)->size_class, kind)];
}

static void write_value(const struct cgw_group *g, const struct cgw_policy *policy)
{
	uint64_t id = cgw_group_id(g);

	if (bpf_map_update_elem(pinned(policy, POLICIES), &id, cgw_policy_value(policy, NULL),
				BPF_ANY))
		die("write the policy");
}

static void round_of_ours(struct apply_cost *a, const struct cgw_policy *policy,
			  const struct cgw_policy *other)
{
	unsigned int n = a->groups;

	bench_add(&a->create, make_groups(n, policy));
	remove_groups(n);

	make_groups(n, NULL);
	for (unsigned int i = 0; i < n; i++)
		groups[i]->fresh = true; /* as cgw_group_create() does around the policy */
	bench_add(&a->ours, TIMED(n, set_devices(groups[i], policy)));
	for (unsigned int i = 0; i < n; i++)
		groups[i]->fresh = false;
	bench_add(&a->update, TIMED(n, set_devices(groups[i], other)));
	for (unsigned int i = 0; i < n; i++)
		if (cgw_group_clear_devices(groups[i]) != 1)
			die("clear");
	bench_add(&a->adopt, TIMED(n, set_devices(groups[i], policy)));
	remove_groups(n);

	make_groups(n, NULL);
	bench_add(&a->attach, TIMED(n, attach(groups[i], pinned(policy, FILTER), -EBADF)));
	bench_add(&a->write, TIMED(n, write_value(groups[i], policy)));
	remove_groups(n);
}

static void replace_chain(unsigned int i, const struct cgw_rule *rules, int n)
{
	int fd = load_chain(rules, n);

	attach(groups[i], fd, programs[i]);
	close(programs[i]);
	programs[i] = fd;
}

static void round_of_peer(struct apply_cost *a, const struct cgw_rule *rules,
			  const struct cgw_rule *other)
{
	unsigned int n = a->groups;
	double made, load, attached;

	made = make_groups(n, NULL);
	load = TIMED(n, programs[i] = load_chain(rules, a->rules));
	attached = TIMED(n, attach(groups[i], programs[i], -EBADF));
	bench_add(&a->load, load);
	bench_add(&a->peer_attach, attached);
	bench_add(&a->peer, load + attached);
	bench_add(&a->peer_create, made + load + attached);
	bench_add(&a->peer_update, TIMED(n, replace_chain(i, other, a->rules)));
	remove_groups(n);
}

static void one_round(struct apply_cost *a, unsigned int round)
{
	struct cgw_rule rules[MAX_RULES], others[MAX_RULES];
	struct cgw_policy *policy, *other;

	make_rules(rules, a->rules, -1);
	make_rules(others, a->rules, 0);
	policy = compile(rules, a->rules);
	other = compile(others, a->rules);
	if (round % 2)
		round_of_peer(a, rules, others);
	round_of_ours(a, policy, other);
	if (round % 2 == 0)
		round_of_peer(a, rules, others);
	cgw_policy_free(policy);
	cgw_policy_free(other);
}

/* ---- the cost of a check ---------------------------------------------------------- */

enum { FIRST, LAST, NONE, N_PLACES };

static const char *const place_names[] = { "check, first rule", "check, last rule",
					   "check, no match" };

/* A group with a filter. */
struct target {
	struct cgw_group *g;
	int prog_fd;
	int expected; /* errno */
};

static struct check_cost {
	struct target ours, peer;
	struct bench_series ours_ns, peer_ns;
} checks[ARRAY_SIZE(applies)][N_PLACES];

static void set_up_check(struct check_cost *cost, int n, int place)
{
	struct cgw_rule rules[MAX_RULES];
	struct cgw_policy *policy;
	static unsigned int number;

	make_rules(rules, n, place == FIRST ? 0 : place == LAST ? n - 1 : -1);
	policy = compile(rules, n);
	cost->ours.g = make_group("ours", number, NULL);
	set_devices(cost->ours.g, policy);
	cost->ours.prog_fd = pinned(policy, FILTER);
	cgw_policy_free(policy);

	cost->peer.g = make_group("peer", number++, NULL);
	cost->peer.prog_fd = load_chain(rules, n);
	attach(cost->peer.g, cost->peer.prog_fd, -EBADF);
	cost->ours.expected = cost->peer.expected = place == NONE ? EPERM : 0;
}

static struct bpf_prog_info program_info(int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		die("program info");
	return info;
}

/* A child enters the group and asks for /dev/null again and again. */
static int run_checks(struct target *t)
{
	int fd = open("/dev/null", O_PATH | O_CLOEXEC);

	if (cgw_group_attach(t->g, (pid_t[]){ 0 }, 1))
		return 1;
	for (unsigned int i = 0; i < CHECKS; i++) {
		errno = 0;
		syscall(SYS_faccessat2, fd, "", R_OK, AT_EMPTY_PATH);
		if (errno != t->expected)
			return 1;
	}
	return 0;
}

static double measure(struct target *t)
{
	struct bpf_prog_info before = program_info(t->prog_fd), after;
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(run_checks(t));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		die("a check gave the wrong verdict");
	after = program_info(t->prog_fd);
	if (after.run_cnt - before.run_cnt < CHECKS)
		die("the program did not run");
	return (double)(after.run_time_ns - before.run_time_ns) /
	       (double)(after.run_cnt - before.run_cnt);
}

static void measure_checks(void)
{
	struct target empty = { .g = make_group("empty", 0, NULL), .prog_fd = load_return_1() };
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (stats < 0)
		die("BPF statistics");
	attach(empty.g, empty.prog_fd, -EBADF);
	for (size_t i = 0; i < ARRAY_SIZE(applies); i++)
		for (int place = 0; place < N_PLACES; place++)
			set_up_check(&checks[i][place], applies[i].rules, place);
	for (unsigned int round = 0; round < BENCH_ROUNDS; round++)
		for (size_t i = 0; i < ARRAY_SIZE(applies); i++)
			for (int place = 0; place < N_PLACES; place++) {
				struct check_cost *cost = &checks[i][place];
				double floor = measure(&empty);

				bench_add(&cost->ours_ns, measure(&cost->ours) - floor);
				bench_add(&cost->peer_ns, measure(&cost->peer) - floor);
			}
	close(stats);
}

/* ---- the report ------------------------------------------------------------------- */

struct ratios {
	double apply, adopt;
};

static struct ratios report(void)
{
	struct ratios ratios = { 0 };

	bench_heading("cgward", "a program per group");
	for (struct apply_cost *a = applies; a < applies + ARRAY_SIZE(applies); a++) {
		struct ratios r;

		bench_row("create", a->rules, a->groups, "us", &a->create, &a->peer_create);
		r.apply = bench_row("apply", a->rules, a->groups, "us", &a->ours, &a->peer);
		bench_row("apply: attach", a->rules, a->groups, "us", &a->attach, &a->peer_attach);
		bench_row("apply: write, load", a->rules, a->groups, "us", &a->write, &a->load);
		r.adopt = bench_row("adopt", a->rules, a->groups, "us", &a->adopt, &a->peer);
		bench_row("update", a->rules, a->groups, "us", &a->update, &a->peer_update);
		if (a->rules == TARGET_RULES)
			ratios = r;
	}
	for (size_t i = 0; i < ARRAY_SIZE(applies); i++)
		for (int place = 0; place < N_PLACES; place++)
			bench_row(place_names[place], applies[i].rules, CHECKS, "ns",
				  &checks[i][place].ours_ns, &checks[i][place].peer_ns);
	return ratios;
}

static void explain(void)
{
	struct utsname u;

	uname(&u);
	printf("Device policies on Linux %s %s: medians (min..max) of %d rounds, both in turn.\n"
	       "Rules are exact and rwm. runs = groups, or runs of the filter, in a round.\n"
	       "  us: per group. create = make the group and give it a policy, apply = the latter\n"
	       "      alone, adopt = for a group that may have processes, update = for one that\n"
	       "      has a policy. The peer: load a program, attach it or replace the one before.\n"
	       "  ns: per run of the filter, over one that only returns 1.\n\n",
	       u.release, u.machine, BENCH_ROUNDS);
}

static bool conclude(const struct ratios *r)
{
	bool met = r->apply >= TARGET_RATIO;

	if (bench_json)
		printf("{\"what\":\"target\",\"rules\":%d,\"ratio\":%.2f,\"target\":%d,\"met\":%s}\n",
		       TARGET_RULES, r->apply, TARGET_RATIO, met ? "true" : "false");
	else
		printf("\n%d rules: a program per group costs %.1f times as much as a policy, %.1f times one\n"
		       "for a group that may have processes. Target: %d times; %s.\n",
		       TARGET_RULES, r->apply, r->adopt, TARGET_RATIO, met ? "met" : "missed");
	return met;
}

static int work(void)
{
	struct cgw_group *keeper;
	struct ratios ratios;

	if (cgw__loader(c, &loader))
		die("load");
	/* The first program of its type on a machine patches kernel text: that is nobody's cost. */
	keeper = make_group("keeper", 0, NULL);
	attach(keeper, load_return_1(), -EBADF);
	for (unsigned int round = 0; round < BENCH_ROUNDS; round++)
		for (struct apply_cost *a = applies; a < applies + ARRAY_SIZE(applies); a++)
			one_round(a, round);
	measure_checks();
	if (!bench_json)
		explain();
	ratios = report();
	return conclude(&ratios) ? 0 : 1;
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

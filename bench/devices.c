// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * What a device policy costs: cgward's shared programs against a program per group, as
 * container runtimes have it. All take turns in one run, in fresh groups.
 */
#include "groups.h"

static const char *who_names[N_WHO] = { "cgward", "runc", "containerd", "crun" };

/* ---- the report ------------------------------------------------------------------- */

static const char *crun_note(void)
{
	return has_peer(CRUN) ?
		       "crun has run: it made a container for each list, whose program was read back. Its checks are by\n"
		       "that program; it is loaded again and attached as crun does that, without crun's start, for all\n"
		       "else. Before the rules given, crun tests its own, of the devices of every container.\n" :
		       "crun is not measured: scripts/deps bench installs it.\n";
}

static void explain(void)
{
	struct utsname u;

	if (describe_machine(&u))
		return;
	printf("Device policies on Linux %s %s: medians of %d rounds, all in turn in one run.\n"
	       "Rules are exact and rwm. runs = groups, checks or processes in a round of cgward's; times are\n"
	       "the median of those too. Memory has 5 rounds, 10,000 groups have 3.\n\n"
	       "  compile    rules to a policy, or to a program's instructions; us, not part of what follows\n"
	       "  create     make a group and give it a policy; us per group, as all down to 'groups'\n"
	       "  apply      give the policy to a fresh group; the peers: load a program and attach it\n"
	       "  --fast     the policy is a program of its own: loaded once (load; us), by 'apply' given to\n"
	       "             each group and by 'update' put in the place of another such program\n"
	       "  OCI list   the same for a list that ends with the devices of every container\n"
	       "  adopt      give it to a group that may have processes\n"
	       "  update     change it; runc and crun: load and replace; containerd: load and add another\n"
	       "  floor      the least system calls that apply and update need\n"
	       "  groups     as many at once as runs says: to make one without a policy, and with one\n"
	       "  check      ns by the kernel's clock (BPF_ENABLE_STATS), over an empty program; first and\n"
	       "             last: in the order in which a chain of comparisons tests them; OCI default:\n"
	       "             c 1:3 in a list that ends with the devices of every container\n"
	       "  helper     a program that calls bpf_get_local_storage() once, as cgward's does\n"
	       "  memory     growth of Slab + VmallocUsed + Percpu in /proc/meminfo, the groups apart\n"
	       "  devices set, true: whole processes, ms\n\n"
	       "%s"
	       "%s"
	       "The ratio is containerd to cgward, or the first peer there is.\n\n",
	       u.release, u.machine, BENCH_ROUNDS, peers_note(), crun_note());
}

static bool report(void)
{
	bool met;

	for (int who = RUNC; who <= CRUN; who++)
		if (!has_peer((enum bench_who)who))
			who_names[who] = NULL;
	explain();
	bench_heading("rules", who_names);
	apply_report();
	check_report();
	memory_report();
	command_report();
	if (!bench_json)
		printf("\n%-48s %5s %9s\n", "targets", "rules", "measured");
	met = apply_targets();
	met &= check_targets();
	met &= memory_targets();
	met &= command_targets();
	if (!bench_json)
		printf("excused: on this machine the call of the helper alone, or an attach and a map "
		       "update alone, cost more than the target\n");
	return met;
}

static int work(void)
{
	struct cgw_group *keeper;

	start_peers();
	start_crun();
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

int main(int argc, char **argv)
{
	return bench_main(argc, argv, work);
}

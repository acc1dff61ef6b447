// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* cgward: the table of subcommands, global options, capabilities. */
#include <getopt.h>
#include <sys/capability.h>

#include "cmd.h"

#define CAP(name) (1ULL << CAP_##name)
/* Files that belong to another user: a delegated group, a pin directory. */
#define CAPS_WRITE CAP(DAC_OVERRIDE)
#define CAPS_READ CAP(DAC_READ_SEARCH)
/* bpf(2): load and attach; SYS_ADMIN to look at programs by number. */
#define CAPS_BPF (CAP(BPF) | CAP(NET_ADMIN) | CAP(SYS_ADMIN))
#define CAPS_TRACE (CAPS_READ | CAPS_BPF | CAP(PERFMON) | CAP(SYS_PTRACE))

#define OPTS(...) ((const struct cmd_opt *const[]){ __VA_ARGS__, NULL })

const struct cmd cmd_table[] = {
	{ "run", cmd_run, 1, -1, CMD_EXEC,
	  CAPS_WRITE | CAPS_BPF | CAP(PERFMON) | CAP(KILL) | CAP(SETUID) | CAP(SETGID) |
		  CAP(SYSLOG),
	  "[OPTIONS] [--] CMD [ARG...]",
	  "start CMD in a group of its own, give its status, remove the group",
	  OPTS(opts_run, opts_resources, opts_devices, opts_fast, opts_timeout) },
	{ "create", cmd_create, 1, 1, 0, CAPS_WRITE | CAPS_BPF, "[OPTIONS] GROUP",
	  "make a group with its limits and device policy, all or nothing",
	  OPTS(opts_create, opts_resources, opts_devices, opts_fast) },
	{ "attach", cmd_attach, 2, -1, 0, CAPS_WRITE, "[--threads] GROUP PID...",
	  "move processes or threads into a group, all or none", OPTS(opts_attach) },
	{ "ls", cmd_ls, 0, 1, 0, CAPS_READ | CAPS_BPF, "[GROUP]",
	  "tree of groups: processes, state, whose device filter", NULL },
	{ "show", cmd_show, 1, 1, 0, CAPS_READ | CAPS_BPF, "[--all] GROUP",
	  "every setting and state of a group, its device policy and programs", OPTS(opts_show) },
	/* Writing: the directory of a collector belongs to its user. */
	{ "stat", cmd_stat, 0, -1, 0, CAPS_READ | CAPS_WRITE | CAPS_BPF, "[OPTIONS] [GROUP...]",
	  "every metric of groups: as text, JSON or OpenMetrics", OPTS(opts_stat, opts_timeout) },
	{ "controllers", cmd_controllers, 1, -1, CMD_RAW_ARGS, CAPS_WRITE,
	  "GROUP [--recursive] [+NAME|-NAME...]",
	  "list, enable or disable controllers for the groups below GROUP", OPTS(opts_recursive) },
	{ "update", cmd_update, 1, 1, 0, CAPS_WRITE | CAPS_BPF, "[OPTIONS] GROUP",
	  "change limits and device policy of a group, all or nothing",
	  OPTS(opts_resources, opts_devices, opts_fast, opts_update, opts_timeout) },
	{ "plan", cmd_plan, 0, 0, 0, 0, "--oci FILE|-s FILE=VALUE...",
	  "what create and update would write, without writing it",
	  OPTS(opts_resources, opts_devices) },
	{ "diff", cmd_diff, 1, 1, 0, CAPS_WRITE | CAPS_BPF,
	  "[--fix] --oci FILE|-s FILE=VALUE... GROUP",
	  "what a group has against what it is to have",
	  OPTS(opts_resources, opts_devices, opts_diff) },
	{ "freeze", cmd_freeze, 1, -1, 0, CAPS_WRITE | CAP(SYS_ADMIN) | CAP(SYS_PTRACE),
	  "[OPTIONS] GROUP...", "stop every task of the groups, and wait until they have stopped",
	  OPTS(opts_timeout, opts_recursive) },
	{ "thaw", cmd_thaw, 1, -1, 0, CAPS_WRITE, "[OPTIONS] GROUP...", "let the tasks run again",
	  OPTS(opts_timeout, opts_recursive) },
	{ "kill", cmd_kill, 1, -1, CMD_RAW_ARGS, CAPS_WRITE | CAP(KILL),
	  "[-SIGNAL] [OPTIONS] GROUP...",
	  "kill everything in the groups and below, and wait until it is gone",
	  OPTS(opts_timeout) },
	{ "wait", cmd_wait, 1, -1, 0, CAPS_READ | CAP(SYSLOG), "[OPTIONS] GROUP...",
	  "wait until the groups have no process", OPTS(opts_timeout) },
	{ "events", cmd_events, 1, -1, 0, CAPS_WRITE | CAPS_READ | CAP(SYS_RESOURCE),
	  "[OPTIONS] GROUP...", "what happens to the groups, as it happens",
	  OPTS(opts_events, opts_timeout) },
	/* Writing: a recording goes where its user says. */
	{ "trace start", cmd_trace_start, 2, -1, 0, CAPS_WRITE | CAPS_TRACE,
	  "[OPTIONS] NAME freeze|oom|deny|lifecycle[,...] [GROUP...]",
	  "record what trace tells, in the background", OPTS(opts_trace) },
	{ "trace stop", cmd_trace_stop, 1, 1, 0, 0, "[--timeout DURATION] NAME",
	  "end a recording in the background, and say what is in it", OPTS(opts_timeout) },
	{ "trace list", cmd_trace_list, 0, 0, 0, 0, "", "the recordings in the background", NULL },
	{ "trace", cmd_trace, 1, -1, 0, CAPS_WRITE | CAPS_TRACE,
	  "[OPTIONS] freeze|oom|deny|lifecycle[,...] [GROUP...]",
	  "who does what to groups, and why, told by the kernel as it happens", OPTS(opts_trace) },
	{ "replay", cmd_replay, 1, 1, 0, CAPS_READ, "[OPTIONS] FILE",
	  "print a recording as trace printed it", OPTS(opts_replay) },
	{ "explain freeze", cmd_explain_freeze, 1, 1, 0, CAPS_TRACE, "GROUP",
	  "is the group frozen, who asked for it, and which tasks are in the way", NULL },
	{ "explain oom", cmd_explain_oom, 1, 1, 0, CAPS_READ | CAP(SYSLOG), "GROUP",
	  "who was killed for want of memory, whose limit it was, what to raise", NULL },
	{ "delete", cmd_delete, 1, -1, 0, CAPS_WRITE | CAP(KILL), "[OPTIONS] GROUP...",
	  "remove groups", OPTS(opts_delete, opts_timeout, opts_recursive) },
	{ "delegate", cmd_delegate, 2, 2, 0, CAPS_WRITE | CAP(CHOWN), "GROUP USER[:GROUP]",
	  "hand a group to a user, to make and fill groups below it", NULL },
	{ "devices show", cmd_devices_show, 1, 1, 0, CAPS_READ | CAPS_BPF, "GROUP",
	  "the device policy of a group, read back from the kernel", NULL },
	{ "devices set", cmd_devices_set, 1, 1, 0, CAPS_WRITE | CAPS_BPF,
	  "GROUP [--devices LIST|--policy FILE] [--oci FILE] [-d RULE]...",
	  "give a group a device policy, or replace it atomically",
	  OPTS(opts_devices, opts_policy, opts_fast, opts_devices_set) },
	{ "devices allow", cmd_devices_allow, 2, -1, 0, CAPS_WRITE | CAPS_BPF, "GROUP RULE...",
	  "extend the policy of a group", NULL },
	{ "devices deny", cmd_devices_deny, 2, -1, 0, CAPS_WRITE | CAPS_BPF, "GROUP RULE...",
	  "take devices out of the policy of a group", NULL },
	{ "devices clear", cmd_devices_clear, 1, 1, 0, CAPS_WRITE | CAPS_BPF, "GROUP",
	  "take the policy away: cgward restricts nothing any more", NULL },
	{ "devices learn", cmd_devices_learn, 1, -1, CMD_EXEC | CMD_LATE_ARGS,
	  CAPS_WRITE | CAPS_READ | CAPS_BPF | CAP(PERFMON) | CAP(KILL),
	  "GROUP [OPTIONS] [-- CMD [ARG...]]",
	  "the smallest policy for the devices that a group, or CMD in it, really uses", OPTS(opts_learn) },
	{ "devices check", cmd_devices_check, 1, 4, 0, CAPS_READ | CAPS_BPF,
	  "GROUP|--policy FILE|--oci FILE|--devices LIST  TYPE MAJ:MIN ACCESS|-",
	  "the verdict on a device and the rule that gives it, live or of a file",
	  OPTS(opts_check, opts_devices) },
	{ "devices compile", cmd_devices_compile, 0, 0, 0, 0,
	  "--policy FILE|--devices LIST [--oci FILE] [-d RULE]...",
	  "the decision table of a rule list", OPTS(opts_policy, opts_devices) },
	{ "scope start", cmd_scope_start, 1, -1, CMD_EXEC | CMD_LATE_ARGS,
	  CAPS_WRITE | CAPS_BPF | CAP(KILL),
	  "[OPTIONS] NAME [PID...]|NAME -- CMD [ARG...]",
	  "have systemd put processes, or CMD, into a scope of their own, or make a slice",
	  OPTS(opts_scope_start, opts_scope, opts_resources, opts_devices, opts_fast,
	       opts_timeout) },
	{ "scope show", cmd_scope_show, 1, 1, 0, CAPS_READ | CAPS_BPF, "[--user] NAME",
	  "a unit of systemd with its state, its group and its limits", OPTS(opts_scope) },
	{ "scope stop", cmd_scope_stop, 1, -1, 0, CAPS_READ, "[--user] [--timeout DURATION] NAME...",
	  "stop scopes and slices, and wait until they have ended", OPTS(opts_scope, opts_timeout) },
	{ "doctor", cmd_doctor, 0, 0, CMD_ALL_CAPS, 0, "",
	  "what works on this kernel and host, what is missing, how to get it", NULL },
	{ "unload", cmd_unload, 0, 0, 0, CAPS_WRITE | CAPS_READ | CAPS_BPF, "[--force]",
	  "remove the pinned program when no group uses it", OPTS(opts_unload) },
	{ "help", cmd_help, 0, 2, 0, 0, "[COMMAND]", "this list, or all about a command", NULL },
	{ 0 },
};

/* The row whose name is the first one or two words. ret_words: how many it took. */
const struct cmd *cmd_find(int argc, char **argv, int *ret_words)
{
	for (const struct cmd *cmd = cmd_table; cmd->name; cmd++) {
		size_t first = strcspn(cmd->name, " ");

		if (argc < 1 || strlen(argv[0]) < first || strncmp(cmd->name, argv[0], first))
			continue;
		/* "devices set" may come as two words, or as one from the help of its row. */
		if (!strcmp(cmd->name, argv[0])) {
			*ret_words = 1;
			return cmd;
		}
		if (cmd->name[first] && !argv[0][first] && argc > 1 &&
		    !strcmp(cmd->name + first + 1, argv[1])) {
			*ret_words = 2;
			return cmd;
		}
	}
	return NULL;
}

/*
 * Keep only what the command's row names. The command that run starts needs the rest
 * again: there the others are only made ineffective, and exec sets them anew.
 */
static int drop_capabilities(const struct cmd *cmd)
{
	cap_t caps = cap_get_proc();
	int err = 0;

	if (!caps)
		return -errno;
	for (cap_value_t cap = 0; cap < 64 && !err; cap++) {
		cap_flag_value_t has;

		if (cap_get_flag(caps, cap, CAP_PERMITTED, &has) < 0)
			break;
		if (has == CAP_CLEAR || cmd->caps >> cap & 1)
			continue;
		err = cap_set_flag(caps, CAP_EFFECTIVE, 1, &cap, CAP_CLEAR);
		if (!err && !(cmd->flags & CMD_EXEC))
			err = cap_set_flag(caps, CAP_PERMITTED, 1, &cap, CAP_CLEAR);
	}
	if (!err)
		err = cap_set_proc(caps);
	err = err ? -errno : 0;
	cap_free(caps);
	return err;
}

static void print_log(enum cgw_log_level level, const char *message, void *arg)
{
	const struct cmd_ctx *x = arg;

	if (level == CGW_LOG_WARNING && x->verbosity >= 0)
		fprintf(stderr, "cgward: warning: %s\n", message);
	else if (x->verbosity > 0)
		fprintf(stderr, "cgward: %s\n", message);
}

enum { OPT_ROOT = 512, OPT_VERSION };

static const struct option global_options[] = {
	{ "json", no_argument, NULL, OPT_JSON },
	{ "cgroup-root", required_argument, NULL, OPT_ROOT },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, 'h' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },
	{ 0 },
};

/* Return: -1 to go on, or the exit status. */
static int read_globals(struct cmd_ctx *x, int argc, char **argv)
{
	int opt, err;

	for (;;) {
		const char *word = argv[optind < argc ? optind : argc - 1];

		opt = getopt_long(argc, argv, "+:hvq", global_options, NULL);
		switch (opt) {
		case -1:
			return -1;
		case OPT_JSON:
			x->json = true;
			break;
		case OPT_ROOT:
			err = cgw_set_cgroup_root(x->c, optarg);
			if (err)
				return cmd_fail(x, err);
			break;
		case OPT_VERSION:
			fprintf(x->out.f, "cgward %s %s\n", cgw_version(), cgw_features());
			return 0;
		case 'h':
			return cmd_help(x, 0, NULL);
		case 'v':
			x->verbosity++;
			break;
		case 'q':
			x->verbosity--;
			break;
		case ':':
			return cmd_usage(x, "option '%s' needs a value", word);
		default:
			return cmd_usage(x, "unknown option '%s'", word);
		}
	}
}

static int dispatch(struct cmd_ctx *x, int argc, char **argv)
{
	int status, words, err;

	status = read_globals(x, argc, argv);
	if (status >= 0)
		return status;
	argc -= optind;
	argv += optind;
	if (!argc) {
		cmd_help(x, 0, NULL);
		return EXIT_USAGE;
	}
	x->cmd = cmd_find(argc, argv, &words);
	if (!x->cmd) {
		if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
			return cmd_help(x, 1, argv);
		return cmd_unknown(x, argc, argv);
	}
	if (!(x->cmd->flags & CMD_ALL_CAPS)) {
		err = drop_capabilities(x->cmd);
		if (err)
			return cmd_error(x, EXIT_REFUSED, strerrorname_np(-err), NULL,
					 "cannot drop capabilities: %s", strerror(-err));
	}
	/* The last word of its name stands for the program's, as getopt wants it. */
	argc -= words - 1;
	argv += words - 1;
	optind = 0; /* begin anew: it must forget the order of the global options too */
	status = x->cmd->fn(x, argc, argv);
	return status == CMD_DONE ? 0 : status;
}

int main(int argc, char **argv)
{
	struct cmd_ctx x = { .out = { .f = stdout } };
	const char *dash = strrchr(argv[0], '/');
	int status;

	dash = strchr(dash ? dash : argv[0], '-');
	if (cgw_new(&x.c)) {
		fputs("cgward: out of memory\n", stderr);
		return EXIT_REFUSED;
	}
	cgw_set_log(x.c, print_log, &x);
	/* cgward-ps is cgward ps: the name after the dash is the first word. */
	if (dash && dash[1]) {
		char **words = calloc((size_t)argc + 2, sizeof(*words));

		if (!words)
			return EXIT_REFUSED;
		words[0] = argv[0];
		words[1] = (char *)dash + 1;
		memcpy(words + 2, argv + 1, (size_t)argc * sizeof(*words));
		status = dispatch(&x, argc + 1, words);
		free(words);
	} else {
		status = dispatch(&x, argc, argv);
	}
	cgw_free(x.c);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "cgward: cannot write the output: %s\n", strerror(errno));
		return status ? status : EXIT_REFUSED;
	}
	return status;
}

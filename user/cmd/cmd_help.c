// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* help: everything it says comes from the table. */
#include "cmd.h"

static void print_option(FILE *f, const struct cmd_opt *opt)
{
	char left[64];
	int n = 0;

	if (opt->value < 256)
		n = snprintf(left, sizeof(left), "-%c, ", opt->value);
	n += snprintf(left + n, sizeof(left) - (size_t)n, "--%s", opt->name);
	if (opt->arg)
		snprintf(left + n, sizeof(left) - (size_t)n, " %s", opt->arg);
	fprintf(f, "  %-25s %s\n", left, opt->help);
}

static void print_command(FILE *f, const struct cmd *cmd)
{
	fprintf(f, "usage: cgward %s%s%s\n\n%s\n", cmd->name, cmd->args[0] ? " " : "", cmd->args,
		cmd->help);
	if (cmd->opts)
		fputs("\noptions:\n", f);
	for (const struct cmd_opt *const *list = cmd->opts; list && *list; list++)
		for (const struct cmd_opt *opt = *list; opt->name; opt++)
			print_option(f, opt);
}

static void print_all(FILE *f)
{
	fputs("usage: cgward [--json] [--cgroup-root DIR] [-v|-q] COMMAND [OPTIONS] GROUP [ARGS]\n\n"
	      "GROUP is a path as in the third field of /proc/PID/cgroup, pid:N for the group of a\n"
	      "process, or . for the caller's own.\n\ncommands:\n", f);
	for (const struct cmd *cmd = cmd_table; cmd->name; cmd++)
		fprintf(f, "  %-15s %s\n", cmd->name, cmd->help);
	fputs("\ncgward help COMMAND tells all about one; cgward --version lists the features built in.\n"
	      "Exit status: 0 done, 1 refused by the system, 2 wrong usage; run gives that of CMD.\n", f);
}

/* For the shell completion: a line a command, its name, then its options. */
static void print_names(FILE *f)
{
	for (const struct cmd *cmd = cmd_table; cmd->name; cmd++) {
		fprintf(f, "%s\t--help", cmd->name);
		for (const struct cmd_opt *const *list = cmd->opts; list && *list; list++)
			for (const struct cmd_opt *opt = *list; opt->name; opt++)
				fprintf(f, " --%s%s", opt->name, opt->arg ? "=" : "");
		fputc('\n', f);
	}
}

/* Given the words of a command's name; "devices" alone shows all of its rows. */
int cmd_help(struct cmd_ctx *x, int argc, char **argv)
{
	const struct cmd *cmd;
	bool found = false;
	int words;

	/* From the table the first word is "help" itself, from --help it is the name. */
	if (argc > 0 && !strcmp(argv[0], "help")) {
		argc--;
		argv++;
	}
	if (argc < 1) {
		print_all(x->out.f);
		return 0;
	}
	if (!strcmp(argv[0], "--names")) {
		print_names(x->out.f);
		return 0;
	}
	cmd = cmd_find(argc, argv, &words);
	if (cmd) {
		print_command(x->out.f, cmd);
		return 0;
	}
	for (cmd = cmd_table; cmd->name; cmd++) {
		size_t n = strlen(argv[0]);

		if (argc > 1 || strncmp(cmd->name, argv[0], n) || cmd->name[n] != ' ')
			continue;
		if (found)
			fputs("\n\n", x->out.f);
		print_command(x->out.f, cmd);
		found = true;
	}
	return found ? 0 : cmd_unknown(x, argc, argv);
}

/* No row has this name: are there some that begin with its first word? */
int cmd_unknown(struct cmd_ctx *x, int argc, char **argv)
{
	char second[160] = "";
	size_t n = strlen(argv[0]), len = 0;

	for (const struct cmd *cmd = cmd_table; cmd->name; cmd++)
		if (!strncmp(cmd->name, argv[0], n) && cmd->name[n] == ' ')
			len += (size_t)snprintf(second + len, sizeof(second) - len, "%s%s", len ? ", " : "",
						cmd->name + n + 1);
	x->cmd = NULL;
	if (!len)
		return cmd_usage(x, "unknown command '%s'", argv[0]);
	if (argc < 2)
		return cmd_usage(x, "'%s' is one of: %s", argv[0], second);
	return cmd_usage(x, "unknown command '%s %s': there are %s", argv[0], argv[1], second);
}

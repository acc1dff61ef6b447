// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Parsing the words of a command line: options, groups, durations, pids. */
#include <ctype.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>

#include "cmd.h"

const struct cmd_opt opts_timeout[] = {
	{ "timeout", OPT_TIMEOUT, "DURATION", "how long to wait: 3s, 500ms, 2m, or none for no limit" },
	{ 0 },
};

const struct cmd_opt opts_recursive[] = {
	{ "recursive", OPT_RECURSIVE, NULL, "each group below too" },
	{ 0 },
};

const struct cmd_opt opts_resources[] = {
	{ "set", 's', "FILE=VALUE", "set a control file, as memory.max=512M or cpu.max=50%; repeatable" },
	{ "oci", OPT_OCI_ALL, "FILE", "the limits and the devices of a config.json" },
	{ 0 },
};

const struct cmd_opt opts_devices[] = {
	{ "devices", OPT_DEVICES, "LIST", "begin the device policy with oci, runc, basic, none, all, hypervisor or a FILE" },
	{ "device", 'd', "RULE", "add '[allow|deny] a|b|c [MAJ:MIN] [rwm]' or PATH[:rwm]; repeatable" },
	{ "semantics", OPT_SEMANTICS, "NAME", "how rules are read: ordered (the last match decides, bit by bit), runc, containerd" },
	{ 0 },
};

const struct cmd_opt opts_fast[] = {
	{ "fast", OPT_FAST, NULL, "filter devices by a program of the policy's own: checks are faster, changes slower" },
	{ 0 },
};

#define MAX_OPTS 32

/* getopt_long's view of the current command's options. Return: how many. */
static size_t long_options(const struct cmd *cmd, struct option *list, char *shorts)
{
	size_t n = 0;
	char *s = shorts;

	/* Options may follow the group, but what follows CMD is CMD's. */
	if (cmd->flags & CMD_EXEC && !(cmd->flags & CMD_LATE_ARGS))
		*s++ = '+';
	*s++ = ':';
	for (const struct cmd_opt *const *o = cmd->opts; o && *o; o++)
		for (const struct cmd_opt *opt = *o; opt->name && n < MAX_OPTS - 3; opt++) {
			int takes = opt->arg ? required_argument : no_argument;

			list[n++] = (struct option){ opt->name, takes, NULL, opt->value };
			if (opt->value < 256) {
				*s++ = (char)opt->value;
				if (opt->arg)
					*s++ = ':';
			}
		}
	list[n++] = (struct option){ "help", no_argument, NULL, 'h' };
	list[n++] = (struct option){ "json", no_argument, NULL, OPT_JSON };
	*s++ = 'h';
	*s = '\0';
	list[n] = (struct option){ 0 };
	return n;
}

/*
 * The next option. Return: its value, -1 after the last, '?' when it was wrong (and told),
 * 'h' when help was given.
 */
int cmd_next_opt(struct cmd_ctx *x, int argc, char **argv)
{
	struct option list[MAX_OPTS];
	char shorts[2 * MAX_OPTS + 8];
	const char *word;
	int opt;

	long_options(x->cmd, list, shorts);
	word = argv[optind < 1 ? 1 : optind < argc ? optind : argc - 1];
	opt = getopt_long(argc, argv, shorts, list, NULL);
	switch (opt) {
	case OPT_JSON: /* a global one, but people type it last */
		x->json = true;
		return cmd_next_opt(x, argc, argv);
	case 'h':
		cmd_help(x, 1, (char *[]){ (char *)x->cmd->name, NULL });
		return 'h';
	case ':':
		cmd_usage(x, "option '%s' needs a value", word);
		return '?';
	case '?':
		cmd_usage(x, "unknown option '%s'", word);
		return '?';
	default:
		return opt;
	}
}

/*
 * For commands with CMD_LATE_ARGS, before their options are read: how many words are behind the
 * "--" that ends the options? 0 also where there is none.
 */
int cmd_count_behind(struct cmd_ctx *x, int argc, char **argv)
{
	struct option list[MAX_OPTS];
	char shorts[2 * MAX_OPTS + 9] = "-"; /* words come in their order, nothing is moved */
	const char *value = NULL;
	int n = 0;

	long_options(x->cmd, list, shorts + 1);
	optind = 0;
	while (getopt_long(argc, argv, shorts, list, NULL) != -1)
		value = optarg;
	/* the last option's value may look like it */
	if (optind > 1 && !strcmp(argv[optind - 1], "--") && argv[optind - 1] != value)
		n = argc - optind;
	optind = 0;
	return n;
}

/* After the options: is the number of words right? */
int cmd_check_args(struct cmd_ctx *x, int argc)
{
	int n = argc - optind;

	if (n < x->cmd->min_args)
		return cmd_usage(x, "too few arguments");
	if (x->cmd->max_args >= 0 && n > x->cmd->max_args)
		return cmd_usage(x, "too many arguments");
	return 0;
}

/* Digits only, 0 < n < 2^22 as pids are; 0 when it is no pid. */
static pid_t parse_pid(const char *word)
{
	char *end;
	long n;

	if (!isdigit((unsigned char)word[0]))
		return 0;
	errno = 0;
	n = strtol(word, &end, 10);
	return *end || errno || n < 1 || n > INT32_MAX ? 0 : (pid_t)n;
}

int cmd_pid(struct cmd_ctx *x, const char *word, pid_t *ret_pid)
{
	*ret_pid = parse_pid(word);
	return *ret_pid ? 0 : cmd_usage(x, "'%s' is not a pid", word);
}

/* The number of a user or of a user group, and all of the word. */
static bool parse_id(const char *word, unsigned int *ret_id)
{
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)word[0]))
		return false;
	errno = 0;
	n = strtoul(word, &end, 10);
	*ret_id = (unsigned int)n;
	return !*end && !errno && n < UINT32_MAX;
}

/* Return: 0 or an exit status. */
int cmd_user(struct cmd_ctx *x, const char *word, struct cmd_user *user)
{
	_cleanup_free_ char *name = strdup(word);
	const struct passwd *pw;
	const struct group *gr;
	char *group;

	memset(user, 0, sizeof(*user));
	if (!name)
		return cmd_error(x, EXIT_REFUSED, "ENOMEM", NULL, "out of memory");
	group = strchr(name, ':');
	if (group)
		*group++ = '\0';
	pw = getpwnam(name);
	if (!pw && parse_id(name, &user->uid)) {
		pw = getpwuid(user->uid);
		user->gid = user->uid;
	} else if (!pw) {
		return cmd_usage(x, "no user '%s'", name);
	}
	if (pw) {
		snprintf(user->name, sizeof(user->name), "%s", pw->pw_name);
		user->uid = pw->pw_uid;
		user->gid = pw->pw_gid;
	}
	user->has_group = group != NULL;
	gr = group ? getgrnam(group) : NULL;
	if (gr)
		user->gid = gr->gr_gid;
	else if (group && !parse_id(group, &user->gid))
		return cmd_usage(x, "no user group '%s'", group);
	return 0;
}

/*
 * GROUP: a path, pid:N for the group of a process, "." for the caller's own.
 * Return: 0, or an exit status, the failure told.
 */
int cmd_group(struct cmd_ctx *x, const char *word, struct cgw_group **ret_g)
{
	_cleanup_free_ char *path = NULL;
	int err;

	if (!strcmp(word, ".") || !strncmp(word, "pid:", 4)) {
		pid_t pid = word[0] == '.' ? 0 : parse_pid(word + 4);

		if (!pid && word[0] == 'p')
			return cmd_usage(x, "'%s' is not pid:NUMBER", word);
		err = cgw_pid_group_path(x->c, pid, &path);
		if (err)
			return cmd_fail(x, err);
	}
	err = cgw_group_open(x->c, path ? path : word, ret_g);
	return err ? cmd_fail(x, err) : 0;
}

/* "3s", "500ms", "2m", "1h", a bare number of seconds, or "none" = no limit = -1. */
int cmd_duration(struct cmd_ctx *x, const char *text, int *ret_ms)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "", 1000 }, { "m", 60000 }, { "h", 3600000 } };
	size_t digits = strspn(text, "0123456789.");
	char *end;
	double n;

	if (!strcmp(text, "none")) {
		*ret_ms = -1;
		return 0;
	}
	n = isdigit((unsigned char)text[0]) ? strtod(text, &end) : -1;
	for (size_t i = 0; n >= 0 && end == text + digits && i < ARRAY_SIZE(units); i++)
		if (!strcmp(end, units[i].unit) && n * units[i].ms <= INT32_MAX) {
			*ret_ms = (int)(n * units[i].ms + 0.5);
			return 0;
		}
	return cmd_usage(x, "'%s' is not a duration such as 3s or 500ms, up to 24 days", text);
}

/* SIGINT and SIGTERM are read from it from now on; -1 with errno. */
int cmd_signal_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int64_t cmd_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t cmd_now_ms(void)
{
	return cmd_now_ns() / 1000000;
}

/* Commands without options of their own, then their words. */
int cmd_no_opts(struct cmd_ctx *x, int argc, char **argv)
{
	bool given;

	return cmd_one_opt(x, argc, argv, &given);
}

/* Commands whose only option is a switch. */
int cmd_one_opt(struct cmd_ctx *x, int argc, char **argv, bool *ret_given)
{
	int opt;

	*ret_given = false;
	while ((opt = cmd_next_opt(x, argc, argv)) != -1) {
		if (opt == 'h' || opt == '?')
			return opt == 'h' ? CMD_DONE : EXIT_USAGE;
		*ret_given = true;
	}
	return cmd_check_args(x, argc);
}

void cmd_targets_free(struct cmd_targets *t)
{
	for (int i = 0; t->groups && i < t->n; i++)
		cgw_group_close(t->groups[i]);
	free(t->groups);
}

static int read_target_opts(struct cmd_ctx *x, int argc, char **argv, struct cmd_targets *t)
{
	int opt, status = 0;

	while (!status && (opt = cmd_next_opt(x, argc, argv)) != -1) {
		switch (opt) {
		case 'h':
			return CMD_DONE;
		case '?':
			return EXIT_USAGE;
		case OPT_RECURSIVE:
			t->recursive = true;
			break;
		case OPT_KILL:
			t->kill = true;
			break;
		default:
			t->has_timeout = true;
			status = cmd_duration(x, optarg, &t->timeout_ms);
		}
	}
	return status ? status : cmd_check_args(x, argc);
}

/* The words that are left are GROUP...: all of them are opened, or none. */
int cmd_open_targets(struct cmd_ctx *x, int argc, char **argv, struct cmd_targets *t)
{
	int status = 0;

	t->groups = calloc((size_t)(argc - optind), sizeof(*t->groups));
	if (!t->groups)
		return cmd_error(x, EXIT_REFUSED, "ENOMEM", NULL, "out of memory");
	for (int i = optind; i < argc && !status; i++) {
		status = cmd_group(x, argv[i], &t->groups[t->n]);
		t->n += !status;
	}
	return status;
}

/* Options, then GROUP...; timeout_ms holds the default. */
int cmd_read_targets(struct cmd_ctx *x, int argc, char **argv, struct cmd_targets *t)
{
	int status = read_target_opts(x, argc, argv, t);

	return status ? status : cmd_open_targets(x, argc, argv, t);
}

/* --devices: a list by name, else a file; a list's name wins over a file called the same. */
static int add_devices(struct cgw_rules *rules, const char *name)
{
	int err = cgw_rules_add_list(rules, name);

	if (err == -ENOENT && (strchr(name, '/') || !strcmp(name, "-") || !access(name, F_OK)))
		err = cgw_rules_add_file(rules, name);
	return err;
}

static int keep_arg(struct cmd_ctx *x, const char ***args, size_t *n, const char *arg)
{
	const char **more = realloc(*args, (*n + 1) * sizeof(*more));

	if (!more)
		return cmd_error(x, EXIT_REFUSED, "ENOMEM", NULL, "out of memory");
	*args = more;
	more[(*n)++] = arg;
	return 0;
}

/* Take one of opts_resources or opts_devices. Return: 0 or an exit status. */
int cmd_setup_opt(struct cmd_ctx *x, struct cmd_setup *s, int opt, const char *arg)
{
	switch (opt) {
	case 's':
		return keep_arg(x, &s->set_args, &s->n_set_args, arg);
	case OPT_DEVICES:
	case OPT_POLICY:
		if (s->list)
			return cmd_usage(x, "a device policy begins with one list: '%s' and '%s'", s->list,
					 arg);
		s->list = arg;
		s->is_file = opt == OPT_POLICY;
		return 0;
	case OPT_OCI:
	case OPT_OCI_ALL:
		if (s->oci)
			return cmd_usage(x, "--oci is given twice: '%s' and '%s'", s->oci, arg);
		s->oci = arg;
		s->oci_limits = opt == OPT_OCI_ALL;
		return 0;
	case OPT_REPLACE_FOREIGN:
		s->replace_foreign = true;
		return 0;
	case OPT_FAST:
		s->fast = true;
		return 0;
	case 'd':
		return keep_arg(x, &s->rule_args, &s->n_rule_args, arg);
	case OPT_SEMANTICS:
		if (cgw_semantics_parse(arg, &s->semantics))
			return cmd_usage(x, "unknown semantics '%s': there are ordered, runc, containerd",
					 arg);
		return 0;
	default:
		return cmd_usage(x, "unexpected option");
	}
}

/* Commands that take no options but these; then their words are counted. */
int cmd_setup_read(struct cmd_ctx *x, struct cmd_setup *s, int argc, char **argv)
{
	int opt, status;

	while ((opt = cmd_next_opt(x, argc, argv)) != -1) {
		if (opt == 'h' || opt == '?')
			return opt == 'h' ? CMD_DONE : EXIT_USAGE;
		status = cmd_setup_opt(x, s, opt, optarg);
		if (status)
			return status;
	}
	status = cmd_check_args(x, argc);
	return status ? status : cmd_setup_finish(x, s);
}

/* A whole file, or standard input for "-". Return: 0 or an exit status. */
static int read_file(struct cmd_ctx *x, const char *path, char **ret_text, size_t *ret_len)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	size_t room = 0;
	int err = 0;

	if (!f)
		return cmd_error(x, EXIT_REFUSED, strerrorname_np(errno), NULL, "cannot open '%s': %s", path,
				 strerror(errno));
	*ret_len = 0;
	for (;;) {
		char *more = realloc(*ret_text, room = room ? room * 2 : 65536);

		if (!more) {
			err = ENOMEM;
			break;
		}
		*ret_text = more;
		*ret_len += fread(more + *ret_len, 1, room - *ret_len, f);
		if (*ret_len < room)
			break;
	}
	if (!err && ferror(f))
		err = errno;
	if (f != stdin)
		fclose(f);
	return err ? cmd_error(x, EXIT_REFUSED, strerrorname_np(err), NULL, "cannot read '%s': %s", path,
			       strerror(err)) :
		     0;
}

/*
 * A config.json: its limits, where they are wanted, and its devices with what runtimes add to
 * them. Without any, a command that wants limits leaves devices alone.
 */
static int add_oci(struct cmd_ctx *x, struct cmd_setup *s, bool *ret_devices)
{
	const char *name = strcmp(s->oci, "-") ? s->oci : "stdin";
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int err, status = read_file(x, s->oci, &text, &len);

	if (status)
		return status;
	err = s->oci_limits ? cgw_resources_add_oci(s->resources, name, text, len) : 0;
	if (err)
		return cmd_fail(x, err);
	err = cgw_rules_add_oci(s->rules, name, text, len);
	*ret_devices = err != -ENODATA || !s->oci_limits || s->list || s->n_rule_args;
	if (err == -ENODATA)
		err = 0;
	if (!err && s->semantics != CGW_SEMANTICS_RUNC)
		err = cgw_rules_add_defaults(s->rules, s->semantics);
	return err ? cmd_fail(x, err) : 0;
}

/*
 * All options are read: the list comes first (oci where only -d is given), then --oci, then
 * each -d; what runc adds to a config.json it adds last.
 */
static int finish_devices(struct cmd_ctx *x, struct cmd_setup *s)
{
	const char *list = s->list ? s->list : s->oci ? NULL : "oci";
	bool devices = s->list || s->n_rule_args;
	int err, status;

	if (!devices && !s->oci)
		return 0;
	err = cgw_rules_new(x->c, &s->rules);
	if (!err && list)
		err = s->is_file ? cgw_rules_add_file(s->rules, list) : add_devices(s->rules, list);
	if (!err && s->oci) {
		status = add_oci(x, s, &devices);
		if (status)
			return status;
	}
	for (size_t i = 0; i < s->n_rule_args && !err; i++)
		err = cgw_rules_add(s->rules, s->rule_args[i]);
	if (!err && s->oci && s->semantics == CGW_SEMANTICS_RUNC)
		err = cgw_rules_add_defaults(s->rules, s->semantics);
	if (!err && devices)
		err = cgw_policy_compile(s->rules, s->semantics, &s->policy);
	return err ? cmd_fail(x, err) : 0;
}

/* Values of -s come after those of --oci, and take their place. */
int cmd_setup_finish(struct cmd_ctx *x, struct cmd_setup *s)
{
	int status, err = 0;

	if (s->n_set_args || s->oci_limits)
		err = cgw_resources_new(x->c, &s->resources);
	if (err)
		return cmd_fail(x, err);
	status = finish_devices(x, s);
	if (!status && s->fast && !s->policy)
		status = cmd_usage(x, "--fast is about a device policy, and none is given");
	if (!status && s->policy)
		cgw_policy_set_own(s->policy, s->fast);
	for (size_t i = 0; i < s->n_set_args && !status; i++) {
		err = cgw_resources_add(s->resources, s->set_args[i]);
		status = err ? cmd_fail(x, err) : 0;
	}
	return status;
}

/* Commands that need something of it, for the one group they take. */
int cmd_setup_target(struct cmd_ctx *x, struct cmd_setup *s, int argc, char **argv,
		     struct cgw_group **ret_g)
{
	int status = cmd_check_args(x, argc);

	if (!status)
		status = cmd_setup_finish(x, s);
	if (!status && !s->resources && !s->policy)
		status = cmd_usage(x, "nothing is given to %s: -s, --oci, --devices or -d", x->cmd->name);
	return status ? status : cmd_group(x, argv[optind], ret_g);
}

void cmd_setup_free(struct cmd_setup *s)
{
	cgw_resources_free(s->resources);
	cgw_rules_free(s->rules);
	cgw_policy_free(s->policy);
	free(s->rule_args);
	free(s->set_args);
}

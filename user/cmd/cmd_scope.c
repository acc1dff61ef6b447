// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* scope: transient scopes and slices of systemd. */
#include <getopt.h>

#include "cmd.h"

const struct cmd_opt opts_scope[] = {
	{ "user", OPT_USER_MANAGER, NULL, "ask your user manager, not the system's" },
	{ 0 },
};

const struct cmd_opt opts_scope_start[] = {
	{ "slice", OPT_SLICE, "SLICE", "put the scope into this slice, as web.slice (default system.slice)" },
	{ "description", OPT_DESCRIPTION, "TEXT", "what systemctl shows" },
	{ "delegate", OPT_DELEGATE, NULL, "systemd leaves what is below the group alone" },
	{ 0 },
};

/* What the three commands take. */
struct scope {
	struct cmd_ctx *x;
	struct cmd_setup setup;
	struct cgw_unit_opts opts;
	char *slice; /* of a triple */
	char *name;
	pid_t *pids;
};

static void free_scope(struct scope *s)
{
	cmd_setup_free(&s->setup);
	free(s->slice);
	free(s->name);
	free(s->pids);
}

static int read_timeout(struct scope *s, const char *text)
{
	int status = cmd_duration(s->x, text, &s->opts.timeout_ms);

	if (!status && !s->opts.timeout_ms)
		status = cmd_usage(s->x, "--timeout '%s': systemd takes some time", text);
	return status;
}

static int read_options(struct scope *s, int argc, char **argv)
{
	struct cmd_ctx *x = s->x;
	int opt, status = 0;

	while (!status && (opt = cmd_next_opt(x, argc, argv)) != -1) {
		switch (opt) {
		case 'h':
			return CMD_DONE;
		case '?':
			return x->cmd->flags & CMD_EXEC ? EXIT_OWN : EXIT_USAGE;
		case OPT_SLICE:
			s->opts.slice = optarg;
			break;
		case OPT_DESCRIPTION:
			s->opts.description = optarg;
			break;
		case OPT_DELEGATE:
			s->opts.delegate = true;
			break;
		case OPT_USER_MANAGER:
			s->opts.user = true;
			break;
		case OPT_TIMEOUT:
			status = read_timeout(s, optarg);
			break;
		default:
			status = cmd_setup_opt(x, &s->setup, opt, optarg);
		}
	}
	return status ? status : cmd_check_args(x, argc);
}

static bool has_unit_suffix(const char *word)
{
	static const char *const suffixes[] = { ".scope", ".slice",  ".service",
						".mount", ".socket", ".swap" };
	const char *dot = strrchr(word, '.');

	for (size_t i = 0; dot && i < ARRAY_SIZE(suffixes); i++)
		if (!strcmp(dot, suffixes[i]))
			return true;
	return false;
}

/*
 * Units may have colons in their names, too: what begins with a slice is a triple however it ends,
 * what ends as a unit and begins with none is one.
 */
static bool is_triple(const char *word)
{
	static const char slice[] = ".slice:";
	const char *colon = strchr(word, ':');
	size_t n = colon ? (size_t)(colon + 1 - word) : 0, len = sizeof(slice) - 1;

	return n && ((n >= len && !strncmp(word + n - len, slice, len)) || !has_unit_suffix(word));
}

/* NAME: a unit, a scope without its suffix, or SLICE:PREFIX:NAME. */
static int read_name(struct scope *s, const char *word)
{
	int err = 0;

	free(s->slice);
	free(s->name);
	s->slice = s->name = NULL;
	if (is_triple(word)) {
		err = cgw_unit_parse_triple(s->x->c, word, &s->slice, &s->name);
	} else if (asprintf(&s->name, "%s%s", word, has_unit_suffix(word) ? "" : ".scope") < 0) {
		s->name = NULL;
		return cmd_error(s->x, EXIT_REFUSED, "ENOMEM", NULL, "out of memory");
	}
	if (err)
		return cmd_fail(s->x, err);
	if (s->slice && s->opts.slice)
		return cmd_usage(s->x, "the slice is given twice: '%s' and '%s'", s->slice, s->opts.slice);
	return 0;
}

/* Of a triple: is the unit in the slice that it names? slice: where it is, or NULL. */
static int check_slice(struct scope *s, const char *verb, const char *slice)
{
	const char *quote = slice ? "'" : "";

	if (!s->slice || (slice && !strcmp(slice, s->slice)))
		return 0;
	return cmd_error(s->x, EXIT_REFUSED, "ENOENT", NULL,
			 "cannot %s '%s': it is in %s%s%s, not in '%s'", verb, s->name, quote,
			 slice ? slice : "no slice", quote, s->slice);
}

static int start_with_pids(struct scope *s, char **words, int n)
{
	_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;
	struct out *o = &s->x->out;
	int err, status = 0;

	s->pids = calloc((size_t)n + 1, sizeof(*s->pids));
	if (!s->pids)
		return cmd_error(s->x, EXIT_REFUSED, "ENOMEM", NULL, "out of memory");
	for (int i = 0; i < n && !status; i++)
		status = cmd_pid(s->x, words[i], &s->pids[i]);
	if (status)
		return status;
	s->opts.pids = s->pids;
	s->opts.n_pids = (size_t)n;
	err = cgw_unit_start(s->x->c, s->name, &s->opts, &g);
	if (err)
		return cmd_fail(s->x, err);
	if (!s->x->json) {
		fprintf(o->f, "%s\n", cgw_group_path(g));
		return 0;
	}
	js_begin(o, '{');
	js_pair_string(o, "unit", s->name);
	js_pair_string(o, "path", cgw_group_path(g));
	js_pair_number(o, "id", cgw_group_id(g));
	js_end(o, '}');
	js_line(o);
	return 0;
}

int cmd_scope_start(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(free_scope) struct scope s = { .x = x, .opts = { .sz = sizeof(s.opts) } };
	int n_command = cmd_count_behind(x, argc, argv), status;
	const struct cmd *row = x->cmd;
	struct cmd cmd = *row;

	/* Without a command failures have the status of those that run none. */
	if (!n_command)
		cmd.flags &= ~(unsigned int)CMD_EXEC;
	x->cmd = &cmd;
	status = read_options(&s, argc, argv);
	if (!status)
		status = read_name(&s, argv[optind]);
	if (!status)
		status = cmd_setup_finish(x, &s.setup);
	if (!status && n_command && argc - optind != n_command + 1)
		status = cmd_usage(x, "before -- there is one NAME");
	if (!status) {
		if (s.slice)
			s.opts.slice = s.slice;
		s.opts.resources = s.setup.resources;
		s.opts.devices = s.setup.policy;
		status = n_command ? cmd_run_scope(x, s.name, &s.opts, argv + optind + 1) :
				     start_with_pids(&s, argv + optind + 1, argc - optind - 1);
	}
	x->cmd = row;
	return status;
}

/* What systemd says, kept to be printed in another order than it is asked. */
struct shown {
	char *names[32];
	char *values[32];
	size_t n;
};

static void free_shown(struct shown *shown)
{
	for (size_t i = 0; i < shown->n; i++) {
		free(shown->names[i]);
		free(shown->values[i]);
	}
}

static int keep_property(const char *property, const char *value, void *arg)
{
	struct shown *shown = arg;

	if (shown->n == ARRAY_SIZE(shown->names))
		return 0;
	shown->names[shown->n] = strdup(property);
	shown->values[shown->n] = strdup(value);
	shown->n++;
	return shown->names[shown->n - 1] && shown->values[shown->n - 1] ? 0 : -ENOMEM;
}

static const char *value_of(const struct shown *shown, const char *property)
{
	for (size_t i = 0; i < shown->n; i++)
		if (!strcmp(shown->names[i], property))
			return shown->values[i];
	return NULL;
}

/* Those that have a line or a key of their own. */
static bool is_state(const char *property)
{
	static const char *const states[] = { "Id",	  "Description", "LoadState", "ActiveState",
					      "SubState", "Slice",	 "ControlGroup" };

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (!strcmp(property, states[i]))
			return true;
	return false;
}

/* A limit that is none, as systemd writes that. */
static bool is_unset(const char *property, const char *value)
{
	if (!strcmp(property, "CPUQuotaPeriodUSec") || !strcmp(value, "infinity"))
		return !strcmp(value, "infinity");
	return (!strcmp(property, "MemoryMin") || !strcmp(property, "MemoryLow")) && !strcmp(value, "0");
}

/* Lists of one number would be numbers, those of two strings. */
static void print_property_json(struct out *o, const char *property, const char *value)
{
	js_key(o, property);
	if (!strcmp(value, "yes") || !strcmp(value, "no"))
		js_bool(o, value[0] == 'y');
	else if (!strcmp(property, "AllowedCPUs") || !strcmp(property, "AllowedMemoryNodes"))
		js_string(o, value);
	else
		js_word(o, value);
}

static void print_unit_json(struct out *o, const struct shown *u, const struct cgw_procs *procs,
			    const char *owner)
{
	js_begin(o, '{');
	js_pair_string(o, "unit", value_of(u, "Id"));
	js_pair_string(o, "description", value_of(u, "Description"));
	js_pair_string(o, "load", value_of(u, "LoadState"));
	js_pair_string(o, "state", value_of(u, "ActiveState"));
	js_pair_string(o, "sub_state", value_of(u, "SubState"));
	js_pair_string(o, "slice", value_of(u, "Slice"));
	js_pair_string(o, "path", value_of(u, "ControlGroup"));
	js_key(o, "procs");
	js_begin(o, '[');
	for (size_t i = 0; i < procs->n; i++)
		js_number(o, (uint64_t)procs->pids[i]);
	js_end(o, ']');
	js_key(o, "properties");
	js_begin(o, '{');
	for (size_t i = 0; i < u->n; i++) {
		if (is_state(u->names[i]) || is_unset(u->names[i], u->values[i]))
			continue;
		print_property_json(o, u->names[i], u->values[i]);
	}
	js_end(o, '}');
	js_pair_string(o, "devices", owner);
	js_end(o, '}');
	js_line(o);
}

static void print_unit_text(FILE *f, const struct shown *u, const struct cgw_procs *procs,
			    const char *owner)
{
	const char *slice = value_of(u, "Slice"), *path = value_of(u, "ControlGroup");

	fprintf(f, "%-20s %s\n%-20s %s\n%-20s %s (%s)\n%-20s %s\n%-20s %s\n%-20s", "unit",
		value_of(u, "Id"), "description", value_of(u, "Description"), "state",
		value_of(u, "ActiveState"), value_of(u, "SubState"), "slice", slice ? slice : "-", "path",
		path ? path : "-", "procs");
	for (size_t i = 0; i < procs->n && i < 20; i++)
		fprintf(f, " %d", procs->pids[i]);
	if (procs->n > 20)
		fprintf(f, " and %zu more", procs->n - 20);
	fprintf(f, "%s\n", procs->n ? "" : " -");
	for (size_t i = 0; i < u->n; i++)
		if (!is_state(u->names[i]) && !is_unset(u->names[i], u->values[i]))
			fprintf(f, "%-20s %s\n", u->names[i], u->values[i]);
	fprintf(f, "%-20s %s\n", "devices", owner ? owner : "-");
}

int cmd_scope_show(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(free_scope) struct scope s = { .x = x };
	_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;
	_cleanup_(cgw_procs_free) struct cgw_procs procs = { 0 };
	_cleanup_free_ struct cgw_program *programs = NULL;
	_cleanup_(free_shown) struct shown shown = { 0 };
	const char *owner = NULL;
	int status = read_options(&s, argc, argv), err, n;

	if (!status)
		status = read_name(&s, argv[optind]);
	if (status)
		return status;
	err = cgw_unit_properties(x->c, s.name, s.opts.user, keep_property, &shown);
	if (err)
		return cmd_fail(x, err);
	status = check_slice(&s, "look at", value_of(&shown, "Slice"));
	if (status)
		return status;
	/* One that does not run has no group: its state tells. */
	if (value_of(&shown, "ControlGroup")) {
		err = cgw_group_open(x->c, value_of(&shown, "ControlGroup"), &g);
		if (!err)
			err = cgw_group_procs(g, true, &procs);
		n = err ? 0 : cgw_group_device_programs(g, &programs);
		if (n < 0)
			cmd_note(x, "device programs are not shown: %s", cgw_strerror(x->c));
		owner = n > 0 ? devices_owner(programs, n) : NULL;
	}
	if (err)
		return cmd_fail(x, err);
	if (x->json)
		print_unit_json(&x->out, &shown, &procs, owner);
	else
		print_unit_text(x->out.f, &shown, &procs, owner);
	return 0;
}

static int stop_one(struct scope *s, const char *word)
{
	_cleanup_(free_shown) struct shown shown = { 0 };
	int status = read_name(s, word), err = 0;

	if (status)
		return status;
	if (s->slice) {
		err = cgw_unit_properties(s->x->c, s->name, s->opts.user, keep_property, &shown);
		if (!err)
			status = check_slice(s, "stop", value_of(&shown, "Slice"));
	}
	if (!err && !status)
		err = cgw_unit_stop(s->x->c, s->name, s->opts.user, s->opts.timeout_ms);
	return err ? cmd_fail(s->x, err) : status;
}

/* Each is tried, whatever became of the one before. */
int cmd_scope_stop(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(free_scope) struct scope s = { .x = x };
	int status = read_options(&s, argc, argv);

	if (status)
		return status;
	for (int i = optind; i < argc; i++) {
		int one = stop_one(&s, argv[i]);

		status = status > one ? status : one;
	}
	return status;
}

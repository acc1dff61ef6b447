// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* devices show, set, allow, deny, clear: the device policy of a group. */
#include <getopt.h>

#include "cmd.h"

const struct cmd_opt opts_policy[] = {
	{ "policy", OPT_POLICY, "FILE", "the rules of FILE, - for standard input" },
	{ 0 },
};

static void free_rules(struct cgw_rules **rules)
{
	cgw_rules_free(*rules);
}

static void print_rules_json(struct cmd_ctx *x, const struct cgw_rules *rules)
{
	char text[CGW_RULE_TEXT_MAX];

	js_key(&x->out, "rules");
	js_begin(&x->out, '[');
	for (size_t i = 0; i < cgw_rules_count(rules); i++)
		js_string(&x->out, cgw_rule_format(cgw_rules_at(rules, i), text));
	js_end(&x->out, ']');
}

static void print_policy_json(struct cmd_ctx *x, struct cgw_group *g, const struct cgw_devices *d,
			      const struct cgw_rules *rules)
{
	js_begin(&x->out, '{');
	js_key(&x->out, "path");
	js_string(&x->out, cgw_group_path(g));
	js_key(&x->out, "by");
	js_string(&x->out, "cgward");
	js_key(&x->out, "semantics");
	js_string(&x->out, cgw_semantics_name(d->semantics));
	js_key(&x->out, "generation");
	js_number(&x->out, d->generation);
	js_key(&x->out, "class_bytes");
	js_number(&x->out, d->class_bytes);
	print_rules_json(x, rules);
	js_end(&x->out, '}');
}

static void print_policy_text(struct cmd_ctx *x, const struct cgw_devices *d,
			      const struct cgw_rules *rules, bool alone)
{
	const char *indent = alone ? "" : "  ";
	char text[CGW_RULE_TEXT_MAX];

	fprintf(x->out.f, "%s# cgward, %s, generation %u, program %u%s\n", indent,
		cgw_semantics_name(d->semantics), d->generation, d->prog_id, d->policy ? "" : ", not written: everything is denied");
	for (size_t i = 0; i < cgw_rules_count(rules); i++)
		fprintf(x->out.f, "%s%s\n", indent, cgw_rule_format(cgw_rules_at(rules, i), text));
}

/*
 * The policy of the group as rules that give it back. Return: 0, or -errno, untold, so
 * that show can do without it.
 */
int print_devices(struct cmd_ctx *x, struct cgw_group *g, bool alone)
{
	_cleanup_(cgw_devices_free) struct cgw_devices d = { 0 };
	_cleanup_(free_rules) struct cgw_rules *rules = NULL;
	int err = cgw_group_get_devices(g, &d);

	if (!err)
		err = d.policy ? cgw_policy_rules(d.policy, &rules) : cgw_rules_new(x->c, &rules);
	if (!err && !d.policy)
		err = cgw_rules_add(rules, "deny a");
	if (!err && x->json)
		print_policy_json(x, g, &d, rules);
	else if (!err)
		print_policy_text(x, &d, rules, alone);
	return err;
}

/* Who filters devices in a group: "cgward", "systemd", "foreign", "unknown", NULL for nobody. */
const char *devices_owner(const struct cgw_program *programs, int n)
{
	const char *owner = NULL;

	for (int i = 0; i < n; i++) {
		if (programs[i].ours)
			return "cgward";
		owner = !programs[i].seen			   ? "unknown" :
			!strcmp(programs[i].name, "sd_devices") ? "systemd" :
								  "foreign";
	}
	return owner;
}

/* The group that all of these take, and their options. */
static int begin(struct cmd_ctx *x, int argc, char **argv, struct cmd_setup *setup,
		 struct cgw_group **ret_g)
{
	int status = setup ? cmd_setup_read(x, setup, argc, argv) : cmd_no_opts(x, argc, argv);

	return status ? status : cmd_group(x, argv[optind], ret_g);
}

int cmd_devices_show(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;
	_cleanup_free_ struct cgw_program *programs = NULL;
	int n, err, status = begin(x, argc, argv, NULL, &g);

	if (status)
		return status;
	err = print_devices(x, g, true);
	if (!err && x->json)
		js_line(&x->out);
	n = cgw_group_device_programs(g, &programs);
	for (int i = 0; i < n && !x->json && (!err || err == -ENOENT); i++)
		if (!programs[i].ours)
			fprintf(x->out.f, "# program %u '%s' of another owner has a say too\n",
				programs[i].id, programs[i].name);
	if (err == -ENOENT && n > 0)
		return cmd_error(x, EXIT_REFUSED, "ENOENT", NULL,
				 "'%s' has no cgward device policy, but %d program%s of others",
				 cgw_group_path(g), n, n == 1 ? "" : "s");
	return err ? cmd_fail(x, err) : 0;
}

static int print_generation(struct cmd_ctx *x, struct cgw_group *g, int generation)
{
	if (generation < 0)
		return cmd_fail(x, generation);
	if (x->json) {
		js_begin(&x->out, '{');
		js_key(&x->out, "path");
		js_string(&x->out, cgw_group_path(g));
		js_key(&x->out, "generation");
		js_number(&x->out, (uint64_t)generation);
		js_end(&x->out, '}');
		js_line(&x->out);
	}
	return 0;
}

int cmd_devices_set(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(cmd_setup_free) struct cmd_setup setup = { 0 };
	_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;
	int status = begin(x, argc, argv, &setup, &g);

	if (status)
		return status;
	if (!setup.policy)
		return cmd_usage(x, "no policy is given: --devices, -d or --policy");
	return print_generation(x, g, cgw_group_set_devices(g, setup.policy));
}

/* Add "VERB RULE"; words, NULL at the end, are RULE in one word or in several. */
static int add_rule(struct cmd_ctx *x, struct cgw_rules *rules, const char *verb, char **words)
{
	_cleanup_free_ char *text = strdup(verb);
	int err;

	for (; text && *words; words++) {
		char *longer;

		if (!strncmp(*words, "allow", 5) || !strncmp(*words, "deny", 4))
			return cmd_usage(x, "'%s': the rule comes without its verb", *words);
		longer = asprintf(&longer, "%s %s", text, *words) < 0 ? NULL : longer;
		free(text);
		text = longer;
	}
	err = text ? cgw_rules_add(rules, text) : -ENOMEM;
	return err ? cmd_fail(x, err) : 0;
}

static int extend(struct cmd_ctx *x, int argc, char **argv, const char *verb)
{
	_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;
	_cleanup_(free_rules) struct cgw_rules *rules = NULL;
	int err, status = begin(x, argc, argv, NULL, &g);
	char **words = argv + optind + 1;

	if (status)
		return status;
	err = cgw_rules_new(x->c, &rules);
	if (err)
		return cmd_fail(x, err);
	/* "c 10:229 rw" may come as three words; a rule in one word is longer than its type. */
	if (!words[0][1])
		status = add_rule(x, rules, verb, words);
	else
		for (; !status && *words; words++)
			status = add_rule(x, rules, verb, (char *[]){ *words, NULL });
	return status ? status : print_generation(x, g, cgw_group_extend_devices(g, rules));
}

int cmd_devices_allow(struct cmd_ctx *x, int argc, char **argv)
{
	return extend(x, argc, argv, "allow");
}

int cmd_devices_deny(struct cmd_ctx *x, int argc, char **argv)
{
	return extend(x, argc, argv, "deny");
}

int cmd_devices_clear(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;
	int err, status = begin(x, argc, argv, NULL, &g);

	if (status)
		return status;
	err = cgw_group_clear_devices(g);
	if (err == 0)
		cmd_note(x, "'%s' had no cgward device policy", cgw_group_path(g));
	return err < 0 ? cmd_fail(x, err) : 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* devices set, allow, deny, clear: change the device policy of a group. */
#include <getopt.h>

#include "cmd.h"

const struct cmd_opt opts_policy[] = {
	{ "policy", OPT_POLICY, "FILE", "the rules of FILE, - for standard input" },
	{ "oci", OPT_OCI, "FILE", "the rules of a config.json, with the nodes that a runtime adds" },
	{ 0 },
};

const struct cmd_opt opts_devices_set[] = {
	{ "replace-foreign", OPT_REPLACE_FOREIGN, NULL,
	  "then detach the device programs of others from the group" },
	{ 0 },
};

static void free_rules(struct cgw_rules **rules)
{
	cgw_rules_free(*rules);
}

/* The group that all of these take, and their options. */
static int begin(struct cmd_ctx *x, int argc, char **argv, struct cmd_setup *setup,
		 struct cgw_group **ret_g)
{
	int status = setup ? cmd_setup_read(x, setup, argc, argv) : cmd_no_opts(x, argc, argv);

	return status ? status : cmd_group(x, argv[optind], ret_g);
}

static int print_generation(struct cmd_ctx *x, struct cgw_group *g, int err)
{
	if (err)
		return cmd_fail(x, err);
	if (x->json) {
		js_begin(&x->out, '{');
		js_key(&x->out, "path");
		js_string(&x->out, cgw_group_path(g));
		js_key(&x->out, "generation");
		js_number(&x->out, cgw_group_generation(g));
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
		return cmd_usage(x, "no policy is given: --devices, -d, --oci or --policy");
	return print_generation(x, g, setup.replace_foreign ?
					      cgw_group_replace_foreign(g, setup.policy) :
					      cgw_group_set_devices(g, setup.policy));
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

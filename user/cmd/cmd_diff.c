// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* diff: what a group has against what it is to have, and how to mend it. */
#include <getopt.h>

#include "cmd.h"

#define EXIT_DIFFERENT 1
#define EXIT_TROUBLE 2

const struct cmd_opt opts_diff[] = {
	{ "fix", OPT_FIX, NULL, "write what differs" },
	{ 0 },
};

static void free_rules(struct cgw_rules **rules)
{
	cgw_rules_free(*rules);
}

static int print_value(const char *file, const char *have, const char *want, void *arg)
{
	struct cmd_ctx *x = arg;

	if (!x->json) {
		if (have)
			fprintf(x->out.f, "-%s=%s\n", file, have);
		fprintf(x->out.f, "+%s=%s\n", file, want);
		return 0;
	}
	js_begin(&x->out, '{');
	js_key(&x->out, "file");
	js_string(&x->out, file);
	js_key(&x->out, "have");
	if (have)
		js_string(&x->out, have);
	else
		js_null(&x->out);
	js_key(&x->out, "want");
	js_string(&x->out, want);
	js_end(&x->out, '}');
	js_line(&x->out);
	return 0;
}

/* Print the rules that only one of two lists has. Return: how many. */
static int print_rules(struct cmd_ctx *x, const struct cgw_rules *rules,
		       const struct cgw_rules *other, char sign)
{
	char one[CGW_RULE_TEXT_MAX], two[CGW_RULE_TEXT_MAX];
	int n = 0;

	for (size_t i = 0; rules && i < cgw_rules_count(rules); i++) {
		bool both = false;

		cgw_rule_format(cgw_rules_at(rules, i), one);
		for (size_t j = 0; other && j < cgw_rules_count(other) && !both; j++)
			both = !strcmp(one, cgw_rule_format(cgw_rules_at(other, j), two));
		if (both)
			continue;
		n++;
		if (!x->json)
			fprintf(x->out.f, "%cdevices: %s\n", sign, one);
	}
	return n;
}

/*
 * Canonical rules of equal tables are equal, of different ones different; but for the
 * semantics, which say what the same rules mean.
 */
static int diff_devices(struct cmd_ctx *x, struct cgw_group *g, const struct cmd_setup *setup)
{
	_cleanup_(free_rules) struct cgw_rules *have = NULL, *want = NULL;
	struct cgw_devices d = { 0 };
	int n = 0, err = cgw_group_get_devices(g, &d);
	bool none = err == -ENOENT || err == -ESTALE;

	if (err && !none)
		return err;
	/* Whose program it is makes no difference, and is not changed by --fix. */
	cgw_policy_set_own(setup->policy, d.own);
	err = cgw_policy_rules(setup->policy, &want);
	if (!err && d.policy)
		err = cgw_policy_rules(d.policy, &have);
	if (!err && (none || d.semantics != setup->semantics)) {
		n++;
		if (!x->json)
			fprintf(x->out.f, "-devices: %s\n+devices: semantics %s\n",
				none ? "no cgward policy" : cgw_semantics_name(d.semantics),
				cgw_semantics_name(setup->semantics));
	}
	if (!err) {
		n += print_rules(x, have, want, '-');
		n += print_rules(x, want, have, '+');
	}
	if (!err && n && x->json) {
		js_begin(&x->out, '{');
		js_key(&x->out, "file");
		js_string(&x->out, "devices");
		js_key(&x->out, "have");
		js_begin(&x->out, '{');
		js_rules(&x->out, have);
		js_end(&x->out, '}');
		js_key(&x->out, "want");
		js_begin(&x->out, '{');
		js_rules(&x->out, want);
		js_end(&x->out, '}');
		js_end(&x->out, '}');
		js_line(&x->out);
	}
	cgw_devices_free(&d);
	return err ? err : n;
}

static int diff(struct cmd_ctx *x, struct cgw_group *g, const struct cmd_setup *setup)
{
	int values = 0, devices = 0;

	if (setup->resources)
		values = cgw_group_diff(g, setup->resources, print_value, x);
	if (values >= 0 && setup->policy)
		devices = diff_devices(x, g, setup);
	return values < 0 ? values : devices < 0 ? devices : values + devices;
}

int cmd_diff(struct cmd_ctx *x, int argc, char **argv)
{
	struct cgw_update_opts opts = { .sz = sizeof(opts) };
	_cleanup_(cmd_setup_free) struct cmd_setup setup = { 0 };
	_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;
	bool fix = false;
	int opt, n, err, status = 0;

	while (!status && (opt = cmd_next_opt(x, argc, argv)) != -1) {
		if (opt == 'h' || opt == '?')
			return opt == 'h' ? CMD_DONE : EXIT_USAGE;
		if (opt == OPT_FIX)
			fix = true;
		else
			status = cmd_setup_opt(x, &setup, opt, optarg);
	}
	if (!status)
		status = cmd_setup_target(x, &setup, argc, argv, &g);
	if (status)
		return EXIT_TROUBLE;
	n = diff(x, g, &setup);
	if (n < 0) {
		cmd_fail(x, n);
		return EXIT_TROUBLE;
	}
	if (!n || !fix)
		return n ? EXIT_DIFFERENT : 0;
	opts.resources = setup.resources;
	opts.devices = setup.policy;
	err = cgw_group_update(g, &opts);
	if (err)
		cmd_fail(x, err);
	return err ? EXIT_TROUBLE : 0;
}

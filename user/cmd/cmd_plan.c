// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* plan: the values and rules that options and a config.json come to, and what of them is wrong. */
#include "cmd.h"

struct plan {
	struct cmd_ctx *x;
	unsigned int wrong;
};

static int print_setting(const char *file, const char *value, const char *problem, void *arg)
{
	struct plan *p = arg;
	struct out *o = &p->x->out;

	p->wrong += problem != NULL;
	if (!p->x->json) {
		fprintf(o->f, "%s=%s\n", file, value);
		if (problem)
			cmd_note(p->x, "%s=%s would be refused: it takes %s", file, value, problem);
		return 0;
	}
	js_begin(o, '{');
	js_key(o, "file");
	js_string(o, file);
	js_key(o, "value");
	js_string(o, value);
	js_key(o, "problem");
	if (problem)
		js_string(o, problem);
	else
		js_null(o);
	js_end(o, '}');
	js_line(o);
	return 0;
}

/* The rules as they would be read back. */
static int print_policy(struct cmd_ctx *x, const struct cmd_setup *setup)
{
	struct cgw_rules *rules = NULL;
	char text[CGW_RULE_TEXT_MAX];
	int err = cgw_policy_rules(setup->policy, &rules);

	if (err)
		return cmd_fail(x, err);
	if (x->json) {
		js_begin(&x->out, '{');
		js_key(&x->out, "semantics");
		js_string(&x->out, cgw_semantics_name(setup->semantics));
		js_rules(&x->out, rules);
		js_end(&x->out, '}');
		js_line(&x->out);
	} else {
		fprintf(x->out.f, "# devices, %s\n", cgw_semantics_name(setup->semantics));
		for (size_t i = 0; i < cgw_rules_count(rules); i++)
			fprintf(x->out.f, "# %s\n", cgw_rule_format(cgw_rules_at(rules, i), text));
	}
	cgw_rules_free(rules);
	return 0;
}

int cmd_plan(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(cmd_setup_free) struct cmd_setup setup = { 0 };
	struct plan plan = { .x = x };
	int err = 0, status = cmd_setup_read(x, &setup, argc, argv);

	if (status)
		return status;
	if (!setup.resources && !setup.policy)
		return cmd_usage(x, "nothing is given to plan: -s, --oci, --devices or -d");
	if (setup.resources)
		err = cgw_resources_for_each(setup.resources, print_setting, &plan);
	if (err)
		return cmd_fail(x, err);
	if (setup.policy)
		status = print_policy(x, &setup);
	return status ? status : plan.wrong ? EXIT_USAGE : 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* devices compile: the decision table that a rule list becomes. */
#include "cmd.h"

static void print_number(struct out *o, const char *key, uint32_t number)
{
	js_key(o, key);
	if (number == CGW_DEVICE_ANY)
		js_string(o, "*");
	else
		js_number(o, number);
}

static void print_json(struct out *o, const struct cgw_policy *policy,
		       const struct cgw_policy_entry *entries, ssize_t n)
{
	const struct cgw_policy_value *value = cgw_policy_value(policy, NULL);

	js_begin(o, '{');
	js_key(o, "entries");
	js_begin(o, '[');
	for (ssize_t i = 0; i < n; i++) {
		js_begin(o, '{');
		js_key(o, "type");
		js_string(o, entries[i].type == CGW_DEVICE_BLOCK ? "b" : "c");
		print_number(o, "major", entries[i].major);
		print_number(o, "minor", entries[i].minor);
		js_key(o, "verdicts");
		js_number(o, entries[i].verdicts);
		js_end(o, '}');
	}
	js_end(o, ']');
	js_key(o, "default");
	js_begin(o, '{');
	js_key(o, "b");
	js_number(o, value->fallback[CGW_DEVICE_BLOCK]);
	js_key(o, "c");
	js_number(o, value->fallback[CGW_DEVICE_CHAR]);
	js_end(o, '}');
	js_end(o, '}');
	js_line(o);
}

int cmd_devices_compile(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(cmd_setup_free) struct cmd_setup setup = { 0 };
	_cleanup_free_ struct cgw_policy_entry *entries = NULL;
	int status = cmd_setup_read(x, &setup, argc, argv);
	ssize_t n;

	if (status)
		return status;
	if (!setup.policy)
		return cmd_usage(x, "no policy is given: --policy, --devices or -d");
	n = cgw_policy_entries(setup.policy, &entries);
	if (n < 0)
		return cmd_fail(x, (int)n);
	print_json(&x->out, setup.policy, entries, n);
	return 0;
}

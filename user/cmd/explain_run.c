// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* run --explain: which devices the command was denied, how often, and by which rule. */
#include <inttypes.h>

#include "cmd.h"

int explain_begin(void *arg, struct cgw_group *g)
{
	struct explainer *e = arg;
	struct cgw_learn_opts opts = { .sz = sizeof(opts), .groups = &g, .n_groups = 1 };
	int err = cgw_learn_new(e->x->c, &opts, &e->learn);

	return err ? cmd_fail(e->x, err) : 0;
}

static void print_json(struct cgw_group *g, const struct cgw_use *use, const char *rule,
		       const char *by)
{
	struct out o = { .f = stderr };
	char letters[4], node[CGW_NODE_MAX];

	js_begin(&o, '{');
	js_pair_string(&o, "event", "deny");
	js_pair_string(&o, "path", cgw_group_path(g));
	js_device(&o, use->type, use->major, use->minor,
		  cgw_device_node(use->type, use->major, use->minor, node));
	js_pair_string(&o, "access", device_access(use->access, letters));
	js_pair_number(&o, "count", use->denied);
	js_denier(&o, rule, by);
	js_end(&o, '}');
	js_line(&o);
}

static void print_text(const struct cgw_use *use, const char *rule, const char *by)
{
	char node[CGW_NODE_MAX];

	fputs("cgward: denied ", stderr);
	print_device(stderr, use->type, use->major, use->minor,
		     cgw_device_node(use->type, use->major, use->minor, node), use->access);
	fprintf(stderr, ", asked for %" PRIu64 " time%s", use->denied, use->denied == 1 ? "" : "s");
	print_denier(stderr, rule, by);
	fputc('\n', stderr);
}

static void print_use(struct explainer *e, struct cgw_group *g, const struct cgw_use *use)
{
	struct cgw_denier d = { 0 };
	char text[CGW_RULE_TEXT_MAX];
	const char *rule, *by;

	/* Who it was may be unknown by now; that it was is not. */
	cgw_group_find_denier(g, use->type, use->major, use->minor, use->access, &d);
	rule = d.has_rule ? cgw_rule_format(&d.rule, text) : NULL;
	by = d.by[0] ? d.by : NULL;
	if (e->x->json)
		print_json(g, use, rule, by);
	else
		print_text(use, rule, by);
}

void explain_end(void *arg, struct cgw_group *g)
{
	_cleanup_free_ struct cgw_use *uses = NULL;
	struct explainer *e = arg;
	uint64_t missed = 0;
	ssize_t n = cgw_learn_read(e->learn, &uses, &missed);
	bool any = false;

	fflush(e->x->out.f);
	if (n < 0)
		cmd_fail(e->x, (int)n);
	for (ssize_t i = 0; i < n; i++)
		if (uses[i].denied) {
			any = true;
			print_use(e, g, &uses[i]);
		}
	if (n >= 0 && !any && !missed)
		cmd_note(e->x, "no device was denied");
	if (missed)
		cmd_note(e->x, "too many devices were used: %" PRIu64 " checks are in none of these", missed);
	cgw_learn_free(e->learn);
	e->learn = NULL;
}

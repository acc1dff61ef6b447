// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* doctor and unload: what this host can do, and taking back what cgward left in it. */

#include "cmd.h"

const struct cmd_opt opts_unload[] = {
	{ "force", OPT_FORCE, NULL, "also when groups use it: their policies stay in force" },
	{ 0 },
};

static void print_string_or_null(struct out *o, const char *key, const char *s)
{
	js_key(o, key);
	if (s)
		js_string(o, s);
	else
		js_null(o);
}

struct doctor {
	struct cmd_ctx *x;
	char hint[256]; /* the last one printed: many features can lack the same thing */
};

static int print_probe(const struct cgw_probe *p, void *arg)
{
	struct doctor *d = arg;
	struct cmd_ctx *x = d->x;
	struct out *o = &x->out;

	if (!x->json) {
		const char *about = p->works ? p->how : p->why;

		fprintf(o->f, "%-20s %-8s %s\n", p->feature, p->works ? "works" : "missing",
			about ? about : "");
		if (p->hint && strcmp(p->hint, d->hint)) {
			fprintf(o->f, "%-20s %-8s hint: %s\n", "", "", p->hint);
			snprintf(d->hint, sizeof(d->hint), "%s", p->hint);
		}
		fflush(o->f);
		return 0;
	}
	js_begin(o, '{');
	js_key(o, "feature");
	js_string(o, p->feature);
	js_key(o, "works");
	js_bool(o, p->works);
	print_string_or_null(o, "how", p->how);
	print_string_or_null(o, "why", p->why);
	print_string_or_null(o, "hint", p->hint);
	js_end(o, '}');
	js_line(o);
	return 0;
}

/* Finding nothing missing is not its purpose: it ends with 0 when it could look. */
int cmd_doctor(struct cmd_ctx *x, int argc, char **argv)
{
	struct doctor d = { .x = x };
	int status = cmd_no_opts(x, argc, argv), err;

	if (status)
		return status;
	err = cgw_probe(x->c, print_probe, &d);
	return err ? cmd_fail(x, err) : 0;
}

int cmd_unload(struct cmd_ctx *x, int argc, char **argv)
{
	bool force;
	int status = cmd_one_opt(x, argc, argv, &force), n;

	if (status)
		return status;
	n = cgw_unload(x->c, force ? CGW_UNLOAD_FORCE : 0);
	if (n < 0)
		return cmd_fail(x, n);
	if (!n)
		cmd_note(x, "nothing was loaded");
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* controllers: which a group has, and which it passes on to the groups below. */
#include "cmd.h"

static int print_controllers(struct cmd_ctx *x, struct cgw_group *g)
{
	_cleanup_free_ char *available = NULL, *enabled = NULL;
	const char *v1 = "";
	int err;

	err = cgw_group_controllers(g, CGW_CONTROLLERS_AVAILABLE, &available);
	if (!err)
		err = cgw_group_controllers(g, CGW_CONTROLLERS_ENABLED, &enabled);
	if (!err)
		err = cgw_v1_controllers(x->c, &v1);
	if (err)
		return cmd_fail(x, err);
	if (!x->json) {
		fprintf(x->out.f, "available  %s\nenabled    %s\n", available[0] ? available : "-",
			enabled[0] ? enabled : "-");
		if (v1[0])
			fprintf(x->out.f, "on v1      %s\n", v1);
		return 0;
	}
	js_begin(&x->out, '{');
	js_key(&x->out, "path");
	js_string(&x->out, cgw_group_path(g));
	js_key(&x->out, "available");
	js_words(&x->out, available);
	js_key(&x->out, "enabled");
	js_words(&x->out, enabled);
	js_key(&x->out, "on_v1");
	js_words(&x->out, v1);
	js_end(&x->out, '}');
	js_line(&x->out);
	return 0;
}

/* Join the names of one sign; free() it. */
static char *join(char **words, int n, char sign)
{
	size_t room = 1;
	char *names, *end;

	for (int i = 0; i < n; i++)
		room += strlen(words[i]);
	names = malloc(room);
	if (!names)
		return NULL;
	end = names;
	*end = '\0';
	for (int i = 0; i < n; i++)
		if (words[i][0] == sign)
			end += sprintf(end, "%s%s", end > names ? " " : "", words[i] + 1);
	return names;
}

int cmd_controllers(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;
	_cleanup_free_ char *plus = NULL, *minus = NULL;
	const char *group = NULL;
	bool recursive = false;
	int n = 0, status, err;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return cmd_help(x, 1, (char *[]){ (char *)x->cmd->name, NULL });
		if (!strcmp(argv[i], "--recursive"))
			recursive = true;
		else if (!strcmp(argv[i], "--json"))
			x->json = true;
		else if (!strncmp(argv[i], "--", 2))
			return cmd_usage(x, "unknown option '%s'", argv[i]);
		else if (strchr("+-", argv[i][0]) && argv[i][0] && argv[i][1])
			argv[n++] = argv[i];
		else if (!group)
			group = argv[i];
		else
			return cmd_usage(x, "'%s' is neither +NAME nor -NAME", argv[i]);
	}
	if (!group)
		return cmd_usage(x, "too few arguments");
	status = cmd_group(x, group, &g);
	if (status)
		return status;
	if (!n)
		return print_controllers(x, g);
	plus = join(argv, n, '+');
	minus = join(argv, n, '-');
	if (!plus || !minus)
		return cmd_error(x, EXIT_REFUSED, "ENOMEM", NULL, "out of memory");
	err = cgw_group_enable(g, plus);
	if (!err && minus[0])
		err = cgw_group_disable(g, minus, recursive);
	return err ? cmd_fail(x, err) : 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Errors: one line on stderr, then a hint; as JSON where that was asked for. */
#include <stdarg.h>

#include "cmd.h"

static void print_error(struct cmd_ctx *x, const char *code, const char *message, const char *hint)
{
	struct out o = { .f = stderr };

	fflush(x->out.f);
	if (!x->json) {
		fprintf(stderr, "cgward: %s\n", message);
		if (hint)
			fprintf(stderr, "hint: %s\n", hint);
		return;
	}
	js_begin(&o, '{');
	js_key(&o, "error");
	js_begin(&o, '{');
	js_key(&o, "code");
	js_string(&o, code);
	js_key(&o, "message");
	js_string(&o, message);
	js_key(&o, "hint");
	if (hint)
		js_string(&o, hint);
	else
		js_null(&o);
	js_end(&o, '}');
	js_end(&o, '}');
	js_line(&o);
}

/* Tell the library's last failure. Return: the exit status. */
int cmd_fail(struct cmd_ctx *x, int err)
{
	const char *code = strerrorname_np(-err), *message = cgw_strerror(x->c);

	print_error(x, code ? code : "EUNKNOWN", message[0] ? message : strerror(-err),
		    cgw_hint(x->c));
	if (x->cmd && x->cmd->flags & CMD_EXEC)
		return EXIT_OWN;
	return cgw_error_is_input(x->c) ? EXIT_USAGE : EXIT_REFUSED;
}

int cmd_error(struct cmd_ctx *x, int status, const char *code, const char *hint, const char *fmt,
	      ...)
{
	char message[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	print_error(x, code, message, hint);
	return status;
}

/* Wrong words on the command line. */
int cmd_usage(struct cmd_ctx *x, const char *fmt, ...)
{
	char message[1024], hint[256];
	va_list ap;
	int n = 0;

	if (x->cmd)
		n = snprintf(message, sizeof(message), "%s: ", x->cmd->name);
	va_start(ap, fmt);
	vsnprintf(message + n, sizeof(message) - (size_t)n, fmt, ap);
	va_end(ap);
	if (x->cmd)
		snprintf(hint, sizeof(hint), "cgward %s%s%s (cgward help %s tells more)", x->cmd->name,
			 x->cmd->args[0] ? " " : "", x->cmd->args, x->cmd->name);
	else
		snprintf(hint, sizeof(hint), "cgward help lists the commands");
	print_error(x, "EINVAL", message, hint);
	return x->cmd && x->cmd->flags & CMD_EXEC ? EXIT_OWN : EXIT_USAGE;
}

/* Something worth knowing that is no failure; not with -q. */
void cmd_note(struct cmd_ctx *x, const char *fmt, ...)
{
	va_list ap;

	if (x->verbosity < 0)
		return;
	fflush(x->out.f);
	fputs("cgward: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

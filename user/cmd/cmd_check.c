// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* devices check: the verdict on a device, of a live group or of a rule file. */
#include <ctype.h>
#include <getopt.h>

#include "cmd.h"

const struct cmd_opt opts_check[] = {
	{ "policy", OPT_POLICY, "FILE", "ask the rules of FILE (- for standard input) instead of a group" },
	{ "oci", OPT_OCI, "FILE", "ask those of a config.json, with the nodes that a runtime adds" },
	{ 0 },
};

struct query {
	unsigned int type;
	uint32_t major;
	uint32_t minor;
	unsigned int access;
};

/* A device number, which unlike one of a rule is no wildcard. */
static int parse_number(const char *text, char end, uint32_t *ret_number, const char **ret_end)
{
	uint64_t n = 0;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	for (; isdigit((unsigned char)*text); text++) {
		n = n * 10 + (uint64_t)(*text - '0');
		if (n >= CGW_DEVICE_ANY)
			return -EINVAL;
	}
	if (*text != end)
		return -EINVAL;
	*ret_number = (uint32_t)n;
	*ret_end = text + 1;
	return 0;
}

/* TYPE MAJ:MIN ACCESS; the word that is wrong, or NULL. */
static const char *parse_query(char *const words[3], struct query *q)
{
	const char *p, *access = words[2];

	if (strcmp(words[0], "b") && strcmp(words[0], "c"))
		return words[0];
	q->type = words[0][0] == 'b' ? CGW_DEVICE_BLOCK : CGW_DEVICE_CHAR;
	if (parse_number(words[1], ':', &q->major, &p) || parse_number(p, '\0', &q->minor, &p))
		return words[1];
	q->access = 0;
	if (!strcmp(access, "-"))
		return NULL;
	if (!access[0] || access[strspn(access, "rwm")])
		return words[2];
	for (; *access; access++)
		q->access |= *access == 'r' ? CGW_DEVICE_READ :
			     *access == 'w' ? CGW_DEVICE_WRITE :
					      CGW_DEVICE_MKNOD;
	return NULL;
}

/* What is asked: a group and its ancestors, or a policy compiled from a file. */
struct source {
	struct cgw_group *g;
	struct cgw_policy *policy;
};

static int ask(struct source *src, const struct query *q, struct cgw_check *check)
{
	if (src->g)
		return cgw_group_check_device(src->g, q->type, q->major, q->minor, q->access,
					      check);
	memset(check, 0, sizeof(*check));
	check->verdict = cgw_policy_check(src->policy, q->type, q->major, q->minor, q->access,
					  &check->rule) ?
				 CGW_VERDICT_ALLOW :
				 CGW_VERDICT_DENY;
	check->has_rule = check->rule.type != 0;
	return 0;
}

static const char *const verdicts[] = {
	[CGW_VERDICT_ALLOW] = "allow",
	[CGW_VERDICT_DENY] = "deny",
	[CGW_VERDICT_UNKNOWN] = "unknown",
};

static void print_json(struct cmd_ctx *x, const struct source *src, const struct query *q,
		       const char *access, const struct cgw_check *check)
{
	struct out *o = &x->out;
	char text[CGW_RULE_TEXT_MAX];

	js_begin(o, '{');
	if (src->g) {
		js_key(o, "path");
		js_string(o, cgw_group_path(src->g));
	}
	js_key(o, "type");
	js_string(o, q->type == CGW_DEVICE_BLOCK ? "b" : "c");
	js_key(o, "major");
	js_number(o, q->major);
	js_key(o, "minor");
	js_number(o, q->minor);
	js_key(o, "access");
	js_string(o, q->access ? access : "");
	js_key(o, "verdict");
	js_string(o, verdicts[check->verdict]);
	js_key(o, "rule");
	if (check->has_rule)
		js_string(o, cgw_rule_format(&check->rule, text));
	else
		js_null(o);
	if (src->g) {
		js_key(o, "decided_by");
		if (check->path[0])
			js_string(o, check->path);
		else
			js_null(o);
	}
	js_end(o, '}');
	js_line(o);
}

static void print_text(struct cmd_ctx *x, const struct source *src, const struct cgw_check *check)
{
	char text[CGW_RULE_TEXT_MAX];

	fputs(verdicts[check->verdict], x->out.f);
	if (check->has_rule)
		fprintf(x->out.f, "  by rule '%s'", cgw_rule_format(&check->rule, text));
	else if (check->verdict == CGW_VERDICT_UNKNOWN)
		fputs(check->path[0] ? "  by a filter of another owner" :
				       "  by a filter above the root of this namespace", x->out.f);
	else if (src->g)
		fputs(check->path[0] ? "  by a policy that was never written" : "  by no filter at all",
		      x->out.f);
	if (check->path[0])
		fprintf(x->out.f, " of '%s'", check->path);
	fputc('\n', x->out.f);
}

/* Queries a line each from standard input, a verdict a line to the output. */
static int answer_lines(struct cmd_ctx *x, struct source *src)
{
	_cleanup_free_ char *line = NULL;
	unsigned int number = 0;
	size_t room = 0;

	while (getline(&line, &room, stdin) > 0) {
		char *words[4] = { 0 }, *save = NULL;
		struct cgw_check check;
		struct query q;
		int err, n = 0;

		number++;
		for (char *w = strtok_r(line, " \t\n", &save); w && n < 4; w = strtok_r(NULL, " \t\n", &save))
			words[n++] = w;
		if (!n)
			continue;
		if (n != 3 || parse_query(words, &q))
			return cmd_usage(x, "stdin:%u: a query is TYPE MAJ:MIN ACCESS, as c 1:3 rw", number);
		err = ask(src, &q, &check);
		if (err)
			return cmd_fail(x, err);
		if (x->json)
			print_json(x, src, &q, words[2], &check);
		else
			fprintf(x->out.f, "%s\n", verdicts[check.verdict]);
	}
	return 0;
}

static int answer(struct cmd_ctx *x, struct source *src, char **words, int n)
{
	struct cgw_check check;
	const char *wrong;
	struct query q;
	int err;

	if (n == 1 && !strcmp(words[0], "-"))
		return answer_lines(x, src);
	if (n != 3)
		return cmd_usage(x, "a query is TYPE MAJ:MIN ACCESS, as c 1:3 rw, or - to read many");
	wrong = parse_query(words, &q);
	if (wrong)
		return cmd_usage(x, "'%s' is wrong in a query: b|c MAJ:MIN ACCESS, ACCESS letters of rwm or -",
				 wrong);
	err = ask(src, &q, &check);
	if (err)
		return cmd_fail(x, err);
	if (x->json)
		print_json(x, src, &q, words[2], &check);
	else
		print_text(x, src, &check);
	return 0;
}

int cmd_devices_check(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(cmd_setup_free) struct cmd_setup setup = { 0 };
	struct source src = { 0 };
	int status = cmd_setup_read(x, &setup, argc, argv);

	if (status)
		return status;
	src.policy = setup.policy;
	if (!src.policy) {
		status = cmd_group(x, argv[optind++], &src.g);
		if (status)
			return status;
	}
	status = answer(x, &src, argv + optind, argc - optind);
	cgw_group_close(src.g);
	return status;
}

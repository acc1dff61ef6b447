// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* devices show: the device policy of a group, and who else has a say. */
#include <getopt.h>
#include <time.h>

#include "cmd.h"

static void free_rules(struct cgw_rules **rules)
{
	cgw_rules_free(*rules);
}

/* Whose it is: "cgward", "systemd", "crun" and so on, "foreign", "unknown" without privilege. */
const char *program_owner(const struct cgw_program *p)
{
	return p->ours || p->observer ? "cgward"
	       : !p->seen	      ? "unknown"
	       : p->looks_like	      ? p->looks_like
				      : "foreign";
}

/*
 * Who filters devices in a group: us, if we do, or the last of the others; NULL for nobody. Who
 * only observes does not.
 */
const char *devices_owner(const struct cgw_program *programs, int n)
{
	const char *owner = NULL;

	for (int i = 0; i < n; i++) {
		if (programs[i].ours)
			return "cgward";
		if (programs[i].observer)
			continue;
		owner = program_owner(&programs[i]);
	}
	return owner;
}

static void print_program_json(struct out *o, struct cgw_group *g, const struct cgw_program *p)
{
	char path[4096];
	const char *at = cgw_program_path(g, p, path, sizeof(path));

	js_begin(o, '{');
	js_key(o, "id");
	js_number(o, p->id);
	js_key(o, "name");
	js_string(o, p->name);
	js_key(o, "tag");
	js_string(o, p->tag);
	js_key(o, "by");
	js_string(o, program_owner(p));
	js_key(o, "age_s");
	js_number(o, p->age_s);
	js_key(o, "attached_to");
	if (at)
		js_string(o, at);
	else
		js_null(o);
	js_key(o, "overrules");
	if (p->overrules == CGW_ANSWER_UNKNOWN)
		js_null(o);
	else
		js_bool(o, p->overrules == CGW_ANSWER_YES);
	js_key(o, "observer");
	js_bool(o, p->observer);
	js_end(o, '}');
}

/* Is it one to tell about beside the group's own policy? */
static bool is_other(const struct cgw_program *p)
{
	return !p->ours || p->level;
}

static void print_programs_json(struct cmd_ctx *x, struct cgw_group *g,
				const struct cgw_program *programs, int n)
{
	js_key(&x->out, "programs");
	js_begin(&x->out, '[');
	for (int i = 0; i < n; i++)
		if (is_other(&programs[i]))
			print_program_json(&x->out, g, &programs[i]);
	js_end(&x->out, ']');
}

static void print_age(FILE *f, uint64_t seconds)
{
	static const struct {
		unsigned int seconds;
		const char *unit;
	} units[] = { { 86400, "days" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	size_t i = 0;

	while (i < ARRAY_SIZE(units) - 1 && seconds < 2ULL * units[i].seconds)
		i++;
	fprintf(f, "%llu %s", (unsigned long long)(seconds / units[i].seconds), units[i].unit);
}

/* Of CLOCK_BOOTTIME. It is another one in another time namespace. */
static uint64_t seconds_since(uint64_t ns)
{
	uint64_t seconds = ns / 1000000000;
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec > seconds ? (uint64_t)now.tv_sec - seconds : 0;
}

static void print_program_text(FILE *f, struct cgw_group *g, const struct cgw_program *p,
			       const char *indent)
{
	char path[4096];
	const char *at = cgw_program_path(g, p, path, sizeof(path));
	bool known = p->ours || p->observer;

	fprintf(f, "%s# %s: program %u", indent,
		p->observer ? "cgward observes, and decides nothing" :
		p->ours	    ? "cgward has a say too" :
			      "another owner has a say too",
		p->id);
	if (p->name[0])
		fprintf(f, " '%s'", p->name);
	fprintf(f, "%s%s",
		known		? ""
		: p->looks_like ? ", looks like "
				: ", unknown",
		known || !p->looks_like ? "" : p->looks_like);
	fprintf(f, ", of %s%s%s", at ? "'" : "a group above the root", at ? at : "", at ? "'" : "");
	if (p->seen) {
		fprintf(f, ", tag %s, loaded ", p->tag);
		print_age(f, p->age_s);
		fputs(" ago", f);
	}
	fputc('\n', f);
	if (p->overrules != CGW_ANSWER_NO)
		fprintf(f, "%s# warning: program %u %s allow what others deny (bpf_set_retval)\n",
			indent, p->id, p->overrules == CGW_ANSWER_YES ? "can" : "perhaps can");
}

static void print_policy_json(struct cmd_ctx *x, const struct cgw_devices *d,
			      const struct cgw_rules *rules)
{
	js_key(&x->out, "by");
	js_string(&x->out, "cgward");
	js_key(&x->out, "semantics");
	js_string(&x->out, cgw_semantics_name(d->semantics));
	js_key(&x->out, "generation");
	js_number(&x->out, d->generation);
	js_key(&x->out, "class_bytes");
	js_number(&x->out, d->class_bytes);
	js_key(&x->out, "program");
	js_string(&x->out, d->own ? "own" : "shared");
	js_rules(&x->out, rules);
}

static void print_policy_text(struct cmd_ctx *x, const struct cgw_devices *d,
			      const struct cgw_rules *rules, const char *indent)
{
	char text[CGW_RULE_TEXT_MAX];

	fprintf(x->out.f, "%s# cgward, ", indent);
	if (d->policy) {
		fprintf(x->out.f, "%s, set ", cgw_semantics_name(d->semantics));
		print_age(x->out.f, seconds_since(d->generation));
		fprintf(x->out.f, " ago, program %u%s\n", d->prog_id, d->own ? ", of its own" : "");
	} else {
		fprintf(x->out.f, "program %u, not written: everything is denied\n", d->prog_id);
	}
	for (size_t i = 0; i < cgw_rules_count(rules); i++)
		fprintf(x->out.f, "%s%s\n", indent, cgw_rule_format(cgw_rules_at(rules, i), text));
}

static int read_rules(struct cmd_ctx *x, const struct cgw_devices *d, struct cgw_rules **ret_rules)
{
	int err;

	if (d->policy)
		return cgw_policy_rules(d->policy, ret_rules);
	err = cgw_rules_new(x->c, ret_rules);
	return err ? err : cgw_rules_add(*ret_rules, "deny a");
}

/*
 * The policy of the group as rules that give it back, and the programs of others in effect.
 * Return: 0, or -errno, untold, so that show can do without it; -ENOENT where nobody filters.
 */
int print_devices(struct cmd_ctx *x, struct cgw_group *g, bool alone)
{
	_cleanup_(cgw_devices_free) struct cgw_devices d = { 0 };
	_cleanup_(free_rules) struct cgw_rules *rules = NULL;
	_cleanup_free_ struct cgw_program *programs = NULL;
	int n, err = cgw_group_get_devices(g, &d);
	bool ours = !err;

	if (ours)
		err = read_rules(x, &d, &rules);
	if (err && err != -ENOENT)
		return err;
	n = cgw_group_effective_programs(g, &programs);
	if (n < 0)
		return n;
	if (!ours && !n) /* for the reason why */
		return cgw_group_get_devices(g, &d);
	if (x->json) {
		js_begin(&x->out, '{');
		js_key(&x->out, "path");
		js_string(&x->out, cgw_group_path(g));
		if (ours)
			print_policy_json(x, &d, rules);
		print_programs_json(x, g, programs, n);
		js_end(&x->out, '}');
		return 0;
	}
	if (ours)
		print_policy_text(x, &d, rules, alone ? "" : "  ");
	else
		fprintf(x->out.f, "%s# no cgward policy\n", alone ? "" : "  ");
	for (int i = 0; i < n; i++)
		if (is_other(&programs[i]))
			print_program_text(x->out.f, g, &programs[i], alone ? "" : "  ");
	return 0;
}

int cmd_devices_show(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;
	int err, status = cmd_no_opts(x, argc, argv);

	if (!status)
		status = cmd_group(x, argv[optind], &g);
	if (status)
		return status;
	err = print_devices(x, g, true);
	if (err)
		return cmd_fail(x, err);
	if (x->json)
		js_line(&x->out);
	return 0;
}

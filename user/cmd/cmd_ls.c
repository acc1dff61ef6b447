// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* ls: the tree of groups, a line each. */
#include <getopt.h>
#include <sys/stat.h>

#include "cmd.h"

struct listing {
	struct cmd_ctx *x;
	size_t skip;   /* length of the path the tree begins at */
	bool programs; /* may we look at device programs? */
};

struct row {
	const char *path;
	size_t procs;
	size_t descendants;
	int populated;
	int frozen;
	const char *devices;
	uid_t owner;
};

static int find_descendants(const char *name, const char *key, const char *value, void *arg)
{
	(void)name;
	if (!strcmp(key, "nr_descendants"))
		*(size_t *)arg = strtoul(value, NULL, 10);
	return 0;
}

static void print_row_json(struct cmd_ctx *x, struct cgw_group *g, const struct row *r)
{
	struct out *o = &x->out;

	js_begin(o, '{');
	js_key(o, "path");
	js_string(o, r->path);
	js_key(o, "id");
	js_number(o, cgw_group_id(g));
	js_key(o, "procs");
	js_number(o, r->procs);
	js_key(o, "descendants");
	js_number(o, r->descendants);
	js_key(o, "populated");
	js_number(o, r->populated > 0);
	js_key(o, "frozen");
	js_number(o, r->frozen > 0);
	js_key(o, "devices");
	if (r->devices)
		js_string(o, r->devices);
	else
		js_null(o);
	js_key(o, "owner");
	js_number(o, r->owner);
	js_end(o, '}');
	js_line(o);
}

static void print_row_text(const struct listing *l, const struct row *r)
{
	const char *name = r->path + l->skip, *state;
	int indent = 0;

	/* A child is its name, set in by its depth; where the tree begins is a whole path. */
	for (const char *p = name; *p && r->path[1]; p++)
		indent += 2 * (*p == '/');
	name = indent ? strrchr(r->path, '/') + 1 : r->path;
	state = r->frozen > 0 ? "frozen" : r->populated > 0 ? "populated" : "empty";
	fprintf(l->x->out.f, "%*s%-*s %6zu  %-9s  %-8s %u\n", indent, "",
		indent < 40 ? 40 - indent : 1, name, r->procs, state, r->devices ? r->devices : "-",
		r->owner);
}

static int print_row(struct cgw_group *g, void *arg)
{
	_cleanup_free_ struct cgw_program *programs = NULL;
	_cleanup_free_ char *stat = NULL;
	struct listing *l = arg;
	struct row r = { .path = cgw_group_path(g) };
	struct cgw_procs procs = { 0 };
	struct stat st = { 0 };
	int n = -1;

	/* It may vanish at any of these: then it has no line. */
	r.populated = cgw_group_is_populated(g);
	r.frozen = cgw_group_is_frozen(g);
	if (r.populated == -ENODEV || fstat(cgw_group_fd(g), &st) < 0)
		return 0;
	r.owner = st.st_uid;
	if (!cgw_group_procs(g, false, &procs))
		r.procs = procs.n + procs.foreign;
	cgw_procs_free(&procs);
	if (cgw_group_read(g, "cgroup.stat", &stat) > 0)
		cgw_parse_flat(stat, find_descendants, &r.descendants);
	if (l->programs)
		n = cgw_group_device_programs(g, &programs);
	l->programs = n >= 0;
	r.devices = n > 0 ? devices_owner(programs, n) : NULL;
	if (l->x->json)
		print_row_json(l->x, g, &r);
	else
		print_row_text(l, &r);
	return 0;
}

int cmd_ls(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;
	struct listing l = { .x = x, .programs = true };
	int status = cmd_no_opts(x, argc, argv), err;

	if (!status)
		status = cmd_group(x, optind < argc ? argv[optind] : "/", &g);
	if (status)
		return status;
	l.skip = strcmp(cgw_group_path(g), "/") ? strlen(cgw_group_path(g)) : 0;
	if (!x->json)
		fprintf(x->out.f, "%-40s %6s  %-9s  %-8s %s\n", "GROUP", "PROCS", "STATE", "DEVICES",
			"OWNER");
	err = cgw_group_for_each(g, CGW_WALK_PRE, print_row, &l);
	if (err)
		return cmd_fail(x, err);
	if (!l.programs)
		cmd_note(x, "device filters are not shown: %s", cgw_strerror(x->c));
	return 0;
}

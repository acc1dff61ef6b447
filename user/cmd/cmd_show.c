// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* show: every setting and state of a group. */
#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <sys/stat.h>

#include "cmd.h"

const struct cmd_opt opts_show[] = {
	{ "all", OPT_ALL, NULL, "statistics too (*.stat, *.pressure, ...)" },
	{ 0 },
};

static const char *const type_names[] = {
	[CGW_TYPE_DOMAIN] = "domain",
	[CGW_TYPE_DOMAIN_THREADED] = "domain threaded",
	[CGW_TYPE_DOMAIN_INVALID] = "domain invalid",
	[CGW_TYPE_THREADED] = "threaded",
};

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

/* Files shown elsewhere, or by --all only. */
static bool is_hidden(const char *file, bool all)
{
	static const char *const elsewhere[] = { "cgroup.procs", "cgroup.threads", "cgroup.controllers",
						 "cgroup.subtree_control", "cgroup.type" };
	static const char *const statistics[] = { ".stat", ".stat.local", ".numa_stat", ".pressure" };

	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
		if (!strcmp(file, elsewhere[i]))
			return true;
	if (all || !strcmp(file, "cgroup.stat") || !strcmp(file, "cgroup.pressure"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(statistics); i++)
		if (ends_with(file, statistics[i]))
			return true;
	return false;
}

static int is_file(const struct dirent *d)
{
	return d->d_type == DT_REG;
}

struct shown {
	struct cmd_ctx *x;
	const char *name; /* nested files: the object that is open */
};

static int print_flat(const char *name, const char *key, const char *value, void *arg)
{
	struct shown *s = arg;

	(void)name;
	js_key(&s->x->out, key);
	js_word(&s->x->out, value);
	return 0;
}

static int print_nested(const char *name, const char *key, const char *value, void *arg)
{
	struct out *o = &((struct shown *)arg)->x->out;
	struct shown *s = arg;

	if (!s->name || strcmp(s->name, name)) {
		if (s->name)
			js_end(o, '}');
		free((char *)s->name);
		s->name = strdup(name);
		js_key(o, name);
		js_begin(o, '{');
	}
	js_key(o, key);
	js_word(o, value);
	return 0;
}

static int ignore_pair(const char *name, const char *key, const char *value, void *arg)
{
	(void)name;
	(void)key;
	(void)value;
	(void)arg;
	return 0;
}

/* The form of a file is seen from its content; cpu.max alone looks flat-keyed and is not. */
static void print_file_json(struct cmd_ctx *x, const char *file, const char *text)
{
	struct shown s = { .x = x };

	js_key(&x->out, file);
	if (!strcmp(file, "cpu.max")) {
		js_words(&x->out, text);
	} else if (!text[0] || !strpbrk(text, " \n")) {
		js_word(&x->out, text);
	} else if (strchr(text, '=') && !cgw_parse_nested(text, ignore_pair, NULL)) {
		js_begin(&x->out, '{');
		cgw_parse_nested(text, print_nested, &s);
		if (s.name)
			js_end(&x->out, '}');
		free((char *)s.name);
		js_end(&x->out, '}');
	} else if (!cgw_parse_flat(text, ignore_pair, NULL)) {
		js_begin(&x->out, '{');
		cgw_parse_flat(text, print_flat, &s);
		js_end(&x->out, '}');
	} else {
		js_words(&x->out, text);
	}
}

static void print_file_text(struct cmd_ctx *x, const char *file, const char *text)
{
	const char *line = text;

	if (!strchr(text, '\n')) {
		fprintf(x->out.f, "%-28s %s\n", file, text[0] ? text : "-");
		return;
	}
	fprintf(x->out.f, "%s\n", file);
	while (line && *line) {
		int n = (int)strcspn(line, "\n");

		fprintf(x->out.f, "  %.*s\n", n, line);
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
}

static void print_files(struct cmd_ctx *x, struct cgw_group *g, bool all)
{
	struct dirent **files = NULL;
	char path[64];
	int n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", cgw_group_fd(g));
	n = scandir(path, &files, is_file, alphasort);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *text = NULL;

		/* Write-only files, and those that need a feature that is off, are skipped. */
		if (!is_hidden(files[i]->d_name, all) &&
		    cgw_group_read(g, files[i]->d_name, &text) >= 0) {
			if (x->json)
				print_file_json(x, files[i]->d_name, text);
			else
				print_file_text(x, files[i]->d_name, text);
		}
		free(files[i]);
	}
	free(files);
}

struct about {
	enum cgw_group_type type;
	char *available;
	char *enabled;
	struct cgw_procs procs;
	struct cgw_program *programs;
	int n_programs;
	struct stat st;
};

static void free_about(struct about *a)
{
	free(a->available);
	free(a->enabled);
	cgw_procs_free(&a->procs);
	free(a->programs);
}

static void print_json(struct cmd_ctx *x, struct cgw_group *g, const struct about *a, bool all)
{
	struct out *o = &x->out;

	js_begin(o, '{');
	js_key(o, "path");
	js_string(o, cgw_group_path(g));
	js_key(o, "id");
	js_number(o, cgw_group_id(g));
	js_key(o, "type");
	js_string(o, type_names[a->type]);
	js_key(o, "owner");
	js_number(o, a->st.st_uid);
	js_key(o, "controllers");
	js_words(o, a->available);
	js_key(o, "subtree_control");
	js_words(o, a->enabled);
	js_key(o, "procs");
	js_begin(o, '[');
	for (size_t i = 0; i < a->procs.n; i++)
		js_number(o, (uint64_t)a->procs.pids[i]);
	js_end(o, ']');
	js_key(o, "files");
	js_begin(o, '{');
	print_files(x, g, all);
	js_end(o, '}');
	js_key(o, "devices");
	if (a->n_programs <= 0 || print_devices(x, g, false) < 0)
		js_null(o);
	js_key(o, "programs");
	js_begin(o, '[');
	for (int i = 0; i < a->n_programs; i++) {
		js_begin(o, '{');
		js_key(o, "id");
		js_number(o, a->programs[i].id);
		js_key(o, "type");
		js_string(o, "cgroup_device");
		js_key(o, "name");
		js_string(o, a->programs[i].name);
		js_key(o, "by");
		js_string(o, program_owner(&a->programs[i]));
		js_end(o, '}');
	}
	js_end(o, ']');
	js_end(o, '}');
	js_line(o);
}

static void print_text(struct cmd_ctx *x, struct cgw_group *g, const struct about *a, bool all)
{
	FILE *f = x->out.f;

	fprintf(f, "%-28s %s\n%-28s %llu\n%-28s %s\n%-28s %u\n%-28s %s\n%-28s %s\n", "path",
		cgw_group_path(g), "id", (unsigned long long)cgw_group_id(g), "type", type_names[a->type],
		"owner", a->st.st_uid, "controllers", a->available[0] ? a->available : "-",
		"subtree_control", a->enabled[0] ? a->enabled : "-");
	fprintf(f, "%-28s", "procs");
	for (size_t i = 0; i < a->procs.n && i < 20; i++)
		fprintf(f, " %d", a->procs.pids[i]);
	if (a->procs.n > 20)
		fprintf(f, " and %zu more", a->procs.n - 20);
	fprintf(f, "%s\n", a->procs.n ? "" : " -");
	print_files(x, g, all);
	for (int i = 0; i < a->n_programs; i++)
		fprintf(f, "%-28s %u %s (%s%s)\n", "device program", a->programs[i].id,
			a->programs[i].name[0] ? a->programs[i].name : "-",
			program_owner(&a->programs[i]),
			a->programs[i].observer ? ", decides nothing" : "");
	if (a->n_programs > 0) {
		fprintf(f, "devices\n");
		if (print_devices(x, g, false) < 0)
			fprintf(f, "  # %s\n", cgw_strerror(x->c));
	}
}

static int find_out(struct cgw_group *g, struct about *a)
{
	int err = cgw_group_get_type(g, &a->type);

	if (!err)
		err = cgw_group_controllers(g, CGW_CONTROLLERS_AVAILABLE, &a->available);
	if (!err)
		err = cgw_group_controllers(g, CGW_CONTROLLERS_ENABLED, &a->enabled);
	if (!err)
		err = cgw_group_procs(g, false, &a->procs);
	if (!err && fstat(cgw_group_fd(g), &a->st) < 0)
		err = -errno;
	return err;
}

int cmd_show(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;
	_cleanup_(free_about) struct about a = { 0 };
	bool all;
	int status = cmd_one_opt(x, argc, argv, &all), err;

	if (!status)
		status = cmd_group(x, argv[optind], &g);
	if (status)
		return status;
	err = find_out(g, &a);
	if (err)
		return cmd_fail(x, err);
	a.n_programs = cgw_group_device_programs(g, &a.programs);
	if (a.n_programs < 0)
		cmd_note(x, "device programs are not shown: %s", cgw_strerror(x->c));
	if (x->json)
		print_json(x, g, &a, all);
	else
		print_text(x, g, &a, all);
	return 0;
}

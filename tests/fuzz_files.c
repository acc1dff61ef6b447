// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What is read of the kernel's files, and what users name and set: the first byte says which. */
#include <limits.h>

#include "fuzz.h"

#define MOUNT "/sys/fs/cgroup"

const long fuzz_mutations = 200000;

/* ---- flat and nested files ---- */

/* What the callback was given, put together again. */
struct told {
	char *text;
	size_t len;
	size_t n;
	size_t stop_at;
};

static void tell(struct told *t, const char *piece, char end)
{
	HOLDS(!strpbrk(piece, " \n"));
	t->len += (size_t)sprintf(t->text + t->len, "%s%c", piece, end);
}

static int on_pair(const char *name, const char *key, const char *value, void *arg)
{
	struct told *t = arg;

	HOLDS(key[0] && (!name || name[0]));
	if (name)
		HOLDS(!strchr(key, '='));
	else
		HOLDS(value[0]);
	tell(t, key, name ? '=' : ' ');
	tell(t, value, '\n');
	return ++t->n == t->stop_at ? 42 : 0;
}

typedef int (*parse_fn)(const char *text, cgw_key_fn fn, void *arg);

/* The text as the callback must have told it: a pair a line, names left out. */
static void write_pairs(struct told *t, const char *text, bool nested)
{
	while (*text) {
		size_t line = strcspn(text, "\n"), name = 0;

		if (nested) {
			name = strspn(text, " ");
			name += strcspn(text + name, " \n");
		}
		for (size_t i = name; i < line; i++)
			if (!nested || text[i] != ' ')
				t->text[t->len++] = text[i];
			else if (t->len && t->text[t->len - 1] != '\n')
				t->text[t->len++] = '\n';
		if (t->len && t->text[t->len - 1] != '\n')
			t->text[t->len++] = '\n';
		text += line + (text[line] != '\0');
	}
	t->text[t->len] = '\0';
}

static void check_keyed(const char *text, bool nested)
{
	parse_fn parse = nested ? cgw_parse_nested : cgw_parse_flat;
	_cleanup_free_ char *have = calloc(2, strlen(text) + 2);
	_cleanup_free_ char *want = calloc(2, strlen(text) + 2);
	struct told t = { .text = have }, u = { .text = want }, v = { .text = want };
	int err;

	HOLDS(have && want);
	err = parse(text, on_pair, &t);
	HOLDS(!err || err == -EINVAL);
	v.stop_at = t.n;
	HOLDS(!t.n || parse(text, on_pair, &v) == 42);
	HOLDS(v.len == t.len);
	if (err)
		return;
	write_pairs(&u, text, nested);
	HOLDS(!strcmp(have, want));
}

static void check_flat(const char *text)
{
	check_keyed(text, false);
}

static void check_nested(const char *text)
{
	check_keyed(text, true);
}

/* ---- paths ---- */

/* A relative path made of names: none empty, "." or "..", longer than 255, or with a newline. */
static bool is_clean(const char *path)
{
	for (;;) {
		size_t n = strcspn(path, "/");

		if (!n || n > NAME_MAX || memchr(path, '\n', n) || !strncmp(path, "./", n + 1) ||
		    !strncmp(path, "../", n + 1) || !strcmp(path, ".") || !strcmp(path, ".."))
			return false;
		if (!path[n])
			return true;
		path += n + 1;
	}
}

static bool is_group(const char *path)
{
	size_t mount = strlen(MOUNT);

	if (!strcmp(path, "/"))
		return true;
	return path[0] == '/' && strlen(path) < PATH_MAX && is_clean(path + 1) &&
	       !(!strncmp(path, MOUNT, mount) && (!path[mount] || path[mount] == '/'));
}

/* A context for which cgroup2 is mounted on MOUNT, and the caller is in /web. */
static struct cgw *mounted(void)
{
	struct cgw *c = cgtest_context();
	char text[] = "30 23 0:26 / " MOUNT " rw - cgroup2 cgroup2 rw\n";

	HOLDS(!cgw__parse_mountinfo(c, text) && c->mount && !strcmp(c->mount, MOUNT));
	HOLDS(!cgw_set_proc_root(c, cgtest_data("unified/proc")));
	return c;
}

static void check_parent(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	_cleanup_free_ char *parent = cgw__path_parent(path), *joined = NULL;

	HOLDS(parent && is_group(parent));
	joined = cgw__path_join(parent, name);
	HOLDS(joined && !strcmp(joined, path));
	HOLDS(cgw__path_below(path, parent) && cgw__path_below(path, path));
	HOLDS(!strcmp(path, "/") || !cgw__path_below(parent, path));
}

static void check_path(const char *text)
{
	_cleanup_ctx_ struct cgw *c = mounted();
	int err = cgw_verify_group_path(c, text);

	HOLDS(!err == is_group(text));
	if (err)
		fuzz_refused(c, err);
	else if (text[1])
		check_parent(text);
}

static void check_suffix(const char *text)
{
	_cleanup_ctx_ struct cgw *c = mounted();
	_cleanup_free_ char *path = NULL;
	int err = cgw_nested_group_path(c, text, &path);

	HOLDS(!err == (is_clean(text) && strlen("/web/") + strlen(text) < PATH_MAX));
	if (err) {
		fuzz_refused(c, err);
		HOLDS(!path);
		return;
	}
	HOLDS(!strncmp(path, "/web/", 5) && !strcmp(path + 5, text));
	HOLDS(!cgw_verify_group_path(c, path));
}

/* ---- /proc ---- */

static void check_membership(const char *text)
{
	struct cgw__membership m = { 0 };
	int err = cgw__parse_membership(text, &m);
	const char *line = strncmp(text, "0::", 3) ? strstr(text, "\n0::") : text;
	size_t len;

	HOLDS(!line == (err == -ENODATA));
	if (err) {
		HOLDS(!m.path && (!line || err == -EINVAL));
		return;
	}
	line += *line == '\n' ? 4 : 3;
	len = strcspn(line, "\n");
	HOLDS(m.path[0] == '/' && strlen(m.path) == len && !strncmp(m.path, line, len));
	HOLDS(m.outside == (!strcmp(m.path, "/..") || !strncmp(m.path, "/../", 4)));
	HOLDS(m.deleted == (len > 10 && !strcmp(m.path + len - 10, " (deleted)")));
	free(m.path);
}

static void check_mountinfo(const char *text)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_free_ char *copy = strdup(text);
	const char *names = NULL, *p, *word;
	size_t len;

	HOLDS(copy && !cgw__parse_mountinfo(c, copy));
	HOLDS((c->mode == CGW_MODE_NONE) == !c->mount);
	HOLDS(!c->mount || (c->mount[0] == '/' && strstr(text, "cgroup2")));
	HOLDS(!cgw_v1_controllers(c, &names));
	for (p = names; (word = cgw__next_word(&p, &len));) {
		_cleanup_free_ char *name = strndup(word, len);

		HOLDS(name && strchr("cdhimpr", name[0]) && !cgw__has_word(p, name));
	}
}

/* ---- settings ---- */

static size_t count_words(const char *p)
{
	size_t n = 0, len;

	while (cgw__next_word(&p, &len))
		n++;
	return n;
}

/* Added again as it is written, a setting stays the same: nothing is left to be made plain. */
static void check_again(struct cgw_resources *r)
{
	_cleanup_free_ char *assignment = NULL, *again = NULL;
	unsigned int cpu = r->items[0].cpu;
	const struct cgw__setting *last;

	HOLDS(asprintf(&assignment, "%s=%s", r->items[0].file, r->items[0].value) > 0);
	HOLDS(!cgw_resources_add(r, assignment));
	last = &r->items[r->n - 1];
	HOLDS(asprintf(&again, "%s=%s", last->file, last->value) > 0);
	HOLDS(!strcmp(again, assignment) && last->cpu == cpu);
	/* what is said of a device again may say more, anything else takes its place */
	HOLDS(r->n == (cgw__is_keyed(last->file) && strchr(last->value, '=') ? 2 : 1));
}

static void check_setting(const char *text)
{
	_cleanup_ctx_ struct cgw *c = mounted();
	_cleanup_resources_ struct cgw_resources *r = NULL;
	_cleanup_free_ char *names = NULL;
	const char *value = strchr(text, '=');
	int err;

	HOLDS(!cgw_resources_new(c, &r));
	err = cgw_resources_add(r, text);
	HOLDS(r->n == !err);
	if (err) {
		fuzz_refused(c, err);
		return;
	}
	HOLDS(value && !strncmp(r->items[0].file, text, (size_t)(value - text)));
	HOLDS(!strchr(r->items[0].file, '/') && r->items[0].file[0] != '.');
	value = r->items[0].value;
	HOLDS(value[0] && !strpbrk(value, "\t\n") && !strstr(value, "  "));
	HOLDS(value[0] != ' ' && value[strlen(value) - 1] != ' ');
	HOLDS(count_words(value) == count_words(strchr(text, '=') + 1));
	HOLDS(!strchr(value, '%') == !r->items[0].cpu);
	check_again(r);
	HOLDS(!cgw__resources_controllers(r, &names));
	HOLDS(!strpbrk(names, "./=") && strlen(names) <= strcspn(text, "."));
}

static const struct {
	char letter;
	void (*check)(const char *text);
} checks[] = {
	{ 'f', check_flat },	   { 'n', check_nested },    { 'p', check_path },
	{ 's', check_suffix },	   { 'm', check_membership }, { 'i', check_mountinfo },
	{ 'r', check_setting },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = NULL;

	if (!size)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	HOLDS(text);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (data[0] == checks[i].letter)
			checks[i].check(text);
	return 0;
}

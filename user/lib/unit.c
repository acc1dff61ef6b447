// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Names of systemd's units, and the groups that they stand for. Nothing here asks systemd. */
#include <ctype.h>

#include "unit.h"

#define UNIT_NAME_MAX 255
#define DEFAULT_SLICE "system.slice"
#define ROOT_SLICE "-.slice"

/* Units with a group. */
static const struct {
	const char *suffix;
	enum cgw__unit_kind kind;
} kinds[] = {
	{ ".scope", CGW_UNIT_SCOPE },  { ".slice", CGW_UNIT_SLICE }, { ".service", CGW_UNIT_OTHER },
	{ ".socket", CGW_UNIT_OTHER }, { ".mount", CGW_UNIT_OTHER }, { ".swap", CGW_UNIT_OTHER },
};

static bool is_unit_char(char ch)
{
	return isalnum((unsigned char)ch) || (ch && strchr(":-_.\\@", ch));
}

static bool has_suffix(const char *name, const char *suffix)
{
	const char *dot = strrchr(name, '.');

	return dot && !strcmp(dot, suffix);
}

/* Of a slice each dash begins a child, so that no part may be empty; "-.slice" is the root. */
static bool is_slice_name(const char *name)
{
	size_t n = strlen(name) - strlen(".slice");

	if (!strcmp(name, ROOT_SLICE))
		return true;
	if (name[0] == '-' || name[n - 1] == '-' || strchr(name, '@'))
		return false;
	for (size_t i = 1; i < n; i++)
		if (name[i] == '-' && name[i - 1] == '-')
			return false;
	return true;
}

static int bad_name(struct cgw *c, const char *name, const char *why)
{
	int err = cgw__bad(c, -EINVAL, "bad unit name '%.300s': %s", name, why);

	cgw__hint(c, "a name such as web.scope or web-api.slice: letters, digits and :-_.\\@");
	return err;
}

/* Would systemd take the name? */
int cgw__unit_check(struct cgw *c, const char *name, enum cgw__unit_kind *ret_kind)
{
	const char *suffix = strrchr(name, '.'), *at = strchr(name, '@');
	char why[64];

	if (strlen(name) > UNIT_NAME_MAX)
		return bad_name(c, name, "it is longer than 255 bytes");
	for (const char *p = name; *p; p++)
		if (!is_unit_char(*p)) {
			/* one byte of several is no character */
			snprintf(why, sizeof(why), *p & 0x80 ? "'\\x%02x' cannot be in it" : "'%c' cannot be in it",
				 (unsigned char)*p);
			return bad_name(c, name, why);
		}
	for (size_t i = 0; suffix && i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(suffix, kinds[i].suffix) != 0)
			continue;
		if (suffix == name)
			return bad_name(c, name, "there is nothing before its suffix");
		if (at && (at == name || at + 1 == suffix))
			return bad_name(c, name, "a template has no group");
		if (kinds[i].kind == CGW_UNIT_SLICE && !is_slice_name(name))
			return bad_name(c, name, "each part between the dashes of a slice must have a name");
		*ret_kind = kinds[i].kind;
		return 0;
	}
	return bad_name(c, name, "it ends in no suffix of a unit with a group: .scope, .slice, .service, ...");
}

/* What systemd calls the group: names that the kernel's files could have get a "_". */
static bool needs_escape(const char *name)
{
	static const char *const starts[] = { "cgroup", "cpu", "cpuacct", "cpuset", "io", "blkio",
					      "memory", "devices", "pids", "bpf-firewall",
					      "bpf-devices", "bpf-foreign", "bpf-socket-bind",
					      "bpf-restrict-network-interfaces" };

	if (name[0] == '_' || name[0] == '.')
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		size_t n = strlen(starts[i]);

		if (!strncmp(name, starts[i], n) && name[n] == '.')
			return true;
	}
	return false;
}

/* The longest path: 127 slices, each the name of the next longer one. */
#define PATH_ROOM ((size_t)UNIT_NAME_MAX * UNIT_NAME_MAX)

/* Append "/NAMESUFFIX", the first len bytes of the name. */
static void append(char *path, const char *name, size_t len, const char *suffix)
{
	size_t at = strlen(path);
	char whole[UNIT_NAME_MAX + 8];

	snprintf(whole, sizeof(whole), "%.*s%s", (int)len, name, suffix);
	snprintf(path + at, PATH_ROOM - at, "/%s%s", needs_escape(whole) ? "_" : "", whole);
}

/* "a-b.slice" is "/a.slice/a-b.slice". */
static void append_slice(char *path, const char *slice)
{
	size_t n = strlen(slice) - strlen(".slice");

	if (!strcmp(slice, ROOT_SLICE))
		return;
	for (size_t i = 1; i <= n; i++)
		if (i == n || slice[i] == '-')
			append(path, slice, i, ".slice");
}

/* Is the slice one, and of a slice's name the one above it? NULL is always right. */
int cgw__unit_check_slice(struct cgw *c, const char *slice, const char *name)
{
	const char *dash = strrchr(name, '-');
	enum cgw__unit_kind kind;
	char above[UNIT_NAME_MAX + 8] = ROOT_SLICE;
	int err;

	if (!slice)
		return 0;
	if (!has_suffix(slice, ".slice"))
		return cgw__bad(c, -EINVAL, "bad slice '%s': its name does not end in .slice", slice);
	err = cgw__unit_check(c, slice, &kind);
	if (!err)
		err = cgw__unit_check(c, name, &kind);
	if (err || kind != CGW_UNIT_SLICE)
		return err;
	if (dash && strcmp(name, ROOT_SLICE) != 0)
		snprintf(above, sizeof(above), "%.*s.slice", (int)(dash - name), name);
	if (!strcmp(slice, above))
		return 0;
	err = cgw__bad(c, -EINVAL, "'%s' cannot be in '%s': by its name it is in '%s'", name, slice, above);
	cgw__hint(c, "each dash in the name of a slice begins a child: a-b.slice is in a.slice");
	return err;
}

int cgw_unit_path(struct cgw *c, const char *slice, const char *name, char **ret_path)
{
	_cleanup_free_ char *path = calloc(1, PATH_ROOM);
	enum cgw__unit_kind kind;
	int err = cgw__unit_check(c, name, &kind);

	if (!err)
		err = cgw__unit_check_slice(c, slice, name);
	if (err)
		return err;
	if (!path)
		return cgw__oom(c);
	if (kind == CGW_UNIT_SLICE) {
		append_slice(path, name);
	} else {
		append_slice(path, slice ? slice : DEFAULT_SLICE);
		append(path, name, strlen(name), "");
	}
	*ret_path = strdup(path[0] ? path : "/");
	return *ret_path ? 0 : cgw__oom(c);
}

int cgw_unit_parse_triple(struct cgw *c, const char *triple, char **ret_slice, char **ret_name)
{
	const char *prefix = strchr(triple, ':'), *name = prefix ? strchr(prefix + 1, ':') : NULL;
	_cleanup_free_ char *slice = NULL, *unit = NULL;
	enum cgw__unit_kind kind;
	int err;

	if (!name || strchr(name + 1, ':') || prefix == triple || name == prefix + 1 || !name[1]) {
		err = cgw__bad(c, -EINVAL, "bad triple '%s': it is not SLICE:PREFIX:NAME", triple);
		cgw__hint(c, "system.slice:docker:4f2a is docker-4f2a.scope in system.slice");
		return err;
	}
	slice = strndup(triple, (size_t)(prefix - triple));
	if (has_suffix(name + 1, ".slice"))
		unit = strdup(name + 1);
	else if (asprintf(&unit, "%.*s-%s.scope", (int)(name - prefix - 1), prefix + 1, name + 1) < 0)
		unit = NULL;
	if (!slice || !unit)
		return cgw__oom(c);
	err = cgw__unit_check(c, unit, &kind);
	if (!err)
		err = cgw__unit_check_slice(c, slice, unit);
	if (err)
		return err;
	*ret_slice = TAKE_PTR(slice);
	*ret_name = TAKE_PTR(unit);
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What a group has against what it is to have. */
#include <ctype.h>
#include <inttypes.h>

#include "internal.h"

/* Numbers of a list as "0-3,6", to compare lists that are written in different ways. */
struct list {
	uint64_t bits[1024];
};

static bool parse_list(const char *text, struct list *l)
{
	memset(l, 0, sizeof(*l));
	while (*text) {
		char *end;
		unsigned long from, to;

		if (!isdigit((unsigned char)*text))
			return false;
		from = to = strtoul(text, &end, 10);
		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		if (to < from || to >= 64 * ARRAY_SIZE(l->bits))
			return false;
		for (; from <= to; from++)
			l->bits[from / 64] |= 1ULL << from % 64;
		text = end + (*end == ',');
		if (*end && *end != ',')
			return false;
	}
	return true;
}

/* Bytes are kept in whole pages. */
static uint64_t page_of(const char *file)
{
	uint64_t n;
	char unit;

	if (!strncmp(file, "memory.", 7))
		return (uint64_t)sysconf(_SC_PAGESIZE);
	if (sscanf(file, "hugetlb.%" SCNu64 "%cB", &n, &unit) != 2)
		return 1;
	return n << (unit == 'G' ? 30 : unit == 'M' ? 20 : 10);
}

static bool same_word(const char *file, const char *have, const char *want)
{
	static const char *const lists[] = { "cpuset.cpus", "cpuset.mems",
					     "cpuset.cpus.exclusive" };
	uint64_t page = page_of(file);

	if (!strcmp(have, want))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct list a, b;

		if (!strcmp(file, lists[i]))
			return parse_list(have, &a) && parse_list(want, &b) &&
			       !memcmp(&a, &b, sizeof(a));
	}
	if (!isdigit((unsigned char)have[0]) || !isdigit((unsigned char)want[0]) ||
	    want[strspn(want, "0123456789")])
		return false;
	return strtoull(have, NULL, 10) / page == strtoull(want, NULL, 10) / page;
}

/* The value of a key among words as "rbps=5 wbps=max"; "max" where it is not named. */
static const char *value_of(const char *words, const char *key, size_t len)
{
	for (const char *p = words; *p; p += strspn(p, " ")) {
		if (!strncmp(p, key, len) && p[len] == '=')
			return p + len + 1;
		p += strcspn(p, " ");
	}
	return "max";
}

/* Is each word that is wanted there? "K=V" wherever K stands, others at their place. */
static bool same_words(const char *file, const char *have, const char *want)
{
	_cleanup_free_ char *a = strdup(have), *b = strdup(want);
	char *save_a = NULL, *save_b = NULL, *x, *y;

	if (!a || !b)
		return false;
	x = strtok_r(a, " ", &save_a);
	for (y = strtok_r(b, " ", &save_b); y; y = strtok_r(NULL, " ", &save_b)) {
		char *equals = strchr(y, '=');

		if (equals) {
			const char *value = value_of(have, y, (size_t)(equals - y));
			size_t len = strcspn(value, " ");

			if (len != strlen(equals + 1) || strncmp(value, equals + 1, len) != 0)
				return false;
			continue;
		}
		/* A device without a line has no limit. */
		if (!x && !have[0] && strchr(want, '='))
			continue;
		if (!x || !same_word(file, x, y))
			return false;
		x = strtok_r(NULL, " ", &save_a);
	}
	return true;
}

/* The line of a keyed file that a value is about: "8:0 rbps=1" is about that of 8:0. */
static const char *line_of(char *text, const char *file, const char *want)
{
	size_t key = strcspn(want, " ");
	char *line, *next;

	if (!cgw__is_keyed(file)) {
		text[strcspn(text, "\n")] = '\0';
		return text;
	}
	for (line = text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!want[key] && !strncmp(line, "default ", 8))
			return line + 8;
		if (!want[key] && !strchr(line, ' '))
			return line;
		if (want[key] && !strncmp(line, want, key) && line[key] == ' ')
			return line;
	}
	return "";
}

struct diff {
	struct cgw_group *g;
	cgw_diff_fn fn;
	void *arg;
	int n;
};

static int compare(const struct cgw__setting *s, struct diff *d)
{
	_cleanup_free_ char *text = NULL;
	const char *file = s->file, *want = s->value, *have;
	char quota[64];
	ssize_t n = cgw__read_at(d->g->c, d->g->fd, file, &text);

	if (n == -ENOENT && s->or_file) {
		file = s->or_file;
		want = s->or_value;
		n = cgw__read_at(d->g->c, d->g->fd, file, &text);
	}
	if (n == -ENOENT && s->optional)
		return 0;
	if (n < 0) {
		/* For the reason, in words. */
		ssize_t again = cgw_group_read(d->g, file, &text);

		if (again == -ENOENT)
			return d->n++, d->fn(file, NULL, want, d->arg);
		return again < 0 ? (int)again : 0;
	}
	if (s->cpu) {
		snprintf(quota, sizeof(quota), "%" PRIu64, (uint64_t)s->cpu * 1000);
		have = strchr(text, ' ');
		if (have)
			snprintf(quota, sizeof(quota), "%llu",
				 strtoull(have, NULL, 10) * s->cpu / 100);
		want = quota;
	}
	have = line_of(text, file, want);
	if (same_words(file, have, want))
		return 0;
	d->n++;
	return d->fn(file, have, want, d->arg);
}

int cgw_group_diff(struct cgw_group *g, const struct cgw_resources *r, cgw_diff_fn fn, void *arg)
{
	_cleanup_free_ size_t *order = cgw__resources_order(r);
	struct diff d = { g, fn, arg, 0 };

	if (!order)
		return cgw__oom(g->c);
	for (size_t i = 0; i < r->n; i++) {
		int err = compare(&r->items[order[i]], &d);

		if (err)
			return err;
	}
	return d.n;
}

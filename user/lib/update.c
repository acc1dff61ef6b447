// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Values for control files: units made plain, applied all or none. */
#include <ctype.h>
#include <inttypes.h>

#include "internal.h"

int cgw_resources_new(struct cgw *c, struct cgw_resources **ret_r)
{
	struct cgw_resources *r = calloc(1, sizeof(*r));

	if (!r)
		return cgw__oom(c);
	r->c = c;
	*ret_r = r;
	return 0;
}

void cgw_resources_free(struct cgw_resources *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++) {
		free(r->items[i].file);
		free(r->items[i].value);
	}
	free(r->items);
	free(r);
}

/* Files that -s does not write, and what does. */
static const struct {
	const char *file;
	const char *command;
} others[] = {
	{ "cgroup.freeze", "cgward freeze" },
	{ "cgroup.kill", "cgward kill" },
	{ "cgroup.procs", "cgward attach" },
	{ "cgroup.subtree_control", "cgward controllers" },
	{ "cgroup.threads", "cgward attach --threads" },
	{ "cgroup.type", "cgward create --threaded" },
};

static bool is_file_name(const char *file)
{
	for (const char *p = file; *p; p++)
		if (!isgraph((unsigned char)*p) || *p == '/')
			return false;
	return file[0] && file[0] != '.' && strchr(file, '.');
}

static int check_file(struct cgw *c, const char *file, const char *assignment)
{
	int err;

	if (!is_file_name(file)) {
		err = cgw__bad(c, -EINVAL, "bad setting '%s': '%s' is not the name of a control file",
			       assignment, file);
		cgw__hint(c, "FILE=VALUE with FILE as the kernel names it, as memory.max=512M");
		return err;
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (!strcmp(file, others[i].file)) {
			err = cgw__bad(c, -EINVAL, "bad setting '%s': %s is not set this way",
				       assignment, file);
			cgw__hint(c, "%s does that", others[i].command);
			return err;
		}
	return 0;
}

/*
 * A number with a unit, as "512M", "1GiB" or "1KB", in plain digits.
 * Return: 1 and the number, 0 when the word is no such thing, -ERANGE, -EINVAL for digits
 * and letters that are no unit.
 */
static int parse_size(const char *word, size_t len, uint64_t *ret_number)
{
	static const char units[] = "KMGTPE";
	uint64_t number = 0;
	size_t i = 0, shift;
	const char *unit;

	for (; i < len && isdigit((unsigned char)word[i]); i++) {
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(word[i] - '0'), &number))
			return -ERANGE;
	}
	if (!i || i == len || !isalpha((unsigned char)word[i]))
		return 0;
	unit = strchr(units, toupper((unsigned char)word[i]));
	if (!unit)
		return -EINVAL;
	shift = 10 * (size_t)(unit - units + 1);
	i++;
	if (i < len && word[i] == 'i')
		i++;
	if (i < len && (word[i] == 'B' || word[i] == 'b'))
		i++;
	if (i != len)
		return -EINVAL;
	if (number > UINT64_MAX >> shift)
		return -ERANGE;
	*ret_number = number << shift;
	return 1;
}

/* "N%" as a whole number of percent; 0 when it is no percentage. */
static int parse_percent(const char *value, unsigned int *ret_percent)
{
	uint64_t n = 0;
	const char *p = value;

	for (; isdigit((unsigned char)*p); p++)
		if (n <= 100000000)
			n = n * 10 + (uint64_t)(*p - '0');
	if (p == value || strcmp(p, "%"))
		return strchr(value, '%') ? -EINVAL : 0;
	if (!n || n > 100000000)
		return -ERANGE;
	*ret_percent = (unsigned int)n;
	return 1;
}

/* MemTotal in bytes. */
static int read_mem_total(struct cgw *c, uint64_t *ret_bytes)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -EBADF;
	char path[256];
	const char *total;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/meminfo", c->proc_root ? c->proc_root : "/proc");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -errno : cgw__read_fd(fd, &text);
	total = n > 0 ? strstr(text, "MemTotal:") : NULL;
	if (!total)
		return cgw__fail(c, -ENODATA, "cannot read MemTotal of %s", path);
	*ret_bytes = strtoull(total + 9, NULL, 10) * 1024;
	return 0;
}

static int set_percent(struct cgw *c, struct cgw__setting *s, const char *assignment)
{
	unsigned int percent;
	uint64_t total;
	int err = parse_percent(s->value, &percent);

	if (!err)
		return 0;
	if (err == -EINVAL)
		return cgw__bad(c, err, "bad setting '%s': '%s' is not a whole number of percent",
				assignment, s->value);
	if (err < 0)
		return cgw__bad(c, err, "bad setting '%s': the percentage is out of range", assignment);
	if (!strcmp(s->file, "cpu.max")) {
		s->cpu = percent;
		return 0;
	}
	if (strncmp(s->file, "memory.", 7)) {
		err = cgw__bad(c, -EINVAL, "bad setting '%s': %s takes no percentage", assignment,
			       s->file);
		cgw__hint(c, "N%% is for cpu.max (of one CPU) and memory.* (of MemTotal)");
		return err;
	}
	if (percent > 100)
		return cgw__bad(c, -ERANGE, "bad setting '%s': more than 100%% of MemTotal", assignment);
	err = read_mem_total(c, &total);
	if (err)
		return err;
	free(s->value);
	s->value = NULL;
	if (asprintf(&s->value, "%" PRIu64, total / 100 * percent) < 0)
		return cgw__oom(c);
	return 0;
}

/* Write every word, and every VALUE of a KEY=VALUE word, with plain numbers. */
static int plain_numbers(struct cgw *c, struct cgw__setting *s, const char *assignment)
{
	/* A number with a unit grows to 20 digits at most. */
	char *out = malloc(strlen(s->value) * 11 + 32);
	const char *p = s->value, *word;
	size_t len, at = 0;

	if (!out)
		return cgw__oom(c);
	while ((word = cgw__next_word(&p, &len))) {
		const char *equals = memchr(word, '=', len);
		size_t key = equals ? (size_t)(equals - word) + 1 : 0;
		uint64_t number;
		int err = parse_size(word + key, len - key, &number);

		if (err < 0) {
			free(out);
			cgw__bad(c, err, "bad setting '%s': '%.*s' %s", assignment, (int)(len - key),
				 word + key, err == -ERANGE ? "does not fit in 64 bits" :
							      "has no unit of K, M, G, T, P, E");
			return err;
		}
		if (at)
			out[at++] = ' ';
		memcpy(out + at, word, key);
		at += key;
		if (err) {
			at += (size_t)sprintf(out + at, "%" PRIu64, number);
		} else {
			memcpy(out + at, word + key, len - key);
			at += len - key;
		}
	}
	out[at] = '\0';
	free(s->value);
	s->value = out;
	return 0;
}

int cgw_resources_add(struct cgw_resources *r, const char *assignment)
{
	const char *equals = strchr(assignment, '=');
	struct cgw__setting s = { 0 }, *items;
	int err = 0;

	if (!equals) {
		err = cgw__bad(r->c, -EINVAL, "bad setting '%s': it has no '='", assignment);
		cgw__hint(r->c, "FILE=VALUE with FILE as the kernel names it, as memory.max=512M");
		return err;
	}
	s.file = strndup(assignment, equals - assignment);
	s.value = strdup(equals + 1);
	if (!s.file || !s.value)
		err = cgw__oom(r->c);
	if (!err)
		err = check_file(r->c, s.file, assignment);
	if (!err && !s.value[strspn(s.value, " \t\n")])
		err = cgw__bad(r->c, -EINVAL, "bad setting '%s': the value is empty", assignment);
	if (!err)
		err = set_percent(r->c, &s, assignment);
	if (!err)
		err = plain_numbers(r->c, &s, assignment);
	if (!err) {
		items = realloc(r->items, (r->n + 1) * sizeof(*items));
		if (items) {
			r->items = items;
			r->items[r->n++] = s;
			return 0;
		}
		err = cgw__oom(r->c);
	}
	free(s.file);
	free(s.value);
	return err;
}

/* The controllers whose files are set, each once, separated by blanks. */
int cgw__resources_controllers(const struct cgw_resources *r, char **ret_names)
{
	size_t room = 1, at = 0;
	char *names;

	for (size_t i = 0; i < r->n; i++)
		room += strlen(r->items[i].file) + 1;
	names = malloc(room);
	if (!names)
		return cgw__oom(r->c);
	names[0] = '\0';
	for (size_t i = 0; i < r->n; i++) {
		_cleanup_free_ char *name = strdup(r->items[i].file);

		if (!name) {
			free(names);
			return cgw__oom(r->c);
		}
		name[strcspn(name, ".")] = '\0';
		/* cgroup.* files and pressure exist without any controller */
		if (!strcmp(name, "cgroup") || strstr(r->items[i].file, ".pressure") ||
		    cgw__has_word(names, name))
			continue;
		at += (size_t)sprintf(names + at, "%s%s", at ? " " : "", name);
	}
	*ret_names = names;
	return 0;
}

/* cpu.max=N%: the quota for the period the group has, kept. */
static int cpu_quota(struct cgw_group *g, unsigned int percent, char *buf, size_t size)
{
	_cleanup_free_ char *text = NULL;
	uint64_t period = 100000;
	ssize_t n = cgw_group_read(g, "cpu.max", &text);

	if (n < 0)
		return (int)n;
	if (strchr(text, ' '))
		period = strtoull(strchr(text, ' '), NULL, 10);
	snprintf(buf, size, "%" PRIu64 " %" PRIu64, period * percent / 100, period);
	return 0;
}

/* What lifts the limit of one key in a keyed file. */
static const char *no_limit(const char *file)
{
	if (!strcmp(file, "io.max"))
		return "rbps=max wbps=max riops=max wiops=max";
	if (!strcmp(file, "io.latency"))
		return "target=max";
	if (!strcmp(file, "rdma.max"))
		return "hca_handle=max hca_object=max";
	return strstr(file, "weight") ? "default" : "max";
}

/*
 * The line of a keyed file to write back: of "8:0 rbps=..." the part for the same device,
 * or one that lifts the limit when there was none.
 */
static char *previous_value(const struct cgw__setting *s, const char *text)
{
	size_t key = strcspn(s->value, " ");
	const char *line = text;
	char *previous;

	/* io.weight=N is short for its first line, "default N". */
	if (!s->value[key] && !strncmp(text, "default ", 8))
		return strndup(text, strcspn(text, "\n"));
	if (!s->value[key] || !strcmp(s->file, "cpu.max"))
		return strdup(text[0] ? text : "\n");
	while (line) {
		if (!strncmp(line, s->value, key) && line[key] == ' ')
			return strndup(line, strcspn(line, "\n"));
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (asprintf(&previous, "%.*s %s", (int)key, s->value, no_limit(s->file)) < 0)
		return NULL;
	return previous;
}

static int apply_one(struct cgw_group *g, const struct cgw__setting *s, char **ret_previous)
{
	_cleanup_free_ char *text = NULL, *previous = NULL;
	char quota[64];
	ssize_t n;
	int err;

	/* memory.reclaim and its like cannot be read: then there is nothing to put back. */
	n = cgw__read_at(g->c, g->fd, s->file, &text);
	if (n >= 0) {
		previous = previous_value(s, text);
		if (!previous)
			return cgw__oom(g->c);
	}
	if (s->cpu) {
		err = cpu_quota(g, s->cpu, quota, sizeof(quota));
		if (err)
			return err;
	}
	err = cgw_group_write(g, s->file, s->cpu ? quota : s->value);
	if (err)
		return err;
	*ret_previous = TAKE_PTR(previous);
	return 0;
}

int cgw_group_apply(struct cgw_group *g, const struct cgw_resources *r)
{
	char **previous = calloc(r->n ? r->n : 1, sizeof(*previous));
	size_t done;
	int err = 0;

	if (!previous)
		return cgw__oom(r->c);
	for (done = 0; done < r->n; done++) {
		err = apply_one(g, &r->items[done], &previous[done]);
		if (err)
			break;
	}
	for (size_t i = done; err && i--;)
		if (previous[i])
			cgw__write_at(g->c, g->fd, r->items[i].file, previous[i]);
	for (size_t i = 0; i < r->n; i++)
		free(previous[i]);
	free(previous);
	return err;
}

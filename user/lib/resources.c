// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Sets of values for control files: units made plain, in the order they are to be written. */
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

static void free_setting(struct cgw__setting *s)
{
	free(s->file);
	free(s->value);
	free(s->or_file);
	free(s->or_value);
}

void cgw_resources_free(struct cgw_resources *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		free_setting(&r->items[i]);
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
	{ "cpu.pressure", "cgward events --pressure" },
	{ "io.pressure", "cgward events --pressure" },
	{ "irq.pressure", "cgward events --pressure" },
	{ "memory.pressure", "cgward events --pressure" },
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

int cgw_parse_size(const char *text, uint64_t *ret_bytes)
{
	size_t digits = strspn(text, "0123456789");
	int got;

	if (digits && !text[digits]) {
		errno = 0;
		*ret_bytes = strtoull(text, NULL, 10);
		return -errno;
	}
	got = parse_size(text, strlen(text), ret_bytes);
	return got == 1 ? 0 : got ? got : -EINVAL;
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
	uint64_t total = 0;
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

/* Has the file a line for each device? */
bool cgw__is_keyed(const char *file)
{
	return !strncmp(file, "io.", 3) || !strncmp(file, "rdma.", 5) || !strncmp(file, "misc.", 5);
}

/* Does a setting say all that an earlier one does? Of a device it may say something else. */
static bool replaces(const struct cgw__setting *s, const struct cgw__setting *earlier)
{
	size_t key = strcspn(s->value, " ");

	if (strcmp(s->file, earlier->file) != 0)
		return false;
	if (!cgw__is_keyed(s->file))
		return true;
	return !strchr(s->value, '=') && key == strcspn(earlier->value, " ") &&
	       !s->value[key] == !earlier->value[key] &&
	       (!s->value[key] || !strncmp(s->value, earlier->value, key));
}

/* Take over a setting, also when that fails. Of what is given twice the latter counts. */
static int append(struct cgw_resources *r, struct cgw__setting *s)
{
	struct cgw__setting *items;
	size_t kept = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (replaces(s, &r->items[i]))
			free_setting(&r->items[i]);
		else
			r->items[kept++] = r->items[i];
	}
	r->n = kept;
	items = realloc(r->items, (r->n + 1) * sizeof(*items));
	if (!items) {
		free_setting(s);
		return cgw__oom(r->c);
	}
	r->items = items;
	r->items[r->n++] = *s;
	return 0;
}

int cgw_resources_add(struct cgw_resources *r, const char *assignment)
{
	const char *equals = strchr(assignment, '=');
	struct cgw__setting s = { 0 };
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
	if (!err)
		return append(r, &s);
	free_setting(&s);
	return err;
}

/* Add a value that is as the kernel takes it. */
int cgw__resources_set(struct cgw_resources *r, const char *file, const char *fmt, ...)
{
	struct cgw__setting s = { .file = strdup(file) };
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s.value, fmt, ap);
	va_end(ap);
	if (n < 0)
		s.value = NULL;
	if (s.file && s.value)
		return append(r, &s);
	free_setting(&s);
	return cgw__oom(r->c);
}

/* Add all of another set, which is left empty. */
int cgw__resources_move(struct cgw_resources *r, struct cgw_resources *from)
{
	struct cgw__setting *items = realloc(r->items, (r->n + from->n + 1) * sizeof(*items));

	if (!items)
		return cgw__oom(r->c);
	r->items = items;
	for (size_t i = 0; i < from->n; i++)
		append(r, &from->items[i]); /* has room */
	from->n = 0;
	r->check_use = r->check_use || from->check_use;
	return 0;
}

struct cgw__setting *cgw__resources_last(struct cgw_resources *r)
{
	return &r->items[r->n - 1];
}

/*
 * Files that the kernel judges by what others hold come after those: an idle group has no
 * weight, a partition needs its CPUs, a burst must not exceed the quota (which of the two is
 * first depends on which way they go, see update.c), and where to swap is known before memory
 * is taken away.
 */
static const char *const in_order[] = {
	"cpu.idle",	   "cpu.weight",	 "cpu.weight.nice",   "cpu.max",
	"cpu.max.burst",   "cpu.uclamp.max",	 "cpu.uclamp.min",    "cpuset.cpus",
	"cpuset.mems",	   "cpuset.cpus.exclusive", "cpuset.cpus.partition", "memory.min",
	"memory.low",	   "memory.swap.max",	 "memory.swap.high",  "memory.zswap.max",
	"memory.oom.group", "memory.max",	 "memory.high",	      "memory.reclaim",
};

static size_t rank_of(const struct cgw__setting *s)
{
	size_t i = 0;

	/* A weight is taken while the group is not idle: before it becomes that, after it was. */
	if (!strcmp(s->file, "cpu.idle") && strcmp(s->value, "0"))
		return 3;
	while (i < ARRAY_SIZE(in_order) && strcmp(in_order[i], s->file))
		i++;
	return i;
}

/* The settings' numbers in the order to write them; free() it. */
size_t *cgw__resources_order(const struct cgw_resources *r)
{
	size_t *order = calloc(r->n + 1, sizeof(*order));

	for (size_t i = 0; order && i < r->n; i++) {
		size_t at = i;

		for (; at && rank_of(&r->items[order[at - 1]]) > rank_of(&r->items[i]); at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
	return order;
}

int cgw_resources_for_each(const struct cgw_resources *r, cgw_setting_fn fn, void *arg)
{
	_cleanup_free_ size_t *order = cgw__resources_order(r);

	if (!order)
		return cgw__oom(r->c);
	for (size_t i = 0; i < r->n; i++) {
		const struct cgw__setting *s = &r->items[order[i]];
		char quota[64];
		int err;

		/* Offline there is no period to keep. */
		snprintf(quota, sizeof(quota), "%" PRIu64 " 100000", (uint64_t)s->cpu * 1000);
		err = fn(s->file, s->cpu ? quota : s->value,
			 cgw__value_problem(s->file, s->cpu ? quota : s->value), arg);
		if (err)
			return err;
	}
	return 0;
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


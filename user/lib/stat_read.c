// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Statistics from control files: one open, one read and no allocation for each. */
#include "stat.h"

#define MAX_FILE (64U << 20)
/* Whole pages below 2^63, less what rounding to the largest huge page takes. */
#define HUGETLB_NO_LIMIT (INT64_MAX - (2LL << 30))

/*
 * The whole of a file into the object's buffer, terminated. cgroupfs gives it in one read that
 * has room.
 */
ssize_t cgw__stat_fill(struct cgw_stat *stat, int fd)
{
	for (;;) {
		ssize_t n = -1;
		char *more;
		size_t room;

		if (stat->room) {
			n = pread(fd, stat->buf, stat->room, 0);
			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0)
				return -errno;
			if ((size_t)n < stat->room) {
				stat->buf[n] = '\0';
				return n;
			}
		}
		room = stat->room ? stat->room * 2 : 16384;
		if (room > MAX_FILE)
			return -EFBIG;
		more = realloc(stat->buf, room);
		if (!more)
			return -ENOMEM;
		stat->buf = more;
		stat->room = room;
	}
}

static ssize_t read_file(struct cgw__reading *r, const char *name)
{
	_cleanup_close_ int fd = cgw__open_beneath(r->stat->c, r->g->fd, name, O_RDONLY);

	return fd < 0 ? fd : cgw__stat_fill(r->stat, fd);
}

/* Digits, with a point among them or not. */
static int parse_number(const char *s, size_t len, struct cgw_metric *m)
{
	uint64_t value = 0;
	size_t point = len;

	for (size_t i = 0; i < len; i++) {
		unsigned int digit = (unsigned int)s[i] - '0';

		if (s[i] == '.' && point == len && i && i + 1 < len) {
			point = i;
			continue;
		}
		if (digit > 9)
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return -ERANGE;
	}
	m->value = value;
	m->decimals = point < len ? (unsigned int)(len - point - 1) : 0;
	return len ? 0 : -EINVAL;
}

static int complain(struct cgw__reading *r, int err, const struct cgw__word *name,
		    const struct cgw__word *key, const char *s, size_t len)
{
	return cgw__fail(r->stat->c, err, "cannot read %s of '%s': %s%s%s%s'%.*s' %s",
			 r->source ? r->source : r->file->name, r->g->path, name ? name->text : "",
			 name ? " " : "", key ? key->text : "", key ? ": " : "",
			 len > 80 ? 80 : (int)len, s,
			 err == -ERANGE ? "does not fit in 64 bits" : "is no number");
}

static int put_value(struct cgw__reading *r, const struct cgw__word *name,
		     const struct cgw__word *key, const char *s, size_t len)
{
	struct cgw_metric m = { .source = r->source };
	int err;

	if (len == 3 && !memcmp(s, "max", 3)) {
		m.value = UINT64_MAX;
		m.is_max = true;
	} else {
		err = parse_number(s, len, &m);
		/* A newer kernel's key may well be something else than a number. */
		if (err == -EINVAL && key && !key->def && !(name && name->def)) {
			cgw__log(r->stat->c, CGW_LOG_DEBUG, "%s: %s is no number", r->file->name,
				 key->text);
			return 0;
		}
		if (err)
			return complain(r, err, name, key, s, len);
		/* hugetlb of 6.18 shows no limit as this until the limit has been written. */
		if (r->file->def->mask == CGW_STAT_HUGETLB && m.value >= HUGETLB_NO_LIMIT) {
			m.value = UINT64_MAX;
			m.is_max = true;
		}
	}
	return cgw__stat_put(r->stat, r->file, name, key, &m);
}

/* The next word up to a blank or the end; its length, 0 at the end. */
static size_t next_word(const char **p, const char *end)
{
	const char *s = *p;

	while (s < end && *s == ' ')
		s++;
	*p = s;
	while (s < end && *s != ' ')
		s++;
	return (size_t)(s - *p);
}

static int parse_flat_line(struct cgw__reading *r, const char *s, const char *end)
{
	struct cgw__stat_file *f = r->file;
	const char *blank = memchr(s, ' ', (size_t)(end - s));
	const struct cgw__word *key;
	int err;

	if (!blank)
		return complain(r, -EINVAL, NULL, NULL, s, (size_t)(end - s));
	err = cgw__stat_word(r->stat, f->def, &f->keys, s, (size_t)(blank - s), &key);
	if (err)
		return err;
	return put_value(r, NULL, key, blank + 1, (size_t)(end - blank - 1));
}

/*
 * Kernels up to 6.5 may leave the newline after a device without numbers out: of several
 * names in a row the last one counts.
 */
static int parse_nested_line(struct cgw__reading *r, const char *s, const char *end)
{
	struct cgw__stat_file *f = r->file;
	const struct cgw__word *name = NULL, *key;
	size_t len;
	int err;

	for (; (len = next_word(&s, end)); s += len) {
		const char *value = memchr(s, '=', len);

		if (!value && f->def->form == CGW_FORM_NESTED) {
			err = cgw__stat_word(r->stat, f->def, &f->names, s, len, &name);
			if (err)
				return err;
			continue;
		}
		if (!value || value == s || (!name && f->def->form == CGW_FORM_NESTED))
			return complain(r, -EINVAL, name, NULL, s, len);
		err = cgw__stat_word(r->stat, f->def, &f->keys, s, (size_t)(value - s), &key);
		if (!err)
			err = put_value(r, name, key, value + 1, len - (size_t)(value + 1 - s));
		if (err)
			return err;
	}
	return 0;
}

/* Words beyond those that are known are left to a newer version. */
static int parse_words(struct cgw__reading *r, const char *s, const char *end)
{
	struct cgw__stat_file *f = r->file;
	size_t len;

	for (unsigned int i = 0; i < f->def->n_keys && (len = next_word(&s, end)); i++, s += len) {
		const char *name = f->def->keys[i].key;
		const struct cgw__word *key;
		int err = cgw__stat_word(r->stat, f->def, &f->keys, name, strlen(name), &key);

		if (!err)
			err = put_value(r, NULL, key, s, len);
		if (err)
			return err;
	}
	return 0;
}

static int parse_line(struct cgw__reading *r, const char *s, const char *end)
{
	switch (r->file->def->form) {
	case CGW_FORM_FLAT:
		return parse_flat_line(r, s, end);
	case CGW_FORM_NESTED:
	case CGW_FORM_PAIRS:
		return parse_nested_line(r, s, end);
	case CGW_FORM_WORDS:
		return parse_words(r, s, end);
	default:
		return put_value(r, NULL, NULL, s, (size_t)(end - s));
	}
}

/* Turn the content of r->file into metrics. */
int cgw__stat_parse(struct cgw__reading *r, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;
		int err = stop > text ? parse_line(r, text, stop) : 0;

		if (err)
			return err;
		text = stop + 1;
	}
	return 0;
}

static int gone(const struct cgw__reading *r)
{
	return cgw__fail(r->stat->c, -ENODEV, "cannot read the statistics of '%s': the group was removed",
			 r->g->path);
}

/* The controllers of the group, anew each time: this also tells whether it is still there. */
static int find_controllers(struct cgw__reading *r)
{
	ssize_t n;

	free(r->controllers);
	r->controllers = NULL;
	n = cgw__read_at(r->stat->c, r->g->fd, "cgroup.controllers", &r->controllers);
	if (n == -ENOENT || n == -ENODEV)
		return gone(r);
	return n < 0 ? cgw__err(r->stat->c, (int)n, "cannot read cgroup.controllers of '%s'",
				r->g->path) : 0;
}

/* How large is the group's cgward device policy? Whoever may not ask has no answer. */
static int read_policy(struct cgw__reading *r)
{
	struct cgw__stat_file *f = r->file;
	_cleanup_(cgw_devices_free) struct cgw_devices d = { NULL };
	_cleanup_free_ struct cgw_policy_entry *entries = NULL;
	struct cgw_metric m[] = { { .value = 0 }, { .value = 0 } };
	ssize_t n = 0;
	int err = cgw_group_get_devices(r->g, &d);

	if (err)
		return err == -ENOMEM ? err : 0;
	if (d.policy)
		n = cgw_policy_entries(d.policy, &entries);
	if (n < 0)
		return (int)n;
	m[0].value = (uint64_t)n;
	m[1].value = d.class_bytes;
	for (unsigned int i = 0; i < f->def->n_keys && !err; i++) {
		const char *name = f->def->keys[i].key;
		const struct cgw__word *key;

		err = cgw__stat_word(r->stat, f->def, &f->keys, name, strlen(name), &key);
		if (!err)
			err = cgw__stat_put(r->stat, f, NULL, key, &m[i]);
	}
	return err;
}

/* Is it the controller that is missing, or does this kernel not have the file? */
static int note_missing(struct cgw__reading *r)
{
	const char *controller = r->file->def->controller;
	int err = r->controllers ? 0 : find_controllers(r);

	if (!err && (!controller || cgw__has_word(r->controllers, controller))) {
		r->file->missed = true;
		r->missed++;
	}
	return err;
}

static int read_one(struct cgw__reading *r)
{
	struct cgw__stat_file *f = r->file;
	const char *controller = f->def->controller;
	ssize_t n;

	f->missed = false;
	if (!f->selected || f->absent[r->is_root])
		return 0;
	if (f->def->form == CGW_FORM_POLICY)
		return read_policy(r);
	if (controller && r->controllers && !cgw__has_word(r->controllers, controller))
		return 0;
	n = read_file(r, f->name);
	switch (n) {
	case -ENOENT:
		return note_missing(r);
	case -ENODEV:
		return gone(r);
	case -EOPNOTSUPP:
		/* PSI is off, and that does not change before the next boot. */
		f->absent[0] = f->absent[1] = f->def->mask == CGW_STAT_PSI;
		return 0;
	default:
		if (n < 0)
			return cgw__err(r->stat->c, (int)n, "cannot read %s of '%s'", f->name, r->g->path);
		r->n_psi += f->def->mask == CGW_STAT_PSI;
		return cgw__stat_parse(r, r->stat->buf, (size_t)n);
	}
}

/*
 * What is missing although its controller is there is looked for no more, if the group still
 * is: else everything is missing. A group can hide its pressure files, all at once; beside the
 * three that always go together one may be missing for good.
 */
static int learn(struct cgw__reading *r)
{
	int err = find_controllers(r);

	for (size_t i = 0; i < r->stat->n_files && !err; i++) {
		struct cgw__stat_file *f = &r->stat->files[i];

		if (f->missed && (f->def->mask != CGW_STAT_PSI || r->n_psi == 3))
			f->absent[r->is_root] = true;
	}
	return err;
}

/* Add the files of one size, met by its "hugetlb.SIZE.current". */
static int add_size(struct cgw_stat *stat, const char *file)
{
	const char *size = file + strlen("hugetlb.");
	int n = (int)strcspn(size, "."), err = 0;

	for (size_t i = 0; i < cgw__n_files && !err; i++) {
		const struct cgw__file_def *def = &cgw__files[i];
		const char *star = strchr(def->name, '*');
		char name[NAME_MAX + 1];

		if (!star)
			continue;
		snprintf(name, sizeof(name), "%.*s%.*s%s", (int)(star - def->name), def->name, n, size,
			 star + 1);
		err = cgw__stat_add_file(stat, def, name);
	}
	return err;
}

static bool wants_sizes(const struct cgw_stat *stat)
{
	bool wanted = stat->mask & CGW_STAT_HUGETLB;

	for (size_t i = 0; i < stat->n_fields; i++)
		wanted = wanted || !strncmp(stat->fields[i].text, "hugetlb", 7);
	return wanted;
}

/* Which sizes of huge pages there are is seen in the first group that has the controller. */
static int find_sizes(struct cgw__reading *r)
{
	_cleanup_(cgw__closedirp) DIR *dir = NULL;
	const struct dirent *entry;
	int fd, err = 0;

	if (r->stat->has_sizes || r->is_root || !wants_sizes(r->stat) ||
	    !cgw__has_word(r->stat->available, "hugetlb"))
		return 0;
	err = find_controllers(r);
	if (err || !cgw__has_word(r->controllers, "hugetlb"))
		return err;
	fd = cgw__open_beneath(r->stat->c, r->g->fd, ".", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd == -ENOENT ? gone(r) :
			       cgw__err(r->stat->c, fd, "cannot list the files of '%s'", r->g->path);
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return cgw__oom(r->stat->c);
	}
	while (!err && (entry = readdir(dir))) {
		const char *rest;

		if (cgw__compare_names("hugetlb.*.current", entry->d_name, &rest) == CGW_SAME)
			err = add_size(r->stat, entry->d_name);
	}
	r->stat->has_sizes = true;
	return err;
}

/* What the root of the hierarchy does not have, nobody has. */
static int find_available(struct cgw_stat *stat)
{
	int root = cgw__root(stat->c);
	ssize_t n;

	if (root < 0 || stat->available)
		return root < 0 ? root : 0;
	n = cgw__read_at(stat->c, root, "cgroup.controllers", &stat->available);
	if (n < 0)
		return cgw__err(stat->c, (int)n, "cannot read cgroup.controllers of '/'");
	for (size_t i = 0; i < stat->n_files; i++) {
		struct cgw__stat_file *f = &stat->files[i];

		if (f->def->controller && !cgw__has_word(stat->available, f->def->controller))
			f->absent[0] = f->absent[1] = true;
	}
	return 0;
}

int cgw_group_stat(struct cgw_group *g, struct cgw_stat *stat)
{
	struct cgw__reading r = { .stat = stat, .g = g, .is_root = cgw__group_is_root(g) };
	int err = find_available(stat);

	stat->n_metrics = 0;
	if (!err)
		err = find_sizes(&r);
	for (size_t i = 0; i < stat->n_files && !err; i++) {
		r.file = &stat->files[i];
		err = read_one(&r);
	}
	if (!err && r.missed)
		err = learn(&r);
	if (!err && r.is_root)
		err = cgw__stat_root(&r);
	free(r.controllers);
	if (err)
		stat->n_metrics = 0;
	return err;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Sets of values written to a group, all or none. */
#include <ctype.h>
#include <inttypes.h>

#include "internal.h"

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
	if (!strcmp(file, "io.cost.qos"))
		return "enable=0";
	if (!strcmp(file, "io.cost.model"))
		return "ctrl=auto";
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
	/* "root invalid (...)": the word is what was asked for */
	if (!strcmp(s->file, "cpuset.cpus.partition"))
		return strndup(text, strcspn(text, " "));
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

/* A setting as it is for this group: which file, which value. */
struct write {
	const char *file;
	char *value;
	char *previous; /* what to put back; NULL when the file cannot be read */
	bool skip;	/* there is no such file, and that is all right */
};

struct writes {
	struct write *list;
	size_t n;
	size_t done;
};

static void free_writes(struct writes *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->list[i].value);
		free(w->list[i].previous);
	}
	free(w->list);
}

/* Read what is there, and settle what depends on it. */
static int resolve(struct cgw_group *g, const struct cgw__setting *s, struct write *w)
{
	_cleanup_free_ char *text = NULL;
	struct cgw__setting seen = *s;
	char quota[64];
	ssize_t n = 0;
	int err;

	/* A group that is being made is removed again: nothing is put back in it. */
	if (!g->fresh || s->or_file || s->optional)
		n = cgw__read_at(g->c, g->fd, s->file, &text);

	if (n == -ENOENT && s->or_file) {
		seen.file = s->or_file;
		seen.value = s->or_value;
		n = cgw__read_at(g->c, g->fd, seen.file, &text);
	}
	w->skip = n == -ENOENT && s->optional;
	if (s->cpu && !w->skip) {
		err = cpu_quota(g, s->cpu, quota, sizeof(quota));
		if (err)
			return err;
		seen.value = quota;
	}
	w->file = seen.file;
	w->value = strdup(seen.value);
	/* memory.reclaim and its like cannot be read: then there is nothing to put back. */
	if (n >= 0 && text)
		w->previous = previous_value(&seen, text);
	return w->value && (n < 0 || !text || w->previous) ? 0 : cgw__oom(g->c);
}

static struct write *find_write(struct writes *w, const char *file)
{
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->list[i].file, file) && !w->list[i].skip)
			return &w->list[i];
	return NULL;
}

/*
 * The kernel refuses a burst above the quota, whichever of the two is written. The quota comes
 * first, except where it would go below the burst that the group has.
 */
static void order_burst(struct writes *w)
{
	struct write *quota = find_write(w, "cpu.max"), *burst = find_write(w, "cpu.max.burst");

	if (!quota || !burst || burst < quota || !burst->previous ||
	    !isdigit((unsigned char)quota->value[0]))
		return;
	if (strtoull(burst->previous, NULL, 10) > strtoull(quota->value, NULL, 10)) {
		struct write first = *burst;

		memmove(quota + 1, quota, (size_t)(burst - quota) * sizeof(*quota));
		*quota = first;
	}
}

static int resolve_all(struct cgw_group *g, const struct cgw_resources *r, struct writes *w)
{
	_cleanup_free_ size_t *order = cgw__resources_order(r);

	w->list = calloc(r->n + 1, sizeof(*w->list));
	if (!order || !w->list)
		return cgw__oom(g->c);
	for (; w->n < r->n; w->n++) {
		int err = resolve(g, &r->items[order[w->n]], &w->list[w->n]);

		if (err) {
			w->n++;
			return err;
		}
	}
	order_burst(w);
	return 0;
}

/* The kernel took the values once; where it no longer does, that is told. */
static void put_back(struct cgw_group *g, const struct writes *w)
{
	for (size_t i = w->done; i--;) {
		const struct write *one = &w->list[i];
		int err = 0;

		if (!one->skip && one->previous)
			err = cgw__write_at(g->c, g->fd, one->file, one->previous);
		if (err)
			cgw__log(g->c, CGW_LOG_WARNING, "cannot put back %s=%s in '%s': %s",
				 one->file, one->previous, g->path, strerrordesc_np(-err));
	}
}

/* A partition is not made for being asked for: the kernel takes the word, and keeps "invalid". */
static int check_partition(struct cgw_group *g, const struct write *w)
{
	_cleanup_free_ char *state = NULL;

	if (strcmp(w->file, "cpuset.cpus.partition") != 0 ||
	    cgw__read_at(g->c, g->fd, w->file, &state) < 0 || !strstr(state, "invalid"))
		return 0;
	return cgw__fail(g->c, -EINVAL, "cannot set %s=%s in '%s': it would be '%s'", w->file,
			 w->value, g->path, state);
}

static int write_all(struct cgw_group *g, struct writes *w)
{
	for (; w->done < w->n; w->done++) {
		const struct write *one = &w->list[w->done];
		int err = one->skip ? 0 : cgw_group_write(g, one->file, one->value);

		if (!err && !one->skip) {
			err = check_partition(g, one);
			w->done += err != 0; /* it was written */
		}
		if (err) {
			put_back(g, w);
			return err;
		}
	}
	return 0;
}

int cgw_group_apply(struct cgw_group *g, const struct cgw_resources *r)
{
	_cleanup_(free_writes) struct writes w = { 0 };
	int err = resolve_all(g, r, &w);

	return err ? err : write_all(g, &w);
}

static int read_u64(struct cgw_group *g, const char *file, uint64_t *ret)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n = cgw_group_read(g, file, &text);

	if (n < 0)
		return (int)n;
	*ret = isdigit((unsigned char)text[0]) ? strtoull(text, NULL, 10) : UINT64_MAX;
	return 0;
}

/*
 * memory.max goes below what is in use: the kernel would reclaim, and kill where that is not
 * enough. With reclaim, nothing more is let in (memory.high) while memory is taken away, and
 * until memory.max is there.
 */
static int make_room(struct cgw_group *g, const char *value, const struct cgw_update_opts *opts,
		     char **ret_high)
{
	int64_t deadline = cgw__deadline(opts->timeout_ms);
	uint64_t limit = strtoull(value, NULL, 10), use = 0;
	char bytes[32];
	ssize_t n;
	int err = read_u64(g, "memory.current", &use);

	if (err || use <= limit)
		return err;
	if (!opts->reclaim) {
		err = cgw__fail(g->c, -EBUSY,
				"cannot set memory.max=%s in '%s': %llu bytes are in use", value,
				g->path, (unsigned long long)use);
		cgw__hint(g->c, "--reclaim takes memory away first, %s",
			  opts->force ? "and checkBeforeUpdate rules --force out" :
					"--force lets the kernel kill for it");
		return err;
	}
	n = cgw_group_read(g, "memory.high", ret_high);
	if (n < 0)
		return (int)n;
	err = cgw_group_write(g, "memory.high", value);
	while (!err && use > limit && cgw__now_ns() < deadline) {
		/* EAGAIN: less than that was reclaimed. */
		snprintf(bytes, sizeof(bytes), "%" PRIu64, use - limit);
		err = cgw__write_at(g->c, g->fd, "memory.reclaim", bytes);
		err = err == -EAGAIN || err == -EINTR || err == -ENOENT ? 0 : err;
		if (!err)
			err = read_u64(g, "memory.current", &use);
	}
	if (!err && use > limit)
		err = cgw__fail(g->c, -EBUSY,
				"cannot set memory.max=%s in '%s': %llu bytes are still in use "
				"after reclaim",
				value, g->path, (unsigned long long)use);
	return err;
}

int cgw_group_update(struct cgw_group *g, const struct cgw_update_opts *opts)
{
	static const struct cgw_resources none;
	const struct cgw_resources *r = opts->resources ? opts->resources : &none;
	_cleanup_(free_writes) struct writes w = { 0 };
	_cleanup_free_ char *high = NULL;
	const struct write *max;
	int err = 0;

	if (opts->sz < sizeof(*opts))
		return cgw__bad(g->c, -EINVAL, "the options of an update are %zu bytes, not %zu",
				opts->sz, sizeof(*opts));
	err = resolve_all(g, r, &w);
	max = err ? NULL : find_write(&w, "memory.max");
	/* The root has no limit: the write will tell. */
	if (max && isdigit((unsigned char)max->value[0]) && (!opts->force || r->check_use) &&
	    !cgw__group_is_root(g))
		err = make_room(g, max->value, opts, &high);
	if (!err)
		err = write_all(g, &w);
	if (high && (err || !find_write(&w, "memory.high")))
		cgw__write_at(g->c, g->fd, "memory.high", high);
	if (!err && opts->devices) {
		err = cgw_group_set_devices(g, opts->devices);
		if (err < 0)
			put_back(g, &w);
	}
	return err < 0 ? err : 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The root of the hierarchy is the whole machine: /proc knows what its files do not tell. */
#include "stat.h"

static ssize_t read_proc(struct cgw__reading *r, const char *file)
{
	const char *proc = r->stat->c->proc_root ? r->stat->c->proc_root : "/proc";
	_cleanup_close_ int fd = -EBADF;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", proc, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : cgw__stat_fill(r->stat, fd);
}

/* The sum of some lines "KEY: N kB" of /proc/meminfo; false unless all are there. */
static bool sum_meminfo(const char *text, size_t len, const char *const *keys, uint64_t *ret_bytes)
{
	uint64_t sum = 0;

	for (; *keys; keys++) {
		const char *line = memmem(text, len, *keys, strlen(*keys));

		if (!line)
			return false;
		sum += strtoull(line + strlen(*keys), NULL, 10) * 1024;
	}
	*ret_bytes = sum;
	return true;
}

static int put_number(struct cgw__reading *r, uint64_t value)
{
	struct cgw_metric m = { .value = value, .source = r->source };

	return cgw__stat_put(r->stat, r->file, NULL, NULL, &m);
}

/* anon + file, as memory.current of a group has it for the most part. */
static int memory_current(struct cgw__reading *r)
{
	static const char *const keys[] = { "\nAnonPages:", "\nCached:", "\nBuffers:", NULL };
	uint64_t anon, file;
	ssize_t n;

	if (!cgw_stat_get(r->stat, "memory.stat", NULL, "anon", &anon) &&
	    !cgw_stat_get(r->stat, "memory.stat", NULL, "file", &file)) {
		r->source = "memory.stat";
		return put_number(r, anon + file);
	}
	r->source = "/proc/meminfo";
	n = read_proc(r, "meminfo");
	return n > 0 && sum_meminfo(r->stat->buf, (size_t)n, keys, &anon) ? put_number(r, anon) : 0;
}

static int swap_current(struct cgw__reading *r)
{
	static const char *const total[] = { "\nSwapTotal:", NULL }, *const idle[] = { "\nSwapFree:", NULL };
	ssize_t n = read_proc(r, "meminfo");
	uint64_t all, rest;

	if (n <= 0 || !sum_meminfo(r->stat->buf, (size_t)n, total, &all) ||
	    !sum_meminfo(r->stat->buf, (size_t)n, idle, &rest) || rest > all)
		return 0;
	r->source = "/proc/meminfo";
	return put_number(r, all - rest);
}

/* The fourth word of /proc/loadavg: tasks that run, of all there are. */
static int pids_current(struct cgw__reading *r)
{
	ssize_t n = read_proc(r, "loadavg");
	const char *slash = n > 0 ? memchr(r->stat->buf, '/', (size_t)n) : NULL;

	if (!slash)
		return 0;
	r->source = "/proc/loadavg";
	return put_number(r, strtoull(slash + 1, NULL, 10));
}

static int pressure(struct cgw__reading *r)
{
	char file[32];
	ssize_t n;

	snprintf(file, sizeof(file), "pressure/%.*s", (int)strcspn(r->file->name, "."), r->file->name);
	n = read_proc(r, file);
	r->source = "/proc/pressure";
	return n > 0 ? cgw__stat_parse(r, r->stat->buf, (size_t)n) : 0;
}

static const struct {
	const char *file;
	int (*fn)(struct cgw__reading *r);
} fallbacks[] = {
	{ "pids.current", pids_current },    { "cpu.pressure", pressure },
	{ "memory.current", memory_current }, { "memory.swap.current", swap_current },
	{ "memory.pressure", pressure },     { "io.pressure", pressure },
	{ "irq.pressure", pressure },
};

/* Has the file given a metric? */
static bool was_read(const struct cgw_stat *stat, const char *file)
{
	for (size_t i = 0; i < stat->n_metrics; i++)
		if (stat->metrics[i].m.file == file)
			return true;
	return false;
}

/* The root of a cgroup namespace is "/" too, but a group like any other. */
static bool is_machine(const struct cgw_group *g)
{
	return faccessat(g->fd, "cgroup.type", F_OK, 0) < 0 && errno == ENOENT;
}

int cgw__stat_root(struct cgw__reading *r)
{
	int err = 0;

	if (!is_machine(r->g))
		return 0;
	for (size_t i = 0; i < r->stat->n_files && !err; i++) {
		r->file = &r->stat->files[i];
		r->source = NULL;
		for (size_t j = 0; r->file->selected && j < ARRAY_SIZE(fallbacks); j++)
			if (!strcmp(fallbacks[j].file, r->file->name) &&
			    !was_read(r->stat, r->file->name))
				err = fallbacks[j].fn(r);
	}
	r->source = NULL;
	return err;
}

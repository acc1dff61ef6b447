// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What is known of OOM kills after the fact: counters of groups, and the kernel's log. */
#include "cmd.h"

struct wanted {
	const char *key;
	uint64_t value;
};

static int take_key(const char *name, const char *key, const char *value, void *arg)
{
	struct wanted *w = arg;

	(void)name;
	if (!strcmp(key, w->key))
		w->value = strtoull(value, NULL, 10);
	return 0;
}

/* A counter of memory.events or memory.events.local; LEVEL_UNKNOWN where there is none. */
uint64_t oom_counter(struct cgw_group *g, const char *file, const char *key)
{
	_cleanup_free_ char *text = NULL;
	struct wanted w = { key, LEVEL_UNKNOWN };

	if (cgw_group_read(g, file, &text) >= 0)
		cgw_parse_flat(text, take_key, &w);
	return w.value;
}

static uint64_t amount(struct cgw_group *g, const char *file)
{
	_cleanup_free_ char *text = NULL;

	if (cgw_group_read(g, file, &text) < 0)
		return LEVEL_UNKNOWN;
	return !strncmp(text, "max", 3) ? CGW_TRACE_OOM_NO_LIMIT : strtoull(text, NULL, 10);
}

/* A group's memory as its files have it now. */
static void read_level(struct cgw_group *g, struct cgw_trace_oom_level *l)
{
	l->group = cgw_group_id(g);
	l->usage = amount(g, "memory.current");
	l->max = amount(g, "memory.max");
	l->high = amount(g, "memory.high");
	l->peak = amount(g, "memory.peak");
	l->swap_usage = amount(g, "memory.swap.current");
	l->swap_max = amount(g, "memory.swap.max");
	l->oom = oom_counter(g, "memory.events.local", "oom");
	l->oom_kill = oom_counter(g, "memory.events.local", "oom_kill");
	l->oom_group = amount(g, "memory.oom.group") == 1;
}

/* The group of that path and those above it, as far as they exist. Return: how many. */
size_t oom_read_levels(struct cmd_ctx *x, const char *path, struct level *levels, size_t max)
{
	_cleanup_free_ char *at = strdup(path);
	size_t n = 0;

	while (at && at[1] && n < max) {
		_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;

		if (!cgw_group_open(x->c, at, &g)) {
			levels[n] = (struct level){ .path = strdup(at) };
			if (!levels[n].path)
				break;
			read_level(g, &levels[n++].numbers);
		}
		*(strrchr(at, '/') == at ? at + 1 : strrchr(at, '/')) = '\0';
	}
	return n;
}

void oom_free_levels(struct level *levels, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((char *)levels[i].path);
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

static int keep(const struct cgw_oom_kill *k, void *arg)
{
	struct oom_kills *kills = arg;
	struct cgw_oom_kill *more;

	if (!k->path) {
		kills->unknown++;
		return 0;
	}
	more = realloc(kills->list, (kills->n + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	kills->list = more;
	more += kills->n;
	*more = *k;
	more->comm = copy(k->comm);
	more->path = copy(k->path);
	more->limit = copy(k->limit);
	more->oom_group = copy(k->oom_group);
	kills->n++;
	return more->comm && more->path ? 0 : -ENOMEM;
}

/* Those in a group and below it that the kernel's log has. */
int oom_read_log(struct cmd_ctx *x, const char *path, struct oom_kills *kills)
{
	return cgw_oom_log(x->c, path, keep, kills);
}

void oom_free_kills(struct oom_kills *kills)
{
	for (size_t i = 0; i < kills->n; i++) {
		free((char *)kills->list[i].comm);
		free((char *)kills->list[i].path);
		free((char *)kills->list[i].limit);
		free((char *)kills->list[i].oom_group);
	}
	free(kills->list);
}

/* "tail (pid 42, uid 0) of /a/b, at the limit of /a: 19.7M anonymous" */
void print_kill(FILE *f, const struct cgw_oom_kill *k)
{
	struct sizes sizes = { k->anon_rss, k->file_rss, k->shmem_rss, 0 };

	fprintf(f, "%s (pid %d", k->comm, k->pid);
	if (k->uid != (uid_t)-1)
		fprintf(f, ", uid %u", k->uid);
	if (k->oom_score_adj)
		fprintf(f, ", oom_score_adj %d", k->oom_score_adj);
	fprintf(f, ") of %s, ", k->path);
	if (k->global)
		fputs("no group's limit: the machine had no memory left", f);
	else if (k->limit)
		fprintf(f, "at the limit of %s", k->limit);
	else
		fputs("at a limit that the log does not name", f);
	if (k->oom_group)
		fprintf(f, ", killed with all of %s", k->oom_group);
	fputs("; it had ", f);
	print_sizes(f, &sizes);
}

/* The nearest group, from the first up, whose own limit has fired; NULL = none. */
const struct level *oom_fired(const struct level *levels, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (levels[i].numbers.oom && levels[i].numbers.oom != LEVEL_UNKNOWN)
			return &levels[i];
	return NULL;
}

/* Without the log there are the counters of the groups. */
static void tell_counters(struct cmd_ctx *x, const char *path)
{
	struct level levels[CGW_TRACE_OOM_LEVELS];
	size_t n = oom_read_levels(x, path, levels, CGW_TRACE_OOM_LEVELS);
	const struct level *fired = oom_fired(levels, n);
	char max[32] = "";

	if (fired && fired->numbers.max < LEVEL_UNKNOWN)
		format_bytes(fired->numbers.max, max, sizeof(max));
	if (fired)
		cmd_note(x, "  at the limit of %s%s%s%s", fired->path, max[0] ? " (memory.max " : "", max,
			 max[0] ? ")" : "");
	else
		cmd_note(x, "  at no limit of its own or of a group above it: the machine had no memory left");
	oom_free_levels(levels, n);
}

/* Tell the last kills in a group, so many of them, from the log where it can be read. */
void oom_tell(struct cmd_ctx *x, struct cgw_group *g, uint64_t n)
{
	_cleanup_(oom_free_kills) struct oom_kills kills = { 0 };
	const char *path = cgw_group_path(g);

	if (oom_read_log(x, path, &kills) || kills.n < n) {
		tell_counters(x, path);
		return;
	}
	for (size_t i = kills.n - n; i < kills.n; i++) {
		_cleanup_free_ char *text = NULL;
		size_t size;
		FILE *f = open_memstream(&text, &size);

		if (!f)
			return;
		print_kill(f, &kills.list[i]);
		if (fclose(f))
			return;
		cmd_note(x, "  %s", text);
	}
}

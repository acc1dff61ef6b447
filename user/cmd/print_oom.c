// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What the tracer of OOM kills tells: a sentence, and the memory of the groups around it. */
#include <inttypes.h>

#include "cmd.h"

static const char *const constraints[] = { "none", "cpuset", "memory_policy", "memcg" };

/* The group so many levels above PATH: its own part of that; "..." where that is missing. */
static char *path_above(const char *path, unsigned int up)
{
	char *copy = strdup(path[0] ? path : "?");

	for (; copy && up; up--) {
		char *slash = strrchr(copy, '/');

		if (!slash || !slash[1] || !strcmp(slash, "/...")) {
			copy[0] = copy[1] ? '?' : '/';
			copy[1] = '\0';
			break;
		}
		*(slash == copy ? slash + 1 : slash) = '\0';
	}
	return copy;
}

static void format_amount(uint64_t bytes, char *buf, size_t size)
{
	if (bytes == CGW_TRACE_OOM_NO_LIMIT)
		snprintf(buf, size, "max");
	else if (bytes == LEVEL_UNKNOWN)
		snprintf(buf, size, "-");
	else
		format_bytes(bytes, buf, size);
}

static void print_amount(FILE *f, uint64_t bytes)
{
	char text[32];

	format_amount(bytes, text, sizeof(text));
	fprintf(f, "  %7s", text);
}

static void print_count(FILE *f, int width, uint64_t n)
{
	if (n == LEVEL_UNKNOWN)
		fprintf(f, "  %*s", width, "-");
	else
		fprintf(f, "  %*" PRIu64, width, n);
}

void print_levels(FILE *f, const struct level *levels, size_t n)
{
	int width = 5;

	for (size_t i = 0; i < n; i++)
		width = (int)strlen(levels[i].path) > width ? (int)strlen(levels[i].path) : width;
	fprintf(f, "    %-*s  current      max     high     peak     swap swap.max  oom oom_kill", width,
		"group");
	for (size_t i = 0; i < n; i++) {
		const struct cgw_trace_oom_level *l = &levels[i].numbers;

		fprintf(f, "\n    %-*s", width, levels[i].path);
		print_amount(f, l->usage);
		print_amount(f, l->max);
		print_amount(f, l->high);
		print_amount(f, l->peak);
		print_amount(f, l->swap_usage);
		print_amount(f, l->swap_max);
		print_count(f, 3, l->oom);
		print_count(f, 7, l->oom_kill);
		fprintf(f, "%s%s", levels[i].limit ? "  its limit" : "",
			l->oom_group ? "  memory.oom.group" : "");
	}
}

void print_sizes(FILE *f, const struct sizes *sizes)
{
	const struct {
		uint64_t bytes;
		const char *what;
	} parts[] = { { sizes->anon, "anonymous" }, { sizes->file, "of files" },
		      { sizes->shmem, "shared" }, { sizes->swap, "in swap" } };
	const char *sep = "";

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		char text[32];

		if (!parts[i].bytes && i)
			continue;
		format_bytes(parts[i].bytes, text, sizeof(text));
		fprintf(f, "%s%s %s", sep, text, parts[i].what);
		sep = ", ";
	}
}

/* The levels of a record with their paths. Return: how many; free_levels() them. */
static size_t get_levels(const struct cgw_trace_event *e, struct level *levels)
{
	const struct cgw_trace_oom *r = (const void *)e->record;
	size_t n = r->n_levels < CGW_TRACE_OOM_LEVELS ? r->n_levels : CGW_TRACE_OOM_LEVELS;

	for (size_t i = 0; i < n; i++)
		levels[i] = (struct level){ .path = path_above(e->path, r->levels[i].up),
					    .numbers = r->levels[i],
					    .limit = i == r->limit_level };
	return n;
}

static void free_levels(struct level *levels, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((char *)levels[i].path);
}

/* "at the limit of /a (memory.max 20.0M)" */
static void print_limit(FILE *f, const struct cgw_trace_oom *r, const struct level *levels,
			size_t n)
{
	char max[32];

	if (r->scope == CGW_TRACE_OOM_GLOBAL) {
		fputs(r->constraint == 1 ? "the nodes of its cpuset had no memory left" :
		      r->constraint == 2 ? "the nodes of its memory policy had no memory left" :
					   "the machine had no memory left",
		      f);
		return;
	}
	if (r->scope == CGW_TRACE_OOM_UNKNOWN) {
		fputs("memory is held by cgroup v1, where it cannot be told whose limit it was", f);
		return;
	}
	if (r->limit_level >= n) {
		fputs(r->v1 ? "at a limit of cgroup v1" : "at the limit of a group that is not above it", f);
		return;
	}
	format_amount(levels[r->limit_level].numbers.max, max, sizeof(max));
	fprintf(f, "at the limit of %s (memory.max %s)", levels[r->limit_level].path, max);
}

void print_oom(FILE *f, const struct cgw_trace_event *e)
{
	const struct cgw_trace_oom *r = (const void *)e->record;
	struct sizes sizes = { r->anon_rss, r->file_rss, r->shmem_rss, r->swap };
	struct level levels[CGW_TRACE_OOM_LEVELS];
	size_t n = get_levels(e, levels);

	fprintf(f, "%s %s (pid %u, uid %u", r->dying ? "left to end:" : "killed", r->comm, r->pid, r->uid);
	if (r->oom_score_adj)
		fprintf(f, ", oom_score_adj %d", r->oom_score_adj);
	fputs("), ", f);
	print_limit(f, r, levels, n);
	if (r->group_level < n)
		fprintf(f, ", all of %s with it", levels[r->group_level].path);
	fputs("; it had ", f);
	print_sizes(f, &sizes);
	if (r->head.pid != r->pid)
		fprintf(f, "; %s (pid %u) had asked for memory", r->head.comm, r->head.pid);
	fprintf(f, "; OOM %llu", (unsigned long long)r->sequence);
	if (r->member > 1)
		fprintf(f, ", victim %u", r->member);
	if (n && r->member == 1) {
		fputc('\n', f);
		print_levels(f, levels, n);
	}
	free_levels(levels, n);
}

static void js_pair_signed(struct out *o, const char *key, int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, value);
	js_key(o, key);
	js_word(o, text);
}

static void js_pair_amount(struct out *o, const char *key, uint64_t value)
{
	js_key(o, key);
	if (value == CGW_TRACE_OOM_NO_LIMIT)
		js_string(o, "max");
	else if (value == LEVEL_UNKNOWN)
		js_null(o);
	else
		js_number(o, value);
}

/* "levels":[...], of the groups from the victim's up */
void js_levels(struct out *o, const struct level *levels, size_t n)
{
	js_key(o, "levels");
	js_begin(o, '[');
	for (size_t i = 0; i < n; i++) {
		const struct cgw_trace_oom_level *l = &levels[i].numbers;

		js_begin(o, '{');
		js_pair_string(o, "path", levels[i].path);
		js_pair_number(o, "id", l->group);
		js_pair_amount(o, "memory.current", l->usage);
		js_pair_amount(o, "memory.max", l->max);
		js_pair_amount(o, "memory.high", l->high);
		js_pair_amount(o, "memory.peak", l->peak);
		js_pair_amount(o, "memory.swap.current", l->swap_usage);
		js_pair_amount(o, "memory.swap.max", l->swap_max);
		js_key(o, "memory.events.local");
		js_begin(o, '{');
		js_pair_amount(o, "oom", l->oom);
		js_pair_amount(o, "oom_kill", l->oom_kill);
		js_end(o, '}');
		js_pair_number(o, "memory.oom.group", l->oom_group);
		js_key(o, "limit");
		js_bool(o, levels[i].limit);
		js_end(o, '}');
	}
	js_end(o, ']');
}

static void js_victim(struct out *o, const struct cgw_trace_oom *r)
{
	js_key(o, "victim");
	js_begin(o, '{');
	js_pair_number(o, "pid", r->pid);
	js_pair_number(o, "tid", r->tid);
	js_pair_number(o, "uid", r->uid);
	js_pair_string(o, "comm", r->comm);
	js_pair_signed(o, "oom_score_adj", r->oom_score_adj);
	js_pair_number(o, "total_vm", r->total_vm);
	js_pair_number(o, "anon_rss", r->anon_rss);
	js_pair_number(o, "file_rss", r->file_rss);
	js_pair_number(o, "shmem_rss", r->shmem_rss);
	js_pair_number(o, "swap", r->swap);
	js_pair_number(o, "pgtables", r->pgtables);
	js_key(o, "dying");
	js_bool(o, r->dying);
	js_end(o, '}');
}

void print_oom_json(struct out *o, const struct cgw_trace_event *e)
{
	static const char *const scopes[] = { NULL, "global", "memcg" };
	const struct cgw_trace_oom *r = (const void *)e->record;
	struct level levels[CGW_TRACE_OOM_LEVELS];
	size_t n = get_levels(e, levels);

	js_pair_number(o, "oom", r->sequence);
	js_pair_number(o, "member", r->member);
	js_pair_string(o, "scope", r->scope < ARRAY_SIZE(scopes) ? scopes[r->scope] : NULL);
	js_pair_string(o, "limit", r->limit_level < n ? levels[r->limit_level].path : NULL);
	js_pair_string(o, "oom_group", r->group_level < n ? levels[r->group_level].path : NULL);
	js_victim(o, r);
	if (r->head.source == CGW_TRACE_FENTRY) {
		js_pair_string(o, "constraint", r->constraint < ARRAY_SIZE(constraints) ?
							constraints[r->constraint] : NULL);
		js_pair_number(o, "gfp_mask", r->gfp_mask);
		js_pair_signed(o, "order", r->order);
		js_pair_signed(o, "points", r->points);
		js_pair_number(o, "total_bytes", r->total_bytes);
	}
	js_key(o, "v1");
	js_bool(o, r->v1);
	js_levels(o, levels, n);
	free_levels(levels, n);
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* explain oom: who was killed in a group for want of memory, whose limit it was, what to raise. */
#include "cmd.h"

/* Of many kills the last ones; --json has them all. */
#define SHOWN 20

struct story {
	struct cmd_ctx *x;
	const char *path;
	struct cgw_group *g; /* NULL: it is gone */
	struct oom_kills kills;
	int log_err;
	char log_why[512];
	char log_hint[256];
	struct level levels[CGW_TRACE_OOM_LEVELS]; /* as they are now */
	size_t n_levels;
	uint64_t counted; /* memory.events: oom_kill */
};

static void free_story(struct story *s)
{
	oom_free_kills(&s->kills);
	oom_free_levels(s->levels, s->n_levels);
	cgw_group_close(s->g);
}

static const struct cgw_oom_kill *last_kill(const struct story *s)
{
	return s->kills.n ? &s->kills.list[s->kills.n - 1] : NULL;
}

/* The group whose limit the last kill was at: by the log, else by the counters; NULL = none. */
static const char *limit_of(const struct story *s)
{
	const struct cgw_oom_kill *k = last_kill(s);
	const struct level *fired = k ? NULL : oom_fired(s->levels, s->n_levels);

	return k ? k->limit : fired && s->counted ? fired->path : NULL;
}

static const char *scope_of(const struct story *s)
{
	const struct cgw_oom_kill *k = last_kill(s);

	if (k)
		return k->global ? "global" : k->limit ? "memcg" : NULL;
	return limit_of(s) ? "memcg" : NULL;
}

static int open_group(struct story *s, const char *word)
{
	int err, status;

	if (word[0] != '/') {
		status = cmd_group(s->x, word, &s->g);
		s->path = status ? NULL : cgw_group_path(s->g);
		return status;
	}
	s->path = word;
	err = cgw_verify_group_path(s->x->c, word);
	if (!err)
		err = cgw_group_open(s->x->c, word, &s->g);
	return err && err != -ENOENT ? cmd_fail(s->x, err) : 0;
}

static void gather(struct story *s)
{
	struct cmd_ctx *x = s->x;
	const char *limit;

	s->counted = s->g ? oom_counter(s->g, "memory.events", "oom_kill") : LEVEL_UNKNOWN;
	s->counted = s->counted == LEVEL_UNKNOWN ? 0 : s->counted;
	s->log_err = oom_read_log(x, s->path, &s->kills);
	if (s->log_err) {
		snprintf(s->log_why, sizeof(s->log_why), "%s", cgw_strerror(x->c));
		snprintf(s->log_hint, sizeof(s->log_hint), "%s", cgw_hint(x->c) ? cgw_hint(x->c) : "");
	}
	/* The limit may be that of a group below. */
	limit = last_kill(s) ? last_kill(s)->path : s->path;
	s->n_levels = oom_read_levels(x, limit, s->levels, ARRAY_SIZE(s->levels));
	limit = limit_of(s);
	for (size_t i = 0; i < s->n_levels; i++)
		s->levels[i].limit = limit && !strcmp(s->levels[i].path, limit);
}

static const struct level *find_level(const struct story *s, const char *path)
{
	for (size_t i = 0; i < s->n_levels; i++)
		if (!strcmp(s->levels[i].path, path))
			return &s->levels[i];
	return NULL;
}

static char *advise_limit(const struct story *s, const char *limit)
{
	const struct level *l = find_level(s, limit);
	const char *swap = "";
	char *advice, max[32];

	if (!l) {
		if (asprintf(&advice, "%s is gone; give it a higher memory.max when it is made again", limit) < 0)
			return NULL;
		return advice;
	}
	if (l->numbers.max == CGW_TRACE_OOM_NO_LIMIT) {
		if (asprintf(&advice, "memory.max of %s is max by now: it has no limit any more", limit) < 0)
			return NULL;
		return advice;
	}
	if (!l->numbers.swap_max)
		swap = ", or memory.swap.max, which is 0";
	format_bytes(l->numbers.max, max, sizeof(max));
	if (asprintf(&advice, "raise memory.max of %s, which is %s%s: cgward update %s -s memory.max=SIZE",
		     limit, max, swap, limit) < 0)
		return NULL;
	return advice;
}

/* What to do about it; NULL = nothing, or there is no memory left to tell. */
static char *advise(const struct story *s)
{
	const char *limit = limit_of(s), *scope = scope_of(s);
	char *advice = NULL;

	if (limit && limit[1])
		return advise_limit(s, limit);
	if (scope && !strcmp(scope, "global"))
		return strdup("the machine needs more memory or swap, or limits for what else uses it; memory.low protects a group");
	if (!s->counted && !s->kills.n && !s->log_err && !s->kills.unknown)
		return NULL;
	if (asprintf(&advice, "to see the next one, with whose limit it is: cgward trace oom%s%s",
		     s->g ? " " : "", s->g ? s->path : "") < 0)
		return NULL;
	return advice;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "process was" : "processes were";
}

static void print_kills(const struct story *s)
{
	FILE *f = s->x->out.f;
	size_t first = s->kills.n > SHOWN ? s->kills.n - SHOWN : 0;

	if (first)
		fprintf(f, "  ... %zu before these\n", first);
	for (size_t i = first; i < s->kills.n; i++) {
		char when[64];

		format_time(s->kills.list[i].time_ns, false, when, sizeof(when));
		fprintf(f, "  %.8s  ", when);
		print_kill(f, &s->kills.list[i]);
		fputc('\n', f);
	}
}

static bool on_v1(struct cmd_ctx *x)
{
	const char *names = "";

	cgw_v1_controllers(x->c, &names);
	for (const char *p = strstr(names, "memory"); p; p = strstr(p + 1, "memory"))
		if ((p == names || p[-1] == ' ') && (!p[6] || p[6] == ' '))
			return true;
	return false;
}

static void print_story(const struct story *s)
{
	_cleanup_free_ char *advice = advise(s);
	FILE *f = s->x->out.f;
	uint64_t n = s->counted > s->kills.n ? s->counted : s->kills.n;

	if (n)
		fprintf(f, "%s: %llu %s killed for want of memory%s\n", s->path, (unsigned long long)n,
			plural(n), s->g ? "" : "; the group is gone");
	else if (!s->g && s->log_err)
		fprintf(f, "%s is gone, and the kernel's log cannot be read\n", s->path);
	else
		fprintf(f, "%s: nobody was killed for want of memory, as far as %s known\n", s->path,
			s->g ? "memory.events and the kernel's log are" : "the kernel's log is");
	print_kills(s);
	if (s->log_err)
		fprintf(f, "%s%s%s\n", s->log_why, s->log_hint[0] ? ": " : "", s->log_hint);
	else if (s->counted > s->kills.n)
		fprintf(f, "memory.events counts %llu; of %s the kernel's log does not tell\n",
			(unsigned long long)s->counted, s->kills.n ? "the others" : "them");
	if (s->kills.unknown)
		fprintf(f, "the log has %zu more without their group: it names that of ten OOMs in five seconds\n",
			s->kills.unknown);
	if (s->g && s->kills.n > s->counted && !on_v1(s->x))
		fprintf(f, "memory.events counts %llu: the others were in an earlier group of this path\n",
			(unsigned long long)s->counted);
	if (on_v1(s->x))
		fprintf(f, "cgroup v1 holds the memory controller: the log's paths and limits are of its hierarchy\n");
	if (n && s->n_levels && !on_v1(s->x)) {
		fputs("memory now:\n", f);
		print_levels(f, s->levels, s->n_levels);
		fputc('\n', f);
	}
	if (advice)
		fprintf(f, "%s\n", advice);
}

static void js_kill(struct out *o, const struct cgw_oom_kill *k)
{
	char text[64];

	js_begin(o, '{');
	format_time(k->time_ns, true, text, sizeof(text));
	js_pair_string(o, "time", text);
	js_pair_number(o, "pid", (uint64_t)k->pid);
	js_key(o, "uid");
	if (k->uid == (uid_t)-1)
		js_null(o);
	else
		js_number(o, k->uid);
	js_pair_string(o, "comm", k->comm);
	snprintf(text, sizeof(text), "%d", k->oom_score_adj);
	js_key(o, "oom_score_adj");
	js_word(o, text);
	js_pair_string(o, "path", k->path);
	js_pair_string(o, "scope", k->global ? "global" : k->limit ? "memcg" : NULL);
	js_pair_string(o, "limit", k->limit);
	js_pair_string(o, "oom_group", k->oom_group);
	js_pair_number(o, "total_vm", k->total_vm);
	js_pair_number(o, "anon_rss", k->anon_rss);
	js_pair_number(o, "file_rss", k->file_rss);
	js_pair_number(o, "shmem_rss", k->shmem_rss);
	js_pair_number(o, "pgtables", k->pgtables);
	js_end(o, '}');
}

static void json_story(const struct story *s)
{
	_cleanup_free_ char *advice = advise(s);
	struct out *o = &s->x->out;

	js_begin(o, '{');
	js_pair_string(o, "path", s->path);
	js_key(o, "exists");
	js_bool(o, s->g != NULL);
	js_pair_number(o, "oom_kill", s->counted);
	js_pair_string(o, "log", s->log_err ? s->log_why : NULL);
	js_pair_string(o, "scope", scope_of(s));
	js_pair_string(o, "limit", limit_of(s));
	js_pair_string(o, "advice", advice);
	js_key(o, "kills");
	js_begin(o, '[');
	for (size_t i = 0; i < s->kills.n; i++)
		js_kill(o, &s->kills.list[i]);
	js_end(o, ']');
	js_pair_number(o, "kills_without_group", s->kills.unknown);
	js_levels(o, s->levels, s->n_levels);
	js_end(o, '}');
	js_line(o);
}

int cmd_explain_oom(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(free_story) struct story s = { .x = x };
	int status = cmd_no_opts(x, argc, argv);

	if (!status)
		status = open_group(&s, argv[optind]);
	if (status)
		return status;
	gather(&s);
	if (x->json)
		json_story(&s);
	else
		print_story(&s);
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* stat: every metric of groups, as text, JSON, or for Prometheus. */
#include <getopt.h>
#include <inttypes.h>

#include "cmd.h"

const struct cmd_opt opts_stat[] = {
	{ "all", OPT_ALL, NULL, "every group below, too; without GROUP: of the machine" },
	{ "fields", OPT_FIELDS, "LIST", "only these, as memory,psi,cpu.stat.usage_usec,hugetlb.2MB" },
	{ "human", OPT_HUMAN, NULL, "bytes and times with units" },
	{ "openmetrics", OPT_OPENMETRICS, NULL, "OpenMetrics 1.0, for Prometheus" },
	{ "prometheus", OPT_PROMETHEUS, NULL, "Prometheus' older text format, for node_exporter" },
	{ "output", OPT_OUTPUT, "FILE", "replace FILE at once, when all is read" },
	{ "http", OPT_HTTP, "[ADDR:]PORT", "answer one scrape over HTTP, then end" },
	{ 0 },
};

struct reader {
	struct cmd_ctx *x;
	struct cgw_stat *stat;
	struct metrics metrics;
	char **words;	/* the groups asked for */
	int n_words;
	uint64_t *seen; /* groups that have been read, where one may come twice */
	size_t n_seen;
	const char *output;
	const char *http;
	int timeout_ms;
	bool all;
	bool human;
	bool scrape; /* one of the two formats for Prometheus */
	bool headed; /* text: each group under its name */
	bool found;
};

static size_t name_of(const struct cgw_metric *m, char *buf, size_t size)
{
	return (size_t)snprintf(buf, size, "%s%s%s%s%s", m->file, m->name ? "." : "",
				m->name ? m->name : "", m->key ? "." : "", m->key ? m->key : "");
}

/* As the kernel writes it: decimals and all. */
static void kernel_number(const struct cgw_metric *m, char *buf, size_t size)
{
	uint64_t power = 1;

	for (unsigned int i = 0; i < m->decimals && i < 19; i++)
		power *= 10;
	if (m->decimals && m->decimals < 20)
		snprintf(buf, size, "%" PRIu64 ".%0*" PRIu64, m->value / power, (int)m->decimals,
			 m->value % power);
	else
		snprintf(buf, size, "%" PRIu64, m->value);
}

/* 1.5M, 0.25s; what is neither bytes nor a time stays as it is. */
static void human_number(const struct cgw_metric *m, char *buf, size_t size)
{
	const struct cgw_family *family = cgw_family_at(m->family);
	const char *unit = family ? family->unit : "";
	size_t n;

	if (!strcmp(unit, "bytes") || !strcmp(unit, "bytes_per_second")) {
		format_bytes(m->value, buf, size);
	} else if (!strcmp(unit, "seconds")) {
		n = metrics_number(m, family->digits, buf, size - 1);
		memcpy(buf + n, "s", 2);
	} else {
		kernel_number(m, buf, size);
	}
}

static void print_text(struct reader *r, struct cgw_group *g)
{
	FILE *f = r->x->out.f;
	size_t width = 0;
	char name[600];

	if (r->headed)
		fprintf(f, "%s%s\n", r->found ? "\n" : "", cgw_group_path(g));
	for (size_t i = 0; i < cgw_stat_count(r->stat); i++) {
		size_t n = name_of(cgw_stat_at(r->stat, i), name, sizeof(name));

		width = n > width ? n : width;
	}
	for (size_t i = 0; i < cgw_stat_count(r->stat); i++) {
		const struct cgw_metric *m = cgw_stat_at(r->stat, i);
		char number[80] = "max";

		name_of(m, name, sizeof(name));
		if (!m->is_max && r->human)
			human_number(m, number, sizeof(number));
		else if (!m->is_max)
			kernel_number(m, number, sizeof(number));
		fprintf(f, "%s%-*s  %s%s%s%s\n", r->headed ? "  " : "", (int)width, name, number,
			m->source ? "  (from " : "", m->source ? m->source : "", m->source ? ")" : "");
	}
}

static void print_number(struct out *o, const struct cgw_metric *m)
{
	char number[80];

	if (m->is_max) {
		js_string(o, "max");
	} else if (m->decimals) {
		kernel_number(m, number, sizeof(number));
		js_word(o, number);
	} else {
		js_number(o, m->value);
	}
}

/* Where numbers do not come from the files they are named after. */
static void print_sources(struct reader *r)
{
	struct out *o = &r->x->out;
	const struct cgw_metric *m;
	const char *last = NULL;

	for (size_t i = 0; (m = cgw_stat_at(r->stat, i)); i++) {
		if (!m->source || m->file == last)
			continue;
		if (!last) {
			js_key(o, "source");
			js_begin(o, '{');
		}
		js_key(o, m->file);
		js_string(o, m->source);
		last = m->file;
	}
	if (last)
		js_end(o, '}');
}

static void print_json(struct reader *r, struct cgw_group *g)
{
	const char *file = NULL, *name = NULL; /* the objects that are open */
	struct out *o = &r->x->out;
	const struct cgw_metric *m;

	js_begin(o, '{');
	js_key(o, "path");
	js_string(o, cgw_group_path(g));
	for (size_t i = 0; (m = cgw_stat_at(r->stat, i)); i++) {
		if (name && (m->file != file || m->name != name)) {
			js_end(o, '}');
			name = NULL;
		}
		if (file && m->file != file) {
			js_end(o, '}');
			file = NULL;
		}
		if (!file)
			js_key(o, m->file);
		if (!m->key) {
			print_number(o, m);
			continue;
		}
		if (!file)
			js_begin(o, '{');
		file = m->file;
		if (m->name && !name) {
			js_key(o, m->name);
			js_begin(o, '{');
			name = m->name;
		}
		js_key(o, m->key);
		print_number(o, m);
	}
	if (name)
		js_end(o, '}');
	if (file)
		js_end(o, '}');
	print_sources(r);
	js_end(o, '}');
	js_line(o);
}

/* Was the group read already? It can be named twice, or lie below another that is. */
static bool was_seen(struct reader *r, uint64_t id)
{
	uint64_t *more;

	if (r->n_words < 2)
		return false;
	for (size_t i = 0; i < r->n_seen; i++)
		if (r->seen[i] == id)
			return true;
	if (!(r->n_seen & (r->n_seen - 1))) {
		more = realloc(r->seen, (r->n_seen ? r->n_seen * 2 : 1) * sizeof(*more));
		if (!more)
			return false;
		r->seen = more;
	}
	r->seen[r->n_seen++] = id;
	return false;
}

static int read_group(struct cgw_group *g, void *arg)
{
	struct reader *r = arg;
	int err;

	if (was_seen(r, cgw_group_id(g)))
		return 0;
	err = cgw_group_stat(g, r->stat);
	/* Of all groups some may end while they are read; one that was named must not. */
	if (err == -ENODEV && r->all)
		return 0;
	if (err)
		return err;
	if (r->scrape)
		return metrics_add(&r->metrics, g, r->stat);
	if (r->x->json)
		print_json(r, g);
	else
		print_text(r, g);
	r->found = true;
	if (!r->all && !cgw_stat_count(r->stat))
		cmd_note(r->x, "'%s' has none of these", cgw_group_path(g));
	return 0;
}

static int out_of_memory(struct cmd_ctx *x)
{
	return cmd_error(x, EXIT_REFUSED, "ENOMEM", NULL, "out of memory");
}

/* Read all groups. Return: 0 or an exit status, the failure told. */
static int read_groups(struct reader *r)
{
	static char *const whole[] = { (char *)"/" };
	int n = r->n_words ? r->n_words : 1;

	r->n_seen = 0;
	r->headed = r->all || n > 1;
	for (int i = 0; i < n; i++) {
		_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;
		int status = cmd_group(r->x, r->n_words ? r->words[i] : whole[0], &g), err;

		if (status)
			return status;
		err = r->all ? cgw_group_for_each(g, CGW_WALK_PRE, read_group, r) :
			       read_group(g, r);
		if (err)
			return err == -ENOMEM ? out_of_memory(r->x) : cmd_fail(r->x, err);
	}
	return 0;
}

/* All of it for one scrape. Return: 0 or an exit status, the failure told. */
static int collect(void *arg, char **ret_text, size_t *ret_len)
{
	struct reader *r = arg;
	int status = read_groups(r);

	if (!status && metrics_text(&r->metrics, ret_text, ret_len))
		status = out_of_memory(r->x);
	metrics_free(&r->metrics);
	return status;
}

static int run_reader(struct reader *r)
{
	const char *type = r->metrics.plain ? "text/plain; version=0.0.4; charset=utf-8" :
		"application/openmetrics-text; version=1.0.0; charset=utf-8";
	_cleanup_free_ char *text = NULL;
	size_t len;
	int status;

	if (r->http)
		return publish_http(r->x, r->http, type, r->timeout_ms, collect, r);
	if (!r->scrape)
		return read_groups(r);
	status = collect(r, &text, &len);
	if (!status)
		fwrite(text, 1, len, r->x->out.f);
	return status;
}

static int add_fields(struct reader *r, const char *list)
{
	_cleanup_free_ char *copy = strdup(list);
	char *save, *field;
	int err = copy ? 0 : -ENOMEM;

	if (!list[strspn(list, ",")])
		return cmd_usage(r->x, "--fields is empty");
	if (!err && !r->stat)
		err = cgw_stat_new(r->x->c, 0, &r->stat);
	for (field = copy ? strtok_r(copy, ",", &save) : NULL; field && !err;
	     field = strtok_r(NULL, ",", &save))
		err = cgw_stat_add(r->stat, field);
	return err ? cmd_fail(r->x, err) : 0;
}

static int take_option(struct reader *r, int opt, const char *arg)
{
	switch (opt) {
	case OPT_ALL:
		r->all = true;
		return 0;
	case OPT_FIELDS:
		return add_fields(r, arg);
	case OPT_HUMAN:
		r->human = true;
		return 0;
	case OPT_OPENMETRICS:
	case OPT_PROMETHEUS:
		if (r->scrape && r->metrics.plain != (opt == OPT_PROMETHEUS))
			return cmd_usage(r->x, "--openmetrics and --prometheus are two formats");
		r->scrape = true;
		r->metrics.plain = opt == OPT_PROMETHEUS;
		return 0;
	case OPT_OUTPUT:
		r->output = arg;
		return 0;
	case OPT_HTTP:
		r->http = arg;
		r->scrape = true;
		return 0;
	default:
		return cmd_duration(r->x, arg, &r->timeout_ms);
	}
}

static int check_options(struct reader *r, int argc)
{
	int status = cmd_check_args(r->x, argc);

	if (status)
		return status;
	if (!r->all && optind == argc)
		return cmd_usage(r->x, "which group? --all reads every one");
	if (r->x->json && r->scrape)
		return cmd_usage(r->x, "--json is another format than that for Prometheus");
	if (r->human && (r->x->json || r->scrape))
		return cmd_usage(r->x, "--human is for text");
	if (r->http && r->output)
		return cmd_usage(r->x, "--output and --http are two ways");
	if (r->timeout_ms != -2 && !r->http)
		return cmd_usage(r->x, "--timeout goes with --http");
	return 0;
}

static void free_reader(struct reader *r)
{
	cgw_stat_free(r->stat);
	metrics_free(&r->metrics);
	free(r->seen);
}

int cmd_stat(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(free_reader) struct reader r = { .x = x, .timeout_ms = -2 };
	struct publication p = { NULL };
	int opt, status = 0;

	while (!status && (opt = cmd_next_opt(x, argc, argv)) != -1) {
		if (opt == 'h' || opt == '?')
			return opt == 'h' ? CMD_DONE : EXIT_USAGE;
		status = take_option(&r, opt, optarg);
	}
	if (!status)
		status = check_options(&r, argc);
	if (status)
		return status;
	if (!r.stat) {
		int err = cgw_stat_new(x->c, CGW_STAT_DEFAULT, &r.stat);

		if (err)
			return cmd_fail(x, err);
	}
	r.words = argv + optind;
	r.n_words = argc - optind;
	if (r.output) {
		status = publish_begin(x, r.output, &p);
		if (status)
			return status;
	}
	status = run_reader(&r);
	return publish_end(x, &p, status);
}

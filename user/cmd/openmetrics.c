// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* OpenMetrics 1.0, and Prometheus' text format 0.0.4: all samples of a family together. */
#include "cmd.h"

struct metrics_text {
	char *p;
	size_t len;
	size_t room;
};

static int append(struct metrics_text *t, const char *s, size_t len)
{
	if (t->room - t->len < len) {
		size_t room = t->room ? t->room * 2 : 1024;
		char *more;

		while (room - t->len < len)
			room *= 2;
		more = realloc(t->p, room);
		if (!more)
			return -ENOMEM;
		t->p = more;
		t->room = room;
	}
	memcpy(t->p + t->len, s, len);
	t->len += len;
	return 0;
}

static int append_string(struct metrics_text *t, const char *s)
{
	return append(t, s, strlen(s));
}

/* NAME="VALUE"; a label's value may hold anything but needs these three escaped. */
static int append_label(struct metrics_text *t, const char *name, const char *value, size_t len)
{
	int err = append_string(t, name);

	if (!err)
		err = append(t, "=\"", 2);
	for (size_t i = 0; i < len && !err; i++) {
		size_t plain = i;

		while (i < len && value[i] != '"' && value[i] != '\\' && value[i] != '\n')
			i++;
		err = append(t, value + plain, i - plain);
		if (!err && i < len)
			err = append(t, value[i] == '"' ? "\\\"" : value[i] == '\n' ? "\\n" : "\\\\", 2);
	}
	return err ? err : append(t, "\"", 1);
}

/*
 * The number as text, divided by 10 to the power of digits and of its own decimals: exact,
 * and without zeros at its end.
 */
size_t metrics_number(const struct cgw_metric *m, unsigned int digits, char *buf, size_t size)
{
	unsigned int behind = digits + m->decimals;
	char text[64];
	int n;

	if (m->is_max)
		return (size_t)snprintf(buf, size, "+Inf");
	n = snprintf(text, sizeof(text), "%0*llu", (int)(behind < 40 ? behind + 1 : 1),
		     (unsigned long long)m->value);
	if (!behind || n <= (int)behind)
		return (size_t)snprintf(buf, size, "%s", text);
	n -= (int)behind;
	while (behind && text[n + (int)behind - 1] == '0')
		behind--;
	return (size_t)snprintf(buf, size, "%.*s%s%.*s", n, text, behind ? "." : "", (int)behind,
				text + n);
}

static int add_sample(struct metrics_text *t, const struct cgw_family *family, const char *path,
		      const struct cgw_metric *m)
{
	struct cgw_label labels[CGW_METRIC_LABELS];
	size_t n = cgw_metric_labels(m, labels);
	char number[80];
	int err = append_string(t, family->name);

	if (!err && family->type == CGW_METRIC_COUNTER)
		err = append_string(t, "_total");
	if (!err)
		err = append(t, "{", 1);
	if (!err)
		err = append_label(t, "cgroup", path, strlen(path));
	for (size_t i = 0; i < n && !err; i++) {
		err = append(t, ",", 1);
		if (!err)
			err = append_label(t, labels[i].name, labels[i].value, labels[i].len);
	}
	if (!err)
		err = append(t, "} ", 2);
	metrics_number(m, family->digits, number, sizeof(number));
	if (!err)
		err = append_string(t, number);
	return err ? err : append(t, "\n", 1);
}

static size_t count_families(void)
{
	size_t n = 0;

	while (cgw_family_at(n))
		n++;
	return n;
}

/* Add what was read of a group. Return: 0 or -ENOMEM. */
int metrics_add(struct metrics *m, struct cgw_group *g, const struct cgw_stat *stat)
{
	int err = 0;

	if (!m->families)
		m->families = calloc(count_families(), sizeof(*m->families));
	if (!m->families)
		return -ENOMEM;
	for (size_t i = 0; i < cgw_stat_count(stat) && !err; i++) {
		const struct cgw_metric *metric = cgw_stat_at(stat, i);
		const struct cgw_family *family = cgw_family_at(metric->family);
		struct metrics_text *t = &m->families[metric->family];

		if (family)
			err = add_sample(t, family, cgw_group_path(g), metric);
	}
	return err;
}

/* A family without a type is of the type unknown; 0.0.4 does not know that word. */
static int add_head(struct metrics_text *t, const struct cgw_family *family, bool plain)
{
	bool counter = family->type == CGW_METRIC_COUNTER;
	char text[512];

	snprintf(text, sizeof(text), "# HELP %s%s %s\n", family->name, plain && counter ? "_total" : "",
		 family->help);
	if (family->type != CGW_METRIC_UNKNOWN)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "# TYPE %s%s %s\n",
			 family->name, plain && counter ? "_total" : "", counter ? "counter" : "gauge");
	if (family->unit[0] && !plain)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "# UNIT %s %s\n",
			 family->name, family->unit);
	return append_string(t, text);
}

/* All that was added. Return: 0, the text to be freed, or -ENOMEM. */
int metrics_text(const struct metrics *m, char **ret_text, size_t *ret_len)
{
	struct metrics_text all = { NULL };
	const struct cgw_family *family;
	int err = 0;

	for (size_t i = 0; !err && m->families && (family = cgw_family_at(i)); i++) {
		if (!m->families[i].len)
			continue;
		err = add_head(&all, family, m->plain);
		if (!err)
			err = append(&all, m->families[i].p, m->families[i].len);
	}
	if (!err)
		err = append_string(&all, m->plain ? "" : "# EOF\n");
	if (err) {
		free(all.p);
		return err;
	}
	*ret_text = all.p;
	*ret_len = all.len;
	return 0;
}

void metrics_free(struct metrics *m)
{
	for (size_t i = 0; m->families && cgw_family_at(i); i++)
		free(m->families[i].p);
	free(m->families);
	m->families = NULL;
}

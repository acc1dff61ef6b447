// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Medians over rounds, one aligned table or JSON lines, targets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

bool bench_json;

/* Keys in JSON. */
static const char *const keys[N_WHO] = { "cgward", "runc",  "containerd", "crun",
					 "floor",  "snapd", "files" };
static const char *const *columns;

double bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

void bench_add(struct bench_series *s, double value)
{
	if (s->n < BENCH_ROUNDS)
		s->values[s->n++] = value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the values. */
double bench_median_of(double *values, unsigned int n)
{
	if (!n)
		return 0;
	qsort(values, n, sizeof(*values), compare);
	return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

/* Leaves the extremes at both ends of the series. */
double bench_median(struct bench_series *s)
{
	return bench_median_of(s->values, s->n);
}

double bench_ratio(struct bench_series *ours, struct bench_series *peer)
{
	double median = bench_median(ours);

	return median > 0 && peer->n ? bench_median(peer) / median : 0;
}

void bench_json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

static int digits(double value)
{
	return value < 100 ? 2 : value < 1000 ? 1 : 0;
}

/* ---- rows ------------------------------------------------------------------------- */

void bench_heading(const char *number, const char *const names[N_WHO])
{
	columns = names;
	if (bench_json)
		return;
	printf("%-26s %5s %5s %3s %10s %19s", "", number, "runs", "", names[CGWARD], "(min..max)");
	for (int who = CGWARD + 1; who < N_WHO; who++)
		if (names[who])
			printf(" %12s", names[who]);
	printf(" %9s\n", "ratio");
}

/* The first peer that was measured. */
static struct bench_series *first_peer(struct bench_row *row)
{
	static const int order[] = { CONTAINERD, RUNC, CRUN };

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		if (row->by[order[i]].n)
			return &row->by[order[i]];
	return NULL;
}

static void print_cell(struct bench_series *s, int width)
{
	double median = bench_median(s);

	if (s->n)
		printf(" %*.*f", width, digits(median), median);
	else
		printf(" %*s", width, s->refused ? "refused" : "-");
}

static void print_text(struct bench_row *row, double ratio)
{
	struct bench_series *s = &row->by[CGWARD];
	double median = bench_median(s);
	char range[48] = "", rules[16] = "";

	if (row->rules)
		snprintf(rules, sizeof(rules), "%u", row->rules);
	if (s->n)
		snprintf(range, sizeof(range), "(%.*f..%.*f)", digits(median), s->values[0],
			 digits(median), s->values[s->n - 1]);
	printf("%-26s %5s %5u %3s", row->what, rules, s->runs, row->unit);
	print_cell(s, 10);
	printf(" %19s", range);
	for (int who = CGWARD + 1; who < N_WHO; who++)
		if (columns[who])
			print_cell(&row->by[who], 12);
	if (ratio > 0)
		printf(" %9.1f", ratio);
	printf("\n");
	for (int who = CGWARD; who < N_WHO; who++)
		if (row->by[who].refused)
			printf("%-26s %5s %s: refused (%s, after %.0f ms)\n", "", "", keys[who],
			       strerrorname_np(row->by[who].refused), row->by[who].refused_ms);
}

static void print_json(struct bench_row *row, double ratio)
{
	printf("{\"what\":");
	bench_json_string(row->what);
	printf(",\"rules\":%u,\"unit\":\"%s\"", row->rules, row->unit);
	for (int who = CGWARD; who < N_WHO; who++) {
		struct bench_series *s = &row->by[who];

		if (s->n) {
			double median = bench_median(s);

			printf(",\"%s\":{\"median\":%.4f,\"min\":%.4f,\"max\":%.4f,\"rounds\":%u,\"runs\":%u}",
			       keys[who], median, s->values[0], s->values[s->n - 1], s->n, s->runs);
		} else if (s->refused) {
			printf(",\"%s\":{\"refused\":\"%s\",\"after_ms\":%.1f}", keys[who],
			       strerrorname_np(s->refused), s->refused_ms);
		}
	}
	if (ratio > 0)
		printf(",\"ratio\":%.2f", ratio);
	printf("}\n");
}

/* The ratio is not told of differences of small numbers, i.e. of unit "ns". */
void bench_print(struct bench_row *row)
{
	struct bench_series *peer = first_peer(row);
	double ratio = 0;

	if (peer && strcmp(row->unit, "ns"))
		ratio = bench_ratio(&row->by[CGWARD], peer);
	if (bench_json)
		print_json(row, ratio);
	else
		print_text(row, ratio);
}

/* ---- targets ---------------------------------------------------------------------- */

bool bench_check(const struct bench_target *t)
{
	bool met = t->at_least ? t->value >= t->limit :
		   t->strict   ? t->value < t->limit :
				 t->value <= t->limit;
	char rules[16] = "";
	const char *bound = t->at_least ? "at least" : t->strict ? "below" : "at most";

	if (t->rules)
		snprintf(rules, sizeof(rules), "%u", t->rules);
	if (bench_json) {
		printf("{\"what\":\"target\",\"target\":");
		bench_json_string(t->what);
		printf(",\"rules\":%u,\"value\":%.4f,\"bound\":\"%s\",\"limit\":%.4f,\"met\":%s,\"excused\":%s}\n",
		       t->rules, t->value, bound, t->limit, met ? "true" : "false",
		       t->excused ? "true" : "false");
	} else {
		printf("%-48s %5s %9.*f  %-8s %6.*f  %s\n", t->what, rules, digits(t->value),
		       t->value, bound, digits(t->limit), t->limit,
		       met ? "met" : t->excused ? "missed (excused)" : "missed");
	}
	return met || t->excused;
}

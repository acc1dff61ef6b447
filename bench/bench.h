/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* For benchmarks: time, medians over rounds, one aligned table or JSON lines. */
#ifndef CGWARD_BENCH_H
#define CGWARD_BENCH_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BENCH_ROUNDS 9

/* One measured value, once a round. */
struct bench_series {
	double values[BENCH_ROUNDS];
	unsigned int n;
};

static bool bench_json;

static inline double bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static inline void bench_add(struct bench_series *s, double value)
{
	if (s->n < BENCH_ROUNDS)
		s->values[s->n++] = value;
}

static inline int bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the series: its median, with the extremes left at both ends. */
static inline double bench_median(struct bench_series *s)
{
	if (!s->n)
		return 0;
	qsort(s->values, s->n, sizeof(*s->values), bench_compare);
	return (s->values[(s->n - 1) / 2] + s->values[s->n / 2]) / 2;
}

static inline void bench_heading(const char *ours, const char *peer)
{
	if (!bench_json)
		printf("%-18s %5s %5s %4s %28s %28s %7s\n", "", "rules", "runs", "unit", ours, peer,
		       "ratio");
}

static inline void bench_cell(struct bench_series *s)
{
	double median = bench_median(s);
	int digits = median < 100 ? 2 : median < 1000 ? 1 : 0;
	char text[64];

	snprintf(text, sizeof(text), "%.*f (%.*f..%.*f)", digits, median, digits, s->values[0],
		 digits, s->n ? s->values[s->n - 1] : 0);
	printf(" %28s", s->n ? text : "-");
}

static inline void bench_json_cell(const char *name, struct bench_series *s)
{
	printf(",\"%s\":{\"median\":%.4f,\"min\":%.4f,\"max\":%.4f}", name, bench_median(s),
	       s->values[0], s->values[s->n - 1]);
}

/*
 * Print one measurement: ours, and the peer's where there is one. runs = how often each was
 * done per round. The ratio is printed for costs that are not differences, i.e. of unit "us".
 */
static inline double bench_row(const char *what, unsigned int rules, unsigned int runs,
			       const char *unit, struct bench_series *ours,
			       struct bench_series *peer)
{
	double ratio = 0;

	if (peer && !strcmp(unit, "us"))
		ratio = bench_median(peer) / bench_median(ours);
	if (bench_json) {
		printf("{\"what\":\"%s\",\"rules\":%u,\"runs\":%u,\"rounds\":%u,\"unit\":\"%s\"", what,
		       rules, runs, ours->n, unit);
		bench_json_cell("ours", ours);
		if (peer)
			bench_json_cell("peer", peer);
		if (ratio > 0)
			printf(",\"ratio\":%.2f", ratio);
		printf("}\n");
		return ratio;
	}
	printf("%-18s %5u %5u %4s", what, rules, runs, unit);
	bench_cell(ours);
	if (peer)
		bench_cell(peer);
	if (ratio > 0)
		printf(" %7.1f", ratio);
	printf("\n");
	return ratio;
}

#endif

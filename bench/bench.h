/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* For benchmarks: time, medians over rounds, one aligned table or JSON lines, targets. */
#ifndef CGWARD_BENCH_H
#define CGWARD_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#define BENCH_ROUNDS 9

/* Whose cost it is. */
enum bench_who { CGWARD, RUNC, CONTAINERD, CRUN, FLOOR, SNAPD, FILES, N_WHO };

/* One measured value, once a round. */
struct bench_series {
	double values[BENCH_ROUNDS];
	unsigned int n;
	unsigned int runs; /* of what is measured, in each round */
	int refused;	   /* errno, where the kernel would not have it */
	double refused_ms; /* how long it took to say so */
};

/* One line of the table. */
struct bench_row {
	const char *what;
	const char *unit;
	unsigned int rules;
	struct bench_series by[N_WHO];
};

/* Something to reach, by a measured value. */
struct bench_target {
	const char *what;
	double value;
	double limit;
	unsigned int rules; /* 0 = of any number */
	bool at_least;	    /* the limit; else at most */
	bool strict;	    /* less than the limit will not do */
	bool excused;	    /* told, but no failure when missed */
};

extern bool bench_json;

double bench_now_ns(void);
void bench_add(struct bench_series *s, double value);
double bench_median_of(double *values, unsigned int n);
double bench_median(struct bench_series *s);
/* The second over the first, or 0 where one of them is missing. */
double bench_ratio(struct bench_series *ours, struct bench_series *peer);

void bench_json_string(const char *text);
/* number: what struct bench_row has in rules; who has no name has no column. */
void bench_heading(const char *number, const char *const names[N_WHO]);
void bench_print(struct bench_row *row);
bool bench_check(const struct bench_target *t);

#endif

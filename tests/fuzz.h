/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A fuzz target says what holds for any input. libFuzzer runs it ("make fuzz"), and so does
 * tests/fuzz_main.c, on the inputs of tests/corpus.
 */
#ifndef CGWARD_FUZZ_H
#define CGWARD_FUZZ_H

#include "cgtest.h"

/* The target; the name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How many mutations of its corpus are tried without libFuzzer: about a second's worth. */
extern const long fuzz_mutations;

#define HOLDS(cond)                                                                 \
	do {                                                                        \
		if (!(cond)) {                                                      \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                    \
		}                                                                   \
	} while (0)

/* A new empty list. */
static inline struct cgw_rules *fuzz_rules(struct cgw *c)
{
	struct cgw_rules *rules = NULL;

	HOLDS(!cgw_rules_new(c, &rules));
	return rules;
}

/* What every failure owes its caller: a sentence of one line, and that the input is to blame. */
static inline void fuzz_refused(const struct cgw *c, int err)
{
	HOLDS(err < 0 && cgw_strerror(c)[0] && cgw_error_is_input(c));
	for (const char *p = cgw_strerror(c); *p; p++)
		HOLDS((unsigned char)*p >= ' ' && *p != 0x7f);
	for (const char *p = cgw_hint(c); p && *p; p++)
		HOLDS((unsigned char)*p >= ' ' && *p != 0x7f);
}

#endif

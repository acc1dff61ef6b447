/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* TAP 13 for C: a test is a function named as a sentence that returns TAP_PASS, _FAIL or _SKIP. */
#ifndef CGWARD_TAP_H
#define CGWARD_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TAP_PASS, TAP_FAIL, TAP_SKIP };

/* Exit codes, as kselftest's. */
enum { TAP_EXIT_PASS = 0, TAP_EXIT_FAIL = 1, TAP_EXIT_SKIP = 4 };

struct tap_test {
	const char *name;
	int (*fn)(void);
};

#define T(fn) { #fn, fn }

int tap_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int tap_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void tap_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Run the tests, or those whose name contains the first argument; the exit code. */
int tap_run(int argc, char **argv, const struct tap_test *tests, size_t n);

/* Print "1..0 # SKIP why"; the exit code. */
int tap_skip_all(const char *why);

/* Each of these ends the test that uses it; cleanup attributes tidy up. */
#define FAIL(...) return tap_fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(cond)                         \
	do {                                \
		if (!(cond))                \
			FAIL("%s", #cond);  \
	} while (0)

#define CHECK_INT(expr, want)                                                        \
	do {                                                                         \
		long long got_ = (long long)(expr), want_ = (long long)(want);       \
		if (got_ != want_)                                                   \
			FAIL("%s is %lld, wanted %s = %lld", #expr, got_, #want, want_); \
	} while (0)

#define CHECK_STR(expr, want)                                                          \
	do {                                                                           \
		const char *got_ = (expr), *want_ = (want);                            \
		if (!got_ || strcmp(got_, want_))                                      \
			FAIL("%s is '%s', wanted '%s'", #expr, got_ ? got_ : "(NULL)", want_); \
	} while (0)

/* Is part somewhere in the text? */
#define CHECK_HAS(expr, part)                                                                 \
	do {                                                                                  \
		const char *got_ = (expr), *part_ = (part);                                   \
		if (!got_ || !strstr(got_, part_))                                            \
			FAIL("%s is '%s', wanted '%s' in it", #expr, got_ ? got_ : "(NULL)",       \
			     part_);                                                          \
	} while (0)

#endif

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* TAP 13: runs tests and prints what came of them. */
#include <stdbool.h>
#include <stdio.h>

#include "tap.h"

static char skip_reason[256];

int tap_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("# %s:%d: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	return TAP_FAIL;
}

int tap_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(skip_reason, sizeof(skip_reason), fmt, ap);
	va_end(ap);
	return TAP_SKIP;
}

void tap_note(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

int tap_skip_all(const char *why)
{
	printf("TAP version 13\n1..0 # SKIP %s\n", why);
	return TAP_EXIT_SKIP;
}

/* Nothing may stay in stdio's buffer: the test forks. */
static int run_one(const struct tap_test *test, size_t number)
{
	static const char *const words[] = { "ok", "not ok", "ok" };
	char name[128];
	int result;

	fflush(NULL);
	result = test->fn();
	snprintf(name, sizeof(name), "%s", test->name);
	for (char *p = name; *p; p++)
		if (*p == '_')
			*p = ' ';
	printf("%s %zu - %s", words[result], number, name);
	if (result == TAP_SKIP)
		printf(" # SKIP %s", skip_reason);
	printf("\n");
	return result;
}

int tap_run(int argc, char **argv, const struct tap_test *tests, size_t n)
{
	size_t planned = 0, number = 0, counts[3] = { 0 };
	const char *part = argc > 1 ? argv[1] : "";

	for (size_t i = 0; i < n; i++)
		planned += strstr(tests[i].name, part) != NULL;
	printf("TAP version 13\n1..%zu\n", planned);
	for (size_t i = 0; i < n; i++)
		if (strstr(tests[i].name, part))
			counts[run_one(&tests[i], ++number)]++;
	fflush(NULL);
	if (counts[TAP_FAIL] || !planned)
		return TAP_EXIT_FAIL;
	return counts[TAP_PASS] ? TAP_EXIT_PASS : TAP_EXIT_SKIP;
}

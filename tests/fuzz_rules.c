// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Rule lists as text: refused with the place and nothing changed, or read as they are written. */
#include "fuzz.h"

const long fuzz_mutations = 100000;

static const struct cgw_rule first = { 'c', false, CGW_DEVICE_MKNOD, 7, 7 };

/* The message names the line: those before it are rules, with it they are not. */
static void check_refusal(const struct cgw_rules *rules, int err, const char *text, size_t size)
{
	_cleanup_rules_ struct cgw_rules *again = fuzz_rules(rules->c);
	size_t line = 0, column = 0, begin = 0, end;
	int n = 0;

	HOLDS(cgw_rules_count(rules) == 1 && cgtest_same_rule(cgw_rules_at(rules, 0), &first));
	fuzz_refused(rules->c, err);
	if (memchr(text, '\0', size)) {
		HOLDS(sscanf(cgw_strerror(rules->c), "text: byte %zu is a NUL%n", &column, &n) == 1);
		HOLDS(n && column <= size && !text[column - 1]);
		return;
	}
	HOLDS(sscanf(cgw_strerror(rules->c), "text:%zu:%zu: bad rule: %n", &line, &column, &n) == 2);
	HOLDS(n && line && column);
	while (--line) {
		const char *newline = memchr(text + begin, '\n', size - begin);

		HOLDS(newline);
		begin = (size_t)(newline + 1 - text);
	}
	for (end = begin; end < size && text[end] != '\n'; end++)
		;
	HOLDS(column <= end - begin + 1);
	HOLDS(!cgw_rules_add_text(again, "text", text, begin));
	HOLDS(cgw_rules_add_text(again, "text", text, end) == err);
}

/* Each rule is one, and formatted it is read back; there is at most one a line. */
static void check_rules(const struct cgw_rules *rules, const char *text, size_t size)
{
	_cleanup_rules_ struct cgw_rules *again = fuzz_rules(rules->c);
	size_t lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	HOLDS(cgw_rules_count(rules) <= lines + 1 && !memchr(text, '\0', size));
	for (size_t i = 0; i < cgw_rules_count(rules); i++) {
		const struct cgw_rule *rule = cgw_rules_at(rules, i);
		char one[CGW_RULE_TEXT_MAX];

		HOLDS(strlen(cgw_rule_format(rule, one)) < sizeof(one) - 1);
		HOLDS(!cgw_rules_add(again, one));
		HOLDS(cgtest_same_rule(cgw_rules_at(again, i), rule));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_rules_ struct cgw_rules *rules = fuzz_rules(c);
	const char *text = (const char *)data;
	int err;

	HOLDS(!cgw_rules_add_rule(rules, &first));
	err = cgw_rules_add_text(rules, "text", text, size);
	if (err)
		check_refusal(rules, err, text, size);
	else
		check_rules(rules, text, size);
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Rules and limits from OCI JSON: refused at a place, and nothing changed; or JSON by the letter,
 * and no rule invented.
 */
#include <ctype.h>

#include "fuzz.h"

const long fuzz_mutations = 100000;

/* A reader of RFC 8259: each function gives what follows the thing it read, or NULL. */
static const char *read_value(const char *p);

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

static const char *read_string(const char *p)
{
	if (*p++ != '"')
		return NULL;
	for (; *p != '"'; p++) {
		if ((unsigned char)*p < ' ')
			return NULL;
		if (*p != '\\')
			continue;
		p++;
		if (!*p || !strchr("\"\\/bfnrtu", *p))
			return NULL;
		for (int i = *p == 'u' ? 4 : 0; i; i--)
			if (!isxdigit((unsigned char)*++p))
				return NULL;
	}
	return p + 1;
}

static const char *read_digits(const char *p)
{
	const char *begin = p;

	while (isdigit((unsigned char)*p))
		p++;
	return p > begin ? p : NULL;
}

static const char *read_number(const char *p)
{
	p += *p == '-';
	p = *p == '0' ? p + 1 : read_digits(p);
	if (p && *p == '.')
		p = read_digits(p + 1);
	if (p && (*p == 'e' || *p == 'E')) {
		p++;
		p = read_digits(p + (*p == '+' || *p == '-'));
	}
	return p;
}

/* Have two of the keys that begin at these places the same text? */
static bool is_twice(const char *const *keys, size_t n, const char *key)
{
	size_t len = (size_t)(read_string(key) - key);

	for (size_t i = 0; i < n; i++)
		if (!strncmp(keys[i], key, len))
			return true;
	return false;
}

static const char *read_members(const char *p, char close)
{
	const char *keys[64];
	size_t n = 0;

	p = skip_blanks(p);
	if (*p == close)
		return p + 1;
	for (;;) {
		if (close == '}') {
			const char *key = p;

			p = read_string(p);
			if (!p || is_twice(keys, n, key))
				return NULL;
			if (n < ARRAY_SIZE(keys))
				keys[n++] = key;
			p = skip_blanks(p);
			if (*p++ != ':')
				return NULL;
		}
		p = read_value(p);
		if (!p || (*p != ',' && *p != close))
			return NULL;
		if (*p++ == close)
			return p;
		p = skip_blanks(p);
	}
}

static const char *read_value(const char *p)
{
	static const char *const literals[] = { "true", "false", "null" };

	p = skip_blanks(p);
	if (*p == '{' || *p == '[') {
		p = read_members(p + 1, *p == '{' ? '}' : ']');
	} else if (*p == '"') {
		p = read_string(p);
	} else if (isalpha((unsigned char)*p)) {
		const char *literal = p;

		p = NULL;
		for (size_t i = 0; i < ARRAY_SIZE(literals); i++)
			if (!strncmp(literal, literals[i], strlen(literals[i])))
				p = literal + strlen(literals[i]);
	} else {
		p = read_number(p);
	}
	return p ? skip_blanks(p) : NULL;
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		n++;
	}
	return n;
}

/* What was accepted says so by the letter; nothing is allowed unless it says "true" of it. */
static void check_rules(const struct cgw_rules *rules, const char *text, size_t size)
{
	const char *end = read_value(text);
	size_t allowed = 0;

	HOLDS(strlen(text) == size);
	HOLDS(end == text + size);
	for (size_t i = 0; i < cgw_rules_count(rules); i++) {
		const struct cgw_rule *rule = cgw_rules_at(rules, i);

		HOLDS(rule->type && strchr("abc", rule->type));
		HOLDS(rule->access && rule->access <= CGW_DEVICE_RWM);
		allowed += rule->allow;
	}
	HOLDS(allowed <= count(text, "true") && cgw_rules_count(rules) <= count(text, "{"));
}

/* The document whose messages are looked at. */
struct document {
	const uint8_t *data;
	size_t size;
};

/* "config.json:LINE:COLUMN: ..." names a byte of the document, or its end. */
static void check_place(const struct document *d, const char *message)
{
	unsigned int line, column;
	size_t begin = 0, end;
	int len = 0;

	HOLDS(sscanf(message, "config.json:%u:%u: %n", &line, &column, &len) == 2 && len);
	HOLDS(line && column && message[len]);
	for (; line > 1; line--) {
		while (begin < d->size && d->data[begin] != '\n')
			begin++;
		HOLDS(begin++ < d->size);
	}
	for (end = begin; end < d->size && d->data[end] != '\n'; end++)
		;
	HOLDS(begin + column - 1 <= end);
}

static void check_warning(enum cgw_log_level level, const char *line, void *arg)
{
	if (level == CGW_LOG_WARNING)
		check_place(arg, line);
}

/* The limits of the same document: taken or refused, with a place for whatever is said. */
static void check_limits(const uint8_t *data, size_t size)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_resources_ struct cgw_resources *r = NULL;
	struct document d = { data, size };
	int err;

	cgw_set_log(c, check_warning, &d);
	HOLDS(!cgw_resources_new(c, &r));
	err = cgw_resources_add_oci(r, "config.json", (const char *)data, size);
	if (!err)
		return;
	fuzz_refused(c, err);
	check_place(&d, cgw_strerror(c));
	HOLDS(!r->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_rules_ struct cgw_rules *rules = fuzz_rules(c);
	_cleanup_free_ char *text = NULL;
	int err = cgw_rules_add_oci(rules, "config.json", (const char *)data, size);
	size_t n = cgw_rules_count(rules);

	check_limits(data, size);
	if (err) {
		HOLDS(!n && (err == -EINVAL || err == -ENODATA));
		fuzz_refused(c, err);
		check_place(&(struct document){ data, size }, cgw_strerror(c));
		return 0;
	}
	text = calloc(1, size + 1);
	HOLDS(text);
	memcpy(text, data, size);
	check_rules(rules, text, size);
	HOLDS(!cgw_rules_add_oci(rules, "config.json", text, size));
	HOLDS(cgw_rules_count(rules) == 2 * n);
	for (size_t i = 0; i < n; i++)
		HOLDS(cgtest_same_rule(cgw_rules_at(rules, i), cgw_rules_at(rules, n + i)));
	return 0;
}

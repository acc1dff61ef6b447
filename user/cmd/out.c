// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* JSON as it goes: one object a line, numbers as numbers. */
#include <inttypes.h>

#include "cmd.h"

/* The comma before an item, unless it is the first or a key's value. */
static void separate(struct out *o)
{
	uint64_t bit = 1ULL << (o->depth & 63);

	if (!o->after_key && o->depth && o->filled & bit)
		fputc(',', o->f);
	o->filled |= bit;
	o->after_key = false;
}

void js_begin(struct out *o, char bracket)
{
	separate(o);
	fputc(bracket, o->f);
	o->depth++;
	o->filled &= ~(1ULL << (o->depth & 63));
}

void js_end(struct out *o, char bracket)
{
	fputc(bracket, o->f);
	o->depth--;
}

static void quote(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		unsigned char ch = (unsigned char)*s;

		if (ch == '"' || ch == '\\')
			fprintf(f, "\\%c", ch);
		else if (ch < 0x20 || ch == 0x7f)
			fprintf(f, "\\u%04x", ch);
		else
			fputc(ch, f);
	}
	fputc('"', f);
}

void js_key(struct out *o, const char *key)
{
	separate(o);
	quote(o->f, key);
	fputc(':', o->f);
	o->after_key = true;
}

void js_string(struct out *o, const char *s)
{
	separate(o);
	quote(o->f, s);
}

void js_number(struct out *o, uint64_t n)
{
	separate(o);
	fprintf(o->f, "%" PRIu64, n);
}

void js_bool(struct out *o, bool b)
{
	separate(o);
	fputs(b ? "true" : "false", o->f);
}

void js_null(struct out *o)
{
	separate(o);
	fputs("null", o->f);
}

/* A word of a control file: a number where it is one that JSON can hold, else a string. */
void js_word(struct out *o, const char *word)
{
	size_t sign = word[0] == '-', digits = strspn(word + sign, "0123456789");
	const char *rest = word + sign + digits;
	bool number = digits && digits < 20 && (digits == 1 || word[sign] != '0');

	if (number && rest[0] == '.')
		number = rest[1] && !rest[1 + strspn(rest + 1, "0123456789")];
	else
		number = number && !rest[0];
	if (!number) {
		js_string(o, word);
		return;
	}
	separate(o);
	fputs(word, o->f);
}

/* An array of the words of a blank-separated list. */
void js_words(struct out *o, const char *words)
{
	js_begin(o, '[');
	while (*words) {
		_cleanup_free_ char *word = NULL;
		size_t len;

		words += strspn(words, " \n");
		len = strcspn(words, " \n");
		word = strndup(words, len);
		if (len && word)
			js_word(o, word);
		words += len;
	}
	js_end(o, ']');
}

/* "rules":[...]; none for NULL. */
void js_rules(struct out *o, const struct cgw_rules *rules)
{
	char text[CGW_RULE_TEXT_MAX];

	js_key(o, "rules");
	js_begin(o, '[');
	for (size_t i = 0; rules && i < cgw_rules_count(rules); i++)
		js_string(o, cgw_rule_format(cgw_rules_at(rules, i), text));
	js_end(o, ']');
}

void js_line(struct out *o)
{
	fputc('\n', o->f);
	o->filled = 0;
}

/* "2026-01-02T03:04:05.000006Z", or the local time of the day. */
void format_time(uint64_t time_ns, bool utc, char *buf, size_t size)
{
	time_t s = (time_t)(time_ns / 1000000000);
	char fraction[16];
	struct tm tm;

	snprintf(fraction, sizeof(fraction), ".%06u", (unsigned int)(time_ns % 1000000000 / 1000));
	if (utc)
		strftime(buf, size, "%Y-%m-%dT%H:%M:%S", gmtime_r(&s, &tm));
	else
		strftime(buf, size, "%H:%M:%S", localtime_r(&s, &tm));
	snprintf(buf + strlen(buf), size - strlen(buf), "%s%s", fraction, utc ? "Z" : "");
}

/* 512B, 1.5M */
void format_bytes(uint64_t bytes, char *buf, size_t size)
{
	static const char prefixes[] = "BKMGTPE";
	double value = (double)bytes;
	size_t i = 0;

	for (; value >= 1024 && prefixes[i + 1]; i++)
		value /= 1024;
	snprintf(buf, size, i ? "%.1f%c" : "%.0f%c", value, prefixes[i]);
}

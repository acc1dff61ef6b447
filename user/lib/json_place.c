// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Where in its text a value of a JSON document stands: json-c does not say. The text is walked
 * again, for messages only. It is JSON by then.
 */
#include "json.h"

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && strchr(" \t\r\n", *p))
		p++;
	return p;
}

/* From the opening quote of a string to what follows the closing one. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? p + 1 : end;
}

/* From the first byte of a value to the comma or the bracket that ends it. */
static const char *skip_value(const char *p, const char *end)
{
	for (size_t depth = 0; p < end;) {
		if (*p == '"') {
			p = skip_string(p, end);
			continue;
		}
		if (!depth && strchr(",]}", *p))
			break;
		depth += *p == '{' || *p == '[';
		depth -= *p == '}' || *p == ']';
		p++;
	}
	return p;
}

/* Is this the key, in whatever way its text spells it? */
static bool is_key(const char *text, size_t len, const char *key)
{
	json_tokener *tok;
	json_object *o;
	bool same;

	if (!memchr(text, '\\', len))
		return len == strlen(key) + 2 && !memcmp(text + 1, key, len - 2);
	tok = json_tokener_new();
	o = tok ? json_tokener_parse_ex(tok, text, (int)len) : NULL;
	same = o && !strcmp(json_object_get_string(o), key);
	json_object_put(o);
	if (tok)
		json_tokener_free(tok);
	return same;
}

/*
 * Find the member or the element that is the step, beginning with the one found last: a step
 * remembers what stands before that. So a message about each costs no more than one walk.
 */
static const char *find_child(const char *begin, const char *end, struct cgw__json_step *step)
{
	if (!step->from || (!step->key && step->index < step->from_index))
		step->from = begin, step->from_index = 0;
	for (int round = 0; round < 2; round++) {
		const char *before = step->from;

		for (size_t i = step->from_index; before < end && !strchr("]}", *before); i++) {
			const char *value = skip_blanks(before + 1, end), *key = value;
			size_t len = 0;

			if (value == end || strchr("]}", *value))
				break;
			if (step->key) {
				value = skip_string(value, end);
				len = (size_t)(value - key);
				value = skip_blanks(skip_blanks(value, end) + 1, end);
			}
			step->from = before;
			step->from_index = i;
			if (value < end &&
			    (step->key ? is_key(key, len, step->key) : i == step->index))
				return value;
			before = skip_value(value, end);
		}
		step->from = begin;
		step->from_index = 0;
	}
	return begin; /* what is absent: the whole that lacks it */
}

/* Lines are counted on from the last place. */
static void count_lines(struct cgw__json *at, const char *place)
{
	const char *p = at->counted, *newline;

	if (!p || place < p) {
		at->line = 1;
		at->line_begin = p = at->text;
	}
	while ((newline = memchr(p, '\n', (size_t)(place - p)))) {
		at->line++;
		at->line_begin = p = newline + 1;
	}
	at->counted = place;
}

/* Print "FILE:LINE:COLUMN: " of a place in the text. */
void cgw__json_place(struct cgw__json *at, const char *place, char *ret_text, size_t room)
{
	count_lines(at, place);
	snprintf(ret_text, room, "%.512s:%zu:%zu: ", at->file, at->line,
		 (size_t)(place - at->line_begin) + 1);
}

/* The same and the path of where we are in the document, or of its member KEY. */
void cgw__json_here(struct cgw__json *at, const char *key, char *ret_text, size_t room)
{
	const char *end = at->text + at->len, *place = skip_blanks(at->text, end);
	size_t n = at->n, len;

	if (key)
		at->steps[n++].key = key;
	for (size_t i = 0; i < n; i++)
		place = find_child(place, end, &at->steps[i]);
	cgw__json_place(at, place, ret_text, room);
	for (size_t i = 0; i < n; i++) {
		const struct cgw__json_step *step = &at->steps[i];

		len = strlen(ret_text);
		if (step->key)
			snprintf(ret_text + len, room - len, "%s%s", i ? "." : "", step->key);
		else
			snprintf(ret_text + len, room - len, "[%zu]", step->index);
	}
}

/* Go into a member. */
void cgw__json_enter(struct cgw__json *at, const char *key)
{
	at->steps[at->n++].key = key;
	at->steps[at->n].from = NULL;
}

/* Go into an element of an array. */
void cgw__json_enter_element(struct cgw__json *at, size_t i)
{
	at->steps[at->n].index = i;
	cgw__json_enter(at, NULL);
}

void cgw__json_leave(struct cgw__json *at)
{
	at->n--;
}

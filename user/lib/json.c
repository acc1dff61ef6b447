// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* JSON documents, read strictly: what one reader would take otherwise than another is refused. */
#include <ctype.h>

#include "json.h"

/* json-c needs most of a KiB for each object, also for an empty one. */
#define MAX_OBJECTS 262144

/* Of what becomes values; each is compared with all before. */
#define MAX_ENTRIES 4096

static _printf_(3, 0) int refuse(struct cgw *c, const char *where, const char *fmt, va_list ap)
{
	char why[256];

	vsnprintf(why, sizeof(why), fmt, ap);
	return cgw__bad(c, -EINVAL, "%s%s", where, why);
}

/* Refuse what stands where we are in the document, or its member KEY. */
int cgw__json_bad(struct cgw__json *at, const char *key, const char *fmt, ...)
{
	char where[1024];
	va_list ap;
	int err;

	cgw__json_here(at, key, where, sizeof(where) - 2);
	if (at->n || key)
		memcpy(where + strlen(where), ": ", 3);
	va_start(ap, fmt);
	err = refuse(at->c, where, fmt, ap);
	va_end(ap);
	return err;
}

static int bad_text(struct cgw__json *at, const char *place, const char *fmt, ...) _printf_(3, 4);

/* Refuse the text for what stands at a place. */
static int bad_text(struct cgw__json *at, const char *place, const char *fmt, ...)
{
	char where[1024];
	va_list ap;
	int err;

	cgw__json_place(at, place, where, sizeof(where));
	va_start(ap, fmt);
	err = refuse(at->c, where, fmt, ap);
	va_end(ap);
	return err;
}

/* A key of an object, as it stands in the text. */
struct key {
	const char *text; /* after the quote */
	size_t len;
	int depth;
};

static int compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int order = memcmp(x->text, y->text, n);

	return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* The same keys stay in the order of the text. */
static int compare_places(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int order = compare_keys(a, b);

	return order ? order : (x->text > y->text) - (x->text < y->text);
}

struct keys {
	struct key *list;
	size_t n;
	size_t room;
};

/* The keys of the object that ends now are the last ones of its depth: twice the same? */
static int end_object(struct cgw__json *at, struct keys *k, int depth)
{
	size_t from = k->n;

	while (from && k->list[from - 1].depth == depth)
		from--;
	if (k->n > from)
		qsort(k->list + from, k->n - from, sizeof(*k->list), compare_places);
	for (size_t i = from + 1; i < k->n; i++)
		if (!compare_keys(&k->list[i - 1], &k->list[i]))
			return bad_text(at, k->list[i].text - 1,
					"the key '%.*s' stands twice in one object",
					(int)k->list[i].len, k->list[i].text);
	k->n = from;
	return 0;
}

static int add_key(struct cgw__json *at, struct keys *k, const char *text, size_t len, int depth)
{
	const char *escape = memmem(text, len, "\\u00", 4);

	/* "dev\u0069ces" would be the same key under another spelling. */
	if (escape && escape + 4 < text + len && escape[4] < '8')
		return bad_text(at, escape, "the key '%.*s' spells ASCII by \\u", (int)len, text);
	if (k->n == k->room) {
		size_t room = k->room ? k->room * 2 : 256;
		struct key *more = realloc(k->list, room * sizeof(*more));

		if (!more)
			return cgw__oom(at->c);
		k->list = more;
		k->room = room;
	}
	k->list[k->n++] = (struct key){ text, len, depth };
	return 0;
}

/* Go to the last byte of a number. json-c takes 1. and -.5 and 00 and -01 too. */
static int skip_number(struct cgw__json *at, const char *end, const char **p)
{
	const char *begin = *p, *digits = begin + (*begin == '-');
	bool good = digits < end && isdigit((unsigned char)digits[0]);

	if (digits + 1 < end && digits[0] == '0' && isdigit((unsigned char)digits[1]))
		good = false;
	for (; *p + 1 < end && strchr("+-.0123456789eE", (*p)[1]); ++*p)
		good = good && (**p != '.' || isdigit((unsigned char)(*p)[1]));
	if (good && **p != '.')
		return 0;
	return bad_text(at, begin, "not a number in JSON");
}

/* Go from the first byte of a string to its closing quote. */
static int skip_string(struct cgw__json *at, const char *end, const char **p)
{
	while (*p < end && **p != '"') {
		if ((unsigned char)**p < ' ')
			return bad_text(at, *p, "a control character in a string");
		*p += **p == '\\' ? 2 : 1;
	}
	return 0;
}

/* json-c lets the last of two equal keys win; here they are an error. It took the text. */
static int check_text(struct cgw__json *at, struct keys *k)
{
	const char *end = at->text + at->len;
	int depth = 0, err = 0;

	for (const char *p = at->text; p < end && !err; p++) {
		const char *begin = p + 1, *close = begin;

		if (*p == '{' || *p == '[')
			depth++;
		else if (*p == ']')
			depth--;
		else if (*p == '}')
			err = end_object(at, k, depth--);
		else if (*p == '-' || isdigit((unsigned char)*p))
			err = skip_number(at, end, &p);
		/* It takes 'keys' and comments, in which a key could hide, NaN and Infinity. */
		else if (strchr("'/NI", *p))
			err = bad_text(at, p, "%c is not JSON", *p);
		if (*p != '"')
			continue;
		err = skip_string(at, end, &close);
		for (p = close + 1; p < end && strchr(" \t\r\n", *p); p++)
			;
		if (!err && p < end && *p == ':')
			err = add_key(at, k, begin, (size_t)(close - begin), depth);
		p--;
	}
	return err;
}

/* Refused before json-c sees it: what it would ignore, and what would take memory without end. */
static int check_size(struct cgw__json *at)
{
	const char *zero = memchr(at->text, '\0', at->len);
	size_t objects = 0;

	if (zero)
		return bad_text(at, zero, "a NUL is not JSON");
	if (at->len > INT32_MAX)
		return bad_text(at, at->text + INT32_MAX, "the file is larger than 2 GiB");
	for (size_t i = 0; i < at->len; i++) {
		objects += at->text[i] == '{';
		if (objects > MAX_OBJECTS)
			return bad_text(at, at->text + i, "there are more than %d objects",
					MAX_OBJECTS);
	}
	return 0;
}

/* Parse the text of AT. */
int cgw__json_parse(struct cgw__json *at, json_object **ret_root)
{
	enum json_tokener_error error;
	struct keys keys = { 0 };
	json_tokener *tok;
	json_object *root;
	int err = check_size(at);

	if (err)
		return err;
	tok = json_tokener_new();
	if (!tok)
		return cgw__oom(at->c);
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tok, at->text, (int)at->len);
	error = json_tokener_get_error(tok);
	if (error != json_tokener_success || !root)
		err = bad_text(at, at->text + json_tokener_get_parse_end(tok), "%s",
			       error == json_tokener_continue  ? "the JSON ends too early"
			       : error == json_tokener_success ? "there is nothing but null"
							       : json_tokener_error_desc(error));
	json_tokener_free(tok);
	if (!err)
		err = check_text(at, &keys);
	free(keys.list);
	if (err) {
		json_object_put(root);
		return err;
	}
	*ret_root = root;
	return 0;
}

/* A member, NULL when it is absent or null. */
json_object *cgw__json_member(json_object *o, const char *key)
{
	json_object *value = NULL;

	json_object_object_get_ex(o, key, &value);
	return value;
}

int cgw__json_string(struct cgw__json *at, json_object *object, const char *key, const char *absent,
		     const char **ret)
{
	json_object *o = cgw__json_member(object, key);

	*ret = absent;
	if (!o)
		return 0;
	if (!json_object_is_type(o, json_type_string))
		return cgw__json_bad(at, key, "not a string");
	*ret = json_object_get_string(o);
	if (strlen(*ret) != (size_t)json_object_get_string_len(o))
		return cgw__json_bad(at, key, "a NUL in a string");
	return 0;
}

/* A whole number between min and max. Return: 1, 0 when it is absent or null, -EINVAL. */
int cgw__json_int(struct cgw__json *at, json_object *object, const char *key, int64_t min,
		  int64_t max, int64_t *ret)
{
	json_object *o = cgw__json_member(object, key);

	if (!o)
		return 0;
	if (!json_object_is_type(o, json_type_int))
		return cgw__json_bad(at, key, "not a whole number");
	*ret = json_object_get_int64(o);
	/* What is above INT64_MAX is read as that. */
	if (*ret < min || *ret > max ||
	    (*ret == INT64_MAX && json_object_get_uint64(o) > INT64_MAX))
		return cgw__json_bad(at, key, "not within %lld and %lld", (long long)min,
				     (long long)max);
	return 1;
}

/* true or false. Return: 1, 0 when it is absent or null, -EINVAL. */
int cgw__json_bool(struct cgw__json *at, json_object *object, const char *key, bool *ret)
{
	json_object *o = cgw__json_member(object, key);

	if (!o)
		return 0;
	if (!json_object_is_type(o, json_type_boolean))
		return cgw__json_bad(at, key, "neither true nor false");
	*ret = json_object_get_boolean(o);
	return 1;
}

/* The object or array that a key has; NULL when it is absent or null. */
int cgw__json_object(struct cgw__json *at, json_object *object, const char *key,
		     enum json_type type, json_object **ret)
{
	json_object *o = cgw__json_member(object, key);

	*ret = o;
	if (!o)
		return 0;
	if (!json_object_is_type(o, type))
		return cgw__json_bad(at, key, "not an %s",
				     type == json_type_array ? "array" : "object");
	if ((type == json_type_array ? json_object_array_length(o)
				     : (size_t)json_object_object_length(o)) > MAX_ENTRIES)
		return cgw__json_bad(at, key, "more than %d entries", MAX_ENTRIES);
	return 0;
}

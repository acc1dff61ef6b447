// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* JSON documents, read strictly: what one reader would take otherwise than another is refused. */
#include <ctype.h>

#include "json.h"

/* json-c needs most of a KiB for each object, also for an empty one. */
#define MAX_OBJECTS 262144

int cgw__json_bad(const struct cgw__json *at, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return cgw__bad(at->c, -EINVAL, "%s: %s%s%s", at->file, at->path, at->path[0] ? ": " : "",
			why);
}

/* A key of an object, as it stands in the text. */
struct key {
	const char *text;
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

struct keys {
	struct key *list;
	size_t n;
	size_t room;
};

/* The keys of the object that ends now are the last ones of its depth: twice the same? */
static int end_object(const struct cgw__json *at, struct keys *k, int depth)
{
	size_t from = k->n;

	while (from && k->list[from - 1].depth == depth)
		from--;
	if (k->n > from)
		qsort(k->list + from, k->n - from, sizeof(*k->list), compare_keys);
	for (size_t i = from + 1; i < k->n; i++)
		if (!compare_keys(&k->list[i - 1], &k->list[i]))
			return cgw__json_bad(at, "the key '%.*s' stands twice in one object",
					     (int)k->list[i].len, k->list[i].text);
	k->n = from;
	return 0;
}

static int add_key(const struct cgw__json *at, struct keys *k, const char *text, size_t len,
		   int depth)
{
	const char *escape = memmem(text, len, "\\u00", 4);

	/* "dev\u0069ces" would be the same key under another spelling. */
	if (escape && escape + 4 < text + len && escape[4] < '8')
		return cgw__json_bad(at, "the key '%.*s' spells ASCII by \\u", (int)len, text);
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
static int skip_number(const struct cgw__json *at, const char *text, const char *end,
		       const char **p)
{
	const char *begin = *p, *digits = begin + (*begin == '-');
	bool good = digits < end && isdigit((unsigned char)digits[0]);

	if (digits + 1 < end && digits[0] == '0' && isdigit((unsigned char)digits[1]))
		good = false;
	for (; *p + 1 < end && strchr("+-.0123456789eE", (*p)[1]); ++*p)
		good = good && (**p != '.' || isdigit((unsigned char)(*p)[1]));
	if (good && **p != '.')
		return 0;
	return cgw__json_bad(at, "byte %zu: not a number in JSON", (size_t)(begin - text) + 1);
}

/* Go from the first byte of a string to its closing quote. */
static int skip_string(const struct cgw__json *at, const char *text, const char *end,
		       const char **p)
{
	while (*p < end && **p != '"') {
		if ((unsigned char)**p < ' ')
			return cgw__json_bad(at, "byte %zu: a control character in a string",
					     (size_t)(*p - text) + 1);
		*p += **p == '\\' ? 2 : 1;
	}
	return 0;
}

/* json-c lets the last of two equal keys win; here they are an error. It took the text. */
static int check_text(const struct cgw__json *at, const char *text, size_t len, struct keys *k)
{
	const char *end = text + len;
	int depth = 0, err = 0;

	for (const char *p = text; p < end && !err; p++) {
		const char *begin = p + 1, *close = begin;

		if (*p == '{' || *p == '[')
			depth++;
		else if (*p == ']')
			depth--;
		else if (*p == '}')
			err = end_object(at, k, depth--);
		else if (*p == '-' || isdigit((unsigned char)*p))
			err = skip_number(at, text, end, &p);
		/* It takes 'keys' and comments, in which a key could hide, NaN and Infinity. */
		else if (strchr("'/NI", *p))
			err = cgw__json_bad(at, "byte %zu: %c is not JSON", (size_t)(p - text) + 1,
					    *p);
		if (*p != '"')
			continue;
		err = skip_string(at, text, end, &close);
		for (p = close + 1; p < end && strchr(" \t\r\n", *p); p++)
			;
		if (!err && p < end && *p == ':')
			err = add_key(at, k, begin, (size_t)(close - begin), depth);
		p--;
	}
	return err;
}

/* Refused before json-c sees it: what it would ignore, and what would take memory without end. */
static int check_size(const struct cgw__json *at, const char *text, size_t len)
{
	const char *zero = memchr(text, '\0', len);
	size_t objects = 0;

	if (zero)
		return cgw__json_bad(at, "byte %zu is a NUL", (size_t)(zero - text) + 1);
	if (len > INT32_MAX)
		return cgw__json_bad(at, "the file is larger than 2 GiB");
	for (size_t i = 0; i < len; i++)
		objects += text[i] == '{';
	if (objects > MAX_OBJECTS)
		return cgw__json_bad(at, "there are more than %d objects", MAX_OBJECTS);
	return 0;
}

int cgw__json_parse(const struct cgw__json *at, const char *text, size_t len,
		    json_object **ret_root)
{
	enum json_tokener_error error;
	struct keys keys = { 0 };
	json_tokener *tok;
	json_object *root;
	int err = check_size(at, text, len);

	if (err)
		return err;
	tok = json_tokener_new();
	if (!tok)
		return cgw__oom(at->c);
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tok, text, (int)len);
	error = json_tokener_get_error(tok);
	if (error != json_tokener_success || !root)
		err = cgw__json_bad(at, "byte %zu: %s", json_tokener_get_parse_end(tok) + 1,
				    error == json_tokener_continue ? "the JSON ends too early"
				    : error == json_tokener_success
					    ? "there is nothing but null"
					    : json_tokener_error_desc(error));
	json_tokener_free(tok);
	if (!err)
		err = check_text(at, text, len, &keys);
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

int cgw__json_string(const struct cgw__json *at, json_object *object, const char *key,
		     const char *absent, const char **ret)
{
	json_object *o = cgw__json_member(object, key);

	*ret = absent;
	if (!o)
		return 0;
	if (!json_object_is_type(o, json_type_string))
		return cgw__json_bad(at, "%s is no string", key);
	*ret = json_object_get_string(o);
	if (strlen(*ret) != (size_t)json_object_get_string_len(o))
		return cgw__json_bad(at, "%s has a NUL in it", key);
	return 0;
}

/* A whole number between min and max. Return: 1, 0 when it is absent or null, -EINVAL. */
int cgw__json_int(const struct cgw__json *at, json_object *object, const char *key, int64_t min,
		  int64_t max, int64_t *ret)
{
	json_object *o = cgw__json_member(object, key);

	if (!o)
		return 0;
	if (!json_object_is_type(o, json_type_int))
		return cgw__json_bad(at, "%s is no whole number", key);
	*ret = json_object_get_int64(o);
	/* What is above INT64_MAX is read as that. */
	if (*ret < min || *ret > max ||
	    (*ret == INT64_MAX && json_object_get_uint64(o) > INT64_MAX))
		return cgw__json_bad(at, "%s is not within %lld and %lld", key, (long long)min,
				     (long long)max);
	return 1;
}

/* true or false. Return: 1, 0 when it is absent or null, -EINVAL. */
int cgw__json_bool(const struct cgw__json *at, json_object *object, const char *key, bool *ret)
{
	json_object *o = cgw__json_member(object, key);

	if (!o)
		return 0;
	if (!json_object_is_type(o, json_type_boolean))
		return cgw__json_bad(at, "%s is neither true nor false", key);
	*ret = json_object_get_boolean(o);
	return 1;
}

/* Go into a part of the document. Return: where leave() gets back to. */
size_t cgw__json_enter(struct cgw__json *at, const char *fmt, ...)
{
	size_t len = strlen(at->path);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(at->path + len, sizeof(at->path) - len, fmt, ap);
	va_end(ap);
	if (!len && at->path[0] == '.')
		memmove(at->path, at->path + 1, strlen(at->path));
	return len;
}

void cgw__json_leave(struct cgw__json *at, size_t len)
{
	at->path[len] = '\0';
}

/* The object that a key has; NULL when it is absent or null. */
int cgw__json_object(const struct cgw__json *at, json_object *object, const char *key,
		     enum json_type type, json_object **ret)
{
	*ret = cgw__json_member(object, key);
	if (*ret && !json_object_is_type(*ret, type))
		return cgw__json_bad(at, "%s is no %s", key,
				     type == json_type_array ? "array" : "object");
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Device rules from an OCI config.json: linux.resources.devices. */
#include <ctype.h>
#include <json-c/json.h>

#include "internal.h"

/* json-c needs most of a KiB for each object, also for an empty one. */
#define MAX_OBJECTS 262144

/* Where we are in the document, for messages. */
struct place {
	struct cgw *c;
	const char *file;
	char path[128];
};

static int bad_json(const struct place *at, const char *fmt, ...) _printf_(2, 3);

static int bad_json(const struct place *at, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return cgw__bad(at->c, -EINVAL, "%s: %s%s%s", at->file, at->path, at->path[0] ? ": " : "", why);
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
static int end_object(const struct place *at, struct keys *k, int depth)
{
	size_t from = k->n;

	while (from && k->list[from - 1].depth == depth)
		from--;
	if (k->n > from)
		qsort(k->list + from, k->n - from, sizeof(*k->list), compare_keys);
	for (size_t i = from + 1; i < k->n; i++)
		if (!compare_keys(&k->list[i - 1], &k->list[i]))
			return bad_json(at, "the key '%.*s' stands twice in one object",
					(int)k->list[i].len, k->list[i].text);
	k->n = from;
	return 0;
}

static int add_key(const struct place *at, struct keys *k, const char *text, size_t len, int depth)
{
	const char *escape = memmem(text, len, "\\u00", 4);

	/* "dev\u0069ces" would be the same key under another spelling. */
	if (escape && escape + 4 < text + len && escape[4] < '8')
		return bad_json(at, "the key '%.*s' spells ASCII by \\u", (int)len, text);
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
static int skip_number(const struct place *at, const char *text, const char *end, const char **p)
{
	const char *begin = *p, *digits = begin + (*begin == '-');
	bool good = digits < end && isdigit((unsigned char)digits[0]);

	if (digits + 1 < end && digits[0] == '0' && isdigit((unsigned char)digits[1]))
		good = false;
	for (; *p + 1 < end && strchr("+-.0123456789eE", (*p)[1]); ++*p)
		good = good && (**p != '.' || isdigit((unsigned char)(*p)[1]));
	if (good && **p != '.')
		return 0;
	return bad_json(at, "byte %zu: not a number in JSON", (size_t)(begin - text) + 1);
}

/* Go from the first byte of a string to its closing quote. */
static int skip_string(const struct place *at, const char *text, const char *end, const char **p)
{
	while (*p < end && **p != '"') {
		if ((unsigned char)**p < ' ')
			return bad_json(at, "byte %zu: a control character in a string",
					(size_t)(*p - text) + 1);
		*p += **p == '\\' ? 2 : 1;
	}
	return 0;
}

/* json-c lets the last of two equal keys win; here they are an error. It took the text. */
static int check_text(const struct place *at, const char *text, size_t len, struct keys *k)
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
			err = bad_json(at, "byte %zu: %c is not JSON", (size_t)(p - text) + 1, *p);
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
static int check_size(const struct place *at, const char *text, size_t len)
{
	const char *zero = memchr(text, '\0', len);
	size_t objects = 0;

	if (zero)
		return bad_json(at, "byte %zu is a NUL", (size_t)(zero - text) + 1);
	if (len > INT32_MAX)
		return bad_json(at, "the file is larger than 2 GiB");
	for (size_t i = 0; i < len; i++)
		objects += text[i] == '{';
	if (objects > MAX_OBJECTS)
		return bad_json(at, "there are more than %d objects", MAX_OBJECTS);
	return 0;
}

static int parse(const struct place *at, const char *text, size_t len, json_object **ret_root)
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
		err = bad_json(at, "byte %zu: %s", json_tokener_get_parse_end(tok) + 1,
			       error == json_tokener_continue ? "the JSON ends too early" :
			       error == json_tokener_success  ? "there is nothing but null" :
								json_tokener_error_desc(error));
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
static json_object *member(json_object *o, const char *key)
{
	json_object *value = NULL;

	json_object_object_get_ex(o, key, &value);
	return value;
}

static int read_number(struct place *at, json_object *device, const char *key, uint32_t *ret)
{
	json_object *o = member(device, key);
	int64_t n;

	*ret = CGW_DEVICE_ANY;
	if (!o)
		return 0;
	if (!json_object_is_type(o, json_type_int))
		return bad_json(at, "%s is no whole number", key);
	n = json_object_get_int64(o);
	if (n == -1)
		return 0;
	if (n < 0 || n >= CGW_DEVICE_ANY)
		return bad_json(at, "%s is neither 0..4294967294 nor -1", key);
	*ret = (uint32_t)n;
	return 0;
}

static int read_string(struct place *at, json_object *device, const char *key, const char *absent,
		       const char **ret)
{
	json_object *o = member(device, key);

	*ret = absent;
	if (!o)
		return 0;
	if (!json_object_is_type(o, json_type_string))
		return bad_json(at, "%s is no string", key);
	*ret = json_object_get_string(o);
	if (strlen(*ret) != (size_t)json_object_get_string_len(o))
		return bad_json(at, "%s has a NUL in it", key);
	return 0;
}

static int read_device(struct place *at, json_object *device, struct cgw_rules *rules)
{
	struct cgw_rule rule = { 0 };
	const char *type, *access;
	json_object *allow;
	int err;

	if (!json_object_is_type(device, json_type_object))
		return bad_json(at, "a rule is an object");
	err = read_string(at, device, "type", "a", &type);
	if (!err)
		err = read_string(at, device, "access", "rwm", &access);
	if (!err)
		err = read_number(at, device, "major", &rule.major);
	if (!err)
		err = read_number(at, device, "minor", &rule.minor);
	if (err)
		return err;
	if (!type[0] || type[1] || !strchr("abc", type[0]))
		return bad_json(at, "type '%s' is none of a, b, c", type);
	rule.type = type[0];
	rule.access = cgw__parse_access(access, strlen(access));
	if (!rule.access)
		return bad_json(at, "access '%s' is not letters of r, w, m", access);
	allow = member(device, "allow");
	if (allow && !json_object_is_type(allow, json_type_boolean))
		return bad_json(at, "allow is neither true nor false");
	rule.allow = allow && json_object_get_boolean(allow);
	return cgw_rules_add_rule(rules, &rule);
}

static int read_devices(struct place *at, json_object *devices, struct cgw_rules *rules)
{
	size_t n, len = strlen(at->path);
	int err = 0;

	if (!json_object_is_type(devices, json_type_array))
		return bad_json(at, "the rules are no array");
	n = json_object_array_length(devices);
	for (size_t i = 0; i < n && !err; i++) {
		snprintf(at->path + len, sizeof(at->path) - len, "[%zu]", i);
		err = read_device(at, json_object_array_get_idx(devices, i), rules);
	}
	return err;
}

/* From a whole config.json, its linux, its resources, or an array of rules, to the rules. */
static int find_devices(struct place *at, json_object *o, json_object **ret_devices)
{
	static const char *const steps[] = { "linux", "resources", "devices" };

	*ret_devices = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		json_object *next;

		if (!json_object_is_type(o, json_type_object))
			return bad_json(at, "this is no object");
		next = member(o, steps[i]);
		/* The document may begin further in; once in it, what is absent is absent. */
		if (!next && (at->path[0] || i == ARRAY_SIZE(steps) - 1))
			return 0;
		if (!next)
			continue;
		snprintf(at->path + strlen(at->path), sizeof(at->path) - strlen(at->path), "%s%s",
			 at->path[0] ? "." : "", steps[i]);
		o = next;
	}
	*ret_devices = o;
	return 0;
}

int cgw_rules_add_oci(struct cgw_rules *rules, const char *name, const char *text, size_t len)
{
	struct place at = { .c = rules->c, .file = name };
	json_object *root = NULL, *devices = NULL;
	size_t before = rules->n;
	int err = parse(&at, text, len, &root);

	if (err)
		return err;
	if (json_object_is_type(root, json_type_array)) {
		devices = root;
	} else {
		err = find_devices(&at, root, &devices);
		if (!err && !devices)
			err = cgw__bad(rules->c, -ENODATA, "%s: %s%sthere are no linux.resources.devices",
				       name, at.path, at.path[0] ? ": " : "");
	}
	if (!err)
		err = read_devices(&at, devices, rules);
	if (err)
		rules->n = before;
	json_object_put(root);
	return err;
}

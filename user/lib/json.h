/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Reading JSON documents of others. */
#ifndef CGWARD_JSON_H
#define CGWARD_JSON_H

#include <json-c/json.h>

#include "internal.h"

/* Where we are in a document, for messages. */
struct cgw__json {
	struct cgw *c;
	const char *file;
	char path[256];
};

int cgw__json_bad(const struct cgw__json *at, const char *fmt, ...) _printf_(2, 3);
int cgw__json_parse(const struct cgw__json *at, const char *text, size_t len,
		    json_object **ret_root);
json_object *cgw__json_member(json_object *o, const char *key);
int cgw__json_string(const struct cgw__json *at, json_object *object, const char *key,
		     const char *absent, const char **ret);
int cgw__json_int(const struct cgw__json *at, json_object *object, const char *key, int64_t min,
		  int64_t max, int64_t *ret);
int cgw__json_bool(const struct cgw__json *at, json_object *object, const char *key, bool *ret);
int cgw__json_object(const struct cgw__json *at, json_object *object, const char *key,
		     enum json_type type, json_object **ret);
size_t cgw__json_enter(struct cgw__json *at, const char *fmt, ...) _printf_(2, 3);
void cgw__json_leave(struct cgw__json *at, size_t len);

/* oci.c */
int cgw__oci_resources(struct cgw__json *at, json_object *root, json_object **ret_resources);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Reading JSON documents of others. */
#ifndef CGWARD_JSON_H
#define CGWARD_JSON_H

#include <json-c/json.h>

#include "internal.h"

/* A member, or an element where there is no key; and what find_child() remembers. */
struct cgw__json_step {
	const char *key;
	size_t index;
	const char *from;
	size_t from_index;
};

/* Where we are in a document, for messages; as deep as what is read of any goes. */
struct cgw__json {
	struct cgw *c;
	const char *file;
	const char *text;
	size_t len;
	struct cgw__json_step steps[10];
	size_t n;
	const char *counted; /* what count_lines() remembers */
	const char *line_begin;
	size_t line;
};

int cgw__json_bad(struct cgw__json *at, const char *key, const char *fmt, ...) _printf_(3, 4);
int cgw__json_parse(struct cgw__json *at, json_object **ret_root);
json_object *cgw__json_member(json_object *o, const char *key);
int cgw__json_string(struct cgw__json *at, json_object *object, const char *key, const char *absent,
		     const char **ret);
int cgw__json_int(struct cgw__json *at, json_object *object, const char *key, int64_t min,
		  int64_t max, int64_t *ret);
int cgw__json_bool(struct cgw__json *at, json_object *object, const char *key, bool *ret);
int cgw__json_object(struct cgw__json *at, json_object *object, const char *key,
		     enum json_type type, json_object **ret);

/* json_place.c */
void cgw__json_place(struct cgw__json *at, const char *place, char *ret_text, size_t room);
void cgw__json_here(struct cgw__json *at, const char *key, char *ret_text, size_t room);
void cgw__json_enter(struct cgw__json *at, const char *key);
void cgw__json_enter_element(struct cgw__json *at, size_t i);
void cgw__json_leave(struct cgw__json *at);

/* oci.c */
int cgw__oci_resources(struct cgw__json *at, json_object *root, json_object **ret_resources);

#endif

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Device rules from an OCI config.json: linux.resources.devices. */
#include "json.h"

/* -1 is every number, and so is an absent one. */
static int read_number(struct cgw__json *at, json_object *device, const char *key, uint32_t *ret)
{
	int64_t n = -1;
	int err = cgw__json_int(at, device, key, -1, CGW_DEVICE_ANY - 1, &n);

	*ret = n < 0 ? CGW_DEVICE_ANY : (uint32_t)n;
	return err < 0 ? err : 0;
}

static int read_device(struct cgw__json *at, json_object *device, struct cgw_rules *rules)
{
	struct cgw_rule rule = { 0 };
	const char *type, *access;
	int err;

	if (!json_object_is_type(device, json_type_object))
		return cgw__json_bad(at, NULL, "a rule is an object");
	err = cgw__json_string(at, device, "type", "a", &type);
	if (!err)
		err = cgw__json_string(at, device, "access", "rwm", &access);
	if (!err)
		err = read_number(at, device, "major", &rule.major);
	if (!err)
		err = read_number(at, device, "minor", &rule.minor);
	if (err)
		return err;
	if (!type[0] || type[1] || !strchr("abc", type[0]))
		return cgw__json_bad(at, "type", "'%s' is none of a, b, c", type);
	rule.type = type[0];
	rule.access = cgw__parse_access(access, strlen(access));
	if (!rule.access)
		return cgw__json_bad(at, "access", "'%s' is not letters of r, w, m", access);
	err = cgw__json_bool(at, device, "allow", &rule.allow);
	return err < 0 ? err : cgw_rules_add_rule(rules, &rule);
}

static int read_devices(struct cgw__json *at, json_object *devices, struct cgw_rules *rules)
{
	size_t n;
	int err = 0;

	if (!json_object_is_type(devices, json_type_array))
		return cgw__json_bad(at, NULL, "the rules are no array");
	n = json_object_array_length(devices);
	for (size_t i = 0; i < n && !err; i++) {
		cgw__json_enter_element(at, i);
		err = read_device(at, json_object_array_get_idx(devices, i), rules);
		cgw__json_leave(at);
	}
	return err;
}

/*
 * The resources of a whole config.json, of its linux, or of a document that is they
 * themselves; NULL where there are none.
 */
int cgw__oci_resources(struct cgw__json *at, json_object *root, json_object **ret_resources)
{
	static const char *const steps[] = { "linux", "resources" };
	json_object *o = root;

	*ret_resources = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		json_object *next;

		if (!json_object_is_type(o, json_type_object))
			return cgw__json_bad(at, NULL, "not an object");
		next = cgw__json_member(o, steps[i]);
		/* The document may begin further in; once in it, what is absent is absent. */
		if (!next && at->n)
			return 0;
		if (!next)
			continue;
		cgw__json_enter(at, steps[i]);
		o = next;
	}
	if (!json_object_is_type(o, json_type_object))
		return cgw__json_bad(at, NULL, "not an object");
	if (o != root || !cgw__json_member(root, "ociVersion"))
		*ret_resources = o;
	return 0;
}

/* Their rules; a document may be no more than an array of those. */
static int find_devices(struct cgw__json *at, json_object *root, json_object **ret_devices)
{
	json_object *resources = NULL;
	char where[1024];
	int err;

	*ret_devices = root;
	if (json_object_is_type(root, json_type_array))
		return 0;
	err = cgw__oci_resources(at, root, &resources);
	*ret_devices = err || !resources ? NULL : cgw__json_member(resources, "devices");
	if (!err && !*ret_devices) {
		cgw__json_here(at, NULL, where, sizeof(where));
		return cgw__bad(at->c, -ENODATA, "%s%sthere are no linux.resources.devices", where,
				at->n ? ": " : "");
	}
	if (!err && resources)
		cgw__json_enter(at, "devices");
	return err;
}

int cgw_rules_add_oci(struct cgw_rules *rules, const char *name, const char *text, size_t len)
{
	struct cgw__json at = { .c = rules->c, .file = name, .text = text, .len = len };
	json_object *root = NULL, *devices = NULL;
	size_t before = rules->n;
	int err = cgw__json_parse(&at, &root);

	if (err)
		return err;
	err = find_devices(&at, root, &devices);
	if (!err)
		err = read_devices(&at, devices, rules);
	if (err)
		rules->n = before;
	json_object_put(root);
	return err;
}

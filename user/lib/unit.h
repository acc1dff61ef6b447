/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Units of systemd, as far as they need no bus: their names and their properties. */
#ifndef CGWARD_UNIT_H
#define CGWARD_UNIT_H

#include "internal.h"

enum cgw__unit_kind {
	CGW_UNIT_SCOPE,
	CGW_UNIT_SLICE,
	CGW_UNIT_OTHER, /* has a group, but is not for us to make */
};

/* A property of a unit: the value that its type says. */
struct cgw__property {
	const char *name;
	char type; /* of D-Bus: 't', 'b' and 's'; 'y' for an array of bytes */
	uint64_t number;
	const char *text;
	uint8_t *bytes;
	size_t n_bytes;
	bool unknown; /* to this systemd */
};

struct cgw__properties {
	struct cgw__property list[32];
	size_t n;
};

/* unit.c */
int cgw__unit_check(struct cgw *c, const char *name, enum cgw__unit_kind *ret_kind);
int cgw__unit_check_slice(struct cgw *c, const char *slice, const char *name);

/* unit_properties.c */
struct cgw__property *cgw__property_add(struct cgw__properties *p, const char *name, char type);
int cgw__properties_add_resources(struct cgw__properties *p, const struct cgw_resources *r,
				  bool slice);
bool cgw__properties_drop(struct cgw__properties *p, const char *message);
void cgw__properties_free(struct cgw__properties *p);
int cgw__parse_cpu_list(const char *text, uint8_t **ret_bytes, size_t *ret_n);
char *cgw__format_cpu_list(const uint8_t *bytes, size_t n);

#endif

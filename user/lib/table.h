/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Between the compiler of device rules and what makes a value for the kernel of its table. */
#ifndef CGWARD_TABLE_H
#define CGWARD_TABLE_H

#include "internal.h"

struct cgw__table {
	struct cgw_policy_entry *entries;
	size_t n;
	size_t room;
	uint8_t fallback[4]; /* by type */
	bool invert;	     /* runc: the rules are exceptions from "allow" */
};

int cgw__tabulate(const struct cgw_rules *rules, enum cgw_semantics semantics,
		  struct cgw__table *t);
void cgw__table_free(struct cgw__table *t);

#endif

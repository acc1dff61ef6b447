// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The functions of a library built with SYSTEMD=0: there, and saying what they are not. */
#include "unit.h"

#define WHY "this libcgward was built without systemd"
#define HOW "build it with make SYSTEMD=1"

static int built_without(struct cgw *c)
{
	int err = cgw__fail(c, -EOPNOTSUPP, WHY);

	cgw__hint(c, HOW);
	return err;
}

void cgw__bus_free(struct cgw__bus *b)
{
	(void)b;
}

int cgw__probe_systemd(struct cgw *c, cgw_probe_fn fn, void *arg)
{
	struct cgw_probe p = { .feature = "systemd", .why = WHY, .hint = HOW };

	(void)c;
	return fn(&p, arg);
}

int cgw_unit_start(struct cgw *c, const char *name, const struct cgw_unit_opts *opts,
		   struct cgw_group **ret_g)
{
	(void)name;
	(void)opts;
	(void)ret_g;
	return built_without(c);
}

pid_t cgw_unit_spawn(struct cgw *c, const char *name, const struct cgw_unit_opts *opts,
		     const struct cgw_spawn *s, struct cgw_group **ret_g)
{
	(void)name;
	(void)opts;
	(void)s;
	(void)ret_g;
	return built_without(c);
}

int cgw_unit_open(struct cgw *c, const char *name, bool user, struct cgw_group **ret_g)
{
	(void)name;
	(void)user;
	(void)ret_g;
	return built_without(c);
}

int cgw_unit_stop(struct cgw *c, const char *name, bool user, int timeout_ms)
{
	(void)name;
	(void)user;
	(void)timeout_ms;
	return built_without(c);
}

int cgw_unit_properties(struct cgw *c, const char *name, bool user, cgw_property_fn fn, void *arg)
{
	(void)name;
	(void)user;
	(void)fn;
	(void)arg;
	return built_without(c);
}

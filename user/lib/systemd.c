// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Units of systemd with a group: looked up, described, stopped. */

#include "systemd.h"

/* "web.scope" has its own properties in org.freedesktop.systemd1.Scope. */
static const char *unit_interface(const char *name)
{
	static const char *const interfaces[] = {
		MANAGER_NAME ".Scope",	MANAGER_NAME ".Slice", MANAGER_NAME ".Service",
		MANAGER_NAME ".Socket", MANAGER_NAME ".Mount", MANAGER_NAME ".Swap",
	};
	size_t i = 0;

	while (strcasecmp(strrchr(interfaces[i], '.'), strrchr(name, '.')) != 0)
		i++;
	return interfaces[i];
}

/* The unit's object, if it is loaded. Return: 0, -ENOENT, -errno, not told. */
static int find_unit(struct cgw__bus *b, const char *name, sd_bus_error *error, char **ret_path)
{
	sd_bus_message *reply = NULL;
	const char *path;
	int err = cgw__bus_manager(b, "GetUnit", error, &reply, "s", name);

	if (err)
		return err;
	err = b->sd.sd_bus_message_read(reply, "o", &path);
	if (err >= 0) {
		*ret_path = strdup(path);
		err = *ret_path ? 0 : -ENOMEM;
	}
	b->sd.sd_bus_message_unref(reply);
	return err;
}

/* A property of the unit, or of its kind; free() it. Return: 0 or -errno, not told. */
int cgw__unit_property(struct cgw__bus *b, const char *name, bool own, const char *property,
		       sd_bus_error *error, char **ret_value)
{
	_cleanup_free_ char *path = NULL;
	int err = find_unit(b, name, error, &path);

	return err ? err : cgw__bus_property(b, path, own ? unit_interface(name) : UNIT_INTERFACE,
					     property, error, ret_value);
}

/* The unit's group, as systemd says. what: of the message when it has none. */
int cgw__unit_group(struct cgw__bus *b, const char *name, const char *what,
		    struct cgw_group **ret_g)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_free_ char *path = NULL, *state = NULL;
	int err = cgw__unit_property(b, name, true, "ControlGroup", &error, &path);

	if (!err && !path[0])
		err = cgw__unit_property(b, name, false, "ActiveState", &error, &state);
	if (err)
		err = cgw__bus_explain(b, err, what, &error);
	else if (!path[0])
		err = cgw__fail(b->c, -ENOENT, "%s: it has no group, being %s", what, state);
	else
		err = cgw_group_open(b->c, path, ret_g);
	b->sd.sd_bus_error_free(&error);
	return err;
}

static int begin(struct cgw *c, const char *name, bool user, int64_t deadline, const char *what,
		 struct cgw__bus **ret_b)
{
	enum cgw__unit_kind kind;
	int err = cgw__unit_check(c, name, &kind);

	return err ? err : cgw__bus_open(c, user, deadline, what, ret_b);
}

int cgw_unit_open(struct cgw *c, const char *name, bool user, struct cgw_group **ret_g)
{
	struct cgw__bus *b;
	char what[320];
	int err;

	snprintf(what, sizeof(what), "cannot open the group of '%.255s'", name);
	err = begin(c, name, user, cgw__deadline(CGW_UNIT_TIMEOUT_MS), what, &b);
	return err ? err : cgw__unit_group(b, name, what, ret_g);
}

/* What cgw_unit_properties() gives: of each unit, then of its group. */
static const struct {
	const char *name;
	bool own;
} shown[] = {
	{ "Id", false },
	{ "Description", false },
	{ "LoadState", false },
	{ "ActiveState", false },
	{ "SubState", false },
	{ "Slice", true },
	{ "ControlGroup", true },
	{ "Delegate", true },
	{ "OOMPolicy", true },
	{ "CPUWeight", true },
	{ "CPUQuotaPerSecUSec", true },
	{ "CPUQuotaPeriodUSec", true },
	{ "AllowedCPUs", true },
	{ "AllowedMemoryNodes", true },
	{ "MemoryMin", true },
	{ "MemoryLow", true },
	{ "MemoryHigh", true },
	{ "MemoryMax", true },
	{ "MemorySwapMax", true },
	{ "MemoryZSwapMax", true },
	{ "IOWeight", true },
	{ "TasksMax", true },
	{ "DevicePolicy", true },
};

int cgw_unit_properties(struct cgw *c, const char *name, bool user, cgw_property_fn fn, void *arg)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_free_ char *path = NULL;
	struct cgw__bus *b;
	char what[320];
	int err;

	snprintf(what, sizeof(what), "cannot look at '%.255s'", name);
	err = begin(c, name, user, cgw__deadline(CGW_UNIT_TIMEOUT_MS), what, &b);
	if (err)
		return err;
	err = find_unit(b, name, &error, &path);
	if (err)
		err = cgw__bus_explain(b, err, what, &error);
	for (size_t i = 0; !err && i < ARRAY_SIZE(shown); i++) {
		_cleanup_free_ char *value = NULL;

		err = cgw__bus_property(b, path,
					shown[i].own ? unit_interface(name) : UNIT_INTERFACE,
					shown[i].name, &error, &value);
		/* One that this systemd, or this kind of unit, does not have. */
		if (error.name && !strcmp(error.name, "org.freedesktop.DBus.Error.UnknownProperty")) {
			b->sd.sd_bus_error_free(&error);
			err = 0;
			continue;
		}
		if (err)
			err = cgw__bus_explain(b, err, what, &error);
		else if (value[0])
			err = fn(shown[i].name, value, arg);
	}
	b->sd.sd_bus_error_free(&error);
	return err;
}

/* Ask for a job and wait until it is done. */
static int stop_unit(struct cgw__bus *b, const char *name, const char *what)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	struct cgw__job job;
	const char *path;
	int err = cgw__job_watch(b, name, &job);

	if (err)
		return err;
	err = cgw__bus_manager(b, "StopUnit", &error, &reply, "ss", name, "replace");
	if (!err)
		err = b->sd.sd_bus_message_read(reply, "o", &path);
	if (err < 0)
		err = cgw__bus_explain(b, err, what, &error);
	else
		err = cgw__job_wait(&job, path, what);
	b->sd.sd_bus_error_free(&error);
	b->sd.sd_bus_message_unref(reply);
	cgw__job_free(&job);
	return err;
}

/* A failed unit would keep its name. Nothing is lost when it is not there any more. */
void cgw__unit_reset(struct cgw__bus *b, const char *name)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;

	cgw__bus_manager(b, "ResetFailedUnit", &error, NULL, "s", name);
	b->sd.sd_bus_error_free(&error);
}

/* Stop it, its failure told. */
int cgw__unit_stop(struct cgw__bus *b, const char *name, const char *what)
{
	_cleanup_(cgw__group_closep) struct cgw_group *g = NULL;
	struct cgw *c = b->c;
	char who[400] = "";
	int err;

	/* For the message: the group has no path to ask for when it is gone. */
	cgw__unit_group(b, name, what, &g);
	err = stop_unit(b, name, what);
	if (err == -ETIMEDOUT && g) {
		cgw__describe_procs(g, true, who, sizeof(who));
		cgw__fail(c, err, "%s: it has not ended in time%s%s", what, who[0] ? ": " : "", who);
		cgw__hint(c, "systemd goes on stopping it; cgward kill %s does not wait for it", g->path);
	}
	if (!err)
		cgw__unit_reset(b, name);
	return err;
}

int cgw_unit_stop(struct cgw *c, const char *name, bool user, int timeout_ms)
{
	enum cgw__unit_kind kind;
	struct cgw__bus *b;
	char what[320];
	int err = cgw__unit_check(c, name, &kind);

	if (!err && kind == CGW_UNIT_OTHER) {
		err = cgw__bad(c, -EINVAL, "cannot stop '%s': it is neither a scope nor a slice", name);
		cgw__hint(c, "systemctl stop %s does that", name);
	}
	if (err)
		return err;
	snprintf(what, sizeof(what), "cannot stop '%.255s'", name);
	if (!timeout_ms)
		timeout_ms = CGW_UNIT_TIMEOUT_MS;
	err = cgw__bus_open(c, user, cgw__deadline(timeout_ms), what, &b);
	return err ? err : cgw__unit_stop(b, name, what);
}

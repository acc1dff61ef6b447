// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Names of what tracers tell, and of the hooks that it comes from. */
#include "internal.h"

static const struct {
	enum cgw_trace_kind kind;
	const char *name;
} kinds[] = {
	{ CGW_TRACE_LOST, "lost" },
	{ CGW_TRACE_FREEZE_REQUESTED, "freeze.requested" },
	{ CGW_TRACE_FREEZE_REACHED, "freeze.reached" },
	{ CGW_TRACE_FREEZE_BLOCKED, "freeze.blocked" },
	{ CGW_TRACE_FREEZE_BROKEN, "freeze.broken" },
	{ CGW_TRACE_FREEZE_THAW, "freeze.thaw" },
	{ CGW_TRACE_FREEZE_THAWED, "freeze.thawed" },
	{ CGW_TRACE_OOM_KILL, "oom.kill" },
	{ CGW_TRACE_DENY, "deny" },
	{ CGW_TRACE_CREATED, "lifecycle.created" },
	{ CGW_TRACE_REMOVED, "lifecycle.removed" },
	{ CGW_TRACE_RELEASED, "lifecycle.released" },
	{ CGW_TRACE_ATTACHED, "lifecycle.attached" },
	{ CGW_TRACE_POPULATED, "lifecycle.populated" },
	{ CGW_TRACE_WRITTEN, "lifecycle.written" },
};

static const char *const sources[] = {
	[CGW_TRACE_TP_BTF] = "tp_btf",	       [CGW_TRACE_FENTRY] = "fentry",
	[CGW_TRACE_CGROUP_DEV] = "cgroup/dev", [CGW_TRACE_ITER] = "iter",
	[CGW_TRACE_FILES] = "files",
};

static const char *const tracers[CGW_TRACERS] = {
	[CGW_TRACER_FREEZE] = "freeze",
	[CGW_TRACER_OOM] = "oom",
	[CGW_TRACER_DENY] = "deny",
	[CGW_TRACER_LIFECYCLE] = "lifecycle",
};

const char *cgw_trace_kind_name(unsigned int kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return "?";
}

const char *cgw_trace_source_name(unsigned int source)
{
	return source < ARRAY_SIZE(sources) && sources[source] ? sources[source] : "?";
}

const char *cgw__tracer_name(unsigned int tracer)
{
	return tracers[tracer];
}

int cgw_tracer_parse(const char *name, enum cgw_tracer *ret_tracer)
{
	for (unsigned int i = 0; i < CGW_TRACERS; i++)
		if (!strcmp(name, tracers[i])) {
			*ret_tracer = (enum cgw_tracer)i;
			return 0;
		}
	return -EINVAL;
}

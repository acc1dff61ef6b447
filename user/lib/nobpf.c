// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The functions of a library built with BPF=0: there, and saying what they are not. */
#include "blockers.h"

static int built_without(struct cgw *c)
{
	int err = cgw__fail(c, -EOPNOTSUPP, "this libcgward was built without BPF");

	cgw__hint(c, "build it with make BPF=1");
	return err;
}

void cgw__loader_free(struct cgw__loader *l)
{
	(void)l;
}

int cgw_group_set_devices(struct cgw_group *g, const struct cgw_policy *policy)
{
	(void)policy;
	return built_without(g->c);
}

int cgw_group_replace_foreign(struct cgw_group *g, const struct cgw_policy *policy)
{
	(void)policy;
	return built_without(g->c);
}

int cgw_policy_load(struct cgw_policy *policy)
{
	return built_without(policy->c);
}

int cgw_use_device_programs(struct cgw *c, const struct cgw_device_programs *programs)
{
	(void)programs;
	return built_without(c);
}

int cgw_group_extend_devices(struct cgw_group *g, const struct cgw_rules *rules)
{
	(void)rules;
	return built_without(g->c);
}

int cgw_group_get_devices(struct cgw_group *g, struct cgw_devices *ret_devices)
{
	(void)ret_devices;
	return built_without(g->c);
}

void cgw_devices_free(struct cgw_devices *d)
{
	cgw_policy_free(d->policy);
	d->policy = NULL;
}

int cgw_group_clear_devices(struct cgw_group *g)
{
	return built_without(g->c);
}

int cgw_group_device_programs(struct cgw_group *g, struct cgw_program **ret_programs)
{
	(void)ret_programs;
	return built_without(g->c);
}

int cgw_group_effective_programs(struct cgw_group *g, struct cgw_program **ret_programs)
{
	(void)ret_programs;
	return built_without(g->c);
}

const char *cgw_program_path(const struct cgw_group *g, const struct cgw_program *p, char *buf,
			     size_t size)
{
	(void)g;
	(void)p;
	(void)buf;
	(void)size;
	return NULL;
}

int cgw_group_check_device(struct cgw_group *g, unsigned int type, uint32_t major, uint32_t minor,
			   unsigned int access, struct cgw_check *ret_check)
{
	(void)type;
	(void)major;
	(void)minor;
	(void)access;
	(void)ret_check;
	return built_without(g->c);
}

int cgw_group_find_denier(struct cgw_group *g, unsigned int type, uint32_t major, uint32_t minor,
			  unsigned int access, struct cgw_denier *ret_denier)
{
	(void)type;
	(void)major;
	(void)minor;
	(void)access;
	(void)ret_denier;
	return built_without(g->c);
}

int cgw_learn_new(struct cgw *c, const struct cgw_learn_opts *opts, struct cgw_learn **ret_l)
{
	(void)opts;
	(void)ret_l;
	return built_without(c);
}

void cgw_learn_free(struct cgw_learn *l)
{
	(void)l;
}

ssize_t cgw_learn_read(struct cgw_learn *l, struct cgw_use **ret_uses, uint64_t *ret_missed)
{
	(void)l;
	(void)ret_uses;
	(void)ret_missed;
	return -EOPNOTSUPP;
}

int cgw_unload(struct cgw *c, unsigned int flags)
{
	(void)flags;
	return built_without(c);
}

int cgw__probe_devices(struct cgw_group *g, cgw_probe_fn fn, void *arg)
{
	struct cgw_probe p = { .feature = "device_policy",
			       .why = "this libcgward was built without BPF",
			       .hint = "build it with make BPF=1" };

	(void)g;
	return fn(&p, arg);
}

int cgw__probe_tracers(struct cgw *c, cgw_probe_fn fn, void *arg)
{
	int err = 0;

	(void)c;
	for (unsigned int i = 0; i < CGW_TRACERS && !err; i++) {
		char feature[32];
		struct cgw_probe p = { .feature = feature,
				       .why = "this libcgward was built without BPF",
				       .hint = "build it with make BPF=1" };

		snprintf(feature, sizeof(feature), "trace_%s", cgw__tracer_name(i));
		err = fn(&p, arg);
	}
	return err;
}

int cgw__blockers_by_iterator(struct cgw *c, uint64_t group, cgw__blocker_fn fn, void *arg)
{
	(void)c;
	(void)group;
	(void)fn;
	(void)arg;
	return -EOPNOTSUPP;
}

int cgw_trace_new(struct cgw *c, const struct cgw_trace_opts *opts, struct cgw_trace **ret_t)
{
	(void)opts;
	(void)ret_t;
	return built_without(c);
}

void cgw_trace_free(struct cgw_trace *t)
{
	(void)t;
}

const char *cgw_trace_missing(const struct cgw_trace *t, size_t i)
{
	(void)t;
	(void)i;
	return NULL;
}

int cgw_trace_fd(const struct cgw_trace *t)
{
	(void)t;
	return -EOPNOTSUPP;
}

uint64_t cgw_trace_complete_ns(const struct cgw_trace *t)
{
	(void)t;
	return 0;
}

int cgw_trace_read(struct cgw_trace *t, struct cgw_trace_event *ret_event)
{
	(void)t;
	(void)ret_event;
	return -EOPNOTSUPP;
}

int cgw_trace_consume(struct cgw_trace *t, cgw_trace_fn fn, void *arg)
{
	(void)t;
	(void)fn;
	(void)arg;
	return -EOPNOTSUPP;
}

int cgw__trace_keep(struct cgw_trace *t)
{
	(void)t;
	return 0;
}

int cgw__trace_ring(const struct cgw_trace *t)
{
	(void)t;
	return -EBADF;
}

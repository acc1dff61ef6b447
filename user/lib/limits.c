// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* struct cgw_limits as values of control files. */
#include <inttypes.h>
#include <stddef.h>

#include "internal.h"

enum kind {
	AMOUNT, /* uint64_t, CGW_NO_LIMIT = max */
	SIGNED, /* int */
	TOGGLE, /* bool */
	SHARE,	/* uint64_t, hundredths of a percent */
	TEXT,	/* the string itself */
};

static const struct {
	const char *file;
	size_t offset;
	enum kind kind;
} simple[] = {
#define FIELD(file, name, kind)                                                                    \
	{                                                                                          \
		file, offsetof(struct cgw_limits, name), kind                                      \
	}
	FIELD("cpu.weight", cpu_weight, AMOUNT),
	FIELD("cpu.weight.nice", cpu_nice, SIGNED),
	FIELD("cpu.max.burst", cpu_burst_us, AMOUNT),
	FIELD("cpu.idle", cpu_idle, TOGGLE),
	FIELD("cpu.uclamp.min", cpu_uclamp_min, SHARE),
	FIELD("cpu.uclamp.max", cpu_uclamp_max, SHARE),
	FIELD("cpuset.cpus", cpuset_cpus, TEXT),
	FIELD("cpuset.mems", cpuset_mems, TEXT),
	FIELD("cpuset.cpus.partition", cpuset_partition, TEXT),
	FIELD("memory.min", memory_min, AMOUNT),
	FIELD("memory.low", memory_low, AMOUNT),
	FIELD("memory.high", memory_high, AMOUNT),
	FIELD("memory.max", memory_max, AMOUNT),
	FIELD("memory.swap.high", memory_swap_high, AMOUNT),
	FIELD("memory.swap.max", memory_swap_max, AMOUNT),
	FIELD("memory.zswap.max", memory_zswap_max, AMOUNT),
	FIELD("memory.oom.group", memory_oom_group, TOGGLE),
	FIELD("memory.reclaim", memory_reclaim, AMOUNT),
	FIELD("pids.max", pids_max, AMOUNT),
	FIELD("io.weight", io_weight, AMOUNT),
	FIELD("cgroup.pressure", pressure, TOGGLE),
#undef FIELD
};

#define AMOUNT_TEXT_MAX 24

static const char *amount(uint64_t n, char buf[AMOUNT_TEXT_MAX])
{
	if (n == CGW_NO_LIMIT)
		return "max";
	snprintf(buf, AMOUNT_TEXT_MAX, "%" PRIu64, n);
	return buf;
}

/* Add the value last set, unless the kernel is known to refuse it. */
static int check(struct cgw_resources *r)
{
	const struct cgw__setting *s = cgw__resources_last(r);
	const char *problem = cgw__value_problem(s->file, s->value);

	if (!problem)
		return 0;
	return cgw__bad(r->c, -ERANGE, "bad limit %s=%s: it takes %s", s->file, s->value, problem);
}

static int add_simple(struct cgw_resources *r, const struct cgw_limits *l, size_t i)
{
	const void *p = *(const void *const *)((const char *)l + simple[i].offset);
	char buf[AMOUNT_TEXT_MAX];
	const uint64_t *n = p;
	int err;

	if (!p)
		return 0;
	switch (simple[i].kind) {
	case AMOUNT:
		err = cgw__resources_set(r, simple[i].file, "%s", amount(*n, buf));
		break;
	case SIGNED:
		err = cgw__resources_set(r, simple[i].file, "%d", *(const int *)p);
		break;
	case TOGGLE:
		err = cgw__resources_set(r, simple[i].file, "%d", *(const bool *)p);
		break;
	case SHARE:
		err = *n == CGW_NO_LIMIT ? cgw__resources_set(r, simple[i].file, "max")
					 : cgw__resources_set(r, simple[i].file, "%" PRIu64 ".%02u",
							      *n / 100, (unsigned int)(*n % 100));
		break;
	default:
		err = cgw__resources_set(r, simple[i].file, "%s", (const char *)p);
	}
	return err ? err : check(r);
}

static int add_quota(struct cgw_resources *r, const struct cgw_limits *l)
{
	uint64_t quota = l->cpu_quota_us ? *l->cpu_quota_us : CGW_NO_LIMIT;
	char buf[AMOUNT_TEXT_MAX];
	int err;

	if (!l->cpu_quota_us && !l->cpu_period_us)
		return 0;
	err = l->cpu_period_us ? cgw__resources_set(r, "cpu.max", "%s %" PRIu64, amount(quota, buf),
						    *l->cpu_period_us)
			       : cgw__resources_set(r, "cpu.max", "%s", amount(quota, buf));
	return err ? err : check(r);
}

/* Words "KEY=N" for those of some amounts that are given. */
static void append_keys(char *buf, size_t size, const char *const *keys,
			const uint64_t *const *values, size_t n)
{
	char number[AMOUNT_TEXT_MAX];
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < n; i++)
		if (values[i])
			len += (size_t)snprintf(buf + len, size - len, " %s=%s", keys[i],
						amount(*values[i], number));
}

static int add_io(struct cgw_resources *r, const struct cgw_io_limit *io)
{
	static const char *const keys[] = { "rbps", "wbps", "riops", "wiops" };
	const uint64_t *const rates[] = { io->rbps, io->wbps, io->riops, io->wiops };
	static const char *const target[] = { "target" };
	char words[160];
	int err = 0;

	append_keys(words, sizeof(words), keys, rates, ARRAY_SIZE(keys));
	if (words[0])
		err = cgw__resources_set(r, "io.max", "%u:%u%s", io->major, io->minor, words);
	append_keys(words, sizeof(words), target, &io->latency_us, 1);
	if (!err && words[0])
		err = cgw__resources_set(r, "io.latency", "%u:%u%s", io->major, io->minor, words);
	if (!err && io->weight) {
		err = cgw__resources_set(r, "io.weight", "%u:%u %" PRIu64, io->major, io->minor,
					 *io->weight);
		err = err ? err : check(r);
	}
	return err;
}

static int add_hugetlb(struct cgw_resources *r, const struct cgw_hugetlb_limit *h)
{
	char file[64], buf[AMOUNT_TEXT_MAX];
	int err = 0;

	if (!h->size || !h->size[0] || strlen(h->size) > 16 || strpbrk(h->size, "/. \n"))
		return cgw__bad(r->c, -EINVAL,
				"bad limit: '%s' is not the size of a huge page, as 2MB",
				h->size ? h->size : "");
	snprintf(file, sizeof(file), "hugetlb.%s.max", h->size);
	if (h->max)
		err = cgw__resources_set(r, file, "%s", amount(*h->max, buf));
	snprintf(file, sizeof(file), "hugetlb.%s.rsvd.max", h->size);
	if (!err && h->rsvd_max)
		err = cgw__resources_set(r, file, "%s", amount(*h->rsvd_max, buf));
	return err;
}

static int add_named(struct cgw_resources *r, const struct cgw_limits *l)
{
	static const char *const keys[] = { "hca_handle", "hca_object" };
	char words[100];
	int err = 0;

	for (size_t i = 0; i < l->n_rdma && !err; i++) {
		const uint64_t *const values[] = { l->rdma[i].handles, l->rdma[i].objects };

		append_keys(words, sizeof(words), keys, values, ARRAY_SIZE(keys));
		if (words[0])
			err = cgw__resources_set(r, "rdma.max", "%s%s", l->rdma[i].device, words);
	}
	for (size_t i = 0; i < l->n_misc && !err; i++)
		err = cgw__resources_set(r, "misc.max", "%s %s", l->misc[i].name,
					 amount(l->misc[i].max, words));
	return err;
}

int cgw_resources_add_limits(struct cgw_resources *r, const struct cgw_limits *l)
{
	struct cgw_resources *found = NULL;
	int err;

	if (l->sz < sizeof(*l))
		return cgw__bad(r->c, -EINVAL, "the limits are %zu bytes, not %zu", l->sz,
				sizeof(*l));
	err = cgw_resources_new(r->c, &found);
	for (size_t i = 0; i < ARRAY_SIZE(simple) && !err; i++)
		err = add_simple(found, l, i);
	if (!err)
		err = add_quota(found, l);
	for (size_t i = 0; i < l->n_io && !err; i++)
		err = add_io(found, &l->io[i]);
	for (size_t i = 0; i < l->n_hugetlb && !err; i++)
		err = add_hugetlb(found, &l->hugetlb[i]);
	if (!err)
		err = add_named(found, l);
	if (!err)
		err = cgw__resources_move(r, found);
	cgw_resources_free(found);
	return err;
}

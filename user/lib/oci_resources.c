// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * linux.resources of an OCI config.json, made into values of cgroup v2's control files.
 * Conversions follow opencontainers/cgroups (utils.go, fs2), but for what it gets wrong.
 */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>

#include "json.h"

/* Keys that are there and mean nothing to cgroup v2, or to us. */
static void report_unknown(struct cgw__json *at, json_object *o, const char *const *known)
{
	char where[1024];

	json_object_object_foreach(o, key, value)
	{
		size_t i = 0;

		while (known[i] && strcmp(known[i], key))
			i++;
		if (known[i] || !value)
			continue;
		cgw__json_here(at, key, where, sizeof(where));
		cgw__log(at->c, CGW_LOG_WARNING, "%s is not applied: cgroup v2 has no such setting",
			 where);
	}
}

/* cpu.shares, 2..262144, as cpu.weight, 1..10000: 1024 is 100, the default of both. */
static unsigned int weight_of_shares(int64_t shares)
{
	double l;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	l = log2((double)shares);
	return (unsigned int)ceil(pow(10, (l * l + 125 * l) / 612 - 7.0 / 34));
}

static int read_quota(struct cgw__json *at, json_object *cpu, struct cgw_resources *r)
{
	int64_t quota = 0, period = 100000, burst = 0;
	int has_quota = cgw__json_int(at, cpu, "quota", -1, INT64_MAX, &quota);
	int has_period = cgw__json_int(at, cpu, "period", 0, INT64_MAX, &period);
	int has_burst = cgw__json_int(at, cpu, "burst", 0, INT64_MAX, &burst);
	int err = 0;

	if (has_quota < 0 || has_period < 0 || has_burst < 0)
		return -EINVAL;
	if (!period) {
		has_period = 0;
		period = 100000;
	}
	if (has_burst && quota > 0 && burst > quota)
		return cgw__json_bad(at, "burst", "%" PRId64 " is above the quota %" PRId64, burst,
				     quota);
	if (quota > 0)
		err = cgw__resources_set(r, "cpu.max", "%" PRId64 " %" PRId64, quota, period);
	else if (quota < 0 || has_period)
		err = cgw__resources_set(r, "cpu.max", "max %" PRId64, period);
	if (!err && has_burst)
		err = cgw__resources_set(r, "cpu.max.burst", "%" PRId64, burst);
	return err;
}

static int read_cpu(struct cgw__json *at, json_object *cpu, struct cgw_resources *r)
{
	static const char *const known[] = { "shares", "quota", "burst", "period",
					     "cpus",   "mems",	"idle",	 NULL };
	const char *cpus, *mems;
	int64_t shares = 0, idle = 0;
	int err, has_idle;

	report_unknown(at, cpu, known);
	err = cgw__json_int(at, cpu, "shares", 0, INT64_MAX, &shares);
	has_idle = err < 0 ? err : cgw__json_int(at, cpu, "idle", 0, 1, &idle);
	if (has_idle < 0)
		return has_idle;
	err = cgw__json_string(at, cpu, "cpus", "", &cpus);
	if (!err)
		err = cgw__json_string(at, cpu, "mems", "", &mems);
	if (!err && shares)
		err = cgw__resources_set(r, "cpu.weight", "%u", weight_of_shares(shares));
	if (!err && has_idle)
		err = cgw__resources_set(r, "cpu.idle", "%d", (int)idle);
	if (!err)
		err = read_quota(at, cpu, r);
	if (!err && cpus[0])
		err = cgw__resources_set(r, "cpuset.cpus", "%s", cpus);
	if (!err && mems[0])
		err = cgw__resources_set(r, "cpuset.mems", "%s", mems);
	return err;
}

/* A limit of memory: -1 lifts it. */
static int set_limit(struct cgw_resources *r, const char *file, int64_t limit)
{
	return limit < 0 ? cgw__resources_set(r, file, "max")
			 : cgw__resources_set(r, file, "%" PRId64, limit);
}

/*
 * OCI's swap is memory and swap together, cgroup v2's is swap alone. Nothing to write: no swap
 * is given, or 0 beside a limit.
 */
static int read_swap(struct cgw__json *at, struct cgw_resources *r, int64_t limit, int64_t swap)
{
	int64_t alone;
	int err;

	if (!swap && limit >= 0)
		return 0;
	if (swap > 0 && !limit)
		return cgw__json_bad(at, "swap",
				     "%" PRId64
				     " is memory and swap together, and needs a limit of memory",
				     swap);
	if (swap > 0 && limit > swap)
		return cgw__json_bad(at, "swap",
				     "%" PRId64
				     " is memory and swap together, and below the limit %" PRId64,
				     swap, limit);
	alone = swap < 0 || !swap ? -1 : limit < 0 ? swap : swap - limit;
	err = set_limit(r, "memory.swap.max", alone);
	/* A kernel without swap limits needs none where nothing or all is allowed. */
	if (!err)
		cgw__resources_last(r)->optional = alone <= 0;
	return err;
}

static int read_memory(struct cgw__json *at, json_object *memory, struct cgw_resources *r)
{
	static const char *const known[] = { "limit", "reservation", "swap", "checkBeforeUpdate",
					     NULL };
	int64_t limit = 0, reservation = 0, swap = 0;
	int err;

	report_unknown(at, memory, known);
	err = cgw__json_int(at, memory, "limit", -1, INT64_MAX, &limit);
	if (err >= 0)
		err = cgw__json_int(at, memory, "reservation", -1, INT64_MAX, &reservation);
	if (err >= 0)
		err = cgw__json_int(at, memory, "swap", -1, INT64_MAX, &swap);
	if (err >= 0)
		err = cgw__json_bool(at, memory, "checkBeforeUpdate", &r->check_use);
	if (err >= 0)
		err = read_swap(at, r, limit, swap);
	if (!err && limit)
		err = set_limit(r, "memory.max", limit);
	if (!err && reservation)
		err = set_limit(r, "memory.low", reservation);
	return err;
}

static int read_pids(struct cgw__json *at, json_object *pids, struct cgw_resources *r)
{
	static const char *const known[] = { "limit", NULL };
	int64_t limit;
	int err;

	report_unknown(at, pids, known);
	err = cgw__json_int(at, pids, "limit", INT64_MIN, INT64_MAX, &limit);
	/* None at all cannot be had: 0 is read as 1, as runc does. */
	return err <= 0 ? err : set_limit(r, "pids.max", limit ? limit : 1);
}

/* blkio's weight, 10..1000, is BFQ's own; iocost's goes from 1 to 10000. */
static int set_weight(struct cgw_resources *r, const char *device, int64_t weight)
{
	int64_t cost = 1 + (weight - 10) * 9999 / 990;
	struct cgw__setting *s;
	int err = cgw__resources_set(r, "io.bfq.weight", "%s%" PRId64, device, weight);

	if (err)
		return err;
	s = cgw__resources_last(r);
	s->or_file = strdup("io.weight");
	if (asprintf(&s->or_value, "%s%" PRId64, device, cost) < 0)
		s->or_value = NULL;
	return s->or_file && s->or_value ? 0 : cgw__oom(r->c);
}

static int read_device(struct cgw__json *at, json_object *o, char device[32])
{
	int64_t major = 0, minor = 0;
	int err;

	if (!json_object_is_type(o, json_type_object))
		return cgw__json_bad(at, NULL, "a device is an object");
	err = cgw__json_int(at, o, "major", 0, UINT32_MAX, &major);
	if (err > 0)
		err = cgw__json_int(at, o, "minor", 0, UINT32_MAX, &minor);
	if (!err)
		err = cgw__json_bad(at, NULL, "major or minor is missing");
	snprintf(device, 32, "%" PRId64 ":%" PRId64 " ", major, minor);
	return err < 0 ? err : 0;
}

static int read_weight_device(struct cgw__json *at, json_object *o, struct cgw_resources *r)
{
	static const char *const known[] = { "major", "minor", "weight", NULL };
	int64_t weight;
	char device[32];
	int err = read_device(at, o, device);

	if (err)
		return err;
	report_unknown(at, o, known);
	err = cgw__json_int(at, o, "weight", 10, 1000, &weight);
	return err <= 0 ? err : set_weight(r, device, weight);
}

/* Append "rbps=N" to the line of the device, which may be there from another list. */
static int add_throttle(struct cgw_resources *r, const char *device, const char *key, int64_t rate)
{
	struct cgw__setting *s = NULL;
	char word[48], *longer;

	/* 0 is no limit in cgroup v1, and out of range in v2. */
	if (rate)
		snprintf(word, sizeof(word), "%s=%" PRId64, key, rate);
	else
		snprintf(word, sizeof(word), "%s=max", key);
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->items[i].file, "io.max") &&
		    !strncmp(r->items[i].value, device, strlen(device)))
			s = &r->items[i];
	if (!s)
		return cgw__resources_set(r, "io.max", "%s%s", device, word);
	if (asprintf(&longer, "%s %s", s->value, word) < 0)
		return cgw__oom(r->c);
	free(s->value);
	s->value = longer;
	return 0;
}

static int read_throttles(struct cgw__json *at, json_object *io, struct cgw_resources *r)
{
	static const struct {
		const char *list, *key;
	} kinds[] = { { "throttleReadBpsDevice", "rbps" },
		      { "throttleWriteBpsDevice", "wbps" },
		      { "throttleReadIOPSDevice", "riops" },
		      { "throttleWriteIOPSDevice", "wiops" } };
	static const char *const known[] = { "major", "minor", "rate", NULL };

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		json_object *list;
		int err = cgw__json_object(at, io, kinds[k].list, json_type_array, &list);

		cgw__json_enter(at, kinds[k].list);
		for (size_t i = 0; !err && list && i < json_object_array_length(list); i++) {
			json_object *o = json_object_array_get_idx(list, i);
			int64_t rate = 0;
			char device[32];

			cgw__json_enter_element(at, i);
			err = read_device(at, o, device);
			if (!err)
				report_unknown(at, o, known);
			if (!err)
				err = cgw__json_int(at, o, "rate", 0, INT64_MAX, &rate);
			err = err < 0 ? err : add_throttle(r, device, kinds[k].key, rate);
			cgw__json_leave(at);
		}
		cgw__json_leave(at);
		if (err)
			return err;
	}
	return 0;
}

static int read_io(struct cgw__json *at, json_object *io, struct cgw_resources *r)
{
	static const char *const known[] = { "weight",
					     "weightDevice",
					     "throttleReadBpsDevice",
					     "throttleWriteBpsDevice",
					     "throttleReadIOPSDevice",
					     "throttleWriteIOPSDevice",
					     NULL };
	json_object *list = NULL;
	int64_t weight = 0;
	int err;

	report_unknown(at, io, known);
	err = cgw__json_int(at, io, "weight", 0, INT64_MAX, &weight);
	if (err > 0 && weight && (weight < 10 || weight > 1000))
		err = cgw__json_bad(at, "weight", "not within 10 and 1000");
	if (err >= 0)
		err = weight ? set_weight(r, "", weight) : 0;
	if (!err)
		err = cgw__json_object(at, io, "weightDevice", json_type_array, &list);
	cgw__json_enter(at, "weightDevice");
	for (size_t i = 0; !err && list && i < json_object_array_length(list); i++) {
		cgw__json_enter_element(at, i);
		err = read_weight_device(at, json_object_array_get_idx(list, i), r);
		cgw__json_leave(at);
	}
	cgw__json_leave(at);
	return err ? err : read_throttles(at, io, r);
}

/* "2MB": what stands between hugetlb. and .max in the name of a file. */
static bool is_page_size(const char *size)
{
	size_t digits = strspn(size, "0123456789");

	return digits && strchr("KMG", size[digits]) && size[digits] &&
	       !strcmp(size + digits + 1, "B");
}

static int read_hugepage(struct cgw__json *at, json_object *o, struct cgw_resources *r)
{
	static const char *const known[] = { "pageSize", "limit", NULL };
	int64_t limit = 0;
	const char *size;
	char file[64];
	int err;

	if (!json_object_is_type(o, json_type_object))
		return cgw__json_bad(at, NULL, "a limit is an object");
	report_unknown(at, o, known);
	err = cgw__json_string(at, o, "pageSize", "", &size);
	if (!err && (!is_page_size(size) || strlen(size) > 16))
		err = cgw__json_bad(at, "pageSize", "'%.20s' is not one as 2MB or 1GB", size);
	if (!err)
		err = cgw__json_int(at, o, "limit", 0, INT64_MAX, &limit);
	if (err <= 0)
		return err ? err : cgw__json_bad(at, NULL, "limit is missing");
	snprintf(file, sizeof(file), "hugetlb.%s.max", size);
	err = set_limit(r, file, limit);
	snprintf(file, sizeof(file), "hugetlb.%s.rsvd.max", size);
	if (!err)
		err = set_limit(r, file, limit);
	if (!err)
		cgw__resources_last(r)->optional = true; /* Linux 5.7 */
	return err;
}

static int read_rdma_device(struct cgw__json *at, const char *name, json_object *o,
			    struct cgw_resources *r)
{
	static const char *const known[] = { "hcaHandles", "hcaObjects", NULL };
	int64_t handles = 0, objects = 0;
	int has_handles, has_objects;
	char first[32] = "", second[32] = "";

	if (!json_object_is_type(o, json_type_object))
		return cgw__json_bad(at, NULL, "a limit is an object");
	if (!name[0] || strpbrk(name, " \t\n"))
		return cgw__json_bad(at, NULL, "'%s' is not the name of a device", name);
	report_unknown(at, o, known);
	has_handles = cgw__json_int(at, o, "hcaHandles", 0, UINT32_MAX, &handles);
	has_objects = cgw__json_int(at, o, "hcaObjects", 0, UINT32_MAX, &objects);
	if (has_handles < 0 || has_objects < 0)
		return -EINVAL;
	if (has_handles)
		snprintf(first, sizeof(first), " hca_handle=%" PRId64, handles);
	if (has_objects)
		snprintf(second, sizeof(second), " hca_object=%" PRId64, objects);
	if (!has_handles && !has_objects)
		return 0;
	return cgw__resources_set(r, "rdma.max", "%s%s%s", name, first, second);
}

static int read_rdma(struct cgw__json *at, json_object *rdma, struct cgw_resources *r)
{
	json_object_object_foreach(rdma, key, value)
	{
		int err = 0;

		cgw__json_enter(at, key);
		if (value)
			err = read_rdma_device(at, key, value, r);
		cgw__json_leave(at);
		if (err)
			return err;
	}
	return 0;
}

/* Add FILE=VALUE; what is wrong with it is wrong with a member of the document. */
static int add_unified(struct cgw__json *at, const char *file, const char *value,
		       struct cgw_resources *r)
{
	_cleanup_free_ char *assignment = NULL, *hint = NULL;
	int err;

	if (strchr(file, '='))
		return cgw__json_bad(at, file, "'%s' is not the name of a control file", file);
	if (asprintf(&assignment, "%s=%s", file, value) < 0)
		return cgw__oom(at->c);
	err = cgw_resources_add(r, assignment);
	if (!err || !cgw_error_is_input(at->c))
		return err;
	hint = cgw_hint(at->c) ? strdup(cgw_hint(at->c)) : NULL;
	cgw__json_bad(at, file, "%s", cgw_strerror(at->c));
	if (hint)
		cgw__hint(at->c, "%s", hint);
	return err;
}

/* Any control file by its name; a value of several lines is written line by line. */
static int read_unified(struct cgw__json *at, json_object *unified, struct cgw_resources *r)
{
	json_object_object_foreach(unified, key, value)
	{
		_cleanup_free_ char *text = NULL;
		const char *string;
		char *save = NULL;
		int err = cgw__json_string(at, unified, key, NULL, &string);

		(void)value;
		text = err || !string ? NULL : strdup(string);
		for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line && !err;
		     line = strtok_r(NULL, "\n", &save))
			err = add_unified(at, key, line, r);
		if (err)
			return err;
	}
	return 0;
}

static int read_hugepages(struct cgw__json *at, json_object *list, struct cgw_resources *r)
{
	int err = 0;

	for (size_t i = 0; !err && i < json_object_array_length(list); i++) {
		cgw__json_enter_element(at, i);
		err = read_hugepage(at, json_object_array_get_idx(list, i), r);
		cgw__json_leave(at);
	}
	return err;
}

static int read_resources(struct cgw__json *at, json_object *resources, struct cgw_resources *r)
{
	static const struct {
		const char *key;
		enum json_type type;
		int (*read)(struct cgw__json *at, json_object *o, struct cgw_resources *r);
	} parts[] = {
		{ "cpu", json_type_object, read_cpu },
		{ "memory", json_type_object, read_memory },
		{ "pids", json_type_object, read_pids },
		{ "blockIO", json_type_object, read_io },
		{ "rdma", json_type_object, read_rdma },
		{ "hugepageLimits", json_type_array, read_hugepages },
		{ "unified", json_type_object, read_unified },
	};
	static const char *const known[] = { "cpu",	"memory",  "pids",
					     "blockIO", "rdma",	   "hugepageLimits",
					     "unified", "devices", NULL };

	report_unknown(at, resources, known);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		json_object *part;
		int err = cgw__json_object(at, resources, parts[i].key, parts[i].type, &part);

		if (err)
			return err;
		if (!part)
			continue;
		cgw__json_enter(at, parts[i].key);
		err = parts[i].read(at, part, r);
		cgw__json_leave(at);
		if (err)
			return err;
	}
	return 0;
}

int cgw_resources_add_oci(struct cgw_resources *r, const char *name, const char *text, size_t len)
{
	struct cgw__json at = { .c = r->c, .file = name, .text = text, .len = len };
	json_object *root = NULL, *resources = NULL;
	struct cgw_resources *found = NULL;
	int err = cgw__json_parse(&at, &root);

	if (err)
		return err;
	err = cgw__oci_resources(&at, root, &resources);
	if (!err)
		err = cgw_resources_new(r->c, &found);
	if (!err && resources)
		err = read_resources(&at, resources, found);
	if (!err)
		err = cgw__resources_move(r, found);
	cgw_resources_free(found);
	json_object_put(root);
	return err;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Tracers without a kernel: names of groups, of kinds, what is refused. */
#include "cgtest.h"
#include "tracer.h"

/* What bpf/trace.bpf.h tells of a group. */
static int tell(struct cgw_trace *t, uint64_t id, uint64_t parent, const char *name)
{
	struct cgw_trace_long_group r = {
		.head = { .kind = CGW_TRACE_GROUP, .size = sizeof(r), .group = id },
		.parent = parent
	};

	snprintf(r.name, sizeof(r.name), "%s", name);
	return cgw__names_put(t, (const void *)&r);
}

static int names_become_paths(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("unified"));
	struct cgw_trace t = { .c = c, .root = 1 };

	CHECK(cgw__root(c) >= 0);
	CHECK_STR(cgw__names_path(&t, 1), "/");
	CHECK_INT(tell(&t, 3, 2, "api"), 0);
	CHECK_INT(tell(&t, 2, 1, "web"), 0);
	CHECK_STR(cgw__names_path(&t, 3), "/web/api");
	CHECK_STR(cgw__names_path(&t, 2), "/web");
	CHECK_INT(tell(&t, 6, 2, "with blank:and colon"), 0);
	CHECK_STR(cgw__names_path(&t, 6), "/web/with blank:and colon");
	/* Nobody told of its parent, and that is not there. */
	CHECK_INT(tell(&t, 5, 4, "c"), 0);
	CHECK_STR(cgw__names_path(&t, 5), "/.../c");
	/* A name stands until it is told anew. */
	CHECK_INT(tell(&t, 3, 2, "v2"), 0);
	CHECK_STR(cgw__names_path(&t, 3), "/web/v2");
	cgw__names_drop(&t, 3);
	CHECK_STR(cgw__names_path(&t, 3), "");
	CHECK_STR(cgw__names_path(&t, 0), "");
	cgw__names_free(&t);
	CHECK(!t.names);
	return TAP_PASS;
}

/* The kernel is trusted; a name without its end is not read beyond the record all the same. */
static int long_names_stay_inside_the_record(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("unified"));
	struct cgw_trace_group r = { .head = { .group = 7, .size = sizeof(r) }, .parent = 1 };
	struct cgw_trace t = { .c = c, .root = 1 };

	memset(r.name, 'x', sizeof(r.name));
	CHECK_INT(cgw__names_put(&t, &r), 0);
	CHECK_INT(strlen(cgw__names_path(&t, 7)), 1 + sizeof(r.name));
	cgw__names_free(&t);
	return TAP_PASS;
}

static int kinds_sources_and_tracers_have_names(void)
{
	enum cgw_tracer tracer;

	CHECK_STR(cgw_trace_kind_name(CGW_TRACE_FREEZE_REACHED), "freeze.reached");
	CHECK_STR(cgw_trace_kind_name(CGW_TRACE_WRITTEN), "lifecycle.written");
	CHECK_STR(cgw_trace_kind_name(9999), "?");
	CHECK_STR(cgw_trace_source_name(CGW_TRACE_CGROUP_DEV), "cgroup/dev");
	CHECK_STR(cgw_trace_source_name(0), "?");
	CHECK_STR(cgw_trace_source_name(99), "?");
	CHECK_INT(cgw_tracer_parse("lifecycle", &tracer), 0);
	CHECK_INT(tracer, CGW_TRACER_LIFECYCLE);
	CHECK_INT(cgw_tracer_parse("freez", &tracer), -EINVAL);
	CHECK_INT(cgw_tracer_parse("", &tracer), -EINVAL);
	return TAP_PASS;
}

static int bad_options_are_refused_before_anything_is_loaded(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("unified"));
	struct cgw_trace_opts opts = { .sz = sizeof(opts) };
	static const size_t bad_rings[] = { 1, 1000, 4096 - 1, 3 * 4096, 1UL << 31 };
	struct cgw_trace *t = NULL;

	CHECK_INT(cgw_trace_new(c, &opts, &t), -EINVAL);
	CHECK_HAS(cgw_strerror(c), "no tracer");
	CHECK(cgw_error_is_input(c));
	opts.tracers = 1U << CGW_TRACERS;
	CHECK_INT(cgw_trace_new(c, &opts, &t), -EINVAL);
	opts.tracers = CGW_TRACER_BIT(CGW_TRACER_FREEZE);
	for (size_t i = 0; i < ARRAY_SIZE(bad_rings); i++) {
		opts.ring_bytes = bad_rings[i];
		CHECK_INT(cgw_trace_new(c, &opts, &t), -ERANGE);
		CHECK_HAS(cgw_strerror(c), "a power of two, 4096 to 1073741824");
	}
	opts.ring_bytes = 0;
	opts.n_groups = CGW_TRACE_TARGETS + 1;
	CHECK_INT(cgw_trace_new(c, &opts, &t), -E2BIG);
	opts.sz--;
	CHECK_INT(cgw_trace_new(c, &opts, &t), -EINVAL);
	CHECK(!t);
	return TAP_PASS;
}

static int sizes_are_parsed(void)
{
	static const struct {
		const char *text;
		int err;
		uint64_t bytes;
	} sizes[] = {
		{ "0", 0, 0 },
		{ "4096", 0, 4096 },
		{ "64K", 0, 65536 },
		{ "1MiB", 0, 1 << 20 },
		{ "2mb", 0, 2 << 20 },
		{ "", -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ "1X", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "1.5M", -EINVAL, 0 },
		{ "max", -EINVAL, 0 },
		{ "1K ", -EINVAL, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "99999999999E", -ERANGE, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t bytes = 0;

		tap_note("'%s'", sizes[i].text);
		CHECK_INT(cgw_parse_size(sizes[i].text, &bytes), sizes[i].err);
		if (!sizes[i].err)
			CHECK_INT(bytes, sizes[i].bytes);
	}
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	{ "names become paths", names_become_paths },
	{ "long names stay inside the record", long_names_stay_inside_the_record },
	{ "kinds, sources and tracers have names", kinds_sources_and_tracers_have_names },
	{ "bad options are refused before anything is loaded",
	  bad_options_are_refused_before_anything_is_loaded },
	{ "sizes are parsed", sizes_are_parsed },
};

CGTEST_MAIN(tests)

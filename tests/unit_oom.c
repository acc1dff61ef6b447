// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The tracer of OOM kills chooses its program by what the kernel's types say, not by a version. */
#include <bpf/btf.h>

#include "cgtest.h"
#include "tracer.h"

static void btf_freep(struct btf **btf)
{
	btf__free(*btf);
}

/* typedef void (*btf_trace_mark_victim)(void *, ARGUMENT); 0 = none. */
static struct btf *describe(int (*argument)(struct btf *btf))
{
	struct btf *btf = btf__new_empty();
	int none = btf__add_ptr(btf, 0), arg = argument ? argument(btf) : 0;
	int proto = btf__add_func_proto(btf, 0);

	btf__add_func_param(btf, "__data", none);
	if (argument)
		btf__add_func_param(btf, "", arg);
	btf__add_typedef(btf, "btf_trace_mark_victim", btf__add_ptr(btf, proto));
	return btf;
}

static int task(struct btf *btf)
{
	return btf__add_ptr(btf, btf__add_struct(btf, "task_struct", 8));
}

static int number(struct btf *btf)
{
	return btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
}

static int pid_type(struct btf *btf)
{
	return btf__add_const(btf, btf__add_typedef(btf, "pid_t", number(btf)));
}

static int structure(struct btf *btf)
{
	return btf__add_struct(btf, "victim", 8);
}

static int the_argument_of_mark_victim_is_known_by_its_type(void)
{
	static const struct {
		int (*argument)(struct btf *btf);
		int want;
	} cases[] = {
		{ task, 1 },		{ number, 0 },     { pid_type, 0 },
		{ structure, -ENOENT }, { NULL, -ENOENT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(btf_freep) struct btf *btf = describe(cases[i].argument);

		if (cgw__victim_is_task(btf) != cases[i].want)
			FAIL("case %zu: %d, wanted %d", i, cgw__victim_is_task(btf), cases[i].want);
	}
	return TAP_PASS;
}

static int a_kernel_without_the_tracepoint_has_neither(void)
{
	_cleanup_(btf_freep) struct btf *btf = btf__new_empty();

	CHECK_INT(cgw__victim_is_task(btf), -ENOENT);
	/* Something else of that name. */
	btf__add_typedef(btf, "btf_trace_mark_victim", number(btf));
	CHECK_INT(cgw__victim_is_task(btf), -ENOENT);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(the_argument_of_mark_victim_is_known_by_its_type),
	T(a_kernel_without_the_tracepoint_has_neither),
};

CGTEST_MAIN(tests)

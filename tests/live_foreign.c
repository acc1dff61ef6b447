// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Device programs of other owners: told by what they are, lived with, replaced. */
#include <linux/bpf.h>
#include <sys/stat.h>

#include "cgtest.h"
#include "shapes.h"

#define LOADED(name, code) cgtest_load(name, code, ARRAY_SIZE(code))

static int others_are_told_by_what_they_are(void)
{
	const struct {
		const char *name, *looks_like;
		const struct bpf_insn *code;
		size_t n;
		enum cgw_answer overrules;
	} cases[] = {
		{ "", "crun", crun, ARRAY_SIZE(crun), CGW_ANSWER_NO },
		{ "", "runc", runc, ARRAY_SIZE(runc), CGW_ANSWER_NO },
		{ "", "containerd", containerd, ARRAY_SIZE(containerd), CGW_ANSWER_NO },
		{ "", "systemd", systemd, ARRAY_SIZE(systemd), CGW_ANSWER_NO },
		{ "sd_devices", "systemd", nobody, ARRAY_SIZE(nobody), CGW_ANSWER_NO },
		{ "audit", NULL, nobody, ARRAY_SIZE(nobody), CGW_ANSWER_NO },
		{ "harmless", NULL, harmless, ARRAY_SIZE(harmless), CGW_ANSWER_NO },
		{ "overruler", NULL, overruler, ARRAY_SIZE(overruler), CGW_ANSWER_YES },
	};
	_cleanup_top_ char *top = cgtest_new("shapes");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_free_ struct cgw_program *p = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_close_ int prog = cgtest_load(cases[i].name, cases[i].code, cases[i].n);

		CHECK_INT(cgtest_attach(g, prog, BPF_F_ALLOW_MULTI), 0);
	}
	CHECK_INT(cgw_group_device_programs(g, &p), (int)ARRAY_SIZE(cases));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK(p[i].seen && !p[i].ours && p[i].id && p[i].age_s < 60);
		CHECK_STR(p[i].name, cases[i].name);
		CHECK_INT((long)strlen(p[i].tag), 16);
		CHECK_STR(p[i].looks_like ? p[i].looks_like : "-",
			  cases[i].looks_like ? cases[i].looks_like : "-");
		if (p[i].overrules != cases[i].overrules)
			FAIL("%s %zu overrules: %d", p[i].name, i, p[i].overrules);
	}
	/* the same code, the same tag */
	CHECK_STR(p[4].tag, p[5].tag);
	CHECK(strcmp(p[0].tag, p[1].tag) != 0);
	return TAP_PASS;
}

/* A parent's program runs after its child's, and may say that it all was fine. */
static int overruled_denials_are_unknown(void)
{
	_cleanup_top_ char *top = cgtest_new("overrule");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "a"),
					 *parent = cgtest_open(c, top);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(cgw_group_path(g));
	_cleanup_close_ int prog = LOADED("overruler", overruler),
			    calm = LOADED("harmless", harmless);
	_cleanup_free_ struct cgw_program *p = NULL;
	struct cgw_check check;

	CHECK_INT(cgtest_set_devices(g, "c 1:3"), 0);
	CHECK_INT(cgtest_attach(parent, calm, BPF_F_ALLOW_MULTI), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), -EPERM);
	CHECK_INT(cgw_group_check_device(g, CGW_DEVICE_CHAR, 1, 5, 6, &check), 0);
	CHECK_INT(check.verdict, CGW_VERDICT_DENY);
	CHECK_INT(cgw_group_check_device(g, CGW_DEVICE_CHAR, 1, 3, 6, &check), 0);
	CHECK_INT(check.verdict, CGW_VERDICT_UNKNOWN);
	CHECK_STR(check.path, top);
	CHECK_INT(cgtest_attach(parent, prog, BPF_F_ALLOW_MULTI), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), 0);
	CHECK_INT(cgw_group_check_device(g, CGW_DEVICE_CHAR, 1, 5, 6, &check), 0);
	CHECK_INT(check.verdict, CGW_VERDICT_UNKNOWN);
	CHECK_STR(check.path, top);
	CHECK(!check.has_rule);
	CHECK_INT(cgw_group_effective_programs(g, &p), 3);
	CHECK(p[0].ours && p[0].level == 0 && p[0].overrules == CGW_ANSWER_NO);
	CHECK(p[1].level == 1 && p[1].overrules == CGW_ANSWER_NO);
	CHECK(p[2].level == 1 && p[2].overrules == CGW_ANSWER_YES);
	/* what is refused after it stays refused */
	CHECK_INT(cgtest_set_devices(parent, "c 1:7"), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), -EPERM);
	CHECK_INT(cgw_group_check_device(g, CGW_DEVICE_CHAR, 1, 5, 6, &check), 0);
	CHECK_INT(check.verdict, CGW_VERDICT_DENY);
	CHECK_STR(check.path, top);
	return TAP_PASS;
}

/* One of theirs denies what ours denies: at no instant is there none. */
static int filters_of_others_are_replaced_without_a_gap(void)
{
	static const char *const nodes[] = { "always:/dev/null", "never:/dev/zero", NULL };
	_cleanup_top_ char *top = cgtest_new("replace");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_policy_ struct cgw_policy *policy = cgtest_policy(c, "c 1:3");
	_cleanup_close_ int prog = LOADED("", crun), other = LOADED("", runc);
	_cleanup_opener_ struct cgtest_opener o = { 0 };
	_cleanup_free_ char *text = NULL;

	CHECK_INT(cgtest_attach(g, prog, BPF_F_ALLOW_MULTI), 0);
	o = cgtest_opener_start(top, "-", nodes);
	for (long i = 0, n = cgtest_scale(1000); i < n; i++) {
		_cleanup_free_ struct cgw_program *p = NULL;
		_cleanup_close_ int link = i & 1 ? cgtest_link(g, other) : -EBADF;

		CHECK(!(i & 1) || link >= 0);
		if (cgw_group_replace_foreign(g, policy) < 0)
			FAIL("round %ld: %s", i, cgw_strerror(c));
		CHECK_INT(cgw_group_device_programs(g, &p), 1);
		CHECK(p[0].ours);
		CHECK_INT(cgtest_attach(g, prog, BPF_F_ALLOW_MULTI), 0);
		CHECK_INT(cgw_group_clear_devices(g), 1);
	}
	if (cgtest_opener_stop(&o, &text))
		FAIL("%s", text);
	return TAP_PASS;
}

static int others_stay_unless_they_are_to_go(void)
{
	_cleanup_top_ char *top = cgtest_new("stay");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "a"),
					 *parent = cgtest_open(c, top);
	_cleanup_policy_ struct cgw_policy *policy = cgtest_policy(c, "c 1:3\nc 1:5");
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(cgw_group_path(g));
	_cleanup_free_ struct cgw_program *p = NULL, *above = NULL;

	CHECK_INT(cgtest_foreign(parent, "above", 1), 0);
	CHECK_INT(cgtest_foreign(g, "beside", 0), 0);
	CHECK_INT(cgw_group_set_devices(g, policy), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), -EPERM);
	CHECK_INT(cgw_group_replace_foreign(g, policy), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_RDWR), -EPERM);
	CHECK_INT(cgw_group_device_programs(g, &p), 1);
	CHECK_INT(cgw_group_device_programs(parent, &above), 1);
	CHECK_STR(above[0].name, "above");
	return TAP_PASS;
}

static int exclusive_filters_are_named(void)
{
	_cleanup_top_ char *top = cgtest_new("exclusive");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top),
					 *child = cgtest_child(c, top, "a");
	_cleanup_policy_ struct cgw_policy *policy = cgtest_policy(c, "c 1:3");
	_cleanup_close_ int prog = LOADED("s_snap", nobody);
	_cleanup_free_ struct cgw_program *p = NULL;
	char want[300];

	CHECK_INT(cgtest_attach(g, prog, 0), 0);
	snprintf(want, sizeof(want), "'s_snap' is attached to '%s' so that no other may join it",
		 top);
	CHECK_INT(cgw_group_set_devices(g, policy), -EPERM);
	CHECK_HAS(cgw_strerror(c), want);
	CHECK_HAS(cgw_hint(c), "BPF_F_ALLOW_MULTI");
	CHECK_INT(cgw_group_set_devices(child, policy), -EPERM);
	CHECK_HAS(cgw_strerror(c), want);
	CHECK_INT(cgw_group_replace_foreign(g, policy), -EPERM);
	CHECK_HAS(cgw_strerror(c), want);
	CHECK_INT(cgw_group_device_programs(g, &p), 1);
	CHECK_STR(p[0].name, "s_snap");
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(others_are_told_by_what_they_are),
	T(overruled_denials_are_unknown),
	T(filters_of_others_are_replaced_without_a_gap),
	T(others_stay_unless_they_are_to_go),
	T(exclusive_filters_are_named),
};

CGTEST_DEVICE_MAIN(tests)

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Device verdicts: the kernel's, the evaluator's and check()'s; and filters of other owners. */
#include <linux/bpf.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cgtest.h"

#define ORDERED CGW_SEMANTICS_ORDERED

static uint64_t random_state;

static unsigned int below(unsigned int n)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)(random_state >> 33) % n;
}

/*
 * Nodes of majors that no driver answers for (240 and 241 are for experiments): access(2)
 * asks the filter and nobody else. 0:0 is a whiteout, which the kernel lets anybody make.
 */
static const unsigned int majors[] = { 1, 240, 241 }, minors[] = { 0, 3, 5 };

static void node_path(char buf[64], char type, unsigned int major, unsigned int minor)
{
	snprintf(buf, 64, "/run/nodes/%c-%u-%u", type, major, minor);
}

static int make_nodes(void)
{
	if (mkdir("/run/nodes", 0755) < 0 && errno != EEXIST)
		return -errno;
	for (unsigned int i = 0; i < 18; i++) {
		unsigned int major = majors[i / 2 % 3], minor = minors[i / 6];
		char path[64];

		node_path(path, "bc"[i & 1], major, minor);
		if (mknod(path, (i & 1 ? S_IFCHR : S_IFBLK) | 0666, makedev(major, minor)) < 0 &&
		    errno != EEXIST)
			return -errno;
	}
	return 0;
}

static struct cgw_rules *random_rules(struct cgw *c)
{
	struct cgw_rules *rules = NULL;
	unsigned int n = 1 + below(7);

	if (cgw_rules_new(c, &rules))
		abort();
	for (unsigned int i = 0; i < n; i++) {
		struct cgw_rule rule = { "abc"[below(3)], below(5) > 1, (uint8_t)(1 + below(7)),
					 below(3) ? majors[below(3)] : CGW_DEVICE_ANY,
					 below(3) ? minors[below(3)] : CGW_DEVICE_ANY };

		if (cgw_rules_add_rule(rules, &rule))
			abort();
	}
	return rules;
}

static int set_rules(struct cgw_group *g, const struct cgw_rules *rules, bool own)
{
	_cleanup_policy_ struct cgw_policy *p = NULL;
	int err = cgw_policy_compile(rules, ORDERED, &p);

	if (err)
		return err;
	cgw_policy_set_own(p, own);
	return cgw_group_set_devices(g, p);
}

/* The subsets of access that the kernel asks for: mknod never comes with another bit. */
static const unsigned int asked[] = { 0, 1, 2, 4, 6 };

/* Try it for real: 1 allowed, 0 refused, -errno for anything else. */
static int try_for_real(struct cgtest_agent *a, char type, unsigned int major, unsigned int minor,
			unsigned int access)
{
	mode_t mode = type == 'c' ? S_IFCHR : S_IFBLK;
	char path[64];
	int err;

	node_path(path, type, major, minor);
	if (access == CGW_DEVICE_MKNOD)
		err = cgtest_agent_mknod(a, "/run/nodes/new", mode, makedev(major, minor));
	else
		err = cgtest_agent_access(a, path,
					  (access & CGW_DEVICE_READ ? R_OK : 0) |
						  (access & CGW_DEVICE_WRITE ? W_OK : 0));
	return !err ? 1 : err == -EPERM ? 0 : err;
}

static void print_rules(const char *which, const struct cgw_rules *rules)
{
	char text[CGW_RULE_TEXT_MAX];

	for (size_t i = 0; i < cgw_rules_count(rules); i++)
		tap_note("%s: %s", which, cgw_rule_format(cgw_rules_at(rules, i), text));
}

/* One node and access, against the evaluator of both lists and against check(). */
static int compare(struct cgw_group *g, struct cgtest_agent *a, const struct cgw_rules *above,
		   const struct cgw_rules *own, unsigned int i)
{
	unsigned int major = majors[i / 2 % 3], minor = minors[i / 6 % 3], access = asked[i / 18];
	unsigned int type = i & 1 ? CGW_DEVICE_CHAR : CGW_DEVICE_BLOCK;
	bool up = cgw_rules_evaluate(above, ORDERED, type, major, minor, access);
	bool here = cgw_rules_evaluate(own, ORDERED, type, major, minor, access);
	int real = try_for_real(a, "bc"[i & 1], major, minor, access);
	struct cgw_check check;

	if (real != (up && here))
		FAIL("%c %u:%u access %u: the kernel says %d, the lists %d and %d", "bc"[i & 1],
		     major, minor, access, real, up, here);
	CHECK_INT(cgw_group_check_device(g, type, major, minor, access, &check), 0);
	if (check.verdict != (real ? CGW_VERDICT_ALLOW : CGW_VERDICT_DENY))
		FAIL("%c %u:%u access %u: the kernel says %d, check %d", "bc"[i & 1], major, minor,
		     access, real, check.verdict);
	CHECK(check.has_rule);
	CHECK_INT(check.rule.allow, real);
	CHECK(cgw__rule_matches(&check.rule, type, major, minor));
	/* the group itself is asked first */
	if (!here)
		CHECK_STR(check.path, g->path);
	else if (!up)
		CHECK(strlen(check.path) < strlen(g->path));
	return TAP_PASS;
}

static int kernel_evaluator_and_check_agree_on_random_lists(void)
{
	_cleanup_top_ char *top = cgtest_new("random");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top),
					 *child = cgtest_child(c, top, "a");
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(cgw_group_path(child));

	CHECK_INT(make_nodes(), 0);
	random_state = 1;
	for (long round = 0, n = cgtest_scale(300); round < n; round++) {
		_cleanup_rules_ struct cgw_rules *above = random_rules(c), *own = random_rules(c);

		/* by shared programs and by the groups' own */
		CHECK_INT(set_rules(g, above, round & 1), 0);
		CHECK_INT(set_rules(child, own, round & 2), 0);
		for (unsigned int i = 0; i < 18 * ARRAY_SIZE(asked); i++)
			if (compare(child, &a, above, own, i) != TAP_PASS) {
				print_rules("above", above);
				print_rules("own", own);
				return TAP_FAIL;
			}
	}
	return TAP_PASS;
}

static int full_table_works_in_the_kernel(void)
{
	_cleanup_top_ char *top = cgtest_new("full");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);
	_cleanup_rules_ struct cgw_rules *rules = NULL;

	CHECK_INT(cgw_rules_new(c, &rules), 0);
	for (uint32_t i = 0; i < CGW_POLICY_ENTRIES; i++) {
		struct cgw_rule rule = { 'c', true, CGW_DEVICE_MKNOD, 240, i };

		CHECK_INT(cgw_rules_add_rule(rules, &rule), 0);
	}
	CHECK_INT(make_nodes(), 0);
	for (uint32_t i = 0; i < 4 * CGW_POLICY_ENTRIES; i++) {
		uint32_t minor = i % (2 * CGW_POLICY_ENTRIES);

		/* by the shared program, then by one of the group's own */
		if (!minor)
			CHECK_INT(set_rules(g, rules, i > 0), 0);
		CHECK_INT(cgtest_agent_mknod(&a, "/run/nodes/new", S_IFCHR, makedev(240, minor)),
			  minor < CGW_POLICY_ENTRIES ? 0 : -EPERM);
		CHECK_INT(cgtest_agent_mknod(&a, "/run/nodes/new", S_IFBLK, makedev(240, minor)),
			  -EPERM);
	}
	return TAP_PASS;
}

/* A writer was killed between attaching and writing: nothing opens, and all can be mended. */
static int unwritten_policy_denies_everything(void)
{
	_cleanup_top_ char *top = cgtest_new("unwritten");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *other = cgtest_child(c, top, "a");
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "b");
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(cgw_group_path(g));
	_cleanup_(cgw_devices_free) struct cgw_devices d = { 0 }, mine = { 0 };
	_cleanup_rules_ struct cgw_rules *rules = NULL;
	_cleanup_close_ int prog = -EBADF;
	struct cgw_check check;

	CHECK_INT(cgtest_set_devices(other, "c 1:3"), 0);
	CHECK_INT(cgw_group_get_devices(other, &d), 0);
	prog = cgtest_program(d.prog_id);
	CHECK_INT(cgtest_attach(g, prog, BPF_F_ALLOW_MULTI), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), -EPERM);
	CHECK_INT(cgtest_agent_access(&a, "/dev/null", F_OK), -EPERM);
	CHECK_INT(cgw_group_get_devices(g, &mine), 0);
	CHECK(!mine.policy);
	CHECK_INT(cgw_group_check_device(g, CGW_DEVICE_CHAR, 1, 3, 2, &check), 0);
	CHECK_INT(check.verdict, CGW_VERDICT_DENY);
	CHECK_STR(check.path, cgw_group_path(g));
	CHECK_INT(cgw_rules_new(c, &rules), 0);
	CHECK_INT(cgw_rules_add(rules, "c 1:3"), 0);
	CHECK_INT(cgw_group_extend_devices(g, rules), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), -EPERM);
	return TAP_PASS;
}

static int filters_of_others_are_left_alone_and_named(void)
{
	_cleanup_top_ char *top = cgtest_new("foreign");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);
	_cleanup_free_ struct cgw_program *both = NULL, *one = NULL;
	struct cgw_check check;

	CHECK_INT(cgtest_foreign(g, "sd_devices", 1), 0);
	CHECK_INT(cgw_group_check_device(g, CGW_DEVICE_CHAR, 1, 3, 2, &check), 0);
	CHECK_INT(check.verdict, CGW_VERDICT_UNKNOWN);
	CHECK_STR(check.path, top);
	CHECK(!check.has_rule);
	CHECK_INT(cgtest_set_devices(g, "c 1:3"), 0);
	CHECK_INT(cgw_group_device_programs(g, &both), 2);
	CHECK_INT(both[0].ours + both[1].ours, 1);
	CHECK_STR(both[both[0].ours].name, "sd_devices");
	CHECK_INT(cgw_group_check_device(g, CGW_DEVICE_CHAR, 1, 3, 2, &check), 0);
	CHECK_INT(check.verdict, CGW_VERDICT_UNKNOWN);
	/* what we refuse is refused, whatever the other says */
	CHECK_INT(cgw_group_check_device(g, CGW_DEVICE_CHAR, 1, 5, 2, &check), 0);
	CHECK_INT(check.verdict, CGW_VERDICT_DENY);
	CHECK(check.has_rule);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDONLY), -EPERM);
	CHECK_INT(cgtest_set_devices(g, "c 1:5"), 0);
	CHECK_INT(cgw_group_clear_devices(g), 1);
	CHECK_INT(cgw_group_device_programs(g, &one), 1);
	CHECK_STR(one[0].name, "sd_devices");
	CHECK_INT(cgtest_foreign(g, "refuses", 0), 0);
	CHECK_INT(cgtest_set_devices(g, "allow a"), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDONLY), -EPERM);
	return TAP_PASS;
}

static int too_many_programs_are_explained(void)
{
	_cleanup_top_ char *top = cgtest_new("sixtyfour");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_free_ struct cgw_program *programs = NULL;

	for (int i = 0; i < 64; i++)
		CHECK_INT(cgtest_foreign(g, "leaked", 1), 0);
	CHECK_INT(cgtest_set_devices(g, "allow a"), -E2BIG);
	CHECK_HAS(cgw_strerror(c), "64 programs are attached already");
	CHECK_HAS(cgw_hint(c), "leaks");
	CHECK_INT(cgw_group_device_programs(g, &programs), 64);
	return TAP_PASS;
}

static int groups_without_any_filter_allow_everything(void)
{
	_cleanup_top_ char *top = cgtest_new("nofilter");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "a");
	struct cgw_check check;

	CHECK_INT(cgw_group_check_device(g, CGW_DEVICE_BLOCK, 8, 0, 7, &check), 0);
	CHECK_INT(check.verdict, CGW_VERDICT_ALLOW);
	CHECK_STR(check.path, "");
	CHECK(!check.has_rule);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(kernel_evaluator_and_check_agree_on_random_lists),
	T(full_table_works_in_the_kernel),
	T(unwritten_policy_denies_everything),
	T(filters_of_others_are_left_alone_and_named),
	T(too_many_programs_are_explained),
	T(groups_without_any_filter_allow_everything),
};

CGTEST_DEVICE_MAIN(tests)

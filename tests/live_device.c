// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Device policies on live groups: what really opens, and what does not. */
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cgtest.h"

#define ORDERED CGW_SEMANTICS_ORDERED

static int extend(struct cgw_group *g, const char *text)
{
	_cleanup_rules_ struct cgw_rules *rules = NULL;

	if (cgw_rules_new(g->c, &rules) || cgw_rules_add_text(rules, "t", text, strlen(text)))
		abort();
	return cgw_group_extend_devices(g, rules);
}

/* Canonical rules of the group's policy, each followed by ";"; "-" for no policy. */
static char *rules_of(struct cgw_group *g)
{
	_cleanup_(cgw_devices_free) struct cgw_devices d = { 0 };
	_cleanup_rules_ struct cgw_rules *rules = NULL;
	char *text = malloc(64 * 1024), one[CGW_RULE_TEXT_MAX];
	size_t len = 0;

	strcpy(text, "-");
	if (cgw_group_get_devices(g, &d) || !d.policy || cgw_policy_rules(d.policy, &rules))
		return text;
	for (size_t i = 0; i < cgw_rules_count(rules); i++)
		len += (size_t)sprintf(text + len, "%s;",
				       cgw_rule_format(cgw_rules_at(rules, i), one));
	return text;
}

static int new_group_has_its_policy_when_the_first_process_enters(void)
{
	_cleanup_top_ char *top = cgtest_new("fresh");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_policy_ struct cgw_policy *p = cgtest_policy(c, "c 1:3 rw");
	struct cgw_create_opts opts = { .sz = sizeof(opts), .devices = p };
	_cleanup_group_ struct cgw_group *g = NULL;
	_cleanup_agent_ struct cgtest_agent in = { 0 }, out = { 0 };
	char path[200];

	snprintf(path, sizeof(path), "%s/a", top);
	if (cgw_group_create(c, path, &opts, &g))
		FAIL("%s", cgw_strerror(c));
	in = cgtest_agent_start(path);
	out = cgtest_agent_start(top);
	CHECK_INT(cgtest_agent_open(&in, "/dev/null", O_RDWR), 0);
	CHECK_INT(cgtest_agent_open(&in, "/dev/zero", O_RDONLY), -EPERM);
	CHECK_INT(cgtest_agent_open(&in, "/dev/full", O_WRONLY), -EPERM);
	CHECK_INT(cgtest_agent_mknod(&in, "/run/node", S_IFCHR, makedev(1, 3)), -EPERM);
	CHECK_INT(cgtest_agent_mknod(&in, "/run/node", S_IFBLK, makedev(1, 3)), -EPERM);
	CHECK_INT(cgtest_agent_access(&in, "/dev/zero", F_OK), -EPERM);
	CHECK_INT(cgtest_agent_access(&in, "/dev/null", F_OK), 0);
	CHECK_INT(cgtest_agent_open(&out, "/dev/zero", O_RDONLY), 0);
	CHECK_INT(cgtest_agent_mknod(&out, "/run/node", S_IFCHR, makedev(1, 3)), 0);
	return TAP_PASS;
}

static int each_access_is_decided_by_itself(void)
{
	_cleanup_top_ char *top = cgtest_new("access");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);

	CHECK_INT(cgtest_set_devices(g, "c 1:3 r\nc 1:5 w\nc 1:7 m"), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDONLY), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_WRONLY), -EPERM);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), -EPERM);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDONLY), -EPERM);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_WRONLY), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), -EPERM);
	CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_RDONLY), -EPERM);
	CHECK_INT(cgtest_agent_mknod(&a, "/run/node", S_IFCHR, makedev(1, 7)), 0);
	CHECK_INT(cgtest_agent_mknod(&a, "/run/node", S_IFCHR, makedev(1, 3)), -EPERM);
	return TAP_PASS;
}

/* What they have in common in their lower bits is of no account. */
static int numbers_are_told_apart_that_no_device_has(void)
{
	static const struct {
		unsigned int major;
		unsigned int minor;
		bool narrow; /* allowed where only numbers of devices are in the policy */
		bool wide;
	} nodes[] = {
		{ 4095, 1048575, true, true }, { 4094, 1048574, false, false },
		{ 4094, 1048575, true, true }, { 4095, 1048574, false, false },
		{ 0, 3, false, false },	       { 3, 0, false, false },
		{ 5, 1, false, false },	       { 5, 7, true, true },
		{ 9, 5, true, true },	       { 7, 0, false, true },
	};
	static const char narrow[] = "c 4095:1048575 m\nc *:1048575 m\nc *:7 m\nc 9:* m";
	static const char wide[] = "c 4095:1048575 m\nc *:1048575 m\nc *:7 m\nc 9:* m\n"
				   "c 4096:3 m\nc 3:1048576 m\nc 8191:* m\nc *:1048577 m\n"
				   "c 4294967294:4294967294 m\nc 7:0 m";
	_cleanup_top_ char *top = cgtest_new("numbers");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);
	_cleanup_free_ char *rules = NULL;

	for (int own = 0; own < 2; own++)
		for (int i = 0; i < 2; i++) {
			_cleanup_policy_ struct cgw_policy *p = cgtest_policy(c, i ? wide : narrow);

			cgw_policy_set_own(p, own);
			CHECK_INT(p->value->size_class, i ? 3 : 0);
			CHECK_INT(cgw_group_set_devices(g, p), 0);
			for (size_t j = 0; j < ARRAY_SIZE(nodes); j++) {
				dev_t node = makedev(nodes[j].major, nodes[j].minor);
				bool allowed = i ? nodes[j].wide : nodes[j].narrow;

				CHECK_INT(cgtest_agent_mknod(&a, "/run/node", S_IFCHR, node),
					  allowed ? 0 : -EPERM);
			}
		}
	rules = rules_of(g);
	CHECK_STR(rules, "deny a;allow c *:7 m;allow c *:1048575 m;allow c *:1048577 m;"
			 "allow c 9:* m;deny c 9:* rw;allow c 8191:* m;deny c 8191:* rw;"
			 "allow c 3:1048576 m;allow c 7:0 m;allow c 4096:3 m;"
			 "allow c 4294967294:4294967294 m;");
	return TAP_PASS;
}

/* tests/unit_lookup.c has more of them. */
static int what_no_device_has_allows_none(void)
{
	_cleanup_top_ char *top = cgtest_new("wide");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);

	CHECK_INT(cgtest_set_devices(g, "c 300:* m\nc 10:1629487103 m"), 0);
	CHECK_INT(cgtest_agent_mknod(&a, "/run/node", S_IFCHR, makedev(10, 229)), -EPERM);
	CHECK_INT(cgtest_agent_mknod(&a, "/run/node", S_IFCHR, makedev(300, 229)), 0);
	CHECK_INT(cgtest_set_devices(g, "c *:300 m\nc 30560255:229 m"), 0);
	CHECK_INT(cgtest_agent_mknod(&a, "/run/node", S_IFCHR, makedev(10, 229)), -EPERM);
	CHECK_INT(cgtest_agent_mknod(&a, "/run/node", S_IFCHR, makedev(10, 300)), 0);
	return TAP_PASS;
}

static int policy_is_read_back_as_it_was_written(void)
{
	_cleanup_top_ char *top = cgtest_new("readback");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_policy_ struct cgw_policy *p =
		cgtest_policy(c, "deny a\nc 136:* rw\nb *:7 r\nc 1:3");
	_cleanup_(cgw_devices_free) struct cgw_devices d = { 0 }, none = { 0 };
	_cleanup_free_ struct cgw_program *programs = NULL;
	uint64_t first;

	CHECK_INT(cgw_group_get_devices(g, &none), -ENOENT);
	CHECK_HAS(cgw_strerror(c), "has no cgward device policy");
	CHECK_INT(cgw_group_set_devices(g, p), 0);
	first = cgw_group_generation(g);
	CHECK_INT(cgw_group_set_devices(g, p), 0);
	CHECK_INT(cgw_group_get_devices(g, &d), 0);
	CHECK(d.policy);
	CHECK(d.generation == cgw_group_generation(g) && d.generation > first);
	CHECK_INT(d.semantics, ORDERED);
	CHECK_INT(d.class_bytes, p->size);
	CHECK_INT(d.policy->size, p->size);
	CHECK_INT(p->value->generation, 0);
	p->value->generation = d.generation;
	CHECK(!memcmp(d.policy->value, p->value, p->size));
	CHECK_INT(cgw_group_device_programs(g, &programs), 1);
	CHECK_INT(programs[0].id, d.prog_id);
	CHECK(programs[0].ours);
	CHECK_STR(programs[0].name, "cgward_dev0");
	return TAP_PASS;
}

static int cleared_policy_is_gone_and_does_not_come_back(void)
{
	_cleanup_top_ char *top = cgtest_new("clear");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);
	_cleanup_free_ struct cgw_program *programs = NULL;
	_cleanup_free_ char *rules = NULL;

	CHECK_INT(cgw_group_clear_devices(g), 0);
	CHECK_INT(cgtest_set_devices(g, "c 1:3"), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), -EPERM);
	CHECK_INT(cgw_group_clear_devices(g), 1);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), 0);
	CHECK_INT(cgw_group_device_programs(g, &programs), 0);
	CHECK_INT(cgw_group_clear_devices(g), 0);
	CHECK_INT(extend(g, "c 1:7"), -ENOENT);
	CHECK_HAS(cgw_hint(c), "devices set");
	CHECK_INT(cgtest_set_devices(g, "c 1:5"), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), -EPERM);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), 0);
	rules = rules_of(g);
	CHECK_STR(rules, "deny a;allow c 1:5 rwm;");
	return TAP_PASS;
}

static int rules_are_appended_to_a_live_policy(void)
{
	_cleanup_top_ char *top = cgtest_new("extend");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);
	_cleanup_free_ char *rules = NULL;

	CHECK_INT(cgtest_set_devices(g, "c 1:* rw"), 0);
	CHECK_INT(extend(g, "deny c 1:5 w\nb 8:0 r"), 0);
	CHECK_INT(extend(g, "deny c 1:3\nc 1:3 r"), 0);
	rules = rules_of(g);
	CHECK_STR(rules, "deny a;allow c 1:* rw;deny c 1:3 w;deny c 1:5 w;allow b 8:0 r;");
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDONLY), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_WRONLY), -EPERM);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), -EPERM);
	CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_RDWR), 0);
	return TAP_PASS;
}

/* top: null, zero; a below it: zero, full; b below it: nothing of its own. */
static int children_are_governed_by_their_ancestors_too(void)
{
	_cleanup_top_ char *top = cgtest_new("inherit");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *a = NULL;
	_cleanup_agent_ struct cgtest_agent in_a = { 0 }, in_b = { 0 };
	_cleanup_(cgw_devices_free) struct cgw_devices d = { 0 };

	CHECK_INT(cgtest_set_devices(g, "c 1:3\nc 1:5"), 0);
	a = cgtest_child(c, top, "a");
	cgw_group_close(cgtest_child(c, top, "a/b"));
	CHECK_INT(cgtest_set_devices(a, "c 1:5\nc 1:7"), 0);
	{
		char path[200];

		snprintf(path, sizeof(path), "%s/a/b", top);
		in_a = cgtest_agent_start(cgw_group_path(a));
		in_b = cgtest_agent_start(path);
	}
	for (int i = 0; i < 2; i++) {
		struct cgtest_agent *in = i ? &in_b : &in_a;

		CHECK_INT(cgtest_agent_open(in, "/dev/null", O_RDWR), -EPERM);
		CHECK_INT(cgtest_agent_open(in, "/dev/zero", O_RDWR), 0);
		CHECK_INT(cgtest_agent_open(in, "/dev/full", O_RDWR), -EPERM);
	}
	CHECK_INT(cgw_group_clear_devices(a), 1);
	CHECK_INT(cgtest_agent_open(&in_b, "/dev/null", O_RDWR), 0);
	CHECK_INT(cgtest_agent_open(&in_b, "/dev/full", O_RDWR), -EPERM);
	/* what an ancestor has is not the group's own */
	CHECK_INT(cgw_group_get_devices(a, &d), -ENOENT);
	return TAP_PASS;
}

static int open_descriptors_stay_usable(void)
{
	_cleanup_top_ char *top = cgtest_new("openfds");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	int gate[2], answer[2], status;
	char byte;
	pid_t pid;

	CHECK(!pipe2(gate, O_CLOEXEC) && !pipe2(answer, O_CLOEXEC));
	pid = cgtest_fork();
	if (!pid) {
		int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

		if (cgtest_write(top, "cgroup.procs", "0") || write(answer[1], "x", 1) != 1 ||
		    read(gate[0], &byte, 1) != 1)
			_exit(1);
		if (open("/dev/zero", O_RDONLY | O_CLOEXEC) >= 0)
			_exit(2);
		_exit(read(zero, &byte, 1) == 1 ? 0 : 3);
	}
	CHECK(cgtest_readable(answer[0]));
	CHECK_INT(cgtest_set_devices(g, "deny a"), 0);
	CHECK_INT(write(gate[1], "x", 1), 1);
	status = cgtest_reap(pid);
	CHECK_INT(status, 0);
	for (int i = 0; i < 2; i++) {
		close(gate[i]);
		close(answer[i]);
	}
	return TAP_PASS;
}

/* What a loop opens while policies are switched, and what must come of it. */
static const char *const switch_nodes[] = { "always:/dev/null", "never:/dev/zero",
					    "changes:/dev/full", "changes:/dev/urandom", NULL };

#define FULL_ONLY "c 1:3\nc 1:7\n"
#define URANDOM_ONLY "c 1:9\nc 1:* rw\ndeny c 1:5\ndeny c 1:7\n"

static int every_open_is_decided_by_the_old_or_the_new_policy(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_policy_ struct cgw_policy *a = cgtest_policy(c, FULL_ONLY);
	_cleanup_policy_ struct cgw_policy *b = cgtest_policy(c, URANDOM_ONLY);

	return cgtest_switch("switch", c, switch_nodes, (struct cgw_policy *[]){ a, b }, 2);
}

static int so_it_is_when_the_size_class_changes(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_policy_ struct cgw_policy *small = cgtest_larger_policy(c, FULL_ONLY, 0);
	_cleanup_policy_ struct cgw_policy *medium = cgtest_larger_policy(c, URANDOM_ONLY, 100);
	_cleanup_policy_ struct cgw_policy *large = cgtest_larger_policy(c, FULL_ONLY, 2000);

	CHECK_INT(small->value->size_class, 0);
	CHECK_INT(medium->value->size_class, 1);
	CHECK_INT(large->value->size_class, 2);
	return cgtest_switch("classes", c, switch_nodes,
			     (struct cgw_policy *[]){ small, medium, large, medium }, 4);
}

/* The program that knows the OCI nodes takes turns with the one that looks all of them up. */
static int so_it_is_when_the_program_changes(void)
{
	static const char *const nodes[] = { "always:/dev/null", "never:/run/kmsg",
					     "changes:/dev/zero", "changes:/dev/urandom", NULL };
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_policy_ struct cgw_policy *oci = cgtest_larger_policy(c, CGTEST_OCI_NODES, 0);
	_cleanup_policy_ struct cgw_policy *some = cgtest_larger_policy(c, "c 1:3\nc 5:0\n", 0);
	_cleanup_policy_ struct cgw_policy *medium = cgtest_larger_policy(c, CGTEST_OCI_NODES, 100);
	_cleanup_policy_ struct cgw_policy *none = cgtest_larger_policy(c, "c 1:3 rw\n", 100);

	struct cgw_policy *const policies[] = { oci,	some, oci,    none,
						medium, some, medium, none };

	CHECK(oci->value->flags & medium->value->flags & CGW_POLICY_SHORTCUT);
	CHECK(!((some->value->flags | none->value->flags) & CGW_POLICY_SHORTCUT));
	CHECK_INT(cgtest_kmsg(), 0);
	return cgtest_switch("programs", c, nodes, policies, ARRAY_SIZE(policies));
}

/* Which program is attached, for policies with and without all OCI nodes. */
static int program_fits_its_policy(void)
{
	static const char *const steps[][2] = {
		{ CGTEST_OCI_NODES, "cgward_dev_oci0" },
		{ "c 1:3", "cgward_dev0" },
		{ CGTEST_OCI_NODES "b 8:*", "cgward_dev_oci0" },
		{ "allow a", "cgward_dev_oci0" },
		{ CGTEST_OCI_NODES "deny c 136:7 w", "cgward_dev0" },
	};
	_cleanup_top_ char *top = cgtest_new("program");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);

	CHECK_INT(cgtest_kmsg(), 0);
	for (int i = 0; i < (int)ARRAY_SIZE(steps); i++) {
		_cleanup_free_ struct cgw_program *programs = NULL;

		CHECK_INT(cgtest_set_devices(g, steps[i][0]), 0);
		CHECK_INT(cgw_group_device_programs(g, &programs), 1);
		CHECK_STR(programs[0].name, steps[i][1]);
		CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), 0);
		CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), i == 1 ? -EPERM : 0);
		CHECK_INT(cgtest_agent_access(&a, "/dev/zero", F_OK), i == 1 ? -EPERM : 0);
		CHECK_INT(cgtest_agent_mknod(&a, "/run/node", S_IFCHR, makedev(1, 9)),
			  i == 1 ? -EPERM : 0);
		CHECK_INT(cgtest_agent_access(&a, "/run/kmsg", R_OK), i == 3 ? 0 : -EPERM);
	}
	CHECK_INT(extend(g, "deny c 1:3 w"), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), -EPERM);
	CHECK_INT(extend(g, "allow c 1:3 w\nallow c 136:7 w"), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), 0);
	return TAP_PASS;
}

/*
 * A check that began before a program was detached goes on to read its storage: programs in
 * front of ours that take their time make sure that there are such checks at each step.
 */
static int checks_in_flight_see_a_policy_too(void)
{
	static const char *const nodes[] = { "always:/dev/null", "never:/run/kmsg",
					     "either:/dev/full", "either:/dev/urandom", NULL };
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_policy_ struct cgw_policy *small = cgtest_larger_policy(c, FULL_ONLY, 0);
	_cleanup_policy_ struct cgw_policy *medium = cgtest_larger_policy(c, "c 1:3\nc 1:9\n", 100);
	_cleanup_policy_ struct cgw_policy *oci = cgtest_larger_policy(c, CGTEST_OCI_NODES, 0);
	struct cgw_policy *const policies[] = { small, medium, oci, medium };
	_cleanup_top_ char *top = cgtest_new("inflight");
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_opener_ struct cgtest_opener o = { 0 };
	_cleanup_free_ char *text = NULL;
	char count[32];

	CHECK_INT(cgtest_kmsg(), 0);
	for (int i = 0; i < 3; i++)
		CHECK_INT(cgtest_slow(g), 0);
	CHECK_INT(cgw_group_set_devices(g, small), 0);
	snprintf(count, sizeof(count), "%ld", cgtest_scale(3000));
	o = cgtest_opener_start(top, count, nodes);
	for (size_t i = 0; !cgtest_opener_done(&o); i++)
		if (cgw_group_set_devices(g, policies[i % 4]) < 0)
			FAIL("%s", cgw_strerror(c));
	if (cgtest_opener_stop(&o, &text))
		FAIL("%s", text);
	return TAP_PASS;
}

/* From no policy to one and back, under load: what the policy allows is never refused. */
static int populated_groups_are_adopted_without_a_gap(void)
{
	static const char *const nodes[] = { "always:/dev/null", "either:/dev/zero", NULL };
	_cleanup_top_ char *top = cgtest_new("adopt");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_policy_ struct cgw_policy *p = cgtest_policy(c, "c 1:3");
	_cleanup_opener_ struct cgtest_opener o = cgtest_opener_start(top, "-", nodes);
	_cleanup_free_ char *text = NULL;

	for (long i = 0, n = cgtest_scale(2000); i < n; i++) {
		_cleanup_free_ struct cgw_program *programs = NULL;

		if (cgw_group_set_devices(g, p))
			FAIL("round %ld: %s", i, cgw_strerror(c));
		CHECK_INT(cgw_group_device_programs(g, &programs), 1);
		CHECK_STR(programs[0].name, "cgward_dev0");
		CHECK_INT(cgw_group_clear_devices(g), 1);
	}
	CHECK_INT(cgtest_opener_stop(&o, &text), 0);
	return TAP_PASS;
}

/* A group that another load of the program governs (another build, or unshared). */
static int policies_of_another_load_are_taken_over_without_a_gap(void)
{
	static const char *const nodes[] = { "always:/dev/null", "never:/dev/zero",
					     "either:/dev/full", "either:/dev/urandom", NULL };
	_cleanup_top_ char *top = cgtest_new("takeover");
	_cleanup_ctx_ struct cgw *first = cgtest_context(), *second = cgtest_context();
	_cleanup_opener_ struct cgtest_opener o = { 0 };
	_cleanup_free_ char *text = NULL;
	uint32_t last = 0;

	first->unshared = second->unshared = true;
	for (long i = 0, n = cgtest_scale(1000); i < n; i++) {
		struct cgw *now = i & 1 ? second : first;
		_cleanup_group_ struct cgw_group *g = cgtest_open(now, top);
		_cleanup_(cgw_devices_free) struct cgw_devices d = { 0 };
		_cleanup_free_ struct cgw_program *programs = NULL;

		if (cgtest_set_devices(g, i & 1 ? "c 1:3\nc 1:7" : "c 1:3\nc 1:9") < 0)
			FAIL("round %ld: %s", i, cgw_strerror(now));
		CHECK_INT(cgw_group_device_programs(g, &programs), 1);
		CHECK_INT(cgw_group_get_devices(g, &d), 0);
		CHECK(d.prog_id != last);
		last = d.prog_id;
		if (!i)
			o = cgtest_opener_start(top, "-", nodes);
	}
	CHECK_INT(cgtest_opener_stop(&o, &text), 0);
	return TAP_PASS;
}

/* Two processes extend one policy, each with majors of its own. */
static int extend_many(const char *top, int which, long n)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);

	for (long i = 0; i < n; i++) {
		char rule[64];

		snprintf(rule, sizeof(rule), "c %d:%ld r", 100 + which, i);
		if (extend(g, rule) < 0)
			return 1;
	}
	return 0;
}

static int concurrent_writers_lose_no_rule(void)
{
	enum { WRITERS = 4 };
	_cleanup_top_ char *top = cgtest_new("writers");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_(cgw_devices_free) struct cgw_devices d = { 0 };
	long n = 50; /* all of them fit the table; no scale, it takes milliseconds */
	pid_t pids[WRITERS];

	CHECK_INT(cgtest_set_devices(g, "deny a"), 0);
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = cgtest_fork();
		if (!pids[i])
			_exit(extend_many(top, i, n));
	}
	for (int i = 0; i < WRITERS; i++)
		CHECK_INT(cgtest_reap(pids[i]), 0);
	CHECK_INT(cgw_group_get_devices(g, &d), 0);
	for (int i = 0; i < WRITERS; i++)
		for (long j = 0; j < n; j++)
			if (!cgw_policy_check(d.policy, CGW_DEVICE_CHAR, 100 + (unsigned int)i,
					      (unsigned int)j, CGW_DEVICE_READ, NULL))
				FAIL("rule %ld of writer %d is lost", j, i);
	return TAP_PASS;
}

static int set_without_capabilities(void *arg)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, arg);
	cap_t none = cap_init();

	if (!none || cap_set_proc(none) < 0)
		return 100;
	cap_free(none);
	if (cgtest_set_devices(g, "allow a") != -EPERM)
		return 1;
	if (!strstr(cgw_strerror(c), "CAP_BPF is missing") || !cgw_hint(c)) {
		tap_note("%s", cgw_strerror(c));
		return 2;
	}
	return strstr(cgw_hint(c), "CAP_SYS_ADMIN") ? 0 : 3;
}

static int missing_capability_is_named(void)
{
	_cleanup_top_ char *top = cgtest_new("nocap");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_free_ struct cgw_program *programs = NULL;

	CHECK_INT(cgtest_in_child(set_without_capabilities, top), 0);
	CHECK_INT(cgw_group_device_programs(g, &programs), 0);
	return TAP_PASS;
}

static int removed_groups_are_said_to_be_gone(void)
{
	_cleanup_top_ char *top = cgtest_new("removed");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_policy_ struct cgw_policy *p = cgtest_policy(c, "deny a");
	struct cgw_create_opts opts = { .sz = sizeof(opts), .devices = p };
	_cleanup_group_ struct cgw_group *g = NULL, *fresh = NULL;
	struct cgw_devices d;
	char path[200];

	snprintf(path, sizeof(path), "%s/a", top);
	CHECK_INT(cgw_group_create(c, path, &opts, &g), 0);
	CHECK_INT(cgw_group_delete(g, 0, CGTEST_TIMEOUT_MS), 0);
	CHECK_INT(cgtest_set_devices(g, "allow a"), -ENODEV);
	CHECK_HAS(cgw_strerror(c), "the group was removed");
	CHECK_INT(extend(g, "allow a"), -ENODEV);
	CHECK_INT(cgw_group_get_devices(g, &d), -ENODEV);
	CHECK_INT(cgw_group_clear_devices(g), -ENODEV);
	CHECK_HAS(cgw_strerror(c), "the group was removed");
	CHECK_INT(cgw_group_create(c, path, NULL, &fresh), 0);
	CHECK_INT(cgtest_rmdir(path), 0);
	CHECK_INT(cgtest_set_devices(fresh, "allow a"), -ENODEV);
	CHECK_HAS(cgw_strerror(c), "the group was removed");
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(new_group_has_its_policy_when_the_first_process_enters),
	T(each_access_is_decided_by_itself),
	T(numbers_are_told_apart_that_no_device_has),
	T(what_no_device_has_allows_none),
	T(policy_is_read_back_as_it_was_written),
	T(cleared_policy_is_gone_and_does_not_come_back),
	T(rules_are_appended_to_a_live_policy),
	T(children_are_governed_by_their_ancestors_too),
	T(open_descriptors_stay_usable),
	T(every_open_is_decided_by_the_old_or_the_new_policy),
	T(so_it_is_when_the_size_class_changes),
	T(so_it_is_when_the_program_changes),
	T(program_fits_its_policy),
	T(checks_in_flight_see_a_policy_too),
	T(populated_groups_are_adopted_without_a_gap),
	T(policies_of_another_load_are_taken_over_without_a_gap),
	T(concurrent_writers_lose_no_rule),
	T(missing_capability_is_named),
	T(removed_groups_are_said_to_be_gone),
};

CGTEST_DEVICE_MAIN(tests)

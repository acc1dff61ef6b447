// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Device policies by a program of the policy's own, alone and in turn with the shared ones. */
#include <linux/bpf.h>
#include <poll.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "cgtest.h"
#include "device.h"

#define FULL_ONLY "c 1:3\nc 1:7\n"
#define URANDOM_ONLY "c 1:9\nc 1:* rw\ndeny c 1:5\ndeny c 1:7\n"

/* A policy for a program of its own, with n more entries. */
static struct cgw_policy *own_policy(struct cgw *c, const char *rules, unsigned int n)
{
	struct cgw_policy *p = cgtest_larger_policy(c, rules, n);

	cgw_policy_set_own(p, true);
	return p;
}

static int set_own(struct cgw_group *g, const char *rules)
{
	_cleanup_policy_ struct cgw_policy *p = own_policy(g->c, rules, 0);

	return cgw_group_set_devices(g, p);
}

static int extend(struct cgw_group *g, const char *rule)
{
	_cleanup_rules_ struct cgw_rules *rules = NULL;

	if (cgw_rules_new(g->c, &rules) || cgw_rules_add(rules, rule))
		abort();
	return cgw_group_extend_devices(g, rules);
}

/* The name of the only program attached; it lives until the next call. */
static const char *program_name(struct cgw_group *g)
{
	_cleanup_free_ struct cgw_program *programs = NULL;
	static char name[sizeof(programs->name)];
	int n = cgw_group_device_programs(g, &programs);

	snprintf(name, sizeof(name), "%s", n == 1 ? programs[0].name : n ? "several" : "none");
	return name;
}

/* What of it is read back: rules joined by ";", "own " before them where the program is. */
static const char *read_back(struct cgw_group *g)
{
	_cleanup_(cgw_devices_free) struct cgw_devices d = { 0 };
	_cleanup_rules_ struct cgw_rules *rules = NULL;
	static char text[1024];
	size_t len;
	char one[CGW_RULE_TEXT_MAX];

	if (cgw_group_get_devices(g, &d) || !d.policy || cgw_policy_rules(d.policy, &rules))
		return cgw_strerror(g->c);
	len = (size_t)sprintf(text, "%s", d.own ? "own " : "");
	for (size_t i = 0; i < cgw_rules_count(rules); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s;",
					cgw_rule_format(cgw_rules_at(rules, i), one));
	return text;
}

static int new_group_has_its_own_program_when_the_first_process_enters(void)
{
	_cleanup_top_ char *top = cgtest_new("ownfresh");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_policy_ struct cgw_policy *p = own_policy(c, "c 1:3 rw", 0);
	struct cgw_create_opts opts = { .sz = sizeof(opts), .devices = p };
	_cleanup_group_ struct cgw_group *g = NULL;
	_cleanup_agent_ struct cgtest_agent in = { 0 };
	char path[200];

	snprintf(path, sizeof(path), "%s/a", top);
	if (cgw_group_create(c, path, &opts, &g))
		FAIL("%s", cgw_strerror(c));
	in = cgtest_agent_start(path);
	CHECK_INT(cgtest_agent_open(&in, "/dev/null", O_RDWR), 0);
	CHECK_INT(cgtest_agent_access(&in, "/dev/null", F_OK), 0);
	CHECK_INT(cgtest_agent_open(&in, "/dev/zero", O_RDONLY), -EPERM);
	CHECK_INT(cgtest_agent_mknod(&in, "/run/node", S_IFCHR, 0x103), -EPERM);
	CHECK_STR(program_name(g), "cgward_dev_own0");
	CHECK_STR(read_back(g), "own deny a;allow c 1:3 rw;");
	return TAP_PASS;
}

/* Another process, and one that loaded the shared programs for itself, as other builds do. */
static int others_read_extend_and_replace_it(void)
{
	_cleanup_top_ char *top = cgtest_new("ownothers");
	_cleanup_ctx_ struct cgw *first = cgtest_context(), *second = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(first, top), *other = NULL;
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);
	struct cgw_check check;

	second->unshared = true;
	other = cgtest_open(second, top);
	CHECK_INT(set_own(g, "c 1:3"), 0);
	CHECK_STR(read_back(other), "own deny a;allow c 1:3 rwm;");
	CHECK_INT(extend(other, "c 1:5 r"), 0);
	CHECK_STR(read_back(g), "own deny a;allow c 1:3 rwm;allow c 1:5 r;");
	CHECK(cgw_group_generation(other) > cgw_group_generation(g));
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDONLY), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_WRONLY), -EPERM);
	CHECK_INT(cgw_group_check_device(other, CGW_DEVICE_CHAR, 1, 5, 4, &check), 0);
	CHECK_INT(check.verdict, CGW_VERDICT_DENY);
	CHECK_STR(check.path, top);
	CHECK_INT(cgtest_set_devices(other, "c 1:7"), 0);
	CHECK_STR(program_name(g), "cgward_dev0");
	CHECK_STR(read_back(g), "deny a;allow c 1:7 rwm;");
	CHECK_INT(set_own(g, "c 1:9"), 0);
	CHECK_STR(program_name(other), "cgward_dev_own0");
	CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_RDWR), -EPERM);
	CHECK_INT(cgtest_agent_open(&a, "/dev/urandom", O_RDWR), 0);
	CHECK_INT(cgw_group_clear_devices(other), 1);
	CHECK_STR(program_name(g), "none");
	CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_RDWR), 0);
	/* what the storage of before says is not to be seen again */
	CHECK_INT(cgtest_set_devices(g, "c 1:5"), 0);
	CHECK_STR(read_back(g), "deny a;allow c 1:5 rwm;");
	CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_RDWR), -EPERM);
	return TAP_PASS;
}

static int groups_below_are_governed_too(void)
{
	_cleanup_top_ char *top = cgtest_new("ownbelow");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *child = NULL;
	_cleanup_agent_ struct cgtest_agent a = { 0 };

	CHECK_INT(set_own(g, "c 1:3\nc 1:5"), 0);
	child = cgtest_child(c, top, "a");
	a = cgtest_agent_start(cgw_group_path(child));
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_RDWR), -EPERM);
	CHECK_INT(set_own(child, "c 1:5\nc 1:7"), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), -EPERM);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_RDWR), -EPERM);
	CHECK_INT(cgw_group_clear_devices(g), 1);
	CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_RDWR), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), -EPERM);
	return TAP_PASS;
}

static const char *const nodes[] = { "always:/dev/null", "never:/dev/zero", "changes:/dev/full",
				     "changes:/dev/urandom", NULL };

static int one_takes_the_place_of_another_without_a_gap(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_policy_ struct cgw_policy *a = own_policy(c, FULL_ONLY, 0);
	_cleanup_policy_ struct cgw_policy *b = own_policy(c, URANDOM_ONLY, 0);
	_cleanup_policy_ struct cgw_policy *medium = own_policy(c, FULL_ONLY, 100);
	_cleanup_policy_ struct cgw_policy *large = own_policy(c, URANDOM_ONLY, 2000);

	return cgtest_switch("ownown", c, nodes, (struct cgw_policy *[]){ a, b, medium, large }, 4);
}

/* Of the same size and of another, with the shared program that has its storage already. */
static int so_it_is_in_turn_with_the_shared_programs(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_policy_ struct cgw_policy *own = own_policy(c, FULL_ONLY, 0);
	_cleanup_policy_ struct cgw_policy *shared = cgtest_larger_policy(c, URANDOM_ONLY, 0);
	_cleanup_policy_ struct cgw_policy *medium = cgtest_larger_policy(c, URANDOM_ONLY, 100);
	_cleanup_policy_ struct cgw_policy *larger = own_policy(c, URANDOM_ONLY, 100);
	_cleanup_policy_ struct cgw_policy *full = cgtest_larger_policy(c, FULL_ONLY, 100);
	struct cgw_policy *const policies[] = {
		own, shared, own, medium, full, larger, shared, own
	};

	return cgtest_switch("ownshared", c, nodes, policies, ARRAY_SIZE(policies));
}

static int so_it_is_in_turn_with_the_program_for_oci_nodes(void)
{
	static const char *const oci_nodes[] = { "always:/dev/null", "never:/run/kmsg",
						 "changes:/dev/zero", "changes:/dev/urandom",
						 NULL };
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_policy_ struct cgw_policy *oci = cgtest_larger_policy(c, CGTEST_OCI_NODES, 0);
	_cleanup_policy_ struct cgw_policy *own = own_policy(c, "c 1:3\nc 5:0\n", 0);
	_cleanup_policy_ struct cgw_policy *some = cgtest_larger_policy(c, "c 1:3\n", 0);
	_cleanup_policy_ struct cgw_policy *own_oci = own_policy(c, CGTEST_OCI_NODES, 0);
	struct cgw_policy *const policies[] = { oci, own, own_oci, some, oci, own_oci, own };

	CHECK_INT(cgtest_kmsg(), 0);
	return cgtest_switch("ownoci", c, oci_nodes, policies, ARRAY_SIZE(policies));
}

/* From no policy to one and back, under load: what the policy allows is never refused. */
static int populated_groups_are_adopted_without_a_gap(void)
{
	static const char *const adopt_nodes[] = { "always:/dev/null", "either:/dev/zero", NULL };
	_cleanup_top_ char *top = cgtest_new("ownadopt");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);
	_cleanup_opener_ struct cgtest_opener o = cgtest_opener_start(top, "-", adopt_nodes);
	_cleanup_free_ char *text = NULL;

	for (long i = 0, n = cgtest_scale(500); i < n; i++) {
		if (set_own(g, "c 1:3"))
			FAIL("round %ld: %s", i, cgw_strerror(c));
		CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), -EPERM);
		CHECK_INT(cgw_group_clear_devices(g), 1);
	}
	CHECK_INT(cgtest_opener_stop(&o, &text), 0);
	return TAP_PASS;
}

/* The numbers of the program that governs the group and of its map. */
static int numbers_of(struct cgw_group *g, uint32_t *ret_prog, uint32_t *ret_map)
{
	struct bpf_prog_info info = { .nr_map_ids = 1, .map_ids = (uintptr_t)ret_map };
	_cleanup_(cgw_devices_free) struct cgw_devices d = { 0 };
	_cleanup_close_ int fd = -EBADF;
	union bpf_attr attr = { 0 };

	if (cgw_group_get_devices(g, &d) || !d.own)
		return -1;
	*ret_prog = d.prog_id;
	fd = cgtest_program(d.prog_id);
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	return (int)syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
}

/* The kernel frees them in the background. */
static bool is_gone(enum bpf_cmd cmd, uint32_t id)
{
	for (int i = 0; i < CGTEST_TIMEOUT_MS / 10; i++) {
		union bpf_attr attr = { .prog_id = id }; /* or the map's, in the same place */
		int fd = (int)syscall(SYS_bpf, cmd, &attr, sizeof(attr));

		if (fd < 0)
			return errno == ENOENT;
		close(fd);
		poll(NULL, 0, 10);
	}
	return false;
}

static int nothing_is_left_of_those_replaced(void)
{
	enum { CHANGES = 100 };
	_cleanup_top_ char *top = cgtest_new("ownleak");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "a");
	uint32_t programs[CHANGES + 1], maps[CHANGES + 1];
	int i;

	for (i = 0; i < CHANGES; i++) {
		/* each third is followed by a shared one, each sixth by none */
		CHECK_INT(i % 3 == 1 ? extend(g, "c 1:3") : set_own(g, i & 1 ? "c 1:5" : "c 1:7"),
			  0);
		CHECK_INT(numbers_of(g, &programs[i], &maps[i]), 0);
		if (i % 3 == 2)
			CHECK_INT(cgtest_set_devices(g, "c 1:9"), 0);
		if (i % 6 == 5)
			CHECK_INT(cgw_group_clear_devices(g), 1);
	}
	CHECK_INT(set_own(g, "c 1:3"), 0);
	CHECK_INT(numbers_of(g, &programs[i], &maps[i]), 0);
	while (i--) {
		CHECK(programs[i] < programs[i + 1] && maps[i] < maps[i + 1]);
		CHECK(is_gone(BPF_PROG_GET_FD_BY_ID, programs[i]));
		CHECK(is_gone(BPF_MAP_GET_FD_BY_ID, maps[i]));
	}
	CHECK_STR(program_name(g), "cgward_dev_own0");
	/* and the last one goes with its group */
	CHECK_INT(cgw_group_delete(g, 0, CGTEST_TIMEOUT_MS), 0);
	CHECK(is_gone(BPF_PROG_GET_FD_BY_ID, programs[CHANGES]));
	CHECK(is_gone(BPF_MAP_GET_FD_BY_ID, maps[CHANGES]));
	return TAP_PASS;
}

static int groups_share_the_program_of_a_policy(void)
{
	_cleanup_top_ char *top = cgtest_new("ownmany");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *a = cgtest_child(c, top, "a"), *b = cgtest_child(c, top, "b");
	_cleanup_policy_ struct cgw_policy *null = own_policy(c, "c 1:3", 0);
	_cleanup_policy_ struct cgw_policy *zero = cgtest_larger_policy(c, "c 1:5", 0);
	_cleanup_agent_ struct cgtest_agent in_a = cgtest_agent_start(cgw_group_path(a));
	_cleanup_agent_ struct cgtest_agent in_b = cgtest_agent_start(cgw_group_path(b));
	uint32_t programs[4], maps[4];

	CHECK_INT(cgw_policy_load(zero), 0);
	programs[2] = zero->own->id;
	CHECK_INT(cgw_policy_load(zero), 0);
	CHECK_INT(zero->own->id, programs[2]);
	CHECK_INT(cgw_group_set_devices(a, null), 0);
	CHECK_INT(cgw_group_set_devices(b, null), 0);
	CHECK_INT(numbers_of(a, &programs[0], &maps[0]), 0);
	CHECK_INT(numbers_of(b, &programs[1], &maps[1]), 0);
	CHECK_INT(programs[0], programs[1]);
	CHECK_INT(maps[0], maps[1]);
	CHECK_INT(cgw_group_generation(a), cgw_group_generation(b));
	/* one that gets another policy, or the same again, leaves the other alone */
	CHECK_INT(cgw_group_set_devices(a, zero), 0);
	CHECK_INT(cgw_group_set_devices(a, zero), 0);
	CHECK_INT(numbers_of(a, &programs[3], &maps[3]), 0);
	CHECK_INT(programs[3], programs[2]);
	CHECK(cgw_group_generation(a) < cgw_group_generation(b));
	CHECK_STR(read_back(a), "own deny a;allow c 1:5 rwm;");
	CHECK_STR(read_back(b), "own deny a;allow c 1:3 rwm;");
	CHECK_INT(cgtest_agent_open(&in_a, "/dev/null", O_RDWR), -EPERM);
	CHECK_INT(cgtest_agent_open(&in_a, "/dev/zero", O_RDWR), 0);
	CHECK_INT(cgtest_agent_open(&in_b, "/dev/null", O_RDWR), 0);
	CHECK_INT(cgtest_agent_open(&in_b, "/dev/zero", O_RDWR), -EPERM);
	CHECK_INT(extend(b, "c 1:7"), 0);
	CHECK_STR(read_back(a), "own deny a;allow c 1:5 rwm;");
	CHECK_INT(cgw_group_set_devices(b, zero), 0);
	/* it stays as long as a group has it */
	cgw_policy_free(TAKE_PTR(zero));
	CHECK_INT(numbers_of(b, &programs[3], &maps[3]), 0);
	CHECK_INT(programs[3], programs[2]);
	CHECK_INT(cgw_group_clear_devices(b), 1);
	CHECK_STR(read_back(a), "own deny a;allow c 1:5 rwm;");
	CHECK_INT(cgw_group_clear_devices(a), 1);
	CHECK(is_gone(BPF_PROG_GET_FD_BY_ID, programs[2]));
	/* and the other as long as the policy */
	CHECK_INT(cgw_group_set_devices(a, null), 0);
	CHECK_INT(numbers_of(a, &programs[3], &maps[3]), 0);
	CHECK_INT(programs[3], programs[0]);
	CHECK_STR(read_back(a), "own deny a;allow c 1:3 rwm;");
	return TAP_PASS;
}

/* As a writer does that is killed between two steps. */
static int attach_beside(struct cgw_group *g, int prog_fd)
{
	union bpf_attr attr = { .attach_type = BPF_CGROUP_DEVICE,
				.attach_flags = BPF_F_ALLOW_MULTI,
				.attach_bpf_fd = (uint32_t)prog_fd,
				.target_fd = (uint32_t)cgw_group_fd(g) };

	return (int)syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr));
}

static int what_a_killed_writer_left_is_taken_away(void)
{
	_cleanup_top_ char *top = cgtest_new("ownkilled");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "a");
	_cleanup_policy_ struct cgw_policy *p = own_policy(c, "c 1:3", 0);
	_cleanup_policy_ struct cgw_policy *q = own_policy(c, "c 1:5", 0);

	CHECK_INT(cgw_policy_load(q), 0);
	for (unsigned int kind = FILTER; kind < N_KINDS; kind++) {
		/* the same as is wanted, then another: first and last of those attached */
		for (int i = 0; i < 4; i++) {
			CHECK_INT(cgw_group_set_devices(g, p), 0);
			CHECK_INT(attach_beside(g, c->loader->fds[cgw__pin(0, kind)]), 0);
			if (i & 1)
				CHECK_INT(attach_beside(g, q->own->fd), 0);
			CHECK_INT(cgw_group_set_devices(g, i < 2 ? p : q), 0);
			CHECK_STR(program_name(g), "cgward_dev_own0");
			CHECK_STR(read_back(g), i < 2 ? "own deny a;allow c 1:3 rwm;" :
							"own deny a;allow c 1:5 rwm;");
			CHECK_INT(cgw_group_clear_devices(g), 1);
		}
	}
	return TAP_PASS;
}

/* One sets a program of its own each time, the other a shared one. */
static int set_many(const char *top, bool own, long n)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);

	for (long i = 0; i < n; i++)
		if (own ? set_own(g, "c 1:3\nc 1:7") : cgtest_set_devices(g, "c 1:3\nc 1:9"))
			return 1;
	return 0;
}

static int concurrent_writers_take_turns(void)
{
	static const char *const writer_nodes[] = { "always:/dev/null", "never:/dev/zero",
						    "either:/dev/full", "either:/dev/urandom",
						    NULL };
	_cleanup_top_ char *top = cgtest_new("ownwriters");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_opener_ struct cgtest_opener o = { 0 };
	_cleanup_free_ char *text = NULL;
	long n = cgtest_scale(1000);
	const char *last;
	pid_t pids[4];

	CHECK_INT(set_own(g, "c 1:3"), 0);
	o = cgtest_opener_start(top, "-", writer_nodes);
	for (int i = 0; i < 4; i++) {
		pids[i] = cgtest_fork();
		if (!pids[i])
			_exit(set_many(top, i & 1, n));
	}
	for (int i = 0; i < 4; i++)
		CHECK_INT(cgtest_reap(pids[i]), 0);
	if (cgtest_opener_stop(&o, &text))
		FAIL("%s", text);
	last = read_back(g);
	if (!strncmp(last, "own ", 4)) {
		CHECK_STR(last, "own deny a;allow c 1:3 rwm;allow c 1:7 rwm;");
		CHECK_STR(program_name(g), "cgward_dev_own0");
	} else {
		CHECK_STR(last, "deny a;allow c 1:3 rwm;allow c 1:9 rwm;");
		CHECK_STR(program_name(g), "cgward_dev0");
	}
	return TAP_PASS;
}

static int writers_lose_no_rule(void)
{
	_cleanup_top_ char *top = cgtest_new("ownrules");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_(cgw_devices_free) struct cgw_devices d = { 0 };
	pid_t pids[4];

	CHECK_INT(set_own(g, "deny a"), 0);
	for (int i = 0; i < 4; i++) {
		pids[i] = cgtest_fork();
		if (!pids[i]) {
			struct cgw *mine = cgtest_context();
			struct cgw_group *same = cgtest_open(mine, top);
			int err = 0;

			for (int j = 0; j < 10 && !err; j++) {
				char rule[32];

				snprintf(rule, sizeof(rule), "c %d:%d r", 100 + i, j);
				err = extend(same, rule);
			}
			_exit(err ? 1 : 0);
		}
	}
	for (int i = 0; i < 4; i++)
		CHECK_INT(cgtest_reap(pids[i]), 0);
	CHECK_INT(cgw_group_get_devices(g, &d), 0);
	CHECK(d.own);
	CHECK_INT(d.policy->value->entries, 40);
	CHECK_INT(d.policy->value->size_class, 1);
	CHECK_STR(program_name(g), "cgward_dev_own1");
	return TAP_PASS;
}

static int filters_of_others_are_replaced_only_when_told_to(void)
{
	_cleanup_top_ char *top = cgtest_new("ownforeign");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_policy_ struct cgw_policy *policy = own_policy(c, "c 1:3", 0);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);

	CHECK_INT(cgtest_foreign(g, "other", 0), 0);
	CHECK_INT(cgw_group_set_devices(g, policy), 0);
	CHECK_STR(program_name(g), "several");
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), -EPERM);
	CHECK_INT(cgw_group_replace_foreign(g, policy), 0);
	CHECK_STR(program_name(g), "cgward_dev_own0");
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), -EPERM);
	return TAP_PASS;
}

/* It uses no pins: they may go, and come again. */
static int pins_are_not_needed(void)
{
	_cleanup_top_ char *top = cgtest_new("ownpins");
	_cleanup_ctx_ struct cgw *c = cgtest_context(), *later = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *again = NULL;
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);

	/* the shared program's storage is there as well */
	CHECK_INT(cgtest_set_devices(g, "c 1:5"), 0);
	CHECK_INT(set_own(g, "c 1:3"), 0);
	CHECK_INT(cgw_unload(c, 0), 1);
	CHECK(access("/sys/fs/bpf/cgward", F_OK) < 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), -EPERM);
	again = cgtest_open(later, top);
	CHECK_STR(read_back(again), "own deny a;allow c 1:3 rwm;");
	CHECK_INT(cgtest_set_devices(again, "c 1:7"), 0);
	CHECK_STR(program_name(again), "cgward_dev0");
	CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_RDWR), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), -EPERM);
	return TAP_PASS;
}

/* A context that has loaded all else, and then may load nothing more. */
static int set_without_capabilities(void *arg)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, arg, "a");
	_cleanup_policy_ struct cgw_policy *p = cgtest_policy(c, "c 1:3");
	cap_t none = cap_init();

	if (cgtest_set_devices(g, "c 1:3"))
		return 100;
	g->fresh = true; /* nobody is asked what is attached */
	if (!none || cap_set_proc(none) < 0)
		return 101;
	cap_free(none);
	if (set_own(g, "c 1:5") != -EPERM)
		return 1;
	/* a policy that could not be loaded is one of those that share a program, as before */
	if (cgw_policy_load(p) != -EPERM || p->value->flags & CGW_POLICY_OWN)
		return 3;
	return strstr(cgw_strerror(c), "CAP_BPF is missing") ? 0 : 2;
}

static int missing_capability_is_named(void)
{
	_cleanup_top_ char *top = cgtest_new("owncaps");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = NULL;
	char path[200];

	CHECK_INT(cgtest_in_child(set_without_capabilities, top), 0);
	snprintf(path, sizeof(path), "%s/a", top);
	g = cgtest_open(c, path);
	CHECK_STR(read_back(g), "deny a;allow c 1:3 rwm;");
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(new_group_has_its_own_program_when_the_first_process_enters),
	T(others_read_extend_and_replace_it),
	T(groups_below_are_governed_too),
	T(one_takes_the_place_of_another_without_a_gap),
	T(so_it_is_in_turn_with_the_shared_programs),
	T(so_it_is_in_turn_with_the_program_for_oci_nodes),
	T(populated_groups_are_adopted_without_a_gap),
	T(nothing_is_left_of_those_replaced),
	T(groups_share_the_program_of_a_policy),
	T(what_a_killed_writer_left_is_taken_away),
	T(concurrent_writers_take_turns),
	T(writers_lose_no_rule),
	T(filters_of_others_are_replaced_only_when_told_to),
	T(pins_are_not_needed),
	T(missing_capability_is_named),
};

CGTEST_DEVICE_MAIN(tests)

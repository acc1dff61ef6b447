// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The device program is loaded once and shared through bpffs, which others can write to. */
#include <dirent.h>
#include <signal.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "cgtest.h"

#define PINS "/sys/fs/bpf/cgward"
#define NOBODY 65534

/* The program that governs the group, 0 for none. */
static uint32_t program_of(struct cgw_group *g)
{
	_cleanup_(cgw_devices_free) struct cgw_devices d = { 0 };

	return cgw_group_get_devices(g, &d) ? 0 : d.prog_id;
}

/* Begin as after a boot: no pins. */
static void remove_pins(void)
{
	char *pins = strdup(PINS);

	cgtest_rmtree(&pins);
	unlink(PINS);
}

/* The only directory in PINS, beside the lock; "" where there are none or several. */
static void abi_dir(char path[300])
{
	DIR *dir = opendir(PINS);
	const struct dirent *entry;
	int n = 0;

	path[0] = '\0';
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "lock") && ++n == 1)
			snprintf(path, 300, PINS "/%s", entry->d_name);
	if (n != 1)
		path[0] = '\0';
	if (dir)
		closedir(dir);
}

static bool is_private_dir(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0700 &&
	       !st.st_uid;
}

struct heard {
	char warnings[1024];
};

static void hear(enum cgw_log_level level, const char *message, void *arg)
{
	struct heard *h = arg;
	size_t len = strlen(h->warnings);

	if (level <= CGW_LOG_WARNING)
		snprintf(h->warnings + len, sizeof(h->warnings) - len, "%s\n", message);
}

static int second_process_uses_the_same_program(void)
{
	_cleanup_top_ char *top = cgtest_new("share");
	_cleanup_ctx_ struct cgw *c = cgtest_context(), *second = cgtest_context();
	_cleanup_group_ struct cgw_group *a = cgtest_child(c, top, "a");
	_cleanup_group_ struct cgw_group *b = cgtest_child(second, top, "b");
	struct heard h = { "" };
	mode_t before = umask(0);
	char dir[300], path[400];

	remove_pins();
	cgw_set_log(c, hear, &h);
	cgw_set_log(second, hear, &h);
	CHECK_INT(cgtest_set_devices(a, "c 1:3"), 0);
	umask(before);
	CHECK(is_private_dir(PINS));
	abi_dir(dir);
	CHECK(is_private_dir(dir));
	CHECK_INT(strlen(dir), strlen(PINS) + 1 + 16);
	for (size_t i = 0; i < 3; i++) {
		static const char *const names[] = { "policies0", "filter1", "adopter2" };

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		CHECK(!access(path, F_OK));
	}
	CHECK_INT(cgtest_set_devices(b, "c 1:5"), 0);
	CHECK(program_of(a) && program_of(a) == program_of(b));
	CHECK_STR(h.warnings, "");
	return TAP_PASS;
}

static int pass_over(const struct cgw_probe *p, void *arg)
{
	(void)p;
	(void)arg;
	return 0;
}

static int entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = -2; /* "." and ".." */

	for (; dir && readdir(dir); n++)
		continue;
	if (dir)
		closedir(dir);
	return n;
}

static int looking_around_leaves_no_pins_and_keeps_nobody_from_it(void)
{
	_cleanup_top_ char *top = cgtest_new("around");
	_cleanup_ctx_ struct cgw *c = cgtest_context(), *second = cgtest_context();
	_cleanup_group_ struct cgw_group *a = cgtest_child(c, top, "a");
	_cleanup_group_ struct cgw_group *b = cgtest_child(second, top, "b");
	_cleanup_policy_ struct cgw_policy *p = cgtest_policy(c, "c 1:3");

	remove_pins();
	CHECK_INT(cgw_probe(c, pass_over, NULL), 0);
	CHECK(access(PINS, F_OK) < 0);
	/* that makes the directory, and leaves it empty */
	CHECK_INT(cgw_policy_load(p), 0);
	CHECK_INT(cgw_probe(c, pass_over, NULL), 0);
	CHECK_INT(entries(PINS), 0);
	CHECK_INT(cgtest_set_devices(a, "c 1:3"), 0);
	CHECK_INT(cgw_probe(c, pass_over, NULL), 0);
	CHECK_INT(cgtest_set_devices(b, "c 1:5"), 0);
	CHECK(program_of(a) && program_of(a) == program_of(b));
	CHECK_INT(cgtest_set_devices(a, "c 1:5"), 0);
	return TAP_PASS;
}

static int first_users_at_the_same_time_agree_on_one_program(void)
{
	enum { USERS = 8 };
	_cleanup_top_ char *top = cgtest_new("race");
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (long round = 0, n = cgtest_scale(20); round < n; round++) {
		pid_t pids[USERS];
		uint32_t id = 0;
		char name[16];

		remove_pins();
		for (int i = 0; i < USERS; i++) {
			snprintf(name, sizeof(name), "%ld-%d", round, i);
			cgw_group_close(cgtest_child(c, top, name));
		}
		for (int i = 0; i < USERS; i++) {
			pids[i] = cgtest_fork();
			if (!pids[i]) {
				struct cgw *own = cgtest_context();

				snprintf(name, sizeof(name), "%ld-%d", round, i);
				_exit(cgtest_set_devices(cgtest_child(own, top, name), "c 1:3"));
			}
		}
		for (int i = 0; i < USERS; i++)
			CHECK_INT(cgtest_reap(pids[i]), 0);
		for (int i = 0; i < USERS; i++) {
			_cleanup_group_ struct cgw_group *g = NULL;

			snprintf(name, sizeof(name), "%ld-%d", round, i);
			g = cgtest_child(c, top, name);
			CHECK(program_of(g) && (!id || program_of(g) == id));
			id = program_of(g);
		}
	}
	return TAP_PASS;
}

/* Set a policy with the pin directory as it is; it must work, unshared, with this warning. */
static int works_unshared(const char *what, const char *warning)
{
	_cleanup_top_ char *top = cgtest_new(what);
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);
	struct heard h = { "" };

	cgw_set_log(c, hear, &h);
	if (cgtest_set_devices(g, "c 1:3"))
		FAIL("%s: %s", what, cgw_strerror(c));
	CHECK_HAS(h.warnings, warning);
	CHECK_HAS(h.warnings, "unshared");
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), -EPERM);
	CHECK_INT(cgtest_set_devices(g, "c 1:5"), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), 0);
	CHECK_INT(cgw_group_clear_devices(g), 1);
	return TAP_PASS;
}

static int is_empty(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int n = 0;

	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return !n;
}

static int directories_of_others_are_not_used(void)
{
	static const struct {
		const char *name;
		uid_t owner;
		mode_t mode;
		const char *warning;
	} cases[] = {
		{ "owner", NOBODY, 0700, "owner 65534" },
		{ "mode", 0, 0777, "mode 0777" },
		{ "readable", 0, 0755, "mode 0755" },
		{ "sticky", 0, 01777, "mode 1777" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		remove_pins();
		CHECK(!mkdir(PINS, 0700) && !chmod(PINS, cases[i].mode) &&
		      !chown(PINS, cases[i].owner, 0));
		if (works_unshared(cases[i].name, cases[i].warning) != TAP_PASS)
			FAIL("%s", cases[i].name);
		CHECK(is_empty(PINS));
	}
	remove_pins();
	return TAP_PASS;
}

static int directory_of_this_build_is_checked_as_well(void)
{
	_cleanup_top_ char *top = cgtest_new("abi");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	char dir[300];

	remove_pins();
	CHECK_INT(cgtest_set_devices(g, "c 1:3"), 0);
	abi_dir(dir);
	CHECK(dir[0] && !chown(dir, NOBODY, NOBODY));
	CHECK_INT(works_unshared("abiowner", "owner 65534"), TAP_PASS);
	remove_pins();
	return TAP_PASS;
}

static int links_in_place_of_the_directory_are_not_followed(void)
{
	remove_pins();
	CHECK(!mkdir("/sys/fs/bpf/elsewhere", 0700));
	CHECK(!symlink("elsewhere", PINS));
	CHECK_INT(works_unshared("link", "cannot use " PINS), TAP_PASS);
	CHECK(is_empty("/sys/fs/bpf/elsewhere"));
	CHECK(!unlink(PINS) && !rmdir("/sys/fs/bpf/elsewhere"));
	return TAP_PASS;
}

static int without_bpffs(void *arg)
{
	(void)arg;
	if (unshare(CLONE_NEWNS) < 0 || mount("tmpfs", "/sys/fs/bpf", "tmpfs", 0, NULL) < 0)
		return 100;
	if (works_unshared("nobpffs", "no bpffs on /sys/fs/bpf") != TAP_PASS)
		return 1;
	return is_empty("/sys/fs/bpf") ? 0 : 2;
}

static int it_works_without_bpffs(void)
{
	CHECK_INT(cgtest_in_child(without_bpffs, NULL), 0);
	return TAP_PASS;
}

static int it_works_with_a_read_only_bpffs(void)
{
	_cleanup_top_ char *top = cgtest_new("pinned");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);

	for (int pinned = 0; pinned < 2; pinned++) {
		int result;

		remove_pins();
		CHECK(!mkdir(PINS, 0700));
		CHECK_INT(pinned ? cgtest_set_devices(g, "c 1:3") : 0, 0);
		CHECK(!mount(NULL, "/sys/fs/bpf", NULL, MS_REMOUNT | MS_RDONLY, NULL));
		result = works_unshared("readonly", "Read-only file system");
		CHECK(!mount(NULL, "/sys/fs/bpf", NULL, MS_REMOUNT, NULL));
		CHECK_INT(result, TAP_PASS);
	}
	return TAP_PASS;
}

/* Pins that a killed loader left incomplete are made anew; old policies stay and are taken over. */
static int incomplete_pins_are_replaced(void)
{
	static const char *const names[] = { "policies0", "filter1", "adopter2" };
	_cleanup_top_ char *top = cgtest_new("partial");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_ctx_ struct cgw *c = cgtest_context(), *second = cgtest_context();
		_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, names[i]);
		_cleanup_group_ struct cgw_group *again = cgtest_open(second, cgw_group_path(g));
		_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(cgw_group_path(g));
		char dir[300], path[400];
		uint32_t id;

		remove_pins();
		CHECK_INT(cgtest_set_devices(g, "c 1:3"), 0);
		id = program_of(g);
		abi_dir(dir);
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		CHECK(!unlink(path));
		CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), -EPERM);
		CHECK_INT(cgtest_set_devices(again, "c 1:5"), 0);
		CHECK(!access(path, F_OK));
		CHECK(program_of(again) && program_of(again) != id);
		CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), 0);
		CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), -EPERM);
	}
	return TAP_PASS;
}

static int unload_refuses_while_groups_use_it(void)
{
	_cleanup_top_ char *top = cgtest_new("unload");
	_cleanup_ctx_ struct cgw *c = cgtest_context(), *second = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "a");
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(cgw_group_path(g));

	remove_pins();
	CHECK_INT(cgw_unload(second, 0), 0);
	CHECK_INT(cgtest_set_devices(g, "c 1:3"), 0);
	CHECK_INT(cgw_unload(second, 0), -EBUSY);
	CHECK_HAS(cgw_strerror(second), cgw_group_path(g));
	CHECK_HAS(cgw_strerror(second), "1 group uses");
	CHECK_HAS(cgw_hint(second), "devices clear");
	CHECK(!access(PINS, F_OK));
	CHECK_INT(cgw_unload(second, CGW_UNLOAD_FORCE), 1);
	CHECK(access(PINS, F_OK) < 0);
	/* the policy is in force all the same, and can be read and replaced */
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), -EPERM);
	CHECK(program_of(g));
	{
		_cleanup_ctx_ struct cgw *third = cgtest_context();
		_cleanup_group_ struct cgw_group *again = cgtest_open(third, cgw_group_path(g));

		CHECK_INT(cgtest_set_devices(again, "c 1:5"), 0);
		CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), 0);
		CHECK_INT(cgw_group_clear_devices(again), 1);
		CHECK_INT(cgw_unload(third, 0), 1);
	}
	CHECK(access(PINS, F_OK) < 0);
	return TAP_PASS;
}

static int removed_groups_do_not_keep_it_loaded(void)
{
	_cleanup_top_ char *top = cgtest_new("unloadgone");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "a");

	remove_pins();
	CHECK_INT(cgtest_set_devices(g, "c 1:3"), 0);
	CHECK_INT(cgw_group_delete(g, 0, CGTEST_TIMEOUT_MS), 0);
	CHECK_INT(cgw_unload(c, 0), 1);
	CHECK(access(PINS, F_OK) < 0);
	return TAP_PASS;
}

enum { POLICIES = 8 };

/*
 * Policies of two sizes, with and without the shortcut, for shared programs and then for those
 * of a group's own: null is in all.
 */
static void make_policies(struct cgw *c, struct cgw_policy *policies[POLICIES])
{
	static const char *const texts[] = { "c 1:3\nc 1:7\n", CGTEST_OCI_NODES, "c 1:3\nc 1:9\n",
					     CGTEST_OCI_NODES };

	for (int i = 0; i < POLICIES; i++) {
		policies[i] = cgtest_larger_policy(c, texts[i % 4], i % 4 > 1 ? 100 : 0);
		cgw_policy_set_own(policies[i], i >= 4);
	}
}

/* A writer that never stops, in another process. */
static pid_t start_writer(const char *group)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	pid = cgtest_fork();
	if (!pid) {
		struct cgw *c = cgtest_context();
		struct cgw_group *g = cgtest_open(c, group);
		struct cgw_policy *policies[POLICIES];

		make_policies(c, policies);
		for (int i = 0;; i++) {
			if (i == 1 && write(ready[1], "x", 1) != 1)
				_exit(1);
			if (i % 11 == 10 && cgw_group_clear_devices(g) < 0)
				_exit(2);
			if (cgw_group_set_devices(g, policies[i * 3 % POLICIES]) < 0)
				_exit(3);
		}
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

/*
 * After the kill: no policy, or one of them, or two at once of which both must allow; the
 * devices behave as check says, and the next writer can go on from there.
 */
static int is_consistent(const char *top, struct cgtest_agent *a)
{
	static const char *const nodes[] = { "/dev/null", "/dev/full", "/dev/urandom", "/dev/zero" };
	static const uint32_t minors[] = { 3, 7, 9, 5 };
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		struct cgw_check check;

		if (cgw_group_check_device(g, CGW_DEVICE_CHAR, 1, minors[i], 6, &check))
			FAIL("%s", cgw_strerror(c));
		CHECK(i || check.verdict == CGW_VERDICT_ALLOW);
		CHECK_INT(cgtest_agent_open(a, nodes[i], O_RDWR),
			  check.verdict == CGW_VERDICT_ALLOW ? 0 : -EPERM);
	}
	CHECK_INT(cgtest_set_devices(g, "c 1:3\nc 1:7"), 0);
	CHECK_INT(cgtest_agent_open(a, "/dev/full", O_RDWR), 0);
	CHECK_INT(cgtest_agent_open(a, "/dev/urandom", O_RDWR), -EPERM);
	return TAP_PASS;
}

static int killed_writers_leave_the_old_or_the_new_policy(void)
{
	_cleanup_top_ char *top = cgtest_new("killed");
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);
	unsigned int random = 1;

	for (long i = 0, n = cgtest_scale(300); i < n; i++) {
		pid_t pid;

		if (i % 10 == 0)
			remove_pins();
		pid = start_writer(top);
		CHECK(pid > 0);
		random = random * 1103515245 + 12345;
		usleep(random >> 16 & 1023);
		CHECK_INT(cgtest_end(pid), SIGKILL);
		if (is_consistent(top, &a) != TAP_PASS)
			FAIL("round %ld", i);
	}
	return TAP_PASS;
}

static int killed_first_loaders_block_nobody(void)
{
	_cleanup_top_ char *top = cgtest_new("loader");
	unsigned int random = 1;

	for (long i = 0, n = cgtest_scale(100); i < n; i++) {
		_cleanup_ctx_ struct cgw *c = cgtest_context();
		_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
		struct heard h = { "" };
		pid_t pid;

		remove_pins();
		pid = cgtest_fork();
		if (!pid) {
			struct cgw *own = cgtest_context();

			_exit(cgtest_set_devices(cgtest_open(own, top), "c 1:5") < 0);
		}
		random = random * 1103515245 + 12345;
		usleep(random >> 16 & 4095);
		cgtest_end(pid);
		cgw_set_log(c, hear, &h);
		if (cgtest_set_devices(g, "c 1:3") < 0)
			FAIL("round %ld: %s", i, cgw_strerror(c));
		CHECK_STR(h.warnings, "");
		CHECK(is_private_dir(PINS));
	}
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(second_process_uses_the_same_program),
	T(looking_around_leaves_no_pins_and_keeps_nobody_from_it),
	T(first_users_at_the_same_time_agree_on_one_program),
	T(directories_of_others_are_not_used),
	T(directory_of_this_build_is_checked_as_well),
	T(links_in_place_of_the_directory_are_not_followed),
	T(it_works_without_bpffs),
	T(it_works_with_a_read_only_bpffs),
	T(incomplete_pins_are_replaced),
	T(unload_refuses_while_groups_use_it),
	T(removed_groups_do_not_keep_it_loaded),
	T(killed_writers_leave_the_old_or_the_new_policy),
	T(killed_first_loaders_block_nobody),
};

CGTEST_DEVICE_MAIN(tests)

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Devices that are used, learned; what was learned, in force; and the same again. */
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cgtest.h"

#define _cleanup_learn_ _cleanup_(free_learn)

static void free_learn(struct cgw_learn **l)
{
	cgw_learn_free(*l);
}

static struct cgw_learn *learn(struct cgw *c, struct cgw_group *g, size_t max_uses)
{
	const struct cgw_learn_opts opts = { .sz = sizeof(opts),
					     .groups = &g,
					     .n_groups = 1,
					     .max_uses = max_uses };
	struct cgw_learn *l = NULL;

	if (cgw_learn_new(c, &opts, &l))
		cgtest_bail("%s", cgw_strerror(c));
	return l;
}

/* "c 1:3 rw +2 -0; " and so on; lives until the next call. */
static const char *uses_of(struct cgw_learn *l)
{
	_cleanup_free_ struct cgw_use *uses = NULL;
	ssize_t n = cgw_learn_read(l, &uses, NULL);
	static char text[2048];
	size_t len = 0;

	text[0] = '\0';
	for (ssize_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%c %u:%u %s%s%s +%lu -%lu; ",
					uses[i].type == CGW_DEVICE_BLOCK ? 'b' : 'c', uses[i].major,
					uses[i].minor, uses[i].access & CGW_DEVICE_READ ? "r" : "",
					uses[i].access & CGW_DEVICE_WRITE ? "w" : "",
					uses[i].access & CGW_DEVICE_MKNOD ? "m" : "",
					(unsigned long)uses[i].allowed,
					(unsigned long)uses[i].denied);
	return text;
}

static int uses_are_counted(void)
{
	_cleanup_top_ char *top = cgtest_new("uses");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "g"), *z = cgtest_child(c, top, "z"),
					 *below = cgtest_child(c, cgw_group_path(g), "below");
	_cleanup_learn_ struct cgw_learn *l = learn(c, g, 0);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(cgw_group_path(below)),
					    other = cgtest_agent_start(cgw_group_path(z));
	_cleanup_free_ char *node = NULL;

	CHECK(asprintf(&node, "%s/node", dir) > 0);
	CHECK_STR(uses_of(l), "");
	CHECK_INT(cgtest_set_devices(g, "allow a\ndeny c 1:7 w"), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDONLY), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_WRONLY), -EPERM);
	CHECK_INT(cgtest_agent_open(&a, "/dev/full", O_RDONLY), 0);
	CHECK_INT(cgtest_agent_access(&a, "/dev/zero", F_OK), 0);
	CHECK_INT(cgtest_agent_mknod(&a, node, S_IFBLK | 0600, makedev(7, 99)), 0);
	CHECK_INT(cgtest_agent_open(&other, "/dev/zero", O_RDONLY), 0);
	CHECK_STR(uses_of(l), "b 7:99 m +1 -0; c 1:3 r +1 -0; c 1:3 rw +2 -0; c 1:5  +1 -0; "
			      "c 1:7 r +1 -0; c 1:7 w +0 -1; ");
	return TAP_PASS;
}

static int a_full_table_is_told(void)
{
	_cleanup_top_ char *top = cgtest_new("full");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_learn_ struct cgw_learn *l = learn(c, g, 2);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);
	_cleanup_free_ struct cgw_use *uses = NULL;
	const struct cgw_learn_opts opts = { .sz = sizeof(opts),
					     .max_uses = CGW_LEARN_MAX_USES + 1 };
	struct cgw_learn *more;
	uint64_t missed = 0;

	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDONLY), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_WRONLY), 0);
	for (int i = 0; i < 5; i++)
		CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDONLY), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_WRONLY), 0);
	CHECK_INT(cgw_learn_read(l, &uses, &missed), 2);
	CHECK_INT(missed, 5);
	CHECK_INT(uses[1].allowed, 2);
	CHECK_INT(cgw_learn_new(c, &opts, &more), -E2BIG);
	return TAP_PASS;
}

struct job {
	const char *group;
	const char *dir; /* for nodes of its own */
};

static int try_node(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return errno == EPERM;
	close(fd);
	return 0;
}

/* A terminal of its own; none where there is no devpts. */
static int use_terminal(void)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	const char *name;

	if (fd < 0)
		return errno == EPERM;
	if (!grantpt(fd) && !unlockpt(fd) && (name = ptsname(fd)))
		return try_node(name, O_RDWR);
	return errno == EPERM;
}

/* Enter the group and use devices. Return: how many denials there were. */
static int use_devices(void *arg)
{
	static const struct {
		const char *name;
		mode_t type;
		int major, minor, flags;
	} nodes[] = {
		{ "null", S_IFCHR, 1, 3, O_RDWR },   { "zero", S_IFCHR, 1, 5, O_RDONLY },
		{ "full", S_IFCHR, 1, 7, O_WRONLY }, { "random", S_IFCHR, 1, 8, O_RDONLY },
		{ "none", S_IFCHR, 250, 77, O_RDWR }, { "disk", S_IFBLK, 250, 77, O_RDONLY },
	};
	const struct job *job = arg;
	int denied = 0;
	char path[300];

	if (cgtest_write(job->group, "cgroup.procs", "0"))
		return 99;
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		snprintf(path, sizeof(path), "%s/%s", job->dir, nodes[i].name);
		if (mknod(path, nodes[i].type | 0600, makedev(nodes[i].major, nodes[i].minor)) < 0)
			denied += errno == EPERM;
		denied += try_node(path, nodes[i].flags);
		unlink(path);
	}
	denied += access("/dev/zero", F_OK) < 0;
	denied += try_node("/dev/null", O_WRONLY) + try_node("/dev/full", O_RDONLY);
	return denied + use_terminal() + use_terminal();
}

/* A directory where nodes work, which not each /tmp is. */
static char *node_dir(void)
{
	char *dir = cgtest_tmpdir();

	if (mount("tmpfs", dir, "tmpfs", 0, NULL))
		cgtest_bail("cannot mount a tmpfs");
	return dir;
}

static void free_node_dir(char **dir)
{
	umount2(*dir, MNT_DETACH);
	cgtest_rmtree(dir);
}

static int what_was_learned_is_enough(void)
{
	_cleanup_top_ char *top = cgtest_new("again");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_(free_node_dir) char *dir = node_dir();
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "g");
	_cleanup_rules_ struct cgw_rules *rules = NULL, *again = NULL;
	_cleanup_free_ struct cgw_use *uses = NULL, *later = NULL;
	_cleanup_policy_ struct cgw_policy *policy = NULL;
	struct job job = { cgw_group_path(g), dir };
	struct cgw_learn *l = learn(c, g, 0);
	ssize_t n;

	CHECK_INT(cgtest_in_child(use_devices, &job), 0);
	n = cgw_learn_read(l, &uses, NULL);
	cgw_learn_free(l);
	CHECK(n > 10);
	CHECK_INT(cgw_learn_rules(c, NULL, uses, (size_t)n, 0, &rules), 0);
	CHECK_INT(cgw_policy_compile(rules, CGW_SEMANTICS_ORDERED, &policy), 0);
	CHECK_INT(cgw_group_set_devices(g, policy), 0);
	l = learn(c, g, 0);
	CHECK_INT(cgtest_in_child(use_devices, &job), 0);
	n = cgw_learn_read(l, &later, NULL);
	cgw_learn_free(l);
	for (ssize_t i = 0; i < n; i++)
		CHECK_INT(later[i].denied, 0);
	CHECK_INT(cgw_learn_rules(c, NULL, later, (size_t)n, 0, &again), 0);
	CHECK(cgtest_same_rules(rules, again));
	return TAP_PASS;
}

static int use_a_terminal(void *arg)
{
	const struct job *job = arg;

	return cgtest_write(job->group, "cgroup.procs", "0") ? 99 : use_terminal();
}

static int terminals_become_a_wildcard(void)
{
	_cleanup_top_ char *top = cgtest_new("terminal");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_learn_ struct cgw_learn *l = NULL;
	_cleanup_rules_ struct cgw_rules *rules = NULL;
	_cleanup_free_ struct cgw_use *uses = NULL;
	struct job job = { .group = top };
	char text[CGW_RULE_TEXT_MAX];
	ssize_t n;

	if (access("/dev/pts/ptmx", F_OK) < 0)
		return tap_skip("no devpts here");
	l = learn(c, g, 0);
	CHECK_INT(cgtest_in_child(use_a_terminal, &job), 0);
	n = cgw_learn_read(l, &uses, NULL);
	CHECK(n > 1);
	CHECK_INT(cgw_learn_rules(c, NULL, uses, (size_t)n, 0, &rules), 0);
	CHECK_STR(cgw_rule_format(cgw_rules_at(rules, 0), text), "allow c 136:* rw");
	CHECK_STR(cgw_rule_format(cgw_rules_at(rules, 1), text), "allow c 5:2 rw");
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(uses_are_counted),
	T(a_full_table_is_told),
	T(what_was_learned_is_enough),
	T(terminals_become_a_wildcard),
};

CGTEST_DEVICE_MAIN(tests)

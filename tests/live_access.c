// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What may not be changed: a read-only cgroupfs, and groups of somebody else. */
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>

#include "cgtest.h"

#define NOBODY 65534

/* Everything that changes something, on a cgroupfs that is mounted read-only. */
static int change_read_only(void *arg)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, arg);
	struct cgw_group *none;
	pid_t self = 0;
	char path[200];
	int errs[5];

	snprintf(path, sizeof(path), "%s/x", (char *)arg);
	errs[0] = cgw_group_create(c, path, NULL, &none);
	if (!strstr(cgw_strerror(c), "read-only") || !cgw_hint(c))
		return 10;
	errs[1] = cgw_group_write(g, "cgroup.max.depth", "5");
	errs[2] = cgw_group_attach(g, &self, 1);
	errs[3] = cgw_group_delete(g, 0, 0);
	errs[4] = cgw_group_freeze(&g, 1, 100);
	for (int i = 0; i < 5; i++)
		if (errs[i] != -EROFS)
			return 20 + i;
	return strstr(cgw_strerror(c), "is mounted read-only") ? 0 : 11;
}

static int with_read_only_mount(void *arg)
{
	unsigned long bind = MS_BIND | MS_REC;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 101;
	if (mount(cgtest_mount(), cgtest_mount(), NULL, bind, NULL) < 0 ||
	    mount(NULL, cgtest_mount(), NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		return 100;
	return change_read_only(arg);
}

static int read_only_cgroupfs_is_told_from_lack_of_privilege(void)
{
	_cleanup_top_ char *top = cgtest_new("readonly");
	int status;

	status = cgtest_in_child(with_read_only_mount, top);
	if (status == 101)
		return tap_skip("no private mount namespace (a chroot whose root is no mount)");
	CHECK_INT(status, 0);
	CHECK(cgtest_exists(top));
	return TAP_PASS;
}

static int change_as_nobody(void *arg)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	struct cgw_group *g, *none;
	char path[200];

	if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		return 100;
	g = cgtest_open(c, arg);
	snprintf(path, sizeof(path), "%s/x", (char *)arg);
	if (cgw_group_create(c, path, NULL, &none) != -EACCES)
		return 1;
	if (!cgw_hint(c) || !strstr(cgw_hint(c), "belongs to uid 0") ||
	    !strstr(cgw_hint(c), "CAP_DAC_OVERRIDE"))
		return 2;
	if (cgw_group_write(g, "cgroup.max.depth", "5") != -EACCES || !cgw_hint(c))
		return 3;
	if (cgw_group_delete(g, 0, 0) != -EACCES && cgw_group_delete(g, 0, 0) != -EPERM)
		return 4;
	if (cgw_group_kill(g, 0) != -EACCES || !strstr(cgw_hint(c) ? cgw_hint(c) : "", "uid 0"))
		return 5;
	cgw_group_close(g);
	return 0;
}

static int lack_of_privilege_names_owner_and_capability(void)
{
	_cleanup_top_ char *top = cgtest_new("nobody");

	CHECK_INT(cgtest_in_child(change_as_nobody, top), 0);
	CHECK(cgtest_exists(top));
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(read_only_cgroupfs_is_told_from_lack_of_privilege),
	T(lack_of_privilege_names_owner_and_capability),
};

CGTEST_LIVE_MAIN(tests)

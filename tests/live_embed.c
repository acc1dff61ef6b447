// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* As a runtime uses the library: its own load of the skeleton, its own descriptor of a group. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cgtest.h"
#include "device.skel.h"

static void destroy(struct cgw_device_bpf **skel)
{
	cgw_device_bpf__destroy(*skel);
}

static uint32_t id_of(int prog_fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(prog_fd, &info, &len) ? 0 : info.id;
}

static int callers_programs_are_used(void)
{
	_cleanup_(destroy) struct cgw_device_bpf *skel = cgw_device_bpf__open_and_load();
	_cleanup_top_ char *top = cgtest_new("embed");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);
	_cleanup_(cgw_devices_free) struct cgw_devices d = { 0 };
	struct cgw_device_programs programs;

	CHECK(skel);
	programs = (struct cgw_device_programs)CGW_DEVICE_PROGRAMS(skel);
	CHECK_INT(cgw_use_device_programs(c, &programs), 0);
	CHECK_INT(cgtest_set_devices(g, "c 1:3"), 0);
	CHECK_INT(cgw_group_get_devices(g, &d), 0);
	CHECK_INT(d.prog_id, id_of(programs.filters[0]));
	CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), -EPERM);
	/* they are this context's for good */
	CHECK_INT(cgw_use_device_programs(c, &programs), -EBUSY);
	CHECK_INT(cgtest_set_devices(g, "c 1:5"), 0);
	CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), 0);
	/* nothing was pinned for them: the directory is there for the lock */
	CHECK(!unlink("/sys/fs/bpf/cgward/lock"));
	CHECK(!rmdir("/sys/fs/bpf/cgward"));
	return TAP_PASS;
}

/* The library has the instructions of a group's own program itself. */
static int own_programs_are_had_beside_the_callers(void)
{
	_cleanup_(destroy) struct cgw_device_bpf *skel = cgw_device_bpf__open_and_load();
	_cleanup_top_ char *top = cgtest_new("embedown");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);
	_cleanup_policy_ struct cgw_policy *p = cgtest_policy(c, "c 1:3");
	struct cgw_device_programs programs;

	CHECK(skel);
	programs = (struct cgw_device_programs)CGW_DEVICE_PROGRAMS(skel);
	CHECK_INT(cgw_use_device_programs(c, &programs), 0);
	for (int i = 0; i < 4; i++) {
		_cleanup_(cgw_devices_free) struct cgw_devices d = { 0 };

		cgw_policy_set_own(p, i & 1);
		CHECK_INT(cgw_group_set_devices(g, p), 0);
		CHECK_INT(cgw_group_get_devices(g, &d), 0);
		CHECK_INT(d.own, i & 1);
		CHECK_INT(d.prog_id == id_of(programs.filters[0]), !d.own);
		CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), 0);
		CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), -EPERM);
	}
	return TAP_PASS;
}

static int other_programs_are_refused(void)
{
	_cleanup_(destroy) struct cgw_device_bpf *skel = cgw_device_bpf__open_and_load();
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	struct cgw_device_programs good, bad;

	CHECK(skel);
	good = bad = (struct cgw_device_programs)CGW_DEVICE_PROGRAMS(skel);
	bad.filters[1] = good.adopters[1];
	CHECK_INT(cgw_use_device_programs(c, &bad), -EINVAL);
	CHECK_HAS(cgw_strerror(c), "'cgward_dev_new1' is not cgward_dev1");
	bad = good;
	bad.policies[0] = good.policies[2];
	CHECK_INT(cgw_use_device_programs(c, &bad), -EINVAL);
	CHECK_HAS(cgw_strerror(c), "size class 0 is not cgward_policy0");
	bad = good;
	bad.shortcuts[2] = -1;
	CHECK_INT(cgw_use_device_programs(c, &bad), -EBADF);
	bad = good;
	bad.sz = 4;
	CHECK_INT(cgw_use_device_programs(c, &bad), -EINVAL);
	CHECK_INT(cgw_use_device_programs(c, &good), 0);
	return TAP_PASS;
}

static int policy_is_compiled_once_and_applied_to_many(void)
{
	_cleanup_top_ char *top = cgtest_new("many");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_policy_ struct cgw_policy *p = cgtest_policy(c, "c 1:5");

	for (int i = 0; i < 20; i++) {
		_cleanup_agent_ struct cgtest_agent a = { 0 };
		_cleanup_group_ struct cgw_group *g = NULL;
		char name[16];

		snprintf(name, sizeof(name), "g%d", i);
		g = cgtest_child(c, top, name);
		CHECK_INT(cgw_group_set_devices(g, p), 0);
		a = cgtest_agent_start(cgw_group_path(g));
		CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), 0);
		CHECK_INT(cgtest_agent_open(&a, "/dev/null", O_RDWR), -EPERM);
	}
	return TAP_PASS;
}

static int group_is_had_by_a_descriptor(void)
{
	_cleanup_top_ char *top = cgtest_new("dirfd");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *h = NULL, *o = NULL;
	_cleanup_agent_ struct cgtest_agent a = cgtest_agent_start(top);
	char path[300], want[40];
	int fd;

	snprintf(path, sizeof(path), "%s%s", cgtest_mount(), top);
	for (int i = 0; i < 2; i++) {
		_cleanup_group_ struct cgw_group *by_fd = NULL;

		fd = open(path, (i ? O_PATH : O_RDONLY) | O_DIRECTORY | O_CLOEXEC);
		CHECK_INT(cgw_group_open_fd(c, fd, &by_fd), 0);
		close(fd);
		CHECK_STR(cgw_group_path(by_fd), top);
		CHECK(cgw_group_id(by_fd) == cgw_group_id(g));
		CHECK_INT(cgtest_set_devices(by_fd, i ? "c 1:5" : "c 1:3"), 0);
		CHECK_INT(cgtest_agent_open(&a, "/dev/zero", O_RDWR), i ? 0 : -EPERM);
	}
	fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_INT(cgw_group_open_fd(c, fd, &h), -EINVAL);
	CHECK_HAS(cgw_strerror(c), "'/tmp', is no group below");
	close(fd);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CHECK_INT(cgw_group_open_fd(c, fd, &h), -ENOTDIR);
	close(fd);
	CHECK_INT(cgw_group_open_fd(c, -1, &h), -EBADF);
	cgw_group_close(cgtest_child(c, top, "gone"));
	snprintf(want, sizeof(want), "%s/gone", top);
	snprintf(path, sizeof(path), "%s%s", cgtest_mount(), want);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_INT(cgtest_rmdir(want), 0);
	CHECK_INT(cgw_group_open_fd(c, fd, &h), -ENODEV);
	CHECK_HAS(cgw_strerror(c), "the group was removed");
	close(fd);
	fd = open(cgtest_mount(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_INT(cgw_group_open_fd(c, fd, &o), 0);
	CHECK_STR(cgw_group_path(o), "/");
	close(fd);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(callers_programs_are_used),
	T(own_programs_are_had_beside_the_callers),
	T(other_programs_are_refused),
	T(policy_is_compiled_once_and_applied_to_many),
	T(group_is_had_by_a_descriptor),
};

CGTEST_DEVICE_MAIN(tests)

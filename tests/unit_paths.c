// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Paths of groups: which are clean, what /proc/PID/cgroup and mountinfo say. */
#include "cgtest.h"

/* A context for which cgroup2 is mounted as the text of mountinfo says. */
static struct cgw *with_mountinfo(const char *dir, const char *text)
{
	struct cgw *c = cgtest_context();

	cgtest_spit(text, "%s/self/mountinfo", dir);
	cgw_set_proc_root(c, dir);
	return c;
}

#define UNIFIED "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"

static int clean_paths_are_accepted_and_others_refused(void)
{
	static const struct {
		const char *path;
		int want;
		const char *why;
	} cases[] = {
		{ "/", 0, NULL },
		{ "/web", 0, NULL },
		{ "/web/api", 0, NULL },
		{ "/a b", 0, NULL },
		{ "/a:b", 0, NULL },
		{ "/...", 0, NULL },
		{ "/..a/b..", 0, NULL },
		{ "/x (deleted)", 0, NULL },
		{ "", -EINVAL, "begin with '/'" },
		{ "web", -EINVAL, "begin with '/'" },
		{ "//", -EINVAL, "empty component" },
		{ "//web", -EINVAL, "empty component" },
		{ "/web/", -EINVAL, "empty component" },
		{ "/web//api", -EINVAL, "empty component" },
		{ "/.", -EINVAL, "'.' or '..'" },
		{ "/..", -EINVAL, "'.' or '..'" },
		{ "/web/..", -EINVAL, "'.' or '..'" },
		{ "/web/../api", -EINVAL, "'.' or '..'" },
		{ "/./web", -EINVAL, "'.' or '..'" },
		{ "/we\nb", -EINVAL, "newline" },
		{ "/web/\n", -EINVAL, "newline" },
		{ "/sys/fs/cgroup", -EINVAL, "mount point '/sys/fs/cgroup'" },
		{ "/sys/fs/cgroup/web", -EINVAL, "mount point '/sys/fs/cgroup'" },
		{ "/sys/fs/cgroupX", 0, NULL },
		{ "/sys/fs/cgroup.web/x", 0, NULL },
		{ "/sys/fs", 0, NULL },
	};
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	_cleanup_ctx_ struct cgw *c = with_mountinfo(dir, UNIFIED);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int err = cgw_verify_group_path(c, cases[i].path);

		if (err != cases[i].want)
			FAIL("'%s' gives %d, wanted %d", cases[i].path, err, cases[i].want);
		if (!err)
			continue;
		CHECK_HAS(cgw_strerror(c), cases[i].why);
		CHECK(cgw_error_is_input(c));
	}
	return TAP_PASS;
}

static int components_have_255_bytes_and_paths_4095(void)
{
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	_cleanup_ctx_ struct cgw *c = with_mountinfo(dir, UNIFIED);
	char path[5000];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[256] = '\0';
	CHECK_INT(cgw_verify_group_path(c, path), 0);
	path[256] = 'a';
	path[257] = '\0';
	CHECK_INT(cgw_verify_group_path(c, path), -ENAMETOOLONG);
	CHECK_HAS(cgw_strerror(c), "255 bytes");

	path[257] = 'a';
	for (size_t i = 0; i < sizeof(path); i += 200)
		path[i] = '/';
	path[4095] = '\0';
	CHECK_INT(cgw_verify_group_path(c, path), 0);
	path[4095] = 'a';
	path[4096] = '\0';
	CHECK_INT(cgw_verify_group_path(c, path), -ENAMETOOLONG);
	CHECK_HAS(cgw_strerror(c), "4095 bytes");
	CHECK(cgw_error_is_input(c));
	return TAP_PASS;
}

static int refusals_say_what_to_write_instead(void)
{
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	_cleanup_ctx_ struct cgw *c = with_mountinfo(dir, UNIFIED);

	CHECK_INT(cgw_verify_group_path(c, "web/api"), -EINVAL);
	CHECK_HAS(cgw_hint(c), "/web/api");
	CHECK_INT(cgw_verify_group_path(c, "/sys/fs/cgroup/web"), -EINVAL);
	CHECK_HAS(cgw_hint(c), ": /web");
	CHECK_INT(cgw_verify_group_path(c, "/sys/fs/cgroup"), -EINVAL);
	CHECK_HAS(cgw_hint(c), ": /");
	return TAP_PASS;
}

static int mountinfo_tells_mode_and_mount_point(void)
{
	static const struct {
		const char *text;
		enum cgw_mode mode;
		const char *mount;
		const char *v1;
	} cases[] = {
		{ UNIFIED, CGW_MODE_UNIFIED, "/sys/fs/cgroup", "" },
		{ "", CGW_MODE_NONE, NULL, "" },
		{ "28 1 254:1 / / rw shared:1 - ext4 /dev/vda1 rw\n", CGW_MODE_NONE, NULL, "" },
		/* v1 alone */
		{ "35 31 0:35 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
		  CGW_MODE_NONE, NULL, "memory" },
		/* v1 beside it, before and after; each name once */
		{ "35 31 0:35 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
		  "36 31 0:36 / /cg/u rw - cgroup2 none rw\n"
		  "37 31 0:37 / /cg/blkio rw - cgroup cgroup rw,blkio\n"
		  "38 31 0:35 / /other/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
		  "39 31 0:39 / /cg/freezer rw - cgroup cgroup rw,freezer\n",
		  CGW_MODE_HYBRID, "/cg/u", "cpu io" },
		/* a named hierarchy holds no controller, yet it is v1 */
		{ "35 31 0:35 / /cg/systemd rw - cgroup cgroup rw,xattr,name=systemd\n" UNIFIED,
		  CGW_MODE_HYBRID, "/sys/fs/cgroup", "" },
		/* octal escapes, and tags before the dash */
		{ "36 31 0:36 / /mnt/my\\040own\\134cg rw shared:1 master:2 - cgroup2 none rw\n",
		  CGW_MODE_UNIFIED, "/mnt/my own\\cg", "" },
		/* what only looks like an escape, and a path that is none */
		{ "36 31 0:36 / /mnt/\\1\377x\\4\\08 rw - cgroup2 none rw\n", CGW_MODE_UNIFIED,
		  "/mnt/\\1\377x\\4\\08", "" },
		{ "36 31 0:36 / \\000x rw - cgroup2 none rw\n" UNIFIED, CGW_MODE_UNIFIED,
		  "/sys/fs/cgroup", "" },
		/* a bind mount of a part of the hierarchy is not its root */
		{ "36 31 0:36 /machine.slice /part rw - cgroup2 none rw\n" UNIFIED,
		  CGW_MODE_UNIFIED, "/sys/fs/cgroup", "" },
		{ "36 31 0:36 /machine.slice /part rw - cgroup2 none rw\n", CGW_MODE_NONE, NULL,
		  "" },
		/* the first of two */
		{ UNIFIED "36 31 0:36 / /second rw - cgroup2 none rw\n", CGW_MODE_UNIFIED,
		  "/sys/fs/cgroup", "" },
		/* other things of that name */
		{ "36 31 0:36 / /mnt/cgroup2 rw - tmpfs cgroup2 rw\n", CGW_MODE_NONE, NULL, "" },
		{ "36 31 0:36 / /mnt rw - cgroup2fuse cgroup2 rw\n", CGW_MODE_NONE, NULL, "" },
		/* lines that are cut short */
		{ "36 31 0:36\n36\n - cgroup2 none rw\n36 31 0:36 / /x rw - cgroup2",
		  CGW_MODE_UNIFIED, "/x", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tmp_ char *dir = cgtest_tmpdir();
		_cleanup_ctx_ struct cgw *c = with_mountinfo(dir, cases[i].text);
		const char *mount = "unset", *v1 = NULL;
		enum cgw_mode mode;

		CHECK_INT(cgw_get_mode(c, &mode, &mount), 0);
		if (mode != cases[i].mode)
			FAIL("case %zu: mode %d, wanted %d", i, mode, cases[i].mode);
		if (!cases[i].mount)
			CHECK(!mount);
		else
			CHECK_STR(mount, cases[i].mount);
		CHECK_INT(cgw_v1_controllers(c, &v1), 0);
		CHECK_STR(v1, cases[i].v1);
	}
	return TAP_PASS;
}

static int recorded_hybrid_host_is_understood(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	char *path = NULL;
	const char *mount, *v1;
	enum cgw_mode mode;

	CHECK_INT(cgw_set_proc_root(c, cgtest_data("hybrid/proc")), 0);
	CHECK_INT(cgw_get_mode(c, &mode, &mount), 0);
	CHECK_INT(mode, CGW_MODE_HYBRID);
	CHECK_STR(mount, "/sys/fs/cgroup/unified");
	CHECK_INT(cgw_v1_controllers(c, &v1), 0);
	CHECK_STR(v1, "cpu memory io pids");
	CHECK_INT(cgw_verify_group_path(c, "/sys/fs/cgroup/unified/web"), -EINVAL);
	CHECK_INT(cgw_verify_group_path(c, "/sys/fs/cgroup/web"), 0);
	/* 1:name=systemd comes before 0:: and is not it */
	CHECK_INT(cgw_pid_group_path(c, 0, &path), 0);
	CHECK_STR(path, "/user.slice/user-1000.slice/session-2.scope");
	free(path);
	return TAP_PASS;
}

static int no_hierarchy_is_said_so(void)
{
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	_cleanup_ctx_ struct cgw *c = with_mountinfo(dir, "");
	struct cgw_group *g = NULL;

	CHECK_INT(cgw_group_open(c, "/web", &g), -ENOENT);
	CHECK_STR(cgw_strerror(c), "no cgroup2 filesystem is mounted");
	CHECK_HAS(cgw_hint(c), "mount -t cgroup2");
	CHECK(!g);
	return TAP_PASS;
}

static int unreadable_mountinfo_is_an_error(void)
{
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	enum cgw_mode mode = 77;

	cgw_set_proc_root(c, dir);
	CHECK_INT(cgw_get_mode(c, &mode, NULL), -ENOENT);
	CHECK_INT(mode, 77);
	CHECK_HAS(cgw_strerror(c), "mountinfo");
	return TAP_PASS;
}

/* See tests/data/unified/proc. */
static int groups_of_processes_are_found_or_refused(void)
{
	static const struct {
		pid_t pid;
		int want;
		const char *path;
		const char *why;
	} cases[] = {
		{ 0, 0, "/web", NULL },
		{ 101, 0, "/web/api", NULL },
		{ 102, 0, "/web/a:b::c", NULL },
		{ 103, -ENOENT, NULL, "'/gone' was removed" },
		{ 104, 0, "/x (deleted)", NULL },		      /* that is its name */
		{ 105, -ENOENT, NULL, "'/x (deleted)' was removed" }, /* was its name */
		{ 106, -EXDEV, NULL, "'/../other' is outside" },
		{ 107, -EXDEV, NULL, "'/..' is outside" },
		{ 108, 0, "/..dots", NULL },
		{ 109, 0, "/good", NULL },
		{ 110, -ENOENT, NULL, "no cgroup2 membership" },
		{ 111, -EINVAL, NULL, "pid 111" },
		{ 112, -ENOENT, NULL, "'/x' was removed" }, /* beside a living '/x (deleted)' */
		{ 113, 0, "/", NULL },
		{ 999, -ESRCH, NULL, "no such process" },
		{ -1, -EINVAL, NULL, "must not be negative" },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("unified"));

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *path = NULL;
		int err = cgw_pid_group_path(c, cases[i].pid, &path);

		if (err != cases[i].want)
			FAIL("pid %d gives %d, wanted %d: %s", cases[i].pid, err, cases[i].want,
			     err ? cgw_strerror(c) : path);
		if (err)
			CHECK_HAS(cgw_strerror(c), cases[i].why);
		else
			CHECK_STR(path, cases[i].path);
		CHECK(!err || !path);
	}
	return TAP_PASS;
}

static int nested_paths_never_climb_out(void)
{
	static const struct {
		const char *suffix;
		const char *path; /* NULL for -EINVAL */
	} cases[] = {
		{ "a", "/web/a" }, { "a/b", "/web/a/b" }, { "..a", "/web/..a" }, { "", NULL },
		{ "/a", NULL },	   { "a/", NULL },	  { "a//b", NULL },	 { ".", NULL },
		{ "..", NULL },	   { "../other", NULL },  { "a/../../b", NULL }, { "a\nb", NULL },
	};
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("unified"));

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *path = NULL;
		int err = cgw_nested_group_path(c, cases[i].suffix, &path);

		if (err != (cases[i].path ? 0 : -EINVAL))
			FAIL("'%s' gives %d", cases[i].suffix, err);
		if (cases[i].path)
			CHECK_STR(path, cases[i].path);
		else
			CHECK(!path && cgw_error_is_input(c));
	}
	return TAP_PASS;
}

static int nested_paths_have_4095_bytes_too(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("unified"));
	_cleanup_free_ char *path = NULL;
	char suffix[4092];

	memset(suffix, 'a', sizeof(suffix));
	for (size_t i = 200; i < sizeof(suffix); i += 200)
		suffix[i] = '/';
	suffix[4091] = '\0';
	CHECK_INT(cgw_nested_group_path(c, suffix, &path), -ENAMETOOLONG);
	CHECK_HAS(cgw_strerror(c), "4095 bytes");
	CHECK(!path && cgw_error_is_input(c));
	suffix[4090] = '\0';
	CHECK_INT(cgw_nested_group_path(c, suffix, &path), 0);
	return TAP_PASS;
}

static int roots_given_by_the_caller_are_checked(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	struct cgw_group *g;

	CHECK_INT(cgw_set_cgroup_root(c, "/nonexistent/dir"), -ENOENT);
	CHECK_HAS(cgw_strerror(c), "/nonexistent/dir");
	CHECK_INT(cgw_set_cgroup_root(c, cgtest_data("unified/proc/meminfo")), -ENOTDIR);
	CHECK_INT(cgw_set_cgroup_root(c, cgtest_data("hybrid/cgroup")), 0);
	CHECK_INT(cgw_set_cgroup_root(c, cgtest_data("unified/cgroup")), 0);
	cgw_set_proc_root(c, cgtest_data("unified/proc"));
	CHECK_INT(cgw_group_open(c, "/web/api", &g), 0);
	cgw_group_close(g);
	CHECK_INT(cgw_set_cgroup_root(c, cgtest_data("hybrid/cgroup")), -EBUSY);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(clean_paths_are_accepted_and_others_refused),
	T(components_have_255_bytes_and_paths_4095),
	T(refusals_say_what_to_write_instead),
	T(mountinfo_tells_mode_and_mount_point),
	T(recorded_hybrid_host_is_understood),
	T(no_hierarchy_is_said_so),
	T(unreadable_mountinfo_is_an_error),
	T(groups_of_processes_are_found_or_refused),
	T(nested_paths_never_climb_out),
	T(nested_paths_have_4095_bytes_too),
	T(roots_given_by_the_caller_are_checked),
};

CGTEST_MAIN(tests)

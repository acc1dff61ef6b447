// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* A subtree in the hands of a user: what works below it without privilege, and what is refused. */
#include <grp.h>
#include <signal.h>
#include <sys/stat.h>

#include "cgtest.h"

#define NOBODY 65534U

/* In a child that is the user, and that root has put into the delegated group. */
#define TRY(call)                                                                                  \
	do {                                                                                       \
		if (call) {                                                                        \
			tap_note("%s:%d: %s: %s", __FILE__, __LINE__, #call, cgw_strerror(c));     \
			return __LINE__ & 127;                                                     \
		}                                                                                  \
	} while (0)

static int become_nobody(const char *top)
{
	return cgtest_write(top, "cgroup.procs", "0") || setgroups(0, NULL) ||
	       setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY);
}

static int manage(void *arg)
{
	const char *top = arg;
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *a = NULL, *b = NULL;
	char *argv[] = { (char *)"sleep", (char *)"1000", NULL };
	struct cgw_spawn spawn = { .sz = sizeof(spawn), .argv = argv, .uid = (uid_t)-1 };
	_cleanup_procs_ struct cgw_procs procs = { 0 };
	char path[200];
	pid_t self = getpid(), pid;

	TRY(become_nobody(top));
	snprintf(path, sizeof(path), "%s/a", top);
	TRY(cgw_group_create(c, path, NULL, &a));
	TRY(cgw_group_attach(a, &self, 1));
	snprintf(path, sizeof(path), "%s/b", top);
	TRY(cgw_group_create(c, path, NULL, &b));
	pid = cgw_group_spawn(b, &spawn, NULL);
	TRY(pid < 0);
	TRY(cgw_group_freeze(&b, 1, CGTEST_TIMEOUT_MS));
	TRY(cgw_group_is_frozen(b) != 1);
	TRY(cgw_group_thaw(&b, 1, CGTEST_TIMEOUT_MS));
	TRY(cgw_group_procs(b, true, &procs));
	TRY(procs.n != 1);
	TRY(cgw_group_kill(b, CGTEST_TIMEOUT_MS));
	TRY(cgtest_reap(pid) != SIGKILL);
	TRY(cgw_group_delete(b, 0, CGTEST_TIMEOUT_MS));
	return 0;
}

static int user_manages_what_is_below(void)
{
	_cleanup_top_ char *top = cgtest_new("delegate");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	struct stat st;
	char path[300];

	CHECK_INT(cgw_group_delegate(g, NOBODY, NOBODY), 0);
	snprintf(path, sizeof(path), "%s%s", cgtest_mount(), top);
	CHECK(!stat(path, &st) && st.st_uid == NOBODY && st.st_gid == NOBODY);
	snprintf(path, sizeof(path), "%s%s/cgroup.procs", cgtest_mount(), top);
	CHECK(!stat(path, &st) && st.st_uid == NOBODY);
	/* what keeps the group itself in bounds stays root's */
	snprintf(path, sizeof(path), "%s%s/cgroup.max.depth", cgtest_mount(), top);
	CHECK(!stat(path, &st) && st.st_uid == 0);
	CHECK_INT(cgtest_in_child(manage, top), 0);
	return TAP_PASS;
}

static int overstep(void *arg)
{
	const char *top = arg;
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = NULL, *a = NULL;
	_cleanup_policy_ struct cgw_policy *policy = cgtest_policy(c, "c 1:3");
	struct cgw_resources *r = NULL;
	char path[200];
	pid_t parent = getppid();
	int err;

	TRY(become_nobody(top));
	TRY(cgw_group_open(c, top, &g));
	TRY(cgw_resources_new(c, &r));
	TRY(cgw_resources_add(r, "cgroup.max.depth=5"));
	TRY(cgw_group_apply(g, r) != -EACCES);
	cgw_resources_free(r);
	TRY(!strstr(cgw_strerror(c), "cgroup.max.depth=5"));
	snprintf(path, sizeof(path), "%s/a", top);
	TRY(cgw_group_create(c, path, NULL, &a));
	/* a process that is the user's no more than its group is */
	err = cgw_group_attach(a, &parent, 1);
	TRY(err != -EACCES && err != -EPERM);
	TRY(!cgw_hint(c) || !strstr(cgw_hint(c), "common ancestor"));
	err = cgw_group_set_devices(a, policy);
	if (!strstr(cgw_features(), "-bpf")) {
		TRY(err != -EPERM);
		TRY(!strstr(cgw_strerror(c), "CAP_BPF is missing"));
	}
	TRY(cgw_group_delegate(a, 0, 0) != -EPERM);
	TRY(!cgw_hint(c) || !strstr(cgw_hint(c), "CAP_CHOWN"));
	return 0;
}

static int what_takes_privilege_is_refused_and_says_so(void)
{
	_cleanup_top_ char *top = cgtest_new("overstep");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *root = NULL;

	CHECK_INT(cgw_group_delegate(g, NOBODY, NOBODY), 0);
	CHECK_INT(cgtest_in_child(overstep, top), 0);
	CHECK_INT(cgw_group_open(c, "/", &root), 0);
	CHECK_INT(cgw_group_delegate(root, NOBODY, NOBODY), -EINVAL);
	return TAP_PASS;
}

static int limit_below(void *arg)
{
	const char *top = arg;
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *a = NULL;
	_cleanup_resources_ struct cgw_resources *r = NULL;
	struct cgw_create_opts opts = { .sz = sizeof(opts) };
	char path[200];

	/* the user moves out of the way, so that the group may pass controllers on */
	TRY(become_nobody(top));
	snprintf(path, sizeof(path), "%s/shell", top);
	TRY(cgw_group_create(c, path, NULL, &a));
	TRY(cgtest_write(path, "cgroup.procs", "0"));
	cgw_group_close(a);
	a = NULL;
	TRY(cgw_resources_new(c, &r));
	TRY(cgw_resources_add(r, "pids.max=5"));
	opts.resources = r;
	snprintf(path, sizeof(path), "%s/limited", top);
	TRY(cgw_group_create(c, path, &opts, &a));
	return 0;
}

static int user_limits_what_is_below(void)
{
	_cleanup_top_ char *top = cgtest_new("limit");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = NULL;
	_cleanup_free_ char *text = NULL;
	char path[200];

	if (!cgtest_have_controller("pids"))
		return tap_skip("%s", cgtest_why_not("pids"));
	snprintf(path, sizeof(path), "%s/u", top);
	{
		_cleanup_resources_ struct cgw_resources *r = NULL;
		struct cgw_create_opts opts = { .sz = sizeof(opts) };

		CHECK_INT(cgw_resources_new(c, &r), 0);
		CHECK_INT(cgw_resources_add(r, "pids.max=50"), 0);
		opts.resources = r;
		CHECK_INT(cgw_group_create(c, path, &opts, &g), 0);
	}
	CHECK_INT(cgw_group_delegate(g, NOBODY, NOBODY), 0);
	CHECK_INT(cgtest_in_child(limit_below, path), 0);
	strcat(path, "/limited");
	text = cgtest_read(path, "pids.max");
	CHECK_STR(text, "5");
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(user_manages_what_is_below),
	T(what_takes_privilege_is_refused_and_says_so),
	T(user_limits_what_is_below),
};

CGTEST_LIVE_MAIN(tests)

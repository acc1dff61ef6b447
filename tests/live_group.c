// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Groups on the live kernel: made whole or not at all, limited, walked, removed. */
#include <sys/stat.h>

#include "cgtest.h"

static int group_is_made_with_its_parents(void)
{
	_cleanup_top_ char *top = cgtest_new("create");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = NULL, *again = NULL;
	char path[200];
	struct stat st;

	snprintf(path, sizeof(path), "%s/a/b/c", top);
	CHECK_INT(cgw_group_create(c, path, NULL, &g), 0);
	CHECK(cgtest_exists(path));
	CHECK_STR(cgw_group_path(g), path);
	CHECK(!fstat(cgw_group_fd(g), &st));
	CHECK_INT(cgw_group_id(g), st.st_ino);
	CHECK_INT(cgw_group_create(c, path, NULL, &again), -EEXIST);
	CHECK(!again);
	CHECK_HAS(cgw_strerror(c), "it exists");
	CHECK_HAS(cgw_hint(c), "attach");
	CHECK(cgtest_exists(path));
	CHECK_INT(cgw_group_create(c, "/", NULL, &again), -EEXIST);
	return TAP_PASS;
}

static int missing_groups_are_not_opened(void)
{
	_cleanup_top_ char *top = cgtest_new("open");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *root = NULL;
	struct cgw_group *none = NULL;
	char path[200];

	snprintf(path, sizeof(path), "%s/none", top);
	CHECK_INT(cgw_group_open(c, path, &none), -ENOENT);
	CHECK_HAS(cgw_strerror(c), "no such group");
	CHECK_INT(cgw_group_child(g, "none", &none), -ENOENT);
	CHECK_INT(cgw_group_child(g, "../", &none), -EINVAL);
	CHECK_INT(cgw_group_child(g, "cgroup.procs", &none), -ENOTDIR);
	CHECK(!none);
	CHECK_INT(cgw_group_open(c, "/", &root), 0);
	CHECK_STR(cgw_group_path(root), "/");
	return TAP_PASS;
}

static int children_are_opened_relative_to_their_parent(void)
{
	_cleanup_top_ char *top = cgtest_new("child");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_group_ struct cgw_group *a = cgtest_child(c, top, "a"),
					 *b = cgtest_child(c, top, "a/b");
	_cleanup_group_ struct cgw_group *again = NULL;

	CHECK_INT(cgw_group_child(g, "a/b", &again), 0);
	CHECK_INT(cgw_group_id(again), cgw_group_id(b));
	CHECK(cgw_group_id(a) != cgw_group_id(b));
	CHECK_STR(cgw_group_path(again), cgw_group_path(b));
	return TAP_PASS;
}

/* Make top/x/y with settings that the kernel must refuse, and look that nothing is left. */
static int create_fails(const char *top, const char *const *settings, int want, const char *why)
{
	_cleanup_free_ char *root_before = cgtest_read("", "cgroup.subtree_control"),
			    *root_after = NULL;
	_cleanup_free_ char *top_before = cgtest_read(top, "cgroup.subtree_control"),
			    *top_after = NULL;
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_resources_ struct cgw_resources *r = NULL;
	struct cgw_create_opts opts = { .sz = sizeof(opts) };
	struct cgw_group *g = NULL;
	char path[200];

	CHECK_INT(cgw_resources_new(c, &r), 0);
	for (; *settings; settings++)
		CHECK_INT(cgw_resources_add(r, *settings), 0);
	opts.resources = r;
	snprintf(path, sizeof(path), "%s/x/y", top);
	CHECK_INT(cgw_group_create(c, path, &opts, &g), want);
	CHECK(!g);
	CHECK_HAS(cgw_strerror(c), why);
	snprintf(path, sizeof(path), "%s/x", top);
	CHECK(!cgtest_exists(path));
	CHECK(cgtest_exists(top));
	root_after = cgtest_read("", "cgroup.subtree_control");
	top_after = cgtest_read(top, "cgroup.subtree_control");
	CHECK_STR(root_after, root_before);
	CHECK_STR(top_after, top_before);
	return TAP_PASS;
}

static int failed_creation_leaves_nothing_behind(void)
{
	static const char *const unknown[] = { "cgroup.max.depth=3", "nosuch.max=1", NULL };
	static const char *const refused[] = { "cgroup.max.depth=3", "cgroup.max.descendants=x",
					       NULL };
	_cleanup_top_ char *top = cgtest_new("undo");
	const char *controller = cgtest_any_controller();
	char missing[64], why[64];
	const char *late[] = { "cgroup.max.depth=3", missing, NULL };

	if (create_fails(top, unknown, -ENODEV, "no controller is named 'nosuch'"))
		return TAP_FAIL;
	if (create_fails(top, refused, -EINVAL, "cgroup.max.descendants=x"))
		return TAP_FAIL;
	if (!controller)
		return tap_skip("this cgroup2 has no controller");
	/* here the controller is enabled in both ancestors before the file proves missing */
	snprintf(missing, sizeof(missing), "%s.nosuch=1", controller);
	snprintf(why, sizeof(why), "has no file %s.nosuch", controller);
	return create_fails(top, late, -ENOENT, why);
}

static int resources_are_there_when_the_group_is(void)
{
	_cleanup_top_ char *top = cgtest_new("limits");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_resources_ struct cgw_resources *r = NULL;
	_cleanup_group_ struct cgw_group *g = NULL;
	struct cgw_create_opts opts = { .sz = sizeof(opts) };
	_cleanup_free_ char *depth = NULL, *huge = NULL, *pids = NULL;
	char path[200];

	CHECK_INT(cgw_resources_new(c, &r), 0);
	CHECK_INT(cgw_resources_add(r, "cgroup.max.depth=3"), 0);
	if (cgtest_have_controller("hugetlb"))
		CHECK_INT(cgw_resources_add(r, "hugetlb.2MB.max=4MiB"), 0);
	if (cgtest_have_controller("pids"))
		CHECK_INT(cgw_resources_add(r, "pids.max=7"), 0);
	opts.resources = r;
	snprintf(path, sizeof(path), "%s/a/b", top);
	if (cgw_group_create(c, path, &opts, &g))
		FAIL("%s", cgw_strerror(c));
	depth = cgtest_read(path, "cgroup.max.depth");
	CHECK_STR(depth, "3");
	huge = cgtest_read(path, "hugetlb.2MB.max");
	CHECK_STR(huge, cgtest_have_controller("hugetlb") ? "4194304" : "");
	pids = cgtest_read(path, "pids.max");
	CHECK_STR(pids, cgtest_have_controller("pids") ? "7" : "");
	return TAP_PASS;
}

static int memory_limits_are_put_back_on_failure(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_resources_ struct cgw_resources *r = NULL;
	_cleanup_group_ struct cgw_group *g = NULL;
	_cleanup_top_ char *top = NULL;
	_cleanup_free_ char *high = NULL, *max = NULL;
	char path[200];

	if (!cgtest_have_controller("memory"))
		return tap_skip("%s", cgtest_why_not("memory"));
	top = cgtest_new("rollback");
	snprintf(path, sizeof(path), "%s/a", top);
	CHECK_INT(cgw_group_create(c, path, NULL, &g), 0);
	CHECK_INT(cgtest_write("", "cgroup.subtree_control", "+memory"), 0);
	CHECK_INT(cgtest_write(top, "cgroup.subtree_control", "+memory"), 0);
	CHECK_INT(cgtest_write(path, "memory.high", "104857600"), 0);
	CHECK_INT(cgw_resources_new(c, &r), 0);
	CHECK_INT(cgw_resources_add(r, "memory.high=50M"), 0);
	CHECK_INT(cgw_resources_add(r, "memory.max=80M"), 0);
	CHECK_INT(cgw_resources_add(r, "memory.oom.group=2"), 0);
	CHECK_INT(cgw_group_apply(g, r), -EINVAL);
	CHECK_HAS(cgw_strerror(c), "memory.oom.group=2");
	CHECK_HAS(cgw_hint(c), "0 or 1");
	high = cgtest_read(path, "memory.high");
	CHECK_STR(high, "104857600");
	max = cgtest_read(path, "memory.max");
	CHECK_STR(max, "max");
	return TAP_PASS;
}

static int depth_limit_is_named(void)
{
	_cleanup_top_ char *top = cgtest_new("depth");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	struct cgw_group *g = NULL;
	char path[200];

	CHECK_INT(cgtest_write(top, "cgroup.max.depth", "1"), 0);
	snprintf(path, sizeof(path), "%s/a/b", top);
	CHECK_INT(cgw_group_create(c, path, NULL, &g), -EAGAIN);
	CHECK_HAS(cgw_strerror(c), "cgroup.max.depth");
	snprintf(path, sizeof(path), "%s/a", top);
	CHECK(!g && !cgtest_exists(path));
	return TAP_PASS;
}

static int busy_groups_are_not_deleted_and_say_why(void)
{
	_cleanup_top_ char *top = cgtest_new("busy");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *a = cgtest_child(c, top, "a");
	pid_t pid = cgtest_sleeper(cgw_group_path(a));
	char who[64];

	CHECK_INT(cgw_group_delete(a, 0, 100), -EBUSY);
	snprintf(who, sizeof(who), "pid %d (", pid);
	CHECK_HAS(cgw_strerror(c), who);
	CHECK_HAS(cgw_hint(c), "--kill");
	CHECK_INT(cgw_group_delete(g, 0, 100), -EBUSY);
	CHECK_HAS(cgw_strerror(c), "it has 1 group below: '");
	CHECK_HAS(cgw_strerror(c), cgw_group_path(a));
	CHECK_HAS(cgw_hint(c), "--recursive");
	/* killing is not asked to reach below either */
	CHECK_INT(cgw_group_delete(g, CGW_DELETE_KILL, 100), -EBUSY);
	CHECK(!cgtest_is_dead(pid));
	CHECK_INT(cgw_group_delete(g, CGW_DELETE_RECURSIVE, 100), -EBUSY);
	CHECK_HAS(cgw_strerror(c), who);
	CHECK(cgtest_exists(cgw_group_path(a)));
	cgtest_end(pid);
	CHECK_INT(cgw_group_delete(a, 0, CGTEST_TIMEOUT_MS), 0);
	CHECK(!cgtest_exists(cgw_group_path(a)));
	return TAP_PASS;
}

static int trees_are_killed_and_deleted(void)
{
	_cleanup_top_ char *top = cgtest_new("tree");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *a = cgtest_child(c, top, "a");
	_cleanup_group_ struct cgw_group *b = cgtest_child(c, top, "a/b"),
					 *d = cgtest_child(c, top, "d");
	pid_t one = cgtest_sleeper(cgw_group_path(b)), two = cgtest_sleeper(cgw_group_path(d));

	CHECK_INT(cgw_group_delete(g, CGW_DELETE_KILL | CGW_DELETE_RECURSIVE, CGTEST_TIMEOUT_MS),
		  0);
	CHECK(!cgtest_exists(top));
	/* a group may be empty a moment before who left it is dead */
	CHECK(cgtest_was_killed(one) && cgtest_was_killed(two));
	/* all gone already: that is success */
	CHECK_INT(cgw_group_delete(a, 0, 0), 0);
	CHECK_INT(cgw_group_delete(g, CGW_DELETE_KILL | CGW_DELETE_RECURSIVE, 0), 0);
	return TAP_PASS;
}

static int exiting_processes_are_waited_for(void)
{
	_cleanup_top_ char *top = cgtest_new("exiting");
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (long i = 0, n = cgtest_scale(100); i < n; i++) {
		_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "x");
		pid_t pids[4];

		for (int j = 0; j < 4; j++)
			pids[j] = cgtest_sleeper(cgw_group_path(g));
		CHECK_INT(cgtest_write(cgw_group_path(g), "cgroup.kill", "1"), 0);
		if (cgw_group_delete(g, CGW_DELETE_KILL, CGTEST_TIMEOUT_MS))
			FAIL("round %ld: %s", i, cgw_strerror(c));
		CHECK(!cgtest_exists(cgw_group_path(g)));
		for (int j = 0; j < 4; j++)
			cgtest_reap(pids[j]);
	}
	return TAP_PASS;
}

static int root_is_never_deleted(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *root = cgtest_open(c, "/");

	CHECK_INT(cgw_group_delete(root, 0, 0), -EBUSY);
	CHECK(cgw_error_is_input(c));
	return TAP_PASS;
}

static int handle_of_a_removed_group_spares_its_namesake(void)
{
	_cleanup_top_ char *top = cgtest_new("reborn");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *old = cgtest_child(c, top, "x"), *new = NULL;
	pid_t pid;

	CHECK_INT(cgtest_rmdir(cgw_group_path(old)), 0);
	new = cgtest_child(c, top, "x");
	CHECK(cgw_group_id(old) != cgw_group_id(new));
	pid = cgtest_sleeper(cgw_group_path(new));
	CHECK_INT(cgw_group_delete(old, 0, 0), 0);
	CHECK_INT(cgw_group_delete(old, CGW_DELETE_KILL | CGW_DELETE_RECURSIVE, 100), 0);
	CHECK(cgtest_exists(cgw_group_path(new)));
	CHECK(!cgtest_is_dead(pid));
	CHECK_INT(cgw_group_write(old, "cgroup.freeze", "1"), -ENODEV);
	CHECK_HAS(cgw_strerror(c), "the group was removed");
	CHECK_INT(cgw_group_attach(old, &pid, 1), -ENODEV);
	return TAP_PASS;
}

struct visits {
	char text[512];
	size_t skip; /* length of the top's path */
	const char *vanish;
	size_t stop_after;
	size_t n;
};

static int visit(struct cgw_group *g, void *arg)
{
	struct visits *v = arg;
	size_t len = strlen(v->text);

	snprintf(v->text + len, sizeof(v->text) - len, "%s ", cgw_group_path(g) + v->skip);
	if (v->vanish && !cgtest_exists(v->vanish))
		v->vanish = NULL;
	if (v->vanish)
		cgtest_rmdir(v->vanish);
	return ++v->n == v->stop_after ? 7 : 0;
}

static int walks_go_in_order_and_skip_what_vanishes(void)
{
	_cleanup_top_ char *top = cgtest_new("walk");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	static const char *const names[] = { "b", "b/z", "b/y", "a", "c" };
	struct visits v = { .skip = strlen(top) };
	char path[200];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		cgw_group_close(cgtest_child(c, top, names[i]));
	CHECK_INT(cgw_group_for_each(g, CGW_WALK_PRE, visit, &v), 0);
	CHECK_STR(v.text, " /a /b /b/y /b/z /c ");
	v = (struct visits){ .skip = strlen(top) };
	CHECK_INT(cgw_group_for_each(g, CGW_WALK_POST, visit, &v), 0);
	CHECK_STR(v.text, "/a /b/y /b/z /b /c  ");
	v = (struct visits){ .skip = strlen(top), .stop_after = 3 };
	CHECK_INT(cgw_group_for_each(g, CGW_WALK_PRE, visit, &v), 7);
	CHECK_STR(v.text, " /a /b ");
	/* c goes while a is visited: its name is on the list already */
	snprintf(path, sizeof(path), "%s/c", top);
	v = (struct visits){ .skip = strlen(top), .vanish = path };
	CHECK_INT(cgw_group_for_each(g, CGW_WALK_POST, visit, &v), 0);
	CHECK_STR(v.text, "/a /b/y /b/z /b  ");
	return TAP_PASS;
}

static int threaded_groups_are_made_and_domains_among_them_refused(void)
{
	_cleanup_top_ char *top = cgtest_new("threaded");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *dom = cgtest_child(c, top, "dom"), *t = NULL;
	struct cgw_create_opts opts = { .sz = sizeof(opts), .threaded = true };
	struct cgw_group *bad = NULL;
	enum cgw_group_type type;
	char path[200];
	pid_t pid;

	CHECK_INT(cgw_group_get_type(dom, &type), 0);
	CHECK_INT(type, CGW_TYPE_DOMAIN);
	snprintf(path, sizeof(path), "%s/dom/t", top);
	CHECK_INT(cgw_group_create(c, path, &opts, &t), 0);
	CHECK_INT(cgw_group_get_type(t, &type), 0);
	CHECK_INT(type, CGW_TYPE_THREADED);
	CHECK_INT(cgw_group_get_type(dom, &type), 0);
	CHECK_INT(type, CGW_TYPE_DOMAIN_THREADED);
	snprintf(path, sizeof(path), "%s/dom/u", top);
	CHECK_INT(cgw_group_create(c, path, NULL, &bad), -EOPNOTSUPP);
	CHECK(!bad && !cgtest_exists(path));
	CHECK_HAS(cgw_strerror(c), "threaded domain");
	CHECK_HAS(cgw_hint(c), "--threaded");
	/* a thread of elsewhere cannot enter it, and nobody a domain among threaded groups */
	pid = cgtest_sleeper(top);
	CHECK_INT(cgw_group_attach_threads(t, &pid, 1), -EOPNOTSUPP);
	CHECK_HAS(cgw_strerror(c), "its type is 'threaded'");
	CHECK_HAS(cgw_hint(c), "in its own domain");
	bad = cgtest_child(c, top, "dom/u");
	CHECK_INT(cgw_group_attach(bad, &pid, 1), -EOPNOTSUPP);
	CHECK_HAS(cgw_strerror(c), "its type is 'domain invalid'");
	CHECK_HAS(cgw_hint(c), "make it threaded first");
	cgw_group_close(bad);
	cgtest_end(pid);
	CHECK_INT(cgw_group_kill(t, 0), -EOPNOTSUPP);
	CHECK_HAS(cgw_strerror(c), "threaded");
	CHECK_HAS(cgw_hint(c), "domain");
	return TAP_PASS;
}

static int populated_group_is_not_made_threaded(void)
{
	_cleanup_top_ char *top = cgtest_new("settype");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_child(c, top, "a"),
					 *root = cgtest_open(c, "/");
	const char *controller = cgtest_have_controller("memory") ? "+memory" : "+hugetlb";
	pid_t pid;

	CHECK_INT(cgw_group_set_threaded(root), -EINVAL);
	if (!cgtest_have_controller(controller + 1))
		return tap_skip("%s", cgtest_why_not("memory"));
	/* domain controllers enabled in the group's parent forbid it */
	CHECK_INT(cgtest_write("", "cgroup.subtree_control", controller), 0);
	CHECK_INT(cgtest_write(top, "cgroup.subtree_control", controller), 0);
	pid = cgtest_sleeper(cgw_group_path(g));
	CHECK_INT(cgw_group_set_threaded(g), -EOPNOTSUPP);
	CHECK_HAS(cgw_strerror(c), "it has processes: pid ");
	cgtest_end(pid);
	CHECK(cgtest_wait_event(cgw_group_path(g), "populated", 0));
	CHECK_INT(cgw_group_set_threaded(g), -EOPNOTSUPP);
	CHECK_HAS(cgw_strerror(c), "domain controllers are enabled");
	return TAP_PASS;
}

static int controllers_are_enabled_top_down_and_disabled_bottom_up(void)
{
	_cleanup_top_ char *top = cgtest_new("controllers");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top), *a = cgtest_child(c, top, "a");
	const char *name = cgtest_any_controller();
	_cleanup_free_ char *have = NULL, *enabled = NULL, *above = NULL, *after = NULL,
			    *still = NULL;

	if (!name)
		return tap_skip("this cgroup2 has no controller");
	CHECK_INT(cgw_group_enable(a, name), 0);
	CHECK_INT(cgw_group_controllers(a, CGW_CONTROLLERS_AVAILABLE, &have), 0);
	CHECK(cgw__has_word(have, name));
	CHECK_INT(cgw_group_controllers(a, CGW_CONTROLLERS_ENABLED, &enabled), 0);
	CHECK_STR(enabled, name);
	CHECK_INT(cgw_group_enable(a, name), 0); /* twice is no error */
	CHECK_INT(cgw_group_disable(g, name, false), -EBUSY);
	CHECK_HAS(cgw_strerror(c), "it is enabled below, in '");
	CHECK_HAS(cgw_hint(c), "--recursive");
	CHECK_INT(cgw_group_controllers(g, CGW_CONTROLLERS_ENABLED, &still), 0);
	CHECK_STR(still, name);
	CHECK_INT(cgw_group_disable(g, name, true), 0);
	CHECK_INT(cgw_group_controllers(g, CGW_CONTROLLERS_ENABLED, &above), 0);
	CHECK_STR(above, "");
	CHECK_INT(cgw_group_controllers(a, CGW_CONTROLLERS_ENABLED, &after), 0);
	CHECK_STR(after, "");
	return TAP_PASS;
}

static int failed_enable_and_disable_are_undone(void)
{
	_cleanup_top_ char *top = cgtest_new("enableundo");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	const char *name = cgtest_any_controller();
	_cleanup_free_ char *before = cgtest_read("", "cgroup.subtree_control"), *after = NULL;
	_cleanup_free_ char *enabled = NULL, *kept = NULL;
	char two[80];

	if (!name)
		return tap_skip("this cgroup2 has no controller");
	snprintf(two, sizeof(two), "%s nosuch", name);
	CHECK_INT(cgw_group_enable(g, two), -ENODEV);
	CHECK_HAS(cgw_strerror(c), "no controller is named 'nosuch'");
	enabled = cgtest_read(top, "cgroup.subtree_control");
	CHECK_STR(enabled, "");
	after = cgtest_read("", "cgroup.subtree_control");
	CHECK_STR(after, before);
	CHECK_INT(cgw_group_enable(g, name), 0);
	CHECK_INT(cgw_group_disable(g, two, false), -ENODEV);
	CHECK_INT(cgw_group_controllers(g, CGW_CONTROLLERS_ENABLED, &kept), 0);
	CHECK_STR(kept, name);
	return TAP_PASS;
}

static int controllers_of_v1_are_said_to_be_there(void)
{
	_cleanup_top_ char *top = cgtest_new("hybrid");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	const char *v1;

	CHECK_INT(cgw_v1_controllers(c, &v1), 0);
	if (!cgw__has_word(v1, "memory"))
		return tap_skip("no cgroup v1 hierarchy holds memory");
	CHECK_INT(cgw_group_enable(g, "memory"), -ENODEV);
	CHECK_HAS(cgw_strerror(c), "cgroup v1 holds controller 'memory'");
	CHECK_HAS(cgw_hint(c), "cgroup_no_v1=memory");
	return TAP_PASS;
}

static int refused_values_tell_the_accepted_form(void)
{
	_cleanup_top_ char *top = cgtest_new("form");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);

	CHECK_INT(cgw_group_write(g, "cgroup.max.depth", "deep"), -EINVAL);
	CHECK_HAS(cgw_strerror(c), "cannot set cgroup.max.depth=deep in '");
	CHECK_HAS(cgw_hint(c), "0..2147483647 or max");
	CHECK(!cgw_error_is_input(c));
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(group_is_made_with_its_parents),
	T(missing_groups_are_not_opened),
	T(children_are_opened_relative_to_their_parent),
	T(failed_creation_leaves_nothing_behind),
	T(resources_are_there_when_the_group_is),
	T(memory_limits_are_put_back_on_failure),
	T(depth_limit_is_named),
	T(busy_groups_are_not_deleted_and_say_why),
	T(trees_are_killed_and_deleted),
	T(exiting_processes_are_waited_for),
	T(root_is_never_deleted),
	T(handle_of_a_removed_group_spares_its_namesake),
	T(walks_go_in_order_and_skip_what_vanishes),
	T(threaded_groups_are_made_and_domains_among_them_refused),
	T(populated_group_is_not_made_threaded),
	T(controllers_are_enabled_top_down_and_disabled_bottom_up),
	T(failed_enable_and_disable_are_undone),
	T(controllers_of_v1_are_said_to_be_there),
	T(refused_values_tell_the_accepted_form),
};

CGTEST_LIVE_MAIN(tests)

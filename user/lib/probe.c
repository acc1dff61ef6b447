// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What works here: each thing is tried, nothing is concluded from a version. */
#include <linux/capability.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "internal.h"

struct prober {
	struct cgw *c;
	cgw_probe_fn fn;
	void *arg;
	int err; /* what fn returned, once not 0 */
};

static void report(struct prober *p, const char *feature, bool works, const char *how,
		   const char *why, const char *hint)
{
	struct cgw_probe probe = { feature, works, how, why, hint };

	if (!p->err)
		p->err = p->fn(&probe, p->arg);
}

/* The outcome of a library call, told in its own words. */
static void report_call(struct prober *p, const char *feature, int err, const char *how)
{
	if (err >= 0)
		report(p, feature, true, how, NULL, NULL);
	else
		report(p, feature, false, NULL, cgw_strerror(p->c), cgw_hint(p->c));
}

static void probe_mount(struct prober *p)
{
	const char *mount = NULL, *v1 = "";
	enum cgw_mode mode;
	char how[256], why[256];

	if (cgw_get_mode(p->c, &mode, &mount) || mode == CGW_MODE_NONE) {
		report(p, "cgroup2", false, NULL, "no cgroup2 filesystem is mounted",
		       "mount -t cgroup2 none /sys/fs/cgroup");
		return;
	}
	snprintf(how, sizeof(how), "%s at %s", mode == CGW_MODE_HYBRID ? "hybrid" : "unified", mount);
	report_call(p, "cgroup2", cgw__root(p->c), how);
	cgw_v1_controllers(p->c, &v1);
	if (v1[0]) {
		snprintf(why, sizeof(why), "cgroup v1 holds: %s", v1);
		report(p, "all_controllers", false, NULL, why,
		       "boot with systemd.unified_cgroup_hierarchy=1, or cgroup_no_v1=all");
	} else {
		report(p, "all_controllers", true, "none is held by cgroup v1", NULL, NULL);
	}
}

static void probe_controllers(struct prober *p)
{
	static const char *const wanted[] = { "cpu", "cpuset", "io", "memory", "pids", "hugetlb" };
	_cleanup_free_ char *have = NULL;
	const char *v1 = "";

	if (cgw__read_at(p->c, p->c->root_fd, "cgroup.controllers", &have) < 0)
		return;
	cgw_v1_controllers(p->c, &v1);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		char feature[32];

		snprintf(feature, sizeof(feature), "controller_%s", wanted[i]);
		if (cgw__has_word(have, wanted[i]))
			report(p, feature, true, NULL, NULL, NULL);
		else if (cgw__has_word(v1, wanted[i]))
			report(p, feature, false, NULL, "cgroup v1 holds it",
			       "boot with systemd.unified_cgroup_hierarchy=1, or cgroup_no_v1=all");
		else
			report(p, feature, false, NULL, "the root group does not have it",
			       "a kernel built with it, without cgroup_disable=; or more delegation");
	}
}

static void probe_openat2(struct prober *p)
{
	int fd;

	p->c->no_openat2 = false;
	fd = cgw__open_beneath(p->c, p->c->root_fd, "cgroup.procs", O_PATH);
	if (fd >= 0)
		close(fd);
	if (!p->c->no_openat2)
		report(p, "openat2", true, NULL, NULL, NULL);
	else
		report(p, "openat2", false, "a walk by openat", "the kernel or a filter refuses openat2",
		       "Linux 5.6, or a seccomp profile that knows it");
}

/* A child that sleeps in the group, by cgw_group_spawn(); its pid or -errno. */
static pid_t spawn_sleeper(struct cgw_group *g, int *ret_pidfd)
{
	char *argv[] = { (char *)"sleep", (char *)"60", NULL };
	struct cgw_spawn s = { .sz = sizeof(s), .argv = argv, .uid = (uid_t)-1 };

	return cgw_group_spawn(g, &s, ret_pidfd);
}

static void probe_life(struct prober *p, struct cgw_group *g)
{
	_cleanup_close_ int pidfd = -EBADF, kill_fd = -EBADF;
	pid_t pid = spawn_sleeper(g, &pidfd);
	int err;

	if (pid < 0) {
		report_call(p, "spawn", pid, NULL);
		return;
	}
	report(p, "spawn", true,
	       pidfd >= 0 ? "clone3(CLONE_INTO_CGROUP)" : "fork, then cgroup.procs", NULL, NULL);
	err = cgw_group_freeze(&g, 1, 3000);
	report_call(p, "freeze", err, "cgroup.freeze, confirmed by cgroup.events");
	if (!err)
		cgw_group_thaw(&g, 1, 3000);
	kill_fd = cgw__open_beneath(p->c, g->fd, "cgroup.kill", O_WRONLY);
	report_call(p, "kill", cgw_group_kill(g, 3000),
		    kill_fd >= 0 ? "cgroup.kill" : "freeze, then SIGKILL to each");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void probe_bpffs(struct prober *p)
{
	struct statfs fs;

	if (statfs("/sys/fs/bpf", &fs) < 0 || fs.f_type != BPF_FS_MAGIC)
		report(p, "bpffs", false, NULL, "no bpffs is mounted on /sys/fs/bpf: programs are loaded by each process, not shared",
		       "mount -t bpf bpf /sys/fs/bpf");
	else
		report(p, "bpffs", true, "/sys/fs/bpf", NULL, NULL);
}

static void probe_btf(struct prober *p)
{
	if (!access("/sys/kernel/btf/vmlinux", R_OK))
		report(p, "btf", true, "/sys/kernel/btf/vmlinux", NULL, NULL);
	else
		report(p, "btf", false, NULL, "the kernel has no /sys/kernel/btf/vmlinux",
		       "a kernel built with CONFIG_DEBUG_INFO_BTF");
}

/* What takes a group is tried in one of its own, made where "run" would make it. */
static void probe_group(struct prober *p)
{
	static const char *const needs_one[] = { "spawn", "freeze", "kill", "device_policy" };
	_cleanup_(cgw__group_closep) struct cgw_group *g = NULL;
	_cleanup_free_ char *place = NULL, *path = NULL;
	int err = cgw_find_place(p->c, &place);

	if (!err && asprintf(&path, "%s/probe-%d", place, getpid()) < 0)
		err = cgw__oom(p->c);
	if (!err)
		err = cgw_group_create(p->c, path, NULL, &g);
	report_call(p, "create", err, "a group was made and removed");
	for (size_t i = 0; err && i < ARRAY_SIZE(needs_one); i++)
		report(p, needs_one[i], false, NULL, "not tried: it takes a group", cgw_hint(p->c));
	if (err)
		return;
	probe_life(p, g);
	if (!p->err)
		p->err = cgw__probe_devices(g, p->fn, p->arg);
	cgw_group_delete(g, CGW_DELETE_KILL, 3000);
	/* Its parent, unless others are in it. */
	if (!strcmp(place, "/cgward"))
		unlinkat(p->c->root_fd, "cgward", AT_REMOVEDIR);
}

int cgw_probe(struct cgw *c, cgw_probe_fn fn, void *arg)
{
	struct prober p = { .c = c, .fn = fn, .arg = arg };

	probe_mount(&p);
	if (cgw__root(c) >= 0) {
		probe_controllers(&p);
		probe_openat2(&p);
		probe_group(&p);
	}
	probe_bpffs(&p);
	probe_btf(&p);
	if (!p.err && cgw__root(c) >= 0)
		p.err = cgw__probe_tracers(c, fn, arg);
	if (!p.err)
		p.err = cgw__probe_systemd(c, fn, arg);
	return p.err;
}

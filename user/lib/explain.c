// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Why the kernel refused: turns a bare errno into the fact a user can act on. */
#include <fnmatch.h>
#include <linux/capability.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "internal.h"

const char *const cgw__known_controllers[] = {
	"cpu",	   "cpuset", "dmem",	   "hugetlb", "io",   "memory",
	"misc",	   "pids",   "perf_event", "rdma",    NULL,
};

/* How far a value can be judged without the kernel. */
enum form {
	ANY,	 /* not at all */
	NUMBER,	 /* between min and max */
	AMOUNT,	 /* digits or "max" */
	WEIGHT,	 /* a number, perhaps after "default" or a device */
	QUOTA,	 /* cpu.max */
	NUMBERS, /* a list as 0-3,6 */
};

static const struct {
	const char *file; /* fnmatch(3) pattern */
	const char *form;
	enum form kind;
	int min;
	int max;
} forms[] = {
	{ "cgroup.max.*", "0..2147483647 or max", AMOUNT, 0, 0 },
	{ "cgroup.pressure", "0 or 1", NUMBER, 0, 1 },
	{ "cgroup.type", "threaded, in an empty group without domain controllers", ANY, 0, 0 },
	{ "cpu.idle", "0 or 1", NUMBER, 0, 1 },
	{ "cpu.max", "QUOTA|max [PERIOD] in us (QUOTA from 1000, PERIOD 1000..1000000), or N%",
	  QUOTA, 1000, 1000000 },
	{ "cpu.max.burst", "0..QUOTA in us", AMOUNT, 0, 0 },
	{ "cpu.uclamp.*", "0.00..100.00 or max", ANY, 0, 0 },
	{ "cpu.weight", "1..10000", NUMBER, 1, 10000 },
	{ "cpu.weight.nice", "-20..19", NUMBER, -20, 19 },
	{ "cpuset.cpus", "a list of existing CPUs, as 0-3,6", NUMBERS, 0, 0 },
	{ "cpuset.cpus.exclusive", "a list of existing CPUs, as 0-3,6", NUMBERS, 0, 0 },
	{ "cpuset.cpus.partition", "member, root or isolated", ANY, 0, 0 },
	{ "cpuset.mems", "a list of existing memory nodes, as 0-1", NUMBERS, 0, 0 },
	{ "hugetlb.*max", "bytes (512M) or max", AMOUNT, 0, 0 },
	{ "io.bfq.weight", "[default|MAJ:MIN] 1..1000", WEIGHT, 1, 1000 },
	{ "io.latency", "MAJ:MIN target=US", ANY, 0, 0 },
	{ "io.max",
	  "MAJ:MIN [rbps=N|max] [wbps=N|max] [riops=N|max] [wiops=N|max], of a whole disk, N from "
	  "1",
	  ANY, 0, 0 },
	{ "io.weight", "[default|MAJ:MIN] 1..10000", WEIGHT, 1, 10000 },
	{ "memory.oom.group", "0 or 1", NUMBER, 0, 1 },
	{ "memory.reclaim", "bytes (512M)", ANY, 0, 0 },
	{ "*.pressure", "some|full STALL_US WINDOW_US (WINDOW 500000..10000000)", ANY, 0, 0 },
	{ "memory.zswap.writeback", "0 or 1", NUMBER, 0, 1 },
	{ "memory.*", "bytes (512M), N% of MemTotal, or max", AMOUNT, 0, 0 },
	{ "misc.max", "RESOURCE N|max", ANY, 0, 0 },
	{ "pids.max", "0..4194304 or max", AMOUNT, 0, 0 },
	{ "rdma.max", "DEVICE [hca_handle=N|max] [hca_object=N|max]", ANY, 0, 0 },
};

static bool is_number(const char *text, long min, long max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	return end != text && !*end && !errno && n >= min && n <= max;
}

static bool is_amount(const char *text)
{
	return !strcmp(text, "max") || (text[0] && !text[strspn(text, "0123456789")]);
}

/* QUOTA|max [PERIOD] */
static bool is_quota(const char *text, long min, long max)
{
	_cleanup_free_ char *quota = strdup(text);
	char *period = quota ? strchr(quota, ' ') : NULL;

	if (period)
		*period++ = '\0';
	return quota && (!strcmp(quota, "max") || is_number(quota, min, LONG_MAX)) &&
	       (!period || is_number(period, min, max));
}

/* What the file takes, in words, when the value is not that; NULL when it is, or may be. */
const char *cgw__value_problem(const char *file, const char *value)
{
	size_t i = 0;
	bool good = true;

	while (i < ARRAY_SIZE(forms) && fnmatch(forms[i].file, file, 0))
		i++;
	if (i == ARRAY_SIZE(forms))
		return NULL;
	switch (forms[i].kind) {
	case NUMBER:
		good = is_number(value, forms[i].min, forms[i].max);
		break;
	case AMOUNT:
		good = is_amount(value);
		break;
	case WEIGHT:
		value = strrchr(value, ' ') ? strrchr(value, ' ') + 1 : value;
		good = !strcmp(value, "default") || is_number(value, forms[i].min, forms[i].max);
		break;
	case QUOTA:
		good = is_quota(value, forms[i].min, forms[i].max);
		break;
	case NUMBERS:
		good = !value[strspn(value, "0123456789-,")];
		break;
	case ANY:
		break;
	}
	return good ? NULL : forms[i].form;
}

/* What the file takes, in words; NULL when it is not known. */
const char *cgw__accepted_form(const char *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (!fnmatch(forms[i].file, file, 0))
			return forms[i].form;
	return NULL;
}

/* EINVAL and its like of a value: what would be taken, or why nothing is. */
int cgw__explain_value(struct cgw_group *g, int err, const char *what, const char *file)
{
	_cleanup_free_ char *idle = NULL;
	const char *form = cgw__accepted_form(file);
	struct stat st;

	if (!fstatat(g->fd, file, &st, 0) && !(st.st_mode & 0222))
		return cgw__fail(g->c, err, "%s: the file is read-only", what);
	cgw__err(g->c, err, "%s", what);
	if (!strncmp(file, "cpu.weight", 10) && err == -EINVAL &&
	    cgw__read_at(g->c, g->fd, "cpu.idle", &idle) > 0 && !strcmp(idle, "1"))
		cgw__hint(g->c, "the group is idle: set cpu.idle=0 with it");
	else if (!strcmp(file, "io.bfq.weight") && err == -EOPNOTSUPP)
		cgw__hint(g->c, "bfq must be the disk's scheduler, in "
				"/sys/dev/block/MAJ:MIN/queue/scheduler");
	else if (form)
		cgw__hint(g->c, "%s takes %s", file, form);
	return err;
}

/* EACCES, EPERM or EROFS on something of cgroupfs. */
int cgw__explain_access(struct cgw *c, int err, const char *what, const char *path)
{
	_cleanup_close_ int fd = -EBADF;
	int root = cgw__root(c);
	struct statvfs fs;
	struct stat st;

	if (err == -EROFS || (root >= 0 && !fstatvfs(root, &fs) && fs.f_flag & ST_RDONLY)) {
		cgw__fail(c, -EROFS, "%s: '%s' is mounted read-only", what, c->mount);
		cgw__hint(c, "mount -o remount,rw %s", c->mount);
		return -EROFS;
	}
	cgw__err(c, err, "%s", what);
	if (root >= 0)
		fd = cgw__open_beneath(c, root, path[1] ? path + 1 : ".", O_PATH);
	if (fd >= 0 && !fstat(fd, &st) && st.st_uid != geteuid() && !cgw__has_cap(CAP_DAC_OVERRIDE))
		cgw__hint(c, "'%s' belongs to uid %u: be that user, have CAP_DAC_OVERRIDE (root), or have the group delegated",
			  path, st.st_uid);
	return err;
}

/* Why the controller is not there in g (or, when it is, that the file is not). */
int cgw__explain_controller(struct cgw_group *g, const char *what, const char *controller)
{
	struct cgw *c = g->c;
	_cleanup_free_ char *all = NULL, *path = strdup("/");
	const char *v1 = "", *p = g->path, *name;
	bool known = false;
	size_t n;

	for (size_t i = 0; cgw__known_controllers[i]; i++)
		known = known || !strcmp(controller, cgw__known_controllers[i]);
	if (!path || cgw__read_at(c, c->root_fd, "cgroup.controllers", &all) < 0)
		return cgw__fail(c, -ENODEV, "%s: controller '%s' is not available", what, controller);
	if (!cgw__has_word(all, controller)) {
		cgw_v1_controllers(c, &v1);
		if (cgw__has_word(v1, controller)) {
			cgw__fail(c, -ENODEV, "%s: cgroup v1 holds controller '%s' on this hybrid host",
				  what, controller);
			cgw__hint(c, "boot with cgroup_no_v1=%s or systemd.unified_cgroup_hierarchy=1",
				  controller);
		} else if (known) {
			cgw__fail(c, -ENODEV, "%s: the root has no controller '%s'", what, controller);
			cgw__hint(c, "the kernel was built without it, booted with cgroup_disable=%s, or does not delegate it to this cgroup namespace",
				  controller);
		} else {
			cgw__fail(c, -ENODEV, "%s: no controller is named '%s'", what, controller);
			cgw__hint(c, "here there are: %s", all[0] ? all : "none");
		}
		return -ENODEV;
	}
	/* The root has it: the first ancestor that does not pass it on is to blame. */
	for (p++; *p; p += n + (p[n] == '/')) {
		_cleanup_free_ char *enabled = NULL, *file = cgw__path_join(path, "cgroup.subtree_control");
		char *deeper;

		n = strcspn(p, "/");
		if (!file || cgw__read_at(c, c->root_fd, file + 1, &enabled) < 0)
			break;
		if (!cgw__has_word(enabled, controller)) {
			cgw__fail(c, -ENODEV, "%s: controller '%s' is not enabled in '%s/cgroup.subtree_control'",
				  what, controller, path[1] ? path : "");
			cgw__hint(c, "cgward controllers %s +%s", path, controller);
			return -ENODEV;
		}
		name = strndupa(p, n);
		deeper = cgw__path_join(path, name);
		if (!deeper)
			break;
		free(path);
		path = deeper;
	}
	return cgw__fail(c, -ENODEV, "%s: controller '%s' is not available", what, controller);
}

/* Files that a controller has only where the kernel was built so, or is new enough. */
static const struct {
	const char *file; /* fnmatch(3) pattern */
	const char *needs;
} conditions[] = {
	{ "cpu.idle", "Linux 5.15" },
	{ "cpu.max*", "CONFIG_CFS_BANDWIDTH" },
	{ "cpu.uclamp.*", "CONFIG_UCLAMP_TASK_GROUP" },
	{ "cpuset.cpus.exclusive", "Linux 6.7" },
	{ "hugetlb.*", "a page size of /sys/kernel/mm/hugepages" },
	{ "hugetlb.*.rsvd.*", "Linux 5.7, and a page size of /sys/kernel/mm/hugepages" },
	{ "io.bfq.*", "CONFIG_BFQ_GROUP_IOSCHED, and the module bfq" },
	{ "io.cost.*", "CONFIG_BLK_CGROUP_IOCOST" },
	{ "io.latency", "CONFIG_BLK_CGROUP_IOLATENCY" },
	{ "io.max", "CONFIG_BLK_DEV_THROTTLING" },
	{ "io.weight", "CONFIG_BLK_CGROUP_IOCOST" },
	{ "memory.peak", "Linux 5.19" },
	{ "memory.reclaim", "Linux 5.19" },
	{ "memory.zswap.*", "CONFIG_ZSWAP, Linux 5.19" },
	{ "*.pressure", "CONFIG_PSI, and no psi=0 on the kernel's command line" },
};

/* ENOENT or ENODEV of a control file: is it the group, the controller or the file? */
int cgw__explain_missing(struct cgw_group *g, int err, const char *what, const char *file)
{
	struct cgw *c = g->c;
	_cleanup_free_ char *controllers = NULL;
	char controller[64];

	if (cgw__read_at(c, g->fd, "cgroup.controllers", &controllers) < 0)
		return cgw__fail(c, -ENODEV, "%s: the group was removed", what);
	/* The file is there: what the value names (a disk of io.max) is not. */
	if (err == -ENODEV) {
		const char *form = cgw__accepted_form(file);

		cgw__err(c, err, "%s", what);
		if (form)
			cgw__hint(c, "%s takes %s", file, form);
		return err;
	}
	snprintf(controller, sizeof(controller), "%.*s", (int)strcspn(file, "."), file);
	if (!strcmp(controller, "cgroup")) {
		if (cgw__group_is_root(g))
			return cgw__fail(c, -ENOENT, "%s: the root group has no such file", what);
		return cgw__fail(c, -ENOENT, "%s: this kernel has no file %s", what, file);
	}
	if (!strchr(file, '.')) {
		cgw__bad(c, -ENOENT, "%s: no control file is named '%s'", what, file);
		cgw__hint(c, "a control file is CONTROLLER.NAME, as memory.max");
		return -ENOENT;
	}
	if (!cgw__has_word(controllers, controller))
		return cgw__explain_controller(g, what, controller);
	if (!cgw__group_is_root(g) && !faccessat(c->root_fd, file, F_OK, 0))
		return cgw__fail(c, -ENOENT, "%s: only the root group has %s", what, file);
	cgw__fail(c, -ENOENT, "%s: controller '%s' has no file %s %s", what, controller, file,
		  cgw__group_is_root(g) ? "in the root group" : "in this kernel");
	for (size_t i = 0; i < ARRAY_SIZE(conditions) && !cgw__group_is_root(g); i++)
		if (!fnmatch(conditions[i].file, file, 0))
			cgw__hint(c, "%s takes %s", file, conditions[i].needs);
	return -ENOENT;
}

/* "pid 123 (sleep), pid 124 (sh) and 3 more", or "" for nobody. */
void cgw__describe_procs(struct cgw_group *g, bool recursive, char *buf, size_t size)
{
	_cleanup_(cgw__procs_freep) struct cgw_procs procs = { 0 };
	struct cgw__error saved = g->c->error;
	size_t len = 0, shown;

	buf[0] = '\0';
	if (cgw_group_procs(g, recursive, &procs) < 0) {
		g->c->error = saved;
		return;
	}
	shown = procs.n < 5 ? procs.n : 5;
	for (size_t i = 0; i < shown && len < size; i++) {
		_cleanup_free_ char *comm = NULL;

		if (cgw__read_proc(g->c, procs.pids[i], "comm", &comm) < 0)
			continue;
		len += snprintf(buf + len, size - len, "%spid %d (%s)", len ? ", " : "",
				procs.pids[i], comm);
	}
	if (len < size && procs.n > shown)
		len += snprintf(buf + len, size - len, " and %zu more", procs.n - shown);
	if (len < size && procs.foreign)
		snprintf(buf + len, size - len, "%s%zu of another pid namespace", len ? ", " : "",
			 procs.foreign);
}

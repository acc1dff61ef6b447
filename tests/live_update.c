// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Limits of live groups changed: in an order that works, and all or none. */
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#include "cgtest.h"

static struct cgw_resources *set_of(struct cgw *c, const char *const *assignments)
{
	struct cgw_resources *r = NULL;

	if (cgw_resources_new(c, &r))
		cgtest_bail("%s", cgw_strerror(c));
	for (; *assignments; assignments++)
		if (cgw_resources_add(r, *assignments))
			cgtest_bail("%s", cgw_strerror(c));
	return r;
}

#define SET(c, ...) set_of(c, (const char *const[]){ __VA_ARGS__, NULL })

static int update(struct cgw_group *g, const struct cgw_resources *r)
{
	struct cgw_update_opts opts = { .sz = sizeof(opts), .resources = r };

	return cgw_group_update(g, &opts);
}

static struct cgw_group *group_with(struct cgw *c, const char *top, const struct cgw_resources *r)
{
	struct cgw_create_opts opts = { .sz = sizeof(opts), .resources = r };
	struct cgw_group *g = NULL;
	char path[200];

	snprintf(path, sizeof(path), "%s/g", top);
	if (cgw_group_create(c, path, &opts, &g))
		cgtest_bail("%s", cgw_strerror(c));
	return g;
}

#define CHECK_FILE(g, file, want)                                                                  \
	do {                                                                                       \
		_cleanup_free_ char *t_ = cgtest_read(cgw_group_path(g), file);                    \
		CHECK_STR(t_, want);                                                               \
	} while (0)

/* The kernel refuses a burst above the quota, also the one that is still there. */
static int quota_and_burst_go_up_and_down_together(void)
{
	_cleanup_top_ char *top = cgtest_new("burst");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_resources_ struct cgw_resources *low = NULL, *high = NULL;
	_cleanup_group_ struct cgw_group *g = NULL;

	if (!cgtest_have_controller("cpu"))
		return tap_skip("%s", cgtest_why_not("cpu"));
	low = SET(c, "cpu.max.burst=5000", "cpu.max=10000 100000");
	high = SET(c, "cpu.max.burst=80000", "cpu.max=90000 100000");
	g = group_with(c, top, low);
	for (int i = 0; i < 3; i++) {
		if (update(g, high))
			FAIL("up: %s", cgw_strerror(c));
		CHECK_FILE(g, "cpu.max", "90000 100000");
		CHECK_FILE(g, "cpu.max.burst", "80000");
		if (update(g, low))
			FAIL("down: %s", cgw_strerror(c));
		CHECK_FILE(g, "cpu.max", "10000 100000");
		CHECK_FILE(g, "cpu.max.burst", "5000");
	}
	return TAP_PASS;
}

/* An idle group takes no weight. */
static int idle_and_weight_change_together(void)
{
	_cleanup_top_ char *top = cgtest_new("idle");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_resources_ struct cgw_resources *idle = NULL, *busy = NULL;
	_cleanup_group_ struct cgw_group *g = NULL;

	if (!cgtest_have_controller("cpu"))
		return tap_skip("%s", cgtest_why_not("cpu"));
	idle = SET(c, "cpu.idle=1", "cpu.weight=300");
	busy = SET(c, "cpu.weight=200", "cpu.idle=0");
	g = group_with(c, top, idle);
	CHECK_FILE(g, "cpu.idle", "1");
	if (update(g, busy))
		FAIL("%s", cgw_strerror(c));
	CHECK_FILE(g, "cpu.idle", "0");
	CHECK_FILE(g, "cpu.weight", "200");
	return TAP_PASS;
}

static int what_fails_leaves_all_as_it_was(void)
{
	_cleanup_top_ char *top = cgtest_new("undo");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_resources_ struct cgw_resources *before = NULL, *bad = NULL, *good = NULL;
	struct cgw_update_opts opts = { .sz = sizeof(opts) };
	_cleanup_policy_ struct cgw_policy *policy = NULL;
	_cleanup_group_ struct cgw_group *g = NULL;

	if (!cgtest_have_controller("pids"))
		return tap_skip("%s", cgtest_why_not("pids"));
	before = SET(c, "cpu.weight=50", "pids.max=10", "memory.high=100M");
	bad = SET(c, "pids.max=20", "cpu.weight=70", "memory.high=200M", "memory.max=nonsense");
	good = SET(c, "pids.max=30");
	g = group_with(c, top, before);
	CHECK_INT(update(g, bad), -EINVAL);
	CHECK_HAS(cgw_strerror(c), "memory.max=nonsense");
	CHECK_FILE(g, "cpu.weight", "50");
	CHECK_FILE(g, "pids.max", "10");
	CHECK_FILE(g, "memory.high", "104857600");
	CHECK_FILE(g, "memory.max", "max");
	/* with a policy that cannot be set for lack of a group to set it on: of a removed one */
	policy = cgtest_policy(c, "c 1:3");
	opts.resources = good;
	opts.devices = policy;
	if (!cgw_group_update(g, &opts)) {
		struct cgw_devices d;

		CHECK_FILE(g, "pids.max", "30");
		CHECK_INT(cgw_group_get_devices(g, &d), 0);
		cgw_devices_free(&d);
	} else if (!strstr(cgw_features(), "-bpf")) {
		FAIL("%s", cgw_strerror(c));
	} else {
		CHECK_FILE(g, "pids.max", "10");
	}
	return TAP_PASS;
}

/* The kernel takes "root" at once, and may then say that there is no such partition. */
static int a_partition_that_would_be_invalid_is_refused(void)
{
	_cleanup_top_ char *top = cgtest_new("part");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_resources_ struct cgw_resources *before = NULL, *bad = NULL;
	_cleanup_group_ struct cgw_group *g = NULL;

	if (!cgtest_have_controller("cpuset"))
		return tap_skip("%s", cgtest_why_not("cpuset"));
	before = SET(c, "cpuset.mems=0");
	/* its parent is none */
	bad = SET(c, "cpuset.cpus=0", "cpuset.cpus.partition=root");
	g = group_with(c, top, before);
	CHECK_INT(update(g, bad), -EINVAL);
	CHECK_HAS(cgw_strerror(c), "cannot set cpuset.cpus.partition=root in '");
	CHECK_HAS(cgw_strerror(c), "': it would be 'root invalid (");
	CHECK_FILE(g, "cpuset.cpus", "");
	CHECK_FILE(g, "cpuset.cpus.partition", "member");
	return TAP_PASS;
}

static int what_takes_no_value_is_explained(void)
{
	_cleanup_top_ char *top = cgtest_new("why");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_resources_ struct cgw_resources *idle = NULL;
	_cleanup_group_ struct cgw_group *g = NULL;

	if (!cgtest_have_controller("cpu") || !cgtest_have_controller("io"))
		return tap_skip("%s", cgtest_why_not("cpu"));
	idle = SET(c, "cpu.idle=1", "io.weight=7");
	g = group_with(c, top, idle);
	CHECK_INT(cgw_group_write(g, "cpu.weight", "5"), -EINVAL);
	CHECK_HAS(cgw_hint(c), "the group is idle");
	CHECK(cgw_group_write(g, "cpu.stat", "5") < 0);
	CHECK_HAS(cgw_strerror(c), "cannot set cpu.stat=5 in '");
	CHECK_HAS(cgw_strerror(c), "the file is read-only");
	CHECK_INT(cgw_group_write(g, "io.cost.qos", "1:0 enable=1"), -ENOENT);
	CHECK_HAS(cgw_strerror(c), "only the root group has io.cost.qos");
	return TAP_PASS;
}

/* A process in the group that has touched that many MiB. */
static pid_t hog(const char *path, size_t mib)
{
	int fds[2];
	char byte;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		cgtest_bail("pipe");
	pid = cgtest_fork();
	if (!pid) {
		char *p = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0);

		if (p == MAP_FAILED || cgtest_write(path, "cgroup.procs", "0"))
			_exit(1);
		memset(p, 1, mib << 20);
		if (write(fds[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	if (!cgtest_readable(fds[0]) || read(fds[0], &byte, 1) != 1)
		cgtest_bail("the hog does not start");
	close(fds[0]);
	return pid;
}

static int memory_in_use_is_not_taken_unasked(void)
{
	_cleanup_top_ char *top = cgtest_new("use");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	static const char json[] = "{\"memory\":{\"limit\":8388608,\"checkBeforeUpdate\":true}}";
	_cleanup_resources_ struct cgw_resources *wide = NULL, *narrow = NULL, *checked = NULL;
	struct cgw_update_opts opts = { .sz = sizeof(opts), .timeout_ms = 500 };
	_cleanup_group_ struct cgw_group *g = NULL;
	pid_t pid;

	if (!cgtest_have_controller("memory"))
		return tap_skip("%s", cgtest_why_not("memory"));
	wide = SET(c, "memory.max=128M", "memory.high=120M", "memory.swap.max=0");
	narrow = SET(c, "memory.max=8M");
	g = group_with(c, top, wide);
	pid = hog(cgw_group_path(g), 32);
	opts.resources = narrow;
	CHECK_INT(cgw_group_update(g, &opts), -EBUSY);
	CHECK_HAS(cgw_strerror(c), "bytes are in use");
	CHECK_HAS(cgw_hint(c), "--force");
	CHECK(!cgtest_is_dead(pid));
	CHECK_FILE(g, "memory.max", "134217728");
	/* it is anonymous memory without swap: nothing can be reclaimed */
	opts.reclaim = true;
	CHECK_INT(cgw_group_update(g, &opts), -EBUSY);
	CHECK_HAS(cgw_strerror(c), "still in use after reclaim");
	CHECK_FILE(g, "memory.max", "134217728");
	CHECK_FILE(g, "memory.high", "125829120");
	CHECK(!cgtest_is_dead(pid));
	opts.reclaim = false;
	opts.force = true;
	checked = SET(c, "memory.low=1M");
	CHECK_INT(cgw_resources_add_oci(checked, "config.json", json, strlen(json)), 0);
	opts.resources = checked;
	CHECK_INT(cgw_group_update(g, &opts), -EBUSY);
	CHECK_HAS(cgw_hint(c), "checkBeforeUpdate rules --force out");
	CHECK_FILE(g, "memory.low", "0");
	CHECK(!cgtest_is_dead(pid));
	opts.resources = narrow;
	CHECK_INT(cgw_group_update(g, &opts), 0);
	CHECK_FILE(g, "memory.max", "8388608");
	CHECK_INT(cgtest_reap(pid), SIGKILL);
	return TAP_PASS;
}

/* Page cache can be taken away: the limit goes down and nobody dies. */
static int page_cache_is_reclaimed(void)
{
	_cleanup_top_ char *top = cgtest_new("cache");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_resources_ struct cgw_resources *wide = NULL, *narrow = NULL;
	struct cgw_update_opts opts = { .sz = sizeof(opts),
					.timeout_ms = CGTEST_TIMEOUT_MS,
					.reclaim = true };
	_cleanup_group_ struct cgw_group *g = NULL;
	pid_t pid;

	if (!cgtest_have_controller("memory"))
		return tap_skip("%s", cgtest_why_not("memory"));
	wide = SET(c, "memory.max=128M");
	narrow = SET(c, "memory.max=8M");
	g = group_with(c, top, wide);
	pid = cgtest_fork();
	if (!pid) {
		static char block[1 << 20];
		int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

		/* negative dentries, and pages of pipes: kernel memory that goes away by itself */
		if (fd < 0 || cgtest_write(cgw_group_path(g), "cgroup.procs", "0"))
			_exit(1);
		for (int i = 0; i < 20000; i++) {
			char path[64];

			snprintf(path, sizeof(path), "/proc/none-%d", i);
			if (!access(path, F_OK) || read(fd, block, 512) != 512)
				_exit(1);
		}
		_exit(0);
	}
	CHECK_INT(cgtest_reap(pid), 0);
	opts.resources = narrow;
	if (cgw_group_update(g, &opts))
		FAIL("%s", cgw_strerror(c));
	CHECK_FILE(g, "memory.max", "8388608");
	CHECK_FILE(g, "memory.high", "max");
	return TAP_PASS;
}

static int append_diff(const char *file, const char *have, const char *want, void *arg)
{
	char *text = arg;

	sprintf(text + strlen(text), "%s %s>%s;", file, have ? have : "-", want);
	return 0;
}

/* A config.json of everything this kernel has, applied, compared, changed and mended. */
static int oci_limits_are_applied_and_compared(void)
{
	static const char json[] =
		"{\"cpu\":{\"shares\":2048,\"quota\":50000,\"period\":100000,\"burst\":10000,"
		"\"cpus\":\"0\",\"mems\":\"0\"},"
		"\"memory\":{\"limit\":100000000,\"swap\":200000000,\"reservation\":50000000},"
		"\"pids\":{\"limit\":100},\"unified\":{\"memory.oom.group\":\"1\",\"cpu.max\":"
		"\"40000 100000\"}}";
	_cleanup_top_ char *top = cgtest_new("oci");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_resources_ struct cgw_resources *r = NULL;
	_cleanup_group_ struct cgw_group *g = NULL;
	char text[512] = "";

	if (!cgtest_have_controller("cpuset"))
		return tap_skip("%s", cgtest_why_not("cpuset"));
	CHECK_INT(cgw_resources_new(c, &r), 0);
	CHECK_INT(cgw_resources_add_oci(r, "config.json", json, strlen(json)), 0);
	g = group_with(c, top, r);
	CHECK_FILE(g, "cpu.weight", "174");
	CHECK_FILE(g, "cpu.max", "40000 100000");
	CHECK_FILE(g, "cpu.max.burst", "10000");
	CHECK_FILE(g, "cpuset.cpus", "0");
	CHECK_FILE(g, "memory.max", "99999744");
	CHECK_FILE(g, "memory.low", "49999872");
	CHECK_FILE(g, "memory.oom.group", "1");
	CHECK_FILE(g, "pids.max", "100");
	/* of what was given twice the latter counts */
	CHECK_INT(cgw_group_diff(g, r, append_diff, text), 0);
	CHECK_INT(cgtest_write(cgw_group_path(g), "pids.max", "7"), 0);
	text[0] = '\0';
	CHECK_INT(cgw_group_diff(g, r, append_diff, text), 1);
	CHECK_STR(text, "pids.max 7>100;");
	CHECK_INT(update(g, r), 0);
	CHECK_FILE(g, "pids.max", "100");
	return TAP_PASS;
}

/* Read that much of the disk past the page cache; the milliseconds it took. */
static long read_disk(const char *group, size_t bytes)
{
	struct timespec from, to;
	pid_t pid;

	clock_gettime(CLOCK_MONOTONIC, &from);
	pid = cgtest_fork();
	if (!pid) {
		int fd = open("/dev/ram0", O_RDONLY | O_DIRECT | O_CLOEXEC);
		char *block = aligned_alloc(4096, 65536);

		if (fd < 0 || !block || cgtest_write(group, "cgroup.procs", "0"))
			_exit(1);
		for (; bytes; bytes -= 65536)
			if (read(fd, block, 65536) != 65536)
				_exit(1);
		_exit(0);
	}
	if (cgtest_reap(pid))
		cgtest_bail("cannot read /dev/ram0");
	clock_gettime(CLOCK_MONOTONIC, &to);
	return (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
}

static int rates_of_a_disk_are_limited(void)
{
	static const char json[] =
		"{\"blockIO\":{\"weight\":500,\"throttleReadBpsDevice\":[{\"major\":1,\"minor\":0,"
		"\"rate\":1048576}],\"throttleWriteIOPSDevice\":[{\"major\":1,\"minor\":0,\"rate\":50}]}}";
	_cleanup_top_ char *top = cgtest_new("io");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_resources_ struct cgw_resources *r = NULL, *none = NULL, *bad = NULL;
	_cleanup_group_ struct cgw_group *g = NULL;
	char text[512] = "";
	long slow, fast;

	if (!cgtest_have_controller("io"))
		return tap_skip("%s", cgtest_why_not("io"));
	if (access("/dev/ram0", F_OK))
		return tap_skip("there is no /dev/ram0: modprobe brd");
	CHECK_INT(cgw_resources_new(c, &r), 0);
	CHECK_INT(cgw_resources_add_oci(r, "config.json", json, strlen(json)), 0);
	g = group_with(c, top, r);
	CHECK_FILE(g, "io.max", "1:0 rbps=1048576 wbps=max riops=max wiops=50");
	CHECK_FILE(g, "io.bfq.weight", "default 500");
	CHECK_INT(cgw_group_diff(g, r, append_diff, text), 0);
	bad = SET(c, "io.max=1:0 rbps=5M", "io.max=1:0 wbps=nonsense");
	CHECK_INT(update(g, bad), -EINVAL);
	CHECK_FILE(g, "io.max", "1:0 rbps=1048576 wbps=max riops=max wiops=50");
	slow = read_disk(cgw_group_path(g), 1 << 20);
	none = SET(c, "io.max=1:0 rbps=max wiops=max");
	CHECK_INT(update(g, none), 0);
	CHECK_FILE(g, "io.max", "");
	/* on a busy machine it takes a while to begin with it */
	fast = read_disk(cgw_group_path(g), 1 << 20);
	for (int i = 0; i < 20 && slow <= 2 * fast; i++) {
		long again = read_disk(cgw_group_path(g), 1 << 20);

		fast = again < fast ? again : fast;
	}
	tap_note("a MiB in %ld ms at 1 MiB/s, in %ld ms without a limit", slow, fast);
	CHECK(slow > 500 && slow > 2 * fast);
	return TAP_PASS;
}

/* Give a disk its scheduler. Return: what it had, or NULL where it takes none. */
static char *set_scheduler(const char *name)
{
	static const char file[] = "/sys/block/nullb0/queue/scheduler";
	_cleanup_close_ int fd = open(file, O_WRONLY | O_CLOEXEC);
	char *before = fd < 0 ? NULL : cgtest_slurp("%s", file), *name_before;

	name_before = before ? strchr(before, '[') : NULL;
	if (!name_before || write(fd, name, strlen(name)) < 0) {
		free(before);
		return NULL;
	}
	name_before = strndup(name_before + 1, strcspn(name_before + 1, "]"));
	free(before);
	return name_before;
}

static int disks_have_their_weights(void)
{
	_cleanup_top_ char *top = cgtest_new("weights");
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_resources_ struct cgw_resources *r = NULL, *bad = NULL;
	_cleanup_free_ char *scheduler = NULL, *device = NULL, *want = NULL;
	_cleanup_group_ struct cgw_group *g = NULL;
	char json[256], text[512] = "";
	unsigned int major, minor;

	if (!cgtest_have_controller("io"))
		return tap_skip("%s", cgtest_why_not("io"));
	scheduler = set_scheduler("bfq");
	if (!scheduler)
		return tap_skip(
			"there is no /dev/nullb0 with the scheduler bfq: modprobe null_blk bfq");
	device = cgtest_slurp("/sys/block/nullb0/dev");
	CHECK_INT(sscanf(device, "%u:%u", &major, &minor), 2);
	sprintf(json,
		"{\"blockIO\":{\"weight\":200,\"weightDevice\":[{\"major\":%u,\"minor\":%u,"
		"\"weight\":300}]}}",
		major, minor);
	CHECK_INT(cgw_resources_new(c, &r), 0);
	CHECK_INT(cgw_resources_add_oci(r, "config.json", json, strlen(json)), 0);
	g = group_with(c, top, r);
	if (asprintf(&want, "default 200\n%u:%u 300", major, minor) < 0)
		cgtest_bail("asprintf");
	CHECK_FILE(g, "io.bfq.weight", want);
	CHECK_INT(cgw_group_diff(g, r, append_diff, text), 0);
	sprintf(json, "io.bfq.weight=%u:%u 400", major, minor);
	bad = SET(c, json, "io.bfq.weight=500", "io.weight=nonsense");
	CHECK_INT(update(g, bad), -EINVAL);
	CHECK_FILE(g, "io.bfq.weight", want);
	free(set_scheduler(scheduler));
	sprintf(json, "%u:%u 400", major, minor);
	CHECK_INT(cgw_group_write(g, "io.bfq.weight", json), -EOPNOTSUPP);
	CHECK_HAS(cgw_hint(c), "bfq must be the disk's scheduler");
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(quota_and_burst_go_up_and_down_together),
	T(idle_and_weight_change_together),
	T(what_fails_leaves_all_as_it_was),
	T(a_partition_that_would_be_invalid_is_refused),
	T(what_takes_no_value_is_explained),
	T(memory_in_use_is_not_taken_unasked),
	T(page_cache_is_reclaimed),
	T(oci_limits_are_applied_and_compared),
	T(rates_of_a_disk_are_limited),
	T(disks_have_their_weights),
};

CGTEST_DEVICE_MAIN(tests)

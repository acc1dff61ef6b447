// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What tests need around the library: throw-away groups, processes in them, recorded trees. */
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cgtest.h"

/* What the test itself cannot do without is missing. */
void cgtest_bail(const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	printf("Bail out! ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(": %s\n", strerror(err));
	fflush(NULL);
	exit(TAP_EXIT_FAIL);
}

struct cgw *cgtest_context(void)
{
	struct cgw *c;
	int err = cgw_new(&c);

	if (err) {
		errno = -err;
		cgtest_bail("cgw_new");
	}
	return c;
}

long cgtest_scale(long n)
{
	const char *scale = getenv("CGW_SCALE");
	long by = scale ? atol(scale) : 1;

	n /= by > 0 ? by : 1;
	return n > 0 ? n : 1;
}

/* ---- files ---- */

char *cgtest_tmpdir(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir;

	if (asprintf(&dir, "%s/cgwtest.XXXXXX", tmp ? tmp : "/tmp") < 0 || !mkdtemp(dir))
		cgtest_bail("mkdtemp");
	return dir;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void cgtest_rmtree(char **dir)
{
	if (*dir)
		nftw(*dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	free(*dir);
	*dir = NULL;
}

const char *cgtest_data(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "tests/data/%s", name);
	if (access(path, F_OK) < 0)
		cgtest_bail("%s (tests run in the source directory)", path);
	return path;
}

static const char *copy_from;
static const char *copy_to;

static int copy_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	_cleanup_free_ char *to = NULL, *text = NULL;
	_cleanup_close_ int in = -EBADF, out = -EBADF;
	char target[256];
	ssize_t n;

	(void)ftw;
	if (asprintf(&to, "%s%s", copy_to, path + strlen(copy_from)) < 0)
		return -1;
	if (type == FTW_D)
		return mkdir(to, 0755) < 0 && errno != EEXIST ? -1 : 0;
	if (type == FTW_SL) {
		n = readlink(path, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		return n < 0 ? -1 : symlink(target, to);
	}
	in = open(path, O_RDONLY | O_CLOEXEC);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	text = malloc((size_t)st->st_size + 1);
	if (in < 0 || out < 0 || !text)
		return -1;
	n = read(in, text, (size_t)st->st_size);
	return n < 0 || write(out, text, (size_t)n) != n ? -1 : 0;
}

char *cgtest_copy(const char *name)
{
	char *dir = cgtest_tmpdir();
	_cleanup_free_ char *from = strdup(cgtest_data(name));

	copy_from = from;
	copy_to = dir;
	if (!from || nftw(from, copy_entry, 16, FTW_PHYS) < 0)
		cgtest_bail("cannot copy %s", name);
	return dir;
}

struct cgw *cgtest_recorded(const char *dir)
{
	struct cgw *c = cgtest_context();
	char path[512];
	int err;

	snprintf(path, sizeof(path), "%s/cgroup", dir);
	err = cgw_set_cgroup_root(c, path);
	snprintf(path, sizeof(path), "%s/proc", dir);
	if (!err)
		err = cgw_set_proc_root(c, path);
	if (err) {
		errno = -err;
		cgtest_bail("recorded tree %s: %s", dir, cgw_strerror(c));
	}
	return c;
}

char *cgtest_slurp(const char *fmt, ...)
{
	_cleanup_close_ int fd = -EBADF;
	char path[4096], *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || cgw__read_fd(fd, &text) < 0)
		text = strdup("");
	return text;
}

void cgtest_spit(const char *text, const char *fmt, ...)
{
	_cleanup_close_ int fd = -EBADF;
	char path[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		cgtest_bail("cannot write %s", path);
}

/* ---- live groups ---- */

static char mount_point[256];
static char root_controllers[256];

/* The mount point, found without the library that is under test. */
static bool find_mount(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t room = 0;

	while (f && !mount_point[0] && getline(&line, &room, f) > 0) {
		char root[256], mount[256];

		if (strstr(line, " - cgroup2 ") &&
		    sscanf(line, "%*s %*s %*s %255s %255s", root, mount) == 2 && !strcmp(root, "/"))
			snprintf(mount_point, sizeof(mount_point), "%s", mount);
	}
	free(line);
	if (f)
		fclose(f);
	return mount_point[0];
}

const char *cgtest_mount(void)
{
	return mount_point[0] || find_mount() ? mount_point : "";
}

char *cgtest_read(const char *group, const char *file)
{
	return cgtest_slurp("%s%s/%s", mount_point, group, file);
}

int cgtest_write(const char *group, const char *file, const char *value)
{
	_cleanup_close_ int fd = -EBADF;
	char path[4096];

	snprintf(path, sizeof(path), "%s%s/%s", mount_point, group, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

int cgtest_mkdir(const char *group)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s%s", mount_point, group);
	return mkdir(path, 0755) < 0 ? -errno : 0;
}

int cgtest_rmdir(const char *group)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s%s", mount_point, group);
	return rmdir(path) < 0 ? -errno : 0;
}

bool cgtest_exists(const char *group)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s%s", mount_point, group);
	return !access(path, F_OK);
}

/* What cgroup.events says of KEY: 0, 1, or -1 when the group is gone. */
static int read_event(int fd, const char *key)
{
	char text[256], pattern[64];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return -1;
	text[n] = '\0';
	snprintf(pattern, sizeof(pattern), "%s 1", key);
	return strstr(text, pattern) != NULL;
}

bool cgtest_wait_event(const char *group, const char *key, int want)
{
	int64_t deadline = cgw__now_ns() + CGTEST_TIMEOUT_MS * CGW_NSEC_PER_MSEC;
	_cleanup_close_ int fd = -EBADF;
	char path[4096];

	snprintf(path, sizeof(path), "%s%s/cgroup.events", mount_point, group);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (cgw__now_ns() < deadline) {
		struct pollfd p = { .fd = fd, .events = POLLPRI };
		int state = read_event(fd, key);

		if (state == want)
			return true;
		if (state < 0)
			return false;
		poll(&p, 1, 100);
	}
	return false;
}

static int remove_group_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (type == FTW_DP)
		rmdir(path);
	return 0;
}

/* Kill what is in the group and remove it with all below, by plain means. */
static void remove_group(const char *path)
{
	char full[4096];

	if (!cgtest_exists(path))
		return;
	cgtest_write(path, "cgroup.kill", "1");
	cgtest_wait_event(path, "populated", 0);
	snprintf(full, sizeof(full), "%s%s", mount_point, path);
	/* The last exit may still be under way for a moment after populated says 0. */
	for (int i = 0; i < CGTEST_TIMEOUT_MS / 10; i++) {
		nftw(full, remove_group_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
		if (access(full, F_OK) < 0)
			return;
		poll(NULL, 0, 10);
	}
}

char *cgtest_new(const char *name)
{
	char *path;
	int err;

	if (asprintf(&path, "/cgwtest-%d-%s", getpid(), name) < 0)
		cgtest_bail("out of memory");
	err = cgtest_mkdir(path);
	if (err) {
		errno = -err;
		cgtest_bail("cannot make the group %s", path);
	}
	return path;
}

void cgtest_remove(char **path)
{
	if (*path)
		remove_group(*path);
	free(*path);
	*path = NULL;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* Disable in the root what this program enabled there. */
static void restore_controllers(void)
{
	_cleanup_free_ char *now = cgtest_read("", "cgroup.subtree_control");
	const char *p = now, *word;
	size_t len;

	while ((word = cgw__next_word(&p, &len))) {
		_cleanup_free_ char *off = NULL;

		if (asprintf(&off, "-%.*s", (int)len, word) > 0 &&
		    !cgw__has_word(root_controllers, off + 1))
			cgtest_write("", "cgroup.subtree_control", off);
	}
}

static void remove_all(pid_t pid)
{
	DIR *dir = opendir(mount_point);
	const struct dirent *entry;
	char prefix[64];

	snprintf(prefix, sizeof(prefix), "cgwtest-%d-", pid);
	while (dir && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, prefix, strlen(prefix))) {
			char path[300];

			snprintf(path, sizeof(path), "/%s", entry->d_name);
			remove_group(path);
		}
	if (dir)
		closedir(dir);
	restore_controllers();
}

/*
 * A process of its own session, and nobody's child, that waits for the end of this one,
 * so that it survives whatever ends this one. Return: a descriptor that, written to, says that
 * nothing is left to do: it may wake up when the next test has begun already, and would then
 * disable in the root what that one has enabled.
 */
static int start_watcher(void)
{
	pid_t tester = getpid(), pid;
	int fd = (int)syscall(SYS_pidfd_open, tester, 0), null, done[2];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	if (fd < 0)
		cgtest_bail("pidfd_open");
	if (pipe2(done, O_CLOEXEC | O_NONBLOCK) < 0)
		cgtest_bail("pipe");
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		cgtest_bail("fork");
	if (pid) {
		waitpid(pid, NULL, 0);
		close(fd);
		close(done[0]);
		return done[1];
	}
	setsid();
	if (fork())
		_exit(0);
	null = open("/dev/null", O_RDWR);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	if (read(done[0], &byte, 1) != 1)
		remove_all(tester);
	_exit(0);
}

int cgtest_live(int argc, char **argv, const struct tap_test *tests, size_t n)
{
	_cleanup_free_ char *enabled = NULL;
	int result, done;

	if (geteuid())
		return tap_skip_all("needs root");
	if (!find_mount())
		return tap_skip_all("no cgroup2 in /proc/self/mountinfo");
	if (access(mount_point, W_OK) < 0)
		return tap_skip_all("the cgroup2 mount is not writable");
	enabled = cgtest_read("", "cgroup.subtree_control");
	snprintf(root_controllers, sizeof(root_controllers), "%s", enabled);
	done = start_watcher();
	result = tap_run(argc, argv, tests, n);
	remove_all(getpid());
	/* not closed: a reader without a writer would find its end, too, but not the byte */
	return write(done, "d", 1) == 1 ? result : TAP_EXIT_FAIL;
}

struct cgw_group *cgtest_open(struct cgw *c, const char *path)
{
	struct cgw_group *g;
	int err = cgw_group_open(c, path, &g);

	if (err) {
		errno = -err;
		cgtest_bail("%s", cgw_strerror(c));
	}
	return g;
}

struct cgw_group *cgtest_child(struct cgw *c, const char *parent, const char *name)
{
	_cleanup_free_ char *path = NULL;
	int err;

	if (asprintf(&path, "%s/%s", parent, name) < 0)
		cgtest_bail("out of memory");
	err = cgtest_mkdir(path);
	if (err && err != -EEXIST) {
		errno = -err;
		cgtest_bail("cannot make the group %s", path);
	}
	return cgtest_open(c, path);
}

struct cgw_stat *cgtest_stat(struct cgw *c, unsigned int mask)
{
	struct cgw_stat *stat;
	int err = cgw_stat_new(c, mask, &stat);

	if (err) {
		errno = -err;
		cgtest_bail("cgw_stat_new");
	}
	return stat;
}

bool cgtest_have_controller(const char *name)
{
	_cleanup_free_ char *have = cgtest_read("", "cgroup.controllers");

	return cgw__has_word(have, name);
}

const char *cgtest_why_not(const char *name)
{
	_cleanup_free_ char *mounts = cgtest_slurp("/proc/self/mountinfo");
	static char why[128];

	snprintf(why, sizeof(why), "controller %s is %s", name,
		 strstr(mounts, " - cgroup ") ? "held by cgroup v1" : "not available");
	return why;
}

const char *cgtest_any_controller(void)
{
	for (size_t i = 0; cgw__known_controllers[i]; i++)
		if (strcmp(cgw__known_controllers[i], "cpuset") &&
		    cgtest_have_controller(cgw__known_controllers[i]))
			return cgw__known_controllers[i];
	return NULL;
}

/* ---- processes ---- */

pid_t cgtest_fork(void)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		cgtest_bail("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* It may have died before that; 0 is a parent in another pid namespace. */
		if (getppid() != parent && getppid())
			_exit(1);
	}
	return pid;
}

bool cgtest_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, CGTEST_TIMEOUT_MS) == 1;
}

pid_t cgtest_sleeper(const char *group)
{
	int ready[2], err = 0;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		cgtest_bail("pipe");
	pid = cgtest_fork();
	if (!pid) {
		err = cgtest_write(group, "cgroup.procs", "0");
		if (write(ready[1], &err, sizeof(err)) != sizeof(err) || err)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &err, sizeof(err)) != sizeof(err) || err) {
		errno = -err;
		cgtest_bail("cannot put a sleeper into %s", group);
	}
	close(ready[0]);
	return pid;
}

int cgtest_reap(pid_t pid)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int status;

	while (fd >= 0 && poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	if (fd < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

int cgtest_end(pid_t pid)
{
	kill(pid, SIGKILL);
	return cgtest_reap(pid);
}

bool cgtest_is_dead(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       info.si_pid == pid;
}

int cgtest_in_child(int (*fn)(void *arg), void *arg)
{
	pid_t pid = cgtest_fork();
	int status;

	if (!pid) {
		int result = fn(arg);

		fflush(NULL);
		_exit(result);
	}
	status = cgtest_reap(pid);
	return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

char *cgtest_group_of(pid_t pid)
{
	_cleanup_free_ char *text = cgtest_slurp("/proc/%d/cgroup", pid);
	const char *line = strstr(text, "0::");

	return line ? strndup(line + 3, strcspn(line + 3, "\n")) : strdup("");
}

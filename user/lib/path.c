// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Paths of groups: what a clean one is, and which one a process is in. */
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "internal.h"

/* Is path ancestor itself, or does it lie below it, whole components compared? */
bool cgw__path_below(const char *path, const char *ancestor)
{
	size_t n = strlen(ancestor);

	if (!strcmp(ancestor, "/"))
		return true;
	return !strncmp(path, ancestor, n) && (!path[n] || path[n] == '/');
}

char *cgw__path_join(const char *parent, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", strcmp(parent, "/") ? parent : "", name) < 0)
		return NULL;
	return path;
}

char *cgw__path_parent(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == path ? strdup("/") : strndup(path, slash - path);
}

/* The reason why a relative path is not clean, or NULL. */
static const char *unclean(const char *path)
{
	for (;;) {
		size_t n = strcspn(path, "/");

		if (n == 0)
			return "it has an empty component ('//', or a '/' at its end)";
		if ((n == 1 && path[0] == '.') || (n == 2 && !strncmp(path, "..", 2)))
			return "it has a '.' or '..' component";
		if (n > NAME_MAX)
			return "a component is longer than 255 bytes";
		if (memchr(path, '\n', n))
			return "it has a newline";
		if (!path[n])
			return NULL;
		path += n + 1;
	}
}

static int too_long(struct cgw *c)
{
	return cgw__bad(c, -ENAMETOOLONG, "bad group path: it is longer than %d bytes",
			PATH_MAX - 1);
}

int cgw_verify_group_path(struct cgw *c, const char *path)
{
	const char *why, *mount;
	enum cgw_mode mode;
	int err;

	if (path[0] != '/') {
		err = cgw__bad(c, -EINVAL, "bad group path '%s': it does not begin with '/'", path);
		cgw__hint(c, "a group is named as in the third field of /proc/PID/cgroup: /%s", path);
		return err;
	}
	if (!path[1])
		return 0;
	if (strlen(path) >= PATH_MAX)
		return too_long(c);
	why = unclean(path + 1);
	if (why)
		return cgw__bad(c, strstr(why, "longer") ? -ENAMETOOLONG : -EINVAL,
				"bad group path '%s': %s", path, why);
	if (cgw_get_mode(c, &mode, &mount) < 0 || !mount || !strcmp(mount, "/"))
		return 0;
	if (cgw__path_below(path, mount)) {
		err = cgw__bad(c, -EINVAL, "bad group path '%s': it begins with the mount point '%s'",
			       path, mount);
		cgw__hint(c, "leave the mount point out: %s", path[strlen(mount)] ? path + strlen(mount) : "/");
		return err;
	}
	return 0;
}

/*
 * Find the line "0::PATH" among the "ID:CONTROLLERS:PATH" lines of /proc/PID/cgroup.
 * PATH keeps whatever colons it has.
 */
int cgw__parse_membership(const char *text, struct cgw__membership *ret_m)
{
	static const char mark[] = " (deleted)";
	struct cgw__membership m = { 0 };

	while (strncmp(text, "0::", 3)) {
		text = strchr(text, '\n');
		if (!text)
			return -ENODATA;
		text++;
	}
	text += 3;
	m.path = strndup(text, strcspn(text, "\n"));
	if (!m.path)
		return -ENOMEM;
	if (m.path[0] != '/') {
		free(m.path);
		return -EINVAL;
	}
	m.outside = cgw__path_below(m.path, "/..");
	if (strlen(m.path) > strlen(mark) &&
	    !strcmp(m.path + strlen(m.path) - strlen(mark), mark))
		m.deleted = true;
	*ret_m = m;
	return 0;
}

/*
 * " (deleted)" may also be the end of a living group's name: then the process is in there,
 * which it is not when the two merely look alike.
 */
static bool is_member(struct cgw *c, const char *path, pid_t pid)
{
	static const char *const files[] = { "cgroup.procs", "cgroup.threads" };
	int root = cgw__root(c);
	_cleanup_close_ int fd = -EBADF;
	char number[16];

	if (root < 0)
		return false;
	snprintf(number, sizeof(number), "%d", pid ? pid : getpid());
	fd = cgw__open_beneath(c, root, path[1] ? path + 1 : ".", O_PATH | O_DIRECTORY);
	for (size_t i = 0; fd >= 0 && i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *members = NULL;

		if (cgw__read_at(c, fd, files[i], &members) >= 0 && cgw__has_word(members, number))
			return true;
	}
	return false;
}

int cgw_pid_group_path(struct cgw *c, pid_t pid, char **ret_path)
{
	_cleanup_free_ char *text = NULL, *path = NULL;
	struct cgw__membership m;
	ssize_t n;
	int err;

	if (pid < 0)
		return cgw__bad(c, -EINVAL, "bad pid %d: it must not be negative", pid);
	n = cgw__read_proc(c, pid, "cgroup", &text);
	if (n == -ENOENT || n == -ESRCH)
		return cgw__fail(c, -ESRCH, "cannot find the group of pid %d: no such process", pid);
	if (n < 0)
		return cgw__err(c, (int)n, "cannot find the group of pid %d", pid);
	err = cgw__parse_membership(text, &m);
	if (err == -ENODATA)
		return cgw__fail(c, -ENOENT,
				 "cannot find the group of pid %d: it has no cgroup2 membership", pid);
	if (err)
		return cgw__err(c, err, "cannot parse the groups of pid %d", pid);
	path = m.path;
	if (m.outside) {
		err = cgw__fail(c, -EXDEV,
				"cannot reach the group of pid %d: '%s' is outside this cgroup namespace",
				pid, path);
		cgw__hint(c, "run cgward in the cgroup namespace that contains the process");
		return err;
	}
	if (m.deleted && !is_member(c, path, pid)) {
		path[strlen(path) - strlen(" (deleted)")] = '\0';
		return cgw__fail(c, -ENOENT, "cannot find the group of pid %d: '%s' was removed", pid,
				 path);
	}
	*ret_path = TAKE_PTR(path);
	return 0;
}

int cgw_nested_group_path(struct cgw *c, const char *suffix, char **ret_path)
{
	_cleanup_free_ char *own = NULL;
	_cleanup_free_ char *path = NULL;
	const char *why = unclean(suffix);
	int err;

	if (why)
		return cgw__bad(c, -EINVAL, "bad relative path '%s': %s", suffix, why);
	err = cgw_pid_group_path(c, 0, &own);
	if (err)
		return err;
	path = cgw__path_join(own, suffix);
	if (!path)
		return cgw__oom(c);
	if (strlen(path) >= PATH_MAX)
		return too_long(c);
	*ret_path = TAKE_PTR(path);
	return 0;
}

/* As in linux/pidfd.h of Linux 6.13. */
struct pidfd_info {
	uint64_t mask;
	uint64_t cgroupid;
	uint32_t others[12];
};

#define PIDFD_GET_INFO _IOWR(0xff, 11, struct pidfd_info)
#define PIDFD_INFO_CGROUPID (1U << 2)

/* The number of the caller's group, 0 where the kernel does not tell it so. */
static uint64_t own_group(void)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	struct pidfd_info info = { .mask = PIDFD_INFO_CGROUPID };

	if (fd < 0 || ioctl(fd, PIDFD_GET_INFO, &info) < 0 || !(info.mask & PIDFD_INFO_CGROUPID))
		return 0;
	return info.cgroupid;
}

/*
 * The path of the caller's group. With some v1 hierarchies /proc/self/cgroup takes 0.1 ms: it
 * is read again only when the caller is in another group than it was.
 */
static int own_path(struct cgw *c)
{
	_cleanup_free_ char *path = NULL;
	uint64_t id = c->proc_root ? 0 : own_group();
	int err;

	if (id && id == c->own_id)
		return 0;
	err = cgw_pid_group_path(c, 0, &path);
	if (err)
		return err;
	free(c->own_path);
	c->own_path = TAKE_PTR(path);
	c->own_id = id && id == own_group() ? id : 0; /* or it was moved meanwhile */
	return 0;
}

/* Would stopping the group stop the caller? Unknown counts as no. */
int cgw__caller_inside(struct cgw_group *g)
{
	struct cgw__error saved = g->c->error;
	int err = own_path(g->c);

	g->c->error = saved;
	return !err && cgw__path_below(g->c->own_path, g->path);
}

#define FILEID_KERNFS 0xfe /* linux/exportfs.h */

/* Open a group by its number; it may be anywhere below the mount. */
int cgw__open_by_id(struct cgw *c, uint64_t id)
{
	union {
		struct file_handle head;
		char bytes[sizeof(struct file_handle) + sizeof(id)];
	} handle = { .head = { .handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS } };
	_cleanup_close_ int mount = open(c->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (mount < 0)
		return -errno;
	memcpy(handle.bytes + sizeof(handle.head), &id, sizeof(id));
	fd = open_by_handle_at(mount, &handle.head, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The path of a group below the mount. Return: 0, -ESTALE when it is gone, -errno. */
int cgw__path_by_id(struct cgw *c, uint64_t id, char *path, size_t size)
{
	_cleanup_close_ int fd = cgw__open_by_id(c, id);
	char link[64], target[PATH_MAX];
	size_t len = strlen(c->mount);
	ssize_t n;

	if (fd < 0)
		return fd;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (strncmp(target, c->mount, len) || (target[len] && target[len] != '/'))
		return -EXDEV;
	snprintf(path, size, "%s", target[len] ? target + len : "/");
	return 0;
}

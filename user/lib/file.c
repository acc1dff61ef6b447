// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Control files: opened beneath the group, read whole, written in one write. */
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "internal.h"

static int sys_openat2(int dirfd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned int)flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_XDEV,
	};
	long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* One component of the walk below: no link is followed, no other filesystem entered. */
static int open_component(int dirfd, const char *name, int flags, dev_t dev)
{
	_cleanup_close_ int fd = openat(dirfd, name, flags | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOTDIR)
		/* A link is none either, and openat2 tells them apart. */
		return !fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISLNK(st.st_mode) ?
			       -ELOOP : -ENOTDIR;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	if (st.st_dev != dev)
		return -EXDEV;
	return TAKE_FD(fd);
}

/* What openat2 does, for kernels, sandboxes and valgrind that do not have it. */
static int walk_beneath(int dirfd, const char *path, int flags)
{
	_cleanup_close_ int at = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);
	struct stat st;

	if (at < 0 || fstat(at, &st) < 0)
		return -errno;
	for (;;) {
		char name[NAME_MAX + 1];
		size_t n = strcspn(path, "/");
		int fd;

		if (n > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, n);
		name[n] = '\0';
		if (!n || !strcmp(name, ".."))
			return -EXDEV;
		if (!path[n])
			return open_component(at, name, flags, st.st_dev);
		fd = open_component(at, name, O_PATH | O_DIRECTORY, st.st_dev);
		if (fd < 0)
			return fd;
		close(at);
		at = fd;
		path += n + 1;
	}
}

/*
 * The only way a group or a file in one is opened. path is relative and never leaves
 * dirfd, through no link and no mount; nothing is ever created.
 */
int cgw__open_beneath(struct cgw *c, int dirfd, const char *path, int flags)
{
	if (!c->no_openat2) {
		int fd = sys_openat2(dirfd, path, flags);

		/* EPERM comes from seccomp filters that know nothing of openat2. */
		if (fd >= 0 || (fd != -ENOSYS && fd != -EPERM))
			return fd;
		if (fd == -ENOSYS)
			c->no_openat2 = true;
	}
	return walk_beneath(dirfd, path, flags);
}

ssize_t cgw__read_fd(int fd, char **ret_text)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0, room = 0;

	for (;;) {
		ssize_t n;

		if (room - len < 2048) {
			char *more = realloc(text, room = room ? room * 2 : 4096);

			if (!more)
				return -ENOMEM;
			text = more;
		}
		n = read(fd, text + len, room - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += n;
	}
	if (len && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	*ret_text = TAKE_PTR(text);
	return (ssize_t)len;
}

ssize_t cgw__read_at(struct cgw *c, int dirfd, const char *file, char **ret_text)
{
	_cleanup_close_ int fd = cgw__open_beneath(c, dirfd, file, O_RDONLY);

	return fd < 0 ? fd : cgw__read_fd(fd, ret_text);
}

int cgw__write_at(struct cgw *c, int dirfd, const char *file, const char *value)
{
	/* A recorded tree's file may be longer than what is written; cgroupfs pays for O_TRUNC. */
	_cleanup_close_ int fd = cgw__open_beneath(c, dirfd, file,
						   O_WRONLY | (c->recorded ? O_TRUNC : 0));
	size_t len = strlen(value);
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		n = write(fd, value, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

/* A file of /proc/PID, or of /proc/self for pid 0. */
ssize_t cgw__read_proc(struct cgw *c, pid_t pid, const char *file, char **ret_text)
{
	const char *proc = c->proc_root ? c->proc_root : "/proc";
	_cleanup_close_ int fd = -EBADF;
	char path[256];

	if (pid)
		snprintf(path, sizeof(path), "%s/%d/%s", proc, pid, file);
	else
		snprintf(path, sizeof(path), "%s/self/%s", proc, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : cgw__read_fd(fd, ret_text);
}

/* The next of some words separated by blanks, not terminated; NULL at the end. */
const char *cgw__next_word(const char **p, size_t *ret_len)
{
	const char *word = *p + strspn(*p, " \t\n");

	*ret_len = strcspn(word, " \t\n");
	*p = word + *ret_len;
	return *ret_len ? word : NULL;
}

bool cgw__has_word(const char *words, const char *word)
{
	const char *w;
	size_t n;

	while ((w = cgw__next_word(&words, &n)))
		if (n == strlen(word) && !memcmp(w, word, n))
			return true;
	return false;
}

/* A control file's name is one component; anything else is a mistake or an attack. */
static int check_name(struct cgw *c, const char *file)
{
	if (!file[0] || strchr(file, '/') || !strcmp(file, ".") || !strcmp(file, ".."))
		return cgw__bad(c, -EINVAL, "bad control file name '%s'", file);
	return 0;
}

ssize_t cgw_group_read(struct cgw_group *g, const char *file, char **ret_text)
{
	char what[640];
	ssize_t n;
	int err = check_name(g->c, file);

	if (err)
		return err;
	n = cgw__read_at(g->c, g->fd, file, ret_text);
	if (n >= 0)
		return n;
	snprintf(what, sizeof(what), "cannot read %s of '%s'", file, g->path);
	if (n == -ENOENT || n == -ENODEV)
		return cgw__explain_missing(g, (int)n, what, file);
	return cgw__err(g->c, (int)n, "%s", what);
}

int cgw_group_write(struct cgw_group *g, const char *file, const char *value)
{
	char what[768];
	int err = check_name(g->c, file);

	if (err)
		return err;
	err = cgw__write_at(g->c, g->fd, file, value);
	if (!err)
		return 0;
	snprintf(what, sizeof(what), "cannot set %s=%s in '%s'", file, value, g->path);
	switch (err) {
	case -ENOENT:
	case -ENODEV:
		return cgw__explain_missing(g, err, what, file);
	case -EACCES:
	case -EPERM:
	case -EROFS:
		err = cgw__explain_access(g->c, err, what, g->path);
		if (err != -EROFS && !cgw_hint(g->c) && !cgw__has_cap(CAP_DAC_OVERRIDE))
			cgw__hint(g->c, "who delegated '%s' sets its limits, its user those of groups below it",
				  g->path);
		return err;
	case -EINVAL:
	case -ERANGE:
	case -EOPNOTSUPP:
		return cgw__explain_value(g, err, what, file);
	default:
		return cgw__err(g->c, err, "%s", what);
	}
}

/* Call fn for each line of a copy of text; it may cut the line up. */
static int for_each_line(const char *text, int (*each)(char *line, cgw_key_fn fn, void *arg),
			 cgw_key_fn fn, void *arg)
{
	_cleanup_free_ char *copy = strdup(text);
	char *save, *line;
	int err;

	if (!copy)
		return -ENOMEM;
	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		err = each(line, fn, arg);
		if (err)
			return err;
	}
	return 0;
}

static int flat_line(char *line, cgw_key_fn fn, void *arg)
{
	char *value = strchr(line, ' ');

	if (!value || value == line || !value[1] || strchr(value + 1, ' '))
		return -EINVAL;
	*value++ = '\0';
	return fn(NULL, line, value, arg);
}

int cgw_parse_flat(const char *text, cgw_key_fn fn, void *arg)
{
	return for_each_line(text, flat_line, fn, arg);
}

static int nested_line(char *line, cgw_key_fn fn, void *arg)
{
	char *save, *pair, *name = strtok_r(line, " ", &save);
	int err;

	if (!name)
		return -EINVAL;
	for (pair = strtok_r(NULL, " ", &save); pair; pair = strtok_r(NULL, " ", &save)) {
		char *value = strchr(pair, '=');

		if (!value || value == pair)
			return -EINVAL;
		*value++ = '\0';
		err = fn(name, pair, value, arg);
		if (err)
			return err;
	}
	return 0;
}

int cgw_parse_nested(const char *text, cgw_key_fn fn, void *arg)
{
	return for_each_line(text, nested_line, fn, arg);
}

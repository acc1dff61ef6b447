// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * What is recorded in the background: a file NAME.trace for each in a directory of root's own.
 * Who records holds a record lock on it, so that the kernel says who that is, and whether he
 * lives. In the end he adds how it went.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "trace.h"

#define SUFFIX ".trace"

static int fail(struct cmd_ctx *x, const char *what, int err)
{
	return cmd_error(x, EXIT_REFUSED, strerrorname_np(err), NULL, "%s: %s", what,
			 strerror(err));
}

int trace_name(struct cmd_ctx *x, const char *name)
{
	size_t len =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	if (name[len] || !len || len > 64 || name[0] == '.' || name[0] == '-')
		return cmd_usage(x, "'%s' is no name: letters, digits and _.- inside, 64 at most",
				 name);
	return 0;
}

/* Return: the directory, locked if asked for; -1 when there is none yet, -2 after an error. */
static int open_dir(struct cmd_ctx *x, bool make, bool lock)
{
	struct stat st;
	int fd;

	if (make && mkdir(TRACE_DIR, 0700) < 0 && errno != EEXIST) {
		fail(x, "cannot make " TRACE_DIR, errno);
		return -2;
	}
	fd = open(TRACE_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return -1;
	if (fd < 0 || fstat(fd, &st) < 0 || (lock && flock(fd, LOCK_EX) < 0)) {
		fail(x, "cannot open " TRACE_DIR, errno);
		cmd_closep(&fd);
		return -2;
	}
	if (st.st_uid || st.st_mode & 077) {
		cmd_error(x, EXIT_REFUSED, "EPERM", "remove it, or make it so",
			  TRACE_DIR " does not belong to root alone");
		close(fd);
		return -2;
	}
	return fd;
}

/* The value of a line "KEY VALUE"; "" where there is none. */
static void take_value(const char *text, const char *key, char *buf, size_t size)
{
	size_t n = strlen(key);

	buf[0] = '\0';
	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, key, n) || p[n] != ' ')
			continue;
		snprintf(buf, size, "%.*s", (int)strcspn(p + n + 1, "\n"), p + n + 1);
		return;
	}
}

/* Who holds the lock; 0 = nobody, -1 = somebody of another pid namespace. */
static pid_t holder(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid > 0 ? lock.l_pid : -1;
}

/* Read what the file says by now. Return: 0 or -errno. */
int trace_state_look(struct trace_state *s)
{
	char text[PATH_MAX + 1024], value[128];
	ssize_t n;

	s->pid = holder(s->fd);
	n = pread(s->fd, text, sizeof(text) - 1, 0);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	take_value(text, "tracers", s->tracers, sizeof(s->tracers));
	take_value(text, "file", s->file, sizeof(s->file));
	take_value(text, "why", s->why, sizeof(s->why));
	take_value(text, "since", value, sizeof(value));
	s->since_ns = strtoull(value, NULL, 10);
	take_value(text, "ended", value, sizeof(value));
	s->ended = !s->pid &&
		   sscanf(value, "%d %" SCNu64 " %" SCNu64, &s->status, &s->events, &s->lost) == 3;
	return 0;
}

static int open_state(int dir, const char *name, struct trace_state *s)
{
	char file[80];

	snprintf(s->name, sizeof(s->name), "%s", name);
	snprintf(file, sizeof(file), "%s" SUFFIX, name);
	s->fd = openat(dir, file, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return s->fd < 0 ? -errno : trace_state_look(s);
}

int trace_state_find(struct cmd_ctx *x, const char *name, struct trace_state *ret_s)
{
	int dir = open_dir(x, false, false), err;

	if (dir == -2)
		return EXIT_REFUSED;
	err = dir < 0 ? -ENOENT : open_state(dir, name, ret_s);
	cmd_closep(&dir);
	if (err == -ENOENT)
		return cmd_error(x, EXIT_REFUSED, "ENOENT", "cgward trace list lists them",
				 "there is no trace '%s'", name);
	return err ? fail(x, "cannot read the state of the trace", -err) : 0;
}

/* The file, complete and locked by us before anybody sees it under its name. */
static int make_state(int dir, struct trace_state *s)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char file[80];

	snprintf(file, sizeof(file), "%s" SUFFIX, s->name);
	s->fd = openat(dir, ".new", O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->fd < 0 || fcntl(s->fd, F_SETLK, &lock) < 0 ||
	    dprintf(s->fd, "tracers %s\nfile %s\nsince %" PRIu64 "\n", s->tracers, s->file,
		    s->since_ns) < 0 ||
	    renameat(dir, ".new", dir, file) < 0)
		return -errno;
	return 0;
}

/* Take the name for this process; it is free again when that has ended. */
int trace_state_claim(struct cmd_ctx *x, struct trace_state *s)
{
	struct trace_state old = { .fd = -1 };
	int dir = open_dir(x, true, true), err;

	if (dir < 0)
		return EXIT_REFUSED;
	err = open_state(dir, s->name, &old);
	if (!err && old.pid)
		err = cmd_error(x, EXIT_REFUSED, "EEXIST", "cgward trace stop ends it",
				"the trace '%s' runs already (pid %d)", s->name, old.pid);
	else if (err && err != -ENOENT)
		err = fail(x, "cannot read the state of the trace", -err);
	else
		err = make_state(dir, s);
	cmd_closep(&old.fd);
	close(dir);
	return err < 0 ? fail(x, "cannot keep the state of the trace", -err) : err;
}

/* Say how it ended, where somebody may ask. */
void trace_state_end(const struct trace_state *s)
{
	if (lseek(s->fd, 0, SEEK_END) < 0 ||
	    dprintf(s->fd, "why %s\nended %d %" PRIu64 " %" PRIu64 "\n", s->why, s->status,
		    s->events, s->lost) < 0)
		return;
}

/* Unless it is another's by now. */
void trace_state_remove(const struct trace_state *s)
{
	int dir = open(TRACE_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat ours, there;
	char file[80];

	snprintf(file, sizeof(file), "%s" SUFFIX, s->name);
	if (dir >= 0 && !flock(dir, LOCK_EX) && !fstat(s->fd, &ours) &&
	    !fstatat(dir, file, &there, AT_SYMLINK_NOFOLLOW) && ours.st_ino == there.st_ino)
		unlinkat(dir, file, 0);
	cmd_closep(&dir);
}

static int is_state(const struct dirent *d)
{
	size_t len = strlen(d->d_name), end = strlen(SUFFIX);

	return d->d_name[0] != '.' && len > end && len <= 64 + end &&
	       !strcmp(d->d_name + len - end, SUFFIX);
}

/* Call fn for each, in the order of their names. */
int trace_state_each(struct cmd_ctx *x, void (*fn)(struct cmd_ctx *x, const struct trace_state *s))
{
	struct dirent **entries = NULL;
	int dir = open_dir(x, false, false), n;

	if (dir < 0)
		return dir == -2 ? EXIT_REFUSED : 0;
	n = scandirat(dir, ".", &entries, is_state, alphasort);
	for (int i = 0; i < n; i++) {
		struct trace_state s = { .fd = -1 };
		char *name = entries[i]->d_name;

		name[strlen(name) - strlen(SUFFIX)] = '\0';
		/* One that is stopped meanwhile is not there. */
		if (!open_state(dir, name, &s))
			fn(x, &s);
		cmd_closep(&s.fd);
		free(entries[i]);
	}
	free(entries);
	close(dir);
	return n < 0 ? fail(x, "cannot read " TRACE_DIR, errno) : 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The context: where cgroup2 is mounted, the last error, the log callback. */
#include <ctype.h>
#include <linux/magic.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "internal.h"

#ifndef CGWARD_VERSION
#error "CGWARD_VERSION is set by the Makefile"
#endif

const char *cgw_version(void)
{
	return CGWARD_VERSION;
}

const char *cgw_features(void)
{
	return CGWARD_FEATURES;
}

int cgw_new(struct cgw **ret_c)
{
	struct cgw *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->root_fd = -EBADF;
	*ret_c = c;
	return 0;
}

void cgw_free(struct cgw *c)
{
	if (!c)
		return;
	cgw__loader_free(c->loader);
	cgw__bus_free(c->bus[false]);
	cgw__bus_free(c->bus[true]);
	if (c->root_fd >= 0)
		close(c->root_fd);
	free(c->cgroup_root);
	free(c->proc_root);
	free(c->mount);
	free(c->own_path);
	free(c->v1_names);
	free(c);
}

void cgw_set_log(struct cgw *c, cgw_log_fn fn, void *arg)
{
	c->log_fn = fn;
	c->log_arg = arg;
}

const char *cgw_strerror(const struct cgw *c)
{
	return c->error.text;
}

const char *cgw_hint(const struct cgw *c)
{
	return c->error.hint[0] ? c->error.hint : NULL;
}

bool cgw_error_is_input(const struct cgw *c)
{
	return c->error.input;
}

bool cgw_error_is_exec(const struct cgw *c)
{
	return c->error.exec;
}

/* Names and values come from others: what is in them must not steer a terminal. */
static void make_plain(char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			*text = '?';
}

static _printf_(3, 0) void set_error(struct cgw *c, bool input, const char *fmt, va_list ap,
				     const char *why)
{
	char text[sizeof(c->error.text)];
	int n;

	/* Formatted aside first: an argument may be the text of the previous error. */
	n = vsnprintf(text, sizeof(text), fmt, ap);
	if (why && n >= 0 && (size_t)n < sizeof(text))
		snprintf(text + n, sizeof(text) - n, ": %s", why);
	make_plain(text);
	memcpy(c->error.text, text, sizeof(text));
	c->error.hint[0] = '\0';
	c->error.input = input;
	c->error.exec = false;
	cgw__log(c, CGW_LOG_DEBUG, "%s", text);
}

/* "WHAT: reason of errno"; the caller's text says what was tried on what. */
int cgw__err(struct cgw *c, int err, const char *fmt, ...)
{
	char reason[128];
	va_list ap;

	va_start(ap, fmt);
	set_error(c, false, fmt, ap, strerror_r(-err, reason, sizeof(reason)));
	va_end(ap);
	return err;
}

/* The caller's text already says why. */
int cgw__fail(struct cgw *c, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_error(c, false, fmt, ap, NULL);
	va_end(ap);
	return err;
}

/* As cgw__fail(), for input that is refused without asking the kernel. */
int cgw__bad(struct cgw *c, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_error(c, true, fmt, ap, NULL);
	va_end(ap);
	return err;
}

int cgw__oom(struct cgw *c)
{
	return cgw__fail(c, -ENOMEM, "out of memory");
}

void cgw__hint(struct cgw *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->error.hint, sizeof(c->error.hint), fmt, ap);
	va_end(ap);
	make_plain(c->error.hint);
}

void cgw__log(struct cgw *c, enum cgw_log_level level, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	if (!c->log_fn)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	make_plain(line);
	c->log_fn(level, line, c->log_arg);
}

bool cgw__has_cap(unsigned int cap)
{
	cap_flag_value_t set = CAP_CLEAR;
	cap_t caps = cap_get_proc();

	if (!caps)
		return false;
	cap_get_flag(caps, (cap_value_t)cap, CAP_EFFECTIVE, &set);
	cap_free(caps);
	return set == CAP_SET;
}

int cgw_set_proc_root(struct cgw *c, const char *dir)
{
	char *copy = strdup(dir);

	if (!copy)
		return cgw__oom(c);
	free(c->proc_root);
	c->proc_root = copy;
	return 0;
}

int cgw_set_cgroup_root(struct cgw *c, const char *dir)
{
	struct statfs fs;
	struct stat st;
	char *copy;

	if (c->root_fd >= 0)
		return cgw__fail(c, -EBUSY, "cannot use cgroup root '%s': already in use: '%s'", dir,
				 c->mount);
	if (stat(dir, &st) < 0 || statfs(dir, &fs) < 0)
		return cgw__err(c, -errno, "cannot use cgroup root '%s'", dir);
	if (!S_ISDIR(st.st_mode))
		return cgw__err(c, -ENOTDIR, "cannot use cgroup root '%s'", dir);
	copy = realpath(dir, NULL);
	if (!copy)
		return cgw__err(c, -errno, "cannot use cgroup root '%s'", dir);
	free(c->cgroup_root);
	c->cgroup_root = copy;
	c->recorded = fs.f_type != CGROUP2_SUPER_MAGIC;
	return 0;
}

static bool is_escape(const char *s)
{
	return s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
	       s[3] >= '0' && s[3] <= '7';
}

/* Undo the octal escapes that mountinfo uses for blanks and backslashes. */
static void unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (is_escape(s)) {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

/* Add the controllers among a v1 mount's options ("rw,cpu,cpuacct") to c->v1_names. */
static int add_v1_names(struct cgw *c, char *options)
{
	char *save, *name;

	for (name = strtok_r(options, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		bool known = false;
		char *names;

		for (size_t i = 0; cgw__known_controllers[i]; i++)
			known = known || !strcmp(name, cgw__known_controllers[i]);
		/* v1's name for what v2 calls io; devices and freezer are no v2 controllers */
		if (!strcmp(name, "blkio")) {
			name = (char *)"io";
			known = true;
		}
		if (!known || (c->v1_names && cgw__has_word(c->v1_names, name)))
			continue;
		if (asprintf(&names, "%s%s%s", c->v1_names ? c->v1_names : "",
			     c->v1_names ? " " : "", name) < 0)
			return -ENOMEM;
		free(c->v1_names);
		c->v1_names = names;
	}
	return 0;
}

/*
 * One line of mountinfo: "36 35 98:0 /root /mount options tags - type source super".
 * The first cgroup2 mount that shows its whole hierarchy is the one that counts; any
 * cgroup mount of v1 makes the host a hybrid one.
 */
static int parse_mount(struct cgw *c, char *line, bool *v1)
{
	char *save, *root, *mount, *type, *super, *dash = strstr(line, " - ");

	if (!dash)
		return 0;
	*dash = '\0';
	type = strtok_r(dash + 3, " ", &save);
	strtok_r(NULL, " ", &save);
	super = strtok_r(NULL, " ", &save);
	if (!type || strncmp(type, "cgroup", 6))
		return 0;
	if (!strcmp(type, "cgroup")) {
		*v1 = true;
		return super ? add_v1_names(c, super) : 0;
	}
	if (strcmp(type, "cgroup2") || c->mount)
		return 0;
	strtok_r(line, " ", &save);
	strtok_r(NULL, " ", &save);
	strtok_r(NULL, " ", &save);
	root = strtok_r(NULL, " ", &save);
	mount = strtok_r(NULL, " ", &save);
	if (!mount || strcmp(root, "/"))
		return 0;
	unescape(mount);
	if (mount[0] != '/')
		return 0;
	c->mount = strdup(mount);
	return c->mount ? 0 : -ENOMEM;
}

/* Which hierarchies are mounted, and where; cuts the text up. */
int cgw__parse_mountinfo(struct cgw *c, char *text)
{
	bool v1 = false;
	char *save, *line;
	int err = 0;

	for (line = strtok_r(text, "\n", &save); line && !err; line = strtok_r(NULL, "\n", &save))
		err = parse_mount(c, line, &v1);
	if (c->cgroup_root && !err) {
		free(c->mount);
		c->mount = strdup(c->cgroup_root);
		err = c->mount ? 0 : -ENOMEM;
	}
	if (err)
		return cgw__oom(c);
	if (c->mount)
		c->mode = v1 ? CGW_MODE_HYBRID : CGW_MODE_UNIFIED;
	c->discovered = true;
	return 0;
}

static int discover(struct cgw *c)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n;

	if (c->discovered)
		return 0;
	n = cgw__read_proc(c, 0, "mountinfo", &text);
	if (n < 0)
		return cgw__err(c, (int)n, "cannot read %s/self/mountinfo",
				c->proc_root ? c->proc_root : "/proc");
	return cgw__parse_mountinfo(c, text);
}

int cgw_get_mode(struct cgw *c, enum cgw_mode *ret_mode, const char **ret_mount)
{
	int err = discover(c);

	if (err)
		return err;
	*ret_mode = c->mode;
	if (ret_mount)
		*ret_mount = c->mount;
	return 0;
}

int cgw_v1_controllers(struct cgw *c, const char **ret_names)
{
	int err = discover(c);

	if (err)
		return err;
	*ret_names = c->v1_names ? c->v1_names : "";
	return 0;
}

/* Open the root of the hierarchy, once. */
int cgw__root(struct cgw *c)
{
	struct statfs fs;
	int err, fd;

	if (c->root_fd >= 0)
		return c->root_fd;
	err = discover(c);
	if (err)
		return err;
	if (!c->mount) {
		err = cgw__fail(c, -ENOENT, "no cgroup2 filesystem is mounted");
		cgw__hint(c, "mount -t cgroup2 none /sys/fs/cgroup, or name one by --cgroup-root");
		return err;
	}
	fd = open(c->mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return cgw__err(c, -errno, "cannot open the cgroup2 mount '%s'", c->mount);
	/* Something mounted over it would lead every path elsewhere. */
	if (!c->recorded && (fstatfs(fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)) {
		close(fd);
		return cgw__fail(c, -EXDEV, "'%s' is not a cgroup2 filesystem (covered by a mount?)",
				 c->mount);
	}
	c->root_fd = fd;
	return fd;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Remove the pins of this and other builds, when no group uses what they hold. */
#include <bpf/bpf.h>

#include "device.h"

/* What a pin directory of this or another build holds. */
struct pinned {
	int maps[16];
	size_t n_maps;
	uint32_t programs[32];
	size_t n_programs;
};

static void close_pinned(struct pinned *p)
{
	while (p->n_maps)
		close(p->maps[--p->n_maps]);
}

/* Does the group have one of the programs attached? */
static bool uses(int group_fd, const struct pinned *p)
{
	uint32_t ids[64], n = ARRAY_SIZE(ids);

	if (bpf_prog_query(group_fd, BPF_CGROUP_DEVICE, 0, NULL, ids, &n))
		return errno != ENOENT; /* when in doubt it is in use */
	for (uint32_t i = 0; i < n; i++)
		for (size_t j = 0; j < p->n_programs; j++)
			if (ids[i] == p->programs[j])
				return true;
	return false;
}

/* A group can have a value in the map of each size class it once had. */
struct users {
	uint64_t *ids;
	size_t n;
	char text[300];
};

static void free_users(struct users *u)
{
	free(u->ids);
}

/* Return: is it a new one? */
static bool add_user(struct users *u, uint64_t id)
{
	uint64_t *more;

	for (size_t i = 0; i < u->n; i++)
		if (u->ids[i] == id)
			return false;
	more = realloc(u->ids, (u->n + 1) * sizeof(*more));
	if (!more)
		return false;
	u->ids = more;
	u->ids[u->n++] = id;
	return true;
}

/* The groups that the map has a policy for and that have a program attached. */
static void find_users(struct cgw *c, int map_fd, const struct pinned *p, struct users *u)
{
	uint64_t id, *at = NULL;

	while (!bpf_map_get_next_key(map_fd, at, &id)) {
		_cleanup_close_ int fd = cgw__open_by_id(c, id);
		size_t len = strlen(u->text);
		char link[64], path[512];
		ssize_t n;

		at = &id;
		if (fd == -ESTALE || fd == -ENOENT || (fd >= 0 && !uses(fd, p)))
			continue;
		if (!add_user(u, id) || u->n > 3)
			continue;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = fd < 0 ? -1 : readlink(link, path, sizeof(path) - 1);
		if (n < 0)
			snprintf(path, sizeof(path), "group number %llu", (unsigned long long)id);
		else
			path[n] = '\0';
		snprintf(u->text + len, sizeof(u->text) - len, "%s%s", len ? ", " : "",
			 n > 0 && cgw__path_below(path, c->mount) ? path + strlen(c->mount) : path);
	}
}

/* Maps are told from programs by the names that every build gives their pins. */
static void open_pin(int dir, const char *name, struct pinned *p)
{
	bool is_map = !strncmp(name, "policies", 8);
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
	fd = bpf_obj_get(path);
	if (is_map && fd >= 0 && p->n_maps < ARRAY_SIZE(p->maps)) {
		p->maps[p->n_maps++] = fd;
		return;
	}
	if (!is_map && fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) &&
	    p->n_programs < ARRAY_SIZE(p->programs))
		p->programs[p->n_programs++] = info.id;
	if (fd >= 0)
		close(fd);
}

/* Call each entry of a directory by open_pin(), or unlink it where p is NULL. */
static int for_each_pin(int dir, struct pinned *p)
{
	_cleanup_(cgw__closedirp) DIR *list = fdopendir(fcntl(dir, F_DUPFD_CLOEXEC, 3));
	const struct dirent *entry;

	if (!list)
		return -errno;
	rewinddir(list);
	while ((entry = readdir(list))) {
		if (entry->d_name[0] == '.')
			continue;
		if (p)
			open_pin(dir, entry->d_name, p);
		else if (unlinkat(dir, entry->d_name, 0) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

static int unload_dir(struct cgw *c, int pins_fd, const char *name, unsigned int flags)
{
	_cleanup_close_ int dir = openat(pins_fd, name,
					 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(close_pinned) struct pinned p = { 0 };
	_cleanup_(free_users) struct users u = { 0 };
	int err;

	if (dir < 0)
		return cgw__err(c, -errno, "cannot open the pin directory '%s'", name);
	err = for_each_pin(dir, &p);
	for (size_t i = 0; i < p.n_maps && !(flags & CGW_UNLOAD_FORCE); i++)
		find_users(c, p.maps[i], &p, &u);
	if (u.n) {
		cgw__fail(c, -EBUSY, "cannot unload: %zu group%s the device program: %s%s", u.n,
			  u.n == 1 ? " uses" : "s use", u.text, u.n > 3 ? ", ..." : "");
		cgw__hint(c, "cgward devices clear GROUP first; --force leaves their policies in force, unpinned");
		return -EBUSY;
	}
	if (!err)
		err = for_each_pin(dir, NULL);
	if (err)
		return cgw__err(c, err, "cannot remove the pins in '%s'", name);
	if (unlinkat(pins_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return cgw__err(c, -errno, "cannot remove the pin directory '%s'", name);
	return 1;
}

static int unload_all(struct cgw *c, int pins_fd, unsigned int flags)
{
	_cleanup_(cgw__closedirp) DIR *list = fdopendir(fcntl(pins_fd, F_DUPFD_CLOEXEC, 3));
	const struct dirent *entry;
	int removed = 0;

	if (!list)
		return cgw__err(c, -errno, "cannot list the pins");
	while ((entry = readdir(list))) {
		int err;

		if (entry->d_name[0] == '.' || !strcmp(entry->d_name, CGW_LOCK_NAME))
			continue;
		err = unload_dir(c, pins_fd, entry->d_name, flags);
		if (err < 0)
			return err;
		removed += err;
	}
	return removed;
}

int cgw_unload(struct cgw *c, unsigned int flags)
{
	_cleanup_close_ int pins_fd = -EBADF, bpffs = -EBADF;
	int n, err = cgw__root(c);

	if (err < 0)
		return err;
	pins_fd = cgw__open_pins(c, false);
	if (pins_fd == -ENOENT || pins_fd == -EXDEV)
		return 0;
	if (pins_fd == -EPERM)
		return pins_fd;
	if (pins_fd < 0) {
		cgw__err(c, pins_fd, "cannot open " CGW_BPFFS "/cgward");
		if (pins_fd == -EACCES)
			cgw__hint(c, "only root, or CAP_DAC_OVERRIDE, may look into it");
		return pins_fd;
	}
	/* Under the lock of these pins, whatever this context used before. */
	err = cgw__use_pins(c, pins_fd);
	if (!err)
		err = cgw__device_lock(c, false);
	if (err)
		return err;
	n = unload_all(c, pins_fd, flags);
	bpffs = open(CGW_BPFFS, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (n >= 0) {
		cgw__lock_remove(c, pins_fd);
		unlinkat(bpffs, "cgward", AT_REMOVEDIR); /* unless somebody uses it again */
	}
	cgw__device_unlock(c);
	return n;
}

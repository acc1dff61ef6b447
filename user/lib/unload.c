// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Remove the pins of this and other builds, when no group uses what they hold. */
#include <bpf/bpf.h>

#include "device.h"

#define FILEID_KERNFS 0xfe /* linux/exportfs.h */

/* Open a group by its number; it may be anywhere below the mount. */
static int open_by_id(struct cgw *c, uint64_t id)
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

/* Does the group have one of these programs attached? */
static bool uses(int group_fd, const uint32_t ours[N_PINS])
{
	uint32_t ids[64], n = ARRAY_SIZE(ids);

	if (bpf_prog_query(group_fd, BPF_CGROUP_DEVICE, 0, NULL, ids, &n))
		return errno != ENOENT; /* when in doubt it is in use */
	for (uint32_t i = 0; i < n; i++)
		if (ids[i] == ours[FILTER] || ids[i] == ours[ADOPTER])
			return true;
	return false;
}

struct users {
	size_t n;
	char text[300];
};

/* The groups that the map has a policy for and that have a program attached. */
static void find_users(struct cgw *c, int map_fd, const uint32_t ids[N_PINS], struct users *u)
{
	uint64_t id, *at = NULL;

	while (!bpf_map_get_next_key(map_fd, at, &id)) {
		_cleanup_close_ int fd = open_by_id(c, id);
		size_t len = strlen(u->text);
		char link[64], path[512];
		ssize_t n;

		at = &id;
		if (fd == -ESTALE || fd == -ENOENT || (fd >= 0 && !uses(fd, ids)))
			continue;
		if (u->n++ >= 3)
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

/* The map and programs that a pin directory holds; what it lacks stays -EBADF. */
static void open_pinned(int dir, int fds[N_PINS], uint32_t ids[N_PINS])
{
	for (int i = 0; i < N_PINS; i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, cgw__pin_names[i]);
		fds[i] = bpf_obj_get(path);
		ids[i] = 0;
		if (i != POLICIES && fds[i] >= 0 && !bpf_obj_get_info_by_fd(fds[i], &info, &len))
			ids[i] = info.id;
	}
}

static int unload_dir(struct cgw *c, int pins_fd, const char *name, unsigned int flags)
{
	_cleanup_close_ int dir = openat(pins_fd, name,
					 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct users u = { 0 };
	uint32_t ids[N_PINS];
	int fds[N_PINS];

	if (dir < 0)
		return cgw__err(c, -errno, "cannot open the pin directory '%s'", name);
	open_pinned(dir, fds, ids);
	if (fds[POLICIES] >= 0 && !(flags & CGW_UNLOAD_FORCE))
		find_users(c, fds[POLICIES], ids, &u);
	for (int i = 0; i < N_PINS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (u.n) {
		cgw__fail(c, -EBUSY, "cannot unload: %zu group%s the device program: %s%s", u.n,
			  u.n == 1 ? " uses" : "s use", u.text, u.n > 3 ? ", ..." : "");
		cgw__hint(c, "cgward devices clear GROUP first; --force leaves their policies in force, unpinned");
		return -EBUSY;
	}
	for (int i = 0; i < N_PINS; i++)
		if (unlinkat(dir, cgw__pin_names[i], 0) < 0 && errno != ENOENT)
			return cgw__err(c, -errno, "cannot remove the pin '%s'", cgw__pin_names[i]);
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

		if (entry->d_name[0] == '.')
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
	err = cgw__device_lock(c);
	if (err)
		return err;
	n = unload_all(c, pins_fd, flags);
	bpffs = open(CGW_BPFFS, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (n >= 0)
		unlinkat(bpffs, "cgward", AT_REMOVEDIR); /* unless somebody uses it again */
	cgw__device_unlock(c);
	return n;
}

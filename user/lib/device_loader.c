// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Loads bpf/device.bpf.c once per boot and pins it; finds it again for the next process. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "device.h"
#include "device.skel.h"

const char *const cgw__pin_names[N_PINS] = {
	"policies0", "filter0", "adopter0", "shortcut0", "policies1", "filter1",
	"adopter1", "shortcut1", "policies2", "filter2", "adopter2", "shortcut2",
	"policies3", "filter3", "adopter3", "shortcut3",
};

static void drop_fds(struct cgw__loader *l)
{
	for (size_t i = 0; i < N_PINS; i++)
		if (l->fds[i] >= 0)
			close(TAKE_FD(l->fds[i]));
}

void cgw__loader_free(struct cgw__loader *l)
{
	if (!l)
		return;
	drop_fds(l);
	cgw__own_free(l->own);
	cgw__lock_unmap(l);
	if (l->dir_fd >= 0)
		close(l->dir_fd);
	free(l);
}

/* The name of the pin directory: a hash of the object, so that a stale pin is never used. */
static void abi_name(char buf[17])
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	size_t size;
	const unsigned char *elf = cgw_device_bpf__elf_bytes(&size);

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ elf[i]) * 0x100000001b3ULL;
	snprintf(buf, 17, "%016llx", (unsigned long long)hash);
}

/* bpffs is world-writable: a directory counts only when root made it for itself. */
static int check_dir(struct cgw *c, int fd, const char *path)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type != BPF_FS_MAGIC)
		return -EXDEV;
	if (st.st_uid != 0 || (st.st_mode & 07777) != 0700)
		return cgw__fail(c, -EPERM, "not using %s: owner %u, mode %04o, not root's own 0700",
				 path, st.st_uid, st.st_mode & 07777);
	return 0;
}

/* Open a directory of pins beneath dirfd, made when it is missing and make is set. */
static int open_dir(struct cgw *c, int dirfd, const char *name, const char *path, bool make)
{
	_cleanup_close_ int fd = -EBADF;
	int err;

	if (make && mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = check_dir(c, fd, path);
	return err ? err : TAKE_FD(fd);
}

static int open_abi_dir(struct cgw *c, int pins_fd)
{
	char abi[17], path[64];

	abi_name(abi);
	snprintf(path, sizeof(path), CGW_BPFFS "/cgward/%s", abi);
	return open_dir(c, pins_fd, abi, path, true);
}

/* /sys/fs/bpf/cgward, on which writers of policies take turns. */
int cgw__open_pins(struct cgw *c, bool make)
{
	_cleanup_close_ int bpffs = open(CGW_BPFFS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (bpffs < 0)
		return -errno;
	if (fstatfs(bpffs, &fs) < 0)
		return -errno;
	if (fs.f_type != BPF_FS_MAGIC)
		return -EXDEV;
	return open_dir(c, bpffs, "cgward", CGW_BPFFS "/cgward", make);
}

static int get_pinned(struct cgw__loader *l, int dir)
{
	for (size_t i = 0; i < N_PINS; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, cgw__pin_names[i]);
		l->fds[i] = bpf_obj_get(path);
		if (l->fds[i] < 0) {
			int err = -errno;

			while (i--)
				close(TAKE_FD(l->fds[i]));
			return err;
		}
	}
	return 0;
}

static int pin_all(struct cgw__loader *l, int dir)
{
	for (size_t i = 0; i < N_PINS; i++) {
		char path[64];
		int err = 0;

		/* A loader that was killed half-way may have left some; nobody uses those. */
		if (unlinkat(dir, cgw__pin_names[i], 0) < 0 && errno != ENOENT)
			err = -errno;
		snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, cgw__pin_names[i]);
		if (!err && bpf_obj_pin(l->fds[i], path) < 0)
			err = -errno;
		if (err) {
			while (i--)
				unlinkat(dir, cgw__pin_names[i], 0);
			return err;
		}
	}
	return 0;
}

/* EPERM of bpf(2): which capability is it, or is it something else? */
int cgw__explain_bpf(struct cgw *c, int err, const char *what)
{
	static const struct {
		unsigned int cap;
		const char *name;
	} needed[] = {
		{ CAP_BPF, "CAP_BPF" },
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN" },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
	};

	if (err == -ENOSYS || (err == -EINVAL && !strncmp(what, "cannot load", 11))) {
		cgw__err(c, err, "%s", what);
		cgw__hint(c, "the kernel needs CONFIG_BPF_SYSCALL and CONFIG_CGROUP_BPF, Linux 5.9 or later");
		return err;
	}
	if (err != -EPERM && err != -EACCES)
		return cgw__err(c, err, "%s", what);
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!cgw__has_cap(needed[i].cap)) {
			cgw__fail(c, -EPERM, "%s: %s is missing", what, needed[i].name);
			cgw__hint(c, "run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN in the initial user namespace");
			return -EPERM;
		}
	cgw__err(c, err, "%s", what);
	cgw__hint(c, "a security module, or a filter attached exclusively (flags 0) to this group or one above, forbids it");
	return err;
}

/* Duplicates, since the skeleton (or the caller) closes its own. */
static int take_fds(struct cgw *c, const struct cgw_device_programs *p, struct cgw__loader *l)
{
	for (unsigned int k = 0; k < CGW_POLICY_CLASSES; k++) {
		const int fds[N_KINDS] = { p->policies[k], p->filters[k], p->adopters[k],
					   p->shortcuts[k] };

		for (unsigned int kind = 0; kind < N_KINDS; kind++) {
			int *fd = &l->fds[cgw__pin(k, kind)];

			*fd = fcntl(fds[kind], F_DUPFD_CLOEXEC, 3);
			if (*fd < 0)
				return cgw__err(c, -errno, "cannot take over the device program");
		}
	}
	return 0;
}

static int load(struct cgw *c, struct cgw__loader *l)
{
	struct cgw_device_programs programs;
	struct cgw_device_bpf *skel;
	int err;

	cgw__bpf_log_begin(c);
	skel = cgw_device_bpf__open();
	err = skel ? cgw_device_bpf__load(skel) : -errno;
	cgw__bpf_log_end();
	if (err) {
		cgw_device_bpf__destroy(skel);
		return cgw__explain_bpf(c, err, "cannot load the device program");
	}
	programs = (struct cgw_device_programs)CGW_DEVICE_PROGRAMS(skel);
	err = take_fds(c, &programs, l);
	cgw_device_bpf__destroy(skel);
	return err;
}

/* Load and pin under the lock, unless another process was quicker. */
static int load_shared(struct cgw *c, struct cgw__loader *l, int abi_dir)
{
	_cleanup_close_ int dir = -EBADF;
	int err, why = 0;

	if (!get_pinned(l, abi_dir))
		return 0;
	err = cgw__device_lock(c, false);
	if (err)
		return err;
	/* Not where it was opened before: the pins may have been removed meanwhile. */
	dir = l->dir_fd < 0 ? l->dir_fd : open_abi_dir(c, l->dir_fd);
	if (dir < 0 || get_pinned(l, dir)) {
		err = load(c, l);
		if (!err)
			why = dir < 0 ? dir : pin_all(l, dir);
		if (why)
			cgw__log(c, CGW_LOG_WARNING,
				 "cannot pin the device program: %s; it is loaded unshared",
				 strerror(-why));
	}
	cgw__device_unlock(c);
	return err;
}

/* Load for this process alone, and say why: there is no pin directory to share through. */
static int load_unshared(struct cgw *c, struct cgw__loader *l, int why)
{
	struct cgw__error reason = c->error;
	int err = load(c, l);

	if (err || why == -ECANCELED)
		return err;
	if (why == -EXDEV || why == -ENOENT)
		cgw__log(c, CGW_LOG_WARNING,
			 "no bpffs on " CGW_BPFFS ": the device program is loaded unshared (mount -t bpf bpf " CGW_BPFFS
			 " spares that)");
	else if (why == -EPERM)
		cgw__log(c, CGW_LOG_WARNING, "%s; the device program is loaded unshared", reason.text);
	else
		cgw__log(c, CGW_LOG_WARNING,
			 "cannot use " CGW_BPFFS "/cgward: %s; the device program is loaded unshared",
			 strerror(-why));
	return 0;
}

static int read_ids(struct cgw *c, struct cgw__loader *l)
{
	for (unsigned int i = 0; i < N_PINS; i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);

		if (i % N_KINDS == POLICIES)
			continue;
		if (bpf_obj_get_info_by_fd(l->fds[i], &info, &len) < 0)
			return cgw__err(c, -errno, "cannot read the device program's number");
		l->ids[i] = info.id;
	}
	return 0;
}

/* What a context knows of the loader, nothing loaded yet. */
int cgw__loader_new(struct cgw *c, struct cgw__loader **ret_l)
{
	struct cgw__loader *l;

	if (!c->loader) {
		l = calloc(1, sizeof(*l));
		if (!l)
			return cgw__oom(c);
		for (size_t i = 0; i < N_PINS; i++)
			l->fds[i] = -EBADF;
		l->lock_fd = -EBADF;
		l->dir_fd = c->unshared ? -ECANCELED : cgw__open_pins(c, true);
		c->loader = l;
	}
	*ret_l = c->loader;
	return 0;
}

/* Take turns with those who use the pins in this directory, even if this context does not. */
int cgw__use_pins(struct cgw *c, int pins_fd)
{
	struct cgw__loader *l = NULL;
	int err = cgw__loader_new(c, &l);

	if (err || l->dir_fd >= 0)
		return err;
	l->dir_fd = fcntl(pins_fd, F_DUPFD_CLOEXEC, 3);
	return l->dir_fd < 0 ? cgw__err(c, -errno, "cannot use " CGW_BPFFS "/cgward") : 0;
}

/*
 * The programs and their map for this context, loaded at first use. Without a bpffs that
 * can be trusted they are loaded for this process alone, and live while groups use them.
 */
int cgw__loader(struct cgw *c, struct cgw__loader **ret_l)
{
	struct cgw__loader *l;
	int abi_dir, err = cgw__loader_new(c, &l);

	if (err)
		return err;
	if (!l->loaded) {
		/* What open_pins() refused was told to nobody yet: look again for the reason. */
		if (l->dir_fd == -EPERM)
			l->dir_fd = cgw__open_pins(c, true);
		abi_dir = l->dir_fd < 0 ? l->dir_fd : open_abi_dir(c, l->dir_fd);
		if (abi_dir >= 0) {
			err = load_shared(c, l, abi_dir);
			close(abi_dir);
		} else {
			err = load_unshared(c, l, abi_dir);
		}
		if (!err)
			err = read_ids(c, l);
		l->loaded = !err;
	}
	if (!err)
		*ret_l = l;
	return err;
}

/* Is this what the installed skeleton of this version loads for a size class? */
static int check_class(struct cgw *c, const struct cgw__loader *l, unsigned int k)
{
	static const char *const names[N_KINDS] = { CGW_MAP_NAME, CGW_PROG_NAME,
						    CGW_PROG_NAME "_new", CGW_PROG_NAME "_oci" };
	struct bpf_map_info map = { 0 };
	uint32_t len = sizeof(map);

	if (bpf_obj_get_info_by_fd(l->fds[cgw__pin(k, POLICIES)], &map, &len) < 0)
		return cgw__err(c, -errno, "cannot look at the map for policies of size class %u", k);
	if (map.type != BPF_MAP_TYPE_CGROUP_STORAGE ||
	    map.value_size != cgw__policy_classes[k].bytes)
		return cgw__bad(c, -EINVAL, "the map for policies of size class %u is not %s%u of this version",
				k, CGW_MAP_NAME, k);
	for (unsigned int kind = FILTER; kind < N_KINDS; kind++) {
		uint32_t map_id = 0;
		struct bpf_prog_info prog = { .map_ids = (uintptr_t)&map_id, .nr_map_ids = 1 };
		char name[24];

		len = sizeof(prog);
		if (bpf_obj_get_info_by_fd(l->fds[cgw__pin(k, kind)], &prog, &len) < 0)
			return cgw__err(c, -errno, "cannot look at the device program");
		snprintf(name, sizeof(name), "%s%u", names[kind], k);
		if (strcmp(prog.name, name) || map_id != map.id)
			return cgw__bad(c, -EINVAL, "the program '%s' is not %s on the map given with it",
					prog.name, name);
	}
	return 0;
}

int cgw_use_device_programs(struct cgw *c, const struct cgw_device_programs *programs)
{
	struct cgw__loader *l;
	int err = cgw__loader_new(c, &l);

	if (err)
		return err;
	if (l->loaded)
		return cgw__fail(c, -EBUSY, "this context has loaded the device program itself already");
	if (programs->sz < sizeof(*programs))
		return cgw__bad(c, -EINVAL, "the device programs are %zu bytes, not %zu", programs->sz,
				sizeof(*programs));
	err = take_fds(c, programs, l);
	for (unsigned int k = 0; k < CGW_POLICY_CLASSES && !err; k++)
		err = check_class(c, l, k);
	if (!err)
		err = read_ids(c, l);
	if (err)
		drop_fds(l);
	l->loaded = !err;
	return err;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Writers of device policies take turns. */
#include <sys/file.h>
#include <sys/stat.h>

#include "device.h"

#define LOCK_FILE "/run/cgward.lock"

static int flock_wait(int fd)
{
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* A file that only root can open, there while somebody holds or waits for it. */
static int lock_file(void)
{
	for (;;) {
		_cleanup_close_ int fd =
			open(LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		struct stat st;
		int err;

		if (fd < 0)
			return -errno;
		err = flock_wait(fd);
		if (!err && fstat(fd, &st) < 0)
			err = -errno;
		if (err)
			return err;
		/* Its last holder has removed it: whoever comes now makes a new one. */
		if (st.st_nlink)
			return TAKE_FD(fd);
	}
}

/*
 * Writers take turns: on the pin directory, or where there is none on a file. Never on a
 * cgroup directory, whose owner could keep root waiting.
 */
int cgw__device_lock(struct cgw *c)
{
	struct cgw__loader *l;
	int err = cgw__loader_new(c, &l);

	if (err)
		return err;
	if (l->dir_fd >= 0) {
		err = flock_wait(l->dir_fd);
		if (err)
			return cgw__err(c, err, "cannot lock " CGW_BPFFS "/cgward");
		l->lock_fd = l->dir_fd;
		return 0;
	}
	/* Who cannot make the file is not root, and shares its groups with no other writer. */
	l->lock_fd = lock_file();
	return 0;
}

void cgw__device_unlock(struct cgw *c)
{
	struct cgw__loader *l = c->loader;

	if (l->lock_fd < 0)
		return;
	if (l->lock_fd == l->dir_fd) {
		flock(l->lock_fd, LOCK_UN);
	} else {
		unlink(LOCK_FILE);
		close(l->lock_fd);
	}
	l->lock_fd = -EBADF;
}

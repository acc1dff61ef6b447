// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* A subtree handed to a user, who then makes and fills groups below it without privilege. */
#include <sys/stat.h>

#include "internal.h"

/* Where the kernel does not list them (before 4.15): those that a manager of a subtree writes. */
#define USUAL_FILES "cgroup.procs\ncgroup.threads\ncgroup.subtree_control\n"

struct owned {
	char name[64];
	uid_t uid;
	gid_t gid;
};

static void put_back(struct cgw_group *g, const struct owned *done, size_t n)
{
	while (n--)
		(void)!fchownat(g->fd, done[n].name, done[n].uid, done[n].gid,
				AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
}

/* "" is the directory itself. Return: 1, 0 when there is no such file, -errno. */
static int hand_over(struct cgw_group *g, const char *name, size_t len, uid_t uid, gid_t gid,
		     struct owned *done)
{
	struct stat st;

	if (len >= sizeof(done->name))
		return 0;
	memcpy(done->name, name, len);
	done->name[len] = '\0';
	if (fstatat(g->fd, done->name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
		return errno == ENOENT ? 0 : -errno;
	done->uid = st.st_uid;
	done->gid = st.st_gid;
	if (fchownat(g->fd, done->name, uid, gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
		return -errno;
	return 1;
}

int cgw_group_delegate(struct cgw_group *g, uid_t uid, gid_t gid)
{
	_cleanup_close_ int fd = open("/sys/kernel/cgroup/delegate", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct owned done[32];
	const char *p, *name = "";
	size_t n = 0, len = 0;

	if (cgw__group_is_root(g))
		return cgw__bad(g->c, -EINVAL,
				"cannot delegate '/': only groups below the root are delegated");
	p = fd >= 0 && cgw__read_fd(fd, &text) > 0 ? text : USUAL_FILES;
	do {
		int err = hand_over(g, name, len, uid, gid, &done[n]);

		if (err < 0) {
			put_back(g, done, n);
			if (err == -ENODEV)
				return cgw__fail(g->c, err,
						 "cannot delegate '%s': the group was removed",
						 g->path);
			cgw__err(g->c, err, "cannot give '%s%s%s' to user %u", g->path,
				 len ? "/" : "", done[n].name, uid);
			if (err == -EPERM)
				cgw__hint(g->c, "only root, or CAP_CHOWN, may delegate");
			return err;
		}
		n += (size_t)err;
		name = cgw__next_word(&p, &len);
	} while (name && n < ARRAY_SIZE(done));
	return 0;
}

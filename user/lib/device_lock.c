// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Writers of device policies take turns, by a mutex in the page of a map that is pinned in the
 * pin directory. Taking it is no system call; when its owner is killed the kernel opens it. But
 * in such a page nobody can wait: who finds it taken queues up for the lock of the directory,
 * and only the first of the queue asks again and again. Who comes meanwhile queues up too.
 *
 * Where no such map can be had the lock of the directory is all. That excludes those with a mutex
 * as long as none is pinned: it is pinned by whoever has the directory, and taken by those alone
 * who found it there.
 *
 * Processes of different pid namespaces that share a bpffs may have the same thread number. Then
 * the kernel may open the lock of one when the other is killed within its trylock, which takes
 * some nanoseconds.
 */
#include <bpf/bpf.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "device.h"

#define LOCK_FILE "/run/cgward.lock"
#define LOCK_SECONDS 30

/* C libraries and word sizes have mutexes of their own, and must not share one. */
#ifdef __GLIBC__
#define LIBC 0x67000000U
#else
#define LIBC 0x6f000000U
#endif
#define LOCK_FORM (LIBC | (uint32_t)sizeof(struct cgw__lock))

void cgw__lock_unmap(struct cgw__loader *l)
{
	if (l->lock)
		munmap(l->lock, sizeof(*l->lock));
	l->lock = NULL;
}

static uint32_t state_of(const struct cgw__lock *lock)
{
	return __atomic_load_n(&lock->state, __ATOMIC_RELAXED);
}

static void set_state(struct cgw__lock *lock, uint32_t state)
{
	__atomic_store_n(&lock->state, state, __ATOMIC_RELAXED);
}

static int try_mutex(struct cgw__lock *lock)
{
	int err = pthread_mutex_trylock(&lock->mutex);

	/* Policies are in order wherever a writer is killed. */
	return err == EOWNERDEAD ? pthread_mutex_consistent(&lock->mutex) : err;
}

/* Its owner is at work for some microseconds, or was stopped. */
static int wait_mutex(struct cgw__lock *lock)
{
	const struct timespec pauses[] = { { .tv_nsec = 50000 }, { .tv_nsec = 1000000 } };
	int64_t deadline = cgw__deadline(LOCK_SECONDS * 1000);
	int err;

	for (int i = 0; (err = try_mutex(lock)) == EBUSY; i += i < 128) {
		if (cgw__now_ns() > deadline)
			return -ETIMEDOUT;
		if (i < 64)
			sched_yield();
		else
			nanosleep(&pauses[i == 128], NULL);
	}
	return -err;
}

static bool lock_at_once(struct cgw__lock *lock)
{
	if (try_mutex(lock))
		return false;
	if (state_of(lock) == CGW_LOCK_OPEN)
		return true;
	pthread_mutex_unlock(&lock->mutex);
	return false;
}

static int map_lock(struct cgw__loader *l, int map_fd)
{
	void *page = mmap(NULL, sizeof(*l->lock), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);

	if (page == MAP_FAILED)
		return -errno;
	l->lock = page;
	return 0;
}

static int init_lock(struct cgw__lock *lock)
{
	pthread_mutexattr_t attr;
	int err = pthread_mutexattr_init(&attr);

	if (err)
		return -err;
	err = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (!err)
		err = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	if (!err)
		err = pthread_mutex_init(&lock->mutex, &attr);
	pthread_mutexattr_destroy(&attr);
	lock->form = LOCK_FORM;
	return -err;
}

/* Whatever keeps it from being made: it is done without. */
static void make_lock(struct cgw *c, struct cgw__loader *l, const char *path)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	_cleanup_close_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "cgward_lock", sizeof(uint32_t),
						sizeof(*l->lock), 1, &opts);
	int err = fd < 0 ? -errno : map_lock(l, fd);

	if (!err)
		err = init_lock(l->lock);
	if (!err && bpf_obj_pin(fd, path) < 0)
		err = -errno;
	if (!err)
		return;
	cgw__lock_unmap(l);
	cgw__log(c, CGW_LOG_DEBUG, "no lock can be pinned in " CGW_BPFFS "/cgward: %s", strerror(-err));
}

/* A bpffs that was made read-only lets nobody write to what is pinned there; its map is no file. */
static int open_pinned(const char *path)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = BPF_F_RDONLY);
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	_cleanup_close_ int fd = bpf_obj_get(path);

	if (fd < 0 && errno == EROFS) {
		_cleanup_close_ int to_read = bpf_obj_get_opts(path, &opts);

		if (to_read >= 0 && !bpf_obj_get_info_by_fd(to_read, &info, &len))
			fd = bpf_map_get_fd_by_id(info.id);
	}
	return fd < 0 ? -errno : TAKE_FD(fd);
}

/* Nothing of this name is in the directory; ENOENT of a path may have other reasons. */
static bool is_missing(int dir_fd)
{
	struct stat st;

	return fstatat(dir_fd, CGW_LOCK_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

/* Others may have it: it cannot be done without. */
static int explain_pinned(struct cgw *c, int err)
{
	cgw__explain_bpf(c, err, "cannot open the lock " CGW_BPFFS "/cgward/" CGW_LOCK_NAME
				 ", which others may hold");
	if (!cgw_hint(c) || (cgw__has_cap(CAP_BPF) && cgw__has_cap(CAP_SYS_ADMIN)))
		cgw__hint(c, "when no process uses cgward: remove it, and start those again that do");
	return err;
}

/*
 * Map the lock that is pinned in the directory, whose lock is held, or make it. Return: 0; without
 * a lock where there is none and none can be made.
 */
static int find_lock(struct cgw *c, struct cgw__loader *l)
{
	_cleanup_close_ int fd = -EBADF;
	bool gone = false;
	char path[64];
	int err;

	if (l->lock && state_of(l->lock) != CGW_LOCK_GONE)
		return 0;
	cgw__lock_unmap(l);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/" CGW_LOCK_NAME, l->dir_fd);
	fd = open_pinned(path);
	err = fd < 0 ? fd : map_lock(l, fd);
	if (!err && l->lock->form != LOCK_FORM) {
		cgw__lock_unmap(l);
		cgw__fail(c, -EBUSY, "cannot lock " CGW_BPFFS "/cgward: a build for another C library or word size uses it");
		cgw__hint(c, "cgward unload of that build removes its pins");
		return -EBUSY;
	}
	if (!err && state_of(l->lock) == CGW_LOCK_GONE) {
		/* Who removes the pins was killed. Nobody takes it any more, be it there or not. */
		cgw__lock_unmap(l);
		unlinkat(l->dir_fd, CGW_LOCK_NAME, 0);
		gone = true;
	}
	if (gone || (err == -ENOENT && is_missing(l->dir_fd))) {
		make_lock(c, l, path);
		return 0;
	}
	return err ? explain_pinned(c, err) : 0;
}

static int flock_wait(int fd)
{
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* The lock of the directory, and of the one that is there by now: dir_fd may change. */
static int queue_up(struct cgw *c, struct cgw__loader *l)
{
	struct stat st;

	for (;;) {
		int err = flock_wait(l->dir_fd);

		if (!err && fstat(l->dir_fd, &st) < 0)
			err = -errno;
		if (err)
			return cgw__err(c, err, "cannot lock " CGW_BPFFS "/cgward");
		if (st.st_nlink)
			return 0;
		cgw__lock_unmap(l);
		close(l->dir_fd);
		l->dir_fd = cgw__open_pins(c, true);
		if (l->dir_fd < 0)
			return 0;
	}
}

static void explain_wait(struct cgw *c, int err)
{
	cgw__err(c, err, "cannot lock " CGW_BPFFS "/cgward");
	if (err == -ETIMEDOUT)
		cgw__hint(c, "a process that writes device policies is stopped: kill -CONT it; or remove " CGW_BPFFS
			     "/cgward/" CGW_LOCK_NAME " when there is none, and start those again that use it");
}

/* By the directory; once it is held, the one who has the mutex is waited for. */
static int lock_directory(struct cgw *c, struct cgw__loader *l)
{
	struct robust_list_head *list = NULL;
	size_t size;
	int err = find_lock(c, l);

	if (!err && l->lock) {
		set_state(l->lock, CGW_LOCK_BARRED);
		err = wait_mutex(l->lock);
		if (err)
			explain_wait(c, err);
	}
	if (err) {
		cgw__lock_unmap(l);
		flock(l->dir_fd, LOCK_UN);
		return err;
	}
	l->lock_fd = l->dir_fd;
	if (!l->lock)
		return 0;
	/* A process made by a bare clone() has no list that the kernel knows. */
	l->robust = !syscall(SYS_get_robust_list, 0, &list, &size) && list;
	/* Nobody else can keep it while it is barred. */
	if (!l->robust)
		pthread_mutex_unlock(&l->lock->mutex);
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
 * In the pin directory, or where there is none by a file. Never by a cgroup directory, whose
 * owner could keep root waiting. Who is to have it for long takes the directory's lock as well,
 * by which the others can wait.
 */
int cgw__device_lock(struct cgw *c, bool briefly)
{
	struct cgw__loader *l;
	int err = cgw__loader_new(c, &l);

	if (err)
		return err;
	if (briefly && l->lock && l->robust && lock_at_once(l->lock))
		return 0;
	if (l->dir_fd >= 0)
		err = queue_up(c, l);
	if (err)
		return err;
	if (l->dir_fd >= 0)
		return lock_directory(c, l);
	/* Who cannot make the file is not root, and shares its groups with no other writer. */
	l->lock_fd = lock_file();
	return 0;
}

void cgw__device_unlock(struct cgw *c)
{
	struct cgw__loader *l = c->loader;
	bool queued = l->lock_fd >= 0 && l->lock_fd == l->dir_fd;

	if (queued && l->lock && state_of(l->lock) != CGW_LOCK_GONE)
		set_state(l->lock, CGW_LOCK_OPEN);
	if (l->lock && l->robust)
		pthread_mutex_unlock(&l->lock->mutex);
	if (l->lock_fd < 0)
		return;
	if (queued) {
		flock(l->lock_fd, LOCK_UN);
	} else {
		unlink(LOCK_FILE);
		close(l->lock_fd);
	}
	l->lock_fd = -EBADF;
}

/* With the other pins, under the lock. */
void cgw__lock_remove(struct cgw *c, int pins_fd)
{
	if (c->loader->lock)
		set_state(c->loader->lock, CGW_LOCK_GONE);
	unlinkat(pins_fd, CGW_LOCK_NAME, 0);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Between the loader of bpf/device.bpf.c and those who use what it loaded. */
#ifndef CGWARD_DEVICE_H
#define CGWARD_DEVICE_H

#include <linux/bpf.h>
#include <pthread.h>

#include "internal.h"

/* What there is of each size class. */
enum {
	POLICIES, /* the map */
	FILTER,	  /* the program that denies while its policy is unwritten */
	ADOPTER,  /* the one that passes meanwhile */
	SHORTCUT, /* the one for policies that allow all OCI nodes */
	N_KINDS,
};

#define N_PINS ((size_t)CGW_POLICY_CLASSES * N_KINDS)

/* Number of a pin, of a descriptor and of an id. */
static inline unsigned int cgw__pin(unsigned int size_class, unsigned int kind)
{
	return size_class * N_KINDS + kind;
}

/* The lock of writers, in a page that all of them map. */
struct cgw__lock {
	uint32_t form;	/* whose mutex it is: see device_lock.c */
	uint32_t state; /* CGW_LOCK_OPEN, ... */
	pthread_mutex_t mutex;
};

enum {
	CGW_LOCK_OPEN,
	CGW_LOCK_BARRED, /* somebody wants it who holds the lock of the directory: queue up there */
	CGW_LOCK_GONE,	 /* its pin was removed: look for the next one */
};

struct cgw__loader {
	bool loaded;
	int fds[N_PINS];
	uint32_t ids[N_PINS];	 /* of the programs */
	int dir_fd;		 /* the pin directory, or < 0 */
	int lock_fd;		 /* of what else is locked while the lock is held, or < 0 */
	struct cgw__lock *lock;	 /* once it was needed; or NULL */
	bool robust;		 /* the kernel opens the lock when this thread is killed */
	struct cgw_own_bpf *own; /* bpf/own.bpf.c, once it was needed */
	struct cgw__own *owns;	 /* the programs that policies of this context are */
};

/* Names of pins and programs; those of other builds are found by them too. */
#define CGW_BPFFS "/sys/fs/bpf"
#define CGW_PROG_NAME "cgward_dev"
#define CGW_ADOPTER_NAME CGW_PROG_NAME "_new"
#define CGW_OBSERVER_NAME "cgward_obs"
#define CGW_MAP_NAME "cgward_policy"
#define CGW_LOCK_NAME "lock"

extern const char *const cgw__pin_names[N_PINS];

int cgw__loader_new(struct cgw *c, struct cgw__loader **ret_l);
int cgw__loader(struct cgw *c, struct cgw__loader **ret_l);
int cgw__open_pins(struct cgw *c, bool make);
int cgw__use_pins(struct cgw *c, int pins_fd);
int cgw__explain_bpf(struct cgw *c, int err, const char *what);
void cgw__own_free(struct cgw_own_bpf *own);
uint64_t cgw__generation(void);
int cgw__own_load(const struct cgw_policy *policy);
int cgw__own_find(const struct cgw__loader *l, uint32_t id);

/* device_lock.c */
int cgw__device_lock(struct cgw *c, bool briefly);
void cgw__device_unlock(struct cgw *c);
void cgw__lock_remove(struct cgw *c, int pins_fd);
void cgw__lock_unmap(struct cgw__loader *l);

/* bpf_log.c */
void cgw__bpf_log_begin(struct cgw *c);
void cgw__bpf_log_end(void);

/* The kernel's limit of programs of one type on one group. */
#define CGW_MAX_PROGRAMS 64

struct cgw__program {
	uint32_t id;
	int fd;
	bool is_lent; /* the descriptor is somebody else's to close */
};

int cgw__query_devices(struct cgw_group *g, uint32_t flags, uint32_t *ids, uint32_t *n);
int cgw__get_program(uint32_t id, struct bpf_prog_info *info, int *ret_fd);
struct bpf_insn *cgw__read_code(int fd, uint32_t size, size_t *ret_n);
bool cgw__is_ours(const struct bpf_prog_info *info);
bool cgw__is_adopter(const char *name);
bool cgw__is_observer(const char *name);
bool cgw__explain_exclusive(struct cgw_group *g, const char *what);
int cgw__detach_foreign(struct cgw_group *g, const struct cgw__program *programs, size_t n);
int cgw__fill_devices(struct cgw_group *g, uint32_t id, int prog_fd, struct cgw_devices *ret);

#endif

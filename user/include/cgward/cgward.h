/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * libcgward: run, limit, guard and watch groups of processes with cgroup v2 and eBPF.
 *
 * Every function that can fail returns 0 (or a positive number where it says so) or
 * -errno, and leaves a sentence for cgw_strerror(). Objects given by a ret_ parameter
 * are written only on success and belong to the caller. A context and its objects
 * belong to one thread at a time.
 */
#ifndef CGWARD_CGWARD_H
#define CGWARD_CGWARD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cgward/policy.h>
#include <cgward/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef CGW_API
#define CGW_API __attribute__((visibility("default")))
#endif

struct cgw;
struct cgw_group;
struct cgw_resources;
struct cgw_rules;
struct cgw_policy;
struct cgw_stat;
struct cgw_trace;
struct cgw_learn;

/* ---- context ---------------------------------------------------------------------- */

enum cgw_mode {
	CGW_MODE_NONE,	  /* no cgroup2 mount */
	CGW_MODE_HYBRID,  /* cgroup2 beside v1 hierarchies, which hold some controllers */
	CGW_MODE_UNIFIED, /* cgroup2 only */
};

enum cgw_log_level {
	CGW_LOG_ERROR,
	CGW_LOG_WARNING,
	CGW_LOG_INFO,
	CGW_LOG_DEBUG,
};

typedef void (*cgw_log_fn)(enum cgw_log_level level, const char *message, void *arg);

/**
 * cgw_version() - version of the library, "0.1.0".
 */
CGW_API const char *cgw_version(void);

/**
 * cgw_features() - what this library was built with, "+bpf +systemd".
 */
CGW_API const char *cgw_features(void);

/**
 * cgw_new() - make a context.
 * @ret_c: the context; free it with cgw_free() after everything made from it.
 *
 * Asks the kernel nothing: the cgroup2 mount is looked for when first needed.
 *
 * Return: 0, or -ENOMEM.
 */
CGW_API int cgw_new(struct cgw **ret_c);
CGW_API void cgw_free(struct cgw *c);

/**
 * cgw_set_cgroup_root() - use this cgroup2 directory instead of the mount found in mountinfo.
 * @c: context that has not been used yet.
 * @dir: where the hierarchy's root (or a namespace's) is mounted.
 *
 * A directory on another filesystem is taken for a recorded tree, for tests: it is
 * read and written as if it were cgroupfs.
 *
 * Return: 0, -ENOENT or -ENOTDIR, -EBUSY when the context already uses another one.
 */
CGW_API int cgw_set_cgroup_root(struct cgw *c, const char *dir);

/**
 * cgw_set_proc_root() - read this directory instead of /proc, for tests.
 * @c: context that has not been used yet.
 * @dir: a directory laid out as proc(5).
 *
 * Return: 0, or -ENOMEM.
 */
CGW_API int cgw_set_proc_root(struct cgw *c, const char *dir);

/**
 * cgw_set_log() - receive warnings and debug lines; without it the library is silent.
 * @c: context.
 * @fn: called with one line without a newline; NULL for silence.
 * @arg: given to @fn.
 */
CGW_API void cgw_set_log(struct cgw *c, cgw_log_fn fn, void *arg);

/**
 * cgw_strerror() - the last failure as "what was tried on what: why".
 *
 * Return: a string that lives until the next call on @c; "" when nothing failed yet. It is
 * one line: control characters of names and values are shown as "?".
 */
CGW_API const char *cgw_strerror(const struct cgw *c);

/**
 * cgw_hint() - what to do about the last failure, or NULL.
 */
CGW_API const char *cgw_hint(const struct cgw *c);

/**
 * cgw_error_is_input() - was the last failure a fault of the input?
 *
 * Return: true when the input was refused before the kernel was asked to change
 * anything (a malformed path, rule, unit or range).
 */
CGW_API bool cgw_error_is_input(const struct cgw *c);

/**
 * cgw_error_is_exec() - was the last failure that a command could not be executed?
 *
 * Return: true after cgw_group_spawn() and cgw_unit_spawn() when all else was done and the exec
 * itself failed, which shells tell by 126 and 127; cgw_error_is_input() is true then, too.
 */
CGW_API bool cgw_error_is_exec(const struct cgw *c);

/**
 * cgw_get_mode() - how cgroup2 is mounted, from /proc/self/mountinfo.
 * @c: context.
 * @ret_mode: unified, hybrid or none; none is not a failure here.
 * @ret_mount: may be NULL; the mount point, which lives as long as @c; NULL for none.
 *
 * Return: 0 or -errno of reading mountinfo.
 */
CGW_API int cgw_get_mode(struct cgw *c, enum cgw_mode *ret_mode, const char **ret_mount);

/**
 * cgw_v1_controllers() - controllers that a v1 hierarchy holds, hence v2 lacks.
 * @c: context.
 * @ret_names: names separated by blanks; live as long as @c.
 *
 * Return: 0 or -errno.
 */
CGW_API int cgw_v1_controllers(struct cgw *c, const char **ret_names);

/* ---- paths ------------------------------------------------------------------------ */

/**
 * cgw_verify_group_path() - is this the path of a group, as in the third field of /proc/PID/cgroup?
 * @c: context, for the reason.
 * @path: must be absolute and clean (no "//", ".", "..", no trailing "/"), have no
 *        newline, and not lie below the cgroup2 mount point, whole components compared.
 *        "/" is the root of the cgroup namespace.
 *
 * Return: 0, -EINVAL, or -ENAMETOOLONG (255 bytes a component, 4095 in all).
 */
CGW_API int cgw_verify_group_path(struct cgw *c, const char *path);

/**
 * cgw_pid_group_path() - the cgroup2 group of a process.
 * @c: context.
 * @pid: process, 0 for the caller.
 * @ret_path: path below the cgroup namespace's root; free() it.
 *
 * Follows cgroups(7): the line "0::PATH". A removed group (" (deleted)") is -ENOENT and
 * one outside the caller's cgroup namespace ("/..") -EXDEV, never a path that leads elsewhere.
 *
 * Return: 0, -ESRCH for no such process, -ENOENT, -EXDEV, -errno.
 */
CGW_API int cgw_pid_group_path(struct cgw *c, pid_t pid, char **ret_path);

/**
 * cgw_nested_group_path() - a path below the caller's own group.
 * @c: context.
 * @suffix: relative and clean; it cannot climb out.
 * @ret_path: the joined path; free() it.
 *
 * Return: as cgw_pid_group_path() and cgw_verify_group_path().
 */
CGW_API int cgw_nested_group_path(struct cgw *c, const char *suffix, char **ret_path);

/**
 * cgw_find_place() - a group below which the caller can make one.
 * @c: context.
 * @ret_path: free() it; the group need not exist yet.
 *
 * Whoever may write to the root gets "/cgward": below the caller's own group there could be
 * no other (no-internal-process rule), and units of systemd are not for us. Others get the
 * nearest ancestor of their own group that they may write to and that holds no process.
 *
 * Return: 0, or -EACCES with the advice to have a group delegated.
 */
CGW_API int cgw_find_place(struct cgw *c, char **ret_path);

/* ---- groups: open, make, remove --------------------------------------------------- */

/**
 * struct cgw_create_opts - what a new group gets before its first process can enter.
 * @sz: sizeof(struct cgw_create_opts).
 * @resources: limits, or NULL.
 * @devices: device policy, or NULL for none.
 * @threaded: make a threaded group, see cgw_group_set_threaded().
 */
struct cgw_create_opts {
	size_t sz;
	const struct cgw_resources *resources;
	const struct cgw_policy *devices;
	bool threaded;
	size_t : 0;
};

/**
 * cgw_group_open() - open an existing group.
 * @c: context.
 * @path: see cgw_verify_group_path().
 * @ret_g: the group, an O_PATH descriptor of its directory; close with cgw_group_close().
 *
 * The path is resolved with openat2(RESOLVE_BENEATH|NO_SYMLINKS|NO_MAGICLINKS|NO_XDEV).
 *
 * Return: 0, -ENOENT for no such group, -EINVAL, -errno.
 */
CGW_API int cgw_group_open(struct cgw *c, const char *path, struct cgw_group **ret_g);

/**
 * cgw_group_open_fd() - a group by a descriptor of its directory.
 * @c: context.
 * @fd: any descriptor of a cgroup2 directory, O_PATH included; it is duplicated.
 * @ret_g: the group.
 *
 * Its path is the one it has below the cgroup2 mount that the context uses.
 *
 * Return: 0; -ENOTDIR, -EINVAL for what is no group of cgroup2 or one outside the mount,
 * -ENODEV for one that was removed, -errno.
 */
CGW_API int cgw_group_open_fd(struct cgw *c, int fd, struct cgw_group **ret_g);

/**
 * cgw_group_child() - open a group below another.
 * @g: parent.
 * @name: relative, clean path; may have several components.
 * @ret_g: the group.
 *
 * Return: as cgw_group_open().
 */
CGW_API int cgw_group_child(struct cgw_group *g, const char *name, struct cgw_group **ret_g);

/**
 * cgw_group_create() - make a group, with the parents that are missing.
 * @c: context.
 * @path: see cgw_verify_group_path().
 * @opts: may be NULL.
 * @ret_g: the new group.
 *
 * Enables the controllers that @opts->resources needs in the ancestors, top-down, then
 * sets resources and devices. All or nothing: on failure the directories made here are
 * removed and the controllers enabled here are disabled again.
 *
 * Return: 0, -EEXIST, -EOPNOTSUPP for a domain group below a threaded one, -ENODEV for a
 * controller that cannot be had, -errno.
 */
CGW_API int cgw_group_create(struct cgw *c, const char *path, const struct cgw_create_opts *opts,
			     struct cgw_group **ret_g);

/**
 * cgw_group_close() - close the handle; the group itself stays. NULL is allowed.
 */
CGW_API void cgw_group_close(struct cgw_group *g);

/**
 * cgw_group_path() - the path the group was opened by; lives as long as @g.
 */
CGW_API const char *cgw_group_path(const struct cgw_group *g);

/**
 * cgw_group_fd() - the group's directory, an O_PATH descriptor; it stays @g's.
 */
CGW_API int cgw_group_fd(const struct cgw_group *g);

/**
 * cgw_group_id() - the kernel's number for the group, never used twice (its inode number).
 */
CGW_API uint64_t cgw_group_id(const struct cgw_group *g);

enum cgw_delete_flags {
	CGW_DELETE_RECURSIVE = 1U << 0, /* groups below it too */
	CGW_DELETE_KILL = 1U << 1,	/* kill what is inside first */
};

/**
 * cgw_group_delete() - remove the group's directory.
 * @g: group; close it afterwards all the same.
 * @flags: enum cgw_delete_flags.
 * @timeout_ms: how long to wait for exiting processes to leave; negative = for ever.
 *
 * A group that still has processes or children is -EBUSY, and the reason names them. One
 * that is already gone is success. Children are removed depth first.
 *
 * Return: 0, -EBUSY, -ETIMEDOUT, -errno.
 */
CGW_API int cgw_group_delete(struct cgw_group *g, unsigned int flags, int timeout_ms);

enum cgw_group_type {
	CGW_TYPE_DOMAIN,
	CGW_TYPE_DOMAIN_THREADED,
	CGW_TYPE_DOMAIN_INVALID,
	CGW_TYPE_THREADED,
};

/**
 * cgw_group_get_type() - read cgroup.type; the root is a domain.
 */
CGW_API int cgw_group_get_type(struct cgw_group *g, enum cgw_group_type *ret_type);

/**
 * cgw_group_set_threaded() - turn an empty group into a threaded one, for ever.
 *
 * Return: 0, -EOPNOTSUPP with the reason (populated, or domain controllers enabled).
 */
CGW_API int cgw_group_set_threaded(struct cgw_group *g);

typedef int (*cgw_group_fn)(struct cgw_group *g, void *arg);

enum cgw_walk_order {
	CGW_WALK_PRE,  /* a group before those below it */
	CGW_WALK_POST, /* a group after those below it */
};

/**
 * cgw_group_for_each() - call @fn for the group and every group below it.
 * @g: where to begin.
 * @order: enum cgw_walk_order.
 * @fn: a non-zero return ends the walk and is returned. The group it is given is closed
 *      by the walk, except @g itself.
 * @arg: given to @fn.
 *
 * Siblings come in the order of their names. Groups that vanish meanwhile are skipped.
 *
 * Return: 0, what @fn returned, or -errno.
 */
CGW_API int cgw_group_for_each(struct cgw_group *g, enum cgw_walk_order order, cgw_group_fn fn,
			       void *arg);

/* ---- processes -------------------------------------------------------------------- */

/**
 * struct cgw_procs - processes of a group.
 * @pids: sorted, each once; free with cgw_procs_free().
 * @n: how many.
 * @foreign: further processes of a pid namespace the caller cannot see (the kernel shows 0).
 */
struct cgw_procs {
	pid_t *pids;
	size_t n;
	size_t foreign;
};

/**
 * cgw_group_procs() - processes in the group.
 * @g: group; a threaded one gives the processes its threads belong to.
 * @recursive: those of all groups below it too.
 * @ret_procs: the list.
 *
 * Return: 0 or -errno.
 */
CGW_API int cgw_group_procs(struct cgw_group *g, bool recursive, struct cgw_procs *ret_procs);
CGW_API void cgw_procs_free(struct cgw_procs *p);

/**
 * cgw_group_threads() - threads in the group (cgroup.threads).
 * @g: group.
 * @recursive: those of all groups below it too.
 * @ret_threads: their thread ids as @pids; free with cgw_procs_free().
 *
 * Return: 0 or -errno.
 */
CGW_API int cgw_group_threads(struct cgw_group *g, bool recursive, struct cgw_procs *ret_threads);

/**
 * cgw_group_attach() - move processes with all their threads into the group (cgroup.procs).
 * @g: group.
 * @pids: processes, 0 for the caller.
 * @n: how many.
 *
 * All or none: when one cannot be moved those already moved go back where they were.
 *
 * Return: 0, -ESRCH, -EBUSY when controllers are enabled for the group's children,
 * -EOPNOTSUPP for a threaded mismatch, -EACCES, -errno.
 */
CGW_API int cgw_group_attach(struct cgw_group *g, const pid_t *pids, size_t n);

/**
 * cgw_group_move_all() - move every process of a group to another, those forked meanwhile too.
 * @from: group.
 * @to: the other; with @recursive none below @from.
 * @recursive: those of all groups below @from too.
 *
 * Return: how many were moved; -EINVAL, -errno: who was
 * listed with the one that cannot be moved goes back.
 */
CGW_API int cgw_group_move_all(struct cgw_group *from, struct cgw_group *to, bool recursive);

/**
 * cgw_group_attach_threads() - move single threads (cgroup.threads) within their threaded domain.
 * @g: group.
 * @tids: threads, 0 for the caller.
 * @n: how many.
 *
 * Return: as cgw_group_attach().
 */
CGW_API int cgw_group_attach_threads(struct cgw_group *g, const pid_t *tids, size_t n);

/**
 * struct cgw_spawn - a command to start.
 * @sz: sizeof(struct cgw_spawn).
 * @argv: command and its arguments, looked up in PATH as execvpe(3) does.
 * @envp: environment, NULL for the caller's.
 * @cwd: working directory, NULL for the caller's.
 * @uid: user to become, (uid_t)-1 to stay. @gid and @groups are used with it.
 * @gid: its group.
 * @groups: its supplementary groups.
 * @n_groups: how many.
 * @sigmask: a sigset_t for the command, NULL to leave the caller's.
 * @new_session: begin a session of its own, without a controlling terminal.
 */
struct cgw_spawn {
	size_t sz;
	char *const *argv;
	char *const *envp;
	const char *cwd;
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t n_groups;
	const void *sigmask;
	bool new_session;
	size_t : 0;
};

/**
 * cgw_group_spawn() - start a command that is in the group from its first instruction.
 * @g: group.
 * @s: what to start.
 * @ret_pidfd: may be NULL; the child's pidfd, close-on-exec. -EBADF where the kernel has none.
 *
 * clone3(CLONE_INTO_CGROUP), Linux 5.7; where clone3 is refused the child moves itself
 * before it execs. Returns after the exec succeeded or failed.
 *
 * Return: the child's pid; -ENOENT or -EACCES when the command cannot be executed
 * (cgw_error_is_exec() is true then), -EAGAIN under pids.max, -EBUSY, -errno.
 */
CGW_API pid_t cgw_group_spawn(struct cgw_group *g, const struct cgw_spawn *s, int *ret_pidfd);

/* ---- controllers ------------------------------------------------------------------ */

enum cgw_controllers {
	CGW_CONTROLLERS_AVAILABLE, /* cgroup.controllers */
	CGW_CONTROLLERS_ENABLED,   /* cgroup.subtree_control: for the groups below */
};

/**
 * cgw_group_controllers() - names of controllers, separated by blanks.
 * @g: group.
 * @which: available in the group, or enabled for its children.
 * @ret_names: free() it.
 */
CGW_API int cgw_group_controllers(struct cgw_group *g, enum cgw_controllers which,
				  char **ret_names);

/**
 * cgw_group_enable() - enable controllers for the children of the group.
 * @g: group.
 * @names: separated by blanks.
 *
 * Ancestors first, one controller at a time. A failure names the controller, the group
 * and the reason, and puts back what was enabled here.
 *
 * Return: 0, -ENODEV when a controller cannot be had, -EBUSY for the no-internal-process
 * rule, -errno.
 */
CGW_API int cgw_group_enable(struct cgw_group *g, const char *names);

/**
 * cgw_group_disable() - disable controllers for the children of the group.
 * @g: group.
 * @names: separated by blanks.
 * @recursive: first in all groups below, bottom-up; without it a child that has the
 *             controller enabled is -EBUSY.
 *
 * Return: 0 or -errno; what was disabled here is enabled again on failure.
 */
CGW_API int cgw_group_disable(struct cgw_group *g, const char *names, bool recursive);

/* ---- control files ---------------------------------------------------------------- */

/**
 * cgw_group_read() - read a whole control file.
 * @g: group.
 * @file: its name, without "/".
 * @ret_text: content with its last newline removed; free() it.
 *
 * Return: length, or -ENOENT with the reason (no such file in this kernel, controller not
 * enabled and where), -errno.
 */
CGW_API ssize_t cgw_group_read(struct cgw_group *g, const char *file, char **ret_text);

/**
 * cgw_group_write() - write a control file in one write(2), never creating it.
 * @g: group.
 * @file: its name, without "/".
 * @value: written as it is.
 *
 * Return: 0, or -errno with the accepted form of the value where the kernel refused it.
 */
CGW_API int cgw_group_write(struct cgw_group *g, const char *file, const char *value);

typedef int (*cgw_key_fn)(const char *name, const char *key, const char *value, void *arg);

/**
 * cgw_parse_flat() - parse "KEY VALUE" lines, as of memory.stat.
 * @text: the content; not changed.
 * @fn: called with name NULL, the key and the value; non-zero ends the walk.
 * @arg: given to @fn.
 *
 * Return: 0, what @fn returned, -EINVAL for a line of another form, -ENOMEM.
 */
CGW_API int cgw_parse_flat(const char *text, cgw_key_fn fn, void *arg);

/**
 * cgw_parse_nested() - parse "NAME KEY=VALUE KEY=VALUE..." lines, as of io.stat.
 * @text: the content; not changed.
 * @fn: called for each pair; non-zero ends the walk. A line with a name alone gives nothing.
 * @arg: given to @fn.
 *
 * Return: as cgw_parse_flat().
 */
CGW_API int cgw_parse_nested(const char *text, cgw_key_fn fn, void *arg);

/* ---- statistics ------------------------------------------------------------------- */

enum cgw_stat_mask {
	CGW_STAT_CGROUP = 1U << 0,   /* cgroup.stat, cgroup.events, cgroup.max.* */
	CGW_STAT_PIDS = 1U << 1,
	CGW_STAT_CPU = 1U << 2,	     /* cpu.stat, which is in every group, too */
	CGW_STAT_MEMORY = 1U << 3,   /* all but numa_stat */
	CGW_STAT_NUMA = 1U << 4,     /* memory.numa_stat */
	CGW_STAT_IO = 1U << 5,
	CGW_STAT_PSI = 1U << 6,	     /* cpu.pressure, memory.pressure, io.pressure, irq.pressure */
	CGW_STAT_RDMA = 1U << 7,
	CGW_STAT_MISC = 1U << 8,
	CGW_STAT_DMEM = 1U << 9,
	CGW_STAT_HUGETLB = 1U << 10,
	CGW_STAT_DEVICES = 1U << 11, /* size of the cgward device policy; needs CAP_BPF and more */
	CGW_STAT_DEFAULT = (1U << 11) - 1, /* all files */
	CGW_STAT_ALL = (1U << 12) - 1,
};

/**
 * struct cgw_metric - one number of a group. It may grow: only the library makes one.
 * @file: control file it was read from, "memory.stat"; "devices" for the device policy.
 * @name: of a nested file the first word of the line, as "8:0", "some" or "anon"; or NULL.
 * @key: as the kernel writes it; NULL where the file is the number alone. The two words of
 *	cpu.max have the keys "quota" and "period".
 * @value: the number without its decimal point: 123 for "1.23".
 * @decimals: how many of its digits are behind the point.
 * @is_max: the kernel says "max": there is no limit. @value is UINT64_MAX then.
 * @source: NULL; or where the number comes from instead, as the root group has no such file:
 *	"memory.stat", "/proc/meminfo", "/proc/loadavg", "/proc/pressure".
 * @family: its family for OpenMetrics, see cgw_family_at().
 */
struct cgw_metric {
	const char *file;
	const char *name;
	const char *key;
	uint64_t value;
	unsigned int decimals;
	bool is_max;
	const char *source;
	size_t family;
};

/**
 * cgw_stat_new() - make an object that statistics are read into, again and again.
 * @c: context.
 * @mask: enum cgw_stat_mask: what to read. 0 to choose by cgw_stat_add() alone.
 * @ret_stat: free it with cgw_stat_free().
 *
 * It learns which files this kernel has, and keeps its memory from group to group: after the
 * first few groups reading allocates nothing.
 *
 * Return: 0 or -ENOMEM.
 */
CGW_API int cgw_stat_new(struct cgw *c, unsigned int mask, struct cgw_stat **ret_stat);
CGW_API void cgw_stat_free(struct cgw_stat *stat);

/**
 * cgw_stat_add() - read this, too.
 * @stat: object.
 * @field: a file ("memory.current"), what file names begin with ("memory", "memory.swap",
 *	"hugetlb.2MB"), a part of a file ("cpu.stat.usage_usec", "io.stat.rbytes", "io.stat.8:0",
 *	"cpu.pressure.some.avg10"), or "psi", "numa" and "devices" for the bits of that name.
 *
 * Return: 0, -EINVAL when no file has such a name, -ENOMEM.
 */
CGW_API int cgw_stat_add(struct cgw_stat *stat, const char *field);

/**
 * cgw_group_stat() - read the statistics of a group.
 * @g: group, of the context @stat was made with.
 * @stat: what it held before is gone.
 *
 * A file that is not there (an older kernel, a controller that is not enabled, PSI that is
 * off) has no metrics: it is neither 0 nor a failure. For the root of the hierarchy, which
 * lacks some, they are computed as far as /proc tells them: see @source of struct cgw_metric.
 *
 * Return: 0; -ENODEV when the group was removed; -EINVAL or -ERANGE naming file and key for
 * content that is no number or too large; -errno.
 */
CGW_API int cgw_group_stat(struct cgw_group *g, struct cgw_stat *stat);

/**
 * cgw_stat_count() - how many metrics the last cgw_group_stat() found.
 */
CGW_API size_t cgw_stat_count(const struct cgw_stat *stat);

/**
 * cgw_stat_at() - metric number @i, from 0; NULL past the last one.
 *
 * Those of a file come together, in the kernel's order.
 *
 * Return: valid until the next cgw_group_stat() or cgw_stat_add(); its strings too.
 */
CGW_API const struct cgw_metric *cgw_stat_at(const struct cgw_stat *stat, size_t i);

/**
 * cgw_stat_get() - look a metric up.
 * @stat: object.
 * @file: as in struct cgw_metric; also @name and @key, which may be NULL.
 * @ret_value: the number; UINT64_MAX for "max".
 *
 * Return: 0, 1 for "max", -ENOENT when there is none.
 */
CGW_API int cgw_stat_get(const struct cgw_stat *stat, const char *file, const char *name,
			 const char *key, uint64_t *ret_value);

enum cgw_metric_type {
	CGW_METRIC_UNKNOWN,
	CGW_METRIC_GAUGE,
	CGW_METRIC_COUNTER,
};

/**
 * struct cgw_family - metrics that OpenMetrics shows under one name.
 * @name: with the unit at its end, without "_total".
 * @unit: or "".
 * @help: what it tells.
 * @type: enum cgw_metric_type.
 * @digits: the kernel's number has to be divided by 10 to this power to be in @unit.
 */
struct cgw_family {
	const char *name;
	const char *unit;
	const char *help;
	enum cgw_metric_type type;
	unsigned int digits;
};

/**
 * cgw_family_at() - family number @i, from 0; NULL past the last one.
 *
 * Also NULL for a metric that is in no family because it is the sum of others that are.
 */
CGW_API const struct cgw_family *cgw_family_at(size_t i);

#define CGW_METRIC_LABELS 5

/**
 * struct cgw_label - a label of a metric within its family.
 * @name: "device".
 * @value: "8:0"; not terminated.
 * @len: its length.
 */
struct cgw_label {
	const char *name;
	const char *value;
	size_t len;
};

/**
 * cgw_metric_labels() - what tells a metric from the others of its family and group.
 * @m: a metric of cgw_stat_at().
 * @labels: gets them.
 *
 * Return: how many.
 */
CGW_API size_t cgw_metric_labels(const struct cgw_metric *m,
				 struct cgw_label labels[CGW_METRIC_LABELS]);

/**
 * cgw_parse_size() - "512M", "1GiB", "1KB" or plain digits, in bytes.
 * @text: K, M, G, T, P and E are powers of 1024.
 * @ret_bytes: the number.
 *
 * Return: 0, -EINVAL, -ERANGE.
 */
CGW_API int cgw_parse_size(const char *text, uint64_t *ret_bytes);

/* ---- resources -------------------------------------------------------------------- */

/**
 * cgw_resources_new() - an empty set of control-file values to apply together.
 */
CGW_API int cgw_resources_new(struct cgw *c, struct cgw_resources **ret_r);
CGW_API void cgw_resources_free(struct cgw_resources *r);

/**
 * cgw_resources_add() - add "FILE=VALUE".
 * @r: the set.
 * @assignment: a control file by its kernel name. Sizes take K M G T P E, also as KiB, KB
 *	(K = 1024), inside keyed values too. cpu.max=N% is N/100 of one CPU, memory.*=N% a
 *	part of MemTotal.
 *
 * Return: 0, or -EINVAL or -ERANGE for a malformed assignment or one that has its own
 * function (cgroup.procs, cgroup.freeze, ...).
 */
CGW_API int cgw_resources_add(struct cgw_resources *r, const char *assignment);

/**
 * cgw_group_apply() - write all values of a set.
 * @g: group.
 * @r: values, written in the order they were added, but for files that the kernel judges by
 *	what others hold: those come after them.
 *
 * What was there is read first; when one value is refused those already written are put
 * back, and the failure names the file, the value and the reason.
 *
 * Return: 0 or -errno.
 */
CGW_API int cgw_group_apply(struct cgw_group *g, const struct cgw_resources *r);

/* "max" as an amount. */
#define CGW_NO_LIMIT 0xffffffffffffffffULL

/* A pointer to a value that lives as long as the block around it: .pids_max = CGW_VALUE(64). */
#define CGW_VALUE(n) (&(const uint64_t){ n })

/**
 * struct cgw_io_limit - limits of one disk.
 * @major: device number.
 * @minor: device number.
 * @rbps: bytes read a second; also @wbps (written), @riops and @wiops (requests a second).
 * @weight: 1..10000 (io.weight).
 * @latency_us: target of io.latency.
 */
struct cgw_io_limit {
	unsigned int major;
	unsigned int minor;
	const uint64_t *rbps;
	const uint64_t *wbps;
	const uint64_t *riops;
	const uint64_t *wiops;
	const uint64_t *weight;
	const uint64_t *latency_us;
};

/* Huge pages of one size, as "2MB", in bytes. */
struct cgw_hugetlb_limit {
	const char *size;
	const uint64_t *max;
	const uint64_t *rsvd_max;
};

struct cgw_rdma_limit {
	const char *device;
	const uint64_t *handles;
	const uint64_t *objects;
};

struct cgw_misc_limit {
	const char *name;
	uint64_t max;
};

/**
 * struct cgw_limits - limits by name; NULL leaves one as it is, CGW_NO_LIMIT lifts it.
 * @sz: sizeof(struct cgw_limits).
 * @cpu_weight: 1..10000.
 * @cpu_nice: -20..19, another spelling of the weight.
 * @cpu_quota_us: from 1000, for each period.
 * @cpu_period_us: 1000..1000000; the group's own is kept where there is only a quota.
 * @cpu_burst_us: at most the quota.
 * @cpu_idle: run only when nobody else wants to.
 * @cpu_uclamp_min: hundredths of a percent; also @cpu_uclamp_max.
 * @cpuset_cpus: a list as "0-3,6"; also @cpuset_mems.
 * @cpuset_partition: "member", "root" or "isolated".
 * @memory_min: bytes, as all of memory_*.
 * @memory_oom_group: kill all of the group when one is.
 * @memory_reclaim: take that much away now.
 * @pids_max: tasks.
 * @io_weight: 1..10000, for disks without their own.
 * @pressure: account for pressure (PSI) in the group.
 */
struct cgw_limits {
	size_t sz;
	const uint64_t *cpu_weight;
	const int *cpu_nice;
	const uint64_t *cpu_quota_us;
	const uint64_t *cpu_period_us;
	const uint64_t *cpu_burst_us;
	const bool *cpu_idle;
	const uint64_t *cpu_uclamp_min;
	const uint64_t *cpu_uclamp_max;
	const char *cpuset_cpus;
	const char *cpuset_mems;
	const char *cpuset_partition;
	const uint64_t *memory_min;
	const uint64_t *memory_low;
	const uint64_t *memory_high;
	const uint64_t *memory_max;
	const uint64_t *memory_swap_high;
	const uint64_t *memory_swap_max;
	const uint64_t *memory_zswap_max;
	const bool *memory_oom_group;
	const uint64_t *memory_reclaim;
	const uint64_t *pids_max;
	const uint64_t *io_weight;
	const bool *pressure;
	const struct cgw_io_limit *io;
	size_t n_io;
	const struct cgw_hugetlb_limit *hugetlb;
	size_t n_hugetlb;
	const struct cgw_rdma_limit *rdma;
	size_t n_rdma;
	const struct cgw_misc_limit *misc;
	size_t n_misc;
};

/**
 * cgw_resources_add_limits() - add the limits of a structure.
 * @r: values, unchanged on failure.
 * @l: limits.
 *
 * Return: 0; -ERANGE naming the file and what it takes; -EINVAL, -ENOMEM.
 */
CGW_API int cgw_resources_add_limits(struct cgw_resources *r, const struct cgw_limits *l);

/**
 * cgw_resources_add_oci() - add the limits of an OCI config.json, its linux.resources.
 * @r: values, unchanged on failure.
 * @name: what messages call the document (a file name).
 * @text: JSON: a whole config.json, its "linux", or its "resources".
 * @len: its length in bytes.
 *
 * Converted as opencontainers/cgroups does: cpu.shares to cpu.weight, swap to the part that is
 * swap alone, blockIO.weight to io.bfq.weight or io.weight, whichever the group has. Where it
 * loses values (io weights of devices without BFQ) or writes what the kernel refuses (a rate of
 * 0) they are written right. Settings that cgroup v2 has nothing for are logged as warnings.
 * Devices are for cgw_rules_add_oci().
 *
 * Return: 0, or -EINVAL naming the place and what is wrong there.
 */
CGW_API int cgw_resources_add_oci(struct cgw_resources *r, const char *name, const char *text,
				  size_t len);

typedef int (*cgw_setting_fn)(const char *file, const char *value, const char *problem, void *arg);

/**
 * cgw_resources_for_each() - the values of a set, in the order in which they are written.
 * @r: values.
 * @fn: called for each; @problem: what the file takes, where the value is not that and the
 *	kernel would refuse it, else NULL. Non-zero ends it.
 * @arg: given to @fn.
 *
 * Return: 0, what @fn returned, or -ENOMEM.
 */
CGW_API int cgw_resources_for_each(const struct cgw_resources *r, cgw_setting_fn fn, void *arg);

/**
 * struct cgw_update_opts - what to change in a group.
 * @sz: sizeof(struct cgw_update_opts).
 * @resources: values, or NULL.
 * @devices: device policy, or NULL to leave it.
 * @timeout_ms: for @reclaim; negative = for ever.
 * @force: let memory.max go below what is in use.
 * @reclaim: then take memory away first.
 */
struct cgw_update_opts {
	size_t sz;
	const struct cgw_resources *resources;
	const struct cgw_policy *devices;
	int timeout_ms;
	bool force;
	bool reclaim;
	size_t : 0;
};

/**
 * cgw_group_update() - change values and policy of a group, all or none.
 * @g: group.
 * @opts: what.
 *
 * Return: 0; -EBUSY for a memory.max below memory.current, -errno.
 */
CGW_API int cgw_group_update(struct cgw_group *g, const struct cgw_update_opts *opts);

typedef int (*cgw_diff_fn)(const char *file, const char *have, const char *want, void *arg);

/**
 * cgw_group_diff() - which values of a set the group does not have.
 * @g: group.
 * @r: values.
 * @fn: called for each that differs; @have is NULL where there is no such file. Values that
 *	mean the same are the same: lists of CPUs, bytes within a page. Non-zero ends it.
 * @arg: given to @fn.
 *
 * Return: how many differ, what @fn returned, or -errno.
 */
CGW_API int cgw_group_diff(struct cgw_group *g, const struct cgw_resources *r, cgw_diff_fn fn,
			   void *arg);

/**
 * cgw_group_delegate() - hand a group to a user, who may then make and fill groups below it.
 * @g: group. Its own limits stay with whoever set them.
 * @uid: user.
 * @gid: user group.
 *
 * The directory and the files that /sys/kernel/cgroup/delegate lists get that owner, all or
 * none. Processes come in from groups that have an ancestor in common which the user may
 * write too, so the first must be put there by somebody else.
 *
 * Return: 0, -EPERM without CAP_CHOWN, -ENODEV, -errno.
 */
CGW_API int cgw_group_delegate(struct cgw_group *g, uid_t uid, gid_t gid);

/* ---- freeze, kill, wait ----------------------------------------------------------- */

/**
 * cgw_group_freeze() - stop every task of the groups, and know that they have stopped.
 * @groups: targets.
 * @n: how many.
 * @timeout_ms: for all of them together; negative = wait for ever.
 *
 * Writes cgroup.freeze in all targets, then waits for "frozen 1" in each cgroup.events.
 * On time-out what this call changed is undone and the reason names the tasks that did
 * not stop. A group that has the caller inside is -EDEADLK.
 *
 * Return: 0, -ETIMEDOUT, -ENODEV when a group vanished, -errno.
 */
CGW_API int cgw_group_freeze(struct cgw_group *const *groups, size_t n, int timeout_ms);

/**
 * cgw_group_thaw() - let the tasks of the groups run again, and wait for "frozen 0".
 * @groups: targets.
 * @n: how many.
 * @timeout_ms: as cgw_group_freeze().
 *
 * A group that stays frozen because an ancestor is frozen is -EBUSY, and is named.
 */
CGW_API int cgw_group_thaw(struct cgw_group *const *groups, size_t n, int timeout_ms);

/**
 * cgw_group_is_frozen() - the state reached (cgroup.events), not the one asked for.
 *
 * Return: 1, 0 or -errno.
 */
CGW_API int cgw_group_is_frozen(struct cgw_group *g);

/**
 * cgw_group_kill() - SIGKILL to every process of the group and below, at once (cgroup.kill).
 * @g: group. One with the caller inside is -EDEADLK.
 * @timeout_ms: how long to wait until all are gone; 0 = do not wait, negative = for ever.
 *
 * Linux 5.14; on older kernels the processes are frozen and killed one by one.
 *
 * Return: 0, -ETIMEDOUT naming who is left, -EOPNOTSUPP for a threaded group, -errno.
 */
CGW_API int cgw_group_kill(struct cgw_group *g, int timeout_ms);

/**
 * cgw_group_signal() - send a signal to each process of the group and below, once.
 * @g: group.
 * @signal: signal number, 1..64.
 *
 * Through pidfds, membership checked after each was opened; processes forked meanwhile
 * get it too.
 *
 * Return: how many processes got it, or -errno.
 */
CGW_API int cgw_group_signal(struct cgw_group *g, int signal);

/**
 * cgw_group_is_populated() - has the group, or one below it, a process?
 *
 * Return: 1, 0 or -errno.
 */
CGW_API int cgw_group_is_populated(struct cgw_group *g);

/**
 * cgw_group_wait_empty() - wait until neither the group nor one below it has a process.
 * @g: group; one that is removed meanwhile is empty.
 * @timeout_ms: negative = for ever.
 *
 * Return: 0, -ETIMEDOUT, -errno.
 */
CGW_API int cgw_group_wait_empty(struct cgw_group *g, int timeout_ms);

/* ---- events ----------------------------------------------------------------------- */

enum cgw_event_kind {
	CGW_EVENT_POPULATED,		/* has a process in it or below, or none any more */
	CGW_EVENT_FROZEN,		/* every task stopped, or they run again */
	CGW_EVENT_MEMORY_LOW,		/* reclaimed although below memory.low */
	CGW_EVENT_MEMORY_HIGH,		/* throttled at memory.high */
	CGW_EVENT_MEMORY_MAX,		/* memory.max was reached */
	CGW_EVENT_MEMORY_OOM,		/* nothing could be reclaimed at memory.max */
	CGW_EVENT_MEMORY_OOM_KILL,	/* a process was killed, whoever's limit it was */
	CGW_EVENT_MEMORY_OOM_GROUP_KILL, /* all of a group were, as memory.oom.group asks */
	CGW_EVENT_SWAP_HIGH,
	CGW_EVENT_SWAP_MAX,
	CGW_EVENT_SWAP_FAIL,
	CGW_EVENT_PIDS_MAX,    /* a fork was refused */
	CGW_EVENT_HUGETLB_MAX, /* a huge page was refused */
	CGW_EVENT_MISC_MAX,    /* a resource of misc.max was refused */
	CGW_EVENT_OTHER,       /* a counter that this version does not know by name */
	CGW_EVENT_PRESSURE,    /* a trigger of cgw_watch_add_pressure() fired */
	CGW_EVENT_CREATED,     /* a group below one that is watched recursively */
	CGW_EVENT_REMOVED,     /* the last event of a group */
	CGW_EVENT_OVERFLOW,    /* the kernel's queue was full; of no group, see cgw_watch_read() */
};

/* The bit of a kind in struct cgw_watch_opts. */
#define CGW_EVENT_BIT(kind) (1ULL << (kind))

/**
 * struct cgw_event - something that happened to a group.
 * @kind: what.
 * @name: the same in words: "memory.oom_kill", "hugetlb.2MB.max", "populated". For counters it
 *	is the kernel's file, without ".events", and key.
 * @detail: of a pressure event the trigger, "some 100000 1000000"; else NULL.
 * @path: the group; "" for an overflow.
 * @id: its number.
 * @delta: by how much the counter rose; for pressure the us stalled since the trigger's last
 *	event; for a state 0.
 * @own: how much of @delta is of the group itself (X.events.local), not of groups below it.
 * @total: the counter; for pressure all us stalled; for a state 1 or 0.
 * @by: path of the group whose limit did it: the group, one below or an ancestor. NULL when
 *	no limit did (the whole machine ran out of memory) or it cannot be told.
 * @by_id: its number, or 0.
 * @time_ns: CLOCK_REALTIME, when the event was read.
 * @mono_ns: CLOCK_MONOTONIC, the same.
 */
struct cgw_event {
	enum cgw_event_kind kind;
	const char *name;
	const char *detail;
	const char *path;
	uint64_t id;
	uint64_t delta;
	uint64_t own;
	uint64_t total;
	const char *by;
	uint64_t by_id;
	uint64_t time_ns;
	uint64_t mono_ns;
};

/**
 * cgw_event_kind_name() - "memory.oom_kill" and so on; "hugetlb.max" whatever the size.
 */
CGW_API const char *cgw_event_kind_name(enum cgw_event_kind kind);

/**
 * cgw_event_kind_parse() - the kind of that name.
 * @name: a whole name, or the part after its dot where that is one kind's alone ("oom_kill").
 * @ret_kind: the kind.
 *
 * Return: 0, or -EINVAL.
 */
CGW_API int cgw_event_kind_parse(const char *name, enum cgw_event_kind *ret_kind);

struct cgw_watch;

/**
 * cgw_watch_new() - a watcher for any number of groups.
 * @c: context; the watcher and its groups belong to it.
 * @ret_w: the watcher; free it with cgw_watch_free().
 *
 * It takes one descriptor, an inotify instance, and one more for each pressure trigger; none
 * for a group.
 *
 * Return: 0, -EMFILE naming the sysctl where inotify instances have run out, -ENOMEM.
 */
CGW_API int cgw_watch_new(struct cgw *c, struct cgw_watch **ret_w);
CGW_API void cgw_watch_free(struct cgw_watch *w);

enum cgw_watch_flags {
	CGW_WATCH_RECURSIVE = 1U << 0, /* groups below too, also those made later */
	CGW_WATCH_INITIAL = 1U << 1,   /* begin with the events populated and frozen as they are */
	CGW_WATCH_ANCESTORS = 1U << 2, /* limits that fire in the ancestors too */
};

/**
 * struct cgw_watch_opts - what to report of a group.
 * @sz: sizeof(struct cgw_watch_opts).
 * @kinds: CGW_EVENT_BIT() of each kind wanted; 0 = all.
 * @flags: enum cgw_watch_flags.
 */
struct cgw_watch_opts {
	size_t sz;
	uint64_t kinds;
	unsigned int flags;
	size_t : 0;
};

/**
 * cgw_watch_add() - watch a group.
 * @w: watcher.
 * @g: group; it may be closed afterwards. One that is watched already gets the new options.
 * @opts: NULL for all kinds, and no flag.
 *
 * Counters are reported from what they are now. They count what happens in the group and in
 * those below it. Groups found below by CGW_WATCH_RECURSIVE report only what is of their own
 * level, so that each thing is told once at its place and once at @g.
 *
 * The kernel counts a limit that fires at the group whose limit it is and at its ancestors,
 * not below, except for kills. CGW_WATCH_ANCESTORS reports memory.max, memory.high, memory.oom
 * and pids.max of the ancestors as events of @g, with @by set and @own 0: any group below that
 * ancestor may be the cause.
 *
 * Return: 0, -ENOSPC naming the sysctl where inotify watches have run out, -ENODEV for a
 * removed group, -errno.
 */
CGW_API int cgw_watch_add(struct cgw_watch *w, struct cgw_group *g,
			  const struct cgw_watch_opts *opts);

enum cgw_pressure {
	CGW_PRESSURE_CPU,
	CGW_PRESSURE_IO,
	CGW_PRESSURE_MEMORY,
	CGW_PRESSURE_IRQ, /* only full, Linux 6.1 */
};

/**
 * cgw_watch_add_pressure() - arm a pressure trigger (PSI) of a group.
 * @w: watcher.
 * @g: group; when it is not watched yet, only its triggers and its removal are reported.
 * @resource: what is waited for.
 * @full: all tasks waited at once; false: some did.
 * @stall_us: report when they waited this long in all ...
 * @window_us: ... within this time, 500000 to 10000000. Without CAP_SYS_RESOURCE a multiple
 *	of 2000000 (Linux 6.4).
 *
 * At most one event in a window. Whoever may write the pressure file may arm a trigger.
 *
 * Return: 0, -EINVAL or -ERANGE for times the kernel does not take, -EOPNOTSUPP where PSI is
 * switched off, -ENOENT for a kernel without it, -errno.
 */
CGW_API int cgw_watch_add_pressure(struct cgw_watch *w, struct cgw_group *g,
				   enum cgw_pressure resource, bool full, uint32_t stall_us,
				   uint32_t window_us);

/**
 * cgw_watch_remove() - no longer watch a group, nor those found below it.
 *
 * Return: 0, or -ENOENT when it is not watched (any more). Events already queued stay.
 */
CGW_API int cgw_watch_remove(struct cgw_watch *w, struct cgw_group *g);

/**
 * cgw_watch_count() - how many groups are watched; a removed group no longer is.
 */
CGW_API size_t cgw_watch_count(const struct cgw_watch *w);

/**
 * cgw_watch_fd() - the descriptor to poll for reading; it stays @w's.
 *
 * Before each poll, call cgw_watch_read() until it gives 0: events that were read together
 * wait in the watcher, where poll does not see them.
 */
CGW_API int cgw_watch_fd(const struct cgw_watch *w);

/**
 * cgw_watch_read() - the next event, without waiting for one.
 * @w: watcher.
 * @ret_event: the event; its strings live until the next call with @w.
 *
 * Counters of a group are read before it is reported empty. A state that changed back before
 * it was read is not seen. A group's last event is CGW_EVENT_REMOVED, after populated 0; what
 * was counted in the moments before a removal may be seen only in the events of the groups
 * above it.
 *
 * After CGW_EVENT_OVERFLOW the events of all groups have been read again: no count is lost.
 *
 * Return: 1, 0 when there is none now, -errno when a group that appeared cannot be watched
 * (-ENOSPC) or memory ran out; the other groups go on.
 */
CGW_API int cgw_watch_read(struct cgw_watch *w, struct cgw_event *ret_event);

/* ---- tracers ---------------------------------------------------------------------- */

enum cgw_tracer {
	CGW_TRACER_FREEZE,    /* who froze and thawed what, when it was so, who is in the way */
	CGW_TRACER_OOM,	      /* who was killed, and whose limit did it */
	CGW_TRACER_DENY,      /* devices that were refused, by whatever filter */
	CGW_TRACER_LIFECYCLE, /* who made, removed, filled and set up which group */
};

#define CGW_TRACERS 4
#define CGW_TRACER_BIT(tracer) (1U << (tracer))

/**
 * struct cgw_trace_event - one record, completed.
 * @record: what the kernel told; record->kind says which structure of cgward/trace.h it is.
 * @name: of the kind: "freeze.reached".
 * @path: of record->group, also when it is gone by now; "" when it cannot be told, "/..." for what
 *	cannot be told at its top.
 * @time_ns: CLOCK_REALTIME, when it happened.
 * @from: CGW_TRACE_ATTACHED: as @path, of the group the task was in; NULL when not known.
 * @rule: CGW_TRACE_DENY, from cgw_trace_read(): the canonical rule that denies it, looked up when
 *	the event is read; else NULL, also when the group is gone or nothing denies it any more.
 * @decided_by: CGW_TRACE_DENY, from cgw_trace_read(): the path of the group whose policy denies
 *	it; or the programs of other owners that may have, as "crun" (a guess by its shape), the
 *	program's name, "program 12"; else NULL.
 * @node: CGW_TRACE_DENY, from cgw_trace_read(): what the kernel calls the device, "/dev/fuse",
 *	looked up when the event is read; else NULL, also when it has no name.
 */
struct cgw_trace_event {
	const struct cgw_trace_record *record;
	const char *name;
	const char *path;
	uint64_t time_ns;
	const char *from;
	const char *rule;
	const char *decided_by;
	const char *node;
};

/* Return: 0 to go on; what else is returned ends the call. */
typedef int (*cgw_trace_fn)(const struct cgw_trace_event *event, void *arg);

/**
 * cgw_trace_kind_name() - "freeze.reached" and so on, of enum cgw_trace_kind.
 */
CGW_API const char *cgw_trace_kind_name(unsigned int kind);

/**
 * cgw_trace_source_name() - "tp_btf" and so on, of enum cgw_trace_source.
 */
CGW_API const char *cgw_trace_source_name(unsigned int source);

/**
 * cgw_tracer_parse() - the tracer of that name.
 * @name: "freeze", "oom", "deny" or "lifecycle".
 * @ret_tracer: the tracer.
 *
 * Return: 0, or -EINVAL.
 */
CGW_API int cgw_tracer_parse(const char *name, enum cgw_tracer *ret_tracer);

/**
 * struct cgw_trace_opts - which tracers, and of what.
 * @sz: sizeof(struct cgw_trace_opts).
 * @tracers: CGW_TRACER_BIT() of each.
 * @groups: watched with all below them; they may be closed afterwards.
 * @n_groups: 0 = every group of the v2 hierarchy; at most CGW_TRACE_TARGETS.
 * @ring_bytes: of each tracer's ring, a power of two from the page size to 1 GiB; 0 = 256 KiB,
 *	and 4 MiB for CGW_TRACER_DENY and CGW_TRACER_LIFECYCLE.
 * @blocked_ms: CGW_TRACER_FREEZE: tell the tasks that have not stopped after so long, and again
 *	each time it has taken twice as long. 0 = 1000; below 0 = never.
 */
struct cgw_trace_opts {
	size_t sz;
	unsigned int tracers;
	struct cgw_group *const *groups;
	size_t n_groups;
	size_t ring_bytes;
	int blocked_ms;
	size_t : 0;
};

/**
 * cgw_trace_new() - load tracers and attach them.
 * @c: context; the tracer belongs to it. A tracer of freezes lets cgw_group_freeze() and
 *	cgw_group_thaw() of the same context know sooner that it is done.
 * @opts: what to trace.
 * @ret_t: the tracer; free it with cgw_trace_free().
 *
 * Each has its own programs and rings, so that listeners do not disturb each other. Nothing is
 * pinned: with the process, however it ends, everything is detached.
 *
 * Return: 0, -EPERM naming the capability, -EOPNOTSUPP when the kernel does not describe its
 * types (BTF) or lacks a tracepoint, -EINVAL, -ERANGE, -E2BIG, -ENOMEM.
 */
CGW_API int cgw_trace_new(struct cgw *c, const struct cgw_trace_opts *opts,
			  struct cgw_trace **ret_t);
CGW_API void cgw_trace_free(struct cgw_trace *t);

/**
 * cgw_trace_missing() - what the tracers do not tell, because this kernel has no hook for it.
 * @t: tracer.
 * @i: 0, 1 and so on.
 *
 * Return: a sentence, as "writes to control files: the kernel takes no program at
 * cgroup_file_write (EPERM)"; NULL after the last.
 */
CGW_API const char *cgw_trace_missing(const struct cgw_trace *t, size_t i);

/**
 * cgw_trace_fd() - descriptor that polls readable (POLLIN) when there is something to read.
 */
CGW_API int cgw_trace_fd(const struct cgw_trace *t);

/**
 * cgw_trace_read() - take the next event.
 * @t: tracer.
 * @ret_event: the event; what it points to lives until the next call on @t.
 *
 * Events come in the order in which they happened. Records that a ring could not take are
 * counted, and told by an event of kind CGW_TRACE_LOST (struct cgw_trace_lost).
 *
 * Return: 1 with an event, 0 when there is none, -errno.
 */
CGW_API int cgw_trace_read(struct cgw_trace *t, struct cgw_trace_event *ret_event);

/**
 * cgw_trace_complete_ns() - until when everything was read.
 * @t: tracer of which cgw_trace_read() has just returned 0.
 *
 * That there was nothing to read does not say so: a program of the kernel may have begun with a
 * record that it has not ended.
 *
 * Return: CLOCK_MONOTONIC, about now: events from before it were all read, of every tracer. 0 when
 * there is more to read, or will be in a moment.
 */
CGW_API uint64_t cgw_trace_complete_ns(const struct cgw_trace *t);

/**
 * cgw_trace_consume() - take all that there is, without a copy of each.
 * @t: tracer.
 * @fn: called for each event, in the order of each tracer; it may not call functions on @t.
 * @arg: given to @fn.
 *
 * Return: 0, what @fn returned, or -errno.
 */
CGW_API int cgw_trace_consume(struct cgw_trace *t, cgw_trace_fn fn, void *arg);

/**
 * cgw_group_blockers() - the tasks that keep a group from being frozen.
 * @g: group that is asked to be frozen.
 * @fn: called with an event of kind CGW_TRACE_FREEZE_BLOCKED for each task of the group, and of
 *	groups below it, that has not stopped.
 * @arg: given to @fn.
 *
 * By an iterator over tasks, which knows whom the freezer has; where that cannot be loaded from
 * /proc, where tasks that run or wait uninterruptibly are taken for such.
 *
 * Return: 0, what @fn returned, or -errno.
 */
CGW_API int cgw_group_blockers(struct cgw_group *g, cgw_trace_fn fn, void *arg);

/**
 * struct cgw_oom_kill - one process that the kernel's log says was killed.
 * @time_ns: CLOCK_REALTIME, about: the log has a clock of its own.
 * @pid: as all numbers here, of the initial namespaces.
 * @uid: (uid_t)-1 where the log does not tell.
 * @comm: its name.
 * @path: its group; NULL = not told. The kernel tells it of ten OOMs in five seconds.
 * @limit: group whose memory.max was reached; NULL = none, or not told.
 * @oom_group: group that was killed as one, by memory.oom.group, or NULL. Of those that were killed
 *	with the first, @path is this.
 * @global: no group's limit: the machine, or the nodes it may use, had no memory left.
 * @oom_score_adj: of the process.
 * @total_vm: in bytes, as what follows.
 * @anon_rss: anonymous memory.
 * @file_rss: of files.
 * @shmem_rss: shared.
 * @pgtables: of page tables.
 */
struct cgw_oom_kill {
	uint64_t time_ns;
	pid_t pid;
	uid_t uid;
	const char *comm;
	const char *path;
	const char *limit;
	const char *oom_group;
	bool global;
	int oom_score_adj;
	uint64_t total_vm;
	uint64_t anon_rss;
	uint64_t file_rss;
	uint64_t shmem_rss;
	uint64_t pgtables;
};

/* Return: 0 to go on; what else is returned ends the call. */
typedef int (*cgw_oom_kill_fn)(const struct cgw_oom_kill *kill, void *arg);

/**
 * cgw_oom_log() - the OOM kills that the kernel's log has, oldest first.
 * @c: context.
 * @path: of a group, which may be gone: kills in it and below, and those whose group the log does
 *	not tell; NULL = all.
 * @fn: called for each; its strings live until it returns.
 * @arg: given to @fn.
 *
 * The log's paths are from the root of the hierarchy, whatever the cgroup namespace; where cgroup
 * v1 holds the memory controller, of that hierarchy.
 *
 * Return: 0, what @fn returned, -EPERM without CAP_SYSLOG where kernel.dmesg_restrict is set,
 * -errno.
 */
CGW_API int cgw_oom_log(struct cgw *c, const char *path, cgw_oom_kill_fn fn, void *arg);

/* ---- recordings of tracers -------------------------------------------------------- */

struct cgw_recorder;
struct cgw_recording;

/**
 * cgw_recorder_new() - begin a recording.
 * @c: context.
 * @fd: where it is written; empty, and not closed by the recorder.
 * @ret_r: the recorder; free it with cgw_recorder_free().
 *
 * A recording has checksums and can be read up to its last whole event, whatever ended the
 * process that wrote it.
 *
 * Return: 0, -ENOMEM, or -errno of write(2).
 */
CGW_API int cgw_recorder_new(struct cgw *c, int fd, struct cgw_recorder **ret_r);
CGW_API void cgw_recorder_free(struct cgw_recorder *r);

/**
 * cgw_recorder_write() - add an event.
 * @r: recorder.
 * @event: from cgw_trace_read(), cgw_trace_consume() or cgw_recording_read().
 *
 * It is kept until cgw_recorder_flush(), or until there is 1 MiB of them.
 *
 * Return: 0, -EINVAL, -E2BIG, -ENOMEM, or -errno of write(2), then and ever after.
 */
CGW_API int cgw_recorder_write(struct cgw_recorder *r, const struct cgw_trace_event *event);

/**
 * cgw_recorder_flush() - write what was added, with one write(2).
 *
 * Return: 0 or -errno.
 */
CGW_API int cgw_recorder_flush(struct cgw_recorder *r);

/**
 * cgw_recorder_end() - write what was added, and that there is no more.
 *
 * Return: 0 or -errno.
 */
CGW_API int cgw_recorder_end(struct cgw_recorder *r);

/**
 * cgw_recorder_events() - how many events were added, those that tell of losses too.
 */
CGW_API uint64_t cgw_recorder_events(const struct cgw_recorder *r);

/**
 * cgw_recorder_lost() - how many records were missing, by the events that tell so.
 */
CGW_API uint64_t cgw_recorder_lost(const struct cgw_recorder *r);

/**
 * struct cgw_recording_info - where a recording comes from.
 * @release: the kernel's, as uname(2) has it.
 * @version: of cgward.
 * @time_ns: CLOCK_REALTIME, when it began.
 * @mono_ns: CLOCK_MONOTONIC, at the same time.
 */
struct cgw_recording_info {
	const char *release;
	const char *version;
	uint64_t time_ns;
	uint64_t mono_ns;
};

/**
 * cgw_recording_open() - read a recording.
 * @c: context.
 * @fd: file or pipe at its begin; not closed by the recording.
 * @ret_r: the recording; free it with cgw_recording_close().
 *
 * Return: 0; -EINVAL when this is none; -EOPNOTSUPP for another version or byte order; -ENODATA
 * when it is cut off before the first event, -EBADMSG when it was altered; -ENOMEM, -errno.
 */
CGW_API int cgw_recording_open(struct cgw *c, int fd, struct cgw_recording **ret_r);
CGW_API void cgw_recording_close(struct cgw_recording *r);

/**
 * cgw_recording_get_info() - where it comes from; lives as long as the recording.
 */
CGW_API const struct cgw_recording_info *cgw_recording_get_info(const struct cgw_recording *r);

/**
 * cgw_recording_read() - the next event.
 * @r: recording.
 * @ret_event: the event, as it was recorded; what it points to lives until the next call on @r.
 *
 * Return: 1 with an event; 0 at the end; -ENODATA when the recording is cut off here, as it is
 * while somebody writes it or when that was killed; -EBADMSG when it was altered here; both with
 * the number of the byte. -errno.
 */
CGW_API int cgw_recording_read(struct cgw_recording *r, struct cgw_trace_event *ret_event);

/* ---- device rules and policies ---------------------------------------------------- */

/**
 * struct cgw_rule - one rule of a list.
 * @type: 'a' (both kinds), 'b' or 'c'.
 * @allow: or deny.
 * @access: CGW_DEVICE_MKNOD | CGW_DEVICE_READ | CGW_DEVICE_WRITE.
 * @major: 0..4294967294, or CGW_DEVICE_ANY.
 * @minor: likewise.
 */
struct cgw_rule {
	char type;
	bool allow;
	uint8_t access;
	uint32_t major;
	uint32_t minor;
};

enum cgw_semantics {
	CGW_SEMANTICS_ORDERED,	  /* per access bit the last matching rule decides */
	CGW_SEMANTICS_RUNC,	  /* runc's emulator of cgroup v1, with what it refuses */
	CGW_SEMANTICS_CONTAINERD, /* the last rule that overlaps the request decides */
};

/**
 * cgw_semantics_name() - "ordered", "runc" or "containerd".
 */
CGW_API const char *cgw_semantics_name(enum cgw_semantics semantics);

/**
 * cgw_semantics_parse() - the semantics of a name.
 *
 * Return: 0 or -EINVAL.
 */
CGW_API int cgw_semantics_parse(const char *name, enum cgw_semantics *ret_semantics);

/**
 * cgw_rules_new() - an empty list; no rule = deny.
 */
CGW_API int cgw_rules_new(struct cgw *c, struct cgw_rules **ret_rules);
CGW_API void cgw_rules_free(struct cgw_rules *rules);

/**
 * cgw_rules_add() - append a rule from text.
 * @rules: list.
 * @text: "[allow|deny] (a|b|c) [MAJ:MIN] [ACCESS]" or "PATH[:ACCESS]". No verb = allow, no
 *	numbers = *:*, no access = rwm. A path is looked up now, symbolic links followed.
 *
 * Return: 0; -EINVAL with the column and the accepted form; -ERANGE for a number that is
 * too large; for a path -ENOENT, -ENODEV when it is no device, -errno.
 */
CGW_API int cgw_rules_add(struct cgw_rules *rules, const char *text);

/**
 * cgw_rules_add_rule() - append a rule.
 *
 * Return: 0, -EINVAL for a bad type or access, -ENOMEM.
 */
CGW_API int cgw_rules_add_rule(struct cgw_rules *rules, const struct cgw_rule *rule);

/**
 * cgw_rules_add_list() - append a named list: "oci", "runc", "basic", "none", "all",
 *	"hypervisor".
 *
 * hypervisor is runc with kvm (or mshv), vhost-net, vhost-vsock, vfio, and the device mapper's
 * block devices where /proc/devices names their major.
 *
 * Return: 0, or -ENOENT for an unknown name.
 */
CGW_API int cgw_rules_add_list(struct cgw_rules *rules, const char *name);

/**
 * cgw_rules_add_defaults() - put in what a runtime gives each container beyond its config.json.
 * @rules: the config's list, from cgw_rules_add_oci().
 * @semantics: ordered: the list "oci", right after the last rule that denies everything (or
 *	first), so that later rules can deny it; runc: the list "runc", last, as runc does;
 *	containerd: nothing, as its config.json names them itself.
 *
 * Return: 0 or -ENOMEM.
 */
CGW_API int cgw_rules_add_defaults(struct cgw_rules *rules, enum cgw_semantics semantics);

/**
 * cgw_rules_add_text() - append the rules of a text, one a line, "#" begins a comment.
 * @rules: list, unchanged on failure.
 * @name: what messages call the text (a file name).
 * @text: need not end with a NUL.
 * @len: its length in bytes.
 *
 * Return: 0, or as cgw_rules_add(), naming NAME:LINE:COLUMN.
 */
CGW_API int cgw_rules_add_text(struct cgw_rules *rules, const char *name, const char *text,
			       size_t len);

/**
 * cgw_rules_add_oci() - append the device rules of an OCI config.json.
 * @rules: list, unchanged on failure.
 * @name: what messages call the document (a file name).
 * @text: JSON: a whole config.json, its "linux", its "resources", or an array of rules.
 * @len: its length in bytes.
 *
 * Absent or null: type = a, major and minor = *, access = rwm, allow = false. -1 is * too.
 * At most 262,144 objects, 32 levels deep.
 *
 * Return: 0; -EINVAL naming the place and what is wrong there, equal keys included;
 * -ENODATA for a document without linux.resources.devices.
 */
CGW_API int cgw_rules_add_oci(struct cgw_rules *rules, const char *name, const char *text,
			      size_t len);

/**
 * cgw_rules_add_file() - append the rules of a file; "-" is standard input.
 *
 * A file whose first byte is '{' or '[' is JSON for cgw_rules_add_oci(), any other text.
 */
CGW_API int cgw_rules_add_file(struct cgw_rules *rules, const char *path);

/**
 * cgw_rules_count() - how many rules the list has.
 */
CGW_API size_t cgw_rules_count(const struct cgw_rules *rules);

/**
 * cgw_rules_at() - rule number @i, from 0; NULL past the last one.
 */
CGW_API const struct cgw_rule *cgw_rules_at(const struct cgw_rules *rules, size_t i);

/**
 * cgw_rules_validate() - is the list one that these semantics accept?
 * @rules: list.
 * @semantics: how to read it. runc refuses to take part of a wildcard back.
 *
 * Return: 0, or -EINVAL naming the rule and why.
 */
CGW_API int cgw_rules_validate(const struct cgw_rules *rules, enum cgw_semantics semantics);

/**
 * cgw_rules_evaluate() - the verdict of a list, by its definition and without a table.
 * @rules: list; one that cgw_rules_validate() refuses denies everything.
 * @semantics: how to read it.
 * @type: CGW_DEVICE_BLOCK or CGW_DEVICE_CHAR.
 * @major: device number.
 * @minor: device number.
 * @access: CGW_DEVICE_* bits asked for; 0 = access(F_OK), which passes when any bit does.
 *
 * Return: true for allow.
 */
CGW_API bool cgw_rules_evaluate(const struct cgw_rules *rules, enum cgw_semantics semantics,
				unsigned int type, uint32_t major, uint32_t minor,
				unsigned int access);

#define CGW_RULE_TEXT_MAX 48

/**
 * cgw_rule_format() - a rule as cgw_rules_add() reads it.
 * @rule: rule.
 * @buf: gets the text, at most CGW_RULE_TEXT_MAX bytes with the NUL.
 *
 * Return: @buf.
 */
CGW_API const char *cgw_rule_format(const struct cgw_rule *rule, char buf[CGW_RULE_TEXT_MAX]);

/**
 * cgw_policy_compile() - turn a list into the decision table the kernel looks up.
 * @rules: list.
 * @semantics: how to read it.
 * @ret_policy: immutable; may be applied to any number of groups.
 *
 * Return: 0, -E2BIG when the table exceeds CGW_POLICY_ENTRIES, -ENOMEM.
 */
CGW_API int cgw_policy_compile(const struct cgw_rules *rules, enum cgw_semantics semantics,
			       struct cgw_policy **ret_policy);
CGW_API void cgw_policy_free(struct cgw_policy *policy);

/**
 * cgw_policy_set_own() - have the policy be a program of its own.
 * @policy: policy.
 * @own: or let the groups that are given it run the program that all policies share, as after
 *	cgw_policy_compile().
 *
 * A program of its own has the table in it and spares each check the call of a helper; it
 * decides alike. It is loaded when a first group is given the policy, or by cgw_policy_load(),
 * and shared by all groups that are given this policy; they need no value of their own then.
 * So it is for few policies of many groups, or of groups that open devices all the time. It is
 * pinned nowhere: it goes when the policy was freed and no group has it.
 */
CGW_API void cgw_policy_set_own(struct cgw_policy *policy, bool own);

/**
 * cgw_policy_load() - have the policy be a program of its own, and load it now.
 * @policy: policy; see cgw_policy_set_own().
 *
 * Takes 0.1 to 0.3 ms, whatever the number of rules. Giving the policy to a new group is then
 * one system call, and changing from one such policy to another two.
 *
 * Return: 0, -EPERM without the privilege to load programs, -errno.
 */
CGW_API int cgw_policy_load(struct cgw_policy *policy);

/**
 * cgw_policy_value() - the table itself, for a loader of one's own.
 * @policy: policy.
 * @ret_size: may be NULL; the size of the whole value.
 *
 * Return: the value to store in the map of bpf/device.bpf.c that serves its size_class,
 * cgward_policy0 to 3; its generation is 0.
 */
CGW_API const struct cgw_policy_value *cgw_policy_value(const struct cgw_policy *policy,
							size_t *ret_size);

/**
 * cgw_policy_entries() - the table's entries; what none of them says, its fallback says.
 * @policy: policy.
 * @ret_entries: *:MIN entries, then MAJ:*, then exact, each kind sorted; free() it.
 *
 * The most specific entry decides: exact, MAJ:*, *:MIN, then the fallback of the type in
 * cgw_policy_value().
 *
 * Return: how many, or -ENOMEM.
 */
CGW_API ssize_t cgw_policy_entries(const struct cgw_policy *policy,
				   struct cgw_policy_entry **ret_entries);

/**
 * cgw_policy_check() - the verdict of a table.
 * @policy: policy.
 * @type: as cgw_rules_evaluate(); also @major, @minor and @access.
 * @ret_rule: may be NULL; the canonical rule that decides: for a denial the one that denies
 *	the first bit refused.
 *
 * Return: true for allow.
 */
CGW_API bool cgw_policy_check(const struct cgw_policy *policy, unsigned int type, uint32_t major,
			      uint32_t minor, unsigned int access, struct cgw_rule *ret_rule);

/**
 * cgw_policy_rules() - canonical rules that compile to the same table.
 * @policy: policy.
 * @ret_rules: the list.
 *
 * Return: 0 or -ENOMEM.
 */
CGW_API int cgw_policy_rules(const struct cgw_policy *policy, struct cgw_rules **ret_rules);

/* ---- device policies of groups ---------------------------------------------------- */

/**
 * cgw_group_set_devices() - give the group a device policy, or replace the one it has.
 * @g: group.
 * @policy: policy.
 *
 * At every instant either the old or the new policy decides. Processes below the group
 * are governed too, together (AND) with the filters of other owners. Descriptors already
 * open stay usable.
 *
 * Return: 0, -EPERM naming the capability, -EOPNOTSUPP without BPF, -errno.
 */
CGW_API int cgw_group_set_devices(struct cgw_group *g, const struct cgw_policy *policy);

/**
 * cgw_group_replace_foreign() - cgw_group_set_devices(), then nobody else's filter.
 * @g: group.
 * @policy: policy.
 *
 * The device programs that others attached to the group itself are detached once the policy
 * is in force: until then both decide (AND), so that there is no instant without a filter.
 * Those of its ancestors stay.
 *
 * Return: as cgw_group_set_devices(); -EPERM where the other filter was attached without
 * BPF_F_ALLOW_MULTI: nothing can join it, and it is named.
 */
CGW_API int cgw_group_replace_foreign(struct cgw_group *g, const struct cgw_policy *policy);

/**
 * struct cgw_device_programs - bpf/device.bpf.c, loaded by the caller.
 * @sz: sizeof(struct cgw_device_programs).
 * @policies: descriptors of the maps cgward_policy0 to 3.
 * @filters: of the programs cgward_dev0 to 3.
 * @adopters: of the programs cgward_dev_new0 to 3.
 * @shortcuts: of the programs cgward_dev_oci0 to 3.
 */
struct cgw_device_programs {
	size_t sz;
	int policies[CGW_POLICY_CLASSES];
	int filters[CGW_POLICY_CLASSES];
	int adopters[CGW_POLICY_CLASSES];
	int shortcuts[CGW_POLICY_CLASSES];
};

/* Its initializer from <cgward/device.skel.h>, a struct cgw_device_bpf that was loaded. */
#define CGW_DEVICE_PROGRAMS(skel)                                                         \
	{                                                                                 \
		.sz = sizeof(struct cgw_device_programs),                                 \
		.policies = { bpf_map__fd((skel)->maps.cgward_policy0),                   \
			      bpf_map__fd((skel)->maps.cgward_policy1),                   \
			      bpf_map__fd((skel)->maps.cgward_policy2),                   \
			      bpf_map__fd((skel)->maps.cgward_policy3) },                 \
		.filters = { bpf_program__fd((skel)->progs.cgward_dev0),                  \
			     bpf_program__fd((skel)->progs.cgward_dev1),                  \
			     bpf_program__fd((skel)->progs.cgward_dev2),                  \
			     bpf_program__fd((skel)->progs.cgward_dev3) },                \
		.adopters = { bpf_program__fd((skel)->progs.cgward_dev_new0),             \
			      bpf_program__fd((skel)->progs.cgward_dev_new1),             \
			      bpf_program__fd((skel)->progs.cgward_dev_new2),             \
			      bpf_program__fd((skel)->progs.cgward_dev_new3) },           \
		.shortcuts = { bpf_program__fd((skel)->progs.cgward_dev_oci0),            \
			       bpf_program__fd((skel)->progs.cgward_dev_oci1),            \
			       bpf_program__fd((skel)->progs.cgward_dev_oci2),            \
			       bpf_program__fd((skel)->progs.cgward_dev_oci3) },          \
	}

/**
 * cgw_use_device_programs() - let the context attach these instead of loading its own.
 * @c: context that has not set a device policy yet.
 * @programs: see CGW_DEVICE_PROGRAMS(); the descriptors are duplicated.
 *
 * For callers that load the skeleton themselves: from a namespace without bpffs, before they
 * drop their capabilities, with a policy of their own on pins.
 *
 * Return: 0; -EBUSY when the context has loaded them already, -EINVAL for programs that are
 * not those of this version, -errno.
 */
CGW_API int cgw_use_device_programs(struct cgw *c, const struct cgw_device_programs *programs);

/**
 * cgw_group_extend_devices() - append rules to the policy the group has.
 * @g: group.
 * @rules: appended in their order.
 *
 * Writers are serialised, so that no rule is lost.
 *
 * Return: 0, -ENOENT when the group has no cgward policy, -errno.
 */
CGW_API int cgw_group_extend_devices(struct cgw_group *g, const struct cgw_rules *rules);

/**
 * cgw_group_generation() - the generation of the policy that this handle set last.
 * @g: group.
 *
 * Return: as in struct cgw_devices, or 0 when it has set none. A policy read back with another
 * one was set by somebody else.
 */
CGW_API uint64_t cgw_group_generation(const struct cgw_group *g);

/**
 * struct cgw_devices - the policy a group has.
 * @policy: NULL when it was attached but never written: everything is denied.
 * @semantics: how it was compiled.
 * @generation: when it was set, in nanoseconds of CLOCK_BOOTTIME, greater at each change; of a
 *	program of the policy's own, when that was loaded.
 * @class_bytes: size of the kernel's value.
 * @prog_id: the program's number.
 * @own: the program is the policy's own, see cgw_policy_set_own(). Appended rules make another
 *	policy, with a program of its own too.
 */
struct cgw_devices {
	struct cgw_policy *policy;
	enum cgw_semantics semantics;
	uint64_t generation;
	uint32_t class_bytes;
	uint32_t prog_id;
	bool own;
};

/**
 * cgw_group_get_devices() - read the policy back from the kernel.
 * @g: group.
 * @ret_devices: free with cgw_devices_free().
 *
 * Return: 0, -ENOENT when the group itself has no cgward policy, -ESTALE for one made by
 * another build, -errno.
 */
CGW_API int cgw_group_get_devices(struct cgw_group *g, struct cgw_devices *ret_devices);
CGW_API void cgw_devices_free(struct cgw_devices *d);

/**
 * cgw_group_clear_devices() - take the group's cgward policy away.
 *
 * Return: 1 when there was one, 0 when there was none, -errno.
 */
CGW_API int cgw_group_clear_devices(struct cgw_group *g);

enum cgw_answer {
	CGW_ANSWER_NO,
	CGW_ANSWER_YES,
	CGW_ANSWER_UNKNOWN,
};

/* A program's level when it is attached above the cgroup namespace's root. */
#define CGW_LEVEL_HIDDEN 0xffffffffU

/**
 * struct cgw_program - a device program attached to a group.
 * @id: the kernel's number.
 * @level: of the group it is attached to: 0 = the group asked for, 1 = its parent, ...
 * @age_s: seconds since it was loaded.
 * @name: as its loader named it, "" for none.
 * @tag: the kernel's hash of its code, in hexadecimal.
 * @looks_like: "crun" (lxc's and youki's look alike), "runc", "containerd" or "systemd", by
 *	its name and the shape of its code; or NULL. A guess.
 * @overrules: can it turn the denial of a program that ran before it into leave? That takes
 *	bpf_set_retval, Linux 5.18.
 * @seen: could the kernel be asked about it? That takes CAP_SYS_ADMIN; else there is only @id.
 * @ours: a filter of cgward, this build or another.
 * @observer: cgward watches by it, this build or another: it leaves every verdict as it is.
 */
struct cgw_program {
	uint32_t id;
	unsigned int level;
	uint64_t age_s;
	char name[16];
	char tag[17];
	const char *looks_like;
	enum cgw_answer overrules;
	bool seen;
	bool ours;
	bool observer;
};

/**
 * cgw_group_device_programs() - device programs attached to the group itself.
 * @g: group.
 * @ret_programs: free() it.
 *
 * Return: how many, or -errno.
 */
CGW_API int cgw_group_device_programs(struct cgw_group *g, struct cgw_program **ret_programs);

/**
 * cgw_group_effective_programs() - device programs that decide for processes of the group.
 * @g: group.
 * @ret_programs: in the order in which the kernel runs them, the group's own before its
 *	ancestors'; free() it.
 *
 * All of them run; one that @overrules can allow what one before it denied.
 *
 * Return: how many, or -errno.
 */
CGW_API int cgw_group_effective_programs(struct cgw_group *g, struct cgw_program **ret_programs);

/**
 * cgw_program_path() - the path of the group that a program is attached to.
 * @g: the group asked for.
 * @p: one of its programs.
 * @buf: gets the path.
 * @size: of @buf.
 *
 * Return: @buf, or NULL when the group is above the cgroup namespace's root.
 */
CGW_API const char *cgw_program_path(const struct cgw_group *g, const struct cgw_program *p,
				     char *buf, size_t size);

enum cgw_verdict {
	CGW_VERDICT_ALLOW,
	CGW_VERDICT_DENY,
	CGW_VERDICT_UNKNOWN, /* every known filter allows, but one of another owner has a say */
};

/**
 * struct cgw_check - why a group may or may not open a device.
 * @verdict: of the group and all its ancestors.
 * @has_rule: is @rule set?
 * @rule: the canonical rule that decides.
 * @path: the group whose policy (or foreign program) decides; "" where no filter exists.
 */
struct cgw_check {
	enum cgw_verdict verdict;
	bool has_rule;
	struct cgw_rule rule;
	char path[4096];
};

/**
 * cgw_group_check_device() - the verdict of the filters of a group and its ancestors.
 * @g: group.
 * @type: as cgw_rules_evaluate(); also @major, @minor and @access.
 * @ret_check: the answer.
 *
 * Return: 0 or -errno.
 */
CGW_API int cgw_group_check_device(struct cgw_group *g, unsigned int type, uint32_t major,
				   uint32_t minor, unsigned int access,
				   struct cgw_check *ret_check);

/**
 * struct cgw_denier - who refuses a device to a group.
 * @has_rule: is @rule set?
 * @rule: the canonical rule that does.
 * @by: the path of the group whose policy does; or the programs of other owners that may, as
 *	"crun or s_snap": by the shape of their code (a guess), by name, or "program 12". "" where
 *	nobody does.
 */
struct cgw_denier {
	bool has_rule;
	struct cgw_rule rule;
	char by[4096];
};

/**
 * cgw_group_find_denier() - who refuses a device that was refused.
 * @g: group.
 * @type: as cgw_rules_evaluate(); also @major, @minor and @access.
 * @ret_denier: the answer.
 *
 * Return: 0 or -errno.
 */
CGW_API int cgw_group_find_denier(struct cgw_group *g, unsigned int type, uint32_t major,
				  uint32_t minor, unsigned int access,
				  struct cgw_denier *ret_denier);

/* ---- learned device policies ------------------------------------------------------ */

#define CGW_LEARN_MAX_USES (1U << 20)

/**
 * struct cgw_use - one way in which a device was used.
 * @allowed: how often that was allowed, and
 * @denied: how often it was refused, by the filters of all owners together. The kernel asks
 *	them once to open a character device and twice to open a block device.
 * @major: of the device.
 * @minor: of the device.
 * @type: CGW_DEVICE_BLOCK or CGW_DEVICE_CHAR.
 * @access: the bits asked for at once; 0 = somebody looked whether the node is there (F_OK).
 */
struct cgw_use {
	uint64_t allowed;
	uint64_t denied;
	uint32_t major;
	uint32_t minor;
	uint8_t type;
	uint8_t access;
};

/**
 * struct cgw_learn_opts - whose uses.
 * @sz: sizeof(struct cgw_learn_opts).
 * @groups: watched with all below them; they may be closed afterwards.
 * @n_groups: 0 = every group of the v2 hierarchy; at most CGW_TRACE_TARGETS.
 * @max_uses: how many different ones are kept, at most CGW_LEARN_MAX_USES; 0 = 16384.
 */
struct cgw_learn_opts {
	size_t sz;
	struct cgw_group *const *groups;
	size_t n_groups;
	size_t max_uses;
	size_t : 0;
};

/**
 * cgw_learn_new() - watch which devices are used.
 * @c: context; what is made belongs to it.
 * @opts: whose.
 * @ret_l: free it with cgw_learn_free().
 *
 * An observer above the groups counts what their filters decide, and decides nothing. Nothing
 * is pinned: with the process it is gone.
 *
 * Return: as cgw_trace_new().
 */
CGW_API int cgw_learn_new(struct cgw *c, const struct cgw_learn_opts *opts,
			  struct cgw_learn **ret_l);
CGW_API void cgw_learn_free(struct cgw_learn *l);

/**
 * cgw_learn_read() - what was used so far.
 * @l: from cgw_learn_new().
 * @ret_uses: sorted by type, major, minor and access; free() it.
 * @ret_missed: may be NULL; how many checks found the table full and are in none of them.
 *
 * Return: how many, or -ENOMEM.
 */
CGW_API ssize_t cgw_learn_read(struct cgw_learn *l, struct cgw_use **ret_uses,
			       uint64_t *ret_missed);

enum cgw_learn_flags {
	CGW_LEARN_DENIED = 1U << 0, /* allow what was refused, too */
};

/**
 * cgw_learn_rules() - the smallest list that allows what was used, and nothing else.
 * @c: context.
 * @earlier: NULL, or a list whose devices stay allowed (that of an earlier run).
 * @uses: what was used.
 * @n: how many.
 * @flags: enum cgw_learn_flags.
 * @ret_rules: canonical rules, in a fixed order, of semantics CGW_SEMANTICS_ORDERED; what none
 *	of them allows is denied.
 *
 * Devices whose numbers the kernel hands out as they come, cgw_device_is_dynamic(), become
 * MAJ:*. Where a node was only looked for, the least access is allowed that lets it be found: m.
 *
 * Return: 0, -E2BIG for more than a policy can hold, -ENOMEM.
 */
CGW_API int cgw_learn_rules(struct cgw *c, const struct cgw_rules *earlier,
			    const struct cgw_use *uses, size_t n, unsigned int flags,
			    struct cgw_rules **ret_rules);

/**
 * cgw_device_is_dynamic() - do devices of this major get their minors as they come?
 * @c: context.
 * @type: CGW_DEVICE_BLOCK or CGW_DEVICE_CHAR.
 * @major: of the device.
 * @name: gets the driver's name, "pts", when they do.
 * @size: of @name.
 *
 * Those are pts, loop devices, what has block major 259, and drivers in /proc/devices that the
 * kernel gave a major of its own choice: 234 to 254 and 384 to 511.
 */
CGW_API bool cgw_device_is_dynamic(struct cgw *c, unsigned int type, uint32_t major, char *name,
				   size_t size);

#define CGW_NODE_MAX 280

/**
 * cgw_device_node() - what the kernel calls a device.
 * @type: CGW_DEVICE_BLOCK or CGW_DEVICE_CHAR.
 * @major: of the device.
 * @minor: of the device.
 * @node: gets "/dev/fuse", at most CGW_NODE_MAX bytes with the NUL.
 *
 * Return: @node, or NULL when there is no such device now, or it has no name.
 */
CGW_API const char *cgw_device_node(unsigned int type, uint32_t major, uint32_t minor,
				    char node[CGW_NODE_MAX]);

enum cgw_unload_flags {
	CGW_UNLOAD_FORCE = 1U << 0, /* also when groups use it; their policies stay in force */
};

/**
 * cgw_unload() - remove the pinned program and maps from bpffs.
 * @c: context.
 * @flags: enum cgw_unload_flags.
 *
 * Return: how many pin directories were removed, -EBUSY naming the groups that use them,
 * -errno.
 */
CGW_API int cgw_unload(struct cgw *c, unsigned int flags);

/* ---- units of systemd -------------------------------------------------------------- */

/**
 * struct cgw_unit_opts - what a new unit gets.
 * @sz: sizeof(struct cgw_unit_opts).
 * @slice: slice of a scope; NULL for system.slice, or for the one a user manager chooses. Of a
 *	slice it must be the one that its name says, or NULL.
 * @description: what systemctl shows, or NULL.
 * @pids: processes for a scope, 0 for the caller.
 * @n_pids: how many: of a scope at least one, of a slice none.
 * @resources: limits, or NULL. systemd keeps those it has properties for, the group gets all.
 * @devices: device policy, or NULL for none.
 * @timeout_ms: for all of it together; 0 = 30 s, negative = for ever.
 * @delegate: systemd leaves what is below the group alone. Scopes only.
 * @user: ask the caller's user manager, not the system's.
 */
struct cgw_unit_opts {
	size_t sz;
	const char *slice;
	const char *description;
	const pid_t *pids;
	size_t n_pids;
	const struct cgw_resources *resources;
	const struct cgw_policy *devices;
	int timeout_ms;
	bool delegate;
	bool user;
	size_t : 0;
};

/**
 * cgw_unit_start() - have systemd make a transient scope or slice.
 * @c: context; it keeps the connection to systemd.
 * @name: ends in ".scope" or ".slice".
 * @opts: NULL for a slice without anything.
 * @ret_g: the unit's group, where systemd says it is.
 *
 * Waits until systemd's job is done, and looks whether each process is really inside. All or
 * nothing: on failure the processes go back where they came from, and the unit is stopped, but
 * never while there may be a process in it. It is left then, with a warning (cgw_set_log()), and
 * so is one that systemd may or may not start yet, having given no answer. A unit of that name
 * which has failed is replaced.
 *
 * Return: 0; -EINVAL for a name, a slice or options that cannot be, before systemd is asked;
 * -EEXIST; -ESRCH for a process that is not there; -ETIMEDOUT; -EACCES; -EOPNOTSUPP without
 * systemd or its library; -ECANCELED or -EIO for a job that failed; as cgw_group_create().
 */
CGW_API int cgw_unit_start(struct cgw *c, const char *name, const struct cgw_unit_opts *opts,
			   struct cgw_group **ret_g);

/**
 * cgw_unit_spawn() - start a command in a new scope of its own.
 * @c: context.
 * @name: of the scope.
 * @opts: as for cgw_unit_start(), without @pids; or NULL.
 * @s: what to start. It waits until the scope is complete, then executes.
 * @ret_g: the scope's group.
 *
 * Return: the child's pid; -ENOENT or -EACCES when the command cannot be executed
 * (cgw_error_is_exec() is true then); as cgw_unit_start().
 */
CGW_API pid_t cgw_unit_spawn(struct cgw *c, const char *name, const struct cgw_unit_opts *opts,
			     const struct cgw_spawn *s, struct cgw_group **ret_g);

/**
 * cgw_unit_open() - open the group of a unit that systemd has loaded.
 * @c: context.
 * @name: of any unit with a group: a scope, a slice, a service, ...
 * @user: ask the caller's user manager.
 * @ret_g: the group.
 *
 * Return: 0; -ENOENT when the unit is not loaded or has no group, as one that does not run;
 * -EINVAL for what is no such name; -EOPNOTSUPP, -errno.
 */
CGW_API int cgw_unit_open(struct cgw *c, const char *name, bool user, struct cgw_group **ret_g);

/**
 * cgw_unit_stop() - stop a scope or a slice, and wait until it has ended.
 * @c: context.
 * @name: of the unit. All in it is ended, by SIGTERM first, then by SIGKILL.
 * @user: ask the caller's user manager.
 * @timeout_ms: 0 = 30 s, negative = for ever.
 *
 * Return: 0; -ENOENT for a unit that is not loaded; -ETIMEDOUT naming who is left, while systemd
 * goes on; -ECANCELED or -EIO for a job that failed; -EINVAL, -EOPNOTSUPP, -errno.
 */
CGW_API int cgw_unit_stop(struct cgw *c, const char *name, bool user, int timeout_ms);

typedef int (*cgw_property_fn)(const char *property, const char *value, void *arg);

/**
 * cgw_unit_properties() - what systemd says of a unit: its state, slice, group and limits.
 * @c: context.
 * @name: of the unit.
 * @user: ask the caller's user manager.
 * @fn: called for each, by systemd's name; numbers are plain, "infinity" where there is no
 *	limit, CPUs a list, truths "yes" or "no". What is empty is left out. Non-zero ends it.
 * @arg: given to @fn.
 *
 * Return: 0, what @fn returned, -ENOENT for a unit that is not loaded, -EINVAL, -errno.
 */
CGW_API int cgw_unit_properties(struct cgw *c, const char *name, bool user, cgw_property_fn fn,
				void *arg);

/**
 * cgw_unit_path() - where the group of a unit is by the rules of names; systemd is not asked.
 * @c: context, for the reason.
 * @slice: of the unit, NULL for system.slice; of a slice see struct cgw_unit_opts.
 * @name: of the unit.
 * @ret_path: "/a.slice/a-b.slice/web.scope" for web.scope in a-b.slice; free() it.
 *
 * A unit of a user manager is that deep below the manager's own group.
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
CGW_API int cgw_unit_path(struct cgw *c, const char *slice, const char *name, char **ret_path);

/**
 * cgw_unit_parse_triple() - "SLICE:PREFIX:NAME", as runtimes name groups of systemd.
 * @c: context, for the reason.
 * @triple: the name may be that of a slice, which has no prefix then.
 * @ret_slice: free() it.
 * @ret_name: "PREFIX-NAME.scope", or the slice; free() it.
 *
 * Return: 0, -EINVAL for anything else, -ENOMEM.
 */
CGW_API int cgw_unit_parse_triple(struct cgw *c, const char *triple, char **ret_slice,
				  char **ret_name);

/* ---- probes ----------------------------------------------------------------------- */

/**
 * struct cgw_probe - whether something works here, found by trying it.
 * @feature: stable name.
 * @works: did it?
 * @how: which way, where there are several; or NULL.
 * @why: why it does not; or NULL.
 * @hint: how to get it; or NULL.
 */
struct cgw_probe {
	const char *feature;
	bool works;
	const char *how;
	const char *why;
	const char *hint;
};

typedef int (*cgw_probe_fn)(const struct cgw_probe *probe, void *arg);

/**
 * cgw_probe() - try each thing cgward needs, in a throw-away group where one is needed.
 * @c: context.
 * @fn: called for each, in a fixed order; non-zero ends it.
 * @arg: given to @fn.
 *
 * Return: 0, what @fn returned, or -errno.
 */
CGW_API int cgw_probe(struct cgw *c, cgw_probe_fn fn, void *arg);

#ifdef __cplusplus
}
#endif

#endif

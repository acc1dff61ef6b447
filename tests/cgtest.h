/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What tests need around the library: throw-away groups, processes in them, recorded trees. */
#ifndef CGWARD_CGTEST_H
#define CGWARD_CGTEST_H

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "internal.h"
#include "tap.h"

struct bpf_insn;

/* Longer than anything takes, also in a guest on a machine that has much else to do. */
#define CGTEST_TIMEOUT_MS 60000

static inline void cgtest__ctx_freep(struct cgw **c)
{
	cgw_free(*c);
}

static inline void cgtest__resources_freep(struct cgw_resources **r)
{
	cgw_resources_free(*r);
}

static inline void cgtest__stat_freep(struct cgw_stat **stat)
{
	cgw_stat_free(*stat);
}

#define _cleanup_stat_ _cleanup_(cgtest__stat_freep)
#define _cleanup_ctx_ _cleanup_(cgtest__ctx_freep)
#define _cleanup_group_ _cleanup_(cgw__group_closep)
#define _cleanup_rules_ _cleanup_(cgw__rules_freep)
#define _cleanup_policy_ _cleanup_(cgw__policy_freep)
#define _cleanup_procs_ _cleanup_(cgw__procs_freep)
#define _cleanup_resources_ _cleanup_(cgtest__resources_freep)
#define _cleanup_top_ _cleanup_(cgtest_remove)
#define _cleanup_tmp_ _cleanup_(cgtest_rmtree)

/* A fresh context; the program ends when there is none. */
struct cgw *cgtest_context(void);

/* What the test itself cannot do without is missing: end the program. */
void cgtest_bail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* n, divided by $CGW_SCALE but at least 1. */
long cgtest_scale(long n);

/* The time that this process had on a CPU: what else the machine does is not in it. */
static inline int64_t cgtest_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* ---- files ---- */

/* A new directory, of rmtree(); aborts when it cannot be made. */
char *cgtest_tmpdir(void);
void cgtest_rmtree(char **dir);

/* A copy of tests/data/NAME in a new directory. */
char *cgtest_copy(const char *name);

/* tests/data/NAME; the string lives until the next call. */
const char *cgtest_data(const char *name);

/* A context on a recorded tree: DIR/cgroup is the hierarchy, DIR/proc is /proc. */
struct cgw *cgtest_recorded(const char *dir);

/* A file's text without its last newline, "" when it cannot be read. */
char *cgtest_slurp(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Make the file (with its directories) and write it. */
void cgtest_spit(const char *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- live groups ---- */

/*
 * Run live tests: needs root and cgroup2, else skips. Whatever becomes of the program,
 * a watcher removes its groups and puts the root's controllers back.
 */
int cgtest_live(int argc, char **argv, const struct tap_test *tests, size_t n);

/* Where cgroup2 is mounted. */
const char *cgtest_mount(void);

/* Make the group /cgwtest-PID-NAME; remove() kills and removes it with all below. */
char *cgtest_new(const char *name);
void cgtest_remove(char **path);

/* A control file's text; "" when it cannot be read. */
char *cgtest_read(const char *group, const char *file);
int cgtest_write(const char *group, const char *file, const char *value);
int cgtest_mkdir(const char *group);
int cgtest_rmdir(const char *group);
bool cgtest_exists(const char *group);

/* Make PARENT/NAME and open it. */
struct cgw_group *cgtest_child(struct cgw *c, const char *parent, const char *name);
struct cgw_group *cgtest_open(struct cgw *c, const char *path);

/* What statistics are read into; the program ends when there is none. */
struct cgw_stat *cgtest_stat(struct cgw *c, unsigned int mask);

bool cgtest_have_controller(const char *name);

/* Why there is no such controller, for tap_skip(). */
const char *cgtest_why_not(const char *name);

/* A controller that this machine's cgroup2 has, or NULL. */
const char *cgtest_any_controller(void);

/* Wait until KEY of cgroup.events is want; false after CGTEST_TIMEOUT_MS. */
bool cgtest_wait_event(const char *group, const char *key, int want);

/* ---- processes ---- */

/* fork() whose child dies with its parent. */
pid_t cgtest_fork(void);

/* A child in the group that sleeps until it is killed; aborts when it cannot be had. */
pid_t cgtest_sleeper(const char *group);

/* Kill one of our children and reap it; its status. */
int cgtest_end(pid_t pid);

/* Reap one of our children; its status, or -1 when there is no such. The runner limits the time. */
int cgtest_reap(pid_t pid);

/* Reap it; has it been killed? */
static inline bool cgtest_was_killed(pid_t pid)
{
	int status = cgtest_reap(pid);

	return status >= 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Is this child of ours dead (reaped or not)? */
bool cgtest_is_dead(pid_t pid);

/* Run fn in a child and give what it returned; -1 when it died. */
int cgtest_in_child(int (*fn)(void *arg), void *arg);

/*
 * From here on the system call, with that first argument (-1 = any), fails with err in this
 * process and its children, as under a seccomp profile. 0, or -errno.
 */
int cgtest_forbid(unsigned int call, int first, unsigned int err);

/* Wait until fd can be read; false after CGTEST_TIMEOUT_MS. */
bool cgtest_readable(int fd);

/* The path of a process's group, from /proc/PID/cgroup. */
char *cgtest_group_of(pid_t pid);

/* ---- devices ---- */

/* Compile rules, one a line; set them as the group's policy. */
struct cgw_policy *cgtest_policy(struct cgw *c, const char *rules);
int cgtest_set_devices(struct cgw_group *g, const char *rules);

/* A policy with n more entries, of devices that are not there. */
struct cgw_policy *cgtest_larger_policy(struct cgw *c, const char *text, unsigned int n);

/* Rules by which the shared program needs no table for the nodes of every container. */
#define CGTEST_OCI_NODES "c 1:3\nc 1:5\nc 1:7\nc 1:8\nc 1:9\nc 5:0\nc 5:2\nc 136:*\n"

/* Do they say the same? Tables: but for the seed, and wherever the entries are. */
bool cgtest_same_rule(const struct cgw_rule *a, const struct cgw_rule *b);
bool cgtest_same_rules(const struct cgw_rules *a, const struct cgw_rules *b);
bool cgtest_same_table(const struct cgw_policy *a, const struct cgw_policy *b);

/* Programs of others: a device program's code loaded, one opened by its number; -1 and errno. */
int cgtest_load(const char *name, const struct bpf_insn *code, size_t n);
int cgtest_program(uint32_t id);

/* Attach a device program with BPF_F_* flags, 0 or -errno; by a link, its descriptor or -1. */
int cgtest_attach(struct cgw_group *g, int prog_fd, unsigned int flags);
int cgtest_link(struct cgw_group *g, int prog_fd);

/* Load and attach one that gives a verdict; one that takes its time and allows all. */
int cgtest_foreign(struct cgw_group *g, const char *name, int verdict);
int cgtest_slow(struct cgw_group *g);

/* A child that tries devices from inside a group. */
struct cgtest_agent {
	pid_t pid;
	int fd;
};

#define _cleanup_agent_ _cleanup_(cgtest_agent_stop)

struct cgtest_agent cgtest_agent_start(const char *group);
void cgtest_agent_stop(struct cgtest_agent *a);

/* Each gives 0 or -errno. mknod's node is removed again. */
int cgtest_agent_open(struct cgtest_agent *a, const char *path, int flags);
int cgtest_agent_access(struct cgtest_agent *a, const char *path, int mode);
int cgtest_agent_mknod(struct cgtest_agent *a, const char *path, mode_t mode, dev_t dev);

/* An opener (tests/opener.c) in a group, started and past its first round. */
struct cgtest_opener {
	pid_t pid;
	int fd;
};

#define _cleanup_opener_ _cleanup_(cgtest_opener_free)

/* nodes: "always:/dev/null" and so on, NULL at the end; count "-" = until stop(). */
struct cgtest_opener cgtest_opener_start(const char *group, const char *count,
					 const char *const *nodes);
void cgtest_opener_free(struct cgtest_opener *o);

/* Has it ended by itself? */
bool cgtest_opener_done(struct cgtest_opener *o);

/* End it; its exit status. ret_text: what it printed. */
int cgtest_opener_stop(struct cgtest_opener *o, char **ret_text);

/* Switch between policies while a loop opens nodes, of which each sees what it must. */
int cgtest_switch(const char *name, struct cgw *c, const char *const *nodes,
		  struct cgw_policy *const *policies, size_t n);

/* Make /run/kmsg, a node that is in no policy. */
int cgtest_kmsg(void);

/* A mount namespace of our own, with our own bpffs and /run; false when there can be none. */
bool cgtest_own_mounts(void);

/* cgtest_live() in such a namespace. */
int cgtest_device_main(int argc, char **argv, const struct tap_test *tests, size_t n);

/* ---- events ---- */

static inline void cgtest__watch_freep(struct cgw_watch **w)
{
	cgw_watch_free(*w);
}

#define _cleanup_watch_ _cleanup_(cgtest__watch_freep)

/* Make a watcher; watch a group. */
struct cgw_watch *cgtest_watch(struct cgw *c);
void cgtest_watch_add(struct cgw_watch *w, struct cgw_group *g, uint64_t kinds, unsigned int flags);

/* "PATH NAME +DELTA own OWN =TOTAL by PATH" or "PATH NAME STATE"; lives until the next call. */
const char *cgtest_event(const struct cgw_event *e);

/* Wait for the next event: 1, 0 after CGTEST_TIMEOUT_MS, -errno. */
int cgtest_next(struct cgw_watch *w, struct cgw_event *e);

/* Pass events over until one of that kind and path; false when none comes any more. */
bool cgtest_await(struct cgw_watch *w, enum cgw_event_kind kind, const char *path,
		  struct cgw_event *e);

/* Is there anything to read? All events there are, a line each. */
bool cgtest_more(struct cgw_watch *w);
char *cgtest_events(struct cgw_watch *w);

/* ---- tracers ---- */

static inline void cgtest__trace_freep(struct cgw_trace **t)
{
	cgw_trace_free(*t);
}

#define _cleanup_trace_ _cleanup_(cgtest__trace_freep)

/* Tracers by their bits, of one group or (NULL) all; the program ends when it cannot be had. */
struct cgw_trace *cgtest_trace(struct cgw *c, unsigned int tracers, struct cgw_group *g,
			       size_t ring_bytes);

/* Wait for the next event: 1, 0 after CGTEST_TIMEOUT_MS, -errno. */
int cgtest_trace_next(struct cgw_trace *t, struct cgw_trace_event *e);

/* Pass events over until one of that kind and path (NULL = any); false when none comes any more. */
bool cgtest_trace_await(struct cgw_trace *t, unsigned int kind, const char *path,
			struct cgw_trace_event *e);

/* The numbers of BPF programs of that name whose descriptors, or those of their links, pid has. */
size_t cgtest_programs_of(pid_t pid, const char *name, uint32_t *ids, size_t max);

/* It is freed some time after its last user is gone: wait; false after CGTEST_TIMEOUT_MS. */
bool cgtest_program_goes(uint32_t id);

/* A child in the group in state D, which SIGKILL ends; or -errno of what it could not do. */
pid_t cgtest_stuck(const char *group);

/* A child in the group that writes to so much memory and ends, or is killed for it. */
pid_t cgtest_eater(const char *group, uint64_t bytes);

#define CGTEST_MAIN(tests)                                              \
	int main(int argc, char **argv)                                 \
	{                                                               \
		return tap_run(argc, argv, tests, ARRAY_SIZE(tests));   \
	}

#define CGTEST_LIVE_MAIN(tests)                                         \
	int main(int argc, char **argv)                                 \
	{                                                               \
		return cgtest_live(argc, argv, tests, ARRAY_SIZE(tests)); \
	}

#define CGTEST_DEVICE_MAIN(tests)                                       \
	int main(int argc, char **argv)                                 \
	{                                                               \
		return cgtest_device_main(argc, argv, tests, ARRAY_SIZE(tests)); \
	}

#endif

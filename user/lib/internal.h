/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Private to the library and its tests: the context, error helpers, cleanup attributes. */
#ifndef CGWARD_INTERNAL_H
#define CGWARD_INTERNAL_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cgward/cgward.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define _cleanup_free_ _cleanup_(cgw__freep)
#define _cleanup_close_ _cleanup_(cgw__closep)
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))

/* Hand an owned pointer or descriptor over to somebody else; always the last step. */
#define TAKE_PTR(p)             \
	({                      \
		__auto_type t_ = (p); \
		(p) = NULL;     \
		t_;             \
	})
#define TAKE_FD(fd)         \
	({                  \
		int t_ = (fd); \
		(fd) = -EBADF; \
		t_;         \
	})

static inline void cgw__freep(void *p)
{
	free(*(void **)p);
}

static inline void cgw__closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cgw__closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

static inline void cgw__group_closep(struct cgw_group **g)
{
	cgw_group_close(*g);
}

static inline void cgw__procs_freep(struct cgw_procs *p)
{
	cgw_procs_free(p);
}

static inline void cgw__rules_freep(struct cgw_rules **r)
{
	cgw_rules_free(*r);
}

static inline void cgw__policy_freep(struct cgw_policy **p)
{
	cgw_policy_free(*p);
}

struct cgw__error {
	char text[1024];
	char hint[512];
	bool input;
	bool exec; /* a command could not be executed */
};

struct cgw__loader;
struct cgw__bus;

struct cgw {
	char *cgroup_root; /* set by the caller, else NULL */
	char *proc_root;
	bool discovered;
	enum cgw_mode mode;
	char *mount;
	char *v1_names;
	int root_fd;
	bool recorded;	  /* the root is a recorded tree, not cgroupfs */
	bool no_openat2;  /* the kernel, valgrind or a filter refuses it */
	struct cgw__error error;
	cgw_log_fn log_fn;
	void *log_arg;
	struct cgw__loader *loader; /* of user/lib/device_loader.c */
	struct cgw__bus *bus[2]; /* to systemd: the system's manager, the user's */
	char *own_path; /* of the caller's group */
	uint64_t own_id; /* its number; 0 = own_path may be of another one */
	struct cgw_trace *freezer;  /* a tracer of this context that tells when groups are frozen */
	bool unshared;		    /* load for this process alone, pin nothing */
	bool no_fentry;		    /* as if no program could be put at a function */
};

struct cgw_group {
	struct cgw *c;
	int fd;
	char *path;
	uint64_t id;
	uint64_t generation; /* of the device policy last set by this handle */
	bool fresh; /* being made by this context: nobody can be inside */
};

/* context.c */
int cgw__err(struct cgw *c, int err, const char *fmt, ...) _printf_(3, 4);
int cgw__fail(struct cgw *c, int err, const char *fmt, ...) _printf_(3, 4);
int cgw__bad(struct cgw *c, int err, const char *fmt, ...) _printf_(3, 4);
int cgw__oom(struct cgw *c);
void cgw__hint(struct cgw *c, const char *fmt, ...) _printf_(2, 3);
void cgw__log(struct cgw *c, enum cgw_log_level level, const char *fmt, ...) _printf_(3, 4);
int cgw__parse_mountinfo(struct cgw *c, char *text);
int cgw__root(struct cgw *c);
bool cgw__has_cap(unsigned int cap);

/* path.c */
struct cgw__membership {
	char *path;
	bool deleted; /* the kernel appended " (deleted)" */
	bool outside; /* not below the cgroup namespace's root */
};

int cgw__parse_membership(const char *text, struct cgw__membership *ret_m);
bool cgw__path_below(const char *path, const char *ancestor);
char *cgw__path_join(const char *parent, const char *name);
char *cgw__path_parent(const char *path);
int cgw__caller_inside(struct cgw_group *g);
int cgw__open_by_id(struct cgw *c, uint64_t id);
int cgw__path_by_id(struct cgw *c, uint64_t id, char *path, size_t size);

/* file.c */
int cgw__open_beneath(struct cgw *c, int dirfd, const char *path, int flags);
ssize_t cgw__read_fd(int fd, char **ret_text);
ssize_t cgw__read_at(struct cgw *c, int dirfd, const char *file, char **ret_text);
int cgw__write_at(struct cgw *c, int dirfd, const char *file, const char *value);
ssize_t cgw__read_proc(struct cgw *c, pid_t pid, const char *file, char **ret_text);
bool cgw__has_word(const char *words, const char *word);
const char *cgw__next_word(const char **p, size_t *ret_len);

/* explain.c */
int cgw__explain_missing(struct cgw_group *g, int err, const char *what, const char *file);
int cgw__explain_value(struct cgw_group *g, int err, const char *what, const char *file);
int cgw__explain_controller(struct cgw_group *g, const char *what, const char *controller);
int cgw__explain_access(struct cgw *c, int err, const char *what, const char *path);
const char *cgw__accepted_form(const char *file);
const char *cgw__value_problem(const char *file, const char *value);
void cgw__describe_procs(struct cgw_group *g, bool recursive, char *buf, size_t size);
void cgw__describe_unfrozen(struct cgw_group *const *groups, size_t n, char *buf, size_t size);

#define CGW_COMMON_ANCESTOR_HINT \
	"the mover must be able to write cgroup.procs of the common ancestor too"

/* group.c */
int cgw__group_open_at(struct cgw *c, const char *path, struct cgw_group **ret_g);
struct cgw__enabled;
int cgw__group_set_up(struct cgw_group *g, const struct cgw_create_opts *opts,
		      struct cgw__enabled **enabled);
bool cgw__group_is_root(const struct cgw_group *g);

/* controllers.c */
struct cgw__enabled {
	struct cgw__enabled *next;
	struct cgw_group *g;
	char name[64];
};

int cgw__enable(struct cgw_group *g, const char *names, struct cgw__enabled **done);
void cgw__enable_undo(struct cgw__enabled **done);
void cgw__enable_keep(struct cgw__enabled **done);
extern const char *const cgw__known_controllers[];

/* spawn.c */
pid_t cgw__spawn_hold(struct cgw *c, const struct cgw_spawn *s, int *ret_hold);
int cgw__spawn_release(struct cgw *c, const struct cgw_spawn *s, pid_t pid, int hold);

/* systemd_bus.c or nosystemd.c */
void cgw__bus_free(struct cgw__bus *b);
int cgw__probe_systemd(struct cgw *c, cgw_probe_fn fn, void *arg);

/* kill.c */
int cgw__kill_frozen(struct cgw_group *g);

/* update.c */
struct cgw__setting {
	char *file;
	char *value;	  /* with plain numbers; a percentage is kept until it is applied */
	char *or_file;	  /* taken where there is no file of that name; or NULL */
	char *or_value;
	unsigned int cpu; /* percent of one CPU, for cpu.max=N% */
	bool optional;	  /* passed over where there is no such file */
};

struct cgw_resources {
	struct cgw *c;
	struct cgw__setting *items;
	size_t n;
	bool check_use; /* memory.max is not to go below what is in use */
};

int cgw__resources_set(struct cgw_resources *r, const char *file, const char *fmt, ...)
	_printf_(3, 4);
struct cgw__setting *cgw__resources_last(struct cgw_resources *r);
bool cgw__is_keyed(const char *file);
int cgw__resources_move(struct cgw_resources *r, struct cgw_resources *from);
size_t *cgw__resources_order(const struct cgw_resources *r);
int cgw__resources_controllers(const struct cgw_resources *r, char **ret_names);

/* wait.c */
#define CGW_NSEC_PER_MSEC 1000000LL
#define CGW_FOREVER INT64_MAX

int64_t cgw__now_ns(void);
int64_t cgw__deadline(int timeout_ms);
int cgw__wait_events(struct cgw_group *const *groups, size_t n, const char *key, int want,
		     int64_t deadline);
int cgw__read_event(struct cgw_group *g, const char *key);

/* policy.c */
/* The program that a policy is, once it was needed. */
struct cgw__own {
	int fd; /* < 0 = not loaded */
	uint32_t id;
	uint64_t generation;
	struct cgw__own *next, **link; /* in the loader's list */
};

struct cgw_policy {
	struct cgw *c;
	size_t size; /* of the value */
	struct cgw_policy_value *value;
	struct cgw__own *own;
};

/* What a size class holds. */
struct cgw__policy_class {
	uint32_t slots;
	uint32_t buckets;
	uint32_t entries; /* at most */
	bool wide;	  /* of any numbers, not only those that devices have */
	size_t bytes;
};

extern const struct cgw__policy_class cgw__policy_classes[CGW_POLICY_CLASSES];

int cgw__policy_from_value(struct cgw *c, const struct cgw_policy_value *value,
			   struct cgw_policy **ret_policy);

int cgw__policy_lookup(const struct cgw_policy_value *v, unsigned int type, uint32_t major,
		       uint32_t minor);
bool cgw__policy_slot(const struct cgw_policy_value *v, size_t i, struct cgw_policy_entry *ret_e);
uint8_t cgw__policy_verdicts(const struct cgw_policy_value *v, unsigned int type, uint32_t major,
			     uint32_t minor);

/* rules.c */
struct cgw_rules {
	struct cgw *c;
	struct cgw_rule *rules;
	size_t n;
	size_t room;
};

uint8_t cgw__parse_access(const char *word, size_t len);
int cgw__rules_append(struct cgw_rules *rules, const struct cgw_rules *more);
bool cgw__rule_matches(const struct cgw_rule *rule, unsigned int type, uint32_t major,
		       uint32_t minor);

/* semantics.c */
struct cgw__exception {
	char type;
	uint8_t access;
	uint32_t major;
	uint32_t minor;
	uint32_t round; /* while the list is read: it exists in this round only */
};

struct cgw__emulator {
	bool allow; /* what holds for devices without an exception */
	struct cgw__exception *exceptions;
	size_t n;
	uint32_t round; /* one more with each rule of type a */
};

int cgw__emulator_run(struct cgw__emulator *e, const struct cgw_rules *rules, size_t *ret_refused);
void cgw__emulator_free(struct cgw__emulator *e);
bool cgw__emulator_reaches(const struct cgw__exception *x);
uint8_t cgw__emulator_verdicts(const struct cgw__emulator *e, unsigned int type, uint32_t major,
			       uint32_t minor);
uint8_t cgw__rules_verdicts(const struct cgw_rules *rules, enum cgw_semantics semantics,
			    unsigned int type, uint32_t major, uint32_t minor);

/* oom_log.c */
struct cgw__oom_log {
	const char *path; /* NULL = of all groups */
	cgw_oom_kill_fn fn;
	void *arg;
	int64_t boot_ns; /* CLOCK_REALTIME when the log's clock was 0 */
	char *report;	 /* "oom-kill:..." of the kill that is to come */
	char *limit;	 /* of the last kill, for those that follow it */
	char *group;	 /* likewise: "Tasks in GROUP are going to be killed" */
	pid_t first;	 /* the victim of the last report */
	uint64_t last_us;
};

int cgw__oom_log_record(struct cgw__oom_log *l, const char *record);
void cgw__oom_log_free(struct cgw__oom_log *l);

/* trace_kinds.c */
const char *cgw__tracer_name(unsigned int tracer);

/* trace.c or nobpf.c */
int cgw__probe_tracers(struct cgw *c, cgw_probe_fn fn, void *arg);
int cgw__trace_keep(struct cgw_trace *t);
int cgw__trace_ring(const struct cgw_trace *t);

/* device.c or nobpf.c */
void cgw__loader_free(struct cgw__loader *l);
int cgw__probe_devices(struct cgw_group *g, cgw_probe_fn fn, void *arg);

#endif

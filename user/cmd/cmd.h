/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Shared by the subcommands: their table, options, output and errors. */
#ifndef CGWARD_CMD_H
#define CGWARD_CMD_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cgward/cgward.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define _cleanup_free_ _cleanup_(cmd_freep)
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))

enum {
	EXIT_REFUSED = 1, /* the kernel or the system said no, or a time-out ended */
	EXIT_USAGE = 2,	  /* wrong without asking the kernel */
	EXIT_OWN = 125,	  /* run: any failure of cgward itself */
	EXIT_NO_EXEC = 126,
	EXIT_NOT_FOUND = 127,
};

struct cmd;

/* Streaming JSON: where in an object or array the writer is. */
struct out {
	FILE *f;
	unsigned int depth;
	uint64_t filled; /* bit per depth: has it an item yet? */
	bool after_key;
};

struct cmd_ctx {
	struct cgw *c;
	const struct cmd *cmd;
	struct out out;
	bool json;
	int verbosity; /* -1 quiet, 0, 1 verbose */
};

/* An option of a subcommand: parsed and described from one place. */
struct cmd_opt {
	const char *name;
	int value; /* a letter is a short option too; else above 255 */
	const char *arg;
	const char *help;
};

enum cmd_flags {
	CMD_EXEC = 1U << 0,	/* runs a command: capabilities are kept for it */
	CMD_ALL_CAPS = 1U << 1, /* finds out what the caller may do */
	CMD_LATE_ARGS = 1U << 3, /* with CMD_EXEC: what it runs comes after other words and -- */
	CMD_RAW_ARGS = 1U << 2, /* has words that begin with '-' and are no options */
};

struct cmd {
	const char *name; /* one word or two */
	int (*fn)(struct cmd_ctx *x, int argc, char **argv);
	int min_args;
	int max_args; /* -1 = any number */
	unsigned int flags;
	uint64_t caps; /* capabilities it keeps, a bit each */
	const char *args;
	const char *help;
	const struct cmd_opt *const *opts; /* lists of options, NULL at the end */
};

/* main.c */
extern const struct cmd cmd_table[];
const struct cmd *cmd_find(int argc, char **argv, int *ret_words);

/* cmd_help.c */
int cmd_unknown(struct cmd_ctx *x, int argc, char **argv);

/* opt.c: parsing */
enum {
	OPT_TIMEOUT = 256,
	OPT_RECURSIVE,
	OPT_DEVICES,
	OPT_SEMANTICS,
	OPT_POLICY,
	OPT_FORCE,
	OPT_ALL,
	OPT_KILL,
	OPT_THREADS,
	OPT_THREADED,
	OPT_GROUP,
	OPT_RM,
	OPT_KEEP,
	OPT_DETACH,
	OPT_USER,
	OPT_CWD,
	OPT_ENV,
	OPT_JSON,
	OPT_OCI,
	OPT_OCI_ALL,
	OPT_RECLAIM,
	OPT_FIX,
	OPT_REPLACE_FOREIGN,
	OPT_FIELDS,
	OPT_HUMAN,
	OPT_OPENMETRICS,
	OPT_PROMETHEUS,
	OPT_OUTPUT,
	OPT_HTTP,
	OPT_KINDS,
	OPT_PRESSURE,
	OPT_ANCESTORS,
	OPT_INITIAL,
	OPT_UNTIL,
	OPT_EXIT_EMPTY,
	OPT_DURATION,
	OPT_RING,
	OPT_COUNT,
	OPT_BLOCKED,
	OPT_SUMMARY,
	OPT_EXPLAIN,
	OPT_DENIED,
	OPT_OCI_OUT,
	OPT_REFINE,
	OPT_FAST,
	OPT_RECORD,
	OPT_REALTIME,
	OPT_SPEED,
	OPT_SLICE,
	OPT_DESCRIPTION,
	OPT_USER_MANAGER,
	OPT_DELEGATE,
};

extern const struct cmd_opt opts_timeout[], opts_recursive[], opts_resources[], opts_devices[],
	opts_fast[];

/* cmd_next_opt() says: --help was given, there is nothing more to do. No exit status. */
#define CMD_DONE (-1)

int cmd_next_opt(struct cmd_ctx *x, int argc, char **argv);
int cmd_count_behind(struct cmd_ctx *x, int argc, char **argv);
int cmd_check_args(struct cmd_ctx *x, int argc);
int cmd_no_opts(struct cmd_ctx *x, int argc, char **argv);
int cmd_one_opt(struct cmd_ctx *x, int argc, char **argv, bool *ret_given);
int cmd_group(struct cmd_ctx *x, const char *word, struct cgw_group **ret_g);
int cmd_duration(struct cmd_ctx *x, const char *text, int *ret_ms);
int64_t cmd_now_ms(void);
int64_t cmd_now_ns(void);
int cmd_signal_fd(void);
int cmd_pid(struct cmd_ctx *x, const char *word, pid_t *ret_pid);

/* USER[:GROUP], by name or number. */
struct cmd_user {
	char name[64]; /* "" for a number that has none */
	uid_t uid;
	gid_t gid; /* the user's own one, unless has_group */
	bool has_group;
};

int cmd_user(struct cmd_ctx *x, const char *word, struct cmd_user *user);

/* What freeze, thaw, kill, wait and delete take. */
struct cmd_targets {
	struct cgw_group **groups;
	int n;
	int timeout_ms;
	bool has_timeout;
	bool recursive;
	bool kill;
};

int cmd_open_targets(struct cmd_ctx *x, int argc, char **argv, struct cmd_targets *t);
int cmd_read_targets(struct cmd_ctx *x, int argc, char **argv, struct cmd_targets *t);
void cmd_targets_free(struct cmd_targets *t);

/* What create, run and devices set collect from their options. */
struct cmd_setup {
	const char *list;	/* --devices, or --policy */
	bool is_file;		/* it was --policy */
	const char *oci;	/* --oci */
	bool oci_limits;	/* its limits are wanted too */
	bool replace_foreign;
	bool fast;
	const char **rule_args; /* -d, in their order */
	size_t n_rule_args;
	const char **set_args; /* -s */
	size_t n_set_args;
	enum cgw_semantics semantics;
	struct cgw_resources *resources; /* NULL without -s and --oci */
	struct cgw_rules *rules;
	struct cgw_policy *policy; /* NULL without device options */
};

int cmd_setup_opt(struct cmd_ctx *x, struct cmd_setup *s, int opt, const char *arg);
int cmd_setup_read(struct cmd_ctx *x, struct cmd_setup *s, int argc, char **argv);
int cmd_setup_target(struct cmd_ctx *x, struct cmd_setup *s, int argc, char **argv,
		     struct cgw_group **ret_g);
int cmd_setup_finish(struct cmd_ctx *x, struct cmd_setup *s);
void cmd_setup_free(struct cmd_setup *s);

/* error.c */
int cmd_fail(struct cmd_ctx *x, int err);
int cmd_error(struct cmd_ctx *x, int status, const char *code, const char *hint, const char *fmt,
	      ...) _printf_(5, 6);
int cmd_usage(struct cmd_ctx *x, const char *fmt, ...) _printf_(2, 3);
void cmd_note(struct cmd_ctx *x, const char *fmt, ...) _printf_(2, 3);

/* out.c */
void js_begin(struct out *o, char bracket);
void js_end(struct out *o, char bracket);
void js_key(struct out *o, const char *key);
void js_string(struct out *o, const char *s);
void js_number(struct out *o, uint64_t n);
void js_bool(struct out *o, bool b);
void js_null(struct out *o);
void js_word(struct out *o, const char *word);
void js_words(struct out *o, const char *words);
void js_rules(struct out *o, const struct cgw_rules *rules);
void js_line(struct out *o);
void format_time(uint64_t time_ns, bool utc, char *buf, size_t size);
void format_bytes(uint64_t bytes, char *buf, size_t size);

/* openmetrics.c: samples of many groups, kept until all of a family can come together */
struct metrics {
	struct metrics_text *families;
	bool plain; /* Prometheus' own older format, without units and the end mark */
};

int metrics_add(struct metrics *m, struct cgw_group *g, const struct cgw_stat *stat);
int metrics_text(const struct metrics *m, char **ret_text, size_t *ret_len);
void metrics_free(struct metrics *m);
size_t metrics_number(const struct cgw_metric *m, unsigned int digits, char *buf, size_t size);

/* trace_out.c: what tracers tell, and the parts of each: print_freeze.c and so on */
void print_trace(struct cmd_ctx *x, const struct cgw_trace_event *e);
void print_trace_more(struct cmd_ctx *x, const struct cgw_trace_event *e, uint64_t more);
void print_freeze(FILE *f, const struct cgw_trace_event *e);
void print_freeze_json(struct out *o, const struct cgw_trace_event *e);
void print_deny(FILE *f, const struct cgw_trace_event *e);
void print_deny_json(struct out *o, const struct cgw_trace_event *e);
void print_oom(FILE *f, const struct cgw_trace_event *e);
void print_oom_json(struct out *o, const struct cgw_trace_event *e);
void print_lifecycle(FILE *f, const struct cgw_trace_event *e);
void print_lifecycle_json(struct out *o, const struct cgw_trace_event *e);
void print_duration(FILE *f, uint64_t ns);
void js_pair_string(struct out *o, const char *key, const char *value);
void js_pair_number(struct out *o, const char *key, uint64_t value);

/* print_deny.c */
const char *device_access(unsigned int access, char buf[4]);
void print_device(FILE *f, unsigned int type, uint32_t major, uint32_t minor, const char *node,
		  unsigned int access);
void js_device(struct out *o, unsigned int type, uint32_t major, uint32_t minor, const char *node);
void print_denier(FILE *f, const char *rule, const char *decided_by);
void js_denier(struct out *o, const char *rule, const char *decided_by);

/* Denials that were printed a moment ago, to be counted when they come again. */
struct denials {
	bool sum; /* else each is printed */
	struct denial *list[64];
	size_t n;
};

void denials_print(struct cmd_ctx *x, struct denials *d, const struct cgw_trace_event *e);
uint64_t denials_due(const struct denials *d);
void denials_tell(struct cmd_ctx *x, struct denials *d, uint64_t until_ns);

/* What is done about a group while a command runs in it. */
struct cmd_around {
	int (*begin)(void *arg, struct cgw_group *g); /* 0, or it was told why not */
	void (*end)(void *arg, struct cgw_group *g);
	void *arg;
};

int cmd_run_around(struct cmd_ctx *x, const char *group, char **argv, int timeout_ms,
		   const struct cmd_around *around);

int cmd_run_scope(struct cmd_ctx *x, const char *name, const struct cgw_unit_opts *unit,
		  char **argv);

/* explain_run.c: which devices a command was denied */
struct explainer {
	struct cmd_ctx *x;
	struct cgw_learn *learn;
};

int explain_begin(void *arg, struct cgw_group *g);
void explain_end(void *arg, struct cgw_group *g);
/* print_oom.c: a group's memory, and what is above it; of files one may be missing */
#define LEVEL_UNKNOWN (CGW_TRACE_OOM_NO_LIMIT - 1)

struct level {
	const char *path;
	struct cgw_trace_oom_level numbers;
	bool limit; /* the one whose limit fired */
};

/* What a victim had in memory. */
struct sizes {
	uint64_t anon;
	uint64_t file;
	uint64_t shmem;
	uint64_t swap;
};

void print_levels(FILE *f, const struct level *levels, size_t n);
void js_levels(struct out *o, const struct level *levels, size_t n);
void print_sizes(FILE *f, const struct sizes *sizes);

/* oom.c: OOM kills after the fact */
struct oom_kills {
	struct cgw_oom_kill *list;
	size_t n;
	size_t unknown; /* of which the log does not tell the group */
};

uint64_t oom_counter(struct cgw_group *g, const char *file, const char *key);
size_t oom_read_levels(struct cmd_ctx *x, const char *path, struct level *levels, size_t max);
void oom_free_levels(struct level *levels, size_t n);
const struct level *oom_fired(const struct level *levels, size_t n);
int oom_read_log(struct cmd_ctx *x, const char *path, struct oom_kills *kills);
void oom_free_kills(struct oom_kills *kills);
void print_kill(FILE *f, const struct cgw_oom_kill *k);
void oom_tell(struct cmd_ctx *x, struct cgw_group *g, uint64_t n);

/* publish.c: the whole output at once, into a file or to one HTTP client */
struct publication {
	char *path; /* of the temporary file */
	const char *target;
	FILE *saved;
};

/* Make the text. Return: 0 or an exit status, the failure told. */
typedef int (*publish_fn)(void *arg, char **ret_text, size_t *ret_len);

int publish_begin(struct cmd_ctx *x, const char *target, struct publication *p);
int publish_end(struct cmd_ctx *x, struct publication *p, int status);
int publish_http(struct cmd_ctx *x, const char *address, const char *type, int timeout_ms,
		 publish_fn fn, void *arg);

static inline void cmd_freep(void *p)
{
	free(*(void **)p);
}

static inline void cmd_closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cmd_group_closep(struct cgw_group **g)
{
	cgw_group_close(*g);
}

int cmd_attach(struct cmd_ctx *x, int argc, char **argv);
int cmd_controllers(struct cmd_ctx *x, int argc, char **argv);
int cmd_create(struct cmd_ctx *x, int argc, char **argv);
int cmd_diff(struct cmd_ctx *x, int argc, char **argv);
int cmd_plan(struct cmd_ctx *x, int argc, char **argv);
int cmd_update(struct cmd_ctx *x, int argc, char **argv);
int cmd_delegate(struct cmd_ctx *x, int argc, char **argv);
int cmd_delete(struct cmd_ctx *x, int argc, char **argv);
int cmd_devices_allow(struct cmd_ctx *x, int argc, char **argv);
int cmd_devices_check(struct cmd_ctx *x, int argc, char **argv);
int cmd_devices_compile(struct cmd_ctx *x, int argc, char **argv);
int cmd_devices_clear(struct cmd_ctx *x, int argc, char **argv);
int cmd_devices_deny(struct cmd_ctx *x, int argc, char **argv);
int cmd_devices_learn(struct cmd_ctx *x, int argc, char **argv);
int cmd_devices_set(struct cmd_ctx *x, int argc, char **argv);
int cmd_devices_show(struct cmd_ctx *x, int argc, char **argv);
int cmd_doctor(struct cmd_ctx *x, int argc, char **argv);
int cmd_events(struct cmd_ctx *x, int argc, char **argv);
int cmd_explain_freeze(struct cmd_ctx *x, int argc, char **argv);
int cmd_explain_oom(struct cmd_ctx *x, int argc, char **argv);
int cmd_freeze(struct cmd_ctx *x, int argc, char **argv);
int cmd_help(struct cmd_ctx *x, int argc, char **argv);
int cmd_kill(struct cmd_ctx *x, int argc, char **argv);
int cmd_ls(struct cmd_ctx *x, int argc, char **argv);
int cmd_replay(struct cmd_ctx *x, int argc, char **argv);
int cmd_run(struct cmd_ctx *x, int argc, char **argv);
int cmd_scope_show(struct cmd_ctx *x, int argc, char **argv);
int cmd_scope_start(struct cmd_ctx *x, int argc, char **argv);
int cmd_scope_stop(struct cmd_ctx *x, int argc, char **argv);
int cmd_show(struct cmd_ctx *x, int argc, char **argv);
int cmd_stat(struct cmd_ctx *x, int argc, char **argv);
int cmd_thaw(struct cmd_ctx *x, int argc, char **argv);
int cmd_trace(struct cmd_ctx *x, int argc, char **argv);
int cmd_trace_list(struct cmd_ctx *x, int argc, char **argv);
int cmd_trace_start(struct cmd_ctx *x, int argc, char **argv);
int cmd_trace_stop(struct cmd_ctx *x, int argc, char **argv);
int cmd_unload(struct cmd_ctx *x, int argc, char **argv);
int cmd_wait(struct cmd_ctx *x, int argc, char **argv);

/* Used by more than one subcommand. */
extern const struct cmd_opt opts_attach[], opts_check[], opts_create[], opts_delete[],
	opts_devices_set[], opts_diff[], opts_events[], opts_learn[], opts_policy[],
	opts_replay[], opts_run[], opts_scope[], opts_scope_start[], opts_show[], opts_stat[],
	opts_trace[], opts_unload[], opts_update[];
int print_devices(struct cmd_ctx *x, struct cgw_group *g, bool alone);
const char *program_owner(const struct cgw_program *p);
const char *devices_owner(const struct cgw_program *programs, int n);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* For the benchmarks of groups: the groups, rules and policies, and what peers do with them. */
#ifndef CGWARD_BENCH_GROUPS_H
#define CGWARD_BENCH_GROUPS_H

#include <linux/bpf.h>
#include <sys/utsname.h>

#include "bench.h"
#include "device.h"

#define MAX_RULES 4096
#define OCI_RULES 12 /* the list of that name, and some more */
#define MAX_GROUPS 1000
#define MAX_SAMPLES 10000

/* A body for each group i; its value: us, the median of all, so that others disturb less. */
#define TIMED(n, body)                                                 \
	({                                                             \
		for (unsigned int i = 0; i < (n); i++) {               \
			double start_ = bench_now_ns();                \
			body;                                          \
			samples[i] = (bench_now_ns() - start_) / 1000; \
		}                                                      \
		bench_median_of(samples, n);                           \
	})

extern double samples[MAX_SAMPLES];
extern struct cgw *c;
extern struct cgw__loader *loader;
extern char base[64]; /* all groups are below */
extern struct cgw_group *groups[MAX_GROUPS];

extern char build_dir[4096];

void die(const char *what) __attribute__((noreturn));

/* isolate.c */
int bench_main(int argc, char **argv, int (*work)(void));
void say(const char *what);

/* groups.c */
struct cgw_group *make_group(const char *kind, unsigned int i, const struct cgw_policy *policy);
double make_groups(unsigned int n, const struct cgw_policy *policy);
void remove_groups(unsigned int n);
void settle(void);
void set_devices(struct cgw_group *g, const struct cgw_policy *policy);
int pinned(const struct cgw_policy *policy, unsigned int kind);

const char *access_letters(uint8_t access);
void make_rules(struct cgw_rule *rules, int n, uint32_t first_minor);
int make_oci_rules(struct cgw_rule *rules, int n, uint32_t first_minor);
struct cgw_policy *compile(const struct cgw_rule *rules, int n);

/* programs.c */
struct bpf_insn insn(__u8 code, __u8 dst, __u8 src, __s16 off, __s32 imm);
int load_program(const struct bpf_insn *insns, size_t n);
void attach_program(const struct cgw_group *g, int prog_fd, int replace_fd);
struct bpf_prog_info program_info(int fd);
int find_program(struct cgw_group *g, bool ours);
int load_return_1(void);
int load_helper_call(int *ret_map_fd);

/* peers.c */
void start_peers(void);
const char *peers_note(void);
bool describe_machine(struct utsname *u);
bool has_peer(enum bench_who who);
enum bench_who main_peer(void);
double give_rules(enum bench_who who, const struct cgw_rule *rules, int n);
int load_peer(enum bench_who who);
void note_refusal(enum bench_who who, struct bench_series *s, int err, double begin);
bool apply_peer(enum bench_who who, unsigned int n, struct bench_series *us);
void ask_peer(enum bench_who who, const char *command, size_t n, double *ns);

/* crun.c */
void start_crun(void);
bool has_crun(void);
void give_crun(const struct cgw_rule *rules, int n);
double crun_ms(void);
int crun_program(void);
int load_crun(void);
bool apply_crun(unsigned int n, struct bench_series *us);
void remove_bundle(void);

/* What is measured, each: rounds, then rows and targets. */
void apply_round(unsigned int round);
void apply_report(void);
bool apply_targets(void);
void check_rounds(void);
void check_report(void);
bool check_targets(void);
void memory_rounds(void);
void memory_report(void);
bool memory_targets(void);
void command_rounds(const char *dir);
void command_report(void);
bool command_targets(void);

#endif

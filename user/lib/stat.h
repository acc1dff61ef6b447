/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Metrics: the table of what is known of each file, apart from how its content is got. */
#ifndef CGWARD_STAT_H
#define CGWARD_STAT_H

#include "internal.h"

enum cgw__form {
	CGW_FORM_VALUE,	 /* one word */
	CGW_FORM_FLAT,	 /* KEY VALUE, a line each */
	CGW_FORM_NESTED, /* NAME KEY=VALUE KEY=VALUE..., a line each */
	CGW_FORM_PAIRS,	 /* KEY=VALUE KEY=VALUE..., one line */
	CGW_FORM_WORDS,	 /* words whose place says what they are, as of cpu.max */
	CGW_FORM_POLICY, /* no file: the device policy */
};

/* A key of a file; one whose name ends in '*' stands for all that begin so. */
struct cgw__key_def {
	const char *key;    /* NULL: the one value of the file */
	uint16_t family;
	uint8_t skip;	    /* how much of the key is not the label's value */
	const char *label;  /* OpenMetrics label, or NULL */
	const char *value;  /* its value, or NULL: the key from skip on */
};

enum cgw__file_flags {
	CGW_FILE_BY_NAME = 1U << 0,  /* the line's name, not its keys, says what is counted */
	CGW_FILE_RESOURCE = 1U << 1, /* label resource: the file's name up to the dot */
	CGW_FILE_SPLIT = 1U << 2,    /* keys are RESOURCE.EVENT */
};

struct cgw__file_def {
	const char *name;	/* a '*' is a size of huge pages */
	const char *controller; /* NULL: the file is in groups without it too */
	unsigned int mask;	/* enum cgw_stat_mask */
	enum cgw__form form;
	const struct cgw__key_def *keys;
	unsigned int n_keys;
	unsigned int flags;
	const char *name_label; /* OpenMetrics label of a line's name */
};

/* metrics.c */
extern const struct cgw__file_def cgw__files[];
extern const size_t cgw__n_files;

enum cgw__agreement {
	CGW_APART,
	CGW_SAME,
	CGW_ABOVE, /* the text is a beginning of the name */
	CGW_BELOW, /* the name is a beginning of the text */
};

enum cgw__agreement cgw__compare_names(const char *pattern, const char *text,
				       const char **ret_rest);
const struct cgw__key_def *cgw__find_key(const struct cgw__file_def *file, const char *key);

/* A name or key of a file, met once and kept for the life of the object. */
struct cgw__word {
	char *text;
	size_t len;
	const struct cgw__key_def *def;
};

/* Mostly they come in the order of the last time. */
struct cgw__words {
	struct cgw__word **at;
	size_t n;
	size_t next;
};

struct cgw__stat_file {
	const struct cgw__file_def *def;
	char *name;
	bool selected;
	bool whole;	/* all of it, not only what fields name */
	bool absent[2]; /* this kernel has no such file: in groups, in the root group */
	bool missed;	/* it was not there in the group being read */
	struct cgw__words names;
	struct cgw__words keys;
};

struct cgw__field {
	char *text;
	const char *rest;		 /* within a file: a name, a key, or NAME.KEY */
	const struct cgw__file_def *def; /* NULL: every file below text */
};

/* The public part comes first: it is what callers hold. */
struct cgw__metric {
	struct cgw_metric m;
	const struct cgw__file_def *file;
	const struct cgw__key_def *def;
};

struct cgw_stat {
	struct cgw *c;
	unsigned int mask;
	struct cgw__field *fields;
	size_t n_fields;
	struct cgw__stat_file *files;
	size_t n_files;
	bool has_sizes;	  /* the files of huge pages are among them */
	char *available;  /* cgroup.controllers of the root, read once */
	char *buf;
	size_t room;
	struct cgw__metric *metrics;
	size_t n_metrics;
	size_t metrics_room;
};

/* stat.c */
int cgw__stat_add_file(struct cgw_stat *stat, const struct cgw__file_def *def, const char *name);
int cgw__stat_word(struct cgw_stat *stat, const struct cgw__file_def *def, struct cgw__words *words,
		   const char *text, size_t len, const struct cgw__word **ret_word);
int cgw__stat_put(struct cgw_stat *stat, const struct cgw__stat_file *file,
		  const struct cgw__word *name, const struct cgw__word *key,
		  const struct cgw_metric *value);

/* stat_read.c: one group, one file of it */
struct cgw__reading {
	struct cgw_stat *stat;
	struct cgw_group *g;
	struct cgw__stat_file *file;
	const char *source;   /* of the text that is parsed, NULL for the file itself */
	char *controllers;    /* of the group, read when one seems to be missing */
	size_t missed;
	bool is_root;
	unsigned int n_psi; /* pressure files that were there */
};

ssize_t cgw__stat_fill(struct cgw_stat *stat, int fd);
int cgw__stat_parse(struct cgw__reading *r, const char *text, size_t len);

/* stat_root.c */
int cgw__stat_root(struct cgw__reading *r);

#endif

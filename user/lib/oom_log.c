// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * OOM kills from the kernel's log. Two lines tell of one: "oom-kill:constraint=..." the groups, and
 * "...: Killed process ..." the sizes. Names and paths in them are whatever users chose, with
 * commas and parentheses: what is rigid is looked for from the end, and one line has to agree
 * with the other.
 */
#include <time.h>

#include "internal.h"

/* Memory in use, as the kernel's line has it. */
struct killed {
	pid_t pid;
	const char *comm; /* not terminated */
	size_t comm_len;
	const char *rest;
	bool global;
};

static bool starts(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* Undo \x2c, as /dev/kmsg writes what is not printable. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *p = text; *p; to++) {
		unsigned int byte;

		if (p[0] == '\\' && p[1] == 'x' && sscanf(p + 2, "%2x", &byte) == 1 && byte) {
			*to = (char)byte;
			p += 4;
		} else {
			*to = *p++;
		}
	}
	*to = '\0';
}

/* "Killed process 42 (comm) total-vm:": the name is all up to the last ") total-vm:". */
static bool parse_killed(const char *text, struct killed *k)
{
	const char *p = strstr(text, "Killed process "), *end = NULL;
	char *name;
	long pid;

	if (!p || !(starts(text, "Out of memory") || starts(text, "Memory cgroup out of memory")))
		return false;
	pid = strtol(p + strlen("Killed process "), &name, 10);
	if (pid <= 0 || !starts(name, " ("))
		return false;
	name += 2;
	for (p = strstr(name, ") total-vm:"); p; p = strstr(p + 1, ") total-vm:"))
		end = p;
	if (!end)
		return false;
	*k = (struct killed){ (pid_t)pid, name, (size_t)(end - name), end + 1,
			      starts(text, "Out of memory") };
	return true;
}

/* "anon-rss:123kB" in bytes; 0 where there is none. */
static uint64_t kilobytes(const char *text, const char *key)
{
	const char *p = strstr(text, key);

	return p ? strtoull(p + strlen(key), NULL, 10) * 1024 : 0;
}

static long number(const char *text, const char *key, long otherwise)
{
	const char *p = strstr(text, key);

	return p ? strtol(p + strlen(key), NULL, 10) : otherwise;
}

/* Cut ",task=COMM,pid=PID,uid=UID" off; false when the report is of another process. */
static bool cut_task(char *report, const struct killed *k)
{
	_cleanup_free_ char *tail = NULL;
	char *last = NULL;

	if (asprintf(&tail, ",task=%.*s,pid=%d,uid=", (int)k->comm_len, k->comm, k->pid) < 0)
		return false;
	for (char *p = strstr(report, tail); p; p = strstr(p + 1, tail))
		last = p;
	if (!last || last[strlen(tail) + strspn(last + strlen(tail), "0123456789")])
		return false;
	*last = '\0';
	return true;
}

/*
 * The groups in "...,mems_allowed=0,oom_memcg=/a,task_memcg=/a/b" or "...,global_oom,task_memcg=/b".
 * With commas in them there is more than one way to read it: the victim is below the limit.
 */
static bool find_groups(struct cgw__oom_log *l, char *report, const char **ret_path)
{
	static const char task[] = ",task_memcg=/", limit[] = ",oom_memcg=/";

	for (char *p = strstr(report, ",mems_allowed="); p; p = strstr(p + 1, ",mems_allowed=")) {
		char *list = p + strlen(",mems_allowed="), *at = list + strspn(list, "0123456789,-");

		/* The list of nodes may be empty, and its last comma is that of what follows. */
		at -= at > list && at[-1] == ',';
		if (starts(at, ",global_oom,task_memcg=/")) {
			*ret_path = at + strlen(",global_oom,task_memcg=");
			return true;
		}
		if (!starts(at, limit))
			continue;
		at += strlen(limit) - 1;
		for (char *q = strstr(at, task); q; q = strstr(q + 1, task)) {
			*q = '\0';
			if (cgw__path_below(q + strlen(task) - 1, at)) {
				l->limit = strdup(at);
				*ret_path = q + strlen(task) - 1;
				return l->limit != NULL;
			}
			*q = ',';
		}
	}
	return false;
}

static void forget(struct cgw__oom_log *l)
{
	free(l->limit);
	free(l->group);
	l->limit = l->group = NULL;
	l->first = 0;
}

/* Those that are killed with the first have no report of their own, and follow at once. */
static bool is_member(const struct cgw__oom_log *l, uint64_t us)
{
	return !l->report && l->group && us - l->last_us < 1000000;
}

static int take_kill(struct cgw__oom_log *l, const struct killed *k, uint64_t us)
{
	_cleanup_free_ char *comm = strndup(k->comm, k->comm_len);
	const char *path = NULL;
	struct cgw_oom_kill kill = { .time_ns = (uint64_t)l->boot_ns + us * 1000, .pid = k->pid };

	if (!comm)
		return -ENOMEM;
	if (is_member(l, us)) {
		l->last_us = us;
		if (k->pid == l->first) /* the kernel kills it again */
			return 0;
		path = l->group;
	} else {
		forget(l);
		if (l->report && cut_task(l->report, k) && !find_groups(l, l->report, &path))
			path = NULL;
		l->first = k->pid;
	}
	l->last_us = us;
	kill.comm = comm;
	kill.path = path;
	kill.limit = l->limit;
	kill.oom_group = l->group;
	kill.global = k->global;
	kill.uid = (uid_t)number(k->rest, " UID:", -1);
	kill.oom_score_adj = (int)number(k->rest, " oom_score_adj:", 0);
	kill.total_vm = kilobytes(k->rest, " total-vm:");
	kill.anon_rss = kilobytes(k->rest, " anon-rss:");
	kill.file_rss = kilobytes(k->rest, " file-rss:");
	kill.shmem_rss = kilobytes(k->rest, " shmem-rss:");
	kill.pgtables = kilobytes(k->rest, " pgtables:");
	if (l->path && path && !cgw__path_below(path, l->path))
		return 0;
	return l->fn(&kill, l->arg);
}

/* "Tasks in GROUP are going to be killed due to memory.oom.group set", after the first one was. */
static int take_group(struct cgw__oom_log *l, const char *text)
{
	static const char tail[] = " are going to be killed due to memory.oom.group set";
	size_t len = strlen(text);

	if (len < strlen(tail) || strcmp(text + len - strlen(tail), tail))
		return 0;
	free(l->group);
	l->group = strndup(text, len - strlen(tail));
	return l->group ? 0 : -ENOMEM;
}

/* What others print in the meantime parts a report into several records: the rest begins with ",". */
static int join(struct cgw__oom_log *l, const char *text)
{
	char *both;

	if (!l->report || strstr(l->report, ",uid="))
		return 0;
	if (asprintf(&both, "%s%s", l->report, text) < 0)
		return -ENOMEM;
	free(l->report);
	l->report = both;
	return 0;
}

/* One record of /dev/kmsg: "PRIORITY,NUMBER,MICROSECONDS,FLAGS;TEXT\n KEY=VALUE\n..." */
int cgw__oom_log_record(struct cgw__oom_log *l, const char *record)
{
	_cleanup_free_ char *text = NULL;
	const char *begin = strchr(record, ';');
	unsigned long long us;
	unsigned int priority;
	struct killed k;
	int err;

	/* Above 7: not the kernel itself, but somebody who wrote into its log. */
	if (!begin || sscanf(record, "%u,%*u,%llu,", &priority, &us) != 2 || priority > 7)
		return 0;
	text = strndup(begin + 1, strcspn(begin + 1, "\n"));
	if (!text)
		return -ENOMEM;
	unescape(text);
	if (text[0] == ',')
		return join(l, text);
	if (starts(text, "oom-kill:constraint=")) {
		free(l->report);
		l->report = TAKE_PTR(text);
		return 0;
	}
	if (starts(text, "Tasks in /"))
		return take_group(l, text + strlen("Tasks in "));
	if (!parse_killed(text, &k))
		return 0;
	err = take_kill(l, &k, us);
	free(l->report);
	l->report = NULL;
	return err;
}

void cgw__oom_log_free(struct cgw__oom_log *l)
{
	forget(l);
	free(l->report);
}

static int cannot_read(struct cgw *c, int err)
{
	if (err == -EPERM || err == -EACCES) {
		cgw__fail(c, -EPERM, "cannot read the kernel's log, as kernel.dmesg_restrict asks");
		cgw__hint(c, "be root, or have CAP_SYSLOG");
		return -EPERM;
	}
	return cgw__err(c, err, "cannot read the kernel's log, /dev/kmsg");
}

int cgw_oom_log(struct cgw *c, const char *path, cgw_oom_kill_fn fn, void *arg)
{
	_cleanup_(cgw__oom_log_free) struct cgw__oom_log l = { .path = path, .fn = fn, .arg = arg };
	_cleanup_close_ int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[8192 + 1];
	struct timespec ts;
	int err = 0;

	if (fd < 0)
		return cannot_read(c, -errno);
	clock_gettime(CLOCK_REALTIME, &ts);
	l.boot_ns = (int64_t)ts.tv_sec * 1000000000LL + ts.tv_nsec - cgw__now_ns();
	while (!err) {
		ssize_t n = read(fd, record, sizeof(record) - 1);

		/* EPIPE: what was next is overwritten by now. */
		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return cannot_read(c, n ? -errno : -EIO);
		record[n] = '\0';
		err = cgw__oom_log_record(&l, record);
	}
	return err;
}

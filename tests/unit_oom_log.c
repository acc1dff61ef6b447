// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* OOM kills from the kernel's log: recorded ones, and names that are made to confuse. */
#include "cgtest.h"

/* What was found, a line each: "PID COMM PATH LIMIT GROUP anon/file/shmem". */
struct found {
	char text[8192];
	size_t len;
	int n;
	int stop_at;
};

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

static int take(const struct cgw_oom_kill *k, void *arg)
{
	struct found *f = arg;

	f->len += (size_t)snprintf(f->text + f->len, sizeof(f->text) - f->len,
				   "%d %s %s %s%s%s %llu/%llu/%llu\n", k->pid, k->comm,
				   or_dash(k->path), k->global ? "global" : or_dash(k->limit),
				   k->oom_group ? " group " : "", k->oom_group ? k->oom_group : "",
				   (unsigned long long)k->anon_rss >> 10,
				   (unsigned long long)k->file_rss >> 10,
				   (unsigned long long)k->shmem_rss >> 10);
	return ++f->n == f->stop_at ? 42 : 0;
}

/* Records, a line each. */
static int parse(const char *text, const char *path, struct found *f)
{
	_cleanup_(cgw__oom_log_free) struct cgw__oom_log l = { .path = path, .fn = take, .arg = f };
	_cleanup_free_ char *copy = strdup(text);
	char *save, *line;
	int err = 0;

	f->len = 0;
	f->n = 0;
	f->text[0] = '\0';
	for (line = strtok_r(copy, "\n", &save); line && !err; line = strtok_r(NULL, "\n", &save))
		err = cgw__oom_log_record(&l, line);
	return err;
}

static int what_linux_6_1_wrote_is_read(void)
{
	_cleanup_free_ char *text = cgtest_slurp("%s", cgtest_data("kmsg/linux-6.1"));
	struct found f = { 0 };

	CHECK_INT(parse(text, NULL, &f), 0);
	CHECK_STR(f.text, "116 tail /web/api /web 20216/4/1408\n"
			  "117 tail /web/api /web/api 9920/4/1408\n"
			  "118 busybox,p) (x /web/odd,task=a,pid=1 /web 20216/4/1408\n"
			  "119 busybox) total /web/odd,task=a,pid=1 /web 20216/4/1408\n"
			  "120 tail /web/api /web 19952/4/1408\n"
			  "121 sleep /web /web group /web 4/0/0\n"
			  "124 tail /web/api /web 20216/4/1408\n");
	CHECK_INT(parse(text, "/web/odd,task=a,pid=1", &f), 0);
	CHECK_INT(f.n, 2);
	CHECK_INT(parse(text, "/web/odd", &f), 0);
	CHECK_INT(f.n, 0);
	CHECK_INT(parse(text, "/", &f), 0);
	CHECK_INT(f.n, 7);
	f.stop_at = 3;
	CHECK_INT(parse(text, NULL, &f), 42);
	return TAP_PASS;
}

static int what_linux_6_12_wrote_is_read(void)
{
	_cleanup_free_ char *text = cgtest_slurp("%s", cgtest_data("kmsg/linux-6.12"));
	struct found f = { 0 };

	CHECK_INT(parse(text, "/web/api", &f), 0);
	CHECK_HAS(f.text, "167 tail /web/api /web 20224/0/1324\n");
	CHECK_HAS(f.text, "168 tail /web/api /web/api 10112/0/1324\n");
	CHECK(!strstr(f.text, "odd"));
	CHECK_INT(parse(text, NULL, &f), 0);
	CHECK_HAS(f.text, "169 busybox,p) (x /web/odd,task=a,pid=1 /web 20224/0/1324\n");
	CHECK_HAS(f.text, "172 sleep /web /web group /web 0/0/1324\n");
	return TAP_PASS;
}

#define REPORT(groups, task) \
	"6,1,5000000,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/," \
	"mems_allowed=0," groups ",task=" task "\n"
#define KILLED(us, what, task) \
	"3,2," us ",-;" what ": Killed process " task " total-vm:64kB, anon-rss:32kB, " \
	"file-rss:8kB, shmem-rss:0kB, UID:7 pgtables:4kB oom_score_adj:-5\n"
#define MEMCG "Memory cgroup out of memory"

static int what_linux_does_not_say_is_not_made_up(void)
{
	static const struct {
		const char *log;
		const char *found;
	} cases[] = {
		{ KILLED("1", MEMCG, "7 (a)"), "7 a - - 32/8/0\n" },
		{ KILLED("1", "Out of memory", "7 (a)"), "7 a - global 32/8/0\n" },
		{ REPORT("global_oom,task_memcg=/w", "a,pid=7,uid=7") KILLED("1", "Out of memory", "7 (a)"),
		  "7 a /w global 32/8/0\n" },
		/* of another process: not this one's */
		{ REPORT("oom_memcg=/w,task_memcg=/w", "a,pid=8,uid=7") KILLED("1", MEMCG, "7 (a)"),
		  "7 a - - 32/8/0\n" },
		{ REPORT("oom_memcg=/w,task_memcg=/w", "b,pid=7,uid=7") KILLED("1", MEMCG, "7 (a)"),
		  "7 a - - 32/8/0\n" },
		/* a limit that is not above the victim */
		{ REPORT("oom_memcg=/w,task_memcg=/x", "a,pid=7,uid=7") KILLED("1", MEMCG, "7 (a)"),
		  "7 a - - 32/8/0\n" },
		/* the root's limit, of which there is none */
		{ REPORT("oom_memcg=/,task_memcg=/x", "a,pid=7,uid=7") KILLED("1", MEMCG, "7 (a)"),
		  "7 a /x / 32/8/0\n" },
		/* long after a group was killed */
		{ REPORT("oom_memcg=/w,task_memcg=/w", "a,pid=7,uid=7") KILLED("1", MEMCG, "7 (a)")
		  "6,3,2,-;Tasks in /w are going to be killed due to memory.oom.group set\n"
		  KILLED("3", MEMCG, "7 (a)") KILLED("4", MEMCG, "8 (b)") KILLED("9000000", MEMCG, "9 (c)"),
		  "7 a /w /w 32/8/0\n8 b /w /w group /w 32/8/0\n9 c - - 32/8/0\n" },
		/* not by the kernel; not what it writes */
		{ "14,1,1,-;" MEMCG ": Killed process 7 (a) total-vm:64kB\n", "" },
		{ "3,1,1,-;somebody: Killed process 7 (a) total-vm:64kB\n", "" },
		{ "3,1,1,-;" MEMCG ": Killed process x (a) total-vm:64kB\n", "" },
		{ "3,1,1,-;" MEMCG ": Killed process 7 (a\n", "" },
		{ "3,1,1,-;" MEMCG ": Killed process 7\n", "" },
		{ "3,1,1,-;" MEMCG ": Killed process 7 (a) total-vm:\n", "7 a - - 0/0/0\n" },
		{ "garbage\n;\n6,;oom-kill:\n,,,;x\n", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct found f = { 0 };

		CHECK_INT(parse(cases[i].log, NULL, &f), 0);
		if (strcmp(f.text, cases[i].found))
			FAIL("case %zu: found '%s', wanted '%s'", i, f.text, cases[i].found);
	}
	return TAP_PASS;
}

static int odd_names_are_told_apart(void)
{
	static const struct {
		const char *groups, *tail, *killed;
		const char *found;
	} cases[] = {
		{ "oom_memcg=/a,b,task_memcg=/a,b/c,d", "x,pid=7,uid=7", "7 (x)", "7 x /a,b/c,d /a,b" },
		{ "oom_memcg=/a,task_memcg=/b,task_memcg=/a,task_memcg=/b/c", "x,pid=7,uid=7", "7 (x)",
		  "7 x /a,task_memcg=/b/c /a,task_memcg=/b" },
		{ "oom_memcg=/a,task_memcg=/a/c,task=x,pid=7,uid=7", "x,pid=7,uid=7", "7 (x)",
		  "7 x /a/c,task=x,pid=7,uid=7 /a" },
		{ "oom_memcg=/a,task_memcg=/a", "x,pid=7,uid=7,pid=7,uid=7", "7 (x,pid=7,uid=7)",
		  "7 x,pid=7,uid=7 /a /a" },
		{ "oom_memcg=/a,task_memcg=/a", ") total-vm:1,pid=7,uid=7", "7 () total-vm:1)",
		  "7 ) total-vm:1 /a /a" },
		{ "oom_memcg=/a,task_memcg=/a", "\\x5c\\x0a\\x28,pid=7,uid=7", "7 (\\x5c\\x0a\\x28)",
		  "7 \\\n( /a /a" },
		{ "oom_memcg=/a,task_memcg=/a", ",pid=7,uid=7", "7 ()", "7  /a /a" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *log = NULL, *want = NULL;
		struct found f = { 0 };

		if (asprintf(&log, REPORT("%s", "%s") KILLED("1", MEMCG, "%s"), cases[i].groups,
			     cases[i].tail, cases[i].killed) < 0 ||
		    asprintf(&want, "%s 32/8/0\n", cases[i].found) < 0)
			cgtest_bail("asprintf");
		CHECK_INT(parse(log, NULL, &f), 0);
		if (strcmp(f.text, want))
			FAIL("case %zu: found '%s', wanted '%s'", i, f.text, want);
	}
	return TAP_PASS;
}

/* Another CPU printed in between. */
static int a_report_in_parts_is_joined(void)
{
	struct found f = { 0 };

	CHECK_INT(parse("6,1,1,c;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)\n"
			"6,2,2,-;something else\n"
			"6,3,3,c;,cpuset=/,mems_allowed=0-1,3,oom_memcg=/a,task_memcg=/a/b\n"
			"6,4,4,-;,task=x,pid=7,uid=7\n" KILLED("5", MEMCG, "7 (x)"), NULL, &f), 0);
	CHECK_STR(f.text, "7 x /a/b /a 32/8/0\n");
	return TAP_PASS;
}

static int take_all(const struct cgw_oom_kill *k, void *arg)
{
	struct cgw_oom_kill *copy = arg;

	*copy = *k;
	return 0;
}

static int numbers_and_times_are_read(void)
{
	struct cgw_oom_kill k = { 0 };
	_cleanup_(cgw__oom_log_free) struct cgw__oom_log l = { .fn = take_all, .arg = &k,
							       .boot_ns = 1000 };

	CHECK_INT(cgw__oom_log_record(&l, KILLED("12", MEMCG, "7 (x)")), 0);
	CHECK_INT(k.time_ns, 13000);
	CHECK_INT(k.uid, 7);
	CHECK_INT(k.oom_score_adj, -5);
	CHECK_INT(k.total_vm, 65536);
	CHECK_INT(k.pgtables, 4096);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(what_linux_6_1_wrote_is_read),
	T(what_linux_6_12_wrote_is_read),
	T(what_linux_does_not_say_is_not_made_up),
	T(odd_names_are_told_apart),
	T(a_report_in_parts_is_joined),
	T(numbers_and_times_are_read),
};

CGTEST_MAIN(tests)

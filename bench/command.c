// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The device benchmark: the command as a whole process, its program being pinned already. */
#include <spawn.h>
#include <sys/wait.h>

#include "groups.h"

#define STARTS 20

static const int lengths[] = { 12, 256, MAX_RULES };

static struct bench_row nothing = { .what = "exec of a static true", .unit = "ms" };
static struct bench_row rows[ARRAY_SIZE(lengths)];

/* Rules of n devices, in a file that is gone when its descriptor is closed. */
static int write_rules(int n)
{
	static struct cgw_rule rules[MAX_RULES];
	char path[] = "/tmp/cgward-bench-XXXXXX", text[CGW_RULE_TEXT_MAX];
	int fd = mkstemp(path);

	if (fd < 0)
		die("a file of rules");
	unlink(path);
	make_rules(rules, n, 0);
	for (int i = 0; i < n; i++)
		dprintf(fd, "%s\n", cgw_rule_format(&rules[i], text));
	return fd;
}

static void run(char **argv)
{
	pid_t pid;
	int status;

	if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) ||
	    waitpid(pid, &status, 0) != pid || status)
		die(argv[0]);
}

static double ms_of(char **argv)
{
	return TIMED(STARTS, run(argv)) / 1000;
}

/* dir: where this benchmark and the command were built. */
void command_rounds(const char *dir)
{
	struct cgw_group *g = make_group("command", 0, NULL);
	char command[4096], idle[4096], files[ARRAY_SIZE(lengths)][32];

	snprintf(command, sizeof(command), "%s/cgward", dir);
	snprintf(idle, sizeof(idle), "%s/bench/true", dir);
	nothing.by[CGWARD].runs = STARTS;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		rows[i] = (struct bench_row){ .what = "cgward devices set",
					      .unit = "ms",
					      .rules = (unsigned int)lengths[i] };
		rows[i].by[CGWARD].runs = STARTS;
		snprintf(files[i], sizeof(files[i]), "/proc/self/fd/%d", write_rules(lengths[i]));
	}
	for (unsigned int round = 0; round < BENCH_ROUNDS; round++) {
		bench_add(&nothing.by[CGWARD], ms_of((char *[]){ idle, NULL }));
		for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
			char *argv[] = { command,    "devices", "set", (char *)cgw_group_path(g),
					 "--policy", files[i],	NULL };

			bench_add(&rows[i].by[CGWARD], ms_of(argv));
		}
	}
	cgw_group_close(g);
}

void command_report(void)
{
	bench_print(&nothing);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		bench_print(&rows[i]);
}

bool command_targets(void)
{
	struct bench_target t = {
		.what = "cgward devices set, a whole process, ms",
		.rules = rows[0].rules,
		.value = bench_median(&rows[0].by[CGWARD]),
		.limit = 3,
		.strict = true,
	};

	return bench_check(&t);
}

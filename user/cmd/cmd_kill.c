// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* kill, wait and delete: the end of groups. */
#include <ctype.h>
#include <inttypes.h>
#include <signal.h>

#include "cmd.h"

#define DEFAULT_TIMEOUT_MS 10000

const struct cmd_opt opts_delete[] = {
	{ "kill", OPT_KILL, NULL, "kill what is inside first" },
	{ 0 },
};

/* "TERM", "SIGTERM", "15", "RTMIN+3"; 0 when it is none. */
static int parse_signal(const char *word)
{
	char *end;
	long n;

	if (isdigit((unsigned char)word[0])) {
		n = strtol(word, &end, 10);
		return *end || n < 1 || n > SIGRTMAX ? 0 : (int)n;
	}
	if (!strncmp(word, "SIG", 3))
		word += 3;
	if (!strncmp(word, "RTMIN+", 6) && isdigit((unsigned char)word[6])) {
		n = strtol(word + 6, &end, 10);
		return *end || n > SIGRTMAX - SIGRTMIN ? 0 : SIGRTMIN + (int)n;
	}
	for (int i = 1; i < SIGRTMIN; i++) {
		const char *name = sigabbrev_np(i);

		if (name && !strcmp(name, word))
			return i;
	}
	return 0;
}

static int kill_one(struct cmd_ctx *x, struct cgw_group *g, int sig, int timeout_ms, bool wait)
{
	int err;

	if (sig == SIGKILL) {
		err = cgw_group_kill(g, timeout_ms);
	} else {
		err = cgw_group_signal(g, sig);
		if (err >= 0 && wait)
			err = cgw_group_wait_empty(g, timeout_ms);
	}
	return err < 0 ? cmd_fail(x, err) : 0;
}

/* Take "-SIGNAL" out of the words; what else begins with '-' is an option. */
static int take_signal(struct cmd_ctx *x, int *argc, char **argv, int *ret_signal)
{
	const char *word = *argc > 1 ? argv[1] : "";

	if (word[0] != '-' || word[1] == '-' || !word[1] || !strcmp(word, "-h"))
		return 0;
	*ret_signal = parse_signal(word + 1);
	if (!*ret_signal)
		return cmd_usage(x, "'%s' is no signal", word + 1);
	memmove(argv + 1, argv + 2, (size_t)(*argc - 1) * sizeof(*argv));
	--*argc;
	return 0;
}

int cmd_kill(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(cmd_targets_free) struct cmd_targets t = { .timeout_ms = DEFAULT_TIMEOUT_MS };
	int sig = SIGKILL, status = take_signal(x, &argc, argv, &sig);

	if (!status)
		status = cmd_read_targets(x, argc, argv, &t);
	if (status)
		return status;
	/* Each group is tried, whatever became of the one before. */
	for (int i = 0; i < t.n; i++) {
		int one = kill_one(x, t.groups[i], sig, t.timeout_ms, t.has_timeout);

		status = one ? one : status;
	}
	return status;
}

/* What was killed for want of memory since there were so many kills. */
static void tell_oom(struct cmd_ctx *x, struct cgw_group *g, uint64_t before)
{
	uint64_t kills = oom_counter(g, "memory.events", "oom_kill");

	if (kills == LEVEL_UNKNOWN || before == LEVEL_UNKNOWN || kills <= before)
		return;
	cmd_note(x, "%" PRIu64 " killed, out of memory, in '%s' meanwhile", kills - before,
		 cgw_group_path(g));
	oom_tell(x, g, kills - before);
}

int cmd_wait(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(cmd_targets_free) struct cmd_targets t = { .timeout_ms = -1 };
	int status = cmd_read_targets(x, argc, argv, &t);
	_cleanup_free_ uint64_t *kills = calloc((size_t)t.n + 1, sizeof(*kills));

	if (!kills)
		return cmd_fail(x, -ENOMEM);
	for (int i = 0; i < t.n && !status; i++)
		kills[i] = oom_counter(t.groups[i], "memory.events", "oom_kill");
	for (int i = 0; i < t.n && !status; i++) {
		int err = cgw_group_wait_empty(t.groups[i], t.timeout_ms);

		status = err ? cmd_fail(x, err) : 0;
		tell_oom(x, t.groups[i], kills[i]);
	}
	return status;
}

int cmd_delete(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(cmd_targets_free) struct cmd_targets t = { .timeout_ms = DEFAULT_TIMEOUT_MS };
	int status = cmd_read_targets(x, argc, argv, &t);
	unsigned int flags = 0;

	if (status)
		return status;
	if (t.recursive)
		flags |= CGW_DELETE_RECURSIVE;
	if (t.kill)
		flags |= CGW_DELETE_KILL;
	for (int i = 0; i < t.n; i++) {
		int err = cgw_group_delete(t.groups[i], flags, t.timeout_ms);

		if (err)
			status = cmd_fail(x, err);
	}
	return status;
}

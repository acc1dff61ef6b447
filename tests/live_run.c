// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* "cgward run" on a terminal: job control by the keyboard, as a shell sees it. */
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>

#include "cgtest.h"

/* A terminal whose session leader plays the shell and starts one job in the foreground. */
struct terminal {
	int master;
	int statuses; /* what waitpid() gave the shell, as it came */
	int commands; /* a byte written here: continue the job in the foreground */
	pid_t shell;
	char seen[4096];
	size_t n_seen;
};

static void close_terminal(struct terminal *t)
{
	if (t->master >= 0)
		close(t->master);
	if (t->statuses >= 0)
		close(t->statuses);
	if (t->commands >= 0)
		close(t->commands);
	if (t->shell > 0)
		cgtest_end(t->shell);
}

static void foreground(pid_t job)
{
	signal(SIGTTOU, SIG_IGN);
	tcsetpgrp(STDIN_FILENO, job);
	signal(SIGTTOU, SIG_DFL);
}

static void __attribute__((noreturn)) play_shell(char *const *argv, int statuses, int commands)
{
	pid_t job = fork();
	int status;
	char byte;

	if (job == 0) {
		setpgid(0, 0);
		foreground(getpid());
		execv(argv[0], argv);
		_exit(99);
	}
	setpgid(job, job);
	foreground(job);
	for (;;) {
		if (waitpid(job, &status, WUNTRACED) != job ||
		    write(statuses, &status, sizeof(status)) != sizeof(status))
			_exit(1);
		if (!WIFSTOPPED(status))
			break;
		foreground(getpid());
		if (read(commands, &byte, 1) != 1)
			_exit(1);
		foreground(job);
		kill(-job, SIGCONT);
	}
	_exit(0);
}

static bool open_terminal(struct terminal *t, const char *group, const char *script)
{
	const char *cgward = getenv("CGWARD");
	char *argv[] = { (char *)(cgward ? cgward : "build/cgward"), (char *)"-q", (char *)"run",
			 (char *)"--group", (char *)group, (char *)"--", (char *)"/bin/sh",
			 (char *)"-c", (char *)script, NULL };
	int statuses[2], commands[2];

	t->master = t->statuses = t->commands = -EBADF;
	if (pipe2(statuses, O_CLOEXEC) < 0 || pipe2(commands, O_CLOEXEC) < 0)
		return false;
	t->shell = forkpty(&t->master, NULL, NULL, NULL);
	if (t->shell == 0)
		play_shell(argv, statuses[1], commands[0]);
	close(statuses[1]);
	close(commands[0]);
	t->statuses = statuses[0];
	t->commands = commands[1];
	return t->shell > 0;
}

static int count_word(const struct terminal *t, const char *word)
{
	int n = 0;

	for (const char *p = t->seen; (p = strstr(p, word)); p++)
		n++;
	return n;
}

/* Read what the terminal shows until it has shown the word so many times. */
static bool wait_words(struct terminal *t, const char *word, int times)
{
	while (count_word(t, word) < times) {
		ssize_t n;

		if (!cgtest_readable(t->master))
			return false;
		n = read(t->master, t->seen + t->n_seen, sizeof(t->seen) - 1 - t->n_seen);
		if (n <= 0)
			return false;
		t->n_seen += (size_t)n;
		t->seen[t->n_seen] = '\0';
	}
	return true;
}

static bool wait_word(struct terminal *t, const char *word)
{
	return wait_words(t, word, 1);
}

static bool type(struct terminal *t, const char *keys)
{
	return write(t->master, keys, strlen(keys)) == (ssize_t)strlen(keys);
}

/* The next state of the job that the shell saw; -1 for none in ten seconds. */
static int next_status(struct terminal *t)
{
	int status;

	if (!cgtest_readable(t->statuses) ||
	    read(t->statuses, &status, sizeof(status)) != sizeof(status))
		return -1;
	return status;
}

static int ctrl_z_stops_the_command_and_cgward_and_both_go_on(void)
{
	_cleanup_(close_terminal) struct terminal t = { 0 };
	_cleanup_top_ char *top = cgtest_new("tty-stop");
	_cleanup_free_ char *group = cgw__path_join(top, "job");
	int status;

	CHECK(open_terminal(&t, group, "echo up; read line; echo got $line; exit 5"));
	CHECK(wait_word(&t, "up"));
	CHECK(type(&t, "\032"));
	status = next_status(&t);
	CHECK(WIFSTOPPED(status));
	CHECK(type(&t, "hello\n"));
	CHECK_INT(write(t.commands, "c", 1), 1);
	CHECK(wait_word(&t, "got hello"));
	status = next_status(&t);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 5);
	CHECK(!cgtest_exists(group));
	return TAP_PASS;
}

static int a_command_that_stops_itself_stops_cgward_too(void)
{
	_cleanup_(close_terminal) struct terminal t = { 0 };
	_cleanup_top_ char *top = cgtest_new("tty-self");
	_cleanup_free_ char *group = cgw__path_join(top, "job");
	int status;

	CHECK(open_terminal(&t, group, "kill -STOP $$; exit 6"));
	status = next_status(&t);
	CHECK(WIFSTOPPED(status));
	CHECK_INT(write(t.commands, "c", 1), 1);
	status = next_status(&t);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 6);
	return TAP_PASS;
}

static int ctrl_c_reaches_the_command_once_and_as_often_as_it_is_typed(void)
{
	_cleanup_(close_terminal) struct terminal t = { 0 };
	_cleanup_top_ char *top = cgtest_new("tty-int");
	_cleanup_free_ char *group = cgw__path_join(top, "job");
	struct pollfd early;
	int status;

	CHECK(open_terminal(&t, group,
			    "trap 'echo INT; n=$((n + 1)); [ $n -lt 3 ] || exit 3' INT; n=0; echo up;"
			    " while :; do sleep 0.02; done"));
	CHECK(wait_word(&t, "up"));
	for (int i = 1; i <= 3; i++) {
		/* Doubled by cgward, two keys would be enough to end it. */
		early = (struct pollfd){ .fd = t.statuses, .events = POLLIN };
		CHECK_INT(poll(&early, 1, 100), 0);
		CHECK(type(&t, "\003"));
		CHECK(wait_words(&t, "INT\r", i));
	}
	/* Nor did the second one count as "a second signal to end". */
	status = next_status(&t);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 3);
	CHECK_INT(count_word(&t, "INT\r"), 3);
	return TAP_PASS;
}

static int ctrl_c_ends_a_command_that_does_not_care(void)
{
	_cleanup_(close_terminal) struct terminal t = { 0 };
	_cleanup_top_ char *top = cgtest_new("tty-die");
	_cleanup_free_ char *group = cgw__path_join(top, "job");
	int status;

	CHECK(open_terminal(&t, group, "echo up; exec sleep 1000"));
	CHECK(wait_word(&t, "up"));
	CHECK(type(&t, "\003"));
	status = next_status(&t);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 128 + SIGINT);
	CHECK(!cgtest_exists(group));
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(ctrl_z_stops_the_command_and_cgward_and_both_go_on),
	T(a_command_that_stops_itself_stops_cgward_too),
	T(ctrl_c_reaches_the_command_once_and_as_often_as_it_is_typed),
	T(ctrl_c_ends_a_command_that_does_not_care),
};

CGTEST_LIVE_MAIN(tests)

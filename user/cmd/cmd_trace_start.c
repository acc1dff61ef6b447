// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* trace start, stop and list: recordings in the background. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "trace.h"

#define STOP_MS 10000

static void free_state(struct trace_state *s)
{
	cmd_closep(&s->fd);
}

/* The file's path as seen from anywhere; it need not be there. */
static int make_absolute(struct cmd_ctx *x, const char *file, char *buf)
{
	const char *slash = strrchr(file, '/');
	char dir[PATH_MAX], real[PATH_MAX];

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - file + 1) : 1, slash ? file : ".");
	if (!realpath(dir, real))
		return cmd_error(x, EXIT_REFUSED, strerrorname_np(errno), NULL,
				 "cannot record to '%s': %s", file, strerror(errno));
	if (snprintf(buf, PATH_MAX, "%s/%s", real[1] ? real : "", slash ? slash + 1 : file) >=
		    PATH_MAX ||
	    strchr(buf, '\n'))
		return cmd_usage(x, "'%s' cannot be the name of a recording", file);
	return 0;
}

/* Let go of all that is the caller's: a pipe that he reads must not stay open. */
static void detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd <= 2 && null >= 0; fd++)
		dup2(null, fd);
	cmd_closep(&null);
	if (chdir("/") < 0)
		return;
}

static int record(struct trace *tr, struct trace_state *s, int n_words, char **words, int ready)
{
	int status;

	status = trace_arm(tr, n_words, words);
	if (status) {
		trace_state_remove(s);
		return status;
	}
	detach();
	if (write(ready, "", 1) == 1) {
		close(ready);
		status = trace_follow(tr);
	}
	s->status = status;
	s->events = cgw_recorder_events(tr->recorder);
	s->lost = cgw_recorder_lost(tr->recorder);
	snprintf(s->why, sizeof(s->why), "%s", status ? cgw_strerror(tr->x->c) : "");
	trace_state_end(s);
	return status;
}

/* The child that records. What it has to say until it is ready goes to the caller's terminal. */
static int run_child(struct trace *tr, struct trace_state *s, int n_words, char **words, int ready)
{
	struct timespec ts;
	int status;

	if (ready != 3 && dup2(ready, 3) < 0)
		return EXIT_REFUSED;
	close_range(4, ~0U, 0);
	setsid();
	clock_gettime(CLOCK_REALTIME, &ts);
	s->since_ns = (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
	snprintf(s->tracers, sizeof(s->tracers), "%s", words[0]);
	status = trace_state_claim(tr->x, s);
	return status ? status : record(tr, s, n_words, words, 3);
}

/* Wait until the child says that it is ready. Return: 0, or the exit status it ended with. */
static int await(struct cmd_ctx *x, pid_t pid, int fd)
{
	char byte;
	int status;
	ssize_t n;

	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		return 0;
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status))
		return WEXITSTATUS(status);
	return cmd_error(x, EXIT_REFUSED, "ECHILD", NULL, "the process that records has died");
}

static void tell_started(struct cmd_ctx *x, const struct trace_state *s, pid_t pid)
{
	struct out *o = &x->out;

	if (!x->json) {
		fprintf(o->f, "%s: recording to %s (pid %d)\n", s->name, s->file, pid);
		return;
	}
	js_begin(o, '{');
	js_pair_string(o, "name", s->name);
	js_pair_number(o, "pid", (uint64_t)pid);
	js_pair_string(o, "file", s->file);
	js_end(o, '}');
	js_line(o);
}

int cmd_trace_start(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(trace_free) struct trace tr = TRACE_INIT(x);
	_cleanup_(free_state) struct trace_state s = { .fd = -1 };
	int ready[2], status = trace_read_options(&tr, argc, argv);
	pid_t pid;

	if (!status)
		status = trace_name(x, argv[optind]);
	if (status)
		return status;
	snprintf(s.name, sizeof(s.name), "%s", argv[optind]);
	if (!tr.record)
		snprintf(s.file, sizeof(s.file), TRACE_DIR "/%s.rec", s.name);
	else
		status = make_absolute(x, tr.record, s.file);
	if (status)
		return status;
	tr.record = s.file;
	fflush(x->out.f);
	if (pipe2(ready, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		return cmd_error(x, EXIT_REFUSED, strerrorname_np(errno), NULL, "cannot start: %s",
				 strerror(errno));
	if (!pid)
		return run_child(&tr, &s, argc - optind - 1, argv + optind + 1, ready[1]);
	close(ready[1]);
	status = await(x, pid, ready[0]);
	close(ready[0]);
	if (!status)
		tell_started(x, &s, pid);
	return status;
}

/* End it, and wait until its file is complete. Return: 0 or an exit status. */
static int end(struct cmd_ctx *x, struct trace_state *s, int timeout_ms)
{
	struct pollfd p = { .events = POLLIN };
	int n;

	p.fd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	if (p.fd < 0 && errno != ESRCH)
		return cmd_error(x, EXIT_REFUSED, strerrorname_np(errno), NULL,
				 "cannot signal the process that records (pid %d): %s", s->pid,
				 strerror(errno));
	/* It has the lock still: so the descriptor is that process, and no later one of its number.
	 */
	if (p.fd < 0 || trace_state_look(s) || !s->pid) {
		cmd_closep(&p.fd);
		return 0;
	}
	syscall(SYS_pidfd_send_signal, p.fd, SIGTERM, NULL, 0);
	n = poll(&p, 1, timeout_ms);
	close(p.fd);
	if (n > 0)
		return 0;
	return cmd_error(x, EXIT_REFUSED, "ETIMEDOUT", NULL,
			 "the trace '%s' (pid %d) has not ended in %d ms", s->name, s->pid,
			 timeout_ms);
}

static int tell_stopped(struct cmd_ctx *x, const struct trace_state *s)
{
	struct out *o = &x->out;

	if (!s->ended)
		return cmd_error(x, EXIT_REFUSED, "ECHILD", NULL,
				 "the trace '%s' was killed; '%s' has what it had written", s->name,
				 s->file);
	if (s->status)
		return cmd_error(x, EXIT_REFUSED, "EIO", NULL, "the trace '%s' had ended: %s",
				 s->name, s->why[0] ? s->why : "it failed");
	if (!x->json) {
		fprintf(o->f, "%s: %llu events, %llu lost, in %s\n", s->name,
			(unsigned long long)s->events, (unsigned long long)s->lost, s->file);
		return 0;
	}
	js_begin(o, '{');
	js_pair_string(o, "name", s->name);
	js_pair_number(o, "events", s->events);
	js_pair_number(o, "lost", s->lost);
	js_pair_string(o, "file", s->file);
	js_end(o, '}');
	js_line(o);
	return 0;
}

int cmd_trace_stop(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(free_state) struct trace_state s = { .fd = -1 };
	int opt, status = 0, timeout_ms = STOP_MS;

	while (!status && (opt = cmd_next_opt(x, argc, argv)) != -1) {
		if (opt == 'h' || opt == '?')
			return opt == 'h' ? CMD_DONE : EXIT_USAGE;
		status = cmd_duration(x, optarg, &timeout_ms);
	}
	if (!status)
		status = cmd_check_args(x, argc);
	if (!status)
		status = trace_name(x, argv[optind]);
	if (!status)
		status = trace_state_find(x, argv[optind], &s);
	if (!status && s.pid)
		status = end(x, &s, timeout_ms);
	if (!status && trace_state_look(&s))
		status = cmd_error(x, EXIT_REFUSED, strerrorname_np(errno), NULL,
				   "cannot read the state of the trace '%s': %s", s.name,
				   strerror(errno));
	if (status)
		return status;
	trace_state_remove(&s);
	return tell_stopped(x, &s);
}

static void print_state(struct cmd_ctx *x, const struct trace_state *s)
{
	const char *what = s->pid      ? "running"
			   : !s->ended ? "killed"
			   : s->status ? "failed"
				       : "ended";
	struct out *o = &x->out;
	char when[64];

	format_time(s->since_ns, true, when, sizeof(when));
	if (!x->json) {
		fprintf(o->f, "%-15s %-7s %7d  %s  %s  %s\n", s->name, what, s->pid, when,
			s->tracers, s->file);
		return;
	}
	js_begin(o, '{');
	js_pair_string(o, "name", s->name);
	js_pair_string(o, "state", what);
	js_key(o, "pid");
	if (s->pid)
		js_number(o, (uint64_t)s->pid);
	else
		js_null(o);
	js_pair_string(o, "since", when);
	js_pair_string(o, "tracers", s->tracers);
	js_pair_string(o, "file", s->file);
	js_end(o, '}');
	js_line(o);
}

int cmd_trace_list(struct cmd_ctx *x, int argc, char **argv)
{
	int status = cmd_no_opts(x, argc, argv);

	return status ? status : trace_state_each(x, print_state);
}

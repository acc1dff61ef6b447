// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* run: a command in a group of its own. */
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "cmd.h"

#define END_TIMEOUT_MS 10000

const struct cmd_opt opts_run[] = {
	{ "group", OPT_GROUP, "GROUP", "make this group, instead of /cgward/run-PID-XXXX" },
	{ "rm", OPT_RM, NULL, "kill what CMD left behind and remove the group (default)" },
	{ "keep", OPT_KEEP, NULL, "leave the group, and what CMD started, when CMD ends" },
	{ "detach", OPT_DETACH, NULL, "do not wait for CMD; print its group and pid; implies --keep" },
	{ "user", OPT_USER, "USER[:GROUP]", "run CMD as this user, by name or number" },
	{ "cwd", OPT_CWD, "DIR", "run CMD in this directory" },
	{ "explain", OPT_EXPLAIN, NULL, "tell at the end which devices CMD was denied, and by which rule" },
	{ "env", OPT_ENV, "NAME=VALUE", "set a variable for CMD; repeatable" },
	{ 0 },
};

struct run {
	struct cmd_ctx *x;
	struct cmd_setup setup;
	const char *path; /* --group */
	char *chosen;	  /* or the one made up */
	bool keep;
	bool detach;
	bool explain;
	bool joined; /* the group was there before, and stays */
	const struct cmd_around *around;
	int timeout_ms;
	struct cgw_spawn spawn;
	gid_t groups[64];
	struct cgw_group *g;
	char *made_top; /* the shallowest directory that was not there before */
	sigset_t old_mask;
	int signal_fd;
	pid_t pid;
	int signals; /* how many were forwarded that end a command */
	int64_t deadline_ms;
};

static void free_run(struct run *r)
{
	cmd_setup_free(&r->setup);
	cgw_group_close(r->g);
	free(r->chosen);
	free(r->made_top);
	if (r->signal_fd >= 0)
		close(r->signal_fd);
}

/* USER[:GROUP]: the groups of the user, or that one alone. */
static int parse_user(struct run *r, const char *arg)
{
	int n = ARRAY_SIZE(r->groups);
	struct cmd_user user;
	int status = cmd_user(r->x, arg, &user);

	if (status)
		return status;
	r->spawn.uid = user.uid;
	r->spawn.gid = user.gid;
	if (user.has_group || !user.name[0])
		return 0;
	if (getgrouplist(user.name, user.gid, r->groups, &n) < 0)
		return cmd_usage(r->x, "user '%s' is in more than %zu groups", user.name,
				 ARRAY_SIZE(r->groups));
	r->spawn.groups = r->groups;
	r->spawn.n_groups = (size_t)n;
	return 0;
}

static int read_options(struct run *r, int argc, char **argv)
{
	struct cmd_ctx *x = r->x;
	int opt, status = 0;

	while (!status && (opt = cmd_next_opt(x, argc, argv)) != -1) {
		switch (opt) {
		case 'h':
			return CMD_DONE;
		case '?':
			return EXIT_OWN;
		case OPT_GROUP:
			r->path = optarg;
			break;
		case OPT_RM:
			r->keep = false;
			break;
		case OPT_KEEP:
			r->keep = true;
			break;
		case OPT_DETACH:
			r->detach = true;
			break;
		case OPT_EXPLAIN:
			r->explain = true;
			break;
		case OPT_USER:
			status = parse_user(r, optarg);
			break;
		case OPT_CWD:
			r->spawn.cwd = optarg;
			break;
		case OPT_ENV:
			if (!strchr(optarg, '=') || optarg[0] == '=')
				status = cmd_usage(x, "'%s' is not NAME=VALUE", optarg);
			else
				putenv(optarg);
			break;
		case OPT_TIMEOUT:
			status = cmd_duration(x, optarg, &r->timeout_ms);
			break;
		default:
			status = cmd_setup_opt(x, &r->setup, opt, optarg);
		}
	}
	if (!status)
		status = cmd_check_args(x, argc);
	if (!status)
		status = cmd_setup_finish(x, &r->setup);
	if (!status && r->detach && r->timeout_ms >= 0)
		status = cmd_usage(x, "--timeout needs somebody to wait: not with --detach");
	if (!status && r->detach && r->explain)
		status = cmd_usage(x, "--explain needs somebody to wait: not with --detach");
	return status ? EXIT_OWN : 0;
}

static int choose_path(struct run *r)
{
	_cleanup_free_ char *parent = NULL;
	uint16_t tail = 0;
	int err;

	if (r->path)
		return 0;
	err = cgw_find_place(r->x->c, &parent);
	if (err)
		return cmd_fail(r->x, err);
	if (getrandom(&tail, sizeof(tail), 0) < 0 ||
	    asprintf(&r->chosen, "%s/run-%d-%04x", parent, getpid(), tail) < 0)
		return cmd_error(r->x, EXIT_OWN, strerrorname_np(errno), NULL, "cannot make up a name");
	r->path = r->chosen;
	return 0;
}

/* The shallowest part of the path that does not exist, to be removed with the group. */
static int find_made_top(struct run *r)
{
	char *path = strdup(r->path);

	if (!path)
		return -ENOMEM;
	for (char *p = path; *p; p++) {
		struct cgw_group *g;
		char *slash = strchr(p + 1, '/');

		if (slash)
			*slash = '\0';
		if (cgw_group_open(r->x->c, path, &g)) {
			r->made_top = path;
			return 0;
		}
		cgw_group_close(g);
		if (!slash)
			break;
		*slash = '/';
		p = slash - 1;
	}
	free(path);
	return 0;
}

static int make_group(struct run *r)
{
	struct cgw_create_opts opts = { .sz = sizeof(opts),
					.resources = r->setup.resources,
					.devices = r->setup.policy };
	int err = cgw_verify_group_path(r->x->c, r->path);

	if (!err)
		err = find_made_top(r);
	/* Another run may remove an empty /cgward just now. */
	for (int i = 0; !err && i < 10; i++) {
		err = cgw_group_create(r->x->c, r->path, &opts, &r->g);
		if (err != -ENOENT || !r->chosen)
			break;
		err = i < 9 ? 0 : err;
	}
	return err ? cmd_fail(r->x, err) : 0;
}

/* Remove the group and the empty parents that came with it. What does not go is told. */
static void remove_group(struct run *r)
{
	_cleanup_free_ char *path = strdup(r->path);
	int err = cgw_group_delete(r->g, CGW_DELETE_KILL | CGW_DELETE_RECURSIVE, END_TIMEOUT_MS);

	if (err) {
		cmd_fail(r->x, err);
		return;
	}
	while (path && strrchr(path, '/') != path) {
		struct cgw_group *parent;

		*strrchr(path, '/') = '\0';
		if ((!r->made_top || strlen(path) < strlen(r->made_top)) &&
		    !(r->chosen && !strcmp(path, "/cgward")))
			break;
		if (cgw_group_open(r->x->c, path, &parent))
			break;
		err = cgw_group_delete(parent, 0, 0);
		cgw_group_close(parent);
		if (err)
			break;
	}
}

/* Signals that are passed on to the command; those that stop it come back by SIGCHLD. */
static const int forwarded[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1,
				 SIGUSR2, SIGALRM, SIGTSTP, SIGCONT, SIGWINCH };

static int block_signals(struct run *r)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(&set, forwarded[i]);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &set, &r->old_mask);
	r->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->signal_fd < 0)
		return cmd_error(r->x, EXIT_OWN, strerrorname_np(errno), NULL, "cannot make a signalfd: %s",
				 strerror(errno));
	r->spawn.sigmask = &r->old_mask;
	return 0;
}

static void kill_group(struct run *r, const char *why)
{
	cmd_note(r->x, "%s: killing %s'%s'", why, r->joined ? "the command in " : "", r->path);
	if (r->joined || cgw_group_kill(r->g, 0))
		kill(r->pid, SIGKILL);
}

static void forward(struct run *r, const struct signalfd_siginfo *si)
{
	int sig = (int)si->ssi_signo;

	/*
	 * From the terminal (SI_KERNEL) it went to the whole foreground process group, the
	 * command included: sending it again would double it.
	 */
	if (si->ssi_code == SI_KERNEL)
		return;
	if ((sig == SIGTERM || sig == SIGINT) && ++r->signals > 1) {
		kill_group(r, "a second signal to end");
		return;
	}
	kill(r->pid, sig);
}

/*
 * The command stopped. On a terminal so does cgward, for the shell to see, and both go on
 * together; elsewhere nobody would wake cgward again.
 */
static void stop_with(struct run *r)
{
	int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return;
	close(fd);
	raise(SIGSTOP);
	kill(r->pid, SIGCONT);
}

/* Reap what ended. Return: true when the command itself did, with its wait status. */
static bool reap(struct run *r, int *ret_status)
{
	bool ended = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (WIFSTOPPED(status)) {
			if (pid == r->pid)
				stop_with(r);
		} else if (pid == r->pid) {
			*ret_status = status;
			ended = true;
		}
	}
	return ended;
}

static int poll_timeout(const struct run *r)
{
	int64_t left;

	if (r->timeout_ms < 0)
		return -1;
	left = r->deadline_ms - cmd_now_ms();
	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

/* Serve signals until the command ends. Return: its wait status. */
static int watch(struct run *r)
{
	struct pollfd fd = { .fd = r->signal_fd, .events = POLLIN };
	int status = 0;

	while (!reap(r, &status)) {
		struct signalfd_siginfo si;

		if (!poll(&fd, 1, poll_timeout(r))) {
			r->timeout_ms = -1;
			kill_group(r, "the time is up");
		}
		while (read(r->signal_fd, &si, sizeof(si)) == sizeof(si))
			if (si.ssi_signo != SIGCHLD)
				forward(r, &si);
	}
	return status;
}

static void tell_oom(struct run *r, int status)
{
	uint64_t kills = oom_counter(r->g, "memory.events", "oom_kill");

	if (!kills || kills == LEVEL_UNKNOWN)
		return;
	cmd_note(r->x, "%s in '%s': memory.events has oom_kill %" PRIu64,
		 WIFSIGNALED(status) ? "the command was killed, out of memory" :
				       "processes were killed, out of memory",
		 r->path, kills);
	oom_tell(r->x, r->g, kills);
}

static void print_detached(struct run *r)
{
	struct out *o = &r->x->out;

	if (!r->x->json) {
		fprintf(o->f, "%s %d\n", r->path, r->pid);
		return;
	}
	js_begin(o, '{');
	js_key(o, "path");
	js_string(o, r->path);
	js_key(o, "pid");
	js_number(o, (uint64_t)r->pid);
	js_end(o, '}');
	js_line(o);
}

/*
 * The command could not be started. Return: the exit status. Only the command's own failure has
 * one of its own: a bad name or setting is ours.
 */
static int tell_not_started(struct cmd_ctx *x, int err)
{
	cmd_fail(x, err);
	if (!cgw_error_is_exec(x->c))
		return EXIT_OWN;
	return err == -ENOENT ? EXIT_NOT_FOUND : EXIT_NO_EXEC;
}

static int exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The group is there: start the command and see it through. Return: the exit status. */
static int start_and_wait(struct run *r)
{
	int status;

	if (r->around && r->around->begin(r->around->arg, r->g))
		return EXIT_OWN;
	r->spawn.new_session = r->detach;
	if (!r->detach)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	r->pid = cgw_group_spawn(r->g, &r->spawn, NULL);
	if (r->pid < 0)
		return tell_not_started(r->x, r->pid);
	if (r->detach) {
		print_detached(r);
		return 0;
	}
	r->deadline_ms = cmd_now_ms() + r->timeout_ms;
	status = watch(r);
	if (!r->joined)
		tell_oom(r, status);
	if (r->around)
		r->around->end(r->around->arg, r->g);
	return exit_status(status);
}

/* The group is made, or was there already: run the command in it. Return: the exit status. */
static int run_inside(struct run *r)
{
	int ignored, status = start_and_wait(r);

	if (!r->joined && ((!r->keep && !r->detach) || r->pid < 1))
		remove_group(r);
	reap(r, &ignored);
	return status;
}

/*
 * Run a command in a group that is there, or in one made for it, with something done around it.
 * Return: the exit status.
 */
int cmd_run_around(struct cmd_ctx *x, const char *group, char **argv, int timeout_ms,
		   const struct cmd_around *around)
{
	_cleanup_(free_run) struct run r = { .x = x, .timeout_ms = timeout_ms, .signal_fd = -1,
					     .path = group, .around = around };
	int status;

	r.spawn.sz = sizeof(r.spawn);
	r.spawn.uid = (uid_t)-1;
	r.spawn.argv = argv;
	r.joined = group[0] != '/' || !cgw_group_open(x->c, group, &r.g);
	if (r.joined && !r.g) {
		status = cmd_group(x, group, &r.g);
		if (status)
			return status;
	}
	status = block_signals(&r);
	if (!status && !r.joined)
		status = make_group(&r);
	return status ? status : run_inside(&r);
}

/* Run a command in a scope of its own, which systemd ends with it. Return: the exit status. */
int cmd_run_scope(struct cmd_ctx *x, const char *name, const struct cgw_unit_opts *unit,
		  char **argv)
{
	_cleanup_(free_run) struct run r = { .x = x, .timeout_ms = -1, .signal_fd = -1,
					     .joined = true };
	int status;

	r.spawn.sz = sizeof(r.spawn);
	r.spawn.uid = (uid_t)-1;
	r.spawn.argv = argv;
	status = block_signals(&r);
	if (status)
		return status;
	r.pid = cgw_unit_spawn(x->c, name, unit, &r.spawn, &r.g);
	if (r.pid < 0)
		return tell_not_started(x, r.pid);
	r.path = cgw_group_path(r.g);
	return exit_status(watch(&r));
}

int cmd_run(struct cmd_ctx *x, int argc, char **argv)
{
	struct explainer explainer = { .x = x };
	const struct cmd_around around = { explain_begin, explain_end, &explainer };
	_cleanup_(free_run) struct run r = { .x = x, .timeout_ms = -1, .signal_fd = -1 };
	int status;

	r.spawn.sz = sizeof(r.spawn);
	r.spawn.uid = (uid_t)-1;
	status = read_options(&r, argc, argv);
	if (status)
		return status;
	r.spawn.argv = argv + optind;
	status = choose_path(&r);
	/* From here on a signal no longer ends cgward with a group left behind. */
	if (!status)
		status = block_signals(&r);
	if (!status)
		status = make_group(&r);
	if (status)
		return status;
	r.around = r.explain ? &around : NULL;
	return run_inside(&r);
}

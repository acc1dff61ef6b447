// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* replay: a recording of tracers, printed as it was live. */
#include <fcntl.h>
#include <math.h>
#include <poll.h>

#include "cmd.h"

const struct cmd_opt opts_replay[] = {
	{ "realtime", OPT_REALTIME, NULL, "as long between events as it took" },
	{ "speed", OPT_SPEED, "X", "so many times as fast as it was, as 10 or 0.5" },
	{ "kinds", OPT_KINDS, "LIST", "only these, as freeze.reached,lifecycle" },
	{ "summary", OPT_SUMMARY, NULL, "as trace has it: JSON with repetitions once a second" },
	{ 0 },
};

struct replay {
	struct cmd_ctx *x;
	const char *name; /* of the file */
	struct cgw_recording *r;
	char *kinds;  /* NULL = all */
	double speed; /* 0 = no waiting */
	int fd;
	int signal_fd;
	uint64_t first_ns; /* of the first event, 0 = none yet */
	int64_t begin_ns; /* when that was printed */
	struct denials denials;
};

static void free_replay(struct replay *rp)
{
	cgw_recording_close(rp->r);
	cmd_closep(&rp->fd);
	cmd_closep(&rp->signal_fd);
	free(rp->kinds);
}

/* Is the word the kind's name, or what its name begins with before the dot? */
static bool is_kind(const char *name, const char *word, size_t len)
{
	return len && !strncmp(name, word, len) && (!name[len] || name[len] == '.');
}

static bool is_known(const char *word, size_t len)
{
	for (unsigned int kind = 0; kind < 256; kind++)
		if (is_kind(cgw_trace_kind_name(kind), word, len) && word[0] != '?')
			return true;
	return false;
}

static int parse_kinds(struct replay *rp, const char *list)
{
	for (const char *p = list;; p++) {
		size_t len = strcspn(p, ",");

		if (!is_known(p, len))
			return cmd_usage(rp->x,
					 "'%.*s' is no kind of event: as freeze.reached, or freeze "
					 "for all of it",
					 (int)len, p);
		p += len;
		if (!*p)
			break;
	}
	free(rp->kinds);
	rp->kinds = strdup(list);
	return rp->kinds ? 0 : cmd_fail(rp->x, -ENOMEM);
}

static bool is_wanted(const struct replay *rp, const char *name)
{
	const char *p = rp->kinds;

	while (p) {
		size_t len = strcspn(p, ",");

		if (is_kind(name, p, len))
			return true;
		p = p[len] ? p + len + 1 : NULL;
	}
	return !rp->kinds;
}

static int parse_speed(struct replay *rp, const char *text)
{
	char *end;

	rp->speed = strtod(text, &end);
	if (*end || end == text || !isfinite(rp->speed) || rp->speed <= 0)
		return cmd_usage(rp->x, "'%s' is no speed: as 10 or 0.5", text);
	return 0;
}

static int read_options(struct replay *rp, int argc, char **argv)
{
	struct cmd_ctx *x = rp->x;
	int opt, status = 0;

	while (!status && (opt = cmd_next_opt(x, argc, argv)) != -1) {
		switch (opt) {
		case 'h':
			return CMD_DONE;
		case '?':
			return EXIT_USAGE;
		case OPT_REALTIME:
			rp->speed = 1;
			break;
		case OPT_SUMMARY:
			rp->denials.sum = true;
			break;
		case OPT_SPEED:
			status = parse_speed(rp, optarg);
			break;
		default:
			status = parse_kinds(rp, optarg);
		}
	}
	return status ? status : cmd_check_args(x, argc);
}

/* Until it is time for this. Return: was there no signal, and is somebody still reading? */
static bool wait_for(struct replay *rp, uint64_t mono_ns)
{
	struct pollfd fds[] = { { .fd = rp->signal_fd, .events = POLLIN },
				{ .fd = fileno(rp->x->out.f) } };

	if (!rp->first_ns) {
		rp->first_ns = mono_ns;
		rp->begin_ns = cmd_now_ns();
	}
	for (;;) {
		double due = (double)(mono_ns > rp->first_ns ? mono_ns - rp->first_ns : 0) /
				     rp->speed -
			     (double)(cmd_now_ns() - rp->begin_ns);
		struct timespec left = { 0 };

		if (due <= 0)
			return true;
		due = due > 3600e9 ? 3600e9 : due;
		left.tv_sec = (time_t)(due / 1e9);
		left.tv_nsec = (long)(due - (double)left.tv_sec * 1e9);
		fflush(rp->x->out.f);
		if (ppoll(fds, ARRAY_SIZE(fds), &left, NULL) > 0)
			return false;
	}
}

/* Until it is time for an event; what is due before it is told in its time. Return: the same. */
static bool wait_and_tell(struct replay *rp, uint64_t mono_ns)
{
	while (rp->denials.n && denials_due(&rp->denials) <= mono_ns) {
		uint64_t due = denials_due(&rp->denials);

		if (!wait_for(rp, due))
			return false;
		denials_tell(rp->x, &rp->denials, due);
	}
	return wait_for(rp, mono_ns);
}

static int fail(struct replay *rp, int err)
{
	int status = cgw_error_is_input(rp->x->c) ? EXIT_USAGE : EXIT_REFUSED;

	return cmd_error(rp->x, status, strerrorname_np(-err), NULL, "%s: %s", rp->name,
			 cgw_strerror(rp->x->c));
}

static int print_all(struct replay *rp)
{
	struct cgw_trace_event e;
	int got;

	while ((got = cgw_recording_read(rp->r, &e)) > 0) {
		if (rp->speed > 0 && !wait_and_tell(rp, e.record->mono_ns))
			break;
		if (is_wanted(rp, e.name))
			denials_print(rp->x, &rp->denials, &e);
		if (ferror(rp->x->out.f))
			break;
	}
	denials_tell(rp->x, &rp->denials, UINT64_MAX);
	return got < 0 ? fail(rp, got) : 0;
}

static void tell_origin(struct replay *rp)
{
	const struct cgw_recording_info *info = cgw_recording_get_info(rp->r);
	char when[64];

	format_time(info->time_ns, true, when, sizeof(when));
	cmd_note(rp->x, "%s: recorded from %s by cgward %s on Linux %s", rp->name, when,
		 info->version, info->release);
}

int cmd_replay(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(free_replay) struct replay rp = { .x = x, .fd = -1, .signal_fd = -1 };
	int err, status = read_options(&rp, argc, argv);

	if (status)
		return status;
	rp.denials.sum |= !x->json;
	rp.name = argv[optind];
	if (strcmp(rp.name, "-"))
		rp.fd = open(rp.name, O_RDONLY | O_CLOEXEC);
	else
		rp.fd = dup(STDIN_FILENO);
	if (rp.fd < 0)
		return cmd_error(x, EXIT_REFUSED, strerrorname_np(errno), NULL,
				 "cannot open '%s': %s", rp.name, strerror(errno));
	if (rp.speed > 0)
		rp.signal_fd = cmd_signal_fd();
	err = cgw_recording_open(x->c, rp.fd, &rp.r);
	if (err)
		return fail(&rp, err);
	if (x->verbosity > 0)
		tell_origin(&rp);
	return print_all(&rp);
}

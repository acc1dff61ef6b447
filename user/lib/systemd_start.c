// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Transient units: started, filled, checked, and taken back when anything fails. */
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "systemd.h"

#define ROLL_BACK_MS 10000

/* A process, and the group that it came from: NULL when that cannot be told. */
struct moved {
	pid_t pid;
	char *from;
};

/* Was the manager asked to start the unit, so that there is something to take back? */
enum asked {
	NOT_ASKED,
	NOT_ANSWERED, /* it may have, or may do so yet */
	ASKED,
};

struct start {
	struct cgw *c;
	struct cgw__bus *b;
	const char *name;
	const struct cgw_unit_opts *opts;
	enum cgw__unit_kind kind;
	struct moved *moved;
	struct cgw__properties properties;
	struct cgw_group *g;
	struct cgw__enabled *enabled;
	enum asked asked;
	int *hold; /* the only process is ours and has executed nothing: closing this ends it */
	char what[320];
};

static void free_start(struct start *s)
{
	for (size_t i = 0; s->moved && i < s->opts->n_pids; i++)
		free(s->moved[i].from);
	free(s->moved);
	cgw__properties_free(&s->properties);
	cgw_group_close(s->g);
}

/* All that is wrong without asking anybody. */
static int check(struct start *s)
{
	const struct cgw_unit_opts *o = s->opts;
	int err = cgw__unit_check(s->c, s->name, &s->kind);

	if (err)
		return err;
	if (o->sz != sizeof(*o))
		return cgw__bad(s->c, -EINVAL, "%s: opts of another size", s->what);
	if (s->kind == CGW_UNIT_OTHER) {
		err = cgw__bad(s->c, -EINVAL, "%s: it is neither a scope nor a slice", s->what);
		cgw__hint(s->c, "systemd starts its services itself");
		return err;
	}
	err = cgw__unit_check_slice(s->c, o->slice, s->name);
	if (err)
		return err;
	if (s->kind == CGW_UNIT_SCOPE && !o->n_pids) {
		err = cgw__bad(s->c, -EINVAL, "%s: a scope needs a process", s->what);
		cgw__hint(s->c, "it lasts as long as there is one in it");
		return err;
	}
	if (s->kind == CGW_UNIT_SLICE && o->n_pids) {
		err = cgw__bad(s->c, -EINVAL, "%s: a slice has no processes", s->what);
		cgw__hint(s->c, "they go into a scope in it");
		return err;
	}
	if (s->kind == CGW_UNIT_SLICE && o->delegate)
		return cgw__bad(s->c, -EINVAL, "%s: only a scope can be delegated", s->what);
	return 0;
}

/* Where the processes are now, for the way back. */
static int look_at_pids(struct start *s)
{
	size_t n = s->opts->n_pids;

	s->moved = calloc(n + 1, sizeof(*s->moved));
	if (!s->moved)
		return cgw__oom(s->c);
	for (size_t i = 0; i < n; i++) {
		struct moved *m = &s->moved[i];
		int err;

		m->pid = s->opts->pids[i] ? s->opts->pids[i] : getpid();
		err = cgw_pid_group_path(s->c, m->pid, &m->from);
		if (err == -ESRCH)
			return cgw__fail(s->c, err, "%s: no process %d", s->what, m->pid);
		if (err && err != -ENOENT && err != -EXDEV)
			return err;
	}
	return 0;
}

static int collect_properties(struct start *s)
{
	static const char *const accounting[] = { "CPUAccounting", "IOAccounting",
						  "MemoryAccounting", "TasksAccounting" };
	const struct cgw_unit_opts *o = s->opts;
	struct cgw__properties *p = &s->properties;

	if (o->description)
		cgw__property_add(p, "Description", 's')->text = o->description;
	if (s->kind == CGW_UNIT_SCOPE && (o->slice || !o->user))
		cgw__property_add(p, "Slice", 's')->text = o->slice ? o->slice : "system.slice";
	if (s->kind == CGW_UNIT_SCOPE)
		cgw__property_add(p, "Delegate", 'b')->number = o->delegate;
	/* One that failed is not to keep the name. */
	cgw__property_add(p, "CollectMode", 's')->text = "inactive-or-failed";
	for (size_t i = 0; i < ARRAY_SIZE(accounting); i++)
		cgw__property_add(p, accounting[i], 'b')->number = true;
	return o->resources ? cgw__properties_add_resources(p, o->resources,
							    s->kind == CGW_UNIT_SLICE) :
			      0;
}

static int append_property(struct cgw__bus *b, sd_bus_message *m, const struct cgw__property *p)
{
	int err;

	switch (p->type) {
	case 's':
		return b->sd.sd_bus_message_append(m, "(sv)", p->name, "s", p->text);
	case 'b':
		return b->sd.sd_bus_message_append(m, "(sv)", p->name, "b", (int)p->number);
	case 't':
		return b->sd.sd_bus_message_append(m, "(sv)", p->name, "t", p->number);
	default:
		err = b->sd.sd_bus_message_open_container(m, 'r', "sv");
		if (err >= 0)
			err = b->sd.sd_bus_message_append_basic(m, 's', p->name);
		if (err >= 0)
			err = b->sd.sd_bus_message_open_container(m, 'v', "ay");
		if (err >= 0)
			err = b->sd.sd_bus_message_append_array(m, 'y', p->bytes, p->n_bytes);
		if (err >= 0)
			err = b->sd.sd_bus_message_close_container(m);
		return err < 0 ? err : b->sd.sd_bus_message_close_container(m);
	}
}

/* One process of the list: a descriptor, which cannot be another one's by then, or a number. */
static int append_pid(struct cgw__bus *b, sd_bus_message *m, pid_t pid)
{
	uint32_t number = (uint32_t)pid;
	int fd, err;

	if (b->no_pidfds)
		return b->sd.sd_bus_message_append_basic(m, 'u', &number);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return errno == ENOSYS ? -ENOSYS : -ESRCH; /* or it is a thread's number */
	err = b->sd.sd_bus_message_append_basic(m, 'h', &fd); /* it duplicates it */
	close(fd);
	return err;
}

static int append_pids(struct start *s, sd_bus_message *m)
{
	struct cgw__bus *b = s->b;
	const char *list = b->no_pidfds ? "au" : "ah";
	int err = b->sd.sd_bus_message_open_container(m, 'r', "sv");

	if (err >= 0)
		err = b->sd.sd_bus_message_append_basic(m, 's', b->no_pidfds ? "PIDs" : "PIDFDs");
	if (err >= 0)
		err = b->sd.sd_bus_message_open_container(m, 'v', list);
	if (err >= 0)
		err = b->sd.sd_bus_message_open_container(m, 'a', list + 1);
	for (size_t i = 0; err >= 0 && i < s->opts->n_pids; i++)
		err = append_pid(b, m, s->moved[i].pid);
	for (int i = 0; err >= 0 && i < 3; i++)
		err = b->sd.sd_bus_message_close_container(m);
	return err;
}

/* StartTransientUnit(name, mode, properties, aux). ret_job: its path. */
static int ask(struct start *s, sd_bus_error *error, char **ret_job)
{
	struct cgw__bus *b = s->b;
	sd_bus_message *m = NULL, *reply = NULL;
	const char *path;
	int err;

	err = b->sd.sd_bus_message_new_method_call(b->bus, &m, MANAGER_NAME, MANAGER_PATH,
						   MANAGER_INTERFACE, "StartTransientUnit");
	if (err >= 0)
		err = b->sd.sd_bus_message_append(m, "ss", s->name, "fail");
	if (err >= 0)
		err = b->sd.sd_bus_message_open_container(m, 'a', "(sv)");
	for (size_t i = 0; err >= 0 && i < s->properties.n; i++)
		if (!s->properties.list[i].unknown)
			err = append_property(b, m, &s->properties.list[i]);
	if (err >= 0 && s->kind == CGW_UNIT_SCOPE)
		err = append_pids(s, m);
	if (err >= 0)
		err = b->sd.sd_bus_message_close_container(m);
	if (err >= 0)
		err = b->sd.sd_bus_message_append(m, "a(sa(sv))", 0);
	if (err >= 0)
		err = cgw__bus_send(b, m, error, &reply);
	if (err >= 0)
		err = b->sd.sd_bus_message_read(reply, "o", &path);
	if (err >= 0) {
		*ret_job = strdup(path);
		err = *ret_job ? 0 : -ENOMEM;
	}
	b->sd.sd_bus_message_unref(m);
	b->sd.sd_bus_message_unref(reply);
	return err;
}

/* Is the unit that has the name no longer in use? Then the name can be had. */
static bool make_way(struct start *s)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_free_ char *state = NULL;
	int err = cgw__unit_property(s->b, s->name, false, "ActiveState", &error, &state);

	s->b->sd.sd_bus_error_free(&error);
	if (err || (strcmp(state, "failed") != 0 && strcmp(state, "inactive") != 0))
		return false;
	cgw__unit_reset(s->b, s->name);
	return true;
}

/* What the manager refused: is there another way to ask? At most once for each reason. */
static bool can_ask_again(struct start *s, int err, const sd_bus_error *error, bool *made_way)
{
	const char *message = error->message ? error->message : "";

	if (err == -ENOSYS && !s->b->no_pidfds) { /* the kernel has no pidfd_open */
		s->b->no_pidfds = true;
		return true;
	}
	if (!error->name)
		return false;
	/* Weight 0, for idle, is known since systemd 252. */
	if (!strcmp(error->name, "org.freedesktop.DBus.Error.InvalidArgs") &&
	    strstr(message, "CPUWeight"))
		return cgw__properties_drop(&s->properties, "CPUWeight");
	if (!strcmp(error->name, "org.freedesktop.systemd1.UnitExists")) {
		bool again = !*made_way && make_way(s);

		*made_way = true;
		return again;
	}
	if (strcmp(error->name, "org.freedesktop.DBus.Error.PropertyReadOnly") != 0 &&
	    strcmp(error->name, "org.freedesktop.DBus.Error.UnknownProperty") != 0)
		return false;
	if (!s->b->no_pidfds && strstr(message, "PIDFDs")) {
		s->b->no_pidfds = true;
		return true;
	}
	return cgw__properties_drop(&s->properties, message);
}

static int explain_ask(struct start *s, int err, const sd_bus_error *error)
{
	if (err == -ESRCH && !error->name)
		return cgw__fail(s->c, err, "%s: a process that is to be in it has ended, or is no process",
				 s->what);
	err = cgw__bus_explain(s->b, err, s->what, error);
	if (err == -EEXIST)
		cgw__hint(s->c, "cgward scope stop %s ends it; cgward scope show %s tells what it is",
			  s->name, s->name);
	if (err == -ETIMEDOUT)
		cgw__hint(s->c, "whether it was started is not known: systemctl status %s", s->name);
	return err;
}

static int ask_and_wait(struct start *s)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_free_ char *path = NULL;
	bool made_way = false;
	struct cgw__job job;
	int err = cgw__job_watch(s->b, s->name, &job);

	if (err)
		return err;
	for (;;) {
		err = ask(s, &error, &path);
		if (err >= 0 || !can_ask_again(s, err, &error, &made_way))
			break;
		s->b->sd.sd_bus_error_free(&error);
	}
	if (err >= 0)
		s->asked = ASKED;
	else if (err == -ETIMEDOUT || err == -EINTR || err == -ECONNRESET || err == -ENOTCONN)
		s->asked = NOT_ANSWERED;
	err = err < 0 ? explain_ask(s, err, &error) : cgw__job_wait(&job, path, s->what);
	s->b->sd.sd_bus_error_free(&error);
	cgw__job_free(&job);
	return err;
}

/* Managers have reported success without moving anybody. */
static int verify(struct start *s)
{
	int err = cgw__unit_group(s->b, s->name, s->what, &s->g);

	for (size_t i = 0; !err && i < s->opts->n_pids; i++) {
		_cleanup_free_ char *path = NULL;
		pid_t pid = s->moved[i].pid;

		err = cgw_pid_group_path(s->c, pid, &path);
		if (err == -ESRCH)
			return cgw__fail(s->c, err, "%s: process %d has ended meanwhile", s->what, pid);
		if (err || cgw__path_below(path, s->g->path))
			continue;
		err = cgw__fail(s->c, -EIO, "%s: systemd left process %d in '%s'", s->what, pid, path);
		if (s->opts->user)
			cgw__hint(s->c, "managers of users before systemd 238 move only what is below their own group");
	}
	return err;
}

static bool is_inside(const struct start *s, pid_t pid)
{
	_cleanup_free_ char *path = NULL;

	return !cgw_pid_group_path(s->c, pid, &path) && cgw__path_below(path, s->g->path);
}

/* How many of the processes are in the unit's group. */
static size_t count_inside(const struct start *s)
{
	size_t n = 0;

	for (size_t i = 0; s->g && i < s->opts->n_pids; i++)
		n += is_inside(s, s->moved[i].pid);
	return n;
}

/* Each goes where it came from, and those that they have forked where the first did. */
static void move_back(struct start *s)
{
	for (size_t i = 0; i < s->opts->n_pids; i++) {
		_cleanup_(cgw__group_closep) struct cgw_group *from = NULL;

		if (s->moved[i].from && is_inside(s, s->moved[i].pid) &&
		    !cgw__group_open_at(s->c, s->moved[i].from, &from))
			cgw_group_attach(from, &s->moved[i].pid, 1);
	}
	if (s->opts->n_pids && s->moved[0].from) {
		_cleanup_(cgw__group_closep) struct cgw_group *from = NULL;

		if (!cgw__group_open_at(s->c, s->moved[0].from, &from))
			cgw_group_move_all(s->g, from, true);
	}
}

static void end_held(struct start *s)
{
	if (!s->hold || *s->hold < 0)
		return;
	close(TAKE_FD(*s->hold));
	kill(s->moved[0].pid, SIGKILL);
	waitpid(s->moved[0].pid, NULL, 0);
}

/* A job that has not begun yet must not move anybody while the unit is taken back. */
static void cancel_job(struct start *s)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_free_ char *id = NULL;

	if (!cgw__unit_property(s->b, s->name, false, "Job", &error, &id) && strcmp(id, "0") != 0)
		cgw__bus_manager(s->b, "CancelJob", &error, NULL, "u",
				 (uint32_t)strtoul(id, NULL, 10));
	s->b->sd.sd_bus_error_free(&error);
}

/* The unit's group, if it has one. Return: 0, -ENOENT when there is no such unit, -errno. */
static int find_group(struct start *s)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_free_ char *path = NULL;
	int err;

	if (s->g)
		return 0;
	err = cgw__unit_property(s->b, s->name, true, "ControlGroup", &error, &path);
	if (err && err != -ENOENT)
		cgw__bus_explain(s->b, err, s->what, &error);
	s->b->sd.sd_bus_error_free(&error);
	if (err || !path[0])
		return err;
	err = cgw_group_open(s->c, path, &s->g);
	return err == -ENOENT ? -EXDEV : err; /* it is there, but cannot be seen from here */
}

/*
 * Put the processes back, then stop the unit, which kills what is in it: it is only done where
 * nobody is. Return: 0, or -errno, told, when the unit is left as it is.
 */
static int take_back(struct start *s)
{
	int err = cgw__bus_open(s->c, s->opts->user, cgw__deadline(ROLL_BACK_MS), s->what, &s->b);

	if (!err && s->asked == ASKED)
		cancel_job(s);
	if (!err)
		err = find_group(s);
	/* One of that name that has none of ours in it may be anybody's. */
	if (!err && s->asked == NOT_ANSWERED && !count_inside(s))
		err = cgw__fail(s->c, -ETIMEDOUT, "whether systemd has started it is not known");
	end_held(s);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (s->g) {
		move_back(s);
		err = cgw_group_is_populated(s->g);
		if (err == 1)
			return cgw__fail(s->c, -EBUSY, "there are processes in it that cannot go back");
		if (err && err != -ENODEV)
			return err;
	}
	err = cgw__unit_stop(s->b, s->name, s->what);
	if (err)
		cgw__unit_reset(s->b, s->name);
	return err == -ENOENT ? 0 : err;
}

static void roll_back(struct start *s)
{
	struct cgw__error saved = s->c->error;

	if (take_back(s))
		cgw__log(s->c, CGW_LOG_WARNING, "'%s' is left as it is: %s", s->name,
			 cgw_strerror(s->c));
	cgw__enable_undo(&s->enabled);
	s->c->error = saved;
}

static int start(struct start *s)
{
	struct cgw_create_opts settings = { .sz = sizeof(settings),
					    .resources = s->opts->resources,
					    .devices = s->opts->devices };
	int timeout_ms = s->opts->timeout_ms ? s->opts->timeout_ms : CGW_UNIT_TIMEOUT_MS;
	int err = look_at_pids(s);

	if (!err)
		err = cgw__bus_open(s->c, s->opts->user, cgw__deadline(timeout_ms), s->what, &s->b);
	if (!err)
		err = collect_properties(s);
	if (!err)
		err = ask_and_wait(s);
	if (!err)
		err = verify(s);
	if (!err)
		err = cgw__group_set_up(s->g, &settings, &s->enabled);
	if (err && s->asked != NOT_ASKED)
		roll_back(s);
	else
		cgw__enable_keep(&s->enabled);
	return err;
}

static int start_unit(struct cgw *c, const char *name, const struct cgw_unit_opts *opts, int *hold,
		      struct cgw_group **ret_g)
{
	static const struct cgw_unit_opts none = { .sz = sizeof(none) };
	_cleanup_(free_start) struct start s = { .c = c, .name = name, .opts = &none };
	int err;

	s.hold = hold;
	if (opts)
		s.opts = opts;
	snprintf(s.what, sizeof(s.what), "cannot start '%.255s'", name);
	err = check(&s);
	if (!err)
		err = start(&s);
	if (!err)
		*ret_g = TAKE_PTR(s.g);
	return err;
}

int cgw_unit_start(struct cgw *c, const char *name, const struct cgw_unit_opts *opts,
		   struct cgw_group **ret_g)
{
	return start_unit(c, name, opts, NULL, ret_g);
}

pid_t cgw_unit_spawn(struct cgw *c, const char *name, const struct cgw_unit_opts *opts,
		     const struct cgw_spawn *s, struct cgw_group **ret_g)
{
	struct cgw_unit_opts with = { .sz = sizeof(with) };
	_cleanup_(cgw__group_closep) struct cgw_group *g = NULL;
	int hold, err;
	pid_t pid;

	if (opts && (opts->sz != sizeof(*opts) || opts->n_pids))
		return cgw__bad(c, -EINVAL, "cannot start a command: opts of another size, or with pids");
	if (opts)
		with = *opts;
	pid = cgw__spawn_hold(c, s, &hold);
	if (pid < 0)
		return pid;
	with.pids = &pid;
	with.n_pids = 1;
	err = start_unit(c, name, &with, &hold, &g);
	if (err && hold >= 0) {
		close(hold);
		kill(pid, SIGKILL); /* it may be frozen or stopped, and not see that */
		waitpid(pid, NULL, 0);
	}
	if (err)
		return err;
	err = cgw__spawn_release(c, s, pid, hold);
	if (err)
		return err;
	*ret_g = TAKE_PTR(g);
	return pid;
}

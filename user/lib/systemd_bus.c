// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The connection to systemd by sd-bus: libsystemd is loaded when it is first needed. */
#include <dlfcn.h>
#include <inttypes.h>
#include <poll.h>

#include "systemd.h"

#define LIBRARY "libsystemd.so.0"
#define CONNECT_AGAIN_MS 20

static const char *const function_names[] = {
#define NAME(function) #function,
	SD_BUS_FUNCTIONS(NAME)
#undef NAME
};

/* The table is as wide as the list of names is long. */
_Static_assert(sizeof(struct cgw__sd) == ARRAY_SIZE(function_names) * sizeof(void *),
	       "pointers to functions only");

static int load_library(struct cgw__bus *b, const char *what)
{
	void *function;
	int err;

	/* It stays when it is closed: its memory is its own to end with the process. */
	b->lib = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
	for (size_t i = 0; b->lib && i < ARRAY_SIZE(function_names); i++) {
		function = dlsym(b->lib, function_names[i]);
		memcpy((char *)&b->sd + i * sizeof(function), &function, sizeof(function));
		if (function)
			continue;
		err = cgw__fail(b->c, -EOPNOTSUPP, "%s: %s has no %s", what, LIBRARY, function_names[i]);
		cgw__hint(b->c, "it is too old: systemd 241 or newer is needed");
		return err;
	}
	if (b->lib)
		return 0;
	err = cgw__fail(b->c, -EOPNOTSUPP, "%s: %s", what, dlerror());
	cgw__hint(b->c, "install libsystemd (Debian: libsystemd0)");
	return err;
}

/* Without a flush, which would wait for a peer that never answered. */
static void disconnect(struct cgw__bus *b)
{
	if (b->bus)
		b->bus = b->sd.sd_bus_close_unref(b->bus);
}

void cgw__bus_free(struct cgw__bus *b)
{
	if (!b)
		return;
	disconnect(b);
	if (b->lib)
		dlclose(b->lib);
	free(b);
}

/* What is left of the time; sd-bus takes 0 for its own default. */
uint64_t cgw__bus_left_us(const struct cgw__bus *b)
{
	int64_t left;

	if (b->deadline == CGW_FOREVER)
		return UINT64_MAX;
	left = (b->deadline - cgw__now_ns()) / 1000;
	return left > 0 ? (uint64_t)left : 1;
}

static bool is_over(const struct cgw__bus *b)
{
	return b->deadline != CGW_FOREVER && cgw__now_ns() >= b->deadline;
}

/* The handshake, which sd-bus itself would wait for without a limit of ours. */
static int wait_ready(struct cgw__bus *b)
{
	for (;;) {
		int err = b->sd.sd_bus_process(b->bus, NULL);

		if (err < 0)
			return err;
		if (b->sd.sd_bus_is_ready(b->bus) > 0)
			return 0;
		if (is_over(b))
			return -ETIMEDOUT;
		err = err ? 0 : b->sd.sd_bus_wait(b->bus, cgw__bus_left_us(b));
		if (err < 0 && err != -EINTR)
			return err;
	}
}

/* The manager's own socket, which systemctl uses too. */
static int open_direct(struct cgw__bus *b)
{
	const char *runtime = b->user ? getenv("XDG_RUNTIME_DIR") : "/run";
	_cleanup_free_ char *address = NULL;
	int err;

	if (!runtime)
		return -ENOENT;
	if (asprintf(&address, "unix:path=%s/systemd/private", runtime) < 0)
		return -ENOMEM;
	err = b->sd.sd_bus_new(&b->bus);
	if (err >= 0)
		err = b->sd.sd_bus_set_address(b->bus, address);
	return err < 0 ? err : b->sd.sd_bus_start(b->bus);
}

static int try_connect(struct cgw__bus *b, bool direct)
{
	int err;

	do {
		disconnect(b);
		if (direct)
			err = open_direct(b);
		else if (b->user)
			err = b->sd.sd_bus_open_user(&b->bus);
		else
			err = b->sd.sd_bus_open_system(&b->bus);
		if (err >= 0)
			err = wait_ready(b);
		/* The queue of those who connect is full: nothing tells when it no longer is. */
		if (err == -EAGAIN)
			poll(NULL, 0, CONNECT_AGAIN_MS);
	} while (err == -EAGAIN && !is_over(b));
	b->direct = direct;
	return err < 0 ? err : 0;
}

static int explain_connect(struct cgw__bus *b, const char *what, int err)
{
	struct cgw *c = b->c;

	if (err == -ETIMEDOUT)
		return cgw__fail(c, err, "%s: no answer from %s in time", what,
				 b->user ? "your user manager" : "the system bus");
	if (b->user && !getenv("XDG_RUNTIME_DIR")) {
		cgw__fail(c, err, "%s: cannot reach your user manager of systemd: XDG_RUNTIME_DIR is not set",
			  what);
		cgw__hint(c, "log in; or start it by loginctl enable-linger and set that to /run/user/%u",
			  getuid());
		return err;
	}
	if (b->user) {
		cgw__err(c, err, "%s: cannot reach your user manager of systemd", what);
		cgw__hint(c, "systemctl --user status tells whether it runs");
		return err;
	}
	if (access("/run/systemd/system", F_OK) < 0) {
		cgw__fail(c, -EOPNOTSUPP, "%s: systemd does not run here (there is no /run/systemd/system)",
			  what);
		cgw__hint(c, "cgward create and cgward run make groups without systemd");
		return -EOPNOTSUPP;
	}
	return cgw__err(c, err, "%s: cannot reach systemd", what);
}

static int connect_bus(struct cgw__bus *b, const char *what)
{
	int err = try_connect(b, false);

	if (err && err != -ETIMEDOUT && (b->user || !geteuid())) {
		int direct = try_connect(b, true);

		err = direct == -ENOENT ? err : direct;
	}
	if (err) {
		disconnect(b);
		return explain_connect(b, what, err);
	}
	return 0;
}

/* A connection that was not used for a while: what came meanwhile is old, or it is closed. */
static bool is_alive(struct cgw__bus *b)
{
	int n;

	if (!b->bus)
		return false;
	do {
		n = b->sd.sd_bus_process(b->bus, NULL);
	} while (n > 0 && !is_over(b));
	return n >= 0 && b->sd.sd_bus_is_ready(b->bus) > 0;
}

/* The context's connection; deadline: for all that is done with it until the next call. */
int cgw__bus_open(struct cgw *c, bool user, int64_t deadline, const char *what,
		  struct cgw__bus **ret_b)
{
	struct cgw__bus *b = c->bus[user];
	int err = 0;

	if (!b) {
		b = calloc(1, sizeof(*b));
		if (!b)
			return cgw__oom(c);
		b->c = c;
		b->user = user;
		err = load_library(b, what);
		if (err) {
			cgw__bus_free(b);
			return err;
		}
		c->bus[user] = b;
	}
	b->deadline = deadline;
	if (!is_alive(b))
		err = connect_bus(b, what);
	if (!err)
		*ret_b = b;
	return err;
}

int cgw__bus_send(struct cgw__bus *b, sd_bus_message *m, sd_bus_error *error,
		  sd_bus_message **ret_reply)
{
	int err = b->sd.sd_bus_call(b->bus, m, cgw__bus_left_us(b), error, ret_reply);

	return err < 0 ? err : 0;
}

/* Call a method of the manager. */
int cgw__bus_manager(struct cgw__bus *b, const char *member, sd_bus_error *error,
		     sd_bus_message **ret_reply, const char *types, ...)
{
	sd_bus_message *m = NULL, *reply = NULL;
	va_list ap;
	int err;

	err = b->sd.sd_bus_message_new_method_call(b->bus, &m, MANAGER_NAME, MANAGER_PATH,
						   MANAGER_INTERFACE, member);
	va_start(ap, types);
	if (err >= 0)
		err = b->sd.sd_bus_message_appendv(m, types, ap);
	va_end(ap);
	if (err >= 0)
		err = cgw__bus_send(b, m, error, &reply);
	b->sd.sd_bus_message_unref(m);
	if (!err && ret_reply)
		*ret_reply = reply;
	else if (reply)
		b->sd.sd_bus_message_unref(reply);
	return err < 0 ? err : 0;
}

/* One value as text: "infinity" for no limit, CPUs as hexadecimal bytes are not for people. */
static int read_value(struct cgw__bus *b, sd_bus_message *m, char **ret_value)
{
	const char *contents, *text;
	uint64_t number;
	char type;
	int yes, err = b->sd.sd_bus_message_peek_type(m, &type, &contents);

	if (err >= 0 && type != 'v')
		err = -ENOMSG;
	if (err >= 0)
		err = b->sd.sd_bus_message_enter_container(m, 'v', contents);
	if (err < 0)
		return err;
	*ret_value = NULL;
	if (!strcmp(contents, "s")) {
		err = b->sd.sd_bus_message_read(m, "s", &text);
		if (err >= 0)
			*ret_value = strdup(text);
	} else if (!strcmp(contents, "t")) {
		err = b->sd.sd_bus_message_read(m, "t", &number);
		if (err >= 0 && number == UINT64_MAX)
			*ret_value = strdup("infinity");
		else if (err >= 0 && asprintf(ret_value, "%" PRIu64, number) < 0)
			*ret_value = NULL;
	} else if (!strcmp(contents, "b")) {
		err = b->sd.sd_bus_message_read(m, "b", &yes);
		if (err >= 0)
			*ret_value = strdup(yes ? "yes" : "no");
	} else if (!strcmp(contents, "(uo)")) {
		uint32_t id;

		err = b->sd.sd_bus_message_read(m, "(uo)", &id, &text);
		if (err >= 0 && asprintf(ret_value, "%" PRIu32, id) < 0)
			*ret_value = NULL;
	} else if (!strcmp(contents, "ay")) {
		const void *bytes;
		size_t n;

		err = b->sd.sd_bus_message_read_array(m, 'y', &bytes, &n);
		if (err >= 0)
			*ret_value = cgw__format_cpu_list(bytes, n);
	} else {
		return -ENOMSG;
	}
	if (err < 0)
		return err;
	return *ret_value ? 0 : -ENOMEM;
}

/* Get a property of an object as text. */
int cgw__bus_property(struct cgw__bus *b, const char *path, const char *interface,
		      const char *property, sd_bus_error *error, char **ret_value)
{
	sd_bus_message *m = NULL, *reply = NULL;
	int err;

	err = b->sd.sd_bus_message_new_method_call(b->bus, &m, MANAGER_NAME, path,
						   "org.freedesktop.DBus.Properties", "Get");
	if (err >= 0)
		err = b->sd.sd_bus_message_append(m, "ss", interface, property);
	if (err >= 0)
		err = cgw__bus_send(b, m, error, &reply);
	if (err >= 0)
		err = read_value(b, reply, ret_value);
	b->sd.sd_bus_message_unref(m);
	b->sd.sd_bus_message_unref(reply);
	return err;
}

#define DBUS_ERROR "org.freedesktop.DBus.Error."
#define SYSTEMD_ERROR "org.freedesktop.systemd1."
#define NOT_THERE "is systemd running, and reachable from here?"

/* Names of D-Bus errors, and what to do about them. */
static const struct {
	const char *name;
	int err;
	const char *hint;
} errors[] = {
	{ DBUS_ERROR "AccessDenied", -EACCES, "be root; --user is for units of your own" },
	{ DBUS_ERROR "Disconnected", -ENOTCONN, NOT_THERE },
	{ DBUS_ERROR "InteractiveAuthorizationRequired", -EACCES,
	  "be root; --user is for units of your own" },
	{ DBUS_ERROR "InvalidArgs", -EINVAL, NULL },
	{ DBUS_ERROR "NameHasNoOwner", -ENOTCONN, NOT_THERE },
	{ DBUS_ERROR "NoReply", -ETIMEDOUT, NULL },
	{ DBUS_ERROR "PropertyReadOnly", -EOPNOTSUPP, "this systemd is too old for that property" },
	{ DBUS_ERROR "ServiceUnknown", -ENOTCONN, NOT_THERE },
	{ DBUS_ERROR "Spawn.ChildExited", -ENOTCONN, NOT_THERE },
	{ DBUS_ERROR "Timeout", -ETIMEDOUT, NULL },
	{ DBUS_ERROR "UnixProcessIdUnknown", -ESRCH, NULL },
	{ DBUS_ERROR "UnknownMethod", -EOPNOTSUPP, "this systemd is too old" },
	{ SYSTEMD_ERROR "NoSuchProcess", -ESRCH, NULL },
	{ SYSTEMD_ERROR "NoSuchUnit", -ENOENT, "systemctl list-units shows those that are there" },
	{ SYSTEMD_ERROR "UnitExists", -EEXIST, NULL },
	{ SYSTEMD_ERROR "UnitMasked", -EPERM, "systemctl unmask lifts that" },
};

/* Tell what the manager answered, or why there is no answer. */
int cgw__bus_explain(struct cgw__bus *b, int err, const char *what, const sd_bus_error *error)
{
	struct cgw *c = b->c;

	if (err == -ENOMEM)
		return cgw__oom(c);
	if (is_over(b) && (err == -ETIMEDOUT || err == -EINTR))
		return cgw__fail(c, -ETIMEDOUT, "%s: no answer from systemd in time", what);
	if (!error->name)
		return cgw__err(c, err, "%s: no answer from systemd", what);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		if (strcmp(error->name, errors[i].name) != 0)
			continue;
		cgw__fail(c, errors[i].err, "%s: %s", what,
			  error->message ? error->message : error->name);
		if (errors[i].hint)
			cgw__hint(c, "%s", errors[i].hint);
		return errors[i].err;
	}
	err = -b->sd.sd_bus_error_get_errno(error);
	return cgw__fail(c, err, "%s: %s (%s)", what, error->message ? error->message : "refused",
			 error->name);
}

static int job_removed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct cgw__job *job = arg;
	const char *path, *unit, *result;
	uint32_t id;

	(void)error;
	if (job->b->sd.sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0 ||
	    (job->path && strcmp(path, job->path) != 0))
		return 0;
	snprintf(job->ended[job->n % ARRAY_SIZE(job->ended)].path, sizeof(job->ended[0].path), "%s",
		 path);
	snprintf(job->ended[job->n % ARRAY_SIZE(job->ended)].result, sizeof(job->ended[0].result),
		 "%s", result);
	job->n++;
	return 0;
}

/* Be told when jobs of the unit end. Signals of a manager come to those who subscribed. */
int cgw__job_watch(struct cgw__bus *b, const char *unit, struct cgw__job *job)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int err;

	*job = (struct cgw__job){ .b = b, .unit = unit };
	/* The request to the bus daemon has no time limit of its own. */
	b->sd.sd_bus_set_method_call_timeout(b->bus, cgw__bus_left_us(b));
	err = b->sd.sd_bus_match_signal(b->bus, &job->slot,
					b->sd.sd_bus_is_bus_client(b->bus) ? MANAGER_NAME : NULL,
					MANAGER_PATH, MANAGER_INTERFACE, "JobRemoved", job_removed, job);
	if (err >= 0)
		err = cgw__bus_manager(b, "Subscribe", &error, NULL, "");
	/* Done before by this connection. */
	if (err < 0 && error.name && !strcmp(error.name, SYSTEMD_ERROR "AlreadySubscribed"))
		err = 0;
	if (err < 0) {
		char what[320];

		snprintf(what, sizeof(what), "cannot watch the jobs of '%s'", unit);
		err = cgw__bus_explain(b, err, what, &error);
		cgw__job_free(job);
	}
	b->sd.sd_bus_error_free(&error);
	return err < 0 ? err : 0;
}

void cgw__job_free(struct cgw__job *job)
{
	if (job->slot)
		job->slot = job->b->sd.sd_bus_slot_unref(job->slot);
}

static const char *find_result(const struct cgw__job *job, const char *path)
{
	for (size_t i = 0; i < job->n && i < ARRAY_SIZE(job->ended); i++)
		if (!strcmp(job->ended[i].path, path))
			return job->ended[i].result;
	return NULL;
}

/* Results of jobs that failed. */
static int result_errno(const char *result)
{
	static const struct {
		const char *result;
		int err;
	} results[] = { { "canceled", -ECANCELED },
			{ "timeout", -ETIMEDOUT },
			{ "unsupported", -EOPNOTSUPP } };

	for (size_t i = 0; i < ARRAY_SIZE(results); i++)
		if (!strcmp(result, results[i].result))
			return results[i].err;
	return -EIO;
}

/* Wait until that job has ended. Return: 0 when it was done, else -errno, told. */
int cgw__job_wait(struct cgw__job *job, const char *path, const char *what)
{
	struct cgw__bus *b = job->b;
	const char *result;
	int err = 0;

	job->path = path;
	while (!(result = find_result(job, path))) {
		err = b->sd.sd_bus_process(b->bus, NULL);
		if (err >= 0 && is_over(b))
			return cgw__fail(b->c, -ETIMEDOUT, "%s: systemd's job has not ended in time", what);
		if (!err)
			err = b->sd.sd_bus_wait(b->bus, cgw__bus_left_us(b));
		if (err < 0 && err != -EINTR)
			return cgw__err(b->c, err, "%s: the connection to systemd broke", what);
	}
	if (!strcmp(result, "done"))
		return 0;
	err = cgw__fail(b->c, result_errno(result), "%s: systemd's job ended with the result '%s'", what,
			result);
	cgw__hint(b->c, "%s status %s, journalctl -u %s", b->user ? "systemctl --user" : "systemctl",
		  job->unit, job->unit);
	return err;
}

#define PROBE_MS 3000

int cgw__probe_systemd(struct cgw *c, cgw_probe_fn fn, void *arg)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	struct cgw_probe p = { .feature = "systemd" };
	_cleanup_free_ char *version = NULL;
	struct cgw__bus *b = NULL;
	char how[128];
	int err;

	err = cgw__bus_open(c, false, cgw__deadline(PROBE_MS), "cannot ask systemd", &b);
	if (!err) {
		err = cgw__bus_property(b, MANAGER_PATH, MANAGER_INTERFACE, "Version", &error, &version);
		if (err)
			err = cgw__bus_explain(b, err, "cannot ask systemd for its version", &error);
		b->sd.sd_bus_error_free(&error);
	}
	p.works = !err;
	if (err) {
		p.why = cgw_strerror(c);
		p.hint = cgw_hint(c);
	} else {
		snprintf(how, sizeof(how), "version %.60s, by %s", version,
			 b->direct ? "its own socket" : "the system bus");
		p.how = how;
	}
	return fn(&p, arg);
}

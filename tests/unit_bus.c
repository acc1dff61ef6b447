// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* A manager of systemd that answers as it is told: what no real one can be made to do. */
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>

#include "cgtest.h"

#define SYSTEMD "org.freedesktop.systemd1"
#define JOB "/org/freedesktop/systemd1/job/7"
#define UNIT_PATH "/org/freedesktop/systemd1/unit/web_2escope"
#define UNIT "web.scope"
#define GROUP "/system.slice/web.scope"

/* How the manager behaves. */
struct script {
	const char *error;    /* name of the error that StartTransientUnit gives */
	const char *message;
	int errors;	      /* how often; then it does what it is told */
	const char *result;   /* of its job; NULL: it does not end */
	const char *state;    /* ActiveState */
	bool early;	      /* the job ends before the answer comes */
	bool lazy;	      /* nobody is moved */
	bool silent;	      /* takes connections, and says nothing */
	bool breaks;	      /* ends when it is asked to start */
	bool missing;	      /* has no such unit */
	bool idle;	      /* the unit has no group */
	bool deaf;	      /* jobs to stop do not end */
	bool mute;	      /* does not answer when it is asked to start */
	bool crowded;	      /* processes stay in the group, whatever is done */
	bool elsewhere;	      /* the group is not to be seen from here */
};

struct manager {
	struct script script;
	char *dir;
	pid_t pid;
	sd_bus *bus;
};

static void note(const struct manager *m, const char *before, const char *what)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/calls", m->dir);
	f = fopen(path, "ae");
	if (!f)
		_exit(1);
	fprintf(f, "%s%s", before, what);
	fclose(f);
}

static void end_job(const struct manager *m)
{
	/* other jobs, of the unit and of another one, which nobody waits for */
	sd_bus_emit_signal(m->bus, "/org/freedesktop/systemd1", SYSTEMD ".Manager", "JobRemoved", "uoss",
			   6, "/org/freedesktop/systemd1/job/6", UNIT, "failed");
	sd_bus_emit_signal(m->bus, "/org/freedesktop/systemd1", SYSTEMD ".Manager", "JobRemoved", "uoss",
			   8, "/org/freedesktop/systemd1/job/8", "other.scope", "failed");
	if (m->script.result)
		sd_bus_emit_signal(m->bus, "/org/freedesktop/systemd1", SYSTEMD ".Manager", "JobRemoved",
				   "uoss", 7, JOB, UNIT, m->script.result);
}

/* The names of the properties go to the log; the process is put into the group. */
static int start(struct manager *m, sd_bus_message *call)
{
	const char *name, *mode, *property;

	sd_bus_message_read(call, "ss", &name, &mode);
	note(m, "start ", name);
	note(m, " ", mode);
	sd_bus_message_enter_container(call, 'a', "(sv)");
	while (sd_bus_message_enter_container(call, 'r', "sv") > 0) {
		sd_bus_message_read(call, "s", &property);
		note(m, " ", property);
		sd_bus_message_skip(call, "v");
		sd_bus_message_exit_container(call);
	}
	note(m, "\n", "");
	if (m->script.breaks)
		_exit(0);
	if (m->script.error && m->script.errors) {
		m->script.errors--;
		return sd_bus_reply_method_errorf(call, m->script.error, "%s", m->script.message);
	}
	if (!m->script.lazy)
		cgtest_spit("0::" GROUP "\n", "%s/proc/%d/cgroup", m->dir, getppid());
	if (m->script.mute)
		return 1;
	if (m->script.early)
		end_job(m);
	sd_bus_reply_method_return(call, "o", JOB);
	if (!m->script.early)
		end_job(m);
	return 1;
}

static int get_property(struct manager *m, sd_bus_message *call)
{
	const char *interface, *property;

	sd_bus_message_read(call, "ss", &interface, &property);
	if (!strcmp(property, "ControlGroup"))
		return sd_bus_reply_method_return(call, "v", "s", m->script.idle ? "" : GROUP);
	if (!strcmp(property, "Job"))
		return sd_bus_reply_method_return(call, "v", "(uo)", m->script.result ? 0 : 7,
						  m->script.result ? "/" : JOB);
	if (!strcmp(property, "MemoryMax"))
		return sd_bus_reply_method_return(call, "v", "t", UINT64_MAX);
	if (!strcmp(property, "TasksMax"))
		return sd_bus_reply_method_return(call, "v", "t", (uint64_t)7);
	if (!strcmp(property, "Delegate"))
		return sd_bus_reply_method_return(call, "v", "b", 1);
	if (!strcmp(property, "AllowedCPUs"))
		return sd_bus_reply_method_return(call, "v", "ay", 2, 0x0f, 0x80);
	if (!strcmp(property, "OOMPolicy") || !strcmp(property, "MemoryZSwapMax"))
		return sd_bus_reply_method_errorf(call, "org.freedesktop.DBus.Error.UnknownProperty",
						  "Unknown property");
	return sd_bus_reply_method_return(call, "v", "s", m->script.state ? m->script.state : "active");
}

static int answer(sd_bus_message *call, void *arg, sd_bus_error *error)
{
	struct manager *m = arg;
	const char *member = sd_bus_message_get_member(call);

	(void)error;
	if (!member || sd_bus_message_is_signal(call, NULL, NULL))
		return 0;
	if (!strcmp(member, "StartTransientUnit"))
		return start(m, call);
	if (!strcmp(member, "Get"))
		return get_property(m, call);
	note(m, member, "\n");
	if (m->script.missing)
		return sd_bus_reply_method_errorf(call, SYSTEMD ".NoSuchUnit", "Unit " UNIT " not loaded.");
	if (!strcmp(member, "GetUnit"))
		return sd_bus_reply_method_return(call, "o", UNIT_PATH);
	if (!strcmp(member, "StopUnit")) {
		sd_bus_reply_method_return(call, "o", JOB);
		m->script.result = "done";
		if (!m->script.deaf)
			end_job(m);
		return 1;
	}
	return sd_bus_reply_method_return(call, "");
}

static void __attribute__((noreturn)) serve(struct manager *m, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	sd_id128_t id = SD_ID128_NULL;

	if (m->script.silent || fd < 0)
		for (;;)
			pause();
	sd_id128_randomize(&id);
	if (sd_bus_new(&m->bus) < 0 || sd_bus_set_fd(m->bus, fd, fd) < 0 ||
	    sd_bus_set_server(m->bus, 1, id) < 0 || sd_bus_negotiate_fds(m->bus, 1) < 0 ||
	    sd_bus_start(m->bus) < 0 || sd_bus_add_filter(m->bus, NULL, answer, m) < 0)
		_exit(1);
	for (;;) {
		int n = sd_bus_process(m->bus, NULL);

		if (n < 0)
			_exit(0);
		if (!n)
			sd_bus_wait(m->bus, UINT64_MAX);
	}
}

static void end_manager(struct manager *m)
{
	if (m->pid > 0) {
		kill(m->pid, SIGKILL);
		waitpid(m->pid, NULL, 0);
	}
	cgtest_rmtree(&m->dir);
}

#define _cleanup_manager_ _cleanup_(end_manager)

/* Where libcgward looks for the manager of a user; it runs until the test ends. */
static void begin_manager(struct manager *m, const struct script *script)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	m->script = *script;
	m->dir = cgtest_copy("unified");
	cgtest_spit("0::/web\n", "%s/proc/%d/cgroup", m->dir, getpid());
	if (!script->elsewhere) {
		cgtest_spit(script->crowded ? "populated 1\nfrozen 0\n" : "populated 0\nfrozen 0\n",
			    "%s/cgroup" GROUP "/cgroup.events", m->dir);
		cgtest_spit("domain\n", "%s/cgroup" GROUP "/cgroup.type", m->dir);
		cgtest_spit("", "%s/cgroup" GROUP "/cgroup.procs", m->dir);
		cgtest_spit("pids\n", "%s/cgroup" GROUP "/cgroup.controllers", m->dir);
		cgtest_spit("max\n", "%s/cgroup" GROUP "/pids.max", m->dir);
	}
	cgtest_spit("", "%s/systemd/nothing", m->dir);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/systemd/private", m->dir);
	setenv("XDG_RUNTIME_DIR", m->dir, 1);
	unsetenv("DBUS_SESSION_BUS_ADDRESS");
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 5) < 0)
		cgtest_bail("cannot listen at %s: %s", address.sun_path, strerror(errno));
	m->pid = cgtest_fork();
	if (!m->pid)
		serve(m, listener);
	close(listener);
}

/* Start UNIT with this process, by the manager of the script. */
static int try_start(struct manager *m, struct cgw *c, const char *setting, int timeout_ms)
{
	_cleanup_resources_ struct cgw_resources *r = NULL;
	_cleanup_group_ struct cgw_group *g = NULL;
	struct cgw_unit_opts opts = { .sz = sizeof(opts), .pids = &(pid_t){ 0 }, .n_pids = 1,
				      .timeout_ms = timeout_ms, .user = true };
	int err = cgw_resources_new(c, &r);

	(void)m;
	if (!err && setting)
		err = cgw_resources_add(r, setting);
	opts.resources = r;
	if (!err)
		err = cgw_unit_start(c, UNIT, &opts, &g);
	if (!err && strcmp(cgw_group_path(g), GROUP) != 0)
		err = 1;
	return err;
}

/* Not under valgrind: then numbers are sent from the start. */
static bool have_pidfds(void)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	return fd >= 0;
}

static int a_unit_is_started(void)
{
	const char *pids = have_pidfds() ? " TasksMax PIDFDs\n" : " TasksMax PIDs\n";

	for (int early = 0; early < 2; early++) {
		const struct script script = { .result = "done", .early = early };
		_cleanup_manager_ struct manager m = { 0 };
		_cleanup_free_ char *calls = NULL, *limit = NULL;
		_cleanup_ctx_ struct cgw *c = NULL;

		begin_manager(&m, &script);
		c = cgtest_recorded(m.dir);
		if (try_start(&m, c, "pids.max=5", 0))
			FAIL("early %d: %s", early, cgw_strerror(c));
		calls = cgtest_slurp("%s/calls", m.dir);
		CHECK_HAS(calls, "start web.scope fail Delegate CollectMode CPUAccounting IOAccounting "
				 "MemoryAccounting TasksAccounting TasksMax PID");
		CHECK_HAS(calls, pids);
		CHECK(!strstr(calls, "StopUnit"));
		limit = cgtest_slurp("%s/cgroup" GROUP "/pids.max", m.dir);
		CHECK_STR(limit, "5");
	}
	return TAP_PASS;
}

/* The process is written to the group it came from, and only then the unit is stopped. */
static int failures_are_told_and_taken_back(void)
{
	static const struct {
		struct script script;
		const char *setting;
		int err;
		const char *why;
	} cases[] = {
		{ { .result = "failed" }, NULL, -EIO, "ended with the result 'failed'" },
		{ { .result = "canceled" }, NULL, -ECANCELED, "result 'canceled'" },
		{ { .result = "timeout" }, NULL, -ETIMEDOUT, "result 'timeout'" },
		{ { .result = "unsupported" }, NULL, -EOPNOTSUPP, "result 'unsupported'" },
		{ { .result = NULL }, NULL, -ETIMEDOUT, "job has not ended in time" },
		{ { .result = "done", .lazy = true }, NULL, -EIO, "systemd left process" },
		{ { .result = "done" }, "pids.nonsense=1", -ENOENT, "pids.nonsense" },
		{ { .mute = true }, NULL, -ETIMEDOUT, "no answer from systemd in time" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_manager_ struct manager m = { 0 };
		_cleanup_free_ char *calls = NULL, *procs = NULL;
		_cleanup_ctx_ struct cgw *c = NULL;
		char pid[16];

		begin_manager(&m, &cases[i].script);
		c = cgtest_recorded(m.dir);
		snprintf(pid, sizeof(pid), "%d", getpid());
		CHECK_INT(try_start(&m, c, cases[i].setting, cases[i].script.result ? 0 : 300),
			  cases[i].err);
		CHECK_HAS(cgw_strerror(c), cases[i].why);
		CHECK(!cgw_error_is_input(c));
		calls = cgtest_slurp("%s/calls", m.dir);
		CHECK_HAS(calls, "StopUnit\n");
		CHECK_HAS(calls, "ResetFailedUnit");
		/* it might still start the unit, were the job left */
		if (!cases[i].script.result && !cases[i].script.mute) {
			CHECK_HAS(calls, "CancelJob\n");
			CHECK_HAS(strstr(calls, "CancelJob\n"), "StopUnit\n");
		}
		procs = cgtest_slurp("%s/cgroup/web/cgroup.procs", m.dir);
		CHECK_STR(procs, cases[i].script.lazy ? "" : pid);
	}
	return TAP_PASS;
}

static void hear(enum cgw_log_level level, const char *line, void *arg)
{
	if (level == CGW_LOG_WARNING)
		snprintf(arg, 400, "%s", line);
}

/* To stop a unit kills what is in it. */
static int what_may_have_processes_is_not_stopped(void)
{
	static const struct {
		struct script script;
		const char *warning;
	} cases[] = {
		{ { .result = "failed", .crowded = true }, "processes in it that cannot go back" },
		{ { .result = "failed", .elsewhere = true }, "no such group" },
		{ { .result = "done", .elsewhere = true }, "no such group" },
		{ { .mute = true, .lazy = true }, "whether systemd has started it is not known" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_manager_ struct manager m = { 0 };
		_cleanup_free_ char *calls = NULL;
		_cleanup_ctx_ struct cgw *c = NULL;
		char warning[400] = "";

		begin_manager(&m, &cases[i].script);
		c = cgtest_recorded(m.dir);
		cgw_set_log(c, hear, warning);
		CHECK(try_start(&m, c, NULL, cases[i].script.mute ? 300 : 0) < 0);
		CHECK_HAS(warning, "'web.scope' is left as it is");
		CHECK_HAS(warning, cases[i].warning);
		calls = cgtest_slurp("%s/calls", m.dir);
		CHECK(!strstr(calls, "StopUnit"));
	}
	return TAP_PASS;
}

/* What is refused was not begun: nothing is stopped. */
static int refusals_are_told_by_their_names(void)
{
	static const struct {
		const char *error;
		int err;
		const char *hint;
	} cases[] = {
		{ "org.freedesktop.DBus.Error.AccessDenied", -EACCES, "be root" },
		{ "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", -EACCES, "be root" },
		{ "org.freedesktop.DBus.Error.InvalidArgs", -EINVAL, NULL },
		{ "org.freedesktop.DBus.Error.ServiceUnknown", -ENOTCONN, "is systemd running" },
		{ "org.freedesktop.DBus.Error.UnixProcessIdUnknown", -ESRCH, NULL },
		{ "org.freedesktop.systemd1.NoSuchProcess", -ESRCH, NULL },
		{ "org.freedesktop.systemd1.UnitMasked", -EPERM, "unmask" },
		{ "org.freedesktop.systemd1.UnitExists", -EEXIST, "cgward scope stop web.scope" },
		{ "org.freedesktop.DBus.Error.PropertyReadOnly", -EOPNOTSUPP, "too old" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct script script = { .error = cases[i].error, .message = "Not today",
					       .errors = 99 };
		_cleanup_manager_ struct manager m = { 0 };
		_cleanup_free_ char *calls = NULL;
		_cleanup_ctx_ struct cgw *c = NULL;

		begin_manager(&m, &script);
		c = cgtest_recorded(m.dir);
		CHECK_INT(try_start(&m, c, NULL, 0), cases[i].err);
		CHECK_STR(cgw_strerror(c), "cannot start 'web.scope': Not today");
		if (cases[i].hint)
			CHECK_HAS(cgw_hint(c), cases[i].hint);
		calls = cgtest_slurp("%s/calls", m.dir);
		CHECK(!strstr(calls, "StopUnit"));
	}
	return TAP_PASS;
}

/* How often it was asked to start, and how the last time. */
static int asked(const char *calls, const char **ret_last)
{
	int n = 0;

	for (; (calls = strstr(calls, "start web")); calls++, n++)
		*ret_last = calls;
	return n;
}

static int what_a_manager_does_not_know_is_left_out(void)
{
	static const struct {
		const char *error;
		const char *message;
		const char *setting;
		const char *sent;
	} cases[] = {
		{ "PropertyReadOnly", "Cannot set property PIDFDs, or unknown property.",
		  "pids.max=5", "TasksMax PIDs\n" },
		{ "PropertyReadOnly", "Cannot set property TasksMax, or unknown property.",
		  "pids.max=5", "TasksAccounting PID" },
		/* one before systemd 252 */
		{ "InvalidArgs", "Value specified in CPUWeight is out of range", "cpu.idle=1",
		  "TasksAccounting PID" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct script script = { .message = cases[i].message, .errors = 1, .result = "done" };
		_cleanup_manager_ struct manager m = { 0 };
		_cleanup_free_ char *calls = NULL;
		_cleanup_ctx_ struct cgw *c = NULL;
		const char *last = "";
		char error[64];

		snprintf(error, sizeof(error), "org.freedesktop.DBus.Error.%s", cases[i].error);
		script.error = error;
		if (!i && !have_pidfds())
			continue;
		begin_manager(&m, &script);
		cgtest_spit("0\n", "%s/cgroup" GROUP "/cpu.idle", m.dir);
		cgtest_spit("cpu pids\n", "%s/cgroup" GROUP "/cgroup.controllers", m.dir);
		c = cgtest_recorded(m.dir);
		if (try_start(&m, c, cases[i].setting, 0))
			FAIL("%s: %s", cases[i].setting, cgw_strerror(c));
		calls = cgtest_slurp("%s/calls", m.dir);
		CHECK_INT(asked(calls, &last), 2);
		CHECK_HAS(last, cases[i].sent);
	}
	return TAP_PASS;
}

static int the_name_of_a_failed_unit_is_taken_over_once(void)
{
	static const struct {
		const char *state;
		int errors;
		int err;
		int asked;
	} cases[] = { { "failed", 1, 0, 2 },   { "failed", 9, -EEXIST, 2 }, { "inactive", 1, 0, 2 },
		      { "active", 9, -EEXIST, 1 }, { "deactivating", 9, -EEXIST, 1 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct script script = { .error = SYSTEMD ".UnitExists", .message = "There is one",
					       .errors = cases[i].errors, .state = cases[i].state,
					       .result = "done" };
		_cleanup_manager_ struct manager m = { 0 };
		_cleanup_free_ char *calls = NULL;
		_cleanup_ctx_ struct cgw *c = NULL;
		const char *last;

		begin_manager(&m, &script);
		c = cgtest_recorded(m.dir);
		CHECK_INT(try_start(&m, c, NULL, 0), cases[i].err);
		calls = cgtest_slurp("%s/calls", m.dir);
		CHECK_INT(asked(calls, &last), cases[i].asked);
		CHECK_INT(strstr(calls, "ResetFailedUnit") != NULL, cases[i].asked == 2);
		CHECK(!strstr(calls, "StopUnit"));
	}
	return TAP_PASS;
}

static int a_manager_that_is_silent_or_breaks_is_not_waited_for(void)
{
	const struct script silent = { .silent = true }, breaks = { .breaks = true };
	_cleanup_manager_ struct manager m = { 0 }, m2 = { 0 };
	_cleanup_ctx_ struct cgw *c = NULL, *c2 = NULL;

	begin_manager(&m, &silent);
	c = cgtest_recorded(m.dir);
	CHECK_INT(try_start(&m, c, NULL, 300), -ETIMEDOUT);
	CHECK_STR(cgw_strerror(c), "cannot start 'web.scope': no answer from your user manager in time");
	begin_manager(&m2, &breaks);
	c2 = cgtest_recorded(m2.dir);
	CHECK_INT(try_start(&m2, c2, NULL, 0), -ENOTCONN);
	CHECK_HAS(cgw_strerror(c2), "cannot start 'web.scope': Connection reset by peer");
	/* The next call finds that nobody is there. */
	CHECK(try_start(&m2, c2, NULL, 300) < 0);
	return TAP_PASS;
}

static int keep(const char *property, const char *value, void *arg)
{
	char *text = arg;

	if (strstr("TasksMax MemoryMax Delegate AllowedCPUs OOMPolicy ControlGroup", property))
		sprintf(text + strlen(text), "%s=%s ", property, value);
	return 0;
}

static int a_unit_is_looked_at_and_stopped(void)
{
	const struct script script = { 0 };
	_cleanup_manager_ struct manager m = { 0 };
	_cleanup_group_ struct cgw_group *g = NULL;
	_cleanup_free_ char *calls = NULL;
	_cleanup_ctx_ struct cgw *c = NULL;
	char text[512] = "";

	begin_manager(&m, &script);
	c = cgtest_recorded(m.dir);
	CHECK_INT(cgw_unit_open(c, UNIT, true, &g), 0);
	CHECK_STR(cgw_group_path(g), GROUP);
	CHECK_INT(cgw_unit_properties(c, UNIT, true, keep, text), 0);
	CHECK_STR(text, "ControlGroup=" GROUP " Delegate=yes AllowedCPUs=0-3,15 MemoryMax=infinity TasksMax=7 ");
	CHECK_INT(cgw_unit_stop(c, UNIT, true, 0), 0);
	calls = cgtest_slurp("%s/calls", m.dir);
	CHECK_HAS(calls, "Subscribe\nStopUnit\nResetFailedUnit");
	return TAP_PASS;
}

static int units_without_a_group_or_an_end_are_told(void)
{
	const struct script missing = { .missing = true }, idle = { .idle = true, .state = "failed" },
			    deaf = { .deaf = true };
	_cleanup_manager_ struct manager m = { 0 }, m2 = { 0 }, m3 = { 0 };
	_cleanup_ctx_ struct cgw *c = NULL, *c2 = NULL, *c3 = NULL;
	struct cgw_group *g = NULL;

	begin_manager(&m, &missing);
	c = cgtest_recorded(m.dir);
	CHECK_INT(cgw_unit_open(c, UNIT, true, &g), -ENOENT);
	CHECK_STR(cgw_strerror(c), "cannot open the group of 'web.scope': Unit web.scope not loaded.");
	CHECK_INT(cgw_unit_properties(c, UNIT, true, keep, NULL), -ENOENT);
	begin_manager(&m2, &idle);
	c2 = cgtest_recorded(m2.dir);
	CHECK_INT(cgw_unit_open(c2, UNIT, true, &g), -ENOENT);
	CHECK_STR(cgw_strerror(c2), "cannot open the group of 'web.scope': it has no group, being failed");
	begin_manager(&m3, &deaf);
	c3 = cgtest_recorded(m3.dir);
	CHECK_INT(cgw_unit_stop(c3, UNIT, true, 200), -ETIMEDOUT);
	CHECK_HAS(cgw_strerror(c3), "cannot stop 'web.scope': it has not ended in time");
	CHECK_INT(cgw_unit_stop(c3, "cron.service", true, 200), -EINVAL);
	CHECK_INT(cgw_unit_open(c3, "cron", true, &g), -EINVAL);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(a_unit_is_started),
	T(failures_are_told_and_taken_back),
	T(what_may_have_processes_is_not_stopped),
	T(refusals_are_told_by_their_names),
	T(what_a_manager_does_not_know_is_left_out),
	T(the_name_of_a_failed_unit_is_taken_over_once),
	T(a_unit_is_looked_at_and_stopped),
	T(units_without_a_group_or_an_end_are_told),
	T(a_manager_that_is_silent_or_breaks_is_not_waited_for),
};

CGTEST_MAIN(tests)

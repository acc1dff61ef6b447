// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Writers of policies take turns, whoever is killed or stopped, and when the pins are removed. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "cgtest.h"
#include "device.h"

#define PINS "/sys/fs/bpf/cgward"
#define PIN PINS "/lock"

/* As long as something is watched for that must not happen. */
#define WHILE_MS 150

/* A process with a context of its own, which does what it is told, a letter at a time. */
struct writer {
	pid_t pid;
	int fd;
};

/*
 * l: lock, u: unlock, d: does it have the directory alone? g: as one that begins to remove the
 * lock, x: unload. m: make no map from here on, o: open no pin.
 */
static void serve(int fd)
{
	struct cgw *c = cgtest_context();
	char command;

	while (read(fd, &command, 1) == 1) {
		if (command == 'l' && cgw__device_lock(c, true))
			command = 'e';
		if (command == 'u')
			cgw__device_unlock(c);
		if (command == 'g')
			c->loader->lock->state = CGW_LOCK_GONE;
		if ((command == 'x' && cgw_unload(c, 0) < 0) ||
		    (command == 'd' && (c->loader->lock || c->loader->lock_fd < 0)) ||
		    (command == 'm' && cgtest_forbid(SYS_bpf, BPF_MAP_CREATE, ENOMEM)) ||
		    (command == 'o' && cgtest_forbid(SYS_bpf, BPF_OBJ_GET, EPERM)))
			command = 'e';
		if (write(fd, &command, 1) != 1)
			break;
	}
	_exit(0);
}

static struct writer writer_start(bool bare)
{
	struct writer w;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		cgtest_bail("socketpair");
	w.pid = bare ? (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) : cgtest_fork();
	if (!w.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[0]);
		serve(fds[1]);
	}
	close(fds[1]);
	w.fd = fds[0];
	return w;
}

static void writer_end(struct writer *w)
{
	if (!w->pid)
		return;
	close(w->fd);
	cgtest_end(w->pid);
	w->pid = 0;
}

#define _cleanup_writer_ _cleanup_(writer_end)

static void tell(const struct writer *w, char command)
{
	if (write(w->fd, &command, 1) != 1)
		cgtest_bail("a writer is gone");
}

/* What it answers within the time; 0 for nothing. */
static char answer(const struct writer *w, int timeout_ms)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	char c = 0;

	return poll(&p, 1, timeout_ms) == 1 && read(w->fd, &c, 1) == 1 ? c : 0;
}

/* Each letter, and the answer is the letter. */
static bool does(const struct writer *w, const char *commands)
{
	for (; *commands; commands++) {
		tell(w, *commands);
		if (answer(w, CGTEST_TIMEOUT_MS) != *commands)
			return false;
	}
	return true;
}

/* With these flags, and without those that are not there. */
static bool remount(unsigned long flags)
{
	return !mount(NULL, "/sys/fs/bpf", NULL, MS_REMOUNT | flags, NULL);
}

/* Begin as after a boot. */
static void remove_pins(void)
{
	remount(0);
	unlink(PIN);
	rmdir(PINS);
}

/* The lock as a context sees it that has had it. */
static bool see_lock(struct cgw *c)
{
	if (cgw__device_lock(c, true))
		return false;
	cgw__device_unlock(c);
	return true;
}

/* Wait until somebody waits for it, or has it by the queue. */
static bool becomes_barred(struct cgw *c)
{
	int64_t end = cgw__deadline(CGTEST_TIMEOUT_MS);

	while (__atomic_load_n(&c->loader->lock->state, __ATOMIC_RELAXED) != CGW_LOCK_BARRED &&
	       cgw__now_ns() < end)
		usleep(1000);
	return c->loader->lock->state == CGW_LOCK_BARRED;
}

static int killed_owners_are_passed_over(void)
{
	/* by the queue; by the mutex alone; and from a bare clone() */
	static const char *const ways[] = { "l", "lul", "l" };

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		for (int known = 0; known < 2; known++) {
			_cleanup_writer_ struct writer a = { 0 }, b = { 0 };

			remove_pins();
			a = writer_start(i == 2);
			b = writer_start(false);
			CHECK(!known || does(&b, "lu"));
			CHECK(does(&a, ways[i]));
			tell(&b, 'l');
			CHECK_INT(answer(&b, WHILE_MS), 0);
			CHECK_INT(cgtest_end(a.pid), SIGKILL);
			a.pid = 0;
			close(a.fd);
			CHECK_INT(answer(&b, CGTEST_TIMEOUT_MS), 'l');
			CHECK(does(&b, "ulululu"));
		}
	return TAP_PASS;
}

/* Hundredths of a second on a processor. */
static unsigned long time_of(pid_t pid)
{
	_cleanup_free_ char *text = cgtest_slurp("/proc/%d/stat", pid);
	unsigned long user = 0, system = 0;
	const char *p = strrchr(text, ')');

	if (!p ||
	    sscanf(p, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
		cgtest_bail("/proc/%d/stat: %s", pid, text);
	return user + system;
}

static int stopped_owners_are_waited_for(void)
{
	_cleanup_writer_ struct writer a = writer_start(false), b = writer_start(false),
				       d = writer_start(false);
	struct pollfd p[] = { { b.fd, POLLIN, 0 }, { d.fd, POLLIN, 0 } };
	const struct writer *first, *second;
	unsigned long used = 0;

	remove_pins();
	CHECK(does(&a, "lul"));
	CHECK(!kill(a.pid, SIGSTOP));
	tell(&a, 'u');
	tell(&b, 'l');
	tell(&d, 'l');
	/* in one of some seconds: on a slow machine it takes one to begin with it */
	for (int i = 0; !i || (i < 10 && used >= 30); i++) {
		used = time_of(b.pid) + time_of(d.pid);
		CHECK_INT(answer(&b, 1000), 0);
		CHECK_INT(answer(&d, 0), 0);
		used = time_of(b.pid) + time_of(d.pid) - used;
		tap_note("%lu ms of processor time to wait a second", used * 10);
	}
	CHECK(used < 30);
	CHECK(!kill(a.pid, SIGCONT));
	CHECK_INT(answer(&a, CGTEST_TIMEOUT_MS), 'u');
	/* one of the two, and then the other */
	CHECK_INT(poll(p, 2, CGTEST_TIMEOUT_MS), 1);
	first = p[0].revents ? &b : &d;
	second = p[0].revents ? &d : &b;
	CHECK_INT(answer(first, 0), 'l');
	CHECK_INT(answer(second, WHILE_MS), 0);
	CHECK(does(first, "u"));
	CHECK_INT(answer(second, CGTEST_TIMEOUT_MS), 'l');
	CHECK(does(second, "u"));
	return TAP_PASS;
}

/* The owner that comes again finds somebody waiting. */
static int who_waits_comes_first(void)
{
	_cleanup_writer_ struct writer a = writer_start(false), b = writer_start(false);
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	remove_pins();
	CHECK(see_lock(c));
	for (int i = 0; i < 5; i++) {
		CHECK(does(&a, "lul"));
		tell(&b, 'l');
		CHECK_INT(answer(&b, WHILE_MS), 0);
		CHECK(becomes_barred(c));
		tell(&a, 'u');
		tell(&a, 'l');
		CHECK_INT(answer(&b, CGTEST_TIMEOUT_MS), 'l');
		CHECK_INT(answer(&a, CGTEST_TIMEOUT_MS), 'u');
		CHECK_INT(answer(&a, WHILE_MS), 0);
		CHECK(does(&b, "u"));
		CHECK_INT(answer(&a, CGTEST_TIMEOUT_MS), 'l');
		CHECK(does(&a, "u"));
	}
	return TAP_PASS;
}

/* One who waited, or had it by the queue, and was killed, keeps nobody from the short way. */
static int the_short_way_opens_again(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_writer_ struct writer a = writer_start(false);

	remove_pins();
	CHECK(see_lock(c));
	CHECK(does(&a, "lu"));
	for (int waits = 0; waits < 2; waits++) {
		_cleanup_writer_ struct writer b = writer_start(false);

		CHECK_INT(c->loader->lock->state, CGW_LOCK_OPEN);
		CHECK(!waits || does(&a, "l"));
		tell(&b, 'l');
		CHECK_INT(answer(&b, waits ? WHILE_MS : CGTEST_TIMEOUT_MS), waits ? 0 : 'l');
		CHECK(becomes_barred(c));
		writer_end(&b);
		CHECK_INT(c->loader->lock->state, CGW_LOCK_BARRED);
		CHECK(!waits || does(&a, "u"));
		CHECK(does(&a, "lu"));
	}
	CHECK_INT(c->loader->lock->state, CGW_LOCK_OPEN);
	return TAP_PASS;
}

static int a_removed_lock_lets_nobody_in(void)
{
	_cleanup_writer_ struct writer a = writer_start(false), b = writer_start(false),
				       d = writer_start(false);

	remove_pins();
	CHECK(does(&a, "lul"));
	tell(&b, 'x');
	CHECK_INT(answer(&b, WHILE_MS), 0);
	CHECK(does(&a, "u"));
	CHECK_INT(answer(&b, CGTEST_TIMEOUT_MS), 'x');
	CHECK(access(PINS, F_OK) < 0);
	/* a has the old one */
	CHECK(does(&d, "lul"));
	CHECK(!access(PIN, F_OK));
	tell(&a, 'l');
	CHECK_INT(answer(&a, WHILE_MS), 0);
	CHECK(does(&d, "u"));
	CHECK_INT(answer(&a, CGTEST_TIMEOUT_MS), 'l');
	tell(&b, 'l');
	CHECK_INT(answer(&b, WHILE_MS), 0);
	CHECK(does(&a, "u"));
	CHECK_INT(answer(&b, CGTEST_TIMEOUT_MS), 'l');
	CHECK(does(&b, "ux"));
	CHECK(access(PINS, F_OK) < 0);
	return TAP_PASS;
}

static int who_was_killed_while_removing_it_is_no_obstacle(void)
{
	_cleanup_writer_ struct writer a = writer_start(false), b = writer_start(false),
				       d = writer_start(false);

	remove_pins();
	CHECK(does(&b, "lu"));
	CHECK(does(&a, "lg"));
	CHECK_INT(cgtest_end(a.pid), SIGKILL);
	a.pid = 0;
	close(a.fd);
	CHECK(does(&d, "lul"));
	tell(&b, 'l');
	CHECK_INT(answer(&b, WHILE_MS), 0);
	CHECK(does(&d, "u"));
	CHECK_INT(answer(&b, CGTEST_TIMEOUT_MS), 'l');
	CHECK(does(&b, "ulu"));
	return TAP_PASS;
}

static int locks_of_other_c_libraries_are_not_touched(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context(), *other = cgtest_context();

	remove_pins();
	CHECK_INT(cgw__device_lock(c, true), 0);
	c->loader->lock->form ^= 1;
	cgw__device_unlock(c);
	CHECK_INT(cgw__device_lock(other, true), -EBUSY);
	CHECK_HAS(cgw_strerror(other), "a build for another C library");
	CHECK_HAS(cgw_hint(other), "cgward unload");
	CHECK_INT(cgw_unload(other, 0), -EBUSY);
	CHECK(!access(PIN, F_OK));
	CHECK_INT(cgw_unload(c, 0), 0);
	CHECK(access(PINS, F_OK) < 0);
	CHECK_INT(cgw__device_lock(other, true), 0);
	cgw__device_unlock(other);
	return TAP_PASS;
}

/* What keeps a lock from being made; all but the last keep everybody from it. */
enum { RDONLY_FS, RDONLY_MOUNT, NO_MAPS, N_REASONS };

static bool keep(int reason, const struct writer *w)
{
	return reason == RDONLY_FS    ? remount(MS_RDONLY) :
	       reason == RDONLY_MOUNT ? remount(MS_RDONLY | MS_BIND) :
					does(w, "m");
}

static int without_a_lock_the_directory_is_one(void)
{
	for (int reason = 0; reason < N_REASONS; reason++) {
		_cleanup_writer_ struct writer a = writer_start(false), b = writer_start(false),
					       d = writer_start(false);

		remove_pins();
		CHECK(!mkdir(PINS, 0700) && keep(reason, &a));
		CHECK(reason != NO_MAPS || does(&b, "m"));
		CHECK(does(&a, "ldul"));
		tell(&b, 'l');
		CHECK_INT(answer(&b, WHILE_MS), 0);
		CHECK(does(&a, "u"));
		CHECK_INT(answer(&b, CGTEST_TIMEOUT_MS), 'l');
		CHECK(does(&b, "d"));
		/* One comes who can make it, as soon as it is his turn. */
		CHECK(remount(0));
		tell(&d, 'l');
		CHECK_INT(answer(&d, WHILE_MS), 0);
		CHECK(access(PIN, F_OK) < 0);
		writer_end(&b);
		CHECK_INT(answer(&d, CGTEST_TIMEOUT_MS), 'l');
		CHECK(!access(PIN, F_OK));
		/* From then on it is everybody's, also by the short way. */
		CHECK(does(&d, "ul"));
		tell(&a, 'l');
		CHECK_INT(answer(&a, WHILE_MS), 0);
		CHECK(does(&d, "u"));
		CHECK_INT(answer(&a, CGTEST_TIMEOUT_MS), 'l');
		tell(&a, 'd');
		CHECK_INT(answer(&a, CGTEST_TIMEOUT_MS), 'e');
		CHECK(does(&a, "ul"));
		tell(&d, 'l');
		CHECK_INT(answer(&d, WHILE_MS), 0);
		CHECK(does(&a, "u"));
		CHECK_INT(answer(&d, CGTEST_TIMEOUT_MS), 'l');
	}
	return TAP_PASS;
}

static int a_lock_is_used_where_none_could_be_made(void)
{
	for (int reason = 0; reason < N_REASONS; reason++) {
		_cleanup_writer_ struct writer a = writer_start(false), b = writer_start(false);

		remove_pins();
		CHECK(does(&a, "lul"));
		CHECK(keep(reason, &b));
		tell(&b, 'l');
		CHECK_INT(answer(&b, WHILE_MS), 0);
		CHECK(does(&a, "u"));
		CHECK_INT(answer(&b, CGTEST_TIMEOUT_MS), 'l');
		CHECK(does(&b, "ul"));
		tell(&a, 'l');
		CHECK_INT(answer(&a, WHILE_MS), 0);
		CHECK(does(&b, "u"));
		CHECK_INT(answer(&a, CGTEST_TIMEOUT_MS), 'l');
		CHECK(remount(0));
	}
	return TAP_PASS;
}

static int without_opening_it(void *arg)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	(void)arg;
	if (cgtest_forbid(SYS_bpf, BPF_OBJ_GET, EPERM))
		return 100;
	if (cgw__device_lock(c, true) != -EPERM)
		return 1;
	tap_note("%s", cgw_strerror(c));
	if (!strstr(cgw_strerror(c), "cannot open the lock " PIN ", which others may hold"))
		return 2;
	return cgw_hint(c) ? 0 : 3;
}

/* Whoever has mapped it already does not ask the directory. */
static int a_lock_that_cannot_be_opened_is_not_done_without(void)
{
	_cleanup_writer_ struct writer a = writer_start(false), b = writer_start(false),
				       d = writer_start(false);

	remove_pins();
	CHECK(does(&a, "lul"));
	CHECK(does(&b, "o"));
	tell(&b, 'l');
	CHECK_INT(answer(&b, CGTEST_TIMEOUT_MS), 'e');
	CHECK_INT(cgtest_in_child(without_opening_it, NULL), 0);
	tell(&d, 'l');
	CHECK_INT(answer(&d, WHILE_MS), 0);
	CHECK(does(&a, "u"));
	CHECK_INT(answer(&d, CGTEST_TIMEOUT_MS), 'l');
	return TAP_PASS;
}

static int a_lock_that_is_gone_and_stays_is_no_obstacle(void)
{
	for (int reason = RDONLY_FS; reason <= RDONLY_MOUNT; reason++) {
		_cleanup_writer_ struct writer a = writer_start(false), b = writer_start(false),
					       d = writer_start(false);

		remove_pins();
		CHECK(does(&d, "lu"));
		CHECK(does(&a, "lg"));
		writer_end(&a);
		CHECK(keep(reason, &b));
		CHECK(does(&b, "ld"));
		tell(&d, 'l');
		CHECK_INT(answer(&d, WHILE_MS), 0);
		CHECK(remount(0));
		CHECK(does(&b, "u"));
		CHECK_INT(answer(&d, CGTEST_TIMEOUT_MS), 'l');
		CHECK(does(&d, "ul"));
		tell(&b, 'l');
		CHECK_INT(answer(&b, WHILE_MS), 0);
	}
	return TAP_PASS;
}

/* Counted up by all under the lock, in two steps. */
static volatile long *counter;

enum { PROCESSES = 3, THREADS = 2 };

static void *count(void *arg)
{
	struct cgw *c = cgtest_context();

	for (long i = 0; i < *(long *)arg; i++) {
		long before;

		if (i % 50 == 49) {
			cgw_free(c);
			c = cgtest_context();
		}
		if (cgw__device_lock(c, i & 1))
			cgtest_bail("%s", cgw_strerror(c));
		before = *counter;
		if (i % 8 == 0)
			sched_yield();
		*counter = before + 1;
		cgw__device_unlock(c);
	}
	cgw_free(c);
	return NULL;
}

static void count_in_threads(long n)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, count, &n))
			_exit(1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

/* Take it and give it back, until killed. */
static void __attribute__((noreturn)) hurry(void)
{
	for (struct cgw *c = cgtest_context();;) {
		if (cgw__device_lock(c, true))
			_exit(1);
		cgw__device_unlock(c);
	}
}

/* The bpffs becomes read-only, or not any more; now and then the lock is removed. */
static int disturb(struct cgw *c, long i)
{
	remount(i & 1 ? MS_RDONLY : 0);
	if (i % 4)
		return 0;
	CHECK_INT(cgw__device_lock(c, false), 0);
	cgw__lock_remove(c, c->loader->dir_fd);
	cgw__device_unlock(c);
	return 0;
}

/* While others are killed at any point. */
static int count_turns(bool disturbed)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	long n = cgtest_scale(5000), killed = 0;
	unsigned int random = 1;
	pid_t pids[PROCESSES];

	remove_pins();
	CHECK(!mkdir(PINS, 0700));
	counter = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	CHECK(counter != MAP_FAILED);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = cgtest_fork();
		if (pids[i])
			continue;
		if (disturbed && !i && cgtest_forbid(SYS_bpf, BPF_MAP_CREATE, ENOMEM))
			_exit(1);
		count_in_threads(n);
	}
	while (!cgtest_is_dead(pids[0]) || !cgtest_is_dead(pids[1]) || !cgtest_is_dead(pids[2])) {
		pid_t pid = cgtest_fork();

		if (!pid)
			hurry();
		random = random * 1103515245 + 12345;
		usleep(random >> 16 & 2047);
		if (disturbed && disturb(c, killed))
			return TAP_FAIL;
		CHECK_INT(cgtest_end(pid), SIGKILL);
		killed++;
	}
	remount(0);
	for (int i = 0; i < PROCESSES; i++)
		CHECK_INT(cgtest_reap(pids[i]), 0);
	tap_note("%ld turns, %ld killed meanwhile", *counter, killed);
	CHECK_INT(*counter, n * PROCESSES * THREADS);
	munmap((void *)counter, sizeof(*counter));
	return TAP_PASS;
}

static int threads_and_processes_exclude_each_other(void)
{
	return count_turns(false);
}

static int they_do_while_locks_come_and_go(void)
{
	return count_turns(true);
}

static const struct tap_test tests[] = {
	T(killed_owners_are_passed_over),
	T(stopped_owners_are_waited_for),
	T(who_waits_comes_first),
	T(the_short_way_opens_again),
	T(a_removed_lock_lets_nobody_in),
	T(who_was_killed_while_removing_it_is_no_obstacle),
	T(locks_of_other_c_libraries_are_not_touched),
	T(without_a_lock_the_directory_is_one),
	T(a_lock_is_used_where_none_could_be_made),
	T(a_lock_that_cannot_be_opened_is_not_done_without),
	T(a_lock_that_is_gone_and_stays_is_no_obstacle),
	T(threads_and_processes_exclude_each_other),
	T(they_do_while_locks_come_and_go),
};

CGTEST_DEVICE_MAIN(tests)

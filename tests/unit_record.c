// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Recordings: read as they were written, up to where they were cut or altered. */
#include <sys/mman.h>
#include <sys/resource.h>
#include <signal.h>

#include "cgtest.h"
#include "record.h"

static inline void recorder_freep(struct cgw_recorder **r)
{
	cgw_recorder_free(*r);
}

static inline void recording_closep(struct cgw_recording **r)
{
	cgw_recording_close(*r);
}

#define _cleanup_recorder_ _cleanup_(recorder_freep)
#define _cleanup_recording_ _cleanup_(recording_closep)

#define EVENTS 5
#define DENIAL 3 /* that of them which has the most strings */

/* The i-th event of the recording that these tests are about. */
static struct cgw_trace_event sample(int i)
{
	static const struct cgw_trace_record created = {
		.kind = CGW_TRACE_CREATED, .size = sizeof(created), .source = CGW_TRACE_TP_BTF,
		.mono_ns = 1000, .group = 77, .pid = 12, .tid = 12, .comm = "cgward",
	};
	static const struct cgw_trace_attached attached = {
		.head = { .kind = CGW_TRACE_ATTACHED, .size = sizeof(attached), .mono_ns = 2000,
			  .group = 77, .comm = "mover" },
		.from = 76, .task_pid = 13, .task_tid = 13, .task_comm = "moved", .process = 1,
	};
	static const struct cgw_trace_written written = {
		.head = { .kind = CGW_TRACE_WRITTEN, .size = sizeof(written), .mono_ns = 3000 },
		.result = -22, .len = 2, .file = "memory.max", .text = "x\n",
	};
	static const struct cgw_trace_deny denied = {
		.head = { .kind = CGW_TRACE_DENY, .size = sizeof(denied), .mono_ns = 4000 },
		.major = 10, .minor = 229, .type = CGW_DEVICE_CHAR, .access = CGW_DEVICE_READ,
	};
	static const struct cgw_trace_lost lost = {
		.head = { .kind = CGW_TRACE_LOST, .size = sizeof(lost), .mono_ns = 5000 },
		.records = 5,
	};
	const struct cgw_trace_record *const records[EVENTS] = { &created, &attached.head,
								 &written.head, &denied.head,
								 &lost.head };
	static const char *const paths[EVENTS] = { "/web/a", "/web/b", "/", "/web", "" };

	return (struct cgw_trace_event){ .record = records[i],
					 .name = cgw_trace_kind_name(records[i]->kind),
					 .path = paths[i], .from = i == 1 ? "/web/a" : NULL,
					 .rule = i == DENIAL ? "deny a" : NULL,
					 .decided_by = i == DENIAL ? "/web" : NULL,
					 .node = i == DENIAL ? "/dev/fuse" : NULL,
					 .time_ns = 1700000000000000000ULL + (uint64_t)i };
}

static bool is_same(const char *a, const char *b)
{
	return !a || !b ? a == b : !strcmp(a, b);
}

static bool is_sample(const struct cgw_trace_event *e, int i)
{
	struct cgw_trace_event want = sample(i);

	return !memcmp(e->record, want.record, want.record->size) && !strcmp(e->name, want.name) &&
	       !strcmp(e->path, want.path) && is_same(e->from, want.from) &&
	       is_same(e->rule, want.rule) && is_same(e->decided_by, want.decided_by) &&
	       is_same(e->node, want.node) && e->time_ns == want.time_ns;
}

/* A recording, whole or without its end. Return: the file, at its begin. */
static int make(struct cgw *c, bool whole, size_t *ret_size)
{
	_cleanup_recorder_ struct cgw_recorder *r = NULL;
	int fd = memfd_create("recording", MFD_CLOEXEC);

	if (fd < 0 || cgw_recorder_new(c, fd, &r))
		cgtest_bail("a recording");
	for (int i = 0; i < EVENTS; i++) {
		struct cgw_trace_event e = sample(i);

		if (cgw_recorder_write(r, &e))
			cgtest_bail("%s", cgw_strerror(c));
	}
	if (whole ? cgw_recorder_end(r) : cgw_recorder_flush(r))
		cgtest_bail("%s", cgw_strerror(c));
	*ret_size = (size_t)lseek(fd, 0, SEEK_END);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* Read all of it. Return: how many events were as they were written; ret_err: what ended it. */
static int read_events(struct cgw *c, int fd, int *ret_err)
{
	_cleanup_recording_ struct cgw_recording *r = NULL;
	struct cgw_trace_event e;
	int n = 0;

	lseek(fd, 0, SEEK_SET);
	*ret_err = cgw_recording_open(c, fd, &r);
	while (!*ret_err && (*ret_err = cgw_recording_read(r, &e)) > 0) {
		if (n >= EVENTS || !is_sample(&e, n))
			return -1;
		n++;
		*ret_err = 0;
	}
	return n;
}

static int what_was_written_is_read(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_recording_ struct cgw_recording *r = NULL;
	const struct cgw_recording_info *info;
	struct cgw_trace_event e;
	size_t size;
	_cleanup_close_ int fd = make(c, true, &size);

	CHECK_INT(cgw_recording_open(c, fd, &r), 0);
	info = cgw_recording_get_info(r);
	CHECK_STR(info->version, cgw_version());
	CHECK(info->release[0] && info->time_ns && info->mono_ns);
	for (int i = 0; i < EVENTS; i++) {
		CHECK_INT(cgw_recording_read(r, &e), 1);
		CHECK(is_sample(&e, i));
	}
	CHECK_INT(cgw_recording_read(r, &e), 0);
	CHECK_INT(cgw_recording_read(r, &e), 0);
	return TAP_PASS;
}

static int a_recorder_counts_events_and_losses(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_recorder_ struct cgw_recorder *r = NULL;
	_cleanup_close_ int fd = memfd_create("recording", MFD_CLOEXEC);

	CHECK_INT(cgw_recorder_new(c, fd, &r), 0);
	for (int i = 0; i < 2 * EVENTS; i++) {
		struct cgw_trace_event e = sample(i % EVENTS);

		CHECK_INT(cgw_recorder_write(r, &e), 0);
	}
	CHECK_INT(cgw_recorder_events(r), 2 * EVENTS);
	CHECK_INT(cgw_recorder_lost(r), 10);
	CHECK_INT(cgw_recorder_end(r), 0);
	CHECK(cgw_recorder_flush(r) < 0);
	return TAP_PASS;
}

/* Where each frame begins, and the first byte after the last. */
static int frames_at(int fd, off_t *at)
{
	struct cgw__frame_head head;
	int n = 0;

	at[0] = sizeof(struct cgw__record_head);
	while (n < EVENTS && pread(fd, &head, sizeof(head), at[n]) == sizeof(head)) {
		at[n + 1] = at[n] + (off_t)(sizeof(head) + head.length);
		n++;
	}
	return n;
}

static int a_cut_at_any_byte_is_told_where_it_is(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	off_t at[EVENTS + 1];
	size_t size;
	_cleanup_close_ int fd = make(c, true, &size);
	char want[100];

	CHECK_INT(frames_at(fd, at), EVENTS);
	for (size_t left = size; left--;) {
		int err, n = 0, whole = 0;

		CHECK_INT(ftruncate(fd, (off_t)left), 0);
		while (whole < EVENTS && at[whole + 1] <= (off_t)left)
			whole++;
		n = read_events(c, fd, &err);
		if (n != whole || err != -ENODATA)
			FAIL("cut at %zu of %zu: %d events of %d, %d", left, size, n, whole, err);
		snprintf(want, sizeof(want), "cut after %d events at byte %zu", whole, left);
		CHECK_HAS(cgw_strerror(c), want);
	}
	return TAP_PASS;
}

/* What comes before the flipped bit is read as it was, what it is in never. */
static int a_flipped_bit_at_any_byte_is_found(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	off_t at[EVENTS + 1];
	size_t size;
	_cleanup_close_ int fd = make(c, true, &size);

	CHECK_INT(frames_at(fd, at), EVENTS);
	for (size_t i = 0; i < 8 * size; i++) {
		off_t byte = (off_t)(i / 8), frame = 0;
		int err, n, whole = 0;
		char ch, want[64];

		while (whole < EVENTS && at[whole + 1] <= byte)
			whole++;
		frame = byte < at[0] ? 0 : at[whole];
		CHECK_INT(pread(fd, &ch, 1, byte), 1);
		ch ^= (char)(1 << i % 8);
		CHECK_INT(pwrite(fd, &ch, 1, byte), 1);
		n = read_events(c, fd, &err);
		if (n != (byte < at[0] ? 0 : whole) || err >= 0)
			FAIL("bit %zu: %d events of %d, %d", i, n, whole, err);
		/* Without its first words it is of another version, or no recording at all. */
		snprintf(want, sizeof(want), "altered at byte %ld", (long)frame);
		if (byte >= 16)
			CHECK_STR(strstr(cgw_strerror(c), "altered"), want);
		ch ^= (char)(1 << i % 8);
		CHECK_INT(pwrite(fd, &ch, 1, byte), 1);
	}
	return TAP_PASS;
}

static int frames_that_are_missing_or_twice_there_are_found(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	off_t at[EVENTS + 1];
	size_t size;
	_cleanup_close_ int fd = make(c, true, &size);
	_cleanup_free_ char *all = malloc(2 * size);
	int err;

	CHECK_INT(frames_at(fd, at), EVENTS);
	CHECK_INT(pread(fd, all, size, 0), size);
	for (int i = 0; i < EVENTS; i++) {
		size_t rest = size - (size_t)at[i + 1];

		CHECK_INT(pwrite(fd, all + at[i + 1], rest, at[i]), rest);
		CHECK_INT(ftruncate(fd, at[i] + (off_t)rest), 0);
		CHECK_INT(read_events(c, fd, &err), i);
		CHECK_INT(err, -EBADMSG);
		CHECK_INT(pwrite(fd, all, size, 0), size);
		rest = size - (size_t)at[i];
		CHECK_INT(pwrite(fd, all + at[i], rest, at[i + 1]), rest);
		CHECK_INT(read_events(c, fd, &err), i + 1);
		CHECK_INT(err, -EBADMSG);
		CHECK_INT(pwrite(fd, all, size, 0), size);
		CHECK_INT(ftruncate(fd, (off_t)size), 0);
	}
	CHECK_INT(read_events(c, fd, &err), EVENTS);
	CHECK_INT(err, 0);
	return TAP_PASS;
}

static int what_follows_the_end_is_found(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	size_t size;
	_cleanup_close_ int fd = make(c, true, &size);
	char want[64];
	int err;

	CHECK_INT(pwrite(fd, "x", 1, (off_t)size), 1);
	CHECK_INT(read_events(c, fd, &err), EVENTS);
	CHECK_INT(err, -EBADMSG);
	snprintf(want, sizeof(want), "altered at byte %zu", size);
	CHECK_HAS(cgw_strerror(c), want);
	return TAP_PASS;
}

/* A recording of the denial alone, whose frame has so many strings. Return: the file. */
static int make_with(struct cgw *c, uint32_t strings)
{
	static const char *const texts[] = { "/web", NULL, "deny a", "/web", "/dev/fuse", "later" };
	struct cgw_trace_event e = sample(DENIAL);
	struct cgw__frame frame = { .record = e.record->size, .strings = strings };
	struct cgw__frame_head head = { 0 };
	struct cgw__record_head file;
	size_t size, len = sizeof(frame) + e.record->size;
	int fd = make(c, true, &size);
	char buf[1024];

	memcpy(buf, &frame, sizeof(frame));
	memcpy(buf + sizeof(frame), e.record, e.record->size);
	for (uint32_t i = 0; i < strings; i++) {
		uint32_t n = texts[i] ? (uint32_t)strlen(texts[i]) : CGW_NO_STRING;

		memcpy(buf + len, &n, sizeof(n));
		len += sizeof(n);
		if (!texts[i])
			continue;
		memcpy(buf + len, texts[i], n);
		len += n;
	}
	if (pread(fd, &file, sizeof(file), 0) != sizeof(file))
		cgtest_bail("pread");
	head.length = (uint32_t)len;
	head.crc = cgw__crc(file.crc, buf, len);
	head.check = cgw__crc(file.crc, &head, offsetof(struct cgw__frame_head, check));
	if (pwrite(fd, &head, sizeof(head), sizeof(file)) != sizeof(head) ||
	    pwrite(fd, buf, len, sizeof(file) + sizeof(head)) != (ssize_t)len)
		cgtest_bail("pwrite");
	return fd;
}

/* An older cgward keeps fewer strings of an event, a newer one more. */
static int strings_that_others_keep_are_no_error(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	for (uint32_t strings = 0; strings <= 6; strings++) {
		_cleanup_recording_ struct cgw_recording *r = NULL;
		_cleanup_close_ int fd = make_with(c, strings);
		struct cgw_trace_event e;

		CHECK_INT(cgw_recording_open(c, fd, &r), 0);
		CHECK_INT(cgw_recording_read(r, &e), 1);
		CHECK_STR(e.path, strings ? "/web" : "");
		CHECK(!e.from);
		CHECK(is_same(e.rule, strings > 2 ? "deny a" : NULL));
		CHECK(is_same(e.decided_by, strings > 3 ? "/web" : NULL));
		CHECK(is_same(e.node, strings > 4 ? "/dev/fuse" : NULL));
	}
	return TAP_PASS;
}

/* One that was never ended: nothing is wrong with it, but there may have been more. */
static int a_recording_without_an_end_is_cut(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	size_t size;
	_cleanup_close_ int fd = make(c, false, &size);
	int err;

	CHECK_INT(read_events(c, fd, &err), EVENTS);
	CHECK_INT(err, -ENODATA);
	return TAP_PASS;
}

/* Change one number of the head. Return: what opening it says. */
static int with_head(struct cgw *c, size_t offset, uint32_t value, bool sealed)
{
	struct cgw__record_head head;
	size_t size;
	_cleanup_close_ int fd = make(c, true, &size);
	int err;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head))
		cgtest_bail("pread");
	memcpy((char *)&head + offset, &value, sizeof(value));
	if (sealed)
		head.crc = cgw__crc(0, &head, offsetof(struct cgw__record_head, crc));
	if (pwrite(fd, &head, sizeof(head), 0) != sizeof(head))
		cgtest_bail("pwrite");
	read_events(c, fd, &err);
	return err;
}

#define HEAD(member) offsetof(struct cgw__record_head, member)

static int other_formats_are_told_apart(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();

	CHECK_INT(with_head(c, HEAD(magic), 0x464c457f, true), -EINVAL);
	CHECK_STR(cgw_strerror(c), "this is no recording of cgward");
	CHECK(cgw_error_is_input(c));
	CHECK_INT(with_head(c, HEAD(version), 2, false), -EOPNOTSUPP);
	CHECK_STR(cgw_strerror(c), "the recording is of version 2; this cgward reads 1");
	CHECK_INT(with_head(c, HEAD(order), 0x04030201, false), -EOPNOTSUPP);
	CHECK_HAS(cgw_strerror(c), "other byte order");
	CHECK_INT(with_head(c, HEAD(record), 8, true), -EOPNOTSUPP);
	CHECK_HAS(cgw_strerror(c), "another layout");
	CHECK_INT(with_head(c, HEAD(size), 8, true), -EOPNOTSUPP);
	CHECK_INT(with_head(c, HEAD(size), 8, false), -EBADMSG);
	CHECK_STR(cgw_strerror(c), "the recording is altered at byte 0");
	return TAP_PASS;
}

/* Nothing more is written after a failure, and each call says so. */
static int a_full_disk_is_told(void)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_recorder_ struct cgw_recorder *r = NULL;
	_cleanup_tmp_ char *dir = cgtest_tmpdir();
	struct rlimit old, limit;
	struct cgw_trace_event e = sample(0);
	char path[256];
	_cleanup_close_ int fd = -EBADF;
	int err, n;

	snprintf(path, sizeof(path), "%s/recording", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK_INT(cgw_recorder_new(c, fd, &r), 0);
	/* A limit of the file's size stands for the disk's. */
	signal(SIGXFSZ, SIG_IGN);
	CHECK_INT(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = 1000;
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (err = n = 0; !err && n < 100; n++) {
		err = cgw_recorder_write(r, &e);
		if (!err)
			err = cgw_recorder_flush(r);
	}
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &old), 0);
	CHECK_INT(err, -EFBIG);
	CHECK_STR(cgw_strerror(c), "cannot write the recording: File too large");
	CHECK_INT(cgw_recorder_write(r, &e), -EFBIG);
	CHECK_INT(cgw_recorder_end(r), -EFBIG);
	CHECK_INT(lseek(fd, 0, SEEK_END), 1000);
	CHECK_INT(cgw_recorder_new(c, -1, &r), -EBADF);
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(what_was_written_is_read),
	T(a_recorder_counts_events_and_losses),
	T(a_cut_at_any_byte_is_told_where_it_is),
	T(a_flipped_bit_at_any_byte_is_found),
	T(frames_that_are_missing_or_twice_there_are_found),
	T(what_follows_the_end_is_found),
	T(strings_that_others_keep_are_no_error),
	T(a_recording_without_an_end_is_cut),
	T(other_formats_are_told_apart),
	T(a_full_disk_is_told),
};

CGTEST_MAIN(tests)

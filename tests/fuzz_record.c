// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Recordings from anywhere. The first byte says whether the rest is taken as it is, or given the
 * checksums it should have, so that what is behind them is reached.
 */
#include <sys/mman.h>

#include "fuzz.h"
#include "record.h"

const long fuzz_mutations = 8000;

/* The file of that number, with these bytes. Files are made once: that takes the kernel long. */
static int file_of(unsigned int number, const void *data, size_t size)
{
	static int fds[3] = { -1, -1, -1 };
	int fd = fds[number];

	if (fd < 0)
		fd = fds[number] = memfd_create("recording", MFD_CLOEXEC);
	HOLDS(fd >= 0 && !ftruncate(fd, 0) && pwrite(fd, data, size, 0) == (ssize_t)size);
	HOLDS(!lseek(fd, 0, SEEK_SET));
	return fd;
}

static void seal(uint8_t *data, size_t size)
{
	struct cgw__record_head head;
	size_t at = sizeof(head);
	uint32_t crc;

	if (size < at)
		return;
	memcpy(&head, data, sizeof(head));
	head.crc = crc = cgw__crc(0, &head, offsetof(struct cgw__record_head, crc));
	memcpy(data, &head, sizeof(head));
	while (size - at >= sizeof(struct cgw__frame_head)) {
		struct cgw__frame_head frame;
		size_t len;

		memcpy(&frame, data + at, sizeof(frame));
		len = frame.length ? frame.length : sizeof(struct cgw__record_end);
		if (len > size - at - sizeof(frame))
			return;
		frame.crc = cgw__crc(crc, data + at + sizeof(frame), len);
		frame.check = cgw__crc(crc, &frame, offsetof(struct cgw__frame_head, check));
		memcpy(data + at, &frame, sizeof(frame));
		crc = frame.crc;
		at += sizeof(frame) + len;
	}
}

/* Whatever is in it: an event can be taken for what its kind says. */
static void check_event(const struct cgw_trace_event *e)
{
	const struct cgw_trace_record *r = e->record;
	size_t zeros = 0;

	HOLDS(r->size >= sizeof(*r) && !((uintptr_t)r & 7));
	HOLDS(!strcmp(e->name, cgw_trace_kind_name(r->kind)));
	HOLDS(e->path && strlen(e->path) < CGW_FRAME_MAX);
	HOLDS(!e->from || strlen(e->from) < CGW_FRAME_MAX);
	HOLDS(strlen(r->comm) < sizeof(r->comm));
	/* longer than any structure there is */
	while (zeros < 16384 && !((const char *)r)[r->size + zeros])
		zeros++;
	HOLDS(zeros == 16384);
}

static void check_failure(const struct cgw *c, int err)
{
	HOLDS(err == -EINVAL || err == -EOPNOTSUPP || err == -ENODATA || err == -EBADMSG);
	HOLDS(cgw_strerror(c)[0] && !cgw_hint(c));
	HOLDS(cgw_error_is_input(c) == (err == -EINVAL || err == -EOPNOTSUPP));
	HOLDS(!strpbrk(cgw_strerror(c), "\n\r"));
}

/* Read all there is, and write it again. Return: what ended it. */
static int copy(struct cgw *c, int from, int to, uint64_t *ret_n)
{
	struct cgw_recording *r = NULL;
	struct cgw_recorder *w = NULL;
	struct cgw_trace_event e;
	int err = cgw_recording_open(c, from, &r);

	*ret_n = 0;
	if (err) {
		HOLDS(!r);
		check_failure(c, err);
		return err;
	}
	HOLDS(!cgw_recorder_new(c, to, &w));
	while ((err = cgw_recording_read(r, &e)) > 0) {
		check_event(&e);
		HOLDS(!cgw_recorder_write(w, &e));
		++*ret_n;
	}
	if (err)
		check_failure(c, err);
	HOLDS(cgw_recording_read(r, &e) == err);
	HOLDS(cgw_recorder_events(w) == *ret_n && !cgw_recorder_end(w));
	cgw_recorder_free(w);
	cgw_recording_close(r);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_free_ uint8_t *bytes = malloc(size + 1);
	uint64_t n, again;
	int err, to;

	HOLDS(bytes);
	if (!size)
		return 0;
	memcpy(bytes, data + 1, size - 1);
	if (data[0] == 's')
		seal(bytes, size - 1);
	to = file_of(1, "", 0);
	err = copy(c, file_of(0, bytes, size - 1), to, &n);
	if (err == -EINVAL || err == -EOPNOTSUPP)
		return 0;
	/* What was read of anything is a recording. */
	if (lseek(to, 0, SEEK_END)) {
		lseek(to, 0, SEEK_SET);
		HOLDS(!copy(c, to, file_of(2, "", 0), &again) && again == n);
	}
	return 0;
}

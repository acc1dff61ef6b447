// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Writes the events of tracers to a file, to be read again by recording.c. */
#include <sys/utsname.h>
#include <time.h>

#include "record.h"

/* What is kept back at most until somebody flushes. */
#define BATCH_BYTES (1U << 20)

struct cgw_recorder {
	struct cgw *c;
	int fd;
	char *buf;
	size_t len;
	size_t room;
	uint32_t crc; /* of the last frame */
	struct cgw__record_end end;
	int err; /* what ended it */
};

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static int put(struct cgw_recorder *r, const void *data, size_t len)
{
	if (r->room - r->len < len) {
		size_t room = r->room + len + 65536;
		char *buf = realloc(r->buf, room);

		if (!buf)
			return cgw__oom(r->c);
		r->buf = buf;
		r->room = room;
	}
	memcpy(r->buf + r->len, data, len);
	r->len += len;
	return 0;
}

/* With one write(2), unless that takes only a part. */
int cgw_recorder_flush(struct cgw_recorder *r)
{
	size_t done = 0;

	while (done < r->len && !r->err) {
		ssize_t n = write(r->fd, r->buf + done, r->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			r->err = n < 0 ? -errno : -ENOSPC;
		else
			done += (size_t)n;
	}
	r->len = 0;
	return r->err ? cgw__err(r->c, r->err, "cannot write the recording") : 0;
}

static int put_head(struct cgw_recorder *r)
{
	struct cgw__record_head head = {
		.magic = CGW_RECORD_MAGIC,
		.order = CGW_RECORD_ORDER,
		.version = CGW_RECORD_VERSION,
		.size = sizeof(head),
		.record = sizeof(struct cgw_trace_record),
		.wall_ns = now(CLOCK_REALTIME),
		.mono_ns = now(CLOCK_MONOTONIC),
	};
	struct utsname uts;

	if (!uname(&uts))
		snprintf(head.release, sizeof(head.release), "%s", uts.release);
	snprintf(head.by, sizeof(head.by), "%s", cgw_version());
	head.crc = cgw__crc(0, &head, offsetof(struct cgw__record_head, crc));
	r->crc = head.crc;
	return put(r, &head, sizeof(head));
}

/* Give the frame that begins at this place of the buffer its head. */
static void seal(struct cgw_recorder *r, size_t at, bool is_end)
{
	size_t len = r->len - at - sizeof(struct cgw__frame_head);
	struct cgw__frame_head head = { .length = is_end ? 0 : (uint32_t)len };

	head.crc = cgw__crc(r->crc, r->buf + at + sizeof(head), len);
	head.check = cgw__crc(r->crc, &head, offsetof(struct cgw__frame_head, check));
	memcpy(r->buf + at, &head, sizeof(head));
	r->crc = head.crc;
}

static int put_string(struct cgw_recorder *r, const char *s)
{
	uint32_t len = s ? (uint32_t)strlen(s) : CGW_NO_STRING;
	int err = put(r, &len, sizeof(len));

	return !err && s ? put(r, s, len) : err;
}

static int put_event(struct cgw_recorder *r, const struct cgw_trace_event *e)
{
	const char *const *const strings[] = CGW_RECORD_STRINGS(e);
	struct cgw__frame frame = { .time_ns = e->time_ns,
				    .record = e->record->size,
				    .strings = ARRAY_SIZE(strings) };
	struct cgw__frame_head head = { 0 };
	size_t at = r->len;
	int err;

	err = put(r, &head, sizeof(head));
	if (!err)
		err = put(r, &frame, sizeof(frame));
	if (!err)
		err = put(r, e->record, e->record->size);
	for (size_t i = 0; i < ARRAY_SIZE(strings) && !err; i++)
		err = put_string(r, *strings[i]);
	if (!err && r->len - at - sizeof(head) > CGW_FRAME_MAX)
		err = cgw__bad(r->c, -E2BIG, "cannot record an event of %zu bytes", r->len - at);
	if (!err)
		seal(r, at, false);
	else
		r->len = at;
	return err;
}

int cgw_recorder_write(struct cgw_recorder *r, const struct cgw_trace_event *e)
{
	int err = r->err;

	if (err)
		return cgw__err(r->c, err, "cannot write the recording");
	if (e->record->size < sizeof(*e->record))
		return cgw__bad(r->c, -EINVAL, "cannot record an event without a record");
	err = put_event(r, e);
	if (err)
		return err;
	r->end.events++;
	if (e->record->kind == CGW_TRACE_LOST)
		r->end.lost += ((const struct cgw_trace_lost *)e->record)->records;
	return r->len < BATCH_BYTES ? 0 : cgw_recorder_flush(r);
}

int cgw_recorder_new(struct cgw *c, int fd, struct cgw_recorder **ret_r)
{
	struct cgw_recorder *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return cgw__oom(c);
	r->c = c;
	r->fd = fd;
	err = put_head(r);
	if (!err)
		err = cgw_recorder_flush(r);
	if (err) {
		cgw_recorder_free(r);
		return err;
	}
	*ret_r = r;
	return 0;
}

int cgw_recorder_end(struct cgw_recorder *r)
{
	struct cgw__frame_head head = { 0 };
	size_t at = r->len;
	int err = put(r, &head, sizeof(head));

	if (!err)
		err = put(r, &r->end, sizeof(r->end));
	if (err)
		return err;
	seal(r, at, true);
	err = cgw_recorder_flush(r);
	if (err)
		return err;
	/* A pipe has no disk below it. */
	if (fdatasync(r->fd) < 0 && errno != EINVAL && errno != EROFS)
		r->err = -errno;
	if (r->err)
		return cgw__err(r->c, r->err, "cannot write the recording");
	r->err = -EPIPE; /* nothing may follow */
	return 0;
}

uint64_t cgw_recorder_events(const struct cgw_recorder *r)
{
	return r->end.events;
}

uint64_t cgw_recorder_lost(const struct cgw_recorder *r)
{
	return r->end.lost;
}

void cgw_recorder_free(struct cgw_recorder *r)
{
	if (!r)
		return;
	free(r->buf);
	free(r);
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Reads what record.c wrote, up to where it ends, was cut off or altered. */
#include <inttypes.h>

#include "record.h"

/*
 * Whoever looks at an event may take its record for the structure of its kind, in its newest
 * form, and strings in it for ended: so much after it is zeros.
 */
#define RECORD_ROOM 65536

struct cgw_recording {
	struct cgw *c;
	int fd;
	struct cgw_recording_info info;
	struct cgw__record_head head;
	uint32_t crc; /* of the last frame */
	uint64_t at;  /* in the file: where the frame begins */
	struct cgw__record_end seen;
	char *frame;
	struct cgw_trace_record *record; /* a copy, aligned and with zeros after it */
	size_t used;			 /* of that, by the last one */
	char *strings;
	int result; /* once there are no more events: what read() says */
};

/* Return: how much was read; less than len at the end of the file. */
static ssize_t read_all(int fd, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int cut(struct cgw_recording *r, uint64_t at)
{
	return cgw__fail(r->c, -ENODATA,
			 "the recording is cut after %" PRIu64 " events at byte %" PRIu64,
			 r->seen.events, at);
}

static int altered(struct cgw_recording *r)
{
	return cgw__fail(r->c, -EBADMSG, "the recording is altered at byte %" PRIu64, r->at);
}

/* All of len bytes, or an error; pos: what lies between the frame's begin and here. */
static int read_part(struct cgw_recording *r, void *buf, size_t len, size_t pos)
{
	ssize_t n = read_all(r->fd, buf, len);

	if (n < 0)
		return cgw__err(r->c, (int)n, "cannot read the recording");
	return (size_t)n < len ? cut(r, r->at + pos + (size_t)n) : 0;
}

static int read_head(struct cgw_recording *r)
{
	struct cgw__record_head *head = &r->head;
	ssize_t n = read_all(r->fd, head, sizeof(*head));
	size_t got = n < 0 ? 0 : (size_t)n;

	if (n < 0)
		return cgw__err(r->c, (int)n, "cannot read the recording");
	if (memcmp(head->magic, CGW_RECORD_MAGIC, got < 8 ? got : 8))
		return cgw__bad(r->c, -EINVAL, "this is no recording of cgward");
	if (got >= 12 && head->order == __builtin_bswap32(CGW_RECORD_ORDER))
		return cgw__bad(r->c, -EOPNOTSUPP,
				"the recording comes from a machine of the other byte order");
	if (got >= 16 && head->version != CGW_RECORD_VERSION && head->order == CGW_RECORD_ORDER)
		return cgw__bad(r->c, -EOPNOTSUPP,
				"the recording is of version %u; this cgward reads %d",
				head->version, CGW_RECORD_VERSION);
	if (got < sizeof(*head))
		return cut(r, got);
	r->crc = cgw__crc(0, head, offsetof(struct cgw__record_head, crc));
	if (head->order != CGW_RECORD_ORDER || r->crc != head->crc || head->pad)
		return altered(r);
	if (head->size != sizeof(*head) || head->record != sizeof(struct cgw_trace_record))
		return cgw__bad(r->c, -EOPNOTSUPP,
				"the records of the recording have another layout");
	head->release[sizeof(head->release) - 1] = head->by[sizeof(head->by) - 1] = '\0';
	r->at = sizeof(*head);
	return 0;
}

/* The strings of the frame, the first of which begins here. */
static bool take_strings(struct cgw_recording *r, const struct cgw__frame *frame, const char *p,
			 const char *end, struct cgw_trace_event *e)
{
	const char **strings[] = CGW_RECORD_STRINGS(e);
	char *out = r->strings;

	for (uint32_t i = 0; i < frame->strings; i++) {
		uint32_t len;

		if ((size_t)(end - p) < sizeof(len))
			return false;
		memcpy(&len, p, sizeof(len));
		p += sizeof(len);
		if (len == CGW_NO_STRING)
			continue;
		if ((size_t)(end - p) < len || memchr(p, '\0', len))
			return false;
		memcpy(out, p, len);
		out[len] = '\0';
		if (i < ARRAY_SIZE(strings))
			*strings[i] = out;
		out += len + 1;
		p += len;
	}
	return p == end;
}

static int take_event(struct cgw_recording *r, size_t len, struct cgw_trace_event *e)
{
	const struct cgw_trace_lost *lost = (const void *)r->record;
	struct cgw__frame frame;
	const char *p = r->frame;

	*e = (struct cgw_trace_event){ .record = r->record };
	if (len < sizeof(frame))
		return altered(r);
	memcpy(&frame, p, sizeof(frame));
	p += sizeof(frame);
	if (frame.record < sizeof(*r->record) || frame.record > len - sizeof(frame) ||
	    frame.record > UINT16_MAX)
		return altered(r);
	memset(r->record, 0, r->used);
	memcpy(r->record, p, frame.record);
	r->used = frame.record;
	if (r->record->size != frame.record ||
	    !take_strings(r, &frame, p + frame.record, r->frame + len, e))
		return altered(r);
	r->record->comm[CGW_TRACE_COMM - 1] = '\0';
	e->time_ns = frame.time_ns;
	e->name = cgw_trace_kind_name(r->record->kind);
	if (!e->path)
		e->path = "";
	r->seen.events++;
	if (r->record->kind == CGW_TRACE_LOST)
		r->seen.lost += lost->records;
	return 1;
}

static int take_end(struct cgw_recording *r)
{
	struct cgw__record_end end;
	char more;
	ssize_t n;

	memcpy(&end, r->frame, sizeof(end));
	if (memcmp(&end, &r->seen, sizeof(end)))
		return altered(r);
	r->at += sizeof(struct cgw__frame_head) + sizeof(end);
	n = read_all(r->fd, &more, 1);
	if (n < 0)
		return cgw__err(r->c, (int)n, "cannot read the recording");
	return n ? altered(r) : 0;
}

static int read_frame(struct cgw_recording *r, struct cgw_trace_event *e)
{
	struct cgw__frame_head head;
	size_t len;
	int err = read_part(r, &head, sizeof(head), 0);

	if (err)
		return err;
	if (head.length > CGW_FRAME_MAX ||
	    head.check != cgw__crc(r->crc, &head, offsetof(struct cgw__frame_head, check)))
		return altered(r);
	len = head.length ? head.length : sizeof(struct cgw__record_end);
	err = read_part(r, r->frame, len, sizeof(head));
	if (err)
		return err;
	if (head.crc != cgw__crc(r->crc, r->frame, len))
		return altered(r);
	r->crc = head.crc;
	if (!head.length)
		return take_end(r);
	err = take_event(r, len, e);
	if (err > 0)
		r->at += sizeof(head) + len;
	return err;
}

int cgw_recording_read(struct cgw_recording *r, struct cgw_trace_event *ret_event)
{
	/* What is wrong stays wrong; the text of it may be another's by now. */
	if (r->result <= 0)
		return r->result;
	r->result = read_frame(r, ret_event);
	return r->result;
}

int cgw_recording_open(struct cgw *c, int fd, struct cgw_recording **ret_r)
{
	struct cgw_recording *r = calloc(1, sizeof(*r));
	int err = 0;

	if (!r)
		return cgw__oom(c);
	r->c = c;
	r->fd = fd;
	r->result = 1;
	r->frame = malloc(CGW_FRAME_MAX);
	/* A NUL takes less than the length before each. */
	r->strings = malloc(CGW_FRAME_MAX);
	r->record = calloc(1, UINT16_MAX + RECORD_ROOM);
	if (!r->frame || !r->strings || !r->record)
		err = cgw__oom(c);
	if (!err)
		err = read_head(r);
	if (err) {
		cgw_recording_close(r);
		return err;
	}
	r->info = (struct cgw_recording_info){ .release = r->head.release,
					       .version = r->head.by,
					       .time_ns = r->head.wall_ns,
					       .mono_ns = r->head.mono_ns };
	*ret_r = r;
	return 0;
}

const struct cgw_recording_info *cgw_recording_get_info(const struct cgw_recording *r)
{
	return &r->info;
}

void cgw_recording_close(struct cgw_recording *r)
{
	if (!r)
		return;
	free(r->frame);
	free(r->strings);
	free(r->record);
	free(r);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A recording: a head, a frame for each event, one to end it. Numbers are in the byte order of
 * the machine, records as the kernel gave them: the head says which they are.
 *
 * Each checksum begins with the one before it: a frame that is missing, twice there or in another
 * place is found as one that was altered. The head of a frame has its own: so a frame whose
 * length was altered is not taken for one that was cut off.
 */
#ifndef CGWARD_RECORD_H
#define CGWARD_RECORD_H

#include <zlib.h>

#include "internal.h"

#define CGW_RECORD_MAGIC "cgwrec\r\n"
#define CGW_RECORD_ORDER 0x01020304U
#define CGW_RECORD_VERSION 1
/* Longer than any frame is: a path, a record and some strings. */
#define CGW_FRAME_MAX (1U << 20)
#define CGW_NO_STRING UINT32_MAX

struct cgw__record_head {
	char magic[8];
	uint32_t order;
	uint32_t version;
	uint32_t size;	 /* of the head */
	uint32_t record; /* size of struct cgw_trace_record */
	uint64_t wall_ns;
	uint64_t mono_ns;
	char release[64]; /* of the kernel */
	char by[32];	  /* version of cgward */
	uint32_t crc;	  /* of all before it */
	uint32_t pad;
};

struct cgw__frame_head {
	uint32_t length; /* of what follows; 0 = the end, struct cgw__record_end follows */
	uint32_t crc;	 /* of that */
	uint32_t check;	 /* of the two numbers before */
};

struct cgw__record_end {
	uint64_t events;
	uint64_t lost;
};

/* What a frame begins with: the record, then the strings follow, each with its length before it. */
struct cgw__frame {
	uint64_t time_ns;
	uint32_t record; /* its size */
	uint32_t strings;
};

/*
 * The strings of an event, in the order in which they are kept. More may be added at the end, and
 * the version stays: who reads takes those that he knows, and what is missing is NULL.
 */
#define CGW_RECORD_STRINGS(e)                                                                      \
	{                                                                                          \
		&(e)->path, &(e)->from, &(e)->rule, &(e)->decided_by, &(e)->node                   \
	}

static inline uint32_t cgw__crc(uint32_t seed, const void *data, size_t len)
{
	return (uint32_t)crc32(seed, data, (uInt)len);
}

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Random numbers, the same in every run: set random_state first. */
#ifndef CGWARD_RANDOM_H
#define CGWARD_RANDOM_H

#include <stdint.h>

static uint64_t random_state;

/* splitmix64 */
static inline uint64_t next_random(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static inline unsigned int below(unsigned int n)
{
	return (unsigned int)(next_random() % n);
}

#endif

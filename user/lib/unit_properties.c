// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Values of control files as properties of a unit, for systemd to write them again when it writes
 * the files of the group. What no property says is left to the files, which get all of them anyway.
 */
#include <ctype.h>
#include <inttypes.h>

#include "unit.h"

#define INFINITY_NUMBER UINT64_MAX
#define USEC_PER_SEC 1000000
#define PERIOD_US 100000
#define PERCENT_US (USEC_PER_SEC / 100) /* of a CPU, in a second */

/* There is room for all that are ever added. */
struct cgw__property *cgw__property_add(struct cgw__properties *p, const char *name, char type)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->list[i].name, name)) {
			free(p->list[i].bytes);
			p->list[i] = (struct cgw__property){ .name = name, .type = type };
			return &p->list[i];
		}
	p->list[p->n] = (struct cgw__property){ .name = name, .type = type };
	return &p->list[p->n++];
}

void cgw__properties_free(struct cgw__properties *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->list[i].bytes);
	p->n = 0;
}

/* Is one of them named in the message, as one this systemd does not know? It is sent no more. */
bool cgw__properties_drop(struct cgw__properties *p, const char *message)
{
	for (size_t i = 0; i < p->n; i++) {
		size_t len = strlen(p->list[i].name);
		const char *at = p->list[i].unknown ? NULL : strstr(message, p->list[i].name);

		/* These decide what it is. */
		if (!strcmp(p->list[i].name, "Slice") || !strcmp(p->list[i].name, "Delegate"))
			continue;
		if (at && (at == message || !isalnum((unsigned char)at[-1])) &&
		    !isalnum((unsigned char)at[len])) {
			p->list[i].unknown = true;
			return true;
		}
	}
	return false;
}

/* A number in plain digits or "max", and nothing after it but what end is given for. */
static bool parse_amount(const char *text, uint64_t *ret_number, const char **end)
{
	size_t digits = strspn(text, "0123456789");

	if (!strncmp(text, "max", 3)) {
		*ret_number = INFINITY_NUMBER;
		digits = 3;
	} else {
		errno = 0;
		*ret_number = strtoull(text, NULL, 10);
		if (!digits || errno)
			return false;
	}
	if (!end)
		return !text[digits];
	*end = text + digits;
	return true;
}

/* Files with one number, and what systemd takes for them. */
static const struct {
	const char *file;
	const char *property;
	uint64_t least;
	uint64_t most;
} amounts[] = {
	{ "cpu.weight", "CPUWeight", 1, 10000 },
	{ "io.weight", "IOWeight", 1, 10000 },
	{ "memory.high", "MemoryHigh", 1, UINT64_MAX },
	{ "memory.low", "MemoryLow", 0, UINT64_MAX },
	{ "memory.max", "MemoryMax", 1, UINT64_MAX },
	{ "memory.min", "MemoryMin", 0, UINT64_MAX },
	{ "memory.swap.max", "MemorySwapMax", 0, UINT64_MAX },
	{ "memory.zswap.max", "MemoryZSwapMax", 0, UINT64_MAX },
	{ "pids.max", "TasksMax", 1, UINT64_MAX },
};

static void add_amount(struct cgw__properties *p, const char *file, const char *value)
{
	uint64_t number;

	/* io.weight has a line for each device, too */
	if (!strcmp(file, "io.weight") && !strncmp(value, "default ", 8))
		value += 8;
	for (size_t i = 0; i < ARRAY_SIZE(amounts); i++)
		if (!strcmp(file, amounts[i].file) && parse_amount(value, &number, NULL) &&
		    number >= amounts[i].least && number <= amounts[i].most)
			cgw__property_add(p, amounts[i].property, 't')->number = number;
}

/*
 * "QUOTA [PERIOD]". In the unit's file systemd keeps whole percents of a CPU, and rounds down when
 * it reads them again: here it is rounded up, never to nothing.
 */
static void add_cpu_max(struct cgw__properties *p, const struct cgw_resources *r, const char *value)
{
	uint64_t quota, period = PERIOD_US, per_sec = INFINITY_NUMBER;
	const char *rest;

	if (!parse_amount(value, &quota, &rest))
		return;
	if (*rest && (*rest != ' ' || !parse_amount(rest + 1, &period, NULL)))
		return;
	if (!period || period > USEC_PER_SEC || !quota)
		return;
	if (quota != INFINITY_NUMBER) {
		if (quota > UINT64_MAX / USEC_PER_SEC / 2)
			return;
		per_sec = (quota * USEC_PER_SEC + period - 1) / period;
		if (per_sec % PERCENT_US) {
			per_sec += PERCENT_US - per_sec % PERCENT_US;
			cgw__log(r->c, CGW_LOG_WARNING,
				 "cpu.max=%s is no whole percentage: systemd makes it %" PRIu64
				 "%% when it is reloaded", value, per_sec / PERCENT_US);
		}
	}
	cgw__property_add(p, "CPUQuotaPerSecUSec", 't')->number = per_sec;
	if (*rest)
		cgw__property_add(p, "CPUQuotaPeriodUSec", 't')->number = period;
}

/* "0-3,6" as bits, the first CPU being the lowest of the first byte. */
int cgw__parse_cpu_list(const char *text, uint8_t **ret_bytes, size_t *ret_n)
{
	_cleanup_free_ uint8_t *bytes = calloc(1, 1024);
	size_t n = 0;
	char *end;

	if (!bytes)
		return -ENOMEM;
	for (;;) {
		unsigned long first, last;

		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		first = last = strtoul(text, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			last = strtoul(end + 1, &end, 10);
		if (first > last || last >= 8192)
			return -EINVAL;
		for (; first <= last; first++)
			bytes[first / 8] |= (uint8_t)(1U << first % 8);
		n = n > last / 8 + 1 ? n : last / 8 + 1;
		if (!*end)
			break;
		if (*end != ',')
			return -EINVAL;
		text = end + 1;
	}
	*ret_n = n;
	*ret_bytes = TAKE_PTR(bytes);
	return 0;
}

/* The other way round; free() it. */
char *cgw__format_cpu_list(const uint8_t *bytes, size_t n)
{
	char *text = calloc(n * 8 + 1, sizeof("1234-1234,"));
	size_t at = 0, first, last;

	for (first = 0; text && first < n * 8; first = last + 1) {
		last = first;
		if (!(bytes[first / 8] >> first % 8 & 1))
			continue;
		while (last + 1 < n * 8 && bytes[(last + 1) / 8] >> (last + 1) % 8 & 1)
			last++;
		at += (size_t)sprintf(text + at, "%s%zu", at ? "," : "", first);
		if (last > first)
			at += (size_t)sprintf(text + at, "-%zu", last);
	}
	return text;
}

static int add_cpu_list(struct cgw__properties *p, const char *name, const char *value)
{
	struct cgw__property *property;
	uint8_t *bytes;
	size_t n;
	int err = cgw__parse_cpu_list(value, &bytes, &n);

	if (err)
		return err == -ENOMEM ? err : 0;
	property = cgw__property_add(p, name, 'y');
	property->bytes = bytes;
	property->n_bytes = n;
	return 0;
}

static int add_setting(struct cgw__properties *p, const struct cgw_resources *r, const char *file,
		       const char *value, bool slice)
{
	if (!strcmp(file, "cpu.max"))
		add_cpu_max(p, r, value);
	else if (!strcmp(file, "cpuset.cpus"))
		return add_cpu_list(p, "AllowedCPUs", value);
	else if (!strcmp(file, "cpuset.mems"))
		return add_cpu_list(p, "AllowedMemoryNodes", value);
	else if (!strcmp(file, "cpu.idle") && !strcmp(value, "1"))
		cgw__property_add(p, "CPUWeight", 't')->number = 0;
	else if (!strcmp(file, "memory.oom.group") && !slice)
		cgw__property_add(p, "OOMPolicy", 's')->text =
			!strcmp(value, "1") ? "kill" : "continue";
	else
		add_amount(p, file, value);
	return 0;
}

/* In the order in which the files are written: an idle group's weight is 0, whatever it was. */
int cgw__properties_add_resources(struct cgw__properties *p, const struct cgw_resources *r,
				  bool slice)
{
	_cleanup_free_ size_t *order = cgw__resources_order(r);
	int err = order ? 0 : -ENOMEM;

	for (size_t i = 0; i < r->n && !err; i++) {
		const struct cgw__setting *s = &r->items[order[i]];

		if (s->cpu)
			cgw__property_add(p, "CPUQuotaPerSecUSec", 't')->number =
				(uint64_t)s->cpu * PERCENT_US;
		else
			err = add_setting(p, r, s->file, s->value, slice);
		if (!err && s->or_file)
			err = add_setting(p, r, s->or_file, s->or_value, slice);
	}
	return err ? cgw__oom(r->c) : 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What libbpf has to say goes to the log of the context that it works for. */
#include <bpf/libbpf.h>

#include "device.h"

static __thread struct cgw *printing_for;
static __thread libbpf_print_fn_t before;

static _printf_(2, 0) int print_to_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[512];

	if (level == LIBBPF_DEBUG || !printing_for)
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	cgw__log(printing_for, CGW_LOG_DEBUG, "%s", line);
	return 0;
}

void cgw__bpf_log_begin(struct cgw *c)
{
	before = libbpf_set_print(print_to_log);
	printing_for = c;
}

void cgw__bpf_log_end(void)
{
	printing_for = NULL;
	libbpf_set_print(before);
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The tracer of lifecycles: all that it tells comes from the kernel as it is. */
#include <cgward/trace.h>

#include "lifecycle.skel.h"
#include "tracer.h"

static const void *elf(size_t *ret_size)
{
	return cgw_lifecycle_bpf__elf_bytes(ret_size);
}

static const struct cgw__part parts[] = {
	{ "cgroup_attach_task", "where attached tasks come from, and moves out of watched groups" },
	{ "cgroup_file_write", "writes to control files" },
	{ 0 },
};

const struct cgw__tracer cgw__lifecycle = {
	.name = "lifecycle",
	.elf = elf,
	/* Names of hundreds of groups that are made at once. */
	.ring_bytes = 4 << 20,
	.parts = parts,
};

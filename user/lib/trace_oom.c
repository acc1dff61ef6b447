// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The tracer of OOM kills: which of its programs fit this kernel, and the counts it begins with. */
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "tracer.h"

#include "oom.skel.h"

/*
 * Is the argument of the tracepoint mark_victim a task, or a pid? A program for the one would be
 * loaded on the other too, and read nonsense. Return: 1, 0, -ENOENT when it is neither.
 */
int cgw__victim_is_task(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "btf_trace_mark_victim", BTF_KIND_TYPEDEF);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

	t = t ? btf__type_by_id(btf, t->type) : NULL;
	if (t && btf_is_ptr(t))
		t = btf__type_by_id(btf, t->type);
	/* Before its own arguments there is that of whoever listens. */
	if (!t || !btf_is_func_proto(t) || btf_vlen(t) < 2)
		return -ENOENT;
	id = btf__resolve_type(btf, btf_params(t)[1].type);
	t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
	return t && btf_is_ptr(t) ? 1 : t && btf_is_int(t) ? 0 : -ENOENT;
}

static void leave_out(struct cgw__armed *a, const char *program)
{
	struct bpf_program *p = bpf_object__find_program_by_name(a->obj, program);

	if (p)
		bpf_program__set_autoload(p, false);
}

static int choose(struct cgw_trace *t, struct cgw__armed *a)
{
	struct bpf_map *rodata = bpf_object__find_map_by_name(a->obj, ".rodata.oom");
	int is_task = cgw__victim_is_task(t->btf);
	uint32_t *page_bytes;
	size_t size;

	page_bytes = rodata ? (void *)bpf_map__initial_value(rodata, &size) : NULL;
	if (!page_bytes)
		return -EINVAL;
	*page_bytes = (uint32_t)sysconf(_SC_PAGESIZE);
	if (is_task < 0)
		return cgw__fail(t->c, -EOPNOTSUPP, "cannot trace oom: this kernel's tracepoint mark_victim has other arguments");
	leave_out(a, is_task ? "cgward_victim_pid" : "cgward_victim");
	if (btf__find_by_name_kind(t->btf, "bpf_iter_cgroup", BTF_KIND_FUNC) < 0)
		leave_out(a, "cgward_oom_prime");
	return 0;
}

/*
 * Take note of how many OOMs each group has had. Without that (before Linux 6.1) the first one of
 * each is not known to be new.
 */
static int prime(struct cgw_trace *t, struct cgw__armed *a)
{
	struct bpf_program *p = bpf_object__find_program_by_name(a->obj, "cgward_oom_prime");
	union bpf_iter_link_info info = { .cgroup.order = BPF_CGROUP_ITER_DESCENDANTS_PRE };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	_cleanup_close_ int fd = -EBADF;
	struct bpf_link *link;
	char nothing[64];
	int err = 0;

	(void)t;
	if (!bpf_program__autoload(p))
		return 0;
	link = bpf_program__attach_iter(p, &opts);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0 || read(fd, nothing, sizeof(nothing)) < 0)
		err = -errno;
	bpf_link__destroy(link);
	return err;
}

static const void *elf(size_t *ret_size)
{
	return cgw_oom_bpf__elf_bytes(ret_size);
}

const struct cgw__tracer cgw__oom_killer = {
	.name = "oom",
	.elf = elf,
	.ring_bytes = 256 << 10,
	.choose = choose,
	.attach = prime,
};

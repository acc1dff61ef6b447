// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Which devices groups really use: counted in the kernel, in a table that drops nothing. */
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "tracer.h"

#include "learn.skel.h"

#define DEFAULT_USES 16384

/* A tracer without a ring to read. */
struct cgw_learn {
	struct cgw_trace t;
	uint32_t max_uses;
};

static int choose(struct cgw_trace *t, struct cgw__armed *a)
{
	const struct cgw_learn *l = (const void *)t;

	return bpf_map__set_max_entries(bpf_object__find_map_by_name(a->obj, "uses"), l->max_uses);
}

static const void *elf(size_t *ret_size)
{
	return cgw_learn_bpf__elf_bytes(ret_size);
}

static const struct cgw__tracer learner = {
	.name = "learn",
	.elf = elf,
	.ring_bytes = 64 << 10,
	.choose = choose,
	.attach = cgw__observe,
};

int cgw_learn_new(struct cgw *c, const struct cgw_learn_opts *opts, struct cgw_learn **ret_l)
{
	struct cgw_learn *l;
	int err;

	if (opts->sz != sizeof(*opts))
		return cgw__bad(c, -EINVAL, "cannot learn: opts of another size");
	if (opts->n_groups > CGW_TRACE_TARGETS || opts->max_uses > CGW_LEARN_MAX_USES)
		return cgw__bad(c, -E2BIG, "cannot learn: at most %d groups and %u uses",
				CGW_TRACE_TARGETS, CGW_LEARN_MAX_USES);
	err = cgw__root(c);
	if (err < 0)
		return err;
	l = calloc(1, sizeof(*l));
	if (!l)
		return cgw__oom(c);
	l->t = (struct cgw_trace){ .c = c, .groups = opts->groups, .n_groups = opts->n_groups };
	l->max_uses = opts->max_uses ? (uint32_t)opts->max_uses : DEFAULT_USES;
	err = cgw__trace_btf(&l->t);
	if (!err)
		err = cgw__tracer_arm(&l->t, &learner, 0);
	if (err) {
		cgw_learn_free(l);
		return err;
	}
	*ret_l = l;
	return 0;
}

void cgw_learn_free(struct cgw_learn *l)
{
	if (!l)
		return;
	while (l->t.n_armed)
		cgw__tracer_disarm(&l->t.armed[--l->t.n_armed]);
	btf__free(l->t.btf);
	free(l);
}

static int compare(const void *a, const void *b)
{
	const struct cgw_use *x = a, *y = b;

	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	if (x->major != y->major)
		return x->major < y->major ? -1 : 1;
	if (x->minor != y->minor)
		return x->minor < y->minor ? -1 : 1;
	return (x->access > y->access) - (x->access < y->access);
}

ssize_t cgw_learn_read(struct cgw_learn *l, struct cgw_use **ret_uses, uint64_t *ret_missed)
{
	const struct cgw__armed *a = &l->t.armed[0];
	int fd = bpf_object__find_map_fd_by_name(a->obj, "uses");
	struct cgw_use *uses = calloc(l->max_uses, sizeof(*uses));
	struct cgw_use_key key, *at = NULL;
	struct cgw_use_counts n;
	size_t count = 0;

	if (!uses)
		return cgw__oom(l->t.c);
	while (count < l->max_uses && !bpf_map_get_next_key(fd, at, &key)) {
		at = &key;
		if (bpf_map_lookup_elem(fd, &key, &n) < 0)
			continue;
		uses[count++] = (struct cgw_use){
			.allowed = n.allowed,
			.denied = n.denied,
			.major = key.major,
			.minor = key.minor,
			.type = (uint8_t)key.type,
			.access = (uint8_t)key.access,
		};
	}
	qsort(uses, count, sizeof(*uses), compare);
	*ret_uses = uses;
	if (ret_missed)
		*ret_missed = __atomic_load_n(&a->counts->lost, __ATOMIC_RELAXED);
	return (ssize_t)count;
}

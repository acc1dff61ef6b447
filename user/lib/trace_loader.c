// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Loads a tracer's object, tuned to what this kernel has, and attaches it. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/bpf.h>
#include <sys/mman.h>

#include "device.h"
#include "tracer.h"

/* The kernel's types, by which programs are fitted to it. */
int cgw__trace_btf(struct cgw_trace *t)
{
	cgw__bpf_log_begin(t->c);
	t->btf = btf__load_vmlinux_btf();
	cgw__bpf_log_end();
	if (t->btf)
		return 0;
	cgw__fail(t->c, -EOPNOTSUPP, "cannot trace: this kernel does not describe its types (no /sys/kernel/btf/vmlinux)");
	cgw__hint(t->c, "a kernel built with CONFIG_DEBUG_INFO_BTF");
	return -EOPNOTSUPP;
}

/* Does the kernel have a tracepoint of this name that programs can be typed by? */
static bool has_tracepoint(const struct cgw_trace *t, const char *name)
{
	char type[128];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return btf__find_by_name_kind(t->btf, type, BTF_KIND_TYPEDEF) > 0;
}

/*
 * Can a program be put at the entry of this function? Found out by loading an empty one; errno
 * says why not.
 */
bool cgw__trace_has_fentry(struct cgw_trace *t, const char *function)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY);
	int id = btf__find_by_name_kind(t->btf, function, BTF_KIND_FUNC), fd;

	errno = ENOENT;
	if (id <= 0 || t->c->no_fentry)
		return false;
	opts.attach_btf_id = (uint32_t)id;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "cgward_probe", "GPL", nothing,
			   ARRAY_SIZE(nothing), &opts);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static bool is_optional(const struct cgw__tracer *tracer, const char *tracepoint)
{
	for (size_t i = 0; tracer->optional && tracer->optional[i]; i++)
		if (!strcmp(tracer->optional[i], tracepoint))
			return true;
	return false;
}

/* Keep what is not told without a program at this function; errno says why there is none. */
static void note_missing(struct cgw_trace *t, const struct cgw__tracer *tracer,
			 const char *function)
{
	const struct cgw__part *part = tracer->parts;
	char why[128];

	while (part && part->function && strcmp(part->function, function))
		part++;
	if (!part || !part->function || t->n_missing == CGW_MAX_MISSING)
		return;
	if (errno == ENOENT)
		snprintf(why, sizeof(why), "this kernel has no function %s", function);
	else
		snprintf(why, sizeof(why), "the kernel takes no program at %s (%s)", function,
			 strerrorname_np(errno));
	snprintf(t->missing[t->n_missing++], sizeof(t->missing[0]), "%s: %s", part->what, why);
}

/* Leave out what this kernel has no hook for; the section names say what that is. */
static int choose(struct cgw_trace *t, struct cgw__armed *a)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, a->obj)
	{
		const char *section = bpf_program__section_name(p), *hook = strchr(section, '/');
		bool there = true;

		if (!hook++)
			continue;
		if (!strncmp(section, "fentry/", 7) || !strncmp(section, "fexit/", 6)) {
			there = cgw__trace_has_fentry(t, hook);
			if (!there && section[2] == 'n') /* once, not at its exit too */
				note_missing(t, a->tracer, hook);
		} else if (!strncmp(section, "tp_btf/", 7)) {
			there = has_tracepoint(t, hook);
			if (!there && !is_optional(a->tracer, hook)) {
				cgw__fail(t->c, -EOPNOTSUPP,
					  "cannot trace %s: this kernel has no tracepoint %s",
					  a->tracer->name, hook);
				return -EOPNOTSUPP;
			}
		}
		if (!there)
			bpf_program__set_autoload(p, false);
	}
	return a->tracer->choose ? a->tracer->choose(t, a) : 0;
}

static int configure(struct cgw_trace *t, struct cgw__armed *a, size_t ring_bytes)
{
	struct bpf_map *rodata = bpf_object__find_map_by_name(a->obj, ".rodata.cgw");
	struct bpf_map *events = bpf_object__find_map_by_name(a->obj, "events");
	struct cgw_trace_config *config;
	size_t size;

	config = rodata ? (void *)bpf_map__initial_value(rodata, &size) : NULL;
	if (!config || size < sizeof(*config) || !events)
		return cgw__fail(t->c, -EINVAL,
				 "cannot trace %s: its object is not as it was built",
				 a->tracer->name);
	config->root = t->root;
	config->everything = !t->n_groups;
	return bpf_map__set_max_entries(events, (uint32_t)ring_bytes);
}

/* The groups that are watched. */
static int fill_targets(struct cgw_trace *t, struct cgw__armed *a)
{
	int fd = bpf_object__find_map_fd_by_name(a->obj, "targets");
	uint8_t one = 1;

	for (size_t i = 0; i < t->n_groups; i++)
		if (bpf_map_update_elem(fd, &t->groups[i]->id, &one, BPF_ANY) < 0)
			return -errno;
	return 0;
}

static int attach(struct cgw__armed *a)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, a->obj)
	{
		if (!bpf_program__autoload(p) || bpf_program__type(p) != BPF_PROG_TYPE_TRACING ||
		    bpf_program__expected_attach_type(p) == BPF_TRACE_ITER)
			continue;
		if (a->n_links == CGW_MAX_LINKS)
			return -E2BIG;
		a->links[a->n_links] = bpf_program__attach(p);
		if (!a->links[a->n_links])
			return -errno;
		a->n_links++;
	}
	return 0;
}

/* What the programs count can be read where they write it. */
static int map_counts(struct cgw__armed *a)
{
	struct bpf_map *data = bpf_object__find_map_by_name(a->obj, ".data.cgw");

	if (!data)
		return -EINVAL;
	a->counts = mmap(NULL, sizeof(*a->counts), PROT_READ, MAP_SHARED, bpf_map__fd(data), 0);
	if (a->counts != MAP_FAILED)
		return 0;
	a->counts = NULL;
	return -errno;
}

void cgw__tracer_disarm(struct cgw__armed *a)
{
	if (a->counts)
		munmap((void *)a->counts, sizeof(*a->counts));
	a->counts = NULL;
	while (a->n_links)
		bpf_link__destroy(a->links[--a->n_links]);
	bpf_object__close(a->obj);
	a->obj = NULL;
}

static int load(struct cgw_trace *t, struct cgw__armed *a, size_t ring_bytes)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = a->tracer->name);
	const void *elf;
	size_t size;
	int err;

	elf = a->tracer->elf(&size);
	a->obj = bpf_object__open_mem(elf, size, &opts);
	if (!a->obj)
		return -errno;
	err = choose(t, a);
	if (!err)
		err = configure(t, a, ring_bytes);
	if (!err)
		err = bpf_object__load(a->obj);
	if (!err)
		err = map_counts(a);
	if (!err)
		err = fill_targets(t, a);
	if (!err)
		err = attach(a);
	if (!err && a->tracer->attach)
		err = a->tracer->attach(t, a);
	return err;
}

/* Load and attach one tracer into a place that is zeroed. */
int cgw__tracer_arm(struct cgw_trace *t, const struct cgw__tracer *tracer, size_t ring_bytes)
{
	struct cgw__armed *a = &t->armed[t->n_armed];
	char what[64];
	int err;

	*a = (struct cgw__armed){ .t = t, .tracer = tracer };
	t->c->error.text[0] = '\0';
	cgw__bpf_log_begin(t->c);
	err = load(t, a, ring_bytes ? ring_bytes : tracer->ring_bytes);
	cgw__bpf_log_end();
	if (!err) {
		t->n_armed++;
		return 0;
	}
	cgw__tracer_disarm(a);
	if (t->c->error.text[0])
		return err;
	snprintf(what, sizeof(what), "cannot load the tracer '%s'", tracer->name);
	return cgw__explain_bpf(t->c, err, what);
}

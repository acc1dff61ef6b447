// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The tracer of denied devices: where it is attached, and which rule it was. */
#include "device.h"
#include "tracer.h"

#include "deny.skel.h"

/* More places than this become one, the root. */
#define MAX_PLACES 8

/* ---- where the observers are ------------------------------------------------------ */

/* Groups that are above what is watched; none is above another. */
struct places {
	char *paths[MAX_PLACES];
	size_t n;
};

static void free_places(struct places *p)
{
	while (p->n)
		free(p->paths[--p->n]);
}

static int one_place(struct cgw *c, struct places *p, const char *path)
{
	free_places(p);
	p->paths[0] = strdup(path);
	if (!p->paths[0])
		return cgw__oom(c);
	p->n = 1;
	return 0;
}

/* A task below two observers would be told twice. */
static int add_place(struct cgw *c, struct places *p, const char *path)
{
	char *parent = path[1] ? cgw__path_parent(path) : strdup(path);
	size_t kept = 0;

	if (!parent)
		return cgw__oom(c);
	for (size_t i = 0; i < p->n; i++)
		if (cgw__path_below(parent, p->paths[i])) {
			free(parent);
			return 0;
		}
	for (size_t i = 0; i < p->n; i++) {
		if (cgw__path_below(p->paths[i], parent))
			free(p->paths[i]);
		else
			p->paths[kept++] = p->paths[i];
	}
	p->n = kept;
	if (p->n < MAX_PLACES) {
		p->paths[p->n++] = parent;
		return 0;
	}
	free(parent);
	return one_place(c, p, "/");
}

static struct bpf_program *find_observer(struct bpf_object *obj)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, obj)
		if (bpf_program__type(p) == BPF_PROG_TYPE_CGROUP_DEVICE)
			return p;
	return NULL;
}

static int observe_at(struct cgw_trace *t, struct cgw__armed *a, const char *path)
{
	_cleanup_(cgw__group_closep) struct cgw_group *g = NULL;
	const struct bpf_program *p = find_observer(a->obj);
	char what[640];
	int err = cgw__group_open_at(t->c, path, &g);

	if (err)
		return err;
	if (!p || a->n_links == CGW_MAX_LINKS)
		return -E2BIG;
	a->links[a->n_links] = bpf_program__attach_cgroup(p, g->fd);
	if (a->links[a->n_links]) {
		a->n_links++;
		return 0;
	}
	err = -errno;
	snprintf(what, sizeof(what), "cannot observe the device filters below '%s'", path);
	if (err == -EPERM && cgw__explain_exclusive(g, what))
		return err;
	return cgw__explain_bpf(t->c, err, what);
}

/* Attach the object's device program above each group that is watched. */
int cgw__observe(struct cgw_trace *t, struct cgw__armed *a)
{
	_cleanup_(free_places) struct places p = { .n = 0 };
	int err = t->n_groups ? 0 : one_place(t->c, &p, "/");

	for (size_t i = 0; i < t->n_groups && !err; i++)
		err = add_place(t->c, &p, t->groups[i]->path);
	for (size_t i = 0; i < p.n && !err; i++)
		err = observe_at(t, a, p.paths[i]);
	return err;
}

/* ---- which device and which rule it was ------------------------------------------- */

#define CACHED 256U
/* For so long the same question has the same answer. */
#define CACHED_NS (1000 * CGW_NSEC_PER_MSEC)

struct question {
	uint64_t group;
	uint32_t major;
	uint32_t minor;
	uint8_t type;
	uint8_t access;
};

struct verdict {
	struct question q;
	int64_t due_ns;
	bool has_rule;
	char rule[CGW_RULE_TEXT_MAX];
	char *decided_by; /* NULL for nobody */
	bool has_node;
	char node[CGW_NODE_MAX];
};

struct cgw__verdicts {
	struct verdict cached[CACHED];
};

static const char *name_of(const struct cgw_program *p, char buf[32])
{
	if (p->looks_like)
		return p->looks_like;
	if (p->name[0])
		return p->name;
	snprintf(buf, 32, "program %u", p->id);
	return buf;
}

/* Programs of other owners, each of which may have refused it: "crun or systemd". */
static int name_foreign(struct cgw_group *g, char *text, size_t size)
{
	_cleanup_free_ struct cgw_program *programs = NULL;
	int n = cgw_group_effective_programs(g, &programs);
	char buf[32];

	for (int i = 0; i < n; i++) {
		const struct cgw_program *p = &programs[i];
		const char *name = name_of(p, buf);
		size_t len = strlen(text);

		if (p->observer || (p->ours && p->level != CGW_LEVEL_HIDDEN) || strstr(text, name))
			continue;
		snprintf(text + len, size - len, "%s%s", len ? " or " : "", name);
	}
	return n < 0 ? n : 0;
}

int cgw_group_find_denier(struct cgw_group *g, unsigned int type, uint32_t major, uint32_t minor,
			  unsigned int access, struct cgw_denier *ret_denier)
{
	struct cgw_check check;
	int err = cgw_group_check_device(g, type, major, minor, access, &check);

	if (err)
		return err;
	*ret_denier = (struct cgw_denier){ 0 };
	if (check.verdict == CGW_VERDICT_UNKNOWN)
		return name_foreign(g, ret_denier->by, sizeof(ret_denier->by));
	if (check.verdict == CGW_VERDICT_ALLOW)
		return 0;
	ret_denier->has_rule = check.has_rule;
	ret_denier->rule = check.rule;
	memcpy(ret_denier->by, check.path, sizeof(check.path));
	return 0;
}

/* What says no to it now; in v nothing where that cannot be told. */
static void ask(struct cgw_group *g, struct verdict *v)
{
	const struct question *q = &v->q;
	struct cgw_denier d;

	if (cgw_group_find_denier(g, q->type, q->major, q->minor, q->access, &d) || !d.by[0])
		return;
	v->has_rule = d.has_rule;
	if (v->has_rule)
		cgw_rule_format(&d.rule, v->rule);
	v->decided_by = strdup(d.by);
}

static void look_up(struct cgw_trace *t, struct verdict *v)
{
	struct cgw_group g = { .c = t->c, .id = v->q.group, .fd = -EBADF };
	cgw_log_fn log_fn = t->c->log_fn;
	struct cgw__error saved = t->c->error;

	g.path = (char *)cgw__names_path(t, v->q.group);
	g.fd = g.path[0] == '/' ? cgw__open_by_id(t->c, v->q.group) : -ENOENT;
	/* What cannot be found out is no failure of the reader. */
	t->c->log_fn = NULL;
	if (g.fd >= 0)
		ask(&g, v);
	t->c->log_fn = log_fn;
	t->c->error = saved;
	cgw__closep(&g.fd);
	v->has_node = cgw_device_node(v->q.type, v->q.major, v->q.minor, v->node);
}

static struct verdict *place_of(struct cgw__verdicts *cache, const struct question *q)
{
	uint64_t hash = (q->group ^ (uint64_t)q->major << 40 ^ (uint64_t)q->minor << 12 ^
			 (uint64_t)q->type << 4 ^ q->access) * 0x9e3779b97f4a7c15ULL;

	return &cache->cached[(hash >> 32) % CACHED];
}

static bool is_same(const struct question *a, const struct question *b)
{
	return a->group == b->group && a->major == b->major && a->minor == b->minor &&
	       a->type == b->type && a->access == b->access;
}

/* Complete an event by what the device is called, and the rule, or the program, that denies it. */
void cgw__verdicts_find(struct cgw_trace *t, struct cgw_trace_event *e)
{
	const struct cgw_trace_deny *r = (const void *)e->record;
	const struct question q = { r->head.group, r->major, r->minor, r->type, r->access };
	int64_t now = cgw__now_ns();
	struct verdict *v;

	if (!t->verdicts)
		t->verdicts = calloc(1, sizeof(*t->verdicts));
	if (!t->verdicts)
		return;
	v = place_of(t->verdicts, &q);
	if (!is_same(&v->q, &q) || v->due_ns <= now) {
		free(v->decided_by);
		*v = (struct verdict){ .q = q, .due_ns = now + CACHED_NS };
		look_up(t, v);
	}
	e->rule = v->has_rule ? v->rule : NULL;
	e->decided_by = v->decided_by;
	e->node = v->has_node ? v->node : NULL;
}

void cgw__verdicts_free(struct cgw_trace *t)
{
	for (size_t i = 0; t->verdicts && i < CACHED; i++)
		free(t->verdicts->cached[i].decided_by);
	free(t->verdicts);
}

static const void *elf(size_t *ret_size)
{
	return cgw_deny_bpf__elf_bytes(ret_size);
}

const struct cgw__tracer cgw__deny = {
	.name = "deny",
	.elf = elf,
	.ring_bytes = 4 << 20,
	.attach = cgw__observe,
};

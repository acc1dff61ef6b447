// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Device policies of groups: attach the shared program, write, read and remove the policy. */
#include <bpf/bpf.h>
#include <poll.h>
#include <time.h>

#include "device.h"

/* GFP_NOWAIT allocations fail now and then: the kernel says ENOMEM and means "again". */
static int write_value(int map_fd, uint64_t id, const void *value)
{
	for (int i = 0;; i++) {
		if (!bpf_map_update_elem(map_fd, &id, value, BPF_ANY))
			return 0;
		if (errno != ENOMEM || i == 200)
			return -errno;
		poll(NULL, 0, 1);
	}
}

/* The map of policies that one of our programs uses. */
static int open_map(int prog_fd, struct bpf_map_info *ret_info)
{
	uint32_t map_ids[4] = { 0 }, len;
	struct bpf_prog_info info = { .map_ids = (uintptr_t)map_ids,
				      .nr_map_ids = ARRAY_SIZE(map_ids) };

	len = sizeof(info);
	if (bpf_obj_get_info_by_fd(prog_fd, &info, &len) < 0)
		return -errno;
	for (uint32_t i = 0; i < info.nr_map_ids && i < ARRAY_SIZE(map_ids); i++) {
		_cleanup_close_ int fd = bpf_map_get_fd_by_id(map_ids[i]);

		len = sizeof(*ret_info);
		memset(ret_info, 0, len);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, ret_info, &len) < 0)
			return -errno;
		if (!strncmp(ret_info->name, CGW_MAP_NAME, strlen(CGW_MAP_NAME)))
			return TAKE_FD(fd);
	}
	return -ESTALE;
}

/* Is this value one that this build can read? */
static bool is_readable(const struct cgw_policy_value *v, uint32_t size)
{
	if (!v->magic)
		return true;
	return v->magic == CGW_POLICY_MAGIC && v->version == CGW_POLICY_VERSION &&
	       v->semantics <= CGW_SEMANTICS_CONTAINERD && v->size_class < CGW_POLICY_CLASSES &&
	       cgw__policy_classes[v->size_class].bytes == size;
}

/* Read the value that the program holds for the group; free() it. */
static int read_value(struct cgw_group *g, int prog_fd, struct cgw_policy_value **ret_value,
		      uint32_t *ret_size)
{
	_cleanup_free_ struct cgw_policy_value *value = NULL;
	struct bpf_map_info map;
	_cleanup_close_ int fd = open_map(prog_fd, &map);
	uint64_t key;

	if (fd < 0)
		return fd;
	if (map.value_size < sizeof(*value))
		return -ESTALE;
	value = malloc(map.value_size);
	if (!value)
		return -ENOMEM;
	/* That of a program of the policy's own is an array of one value. */
	key = map.type == BPF_MAP_TYPE_ARRAY ? 0 : g->id;
	if (bpf_map_lookup_elem(fd, &key, value) < 0)
		return -errno;
	if (!is_readable(value, map.value_size))
		return -ESTALE;
	*ret_value = TAKE_PTR(value);
	*ret_size = map.value_size;
	return 0;
}

/* What is attached to a group. */
struct attached {
	int kind; /* what it has of the size class that is wanted: FILTER, ... or 0 */
	/*
	 * Ours of other size classes, builds and unshared loads, and of policies alone; those of
	 * other owners.
	 */
	struct cgw__program others[CGW_MAX_PROGRAMS], foreign[CGW_MAX_PROGRAMS];
	size_t n_others;
	size_t n_foreign;
};

static void drop_other(struct attached *a, size_t i)
{
	if (!a->others[i].is_lent)
		close(a->others[i].fd);
	a->others[i] = a->others[--a->n_others];
}

static void close_attached(struct attached *a)
{
	while (a->n_others)
		drop_other(a, a->n_others - 1);
	while (a->n_foreign)
		close(a->foreign[--a->n_foreign].fd);
}

/* FILTER, ADOPTER or SHORTCUT for one of this load's programs of the size class, else 0. */
static int kind_of(const struct cgw__loader *l, unsigned int size_class, uint32_t id)
{
	for (unsigned int kind = FILTER; kind < N_KINDS; kind++)
		if (l->ids[cgw__pin(size_class, kind)] == id)
			return (int)kind;
	return 0;
}

static int find_attached(struct cgw_group *g, const struct cgw__loader *l, unsigned int size_class,
			 struct attached *a)
{
	uint32_t ids[CGW_MAX_PROGRAMS], n = ARRAY_SIZE(ids);
	int err = cgw__query_devices(g, 0, ids, &n);

	if (err)
		return err;
	for (uint32_t i = 0; i < n; i++) {
		struct cgw__program p = { .id = ids[i] };
		struct bpf_prog_info info;
		int kind = kind_of(l, size_class, ids[i]);

		if (kind && !a->kind) {
			a->kind = kind;
			continue;
		}
		p.fd = cgw__own_find(l, ids[i]);
		if (p.fd >= 0) {
			p.is_lent = true;
			a->others[a->n_others++] = p;
			continue;
		}
		memset(&info, 0, sizeof(info));
		/* One that cannot be looked at is not ours, and stays. */
		if (cgw__get_program(ids[i], &info, &p.fd))
			continue;
		if (cgw__is_observer(info.name))
			close(p.fd);
		else if (cgw__is_ours(&info))
			a->others[a->n_others++] = p;
		else
			a->foreign[a->n_foreign++] = p;
	}
	return 0;
}

static int attach(struct cgw_group *g, int prog_fd, int replace_fd)
{
	LIBBPF_OPTS(bpf_prog_attach_opts, opts, .flags = BPF_F_ALLOW_MULTI);
	char what[640];
	int err;

	if (replace_fd >= 0) {
		opts.flags |= BPF_F_REPLACE;
		opts.replace_prog_fd = replace_fd;
	}
	if (!bpf_prog_attach_opts(prog_fd, g->fd, BPF_CGROUP_DEVICE, &opts))
		return 0;
	err = -errno;
	snprintf(what, sizeof(what), "cannot attach the device program to '%s'", g->path);
	if (err == -ENOENT && replace_fd < 0)
		return cgw__fail(g->c, -ENODEV, "%s: the group was removed", what);
	if (err == -EPERM && cgw__explain_exclusive(g, what))
		return err;
	if (err == -E2BIG) {
		cgw__fail(g->c, err, "%s: %d programs are attached already", what, CGW_MAX_PROGRAMS);
		cgw__hint(g->c, "somebody leaks one at each update: bpftool cgroup show %s%s",
			  g->c->mount, g->path);
		return err;
	}
	return cgw__explain_bpf(g->c, err, what);
}

/* Return: -ENOENT, nothing said: no program of this size class ever gave the group storage. */
static int write_policy(struct cgw_group *g, const struct cgw__loader *l,
			const struct cgw_policy_value *value)
{
	int err = write_value(l->fds[cgw__pin(value->size_class, POLICIES)], g->id, value);

	if (err && err != -ENOENT)
		cgw__err(g->c, err, "cannot write the device policy of '%s'", g->path);
	return err;
}

/* Put one program of a size class in the place of another, or just there where from is 0. */
static int put(struct cgw_group *g, const struct cgw__loader *l, unsigned int size_class, int from,
	       int to)
{
	return attach(g, l->fds[cgw__pin(size_class, (unsigned int)to)],
		      from ? l->fds[cgw__pin(size_class, (unsigned int)from)] : -EBADF);
}

static int wanted_kind(const struct cgw_policy_value *value)
{
	return value->flags & CGW_POLICY_SHORTCUT ? SHORTCUT : FILTER;
}

/*
 * The policy is written and in force: the program that suits it best takes over. The filter
 * decides alike, only slower: where the shortcut cannot be had (64 programs are attached, and
 * the kernel replaces none then) it stays.
 */
static int put_wanted(struct cgw_group *g, const struct cgw__loader *l, int kind,
		      const struct cgw_policy_value *value)
{
	int wanted = wanted_kind(value), err;

	if (kind == wanted)
		return 0;
	err = put(g, l, value->size_class, kind, wanted);
	return err && kind == FILTER ? 0 : err;
}

/* Nobody is inside yet: the filter denies everything until its policy is there. */
static int set_fresh(struct cgw_group *g, const struct cgw__loader *l,
		     const struct cgw_policy_value *value)
{
	int err = put(g, l, value->size_class, 0, FILTER);

	if (err)
		return err;
	err = write_policy(g, l, value);
	if (err) {
		bpf_prog_detach2(l->fds[cgw__pin(value->size_class, FILTER)], g->fd,
				 BPF_CGROUP_DEVICE);
		return err;
	}
	return put_wanted(g, l, FILTER, value);
}

static int detach_others(struct cgw_group *g, const struct attached *a)
{
	for (size_t i = 0; i < a->n_others; i++) {
		int fd = a->others[i].fd;

		if (bpf_prog_detach2(fd, g->fd, BPF_CGROUP_DEVICE) < 0 && errno != ENOENT)
			return cgw__err(g->c, -errno, "cannot detach the old device program of '%s'",
					g->path);
	}
	return 0;
}

/*
 * Processes are inside, and the group has no storage of this size class: attach the variant
 * that passes while unwritten, write, take away what another size class or build has attached
 * (old AND new equals one of them), then put the filter in its place. Killed at any point,
 * the old or the new policy is in force.
 */
static int adopt(struct cgw_group *g, const struct cgw__loader *l, const struct attached *a,
		 const struct cgw_policy_value *value)
{
	bool was_there = a->kind == ADOPTER;
	int err = was_there ? 0 : put(g, l, value->size_class, 0, ADOPTER);

	if (err)
		return err;
	err = write_policy(g, l, value);
	if (!err)
		err = detach_others(g, a);
	if (err) {
		if (!was_there)
			bpf_prog_detach2(l->fds[cgw__pin(value->size_class, ADOPTER)], g->fd,
					 BPF_CGROUP_DEVICE);
		return err;
	}
	/* Written, the two decide alike: failing here leaves the new policy in force. */
	return put_wanted(g, l, ADOPTER, value);
}

/*
 * Storage lives as long as its group, attached or not: what was written once is overwritten,
 * never emptied, because a check that began before a program was detached may still read it.
 * So a program comes to a group that had it before with its policy already there. The
 * shortcut decides without the storage: it goes before a policy is written that it does not
 * fit, and comes when one that it fits is there.
 */
static int write_and_attach(struct cgw_group *g, const struct cgw__loader *l, struct attached *a,
			    const struct cgw_policy_value *value)
{
	int err = 0;

	if (a->kind == SHORTCUT && wanted_kind(value) == FILTER) {
		err = put(g, l, value->size_class, SHORTCUT, FILTER);
		if (err)
			return err;
		a->kind = FILTER;
	}
	err = a->kind == ADOPTER ? -ENOENT : write_policy(g, l, value);
	if (err == -ENOENT)
		return adopt(g, l, a, value);
	if (!err)
		err = put_wanted(g, l, a->kind, value);
	return err ? err : detach_others(g, a);
}

/*
 * A program of the policy's own comes with its table, and takes the place of the one there is in
 * one step. Storage that the group has is left alone: whoever attaches its program writes it first.
 */
static int set_own(struct cgw_group *g, const struct cgw__loader *l, struct attached *a,
		   const struct cgw_policy *policy)
{
	size_t i;
	int err;

	if (a->kind)
		a->others[a->n_others++] = (struct cgw__program){
			.fd = l->fds[cgw__pin(policy->value->size_class, (unsigned int)a->kind)],
			.is_lent = true,
		};
	for (i = 0; i < a->n_others && a->others[i].id != policy->own->id; i++)
		continue;
	if (i == a->n_others) {
		i = 0;
		err = attach(g, policy->own->fd, a->n_others ? a->others[0].fd : -EBADF);
		if (err)
			return err;
	}
	if (a->n_others)
		drop_other(a, i);
	return detach_others(g, a);
}

/* Greater at each call. */
uint64_t cgw__generation(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Under the lock, so that what is written has a greater generation than what was before. */
static int set_locked(struct cgw_group *g, struct cgw__loader *l, const struct cgw_policy *policy,
		      bool alone)
{
	_cleanup_(close_attached) struct attached a; /* too large to be cleared at each update */
	struct cgw_policy_value *value = policy->value;
	int err;

	a.kind = 0;
	a.n_others = a.n_foreign = 0;
	err = g->fresh ? 0 : find_attached(g, l, value->size_class, &a);
	if (err)
		return err;
	if (value->flags & CGW_POLICY_OWN) {
		err = set_own(g, l, &a, policy);
		if (!err)
			g->generation = policy->own->generation;
	} else {
		/* In the policy itself while it is written: a copy costs as much as the kernel's. */
		value->generation = cgw__generation();
		err = g->fresh ? set_fresh(g, l, value) : write_and_attach(g, l, &a, value);
		if (!err)
			g->generation = value->generation;
		value->generation = 0;
	}
	return err || !alone ? err : cgw__detach_foreign(g, a.foreign, a.n_foreign);
}

static int set_devices(struct cgw_group *g, const struct cgw_policy *policy, bool alone)
{
	struct cgw__loader *l;
	int err = cgw__loader(g->c, &l);

	if (!err && policy->value->flags & CGW_POLICY_OWN)
		err = cgw__own_load(policy);
	if (!err)
		err = cgw__device_lock(g->c, true);
	if (err)
		return err;
	err = set_locked(g, l, policy, alone);
	cgw__device_unlock(g->c);
	return err;
}

int cgw_group_set_devices(struct cgw_group *g, const struct cgw_policy *policy)
{
	return set_devices(g, policy, false);
}

int cgw_group_replace_foreign(struct cgw_group *g, const struct cgw_policy *policy)
{
	return set_devices(g, policy, true);
}

void cgw_devices_free(struct cgw_devices *d)
{
	cgw_policy_free(d->policy);
	d->policy = NULL;
}

int cgw__fill_devices(struct cgw_group *g, uint32_t id, int prog_fd, struct cgw_devices *ret)
{
	_cleanup_free_ struct cgw_policy_value *value = NULL;
	struct cgw_devices d = { .prog_id = id };
	char what[640];
	int err = read_value(g, prog_fd, &value, &d.class_bytes);

	snprintf(what, sizeof(what), "cannot read the device policy of '%s'", g->path);
	if (err == -ESTALE) {
		cgw__fail(g->c, err, "%s: another build of cgward made it", what);
		cgw__hint(g->c, "cgward devices set replaces it");
		return err;
	}
	if (err)
		return cgw__explain_bpf(g->c, err, what);
	if (value->magic) {
		d.semantics = (enum cgw_semantics)value->semantics;
		d.generation = value->generation;
		d.own = value->flags & CGW_POLICY_OWN;
		err = cgw__policy_from_value(g->c, value, &d.policy);
		if (err)
			return err;
	}
	*ret = d;
	return 0;
}

int cgw_group_get_devices(struct cgw_group *g, struct cgw_devices *ret_devices)
{
	uint32_t ids[CGW_MAX_PROGRAMS], n = ARRAY_SIZE(ids);
	int err = cgw__query_devices(g, 0, ids, &n);

	if (err)
		return err;
	for (uint32_t i = 0; i < n; i++) {
		struct bpf_prog_info info = { 0 };
		_cleanup_close_ int fd = -EBADF;

		err = cgw__get_program(ids[i], &info, &fd);
		if (err == -ENOENT)
			continue;
		if (err)
			return cgw__explain_bpf(g->c, err, "cannot look at the attached device programs");
		if (!cgw__is_ours(&info))
			continue;
		err = cgw__fill_devices(g, ids[i], fd, ret_devices);
		/* A writer was killed before it wrote the first policy: there is none yet. */
		if (err || ret_devices->policy || !cgw__is_adopter(info.name))
			return err;
	}
	return cgw__fail(g->c, -ENOENT, "'%s' has no cgward device policy", g->path);
}

int cgw_group_extend_devices(struct cgw_group *g, const struct cgw_rules *rules)
{
	_cleanup_(cgw_devices_free) struct cgw_devices d = { 0 };
	_cleanup_(cgw__policy_freep) struct cgw_policy *policy = NULL;
	_cleanup_(cgw__rules_freep) struct cgw_rules *all = NULL;
	struct cgw__loader *l;
	int err = cgw__loader(g->c, &l);

	if (!err)
		err = cgw__device_lock(g->c, false);
	if (err)
		return err;
	err = cgw_group_get_devices(g, &d);
	if (err == -ENOENT)
		cgw__hint(g->c, "cgward devices set %s --devices LIST gives it one", g->path);
	if (!err && d.semantics != CGW_SEMANTICS_ORDERED) {
		err = cgw__bad(g->c, -EOPNOTSUPP,
			       "cannot extend the device policy of '%s': it was compiled as %s", g->path,
			       cgw_semantics_name(d.semantics));
		cgw__hint(g->c, "only ordered lists can be appended to: cgward devices set replaces it");
	}
	if (!err)
		err = d.policy ? cgw_policy_rules(d.policy, &all) : cgw_rules_new(g->c, &all);
	if (!err)
		err = cgw__rules_append(all, rules);
	if (!err)
		err = cgw_policy_compile(all, CGW_SEMANTICS_ORDERED, &policy);
	if (!err) {
		cgw_policy_set_own(policy, d.own);
		err = d.own ? cgw__own_load(policy) : 0;
	}
	if (!err)
		err = set_locked(g, l, policy, false);
	cgw__device_unlock(g->c);
	return err;
}

static int clear_locked(struct cgw_group *g)
{
	uint32_t ids[CGW_MAX_PROGRAMS], n = ARRAY_SIZE(ids);
	int cleared = 0, err = cgw__query_devices(g, 0, ids, &n);

	for (uint32_t i = 0; i < n && err >= 0; i++) {
		struct bpf_prog_info info = { 0 };
		_cleanup_close_ int fd = -EBADF;

		err = cgw__get_program(ids[i], &info, &fd);
		if (err == -ENOENT)
			err = 0;
		else if (err)
			cgw__explain_bpf(g->c, err, "cannot look at the attached device programs");
		else if (!cgw__is_ours(&info))
			continue;
		else if (bpf_prog_detach2(fd, g->fd, BPF_CGROUP_DEVICE) < 0 && errno != ENOENT)
			err = cgw__explain_bpf(g->c, -errno, "cannot detach the device program");
		else
			cleared = 1;
	}
	return err < 0 ? err : cleared;
}

int cgw_group_clear_devices(struct cgw_group *g)
{
	int err = cgw__device_lock(g->c, true);

	if (err)
		return err;
	err = clear_locked(g);
	cgw__device_unlock(g->c);
	return err;
}

/* Load, attach, write, and see a denial: what the device engine needs, tried in group g. */
int cgw__probe_devices(struct cgw_group *g, cgw_probe_fn fn, void *arg)
{
	struct cgw_probe p = { .feature = "device_policy" };
	_cleanup_(cgw__policy_freep) struct cgw_policy *policy = NULL;
	_cleanup_(cgw__rules_freep) struct cgw_rules *rules = NULL;
	struct cgw__loader *before = g->c->loader;
	bool is_first = !before || !before->loaded, unshared = g->c->unshared;
	int err = cgw_rules_new(g->c, &rules);

	/* A look around leaves no pins, and the context as it was. */
	if (is_first)
		g->c->loader = NULL;
	g->c->unshared |= is_first;
	if (!err)
		err = cgw_policy_compile(rules, CGW_SEMANTICS_ORDERED, &policy);
	if (!err)
		err = cgw_group_set_devices(g, policy);
	if (!err)
		err = cgw_group_clear_devices(g);
	if (is_first) {
		cgw__loader_free(g->c->loader);
		g->c->loader = before;
	}
	g->c->unshared = unshared;
	p.works = err >= 0;
	if (p.works) {
		p.how = "storage";
	} else {
		p.why = cgw_strerror(g->c);
		p.hint = cgw_hint(g->c);
	}
	return fn(&p, arg);
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What the filters of a group and its ancestors say about one device. */
#include "device.h"

/* The group's own policy, by the program that is known to be attached to it. */
static int read_policy(struct cgw_group *g, const struct cgw_program *p, const char *path,
		       struct cgw_devices *d)
{
	_cleanup_(cgw__group_closep) struct cgw_group *at = NULL;
	struct bpf_prog_info info = { 0 };
	_cleanup_close_ int fd = -EBADF;
	int err = cgw__group_open_at(g->c, path, &at);

	if (err)
		return err;
	err = cgw__get_program(p->id, &info, &fd);
	if (err == -ENOENT)
		return err;
	if (err)
		return cgw__explain_bpf(g->c, err, "cannot look at the attached device programs");
	return cgw__fill_devices(at, p->id, fd, d);
}

struct question {
	unsigned int type;
	uint32_t major;
	uint32_t minor;
	unsigned int access;
};

/* What a program makes of the verdict of those before it. */
static int ask(struct cgw_group *g, const struct cgw_program *p, const struct question *q,
	       struct cgw_check *check)
{
	_cleanup_(cgw_devices_free) struct cgw_devices d = { 0 };
	struct cgw_rule rule = { 0 };
	char path[sizeof(check->path)];
	bool allow = false;
	int err = 0;

	if (p->observer)
		return 0;
	if (!cgw_program_path(g, p, path, sizeof(path)))
		path[0] = '\0';
	if (!p->ours || p->level == CGW_LEVEL_HIDDEN) {
		/* It may refuse what was allowed; few can allow what was refused. */
		if (check->verdict == CGW_VERDICT_UNKNOWN ||
		    (check->verdict == CGW_VERDICT_DENY && p->overrules == CGW_ANSWER_NO))
			return 0;
		check->verdict = CGW_VERDICT_UNKNOWN;
		check->has_rule = false;
		memcpy(check->path, path, sizeof(path));
		return 0;
	}
	err = read_policy(g, p, path, &d);
	if (err)
		return err == -ENOENT ? 0 : err; /* it is gone by now */
	if (!d.policy && cgw__is_adopter(p->name))
		return 0;
	if (d.policy)
		allow = cgw_policy_check(d.policy, q->type, q->major, q->minor, q->access, &rule);
	/* The first that refuses decides; among those that allow the nearest is named. */
	if (check->verdict == CGW_VERDICT_DENY || (allow && (check->path[0] || check->verdict)))
		return 0;
	check->verdict = allow ? CGW_VERDICT_ALLOW : CGW_VERDICT_DENY;
	check->has_rule = rule.type != 0;
	check->rule = rule;
	memcpy(check->path, path, sizeof(path));
	return 0;
}

int cgw_group_check_device(struct cgw_group *g, unsigned int type, uint32_t major, uint32_t minor,
			   unsigned int access, struct cgw_check *ret_check)
{
	const struct question q = { type, major, minor, access };
	struct cgw_check check = { .verdict = CGW_VERDICT_ALLOW };
	_cleanup_free_ struct cgw_program *programs = NULL;
	int n = cgw_group_effective_programs(g, &programs);

	for (int i = 0; i < n; i++) {
		int err = ask(g, &programs[i], &q, &check);

		if (err)
			return err;
	}
	if (n >= 0)
		*ret_check = check;
	return n < 0 ? n : 0;
}

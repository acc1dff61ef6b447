// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The device programs attached to groups: whose they are, as far as one can tell. */
#include <bpf/bpf.h>
#include <time.h>

#include "device.h"

/* More than this of a program's code is not looked at. */
#define MAX_CODE (1U << 20)

/* At a group and all its ancestors, that is; with one leak at each of 16 levels it still fits. */
#define MAX_EFFECTIVE (16 * CGW_MAX_PROGRAMS)

/*
 * Numbers of the device programs attached to the group, or with a flag of all in effect
 * there. n: room, then how many there are.
 */
int cgw__query_devices(struct cgw_group *g, uint32_t flags, uint32_t *ids, uint32_t *n)
{
	char what[640];
	int err;

	if (!bpf_prog_query(g->fd, BPF_CGROUP_DEVICE, flags, NULL, ids, n))
		return 0;
	err = -errno;
	snprintf(what, sizeof(what), "cannot list the device programs of '%s'", g->path);
	if (err == -ENOENT)
		return cgw__fail(g->c, -ENODEV, "%s: the group was removed", what);
	return cgw__explain_bpf(g->c, err, what);
}

int cgw__get_program(uint32_t id, struct bpf_prog_info *info, int *ret_fd)
{
	uint32_t len = sizeof(*info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, info, &len) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* Our programs, of any build, have names that begin like this. */
bool cgw__is_ours(const struct bpf_prog_info *info)
{
	return !strncmp(info->name, CGW_PROG_NAME, strlen(CGW_PROG_NAME));
}

/* The one that passes while its policy is unwritten. */
bool cgw__is_adopter(const char *name)
{
	return !strncmp(name, CGW_ADOPTER_NAME, strlen(CGW_ADOPTER_NAME));
}

/* It tells what the filters below it decide, and decides nothing. */
bool cgw__is_observer(const char *name)
{
	return !strncmp(name, CGW_OBSERVER_NAME, strlen(CGW_OBSERVER_NAME));
}

/* The program's code as the kernel runs it; NULL where it does not show it. */
struct bpf_insn *cgw__read_code(int fd, uint32_t size, size_t *ret_n)
{
	struct bpf_prog_info info = { .xlated_prog_len = size };
	_cleanup_free_ struct bpf_insn *code = NULL;
	uint32_t len = sizeof(info);

	if (!size || size > MAX_CODE)
		return NULL;
	code = malloc(size);
	info.xlated_prog_insns = (uintptr_t)code;
	if (!code || bpf_obj_get_info_by_fd(fd, &info, &len) < 0 || !info.xlated_prog_insns)
		return NULL;
	*ret_n = info.xlated_prog_len / sizeof(*code);
	return TAKE_PTR(code);
}

static bool calls_helper(const struct bpf_insn *in)
{
	return in->code == (BPF_JMP | BPF_CALL) && !in->src_reg;
}

/*
 * Calls are shown as offsets that only this boot's kernel knows: load a program that calls
 * bpf_set_retval, and look at what it became. 0: no kernel before 5.18 has it, or the
 * offsets are kept secret.
 */
static int32_t set_retval_offset(void)
{
	static const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_set_retval },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_CGROUP_DEVICE);
	_cleanup_free_ struct bpf_insn *seen = NULL;
	_cleanup_close_ int fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, "cgward_probe", "GPL",
					       code, ARRAY_SIZE(code), &opts);
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	size_t n = 0;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return 0;
	seen = cgw__read_code(fd, info.xlated_prog_len, &n);
	for (size_t i = 0; i < n; i++)
		if (calls_helper(&seen[i]))
			return seen[i].imm;
	return 0;
}

/* Does the code call bpf_set_retval, by which a later program overrules an earlier one's deny? */
static enum cgw_answer overrules(const struct bpf_insn *code, size_t n)
{
	enum cgw_answer answer = CGW_ANSWER_NO;
	int32_t offset = 0;

	if (!code)
		return CGW_ANSWER_UNKNOWN;
	for (size_t i = 0; i < n; i++) {
		if (!calls_helper(&code[i]))
			continue;
		if (!offset)
			offset = set_retval_offset();
		if (!offset || !code[i].imm)
			answer = CGW_ANSWER_UNKNOWN;
		else if (code[i].imm == offset)
			return CGW_ANSWER_YES;
	}
	return answer;
}

/*
 * Generators of device filters have their habits. All take the request apart into registers 2
 * to 5 first; containerd's loads a half-word there, runc's sets the verdict by a 32-bit move,
 * crun's (and those of lxc and youki, written after it) by a 64-bit one, and systemd's jumps
 * to one verdict at the end.
 */
static const char *shape_of(const struct bpf_insn *code, size_t n)
{
	static const uint8_t words[] = { 0x61, 0x54, 0x61, 0x74, 0x61, 0x61 };
	bool is_words = n > 8;

	if (n > 8 && code[0].code == 0x69 && code[0].dst_reg == 2 && code[1].code == 0x61)
		return "containerd";
	for (size_t i = 0; i < ARRAY_SIZE(words) && is_words; i++)
		is_words = code[i].code == words[i];
	if (!is_words || code[0].dst_reg != 2 || code[2].dst_reg != 3 || code[4].dst_reg != 4)
		return NULL;
	for (size_t i = ARRAY_SIZE(words); i < n; i++)
		if (code[i].code == (BPF_JMP | BPF_JA))
			return "systemd";
	for (size_t i = ARRAY_SIZE(words); i < n; i++) {
		if (code[i].dst_reg == 0 && code[i].code == (BPF_ALU | BPF_MOV | BPF_K))
			return "runc";
		if (code[i].dst_reg == 0 && code[i].code == (BPF_ALU64 | BPF_MOV | BPF_K))
			return "crun";
	}
	return NULL;
}

static void describe(uint32_t id, struct cgw_program *p)
{
	_cleanup_free_ struct bpf_insn *code = NULL;
	struct bpf_prog_info info = { 0 };
	_cleanup_close_ int fd = -EBADF;
	struct timespec now;
	size_t n = 0;

	p->id = id;
	/* Without CAP_SYS_ADMIN there is only the number. */
	if (cgw__get_program(id, &info, &fd)) {
		p->overrules = CGW_ANSWER_UNKNOWN;
		return;
	}
	p->seen = true;
	p->ours = cgw__is_ours(&info);
	p->observer = cgw__is_observer(info.name);
	snprintf(p->name, sizeof(p->name), "%s", info.name);
	for (size_t i = 0; i < sizeof(info.tag); i++)
		snprintf(p->tag + 2 * i, 3, "%02x", info.tag[i]);
	clock_gettime(CLOCK_BOOTTIME, &now);
	p->age_s = (uint64_t)now.tv_sec - info.load_time / 1000000000;
	if (p->ours || p->observer)
		return;
	code = cgw__read_code(fd, info.xlated_prog_len, &n);
	p->overrules = overrules(code, n);
	p->looks_like = !strcmp(info.name, "sd_devices") ? "systemd"
			: code				 ? shape_of(code, n)
							 : NULL;
}

static int describe_all(struct cgw *c, const uint32_t *ids, uint32_t n,
			struct cgw_program **ret_programs)
{
	struct cgw_program *programs = calloc(n ? n : 1, sizeof(*programs));

	if (!programs)
		return cgw__oom(c);
	for (uint32_t i = 0; i < n; i++)
		describe(ids[i], &programs[i]);
	*ret_programs = programs;
	return (int)n;
}

int cgw_group_device_programs(struct cgw_group *g, struct cgw_program **ret_programs)
{
	uint32_t ids[CGW_MAX_PROGRAMS], n = ARRAY_SIZE(ids);
	int err = cgw__query_devices(g, 0, ids, &n);

	return err ? err : describe_all(g->c, ids, n, ret_programs);
}

/* The first program of this number that no level was found for yet is attached to this group. */
static void set_level(struct cgw_program *programs, bool *found, size_t n, uint32_t id,
		      unsigned int level)
{
	for (size_t i = 0; i < n; i++)
		if (!found[i] && programs[i].id == id) {
			programs[i].level = level;
			found[i] = true;
			return;
		}
}

static int find_levels(struct cgw_group *g, struct cgw_program *programs, size_t n)
{
	_cleanup_free_ char *path = strdup(g->path);
	_cleanup_free_ bool *found = calloc(n + 1, sizeof(*found));

	if (!path || !found)
		return cgw__oom(g->c);
	for (size_t i = 0; i < n; i++)
		programs[i].level = CGW_LEVEL_HIDDEN;
	for (unsigned int level = 0;; level++) {
		_cleanup_(cgw__group_closep) struct cgw_group *at = NULL;
		uint32_t ids[CGW_MAX_PROGRAMS], n_ids = ARRAY_SIZE(ids);
		char *parent;
		int err = cgw__group_open_at(g->c, path, &at);

		if (!err)
			err = cgw__query_devices(at, 0, ids, &n_ids);
		if (err)
			return err;
		for (uint32_t i = 0; i < n_ids; i++)
			set_level(programs, found, n, ids[i], level);
		if (!path[1])
			return 0;
		parent = cgw__path_parent(path);
		if (!parent)
			return cgw__oom(g->c);
		free(path);
		path = parent;
	}
}

int cgw_group_effective_programs(struct cgw_group *g, struct cgw_program **ret_programs)
{
	_cleanup_free_ struct cgw_program *programs = NULL;
	uint32_t ids[MAX_EFFECTIVE], n = ARRAY_SIZE(ids);
	int err = cgw__query_devices(g, BPF_F_QUERY_EFFECTIVE, ids, &n);

	if (err)
		return err;
	err = describe_all(g->c, ids, n, &programs);
	if (err > 0)
		err = find_levels(g, programs, n);
	if (err < 0)
		return err;
	*ret_programs = TAKE_PTR(programs);
	return (int)n;
}

const char *cgw_program_path(const struct cgw_group *g, const struct cgw_program *p, char *buf,
			     size_t size)
{
	if (p->level == CGW_LEVEL_HIDDEN)
		return NULL;
	snprintf(buf, size, "%s", g->path);
	for (unsigned int i = 0; i < p->level; i++) {
		char *slash = strrchr(buf, '/');

		slash[slash == buf] = '\0';
	}
	return buf;
}

/*
 * EPERM on attaching beside others: somebody attached with flags that forbid it, to this
 * group or to one above. Return: was that found, and said?
 */
bool cgw__explain_exclusive(struct cgw_group *g, const char *what)
{
	_cleanup_free_ char *path = strdup(g->path);
	bool above = false;

	while (path) {
		_cleanup_(cgw__group_closep) struct cgw_group *at = NULL;
		uint32_t ids[CGW_MAX_PROGRAMS], flags = 0, n = ARRAY_SIZE(ids);
		struct cgw_program p = { 0 };
		char *parent;

		if (cgw__group_open_at(g->c, path, &at) ||
		    bpf_prog_query(at->fd, BPF_CGROUP_DEVICE, 0, &flags, ids, &n))
			return false;
		if (n && !(flags & BPF_F_ALLOW_MULTI) && !(above && flags & BPF_F_ALLOW_OVERRIDE)) {
			describe(ids[0], &p);
			cgw__fail(g->c, -EPERM,
				  "%s: program %u '%s'%s%s is attached to '%s' so that no other "
				  "may join it",
				  what, p.id, p.name, p.looks_like ? " of " : "",
				  p.looks_like ? p.looks_like : "", path);
			cgw__hint(g->c, "its owner attached it without BPF_F_ALLOW_MULTI, and has "
					"to take it away first");
			return true;
		}
		if (!path[1])
			return false;
		parent = cgw__path_parent(path);
		free(path);
		path = parent;
		above = true;
	}
	return false;
}

/* Detach a program that is there by a link; links do not answer to their program. */
static int detach_links(struct cgw_group *g, uint32_t prog_id)
{
	uint32_t id = 0;

	while (!bpf_link_get_next_id(id, &id)) {
		_cleanup_close_ int fd = bpf_link_get_fd_by_id(id);
		struct bpf_link_info info = { 0 };
		uint32_t len = sizeof(info);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
			continue;
		if (info.type == BPF_LINK_TYPE_CGROUP && info.prog_id == prog_id &&
		    info.cgroup.cgroup_id == g->id &&
		    info.cgroup.attach_type == BPF_CGROUP_DEVICE && bpf_link_detach(fd) < 0 &&
		    errno != ENOLINK)
			return -errno;
	}
	return 0;
}

/* Take the programs of other owners away; our own decides already. */
int cgw__detach_foreign(struct cgw_group *g, const struct cgw__program *programs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int err = 0;

		if (bpf_prog_detach2(programs[i].fd, g->fd, BPF_CGROUP_DEVICE) < 0)
			err = errno == ENOENT ? detach_links(g, programs[i].id) : -errno;
		if (!err)
			continue;
		cgw__err(g->c, err, "cannot detach program %u of another owner from '%s'",
			 programs[i].id, g->path);
		cgw__hint(g->c, "the new policy is in force, and the programs left have a say too");
		return err;
	}
	return 0;
}

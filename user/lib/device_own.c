// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The device program of one policy alone: bpf/own.bpf.c, loaded with the policy's table. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "device.h"
#include "own.skel.h"

void cgw__own_free(struct cgw_own_bpf *own)
{
	cgw_own_bpf__destroy(own);
}

/* The object is never loaded, only read: the instructions are the same for all policies. */
static int open_object(struct cgw *c, struct cgw_own_bpf **own)
{
	if (!*own)
		*own = cgw_own_bpf__open();
	return *own ? 0 : cgw__err(c, -errno, "cannot read the device program of a policy");
}

/* The table in an array; frozen, so that the verifier knows what is in it. */
static int make_table(const struct cgw_policy_value *value)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_RDONLY_PROG);
	uint32_t key = 0, size = (uint32_t)cgw__policy_classes[value->size_class].bytes;
	_cleanup_close_ int fd = -EBADF;
	char name[BPF_OBJ_NAME_LEN];

	snprintf(name, sizeof(name), CGW_MAP_NAME "%u", value->size_class);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(key), size, 1, &opts);
	if (fd < 0 || bpf_map_update_elem(fd, &key, value, BPF_ANY) < 0 || bpf_map_freeze(fd) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* Put the address of the array's value in its place. */
static void set_address(struct bpf_insn *code, size_t n, int map_fd)
{
	for (size_t i = 0; i + 1 < n; i++) {
		if (code[i].code != (BPF_LD | BPF_IMM | BPF_DW))
			continue;
		if (code[i].imm == (int32_t)CGW_POLICY_ADDRESS &&
		    code[i + 1].imm == (int32_t)(CGW_POLICY_ADDRESS >> 32)) {
			code[i].src_reg = BPF_PSEUDO_MAP_VALUE;
			code[i].imm = map_fd;
			code[i + 1].imm = 0;
		}
		i++;
	}
}

/* Return: a descriptor of the program, or -errno. */
static int load(struct cgw *c, struct cgw__loader *l, const struct cgw_policy_value *value)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_CGROUP_DEVICE);
	_cleanup_free_ struct bpf_insn *code = NULL;
	_cleanup_close_ int map_fd = -EBADF;
	const struct bpf_program *program;
	int fd, err = open_object(c, &l->own);
	size_t n;

	if (err)
		return err;
	map_fd = make_table(value);
	if (map_fd < 0)
		return cgw__explain_bpf(c, map_fd, "cannot make the table of a device program");
	program = (struct bpf_program *const[]){ l->own->progs.cgward_dev_own0,
						 l->own->progs.cgward_dev_own1,
						 l->own->progs.cgward_dev_own2,
						 l->own->progs.cgward_dev_own3 }[value->size_class];
	n = bpf_program__insn_cnt(program);
	code = malloc(n * sizeof(*code));
	if (!code)
		return cgw__oom(c);
	memcpy(code, bpf_program__insns(program), n * sizeof(*code));
	set_address(code, n, map_fd);
	fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, bpf_program__name(program), "Dual BSD/GPL",
			   code, n, &opts);
	return fd < 0 ? cgw__explain_bpf(c, -errno, "cannot load the policy's own device program")
		      : fd;
}

/* By the policy's context, which outlives it, whatever groups are given it. */
int cgw__own_load(const struct cgw_policy *policy)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	struct cgw__own *own = policy->own;
	struct cgw__loader *l;
	int err;

	if (own->fd >= 0)
		return 0;
	err = cgw__loader_new(policy->c, &l);
	if (err)
		return err;
	policy->value->generation = own->generation = cgw__generation();
	own->fd = load(policy->c, l, policy->value);
	policy->value->generation = 0;
	if (own->fd < 0)
		return own->fd;
	if (bpf_obj_get_info_by_fd(own->fd, &info, &len) < 0) {
		err = cgw__explain_bpf(policy->c, -errno, "cannot look at the policy's own device program");
		close(TAKE_FD(own->fd));
		return err;
	}
	own->id = info.id;
	own->next = l->owns;
	own->link = &l->owns;
	if (own->next)
		own->next->link = &own->next;
	l->owns = own;
	return 0;
}

int cgw_policy_load(struct cgw_policy *policy)
{
	uint8_t flags = policy->value->flags;
	int err;

	/* It is in the table that the program has. */
	cgw_policy_set_own(policy, true);
	err = cgw__own_load(policy);
	if (err)
		policy->value->flags = flags;
	return err;
}

/* Return: the descriptor of the program if a policy of this context is it, else -ENOENT. */
int cgw__own_find(const struct cgw__loader *l, uint32_t id)
{
	for (const struct cgw__own *own = l->owns; own; own = own->next)
		if (own->id == id)
			return own->fd;
	return -ENOENT;
}

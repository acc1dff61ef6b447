// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Device programs: loading and attaching them, and the least ones, to subtract. */
#include <bpf/bpf.h>

#include "groups.h"

struct bpf_insn insn(__u8 code, __u8 dst, __u8 src, __s16 off, __s32 imm)
{
	return (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm
	};
}

/* Return: a descriptor, or -errno. */
int load_program(const struct bpf_insn *insns, size_t n)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_CGROUP_DEVICE);
	int fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, NULL, "Dual BSD/GPL", insns, n, &opts);

	return fd < 0 ? -errno : fd;
}

void attach_program(const struct cgw_group *g, int prog_fd, int replace_fd)
{
	LIBBPF_OPTS(bpf_prog_attach_opts, opts, .flags = BPF_F_ALLOW_MULTI);

	if (replace_fd >= 0) {
		opts.flags |= BPF_F_REPLACE;
		opts.replace_prog_fd = replace_fd;
	}
	if (bpf_prog_attach_opts(prog_fd, cgw_group_fd(g), BPF_CGROUP_DEVICE, &opts))
		die("attach a program");
}

struct bpf_prog_info program_info(int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		die("program info");
	return info;
}

/* The program that is attached to the group: of ours whichever the library chose, or another's. */
int find_program(struct cgw_group *g, bool ours)
{
	struct cgw_program *programs;
	int n = cgw_group_device_programs(g, &programs), fd = -EBADF;

	for (int i = 0; i < n && fd < 0; i++)
		if (programs[i].ours == ours)
			fd = bpf_prog_get_fd_by_id(programs[i].id);
	if (n < 0 || fd < 0)
		die("find an attached program");
	free(programs);
	return fd;
}

static int must_load(const struct bpf_insn *insns, size_t n)
{
	int fd = load_program(insns, n);

	if (fd < 0)
		die("load a program");
	return fd;
}

int load_return_1(void)
{
	const struct bpf_insn insns[] = {
		insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1),
		insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return must_load(insns, ARRAY_SIZE(insns));
}

/* One bpf_get_local_storage() call, nothing done with what it returns. */
int load_helper_call(int *ret_map_fd)
{
	int map_fd = bpf_map_create(BPF_MAP_TYPE_CGROUP_STORAGE, NULL, sizeof(__u64), 8, 0, NULL);
	const struct bpf_insn insns[] = {
		insn(BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map_fd),
		insn(0, 0, 0, 0, 0),
		insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 0),
		insn(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_local_storage),
		insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1),
		insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	int fd;

	if (map_fd < 0)
		die("make a map");
	fd = must_load(insns, ARRAY_SIZE(insns));
	*ret_map_fd = map_fd;
	return fd;
}

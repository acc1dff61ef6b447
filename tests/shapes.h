/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Device programs as other owners write them. */
#ifndef CGWARD_SHAPES_H
#define CGWARD_SHAPES_H

#include <linux/bpf.h>

#define SHAPE static const struct bpf_insn __attribute__((unused))
#define INSN(c, d, s, o, i)                                                                        \
	{                                                                                          \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                \
	}
#define LOAD(size, d, o) INSN(BPF_LDX | BPF_MEM | (size), d, 1, o, 0)
#define ALU32(op, d, v) INSN(BPF_ALU | BPF_K | (op), d, 0, 0, v)
#define MOV64(d, v) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, v)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define UNLESS(reg, v, o) INSN(BPF_JMP | BPF_JNE | BPF_K, reg, 0, o, v)
#define GOTO(o) INSN(BPF_JMP | BPF_JA, 0, 0, o, 0)
#define CALL(helper) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define WORDS                                                                                      \
	LOAD(BPF_W, 2, 0), ALU32(BPF_AND, 2, 0xffff), LOAD(BPF_W, 3, 0), ALU32(BPF_RSH, 3, 16),    \
		LOAD(BPF_W, 4, 4), LOAD(BPF_W, 5, 8)

/* c 1:3 allowed, as each of the generators says it. */
SHAPE crun[] = {
	WORDS, UNLESS(2, 2, 4), UNLESS(4, 1, 3), UNLESS(5, 3, 2), MOV64(0, 1), EXIT, MOV64(0, 0),
	EXIT,
};
SHAPE runc[] = {
	WORDS,
	UNLESS(2, 2, 4),
	UNLESS(4, 1, 3),
	UNLESS(5, 3, 2),
	ALU32(BPF_MOV, 0, 1),
	EXIT,
	ALU32(BPF_MOV, 0, 0),
	EXIT,
};
SHAPE containerd[] = {
	LOAD(BPF_H, 2, 0),     LOAD(BPF_W, 3, 0),
	ALU32(BPF_RSH, 3, 16), LOAD(BPF_W, 4, 4),
	LOAD(BPF_W, 5, 8),     UNLESS(2, 2, 4),
	UNLESS(4, 1, 3),       UNLESS(5, 3, 2),
	ALU32(BPF_MOV, 0, 1),  EXIT,
	ALU32(BPF_MOV, 0, 0),  EXIT,
};
SHAPE systemd[] = {
	WORDS,		 UNLESS(2, 2, 3), UNLESS(4, 1, 2),
	UNLESS(5, 3, 1), GOTO(2),	  MOV64(0, 0),
	GOTO(1),	 MOV64(0, 1),	  EXIT,
};
SHAPE nobody[] = { MOV64(0, 1), EXIT };
/* It calls helpers, and not the one that matters. */
SHAPE harmless[] = {
	CALL(BPF_FUNC_ktime_get_ns),
	CALL(BPF_FUNC_get_retval),
	MOV64(0, 1),
	EXIT,
};
SHAPE overruler[] = {
	CALL(BPF_FUNC_ktime_get_ns), MOV64(1, 0), CALL(BPF_FUNC_set_retval), MOV64(0, 1), EXIT,
};

#endif

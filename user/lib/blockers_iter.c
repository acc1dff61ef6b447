// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Runs bpf/tasks.bpf.c once over all tasks: who of a group has not stopped, and where it is. */
#include <bpf/bpf.h>

#include "blockers.h"
#include "device.h"
#include "tasks.skel.h"

/* As in /proc/PID/stat, from the bits of the task's state. */
static char state_letter(unsigned int state)
{
	static const struct {
		unsigned int bit;
		char letter;
	} letters[] = {
		{ 0x2, 'D' }, { 0x1, 'S' },  { 0x4, 'T' },
		{ 0x8, 't' }, { 0x10, 'X' }, { 0x20, 'Z' },
	};

	if ((state & 0x402) == 0x402)
		return 'I'; /* TASK_IDLE */
	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		if (state & letters[i].bit)
			return letters[i].letter;
	return 'R';
}

/* "TGID TID STATE GROUP UID function+0x1/0x2 function+0x3/0x4" */
static int take_line(struct cgw *c, char *line, cgw__blocker_fn fn, void *arg)
{
	struct cgw_trace_blocked b;
	unsigned long long group;
	unsigned int state;
	char *save;
	int begin;

	cgw__blocked_begin(&b, CGW_TRACE_ITER);
	if (sscanf(line, "%u %u %u %llu %u%n", &b.head.pid, &b.head.tid, &state, &group,
		   &b.head.uid, &begin) != 5)
		return cgw__fail(c, -EBADMSG, "cannot read the tasks: '%s'", line);
	b.head.group = group;
	b.state = state_letter(state);
	for (char *f = strtok_r(line + begin, " ", &save); f; f = strtok_r(NULL, " ", &save))
		if (f[0] != '[') /* a module's name */
			cgw__blocked_frame(&b, f, strcspn(f, "+"));
	return cgw__blocked_tell(c, &b, fn, arg);
}

static int walk(struct cgw *c, struct bpf_link *link, cgw__blocker_fn fn, void *arg)
{
	int fd = bpf_iter_create(bpf_link__fd(link)), err = 0;
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	FILE *f;

	if (fd < 0)
		return -errno;
	f = fdopen(fd, "r");
	if (!f) {
		err = -errno;
		close(fd);
		return err;
	}
	while (!err && getline(&line, &room, f) > 0)
		err = take_line(c, line, fn, arg);
	if (!err && ferror(f))
		err = -errno;
	fclose(f);
	return err;
}

static void destroy(struct cgw_tasks_bpf **skel)
{
	cgw_tasks_bpf__destroy(*skel);
}

int cgw__blockers_by_iterator(struct cgw *c, uint64_t group, cgw__blocker_fn fn, void *arg)
{
	_cleanup_(destroy) struct cgw_tasks_bpf *skel = NULL;
	int err;

	cgw__bpf_log_begin(c);
	skel = cgw_tasks_bpf__open();
	err = skel ? 0 : -errno;
	if (!err) {
		*(uint64_t *)skel->rodata_target = group;
		bpf_map__set_autocreate(skel->maps.events, false);
		err = cgw_tasks_bpf__load(skel);
	}
	if (!err)
		err = cgw_tasks_bpf__attach(skel);
	cgw__bpf_log_end();
	/* Whatever the reason is: /proc can tell too. */
	return err ? -EOPNOTSUPP : walk(c, skel->links.cgward_blockers, fn, arg);
}

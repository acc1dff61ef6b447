// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Prints one line for each thing that tests left behind: BPF programs, maps and links,
 * groups, pins. Needs no libbpf, so that it works in a build without it.
 *
 * When the test has ended nothing new can be its own: what comes and goes meanwhile is of
 * others, who may run tests at the same time, and so are groups named by a process that lives.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/bpf.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PINS "/sys/fs/bpf/cgward"

/* Programs and maps are freed a little after their last user has gone, on a busy machine later. */
#define TRIES 600
#define TRIES_BEFORE 100 /* where there is no baseline yet */
#define TRY_MS 50

static FILE *out;
static bool bpf_refused;

static int sys_bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int get_info(int fd, void *info, uint32_t len)
{
	union bpf_attr attr = {
		.info = { .bpf_fd = (uint32_t)fd, .info_len = len, .info = (uintptr_t)info }
	};

	return sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

static int get_fd(enum bpf_cmd cmd, uint32_t id)
{
	union bpf_attr attr = { .prog_id = id };

	return sys_bpf(cmd, &attr);
}

static bool is_ours(const char *name)
{
	return !strncmp(name, "cgward", 6);
}

static void print_program(uint32_t id)
{
	struct bpf_prog_info info = { 0 };
	int fd = get_fd(BPF_PROG_GET_FD_BY_ID, id);

	if (fd >= 0 && !get_info(fd, &info, sizeof(info)) && is_ours(info.name))
		fprintf(out, "program %u %s\n", id, info.name);
	if (fd >= 0)
		close(fd);
}

static void print_map(uint32_t id)
{
	struct bpf_map_info info = { 0 };
	int fd = get_fd(BPF_MAP_GET_FD_BY_ID, id);

	if (fd >= 0 && !get_info(fd, &info, sizeof(info)) && is_ours(info.name))
		fprintf(out, "map %u %s\n", id, info.name);
	if (fd >= 0)
		close(fd);
}

/* A link has no name of its own: its program's counts. */
static void print_link(uint32_t id)
{
	struct bpf_link_info link = { 0 };
	struct bpf_prog_info info = { 0 };
	int fd = get_fd(BPF_LINK_GET_FD_BY_ID, id), prog = -1;

	if (fd >= 0 && !get_info(fd, &link, sizeof(link)))
		prog = get_fd(BPF_PROG_GET_FD_BY_ID, link.prog_id);
	if (prog >= 0 && !get_info(prog, &info, sizeof(info)) && is_ours(info.name))
		fprintf(out, "link %u of program %s\n", id, info.name);
	if (prog >= 0)
		close(prog);
	if (fd >= 0)
		close(fd);
}

static void print_objects(enum bpf_cmd next, void (*print)(uint32_t id))
{
	union bpf_attr attr = { 0 };

	while (!sys_bpf(next, &attr)) {
		uint32_t id = attr.next_id;

		print(id);
		attr = (union bpf_attr){ .start_id = id };
	}
	if (errno == EPERM)
		bpf_refused = true;
}

/* Is it a group of a test that runs? */
static bool is_of_others(const char *name)
{
	int pid;

	return sscanf(name, "cgwtest-%d-", &pid) == 1 && pid > 0 && !kill(pid, 0);
}

/* Test groups in a directory of the hierarchy, which is seen as below path. */
static void print_groups(const char *dir, const char *path)
{
	DIR *list = opendir(dir);
	const struct dirent *entry;

	while (list && (entry = readdir(list)))
		if (!strncmp(entry->d_name, "cgwtest", 7) && !is_of_others(entry->d_name))
			fprintf(out, "group %s/%s\n", path, entry->d_name);
	if (list)
		closedir(list);
}

static void print_mount(const char *mount)
{
	char dir[512];

	print_groups(mount, "");
	snprintf(dir, sizeof(dir), "%s/cgward", mount);
	if (access(dir, F_OK) < 0)
		return;
	fprintf(out, "group /cgward\n");
	print_groups(dir, "/cgward");
}

static void print_hierarchy(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, root[256], mount[256];
	size_t room = 0;
	bool found = false;

	while (f && !found && getline(&line, &room, f) > 0)
		if (strstr(line, " - cgroup2 ") &&
		    sscanf(line, "%*s %*s %*s %255s %255s", root, mount) == 2 &&
		    !strcmp(root, "/")) {
			print_mount(mount);
			found = true;
		}
	free(line);
	if (f)
		fclose(f);
}

static int print_pin(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	fprintf(out, "pin %s\n", path);
	return 0;
}

static char *collect(void)
{
	char *text = NULL;
	size_t size;

	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	print_objects(BPF_PROG_GET_NEXT_ID, print_program);
	print_objects(BPF_MAP_GET_NEXT_ID, print_map);
	print_objects(BPF_LINK_GET_NEXT_ID, print_link);
	print_hierarchy();
	nftw(PINS, print_pin, 16, FTW_PHYS);
	fclose(out);
	return text;
}

/* Is this one of the lines of the baseline? */
static bool is_known(const char *baseline, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = strstr(baseline, line); p; p = strstr(p + 1, line))
		if ((p == baseline || p[-1] == '\n') && (p[n] == '\n' || !p[n]))
			return true;
	return false;
}

/* Cut out of text the lines that are known, or that were not left before. Return: the rest. */
static size_t drop_others(char *text, const char *baseline, const char *before)
{
	char *save, *line, *to = text;
	size_t left = 0;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t n = strlen(line);

		if (is_known(baseline, line) || (before && !is_known(before, line)))
			continue;
		memmove(to, line, n);
		to += n;
		*to++ = '\n';
		left++;
	}
	*to = '\0';
	return left;
}

static char *read_baseline(const char *file)
{
	FILE *f = fopen(file, "re");
	char *text = NULL;
	size_t room = 0;
	ssize_t n;

	/* No NUL in there, so this is the whole file; an empty one leaves text unwritten. */
	n = f ? getdelim(&text, &room, '\0', f) : -1;
	if (!f || (n < 0 && ferror(f))) {
		fprintf(stderr, "residue: cannot read %s: %s\n", file, strerror(errno));
		exit(2);
	}
	fclose(f);
	if (n >= 0)
		return text;
	free(text);
	return strdup("");
}

int main(int argc, char **argv)
{
	const int tries = argc == 3 ? TRIES : TRIES_BEFORE;
	char *baseline, *before = NULL;
	size_t left = 0;

	if (argc != 1 && (argc != 3 || strcmp(argv[1], "--baseline"))) {
		fprintf(stderr, "usage: residue [--baseline FILE]\n");
		return 2;
	}
	baseline = argc == 3 ? read_baseline(argv[2]) : strdup("");
	for (int i = 0; baseline && i < tries; i++) {
		char *text = collect();

		left = text ? drop_others(text, baseline, before) : 1;
		if (text) {
			free(before);
			before = text;
		}
		if (!left)
			break;
		poll(NULL, 0, i < tries - 1 ? TRY_MS : 0);
	}
	if (before && left)
		fputs(before, stdout);
	free(before);
	free(baseline);
	if (bpf_refused)
		fprintf(stderr,
			"residue: BPF programs, maps and links cannot be listed (not root)\n");
	return left ? 1 : 0;
}

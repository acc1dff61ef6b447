// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * crun itself: it makes a container with the rules, and the program that it attached to the
 * container's group is what is measured. The container is never started.
 */
#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "groups.h"

#define NO_CRUN 127 /* as a shell says it */
#define ID "bench"

static struct {
	bool works;
	struct cgw_group *g; /* stands for the root of cgroup2 */
	int dir_fd;	     /* the bundle, crun's state and what it said */
	int prog_fd;	     /* the program of the rules given last, or -errno */
	double ms;	     /* in which crun made that, or failed to */
	struct bpf_insn *insns;
	size_t n;
} crun = { .dir_fd = -EBADF, .prog_fd = -EBADF };

/* The same in the supervisor, which removes it. */
static const char *directory(void)
{
	static char path[sizeof(base) + 16];

	snprintf(path, sizeof(path), "/tmp%s-crun", base);
	return path;
}

/* ---- the bundle ------------------------------------------------------------------- */

static void write_number(FILE *f, const char *key, uint32_t number)
{
	if (number != CGW_DEVICE_ANY)
		fprintf(f, ",\"%s\":%u", key, number);
}

static void write_rule(FILE *f, const struct cgw_rule *r)
{
	fprintf(f, ",\n{\"allow\":%s,\"type\":\"%c\"", r->allow ? "true" : "false", r->type);
	write_number(f, "major", r->major);
	write_number(f, "minor", r->minor);
	fprintf(f, ",\"access\":\"%s\"}", access_letters(r->access));
}

/* As runtimes are given a list: what it does not name is denied. */
static void write_config(const struct cgw_rule *rules, int n)
{
	int fd = openat(crun.dir_fd, "config.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		die("a bundle for crun");
	fprintf(f, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"rootfs\"},"
		   "\"process\":{\"user\":{\"uid\":0,\"gid\":0},\"cwd\":\"/\",\"args\":[\"/true\"]},"
		   "\"mounts\":[{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"}],"
		   "\"linux\":{\"cgroupsPath\":\"/c\",\"namespaces\":[{\"type\":\"mount\"}],"
		   "\"resources\":{\"devices\":[\n{\"allow\":false,\"access\":\"rwm\"}");
	for (int i = 0; i < n; i++)
		write_rule(f, &rules[i]);
	fprintf(f, "]}}}\n");
	if (fclose(f))
		die("a bundle for crun");
}

/* In memory: with the mount namespace of the benchmark all of it goes. */
static void make_bundle(void)
{
	int fd = -EBADF;

	if (mkdir(directory(), 0700) || mount("tmpfs", directory(), "tmpfs", 0, "mode=0700"))
		die("a directory for crun");
	crun.dir_fd = open(directory(), O_DIRECTORY | O_CLOEXEC);
	/* crun looks whether it could execute that, no more */
	if (crun.dir_fd >= 0 && !mkdirat(crun.dir_fd, "rootfs", 0755))
		fd = openat(crun.dir_fd, "rootfs/true", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	if (fd < 0)
		die("a bundle for crun");
	close(fd);
}

void remove_bundle(void)
{
	umount2(directory(), MNT_DETACH);
	rmdir(directory());
}

/* ---- running it ------------------------------------------------------------------- */

/*
 * crun 1.8 gives up where it may not raise this limit, which takes CAP_SYS_RESOURCE. No kernel
 * since 5.11 counts programs by it, so where that capability is missing crun is told that the
 * limit was raised.
 */
static bool lift_memlock(void)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prlimit64, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RLIMIT_MEMLOCK, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), /* sets no limit */
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { .len = ARRAY_SIZE(code), .filter = code };

	return !setrlimit(RLIMIT_MEMLOCK, &none) ||
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

/*
 * What crun takes for all of cgroup2 is a group of ours: so it finds no hierarchy of version 1
 * and enables controllers in that group only. From here on this process is crun.
 */
static void __attribute__((noreturn)) become_crun(char **argv)
{
	int said_fd = openat(crun.dir_fd, "said", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	enum cgw_mode mode;
	const char *mount_point;
	char root[4096];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (said_fd < 0 || cgw_get_mode(c, &mode, &mount_point))
		_exit(1);
	dup2(said_fd, STDOUT_FILENO);
	dup2(said_fd, STDERR_FILENO);
	snprintf(root, sizeof(root), "%s%s", mount_point, cgw_group_path(crun.g));
	if (unshare(CLONE_NEWNS) || mount(root, "/sys/fs/cgroup", NULL, MS_BIND, NULL) ||
	    fchdir(crun.dir_fd) || !lift_memlock()) {
		perror("a place for crun");
		_exit(1);
	}
	execvp(argv[0], argv);
	if (errno == ENOENT)
		_exit(NO_CRUN);
	perror(argv[0]);
	_exit(1);
}

/* option: or NULL. Return: its exit status, 128 and the signal when one killed it. */
static int run_crun(const char *verb, const char *option)
{
	char state[128];
	char *argv[] = { (char *)"crun", (char *)"--cgroup-manager=cgroupfs",
			 (char *)"--root", state,
			 (char *)verb, (char *)(option ? option : ID),
			 option ? (char *)ID : NULL, NULL };
	pid_t pid;
	int status;

	snprintf(state, sizeof(state), "%s/state", directory());
	fflush(stdout);
	pid = fork();
	if (!pid)
		become_crun(argv);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("run crun");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What it said last, which is why it failed. */
static const char *last_words(void)
{
	static char line[4096];
	int fd = openat(crun.dir_fd, "said", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	line[0] = '\0';
	while (f && fgets(line, sizeof(line), f))
		;
	if (f)
		fclose(f);
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static void __attribute__((noreturn)) fail(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, last_words());
	exit(1);
}

/* Its messages end with strerror(). Return: -errno. */
static int refusal(void)
{
	const char *said = last_words();
	size_t len = strlen(said);

	for (int err = 1; err < 134; err++) {
		size_t n = strlen(strerror(err));

		if (n <= len && !strcmp(said + len - n, strerror(err)))
			return -err;
	}
	fail("crun cannot make a container");
}

/* What it leaves when it fails goes too. */
static void remove_container(bool made)
{
	struct cgw_group *g;
	char path[128];

	if (run_crun("delete", "--force") && made)
		fail("crun cannot delete a container");
	snprintf(path, sizeof(path), "%s/c", cgw_group_path(crun.g));
	if (cgw_group_open(c, path, &g))
		return;
	if (cgw_group_delete(g, CGW_DELETE_KILL, 1000))
		die("delete crun's group");
	cgw_group_close(g);
}

/* ---- its program ------------------------------------------------------------------ */

static void forget_program(void)
{
	if (crun.prog_fd >= 0)
		close(crun.prog_fd);
	free(crun.insns);
	crun.prog_fd = -EBADF;
	crun.insns = NULL;
}

/*
 * What is read back is what crun loaded, whole and as it was: it loads again, to the same
 * tag, which is of the instructions before the kernel works on them, and to the same code.
 */
static void verify_program(const struct bpf_prog_info *info)
{
	int fd = load_program(crun.insns, crun.n);
	struct bpf_prog_info again;
	struct bpf_insn *insns;
	size_t n;

	if (fd < 0)
		die("load crun's program again");
	again = program_info(fd);
	insns = cgw__read_code(fd, again.xlated_prog_len, &n);
	if (!insns || n != crun.n || memcmp(insns, crun.insns, n * sizeof(*insns)) ||
	    memcmp(again.tag, info->tag, sizeof(again.tag))) {
		fprintf(stderr, "bench: crun's program differs when it is loaded again\n");
		exit(1);
	}
	free(insns);
	close(fd);
}

static void find_crun_program(void)
{
	struct bpf_prog_info info;
	struct cgw_group *g;
	char path[128];

	snprintf(path, sizeof(path), "%s/c", cgw_group_path(crun.g));
	if (cgw_group_open(c, path, &g))
		die("find crun's group");
	crun.prog_fd = find_program(g, false);
	cgw_group_close(g);
	info = program_info(crun.prog_fd);
	crun.insns = cgw__read_code(crun.prog_fd, info.xlated_prog_len, &crun.n);
	if (!crun.insns)
		die("read crun's program");
	verify_program(&info);
}

/* Have crun make a container with the rules, and keep the program only. */
void give_crun(const struct cgw_rule *rules, int n)
{
	double begin;
	int status;

	forget_program();
	write_config(rules, n);
	begin = bench_now_ns();
	status = run_crun("create", NULL);
	crun.ms = (bench_now_ns() - begin) / 1e6;
	if (status)
		crun.prog_fd = refusal();
	else
		find_crun_program();
	remove_container(!status);
	settle();
}

/* Without rules first: is it here, and can it make a container? */
void start_crun(void)
{
	int status;

	make_bundle();
	crun.g = make_group("crun", 0, NULL);
	write_config(NULL, 0);
	status = run_crun("create", NULL);
	if (status == NO_CRUN)
		return;
	if (status)
		fprintf(stderr, "bench: crun makes no container here: %s\n", last_words());
	remove_container(!status);
	crun.works = !status;
}

bool has_crun(void)
{
	return crun.works;
}

/* How long crun took for the rules given last. */
double crun_ms(void)
{
	return crun.ms;
}

/* Return: a descriptor of the program that crun loaded, or -errno. */
int crun_program(void)
{
	return crun.prog_fd < 0 ? crun.prog_fd : fcntl(crun.prog_fd, F_DUPFD_CLOEXEC, 0);
}

/* The same instructions in a program of their own. Return: a descriptor, or -errno. */
int load_crun(void)
{
	return crun.prog_fd < 0 ? crun.prog_fd : load_program(crun.insns, crun.n);
}

/* As crun does it: look what is attached, take the place of that when it is one program. */
static void attach_as_crun(struct cgw_group *g, int prog_fd)
{
	uint32_t ids[CGW_MAX_PROGRAMS], n = ARRAY_SIZE(ids);
	int old_fd = -EBADF;

	if (cgw__query_devices(g, 0, ids, &n))
		die("find crun's program");
	if (n == 1)
		old_fd = bpf_prog_get_fd_by_id(ids[0]);
	attach_program(g, prog_fd, old_fd);
	if (old_fd >= 0)
		close(old_fd);
}

/* Load and attach its program for each of the groups, by its system calls, without its start. */
bool apply_crun(unsigned int n, struct bench_series *us)
{
	if (crun.prog_fd < 0) {
		note_refusal(CRUN, us, -crun.prog_fd, 0);
		return false;
	}
	for (unsigned int i = 0; i < n; i++) {
		double begin = bench_now_ns();
		int fd = load_crun();

		if (fd < 0)
			die("load crun's program");
		attach_as_crun(groups[i], fd);
		samples[i] = (bench_now_ns() - begin) / 1000;
		close(fd);
	}
	bench_add(us, bench_median_of(samples, n));
	return true;
}

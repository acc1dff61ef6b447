// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* What tests of device policies need: processes that try devices, a bpffs of their own. */
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "cgtest.h"

struct cgw_policy *cgtest_policy(struct cgw *c, const char *rules)
{
	_cleanup_rules_ struct cgw_rules *list = NULL;
	struct cgw_policy *p = NULL;

	if (cgw_rules_new(c, &list) || cgw_rules_add_text(list, "rules", rules, strlen(rules)) ||
	    cgw_policy_compile(list, CGW_SEMANTICS_ORDERED, &p))
		cgtest_bail("%s", cgw_strerror(c));
	return p;
}

struct cgw_policy *cgtest_larger_policy(struct cgw *c, const char *text, unsigned int n)
{
	char *all = malloc(strlen(text) + n * 32 + 1), *end = stpcpy(all, text);
	struct cgw_policy *p;

	for (unsigned int i = 0; i < n; i++)
		end += sprintf(end, "b %u:%u r\n", 200 + i % 50, i);
	p = cgtest_policy(c, all);
	free(all);
	return p;
}

int cgtest_set_devices(struct cgw_group *g, const char *rules)
{
	_cleanup_policy_ struct cgw_policy *p = cgtest_policy(g->c, rules);

	return cgw_group_set_devices(g, p);
}

bool cgtest_same_rule(const struct cgw_rule *a, const struct cgw_rule *b)
{
	return a->type == b->type && a->allow == b->allow && a->access == b->access &&
	       a->major == b->major && a->minor == b->minor;
}

bool cgtest_same_rules(const struct cgw_rules *a, const struct cgw_rules *b)
{
	bool same = cgw_rules_count(a) == cgw_rules_count(b);

	for (size_t i = 0; same && i < cgw_rules_count(a); i++)
		same = cgtest_same_rule(cgw_rules_at(a, i), cgw_rules_at(b, i));
	return same;
}

bool cgtest_same_table(const struct cgw_policy *a, const struct cgw_policy *b)
{
	struct cgw_policy_value x = *cgw_policy_value(a, NULL), y = *cgw_policy_value(b, NULL);
	_cleanup_free_ struct cgw_policy_entry *in_a = NULL, *in_b = NULL;
	ssize_t n = cgw_policy_entries(a, &in_a);

	x.seed = y.seed = 0;
	return n >= 0 && n == cgw_policy_entries(b, &in_b) && !memcmp(&x, &y, sizeof(x)) &&
	       !memcmp(in_a, in_b, (size_t)n * sizeof(*in_a));
}

static int sys_bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

int cgtest_program(uint32_t id)
{
	union bpf_attr attr = { .prog_id = id };

	return sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr);
}

static bool has_name(uint32_t id, const char *name)
{
	_cleanup_close_ int fd = cgtest_program(id);
	struct bpf_prog_info info = { 0 };
	union bpf_attr attr = { .info = { .bpf_fd = (uint32_t)fd,
					  .info_len = sizeof(info),
					  .info = (uintptr_t)&info } };

	return fd >= 0 && !sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) && !strcmp(info.name, name);
}

size_t cgtest_programs_of(pid_t pid, const char *name, uint32_t *ids, size_t max)
{
	_cleanup_(cgw__closedirp) DIR *dir = NULL;
	const struct dirent *entry;
	char path[64];
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", pid);
	dir = opendir(path);
	while (dir && n < max && (entry = readdir(dir))) {
		_cleanup_free_ char *text = cgtest_slurp("%s/%s", path, entry->d_name);
		const char *line = strstr(text, "prog_id:");
		size_t i = 0;

		ids[n] = line ? (uint32_t)strtoul(line + strlen("prog_id:"), NULL, 10) : 0;
		if (!ids[n] || !has_name(ids[n], name))
			continue;
		while (ids[i] != ids[n])
			i++;
		n += i == n;
	}
	return n;
}

bool cgtest_program_goes(uint32_t id)
{
	int64_t end = cgw__deadline(CGTEST_TIMEOUT_MS);
	int fd;

	while ((fd = cgtest_program(id)) >= 0) {
		close(fd);
		if (cgw__now_ns() > end)
			return false;
		usleep(1000);
	}
	return errno == ENOENT;
}

int cgtest_load(const char *name, const struct bpf_insn *code, size_t n)
{
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
				.insn_cnt = (uint32_t)n,
				.insns = (uintptr_t)code,
				.license = (uintptr_t) "GPL",
				.expected_attach_type = BPF_CGROUP_DEVICE };

	snprintf(attr.prog_name, sizeof(attr.prog_name), "%s", name);
	return sys_bpf(BPF_PROG_LOAD, &attr);
}

int cgtest_attach(struct cgw_group *g, int prog_fd, unsigned int flags)
{
	_cleanup_close_ int dir = openat(cgw_group_fd(g), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	union bpf_attr attr = { .target_fd = (uint32_t)dir,
				.attach_bpf_fd = (uint32_t)prog_fd,
				.attach_type = BPF_CGROUP_DEVICE,
				.attach_flags = flags };

	return prog_fd < 0 || sys_bpf(BPF_PROG_ATTACH, &attr) < 0 ? -errno : 0;
}

int cgtest_link(struct cgw_group *g, int prog_fd)
{
	_cleanup_close_ int dir = openat(cgw_group_fd(g), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	union bpf_attr attr = { .link_create = { .prog_fd = (uint32_t)prog_fd,
						 .target_fd = (uint32_t)dir,
						 .attach_type = BPF_CGROUP_DEVICE } };

	return sys_bpf(BPF_LINK_CREATE, &attr);
}

int cgtest_foreign(struct cgw_group *g, const char *name, int verdict)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	_cleanup_close_ int prog = cgtest_load(name, code, ARRAY_SIZE(code));

	return cgtest_attach(g, prog, BPF_F_ALLOW_MULTI);
}

int cgtest_slow(struct cgw_group *g)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 50001 },
		{ .code = BPF_ALU64 | BPF_SUB | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = BPF_REG_0, .off = -2, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	_cleanup_close_ int prog = cgtest_load("slow", code, ARRAY_SIZE(code));

	return cgtest_attach(g, prog, BPF_F_ALLOW_MULTI);
}

struct request {
	char what; /* o, a, m */
	int flags;
	mode_t mode;
	dev_t dev;
	char path[256];
};

static int try_request(const struct request *r)
{
	int fd;

	switch (r->what) {
	case 'o':
		fd = open(r->path, r->flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (fd < 0)
			return -errno;
		close(fd);
		return 0;
	case 'a':
		return access(r->path, r->flags) < 0 ? -errno : 0;
	default:
		if (mknod(r->path, r->mode, r->dev) < 0)
			return -errno;
		return unlink(r->path) < 0 ? -errno : 0;
	}
}

static void __attribute__((noreturn)) serve(const char *group, int fd)
{
	int result = cgtest_write(group, "cgroup.procs", "0");
	struct request r;

	do {
		if (write(fd, &result, sizeof(result)) != sizeof(result))
			break;
		if (read(fd, &r, sizeof(r)) != sizeof(r))
			break;
		result = try_request(&r);
	} while (true);
	_exit(0);
}

struct cgtest_agent cgtest_agent_start(const char *group)
{
	struct cgtest_agent a;
	int fds[2], err = -EIO;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		cgtest_bail("socketpair");
	a.pid = cgtest_fork();
	if (!a.pid)
		serve(group, fds[1]);
	a.fd = fds[0];
	close(fds[1]);
	if (read(a.fd, &err, sizeof(err)) != sizeof(err) || err) {
		errno = -err;
		cgtest_bail("cannot put an agent into %s", group);
	}
	return a;
}

void cgtest_agent_stop(struct cgtest_agent *a)
{
	if (a->pid > 0) {
		cgtest_end(a->pid);
		close(a->fd);
	}
	a->pid = 0;
}

static int ask(struct cgtest_agent *a, struct request *r, const char *path)
{
	int result;

	snprintf(r->path, sizeof(r->path), "%s", path);
	if (write(a->fd, r, sizeof(*r)) != sizeof(*r) || !cgtest_readable(a->fd) ||
	    read(a->fd, &result, sizeof(result)) != sizeof(result))
		cgtest_bail("an agent does not answer");
	return result;
}

int cgtest_agent_open(struct cgtest_agent *a, const char *path, int flags)
{
	struct request r = { .what = 'o', .flags = flags };

	return ask(a, &r, path);
}

int cgtest_agent_access(struct cgtest_agent *a, const char *path, int mode)
{
	struct request r = { .what = 'a', .flags = mode };

	return ask(a, &r, path);
}

int cgtest_agent_mknod(struct cgtest_agent *a, const char *path, mode_t mode, dev_t dev)
{
	struct request r = { .what = 'm', .mode = mode, .dev = dev };

	return ask(a, &r, path);
}

struct cgtest_opener cgtest_opener_start(const char *group, const char *count,
					 const char *const *nodes)
{
	const char *dir = getenv("CGW_TESTS");
	struct cgtest_opener o;
	char path[300], *argv[20] = { path, (char *)count }, ready[6];
	int fds[2];

	snprintf(path, sizeof(path), "%s/opener", dir ? dir : "build/tests");
	for (int i = 0; nodes[i]; i++)
		argv[i + 2] = (char *)nodes[i];
	if (pipe2(fds, O_CLOEXEC) < 0)
		cgtest_bail("pipe");
	o.pid = cgtest_fork();
	if (!o.pid) {
		if (cgtest_write(group, "cgroup.procs", "0") || dup2(fds[1], STDOUT_FILENO) < 0)
			_exit(99);
		execv(path, argv);
		_exit(98);
	}
	close(fds[1]);
	o.fd = fds[0];
	if (!cgtest_readable(o.fd) || read(o.fd, ready, 6) != 6)
		cgtest_bail("%s does not start", path);
	return o;
}

bool cgtest_opener_done(struct cgtest_opener *o)
{
	return cgtest_is_dead(o->pid);
}

int cgtest_opener_stop(struct cgtest_opener *o, char **ret_text)
{
	int status;

	kill(o->pid, SIGTERM);
	status = cgtest_reap(o->pid);
	if (cgw__read_fd(o->fd, ret_text) < 0)
		cgtest_bail("opener's output");
	close(o->fd);
	o->pid = 0;
	return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void cgtest_opener_free(struct cgtest_opener *o)
{
	if (o->pid <= 0)
		return;
	cgtest_end(o->pid);
	close(o->fd);
}

int cgtest_switch(const char *name, struct cgw *c, const char *const *nodes,
		  struct cgw_policy *const *policies, size_t n)
{
	_cleanup_top_ char *top = cgtest_new(name);
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, top);
	_cleanup_opener_ struct cgtest_opener o = { 0 };
	_cleanup_free_ char *text = NULL;
	long switches = 0, wanted = cgtest_scale(20000);

	CHECK_INT(cgw_group_set_devices(g, policies[0]), 0);
	o = cgtest_opener_start(top, "-", nodes);
	while (switches < wanted) {
		if (cgw_group_set_devices(g, policies[++switches % (long)n]) < 0)
			FAIL("%s", cgw_strerror(c));
		/* on few processors the opener must come to see each policy: 15 is odd */
		if (!(switches % 15))
			usleep(200);
	}
	if (cgtest_opener_stop(&o, &text))
		FAIL("after %ld switches: %s", switches, text);
	tap_note("%ld switches; %s", switches, strtok(text, "\n"));
	return TAP_PASS;
}

int cgtest_kmsg(void)
{
	return mknod("/run/kmsg", S_IFCHR | 0600, makedev(1, 11)) < 0 && errno != EEXIST ? -errno
											 : 0;
}

int cgtest_forbid(unsigned int call, int first, unsigned int err)
{
	const unsigned int lower = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + lower),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)first, 0, first < 0 ? 0 : 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { .len = ARRAY_SIZE(code), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0 ? -errno : 0;
}

bool cgtest_own_mounts(void)
{
	return !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=1777") &&
	       !mount("tmpfs", "/run", "tmpfs", 0, NULL);
}

int cgtest_device_main(int argc, char **argv, const struct tap_test *tests, size_t n)
{
	if (strstr(cgw_features(), "-bpf"))
		return tap_skip_all("built without BPF");
	if (!geteuid() && !cgtest_own_mounts())
		return tap_skip_all("no bpffs can be mounted in a namespace of its own");
	return cgtest_live(argc, argv, tests, n);
}

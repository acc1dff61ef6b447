// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Control files: the parsers, and that nothing is opened outside the group or created. */
#include <sys/stat.h>

#include "cgtest.h"

/* What a parser found, as "name|key|value;" each. */
struct found {
	char text[1024];
	size_t n;
	size_t stop_at;
};

static int note(const char *name, const char *key, const char *value, void *arg)
{
	struct found *f = arg;
	size_t len = strlen(f->text);

	snprintf(f->text + len, sizeof(f->text) - len, "%s|%s|%s;", name ? name : "", key, value);
	return ++f->n == f->stop_at ? 42 : 0;
}

static int flat_files_are_parsed(void)
{
	static const struct {
		const char *text;
		int want;
		const char *found;
	} cases[] = {
		{ "", 0, "" },
		{ "anon 1\nfile 2\n", 0, "|anon|1;|file|2;" },
		{ "anon 1\nfile 2", 0, "|anon|1;|file|2;" },
		{ "a max\n\nb -5\n", 0, "|a|max;|b|-5;" },
		{ "a\n", -EINVAL, "" },
		{ "a \n", -EINVAL, "" },
		{ " 1\n", -EINVAL, "" },
		{ "a 1\nb 2 3\n", -EINVAL, "|a|1;" },
		{ "a 18446744073709551616\n", 0, "|a|18446744073709551616;" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct found f = { .n = 0 };
		int err = cgw_parse_flat(cases[i].text, note, &f);

		if (err != cases[i].want)
			FAIL("'%s' gives %d, wanted %d", cases[i].text, err, cases[i].want);
		CHECK_STR(f.text, cases[i].found);
	}
	return TAP_PASS;
}

static int nested_files_are_parsed(void)
{
	static const struct {
		const char *text;
		int want;
		const char *found;
	} cases[] = {
		{ "", 0, "" },
		{ "8:0 rbytes=1 wbytes=2\n8:16 rbytes=3\n", 0,
		  "8:0|rbytes|1;8:0|wbytes|2;8:16|rbytes|3;" },
		{ "8:0\n8:16 a=1\n", 0, "8:16|a|1;" },
		{ "8:0 a=\n", 0, "8:0|a|;" },
		{ "8:0 a=b=c\n", 0, "8:0|a|b=c;" },
		{ "some avg10=0.00 total=0\n", 0, "some|avg10|0.00;some|total|0;" },
		{ "8:0 a\n", -EINVAL, "" },
		{ "8:0 a=1 =2\n", -EINVAL, "8:0|a|1;" },
		{ " \n", -EINVAL, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct found f = { .n = 0 };
		int err = cgw_parse_nested(cases[i].text, note, &f);

		if (err != cases[i].want)
			FAIL("'%s' gives %d, wanted %d", cases[i].text, err, cases[i].want);
		CHECK_STR(f.text, cases[i].found);
	}
	return TAP_PASS;
}

static int callbacks_end_the_walk(void)
{
	struct found f = { .stop_at = 2 };

	CHECK_INT(cgw_parse_flat("a 1\nb 2\nc 3\n", note, &f), 42);
	CHECK_STR(f.text, "|a|1;|b|2;");
	f = (struct found){ .stop_at = 1 };
	CHECK_INT(cgw_parse_nested("x a=1 b=2\ny c=3\n", note, &f), 42);
	CHECK_STR(f.text, "x|a|1;");
	return TAP_PASS;
}

/*
 * outside               file
 * in/inside             file
 * in/sub/file           file
 * in/link -> inside, in/dangling -> nowhere, in/sub/link_out -> ../../outside
 * in/dirlink -> sub, in/abs -> /
 */
static char *make_tree(void)
{
	char *dir = cgtest_tmpdir();
	static const char *const links[][2] = {
		{ "inside", "link" },
		{ "nowhere", "dangling" },
		{ "../../outside", "sub/link_out" },
		{ "sub", "dirlink" },
		{ "/", "abs" },
	};

	cgtest_spit("outside", "%s/outside", dir);
	cgtest_spit("inside", "%s/in/inside", dir);
	cgtest_spit("file", "%s/in/sub/file", dir);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/in/%s", dir, links[i][1]);
		if (symlink(links[i][0], path) < 0)
			abort();
	}
	return dir;
}

static int open_in_tree(bool walk)
{
	static const struct {
		const char *path;
		int want;
	} cases[] = {
		{ "inside", 0 },
		{ "sub/file", 0 },
		{ ".", 0 },
		{ "missing", -ENOENT },
		{ "sub/missing", -ENOENT },
		{ "missing/file", -ENOENT },
		{ "inside/file", -ENOTDIR },
		{ "link", -ELOOP },
		{ "dangling", -ELOOP },
		{ "sub/link_out", -ELOOP },
		{ "dirlink/file", -ELOOP },
		{ "abs/etc/passwd", -ELOOP },
		{ "..", -EXDEV },
		{ "../outside", -EXDEV },
		{ "sub/../../outside", -EXDEV },
		{ "/etc/passwd", -EXDEV },
	};
	static const int flags[] = { O_RDONLY, O_PATH };
	_cleanup_tmp_ char *dir = make_tree();
	_cleanup_ctx_ struct cgw *c = cgtest_context();
	_cleanup_close_ int at = -EBADF;
	char path[512];

	snprintf(path, sizeof(path), "%s/in", dir);
	at = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_SIZE(cases) * ARRAY_SIZE(flags); i++) {
		_cleanup_close_ int fd = -EBADF;

		c->no_openat2 = walk;
		fd = cgw__open_beneath(c, at, cases[i / 2].path, flags[i % 2]);
		if (c->no_openat2 != walk)
			return tap_skip("openat2 is not available here");
		if ((fd < 0 ? fd : 0) != cases[i / 2].want)
			FAIL("'%s' with flags %o gives %d, wanted %d", cases[i / 2].path,
			     flags[i % 2], fd, cases[i / 2].want);
		if (fd >= 0)
			CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	return TAP_PASS;
}

static int openat2_stays_beneath_and_follows_no_link(void)
{
	return open_in_tree(false);
}

static int fallback_walk_does_the_same(void)
{
	return open_in_tree(true);
}

static int other_filesystems_are_not_entered(void)
{
	for (int walk = 0; walk < 2; walk++) {
		_cleanup_ctx_ struct cgw *c = cgtest_context();
		_cleanup_close_ int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		_cleanup_close_ int fd = -EBADF;

		c->no_openat2 = walk;
		fd = cgw__open_beneath(c, at, "proc/version", O_RDONLY);
		CHECK_INT(fd, -EXDEV);
	}
	return TAP_PASS;
}

static int nothing_is_ever_created(void)
{
	for (int walk = 0; walk < 2; walk++) {
		_cleanup_tmp_ char *dir = cgtest_copy("unified");
		_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
		_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
		char path[512];

		c->no_openat2 = walk;
		CHECK(cgw_group_write(g, "memory.new", "1") < 0);
		CHECK(cgw_group_write(g, "cgroup.new", "1") < 0);
		snprintf(path, sizeof(path), "%s/cgroup/web/memory.new", dir);
		CHECK(access(path, F_OK) < 0);
		snprintf(path, sizeof(path), "%s/cgroup/web/cgroup.new", dir);
		CHECK(access(path, F_OK) < 0);
	}
	return TAP_PASS;
}

static int files_are_read_whole(void)
{
	static const size_t sizes[] = { 0, 1, 2047, 2048, 2049, 4095, 4096, 8191, 1 << 20 };
	_cleanup_tmp_ char *dir = cgtest_copy("unified");
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
	_cleanup_free_ char *big = malloc((1 << 20) + 1);

	CHECK(big);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_free_ char *text = NULL;

		for (size_t j = 0; j < sizes[i]; j++)
			big[j] = (char)('a' + j % 23);
		big[sizes[i]] = '\0';
		cgtest_spit(big, "%s/cgroup/web/memory.stat", dir);
		CHECK_INT(cgw_group_read(g, "memory.stat", &text), sizes[i]);
		CHECK(!strcmp(text, big));
	}
	return TAP_PASS;
}

static int one_last_newline_is_removed(void)
{
	static const char *const cases[][2] = {
		{ "max\n", "max" }, { "max", "max" }, { "a\nb\n", "a\nb" },
		{ "a\n\n", "a\n" }, { "\n", "" },
	};
	_cleanup_tmp_ char *dir = cgtest_copy("unified");
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = NULL;

		cgtest_spit(cases[i][0], "%s/cgroup/web/memory.max", dir);
		CHECK_INT(cgw_group_read(g, "memory.max", &text), strlen(cases[i][1]));
		CHECK_STR(text, cases[i][1]);
	}
	return TAP_PASS;
}

static int values_are_written_as_they_are(void)
{
	_cleanup_tmp_ char *dir = cgtest_copy("unified");
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
	_cleanup_free_ char *text = NULL;

	CHECK_INT(cgw_group_write(g, "memory.high", "5"), 0);
	text = cgtest_slurp("%s/cgroup/web/memory.high", dir);
	CHECK_STR(text, "5");
	return TAP_PASS;
}

static int file_names_are_single_components(void)
{
	static const char *const names[] = { "",	   ".",	  "..",
					     "/",	   "a/b", "../web/memory.max",
					     "/etc/passwd" };
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(cgtest_data("unified"));
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *text = NULL;

		CHECK_INT(cgw_group_read(g, names[i], &text), -EINVAL);
		CHECK(cgw_error_is_input(c) && !text);
		CHECK_INT(cgw_group_write(g, names[i], "1"), -EINVAL);
		CHECK(cgw_error_is_input(c));
	}
	return TAP_PASS;
}

static int groups_are_opened_through_no_link(void)
{
	_cleanup_tmp_ char *dir = cgtest_copy("unified");
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
	struct cgw_group *g = NULL;
	char path[512];

	snprintf(path, sizeof(path), "%s/cgroup/alias", dir);
	CHECK(!symlink("web", path));
	CHECK_INT(cgw_group_open(c, "/alias", &g), -ELOOP);
	CHECK_INT(cgw_group_open(c, "/alias/api", &g), -ELOOP);
	CHECK_INT(cgw_group_open(c, "/web/cgroup.procs", &g), -ENOTDIR);
	CHECK_HAS(cgw_strerror(c), "control file");
	CHECK_INT(cgw_group_open(c, "/nobody", &g), -ENOENT);
	CHECK_STR(cgw_strerror(c), "no such group: '/nobody'");
	CHECK(!g);
	return TAP_PASS;
}

static int processes_are_sorted_unique_and_foreign_ones_counted(void)
{
	static const pid_t own[] = { 7, 20, 300 }, all[] = { 7, 20, 101, 300 };
	_cleanup_tmp_ char *dir = cgtest_copy("unified");
	_cleanup_ctx_ struct cgw *c = cgtest_recorded(dir);
	_cleanup_group_ struct cgw_group *g = cgtest_open(c, "/web");
	_cleanup_procs_ struct cgw_procs p = { 0 }, below = { 0 };

	cgtest_spit("300\n0\n20\n7\n20\n0\n", "%s/cgroup/web/cgroup.procs", dir);
	CHECK_INT(cgw_group_procs(g, false, &p), 0);
	CHECK_INT(p.n, ARRAY_SIZE(own));
	CHECK(!memcmp(p.pids, own, sizeof(own)));
	CHECK_INT(p.foreign, 2);
	CHECK_INT(cgw_group_procs(g, true, &below), 0);
	CHECK_INT(below.n, ARRAY_SIZE(all));
	CHECK(!memcmp(below.pids, all, sizeof(all)));
	CHECK_INT(below.foreign, 2);
	return TAP_PASS;
}

static int words_are_found_whole(void)
{
	CHECK(cgw__has_word("cpu memory", "cpu"));
	CHECK(cgw__has_word("cpuset memory\n", "memory"));
	CHECK(!cgw__has_word("cpuset memory", "cpu"));
	CHECK(!cgw__has_word("", "cpu"));
	CHECK(!cgw__has_word("memory", "mem"));
	CHECK(!cgw__has_word("mem", "memory"));
	return TAP_PASS;
}

static const struct tap_test tests[] = {
	T(flat_files_are_parsed),
	T(nested_files_are_parsed),
	T(callbacks_end_the_walk),
	T(openat2_stays_beneath_and_follows_no_link),
	T(fallback_walk_does_the_same),
	T(other_filesystems_are_not_entered),
	T(nothing_is_ever_created),
	T(files_are_read_whole),
	T(one_last_newline_is_removed),
	T(values_are_written_as_they_are),
	T(file_names_are_single_components),
	T(groups_are_opened_through_no_link),
	T(processes_are_sorted_unique_and_foreign_ones_counted),
	T(words_are_found_whole),
};

CGTEST_MAIN(tests)

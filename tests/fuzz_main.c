// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * A fuzz target without libFuzzer: replays tests/corpus/NAME and mutations of it, the same
 * ones in every run. With arguments that are files it runs the target on these.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fuzz.h"
#include "random.h"

#define MAX_SEEDS 256
#define MAX_SIZE 8192
/* A single input takes milliseconds; this is for valgrind and guests. */
#define MAX_SECONDS 60

struct seed {
	char *name;
	size_t size;
	uint8_t data[MAX_SIZE];
};

static const char *target;
static struct seed *seeds;
static size_t n_seeds;

/* What the child is at: this outlives it. */
static struct seed *current;

/* A copy of the very size, so that the sanitizers see who reads past it. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void load_seed(const char *path)
{
	struct seed *s = &seeds[n_seeds];
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, s->data, sizeof(s->data));

	s->name = strdup(path);
	if (n < 0 || !s->name || n_seeds == MAX_SEEDS - 1)
		cgtest_bail("seed %s", path);
	s->size = (size_t)n;
	n_seeds++;
}

/* Not alphasort(), whose order is that of the locale. */
static int compare_entries(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void load_seeds(void)
{
	struct dirent **entries;
	char dir[256], path[600];
	int n;

	snprintf(dir, sizeof(dir), "tests/corpus/%s", target);
	n = scandir(dir, &entries, NULL, compare_entries);
	if (n < 0)
		cgtest_bail("%s (tests run in the source directory)", dir);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			load_seed(path);
		free(entries[i]);
	}
	free(entries);
}

/* Replace what is at from up to to by n other bytes, as far as there is room. */
static void replace(struct seed *s, size_t from, size_t to, const uint8_t *bytes, size_t n)
{
	if (n > MAX_SIZE - s->size)
		n = MAX_SIZE - s->size;
	memmove(s->data + from + n, s->data + to, s->size - to);
	memmove(s->data + from, bytes, n);
	s->size = s->size - (to - from) + n;
}

static void mutate(struct seed *s)
{
	static const uint8_t bytes[] = "\0\n \t\"\\{}[],:=/.*#%-0189aEKbc\x7f\x80\xff";
	const struct seed *other = &seeds[below((unsigned int)n_seeds)];
	size_t from = below((unsigned int)s->size + 1);
	size_t to = from + below((unsigned int)(s->size - from) + 1);
	size_t at = below((unsigned int)other->size + 1);
	uint8_t piece[MAX_SIZE];

	switch (below(6)) {
	case 0:
		if (from < s->size)
			s->data[from] ^= (uint8_t)(1U << below(8));
		return;
	case 1:
		replace(s, from, from < s->size ? from + below(2) : from,
		       &bytes[below(sizeof(bytes))], 1);
		return;
	case 2:
		replace(s, from, to, bytes, 0);
		return;
	case 3: /* twice */
		memcpy(piece, s->data, s->size);
		replace(s, from, from, piece + from, to - from);
		return;
	case 4: /* a part of another one */
		replace(s, from, to, other->data + at, below((unsigned int)(other->size - at) + 1));
		return;
	default: /* the rest of another one */
		replace(s, from, s->size, other->data + at, other->size - at);
	}
}

static void run_current(void)
{
	alarm(MAX_SECONDS);
	run(current->data, current->size);
	alarm(0);
}

static void replay_seeds(void)
{
	for (size_t i = 0; i < n_seeds; i++) {
		*current = seeds[i];
		run_current();
	}
}

static void replay_mutations(void)
{
	long n = cgtest_scale(fuzz_mutations);

	random_state = 1;
	for (long i = 0; i < n; i++) {
		*current = seeds[(size_t)i % n_seeds];
		for (unsigned int steps = 1 + below(4); steps; steps--)
			mutate(current);
		run_current();
	}
}

/* Put the input that the child was at where it can be looked at. */
static void keep_current(char *path, size_t size)
{
	const char *tmp = getenv("TMPDIR");
	_cleanup_close_ int fd = -EBADF;

	snprintf(path, size, "%s/fuzz_%s.XXXXXX", tmp ? tmp : "/tmp", target);
	fd = mkstemp(path);
	if (fd < 0 || write(fd, current->data, current->size) != (ssize_t)current->size)
		snprintf(path, size, "(cannot be kept: %s)", strerror(errno));
}

/* A target aborts: so it runs in a child, which exits as usual to be looked at for leaks. */
static int in_child(void (*replay)(void))
{
	char path[256];
	int status;
	pid_t pid;

	current->name = NULL;
	pid = cgtest_fork();
	if (!pid) {
		replay();
		exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		cgtest_bail("waitpid");
	if (!status)
		return TAP_PASS;
	keep_current(path, sizeof(path));
	if (WIFSIGNALED(status))
		FAIL("%s, or a mutation of it: signal %d; the input: %s", current->name,
		     WTERMSIG(status), path);
	FAIL("%s, or a mutation of it: exit status %d; the input: %s", current->name,
	     WEXITSTATUS(status), path);
}

static int corpus_holds(void)
{
	return in_child(replay_seeds);
}

static int mutations_of_the_corpus_hold(void)
{
	return in_child(replay_mutations);
}

static const struct tap_test tests[] = {
	T(corpus_holds),
	T(mutations_of_the_corpus_hold),
};

/* The inputs named by the user, here and now. */
static int run_files(char **paths)
{
	for (; *paths; paths++) {
		load_seed(*paths);
		run(seeds[n_seeds - 1].data, seeds[n_seeds - 1].size);
		printf("%s: holds\n", *paths);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int result;

	target = strstr(program_invocation_short_name, "fuzz_");
	target = target ? target + 5 : program_invocation_short_name;
	seeds = calloc(MAX_SEEDS, sizeof(*seeds));
	current = mmap(NULL, sizeof(*current), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (!seeds || current == MAP_FAILED)
		cgtest_bail("memory");
	if (argc > 1 && strchr(argv[1], '/')) {
		result = run_files(argv + 1);
	} else {
		load_seeds();
		result = tap_run(argc, argv, tests, ARRAY_SIZE(tests));
	}
	for (size_t i = 0; i < n_seeds; i++)
		free(seeds[i].name);
	free(seeds);
	return result;
}

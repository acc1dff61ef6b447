// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Opens device nodes over and over, and tells what came of it:
 *
 *	opener COUNT WORD:NODE...
 *
 * WORD is what must hold for NODE at every open: "always" (it opens), "never" (EPERM),
 * "either", or "changes": either, and both must happen. For those it goes on beyond COUNT
 * rounds, at most 60 s. COUNT "-" goes on until SIGTERM. Prints "ready" after the first
 * round, and at the end a line "NODE allowed=N denied=N other=N" each. Exit status 0 when
 * every word held, 1 when one did not, 2 for wrong usage.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct node {
	const char *path;
	char word; /* its first letter */
	unsigned long allowed;
	unsigned long denied;
	unsigned long other;
};

static volatile sig_atomic_t stop;

static void on_term(int signal)
{
	(void)signal;
	stop = 1;
}

static void try_open(struct node *node)
{
	int fd = open(node->path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0) {
		node->allowed++;
		close(fd);
	} else if (errno == EPERM) {
		node->denied++;
	} else {
		node->other++;
	}
}

static bool word_held(const struct node *node)
{
	switch (node->other ? 0 : node->word) {
	case 'a':
		return !node->denied;
	case 'n':
		return !node->allowed;
	case 'c':
		return node->allowed && node->denied;
	default:
		return !node->other;
	}
}

/* Is there a node that is still to change, and time for it? */
static bool must_wait(const struct node *nodes, int n, time_t deadline)
{
	for (int i = 0; i < n; i++)
		if (nodes[i].word == 'c' && !word_held(&nodes[i]))
			return time(NULL) < deadline;
	return false;
}

static int parse_node(const char *arg, struct node *node)
{
	static const char *const words[] = { "always:", "never:", "either:", "changes:" };

	for (int i = 0; i < 4; i++) {
		size_t n = strlen(words[i]);

		if (strncmp(arg, words[i], n) || !arg[n])
			continue;
		node->word = arg[0];
		node->path = arg + n;
		return 0;
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_term };
	struct node nodes[16] = { 0 };
	unsigned long count;
	time_t deadline = 0;
	bool held = true;
	int n = argc - 2;

	if (n < 1 || n > 16)
		n = 0;
	for (int i = 0; i < n; i++)
		if (parse_node(argv[i + 2], &nodes[i]) < 0)
			n = 0;
	if (!n) {
		fprintf(stderr, "usage: opener COUNT|- always|never|either|changes:NODE...\n");
		return 2;
	}
	count = strcmp(argv[1], "-") ? strtoul(argv[1], NULL, 10) : 0;
	sigaction(SIGTERM, &action, NULL);
	for (unsigned long round = 0; !stop; round++) {
		if (count && round == count)
			deadline = time(NULL) + 60;
		if (count && round >= count && !must_wait(nodes, n, deadline))
			break;
		for (int i = 0; i < n; i++)
			try_open(&nodes[i]);
		if (!round) {
			puts("ready");
			fflush(stdout);
		}
	}
	for (int i = 0; i < n; i++) {
		printf("%s allowed=%lu denied=%lu other=%lu\n", nodes[i].path, nodes[i].allowed,
		       nodes[i].denied, nodes[i].other);
		held = held && word_held(&nodes[i]);
	}
	return held ? 0 : 1;
}

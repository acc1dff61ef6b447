// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Puts a process into a group that resists the freezer, prints its number and waits for it:
 *
 *	stuck GROUP
 *
 * SIGKILL to that process ends both. Exit status 4 and the reason where none can be made.
 */
#include <sys/wait.h>

#include "cgtest.h"

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 2 || !cgtest_mount()[0])
		return 2;
	pid = cgtest_stuck(argv[1]);
	if (pid < 0) {
		printf("userfaultfd: %s\n", strerror(-pid));
		return TAP_EXIT_SKIP;
	}
	printf("%d\n", pid);
	fflush(stdout);
	return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}

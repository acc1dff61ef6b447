// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Does nothing, linked statically: the least that starting a process costs. */
int main(void)
{
	return 0;
}

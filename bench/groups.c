// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The groups of the device benchmark, their rules and policies. */
#include <poll.h>

#include "groups.h"

struct cgw *c;
struct cgw__loader *loader;
char base[64];
struct cgw_group *groups[MAX_GROUPS];
double samples[MAX_SAMPLES];

void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what,
		cgw_strerror(c)[0] ? cgw_strerror(c) : strerror(errno));
	exit(1);
}

struct cgw_group *make_group(const char *kind, unsigned int i, const struct cgw_policy *policy)
{
	struct cgw_create_opts opts = { .sz = sizeof(opts), .devices = policy };
	struct cgw_group *g;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s%u", base, kind, i);
	if (cgw_group_create(c, path, &opts, &g))
		die("create");
	return g;
}

/* Let the kernel finish with the groups and programs before: it frees them in the background. */
void settle(void)
{
	poll(NULL, 0, 30);
}

/* Make groups, with a policy or NULL. Return: us per group. */
double make_groups(unsigned int n, const struct cgw_policy *policy)
{
	double us = TIMED(n, groups[i] = make_group("g", i, policy));

	settle();
	return us;
}

void remove_groups(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (cgw_group_delete(groups[i], 0, 1000))
			die("delete");
		cgw_group_close(groups[i]);
	}
}

void set_devices(struct cgw_group *g, const struct cgw_policy *policy)
{
	if (cgw_group_set_devices(g, policy) < 0)
		die("set the policy");
}

/* The map or program that serves the policy's size class. */
int pinned(const struct cgw_policy *policy, unsigned int kind)
{
	return loader->fds[cgw__pin(cgw_policy_value(policy, NULL)->size_class, kind)];
}

/* ---- rules ------------------------------------------------------------------------ */

const char *access_letters(uint8_t access)
{
	static const char *const letters[] = { "", "m", "r", "rm", "w", "wm", "rw", "rwm" };

	return letters[access & CGW_DEVICE_RWM];
}

/* n exact rules, in the order of their numbers, none of a device that runtimes allow. */
void make_rules(struct cgw_rule *rules, int n, uint32_t first_minor)
{
	for (int i = 0; i < n; i++)
		rules[i] = (struct cgw_rule){
			.type = 'c',
			.allow = true,
			.access = CGW_DEVICE_RWM,
			.major = 200 + (uint32_t)i / 600,
			.minor = first_minor + (uint32_t)i % 600 * 13,
		};
}

/*
 * n rules that end with what every container may use; runtimes have that last, or test it first.
 * Return: how many are before that.
 */
int make_oci_rules(struct cgw_rule *rules, int n, uint32_t first_minor)
{
	struct cgw_rules *list;
	int own;

	if (cgw_rules_new(c, &list) || cgw_rules_add_list(list, "oci"))
		die("rules");
	own = n - (int)cgw_rules_count(list);
	make_rules(rules, own, first_minor);
	for (int i = own; i < n; i++)
		rules[i] = *cgw_rules_at(list, (size_t)(i - own));
	cgw_rules_free(list);
	return own;
}

struct cgw_policy *compile(const struct cgw_rule *rules, int n)
{
	struct cgw_policy *policy;
	struct cgw_rules *list;

	if (cgw_rules_new(c, &list))
		die("rules");
	for (int i = 0; i < n; i++)
		if (cgw_rules_add_rule(list, &rules[i]))
			die("rules");
	if (cgw_policy_compile(list, CGW_SEMANTICS_ORDERED, &policy))
		die("compile");
	cgw_rules_free(list);
	return policy;
}

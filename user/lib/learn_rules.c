// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The smallest rule list for devices that were used. */
#include "internal.h"

/* Where the kernel takes numbers from that no driver has by right. */
static bool is_handed_out(uint32_t major)
{
	return (major >= 234 && major <= 254) || (major >= 384 && major <= 511);
}

/* Majors that are fixed, under which devices come and go. */
static const struct {
	unsigned int type;
	uint32_t first;
	uint32_t last;
	const char *name;
} coming_and_going[] = {
	{ CGW_DEVICE_CHAR, 136, 143, "pts" },
	{ CGW_DEVICE_BLOCK, 7, 7, "loop" },
	{ CGW_DEVICE_BLOCK, 259, 259, "blkext" },
};

/* The driver's name in /proc/devices. Return: is it there? */
static bool find_driver(const char *devices, unsigned int type, uint32_t major, char *name,
			size_t size)
{
	const char *line = strstr(devices, type == CGW_DEVICE_BLOCK ? "Block devices:" :
								      "Character devices:");
	char found[64];
	uint32_t number;

	for (line = line ? strchr(line, '\n') : NULL; line; line = strchr(line + 1, '\n')) {
		if (sscanf(line + 1, "%u %63s", &number, found) != 2)
			return false; /* the section ends */
		if (number == major) {
			snprintf(name, size, "%s", found);
			return true;
		}
	}
	return false;
}

static bool is_dynamic(const char *devices, unsigned int type, uint32_t major, char *name,
		       size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(coming_and_going); i++)
		if (coming_and_going[i].type == type && major >= coming_and_going[i].first &&
		    major <= coming_and_going[i].last) {
			snprintf(name, size, "%s", coming_and_going[i].name);
			return true;
		}
	return devices && is_handed_out(major) && find_driver(devices, type, major, name, size);
}

bool cgw_device_is_dynamic(struct cgw *c, unsigned int type, uint32_t major, char *name,
			   size_t size)
{
	_cleanup_free_ char *devices = NULL;

	if (cgw__read_proc(c, 0, "../devices", &devices) < 0)
		devices = NULL;
	return is_dynamic(devices, type, major, name, size);
}

static int allow(struct cgw_rules *rules, const char *devices, const struct cgw_use *use,
		 uint8_t access)
{
	struct cgw_rule rule = { use->type == CGW_DEVICE_BLOCK ? 'b' : 'c', true, access, use->major,
				 use->minor };
	char name[64];

	if (is_dynamic(devices, use->type, use->major, name, sizeof(name)))
		rule.minor = CGW_DEVICE_ANY;
	return cgw_rules_add_rule(rules, &rule);
}

static bool is_wanted(const struct cgw_use *use, unsigned int flags)
{
	return use->allowed || (flags & CGW_LEARN_DENIED && use->denied);
}

/* In two turns: who looks whether a node is there passes by any access that is allowed. */
static int allow_uses(struct cgw_rules *rules, const struct cgw_use *uses, size_t n,
		      unsigned int flags)
{
	_cleanup_free_ char *devices = NULL;
	int err = 0;

	if (cgw__read_proc(rules->c, 0, "../devices", &devices) < 0)
		devices = NULL;
	for (size_t i = 0; i < n && !err; i++)
		if (is_wanted(&uses[i], flags) && uses[i].access)
			err = allow(rules, devices, &uses[i], uses[i].access);
	for (size_t i = 0; i < n && !err; i++)
		if (is_wanted(&uses[i], flags) && !uses[i].access &&
		    !cgw_rules_evaluate(rules, CGW_SEMANTICS_ORDERED, uses[i].type, uses[i].major,
					uses[i].minor, 0))
			err = allow(rules, devices, &uses[i], CGW_DEVICE_MKNOD);
	return err;
}

static bool denies_all(const struct cgw_rule *rule)
{
	return rule->type == 'a' && !rule->allow && rule->major == CGW_DEVICE_ANY &&
	       rule->minor == CGW_DEVICE_ANY;
}

int cgw_learn_rules(struct cgw *c, const struct cgw_rules *earlier, const struct cgw_use *uses,
		    size_t n, unsigned int flags, struct cgw_rules **ret_rules)
{
	_cleanup_(cgw__rules_freep) struct cgw_rules *all = NULL, *rules = NULL;
	_cleanup_(cgw__policy_freep) struct cgw_policy *policy = NULL;
	int err = cgw_rules_new(c, &all);

	if (!err && earlier)
		err = cgw__rules_append(all, earlier);
	if (!err)
		err = allow_uses(all, uses, n, flags);
	if (!err)
		err = cgw_policy_compile(all, CGW_SEMANTICS_ORDERED, &policy);
	if (!err)
		err = cgw_policy_rules(policy, &rules);
	if (err)
		return err;
	/* What no rule allows is denied anyway. */
	if (rules->n && denies_all(&rules->rules[0]))
		memmove(rules->rules, rules->rules + 1, --rules->n * sizeof(*rules->rules));
	*ret_rules = TAKE_PTR(rules);
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Device rules: read from text, named lists, and what a list means. */
#include <ctype.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "internal.h"

#define RULE_FORM "[allow|deny] a|b|c [MAJ:MIN] [rwm], or PATH[:rwm]"

int cgw_rules_new(struct cgw *c, struct cgw_rules **ret_rules)
{
	struct cgw_rules *rules = calloc(1, sizeof(*rules));

	if (!rules)
		return cgw__oom(c);
	rules->c = c;
	*ret_rules = rules;
	return 0;
}

void cgw_rules_free(struct cgw_rules *rules)
{
	if (!rules)
		return;
	free(rules->rules);
	free(rules);
}

size_t cgw_rules_count(const struct cgw_rules *rules)
{
	return rules->n;
}

const struct cgw_rule *cgw_rules_at(const struct cgw_rules *rules, size_t i)
{
	return i < rules->n ? &rules->rules[i] : NULL;
}

int cgw_rules_add_rule(struct cgw_rules *rules, const struct cgw_rule *rule)
{
	if (!strchr("abc", rule->type) || !rule->type || !rule->access ||
	    rule->access > CGW_DEVICE_RWM)
		return cgw__bad(rules->c, -EINVAL, "bad rule: type %d, access %u", rule->type,
				rule->access);
	if (rules->n == rules->room) {
		size_t room = rules->room ? rules->room * 2 : 32;
		struct cgw_rule *more = realloc(rules->rules, room * sizeof(*more));

		if (!more)
			return cgw__oom(rules->c);
		rules->rules = more;
		rules->room = room;
	}
	rules->rules[rules->n++] = *rule;
	return 0;
}

int cgw__rules_append(struct cgw_rules *rules, const struct cgw_rules *more)
{
	for (size_t i = 0; i < more->n; i++) {
		int err = cgw_rules_add_rule(rules, &more->rules[i]);

		if (err)
			return err;
	}
	return 0;
}

/* Where a text came from, for messages. */
struct source {
	struct cgw *c;
	const char *name; /* file, or NULL for a single rule */
	size_t line;
	const char *text; /* the line, NUL at its end */
};

static int bad_rule(const struct source *src, const char *at, int err, const char *fmt, ...)
	_printf_(4, 5);

static int bad_rule(const struct source *src, const char *at, int err, const char *fmt, ...)
{
	size_t column = (size_t)(at - src->text) + 1;
	char why[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (src->name)
		cgw__bad(src->c, err, "%s:%zu:%zu: bad rule: %s", src->name, src->line, column, why);
	else
		cgw__bad(src->c, err, "bad rule '%s': column %zu: %s", src->text, column, why);
	if (err == -EINVAL)
		cgw__hint(src->c, "a rule is %s", RULE_FORM);
	return err;
}

/* Letters of r, w, m in any order; 0 for anything else. */
uint8_t cgw__parse_access(const char *word, size_t len)
{
	uint8_t access = 0;

	for (size_t i = 0; i < len; i++) {
		switch (word[i]) {
		case 'r':
			access |= CGW_DEVICE_READ;
			break;
		case 'w':
			access |= CGW_DEVICE_WRITE;
			break;
		case 'm':
			access |= CGW_DEVICE_MKNOD;
			break;
		default:
			return 0;
		}
	}
	return access;
}

static int parse_number(const struct source *src, const char *word, size_t len, const char *what,
			uint32_t *ret_number)
{
	uint64_t number = 0;

	if (len == 1 && word[0] == '*') {
		*ret_number = CGW_DEVICE_ANY;
		return 0;
	}
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)word[i]))
			return bad_rule(src, word + i, -EINVAL, "%s '%.*s' is neither a number nor *", what,
					(int)len, word);
		number = number * 10 + (uint64_t)(word[i] - '0');
		if (number >= CGW_DEVICE_ANY)
			return bad_rule(src, word, -ERANGE, "%s '%.*s' is above 4294967294", what, (int)len,
					word);
	}
	if (!len)
		return bad_rule(src, word, -EINVAL, "%s is missing", what);
	*ret_number = (uint32_t)number;
	return 0;
}

/* PATH[:ACCESS], where PATH may hold colons itself. */
static int parse_path(const struct source *src, const char *at, struct cgw_rule *rule)
{
	size_t len = strlen(at);
	const char *colon;
	char path[PATH_MAX];
	struct stat st;

	while (len && isspace((unsigned char)at[len - 1]))
		len--;
	rule->access = CGW_DEVICE_RWM;
	colon = memrchr(at, ':', len);
	if (colon && cgw__parse_access(colon + 1, len - (size_t)(colon + 1 - at))) {
		rule->access = cgw__parse_access(colon + 1, len - (size_t)(colon + 1 - at));
		len = (size_t)(colon - at);
	}
	if (len >= sizeof(path))
		return bad_rule(src, at, -ENAMETOOLONG, "the path is too long");
	memcpy(path, at, len);
	path[len] = '\0';
	if (stat(path, &st) < 0)
		return bad_rule(src, at, -errno, "cannot look up '%s': %s", path, strerror(errno));
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return bad_rule(src, at, -ENODEV, "'%s' is not a device", path);
	rule->type = S_ISBLK(st.st_mode) ? 'b' : 'c';
	rule->major = major(st.st_rdev);
	rule->minor = minor(st.st_rdev);
	return 0;
}

static int parse_rule(const struct source *src, struct cgw_rule *ret_rule)
{
	struct cgw_rule rule = { .allow = true,
				 .access = CGW_DEVICE_RWM,
				 .major = CGW_DEVICE_ANY,
				 .minor = CGW_DEVICE_ANY };
	const char *p = src->text, *word, *colon;
	size_t len;
	int err;

	word = cgw__next_word(&p, &len);
	if (word && ((len == 5 && !memcmp(word, "allow", 5)) || (len == 4 && !memcmp(word, "deny", 4)))) {
		rule.allow = len == 5;
		word = cgw__next_word(&p, &len);
	}
	if (!word)
		return bad_rule(src, p, -EINVAL, "the rule ends too early");
	if (word[0] == '/' || word[0] == '.') {
		err = parse_path(src, word, &rule);
		if (!err)
			*ret_rule = rule;
		return err;
	}
	if (len != 1 || !strchr("abc", word[0]))
		return bad_rule(src, word, -EINVAL, "'%.*s' is no type", (int)len, word);
	rule.type = word[0];
	word = cgw__next_word(&p, &len);
	colon = word ? memchr(word, ':', len) : NULL;
	if (colon) {
		err = parse_number(src, word, (size_t)(colon - word), "major", &rule.major);
		if (!err)
			err = parse_number(src, colon + 1, len - (size_t)(colon + 1 - word), "minor",
					   &rule.minor);
		if (err)
			return err;
		word = cgw__next_word(&p, &len);
	}
	if (word) {
		rule.access = cgw__parse_access(word, len);
		if (!rule.access)
			return bad_rule(src, word, -EINVAL, "'%.*s' is no access: letters of r, w, m",
					(int)len, word);
		word = cgw__next_word(&p, &len);
	}
	if (word)
		return bad_rule(src, word, -EINVAL, "'%.*s' is too much", (int)len, word);
	*ret_rule = rule;
	return 0;
}

int cgw_rules_add(struct cgw_rules *rules, const char *text)
{
	struct source src = { .c = rules->c, .text = text };
	struct cgw_rule rule;
	int err = parse_rule(&src, &rule);

	return err ? err : cgw_rules_add_rule(rules, &rule);
}

static int add_line(struct cgw_rules *rules, const struct source *src, char *line)
{
	struct cgw_rule rule;
	size_t len = strcspn(line, "#");
	int err;

	while (len && isspace((unsigned char)line[len - 1]))
		len--;
	line[len] = '\0';
	if (!line[strspn(line, " \t")])
		return 0;
	err = parse_rule(src, &rule);
	return err ? err : cgw_rules_add_rule(rules, &rule);
}

int cgw_rules_add_text(struct cgw_rules *rules, const char *name, const char *text, size_t len)
{
	_cleanup_free_ char *copy = malloc(len + 1);
	struct source src = { .c = rules->c, .name = name };
	const char *zero = memchr(text, '\0', len);
	size_t before = rules->n;
	char *line, *next;

	if (!copy)
		return cgw__oom(rules->c);
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (zero)
		return cgw__bad(rules->c, -EINVAL, "%s: byte %zu is a NUL: this is no rule file", name,
				(size_t)(zero - text) + 1);
	for (line = copy; line; line = next) {
		int err;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		src.line++;
		src.text = line;
		err = add_line(rules, &src, line);
		if (err) {
			rules->n = before;
			return err;
		}
	}
	return 0;
}

int cgw_rules_add_file(struct cgw_rules *rules, const char *path)
{
	bool standard = !strcmp(path, "-");
	_cleanup_close_ int opened = standard ? -EBADF : open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	ssize_t n;

	if (!standard && opened < 0)
		return cgw__err(rules->c, -errno, "cannot open rule file '%s'", path);
	n = cgw__read_fd(standard ? STDIN_FILENO : opened, &text);
	if (n < 0)
		return cgw__err(rules->c, (int)n, "cannot read rule file '%s'", path);
	if (text[0] == '{' || text[0] == '[')
		return cgw_rules_add_oci(rules, standard ? "stdin" : path, text, (size_t)n);
	return cgw_rules_add_text(rules, standard ? "stdin" : path, text, (size_t)n);
}

#define OCI_NODES                                                                              \
	"c 1:3\nc 1:5\nc 1:7\nc 1:8\nc 1:9\nc 5:0\nc 5:2\nc 136:*\n"
#define OCI_MKNOD "c *:* m\nb *:* m\n"
#define RUNC_NODES OCI_MKNOD OCI_NODES "c 10:200\n"
/* kvm, vhost-net, vhost-vsock, vfio: their minors are fixed */
#define HYPERVISOR_NODES "c 10:232\nc 10:238\nc 10:241\nc 10:196\n"

static const struct {
	const char *name;
	const char *text;
} lists[] = {
	{ "oci", OCI_MKNOD OCI_NODES },
	{ "runc", RUNC_NODES },
	{ "basic", OCI_NODES },
	{ "none", "deny a\n" },
	{ "all", "allow a\n" },
	{ "hypervisor", RUNC_NODES HYPERVISOR_NODES },
};

/* The number in front of a name in a section of a file beside /proc/self, or ANY. */
static uint32_t find_number(struct cgw *c, const char *file, const char *section, const char *name)
{
	_cleanup_free_ char *text = NULL;
	char found[64];
	uint32_t number;
	char *line, *next;

	if (cgw__read_proc(c, 0, file, &text) < 0)
		return CGW_DEVICE_ANY;
	line = section ? strstr(text, section) : text;
	for (; line; line = next) {
		next = strchr(line, '\n');
		next = next ? next + 1 : NULL;
		if (sscanf(line, "%u %63s", &number, found) == 2 && !strcmp(found, name))
			return number;
	}
	return CGW_DEVICE_ANY;
}

/* What this machine has of hypervisor devices under numbers of its own. */
static int add_dynamic(struct cgw_rules *rules)
{
	struct cgw_rule mapper = { 'b', true, CGW_DEVICE_RWM,
				   find_number(rules->c, "../devices", "Block devices:", "device-mapper"),
				   CGW_DEVICE_ANY };
	struct cgw_rule mshv = { 'c', true, CGW_DEVICE_RWM, 10,
				 find_number(rules->c, "../misc", NULL, "mshv") };
	int err = 0;

	if (mapper.major != CGW_DEVICE_ANY)
		err = cgw_rules_add_rule(rules, &mapper);
	if (!err && mshv.minor != CGW_DEVICE_ANY)
		err = cgw_rules_add_rule(rules, &mshv);
	return err;
}

int cgw_rules_add_list(struct cgw_rules *rules, const char *name)
{
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		if (strcmp(lists[i].name, name))
			continue;
		err = cgw_rules_add_text(rules, name, lists[i].text, strlen(lists[i].text));
		return !err && !strcmp(name, "hypervisor") ? add_dynamic(rules) : err;
	}
	err = cgw__bad(rules->c, -ENOENT, "no device list and no file is named '%s'", name);
	cgw__hint(rules->c, "there are the lists oci, runc, basic, none, all and hypervisor");
	return err;
}

static bool denies_everything(const struct cgw_rule *rule)
{
	return rule->type == 'a' && !rule->allow && rule->access == CGW_DEVICE_RWM &&
	       rule->major == CGW_DEVICE_ANY && rule->minor == CGW_DEVICE_ANY;
}

int cgw_rules_add_defaults(struct cgw_rules *rules, enum cgw_semantics semantics)
{
	_cleanup_(cgw__rules_freep) struct cgw_rules *later = NULL;
	size_t at = rules->n;
	int err;

	if (semantics == CGW_SEMANTICS_CONTAINERD)
		return 0;
	if (semantics == CGW_SEMANTICS_RUNC)
		return cgw_rules_add_list(rules, "runc");
	while (at && !denies_everything(&rules->rules[at - 1]))
		at--;
	err = cgw_rules_new(rules->c, &later);
	for (size_t i = at; i < rules->n && !err; i++)
		err = cgw_rules_add_rule(later, &rules->rules[i]);
	if (err)
		return err;
	rules->n = at;
	err = cgw_rules_add_list(rules, "oci");
	return err ? err : cgw__rules_append(rules, later);
}

static void format_number(char *buf, size_t size, uint32_t number)
{
	if (number == CGW_DEVICE_ANY)
		snprintf(buf, size, "*");
	else
		snprintf(buf, size, "%u", number);
}

const char *cgw_rule_format(const struct cgw_rule *rule, char buf[CGW_RULE_TEXT_MAX])
{
	const char *verb = rule->allow ? "allow" : "deny";
	char major[12], minor[12];

	if (rule->type == 'a' && rule->access == CGW_DEVICE_RWM && rule->major == CGW_DEVICE_ANY &&
	    rule->minor == CGW_DEVICE_ANY) {
		snprintf(buf, CGW_RULE_TEXT_MAX, "%s a", verb);
		return buf;
	}
	format_number(major, sizeof(major), rule->major);
	format_number(minor, sizeof(minor), rule->minor);
	snprintf(buf, CGW_RULE_TEXT_MAX, "%s %c %s:%s %s%s%s", verb, rule->type, major, minor,
		 rule->access & CGW_DEVICE_READ ? "r" : "", rule->access & CGW_DEVICE_WRITE ? "w" : "",
		 rule->access & CGW_DEVICE_MKNOD ? "m" : "");
	return buf;
}

/* Is the rule about this device? ANY as a request stands for a number no rule names. */
bool cgw__rule_matches(const struct cgw_rule *rule, unsigned int type, uint32_t major,
		       uint32_t minor)
{
	if (rule->type != 'a' && rule->type != (type == CGW_DEVICE_BLOCK ? 'b' : 'c'))
		return false;
	return (rule->major == CGW_DEVICE_ANY || rule->major == major) &&
	       (rule->minor == CGW_DEVICE_ANY || rule->minor == minor);
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* devices learn: the smallest policy for the devices that are really used. */
#include <inttypes.h>
#include <poll.h>

#include "cmd.h"

const struct cmd_opt opts_learn[] = {
	{ "duration", OPT_DURATION, "D", "end after so long, as 10s; CMD is killed then" },
	{ "denied", OPT_DENIED, NULL, "allow what was denied, too" },
	{ "refine", OPT_REFINE, "FILE", "keep allowed what the rules of FILE allow, of an earlier run" },
	{ "oci", OPT_OCI_OUT, NULL, "as the linux.resources.devices of a config.json" },
	{ "output", 'o', "FILE", "into FILE, which is replaced at once" },
	{ 0 },
};

struct learn {
	struct cmd_ctx *x;
	int duration_ms; /* -1 = no limit */
	unsigned int flags;
	bool oci;
	const char *output;
	struct cgw_rules *earlier;
	struct cgw_learn *learn;
	struct cgw_use *uses;
	ssize_t n_uses; /* -1 = there was no run */
	uint64_t missed;
	struct cgw_rules *rules;
	char *path;
};

static void free_learn(struct learn *l)
{
	cgw_rules_free(l->earlier);
	cgw_rules_free(l->rules);
	cgw_learn_free(l->learn);
	free(l->uses);
	free(l->path);
}

static int read_earlier(struct learn *l, const char *file)
{
	int err = l->earlier ? 0 : cgw_rules_new(l->x->c, &l->earlier);

	if (!err)
		err = cgw_rules_add_file(l->earlier, file);
	return err ? cmd_fail(l->x, err) : 0;
}

static int read_options(struct learn *l, int argc, char **argv)
{
	struct cmd_ctx *x = l->x;
	int opt, status = 0;

	while (!status && (opt = cmd_next_opt(x, argc, argv)) != -1) {
		switch (opt) {
		case 'h':
			return CMD_DONE;
		case '?':
			return EXIT_OWN;
		case OPT_DENIED:
			l->flags |= CGW_LEARN_DENIED;
			break;
		case OPT_REFINE:
			status = read_earlier(l, optarg);
			break;
		case OPT_OCI_OUT:
			l->oci = true;
			break;
		case 'o':
			l->output = optarg;
			break;
		default:
			status = cmd_duration(x, optarg, &l->duration_ms);
		}
	}
	return status ? status : cmd_check_args(x, argc);
}

/* ---- watching --------------------------------------------------------------------- */

static int begin(void *arg, struct cgw_group *g)
{
	struct learn *l = arg;
	struct cgw_learn_opts opts = { .sz = sizeof(opts), .groups = &g, .n_groups = 1 };
	int err = cgw_learn_new(l->x->c, &opts, &l->learn);

	l->path = strdup(cgw_group_path(g));
	if (!err && !l->path)
		err = -ENOMEM;
	return err ? cmd_fail(l->x, err) : 0;
}

static void end(void *arg, struct cgw_group *g)
{
	struct learn *l = arg;

	(void)g;
	l->n_uses = cgw_learn_read(l->learn, &l->uses, &l->missed);
	if (l->n_uses < 0)
		cmd_fail(l->x, (int)l->n_uses);
	cgw_learn_free(l->learn);
	l->learn = NULL;
}

/* Without a command: until a signal, or the end of the time. */
static int watch(struct learn *l, const char *word)
{
	_cleanup_(cmd_group_closep) struct cgw_group *g = NULL;
	_cleanup_(cmd_closep) int signal_fd = -1;
	int status = cmd_group(l->x, word, &g);

	if (!status)
		status = begin(l, g);
	if (status)
		return status;
	signal_fd = cmd_signal_fd();
	cmd_note(l->x, "learning; Ctrl-C ends it");
	if (signal_fd < 0 ||
	    poll(&(struct pollfd){ .fd = signal_fd, .events = POLLIN }, 1, l->duration_ms) < 0)
		return cmd_error(l->x, EXIT_OWN, strerrorname_np(errno), NULL, "cannot wait: %s",
				 strerror(errno));
	end(l, g);
	return 0;
}

/* ---- the result ------------------------------------------------------------------- */

static bool is_open(const struct learn *l, const struct cgw_use *use)
{
	return cgw_rules_evaluate(l->rules, CGW_SEMANTICS_ORDERED, use->type, use->major,
				  use->minor, use->access);
}

/* What is worth knowing of a rule: its node, or why it has none. */
static void print_remark(struct learn *l, const struct cgw_rule *rule)
{
	unsigned int type = rule->type == 'b' ? CGW_DEVICE_BLOCK : CGW_DEVICE_CHAR;
	char node[CGW_NODE_MAX];

	if (rule->type == 'a' || rule->major == CGW_DEVICE_ANY)
		return;
	if (rule->minor != CGW_DEVICE_ANY) {
		if (cgw_device_node(type, rule->major, rule->minor, node))
			fprintf(l->x->out.f, "  # %s", node);
	} else if (cgw_device_is_dynamic(l->x->c, type, rule->major, node, sizeof(node))) {
		fprintf(l->x->out.f, "  # dynamic: %s", node);
	}
}

static void print_text(struct learn *l)
{
	FILE *f = l->x->out.f;
	char text[CGW_RULE_TEXT_MAX], node[CGW_NODE_MAX];

	fprintf(f, "# devices used in %s\n", l->path);
	for (size_t i = 0; i < cgw_rules_count(l->rules); i++) {
		fputs(cgw_rule_format(cgw_rules_at(l->rules, i), text), f);
		print_remark(l, cgw_rules_at(l->rules, i));
		fputc('\n', f);
	}
	for (ssize_t i = 0; i < l->n_uses; i++)
		if (l->uses[i].denied && !is_open(l, &l->uses[i])) {
			const struct cgw_use *use = &l->uses[i];

			fputs("# denied: ", f);
			print_device(f, use->type, use->major, use->minor,
				     cgw_device_node(use->type, use->major, use->minor, node),
				     use->access);
			fputc('\n', f);
		}
	if (l->missed)
		fputs("# incomplete: too many devices were used\n", f);
}

static void print_oci_rule(struct out *o, const struct cgw_rule *rule, char type)
{
	char text[2] = { type }, letters[4];

	js_begin(o, '{');
	js_key(o, "allow");
	js_bool(o, rule->allow);
	js_pair_string(o, "type", text);
	if (rule->major != CGW_DEVICE_ANY)
		js_pair_number(o, "major", rule->major);
	if (rule->minor != CGW_DEVICE_ANY)
		js_pair_number(o, "minor", rule->minor);
	js_pair_string(o, "access", device_access(rule->access, letters));
	js_end(o, '}');
}

/* Type a is all devices and any access, for some runtimes: else it is told as b and c. */
static void print_oci(struct learn *l)
{
	const struct cgw_rule deny = { 'a', false, CGW_DEVICE_RWM, CGW_DEVICE_ANY, CGW_DEVICE_ANY };
	struct out *o = &l->x->out;

	js_begin(o, '{');
	js_key(o, "linux");
	js_begin(o, '{');
	js_key(o, "resources");
	js_begin(o, '{');
	js_key(o, "devices");
	js_begin(o, '[');
	print_oci_rule(o, &deny, 'a');
	for (size_t i = 0; i < cgw_rules_count(l->rules); i++) {
		const struct cgw_rule *rule = cgw_rules_at(l->rules, i);

		if (rule->type == 'a' && rule->access != CGW_DEVICE_RWM) {
			print_oci_rule(o, rule, 'b');
			print_oci_rule(o, rule, 'c');
		} else {
			print_oci_rule(o, rule, rule->type);
		}
	}
	js_end(o, ']');
	js_end(o, '}');
	js_end(o, '}');
	js_end(o, '}');
	js_line(o);
}

static void print_json(struct learn *l)
{
	struct out *o = &l->x->out;

	js_begin(o, '{');
	js_pair_string(o, "path", l->path);
	js_key(o, "uses");
	js_begin(o, '[');
	for (ssize_t i = 0; i < l->n_uses; i++) {
		const struct cgw_use *use = &l->uses[i];
		char letters[4], node[CGW_NODE_MAX];

		js_begin(o, '{');
		js_device(o, use->type, use->major, use->minor,
			  cgw_device_node(use->type, use->major, use->minor, node));
		js_pair_string(o, "access", device_access(use->access, letters));
		js_pair_number(o, "allowed", use->allowed);
		js_pair_number(o, "denied", use->denied);
		js_end(o, '}');
	}
	js_end(o, ']');
	js_rules(o, l->rules);
	js_pair_number(o, "missed", l->missed);
	js_end(o, '}');
	js_line(o);
}

static int print(struct learn *l)
{
	struct publication p = { 0 };
	int err = cgw_learn_rules(l->x->c, l->earlier, l->uses, (size_t)l->n_uses, l->flags,
				  &l->rules);
	int status = err ? cmd_fail(l->x, err) : 0;

	if (!status && l->output)
		status = publish_begin(l->x, l->output, &p);
	if (status)
		return status;
	if (l->oci)
		print_oci(l);
	else if (l->x->json)
		print_json(l);
	else
		print_text(l);
	if (l->missed)
		cmd_note(l->x, "too many devices were used: %" PRIu64 " checks are not in the list", l->missed);
	return publish_end(l->x, &p, 0);
}

int cmd_devices_learn(struct cmd_ctx *x, int argc, char **argv)
{
	_cleanup_(free_learn) struct learn l = { .x = x, .duration_ms = -1, .n_uses = -1 };
	const struct cmd_around around = { begin, end, &l };
	int told, status = read_options(&l, argc, argv);

	if (status)
		return status;
	argv += optind;
	status = argv[1] ? cmd_run_around(x, argv[0], argv + 1, l.duration_ms, &around) :
			   watch(&l, argv[0]);
	if (l.n_uses < 0)
		return status;
	told = print(&l);
	return told ? EXIT_OWN : status;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The object that statistics are read into: which files, which keys, the metrics found. */
#include "stat.h"

static void free_words(struct cgw__words *words)
{
	for (size_t i = 0; i < words->n; i++) {
		free(words->at[i]->text);
		free(words->at[i]);
	}
	free(words->at);
}

void cgw_stat_free(struct cgw_stat *stat)
{
	if (!stat)
		return;
	for (size_t i = 0; i < stat->n_fields; i++)
		free(stat->fields[i].text);
	for (size_t i = 0; i < stat->n_files; i++) {
		free_words(&stat->files[i].names);
		free_words(&stat->files[i].keys);
		free(stat->files[i].name);
	}
	free(stat->fields);
	free(stat->files);
	free(stat->available);
	free(stat->buf);
	free(stat->metrics);
	free(stat);
}

static void stat_freep(struct cgw_stat **stat)
{
	cgw_stat_free(*stat);
}

/* Is the file, or a part of it, what a field asks for? */
static void select_file(struct cgw_stat *stat, struct cgw__stat_file *file)
{
	file->selected = file->whole = stat->mask & file->def->mask;
	for (size_t i = 0; i < stat->n_fields; i++) {
		const struct cgw__field *field = &stat->fields[i];
		const char *rest;

		switch (cgw__compare_names(file->name, field->text, &rest)) {
		case CGW_SAME:
			file->selected = file->whole = true;
			break;
		case CGW_ABOVE:
			if (!field->def)
				file->selected = file->whole = true;
			break;
		case CGW_BELOW:
			if (field->def == file->def && field->rest)
				file->selected = true;
			break;
		case CGW_APART:
			break;
		}
	}
}

int cgw__stat_add_file(struct cgw_stat *stat, const struct cgw__file_def *def, const char *name)
{
	struct cgw__stat_file *more = realloc(stat->files, (stat->n_files + 1) * sizeof(*more));

	if (!more)
		return cgw__oom(stat->c);
	stat->files = more;
	more += stat->n_files;
	*more = (struct cgw__stat_file){ .def = def, .name = strdup(name) };
	if (!more->name)
		return cgw__oom(stat->c);
	stat->n_files++;
	select_file(stat, more);
	return 0;
}

int cgw_stat_new(struct cgw *c, unsigned int mask, struct cgw_stat **ret_stat)
{
	_cleanup_(stat_freep) struct cgw_stat *stat = calloc(1, sizeof(*stat));
	int err = 0;

	if (!stat)
		return cgw__oom(c);
	stat->c = c;
	stat->mask = mask;
	/* Those of huge pages follow when it is known which sizes there are. */
	for (size_t i = 0; i < cgw__n_files && !err; i++)
		if (!strchr(cgw__files[i].name, '*'))
			err = cgw__stat_add_file(stat, &cgw__files[i], cgw__files[i].name);
	if (err)
		return err;
	*ret_stat = TAKE_PTR(stat);
	return 0;
}

/*
 * What a field means: a file when one has that name, else all whose names begin so, else a
 * part of the file with the longest name that it begins with.
 */
static int parse_field(struct cgw_stat *stat, struct cgw__field *field)
{
	bool above = false;

	for (size_t i = 0; i < cgw__n_files; i++) {
		const struct cgw__file_def *def = &cgw__files[i];
		const char *rest;

		switch (cgw__compare_names(def->name, field->text, &rest)) {
		case CGW_SAME:
			field->def = def;
			field->rest = NULL;
			return 0;
		case CGW_ABOVE:
			above = true;
			break;
		case CGW_BELOW:
			if (!field->def || strlen(def->name) > strlen(field->def->name)) {
				field->def = def;
				field->rest = rest;
			}
			break;
		case CGW_APART:
			break;
		}
	}
	if (above) {
		field->def = NULL;
		field->rest = NULL;
	}
	if (above || (field->def && field->rest[0]))
		return 0;
	cgw__bad(stat->c, -EINVAL, "no metric is named '%s'", field->text);
	cgw__hint(stat->c, "it is a file (memory.current), a controller (memory), or a file and a key (cpu.stat.usage_usec)");
	return -EINVAL;
}

int cgw_stat_add(struct cgw_stat *stat, const char *field)
{
	static const struct {
		const char *name;
		unsigned int bit;
	} bits[] = { { "psi", CGW_STAT_PSI }, { "numa", CGW_STAT_NUMA } };
	struct cgw__field *more, new = { NULL };
	unsigned int bit = 0;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
		if (!strcmp(bits[i].name, field))
			bit = bits[i].bit;
	stat->mask |= bit;
	if (!bit) {
		more = realloc(stat->fields, (stat->n_fields + 1) * sizeof(*more));
		if (!more)
			return cgw__oom(stat->c);
		stat->fields = more;
		new.text = strdup(field);
		if (!new.text)
			return cgw__oom(stat->c);
		err = parse_field(stat, &new);
		if (err) {
			free(new.text);
			return err;
		}
		stat->fields[stat->n_fields++] = new;
	}
	for (size_t i = 0; i < stat->n_files; i++)
		select_file(stat, &stat->files[i]);
	stat->n_metrics = 0;
	return 0;
}

/* The word of a text, made the first time it is met. Return: 0 or -ENOMEM. */
int cgw__stat_word(struct cgw_stat *stat, const struct cgw__file_def *def, struct cgw__words *words,
		   const char *text, size_t len, const struct cgw__word **ret_word)
{
	struct cgw__word *word, **more;

	for (size_t i = 0; i < words->n; i++) {
		size_t at = words->next;

		words->next = at + 1 < words->n ? at + 1 : 0;
		word = words->at[at];
		if (word->len == len && !memcmp(word->text, text, len)) {
			*ret_word = word;
			return 0;
		}
	}
	more = realloc(words->at, (words->n + 1) * sizeof(struct cgw__word *));
	if (!more)
		return cgw__oom(stat->c);
	words->at = more;
	word = calloc(1, sizeof(*word));
	if (!word)
		return cgw__oom(stat->c);
	word->text = strndup(text, len);
	if (!word->text) {
		free(word);
		return cgw__oom(stat->c);
	}
	word->len = len;
	word->def = cgw__find_key(def, word->text);
	words->at[words->n++] = word;
	words->next = 0;
	*ret_word = word;
	return 0;
}

/* "NAME", "KEY" or "NAME.KEY" */
static bool is_part(const char *part, const char *name, const char *key)
{
	size_t n = name ? strlen(name) : 0;

	if ((name && !strcmp(part, name)) || (key && !strcmp(part, key)))
		return true;
	return name && key && !strncmp(part, name, n) && part[n] == '.' && !strcmp(part + n + 1, key);
}

static bool is_wanted(const struct cgw_stat *stat, const struct cgw__stat_file *file,
		      const char *name, const char *key)
{
	for (size_t i = 0; i < stat->n_fields; i++) {
		const struct cgw__field *field = &stat->fields[i];
		const char *rest;

		if (field->rest && field->def == file->def &&
		    cgw__compare_names(file->name, field->text, &rest) == CGW_BELOW &&
		    is_part(rest, name, key))
			return true;
	}
	return false;
}

/*
 * Add a metric, if it was asked for. name and key may be NULL. Of value only what was read is
 * looked at: the number, its form, its source.
 */
int cgw__stat_put(struct cgw_stat *stat, const struct cgw__stat_file *file,
		  const struct cgw__word *name, const struct cgw__word *key,
		  const struct cgw_metric *value)
{
	const struct cgw__word *subject = file->def->flags & CGW_FILE_BY_NAME ? name : key;
	struct cgw__metric *metric;

	if (!file->whole &&
	    !is_wanted(stat, file, name ? name->text : NULL, key ? key->text : NULL))
		return 0;
	if (stat->n_metrics == stat->metrics_room) {
		size_t room = stat->metrics_room ? stat->metrics_room * 2 : 256;

		metric = realloc(stat->metrics, room * sizeof(*metric));
		if (!metric)
			return cgw__oom(stat->c);
		stat->metrics = metric;
		stat->metrics_room = room;
	}
	metric = &stat->metrics[stat->n_metrics++];
	metric->m = *value;
	metric->m.file = file->name;
	metric->m.name = name ? name->text : NULL;
	metric->m.key = key ? key->text : NULL;
	metric->file = file->def;
	metric->def = subject ? subject->def : cgw__find_key(file->def, NULL);
	metric->m.family = metric->def ? metric->def->family : 0;
	return 0;
}

size_t cgw_stat_count(const struct cgw_stat *stat)
{
	return stat->n_metrics;
}

const struct cgw_metric *cgw_stat_at(const struct cgw_stat *stat, size_t i)
{
	return i < stat->n_metrics ? &stat->metrics[i].m : NULL;
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

int cgw_stat_get(const struct cgw_stat *stat, const char *file, const char *name, const char *key,
		 uint64_t *ret_value)
{
	for (size_t i = 0; i < stat->n_metrics; i++) {
		const struct cgw_metric *m = &stat->metrics[i].m;

		if (is_same(m->key, key) && is_same(m->name, name) && !strcmp(m->file, file)) {
			*ret_value = m->value;
			return m->is_max;
		}
	}
	return -ENOENT;
}

// SPDX-License-Identifier: MIT
#include "io/yaml.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/build-info.h"
#include "base/fail.h"
#include "base/file.h"

/* struct reader - the parser and the file's name, which all nodes share. */
struct reader {
	yaml_parser_t parser;
	const char *file;
};

static int parser_failed(const struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	size_t line = p->problem_mark.line ? p->problem_mark.line : p->context_mark.line;

	if (p->error == YAML_MEMORY_ERROR)
		return fail_nomem(0, r->file);
	return fail(-EINVAL, "%s:%zu: not valid YAML: %s", r->file, line + 1,
		    p->problem ? p->problem : "unreadable");
}

static int next_event(struct reader *r, yaml_event_t *e)
{
	return yaml_parser_parse(&r->parser, e) ? 0 : parser_failed(r);
}

static long event_line(const yaml_event_t *e)
{
	return (long)e->start_mark.line + 1;
}

/* Anchors and tags change what a reader sees; nothing we write has them. */
static int check_plain(const struct reader *r, const yaml_event_t *e)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	switch (e->type) {
	case YAML_SCALAR_EVENT:
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
		break;
	default:
		return fail(-EINVAL, "%s:%ld: %s", r->file, event_line(e),
			    e->type == YAML_ALIAS_EVENT ? "aliases are not accepted" :
			    "a value is missing");
	}
	if (anchor || tag)
		return fail(-EINVAL, "%s:%ld: anchors and tags are not accepted", r->file,
			    event_line(e));
	return 0;
}

static char *scalar_text(const struct reader *r, const yaml_event_t *e, int *ret)
{
	const char *s = (const char *)e->data.scalar.value;
	char *copy = NULL;

	if (strlen(s) != e->data.scalar.length) {
		*ret = fail(-EINVAL, "%s:%ld: a NUL in a text", r->file, event_line(e));
		return NULL;
	}
	copy = strdup(s);
	if (!copy)
		*ret = fail_nomem(e->data.scalar.length, r->file);
	return copy;
}

static int read_children(struct reader *r, struct yml *parent, int depth);

/* The node that event @e begins; the event stays the caller's. */
static int read_value(struct reader *r, const yaml_event_t *e, int depth,
		      struct yml **out)
{
	struct yml *v;
	int ret;

	ret = check_plain(r, e);
	if (ret)
		return ret;
	if (depth > YML_DEPTH_MAX)
		return fail(-EINVAL, "%s:%ld: nested too deeply", r->file, event_line(e));
	v = calloc(1, sizeof(*v));
	if (!v)
		return fail_nomem(sizeof(*v), r->file);
	v->file = r->file;
	v->line = event_line(e);
	*out = v;		/* the caller frees the tree, whole or not */
	if (e->type == YAML_SCALAR_EVENT) {
		v->kind = YML_IS_TEXT;
		v->text = scalar_text(r, e, &ret);
		return ret;
	}
	v->kind = e->type == YAML_MAPPING_START_EVENT ? YML_IS_MAP : YML_IS_LIST;
	return read_children(r, v, depth);
}

/* The key of the next pair, from event @e; then @e is the event of its value. */
static int read_key(struct reader *r, yaml_event_t *e, char **key)
{
	int ret = check_plain(r, e);

	if (!ret && e->type != YAML_SCALAR_EVENT)
		ret = fail(-EINVAL, "%s:%ld: a key is not a text", r->file, event_line(e));
	if (ret)
		return ret;
	*key = scalar_text(r, e, &ret);
	if (ret)
		return ret;
	yaml_event_delete(e);
	memset(e, 0, sizeof(*e));
	return next_event(r, e);
}

/* One entry of a mapping or list, appended at @last. */
static int read_child(struct reader *r, struct yml *parent, yaml_event_t *e, int depth,
		      struct yml **last)
{
	char *key = NULL;
	int ret = 0;

	if (parent->kind == YML_IS_MAP)
		ret = read_key(r, e, &key);
	if (!ret)
		ret = read_value(r, e, depth + 1, last);
	if (*last)
		(*last)->key = key;
	else
		free(key);
	return ret;
}

static int read_children(struct reader *r, struct yml *parent, int depth)
{
	struct yml **last = &parent->child;
	yaml_event_t e;
	bool end;
	int ret;

	for (;;) {
		ret = next_event(r, &e);
		if (ret)
			return ret;
		end = e.type == YAML_MAPPING_END_EVENT || e.type == YAML_SEQUENCE_END_EVENT;
		if (!end)
			ret = read_child(r, parent, &e, depth, last);
		yaml_event_delete(&e);
		if (ret || end)
			return ret;
		last = &(*last)->next;
	}
}

static int compare_values(const void *a, const void *b)
{
	const struct yml *const *x = a, *const *y = b;
	int order = strcmp((*x)->key, (*y)->key);

	return order ? order : ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

static int check_keys(const struct yml *map)
{
	const struct yml **sorted, *v;
	size_t nr = yml_count(map), n = 0;
	int ret = 0;

	sorted = malloc((nr + 1) * sizeof(*sorted));
	if (!sorted)
		return fail_nomem((nr + 1) * sizeof(*sorted), "YAML keys");
	yml_for_each(v, map)
		sorted[n++] = v;
	qsort(sorted, nr, sizeof(*sorted), compare_values);
	for (size_t i = 1; i < nr && !ret; i++)
		if (!strcmp(sorted[i - 1]->key, sorted[i]->key))
			ret = yml_fail(sorted[i], "appears twice");
	free(sorted);
	return ret;
}

static int check_duplicates(const struct yml *v)
{
	const struct yml *c;
	int ret = v->kind == YML_IS_MAP ? check_keys(v) : 0;

	if (ret)
		return ret;
	yml_for_each(c, v) {
		ret = check_duplicates(c);
		if (ret)
			return ret;
	}
	return 0;
}

static int expect(struct reader *r, yaml_event_type_t type, const char *what)
{
	yaml_event_t e;
	int ret = next_event(r, &e);

	if (ret)
		return ret;
	if (e.type != type)
		ret = fail(-EINVAL, "%s:%ld: %s", r->file, event_line(&e), what);
	yaml_event_delete(&e);
	return ret;
}

static int read_document(struct reader *r, struct yml **root)
{
	yaml_event_t e;
	int ret;

	ret = expect(r, YAML_STREAM_START_EVENT, "not a YAML stream");
	if (!ret)
		ret = expect(r, YAML_DOCUMENT_START_EVENT, "empty");
	if (!ret)
		ret = next_event(r, &e);
	if (ret)
		return ret;
	ret = read_value(r, &e, 0, root);
	yaml_event_delete(&e);
	if (!ret)
		ret = expect(r, YAML_DOCUMENT_END_EVENT, "the document goes on after its end");
	if (!ret)
		ret = expect(r, YAML_STREAM_END_EVENT, "more than one document");
	return ret ? ret : check_duplicates(*root);
}

int yml_parse(const char *file, const char *bytes, size_t len, struct yml **root)
{
	struct reader r = { .file = NULL };
	char *name = strdup(file);	/* belongs to the root node once there is one */
	int ret;

	*root = NULL;
	if (!name)
		return fail_nomem(strlen(file), "a file name");
	if (len > YML_BYTES_MAX) {
		ret = fail(-EFBIG, "%s: %zu bytes of YAML are more than the limit of %zu", file,
			   len, YML_BYTES_MAX);
		goto out_name;
	}
	r.file = name;
	if (!yaml_parser_initialize(&r.parser)) {
		ret = fail_nomem(sizeof(r.parser), file);
		goto out_name;
	}
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, len);
	ret = read_document(&r, root);
	yaml_parser_delete(&r.parser);
	if (!ret)
		return 0;
	if (*root) {
		yml_free(*root);
		*root = NULL;
		return ret;
	}
out_name:
	free(name);
	return ret;
}

int yml_read(const char *path, struct yml **root)
{
	size_t len;
	char *text;
	int ret;

	*root = NULL;
	ret = file_read_all(path, YML_BYTES_MAX, &text, &len);
	if (ret)
		return ret;
	ret = yml_parse(path, text, len, root);
	free(text);
	return ret;
}

static void free_values(struct yml *v)
{
	while (v) {
		struct yml *next = v->next;

		free_values(v->child);
		free((char *)v->key);
		free((char *)v->text);
		free(v);
		v = next;
	}
}

void yml_free(struct yml *root)
{
	if (!root)
		return;
	free((char *)root->file);
	free_values(root);
}

const struct yml *yml_get(const struct yml *map, const char *key)
{
	const struct yml *v;

	if (!map || map->kind != YML_IS_MAP)
		return NULL;
	yml_for_each(v, map)
		if (!strcmp(v->key, key))
			return v;
	return NULL;
}

size_t yml_count(const struct yml *parent)
{
	const struct yml *v;
	size_t nr = 0;

	yml_for_each(v, parent)
		nr++;
	return nr;
}

int yml_fail(const struct yml *v, const char *what)
{
	return fail(-EINVAL, "%s:%ld: %s%s%s %s", v->file, v->line, v->key ? "'" : "",
		    v->key ? v->key : "the value", v->key ? "'" : "", what);
}

static int get_kind(const struct yml *map, const char *key, enum yml_kind kind,
		    const struct yml **value)
{
	static const char *const wants[] = { "is not a text", "is not a mapping",
					     "is not a list" };

	*value = yml_get(map, key);
	if (!*value)
		return fail(-ENOENT, "%s:%ld: key '%s' is missing", map->file, map->line, key);
	return (*value)->kind == kind ? 0 : yml_fail(*value, wants[kind]);
}

int yml_text(const struct yml *map, const char *key, const char **value)
{
	const struct yml *v;
	int ret = get_kind(map, key, YML_IS_TEXT, &v);

	if (!ret)
		*value = v->text;
	return ret;
}

int yml_int(const struct yml *map, const char *key, long long *value)
{
	const struct yml *v;
	int ret = get_kind(map, key, YML_IS_TEXT, &v);

	if (ret)
		return ret;
	return str_to_int(v->text, value) ? yml_fail(v, "is not an integer") : 0;
}

int yml_double(const struct yml *map, const char *key, double *value)
{
	const struct yml *v;
	int ret = get_kind(map, key, YML_IS_TEXT, &v);

	if (ret)
		return ret;
	if (!strcmp(v->text, ".nan"))
		*value = NAN;
	else if (!strcmp(v->text, ".inf"))
		*value = INFINITY;
	else if (!strcmp(v->text, "-.inf"))
		*value = -INFINITY;
	else if (str_to_double(v->text, value))
		return yml_fail(v, "is not a number");
	return 0;
}

int yml_bool(const struct yml *map, const char *key, bool *value)
{
	const struct yml *v;
	int ret = get_kind(map, key, YML_IS_TEXT, &v);

	if (ret)
		return ret;
	*value = !strcmp(v->text, "true");
	return *value || !strcmp(v->text, "false") ? 0 : yml_fail(v, "is not true or false");
}

int yml_map(const struct yml *map, const char *key, const struct yml **value)
{
	return get_kind(map, key, YML_IS_MAP, value);
}

int yml_list(const struct yml *map, const char *key, const struct yml **value)
{
	return get_kind(map, key, YML_IS_LIST, value);
}

static const struct library libyaml = { "libyaml", yaml_get_version_string };
LIBRARY_REGISTER(libyaml);

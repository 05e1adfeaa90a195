// SPDX-License-Identifier: MIT
#include "report/facts.h"

#include <string.h>

#include "io/run.h"

bool facts_is_changed(const struct report_run *run, int id)
{
	return !params[id].is_local &&
	       strcmp(config_text(run->cfg, id), config_text(run->plain, id));
}

bool facts_differ(const struct report *r, int id)
{
	if (params[id].is_local)
		return false;
	for (int i = 1; i < r->nr; i++)
		if (strcmp(config_text(r->run[0]->cfg, id), config_text(r->run[i]->cfg, id)))
			return true;
	return false;
}

/* struct walk - facts_walk() under way. */
struct walk {
	void (*fact)(void *ctx, const char *key, const char *value, bool is_list);
	void *ctx;
	int ret;
};

static void join_list(const struct yml *list, struct strbuf *sb)
{
	const struct yml *v;

	yml_for_each(v, list)
		if (v->kind == YML_IS_TEXT)
			strbuf_addf(sb, "%s%s", sb->len ? "\n" : "", v->text);
}

/* "host" and its "memory_bytes" become "host memory bytes". */
static void join_key(const char *prefix, const char *key, struct strbuf *sb)
{
	strbuf_addf(sb, "%s%s%s", prefix, *prefix ? " " : "", key);
	for (char *s = sb->s; *s; s++)
		if (*s == '_')
			*s = ' ';
}

/* Recursion is bounded: yml_parse() refuses deep documents. */
static void walk(struct walk *w, const char *prefix, const struct yml *v)
{
	struct strbuf key, value;
	const struct yml *part;

	strbuf_init(&key);
	strbuf_init(&value);
	join_key(prefix, v->key, &key);
	if (v->kind == YML_IS_MAP) {
		yml_for_each(part, v)
			walk(w, key.s, part);
	} else {
		if (v->kind == YML_IS_LIST)
			join_list(v, &value);
		else
			strbuf_adds(&value, v->text);
		w->fact(w->ctx, key.s, value.s, v->kind == YML_IS_LIST);
	}
	w->ret = w->ret ? w->ret : strbuf_ok(&key);
	w->ret = w->ret ? w->ret : strbuf_ok(&value);
	strbuf_free(&key);
	strbuf_free(&value);
}

/* What people look for; the rest follows in the manifest's order. */
static const char *const first[] = { "version", "data", "data_hash", "tokenizer", "host" };
#define NR_FIRST (sizeof(first) / sizeof(first[0]))

static bool is_first(const char *key)
{
	for (size_t i = 0; i < NR_FIRST; i++)
		if (!strcmp(key, first[i]))
			return true;
	return false;
}

static void walk_manifest(struct walk *w, const struct yml *manifest)
{
	const struct yml *v;

	for (size_t i = 0; i < NR_FIRST; i++)
		yml_for_each(v, manifest)
			if (!strcmp(v->key, first[i]))
				walk(w, "", v);
	yml_for_each(v, manifest)
		if (!is_first(v->key))
			walk(w, "", v);
}

int facts_walk(const struct report_run *run,
	       void (*fact)(void *ctx, const char *key, const char *value, bool is_list),
	       void *ctx)
{
	struct walk w = { .fact = fact, .ctx = ctx };
	struct strbuf resumes;

	walk_manifest(&w, run->folder->manifest);
	if (!run->nr_resumes)
		return w.ret;
	strbuf_init(&resumes);
	for (size_t i = 0; i < run->nr_resumes; i++)
		strbuf_addf(&resumes, "%sat step %.0f%s%s", i ? "\n" : "", run->resumes[i].step,
			    *run->resumes[i].time ? ", " : "", run->resumes[i].time);
	fact(ctx, "resumed", resumes.s, true);
	w.ret = w.ret ? w.ret : strbuf_ok(&resumes);
	strbuf_free(&resumes);
	return w.ret;
}

int facts_manifest(const struct yml *manifest,
		   void (*fact)(void *ctx, const char *key, const char *value, bool is_list),
		   void *ctx)
{
	struct walk w = { .fact = fact, .ctx = ctx };
	const struct yml *v;

	yml_for_each(v, manifest)
		walk(&w, "", v);
	return w.ret;
}

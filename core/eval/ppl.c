// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "eval/ppl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/sources.h"

#define CONTEXT_USUAL 512

const char *const ppl_protocol_names[PPL_PROTOCOLS] = { "llama", "sliding", "document" };

/* ---- cutting ------------------------------------------------------------------- */

static int add_seq(struct ppl_cut *c, size_t first_token, int nr, int first, size_t unit)
{
	if (c->nr_seqs == c->cap_seqs) {
		size_t cap = c->cap_seqs ? 2 * c->cap_seqs : 256;
		struct score_seq *seqs = realloc(c->seqs, cap * sizeof(*seqs));
		struct ppl_place *places;

		if (!seqs)
			return fail_nomem(cap * sizeof(*seqs), "sequences");
		c->seqs = seqs;
		places = realloc(c->place, cap * sizeof(*places));
		if (!places)
			return fail_nomem(cap * sizeof(*places), "sequences");
		c->place = places;
		c->cap_seqs = cap;
	}
	c->seqs[c->nr_seqs] = (struct score_seq){ .nr = nr, .first = first,
							.unit = unit };
	c->place[c->nr_seqs++] = (struct ppl_place){ first_token, unit };
	return 0;
}

static int add_tokens(struct ppl_cut *c, const uint32_t *ids, size_t nr)
{
	size_t cap = c->cap_tokens ? c->cap_tokens : 4096;

	while (cap - c->nr_tokens < nr)
		cap *= 2;
	if (cap != c->cap_tokens) {
		int32_t *tokens = realloc(c->tokens, cap * sizeof(*tokens));

		if (!tokens)
			return fail_nomem(cap * sizeof(*tokens), "tokens");
		c->tokens = tokens;
		c->cap_tokens = cap;
	}
	for (size_t i = 0; i < nr; i++)
		c->tokens[c->nr_tokens++] = (int32_t)ids[i];
	return 0;
}

static int encode_text(struct eval_model *em, const char *text, size_t len, struct ppl_cut *c)
{
	struct token_list ids = { 0 };
	int ret = eval_encode(em, text, len, true, &ids);

	if (!ret)
		ret = add_tokens(c, ids.ids, ids.nr);
	token_list_free(&ids);
	return ret;
}

static size_t limited(const struct ppl_cut *c)
{
	int64_t limit = c->options.limit;

	return limit && (size_t)limit < c->units_all ? (size_t)limit : c->units_all;
}

static int cut_llama(struct eval_model *em, const struct eval_text *text, struct ppl_cut *c)
{
	int context = c->options.context, ret;
	size_t len = text->len;

	len -= text->bytes[len - 1] == '\n';
	ret = encode_text(em, text->bytes, len, c);
	if (ret)
		return ret;
	if (c->nr_tokens < (size_t)2 * context)
		return fail(-EINVAL, "%s: %zu tokens are fewer than two chunks of %d; take a "
			    "shorter --context", text->path, c->nr_tokens, context);
	c->units_all = c->nr_tokens / context;
	c->units = limited(c);
	hash_bytes(c->tokens, c->nr_tokens * sizeof(*c->tokens), c->tokens_hash);
	for (size_t u = 0; u < c->units && !ret; u++) {
		size_t at = u * context;

		if (eval_adds_bos(em))
			c->tokens[at] = (int32_t)eval_prefix_token(em);
		ret = add_seq(c, at, context, context / 2 + 1, u);
	}
	return ret;
}

static int cut_sliding(struct eval_model *em, const struct eval_text *text, struct ppl_cut *c)
{
	size_t context = c->options.context, stride = c->options.stride, done = 1;
	int ret = encode_text(em, text->bytes, text->len, c);

	if (ret)
		return ret;
	if (c->nr_tokens < 2)
		return fail(-EINVAL, "%s: a text of %zu tokens has nothing to predict", text->path,
			    c->nr_tokens);
	c->units_all = c->nr_tokens <= context
		     ? 1 : (c->nr_tokens - context + stride - 1) / stride + 1;
	c->units = limited(c);
	hash_bytes(c->tokens, c->nr_tokens * sizeof(*c->tokens), c->tokens_hash);
	for (size_t u = 0; u < c->units && !ret; u++) {
		size_t at = u * stride, end = at + context;

		if (end > c->nr_tokens)
			end = c->nr_tokens;
		ret = add_seq(c, at, (int)(end - at), done > at ? (int)(done - at) : 1, u);
		done = end;
	}
	return ret;
}

/* One document: what it stands behind, then its tokens, is in place from @at on. */
static int cut_one(struct ppl_cut *c, size_t at, size_t unit)
{
	size_t nr = c->nr_tokens - at - 1, context = c->options.context, done = 0;
	int ret = 0;

	while (done < nr && !ret) {
		size_t some = nr - done < context ? nr - done : context, end = done + some;
		size_t from = end > context ? end - context : 0;

		ret = add_seq(c, at + from, (int)(end - from + 1), (int)(done - from + 1), unit);
		done = end;
	}
	return ret;
}

static int add_document(struct eval_model *em, const char *text, size_t len, struct ppl_cut *c)
{
	uint32_t prefix = eval_prefix_token(em);
	struct token_list ids = { 0 };
	size_t at = c->nr_tokens;
	int ret = eval_encode(em, text, len, false, &ids);

	if (!ret)
		ret = add_tokens(c, &prefix, 1);
	if (!ret)
		ret = add_tokens(c, ids.ids, ids.nr);
	if (!ret)
		ret = cut_one(c, at, c->units++);
	token_list_free(&ids);
	return ret;
}

static int cut_documents(struct eval_model *em, const struct eval_text *text, struct ppl_cut *c)
{
	struct source src = { .path = text->path, .text = text->bytes, .len = text->len,
			      .has_marks = memmem(text->bytes, text->len, TOKENIZER_EOT,
					  strlen(TOKENIZER_EOT)) };
	struct cutter cutter = cutter_begin(&src, TOKENIZER_EOT, 0);
	const char *document;
	size_t len;
	int ret = 0;

	while (!ret && cutter_next(&cutter, &document, &len)) {
		if (!c->options.limit || c->units < (size_t)c->options.limit)
			ret = add_document(em, document, len, c);
		c->units_all++;
	}
	if (!ret && !c->nr_seqs)
		return fail(-EINVAL, "%s: nothing but blanks", text->path);
	return ret;
}

/* ---- options -------------------------------------------------------------------- */

int ppl_context(enum ppl_protocol protocol, int most)
{
	return protocol == PPL_DOCUMENT || most < CONTEXT_USUAL ? most : CONTEXT_USUAL;
}

static int resolve(struct eval_model *em, struct ppl_options *o)
{
	int most = eval_model_context(em);

	if (!o->context)
		o->context = ppl_context(o->protocol, most);
	if (o->context > most)
		return fail(-EINVAL, "a context of %d: that of %s is %d", o->context, em->path,
			    most);
	if (o->protocol != PPL_DOCUMENT && o->context < 4)
		return fail(-EINVAL, "%s: a context of %d tokens is too short for the protocol "
			    "%s: it needs 4", em->path, o->context,
			    ppl_protocol_names[o->protocol]);
	if (o->protocol != PPL_SLIDING)
		return 0;
	if (!o->stride)
		o->stride = o->context / 2;
	if (o->stride > o->context)
		return fail(-EINVAL, "a stride of %d in windows of %d leaves tokens out", o->stride,
			    o->context);
	return 0;
}

/* Tokens do not move any more. */
static int point(struct ppl_cut *c)
{
	size_t scored = 0;

	for (size_t i = 0; i < c->nr_seqs; i++)
		scored += c->seqs[i].nr - c->seqs[i].first;
	c->scores = calloc(scored + 1, sizeof(*c->scores));
	if (!c->scores)
		return fail_nomem(scored * sizeof(*c->scores), "scores");
	scored = 0;
	for (size_t i = 0; i < c->nr_seqs; i++) {
		struct score_seq *s = &c->seqs[i];

		s->tokens = c->tokens + c->place[i].at;
		s->scores = c->scores + scored;
		scored += s->nr - s->first;
	}
	return 0;
}

int ppl_cut(struct eval_model *em, const struct eval_text *text, const struct ppl_options *o,
	    struct ppl_cut *c)
{
	int ret;

	*c = (struct ppl_cut){ .options = *o };
	ret = resolve(em, &c->options);
	if (!ret && o->protocol == PPL_LLAMA)
		ret = cut_llama(em, text, c);
	else if (!ret && o->protocol == PPL_SLIDING)
		ret = cut_sliding(em, text, c);
	else if (!ret)
		ret = cut_documents(em, text, c);
	if (!ret)
		ret = point(c);
	if (ret)
		ppl_cut_free(c);
	return ret;
}

void ppl_cut_free(struct ppl_cut *c)
{
	free(c->tokens);
	free(c->seqs);
	free(c->place);
	free(c->scores);
	*c = (struct ppl_cut){ 0 };
}

/* ---- results -------------------------------------------------------------------- */

/* What distinguishes two evaluations that may not be compared. */
static char *describe(const struct ppl_cut *c)
{
	const struct ppl_options *o = &c->options;

	if (o->protocol == PPL_DOCUMENT)
		return str_printf("protocol=document context=%d", o->context);
	if (o->protocol == PPL_SLIDING)
		return str_printf("protocol=sliding context=%d stride=%d tokens=%s", o->context,
				  o->stride, c->tokens_hash);
	return str_printf("protocol=llama context=%d tokens=%s", o->context, c->tokens_hash);
}

enum { NLL, NLL2, TOKENS, BYTES, PPL_COLUMNS };

static int make_table(const struct ppl_cut *c, struct eval_table **t)
{
	static const char *const names[PPL_COLUMNS] = { "nll", "nll2", "tokens", "bytes" };
	int ret = table_new(c->units, c->units_all, t);

	for (int i = 0; i < PPL_COLUMNS && !ret; i++)
		ret = table_column(*t, names[i]) < 0 ? -ENOMEM : 0;
	if (ret)
		return ret;
	table_metric(*t, "loss", METRIC_RATIO, NLL, TOKENS);
	table_metric(*t, "nats_per_byte", METRIC_RATIO, NLL, BYTES);
	return 0;
}

static void fill_table(const struct ppl_cut *c, const struct eval_model *em, struct eval_table *t)
{
	for (size_t i = 0; i < c->nr_seqs; i++) {
		const struct score_seq *s = &c->seqs[i];
		size_t u = c->place[i].unit;

		for (int k = 0; k < s->nr - s->first; k++) {
			double nll = -(double)s->scores[k].log_p;

			t->column[NLL].x[u] += nll;
			t->column[NLL2].x[u] += nll * nll;
			t->column[TOKENS].x[u]++;
			t->column[BYTES].x[u] += eval_token_bytes(em, s->tokens[s->first + k]);
		}
	}
}

/** struct named - a cut of a text, for messages. */
struct named {
	const struct ppl_cut *cut;
	const char *path;
};

static void name_unit(const void *ctx, size_t unit, struct strbuf *sb)
{
	static const char *const units[PPL_PROTOCOLS] = { "chunk", "window", "document" };
	const struct named *n = ctx;

	strbuf_addf(sb, "%s: %s %zu", n->path, units[n->cut->options.protocol], unit);
}

int ppl_run(struct eval_model *em, const struct eval_text *text, const struct ppl_options *o,
	    struct eval_table **table)
{
	struct eval_table *t = NULL;
	struct ppl_cut c;
	struct named named = { &c, text->path };
	struct score_units units = { "eval ppl", 0, name_unit, &named };
	int ret = ppl_cut(em, text, o, &c);

	if (ret)
		return ret;
	units.nr = c.units;
	ret = scorer_run(em, c.seqs, c.nr_seqs, NULL, &units);
	if (!ret)
		ret = make_table(&c, &t);
	if (!ret)
		ret = eval_table_facts(t, em, text, "ppl", describe(&c));
	if (!ret)
		fill_table(&c, em, t);
	ppl_cut_free(&c);
	if (ret)
		table_free(t);
	else
		*table = t;
	return ret;
}

double ppl_token_error(const struct eval_table *t)
{
	double n = table_sum(t, "tokens"), mean = table_sum(t, "nll") / n;
	double var = table_sum(t, "nll2") / n - mean * mean;

	return var > 0 ? sqrt(var / (n - 1)) : 0;
}

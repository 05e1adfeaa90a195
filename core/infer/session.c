// SPDX-License-Identifier: MIT
#include "infer/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "infer/decoder.h"
#include "infer/prompt.h"
#include "infer/sampler.h"
#include "nn/model.h"

struct session {
	struct decoder *decoder;
	size_t context;
	uint32_t vocab;		/* V */
	struct token_list ids;
	size_t read;		/* of ids, by the decoder */
	size_t keep;		/* so many at the beginning are kept */
	size_t forgotten;	/* of ids, behind those */
	size_t *turns;		/* where turns begin */
	size_t nr_turns, cap_turns;
	uint64_t draws;
	float *logits;		/* (V) behind the last token that was read */
	float *penalized;	/* (V) */
};

int session_new(struct model *m, struct device *dev, int context, enum dtype cache,
		struct session **out)
{
	/* Memory for what is there: a long context takes gigabytes. */
	const struct decoder_options o = { .capacity = context, .cache = cache, .room = 1 };
	struct session *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return fail_nomem(sizeof(*s), "a session");
	s->context = context ? context : m->spec.context;
	s->vocab = m->spec.vocab;
	s->logits = calloc(m->spec.vocab, sizeof(*s->logits));
	s->penalized = calloc(m->spec.vocab, sizeof(*s->penalized));
	if (!s->logits || !s->penalized)
		ret = fail_nomem(m->spec.vocab * sizeof(*s->logits), "logits");
	else
		ret = decoder_new(m, dev, &o, &s->decoder);
	if (ret)
		session_free(s);
	else
		*out = s;
	return ret;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	decoder_free(s->decoder);
	token_list_free(&s->ids);
	free(s->turns);
	free(s->logits);
	free(s->penalized);
	free(s);
}

int session_reset(struct session *s)
{
	s->ids.nr = 0;
	s->read = 0;
	s->forgotten = 0;
	s->keep = 0;
	s->nr_turns = 0;
	s->draws = 0;
	return decoder_reset(s->decoder);
}

int session_add(struct session *s, const uint32_t *ids, size_t nr)
{
	int ret = token_list_reserve(&s->ids, nr);

	if (ret || !nr)
		return ret;
	memcpy(s->ids.ids + s->ids.nr, ids, nr * sizeof(*ids));
	s->ids.nr += nr;
	return 0;
}

void session_keep(struct session *s, size_t nr)
{
	BUG_ON(nr > s->ids.nr);
	s->keep = nr;
}

int session_turn(struct session *s, size_t at)
{
	if (s->nr_turns == s->cap_turns) {
		size_t cap = s->cap_turns ? 2 * s->cap_turns : 16;
		size_t *turns = realloc(s->turns, cap * sizeof(*turns));

		if (!turns)
			return fail_nomem(cap * sizeof(*turns), "turns");
		s->turns = turns;
		s->cap_turns = cap;
	}
	s->turns[s->nr_turns++] = at;
	return 0;
}

static size_t half_of(const struct session *s)
{
	return s->context > 1 ? s->context / 2 : 1;
}

/*
 * Where the text goes on behind @keep tokens: with the oldest turn from which on all fits into
 * half a context; with the newest one, if it leaves room to go on at all; else within it.
 */
static size_t cut(const struct session *s, size_t keep)
{
	size_t nr = s->ids.nr, new = nr - s->read, least = half_of(s) - keep;

	for (size_t i = 0; i < s->nr_turns; i++) {
		size_t at = s->turns[i], most = i + 1 < s->nr_turns ? half_of(s)
								    : s->context / 4 * 3;

		if (at >= keep && at < nr && keep + nr - at <= most)
			return at;
	}
	if (new < least)
		new = least;
	return nr - (new < s->context - keep ? new : s->context - keep);
}

static int feed(struct session *s, size_t from, size_t to)
{
	return from == to ? 0 : decoder_feed(s->decoder, (const int32_t *)s->ids.ids + from,
					     (int)(to - from), s->logits);
}

/* A tokenizer may have marks that the model has no row for, and a text may name them. */
static int check_new(const struct session *s, const char *model)
{
	for (size_t i = s->read; i < s->ids.nr; i++)
		if (s->ids.ids[i] >= s->vocab)
			return fail(-EINVAL, "%s: the text has token %u of its tokenizer, the "
				    "model has %u tokens", model, s->ids.ids[i], s->vocab);
	return 0;
}

/* Read what was added; where it does not fit, what is left to be seen again. */
static int read_new(struct session *s)
{
	size_t from = s->read, keep = s->keep < half_of(s) ? s->keep : 0;
	int ret = 0;

	if (from == s->ids.nr)
		return 0;
	if (decoder_length(s->decoder) + s->ids.nr - from > s->context) {
		from = cut(s, keep);
		s->forgotten = from - keep;
		ret = decoder_reset(s->decoder);
		if (!ret)
			ret = feed(s, 0, keep);
	}
	if (!ret)
		ret = feed(s, from, s->ids.nr);
	s->read = s->ids.nr;
	return ret;
}

/* Either may have more: models are padded, tokenizers have marks for other models. */
static int common_vocab(const struct session *s, const struct tokenizer *tok)
{
	return (int)(tokenizer_vocab(tok) < s->vocab ? tokenizer_vocab(tok) : s->vocab);
}

/* One NaN leaves no order to choose by; a logit of -inf is a token that never comes. */
static int check_logits(const struct session *s, int vocab, const char *model)
{
	float most = -INFINITY;

	for (int v = 0; v < vocab && !isnan(most); v++)
		most = s->logits[v] <= most ? most : s->logits[v];
	return isfinite(most) ? 0
	     : fail(-EDOM, "%s: behind %zu tokens the largest logit is %g: weights are damaged, or "
		    "too large", model, s->ids.nr, (double)most);
}

/* The penalty changes a copy: the logits may be needed again. */
static int choose(struct session *s, const struct generation *g, uint32_t *id)
{
	const struct sampling *how = &g->sampling;
	int vocab = common_vocab(s, g->tokenizer), ret = check_logits(s, vocab, g->model);
	const float *logits = s->logits;

	if (ret)
		return ret;
	if (how->repeat_penalty && how->repeat_penalty != 1) {
		memcpy(s->penalized, s->logits, vocab * sizeof(*s->logits));
		sample_penalize(s->penalized, vocab, how, s->ids.ids, s->ids.nr);
		logits = s->penalized;
	}
	*id = sample_token(logits, vocab, how, s->draws++);
	return 0;
}

int session_write(struct session *s, const struct generation *g)
{
	int ret = 0;

	BUG_ON(!s->ids.nr);
	for (int i = 0; i < g->tokens && !ret && !(g->stop && *g->stop); i++) {
		uint32_t id;

		ret = check_new(s, g->model);
		if (!ret)
			ret = read_new(s);
		if (!ret)
			ret = choose(s, g, &id);
		if (!ret)
			ret = token_list_add(&s->ids, id);
		if (ret || prompt_ends(g->tokenizer, id))
			break;
		ret = g->emit(g->ctx, id);
	}
	return ret;
}

void session_rewind(struct session *s)
{
	s->draws = 0;
}

const struct token_list *session_tokens(const struct session *s)
{
	return &s->ids;
}

size_t session_forgotten(const struct session *s)
{
	return s->forgotten;
}

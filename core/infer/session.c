// SPDX-License-Identifier: MIT
#include "infer/session.h"

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
	struct token_list ids;
	size_t read;		/* of ids, by the decoder */
	size_t forgotten;	/* of ids, at their beginning */
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
	free(s->logits);
	free(s->penalized);
	free(s);
}

int session_reset(struct session *s)
{
	s->ids.nr = 0;
	s->read = 0;
	s->forgotten = 0;
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

/* Read what was added; where it does not fit, half a context or, if that is more, it alone. */
static int read_new(struct session *s)
{
	size_t new = s->ids.nr - s->read, half = s->context > 1 ? s->context / 2 : 1;
	int ret = 0;

	if (!new)
		return 0;
	if (decoder_length(s->decoder) + new > s->context) {
		if (new < half)
			new = half;
		if (new > s->context)
			new = s->context;
		s->forgotten = s->ids.nr - new;
		ret = decoder_reset(s->decoder);
	}
	if (!ret)
		ret = decoder_feed(s->decoder, (const int32_t *)s->ids.ids + s->ids.nr - new,
				   (int)new, s->logits);
	s->read = s->ids.nr;
	return ret;
}

/* The penalty changes a copy: the logits may be needed again. */
static uint32_t choose(struct session *s, const struct generation *g)
{
	const struct sampling *how = &g->sampling;

	if (!how->repeat_penalty || how->repeat_penalty == 1)
		return sample_token(s->logits, g->vocab, how, s->draws++);
	memcpy(s->penalized, s->logits, g->vocab * sizeof(*s->logits));
	sample_penalize(s->penalized, g->vocab, how, s->ids.ids, s->ids.nr);
	return sample_token(s->penalized, g->vocab, how, s->draws++);
}

int session_write(struct session *s, const struct generation *g)
{
	int ret = 0;

	BUG_ON(!s->ids.nr);
	for (int i = 0; i < g->tokens && !ret && !(g->stop && *g->stop); i++) {
		uint32_t id;

		ret = read_new(s);
		if (ret)
			break;
		id = choose(s, g);
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

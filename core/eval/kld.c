// SPDX-License-Identifier: MIT
#include "eval/kld.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/progress.h"
#include "base/thread.h"
#include "eval/ppl.h"
#include "infer/forward.h"
#include "nn/model.h"

#define BATCH_TOKENS 2048
#define BATCH_ROWS 64

/* ---- one position ------------------------------------------------------------------ */

static int top_of(const float *z, int vocab)
{
	int best = 0;

	for (int i = 1; i < vocab; i++)
		if (z[i] > z[best])
			best = i;
	return best;
}

/* ln of the sum of exp(z - max): exponentials in float, their sum in double. */
static double log_sum(const float *z, int vocab, float max)
{
	double sum = 0;

	for (int i = 0; i < vocab; i++)
		sum += expf(z[i] - max);
	return log(sum);
}

static struct kld_position compare(const float *logits, const float *base, int vocab, int target)
{
	int top = top_of(logits, vocab), top_base = top_of(base, vocab);
	double norm = logits[top] + log_sum(logits, vocab, logits[top]);
	double norm_base = base[top_base] + log_sum(base, vocab, base[top_base]);
	struct kld_position p = {
		.nll = norm - logits[target], .nll_base = norm_base - base[target],
		.same_top = top == top_base,
	};

	for (int i = 0; i < vocab; i++) {
		double log_p = base[i] - norm_base;

		p.kld += (double)expf((float)log_p) * (log_p - (logits[i] - norm));
	}
	p.delta_p = exp(-p.nll) - exp(-p.nll_base);
	return p;
}

/** struct codes - the base's log p as llama-perplexity keeps them: min + scale * code. */
struct codes {
	float scale, inverse, min_logit, min;
};

/* perplexity.cpp: log_softmax() with log_prob */
static struct codes code_base(const float *z, int vocab)
{
	int top = top_of(z, vocab);
	float max = z[top], min = z[0], log_sum_exp;
	struct codes c;

	for (int i = 1; i < vocab; i++)
		min = z[i] < min ? z[i] : min;
	c.min_logit = min > max - 16 ? min : max - 16;
	log_sum_exp = (float)log_sum(z, vocab, max);
	c.min = c.min_logit - max - log_sum_exp;
	c.scale = (max - c.min_logit) / 65535.f;
	c.inverse = c.scale != 0 ? 1 / c.scale : 0;
	return c;
}

static float decode(const struct codes *c, float logit)
{
	float code = logit > c->min_logit ? rintf(c->inverse * (logit - c->min_logit)) : 0;

	return c->scale * (float)(uint16_t)code + c->min;
}

/* perplexity.cpp: log_softmax() with base_log_prob; floats where it has floats */
static struct kld_position compare_coded(const float *logits, const float *base, int vocab,
					 int target)
{
	struct codes c = code_base(base, vocab);
	int top = top_of(logits, vocab), top_base = 0;
	float log_sum_exp = (float)log_sum(logits, vocab, logits[top]);
	float max = logits[top] + log_sum_exp, best = 0;
	float nll = logits[top] + log_sum_exp - logits[target];
	float nll_base = -decode(&c, base[target]);
	struct kld_position p = { .nll = nll, .nll_base = nll_base,
				  .delta_p = expf(-nll) - expf(-nll_base) };

	for (int i = 0; i < vocab; i++) {
		float log_p = decode(&c, base[i]);

		if (!i || log_p > best) {
			best = log_p;
			top_base = i;
		}
		if (log_p > -16.f)
			p.kld += expf(log_p) * (log_p - logits[i] + max);
	}
	p.same_top = top == top_base;
	return p;
}

struct kld_position kld_position(const float *logits, const float *base, int vocab, int target,
				 bool parity)
{
	return parity ? compare_coded(logits, base, vocab, target)
		      : compare(logits, base, vocab, target);
}

/* ---- a text ------------------------------------------------------------------------ */

/** struct side - one of the two models. */
struct side {
	struct eval_model *em;
	struct forward *forward;
	float *logits;			/* (chunk, V) */
};

/** struct job - a kld_run() under way. */
struct job {
	struct side model, base;
	struct ppl_cut cut;
	int vocab, rows, chunk;
	bool parity;
	struct kld_result *result;
	const int32_t *targets;		/* of the positions in logits */
	size_t at;			/* the first of them in the result */
};

static void compare_tile(void *ctx, long tile)
{
	struct job *j = ctx;
	struct kld_result *r = j->result;
	size_t i = j->at + tile, row = (size_t)tile * j->vocab;
	struct kld_position p = kld_position(j->model.logits + row, j->base.logits + row,
					     j->vocab, j->targets[tile], j->parity);

	r->kld[i] = p.kld;
	r->nll[i] = p.nll;
	r->nll_base[i] = p.nll_base;
	r->delta_p[i] = p.delta_p;
	r->same_top[i] = p.same_top;
}

static int compare_seq(struct job *j, size_t index, int row)
{
	const struct score_seq *s = &j->cut.seqs[index];
	int ret = 0, some;

	for (int at = s->first; at < s->nr && !ret; at += some) {
		some = s->nr - at < j->chunk ? s->nr - at : j->chunk;
		ret = forward_logits(j->model.forward, row, at - 1, some, j->model.logits);
		if (!ret)
			ret = forward_logits(j->base.forward, row, at - 1, some, j->base.logits);
		if (ret)
			return ret;
		j->targets = s->tokens + at;
		threads_run(some, compare_tile, j);
		for (int i = 0; i < some && !ret; i++)
			if (!isfinite(j->result->kld[j->at + i]))
				ret = fail(-EDOM, "%s from %s: chunk %zu: the divergence at token "
					   "%d is not a number", j->model.em->path,
					   j->base.em->path, index, at + i);
		j->at += some;
	}
	return ret;
}

static int run_batch(struct job *j, size_t at, int rows)
{
	int length = j->cut.options.context, lengths[BATCH_ROWS], ret;

	for (int r = 0; r < BATCH_ROWS; r++)
		lengths[r] = length - 1;
	ret = forward_run(j->model.forward, j->cut.seqs[at].tokens, length, rows, lengths);
	if (!ret)
		ret = forward_run(j->base.forward, j->cut.seqs[at].tokens, length, rows, lengths);
	for (int r = 0; r < rows && !ret; r++)
		ret = compare_seq(j, at + r, r);
	return ret;
}

static int run_all(struct job *j)
{
	bool bar = progress_begin("eval kld", j->cut.nr_seqs);
	int ret = 0;

	for (size_t at = 0; at < j->cut.nr_seqs && !ret; at += j->rows) {
		size_t left = j->cut.nr_seqs - at;

		ret = run_batch(j, at, left < (size_t)j->rows ? (int)left : j->rows);
		if (!ret)
			progress_update(bar, at + j->rows < j->cut.nr_seqs ? at + j->rows
									   : j->cut.nr_seqs,
					"KLD %.5f", stats_mean(j->result->kld, j->at).value);
	}
	progress_end(bar);
	return ret;
}

static int side_begin(struct job *j, struct side *side)
{
	struct forward_options o = { j->rows, j->cut.options.context - 1 };
	size_t bytes = (size_t)j->chunk * j->vocab * sizeof(*side->logits);

	side->logits = malloc(bytes);
	if (!side->logits)
		return fail_nomem(bytes, "logits");
	return forward_new(side->em->loaded.model, side->em->dev, &o, &side->forward);
}

static void side_end(struct side *side)
{
	forward_free(side->forward);
	free(side->logits);
}

/* Positions of both must be about the same tokens. */
static int check_models(struct job *j, const struct eval_text *text)
{
	const struct model_spec *a = &j->model.em->loaded.model->spec;
	const struct model_spec *b = &j->base.em->loaded.model->spec;
	struct ppl_cut other;
	bool same;
	int ret;

	if (a->vocab != b->vocab)
		return fail(-EINVAL, "%s predicts %d tokens, %s %d", j->model.em->path, a->vocab,
			    j->base.em->path, b->vocab);
	ret = ppl_cut(j->base.em, text, &j->cut.options, &other);
	if (ret)
		return ret;
	same = j->cut.nr_tokens == other.nr_tokens &&
	       !memcmp(j->cut.tokens, other.tokens, other.nr_tokens * sizeof(*other.tokens));
	ppl_cut_free(&other);
	return same ? 0 : fail(-EINVAL, "%s and %s make other tokens of %s", j->model.em->path,
			       j->base.em->path, text->path);
}

static int alloc_result(struct kld_result *r, size_t nr)
{
	double **parts[] = { &r->kld, &r->nll, &r->nll_base, &r->delta_p, &r->same_top };

	r->nr = nr;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		*parts[i] = calloc(nr, sizeof(**parts[i]));
		if (!*parts[i])
			return fail_nomem(nr * sizeof(**parts[i]), "results");
	}
	return 0;
}

void kld_result_free(struct kld_result *r)
{
	free(r->kld);
	free(r->nll);
	free(r->nll_base);
	free(r->delta_p);
	free(r->same_top);
	table_free(r->table);
	*r = (struct kld_result){ 0 };
}

static int make_table(struct job *j, const struct eval_text *text)
{
	struct kld_result *r = j->result;
	const struct { const char *name, *metric; const double *x; } columns[] = {
		{ "tokens", NULL, NULL }, { "kld", "kld", r->kld }, { "nll", "loss", r->nll },
		{ "nll_base", "loss_base", r->nll_base }, { "delta_p", "delta_p", r->delta_p },
		{ "same_top", "same_top", r->same_top },
	};
	size_t per = r->nr / j->cut.units;
	int ret = table_new(j->cut.units, j->cut.units_all, &r->table);

	for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]) && !ret; c++) {
		ret = table_column(r->table, columns[c].name);
		if (ret < 0)
			return ret;
		for (size_t i = 0; i < r->nr; i++)
			r->table->column[c].x[i / per] += columns[c].x ? columns[c].x[i] : 1;
		if (columns[c].metric)
			table_metric(r->table, columns[c].metric, METRIC_RATIO, (int)c, 0);
		ret = 0;
	}
	if (ret)
		return ret;
	return eval_table_facts(r->table, j->model.em, text, "kld",
				str_printf("base=%s context=%d parity=%d tokens=%s",
					   j->base.em->hash, j->cut.options.context, j->parity,
					   j->cut.tokens_hash));
}

int kld_run(struct eval_model *em, struct eval_model *base, const struct eval_text *text,
	    const struct kld_options *o, struct kld_result *result)
{
	struct ppl_options cut = { PPL_LLAMA, o->context, 0, o->limit };
	struct job j = { .model.em = em, .base.em = base, .parity = o->parity, .result = result };
	int ret = ppl_cut(em, text, &cut, &j.cut);

	*result = (struct kld_result){ 0 };
	if (ret)
		return ret;
	j.vocab = em->loaded.model->spec.vocab;
	j.chunk = head_rows(j.vocab);
	j.rows = BATCH_TOKENS / j.cut.options.context;
	if (j.rows < 1)
		j.rows = 1;
	if (j.rows > BATCH_ROWS)
		j.rows = BATCH_ROWS;
	if ((size_t)j.rows > j.cut.nr_seqs)
		j.rows = (int)j.cut.nr_seqs;
	ret = check_models(&j, text);
	if (!ret)
		ret = alloc_result(result, j.cut.nr_seqs *
				   (j.cut.seqs[0].nr - j.cut.seqs[0].first));
	if (!ret)
		ret = side_begin(&j, &j.model);
	if (!ret)
		ret = side_begin(&j, &j.base);
	if (!ret)
		ret = run_all(&j);
	if (!ret)
		ret = make_table(&j, text);
	side_end(&j.model);
	side_end(&j.base);
	ppl_cut_free(&j.cut);
	if (ret)
		kld_result_free(result);
	return ret;
}

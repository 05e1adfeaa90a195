// SPDX-License-Identifier: MIT
#include "train/evaluate.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/progress.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "nn/model.h"
#include "ops/linear-cross-entropy.h"
#include "ops/scale.h"
#include "ops/token-scores.h"
#include "tensor/plan.h"
#include "train/feed.h"

struct evaluator {
	struct model *model;
	struct feed *feed;
	struct graph *graph;
	struct feed_inputs in;
	struct tensor *losses;		/* (B, T) f32, nats */
	struct plan *plan;
	float *host;
};

double eval_loss(const struct eval_result *e)
{
	return e->tokens ? e->nats / (double)e->tokens : NAN;
}

double eval_ppl(const struct eval_result *e)
{
	return exp(eval_loss(e));
}

double eval_per_byte(const struct eval_result *e)
{
	return e->bytes ? e->nats / (double)e->bytes : NAN;
}

/* -ln p of each target; without logits, if the head is of the type that is computed in. */
static struct tensor *losses_of(struct builder *b, struct tensor *hidden, struct tensor *targets)
{
	struct tensor *head = model_head(b), *best;

	if (head && hidden && head->max.dtype != hidden->max.dtype)
		return op_scale(b->graph, op_token_scores(b->graph, model_logits(b, hidden),
							  targets, &best), -1);
	return op_linear_cross_entropy_eval(b->graph, hidden, head, targets,
					    b->model->spec.logit_softcap);
}

static int build(struct evaluator *e, struct device *dev, bool dry)
{
	struct builder b = { .model = e->model };
	int ret;

	e->graph = b.graph = graph_new();
	if (!b.graph)
		return -ENOMEM;
	ret = feed_inputs(e->feed, b.graph, &e->in);
	if (ret)
		return ret;
	b.ids = e->in.part[FEED_IDS];
	b.positions = e->in.part[FEED_POSITIONS];
	b.doc_start = e->in.part[FEED_DOC_START];
	e->losses = losses_of(&b, model_hidden(&b), e->in.part[FEED_TARGETS]);
	graph_output(e->losses);
	return graph_plan(b.graph, dev, dry, &e->plan);
}

int evaluator_new(struct model *m, struct device *dev, int batch, int context, bool doc_mask,
		  bool dry, struct evaluator **out)
{
	struct evaluator *e = calloc(1, sizeof(*e));
	int ret;

	if (!e)
		return fail_nomem(sizeof(*e), "an evaluation");
	e->model = m;
	e->host = dry ? NULL : calloc((size_t)batch * context, sizeof(*e->host));
	ret = e->host || dry ? feed_new(dry ? NULL : dev, batch, context, doc_mask, &e->feed)
			     : fail_nomem((size_t)batch * context * sizeof(*e->host), "losses");
	if (!ret)
		ret = build(e, dev, dry);
	if (ret)
		evaluator_free(e);
	else
		*out = e;
	return ret;
}

void evaluator_free(struct evaluator *e)
{
	if (!e)
		return;
	plan_free(e->plan);
	graph_free(e->graph);
	feed_free(e->feed);
	free(e->host);
	free(e);
}

size_t evaluator_bytes(const struct evaluator *e)
{
	return device_bytes(e->plan->arena_bytes) + feed_bytes(e->feed);
}

struct plan *evaluator_plan(struct evaluator *e)
{
	return e->plan;
}

/* Run the batch again, looking at every value, to name what broke. */
static int explain(struct evaluator *e, uint64_t window)
{
	int ret = plan_run_checked(e->plan);

	if (ret)
		return fail_in(ret, "held-out window %llu", (unsigned long long)window);
	return fail(-EDOM, "held-out window %llu: the loss is not finite",
		    (unsigned long long)window);
}

/* One batch of windows; adds at most @left of its targets to @result. */
static int run_batch(struct evaluator *e, const struct loader *l, uint64_t first, int rows,
		     uint64_t left, const uint32_t *token_bytes, struct eval_result *result)
{
	size_t count = (size_t)rows * l->length;
	int ret = feed_fill(e->feed, l, first, rows);

	if (!ret)
		ret = plan_set_extent(e->plan, e->in.batch_extent, rows);
	if (!ret)
		ret = plan_set_extent(e->plan, e->in.time_extent, l->length);
	if (!ret)
		ret = plan_run(e->plan);
	if (!ret)
		ret = tensor_read(e->losses, e->host, count * sizeof(*e->host));
	for (size_t i = 0; i < count && i < left && !ret; i++) {
		if (!isfinite(e->host[i]))
			return explain(e, first + i / l->length);
		result->nats += e->host[i];
		result->bytes += token_bytes[e->feed->host[FEED_TARGETS][i]];
		result->tokens++;
	}
	return ret;
}

int evaluator_run(struct evaluator *e, struct dataset *data, uint64_t max_tokens,
		  struct eval_result *result)
{
	const uint32_t *token_bytes;
	struct loader l;
	uint64_t windows;
	bool bar;
	int ret;

	*result = (struct eval_result){ 0 };
	ret = loader_init(&l, data, DATA_VAL, e->feed->context, false, 0);
	if (!ret)
		ret = dataset_token_bytes(data, &token_bytes);
	if (ret)
		return ret;
	if (!max_tokens || max_tokens > l.windows * l.length)
		max_tokens = l.windows * l.length;
	windows = (max_tokens + l.length - 1) / l.length;
	bar = progress_begin("eval", windows);
	for (uint64_t w = 0; w < windows && !ret; w += e->feed->batch) {
		uint64_t rows = windows - w;

		if (rows > (uint64_t)e->feed->batch)
			rows = e->feed->batch;
		ret = run_batch(e, &l, w, (int)rows, max_tokens - result->tokens, token_bytes,
				result);
		progress_update(bar, w + rows, "loss %.4f", eval_loss(result));
	}
	progress_end(bar);
	return ret;
}

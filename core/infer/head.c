// SPDX-License-Identifier: MIT
#include "infer/head.h"

#include <stdlib.h>

#include "base/fail.h"
#include "nn/model.h"
#include "ops/token-scores.h"
#include "tensor/plan.h"

#define LOGITS (1 << 24)	/* at once: 64 MiB */
#define ROWS_MAX 256

/** struct way - a graph from hidden states to logits, or to scores. */
struct way {
	struct graph *graph;
	struct plan *plan;
	int extent;
	struct tensor *logits, *log_p, *best;
};

struct head {
	struct model *model;
	struct device *dev;
	int rows;
	struct buffer *hidden, *targets;
	struct way to_logits, to_scores;	/* made when first asked for */
	float *log_p;				/* (rows) */
	int32_t *best;
};

int head_rows(int vocab)
{
	int rows = LOGITS / vocab;

	if (rows < 1)
		return 1;
	return rows < ROWS_MAX ? rows : ROWS_MAX;
}

int head_new(struct model *m, struct device *dev, int rows, struct head **out)
{
	size_t row = m->spec.width * dtype_size(m->compute);
	struct head *h = calloc(1, sizeof(*h));
	int ret;

	if (!h)
		return fail_nomem(sizeof(*h), "the output matrix");
	h->model = m;
	h->dev = dev;
	h->rows = rows;
	h->log_p = calloc(rows, sizeof(*h->log_p));
	h->best = calloc(rows, sizeof(*h->best));
	ret = h->log_p && h->best ? device_alloc(dev, rows * row, "hidden states", &h->hidden)
				  : fail_nomem(rows * sizeof(*h->log_p), "scores");
	if (!ret)
		ret = device_alloc(dev, rows * sizeof(int32_t), "targets", &h->targets);
	if (ret)
		head_free(h);
	else
		*out = h;
	return ret;
}

static void free_way(struct way *w)
{
	plan_free(w->plan);
	graph_free(w->graph);
}

void head_free(struct head *h)
{
	if (!h)
		return;
	free_way(&h->to_logits);
	free_way(&h->to_scores);
	buffer_free(h->hidden);
	buffer_free(h->targets);
	free(h->log_p);
	free(h->best);
	free(h);
}

static struct tensor *input(struct head *h, struct way *w, const char *name, enum dtype dtype,
			    int nd, struct buffer *buf)
{
	int64_t n[2] = { h->rows, h->model->spec.width };
	int extents[2] = { w->extent, -1 };
	struct tensor *t = graph_tensor(w->graph, TENSOR_INPUT, name, dtype, nd, n, extents);

	if (t)
		tensor_bind(t, buf, 0);
	return t;
}

static int build(struct head *h, struct way *w)
{
	struct builder b = { .model = h->model };

	w->graph = b.graph = graph_new();
	if (!b.graph)
		return -ENOMEM;
	w->extent = graph_extent(b.graph, "rows", h->rows);
	w->logits = model_logits(&b, input(h, w, "hidden", h->model->compute, 2, h->hidden));
	if (w == &h->to_logits) {
		graph_output(w->logits);
	} else {
		w->log_p = op_token_scores(b.graph, w->logits,
					   input(h, w, "targets", DT_I32, 1, h->targets),
					   &w->best);
		graph_output(w->log_p);
		graph_output(w->best);
	}
	return graph_plan(b.graph, h->dev, false, &w->plan);
}

static int run(struct head *h, struct way *w, int nr)
{
	int ret = 0;

	BUG_ON(nr < 1 || nr > h->rows);
	if (!w->plan) {
		free_way(w);	/* of an attempt that failed */
		*w = (struct way){ 0 };
		ret = build(h, w);
	}
	if (!ret)
		ret = plan_set_extent(w->plan, w->extent, nr);
	return ret ? ret : plan_run(w->plan);
}

int head_take(struct head *h, int at, const struct tensor *hidden, int64_t first, int nr)
{
	int64_t width = h->model->spec.width;

	BUG_ON(at < 0 || nr < 0 || at + nr > h->rows);
	return tensor_copy(hidden, first * width, nr * width, h->hidden,
			   at * width * dtype_size(h->model->compute));
}

struct plan *head_plan(struct head *h)
{
	return h->to_logits.plan;
}

int head_logits(struct head *h, int nr, float *logits)
{
	int ret = run(h, &h->to_logits, nr);

	return ret ? ret : tensor_read(h->to_logits.logits, logits,
				       (size_t)nr * h->model->spec.vocab * sizeof(*logits));
}

int head_scores(struct head *h, int nr, const int32_t *targets, struct token_score *scores)
{
	int ret = device_write(h->targets, 0, targets, nr * sizeof(*targets));

	if (!ret)
		ret = run(h, &h->to_scores, nr);
	if (!ret)
		ret = tensor_read(h->to_scores.log_p, h->log_p, nr * sizeof(*h->log_p));
	if (!ret)
		ret = tensor_read(h->to_scores.best, h->best, nr * sizeof(*h->best));
	for (int i = 0; i < nr && !ret; i++)
		scores[i] = (struct token_score){ h->log_p[i], h->best[i] };
	return ret;
}

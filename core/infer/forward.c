// SPDX-License-Identifier: MIT
#include "infer/forward.h"

#include <stdlib.h>

#include "base/fail.h"
#include "nn/model.h"
#include "tensor/plan.h"

struct forward {
	struct model *model;
	struct forward_options o;
	struct head *head;
	int chunk;			/* rows of the head */
	struct graph *graph;
	struct plan *plan;
	struct buffer *ids, *positions;
	int rows_extent, time_extent;
	struct tensor *hidden;		/* (B, T, width) */
	int32_t *host;			/* (B, T) */
	int nr, time;			/* of the last run */
	int *lengths;			/* (B) */
};

static struct tensor *token_input(struct forward *f, struct device *dev, const char *name,
				  struct buffer **buf)
{
	int64_t n[2] = { f->o.rows, f->o.length };
	int extents[2] = { f->rows_extent, f->time_extent };
	struct tensor *t;

	if (device_alloc(dev, (size_t)f->o.rows * f->o.length * sizeof(int32_t), "tokens", buf))
		return NULL;
	t = graph_tensor(f->graph, TENSOR_INPUT, name, DT_I32, 2, n, extents);
	if (t)
		tensor_bind(t, *buf, 0);
	return t;
}

static int build(struct forward *f, struct device *dev)
{
	struct builder b = { .model = f->model, .kv = f->o.kv };

	f->graph = b.graph = graph_new();
	if (!b.graph)
		return -ENOMEM;
	f->rows_extent = graph_extent(b.graph, "rows", f->o.rows);
	f->time_extent = graph_extent(b.graph, "time", f->o.length);
	b.ids = token_input(f, dev, "ids", &f->ids);
	b.positions = token_input(f, dev, "positions", &f->positions);
	if (!b.ids || !b.positions)
		return graph_error(b.graph) ? graph_error(b.graph) : -ENOMEM;
	f->hidden = model_hidden(&b);
	graph_output(f->hidden);
	return graph_plan(b.graph, dev, false, &f->plan);
}

int forward_new(struct model *m, struct device *dev, const struct forward_options *o,
		struct forward **out)
{
	size_t tokens = (size_t)o->rows * o->length;
	struct forward *f;
	int ret;

	if (o->rows < 1 || o->length < 1 || o->length > m->spec.context)
		return fail(-EINVAL, "%d sequences of %d tokens: the model's context is %d",
			    o->rows, o->length, m->spec.context);
	f = calloc(1, sizeof(*f));
	if (!f)
		return fail_nomem(sizeof(*f), "a forward pass");
	f->model = m;
	f->o = *o;
	f->chunk = head_rows(m->spec.vocab);
	f->host = calloc(tokens, sizeof(*f->host));
	f->lengths = calloc(o->rows, sizeof(*f->lengths));
	ret = f->host && f->lengths ? head_new(m, dev, f->chunk, &f->head)
				    : fail_nomem(tokens * sizeof(*f->host), "tokens");
	if (!ret)
		ret = build(f, dev);
	if (ret)
		forward_free(f);
	else
		*out = f;
	return ret;
}

void forward_free(struct forward *f)
{
	if (!f)
		return;
	plan_free(f->plan);
	graph_free(f->graph);
	buffer_free(f->ids);
	buffer_free(f->positions);
	head_free(f->head);
	free(f->host);
	free(f->lengths);
	free(f);
}

/* Behind the end of a row its last token stands: no position before sees it. */
static int put_tokens(struct forward *f, const int32_t *tokens, int stride)
{
	size_t bytes = (size_t)f->nr * f->time * sizeof(*f->host);
	int ret;

	for (int r = 0; r < f->nr; r++)
		for (int t = 0; t < f->time; t++)
			f->host[r * f->time + t] =
				tokens[(size_t)r * stride +
				       (t < f->lengths[r] ? t : f->lengths[r] - 1)];
	ret = device_write(f->ids, 0, f->host, bytes);
	for (int i = 0; i < f->nr * f->time; i++)
		f->host[i] = i % f->time;
	return ret ? ret : device_write(f->positions, 0, f->host, bytes);
}

int forward_run(struct forward *f, const int32_t *tokens, int stride, int nr, const int *lengths)
{
	int ret;

	BUG_ON(nr < 1 || nr > f->o.rows);
	f->nr = nr;
	f->time = 0;
	for (int r = 0; r < nr; r++) {
		BUG_ON(lengths[r] < 1 || lengths[r] > f->o.length);
		f->lengths[r] = lengths[r];
		f->time = lengths[r] > f->time ? lengths[r] : f->time;
	}
	ret = put_tokens(f, tokens, stride);
	if (!ret)
		ret = plan_set_extent(f->plan, f->rows_extent, nr);
	if (!ret)
		ret = plan_set_extent(f->plan, f->time_extent, f->time);
	return ret ? ret : plan_run(f->plan);
}

/* The next positions of a row into the head; how many. */
static int take(struct forward *f, int row, int first, int count, int *some)
{
	BUG_ON(row < 0 || row >= f->nr || first < 0 || count > f->lengths[row] - first);
	*some = count < f->chunk ? count : f->chunk;
	return head_take(f->head, 0, f->hidden, (int64_t)row * f->time + first, *some);
}

int forward_logits(struct forward *f, int row, int first, int count, float *logits)
{
	int ret = 0, some;

	for (; count > 0 && !ret; first += some, count -= some) {
		ret = take(f, row, first, count, &some);
		if (!ret)
			ret = head_logits(f->head, some, logits);
		logits += (size_t)some * f->model->spec.vocab;
	}
	return ret;
}

int forward_scores(struct forward *f, int row, int first, int count, const int32_t *targets,
		   struct token_score *scores)
{
	int ret = 0, some;

	for (; count > 0 && !ret; first += some, count -= some) {
		ret = take(f, row, first, count, &some);
		if (!ret)
			ret = head_scores(f->head, some, targets, scores);
		targets += some;
		scores += some;
	}
	return ret;
}

int forward_chunk(const struct forward *f)
{
	return f->chunk;
}

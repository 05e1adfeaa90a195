// SPDX-License-Identifier: MIT
#include "eval/branches.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "kv/cache.h"
#include "nn/model.h"
#include "tensor/plan.h"

struct branches {
	struct model *model;
	struct branches_options o;
	int time;			/* tokens of a run, at most */
	struct kv_cache *cache;
	struct head *head;
	int chunk;			/* rows of the head */
	struct graph *graph;
	struct plan *plan;
	int extent;
	struct buffer *ids, *positions;
	struct tensor *hidden;		/* (rows, T, width) */
	int32_t *host;			/* (rows, T) */
	int32_t *targets;		/* (chunk) */
	struct token_score *scores, **to;
	int taken;			/* rows of the head that are filled */
};

/* ---- building ---------------------------------------------------------------------- */

static struct kv_layer *kv_layers(const struct model_spec *s)
{
	struct kv_layer *layers = calloc(s->layers, sizeof(*layers));

	for (int i = 0; layers && i < s->layers; i++)
		layers[i] = (struct kv_layer){
			s->layer[i].kv_heads, { s->layer[i].head_dim, s->layer[i].head_dim } };
	return layers;
}

static struct kv_layout kv_layout_of(const struct model *m, int rows, int tokens,
				     const struct kv_layer *layers)
{
	return (struct kv_layout){ .layers = m->spec.layers, .batch = rows, .capacity = tokens,
				   .dtype = m->compute, .layer = layers };
}

size_t branches_bytes(const struct eval_model *em, int tokens)
{
	const struct model *m = em->loaded.model;
	struct kv_layer *layers = kv_layers(&m->spec);
	struct kv_layout layout = kv_layout_of(m, 1, tokens, layers);
	size_t bytes = layers ? kv_cache_bytes(&layout) : SIZE_MAX;

	free(layers);
	return bytes;
}

static int make_cache(struct branches *b, struct device *dev)
{
	struct kv_layer *layers = kv_layers(&b->model->spec);
	struct kv_layout layout = kv_layout_of(b->model, b->o.rows, b->o.shared + b->time, layers);
	int ret;

	if (!layers)
		return fail_nomem(0, "the KV cache");
	ret = kv_cache_new(dev, &layout, &b->cache);
	free(layers);
	return ret;
}

static struct tensor *token_input(struct branches *b, struct device *dev, const char *name,
				  struct buffer **buf)
{
	int64_t n[2] = { b->o.rows, b->time };
	int extents[2] = { -1, b->extent };
	struct tensor *t;

	if (device_alloc(dev, (size_t)n[0] * n[1] * sizeof(int32_t), "tokens", buf))
		return NULL;
	t = graph_tensor(b->graph, TENSOR_INPUT, name, DT_I32, 2, n, extents);
	if (t)
		tensor_bind(t, *buf, 0);
	return t;
}

static int build(struct branches *b, struct device *dev)
{
	struct builder builder = { .model = b->model, .cache = b->cache };

	b->graph = builder.graph = graph_new();
	if (!b->graph)
		return -ENOMEM;
	b->extent = graph_extent(b->graph, "time", b->time);
	builder.ids = token_input(b, dev, "ids", &b->ids);
	builder.positions = token_input(b, dev, "positions", &b->positions);
	if (!builder.ids || !builder.positions)
		return graph_error(b->graph) ? graph_error(b->graph) : -ENOMEM;
	b->hidden = model_hidden(&builder);
	graph_output(b->hidden);
	return graph_plan(b->graph, dev, false, &b->plan);
}

static int make_host(struct branches *b)
{
	b->host = calloc((size_t)b->o.rows * b->time, sizeof(*b->host));
	b->targets = calloc(b->chunk, sizeof(*b->targets));
	b->scores = calloc(b->chunk, sizeof(*b->scores));
	b->to = calloc(b->chunk, sizeof(*b->to));
	return b->host && b->targets && b->scores && b->to ? 0 : fail_nomem(0, "tokens");
}

int branches_new(struct eval_model *em, const struct branches_options *o, struct branches **out)
{
	struct branches *b = calloc(1, sizeof(*b));
	int ret;

	if (!b)
		return fail_nomem(sizeof(*b), "a scorer");
	b->model = em->loaded.model;
	b->o = *o;
	b->time = o->shared > o->tail ? o->shared : o->tail;
	b->chunk = head_rows(b->model->spec.vocab);
	ret = make_host(b);
	if (!ret)
		ret = make_cache(b, em->dev);
	if (!ret)
		ret = head_new(b->model, em->dev, b->chunk, &b->head);
	if (!ret)
		ret = build(b, em->dev);
	if (ret)
		branches_free(b);
	else
		*out = b;
	return ret;
}

void branches_free(struct branches *b)
{
	if (!b)
		return;
	plan_free(b->plan);
	graph_free(b->graph);
	buffer_free(b->ids);
	buffer_free(b->positions);
	head_free(b->head);
	kv_cache_free(b->cache);
	free(b->host);
	free(b->targets);
	free(b->scores);
	free(b->to);
	free(b);
}

/* ---- running ----------------------------------------------------------------------- */

/* Tokens that fill up a row are not seen by those before them, and then taken back. */
static int read_tokens(struct branches *b, int time)
{
	size_t bytes = (size_t)b->o.rows * time * sizeof(*b->host);
	int last = b->model->spec.context - 1, ret = device_write(b->ids, 0, b->host, bytes);

	for (int r = 0; r < b->o.rows; r++)
		for (int t = 0; t < time; t++) {
			int position = kv_cache_count(b->cache, r) + t;

			b->host[r * time + t] = position < last ? position : last;
		}
	if (!ret)
		ret = device_write(b->positions, 0, b->host, bytes);
	if (!ret)
		ret = kv_cache_begin(b->cache, time);
	if (!ret)
		ret = plan_set_extent(b->plan, b->extent, time);
	return ret ? ret : plan_run(b->plan);
}

static void fill_row(struct branches *b, int row, int time, const int32_t *tokens, int nr)
{
	for (int t = 0; t < time; t++)
		b->host[row * time + t] = t < nr ? tokens[t] : 0;
}

static int read_shared(struct branches *b, const struct branch_group *groups, int nr)
{
	int time = 0, ret;

	kv_cache_reset(b->cache);
	for (int g = 0; g < nr; g++)
		time = groups[g].shared > time ? groups[g].shared : time;
	if (!time)
		return 0;
	for (int r = 0; r < b->o.rows; r++)
		fill_row(b, r, time, r < nr ? groups[r].seqs[0]->tokens : NULL,
			 r < nr ? groups[r].shared : 0);
	ret = read_tokens(b, time);
	for (int r = 0; r < b->o.rows && !ret; r++)
		ret = kv_cache_truncate(b->cache, r, r < nr ? groups[r].shared : 0);
	return ret;
}

static int flush(struct branches *b)
{
	int ret = b->taken ? head_scores(b->head, b->taken, b->targets, b->scores) : 0;

	for (int i = 0; i < b->taken && !ret; i++)
		*b->to[i] = b->scores[i];
	b->taken = 0;
	return ret;
}

/* The scored positions of a row go into the head, which runs whenever it is full. */
static int score_row(struct branches *b, int row, int time, const struct score_seq *s,
		     int shared)
{
	int count = s->nr - s->first, ret = 0, some;

	for (int at = 0; at < count && !ret; at += some) {
		some = count - at < b->chunk - b->taken ? count - at : b->chunk - b->taken;
		ret = head_take(b->head, b->taken, b->hidden,
				(int64_t)row * time + s->first - 1 - shared + at, some);
		for (int i = 0; i < some; i++) {
			b->targets[b->taken + i] = s->tokens[s->first + at + i];
			b->to[b->taken + i] = &s->scores[at + i];
		}
		b->taken += some;
		if (!ret && b->taken == b->chunk)
			ret = flush(b);
	}
	return ret;
}

/* Sequence number @which of all groups; those that have fewer wait. */
static int read_tails(struct branches *b, const struct branch_group *groups, int nr, int which)
{
	int time = 0, ret;

	for (int g = 0; g < nr; g++)
		if (which < groups[g].nr && groups[g].seqs[which]->nr - 1 - groups[g].shared > time)
			time = groups[g].seqs[which]->nr - 1 - groups[g].shared;
	for (int r = 0; r < b->o.rows; r++) {
		const struct branch_group *g = &groups[r];
		bool used = r < nr && which < g->nr;

		fill_row(b, r, time, used ? g->seqs[which]->tokens + g->shared : NULL,
			 used ? g->seqs[which]->nr - 1 - g->shared : 0);
	}
	ret = read_tokens(b, time);
	for (int r = 0; r < nr && !ret; r++)
		if (which < groups[r].nr)
			ret = score_row(b, r, time, groups[r].seqs[which], groups[r].shared);
	for (int r = 0; r < b->o.rows && !ret; r++)
		ret = kv_cache_truncate(b->cache, r, r < nr ? groups[r].shared : 0);
	return ret;
}

int branches_run(struct branches *b, const struct branch_group *groups, int nr)
{
	int most = 0, ret;

	BUG_ON(nr < 1 || nr > b->o.rows);
	ret = read_shared(b, groups, nr);
	for (int g = 0; g < nr; g++)
		most = groups[g].nr > most ? groups[g].nr : most;
	b->taken = 0;
	for (int which = 0; which < most && !ret; which++)
		ret = read_tails(b, groups, nr, which);
	return ret ? ret : flush(b);
}

// SPDX-License-Identifier: MIT
/*
 * Unit attention: the rows of each head's attention as distributions (rows.h), on real text.
 *
 * Queries and keys are outputs of the model's own graph; the rows are computed from them here,
 * in fp64, with the mask, scale and cap that the layer's op has.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/progress.h"
#include "base/strbuf.h"
#include "base/thread.h"
#include "fim/pass.h"
#include "fim/rows.h"
#include "io/tensor-entry.h"
#include "ops/attention.h"
#include "ops/contiguous.h"
#include "ops/rope.h"

#define FIGURES 4	/* of a head */

/** struct layer - a layer's attention: turned q (1, T, H, D) and k (1, T, Hkv, D). */
struct layer {
	const struct attention_attr *attr;
	struct tensor *q, *k;
	int64_t heads, kv_heads, width;
	struct fim_rows *rows;		/* (heads) */
	float *figures[FIGURES];	/* (heads) each */
	char name[40];
};

/**
 * struct attention - an estimate under way.
 * @host_q, @host_k: of one layer
 * @keys: (width, T) the keys of one head
 * @scores: (tiles, T) of the row that each tile is at
 */
struct attention {
	struct fim_job *job;
	struct fim_pass pass;
	struct layer *layer;
	int nr;
	float *host_q, *host_k;
	double *keys, *scores;
	struct fim_rows_batch batch;
	const struct layer *now;	/* whose q and k they are */
	int64_t head;
};

#define TILE_ROWS 16

static int64_t nr_tiles(const struct attention *a)
{
	return (a->job->context + TILE_ROWS - 1) / TILE_ROWS;
}

/* ---- the graph --------------------------------------------------------------------------- */

static struct tensor *turned(struct attention *a, struct tensor *x,
			     const struct attention_attr *attr)
{
	struct graph *g = a->pass.graph;

	if (attr->rope.base > 0)
		return op_rope(g, x, a->pass.b.positions, &attr->rope);
	return layout_contiguous(&x->max) ? x : op_contiguous(g, x);
}

static int add_layer(struct attention *a, const struct node *n)
{
	struct layer *l = &a->layer[a->nr];

	l->attr = n->attr;
	l->q = turned(a, n->in[ATTENTION_Q], l->attr);
	l->k = turned(a, n->in[ATTENTION_K], l->attr);
	if (!l->q || !l->k)
		return graph_error(a->pass.graph);
	graph_output(l->q);
	graph_output(l->k);
	l->heads = l->q->max.n[2];
	l->kv_heads = l->k->max.n[2];
	l->width = l->q->max.n[3];
	snprintf(l->name, sizeof(l->name), "layers.%d.attention", a->nr++);
	return 0;
}

static int build(struct attention *a)
{
	struct graph *g = a->pass.graph;
	int ret, nodes;

	model_hidden(&a->pass.b);
	ret = graph_error(g);
	nodes = g->nr_nodes;
	a->layer = calloc(nodes + 1, sizeof(*a->layer));
	if (!ret && !a->layer)
		ret = fail_nomem(0, "layers");
	for (int i = 0; i < nodes && !ret; i++)
		if (!strcmp(g->nodes[i]->op->name, "attention"))
			ret = add_layer(a, g->nodes[i]);
	if (!ret && !a->nr)
		ret = fail(-EINVAL, "%s has no attention", a->job->model);
	return ret ? ret : fim_pass_plan(&a->pass);
}

static int64_t largest(const struct attention *a)
{
	int64_t most = 0;

	for (int i = 0; i < a->nr; i++) {
		int64_t count = a->layer[i].heads * a->layer[i].width;

		most = count > most ? count : most;
	}
	return most * a->job->context;
}

static int64_t widest(const struct attention *a)
{
	int64_t most = 0;

	for (int i = 0; i < a->nr; i++)
		most = a->layer[i].width > most ? a->layer[i].width : most;
	return most;
}

/* Bytes of what one head at a time needs. */
static size_t scratch_bytes(const struct attention *a)
{
	int64_t t = a->job->context;

	return 2 * largest(a) * sizeof(float) + fim_rows_batch_bytes(t) +
	       (widest(a) + nr_tiles(a)) * t * sizeof(double);
}

static int take_memory(struct attention *a)
{
	size_t bytes = largest(a) * sizeof(float);
	int64_t t = a->job->context;
	int ret = fim_rows_batch_init(&a->batch, t);

	a->host_q = malloc(bytes);
	a->host_k = malloc(bytes);
	a->keys = malloc(widest(a) * t * sizeof(*a->keys));
	a->scores = malloc(nr_tiles(a) * t * sizeof(*a->scores));
	if (!ret && (!a->host_q || !a->host_k || !a->keys || !a->scores))
		ret = fail_nomem(scratch_bytes(a), "queries and keys");
	for (int i = 0; i < a->nr && !ret; i++) {
		struct layer *l = &a->layer[i];

		l->rows = calloc(l->heads, sizeof(*l->rows));
		for (int f = 0; f < FIGURES; f++) {
			l->figures[f] = calloc(l->heads, sizeof(float));
			ret = l->figures[f] ? ret : fail_nomem(0, "figures");
		}
		if (!l->rows)
			ret = fail_nomem(l->heads * sizeof(*l->rows), "heads");
		for (int64_t h = 0; h < l->heads && !ret; h++)
			ret = fim_rows_init(&l->rows[h], a->job->context);
	}
	return ret;
}

static void attention_end(struct attention *a)
{
	for (int i = 0; a->layer && i < a->nr; i++) {
		struct layer *l = &a->layer[i];

		for (int64_t h = 0; l->rows && h < l->heads; h++)
			fim_rows_free(&l->rows[h]);
		free(l->rows);
		for (int f = 0; f < FIGURES; f++)
			free(l->figures[f]);
	}
	free(a->layer);
	free(a->host_q);
	free(a->host_k);
	free(a->keys);
	free(a->scores);
	fim_rows_batch_free(&a->batch);
	fim_pass_end(&a->pass);
}

static int attention_begin(struct attention *a, struct fim_job *j, bool dry)
{
	int ret;

	*a = (struct attention){ .job = j };
	ret = fim_pass_begin(&a->pass, j, 1, false, dry);
	if (!ret)
		ret = build(a);
	return ret || dry ? ret : take_memory(a);
}

/* The heads' sums are the host's, and count as well: (T, T) doubles each. */
static int check_room(struct fim_job *j)
{
	struct attention a;
	size_t need = 0;
	int ret = attention_begin(&a, j, true);

	for (int i = 0; i < a.nr && !ret; i++)
		need += a.layer[i].heads * fim_rows_bytes(j->context);
	if (!ret)
		ret = fim_check_room(j, need + scratch_bytes(&a) + fim_pass_bytes(&a.pass));
	attention_end(&a);
	return ret;
}

/* ---- rows ---------------------------------------------------------------------------------- */

/* Keys that query @i may see: [from, i]. */
static int64_t first_key(const struct attention *a, int64_t i)
{
	const int32_t *doc_start = a->pass.feed->host[FEED_DOC_START];
	int window = a->now->attr->window;
	int64_t from = window > 0 && i - window + 1 > 0 ? i - window + 1 : 0;

	if (doc_start && doc_start[i] > from)
		from = doc_start[i];
	return from;
}

/* A row of the keys for each of their elements, so that scores are sums of rows. */
static void turn_keys(const struct attention *a)
{
	const struct layer *l = a->now;
	int64_t t = a->job->context, kv = a->head / (l->heads / l->kv_heads);

	for (int64_t j = 0; j < t; j++) {
		const float *k = a->host_k + (j * l->kv_heads + kv) * l->width;

		for (int64_t d = 0; d < l->width; d++)
			a->keys[d * t + j] = k[d];
	}
}

/* Two numbers, by which the compiler does not add one by one. */
typedef double pair __attribute__((vector_size(2 * sizeof(double)), may_alias,
				   aligned(sizeof(double))));

/* @p[j] for the keys j that query @i may see. */
static void scores(const struct attention *a, int64_t i, int64_t from, double *p)
{
	const struct layer *l = a->now;
	const float *q = a->host_q + (i * l->heads + a->head) * l->width;
	double scale = l->attr->scale > 0 ? l->attr->scale : 1 / sqrt((double)l->width);
	double cap = l->attr->softcap;
	int64_t t = a->job->context;

	for (int64_t j = from; j <= i; j++)
		p[j] = 0;
	for (int64_t d = 0; d < l->width; d++) {
		const double *k = a->keys + d * t;
		double x = q[d];
		int64_t j;

		for (j = from; j < i; j += 2)
			*(pair *)(p + j) += x * *(const pair *)(k + j);
		if (j == i)
			p[j] += x * k[j];
	}
	for (int64_t j = from; j <= i; j++) {
		p[j] *= scale;
		if (cap > 0)
			p[j] = cap * tanh(p[j] / cap);
	}
}

/* With p = exp(s - max) / sum, the entropy is ln(sum) - E[s - max]. */
static void put_row(struct attention *a, int64_t i, double *p)
{
	int64_t from = first_key(a, i);
	double max = -INFINITY, sum = 0, mean = 0;

	scores(a, i, from, p);
	for (int64_t j = from; j <= i; j++)
		max = fmax(max, p[j]);
	for (int64_t j = from; j <= i; j++) {
		double s = p[j] - max;

		p[j] = exp(s);
		sum += p[j];
		mean += p[j] > 0 ? p[j] * s : 0;	/* p ln p is 0 at 0 */
	}
	for (int64_t j = from; j <= i; j++)
		p[j] /= sum;
	fim_rows_put(&a->batch, i, p, from, log(sum) - mean / sum);
}

static void rows_tile(void *ctx, long tile)
{
	struct attention *a = ctx;
	int64_t t = a->job->context, end = (tile + 1) * TILE_ROWS;

	for (int64_t i = tile * TILE_ROWS; i < end && i < t; i++)
		put_row(a, i, a->scores + tile * t);
}

/* Heads one after the other, and each by all threads: some models have few heads. */
static void run_heads(struct attention *a)
{
	for (a->head = 0; a->head < a->now->heads; a->head++) {
		turn_keys(a);
		threads_run((long)nr_tiles(a), rows_tile, a);
		fim_rows_add(&a->now->rows[a->head], &a->batch);
	}
}

static int step(struct attention *a, int64_t sample)
{
	int64_t t = a->job->context;
	int ret = fim_pass_sample(&a->pass, sample);

	if (!ret)
		ret = fim_pass_run(&a->pass, sample, 0);
	for (int i = 0; i < a->nr && !ret; i++) {
		const struct layer *l = a->now = &a->layer[i];

		ret = tensor_read(l->q, a->host_q, t * l->heads * l->width * sizeof(float));
		if (!ret)
			ret = tensor_read(l->k, a->host_k,
					  t * l->kv_heads * l->width * sizeof(float));
		if (!ret)
			run_heads(a);
	}
	return ret;
}

static int check_rows(const struct attention *a)
{
	for (int i = 0; i < a->nr; i++)
		for (int64_t h = 0; h < a->layer[i].heads; h++)
			if (!isfinite(a->layer[i].rows[h].squares))
				return fail(-EDOM, "%s: head %lld has rows that are not finite",
					    a->layer[i].name, (long long)h);
	return 0;
}

static int run(struct attention *a)
{
	int64_t sequences = a->job->facts.sequences;
	bool bar = progress_begin("fim", sequences);
	int ret = 0;

	for (int64_t s = 0; s < sequences && !ret; s++) {
		ret = step(a, a->job->first + s);
		progress_update(bar, s + 1, "%s", "");
	}
	progress_end(bar);
	return ret ? ret : check_rows(a);
}

/* ---- the file ------------------------------------------------------------------------------ */

static const enum fim_part figures[FIGURES] = {
	FIM_TRACE, FIM_LARGEST, FIM_RANK, FIM_ENTROPY
};

static int finish_layer(struct layer *l)
{
	struct fim_rows_result r;
	int ret = 0;

	for (int64_t h = 0; h < l->heads && !ret; h++) {
		ret = fim_rows_result(&l->rows[h], &r);
		l->figures[0][h] = (float)r.trace;
		l->figures[1][h] = (float)r.largest;
		l->figures[2][h] = (float)r.rank;
		l->figures[3][h] = (float)r.entropy;
	}
	return ret;
}

static int make_entries(struct layer *l, struct tensor_entry *e)
{
	int ret = finish_layer(l);

	for (int f = 0; f < FIGURES && !ret; f++) {
		e[f] = (struct tensor_entry){
			.name = str_printf("%s%s", l->name, fim_suffix(figures[f])),
			.dtype = DT_F32, .nd = 1, .shape = { l->heads },
			.fetch = tensor_fetch_memory, .ctx = l->figures[f],
		};
		if (!e[f].name)
			ret = fail_nomem(0, "a name");
	}
	return ret;
}

static int write_out(struct attention *a)
{
	struct fim_tensor *tensor = calloc(a->nr, sizeof(*tensor));
	struct tensor_entry *e = calloc(FIGURES * a->nr, sizeof(*e));
	int ret = tensor && e ? 0 : fail_nomem(0, "a list of heads");

	for (int i = 0; i < a->nr && !ret; i++) {
		tensor[i] = (struct fim_tensor){ .name = a->layer[i].name, .nd = 1,
						 .n = { a->layer[i].heads, 1 } };
		ret = make_entries(&a->layer[i], e + FIGURES * i);
	}
	if (!ret)
		ret = fim_write_parts(a->job->out.path, &a->job->facts, tensor, a->nr, e,
				      FIGURES * a->nr);
	for (int i = 0; e && i < FIGURES * a->nr; i++)
		free((char *)e[i].name);
	free(tensor);
	free(e);
	return ret;
}

static int attention_run(struct fim_job *j)
{
	struct attention a;
	int ret;

	free(j->facts.labels);
	j->facts.labels = strdup("none");
	if (!j->facts.labels)
		return fail_nomem(0, "metadata");
	j->facts.tokens = j->facts.squares = j->facts.sequences * j->facts.context;
	ret = check_room(j);
	if (ret)
		return ret;
	ret = attention_begin(&a, j, false);
	if (!ret)
		ret = fim_pass_load(&a.pass);
	if (!ret)
		ret = run(&a);
	if (!ret)
		ret = write_out(&a);
	attention_end(&a);
	return ret;
}

static const struct fim_unit attention = {
	.name = "attention",
	.summary = "the rows of attention as distributions",
	.from_data = true,
	.run = attention_run,
};
FIM_UNIT_REGISTER(attention);

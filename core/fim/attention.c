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

/** struct attention - an estimate under way. @host_q, @host_k: of one layer. */
struct attention {
	struct fim_job *job;
	struct fim_pass pass;
	struct layer *layer;
	int nr;
	float *host_q, *host_k;
	const struct layer *now;	/* whose q and k they are */
};

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

static int take_memory(struct attention *a)
{
	size_t bytes = largest(a) * sizeof(float);
	int ret = 0;

	a->host_q = malloc(bytes);
	a->host_k = malloc(bytes);
	if (!a->host_q || !a->host_k)
		return fail_nomem(2 * bytes, "queries and keys");
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
		ret = fim_check_room(j, need + 2 * largest(&a) * sizeof(float) +
				     fim_pass_bytes(&a.pass));
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

static double score(const struct attention *a, int64_t head, int64_t i, int64_t j)
{
	const struct layer *l = a->now;
	int64_t kv = head / (l->heads / l->kv_heads);
	const float *q = a->host_q + (i * l->heads + head) * l->width;
	const float *k = a->host_k + (j * l->kv_heads + kv) * l->width;
	double sum = 0, cap = l->attr->softcap;

	for (int64_t d = 0; d < l->width; d++)
		sum += (double)q[d] * k[d];
	sum *= l->attr->scale > 0 ? l->attr->scale : 1 / sqrt((double)l->width);
	return cap > 0 ? cap * tanh(sum / cap) : sum;
}

static void softmax_row(const struct attention *a, int64_t head, int64_t i, double *p)
{
	int64_t from = first_key(a, i);
	double max = -INFINITY, sum = 0;

	for (int64_t j = from; j <= i; j++) {
		p[j] = score(a, head, i, j);
		max = fmax(max, p[j]);
	}
	for (int64_t j = from; j <= i; j++) {
		p[j] = exp(p[j] - max);
		sum += p[j];
	}
	for (int64_t j = from; j <= i; j++)
		p[j] /= sum;
}

static void head_tile(void *ctx, long head)
{
	const struct attention *a = ctx;
	int64_t t = a->job->context;
	double *p = malloc(FIM_ROWS_AT_ONCE * t * sizeof(*p));

	for (int64_t i = 0; i < t && p; i += FIM_ROWS_AT_ONCE) {
		int nr = (int)(t - i < FIM_ROWS_AT_ONCE ? t - i : FIM_ROWS_AT_ONCE);

		memset(p, 0, FIM_ROWS_AT_ONCE * t * sizeof(*p));
		for (int r = 0; r < nr; r++)
			softmax_row(a, head, i + r, p + r * t);
		fim_rows_add(&a->now->rows[head], p, nr, i + nr);
	}
	free(p);
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
			threads_run((long)l->heads, head_tile, a);
	}
	return ret;
}

/* A tile cannot fail; one that had no memory added no rows. */
static int check_rows(const struct attention *a)
{
	int64_t want = a->job->facts.tokens;

	for (int i = 0; i < a->nr; i++)
		for (int64_t h = 0; h < a->layer[i].heads; h++) {
			const struct fim_rows *r = &a->layer[i].rows[h];

			if (r->rows != want)
				return fail_nomem(a->job->context * 64, "rows of attention");
			if (!isfinite(r->squares))
				return fail(-EDOM, "%s: head %lld has rows that are not finite",
					    a->layer[i].name, (long long)h);
		}
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

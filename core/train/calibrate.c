// SPDX-License-Identifier: MIT
#include "train/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/progress.h"
#include "base/thread.h"
#include "nn/model.h"
#include "ops/linear.h"
#include "ops/mul.h"
#include "ops/sum-to.h"
#include "tensor/plan.h"
#include "train/feed.h"

/* Positions of a pass: sums are rounded to f32 once in so many. */
#define PASS 2048

/**
 * struct pass - a graph and what it adds up.
 * @x: (inputs)
 * @sum: (inputs) squares of its columns, or products
 */
struct pass {
	struct calib *c;
	struct graph *graph;
	struct plan *plan;
	struct feed *feed;
	struct feed_inputs in;
	struct tensor **x, **sum;
	float *host;
	int rows;
};

/* Is @t the weight called @name, or the values of it that are not 0? */
static bool is_weight(const struct tensor *t, const char *name)
{
	size_t len = strlen(name);

	return t && t->kind == TENSOR_PARAM && !strncmp(t->name, name, len) &&
	       (!t->name[len] || !strcmp(t->name + len, ".values"));
}

/* The tensor that is multiplied with the weight called @name. */
static struct tensor *input_of(const struct graph *g, const char *name)
{
	for (int i = 0; i < g->nr_nodes; i++) {
		const struct node *n = g->nodes[i];

		if (n->nr_in > 1 && is_weight(n->in[1], name) && strcmp(n->op->name, "embedding"))
			return n->in[0];
	}
	return NULL;
}

static int add_input(struct pass *p, struct tensor *x)
{
	struct calib *c = p->c;

	for (int i = 0; i < c->nr_inputs; i++)
		if (p->x[i] == x)
			return i;
	p->x[c->nr_inputs] = x;
	c->input[c->nr_inputs].width = layout_last(&x->max);
	return c->nr_inputs++;
}

static int find_inputs(struct pass *p, const char *const *weights, int nr)
{
	for (int i = 0; i < nr; i++) {
		struct tensor *x = input_of(p->graph, weights[i]);

		if (!x)
			return fail(-EINVAL, "%s: calibration is for linear layers", weights[i]);
		p->c->of[i] = add_input(p, x);
	}
	return 0;
}

static int alloc_input(struct calib_input *in, bool products)
{
	in->squares = calloc(in->width, sizeof(double));
	if (products)
		in->products = calloc(in->width * in->width, sizeof(double));
	if (in->squares && (in->products || !products))
		return 0;
	return fail_nomem(in->width * in->width * sizeof(double), "the inputs of a layer");
}

/* Outputs of the graph: sums of squares, or x^T x. */
static int add_outputs(struct pass *p, bool products)
{
	int64_t most = 0;
	int ret = 0;

	for (int i = 0; i < p->c->nr_inputs && !ret; i++) {
		struct calib_input *in = &p->c->input[i];
		int64_t floats = products ? in->width * in->width : in->width;
		struct tensor *x = p->x[i];

		p->sum[i] = products ? op_linear_dw(p->graph, x, x, NULL, NULL, false)
				     : op_sum_to(p->graph, op_mul(p->graph, x, x), 1);
		if (p->sum[i])
			graph_output(p->sum[i]);
		most = floats > most ? floats : most;
		ret = alloc_input(in, products);
	}
	p->host = malloc((most + 1) * sizeof(*p->host));
	if (!ret && !p->host)
		ret = fail_nomem(most * sizeof(*p->host), "the inputs of a layer");
	return ret ? ret : graph_error(p->graph);
}

static int build(struct pass *p, struct model *m, struct device *dev,
		 const struct calib_text *text, const char *const *weights, int nr, bool products)
{
	struct builder b = { .model = m };
	int ret = feed_new(dev, p->rows, text->length, false, &p->feed);

	if (ret)
		return ret;
	p->graph = b.graph = graph_new();
	if (!b.graph)
		return -ENOMEM;
	ret = feed_inputs(p->feed, b.graph, &p->in);
	if (ret)
		return ret;
	b.ids = p->in.part[FEED_IDS];
	b.positions = p->in.part[FEED_POSITIONS];
	/* The head reads the hidden states; where it is no target its node is dropped. */
	model_logits(&b, model_hidden(&b));
	ret = graph_error(b.graph);
	if (!ret)
		ret = find_inputs(p, weights, nr);
	if (!ret)
		ret = add_outputs(p, products);
	return ret ? ret : graph_plan(b.graph, dev, false, &p->plan);
}

/* ---- sums ------------------------------------------------------------------------------- */

struct adding {
	const float *from;
	double *to;
	int64_t nr;
};

#define TILE 4096

static void add_tile(void *ctx, long tile)
{
	const struct adding *a = ctx;
	int64_t at = (int64_t)tile * TILE, end = a->nr - at < TILE ? a->nr : at + TILE;

	for (int64_t i = at; i < end; i++)
		a->to[i] += a->from[i];
}

static int take_sum(struct pass *p, int i)
{
	struct calib_input *in = &p->c->input[i];
	struct adding a = { p->host, in->products ? in->products : in->squares, in->width };
	int ret;

	if (in->products)
		a.nr *= in->width;
	ret = tensor_read(p->sum[i], p->host, a.nr * sizeof(float));
	if (!ret)
		threads_run((long)((a.nr + TILE - 1) / TILE), add_tile, &a);
	return ret;
}

static int read_rows(struct pass *p, const struct calib_text *text, int64_t first, int rows)
{
	int32_t *ids = p->feed->host[FEED_IDS];
	int ret = 0;

	for (int r = 0; r < rows && !ret; r++)
		ret = text->read(text->ctx, first + r, ids + (size_t)r * text->length);
	return ret ? ret : feed_send(p->feed, rows, text->length);
}

static int run_once(struct pass *p, const struct calib_text *text, int64_t first, int rows)
{
	int ret = read_rows(p, text, first, rows);

	if (!ret)
		ret = plan_set_extent(p->plan, p->in.batch_extent, rows);
	if (!ret)
		ret = plan_set_extent(p->plan, p->in.time_extent, text->length);
	if (!ret)
		ret = plan_run(p->plan);
	for (int i = 0; i < p->c->nr_inputs && !ret; i++)
		ret = take_sum(p, i);
	p->c->positions += (int64_t)rows * text->length;
	return ret;
}

static int run_all(struct pass *p, const struct calib_text *text, const char *what)
{
	bool shown = progress_begin(what, text->sequences);
	int ret = 0;

	for (int64_t at = 0; at < text->sequences && !ret; at += p->rows) {
		int64_t left = text->sequences - at;
		int rows = left < p->rows ? (int)left : p->rows;

		ret = run_once(p, text, at, rows);
		progress_update(shown, at + rows, "%s", "");
	}
	progress_end(shown);
	return ret;
}

/* Squares are the diagonal of the products. */
static int check_sums(const struct calib *c, const char *const *weights, int nr)
{
	for (int i = 0; i < c->nr_inputs; i++) {
		const struct calib_input *in = &c->input[i];

		for (int64_t k = 0; in->products && k < in->width; k++)
			in->squares[k] = in->products[k * in->width + k];
	}
	for (int i = 0; i < nr; i++) {
		const struct calib_input *in = &c->input[c->of[i]];

		for (int64_t k = 0; k < in->width; k++)
			if (!isfinite(in->squares[k]))
				return fail(-EDOM, "%s: its inputs are not finite", weights[i]);
	}
	return 0;
}

int calibrate(struct model *m, struct device *dev, const struct calib_text *text,
	      const char *const *weights, int nr, bool products, const char *what,
	      struct calib *c)
{
	struct pass p = { .c = c };
	int ret;

	*c = (struct calib){ 0 };
	if (text->length > m->spec.context)
		return fail(-EINVAL, "sequences of %d tokens: the context of the model is %d",
			    text->length, m->spec.context);
	p.rows = text->length < PASS ? PASS / text->length : 1;
	p.rows = p.rows < text->sequences ? p.rows : (int)text->sequences;
	c->input = calloc(nr + 1, sizeof(*c->input));
	c->of = calloc(nr + 1, sizeof(*c->of));
	p.x = calloc(nr + 1, sizeof(*p.x));
	p.sum = calloc(nr + 1, sizeof(*p.sum));
	ret = c->input && c->of && p.x && p.sum ? 0 : fail_nomem(nr * sizeof(*p.x), "inputs");
	if (!ret)
		ret = build(&p, m, dev, text, weights, nr, products);
	if (!ret)
		ret = run_all(&p, text, what);
	if (!ret)
		ret = check_sums(c, weights, nr);
	plan_free(p.plan);
	graph_free(p.graph);
	feed_free(p.feed);
	free(p.host);
	free(p.sum);
	free(p.x);
	if (ret)
		calib_free(c);
	return ret;
}

void calib_free(struct calib *c)
{
	for (int i = 0; i < c->nr_inputs; i++) {
		free(c->input[i].squares);
		free(c->input[i].products);
	}
	free(c->input);
	free(c->of);
	*c = (struct calib){ 0 };
}

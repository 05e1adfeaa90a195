// SPDX-License-Identifier: MIT
#include "prune/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/progress.h"
#include "base/thread.h"
#include "data/loader.h"
#include "nn/model.h"
#include "ops/linear.h"
#include "tensor/plan.h"
#include "train/feed.h"

/* Positions of a pass: products are added up in f32 over so many at most. */
#define PASS 2048

struct pass {
	struct calib *c;
	struct graph *graph;
	struct plan *plan;
	struct feed *feed;
	struct feed_inputs in;
	struct tensor **x, **xx;	/* (inputs) */
	float *host;
	size_t host_floats;
	int rows;
};

/* The tensor that is multiplied with the weight called @name. */
static struct tensor *input_of(const struct graph *g, const char *name)
{
	for (int i = 0; i < g->nr_nodes; i++) {
		const struct node *n = g->nodes[i];

		if (n->nr_in > 1 && n->in[1] && n->in[1]->kind == TENSOR_PARAM &&
		    !strcmp(n->in[1]->name, name) && strcmp(n->op->name, "embedding"))
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

/* Outputs of the graph: x itself, whose columns the host sums up, or x^T x. */
static int add_outputs(struct pass *p, bool products)
{
	int64_t most = 0;
	int ret = 0;

	for (int i = 0; i < p->c->nr_inputs && !ret; i++) {
		struct calib_input *in = &p->c->input[i];
		int64_t rows = products ? in->width : (int64_t)p->rows * p->feed->context;
		int64_t floats = rows * in->width;

		if (products)
			p->xx[i] = op_linear_dw(p->graph, p->x[i], p->x[i], NULL, NULL, false);
		if (products ? p->xx[i] != NULL : 1)
			graph_output(products ? p->xx[i] : p->x[i]);
		most = floats > most ? floats : most;
		ret = alloc_input(in, products);
	}
	p->host_floats = most;
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
	int64_t nr;		/* of @to */
	int64_t rows;		/* of @from, to be squared; 0: added as they are */
};

#define TILE 4096

static void add_tile(void *ctx, long tile)
{
	const struct adding *a = ctx;
	int64_t at = (int64_t)tile * TILE, end = a->nr - at < TILE ? a->nr : at + TILE;

	if (!a->rows)
		for (int64_t i = at; i < end; i++)
			a->to[i] += a->from[i];
	for (int64_t r = 0; r < a->rows; r++)
		for (int64_t i = at; i < end; i++) {
			double x = a->from[r * a->nr + i];

			a->to[i] += x * x;
		}
}

static void add_all(struct adding *a)
{
	threads_run((long)((a->nr + TILE - 1) / TILE), add_tile, a);
}

static int take_squares(struct pass *p, int i, int64_t positions)
{
	struct calib_input *in = &p->c->input[i];
	struct adding a = { p->host, in->squares, in->width, positions };
	int ret = tensor_read(p->x[i], p->host, positions * in->width * sizeof(float));

	if (!ret)
		add_all(&a);
	return ret;
}

static int take_products(struct pass *p, int i)
{
	struct calib_input *in = &p->c->input[i];
	struct adding a = { p->host, in->products, in->width * in->width, 0 };
	int ret = tensor_read(p->xx[i], p->host, in->width * in->width * sizeof(float));

	if (!ret)
		add_all(&a);
	return ret;
}

static int run_once(struct pass *p, const struct loader *l, uint64_t first, int rows)
{
	int64_t positions = (int64_t)rows * l->length;
	int ret = feed_fill(p->feed, l, first, rows);

	if (!ret)
		ret = plan_set_extent(p->plan, p->in.batch_extent, rows);
	if (!ret)
		ret = plan_set_extent(p->plan, p->in.time_extent, l->length);
	if (!ret)
		ret = plan_run(p->plan);
	for (int i = 0; i < p->c->nr_inputs && !ret; i++)
		ret = p->xx[i] ? take_products(p, i) : take_squares(p, i, positions);
	p->c->positions += positions;
	return ret;
}

static int run_all(struct pass *p, const struct calib_text *text, const char *what)
{
	struct loader l;
	int ret = loader_init(&l, text->data, DATA_TRAIN, text->length, true, text->seed);
	bool shown;

	if (ret)
		return ret;
	if (l.windows < (uint64_t)text->sequences)
		return fail(-EINVAL, "%s: has %llu sequences of %d tokens, not the %d that "
			    "PRUNE_SEQUENCES asks for", dataset_dir(text->data),
			    (unsigned long long)l.windows, text->length, text->sequences);
	shown = progress_begin(what, text->sequences);
	for (int at = 0; at < text->sequences && !ret; at += p->rows) {
		int rows = text->sequences - at < p->rows ? text->sequences - at : p->rows;

		ret = run_once(p, &l, at, rows);
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
		return fail(-EINVAL, "PRUNE_LENGTH=%d: the context of the model is %d",
			    text->length, m->spec.context);
	p.rows = text->length < PASS ? PASS / text->length : 1;
	p.rows = p.rows < text->sequences ? p.rows : text->sequences;
	c->input = calloc(nr + 1, sizeof(*c->input));
	c->of = calloc(nr + 1, sizeof(*c->of));
	p.x = calloc(nr + 1, sizeof(*p.x));
	p.xx = calloc(nr + 1, sizeof(*p.xx));
	ret = c->input && c->of && p.x && p.xx ? 0 : fail_nomem(nr * sizeof(*p.x), "inputs");
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
	free(p.xx);
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

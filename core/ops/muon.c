// SPDX-License-Identifier: MIT
#include "ops/muon.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"

static const struct op muon, muon_shadow;

struct tensor *op_muon(struct graph *g, struct tensor *w, struct tensor *buf, struct tensor *grad,
		       struct tensor *clip, struct tensor *hyper, struct tensor *mask,
		       struct tensor *shadow, const struct muon_attr *attr)
{
	struct tensor *in[MOMENTUM_NR_IN] = { w, buf, grad, clip, hyper, mask, shadow };

	return momentum_step(g, "muon", &muon, &muon_shadow, attr, in);
}

double muon_scale(const struct muon_attr *a, int64_t rows, int64_t columns)
{
	double r = (double)rows, c = (double)columns;

	return a->match_rms ? 0.2 * sqrt(fmax(r, c)) : sqrt(fmax(1, r / c));
}

static int muon_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	const struct layout *w = &in[MOMENTUM_W];
	char text[SHAPE_TEXT];

	if (w->nd != 2)
		return fail(-EINVAL, "muon: w is %s: must be a matrix", layout_text(w, text));
	return momentum_infer("muon", in, nr_in, out);
}

static void muon_cost(const void *attr, const struct layout *in, const struct layout *out,
		      struct cost *cost)
{
	double r = (double)in[MOMENTUM_W].n[0], c = (double)in[MOMENTUM_W].n[1];
	double small = fmin(r, c);

	cost->flops = 12 * r * c + MUON_STEPS * (4 * small * r * c + 2 * small * small * small);
	cost->bytes = momentum_bytes(in, out) + rule_bytes(&in[MOMENTUM_MASK], 1) +
		      MUON_STEPS * 3 * rule_bytes(in, 1);
}

static void muon_shadow_cost(const void *attr, const struct layout *in, const struct layout *out,
			     struct cost *cost)
{
	muon_cost(attr, in, out, cost);
	cost->bytes += rule_bytes(&out[2], 1);
}

/*
 * A step multiplies small singular values, and whatever error lies there, by MUON_A.  So a
 * rounding error of X, whose elements are about 1 / sqrt(r c) at first, grows by up to
 * MUON_A^MUON_STEPS, and elements become about 1 / sqrt(max(r, c)).  K is the square of the
 * ratio, on top of the length of the sums.
 */
static int64_t muon_reduce(const void *attr, const struct layout *in, const struct layout *out)
{
	double growth = pow(MUON_A, 2 * MUON_STEPS);
	int64_t r = in[MOMENTUM_W].n[0], c = in[MOMENTUM_W].n[1];

	return (r > c ? r : c) + (int64_t)(growth / (double)(r < c ? r : c));
}

/* ---- oracle -------------------------------------------------------------------------- */

struct wide {
	int64_t r, c;		/* r <= c */
	double *x, *next;	/* (r, c) */
	double *gram, *poly;	/* (r, r) */
};

static void newton_schulz(struct wide *m)
{
	double *swap = m->x;

	for (int64_t i = 0; i < m->r * m->r; i++) {
		m->gram[i] = 0;
		for (int64_t k = 0; k < m->c; k++)
			m->gram[i] += m->x[i / m->r * m->c + k] * m->x[i % m->r * m->c + k];
	}
	for (int64_t i = 0; i < m->r * m->r; i++) {
		m->poly[i] = MUON_B * m->gram[i];
		for (int64_t k = 0; k < m->r; k++)
			m->poly[i] += MUON_C * m->gram[i / m->r * m->r + k] *
				      m->gram[k * m->r + i % m->r];
	}
	for (int64_t i = 0; i < m->r * m->c; i++) {
		m->next[i] = MUON_A * m->x[i];
		for (int64_t k = 0; k < m->r; k++)
			m->next[i] += m->poly[i / m->c * m->r + k] * m->x[k * m->c + i % m->c];
	}
	m->x = m->next;
	m->next = swap;
}

/* Where element @i of the matrix lies in the wide one. */
static int64_t wide_at(const struct wide *m, const struct layout *w, int64_t i)
{
	return w->n[0] > w->n[1] ? i % w->n[1] * m->c + i / w->n[1] : i;
}

/* The momentum becomes output 1, the matrix to orthogonalize goes to @m. */
static void oracle_momentum(const struct oracle_call *c, struct wide *m)
{
	const double *mask = c->nr_in > MOMENTUM_MASK ? c->in[MOMENTUM_MASK] : NULL;
	const struct muon_attr *a = c->attr;
	int64_t count = layout_count(&c->out_layout[0]);
	double norm = 0;

	for (int64_t i = 0; i < count; i++) {
		double g = c->in[MOMENTUM_GRAD][i] * c->in[MOMENTUM_CLIP][0], u;
		double buf = a->momentum * c->in[MOMENTUM_BUF][i] + (1 - a->momentum) * g;

		u = a->nesterov ? (1 - a->momentum) * g + a->momentum * buf : buf;
		if (mask && !mask[i])
			u = buf = 0;
		c->out[1][i] = buf;
		m->x[wide_at(m, &c->out_layout[0], i)] = u;
		norm += u * u;
	}
	for (int64_t i = 0; i < count; i++)
		m->x[i] /= fmax(sqrt(norm), MUON_EPS);
}

static void oracle_update(const struct oracle_call *c, const struct wide *m)
{
	const double *mask = c->nr_in > MOMENTUM_MASK ? c->in[MOMENTUM_MASK] : NULL;
	const struct layout *w = &c->out_layout[0];
	const struct muon_attr *a = c->attr;
	double lr = c->in[MOMENTUM_HYPER][MOMENTUM_LR];
	double step = lr * muon_scale(a, w->n[0], w->n[1]);

	for (int64_t i = 0; i < layout_count(w); i++) {
		c->out[0][i] = mask && !mask[i] ? 0 : c->in[MOMENTUM_W][i] *
			       (1 - lr * a->weight_decay) - step * m->x[wide_at(m, w, i)];
		if (c->nr_out > 2)
			c->out[2][i] = c->out[0][i];
	}
}

static int muon_oracle(const struct oracle_call *c)
{
	int64_t rows = c->out_layout[0].n[0], columns = c->out_layout[0].n[1];
	struct wide m = {
		.r = rows < columns ? rows : columns, .c = rows < columns ? columns : rows,
	};
	double *memory = calloc(2 * (m.r * m.c + m.r * m.r), sizeof(*memory));

	if (!memory)
		return fail_nomem(rows * columns, "the oracle of muon");
	m.x = memory;
	m.next = m.x + m.r * m.c;
	m.gram = m.next + m.r * m.c;
	m.poly = m.gram + m.r * m.r;
	oracle_momentum(c, &m);
	for (int step = 0; step < MUON_STEPS; step++)
		newton_schulz(&m);
	oracle_update(c, &m);
	free(memory);
	return 0;
}

/* ---- tables -------------------------------------------------------------------------- */

static const struct muon_attr usual = { 0.95, 0.1, true, false },
			      heavy_ball = { 0.9, 0, false, true };

#define ZERO(...) CASE_FILL(DT_F32, FILL_ZERO, __VA_ARGS__)

static const struct op_case muon_cases[] = {
	{ "one", &usual, 5, { MOMENTUM_CASE(2, 1, 1) } },
	{ "wide", &usual, 5, { MOMENTUM_CASE(2, 7, 33) } },
	{ "tall", &heavy_ball, 5, { MOMENTUM_CASE(2, 33, 7) } },
	{ "tall, original scale", &usual, 5, { MOMENTUM_CASE(2, 40, 9) } },
	{ "row", &heavy_ball, 5, { MOMENTUM_CASE(2, 1, 1031) } },
	{ "no gradient", &usual, 5,
	  { CASE_F32(2, 5, 9), ZERO(2, 5, 9), ZERO(2, 5, 9), CASE_FILL(DT_F32, FILL_POSITIVE, 0),
	    CASE_FILL(DT_F32, FILL_POSITIVE, 1, MOMENTUM_NR_HYPER) } },
	{ "mask", &usual, 6,
	  { MOMENTUM_CASE(2, 31, 37), MOMENTUM_MASK_CASE(DT_F32, 2, 31, 37) } },
	{ "tiles", &usual, 5, { MOMENTUM_CASE(2, 131, 307) } },
	{ NULL },
};

static const struct op_case muon_shadow_cases[] = {
	{ "one", &usual, 7,
	  { MOMENTUM_CASE(2, 1, 1), CASE_ABSENT, MOMENTUM_SHADOW_CASE(2, 1, 1) } },
	{ "mask of bytes", &heavy_ball, 7,
	  { MOMENTUM_CASE(2, 67, 30), MOMENTUM_MASK_CASE(DT_U8, 2, 67, 30),
	    MOMENTUM_SHADOW_CASE(2, 67, 30) } },
	{ NULL },
};

static const struct op_case muon_timed[] = {
	{ "fc-6x384", &usual, 5, { MOMENTUM_CASE(2, 1536, 384) } },
	{ NULL },
};

static const struct op muon = {
	.name = "muon",
	.summary = "one step of Muon on a matrix, in place",
	.attr_size = sizeof(struct muon_attr),
	MOMENTUM_PLAIN,
	.infer = muon_infer,
	.cost = muon_cost,
	.reduce = muon_reduce,
	.oracle = OP_TEST(muon_oracle),
	.cases = OP_TEST(muon_cases),
	.timed = OP_TEST(muon_timed),
};
OP_REGISTER(muon);

static const struct op muon_shadow = {
	.name = "muon_shadow",
	.summary = "one step of Muon that renews a bf16 copy of the weights, in place",
	.attr_size = sizeof(struct muon_attr),
	MOMENTUM_WITH_SHADOW,
	.infer = muon_infer,
	.cost = muon_shadow_cost,
	.reduce = muon_reduce,
	.oracle = OP_TEST(muon_oracle),
	.cases = OP_TEST(muon_shadow_cases),
};
OP_REGISTER(muon_shadow);

// SPDX-License-Identifier: MIT
#include "ops/linear-cross-entropy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/rng.h"
#include "ops/fill-like.h"
#include "ops/rules.h"

enum { X, W, TARGETS, LOSS_SCALE, PREV, FLAG, KEY, NR_IN };
enum { LOSS, DX, DW, NR_OUT };

static const struct op linear_cross_entropy, linear_cross_entropy_eval;

/* Two nodes that overwrite one gradient would lose one of them. */
static int check_first(const struct graph *g, const struct tensor *w)
{
	for (int i = 0; i < g->nr_nodes; i++)
		if (g->nodes[i]->op == &linear_cross_entropy && g->nodes[i]->in[W] == w &&
		    g->nodes[i]->in[PREV])
			return fail(-EINVAL, "linear_cross_entropy: '%s' has another loss, '%s', "
				    "that accumulates its gradient", w->name, g->nodes[i]->name);
	return 0;
}

static struct tensor *build(struct graph *g, struct tensor *const in[NR_IN], float softcap,
			    bool squares)
{
	struct linear_cross_entropy_attr attr = {
		.softcap = softcap, .sampled = in[KEY], .squares = squares,
	};
	int ret = in[PREV] ? check_first(g, in[W]) : 0;

	return ret ? graph_fail(g, ret) : graph_op(g, &linear_cross_entropy, &attr, in, NR_IN);
}

static struct tensor *slot_of(const struct tensor *w)
{
	return w && w->kind == TENSOR_PARAM ? w->grad : NULL;
}

struct tensor *op_linear_cross_entropy(struct graph *g, struct tensor *x, struct tensor *w,
				       struct tensor *targets, struct tensor *loss_scale,
				       struct tensor *flag, struct tensor *key, float softcap)
{
	struct tensor *in[NR_IN] = { x, w, targets, loss_scale, slot_of(w), flag, key };

	return build(g, in, softcap, false);
}

struct tensor *op_linear_cross_entropy_squares(struct graph *g, struct tensor *x,
					       struct tensor *w, struct tensor *targets,
					       struct tensor *loss_scale, struct tensor *flag,
					       struct tensor *key, float softcap)
{
	struct tensor *in[NR_IN] = { x, w, targets, loss_scale, slot_of(w), flag, key };

	return build(g, in, softcap, true);
}

struct tensor *op_linear_cross_entropy_eval(struct graph *g, struct tensor *x, struct tensor *w,
					    struct tensor *targets, float softcap)
{
	struct linear_cross_entropy_attr attr = { .softcap = softcap };
	struct tensor *in[3] = { x, w, targets };

	return graph_op(g, &linear_cross_entropy_eval, &attr, in, 3);
}

/* One f32 for each row. */
static struct layout losses_of(const struct layout *x)
{
	struct layout rows = rule_without_last(x);

	return layout_like(&rows, DT_F32);
}

/* ---- shapes ---------------------------------------------------------------------- */

static int check_rows(const char *op, const struct linear_cross_entropy_attr *a,
		      const struct layout *in)
{
	char text[SHAPE_TEXT], other[SHAPE_TEXT];
	struct layout rows;
	int ret = rule_real(op, "x", &in[X]);

	if (!ret)
		ret = rule_real(op, "w", &in[W]);
	if (!ret)
		ret = rule_rows(op, "x", &in[X]);
	if (ret)
		return ret;
	if (in[W].nd != 2 || in[W].n[1] != layout_last(&in[X]))
		return fail(-EINVAL, "%s: x is %s and w %s: must be (..., C) and (V, C)", op,
			    layout_text(&in[X], text), layout_text(&in[W], other));
	rows = rule_without_last(&in[X]);
	if (in[TARGETS].dtype != DT_I32 || !layout_same_shape(&in[TARGETS], &rows))
		return fail(-EINVAL, "%s: targets is %s: must be i32, one for each row of x, %s",
			    op, layout_text(&in[TARGETS], text), layout_text(&in[X], other));
	if (!(a->softcap >= 0))
		return fail(-EINVAL, "%s: softcap %g: must be 0 (off) or above", op, a->softcap);
	return 0;
}

static int check_key(const struct linear_cross_entropy_attr *a, const struct layout *key)
{
	char text[SHAPE_TEXT];

	if (a->sampled != (key->nd >= 0))
		return fail(-EINVAL, "linear_cross_entropy: a key is needed for sampled labels, "
			    "and only for them");
	if (key->nd >= 0 && (key->dtype != DT_I64 || key->nd != 1 || key->n[0] != 2))
		return fail(-EINVAL, "linear_cross_entropy: key is %s: must be i64 (2), seed and "
			    "step", layout_text(key, text));
	return 0;
}

static int train_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	const struct linear_cross_entropy_attr *a = attr;
	int ret = check_rows("linear_cross_entropy", a, in);

	if (!ret)
		ret = rule_scalar("linear_cross_entropy", "loss_scale", &in[LOSS_SCALE]);
	if (!ret)
		ret = check_key(a, rule_input(in, nr_in, KEY));
	if (!ret)
		ret = accumulate_rule("linear_cross_entropy", rule_input(in, nr_in, PREV),
				      rule_input(in, nr_in, FLAG), a->accumulate.always_add,
				      &in[W]);
	out[LOSS] = losses_of(&in[X]);
	out[DX] = layout_like(&in[X], in[X].dtype);
	out[DW] = layout_like(&in[W], DT_F32);
	return ret;
}

static int eval_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	const struct linear_cross_entropy_attr *a = attr;

	if (a->sampled || a->squares || a->accumulate.always_add)
		return fail(-EINVAL, "linear_cross_entropy_eval: labels are given and nothing is "
			    "accumulated");
	out[LOSS] = losses_of(&in[X]);
	return check_rows("linear_cross_entropy_eval", a, in);
}

/* ---- gradient ---------------------------------------------------------------------- */

/* Is @dout what graph_backward() starts from? */
static bool is_root(const struct tensor *dout)
{
	const struct node *n = dout->producer;
	const struct fill_like_attr *a;

	if (!n || strcmp(n->op->name, "fill_like"))
		return false;
	a = n->attr;
	return a->value == 1;
}

/* dW is in w->grad when the node has run: tell those that add to it afterwards. */
static int claim_slot(struct backward *b, struct node *n)
{
	struct tensor *prev, *flag;

	backward_slot(b, n->in[W], &prev, &flag);
	if (flag != n->in[FLAG])
		return fail(-EINVAL, "%s: built with another accumulate flag than "
			    "graph_backward() has", n->name);
	backward_slot_done(b, n->in[W], n->out[DW]);
	return 0;
}

static int train_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	int ret = 0;

	if (!dout[LOSS] || dout[DX] || dout[DW] || !is_root(dout[LOSS]))
		return fail(-EINVAL, "%s: its loss must itself be what graph_backward() is asked "
			    "for; put factors into the loss scale", n->name);
	backward_add(b, n->in[X], n->out[DX]);
	if (!backward_needs(b, n->in[W]))
		return 0;
	backward_record(b, n->in[W], n->in[X], NULL, n);
	if (n->in[PREV])
		ret = claim_slot(b, n);
	else
		backward_add(b, n->in[W], n->out[DW]);
	return ret;
}

/* ---- cost ------------------------------------------------------------------------- */

static void train_cost(const void *attr, const struct layout *in, const struct layout *out,
		       struct cost *cost)
{
	cost->flops = 6.0 * layout_rows(&in[X]) * layout_count(&in[W]);
	cost->bytes = rule_bytes(in, 3) + rule_bytes(out, 3);
}

static void eval_cost(const void *attr, const struct layout *in, const struct layout *out,
		      struct cost *cost)
{
	cost->flops = 2.0 * layout_rows(&in[X]) * layout_count(&in[W]);
	cost->bytes = rule_bytes(in, 3) + rule_bytes(out, 1);
}

/* C for logits, V for the softmax and dx, all rows for dW. */
static int64_t longest_sum(const void *attr, const struct layout *in, const struct layout *out)
{
	int64_t k = in[W].n[0] > in[W].n[1] ? in[W].n[0] : in[W].n[1];

	return layout_rows(&in[X]) > k ? layout_rows(&in[X]) : k;
}

/* ---- oracle ------------------------------------------------------------------------- */

/* Label of a row with probabilities @p: as given, or drawn by inverse CDF. */
static int64_t oracle_label(const struct oracle_call *c, const double *p, int64_t row, int64_t v)
{
	const struct linear_cross_entropy_attr *a = c->attr;
	struct rng r;
	double u, sum = 0;

	if (c->in[TARGETS][row] < 0 || !a->sampled)
		return (int64_t)c->in[TARGETS][row];
	r = rng_stream((uint64_t)(int64_t)c->in[KEY][0], "labels",
		       (uint64_t)(int64_t)c->in[KEY][1]);
	u = rng_uniform(&r, row);
	for (int64_t i = 0; i < v; i++) {
		sum += p[i];
		if (sum > u)
			return i;
	}
	return v - 1;
}

/* Loss of one row; @p gets the softmax, @slope d(capped logit) / d(logit). */
static double oracle_row(const struct oracle_call *c, int64_t row, double *p, double *slope,
			 int64_t *label)
{
	const struct linear_cross_entropy_attr *a = c->attr;
	int64_t v = c->in_layout[W].n[0], n = c->in_layout[W].n[1];
	double max = -INFINITY, sum = 0, lse;

	for (int64_t i = 0; i < v; i++) {
		double z = 0, t;

		for (int64_t k = 0; k < n; k++)
			z += c->in[X][row * n + k] * c->in[W][i * n + k];
		t = a->softcap > 0 ? tanh(z / a->softcap) : 0;
		slope[i] = 1 - t * t;
		p[i] = a->softcap > 0 ? a->softcap * t : z;
		max = fmax(max, p[i]);
	}
	for (int64_t i = 0; i < v; i++)
		sum += exp(p[i] - max);
	lse = max + log(sum);
	for (int64_t i = 0; i < v; i++)
		p[i] = exp(p[i] - lse);
	*label = oracle_label(c, p, row, v);
	return *label < 0 ? 0 : -log(p[*label]);
}

/* Add what one row contributes to dx and dW. */
static void oracle_gradients(const struct oracle_call *c, int64_t row, const double *p,
			     const double *slope, int64_t label)
{
	const struct linear_cross_entropy_attr *a = c->attr;
	int64_t v = c->in_layout[W].n[0], n = c->in_layout[W].n[1];

	for (int64_t k = 0; k < n; k++)
		c->out[DX][row * n + k] = 0;
	for (int64_t i = 0; i < v && label >= 0; i++) {
		double dz = c->in[LOSS_SCALE][0] * (p[i] - (i == label)) * slope[i];

		for (int64_t k = 0; k < n; k++) {
			c->out[DX][row * n + k] += dz * c->in[W][i * n + k];
			c->out[DW][i * n + k] += a->squares ? pow(dz * c->in[X][row * n + k], 2)
							    : dz * c->in[X][row * n + k];
		}
	}
}

static int run_oracle(const struct oracle_call *c, bool train)
{
	const struct linear_cross_entropy_attr *a = c->attr;
	int64_t v = c->in_layout[W].n[0], label;
	double *p = calloc(2 * v, sizeof(*p));
	int ret = 0;

	if (!p)
		return fail_nomem(2 * v * sizeof(*p), "an oracle");
	for (int64_t i = 0; i < layout_count(&c->in_layout[W]) && train; i++)
		c->out[DW][i] = accumulate_base(c->in[PREV], c->in[FLAG],
						a->accumulate.always_add, i);
	for (int64_t row = 0; row < layout_rows(&c->in_layout[X]) && !ret; row++) {
		if (c->in[TARGETS][row] < -1 || c->in[TARGETS][row] >= v) {
			ret = fail(-EINVAL, "target %.0f of %lld", c->in[TARGETS][row],
				   (long long)v);
			break;
		}
		c->out[LOSS][row] = oracle_row(c, row, p, p + v, &label);
		if (train)
			oracle_gradients(c, row, p, p + v, label);
	}
	free(p);
	return ret;
}

static int train_oracle(const struct oracle_call *c)
{
	return run_oracle(c, true);
}

static int eval_oracle(const struct oracle_call *c)
{
	return run_oracle(c, false);
}

/* ---- tests -------------------------------------------------------------------------- */

static const struct linear_cross_entropy_attr plain = { .softcap = 0 },
	capped = { .softcap = 1.5f }, sampled = { .sampled = true },
	capped_sampled = { .softcap = 3, .sampled = true },
	always = { .accumulate = { .always_add = true } }, squares = { .squares = true },
	capped_sampled_squares = { .softcap = 3, .sampled = true, .squares = true };

/* Targets of @count dimensions with extents @mask. */
#define LABELS_LIKE(how, limit_, mask, count, ...)				\
	{ .dtype = DT_I32, .nd = (count), .n = { __VA_ARGS__ },			\
	  .fill = (how), .limit = (limit_), .extent_dims = (mask) }
#define LABELS(...) LABELS_LIKE(FILL_TARGETS, __VA_ARGS__)
#define SCALE CASE_FILL(DT_F32, FILL_POSITIVE, 0)
#define FLAG_OF(how) CASE_FILL(DT_I32, how, 0)
#define KEY_INPUT CASE_FILL(DT_I64, FILL_RNG, 1, 2)
#define NO_GRAD CASE_ABSENT, CASE_ABSENT
#define NO_KEY CASE_ABSENT

static const struct op_case train_cases[] = {
	{ "one", &plain, 7,
	  { CASE_DIFF(1, 1), CASE_DIFF(2, 1, 1), LABELS(1, 0, 0), SCALE, NO_GRAD, NO_KEY } },
	{ "one row", &plain, 7,
	  { CASE_DIFF(2, 1, 7), CASE_DIFF(2, 11, 7), LABELS(11, 0, 1, 1), SCALE, NO_GRAD,
	    NO_KEY } },
	{ "odd", &plain, 7,
	  { CASE_DIFF_EXT(3, 3, 3, 5, 7), CASE_DIFF(2, 11, 7), LABELS(11, 3, 2, 3, 5), SCALE,
	    NO_GRAD, NO_KEY } },
	{ "softcap", &capped, 7,
	  { CASE_DIFF_EXT(3, 3, 3, 5, 7), CASE_DIFF(2, 11, 7), LABELS(11, 3, 2, 3, 5), SCALE,
	    NO_GRAD, NO_KEY } },
	{ "sampled", &sampled, 7,
	  { CASE_DIFF_EXT(3, 3, 3, 5, 7), CASE_DIFF(2, 11, 7), LABELS(11, 3, 2, 3, 5), SCALE,
	    NO_GRAD, KEY_INPUT } },
	{ "add", &plain, 7,
	  { CASE_EXT(1, 2, 15, 7), CASE_F32(2, 11, 7), LABELS(11, 1, 1, 15), SCALE,
	    CASE_F32(2, 11, 7), FLAG_OF(FILL_ONE), NO_KEY } },
	{ "overwrite", &plain, 7,
	  { CASE_EXT(1, 2, 15, 7), CASE_F32(2, 11, 7), LABELS(11, 1, 1, 15), SCALE,
	    CASE_F32(2, 11, 7), FLAG_OF(FILL_ZERO), NO_KEY } },
	{ "always", &always, 7,
	  { CASE_EXT(1, 2, 15, 7), CASE_F32(2, 11, 7), LABELS(11, 1, 1, 15), SCALE,
	    CASE_F32(2, 11, 7), CASE_ABSENT, NO_KEY } },
	{ "chunks", &plain, 7,
	  { CASE_EXT(1, 2, 2053, 5), CASE_F32(2, 23, 5), LABELS(23, 1, 1, 2053), SCALE, NO_GRAD,
	    NO_KEY } },
	{ "sampled wide", &capped_sampled, 7,
	  { CASE_EXT(1, 2, 67, 9), CASE_F32(2, 1031, 9), LABELS(1031, 1, 1, 67), SCALE,
	    CASE_F32(2, 1031, 9), FLAG_OF(FILL_ONE), KEY_INPUT } },
	{ "squares", &squares, 7,
	  { CASE_EXT(3, 3, 3, 5, 7), CASE_F32(2, 11, 7), LABELS(11, 3, 2, 3, 5), SCALE,
	    NO_GRAD, NO_KEY } },
	{ "squares in chunks", &squares, 7,
	  { CASE_EXT(1, 2, 2053, 5), CASE_F32(2, 23, 5), LABELS(23, 1, 1, 2053), SCALE,
	    CASE_F32(2, 23, 5), FLAG_OF(FILL_ONE), NO_KEY } },
	{ "squares sampled", &capped_sampled_squares, 7,
	  { CASE_EXT(1, 2, 67, 9), CASE_F32(2, 1031, 9), LABELS(1031, 1, 1, 67), SCALE, NO_GRAD,
	    KEY_INPUT } },
	{ "few", &sampled, 7,
	  { CASE_EXT(1, 2, 15, 7), CASE_F32(2, 11, 7), LABELS_LIKE(FILL_FEW_TARGETS, 11, 1, 1, 15),
	    SCALE, CASE_F32(2, 11, 7), FLAG_OF(FILL_ZERO), KEY_INPUT } },
	{ "few squares", &squares, 7,
	  { CASE_EXT(1, 2, 15, 7), CASE_F32(2, 11, 7), LABELS_LIKE(FILL_FEW_TARGETS, 11, 1, 1, 15),
	    SCALE, CASE_F32(2, 11, 7), FLAG_OF(FILL_ONE), NO_KEY } },
	{ "ignored", &plain, 7,
	  { CASE_EXT(1, 2, 15, 7), CASE_F32(2, 11, 7), LABELS_LIKE(FILL_IGNORED, 11, 1, 1, 15),
	    SCALE, CASE_F32(2, 11, 7), FLAG_OF(FILL_ZERO), NO_KEY } },
	{ "ignored, add", &plain, 7,
	  { CASE_EXT(1, 2, 15, 7), CASE_F32(2, 11, 7), LABELS_LIKE(FILL_IGNORED, 11, 1, 1, 15),
	    SCALE, CASE_F32(2, 11, 7), FLAG_OF(FILL_ONE), NO_KEY } },
	{ "tiles", &plain, 7,
	  { CASE_EXT(1, 2, 35, 37), CASE_F32(2, 1303, 37), LABELS(1303, 1, 1, 35), SCALE, NO_GRAD,
	    NO_KEY } },
	{ NULL },
};

/* Heads of 6 x 384 and of 124M. */
static const struct op_case linear_cross_entropy_timed[] = {
	{ "head-6x384", &plain, 7,
	  { CASE_F32(2, 4096, 384), CASE_F32(2, 257, 384), LABELS(257, 0, 1, 4096), SCALE, NO_GRAD,
	    NO_KEY } },
	{ "head-124M", &plain, 7,
	  { CASE_F32(2, 256, 768), CASE_F32(2, 50257, 768), LABELS(50257, 0, 1, 256), SCALE,
	    NO_GRAD, NO_KEY } },
	{ NULL },
};

static const struct op linear_cross_entropy = {
	.name = "linear_cross_entropy",
	.summary = "unembedding, cross entropy and their gradients in one",
	.attr_size = sizeof(struct linear_cross_entropy_attr),
	.flags = OP_LOSS | OP_RANDOM | OP_ROUNDS,
	.compute_in = 1 << X | 1 << W,
	.nr_in = NR_IN,
	.nr_out = NR_OUT,
	.optional_in = 1 << PREV | 1 << FLAG | 1 << KEY,
	.inplace = { [DX] = X + 1 },
	.updates = { [DW] = PREV + 1 },
	.infer = train_infer,
	.grad = train_backward,
	.cost = train_cost,
	.reduce = longest_sum,
	.oracle = OP_TEST(train_oracle),
	.cases = OP_TEST(train_cases),
	.timed = OP_TEST(linear_cross_entropy_timed),
};
OP_REGISTER(linear_cross_entropy);

static const struct op_case eval_cases[] = {
	{ "one", &plain, 3, { CASE_F32(1, 1), CASE_F32(2, 1, 1), LABELS(1, 0, 0) } },
	{ "odd", &plain, 3,
	  { CASE_EXT(3, 3, 3, 5, 7), CASE_F32(2, 11, 7), LABELS(11, 3, 2, 3, 5) } },
	{ "softcap", &capped, 3,
	  { CASE_EXT(3, 3, 3, 5, 7), CASE_F32(2, 11, 7), LABELS(11, 3, 2, 3, 5) } },
	{ "few", &plain, 3,
	  { CASE_EXT(1, 2, 15, 7), CASE_F32(2, 11, 7),
	    LABELS_LIKE(FILL_FEW_TARGETS, 11, 1, 1, 15) } },
	{ "ignored", &plain, 3,
	  { CASE_EXT(1, 2, 15, 7), CASE_F32(2, 11, 7), LABELS_LIKE(FILL_IGNORED, 11, 1, 1, 15) } },
	{ "chunks", &plain, 3,
	  { CASE_EXT(1, 2, 2053, 5), CASE_F32(2, 23, 5), LABELS(23, 1, 1, 2053) } },
	{ "tiles", &capped, 3,
	  { CASE_EXT(1, 2, 35, 37), CASE_F32(2, 1303, 37), LABELS(1303, 1, 1, 35) } },
	{ NULL },
};

static const struct op linear_cross_entropy_eval = {
	.name = "linear_cross_entropy_eval",
	.summary = "unembedding and cross entropy of each row",
	.attr_size = sizeof(struct linear_cross_entropy_attr),
	.nr_in = 3,
	.nr_out = 1,
	.compute_in = 1 << X | 1 << W,
	.infer = eval_infer,
	.cost = eval_cost,
	.reduce = longest_sum,
	.oracle = OP_TEST(eval_oracle),
	.cases = OP_TEST(eval_cases),
};
OP_REGISTER(linear_cross_entropy_eval);

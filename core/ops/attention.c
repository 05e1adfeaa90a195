// SPDX-License-Identifier: MIT
#include "ops/attention.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "ops/rules.h"

static const struct op attention, attention_grad, attention_grad_packed;

struct tensor *op_attention(struct graph *g, struct tensor *q, struct tensor *k,
			    struct tensor *v, const struct attention_mask *mask,
			    const struct attention_attr *attr)
{
	struct tensor *in[ATTENTION_NR_IN] = {
		[ATTENTION_Q] = q,
		[ATTENTION_K] = k,
		[ATTENTION_V] = v,
		[ATTENTION_DOC_START] = mask ? mask->doc_start : NULL,
		[ATTENTION_KV_LENGTH] = mask ? mask->kv_length : NULL,
		[ATTENTION_POSITIONS] = mask ? mask->positions : NULL,
	};

	return graph_op(g, &attention, attr, in, ATTENTION_NR_IN);
}

struct tensor *op_attention_lse(struct tensor *o)
{
	return o ? o->producer->out[ATTENTION_LSE] : NULL;
}

/* ---- shapes --------------------------------------------------------------------- */

static int check_attr(const char *op, const struct attention_attr *a)
{
	if (!(a->scale >= 0) || !isfinite(a->scale))
		return fail(-EINVAL, "%s: scale %g: must be positive, or 0 for 1/sqrt(D)", op,
			    a->scale);
	if (a->window < 0)
		return fail(-EINVAL, "%s: window %d: must be positive, or 0 for none", op,
			    a->window);
	if (!(a->softcap >= 0) || !isfinite(a->softcap))
		return fail(-EINVAL, "%s: softcap %g: must be positive, or 0 for none", op,
			    a->softcap);
	return 0;
}

static int check_four(const char *op, const char *what, const struct layout *l, bool f16)
{
	char text[SHAPE_TEXT];

	if (l->nd != 4 || (l->dtype != DT_F32 && l->dtype != DT_BF16 &&
			   !(f16 && l->dtype == DT_F16)))
		return fail(-EINVAL, "%s: %s is %s: must be f32 or bf16%s with four dimensions",
			    op, what, layout_text(l, text), f16 ? " or f16" : "");
	return 0;
}

/* @f16: k and v may be of that type, as caches are. */
static int check_qkv(const char *op, const struct layout *q, const struct layout *k,
		     const struct layout *v, bool f16)
{
	char text[SHAPE_TEXT], want[SHAPE_TEXT];
	int ret = check_four(op, "q", q, false);

	if (!ret)
		ret = check_four(op, "k", k, f16);
	if (!ret)
		ret = check_four(op, "v", v, f16);
	if (ret)
		return ret;
	if (k->n[0] != q->n[0] || q->n[2] % k->n[2] || k->n[3] != q->n[3])
		return fail(-EINVAL, "%s: k is %s and q %s: must agree in batch and width, and "
			    "the heads of q be a multiple of those of k", op,
			    layout_text(k, text), layout_text(q, want));
	if (v->n[0] != k->n[0] || v->n[1] != k->n[1] || v->n[2] != k->n[2])
		return fail(-EINVAL, "%s: v is %s and k %s: must agree in all but the width", op,
			    layout_text(v, text), layout_text(k, want));
	return 0;
}

static int check_mask(const char *op, const struct layout *doc_start,
		      const struct layout *kv_length, const struct layout *q)
{
	char text[SHAPE_TEXT], want[SHAPE_TEXT];

	if (doc_start->nd >= 0 && (doc_start->dtype != DT_I32 || doc_start->nd != 2 ||
				   doc_start->n[0] != q->n[0] || doc_start->n[1] != q->n[1]))
		return fail(-EINVAL, "%s: doc_start is %s: must be i32 (B, T) of q, %s", op,
			    layout_text(doc_start, text), layout_text(q, want));
	if (kv_length->nd >= 0 && (kv_length->dtype != DT_I32 || kv_length->nd != 1 ||
				   kv_length->n[0] != q->n[0]))
		return fail(-EINVAL, "%s: kv_length is %s: must be i32 (%lld)", op,
			    layout_text(kv_length, text), (long long)q->n[0]);
	return 0;
}

static int check_rope(const char *op, const struct attention_attr *a,
		      const struct layout *positions, const struct layout *q,
		      const struct layout *k)
{
	char text[SHAPE_TEXT], want[SHAPE_TEXT];

	if (!a->rope.base && positions->nd < 0)
		return 0;
	if (positions->nd != 2 || positions->dtype != DT_I32 || positions->n[0] != q->n[0] ||
	    positions->n[1] != q->n[1] || k->n[1] != q->n[1])
		return fail(-EINVAL, "%s: rope with positions %s, q %s and %lld keys: positions "
			    "must be i32 (B, T), and T that of q and of k", op,
			    positions->nd < 0 ? "missing" : layout_text(positions, text),
			    layout_text(q, want), (long long)k->n[1]);
	return rope_check(op, &a->rope, q->n[3]);
}

/* The inputs that both ops have, at the same places. */
static int check_common(const char *op, const struct attention_attr *a, const struct layout *in,
			bool f16)
{
	const struct layout *q = &in[ATTENTION_Q], *k = &in[ATTENTION_K];
	int ret = check_qkv(op, q, k, &in[ATTENTION_V], f16);

	if (!ret)
		ret = check_mask(op, &in[ATTENTION_DOC_START], &in[ATTENTION_KV_LENGTH], q);
	if (!ret)
		ret = check_attr(op, a);
	if (!ret)
		ret = check_rope(op, a, &in[ATTENTION_POSITIONS], q, k);
	return ret;
}

static struct layout lse_layout(const struct layout *q)
{
	return layout_make(DT_F32, 3, (int64_t[]){ q->n[0], q->n[2], q->n[1] });
}

static int attention_infer(const void *attr, const struct layout *in, int nr_in,
			   struct layout *out)
{
	const struct layout *q = &in[ATTENTION_Q], *v = &in[ATTENTION_V];
	const struct attention_attr *a = attr;
	int ret = check_common("attention", a, in, !a->rope.base);

	if (ret)
		return ret;
	out[ATTENTION_O] = layout_make(q->dtype, 4, (int64_t[]){ q->n[0], q->n[1], q->n[2],
								 v->n[3] });
	out[ATTENTION_LSE] = lse_layout(q);
	return 0;
}

/* The inputs of attention_grad and attention_grad_packed. */
static int check_grad(const char *op, const struct attention_attr *a, const struct layout *in)
{
	const struct layout *q = &in[ATTENTION_GRAD_Q], *v = &in[ATTENTION_GRAD_V];
	struct layout o, lse;
	int ret = check_common(op, a, in, false);

	if (ret)
		return ret;
	o = layout_make(q->dtype, 4, (int64_t[]){ q->n[0], q->n[1], q->n[2], v->n[3] });
	lse = lse_layout(q);
	ret = rule_twin(op, "o", &in[ATTENTION_GRAD_O], "softmax(q k) v", &o);
	if (!ret)
		ret = rule_twin(op, "do", &in[ATTENTION_GRAD_DO], "o", &o);
	if (!ret)
		ret = rule_like(op, "lse", &in[ATTENTION_GRAD_LSE], "(B, H, T)", &lse);
	return ret;
}

static int attention_grad_infer(const void *attr, const struct layout *in, int nr_in,
				struct layout *out)
{
	for (int i = 0; i < 3; i++)
		out[i] = layout_like(&in[i], in[i].dtype);
	return check_grad("attention_grad", attr, in);
}

/* Elements of a token, all heads together. */
static int64_t token_width(const struct layout *l)
{
	return l->n[2] * l->n[3];
}

static int attention_grad_packed_infer(const void *attr, const struct layout *in, int nr_in,
				       struct layout *out)
{
	const struct layout *q = &in[ATTENTION_GRAD_Q], *k = &in[ATTENTION_GRAD_K];
	const struct layout *v = &in[ATTENTION_GRAD_V];
	char text[SHAPE_TEXT], want[SHAPE_TEXT];
	int ret = check_grad("attention_grad_packed", attr, in);

	if (ret)
		return ret;
	if (k->n[1] != q->n[1] || k->dtype != q->dtype || v->dtype != q->dtype)
		return fail(-EINVAL, "attention_grad_packed: k is %s and q %s: must agree in "
			    "length and type, as v must", layout_text(k, text),
			    layout_text(q, want));
	out[0] = layout_make(q->dtype, 3, (int64_t[]){
		q->n[0], q->n[1], token_width(q) + token_width(k) + token_width(v) });
	return 0;
}

/* ---- gradient rule and cost ------------------------------------------------------- */

/* What a chain of views looks at; NULL if somebody wants the gradient of one of them. */
static struct tensor *viewed(struct tensor *t)
{
	while (t->producer && t->producer->op->flags & OP_VIEW) {
		if (t->wants_grad)
			return NULL;
		t = t->producer->in[0];
	}
	return t;
}

/* The contiguous (B, T, W) whose W elements are those of q, k and v in this order, or NULL. */
static struct tensor *packed_tensor(struct tensor *const *qkv)
{
	struct tensor *t = viewed(qkv[ATTENTION_Q]);
	const struct layout *l = t ? &t->max : NULL;
	int64_t at = 0;

	if (!l || l->nd != 3 || !layout_contiguous(l))
		return NULL;
	for (int i = ATTENTION_Q; i <= ATTENTION_V; i++) {
		const struct layout *part = &qkv[i]->max;

		if (viewed(qkv[i]) != t || part->offset != l->offset + at ||
		    part->n[0] != l->n[0] || part->n[1] != l->n[1] ||
		    part->stride[0] != l->stride[0] || part->stride[1] != l->stride[1] ||
		    part->stride[2] != part->n[3] || part->stride[3] != 1)
			return NULL;
		at += token_width(part);
	}
	return at == l->n[2] ? t : NULL;
}

static int attention_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	struct tensor *in[ATTENTION_GRAD_NR_IN] = {
		[ATTENTION_GRAD_Q] = n->in[ATTENTION_Q],
		[ATTENTION_GRAD_K] = n->in[ATTENTION_K],
		[ATTENTION_GRAD_V] = n->in[ATTENTION_V],
		[ATTENTION_GRAD_DOC_START] = n->in[ATTENTION_DOC_START],
		[ATTENTION_GRAD_KV_LENGTH] = n->in[ATTENTION_KV_LENGTH],
		[ATTENTION_GRAD_POSITIONS] = n->in[ATTENTION_POSITIONS],
		[ATTENTION_GRAD_O] = n->out[ATTENTION_O],
		[ATTENTION_GRAD_LSE] = n->out[ATTENTION_LSE],
		[ATTENTION_GRAD_DO] = dout[ATTENTION_O],
	};
	struct tensor *packed = packed_tensor(n->in);
	struct node *grad;

	if (dout[ATTENTION_LSE])
		return fail(-EOPNOTSUPP, "%s: attention's lse is not differentiable", n->name);
	if (packed) {
		backward_add(b, packed, graph_op(backward_graph(b), &attention_grad_packed,
						 n->attr, in, ATTENTION_GRAD_NR_IN));
		return 0;
	}
	grad = graph_node(backward_graph(b), &attention_grad, n->attr, in, ATTENTION_GRAD_NR_IN);
	if (!grad)
		return 0;	/* the graph keeps the error */
	backward_add(b, n->in[ATTENTION_Q], grad->out[ATTENTION_DQ]);
	backward_add(b, n->in[ATTENTION_K], grad->out[ATTENTION_DK]);
	backward_add(b, n->in[ATTENTION_V], grad->out[ATTENTION_DV]);
	return 0;
}

/* Pairs of a query and a key that it sees, documents and lengths left aside. */
static double count_pairs(const struct attention_attr *a, const struct layout *q,
			  const struct layout *k)
{
	double pairs = 0;

	for (int64_t i = 0; i < q->n[1]; i++) {
		int64_t p = i + k->n[1] - q->n[1];
		int64_t last = a->causal && p < k->n[1] - 1 ? p : k->n[1] - 1;
		int64_t first = a->window && p - a->window + 1 > 0 ? p - a->window + 1 : 0;

		pairs += last >= first ? last - first + 1 : 0;
	}
	return pairs * q->n[0] * q->n[2];
}

/* Flops of turning q and k. */
static double rope_flops(const struct attention_attr *a, const struct layout *q,
			 const struct layout *k)
{
	return a->rope.base ? 3.0 * (layout_count(q) + layout_count(k)) : 0;
}

static void attention_cost(const void *attr, const struct layout *in, const struct layout *out,
			   struct cost *cost)
{
	const struct layout *q = &in[ATTENTION_Q], *v = &in[ATTENTION_V];

	cost->flops = 2.0 * count_pairs(attr, q, &in[ATTENTION_K]) * (q->n[3] + v->n[3]) +
		      rope_flops(attr, q, &in[ATTENTION_K]);
	cost->bytes = rule_bytes(in, ATTENTION_NR_IN) + rule_bytes(out, 2);
}

/* Scores and the gradient of weights are products of length D and Dv, outputs of length T. */
static int64_t attention_reduce(const void *attr, const struct layout *in,
				const struct layout *out)
{
	return in[ATTENTION_Q].n[3] + in[ATTENTION_V].n[3] + in[ATTENTION_K].n[1];
}

static void attention_grad_cost(const void *attr, const struct layout *in,
				const struct layout *out, struct cost *cost)
{
	const struct layout *q = &in[ATTENTION_GRAD_Q], *v = &in[ATTENTION_GRAD_V];

	/* Three products of width D (s, dq, dk) and two of width Dv (dp, dv). */
	cost->flops = 2.0 * count_pairs(attr, q, &in[ATTENTION_GRAD_K]) *
		      (3 * q->n[3] + 2 * v->n[3]) +
		      2 * rope_flops(attr, q, &in[ATTENTION_GRAD_K]);
	/* Gradients are as large as their tensors. */
	cost->bytes = rule_bytes(in, ATTENTION_GRAD_NR_IN) + rule_bytes(in, 3);
}

static int64_t attention_grad_reduce(const void *attr, const struct layout *in,
				     const struct layout *out)
{
	const struct layout *q = &in[ATTENTION_GRAD_Q], *k = &in[ATTENTION_GRAD_K];
	int64_t group = q->n[1] * (q->n[2] / k->n[2]);

	return q->n[3] + in[ATTENTION_GRAD_V].n[3] + (group > k->n[1] ? group : k->n[1]);
}

/* ---- oracles ------------------------------------------------------------------------ */

/* One head of one sequence, as plain matrices with a row stride. */
struct head {
	const struct attention_attr *a;
	const double *doc_start;	/* (Tq) or NULL */
	const double *q, *k, *v;
	int64_t q_row, k_row, v_row;
	int64_t tq, length, d, dv;
	double scale;
};

static struct head oracle_head(const struct oracle_call *c, int64_t b, int64_t h)
{
	const struct attention_attr *a = c->attr;
	const int64_t *q = c->in_layout[0].n, *k = c->in_layout[1].n, *v = c->in_layout[2].n;
	const double *doc_start = c->in[ATTENTION_DOC_START];
	const double *kv_length = c->in[ATTENTION_KV_LENGTH];
	int64_t kv = h / (q[2] / k[2]);

	return (struct head){
		.a = a,
		.doc_start = doc_start ? doc_start + b * q[1] : NULL,
		.q = c->in[0] + (b * q[1] * q[2] + h) * q[3],
		.k = c->in[1] + (b * k[1] * k[2] + kv) * k[3],
		.v = c->in[2] + (b * v[1] * v[2] + kv) * v[3],
		.q_row = q[2] * q[3],
		.k_row = k[2] * k[3],
		.v_row = v[2] * v[3],
		.tq = q[1],
		.length = kv_length ? (int64_t)kv_length[b] : k[1],
		.d = q[3],
		.dv = v[3],
		.scale = a->scale ? (double)a->scale : 1 / sqrt((double)q[3]),
	};
}

static bool sees(const struct head *h, int64_t i, int64_t j)
{
	int64_t position = i + h->length - h->tq;

	if (h->a->causal && j > position)
		return false;
	if (h->a->window && position - j >= h->a->window)
		return false;
	return !h->doc_start || j >= h->doc_start[i];
}

/* s_ij, and in @slope its derivative with respect to scale q_i . k_j. */
static double score(const struct head *h, int64_t i, int64_t j, double *slope)
{
	double s = 0, cap = h->a->softcap;

	for (int64_t e = 0; e < h->d; e++)
		s += h->q[i * h->q_row + e] * h->k[j * h->k_row + e];
	s *= h->scale;
	*slope = 1;
	if (cap > 0) {
		*slope = 1 / (cosh(s / cap) * cosh(s / cap));
		s = cap * tanh(s / cap);
	}
	return s;
}

static double oracle_row(const struct head *h, int64_t i, double *o)
{
	double max = -INFINITY, sum = 0, slope;

	for (int64_t e = 0; e < h->dv; e++)
		o[e] = 0;
	for (int64_t j = 0; j < h->length; j++)
		if (sees(h, i, j))
			max = fmax(max, score(h, i, j, &slope));
	if (max == -INFINITY)
		return -INFINITY;
	for (int64_t j = 0; j < h->length; j++) {
		double w = sees(h, i, j) ? exp(score(h, i, j, &slope) - max) : 0;

		sum += w;
		for (int64_t e = 0; e < h->dv && w; e++)
			o[e] += w * h->v[j * h->v_row + e];
	}
	for (int64_t e = 0; e < h->dv; e++)
		o[e] /= sum;
	return max + log(sum);
}

static int check_lengths(const char *op, const struct oracle_call *c)
{
	const double *kv_length = c->in[ATTENTION_KV_LENGTH];

	for (int64_t b = 0; kv_length && b < c->in_layout[1].n[0]; b++)
		if (kv_length[b] < 0 || kv_length[b] > c->in_layout[1].n[1])
			return fail(-EINVAL, "%s: sequence %lld: kv_length %g is outside of 0 to "
				    "%lld", op, (long long)b, kv_length[b],
				    (long long)c->in_layout[1].n[1]);
	return 0;
}

/* All heads of q or k, each at its token's position; tokens are @row apart. */
static void turn_heads(const struct rope_attr *a, const struct layout *l, const double *positions,
		       double *x, int64_t row)
{
	for (int64_t t = 0; t < l->n[0] * l->n[1]; t++)
		for (int64_t h = 0; h < l->n[2]; h++)
			rope_oracle_turn(a, positions[t], l->n[3], x + t * row + h * l->n[3],
					 x + t * row + h * l->n[3]);
}

/* In @turned the call with q and k turned, in memory that turned_free() frees. */
static int turned_make(const struct oracle_call *c, struct oracle_call *turned)
{
	const struct attention_attr *a = c->attr;

	*turned = *c;
	for (int i = ATTENTION_Q; i <= ATTENTION_K && a->rope.base; i++) {
		const struct layout *l = &c->in_layout[i];
		double *x = malloc(layout_count(l) * sizeof(*x));

		if (!x)
			return fail_nomem(layout_count(l) * sizeof(*x), "an oracle");
		memcpy(x, c->in[i], layout_count(l) * sizeof(*x));
		turn_heads(&a->rope, l, c->in[ATTENTION_POSITIONS], x, token_width(l));
		turned->in[i] = x;
	}
	return 0;
}

static void turned_free(const struct oracle_call *c, struct oracle_call *turned)
{
	for (int i = ATTENTION_Q; i <= ATTENTION_K; i++)
		if (turned->in[i] != c->in[i])
			free((void *)turned->in[i]);
}

static void oracle_heads(const struct oracle_call *c)
{
	const int64_t *n = c->out_layout[ATTENTION_O].n;

	for (int64_t b = 0; b < n[0]; b++) {
		for (int64_t h = 0; h < n[2]; h++) {
			struct head head = oracle_head(c, b, h);

			for (int64_t i = 0; i < n[1]; i++)
				c->out[ATTENTION_LSE][(b * n[2] + h) * n[1] + i] =
					oracle_row(&head, i, c->out[ATTENTION_O] +
						   ((b * n[1] + i) * n[2] + h) * n[3]);
		}
	}
}

static int attention_oracle(const struct oracle_call *c)
{
	struct oracle_call turned;
	int ret = check_lengths("attention", c);

	if (ret)
		return ret;
	ret = turned_make(c, &turned);
	if (!ret)
		oracle_heads(&turned);
	turned_free(c, &turned);
	return ret;
}

static double dot(const double *a, const double *b, int64_t n)
{
	double sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* Where a head's gradients go; row strides as in struct head. */
struct head_grad {
	double *q, *k, *v;
	int64_t q_row, k_row, v_row;
};

/* What query @i of a head adds to the gradients. */
static void oracle_grad_row(const struct head *h, int64_t i, double lse, const double *o,
			    const double *grad, const struct head_grad *to)
{
	double delta = dot(grad, o, h->dv), *dq = to->q + i * to->q_row;

	for (int64_t j = 0; j < h->length; j++) {
		double slope, w, ds;

		if (!sees(h, i, j))
			continue;
		w = exp(score(h, i, j, &slope) - lse);
		ds = w * (dot(grad, h->v + j * h->v_row, h->dv) - delta) * slope * h->scale;
		for (int64_t e = 0; e < h->dv; e++)
			to->v[j * to->v_row + e] += w * grad[e];
		for (int64_t e = 0; e < h->d; e++) {
			dq[e] += ds * h->k[j * h->k_row + e];
			to->k[j * to->k_row + e] += ds * h->q[i * h->q_row + e];
		}
	}
}

/* dq, dk or dv: from one token to the next are @row elements. */
struct grads {
	double *at;
	int64_t row;
};

static struct grads oracle_grads(const struct oracle_call *c, int i)
{
	double *at = c->out[0];

	if (c->nr_out > 1)
		return (struct grads){ c->out[i], token_width(&c->out_layout[i]) };
	for (int before = 0; before < i; before++)
		at += token_width(&c->in_layout[before]);
	return (struct grads){ at, c->out_layout[0].n[2] };
}

/* Head @h of sequence @b. */
static double *grads_of(const struct grads *g, const struct layout *l, int64_t b, int64_t h)
{
	return g->at + b * l->n[1] * g->row + h * l->n[3];
}

static void oracle_grad_head(const struct oracle_call *c, int64_t b, int64_t h)
{
	const struct layout *l = c->in_layout;
	const int64_t *n = l[ATTENTION_GRAD_O].n;
	struct grads q = oracle_grads(c, 0), k = oracle_grads(c, 1), v = oracle_grads(c, 2);
	int64_t kv = h / (l[ATTENTION_GRAD_Q].n[2] / l[ATTENTION_GRAD_K].n[2]);
	struct head head = oracle_head(c, b, h);
	const struct head_grad to = {
		grads_of(&q, &l[0], b, h), grads_of(&k, &l[1], b, kv), grads_of(&v, &l[2], b, kv),
		q.row, k.row, v.row,
	};

	for (int64_t i = 0; i < n[1]; i++) {
		int64_t row = (b * n[1] + i) * n[2] + h;

		oracle_grad_row(&head, i, c->in[ATTENTION_GRAD_LSE][(b * n[2] + h) * n[1] + i],
				c->in[ATTENTION_GRAD_O] + row * n[3],
				c->in[ATTENTION_GRAD_DO] + row * n[3], &to);
	}
}

static void turn_back(const struct oracle_call *c)
{
	struct rope_attr rope = ((const struct attention_attr *)c->attr)->rope;

	rope.inverse = !rope.inverse;
	for (int i = ATTENTION_Q; i <= ATTENTION_K && rope.base; i++) {
		struct grads g = oracle_grads(c, i);

		turn_heads(&rope, &c->in_layout[i], c->in[ATTENTION_POSITIONS], g.at, g.row);
	}
}

/* Of both ops: whether there are three outputs or one. */
static int attention_grad_oracle(const struct oracle_call *c)
{
	const int64_t *n = c->in_layout[ATTENTION_GRAD_O].n;
	struct oracle_call turned;
	int ret = check_lengths("attention_grad", c);

	if (ret)
		return ret;
	for (int o = 0; o < c->nr_out; o++)
		for (int64_t i = 0; i < layout_count(&c->out_layout[o]); i++)
			c->out[o][i] = 0;
	ret = turned_make(c, &turned);
	for (int64_t b = 0; b < n[0] && !ret; b++)
		for (int64_t h = 0; h < n[2]; h++)
			oracle_grad_head(&turned, b, h);
	turned_free(c, &turned);
	if (!ret)
		turn_back(c);
	return ret;
}

/* ---- cases -------------------------------------------------------------------------- */

static const struct attention_attr plain = { 0 }, causal = { .causal = true },
	window = { .causal = true, .window = 5 }, around = { .window = 40, .scale = 0.3f },
	capped = { .causal = true, .softcap = 2, .scale = 0.7f },
	everything = { .causal = true, .window = 33, .softcap = 5 },
	halves = { .causal = true, .rope = { .base = 10000 } },
	adjacent = { .causal = true, .rope = { .base = 100, .adjacent = true } },
	partial = { .window = 9, .softcap = 3, .rope = { .base = 500, .rotary_dims = 6 } },
	llama3 = { .causal = true, .rope = { .base = 100, .scaling = {
		ROPE_LLAMA3, .factor = 8, .low = 1, .high = 4, .original = 50 } } };

#define DOCS(mask, ...) { .dtype = DT_I32, .nd = 2, .n = { __VA_ARGS__ },		\
			  .fill = FILL_DOC_START, .extent_dims = (mask) }
#define LENGTHS(max, ...) { .dtype = DT_I32, .nd = 1, .n = { __VA_ARGS__ },		\
			    .fill = FILL_LENGTHS, .limit = (max) }
#define BF16(...) { .dtype = DT_BF16, .nd = 4, .n = { __VA_ARGS__ }, .fill = FILL_NORMAL }
#define F16(...) { .dtype = DT_F16, .nd = 4, .n = { __VA_ARGS__ }, .fill = FILL_NORMAL }
#define NO_MASK CASE_ABSENT, CASE_ABSENT
#define POSITIONS(mask, ...) { .dtype = DT_I32, .nd = 2, .n = { __VA_ARGS__ },	\
			       .fill = FILL_POSITIONS, .extent_dims = (mask) }
#define FAR(...) { .dtype = DT_I32, .nd = 2, .n = { __VA_ARGS__ }, .fill = FILL_IDS,	\
		   .limit = 1000 }

static const struct op_case attention_cases[] = {
	{ "one", &plain, 5, { CASE_DIFF(4, 1, 1, 1, 1), CASE_DIFF(4, 1, 1, 1, 1),
			      CASE_DIFF(4, 1, 1, 1, 1), NO_MASK } },
	{ "odd", &plain, 5, { CASE_DIFF_EXT(3, 4, 2, 5, 3, 7), CASE_DIFF_EXT(3, 4, 2, 5, 3, 7),
			      CASE_DIFF_EXT(3, 4, 2, 5, 3, 7), NO_MASK } },
	{ "causal", &causal, 5,
	  { CASE_DIFF_EXT(3, 4, 2, 9, 2, 4), CASE_DIFF_EXT(3, 4, 2, 9, 2, 4),
	    CASE_DIFF_EXT(3, 4, 2, 9, 2, 4), NO_MASK } },
	{ "lower right", &causal, 5,
	  { CASE_DIFF(4, 2, 3, 2, 4), CASE_DIFF(4, 2, 8, 2, 4), CASE_DIFF(4, 2, 8, 2, 4),
	    NO_MASK } },
	{ "rows without keys", &causal, 5,
	  { CASE_DIFF(4, 1, 9, 1, 4), CASE_DIFF(4, 1, 4, 1, 4), CASE_DIFF(4, 1, 4, 1, 4),
	    NO_MASK } },
	{ "grouped, wide v", &causal, 5,
	  { CASE_DIFF(4, 2, 6, 6, 3), CASE_DIFF(4, 2, 6, 2, 3), CASE_DIFF(4, 2, 6, 2, 5),
	    NO_MASK } },
	{ "window", &window, 5,
	  { CASE_DIFF(4, 2, 17, 2, 4), CASE_DIFF(4, 2, 17, 1, 4), CASE_DIFF(4, 2, 17, 1, 4),
	    NO_MASK } },
	{ "softcap", &capped, 5,
	  { CASE_DIFF(4, 2, 9, 2, 4), CASE_DIFF(4, 2, 9, 2, 4), CASE_DIFF(4, 2, 9, 2, 4),
	    NO_MASK } },
	{ "documents", &causal, 5,
	  { CASE_DIFF_EXT(3, 4, 3, 13, 2, 4), CASE_DIFF_EXT(3, 4, 3, 13, 2, 4),
	    CASE_DIFF_EXT(3, 4, 3, 13, 2, 4), DOCS(3, 3, 13), CASE_ABSENT } },
	{ "lengths", &causal, 5,
	  { CASE_DIFF(4, 4, 3, 2, 4), CASE_DIFF(4, 4, 11, 2, 4), CASE_DIFF(4, 4, 11, 2, 4),
	    CASE_ABSENT, LENGTHS(11, 4) } },
	{ "decode", &causal, 5,
	  { CASE_F32(4, 3, 1, 8, 32), CASE_F32(4, 3, 300, 2, 32), CASE_F32(4, 3, 300, 2, 32),
	    CASE_ABSENT, LENGTHS(300, 3) } },
	{ "bf16 cache", &causal, 5,
	  { CASE_F32(4, 2, 5, 4, 16), BF16(2, 140, 2, 16), BF16(2, 140, 2, 24),
	    CASE_ABSENT, LENGTHS(140, 2) } },
	{ "f16 cache", &everything, 5,
	  { CASE_F32(4, 2, 5, 4, 16), F16(2, 140, 2, 16), F16(2, 140, 2, 24),
	    CASE_ABSENT, LENGTHS(140, 2) } },
	{ "decode, f16 cache", &causal, 5,
	  { CASE_F32(4, 3, 1, 6, 64), F16(3, 300, 2, 64), F16(3, 300, 2, 32),
	    CASE_ABSENT, LENGTHS(300, 3) } },
	{ "decode, window", &everything, 5,
	  { CASE_F32(4, 2, 1, 5, 16), BF16(2, 300, 1, 16), BF16(2, 300, 1, 48),
	    CASE_ABSENT, LENGTHS(300, 2) } },
	{ "decode, documents", &causal, 5,
	  { CASE_F32(4, 2, 1, 16, 32), CASE_F32(4, 2, 19, 2, 32), CASE_F32(4, 2, 19, 2, 32),
	    DOCS(0, 2, 1), CASE_ABSENT } },
	{ "tiles", &causal, 5,
	  { CASE_EXT(2, 4, 1, 150, 2, 32), CASE_EXT(2, 4, 1, 150, 2, 32),
	    CASE_EXT(2, 4, 1, 150, 2, 32), NO_MASK } },
	{ "tiles around", &around, 5,
	  { CASE_F32(4, 1, 130, 2, 20), CASE_F32(4, 1, 141, 1, 20), CASE_F32(4, 1, 141, 1, 37),
	    NO_MASK } },
	{ "rope", &halves, ATTENTION_NR_IN,
	  { CASE_DIFF_EXT(3, 4, 2, 5, 4, 6), CASE_DIFF_EXT(3, 4, 2, 5, 2, 6),
	    CASE_DIFF_EXT(3, 4, 2, 5, 2, 3), NO_MASK, POSITIONS(3, 2, 5) } },
	{ "rope, adjacent", &adjacent, ATTENTION_NR_IN,
	  { CASE_DIFF(4, 2, 5, 2, 6), CASE_DIFF(4, 2, 5, 2, 6), CASE_DIFF(4, 2, 5, 2, 6),
	    NO_MASK, FAR(2, 5) } },
	{ "rope, partial", &partial, ATTENTION_NR_IN,
	  { CASE_DIFF(4, 2, 11, 2, 9), CASE_DIFF(4, 2, 11, 1, 9), CASE_DIFF(4, 2, 11, 1, 9),
	    NO_MASK, FAR(2, 11) } },
	{ "rope, llama3", &llama3, ATTENTION_NR_IN,
	  { CASE_DIFF(4, 2, 5, 4, 8), CASE_DIFF(4, 2, 5, 2, 8), CASE_DIFF(4, 2, 5, 2, 8),
	    NO_MASK, FAR(2, 5) } },
	{ "rope, tiles", &halves, ATTENTION_NR_IN,
	  { CASE_EXT(2, 4, 1, 150, 4, 32), CASE_EXT(2, 4, 1, 150, 2, 32),
	    CASE_EXT(2, 4, 1, 150, 2, 32), NO_MASK, POSITIONS(2, 1, 150) } },
	{ "tiles, all at once", &everything, 5,
	  { CASE_F32(4, 2, 130, 2, 16), CASE_F32(4, 2, 130, 1, 16), CASE_F32(4, 2, 130, 1, 16),
	    DOCS(0, 2, 130), LENGTHS(130, 2) } },
	{ .name = NULL },
};

/* q, k, v; masks, positions; o, lse, do */
#define GRAD_QKV(b, tq, tk, h, kv, d, dv)							\
	CASE_F32(4, b, tq, h, d), CASE_F32(4, b, tk, kv, d), CASE_F32(4, b, tk, kv, dv)
#define GRAD_O(b, tq, h, dv)									\
	CASE_F32(4, b, tq, h, dv), CASE_FILL(DT_F32, FILL_POSITIVE, 3, b, h, tq),		\
	CASE_F32(4, b, tq, h, dv)
#define GRAD_CASE(name, attr, doc_start, kv_length, b, tq, tk, h, kv, d, dv)			\
	{ name, attr, ATTENTION_GRAD_NR_IN,							\
	  { GRAD_QKV(b, tq, tk, h, kv, d, dv), doc_start, kv_length, CASE_ABSENT,		\
	    GRAD_O(b, tq, h, dv) } }
#define ROPE_CASE(name, attr, positions, b, t, h, kv, d, dv)					\
	{ name, attr, ATTENTION_GRAD_NR_IN,							\
	  { GRAD_QKV(b, t, t, h, kv, d, dv), NO_MASK, positions, GRAD_O(b, t, h, dv) } }
#define ROPE_CASES										\
	ROPE_CASE("rope", &halves, POSITIONS(0, 2, 9), 2, 9, 4, 2, 6, 3),			\
	ROPE_CASE("rope, adjacent", &adjacent, FAR(2, 9), 2, 9, 2, 2, 6, 6),			\
	ROPE_CASE("rope, partial", &partial, FAR(2, 70), 2, 70, 2, 1, 9, 9),			\
	ROPE_CASE("rope, llama3", &llama3, FAR(2, 9), 2, 9, 4, 2, 8, 3),			\
	ROPE_CASE("rope, many heads", &halves, POSITIONS(0, 4, 130), 4, 130, 16, 8, 16, 16)
static const struct op_case attention_grad_cases[] = {
	GRAD_CASE("one", &plain, CASE_ABSENT, CASE_ABSENT, 1, 1, 1, 1, 1, 1, 1),
	GRAD_CASE("odd", &plain, CASE_ABSENT, CASE_ABSENT, 2, 5, 7, 3, 3, 7, 9),
	GRAD_CASE("causal", &causal, CASE_ABSENT, CASE_ABSENT, 2, 9, 9, 2, 2, 4, 4),
	GRAD_CASE("rows without keys", &causal, CASE_ABSENT, CASE_ABSENT, 1, 9, 4, 2, 1, 4, 4),
	GRAD_CASE("capped", &capped, CASE_ABSENT, CASE_ABSENT, 2, 9, 9, 2, 2, 4, 4),
	GRAD_CASE("tiles", &causal, CASE_ABSENT, CASE_ABSENT, 1, 150, 150, 2, 2, 16, 16),
	GRAD_CASE("tiles, many heads", &causal, CASE_ABSENT, CASE_ABSENT, 2, 70, 70, 8, 8, 5, 5),
	GRAD_CASE("tiles, grouped", &window, CASE_ABSENT, CASE_ABSENT, 2, 70, 75, 16, 8, 4, 8),
	GRAD_CASE("tiles around", &around, CASE_ABSENT, CASE_ABSENT, 1, 130, 141, 2, 1, 12, 17),
	GRAD_CASE("tiles, all at once", &everything, DOCS(0, 2, 130), LENGTHS(130, 2), 2, 130,
		  130, 2, 1, 8, 8),
	ROPE_CASES,
	{ "extents", &causal, ATTENTION_GRAD_NR_IN,
	  { CASE_EXT(3, 4, 2, 9, 2, 4), CASE_EXT(3, 4, 2, 9, 2, 4), CASE_EXT(3, 4, 2, 9, 2, 4),
	    NO_MASK, CASE_ABSENT, CASE_EXT(3, 4, 2, 9, 2, 4),
	    { .dtype = DT_F32, .nd = 3, .n = { 2, 2, 9 }, .fill = FILL_POSITIVE,
	      .extent_dims = 5 },
	    CASE_EXT(3, 4, 2, 9, 2, 4) } },
	{ .name = NULL },
};

static const struct op_case attention_grad_packed_cases[] = {
	GRAD_CASE("one", &plain, CASE_ABSENT, CASE_ABSENT, 1, 1, 1, 1, 1, 1, 1),
	GRAD_CASE("odd", &plain, CASE_ABSENT, CASE_ABSENT, 2, 5, 5, 3, 3, 7, 9),
	GRAD_CASE("grouped", &capped, CASE_ABSENT, CASE_ABSENT, 2, 9, 9, 6, 2, 4, 3),
	GRAD_CASE("tiles", &causal, CASE_ABSENT, CASE_ABSENT, 1, 150, 150, 2, 2, 16, 16),
	GRAD_CASE("tiles, all at once", &everything, DOCS(0, 2, 130), LENGTHS(130, 2), 2, 130,
		  130, 16, 8, 8, 16),
	ROPE_CASES,
	{ .name = NULL },
};

/* The attention of a GPT-2 of 6 x 384 and of 124M. */
#define TIMED(nr, t, h) CASE_F32(4, nr, t, h, 64)
static const struct op_case attention_timed[] = {
	{ "B16-T256", &causal, 5,
	  { TIMED(16, 256, 6), TIMED(16, 256, 6), TIMED(16, 256, 6), NO_MASK } },
	{ "B1-T1024", &causal, 5,
	  { TIMED(1, 1024, 12), TIMED(1, 1024, 12), TIMED(1, 1024, 12), NO_MASK } },
	{ "B16-T256-rope", &halves, 6,
	  { TIMED(16, 256, 6), TIMED(16, 256, 6), TIMED(16, 256, 6), NO_MASK,
	    POSITIONS(0, 16, 256) } },
	{ "decode-1024", &causal, 5,
	  { CASE_F32(4, 1, 1, 9, 64), F16(1, 1024, 3, 64), F16(1, 1024, 3, 64), NO_MASK } },
	{ "prefill-512", &causal, 5,
	  { CASE_F32(4, 1, 512, 9, 64), F16(1, 512, 3, 64), F16(1, 512, 3, 64), NO_MASK } },
	{ .name = NULL },
};

static const struct op_case attention_grad_timed[] = {
	GRAD_CASE("B16-T256", &causal, CASE_ABSENT, CASE_ABSENT, 16, 256, 256, 6, 6, 64, 64),
	GRAD_CASE("B1-T1024", &causal, CASE_ABSENT, CASE_ABSENT, 1, 1024, 1024, 12, 12, 64, 64),
	ROPE_CASE("B16-T256-rope", &halves, POSITIONS(0, 16, 256), 16, 256, 6, 6, 64, 64),
	{ .name = NULL },
};

static const struct op attention = {
	.name = "attention",
	.summary = "softmax(q k^T) v with grouped heads, causal, window, softcap, documents, cache",
	.attr_size = sizeof(struct attention_attr),
	.nr_in = ATTENTION_NR_IN,
	.nr_out = 2,
	.flags = OP_ROUNDS,
	.strided_in = 7,
	.compute_in = 7,
	.optional_in = 1 << ATTENTION_DOC_START | 1 << ATTENTION_KV_LENGTH |
		       1 << ATTENTION_POSITIONS,
	.infer = attention_infer,
	.grad = attention_backward,
	.cost = attention_cost,
	.reduce = attention_reduce,
	.oracle = OP_TEST(attention_oracle),
	.cases = OP_TEST(attention_cases),
	.timed = OP_TEST(attention_timed),
};
OP_REGISTER(attention);

static const struct op attention_grad = {
	.name = "attention_grad",
	.summary = "gradient of attention from its output and lse",
	.attr_size = sizeof(struct attention_attr),
	.nr_in = ATTENTION_GRAD_NR_IN,
	.nr_out = 3,
	.flags = OP_ROUNDS,
	.strided_in = 7,
	.compute_in = 7 | 1 << ATTENTION_GRAD_O | 1 << ATTENTION_GRAD_DO,
	.optional_in = 1 << ATTENTION_GRAD_DOC_START | 1 << ATTENTION_GRAD_KV_LENGTH |
		       1 << ATTENTION_GRAD_POSITIONS,
	.infer = attention_grad_infer,
	.cost = attention_grad_cost,
	.reduce = attention_grad_reduce,
	.oracle = OP_TEST(attention_grad_oracle),
	.cases = OP_TEST(attention_grad_cases),
	.timed = OP_TEST(attention_grad_timed),
};
OP_REGISTER(attention_grad);

static const struct op attention_grad_packed = {
	.name = "attention_grad_packed",
	.summary = "attention_grad with dq, dk and dv side by side in one tensor",
	.attr_size = sizeof(struct attention_attr),
	.nr_in = ATTENTION_GRAD_NR_IN,
	.nr_out = 1,
	.flags = OP_ROUNDS,
	.strided_in = 7,
	.compute_in = 7 | 1 << ATTENTION_GRAD_O | 1 << ATTENTION_GRAD_DO,
	.optional_in = 1 << ATTENTION_GRAD_DOC_START | 1 << ATTENTION_GRAD_KV_LENGTH |
		       1 << ATTENTION_GRAD_POSITIONS,
	.infer = attention_grad_packed_infer,
	.cost = attention_grad_cost,
	.reduce = attention_grad_reduce,
	.oracle = OP_TEST(attention_grad_oracle),
	.cases = OP_TEST(attention_grad_packed_cases),
	.timed = OP_TEST(attention_grad_timed),
};
OP_REGISTER(attention_grad_packed);

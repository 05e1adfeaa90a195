/* SPDX-License-Identifier: MIT */
#ifndef OPS_ATTENTION_H
#define OPS_ATTENTION_H

#include <stdbool.h>

#include "ops/rope.h"
#include "tensor/graph.h"

/**
 * struct attention_attr - how scores become weights and which keys a query may see.
 * @scale: factor of q k^T; 0: 1 / sqrt(D)
 * @causal: key j only if j <= p, p the query's position
 * @window: key j only if p - j < window; 0: no limit
 * @softcap: scores s become cap tanh(s / cap) before the mask; 0: they do not
 * @rope: q and k are turned to their positions first, as op_rope() does; base 0: they are not
 */
struct attention_attr {
	float scale;
	bool causal;
	int window;
	float softcap;
	struct rope_attr rope;
};

/** struct attention_mask - optional integer inputs; members may be NULL. */
struct attention_mask {
	struct tensor *doc_start;	/* i32 (B, Tq): key j only if j >= doc_start[b, i] */
	struct tensor *kv_length;	/* i32 (B): key j only if j < kv_length[b], <= Tk */
	struct tensor *positions;	/* i32 (B, T), Tq = Tk: of q and of k, with attr->rope */
};

/**
 * op_attention() - softmax(scale q k^T) v over the keys that a query may see.
 * @q: (B, Tq, H, D), f32 or bf16
 * @k: (B, Tk, Hkv, D), @v: (B, Tk, Hkv, Dv), f32, bf16 or, without rope, f16; H a multiple
 *	of Hkv: head h reads head h / (H / Hkv) of k and v
 * @mask: may be NULL
 * All three may be strided views.
 *
 * Alignment is lower right: with L keys (Tk, or kv_length of the sequence), query i has
 * position p = i + L - Tq, so that the last query sees the last key.  So a key cache of
 * capacity Tk, a prefill in chunks and a single new token are all the same op.
 * A query that may see no key gives o = 0 and lse = -Inf.
 *
 * With @attr->rope the result is that of op_rope() on q and k before, to the last bit where
 * the type is f32, without the memory and the passes over it.
 *
 *	s_ij = scale q_i . k_j,  lse_i = log sum_j exp(s_ij),  o_i = sum_j exp(s_ij - lse_i) v_j
 *
 * Sources: Vaswani et al. 2017, section 3.2.1; Ainslie et al. 2023 (GQA); Beltagy et al.
 * 2020 (window); Gemma 2 report, section 2 (softcap); computed in blocks as in Dao et al.,
 * "FlashAttention", 2022, algorithm 1.
 *
 * Return: o, (B, Tq, H, Dv), of @q's type.  The second output of its node,
 * op_attention_lse(), is not differentiable.
 */
struct tensor *op_attention(struct graph *g, struct tensor *q, struct tensor *k,
			    struct tensor *v, const struct attention_mask *mask,
			    const struct attention_attr *attr);

/** op_attention_lse() - the logarithms (B, H, Tq) that go with an output of op_attention(). */
struct tensor *op_attention_lse(struct tensor *o);

/* Inputs of attention and of attention_grad, and outputs. */
enum attention_in {
	ATTENTION_Q, ATTENTION_K, ATTENTION_V,
	ATTENTION_DOC_START, ATTENTION_KV_LENGTH, ATTENTION_POSITIONS,
	ATTENTION_NR_IN,
};
enum attention_out { ATTENTION_O, ATTENTION_LSE };

/*
 * attention_grad, with delta_i = do_i . o_i and w_ij = exp(s_ij - lse_i):
 *
 *	dv_j = sum_i w_ij do_i
 *	ds_ij = w_ij (do_i . v_j - delta_i) (1 - (s_ij / softcap)^2)
 *	dq_i = scale sum_j ds_ij k_j,  dk_j = scale sum_i ds_ij q_i
 *
 * and with rope dq and dk turned back.  (FlashAttention, algorithm 4.)  o and do have q's
 * type, gradients that of their tensor, lse is f32.  Where all factors are bf16, w and ds may
 * be rounded to bf16.  Sums over the heads of a group.
 */
enum attention_grad_in {
	ATTENTION_GRAD_Q, ATTENTION_GRAD_K, ATTENTION_GRAD_V,
	ATTENTION_GRAD_DOC_START, ATTENTION_GRAD_KV_LENGTH, ATTENTION_GRAD_POSITIONS,
	ATTENTION_GRAD_O, ATTENTION_GRAD_LSE, ATTENTION_GRAD_DO,
	ATTENTION_GRAD_NR_IN,
};
enum attention_grad_out { ATTENTION_DQ, ATTENTION_DK, ATTENTION_DV };

/*
 * attention_grad_packed has the same inputs, with Tq = Tk and one type, and a single output
 * (B, T, H D + Hkv D + Hkv Dv): a token's dq, dk and dv behind each other.  It is what the
 * gradient rule takes where q, k and v are views that lie so in one tensor, GPT-2's packed
 * projection: that tensor's gradient then needs no copy.
 */

#endif

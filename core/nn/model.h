/* SPDX-License-Identifier: MIT */
/*
 * Models: parameters in memory, and the graphs that use them.
 *
 * A family's build function is run through a struct builder.  The first run, on a
 * throw-away graph, collects the parameters; model_alloc() then gives them memory;
 * every later graph (training, evaluation, decoding) binds to the same memory.
 */
#ifndef NN_MODEL_H
#define NN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "block/block.h"
#include "block/sparse.h"
#include "io/tensor-entry.h"
#include "nn/spec.h"
#include "optim/groups.h"
#include "optim/optim.h"
#include "tensor/graph.h"

struct kv_cache;
struct segment;
struct sparse_weight;

enum init_kind { INIT_ZERO, INIT_ONE, INIT_NORMAL };

/**
 * struct sparse_place - where a matrix lies of which only some elements are stored.
 * @kind: SPARSE_NONE: the matrix is no such one
 * @nr_values: as of struct sparse_matrix
 * @starts: NULL for 2:4
 */
struct sparse_place {
	enum sparse_kind kind;
	int64_t nr_values;
	struct buffer *values, *places, *starts;
};

/**
 * struct param_info - one parameter.
 * @name: as Hugging Face names it; also names its stream of initial values
 * @positional: a table of positions: it is looked up, never multiplied
 * @transposed: files hold it as (in, out), memory as (out, in) (GPT-2's Conv1D)
 * @group: index of its group, 0 in a model that is not trained
 * @view: index in its group's segments
 * @dtype, @place: where it lies as which type, if not in the segments; see model_bind()
 * @sparse: where it lies instead if it is sparse; see model_bind_sparse()
 */
struct param_info {
	const char *name;
	int nd;
	int64_t n[2];
	enum weight_kind kind;
	enum init_kind init;
	float std;
	bool positional;
	bool transposed;
	int group;
	int view;
	enum dtype dtype;
	struct buffer *place;
	struct sparse_place sparse;
};

/**
 * What a parameter's segments hold; state i of its optimizer is SEG_STATE + i.  SEG_SHADOW
 * is a bf16 copy of the weights, what matrices are multiplied in when computing in bf16.
 */
enum segment_kind {
	SEG_WEIGHT, SEG_GRAD, SEG_STATE, SEG_STATES_END = SEG_STATE + OPTIM_MAX_STATES - 1,
	SEG_SHADOW, SEG_KINDS
};

/**
 * struct model - a spec and its parameters.
 * @segment: contiguous device memory per (kind, group); NULL where a group is empty or
 *	the kind was not asked for or its optimizer has fewer states
 * @gradients: set before model_alloc(): gradients, although it is not trained
 * @act_round: what happens to activations where they meet a weight in a stored type
 */
struct model {
	struct model_spec spec;
	struct param_info *params;
	int nr_params, cap_params;
	struct optim_groups *groups;	/* NULL: not trained, one group */
	bool gradients;
	enum dtype compute;	/* set before model_alloc(): DT_F32, or DT_BF16 */
	enum act_round act_round;
	struct segment *segment[SEG_KINDS][GROUP_MAX];
	struct device *device;
};

/**
 * model_new() - collect the parameters of @spec (taken over; freed with the model).
 * @groups: filled with the groups of the parameters; must outlive the model.  NULL: the
 *	model is only used, never trained
 */
int model_new(struct model_spec *spec, struct optim_groups *groups, struct model **m);
void model_free(struct model *m);

/** model_param() - the parameter called @name, or NULL. */
struct param_info *model_param(const struct model *m, const char *name);

/** model_layout() - the segments of model_alloc() without memory, for planning only. */
int model_layout(struct model *m);

/**
 * model_alloc() - memory for the parameters: weights; in a model with groups their
 * gradients and the optimizers' states as well.
 */
int model_alloc(struct model *m, struct device *dev);

/**
 * model_bind() - in place of model_alloc(), for models that are only used: parameter @i
 * lies in @place (its own from now on) as @dtype, of any type for matrices, f32 for vectors.
 */
void model_bind(struct model *m, int i, enum dtype dtype, struct buffer *place);

/**
 * model_bind_sparse() - the same for a matrix of a linear layer that is multiplied as it is
 * stored; the buffers of @place are the model's own from now on.
 */
void model_bind_sparse(struct model *m, int i, enum dtype dtype, const struct sparse_place *place);

/** model_bytes() - size of all segments of kinds @first to @last. */
size_t model_bytes(const struct model *m, enum segment_kind first, enum segment_kind last);

/** model_has_shadow() - is @p multiplied in bf16? Matrices and tables are, vectors not. */
bool model_has_shadow(const struct model *m, const struct param_info *p);

/**
 * model_refresh() - make the shadow from the weights, after the host wrote these.
 * Optimizers keep it fresh themselves.
 */
int model_refresh(struct model *m);

/** model_init() - initial weights: param p from stream (seed, "init/" p->name). */
int model_init(struct model *m, uint64_t seed);

/** param_draw() - the initial values of one parameter, all @count of them. */
void param_draw(const struct param_info *p, uint64_t seed, float *to, int64_t count);

/**
 * model_step_bytes() - of the weights that a step of decoding reads, whatever the batch: all
 * but tables that rows are looked up in; one that is the head as well counts.
 */
double model_step_bytes(const struct model *m);

/** model_count() - number of parameters; without position embedding if @compute. */
int64_t model_count(const struct model *m, bool compute);

/**
 * model_flops() - per token and training step: 6 N + 6 L C T (attention causal).
 * @context: T
 */
double model_flops(const struct model *m, int context);

/**
 * model_entries() - the tensors of kinds @first to @last for reading and writing files.
 *
 * A state of the optimizer is called by the parameter and the state, NAME.exp_avg;
 * parameters whose optimizer has fewer states are left out.
 * Free with model_entries_free(); valid as long as the model.  Return: count or -errno.
 */
int model_entries(struct model *m, enum segment_kind first, enum segment_kind last,
		  struct tensor_entry **entries);

/** model_entries_free() - free what model_entries() made. */
void model_entries_free(struct tensor_entry *entries, int nr);

/* ---- building graphs -------------------------------------------------------- */

#define ANGLES_MAX 4

/** struct shared_angles - angles in a graph; @angles NULL: none yet. */
struct shared_angles {
	struct rope_attr rope;
	int width;
	struct tensor *angles;
};

/**
 * struct builder - inputs of a family's build function, and what it may call.
 * All tensors may be NULL while parameters are collected.
 */
struct builder {
	struct graph *graph;
	struct model *model;
	bool training;			/* bind gradients, apply dropout */
	struct tensor *ids;		/* i32 (B, T) */
	struct tensor *positions;	/* i32 (B, T) */
	struct tensor *doc_start;	/* i32 (B, T), or NULL */
	struct tensor *rng_key;		/* i64 (2): seed, step; NULL without dropout */
	struct kv_cache *cache;		/* decoding: keys and values so far; or NULL */
	enum dtype kv;			/* without a cache: what keys and values are rounded to */
	bool collecting;		/* first run: note the parameters */
	struct shared_angles angles[ANGLES_MAX];
};

/** nn_weight() - the parameter called @name as a tensor of the builder's graph. */
struct tensor *nn_weight(struct builder *b, const struct param_info *info);

/**
 * nn_sparse_weight() - the tensors of matrix NAME.weight in the builder's graph, if it is sparse.
 * Return: false if it is not, or while parameters are collected.
 */
bool nn_sparse_weight(struct builder *b, const char *name, struct sparse_weight *w);

/**
 * nn_add_norm() - add @branch to the residual stream *@x (NULL: there is none yet) and
 * normalise the sum, in one pass: layernorm or rmsnorm, weights NAME.weight, .bias.
 * Return: what was normalised; *@x is the sum.
 */
struct tensor *nn_add_norm(struct builder *b, const char *name, struct tensor **x,
			   struct tensor *branch);

/** nn_norm() - norm of @x itself, weights NAME.weight, .bias. */
struct tensor *nn_norm(struct builder *b, const char *name, struct tensor *x);

/** struct nn_linear - a linear layer's facts. */
struct nn_linear {
	int in, out;
	bool bias;
	float std;
	bool transposed;	/* in files */
	enum activation act;	/* of the result; not gated */
};

/** nn_linear() - y = act(x W^T + b): weights NAME.weight (out, in) and NAME.bias. */
struct tensor *nn_linear(struct builder *b, const char *name, struct tensor *x,
			 struct nn_linear l);

/** nn_embedding() - rows of NAME.weight (V, width) chosen by the token ids, scaled. */
struct tensor *nn_embedding(struct builder *b, const char *name);

/** nn_positions() - rows of NAME.weight (context, width) chosen by the positions. */
struct tensor *nn_positions(struct builder *b, const char *name);

/**
 * nn_attention() - from projected q, k, v to the output projection's input.
 * @prefix: name of the attention module, for the weights of QK-norm and gate
 * @x: (B, T, width) input of the block, for the gate
 * @q: (B, T, H, D), @k, @v: (B, T, Hkv, D); QK-norm, rope, cache, gate as the spec says
 * Return: (B, T, H * D)
 */
struct tensor *nn_attention(struct builder *b, int layer, const char *prefix, struct tensor *x,
			    struct tensor *q, struct tensor *k, struct tensor *v);

/** nn_gated() - act(gate) * up. */
struct tensor *nn_gated(struct builder *b, enum activation a, struct tensor *gate,
			struct tensor *up);

/** nn_dropout() - x, or dropout(x) when training with a rate; @name keys the draws. */
struct tensor *nn_dropout(struct builder *b, const char *name, struct tensor *x);

/** nn_residual() - x + branch, where no norm follows. */
struct tensor *nn_residual(struct builder *b, struct tensor *x, struct tensor *branch);

/** model_hidden() - hidden states (B, T, width) before the head. */
struct tensor *model_hidden(struct builder *b);

/** model_head() - weight of the head (V, width): its own, or the embedding if tied. */
struct tensor *model_head(struct builder *b);

/** model_logits() - head applied, softcap included: f32 (B, T, V). */
struct tensor *model_logits(struct builder *b, struct tensor *hidden);

#endif

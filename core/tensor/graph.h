/* SPDX-License-Identifier: MIT */
/*
 * Graphs: built once, differentiated once, planned once, run every step.
 *
 * Model code calls the builders of core/ops/, which append nodes.  Nodes are in
 * execution order from the start.  A builder that fails records the first error in
 * the graph and returns NULL; builders given a NULL input return NULL.  So model code
 * is written without checks and graph_error() is asked once at the end.
 *
 * Storage: a tensor is either an intermediate (placed in the plan's arena) or bound by
 * the caller to device memory (inputs, weights, gradients, optimizer state, caches).
 */
#ifndef TENSOR_GRAPH_H
#define TENSOR_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/arch.h"
#include "tensor/op.h"
#include "tensor/shape.h"

#define MAX_EXTENTS 8

enum tensor_kind {
	TENSOR_NODE,	/* made by a node */
	TENSOR_INPUT,	/* bound; written by the host before a run */
	TENSOR_PARAM,	/* bound; a trainable weight */
	TENSOR_STATE,	/* bound; gradients, optimizer state, caches */
};

/**
 * struct tensor - a value in a graph.
 * @max: layout as planned
 * @now: layout in the current run (extents applied)
 * @extent: for inputs: extent[d] = id + 1 if size d is the extent @id, else 0
 * @root: owner of the storage (itself, or what a view or an in-place update refers to)
 * @grad: for params: the bound tensor that holds the gradient
 */
struct tensor {
	const char *name;
	int id;
	enum tensor_kind kind;
	struct layout max, now;
	uint8_t extent[MAX_DIMS];
	struct node *producer;
	struct tensor *root;
	struct tensor *grad;
	struct buffer *buffer;		/* roots: bound storage, or the arena once planned */
	size_t offset;			/* bytes into @buffer */
	bool is_output;			/* kept alive to the end of the run */
	bool wants_grad;		/* graph_want_grad() */
	bool is_stale;			/* updated in place since: use the newer tensor */
	int mark;			/* private to the passes over a graph */
};

/** struct node - one application of an op. */
struct node {
	const struct op *op;
	const char *name;		/* scope and op: "h.3.attn/linear" */
	int id;
	int nr_in, nr_out;
	struct tensor *in[MAX_IN];
	struct tensor *out[MAX_OUT];
	void *attr;
	int group;			/* recompute unit (layer number + 1); 0: none */
	bool is_backward;
};

/**
 * struct weight_grad - how the gradient of a weight comes about, for taps.
 *
 * dW = delta^T input, summed over rows.  @delta is NULL where it is never materialised
 * (linear_cross_entropy), see @node.
 */
struct weight_grad {
	struct tensor *weight;
	struct tensor *input;	/* (..., K) */
	struct tensor *delta;	/* (..., N) */
	struct node *node;	/* the node that accumulates it; NULL if a tap replaced it */
};

struct graph {
	struct tensor **tensors;
	struct node **nodes;
	struct weight_grad *weight_grads;
	int nr_tensors, nr_nodes, nr_weight_grads;
	int cap_tensors, cap_nodes, cap_weight_grads;
	int nr_extents;
	const char *extent_name[MAX_EXTENTS];
	int64_t extent_max[MAX_EXTENTS];
	int64_t extent_now[MAX_EXTENTS];
	int group;			/* given to new nodes */
	bool in_backward;
	bool is_planned;		/* places in the arena belong to one plan */
	char scope[128];		/* prefix of node names */
	int error;			/* first error of a builder; its message is kept below */
	char error_text[512];
	void *pool;			/* everything above is freed with the graph */
};

struct graph *graph_new(void);
void graph_free(struct graph *g);

/** graph_error() - 0, or the first builder's error with its message recorded by fail(). */
int graph_error(const struct graph *g);

/** graph_extent() - declare a size that may be smaller in a run. Return: its id. */
int graph_extent(struct graph *g, const char *name, int64_t max);

/**
 * graph_tensor() - a tensor bound to the caller's memory.
 * @extent_ids: NULL, or for each dimension an extent id or -1
 */
struct tensor *graph_tensor(struct graph *g, enum tensor_kind kind, const char *name,
			    enum dtype dtype, int nd, const int64_t *n, const int *extent_ids);

/** tensor_bind() - say where a bound tensor lies. */
void tensor_bind(struct tensor *t, struct buffer *buf, size_t offset);

/** graph_scope() - prefix for the names of nodes to come, printf style; "" for none. */
void graph_scope(struct graph *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** graph_output() - keep @t to the end of a run, so that the host can read it. */
void graph_output(struct tensor *t);

/**
 * graph_node() - append a node; called by the builders in core/ops/.
 * @attr: copied, op->attr_size bytes
 * Inputs that the op wants contiguous and that are not get a `contiguous` node.
 * Return: the node, or NULL (error recorded).
 */
struct node *graph_node(struct graph *g, const struct op *op, const void *attr,
			struct tensor *const *in, int nr_in);

/** graph_op() - graph_node() and its first output: what most builders return. */
struct tensor *graph_op(struct graph *g, const struct op *op, const void *attr,
			struct tensor *const *in, int nr_in);

/** graph_fail() - record a builder's error (the message is taken from fail()). NULL. */
void *graph_fail(struct graph *g, int err);

/** graph_alloc() - zeroed memory that lives as long as the graph. */
void *graph_alloc(struct graph *g, size_t bytes);
const char *graph_strdup(struct graph *g, const char *s);

/** graph_resolve() - set tensor->now of all tensors from the current extents. */
int graph_resolve(struct graph *g);

/* ---- differentiation (backward.c) ---------------------------------------- */

enum tap_action { TAP_KEEP, TAP_REPLACE };

/**
 * struct backward_options - how to differentiate.
 * @accumulate: i32 scalar read at run time: 0: gradients are overwritten, 1: added to.
 *	NULL: overwritten.
 * @tap: called for each linear weight gradient before its node is made; may append nodes
 *	(Fisher, imatrix ...).  TAP_REPLACE: no dW node is made.
 */
struct backward_options {
	struct tensor *accumulate;
	enum tap_action (*tap)(void *ctx, struct graph *g, struct tensor *weight,
			       struct tensor *input, struct tensor *delta);
	void *tap_ctx;
};

/**
 * graph_backward() - append the nodes that compute the gradient of @loss.
 *
 * @loss: a scalar, or a tensor whose elements' sum is differentiated.
 * Gradients of params go to param->grad (skipped where that is NULL), which is f32 also where
 * the param is bf16; gradients of other tensors have their tensor's type.  Gradients of other
 * tensors are asked for before the pass with graph_want_grad().
 * Return: 0 or -errno; an op without gradient rule on the way is named.
 */
int graph_backward(struct graph *g, struct tensor *loss, const struct backward_options *opts);

/**
 * graph_want_grad() - before graph_backward(): keep the gradient of @t.  After it,
 * t->grad is the tensor holding it.
 */
void graph_want_grad(struct tensor *t);

/* For gradient rules: */

/** backward_graph() - the graph to append to. */
struct graph *backward_graph(struct backward *b);

/** backward_needs() - does anybody want the gradient of @t? (NULL: no) */
bool backward_needs(struct backward *b, const struct tensor *t);

/** backward_add() - add @grad (shape of @t) to the gradient of @t. */
void backward_add(struct backward *b, struct tensor *t, struct tensor *grad);

/** struct slice_place - attributes of `concat` (dim only) and `pad_slice`. */
struct slice_place {
	int dim;
	int64_t start;
};

/** backward_add_slice() - @grad belongs to the part [start, start+len) along @dim of @t. */
void backward_add_slice(struct backward *b, struct tensor *t, int dim, int64_t start,
			struct tensor *grad);

/**
 * backward_slot() - for ops that accumulate into a param's gradient themselves.
 *
 * If @w is a param with a bound gradient: @prev is the tensor to update in place and
 * @flag the i32 scalar that says whether to add (NULL: see the return value).
 * Otherwise @prev is NULL: make a fresh tensor and pass it to backward_add().
 * Return: true if the update must always add (a second user of a tied weight).
 * After making the node call backward_slot_done() with its output.
 */
bool backward_slot(struct backward *b, struct tensor *w, struct tensor **prev,
		   struct tensor **flag);
void backward_slot_done(struct backward *b, struct tensor *w, struct tensor *updated);

/** backward_tap() - ask the caller's tap about a weight gradient; TAP_KEEP without one. */
enum tap_action backward_tap(struct backward *b, struct tensor *w, struct tensor *x,
			     struct tensor *dy);

/** backward_record() - record a weight gradient made by @node itself. */
void backward_record(struct backward *b, struct tensor *w, struct tensor *x,
		     struct tensor *dy, struct node *node);

/**
 * graph_recompute() - after graph_backward(): forward values of nodes with a group are
 * not kept for the backward pass but computed again just before they are needed.  What
 * enters a group from outside is kept.  The bits of the result do not change.
 */
int graph_recompute(struct graph *g);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Ops and kernels: what a graph is made of and what executes it.
 *
 * An op is one file in core/ops/: its builder (called by model code), shape rule,
 * gradient rule, cost, fp64 oracle and test cases, tied together by struct op and
 * OP_REGISTER.  A kernel is one way to compute an op on one arch; KERNEL_REGISTER_AS
 * puts it in the table, the planner takes the usable one of the highest rank.
 */
#ifndef TENSOR_OP_H
#define TENSOR_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/registry.h"
#include "base/section.h"
#include "tensor/shape.h"

#define MAX_IN  10
#define MAX_OUT 4

struct graph;
struct node;
struct tensor;
struct backward;
struct device;

/** struct cost - work of one node: roofline, MFU, time estimates. */
struct cost {
	double flops;
	double bytes;
};

/**
 * struct oracle_call - arguments of an oracle: everything as contiguous doubles.
 * Absent optional inputs are NULL; integer tensors hold whole numbers.
 */
struct oracle_call {
	const void *attr;
	int nr_in, nr_out;
	struct layout in_layout[MAX_IN], out_layout[MAX_OUT];	/* contiguous */
	const double *in[MAX_IN];
	double *out[MAX_OUT];
};

/** How the op tests fill an input of a case. */
enum fill {
	FILL_NORMAL,	/* standard normal */
	FILL_POSITIVE,	/* uniform in [0.5, 1.5] */
	FILL_IDS,	/* integers in [0, limit) */
	FILL_TARGETS,	/* integers in [0, limit), about one in eight is -1 (ignored) */
	FILL_FEW_TARGETS,	/* integers in [0, limit) at 3 and 5, and -1 */
	FILL_IGNORED,	/* -1 */
	FILL_DOC_START,	/* per row of the last dim: first position of the token's document */
	FILL_LENGTHS,	/* integers in [1, limit] */
	FILL_POSITIONS,	/* 0, 1, 2 ... along the last dim */
	FILL_ZERO,
	FILL_ONE,
	FILL_SMALL,	/* normal * 0.02 */
	FILL_RNG,	/* an RNG key tensor: see dropout */
	/*
	 * Of a sparse matrix of K columns, of whose rows the even ones keep N elements, the odd
	 * ones N - 1 (block/sparse.h): bits of the mask, limit CASE_MASK(K, N); the starts of its
	 * rows, limit N; pairs of places of 2:4.
	 */
	FILL_MASK,
	FILL_STARTS,
	FILL_PAIRS,
};

#define CASE_MASK(k, n) ((int64_t)(k) << 32 | (n))

/** struct case_input - one input of a test case; nd = -1: absent. */
struct case_input {
	enum dtype dtype;
	int nd;
	int64_t n[MAX_DIMS];
	enum fill fill;
	int64_t limit;
	bool differentiable;	/* checked by finite differences */
	/*
	 * Bit d set: dimension d is tested as an extent, too: the graph is planned at
	 * a larger maximum and run at this size; the bits must be those of an exact plan.
	 */
	unsigned int extent_dims;
};

/** struct op_case - one row of an op's test table; the array ends with name = NULL. */
struct op_case {
	const char *name;
	const void *attr;
	int nr_in;
	struct case_input in[MAX_IN];
};

enum op_flags {
	OP_VIEW    = 1 << 0,	/* the output is the input's storage under another layout */
	OP_RANDOM  = 1 << 1,	/* reads an RNG key input */
	/*
	 * Output 0 is a loss and the root of differentiation: the gradients are those
	 * of (input 3, the loss scale) * sum(output 0), whatever comes from above.
	 */
	OP_LOSS    = 1 << 2,
	/*
	 * Kernels may round inner values to the type of the compute inputs (attention's
	 * probabilities), so that every output is as coarse as that type.
	 */
	OP_ROUNDS  = 1 << 3,
};

/**
 * struct op - a kind of node.
 * @attr_size: bytes of the attribute struct, 0 if none
 * @nr_in, @nr_out: as many as the op can have; trailing or optional inputs may be NULL
 * @strided_in: bit i set: input i may be a strided view; others are made contiguous
 * @compute_in: bit i set: input i may be bf16 instead of f32, as training in bf16 has it.
 *	The op tests run every case of f32 again with all of these inputs as bf16; a case
 *	of one op may also mix the types
 * @inplace: inplace[o] = i + 1: output o may take the storage of input i when nobody
 *	reads that input afterwards (the kernels allow exact overlap)
 * @updates: updates[o] = i + 1: output o IS input i, updated in place (accumulation,
 *	optimizer state, caches); input i may not be used by later nodes under its old name
 * @infer: layouts of the outputs from those of the inputs; checks everything that a
 *	kernel relies on.  Called with the maxima when planning and with actual sizes per run;
 *	must be pure.  Absent inputs have nd = -1.  Return: 0 or -EINVAL with a message.
 * @grad: append gradient nodes; NULL: not differentiable
 * @cost: from actual layouts
 * @reduce: length K of the longest reduction in a node: the tolerance is
 *	c * u * sqrt(K) * scale; NULL stands for 1
 * @oracle: fp64 result, written from the formula
 * @cases: test table
 * @timed: cases at the sizes of training, too large for tests, or NULL; for benchmarks
 */
struct op {
	const char *name;
	const char *summary;
	size_t attr_size;
	int nr_in, nr_out;
	unsigned int flags;
	unsigned int strided_in;
	unsigned int optional_in;	/* bit i set: input i may be absent */
	unsigned int compute_in;
	uint8_t inplace[MAX_OUT];
	uint8_t updates[MAX_OUT];
	int (*infer)(const void *attr, const struct layout *in, int nr_in, struct layout *out);
	int (*grad)(struct backward *b, struct node *n, struct tensor *const *dout);
	void (*cost)(const void *attr, const struct layout *in, const struct layout *out,
		     struct cost *cost);
	int64_t (*reduce)(const void *attr, const struct layout *in, const struct layout *out);
	int (*oracle)(const struct oracle_call *c);
	const struct op_case *cases;
	const struct op_case *timed;
};

/* Oracles and cases are for tests; without CONFIG_ORACLES they are not in the program. */
#define OP_TEST(symbol) (IS_ENABLED(CONFIG_ORACLES) ? (symbol) : NULL)

#define OP_REGISTER(var) SECTION_ENTRY(knlp_ops, struct op, var)
SECTION_DECLARE(knlp_ops, struct op);

/** op_find() - the op called @name, or NULL. */
const struct op *op_find(const char *name);
/** op_table() - all ops, sorted. */
const struct registry *op_table(void);

/**
 * struct call - arguments of a kernel: actual layouts and device addresses.
 * Absent inputs have data NULL and nd = -1.  @in[i].offset is already part of @in_data[i].
 */
struct call {
	const struct op *op;
	const void *attr;
	int nr_in, nr_out;
	struct layout in[MAX_IN], out[MAX_OUT];
	const void *in_data[MAX_IN];
	void *out_data[MAX_OUT];
	void *scratch;
	size_t scratch_bytes;
};

/**
 * struct kernel - one implementation.
 * @op: name of the op (first, so that the table sorts by it)
 * @name: its own name, unique per op: "gelu_avx512"
 * @rank: higher is preferred; 0 is the plain one that always works
 * @usable: can it run this node on this device (device_has())? NULL: always.  Asked when
 *	planning, with the maximal layouts; it must then hold for all smaller sizes, too.
 * @scratch: bytes of scratch that a call needs; may be NULL.  Must not grow when sizes
 *	shrink: memory is taken for the maximal layouts.
 */
struct kernel {
	const char *op;
	const char *name;
	const char *arch;
	int rank;
	bool (*usable)(const struct call *maximal, const struct device *dev);
	size_t (*scratch)(const struct call *maximal);
	int (*run)(const struct call *c);
};

/**
 * KERNEL_REGISTER_AS(gelu_plain, gelu, .arch = "cpu", .rank = 0, .run = gelu_plain)
 * Kernel gelu_plain of op gelu.
 */
#define KERNEL_REGISTER_AS(id, op_name, ...)					\
	static const struct kernel kernel_##id = {				\
		.op = #op_name, .name = #id, __VA_ARGS__ };			\
	SECTION_ENTRY(knlp_kernels, struct kernel, kernel_##id)
SECTION_DECLARE(knlp_kernels, struct kernel);

/** kernel_table() - all kernels, sorted by op (not unique). */
const struct registry *kernel_table(void);

/**
 * kernel_choose() - the best usable kernel for a node on a device.
 * @maximal: op, attr and maximal layouts (data pointers unset)
 * Return: NULL with a message naming op and arch if there is none.
 */
const struct kernel *kernel_choose(const struct call *maximal, const struct device *dev);

/** ops_check() - start-up self-check: tables not empty, names unique, fields sane. */
int ops_check(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What the shape rules, costs and test tables of many ops have in common.
 *
 * The checks return 0, or -EINVAL with a message that names the op, the input and the
 * shapes.
 */
#ifndef OPS_RULES_H
#define OPS_RULES_H

#include "tensor/op.h"

/** rule_f32() - input @what of @op must be f32 (any shape). */
int rule_f32(const char *op, const char *what, const struct layout *l);

/** rule_real() - input @what of @op must be f32 or bf16 (any shape). */
int rule_real(const char *op, const char *what, const struct layout *l);

/** rule_twin() - f32 or bf16, of the shape and the type of @like. */
int rule_twin(const char *op, const char *what, const struct layout *l,
	      const char *like_what, const struct layout *like);

/** rule_like() - input @what must be f32 and have the shape of @like, input @like_what. */
int rule_like(const char *op, const char *what, const struct layout *l,
	      const char *like_what, const struct layout *like);

/** rule_vector() - input @what must be f32 of shape (@n). */
int rule_vector(const char *op, const char *what, const struct layout *l, int64_t n);

/** rule_scalar() - input @what must be f32 with a single element. */
int rule_scalar(const char *op, const char *what, const struct layout *l);

/** rule_mask() - the mask of an optimizer's step: absent, or f32 or u8 of the shape of @w. */
int rule_mask(const char *op, const struct layout *mask, const struct layout *w);

/** rule_shadow() - the bf16 copy of the weights @w: absent, or of their shape. */
int rule_shadow(const char *op, const struct layout *shadow, const struct layout *w);

/** rule_rows() - input @what must have a last dimension whose elements are neighbours. */
int rule_rows(const char *op, const char *what, const struct layout *l);

/** rule_leading() - f32 of the shape of @like without its last dimension. */
int rule_leading(const char *op, const char *what, const struct layout *l,
		 const char *like_what, const struct layout *like);

/** rule_dim() - @dim must be a dimension of input @what. */
int rule_dim(const char *op, const char *what, const struct layout *l, int dim);

/** rule_trailing() - are the sizes of @b those of the last dimensions of @a? */
bool rule_trailing(const struct layout *a, const struct layout *b);

/** rule_without_last() - row-major layout with all dimensions of @l but the last. */
struct layout rule_without_last(const struct layout *l);

/** rule_input() - layout of input @i; one with nd = -1 if the node has none. */
const struct layout *rule_input(const struct layout *in, int nr_in, int i);

/** rule_bytes() - bytes of @nr tensors together; absent ones (nd < 0) count nothing. */
double rule_bytes(const struct layout *l, int nr);

/*
 * Inputs of test cases: number of dimensions, sizes.  CASE_F32 is standard normal,
 * CASE_DIFF is checked by finite differences as well, CASE_DIFF_EXT has the
 * dimensions of a bit mask as extents, too.
 */
#define CASE_FILL(type, how, count, ...)					\
	{ .dtype = (type), .nd = (count), .n = { __VA_ARGS__ }, .fill = (how) }
#define CASE_F32(count, ...)							\
	{ .dtype = DT_F32, .nd = (count), .n = { __VA_ARGS__ }, .fill = FILL_NORMAL }
#define CASE_DIFF(count, ...)							\
	{ .dtype = DT_F32, .nd = (count), .n = { __VA_ARGS__ }, .fill = FILL_NORMAL,	\
	  .differentiable = true }
#define CASE_DIFF_EXT(mask, count, ...)						\
	{ .dtype = DT_F32, .nd = (count), .n = { __VA_ARGS__ }, .fill = FILL_NORMAL,	\
	  .differentiable = true, .extent_dims = (mask) }
#define CASE_EXT(mask, count, ...)						\
	{ .dtype = DT_F32, .nd = (count), .n = { __VA_ARGS__ }, .fill = FILL_NORMAL,	\
	  .extent_dims = (mask) }
#define CASE_ABSENT { .nd = -1 }

/* Cases, each with a comma behind it, that need block types. */
#if IS_ENABLED(CONFIG_BLOCK_TYPES)
#define CASES_OF_BLOCKS(...) __VA_ARGS__
#else
#define CASES_OF_BLOCKS(...)
#endif

#endif

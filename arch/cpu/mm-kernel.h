/* SPDX-License-Identifier: MIT */
/*
 * Small products for one instruction set.  No include guard: mm.c includes this file once
 * for each, after defining
 *
 *	KERNEL(name)	name of a function or type of this instruction set
 *	KERNEL_TARGET	the functions' target attribute
 *	LANES		floats in a vector
 *	VECS		vectors in a row of a tile, 2 or 4
 *	PAIRS		words are pairs of bf16
 *
 * A tile of C stays in registers while k runs, beside one row of B and an element of A.
 * At least 8 sums cover the latency of the multiply-adds: narrow tiles are taller.
 */
typedef float KERNEL(vec) __attribute__((vector_size(4 * LANES)));
/* The same at any float's address. */
typedef float KERNEL(vec_at) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#define MOST_ROWS 16

/* sum + a x, with one word of A for all columns */
SIMD_INLINE KERNEL_TARGET
KERNEL(vec) KERNEL(multiply_add)(KERNEL(vec) sum, const float *a, KERNEL(vec) x)
{
#if PAIRS
	typedef int32_t word __attribute__((may_alias));
	typedef int32_t words __attribute__((vector_size(4 * LANES)));
	words all = (words){ 0 } + *(const word *)a;

	return simd_dot_bf16(sum, (KERNEL(vec))all, x);
#else
	return sum + *a * x;
#endif
}

/* C(i ... i + rows, j ... j + vecs * LANES); @rows and @vecs are constants once inlined. */
SIMD_INLINE KERNEL_TARGET
void KERNEL(tile)(const struct mm *p, int64_t i, int64_t j, const int rows, const int vecs)
{
	KERNEL(vec) sum[MOST_ROWS][VECS] = { 0 };
	const float *a = p->a + i * p->a_row, *b = p->b + j;
	const int64_t a_row = p->a_row, a_col = p->a_col, b_row = p->b_row;
	const char *ahead = (const char *)a;
	int64_t ahead_step = 0;

	if (p->ahead && p->ahead->left)
		ahead = take_ahead(p->ahead, p->k, &ahead_step);
	for (int64_t q = 0; q < p->k; q++, a += a_col, b += b_row, ahead += ahead_step) {
		KERNEL(vec) x[VECS];

		__builtin_prefetch(ahead, 0, 2);
		SIMD_UNROLL
		for (int v = 0; v < vecs; v++)
			x[v] = *(const KERNEL(vec_at) *)(b + v * LANES);
		SIMD_UNROLL
		for (int r = 0; r < rows; r++)
			SIMD_UNROLL
			for (int v = 0; v < vecs; v++)
				sum[r][v] = KERNEL(multiply_add)(sum[r][v], a + r * a_row,
								 x[v]);
	}
	SIMD_UNROLL
	for (int r = 0; r < rows; r++) {
		SIMD_UNROLL
		for (int v = 0; v < vecs; v++) {
			KERNEL(vec_at) *c = (KERNEL(vec_at) *)
				(p->c + (i + r) * p->c_row + j + v * LANES);

			if (p->add)
				sum[r][v] += *c;
			*c = sum[r][v];
		}
	}
}

/* All rows of some columns, @most rows at a time. */
SIMD_INLINE KERNEL_TARGET
void KERNEL(columns)(const struct mm *p, int64_t j, const int most, const int vecs)
{
	int64_t i = 0;

	for (; i + most <= p->m; i += most)
		KERNEL(tile)(p, i, j, most, vecs);
	for (; most > 4 && i + 4 <= p->m; i += 4)
		KERNEL(tile)(p, i, j, 4, vecs);
	for (; i + 2 <= p->m; i += 2)
		KERNEL(tile)(p, i, j, 2, vecs);
	if (i < p->m)
		KERNEL(tile)(p, i, j, 1, vecs);
}

static KERNEL_TARGET void KERNEL(mm)(const struct mm *p)
{
	int64_t j = 0;

	for (; j + VECS * LANES <= p->n; j += VECS * LANES)
		KERNEL(columns)(p, j, 6, VECS);
#if VECS == 4
	switch ((p->n - j) / LANES) {
	case 3:
		KERNEL(columns)(p, j, 4, 3);
		break;
	case 2:
		KERNEL(columns)(p, j, 8, 2);
		break;
	case 1:
		KERNEL(columns)(p, j, 8, 1);
		break;
	}
#endif
}

#undef MOST_ROWS
#undef KERNEL
#undef KERNEL_TARGET
#undef LANES
#undef VECS
#undef PAIRS

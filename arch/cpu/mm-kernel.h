/* SPDX-License-Identifier: MIT */
/*
 * Small products for one instruction set.  No include guard: mm.c includes this file once
 * for each, after defining
 *
 *	KERNEL(name)	name of a function or type of this instruction set
 *	KERNEL_TARGET	the functions' target attribute
 *	LANES		floats in a vector
 *
 * 6 x 2 vectors of C stay in registers while k runs: with two vectors of B and one element
 * of A that fits into 16 registers, and covers the latency of the multiply-adds.
 */
#define ROWS 6

typedef float KERNEL(vec) __attribute__((vector_size(4 * LANES)));
/* The same at any float's address. */
typedef float KERNEL(vec_at) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

/* C(i ... i + rows, j ... j + vecs * LANES); @rows and @vecs are constants once inlined. */
static inline __attribute__((always_inline)) KERNEL_TARGET
void KERNEL(block)(const struct mm *p, int64_t i, int64_t j, const int rows, const int vecs)
{
	KERNEL(vec) sum[ROWS][2] = { 0 };
	const float *a = p->a + i * p->a_row, *b = p->b + j;
	const int64_t a_row = p->a_row, a_col = p->a_col, b_row = p->b_row;

	for (int64_t q = 0; q < p->k; q++, a += a_col, b += b_row) {
		KERNEL(vec) x[2];

#pragma GCC unroll 2
		for (int v = 0; v < vecs; v++)
			x[v] = *(const KERNEL(vec_at) *)(b + v * LANES);
#pragma GCC unroll 6
		for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
			for (int v = 0; v < vecs; v++)
				sum[r][v] += a[r * a_row] * x[v];
	}
#pragma GCC unroll 6
	for (int r = 0; r < rows; r++) {
#pragma GCC unroll 2
		for (int v = 0; v < vecs; v++) {
			KERNEL(vec_at) *c = (KERNEL(vec_at) *)
				(p->c + (i + r) * p->c_row + j + v * LANES);

			if (p->add)
				sum[r][v] += *c;
			*c = sum[r][v];
		}
	}
}

static inline __attribute__((always_inline)) KERNEL_TARGET
void KERNEL(rows)(const struct mm *p, int64_t i, const int rows)
{
	int64_t j = 0;

	for (; j + 2 * LANES <= p->n; j += 2 * LANES)
		KERNEL(block)(p, i, j, rows, 2);
	if (j < p->n)
		KERNEL(block)(p, i, j, rows, 1);
}

/* All columns; their number is a multiple of LANES. */
static KERNEL_TARGET void KERNEL(whole)(const struct mm *p)
{
	int64_t i = 0;

	for (; i + 6 <= p->m; i += 6)
		KERNEL(rows)(p, i, 6);
	if (i + 4 <= p->m) {
		KERNEL(rows)(p, i, 4);
		i += 4;
	}
	if (i + 2 <= p->m) {
		KERNEL(rows)(p, i, 2);
		i += 2;
	}
	if (i < p->m)
		KERNEL(rows)(p, i, 1);
}

/*
 * Columns @j and up, which do not fill a vector, for one run of k: through a copy of B
 * with zeros behind it, and a few rows of C at a time.
 */
static KERNEL_TARGET void KERNEL(edge_run)(const struct mm *p, int64_t j)
{
	float b[EDGE_K * LANES], c[ROWS * LANES];
	int64_t width = p->n - j;

	for (int64_t q = 0; q < p->k; q++)
		for (int64_t l = 0; l < LANES; l++)
			b[q * LANES + l] = l < width ? p->b[q * p->b_row + j + l] : 0;
	for (int64_t i = 0; i < p->m; i += ROWS) {
		struct mm part = {
			.m = p->m - i < ROWS ? p->m - i : ROWS, .n = LANES, .k = p->k,
			.a = p->a + i * p->a_row, .a_row = p->a_row, .a_col = p->a_col,
			.b = b, .b_row = LANES, .c = c, .c_row = LANES,
		};

		KERNEL(whole)(&part);
		for (int64_t r = 0; r < part.m; r++)
			for (int64_t l = 0; l < width; l++)
				p->c[(i + r) * p->c_row + j + l] = c[r * LANES + l] +
					(p->add ? p->c[(i + r) * p->c_row + j + l] : 0);
	}
}

static KERNEL_TARGET void KERNEL(edge)(const struct mm *p, int64_t j)
{
	struct mm run = *p;

	for (int64_t q = 0; q < p->k || !q; q += EDGE_K) {
		run.k = p->k - q < EDGE_K ? p->k - q : EDGE_K;
		run.a = p->a + q * p->a_col;
		run.b = p->b + q * p->b_row;
		KERNEL(edge_run)(&run, j);
		run.add = true;
	}
}

static KERNEL_TARGET void KERNEL(mm)(const struct mm *p)
{
	struct mm whole = *p;

	whole.n -= p->n % LANES;
	KERNEL(whole)(&whole);
	if (whole.n < p->n)
		KERNEL(edge)(p, whole.n);
}

#undef ROWS
#undef KERNEL
#undef KERNEL_TARGET
#undef LANES

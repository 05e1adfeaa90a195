/* SPDX-License-Identifier: MIT */
/*
 * Vectors of LANES floats for files that are compiled once for each instruction set.  No
 * include guard: see attention-kernel.h for what must be defined.
 */
typedef float KERNEL(vec) __attribute__((vector_size(4 * LANES)));
typedef int32_t KERNEL(ivec) __attribute__((vector_size(4 * LANES)));
typedef uint32_t KERNEL(uvec) __attribute__((vector_size(4 * LANES)));
/* The same at any float's address. */
typedef float KERNEL(vec_at) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t KERNEL(ivec_at) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

SIMD_INLINE KERNEL_TARGET
KERNEL(vec) KERNEL(load)(const float *x)
{
	return *(const KERNEL(vec_at) *)x;
}

SIMD_INLINE KERNEL_TARGET
void KERNEL(store)(float *x, KERNEL(vec) v)
{
	*(KERNEL(vec_at) *)x = v;
}

/* x where the mask's bits are set, otherwise y. */
SIMD_INLINE KERNEL_TARGET
KERNEL(vec) KERNEL(choose)(KERNEL(ivec) mask, KERNEL(vec) x, KERNEL(vec) y)
{
	return (KERNEL(vec))((mask & (KERNEL(ivec))x) | (~mask & (KERNEL(ivec))y));
}

/* The larger; @y if either is NaN. */
SIMD_INLINE KERNEL_TARGET
KERNEL(vec) KERNEL(larger)(KERNEL(vec) x, KERNEL(vec) y)
{
	return VEC_MAX(KERNEL(choose)(x > y, x, y), x, y);
}

/*
 * 2^x for x <= 0 or a little more; 0 below -127, nearly 0 below -126.  A NaN stays one.
 *
 * x = n + r with |r| <= 1/2; 2^r is a minimax polynomial that is exactly 1 at 0, relative
 * error 1.6e-8 before rounding (found by weighted least squares); 2^n is added to the
 * exponent.  Adding 1.5 * 2^23 rounds to an integer, which is then in the low bits.
 */
SIMD_INLINE KERNEL_TARGET
KERNEL(vec) KERNEL(exp2)(KERNEL(vec) x)
{
	const KERNEL(vec) zero = { 0 };
	KERNEL(vec) t, r, p;

	x = KERNEL(larger)(zero - 127.0f, x);
	t = x + 0x1.8p23f;
	r = x - (t - 0x1.8p23f);
	p = r * 0x1.41fbbap-13f + 0x1.5f3e54p-10f;
	p = p * r + 0x1.3b2d4cp-7f;
	p = p * r + 0x1.c6aee8p-5f;
	p = p * r + 0x1.ebfbdcp-3f;
	p = p * r + 0x1.62e430p-1f;
	p = p * r + 1.0f;
	/* Unsigned: what is not finite passes here, too, and may overflow. */
	return (KERNEL(vec))((KERNEL(uvec))p + ((KERNEL(uvec))t << 23));
}

// SPDX-License-Identifier: MIT
/* qlinear where the processor has AVX-512 with VNNI and VBMI. */
#include "arch/cpu/qlinear.h"
#include "arch/cpu/simd.h"

static int qlinear_vnni(const struct call *c)
{
	struct qlinear q = qlinear_arguments(c);
	bool block = dtype_is_block(q.type);

	if (q.rows <= QLINEAR_FEW && block) {
		qlinear_dots(&q);
		return 0;
	}
	if (q.rows <= QLINEAR_FEW) {
		qlinear_half_dots(&q);
		return 0;
	}
	if (block && q.round == ACT_ROUND_Q8) {
		qlinear_gemm(&q);
		return 0;
	}
	return qlinear_floats(&q);
}

static size_t qlinear_vnni_scratch(const struct call *c)
{
	struct qlinear q = qlinear_arguments(c);
	size_t floats = qlinear_floats_scratch(&q), dots = qlinear_dots_scratch(&q);

	size_t most = floats > dots ? floats : dots, gemm = qlinear_gemm_scratch(&q);

	return most > gemm ? most : gemm;
}

static bool qlinear_vnni_usable(const struct call *maximal, const struct device *dev)
{
	return simd_vnni();
}
KERNEL_REGISTER_AS(qlinear_vnni, qlinear, .arch = "cpu", .rank = 20, .run = qlinear_vnni,
		   .usable = qlinear_vnni_usable, .scratch = qlinear_vnni_scratch);

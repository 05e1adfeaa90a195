// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdint.h>

#include "arch/cpu/activation.h"
#include "arch/cpu/vmath.h"
#include "tests/unit/test.h"

/* A prime step through all bit patterns: every exponent, both signs, denormals, NaN. */
#define STEP 10007

static double sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

/* Error in units in the last place of the right result. */
static double ulps(float got, double want)
{
	float nearest = (float)want, above = nextafterf(fabsf(nearest), INFINITY);

	if (isnan(want))
		return isnan(got) ? 0 : INFINITY;
	if (got == nearest)
		return 0;
	/* Beyond the largest float the unit is that of its binade. */
	return fabs(fmin(got, 0x1p128) - want) / (isinf(above) ? 0x1p104 : above - fabsf(nearest));
}

static void check_function(float (*f)(float), double (*exact)(double), double limit)
{
	for (uint64_t bits = 0; bits <= UINT32_MAX; bits += STEP) {
		float x = vm_float((uint32_t)bits);
		double error = ulps(f(x), exact(x));

		ck_assert_msg(error <= limit, "f(%.9g) is %.9g, must be %.9g: %g ulp", x, f(x),
			      exact(x), error);
	}
}

static void vmath_exp(void)
{
	check_function(vm_expf, exp, 2);
	CHECK(vm_expf(-INFINITY) == 0 && vm_expf(INFINITY) == INFINITY && vm_expf(0) == 1);
	CHECK(isnan(vm_expf(NAN)));
}
TEST_REGISTER(vmath_exp);

static void vmath_tanh(void)
{
	check_function(vm_tanhf, tanh, 2);
	CHECK(vm_tanhf(-INFINITY) == -1 && vm_tanhf(INFINITY) == 1);
	CHECK(vm_tanhf(-0.0f) == 0 && signbit(vm_tanhf(-0.0f)));
}
TEST_REGISTER(vmath_tanh);

static void vmath_sigmoid(void)
{
	check_function(vm_sigmoidf, sigmoid, 3);
	CHECK(vm_sigmoidf(-INFINITY) == 0 && vm_sigmoidf(INFINITY) == 1);
	CHECK(vm_sigmoidf(0) == 0.5f);
}
TEST_REGISTER(vmath_sigmoid);

/* ---- activations ---------------------------------------------------------------------- */

static double normal(double x)
{
	return 0.5 * erfc(-x * M_SQRT1_2);
}

static double density(double x)
{
	return exp(-0.5 * x * x) * 0.39894228040143267794;
}

/* Both tails, where 1 - Phi(x) would cancel. */
static void vmath_normal(void)
{
	for (double x = -12.5; x < 40; x += 1.0 / 4099) {
		float f = (float)x, d, phi = act_normal(f, &d);

		ck_assert_msg(ulps(phi, normal(f)) <= 8, "Phi(%.9g) is %.9g, must be %.9g: %g ulp",
			      f, phi, normal(f), ulps(phi, normal(f)));
		if (f > 13)
			continue;
		ck_assert_msg(ulps(d, density(f)) <= 8, "phi(%.9g) is %.9g, must be %.9g: %g ulp",
			      f, d, density(f), ulps(d, density(f)));
	}
	CHECK(act_normal(-INFINITY, &(float){ 0 }) < 1e-37f);
	CHECK(act_normal(INFINITY, &(float){ 0 }) == 1);
	CHECK(isnan(act_gelu_exact(NAN)) && isnan(act_gelu_exact_slope(NAN)));
	CHECK(isnan(act_gelu(NAN)) && isnan(act_silu(NAN)));
}
TEST_REGISTER(vmath_normal);

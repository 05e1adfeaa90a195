// SPDX-License-Identifier: MIT
/*
 * Every op, every case, every kernel, on every device of this binary.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/cpu/simd.h"
#include "base/thread.h"
#include "tensor/arch.h"
#include "tensor/op.h"
#include "tensor/subject.h"
#include "tests/ops/opcheck.h"
#include "tests/unit/test.h"

#define SECONDS 300	/* of one op: sanitizers are slow */

static struct device *open_device(const char *name)
{
	struct device *dev;

	check_ok(device_open(name, &dev));
	return dev;
}

/* Case @c of a kernel, if it takes it; returns how many were run. */
static int check_case(const struct op *op, const struct op_case *c, const struct kernel *k,
		      struct device *dev)
{
	const char *wrong;

	if (!case_usable(op, c, k, dev))
		return 0;
	wrong = opcheck_kernel(op, c, k, dev);
	ck_assert_msg(!wrong, "%s", wrong);
	return 1;
}

/* All cases of kernel @i of the table on device @name, if it runs that arch's kernels. */
static void check_kernel(int i, const char *name)
{
	const struct kernel *k = kernel_table()->sorted[i];
	const struct op *op = op_find(k->op);
	struct device *dev = open_device(name);
	bool runs = !strcmp(dev->arch->kernels, k->arch);
	char bf16_name[CASE_NAME];
	struct op_case bf16;
	int nr = 0;

	for (const struct op_case *c = op->cases; c->name && runs; c++) {
		nr += check_case(op, c, k, dev);
		if (case_bf16(op, c, &bf16, bf16_name))
			nr += check_case(op, &bf16, k, dev);
	}
	/* A kernel for another processor is usable nowhere here. */
	ck_assert_msg(nr || !runs || k->usable, "op '%s' has no cases", op->name);
	device_close(dev);
}

START_TEST(kernel_on_cpu)
{
	check_kernel(_i, "cpu");
}
END_TEST

static void add_kernels(TCase *tc)
{
	tcase_set_timeout(tc, SECONDS);
	tcase_add_loop_test(tc, kernel_on_cpu, 0, (int)kernel_table()->nr);
}
TEST_REGISTER(op_kernels, add_kernels);

/*
 * The kernels whose code asks simd_level(), once for each level below this machine's:
 * products (linear, its gradients, the loss, Muon, mm, qlinear, sparse_linear) and attention.
 */
static bool asks_level(const struct kernel *k)
{
	static const char *const begins[] = { "attention", "linear", "mm", "muon", "qlinear",
						"sparse_linear" };

	if (strcmp(k->arch, "cpu"))
		return false;
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (!strncmp(k->op, begins[i], strlen(begins[i])))
			return true;
	return false;
}

START_TEST(kernel_at_level)
{
	int level = _i / (int)kernel_table()->nr, kernel = _i % (int)kernel_table()->nr;

	simd_limit(level);
	check_kernel(kernel, "cpu");
	simd_limit(SIMD_LEVEL_AVX512_BF16);
}
END_TEST

static void add_levels(TCase *tc)
{
	int nr = (int)kernel_table()->nr;

	tcase_set_timeout(tc, SECONDS);
	for (int i = 0; i < nr * (int)simd_level(); i++)
		if (asks_level(kernel_table()->sorted[i % nr]))
			tcase_add_loop_test(tc, kernel_at_level, i, i + 1);
}
TEST_REGISTER(op_levels, add_levels);

/* Other devices: those that are compiled in. */
static bool has_device(const char *name)
{
	for (const struct arch *const *a = __start_knlp_archs; a < __stop_knlp_archs; a++)
		if (!strcmp((*a)->name, name))
			return true;
	return false;
}

START_TEST(kernel_on_remote)
{
	check_kernel(_i, "remote");
}
END_TEST

START_TEST(kernel_on_cuda_host)
{
	check_kernel(_i, "cuda-host");
	check_kernel(_i, "cuda-host:1");	/* a block's threads in reverse */
	check_kernel(_i, "cuda-host:2");	/* at random: no order hides a missing barrier */
}
END_TEST

static void add_remote(TCase *tc)
{
	tcase_set_timeout(tc, SECONDS);
	if (has_device("remote"))
		tcase_add_loop_test(tc, kernel_on_remote, 0, (int)kernel_table()->nr);
}
TEST_REGISTER(op_remote, add_remote);

static void add_cuda_host(TCase *tc)
{
	tcase_set_timeout(tc, SECONDS);
	if (has_device("cuda-host"))
		tcase_add_loop_test(tc, kernel_on_cuda_host, 0, (int)kernel_table()->nr);
}
TEST_REGISTER(op_cuda_host, add_cuda_host);

START_TEST(gradient)
{
	const struct op *op = op_table()->sorted[_i];
	bool any = false;

	for (const struct op_case *c = op->cases; c->name; c++) {
		const char *wrong = opcheck_gradient(op, c);

		ck_assert_msg(!wrong, "%s", wrong);
		for (int i = 0; i < c->nr_in; i++)
			any |= c->in[i].differentiable;
	}
	ck_assert_msg(any || !op->grad, "op '%s' has a gradient rule but no case checks it",
		      op->name);
}
END_TEST

static void add_gradients(TCase *tc)
{
	tcase_set_timeout(tc, SECONDS);
	tcase_add_loop_test(tc, gradient, 0, (int)op_table()->nr);
}
TEST_REGISTER(op_gradients, add_gradients);

START_TEST(extents)
{
	const struct op *op = op_table()->sorted[_i];
	struct device *dev = open_device("cpu");

	for (const struct op_case *c = op->cases; c->name; c++) {
		const char *wrong = opcheck_extents(op, c, dev);
		char name[CASE_NAME];
		struct op_case bf16;

		ck_assert_msg(!wrong, "%s", wrong);
		wrong = case_bf16(op, c, &bf16, name) ? opcheck_extents(op, &bf16, dev) : NULL;
		ck_assert_msg(!wrong, "%s", wrong);
	}
	device_close(dev);
}
END_TEST

static void add_extents(TCase *tc)
{
	tcase_set_timeout(tc, SECONDS);
	tcase_add_loop_test(tc, extents, 0, (int)op_table()->nr);
}
TEST_REGISTER(op_extents, add_extents);

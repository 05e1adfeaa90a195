// SPDX-License-Identifier: MIT
/*
 * knlp-test -b [OP]...: how fast each kernel is, as a share of what this machine can do.
 *
 * The ceilings (multiply-adds of vectors, copying of memory) are measured in the same
 * process just before, so that the shares of two runs can be compared although the
 * machine's speed drifts.
 */
#include "tests/ops/bench.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/thread.h"
#include "tensor/arch.h"
#include "tensor/subject.h"
#include "tests/ops/opcheck.h"

void bench_ceilings(struct device_rates *rates)
{
	struct device *dev;

	BUG_ON(device_open("cpu", &dev) || device_measure(dev, 0.3, rates));
	device_close(dev);
}

/* ---- kernels -------------------------------------------------------------------- */

/* The slower of arithmetic and memory, if both ran at the ceiling. */
static double best_time(const struct cost *cost, const struct subject *s,
			const struct device_rates *top)
{
	double f = cost->flops / rates_peak(top, s->call.nr_in ? &s->call.in[0] : NULL);
	double b = cost->bytes / top->copy;

	return f > b ? f : b;
}

static int bench_case(const struct op *op, const struct op_case *c, const char *label,
		      const struct kernel *k, struct device *dev, const struct device_rates *top)
{
	struct cost cost = { 0, 0 };
	struct subject s;
	int ret = subject_make(&s, op, c, k, dev);

	if (!ret) {
		double t = subject_time(&s);

		if (op->cost)
			op->cost(c->attr, s.call.in, s.call.out, &cost);
		printf("%-36s %-32s %10.3f %9.2f %9.2f %7.1f\n", label, k->name, 1e3 * t,
		       1e-9 * cost.flops / t, 1e-9 * cost.bytes / t,
		       100 * best_time(&cost, &s, top) / t);
	}
	subject_free(&s);
	return ret;
}

static const struct op_case *last_case(const struct op *op)
{
	const struct op_case *c = op->cases;

	while (c[1].name)
		c++;
	return c;
}

/* The cases at the sizes of training, if there are any, in f32 and in bf16. */
static int bench_kernel(const struct op *op, const struct kernel *k, struct device *dev,
			const struct device_rates *top)
{
	char name[CASE_NAME], label[2 * CASE_NAME];
	struct op_case bf16;
	int ret = 0;

	if (!op->timed)
		return bench_case(op, last_case(op), op->name, k, dev, top);
	for (const struct op_case *c = op->timed; c->name && !ret; c++) {
		snprintf(label, sizeof(label), "%s:%s", op->name, c->name);
		if (case_usable(op, c, k, dev))
			ret = bench_case(op, c, label, k, dev, top);
		if (ret || !case_bf16(op, c, &bf16, name) || !case_usable(op, &bf16, k, dev))
			continue;
		snprintf(label, sizeof(label), "%s:%s", op->name, name);
		ret = bench_case(op, &bf16, label, k, dev, top);
	}
	return ret;
}

int bench_all(char **names, int nr)
{
	const struct kernel *k;
	struct device_rates top;
	struct device *dev;
	int ret;

	if (nr == 1 && !strcmp(names[0], "gemm")) {
		bench_gemm();
		return 0;
	}
	if (IS_ENABLED(CONFIG_PRUNE) && nr && !strcmp(names[0], "prune"))
		return bench_prune();
	if (nr && !strcmp(names[0], "memory"))
		return bench_memory(names + 1, nr - 1);
	ret = device_open("cpu", &dev);
	if (ret)
		return ret;
	bench_ceilings(&top);
	printf("# one thread; multiply-add %.1f GFLOP/s, in bf16 %.1f, copy %.1f GB/s\n",
	       1e-9 * top.f32, 1e-9 * top.bf16, 1e-9 * top.copy);
	printf("%-36s %-32s %10s %9s %9s %7s\n", "# op", "kernel", "ms", "GFLOP/s", "GB/s",
	       "% best");
	registry_for_each(kernel_table(), k) {
		bool wanted = !nr;

		for (int i = 0; i < nr; i++)
			wanted |= !strcmp(names[i], k->op);
		if (wanted && !strcmp(k->arch, "cpu") && !ret)
			ret = bench_kernel(op_find(k->op), k, dev, &top);
	}
	device_close(dev);
	return ret;
}

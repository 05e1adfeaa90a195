// SPDX-License-Identifier: MIT
#include "tensor/op.h"

#include <string.h>

#include "base/fail.h"
#include "base/selfcheck.h"
#include "tensor/arch.h"

static struct registry ops, kernels;

const struct registry *op_table(void)
{
	if (!ops.sorted) {
		ops = (struct registry)REGISTRY_INIT("op", knlp_ops);
		BUG_ON(registry_sort(&ops, 0));
	}
	return &ops;
}

const struct registry *kernel_table(void)
{
	if (!kernels.sorted) {
		kernels = (struct registry)REGISTRY_INIT("kernel", knlp_kernels);
		BUG_ON(registry_sort(&kernels, 0));
	}
	return &kernels;
}

const struct op *op_find(const char *name)
{
	return registry_find(op_table(), name);
}

const struct kernel *kernel_choose(const struct call *maximal, const struct device *dev)
{
	const struct kernel *k, *best = NULL;

	registry_for_each(kernel_table(), k) {
		if (strcmp(k->op, maximal->op->name) || strcmp(k->arch, dev->arch->kernels))
			continue;
		if (best && k->rank <= best->rank)
			continue;
		if (!k->usable || k->usable(maximal, dev))
			best = k;
	}
	if (!best)
		fail(-EOPNOTSUPP, "op '%s' has no kernel for device '%s' that fits %s",
		     maximal->op->name, dev->arch->name,
		     maximal->nr_in ? dtype_info(maximal->in[0].dtype)->name : "it");
	return best;
}

static int check_op(const struct op *op)
{
	if (!op->infer || !op->summary || op->nr_in > MAX_IN || op->nr_out > MAX_OUT)
		return fail(-EINVAL, "op '%s' is incomplete: infer, summary or counts", op->name);
	if (!IS_ENABLED(CONFIG_ORACLES))
		return 0;
	if (!(op->flags & OP_VIEW) && !op->oracle)
		return fail(-EINVAL, "op '%s' has no oracle", op->name);
	if (!op->cases)
		return fail(-EINVAL, "op '%s' has no test cases", op->name);
	return 0;
}

static int check_kernels(const struct op *op)
{
	const struct kernel *k;
	bool plain = op->flags & OP_VIEW;

	registry_for_each(kernel_table(), k) {
		if (!strcmp(k->op, op->name) && !strcmp(k->arch, arch_reference()) &&
		    !k->rank && !k->usable)
			plain = true;
	}
	return plain ? 0 : fail(-EINVAL, "op '%s' has no plain kernel (%s, rank 0)", op->name,
				    arch_reference());
}

int ops_check(void)
{
	const struct op *op;
	const struct kernel *k, *previous = NULL;
	int ret;

	if (!op_table()->nr || !kernel_table()->nr)
		return fail(-EINVAL, "the op or kernel table is empty: the linker dropped it");
	for (size_t i = 1; i < ops.nr; i++)
		if (!strcmp(((const struct op *)ops.sorted[i])->name,
			    ((const struct op *)ops.sorted[i - 1])->name))
			return fail(-EEXIST, "two ops are called '%s': rename one of them",
				    ((const struct op *)ops.sorted[i])->name);
	registry_for_each(op_table(), op) {
		ret = check_op(op);
		if (!ret)
			ret = check_kernels(op);
		if (ret)
			return ret;
	}
	registry_for_each(kernel_table(), k) {
		if (!op_find(k->op))
			return fail(-EINVAL, "kernel '%s' is for op '%s', which does not exist",
				    k->name, k->op);
		if (previous && !strcmp(previous->op, k->op) && !strcmp(previous->name, k->name))
			return fail(-EEXIST, "two kernels are called '%s': rename one of them",
				    k->name);
		previous = k;
	}
	return 0;
}

SELFCHECK_REGISTER(ops_check);

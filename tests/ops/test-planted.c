// SPDX-License-Identifier: MIT
/*
 * Are the op tests able to fail?  Each test plants the smallest fault of its kind into
 * one op, runs the check that should find it, and demands that it does.
 */
#include <math.h>
#include <string.h>

#include "tensor/arch.h"
#include "tensor/graph.h"
#include "tensor/op.h"
#include "tests/ops/opcheck.h"
#include "tests/unit/test.h"

static const struct kernel *plain_kernel(const char *op)
{
	const struct kernel *k;

	registry_for_each(kernel_table(), k) {
		if (!strcmp(k->op, op) && !strcmp(k->arch, "cpu") && !k->rank)
			return k;
	}
	return NULL;
}

/* The last case: the largest. */
static const struct op_case *last_case(const struct op *op)
{
	const struct op_case *c = op->cases;

	while (c[1].name)
		c++;
	return c;
}

static const struct kernel *honest;
static int calls;

/* One element off by a thousandth of the largest. */
static int spoil_one(const struct call *c)
{
	float *y = c->out_data[0], largest = 0;
	int64_t n = layout_count(&c->out[0]);
	int ret = honest->run(c);

	for (int64_t i = 0; i < n; i++)
		if (fabsf(y[i]) > largest)
			largest = fabsf(y[i]);
	y[n / 2] += 1e-3f * (largest > 0 ? largest : 1);
	return ret;
}

static int spoil_second_call(const struct call *c)
{
	float *y = c->out_data[0];
	int ret = honest->run(c);

	if (calls++)
		y[0] += 1e-7f * y[0];	/* far inside the tolerance */
	return ret;
}

static int write_behind(const struct call *c)
{
	float *y = c->out_data[0];
	int ret = honest->run(c);

	y[layout_count(&c->out[0])] = 0;
	return ret;
}

static const char *check_spoiled(const char *name, int (*run)(const struct call *))
{
	const struct op *op = op_find(name);
	struct kernel spoiled;
	struct device *dev;
	const char *wrong;

	honest = plain_kernel(name);
	CHECK(honest);
	spoiled = *honest;
	spoiled.run = run;
	check_ok(device_open("cpu", &dev));
	CHECK(!opcheck_kernel(op, last_case(op), honest, dev));
	wrong = opcheck_kernel(op, last_case(op), &spoiled, dev);
	device_close(dev);
	return wrong;
}

/* In the plain kernel of every op that makes floats. */
static void planted_kernel(void)
{
	const struct op *op;
	int nr = 0;

	registry_for_each(op_table(), op) {
		struct layout in[MAX_IN], out[MAX_OUT];
		const struct op_case *c = last_case(op);
		const char *wrong;

		for (int i = 0; i < MAX_IN; i++)
			in[i] = i < c->nr_in && c->in[i].nd >= 0
			      ? layout_make(c->in[i].dtype, c->in[i].nd, c->in[i].n)
			      : (struct layout){ .nd = -1 };
		check_ok(op->infer(c->attr, in, c->nr_in, out));
		if (op->flags & OP_VIEW || out[0].dtype != DT_F32)
			continue;
		wrong = check_spoiled(op->name, spoil_one);
		ck_assert_msg(wrong && strstr(wrong, "the oracle says"), "%s: not caught",
			      op->name);
		nr++;
	}
	ck_assert_int_gt(nr, 40);
}
TEST_REGISTER(planted_kernel);

static void planted_other_bits(void)
{
	const char *wrong = check_spoiled("softmax", spoil_second_call);

	CHECK(wrong && strstr(wrong, "other bits"));
}
TEST_REGISTER(planted_other_bits);

static void planted_overrun(void)
{
	const char *wrong = check_spoiled("gelu", write_behind);

	CHECK(wrong && strstr(wrong, "outside"));
}
TEST_REGISTER(planted_overrun);

static int (*true_oracle)(const struct oracle_call *c);

static int oracle_off_by_one_element(const struct oracle_call *c)
{
	int ret = true_oracle(c);

	c->out[0][0] *= 1 + 1e-5;
	return ret;
}

/* The gradient rule of silu, but through a gradient op that is wrong in one element. */
static int spoiled_rule(struct backward *b, struct node *n, struct tensor *const *dout)
{
	static struct op spoiled;
	struct tensor *in[2] = { dout[0], n->in[0] };

	spoiled = *op_find("silu_grad");
	true_oracle = spoiled.oracle;
	spoiled.oracle = oracle_off_by_one_element;
	backward_add(b, n->in[0], graph_op(backward_graph(b), &spoiled, n->attr, in, 2));
	return 0;
}

/* Softmax without the term that the normalisation brings: dx = y dy. */
static int incomplete_rule(struct backward *b, struct node *n, struct tensor *const *dout)
{
	struct tensor *in[2] = { dout[0], n->out[0] };
	static const char no_attr[64];

	backward_add(b, n->in[0], graph_op(backward_graph(b), op_find("mul"), no_attr, in, 2));
	return 0;
}

static void planted_missing_term(void)
{
	static struct op softmax;
	const char *wrong;

	softmax = *op_find("softmax");
	softmax.grad = incomplete_rule;
	wrong = opcheck_gradient(&softmax, last_case(&softmax));
	for (const struct op_case *c = softmax.cases; c->name && !wrong; c++)
		wrong = opcheck_gradient(&softmax, c);
	CHECK(wrong && strstr(wrong, "finite differences"));
}
TEST_REGISTER(planted_missing_term);

static void planted_gradient(void)
{
	static struct op silu;
	const char *wrong;

	silu = *op_find("silu");
	CHECK(!opcheck_gradient(&silu, &silu.cases[0]));
	silu.grad = spoiled_rule;
	wrong = opcheck_gradient(&silu, &silu.cases[0]);
	CHECK(wrong && strstr(wrong, "finite differences"));
}
TEST_REGISTER(planted_gradient);

// SPDX-License-Identifier: MIT
/* The oracles of all ops against PyTorch: tests/ops/golden.h. */
#include <math.h>

#include "base/registry.h"
#include "tests/ops/golden.h"
#include "tests/unit/data-helper.h"

/* Ops that PyTorch can say nothing about, each with the reason. */
static const struct {
	const char *op, *reason;
} excused[] = {
	{ "sparse_linear", "PyTorch has no such matrices: test-sparse.c has what numpy says" },
	{ "qlinear", "PyTorch has no such types: test-block.c has what gguf-py says of them" },
	{ NULL, NULL },
};

static struct st *open_golden(void)
{
	char *path = tree_path("tests/data/golden/ops.safetensors");
	struct st *st;

	check_ok(st_open(path, &st));
	free(path);
	return st;
}

static void golden_ops_agree(void)
{
	struct st *st = open_golden();
	char name[GOLDEN_NAME] = "";
	int nr = 0;

	for (; golden_next(st, name); nr++) {
		struct golden_case c;
		const char *wrong;

		check_ok(golden_run(st, name, &c));
		wrong = golden_compare(&c);
		ck_assert_msg(!wrong, "%s", wrong);
		golden_free(&c);
	}
	ck_assert_int_gt(nr, 0);
	st_close(st);
}
TEST_REGISTER(golden_ops_agree);

/* An error of 1e-10 in any one element of what PyTorch said must be found. */
static void check_planted(struct golden_case *c, struct golden_pair *p, int64_t i)
{
	double kept = p->want[i], max = fabs(kept);

	for (int64_t k = 0; k < p->count; k++)
		max = isfinite(p->want[k]) ? fmax(max, fabs(p->want[k])) : max;
	p->want[i] = isfinite(kept) ? kept + 1e-10 * max + 1e-10 : 0;
	ck_assert_msg(golden_compare(c) != NULL, "%s: an error in %s element %lld was missed",
		      c->name, p->what, (long long)i);
	p->want[i] = kept;
}

static void golden_ops_planted(void)
{
	struct st *st = open_golden();
	char name[GOLDEN_NAME] = "";

	while (golden_next(st, name)) {
		struct golden_case c;

		check_ok(golden_run(st, name, &c));
		for (int k = 0; k < c.nr; k++)
			for (int64_t i = 0; i < c.pair[k].count; i++)
				check_planted(&c, &c.pair[k], i);
		golden_free(&c);
	}
	st_close(st);
}
TEST_REGISTER(golden_ops_planted);

static bool is_excused(const char *op)
{
	for (int i = 0; excused[i].op; i++)
		if (!strcmp(excused[i].op, op))
			return true;
	return false;
}

/* Mark the ops whose nodes took part in a case. */
static void mark_ops(const struct golden_case *c, bool *seen)
{
	const struct registry *ops = op_table();
	const struct op *op;

	for (int n = 0; n < c->g->nr_nodes; n++)
		registry_for_each(ops, op)
			seen[op_i] |= op == c->g->nodes[n]->op;
}

static void golden_ops_complete(void)
{
	const struct registry *ops = op_table();
	bool *seen = calloc(ops->nr + 1, sizeof(*seen));
	struct st *st = open_golden();
	char name[GOLDEN_NAME] = "";
	const struct op *op;

	while (golden_next(st, name)) {
		struct golden_case c;

		check_ok(golden_run(st, name, &c));
		mark_ops(&c, seen);
		golden_free(&c);
	}
	registry_for_each(ops, op)
		ck_assert_msg(seen[op_i] != is_excused(op->name), "op '%s' is %s: see "
			      "tests/data/golden/README.md", op->name,
			      seen[op_i] ? "excused but has a golden case" : "in no golden case");
	for (int i = 0; excused[i].op; i++)
		CHECK(op_find(excused[i].op) && *excused[i].reason);
	st_close(st);
	free(seen);
}
TEST_REGISTER(golden_ops_complete);

static void golden_ops_attributes(void)
{
	_Alignas(8) char attr[128] = { 0 };
	const struct op *gelu = op_find("gelu");

	check_ok(golden_attr(gelu, "{\"exact\":true}", attr));
	CHECK(*(bool *)attr);
	check_fails(golden_attr(gelu, "{}", attr), -EINVAL, "exact");
	check_fails(golden_attr(gelu, "{\"exact\":1}", attr), -EINVAL, "exact");
	check_fails(golden_attr(gelu, "{\"exact\":true,\"more\":1}", attr), -EINVAL, "lacks");
	check_fails(golden_attr(gelu, NULL, attr), -EINVAL, "golden-attr.c");
	check_fails(golden_attr(op_find("add"), "{}", attr), -EINVAL, "golden-attr.c");
}
TEST_REGISTER(golden_ops_attributes);

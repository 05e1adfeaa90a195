// SPDX-License-Identifier: MIT
/*
 * knlp-test -b prune: a mask of the 124M weights of GPT-2, from scores to zeros in the weights.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/thread.h"
#include "prune/choose.h"
#include "prune/mask.h"
#include "tests/ops/bench.h"

#define RUNS 3
#define LAYERS 12
#define PER_LAYER 4
#define TENSORS (PER_LAYER * LAYERS + 1)

struct gpt2 {
	struct prune_tensor t[TENSORS];
	float *w[TENSORS], *v[TENSORS];
};

/* Numbers as an optimizer leaves them, from a generator that is fast. */
static void fill(struct gpt2 *g, int i)
{
	int64_t nr = prune_tensor_count(&g->t[i]);
	uint64_t state = 88172645463325252u + (uint64_t)i;

	for (int64_t k = 0; k < nr; k++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		g->w[i][k] = ((float)(state >> 40) - 0x1p23f) * 1e-9f;
		g->v[i][k] = (float)(state & 0xffff) * 1e-14f;
	}
}

static int make(struct gpt2 *g)
{
	static const int64_t shape[PER_LAYER][2] = {
		{ 2304, 768 }, { 768, 768 }, { 3072, 768 }, { 768, 3072 },
	};

	for (int i = 0; i < TENSORS; i++) {
		struct prune_tensor *t = &g->t[i];
		int64_t nr;

		t->name = "w";
		t->layer = i / PER_LAYER;
		t->sparsity = 0.5;
		t->rows = i == TENSORS - 1 ? 50257 : shape[i % PER_LAYER][0];
		t->cols = i == TENSORS - 1 ? 768 : shape[i % PER_LAYER][1];
		nr = prune_tensor_count(t);
		t->in[PRUNE_WEIGHT] = g->w[i] = malloc(nr * sizeof(float));
		t->in[PRUNE_EXP_AVG_SQ] = g->v[i] = malloc(nr * sizeof(float));
		t->mask = mask_new(nr);
		if (!g->w[i] || !g->v[i] || !t->mask)
			return fail_nomem(nr * sizeof(float), "weights");
		fill(g, i);
	}
	return 0;
}

static void put_back(struct gpt2 *g)
{
	for (int i = 0; i < TENSORS; i++) {
		free(g->w[i]);
		free(g->v[i]);
		free(g->t[i].mask);
	}
	free(g);
}

/* Processor time of all threads, which says more than the clock where others work as well. */
static double cpu_seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static int once(struct gpt2 *g, const struct prune_choice *c, double *seconds, double *cpu)
{
	double from = clock_seconds(), cpu_from = cpu_seconds();
	int ret = prune_choose(c, g->t, TENSORS);

	for (int i = 0; i < TENSORS && !ret; i++)
		mask_apply(g->t[i].mask, prune_tensor_count(&g->t[i]), DT_F32, g->w[i]);
	*seconds = clock_seconds() - from;
	*cpu = cpu_seconds() - cpu_from;
	return ret;
}

static int measure(struct gpt2 *g, const char *name, int scope)
{
	struct prune_choice c = { .criterion = criterion_find(name), .scope = scope,
				  .values = { 1, 124439808, 0.25, 1e-13 } };
	double seconds[RUNS], cpu[RUNS];
	int ret = c.criterion ? 0 : -EINVAL;

	if (scope == PRUNE_SCOPES) {
		c.keep = 2;
		c.of = 4;
		c.scope = PRUNE_TENSOR;
	}
	for (int i = 0; i < RUNS && !ret; i++) {
		for (int k = 0; k < TENSORS; k++)
			fill(g, k);
		ret = once(g, &c, &seconds[i], &cpu[i]);
	}
	if (!ret)
		printf("%-12s %-8s %8.3f s  %8.3f s\n", name,
		       c.of ? "2:4" : prune_scope_names[scope], clock_median(seconds, RUNS),
		       clock_median(cpu, RUNS));
	return ret;
}

int bench_prune(void)
{
	static const char *const criteria[] = { "magnitude", "bitter7" };
	struct gpt2 *g = calloc(1, sizeof(*g));
	int ret = g ? make(g) : fail_nomem(sizeof(*g), "tensors");

	if (!ret)
		ret = threads_start(threads_default());
	if (!ret)
		printf("124M weights, half of them dropped, %d threads: the whole mask, applied\n\n"
		       "criterion    scope        time   processors\n", threads_count());
	for (int i = 0; i < 2 && !ret; i++)
		for (int scope = 0; scope <= PRUNE_SCOPES && !ret; scope++)
			ret = measure(g, criteria[i], scope);
	if (g)
		put_back(g);
	return ret;
}

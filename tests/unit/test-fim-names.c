// SPDX-License-Identifier: MIT
/*
 * What FIM files say through the names of their tensors: layers, in averages and on pages.
 */
#include <math.h>

#include "base/rng.h"
#include "fim/compare.h"
#include "fim/summary.h"
#include "tests/unit/fim-helper.h"

#define SIDE 12
#define COUNT (SIDE * SIDE)

static void fim_layer_numbers(void)
{
	ck_assert_int_eq(fim_layer("model.layers.3.mlp.up_proj.weight"), 3);
	ck_assert_int_eq(fim_layer("transformer.h.11.ln_1.bias"), 11);
	ck_assert_int_eq(fim_layer("model.embed_tokens.weight"), -1);
	ck_assert_int_eq(fim_layer("lm_head.weight"), -1);
	ck_assert_int_eq(fim_layer("a.1b.c"), -1);
	ck_assert_int_eq(fim_layer(""), -1);
}
TEST_REGISTER(fim_layer_numbers);

/* Tensor 0 has another order in each file, the others do not. */
static int fetch(void *ctx, int tensor, bool half, int64_t at, int64_t nr, float *to)
{
	struct rng r = rng_stream(tensor ? 1 : *(const uint64_t *)ctx, "element", tensor);

	(void)half;
	for (int64_t i = 0; i < nr; i++)
		to[i] = (float)rng_uniform(&r, at + i);
	return 0;
}

static struct fim *make(const char *dir, const char *name, const struct fim_tensor *tensors, int nr,
			uint64_t seed)
{
	struct fim_values v = { tensors, nr, false, fetch, &seed };
	struct fim_output o = { path_join(dir, name), 1 << FIM_DIAGONAL, FIM_SHRINK_NONE };
	struct fim_facts facts = { .unit = "sequence", .labels = "observed", .model = "m",
				   .data = "d", .samples = "0-3", .sequences = 4, .draws = 1,
				   .batch = 1, .context = 8, .squares = 4, .tokens = 32 };
	struct fim *f;

	check_ok(fim_write_diagonal(&v, &facts, &o, NULL));
	check_ok(fim_open(o.path, &f));
	free((char *)o.path);
	return f;
}

/* Embeddings and vectors are left out of the mean over layers. */
static void fim_compare_layers(void)
{
	static const struct fim_tensor tensors[] = {
		{ "embed.weight", 2, { SIDE, SIDE }, false },
		{ "h.0.a.weight", 2, { SIDE, SIDE }, false },
		{ "h.0.a.bias", 1, { SIDE, 1 }, false },
		{ "h.1.a.weight", 2, { SIDE, SIDE }, false },
	};
	struct fim_compare_options o = { 0, 1 };
	struct fim_comparison c;
	char *dir = scratch_make();
	struct fim *f = make(dir, "f.st", tensors, 4, 2), *g = make(dir, "g.st", tensors, 4, 3);

	check_ok(fim_compare(f, g, &o, &c));
	ck_assert_int_eq(c.layers.count, 2 * COUNT);
	ck_assert_int_eq(c.all.count, 3 * COUNT + SIDE);
	ck_assert_double_eq_tol(c.layers.plain.rho, 1, 1e-12);
	ck_assert_double_eq_tol(c.layers.ratio, 1, 1e-12);
	ck_assert_double_eq_tol(c.all.plain.rho, (c.pair[0].plain.rho * COUNT + 2 * COUNT + SIDE) /
				(3 * COUNT + SIDE), 1e-12);
	CHECK(fabs(c.pair[0].plain.rho) < 0.5 && isnan(c.layers.plain.corrected_f));
	fim_comparison_free(&c);
	fim_close(f);
	fim_close(g);
	scratch_remove(dir);
}
TEST_REGISTER(fim_compare_layers);

#define MANY 1100	/* layers, each with a kind of its own: more cells than a map may have */

/* A file of a few kB must not ask for a map of 20 GB. */
static void fim_page_of_many_layers(void)
{
	struct fim_tensor *tensors = calloc(MANY, sizeof(*tensors));
	char (*names)[24] = calloc(MANY, sizeof(*names)), *dir = scratch_make();
	struct strbuf page;
	struct fim *f;

	for (int i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "a.%d.k%d", i, i);
		tensors[i] = (struct fim_tensor){ names[i], 1, { 1, 1 }, false };
	}
	f = make(dir, "f.st", tensors, MANY, 1);
	strbuf_init(&page);
	check_ok(fim_html(f, &page));
	CHECK(strstr(page.s, "too many layers for a map"));
	strbuf_free(&page);
	fim_close(f);
	scratch_remove(dir);
	free(names);
	free(tensors);
}
TEST_REGISTER(fim_page_of_many_layers);

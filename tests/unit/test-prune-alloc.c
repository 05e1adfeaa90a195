// SPDX-License-Identifier: MIT
/*
 * Allocations: sums, floors, closed forms; which parameters are pruned.
 */
#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "nn/model.h"
#include "prune/allocation.h"
#include "prune/mask.h"
#include "prune/select.h"
#include "prune/settings.h"
#include "prune/targets.h"
#include "tests/unit/io-helper.h"
#include "tests/unit/test.h"

#define TENSORS 6

struct set {
	float *w[TENSORS], *norm[TENSORS];
	struct prune_tensor t[TENSORS];
	struct config *cfg;
	struct prune_choice choice;
	struct alloc_call call;
};

/* Weights of tensor i are of size i + 1; those of block 2 have heavy tails. */
static void set_make(struct set *s)
{
	static const int64_t shape[TENSORS][2] = {
		{ 30, 64 }, { 64, 30 }, { 20, 40 }, { 200, 64 }, { 9, 100 }, { 64, 64 },
	};
	static const char *const names[TENSORS] = { "h.0.a", "h.0.b", "h.1.a", "h.1.b", "h.2.a",
						    "h.2.b" };
	struct rng r = rng_stream(8, "test/alloc", 0);

	memset(s, 0, sizeof(*s));
	s->cfg = config_new();
	for (int i = 0; i < TENSORS; i++) {
		int64_t nr = shape[i][0] * shape[i][1];

		s->w[i] = malloc(nr * sizeof(float));
		s->norm[i] = malloc(shape[i][1] * sizeof(float));
		for (int64_t k = 0; k < nr; k++) {
			float x = (i + 1) * rng_normal(&r, i * 100000 + k);

			s->w[i][k] = i / 2 == 2 ? x * x * x : x;
		}
		for (int64_t k = 0; k < shape[i][1]; k++)
			s->norm[i][k] = 1;
		s->t[i] = (struct prune_tensor){
			.name = names[i], .layer = i / 2, .rows = shape[i][0], .cols = shape[i][1],
			.mask = mask_new(nr), .norm = s->norm[i],
		};
		s->t[i].in[PRUNE_WEIGHT] = s->w[i];
	}
	s->choice = (struct prune_choice){ .criterion = criterion_find("magnitude"),
					   .scope = PRUNE_TENSOR };
	s->call = (struct alloc_call){ .sparsity = 0.6, .cfg = s->cfg, .choice = &s->choice,
				       .tensors = s->t, .nr = TENSORS };
}

static void set_free(struct set *s)
{
	for (int i = 0; i < TENSORS; i++) {
		free(s->w[i]);
		free(s->norm[i]);
		free(s->t[i].mask);
	}
	config_free(s->cfg);
}

/* Share of all weights that the sparsities drop. */
static double share(const struct set *s)
{
	double dropped = 0, all = 0;

	for (int i = 0; i < TENSORS; i++) {
		dropped += s->t[i].sparsity * prune_tensor_count(&s->t[i]);
		all += prune_tensor_count(&s->t[i]);
	}
	return dropped / all;
}

static void assign(struct set *s, const char *name)
{
	const struct allocation *a = allocation_find(name);

	CHECK(a);
	check_ok(a->assign(&s->call));
}

static void prune_alloc_sums(void)
{
	static const char *const names[] = { "uniform", "depth", "erk", "owl", "global" };
	struct set s;

	set_make(&s);
	for (int i = 0; i < 5; i++)
		for (double sparsity = 0.2; sparsity < 0.9; sparsity += 0.1) {
			s.call.sparsity = sparsity;
			assign(&s, names[i]);
			CHECK(fabs(share(&s) - sparsity) < 1e-4);
			for (int k = 0; k < TENSORS; k++)
				CHECK(s.t[k].sparsity >= 0 && s.t[k].sparsity < 1);
		}
	CHECK(!allocation_find("nothing"));
	set_free(&s);
}
TEST_REGISTER(prune_alloc_sums);

static void prune_alloc_shapes(void)
{
	double density[2];
	struct set s;

	set_make(&s);
	assign(&s, "erk");
	for (int i = 0; i < 2; i++) {
		const struct prune_tensor *t = &s.t[i ? 5 : 3];	/* neither is dense */

		CHECK(t->sparsity > 0);
		density[i] = (1 - t->sparsity) * prune_tensor_count(t) / (t->rows + t->cols);
	}
	CHECK(fabs(density[0] / density[1] - 1) < 1e-9);
	assign(&s, "depth");
	CHECK(fabs(s.t[5].sparsity / s.t[0].sparsity - 1.3 / 0.7) < 1e-9);
	assign(&s, "owl");	/* outliers are in block 2 */
	CHECK(s.t[4].sparsity < s.t[0].sparsity && s.t[4].sparsity == s.t[5].sparsity);
	CHECK(fabs(s.t[0].sparsity - s.t[4].sparsity) <= 0.16 + 1e-9);
	set_free(&s);
}
TEST_REGISTER(prune_alloc_shapes);

/* Without a floor that holds, it is one threshold; with it nobody is below the floor. */
static void prune_alloc_global(void)
{
	int64_t all = 0, dropped = 0, want;
	struct set s;

	set_make(&s);
	check_ok(config_set(s.cfg, "PRUNE_FLOOR=0"));
	assign(&s, "global");
	check_ok(prune_choose(&s.choice, s.t, TENSORS));
	for (int i = 0; i < TENSORS; i++) {
		all += prune_tensor_count(&s.t[i]);
		dropped += prune_tensor_count(&s.t[i]) -
			   mask_kept(s.t[i].mask, prune_tensor_count(&s.t[i]));
	}
	want = select_count(0.6, all);
	CHECK(dropped == want);
	CHECK(s.t[0].sparsity > 0.9);
	check_ok(config_set(s.cfg, "PRUNE_FLOOR=0.3"));
	assign(&s, "global");
	check_ok(prune_choose(&s.choice, s.t, TENSORS));
	dropped = 0;
	for (int i = 0; i < TENSORS; i++) {
		int64_t nr = prune_tensor_count(&s.t[i]), kept = mask_kept(s.t[i].mask, nr);

		CHECK(kept >= 0.3 * nr - 1e-6);
		dropped += nr - kept;
	}
	CHECK(dropped == want);
	s.call.sparsity = 0.8;
	check_fails(allocation_find("global")->assign(&s.call), -EINVAL, "cannot be reached");
	set_free(&s);
}
TEST_REGISTER(prune_alloc_global);

static void prune_alloc_file(void)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "a 0.5\n", "no line matches h.0.b" },
		{ "a\n", ":1: want a regular expression" },
		{ "\n# x\na 1\n", ":3: '1' is no sparsity" },
		{ "( 0.5\n", ":1: '(': " },
		{ "a 0.5\nz 0.5\nb 0.5\n", ":2: matches no tensor" },
	};
	const struct allocation *a = allocation_find("file");
	char *scratch = scratch_make(), *path = path_join(scratch, "sparsities");
	char *set_to = str_printf("PRUNE_ALLOC_FILE=%s", path);
	const char *good = "# blocks\nh[.]1 0.25   # one\n a 0.5\nb$\t0\n";
	struct set s;

	set_make(&s);
	check_fails(a->assign(&s.call), -EINVAL, "PRUNE_ALLOC_FILE names no file");
	check_ok(config_set(s.cfg, set_to));
	write_raw(path, good, strlen(good));
	check_ok(a->assign(&s.call));
	CHECK(s.t[0].sparsity == 0.5 && s.t[1].sparsity == 0 && s.t[2].sparsity == 0.25);
	CHECK(s.t[3].sparsity == 0.25 && s.t[4].sparsity == 0.5 && s.t[5].sparsity == 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_raw(path, bad[i].text, strlen(bad[i].text));
		check_fails(a->assign(&s.call), -EINVAL, bad[i].message);
	}
	free(set_to);
	free(path);
	scratch_remove(scratch);
	set_free(&s);
}
TEST_REGISTER(prune_alloc_file);

/* ---- targets --------------------------------------------------------------------------------- */

static int targets(struct config *cfg, struct model *m, const char *assignment, char names[512])
{
	int *index, nr;

	check_ok(config_set(cfg, assignment));
	nr = prune_targets(m, cfg, &index);
	names[0] = '\0';
	for (int i = 0; i < nr; i++)
		snprintf(names + strlen(names), 512 - strlen(names), "%s ",
			 m->params[index[i]].name);
	if (nr >= 0)
		free(index);
	return nr;
}

static void prune_targets_of_gpt2(void)
{
	struct config *cfg = config_new();
	struct model_spec spec;
	struct model *m;
	char names[512];

	check_ok(config_set(cfg, "MODEL_LAYERS=1"));
	check_ok(config_set(cfg, "MODEL_WIDTH=16"));
	check_ok(config_set(cfg, "MODEL_HEADS=2"));
	check_ok(spec_from_config(cfg, 64, &spec));
	check_ok(model_new(&spec, NULL, &m));
	CHECK(targets(cfg, m, "PRUNE_TABLES=n", names) == 4);
	CHECK(!strcmp(names, "transformer.h.0.attn.c_attn.weight "
		      "transformer.h.0.attn.c_proj.weight transformer.h.0.mlp.c_fc.weight "
		      "transformer.h.0.mlp.c_proj.weight "));
	CHECK(targets(cfg, m, "PRUNE_TABLES=y", names) == 5);
	CHECK(!strncmp(names, "transformer.wte.weight ", 23) && !strstr(names, "wpe"));
	CHECK(targets(cfg, m, "PRUNE_INCLUDE=mlp|wte", names) == 3);
	CHECK(targets(cfg, m, "PRUNE_EXCLUDE=proj", names) == 2);
	check_fails(targets(cfg, m, "PRUNE_EXCLUDE=attn", names), -EINVAL, "'attn' matches none");
	check_fails(targets(cfg, m, "PRUNE_EXCLUDE=.", names), -EINVAL, "leaves nothing");
	check_fails(targets(cfg, m, "PRUNE_INCLUDE=ln_1", names), -EINVAL, "'ln_1' matches none");
	check_fails(targets(cfg, m, "PRUNE_INCLUDE=[", names), -EINVAL, "PRUNE_INCLUDE: '['");
	CHECK(prune_layer("transformer.h.12.mlp.c_fc.weight") == 12);
	CHECK(prune_layer("lm_head.weight") == -1 && prune_layer("a.1b.c") == -1);
	model_free(m);
	config_free(cfg);
}
TEST_REGISTER(prune_targets_of_gpt2);

/* ---- settings -------------------------------------------------------------------------------- */

static void prune_settings_bad(void)
{
	static const struct {
		const char *set[3], *message;
	} bad[] = {
		{ { "PRUNE_SPARSITY=0" }, "'0' is not between 0 and 1" },
		{ { "PRUNE_SPARSITY=1" }, "'1' is not between 0 and 1" },
		{ { "PRUNE_SPARSITY=-0.5" }, "not between 0 and 1" },
		{ { "PRUNE_SPARSITY=half" }, "'half' is not" },
		{ { "PRUNE_SPARSITY=" }, "has no sparsity" },
		{ { "PRUNE_SPARSITY=0.5,0.5" }, "is there twice" },
		{ { "PRUNE_SPARSITY=0.5,2:4" }, "is not N:M" },
		{ { "PRUNE_SPARSITY=4:4" }, "0 < N < M" },
		{ { "PRUNE_SPARSITY=2:128" }, "0 < N < M" },
		{ { "PRUNE_SPARSITY=2:4", "PRUNE_ALLOC=erk" }, "N:M is the same everywhere" },
		{ { "PRUNE_SCOPE=global", "PRUNE_ALLOC=erk" }, "has no sparsity per" },
		{ { "PRUNE_CRITERION=sparsegpt", "PRUNE_SCOPE=row" }, "blocks of columns" },
		{ { "PRUNE_CRITERION=sparsegpt", "PRUNE_ALLOC=global" }, "has no scores before" },
		{ { "PRUNE_CRITERION=wanda", "PRUNE_SCOPE=global" }, "needs PRUNE_CALIB=dense" },
	};
	struct prune_settings s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config *cfg = config_new();

		for (int k = 0; k < 3 && bad[i].set[k]; k++)
			check_ok(config_set(cfg, bad[i].set[k]));
		check_fails(prune_settings_read(cfg, &s), -EINVAL, bad[i].message);
		config_free(cfg);
	}
}
TEST_REGISTER(prune_settings_bad);

static void prune_settings_auto(void)
{
	struct config *cfg = config_new();
	struct prune_settings s;

	check_ok(prune_settings_read(cfg, &s));
	CHECK(s.nr == 1 && s.sparsity[0] == 0.5 && s.choice.scope == PRUNE_TENSOR);
	check_ok(config_set(cfg, "PRUNE_CRITERION=wanda"));
	check_ok(config_set(cfg, "PRUNE_SPARSITY=0.3,0.7"));
	check_ok(prune_settings_read(cfg, &s));
	CHECK(s.nr == 2 && s.choice.scope == PRUNE_ROW && s.update == PRUNE_UPDATE_NONE);
	check_ok(config_set(cfg, "PRUNE_CRITERION=bitter4"));
	check_ok(prune_settings_read(cfg, &s));
	CHECK(!strcmp(s.alloc->name, "depth"));
	check_ok(config_set(cfg, "PRUNE_CRITERION=sparsegpt"));
	check_ok(config_set(cfg, "PRUNE_SPARSITY=4:8"));
	check_ok(prune_settings_read(cfg, &s));
	CHECK(s.update == PRUNE_UPDATE_OBS && s.choice.keep == 4 && s.choice.of == 8);
	CHECK(s.sparsity[0] == 0.5 && s.nr == 1);
	config_free(cfg);
}
TEST_REGISTER(prune_settings_auto);

// SPDX-License-Identifier: MIT
/*
 * Importance matrices: activations against transformers (scripts/peers/golden_imatrix.py),
 * Fisher information against sums over its diagonal, the file, the floor.
 */
#include <math.h>

#include "block/block.h"
#include "fim/fim.h"
#include "io/safetensors.h"
#include "nn/model.h"
#include "quant/importance.h"
#include "quant/quant.h"
#include "tests/unit/fim-helper.h"
#include "train/calibrate.h"
#include "train/load.h"

#define LENGTH 20

static const char *const families[] = { "gpt2", "llama", "llama3", "qwen2", "qwen3", "gemma3" };

static struct imatrix_sum *find(struct imatrix_sums *s, const char *name)
{
	for (int i = 0; i < s->nr; i++)
		if (!strcmp(s->of[i].name, name))
			return &s->of[i];
	ck_abort_msg("no '%s'", name);
}

/* ---- activations --------------------------------------------------------------------- */

static int read_tokens(void *ctx, int64_t s, int32_t *tokens)
{
	(void)ctx;
	for (int i = 0; i < LENGTH; i++)
		tokens[i] = (int32_t)((5 * i + i / 7 + s) % 12);
	return 0;
}

static void check_sum(struct imatrix_sums *s, const char *family, const struct st_view *v)
{
	const struct imatrix_sum *e = find(s, v->name + strlen(family) + 1);
	const float *want = v->data;

	ck_assert_int_eq(e->row, v->shape[0]);
	for (int64_t k = 0; k < e->row; k++)
		ck_assert_msg(fabs(e->sum[k] - want[k]) <= 1e-5 * want[k],
			      "%s, column %d: %.9g, not %.9g", v->name, (int)k, e->sum[k],
			      (double)want[k]);
}

static void load(const char *family, struct device *dev, struct loaded *l)
{
	char *name = str_printf("tests/data/formats/%s", family), *path = tree_path(name);

	check_ok(model_load(path, dev, l));
	free(path);
	free(name);
}

static void check_family(const struct st *st, const char *family, struct device *dev)
{
	const struct calib_text text = { 2, LENGTH, read_tokens, NULL };
	struct imatrix_sums s = { 0 };
	size_t len = strlen(family);
	struct loaded l;
	int found = 0;

	load(family, dev, &l);
	check_ok(importance_of_inputs(l.model, dev, &text, &s));
	ck_assert_int_eq(s.count, 2 * LENGTH);
	for (size_t i = 0; i < st_count(st); i++) {
		const struct st_view *v = st_at(st, i);

		if (strncmp(v->name, family, len) || v->name[len] != '/')
			continue;
		check_sum(&s, family, v);
		found++;
	}
	ck_assert_int_eq(s.nr, found);
	CHECK(found > 0);
	imatrix_sums_free(&s);
	model_unload(&l);
}

static void imatrix_inputs(void)
{
	char *path = tree_path("tests/data/golden/imatrix.safetensors");
	struct device *dev;
	struct st *st;

	check_ok(st_open(path, &st));
	check_ok(device_open("cpu", &dev));
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		check_family(st, families[i], dev);
	device_close(dev);
	st_close(st);
	free(path);
}
TEST_REGISTER(imatrix_inputs);

static int refuse(void *ctx, int64_t s, int32_t *tokens)
{
	(void)ctx;
	(void)tokens;
	return fail(-EIO, "sequence %d cannot be read", (int)s);
}

static void imatrix_inputs_error(void)
{
	const struct calib_text text = { 2, LENGTH, refuse, NULL };
	struct imatrix_sums s = { 0 };
	struct device *dev;
	struct loaded l;

	check_ok(device_open("cpu", &dev));
	load("llama", dev, &l);
	ck_assert_int_eq(importance_of_inputs(l.model, dev, &text, &s), -EIO);
	CHECK(message_has("sequence 0 cannot be read"));
	imatrix_sums_free(&s);
	model_unload(&l);
	device_close(dev);
}
TEST_REGISTER(imatrix_inputs_error);

/* ---- Fisher information ---------------------------------------------------------------- */

/* Mean over rows (outputs) of column @k of @item, which is (in, out) if @turned. */
static double column_mean(const struct fim_item *item, bool turned, int64_t k)
{
	int64_t rows = item->n[turned];
	double sum = 0;

	for (int64_t r = 0; r < rows; r++)
		sum += fim_value(item, FIM_DIAGONAL, turned ? k * rows + r : r * item->n[1] + k);
	return sum / (double)rows;
}

static void check_means(struct imatrix_sums *s, const char *name, const struct fim *f,
			const char *item_name, bool turned)
{
	const struct imatrix_sum *e = find(s, name);
	const struct fim_item *item = fim_find(f, item_name);

	ck_assert_int_eq(e->row, item->n[!turned]);
	for (int64_t k = 0; k < e->row; k++) {
		double want = s->scale * column_mean(item, turned, k);

		ck_assert_msg(fabs(e->sum[k] / (double)s->count - want) <= 1e-6 * want,
			      "%s, column %d", name, (int)k);
	}
}

/* The mean over all weights is 1: every column counts as often as it has rows. */
static double mean_of_all(const struct imatrix_sums *s, const struct model *m)
{
	double sum = 0, weights = 0;

	for (int i = 0, e = 0; i < m->nr_params; i++) {
		const struct param_info *p = &m->params[i];

		if (p->nd != 2 || p->positional)
			continue;
		for (int64_t k = 0; k < p->n[1]; k++)
			sum += (double)p->n[0] * s->of[e].sum[k] / (double)s->count;
		weights += (double)p->n[0] * (double)p->n[1];
		e++;
	}
	return sum / weights;
}

static void same_sums(const struct imatrix_sums *a, const struct imatrix_sums *b)
{
	ck_assert_int_eq(a->nr, b->nr);
	for (int i = 0; i < a->nr; i++)
		for (int64_t k = 0; k < a->of[i].row; k++)
			CHECK(fabs(a->of[i].sum[k] - b->of[i].sum[k]) <= 1e-6 * a->of[i].sum[k]);
}

static void check_fim(const char *family, const char *const pair[4], bool turned)
{
	struct imatrix_sums s = { 0 }, t = { 0 };
	struct loaded l;
	struct fim *f, *g;
	struct toy toy;

	toy_begin(&toy, family, 16, 8);
	load(family, toy.dev, &l);
	f = toy_estimate(&toy, "FIM_SEQUENCES=4 FIM_UNIT=token", 16);
	check_ok(importance_of_fim(l.model, f, &s));
	check_means(&s, pair[0], f, pair[1], turned);
	check_means(&s, pair[2], f, pair[3], false);
	CHECK(fabs(mean_of_all(&s, l.model) - 1) < 1e-6);
	check_ok(toy_try(&toy, "FIM_SEQUENCES=4 FIM_UNIT=token", 16,
			 1 << FIM_ROW | 1 << FIM_COLUMN, FIM_SHRINK_NONE, "g.st"));
	g = toy_open(&toy, "g.st");
	check_ok(importance_of_fim(l.model, g, &t));
	same_sums(&s, &t);
	fim_close(g);
	fim_close(f);
	imatrix_sums_free(&s);
	imatrix_sums_free(&t);
	model_unload(&l);
	toy_end(&toy);
}

static void imatrix_fim(void)
{
	check_fim("gpt2", (const char *const[]){
		"blk.1.ffn_down.weight", "transformer.h.1.mlp.c_proj.weight",
		"token_embd.weight", "transformer.wte.weight" }, true);
	check_fim("llama", (const char *const[]){
		"blk.1.ffn_down.weight", "model.layers.1.mlp.down_proj.weight",
		"output.weight", "lm_head.weight" }, false);
}
TEST_REGISTER(imatrix_fim);

static void imatrix_fim_lacks(void)
{
	struct imatrix_sums s = { 0 };
	struct loaded l;
	struct toy toy;
	struct fim *f;

	toy_begin(&toy, "llama", 16, 8);
	load("qwen3", toy.dev, &l);	/* tied, with norms that Llama has not */
	f = toy_estimate(&toy, "FIM_SEQUENCES=2", 16);
	CHECK(importance_of_fim(l.model, f, &s) == -EINVAL);
	CHECK(message_has("has not the shape of the weight"));
	imatrix_sums_free(&s);
	fim_close(f);
	model_unload(&l);
	load("llama", toy.dev, &l);
	check_ok(toy_try(&toy, "FIM_SEQUENCES=2", 16, 1 << FIM_ROW, FIM_SHRINK_NONE, "g.st"));
	f = toy_open(&toy, "g.st");
	CHECK(importance_of_fim(l.model, f, &s) == -EINVAL);
	CHECK(message_has("has neither its diagonal nor sums over its rows"));
	imatrix_sums_free(&s);
	fim_close(f);
	model_unload(&l);
	toy_end(&toy);
}
TEST_REGISTER(imatrix_fim_lacks);

/* ---- the floor and the file -------------------------------------------------------------- */

/* What is left of 256 equal weights in blocks of q6_k when the first 128 have importance @w. */
static float kept(float w)
{
	unsigned char block[256];
	float x[256], weights[256], y[256];
	struct quant_rows r = { .x = x, .nr = 1, .row = 256, .weights = weights };

	for (int i = 0; i < 256; i++) {
		x[i] = 0.5f + 0.001f * (float)(i % 7);
		weights[i] = i < 128 ? w : 1;
	}
	CHECK(dtype_bytes(DT_Q6_K, 256) <= (int64_t)sizeof(block));
	check_ok(quant_encode(DT_Q6_K, &r, block));
	check_ok(dtype_decode(DT_Q6_K, block, 0, 256, y));
	return y[0];
}

static void imatrix_floor_raises(void)
{
	double sums[4] = { 0, 6, 2, 0 }, none[2] = { 0, 0 };
	struct imatrix_sum s = { .row = 4, .sum = sums }, dead = { .row = 2, .sum = none };

	ck_assert_int_eq(imatrix_floor(&s, 10), 2);
	CHECK(sums[0] == 2e-9 && sums[1] == 6 && sums[2] == 2 && sums[3] == 2e-9);
	ck_assert_int_eq(imatrix_floor(&dead, 10), 2);
	CHECK(none[0] == 10 && none[1] == 10);
	/* What it is for: without it these weights are lost. */
	CHECK(kept(0) == 0);
	CHECK(fabsf(kept((float)IMATRIX_FLOOR) - 0.5f) < 0.05f);
}
TEST_REGISTER(imatrix_floor_raises);

static float first_of(const struct gguf *g, const char *name)
{
	const struct gguf_tensor *t = gguf_tensor_find(g, name);

	ck_assert_msg(t && t->dtype == DT_F32, "no '%s'", name);
	return *(const float *)t->data;
}

static void check_file(const char *path)
{
	struct gguf_string text;
	const struct gguf_value *v;
	struct gguf *g;
	int64_t nr;

	check_ok(gguf_open(path, &g));
	check_ok(gguf_string(g, "general.type", &text));
	CHECK(text.len == 7 && !memcmp(text.bytes, "imatrix", 7));
	check_ok(gguf_array(g, "imatrix.datasets", GGUF_STRING, &v));
	CHECK(v->nr == 1 && gguf_item_string(v, 0).len == 8);
	check_ok(gguf_int(g, "imatrix.chunk_count", 0, 100, &nr));
	CHECK(nr == 3);
	check_ok(gguf_int(g, "imatrix.chunk_size", 0, 100, &nr));
	CHECK(nr == 7);
	CHECK(!gguf_has(g, "knlp.imatrix.scale"));
	CHECK(!strcmp(gguf_tensor_at(g, 0)->name, "blk.0.attn_k.weight.in_sum2"));
	CHECK(first_of(g, "blk.0.attn_k.weight.in_sum2") == 42.5f);
	CHECK(first_of(g, "blk.0.attn_k.weight.counts") == 21);
	CHECK(first_of(g, "blk.0.attn_q.weight.in_sum2") == 1.25f);
	gguf_close(g);
}

static void imatrix_file_written(void)
{
	double q[2] = { 1.25, 3 }, k[1] = { 42.5 };
	struct imatrix_sum of[2] = { { .name = "blk.0.attn_q.weight", .row = 2, .sum = q },
				     { .name = "blk.0.attn_k.weight", .row = 1, .sum = k } };
	struct imatrix_sums s = { .of = of, .nr = 2, .count = 21, .chunks = 3, .chunk = 7,
				  .dataset = "some.txt" };
	char *dir = scratch_make(), *path = path_join(dir, "i.gguf");

	check_ok(imatrix_write(&s, path));
	check_file(path);
	unlink(path);
	q[1] = NAN;
	CHECK(imatrix_write(&s, path) == -EDOM);
	CHECK(message_has("blk.0.attn_q.weight: the importance of column 1 is "));
	CHECK(!file_exists(path));
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(imatrix_file_written);

// SPDX-License-Identifier: MIT
/*
 * Sparse matrices: rows there and back bit for bit, files that numpy wrote, what is refused,
 * sizes by their formula, and inference from what is stored against the dense model.
 */
#include "block/sparse.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "formats/source.h"
#include "infer/decoder.h"
#include "infer/load.h"
#include "io/safetensors.h"
#include "nn/model.h"
#include "tests/unit/data-helper.h"

#define GOLDEN "tests/data/formats/sparse"

static const enum dtype types[] = { DT_F32, DT_F16, DT_BF16 };

/* ---- rows ---------------------------------------------------------------------------------- */

/* Any bits, NaN and -0 among them; +0 with probability @zeros of 100, of 2:4 two of each four. */
static void fill_row(struct rng *r, int64_t row, enum sparse_kind kind, enum dtype dtype,
		     int64_t cols, int zeros, void *to)
{
	size_t size = dtype_size(dtype);

	for (int64_t i = 0; i < cols; i++) {
		uint64_t at = (uint64_t)(row * cols + i) * 4;
		uint32_t bits = rng_below(r, at, 8) ? (uint32_t)rng_below(r, at + 1, UINT32_MAX)
						    : 1u << (8 * size - 1);	/* -0 */

		if ((int)rng_below(r, at + 2, 100) < zeros)
			bits = 0;
		memcpy((char *)to + i * size, &bits, size);
	}
	for (int64_t g = 0; kind == SPARSE_2_4 && g < cols; g += 4) {
		int first = (int)rng_below(r, (uint64_t)(row * cols + g) * 4 + 3, 4);

		memset((char *)to + (g + first) * size, 0, size);
		memset((char *)to + (g + (first + 1) % 4) * size, 0, size);
	}
}

static void check_matrix(enum sparse_kind kind, enum dtype dtype, int64_t cols, int zeros)
{
	int64_t bytes = sparse_row_bytes(cols), row = dtype_bytes(dtype, cols), at = 0;
	struct sparse_matrix s = { .kind = kind, .dtype = dtype, .rows = 5, .cols = cols };
	char *dense = malloc(5 * row), *back = malloc(row), *values = malloc(5 * row);
	struct rng r = rng_stream(3, "sparse", (uint64_t)cols);
	uint8_t *places = malloc(5 * bytes);
	struct sparse_count c = { 0 };
	int64_t starts[5];

	for (int i = 0; i < 5; i++) {
		fill_row(&r, i, kind, dtype, cols, i == 3 ? 100 : zeros, dense + i * row);
		sparse_count(dtype, dense + i * row, cols, &c);
		at += sparse_pack(kind, dtype, dense + i * row, cols, places + i * bytes,
				  values + dtype_bytes(dtype, at));
	}
	CHECK(kind == SPARSE_2_4 ? c.most <= 2 && at == 5 * cols / 2 : at == c.nr);
	s.places = places;
	s.values = values;
	s.nr_values = at;
	check_ok(sparse_check(&s, starts, "file", "name"));
	CHECK(sparse_bytes(&s) == 5 * bytes + dtype_bytes(dtype, at));
	for (int i = 0; i < 5; i++) {
		sparse_expand(&s, i, back);
		CHECK(!memcmp(back, dense + i * row, row));
	}
	free(dense);
	free(back);
	free(values);
	free(places);
}

static void sparse_rows(void)
{
	static const int64_t widths[] = { 1, 7, 8, 9, 64, 200, 2048 };
	static const int zeros[] = { 0, 10, 50, 90, 100 };

	for (size_t t = 0; t < 3; t++)
		for (size_t w = 0; w < 7; w++)
			for (size_t z = 0; z < 5; z++) {
				check_matrix(SPARSE_MASK, types[t], widths[w], zeros[z]);
				if (widths[w] % 8 == 0)
					check_matrix(SPARSE_2_4, types[t], widths[w], zeros[z]);
			}
}
TEST_REGISTER(sparse_rows);

/* ---- files --------------------------------------------------------------------------------- */

/* What numpy packed is, dense, what numpy says it is. */
static void sparse_golden(void)
{
	char *dir = tree_path(GOLDEN), *path = path_join(dir, "dense.safetensors");
	struct model_source *src, *stored;
	int sparse = 0;
	struct st *st;

	check_ok(source_open(dir, &src));
	check_ok(source_open_stored(dir, &stored));
	check_ok(st_open(path, &st));
	CHECK((size_t)src->nr_tensors == st_count(st));
	for (int i = 0; i < src->nr_tensors; i++) {
		const struct source_tensor *t = &src->tensors[i];
		const struct st_view *v;

		check_ok(st_find(st, t->name, &v));
		CHECK(t->dtype == v->dtype && t->bytes == v->bytes && !t->sparse);
		CHECK(!memcmp(t->data, v->data, t->bytes));
		sparse += stored->tensors[i].sparse != NULL;
	}
	CHECK(sparse == 11);	/* 4 masks in each of 2 layers, 3 of 2:4 */
	st_close(st);
	source_close(stored);
	source_close(src);
	free(path);
	free(dir);
}
TEST_REGISTER(sparse_golden);

/** struct damage - what is changed in the golden file. */
struct damage {
	const char *name;	/* tensor */
	int byte, xor;		/* of its data: -1: none */
	const char *rename;	/* "": it is left out */
	enum dtype dtype;	/* DT_COUNT: as it is */
	int64_t shape[2];	/* 0: as it is */
	const char *message;
};

#define L0 "model.layers.0."
#define NONE DT_COUNT, { 0, 0 }

static const struct damage damages[] = {
	{ L0 "self_attn.q_proj.weight.mask", 0, 1, NULL, NONE, "q_proj.weight': its mask has" },
	{ L0 "self_attn.q_proj.weight.mask", 31, 0x80, NULL, NONE, "q_proj.weight': its mask has" },
	{ L0 "self_attn.q_proj.weight.mask", -1, 0, "", NONE, "no tensor '" L0 "self_attn.q_proj" },
	{ L0 "self_attn.q_proj.weight.values", -1, 0, "", NONE, "no tensor '" L0 "self_attn.q_pr" },
	{ L0 "self_attn.q_proj.weight.mask", -1, 0, NULL, DT_U8, { 8, 4 },
	  "weight.mask' must be U8 (16, 2)" },
	{ L0 "self_attn.q_proj.weight.values", -1, 0, NULL, DT_I32, { 0, 0 },
	  "weight.values' must be F32, F16 or BF16" },
	{ L0 "self_attn.q_proj.weight.mask", -1, 0, L0 "self_attn.q_proj.weight.pairs", NONE,
	  "weight.values' must be (16, 8)" },
	{ L0 "mlp.up_proj.weight.pairs", 7, 0xff, NULL, NONE,
	  "up_proj.weight': in row 3 a group's places are not in rising order" },
	{ L0 "mlp.up_proj.weight.pairs", -1, 0, L0 "mlp.up_proj.weight.mask", NONE,
	  "weight.values' must have one dimension" },
	{ "model.norm.weight", -1, 0, L0 "mlp.up_proj.weight", NONE, "has the shape" },
	{ "model.embed_tokens.weight", -1, 0, "model.embed_tokens.weight.values", NONE,
	  "no tensor 'model.embed_tokens.weight'" },
};

/* The golden folder with one fault; its tensors' bytes are copied. */
static void write_damaged(const struct damage *d, const char *dir)
{
	char *from = tree_path(GOLDEN "/model.safetensors");
	char *to = path_join(dir, "model.safetensors");
	struct tensor_entry e[64];
	char *copies[64];
	struct st *st;
	int nr = 0;

	check_ok(st_open(from, &st));
	for (size_t i = 0; i < st_count(st); i++) {
		const struct st_view *v = st_at(st, i);
		bool hit = !strcmp(v->name, d->name);

		if (hit && d->rename && !*d->rename)
			continue;
		copies[nr] = memcpy(malloc(v->bytes + 1), v->data, v->bytes);
		e[nr] = (struct tensor_entry){ .name = v->name, .dtype = v->dtype, .nd = v->nd,
					       .fetch = tensor_fetch_memory, .ctx = copies[nr] };
		memcpy(e[nr].shape, v->shape, sizeof(v->shape));
		if (hit && d->byte >= 0)
			copies[nr][d->byte] ^= d->xor;
		if (hit && d->rename)
			e[nr].name = d->rename;
		if (hit && d->dtype != DT_COUNT)
			e[nr].dtype = d->dtype;
		if (hit && d->shape[0])
			memcpy(e[nr].shape, d->shape, sizeof(d->shape));
		nr++;
	}
	check_ok(st_write(to, e, nr, NULL, 0, NULL));
	for (int i = 0; i < nr; i++)
		free(copies[i]);
	st_close(st);
	free(from);
	free(to);
}

static void sparse_refuses(void)
{
	char *dir = scratch_make(), *from = tree_path(GOLDEN "/config.json");
	char *command = str_printf("cp %s %s", from, dir);

	ck_assert_int_eq(system(command), 0);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct model_source *src;

		write_damaged(&damages[i], dir);
		ck_assert_msg(source_open(dir, &src) < 0, "%zu is read", i);
		CHECK(message_has(damages[i].message) && message_has("model.safetensors"));
		CHECK(source_open_stored(dir, &src) < 0 && message_has(damages[i].message));
		CHECK(source_describe(dir, &src) < 0 && message_has(damages[i].message));
	}
	free(command);
	free(from);
	scratch_remove(dir);
}
TEST_REGISTER(sparse_refuses);

/* A row of 11 columns has 5 bits that mean nothing. */
static void sparse_refuses_bits(void)
{
	uint8_t places[4] = { 0xff, 7, 1, 8 };
	struct sparse_matrix s = { .kind = SPARSE_MASK, .dtype = DT_F32, .rows = 2, .cols = 11,
				   .nr_values = 13, .places = places, .values = places };
	int64_t starts[2];

	check_fails(sparse_check(&s, starts, "f", "t"), -EINVAL, "row 1 of its mask has bits");
	places[3] = 4;
	check_ok(sparse_check(&s, starts, "f", "t"));
	CHECK(starts[1] == 11);
	s.nr_values = 14;
	check_fails(sparse_check(&s, starts, "f", "t"), -EINVAL, "13 bits, but there are 14");
	s.nr_values = 10;
	check_fails(sparse_check(&s, starts, "f", "t"), -EINVAL, "more bits than the 10 values");
}
TEST_REGISTER(sparse_refuses_bits);

/* ---- models -------------------------------------------------------------------------------- */

/* Zeros into every matrix: all but those that hash to @keep of 10, or two of each four. */
static void thin_out(struct model_source *src, bool pairs, int keep)
{
	struct rng r = rng_stream(5, "thin", 0);

	for (int i = 0; i < src->nr_tensors; i++) {
		struct source_tensor *t = &src->tensors[i];
		int64_t count = t->shape[0] * t->shape[1];
		char *copy;

		if (t->nd != 2 || !strstr(t->name, "layers.") || dtype_is_block(t->dtype))
			continue;
		copy = memcpy(malloc(t->bytes), t->data, t->bytes);
		for (int64_t k = 0; k < count; k++)
			if (pairs ? k % 4 == i % 4 || k % 4 == (i + 1) % 4
				  : (int)rng_below(&r, k, 10) >= keep)
				memset(copy + k * dtype_size(t->dtype), 0, dtype_size(t->dtype));
		t->data = copy;
	}
}

static int64_t nonzero(const struct source_tensor *t)
{
	struct sparse_count c = { 0 };

	sparse_count(t->dtype, t->data, t->shape[0] * t->shape[1], &c);
	return c.nr;
}

/* @dense through a file and back: bit for bit, and each matrix as large as the formula says. */
static void through_file(struct model_source *dense, const char *dir, enum write_sparse how)
{
	struct write_options o = { .dtype = DT_COUNT, .sparse = how, .shard_bytes = 3000 };
	struct model_source *back, *stored;

	check_ok(source_write(dense, dir, "hf", &o));
	check_ok(source_open(dir, &back));
	check_ok(source_open_stored(dir, &stored));
	for (int i = 0; i < dense->nr_tensors; i++) {
		const struct source_tensor *was = &dense->tensors[i], *is = &back->tensors[i];
		const struct source_tensor *has = &stored->tensors[i];
		int64_t count = was->nd == 2 ? was->shape[0] * was->shape[1] : was->shape[0];

		CHECK(was->dtype == is->dtype && !memcmp(was->data, is->data, was->bytes));
		CHECK(!has->sparse || strstr(was->name, "layers."));
		CHECK(!strstr(was->name, "_proj.") || has->sparse);
		if (has->sparse && has->sparse->kind == SPARSE_2_4)
			CHECK(has->bytes == was->bytes / 2 + count / 8);
		else if (has->sparse)
			CHECK(has->bytes == nonzero(was) * dtype_size(was->dtype) +
			      was->shape[0] * ((was->shape[1] + 7) / 8));
	}
	source_close(back);
	source_close(stored);
}

static void sparse_files(void)
{
	char *dir = scratch_make(), *from = tree_path("tests/data/formats/llama");

	for (int i = 0; i < 4; i++) {
		char *out = str_printf("%s/%d", dir, i);
		struct model_source *src;

		check_ok(source_open(from, &src));
		thin_out(src, i >= 2, 4);
		through_file(src, out, i % 2 ? WRITE_SMALLEST : i ? WRITE_2_4 : WRITE_MASK);
		source_close(src);	/* the copies live until the test ends */
		free(out);
	}
	free(from);
	scratch_remove(dir);
}
TEST_REGISTER(sparse_files);

/* Logits of a prompt at once and token by token. */
static void answers(const struct model_source *src, const char *device, float *prompt,
		    float *steps)
{
	int32_t tokens[40];
	struct device *dev;
	struct decoder *d;
	struct model *m;

	for (int i = 0; i < 40; i++)
		tokens[i] = i * i % 12;
	check_ok(device_open(device, &dev));
	check_ok(model_from_source(src, dev, &m));
	check_ok(decoder_new(m, dev, &(struct decoder_options){ .chunk = 40 }, &d));
	check_ok(decoder_feed_all(d, tokens, 40, prompt));
	decoder_free(d);
	check_ok(decoder_new(m, dev, &(struct decoder_options){ .chunk = 40 }, &d));
	for (int i = 0; i < 40; i++)
		check_ok(decoder_feed_all(d, tokens + i, 1, steps + i * 12));
	decoder_free(d);
	model_free(m);
	device_close(dev);
}

static void check_close(const float *a, const float *b)
{
	for (int i = 0; i < 40 * 12; i++)
		ck_assert_msg(fabsf(a[i] - b[i]) <= 1e-5f * (1 + fabsf(b[i])), "%d: %g and %g", i,
			      a[i], b[i]);
}

/* The model that is multiplied as it is stored says what the dense one says. */
static void sparse_inference(void)
{
	static const char *const devices[] = { "cpu", "remote" };
	char *dir = tree_path(GOLDEN);

	for (int i = 0; i < 2; i++) {
		float prompt[2][40 * 12], steps[2][40 * 12];
		struct model_source *dense, *stored;

		check_ok(source_open(dir, &dense));
		check_ok(source_open_stored(dir, &stored));
		answers(dense, devices[i], prompt[0], steps[0]);
		answers(stored, devices[i], prompt[1], steps[1]);
		check_close(prompt[1], prompt[0]);
		check_close(steps[1], steps[0]);
		source_close(stored);
		source_close(dense);
	}
	free(dir);
}
TEST_REGISTER(sparse_inference);

// SPDX-License-Identifier: MIT
#include "formats/source.h"

#include <math.h>
#include <unistd.h>

#include "block/block.h"
#include "data/tokenizer.h"
#include "formats/source-internal.h"
#include "nn/family.h"
#include "tests/unit/data-helper.h"

#define DATA "tests/data/formats/"

static const char *const names[] = { "gpt2", "llama", "llama3", "sharded", "qwen2", "qwen3",
				     "gemma3" };

static struct model_source *open_data(const char *name)
{
	char *path = str_printf(DATA "%s", name), *full = tree_path(path);
	struct model_source *src;

	check_ok(source_open(full, &src));
	free(full);
	free(path);
	return src;
}

/* ---- what transformers wrote, and what llama.cpp made of it ---- */

static void check_layer(const struct layer_spec *a, const struct layer_spec *b)
{
	CHECK(a->heads == b->heads && a->kv_heads == b->kv_heads && a->head_dim == b->head_dim);
	CHECK(a->window == b->window && a->rope_base == b->rope_base);
	CHECK(a->mlp_width == b->mlp_width && a->qk_norm == b->qk_norm);
	CHECK(a->gate == b->gate && a->activation == b->activation);
}

static void check_spec(const struct model_spec *a, const struct model_spec *b)
{
	const struct rope_scaling *r = &a->rope_scaling, *s = &b->rope_scaling;

	CHECK(a->family == b->family && a->layers == b->layers && a->width == b->width);
	CHECK(a->vocab == b->vocab && a->context == b->context && a->tied == b->tied);
	CHECK(a->bias == b->bias && a->qkv_bias == b->qkv_bias && a->norm == b->norm);
	CHECK(a->post_norms == b->post_norms && a->norm_eps == b->norm_eps);
	CHECK(a->embed_scale == b->embed_scale && a->attn_scale == b->attn_scale);
	CHECK(a->rope_base == b->rope_base || a->position == POS_LEARNED);
	CHECK(r->kind == s->kind && r->factor == s->factor && r->original == s->original);
	CHECK(r->low == s->low && r->high == s->high);
	CHECK(a->attn_softcap == b->attn_softcap && a->logit_softcap == b->logit_softcap);
	for (int i = 0; i < a->layers; i++)
		check_layer(&a->layer[i], &b->layer[i]);
}

/* @a, with its rows in the order that @b's have, has the values of @b. */
static void check_tensor(const struct model_source *a, const struct source_tensor *x,
			 const struct model_source *b, const struct source_tensor *y)
{
	struct turned t = { .from = x, .to = DT_F32 };
	float values[128];

	if (turn_is_needed(&a->spec, b->spec.position))
		t.rotary = rotary_of(&a->spec, x->name);
	t.to_adjacent = b->spec.position == POS_ROPE_ADJACENT;
	check_ok(turned_init(&t));
	for (int64_t r = 0; r < t.rows; r++) {
		const unsigned char *row;
		size_t len;

		check_ok(turned_row(&t, r, &row, &len));
		ck_assert_int_le(len, sizeof(values));
		check_ok(dtype_decode(y->dtype, y->data, r * t.cols, t.cols, values));
		ck_assert_msg(!memcmp(row, values, len), "%s: row %lld differs", x->name,
			      (long long)r);
	}
	turned_free(&t);
}

static void check_same(const struct model_source *a, const struct model_source *b)
{
	check_spec(&a->spec, &b->spec);
	ck_assert_int_eq(a->nr_tensors, b->nr_tensors);
	for (int i = 0; i < a->nr_tensors; i++) {
		const struct source_tensor *x = &a->tensors[i], *y = source_find(b, x->name);

		ck_assert_msg(y != NULL, "no tensor %s", x->name);
		check_tensor(a, x, b, y);
	}
}

static void formats_hf_is_gguf(void)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *file = str_printf("%s.gguf", names[i]);
		struct model_source *a = open_data(names[i]), *b = open_data(file);

		CHECK(!strcmp(a->format->name, "hf") && !strcmp(b->format->name, "gguf"));
		check_same(a, b);
		source_close(a);
		source_close(b);
		free(file);
	}
}
TEST_REGISTER(formats_hf_is_gguf);

/* ---- writing: what is read back is what was there ---- */

static const struct write_options as_they_are = { .dtype = DT_COUNT };
static const struct write_options in_shards = { .dtype = DT_COUNT, .shard_bytes = 1000 };

static void check_written(struct model_source *src, const char *dir, const char *name,
			  const char *format, const struct write_options *o)
{
	char *path = path_join(dir, name);
	struct model_source *back;

	check_ok(source_write(src, path, format, o));
	check_ok(source_open(path, &back));
	if (format)
		ck_assert_str_eq(back->format->name, format);
	check_same(src, back);
	source_close(back);
	check_ok(dir_remove_tree(path));
	CHECK(!rmdir(dir));	/* nothing else was left there */
	check_ok(dir_make(dir));
	free(path);
}

static void formats_round_trip(void)
{
	char *dir = scratch_make();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *file = str_printf("%s.gguf", names[i]);
		struct model_source *src[2] = { open_data(names[i]), open_data(file) };

		for (int k = 0; k < 2; k++) {
			check_written(src[k], dir, "x.gguf", "gguf", &as_they_are);
			check_written(src[k], dir, "x", "hf", &as_they_are);
			check_written(src[k], dir, "x", "hf", &in_shards);
			check_written(src[k], dir, "x", "knlp", &as_they_are);
			source_close(src[k]);
		}
		free(file);
	}
	scratch_remove(dir);
}
TEST_REGISTER(formats_round_trip);

/* The types of the file are those that were asked for. */
static void check_types(struct model_source *src, const char *path, const char *format,
			enum dtype dtype)
{
	struct write_options o = { .dtype = dtype };
	struct model_source *back;

	check_ok(source_write(src, path, format, &o));
	check_ok(source_open(path, &back));
	for (int i = 0; i < back->nr_tensors; i++) {
		const struct source_tensor *t = &back->tensors[i];
		bool f32 = t->nd == 1 && !strcmp(format, "gguf");

		CHECK(t->dtype == (f32 ? DT_F32 : dtype));
	}
	source_close(back);
	check_ok(dir_remove_tree(path));
}

static void formats_types(void)
{
	static const enum dtype types[] = { DT_F32, DT_F16, DT_BF16 };
	char *dir = scratch_make(), *path = path_join(dir, "x");
	struct model_source *src = open_data("llama");

	for (int i = 0; i < 3; i++) {
		check_types(src, path, "gguf", types[i]);
		check_types(src, path, "hf", types[i]);
	}
	source_close(src);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(formats_types);

/* ---- llama2.c ---- */

static void check_llama2c(struct model_source *src, const char *dir, int version)
{
	struct write_options o = { .dtype = DT_COUNT, .llama2c_version = version };

	check_written(src, dir, "x.bin", "llama2c", &o);
}

static void formats_llama2c(void)
{
	struct model_source *src = open_data("llama");
	char *dir = scratch_make();

	check_llama2c(src, dir, 0);
	check_llama2c(src, dir, 1);
	src->spec.tied = true;		/* as if: the head is then left out */
	src->nr_tensors--;
	CHECK(!source_find(src, "lm_head.weight"));
	check_llama2c(src, dir, 0);
	check_llama2c(src, dir, 1);
	source_close(src);
	scratch_remove(dir);
}
TEST_REGISTER(formats_llama2c);

static char *read_file(const char *path, size_t *len)
{
	char *bytes;

	check_ok(file_read_all(path, 1 << 22, &bytes, len));
	return bytes;
}

/* A tokenizer, and rows of zeros for its tokens, which the caller frees. */
static void *put_tokenizer(struct model_source *src, const char *name)
{
	char *path = str_printf("tests/data/tokenizer/%s", name), *full = tree_path(path);
	int64_t rows, width = src->spec.width;
	void *zeros;

	tokenizer_free(src->tokenizer);
	src->tokenizer = NULL;
	check_ok(tokenizer_open(full, &src->tokenizer));
	rows = tokenizer_vocab(src->tokenizer);
	zeros = calloc(rows * width, sizeof(float));
	CHECK(zeros);
	for (int i = 0; i < src->nr_tensors; i++) {
		struct source_tensor *t = &src->tensors[i];

		if (t->nd != 2 || t->shape[0] != src->spec.vocab)
			continue;
		t->shape[0] = rows;
		t->data = zeros;
		t->bytes = dtype_bytes(t->dtype, rows * width);
	}
	src->spec.vocab = (int)rows;
	free(full);
	free(path);
	return zeros;
}

/* tokenizer.bin is what llama2.c's own export writes, from a .model and from GGUF. */
static void formats_llama2c_tokenizer(void)
{
	static const char *const from[] = { "spm-bpe.model", "spm-bpe.gguf", "spm-bpe.bin" };
	char *dir = scratch_make(), *out = path_join(dir, "x.bin"), *golden;
	char *beside = path_join(dir, "tokenizer.bin"), *want, *got;
	struct model_source *src = open_data("llama");
	size_t len, got_len;
	void *zeros;

	golden = tree_path("tests/data/tokenizer/spm-bpe.bin");
	want = read_file(golden, &len);
	for (int i = 0; i < 3; i++) {
		zeros = put_tokenizer(src, from[i]);
		check_ok(source_write(src, out, NULL, &as_they_are));
		got = read_file(beside, &got_len);
		ck_assert_msg(len == got_len && !memcmp(got, want, len), "of %s", from[i]);
		free(got);
		check_fails(source_write(src, out, NULL, &as_they_are), -EEXIST, "x.bin");
		check_ok(unlink(out));
		check_ok(file_write_atomic(beside, "another", 7));
		check_fails(source_write(src, out, NULL, &as_they_are), -EEXIST, "tokenizer.bin");
		check_ok(unlink(beside));
		free(zeros);
	}
	free(want);
	free(golden);
	free(beside);
	free(out);
	source_close(src);
	scratch_remove(dir);
}
TEST_REGISTER(formats_llama2c_tokenizer);

/* What run.c would read otherwise is refused, and nothing is left behind. */
static void formats_llama2c_other_tokenizers(void)
{
	static const struct {
		const char *file, *why;
	} cases[] = {
		{ "small.json", "no scores" }, { "spm-unigram.gguf", "no scores" },
		{ "spm-user.model", "no bytes" },
	};
	char *dir = scratch_make(), *out = path_join(dir, "x.bin");
	struct model_source *src = open_data("llama");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		void *zeros = put_tokenizer(src, cases[i].file);

		check_fails(source_write(src, out, NULL, &as_they_are), -ENOTSUP, cases[i].why);
		free(zeros);
		CHECK(!rmdir(dir));
		check_ok(dir_make(dir));
	}
	free(out);
	source_close(src);
	scratch_remove(dir);
}
TEST_REGISTER(formats_llama2c_other_tokenizers);

/* Equal but for the last bits of the tables of cosines, which nobody reads. */
static void check_bytes(const struct model_spec *s, const char *a_path, const char *b_path,
			bool tables)
{
	size_t nr = tables ? (size_t)s->context * s->layer[0].head_dim : 0, len, b_len;
	char *a = read_file(a_path, &len), *b = read_file(b_path, &b_len);

	CHECK(len == b_len && !memcmp(a, b, len - nr * sizeof(float)));
	for (size_t i = 1; i <= nr; i++) {
		float x, y;

		memcpy(&x, a + len - i * sizeof(x), sizeof(x));
		memcpy(&y, b + len - i * sizeof(y), sizeof(y));
		/* an angle of up to 512 turns rounds to 2^-15 */
		if (!(fabsf(x - y) < 0x1p-14f))
			ck_abort_msg("table, %zu from the end: %g, %g", i, x, y);
	}
	free(a);
	free(b);
}

/* Both of its files, as llama2.c's export.py wrote them, come out again. */
static void llama2c_again(const char *dir, const char *file, int version)
{
	struct write_options o = { .dtype = DT_COUNT, .llama2c_version = version };
	char *from = dev_path(file), *in = path_join(dir, "in.bin"), *out = path_join(dir, "o.bin");
	struct model_source *src;
	char *bytes;
	size_t len;

	if (from) {
		bytes = read_file(from, &len);	/* alone, without a tokenizer beside it */
		write_raw(in, bytes, len);
		free(bytes);
		check_ok(source_open(in, &src));
		CHECK(src->spec.layers == 5 && src->spec.layer[0].kv_heads == 4);
		check_ok(source_write(src, out, NULL, &o));
		check_bytes(&src->spec, from, out, !version);
		source_close(src);
		check_ok(unlink(out));
	}
	free(out);
	free(in);
	free(from);
}

static void formats_llama2c_bytes(void)
{
	char *dir = scratch_make();

	llama2c_again(dir, "models/stories260K/stories260K.bin", 0);
	llama2c_again(dir, "models/stories260K/stories260K_v1.bin", 1);
	scratch_remove(dir);
}
TEST_REGISTER(formats_llama2c_bytes);

/* ---- models that see images, too ---- */

static char *replace_all(const char *text, const char *from, const char *to)
{
	struct strbuf sb;

	strbuf_init(&sb);
	for (const char *at; (at = strstr(text, from)); text = at + strlen(from)) {
		strbuf_add(&sb, text, at - text);
		strbuf_adds(&sb, to);
	}
	strbuf_adds(&sb, text);
	return sb.s;
}

/* A file of safetensors whose names begin with @prefix, and a tensor called @more. */
static void write_renamed(const char *from, const char *to, const char *prefix, const char *more)
{
	size_t len, header_len, data;
	char *bytes = read_file(from, &len), *header, *renamed;
	struct strbuf sb;

	memcpy(&header_len, bytes, sizeof(header_len));
	data = len - 8 - header_len;
	header = strndup(bytes + 8, header_len);
	renamed = replace_all(header, "\"model.", prefix);
	strbuf_init(&sb);
	strbuf_addf(&sb, "{\"%s\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%zu,%zu]},%s",
		    more, data, data + 4, renamed + 1);
	while (sb.len % 8)
		strbuf_addc(&sb, ' ');
	header_len = sb.len;
	strbuf_add(&sb, bytes + len - data, data);
	strbuf_add(&sb, "\0\0\0\0", 4);
	free(bytes);
	bytes = malloc(8 + sb.len);
	CHECK(bytes);
	memcpy(bytes, &header_len, 8);
	memcpy(bytes + 8, sb.s, sb.len);
	write_raw(to, bytes, 8 + sb.len);
	free(bytes);
	free(renamed);
	free(header);
	strbuf_free(&sb);
}

/* Gemma 3 of text and images: its language model is the one of text alone. */
static void formats_gemma3_images(void)
{
	static const struct {
		const char *type, *prefix, *more, *message;
	} rows[] = {
		{ "gemma3", "\"language_model.model.", "vision_tower.x.weight", NULL },
		{ "gemma3", "\"model.language_model.", "model.vision_tower.x.bias", NULL },
		{ "gemma3", "\"model.language_model.", "model.multi_modal_projector.x", NULL },
		{ "gemma3", "\"model.language_model.", "lm_head.weight", NULL },
		{ "gemma3", "\"model.language_model.", "audio_tower.x", "'audio_tower.x'" },
		{ "gemma3_text", "\"model.", "vision_tower.x.weight", "'vision_tower.x.weight'" },
	};
	char *from = tree_path(DATA "gemma3"), *config = path_join(from, "config.json");
	char *weights = path_join(from, "model.safetensors"), *dir = scratch_make(), *text;
	char *to = path_join(dir, "model.safetensors");
	struct model_source *plain = open_data("gemma3"), *src;
	size_t len;

	text = read_file(config, &len);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *both = str_printf("{\"model_type\": \"gemma3\", \"vision_config\": "
					"{\"hidden_size\": 7}, \"text_config\": %s}", text);

		write_text(dir, "config.json", strcmp(rows[i].type, "gemma3") ? text : both);
		write_renamed(weights, to, rows[i].prefix, rows[i].more);
		if (rows[i].message) {
			CHECK(source_open(dir, &src) < 0 && message_has(rows[i].message));
		} else {
			check_ok(source_open(dir, &src));
			check_spec(&plain->spec, &src->spec);
			check_same(plain, src);
			source_close(src);
		}
		free(both);
	}
	write_text(dir, "config.json", "{\"model_type\": \"gemma3\"}");
	CHECK(source_open(dir, &src) < 0 && message_has("'text_config' is missing"));
	source_close(plain);
	free(text);
	free(to);
	free(weights);
	free(config);
	free(from);
	scratch_remove(dir);
}
TEST_REGISTER(formats_gemma3_images);

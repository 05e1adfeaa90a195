// SPDX-License-Identifier: MIT
/* Models that are refused: damaged ones, and those that a format cannot hold. */
#include <unistd.h>

#include "formats/source.h"
#include "formats/source-internal.h"
#include "io/gguf.h"
#include "tests/unit/data-helper.h"

#define DATA "tests/data/formats/"

static void refused(const char *path, int error, const char *message)
{
	struct model_source *src;
	int ret = source_open(path, &src);

	ck_assert_msg(ret == error && strstr(fail_message(), message), "%d, not '%s': %s", ret,
		      message, fail_message());
}

/* ---- config.json ---- */

static const struct {
	const char *model, *from, *to, *message;
} configs[] = {
	{ "llama", "\"llama\"", "\"bloom\"", "no models of type \"bloom\"" },
	{ "llama", "\"model_type\"", "\"type\"", "'model_type' is missing" },
	{ "llama", "\"hidden_size\": 16", "\"hidden_size\": 1e9", "'hidden_size'" },
	{ "llama", "\"hidden_size\": 16", "\"hidden_size\": -16", "'hidden_size'" },
	{ "llama", "\"hidden_size\": 16", "\"hidden_size\": \"16\"", "'hidden_size'" },
	{ "llama", "\"hidden_size\": 16,", "", "'hidden_size' is missing" },
	{ "llama", "\"hidden_size\": 16", "\"hidden_size\": 15", "no multiple" },
	{ "llama", "\"hidden_size\": 16", "\"hidden_size\": 32", "has the shape (12, 16), the "
	  "model asks for (12, 32)" },
	{ "llama", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3",
	  "no tensor 'model.layers.2" },
	{ "llama", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1",
	  "has no use for tensor 'model.layers.1" },
	{ "llama", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1000000", "not in 1.." },
	{ "llama", "\"num_key_value_heads\": 1", "\"num_key_value_heads\": 3", "no multiple of" },
	{ "llama", "\"vocab_size\": 12", "\"vocab_size\": 13", "has the shape (12, 16)" },
	{ "llama", "\"max_position_embeddings\": 128", "\"max_position_embeddings\": 1e15",
	  "'max_position_embeddings'" },
	{ "llama", "\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": 0", "epsilon is 0" },
	{ "llama", "\"rope_theta\": 10000.0", "\"rope_theta\": -1", "rotary positions is -1" },
	{ "llama", "\"rope_theta\"", "\"attention_bias\": true, \"rope_theta\"",
	  "attention alone" },
	{ "llama", "\"rope_theta\"", "\"hidden_act\": \"relu\", \"rope_theta\"", "\"relu\"" },
	{ "llama", "\"rope_theta\"", "\"quantization_config\": {}, \"rope_theta\"",
	  "'quantization_config'" },
	{ "llama", "\"rope_theta\"", "\"partial_rotary_factor\": 0.5, \"rope_theta\"",
	  "'partial_rotary_factor'" },
	{ "llama", "\"rope_theta\"", "\"rope_scaling\": {\"type\": \"yarn\"}, \"rope_theta\"",
	  "\"yarn\"" },
#define ROPE(what)	"llama", "\"rope_theta\"", what ", \"rope_theta\""
	{ ROPE("\"rope_scaling\": 5"), "'rope_scaling' is no object" },
	{ ROPE("\"rope_scaling\": {\"factor\": 4}"), "'rope_scaling' has no 'rope_type'" },
	{ ROPE("\"rope_scaling\": {\"rope_type\": 7, \"factor\": 4}"), "that is a text" },
	{ ROPE("\"rope_parameters\": [1]"), "'rope_parameters' is no object" },
	{ ROPE("\"rope_parameters\": {\"full_attention\": \"linear\"}"),
	  "'full_attention' is no object" },
	{ ROPE("\"rope_parameters\": {\"sliding_attention\": {}}"),
	  "'rope_parameters' has no 'rope_type'" },
	{ ROPE("\"partial_rotary_factor\": \"0.5\""), "'partial_rotary_factor'" },
	{ "gemma3", "{", "{ \"rope_parameters\": {\"sliding_attention\": {\"rope_type\": "
	  "\"linear\", \"factor\": 8, \"rope_theta\": 1}, \"full_attention\": "
	  "{\"rope_type\": \"default\"}},", "positions of 'sliding_attention'" },
	{ "gemma3", "{", "{ \"rope_parameters\": {\"sliding_attention\": 5},",
	  "'sliding_attention' is no object" },
	{ "llama", "\"rope_theta\"", "\"tie_word_embeddings\": 1, \"rope_theta\"",
	  "'tie_word_embeddings'" },
	{ "llama3", "\"factor\": 8.0", "\"factor\": 0", "'factor' is 0" },
	{ "llama3", "\"high_freq_factor\": 4.0", "\"high_freq_factor\": 1.0", "not above" },
	{ "llama3", "\"original_max_position_embeddings\": 64", "\"x\": 1",
	  "'original_max_position_embeddings' is missing" },
	{ "qwen3", "\"head_dim\": 16", "\"head_dim\": 15", "an odd number" },
	{ "qwen3", "\"head_dim\": 16", "\"head_dim\": 8", "has the shape" },
	{ "gemma3", "\"sliding_window\": 8", "\"layer_types\": [], \"sliding_window\": 8",
	  "'layer_types' has 0 entries" },
	{ "gemma3", "\"sliding_window\": 8",
	  "\"layer_types\": [1,1,1,1,1,1,1], \"sliding_window\": 8", "no layers of type" },
	{ "gemma3", "\"query_pre_attn_scalar\": 16", "\"query_pre_attn_scalar\": 0",
	  "'query_pre_attn_scalar' is 0" },
	{ "gpt2", "\"n_head\": 2", "\"n_head\": 3", "no multiple" },
	{ "gpt2", "\"n_head\": 2", "\"scale_attn_by_inverse_layer_idx\": true, \"n_head\": 2",
	  "'scale_attn_by_inverse_layer_idx' true" },
	{ "gpt2", "{", "", "after the end" },
#undef ROPE
};

/* The folder of @model in @dir, with its config.json changed. */
static void formats_bad_configs(void)
{
	char *dir = scratch_make(), *to = path_join(dir, "config.json");
	char *weights = path_join(dir, "model.safetensors");

	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		char *name = str_printf(DATA "%s/config.json", configs[i].model);
		char *from = tree_path(name), *bytes, *model = path_dir(from);
		char *st = path_join(model, "model.safetensors");
		struct model_source *src;
		size_t len;
		int ret;

		check_ok(file_read_all(st, 1 << 20, &bytes, &len));
		write_raw(weights, bytes, len);
		write_changed(from, to, configs[i].from, configs[i].to);
		ret = source_open(dir, &src);
		ck_assert_msg(ret < 0 && strstr(fail_message(), configs[i].message),
			      "row %zu: %d, not '%s': %s", i, ret, configs[i].message,
			      fail_message());
		free(bytes);
		free(st);
		free(model);
		free(from);
		free(name);
	}
	free(weights);
	free(to);
	scratch_remove(dir);
}
TEST_REGISTER(formats_bad_configs);

/* ---- shards ---- */

static void formats_bad_shards(void)
{
	static const struct {
		const char *from, *to, *message;
	} indexes[] = {
		{ "model-00004-of", "../model-00004-of", "is no name of a file" },
		{ "model-00004-of", "model-00009-of", "model-00009-of" },
		{ "\"model.norm.weight\": \"model-00004", "\"model.norm.weight\": \"model-00001",
		  "tensor 'model.norm.weight' is in" },
		{ "\"model.norm.weight\"", "\"model.norm.wait\"",
		  "tensor 'model.norm.wait' is not in" },
		{ "\"weight_map\"", "\"map\"", "'weight_map' is missing" },
		{ "\"weight_map\"", "\"weight_map\": {}, \"map\"", "names no files" },
	};
	char *dir = scratch_make(), *from = tree_path(DATA "sharded");
	char *index = path_join(from, "model.safetensors.index.json"), *command, *to;

	command = str_printf("cp %s/* %s", from, dir);
	ck_assert_int_eq(system(command), 0);
	to = path_join(dir, "model.safetensors.index.json");
	for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++) {
		struct model_source *src;

		write_changed(index, to, indexes[i].from, indexes[i].to);
		CHECK(source_open(dir, &src) < 0 && message_has(indexes[i].message));
	}
	free(to);
	free(command);
	free(index);
	free(from);
	scratch_remove(dir);
}
TEST_REGISTER(formats_bad_shards);

/* Weights in a file that knlp does not read. */
static void formats_other_weights(void)
{
	static const char *const names[] = { "pytorch_model.bin", "pytorch_model.bin.index.json" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *dir = scratch_make();

		write_text(dir, "config.json", "{}");
		refused(dir, -ENOENT, "model.safetensors");
		write_text(dir, names[i], "x");
		refused(dir, -ENOTSUP, names[i]);
		scratch_remove(dir);
	}
}
TEST_REGISTER(formats_other_weights);

/* ---- GGUF: a good file with one key or tensor changed ---- */

struct change {
	const char *model, *key;	/* is left out, or is @value */
	int64_t value;			/* -1: left out */
	const char *tensor, *as;	/* is called so, or left out */
	const char *message;
};

static const struct change changes[] = {
	{ "llama", "general.architecture", -1, .message = "'general.architecture' is missing" },
	{ "llama", "llama.block_count", -1, .message = "'llama.block_count' is missing" },
	{ "llama", "llama.block_count", 3, .message = "tensor 'blk.2.attn_norm.weight' is "
	  "missing" },
	{ "llama", "llama.block_count", 1, .message = "no use for tensor 'blk.1." },
	{ "llama", "llama.block_count", 4000000000, .message = "not in 1.." },
	{ "llama", "llama.context_length", 0, .message = "'llama.context_length' is 0" },
	{ "llama", "llama.context_length", 4000000000, .message = "not in 1.." },
	{ "llama", "llama.embedding_length", 24, .message = "tensor 'token_embd.weight' has the "
	  "shape (12, 16), the model asks for (12, 24)" },
	{ "llama", "llama.attention.head_count", 3, .message = "asks for (24, 16)" },
	{ "llama", "llama.attention.head_count_kv", 3, .message = "no multiple of" },
	{ "llama", "llama.attention.key_length", 4,
	  .message = "keys have 4 elements and values 8" },
	{ "llama", "llama.rope.dimension_count", 4, .message = "4 of the 8 elements" },
	{ "llama", "llama.feed_forward_length", 32, .message = "asks for (32, 16)" },
	{ "llama", "split.count", 3, .message = "one of 3 parts of a model" },
	{ "llama", "llama.expert_count", 8, .message = "mixture of experts" },
	{ "llama", .tensor = "blk.1.attn_q.weight", .message = "tensor 'blk.1.attn_q.weight' is "
	  "missing" },
	{ "llama", .tensor = "blk.1.attn_q.weight", .as = "blk.1.attn_qq.weight",
	  .message = "tensor 'blk.1.attn_q.weight' is missing" },
	{ "llama", .tensor = "token_embd.weight", .message = "'token_embd.weight' is missing" },
	{ "llama", .tensor = "output.weight", .as = "output.wait", .message = "no use for tensor "
	  "'output.wait'" },
	{ "llama3", "llama.attention.key_length", 8, .message = "keys have 8" },
	{ "qwen3", .tensor = "blk.0.attn_q_norm.weight", .message = "'blk.0.attn_q_norm.weight' is "
	  "missing" },
	{ "gpt2", "gpt2.context_length", 33, .message = "'position_embd.weight' has the shape "
	  "(32, 16)" },
};

static int put_tensor(void *ctx, FILE *f)
{
	const struct gguf_tensor *t = ctx;

	return fwrite(t->data, 1, t->bytes, f) == t->bytes ? 0 : fail_errno("write");
}

static bool is_key(const struct gguf_value *v, const char *key)
{
	return key && v->key.len == strlen(key) && !memcmp(v->key.bytes, key, v->key.len);
}

static void write_change(const struct gguf *g, const struct change *c, const char *path)
{
	struct gguf_writer *w = gguf_writer_new();

	for (size_t i = 0; i < gguf_nr_values(g); i++)
		if (!is_key(gguf_value_at(g, i), c->key))
			gguf_put_value(w, gguf_value_at(g, i));
	if (c->key && c->value >= 0)
		gguf_put_u32(w, c->key, (uint32_t)c->value);
	for (size_t i = 0; i < gguf_nr_tensors(g); i++) {
		const struct gguf_tensor *t = gguf_tensor_at(g, i);
		bool this = c->tensor && !strcmp(t->name, c->tensor);

		if (!this || c->as)
			gguf_put_tensor(w, this ? c->as : t->name, t->dtype, t->nd, t->shape,
					put_tensor, (void *)t);
	}
	check_ok(gguf_write(w, path));
	gguf_writer_free(w);
}

static void formats_bad_gguf(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "bad.gguf");

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char *name = str_printf(DATA "%s.gguf", changes[i].model), *from = tree_path(name);
		struct model_source *src;
		struct gguf *g;
		int ret;

		check_ok(gguf_open(from, &g));
		write_change(g, &changes[i], path);
		gguf_close(g);
		ret = source_open(path, &src);
		ck_assert_msg(ret < 0 && strstr(fail_message(), changes[i].message) &&
			      strstr(fail_message(), "bad.gguf"), "row %zu: %d, not '%s': %s", i,
			      ret, changes[i].message, fail_message());
		free(from);
		free(name);
	}
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(formats_bad_gguf);

static void formats_vocabulary_alone(void)
{
	char *path = tree_path("tests/data/tokenizer/pre.gguf");

	refused(path, -EINVAL, "pre.gguf: no tensors: a tokenizer alone");
	free(path);
}
TEST_REGISTER(formats_vocabulary_alone);

/* What llama.cpp, llama-model.cpp, load_hparams(), makes of the keys. */
static void formats_gguf_linear(void)
{
	static const struct {
		const char *key, *type;
		float factor, want;	/* 0: positions as they are */
	} rows[] = {
		{ "llama.rope.scaling.factor", "linear", 4, 4 },
		{ "llama.rope.scaling.factor", NULL, 4, 4 },
		{ "llama.rope.scale_linear", NULL, 2, 2 },
		{ "llama.rope.scaling.factor", "none", 4, 0 },
		{ "llama.rope.scaling.factor", "linear", 0, 0 },
	};
	char *dir = scratch_make(), *path = path_join(dir, "x.gguf");
	char *from = tree_path(DATA "llama.gguf");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gguf_writer *w = gguf_writer_new();
		struct model_source *src;
		struct gguf *g;

		check_ok(gguf_open(from, &g));
		for (size_t k = 0; k < gguf_nr_values(g); k++)
			gguf_put_value(w, gguf_value_at(g, k));
		gguf_put_f32(w, rows[i].key, rows[i].factor);
		if (rows[i].type)
			gguf_put_string(w, "llama.rope.scaling.type", rows[i].type,
					strlen(rows[i].type));
		for (size_t k = 0; k < gguf_nr_tensors(g); k++) {
			const struct gguf_tensor *t = gguf_tensor_at(g, k);

			gguf_put_tensor(w, t->name, t->dtype, t->nd, t->shape, put_tensor,
					(void *)t);
		}
		check_ok(gguf_write(w, path));
		gguf_writer_free(w);
		gguf_close(g);
		check_ok(source_open(path, &src));
		ck_assert_int_eq(src->spec.rope_scaling.kind,
				 rows[i].want ? ROPE_LINEAR : ROPE_PLAIN);
		if (rows[i].want)
			CHECK(src->spec.rope_scaling.factor == rows[i].want);
		source_close(src);
		check_ok(unlink(path));
	}
	free(from);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(formats_gguf_linear);

/* ---- llama2.c ---- */

static void formats_bad_llama2c(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "bad.bin");
	char *from = tree_path("tests/fuzz/corpus/llama2c/legacy.bin"), *bytes;
	int32_t *n;
	size_t len;

	check_ok(file_read_all(from, 1 << 16, &bytes, &len));
	n = (int32_t *)bytes;
	write_raw(path, bytes, len - 4);
	refused(path, -EINVAL, "bad.bin: a tied head and sizes as the header says take");
	write_raw(path, bytes, 20);
	refused(path, -EINVAL, "too few");
	for (int i = 0; i < 7; i++) {
		static const int32_t bad[] = { 0, INT32_MIN, INT32_MAX };

		for (int k = 0; k < 3; k++) {
			int32_t was = n[i];

			n[i] = bad[k];
			write_raw(path, bytes, len);
			refused(path, -EINVAL, "not in 1..");
			n[i] = was;
		}
	}
	n[3] = 3;
	write_raw(path, bytes, len);
	refused(path, -EINVAL, "dim 4 is no multiple of n_heads 3");
	n[0] = 0x616b3432;
	n[1] = 2;
	write_raw(path, bytes, len);
	refused(path, -ENOTSUP, "version 2 of llama2.c");
	free(bytes);
	free(from);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(formats_bad_llama2c);

/* ---- what a format cannot hold: nothing is written ---- */

static struct model_source *llama(void)
{
	char *path = tree_path(DATA "llama");
	struct model_source *src;

	check_ok(source_open(path, &src));
	free(path);
	return src;
}

static void not_written(struct model_source *src, const char *dir, const char *format,
			const char *message)
{
	struct write_options o = { .dtype = DT_COUNT };
	char *path = path_join(dir, "out");

	CHECK(source_write(src, path, format, &o) < 0 && message_has(message));
	CHECK(message_has("out"));
	CHECK(!rmdir(dir));
	check_ok(dir_make(dir));
	free(path);
	source_close(src);
}

#define WITH(format, message, ...)						\
	do {									\
		struct model_source *src = llama();				\
		struct model_spec *s = &src->spec;				\
										\
		__VA_ARGS__;							\
		not_written(src, dir, format, message);				\
	} while (0)

static void formats_cannot_hold(void)
{
	char *dir = scratch_make();

	WITH("hf", "gates on attention", s->layer[1].gate = GATE_HEAD);
	WITH("gguf", "gates on attention", s->layer[1].gate = GATE_HEAD);
	WITH("gguf", "layers of different sizes", s->layer[1].mlp_width = 7);
	WITH("gguf", "windows of different widths", s->layer[0].window = 3; s->layer[1].window = 4);
	WITH("gguf", "a Llama cannot have", s->layer[0].window = 3);
	WITH("gguf", "has windows, which llama.cpp's llama", s->layer[0].window = 3;
	     s->layer[1].window = 3);
	WITH("hf", "caps and scales, which a Llama", s->logit_softcap = 30);
	WITH("gguf", "another activation", s->layer[0].activation = ACT_GEGLU;
	     s->layer[1].activation = ACT_GEGLU);
	WITH("hf", "no positions", s->position = POS_NONE);
	WITH("llama2c", "another rotary base", s->rope_base = 5000);
	WITH("llama2c", "another epsilon", s->norm_eps = 1e-6f);
	WITH("llama2c", "biases", s->bias = true);
	WITH("llama2c", "Llama only", s->qkv_bias = true);
	WITH("knlp", "layer 1 differs", s->layer[1].mlp_width = 7);
	scratch_remove(dir);
}
TEST_REGISTER(formats_cannot_hold);

/* 1e5 is no f16; what was begun goes away. */
static void formats_too_large(void)
{
	struct write_options o = { .dtype = DT_F16 };
	static const char *const formats[] = { "gguf", "hf" };
	char *dir = scratch_make(), *path = path_join(dir, "out");
	struct model_source *src = llama();
	float *large = calloc(12 * 16, sizeof(*large));

	CHECK(!strcmp(src->tensors[0].name, "model.embed_tokens.weight"));
	large[100] = 1e5f;
	src->tensors[0].data = large;
	src->tensors[0].dtype = DT_F32;
	for (int i = 0; i < 2; i++) {
		check_fails(source_write(src, path, formats[i], &o), -ERANGE,
			    "tensor 'model.embed_tokens.weight': 100000 is too large for f16");
		CHECK(!rmdir(dir));
		check_ok(dir_make(dir));
	}
	source_close(src);
	free(large);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(formats_too_large);

/* Special tokens without a row in the model are never text; others would be. */
static void formats_more_tokens(void)
{
	struct model_source src = { .path = "x" };

	check_ok(tokenizer_open("byte", &src.tokenizer));
	src.spec.vocab = 257;
	check_ok(source_check_tokenizer(&src));
	src.spec.vocab = 256;
	check_ok(source_check_tokenizer(&src));
	src.spec.vocab = 255;
	check_fails(source_check_tokenizer(&src), -EINVAL, "x: the tokenizer has 257 tokens, the "
		    "model's vocabulary 255");
	tokenizer_free(src.tokenizer);
}
TEST_REGISTER(formats_more_tokens);

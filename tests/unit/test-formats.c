// SPDX-License-Identifier: MIT
#include "formats/source.h"

#include <math.h>

#include "block/block.h"
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

// SPDX-License-Identifier: MIT
/*
 * From MODEL_ parameters to a spec, and back.
 */
#include <stdlib.h>

#include "base/config.h"
#include "nn/spec.h"
#include "tests/unit/test.h"

static struct config *config_with(const char *const *settings)
{
	struct config *cfg = config_new();

	CHECK(cfg);
	for (; *settings; settings++)
		check_ok(config_set(cfg, *settings));
	return cfg;
}

/* What auto stood for is written down; the spec from it is the same. */
static void check_round(const char *const *settings)
{
	struct config *cfg = config_with(settings);
	struct model_spec before, after;
	char hash[HASH_HEX], again[HASH_HEX];

	check_ok(spec_from_config(cfg, 257, &before));
	check_ok(spec_resolve(&before, cfg));
	for (int id = 0; id < PARAM_COUNT; id++)
		if (!strncmp(params[id].name, "MODEL_", 6))
			ck_assert_msg(!config_is_auto(cfg, id), "%s", params[id].name);
	check_ok(spec_from_config(cfg, 257, &after));
	for (int i = 0; i < before.layers; i++)
		CHECK(!memcmp(&before.layer[i], &after.layer[i], sizeof(before.layer[i])));
	free(after.layer);
	after.layer = before.layer;
	CHECK(before.family == after.family && before.vocab == after.vocab &&
	      before.tied == after.tied && before.bias == after.bias &&
	      before.norm == after.norm && before.position == after.position &&
	      before.qkv_bias == after.qkv_bias && before.post_norms == after.post_norms &&
	      !memcmp(&before.rope_scaling, &after.rope_scaling, sizeof(before.rope_scaling)));
	ck_assert_float_eq(before.embed_scale, after.embed_scale);
	ck_assert_float_eq(before.rope_base, after.rope_base);
	ck_assert_float_eq(before.norm_eps, after.norm_eps);
	check_ok(config_hash(cfg, hash));
	check_ok(spec_resolve(&before, cfg));
	check_ok(config_hash(cfg, again));
	ck_assert_str_eq(hash, again);
	spec_free(&before);
	config_free(cfg);
}

static void spec_resolves(void)
{
	check_round((const char *const []){ NULL });
	check_round((const char *const []){ "MODEL_FAMILY=llama", "MODEL_KV_HEADS=2", NULL });
	check_round((const char *const []){ "MODEL_FAMILY=qwen2", "MODEL_QK_NORM=y",
					    "MODEL_ROPE_SCALING=llama3", NULL });
	check_round((const char *const []){ "MODEL_FAMILY=qwen3", "MODEL_ROPE_LOCAL_BASE=7",
					    "MODEL_EMBED_SCALE=3", "MODEL_POST_NORMS=yes", NULL });
	check_round((const char *const []){ "MODEL_FAMILY=gemma3", "MODEL_ATTENTION=window*3,full",
					    "MODEL_ROPE_SCALING=linear", NULL });
	check_round((const char *const []){ "MODEL_ATTENTION=full*2,window*2",
					    "MODEL_ACTIVATION=geglu", "MODEL_TIED=no", NULL });
}
TEST_REGISTER(spec_resolves);

/* What is left to `auto` and what says the same in so many words are one configuration. */
static void spec_auto_is_its_value(void)
{
	static const char *const sets[2][3] = {
		{ "MODEL_NORM_EPS=1e-5", "MODEL_FAMILY=llama", NULL },
		{ "MODEL_NORM_EPS=auto", "MODEL_FAMILY=llama", NULL },
	};
	char hash[2][HASH_HEX];

	for (int i = 0; i < 2; i++) {
		struct config *cfg = config_with(sets[i]);
		struct model_spec spec;

		check_ok(spec_from_config(cfg, 257, &spec));
		check_ok(spec_resolve(&spec, cfg));
		check_ok(config_hash(cfg, hash[i]));
		spec_free(&spec);
		config_free(cfg);
	}
	ck_assert_str_eq(hash[0], hash[1]);
}
TEST_REGISTER(spec_auto_is_its_value);

static void check_refused(const char *a, const char *b, const char *text)
{
	struct config *cfg = config_with((const char *const []){ a, b, NULL });
	struct model_spec spec;

	check_fails(spec_from_config(cfg, 257, &spec), -EINVAL, text);
	config_free(cfg);
}

static void spec_refuses(void)
{
	check_refused("MODEL_HEADS=3", "MODEL_WIDTH=128", "MODEL_WIDTH 128");
	check_refused("MODEL_HEADS=4", "MODEL_KV_HEADS=3", "MODEL_KV_HEADS 3");
	check_refused("MODEL_POSITION=rope", "MODEL_HEAD_DIM=33", "33 is odd");
	check_refused("MODEL_VOCAB=100", "MODEL_LAYERS=1", "tokenizer has 257");
	check_refused("MODEL_POST_NORMS=yes", "MODEL_LAYERS=1", "family gpt2");
	check_refused("MODEL_ROPE_SCALING=llama3", "MODEL_ROPE_HIGH=0.5", "above MODEL_ROPE_LOW 1");
	check_refused("MODEL_ATTENTION=full*3,window*3", "MODEL_LAYERS=4", "MODEL_ATTENTION");
}
TEST_REGISTER(spec_refuses);

// SPDX-License-Identifier: MIT
#include "tools/infer-options.h"

#include <string.h>

#include "nn/model.h"
#include "tools/command.h"

struct infer_options infer_options = { .device = "cpu", .act = "f32", .kv = "f32" };

static void act_words(struct strbuf *sb)
{
	strbuf_adds(sb, "f32 q8");
}

static void kv_words(struct strbuf *sb)
{
	strbuf_adds(sb, "f32 f16 bf16");
}

const struct option option_table_infer[] = {
	OPTION_WORD(0, "act", "f32|q8", &infer_options.act, act_words,
		    "activations in front of quantized weights: as they are, or rounded to 8 bits "
		    "as llama.cpp does (default f32)"),
	OPTION_WORD(0, "kv", "f32|f16|bf16", &infer_options.kv, kv_words,
		    "type of cached keys and values (default f32)"),
	OPTION_STRING(0, "device", "NAME", &infer_options.device, "where to compute (default cpu)"),
	OPTION_END
};

static bool find_cache(enum dtype *cache)
{
	static const enum dtype types[] = { DT_F32, DT_F16, DT_BF16 };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		*cache = types[i];
		if (!strcmp(infer_options.kv, dtype_info(types[i])->name))
			return true;
	}
	return false;
}

int infer_options_check(void)
{
	const char *command = command_running()->name;
	enum dtype cache;

	if (strcmp(infer_options.act, "f32") && strcmp(infer_options.act, "q8"))
		return usage_error("%s: --act '%s': there are f32 and q8", command,
				   infer_options.act);
	if (!find_cache(&cache))
		return usage_error("%s: --kv '%s': there are f32, f16 and bf16", command,
				   infer_options.kv);
	return 0;
}

enum dtype infer_options_apply(struct model *m)
{
	enum dtype cache;

	m->act_round = strcmp(infer_options.act, "q8") ? ACT_ROUND_NONE : ACT_ROUND_Q8;
	find_cache(&cache);
	return cache;
}

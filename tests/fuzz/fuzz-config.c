// SPDX-License-Identifier: MIT
/* config.json of Hugging Face to a spec, and the model that it asks for. */
#include "formats/hf-internal.h"
#include "tests/fuzz/fuzz.h"

#define LAYERS 64

static void one(const uint8_t *data, size_t len)
{
	struct model_source src = { .path = "x" };
	struct model *m;
	cJSON *root;

	if (json_parse("config.json", (const char *)data, len, &root))
		return;
	if (!hf_config_read("config.json", root, LAYERS, &src.spec) &&
	    !spec_check("config.json", &src.spec) &&
	    !model_new(&src.spec, NULL, &m))	/* takes the layers */
		model_free(m);
	spec_free(&src.spec);
	cJSON_Delete(root);
}
FUZZ_REGISTER(config, one);

// SPDX-License-Identifier: MIT
#include "io/json.h"
#include "tests/fuzz/fuzz.h"

static void one(const uint8_t *data, size_t len)
{
	cJSON *root;

	if (!json_parse("x.json", (const char *)data, len, &root))
		cJSON_Delete(root);
}
FUZZ_REGISTER(json, one);

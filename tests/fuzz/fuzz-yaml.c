// SPDX-License-Identifier: MIT
#include "io/yaml.h"
#include "tests/fuzz/fuzz.h"

static void one(const uint8_t *data, size_t len)
{
	struct yml *root;

	if (!yml_parse("x.yaml", (const char *)data, len, &root))
		yml_free(root);
}
FUZZ_REGISTER(yaml, one);

// SPDX-License-Identifier: MIT
#include "experiment/experiment.h"
#include "tests/fuzz/fuzz.h"

static void one(const uint8_t *data, size_t len)
{
	struct experiment *e;

	if (!experiment_parse("plan.yaml", (const char *)data, len, &e))
		experiment_free(e);
}
FUZZ_REGISTER(plan, one);

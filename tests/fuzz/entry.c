// SPDX-License-Identifier: MIT
/* What libFuzzer calls; the target is named by KNLP_FUZZ. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct fuzz_target *target;

	if (!target) {
		const char *name = getenv("KNLP_FUZZ");

		target = fuzz_find(name ? name : "");
		if (!target) {
			fprintf(stderr, "knlp-fuzz: KNLP_FUZZ names no target\n");
			exit(1);
		}
	}
	target->one(data, len);
	return 0;
}

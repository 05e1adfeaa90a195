// SPDX-License-Identifier: MIT
#include "formats/source.h"
#include "tests/fuzz/fuzz.h"

static void one(const uint8_t *data, size_t len)
{
	struct model_source *src;

	if (source_open(fuzz_file("x.bin", data, len), &src))
		return;
	for (int i = 0; i < src->nr_tensors; i++)
		fuzz_look(src->tensors[i].data, src->tensors[i].bytes);
	source_close(src);
}
FUZZ_REGISTER(llama2c, one);

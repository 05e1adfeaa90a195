// SPDX-License-Identifier: MIT
#include "formats/source.h"
#include "io/gguf.h"
#include "tests/fuzz/fuzz.h"

static void look_at_values(const struct gguf *g)
{
	for (size_t i = 0; i < gguf_nr_values(g); i++) {
		const struct gguf_value *v = gguf_value_at(g, i);

		fuzz_look(v->data, v->bytes);
		for (uint64_t k = 0; v->item == GGUF_STRING && k < v->nr; k++)
			fuzz_look(gguf_item_string(v, k).bytes, gguf_item_string(v, k).len);
	}
}

static void one(const uint8_t *data, size_t len)
{
	const char *path = fuzz_file("x.gguf", data, len);
	struct model_source *src;
	struct gguf *g;

	if (!gguf_open(path, &g)) {
		look_at_values(g);
		for (size_t i = 0; i < gguf_nr_tensors(g); i++)
			fuzz_look(gguf_tensor_at(g, i)->data, gguf_tensor_at(g, i)->bytes);
		gguf_close(g);
	}
	if (source_open(path, &src))
		return;
	for (int i = 0; i < src->nr_tensors; i++)
		fuzz_look(src->tensors[i].data, src->tensors[i].bytes);
	source_close(src);
}
FUZZ_REGISTER(gguf, one);

// SPDX-License-Identifier: MIT
#include "io/safetensors.h"
#include "tests/fuzz/fuzz.h"

static void one(const uint8_t *data, size_t len)
{
	const struct st_view *v;
	struct st *st;

	if (st_open(fuzz_file("x.safetensors", data, len), &st))
		return;
	for (size_t i = 0; i < st_count(st); i++) {
		fuzz_look(st_at(st, i)->data, st_at(st, i)->bytes);
		st_find(st, st_at(st, i)->name, &v);
	}
	st_metadata(st, "format");
	st_find(st, "no such tensor", &v);
	st_close(st);
}
FUZZ_REGISTER(safetensors, one);

// SPDX-License-Identifier: MIT
/* Quantizers against ggml's bytes: scripts/peers/golden_quant.py. */
#include "quant/quant.h"

#include <stdlib.h>

#include "block/block.h"
#include "io/safetensors.h"
#include "tests/unit/data-helper.h"
#include "tests/unit/test.h"

static const char *const importance[] = { "none", "normal", "zeros" };

static const struct st_view *view(const struct st *st, const char *what, const char *part)
{
	const struct st_view *v;
	char name[32];

	snprintf(name, sizeof(name), part ? "%s.%s" : "%s", what, part);
	check_ok(st_find(st, name, &v));
	return v;
}

static struct st *open_golden(struct quant_rows *r)
{
	char *path = tree_path("tests/data/golden/quant.safetensors");
	const struct st_view *x;
	struct st *st;

	check_ok(st_open(path, &st));
	free(path);
	x = view(st, "x", NULL);
	*r = (struct quant_rows){ .x = x->data, .nr = x->shape[0], .row = x->shape[1] };
	return st;
}

static void check_golden(const struct st *st, const struct quant_rows *r, enum dtype t, int how)
{
	const struct st_view *blocks = view(st, dtype_info(t)->name, importance[how]);
	unsigned char *got = malloc(blocks->bytes);
	int64_t size = dtype_bytes(t, r->row);

	CHECK((int64_t)blocks->bytes == size * r->nr);
	(void)quant_encode(t, r, got);	/* scales of some rows overflow in some types */
	for (int64_t i = 0; i < (int64_t)blocks->bytes; i++)
		ck_assert_msg(got[i] == ((const uint8_t *)blocks->data)[i],
			      "level %d, %s, importance %s: row %d, byte %d", quant_level(),
			      dtype_info(t)->name, importance[how], (int)(i / size),
			      (int)(i % size));
	free(got);
}

static void quant_golden(void)
{
	struct quant_rows r;
	struct st *st = open_golden(&r);

	for (int level = 0; level <= QUANT_AVX512; level++) {
		quant_limit(level);
		for (int t = DT_Q4_0; t < DT_COUNT; t++)
			for (int how = 0; how < 3; how++) {
				r.weights = how ? view(st, "w", importance[how])->data : NULL;
				check_golden(st, &r, t, how);
			}
	}
	quant_limit(QUANT_AVX512);
	st_close(st);
}
TEST_REGISTER(quant_golden);

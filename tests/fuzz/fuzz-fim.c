// SPDX-License-Identifier: MIT
/* FIM files: all that `knlp fim show`, `compare` and `merge` do with them. */
#include <stdlib.h>

#include "base/strbuf.h"
#include "fim/compare.h"
#include "fim/merge.h"
#include "fim/summary.h"
#include "tests/fuzz/fuzz.h"

static void read_all(const struct fim *f)
{
	for (int i = 0; i < f->nr; i++)
		for (int p = 0; p < FIM_PARTS; p++) {
			const struct fim_item *item = &f->item[i];
			float *x = item->part[p] ? malloc(fim_count(item, p) * sizeof(*x)) : NULL;

			if (x && !fim_read(f, item, p, x))
				fuzz_look(x, fim_count(item, p) * sizeof(*x));
			free(x);
		}
}

static void one_fim(const uint8_t *data, size_t len)
{
	const struct fim_compare_options o = { 2, 1 };
	struct fim_comparison c;
	struct strbuf page;
	struct fim *f;

	if (fim_open(fuzz_file("x.safetensors", data, len), &f))
		return;
	read_all(f);
	strbuf_init(&page);
	if (!fim_html(f, &page))
		fuzz_look(page.s, page.len);
	strbuf_free(&page);
	fim_compare(f, f, &o, &c);
	fim_comparison_free(&c);
	fim_merge((struct fim *[]){ f, f }, 2, "/dev/null/nowhere");
	fim_close(f);
}
FUZZ_REGISTER(fim, one_fim);

// SPDX-License-Identifier: MIT
#include "quant/importance.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "formats/gguf-names.h"
#include "nn/model.h"
#include "train/calibrate.h"

/* Room for the sums of each linear layer; their weights to @names. */
static int list_matrices(const struct model *m, struct imatrix_sums *s, const char **names)
{
	int ret = 0;

	for (int i = 0; i < m->nr_params && !ret; i++) {
		const struct param_info *p = &m->params[i];

		if (p->kind != WEIGHT_MATRIX)
			continue;
		names[s->nr] = p->name;
		ret = imatrix_sums_add(s, &m->spec, p->name, p->n[1]);
	}
	if (!ret && !s->nr)
		ret = fail(-EINVAL, "a model without linear layers");
	return ret;
}

int importance_of_inputs(struct model *m, struct device *dev, const struct calib_text *text,
			 struct imatrix_sums *s)
{
	const char **names = calloc(m->nr_params + 1, sizeof(*names));
	struct calib c = { 0 };
	int ret = names ? imatrix_sums_init(s, m->nr_params)
			: fail_nomem(m->nr_params * sizeof(*names), "names");

	s->count = text->sequences * text->length;
	s->chunks = text->sequences;
	s->chunk = text->length;
	if (!ret)
		ret = list_matrices(m, s, names);
	if (!ret)
		ret = calibrate(m, dev, text, names, s->nr, false, "imatrix", &c);
	for (int i = 0; i < s->nr && !ret; i++)
		memcpy(s->of[i].sum, c.input[c.of[i]].squares, s->of[i].row * sizeof(double));
	calib_free(&c);
	free(names);
	return ret;
}

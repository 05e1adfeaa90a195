// SPDX-License-Identifier: MIT
/*
 * The logits of a text's tokens, which no command of knlp prints; logits_check.py builds it
 * from knlp's own objects and runs it.
 *
 *	logits MODEL f32|q8 plain|avx2|all OUT ID...
 *
 * @q8: activations rounded to 8 bits.  @plain, @avx2, @all: what the processor may use.
 * OUT gets (tokens, vocabulary) floats.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/cpu/simd.h"
#include "infer/forward.h"
#include "nn/model.h"
#include "train/load.h"

#define FIRST_ID 5

static int read_text(struct model *m, struct device *dev, const int32_t *ids, int nr, float *out)
{
	const struct forward_options size = { .rows = 1, .length = nr };
	struct forward *f = NULL;
	int ret = forward_new(m, dev, &size, &f), chunk = ret ? 1 : forward_chunk(f);

	if (!ret)
		ret = forward_run(f, ids, nr, 1, &nr);
	for (int i = 0; i < nr && !ret; i += chunk)
		ret = forward_logits(f, 0, i, nr - i < chunk ? nr - i : chunk,
				     out + (size_t)i * m->spec.vocab);
	forward_free(f);
	return ret;
}

static int write_floats(const char *path, const float *x, size_t nr)
{
	FILE *f = fopen(path, "wb");
	int ret = f && fwrite(x, sizeof(*x), nr, f) == nr ? 0 : -1;

	if (f && fclose(f))
		ret = -1;
	return ret;
}

int main(int argc, char **argv)
{
	int nr = argc - FIRST_ID, ret;
	struct device *dev;
	struct loaded l;
	int32_t *ids;
	float *out;

	if (nr < 1)
		return 2;
	if (strcmp(argv[3], "all"))
		simd_limit(strcmp(argv[3], "avx2") ? SIMD_LEVEL_PLAIN : SIMD_LEVEL_AVX2);
	if (device_open("cpu", &dev) || model_load(argv[1], dev, &l))
		return 1;
	l.model->act_round = strcmp(argv[2], "q8") ? ACT_ROUND_NONE : ACT_ROUND_Q8;
	ids = calloc(nr, sizeof(*ids));
	out = calloc((size_t)nr * l.model->spec.vocab, sizeof(*out));
	if (!ids || !out)
		return 1;
	for (int i = 0; i < nr; i++)
		ids[i] = atoi(argv[FIRST_ID + i]);
	ret = read_text(l.model, dev, ids, nr, out);
	if (!ret)
		ret = write_floats(argv[4], out, (size_t)nr * l.model->spec.vocab);
	free(out);
	free(ids);
	model_unload(&l);
	device_close(dev);
	return ret ? 1 : 0;
}

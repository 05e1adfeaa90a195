// SPDX-License-Identifier: MIT
#include "quant/imatrix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "formats/gguf-names.h"

int imatrix_sums_init(struct imatrix_sums *s, int most)
{
	s->of = calloc(most + 1, sizeof(*s->of));
	return s->of ? 0 : fail_nomem(most * sizeof(*s->of), "an importance matrix");
}

int imatrix_sums_add(struct imatrix_sums *s, const struct model_spec *spec, const char *name,
		     int64_t row)
{
	struct imatrix_sum *e = &s->of[s->nr];
	int ret = gguf_tensor_name(spec, name, e->name);

	if (ret)
		return ret;
	e->row = row;
	e->sum = calloc(row, sizeof(*e->sum));
	if (!e->sum)
		return fail_nomem(row * sizeof(*e->sum), name);
	s->nr++;
	return 0;
}

int64_t imatrix_floor(struct imatrix_sum *s, int64_t count)
{
	int64_t raised = 0;
	double least = 0;

	for (int64_t i = 0; i < s->row; i++)
		least += s->sum[i];
	least = least > 0 ? IMATRIX_FLOOR * least / (double)s->row : (double)count;
	for (int64_t i = 0; i < s->row; i++)
		if (s->sum[i] < least) {
			s->sum[i] = least;
			raised++;
		}
	return raised;
}

static int check(const struct imatrix_sum *s)
{
	for (int64_t i = 0; i < s->row; i++)
		if (!isfinite(s->sum[i]) || s->sum[i] < 0)
			return fail(-EDOM, "%s: the importance of column %lld is %g", s->name,
				    (long long)i, s->sum[i]);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct imatrix_sum *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int write_f32(FILE *f, double value)
{
	float x = (float)value;

	return fwrite(&x, sizeof(x), 1, f) == 1 ? 0 : fail_errno("an importance matrix");
}

static int write_sums(void *ctx, FILE *f)
{
	const struct imatrix_sum *s = ctx;
	int ret = 0;

	for (int64_t i = 0; i < s->row && !ret; i++)
		ret = write_f32(f, s->sum[i]);
	return ret;
}

static int write_count(void *ctx, FILE *f)
{
	const struct imatrix_sums *s = ctx;

	return write_f32(f, (double)s->count);
}

static void put_keys(struct gguf_writer *w, const struct imatrix_sums *s)
{
	struct gguf_string dataset = { s->dataset, strlen(s->dataset) };

	gguf_put_string(w, "general.type", "imatrix", strlen("imatrix"));
	gguf_put_strings(w, "imatrix.datasets", &dataset, 1);
	gguf_put_u32(w, "imatrix.chunk_count", (uint32_t)s->chunks);
	gguf_put_u32(w, "imatrix.chunk_size", (uint32_t)s->chunk);
	if (s->scale > 0)
		gguf_put_f32(w, "knlp.imatrix.scale", (float)s->scale);
}

static void put_sums(struct gguf_writer *w, struct imatrix_sums *s, struct imatrix_sum *of)
{
	char name[GGUF_NAME_MAX + sizeof(".in_sum2")];
	const int64_t one = 1;

	snprintf(name, sizeof(name), "%s.in_sum2", of->name);
	gguf_put_tensor(w, name, DT_F32, 1, &of->row, write_sums, of);
	snprintf(name, sizeof(name), "%s.counts", of->name);
	gguf_put_tensor(w, name, DT_F32, 1, &one, write_count, s);
}

int imatrix_write(struct imatrix_sums *s, const char *path)
{
	struct gguf_writer *w;
	int ret = 0;

	for (int i = 0; i < s->nr && !ret; i++)
		ret = check(&s->of[i]);
	if (ret)
		return ret;
	w = gguf_writer_new();
	if (!w)
		return fail_nomem(0, "an importance matrix");
	qsort(s->of, s->nr, sizeof(*s->of), compare);
	put_keys(w, s);
	for (int i = 0; i < s->nr; i++)
		put_sums(w, s, &s->of[i]);
	ret = gguf_write(w, path);
	gguf_writer_free(w);
	return ret;
}

void imatrix_sums_free(struct imatrix_sums *s)
{
	for (int i = 0; i < s->nr; i++)
		free(s->of[i].sum);
	free(s->of);
	s->of = NULL;
	s->nr = 0;
}

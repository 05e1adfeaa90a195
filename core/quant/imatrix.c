// SPDX-License-Identifier: MIT
#include "quant/imatrix.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "quant/mix.h"

#define SUMS ".in_sum2"

struct entry {
	char name[GGUF_NAME_MAX + 1];
	float *mean;
};

struct imatrix {
	struct gguf *file;
	struct entry *entries;
	int nr;
};

static int read_means(const struct gguf *g, const struct gguf_tensor *sums, struct entry *e)
{
	char name[GGUF_NAME_MAX + 9];
	const struct gguf_tensor *counts;
	int64_t row = quant_tensor_row(sums);
	float count;

	snprintf(name, sizeof(name), "%s.counts", e->name);
	counts = gguf_tensor_find(g, name);
	if (!counts || counts->dtype != DT_F32 || counts->bytes != 4 || sums->dtype != DT_F32 ||
	    quant_tensor_rows(sums) != 1)
		return fail(-EINVAL, "%s: '%s' is no f32 sum of one matrix with a count",
			    gguf_path(g), e->name);
	count = *(const float *)counts->data;
	e->mean = malloc(row * sizeof(*e->mean));
	if (!e->mean)
		return fail_nomem(row * sizeof(*e->mean), "an importance matrix");
	for (int64_t i = 0; i < row; i++) {
		/* What no token has reached says nothing: all columns are alike. */
		e->mean[i] = count > 0 ? ((const float *)sums->data)[i] / count : 1;
		if (!isfinite(e->mean[i]) || e->mean[i] < 0)
			return fail(-EINVAL, "%s: '%s': the importance of column %lld is %g",
				    gguf_path(g), e->name, (long long)i, (double)e->mean[i]);
	}
	return 0;
}

static int check_model(const struct gguf *g, const struct gguf *model,
		       const struct gguf_tensor *sums, const char *name)
{
	const struct gguf_tensor *t = gguf_tensor_find(model, name);

	/* The output of a tied model is its embedding. */
	if (!t && !strcmp(name, "output.weight"))
		return 0;
	if (!t)
		return fail(-EINVAL, "%s is of another model: %s has no tensor '%s'", gguf_path(g),
			    gguf_path(model), name);
	if (quant_tensor_row(t) != quant_tensor_row(sums))
		return fail(-EINVAL, "%s is of another model: '%s' has rows of %lld there, %lld in "
			    "%s", gguf_path(g), name, (long long)quant_tensor_row(sums),
			    (long long)quant_tensor_row(t), gguf_path(model));
	return 0;
}

static int read_entries(struct imatrix *im, const struct gguf *model)
{
	const struct gguf *g = im->file;
	int ret = 0;

	for (size_t i = 0; i < gguf_nr_tensors(g) && !ret; i++) {
		const struct gguf_tensor *t = gguf_tensor_at(g, i);
		size_t len = strlen(t->name), end = strlen(SUMS);
		struct entry *e = &im->entries[im->nr];

		if (len <= end || strcmp(t->name + len - end, SUMS))
			continue;
		im->nr++;
		snprintf(e->name, sizeof(e->name), "%.*s", (int)(len - end), t->name);
		ret = check_model(g, model, t, e->name);
		if (!ret)
			ret = read_means(g, t, e);
	}
	if (!ret && !im->nr)
		ret = fail(-EINVAL, "%s: no importance matrix: it has no tensor NAME" SUMS,
			   gguf_path(g));
	return ret;
}

int imatrix_open(const char *path, const struct gguf *model, struct imatrix **out)
{
	struct imatrix *im = calloc(1, sizeof(*im));
	int ret;

	if (!im)
		return fail_nomem(sizeof(*im), "an importance matrix");
	ret = gguf_open(path, &im->file);
	if (!ret) {
		im->entries = calloc(gguf_nr_tensors(im->file) + 1, sizeof(*im->entries));
		ret = im->entries ? read_entries(im, model)
				  : fail_nomem(gguf_nr_tensors(im->file), "an importance matrix");
	}
	if (ret)
		imatrix_close(im);
	else
		*out = im;
	return ret;
}

void imatrix_close(struct imatrix *im)
{
	if (!im)
		return;
	for (int i = 0; i < im->nr; i++)
		free(im->entries[i].mean);
	free(im->entries);
	if (im->file)
		gguf_close(im->file);
	free(im);
}

const float *imatrix_find(const struct imatrix *im, const char *name)
{
	for (int i = 0; im && i < im->nr; i++)
		if (!strcmp(im->entries[i].name, name))
			return im->entries[i].mean;
	return NULL;
}

int imatrix_nr(const struct imatrix *im)
{
	return im->nr;
}

const struct gguf *imatrix_file(const struct imatrix *im)
{
	return im->file;
}

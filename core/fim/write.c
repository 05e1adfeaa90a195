// SPDX-License-Identifier: MIT
/*
 * Writing FIM files.  A diagonal is read twice: for the sums, and for the file.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "fim/facts.h"
#include "fim/fim.h"
#include "io/safetensors.h"
#include "io/tensor-entry.h"

#define PIECE 8192		/* elements */
#define ENTRIES 6		/* of a tensor, at most */

/** struct sums - what is known of a tensor before it is written. */
struct sums {
	const struct fim_values *values;
	int tensor;
	int64_t rows, columns, count;	/* of the file */
	double *row, *column;		/* sums in fp64; column NULL for vectors */
	float *row_out, *column_out;
	double sum, shrink, mean;
	float sum_out, shrink_out;
};

static void sums_free(struct sums *s)
{
	free(s->row);
	free(s->column);
	free(s->row_out);
	free(s->column_out);
}

static int sums_alloc(struct sums *s, const struct fim_values *v, int tensor)
{
	const struct fim_tensor *t = &v->tensor[tensor];

	s->values = v;
	s->tensor = tensor;
	s->rows = t->n[t->transposed];
	s->columns = t->nd == 2 ? t->n[!t->transposed] : 1;
	s->count = s->rows * s->columns;
	s->row = calloc(s->rows, sizeof(*s->row));
	s->row_out = calloc(s->rows, sizeof(*s->row_out));
	s->column = calloc(s->columns, sizeof(*s->column));
	s->column_out = calloc(s->columns, sizeof(*s->column_out));
	return s->row && s->row_out && s->column && s->column_out
	     ? 0 : fail_nomem((size_t)s->rows * 12, t->name);
}

/* Element @i of memory is in which row of the file? */
static void add_piece(struct sums *s, bool transposed, int64_t at, int64_t nr, const float *x)
{
	int64_t inner = transposed ? s->rows : s->columns;

	for (int64_t i = 0; i < nr; i++) {
		int64_t a = (at + i) / inner, b = (at + i) % inner;

		s->row[transposed ? b : a] += x[i];
		s->column[transposed ? a : b] += x[i];
	}
}

static int check_piece(const char *name, int64_t at, int64_t nr, const float *x)
{
	for (int64_t i = 0; i < nr; i++)
		if (!(x[i] >= 0) || isinf(x[i]))
			return fail(-EDOM, "the Fisher information of '%s' is %g at element %lld",
				    name, x[i], (long long)(at + i));
	return 0;
}

static int add_up(struct sums *s)
{
	const struct fim_tensor *t = &s->values->tensor[s->tensor];
	float piece[PIECE];
	int ret = 0;

	for (int64_t at = 0; at < s->count && !ret; at += PIECE) {
		int64_t nr = s->count - at < PIECE ? s->count - at : PIECE;

		ret = s->values->fetch(s->values->ctx, s->tensor, false, at, nr, piece);
		if (!ret)
			ret = check_piece(t->name, at, nr, piece);
		if (!ret)
			add_piece(s, t->transposed, at, nr, piece);
	}
	for (int64_t r = 0; r < s->rows; r++)
		s->sum += s->row[r];
	s->mean = s->sum / (double)s->count;
	return ret;
}

/* With F = (F_1 + F_2) / 2, the error of F is (F_1 - F_2) / 2 = F_1 - F. */
static int estimate_shrink(struct sums *s)
{
	float whole[PIECE], half[PIECE];
	double noise = 0, variance = 0;
	int ret = 0;

	for (int64_t at = 0; at < s->count && !ret; at += PIECE) {
		int64_t nr = s->count - at < PIECE ? s->count - at : PIECE;

		ret = s->values->fetch(s->values->ctx, s->tensor, false, at, nr, whole);
		if (!ret)
			ret = s->values->fetch(s->values->ctx, s->tensor, true, at, nr, half);
		for (int64_t i = 0; i < nr && !ret; i++) {
			double d = (double)half[i] - whole[i], e = whole[i] - s->mean;

			noise += d * d;
			variance += e * e;
		}
	}
	s->shrink = variance > noise ? noise / variance : variance > 0;
	return ret;
}

/* The sums of what will be in the file; that of all elements does not change. */
static void round_sums(struct sums *s)
{
	double keep = 1 - s->shrink;

	for (int64_t r = 0; r < s->rows; r++)
		s->row_out[r] = (float)(keep * s->row[r] +
					s->shrink * s->mean * (double)s->columns);
	for (int64_t c = 0; c < s->columns; c++)
		s->column_out[c] = (float)(keep * s->column[c] +
					   s->shrink * s->mean * (double)s->rows);
	s->sum_out = (float)s->sum;
	s->shrink_out = (float)s->shrink;
}

static int fetch(struct sums *s, bool half, size_t offset, size_t len, float *to)
{
	int64_t at = (int64_t)(offset / sizeof(*to)), nr = (int64_t)(len / sizeof(*to));
	int ret = s->values->fetch(s->values->ctx, s->tensor, half, at, nr, to);

	for (int64_t i = 0; i < nr && !ret && !half && s->shrink > 0; i++)
		to[i] = (float)((1 - s->shrink) * to[i] + s->shrink * s->mean);
	return ret;
}

static int fetch_whole(void *ctx, size_t offset, size_t len, void *to)
{
	return fetch(ctx, false, offset, len, to);
}

static int fetch_half(void *ctx, size_t offset, size_t len, void *to)
{
	return fetch(ctx, true, offset, len, to);
}

static int add_entry(struct tensor_entry *e, const struct fim_tensor *t, enum fim_part part,
		     int nd, const int64_t *n, void *data)
{
	e->name = str_printf("%s%s", t->name, fim_suffix(part));
	e->dtype = DT_F32;
	e->nd = nd;
	for (int d = 0; d < nd; d++)
		e->shape[d] = n[d];
	e->fetch = tensor_fetch_memory;
	e->ctx = data;
	return e->name ? 0 : fail_nomem(strlen(t->name), "a name");
}

static int add_diagonal(struct tensor_entry *e, struct sums *s, bool half)
{
	const struct fim_tensor *t = &s->values->tensor[s->tensor];
	int ret = add_entry(e, t, half ? FIM_HALF : FIM_DIAGONAL, t->nd, t->n, s);

	e->transposed = t->transposed && t->nd == 2;
	e->fetch = half ? fetch_half : fetch_whole;
	return ret;
}

/* What is asked for of one tensor. */
static int add_entries(struct tensor_entry *e, int *nr, struct sums *s, unsigned int parts)
{
	const struct fim_tensor *t = &s->values->tensor[s->tensor];
	int ret = 0;

	if (parts & 1 << FIM_DIAGONAL)
		ret = add_diagonal(&e[(*nr)++], s, false);
	if (!ret && parts & 1 << FIM_HALF)
		ret = add_diagonal(&e[(*nr)++], s, true);
	if (!ret && parts & 1 << FIM_ROW)
		ret = add_entry(&e[(*nr)++], t, FIM_ROW, 1, &s->rows, s->row_out);
	if (!ret && parts & 1 << FIM_COLUMN && t->nd == 2)
		ret = add_entry(&e[(*nr)++], t, FIM_COLUMN, 1, &s->columns, s->column_out);
	if (!ret && parts & 1 << FIM_SUM)
		ret = add_entry(&e[(*nr)++], t, FIM_SUM, 0, NULL, &s->sum_out);
	if (!ret && parts & 1 << FIM_SHRINK)
		ret = add_entry(&e[(*nr)++], t, FIM_SHRINK, 0, NULL, &s->shrink_out);
	return ret;
}

static int prepare(struct sums *s, const struct fim_values *v, int tensor, double shrink)
{
	int ret = sums_alloc(s, v, tensor);

	if (!ret)
		ret = add_up(s);
	if (!ret && shrink == FIM_SHRINK_AUTO)
		ret = estimate_shrink(s);
	else if (shrink > 0)
		s->shrink = shrink;
	if (!ret)
		round_sums(s);
	return ret;
}

static int check_output(const struct fim_values *v, const struct fim_output *o)
{
	if (!v->nr)
		return fail(-EINVAL, "there is no tensor to write into %s", o->path);
	if (!v->has_half && (o->parts & 1 << FIM_HALF || o->shrink == FIM_SHRINK_AUTO))
		return fail(-EINVAL, "%s: halves of the sample are not known of this estimate",
			    o->path);
	return 0;
}

static int check_there(const char *path)
{
	const char *format = NULL;
	struct st *st = NULL;
	struct stat file;
	int ret;

	if (stat(path, &file) || !file.st_size)
		return 0;
	ret = st_open(path, &st);
	if (!ret)
		format = st_metadata(st, "format");
	if (ret || !format || strcmp(format, "knlp fim"))
		ret = fail(-EEXIST, "--out %s is there, and no FIM file: remove it, or choose "
			   "another name", path);
	st_close(st);
	return ret;
}

int fim_check_out(const char *path)
{
	int ret = file_check_place(path);

	return ret ? ret : check_there(path);
}

int fim_write_parts(const char *path, const struct fim_facts *f, const struct fim_tensor *tensor,
		    int nr, const struct tensor_entry *entries, int nr_entries)
{
	struct fim_meta m;
	int ret = fim_meta_make(&m, f, tensor, nr);

	if (!ret)
		ret = st_write(path, entries, nr_entries, m.meta, m.nr, NULL);
	fim_meta_free(&m);
	return ret;
}

int fim_write_diagonal(const struct fim_values *v, const struct fim_facts *f,
		       const struct fim_output *o, double *total)
{
	unsigned int parts = o->parts | (o->shrink != FIM_SHRINK_NONE ? 1 << FIM_SHRINK : 0);
	struct tensor_entry *entries = calloc((size_t)v->nr * ENTRIES + 1, sizeof(*entries));
	struct sums *s = calloc((size_t)v->nr + 1, sizeof(*s));
	int ret = entries && s ? check_output(v, o) : fail_nomem(0, "a FIM file"), nr = 0;
	double sum = 0;

	for (int i = 0; i < v->nr && !ret; i++) {
		ret = prepare(&s[i], v, i, o->shrink);
		sum += s[i].sum;
		if (!ret)
			ret = add_entries(entries, &nr, &s[i], parts);
	}
	if (!ret)
		ret = fim_write_parts(o->path, f, v->tensor, v->nr, entries, nr);
	if (total)
		*total = sum;
	for (int i = 0; s && i < v->nr; i++)
		sums_free(&s[i]);
	for (int i = 0; i < nr; i++)
		free((char *)entries[i].name);
	free(entries);
	free(s);
	return ret;
}

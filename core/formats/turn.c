// SPDX-License-Identifier: MIT
/*
 * Tensors on their way into another file: other types, other orders of rows.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/progress.h"
#include "block/block.h"
#include "formats/source-internal.h"

struct rotary rotary_of(const struct model_spec *spec, const char *name)
{
	const struct layer_spec *l;
	char part[32];
	int layer;

	if (sscanf(name, "model.layers.%d.self_attn.%31[a-z_].", &layer, part) != 2)
		return (struct rotary){ 0 };
	l = &spec->layer[layer];
	if (!strcmp(part, "q_proj"))
		return (struct rotary){ l->heads, l->head_dim };
	if (!strcmp(part, "k_proj"))
		return (struct rotary){ l->kv_heads, l->head_dim };
	if (!strcmp(part, "q_norm") || !strcmp(part, "k_norm"))
		return (struct rotary){ 1, l->head_dim };
	return (struct rotary){ 0 };
}

int turned_init(struct turned *t)
{
	const struct source_tensor *s = t->from;

	/* What moves or is added to in a vector is its elements. */
	t->rows = s->nd == 2 || t->rotary.heads ? s->shape[0] : 1;
	t->cols = s->nd == 2 ? s->shape[1] : s->shape[0] / t->rows;
	t->row_at = -1;
	t->floats = malloc(t->cols * sizeof(*t->floats));
	t->row = malloc(t->cols * sizeof(float));
	if (!t->floats || !t->row)
		return fail_nomem(t->cols * sizeof(float), s->name);
	return 0;
}

void turned_free(struct turned *t)
{
	free(t->floats);
	free(t->row);
	t->floats = NULL;
	t->row = NULL;
}

/* Which row of the tensor becomes row @r: per head, (2, D / 2) and (D / 2, 2) swap. */
static int64_t row_from(const struct turned *t, int64_t r)
{
	int64_t dim = t->rotary.head_dim, half = dim / 2, i;

	if (!t->rotary.heads)
		return r;
	i = r % dim;
	return r - i + (t->to_adjacent ? i % 2 * half + i / 2 : i % half * 2 + i / half);
}

int64_t source_row(const struct model_source *src, const char *name, enum position position,
		   int64_t r)
{
	struct turned t = { .to_adjacent = position == POS_ROPE_ADJACENT };

	if (turn_is_needed(&src->spec, position))
		t.rotary = rotary_of(&src->spec, name);
	return row_from(&t, r);
}

static int convert_row(struct turned *t, int64_t from)
{
	const struct source_tensor *s = t->from;
	int ret = dtype_decode(s->dtype, s->data, from * t->cols, t->cols, t->floats);

	if (ret)
		return ret;
	for (int64_t i = 0; i < t->cols; i++) {
		float x = t->floats[i] + t->add;

		dtype_put(t->to, t->row, i, x);
		if (isfinite(x) && !isfinite(dtype_get(t->to, t->row, i)))
			return fail(-ERANGE, "tensor '%s': %g is too large for %s", s->name, x,
				    dtype_info(t->to)->name);
	}
	return 0;
}

int turned_row(struct turned *t, int64_t r, const unsigned char **bytes, size_t *len)
{
	const struct source_tensor *s = t->from;
	int64_t from = row_from(t, r);
	int ret = 0;

	*len = dtype_bytes(t->to, t->cols);
	if (s->dtype == t->to && !t->add) {
		*bytes = (const unsigned char *)s->data + from * *len;
		return 0;
	}
	if (t->row_at != r)
		ret = convert_row(t, from);
	t->row_at = ret ? -1 : r;
	*bytes = t->row;
	return ret;
}

void turned_advance(struct turned *t, size_t len)
{
	if (!t->progress)
		return;
	t->progress->done += len;
	progress_update(t->progress->owned, t->progress->done, "%s", t->from->name);
}

int turned_fetch(void *ctx, size_t offset, size_t len, void *buf)
{
	struct turned *t = ctx;
	const unsigned char *row;
	size_t size, done = 0;

	while (done < len) {
		size_t row_bytes = dtype_bytes(t->to, t->cols), at, n;
		int ret = turned_row(t, (int64_t)((offset + done) / row_bytes), &row, &size);

		if (ret)
			return ret;
		at = (offset + done) % row_bytes;
		n = size - at < len - done ? size - at : len - done;
		memcpy((char *)buf + done, row + at, n);
		done += n;
	}
	turned_advance(t, len);
	return 0;
}

int turned_write(void *ctx, FILE *f)
{
	struct turned *t = ctx;
	const unsigned char *row;
	size_t len;
	int ret;

	for (int64_t r = 0; r < t->rows; r++) {
		ret = turned_row(t, r, &row, &len);
		if (ret)
			return ret;
		if (fwrite(row, 1, len, f) != len)
			return fail_errno("write");
		turned_advance(t, len);
	}
	return 0;
}

bool turn_holds(const struct source_tensor *t, float add, enum dtype to)
{
	int64_t count = t->shape[0] * (t->nd == 2 ? t->shape[1] : 1);
	_Alignas(8) unsigned char one[8];

	if (t->dtype == to && !add)
		return true;
	if (dtype_is_block(t->dtype) || dtype_is_block(to))
		return false;
	for (int64_t i = 0; i < count; i++) {
		double x = (float)dtype_get(t->dtype, t->data, i) + add;

		dtype_put(to, one, 0, x);
		if (dtype_get(to, one, 0) != x)
			return false;
	}
	return true;
}

// SPDX-License-Identifier: MIT
#include "infer/load.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "block/block.h"
#include "formats/source.h"
#include "nn/model.h"

static int64_t count_of(const struct param_info *p)
{
	return p->nd == 2 ? p->n[0] * p->n[1] : p->n[0];
}

static const struct source_tensor *tensor_for(const struct model_source *src,
					      const struct param_info *p)
{
	const struct source_tensor *t = source_find(src, p->name);

	if (!t) {
		fail(-EINVAL, "%s: tensor '%s' is missing", src->path, p->name);
	} else if (t->nd != p->nd || t->shape[0] != p->n[0] ||
		   (p->nd == 2 && t->shape[1] != p->n[1])) {
		fail(-EINVAL, "%s: tensor '%s' has not the shape that the model asks for",
		     src->path, p->name);
		return NULL;
	}
	return t;
}

/* As kernels want elements, or blocks, to lie. */
static bool is_aligned(const struct source_tensor *t)
{
	size_t unit = t->dtype == DT_F32 ? sizeof(float) : sizeof(uint16_t);

	return !((uintptr_t)t->data % unit);
}

static int copy(struct device *dev, const char *name, const void *data, size_t bytes,
		struct buffer **place)
{
	int ret = device_alloc(dev, bytes, name, place);

	if (ret)
		return ret;
	ret = device_write(*place, 0, data, bytes);
	if (ret)
		buffer_free(*place);
	return ret;
}

static int copy_as_floats(struct device *dev, const struct source_tensor *t, int64_t count,
			  struct buffer **place)
{
	float *floats = malloc(count * sizeof(*floats));
	int ret;

	if (!floats)
		return fail_nomem(count * sizeof(*floats), t->name);
	ret = dtype_decode(t->dtype, t->data, 0, count, floats);
	if (!ret)
		ret = copy(dev, t->name, floats, count * sizeof(*floats), place);
	free(floats);
	return ret;
}

static int bind(struct model *m, int i, const struct source_tensor *t, struct device *dev)
{
	const struct param_info *p = &m->params[i];
	enum dtype dtype = p->nd == 1 ? DT_F32 : t->dtype;
	struct buffer *place;
	int ret;

	if (dtype != t->dtype)
		ret = copy_as_floats(dev, t, count_of(p), &place);
	else if (is_aligned(t))
		ret = device_map(dev, t->data, t->bytes, p->name, &place);
	else
		ret = copy(dev, p->name, t->data, t->bytes, &place);
	if (!ret)
		model_bind(m, i, dtype, place);
	return ret;
}

/* The parts of a sparse matrix, each in its own memory. */
static int bind_sparse(struct model *m, int i, const struct source_tensor *t, struct device *dev)
{
	const struct sparse_matrix *s = t->sparse;
	struct sparse_place place = { .kind = s->kind, .nr_values = s->nr_values };
	int ret = device_map(dev, s->values, dtype_bytes(s->dtype, s->nr_values), t->name,
			     &place.values);

	if (!ret)
		ret = device_map(dev, s->places, s->rows * sparse_row_bytes(s->cols), t->name,
				 &place.places);
	if (!ret && s->starts)
		ret = device_map(dev, s->starts, s->rows * sizeof(*s->starts), t->name,
				 &place.starts);
	if (!ret) {
		model_bind_sparse(m, i, s->dtype, &place);
		return 0;
	}
	buffer_free(place.values);
	buffer_free(place.places);
	return ret;
}

int model_from_source(const struct model_source *src, struct device *dev, struct model **out)
{
	struct model_spec spec;
	struct model *m;
	int ret = spec_copy(&src->spec, &spec);

	if (!ret)
		ret = model_new(&spec, NULL, &m);
	if (ret)
		return ret;
	for (int i = 0; i < m->nr_params && !ret; i++) {
		const struct source_tensor *t = tensor_for(src, &m->params[i]);

		if (!t)
			ret = -EINVAL;
		else
			ret = t->sparse ? bind_sparse(m, i, t, dev) : bind(m, i, t, dev);
	}
	if (ret)
		model_free(m);
	else
		*out = m;
	return ret;
}

/* ---- into segments ------------------------------------------------------------------ */

#define PIECE ((int64_t)1 << 16)	/* elements, whole blocks of every type */

static int fill(struct tensor_entry *e, const struct source_tensor *t, float *piece)
{
	int64_t count = e->shape[0] * (e->nd == 2 ? e->shape[1] : 1);
	int ret = 0;

	for (int64_t at = 0; at < count && !ret; at += PIECE) {
		int64_t nr = count - at < PIECE ? count - at : PIECE;

		ret = dtype_decode(t->dtype, t->data, at, nr, piece);
		if (!ret)
			ret = e->store(e->ctx, at * sizeof(*piece), nr * sizeof(*piece), piece);
	}
	return ret;
}

int model_fill(struct model *m, const struct model_source *src)
{
	float *piece = malloc(PIECE * sizeof(*piece));
	struct tensor_entry *entries;
	int ret = 0, nr;

	if (!piece)
		return fail_nomem(PIECE * sizeof(*piece), "weights");
	nr = model_entries(m, SEG_WEIGHT, SEG_WEIGHT, &entries);
	if (nr < 0) {
		free(piece);
		return nr;
	}
	/* One entry for each parameter, in their order; all shapes are looked at first. */
	for (int i = 0; i < nr && !ret; i++)
		ret = tensor_for(src, &m->params[i]) ? 0 : -EINVAL;
	for (int i = 0; i < nr && !ret; i++)
		ret = fill(&entries[i], tensor_for(src, &m->params[i]), piece);
	model_entries_free(entries, nr);
	free(piece);
	return ret ? ret : model_refresh(m);
}

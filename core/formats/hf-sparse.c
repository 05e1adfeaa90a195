// SPDX-License-Identifier: MIT
/*
 * Sparse matrices in folders of Hugging Face: two tensors stand for one.
 * Documentation/formats/sparse.md.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/progress.h"
#include "formats/hf-internal.h"

static const char *const places_suffix[SPARSE_KINDS] = {
	[SPARSE_MASK] = ".mask", [SPARSE_2_4] = ".pairs",
};

#define VALUES_SUFFIX ".values"

/* ---- reading ------------------------------------------------------------------------------- */

/** struct parts - the tensors of one matrix. */
struct parts {
	const struct hf_tensor *places, *values;
	enum sparse_kind kind;
};

static struct hf_tensor *part(struct hf_weights *w, const char *name, const char *suffix)
{
	char full[160];

	snprintf(full, sizeof(full), "%s%s", name, suffix);
	return hf_weights_look_up(w, full);
}

static bool find_parts(struct hf_weights *w, const char *name, struct parts *p)
{
	struct hf_tensor *values = part(w, name, VALUES_SUFFIX), *places = NULL;

	for (p->kind = SPARSE_NONE; p->kind + 1 < SPARSE_KINDS && !places;)
		places = part(w, name, places_suffix[++p->kind]);
	if (!places || !values)
		return false;
	places->used = values->used = true;
	p->places = places;
	p->values = values;
	return true;
}

static int fail_shape(const struct hf_tensor *t, const char *wants)
{
	return fail(-EINVAL, "%s: tensor '%s' must be %s", st_path(t->file), t->view->name, wants);
}

/* Do the shapes of @p's parts make a matrix of @info? */
static int check_parts(const struct parts *p, const struct param_info *info,
		       struct sparse_matrix *s)
{
	const struct st_view *places = p->places->view, *values = p->values->view;
	int64_t count = info->n[0] * info->n[1];

	*s = (struct sparse_matrix){ .kind = p->kind, .dtype = values->dtype,
				     .rows = info->n[0], .cols = info->n[1] };
	if (s->dtype != DT_F32 && s->dtype != DT_F16 && s->dtype != DT_BF16)
		return fail_shape(p->values, "F32, F16 or BF16");
	if (places->dtype != DT_U8 || places->nd != 2 || places->shape[0] != s->rows ||
	    places->shape[1] != sparse_row_bytes(s->cols))
		return fail(-EINVAL, "%s: tensor '%s' must be U8 (%lld, %lld), a bit for each "
			    "element", st_path(p->places->file), places->name, (long long)s->rows,
			    (long long)sparse_row_bytes(s->cols));
	if (p->kind == SPARSE_MASK) {
		if (values->nd != 1 || values->shape[0] < 1 || values->shape[0] > count)
			return fail(-EINVAL, "%s: tensor '%s' must have one dimension, of 1 to "
				    "%lld values", st_path(p->values->file), values->name,
				    (long long)count);
	} else if (s->cols % 8 || values->nd != 2 || values->shape[0] != s->rows ||
		   values->shape[1] != s->cols / 2) {
		return fail(-EINVAL, "%s: tensor '%s' must be (%lld, %lld), half of the matrix",
			    st_path(p->values->file), values->name, (long long)s->rows,
			    (long long)s->cols / 2);
	}
	s->nr_values = p->kind == SPARSE_MASK ? values->shape[0] : count / 2;
	return 0;
}

/* Where kernels can read them. */
static const void *aligned(struct model_source *src, const struct st_view *v)
{
	void *copied;

	if (!((uintptr_t)v->data % dtype_size(v->dtype)))
		return v->data;
	copied = source_alloc(src, v->bytes, v->name);
	return copied ? memcpy(copied, v->data, v->bytes) : NULL;
}

int hf_sparse_find(struct model_source *src, struct hf_weights *w, const struct param_info *info,
		   struct found_tensor *f)
{
	struct sparse_matrix *s;
	int64_t *starts = NULL;
	struct parts p;
	int ret;

	if (info->kind != WEIGHT_MATRIX || !find_parts(w, info->name, &p))
		return 0;
	s = source_alloc(src, sizeof(*s), info->name);
	ret = s ? check_parts(&p, info, s) : -ENOMEM;
	if (ret)
		return ret;
	if (s->kind == SPARSE_MASK)
		starts = source_alloc(src, s->rows * sizeof(*starts), info->name);
	s->places = p.places->view->data;
	s->values = aligned(src, p.values->view);
	if (!s->values || (s->kind == SPARSE_MASK && !starts))
		return -ENOMEM;
	ret = sparse_check(s, starts, st_path(p.places->file), info->name);
	f->file = st_path(p.values->file);
	f->name = info->name;
	f->type_name = p.values->view->type_name;
	f->t = (struct source_tensor){ .name = info->name, .dtype = s->dtype, .nd = 2,
				       .shape = { s->rows, s->cols }, .bytes = sparse_bytes(s),
				       .sparse = s };
	return ret ? ret : 1;
}

/* ---- planning ------------------------------------------------------------------------------ */

static int count_matrix(struct turned *t, struct sparse_count *c)
{
	const unsigned char *row;
	size_t len;
	int ret = 0;

	*c = (struct sparse_count){ 0 };
	for (int64_t r = 0; r < t->rows && !ret; r++) {
		ret = turned_row(t, r, &row, &len);
		if (!ret)
			sparse_count(t->to, row, t->cols, c);
	}
	return ret;
}

static uint64_t bytes_as(const struct turned *t, enum sparse_kind kind, int64_t nr)
{
	if (kind == SPARSE_NONE)
		return turned_bytes(t);
	return sparse_bytes(&(struct sparse_matrix){
		.dtype = t->to, .rows = t->rows, .cols = t->cols,
		.nr_values = kind == SPARSE_2_4 ? t->rows * (t->cols / 2) : nr });
}

static enum sparse_kind choose(const struct turned *t, const struct sparse_count *c,
			       enum write_sparse how)
{
	bool fits = c->most <= 2 && t->cols % 8 == 0 && how != WRITE_MASK;
	enum sparse_kind kind = SPARSE_NONE;

	if (c->nr && how != WRITE_2_4 && bytes_as(t, SPARSE_MASK, c->nr) < turned_bytes(t))
		kind = SPARSE_MASK;
	if (c->nr && fits && bytes_as(t, SPARSE_2_4, c->nr) <= bytes_as(t, kind, c->nr))
		kind = SPARSE_2_4;
	return kind;
}

static int plan_matrix(struct hf_packed *p, struct turned *t, enum write_sparse how)
{
	struct sparse_count c;
	int ret = count_matrix(t, &c);

	p->turned = t;
	p->kind = ret ? SPARSE_NONE : choose(t, &c, how);
	if (!p->kind)
		return ret;
	p->nr_values = p->kind == SPARSE_2_4 ? t->rows * (t->cols / 2) : c.nr;
	p->places_name = str_printf("%s%s", t->from->name, places_suffix[p->kind]);
	p->values_name = str_printf("%s" VALUES_SUFFIX, t->from->name);
	return p->places_name && p->values_name ? 0 : fail_nomem(0, t->from->name);
}

/* Which tensors are matrices of linear layers. */
static int find_kinds(const struct model_source *src, struct model **m)
{
	struct model_spec spec;
	int ret = spec_copy(&src->spec, &spec);

	return ret ? ret : model_new(&spec, NULL, m);
}

static int check_any(const char *path, const struct outgoing *out, const struct hf_packed *packed,
		     enum write_sparse how)
{
	for (int i = 0; i < out->nr; i++)
		if (packed[i].kind)
			return 0;
	return fail(-EINVAL, "%s: no matrix of the model would be smaller%s than dense: `knlp "
		    "prune` makes zeros", path, how == WRITE_2_4 ? " as 2:4" : how == WRITE_MASK ?
		    " with a mask" : "");
}

int hf_packed_make(const struct model_source *src, const char *path, struct outgoing *out,
		   enum write_sparse how, struct hf_packed **packed)
{
	struct model *m = NULL;
	bool owned = progress_begin("count zeros", out->nr);
	int ret = find_kinds(src, &m);

	*packed = calloc(out->nr + 1, sizeof(**packed));
	if (!ret && !*packed)
		ret = fail_nomem(out->nr * sizeof(**packed), "a list of tensors");
	for (int i = 0; i < out->nr && !ret; i++) {
		const char *name = out->turned[i].from->name;
		const struct param_info *p = model_param(m, name);

		progress_update(owned, i, "%s", name);
		if (p && p->kind == WEIGHT_MATRIX)
			ret = plan_matrix(&(*packed)[i], &out->turned[i], how);
	}
	progress_end(owned);
	model_free(m);
	if (!ret)
		ret = check_any(path, out, *packed, how);
	if (ret) {
		hf_packed_free(*packed, out->nr);
		*packed = NULL;
	}
	return ret;
}

void hf_packed_free(struct hf_packed *packed, int nr)
{
	for (int i = 0; i < nr && packed; i++) {
		free(packed[i].places_name);
		free(packed[i].values_name);
		free(packed[i].places);
		free(packed[i].values);
	}
	free(packed);
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Values and places are made together, when the first of them is asked for. */
static int pack(struct hf_packed *p)
{
	struct turned *t = p->turned;
	int64_t row_bytes = sparse_row_bytes(t->cols), at = 0;
	size_t size = dtype_size(t->to), len;
	const unsigned char *row;
	int ret = 0;

	p->places = malloc(t->rows * row_bytes);
	p->values = malloc(p->nr_values * size);
	if (!p->places || !p->values)
		return fail_nomem(p->nr_values * size, t->from->name);
	for (int64_t r = 0; r < t->rows && !ret; r++) {
		ret = turned_row(t, r, &row, &len);
		if (!ret)
			at += sparse_pack(p->kind, t->to, row, t->cols, p->places + r * row_bytes,
					  p->values + at * size);
	}
	BUG_ON(!ret && at != p->nr_values);
	return ret;
}

static int fetch_values(void *ctx, size_t offset, size_t len, void *to)
{
	struct hf_packed *p = ctx;
	size_t bytes = p->nr_values * dtype_size(p->turned->to);
	int ret = offset ? 0 : pack(p);

	if (ret)
		return ret;
	memcpy(to, p->values + offset, len);
	turned_advance(p->turned, len);
	if (offset + len == bytes) {
		free(p->values);
		p->values = NULL;
	}
	return 0;
}

/* Files hold their tensors by falling size of elements: places come behind values. */
static int fetch_places(void *ctx, size_t offset, size_t len, void *to)
{
	struct hf_packed *p = ctx;

	BUG_ON(!p->places);
	memcpy(to, p->places + offset, len);
	return 0;
}

uint64_t hf_packed_bytes(const struct hf_packed *p)
{
	return bytes_as(p->turned, p->kind, p->nr_values);
}

void hf_packed_entries(struct hf_packed *p, struct tensor_entry e[2])
{
	const struct turned *t = p->turned;

	e[0] = (struct tensor_entry){ .name = p->values_name, .dtype = t->to, .nd = 1,
				      .shape = { p->nr_values }, .fetch = fetch_values, .ctx = p };
	if (p->kind == SPARSE_2_4) {
		e[0].nd = 2;
		e[0].shape[0] = t->rows;
		e[0].shape[1] = t->cols / 2;
	}
	e[1] = (struct tensor_entry){ .name = p->places_name, .dtype = DT_U8, .nd = 2,
				      .shape = { t->rows, sparse_row_bytes(t->cols) },
				      .fetch = fetch_places, .ctx = p };
}

// SPDX-License-Identifier: MIT
#include "nn/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "nn/family.h"
#include "ops/sparse-linear.h"
#include "optim/optim.h"
#include "tensor/segment.h"

static const char *const kind_names[SEG_KINDS] = {
	"weights", "gradients", "optimizer state 0", "optimizer state 1", "bf16 weights"
};

/* ---- collecting parameters --------------------------------------------------- */

struct param_info *model_param(const struct model *m, const char *name)
{
	for (int i = 0; i < m->nr_params; i++)
		if (!strcmp(m->params[i].name, name))
			return &m->params[i];
	return NULL;
}

static struct segment **weight_segment(struct model *m, int group)
{
	struct segment **s = &m->segment[SEG_WEIGHT][group];

	if (!*s)
		*s = segment_new(kind_names[SEG_WEIGHT], DT_F32);
	return s;
}

static int group_of(struct model *m, const struct param_info *p)
{
	return m->groups ? optim_groups_place(m->groups, p->name, p->kind, p->nd, p->n) : 0;
}

static int add_param(struct model *m, const struct param_info *info)
{
	struct param_info *p = model_param(m, info->name);
	struct segment *s;

	if (p)
		return 0;	/* a second user of a tied weight */
	if (m->nr_params == m->cap_params) {
		int cap = m->cap_params ? 2 * m->cap_params : 64;

		p = realloc(m->params, cap * sizeof(*p));
		if (!p)
			return fail_nomem(cap * sizeof(*p), "the model's parameters");
		m->params = p;
		m->cap_params = cap;
	}
	p = &m->params[m->nr_params];
	*p = *info;
	p->group = group_of(m, info);
	if (p->group < 0)
		return p->group;
	s = *weight_segment(m, p->group);
	if (!s)
		return -ENOMEM;
	p->view = segment_add(s, info->name, p->nd, p->n);
	if (p->view < 0)
		return p->view;
	p->name = s->views[p->view].name;
	m->nr_params++;
	return 0;
}

static int collect(struct model *m)
{
	struct builder b = { .model = m, .collecting = true };
	int ret;

	b.graph = graph_new();
	if (!b.graph)
		return -ENOMEM;
	model_hidden(&b);
	model_head(&b);
	ret = graph_error(b.graph);
	graph_free(b.graph);
	return ret || !m->groups ? ret : optim_groups_check(m->groups);
}

int model_new(struct model_spec *spec, struct optim_groups *groups, struct model **out)
{
	struct model *m = calloc(1, sizeof(*m));
	int ret;

	if (!m) {
		spec_free(spec);
		return fail_nomem(sizeof(*m), "a model");
	}
	m->spec = *spec;
	m->groups = groups;
	spec->layer = NULL;
	ret = collect(m);
	if (ret)
		model_free(m);
	else
		*out = m;
	return ret;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	for (int k = 0; k < SEG_KINDS; k++)
		for (int g = 0; g < GROUP_MAX; g++)
			segment_free(m->segment[k][g]);
	for (int i = 0; i < m->nr_params; i++) {
		buffer_free(m->params[i].place);
		buffer_free(m->params[i].sparse.values);
		buffer_free(m->params[i].sparse.places);
		buffer_free(m->params[i].sparse.starts);
	}
	free(m->params);
	spec_free(&m->spec);
	free(m);
}

/* ---- memory ------------------------------------------------------------------- */

/* Does the layout of group @g have segments of @kind? */
static bool has_kind(const struct model *m, int group, enum segment_kind kind)
{
	const struct optim_groups *groups = m->groups;

	if (!m->segment[SEG_WEIGHT][group] || kind == SEG_WEIGHT)
		return false;
	if (kind == SEG_SHADOW)
		return m->compute == DT_BF16;
	if (kind == SEG_GRAD && m->gradients)
		return true;
	return groups && (int)kind < SEG_STATE + groups->group[group].optimizer->nr_states;
}

size_t model_bytes(const struct model *m, enum segment_kind first, enum segment_kind last)
{
	size_t bytes = 0;

	for (int k = first; k <= (int)last; k++)
		for (int g = 0; g < GROUP_MAX; g++)
			if (m->segment[k][g])
				bytes += m->segment[k][g]->bytes;
	return bytes;
}

int model_layout(struct model *m)
{
	for (int k = SEG_WEIGHT; k < SEG_KINDS; k++)
		for (int g = 0; g < GROUP_MAX; g++) {
			char name[64];

			if (!has_kind(m, g, k))
				continue;
			snprintf(name, sizeof(name), "%s (group %d)", kind_names[k], g);
			m->segment[k][g] = segment_like(m->segment[SEG_WEIGHT][g], name,
							k == SEG_SHADOW ? DT_BF16 : DT_F32);
			if (!m->segment[k][g])
				return -ENOMEM;
		}
	return 0;
}

int model_alloc(struct model *m, struct device *dev)
{
	int ret = model_layout(m);

	m->device = dev;
	for (int k = 0; k < SEG_KINDS; k++)
		for (int g = 0; g < GROUP_MAX && !ret; g++)
			if (m->segment[k][g])
				ret = segment_alloc(m->segment[k][g], dev);
	return ret;
}

void model_bind(struct model *m, int i, enum dtype dtype, struct buffer *place)
{
	struct param_info *p = &m->params[i];

	BUG_ON(m->groups || p->place || (p->nd == 1 && dtype != DT_F32));
	m->device = place->device;
	p->dtype = dtype;
	p->place = place;
}

void model_bind_sparse(struct model *m, int i, enum dtype dtype, const struct sparse_place *place)
{
	struct param_info *p = &m->params[i];

	BUG_ON(m->groups || p->place || p->sparse.kind || p->kind != WEIGHT_MATRIX);
	m->device = place->values->device;
	p->dtype = dtype;
	p->sparse = *place;
}

bool model_has_shadow(const struct model *m, const struct param_info *p)
{
	return m->compute == DT_BF16 && p->nd > 1 && !p->place;
}

static struct tensor *bound(struct builder *b, const struct param_info *p, enum segment_kind kind)
{
	const struct segment *s = b->model->segment[kind][p->group];
	char name[160];
	struct tensor *t;

	snprintf(name, sizeof(name), "%s%s", p->name, kind == SEG_GRAD ? ".grad" : "");
	t = graph_tensor(b->graph, kind == SEG_GRAD ? TENSOR_STATE : TENSOR_PARAM, name,
			 p->place ? p->dtype : s->dtype, p->nd, p->n, NULL);
	if (t && p->place)
		tensor_bind(t, p->place, 0);
	else if (t && s->buffer)
		segment_bind(s, p->view, t);
	return t;
}

/* A graph has one tensor per parameter, however many use it. */
static struct tensor *in_graph(const struct graph *g, const struct param_info *p)
{
	for (int i = 0; i < g->nr_tensors; i++)
		if (g->tensors[i]->kind == TENSOR_PARAM && !strcmp(g->tensors[i]->name, p->name))
			return g->tensors[i];
	return NULL;
}

struct tensor *nn_weight(struct builder *b, const struct param_info *info)
{
	const struct param_info *p;
	struct tensor *t;

	if (b->collecting) {
		int ret = add_param(b->model, info);

		return ret ? graph_fail(b->graph, ret) : NULL;
	}
	p = model_param(b->model, info->name);
	BUG_ON(!p);
	t = in_graph(b->graph, p);
	if (t)
		return t;
	t = bound(b, p, model_has_shadow(b->model, p) ? SEG_SHADOW : SEG_WEIGHT);
	if (t && b->training)
		t->grad = bound(b, p, SEG_GRAD);
	return t;
}

static struct tensor *sparse_part(struct builder *b, const struct param_info *p, const char *part,
				  struct buffer *place, enum dtype dtype, int nd, const int64_t *n)
{
	struct tensor *t;
	char name[160];

	snprintf(name, sizeof(name), "%s.%s", p->name, part);
	t = graph_tensor(b->graph, TENSOR_PARAM, name, dtype, nd, n, NULL);
	if (t)
		tensor_bind(t, place, 0);
	return t;
}

bool nn_sparse_weight(struct builder *b, const char *name, struct sparse_weight *w)
{
	char full[160];
	const struct param_info *p;
	const struct sparse_place *s;

	snprintf(full, sizeof(full), "%s.weight", name);
	p = b->collecting ? NULL : model_param(b->model, full);
	if (!p || !p->sparse.kind)
		return false;
	s = &p->sparse;
	*w = (struct sparse_weight){ 0 };
	w->values = s->kind == SPARSE_2_4
		? sparse_part(b, p, "values", s->values, p->dtype, 2,
			      (int64_t[]){ p->n[0], p->n[1] / 2 })
		: sparse_part(b, p, "values", s->values, p->dtype, 1, &s->nr_values);
	w->places = sparse_part(b, p, "places", s->places, DT_U8, 2,
				(int64_t[]){ p->n[0], sparse_row_bytes(p->n[1]) });
	if (s->starts)
		w->starts = sparse_part(b, p, "starts", s->starts, DT_I64, 1, p->n);
	return true;
}

/* ---- initial values ------------------------------------------------------------- */

void param_draw(const struct param_info *p, uint64_t seed, float *to, int64_t count)
{
	char purpose[160];
	struct rng r;

	snprintf(purpose, sizeof(purpose), "init/%s", p->name);
	r = rng_stream(seed, purpose, 0);
	for (int64_t i = 0; i < count; i++) {
		if (p->init == INIT_NORMAL)
			to[i] = p->std * rng_normal(&r, i);
		else
			to[i] = p->init == INIT_ONE ? 1.0f : 0.0f;
	}
}

int model_init(struct model *m, uint64_t seed)
{
	for (int i = 0; i < m->nr_params; i++) {
		const struct param_info *p = &m->params[i];
		const struct segment *s = m->segment[SEG_WEIGHT][p->group];
		int64_t count = layout_count(&s->views[p->view].layout);
		float *host = malloc(count * sizeof(*host));
		int ret;

		if (!host)
			return fail_nomem(count * sizeof(*host), p->name);
		param_draw(p, seed, host, count);
		ret = device_write(s->buffer, s->views[p->view].at, host, count * sizeof(*host));
		free(host);
		if (ret)
			return ret;
	}
	return model_refresh(m);
}

#define PIECE 4096	/* elements */

static int refresh_segment(const struct segment *weights, struct segment *shadow)
{
	float from[PIECE];
	uint16_t to[PIECE];
	int64_t count = segment_count(weights);
	int ret = 0;

	for (int64_t at = 0; at < count && !ret; at += PIECE) {
		int64_t n = count - at < PIECE ? count - at : PIECE;

		ret = device_read(weights->buffer, at * sizeof(*from), from, n * sizeof(*from));
		for (int64_t i = 0; i < n; i++)
			to[i] = f32_to_bf16(from[i]);
		if (!ret)
			ret = device_write(shadow->buffer, at * sizeof(*to), to, n * sizeof(*to));
	}
	return ret;
}

int model_refresh(struct model *m)
{
	int ret = 0;

	for (int g = 0; g < GROUP_MAX && !ret; g++)
		if (m->segment[SEG_SHADOW][g])
			ret = refresh_segment(m->segment[SEG_WEIGHT][g], m->segment[SEG_SHADOW][g]);
	return ret;
}

double model_step_bytes(const struct model *m)
{
	double bytes = 0;

	for (int i = 0; i < m->nr_params; i++) {
		const struct param_info *p = &m->params[i];
		int64_t count = p->nd == 2 ? p->n[0] * p->n[1] : p->n[0];
		bool looked_up = p->positional ||
				 (p->kind == WEIGHT_EMBEDDING && !m->spec.tied);
		enum dtype dtype = p->place ? p->dtype :
				   model_has_shadow(m, p) ? DT_BF16 : DT_F32;

		if (p->sparse.kind)
			bytes += (double)sparse_bytes(&(struct sparse_matrix){
				.dtype = p->dtype, .rows = p->n[0], .cols = p->n[1],
				.nr_values = p->sparse.nr_values });
		else
			bytes += looked_up ? 0 : (double)dtype_bytes(dtype, count);
	}
	return bytes;
}

int64_t model_count(const struct model *m, bool compute)
{
	int64_t count = 0;

	for (int i = 0; i < m->nr_params; i++) {
		const struct param_info *p = &m->params[i];

		if (!compute || !p->positional)
			count += p->nd == 2 ? p->n[0] * p->n[1] : p->n[0];
	}
	return count;
}

double model_flops(const struct model *m, int context)
{
	double attention = 0;

	for (int i = 0; i < m->spec.layers; i++) {
		const struct layer_spec *l = &m->spec.layer[i];

		attention += 6.0 * l->heads * l->head_dim * context;
	}
	return 6.0 * (double)model_count(m, true) + attention;
}

/* ---- files ------------------------------------------------------------------------ */

struct place {
	struct buffer *buffer;
	size_t at;
};

static int fetch(void *ctx, size_t offset, size_t len, void *to)
{
	const struct place *p = ctx;

	return device_read(p->buffer, p->at + offset, to, len);
}

static int store(void *ctx, size_t offset, size_t len, const void *from)
{
	struct place *p = ctx;

	return device_write(p->buffer, p->at + offset, from, len);
}

/* "" for weights, ".exp_avg" for a state of the parameter's optimizer. */
static char *entry_name(const struct model *m, enum segment_kind kind, const struct param_info *p)
{
	const struct optimizer *o = m->groups ? m->groups->group[p->group].optimizer : NULL;

	return kind < SEG_STATE ? strdup(p->name)
				: str_printf("%s.%s", p->name, o->states[kind - SEG_STATE]);
}

static int make_entry(const struct model *m, enum segment_kind kind, const struct param_info *p,
		      struct tensor_entry *e)
{
	const struct segment *s = m->segment[kind][p->group];
	struct place *place = malloc(sizeof(*place));

	e->ctx = place;
	e->name = entry_name(m, kind, p);
	if (!place || !e->name)
		return fail_nomem(strlen(p->name), "a list of tensors");
	*place = p->place ? (struct place){ p->place, 0 }
			  : (struct place){ s->buffer, s->views[p->view].at };
	e->dtype = p->place ? p->dtype : s->dtype;
	e->nd = p->nd;
	memcpy(e->shape, p->n, sizeof(p->n));
	e->transposed = p->transposed;
	e->fetch = fetch;
	e->store = store;
	return 0;
}

int model_entries(struct model *m, enum segment_kind first, enum segment_kind last,
		  struct tensor_entry **entries)
{
	size_t most = (size_t)m->nr_params * (last - first + 1);
	struct tensor_entry *list = calloc(most + 1, sizeof(*list));
	int nr = 0, ret = 0;

	if (!list)
		return fail_nomem(most * sizeof(*list), "a list of tensors");
	for (int k = first; k <= (int)last; k++)
		for (int i = 0; i < m->nr_params && !ret; i++)
			if (m->segment[k][m->params[i].group])
				ret = make_entry(m, k, &m->params[i], &list[nr++]);
	if (ret) {
		model_entries_free(list, nr);
		return ret;
	}
	*entries = list;
	return nr;
}

void model_entries_free(struct tensor_entry *entries, int nr)
{
	for (int i = 0; i < nr; i++) {
		free((char *)entries[i].name);
		free(entries[i].ctx);
	}
	free(entries);
}

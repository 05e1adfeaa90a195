// SPDX-License-Identifier: MIT
/*
 * From a spec to its tensors: what a model asks for is what its family's graph uses.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "formats/source-internal.h"
#include "nn/family.h"

bool path_ends(const char *path, const char *suffix)
{
	size_t len = strlen(path), end = strlen(suffix);

	return len >= end && !strcasecmp(path + len - end, suffix);
}

bool file_in(const char *dir, const char *name)
{
	char *path = path_join(dir, name);
	bool there = path && file_exists(path);

	free(path);
	return there;
}

int spec_layers(struct model_spec *spec, int layers, const struct layer_spec *layer)
{
	spec->layers = layers;
	spec->layer = calloc(layers, sizeof(*spec->layer));
	if (!spec->layer)
		return fail_nomem(layers * sizeof(*spec->layer), "the layers of a model");
	for (int i = 0; i < layers; i++)
		spec->layer[i] = *layer;
	return 0;
}

static int check_layer(const char *path, const struct model_spec *s, int i)
{
	const struct layer_spec *l = &s->layer[i];

	if (l->heads % l->kv_heads)
		return fail(-EINVAL, "%s: layer %d has %d heads, no multiple of its %d key-value "
			    "heads", path, i, l->heads, l->kv_heads);
	if ((s->position == POS_ROPE || s->position == POS_ROPE_ADJACENT) && l->head_dim % 2)
		return fail(-EINVAL, "%s: layer %d has heads of %d, an odd number, to rotate", path,
			    i, l->head_dim);
	if ((int64_t)l->heads * l->head_dim > SPEC_WIDTH_MAX)
		return fail(-EINVAL, "%s: layer %d has %d heads of %d: too large to be true", path,
			    i, l->heads, l->head_dim);
	return 0;
}

int spec_check(const char *path, const struct model_spec *s)
{
	int ret = 0;

	if (!(s->norm_eps > 0) || !isfinite(s->norm_eps))
		return fail(-EINVAL, "%s: the norms' epsilon is %g", path, s->norm_eps);
	if (s->position != POS_LEARNED && (!(s->rope_base > 1) || !isfinite(s->rope_base)))
		return fail(-EINVAL, "%s: the base of rotary positions is %g", path, s->rope_base);
	for (int i = 0; i < s->layers && !ret; i++)
		ret = check_layer(path, s, i);
	return ret;
}

static void shape_text(int nd, const int64_t *n, char *text, size_t size)
{
	if (nd == 2)
		snprintf(text, size, "(%lld, %lld)", (long long)n[0], (long long)n[1]);
	else
		snprintf(text, size, "(%lld)", (long long)n[0]);
}

static int check_shape(const struct param_info *p, const struct found_tensor *f)
{
	char has[48], wants[48];

	if (f->t.nd == p->nd && f->t.shape[0] == p->n[0] &&
	    (p->nd == 1 || f->t.shape[1] == p->n[1]))
		return 0;
	shape_text(f->t.nd, f->t.shape, has, sizeof(has));
	shape_text(p->nd, p->n, wants, sizeof(wants));
	return fail(-EINVAL, "%s: tensor '%s' has the shape %s, the model asks for %s", f->file,
		    f->name, has, wants);
}

static int check_type(const struct param_info *p, const struct found_tensor *f)
{
	enum dtype d = f->t.dtype;

	if (d == DT_F32 || d == DT_F16 || d == DT_BF16)
		return 0;
	if (d < DT_COUNT && dtype_is_block(d) && p->nd == 2)
		return 0;
	return fail(-ENOTSUP, "%s: tensor '%s' has type %s, which knlp does not read there",
		    f->file, f->name, f->type_name);
}

static int take(struct model_source *src, const struct param_info *p,
		int (*find)(void *, const struct param_info *, struct found_tensor *), void *ctx)
{
	struct source_tensor *t = &src->tensors[src->nr_tensors];
	struct found_tensor f = { .file = src->path };
	int ret = find(ctx, p, &f);

	if (!ret)
		ret = check_type(p, &f);
	if (!ret)
		ret = check_shape(p, &f);
	if (ret)
		return ret;
	*t = f.t;
	t->name = source_text(src, p->name, strlen(p->name));
	src->nr_tensors++;
	return t->name ? 0 : -ENOMEM;
}

/* A model without memory: it only says which parameters there are. */
static int wanted(const struct model_spec *spec, struct model **m)
{
	struct model_spec copy = *spec;

	copy.layer = malloc(spec->layers * sizeof(*copy.layer));
	if (!copy.layer)
		return fail_nomem(spec->layers * sizeof(*copy.layer), "the layers of a model");
	memcpy(copy.layer, spec->layer, spec->layers * sizeof(*copy.layer));
	return model_new(&copy, NULL, m);
}

int source_collect(struct model_source *src,
		   int (*find)(void *ctx, const struct param_info *p, struct found_tensor *found),
		   void *ctx)
{
	struct model *m;
	int ret = spec_check(src->path, &src->spec);

	if (!ret)
		ret = wanted(&src->spec, &m);
	if (ret)
		return ret;
	src->tensors = calloc(m->nr_params + 1, sizeof(*src->tensors));
	if (!src->tensors)
		ret = fail_nomem(m->nr_params * sizeof(*src->tensors), "the tensors of a model");
	for (int i = 0; i < m->nr_params && !ret; i++)
		ret = take(src, &m->params[i], find, ctx);
	model_free(m);
	return ret;
}

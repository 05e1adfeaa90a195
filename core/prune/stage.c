// SPDX-License-Identifier: MIT
/*
 * A stage: tensors whose inputs are looked at together.  Without calibration, and with a dense
 * one, that is all of them; with a sequential one, a block.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "data/loader.h"
#include "infer/load.h"
#include "prune/factor.h"
#include "prune/mask.h"
#include "prune/model-internal.h"
#include "prune/obs.h"

#define LENGTH_USUAL 2048

int pruned_source(const struct pruning *p, struct model_source *out)
{
	size_t bytes = p->src->nr_tensors * sizeof(*out->tensors);

	*out = *p->src;
	out->tensors = malloc(bytes);
	if (!out->tensors)
		return fail_nomem(bytes, "a list of tensors");
	memcpy(out->tensors, p->src->tensors, bytes);
	for (int i = 0; i < p->nr; i++) {
		struct source_tensor *t = &out->tensors[p->target[i].source - p->src->tensors];

		t->data = p->target[i].now;
		t->dtype = p->target[i].type;
		t->bytes = dtype_bytes(t->dtype, prune_tensor_count(&p->t[i]));
	}
	return 0;
}

/* ---- calibration ----------------------------------------------------------------------------- */

static int read_sample(void *ctx, int64_t i, int32_t *tokens)
{
	return loader_fill(ctx, i, 1, tokens, NULL, NULL);
}

/* Sequences of the training split in the order of PRUNE_SEED, none twice. */
static int text_of(const struct pruning *p, struct loader *l, struct calib_text *text)
{
	const struct config *cfg = p->s->cfg;
	int length = (int)config_int(cfg, PARAM_PRUNE_LENGTH), context = p->src->spec.context, ret;

	if (length > context)
		return fail(-EINVAL, "PRUNE_LENGTH=%d: the context of the model is %d", length,
			    context);
	if (!length)
		length = context < LENGTH_USUAL ? context : LENGTH_USUAL;
	*text = (struct calib_text){
		config_int(cfg, PARAM_PRUNE_SEQUENCES), length, read_sample, l,
	};
	ret = loader_init(l, p->data, DATA_TRAIN, length, true,
			  (uint64_t)config_int(cfg, PARAM_PRUNE_SEED));
	if (!ret && l->windows < (uint64_t)text->sequences)
		ret = fail(-EINVAL, "%s: has %llu sequences of %d tokens, not the %lld that "
			   "PRUNE_SEQUENCES asks for", dataset_dir(p->data),
			   (unsigned long long)l->windows, length, (long long)text->sequences);
	return ret;
}

int stage_calibrate(struct pruning *p, int begin, int end, bool products, struct calib *c)
{
	const char **names = calloc(end - begin + 1, sizeof(*names));
	struct model_source now = { 0 };
	struct calib_text text;
	struct model *m = NULL;
	struct loader l;
	int ret = names ? text_of(p, &l, &text) : fail_nomem(end - begin, "names");

	if (!ret)
		ret = pruned_source(p, &now);
	if (!ret)
		ret = model_from_source(&now, p->f->dev, &m);
	for (int i = begin; i < end && !ret; i++)
		names[i - begin] = p->t[i].name;
	if (!ret)
		ret = calibrate(m, p->f->dev, &text, names, end - begin, products, "calibrate", c);
	model_free(m);
	free(now.tensors);
	free(names);
	return ret;
}

int stage_norms(struct pruning *p, int begin, int end, const struct calib *c)
{
	for (int i = begin; i < end; i++) {
		const struct calib_input *in = &c->input[c->of[i - begin]];
		struct target *t = &p->target[i];

		if (!t->norm)
			t->norm = malloc((in->width + 1) * sizeof(*t->norm));
		if (!t->norm)
			return fail_nomem(in->width * sizeof(*t->norm), p->t[i].name);
		for (int64_t k = 0; k < in->width; k++)
			t->norm[k] = (float)sqrt(in->squares[k]);
		p->t[i].norm = t->norm;
	}
	return 0;
}

/* ---- updates ------------------------------------------------------------------------------- */

/* Floats of the weights as they are now. */
static int take_floats(const struct pruning *p, int i, float *w)
{
	const struct target *t = &p->target[i];

	for (int64_t k = 0; k < prune_tensor_count(&p->t[i]); k++)
		w[k] = (float)dtype_get(t->type, t->now, k);
	return 0;
}

static void put_floats(struct pruning *p, int i, const float *w)
{
	struct target *t = &p->target[i];

	for (int64_t k = 0; k < prune_tensor_count(&p->t[i]); k++)
		dtype_put(t->type, t->now, k, w[k]);
}

/** struct curvature - U of an input's inverse, and which of its numbers were always 0. */
struct curvature {
	double *u;
	bool *dead;
};

static int curvature_make(const struct pruning *p, const struct calib *c, int input,
			  const char *what, struct curvature *v)
{
	const struct calib_input *in = &c->input[input];
	int64_t n = in->width;
	int ret;

	v->u = malloc(n * n * sizeof(*v->u));
	v->dead = malloc(n * sizeof(*v->dead));
	if (!v->u || !v->dead)
		return fail_nomem(n * n * sizeof(*v->u), what);
	for (int64_t i = 0; i < n * n; i++)
		v->u[i] = 2 * in->products[i] / (double)c->positions;
	for (int64_t i = 0; i < n; i++)
		v->dead[i] = v->u[i * n + i] == 0;
	factor_damp(v->u, n, config_float(p->s->cfg, PARAM_PRUNE_DAMP));
	ret = factor_inverse(v->u, n, what);
	return ret;
}

static void curvature_free(struct curvature *v)
{
	free(v->u);
	free(v->dead);
	*v = (struct curvature){ 0 };
}

static int update(struct pruning *p, int i, const struct curvature *v)
{
	const struct prune_choice *choice = &p->s->choice;
	struct prune_tensor *t = &p->t[i];
	bool keeps = p->s->update == PRUNE_UPDATE_NONE;
	float *w = malloc((prune_tensor_count(t) + 1) * sizeof(*w));
	struct obs_call call = {
		.rows = t->rows, .cols = t->cols, .u = v->u, .dead = v->dead, .w = w,
		.columns = config_int(p->s->cfg, PARAM_PRUNE_COLUMNS), .mask = t->mask,
		.choose = !choice->criterion->score, .sparsity = t->sparsity,
		.keep = choice->keep, .of = choice->of,
	};
	int ret;

	if (!w)
		return fail_nomem(prune_tensor_count(t) * sizeof(*w), t->name);
	if (call.columns > t->cols)
		call.columns = t->cols;
	ret = take_floats(p, i, w);
	if (!ret)
		ret = obs_update(&call, t->name);
	if (!ret && keeps)
		mask_apply(t->mask, prune_tensor_count(t), p->target[i].type, p->target[i].now);
	else if (!ret)
		put_floats(p, i, w);
	free(w);
	return ret;
}

/* Tensors with one input share its inverse, which is the work. */
static int update_all(struct pruning *p, int begin, int end, const struct calib *c)
{
	int ret = 0;

	for (int k = 0; k < c->nr_inputs && !ret; k++) {
		struct curvature v = { 0 };

		for (int i = begin; i < end && !ret; i++) {
			if (c->of[i - begin] != k)
				continue;
			if (!v.u)
				ret = curvature_make(p, c, k, p->t[i].name, &v);
			if (!ret)
				ret = update(p, i, &v);
		}
		curvature_free(&v);
	}
	return ret;
}

/* ---- stages -------------------------------------------------------------------------------- */

bool stage_chooses(const struct pruning *p)
{
	const struct criterion *k = p->s->choice.criterion;

	return !k->score || k->reads & READS_CALIBRATION;
}

int stage_choose(struct pruning *p, int begin, int end)
{
	struct prune_choice choice = p->s->choice;

	choice.values = p->values;
	return prune_choose(&choice, p->t + begin, end - begin);
}

static int run_with(struct pruning *p, int begin, int end, const struct calib *c)
{
	bool has_scores = p->s->choice.criterion->score;
	bool solves = !has_scores || p->s->update == PRUNE_UPDATE_OBS;
	int ret = has_scores && stage_chooses(p) ? stage_choose(p, begin, end) : 0;

	if (!ret && solves)
		return update_all(p, begin, end, c);
	for (int i = begin; i < end && !ret; i++)
		mask_apply(p->t[i].mask, prune_tensor_count(&p->t[i]), p->target[i].type,
			   p->target[i].now);
	return ret;
}

int stage_run(struct pruning *p, int begin, int end, double *calibration)
{
	unsigned int reads = p->s->choice.criterion->reads;
	double from = clock_seconds();
	struct calib c;
	int ret;

	if (p->s->update == PRUNE_UPDATE_OBS)
		reads |= READS(HESSIAN);
	if (!(reads & READS_CALIBRATION))
		return run_with(p, begin, end, NULL);
	if (!p->s->sequential)
		return run_with(p, begin, end, &p->dense);
	ret = stage_calibrate(p, begin, end, reads & READS(HESSIAN), &c);
	if (ret)
		return ret;
	*calibration += clock_seconds() - from;
	ret = stage_norms(p, begin, end, &c);
	if (!ret)
		ret = run_with(p, begin, end, &c);
	calib_free(&c);
	return ret;
}

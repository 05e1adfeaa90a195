// SPDX-License-Identifier: MIT
/*
 * What criteria read besides weights: moments of a checkpoint, an initial model, FIM files.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "block/block.h"
#include "fim/fim.h"
#include "io/safetensors.h"
#include "prune/factor.h"
#include "prune/model-internal.h"
#include "train/load.h"

#define OPTIMIZER_FILE "optimizer.safetensors"

static float *flat_new(struct target *t, const struct prune_tensor *p, enum prune_input input)
{
	int64_t nr = prune_tensor_count(p);

	t->flat[input] = malloc((nr + 1) * sizeof(float));
	if (!t->flat[input])
		fail_nomem(nr * sizeof(float), p->name);
	return t->flat[input];
}

/* (cols, rows), as GPT-2's files have it, to (rows, cols). */
static void turn(const float *from, const struct prune_tensor *t, float *to)
{
	for (int64_t i = 0; i < t->rows; i++)
		for (int64_t j = 0; j < t->cols; j++)
			to[i * t->cols + j] = from[j * t->rows + i];
}

/* ---- weights ------------------------------------------------------------------------------- */

static int decode(struct target *t, struct prune_tensor *p, const struct source_tensor *from,
		  enum prune_input input)
{
	float *to;

	if (from->dtype == DT_F32 && !((uintptr_t)from->data % sizeof(float))) {
		p->in[input] = from->data;
		return 0;
	}
	to = flat_new(t, p, input);
	if (!to)
		return -ENOMEM;
	p->in[input] = to;
	return dtype_decode(from->dtype, from->data, 0, prune_tensor_count(p), to);
}

static int read_weights(struct pruning *p)
{
	int ret = 0;

	for (int i = 0; i < p->nr && !ret; i++)
		ret = decode(&p->target[i], &p->t[i], p->target[i].source, PRUNE_WEIGHT);
	return ret;
}

static int read_initial_of(struct pruning *p, const struct model_source *from, int i)
{
	const struct source_tensor *s = source_find(from, p->t[i].name);

	if (!s || s->nd != 2 || s->shape[0] != p->t[i].rows || s->shape[1] != p->t[i].cols)
		return fail(-EINVAL, "%s: not what %s was before its training: it has no %s of "
			    "that shape", p->f->initial, p->f->model, p->t[i].name);
	/* Copied: the file is closed before the scores are taken. */
	if (!flat_new(&p->target[i], &p->t[i], PRUNE_INITIAL))
		return -ENOMEM;
	p->t[i].in[PRUNE_INITIAL] = p->target[i].flat[PRUNE_INITIAL];
	return dtype_decode(s->dtype, s->data, 0, prune_tensor_count(&p->t[i]),
			    p->target[i].flat[PRUNE_INITIAL]);
}

static int read_initial(struct pruning *p)
{
	struct model_source *from;
	int ret;

	if (!p->f->initial)
		return fail(-EINVAL, "%s compares with the weights before the training: --initial "
			    "says where they are", p->s->choice.criterion->name);
	ret = source_open(p->f->initial, &from);
	if (ret)
		return ret;
	for (int i = 0; i < p->nr && !ret; i++)
		ret = read_initial_of(p, from, i);
	source_close(from);
	return ret;
}

/* ---- the optimizer ------------------------------------------------------------------------- */

struct state_kind {
	enum prune_input input;
	const char *name;
};

static const struct state_kind state_kinds[] = {
	{ PRUNE_EXP_AVG, "exp_avg" },
	{ PRUNE_EXP_AVG_SQ, "exp_avg_sq" },
	{ PRUNE_MOVEMENT, "movement" },
};

#define NR_STATES ((int)(sizeof(state_kinds) / sizeof(state_kinds[0])))

static int check_state(const struct st *st, const struct st_view *v, const struct target *t,
		       const struct prune_tensor *p)
{
	int64_t rows = t->info->transposed ? p->cols : p->rows;

	if (v->dtype == DT_F32 && v->nd == 2 && v->shape[0] == rows &&
	    v->shape[0] * v->shape[1] == prune_tensor_count(p))
		return 0;
	return fail(-EINVAL, "%s: '%s' has not the shape of the weight", st_path(st), v->name);
}

static int copy_turned(struct target *t, struct prune_tensor *p, enum prune_input input,
		       const void *data)
{
	size_t bytes = prune_tensor_count(p) * sizeof(float);
	float *to = flat_new(t, p, input), *file;

	if (!to)
		return -ENOMEM;
	p->in[input] = to;
	if (!t->info->transposed) {
		memcpy(to, data, bytes);
		return 0;
	}
	file = malloc(bytes);
	if (!file)
		return fail_nomem(bytes, p->name);
	memcpy(file, data, bytes);
	turn(file, p, to);
	free(file);
	return 0;
}

static int read_state_of(struct pruning *p, const struct st *st, int i,
			 const struct state_kind *kind)
{
	char *name = str_printf("%s.%s", p->t[i].name, kind->name);
	const struct st_view *v;
	int ret = name ? 0 : fail_nomem(strlen(p->t[i].name), "a name");

	if (!ret && st_find(st, name, &v))
		ret = fail(-EINVAL, "%s: has no %s, which %s reads", st_path(st), name,
			   p->s->choice.criterion->name);
	if (!ret)
		ret = check_state(st, v, &p->target[i], &p->t[i]);
	if (!ret)
		ret = copy_turned(&p->target[i], &p->t[i], kind->input, v->data);
	free(name);
	return ret;
}

static int read_states_from(struct pruning *p, const char *path, unsigned int reads)
{
	struct st *st;
	int ret;

	if (!file_exists(path))
		return fail(-EINVAL, "%s reads the optimizer's state, and there is no %s: it takes "
			    "a checkpoint of a training", p->s->choice.criterion->name, path);
	ret = st_open(path, &st);
	if (ret)
		return ret;
	for (int k = 0; k < NR_STATES && !ret; k++)
		for (int i = 0; i < p->nr && !ret && reads & 1u << state_kinds[k].input; i++)
			ret = read_state_of(p, st, i, &state_kinds[k]);
	st_close(st);
	return ret;
}

static int read_states(struct pruning *p, unsigned int reads)
{
	char *dir = NULL, *path;
	int ret = 0;

	if (strcmp(p->src->format->name, "knlp"))
		return fail(-EINVAL, "%s: %s reads the optimizer's state, which a checkpoint of "
			    "knlp has", p->f->model, p->s->choice.criterion->name);
	ret = model_folder(p->f->model, &dir);
	if (ret)
		return ret;
	path = path_join(dir, OPTIMIZER_FILE);
	ret = path ? read_states_from(p, path, reads) : fail_nomem(strlen(dir), "a path");
	free(path);
	free(dir);
	return ret;
}

/* ---- FIM files ----------------------------------------------------------------------------- */

static int check_fim(const struct pruning *p, const struct fim *f)
{
	char hash[HASH_HEX];
	int ret = model_weights_hash(p->f->model, hash);

	if (!ret && strcmp(hash, f->facts.model))
		ret = fail(-EINVAL, "%s: the Fisher information of another model than %s",
			   p->f->fim, p->f->model);
	return ret;
}

static const struct fim_item *find_item(const struct pruning *p, const struct fim *f, int i,
					enum fim_part part)
{
	const struct fim_item *item = fim_find(f, p->t[i].name);

	if (item && item->part[part])
		return item;
	fail(-EINVAL, "%s: has no %s%s, which %s reads: it is of unit %s", p->f->fim,
	     p->t[i].name, fim_suffix(part), p->s->choice.criterion->name, f->facts.unit);
	return NULL;
}

static int read_diagonal(struct pruning *p, const struct fim *f, int i)
{
	const struct fim_item *item = find_item(p, f, i, FIM_DIAGONAL);
	int64_t nr = prune_tensor_count(&p->t[i]);
	float *to;
	int ret;

	if (!item)
		return -EINVAL;
	if (fim_count(item, FIM_DIAGONAL) != nr)
		return fail(-EINVAL, "%s: '%s' has not the shape of the weight", p->f->fim,
			    p->t[i].name);
	to = malloc((nr + 1) * sizeof(*to));
	if (!to)
		return fail_nomem(nr * sizeof(*to), p->t[i].name);
	ret = fim_read(f, item, FIM_DIAGONAL, to);
	if (!ret)
		ret = copy_turned(&p->target[i], &p->t[i], PRUNE_FISHER, to);
	free(to);
	return ret;
}

/* The diagonal of the damped factor's inverse. */
static int read_factor(struct pruning *p, const struct fim *f, int i, enum fim_part part,
		       int64_t n, double **diagonal)
{
	const struct fim_item *item = find_item(p, f, i, part);
	double *h;
	int ret = 0;

	if (!item)
		return -EINVAL;
	if (fim_count(item, part) != n * n)
		return fail(-EINVAL, "%s: '%s%s' has not the shape of the weight", p->f->fim,
			    p->t[i].name, fim_suffix(part));
	h = malloc(n * n * sizeof(*h));
	*diagonal = malloc(n * sizeof(**diagonal));
	if (!h || !*diagonal) {
		ret = fail_nomem(n * n * sizeof(*h), p->t[i].name);
	} else {
		for (int64_t k = 0; k < n * n; k++)
			h[k] = fim_value(item, part, k);
		factor_damp(h, n, config_float(p->s->cfg, PARAM_PRUNE_DAMP));
		ret = factor_inverse(h, n, p->t[i].name);
		if (!ret)
			factor_diagonal(h, n, *diagonal);
	}
	free(h);
	return ret;
}

static int read_kfac(struct pruning *p, const struct fim *f, int i)
{
	struct target *t = &p->target[i];
	int ret = read_factor(p, f, i, FIM_FACTOR_A, p->t[i].cols, &t->inverse_a);

	if (!ret)
		ret = read_factor(p, f, i, FIM_FACTOR_G, p->t[i].rows, &t->inverse_g);
	p->t[i].inverse_a = t->inverse_a;
	p->t[i].inverse_g = t->inverse_g;
	return ret;
}

static int read_fim(struct pruning *p, unsigned int reads)
{
	struct fim *f;
	int ret;

	if (!p->f->fim)
		return fail(-EINVAL, "%s reads Fisher information: --fim says where it is",
			    p->s->choice.criterion->name);
	ret = fim_open(p->f->fim, &f);
	if (ret)
		return ret;
	ret = check_fim(p, f);
	for (int i = 0; i < p->nr && !ret; i++)
		ret = reads & READS(KFAC) ? read_kfac(p, f, i) : read_diagonal(p, f, i);
	fim_close(f);
	return ret;
}

/* ---- all ----------------------------------------------------------------------------------- */

int inputs_read(struct pruning *p)
{
	unsigned int reads = prune_reads(p->s);
	unsigned int states = READS(EXP_AVG) | READS(EXP_AVG_SQ) | READS(MOVEMENT);
	int ret = read_weights(p);

	if (!ret && reads & READS(GRADIENT))
		ret = fail(-EINVAL, "%s reads gradients, which are there while a model is trained",
			   p->s->choice.criterion->name);
	if (!ret && reads & READS(INITIAL))
		ret = read_initial(p);
	if (!ret && reads & states)
		ret = read_states(p, reads);
	if (!ret && reads & (READS(FISHER) | READS(KFAC)))
		ret = read_fim(p, reads);
	return ret;
}

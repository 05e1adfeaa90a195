// SPDX-License-Identifier: MIT
#include "train/pruner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "ops/movement.h"
#include "ops/square-accumulate.h"
#include "prune/allocation.h"
#include "prune/mask.h"
#include "prune/select.h"
#include "prune/targets.h"
#include "tensor/segment.h"
#include "train/pruner-internal.h"

#define READS_BEYOND (READS_CALIBRATION | READS(KFAC))

/* ---- making one ------------------------------------------------------------------------ */

static int check_reads(const struct pruner *p)
{
	const struct criterion *k = p->s.choice.criterion;

	if (!k->score || k->reads & READS_BEYOND)
		return fail(-EINVAL, "PRUNE_CRITERION=%s looks at the inputs of layers, which a "
			    "training does not keep: it is for `knlp prune`", k->name);
	if (p->s.alloc->reads & READS_BEYOND)
		return fail(-EINVAL, "PRUNE_ALLOC=%s looks at the inputs of layers, which a "
			    "training does not keep: it is for `knlp prune`", p->s.alloc->name);
	return 0;
}

static int check_settings(const struct pruner *p)
{
	if (p->s.nr > 1)
		return fail(-EINVAL, "PRUNE_SPARSITY=%s: a training has one sparsity",
			    config_text(p->s.cfg, PARAM_PRUNE_SPARSITY));
	if (p->s.choice.of && p->s.choice.regrow > 0)
		return fail(-EINVAL, "PRUNE_REGROW=%s: a group of N:M is too small for it",
			    config_text(p->s.cfg, PARAM_PRUNE_REGROW));
	return check_reads(p);
}

static int read_settings(struct pruner *p, const struct config *cfg)
{
	int ret = prune_settings_read(cfg, &p->s);

	if (ret)
		return ret;
	if (p->schedule.ramp == RAMP_KEEP)
		return 0;
	p->s.choice.regrow = config_float(cfg, PARAM_PRUNE_REGROW);
	p->reads = p->s.choice.criterion->reads | p->s.alloc->reads | READS(WEIGHT);
	if (p->s.choice.regrow > 0)
		p->reads |= READS(GRADIENT);
	return check_settings(p);
}

int pruner_state(const struct trainer *t, const struct param_info *info, const char *name)
{
	const struct optimizer *o = t->groups->group[info->group].optimizer;

	for (int i = 0; i < o->nr_states; i++)
		if (!strcmp(o->states[i], name))
			return i;
	return -ENOENT;
}

static int check_state(const struct trainer *t, const struct param_info *info,
		       enum prune_input input, const char *name)
{
	const struct pruner *p = t->pruner;

	if (!(p->reads & 1u << input) || pruner_state(t, info, name) >= 0)
		return 0;
	return fail(-EINVAL, "PRUNE_CRITERION=%s reads %s, which optimizer %s of '%s' does not "
		    "keep", p->s.choice.criterion->name, name,
		    t->groups->group[info->group].optimizer->name, info->name);
}

static int make_tensor(struct trainer *t, int i)
{
	const struct param_info *info = pruned_param(t, i);
	struct prune_tensor *to = &t->pruner->t[i];
	int ret = check_state(t, info, PRUNE_EXP_AVG, "exp_avg");

	if (!ret)
		ret = check_state(t, info, PRUNE_EXP_AVG_SQ, "exp_avg_sq");
	if (ret)
		return ret;
	*to = (struct prune_tensor){ .name = info->name, .layer = prune_layer(info->name),
				     .rows = info->n[0], .cols = info->n[1] };
	to->mask = mask_new(prune_tensor_count(to));
	to->before = mask_new(prune_tensor_count(to));
	return to->mask && to->before ? 0 : -ENOMEM;
}

static int make_tensors(struct trainer *t)
{
	struct pruner *p = t->pruner;
	int ret = 0, nr = prune_targets(t->model, t->cfg, &p->param);

	if (nr < 0) {
		p->param = NULL;
		return nr;
	}
	p->t = calloc(nr + 1, sizeof(*p->t));
	if (!p->t)
		return fail_nomem(nr * sizeof(*p->t), "a list of tensors");
	p->nr = nr;
	for (int i = 0; i < nr && !ret; i++)
		ret = make_tensor(t, i);
	return ret ? ret : prune_check(&p->s.choice, p->t, nr);
}

static int make_segment(struct trainer *t, int group, const char *name, enum dtype dtype,
			struct segment **s)
{
	if (*s)
		return 0;
	*s = segment_like(t->model->segment[SEG_WEIGHT][group], name, dtype);
	if (!*s)
		return -ENOMEM;
	return t->dry ? 0 : segment_alloc(*s, t->dev);
}

static int make_segments(struct trainer *t)
{
	struct pruner *p = t->pruner;
	int ret = 0;

	for (int i = 0; i < p->nr && !ret; i++) {
		int g = pruned_param(t, i)->group;

		ret = make_segment(t, g, "masks", DT_U8, &p->mask[g]);
		if (!ret && p->reads & READS(MOVEMENT))
			ret = make_segment(t, g, "movement", DT_F32, &p->movement[g]);
		if (!ret && p->reads & READS(FISHER))
			ret = make_segment(t, g, "Fisher information", DT_F32, &p->fisher[g]);
	}
	return ret;
}

int pruner_new(struct trainer *t)
{
	struct prune_schedule schedule;
	int ret = prune_schedule_read(t->cfg, &schedule);

	if (ret || schedule.ramp == RAMP_NONE)
		return ret;
	t->pruner = calloc(1, sizeof(*t->pruner));
	if (!t->pruner)
		return fail_nomem(sizeof(*t->pruner), "pruning");
	t->pruner->schedule = schedule;
	ret = read_settings(t->pruner, t->cfg);
	if (!ret)
		ret = make_tensors(t);
	return ret ? ret : make_segments(t);
}

void pruner_free(struct pruner *p)
{
	if (!p)
		return;
	stage_free(&p->take);
	stage_free(&p->square);
	for (int g = 0; g < GROUP_MAX; g++) {
		segment_free(p->mask[g]);
		segment_free(p->movement[g]);
		segment_free(p->fisher[g]);
	}
	for (int i = 0; i < p->nr; i++) {
		free(p->t[i].mask);
		free(p->t[i].before);
	}
	prune_event_free(&p->event);
	free(p->t);
	free(p->param);
	free(p);
}

/* ---- graphs and memory ------------------------------------------------------------------ */

static struct tensor *flat(struct trainer *t, struct graph *g, enum segment_kind kind, int group)
{
	return segment_flat(t->model->segment[kind][group], g, TENSOR_STATE);
}

/* movement -= w g */
static int build_take(struct trainer *t)
{
	struct pruner *p = t->pruner;
	struct graph *g = p->take.graph = graph_new();

	if (!g)
		return -ENOMEM;
	for (int i = 0; i < t->groups->nr; i++)
		if (p->movement[i])
			op_movement(g, segment_flat(p->movement[i], g, TENSOR_STATE),
				    flat(t, g, SEG_WEIGHT, i), flat(t, g, SEG_GRAD, i));
	return graph_plan(g, t->dev, t->dry, &p->take.plan);
}

/* fisher = [fisher +] g^2 */
static int build_square(struct trainer *t)
{
	struct pruner *p = t->pruner;
	struct graph *g = p->square.graph = graph_new();
	struct tensor *flag;

	if (!g)
		return -ENOMEM;
	flag = graph_tensor(g, TENSOR_INPUT, "add", DT_I32, 0, NULL, NULL);
	if (flag && t->scalars)
		tensor_bind(flag, t->scalars, SCALAR_FLAG);
	for (int i = 0; i < t->groups->nr; i++)
		if (p->fisher[i])
			op_square_accumulate(g, segment_flat(p->fisher[i], g, TENSOR_STATE),
					     flat(t, g, SEG_GRAD, i), flag, false);
	return graph_plan(g, t->dev, t->dry, &p->square.plan);
}

int pruner_build(struct trainer *t)
{
	struct pruner *p = t->pruner;
	int ret = 0;

	if (p && p->reads & READS(MOVEMENT))
		ret = build_take(t);
	if (!ret && p && p->reads & READS(FISHER))
		ret = build_square(t);
	return ret;
}

const struct segment *pruner_mask(const struct pruner *p, int group)
{
	return p ? p->mask[group] : NULL;
}

static size_t segment_bytes(struct segment *const *s)
{
	size_t bytes = 0;

	for (int g = 0; g < GROUP_MAX; g++)
		bytes += s[g] ? device_bytes(s[g]->bytes) : 0;
	return bytes;
}

static size_t stage_bytes(const struct stage *s)
{
	return s->plan ? device_bytes(s->plan->arena_bytes) : 0;
}

size_t pruner_bytes(const struct pruner *p)
{
	if (!p)
		return 0;
	return segment_bytes(p->mask) + segment_bytes(p->movement) + segment_bytes(p->fisher) +
	       stage_bytes(&p->take) + stage_bytes(&p->square);
}

/* ---- masks -------------------------------------------------------------------------------- */

static int write_mask(struct trainer *t, int i, unsigned char *host)
{
	const struct param_info *info = pruned_param(t, i);
	const struct segment *s = t->pruner->mask[info->group];
	const struct prune_tensor *from = &t->pruner->t[i];
	int64_t nr = prune_tensor_count(from);

	for (int64_t k = 0; k < nr; k++)
		host[k] = mask_get(from->mask, k);
	return device_write(s->buffer, s->views[info->view].at, host, nr);
}

static int64_t largest(const struct pruner *p)
{
	int64_t most = 0;

	for (int i = 0; i < p->nr; i++)
		if (prune_tensor_count(&p->t[i]) > most)
			most = prune_tensor_count(&p->t[i]);
	return most;
}

int pruner_write_masks(struct trainer *t)
{
	struct pruner *p = t->pruner;
	unsigned char *host = malloc(largest(p) + 1);
	int ret = host ? 0 : fail_nomem(largest(p), "masks");

	for (int i = 0; i < p->nr && !ret; i++)
		ret = write_mask(t, i, host);
	free(host);
	return ret;
}

int pruner_reset(struct trainer *t)
{
	struct pruner *p = t->pruner;
	int ret = 0;

	if (!p)
		return 0;
	for (int g = 0; g < GROUP_MAX && !ret; g++) {
		if (p->mask[g])
			ret = device_fill(p->mask[g]->buffer, 0, 1, p->mask[g]->bytes);
		if (!ret && p->movement[g])
			ret = device_fill(p->movement[g]->buffer, 0, 0, p->movement[g]->bytes);
	}
	for (int i = 0; i < p->nr; i++)
		for (int64_t k = 0; k < prune_tensor_count(&p->t[i]); k++)
			mask_set(p->t[i].mask, k, true);
	p->has_masks = p->has_event = false;
	return ret;
}

static int64_t mask_zeros(struct prune_tensor *t)
{
	int64_t zeros = 0;

	for (int64_t k = 0; k < prune_tensor_count(t); k++) {
		bool is_zero = t->in[PRUNE_WEIGHT][k] == 0;

		mask_set(t->mask, k, !is_zero);
		zeros += is_zero;
	}
	return zeros;
}

static int keep_zeros(struct trainer *t)
{
	struct pruner *p = t->pruner;
	int64_t zeros = 0, all = 0;
	int ret;

	p->reads = READS(WEIGHT);
	ret = pruner_inputs(t);
	for (int i = 0; i < p->nr && !ret; i++) {
		zeros += mask_zeros(&p->t[i]);
		all += prune_tensor_count(&p->t[i]);
	}
	pruner_inputs_free(p);
	if (!ret && !zeros)
		ret = fail(-EINVAL, "PRUNE_SCHEDULE=keep: no weight that may be pruned is 0: "
			   "--init is to name a pruned model");
	if (ret)
		return ret;
	p->has_masks = true;
	log_info("%lld of %lld weights, %.2f %%, are 0 and stay so", (long long)zeros,
		 (long long)all, 100.0 * (double)zeros / (double)all);
	return pruner_write_masks(t);
}

int pruner_fork(const struct trainer *t, bool init)
{
	const struct pruner *p = t->pruner;

	if (p && init && p->reads & READS(INITIAL))
		return fail(-EINVAL, "PRUNE_CRITERION=%s compares with the weights that TRAIN_SEED "
			    "draws: not with --init", p->s.choice.criterion->name);
	return 0;
}

int pruner_start(struct trainer *t, bool init)
{
	struct pruner *p = t->pruner;
	int ret = pruner_fork(t, init);

	if (!ret)
		ret = pruner_reset(t);
	if (!p || ret)
		return ret;
	return p->schedule.ramp == RAMP_KEEP ? keep_zeros(t) : 0;
}

/* ---- choosing -------------------------------------------------------------------------------- */

int pruner_gradient(struct trainer *t)
{
	const struct pruner *p = t->pruner;

	if (!p || !p->take.plan || t->done < p->schedule.start || t->done >= p->schedule.end)
		return 0;
	return plan_run(p->take.plan);
}

/* One array of a tensor, dropped weights of it set to 0. */
static int apply_to(struct trainer *t, int i, const struct segment *s, float *host)
{
	const struct prune_tensor *from = &t->pruner->t[i];
	size_t at = s->views[pruned_param(t, i)->view].at;
	size_t bytes = prune_tensor_count(from) * sizeof(*host);
	int ret = device_read(s->buffer, at, host, bytes);

	if (ret)
		return ret;
	mask_apply(from->mask, prune_tensor_count(from), DT_F32, host);
	return device_write(s->buffer, at, host, bytes);
}

static int apply(struct trainer *t)
{
	struct pruner *p = t->pruner;
	size_t bytes = largest(p) * sizeof(float);
	float *host = malloc(bytes + 1);
	int ret = host ? 0 : fail_nomem(bytes, "weights");

	for (int i = 0; i < p->nr && !ret; i++) {
		int g = pruned_param(t, i)->group;

		ret = apply_to(t, i, t->model->segment[SEG_WEIGHT][g], host);
		for (int k = SEG_STATE; k <= SEG_STATES_END && !ret; k++)
			if (t->model->segment[k][g])
				ret = apply_to(t, i, t->model->segment[k][g], host);
	}
	free(host);
	if (!ret)
		ret = pruner_write_masks(t);
	return ret ? ret : model_refresh(t->model);
}

/* Each seed of a training has random masks of its own. */
static uint64_t seed_of(const struct trainer *t, uint64_t seed)
{
	return seed + ((uint64_t)config_int(t->cfg, PARAM_TRAIN_SEED) << 32);
}

/* With N:M so many of a group go, at first none, at last M - N. */
static double ramp_groups(struct prune_choice *c, double share)
{
	int drop = (int)select_count(share, c->of - c->keep);

	c->keep = c->of - drop;
	return (double)drop / c->of;
}

static int choose(struct trainer *t, struct prune_choice *c, double sparsity)
{
	struct pruner *p = t->pruner;
	int ret;

	for (int i = 0; i < p->nr; i++)
		memcpy(p->t[i].before, p->t[i].mask,
		       mask_words(prune_tensor_count(&p->t[i])) * sizeof(uint64_t));
	ret = prune_values(&p->s, p->t, p->nr, model_count(t->model, false), &c->values);
	c->values.seed = seed_of(t, c->values.seed);
	if (!ret)
		ret = prune_assign(&p->s, sparsity, c, p->t, p->nr);
	return ret ? ret : prune_choose(c, p->t, p->nr);
}

static void tell(const struct trainer *t)
{
	const struct pruner *p = t->pruner;
	const struct prune_event *e = &p->event;

	if (t->done == prune_schedule_first(&p->schedule) || t->done == p->schedule.end)
		prune_event_warn(p->s.choice.criterion, e);
	if (t->done == p->schedule.end)
		log_info("step %lld: %lld of %lld weights are dropped, %.2f %%; the masks are "
			 "final", (long long)t->done, (long long)(e->all.weights - e->all.kept),
			 (long long)e->all.weights, 100 * prune_line_sparsity(&e->all));
}

static int make_event(struct trainer *t, const struct prune_choice *c, double from)
{
	struct pruner *p = t->pruner;
	int ret;

	prune_event_free(&p->event);
	ret = prune_event_make(c, p->t, p->nr, 0, &p->event);
	if (!ret)
		ret = prune_event_check(&p->event);
	if (!ret)
		ret = apply(t);
	if (ret)
		return ret;
	p->event.seconds = clock_seconds() - from;
	p->has_masks = p->has_event = true;
	tell(t);
	return 0;
}

static int run_event(struct trainer *t)
{
	struct pruner *p = t->pruner;
	struct prune_choice c = p->s.choice;
	double share = prune_schedule_share(&p->schedule, t->done), from = clock_seconds();
	double sparsity = c.of ? ramp_groups(&c, share) : share * p->s.sparsity[0];
	int ret;

	if (c.of && c.keep == c.of)
		return 0;
	c.regrow *= (1 + cos(M_PI * prune_schedule_way(&p->schedule, t->done))) / 2;
	ret = pruner_inputs(t);
	if (!ret)
		ret = choose(t, &c, sparsity);
	if (!ret)
		ret = make_event(t, &c, from);
	pruner_inputs_free(p);
	return ret ? fail_in(ret, "step %lld: pruning", (long long)t->done) : 0;
}

/* After the first of them nothing would change. */
static bool is_settled(const struct trainer *t)
{
	const struct pruner *p = t->pruner;

	return p->schedule.ramp == RAMP_ONE_SHOT && p->s.choice.criterion->is_monotone &&
	       !(p->s.choice.regrow > 0) && t->done > prune_schedule_first(&p->schedule);
}

int pruner_step(struct trainer *t)
{
	struct pruner *p = t->pruner;

	if (!p)
		return 0;
	p->has_event = false;
	return prune_schedule_is_due(&p->schedule, t->done) && !is_settled(t) ? run_event(t) : 0;
}

const struct prune_event *pruner_event(const struct pruner *p)
{
	return p && p->has_event ? &p->event : NULL;
}

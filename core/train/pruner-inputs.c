// SPDX-License-Identifier: MIT
/*
 * What criteria read in a training: copies on the host of what lies on the device.
 */
#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "tensor/segment.h"
#include "train/pruner-internal.h"

static float *input_new(struct prune_tensor *to, enum prune_input input)
{
	size_t bytes = prune_tensor_count(to) * sizeof(float);
	float *host = malloc(bytes + 1);

	if (!host)
		fail_nomem(bytes, to->name);
	to->in[input] = host;
	return host;
}

static int read_view(const struct segment *s, const struct param_info *info,
		     struct prune_tensor *to, enum prune_input input)
{
	float *host = input_new(to, input);

	if (!host)
		return -ENOMEM;
	return device_read(s->buffer, s->views[info->view].at, host,
			   prune_tensor_count(to) * sizeof(*host));
}

static int read_state(struct trainer *t, int i, enum prune_input input, const char *name)
{
	const struct param_info *info = pruned_param(t, i);
	int state = pruner_state(t, info, name);

	return read_view(t->model->segment[SEG_STATE + state][info->group], info,
			 &t->pruner->t[i], input);
}

static int read_initial(struct trainer *t, int i)
{
	struct prune_tensor *to = &t->pruner->t[i];
	float *host = input_new(to, PRUNE_INITIAL);

	if (!host)
		return -ENOMEM;
	param_draw(pruned_param(t, i), (uint64_t)config_int(t->cfg, PARAM_TRAIN_SEED), host,
		   prune_tensor_count(to));
	return 0;
}

/* One input of one tensor, from where it lies. */
static int read_input(struct trainer *t, int i, enum prune_input input)
{
	const struct param_info *info = pruned_param(t, i);
	struct pruner *p = t->pruner;

	switch (input) {
	case PRUNE_WEIGHT:
		return read_view(t->model->segment[SEG_WEIGHT][info->group], info, &p->t[i],
				 input);
	case PRUNE_GRADIENT:
		return read_view(t->model->segment[SEG_GRAD][info->group], info, &p->t[i], input);
	case PRUNE_MOVEMENT:
		return read_view(p->movement[info->group], info, &p->t[i], input);
	case PRUNE_FISHER:
		return read_view(p->fisher[info->group], info, &p->t[i], input);
	case PRUNE_EXP_AVG:
		return read_state(t, i, input, "exp_avg");
	case PRUNE_EXP_AVG_SQ:
		return read_state(t, i, input, "exp_avg_sq");
	case PRUNE_INITIAL:
		return read_initial(t, i);
	default:
		return 0;
	}
}

static int read_inputs(struct trainer *t, unsigned int reads)
{
	int ret = 0;

	for (int input = 0; input < PRUNE_FLAT; input++)
		for (int i = 0; i < t->pruner->nr && !ret; i++)
			if (reads & 1u << input)
				ret = read_input(t, i, input);
	return ret;
}

/* ---- Fisher information ------------------------------------------------------------------- */

static int put(struct trainer *t, size_t at, const void *value, size_t bytes)
{
	return device_write(t->scalars, at, value, bytes);
}

/* The gradient of the sum of the losses of one sequence, squared. */
static int take_sequence(struct trainer *t, uint64_t sample, int64_t number)
{
	int64_t key[2] = { config_int(t->cfg, PARAM_TRAIN_SEED), -1 - (int64_t)sample };
	int32_t add = number > 0, no = 0;
	float loss;
	int ret = put(t, SCALAR_KEY, key, sizeof(key));

	if (!ret)
		ret = put(t, SCALAR_FLAG, &no, sizeof(no));
	if (!ret)
		ret = feed_fill(t->feed, &t->loader, sample, 1);
	if (!ret)
		ret = plan_run(t->step.plan);
	if (!ret)
		ret = tensor_read(t->loss, &loss, sizeof(loss));
	if (!ret && !isfinite(loss))
		ret = fail(-EDOM, "sample %llu: the loss is not finite",
			   (unsigned long long)sample);
	if (!ret)
		ret = put(t, SCALAR_FLAG, &add, sizeof(add));
	return ret ? ret : plan_run(t->pruner->square.plan);
}

/*
 * The diagonal of the empirical Fisher information over the sequences that come next, which
 * the weights have not seen: unit `sequence` of core/fim/estimate.h but for a factor, which
 * changes no order.  The graph of a step does it, with one sequence instead of a batch.
 */
static int estimate(struct trainer *t)
{
	int64_t nr = config_int(t->cfg, PARAM_PRUNE_SEQUENCES);
	uint64_t first = (uint64_t)t->done * t->shape.accum * t->shape.batch;
	float one = 1;
	int ret = put(t, SCALAR_LOSS_SCALE, &one, sizeof(one)), back;

	if (!ret)
		ret = plan_set_extent(t->step.plan, t->inputs.batch_extent, 1);
	for (int64_t i = 0; i < nr && !ret; i++)
		ret = take_sequence(t, first + i, i);
	back = plan_set_extent(t->step.plan, t->inputs.batch_extent, t->shape.batch);
	return ret ? ret : back;
}

int pruner_inputs(struct trainer *t)
{
	unsigned int reads = t->pruner->reads;
	/* Before the estimate, which leaves other gradients behind. */
	int ret = read_inputs(t, reads & ~READS(FISHER));

	if (!ret && reads & READS(FISHER))
		ret = estimate(t);
	return ret ? ret : read_inputs(t, reads & READS(FISHER));
}

void pruner_inputs_free(struct pruner *p)
{
	for (int i = 0; i < p->nr; i++)
		for (int input = 0; input < PRUNE_FLAT; input++) {
			free((void *)p->t[i].in[input]);
			p->t[i].in[input] = NULL;
		}
}

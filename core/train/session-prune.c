// SPDX-License-Identifier: MIT
/*
 * Choices of masks in the log of a training.
 */
#include "io/run.h"
#include "prune/event.h"
#include "train/session.h"
#include "train/trainer.h"

static void put_line(struct metrics *m, const struct prune_line *l)
{
	metrics_int(m, "weights", l->weights);
	metrics_int(m, "kept", l->kept);
	metrics_real(m, "sparsity", prune_line_sparsity(l));
	metrics_int(m, "changed", l->changed);
	metrics_int(m, "regrown", l->regrown);
	metrics_real(m, "jaccard", prune_line_jaccard(l));
	metrics_real(m, "fresh_jaccard", prune_line_fresh(l));
	metrics_real(m, "low", l->low);
	metrics_real(m, "high", l->high);
	metrics_int(m, "not_finite", l->not_finite);
}

static int log_tensor(struct metrics *m, long long step, const struct prune_line *l)
{
	metrics_begin(m, "prune_tensor", step);
	metrics_text(m, "name", l->name);
	metrics_int(m, "layer", l->layer);
	put_line(m, l);
	return metrics_end(m);
}

int session_log_masks(const struct session *s)
{
	const struct prune_event *e = trainer_event(s->trainer);
	long long step = trainer_done(s->trainer);
	struct metrics *m = s->run->metrics;
	int ret = 0;

	if (!e)
		return 0;
	metrics_begin(m, "prune", step);
	put_line(m, &e->all);
	metrics_int(m, "asked", e->asked);
	metrics_real(m, "eps_ratio", e->eps_ratio);
	metrics_text(m, "hash", e->hash);
	metrics_real(m, "seconds", e->seconds);
	ret = metrics_end(m);
	for (int i = 0; i < e->nr && !ret; i++)
		ret = log_tensor(m, step, &e->line[i]);
	return ret;
}

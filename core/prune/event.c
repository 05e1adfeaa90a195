// SPDX-License-Identifier: MIT
#include "prune/event.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "prune/mask.h"

int prune_hash(const struct prune_tensor *tensors, int nr, char hex[HASH_HEX])
{
	struct hash h;
	int ret = hash_begin(&h);

	if (ret)
		return ret;
	for (int i = 0; i < nr; i++) {
		const struct prune_tensor *t = &tensors[i];

		hash_update(&h, t->name, strlen(t->name) + 1);
		hash_update(&h, t->mask, mask_words(prune_tensor_count(t)) * sizeof(uint64_t));
	}
	hash_end(&h, hex);
	return 0;
}

double prune_line_jaccard(const struct prune_line *l)
{
	return mask_jaccard(l->kept, l->magnitude, l->common);
}

double prune_line_fresh(const struct prune_line *l)
{
	int64_t both = l->before - (l->kept + l->magnitude - l->common);
	int64_t any = l->before - l->common;

	return any > 0 && !l->regrown ? (double)both / (double)any : NAN;
}

/* ---- against |w| ------------------------------------------------------------------------ */

static void free_copies(struct prune_tensor *copy, int nr)
{
	for (int i = 0; i < nr; i++)
		free(copy[i].mask);
	free(copy);
}

/* The same tensors with masks of their own. */
static struct prune_tensor *make_copies(const struct prune_tensor *tensors, int nr)
{
	struct prune_tensor *copy = calloc(nr + 1, sizeof(*copy));
	bool ok = copy;

	for (int i = 0; i < nr && ok; i++) {
		copy[i] = tensors[i];
		copy[i].mask = mask_new(prune_tensor_count(&copy[i]));
		ok = copy[i].mask;
	}
	if (ok)
		return copy;
	if (copy)
		free_copies(copy, nr);
	return NULL;
}

static int compare(const struct prune_choice *c, const struct prune_tensor *tensors, int nr,
		   struct prune_event *e)
{
	struct prune_choice magnitude = *c;
	struct prune_tensor *copy = make_copies(tensors, nr);
	int ret;

	if (!copy)
		return fail_nomem(nr * sizeof(*copy), "masks to compare with");
	magnitude.criterion = criterion_find("magnitude");
	magnitude.regrow = 0;
	ret = magnitude.criterion ? prune_choose(&magnitude, copy, nr) : -EINVAL;
	for (int i = 0; i < nr && !ret; i++) {
		int64_t n = prune_tensor_count(&copy[i]);

		e->line[i].magnitude = mask_kept(copy[i].mask, n);
		e->line[i].common = mask_common(copy[i].mask, tensors[i].mask, n);
	}
	free_copies(copy, nr);
	return ret;
}

/* ---- counting --------------------------------------------------------------------------- */

static void fill_line(const struct prune_choice *c, const struct prune_tensor *t,
		      struct prune_line *l)
{
	int64_t nr = prune_tensor_count(t);
	bool has_range = c->criterion->score && t->low <= t->high;

	l->name = t->name;
	l->layer = t->layer;
	l->weights = nr;
	l->before = t->before ? mask_kept(t->before, nr) : nr;
	l->kept = mask_kept(t->mask, nr);
	l->not_finite = c->criterion->score ? t->not_finite : 0;
	l->low = has_range ? t->low : NAN;
	l->high = has_range ? t->high : NAN;
	if (t->before) {
		l->changed = mask_changed(t->before, t->mask, nr);
		l->regrown = mask_regrown(t->before, t->mask, nr);
	}
}

static void add_line(struct prune_line *all, const struct prune_line *l)
{
	all->weights += l->weights;
	all->before += l->before;
	all->kept += l->kept;
	all->changed += l->changed;
	all->regrown += l->regrown;
	all->common += l->common;
	all->magnitude += l->magnitude;
	all->not_finite += l->not_finite;
	all->low = fmin(all->low, l->low);
	all->high = fmax(all->high, l->high);
}

static int find_ratio(const struct prune_choice *c, const struct prune_tensor *tensors, int nr,
		      struct prune_event *e)
{
	double median;
	int ret;

	e->eps_ratio = NAN;
	if (!c->criterion->eps)
		return 0;
	ret = prune_median(tensors, nr, PRUNE_EXP_AVG_SQ, &median);
	e->eps_ratio = c->criterion->eps(&c->values) / median;
	return ret;
}

static void warn_of_line(const struct criterion *c, const struct prune_line *l)
{
	if (l->not_finite)
		log_warn("%s: %lld scores of %s are not finite", l->name,
			 (long long)l->not_finite, c->name);
}

void prune_event_warn(const struct criterion *c, const struct prune_event *e)
{
	int64_t dropped = e->all.weights - e->all.kept;

	if (e->eps_ratio > 1)
		log_warn("%s: its epsilon is %.3g times the median of exp_avg_sq: this is nearly "
			 "the order of |w| (Jaccard %.4f)", c->name, e->eps_ratio,
			 prune_line_jaccard(&e->all));
	if (dropped != e->asked)
		log_warn("%s: %lld weights are dropped, and %lld should be: what is dropped stays "
			 "so, though the sparsity of its tensor fell", c->name,
			 (long long)dropped, (long long)e->asked);
	for (int i = 0; i < e->nr; i++)
		warn_of_line(c, &e->line[i]);
}

int prune_event_check(const struct prune_event *e)
{
	for (int i = 0; i < e->nr; i++)
		if (!e->line[i].kept)
			return fail(-EINVAL, "%s: nothing would be left of it; PRUNE_ALLOC=global "
				    "keeps a floor of each tensor", e->line[i].name);
	return 0;
}

int prune_event_make(const struct prune_choice *c, struct prune_tensor *tensors, int nr,
		     double seconds, struct prune_event *e)
{
	int ret;

	*e = (struct prune_event){ .nr = nr, .seconds = seconds,
				   .all = { .name = "all", .layer = -1, .low = NAN,
					    .high = NAN } };
	e->line = calloc(nr + 1, sizeof(*e->line));
	if (!e->line)
		return fail_nomem(nr * sizeof(*e->line), "a report");
	for (int i = 0; i < nr; i++)
		fill_line(c, &tensors[i], &e->line[i]);
	ret = compare(c, tensors, nr, e);
	for (int i = 0; i < nr; i++)
		add_line(&e->all, &e->line[i]);
	if (!ret)
		ret = find_ratio(c, tensors, nr, e);
	if (!ret)
		ret = prune_hash(tensors, nr, e->hash);
	e->asked = prune_asked(c, tensors, nr);
	if (ret)
		prune_event_free(e);
	return ret;
}

void prune_event_free(struct prune_event *e)
{
	free(e->line);
	e->line = NULL;
}

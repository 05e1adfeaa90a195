// SPDX-License-Identifier: MIT
#include "eval/scorer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/progress.h"
#include "eval/branches.h"
#include "infer/forward.h"

#define BATCH_TOKENS 4096	/* at once, about: many rows make matrices worth multiplying */
#define BATCH_ROWS_MAX 64
#define GROUP_TOKENS 1024	/* of what groups share, at once */
#define GROUP_CACHE_BYTES ((size_t)256 << 20)
#define SHARED_LEAST 8		/* fewer tokens are not worth a run of their own */

/**
 * struct work - a scorer_run() under way.
 * @single: sequences that stand for themselves, the longest first
 * @group: those with a beginning in common, the longest beginning first
 * @member: storage of the groups' lists
 */
struct work {
	struct eval_model *em;
	const struct score_seq *seqs;
	size_t nr;
	const struct score_seq **single, **member;
	size_t nr_single, nr_member;
	struct branch_group *group;
	size_t nr_group;
	const struct score_units *units;
	int *left;			/* (units) sequences that are not done */
	size_t done;			/* units */
	bool running;			/* say the perplexity so far */
	double nll;			/* of all tokens scored so far, of which there are ... */
	size_t scored;
	bool bar;
};

double score_sum(const struct score_seq *seq, int skip)
{
	double sum = 0;

	for (int i = skip; i < seq->nr - seq->first; i++)
		sum += seq->scores[i].log_p;
	return sum;
}

/* ---- what to do ------------------------------------------------------------------------ */

static int longer_first(const void *a, const void *b)
{
	const struct score_seq *x = *(const struct score_seq *const *)a;
	const struct score_seq *y = *(const struct score_seq *const *)b;

	if (x->nr != y->nr)
		return x->nr > y->nr ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int more_shared_first(const void *a, const void *b)
{
	const struct branch_group *x = a, *y = b;

	if (x->shared != y->shared)
		return x->shared > y->shared ? -1 : 1;
	return x->seqs < y->seqs ? -1 : x->seqs > y->seqs;
}

/* Tokens that all begin with; the one before the first that is scored is read by each. */
static int shared_tokens(const struct score_seq *seqs, int nr)
{
	int least = seqs[0].first - 1, n = 0;

	for (int i = 1; i < nr; i++)
		least = seqs[i].first - 1 < least ? seqs[i].first - 1 : least;
	for (; n < least; n++)
		for (int i = 1; i < nr; i++)
			if (seqs[i].tokens[n] != seqs[0].tokens[n])
				return n;
	return n;
}

static void add_group(struct work *w, const struct score_seq *seqs, int nr)
{
	int shared = nr > 1 ? shared_tokens(seqs, nr) : 0;
	struct branch_group *g;

	if (shared < SHARED_LEAST) {
		for (int i = 0; i < nr; i++)
			w->single[w->nr_single++] = &seqs[i];
		return;
	}
	g = &w->group[w->nr_group++];
	*g = (struct branch_group){ w->member + w->nr_member, nr, shared };
	for (int i = 0; i < nr; i++)
		w->member[w->nr_member++] = &seqs[i];
	qsort(g->seqs, nr, sizeof(*g->seqs), longer_first);
}

static int sort_out(struct work *w, const int *groups)
{
	size_t at = 0;

	w->single = calloc(w->nr, sizeof(*w->single));
	w->member = calloc(w->nr, sizeof(*w->member));
	w->group = calloc(w->nr, sizeof(*w->group));
	w->left = calloc(w->units->nr, sizeof(*w->left));
	if (!w->single || !w->member || !w->group || !w->left)
		return fail_nomem(w->nr * sizeof(*w->group), "sequences");
	for (size_t i = 0; i < w->nr; i++)
		w->left[w->seqs[i].unit]++;
	for (size_t g = 0; at < w->nr; g++) {
		int nr = groups ? groups[g] : 1;

		if (nr)
			add_group(w, w->seqs + at, nr);
		at += nr;
	}
	w->running = !groups;
	if (w->nr_single)
		qsort(w->single, w->nr_single, sizeof(*w->single), longer_first);
	if (w->nr_group)
		qsort(w->group, w->nr_group, sizeof(*w->group), more_shared_first);
	return 0;
}

/* ---- one by one ------------------------------------------------------------------------ */

/** struct batches - whole sequences; the last token of one is predicted, not read. */
struct batches {
	struct forward *forward;
	struct forward_options size;
	int32_t *tokens;		/* (rows, length) */
	int lengths[BATCH_ROWS_MAX];
};

static int between(long x, int low, int high)
{
	return x < low ? low : x > high ? high : (int)x;
}

static int batches_new(struct work *w, struct batches *b)
{
	int longest = w->single[0]->nr - 1;
	int most = w->nr_single < BATCH_ROWS_MAX ? (int)w->nr_single : BATCH_ROWS_MAX;
	size_t bytes;

	b->size = (struct forward_options){ between(BATCH_TOKENS / longest, 1, most), longest };
	bytes = (size_t)b->size.rows * longest * sizeof(*b->tokens);
	b->tokens = malloc(bytes);
	if (!b->tokens)
		return fail_nomem(bytes, "tokens");
	return forward_new(w->em->loaded.model, w->em->dev, &b->size, &b->forward);
}

static int run_batch(struct batches *b, const struct score_seq *const *seqs, int rows)
{
	int ret;

	for (int r = 0; r < rows; r++) {
		b->lengths[r] = seqs[r]->nr - 1;
		memcpy(b->tokens + (size_t)r * b->size.length, seqs[r]->tokens,
		       b->lengths[r] * sizeof(*b->tokens));
	}
	ret = forward_run(b->forward, b->tokens, b->size.length, rows, b->lengths);
	for (int r = 0; r < rows && !ret; r++)
		ret = forward_scores(b->forward, r, seqs[r]->first - 1,
				     seqs[r]->nr - seqs[r]->first,
				     seqs[r]->tokens + seqs[r]->first, seqs[r]->scores);
	return ret;
}

static int check_scores(const struct work *w, const struct score_seq *s)
{
	struct strbuf sb;
	int i = 0, ret;

	while (i < s->nr - s->first && isfinite(s->scores[i].log_p))
		i++;
	if (i == s->nr - s->first)
		return 0;
	strbuf_init(&sb);
	w->units->place(w->units->ctx, s->unit, &sb);
	ret = fail(-EDOM, "%s: %s: ln p of token %d is not a number", w->em->path, sb.s,
		   s->first + i);
	strbuf_free(&sb);
	return ret;
}

/* Choices have no perplexity that would mean anything. */
static void say_progress(struct work *w, const struct score_seq *const *seqs, int nr)
{
	for (int i = 0; i < nr && w->running; i++) {
		w->nll -= score_sum(seqs[i], 0);
		w->scored += seqs[i]->nr - seqs[i]->first;
	}
	if (w->scored)
		progress_update(w->bar, w->done, "ppl %.4g", exp(w->nll / (double)w->scored));
	else
		progress_update(w->bar, w->done, "%s", "");
}

static int finish(struct work *w, const struct score_seq *const *seqs, int nr)
{
	int ret = 0;

	for (int i = 0; i < nr && !ret; i++) {
		ret = check_scores(w, seqs[i]);
		w->done += --w->left[seqs[i]->unit] == 0;
	}
	say_progress(w, seqs, ret ? 0 : nr);
	return ret;
}

static int run_singles(struct work *w)
{
	struct batches b = { 0 };
	int ret = batches_new(w, &b);

	for (size_t at = 0; at < w->nr_single && !ret; at += b.size.rows) {
		int rows = w->nr_single - at < (size_t)b.size.rows ? (int)(w->nr_single - at)
								   : b.size.rows;

		ret = run_batch(&b, w->single + at, rows);
		if (!ret)
			ret = finish(w, w->single + at, rows);
	}
	forward_free(b.forward);
	free(b.tokens);
	return ret;
}

/* ---- in groups ------------------------------------------------------------------------- */

static struct branches_options group_sizes(const struct work *w)
{
	struct branches_options o = { .shared = w->group[0].shared };
	int most = w->nr_group < BATCH_ROWS_MAX ? (int)w->nr_group : BATCH_ROWS_MAX;
	size_t row;

	for (size_t g = 0; g < w->nr_group; g++) {
		int tail = w->group[g].seqs[0]->nr - 1 - w->group[g].shared;

		o.tail = tail > o.tail ? tail : o.tail;
	}
	row = branches_bytes(w->em, o.shared + (o.shared > o.tail ? o.shared : o.tail));
	o.rows = between(GROUP_TOKENS / o.shared, 1, most);
	o.rows = between((long)(GROUP_CACHE_BYTES / row), 1, o.rows);
	return o;
}

static int run_groups(struct work *w)
{
	struct branches_options o = group_sizes(w);
	struct branches *b = NULL;
	int ret = branches_new(w->em, &o, &b);

	for (size_t at = 0; at < w->nr_group && !ret; at += o.rows) {
		int rows = w->nr_group - at < (size_t)o.rows ? (int)(w->nr_group - at) : o.rows;

		ret = branches_run(b, w->group + at, rows);
		for (int g = 0; g < rows && !ret; g++)
			ret = finish(w, w->group[at + g].seqs, w->group[at + g].nr);
	}
	branches_free(b);
	return ret;
}

int scorer_run(struct eval_model *em, const struct score_seq *seqs, size_t nr,
	       const int *groups, const struct score_units *units)
{
	struct work w = { .em = em, .seqs = seqs, .nr = nr, .units = units };
	int ret = nr ? sort_out(&w, groups) : 0;

	w.bar = progress_begin(units->what, units->nr);
	if (!ret && w.nr_group)
		ret = run_groups(&w);
	if (!ret && w.nr_single)
		ret = run_singles(&w);
	progress_end(w.bar);
	free(w.single);
	free(w.member);
	free(w.group);
	free(w.left);
	return ret;
}

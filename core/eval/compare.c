// SPDX-License-Identifier: MIT
#include "eval/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "stats/mcnemar.h"
#include "stats/ratio.h"

#define TOKENS " tokens="	/* in options: the hash of a text's tokens comes last */

static int other_protocol(const struct eval_table *a, const struct eval_table *b)
{
	const char *end = strstr(a->options, TOKENS);
	bool ppl = !strcmp(a->task, "ppl");

	if (ppl && end && !strncmp(a->options, b->options, end + strlen(TOKENS) - a->options))
		return fail(-EINVAL, "the tokenizers make other tokens of the text, so that chunks "
			    "and windows hold other parts of it: take --protocol=document");
	return fail(-EINVAL, "the protocols differ: '%s' and '%s'%s", a->options, b->options,
		    ppl ? ": give both the same --protocol and --context" : "");
}

static int check(const struct eval_table *a, const struct eval_table *b)
{
	if (strcmp(a->task, b->task))
		return fail(-EINVAL, "one is of %s, the other of %s", a->task, b->task);
	if (strcmp(a->data_hash, b->data_hash))
		return fail(-EINVAL, "the data differ: %s (%s) and %s (%s)", a->data, a->data_hash,
			    b->data, b->data_hash);
	return strcmp(a->options, b->options) ? other_protocol(a, b) : 0;
}

static const double *column(const struct eval_table *t, int c)
{
	return c < 0 ? NULL : t->column[c].x;
}

/* Do both divide by the same, item by item? */
static bool same_units(const double *a, const double *b, size_t items)
{
	return !a == !b && (!a || !memcmp(a, b, items * sizeof(*a)));
}

static double difference(const double *sums, size_t units)
{
	(void)units;
	return sums[0] / sums[1] - sums[2] / sums[3];
}

static int draw(const double *ya, const double *na, const double *yb, const double *nb,
		size_t items, const struct bootstrap *boot, struct stats_interval *interval)
{
	double *x = malloc(items * 4 * sizeof(*x));
	int ret;

	if (!x)
		return fail_nomem(items * 4 * sizeof(*x), "a bootstrap");
	for (size_t i = 0; i < items; i++) {
		x[4 * i] = ya[i];
		x[4 * i + 1] = na ? na[i] : 1;
		x[4 * i + 2] = yb[i];
		x[4 * i + 3] = nb ? nb[i] : 1;
	}
	ret = stats_bootstrap(x, items, 4, difference, boot, interval);
	free(x);
	return ret;
}

static void count_discordant(const double *a, const double *b, size_t items,
			     struct metric_comparison *m)
{
	for (size_t i = 0; i < items; i++) {
		m->only_a += a[i] > b[i];
		m->only_b += a[i] < b[i];
	}
	m->p = stats_mcnemar(m->only_a, m->only_b);
}

static int compare_metric(const double *ya, const double *na, const double *yb, const double *nb,
			  size_t items, const struct bootstrap *boot,
			  struct metric_comparison *m)
{
	m->p = NAN;
	m->interval = (struct stats_interval){ NAN, NAN, NAN, NAN };
	if (na) {
		m->a = stats_ratio(ya, na, items);
		m->b = stats_ratio(yb, nb, items);
		m->difference = stats_ratio_difference(ya, na, yb, nb, items);
	} else {
		m->a = stats_mean(ya, items);
		m->b = stats_mean(yb, items);
		m->difference = stats_mean_difference(ya, yb, items);
	}
	if (m->kind == METRIC_SHARE)
		count_discordant(ya, yb, items, m);
	return boot ? draw(ya, na, yb, nb, items, boot, &m->interval) : 0;
}

int compare_tables(const struct eval_table *a, const struct eval_table *b,
		   const struct bootstrap *boot, struct comparison *c)
{
	int ret = check(a, b);

	*c = (struct comparison){ .items = a->rows < b->rows ? a->rows : b->rows };
	c->partial = c->items < a->rows_all || c->items < b->rows_all;
	for (int i = 0; i < a->metrics && !ret; i++) {
		const struct table_metric *ma = &a->metric[i], *mb;
		int k = table_find_metric(b, ma->name);

		mb = k < 0 ? NULL : &b->metric[k];
		if (!mb || mb->kind != ma->kind ||
		    !same_units(column(a, ma->per), column(b, mb->per), c->items))
			continue;
		c->metric[c->metrics] = (struct metric_comparison){ ma->name, ma->kind };
		ret = compare_metric(column(a, ma->sum), column(a, ma->per), column(b, mb->sum),
				     column(b, mb->per), c->items, boot, &c->metric[c->metrics]);
		c->metrics++;
	}
	if (!ret && !c->metrics)
		return fail(-EINVAL, "the two have no metric of the same items in common");
	return ret;
}

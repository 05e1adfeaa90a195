// SPDX-License-Identifier: MIT
#include "eval/choice.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "eval/scorer.h"
#include "io/json.h"

/**
 * struct part - the end of a scored sequence.
 * @seq: index of the sequence
 * @skip: scored tokens in front of the part
 */
struct part {
	size_t seq;
	int skip;
};

/** struct choice - where the scores of a choice are: @own by lm-eval, @token by llama.cpp. */
struct choice {
	struct part own, token;
};

/** struct job - all choices of all items. */
struct job {
	struct eval_model *em;
	const struct eval_task *task;
	const struct eval_items *items;
	struct choice (*choice)[ITEM_CHOICES_MAX];	/* (items) */
	struct score_seq *seqs;
	size_t nr_seqs, cap_seqs;
	int *groups;			/* (items) sequences of each */
	size_t item;			/* whose sequences are being made */
	const char *path;
};

/* ---- white space ------------------------------------------------------------------ */

/* Bytes of the white space that ends @s, 0 if none does: str.isspace() of Python. */
static size_t blank_at_end(const char *s, size_t len)
{
	static const char *const wide[] = {
		"\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9",
		"\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
	};
	unsigned char last = s[len - 1];

	if (last == ' ' || (last >= 9 && last <= 13) || (last >= 0x1c && last <= 0x1f))
		return 1;
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
		size_t n = strlen(wide[i]);

		if (len >= n && !memcmp(s + len - n, wide[i], n))
			return n;
	}
	/* U+2000 to U+200A */
	if (len >= 3 && !memcmp(s + len - 3, "\xe2\x80", 2) && last >= 0x80 && last <= 0x8a)
		return 3;
	return 0;
}

size_t choice_strip(const char *s, size_t len)
{
	size_t n = 1;

	while (len && n) {
		n = blank_at_end(s, len);
		len -= n;
	}
	return len;
}

/* ---- tokens ----------------------------------------------------------------------- */

static int add_seq(struct job *j, const uint32_t *ids, size_t nr, int first, struct part *part)
{
	size_t most = (size_t)eval_model_context(j->em) + 1, drop = nr > most ? nr - most : 0;
	struct score_seq *s;
	int32_t *tokens;

	if (drop >= (size_t)first)
		return fail(-EINVAL, "a continuation of %zu tokens is longer than the model's "
			    "context", nr - first);
	if (j->nr_seqs == j->cap_seqs) {
		size_t cap = j->cap_seqs ? 2 * j->cap_seqs : 1024;
		struct score_seq *seqs = realloc(j->seqs, cap * sizeof(*seqs));

		if (!seqs)
			return fail_nomem(cap * sizeof(*seqs), "sequences");
		j->seqs = seqs;
		j->cap_seqs = cap;
	}
	s = &j->seqs[j->nr_seqs];
	tokens = malloc((nr - drop) * sizeof(*tokens));
	*s = (struct score_seq){ .tokens = tokens, .nr = (int)(nr - drop),
				 .first = first - (int)drop, .unit = j->item };
	s->scores = calloc(nr - first, sizeof(*s->scores));
	*part = (struct part){ j->nr_seqs++, 0 };
	if (!tokens || !s->scores)
		return fail_nomem(nr * sizeof(*tokens), "tokens");
	for (size_t i = drop; i < nr; i++)
		tokens[i - drop] = (int32_t)ids[i];
	return 0;
}

/** struct pair - a context and its continuation as tokens. */
struct pair {
	struct token_list whole, context;
	bool joined;		/* the whole begins with the context */
};

/* Does the continuation hang on a context, or on what documents stand behind? */
static int encode_pair(struct eval_model *em, const char *context, const char *continuation,
		       struct pair *p)
{
	size_t stripped = choice_strip(context, strlen(context));
	uint32_t prefix = eval_prefix_token(em);
	char *text;
	int ret;

	if (!*context) {
		ret = token_list_add(&p->context, prefix);
		if (!ret)
			ret = token_list_add(&p->whole, prefix);
		return ret ? ret : eval_encode(em, continuation, strlen(continuation), false,
					       &p->whole);
	}
	text = str_printf("%s%s", context, continuation);
	if (!text)
		return fail_nomem(0, "a text");
	ret = eval_encode(em, text, strlen(text), true, &p->whole);
	if (!ret)
		ret = eval_encode(em, context, stripped, true, &p->context);
	free(text);
	return ret;
}

/* A context without any token: what follows stands behind the prefix. */
static int ensure_context(struct eval_model *em, struct pair *p)
{
	int ret;

	if (p->context.nr)
		return 0;
	ret = token_list_add(&p->context, eval_prefix_token(em));
	if (!ret)
		ret = token_list_reserve(&p->whole, 1);
	if (ret)
		return ret;
	memmove(p->whole.ids + 1, p->whole.ids, p->whole.nr * sizeof(*p->whole.ids));
	p->whole.ids[0] = p->context.ids[0];
	p->whole.nr++;
	return 0;
}

static int encode_choice(struct job *j, const struct eval_item *item, int c, struct pair *p)
{
	int ret = encode_pair(j->em, item->context[c], item->continuation[c], p);

	if (!ret)
		ret = ensure_context(j->em, p);
	if (ret)
		return ret;
	if (p->whole.nr <= p->context.nr)
		return fail(-EINVAL, "choice %d has no token of its own", c);
	p->joined = !memcmp(p->whole.ids, p->context.ids,
			    p->context.nr * sizeof(*p->context.ids));
	return 0;
}

/* How many tokens all choices begin with; each has one behind them. */
static size_t common_prefix(const struct pair *p, int choices)
{
	size_t least = p[0].whole.nr, n = 0;

	for (int c = 1; c < choices; c++)
		least = p[c].whole.nr < least ? p[c].whole.nr : least;
	for (; n + 1 < least; n++)
		for (int c = 1; c < choices; c++)
			if (p[c].whole.ids[n] != p[0].whole.ids[n])
				return n ? n : 1;
	return n ? n : 1;
}

/*
 * One sequence serves both scores where the tokens are the same.  Where a token goes across the
 * end of the context, lm-eval scores the context's own tokens with the rest of the whole.
 */
static int add_choice(struct job *j, struct pair *p, size_t common, struct choice *choice)
{
	size_t own = p->context.nr, first = own;
	int ret;

	if (common && p->joined && common < own)
		first = common;
	if (common && !p->joined) {
		ret = add_seq(j, p->whole.ids, p->whole.nr, (int)common, &choice->token);
		if (ret)
			return ret;
	}
	memcpy(p->whole.ids, p->context.ids, own * sizeof(*p->whole.ids));
	ret = add_seq(j, p->whole.ids, p->whole.nr, (int)first, &choice->own);
	if (common && p->joined)
		choice->token = (struct part){ choice->own.seq, (int)(common - first) };
	choice->own.skip = (int)(own - first);
	return ret;
}

static int add_item(struct job *j, const struct eval_item *item, struct choice *choices)
{
	struct pair p[ITEM_CHOICES_MAX] = { 0 };
	size_t common = 0;
	int ret = 0;

	for (int c = 0; c < item->choices && !ret; c++)
		ret = encode_choice(j, item, c, &p[c]);
	if (!ret && (j->task->metrics & TASK_ACC_TOKEN))
		common = common_prefix(p, item->choices);
	for (int c = 0; c < item->choices && !ret; c++)
		ret = add_choice(j, &p[c], common, &choices[c]);
	for (int c = 0; c < item->choices; c++) {
		token_list_free(&p[c].whole);
		token_list_free(&p[c].context);
	}
	return ret;
}

/* ---- results ---------------------------------------------------------------------- */

static double log_p(const struct job *j, const struct part *p)
{
	return score_sum(&j->seqs[p->seq], p->skip);
}

static int tokens_of(const struct job *j, const struct part *p)
{
	const struct score_seq *s = &j->seqs[p->seq];

	return s->nr - s->first - p->skip;
}

static bool is_greedy(const struct job *j, const struct part *p)
{
	const struct score_seq *s = &j->seqs[p->seq];

	for (int i = p->skip; i < s->nr - s->first; i++)
		if (s->scores[i].best != s->tokens[s->first + i])
			return false;
	return true;
}

/* The first of the largest. */
static int best_of(const double *x, int nr)
{
	int best = 0;

	for (int i = 1; i < nr; i++)
		if (x[i] > x[best])
			best = i;
	return best;
}

static void add_numbers(struct strbuf *sb, const char *key, const double *x, int nr)
{
	strbuf_addf(sb, ",\"%s\":[", key);
	for (int i = 0; i < nr; i++) {
		strbuf_adds(sb, i ? "," : "");
		json_add_double(sb, x[i]);
	}
	strbuf_addc(sb, ']');
}

static void set(struct eval_table *t, const char *column, size_t row, double x)
{
	int c = table_find_column(t, column);

	if (c >= 0)
		t->column[c].x[row] = x;
}

/* Columns that the task does not have are not set. */
static int fill_row(const struct job *j, struct eval_table *t, size_t row)
{
	const struct eval_item *item = &j->items->item[row];
	double sum[ITEM_CHOICES_MAX], norm[ITEM_CHOICES_MAX], token[ITEM_CHOICES_MAX] = { 0 };
	double tokens[ITEM_CHOICES_MAX];
	struct strbuf sb;
	int n = item->choices, ret;

	for (int c = 0; c < n; c++) {
		const struct choice *choice = &j->choice[row][c];

		sum[c] = log_p(j, &choice->own);
		norm[c] = sum[c] / item->chars[c];
		tokens[c] = tokens_of(j, &choice->own);
		if (j->task->metrics & TASK_ACC_TOKEN)
			token[c] = log_p(j, &choice->token) / tokens_of(j, &choice->token);
	}
	if (j->task->metrics & TASK_GREEDY)
		set(t, "acc", row, is_greedy(j, &j->choice[row][0].own));
	else
		set(t, "acc", row, best_of(sum, n) == item->gold);
	set(t, "acc_norm", row, best_of(norm, n) == item->gold);
	set(t, "acc_norm_token", row, best_of(token, n) == item->gold);
	set(t, "nll", row, -sum[0]);
	strbuf_init(&sb);
	strbuf_addf(&sb, ",\"line\":%ld,\"gold\":%d", item->line, item->gold);
	add_numbers(&sb, "log_p", sum, n);
	if (j->task->metrics & TASK_ACC_NORM)
		add_numbers(&sb, "log_p_char", norm, n);
	if (j->task->metrics & TASK_ACC_TOKEN)
		add_numbers(&sb, "log_p_token", token, n);
	add_numbers(&sb, "tokens", tokens, n);
	ret = strbuf_ok(&sb);
	t->details[row] = strbuf_detach(&sb);
	return ret;
}

static int add_metric(struct eval_table *t, const char *name, const char *of,
		      enum metric_kind kind)
{
	int c = table_column(t, of);

	if (c < 0)
		return c;
	table_metric(t, name, kind, c, -1);
	return 0;
}

static int make_table(const struct job *j, struct eval_table **t)
{
	unsigned int metrics = j->task->metrics;
	int ret = table_new(j->items->nr, j->items->nr_all, t);

	if (!ret)
		ret = add_metric(*t, "acc", "acc", METRIC_SHARE);
	if (!ret && (metrics & TASK_ACC_NORM))
		ret = add_metric(*t, "acc_norm", "acc_norm", METRIC_SHARE);
	if (!ret && (metrics & TASK_ACC_TOKEN))
		ret = add_metric(*t, "acc_norm_token", "acc_norm_token", METRIC_SHARE);
	if (!ret && (metrics & TASK_GREEDY))
		ret = add_metric(*t, "ln_ppl", "nll", METRIC_RATIO);
	for (size_t i = 0; i < j->items->nr && !ret; i++)
		ret = fill_row(j, *t, i);
	return ret;
}

static void free_job(struct job *j)
{
	for (size_t i = 0; i < j->nr_seqs; i++) {
		free((void *)j->seqs[i].tokens);
		free(j->seqs[i].scores);
	}
	free(j->seqs);
	free(j->choice);
	free(j->groups);
}

static void name_item(const void *ctx, size_t item, struct strbuf *sb)
{
	const struct job *j = ctx;

	strbuf_addf(sb, "%s:%ld", j->path, j->items->item[item].line);
}

int choice_run(struct eval_model *em, const struct eval_task *task, const struct eval_text *text,
	       const struct eval_items *items, struct eval_table **table)
{
	struct job j = { .em = em, .task = task, .items = items,
			 .path = text->path };
	struct score_units units = { task->name, items->nr, name_item, &j };
	struct eval_table *t = NULL;
	int ret = 0;

	j.choice = calloc(items->nr, sizeof(*j.choice));
	j.groups = calloc(items->nr, sizeof(*j.groups));
	if (!j.choice || !j.groups)
		ret = fail_nomem(items->nr * sizeof(*j.choice), "choices");
	for (size_t i = 0; i < items->nr && !ret; i++) {
		size_t before = j.nr_seqs;

		j.item = i;
		ret = add_item(&j, &items->item[i], j.choice[i]);
		j.groups[i] = (int)(j.nr_seqs - before);
		if (ret)
			fail_in(ret, "%s:%ld", text->path, items->item[i].line);
	}
	if (!ret)
		ret = scorer_run(em, j.seqs, j.nr_seqs, j.groups, &units);
	if (!ret)
		ret = make_table(&j, &t);
	if (!ret)
		ret = eval_table_facts(t, em, text, task->name, strdup(""));
	free_job(&j);
	if (ret)
		table_free(t);
	else
		*table = t;
	return ret;
}

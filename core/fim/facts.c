// SPDX-License-Identifier: MIT
#include "fim/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/* ---- the keys ------------------------------------------------------------------------ */

struct text_key {
	const char *key;
	size_t at;		/* of a char * in struct fim_facts */
};

struct number_key {
	const char *key;
	size_t at;		/* of an int64_t */
};

#define AT(member) offsetof(struct fim_facts, member)

static const struct text_key texts[] = {
	{ "unit", AT(unit) }, { "labels", AT(labels) }, { "model", AT(model) },
	{ "data", AT(data) }, { "samples", AT(samples) },
};

static const struct number_key numbers[] = {
	{ "sequences", AT(sequences) }, { "positions", AT(positions) }, { "draws", AT(draws) },
	{ "batch", AT(batch) }, { "context", AT(context) }, { "squares", AT(squares) },
	{ "tokens", AT(tokens) }, { "step", AT(step) }, { "seed", AT(seed) },
};

#define NR_TEXTS (int)(sizeof(texts) / sizeof(texts[0]))
#define NR_NUMBERS (int)(sizeof(numbers) / sizeof(numbers[0]))

static char **text_of(const struct fim_facts *f, int i)
{
	return (char **)((char *)f + texts[i].at);
}

static int64_t *number_of(const struct fim_facts *f, int i)
{
	return (int64_t *)((char *)f + numbers[i].at);
}

int fim_facts_copy(const struct fim_facts *from, struct fim_facts *to)
{
	*to = *from;
	for (int i = 0; i < NR_TEXTS; i++)
		*text_of(to, i) = NULL;
	for (int i = 0; i < NR_TEXTS; i++) {
		const char *text = *text_of(from, i);

		*text_of(to, i) = strdup(text ? text : "");
		if (!*text_of(to, i)) {
			fim_facts_free(to);
			return fail_nomem(0, "metadata");
		}
	}
	return 0;
}

void fim_facts_free(struct fim_facts *f)
{
	for (int i = 0; i < NR_TEXTS; i++) {
		free(*text_of(f, i));
		*text_of(f, i) = NULL;
	}
}

/* The next "7" or "3-9" of a list. Return: false at its end. */
static bool next_range(const char **list, long long range[2])
{
	char *end;

	if (!**list)
		return false;
	range[0] = range[1] = strtoll(*list, &end, 10);
	if (*end == '-')
		range[1] = strtoll(end + 1, &end, 10);
	*list = *end == ',' ? end + 1 : end + strlen(end);
	return true;
}

int64_t fim_samples_common(const char *a, const char *b)
{
	long long p[2], q[2];
	const char *at;

	while (next_range(&a, p))
		for (at = b; next_range(&at, q);)
			if (p[0] <= q[1] && q[0] <= p[1])
				return p[0] > q[0] ? p[0] : q[0];
	return -1;
}

const char *fim_kind(const struct fim_facts *f)
{
	return !strcmp(f->unit, "kfac") || !strcmp(f->unit, "attention") ? f->unit : "diagonal";
}

/* ---- to text ---------------------------------------------------------------------------- */

static void put(struct fim_meta *m, const char *key, const char *value)
{
	BUG_ON(m->nr == FIM_META_MAX);
	m->meta[m->nr++] = (struct st_meta){ key, value };
}

int fim_meta_make(struct fim_meta *m, const struct fim_facts *f, const struct fim_tensor *tensor,
		  int nr)
{
	m->nr = 0;
	strbuf_init(&m->tensors);
	for (int i = 0; i < nr; i++) {
		const struct fim_tensor *t = &tensor[i];

		strbuf_addf(&m->tensors, "%s%s %lld", i ? "\n" : "", t->name,
			    (long long)t->n[t->transposed]);
		if (t->nd == 2)
			strbuf_addf(&m->tensors, " %lld", (long long)t->n[!t->transposed]);
	}
	put(m, "format", "knlp fim");
	put(m, "version", FIM_VERSION);
	put(m, "scale", FIM_SCALE);
	for (int i = 0; i < NR_TEXTS; i++)
		put(m, texts[i].key, *text_of(f, i) ? *text_of(f, i) : "");
	for (int i = 0; i < NR_NUMBERS; i++) {
		snprintf(m->number[i], sizeof(m->number[i]), "%lld",
			 (long long)*number_of(f, i));
		put(m, numbers[i].key, m->number[i]);
	}
	put(m, "tensors", m->tensors.s);
	return strbuf_ok(&m->tensors);
}

void fim_meta_free(struct fim_meta *m)
{
	strbuf_free(&m->tensors);
}

/* ---- from text ---------------------------------------------------------------------------- */

static int want(const struct st *st, const char *key, const char **value)
{
	*value = st_metadata(st, key);
	if (!*value)
		return fail(-EINVAL, "%s: no '%s' in its metadata: not a FIM file", st_path(st),
			    key);
	return 0;
}

static int check_word(const struct st *st, const char *key, const char *right)
{
	const char *value;
	int ret = want(st, key, &value);

	if (!ret && strcmp(value, right))
		ret = fail(-EINVAL, "%s: %s is '%.40s', this program reads '%s'", st_path(st), key,
			   value, right);
	return ret;
}

static int read_number(const struct st *st, const char *key, int64_t *to)
{
	const char *value;
	long long number = 0;
	int ret = want(st, key, &value);

	if (!ret && (str_to_int(value, &number) || number < 0 || number > FIM_NUMBER_MOST))
		ret = fail(-EINVAL, "%s: %s is '%.40s': must be a whole number from 0 to 2^53",
			   st_path(st), key, value);
	*to = number;
	return ret;
}

int fim_facts_read(const struct st *st, struct fim_facts *f)
{
	int ret = check_word(st, "format", "knlp fim");

	memset(f, 0, sizeof(*f));
	if (!ret)
		ret = check_word(st, "version", FIM_VERSION);
	if (!ret)
		ret = check_word(st, "scale", FIM_SCALE);
	for (int i = 0; i < NR_TEXTS && !ret; i++) {
		const char *value;

		ret = want(st, texts[i].key, &value);
		if (ret)
			break;
		*text_of(f, i) = strdup(value);
		if (!*text_of(f, i))
			ret = fail_nomem(strlen(value), "metadata");
	}
	for (int i = 0; i < NR_NUMBERS && !ret; i++)
		ret = read_number(st, numbers[i].key, number_of(f, i));
	if (!ret && !f->tokens)
		ret = fail(-EINVAL, "%s: tokens is 0: an estimate of nothing", st_path(st));
	if (ret)
		fim_facts_free(f);
	return ret;
}

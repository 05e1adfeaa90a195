// SPDX-License-Identifier: MIT
/* Evaluations of models whose answers are known in closed form. */
#include <math.h>

#include "eval/choice.h"
#include "eval/kld.h"
#include "eval/ppl.h"
#include "io/json.h"
#include "tests/unit/eval-helper.h"

#define VOCAB 500
#define WIDTH 16

/* ---- weights ------------------------------------------------------------------------ */

/* struct weights - the file of weights in memory, and what its header says. */
struct weights {
	char *path, *bytes;
	size_t len, data;
	cJSON *header;
};

static void weights_open(struct eval_lab *lab, struct weights *w)
{
	uint64_t header;

	w->path = path_join(lab->folder, "model.safetensors");
	check_ok(file_read_all(w->path, 1 << 20, &w->bytes, &w->len));
	memcpy(&header, w->bytes, sizeof(header));
	w->data = sizeof(header) + header;
	check_ok(json_parse(w->path, w->bytes + sizeof(header), header, &w->header));
}

static void weights_close(struct weights *w)
{
	cJSON_Delete(w->header);
	free(w->bytes);
	free(w->path);
}

/* The next tensor behind @at (NULL: the first) with @part in its name. */
static const cJSON *weights_next(const struct weights *w, const cJSON *at, const char *part,
				 char **bytes, size_t *len)
{
	const cJSON *offsets;

	for (at = at ? at->next : w->header->child; at; at = at->next) {
		if (!strstr(at->string, part))
			continue;
		offsets = json_get(at, "data_offsets");
		*bytes = w->bytes + w->data + (size_t)offsets->child->valuedouble;
		*len = (size_t)(offsets->child->next->valuedouble - offsets->child->valuedouble);
		return at;
	}
	return NULL;
}

/* The weights of the first tensor with @part in its name. */
static void get_weights(struct eval_lab *lab, const char *part, float *out)
{
	struct weights w;
	char *bytes;
	size_t len;

	weights_open(lab, &w);
	CHECK(weights_next(&w, NULL, part, &bytes, &len));
	memcpy(out, bytes, len);
	weights_close(&w);
}

/* Open the model again with zeros in all tensors with @part in their names. */
static void zero_weights(struct eval_lab *lab, const char *part)
{
	const cJSON *at = NULL;
	struct weights w;
	int found = 0;
	char *bytes;
	size_t len;

	eval_model_close(&lab->em);
	weights_open(lab, &w);
	while ((at = weights_next(&w, at, part, &bytes, &len))) {
		memset(bytes, 0, len);
		found++;
	}
	CHECK(found);
	unlink(w.path);		/* a link to the file of the source tree */
	write_raw(w.path, w.bytes, w.len);
	weights_close(&w);
	check_ok(eval_model_open(lab->folder, "f32", lab->dev, &lab->em));
}

/*
 * struct bigram - ln p of the next token, given only this one: what is left of the model when
 * attention and MLP add nothing.
 */
struct bigram {
	float embed[VOCAB][WIDTH], head[VOCAB][WIDTH], norm[WIDTH];
};

static struct bigram *make_bigram(struct eval_lab *lab)
{
	struct bigram *b = malloc(sizeof(*b));

	CHECK(b);
	zero_weights(lab, "o_proj");
	zero_weights(lab, "down_proj");
	get_weights(lab, "embed_tokens", b->embed[0]);
	get_weights(lab, "lm_head", b->head[0]);
	get_weights(lab, "model.norm", b->norm);
	return b;
}

static double bigram_nll(const struct bigram *b, uint32_t now, uint32_t next)
{
	double x[WIDTH], square = 0, sum = 0, z[VOCAB];

	for (int i = 0; i < WIDTH; i++)
		square += (double)b->embed[now][i] * b->embed[now][i] / WIDTH;
	for (int i = 0; i < WIDTH; i++)
		x[i] = b->embed[now][i] / sqrt(square + 1e-5) * b->norm[i];
	for (int v = 0; v < VOCAB; v++) {
		z[v] = 0;
		for (int i = 0; i < WIDTH; i++)
			z[v] += x[i] * b->head[v][i];
		sum += exp(z[v]);
	}
	return log(sum) - z[next];
}

/* ---- perplexity --------------------------------------------------------------------- */

struct text_lab {
	struct eval_lab lab;
	struct bigram *b;
	struct eval_text text;
	struct token_list ids;
	char *file;
};

static void text_begin(struct text_lab *t)
{
	memset(t, 0, sizeof(*t));
	eval_lab_begin(&t->lab);
	t->b = make_bigram(&t->lab);
	t->file = tree_path("tests/data/tokenizer/corpus.txt");
	check_ok(eval_text_read(t->file, &t->text));
	check_ok(eval_encode(&t->lab.em, t->text.bytes, t->text.len, true, &t->ids));
}

static void text_end(struct text_lab *t)
{
	token_list_free(&t->ids);
	eval_text_free(&t->text);
	free(t->file);
	free(t->b);
	eval_lab_end(&t->lab);
}

/* Sum over tokens @first ... @last of the text, each predicted from the one before. */
static double expected(const struct text_lab *t, size_t first, size_t last)
{
	double nll = 0;

	for (size_t i = first; i <= last; i++)
		nll += bigram_nll(t->b, t->ids.ids[i - 1], t->ids.ids[i]);
	return nll;
}

static void check_unit(const struct eval_table *t, size_t u, double nll, double tokens)
{
	double got = t->column[table_find_column(t, "nll")].x[u];

	ck_assert_msg(fabs(got - nll) < tokens * 1e-4, "unit %zu: %.9g, not %.9g", u, got, nll);
	CHECK(t->column[table_find_column(t, "tokens")].x[u] == tokens);
}

/* Chunks of 64: positions 32 to 62 predict tokens 33 to 63. */
static void eval_planted_llama(void)
{
	struct ppl_options o = { PPL_LLAMA, 64, 0, 0 };
	struct eval_table *table;
	struct text_lab t;

	text_begin(&t);
	check_ok(ppl_run(&t.lab.em, &t.text, &o, &table));
	ck_assert_uint_eq(table->rows, t.ids.nr / 64);
	for (size_t u = 0; u < table->rows; u++)
		check_unit(table, u, expected(&t, 64 * u + 33, 64 * u + 63), 31);
	table_free(table);
	text_end(&t);
}
TEST_REGISTER(eval_planted_llama);

/* A bigram does not see its context: each token but the first counts once. */
static void eval_planted_sliding(void)
{
	static const int strides[] = { 1, 7, 33, 96 };
	struct eval_table *table;
	struct text_lab t;
	double nll;

	text_begin(&t);
	t.text.len = 900;
	t.ids.nr = 0;
	check_ok(eval_encode(&t.lab.em, t.text.bytes, t.text.len, true, &t.ids));
	nll = expected(&t, 1, t.ids.nr - 1);
	for (int i = 0; i < 3; i++) {
		struct ppl_options o = { PPL_SLIDING, 96, strides[i], 0 };

		check_ok(ppl_run(&t.lab.em, &t.text, &o, &table));
		CHECK(table_sum(table, "tokens") == t.ids.nr - 1);
		CHECK(fabs(table_sum(table, "nll") - nll) < 0.05);
		CHECK(table_sum(table, "bytes") < 900 && table_sum(table, "bytes") > 890);
		table_free(table);
	}
	text_end(&t);
}
TEST_REGISTER(eval_planted_sliding);

/* Windows that do not overlap lose the token that each begins with, as in the guide. */
static void eval_planted_disjoint(void)
{
	struct ppl_options o = { PPL_SLIDING, 96, 96, 0 };
	struct eval_table *table;
	struct text_lab t;

	text_begin(&t);
	check_ok(ppl_run(&t.lab.em, &t.text, &o, &table));
	CHECK(table_sum(table, "tokens") == (double)(t.ids.nr - table->rows));
	check_unit(table, 0, expected(&t, 1, 95), 95);
	check_unit(table, 1, expected(&t, 97, 191), 95);
	table_free(table);
	text_end(&t);
}
TEST_REGISTER(eval_planted_disjoint);

static void eval_planted_document(void)
{
	struct ppl_options o = { PPL_DOCUMENT, 16, 0, 0 };
	struct eval_table *table;
	struct text_lab t;
	double nll;

	text_begin(&t);
	nll = bigram_nll(t.b, eval_prefix_token(&t.lab.em), t.ids.ids[0]) +
	      expected(&t, 1, t.ids.nr - 1);
	check_ok(ppl_run(&t.lab.em, &t.text, &o, &table));
	CHECK(table->rows == 1);
	check_unit(table, 0, nll, (double)t.ids.nr);
	CHECK(table_sum(table, "bytes") == (double)t.text.len);
	table_free(table);
	text_end(&t);
}
TEST_REGISTER(eval_planted_document);

/* ---- constant predictions ----------------------------------------------------------- */

/* Every token has p = 1 / V: each ending has the same mean, and the first one is chosen. */
static void eval_planted_constant(void)
{
	const struct eval_task *task = eval_task_find("hellaswag");
	char *path = eval_path("hellaswag.txt");
	struct ppl_options o = { PPL_LLAMA, 64, 0, 0 };
	struct eval_items items;
	struct eval_table *table;
	struct eval_text text;
	struct eval_lab lab;
	double firsts = 0;

	eval_lab_begin(&lab);
	zero_weights(&lab, "lm_head");
	check_ok(eval_text_read(path, &text));
	check_ok(items_read(task, &text, 0, &items));
	check_ok(choice_run(&lab.em, task, &text, &items, &table));
	for (size_t i = 0; i < items.nr; i++)
		firsts += items.item[i].gold == 0;
	CHECK(firsts > 0 && table_sum(table, "acc_norm_token") == firsts);
	table_free(table);
	items_free(&items);
	eval_text_free(&text);
	free(path);
	path = tree_path("tests/data/tokenizer/corpus.txt");
	check_ok(eval_text_read(path, &text));
	check_ok(ppl_run(&lab.em, &text, &o, &table));
	CHECK(fabs(table_estimate(table, 0).value - log(VOCAB)) < 1e-5);
	CHECK(table_estimate(table, 0).error < 1e-9 && ppl_token_error(table) < 1e-4);
	table_free(table);
	eval_text_free(&text);
	free(path);
	eval_lab_end(&lab);
}
TEST_REGISTER(eval_planted_constant);

static void eval_white_space(void)
{
	static const struct { const char *s; size_t len; } rows[] = {
		{ "", 0 }, { "a", 1 }, { "a \t\n\v\f\r", 1 }, { " a", 2 }, { " \n", 0 },
		{ "a\xc2\xa0", 1 }, { "a\xe2\x80\x8a\xe3\x80\x80", 1 }, { "a\xe2\x80\x8b", 4 },
		{ "\xc3\xa0", 2 }, { "a\x1f\x1c", 1 }, { "a\xc2\x85", 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(choice_strip(rows[i].s, strlen(rows[i].s)) == rows[i].len,
			      "row %zu", i);
}
TEST_REGISTER(eval_white_space);

/* ---- divergence ---------------------------------------------------------------------- */

#define NR 50

/*
 * From NumPy: the definition in fp64, and perplexity.cpp with floats where it has floats.  The
 * base's logits span 19.2, so that eleven of them are cut off.
 */
static void eval_kld_positions(void)
{
	static const struct {
		int target;
		bool parity;
		double kld, nll, nll_base, delta_p;
	} rows[] = {
		{ 0, false, 7.914269127625294, 15.660106418493545, 19.70273975159068,
		  1.5531454398102043e-07 },
		{ 49, false, 7.914269127625294, 1.945820567968644, 4.702739751590681,
		  0.13379954832215699 },
		{ 0, true, 7.91436589176277, 15.660106658935547, 17.3027400970459,
		  1.275036538572749e-07 },
		{ 11, true, 7.91436589176277, 15.231534957885742, 17.3027400970459,
		  2.1209140754763212e-07 },
		{ 49, true, 7.91436589176277, 1.9458208084106445, 4.702693939208984,
		  0.13379909098148346 },
	};
	float z[NR], base[NR];

	for (int i = 0; i < NR; i++) {
		z[i] = (float)(i * 37 % 101) / 7 - 3;
		base[i] = (float)(i * 53 % 97) / 5;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kld_position p = kld_position(z, base, NR, rows[i].target, rows[i].parity);

		ck_assert_msg(fabs(p.kld - rows[i].kld) < 2e-6 &&
			      fabs(p.nll - rows[i].nll) < 2e-6 &&
			      fabs(p.nll_base - rows[i].nll_base) < 2e-6 &&
			      fabs(p.delta_p - rows[i].delta_p) < 1e-6 * rows[i].delta_p + 1e-8,
			      "row %zu: %.9g %.9g %.9g %.9g", i, p.kld, p.nll, p.nll_base,
			      p.delta_p);
		CHECK(!p.same_top);
		p = kld_position(base, base, NR, rows[i].target, false);
		CHECK(p.same_top && fabs(p.kld) < 1e-12 && p.delta_p == 0);
	}
}
TEST_REGISTER(eval_kld_positions);

/* Against itself; and against uniform predictions, where the divergence is ln V - H. */
static void eval_kld_models(void)
{
	struct kld_options o = { 64, 3, false };
	char *path = tree_path("tests/data/tokenizer/corpus.txt");
	struct eval_lab lab, uniform;
	struct kld_result r;
	struct eval_text text;

	eval_lab_begin(&lab);
	eval_lab_begin(&uniform);
	zero_weights(&uniform, "lm_head");
	check_ok(eval_text_read(path, &text));
	check_ok(kld_run(&lab.em, &lab.em, &text, &o, &r));
	CHECK(r.nr == 3 * 31 && r.table->rows == 3 && r.table->rows_all > 3);
	for (size_t i = 0; i < r.nr; i++)
		CHECK(fabs(r.kld[i]) < 1e-9 && r.same_top[i] == 1 && r.nll[i] == r.nll_base[i]);
	kld_result_free(&r);
	check_ok(kld_run(&lab.em, &uniform.em, &text, &o, &r));
	CHECK(stats_mean(r.kld, r.nr).value > 1);
	for (size_t i = 0; i < r.nr; i++)
		CHECK(fabs(r.nll_base[i] - log(VOCAB)) < 1e-5);
	CHECK(fabs(table_estimate(r.table, 0).value - stats_mean(r.kld, r.nr).value) < 1e-9);
	kld_result_free(&r);
	eval_text_free(&text);
	free(path);
	eval_lab_end(&lab);
	eval_lab_end(&uniform);
}
TEST_REGISTER(eval_kld_models);

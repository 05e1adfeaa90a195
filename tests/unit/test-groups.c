// SPDX-License-Identifier: MIT
/*
 * Parameter groups: which rule a parameter falls under, what it sets, and every error.
 */
#include <stdlib.h>

#include "base/config.h"
#include "base/strbuf.h"
#include "optim/groups.h"
#include "optim/optim.h"
#include "tests/unit/test.h"

#define NR(array) ((int)(sizeof(array) / sizeof(array[0])))

/* The parameters of a small model that is not tied. */
static const struct {
	const char *name;
	enum weight_kind kind;
	int nd;
	int64_t n[2];
} model[] = {
	{ "wte.weight", WEIGHT_EMBEDDING, 2, { 7, 4 } },
	{ "h.0.ln.weight", WEIGHT_NORM, 1, { 4 } },
	{ "h.0.attn.weight", WEIGHT_MATRIX, 2, { 12, 4 } },
	{ "h.0.attn.bias", WEIGHT_BIAS, 1, { 12 } },
	{ "h.1.attn.weight", WEIGHT_MATRIX, 2, { 12, 4 } },
	{ "head.weight", WEIGHT_HEAD, 2, { 7, 4 } },
};

struct lab {
	struct config *cfg;
	struct optim_groups *g;
	int at[NR(model)];	/* the group of each */
};

/* @more: assignments, one a line. */
static int make_groups(struct lab *lab, const char *more)
{
	char *text = str_printf("OPTIM_NAME=adamw\nOPTIM_WEIGHT_DECAY=auto\n"
			       "OPTIM_MUON_LR=0.02\nTRAIN_LR=0.01\n%s", more), *save = NULL;
	int ret;

	memset(lab, 0, sizeof(*lab));
	lab->cfg = config_new();
	CHECK(lab->cfg);
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		check_ok(config_set(lab->cfg, l));
	free(text);
	ret = optim_groups_new(lab->cfg, &lab->g);
	for (int i = 0; i < NR(model) && !ret; i++) {
		lab->at[i] = optim_groups_place(lab->g, model[i].name, model[i].kind, model[i].nd,
						model[i].n);
		ret = lab->at[i] < 0 ? lab->at[i] : 0;
	}
	return ret ? ret : optim_groups_check(lab->g);
}

static void lab_end(struct lab *lab)
{
	optim_groups_free(lab->g);
	config_free(lab->cfg);
}

static void check_group(const struct lab *lab, int param, const char *optimizer, double lr_scale,
			double decay)
{
	const struct optim_group *s = &lab->g->group[lab->at[param]];

	ck_assert_str_eq(s->optimizer->name, optimizer);
	ck_assert_double_eq_tol(s->lr_scale, lr_scale, 1e-12);
	ck_assert_double_eq_tol(s->decay, decay, 1e-12);
}

START_TEST(without_rules)
{
	struct lab lab;
	char text[GROUP_TEXT];

	check_ok(make_groups(&lab, "OPTIM_WEIGHT_DECAY=0.2"));
	ck_assert_int_eq(lab.g->nr, 2);
	for (int i = 0; i < NR(model); i++)
		check_group(&lab, i, "adamw", 1, model[i].nd > 1 ? 0.2 : 0);
	ck_assert_str_eq(optim_group_text(lab.g, lab.at[0], text),
			 "adamw, learning rate 0.01, decay 0.2: 4 tensors, 152 parameters");
	ck_assert_str_eq(optim_group_text(lab.g, lab.at[1], text),
			 "adamw, learning rate 0.01, decay 0: 2 tensors, 16 parameters");
	lab_end(&lab);
	check_ok(make_groups(&lab, "OPTIM_WEIGHT_DECAY=0.2\nOPTIM_DECAY_1D=y"));
	ck_assert_int_eq(lab.g->nr, 1);
	lab_end(&lab);
}
END_TEST

/* What `auto` stands for depends on the optimizer, and so does who has the vectors. */
START_TEST(of_optimizers)
{
	struct lab lab;

	check_ok(make_groups(&lab, "OPTIM_NAME=sgd"));
	check_group(&lab, 2, "sgd", 1, 1e-4);
	check_group(&lab, 3, "sgd", 1, 0);
	lab_end(&lab);
	check_ok(make_groups(&lab, "OPTIM_NAME=muon\nOPTIM_MUON_LR=0.03"));
	for (int i = 0; i < NR(model); i++)
		if (model[i].kind == WEIGHT_MATRIX)
			check_group(&lab, i, "muon", 3, 0.1);
		else
			check_group(&lab, i, "adamw", 1, model[i].nd > 1 ? 0.1 : 0);
	lab_end(&lab);
	check_ok(make_groups(&lab, "OPTIM_NAME=muon\nTRAIN_LR=0"));
	check_group(&lab, 2, "muon", 0, 0.1);	/* nobody moves */
	lab_end(&lab);
}
END_TEST

START_TEST(first_rule_counts)
{
	struct lab lab;

	check_ok(make_groups(&lab, "OPTIM_WEIGHT_DECAY=0.2\nOPTIM_GROUPS="
			     " embedding + head : lr_scale = 0.5 ;; /h\\.1.*(weight|bias)$/:"
			     "decay=0.3,optimizer=sgd; matrix+embedding:lr_scale=2;"
			     "norm:decay=0.1 ;"));
	check_group(&lab, 0, "adamw", 0.5, 0.2);
	check_group(&lab, 1, "adamw", 1, 0.1);
	check_group(&lab, 2, "adamw", 2, 0.2);
	check_group(&lab, 3, "adamw", 1, 0);
	check_group(&lab, 4, "sgd", 1, 0.3);
	check_group(&lab, 5, "adamw", 0.5, 0.2);
	ck_assert_int_eq(lab.at[0], lab.at[5]);	/* equal settings, one group */
	ck_assert_int_eq(lab.g->nr, 5);
	lab_end(&lab);
}
END_TEST

/* A regular expression may hold what divides rules. */
START_TEST(regex_with_dividers)
{
	struct lab lab;

	check_ok(make_groups(&lab, "OPTIM_GROUPS=/[;:,=]|attn.weight/:lr_scale=0.5;norm:decay=1"));
	check_group(&lab, 2, "adamw", 0.5, 0.1);
	check_group(&lab, 3, "adamw", 1, 0);
	lab_end(&lab);
}
END_TEST

/* What a rule gives to Muon has Muon's learning rate; what it takes away has not. */
START_TEST(rules_and_muon)
{
	struct lab lab;

	check_ok(make_groups(&lab, "OPTIM_MUON_LR=0.05\nOPTIM_GROUPS="
			     "matrix:optimizer=muon,lr_scale=0.5;head:optimizer=sgd"));
	check_group(&lab, 0, "adamw", 1, 0.1);
	check_group(&lab, 2, "muon", 2.5, 0.1);
	check_group(&lab, 5, "sgd", 1, 0.1);
	lab_end(&lab);
	check_ok(make_groups(&lab, "OPTIM_NAME=muon\nOPTIM_GROUPS=/h.1/:optimizer=adamw"));
	check_group(&lab, 2, "muon", 2, 0.1);
	check_group(&lab, 4, "adamw", 1, 0.1);
	lab_end(&lab);
}
END_TEST

static const struct { const char *rules, *says; } refused[] = {
	{ "embed:decay=0", "'embed' is neither a kind" },
	{ "matrix+heads:decay=0", "'heads' is neither a kind" },
	{ ":decay=0", "a rule without selector" },
	{ "+:decay=0", "a rule without selector" },
	{ "matrix", "'matrix' is not SELECTOR:KEY=VALUE" },
	{ "/h.0:decay=0", "is not SELECTOR:KEY=VALUE" },
	{ "/h.0/x:decay=0", "is not a /regular expression/" },
	{ "//:decay=0", "is not a /regular expression/" },
	{ "/h.(/:decay=0", "/h.(/: " },
	{ "matrix:", "'matrix' sets nothing" },
	{ "matrix:decay", "'decay' is not KEY=VALUE" },
	{ "matrix:rate=1", "unknown key 'rate'; there are optimizer, lr_scale, decay" },
	{ "matrix:decay=-1", "decay=-1 is not a number from 0 to 10" },
	{ "matrix:decay=nan", "decay=nan is not a number" },
	{ "matrix:lr_scale=fast", "lr_scale=fast is not a number from 0 to 1e+06" },
	{ "matrix:lr_scale=", "lr_scale= is not a number" },
	{ "matrix:optimizer=adam", "'adam'" },
	{ "norm:optimizer=muon", "muon updates matrices, and 'h.0.ln.weight' is none" },
	{ "matrix:decay=0;/attn.weight/:decay=1", "'/attn.weight/' matches no parameter" },
	{ "/wpe/:decay=0", "'/wpe/' matches no parameter" },
};

START_TEST(errors)
{
	char *rules = str_printf("OPTIM_GROUPS=%s", refused[_i].rules);
	struct lab lab;

	check_fails(make_groups(&lab, rules), -EINVAL, refused[_i].says);
	CHECK(strstr(fail_message(), "OPTIM_GROUPS"));
	free(rules);
	lab_end(&lab);
}
END_TEST

static void add_rules(struct strbuf *sb, int nr, const char *format)
{
	strbuf_init(sb);
	strbuf_addf(sb, "OPTIM_GROUPS=");
	for (int i = 0; i < nr; i++)
		strbuf_addf(sb, format, i, i + 2);
}

START_TEST(too_many)
{
	struct optim_groups *g;
	int64_t n[] = { 4, 4 };
	struct config *cfg = config_new();
	struct strbuf sb;
	char name[] = "w0";

	add_rules(&sb, GROUP_RULES_MAX + 1, "/w%d/:lr_scale=%d;");
	check_ok(config_set(cfg, sb.s));
	check_fails(optim_groups_new(cfg, &g), -E2BIG, "more than 32 rules");
	strbuf_free(&sb);
	add_rules(&sb, GROUP_MAX + 1, "/w%d/:lr_scale=%d;");
	check_ok(config_set(cfg, sb.s));
	check_ok(optim_groups_new(cfg, &g));
	for (int i = 0; i < GROUP_MAX; i++, name[1]++)
		ck_assert_int_eq(optim_groups_place(g, name, WEIGHT_MATRIX, 2, n), i);
	check_fails(optim_groups_place(g, name, WEIGHT_MATRIX, 2, n), -E2BIG, "more than 8 groups");
	CHECK(strstr(fail_message(), "'w8'"));
	strbuf_free(&sb);
	optim_groups_free(g);
	config_free(cfg);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, without_rules);
	tcase_add_test(tc, of_optimizers);
	tcase_add_test(tc, first_rule_counts);
	tcase_add_test(tc, regex_with_dividers);
	tcase_add_test(tc, rules_and_muon);
	tcase_add_loop_test(tc, errors, 0, NR(refused));
	tcase_add_test(tc, too_many);
}
TEST_REGISTER(groups, add);

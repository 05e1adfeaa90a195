// SPDX-License-Identifier: MIT
/* Plans: what is read, and what is refused with the line that is wrong. */
#include "experiment/experiment.h"

#include <math.h>

#include "tests/unit/data-helper.h"

/* A plan without faults; the tests change one line of it. */
static const char *const lines[] = {
	"experiment: good",
	"hypothesis: More is better.",
	"data: data/x",
	"metric: {name: loss, from: eval.loss, better: lower, unit: nats/token}",
	"delta: 0.01",
	"seeds: [1, 2, 3, 4, 5]",
	"vary: [TRAIN_LR, OPTIM_NAME]",
	"arms:",
	"  plain: {role: baseline}",
	"  twin: {role: control, expect: same}",
	"  more: {role: primary, expect: better, what: a higher rate}",
	"measure:",
	"  - {name: info, run: [info, \"{model}\", --json]}",
	"at: [0.25, 1]",
};
#define LINES ((int)(sizeof(lines) / sizeof(lines[0])))

/* The plan with @text in the place of line @nr (from 1); 0: as it is. */
static int parse(int nr, const char *text, struct experiment **e)
{
	struct strbuf sb;
	int ret;

	strbuf_init(&sb);
	for (int i = 0; i < LINES; i++)
		strbuf_addf(&sb, "%s\n", i + 1 == nr ? text : lines[i]);
	ret = experiment_parse("plan.yaml", sb.s, sb.len, e);
	strbuf_free(&sb);
	return ret;
}

static void plan_reads(void)
{
	struct experiment *e;

	CHECK(!parse(0, NULL, &e));
	CHECK(!strcmp(e->name, "good") && !strcmp(e->hypothesis, "More is better."));
	CHECK(!strcmp(e->metric.from, "eval.loss") && e->metric.lower && e->delta == 0.01);
	CHECK(e->nr_seeds == 5 && e->seeds[4] == 5 && e->nr_vary == 2);
	CHECK(e->nr_arms == 3 && e->baseline == 0 && e->primary == 2);
	CHECK(e->arms[1].role == ARM_CONTROL && e->arms[1].expect == EXPECT_SAME);
	CHECK(!strcmp(e->arms[2].what, "a higher rate") && e->arms[2].line == 11);
	CHECK(experiment_arm(e, "more") == 2 && experiment_arm(e, "mor") == -1);
	CHECK(e->nr_measures == 1 && !strcmp(e->measures[0].argv[2], "--json"));
	CHECK(e->nr_at == 2 && e->at[0] == 0.25 && !strcmp(e->at_text[0], "0.25"));
	experiment_free(e);
	CHECK(!parse(14, "", &e));
	CHECK(e->nr_at == 1 && e->at[0] == 1 && !strcmp(e->at_text[0], "1"));
	experiment_free(e);
}
TEST_REGISTER(plan_reads);

static const struct {
	int nr;				/* the line that is changed */
	const char *text;
	const char *message;
} faults[] = {
	{ 1, "experiment: a b", "plan.yaml:1: 'a b' is no name" },
	{ 1, "experiment: ../x", "plan.yaml:1: '../x' is no name" },
	{ 1, "", "plan.yaml:2: key 'experiment' is missing" },
	{ 1, "experiment: x\nexperiment: y", "experiment" },
	{ 1, "experiment: {a: b}", "plan.yaml:1: 'experiment' is not a text" },
	{ 2, "hypothesis: ''", "plan.yaml:2: 'hypothesis' is empty" },
	{ 2, "hypotesis: x", "plan.yaml:2: unknown key 'hypotesis'" },
	{ 3, "data: []", "plan.yaml:3: 'data' is not a text" },
	{ 4, "metric: eval.loss", "plan.yaml:4: 'metric' is not a mapping" },
	{ 4, "metric: {name: x, from: loss, better: lower}", "plan.yaml:4: 'from' is 'loss'" },
	{ 4, "metric: {name: x, from: info, better: lower}", "say which number" },
	{ 4, "metric: {name: x, from: info., better: lower}", "say which number" },
	{ 4, "metric: {name: x, from: eval.loss, better: low}", "'better' is 'low': it may be "
		"higher, lower" },
	{ 4, "metric: {name: x, from: eval.loss}", "plan.yaml:4: key 'better' is missing" },
	{ 4, "metric: {name: x, from: eval.loss, better: lower, units: x}", "key 'units'" },
	{ 5, "delta: 0", "plan.yaml:5: 'delta' is not above 0" },
	{ 5, "delta: .nan", "plan.yaml:5: 'delta' is not above 0" },
	{ 5, "delta: .inf", "plan.yaml:5: 'delta' is not above 0" },
	{ 5, "delta: small", "plan.yaml:5: 'delta' is not a number" },
	{ 6, "seeds: [1, 2, 3, 4]", "plan.yaml:6: 4 seeds are too few" },
	{ 6, "seeds: [1, 2, 3, 4, 3]", "plan.yaml:6: seed 3 is there twice" },
	{ 6, "seeds: [1, 2, 3, 4, -5]", "plan.yaml:6: a seed is a number 0..4294967295" },
	{ 6, "seeds: [1, 2, 3, 4, 4294967296]", "plan.yaml:6: a seed is" },
	{ 6, "seeds: []", "plan.yaml:6: 'seeds' is empty" },
	{ 6, "seeds: 5", "plan.yaml:6: 'seeds' is not a list" },
	{ 7, "vary: [TRAIN_RL]", "plan.yaml:7: 'vary': 'TRAIN_RL' is no parameter: did you mean "
		"TRAIN_LR?" },
	{ 7, "vary: [CONFIG_TRAIN_LR]", "'CONFIG_TRAIN_LR' is no parameter" },
	{ 7, "vary: [TRAIN_SEED]", "plan.yaml:7: 'vary': TRAIN_SEED" },
	{ 7, "vary: [TRAIN_LR, TRAIN_LR]", "plan.yaml:7: 'vary': TRAIN_LR is there twice" },
	{ 9, "  plain: {role: arm}", "plan.yaml:9: 'arms' have no baseline" },
	{ 9, "  plain: {role: primary}", "plan.yaml:11: 'plain' and 'more' are both the primary" },
	{ 9, "  plain: {role: base}", "plan.yaml:9: 'role' is 'base': it may be baseline, " },
	{ 9, "  plain: {what: x}", "plan.yaml:9: key 'role' is missing" },
	{ 9, "  plain: {role: baseline, expect: same}", "plan.yaml:9: 'plain' is the baseline" },
	{ 10, "  twin: {role: baseline}", "'plain' and 'twin' are both the baseline" },
	{ 10, "  plain: {role: control}", "plain" },
	{ 10, "  tw/in: {role: control}", "plan.yaml:10: 'tw/in' is no name" },
	{ 10, "  twin: control", "plan.yaml:10: 'twin' is no arm" },
	{ 11, "  more: {role: primary, expect: good}", "'expect' is 'good': it may be better" },
	{ 11, "  more: {role: primary, rol: x}", "plan.yaml:11: unknown key 'rol'" },
	{ 13, "  - {name: info}", "plan.yaml:13: key 'run' is missing" },
	{ 13, "  - {name: info, run: []}", "plan.yaml:13: 'run' is empty" },
	{ 13, "  - {name: info, run: [[a]]}", "is not a text" },
	{ 13, "  - {name: info, run: [\"{modl}\"]}", "plan.yaml:13: '{modl}' in '{modl}'" },
	{ 13, "  - {name: info, run: [\"x{model\"]}", "plan.yaml:13: '{model' in" },
	{ 13, "  - {name: a.b, run: [info]}", "a measure cannot be called 'a.b'" },
	{ 13, "  - {name: a, run: [info], in: plain}", "'in' is 'plain': it is baseline" },
	{ 13, "  - {name: eval, run: [info]}", "a measure cannot be called 'eval'" },
	{ 13, "  - {name: a, run: [x]}\n  - {name: a, run: [y]}", "plan.yaml:14: measure 'a' is "
		"there twice" },
	{ 14, "at: [0.5, 0.5, 1]", "plan.yaml:14: 'at': 0.5 does not follow 0.5" },
	{ 14, "at: [0.5]", "plan.yaml:14: 'at' ends with 0.5" },
	{ 14, "at: [0, 1]", "plan.yaml:14: a share" },
	{ 14, "at: [1.5]", "plan.yaml:14: a share" },
};

static void plan_faults(void)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct experiment *e;
		int ret = parse(faults[i].nr, faults[i].text, &e);

		ck_assert_msg(ret == -EINVAL && !e, "line %d '%s': %d", faults[i].nr,
			      faults[i].text, ret);
		CHECK(message_has(faults[i].message));
		fail_clear();
	}
}
TEST_REGISTER(plan_faults);

/* ---- with its configurations --------------------------------------------------------- */

static const char base[] = "CONFIG_TRAIN_LR=\"1e-3\"\nCONFIG_MODEL_WIDTH=32\n";

static void put(const char *dir, const char *name, const char *text)
{
	char *path = path_join(dir, name);

	write_raw(path, text, strlen(text));
	free(path);
}

/* A folder DIR/good with the plan above, and the primary arm's fragment. */
static char *plan_folder(const char *scratch, const char *more)
{
	char *dir = path_join(scratch, "good");
	struct strbuf sb;

	CHECK(!dir_make(dir));
	strbuf_init(&sb);
	for (int i = 0; i < LINES; i++)
		strbuf_addf(&sb, "%s\n", lines[i]);
	put(dir, "plan.yaml", sb.s);
	put(dir, "defconfig", base);
	put(dir, "more.config", more);
	strbuf_free(&sb);
	return dir;
}

static void plan_arms_match(void)
{
	char *scratch = scratch_make();
	char *dir = plan_folder(scratch, "CONFIG_TRAIN_LR=\"2e-3\"\nCONFIG_RUN_THREADS=\"3\"\n");
	char hash[HASH_HEX];
	struct experiment *e;

	CHECK(!experiment_read(dir, &e));
	CHECK(!strcmp(config_text(e->arms[0].cfg, PARAM_TRAIN_LR), "0.001"));
	CHECK(!strcmp(config_text(e->arms[1].cfg, PARAM_TRAIN_LR), "0.001"));
	CHECK(!strcmp(config_text(e->arms[2].cfg, PARAM_TRAIN_LR), "0.002"));
	CHECK(config_int(e->arms[2].cfg, PARAM_MODEL_WIDTH) == 32);
	CHECK(!e->arms[1].fragment && e->arms[2].fragment);
	strcpy(hash, e->hash);
	experiment_free(e);
	/* A comment is an edit, too. */
	put(dir, "defconfig", "# more\nCONFIG_TRAIN_LR=\"1e-3\"\nCONFIG_MODEL_WIDTH=32\n");
	CHECK(!experiment_read(dir, &e));
	CHECK(strcmp(e->hash, hash));
	experiment_free(e);
	scratch_remove(scratch);
	free(dir);
}
TEST_REGISTER(plan_arms_match);

static const struct {
	const char *fragment, *message;
} unmatched[] = {
	{ "CONFIG_TRAIN_LR=\"2e-3\"\nCONFIG_TRAIN_TOKENS=\"4M\"\n",
	  "more.config: arm 'more' changes TRAIN_TOKENS: 4000000, 'plain' has 2000000" },
	{ "CONFIG_TRAIN_LR=\"2e-3\"\nCONFIG_MODEL_WIDTH=64\n", "changes MODEL_WIDTH: 64" },
	{ "CONFIG_TRAIN_LR=\"2e-3\"\nCONFIG_TRAIN_SEED=9\n", "sets TRAIN_SEED" },
	{ "CONFIG_TRAIN_LRR=\"2e-3\"\n", "more.config" },
	{ "", "arm 'more' has the configuration of the baseline" },
};

static void plan_arms_refused(void)
{
	for (size_t i = 0; i < sizeof(unmatched) / sizeof(unmatched[0]); i++) {
		char *scratch = scratch_make(), *dir = plan_folder(scratch, unmatched[i].fragment);
		struct experiment *e;

		CHECK(experiment_read(dir, &e) == -EINVAL && message_has(unmatched[i].message));
		scratch_remove(scratch);
		free(dir);
	}
}
TEST_REGISTER(plan_arms_refused);

static void plan_folder_refused(void)
{
	char *scratch = scratch_make();
	char *dir = plan_folder(scratch, "CONFIG_TRAIN_LR=\"2e-3\"\n");
	char *other = path_join(scratch, "other"), *file = path_join(other, "defconfig");
	struct experiment *e;

	put(dir, "mroe.config", "");
	CHECK(experiment_read(dir, &e) == -EINVAL && message_has("mroe.config: "));
	CHECK(!rename(dir, other));
	CHECK(experiment_read(other, &e) == -EINVAL && message_has("folder 'other'"));
	CHECK(!remove(file));
	CHECK(experiment_read(other, &e) == -ENOENT && message_has("no file 'defconfig'"));
	CHECK(experiment_read(scratch, &e) == -ENOENT && message_has("no file 'plan.yaml'"));
	scratch_remove(scratch);
	free(file);
	free(other);
	free(dir);
}
TEST_REGISTER(plan_folder_refused);

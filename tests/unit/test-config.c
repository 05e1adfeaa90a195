// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/dotconfig.h"
#include "base/log.h"
#include "tests/unit/test.h"

RENAMED_REGISTER(TEST_OLD_NAME, TRAIN_LR);

static const char *const kinds[] = { "full", "window", NULL };
static const char *const yes_no[] = { "auto", "yes", "no", NULL };

#define WORDS(type_text) .words = &(const struct param_words){ .type = (type_text) }

static const struct param a_bool = { .name = "T_BOOL", .type = PARAM_BOOL, WORDS("bool") };
static const struct param an_int = { .name = "T_INT", .type = PARAM_INT, .min = -5, .max = 1000,
				     WORDS("int -5..1000 or auto"), .may_be_auto = true };
static const struct param a_float = { .name = "T_FLOAT", .type = PARAM_FLOAT, .min = -10,
				      .max = 1e300, WORDS("float -10..1e300") };
static const struct param a_choice = { .name = "T_CHOICE", .type = PARAM_CHOICE,
				       WORDS("one of auto yes no"), .choices = yes_no,
				       .may_be_auto = true };
static const struct param a_list = { .name = "T_LIST", .type = PARAM_LIST,
				     WORDS("per-layer list of full window"),
				     .choices = kinds };
static const struct param tokens = { .name = "T_TOKENS", .type = PARAM_TOKENS,
				     .max = PARAM_TOKENS_MAX, WORDS("tokens") };
static const struct param a_string = { .name = "T_STRING", .type = PARAM_STRING,
				       WORDS("string") };

static const struct {
	const struct param *p;
	const char *text, *canonical;
} good[] = {
	{ &a_bool, "y", "y" }, { &a_bool, "n", "n" },
	{ &an_int, "12", "12" }, { &an_int, "007", "7" }, { &an_int, "-5", "-5" },
	{ &an_int, "auto", "auto" },
	{ &a_float, "3e-4", "0.0003" }, { &a_float, "0.00030", "0.0003" },
	{ &a_float, ".5", "0.5" }, { &a_float, "1e0", "1" }, { &a_float, "-0", "0" },
	{ &a_float, "-0.0", "0" }, { &a_float, "1e-8", "1e-8" }, { &a_float, "10e-9", "1e-8" },
	{ &a_float, "1e-6", "0.000001" }, { &a_float, "1e-7", "1e-7" },
	{ &a_float, "123456.75", "123456.75" }, { &a_float, "1e15", "1000000000000000" },
	{ &a_float, "1e16", "1e16" }, { &a_float, "1.5e+20", "1.5e20" }, { &a_float, "10", "10" },
	{ &a_float, "0.1", "0.1" }, { &a_float, "0.30000000000000004", "0.30000000000000004" },
	{ &a_float, "-2.5", "-2.5" },
	{ &a_choice, "yes", "yes" }, { &a_choice, "auto", "auto" },
	{ &a_choice, "y", "yes" }, { &a_choice, "n", "no" }, { &a_bool, "yes", "y" },
	{ &a_bool, "no", "n" }, { &tokens, "2e6", "2000000" }, { &tokens, "1.5e+3", "1500" },
	{ &a_list, "full", "full" }, { &a_list, "full*1", "full*1" },
	{ &a_list, "full,full", "full*2" }, { &a_list, "full*2,window*1", "full*2,window" },
	{ &a_list, " full , full*3 ,window", "full*4,window" },
	{ &tokens, "15000000", "15000000" }, { &tokens, "15M", "15000000" },
	{ &tokens, "1.5G", "1500000000" }, { &tokens, "0.25k", "250" }, { &tokens, "0", "0" },
	{ &tokens, "2.0", "2" }, { &tokens, "64K", "64000" }, { &tokens, "1T", "1000000000000" },
	{ &a_string, "a \"b\" \\c", "a \"b\" \\c" }, { &a_string, "", "" },
};

static const struct {
	const struct param *p;
	const char *text, *says;
	int code;
} bad[] = {
	{ &a_bool, "on", "must be y or n", -EINVAL }, { &a_bool, "", "must be", -EINVAL },
	{ &an_int, "1001", "out of range: int -5..1000", -ERANGE },
	{ &an_int, "-6", "out of range", -ERANGE }, { &an_int, "1.5", "T_INT: '1.5'", -EINVAL },
	{ &an_int, "99999999999999999999", "out of range", -ERANGE },
	{ &an_int, "Auto", "not of type", -EINVAL },
	{ &a_float, "x", "not of type", -EINVAL }, { &a_float, "nan", "not of type", -EINVAL },
	{ &a_float, "inf", "not of type", -EINVAL }, { &a_float, "1e301", "range", -ERANGE },
	{ &a_float, "-11", "out of range", -ERANGE }, { &a_float, "auto", "not of", -EINVAL },
	{ &a_float, "1 ", "not of type", -EINVAL }, { &a_float, "", "is empty", -EINVAL },
	{ &a_choice, "yess", "did you mean 'yes'?", -EINVAL },
	{ &a_choice, "perhaps", "must be auto, yes or no", -EINVAL },
	{ &a_list, "", "per-layer list of", -EINVAL }, { &a_list, "full,", "list of", -EINVAL },
	{ &a_list, "windw*2", "did you mean 'window'?", -EINVAL },
	{ &a_list, "full*0", "must be 1 to", -EINVAL }, { &a_list, "full*", "1 to", -EINVAL },
	{ &a_list, "full*x", "must be 1 to", -EINVAL }, { &a_list, "full*-1", "1 to", -EINVAL },
	{ &a_list, "full*99999,window*99999", "more than", -ERANGE },
	{ &tokens, "1.5", "whole number", -EINVAL }, { &tokens, "1m", "15M", -EINVAL },
	{ &tokens, "M", "not a number of tokens", -EINVAL }, { &tokens, ".", "15M", -EINVAL },
	{ &tokens, "-1", "not a number", -EINVAL }, { &tokens, "1Mx", "15M", -EINVAL },
	{ &tokens, "1.2.3M", "15M", -EINVAL }, { &tokens, "0.0001k", "whole", -EINVAL },
	{ &tokens, "99999T", "out of range", -ERANGE },
	{ &tokens, "1e400", "out of range", -ERANGE }, { &tokens, "1e-3", "2e6", -EINVAL },
	{ &tokens, "1e", "15M", -EINVAL }, { &tokens, "2e6k", "15M", -EINVAL },
	{ &tokens, "99999999999999999999", "out of range", -ERANGE },
	{ &tokens, "9999999999999999T", "out of range", -ERANGE },
	{ &a_string, "a\nb", "control characters", -EINVAL },
};

START_TEST(canonical)
{
	struct param_value v, again;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		check_ok(param_check(good[i].p, good[i].text, &v));
		ck_assert_str_eq(v.text, good[i].canonical);
		check_ok(param_check(good[i].p, v.text, &again));
		ck_assert_str_eq(again.text, v.text);
		param_value_free(&v);
		param_value_free(&again);
	}
}
END_TEST

START_TEST(refused)
{
	struct param_value v;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		check_fails(param_check(bad[i].p, bad[i].text, &v), bad[i].code, bad[i].says);
		ck_assert_ptr_nonnull(strstr(fail_message(), bad[i].p->name));
	}
}
END_TEST

/* Any double comes back from its text. */
START_TEST(decimal)
{
	struct strbuf sb;
	uint64_t x = 88172645463325252u;

	strbuf_init(&sb);
	for (int i = 0; i < 20000; i++) {
		double d;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(&d, &x, sizeof(d));
		if (!isfinite(d))
			continue;
		strbuf_clear(&sb);
		number_add(&sb, d);
		ck_assert_msg(strtod(sb.s, NULL) == d, "%.17g became %s", d, sb.s);
	}
	strbuf_free(&sb);
}
END_TEST

static struct config *config_or_die(void)
{
	struct config *cfg = config_new();

	ck_assert_msg(cfg != NULL, "%s", fail_message());
	return cfg;
}

static int load(struct config *cfg, const char *text)
{
	char buf[512];

	strcpy(buf, text);
	return config_load_text(cfg, "my.config", buf);
}

START_TEST(load_and_set)
{
	struct config *cfg = config_or_die();

	check_ok(load(cfg, "# a comment\n\nCONFIG_TRAIN_LR=\"3e-4\"\r\nCONFIG_MODEL_LAYERS=7\n"
			   "# CONFIG_DATA_SHUFFLE is not set\nCONFIG_MODEL_QK_NORM=y"));
	ck_assert_double_eq(config_float(cfg, PARAM_TRAIN_LR), 0.0003);
	ck_assert_str_eq(config_text(cfg, PARAM_TRAIN_LR), "0.0003");
	ck_assert_int_eq(config_int(cfg, PARAM_MODEL_LAYERS), 7);
	ck_assert(!config_bool(cfg, PARAM_DATA_SHUFFLE));
	ck_assert(config_bool(cfg, PARAM_MODEL_QK_NORM));
	check_ok(config_set(cfg, "MODEL_LAYERS=8"));
	check_ok(config_set(cfg, "CONFIG_TRAIN_DEVICE=a=b"));
	ck_assert_int_eq(config_int(cfg, PARAM_MODEL_LAYERS), 8);
	ck_assert_str_eq(config_text(cfg, PARAM_TRAIN_DEVICE), "a=b");
	check_ok(config_set(cfg, "MODEL_KV_HEADS=auto"));
	ck_assert(config_is_auto(cfg, PARAM_MODEL_KV_HEADS));
	ck_assert_int_eq(config_int(cfg, PARAM_MODEL_KV_HEADS), -1);
	check_ok(config_set(cfg, "TRAIN_MIN_LR=auto"));
	ck_assert(isnan(config_float(cfg, PARAM_TRAIN_MIN_LR)));
	config_free(cfg);
	config_free(NULL);
}
END_TEST

START_TEST(load_refused)
{
	struct config *cfg = config_or_die();

	check_ok(config_set(cfg, "MODEL_LAYERS=5"));
#define refuse(text, says) check_fails(load(cfg, text), -EINVAL, says)
	refuse("CONFIG_MODEL_LAYERS=6\nCONFIG_TRAIN_LRR=\"1\"\n",
	       "my.config:2: unknown symbol CONFIG_TRAIN_LRR: did you mean CONFIG_TRAIN_LR?");
	ck_assert_int_eq(config_int(cfg, PARAM_MODEL_LAYERS), 5);
	refuse("CONFIG_QQQQQQQQQ=y\n", "my.config:1: unknown symbol CONFIG_QQQQQQQQQ");
	refuse("# CONFIG_QQQQQQQQQ is not set\n", "unknown symbol CONFIG_QQQQQQQQQ");
	refuse("A=1\nB=2\n\nC\n", "my.config:1: unknown symbol CONFIG_A (also wrong: lines 2, 4)");
	refuse("CONFIG_MODEL_LAYERS=\"3\"\n", "takes no quotes");
	refuse("CONFIG_TRAIN_LR=\"3e-4\n", "CONFIG_TRAIN_LR: the closing quote is missing");
	refuse("CONFIG_TRAIN_LR=\"3\"x\n", "unexpected text");
	refuse("hello\n", "expected CONFIG_NAME=VALUE, found: hello");
	refuse("CONFIG_\n", "expected CONFIG_NAME=VALUE");
	refuse("CONFIG_MODEL_LAYERS=x\n", "my.config:1: MODEL_LAYERS: 'x' is not of type int");
	check_fails(load(cfg, "CONFIG_MODEL_LAYERS=0\n"), -ERANGE,
		    "my.config:1: MODEL_LAYERS: 0 is out of range: int 1..");
	check_fails(config_set(cfg, "LR=1"), -EINVAL, "did you mean TRAIN_LR?");
	check_fails(config_set(cfg, "MODEL_LAYERS"), -EINVAL, "expected KEY=VALUE");
	check_fails(config_set(cfg, "=3"), -EINVAL, "expected KEY=VALUE");
	check_fails(config_load(cfg, "/nonexistent/x"), -ENOENT, "/nonexistent/x");
	ck_assert_int_eq(config_int(cfg, PARAM_MODEL_LAYERS), 5);
	config_free(cfg);
}
END_TEST

START_TEST(features)
{
	struct config *cfg = config_or_die();
	char line[200];
	int nr_off = 0;

	for (const char *const *f = config_features; *f; f++) {
		snprintf(line, sizeof(line), "%s\n", *f);
		check_ok(load(cfg, line));
		if (**f == '#') {
			char *symbol = line + 2;

			nr_off++;
			strcpy(strchr(symbol, ' '), "=y\n");
			check_fails(load(cfg, symbol), -ENOTSUP,
				    "which this binary was built without");
			symbol[strcspn(symbol, "=")] = '\0';
			ck_assert(!config_has_feature(symbol + 7));
		} else if (strstr(*f, "=y")) {
			line[strcspn(line, "=")] = '\0';
			ck_assert(config_has_feature(line + 7));
		}
	}
	ck_assert_int_gt(nr_off, 0);
	config_free(cfg);
}
END_TEST

START_TEST(renamed)
{
	struct config *cfg = config_or_die();

	log_set_level(LOG_ERROR);	/* it warns */
	check_ok(config_set(cfg, "TEST_OLD_NAME=0.5"));
	ck_assert_str_eq(config_text(cfg, PARAM_TRAIN_LR), "0.5");
	check_ok(load(cfg, "CONFIG_TEST_OLD_NAME=\"0.25\"\n"));
	ck_assert_str_eq(config_text(cfg, PARAM_TRAIN_LR), "0.25");
	config_free(cfg);
}
END_TEST

START_TEST(lists)
{
	struct config *cfg = config_or_die();

	check_ok(config_set(cfg, "MODEL_ATTENTION=window"));
	ck_assert_str_eq(config_list_item(cfg, PARAM_MODEL_ATTENTION, 99, 100), "window");
	check_ok(config_set(cfg, "MODEL_ATTENTION=full*2,window*2,full"));
	ck_assert_str_eq(config_list_item(cfg, PARAM_MODEL_ATTENTION, 0, 5), "full");
	ck_assert_str_eq(config_list_item(cfg, PARAM_MODEL_ATTENTION, 1, 5), "full");
	ck_assert_str_eq(config_list_item(cfg, PARAM_MODEL_ATTENTION, 2, 5), "window");
	ck_assert_str_eq(config_list_item(cfg, PARAM_MODEL_ATTENTION, 4, 5), "full");
	ck_assert_ptr_null(config_list_item(cfg, PARAM_MODEL_ATTENTION, 0, 6));
	ck_assert_ptr_nonnull(strstr(fail_message(), "names 5 layers, but the model has 6"));
	check_ok(config_set(cfg, "MODEL_ATTENTION=full*1"));
	ck_assert_ptr_null(config_list_item(cfg, PARAM_MODEL_ATTENTION, 0, 2));
	config_free(cfg);
}
END_TEST

START_TEST(hash)
{
	struct config *a = config_or_die(), *b = config_or_die();
	char ha[HASH_HEX], hb[HASH_HEX];

	check_ok(config_set(a, "TRAIN_LR=3e-4"));
	check_ok(config_set(b, "TRAIN_LR=0.00030"));
	check_ok(config_hash(a, ha));
	check_ok(config_hash(b, hb));
	ck_assert_str_eq(ha, hb);
	check_ok(config_set(b, "RUN_THREADS=3"));
	check_ok(config_hash(b, hb));
	ck_assert_str_eq(ha, hb);
	check_ok(config_set(b, "TRAIN_SEED=12345"));
	check_ok(config_hash(b, hb));
	ck_assert_str_ne(ha, hb);
	config_free(a);
	config_free(b);
}
END_TEST

/* What config_write() prints, config_load() reads back, quotes and all. */
START_TEST(round_trip)
{
	struct config *a = config_or_die(), *b = config_or_die();
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	check_ok(config_set(a, "TRAIN_DEVICE=a \"quoted\" \\ path"));
	check_ok(config_set(a, "MODEL_QK_NORM=y"));
	check_ok(config_set(a, "DATA_SHUFFLE=n"));
	check_ok(config_set(a, "TRAIN_TOKENS=1.5M"));
	check_ok(config_write(a, f));
	fclose(f);
	check_ok(config_load_text(b, "written", text));
	for (int i = 0; i < PARAM_COUNT; i++)
		ck_assert_str_eq(config_text(a, i), config_text(b, i));
	free(text);
	config_free(a);
	config_free(b);
}
END_TEST

START_TEST(dotconfig_lines)
{
	struct dotconfig_line line;
	char is_not[] = "# CONFIG_A_B is not set", comment[] = "# CONFIG_A_B is not here";
	char quoted[] = "CONFIG_A=\"x\\\"y\\\\z\"  ", empty[] = "CONFIG_A=\"\"";

	ck_assert_int_eq(dotconfig_parse(is_not, &line), 1);
	ck_assert_str_eq(line.symbol, "A_B");
	ck_assert_str_eq(line.value, "n");
	ck_assert_int_eq(dotconfig_parse(comment, &line), 0);
	ck_assert_int_eq(dotconfig_parse(quoted, &line), 1);
	ck_assert_str_eq(line.value, "x\"y\\z");
	ck_assert(line.quoted);
	ck_assert_int_eq(dotconfig_parse(empty, &line), 1);
	ck_assert_str_eq(line.value, "");
}
END_TEST

/* Where two trainings part: at the earlier of the steps from which what differs counts. */
START_TEST(same_until)
{
	struct config *a = config_new(), *b = config_new();
	int id;

	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(b);
	ck_assert(config_same_until(a, b, &id) == CONFIG_NEVER && id == -1);
	ck_assert(!config_set(b, "RUN_THREADS=3"));
	ck_assert(config_same_until(a, b, NULL) == CONFIG_NEVER);
	ck_assert(!config_set(a, "DATA_NOISE_START=70") && !config_set(b, "DATA_NOISE_START=50"));
	ck_assert(config_same_until(a, b, &id) == 50 && id == PARAM_DATA_NOISE_START);
	ck_assert(config_acts_from(a, PARAM_DATA_NOISE) == 70);
	ck_assert(!config_set(b, "DATA_NOISE_START=70") && !config_set(b, "DATA_NOISE=0.5"));
	ck_assert(config_same_until(a, b, &id) == 70 && id == PARAM_DATA_NOISE);
	ck_assert(config_same_until(b, a, &id) == 70 && id == PARAM_DATA_NOISE);
	ck_assert(!config_set(b, "TRAIN_BATCH=3") && !config_acts_from(b, PARAM_TRAIN_BATCH));
	ck_assert(config_same_until(a, b, &id) == 0 && id == PARAM_TRAIN_BATCH);
	config_free(a);
	config_free(b);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, canonical);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, decimal);
	tcase_add_test(tc, load_and_set);
	tcase_add_test(tc, load_refused);
	tcase_add_test(tc, features);
	tcase_add_test(tc, renamed);
	tcase_add_test(tc, lists);
	tcase_add_test(tc, hash);
	tcase_add_test(tc, round_trip);
	tcase_add_test(tc, dotconfig_lines);
	tcase_add_test(tc, same_until);
}
TEST_REGISTER(config, add);

// SPDX-License-Identifier: MIT
#include <string.h>

#include "tools/option.h"
#include "tests/unit/test.h"

static struct {
	bool flag;
	int number;
	double rate;
	const char *text, *dir;
	int count;
	struct option_list list;
	bool inner;
} opt;

static const struct option inner_table[] = {
	OPTION_BOOL('i', "inner", &opt.inner, "an option of a shared table"),
	OPTION_END
};

static const struct option table[] = {
	OPTION_BOOL('f', "flag", &opt.flag, "a flag"),
	OPTION_INT('n', "number", "N", &opt.number, 1, 10, "a number"),
	OPTION_FLOAT(0, "rate", "R", &opt.rate, 0, 1, "a rate"),
	OPTION_TEXT('t', "text", "TEXT", &opt.text, "a text"),
	OPTION_STRING(0, "dir", "DIR", &opt.dir, "a folder"),
	OPTION_COUNT(0, "count", "N", &opt.count, 0, 100000, "a count"),
	OPTION_LIST('l', "list", "ITEM", &opt.list, "several"),
	OPTION_TABLE(inner_table),
	OPTION_END
};

static char *args[16];
static char words[256];
static int nr;

/* Parse @line, cut at its blanks. */
static int parse(const char *line)
{
	char *save = NULL;

	option_list_free(&opt.list);
	memset(&opt, 0, sizeof(opt));
	strcpy(words, line);
	nr = 0;
	for (char *s = strtok_r(words, " ", &save); s; s = strtok_r(NULL, " ", &save))
		args[nr++] = s;
	return option_parse(table, &nr, args);
}

START_TEST(forms)
{
	check_ok(parse("a --number=3 b -f --text x -l one --list=two -- -c"));
	ck_assert_int_eq(nr, 3);
	ck_assert_str_eq(args[0], "a");
	ck_assert_str_eq(args[1], "b");
	ck_assert_str_eq(args[2], "-c");
	ck_assert(opt.flag);
	ck_assert_int_eq(opt.number, 3);
	ck_assert_str_eq(opt.text, "x");
	ck_assert_int_eq(opt.list.nr, 2);
	ck_assert_str_eq(opt.list.item[0], "one");
	ck_assert_str_eq(opt.list.item[1], "two");

	check_ok(parse("-n7 -t --flag - --rate 0.25 --inner"));
	ck_assert_int_eq(opt.number, 7);
	ck_assert_str_eq(opt.text, "--flag");
	ck_assert(!opt.flag);
	ck_assert(opt.inner);
	ck_assert_double_eq(opt.rate, 0.25);
	ck_assert_int_eq(nr, 1);
	ck_assert_str_eq(args[0], "-");

	check_ok(parse("--text="));
	ck_assert_str_eq(opt.text, "");
	check_ok(parse("--count=64k --dir=x"));
	ck_assert_int_eq(opt.count, 64000);
	ck_assert_str_eq(opt.dir, "x");
	check_ok(parse("--count=2e3"));
	ck_assert_int_eq(opt.count, 2000);
	check_ok(parse(""));
	ck_assert_int_eq(nr, 0);
	option_list_free(&opt.list);
}
END_TEST

START_TEST(refused)
{
	check_fails(parse("--numbr=3"), -EINVAL, "did you mean '--number'?");
	check_fails(parse("--inne"), -EINVAL, "did you mean '--inner'?");
	check_fails(parse("--zzzzzzzz"), -EINVAL, "unknown option '--zzzzzzzz'");
	check_fails(parse("-z"), -EINVAL, "unknown option '-z'");
	check_fails(parse("-fi"), -EINVAL, "separately");
	check_fails(parse("--number"), -EINVAL, "needs a value: N");
	check_fails(parse("-n 11"), -EINVAL, "11 is not in 1..10");
	check_fails(parse("-n 1.5"), -EINVAL, "not an integer");
	check_fails(parse("-n 99999999999999999999"), -EINVAL, "not in 1..10");
	check_fails(parse("--rate=x"), -EINVAL, "not a number");
	check_fails(parse("--rate=2"), -EINVAL, "not in 0..1");
	check_fails(parse("--flag=y"), -EINVAL, "takes no value");
	check_fails(parse("--count=1M"), -EINVAL, "not in 0..100000");
	check_fails(parse("--count=0.5"), -EINVAL, "not an integer such as 64000");
	check_fails(parse("--dir="), -EINVAL, "option '--dir': the value is empty");
	check_fails(parse("--list="), -EINVAL, "the value is empty");
}
END_TEST

static char help_of(const char *line)
{
	parse(line);	/* fills args; its result does not matter */
	strcpy(words, line);
	nr = 0;
	for (char *s = strtok(words, " "); s; s = strtok(NULL, " "))
		args[nr++] = s;
	return option_has_help(table, nr, args);
}

START_TEST(help)
{
	struct strbuf sb;

	ck_assert_int_eq(help_of("a -f -h"), 'h');
	ck_assert_int_eq(help_of("--wrong --help"), 'H');
	ck_assert_int_eq(help_of("-t -h"), 0);
	ck_assert_int_eq(help_of("-- -h"), 0);
	ck_assert_int_eq(help_of("--help-for"), 0);
	option_list_free(&opt.list);

	strbuf_init(&sb);
	option_help(table, &sb);
	ck_assert_ptr_nonnull(strstr(sb.s, "  -n, --number=N          a number\n"));
	ck_assert_ptr_nonnull(strstr(sb.s, "      --rate=R            a rate\n"));
	ck_assert_ptr_nonnull(strstr(sb.s, "  -i, --inner "));
	ck_assert_ptr_nonnull(strstr(sb.s, "  -h, --help "));
	strbuf_free(&sb);
}
END_TEST

START_TEST(wrap)
{
	struct strbuf sb;

	strbuf_init(&sb);
	strbuf_wrap(&sb, "one two three four", 2, 11);
	ck_assert_str_eq(sb.s, "one two\n  three\n  four");
	strbuf_clear(&sb);
	strbuf_wrap(&sb, "averyveryverylongword b", 0, 5);
	ck_assert_str_eq(sb.s, "averyveryverylongword\nb");
	strbuf_clear(&sb);
	strbuf_wrap(&sb, "one\n\ntwo", 1, 20);
	ck_assert_str_eq(sb.s, "one\n\n two");
	strbuf_free(&sb);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, forms);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, help);
	tcase_add_test(tc, wrap);
}
TEST_REGISTER(option, add);

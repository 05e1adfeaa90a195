/* SPDX-License-Identifier: MIT */
/*
 * Unit tests, with the library check.
 *
 *	static void strbuf_empty(void)
 *	{
 *		...
 *		CHECK(!strcmp(sb.s, ""));
 *	}
 *	TEST_REGISTER(strbuf_empty);
 *
 * or, for a group of tests with fixtures and check's own macros,
 *
 *	static void add(TCase *tc)
 *	{
 *		tcase_add_checked_fixture(tc, begin, end);
 *		tcase_add_test(tc, empty);	// START_TEST(empty) { ... } END_TEST
 *	}
 *	TEST_REGISTER(strbuf, add);
 *
 * One Kbuild line more; nobody lists tests elsewhere.  `knlp-test strbuf` runs what is
 * called strbuf or begins with strbuf_.  Each test runs in a process of its own and may
 * take TEST_SECONDS; a group that needs longer calls tcase_set_timeout(tc, ...).
 */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <check.h>
#undef fail	/* check's old macro; ours is in base/fail.h */
#include <string.h>

#include "base/fail.h"
#include "base/section.h"

#define TEST_SECONDS 20

/** struct test_suite - what TEST_REGISTER makes. */
struct test_suite {
	const char *name;
	void (*add)(TCase *tc);
};

SECTION_DECLARE(knlp_tests, struct test_suite);
#define TEST_REGISTER_2(suite, fn)						\
	static const struct test_suite test_suite_##suite = { #suite, fn };	\
	SECTION_ENTRY(knlp_tests, struct test_suite, test_suite_##suite)
#define TEST_REGISTER_1(fn)							\
	static void fn##_run(int i)						\
	{									\
		(void)i;							\
		fn();								\
	}									\
	static void fn##_add(TCase *tc)						\
	{									\
		static const TTest test = { #fn, fn##_run, __FILE__, __LINE__ };\
										\
		tcase_add_test(tc, &test);					\
	}									\
	TEST_REGISTER_2(fn, fn##_add)
#define TEST_REGISTER_PICK(a, b, macro, ...) macro
#define TEST_REGISTER(...)							\
	TEST_REGISTER_PICK(__VA_ARGS__, TEST_REGISTER_2, TEST_REGISTER_1, )(__VA_ARGS__)

/** CHECK() - @cond holds; else show it and the recorded message. */
#define CHECK(cond)								\
	ck_assert_msg((cond), "%s (message: '%s')", #cond, fail_message())

/** check_ok() - @call returned 0; else show the message. */
#define check_ok(call)								\
	do {									\
		int check_ret = (call);						\
		ck_assert_msg(!check_ret, "%s: %d: %s", #call, check_ret,	\
			      fail_message());					\
	} while (0)

/** check_fails() - @call returned @code and the message contains @text. */
#define check_fails(call, code, text)						\
	do {									\
		int check_ret = (call);						\
		ck_assert_msg(check_ret == (code), "%s: %d: %s", #call,		\
			      check_ret, fail_message());			\
		ck_assert_msg(strstr(fail_message(), (text)), "%s: said '%s', not '%s'", \
			      #call, fail_message(), (text));			\
	} while (0)

#endif

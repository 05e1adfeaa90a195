// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/progress.h"
#include "base/strbuf.h"
#include "tests/unit/test.h"

START_TEST(grows)
{
	struct strbuf sb;

	strbuf_init(&sb);
	ck_assert_str_eq(sb.s, "");
	for (int i = 0; i < 1000; i++)
		strbuf_addf(&sb, "%d,", i);
	ck_assert_uint_eq(sb.len, 3890);
	ck_assert_str_eq(sb.s + sb.len - 4, "999,");
	strbuf_clear(&sb);
	ck_assert_str_eq(sb.s, "");
	strbuf_add(&sb, "a\0b", 3);
	ck_assert_uint_eq(sb.len, 3);
	ck_assert_int_eq(sb.s[2], 'b');
	check_ok(strbuf_ok(&sb));
	strbuf_free(&sb);
}
END_TEST

START_TEST(detaches)
{
	struct strbuf sb;
	char *s;

	strbuf_init(&sb);
	s = strbuf_detach(&sb);
	ck_assert_str_eq(s, "");
	free(s);
	strbuf_adds(&sb, "text");
	strbuf_addc(&sb, '!');
	s = strbuf_detach(&sb);
	ck_assert_str_eq(s, "text!");
	ck_assert_uint_eq(sb.len, 0);
	free(s);
	s = str_printf("%s-%d", "x", 5);
	ck_assert_str_eq(s, "x-5");
	free(s);
}
END_TEST

START_TEST(remembers_failure)
{
	struct strbuf sb;

	strbuf_init(&sb);
	strbuf_adds(&sb, "a");
	strbuf_add(&sb, "b", (size_t)-2);
	ck_assert(sb.failed);
	strbuf_adds(&sb, "c");
	ck_assert_str_eq(sb.s, "a");
	check_fails(strbuf_ok(&sb), -ENOMEM, "out of memory");
	strbuf_free(&sb);
}
END_TEST

START_TEST(distance)
{
	ck_assert_int_eq(str_distance("train", "train"), 0);
	ck_assert_int_eq(str_distance("train", "TRAIN"), 0);
	ck_assert_int_eq(str_distance("train", "trian"), 1);
	ck_assert_int_eq(str_distance("train", "rain"), 1);
	ck_assert_int_eq(str_distance("train", "trains"), 1);
	ck_assert_int_eq(str_distance("train", "brain"), 1);
	ck_assert_int_eq(str_distance("", "abc"), 3);
}
END_TEST

START_TEST(numbers)
{
	long long i;
	double d;

	check_ok(str_to_int("-12", &i));
	ck_assert_int_eq(i, -12);
	ck_assert_int_eq(str_to_int("", &i), -EINVAL);
	ck_assert_int_eq(str_to_int(" 1", &i), -EINVAL);
	ck_assert_int_eq(str_to_int("1x", &i), -EINVAL);
	ck_assert_int_eq(str_to_int("0x10", &i), -EINVAL);
	ck_assert_int_eq(str_to_int("9223372036854775808", &i), -ERANGE);
	check_ok(str_to_double("3e-4", &d));
	ck_assert_double_eq(d, 0.0003);
	ck_assert_int_eq(str_to_double("nan", &d), -EINVAL);
	ck_assert_int_eq(str_to_double("inf", &d), -EINVAL);
	ck_assert_int_eq(str_to_double("1e999", &d), -EINVAL);
	ck_assert_int_eq(str_to_double("0x1p3", &d), -EINVAL);
	ck_assert_int_eq(str_to_double("1,5", &d), -EINVAL);
}
END_TEST

START_TEST(for_people)
{
	char b[FORMAT_MAX];

	ck_assert_str_eq(format_bytes(b, 0), "0 B");
	ck_assert_str_eq(format_bytes(b, 1023), "1023 B");
	ck_assert_str_eq(format_bytes(b, 1536), "1.50 KiB");
	ck_assert_str_eq(format_bytes(b, (uint64_t)146 << 30), "146 GiB");
	ck_assert_str_eq(format_bytes(b, ((uint64_t)1 << 20) - 1), "1.00 MiB");
	ck_assert_str_eq(format_bytes(b, UINT64_MAX), "16.0 EiB");
	ck_assert_str_eq(format_grouped(b, 0), "0");
	ck_assert_str_eq(format_grouped(b, 999), "999");
	ck_assert_str_eq(format_grouped(b, 859008), "859,008");
	ck_assert_str_eq(format_grouped(b, -123456), "-123,456");
	ck_assert_str_eq(format_grouped(b, INT64_MAX), "9,223,372,036,854,775,807");
	ck_assert_str_eq(format_grouped(b, INT64_MIN), "-9,223,372,036,854,775,808");
	ck_assert_str_eq(format_count(b, 999), "999");
	ck_assert_str_eq(format_count(b, 15000), "15.0k");
	ck_assert_str_eq(format_count(b, 999999), "1.00M");
	ck_assert_str_eq(format_count(b, 124439808), "124M");
	ck_assert_str_eq(format_count(b, -1500), "-1.50k");
	ck_assert_str_eq(format_duration(b, 0.00025), "250 us");
	ck_assert_str_eq(format_duration(b, 12.34), "12.3 s");
	ck_assert_str_eq(format_duration(b, 59.99), "1m00s");
	ck_assert_str_eq(format_duration(b, 185), "3m05s");
	ck_assert_str_eq(format_duration(b, 7620), "2h07m");
	ck_assert_str_eq(format_duration(b, 356400), "4d03h");
	ck_assert_str_eq(format_duration(b, 163776 * 3600.0), "18.7 years");
	ck_assert_str_eq(format_ppl(b, 12.5), "12.500");
	ck_assert_str_eq(format_ppl(b, 1.2345e8), "1.23e+08");
}
END_TEST

START_TEST(progress_text)
{
	struct strbuf sb;

	strbuf_init(&sb);
	progress_line(&sb, "train", 0, 500, 2000, "loss 4.8", 60, 0);
	ck_assert_str_eq(sb.s, "train   25%  500/2000  loss 4.8  1:00  3:00 left");
	strbuf_clear(&sb);
	progress_line(&sb, "read", 0, 7, 0, "", 0.5, 0);
	ck_assert_str_eq(sb.s, "read  7  0:01");
	strbuf_clear(&sb);
	progress_line(&sb, "train", 0, 2000, 2000, "", 60, 12);
	ck_assert_str_eq(sb.s, "train  100%");
	strbuf_clear(&sb);
	progress_line(&sb, "train", 0, 500, 2000, "loss 4.8  9k tok/s", 3660, 80);
	ck_assert_str_eq(sb.s, "train  [==>        ]   25%  500/2000  loss 4.8  9k tok/s  "
			 "1:01:00  3:03:00 left");
	ck_assert_uint_eq(sb.len, 79);
	strbuf_clear(&sb);
	progress_line(&sb, "train", 0, 500, 2000, "loss 4.8  9k tok/s", 60, 44);
	ck_assert_str_eq(sb.s, "train   25%  500/2000  loss 4.8  9k tok/s");
	strbuf_clear(&sb);
	progress_line(&sb, "train", 0, 500, 2000, "loss 4.8", 60, 4);
	ck_assert_str_eq(sb.s, "tra");
	strbuf_clear(&sb);
	progress_line(&sb, "train", 400, 500, 2000, "", 60, 0);
	ck_assert_str_eq(sb.s, "train   25%  500/2000  1:00  15:00 left");
	strbuf_free(&sb);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, grows);
	tcase_add_test(tc, detaches);
	tcase_add_test(tc, remembers_failure);
	tcase_add_test(tc, distance);
	tcase_add_test(tc, numbers);
	tcase_add_test(tc, for_people);
	tcase_add_test(tc, progress_text);
}
TEST_REGISTER(strbuf, add);

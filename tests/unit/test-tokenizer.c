// SPDX-License-Identifier: MIT
/* The byte tokenizer, the alphabet and UTF-8: what every build has. */
#include "data/bytelevel.h"
#include "data/utf8.h"
#include "tests/unit/data-helper.h"

static void tokenizer_byte_ids(void)
{
	struct token_list list = { 0 };
	struct tokenizer *tok;
	char all[256];

	for (int i = 0; i < 256; i++)
		all[i] = i;
	check_ok(tokenizer_open("byte", &tok));
	ck_assert_uint_eq(tokenizer_vocab(tok), 257);
	ck_assert_uint_eq(tokenizer_eot(tok), 256);
	ck_assert_str_eq(tokenizer_name(tok), "byte");
	CHECK(tokenizer_is_special(tok, 256) && !tokenizer_is_special(tok, 255));
	check_ok(tokenizer_encode(tok, all, 256, &list));
	ck_assert_uint_eq(list.nr, 256);
	for (uint32_t i = 0; i < 256; i++)
		ck_assert_uint_eq(list.ids[i], i);
	check_lossless(tok, all, 256);
	check_lossless(tok, TOKENIZER_EOT, strlen(TOKENIZER_EOT));
	check_lossless(tok, "", 0);
	token_list_free(&list);
	tokenizer_free(tok);
}
TEST_REGISTER(tokenizer_byte_ids);

static void tokenizer_byte_saved(void)
{
	char *dir = scratch_make(), *path = path_join(dir, TOKENIZER_FILE);
	struct tokenizer *tok, *again;
	const char *bytes;
	size_t len;

	check_ok(tokenizer_open("byte", &tok));
	check_ok(tokenizer_save(tok, dir));
	check_ok(tokenizer_load(dir, &again));
	ck_assert_str_eq(tokenizer_name(again), "byte");
	ck_assert_str_eq(tokenizer_hash(again), tokenizer_hash(tok));
	tokenizer_free(again);
	check_ok(tokenizer_open(path, &again));
	ck_assert_str_eq(tokenizer_hash(again), tokenizer_hash(tok));
	check_fails(tokenizer_decode(again, 257, &bytes, &len), -EINVAL, "257");
	tokenizer_free(again);
	tokenizer_free(tok);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(tokenizer_byte_saved);

static void tokenizer_bad_specs(void)
{
	struct tokenizer *tok;

	check_fails(tokenizer_open("byte:x", &tok), -EINVAL, "byte");
	check_fails(tokenizer_open("nonsense", &tok), -ENOENT, "nonsense");
	check_fails(tokenizer_open("", &tok), -ENOENT, "tokenizer ''");
	check_fails(tokenizer_open("a-very-long-name-of-a-kind:x", &tok), -ENOENT, "long");
	check_fails(tokenizer_load("/nonexistent", &tok), -ENOENT, "/nonexistent");
}
TEST_REGISTER(tokenizer_bad_specs);

static void tokenizer_alphabet(void)
{
	char all[256], back[1024];
	struct strbuf sb;

	for (int i = 0; i < 256; i++)
		all[i] = i;
	strbuf_init(&sb);
	bytelevel_write(&sb, all, 256);
	ck_assert_int_eq(bytelevel_read(sb.s, sb.len, back), 256);
	ck_assert_int_eq(memcmp(all, back, 256), 0);
	strbuf_clear(&sb);
	bytelevel_write(&sb, " the\n", 5);
	ck_assert_str_eq(sb.s, "\xc4\xa0the\xc4\x8a");
	ck_assert_int_eq(bytelevel_read(" ", 1, back), -EINVAL);
	ck_assert_int_eq(bytelevel_read("\xc4", 1, back), -EINVAL);
	ck_assert_int_eq(bytelevel_read("\xc2\xad", 2, back), -EINVAL);	/* U+00AD */
	ck_assert_int_eq(bytelevel_read("\xc5\x84", 2, back), -EINVAL);	/* U+0144 */
	ck_assert_int_eq(bytelevel_read("\xe2\x82\xac", 3, back), -EINVAL);
	strbuf_free(&sb);
}
TEST_REGISTER(tokenizer_alphabet);

static void tokenizer_utf8(void)
{
	static const char *const bad[] = {
		"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98",
	};
	static const char *const good[] = {
		"a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
		"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "12345678\xc3\xa9",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t len = strlen(bad[i]);

		ck_assert_uint_eq(utf8_valid(bad[i], len), 0);
		ck_assert_uint_eq(utf8_invalid(bad[i], len), len);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_uint_eq(utf8_valid(good[i], strlen(good[i])), strlen(good[i]));
	ck_assert_uint_eq(utf8_valid("12345678\xff", 9), 8);
	ck_assert_uint_eq(utf8_invalid("\xff\xfe" "a", 3), 2);
}
TEST_REGISTER(tokenizer_utf8);

/* Every cut of a text: what is whole plus what is held back, and no character in two. */
static void tokenizer_utf8_whole(void)
{
	static const char text[] = "a\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80z";
	static const size_t ends[] = { 0, 1, 3, 6, 10, 11 };

	for (size_t len = 0, i = 0; len < sizeof(text); len++) {
		if (i + 1 < sizeof(ends) / sizeof(ends[0]) && len == ends[i + 1])
			i++;
		ck_assert_uint_eq(utf8_whole(text, len), ends[i]);
	}
	ck_assert_uint_eq(utf8_whole("\x80\x80\x80\x80", 4), 4);	/* no end to wait for */
	ck_assert_uint_eq(utf8_whole("\xff", 1), 1);
	ck_assert_uint_eq(utf8_whole("\xc1", 1), 1);
}
TEST_REGISTER(tokenizer_utf8_whole);

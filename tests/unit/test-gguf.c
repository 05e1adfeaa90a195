// SPDX-License-Identifier: MIT
#include "io/gguf.h"

#include <strings.h>
#include <unistd.h>

#include "base/rng.h"
#include "block/block.h"
#include "io/gguf-internal.h"
#include "tests/unit/data-helper.h"

#define SMALL "tests/data/gguf/small.gguf"

static bool is_text(struct gguf_string s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.bytes, text, s.len);
}

/* ---- a file that gguf-py wrote: scripts/peers/golden_gguf.py ---- */

static void check_numbers(const struct gguf *g)
{
	int64_t n;
	double x;
	bool yes = false;

	check_ok(gguf_int(g, "test.u8", 0, 255, &n));
	CHECK(n == 200);
	check_ok(gguf_int(g, "test.i8", -128, 0, &n));
	CHECK(n == -100);
	check_ok(gguf_int(g, "test.u16", 0, 65535, &n));
	CHECK(n == 60000);
	check_ok(gguf_int(g, "test.i16", INT16_MIN, 0, &n));
	CHECK(n == -30000);
	check_ok(gguf_int(g, "test.u32", 0, UINT32_MAX, &n));
	CHECK(n == 4000000000);
	check_ok(gguf_int(g, "test.i32", INT32_MIN, 0, &n));
	CHECK(n == -2000000000);
	check_ok(gguf_int(g, "test.i64", INT64_MIN, 0, &n));
	CHECK(n == INT64_MIN);
	check_ok(gguf_float(g, "test.f32", &x));
	CHECK(x == 0.1f);
	check_ok(gguf_float(g, "test.f64", &x));
	CHECK(x == 0.1);
	check_ok(gguf_bool(g, "test.bool", &yes));
	CHECK(yes);
}

static void check_refusals(const struct gguf *g)
{
	struct gguf_string s;
	const struct gguf_value *v;
	int64_t n;
	double x;
	bool yes;

	check_fails(gguf_int(g, "test.none", 0, 1, &n), -ENOENT, "key 'test.none' is missing");
	check_fails(gguf_int(g, "test.u8", 0, 199, &n), -EINVAL, "'test.u8' is 200, not in 0..199");
	check_fails(gguf_int(g, "test.u64", 0, INT64_MAX - 1, &n), -EINVAL, "not in");
	check_fails(gguf_int(g, "test.f32", 0, 1, &n), -EINVAL, "is of type f32, not an integer");
	check_fails(gguf_int(g, "test.ints", 0, 1, &n), -EINVAL, "'test.ints' is an array");
	check_fails(gguf_float(g, "test.u8", &x), -EINVAL, "not a float");
	check_fails(gguf_bool(g, "test.u8", &yes), -EINVAL, "not a bool");
	check_fails(gguf_string(g, "test.u8", &s), -EINVAL, "not a string");
	check_fails(gguf_array(g, "test.u8", GGUF_I32, &v), -EINVAL, "is not an array");
	check_fails(gguf_array(g, "test.ints", GGUF_STRING, &v), -EINVAL,
		    "is an array of i32, not string");
	check_fails(gguf_array(g, "test.floats", GGUF_I32, &v), -EINVAL, "not integers");
	CHECK(!gguf_has(g, "test.strin") && !gguf_has(g, "test.strings1"));
}

static void check_arrays(const struct gguf *g)
{
	static const char *const words[] = { "a", "", "Ġthe", "日本" };
	const struct gguf_value *v;
	struct gguf_string s;

	check_ok(gguf_string(g, "test.string", &s));
	CHECK(is_text(s, "naïve\n"));
	check_ok(gguf_array(g, "test.strings", GGUF_STRING, &v));
	CHECK(v->nr == 4);
	for (int i = 0; i < 4; i++)
		CHECK(is_text(gguf_item_string(v, i), words[i]));
	check_ok(gguf_array(g, "test.ints", GGUF_I32, &v));
	CHECK(v->nr == 3 && gguf_item_int(v, 1) == -2 && gguf_item_int(v, 2) == 3);
	check_ok(gguf_array(g, "test.floats", GGUF_F32, &v));
	CHECK(v->nr == 2 && gguf_item_float(v, 1) == -0.25);
	check_ok(gguf_array(g, "test.bools", GGUF_BOOL, &v));
	CHECK(v->nr == 2 && v->data[0] && !v->data[1]);
}

static void check_tensors(const struct gguf *g)
{
	const struct gguf_tensor *t = gguf_tensor_find(g, "matrix");

	CHECK(gguf_nr_tensors(g) == 5 && !gguf_tensor_find(g, "matri"));
	CHECK(t == gguf_tensor_at(g, 1) && t->dtype == DT_F16 && t->nd == 2);
	CHECK(t->shape[0] == 2 && t->shape[1] == 3 && t->bytes == 12);
	for (int i = 0; i < 6; i++)
		CHECK(dtype_get(t->dtype, t->data, i) == i);
	t = gguf_tensor_find(g, "four");
	CHECK(t->nd == 4 && t->shape[0] == 2 && t->shape[1] == 3 && t->shape[2] == 2);
	CHECK(dtype_get(t->dtype, t->data, 23) == 23 && t->bytes == 96);
	t = gguf_tensor_find(g, "q8");
	CHECK(t->ggml == 8 && t->dtype == DT_Q8_0 && t->shape[1] == 32 && t->bytes == 68);
	CHECK(((const int8_t *)t->data)[2] == -127);	/* -1 is the largest of its block */
	t = gguf_tensor_find(g, "scalar");
	CHECK(t->dtype == DT_F64 && dtype_get(t->dtype, t->data, 0) == 3.5);
}

static void gguf_reads_gguf_py(void)
{
	char *path = tree_path(SMALL);
	struct gguf *g;

	CHECK(gguf_is(path));
	check_ok(gguf_open(path, &g));
	check_numbers(g);
	check_refusals(g);
	check_arrays(g);
	check_tensors(g);
	gguf_close(g);
	free(path);
}
TEST_REGISTER(gguf_reads_gguf_py);

/* ---- writing ---- */

static int put_tensor(void *ctx, FILE *f)
{
	const struct gguf_tensor *t = ctx;

	return fwrite(t->data, 1, t->bytes, f) == t->bytes ? 0 : fail_errno("write");
}

/* The same keys and tensors give the same bytes as gguf-py's writer. */
static void gguf_writes_like_gguf_py(void)
{
	char *dir = scratch_make(), *path = tree_path(SMALL), *out = path_join(dir, "x.gguf");
	struct gguf_writer *w = gguf_writer_new();
	char hex[HASH_HEX], again[HASH_HEX];
	struct gguf *g;

	check_ok(gguf_open(path, &g));
	for (size_t i = 0; i < gguf_nr_values(g); i++)
		gguf_put_value(w, gguf_value_at(g, i));
	for (size_t i = 0; i < gguf_nr_tensors(g); i++) {
		const struct gguf_tensor *t = gguf_tensor_at(g, i);

		gguf_put_tensor(w, t->name, t->dtype, t->nd, t->shape, put_tensor, (void *)t);
	}
	check_ok(gguf_write(w, out));
	check_ok(hash_file(path, hex));
	check_ok(hash_file(out, again));
	ck_assert_str_eq(hex, again);
	gguf_writer_free(w);
	gguf_close(g);
	free(out);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(gguf_writes_like_gguf_py);

static int put_three(void *ctx, FILE *f)
{
	static const float three[3] = { 1, 2, 3 };

	(void)ctx;
	return fwrite(three, 4, 3, f) == 3 ? 0 : fail_errno("write");
}

static int put_nothing(void *ctx, FILE *f)
{
	(void)ctx;
	(void)f;
	return fail(-EINVAL, "no such number");
}

static void put_all(struct gguf_writer *w)
{
	static const struct gguf_string words[] = { { "x", 1 }, { "a\0b", 3 } };
	static const int32_t ints[] = { -1, 7 };
	static const float floats[] = { -1.5f };

	gguf_put_u32(w, "u", 9);
	gguf_put_f32(w, "f", 0.5f);
	gguf_put_bool(w, "b", true);
	gguf_put_string(w, "s", "text", 4);
	gguf_put_strings(w, "ss", words, 2);
	gguf_put_i32s(w, "is", ints, 2);
	gguf_put_f32s(w, "fs", floats, 1);
	gguf_put_tensor(w, "three", DT_F32, 1, (const int64_t[]){ 3 }, put_three, NULL);
}

static void gguf_writes(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "x.gguf");
	struct gguf_writer *w = gguf_writer_new();
	const struct gguf_value *v;
	struct gguf *g;
	int64_t n;
	double x;

	put_all(w);
	check_ok(gguf_write(w, path));
	gguf_writer_free(w);
	check_ok(gguf_open(path, &g));
	check_ok(gguf_int(g, "u", 0, 10, &n));
	check_ok(gguf_float(g, "f", &x));
	CHECK(n == 9 && x == 0.5);
	check_ok(gguf_array(g, "ss", GGUF_STRING, &v));
	CHECK(gguf_item_string(v, 1).len == 3 && !memcmp(gguf_item_string(v, 1).bytes, "a\0b", 3));
	check_ok(gguf_array(g, "is", GGUF_I32, &v));
	CHECK(gguf_item_int(v, 0) == -1);
	CHECK(((const float *)gguf_tensor_find(g, "three")->data)[2] == 3);
	gguf_close(g);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(gguf_writes);

/* Whatever goes wrong, the file is as it was and nothing lies beside it. */
static void refused(const char *dir, const char *path, struct gguf_writer *w, const char *message)
{
	char *text;
	size_t len;

	write_raw(path, "old", 3);
	CHECK(gguf_write(w, path) < 0 && message_has(message) && message_has("x.gguf"));
	check_ok(file_read_all(path, 100, &text, &len));
	ck_assert_str_eq(text, "old");
	free(text);
	gguf_writer_free(w);
	check_ok(unlink(path));
	CHECK(!rmdir(dir));
	check_ok(dir_make(dir));
}

static void gguf_writer_refuses(void)
{
	static const int64_t three[] = { 3 };
	char *dir = scratch_make(), *path = path_join(dir, "x.gguf");
	struct gguf_writer *w = gguf_writer_new();
	char name[80];

	put_all(w);
	gguf_put_u32(w, "u", 1);
	refused(dir, path, w, "key 'u' appears twice");
	w = gguf_writer_new();
	put_all(w);
	gguf_put_tensor(w, "three", DT_F32, 1, three, put_three, NULL);
	refused(dir, path, w, "tensor 'three' appears twice");
	w = gguf_writer_new();
	gguf_put_tensor(w, "w", DT_Q8_0, 1, three, put_three, NULL);
	gguf_put_tensor(w, "b", DT_U16, 1, three, put_three, NULL);
	refused(dir, path, w, "tensor 'w' has rows of 3, no whole blocks of 32");
	w = gguf_writer_new();
	gguf_put_tensor(w, "b", DT_U16, 1, three, put_three, NULL);
	refused(dir, path, w, "tensor 'b': GGUF files hold no u16");
	w = gguf_writer_new();
	gguf_put_tensor(w, "b", DT_F32, 1, three, put_nothing, NULL);
	refused(dir, path, w, "tensor 'b': no such number");
	memset(name, 'n', 64);
	name[64] = '\0';
	w = gguf_writer_new();
	gguf_put_tensor(w, name, DT_F32, 1, three, put_three, NULL);
	refused(dir, path, w, "up to 63 bytes");
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(gguf_writer_refuses);

/* ---- hostile files: one good file, with one thing changed ---- */

struct plan {
	const char *magic;
	uint32_t version;
	uint64_t nr_tensors, nr_values, align, key_len, nr, string_len, name_len;
	const char *key, *first, *second;
	uint32_t type, item, nd, ggml;
	uint8_t bool_value;
	uint64_t ne[4], offset, offset2;
	size_t data;		/* bytes of the tensors */
};

static const struct plan good = {
	.magic = "GGUF", .version = 3, .nr_tensors = 2, .nr_values = 5, .align = 32,
	.key = "b", .key_len = 1, .type = GGUF_ARRAY, .item = GGUF_U16, .nr = 3,
	.string_len = 3, .bool_value = 1, .first = "w", .second = "v", .name_len = 1,
	.nd = 2, .ne = { 32, 3, 1, 1 }, .ggml = 8, .offset = 0, .offset2 = 128, .data = 140,
};

static void put(struct strbuf *sb, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		strbuf_addc(sb, (char)(value >> 8 * i));
}

static void put_text(struct strbuf *sb, const char *text, uint64_t len)
{
	put(sb, len, 8);
	strbuf_adds(sb, text);
}

static void put_values(struct strbuf *sb, const struct plan *p)
{
	put_text(sb, "general.alignment", 17);
	put(sb, GGUF_U32, 4);
	put(sb, p->align, 4);
	put_text(sb, p->key, p->key_len);
	put(sb, GGUF_BOOL, 4);
	put(sb, p->bool_value, 1);
	put_text(sb, "s", 1);
	put(sb, GGUF_STRING, 4);
	put_text(sb, "abc", p->string_len);
	put_text(sb, "list", 4);
	put(sb, p->type, 4);
	put(sb, p->item, 4);
	put(sb, p->nr, 8);
	strbuf_add(sb, "\1\0\2\0\3\0", 6);
	put_text(sb, "strings", 7);
	put(sb, GGUF_ARRAY, 4);
	put(sb, GGUF_STRING, 4);
	put(sb, 2, 8);
	put_text(sb, "", 0);
	put_text(sb, "de", p->string_len - 1);
}

static void write_plan(const char *path, const struct plan *p)
{
	struct strbuf sb;

	strbuf_init(&sb);
	strbuf_adds(&sb, p->magic);
	put(&sb, p->version, 4);
	put(&sb, p->nr_tensors, 8);
	put(&sb, p->nr_values, 8);
	put_values(&sb, p);
	put_text(&sb, p->first, p->name_len);
	put(&sb, p->nd, 4);
	for (uint32_t d = 0; d < p->nd && d < 4; d++)
		put(&sb, p->ne[d], 8);
	put(&sb, p->ggml, 4);
	put(&sb, p->offset, 8);
	put_text(&sb, p->second, 1);
	put(&sb, 1, 4);
	put(&sb, 3, 8);
	put(&sb, 0, 4);
	put(&sb, p->offset2, 8);
	while (sb.len % 32)
		strbuf_addc(&sb, 0);
	for (size_t i = 0; i < p->data; i++)
		strbuf_addc(&sb, (char)i);
	write_raw(path, sb.s, sb.len);
	strbuf_free(&sb);
}

#define HUGE_NR ((uint64_t)1 << 62)

static void check_plan(const char *path, struct plan p, const char *message)
{
	struct gguf *g;
	int ret;

	write_plan(path, &p);
	ret = gguf_open(path, &g);
	if (!message) {
		ck_assert_msg(!ret, "%s", fail_message());
		gguf_close(g);
		return;
	}
	ck_assert_msg(ret == -EINVAL, "%d instead of '%s': %s", ret, message, fail_message());
	CHECK(message_has(message) && message_has("bad.gguf") && !g);
}

/* The good plan with one field changed. */
#define BAD(field, value, message)						\
	do {									\
		struct plan p = good;						\
										\
		p.field = (value);						\
		check_plan(path, p, message);					\
	} while (0)

static void hostile_header(const char *path)
{
	check_plan(path, good, NULL);
	BAD(version, 2, NULL);
	BAD(data, 200, NULL);		/* more than the tensors ask for: as llama.cpp */
	BAD(magic, "GGUX", "not a GGUF file");
	BAD(version, 1, "GGUF version 1");
	BAD(version, 4, "GGUF version 4");
	BAD(version, 0, "GGUF version 0");
	BAD(version, 0x03000000, "big-endian");
	BAD(nr_tensors, 1000, "5 keys and 1000 tensors do not fit");
	BAD(nr_tensors, HUGE_NR, "do not fit");
	BAD(nr_tensors, UINT64_MAX, "do not fit");
	BAD(nr_values, HUGE_NR, "do not fit");
	BAD(nr_values, 6, "");
	BAD(nr_values, 4, "");
	BAD(nr_tensors, 3, "");
}

static void hostile_values(const char *path)
{
	BAD(align, 0, "no power of two from 8");
	BAD(align, 48, "no power of two from 8");
	BAD(align, 4, "no power of two from 8");
	BAD(align, 0x80000000, "at offset 128");
	BAD(key_len, 0, "the name of key 1 has 0 bytes");
	BAD(key_len, 65536, "a key is said to have 65536 bytes");
	BAD(key_len, UINT64_MAX, "a key is said to have");
	BAD(key, "\n", "the name of key 1 is no ASCII text");
	BAD(key, "\xff", "the name of key 1 is no ASCII text");
	BAD(key, "s", "key 's' appears twice");
	BAD(bool_value, 2, "key 'b': 2 is no bool");
	BAD(string_len, 100000, "a string of key 's' is said to have 100000 bytes");
	BAD(string_len, UINT64_MAX, "a string of key 's'");
	BAD(type, 13, "key 'list' has a value of the unknown type 13");
	BAD(type, UINT32_MAX, "of the unknown type");
	BAD(item, 13, "of the unknown type 13");
	BAD(item, GGUF_ARRAY, "key 'list' is an array of arrays");
	BAD(nr, HUGE_NR, "key 'list' is said to have 4611686018427387904 items");
	BAD(nr, UINT64_MAX, "items, which the file is too short for");
	BAD(nr, 2, "a key");
}

static void hostile_strings(const char *path)
{
	struct plan p = good;

	p.item = GGUF_STRING;
	p.nr = HUGE_NR;
	check_plan(path, p, "key 'list' is said to have 4611686018427387904 strings");
	p.nr = 20;
	check_plan(path, p, "a string of key 'list' is said to have");
}

static void hostile_tensors(const char *path)
{
	BAD(name_len, 0, "the name of tensor 0 has 0 bytes");
	BAD(name_len, 64, "the name of tensor 0 has 64 bytes, not 1 to 63");
	BAD(first, "\t", "the name of tensor 0 is no ASCII text");
	BAD(first, "v", "two tensors are called 'v'");
	BAD(nd, 5, "tensor 'w' has 5 dimensions, at most 4");
	BAD(nd, UINT32_MAX, "at most 4");
	BAD(ne[0], UINT64_MAX, "tensor 'w' has a negative dimension");
	BAD(ne[0], 31, "tensor 'w' has rows of 31, no whole blocks of 32 (Q8_0)");
	BAD(ne[1], HUGE_NR, "tensor 'w' is too large to be true");
	BAD(ne[0], (uint64_t)INT64_MAX - 31, "tensor 'w' is too large to be true");
	BAD(ne[1], 1 << 20, "tensor 'w' asks for");
	BAD(ggml, 4, "tensor 'w' has the unknown type 4");
	BAD(ggml, UINT32_MAX, "the unknown type");
	BAD(offset, 32, "tensor 'w' is at offset 32 of the data, after the ones before it comes 0");
	BAD(offset2, 0, "tensor 'v' is at offset 0");
	BAD(offset2, 160, "tensor 'v' is at offset 160");
	BAD(offset2, UINT64_MAX - 12, "tensor 'v' is at offset");
	BAD(data, 139, "cut short: tensor 'v' ends at byte");
	BAD(data, 12, "cut short: tensor 'w' ends at byte");
}

static void gguf_hostile(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "bad.gguf");
	struct gguf *g;

	hostile_header(path);
	hostile_values(path);
	hostile_strings(path);
	hostile_tensors(path);
	check_fails(gguf_open(dir, &g), -EINVAL, "not a regular file");
	check_fails(gguf_open("/nowhere/x", &g), -ENOENT, "/nowhere/x");
	CHECK(!gguf_is(dir) && !gguf_is("/nowhere/x"));
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(gguf_hostile);

/* A type that knlp lacks is passed over, with its right size. */
static void gguf_foreign_type(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "x.gguf");
	struct plan p = good;
	struct gguf *g;

	p.ggml = 23;	/* IQ4_XS: 136 bytes for 256 */
	p.ne[0] = 256;
	p.ne[1] = 1;
	p.offset2 = 160;
	p.data = 172;
	write_plan(path, &p);
	check_ok(gguf_open(path, &g));
	CHECK(gguf_tensor_at(g, 0)->dtype == DT_COUNT && gguf_tensor_at(g, 0)->bytes == 136);
	ck_assert_str_eq(gguf_ggml_name(gguf_tensor_at(g, 0)->ggml), "IQ4_XS");
	CHECK(!strcmp(gguf_tensor_at(g, 1)->name, "v"));
	gguf_close(g);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(gguf_foreign_type);

/* The sizes of dtype.h are those by which GGUF files are cut up. */
static void gguf_types(void)
{
	for (int t = 0; t < DT_COUNT; t++) {
		const struct dtype_info *info = dtype_info(t);
		const struct ggml_type *type = ggml_type(dtype_ggml(t));

		if (dtype_ggml(t) < 0)
			continue;
		CHECK(type && (size_t)type->bytes == info->size && type->block == info->block);
		CHECK(!strcasecmp(type->name, info->name));
		CHECK(dtype_from_ggml(type->nr) == t);
	}
}
TEST_REGISTER(gguf_types);

/* Cut anywhere before the last tensor's end: refused. */
static void gguf_cut(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "bad.gguf"), *whole;
	struct gguf *g;
	size_t len;

	write_plan(path, &good);
	check_ok(file_read_all(path, 1 << 20, &whole, &len));
	for (size_t keep = 0; keep < len; keep++) {
		write_raw(path, whole, keep);
		if (gguf_open(path, &g) != -EINVAL)
			ck_abort_msg("cut to %zu bytes: opened", keep);
	}
	free(whole);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(gguf_cut);

static double look_at_all(const struct gguf *g)
{
	double sum = 0;

	for (size_t i = 0; i < gguf_nr_values(g); i++) {
		const struct gguf_value *v = gguf_value_at(g, i);

		for (size_t b = 0; b < v->bytes; b++)
			sum += v->data[b];
		for (uint64_t k = 0; v->item == GGUF_STRING && k < v->nr; k++)
			sum += (double)gguf_item_string(v, k).len;
	}
	for (size_t i = 0; i < gguf_nr_tensors(g); i++) {
		const struct gguf_tensor *t = gguf_tensor_at(g, i);

		for (size_t b = 0; b < t->bytes; b++)
			sum += ((const unsigned char *)t->data)[b];
	}
	return sum;
}

/* Whatever the damage: refused, or opened with all data inside the mapping. */
static void gguf_random_damage(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "bad.gguf"), *whole, *text;
	char *small = tree_path(SMALL);
	struct rng rng = rng_stream(1, "test/gguf", 0);
	double sum = 0;
	struct gguf *g;
	size_t len;

	check_ok(file_read_all(small, 1 << 20, &whole, &len));
	text = malloc(len);
	for (unsigned int n = 0; n < 3000; n++) {
		memcpy(text, whole, len);
		for (unsigned int k = 0; k < 1 + n % 3; k++)
			text[rng_below(&rng, 4 * n + k, len)] ^= 1 << n % 8;
		write_raw(path, text, len);
		if (!gguf_open(path, &g))
			sum += look_at_all(g);
		gguf_close(g);
	}
	CHECK(sum > 0);
	free(text);
	free(whole);
	free(small);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(gguf_random_damage);

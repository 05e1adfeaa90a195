// SPDX-License-Identifier: MIT
#include "io/safetensors.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "tests/unit/io-helper.h"
#include "tests/unit/test.h"

#define WIDE 1100	/* rows and columns that need several pieces of a transpose */
#define HIGH 600

static float matrix[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } };
static uint8_t bytes[3] = { 7, 8, 9 };
static double scalar = 0.1;
static uint16_t halves[3][5];		/* (out, in), transposed in the file */
static float large[HIGH][WIDE];

#define MEMORY(var) .fetch = tensor_fetch_memory, .store = tensor_store_memory, .ctx = (var)

static const struct tensor_entry entries[] = {
	{ .name = "bytes", .dtype = DT_U8, .nd = 1, .shape = { 3 }, MEMORY(bytes) },
	{ .name = "matrix", .dtype = DT_F32, .nd = 2, .shape = { 2, 3 }, MEMORY(matrix) },
	{ .name = "scalar", .dtype = DT_F64, .nd = 0, MEMORY(&scalar) },
	{ .name = "none", .dtype = DT_I64, .nd = 2, .shape = { 0, 4 }, MEMORY(&scalar) },
	{ .name = "halves", .dtype = DT_BF16, .nd = 2, .shape = { 3, 5 }, .transposed = true,
	  MEMORY(halves) },
	{ .name = "a \"large\" one", .dtype = DT_F32, .nd = 2, .shape = { HIGH, WIDE },
	  .transposed = true, MEMORY(large) },
};

#define NR (sizeof(entries) / sizeof(entries[0]))

static const struct st_meta meta[] = { { "format", "pt" }, { "note", "line\nbreak" } };

static void fill(void)
{
	for (int o = 0; o < 3; o++)
		for (int i = 0; i < 5; i++)
			halves[o][i] = f32_to_bf16((float)(10 * o + i));
	for (int o = 0; o < HIGH; o++)
		for (int i = 0; i < WIDE; i++)
			large[o][i] = (float)(o * WIDE + i);
}

static void check_views(const struct st *st)
{
	const struct st_view *v;

	CHECK(st_count(st) == NR);
	CHECK(!st_find(st, "halves", &v) && v->shape[0] == 5 && v->shape[1] == 3);
	CHECK(st_element(v, 4 * 3 + 2) == 24);
	CHECK(!st_find(st, "a \"large\" one", &v) && v->shape[0] == WIDE);
	CHECK(st_element(v, 1000 * HIGH + 500) == 500 * WIDE + 1000);
	CHECK(!st_find(st, "scalar", &v) && v->nd == 0 && st_element(v, 0) == 0.1);
	CHECK(!st_find(st, "none", &v) && v->bytes == 0);
	CHECK(!strcmp(st_metadata(st, "note"), "line\nbreak") && !st_metadata(st, "x"));
	CHECK(st_find(st, "matrx", &v) == -ENOENT && message_has("there is 'matrix'"));
	for (size_t i = 0; i < NR; i++) {
		v = st_at(st, i);
		CHECK((uintptr_t)v->data % dtype_size(v->dtype) == 0);
		CHECK(!i || (const char *)st_at(st, i - 1)->data <= (const char *)v->data);
	}
}

static void check_loaded(const struct st *st)
{
	memset(matrix, 0, sizeof(matrix));
	memset(bytes, 0, sizeof(bytes));
	memset(halves, 0, sizeof(halves));
	memset(large, 0, sizeof(large));
	scalar = 0;
	CHECK(!st_load(st, entries, NR));
	CHECK(matrix[1][2] == 6 && bytes[2] == 9 && scalar == 0.1);
	CHECK(halves[2][4] == f32_to_bf16(24));
	for (int o = 0; o < HIGH; o++)
		for (int i = 0; i < WIDE; i++)
			if (large[o][i] != (float)(o * WIDE + i)) {
				CHECK(!"a transposed tensor came back as it was");
				return;
			}
}

static void safetensors_round_trip(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "x.safetensors");
	char hex[HASH_HEX], again[HASH_HEX];
	struct st *st;

	fill();
	CHECK(!st_write(path, entries, NR, meta, 2, hex));
	CHECK(!hash_file(path, again) && !strcmp(hex, again));
	CHECK(!st_write(path, entries, NR, meta, 2, again) && !strcmp(hex, again));
	CHECK(!st_open(path, &st));
	check_views(st);
	check_loaded(st);
	st_close(st);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(safetensors_round_trip);

/* ---- hostile files ---- */

static void write_file(const char *path, uint64_t header_len, const char *header, size_t data)
{
	size_t len = strlen(header);
	char *text = calloc(1, 8 + len + data);

	for (int i = 0; i < 8; i++)
		text[i] = (char)(header_len >> 8 * i);
	memcpy(text + 8, header, len);
	write_raw(path, text, 8 + len + data);
	free(text);
}

#define T(dtype, shape, from, to) \
	"{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}"

static const struct {
	const char *header;
	size_t data;
	const char *message;
} hostile[] = {
	{ "{\"a\":" T("F32", "[2]", "0", "8") "}", 8, NULL },
	{ "{\"a\":" T("F32", "[2]", "0", "8") "}  ", 8, NULL },
	{ "{}", 0, NULL },
	{ "{\"a\":" T("F32", "[2]", "0", "8") "}", 7, "the file has 7" },
	{ "{\"a\":" T("F32", "[2]", "0", "8") "}", 9, "1 bytes after the last tensor" },
	{ "{\"a\":" T("F32", "[3]", "0", "8") "}", 8, "ask for 12 bytes" },
	{ "{\"a\":" T("F99", "[2]", "0", "8") "}", 8, "unknown type 'F99'" },
	{ "{\"a\":" T("F32", "[-2]", "0", "8") "}", 8, "'shape' is -2" },
	{ "{\"a\":" T("F32", "[2.5]", "0", "8") "}", 8, "not an integer" },
	{ "{\"a\":" T("F32", "[\"2\"]", "0", "8") "}", 8, "not an integer" },
	{ "{\"a\":" T("F32", "2", "0", "8") "}", 8, "not an array" },
	{ "{\"a\":" T("F32", "[1e300]", "0", "8") "}", 8, "not an integer" },
	{ "{\"a\":" T("F32", "[4294967296,4294967296,2]", "0", "8") "}", 8, "too large" },
	{ "{\"a\":" T("F32", "[4611686018427387904,4]", "0", "8") "}", 8, "integer" },
	{ "{\"a\":" T("F32", "[1,1,1,1,1,1,1,1,2]", "0", "8") "}", 8, "more than 8" },
	{ "{\"a\":" T("F32", "[2]", "8", "0") "}", 8, "ends before it begins" },
	{ "{\"a\":" T("F32", "[2]", "0", "18446744073709551615") "}", 8, "integer" },
	{ "{\"a\":" T("F32", "[2]", "0,1", "8") "}", 8, "two numbers" },
	{ "{\"a\":" T("F32", "[2]", "4", "12") "}", 12, "a hole of 4 bytes before" },
	{ "{\"a\":" T("F32", "[2]", "0", "8") ",\"b\":" T("F32", "[2]", "4", "12") "}", 12,
	  "tensors 'a' and 'b' overlap" },
	{ "{\"a\":" T("F32", "[2]", "0", "8") ",\"a\":" T("F32", "[2]", "8", "16") "}", 16,
	  "key 'a' appears twice" },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "not an object of" },
	{ "{\"a\":5}", 8, "not an object of" },
	{ "{\"__metadata__\":{\"x\":5}}", 0, "is not a string" },
	{ "{\"__metadata__\":5}", 0, "is not an object" },
	{ "{\"a\\u0000b\":" T("F32", "[2]", "0", "8") "}", 8, "\\u0000" },
	{ "[1,2]", 0, "no JSON object" },
	{ "{\"a\":", 8, "not valid JSON" },
	{ "{} x", 0, "after the end" },
};

static void safetensors_hostile_headers(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "bad.safetensors");
	struct st *st;

	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		int ret;

		write_file(path, strlen(hostile[i].header), hostile[i].header, hostile[i].data);
		ret = st_open(path, &st);
		if (!hostile[i].message) {
			CHECK(!ret);
		} else {
			CHECK(ret < 0 && message_has(hostile[i].message));
			CHECK(message_has("bad.safetensors"));
		}
		st_close(st);
	}
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(safetensors_hostile_headers);

static void safetensors_hostile_lengths(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "bad.safetensors");
	char *deep = calloc(1, 20001);
	struct st *st;

	write_file(path, UINT64_MAX, "{}", 0);
	CHECK(st_open(path, &st) == -EINVAL && message_has("not a safetensors file"));
	write_file(path, 3, "{}", 0);
	CHECK(st_open(path, &st) == -EINVAL && message_has("cut short"));
	write_file(path, 0, "{}", 0);
	CHECK(st_open(path, &st) == -EINVAL);
	write_raw(path, "abc", 3);
	CHECK(st_open(path, &st) == -EINVAL && message_has("too few"));
	memcpy(deep, "{\"a\":", 5);
	memset(deep + 5, '[', 19995);
	write_file(path, 20000, deep, 0);
	CHECK(st_open(path, &st) == -EINVAL && message_has("nested too deeply"));
	CHECK(st_open(dir, &st) == -EINVAL && message_has("not a regular file"));
	CHECK(st_open("/nowhere/x", &st) == -ENOENT && message_has("/nowhere/x"));
	free(deep);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(safetensors_hostile_lengths);

/* In a child: what it looks at is cut away, which ends it with 1 and a line. */
static void safetensors_cut_while_open(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "x.safetensors"), *said;
	char *message = path_join(dir, "stderr"), *want;
	int status;
	struct st *st;
	size_t len;
	pid_t pid;

	fill();
	check_ok(st_write(path, entries, NR - 1, meta, 2, NULL));
	pid = fork();
	if (!pid) {
		if (!freopen(message, "w", stderr) || st_open(path, &st) || truncate(path, 0))
			_exit(2);
		_exit(st_element(st_at(st, 0), 0) > 0 ? 3 : 4);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1);
	check_ok(file_read_all(message, 1000, &said, &len));
	want = str_printf("knlp: error: %s: was cut short while in use\n", path);
	ck_assert_str_eq(said, want);
	free(want);
	free(said);
	free(message);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(safetensors_cut_while_open);

/* Whatever the damage: refused, or opened with all data inside the mapping. */
static void safetensors_random_damage(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "bad.safetensors"), *whole, *text;
	struct rng rng = rng_stream(1, "test/safetensors", 0);
	double sum = 0;
	struct st *st;
	size_t len;

	fill();
	CHECK(!st_write(path, entries, NR - 1, meta, 2, NULL));
	CHECK(!file_read_all(path, 1 << 20, &whole, &len));
	text = malloc(len);
	for (unsigned int n = 0; n < 1500; n++) {
		size_t keep = n % 3 ? len : rng_below(&rng, 4 * n + 3, len);

		memcpy(text, whole, len);
		for (unsigned int k = 0; k < 1 + n % 3; k++)
			text[rng_below(&rng, 4 * n + k, len)] ^= 1 << n % 8;
		write_raw(path, text, keep);
		if (st_open(path, &st))
			continue;
		for (size_t i = 0; i < st_count(st); i++)
			for (size_t b = 0; b < st_at(st, i)->bytes; b++)
				sum += ((const unsigned char *)st_at(st, i)->data)[b];
		st_close(st);
	}
	CHECK(sum >= 0);
	free(text);
	free(whole);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(safetensors_random_damage);

/* ---- strict loading, failing writes ---- */

static void safetensors_load_is_strict(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "x.safetensors");
	struct tensor_entry e[2] = { entries[0], entries[1] };
	struct st *st;

	CHECK(!st_write(path, e, 2, NULL, 0, NULL) && !st_open(path, &st));
	CHECK(!st_load(st, e, 2));
	CHECK(st_load(st, e, 1) == -EINVAL && message_has("'matrix' is in the file but not"));
	e[1].shape[0] = 3;
	CHECK(st_load(st, e, 2) == -EINVAL &&
	      message_has("'matrix' has shape (2, 3), expected (3, 3)"));
	e[1] = entries[1];
	e[1].dtype = DT_F64;
	CHECK(st_load(st, e, 2) == -EINVAL && message_has("type F32, expected F64"));
	e[1] = entries[1];
	e[1].name = "other";
	CHECK(st_load(st, e, 2) == -ENOENT && message_has("no tensor 'other'"));
	e[1] = e[0];
	CHECK(st_load(st, e, 2) == -EINVAL && message_has("asked for twice"));
	CHECK(st_write(path, e, 2, NULL, 0, NULL) == -EINVAL && message_has("two tensors"));
	st_close(st);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(safetensors_load_is_strict);

static void safetensors_skips_foreign_types(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "x.safetensors");
	const char *header = "{\"mask\":" T("BOOL", "[3]", "0", "3") "}";
	const struct st_view *v;
	struct st *st;

	write_file(path, strlen(header), header, 3);
	CHECK(!st_open(path, &st));
	CHECK(st_count(st) == 1 && st_at(st, 0)->dtype == DT_COUNT);
	CHECK(st_find(st, "mask", &v) == -ENOTSUP && message_has("type BOOL"));
	st_close(st);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(safetensors_skips_foreign_types);

static int fetch_broken(void *ctx, size_t offset, size_t len, void *buf)
{
	(void)ctx, (void)offset, (void)len, (void)buf;
	return fail(-EIO, "the device is gone");
}

/* In a child, since a limit on file sizes cannot be taken back without privilege. */
static void write_beyond_limit(const char *path)
{
	struct rlimit limit = { 1 << 20, 1 << 20 };

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit))
		_exit(1);
	_exit(!(st_write(path, entries, NR, NULL, 0, NULL) == -EFBIG &&
		message_has("x.safetensors") && message_has("too large")));
}

static void safetensors_failed_write(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "x.safetensors"), *tmp;
	struct tensor_entry broken = entries[1];
	char hex[HASH_HEX], again[HASH_HEX];
	int status;
	pid_t pid;

	CHECK(!st_write(path, entries, 2, NULL, 0, hex));
	broken.fetch = fetch_broken;
	CHECK(st_write(path, &broken, 1, NULL, 0, NULL) == -EIO);
	CHECK(message_has("tensor 'matrix': the device is gone"));
	pid = fork();
	if (!pid)
		write_beyond_limit(path);
	CHECK(waitpid(pid, &status, 0) == pid && !status);
	CHECK(!hash_file(path, again) && !strcmp(hex, again));
	tmp = str_printf("%s.tmp-%ld", path, (long)pid);
	CHECK(!file_exists(tmp));
	free(tmp);
	CHECK(st_write("/nowhere/x", entries, 1, NULL, 0, NULL) == -ENOENT);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(safetensors_failed_write);

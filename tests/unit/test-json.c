// SPDX-License-Identifier: MIT
#include "io/json.h"

#include <math.h>

#include "base/rng.h"
#include "tests/unit/io-helper.h"
#include "tests/unit/test.h"

static const struct {
	const char *text;
	const char *message;
} refused[] = {
	{ "", "not valid JSON" },
	{ "{\"a\":1", "not valid JSON" },
	{ "{\"1\":1,", "not valid JSON" },
	{ "{\"a\":1}}", "after the end" },
	{ "{\"a\":1} {}", "after the end" },
	{ "{\"a\":\"b", "a string has no end" },
	{ "{\"a\":\"b\\", "a string has no end" },
	{ "{\"a\":\"b\\\"}", "a string has no end" },
	{ "{\"a\":\"\n\"}", "control character" },
	{ "{\"a\":\"\\u0000\"}", "\\u0000" },
	{ "{\"a\":1,\"b\":2,\"a\":3}", "key 'a' appears twice" },
	{ "[{\"x\":{\"b\":1,\"b\":1}}]", "key 'b' appears twice" },
	{ "{\n\"a\":\n nope}", "f:3: not valid JSON" },
};

static void json_refuses(void)
{
	char deep[200] = "";
	cJSON *root;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		CHECK(json_parse("f", refused[i].text, strlen(refused[i].text), &root) == -EINVAL);
		CHECK(!root && message_has(refused[i].message));
	}
	CHECK(json_parse("f", "1\0002", 3, &root) == -EINVAL && message_has("NUL"));
	memset(deep, '[', JSON_DEPTH_MAX);
	memset(deep + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	CHECK(!json_parse("f", deep, strlen(deep), &root));
	cJSON_Delete(root);
	memset(deep, '[', 100);
	CHECK(json_parse("f", deep, 100, &root) == -EINVAL && message_has("nested too deeply"));
}
TEST_REGISTER(json_refuses);

static void json_getters(void)
{
	static const char text[] = "{\"i\":-5,\"d\":0.25,\"t\":true,\"s\":\"\\\\u0000 \\u00e9\","
				   "\"big\":9007199254740994,\"inf\":1e999,\"o\":{},\"a\":[1]}";
	const cJSON *item;
	long long i;
	const char *s;
	cJSON *root;
	double d;
	bool b;

	CHECK(!json_parse("f", text, strlen(text), &root));
	CHECK(!json_int("f", root, "i", -5, 5, &i) && i == -5);
	check_fails(json_int("f", root, "i", 0, 5, &i), -EINVAL, "f: 'i' is -5, not in 0..5");
	CHECK(json_int("f", root, "d", 0, 5, &i) == -EINVAL && message_has("not an integer"));
	CHECK(json_int("f", root, "big", 0, 5, &i) == -EINVAL);
	CHECK(json_int("f", root, "I", 0, 5, &i) == -ENOENT && message_has("'I' is missing"));
	CHECK(!json_double("f", root, "d", &d) && d == 0.25);
	CHECK(json_double("f", root, "inf", &d) == -EINVAL);
	CHECK(!json_bool("f", root, "t", &b) && b);
	CHECK(json_bool("f", root, "i", &b) == -EINVAL && message_has("not true or false"));
	CHECK(!json_string("f", root, "s", &s) && !strcmp(s, "\\u0000 \xc3\xa9"));
	CHECK(json_string("f", root, "i", &s) == -EINVAL && message_has("not a string"));
	CHECK(!json_object("f", root, "o", &item) && !json_array("f", root, "a", &item));
	CHECK(json_object("f", root, "a", &item) == -EINVAL && message_has("not an object"));
	CHECK(json_array("f", root, "o", &item) == -EINVAL && message_has("not an array"));
	cJSON_Delete(root);
}
TEST_REGISTER(json_getters);

static void json_text_reads_back(void)
{
	static const char tricky[] = "a\"b\\c\nd\te\x01\x7f \xc3\xa9 /";
	struct rng rng = rng_stream(1, "test/json", 0);
	struct strbuf sb;
	cJSON *root;

	strbuf_init(&sb);
	json_add_string(&sb, tricky);
	CHECK(!json_parse("f", sb.s, sb.len, &root) && !strcmp(root->valuestring, tricky));
	cJSON_Delete(root);
	for (int i = 0; i < 2000; i++) {
		uint64_t bits = (uint64_t)rng_u32(&rng, 2 * i) << 32 | rng_u32(&rng, 2 * i + 1);
		double v;

		memcpy(&v, &bits, sizeof(v));
		strbuf_clear(&sb);
		json_add_double(&sb, v);
		CHECK(!json_parse("f", sb.s, sb.len, &root));
		CHECK(isfinite(v) ? root->valuedouble == v : cJSON_IsNull(root));
		cJSON_Delete(root);
	}
	strbuf_free(&sb);
}
TEST_REGISTER(json_text_reads_back);

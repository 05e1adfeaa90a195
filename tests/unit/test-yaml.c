// SPDX-License-Identifier: MIT
#include "io/yaml.h"

#include <math.h>

#include "base/rng.h"
#include "tests/unit/io-helper.h"
#include "tests/unit/test.h"

/* Texts that another reader could take for something else, or that need escapes. */
static const char *const texts[] = {
	"", "plain", "1.10", "1e5", "true", "No", "~", "null", "-", "- a", "a: b", "a #b", "#a",
	"'", "\"", "\\", "line\nbreak", "tab\there", " lead", "trail ", "[a]", "{a", "*a", "&a",
	"!a", "%a", "@a", "`a", "|", ">", "?", "a, b", "caf\xc3\xa9", "0x10", "=", "<<", "\n", NULL
};

static const double numbers[] = {
	0, 1, -1, 0.1, 1e-7, 1e20, 1.5e-300, 3.14159265358979312, 1e16, 123456789012345680.0,
};

static int write_document(struct strbuf *sb)
{
	struct yml_writer *w = yml_writer_new();

	yml_put_texts(w, "texts", texts);
	yml_begin_map(w, "more");
	yml_put_int(w, "int", -9007199254740993);
	yml_put_bool(w, "yes", true);
	yml_put_double(w, "nan", NAN);
	yml_put_double(w, "inf", -INFINITY);
	yml_begin_list(w, "numbers");
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		yml_begin_map(w, NULL);
		yml_put_double(w, "n", numbers[i]);
		yml_end_map(w);
	}
	yml_end_list(w);
	yml_put_texts(w, "empty", NULL);
	yml_end_map(w);
	return yml_writer_end(w, sb);
}

static void yaml_reads_back(void)
{
	const struct yml *list, *more, *v;
	struct yml *root;
	struct strbuf sb;
	long long n;
	double d;
	int i = 0;
	bool b;

	strbuf_init(&sb);
	CHECK(!write_document(&sb));
	CHECK(!yml_parse("f", sb.s, sb.len, &root));
	CHECK(!yml_list(root, "texts", &list));
	yml_for_each(v, list)
		CHECK(!strcmp(v->text, texts[i++]));
	CHECK(!texts[i]);
	CHECK(!yml_map(root, "more", &more));
	CHECK(!yml_int(more, "int", &n) && n == -9007199254740993);
	CHECK(!yml_bool(more, "yes", &b) && b);
	CHECK(!yml_double(more, "nan", &d) && isnan(d));
	CHECK(!yml_double(more, "inf", &d) && d == -INFINITY);
	CHECK(!yml_list(more, "numbers", &list));
	i = 0;
	yml_for_each(v, list)
		CHECK(!yml_double(v, "n", &d) && d == numbers[i++]);
	CHECK(!yml_list(more, "empty", &list) && !yml_count(list));
	yml_free(root);
	strbuf_free(&sb);
}
TEST_REGISTER(yaml_reads_back);

static const struct {
	const char *text;
	const char *message;
} refused[] = {
	{ "", "f:1: empty" },
	{ "a: &x 1\nb: *x\n", "anchors and tags" },
	{ "b: *x\n", "f:1: aliases" },
	{ "a: !!int 1\n", "anchors and tags" },
	{ "a: 1\nb: 2\na: 3\n", "f:3: 'a' appears twice" },
	{ "a: 1\n---\nb: 1\n", "more than one document" },
	{ "a: [1\n", "not valid YAML" },
	{ "a: \"x\n", "not valid YAML" },
	{ "? [a]\n: b\n", "a key is not a text" },
	{ "a: \"\\0\"\n", "NUL" },
	{ "a: \xff\n", "not valid YAML" },
};

static void yaml_refuses(void)
{
	struct yml *root;
	char deep[101] = "";

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		CHECK(yml_parse("f", refused[i].text, strlen(refused[i].text), &root) == -EINVAL);
		CHECK(!root && message_has(refused[i].message));
	}
	memset(deep, '[', 50);
	memset(deep + 50, ']', 50);
	CHECK(yml_parse("f", deep, 100, &root) == -EINVAL && message_has("nested too deeply"));
}
TEST_REGISTER(yaml_refuses);

static void yaml_getters(void)
{
	static const char text[] = "a: x\nb: [1, 2]\nc: {d: 1.5}\n";
	const struct yml *v;
	struct yml *root;
	long long n;
	double d;
	bool b;

	CHECK(!yml_parse("f", text, strlen(text), &root));
	CHECK(yml_int(root, "a", &n) == -EINVAL && message_has("f:1: 'a' is not an integer"));
	CHECK(yml_double(root, "a", &d) == -EINVAL && message_has("'a' is not a number"));
	CHECK(yml_bool(root, "a", &b) == -EINVAL);
	CHECK(yml_int(root, "b", &n) == -EINVAL && message_has("f:2: 'b' is not a text"));
	CHECK(yml_map(root, "b", &v) == -EINVAL && yml_list(root, "c", &v) == -EINVAL);
	CHECK(yml_int(root, "x", &n) == -ENOENT && message_has("key 'x' is missing"));
	CHECK(!yml_map(root, "c", &v) && !yml_double(v, "d", &d) && d == 1.5);
	yml_free(root);
}
TEST_REGISTER(yaml_getters);

static void yaml_random_damage(void)
{
	struct rng rng = rng_stream(1, "test/yaml", 0);
	struct yml *root;
	struct strbuf sb;
	char *text;

	strbuf_init(&sb);
	CHECK(!write_document(&sb));
	text = malloc(sb.len);
	for (unsigned int i = 0; i < 3000; i++) {
		static const char marks[] = "[]{}:-&*!|>'\"#%\n ?,\\";
		size_t at = rng_below(&rng, 3 * i, sb.len);

		memcpy(text, sb.s, sb.len);
		text[at] = marks[rng_below(&rng, 3 * i + 1, sizeof(marks) - 1)];
		yml_parse("f", text, 1 + rng_below(&rng, 3 * i + 2, sb.len), &root);
		yml_free(root);
	}
	free(text);
	strbuf_free(&sb);
}
TEST_REGISTER(yaml_random_damage);

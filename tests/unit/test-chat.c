// SPDX-License-Identifier: MIT
/* Chat templates against what llama.cpp's own test wants: scripts/peers/golden_chat.py. */
#include <stdlib.h>
#include <string.h>

#include "infer/chat.h"
#include "io/json.h"
#include "tests/unit/data-helper.h"
#include "tests/unit/test.h"

static const struct {
	enum chat_role role;
	const char *content;
} conversation[] = {
	{ CHAT_SYSTEM, "You are a helpful assistant" },
	{ CHAT_USER, "Hello" },
	{ CHAT_ASSISTANT, "Hi there" },
	{ CHAT_USER, "Who are you" },
	{ CHAT_ASSISTANT, "   I am an assistant   " },
	{ CHAT_USER, "Another question" },
};

/* Templates of llama.cpp that are not written here. */
static bool is_foreign(const char *name)
{
	static const char *const foreign[] = { "GigaChat", "Megrez", "Yandex", "Ling", "Seed" };

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (strstr(name, foreign[i]))
			return true;
	return false;
}

static void check_case(const cJSON *c)
{
	const char *name = json_get(c, "name")->valuestring;
	const char *text = json_get(c, "template_str")->valuestring;
	const char *want = json_get(c, "expected_output")->valuestring;
	const struct chat_template *t = chat_template_find(text);
	struct strbuf sb;
	struct chat chat;

	if (is_foreign(name)) {
		ck_assert_msg(!t, "%s is taken for %s", name, t ? chat_template_name(t) : "");
		return;
	}
	ck_assert_msg(t, "%s is not recognised", name);
	CHECK(chat_template_find(chat_template_name(t)) == t);
	strbuf_init(&sb);
	chat_init(&chat, t);
	for (size_t i = 0; i < sizeof(conversation) / sizeof(conversation[0]); i++)
		chat_add(&chat, conversation[i].role, conversation[i].content, &sb);
	chat_ask(&chat, &sb);
	ck_assert_msg(!strcmp(sb.s, want), "%s (%s):\n%s\nis not\n%s", name,
		      chat_template_name(t), sb.s, want);
	chat_free(&chat);
	strbuf_free(&sb);
}

static void chat_templates(void)
{
	char *path = tree_path("tests/data/golden/chat.json"), *text;
	const cJSON *c;
	size_t len;
	cJSON *all;

	check_ok(file_read_all(path, 1 << 20, &text, &len));
	check_ok(json_parse(path, text, len, &all));
	CHECK(cJSON_GetArraySize(all) > 25);
	cJSON_ArrayForEach(c, all)
		check_case(c);
	cJSON_Delete(all);
	free(text);
	free(path);
}
TEST_REGISTER(chat_templates);

/* Question by question is the same text as the whole at once. */
static void chat_turns(void)
{
	static const char *const names[] = { "chatml", "llama2-sys-bos", "llama3", "monarch" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct chat_template *t = chat_template_find(names[i]);
		struct chat whole, parts;
		struct strbuf a, b;

		strbuf_init(&a);
		strbuf_init(&b);
		chat_init(&whole, t);
		chat_init(&parts, t);
		chat_add(&whole, CHAT_SYSTEM, "be brief", &a);
		chat_add(&whole, CHAT_USER, "one", &a);
		chat_add(&whole, CHAT_ASSISTANT, "two", &a);
		chat_add(&whole, CHAT_USER, "three", &a);
		chat_ask(&whole, &a);
		chat_add(&parts, CHAT_SYSTEM, "be brief", &b);
		chat_add(&parts, CHAT_USER, "one", &b);
		chat_ask(&parts, &b);
		strbuf_adds(&b, "two");
		chat_answered(&parts, &b);
		chat_add(&parts, CHAT_USER, "three", &b);
		chat_ask(&parts, &b);
		ck_assert_str_eq(a.s, b.s);
		chat_free(&whole);
		chat_free(&parts);
		strbuf_free(&a);
		strbuf_free(&b);
	}
}
TEST_REGISTER(chat_turns);

static void chat_refused(void)
{
	CHECK(!chat_template_find("{{ what }}"));
	CHECK(strstr(fail_message(), "begins with '{{ what }}'") &&
	      strstr(fail_message(), "chatml"));
	CHECK(!chat_template_find("x <|im_start|> <end_of_utterance>"));
	CHECK(strstr(fail_message(), "chat template smolvlm"));
	fail_clear();
}
TEST_REGISTER(chat_refused);

// SPDX-License-Identifier: MIT
#include "infer/chat.h"

#include <ctype.h>
#include <string.h>

#include "base/fail.h"

/* struct around - what is written around a message. */
struct around {
	const char *before, *after;
};

/**
 * struct chat_template - one.
 * @start: in front of all
 * @role: around the messages of each
 * @ask: in front of the answer
 * @turn: in front of the first message, and of each that follows an answer; of the first
 *	one without what is in front of its bar
 * @trim: content loses blanks at both ends; bit r: of role r
 * @merges_system: the system's message stands in front of the user's first one
 */
struct chat_template {
	const char *name;
	const char *start;
	struct around role[CHAT_ROLES];
	const char *ask;
	const char *turn;
	unsigned int trim;
	bool merges_system;
};

#define TRIM_ALL 7

static const struct chat_template templates[] = {
	{ "chatml", "", { { "<|im_start|>system\n", "<|im_end|>\n" },
			  { "<|im_start|>user\n", "<|im_end|>\n" },
			  { "<|im_start|>assistant\n", "<|im_end|>\n" } },
	  "<|im_start|>assistant\n" },
	{ "phi4", "", { { "<|im_start|>system<|im_sep|>", "<|im_end|>" },
			{ "<|im_start|>user<|im_sep|>", "<|im_end|>" },
			{ "<|im_start|>assistant<|im_sep|>", "<|im_end|>" } },
	  "<|im_start|>assistant<|im_sep|>" },
	{ "mistral-v7", "", { { "[SYSTEM_PROMPT] ", "[/SYSTEM_PROMPT]" },
			      { "[INST] ", "[/INST]" }, { " ", "</s>" } }, "" },
	{ "mistral-v1", "", { { "", "\n\n" }, { "", " [/INST]" }, { " ", "</s>" } }, "",
	  "| [INST] " },
	{ "mistral-v3", "", { { "", "\n\n" }, { "", "[/INST]" }, { " ", "</s>" } }, "",
	  "|[INST] ", .trim = 1 << CHAT_ASSISTANT },
	{ "mistral-v3-tekken", "", { { "", "\n\n" }, { "", "[/INST]" }, { "", "</s>" } }, "",
	  "|[INST]" },
	{ "llama2", "", { { "", "\n" }, { "", " [/INST]" }, { "", "</s>" } }, "", "|[INST] " },
	{ "llama2-sys", "", { { "<<SYS>>\n", "\n<</SYS>>\n\n" }, { "", " [/INST]" },
			      { "", "</s>" } }, "", "|[INST] " },
	{ "llama2-sys-bos", "", { { "<<SYS>>\n", "\n<</SYS>>\n\n" }, { "", " [/INST]" },
				  { "", "</s>" } }, "", "<s>|[INST] " },
	{ "llama2-sys-strip", "", { { "<<SYS>>\n", "\n<</SYS>>\n\n" }, { "", " [/INST]" },
				    { "", "</s>" } }, "", "|[INST] ", .trim = TRIM_ALL },
	{ "phi3", "", { { "<|system|>\n", "<|end|>\n" }, { "<|user|>\n", "<|end|>\n" },
			{ "<|assistant|>\n", "<|end|>\n" } }, "<|assistant|>\n" },
	{ "chatglm4", "[gMASK]<sop>", { { "<|system|>\n", "" }, { "<|user|>\n", "" },
					{ "<|assistant|>\n", "" } }, "<|assistant|>\n" },
	{ "falcon3", "", { { "<|system|>\n", "\n" }, { "<|user|>\n", "\n" },
			   { "<|assistant|>\n", "\n" } }, "<|assistant|>\n" },
	{ "glmedge", "", { { "<|system|>\n", "" }, { "<|user|>\n", "" },
			   { "<|assistant|>\n", "" } }, "<|assistant|>" },
	{ "zephyr", "", { { "<|system|>\n", "<|endoftext|>\n" },
			  { "<|user|>\n", "<|endoftext|>\n" },
			  { "<|assistant|>\n", "<|endoftext|>\n" } }, "<|assistant|>\n" },
	{ "monarch", "", { { "system\n", "</s>\n" }, { "user\n", "</s>\n" },
			   { "assistant\n", "</s>\n" } }, "assistant\n", "<s>|" },
	{ "gemma", "", { { "", "\n\n" }, { "<start_of_turn>user\n", "<end_of_turn>\n" },
			 { "<start_of_turn>model\n", "<end_of_turn>\n" } },
	  "<start_of_turn>model\n", .trim = TRIM_ALL, .merges_system = true },
	{ "orion", "", { { "", "\n\n" }, { "Human: ", "\n\nAssistant: </s>" }, { "", "</s>" } },
	  "", .merges_system = true },
	{ "openchat", "", { { "", "<|end_of_turn|>" },
			    { "GPT4 Correct User: ", "<|end_of_turn|>" },
			    { "GPT4 Correct Assistant: ", "<|end_of_turn|>" } },
	  "GPT4 Correct Assistant:" },
	{ "vicuna", "", { { "", "\n\n" }, { "USER: ", "\n" }, { "ASSISTANT: ", "</s>\n" } },
	  "ASSISTANT:" },
	{ "vicuna-orca", "", { { "SYSTEM: ", "\n" }, { "USER: ", "\n" },
			       { "ASSISTANT: ", "</s>\n" } }, "ASSISTANT:" },
	{ "deepseek", "", { { "", "" }, { "### Instruction:\n", "\n" },
			    { "### Response:\n", "\n<|EOT|>\n" } }, "### Response:\n" },
	{ "command-r", "", { { "<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>",
			       "<|END_OF_TURN_TOKEN|>" },
			     { "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>", "<|END_OF_TURN_TOKEN|>" },
			     { "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
			       "<|END_OF_TURN_TOKEN|>" } },
	  "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>", .trim = TRIM_ALL },
	{ "llama3", "", { { "<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>" },
			  { "<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>" },
			  { "<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>" } },
	  "<|start_header_id|>assistant<|end_header_id|>\n\n", .trim = TRIM_ALL },
	{ "chatglm3", "[gMASK]sop", { { "<|system|>\n ", "" }, { "<|user|>\n ", "" },
				      { "<|assistant|>\n ", "" } }, "<|assistant|>" },
	{ "minicpm", "", { { "", "" }, { "<用户>", "<AI>" }, { "", "" } }, "",
	  .trim = TRIM_ALL },
	{ "deepseek2", "", { { "", "\n\n" }, { "User: ", "\n\n" },
			     { "Assistant: ", "<｜end▁of▁sentence｜>" } }, "Assistant:" },
	{ "deepseek3", "", { { "", "\n\n" }, { "<｜User｜>", "" },
			     { "<｜Assistant｜>", "<｜end▁of▁sentence｜>" } },
	  "<｜Assistant｜>" },
	{ "granite", "", { { "<|start_of_role|>system<|end_of_role|>", "<|end_of_text|>\n" },
			   { "<|start_of_role|>user<|end_of_role|>", "<|end_of_text|>\n" },
			   { "<|start_of_role|>assistant<|end_of_role|>",
			     "<|end_of_text|>\n" } },
	  "<|start_of_role|>assistant<|end_of_role|>" },
};

#define NR_TEMPLATES (sizeof(templates) / sizeof(templates[0]))

/*
 * Marks that a template's text contains, all of them; the first line that fits counts, in
 * llama.cpp's order.  Names that are not above are known and not written here.
 */
static const struct {
	const char *name, *marks[3];
} rules[] = {
	{ "phi4", { "<|im_start|>", "<|im_sep|>" } },
	{ "smolvlm", { "<|im_start|>", "<end_of_utterance>" } },
	{ "chatml", { "<|im_start|>" } },
	{ "mistral-v7", { "[INST]", "[SYSTEM_PROMPT]" } },
	{ "mistral-v1", { "[INST]", "' [INST] ' + system_message" } },
	{ "mistral-v1", { "[INST]", "[AVAILABLE_TOOLS]", " [INST]" } },
	{ "mistral-v3-tekken", { "[INST]", "[AVAILABLE_TOOLS]", "\"[INST]\"" } },
	{ "mistral-v3", { "[INST]", "[AVAILABLE_TOOLS]" } },
	{ "llama2-sys-strip", { "[INST]", "content.strip()" } },
	{ "llama2-sys-bos", { "[INST]", "bos_token + '[INST]" } },
	{ "llama2-sys", { "[INST]", "<<SYS>>" } },
	{ "llama2", { "[INST]" } },
	{ "phi3", { "<|assistant|>", "<|end|>" } },
	{ "chatglm4", { "[gMASK]<sop>" } },
	{ "exaone-moe", { "<|assistant|>", "<|user|>", "<|tool_declare|>" } },
	{ "falcon3", { "<|assistant|>", "<|user|>", "</s>" } },
	{ "glmedge", { "<|assistant|>", "<|user|>" } },
	{ "glmedge", { "<|{{ item['role'] }}|>", "<|begin_of_image|>" } },
	{ "zephyr", { "<|user|>", "<|endoftext|>" } },
	{ "monarch", { "bos_token + message['role']" } },
	{ "gemma", { "<start_of_turn>" } },
	{ "orion", { "'\\n\\nAssistant: ' + eos_token" } },
	{ "openchat", { "GPT4 Correct " } },
	{ "vicuna-orca", { "USER: ", "ASSISTANT: ", "SYSTEM: " } },
	{ "vicuna", { "USER: ", "ASSISTANT: " } },
	{ "deepseek", { "### Instruction:", "<|EOT|>" } },
	{ "command-r", { "<|START_OF_TURN_TOKEN|>", "<|USER_TOKEN|>" } },
	{ "llama3", { "<|start_header_id|>", "<|end_header_id|>" } },
	{ "chatglm3", { "[gMASK]sop" } },
	{ "minicpm", { "<用户>" } },
	{ "deepseek2", { "'Assistant: ' + message['content'] + eos_token" } },
	{ "deepseek3", { "<｜Assistant｜>", "<｜User｜>", "<｜end▁of▁sentence｜>" } },
	{ "exaone", { "[|system|]", "[|assistant|]", "[|endofturn|]" } },
	{ "rwkv-world", { "{{- 'User: ' + message['content']|trim + '\\n\\n' -}}" } },
	{ "granite with tools", { "<|start_of_role|>", "<tool_call>" } },
	{ "granite with tools", { "<|start_of_role|>", "<tools>" } },
	{ "granite", { "<|start_of_role|>" } },
};

#define NR_RULES (sizeof(rules) / sizeof(rules[0]))

static const struct chat_template *named(const char *name)
{
	for (size_t i = 0; i < NR_TEMPLATES; i++)
		if (!strcmp(templates[i].name, name))
			return &templates[i];
	return NULL;
}

/* What a text is recognised as, or NULL. */
static const char *recognise(const char *text)
{
	for (size_t i = 0; i < NR_RULES; i++) {
		bool fits = true;

		for (int k = 0; k < 3 && rules[i].marks[k]; k++)
			fits = fits && strstr(text, rules[i].marks[k]);
		if (fits)
			return rules[i].name;
	}
	return NULL;
}

static void refuse(const char *name, const char *text)
{
	int line = (int)strcspn(text, "\n");
	struct strbuf sb;

	strbuf_init(&sb);
	for (size_t i = 0; i < NR_TEMPLATES; i++)
		strbuf_addf(&sb, "%s%s", i ? ", " : "", templates[i].name);
	if (name)
		fail(-ENOTSUP, "chat template %s: knlp knows %s", name, sb.s);
	else if (!strpbrk(text, " {<[\n"))	/* no program in Jinja */
		fail(-ENOENT, "no chat template is called '%s': knlp knows %s", text, sb.s);
	else
		fail(-ENOTSUP, "the chat template that begins with '%.*s' is none of those that "
		     "knlp knows: %s", line < 40 ? line : 40, text, sb.s);
	strbuf_free(&sb);
}

const struct chat_template *chat_template_find(const char *text)
{
	const struct chat_template *t = named(text);
	const char *name;

	if (t)
		return t;
	name = recognise(text);
	t = name ? named(name) : NULL;
	if (!t)
		refuse(name, text);
	return t;
}

const char *chat_template_name(const struct chat_template *t)
{
	return t->name;
}

void chat_init(struct chat *c, const struct chat_template *t)
{
	*c = (struct chat){ .template = t };
	strbuf_init(&c->system);
}

void chat_free(struct chat *c)
{
	strbuf_free(&c->system);
}

/* ---- writing ------------------------------------------------------------------------ */

static void add_content(const struct chat_template *t, enum chat_role role, const char *content,
			struct strbuf *sb)
{
	size_t len = strlen(content);

	if (t->trim & 1u << role) {
		while (len && isspace((unsigned char)*content)) {
			content++;
			len--;
		}
		while (len && isspace((unsigned char)content[len - 1]))
			len--;
	}
	strbuf_add(sb, content, len);
}

/* What begins the conversation, or a turn. */
static void begin(struct chat *c, struct strbuf *sb)
{
	const char *turn = c->template->turn, *bar = turn ? strchr(turn, '|') : NULL;

	if (!c->started)
		strbuf_add(sb, c->template->start, strlen(c->template->start));
	if (turn && !c->inside) {
		if (c->started)
			strbuf_add(sb, turn, bar - turn);
		strbuf_add(sb, bar + 1, strlen(bar + 1));
	}
	c->started = true;
	/* Without anything behind the bar each message is a turn of its own. */
	c->inside = bar && bar[1];
}

static void add_part(const char *text, struct strbuf *sb)
{
	strbuf_add(sb, text, strlen(text));
}

void chat_add(struct chat *c, enum chat_role role, const char *content, struct strbuf *sb)
{
	const struct chat_template *t = c->template;
	const struct around *around = &t->role[role];

	if (role == CHAT_SYSTEM && t->merges_system) {
		add_content(t, role, content, &c->system);
		return;
	}
	begin(c, sb);
	add_part(around->before, sb);
	if (role == CHAT_USER && c->system.len) {
		strbuf_add(sb, c->system.s, c->system.len);
		add_part(t->role[CHAT_SYSTEM].after, sb);
		strbuf_clear(&c->system);
	}
	add_content(t, role, content, sb);
	add_part(around->after, sb);
	if (role == CHAT_ASSISTANT)
		c->inside = false;
}

void chat_ask(struct chat *c, struct strbuf *sb)
{
	if (*c->template->ask)
		begin(c, sb);
	add_part(c->template->ask, sb);
}

void chat_answered(struct chat *c, struct strbuf *sb)
{
	add_part(c->template->role[CHAT_ASSISTANT].after, sb);
	c->inside = false;
}

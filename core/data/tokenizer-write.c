// SPDX-License-Identifier: MIT
/*
 * The text of a tokenizer.json.  Written by hand rather than with a JSON library, since
 * a build that has no such library still trains on bytes and keeps its tokenizer.
 */
#include <stdlib.h>
#include <string.h>

#include "data/tokenizer.h"

static void add_quoted(struct strbuf *sb, const char *s, size_t len)
{
	strbuf_addc(sb, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = s[i];

		if (c == '"' || c == '\\')
			strbuf_addf(sb, "\\%c", c);
		else if (c < 0x20)
			strbuf_addf(sb, "\\u%04x", c);
		else
			strbuf_addc(sb, c);
	}
	strbuf_addc(sb, '"');
}

static void add_spelling(const struct tokenizer *tok, uint32_t id, struct strbuf *scratch,
			 struct strbuf *sb)
{
	strbuf_clear(scratch);
	tokenizer_spelling(tok, id, scratch);
	add_quoted(sb, scratch->s, scratch->len);
}

static void add_special_tokens(const struct tokenizer *tok, struct strbuf *scratch,
			       struct strbuf *sb)
{
	const char *sep = "";

	for (uint32_t id = 0; id < tok->vocab; id++) {
		if (!tok->special[id])
			continue;
		strbuf_addf(sb, "%s\n    {\"id\": %u, \"content\": ", sep, id);
		add_spelling(tok, id, scratch, sb);
		strbuf_adds(sb, ", \"single_word\": false, \"lstrip\": false, "
			    "\"rstrip\": false, \"normalized\": false, \"special\": true}");
		sep = ",";
	}
}

static void add_pre_tokenizer(const struct tokenizer *tok, struct strbuf *sb)
{
	const char *use_regex = "false";

	strbuf_adds(sb, "{\"type\": ");
	if (tok->pattern && strcmp(tok->pattern, GPT2_PATTERN)) {
		strbuf_adds(sb, "\"Sequence\", \"pretokenizers\": [\n    {\"type\": \"Split\", "
			    "\"pattern\": {\"Regex\": ");
		add_quoted(sb, tok->pattern, strlen(tok->pattern));
		strbuf_adds(sb, "}, \"behavior\": \"Isolated\", \"invert\": false},\n    {"
			    "\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
			    "\"trim_offsets\": true, \"use_regex\": false}]}");
		return;
	}
	if (tok->pattern)
		use_regex = "true";
	strbuf_addf(sb, "\"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, "
		    "\"use_regex\": %s}", use_regex);
}

static void add_model(const struct tokenizer *tok, struct strbuf *scratch, struct strbuf *sb)
{
	strbuf_addf(sb, "{\n    \"type\": \"BPE\", \"dropout\": null, \"unk_token\": null,\n"
		    "    \"continuing_subword_prefix\": null, \"end_of_word_suffix\": null,\n"
		    "    \"fuse_unk\": false, \"byte_fallback\": false, \"ignore_merges\": %s,\n"
		    "    \"vocab\": {", tok->ignore_merges ? "true" : "false");
	for (uint32_t id = 0; id < tok->vocab; id++) {
		strbuf_adds(sb, id ? ",\n      " : "\n      ");
		add_spelling(tok, id, scratch, sb);
		strbuf_addf(sb, ": %u", id);
	}
	strbuf_adds(sb, "\n    },\n    \"merges\": [");
	for (uint32_t i = 0; i < tok->nr_merges; i++) {
		strbuf_adds(sb, i ? ",\n      [" : "\n      [");
		add_spelling(tok, tok->merges[i].left, scratch, sb);
		strbuf_adds(sb, ", ");
		add_spelling(tok, tok->merges[i].right, scratch, sb);
		strbuf_addc(sb, ']');
	}
	strbuf_adds(sb, "]\n  }");
}

void tokenizer_describe(const struct tokenizer *tok, struct strbuf *sb)
{
	struct strbuf scratch;

	strbuf_init(&scratch);
	strbuf_adds(sb, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n"
		    "  \"padding\": null,\n  \"added_tokens\": [");
	add_special_tokens(tok, &scratch, sb);
	strbuf_adds(sb, "],\n  \"normalizer\": null,\n  \"pre_tokenizer\": ");
	add_pre_tokenizer(tok, sb);
	strbuf_adds(sb, ",\n  \"post_processor\": null,\n  \"decoder\": {\"type\": "
		    "\"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, "
		    "\"use_regex\": true},\n  \"model\": ");
	add_model(tok, &scratch, sb);
	strbuf_adds(sb, "\n}\n");
	strbuf_free(&scratch);
}

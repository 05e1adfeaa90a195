// SPDX-License-Identifier: MIT
/*
 * The text of a tokenizer.json.  Written by hand rather than with a JSON library, since
 * a build that has no such library still trains on bytes and keeps its tokenizer.
 */
#include <stdlib.h>
#include <string.h>

#include "base/kconfig.h"
#include "data/marks.h"
#include "data/merges.h"
#include "data/normalizer.h"

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

/* Without a mark, a literal text of the file's. */
static void add_text(struct strbuf *sb, const char *text)
{
	add_quoted(sb, text, strlen(text));
}

static void add_flag(struct strbuf *sb, const char *name, bool value)
{
	strbuf_addf(sb, ", \"%s\": %s", name, value ? "true" : "false");
}

static void add_added_tokens(const struct tokenizer *tok, struct strbuf *scratch,
			     struct strbuf *sb)
{
	const char *sep = "";

	for (uint32_t id = 0; id < tok->vocab; id++) {
		if (!tok->special[id] && tok->type[id] != TOKEN_USER_DEFINED)
			continue;
		strbuf_addf(sb, "%s\n    {\"id\": %u, \"content\": ", sep, id);
		add_spelling(tok, id, scratch, sb);
		add_flag(sb, "single_word", false);
		add_flag(sb, "lstrip", tok->flags[id] & MARK_LSTRIP);
		add_flag(sb, "rstrip", tok->flags[id] & MARK_RSTRIP);
		add_flag(sb, "normalized", (tok->flags[id] & (MARK_NORMALIZED | MARK_SPELLED)) ==
					   MARK_NORMALIZED);
		add_flag(sb, "special", tok->special[id]);
		strbuf_addc(sb, '}');
		sep = ",";
	}
}

/* Without other kinds, the byte tokenizer needs none of what only they have. */
static bool is_bytes(const struct tokenizer *tok)
{
	return !IS_ENABLED(CONFIG_TOKENIZER_BPE) || tok->method == METHOD_BYTE;
}

/* ---- normalizer, pre-tokenizer, decoder ----------------------------------------------- */

static void add_base64(struct strbuf *sb, const char *bytes, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = 0;

		for (size_t k = 0; k < 3; k++)
			v = v << 8 | (i + k < len ? (unsigned char)bytes[i + k] : 0);
		for (int k = 0; k < 4; k++)
			strbuf_addc(sb, i + k <= len ? digits[v >> (18 - 6 * k) & 63] : '=');
	}
}

static void add_step(const struct norm_step *s, struct strbuf *sb)
{
	switch (s->kind) {
	case NORM_NFC:
		strbuf_adds(sb, "{\"type\": \"NFC\"}");
		break;
	case NORM_PREPEND:
		strbuf_adds(sb, "{\"type\": \"Prepend\", \"prepend\": ");
		add_text(sb, s->to);
		strbuf_addc(sb, '}');
		break;
	case NORM_REPLACE:
		strbuf_adds(sb, "{\"type\": \"Replace\", \"pattern\": {\"String\": ");
		add_text(sb, s->from);
		strbuf_adds(sb, "}, \"content\": ");
		add_text(sb, s->to);
		strbuf_addc(sb, '}');
		break;
	case NORM_SQUEEZE:
		strbuf_adds(sb, "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \" {2,}\"}, "
			    "\"content\": ");
		add_text(sb, s->to);
		strbuf_addc(sb, '}');
		break;
	case NORM_STRIP:
		strbuf_adds(sb, "{\"type\": \"Strip\"");
		add_flag(sb, "strip_left", s->left);
		add_flag(sb, "strip_right", s->right);
		strbuf_addc(sb, '}');
		break;
	case NORM_CHARSMAP:
		strbuf_adds(sb, "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"");
		add_base64(sb, s->from, s->from_len);
		strbuf_adds(sb, "\"}");
		break;
	case NORM_SPACES:	/* nearly; model.knlp has it exactly */
		if (s->merge)
			strbuf_adds(sb, "{\"type\": \"Strip\", \"strip_left\": true, "
				    "\"strip_right\": true}, {\"type\": \"Replace\", "
				    "\"pattern\": {\"Regex\": \" {2,}\"}, \"content\": \" \"}, ");
		strbuf_adds(sb, "{\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, "
			    "\"content\": \"" SPACE_SYMBOL "\"}");
		break;
	case NORM_BLANKS:
	case NORM_METASPACE:
		break;
	}
}

static void add_normalizer(const struct tokenizer *tok, struct strbuf *sb)
{
	const char *sep = "";

	if (!normalizer_has(tok->normalizer, NORM_EARLY)) {
		strbuf_adds(sb, "null");
		return;
	}
	strbuf_adds(sb, "{\"type\": \"Sequence\", \"normalizers\": [");
	for (int i = 0; i < tok->normalizer->nr; i++) {
		if (tok->normalizer->steps[i].phase != NORM_EARLY)
			continue;
		strbuf_adds(sb, sep);
		add_step(&tok->normalizer->steps[i], sb);
		sep = ", ";
	}
	strbuf_adds(sb, "]}");
}

static void add_split(const char *pattern, struct strbuf *sb)
{
	strbuf_adds(sb, "{\"type\": \"Split\", \"pattern\": {\"Regex\": ");
	add_text(sb, pattern);
	strbuf_adds(sb, "}, \"behavior\": \"Isolated\", \"invert\": false}");
}

/* GPT-2's pattern at the end is ByteLevel's own. */
static void add_byte_level(const struct tokenizer *tok, struct strbuf *sb)
{
	int nr = tok->nr_splits;
	bool own = nr && !strcmp(tok->splits[nr - 1], GPT2_PATTERN);

	nr -= own;
	if (nr)
		strbuf_adds(sb, "{\"type\": \"Sequence\", \"pretokenizers\": [\n    ");
	for (int i = 0; i < nr; i++) {
		add_split(tok->splits[i], sb);
		strbuf_adds(sb, ",\n    ");
	}
	strbuf_addf(sb, "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
		    "\"trim_offsets\": true, \"use_regex\": %s}", own ? "true" : "false");
	if (nr)
		strbuf_adds(sb, "]}");
}

static void add_metaspace(const struct tokenizer *tok, enum space_prefix prefix, bool split,
			  struct strbuf *sb)
{
	static const char *const schemes[] = {
		[SPACE_NEVER] = "never", [SPACE_FIRST] = "first", [SPACE_EACH] = "always",
	};
	bool blanks = normalizer_find(tok->normalizer, NORM_BLANKS);

	if (blanks)
		strbuf_adds(sb, "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": "
			    "\"WhitespaceSplit\"}, ");
	strbuf_addf(sb, "{\"type\": \"Metaspace\", \"replacement\": \"" SPACE_SYMBOL "\", "
		    "\"prepend_scheme\": \"%s\", \"split\": %s}", schemes[prefix],
		    split ? "true" : "false");
	strbuf_adds(sb, blanks ? "]}" : "");
}

static void add_pre_tokenizer(const struct tokenizer *tok, struct strbuf *sb)
{
	const struct norm_step *meta = normalizer_find(tok->normalizer, NORM_METASPACE);
	const struct norm_step *spaces = normalizer_find(tok->normalizer, NORM_SPACES);

	if (is_bytes(tok) || tok->method == METHOD_BYTE_BPE)
		add_byte_level(tok, sb);
	else if (meta)
		add_metaspace(tok, meta->prefix, tok->nr_splits, sb);
	else if (spaces)
		add_metaspace(tok, spaces->prefix, tok->method == METHOD_UNIGRAM, sb);
	else
		strbuf_adds(sb, "null");
}

static void add_decoder(const struct tokenizer *tok, struct strbuf *sb)
{
	if (is_bytes(tok) || tok->method == METHOD_BYTE_BPE) {
		strbuf_adds(sb, "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
			    "\"trim_offsets\": true, \"use_regex\": true}");
		return;
	}
	strbuf_adds(sb, "{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Replace\", "
		    "\"pattern\": {\"String\": \"" SPACE_SYMBOL "\"}, \"content\": \" \"}, "
		    "{\"type\": \"ByteFallback\"}, {\"type\": \"Fuse\"}");
	if (tok->strip_space)
		strbuf_adds(sb, ", {\"type\": \"Strip\", \"content\": \" \", \"start\": 1, "
			    "\"stop\": 0}");
	strbuf_adds(sb, "]}");
}

/* ---- post-processor: BOS and EOS -------------------------------------------------------- */

static void add_template_token(const struct tokenizer *tok, uint32_t id,
			       struct strbuf *scratch, struct strbuf *sb)
{
	strbuf_adds(sb, "{\"SpecialToken\": {\"id\": ");
	add_spelling(tok, id, scratch, sb);
	strbuf_adds(sb, ", \"type_id\": 0}}");
}

static void add_template_id(const struct tokenizer *tok, uint32_t id, struct strbuf *scratch,
			    struct strbuf *sb)
{
	add_spelling(tok, id, scratch, sb);
	strbuf_adds(sb, ": {\"id\": ");
	add_spelling(tok, id, scratch, sb);
	strbuf_addf(sb, ", \"ids\": [%u], \"tokens\": [", id);
	add_spelling(tok, id, scratch, sb);
	strbuf_adds(sb, "]}");
}

static void add_template(const struct tokenizer *tok, char which, struct strbuf *scratch,
			 struct strbuf *sb)
{
	if (tok->add_bos) {
		add_template_token(tok, tok->bos, scratch, sb);
		strbuf_adds(sb, ", ");
	}
	strbuf_addf(sb, "{\"Sequence\": {\"id\": \"%c\", \"type_id\": 0}}", which);
	if (tok->add_eos) {
		strbuf_adds(sb, ", ");
		add_template_token(tok, tok->eos, scratch, sb);
	}
}

static void add_post_processor(const struct tokenizer *tok, struct strbuf *scratch,
			       struct strbuf *sb)
{
	if (!tok->add_bos && !tok->add_eos) {
		strbuf_adds(sb, "null");
		return;
	}
	strbuf_adds(sb, "{\"type\": \"TemplateProcessing\", \"single\": [");
	add_template(tok, 'A', scratch, sb);
	strbuf_adds(sb, "], \"pair\": [");
	add_template(tok, 'A', scratch, sb);
	strbuf_adds(sb, ", ");
	add_template(tok, 'B', scratch, sb);
	strbuf_adds(sb, "], \"special_tokens\": {");
	if (tok->add_bos)
		add_template_id(tok, tok->bos, scratch, sb);
	if (tok->add_eos && !(tok->add_bos && tok->eos == tok->bos)) {
		strbuf_adds(sb, tok->add_bos ? ", " : "");
		add_template_id(tok, tok->eos, scratch, sb);
	}
	strbuf_adds(sb, "}}");
}

/* ---- the model ----------------------------------------------------------------------------- */

static void add_id(const char *name, uint32_t id, struct strbuf *sb)
{
	if (id != TOKEN_NONE)
		strbuf_addf(sb, ", \"%s\": %u", name, id);
}

/* What tokenizer.json has no place for; others leave it alone, json_own() reads it. */
static void add_own(const struct tokenizer *tok, struct strbuf *sb)
{
	const struct norm_step *spaces = normalizer_find(tok->normalizer, NORM_SPACES);

	strbuf_addf(sb, ",\n    \"knlp\": {\"eot\": %u", tok->eot);
	add_id("bos", tok->bos, sb);
	add_id("eos", tok->eos, sb);
	add_id("unk", tok->unk, sb);
	add_id("pad", tok->pad, sb);
	add_flag(sb, "add_bos", tok->add_bos);
	add_flag(sb, "add_eos", tok->add_eos);
	add_flag(sb, "strip_space", tok->strip_space);
	add_flag(sb, "raw_added", tok->raw_added);
	add_flag(sb, "single", tok->single);
	if (spaces) {
		strbuf_addf(sb, ", \"spaces\": {\"prefix\": %d", (int)spaces->prefix);
		add_flag(sb, "merge", spaces->merge);
		add_flag(sb, "trim", spaces->right);
		strbuf_addc(sb, '}');
	}
	strbuf_adds(sb, ",\n      \"types\": [");
	for (uint32_t id = 0; id < tok->vocab; id++)
		strbuf_addf(sb, "%s%d", id ? "," : "", tok->type[id]);
	strbuf_adds(sb, "],\n      \"flags\": [");
	for (uint32_t id = 0; id < tok->vocab; id++)
		strbuf_addf(sb, "%s%d", id ? "," : "", tok->flags[id]);
	if (tok->scores) {
		strbuf_adds(sb, "],\n      \"scores\": [");
		for (uint32_t id = 0; id < tok->vocab; id++)
			strbuf_addf(sb, "%s%.9g", id ? "," : "", (double)tok->scores[id]);
	}
	strbuf_adds(sb, "]}");
}

static void add_vocab(const struct tokenizer *tok, struct strbuf *scratch, struct strbuf *sb)
{
	bool unigram = tok->method == METHOD_UNIGRAM;

	strbuf_addf(sb, "    \"vocab\": %c", unigram ? '[' : '{');
	for (uint32_t id = 0; id < tok->vocab; id++) {
		strbuf_adds(sb, id ? ",\n      " : "\n      ");
		strbuf_adds(sb, unigram ? "[" : "");
		add_spelling(tok, id, scratch, sb);
		if (unigram)
			strbuf_addf(sb, ", %.17g]", (double)tok->scores[id]);
		else
			strbuf_addf(sb, ": %u", id);
	}
	strbuf_addf(sb, "\n    %c", unigram ? ']' : '}');
}

static void add_merges(const struct tokenizer *tok, const struct token_merge *merges,
		       uint32_t nr, struct strbuf *scratch, struct strbuf *sb)
{
	strbuf_adds(sb, ",\n    \"merges\": [");
	for (uint32_t i = 0; i < nr; i++) {
		strbuf_adds(sb, i ? ",\n      [" : "\n      [");
		add_spelling(tok, merges[i].left, scratch, sb);
		strbuf_adds(sb, ", ");
		add_spelling(tok, merges[i].right, scratch, sb);
		strbuf_addc(sb, ']');
	}
	strbuf_addc(sb, ']');
}

static void add_unk(const struct tokenizer *tok, struct strbuf *scratch, struct strbuf *sb)
{
	strbuf_adds(sb, ", \"unk_token\": ");
	if (tok->unk != TOKEN_NONE && tok->spelled)
		add_spelling(tok, tok->unk, scratch, sb);
	else
		strbuf_adds(sb, "null");
}

static int add_model(const struct tokenizer *tok, struct strbuf *scratch, struct strbuf *sb)
{
	struct token_merge *made = NULL;
	uint32_t nr = tok->nr_merges;

	if (!is_bytes(tok) && tok->method == METHOD_UNIGRAM) {
		strbuf_addf(sb, "{\n    \"type\": \"Unigram\", \"unk_id\": %u", tok->unk);
		add_flag(sb, "byte_fallback", tok->byte_fallback);
		strbuf_adds(sb, ",\n");
		add_vocab(tok, scratch, sb);
	} else {
		int ret = tok->method == METHOD_SCORE_BPE ? merges_from_scores(tok, &made, &nr) : 0;

		if (ret)
			return ret;
		strbuf_adds(sb, "{\n    \"type\": \"BPE\", \"dropout\": null");
		add_unk(tok, scratch, sb);
		strbuf_adds(sb, ",\n    \"continuing_subword_prefix\": null, "
			    "\"end_of_word_suffix\": null,\n    \"fuse_unk\": ");
		strbuf_adds(sb, tok->fuse_unk ? "true" : "false");
		add_flag(sb, "byte_fallback", tok->byte_fallback);
		add_flag(sb, "ignore_merges", tok->ignore_merges);
		strbuf_adds(sb, ",\n");
		add_vocab(tok, scratch, sb);
		add_merges(tok, made ? made : tok->merges, nr, scratch, sb);
		free(made);
	}
	if (!is_bytes(tok) && (tok->spelled || tokenizer_has_own(tok)))
		add_own(tok, sb);
	strbuf_adds(sb, "\n  }");
	return 0;
}

void tokenizer_describe(const struct tokenizer *tok, struct strbuf *sb)
{
	struct strbuf scratch;

	strbuf_init(&scratch);
	strbuf_adds(sb, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n"
		    "  \"padding\": null,\n  \"added_tokens\": [");
	add_added_tokens(tok, &scratch, sb);
	strbuf_adds(sb, "],\n  \"normalizer\": ");
	add_normalizer(tok, sb);
	strbuf_adds(sb, ",\n  \"pre_tokenizer\": ");
	add_pre_tokenizer(tok, sb);
	strbuf_adds(sb, ",\n  \"post_processor\": ");
	if (is_bytes(tok))
		strbuf_adds(sb, "null");
	else
		add_post_processor(tok, &scratch, sb);
	strbuf_adds(sb, ",\n  \"decoder\": ");
	add_decoder(tok, sb);
	strbuf_adds(sb, ",\n  \"model\": ");
	if (add_model(tok, &scratch, sb))
		sb->failed = true;
	strbuf_adds(sb, "\n}\n");
	strbuf_free(&scratch);
}

/* ---- tokenizer_config.json ------------------------------------------------------------------ */

static void add_config_token(const struct tokenizer *tok, const char *name, uint32_t id,
			     struct strbuf *scratch, struct strbuf *sb)
{
	if (id == TOKEN_NONE)
		return;
	strbuf_addf(sb, ",\n  \"%s\": ", name);
	add_spelling(tok, id, scratch, sb);
}

void tokenizer_config_json(const struct tokenizer *tok, const char *chat_template,
			   struct strbuf *sb)
{
	struct strbuf scratch;

	strbuf_init(&scratch);
	strbuf_adds(sb, "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\",\n"
		    "  \"clean_up_tokenization_spaces\": false");
	add_flag(sb, "add_bos_token", tok->add_bos);
	add_flag(sb, "add_eos_token", tok->add_eos);
	add_config_token(tok, "bos_token", tok->bos, &scratch, sb);
	add_config_token(tok, "eos_token", tok->eos, &scratch, sb);
	add_config_token(tok, "unk_token", tok->unk, &scratch, sb);
	add_config_token(tok, "pad_token", tok->pad, &scratch, sb);
	if (chat_template) {
		strbuf_adds(sb, ",\n  \"chat_template\": ");
		add_text(sb, chat_template);
	}
	strbuf_adds(sb, "\n}\n");
	strbuf_free(&scratch);
}

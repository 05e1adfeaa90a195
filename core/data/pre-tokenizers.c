// SPDX-License-Identifier: MIT
#include "data/pre-tokenizers.h"

#include <string.h>

#define ANY_CASE	"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
#define FOLDED		"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define SPACES		"\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define WORD		"[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"
#define REST		" ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" SPACES
#define LLAMA3(CASE)	CASE "|" WORD "|\\p{N}{1,3}|" REST
#define QWEN2(CASE)	CASE "|" WORD "|\\p{N}|" REST
#define QWEN35(CASE)	CASE "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}|" \
			" ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|" SPACES
#define REST_SLASH	" ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES
#define UPPER		"((?=[\\p{L}])([^a-z]))"
#define LOWER		"((?=[\\p{L}])([^A-Z]))"
#define TEKKEN_REAL	"[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*" \
			"[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?" \
			"[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|" \
			"\\p{N}|" REST_SLASH
#define GPT4O_REAL	"[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*" \
			"[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+" FOLDED "?|[^\\r\\n\\p{L}\\p{N}]?" \
			"[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*" \
			FOLDED "?|\\p{N}{1,3}|" REST_SLASH
#define PUNCTUATION	"[\\p{P}\\$\\+<=>\\^~\\|]+"

/* The first of a name is how llama.cpp reads it; a name may follow with what files say. */
static const struct pre_tokenizer table[] = {
	{ "default", { PUNCTUATION, GPT2_PATTERN, "\\p{N}+", "[0-9][0-9][0-9]" }, false, false },
	{ "gpt-2", { GPT2_PATTERN }, false, false },
	{ "llama-bpe", { LLAMA3(ANY_CASE) }, true, true },
	{ "llama-bpe", { LLAMA3(FOLDED) }, true, true },
	{ "smaug-bpe", { LLAMA3(ANY_CASE) }, false, false },
	{ "smaug-bpe", { LLAMA3(FOLDED) }, false, false },
	{ "qwen2", { QWEN2(ANY_CASE) }, false, false },
	{ "qwen2", { QWEN2(FOLDED) }, false, false },
	{ "qwen35", { QWEN35(ANY_CASE) }, false, false },
	{ "qwen35", { QWEN35(FOLDED) }, false, false },
	{ "smollm", { "\\p{N}", GPT2_PATTERN }, false, false },
	{ "tekken", { "[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+|[^\\r\\n\\p{L}\\p{N}]?" UPPER
		      "+" LOWER "*|\\p{N}|" REST_SLASH }, true, true },
	{ "tekken", { TEKKEN_REAL }, true, true },
	{ "gpt-4o", { "[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+" ANY_CASE
		      "?|[^\\r\\n\\p{L}\\p{N}]?" UPPER "+" LOWER "*" ANY_CASE "?|\\p{N}{1,3}|"
		      REST_SLASH }, false, false },
	{ "gpt-4o", { GPT4O_REAL }, false, false },
	{ "falcon", { "[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT2_PATTERN, "[0-9][0-9][0-9]" },
	  false, false },
};

/* Other names for the same. */
static const struct {
	const char *name, *means;
} aliases[] = {
	{ "llama3", "llama-bpe" }, { "llama-v3", "llama-bpe" }, { "falcon3", "llama-bpe" },
	{ "falcon-h1", "llama-bpe" }, { "pixtral", "llama-bpe" }, { "midm-2.0", "llama-bpe" },
	{ "lfm2", "llama-bpe" }, { "dbrx", "smaug-bpe" }, { "phi-2", "gpt-2" },
	{ "mpt", "gpt-2" }, { "olmo", "gpt-2" }, { "jais", "gpt-2" }, { "gigachat", "gpt-2" },
	{ "mellum", "gpt-2" }, { "modern-bert", "gpt-2" }, { "trillion", "gpt-2" },
	{ "exaone4", "gpt-2" }, { "starcoder", "smollm" }, { "refact", "smollm" },
	{ "command-r", "smollm" }, { "codeshell", "smollm" }, { "exaone", "smollm" },
	{ "minerva-7b", "smollm" }, { "stablelm2", "qwen2" }, { "deepseek-r1-qwen", "qwen2" },
	{ "megrez", "qwen2" }, { "hunyuan", "qwen2" }, { "grok-2", "qwen2" },
	{ "llama4", "gpt-4o" }, { "kanana2", "gpt-4o" },
};

const struct pre_tokenizer *pre_tokenizer_find(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strlen(aliases[i].name) == len && !memcmp(aliases[i].name, name, len)) {
			name = aliases[i].means;
			len = strlen(name);
			break;
		}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strlen(table[i].name) == len && !memcmp(table[i].name, name, len))
			return &table[i];
	return NULL;
}

static bool is_same(const struct pre_tokenizer *pre, const struct tokenizer *tok)
{
	for (int i = 0; i < tok->nr_splits; i++)
		if (!pre->splits[i] || strcmp(pre->splits[i], tok->splits[i]))
			return false;
	return !pre->splits[tok->nr_splits] && pre->ignore_merges == tok->ignore_merges;
}

const char *pre_tokenizer_of(const struct tokenizer *tok)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (is_same(&table[i], tok))
			return table[i].name;
	return NULL;
}

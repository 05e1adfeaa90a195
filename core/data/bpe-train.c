// SPDX-License-Identifier: MIT
#include "data/bpe-train.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/format.h"
#include "base/progress.h"
#include "data/bpe-merges.h"
#include "data/bpe.h"
#include "data/bytelevel.h"
#include "data/corpus-words.h"
#include "data/token-source.h"
#include "data/utf8.h"

#define REGEX	"regex:"

static const struct {
	const char *name, *regex;
	bool lines_apart;	/* see struct corpus */
} patterns[] = {
	{ "gpt2", GPT2_PATTERN, true },
	{ "llama3", "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
		    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+", true },
};

#define NR_PATTERNS	(sizeof(patterns) / sizeof(patterns[0]))

/* struct training - tokens and merges so far. */
struct training {
	const struct bpe_training *opt;
	struct corpus corpus;
	struct word_counts words;
	struct word_counts tokens;	/* by id, as tokenizer.json spells them */
	uint32_t nr_special;
	uint32_t of_byte[256];
	struct bpe_merges *merges;
	struct token_merge *list;	/* (nr_list) by rank */
	uint32_t nr_list, cap_list;
	struct strbuf text;		/* scratch */
};

void bpe_pattern_names(struct strbuf *sb)
{
	for (size_t i = 0; i < NR_PATTERNS; i++)
		strbuf_addf(sb, "%s%s", i ? ", " : "", patterns[i].name);
}

static int choose_pattern(const char *name, struct corpus *c)
{
	struct strbuf names;
	int ret;

	if (!name)
		name = patterns[0].name;
	if (!strncmp(name, REGEX, strlen(REGEX)) && name[strlen(REGEX)]) {
		c->pattern = name + strlen(REGEX);
		return 0;
	}
	for (size_t i = 0; i < NR_PATTERNS; i++)
		if (!strcmp(patterns[i].name, name)) {
			c->pattern = patterns[i].regex;
			c->lines_apart = patterns[i].lines_apart;
			return 0;
		}
	strbuf_init(&names);
	bpe_pattern_names(&names);
	ret = fail(-EINVAL, "pattern '%s' is unknown: say one of %s, or %sTEXT", name, names.s,
		   REGEX);
	strbuf_free(&names);
	return ret;
}

/* ---- the tokens before the first merge -------------------------------------------- */

static int add_special(struct training *t, const char *text)
{
	size_t len = strlen(text);

	if (!len)
		return fail(-EINVAL, "a special token is empty");
	if (len > BPE_SPECIAL_MAX)
		return fail(-EINVAL, "special token '%.40s...' is longer than %d bytes", text,
			    BPE_SPECIAL_MAX);
	if (utf8_valid(text, len) != len)
		return fail(-EINVAL, "a special token is no UTF-8 text");
	if (word_counts_find(&t->tokens, text, len) != WORD_NONE)
		return fail(-EINVAL, "special token '%s' is given twice (%s always is one)", text,
			    TOKENIZER_EOT);
	return word_counts_add(&t->tokens, text, len, 0);
}

static int add_byte(struct training *t, const char *spelling, size_t len, unsigned char byte)
{
	if (word_counts_find(&t->tokens, spelling, len) != WORD_NONE)
		return fail(-EINVAL, "special token '%s' is how the byte 0x%02x is spelled",
			    spelling, byte);
	t->of_byte[byte] = t->tokens.nr;
	return word_counts_add(&t->tokens, spelling, len, 0);
}

/* In the order of their characters, all of which are below U+0144. */
static int add_bytes(struct training *t)
{
	int ret = 0;

	for (unsigned int c = 1; c < 0x144 && !ret; c++) {
		char spelling[3] = { c, 0 }, byte;
		size_t len = 1;

		if (c >= 0x80) {
			spelling[0] = 0xc0 | c >> 6;
			spelling[1] = 0x80 | (c & 0x3f);
			len = 2;
		}
		if (bytelevel_read(spelling, len, &byte) == 1)
			ret = add_byte(t, spelling, len, byte);
	}
	return ret;
}

static int begin_tokens(struct training *t)
{
	const struct bpe_training *opt = t->opt;
	uint32_t least = 256 + 1 + opt->nr_special;
	int ret;

	if (opt->vocab < least)
		return fail(-EINVAL, "a vocabulary of %u is too small: 256 bytes and %d special "
			    "tokens are %u", opt->vocab, opt->nr_special + 1, least);
	if (opt->vocab > TOKENS_MAX)
		return fail(-EINVAL, "a vocabulary of %u is above the limit of %u", opt->vocab,
			    TOKENS_MAX);
	ret = add_special(t, TOKENIZER_EOT);
	for (int i = 0; i < opt->nr_special && !ret; i++)
		ret = add_special(t, opt->special[i]);
	t->nr_special = t->tokens.nr;
	return ret ? ret : add_bytes(t);
}

/* ---- merges ----------------------------------------------------------------------- */

/* The id that a pair becomes: new, of a token that is spelled so, or WORD_NONE: none. */
static int result_id(struct training *t, uint32_t left, uint32_t right, uint32_t *id)
{
	const struct word_count *w = t->tokens.words;
	int ret;

	strbuf_clear(&t->text);
	strbuf_add(&t->text, word_counts_text(&t->tokens, left), w[left].len);
	strbuf_add(&t->text, word_counts_text(&t->tokens, right), w[right].len);
	ret = strbuf_ok(&t->text);
	if (ret)
		return ret;
	*id = word_counts_find(&t->tokens, t->text.s, t->text.len);
	if (*id != WORD_NONE) {
		if (*id < t->nr_special)
			*id = WORD_NONE;
		return 0;
	}
	*id = t->tokens.nr;
	return word_counts_add(&t->tokens, t->text.s, t->text.len, 0);
}

/* With two ways to spell a token, a pair may come up again after it was merged. */
static bool is_known(const struct training *t, uint32_t left, uint32_t right, uint32_t id)
{
	if (id + 1 == t->tokens.nr)
		return false;
	for (uint32_t i = 0; i < t->nr_list; i++)
		if (t->list[i].left == left && t->list[i].right == right)
			return true;
	return false;
}

static int add_merge(struct training *t, uint32_t left, uint32_t right, uint32_t id)
{
	struct token_merge *list;

	if (t->nr_list == t->cap_list) {
		t->cap_list = t->cap_list ? 2 * t->cap_list : 1024;
		list = realloc(t->list, t->cap_list * sizeof(*list));
		if (!list)
			return fail_nomem(t->cap_list * sizeof(*list), "merges");
		t->list = list;
	}
	t->list[t->nr_list++] = (struct token_merge){ left, right, id };
	return 0;
}

static int merge_next(struct training *t, bool *more)
{
	uint32_t left, right, id;
	long pair = bpe_merges_best(t->merges, &left, &right);
	int ret;

	*more = pair >= 0;
	if (!*more)
		return 0;
	ret = result_id(t, left, right, &id);
	if (ret || id == WORD_NONE)
		return ret;
	if (!is_known(t, left, right, id))
		ret = add_merge(t, left, right, id);
	return ret ? ret : bpe_merges_apply(t->merges, pair, id);
}

static int make_merges(struct training *t)
{
	bool more = true, progress;
	int ret;

	ret = bpe_merges_new(&t->words, t->of_byte, t->opt->vocab, t->opt->min_count, &t->merges);
	if (ret)
		return ret;
	progress = progress_begin("merges", t->opt->vocab - t->tokens.nr);
	while (!ret && more && t->tokens.nr < t->opt->vocab) {
		ret = merge_next(t, &more);
		progress_update(progress, t->nr_list, "%s", "");
	}
	progress_end(progress);
	bpe_merges_free(t->merges);
	t->merges = NULL;
	return ret;
}

/* ---- the tokenizer ---------------------------------------------------------------- */

/* Not in the table of kinds: it comes from no file. */
static const struct tokenizer_kind trained = {
	.name = "trained",
	.encode = tokenizer_run,
	.release = tokenizer_release,
};

static struct token_pair spell_pair(const struct training *t, const struct token_merge *m)
{
	return (struct token_pair){
		.left = word_counts_text(&t->tokens, m->left),
		.left_len = t->tokens.words[m->left].len,
		.right = word_counts_text(&t->tokens, m->right),
		.right_len = t->tokens.words[m->right].len,
	};
}

static int make_tokenizer(const struct training *t, struct tokenizer **tok)
{
	struct token_source src = {
		.path = "the trained tokenizer", .merges_path = "the trained tokenizer",
		.method = METHOD_BYTE_BPE,
	};
	int ret = token_source_alloc(&src, t->tokens.nr, t->nr_list);

	if (ret)
		return ret;
	if (t->corpus.pattern)
		ret = token_source_split(&src, t->corpus.pattern);
	for (uint32_t id = 0; id < t->tokens.nr && !ret; id++) {
		ret = token_source_put(&src, id, word_counts_text(&t->tokens, id),
				       t->tokens.words[id].len);
		if (id < t->nr_special)
			src.tokens[id].type = TOKEN_CONTROL;
	}
	for (uint32_t i = 0; i < t->nr_list; i++)
		src.merges[i] = spell_pair(t, &t->list[i]);
	if (!ret)
		ret = token_source_make(&trained, &src, tok);
	token_source_free(&src);
	return ret;
}

static void fill_info(const struct training *t, struct bpe_trained *info)
{
	*info = (struct bpe_trained){
		.bytes = t->corpus.bytes,
		.documents = t->corpus.documents,
		.different_words = t->words.nr,
	};
	for (uint32_t i = 0; i < t->words.nr; i++)
		info->words += t->words.words[i].count;
}

int bpe_train(const struct bpe_training *opt, struct bpe_trained *info, struct tokenizer **tok)
{
	struct training t = {
		.opt = opt,
		.corpus = {
			.input = opt->input, .nr_input = opt->nr_input,
			.tile_bytes = opt->tile_bytes,
		},
	};
	int ret;

	strbuf_init(&t.text);
	ret = choose_pattern(opt->pattern, &t.corpus);
	if (!ret)
		ret = begin_tokens(&t);
	if (!ret)
		ret = corpus_words(&t.corpus, &t.words);
	if (!ret && !t.words.nr)
		ret = fail(-EINVAL, "%s: no text in it, only blanks", opt->input[0]);
	if (!ret)
		ret = make_merges(&t);
	if (!ret)
		ret = make_tokenizer(&t, tok);
	if (!ret)
		fill_info(&t, info);
	strbuf_free(&t.text);
	word_counts_free(&t.words);
	word_counts_free(&t.tokens);
	free(t.list);
	return ret;
}

// SPDX-License-Identifier: MIT
/*
 * knlp data info - what a data folder, a token shard or a tokenizer holds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/census.h"
#include "data/shard.h"
#include "data/utf8.h"
#include "io/run.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/data/report.h"
#include "tools/json-out.h"

#define TOP		10
#define TOP_SOURCES	10	/* more with -v */
#define SAMPLE_TOKENS	40

static struct {
	const char *tokenizer;
} opt;

/* A token as people can read it on one line: blanks and control characters escaped. */
static void add_token_text(const struct tokenizer *tok, uint32_t id, struct strbuf *sb)
{
	struct strbuf clean;
	const char *bytes;
	size_t len;

	if (!tok || tokenizer_decode(tok, id, &bytes, &len))
		return;
	strbuf_init(&clean);
	utf8_clean(&clean, bytes, len);
	for (const char *s = clean.s; *s; s++)
		if (*s == '\n')
			strbuf_adds(sb, "\\n");
		else if ((unsigned char)*s < ' ' || *s == 0x7f)
			strbuf_addf(sb, "\\x%02x", *s);
		else
			strbuf_addc(sb, *s);
	strbuf_free(&clean);
}

/* ---- what a stream holds ---------------------------------------------------------- */

static void print_census(const char *name, const struct census *c, const struct tokenizer *tok)
{
	uint32_t ids[TOP];
	size_t nr = census_top(c, ids, TOP);
	struct strbuf sb;

	printf("%s: %u different tokens", name, c->unique);
	if (c->eot != CENSUS_NO_EOT)
		printf(", longest document %llu tokens", (unsigned long long)c->longest);
	printf("\n  %8s %12s %7s%s\n", "frequent", "times", "share", tok ? "  text" : "");
	for (size_t i = 0; i < nr; i++) {
		strbuf_init(&sb);
		add_token_text(tok, ids[i], &sb);
		printf("  %8u %12llu %6.2f%%%s%s%s\n", ids[i],
		       (unsigned long long)c->counts[ids[i]],
		       100.0 * (double)c->counts[ids[i]] / (double)c->tokens, tok ? "  '" : "",
		       sb.s, tok ? "'" : "");
		strbuf_free(&sb);
	}
}

static void census_json(struct json_out *o, const struct census *c, const struct tokenizer *tok)
{
	struct json_out *list = json_out_array(o, "frequent"), *entry;
	uint32_t ids[TOP];
	size_t nr = census_top(c, ids, TOP);
	const char *bytes;
	size_t len;

	json_out_int(o, "unique_tokens", c->unique);
	if (c->eot != CENSUS_NO_EOT)
		json_out_int(o, "longest_document", (long long)c->longest);
	for (size_t i = 0; i < nr; i++) {
		entry = json_out_object(list, NULL);
		json_out_int(entry, "id", ids[i]);
		json_out_int(entry, "count", (long long)c->counts[ids[i]]);
		if (tok && !tokenizer_decode(tok, ids[i], &bytes, &len))
			json_out_bytes(entry, "text", bytes, len);
	}
}

/* The first tokens as text. */
static void print_sample(const struct tokenizer *tok, const uint32_t *ids, size_t nr)
{
	struct strbuf sb;

	strbuf_init(&sb);
	for (size_t i = 0; i < nr; i++)
		add_token_text(tok, ids[i], &sb);
	printf("  begins: %s\n", sb.s);
	strbuf_free(&sb);
}

static void sample_json(struct json_out *o, const struct tokenizer *tok, const uint32_t *ids,
			size_t nr)
{
	struct strbuf sb;
	const char *bytes;
	size_t len;

	strbuf_init(&sb);
	for (size_t i = 0; i < nr; i++)
		if (!tokenizer_decode(tok, ids[i], &bytes, &len))
			strbuf_add(&sb, bytes, len);
	json_out_bytes(o, "sample", sb.s, sb.len);
	strbuf_free(&sb);
}

/* ---- a folder --------------------------------------------------------------------- */

static int show_split(struct dataset *ds, enum data_split split, const struct tokenizer *tok,
		      struct json_out *o)
{
	uint64_t total = dataset_tokens(ds, split);
	size_t nr = total < SAMPLE_TOKENS ? total : SAMPLE_TOKENS;
	uint32_t ids[SAMPLE_TOKENS];
	struct census c;
	int ret = dataset_read(ds, split, 0, nr, (int32_t *)ids);

	if (!ret)
		ret = census_split(ds, split, &c);
	if (ret)
		return ret;
	if (o) {
		struct json_out *part = json_out_object(o, data_split_name(split));

		census_json(part, &c, tok);
		sample_json(part, tok, ids, nr);
	} else {
		print_census(data_split_name(split), &c, tok);
		print_sample(tok, ids, nr);
	}
	census_free(&c);
	return 0;
}

static void print_sources(const struct manifest *m)
{
	bool all = config_options.verbose || m->nr_sources <= TOP_SOURCES;
	size_t nr = all ? m->nr_sources : TOP_SOURCES;

	printf("%-6s %14s %12s  %-32s  %s\n", "split", "bytes", "documents", "hash", "source");
	for (size_t i = 0; i < nr; i++) {
		const struct manifest_source *s = &m->sources[i];

		printf("%-6s %14llu %12llu  %-32s  %s\n", s->split,
		       (unsigned long long)s->bytes, (unsigned long long)s->documents, s->hash,
		       s->file);
	}
	if (!all)
		printf("and %zu more: see them with -v\n", m->nr_sources - nr);
}

static void sources_json(struct json_out *o, const struct manifest *m)
{
	struct json_out *list = json_out_array(o, "sources"), *entry;

	for (size_t i = 0; i < m->nr_sources; i++) {
		const struct manifest_source *s = &m->sources[i];

		entry = json_out_object(list, NULL);
		json_out_text(entry, "file", s->file);
		json_out_text(entry, "split", s->split);
		json_out_int(entry, "bytes", (long long)s->bytes);
		json_out_int(entry, "documents", (long long)s->documents);
		json_out_text(entry, "hash", s->hash);
	}
}

static int show_dataset(struct dataset *ds, const char *dir)
{
	const struct manifest *m = dataset_manifest(ds);
	struct json_out *o = NULL, *streams = NULL;
	struct tokenizer *tok;
	int ret = dataset_tokenizer(ds, &tok);

	if (ret)
		return ret;
	if (config_options.json) {
		o = report_object(m, dir, dataset_hash(ds));
		sources_json(o, m);
		streams = json_out_object(o, "streams");
	} else {
		report_text(m, dir);
	}
	for (int i = 0; i < DATA_SPLITS && !ret; i++)
		ret = show_split(ds, i, tok, streams);
	if (!o && !ret)
		print_sources(m);
	if (o) {
		int printed = ret ? 0 : json_out_print(o);

		ret = ret ? ret : printed;
	}
	return ret;
}

static int show_folder(const char *dir)
{
	struct dataset *ds;
	int ret = dataset_open(dir, &ds);

	if (ret)
		return ret;
	ret = show_dataset(ds, dir);
	dataset_close(ds);
	return ret;
}

/* ---- a shard ---------------------------------------------------------------------- */

static int read_head(const char *path, uint32_t *ids, size_t *nr, int *width)
{
	struct shard s = { 0 };
	int ret = shard_open(path, &s);

	if (ret)
		return ret;
	*nr = s.nr < SAMPLE_TOKENS ? s.nr : SAMPLE_TOKENS;
	*width = s.width;
	ret = shard_read(&s, 0, *nr, ids);
	shard_close(&s);
	return ret;
}

static int show_shard(const char *path)
{
	struct tokenizer *tok = NULL;
	uint32_t ids[SAMPLE_TOKENS];
	struct census c;
	size_t nr = 0;
	int width = 0, ret = opt.tokenizer ? tokenizer_open(opt.tokenizer, &tok) : 0;

	if (!ret)
		ret = read_head(path, ids, &nr, &width);
	if (!ret)
		ret = census_shard(path, tok ? tokenizer_eot(tok) : CENSUS_NO_EOT, &c);
	if (ret)
		goto out;
	if (config_options.json) {
		struct json_out *o = json_out_new();

		json_out_text(o, "file", path);
		json_out_int(o, "tokens", (long long)c.tokens);
		json_out_int(o, "bytes_per_id", width);
		json_out_int(o, "largest_id", c.vocab ? c.vocab - 1 : 0);
		census_json(o, &c, tok);
		if (tok)
			sample_json(o, tok, ids, nr);
		ret = json_out_print(o);
	} else {
		printf("shard %s: %llu tokens of %d bytes, largest id %u\n", path,
		       (unsigned long long)c.tokens, width, c.vocab ? c.vocab - 1 : 0);
		print_census("stream", &c, tok);
		if (tok)
			print_sample(tok, ids, nr);
	}
	census_free(&c);
out:
	tokenizer_free(tok);
	return ret;
}

/* ---- a tokenizer ------------------------------------------------------------------ */

/* @ret: why it is no tokenizer */
static int explain_unknown(const char *path, int ret)
{
	char *why = strdup(fail_message());
	const char *data;
	struct run *run;

	if (!why)
		return fail_nomem(0, "a message");
	if (!run_open(path, &run)) {
		if (run_data(run, &data))
			data = "the folder that --data named";
		ret = fail(-EINVAL, "%s: a run: `knlp report %s` shows it; its data: %s", path,
			   path, data);
		run_close(run);
	} else {
		ret = fail(ret, "%s: neither a data folder, nor a shard (FILE.bin), nor a "
			   "tokenizer: %s", path, why);
	}
	free(why);
	return ret;
}

static int show_tokenizer(const char *spec)
{
	struct tokenizer *tok;
	struct json_out *o;
	uint32_t merges, special = 0;
	int ret = tokenizer_open(spec, &tok);

	if (ret)
		return explain_unknown(spec, ret);
	tokenizer_merges(tok, &merges);
	for (uint32_t id = 0; id < tokenizer_vocab(tok); id++)
		special += tokenizer_is_special(tok, id);
	if (config_options.json) {
		o = json_out_new();
		json_out_text(o, "name", tokenizer_name(tok));
		json_out_text(o, "hash", tokenizer_hash(tok));
		json_out_int(o, "vocab", tokenizer_vocab(tok));
		json_out_int(o, "merges", merges);
		json_out_int(o, "special", special);
		json_out_int(o, "eot", tokenizer_eot(tok));
		ret = json_out_print(o);
	} else {
		printf("tokenizer %s: vocabulary %u, %u merge%s, %u special token%s, end of text "
		       "%u\nhash %s\n", tokenizer_name(tok), tokenizer_vocab(tok), merges,
		       merges == 1 ? "" : "s", special,
		       special == 1 ? "" : "s", tokenizer_eot(tok), tokenizer_hash(tok));
	}
	tokenizer_free(tok);
	return ret;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && !strcmp(s + n - m, end);
}

static int info_run(int argc, char **argv)
{
	int ret = output_from_options();
	bool folder = dataset_is_folder(argv[0]);
	bool shard = !folder && ends_with(argv[0], ".bin");

	(void)argc;
	if (ret)
		return ret;
	if (opt.tokenizer && !shard)
		return usage_error("data info: --tokenizer is for a single shard, FILE.bin");
	if (shard)
		return show_shard(argv[0]);
	return folder ? show_folder(argv[0]) : show_tokenizer(argv[0]);
}

static const struct option options[] = {
	OPTION_STRING('t', "tokenizer", "KIND", &opt.tokenizer, "the tokenizer of a single shard, "
		      "as for data prepare: shows its text"),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "data info",
	.group = "Data",
	.summary = "show what a data folder, a shard or a tokenizer holds",
	.usage = (const char *const []){ "DIR|SHARD|TOKENIZER [--tokenizer=KIND] [--json]", NULL },
	.description =
		"Of a folder that `knlp data prepare` made: size, documents and shards of each "
		"split, the sources, the tokenizer, how many different tokens are used, the most "
		"frequent ones, the longest document and how the text begins. Also takes a single "
		"shard, FILE.bin, and a tokenizer: byte, gpt2:DIR or a tokenizer.json.",
	.options = options,
	.args = "DIR|SHARD|TOKENIZER",
	.min_args = 1,
	.max_args = 1,
	.run = info_run,
};
COMMAND_REGISTER(command);

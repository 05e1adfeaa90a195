// SPDX-License-Identifier: MIT
#include "tools/data/report.h"

#include <stdio.h>

#include "tools/json-out.h"

/* Bytes of text per token; the end-of-text tokens stand for none. */
static double bytes_per_token(const struct manifest_split *s)
{
	uint64_t tokens = s->tokens - s->documents;

	return tokens ? (double)s->bytes / (double)tokens : 0;
}

void report_text(const struct manifest *m, const char *dir)
{
	printf("%-6s %12s %14s %14s %12s %8s\n", "split", "documents", "tokens", "bytes",
	       "bytes/token", "shards");
	for (int i = 0; i < DATA_SPLITS; i++) {
		const struct manifest_split *s = &m->split[i];

		printf("%-6s %12llu %14llu %14llu %12.3f %8zu\n", data_split_name(i),
		       (unsigned long long)s->documents, (unsigned long long)s->tokens,
		       (unsigned long long)s->bytes, bytes_per_token(s), s->nr_shards);
	}
	if (m->duplicates)
		printf("%llu training document%s left out: in the validation files, too\n",
		       (unsigned long long)m->duplicates, m->duplicates == 1 ? "" : "s");
	printf("tokenizer %s, vocabulary %llu; folder %s\n", m->tokenizer,
	       (unsigned long long)m->vocab, dir);
}

static void add_split(struct json_out *o, const struct manifest *m, int i)
{
	const struct manifest_split *s = &m->split[i];
	struct json_out *part = json_out_object(o, data_split_name(i)), *list, *entry;

	json_out_int(part, "documents", s->documents);
	json_out_int(part, "tokens", s->tokens);
	json_out_int(part, "bytes", s->bytes);
	list = json_out_array(part, "shards");
	for (size_t k = 0; k < s->nr_shards; k++) {
		entry = json_out_object(list, NULL);
		json_out_text(entry, "file", s->shards[k].file);
		json_out_int(entry, "tokens", s->shards[k].tokens);
		json_out_text(entry, "hash", s->shards[k].hash);
	}
}

struct json_out *report_object(const struct manifest *m, const char *dir, const char *hash)
{
	struct json_out *o = json_out_new(), *part;

	json_out_text(o, "dir", dir);
	json_out_text(o, "hash", hash);
	part = json_out_object(o, "tokenizer");
	json_out_text(part, "name", m->tokenizer);
	json_out_text(part, "hash", m->tokenizer_hash);
	json_out_int(part, "vocab", m->vocab);
	json_out_int(part, "eot", m->eot);
	json_out_int(o, "seed", m->seed);
	json_out_number(o, "val_fraction", m->val_fraction);
	json_out_int(o, "piece_bytes", m->piece_bytes);
	json_out_int(o, "duplicates", m->duplicates);
	for (int i = 0; i < DATA_SPLITS; i++)
		add_split(o, m, i);
	return o;
}

int report_json(const struct manifest *m, const char *dir, const char *hash)
{
	return json_out_print(report_object(m, dir, hash));
}

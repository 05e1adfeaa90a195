// SPDX-License-Identifier: MIT
/*
 * Weights into a folder of Hugging Face: one safetensors file, or shards with an index.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "formats/hf-internal.h"

/** struct shards - which tensors go into which file: neighbours, in the order of the model. */
struct shards {
	struct tensor_entry *entries;	/* of all */
	int nr_entries;
	int *first;			/* (nr + 1): the first entry of each file, and the end */
	int nr;
	const char *dir;
};

static void fill_entry(struct turned *t, bool transposed, struct tensor_entry *e)
{
	const struct source_tensor *s = t->from;

	*e = (struct tensor_entry){ .name = s->name, .dtype = t->to, .nd = s->nd,
				    .fetch = turned_fetch, .ctx = t, .transposed = transposed };
	for (int d = 0; d < s->nd; d++)
		e->shape[d] = s->shape[d];
}

/* GPT-2's projections are (in, out): Conv1D. */
static bool is_conv1d(const struct source_tensor *t)
{
	return t->nd == 2 && !strncmp(t->name, "transformer.h.", 14);
}

static uint64_t bytes_of(const struct outgoing *out, const struct hf_packed *packed, int i)
{
	return packed && packed[i].kind ? hf_packed_bytes(&packed[i])
					: turned_bytes(&out->turned[i]);
}

static int shards_make(struct outgoing *out, struct hf_packed *packed, const char *dir,
		       uint64_t most, struct shards *s)
{
	uint64_t bytes = 0;

	*s = (struct shards){ .dir = dir };
	s->entries = calloc(2 * out->nr + 1, sizeof(*s->entries));
	s->first = calloc(out->nr + 2, sizeof(*s->first));
	if (!s->entries || !s->first)
		return fail_nomem(out->nr * sizeof(*s->entries), "a list of tensors");
	for (int i = 0; i < out->nr; i++) {
		uint64_t more = bytes_of(out, packed, i);

		if (!i || more > most || bytes > most - more) {
			s->first[s->nr++] = s->nr_entries;
			bytes = 0;
		}
		if (packed && packed[i].kind) {
			hf_packed_entries(&packed[i], &s->entries[s->nr_entries]);
			s->nr_entries++;
		} else {
			fill_entry(&out->turned[i], is_conv1d(out->turned[i].from),
				   &s->entries[s->nr_entries]);
		}
		s->nr_entries++;
		bytes += more;
	}
	s->first[s->nr] = s->nr_entries;
	return 0;
}

static void shards_free(struct shards *s)
{
	free(s->entries);
	free(s->first);
}

static char *shard_name(const struct shards *s, int shard)
{
	return s->nr == 1 ? strdup(HF_WEIGHTS)
			  : str_printf("model-%05d-of-%05d.safetensors", shard + 1, s->nr);
}

static int write_shard(const struct shards *s, int shard)
{
	static const struct st_meta meta = { "format", "pt" };
	char *name = shard_name(s, shard), *path = name ? path_join(s->dir, name) : NULL;
	int first = s->first[shard], ret;

	ret = path ? st_write_new(path, s->entries + first, s->first[shard + 1] - first, &meta, 1,
				  NULL)
		   : fail_nomem(strlen(s->dir), "a path");
	free(path);
	free(name);
	return ret;
}

static int add_file_of(const struct shards *s, int shard, struct strbuf *sb)
{
	char *name = shard_name(s, shard);

	if (!name)
		return fail_nomem(0, "a name");
	for (int i = s->first[shard]; i < s->first[shard + 1]; i++) {
		strbuf_adds(sb, i ? ",\n    " : "\n    ");
		json_add_string(sb, s->entries[i].name);
		strbuf_addf(sb, ": \"%s\"", name);
	}
	free(name);
	return 0;
}

static int write_index(const struct shards *s, const struct outgoing *out,
		       const struct hf_packed *packed)
{
	uint64_t bytes = 0, parameters = 0;
	struct strbuf sb;
	int ret = 0;

	for (int i = 0; i < out->nr; i++) {
		bytes += bytes_of(out, packed, i);
		parameters += out->turned[i].rows * out->turned[i].cols;
	}
	strbuf_init(&sb);
	strbuf_addf(&sb, "{\n  \"metadata\": {\n    \"total_parameters\": %" PRIu64 ",\n"
		    "    \"total_size\": %" PRIu64 "\n  },\n", parameters, bytes);
	strbuf_adds(&sb, "  \"weight_map\": {");
	for (int i = 0; i < s->nr && !ret; i++)
		ret = add_file_of(s, i, &sb);
	strbuf_adds(&sb, "\n  }\n}\n");
	if (!ret)
		ret = folder_put(s->dir, HF_INDEX, &sb);
	strbuf_free(&sb);
	return ret;
}

int hf_weights_write(struct outgoing *out, struct hf_packed *packed, const char *dir,
		     uint64_t shard_bytes)
{
	struct shards s;
	int ret = shards_make(out, packed, dir, shard_bytes, &s);

	outgoing_begin(out);
	for (int i = 0; i < s.nr && !ret; i++)
		ret = write_shard(&s, i);
	outgoing_end(out);
	if (!ret && s.nr > 1)
		ret = write_index(&s, out, packed);
	shards_free(&s);
	return ret;
}

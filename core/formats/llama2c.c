// SPDX-License-Identifier: MIT
/*
 * The .bin files of Andrej Karpathy's llama2.c: the legacy form, which has no magic number,
 * and version 1.  export.py, legacy_export() and version1_export(); run.c,
 * memory_map_weights().  Documentation/formats/llama2c.md.
 */
#include "formats/llama2c.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "data/tokenizer.h"
#include "nn/family.h"

static int64_t size_of(const struct model_spec *s, enum llama2c_dim dim)
{
	const struct layer_spec *l = &s->layer[0];

	switch (dim) {
	case DIM_WIDTH:	 return s->width;
	case DIM_QUERY:	 return (int64_t)l->heads * l->head_dim;
	case DIM_KEY:	 return (int64_t)l->kv_heads * l->head_dim;
	case DIM_MLP:	 return l->mlp_width;
	case DIM_VOCAB:	 return s->vocab;
	case DIM_CONTEXT: return s->context;
	case DIM_HEAD:	 return l->head_dim;
	default:	 return 1;
	}
}

const struct llama2c_entry llama2c_entries[LLAMA2C_ENTRIES] = {
	[L2C_EMBED] = { "model.embed_tokens.weight", DIM_VOCAB, DIM_WIDTH, false },
	[L2C_NORM1] = { "model.layers.%d.input_layernorm.weight", DIM_ONE, DIM_WIDTH, true },
	[L2C_Q] = { "model.layers.%d.self_attn.q_proj.weight", DIM_QUERY, DIM_WIDTH, true },
	[L2C_K] = { "model.layers.%d.self_attn.k_proj.weight", DIM_KEY, DIM_WIDTH, true },
	[L2C_V] = { "model.layers.%d.self_attn.v_proj.weight", DIM_KEY, DIM_WIDTH, true },
	[L2C_O] = { "model.layers.%d.self_attn.o_proj.weight", DIM_WIDTH, DIM_QUERY, true },
	[L2C_NORM2] = { "model.layers.%d.post_attention_layernorm.weight", DIM_ONE, DIM_WIDTH,
			true },
	[L2C_GATE] = { "model.layers.%d.mlp.gate_proj.weight", DIM_MLP, DIM_WIDTH, true },
	[L2C_DOWN] = { "model.layers.%d.mlp.down_proj.weight", DIM_WIDTH, DIM_MLP, true },
	[L2C_UP] = { "model.layers.%d.mlp.up_proj.weight", DIM_MLP, DIM_WIDTH, true },
	[L2C_NORM] = { "model.norm.weight", DIM_ONE, DIM_WIDTH, false },
	[L2C_TABLES] = { NULL, DIM_CONTEXT, DIM_HEAD, false },
	[L2C_HEAD] = { "lm_head.weight", DIM_VOCAB, DIM_WIDTH, false },
};

const enum llama2c_tensor llama2c_order[2][LLAMA2C_ENTRIES] = {
	{ L2C_EMBED, L2C_NORM1, L2C_Q, L2C_K, L2C_V, L2C_O, L2C_NORM2, L2C_GATE, L2C_DOWN, L2C_UP,
	  L2C_NORM, L2C_TABLES, L2C_HEAD },
	{ L2C_NORM1, L2C_NORM2, L2C_NORM, L2C_EMBED, L2C_Q, L2C_K, L2C_V, L2C_O, L2C_GATE,
	  L2C_DOWN, L2C_UP, L2C_HEAD, LLAMA2C_ENTRIES },
};

int64_t llama2c_floats(const struct model_spec *s, enum llama2c_tensor t)
{
	const struct llama2c_entry *e = &llama2c_entries[t];

	if (t == LLAMA2C_ENTRIES || (t == L2C_HEAD && s->tied))
		return 0;
	return size_of(s, e->rows) * size_of(s, e->cols);
}

/* ---- reading ------------------------------------------------------------------------ */

struct file {
	struct mapping map;
	int version;
	size_t header;
	size_t at[LLAMA2C_ENTRIES];	/* in bytes */
};

static int32_t number_at(const struct file *f, size_t at)
{
	int32_t n;

	memcpy(&n, f->map.bytes + at, sizeof(n));
	return n;
}

static int check_number(const struct file *f, const char *what, int32_t n, int max)
{
	if (n < 1 || n > max)
		return fail(-EINVAL, "%s: %s is %d, not in 1..%d: no file of llama2.c, or a "
			    "damaged one", f->map.path, what, n, max);
	return 0;
}

static int read_numbers(struct file *f, struct model_spec *s, struct layer_spec *l, int *layers)
{
	size_t at = f->version ? 8 : 0;
	int32_t n[7];
	int ret;

	for (int i = 0; i < 7; i++)
		n[i] = number_at(f, at + 4 * i);
	s->tied = f->version ? f->map.bytes[at + 28] : n[5] > 0;
	n[5] = !f->version && n[5] < 0 && n[5] != INT32_MIN ? -n[5] : n[5];
	ret = check_number(f, "dim", n[0], SPEC_WIDTH_MAX);
	ret = ret ? ret : check_number(f, "hidden_dim", n[1], SPEC_WIDTH_MAX);
	ret = ret ? ret : check_number(f, "n_layers", n[2], SPEC_LAYERS_MAX);
	ret = ret ? ret : check_number(f, "n_heads", n[3], SPEC_HEADS_MAX);
	ret = ret ? ret : check_number(f, "n_kv_heads", n[4], SPEC_HEADS_MAX);
	ret = ret ? ret : check_number(f, "vocab_size", n[5], SPEC_VOCAB_MAX);
	ret = ret ? ret : check_number(f, "seq_len", n[6], SPEC_CONTEXT_MAX);
	if (!ret && n[0] % n[3])
		ret = fail(-EINVAL, "%s: dim %d is no multiple of n_heads %d", f->map.path, n[0],
			   n[3]);
	if (ret)
		return ret;
	s->width = n[0];
	s->vocab = n[5];
	s->context = n[6];
	*layers = n[2];
	*l = (struct layer_spec){ .heads = n[3], .kv_heads = n[4], .head_dim = n[0] / n[3],
				  .mlp_width = n[1], .activation = ACT_SWIGLU };
	return 0;
}

static int read_spec(struct file *f, struct model_spec *s)
{
	struct layer_spec l;
	int layers, ret;

	s->family = family_find("llama");
	if (!s->family)
		return fail_in(-ENOTSUP, "%s", f->map.path);
	s->norm = NORM_RMSNORM;
	s->norm_eps = LLAMA2C_EPS;
	s->position = POS_ROPE_ADJACENT;
	s->rope_base = LLAMA2C_BASE;
	s->init_std = 0.02f;
	ret = read_numbers(f, s, &l, &layers);
	return ret ? ret : spec_layers(s, layers, &l);
}

/* Sums stay far below 2^63: each tensor has at most 2^44 elements, times 2^10 layers. */
static int place_tensors(struct file *f, const struct model_spec *s)
{
	uint64_t at = f->header;

	for (int i = 0; i < LLAMA2C_ENTRIES; i++) {
		enum llama2c_tensor t = llama2c_order[f->version][i];
		int64_t layers;

		if (t == LLAMA2C_ENTRIES)
			break;
		layers = llama2c_entries[t].layered ? s->layers : 1;
		f->at[t] = at;
		at += 4 * (uint64_t)(layers * llama2c_floats(s, t));
	}
	if (at != f->map.size)
		return fail(-EINVAL, "%s: a %s head and sizes as the header says take %llu bytes, "
			    "the file has %zu", f->map.path, s->tied ? "tied" : "separate",
			    (unsigned long long)at, f->map.size);
	return 0;
}

static int read_version(struct file *f)
{
	f->header = HEADER_V0;
	if ((uint32_t)number_at(f, 0) != LLAMA2C_MAGIC)
		return 0;
	f->version = number_at(f, 4);
	f->header = HEADER_V1;
	if (f->version == 2)
		return fail(-ENOTSUP, "%s: version 2 of llama2.c (8 bits), knlp reads 0 and 1",
			    f->map.path);
	if (f->version != 1)
		return fail(-EINVAL, "%s: version %d of llama2.c, knlp reads 0 and 1", f->map.path,
			    f->version);
	if (f->map.size < HEADER_V1)
		return fail(-EINVAL, "%s: cut short in the header", f->map.path);
	return 0;
}

int llama2c_locate(const char *name, enum llama2c_tensor *t, int *layer)
{
	char text[80];
	int nr;

	*layer = sscanf(name, "model.layers.%d.", &nr) == 1 ? nr : 0;
	for (int i = 0; i < LLAMA2C_ENTRIES; i++) {
		if (!llama2c_entries[i].name)
			continue;
		snprintf(text, sizeof(text), llama2c_entries[i].name, *layer);
		if (!strcmp(text, name)) {
			*t = i;
			return 0;
		}
	}
	return -ENOENT;
}

static int find(void *ctx, const struct param_info *p, struct found_tensor *found)
{
	struct model_source *src = ctx;
	struct file *f = src->private;
	enum llama2c_tensor t;
	int layer;

	if (llama2c_locate(p->name, &t, &layer))
		return fail(-EINVAL, "%s: files of llama2.c have no tensor '%s'", src->path,
			    p->name);
	found->name = p->name;
	found->type_name = "F32";
	found->t = (struct source_tensor){
		.name = p->name, .dtype = DT_F32, .nd = p->nd, .shape = { p->n[0], p->n[1] },
		.bytes = 4 * llama2c_floats(&src->spec, t),
	};
	found->t.data = f->map.bytes + f->at[t] + layer * found->t.bytes;
	return 0;
}

/* llama2.c takes tokenizer.bin; those of other sizes are called tok512.bin, say. */
static int read_tokenizer(struct model_source *src)
{
	char *dir = path_dir(src->path), name[32], *path;
	int ret = 0;

	snprintf(name, sizeof(name), "tok%d.bin", src->spec.vocab);
	if (!dir)
		return fail_nomem(strlen(src->path), "a path");
	if (!file_in(dir, name))
		strcpy(name, LLAMA2C_TOKENIZER);
	path = path_join(dir, name);
	if (!path)
		ret = fail_nomem(strlen(dir), "a path");
	else if (file_exists(path))
		ret = tokenizer_open(path, &src->tokenizer);
	free(path);
	free(dir);
	return ret;
}

static int llama2c_facts(struct model_source *src, const struct file *f)
{
	int ret = source_fact(src, "version", "%d", f->version);

	return ret ? ret : source_fact(src, "bytes", "%zu", f->map.size);
}

static int llama2c_open(struct model_source *src)
{
	struct file *f = calloc(1, sizeof(*f));
	int ret;

	if (!f)
		return fail_nomem(sizeof(*f), src->path);
	src->private = f;
	src->arch = strdup("llama2.c");
	if (!src->arch)
		return fail_nomem(8, "a name");
	ret = mapping_open(src->path, HEADER_V0, "a model of llama2.c", &f->map);
	if (!ret)
		ret = read_version(f);
	if (!ret)
		ret = read_spec(f, &src->spec);
	if (!ret)
		ret = place_tensors(f, &src->spec);
	if (!ret)
		ret = source_collect(src, find, src);
	if (!ret)
		ret = read_tokenizer(src);
	return ret ? ret : llama2c_facts(src, f);
}

static void llama2c_close(struct model_source *src)
{
	struct file *f = src->private;

	if (f)
		mapping_close(&f->map);
	free(f);
}

static bool llama2c_by_name(const char *path)
{
	return path_ends(path, ".bin");
}

/* The legacy form has no mark: its header has to fit the length of the file. */
static bool llama2c_is(const char *path)
{
	struct stat st;

	return llama2c_by_name(path) && !stat(path, &st) && S_ISREG(st.st_mode);
}

static const struct model_format llama2c = {
	.name = "llama2c",
	.summary = "a .bin file of llama2.c, in f32",
	.rank = 90,
	.is = llama2c_is,
	.open = llama2c_open,
	.close = llama2c_close,
	.write = llama2c_write,
	.by_name = llama2c_by_name,
};
MODEL_FORMAT_REGISTER(llama2c);

// SPDX-License-Identifier: MIT
#include "quant/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/progress.h"
#include "base/thread.h"
#include "block/block.h"
#include "quant/quant.h"

#define SLAB_WEIGHTS	(4 << 20)	/* in memory at once */
#define TILE_WEIGHTS	(16 << 10)	/* of one thread at once */
#define QUANTIZATION_VERSION 2		/* of the layouts of blocks: ggml's */

/**
 * struct output - a tensor on its way.
 * @done: bytes of all tensors so far, for the progress line
 */
struct output {
	const struct quant_choice *choice;
	const float *importance;
	bool progress;
	uint64_t *done;
};

/* Rows of a tensor that are in memory; @error: of each tile. */
struct slab {
	const struct output *out;
	int64_t first, nr, row, tile_rows;
	char *blocks;
	int *error;
};

int64_t quant_bytes(const struct quant_choice *c)
{
	return quant_tensor_rows(c->tensor) * dtype_bytes(c->dtype, quant_tensor_row(c->tensor));
}

int quant_check(const struct gguf *g, const struct quant_choice *choices, bool requantize)
{
	for (size_t i = 0; i < gguf_nr_tensors(g); i++) {
		const struct gguf_tensor *t = choices[i].tensor;

		if (choices[i].dtype == t->dtype)
			continue;
		if (dtype_is_block(t->dtype) && !requantize)
			return fail(-EINVAL, "%s: tensor '%s' is %s already, and rounding it twice "
				    "costs quality: take the unrounded model, or say "
				    "--allow-requantize", gguf_path(g), t->name,
				    dtype_info(t->dtype)->name);
		if (!dtype_is_block(t->dtype) && !dtype_info(t->dtype)->roundoff)
			return fail(-EINVAL, "%s: tensor '%s' holds integers", gguf_path(g),
				    t->name);
	}
	return 0;
}

static bool all_finite(const float *x, int64_t nr)
{
	bool finite = true;

	for (int64_t i = 0; i < nr; i++)
		finite &= isfinite(x[i]) != 0;
	return finite;
}

/* The rows of a tile; nothing is said here, for messages belong to a thread. */
static int encode_tile(const struct slab *s, int64_t at, int64_t nr, char *to)
{
	const struct gguf_tensor *t = s->out->choice->tensor;
	struct quant_rows r = { .nr = nr, .row = s->row, .weights = s->out->importance };
	float *x = malloc(nr * s->row * sizeof(*x));
	int ret;

	if (!x)
		return -ENOMEM;
	ret = dtype_decode(t->dtype, t->data, at * s->row, nr * s->row, x);
	if (!ret && !all_finite(x, nr * s->row))
		ret = -EINVAL;
	r.x = x;
	if (!ret)
		ret = quant_encode(s->out->choice->dtype, &r, to);
	free(x);
	return ret;
}

static void run_tile(void *ctx, long tile)
{
	struct slab *s = ctx;
	int64_t at = tile * s->tile_rows;
	int64_t nr = s->nr - at < s->tile_rows ? s->nr - at : s->tile_rows;

	s->error[tile] = encode_tile(s, s->first + at, nr, s->blocks + at *
				     dtype_bytes(s->out->choice->dtype, s->row));
}

static int slab_error(const struct slab *s, long tiles)
{
	const char *type = dtype_info(s->out->choice->dtype)->name;

	for (long i = 0; i < tiles; i++)
		switch (s->error[i]) {
		case 0:
			break;
		case -ERANGE:
			return fail(-ERANGE, "weights too large for %s, whose scales are f16: keep "
				    "this tensor in bf16 or f32 (--tensor-type)", type);
		case -EINVAL:
			return fail(-EINVAL, "a weight of rows %lld ... is not finite",
				    (long long)(s->first + i * s->tile_rows));
		default:
			return fail_nomem(s->tile_rows * s->row * sizeof(float), "weights");
		}
	return 0;
}

/* Pages of the file that have been read are not needed again: do not count them as ours. */
static void forget(const struct gguf_tensor *t, int64_t from, int64_t bytes)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t begin = ((uintptr_t)t->data + from + page - 1) / page * page;
	uintptr_t end = ((uintptr_t)t->data + from + bytes) / page * page;

	if (end > begin)
		(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}

static int write_slab(struct slab *s, FILE *f)
{
	const struct quant_choice *c = s->out->choice;
	size_t bytes = s->nr * dtype_bytes(c->dtype, s->row);
	int64_t source = dtype_bytes(c->tensor->dtype, s->row);
	long tiles = (s->nr + s->tile_rows - 1) / s->tile_rows;
	int ret;

	threads_run(tiles, run_tile, s);
	ret = slab_error(s, tiles);
	if (!ret && fwrite(s->blocks, 1, bytes, f) != bytes)
		ret = fail_errno("cannot write");
	forget(c->tensor, s->first * source, s->nr * source);
	*s->out->done += s->nr * source;
	progress_update(s->out->progress, *s->out->done, "%s", c->tensor->name);
	return ret;
}

static int write_encoded(const struct output *o, FILE *f)
{
	const struct gguf_tensor *t = o->choice->tensor;
	int64_t row = quant_tensor_row(t), rows = quant_tensor_rows(t);
	int64_t most = SLAB_WEIGHTS / row > 1 ? SLAB_WEIGHTS / row : 1;
	struct slab s = { .out = o, .row = row };
	int ret = 0;

	s.tile_rows = TILE_WEIGHTS / row > 1 ? TILE_WEIGHTS / row : 1;
	s.blocks = malloc(most * dtype_bytes(o->choice->dtype, row));
	s.error = calloc(most / s.tile_rows + 1, sizeof(*s.error));
	if (!s.blocks || !s.error)
		ret = fail_nomem(most * dtype_bytes(o->choice->dtype, row), "blocks");
	for (; s.first < rows && !ret; s.first += most) {
		s.nr = rows - s.first < most ? rows - s.first : most;
		ret = write_slab(&s, f);
	}
	free(s.blocks);
	free(s.error);
	return ret;
}

static int write_tensor(void *ctx, FILE *f)
{
	const struct output *o = ctx;
	const struct gguf_tensor *t = o->choice->tensor;

	if (t->dtype != o->choice->dtype)
		return write_encoded(o, f);
	if (fwrite(t->data, 1, t->bytes, f) != t->bytes)
		return fail_errno("cannot write");
	forget(t, 0, t->bytes);
	*o->done += t->bytes;
	progress_update(o->progress, *o->done, "%s", t->name);
	return 0;
}

/* ---- keys -------------------------------------------------------------------------- */

static bool is_ours(const struct gguf_string *key)
{
	static const char *const ours[] = {
		"general.quantization_version", "general.file_type", "quantize.imatrix.file",
		"quantize.imatrix.dataset", "quantize.imatrix.entries_count",
		"quantize.imatrix.chunks_count",
	};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (key->len == strlen(ours[i]) && !memcmp(key->bytes, ours[i], key->len))
			return true;
	return false;
}

static void put_imatrix(struct gguf_writer *w, const struct imatrix *im, const char *path)
{
	const struct gguf_value *sets = gguf_has(imatrix_file(im), "imatrix.datasets");
	const struct gguf_value *chunks = gguf_has(imatrix_file(im), "imatrix.chunk_count");
	struct gguf_string s;
	int64_t n;

	gguf_put_string(w, "quantize.imatrix.file", path, strlen(path));
	if (sets && sets->type == GGUF_ARRAY && sets->item == GGUF_STRING && sets->nr) {
		s = gguf_item_string(sets, 0);
		gguf_put_string(w, "quantize.imatrix.dataset", s.bytes, s.len);
	}
	gguf_put_u32(w, "quantize.imatrix.entries_count", (uint32_t)imatrix_nr(im));
	if (chunks && !gguf_int(imatrix_file(im), "imatrix.chunk_count", 0, UINT32_MAX, &n))
		gguf_put_u32(w, "quantize.imatrix.chunks_count", (uint32_t)n);
}

static void put_keys(struct gguf_writer *w, const struct gguf *g, const struct quant_request *q,
		     const struct imatrix *im, const char *im_path)
{
	for (size_t i = 0; i < gguf_nr_values(g); i++)
		if (!is_ours(&gguf_value_at(g, i)->key))
			gguf_put_value(w, gguf_value_at(g, i));
	gguf_put_u32(w, "general.quantization_version", QUANTIZATION_VERSION);
	gguf_put_u32(w, "general.file_type", q->mix->id);
	if (im)
		put_imatrix(w, im, im_path);
}

int quant_model_write(const struct gguf *g, const struct quant_request *q,
		      const struct quant_choice *choices, const struct imatrix *im,
		      const char *im_path, const char *path)
{
	size_t nr = gguf_nr_tensors(g);
	struct output *o = calloc(nr + 1, sizeof(*o));
	struct gguf_writer *w = gguf_writer_new();
	uint64_t done = 0, total = 0;
	bool progress;
	int ret = -ENOMEM;

	if (!o)
		fail_nomem(nr * sizeof(*o), "tensors");
	if (!o || !w)
		goto out;
	for (size_t i = 0; i < nr; i++)
		total += choices[i].tensor->bytes;
	progress = progress_begin("quantize", total);
	put_keys(w, g, q, im, im_path);
	for (size_t i = 0; i < nr; i++) {
		const struct gguf_tensor *t = choices[i].tensor;

		o[i] = (struct output){ .choice = &choices[i], .progress = progress, .done = &done,
					.importance = imatrix_find(im, t->name) };
		gguf_put_tensor(w, t->name, choices[i].dtype, t->nd, t->shape, write_tensor, &o[i]);
	}
	ret = gguf_write(w, path);
	progress_end(progress);
out:
	gguf_writer_free(w);
	free(o);
	return ret;
}

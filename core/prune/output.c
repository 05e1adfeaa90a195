// SPDX-License-Identifier: MIT
/*
 * A pruned model on disk: a model folder, and the masks beside the weights.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "prune/allocation.h"
#include "prune/mask-file.h"
#include "prune/mask.h"
#include "prune/model-internal.h"

/* Files of Hugging Face may have rows of q and k in another order: so have the masks. */
static uint64_t *mask_in_file(const struct pruning *p, int i, bool is_own)
{
	const struct prune_tensor *t = &p->t[i];
	uint64_t *mask = mask_new(prune_tensor_count(t));

	for (int64_t r = 0; mask && r < t->rows; r++) {
		int64_t from = is_own ? r : source_row(p->src, t->name, POS_ROPE, r);

		for (int64_t k = 0; k < t->cols; k++)
			mask_set(mask, r * t->cols + k, mask_get(t->mask, from * t->cols + k));
	}
	return mask;
}

static int make_entries(const struct pruning *p, bool is_own, struct tensor_entry *e)
{
	for (int i = 0; i < p->nr; i++) {
		e[i] = mask_entry(p->t[i].name, prune_tensor_count(&p->t[i]),
				  mask_in_file(p, i, is_own));
		if (!e[i].ctx)
			return -ENOMEM;
	}
	return 0;
}

static void fill_meta(const struct pruning *p, const struct prune_result *r, char sparsity[32],
		      struct mask_meta *m)
{
	const struct prune_choice *c = &p->s->choice;

	if (c->of)
		snprintf(sparsity, 32, "%d:%d", c->keep, c->of);
	else
		snprintf(sparsity, 32, "%g", r->sparsity);
	mask_meta_make(m, c, p->s->alloc->name, sparsity, r->event.all.kept, r->event.hash);
}

static int masks_write(const struct pruning *p, const struct prune_result *r, bool is_own,
		       const char *dir)
{
	struct tensor_entry *e = calloc(p->nr + 1, sizeof(*e));
	char *path = path_join(dir, MASK_FILE), sparsity[32];
	struct mask_meta m;
	int ret = e && path ? make_entries(p, is_own, e)
			    : fail_nomem(p->nr * sizeof(*e), "masks");

	fill_meta(p, r, sparsity, &m);
	if (!ret)
		ret = st_write_new(path, e, p->nr, m.entry, m.nr, NULL);
	for (int i = 0; e && i < p->nr; i++)
		free(e[i].ctx);
	free(path);
	free(e);
	return ret;
}

static bool is_pruned(const struct pruning *p, const char *name)
{
	for (int i = 0; i < p->nr; i++)
		if (!strcmp(p->t[i].name, name))
			return true;
	return false;
}

/* What the files hold, by their own account. */
static int look_at_size(const struct pruning *p, const char *path, struct prune_size *size)
{
	struct model_source *src;
	int ret = source_describe(path, &src);

	if (ret)
		return ret;
	*size = (struct prune_size){ 0 };
	for (int i = 0; i < src->nr_tensors; i++) {
		const struct source_tensor *t = &src->tensors[i];
		int64_t count = t->shape[0] * (t->nd == 2 ? t->shape[1] : 1);

		size->bytes += (int64_t)t->bytes;
		size->dense += dtype_bytes(t->dtype, count);
		if (is_pruned(p, t->name)) {
			size->matrix_bytes += (int64_t)t->bytes;
			size->matrix_weights += count;
		}
	}
	source_close(src);
	return 0;
}

int output_write(const struct pruning *p, struct prune_result *r, const char *path)
{
	bool is_own = !strcmp(p->src->format->name, "knlp") && p->f->dtype == DT_COUNT &&
		      !p->f->sparse;
	struct write_options o = { .dtype = p->f->dtype, .sparse = p->f->sparse };
	struct model_source out;
	int ret = pruned_source(p, &out);

	if (!ret)
		ret = source_write(&out, path, is_own ? "knlp" : "hf", &o);
	free(out.tensors);
	if (!ret)
		ret = look_at_size(p, path, &r->size);
	return ret ? ret : masks_write(p, r, is_own, path);
}

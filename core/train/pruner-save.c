// SPDX-License-Identifier: MIT
/*
 * Masks and sums of a pruned training in its checkpoints.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/strbuf.h"
#include "io/checkpoint.h"
#include "prune/allocation.h"
#include "prune/mask.h"
#include "tensor/segment.h"
#include "train/pruner-internal.h"

/* ---- sums: NAME.movement, beside the optimizer's states ---------------------------------- */

/** struct place - where a tensor lies on the device. */
struct place {
	struct buffer *buffer;
	size_t at;
};

static int fetch(void *ctx, size_t offset, size_t len, void *buf)
{
	const struct place *p = ctx;

	return device_read(p->buffer, p->at + offset, buf, len);
}

static int store(void *ctx, size_t offset, size_t len, const void *buf)
{
	const struct place *p = ctx;

	return device_write(p->buffer, p->at + offset, buf, len);
}

static int sum_entry(const struct trainer *t, int i, struct tensor_entry *e)
{
	const struct param_info *info = pruned_param(t, i);
	const struct segment *s = t->pruner->movement[info->group];
	struct place *place = malloc(sizeof(*place));

	*e = (struct tensor_entry){
		.name = str_printf("%s.movement", info->name), .dtype = DT_F32, .nd = 2,
		.shape = { info->n[0], info->n[1] }, .transposed = info->transposed,
		.fetch = fetch, .store = store, .ctx = place,
	};
	if (!place || !e->name)
		return fail_nomem(sizeof(*place), "a list of tensors");
	*place = (struct place){ s->buffer, s->views[info->view].at };
	return 0;
}

static int make_sums(struct trainer *t, struct pruner_files *f)
{
	const struct pruner *p = t->pruner;
	int ret = 0;

	f->sums = calloc(p->nr + 1, sizeof(*f->sums));
	if (!f->sums)
		return fail_nomem(p->nr * sizeof(*f->sums), "a list of tensors");
	for (int i = 0; i < p->nr && !ret; i++)
		ret = sum_entry(t, i, &f->sums[f->nr_sums++]);
	return ret;
}

/* ---- masks -------------------------------------------------------------------------------- */

/* What a file says of its masks; the texts lie behind it. */
struct named_meta {
	struct mask_meta meta;
	char sparsity[32], hash[HASH_HEX];
};

static int make_meta(const struct pruner *p, struct pruner_files *f)
{
	struct named_meta *m = malloc(sizeof(*m));
	int64_t kept = 0, all = 0;
	int ret = m ? prune_hash(p->t, p->nr, m->hash) : fail_nomem(sizeof(*m), "masks");

	if (!m)
		return ret;
	f->meta = &m->meta;
	for (int i = 0; i < p->nr; i++) {
		kept += mask_kept(p->t[i].mask, prune_tensor_count(&p->t[i]));
		all += prune_tensor_count(&p->t[i]);
	}
	snprintf(m->sparsity, sizeof(m->sparsity), "%g", 1 - (double)kept / (double)all);
	mask_meta_make(&m->meta, &p->s.choice, p->s.alloc->name, m->sparsity, kept, m->hash);
	return ret;
}

static int make_masks(const struct pruner *p, struct pruner_files *f)
{
	f->masks = calloc(p->nr + 1, sizeof(*f->masks));
	if (!f->masks)
		return fail_nomem(p->nr * sizeof(*f->masks), "a list of tensors");
	for (int i = 0; i < p->nr; i++)
		f->masks[f->nr_masks++] = mask_entry(p->t[i].name, prune_tensor_count(&p->t[i]),
						     p->t[i].mask);
	return make_meta(p, f);
}

int pruner_files_make(struct trainer *t, long long done, struct pruner_files *f)
{
	const struct pruner *p = t->pruner;
	int ret = 0;

	*f = (struct pruner_files){ 0 };
	if (p && p->reads & READS(MOVEMENT) && done > p->schedule.start)
		ret = make_sums(t, f);
	if (!ret && p && p->has_masks)
		ret = make_masks(p, f);
	if (ret)
		pruner_files_free(f);
	return ret;
}

void pruner_files_free(struct pruner_files *f)
{
	for (int i = 0; i < f->nr_sums; i++) {
		free((char *)f->sums[i].name);
		free(f->sums[i].ctx);
	}
	free(f->sums);
	free(f->masks);
	free(f->meta);
	*f = (struct pruner_files){ 0 };
}

void pruner_files_add(const struct pruner_files *f, struct checkpoint_content *c)
{
	c->masks = f->masks;
	c->nr_masks = f->nr_masks;
	c->masks_meta = f->meta ? f->meta->entry : NULL;
	c->nr_masks_meta = f->meta ? f->meta->nr : 0;
}

/* ---- loading ------------------------------------------------------------------------------ */

static bool is_masked(const struct pruner *p, long long step)
{
	if (p->schedule.ramp == RAMP_KEEP)
		return true;
	/* With N:M the first choices may drop nothing. */
	return step >= p->schedule.end ||
	       (!p->s.choice.of && step >= prune_schedule_first(&p->schedule));
}

int pruner_load(struct trainer *t, const struct checkpoint *ck)
{
	struct pruner *p = t->pruner;
	int ret;

	if (!p)
		return ck->masks ? fail(-EINVAL, "%s: of a training that prunes", ck->dir) : 0;
	if (!ck->masks && is_masked(p, ck->step))
		return fail(-EINVAL, "%s: has no masks", ck->dir);
	if (!ck->masks)
		return 0;
	if (st_count(ck->masks) != (size_t)p->nr)
		return fail(-EINVAL, "%s: has masks of %zu tensors, and %d may be pruned",
			    st_path(ck->masks), st_count(ck->masks), p->nr);
	ret = 0;
	for (int i = 0; i < p->nr && !ret; i++)
		ret = mask_find(ck->masks, p->t[i].name, prune_tensor_count(&p->t[i]),
				p->t[i].mask);
	p->has_masks = !ret;
	return ret ? ret : pruner_write_masks(t);
}

/* SPDX-License-Identifier: MIT */
/*
 * Masks in a file, beside the weights of a pruned model or in a checkpoint:
 * Documentation/formats/masks.md.
 */
#ifndef PRUNE_MASK_FILE_H
#define PRUNE_MASK_FILE_H

#include "io/safetensors.h"
#include "prune/choose.h"

#define MASK_FILE "masks.safetensors"

/** struct mask_meta - metadata of a file; valid as long as what it was made of. */
struct mask_meta {
	struct st_meta entry[8];
	int nr;
	char kept[32];
};

/**
 * mask_meta_make() - metadata of masks.
 * @sparsity: as text, "0.5" or "2:4"
 * @hash: prune_hash()
 */
void mask_meta_make(struct mask_meta *m, const struct prune_choice *c, const char *alloc,
		    const char *sparsity, int64_t kept, const char *hash);

/** mask_entry() - the tensor of a file that holds @mask; its fetch() reads that. */
struct tensor_entry mask_entry(const char *name, int64_t nr, uint64_t *mask);

/**
 * mask_find() - read the mask of the @nr weights of @name.
 * Return: 0; -EINVAL if @st has none of that size; -ENOENT.
 */
int mask_find(const struct st *st, const char *name, int64_t nr, uint64_t *mask);

#endif

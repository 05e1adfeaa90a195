// SPDX-License-Identifier: MIT
#include "prune/mask-file.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "prune/mask.h"

static void add(struct mask_meta *m, const char *key, const char *value)
{
	m->entry[m->nr++] = (struct st_meta){ key, value };
}

void mask_meta_make(struct mask_meta *m, const struct prune_choice *c, const char *alloc,
		    const char *sparsity, int64_t kept, const char *hash)
{
	m->nr = 0;
	snprintf(m->kept, sizeof(m->kept), "%lld", (long long)kept);
	add(m, "format", "knlp masks");
	add(m, "version", "1");
	add(m, "criterion", c->criterion->name);
	add(m, "sparsity", sparsity);
	add(m, "scope", prune_scope_names[c->scope]);
	add(m, "allocation", alloc);
	add(m, "kept", m->kept);
	add(m, "hash", hash);
}

static int64_t bytes_of(int64_t nr)
{
	return (nr + 7) / 8;
}

struct tensor_entry mask_entry(const char *name, int64_t nr, uint64_t *mask)
{
	return (struct tensor_entry){
		.name = name, .dtype = DT_U8, .nd = 1, .shape = { bytes_of(nr) },
		.fetch = tensor_fetch_memory, .ctx = mask,
	};
}

int mask_find(const struct st *st, const char *name, int64_t nr, uint64_t *mask)
{
	const struct st_view *v;
	int ret = st_find(st, name, &v);

	if (ret)
		return ret;
	if (v->dtype != DT_U8 || (int64_t)v->bytes != bytes_of(nr))
		return fail(-EINVAL, "%s: '%s' is no mask of %lld weights", st_path(st), name,
			    (long long)nr);
	memset(mask, 0, mask_words(nr) * sizeof(*mask));
	memcpy(mask, v->data, v->bytes);
	if (nr % MASK_WORD)
		mask[nr / MASK_WORD] &= ((uint64_t)1 << nr % MASK_WORD) - 1;
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* The metadata of a FIM file, as text and as struct fim_facts. */
#ifndef FIM_FACTS_H
#define FIM_FACTS_H

#include "base/strbuf.h"
#include "fim/fim.h"
#include "io/safetensors.h"

#define FIM_META_MAX 20

/** struct fim_meta - metadata for st_write(). */
struct fim_meta {
	struct st_meta meta[FIM_META_MAX];
	int nr;
	char number[FIM_META_MAX][24];
	struct strbuf tensors;
};

/** fim_meta_make() - of @f and the tensors' names and shapes. fim_meta_free() in any case. */
int fim_meta_make(struct fim_meta *m, const struct fim_facts *f, const struct fim_tensor *tensor,
		  int nr);
void fim_meta_free(struct fim_meta *m);

/** fim_facts_read() - Return: 0; -EINVAL naming the key that is missing or wrong. */
int fim_facts_read(const struct st *st, struct fim_facts *f);

#endif

/* SPDX-License-Identifier: MIT */
/* Models in GGUF files: what the parts of their reader and writer share. */
#ifndef FORMATS_GGUF_INTERNAL_H
#define FORMATS_GGUF_INTERNAL_H

#include "formats/gguf-names.h"
#include "formats/source-internal.h"
#include "io/gguf.h"

#define GGUF_ROPE_FREQS	"rope_freqs.weight"

/** struct gguf_arch - an architecture of llama.cpp, and how knlp's family differs. */
struct gguf_arch {
	const char *name;	/* of llama.cpp */
	const char *family;
	bool adjacent;		/* rotary pairs are neighbours */
};

/** gguf_arch_named() / gguf_arch_for() - by name, by spec; NULL (no message). */
const struct gguf_arch *gguf_arch_named(struct gguf_string name);
const struct gguf_arch *gguf_arch_for(const struct model_spec *spec);

#define GEMMA_27B_LAYERS 62	/* by which llama.cpp knows how it scales attention */

/** gguf_of() - the GGUF file that @src is, or NULL. */
const struct gguf *gguf_of(const struct model_source *src);

/** gguf_model_write() - a struct model_format's write(). */
int gguf_model_write(const struct model_source *src, const char *path,
		     const struct write_options *options);

/** gguf_spec_read() - the spec of the model in @g. */
int gguf_spec_read(const struct gguf *g, const struct gguf_arch *arch, struct model_spec *spec);

/**
 * rope_factors() - by what each angle of a head is divided.
 * @factors: (head_dim / 2)
 */
void rope_factors(const struct rope_scaling *s, float base, int head_dim, float *factors);

/**
 * rope_from_factors() - the scaling of type llama3 that gives @factors, to 1e-5.
 * Return: 0; -EINVAL (no message) if there is none.
 */
int rope_from_factors(const float *factors, float base, int head_dim, struct rope_scaling *s);

#endif

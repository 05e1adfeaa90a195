/* SPDX-License-Identifier: MIT */
/*
 * Model families.  A family is one file: its defaults and a function that builds the
 * graph of the hidden states, naming each weight as Hugging Face does.
 */
#ifndef NN_FAMILY_H
#define NN_FAMILY_H

#include "base/section.h"
#include "nn/spec.h"

struct builder;
struct tensor;

/**
 * struct family - a model family.
 * @defaults: what `auto` means for MODEL_*; everything but sizes is set
 * @local_rope_base: of windowed layers; 0: that of all
 * @qk_norm: it is part of the family, whatever MODEL_QK_NORM says
 * @scales_embedding: MODEL_EMBED_SCALE = auto means sqrt(width), not 0
 * @has_post_norms: can its blocks have them?
 * @mlp_width: what MODEL_MLP_WIDTH = auto means
 * @build: token ids to normed hidden states (B, T, width); the head is common
 * @embedding, @head: names of the token embedding and of an untied head
 */
struct family {
	const char *name;
	const char *summary;
	struct model_spec defaults;
	enum activation activation;
	float local_rope_base;
	bool qk_norm, scales_embedding, has_post_norms;
	int (*mlp_width)(int width);
	struct tensor *(*build)(struct builder *b);
	const char *embedding;
	const char *head;
};

#define FAMILY_REGISTER(var) SECTION_ENTRY(knlp_families, struct family, var)

/** family_find() - by name; NULL with a message naming those that exist. */
const struct family *family_find(const char *name);

#endif

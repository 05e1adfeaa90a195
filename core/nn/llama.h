/* SPDX-License-Identifier: MIT */
/* What the families that descend from Llama share. */
#ifndef NN_LLAMA_H
#define NN_LLAMA_H

struct builder;
struct tensor;

/** llama_build() - the blocks of Llama with what the spec adds to them. */
struct tensor *llama_build(struct builder *b);

/** llama_mlp_width() - hidden width of an MLP that costs what GPT-2's does. */
int llama_mlp_width(int width);

#endif

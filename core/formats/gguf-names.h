/* SPDX-License-Identifier: MIT */
#ifndef FORMATS_GGUF_NAMES_H
#define FORMATS_GGUF_NAMES_H

struct model_spec;

/**
 * gguf_tensor_name() - what llama.cpp calls the tensor @name.
 * @out: GGUF_NAME_MAX + 1 bytes
 *
 * Return: 0; -ENOTSUP with a message if it has no such tensor.
 */
int gguf_tensor_name(const struct model_spec *spec, const char *name, char *out);

#endif

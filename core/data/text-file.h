/* SPDX-License-Identifier: MIT */
/*
 * Files of text that somebody names: what they may be, and reading them whole.
 *
 * Whatever reads a text, it is said in the same words what is none: numbers that came of a
 * packed file or of a model would look like any others.
 */
#ifndef DATA_TEXT_FILE_H
#define DATA_TEXT_FILE_H

#include <stdbool.h>
#include <stddef.h>

#define TEXT_STDIN	"-"
#define TEXT_STDIN_NAME	"standard input"

/** text_is_stdin() - does @path stand for standard input? */
bool text_is_stdin(const char *path);

/** text_name() - @path, or what standard input is called in messages. */
const char *text_name(const char *path);

/** text_refuse() - 0; -EINVAL with a message if @bytes begin as what is packed, or a model. */
int text_refuse(const char *path, const char *bytes, size_t len);

/** text_warn() - warn if many of the first of @bytes are no UTF-8, or NUL. */
void text_warn(const char *path, const char *bytes, size_t len);

/**
 * text_read() - read all of @path: a file, a pipe, or TEXT_STDIN; what bzip2 packed is unpacked.
 * @max: most bytes to accept, packed and unpacked
 * @bytes: with a NUL behind them; the caller frees it
 *
 * Return: 0; -EINVAL as text_refuse(); -EFBIG; -errno.
 */
int text_read(const char *path, size_t max, char **bytes, size_t *len);

#endif

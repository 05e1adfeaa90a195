/* SPDX-License-Identifier: MIT */
/*
 * Whole files, directories and paths.
 *
 * Errors name the path and say what the system said.  A file that is written is
 * there completely or not at all: readers never see half of it, and neither does
 * the machine after a power cut.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/**
 * file_read_all() - read a whole file (a pipe as well) into new memory.
 * @max: most bytes to accept
 * @bytes: the contents, with a NUL behind them; the caller frees it
 * @len: length without that NUL
 *
 * Return: 0; -EFBIG if the file is longer than @max; -EISDIR; -errno.
 */
int file_read_all(const char *path, size_t max, char **bytes, size_t *len);

/** file_read_stdin() - the same for standard input, which messages call @name. */
int file_read_stdin(const char *name, size_t max, char **bytes, size_t *len);

/**
 * file_write_atomic() - replace @path by @len bytes, all or nothing.
 *
 * A temporary file in the same directory is written, synced and renamed, then the
 * directory is synced.  On error (ENOSPC, EROFS, ...) the old file is as it was and
 * the temporary one is removed.  An existing file keeps its permissions; behind a symbolic
 * link, what it leads to is replaced.  Into a device (file_is_stream()) the bytes are written.
 */
int file_write_atomic(const char *path, const void *bytes, size_t len);

/**
 * file_write_stream() - the same for what @write puts into a stream.
 * @write: 0; -errno with a message, in front of which "cannot write PATH" is put
 */
int file_write_stream(const char *path, int (*write)(void *ctx, FILE *f), void *ctx);

/** file_exists() - is there anything at @path? */
bool file_exists(const char *path);

/** file_is_stream() - is @path a pipe, a terminal or another device, /dev/stdout say? */
bool file_is_stream(const char *path);

/**
 * file_check_place() - could a file be written to @path, whatever is there?  To be asked before
 * hours of work.
 * Return: 0; -EINVAL for a device or a pipe; -errno naming a folder that takes no files.
 */
int file_check_place(const char *path);

/** dir_make() - mkdir -p. An existing directory is fine, an existing file is -ENOTDIR. */
int dir_make(const char *path);

/** dir_fsync() - make the entries of directory @path survive a power cut. */
int dir_fsync(const char *path);

/**
 * dir_remove_tree() - rm -r; nothing there is fine.
 *
 * Symbolic links are removed, not followed.
 */
int dir_remove_tree(const char *path);

/** path_join() - "DIR/NAME" as a new string; @name alone if it is absolute. */
char *path_join(const char *dir, const char *name);

/** path_dir() - the directory part as a new string: "." for a bare name. */
char *path_dir(const char *path);

#endif

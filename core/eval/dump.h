/* SPDX-License-Identifier: MIT */
/*
 * Tables as files of JSON lines, described in Documentation/formats/eval-dump.md: the first
 * line says what was measured, each other line is an item.
 */
#ifndef EVAL_DUMP_H
#define EVAL_DUMP_H

#include "eval/table.h"

/** dump_write() - write @t to @path, all or nothing. */
int dump_write(const struct eval_table *t, const char *path);

/**
 * dump_read() - read what dump_write() wrote; members that it does not know are skipped.
 * Return: 0; -EINVAL naming file, line and what is wrong; -errno.
 */
int dump_read(const char *path, struct eval_table **t);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Files and folders that are being written under another name.  Errors remove them where they
 * occur; what ends the program at once, a signal, finds them here.
 */
#ifndef BASE_TEMPORARY_H
#define BASE_TEMPORARY_H

/**
 * temporary_add() - @path, a file or a folder of files, goes away if a signal ends the program;
 * to be called before it is made.
 * Of more than a few at once the last ones are not noted; they would stay.
 */
void temporary_add(const char *path);

/** temporary_done() - @path has been renamed or removed. */
void temporary_done(const char *path);

/** temporary_on_signal() - remove all of them; may be called by a signal handler. */
void temporary_on_signal(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The lock of a folder that one process at a time may work in: flock() on FOLDER/lock, which
 * holds the process's number.  It goes when the process ends, however it does.
 */
#ifndef IO_LOCK_H
#define IO_LOCK_H

#include <stdbool.h>

/**
 * folder_lock() - take the lock of folder @dir, which exists; close @fd to give it back.
 * Return: 0; -EBUSY naming the process that has it; -errno.
 */
int folder_lock(const char *dir, int *fd);

/** folder_is_locked() - does a process have it? Takes it, shared, for the moment of asking. */
bool folder_is_locked(const char *dir);

#endif

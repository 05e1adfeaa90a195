/* SPDX-License-Identifier: MIT */
/*
 * A pool of threads that runs tiles.
 *
 * The caller cuts its work into tiles that depend on shapes only, never on the
 * number of threads; which thread takes which tile may vary, the result may not.  So a
 * tile is not told its thread: scratch belongs to tiles, or is thread-local.
 * Waiting is passive: on a loaded machine a spinning barrier costs a hundredfold.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <stddef.h>

typedef void (*tile_fn)(void *ctx, long tile);

/** threads_default() - processors in this process's affinity mask. */
int threads_default(void);

/**
 * threads_start() - make the process's pool of @nr threads, the caller included.
 *
 * Called once by the program, again to change the number (not while tiles run).
 * Before the first call the pool has one thread.  Return: 0 or -errno.
 */
int threads_start(int nr);

/** threads_stop() - end the pool's threads; afterwards the pool has one. */
void threads_stop(void);

/** threads_count() - threads in the pool. */
int threads_count(void);

/**
 * threads_run() - call fn(ctx, tile) for each tile in [0, nr_tiles), begun in this order.
 *
 * Returns when all are done.  A nested call, and a second caller while the pool is
 * busy, run their tiles in their own thread: the result is the same.
 */
void threads_run(long nr_tiles, tile_fn fn, void *ctx);

/**
 * threads_run_shares() - the same for tiles that wait for no other, in any order.
 *
 * Each thread begins with tiles that lie behind one another.  For what is read from memory
 * once: a thread's tiles are one stream, which the processor follows.  (Two threads that take
 * tiles of 64 KiB in turn read memory at 3/4 of the speed of two streams.)
 */
void threads_run_shares(long nr_tiles, tile_fn fn, void *ctx);

#endif

// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "base/thread.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/fail.h"

/*
 * One job at a time.  Workers sleep on `wake` until `generation` changes, take tiles
 * from the shared counter, and the last one to finish signals `done`.
 */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	pthread_t *workers;
	int nr;				/* threads, the caller included; 0 means 1 */
	unsigned long generation;
	int running;			/* workers still inside the job */
	bool stop;
	tile_fn fn;
	void *ctx;
	long nr_tiles;
	atomic_long next;
} pool = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.wake = PTHREAD_COND_INITIALIZER,
	.done = PTHREAD_COND_INITIALIZER,
};

static atomic_flag busy = ATOMIC_FLAG_INIT;

int threads_default(void)
{
	cpu_set_t set;
	int n = 1;

	CPU_ZERO(&set);
	if (!sched_getaffinity(0, sizeof(set), &set))
		n = CPU_COUNT(&set);
	return n > 0 ? n : 1;
}

int threads_count(void)
{
	return pool.nr ? pool.nr : 1;
}

static void take_tiles(void)
{
	long tile;

	while ((tile = atomic_fetch_add(&pool.next, 1)) < pool.nr_tiles)
		pool.fn(pool.ctx, tile);
}

static void *worker(void *unused)
{
	unsigned long seen = 0;

	pthread_mutex_lock(&pool.lock);
	for (;;) {
		while (pool.generation == seen && !pool.stop)
			pthread_cond_wait(&pool.wake, &pool.lock);
		if (pool.stop)
			break;
		seen = pool.generation;
		pthread_mutex_unlock(&pool.lock);
		take_tiles();
		pthread_mutex_lock(&pool.lock);
		if (!--pool.running)
			pthread_cond_signal(&pool.done);
	}
	pthread_mutex_unlock(&pool.lock);
	return NULL;
}

void threads_stop(void)
{
	pthread_mutex_lock(&pool.lock);
	pool.stop = true;
	pthread_cond_broadcast(&pool.wake);
	pthread_mutex_unlock(&pool.lock);
	for (int i = 0; i < pool.nr - 1; i++)
		pthread_join(pool.workers[i], NULL);
	free(pool.workers);
	pool.workers = NULL;
	pool.nr = 0;
	pool.generation = 0;
	pool.stop = false;
}

int threads_start(int nr)
{
	if (nr < 1 || nr > 4096)
		return fail(-EINVAL, "%d threads: must be 1 to 4096", nr);
	threads_stop();
	pool.workers = calloc(nr, sizeof(*pool.workers));
	if (!pool.workers)
		return fail_nomem(nr * sizeof(*pool.workers), "threads");
	pool.nr = 1;
	for (int i = 0; i < nr - 1; i++) {
		int err = pthread_create(&pool.workers[i], NULL, worker, NULL);

		if (err) {
			threads_stop();
			return fail(-err, "cannot start thread %d of %d", i + 2, nr);
		}
		pool.nr++;
	}
	return 0;
}

void threads_run(long nr_tiles, tile_fn fn, void *ctx)
{
	if (pool.nr < 2 || nr_tiles < 2 || atomic_flag_test_and_set(&busy)) {
		for (long i = 0; i < nr_tiles; i++)
			fn(ctx, i);
		return;
	}
	pthread_mutex_lock(&pool.lock);
	pool.fn = fn;
	pool.ctx = ctx;
	pool.nr_tiles = nr_tiles;
	atomic_store(&pool.next, 0);
	pool.running = pool.nr - 1;
	pool.generation++;
	pthread_cond_broadcast(&pool.wake);
	pthread_mutex_unlock(&pool.lock);

	take_tiles();

	pthread_mutex_lock(&pool.lock);
	while (pool.running)
		pthread_cond_wait(&pool.done, &pool.lock);
	pthread_mutex_unlock(&pool.lock);
	atomic_flag_clear(&busy);
}

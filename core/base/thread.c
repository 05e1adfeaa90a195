// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "base/thread.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "base/fail.h"
#include "base/relax.h"

#define SPIN_NS 50000	/* how long to look for work, or for the end of it, before sleeping */
#define INSIDE 0xffffffffu

/*
 * Tiles to be taken yet: from the upper half of @range on, up to the lower half.  Of a job in
 * order all are in the first share, from which all threads take; else each thread begins with
 * its own, and who has none left takes half of what another has.
 */
struct share {
	_Alignas(64) atomic_ullong range;
};

#define TILES_MAX 0x7fffffffl	/* in a job, so that a range fits */

/*
 * One job at a time.  `gate` holds a generation in its upper half, odd while the job is
 * open, and in the lower half how many workers are inside.  A worker enters an open job
 * that it has not seen, takes tiles and leaves.  The caller closes
 * the job when no tiles are left and waits for those inside only: a worker that the system
 * has not woken by then is not waited for.
 *
 * Who finds nothing to do looks again for a moment and then sleeps: the next job of a step
 * usually comes sooner than a wake-up takes, but a thread that spins for long would take
 * the processor from the one that it waits for.
 */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	pthread_t *workers;
	int nr;				/* threads, the caller included; 0 means 1 */
	atomic_ullong gate;
	atomic_int sleeping;		/* workers that need a signal */
	atomic_bool waiting;		/* the caller needs one */
	atomic_bool stop;
	tile_fn fn;
	void *ctx;
	struct share *shares;		/* of each thread, the caller's first */
	bool in_order;
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

static unsigned long long range_of(unsigned long from, unsigned long to)
{
	return (unsigned long long)from << 32 | to;
}

static unsigned long range_from(unsigned long long range)
{
	return (unsigned long)(range >> 32);
}

static unsigned long range_to(unsigned long long range)
{
	return (unsigned long)(range & 0xffffffffu);
}

static void take_share(struct share *own)
{
	unsigned long long range = atomic_load(&own->range);

	while (range_from(range) < range_to(range))
		if (atomic_compare_exchange_weak(&own->range, &range, range + range_of(1, 0))) {
			pool.fn(pool.ctx, (long)range_from(range));
			range = atomic_load(&own->range);
		}
}

/*
 * Move the second half of what @of has left to @own, which is empty: nobody else changes that,
 * and no range comes back in a job, so who has seen an old one of it changes nothing.
 */
static bool take_half(struct share *own, struct share *of)
{
	unsigned long long range = atomic_load(&of->range);

	while (range_from(range) < range_to(range)) {
		unsigned long from = range_from(range), to = range_to(range);
		unsigned long middle = from + (to - from) / 2;

		if (!atomic_compare_exchange_weak(&of->range, &range, range_of(from, middle)))
			continue;
		atomic_store(&own->range, range_of(middle, to));
		return true;
	}
	return false;
}

/* What thread @me finds to do.  Tiles on their way into another's share are the other's. */
static void take_tiles(int me)
{
	struct share *own = &pool.shares[pool.in_order ? 0 : me];
	int i;

	do {
		take_share(own);
		for (i = pool.in_order ? pool.nr : 1; i < pool.nr; i++)
			if (take_half(own, &pool.shares[(me + i) % pool.nr]))
				break;
	} while (i < pool.nr);
}

static unsigned int generation(unsigned long long gate)
{
	return (unsigned int)(gate >> 32);
}

/* Is there a job that a worker that saw generation @seen last may enter? */
static bool is_open(unsigned int seen)
{
	unsigned int now = generation(atomic_load(&pool.gate));

	return (now & 1 && now != seen) || atomic_load(&pool.stop);
}

static bool is_empty(unsigned int unused)
{
	(void)unused;
	return !(atomic_load(&pool.gate) & INSIDE);
}

static int64_t nanoseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* Look for a moment whether @cond holds, letting others run now and then. */
static bool spin_until(bool (*cond)(unsigned int), unsigned int arg)
{
	int64_t end = nanoseconds() + SPIN_NS;

	do {
		for (int i = 0; i < 64; i++) {
			if (cond(arg))
				return true;
			cpu_relax();
		}
		sched_yield();
	} while (nanoseconds() < end);
	return false;
}

static void sleep_until_open(unsigned int seen)
{
	pthread_mutex_lock(&pool.lock);
	atomic_fetch_add(&pool.sleeping, 1);	/* before is_open(): see open_job() */
	while (!is_open(seen))
		pthread_cond_wait(&pool.wake, &pool.lock);
	atomic_fetch_sub(&pool.sleeping, 1);
	pthread_mutex_unlock(&pool.lock);
}

/* Into the open job, if it is still open. */
static bool enter(unsigned int *seen)
{
	unsigned long long gate = atomic_load(&pool.gate);

	do {
		*seen = generation(gate);
		if (!(*seen & 1))
			return false;
	} while (!atomic_compare_exchange_weak(&pool.gate, &gate, gate + 1));
	return true;
}

static void leave(void)
{
	unsigned long long before = atomic_fetch_sub(&pool.gate, 1);

	if ((before & INSIDE) != 1 || !atomic_load(&pool.waiting))
		return;
	pthread_mutex_lock(&pool.lock);
	pthread_cond_signal(&pool.done);
	pthread_mutex_unlock(&pool.lock);
}

static void *worker(void *number)
{
	int me = (int)(intptr_t)number;
	unsigned int seen = 0;

	for (;;) {
		if (!spin_until(is_open, seen))
			sleep_until_open(seen);
		if (atomic_load(&pool.stop))
			break;
		if (!enter(&seen))
			continue;
		take_tiles(me);
		leave();
	}
	return NULL;
}

void threads_stop(void)
{
	pthread_mutex_lock(&pool.lock);
	atomic_store(&pool.stop, true);
	pthread_cond_broadcast(&pool.wake);
	pthread_mutex_unlock(&pool.lock);
	for (int i = 0; i < pool.nr - 1; i++)
		pthread_join(pool.workers[i], NULL);
	free(pool.workers);
	free(pool.shares);
	pool.workers = NULL;
	pool.shares = NULL;
	pool.nr = 0;
	atomic_store(&pool.stop, false);
}

/*
 * Signals from outside are for the thread that runs the program: it may have blocked them
 * until it waits for them.  Those that a fault of the worker itself raises it must get.
 */
static int start_worker(int number)
{
	sigset_t outside, before;
	int err;

	sigfillset(&outside);
	sigdelset(&outside, SIGBUS);
	sigdelset(&outside, SIGFPE);
	sigdelset(&outside, SIGILL);
	sigdelset(&outside, SIGSEGV);
	pthread_sigmask(SIG_SETMASK, &outside, &before);
	err = pthread_create(&pool.workers[number - 1], NULL, worker, (void *)(intptr_t)number);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

int threads_start(int nr)
{
	if (nr < 1 || nr > 4096)
		return fail(-EINVAL, "%d threads: must be 1 to 4096", nr);
	threads_stop();
	pool.workers = calloc(nr, sizeof(*pool.workers));
	pool.shares = aligned_alloc(_Alignof(struct share), nr * sizeof(*pool.shares));
	if (!pool.workers || !pool.shares) {
		threads_stop();
		return fail_nomem(nr * sizeof(*pool.shares), "threads");
	}
	pool.nr = 1;
	for (int i = 1; i < nr; i++) {
		int err = start_worker(i);

		if (err) {
			threads_stop();
			return fail(-err, "cannot start thread %d of %d", i + 1, nr);
		}
		pool.nr++;
	}
	return 0;
}

/* Nobody is inside, so nobody reads what is written here before the gate opens. */
static void open_job(long nr_tiles, bool in_order, tile_fn fn, void *ctx)
{
	unsigned long long gate = atomic_load(&pool.gate);
	int shares = in_order ? 1 : pool.nr;

	pool.fn = fn;
	pool.ctx = ctx;
	pool.in_order = in_order;
	for (long i = 0; i < shares; i++)
		atomic_store(&pool.shares[i].range,
			     range_of((unsigned long)(nr_tiles * i / shares),
				      (unsigned long)(nr_tiles * (i + 1) / shares)));
	atomic_store(&pool.gate, gate + (1ull << 32));
	/* Who counted itself as sleeping after this load has seen the open gate. */
	if (!atomic_load(&pool.sleeping))
		return;
	pthread_mutex_lock(&pool.lock);
	pthread_cond_broadcast(&pool.wake);
	pthread_mutex_unlock(&pool.lock);
}

static void close_job(void)
{
	atomic_fetch_add(&pool.gate, 1ull << 32);
	if (spin_until(is_empty, 0))
		return;
	pthread_mutex_lock(&pool.lock);
	atomic_store(&pool.waiting, true);
	while (!is_empty(0))
		pthread_cond_wait(&pool.done, &pool.lock);
	atomic_store(&pool.waiting, false);
	pthread_mutex_unlock(&pool.lock);
}

static void run(long nr_tiles, bool in_order, tile_fn fn, void *ctx)
{
	if (pool.nr < 2 || nr_tiles < 2 || nr_tiles > TILES_MAX ||
	    atomic_flag_test_and_set(&busy)) {
		for (long i = 0; i < nr_tiles; i++)
			fn(ctx, i);
		return;
	}
	open_job(nr_tiles, in_order, fn, ctx);
	take_tiles(0);
	close_job();
	atomic_flag_clear(&busy);
}

void threads_run(long nr_tiles, tile_fn fn, void *ctx)
{
	run(nr_tiles, true, fn, ctx);
}

void threads_run_shares(long nr_tiles, tile_fn fn, void *ctx)
{
	run(nr_tiles, false, fn, ctx);
}

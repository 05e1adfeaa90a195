// SPDX-License-Identifier: MIT
/*
 * The scheduler of a block: let each thread run until it waits, then see who waits for
 * whom, release those whose partners are all there, and go on.  If nobody can be released,
 * the threads wait for each other in different places: that is the error it looks for.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/cuda/host/block.h"
#include "base/fail.h"
#include "base/rng.h"

__thread const struct cuda_host_self *cuda_host_self;
_Thread_local struct cuda_block *cuda_block_now;

/* ---- in a kernel's thread --------------------------------------------------------- */

static struct cuda_thread *current(void)
{
	return &cuda_block_now->thread[cuda_block_now->current];
}

static void wait_for_others(enum wait wait, int line)
{
	struct cuda_thread *t = current();

	t->wait = wait;
	t->line = line;
	fibre_swap(&t->fibre, &cuda_block_now->scheduler);
}

void cuda_host_barrier(int line)
{
	wait_for_others(AT_BARRIER, line);
}

uint64_t cuda_host_exchange(enum cuda_host_exchange kind, unsigned int mask, uint64_t value,
			    int lane, int width, int line)
{
	struct cuda_thread *t = current();

	t->kind = kind;
	t->mask = mask;
	t->value = value;
	t->lane = lane;
	t->width = width;
	if (!(mask >> cuda_block_now->current % CUDA_HOST_WARP & 1))
		cuda_block_now->complaint = "a thread's own lane is not in the mask of its "
					    "shuffle or __syncwarp()";
	wait_for_others(AT_WARP, line);
	return t->value;
}

static void thread_main(void *arg)
{
	struct cuda_block *b = arg;
	struct cuda_thread *t;

	b->launch->body(b->launch->ctx);
	t = current();
	t->wait = DONE;
	fibre_swap(&t->fibre, &b->scheduler);
	abort();
}

/* ---- releasing ----------------------------------------------------------------------- */

/* Threads of warp @w that exist and have not ended, as a mask. */
static unsigned int live_lanes(const struct cuda_block *b, int w)
{
	unsigned int live = 0;

	for (int l = 0; l < CUDA_HOST_WARP && w * CUDA_HOST_WARP + l < b->nr; l++)
		if (b->thread[w * CUDA_HOST_WARP + l].wait != DONE)
			live |= 1u << l;
	return live;
}

/* Which lane's value does @t get? Lanes beyond its segment are itself, as in CUDA. */
static int source_lane(const struct cuda_thread *t, int lane)
{
	int first = lane & ~(t->width - 1), from = lane;

	switch (t->kind) {
	case EXCHANGE_LANE:
		return first | (t->lane & (t->width - 1));
	case EXCHANGE_UP:
		from = lane - t->lane;
		return from < first ? lane : from;
	case EXCHANGE_DOWN:
		from = lane + t->lane;
		break;
	case EXCHANGE_XOR:
		from = lane ^ t->lane;
		break;
	default:
		break;
	}
	return from >= first + t->width ? lane : from;
}

/* Are all lanes that the mask of lane @l names at the same place, with the same mask? */
static bool all_there(const struct cuda_thread *warp, int l, unsigned int live)
{
	unsigned int wanted = warp[l].mask & live;

	for (int i = 0; i < CUDA_HOST_WARP; i++)
		if (wanted >> i & 1 &&
		    (warp[i].wait != AT_WARP || warp[i].line != warp[l].line ||
		     warp[i].kind != warp[l].kind || warp[i].mask != warp[l].mask))
			return false;
	return true;
}

static void exchange(struct cuda_thread *warp, unsigned int lanes)
{
	uint64_t got[CUDA_HOST_WARP] = { 0 }, ballot = 0;

	for (int i = 0; i < CUDA_HOST_WARP; i++)
		if (lanes >> i & 1)
			ballot |= (warp[i].value & 1) << i;
	for (int i = 0; i < CUDA_HOST_WARP; i++) {
		int from;

		if (!(lanes >> i & 1))
			continue;
		from = source_lane(&warp[i], i);
		/* A lane that takes no part has nothing to give: NaN. */
		got[i] = lanes >> from & 1 ? warp[from].value : UINT64_MAX;
		if (warp[i].kind == EXCHANGE_BALLOT)
			got[i] = ballot;
	}
	for (int i = 0; i < CUDA_HOST_WARP; i++) {
		if (!(lanes >> i & 1))
			continue;
		warp[i].value = got[i];
		warp[i].wait = RUNNABLE;
	}
}

static bool release_warps(struct cuda_block *b)
{
	bool any = false;

	for (int w = 0; w * CUDA_HOST_WARP < b->nr; w++) {
		struct cuda_thread *warp = b->thread + w * CUDA_HOST_WARP;
		unsigned int live = live_lanes(b, w);

		for (int l = 0; l < CUDA_HOST_WARP; l++) {
			if (!(live >> l & 1) || warp[l].wait != AT_WARP ||
			    !all_there(warp, l, live))
				continue;
			exchange(warp, warp[l].mask & live);
			any = true;
		}
	}
	return any;
}

static bool release_barrier(struct cuda_block *b)
{
	for (int i = 0; i < b->nr; i++)
		if (b->thread[i].wait != AT_BARRIER || b->thread[i].line != b->thread[0].line)
			return false;
	for (int i = 0; i < b->nr; i++)
		b->thread[i].wait = RUNNABLE;
	return true;
}

/* ---- running ------------------------------------------------------------------------- */

static int count_waits(const struct cuda_block *b, enum wait wait)
{
	int nr = 0;

	for (int i = 0; i < b->nr; i++)
		nr += b->thread[i].wait == wait;
	return nr;
}

/* Lines of the first thread that waits in this way, and of one that waits elsewhere. */
static void say_lines(const struct cuda_block *b, enum wait wait, char *text, size_t bytes)
{
	int first = 0;

	*text = 0;
	for (int i = 0; i < b->nr; i++) {
		if (b->thread[i].wait != wait || b->thread[i].line == first)
			continue;
		snprintf(text + strlen(text), bytes - strlen(text), "%s%d",
			 first ? " and " : " at line ", b->thread[i].line);
		if (first)
			return;
		first = b->thread[i].line;
	}
}

static int say_deadlock(const struct cuda_block *b, char *text, size_t bytes)
{
	char barriers[64], warps[64];

	say_lines(b, AT_BARRIER, barriers, sizeof(barriers));
	say_lines(b, AT_WARP, warps, sizeof(warps));
	snprintf(text, bytes, "threads wait for each other: of %d, %d are in __syncthreads()%s, %d "
		 "in a shuffle or __syncwarp()%s, %d have ended", b->nr, count_waits(b, AT_BARRIER),
		 barriers, count_waits(b, AT_WARP), warps, count_waits(b, DONE));
	return -EDEADLK;
}

static bool run_threads(struct cuda_block *b)
{
	bool any = false;

	for (int i = 0; i < b->nr; i++) {
		struct cuda_thread *t = &b->thread[b->order[i]];

		if (t->wait != RUNNABLE)
			continue;
		b->current = b->order[i];
		cuda_host_self = &t->self;
		fibre_swap(&b->scheduler, &t->fibre);
		any = true;
	}
	return any;
}

static int run_to_end(struct cuda_block *b, char *text, size_t bytes)
{
	const char *wrong = NULL;

	while (!wrong && count_waits(b, DONE) < b->nr) {
		run_threads(b);
		wrong = b->complaint;
		if (!wrong && count_waits(b, DONE) < b->nr && !release_warps(b) &&
		    !release_barrier(b))
			return say_deadlock(b, text, bytes);
	}
	if (!wrong)
		wrong = cuda_memory_check(b);
	if (wrong)
		snprintf(text, bytes, "%s", wrong);
	return wrong ? -EFAULT : 0;
}

static void set_order(struct cuda_block *b, enum cuda_host_order order, long index)
{
	struct rng r = rng_stream(0, "cuda-host/order", index);

	for (int i = 0; i < b->nr; i++) {
		b->order[i] = i;
		if (order == CUDA_HOST_REVERSE)
			b->order[i] = b->nr - 1 - i;
		else if (order == CUDA_HOST_RANDOM)
			b->order[i] = (int)rng_permute(&r, i, b->nr);
	}
}

static void set_threads(struct cuda_block *b, long index)
{
	const struct cuda_host_dim n = b->launch->block, grid = b->launch->grid;

	for (int i = 0; i < b->nr; i++) {
		struct cuda_thread *t = &b->thread[i];

		t->self.thread = (struct cuda_host_dim){ i % n.x, i / n.x % n.y, i / n.x / n.y };
		t->self.block = (struct cuda_host_dim){ index % grid.x, index / grid.x % grid.y,
							index / grid.x / grid.y };
		t->self.block_dim = n;
		t->self.grid_dim = grid;
		t->wait = RUNNABLE;
		fibre_start(&t->fibre, thread_main, b);
	}
}

/* ---- one block for each OS thread, freed with it ---------------------------------------- */

static pthread_key_t key;

static void free_block(void *p)
{
	struct cuda_block *b = p;

	cuda_memory_free(b);
	free(b);
}

static void make_key(void)
{
	BUG_ON(pthread_key_create(&key, free_block));
}

static struct cuda_block *my_block(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct cuda_block *b;

	pthread_once(&once, make_key);
	b = pthread_getspecific(key);
	if (b)
		return b;
	b = calloc(1, sizeof(*b));
	if (!b || cuda_memory_new(b) || pthread_setspecific(key, b)) {
		if (b)
			free_block(b);
		return NULL;
	}
	return b;
}

int cuda_block_run(const struct cuda_host_launch *l, long index, enum cuda_host_order order,
		   char *text, size_t text_bytes)
{
	struct cuda_block *b = my_block();
	int ret;

	if (!b) {
		snprintf(text, text_bytes, "no memory for stacks");
		return -ENOMEM;
	}
	cuda_memory_watch();
	b->launch = l;
	b->complaint = NULL;
	b->nr = (int)(l->block.x * l->block.y * l->block.z);
	set_order(b, order, index);
	set_threads(b, index);
	cuda_memory_begin(b);
	cuda_block_now = b;
	if (sigsetjmp(b->fault, 0)) {
		snprintf(text, text_bytes, "accessed memory behind its %zu bytes of dynamic shared "
			 "memory", cuda_block_now->launch->shared_bytes);
		ret = -EFAULT;
	} else {
		ret = run_to_end(b, text, text_bytes);
	}
	cuda_block_now = NULL;
	return ret;
}

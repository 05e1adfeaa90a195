// SPDX-License-Identifier: MIT
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "arch/cuda/host/block.h"
#include "base/fail.h"
#include "base/thread.h"

static enum cuda_host_order order_now;

/* The blocks of a launch, and what went wrong in the first of those that failed. */
struct grid {
	const struct cuda_host_launch *launch;
	enum cuda_host_order order;
	pthread_mutex_t lock;
	atomic_long bad_block;		/* number of blocks: none */
	int ret;
	char text[256];
};

void cuda_host_set_order(enum cuda_host_order order)
{
	order_now = order;
}

static long count(struct cuda_host_dim n)
{
	return (long)n.x * n.y * n.z;
}

static void run_block(void *ctx, long block)
{
	struct grid *g = ctx;
	char text[256];
	int ret;

	/* Which blocks come before the first bad one does not depend on the threads. */
	if (block > atomic_load(&g->bad_block))
		return;
	ret = cuda_block_run(g->launch, block, g->order, text, sizeof(text));
	if (!ret)
		return;
	pthread_mutex_lock(&g->lock);
	if (block < atomic_load(&g->bad_block)) {
		atomic_store(&g->bad_block, block);
		g->ret = ret;
		memcpy(g->text, text, sizeof(text));
	}
	pthread_mutex_unlock(&g->lock);
}

static int check_launch(const struct cuda_host_launch *l)
{
	if (count(l->block) < 1 || count(l->block) > CUDA_HOST_MAX_THREADS)
		return fail(-EINVAL, "kernel '%s': %ld threads in a block: must be 1 to %d",
			    l->kernel, count(l->block), CUDA_HOST_MAX_THREADS);
	if (count(l->grid) < 1 || l->grid.y > 65535 || l->grid.z > 65535)
		return fail(-EINVAL, "kernel '%s': a grid of %u x %u x %u blocks", l->kernel,
			    l->grid.x, l->grid.y, l->grid.z);
	if (l->shared_bytes > CUDA_HOST_MAX_SHARED)
		return fail(-EINVAL, "kernel '%s': %zu bytes of shared memory: at most %d",
			    l->kernel, l->shared_bytes, CUDA_HOST_MAX_SHARED);
	return 0;
}

int cuda_host_run(const struct cuda_host_launch *l)
{
	struct grid g = { .launch = l, .order = order_now, .lock = PTHREAD_MUTEX_INITIALIZER };
	int ret = check_launch(l);
	long bad;

	if (ret)
		return ret;
	atomic_init(&g.bad_block, count(l->grid));
	threads_run(count(l->grid), run_block, &g);
	bad = atomic_load(&g.bad_block);
	if (bad == count(l->grid))
		return 0;
	return fail(g.ret, "kernel '%s', block (%ld, %ld, %ld): %s", l->kernel, bad % l->grid.x,
		    bad / l->grid.x % l->grid.y, bad / l->grid.x / l->grid.y, g.text);
}

// SPDX-License-Identifier: MIT
/*
 * Stacks and shared memory of blocks, and the guards around them.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/cuda/host/block.h"
#include "base/fail.h"

#define PAGE ((size_t)4096)
#define STACK (16 * PAGE)	/* of which the lowest page is a guard */
#define RED_ZONE 64
#define RED 0xa5

static void *reserve(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* The descriptors, then the stacks; shared memory with a page behind; static arrays. */
static size_t threads_bytes(void)
{
	size_t bytes = CUDA_HOST_MAX_THREADS * sizeof(struct cuda_thread);

	return (bytes + PAGE - 1) / PAGE * PAGE;
}

static size_t statics_bytes(void)
{
	return CUDA_HOST_MAX_SHARED + (MAX_STATICS + 1) * 2 * RED_ZONE;
}

int cuda_memory_new(struct cuda_block *b)
{
	size_t bytes = threads_bytes() + CUDA_HOST_MAX_THREADS * STACK;
	char *stacks;

	b->thread = reserve(bytes);
	b->shared = reserve(CUDA_HOST_MAX_SHARED + PAGE);
	b->statics = reserve(statics_bytes());
	if (!b->thread || !b->shared || !b->statics ||
	    mprotect(b->shared + CUDA_HOST_MAX_SHARED, PAGE, PROT_NONE)) {
		cuda_memory_free(b);
		return -ENOMEM;
	}
	b->shared_end = b->shared + CUDA_HOST_MAX_SHARED;
	stacks = (char *)b->thread + threads_bytes();
	for (int i = 0; i < CUDA_HOST_MAX_THREADS; i++) {
		char *stack = stacks + i * STACK;

		/* Without the guard if there are too many mappings already. */
		mprotect(stack, PAGE, PROT_NONE);
		b->thread[i].fibre.stack = stack + PAGE;
		b->thread[i].fibre.stack_bytes = STACK - PAGE;
	}
	return 0;
}

void cuda_memory_free(struct cuda_block *b)
{
	if (b->thread)
		munmap(b->thread, threads_bytes() + CUDA_HOST_MAX_THREADS * STACK);
	if (b->shared)
		munmap(b->shared, CUDA_HOST_MAX_SHARED + PAGE);
	if (b->statics)
		munmap(b->statics, statics_bytes());
}

void cuda_memory_begin(struct cuda_block *b)
{
	b->nr_arrays = 0;
	b->statics_used = RED_ZONE;
	memset(b->statics, RED, RED_ZONE);
	/* It ends at the guard page, but for what the alignment to 16 bytes costs. */
	b->dynamic = (unsigned char *)((uintptr_t)(b->shared_end - b->launch->shared_bytes) &
				       ~(uintptr_t)15);
	memset(b->dynamic, 0xff, b->shared_end - b->dynamic);
}

void *cuda_host_dynamic_shared(void)
{
	return cuda_block_now->dynamic;
}

/* The first thread that comes by makes the array: no thread can have used it before. */
void *cuda_host_static_shared(const void *key, size_t bytes)
{
	struct cuda_block *b = cuda_block_now;
	size_t room = (bytes + 15) / 16 * 16;
	struct cuda_static *a;

	for (int i = 0; i < b->nr_arrays; i++)
		if (b->arrays[i].key == key)
			return b->arrays[i].data;
	BUG_ON(b->nr_arrays == MAX_STATICS ||
	       b->statics_used + room + RED_ZONE > statics_bytes());
	a = &b->arrays[b->nr_arrays++];
	*a = (struct cuda_static){ key, b->statics + b->statics_used, bytes };
	memset(a->data, 0xff, bytes);
	memset(a->data + bytes, RED, room - bytes + RED_ZONE);
	b->statics_used += room + RED_ZONE;
	return a->data;
}

static bool is_red(const unsigned char *p, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (p[i] != RED)
			return false;
	return true;
}

const char *cuda_memory_check(const struct cuda_block *b)
{
	bool clean = is_red(b->statics, RED_ZONE);

	for (int i = 0; i < b->nr_arrays; i++)
		clean &= is_red(b->arrays[i].data + b->arrays[i].bytes, RED_ZONE);
	return clean ? NULL : "wrote outside of a static shared array";
}

/* ---- the guard page ------------------------------------------------------------- */

static struct sigaction before;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	const unsigned char *at = info->si_addr;

	if (cuda_block_now && at >= cuda_block_now->shared_end &&
	    at < cuda_block_now->shared_end + PAGE)
		siglongjmp(cuda_block_now->fault, 1);
	if (before.sa_flags & SA_SIGINFO)
		before.sa_sigaction(sig, info, context);
	else
		sigaction(SIGSEGV, &before, NULL);	/* it happens again at once */
}

static void watch(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &action, &before);
}

void cuda_memory_watch(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch);
}

/* SPDX-License-Identifier: MIT */
/*
 * One block of a kernel on one OS thread.
 */
#ifndef ARCH_CUDA_HOST_BLOCK_H
#define ARCH_CUDA_HOST_BLOCK_H

#include <setjmp.h>
#include <stdbool.h>

#include "arch/cuda/host/cuda-host.h"
#include "arch/cuda/host/fibre.h"

enum wait { RUNNABLE, AT_BARRIER, AT_WARP, DONE };

/** struct cuda_thread - a fibre, and what it waits for. */
struct cuda_thread {
	struct cuda_host_self self;
	struct fibre fibre;
	enum wait wait;
	int line;			/* where it waits */
	enum cuda_host_exchange kind;
	unsigned int mask;
	uint64_t value;			/* what it gave, then what it got */
	int lane, width;
};

#define MAX_STATICS 32

/** struct cuda_static - a static shared array of the running block. */
struct cuda_static {
	const void *key;
	unsigned char *data;
	size_t bytes;
};

/**
 * struct cuda_block - an OS thread's one block at a time; kept from launch to launch.
 * @dynamic: dynamic shared memory: it ends at @shared_end, where a guard page begins
 */
struct cuda_block {
	const struct cuda_host_launch *launch;
	struct cuda_thread *thread;	/* (CUDA_HOST_MAX_THREADS) */
	int nr, current;
	int order[CUDA_HOST_MAX_THREADS];
	struct fibre scheduler;
	unsigned char *shared, *shared_end, *dynamic;
	unsigned char *statics;
	size_t statics_used;
	struct cuda_static arrays[MAX_STATICS];
	int nr_arrays;
	const char *complaint;		/* what a thread did wrong; ends the block */
	sigjmp_buf fault;		/* where an access to the guard page goes */
};

/* The block that this OS thread runs; NULL outside of cuda_block_run(). */
extern _Thread_local struct cuda_block *cuda_block_now;

/**
 * cuda_block_run() - run block number @index of @l in this OS thread.
 * Return: 0 or -errno, and what was wrong in @text.
 */
int cuda_block_run(const struct cuda_host_launch *l, long index, enum cuda_host_order order,
		   char *text, size_t text_bytes);

/** cuda_memory_begin() - poisoned shared memory for the next block. */
void cuda_memory_begin(struct cuda_block *b);
/** cuda_memory_check() - NULL, or what was written outside of static shared arrays. */
const char *cuda_memory_check(const struct cuda_block *b);
/** cuda_memory_new() - reserve a block's stacks and shared memory. 0 or -ENOMEM. */
int cuda_memory_new(struct cuda_block *b);
void cuda_memory_free(struct cuda_block *b);
/** cuda_memory_watch() - from now on a fault in a guard page jumps to the block's @fault. */
void cuda_memory_watch(void);

#endif

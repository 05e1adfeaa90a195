/* SPDX-License-Identifier: MIT */
/*
 * CUDA kernels on the host: what a .cu file sees instead of CUDA's headers when it is
 * compiled as C++ (CONFIG_CUDA_HOST), and what the C side implements.
 *
 * A block is a loop over its threads, which are fibres: each runs until it has to wait for
 * the others.  Blocks are tiles of threads_run().  So a run finds, with the name of the
 * kernel in the message:
 *
 *	- barriers and shuffles that not all threads reach (-EDEADLK);
 *	- accesses outside of shared memory: a guard page behind the dynamic part (-EFAULT),
 *	  red zones between static arrays (-EFAULT, writes only);
 *	- reads of shared memory that nobody wrote: it begins as NaN (0xff bytes), and a
 *	  missing barrier lets a thread run ahead of the one that writes what it reads; the
 *	  devices cuda-host:1 and cuda-host:2 run threads in reverse and in random order, so
 *	  that no order hides it.
 *
 * Not every race shows, and nothing here says anything about speed.
 */
#ifndef ARCH_CUDA_HOST_CUDA_HOST_H
#define ARCH_CUDA_HOST_CUDA_HOST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CUDA_HOST_WARP 32
#define CUDA_HOST_MAX_THREADS 1024
#define CUDA_HOST_MAX_SHARED (48 << 10)		/* what a kernel gets without asking */

struct cuda_host_dim {
	unsigned int x, y, z;
};

/** struct cuda_host_self - what the running thread knows of itself: threadIdx and so on. */
struct cuda_host_self {
	struct cuda_host_dim thread, block, block_dim, grid_dim;
};

extern __thread const struct cuda_host_self *cuda_host_self;

/** struct cuda_host_launch - a kernel call; @body runs one thread. */
struct cuda_host_launch {
	const char *kernel;
	struct cuda_host_dim grid, block;
	size_t shared_bytes;
	void (*body)(void *ctx);
	void *ctx;
};

/** cuda_host_run() - run all blocks. Return: 0 or -errno with a message. */
int cuda_host_run(const struct cuda_host_launch *l);

enum cuda_host_order { CUDA_HOST_FORWARD, CUDA_HOST_REVERSE, CUDA_HOST_RANDOM };

/** cuda_host_set_order() - in which order the threads of a block run, from now on. */
void cuda_host_set_order(enum cuda_host_order order);

enum cuda_host_exchange {
	EXCHANGE_NONE,	/* __syncwarp() */
	EXCHANGE_LANE, EXCHANGE_UP, EXCHANGE_DOWN, EXCHANGE_XOR,
	EXCHANGE_BALLOT,
};

/* Called by kernels' threads. @line tells waits at different places apart. */
void cuda_host_barrier(int line);
uint64_t cuda_host_exchange(enum cuda_host_exchange kind, unsigned int mask, uint64_t value,
			    int lane, int width, int line);
void *cuda_host_dynamic_shared(void);
/** cuda_host_static_shared() - the block's array for the place in the program called @key. */
void *cuda_host_static_shared(const void *key, size_t bytes);

#ifdef __cplusplus
}

#include <math.h>
#include <string.h>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __restrict__ __restrict
#define __launch_bounds__(...)

#define threadIdx (cuda_host_self->thread)
#define blockIdx  (cuda_host_self->block)
#define blockDim  (cuda_host_self->block_dim)
#define gridDim   (cuda_host_self->grid_dim)

#define SHARED(type, name, count)						\
	static const char name##_key = 0;					\
	type *const name = (type *)cuda_host_static_shared(&name##_key,		\
							   (count) * sizeof(type))
#define SHARED_DYNAMIC(type, name)						\
	type *const name = (type *)cuda_host_dynamic_shared()

static inline void __syncthreads(int line = __builtin_LINE())
{
	cuda_host_barrier(line);
}

static inline void __syncwarp(unsigned int mask = 0xffffffff, int line = __builtin_LINE())
{
	cuda_host_exchange(EXCHANGE_NONE, mask, 0, 0, CUDA_HOST_WARP, line);
}

template <typename T>
static inline T cuda_host_shuffle(enum cuda_host_exchange kind, unsigned int mask, T value,
				  int lane, int width, int line)
{
	uint64_t bits = 0;

	static_assert(sizeof(T) <= sizeof(bits), "shuffles move at most 64 bits");
	memcpy(&bits, &value, sizeof(T));
	bits = cuda_host_exchange(kind, mask, bits, lane, width, line);
	memcpy(&value, &bits, sizeof(T));
	return value;
}

template <typename T>
static inline T __shfl_sync(unsigned int mask, T value, int lane, int width = 32,
			    int line = __builtin_LINE())
{
	return cuda_host_shuffle(EXCHANGE_LANE, mask, value, lane, width, line);
}

template <typename T>
static inline T __shfl_up_sync(unsigned int mask, T value, unsigned int delta, int width = 32,
			       int line = __builtin_LINE())
{
	return cuda_host_shuffle(EXCHANGE_UP, mask, value, (int)delta, width, line);
}

template <typename T>
static inline T __shfl_down_sync(unsigned int mask, T value, unsigned int delta, int width = 32,
				 int line = __builtin_LINE())
{
	return cuda_host_shuffle(EXCHANGE_DOWN, mask, value, (int)delta, width, line);
}

template <typename T>
static inline T __shfl_xor_sync(unsigned int mask, T value, int lane_mask, int width = 32,
				int line = __builtin_LINE())
{
	return cuda_host_shuffle(EXCHANGE_XOR, mask, value, lane_mask, width, line);
}

static inline unsigned int __ballot_sync(unsigned int mask, int predicate,
					 int line = __builtin_LINE())
{
	return (unsigned int)cuda_host_exchange(EXCHANGE_BALLOT, mask, predicate != 0, 0,
						CUDA_HOST_WARP, line);
}

static inline int __any_sync(unsigned int mask, int predicate, int line = __builtin_LINE())
{
	return __ballot_sync(mask, predicate, line) != 0;
}

static inline int __all_sync(unsigned int mask, int predicate, int line = __builtin_LINE())
{
	return !__ballot_sync(mask, !predicate, line);
}

/* Blocks run side by side, so these are atomic; floats stay out (no float atomics). */
static inline int atomicAdd(int *address, int value)
{
	return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}

static inline unsigned int atomicAdd(unsigned int *address, unsigned int value)
{
	return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}

static inline float rsqrtf(float x)
{
	return 1 / sqrtf(x);
}

/* A launch: every thread evaluates the arguments, which thus may have no side effects. */
template <typename Body>
static int cuda_host_call(const char *kernel, struct cuda_host_dim grid,
			  struct cuda_host_dim block, size_t shared_bytes, Body body)
{
	struct cuda_host_launch l = {
		kernel, grid, block, shared_bytes,
		[](void *ctx) { (*(const Body *)ctx)(); }, (void *)&body,
	};

	return cuda_host_run(&l);
}

static inline struct cuda_host_dim cuda_host_dims(int64_t x, int64_t y = 1, int64_t z = 1)
{
	return { (unsigned int)x, (unsigned int)y, (unsigned int)z };
}

#define KLAUNCH(kernel, grid, block, shared_bytes, ...)				\
	cuda_host_call(#kernel, cuda_host_dims grid, cuda_host_dims block, shared_bytes, \
		       [&] { kernel(__VA_ARGS__); })

#endif
#endif

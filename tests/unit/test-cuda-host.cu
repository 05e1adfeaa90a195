// SPDX-License-Identifier: MIT
/*
 * The host's stand-in for a GPU: does it compute what CUDA would, and does it find what it
 * says it finds?  The wrong kernels here are wrong on purpose.
 */
#include <math.h>
#include <string.h>

#include "arch/cuda/reduce.h"

#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#include "base/thread.h"
#include "tests/unit/test.h"
}

#define N 96

static const enum cuda_host_order orders[] = {
	CUDA_HOST_FORWARD, CUDA_HOST_REVERSE, CUDA_HOST_RANDOM,
};

static __global__ void mirror(float *to, const float *from, bool with_barrier)
{
	SHARED(float, tile, N);
	int i = threadIdx.x, block = blockIdx.x;

	tile[i] = from[block * N + i];
	if (with_barrier)
		__syncthreads();
	to[block * N + i] = tile[N - 1 - i];
}

static int count_wrong(bool with_barrier)
{
	float from[7 * N], to[7 * N];
	int wrong = 0;

	for (int i = 0; i < 7 * N; i++)
		from[i] = i;
	memset(to, 0, sizeof(to));
	check_ok(KLAUNCH(mirror, (7), (N), 0, to, from, with_barrier));
	for (int b = 0; b < 7; b++)
		for (int i = 0; i < N; i++)
			wrong += !(to[b * N + i] == from[b * N + N - 1 - i]);
	return wrong;
}

static void cuda_host_barriers()
{
	for (enum cuda_host_order order : orders) {
		cuda_host_set_order(order);
		CHECK(count_wrong(true) == 0);
		CHECK(count_wrong(false) > 0);
	}
}
TEST_REGISTER(cuda_host_barriers);

static __global__ void divergent_barrier()
{
	if (threadIdx.x < 40)
		__syncthreads();
	else
		__syncwarp(__ballot_sync(ALL_LANES << 8, 1) | 1);
}

static __global__ void early_exit()
{
	if (blockIdx.x == 3 && threadIdx.x > 50)
		return;
	__syncthreads();
}

static __global__ void two_barriers()
{
	if (threadIdx.x % 2)
		__syncthreads();
	else
		__syncthreads();
}

static __global__ void divergent_shuffle(float *to)
{
	if (threadIdx.x % 4)
		to[threadIdx.x] = __shfl_xor_sync(ALL_LANES, 1.0f, 1);
	__syncthreads();
}

static __global__ void wrong_mask(float *to)
{
	to[threadIdx.x] = __shfl_xor_sync(0xffff, 1.0f, 1);
}

static void cuda_host_deadlocks()
{
	float to[N];

	for (int threads = 1; threads <= 4; threads++) {
		check_ok(threads_start(threads));
		check_fails(KLAUNCH(divergent_barrier, (1), (64), 0), -EDEADLK,
			    "'divergent_barrier', block (0, 0, 0)");
		check_fails(KLAUNCH(early_exit, (100), (64), 0), -EDEADLK,
			    "block (3, 0, 0): threads wait for each other: of 64, 51 are in");
		check_fails(KLAUNCH(two_barriers, (1), (64), 0), -EDEADLK, "64 are in __sync");
		check_fails(KLAUNCH(divergent_shuffle, (1), (N), 0, to), -EDEADLK,
			    "24 are in __syncthreads() at line");
		check_fails(KLAUNCH(wrong_mask, (1), (N), 0, to), -EFAULT, "own lane");
	}
	threads_stop();
	/* And afterwards all is well again. */
	CHECK(count_wrong(true) == 0);
}
TEST_REGISTER(cuda_host_deadlocks);

static __global__ void dynamic(float *to, int last)
{
	SHARED_DYNAMIC(float, buffer);

	to[threadIdx.x] = buffer[threadIdx.x];
	if ((int)threadIdx.x <= last)
		buffer[threadIdx.x] = 1;
}

static __global__ void beyond_static(int last)
{
	SHARED(char, first, 13);
	SHARED(double, second, 5);

	for (int i = 0; i <= last; i++)
		first[i] = 0;
	second[0] = 0;
}

static void cuda_host_shared_memory()
{
	float to[N];

	check_ok(KLAUNCH(dynamic, (2), (N), N * sizeof(float), to, N - 1));
	for (int i = 0; i < N; i++)	/* nobody had written it, in the second block either */
		CHECK(isnan(to[i]));
	check_fails(KLAUNCH(dynamic, (2), (N), (N - 4) * sizeof(float), to, N - 4), -EFAULT,
		    "'dynamic', block (0, 0, 0): accessed memory behind its 368 bytes");
	check_ok(KLAUNCH(beyond_static, (2), (1), 0, 12));
	check_fails(KLAUNCH(beyond_static, (2), (1), 0, 13), -EFAULT, "static shared array");
	check_fails(KLAUNCH(dynamic, (1), (1), 1 << 20, to, 0), -EINVAL, "shared memory");
	check_fails(KLAUNCH(dynamic, (1), (1025), 0, to, 0), -EINVAL, "1025 threads");
	check_ok(KLAUNCH(dynamic, (2), (N), N * sizeof(float), to, N - 1));
}
TEST_REGISTER(cuda_host_shared_memory);

static __global__ void shuffles(int *to)
{
	int t = threadIdx.x;

	to[t] = __shfl_sync(ALL_LANES, t, t + 5);
	to[N + t] = __shfl_up_sync(ALL_LANES, t, 3, 8);
	to[2 * N + t] = __shfl_down_sync(ALL_LANES, t, 3, 8);
	to[3 * N + t] = __shfl_xor_sync(ALL_LANES, t, 5);
	to[4 * N + t] = __ballot_sync(ALL_LANES, t % 3 == 0);
	to[5 * N + t] = __any_sync(ALL_LANES, t == 33) + 2 * __all_sync(ALL_LANES, t >= 32);
}

/* CUDA C++ Programming Guide, "Warp shuffle functions" and "Warp vote functions". */
static void cuda_host_shuffles()
{
	int to[6 * N];

	check_ok(KLAUNCH(shuffles, (1), (N), 0, to));
	for (int t = 0; t < N; t++) {
		int warp = t / 32 * 32;
		unsigned int thirds = 0;

		for (int l = 0; l < 32; l++)
			thirds |= (unsigned int)((warp + l) % 3 == 0) << l;
		CHECK(to[t] == warp + (t + 5) % 32);
		CHECK(to[N + t] == (t % 8 >= 3 ? t - 3 : t));
		CHECK(to[2 * N + t] == (t % 8 < 5 ? t + 3 : t));
		CHECK(to[3 * N + t] == (t ^ 5));
		CHECK((unsigned int)to[4 * N + t] == thirds);
		CHECK(to[5 * N + t] == (warp == 32) + 2 * (warp >= 32));
	}
}
TEST_REGISTER(cuda_host_shuffles);

static __global__ void sums(int *total, float *sum)
{
	int at = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
	int thread = threadIdx.y * blockDim.x + threadIdx.x;
	float s;

	s = __shfl_sync(ALL_LANES, (float)(thread * at), thread % WARP);
	atomicAdd(total, (int)s);
	if (threadIdx.x == 0 && threadIdx.y == 0)
		sum[at] = (float)at;
}

static __global__ void reductions(float *sum, float *max, bool *any)
{
	float s = block_sum((float)threadIdx.x), m = block_max(-1.0f * threadIdx.x);
	bool a = block_any(threadIdx.x == 70), none = block_any(threadIdx.x == 1000);

	sum[threadIdx.x] = s;
	max[threadIdx.x] = m;
	any[threadIdx.x] = a && !none;
}

/* Blocks and threads of several dimensions, for any number of OS threads. */
static void cuda_host_grids()
{
	for (int threads = 1; threads <= 4; threads++) {
		float sum[N], max[N];
		bool any[N];
		int total = 0;

		check_ok(threads_start(threads));
		check_ok(KLAUNCH(sums, (3, 4, 5), (8, 8), 0, &total, sum));
		CHECK(total == 63 * 64 / 2 * 59 * 60 / 2);
		for (int i = 0; i < 60; i++)
			CHECK(sum[i] == i);
		check_ok(KLAUNCH(reductions, (1), (N), 0, sum, max, any));
		for (int i = 0; i < N; i++)
			CHECK(sum[i] == N * (N - 1) / 2 && max[i] == 0 && any[i]);
	}
	threads_stop();
}
TEST_REGISTER(cuda_host_grids);

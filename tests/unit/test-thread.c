// SPDX-License-Identifier: MIT
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/thread.h"
#include "tests/unit/test.h"

enum { TILES = 1000 };

struct job {
	atomic_int hits[TILES];
};

static void hit(void *ctx, long tile)
{
	struct job *job = ctx;

	atomic_fetch_add(&job->hits[tile], 1);
}

static void check_all(struct job *job, long nr, int times)
{
	for (long i = 0; i < TILES; i++)
		ck_assert_int_eq(atomic_load(&job->hits[i]), i < nr ? times : 0);
}

START_TEST(each_tile_once)
{
	static const int threads[] = { 1, 2, 4, 3 };
	static const long tiles[] = { 0, 1, 2, 7, TILES };

	ck_assert_int_ge(threads_default(), 1);
	ck_assert_int_eq(threads_count(), 1);
	for (int t = 0; t < 4; t++) {
		check_ok(threads_start(threads[t]));
		ck_assert_int_eq(threads_count(), threads[t]);
		for (int k = 0; k < 5; k++) {
			static struct job job;

			memset(&job, 0, sizeof(job));
			threads_run(tiles[k], hit, &job);
			check_all(&job, tiles[k], 1);
			threads_run_shares(tiles[k], hit, &job);
			check_all(&job, tiles[k], 2);
		}
	}
	threads_stop();
	ck_assert_int_eq(threads_count(), 1);
}
END_TEST

START_TEST(many_runs)
{
	static struct job job;

	check_ok(threads_start(4));
	for (int i = 0; i < 300; i++) {
		threads_run(16, hit, &job);
		threads_run_shares(16, hit, &job);
	}
	check_all(&job, 16, 600);
	threads_stop();
}
END_TEST

/* Tile 0 ends when all others have. */
static void hit_last(void *ctx, long tile)
{
	struct job *job = ctx;

	for (long i = 1; i < TILES && !tile; i++)
		while (!atomic_load(&job->hits[i]))
			sched_yield();
	hit(ctx, tile);
}

/* What a thread has no time for, others take, one half after the other. */
START_TEST(shares_are_shared_again)
{
	static struct job job;

	check_ok(threads_start(3));
	threads_run_shares(TILES, hit_last, &job);
	check_all(&job, TILES, 1);
	threads_stop();
}
END_TEST

static void nested(void *ctx, long tile)
{
	(void)tile;
	threads_run(10, hit, ctx);
}

START_TEST(nested_runs)
{
	static struct job job;

	check_ok(threads_start(2));
	threads_run(20, nested, &job);
	check_all(&job, 10, 20);
	threads_stop();
}
END_TEST

static volatile sig_atomic_t taken;

static void take(int signal_number)
{
	(void)signal_number;
	taken = 1;
}

/* A signal that the program has blocked waits for it: no worker takes it instead. */
START_TEST(signals_are_for_the_program)
{
	struct sigaction action = { .sa_handler = take };
	sigset_t usr1, pending;

	check_ok(threads_start(3));
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	kill(getpid(), SIGUSR1);
	usleep(20000);
	ck_assert_int_eq(taken, 0);
	sigpending(&pending);
	CHECK(sigismember(&pending, SIGUSR1));
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);
	ck_assert_int_eq(taken, 1);
	threads_stop();
}
END_TEST

START_TEST(wrong_numbers)
{
	check_fails(threads_start(0), -EINVAL, "0 threads");
	check_fails(threads_start(5000), -EINVAL, "5000 threads");
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, each_tile_once);
	tcase_add_test(tc, many_runs);
	tcase_add_test(tc, shares_are_shared_again);
	tcase_add_test(tc, nested_runs);
	tcase_add_test(tc, signals_are_for_the_program);
	tcase_add_test(tc, wrong_numbers);
}
TEST_REGISTER(thread, add);

/* SPDX-License-Identifier: MIT */
/*
 * Plans: a graph made ready for one device.
 *
 * Planning chooses a kernel for each node, gives every intermediate a place in one
 * arena by liveness, and allocates that arena.  Nothing is allocated afterwards.
 */
#ifndef TENSOR_PLAN_H
#define TENSOR_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tensor/graph.h"

/** struct step - a node as it will be run. */
struct step {
	struct node *node;
	const struct kernel *kernel;
	size_t scratch_offset, scratch_bytes;
	double seconds;		/* of all runs since plan_timing() */
};

struct plan {
	struct graph *graph;
	struct device *device;
	struct step *steps;
	int nr_steps;
	struct buffer *arena;
	size_t arena_bytes;
	bool is_dry;		/* no memory behind it: for --dry-run */
	bool bound;		/* layouts resolved for the current extents */
	bool timed;		/* runs add up the seconds of each step */
};

/**
 * graph_plan() - plan @g for @dev.  A graph has one plan at a time: build another graph
 * for another mode (training, prefill, decode); they share weights and caches.
 * @dry: choose kernels and places but allocate nothing
 * Nodes that nothing needs (no output, no update of bound memory) are dropped.
 * Return: 0; -EOPNOTSUPP naming the op that has no kernel; -ENOMEM naming the largest
 * tensors.
 */
int graph_plan(struct graph *g, struct device *dev, bool dry, struct plan **plan);
void plan_free(struct plan *p);

/** plan_set_extent() - the actual size of an extent, 1 ... max, from the next run on. */
int plan_set_extent(struct plan *p, int extent, int64_t value);

/** plan_run() - run all steps. Bound tensors must be bound. */
int plan_run(struct plan *p);

/**
 * plan_run_checked() - run, looking at the parameters, then at every output for NaN and Inf;
 * slow.
 * Return: -EDOM with the parameter, or the first op and its tensor, that is not finite; 0 if
 * all are.
 */
int plan_run_checked(struct plan *p);

/** plan_cost() - flops and bytes of a run at the current extents. */
struct cost plan_cost(struct plan *p);

/** step_cost() - flops and bytes of one step of a plan, at the extents of its last run. */
struct cost step_cost(const struct step *s);

/**
 * plan_timing() - from now on, measure each step of a run into its @seconds, from 0.
 *
 * The device is waited for after each step, so that a run takes longer than without.
 */
void plan_timing(struct plan *p, bool on);

/** plan_kernels() - print the distinct kernels chosen, one "op kernel" a line, sorted. */
void plan_kernels(const struct plan *p, FILE *f);

/** tensor_read() / tensor_write() - all elements of a contiguous tensor (actual size). */
int tensor_read(const struct tensor *t, void *host, size_t bytes);
int tensor_write(struct tensor *t, const void *host, size_t bytes);

/** tensor_copy() - @nr elements from @at on of a contiguous tensor to byte @to_at of @to. */
int tensor_copy(const struct tensor *t, int64_t at, int64_t nr, struct buffer *to,
		size_t to_at);

/* ---- oracle executor: the same graph in fp64 on the host, for tests ---------- */

/**
 * oracle_run() - run a graph through the oracles.
 * @values: values[tensor id]: contiguous doubles; bound tensors are given, the others
 * are allocated and set.  Bound tensors that nodes update are written in place.
 */
int oracle_run(struct graph *g, double **values);

#endif

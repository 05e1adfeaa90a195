/* SPDX-License-Identifier: MIT */
/*
 * Where the time of a training step goes, and how long one will take.
 */
#ifndef TRAIN_PROFILE_H
#define TRAIN_PROFILE_H

#include <stdbool.h>

#include "tensor/op-time.h"

struct trainer;

/** trainer_timing() - measure the kernels of the steps from now on; see plan_timing(). */
void trainer_timing(struct trainer *t, bool on);

/** trainer_op_times() - the kernels of a step, see op_times(). */
int trainer_op_times(struct trainer *t, int steps, const struct device_rates *rates,
		     struct op_time **list);

/**
 * trainer_predict() - seconds that a step will take on a device of these rates.
 *
 * Each kernel needs the time of its arithmetic or that of its memory traffic, whichever is
 * longer, at the share of the device's rates that our kernels reach: a roofline.
 * Works for a dry trainer, too.  Return: NaN if @rates were not measured.
 */
double trainer_predict(struct trainer *t, const struct device_rates *rates);

#endif

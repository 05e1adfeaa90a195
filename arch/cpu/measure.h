/* SPDX-License-Identifier: MIT */
/* The arch slot `measure` of the archs that compute on the host's processors. */
#ifndef ARCH_CPU_MEASURE_H
#define ARCH_CPU_MEASURE_H

struct device;
struct device_rates;

/**
 * host_measure() - see struct arch; with as many threads as the pool has.
 *
 * Takes 192 MiB while it runs.  Return: 0 or -ENOMEM.
 */
int host_measure(struct device *dev, double seconds, struct device_rates *rates);

#endif

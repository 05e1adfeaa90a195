/* SPDX-License-Identifier: MIT */
/*
 * What the machine is and what it has left, for the archs whose memory is the host's.
 */
#ifndef ARCH_CPU_HOST_H
#define ARCH_CPU_HOST_H

#include <stddef.h>

struct device;

/** host_numerics() - the instruction set in use: "plain", "avx2", "avx512". */
const char *host_numerics(const struct device *dev);

/**
 * host_available() - bytes that this process could take without swapping or being killed:
 * the least of what the system has, what the control groups leave, and RLIMIT_AS.
 *
 * SIZE_MAX if the system says nothing.
 */
size_t host_available(const struct device *dev);

#endif

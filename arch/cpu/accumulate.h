/* SPDX-License-Identifier: MIT */
#ifndef ARCH_CPU_ACCUMULATE_H
#define ARCH_CPU_ACCUMULATE_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/op.h"

/** call_adds() - struct accumulate_attr: does the new value add to input @prev? */
static inline bool call_adds(const struct call *c, int prev, int flag, bool always_add)
{
	const int32_t *set = flag < c->nr_in ? c->in_data[flag] : NULL;

	if (prev >= c->nr_in || !c->in_data[prev])
		return false;
	return always_add || (set && *set);
}

#endif

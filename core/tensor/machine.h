/* SPDX-License-Identifier: MIT */
/*
 * Facts about the processor that kernels' usable() asks for.
 */
#ifndef TENSOR_MACHINE_H
#define TENSOR_MACHINE_H

#include "tensor/op.h"

/** machine_facts() - instruction sets of the host, as seen by device @dev. */
const struct machine *machine_facts(const struct device *dev);

#endif

/* SPDX-License-Identifier: MIT */
/* What the benchmarks that time kernels print of them. */
#ifndef TOOLS_BENCH_OP_TABLE_H
#define TOOLS_BENCH_OP_TABLE_H

#include "tensor/op-time.h"
#include "tools/json-out.h"

/** op_table_print() - a line for each kernel. @step: seconds of a step with clocks in it */
void op_table_print(const struct op_time *ops, int nr, double step);

/** op_table_json() - the list "ops" of @o. */
void op_table_json(struct json_out *o, const struct op_time *ops, int nr, double step);

#endif

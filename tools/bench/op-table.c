// SPDX-License-Identifier: MIT
#include "tools/bench/op-table.h"

#include <stdio.h>

void op_table_print(const struct op_time *ops, int nr, double step)
{
	double rest = step;

	printf("\n%-28s %6s %10s %7s %9s %8s %7s\n", "KERNEL", "CALLS", "MS", "% STEP",
	       "GFLOP/s", "GB/s", "% BEST");
	for (int i = 0; i < nr; i++) {
		const struct op_time *op = &ops[i];

		rest -= op->seconds;
		printf("%-28s %6ld %10.3f %7.1f %9.1f %8.1f %7.1f\n", op->kernel, op->calls,
		       1e3 * op->seconds, 100 * op->seconds / step,
		       1e-9 * op->flops / op->seconds, 1e-9 * op->bytes / op->seconds,
		       100 * op->least / op->seconds);
	}
	printf("%-28s %6s %10.3f %7.1f\n", "between them", "", 1e3 * rest, 100 * rest / step);
}

void op_table_json(struct json_out *o, const struct op_time *ops, int nr, double step)
{
	struct json_out *list = json_out_array(o, "ops");

	for (int i = 0; i < nr; i++) {
		struct json_out *row = json_out_object(list, NULL);

		json_out_text(row, "op", ops[i].op);
		json_out_text(row, "kernel", ops[i].kernel);
		json_out_int(row, "calls", ops[i].calls);
		json_out_number(row, "ms", 1e3 * ops[i].seconds);
		json_out_number(row, "share_of_step", ops[i].seconds / step);
		json_out_number(row, "gflops", 1e-9 * ops[i].flops / ops[i].seconds);
		json_out_number(row, "gb_s", 1e-9 * ops[i].bytes / ops[i].seconds);
		json_out_number(row, "share_of_best", ops[i].least / ops[i].seconds);
	}
}

// SPDX-License-Identifier: MIT
/*
 * Products by OpenBLAS: f32.  What it takes the processor for decides its speed; see
 * OPENBLAS_CORETYPE in Documentation/performance.md.
 */
#include <cblas.h>
#include <string.h>

#include "arch/cpu/gemm-library.h"
#include "base/build-info.h"

static bool takes(enum dtype type)
{
	return type == DT_F32;
}

static int multiply(const struct gemm_part *p)
{
	bool ta = p->a_col != 1, tb = p->b_col != 1;
	/* A matrix of one row or column may have any stride but none below its width. */
	int64_t lda = ta ? p->a_col : p->a_row, ldb = tb ? p->b_col : p->b_row;
	int64_t a_least = ta ? p->m : p->k, b_least = tb ? p->k : p->n;

	openblas_set_num_threads(1);
	cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans,
		    (int)p->m, (int)p->n, (int)p->k, 1, p->a, (int)(lda > a_least ? lda : a_least),
		    p->b, (int)(ldb > b_least ? ldb : b_least), p->add, p->c, (int)p->c_row);
	return 0;
}

const struct gemm_library gemm_library = { .takes = takes, .multiply = multiply };

static const char *version(void)
{
	const char *text = openblas_get_config();	/* "OpenBLAS 0.3.21 ... SkylakeX ..." */

	return strncmp(text, "OpenBLAS ", 9) ? text : text + 9;
}

static const struct library openblas = { "OpenBLAS", version, true };
LIBRARY_REGISTER(openblas);

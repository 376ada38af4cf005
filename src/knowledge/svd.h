/* svd.h - the strongest directions of a sparse matrix: randomised truncated SVD.
 *
 * N. Halko, P. Martinsson, J. Tropp, "Finding structure with randomness", SIAM Review
 * 53(2), 2011, algorithms 4.4 and 5.1. Single precision, one thread, deterministic.
 */
#pragma once

#include "base/defs.h"

/* Compressed rows. */
struct sparse {
	size_t n_rows, n_cols;
	const size_t *first;  /* [n_rows + 1] */
	const uint32_t *col;
	const float *value;
};

/* The k strongest right singular vectors, by columns of v: v[n_cols][k]; and their
 * singular values, descending: s[k]. k <= min(n_rows, n_cols). 0 or -ENOMEM. */
MUST_USE int svd_right(const struct sparse *a, size_t k, float *v, float *s);

/* safetensors.h - tensors in a .safetensors file: eight octets, a JSON header, the numbers.
 *
 * https://github.com/huggingface/safetensors#format. A view into the file's octets; pure
 * functions; lengths and places are checked before anything is read.
 */
#pragma once

#include "base/bytes.h"

enum tensor_type { TENSOR_F32, TENSOR_F16, TENSOR_BF16, TENSOR_I8, TENSOR_F64, TENSOR_I32, TENSOR_I64 };

struct tensor {
	enum tensor_type type;
	size_t rows, cols; /* a vector has one column */
	struct bytes data; /* rows x cols numbers, little endian, of any alignment */
};

enum { SAFETENSORS_WHY = 160 };
/* The tensor of this name. 0, -ENOENT: the file has none, -EBADMSG: it is not whole, or of a
 * shape or type that is not listed above (`why` says so), -ENOMEM. */
MUST_USE int safetensors_find(struct bytes file, const char *name, struct tensor *out,
			      char why[static SAFETENSORS_WHY]);

/* Row `row` as floats, [cols]; what is not finite becomes 0. */
void tensor_row(const struct tensor *t, size_t row, float *out);
/* One whole number of a vector; -1 where it is none of ours. */
int64_t tensor_int(const struct tensor *t, size_t row);

#include "knowledge/safetensors.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "base/json.h"

enum { HEADER_MAX = 16 << 20 };

static const struct {
	const char *name;
	enum tensor_type type;
	size_t size;
} types[] = {
	{ "F32", TENSOR_F32, 4 }, { "F16", TENSOR_F16, 2 }, { "BF16", TENSOR_BF16, 2 }, { "I8", TENSOR_I8, 1 },
	{ "F64", TENSOR_F64, 8 }, { "I32", TENSOR_I32, 4 }, { "I64", TENSOR_I64, 8 },
};

static uint64_t le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = n; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static int bad(char why[static SAFETENSORS_WHY], const char *name, const char *what)
{
	snprintf(why, SAFETENSORS_WHY, "the tensor '%.40s' %s", name, what);
	return -EBADMSG;
}

static bool read_shape(const json_t *shape, struct tensor *t)
{
	int64_t rows = json_integer_value(json_array_get(shape, 0));
	int64_t cols = json_array_size(shape) == 2 ? json_integer_value(json_array_get(shape, 1)) : 1;

	t->rows = (size_t)rows;
	t->cols = (size_t)cols;
	return json_array_size(shape) >= 1 && json_array_size(shape) <= 2 && rows > 0 && cols > 0 &&
	       rows < 1 << 28 && cols < 1 << 20;
}

static int read_tensor(const json_t *o, const char *name, struct bytes data, struct tensor *out,
		       char why[static SAFETENSORS_WHY])
{
	const json_t *place = json_object_get(o, "data_offsets");
	int64_t from = json_integer_value(json_array_get(place, 0));
	int64_t end = json_integer_value(json_array_get(place, 1));
	const char *type = json_str(o, "dtype", "");
	struct tensor t = { .rows = 0 };
	size_t size = 0;

	for (size_t i = 0; i < ARRAY_LEN(types) && !size; i++)
		if (strcmp(type, types[i].name) == 0) {
			t.type = types[i].type;
			size = types[i].size;
		}
	if (!size)
		return bad(why, name, "is of a type that is not known here");
	if (!read_shape(json_object_get(o, "shape"), &t))
		return bad(why, name, "is neither a table nor a vector");
	if (from < 0 || end < from || (uint64_t)end > data.n || (uint64_t)(end - from) != (uint64_t)t.rows * t.cols * size)
		return bad(why, name, "is not whole");
	t.data = bytes_sub(data, (size_t)from, (size_t)(end - from));
	*out = t;
	return 0;
}

int safetensors_find(struct bytes file, const char *name, struct tensor *out,
		     char why[static SAFETENSORS_WHY])
{
	uint64_t n = file.n >= 8 ? le(file.p, 8) : 0;

	if (n < 2 || n > HEADER_MAX || n > file.n - 8) {
		snprintf(why, SAFETENSORS_WHY, "it is not a safetensors file");
		return -EBADMSG;
	}
	char reason[160];
	AUTO(json) json_t *header = json_parse(bytes_sub(file, 8, (size_t)n), reason);
	if (!json_is_object(header)) {
		snprintf(why, SAFETENSORS_WHY, "its header is not JSON");
		return -EBADMSG;
	}
	const json_t *o = json_object_get(header, name);
	if (!json_is_object(o))
		return -ENOENT;
	return read_tensor(o, name, bytes_sub(file, 8 + (size_t)n, file.n - 8 - (size_t)n), out, why);
}

/* --- numbers ------------------------------------------------------------------------------------ */

static float f32(uint32_t u)
{
	float v;

	memcpy(&v, &u, sizeof(v));
	return v;
}

static float f16(uint32_t h)
{
	uint32_t sign = (h & 0x8000) << 16, exponent = h >> 10 & 31, rest = h & 0x3ff;

	if (exponent == 31)
		return f32(sign | 0x7f800000 | rest << 13);
	if (exponent)
		return f32(sign | (exponent + 112) << 23 | rest << 13);
	return (sign ? -1.0f : 1.0f) * ldexpf((float)rest, -24);
}

static float f64(uint64_t u)
{
	double v;

	memcpy(&v, &u, sizeof(v));
	return (float)v;
}

static float number(enum tensor_type type, const uint8_t *p)
{
	switch (type) {
	case TENSOR_F32:
		return f32((uint32_t)le(p, 4));
	case TENSOR_F16:
		return f16((uint32_t)le(p, 2));
	case TENSOR_BF16:
		return f32((uint32_t)le(p, 2) << 16);
	case TENSOR_I8:
		return (float)(int8_t)p[0];
	case TENSOR_F64:
		return f64(le(p, 8));
	case TENSOR_I32:
		return (float)(int32_t)(uint32_t)le(p, 4);
	case TENSOR_I64:
		return (float)(int64_t)le(p, 8);
	}
	return 0;
}

void tensor_row(const struct tensor *t, size_t row, float *out)
{
	size_t size = t->data.n / (t->rows * t->cols);
	const uint8_t *p = t->data.p + row * t->cols * size;

	if (t->type == TENSOR_F32)
		memcpy(out, p, t->cols * sizeof(*out));
	else
		for (size_t i = 0; i < t->cols; i++)
			out[i] = number(t->type, p + i * size);
	for (size_t i = 0; i < t->cols; i++)
		out[i] = isfinite(out[i]) ? out[i] : 0;
}

int64_t tensor_int(const struct tensor *t, size_t row)
{
	if (t->type == TENSOR_I64)
		return (int64_t)le(t->data.p + 8 * row, 8);
	return t->type == TENSOR_I32 ? (int32_t)(uint32_t)le(t->data.p + 4 * row, 4) : -1;
}

#include "knowledge/safetensors.h"

#include <errno.h>

#include "base/buf.h"
#include "base/test.h"

static void put_file(struct buf *b, const char *header, const void *data, size_t n)
{
	uint8_t size[8] = { (uint8_t)strlen(header), (uint8_t)(strlen(header) >> 8) };

	buf_put(b, size, sizeof(size));
	buf_puts(b, header);
	buf_put(b, data, n);
}

static void reads_every_type(void)
{
	static const struct {
		const char *header;
		uint8_t data[16];
	} cases[] = {
		{ "{\"t\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}}", { 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0 } },
		{ "{\"t\":{\"dtype\":\"F16\",\"shape\":[1,2],\"data_offsets\":[0,4]}}", { 0, 0x3c, 0, 0xc0 } },
		{ "{\"t\":{\"dtype\":\"BF16\",\"shape\":[1,2],\"data_offsets\":[0,4]}}", { 0x80, 0x3f, 0, 0xc0 } },
		{ "{\"t\":{\"dtype\":\"I8\",\"shape\":[1,2],\"data_offsets\":[0,2]}}", { 1, 0xfe } },
		{ "{\"t\":{\"dtype\":\"I32\",\"shape\":[1,2],\"data_offsets\":[0,8]}}", { 1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff } },
		{ "{\"t\":{\"dtype\":\"F64\",\"shape\":[1,2],\"data_offsets\":[0,16]}}",
		  { 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0 } },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(buf) struct buf b = { 0 };
		struct tensor t;
		char why[SAFETENSORS_WHY];
		float v[2];

		put_file(&b, cases[i].header, cases[i].data, 16);
		CHECK(!b.failed);
		CHECK_EQ(safetensors_find(buf_bytes(&b), "t", &t, why), 0);
		CHECK(t.rows == 1 && t.cols == 2);
		tensor_row(&t, 0, v);
		CHECK(v[0] == 1 && v[1] == -2);
		CHECK_EQ(safetensors_find(buf_bytes(&b), "other", &t, why), -ENOENT);
	}
}

static void halves(void)
{
	static const uint8_t data[] = { 1, 0, 0, 0x7c, 0xff, 0x7b, 0x01, 0x7e };
	AUTO(buf) struct buf b = { 0 };
	struct tensor t;
	char why[SAFETENSORS_WHY];
	float v[4];

	put_file(&b, "{\"t\":{\"dtype\":\"F16\",\"shape\":[1,4],\"data_offsets\":[0,8]}}", data, 8);
	CHECK(!b.failed);
	CHECK_EQ(safetensors_find(buf_bytes(&b), "t", &t, why), 0);
	tensor_row(&t, 0, v);
	CHECK(v[0] > 5.9e-8f && v[0] < 6.0e-8f && v[1] == 0 && v[2] == 65504 && v[3] == 0);
}

static void refuses_what_is_not_whole(void)
{
	static const char *const headers[] = {
		"", "{", "[]",
		"{\"t\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,12]}}",
		"{\"t\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[-8,0]}}",
		"{\"t\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[8,0]}}",
		"{\"t\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]}}",
		"{\"t\":{\"dtype\":\"F32\",\"shape\":[0,2],\"data_offsets\":[0,0]}}",
		"{\"t\":{\"dtype\":\"F32\",\"shape\":[1,1,2],\"data_offsets\":[0,8]}}",
		"{\"t\":{\"dtype\":\"U4\",\"shape\":[1,2],\"data_offsets\":[0,8]}}",
		"{\"t\":{\"dtype\":\"F32\",\"shape\":\"x\",\"data_offsets\":7}}",
		"{\"t\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[16,24]}}",
	};
	uint8_t data[8] = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		AUTO(buf) struct buf b = { 0 };
		struct tensor t;
		char why[SAFETENSORS_WHY] = "";

		put_file(&b, headers[i], data, sizeof(data));
		CHECK(!b.failed);
		CHECK_EQ(safetensors_find(buf_bytes(&b), "t", &t, why), -EBADMSG);
		CHECK(*why);
		for (size_t n = 0; n < b.n; n++)
			CHECK(safetensors_find(bytes_of(b.p, n), "t", &t, why) != 0);
	}
}

TESTS({ "reads_every_type", reads_every_type }, { "halves", halves },
      { "refuses_what_is_not_whole", refuses_what_is_not_whole })

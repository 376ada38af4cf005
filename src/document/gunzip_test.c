#include <zlib.h>

#include "base/test.h"
#include "document/gunzip.h"

static bool gzip(struct bytes in, struct buf *out)
{
	z_stream z = { 0 };
	uint8_t to[65536];

	if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	z.next_in = (z_const Bytef *)(uintptr_t)in.p;
	z.avail_in = (unsigned)in.n;
	int r = Z_OK;
	while (r == Z_OK) {
		z.next_out = to;
		z.avail_out = sizeof(to);
		r = deflate(&z, Z_FINISH);
		buf_put(out, to, sizeof(to) - z.avail_out);
	}
	deflateEnd(&z);
	return r == Z_STREAM_END && !out->failed;
}

static void unpacks(void)
{
	AUTO(buf) struct buf packed = { 0 };
	AUTO(buf) struct buf out = { 0 };

	CHECK(gzip(bytes_str("hello "), &packed) && gzip(bytes_str("world"), &packed));
	CHECK_EQ(gunzip(buf_bytes(&packed), 1000, &out), GUNZIP_OK);
	CHECK_STR((char *)out.p, "hello world");
}

static void refuses(void)
{
	AUTO(buf) struct buf packed = { 0 };
	AUTO(buf) struct buf out = { 0 };
	AUTO(mem) void *zeros = mem_zalloc(8 << 20);

	CHECK(zeros && gzip(bytes_of(zeros, 8 << 20), &packed));
	CHECK_EQ(gunzip(buf_bytes(&packed), 64 << 20, &out), GUNZIP_TOO_LARGE); /* 1000 : 1 */
	buf_reset(&out);
	CHECK_EQ(gunzip(bytes_sub(buf_bytes(&packed), 0, packed.n / 2), 1000, &out), GUNZIP_TOO_LARGE);
	buf_reset(&out);
	CHECK_EQ(gunzip(bytes_str("this is not compressed"), 1000, &out), GUNZIP_MALFORMED);
	packed.p[12] ^= 0x55;
	enum gunzip_verdict v = gunzip(buf_bytes(&packed), 64 << 20, &out);
	CHECK(v == GUNZIP_MALFORMED || v == GUNZIP_TOO_LARGE);
	CHECK_EQ(gunzip(bytes_of("", 0), 10, &out), GUNZIP_MALFORMED);
}

TESTS({ "unpacks", unpacks }, { "refuses", refuses })

#include "document/gunzip.h"

#include <zlib.h>

#include "base/alloc.h"

enum { STEP = 65536, RATIO_MAX = 100, RATIO_FREE = 1 << 20, GZIP_ONLY = 15 + 16 };

static void *z_alloc(void *ctx, unsigned n, unsigned size)
{
	(void)ctx;
	return mem_calloc(n, size);
}

static void z_free(void *ctx, void *p)
{
	(void)ctx;
	mem_free(p);
}

static enum gunzip_verdict inflate_all(z_stream *z, struct bytes in, size_t limit, struct buf *out)
{
	size_t before = out->n;

	for (;;) {
		uint8_t *to = buf_reserve(out, STEP);
		if (!to)
			return GUNZIP_NO_MEMORY;
		z->next_out = to;
		z->avail_out = STEP;
		int r = inflate(z, Z_NO_FLUSH);
		out->n += STEP - z->avail_out;
		out->p[out->n] = 0;
		size_t n = out->n - before;
		if (n > limit || (n > RATIO_FREE && n / RATIO_MAX > in.n))
			return GUNZIP_TOO_LARGE;
		if (r == Z_MEM_ERROR)
			return GUNZIP_NO_MEMORY;
		if (r == Z_STREAM_END && z->avail_in == 0)
			return GUNZIP_OK;
		/* Another member may follow, or zeros that fill a block. */
		if (r == Z_STREAM_END && (*z->next_in != 0x1f || inflateReset(z) != Z_OK))
			return GUNZIP_OK;
		if (r != Z_OK && r != Z_STREAM_END)
			return GUNZIP_MALFORMED;
	}
}

enum gunzip_verdict gunzip(struct bytes in, size_t limit, struct buf *out)
{
	z_stream z = { .zalloc = z_alloc, .zfree = z_free };

	if (in.n < 18 || in.n > UINT32_MAX)
		return GUNZIP_MALFORMED;
	if (inflateInit2(&z, GZIP_ONLY) != Z_OK)
		return GUNZIP_NO_MEMORY;
	z.next_in = (z_const Bytef *)(uintptr_t)in.p;
	z.avail_in = (unsigned)in.n;
	enum gunzip_verdict v = inflate_all(&z, in, limit, out);
	inflateEnd(&z);
	return v;
}

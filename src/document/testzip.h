/* testzip.h - a ZIP container of members that are stored as they are (for tests and fuzzing). */
#pragma once

#include <zlib.h>

#include "base/buf.h"

struct testzip {
	struct buf out, directory;
	unsigned n;
};

static inline void testzip_le(struct buf *b, uint32_t v, unsigned octets)
{
	for (unsigned i = 0; i < octets; i++)
		buf_putc(b, (char)(v >> 8 * i & 0xff));
}

/* Both headers' common part (APPNOTE 4.3.7, 4.3.12). */
static inline void testzip_head(struct buf *b, const char *name, struct bytes content)
{
	testzip_le(b, 20, 2);
	testzip_le(b, 0, 4);          /* flags, stored */
	testzip_le(b, 0x21 << 16, 4); /* 1980-01-01    */
	testzip_le(b, (uint32_t)crc32(0, content.n ? content.p : NULL, (unsigned)content.n), 4);
	testzip_le(b, (uint32_t)content.n, 4);
	testzip_le(b, (uint32_t)content.n, 4);
	testzip_le(b, (uint32_t)strlen(name), 2);
	testzip_le(b, 0, 2);
}

static inline void testzip_add(struct testzip *z, const char *name, struct bytes content)
{
	uint32_t at = (uint32_t)z->out.n;

	buf_put(&z->out, "PK\3\4", 4);
	testzip_head(&z->out, name, content);
	buf_puts(&z->out, name);
	buf_put(&z->out, content.p, content.n);
	buf_put(&z->directory, "PK\1\2\24\0", 6);
	testzip_head(&z->directory, name, content);
	testzip_le(&z->directory, 0, 4);
	testzip_le(&z->directory, 0, 2);
	testzip_le(&z->directory, 0, 4);
	testzip_le(&z->directory, at, 4);
	buf_puts(&z->directory, name);
	z->n++;
}

/* The container; valid until testzip_done(). */
static inline struct bytes testzip_end(struct testzip *z)
{
	uint32_t at = (uint32_t)z->out.n;

	buf_put(&z->out, z->directory.p, z->directory.n);
	buf_put(&z->out, "PK\5\6\0\0\0\0", 8);
	testzip_le(&z->out, z->n, 2);
	testzip_le(&z->out, z->n, 2);
	testzip_le(&z->out, (uint32_t)z->directory.n, 4);
	testzip_le(&z->out, at, 4);
	testzip_le(&z->out, 0, 2);
	return buf_bytes(&z->out);
}

static inline void testzip_auto_(struct testzip *z)
{
	buf_done(&z->out);
	buf_done(&z->directory);
}

/* buf.h - a growable run of octets with one owner.
 *
 * Zero is a valid empty buffer. A failed append leaves the content as it was and
 * sets .failed, which stays set until buf_done(): a writer may append many times
 * and ask once. The content is always followed by a NUL that .n does not count
 * (once anything has been appended). Limits are the caller's.
 */
#pragma once

#include "base/bytes.h"

struct buf {
	uint8_t *p;
	size_t n, cap;
	bool failed; /* an append ran out of memory */
};

void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Room for n more octets, uninitialised; the caller fills them and adds to .n. NULL: no memory. */
MUST_USE void *buf_reserve(struct buf *b, size_t n);
void buf_consume(struct buf *b, size_t n); /* drop n octets from the front */
void buf_reset(struct buf *b);             /* empty, keep the memory       */
void buf_done(struct buf *b);              /* free, back to zero           */
/* The content as a string that the caller frees with mem_free(); NULL if anything failed. */
MUST_USE char *buf_take(struct buf *b);

static inline struct bytes buf_bytes(const struct buf *b)
{
	return (struct bytes){ b->p, b->n };
}

/* AUTO(buf) struct buf b = {0}; */
static inline void buf_auto_(struct buf *b)
{
	buf_done(b);
}

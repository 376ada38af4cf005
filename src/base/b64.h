/* b64.h - base64, standard alphabet with padding (RFC 4648, section 4).
 *
 * Decoding is strict: foreign characters, wrong padding and stray bits are refused.
 */
#pragma once

#include "base/buf.h"

static inline size_t b64_len(size_t n) /* characters for n octets */
{
	return (n + 2) / 3 * 4;
}

void b64_encode(const void *p, size_t n, char *to); /* writes b64_len(n), no NUL */
void b64_append(struct buf *b, const void *p, size_t n);

/* Octets written to `to` (room for n / 4 * 3), or -1: not base64. */
MUST_USE ptrdiff_t b64_decode(const char *s, size_t n, uint8_t *to);

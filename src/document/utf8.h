/* utf8.h - UTF-8, and what is nearly UTF-8.
 *
 * Positions are octets. Nothing here fails; what is malformed becomes U+FFFD.
 */
#pragma once

#include "base/buf.h"

enum { UTF8_BAD = 0xfffd };

/* Decode the character at p (n > 0 octets are there). Returns its length, at least 1;
 * *cp is UTF8_BAD where the octets are no character (RFC 3629, section 4). */
size_t utf8_decode(const uint8_t *p, size_t n, uint32_t *cp);
void utf8_put(struct buf *b, uint32_t cp);
MUST_USE bool utf8_valid(struct bytes t);
/* How many octets at the start are ASCII. */
size_t utf8_ascii(struct bytes t);

/* The nearest boundary of a character at or before / at or after `at`, inside t. */
size_t utf8_floor(struct bytes t, size_t at);
size_t utf8_ceil(struct bytes t, size_t at);

/* Append octets that are meant to be UTF-8 (charset.h knows others). Line ends become \n, NUL
 * a space. */
void utf8_import(struct buf *to, struct bytes raw);

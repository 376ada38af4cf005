/* gunzip.h - a .gz file's content, with a limit against bombs (RFC 1952). */
#pragma once

#include "base/buf.h"

enum gunzip_verdict { GUNZIP_OK, GUNZIP_MALFORMED, GUNZIP_TOO_LARGE, GUNZIP_NO_MEMORY };

/* Appends all members. Too large: more than `limit` octets, or more than 100 times the
 * input once that is more than a megabyte. */
MUST_USE enum gunzip_verdict gunzip(struct bytes in, size_t limit, struct buf *out);

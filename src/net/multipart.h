/* multipart.h - the parts of a complete multipart/form-data body (RFC 7578, RFC 2046 5.1).
 *
 * Sans-I/O, no heap: everything in the result is a view into the two arguments.
 * CRLF only, at most MULTIPART_PARTS_MAX parts, part headers of at most 8 KiB, and the
 * closing delimiter must be there: a body that was cut short is not taken.
 */
#pragma once

#include "base/bytes.h"

enum { MULTIPART_PARTS_MAX = 16, MULTIPART_HEAD_MAX = 8 << 10, MULTIPART_BOUNDARY_MAX = 70 };

struct multipart_part {
	struct bytes name;     /* as written between the quotes; see multipart_text() */
	struct bytes filename; /* {NULL, 0}: none                                     */
	struct bytes type;     /* Content-Type of the part; {NULL, 0}: none           */
	struct bytes body;
};

struct multipart {
	struct multipart_part parts[MULTIPART_PARTS_MAX];
	size_t n;
};

enum multipart_verdict {
	MULTIPART_OK,
	MULTIPART_OTHER_TYPE, /* content_type is not multipart/form-data with a boundary */
	MULTIPART_MALFORMED,
	MULTIPART_TOO_MANY,
};

/* Any verdict but MULTIPART_OK leaves *out untouched. */
MUST_USE enum multipart_verdict multipart_parse(struct bytes content_type, struct bytes body,
						struct multipart *out);
const struct multipart_part *multipart_find(const struct multipart *m, const char *name);

/* A name or filename as it was meant, with a NUL: browsers write %22 for a quote, others
 * a backslash before it. false: longer than cap - 1, or with control characters. */
MUST_USE bool multipart_text(struct bytes raw, char *to, size_t cap);

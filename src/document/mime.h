/* mime.h - the pieces that e-mail is written in: header fields, encodings, parts.
 *
 * RFC 5322 (fields), RFC 2045 to 2047 (MIME, encoded words), RFC 2231 (parameters). Lenient,
 * as mail is. Everything borrows from the message.
 */
#pragma once

#include "base/buf.h"

/* Split at the empty line. No such line: all is header. */
void mime_split(struct bytes entity, struct bytes *header, struct bytes *body);
/* A field's raw value, folded as it is; absent: {NULL, 0}. */
struct bytes mime_field(struct bytes header, const char *name);
/* Append a field's value for people: unfolded, encoded words decoded, as UTF-8. */
void mime_words(struct buf *to, struct bytes raw);
/* Append a parameter of a field such as Content-Type: charset, boundary, filename. */
void mime_parameter(struct buf *to, struct bytes field, const char *name);
/* "text/html" of a field, without parameters. */
struct bytes mime_value(struct bytes field);
/* Append a body, its Content-Transfer-Encoding undone. */
void mime_decode(struct buf *to, struct bytes body, struct bytes encoding);
/* The next part between boundaries at *pos, which is moved; false: no more. */
MUST_USE bool mime_part(struct bytes body, struct bytes boundary, size_t *pos, struct bytes *part);

/* http_reply.h - heads of HTTP/1.1 responses, and the body of an error. Sans-I/O.
 *
 * RFC 9110 and 9112. Appends to a struct buf; ask .failed once, at the end.
 */
#pragma once

#include "base/buf.h"

struct http_field {
	const char *name, *value; /* CR and LF in a value become spaces */
};

/* How the end of the body is told. */
enum http_body_form {
	HTTP_WHOLE,   /* by its length: `body` is all of it                        */
	HTTP_CHUNKED, /* it follows in chunks (RFC 9112, 7.1); `body` is not used  */
	HTTP_TO_END,  /* it ends with the connection; `body` is not used           */
};

struct http_reply {
	unsigned status;
	const char *type; /* Content-Type; NULL: none */
	struct bytes body;
	const struct http_field *fields;
	size_t n_fields;
	enum http_body_form form;
};

enum http_after { HTTP_KEEP, HTTP_CLOSE };

/* Appends status line and head with Date and what says where the body ends; the body is the caller's. */
void http_write_head(struct buf *to, const struct http_reply *r, enum http_after after,
		     uint64_t wall_us);
/* {"error":{"message","type","code","param"}}; NULL code or param is null. */
void http_write_error(struct buf *to, const char *type, const char *code, const char *param,
		      const char *message);
/* The "type" of such an error that goes with a status. */
const char *http_error_type(unsigned status);

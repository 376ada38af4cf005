/* http.h - HTTP/1.1 requests read. Sans-I/O. (Answers: http_reply.h)
 *
 * RFC 9110 and 9112. The head is collected whole, checked line by line more strictly
 * than any peer needs (what two parsers could read differently is refused: bare CR or
 * LF, folded lines, space before a colon, Content-Length twice or beside
 * Transfer-Encoding), then parsed. Debian's http-parser is built without its strict
 * checks; it therefore sees the head only, and bodies are framed here.
 *
 * Limits: request line 16 KiB (414), head 32 KiB (431), 100 fields (431), body as the
 * caller says (413), trailers 4 KiB. Everything in struct http_request is borrowed from
 * the reader until http_reader_next() or _free().
 */
#pragma once

#include "base/addr.h"
#include "base/buf.h"

enum {
	HTTP_LINE_MAX = 16 << 10,
	HTTP_HEAD_MAX = 32 << 10,
	HTTP_FIELDS_MAX = 100,
	HTTP_BODY_DEFAULT = 1 << 20,
	HTTP_BODY_MAX = 64 << 20,
};

enum http_verb {
	VERB_GET,
	VERB_HEAD,
	VERB_POST,
	VERB_PUT,
	VERB_PATCH,
	VERB_DELETE,
	VERB_OPTIONS,
};

struct http_header {
	struct bytes name, value; /* as sent; value without white space around it */
};

struct http_request {
	enum http_verb verb;
	unsigned minor;      /* HTTP/1.minor                                              */
	struct bytes target; /* raw, with the query                                       */
	const char *path;    /* percent-decoded, starts with "/" (or is "*"), no NUL in it */
	struct bytes query;  /* raw, without "?"                                          */
	struct bytes host;   /* of the target if it is absolute, else the Host field      */
	const struct http_header *headers;
	size_t n_headers;
	bool keep_alive;
	bool expects_continue; /* the client waits for 100 before it sends the body */
	bool has_body;
	struct bytes body; /* complete at READ_DONE */
};

/* First value of a field, name in any case; {NULL, 0}: absent. */
struct bytes http_header(const struct http_request *r, const char *name);
/* Is `token` in the comma-separated list of the fields of that name, in any case? */
bool http_header_lists(const struct http_request *r, const char *name, const char *token);
/* A query parameter, decoded ("+" is a space), with a NUL. false: absent, malformed,
 * longer than cap - 1, or containing NUL; *to untouched or of no meaning. */
MUST_USE bool http_query(const struct http_request *r, const char *name, char *to, size_t cap);
/* Is there such a parameter, whatever its value? */
MUST_USE bool http_query_has(const struct http_request *r, const char *name);
const char *http_verb_name(enum http_verb v);

/* --- reading --- */

struct http_reader;

enum http_progress {
	READ_MORE,      /* all octets are used, the request is not complete              */
	READ_HEAD,      /* once per request: decide about it, maybe http_reader_limit()  */
	READ_DONE,      /* the request is complete; octets beyond *used belong to the next */
	READ_BAD,       /* answer http_reader_refusal(), then close                       */
	READ_NO_MEMORY, /* close                                                         */
};

/* What a client is told; also the reason of a refusal of the layer above. */
struct http_refusal {
	unsigned status;
	const char *code, *message;
};

MUST_USE struct http_reader *http_reader_new(void);
void http_reader_free(struct http_reader *r);
AUTO_DEF(http_reader)

MUST_USE enum http_progress http_reader_input(struct http_reader *r, struct bytes in,
					      size_t *used);
/* At READ_HEAD: octets of body allowed. Initially HTTP_BODY_DEFAULT. */
void http_reader_limit(struct http_reader *r, size_t max_body);
const struct http_request *http_reader_request(const struct http_reader *r); /* from READ_HEAD */
const struct http_refusal *http_reader_refusal(const struct http_reader *r); /* at READ_BAD  */
bool http_reader_idle(const struct http_reader *r); /* nothing of a request has come yet */
size_t http_reader_body_so_far(const struct http_reader *r);
void http_reader_next(struct http_reader *r); /* forget the request */

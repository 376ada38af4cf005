#include "net/http.h"

#include <http_parser.h>
#include <strings.h>

#include "base/alloc.h"

enum { TRAILER_MAX = 4 << 10, EXTENSION_MAX = 256, BLANK_LINES_MAX = 2, SIZE_DIGITS_MAX = 12 };

/* Where the next octet belongs. */
enum place {
	IN_HEAD,
	HEAD_READ, /* READ_HEAD has been said; the body follows */
	IN_LENGTH, /* body, `left` octets of it to come         */
	IN_CHUNK_SIZE,
	IN_CHUNK_EXT,
	IN_CHUNK_SIZE_LF,
	IN_CHUNK,
	IN_CHUNK_CR,
	IN_CHUNK_LF,
	IN_TRAILER_START,
	IN_TRAILER,
	IN_TRAILER_LF,
	IN_LAST_LF,
	REQUEST_DONE,
	REQUEST_BAD,
};

struct http_reader {
	enum place place;
	struct buf head, path, body;
	struct http_header headers[HTTP_FIELDS_MAX];
	struct http_request req;
	struct http_refusal refusal;
	size_t max_body;
	bool chunked;
	uint64_t length; /* Content-Length */
	uint64_t left;   /* octets of the body or of this chunk that are still to come */
	size_t digits;   /* of a chunk size */
	size_t extra;    /* octets of a chunk extension or of the trailers */
	size_t n_blank;  /* empty lines before the request line */
};

/* --- small things ------------------------------------------------------------- */

static const struct {
	const char *name;
	enum http_method theirs;
} verbs[] = {
	[VERB_GET] = { "GET", HTTP_GET },         [VERB_HEAD] = { "HEAD", HTTP_HEAD },
	[VERB_POST] = { "POST", HTTP_POST },      [VERB_PUT] = { "PUT", HTTP_PUT },
	[VERB_PATCH] = { "PATCH", HTTP_PATCH },   [VERB_DELETE] = { "DELETE", HTTP_DELETE },
	[VERB_OPTIONS] = { "OPTIONS", HTTP_OPTIONS },
};

const char *http_verb_name(enum http_verb v)
{
	return verbs[v].name;
}

static bool same(struct bytes a, const char *b)
{
	return a.n == strlen(b) && strncasecmp((const char *)a.p, b, a.n) == 0;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct bytes trim(struct bytes b)
{
	while (b.n && is_blank(b.p[0]))
		b = bytes_sub(b, 1, b.n - 1);
	while (b.n && is_blank(b.p[b.n - 1]))
		b.n--;
	return b;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* tchar, RFC 9110, 5.6.2 */
static bool is_token(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool all_token(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++)
		if (!is_token(b.p[i]))
			return false;
	return b.n > 0;
}

static enum http_progress bad(struct http_reader *r, unsigned status, const char *code,
			      const char *message)
{
	r->place = REQUEST_BAD;
	r->refusal = (struct http_refusal){ status, code, message };
	return READ_BAD;
}

static enum http_progress malformed(struct http_reader *r, const char *message)
{
	return bad(r, 400, "malformed_request", message);
}

/* --- looking things up ---------------------------------------------------------- */

struct bytes http_header(const struct http_request *r, const char *name)
{
	for (size_t i = 0; i < r->n_headers; i++)
		if (same(r->headers[i].name, name))
			return r->headers[i].value;
	return (struct bytes){ 0 };
}

static struct bytes next_item(struct bytes *list)
{
	const uint8_t *comma = list->n ? memchr(list->p, ',', list->n) : NULL;
	size_t n = comma ? (size_t)(comma - list->p) : list->n;
	struct bytes item = trim(bytes_sub(*list, 0, n));

	n = MIN(n + 1, list->n);
	*list = bytes_sub(*list, n, list->n - n);
	return item;
}

bool http_header_lists(const struct http_request *r, const char *name, const char *token)
{
	for (size_t i = 0; i < r->n_headers; i++) {
		struct bytes list = r->headers[i].value;

		if (!same(r->headers[i].name, name))
			continue;
		while (list.n)
			if (same(next_item(&list), token))
				return true;
	}
	return false;
}

enum plus { PLUS_IS_PLUS, PLUS_IS_SPACE };

/* Octets written, or -1: a broken escape, or NUL. `to` has room for in.n. */
static ptrdiff_t percent_decode(struct bytes in, enum plus plus, char *to)
{
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++) {
		int c = in.p[i];

		if (c == '+' && plus == PLUS_IS_SPACE)
			c = ' ';
		if (c == '%') {
			int hi = in.n - i > 2 ? hex_value(in.p[i + 1]) : -1;
			int lo = in.n - i > 2 ? hex_value(in.p[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return -1;
			c = hi * 16 + lo;
			i += 2;
		}
		if (c == 0)
			return -1;
		to[n++] = (char)c;
	}
	return (ptrdiff_t)n;
}

/* The value of a query parameter, as sent. false: absent. */
static bool find_query(const struct http_request *r, const char *name, struct bytes *value)
{
	struct bytes q = r->query;

	while (q.n) {
		const uint8_t *amp = memchr(q.p, '&', q.n);
		struct bytes pair = bytes_sub(q, 0, amp ? (size_t)(amp - q.p) : q.n);
		const uint8_t *eq = pair.n ? memchr(pair.p, '=', pair.n) : NULL;
		size_t n_name = eq ? (size_t)(eq - pair.p) : pair.n;

		q = bytes_sub(q, MIN(pair.n + 1, q.n), q.n - MIN(pair.n + 1, q.n));
		if (!bytes_is(bytes_sub(pair, 0, n_name), name))
			continue;
		*value = bytes_sub(pair, MIN(n_name + 1, pair.n), pair.n - MIN(n_name + 1, pair.n));
		return true;
	}
	return false;
}

bool http_query_has(const struct http_request *r, const char *name)
{
	struct bytes value;

	return find_query(r, name, &value);
}

bool http_query(const struct http_request *r, const char *name, char *to, size_t cap)
{
	struct bytes value;

	if (!find_query(r, name, &value) || value.n >= cap)
		return false;
	ptrdiff_t n = percent_decode(value, PLUS_IS_SPACE, to);
	if (n < 0)
		return false;
	to[n] = 0;
	return true;
}

/* --- the head ------------------------------------------------------------------- */

/* A line without its CRLF. Only visible ASCII, blanks and octets above 0x7F (RFC 9110, 5.5). */
static bool clean(struct bytes line)
{
	for (size_t i = 0; i < line.n; i++)
		if ((line.p[i] < 0x20 && line.p[i] != '\t') || line.p[i] == 0x7f)
			return false;
	return true;
}

static enum http_progress take_field(struct http_reader *r, struct bytes line)
{
	const uint8_t *colon = memchr(line.p, ':', line.n);

	if (is_blank(line.p[0]))
		return malformed(r, "A header line is folded.");
	if (!colon || !clean(line))
		return malformed(r, "A header line is malformed.");
	struct http_header h = { .name = bytes_sub(line, 0, (size_t)(colon - line.p)) };
	if (!all_token(h.name))
		return malformed(r, "A header name is malformed.");
	if (r->req.n_headers == HTTP_FIELDS_MAX)
		return bad(r, 431, "headers_too_large", "The request has too many headers.");
	h.value = trim(bytes_sub(line, h.name.n + 1, line.n - h.name.n - 1));
	r->headers[r->req.n_headers++] = h;
	return READ_MORE;
}

/* "METHOD SP target SP HTTP/1.x", single spaces, visible ASCII (RFC 9112, 3). */
static enum http_progress take_request_line(struct http_reader *r, struct bytes line)
{
	const uint8_t *sp = memchr(line.p, ' ', line.n), *last = memrchr(line.p, ' ', line.n);

	if (!sp || last == sp)
		return malformed(r, "The request line is malformed.");
	struct bytes method = bytes_sub(line, 0, (size_t)(sp - line.p));
	struct bytes target = bytes_sub(line, method.n + 1, (size_t)(last - sp) - 1);
	struct bytes version = bytes_sub(line, (size_t)(last - line.p) + 1,
					 line.n - (size_t)(last - line.p) - 1);
	for (size_t i = 0; i < target.n; i++)
		if (target.p[i] <= 0x20 || target.p[i] >= 0x7f || target.p[i] == '#')
			return malformed(r, "The request target is malformed.");
	if (!all_token(method) || target.n == 0)
		return malformed(r, "The request line is malformed.");
	if (!bytes_is(version, "HTTP/1.1") && !bytes_is(version, "HTTP/1.0"))
		return bytes_starts(version, "HTTP/") ?
			       bad(r, 505, "http_version", "Only HTTP/1.1 is spoken here.") :
			       malformed(r, "The request line is malformed.");
	r->req.minor = version.p[7] - '0';
	r->req.target = target;
	return READ_MORE;
}

static size_t count_fields(const struct http_reader *r, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < r->req.n_headers; i++)
		n += same(r->headers[i].name, name);
	return n;
}

static bool parse_length(struct bytes v, uint64_t *out)
{
	uint64_t n = 0;

	if (v.n == 0 || v.n > 18)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
		n = n * 10 + (v.p[i] - '0');
	}
	*out = n;
	return true;
}

/* RFC 9112, 6.3; section 11.2 says why nothing ambiguous may pass. */
static enum http_progress frame_body(struct http_reader *r)
{
	size_t n_length = count_fields(r, "Content-Length");
	size_t n_coding = count_fields(r, "Transfer-Encoding");

	if (n_length + n_coding > 1)
		return malformed(r, "The length of the body is given more than once.");
	if (n_coding && (r->req.minor == 0 ||
			 !same(http_header(&r->req, "Transfer-Encoding"), "chunked")))
		return malformed(r, "Transfer-Encoding can only be chunked.");
	if (n_length && !parse_length(http_header(&r->req, "Content-Length"), &r->length))
		return malformed(r, "Content-Length is not a number.");
	r->chunked = n_coding > 0;
	r->req.has_body = r->chunked || r->length > 0;
	r->req.expects_continue = r->req.minor > 0 && r->req.has_body &&
				  same(http_header(&r->req, "Expect"), "100-continue");
	return READ_MORE;
}

/* origin-form, absolute-form or "*" (RFC 9112, 3.2). */
static enum http_progress split_target(struct http_reader *r)
{
	struct bytes t = r->req.target, path = t;
	static const char *const schemes[] = { "http://", "https://" };

	if (count_fields(r, "Host") > 1 || (r->req.minor > 0 && count_fields(r, "Host") == 0))
		return malformed(r, "Exactly one Host header is needed.");
	r->req.host = http_header(&r->req, "Host");
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t n = strlen(schemes[i]);

		if (t.n < n || strncasecmp((const char *)t.p, schemes[i], n) != 0)
			continue;
		struct bytes rest = bytes_sub(t, n, t.n - n);
		size_t end = 0;
		while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
			end++;
		r->req.host = bytes_sub(rest, 0, end);
		path = bytes_sub(rest, end, rest.n - end);
	}
	const uint8_t *q = path.n ? memchr(path.p, '?', path.n) : NULL;
	if (q) {
		r->req.query = bytes_of(q + 1, path.n - (size_t)(q - path.p) - 1);
		path.n = (size_t)(q - path.p);
	}
	if (path.p != t.p && path.n == 0)
		path = bytes_str("/");
	if (path.n == 0 || (path.p[0] != '/' && !(bytes_is(path, "*") &&
						  r->req.verb == VERB_OPTIONS)))
		return malformed(r, "The request target is malformed.");
	char *to = buf_reserve(&r->path, path.n);
	if (!to)
		return READ_NO_MEMORY;
	ptrdiff_t n = percent_decode(path, PLUS_IS_PLUS, to);
	if (n < 0)
		return malformed(r, "The request path has a broken escape.");
	to[n] = 0;
	r->req.path = to;
	return READ_MORE;
}

static int stop_here(http_parser *p)
{
	(void)p;
	return 0;
}

/* The second opinion, and the table of methods. */
static enum http_progress ask_parser(struct http_reader *r)
{
	http_parser_settings settings;
	http_parser p;

	http_parser_settings_init(&settings);
	settings.on_headers_complete = stop_here;
	http_parser_init(&p, HTTP_REQUEST);
	http_parser_execute(&p, &settings, (const char *)r->head.p, r->head.n);
	enum http_errno err = HTTP_PARSER_ERRNO(&p);
	if (err == HPE_INVALID_METHOD)
		return bad(r, 405, "method_not_allowed", "This method is not known.");
	if (err != HPE_OK)
		return malformed(r, "The request is malformed.");
	r->req.keep_alive = r->req.minor > 0 ?
				    !http_header_lists(&r->req, "Connection", "close") :
				    http_header_lists(&r->req, "Connection", "keep-alive");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if ((unsigned)verbs[i].theirs != p.method)
			continue;
		r->req.verb = (enum http_verb)i;
		return READ_MORE;
	}
	return bad(r, 405, "method_not_allowed", "This method is not served.");
}

/* r->head ends with an empty line. */
static enum http_progress parse_head(struct http_reader *r)
{
	static enum http_progress (*const steps[])(struct http_reader *) = { ask_parser, frame_body,
									     split_target };
	enum http_progress p = READ_MORE;
	struct bytes rest = buf_bytes(&r->head);

	for (bool first = true; p == READ_MORE; first = false) {
		const uint8_t *lf = memchr(rest.p, '\n', rest.n);
		size_t n = (size_t)(lf - rest.p);

		if (n == 0 || rest.p[n - 1] != '\r')
			return malformed(r, "A line ends without CR.");
		struct bytes line = bytes_sub(rest, 0, n - 1);
		rest = bytes_sub(rest, n + 1, rest.n - n - 1);
		if (line.n == 0)
			break;
		p = first ? take_request_line(r, line) : take_field(r, line);
	}
	r->req.headers = r->headers;
	for (size_t i = 0; i < ARRAY_LEN(steps) && p == READ_MORE; i++)
		p = steps[i](r);
	if (p == READ_MORE) {
		r->place = HEAD_READ;
		return READ_HEAD;
	}
	return p;
}

/* Has the head grown too long? Told before it is complete. */
static enum http_progress check_head_size(struct http_reader *r)
{
	const uint8_t *lf = memchr(r->head.p, '\n', r->head.n);
	size_t line = lf ? (size_t)(lf - r->head.p) : r->head.n;

	if (line > HTTP_LINE_MAX)
		return bad(r, 414, "target_too_long", "The request line is too long.");
	if (r->head.n > HTTP_HEAD_MAX)
		return bad(r, 431, "headers_too_large", "The headers are too large.");
	return READ_MORE;
}

static enum http_progress read_head(struct http_reader *r, struct bytes in, size_t *used)
{
	/* RFC 9112, 2.2: a server should ignore an empty line before the request line. */
	while (r->head.n == 0 && in.n && (in.p[0] == '\r' || in.p[0] == '\n')) {
		if (++r->n_blank > 2 * BLANK_LINES_MAX)
			return malformed(r, "The request starts with empty lines.");
		in = bytes_sub(in, 1, in.n - 1);
		++*used;
	}
	size_t had = r->head.n, room = HTTP_HEAD_MAX + 1 - had;
	struct bytes part = bytes_sub(in, 0, MIN(in.n, room));

	if (part.n == 0)
		return READ_MORE;
	buf_put(&r->head, part.p, part.n);
	if (r->head.failed)
		return READ_NO_MEMORY;
	size_t from = had < 3 ? 0 : had - 3;
	const uint8_t *end = memmem(r->head.p + from, r->head.n - from, "\r\n\r\n", 4);
	if (end) {
		r->head.n = (size_t)(end - r->head.p) + 4;
		r->head.p[r->head.n] = 0;
	}
	*used += r->head.n - had;
	enum http_progress p = check_head_size(r);
	return p != READ_MORE || !end ? p : parse_head(r);
}

/* --- the body --------------------------------------------------------------------- */

static enum http_progress too_large(struct http_reader *r)
{
	return bad(r, 413, "body_too_large", "The request body is too large.");
}

/* At most r->left octets; *used grows. */
static enum http_progress take_body(struct http_reader *r, struct bytes in, size_t *used)
{
	size_t n = (size_t)MIN((uint64_t)in.n, r->left);

	buf_put(&r->body, in.p, n);
	if (r->body.failed)
		return READ_NO_MEMORY;
	r->left -= n;
	*used += n;
	return READ_MORE;
}

static enum http_progress done(struct http_reader *r)
{
	r->place = REQUEST_DONE;
	r->req.body = r->body.n ? buf_bytes(&r->body) : bytes_str("");
	return READ_DONE;
}

static enum http_progress start_body(struct http_reader *r)
{
	if (!r->req.has_body)
		return done(r);
	if (r->chunked) {
		r->place = IN_CHUNK_SIZE;
		return READ_MORE;
	}
	if (r->length > r->max_body)
		return too_large(r);
	/* Room only as octets come: a stranger's word costs nothing. */
	r->left = r->length;
	r->place = IN_LENGTH;
	return READ_MORE;
}

static enum http_progress chunk_size_octet(struct http_reader *r, uint8_t c)
{
	int digit = hex_value(c);

	if (digit >= 0 && r->digits < SIZE_DIGITS_MAX) {
		r->left = r->left * 16 + (unsigned)digit;
		r->digits++;
		return READ_MORE;
	}
	if (r->digits == 0 || digit >= 0 || (c != '\r' && c != ';'))
		return malformed(r, "A chunk size is malformed.");
	if (r->left > r->max_body - r->body.n)
		return too_large(r);
	r->extra = 0;
	r->place = c == ';' ? IN_CHUNK_EXT : IN_CHUNK_SIZE_LF;
	return READ_MORE;
}

/* chunk-ext and trailer-field lines: what they say is ignored. */
static enum http_progress ignored_octet(struct http_reader *r, uint8_t c, enum place at_cr,
					size_t max)
{
	if (c == '\r') {
		r->place = at_cr;
		return READ_MORE;
	}
	if ((c < 0x20 && c != '\t') || c == 0x7f || ++r->extra > max)
		return malformed(r, "A chunk extension or trailer is malformed.");
	return READ_MORE;
}

static enum http_progress expect(struct http_reader *r, uint8_t c, uint8_t wanted, enum place next)
{
	if (c != wanted)
		return malformed(r, "The chunks are malformed.");
	r->place = next;
	return READ_MORE;
}

static enum http_progress start_chunk(struct http_reader *r, uint8_t c)
{
	enum place next = r->left ? IN_CHUNK : IN_TRAILER_START;

	r->digits = 0;
	r->extra = 0;
	return expect(r, c, '\n', next);
}

/* One octet of chunked framing (RFC 9112, 7.1). */
static enum http_progress framing_octet(struct http_reader *r, uint8_t c)
{
	switch ((int)r->place) {
	case IN_CHUNK_SIZE:
		return chunk_size_octet(r, c);
	case IN_CHUNK_EXT:
		return ignored_octet(r, c, IN_CHUNK_SIZE_LF, EXTENSION_MAX);
	case IN_CHUNK_SIZE_LF:
		return start_chunk(r, c);
	case IN_CHUNK_CR:
		return expect(r, c, '\r', IN_CHUNK_LF);
	case IN_CHUNK_LF:
		return expect(r, c, '\n', IN_CHUNK_SIZE);
	case IN_TRAILER_START:
		r->place = c == '\r' ? IN_LAST_LF : IN_TRAILER;
		return c == '\r' ? READ_MORE : ignored_octet(r, c, IN_TRAILER_LF, TRAILER_MAX);
	case IN_TRAILER:
		return ignored_octet(r, c, IN_TRAILER_LF, TRAILER_MAX);
	case IN_TRAILER_LF:
		return expect(r, c, '\n', IN_TRAILER_START);
	default: /* IN_LAST_LF */
		return c == '\n' ? done(r) : malformed(r, "The chunks are malformed.");
	}
}

static enum http_progress read_body(struct http_reader *r, struct bytes in, size_t *used)
{
	enum http_progress p = READ_MORE;

	if (r->place == HEAD_READ)
		p = start_body(r);
	while (p == READ_MORE && *used < in.n) {
		struct bytes rest = bytes_sub(in, *used, in.n - *used);

		if (r->place != IN_LENGTH && r->place != IN_CHUNK) {
			p = framing_octet(r, rest.p[0]);
			++*used;
			continue;
		}
		p = take_body(r, rest, used);
		if (p == READ_MORE && r->left == 0) {
			if (r->place == IN_LENGTH)
				p = done(r);
			else
				r->place = IN_CHUNK_CR;
		}
	}
	return p;
}

/* --- the reader --------------------------------------------------------------------- */

struct http_reader *http_reader_new(void)
{
	struct http_reader *r = mem_zalloc(sizeof(*r));

	if (r)
		r->max_body = HTTP_BODY_DEFAULT;
	return r;
}

void http_reader_free(struct http_reader *r)
{
	if (!r)
		return;
	buf_done(&r->head);
	buf_done(&r->path);
	buf_done(&r->body);
	mem_free(r);
}

void http_reader_next(struct http_reader *r)
{
	struct buf head = r->head, path = r->path;

	buf_done(&r->body);
	buf_reset(&head);
	buf_reset(&path);
	*r = (struct http_reader){ .head = head, .path = path, .max_body = HTTP_BODY_DEFAULT };
}

enum http_progress http_reader_input(struct http_reader *r, struct bytes in, size_t *used)
{
	*used = 0;
	if (r->place == REQUEST_DONE)
		return READ_DONE;
	if (r->place == REQUEST_BAD)
		return READ_BAD;
	return r->place == IN_HEAD ? read_head(r, in, used) : read_body(r, in, used);
}

void http_reader_limit(struct http_reader *r, size_t max_body)
{
	r->max_body = MIN(max_body, (size_t)HTTP_BODY_MAX);
}

const struct http_request *http_reader_request(const struct http_reader *r)
{
	return &r->req;
}

const struct http_refusal *http_reader_refusal(const struct http_reader *r)
{
	return &r->refusal;
}

bool http_reader_idle(const struct http_reader *r)
{
	return r->place == IN_HEAD && r->head.n == 0;
}

size_t http_reader_body_so_far(const struct http_reader *r)
{
	return r->body.n;
}

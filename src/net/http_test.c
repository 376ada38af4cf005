#include "net/http.h"
#include "base/test.h"

/* Read one request in pieces of `piece` octets. *used: octets of it. */
static enum http_progress feed(struct http_reader *r, struct bytes in, size_t piece, size_t *used)
{
	enum http_progress p = READ_MORE;

	*used = 0;
	while (p == READ_HEAD || (p == READ_MORE && *used < in.n)) {
		size_t n = 0;

		p = http_reader_input(r, bytes_sub(in, *used, MIN(piece, in.n - *used)), &n);
		*used += n;
	}
	return p;
}

#define POST "POST /p HTTP/1.1\r\nHost: h\r\n"

static void reads_in_any_pieces(void)
{
	static const char text[] = "\r\nPUT /a%2fb%C3%A9/?q=%20x+y&flag&n=1 HTTP/1.1\r\n"
				   "Host:  h \r\nX-Empty:\r\nContent-Length: 5\r\n\r\nhelloGET";
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		AUTO(http_reader) struct http_reader *r = http_reader_new();
		char v[16] = "";
		size_t used;
		CHECK(r);

		CHECK_EQ(feed(r, bytes_str(text), piece, &used), READ_DONE);
		CHECK_EQ(used, sizeof(text) - 1 - 3);
		const struct http_request *q = http_reader_request(r);
		CHECK_EQ(q->verb, VERB_PUT);
		CHECK_STR(q->path, "/a/b\xc3\xa9/");
		CHECK(bytes_is(q->host, "h") && bytes_is(q->body, "hello") && q->keep_alive);
		CHECK(http_header(q, "x-empty").p && !http_header(q, "x-none").p);
		CHECK(http_query(q, "q", v, sizeof(v)));
		CHECK_STR(v, " x y");
		CHECK(http_query(q, "flag", v, sizeof(v)) && !v[0]);
		CHECK(!http_query(q, "missing", v, sizeof(v)) && !http_query(q, "q", v, 3));
		CHECK(http_query_has(q, "flag") && http_query_has(q, "q") && !http_query_has(q, "missing"));
	}
}

static void reads_chunks_in_any_pieces(void)
{
	static const char text[] = POST "Transfer-Encoding: Chunked\r\n\r\n"
					"5\r\nhello\r\n00A;a=\"b\"\r\n, a chunk.\r\n0\r\n"
					"Trailer: x\r\nX: y\r\n\r\nrest";
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		AUTO(http_reader) struct http_reader *r = http_reader_new();
		size_t used;
		CHECK(r);

		CHECK_EQ(feed(r, bytes_str(text), piece, &used), READ_DONE);
		CHECK_EQ(used, sizeof(text) - 1 - 4);
		CHECK(bytes_is(http_reader_request(r)->body, "hello, a chunk."));
		CHECK_EQ(http_reader_request(r)->n_headers, 2);
	}
}

/* What two parsers could understand differently, and what is too much. */
static void refuses(void)
{
	static const struct {
		const char *text;
		unsigned status;
	} rows[] = {
		{ "GET / HTTP/1.1\nHost: h\n\n\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: h\rA: b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: h\r\nA\x01: b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: h\r\nA: \x01\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400 },
		{ "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
		{ "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400 },
		{ "GET /\tx HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
		{ "GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
		{ "GET /#f HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
		{ "GET /%0 HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
		{ "GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
		{ "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
		{ "GET x HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
		{ "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
		{ "GET ?x HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
		{ "GET /\r\n\r\n", 400 },
		{ "\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
		{ "GET / HTTP/1.10\r\nHost: h\r\n\r\n", 505 },
		{ "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505 },
		{ "GET / http/1.1\r\nHost: h\r\n\r\n", 400 },
		{ "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", 405 },
		{ "PROPFIND / HTTP/1.1\r\nHost: h\r\n\r\n", 405 },
		{ "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 405 },
		{ POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400 },
		{ POST "Content-Length: 1, 1\r\n\r\nx", 400 },
		{ POST "Content-Length: +1\r\n\r\nx", 400 },
		{ POST "Content-Length: -1\r\n\r\nx", 400 },
		{ POST "Content-Length: 0x1\r\n\r\nx", 400 },
		{ POST "Content-Length:\r\n\r\nx", 400 },
		{ POST "Content-Length: 99999999999999999999\r\n\r\nx", 400 },
		{ POST "Content-Length: 1048577\r\n\r\n", 413 },
		{ POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", 400 },
		{ POST "Transfer-Encoding: gzip, chunked\r\n\r\nx", 400 },
		{ POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
		{ POST "Transfer-Encoding: identity\r\n\r\nx", 400 },
		{ POST "Transfer-Encoding: \x0b" "chunked\r\n\r\nx", 400 },
		{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
		{ CHUNKED "1\rXaYZ0\r\n\r\n", 400 }, /* Debian's http-parser takes this */
		{ CHUNKED "1\nx\r\n0\r\n\r\n", 400 },
		{ CHUNKED "1 \r\nx\r\n0\r\n\r\n", 400 },
		{ CHUNKED "0x1\r\nx\r\n0\r\n\r\n", 400 },
		{ CHUNKED "-1\r\nx\r\n0\r\n\r\n", 400 },
		{ CHUNKED "\r\nx\r\n0\r\n\r\n", 400 },
		{ CHUNKED ";a\r\nx\r\n0\r\n\r\n", 400 },
		{ CHUNKED "1\r\nxx\r\n0\r\n\r\n", 400 },
		{ CHUNKED "1\r\nx\n0\r\n\r\n", 400 },
		{ CHUNKED "1;\n\r\nx\r\n0\r\n\r\n", 400 },
		{ CHUNKED "0\r\nA: b\n\r\n", 400 },
		{ CHUNKED "0\r\n\rx", 400 },
		{ CHUNKED "100001\r\n", 413 },
		{ CHUNKED "ffffffffffff\r\n", 413 },
		{ CHUNKED "1ffffffffffff\r\n", 400 },
		{ CHUNKED "1\r\nx\r\n100000\r\n", 413 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t piece = 1; piece < 1000; piece += 998) {
			AUTO(http_reader) struct http_reader *r = http_reader_new();
			size_t used;
			CHECK(r);

			enum http_progress p = feed(r, bytes_str(rows[i].text), piece, &used);
			if (p != READ_BAD && !mem_failed())
				fprintf(stderr, "taken: %s\n", rows[i].text);
			CHECK_EQ(p, READ_BAD);
			if (http_reader_refusal(r)->status != rows[i].status)
				fprintf(stderr, "%s\n", rows[i].text);
			CHECK_EQ(http_reader_refusal(r)->status, rows[i].status);
			CHECK_EQ(http_reader_input(r, bytes_str("x"), &used), READ_BAD);
		}
	}
}

static void accepts(void)
{
	static const struct {
		const char *text, *path, *host;
		bool keep_alive;
	} rows[] = {
		{ "GET / HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n", "/", "h", false },
		{ "GET / HTTP/1.0\r\n\r\n", "/", "", false },
		{ "GET / HTTP/1.0\r\nConnection: x, keep-alive\r\n\r\n", "/", "", true },
		{ "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "*", "h", true },
		{ "GET http://a:1/b?c HTTP/1.1\r\nHost: h\r\n\r\n", "/b", "a:1", true },
		{ "GET HTTPS://a HTTP/1.1\r\nHost: h\r\n\r\n", "/", "a", true },
		{ "GET http://a?c HTTP/1.1\r\nHost: h\r\n\r\n", "/", "a", true },
		{ "GET //a/../b HTTP/1.1\r\nHost: h\r\n\r\n", "//a/../b", "h", true },
		{ POST "Content-Length: 0\r\nExpect: 100-continue\r\n\r\n", "/p", "h", true },
		{ CHUNKED "0\r\n\r\n", "/p", "h", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(http_reader) struct http_reader *r = http_reader_new();
		size_t used;
		CHECK(r);

		CHECK_EQ(feed(r, bytes_str(rows[i].text), 1000, &used), READ_DONE);
		const struct http_request *q = http_reader_request(r);
		CHECK_STR(q->path, rows[i].path);
		CHECK(bytes_is(q->host, rows[i].host));
		CHECK_EQ(q->keep_alive, rows[i].keep_alive);
		CHECK(!q->expects_continue && q->body.n == 0);
	}
}

/* A head of `n` octets in all. */
static void make_head(struct buf *b, size_t n_target, size_t n_value, size_t n_fields)
{
	buf_puts(b, "GET /");
	for (size_t i = 0; i < n_target; i++)
		buf_putc(b, 'x');
	buf_puts(b, " HTTP/1.1\r\nHost: h\r\n");
	for (size_t k = 0; k < n_fields; k++) {
		buf_puts(b, "A: ");
		for (size_t i = 0; i < n_value; i++)
			buf_putc(b, 'v');
		buf_puts(b, "\r\n");
	}
	buf_puts(b, "\r\n");
}

static void limits_hold(void)
{
	static const struct {
		size_t n_target, n_value, n_fields;
		unsigned status; /* 0: taken */
	} rows[] = {
		{ 16000, 1, 1, 0 },  { 17000, 1, 1, 414 },  { 100000, 1, 1, 414 },
		{ 1, 4096, 1, 0 },   { 1, 30000, 1, 0 },    { 1, 33000, 1, 431 },
		{ 1, 10000, 4, 431 }, { 1, 1, 99, 0 },      { 1, 1, 100, 431 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(http_reader) struct http_reader *r = http_reader_new();
		AUTO(buf) struct buf b = { 0 };
		size_t used;
		make_head(&b, rows[i].n_target, rows[i].n_value, rows[i].n_fields);
		CHECK(r && !b.failed);

		enum http_progress p = feed(r, buf_bytes(&b), 1460, &used);
		CHECK_EQ(p, rows[i].status ? READ_BAD : READ_DONE);
		CHECK_EQ(http_reader_refusal(r)->status, rows[i].status);
	}
}

static void the_caller_sets_the_body_limit(void)
{
	AUTO(http_reader) struct http_reader *r = http_reader_new();
	struct bytes in = bytes_str(POST "Content-Length: 3\r\n\r\nabc");
	size_t used, more;
	CHECK(r);

	CHECK_EQ(http_reader_input(r, in, &used), READ_HEAD);
	http_reader_limit(r, 2);
	CHECK_EQ(http_reader_input(r, bytes_sub(in, used, in.n - used), &more), READ_BAD);
	CHECK_EQ(http_reader_refusal(r)->status, 413);
	http_reader_next(r);
	CHECK(http_reader_idle(r));
	CHECK_EQ(http_reader_input(r, in, &used), READ_HEAD);
	http_reader_limit(r, 3);
	CHECK_EQ(http_reader_input(r, bytes_sub(in, used, in.n - used), &more), READ_DONE);
	CHECK(bytes_is(http_reader_request(r)->body, "abc"));
}

static void lists_are_searched(void)
{
	AUTO(http_reader) struct http_reader *r = http_reader_new();
	size_t used;
	CHECK(r);

	CHECK_EQ(feed(r, bytes_str("GET / HTTP/1.1\r\nHost: h\r\nA: x , Y,,z\r\nB: 1\r\n"
				   "a: last\r\n\r\n"), 1000, &used), READ_DONE);
	const struct http_request *q = http_reader_request(r);
	CHECK(http_header_lists(q, "A", "X") && http_header_lists(q, "a", "y"));
	CHECK(http_header_lists(q, "A", "z") && http_header_lists(q, "A", "last"));
	CHECK(!http_header_lists(q, "A", "1") && !http_header_lists(q, "C", "x"));
}

TESTS({ "reads_in_any_pieces", reads_in_any_pieces },
      { "reads_chunks_in_any_pieces", reads_chunks_in_any_pieces }, { "refuses", refuses },
      { "accepts", accepts }, { "limits_hold", limits_hold },
      { "the_caller_sets_the_body_limit", the_caller_sets_the_body_limit },
      { "lists_are_searched", lists_are_searched })

#include "net/http_reply.h"
#include "base/test.h"

static void writes_a_head_that_a_value_cannot_break(void)
{
	static const struct http_field fields[] = { { "Location", "/x\r\nEvil: yes" } };
	struct http_reply r = { .status = 201, .type = "text/plain", .body = bytes_str("ok"),
				.fields = fields, .n_fields = 1 };
	AUTO(buf) struct buf b = { 0 };

	http_write_head(&b, &r, HTTP_KEEP, 1767225600ull * US_PER_S);
	CHECK(!b.failed);
	CHECK_STR((const char *)b.p,
		  "HTTP/1.1 201 Created\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
		  "Content-Type: text/plain\r\nLocation: /x  Evil: yes\r\nContent-Length: 2\r\n"
		  "X-Content-Type-Options: nosniff\r\nConnection: keep-alive\r\n\r\n");
}

static void some_have_no_length(void)
{
	static const struct {
		unsigned status;
		enum http_after after;
		const char *first, *there, *absent;
	} rows[] = {
		{ 101, HTTP_KEEP, "HTTP/1.1 101 Switching Protocols\r\n", "Date: ", "Connection" },
		{ 204, HTTP_KEEP, "HTTP/1.1 204 No Content\r\n", "keep-alive", "Content-Length" },
		{ 404, HTTP_CLOSE, "HTTP/1.1 404 Not Found\r\n", "Connection: close", "Type:" },
		{ 299, HTTP_CLOSE, "HTTP/1.1 299 Unknown\r\n", "Content-Length: 0", "keep-alive" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };
		struct http_reply r = { .status = rows[i].status };

		http_write_head(&b, &r, rows[i].after, 0);
		CHECK(!b.failed);
		CHECK(bytes_starts(buf_bytes(&b), rows[i].first));
		CHECK(strstr((const char *)b.p, rows[i].there));
		CHECK(!strstr((const char *)b.p, rows[i].absent));
	}
}

static void writes_errors(void)
{
	AUTO(buf) struct buf e = { 0 };

	http_write_error(&e, "t", NULL, "p\"", "m");
	CHECK(!e.failed);
	CHECK_STR((const char *)e.p,
		  "{\"error\":{\"message\":\"m\",\"type\":\"t\",\"code\":null,\"param\":\"p\\\"\"}}");
	CHECK_STR(http_error_type(401), "authentication_error");
	CHECK_STR(http_error_type(503), "server_error");
	CHECK_STR(http_error_type(404), "invalid_request_error");
}

TESTS({ "writes_a_head_that_a_value_cannot_break", writes_a_head_that_a_value_cannot_break },
      { "some_have_no_length", some_have_no_length }, { "writes_errors", writes_errors })

#include "net/http_reply.h"

#include <http_parser.h> /* for its table of status codes */
#include <time.h>

#include "base/json.h"

static const char *reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *text;
	} reasons[] = {
#define REASON(num, name, string) { num, #string },
		HTTP_STATUS_MAP(REASON)
#undef REASON
	};

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Unknown";
}

/* A value must not be able to end its line: it may come from a stranger. */
static void put_value(struct buf *to, const char *s)
{
	for (; *s; s++)
		buf_putc(to, *s == '\r' || *s == '\n' ? ' ' : *s);
}

static void put_field(struct buf *to, const char *name, const char *value)
{
	buf_puts(to, name);
	buf_puts(to, ": ");
	put_value(to, value);
	buf_puts(to, "\r\n");
}

void http_write_head(struct buf *to, const struct http_reply *r, enum http_after after,
		     uint64_t wall_us)
{
	time_t now = (time_t)(wall_us / US_PER_S);
	char date[64];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm); /* RFC 9110, 5.6.7 */
	buf_printf(to, "HTTP/1.1 %u %s\r\n", r->status, reason(r->status));
	put_field(to, "Date", date);
	if (r->type)
		put_field(to, "Content-Type", r->type);
	for (size_t i = 0; i < r->n_fields; i++)
		put_field(to, r->fields[i].name, r->fields[i].value);
	/* RFC 9110, 8.6: not in 1xx and 204. */
	if (r->form == HTTP_CHUNKED)
		put_field(to, "Transfer-Encoding", "chunked");
	else if (r->form == HTTP_WHOLE && r->status >= 200 && r->status != 204)
		buf_printf(to, "Content-Length: %zu\r\n", r->body.n);
	if (r->status >= 200) {
		put_field(to, "X-Content-Type-Options", "nosniff");
		put_field(to, "Connection", after == HTTP_CLOSE ? "close" : "keep-alive");
	}
	buf_puts(to, "\r\n");
}

static void put_string_or_null(struct buf *to, const char *s)
{
	if (s)
		json_quote(to, bytes_str(s));
	else
		buf_puts(to, "null");
}

void http_write_error(struct buf *to, const char *type, const char *code, const char *param,
		      const char *message)
{
	buf_puts(to, "{\"error\":{\"message\":");
	json_quote(to, bytes_str(message));
	buf_puts(to, ",\"type\":");
	json_quote(to, bytes_str(type));
	buf_puts(to, ",\"code\":");
	put_string_or_null(to, code);
	buf_puts(to, ",\"param\":");
	put_string_or_null(to, param);
	buf_puts(to, "}}");
}

const char *http_error_type(unsigned status)
{
	static const struct {
		unsigned status;
		const char *type;
	} types[] = {
		{ 401, "authentication_error" },
		{ 403, "permission_error" },
		{ 429, "rate_limit_error" },
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].status == status)
			return types[i].type;
	return status >= 500 ? "server_error" : "invalid_request_error";
}

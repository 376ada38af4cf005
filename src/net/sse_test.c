#include "net/sse.h"

#include "base/test.h"

/* Events written as TYPE(id)=data|… */
static bool on_event(void *owner, const struct sse_event *e)
{
	buf_printf(owner, "%s", e->type);
	if (e->id[0])
		buf_printf(owner, "(%s)", e->id);
	buf_printf(owner, "=");
	buf_put(owner, e->data, e->n);
	buf_puts(owner, "|");
	return strcmp(e->data, "stop") != 0;
}

static const struct {
	const char *stream, *events;
} table[] = {
	{ "data: a\n\n", "message=a|" },
	{ "data:a\r\n\r\ndata:  b\r\n\r\n", "message=a|message= b|" },
	{ "data: a\r\rdata: b\r\r", "message=a|message=b|" },
	{ "\xef\xbb\xbf" "data: a\n\n", "message=a|" },
	{ ": keep alive\n\n:\n\nevent: x\ndata: 1\ndata:\ndata: 2\n\n", "x=1\n\n2|" },
	{ "event: x\n\ndata: a\n\n", "message=a|" },
	{ "id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", "message(7)=a|message(7)=b|message=c|" },
	{ "data\n\ndata\ndata\n\n", "message=|message=\n|" },
	{ "data: lost", "" },
	{ "data: lost\n", "" },
	{ "nothing: x\nDATA: x\n data: x\ndata: a\n\n", "message=a|" },
	{ "{\"error\":\"no stream\"}\n\n", "" },
	{ "retry: 250\nretry: x\nretry:\ndata: {\"a\": \"b: c\"}\n\n", "message={\"a\": \"b: c\"}|" },
};

/* However the stream is cut. */
static void reads_streams_in_any_pieces(void)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		for (size_t piece = 1; piece < 40; piece += piece < 5 ? 1 : 11) {
			AUTO(sse) struct sse s;
			AUTO(buf) struct buf got = { 0 };
			struct bytes rest = bytes_str(table[i].stream);

			sse_init(&s, 1000);
			while (rest.n) {
				size_t n = MIN(rest.n, piece);

				CHECK_EQ(sse_push(&s, bytes_sub(rest, 0, n), on_event, &got), SSE_OK);
				rest = bytes_sub(rest, n, rest.n - n);
			}
			CHECK(!got.failed);
			CHECK_STR(got.p ? (const char *)got.p : "", table[i].events);
			CHECK(!strstr(table[i].stream, "retry") || s.retry_ms == 250);
		}
}

static void is_bounded(void)
{
	static const char *const streams[] = {
		"data: 0123456789012345678901234567890123456789", /* a line */
		": 01234567890123456789012345678901234567890123456789\n",
		"data: 0123456789012345\ndata: 01234567890123456\n", /* an event */
		"event: 012345678901234567890123456789012345678901234567890123456789012345678901234567890\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		AUTO(sse) struct sse s;
		AUTO(buf) struct buf got = { 0 };

		sse_init(&s, i == 3 ? 100 : 32);
		CHECK_EQ(sse_push(&s, bytes_str(streams[i]), on_event, &got), SSE_TOO_LONG);
	}
}

static void stops_when_told(void)
{
	AUTO(sse) struct sse s;
	AUTO(buf) struct buf got = { 0 };

	sse_init(&s, 100);
	CHECK_EQ(sse_push(&s, bytes_str("data: stop\n\ndata: more\n\n"), on_event, &got), SSE_STOPPED);
	CHECK(bytes_is(buf_bytes(&got), "message=stop|"));
}

TESTS({ "reads_streams_in_any_pieces", reads_streams_in_any_pieces }, { "is_bounded", is_bounded },
      { "stops_when_told", stops_when_told })

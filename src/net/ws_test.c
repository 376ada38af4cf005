#include "net/ws.h"
#include "base/test.h"

#include <errno.h>

/* What a websocket told its owner. */
struct heard {
	struct ws *ws;
	struct buf text; /* "t:…" or "b:…" for each message, or their length if long */
	bool close_at_first;
	size_t queued; /* octets that waited when the last message came */
};

static void on_message(void *owner, enum ws_kind kind, struct bytes data)
{
	struct heard *h = owner;

	h->queued = ws_queued(h->ws);
	buf_puts(&h->text, kind == WS_TEXT ? "t:" : "b:");
	if (data.n < 100)
		buf_put(&h->text, data.p, data.n);
	else
		buf_printf(&h->text, "%zu", data.n);
	if (h->close_at_first)
		ws_close(h->ws, WS_NORMAL, "enough");
}

static void heard_auto_(struct heard *h)
{
	ws_free(h->ws);
	buf_done(&h->text);
}

/* A client's frame: `first` is FIN, RSV and opcode. */
static void put_frame(struct buf *b, uint8_t first, struct bytes payload)
{
	static const uint8_t mask[4] = { 0x11, 0x22, 0x33, 0x44 };
	uint8_t head[14] = { first };
	size_t n = 2;

	if (payload.n < 126) {
		head[1] = (uint8_t)payload.n;
	} else if (payload.n <= UINT16_MAX) {
		head[1] = 126;
		put_be16(head + 2, (uint16_t)payload.n);
		n = 4;
	} else {
		head[1] = 127;
		put_be64(head + 2, payload.n);
		n = 10;
	}
	head[1] |= 0x80;
	memcpy(head + n, mask, 4);
	buf_put(b, head, n + 4);
	uint8_t *to = buf_reserve(b, payload.n);
	if (!to)
		return;
	for (size_t i = 0; i < payload.n; i++)
		to[i] = payload.p[i] ^ mask[i % 4];
	b->n += payload.n;
}

static void put_text(struct buf *b, uint8_t first, const char *s)
{
	put_frame(b, first, bytes_str(s));
}

/* The frames of the answer, in hexadecimal for short ones: "8a00 8802 03e8". */
static bool output_is(struct ws *w, const void *p, size_t n)
{
	AUTO(buf) struct buf out = { 0 };

	return ws_output(w, &out, SIZE_MAX) == 0 && bytes_eq(buf_bytes(&out), bytes_of(p, n));
}

static void reads_messages_in_any_pieces(void)
{
	AUTO(heard) struct heard h = { 0 };
	AUTO(buf) struct buf in = { 0 };
	CHECK_EQ(ws_new(&h.ws, on_message, &h), 0);

	put_text(&in, 0x81, "one");
	put_text(&in, 0x01, "tw");
	put_text(&in, 0x89, "ping"); /* between two fragments */
	put_text(&in, 0x80, "o");
	put_text(&in, 0x82, "\x01");
	put_text(&in, 0x81, "");
	CHECK(!in.failed);
	for (size_t i = 0; i < in.n; i++)
		CHECK_EQ(ws_input(h.ws, bytes_of(in.p + i, 1)), WS_OPEN);
	CHECK(bytes_is(buf_bytes(&h.text), "t:onet:twob:\x01t:"));
	CHECK(output_is(h.ws, "\x8a\x04ping", 6));
	CHECK_EQ(ws_queued(h.ws), 0);
}

/* What the owner says to a message behind a ping must not overtake the pong. */
static void answers_a_ping_before_what_follows(void)
{
	AUTO(heard) struct heard h = { 0 };
	AUTO(buf) struct buf in = { 0 };
	CHECK_EQ(ws_new(&h.ws, on_message, &h), 0);

	put_text(&in, 0x89, "ping");
	put_text(&in, 0x81, "one");
	CHECK(!in.failed);
	CHECK_EQ(ws_input(h.ws, buf_bytes(&in)), WS_OPEN);
	CHECK(bytes_is(buf_bytes(&h.text), "t:one"));
	CHECK_EQ(h.queued, 6);
	CHECK(output_is(h.ws, "\x8a\x04ping", 6));
}

static void says_why_it_closes(void)
{
	static const struct {
		const char *name, *octets;
		size_t n;
		unsigned code;
	} rows[] = {
		{ "close 1000", "\x88\x82\0\0\0\0\x03\xe8", 8, 1000 },
		{ "close without a code", "\x88\x80\0\0\0\0", 6, WS_NO_STATUS },
		{ "close with one octet", "\x88\x81\0\0\0\0\x03", 7, 1002 },
		{ "close with a code that is reserved", "\x88\x82\0\0\0\0\x03\xed", 8, 1002 },
		{ "unmasked", "\x81\x01x", 3, 1002 },
		{ "reserved bit: compressed", "\xc1\x81\0\0\0\0x", 7, 1002 },
		{ "reserved opcode", "\x83\x81\0\0\0\0x", 7, 1002 },
		{ "reserved control opcode", "\x8b\x80\0\0\0\0", 6, 1002 },
		{ "continuation of nothing", "\x80\x81\0\0\0\0x", 7, 1002 },
		{ "text inside a message", "\x01\x81\0\0\0\0x\x81\x81\0\0\0\0y", 14, 1002 },
		{ "fragmented ping", "\x09\x80\0\0\0\0", 6, 1002 },
		{ "long ping", "\x89\xfe\0\x7e\0\0\0\0", 8, 1002 },
		{ "length not in its shortest form", "\x81\xfe\0\x05\0\0\0\0hello", 13, 1002 },
		{ "length with the top bit", "\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 14, 1002 },
		{ "bad UTF-8", "\x81\x82\0\0\0\0\xc3\x28", 8, 1007 },
		{ "UTF-8 cut short", "\x81\x81\0\0\0\0\xc3", 7, 1007 },
		{ "UTF-8 surrogate", "\x81\x83\0\0\0\0\xed\xa0\x80", 9, 1007 },
		{ "22 MiB", "\x81\xff\0\0\0\0\x01\x60\0\0\0\0\0\0x", 15, 1009 },
		{ "exabytes", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0x", 15, 1009 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(heard) struct heard h = { 0 };
		AUTO(buf) struct buf out = { 0 };
		CHECK_EQ(ws_new(&h.ws, on_message, &h), 0);

		enum ws_verdict v = ws_input(h.ws, bytes_of(rows[i].octets, rows[i].n));
		if ((v != WS_OVER || ws_code(h.ws) != rows[i].code) && !mem_failed())
			fprintf(stderr, "%s: %d, code %u\n", rows[i].name, (int)v, ws_code(h.ws));
		CHECK_EQ(v, WS_OVER);
		CHECK_EQ(ws_code(h.ws), rows[i].code);
		CHECK_EQ(ws_output(h.ws, &out, SIZE_MAX), 0);
		CHECK(out.n >= 2 && out.p[0] == 0x88);
		CHECK(rows[i].code == WS_NO_STATUS ? out.n == 2 :
						     out.n == 4 && be16(out.p + 2) == rows[i].code);
		CHECK_EQ(ws_input(h.ws, bytes_str("more")), WS_OVER);
		CHECK_EQ(h.text.n, 0);
	}
}

static void takes_twenty_mebibytes(void)
{
	enum { N = 20 << 20, PART = 5 << 20 };
	AUTO(heard) struct heard h = { 0 };
	AUTO(buf) struct buf in = { 0 };
	AUTO(mem) uint8_t *x = mem_alloc(PART);
	CHECK(x);
	CHECK_EQ(ws_new(&h.ws, on_message, &h), 0);

	memset(x, 'x', PART);
	for (int i = 0; i < N / PART; i++)
		put_frame(&in, i == 0 ? 0x01 : i == N / PART - 1 ? 0x80 : 0x00,
			  bytes_of(x, PART));
	CHECK(!in.failed);
	for (size_t i = 0; i < in.n; i += 65536)
		CHECK_EQ(ws_input(h.ws, bytes_sub(buf_bytes(&in), i, MIN(in.n - i, 65536u))),
			 WS_OPEN);
	CHECK(bytes_is(buf_bytes(&h.text), "t:20971520"));
}

static void counts_fragments(void)
{
	AUTO(heard) struct heard h = { 0 };
	AUTO(buf) struct buf in = { 0 };
	CHECK_EQ(ws_new(&h.ws, on_message, &h), 0);

	for (int i = 0; i <= WS_FRAGMENTS_MAX; i++)
		put_text(&in, i == 0 ? 0x01 : 0x00, "");
	CHECK(!in.failed);
	CHECK_EQ(ws_input(h.ws, buf_bytes(&in)), WS_OVER);
	CHECK_EQ(ws_code(h.ws), WS_POLICY);
}

static void control_overtakes_audio_and_audio_can_be_taken_back(void)
{
	AUTO(heard) struct heard h = { 0 };
	CHECK_EQ(ws_new(&h.ws, on_message, &h), 0);

	CHECK_EQ(ws_send_text(h.ws, WS_AUDIO, 7, bytes_str("a7")), 0);
	CHECK_EQ(ws_send_text(h.ws, WS_AUDIO, 8, bytes_str("a8")), 0);
	CHECK_EQ(ws_send_text(h.ws, WS_AUDIO, 7, bytes_str("a7")), 0);
	CHECK_EQ(ws_send_text(h.ws, WS_CONTROL, 0, bytes_str("c")), 0);
	CHECK_EQ(ws_ping(h.ws), 0);
	CHECK_EQ(ws_drop_audio(h.ws, 7), 2);
	CHECK(output_is(h.ws, "\x89\0\x81\x01\x63\x81\x02\x61\x38", 9));
	CHECK_EQ(ws_drop_audio(h.ws, 0), 0);
}

static void output_stops_when_there_is_no_room(void)
{
	AUTO(heard) struct heard h = { 0 };
	AUTO(buf) struct buf out = { 0 };
	CHECK_EQ(ws_new(&h.ws, on_message, &h), 0);

	for (int i = 0; i < 3; i++)
		CHECK_EQ(ws_send_text(h.ws, WS_AUDIO, 1, bytes_str("12345678")), 0);
	CHECK_EQ(ws_output(h.ws, &out, 5), 0);
	CHECK_EQ(out.n, 10);
	CHECK_EQ(ws_queued(h.ws), 20);
	CHECK_EQ(ws_output(h.ws, &out, 11), 0);
	CHECK_EQ(out.n, 30);
}

static void long_frames_have_long_lengths(void)
{
	static char text[70000];
	AUTO(heard) struct heard h = { 0 };
	AUTO(buf) struct buf out = { 0 };
	CHECK_EQ(ws_new(&h.ws, on_message, &h), 0);

	memset(text, 'y', sizeof(text));
	CHECK_EQ(ws_send_text(h.ws, WS_CONTROL, 0, bytes_of(text, 126)), 0);
	CHECK_EQ(ws_send_text(h.ws, WS_CONTROL, 0, bytes_of(text, 70000)), 0);
	CHECK_EQ(ws_output(h.ws, &out, SIZE_MAX), 0);
	CHECK(memcmp(out.p, "\x81\x7e\0\x7e", 4) == 0);
	CHECK(memcmp(out.p + 130, "\x81\x7f\0\0\0\0\0\x01\x11\x70", 10) == 0);
	CHECK_EQ(out.n, 130 + 10 + 70000);
}

static void budgets_hold(void)
{
	static char text[1 << 19];
	AUTO(heard) struct heard h = { 0 };
	CHECK_EQ(ws_new(&h.ws, on_message, &h), 0);

	memset(text, 'y', sizeof(text));
	CHECK_EQ(ws_send_text(h.ws, WS_AUDIO, 1, bytes_of(text, sizeof(text))), 0);
	CHECK_EQ(ws_send_text(h.ws, WS_AUDIO, 1, bytes_of(text, sizeof(text))), 0);
	CHECK_EQ(ws_send_text(h.ws, WS_AUDIO, 1, bytes_str("x")), -EAGAIN);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(ws_send_text(h.ws, WS_CONTROL, 0, bytes_of(text, sizeof(text))), 0);
	CHECK_EQ(ws_send_text(h.ws, WS_CONTROL, 0, bytes_str("x")), -ENOBUFS);
	ws_close(h.ws, WS_GOING_AWAY, "bye");
	CHECK_EQ(ws_send_text(h.ws, WS_CONTROL, 0, bytes_str("x")), -EPIPE);
}

static void may_be_closed_from_its_handler(void)
{
	AUTO(heard) struct heard h = { .close_at_first = true };
	AUTO(buf) struct buf in = { 0 };
	CHECK_EQ(ws_new(&h.ws, on_message, &h), 0);

	CHECK_EQ(ws_send_text(h.ws, WS_CONTROL, 0, bytes_str("c")), 0);
	CHECK_EQ(ws_send_text(h.ws, WS_AUDIO, 0, bytes_str("a")), 0);
	put_text(&in, 0x81, "one");
	put_text(&in, 0x81, "two");
	CHECK(!in.failed);
	CHECK_EQ(ws_input(h.ws, buf_bytes(&in)), WS_OVER);
	CHECK(bytes_is(buf_bytes(&h.text), "t:one"));
	CHECK(output_is(h.ws, "\x81\x01\x63\x88\x08\x03\xe8" "enough", 13));
}

static void accept_key_of_the_rfc(void)
{
	char to[WS_ACCEPT_LEN + 1];

	CHECK(ws_accept_key(bytes_str("dGhlIHNhbXBsZSBub25jZQ=="), to));
	CHECK_STR(to, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); /* RFC 6455, 1.3 */
	CHECK(!ws_accept_key(bytes_str("dGhlIHNhbXBsZSBub25jZQ="), to));
	CHECK(!ws_accept_key(bytes_str("dGhlIHNhbXBsZSBub25jZQ!="), to));
	CHECK(!ws_accept_key((struct bytes){ 0 }, to));
}

TESTS({ "reads_messages_in_any_pieces", reads_messages_in_any_pieces },
      { "answers_a_ping_before_what_follows", answers_a_ping_before_what_follows },
      { "says_why_it_closes", says_why_it_closes },
      { "takes_twenty_mebibytes", takes_twenty_mebibytes },
      { "counts_fragments", counts_fragments },
      { "control_overtakes_audio_and_audio_can_be_taken_back",
	control_overtakes_audio_and_audio_can_be_taken_back },
      { "output_stops_when_there_is_no_room", output_stops_when_there_is_no_room },
      { "long_frames_have_long_lengths", long_frames_have_long_lengths },
      { "budgets_hold", budgets_hold },
      { "may_be_closed_from_its_handler", may_be_closed_from_its_handler },
      { "accept_key_of_the_rfc", accept_key_of_the_rfc })

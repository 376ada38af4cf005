/* Frames of a client, whole and in pieces: the same messages, the same end. Octet 0 is the
 * size of a piece; bit 7 of octet 1 lets the server talk in between. */
#include <stdlib.h>

#include "net/ws.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct sum {
	uint64_t hash;
	size_t n;
};

static void on_message(void *owner, enum ws_kind kind, struct bytes data)
{
	struct sum *s = owner;

	s->n++;
	s->hash = s->hash * 31 + (uint64_t)kind + data.n;
	for (size_t i = 0; i < data.n; i++)
		s->hash = s->hash * 31 + data.p[i];
	if (data.n > WS_MESSAGE_MAX)
		abort();
}

static void drain(struct ws *w)
{
	AUTO(buf) struct buf out = { 0 };

	if (ws_output(w, &out, 100) == 0 && out.n && (out.p[0] & 0x70))
		abort(); /* a reserved bit: we have agreed on no extension */
}

static unsigned play(struct bytes in, size_t piece, bool talk, struct sum *s)
{
	AUTO(ws) struct ws *w = NULL;
	enum ws_verdict v = WS_OPEN;

	if (ws_new(&w, on_message, s) != 0)
		abort();
	for (size_t i = 0; i < in.n && v == WS_OPEN; i += MIN(piece, in.n - i)) {
		v = ws_input(w, bytes_sub(in, i, MIN(piece, in.n - i)));
		if (!talk || v != WS_OPEN)
			continue;
		if (ws_send_text(w, WS_AUDIO, i, bytes_of("audio", 5)) != 0 ||
		    ws_send_text(w, WS_CONTROL, 0, bytes_of("control", 7)) != 0 ||
		    (i & 1 && ws_drop_audio(w, 0) == 0) || ws_ping(w) != 0)
			abort();
		drain(w);
	}
	if (v == WS_OVER && ws_queued(w) == 0)
		abort(); /* there must be a close frame */
	while (ws_queued(w) > 0)
		drain(w);
	return v == WS_OPEN ? 0 : ws_code(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct sum a = { 0 }, b = { 0 };

	if (n < 2)
		return 0;
	struct bytes in = bytes_of(p + 2, n - 2);
	unsigned code_a = play(in, SIZE_MAX, false, &a);
	unsigned code_b = play(in, p[0] ? p[0] : 1, p[1] & 0x80, &b);
	if (a.n != b.n || a.hash != b.hash)
		abort();
	/* wslay looks at the text of a close frame from the third octet of each piece on, so
	 * that only the verdict on that text depends on the pieces: WS_BAD_TEXT or not. */
	if (code_a != code_b && code_a != WS_BAD_TEXT && code_b != WS_BAD_TEXT)
		abort();
	return 0;
}

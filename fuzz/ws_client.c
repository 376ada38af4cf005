/* What a server may say to a client: its answer to the handshake, then frames, whole and in pieces: the
 * same verdicts, the same messages. Octet 0 is the size of a piece; with bit 0 of octet 1 the answer is
 * taken for a good one and all that follows for frames. */
#include <stdlib.h>

#include "base/env.h"
#include "base/json.h"
#include "net/ws_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { MESSAGE_MAX = 4096 };

struct sum {
	uint64_t hash;
	size_t n;
	unsigned code, status;
	enum ws_answer_verdict answer;
};

static void on_message(void *owner, enum ws_kind kind, struct bytes data)
{
	struct sum *s = owner;

	s->n++;
	s->hash = s->hash * 31 + (uint64_t)kind + data.n;
	for (size_t i = 0; i < data.n; i++)
		s->hash = s->hash * 31 + data.p[i];
	if (data.n > MESSAGE_MAX)
		abort();
}

static void play_frames(struct bytes in, size_t piece, struct sum *s)
{
	struct env_fake env;
	AUTO(ws) struct ws *w = NULL;
	enum ws_verdict v = WS_OPEN;

	env_fake_init(&env, 1);
	if (ws_new_client(&w, &env.env, MESSAGE_MAX, on_message, s) != 0)
		abort();
	for (size_t i = 0; i < in.n && v == WS_OPEN; i += MIN(piece, in.n - i))
		v = ws_input(w, bytes_sub(in, i, MIN(piece, in.n - i)));
	if (v == WS_OVER && ws_queued(w) == 0)
		abort(); /* there must be a close frame */
	AUTO(buf) struct buf out = { 0 };
	if (ws_output(w, &out, SIZE_MAX) != 0 || (out.n > 1 && !(out.p[1] & 0x80)))
		abort(); /* what a client sends is masked */
	s->code = v == WS_OPEN ? 0 : ws_code(w);
	if (strlen(ws_reason(w)) > WS_REASON_MAX)
		abort();
}

static void play(struct bytes in, size_t piece, struct sum *s)
{
	struct ws_answer a = { .key = "dGhlIHNhbXBsZSBub25jZQ==", .protocol = "realtime" };
	size_t at = 0, used;

	s->answer = ANSWER_MORE;
	while (at < in.n && s->answer == ANSWER_MORE) {
		s->answer = ws_answer_input(&a, bytes_sub(in, at, MIN(piece, in.n - at)), &used);
		at += used;
		if (s->answer == ANSWER_MORE && used == 0)
			abort();
	}
	if (s->answer == ANSWER_MORE)
		s->answer = ws_answer_end(&a);
	s->status = a.status;
	if (strlen(a.why) >= ANSWER_WHY || a.body.n > ANSWER_BODY_MAX || s->answer == ANSWER_MORE)
		abort();
	if (s->answer == ANSWER_OPEN)
		play_frames(bytes_sub(in, at, in.n - at), piece, s);
	ws_answer_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct sum a = { 0 }, b = { 0 };

	if (n < 2)
		return 0;
	json_init();
	struct bytes in = bytes_of(p + 2, n - 2);
	(p[1] & 1 ? play_frames : play)(in, SIZE_MAX, &a);
	(p[1] & 1 ? play_frames : play)(in, p[0] ? p[0] : 1, &b);
	if (a.n != b.n || a.hash != b.hash || a.answer != b.answer || a.status != b.status)
		abort();
	/* As in websocket.c: only the verdict on a close frame's text depends on the pieces. */
	if (a.code != b.code && a.code != WS_BAD_TEXT && b.code != WS_BAD_TEXT)
		abort();
	return 0;
}

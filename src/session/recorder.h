/* recorder.h - the one hook that everything entering a session passes.
 *
 * Inputs (messages, audio, engine results, timers) and answers (what the session
 * asked of its surroundings: randomness, the date, what a leg has played, whether an
 * engine took a job) are recorded in the order in which they came. Fed to a fresh
 * session in the same order they give the same events, octet for octet: replay.h.
 *
 * Stream: "VREC" 1, then records: kind (1 octet), microseconds since the record
 * before (LEB128), length (LEB128), octets. Nothing is encrypted: a record holds what was said.
 */
#pragma once

#include "base/buf.h"

enum rec_kind {
	/* inputs */
	REC_PARAMS = 1, /* what session_new() was given, as JSON */
	REC_ATTACH,     /* leg number, role, caps, rate, has room, view */
	REC_DETACH,
	REC_CLOSE,
	REC_MESSAGE, /* leg number, octets            */
	REC_BINARY,
	REC_AUDIO, /* rate, ts, samples              */
	REC_PLAYOUT,
	REC_WRITABLE,
	REC_TIME,
	REC_STT, /* engine results: sink function's number, ticket, arguments */
	REC_LLM,
	REC_TTS,
	REC_TOOL,
	REC_VIEW, /* leg number, view */
	REC_MCP,  /* as the engine results above */
	REC_REALTIME,
	/* answers */
	REC_RAND = 64,
	REC_WALL,
	REC_ROOM,
	REC_PUSH,
	REC_CLEAR,
	REC_PLAYED,
	REC_START, /* result of an engine's start or begin */
	REC_LEVEL, /* of the payer: level, cost_left_number()s */
	REC_ENGINES, /* that it has for a level, as JSON; null */
	REC_MCP_OPEN, /* why an MCP server was not opened; nothing: it was */
};

struct recorder_ops {
	void (*record)(void *ctx, enum rec_kind k, uint64_t now_us, struct bytes body);
};

/* Zero: nothing is recorded. */
struct recorder {
	const struct recorder_ops *ops;
	void *ctx;
};

static inline void recorder_put(const struct recorder *r, enum rec_kind k, uint64_t now_us,
				struct bytes body)
{
	if (r->ops)
		r->ops->record(r->ctx, k, now_us, body);
}

/* Writes the stream into a buf; the caller empties the buf when it likes. */
struct rec_writer {
	struct buf *to;
	uint64_t last_us;
	bool begun;
};
extern const struct recorder_ops rec_writer_ops; /* ctx: struct rec_writer */

/* A view of a stream, one record at a time. */
struct rec_reader {
	struct bytes rest;
	uint64_t now_us;
	bool begun;
};

struct rec {
	enum rec_kind kind;
	uint64_t now_us;
	struct bytes body;
};

enum rec_verdict { REC_OK, REC_END, REC_MALFORMED };

/* A number as LEB128: octets written (at most 10), octets read (0: malformed). */
size_t rec_number(uint8_t to[static 10], uint64_t v);
MUST_USE size_t rec_take_number(struct bytes *from, uint64_t *out);
MUST_USE enum rec_verdict rec_read(struct rec_reader *r, struct rec *out);

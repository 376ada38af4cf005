/* chat_stream.h - the answer to a /chat/completions request, from octets to words and calls. Sans-I/O.
 *
 * A stream of chat.completion.chunk events, or one chat.completion where a service does not stream.
 * Text is told as it comes, up to the last place between words; calls when all of them are there.
 */
#pragma once

#include "engine/ops.h"
#include "net/sse.h"

enum { CHAT_CALLS = 32, CHAT_WHY = 240, CHAT_HELD = 64 };

struct chat_call {
	int64_t index;
	struct buf name, arguments;
};

struct chat_stream_ops {
	void (*on_text)(void *owner, const char *text);
	/* `arguments` as the model wrote them, be they JSON or not; "{}" where it wrote none. */
	void (*on_call)(void *owner, const char *name, const char *arguments);
};

enum chat_state {
	CHAT_READING,
	CHAT_FINISHED, /* the answer is complete: `finish` and `usage` say how */
	CHAT_FAILED,   /* `code` and `why` say what was wrong                  */
};

struct chat_stream {
	const struct chat_stream_ops *ops;
	void *owner;
	enum chat_state state;
	enum llm_finish finish;
	struct llm_usage usage;
	const char *code;
	char why[CHAT_WHY]; /* a sentence for people; no line ends, nothing of ours in it */

	struct sse sse;
	struct buf whole;      /* of an answer that is not streamed */
	bool is_stream, ended; /* ended: a finish_reason has come */
	size_t n_text;
	char held[CHAT_HELD + 1]; /* the beginning of a word */
	struct chat_call calls[CHAT_CALLS];
	size_t n_calls;
};

/* content_type: as the service sent it, "" where it sent none. CHAT_FAILED: it cannot be read. */
enum chat_state chat_stream_init(struct chat_stream *c, const char *content_type,
				 const struct chat_stream_ops *ops, void *owner);
void chat_stream_done(struct chat_stream *c);
static inline void chat_stream_auto_(struct chat_stream *c)
{
	chat_stream_done(c);
}

/* Handlers are called from inside. After anything but CHAT_READING nothing more is read. */
enum chat_state chat_stream_push(struct chat_stream *c, struct bytes part);
/* No more octets come; broken: because the connection broke off. Never CHAT_READING. */
enum chat_state chat_stream_end(struct chat_stream *c, bool broken);

/* What a service's JSON error says: `to` gets its message as one line for people (without what looks
 * like a key), param its "param" or "". Either may be empty. */
void chat_error_read(struct bytes body, char to[static CHAT_WHY], char param[static 64]);

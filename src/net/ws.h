/* ws.h - one side of a WebSocket, without its socket: the server's, or the client's (ws_new_client()),
 * whose frames are masked.
 *
 * RFC 6455. Sans-I/O: octets in by ws_input(), octets out by ws_output(). Frames are
 * read by wslay (masks, fragments, UTF-8, close codes, pings answered); we write text
 * frames, unfragmented, and control frames. No extension is ever agreed on.
 *
 * Two queues go out: control before audio. Audio carries a tag and can be taken back
 * until it has been handed to ws_output(). Limits: a message in WS_MESSAGE_MAX octets
 * (1009) and WS_FRAGMENTS_MAX fragments (1008); what waits to go out, see ws_send_text().
 */
#pragma once

#include "base/buf.h"

struct env;
struct ws;

enum {
	WS_MESSAGE_MAX = 21 << 20, /* an append of 15 MiB of audio is 20 MiB of base64 */
	WS_FRAGMENTS_MAX = 1024,
	WS_BUDGET = 1 << 20,
	WS_CONTROL_MAX = 4 << 20,
	WS_REASON_MAX = 123, /* RFC 6455, 5.5 */
	WS_KEY_LEN = 24,
	WS_ACCEPT_LEN = 28,
};

enum ws_code { /* RFC 6455, 7.4.1; those that we use */
	WS_NORMAL = 1000,
	WS_GOING_AWAY = 1001,
	WS_PROTOCOL_ERROR = 1002,
	WS_NO_STATUS = 1005, /* only told to owners */
	WS_ABNORMAL = 1006,  /* only told to owners */
	WS_BAD_TEXT = 1007,
	WS_POLICY = 1008,
	WS_TOO_BIG = 1009,
	WS_SERVER_ERROR = 1011,
};

enum ws_kind { WS_TEXT, WS_BINARY };
enum ws_queue { WS_CONTROL, WS_AUDIO };

/* Called from ws_input(). May send, drop and close; must not free. `data` lives for the call. */
typedef void ws_on_message(void *owner, enum ws_kind kind, struct bytes data);

MUST_USE int ws_new(struct ws **out, ws_on_message *on_message, void *owner);
/* The other side: masks come from env's dice (5.3), frames that are masked are refused. Borrows env.
 * message_max: at most WS_MESSAGE_MAX; 0: that. */
MUST_USE int ws_new_client(struct ws **out, const struct env *env, size_t message_max,
			   ws_on_message *on_message, void *owner);
void ws_free(struct ws *w);
AUTO_DEF(ws)

enum ws_verdict {
	WS_OPEN,   /* go on                                                             */
	WS_OVER,   /* closed by them, by us, or for a violation: send what ws_output() has
		    * (the close frame is in it), then close. ws_code() says why.       */
	WS_FAILED, /* memory is out: cut                                                */
};
MUST_USE enum ws_verdict ws_input(struct ws *w, struct bytes in);
unsigned ws_code(const struct ws *w);
/* What the peer said in its close frame; "". */
const char *ws_reason(const struct ws *w);

/* Copies. -EAGAIN: audio, and WS_BUDGET octets wait already; -ENOBUFS: control, and
 * WS_CONTROL_MAX wait; -EPIPE: closed; -ENOMEM. Nothing is queued then. */
MUST_USE int ws_send_text(struct ws *w, enum ws_queue q, uint64_t tag, struct bytes text);
/* The same as a frame at the end of `to`, when nothing waits (-EAGAIN: something does): no queue, and
 * no memory but to's. */
MUST_USE int ws_write_text(struct ws *w, struct bytes text, struct buf *to);
/* Take back audio of this tag (0: all) that waits; the number of messages. */
size_t ws_drop_audio(struct ws *w, uint64_t tag);
MUST_USE int ws_ping(struct ws *w);
/* Drops waiting audio, keeps control, then a close frame; input is ignored from now. */
void ws_close(struct ws *w, unsigned code, const char *reason);

size_t ws_queued(const struct ws *w); /* octets waiting */
/* Appends whole frames: at least one if any waits, no further one once `room` is reached.
 * -ENOMEM: nothing was taken. */
MUST_USE int ws_output(struct ws *w, struct buf *to, size_t room);

/* A fresh Sec-WebSocket-Key with a NUL (4.1). */
void ws_make_key(const struct env *env, char to[static WS_KEY_LEN + 1]);
/* Sec-WebSocket-Accept for a key (RFC 6455, 4.2.2), with a NUL. false: not a key. */
MUST_USE bool ws_accept_key(struct bytes key, char to[static WS_ACCEPT_LEN + 1]);

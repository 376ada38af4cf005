/* ws_answer.h - what a server says to our wish for a WebSocket. Sans-I/O.
 *
 * RFC 6455, 4.1 and 4.2.2. Interim answers (1xx but 101) are passed over, redirects are not followed. An
 * answer other than 101 is read as far as its error message: of its body at most ANSWER_BODY_MAX
 * octets, whole, in chunks, or until its end. Limits: a head of ANSWER_HEAD_MAX octets.
 */
#pragma once

#include "base/buf.h"
#include "net/ws.h"

enum {
	ANSWER_HEAD_MAX = 16 << 10,
	ANSWER_BODY_MAX = 16 << 10,
	ANSWER_WHY = 240,       /* of which 200 are the server's */
	ANSWER_PROTOCOL_MAX = 64,
};

enum ws_answer_verdict {
	ANSWER_MORE,
	ANSWER_OPEN,    /* 101, and all is well; octets beyond *used are the WebSocket's   */
	ANSWER_REFUSED, /* another status: status, retry_after_ms, why                     */
	ANSWER_BAD,     /* no HTTP, or no handshake for our key: why                       */
};

/* Zero is a valid start, with key and protocol. */
struct ws_answer {
	char key[WS_KEY_LEN + 1]; /* ours                                          */
	const char *protocol;     /* that we offered, or NULL; borrowed            */
	unsigned status;
	uint64_t retry_after_ms; /* 0: not said (Retry-After in seconds, retry-after-ms); a day at most */
	char chosen[ANSWER_PROTOCOL_MAX]; /* "" or the protocol */
	char why[ANSWER_WHY];
	struct buf head, body;
	bool in_body, chunked;
	size_t body_left; /* of the body or of the chunk; SIZE_MAX: until the end */
};

MUST_USE enum ws_answer_verdict ws_answer_input(struct ws_answer *a, struct bytes in, size_t *used);
/* The server has closed: what has come so far is all. ANSWER_MORE does not come back. */
MUST_USE enum ws_answer_verdict ws_answer_end(struct ws_answer *a);
void ws_answer_done(struct ws_answer *a);

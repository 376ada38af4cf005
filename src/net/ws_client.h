/* ws_client.h - a WebSocket that we open: to a service, over TCP or TLS.
 *
 * RFC 6455. On the thread of its home's loop; nothing blocks: the name is looked up elsewhere (dial.h), the
 * certificate is checked against the host's name (tls.h). A ping goes out every 20 s; a server that sends
 * nothing for 60 s, or lets more than WS_BUDGET wait for 10 s, is cut. No extension is offered and no
 * redirect followed.
 *
 * Handlers may send, close and free. No handler is called from inside a ws_client_...() function.
 */
#pragma once

#include "net/conn.h"
#include "net/ws.h"

struct ws_client;

struct ws_client_end {
	unsigned code;           /* WS_ABNORMAL, or of the close frame (theirs or ours)              */
	int error;               /* before on_open, where there was no answer: -errno as dial.h has
				  * it; -EPROTO: TLS, or no WebSocket; else 0                        */
	unsigned status;         /* of an answer other than 101; 0: none                             */
	uint64_t retry_after_ms; /* with status; 0: not said                                         */
	const char *why;         /* a line for people, without the URL; a server's words in it are
				  * 200 octets at most                                              */
};

struct ws_client_ops {
	void (*on_open)(void *owner, const char *protocol); /* "" where none was chosen */
	void (*on_message)(void *owner, enum ws_kind kind, struct bytes data);
	/* May be NULL. After ws_client_want_writable(): half of WS_BUDGET is free. */
	void (*on_writable)(void *owner);
	/* Once; the client is freed already. Not after ws_client_close() or ws_client_free(). */
	void (*on_closed)(void *owner, const struct ws_client_end *e);
};

enum { WS_CLIENT_FIELDS = 4 };

/* All copied, but for home and tls. */
struct ws_client_params {
	struct conn_home *home;
	struct tls_ctx *tls;                  /* of tls_client_ctx_new(); NULL: no wss       */
	const char *url;                      /* ws, wss; http and https mean the same       */
	const char *fields[WS_CLIENT_FIELDS]; /* "Name: value"; "" and NULL are passed over  */
	const char *protocol;                 /* one subprotocol to offer, or NULL           */
	unsigned open_ms;                     /* until on_open, all in all; 0: 10 s          */
	size_t message_max;                   /* octets; 0: WS_MESSAGE_MAX                   */
	uint64_t ping_us, silence_us, slow_us; /* 0: as above                                */
};

/* -EINVAL: the URL or a field cannot be; -ENOMEM. */
MUST_USE int ws_client_new(struct ws_client **out, const struct ws_client_params *p,
			   const struct ws_client_ops *ops, void *owner);
/* Cut. */
void ws_client_free(struct ws_client *w);
AUTO_DEF(ws_client)
/* What waits, a close frame, then the connection closes (before on_open: cut). The owner is forgotten. */
void ws_client_close(struct ws_client *w, unsigned code, const char *reason);

/* After on_open. -ENOBUFS: WS_CONTROL_MAX wait already; -EPIPE: closed; -ENOMEM. Nothing is queued then.
 * Without a queue no memory is taken from the heap, once there was a message as long (TLS: OpenSSL's). */
MUST_USE int ws_client_send(struct ws_client *w, struct bytes text);
void ws_client_want_writable(struct ws_client *w);
size_t ws_client_queued(const struct ws_client *w); /* all that has not reached the kernel */

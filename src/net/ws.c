#include "net/ws.h"

#include <errno.h>
#include <stdio.h>
#include <wslay/wslay.h>

#include "base/alloc.h"
#include "base/b64.h"
#include "base/crypto.h"
#include "base/env.h"
#include "base/list.h"

enum { FRAME_HEAD_MAX = 14, KEEP_MAX = 256 << 10, MASK_LEN = 4, IS_MASKED = 0x80 };

/* A frame that waits, as it goes on the wire. */
struct frame {
	struct node node;
	uint64_t tag;
	size_t n;
	uint8_t octets[];
};

struct ws {
	wslay_event_context_ptr lib;
	const struct env *env; /* NULL: we are the server and mask nothing */
	size_t message_max;
	ws_on_message *on_message;
	void *owner;
	struct bytes in;    /* what ws_input() was given and wslay has not taken yet */
	struct buf message; /* fragments of the message so far                       */
	uint8_t opcode;     /* of the frame that is being read                       */
	size_t n_fragments;
	struct list queues[2]; /* by enum ws_queue */
	size_t queued[2];      /* octets           */
	struct buf replies;    /* pongs and the close frame, before everything else */
	unsigned code;
	char reason[WS_REASON_MAX + 1];
	bool over, no_memory;
};

static void drop(struct ws *w, enum ws_queue q, struct frame *f)
{
	node_unlink(&f->node);
	w->queued[q] -= f->n;
	mem_free(f);
}

static void drop_all(struct ws *w)
{
	struct node *n;

	for (int q = WS_CONTROL; q <= WS_AUDIO; q++)
		while ((n = list_first(&w->queues[q])))
			drop(w, (enum ws_queue)q, CONTAINER_OF(n, struct frame, node));
}

/* --- reading -------------------------------------------------------------------- */

/* Stop with a violation: wslay's loop ends after the present step. */
static void violate(struct ws *w, unsigned code)
{
	if (!w->over)
		ws_close(w, code, "");
}

static ssize_t give(wslay_event_context_ptr lib, uint8_t *to, size_t n, int flags, void *arg)
{
	struct ws *w = arg;

	(void)flags;
	n = MIN(n, w->in.n);
	if (n == 0) {
		wslay_event_set_error(lib, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	memcpy(to, w->in.p, n);
	w->in = bytes_sub(w->in, n, w->in.n - n);
	return (ssize_t)n;
}

static ssize_t take_reply(wslay_event_context_ptr lib, const uint8_t *p, size_t n, int flags,
			  void *arg)
{
	struct ws *w = arg;

	(void)lib;
	(void)flags;
	buf_put(&w->replies, p, n);
	return (ssize_t)n;
}

static void on_frame(wslay_event_context_ptr lib,
		     const struct wslay_event_on_frame_recv_start_arg *f, void *arg)
{
	struct ws *w = arg;

	(void)lib;
	w->opcode = f->opcode;
	if (f->opcode == WSLAY_CONNECTION_CLOSE && f->payload_length == 1)
		violate(w, WS_PROTOCOL_ERROR); /* a code has two octets; wslay lets it pass */
	if (wslay_is_ctrl_frame(f->opcode))
		return;
	if (++w->n_fragments > WS_FRAGMENTS_MAX)
		violate(w, WS_POLICY);
	else if (f->payload_length > w->message_max - w->message.n)
		violate(w, WS_TOO_BIG);
}

static void on_part(wslay_event_context_ptr lib,
		    const struct wslay_event_on_frame_recv_chunk_arg *part, void *arg)
{
	struct ws *w = arg;

	if (w->over || wslay_is_ctrl_frame(w->opcode))
		return;
	buf_put(&w->message, part->data, part->data_length);
	if (w->message.failed) {
		w->no_memory = true;
		wslay_event_shutdown_read(lib);
	}
}

static void on_whole(wslay_event_context_ptr lib, const struct wslay_event_on_msg_recv_arg *m,
		     void *arg)
{
	struct ws *w = arg;

	if (m->opcode == WSLAY_CONNECTION_CLOSE && !w->over && m->msg_length > 2)
		snprintf(w->reason, sizeof(w->reason), "%.*s", (int)(m->msg_length - 2),
			 (const char *)m->msg + 2);
	/* Its pong waits inside wslay; it goes before what is said to messages behind the ping. */
	if (m->opcode == WSLAY_PING && !w->over && wslay_event_send(lib) != 0)
		w->no_memory = true;
	if (w->over || w->no_memory || wslay_is_ctrl_frame(m->opcode))
		return;
	struct bytes data = w->message.n ? buf_bytes(&w->message) : bytes_str("");
	w->on_message(w->owner, m->opcode == WSLAY_TEXT_FRAME ? WS_TEXT : WS_BINARY, data);
	w->n_fragments = 0;
	if (w->message.cap > KEEP_MAX) /* one long message must not cost memory for ever */
		buf_done(&w->message);
	else
		buf_reset(&w->message);
}

/* wslay has written its pongs into `replies`; has it closed, and why? */
static void note_close(struct ws *w)
{
	if (w->over || wslay_event_get_read_enabled(w->lib))
		return;
	w->over = true;
	drop_all(w); /* wslay's close frame is in `replies`: nothing may follow it */
	w->code = wslay_event_get_close_received(w->lib) ?
			  wslay_event_get_status_code_received(w->lib) :
			  wslay_event_get_status_code_sent(w->lib);
}

enum ws_verdict ws_input(struct ws *w, struct bytes in)
{
	if (w->over)
		return WS_OVER;
	w->in = in;
	int r = wslay_event_recv(w->lib);
	w->in = (struct bytes){ 0 };
	if (r == WSLAY_ERR_NOMEM || w->no_memory)
		return WS_FAILED;
	if (r != 0)
		violate(w, WS_PROTOCOL_ERROR); /* a frame that cannot be */
	/* A close of ours is written already; wslay's own would be a second one. */
	if (!w->over && wslay_event_send(w->lib) != 0)
		return WS_FAILED;
	note_close(w);
	if (w->replies.failed)
		return WS_FAILED;
	return w->over ? WS_OVER : WS_OPEN;
}

unsigned ws_code(const struct ws *w)
{
	return w->code;
}

const char *ws_reason(const struct ws *w)
{
	return w->reason;
}

/* --- writing --------------------------------------------------------------------- */

/* RFC 6455, 5.2: FIN and opcode, then the length in the shortest form. */
static size_t write_frame_head(uint8_t *to, uint8_t opcode, size_t n)
{
	to[0] = 0x80 | opcode;
	if (n < 126) {
		to[1] = (uint8_t)n;
		return 2;
	}
	if (n <= UINT16_MAX) {
		to[1] = 126;
		put_be16(to + 2, (uint16_t)n);
		return 4;
	}
	to[1] = 127;
	put_be64(to + 2, n);
	return 10;
}

/* 5.3: octet i is masked with octet i modulo 4 of the key. */
static void mask(uint8_t *to, const uint8_t *from, size_t n, const uint8_t key[static MASK_LEN])
{
	uint64_t wide, part;
	size_t i = 0;

	memcpy(&wide, key, MASK_LEN);
	memcpy((uint8_t *)&wide + MASK_LEN, key, MASK_LEN);
	for (; i + sizeof(wide) <= n; i += sizeof(wide)) {
		memcpy(&part, from + i, sizeof(part));
		part ^= wide;
		memcpy(to + i, &part, sizeof(part));
	}
	for (; i < n; i++)
		to[i] = from[i] ^ key[i % MASK_LEN];
}

/* A whole frame; `to` has room for FRAME_HEAD_MAX more octets than the payload. Returns its size. */
static size_t write_frame(const struct ws *w, uint8_t *to, uint8_t opcode, struct bytes payload)
{
	size_t n = write_frame_head(to, opcode, payload.n);

	if (w->env) {
		to[1] |= IS_MASKED;
		env_rand(w->env, to + n, MASK_LEN);
		n += MASK_LEN;
		mask(to + n, payload.p, payload.n, to + n - MASK_LEN);
	} else if (payload.n) {
		memcpy(to + n, payload.p, payload.n);
	}
	return n + payload.n;
}

int ws_send_text(struct ws *w, enum ws_queue q, uint64_t tag, struct bytes text)
{
	if (w->over)
		return -EPIPE;
	if (q == WS_AUDIO && w->queued[WS_AUDIO] + w->queued[WS_CONTROL] >= WS_BUDGET)
		return -EAGAIN;
	if (q == WS_CONTROL && w->queued[WS_CONTROL] >= WS_CONTROL_MAX)
		return -ENOBUFS;
	struct frame *f = mem_alloc(sizeof(*f) + FRAME_HEAD_MAX + text.n);
	if (!f)
		return -ENOMEM;
	*f = (struct frame){ .tag = tag };
	f->n = write_frame(w, f->octets, WSLAY_TEXT_FRAME, text);
	list_push(&w->queues[q], &f->node);
	w->queued[q] += f->n;
	return 0;
}

int ws_write_text(struct ws *w, struct bytes text, struct buf *to)
{
	if (w->over)
		return -EPIPE;
	if (ws_queued(w) > 0)
		return -EAGAIN;
	uint8_t *at = buf_reserve(to, FRAME_HEAD_MAX + text.n);
	if (!at)
		return -ENOMEM;
	to->n += write_frame(w, at, WSLAY_TEXT_FRAME, text);
	return 0;
}

size_t ws_drop_audio(struct ws *w, uint64_t tag)
{
	size_t n = 0;

	LIST_FOR(&w->queues[WS_AUDIO], node)
	{
		struct frame *f = CONTAINER_OF(node, struct frame, node);

		if (tag != 0 && f->tag != tag)
			continue;
		drop(w, WS_AUDIO, f);
		n++;
	}
	return n;
}

int ws_ping(struct ws *w)
{
	uint8_t head[FRAME_HEAD_MAX];

	if (w->over)
		return -EPIPE;
	buf_put(&w->replies, head, write_frame(w, head, WSLAY_PING, (struct bytes){ 0 }));
	return w->replies.failed ? -ENOMEM : 0;
}

void ws_close(struct ws *w, unsigned code, const char *reason)
{
	uint8_t payload[2 + WS_REASON_MAX];
	size_t n = MIN(strlen(reason), (size_t)WS_REASON_MAX);

	if (w->over)
		return;
	/* Not in the middle of a character. */
	while (n && n < strlen(reason) && ((uint8_t)reason[n] & 0xc0) == 0x80)
		n--;
	w->over = true;
	w->code = code;
	ws_drop_audio(w, 0);
	wslay_event_shutdown_read(w->lib);
	put_be16(payload, (uint16_t)code);
	memcpy(payload + 2, reason, n);
	struct frame *f = mem_alloc(sizeof(*f) + FRAME_HEAD_MAX + sizeof(payload));
	if (!f)
		return; /* the connection closes all the same */
	*f = (struct frame){ 0 };
	f->n = write_frame(w, f->octets, WSLAY_CONNECTION_CLOSE, bytes_of(payload, n + 2));
	list_push(&w->queues[WS_CONTROL], &f->node);
	w->queued[WS_CONTROL] += f->n;
}

size_t ws_queued(const struct ws *w)
{
	return w->queued[WS_CONTROL] + w->queued[WS_AUDIO] + w->replies.n;
}

int ws_output(struct ws *w, struct buf *to, size_t room)
{
	size_t start = to->n;

	if (w->replies.n) {
		buf_put(to, w->replies.p, w->replies.n);
		if (to->failed)
			return -ENOMEM;
		buf_reset(&w->replies);
	}
	for (int q = WS_CONTROL; q <= WS_AUDIO; q++) {
		struct node *node;

		while (to->n - start < room && (node = list_first(&w->queues[q]))) {
			struct frame *f = CONTAINER_OF(node, struct frame, node);

			buf_put(to, f->octets, f->n);
			if (to->failed)
				return -ENOMEM;
			drop(w, (enum ws_queue)q, f);
		}
	}
	return 0;
}

/* --- life --------------------------------------------------------------------------- */

static int make_mask(wslay_event_context_ptr lib, uint8_t *to, size_t n, void *arg)
{
	const struct ws *w = arg;

	(void)lib;
	env_rand(w->env, to, n);
	return 0;
}

static int create(struct ws **out, const struct env *env, ws_on_message *on_message, void *owner)
{
	static const struct wslay_event_callbacks callbacks = {
		.recv_callback = give,
		.send_callback = take_reply,
		.genmask_callback = make_mask, /* a client's pongs */
		.on_frame_recv_start_callback = on_frame,
		.on_frame_recv_chunk_callback = on_part,
		.on_msg_recv_callback = on_whole,
	};
	struct ws *w = mem_zalloc(sizeof(*w));

	if (!w)
		return -ENOMEM;
	if ((env ? wslay_event_context_client_init : wslay_event_context_server_init)(
		    &w->lib, &callbacks, w) != 0) {
		mem_free(w);
		return -ENOMEM;
	}
	/* We collect messages ourselves: wslay would take the memory a peer announces. */
	wslay_event_config_set_no_buffering(w->lib, 1);
	wslay_event_config_set_max_recv_msg_length(w->lib, WS_MESSAGE_MAX);
	list_init(&w->queues[WS_CONTROL]);
	list_init(&w->queues[WS_AUDIO]);
	w->env = env;
	w->message_max = WS_MESSAGE_MAX;
	w->on_message = on_message;
	w->owner = owner;
	w->code = WS_ABNORMAL;
	*out = w;
	return 0;
}

int ws_new(struct ws **out, ws_on_message *on_message, void *owner)
{
	return create(out, NULL, on_message, owner);
}

int ws_new_client(struct ws **out, const struct env *env, size_t message_max,
		  ws_on_message *on_message, void *owner)
{
	int err = create(out, env, on_message, owner);

	if (err == 0 && message_max)
		(*out)->message_max = MIN(message_max, (size_t)WS_MESSAGE_MAX);
	return err;
}

void ws_free(struct ws *w)
{
	if (!w)
		return;
	drop_all(w);
	wslay_event_context_free(w->lib);
	buf_done(&w->message);
	buf_done(&w->replies);
	mem_free(w);
}

void ws_make_key(const struct env *env, char to[static WS_KEY_LEN + 1])
{
	uint8_t nonce[16];

	env_rand(env, nonce, sizeof(nonce));
	b64_encode(nonce, sizeof(nonce), to);
	to[WS_KEY_LEN] = 0;
}

bool ws_accept_key(struct bytes key, char to[static WS_ACCEPT_LEN + 1])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* 1.3 */
	uint8_t digest[SHA1_LEN], nonce[WS_KEY_LEN / 4 * 3];
	char text[WS_KEY_LEN + sizeof(guid) - 1];

	if (key.n != WS_KEY_LEN || b64_decode((const char *)key.p, key.n, nonce) != 16)
		return false;
	memcpy(text, key.p, WS_KEY_LEN);
	memcpy(text + WS_KEY_LEN, guid, sizeof(guid) - 1);
	if (sha1(bytes_of(text, sizeof(text)), digest) != 0)
		return false;
	b64_encode(digest, sizeof(digest), to);
	to[WS_ACCEPT_LEN] = 0;
	return true;
}

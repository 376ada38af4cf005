#include "net/ws.h"

#include <errno.h>
#include <wslay/wslay.h>

#include "base/alloc.h"
#include "base/b64.h"
#include "base/crypto.h"
#include "base/list.h"

enum { FRAME_HEAD_MAX = 10, KEEP_MAX = 256 << 10, KEY_LEN = 24 };

/* A frame that waits, as it goes on the wire. */
struct frame {
	struct node node;
	uint64_t tag;
	size_t n;
	uint8_t octets[];
};

struct ws {
	wslay_event_context_ptr lib;
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
	else if (f->payload_length > WS_MESSAGE_MAX - w->message.n)
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

/* --- writing --------------------------------------------------------------------- */

/* RFC 6455, 5.2: FIN and opcode, then the length in the shortest form; no mask. */
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
	f->n = write_frame_head(f->octets, WSLAY_TEXT_FRAME, text.n);
	if (text.n)
		memcpy(f->octets + f->n, text.p, text.n);
	f->n += text.n;
	list_push(&w->queues[q], &f->node);
	w->queued[q] += f->n;
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
	buf_put(&w->replies, head, write_frame_head(head, WSLAY_PING, 0));
	return w->replies.failed ? -ENOMEM : 0;
}

void ws_close(struct ws *w, unsigned code, const char *reason)
{
	uint8_t payload[2 + WS_REASON_MAX], head[FRAME_HEAD_MAX];
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
	f->n = write_frame_head(head, WSLAY_CONNECTION_CLOSE, n + 2);
	memcpy(f->octets, head, f->n);
	memcpy(f->octets + f->n, payload, n + 2);
	f->n += n + 2;
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

int ws_new(struct ws **out, ws_on_message *on_message, void *owner)
{
	static const struct wslay_event_callbacks callbacks = {
		.recv_callback = give,
		.send_callback = take_reply,
		.on_frame_recv_start_callback = on_frame,
		.on_frame_recv_chunk_callback = on_part,
		.on_msg_recv_callback = on_whole,
	};
	struct ws *w = mem_zalloc(sizeof(*w));

	if (!w)
		return -ENOMEM;
	if (wslay_event_context_server_init(&w->lib, &callbacks, w) != 0) {
		mem_free(w);
		return -ENOMEM;
	}
	/* We collect messages ourselves: wslay would take the memory a peer announces. */
	wslay_event_config_set_no_buffering(w->lib, 1);
	wslay_event_config_set_max_recv_msg_length(w->lib, WS_MESSAGE_MAX);
	list_init(&w->queues[WS_CONTROL]);
	list_init(&w->queues[WS_AUDIO]);
	w->on_message = on_message;
	w->owner = owner;
	w->code = WS_ABNORMAL;
	*out = w;
	return 0;
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

bool ws_accept_key(struct bytes key, char to[static WS_ACCEPT_LEN + 1])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* 1.3 */
	uint8_t digest[SHA1_LEN], nonce[KEY_LEN / 4 * 3];
	char text[KEY_LEN + sizeof(guid) - 1];

	if (key.n != KEY_LEN || b64_decode((const char *)key.p, key.n, nonce) != 16)
		return false;
	memcpy(text, key.p, KEY_LEN);
	memcpy(text + KEY_LEN, guid, sizeof(guid) - 1);
	if (sha1(bytes_of(text, sizeof(text)), digest) != 0)
		return false;
	b64_encode(digest, sizeof(digest), to);
	to[WS_ACCEPT_LEN] = 0;
	return true;
}

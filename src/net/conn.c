#include "net/conn.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/loop.h"
#include "net/listen.h"
#include "net/tls.h"

enum {
	READ_CHUNK = 64 << 10,
	READS_PER_TURN = 4, /* then others have their turn */
	DRAIN_MAX = 64 << 20, /* octets a closed connection still swallows: a refused body, whole */
	TLS_HANDSHAKE = 0x16, /* ContentType of the first record, RFC 8446, 5.1 */
};

static const uint64_t stall_default_us = 10 * US_PER_S, linger_default_us = 5 * US_PER_S;

/* On the heap of its own: libuv gives it back one turn of the loop after uv_close(),
 * when the connection may be freed or on another loop. */
struct sock {
	uv_poll_t poll;
	struct conn *conn; /* NULL: left */
	int events;        /* what the handle waits for now */
};

struct conn {
	struct node node;
	struct conn_home *home;
	struct sock *sock; /* NULL: under way, or lost it and broken */
	int fd;
	struct addr peer, local;
	const struct conn_ops *ops; /* NULL: nobody listens */
	void *owner;
	struct tls *tls;
	struct buf out;
	size_t out_off;      /* of out is sent          */
	uint64_t moved_us;   /* the last octet went out */
	uint64_t high_us;    /* above CONN_HIGH since; 0: it is not */
	uint64_t drain_us;   /* until then we drain; 0: not closed  */
	size_t drained;
	struct timer timer;
	bool sniffed, paused, eof;
	bool broken;  /* a write failed; the timer ends it      */
	bool closing; /* after the queue has gone               */
	bool told;    /* on_writable is owed                    */
	bool secured; /* on_secure has been told                */
	bool pump;    /* TLS may hold plain octets nobody asked for yet */
};

static void on_poll(uv_poll_t *p, int status, int events);
static void on_due(struct timer *t);

/* --- life ------------------------------------------------------------------- */

void conn_home_init(struct conn_home *h, struct loop *l, struct tls_ctx *tls)
{
	*h = (struct conn_home){ .loop = l, .tls = tls };
	list_init(&h->conns);
}

static void free_sock(uv_handle_t *h)
{
	mem_free(h->data);
}

static void drop_sock(struct conn *c)
{
	if (!c->sock)
		return;
	c->sock->conn = NULL;
	uv_poll_stop(&c->sock->poll);
	uv_close((uv_handle_t *)&c->sock->poll, free_sock);
	c->sock = NULL;
}

static void set_events(struct conn *c)
{
	int ev = (c->paused || c->eof ? 0 : UV_READABLE) |
		 (conn_queued(c) > 0 && !c->broken ? UV_WRITABLE : 0);

	/* Asking for the same again would cost two system calls. */
	if (!c->sock || c->sock->events == ev)
		return;
	c->sock->events = ev;
	if (ev)
		(void)uv_poll_start(&c->sock->poll, ev, on_poll);
	else
		uv_poll_stop(&c->sock->poll);
}

static uint64_t stall_us(const struct conn *c)
{
	return c->home->stall_us ? c->home->stall_us : stall_default_us;
}

/* The one timer stands at whatever is due first. */
static void set_timer(struct conn *c)
{
	uint64_t at = UINT64_MAX;

	if (c->broken || (c->pump && !c->paused))
		at = loop_now_us(c->home->loop);
	if (conn_queued(c) > 0)
		at = MIN(at, c->moved_us + stall_us(c));
	if (c->high_us)
		at = MIN(at, c->high_us + stall_us(c));
	if (c->drain_us)
		at = MIN(at, c->drain_us);
	if (at == UINT64_MAX)
		timer_stop(c->home->loop, &c->timer);
	else if ((!c->timer.slot || c->timer.at_us > at) &&
		 timer_set(c->home->loop, &c->timer, at) != 0)
		c->broken = true; /* without a clock: the next event ends it */
}

static void enter(struct conn *c)
{
	list_push(&c->home->conns, &c->node);
	c->home->n++;
	set_events(c);
	set_timer(c);
}

static void leave(struct conn *c)
{
	timer_stop(c->home->loop, &c->timer);
	if (node_linked(&c->node))
		c->home->n--;
	node_unlink(&c->node);
}

/* Give the connection a handle on its home's loop. Takes s, also on failure. */
static int attach(struct conn *c, struct sock *s)
{
	int err = uv_poll_init(loop_uv(c->home->loop), &s->poll, c->fd);

	if (err != 0) {
		mem_free(s);
		return err;
	}
	s->poll.data = s;
	s->conn = c;
	c->sock = s;
	enter(c);
	return 0;
}

int conn_open(struct conn **out, struct conn_home *h, int fd, const struct addr *peer)
{
	struct conn *c = mem_zalloc(sizeof(*c));
	struct sock *s = mem_zalloc(sizeof(*s));
	int err = -ENOMEM;

	if (!c || !s) {
		mem_free(s);
		goto fail;
	}
	c->home = h;
	c->fd = fd;
	c->peer = *peer;
	c->timer.on_due = on_due;
	listen_local(fd, &c->local);
	err = attach(c, s);
	if (err != 0)
		goto fail;
	*out = c;
	return 0;
fail:
	close(fd);
	mem_free(c);
	return err;
}

void conn_bind(struct conn *c, const struct conn_ops *ops, void *owner)
{
	c->ops = ops;
	c->owner = owner;
}

void conn_free(struct conn *c)
{
	if (!c)
		return;
	drop_sock(c);
	leave(c);
	close(c->fd);
	tls_free(c->tls);
	buf_done(&c->out);
	mem_free(c);
}

static void end(struct conn *c, enum conn_end why)
{
	const struct conn_ops *ops = c->ops;
	void *owner = c->owner;

	conn_free(c);
	if (ops)
		ops->on_closed(owner, why);
}

void conn_home_done(struct conn_home *h)
{
	struct node *n;

	while ((n = list_first(&h->conns)))
		end(CONTAINER_OF(n, struct conn, node), CONN_STOPPED);
}

/* --- writing ---------------------------------------------------------------- */

size_t conn_queued(const struct conn *c)
{
	return c->out.n - c->out_off;
}

static void compact(struct conn *c)
{
	if (c->out_off == c->out.n) {
		if (c->out.cap > CONN_LOW)
			buf_done(&c->out);
		else
			buf_reset(&c->out);
		c->out_off = 0;
	} else if (c->out_off > c->out.n / 2) {
		buf_consume(&c->out, c->out_off);
		c->out_off = 0;
	}
}

/* Calls nobody. */
static void flush(struct conn *c)
{
	while (!c->broken && conn_queued(c) > 0) {
		ssize_t n = send(c->fd, c->out.p + c->out_off, conn_queued(c),
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			c->broken = true;
			break;
		}
		c->out_off += (size_t)n;
		c->moved_us = loop_now_us(c->home->loop);
	}
	compact(c);
	if (conn_queued(c) <= CONN_HIGH)
		c->high_us = 0;
	else if (!c->high_us)
		c->high_us = loop_now_us(c->home->loop);
	if (conn_queued(c) > CONN_LOW)
		c->told = true;
	set_events(c);
	set_timer(c);
}

/* What TLS has to say goes behind what is queued. */
static int take_tls_output(struct conn *c)
{
	if (tls_output(c->tls, &c->out) == 0)
		return 0;
	c->broken = true; /* a record is lost: nothing after it would make sense */
	set_timer(c);
	return -ENOMEM;
}

int conn_write(struct conn *c, struct bytes data)
{
	if (c->broken)
		return -EPIPE;
	if (conn_queued(c) + data.n > CONN_MAX)
		return -ENOBUFS;
	if (conn_queued(c) == 0)
		c->moved_us = loop_now_us(c->home->loop);
	if (c->tls) {
		if (tls_write(c->tls, data) != 0 || take_tls_output(c) != 0)
			return -ENOMEM;
	} else {
		buf_put(&c->out, data.p, data.n);
		if (c->out.failed) {
			c->out.failed = false;
			return -ENOMEM;
		}
	}
	flush(c);
	return 0;
}

int conn_open_out(struct conn **out, struct conn_home *h, int fd, const struct addr *peer,
		  struct tls *tls)
{
	struct conn *c;
	int err = conn_open(&c, h, fd, peer);

	if (err != 0) {
		tls_free(tls);
		return err;
	}
	c->sniffed = true;
	c->tls = tls;
	if (tls) {
		tls_start(tls);
		c->moved_us = loop_now_us(h->loop);
		err = take_tls_output(c);
		flush(c);
	}
	if (err != 0) {
		conn_free(c);
		return err;
	}
	*out = c;
	return 0;
}

/* The queue has gone. Say goodbye, then swallow what is still under way: closing with
 * octets unread would make the kernel send a reset, which can overtake our answer. */
static void start_drain(struct conn *c)
{
	uint64_t us = c->home->linger_us ? c->home->linger_us : linger_default_us;

	if (shutdown(c->fd, SHUT_WR) != 0 || c->eof) {
		conn_free(c);
		return;
	}
	c->drain_us = loop_now_us(c->home->loop) + us;
	c->paused = false;
	set_events(c);
	set_timer(c);
	if (c->broken)
		conn_free(c);
}

void conn_close(struct conn *c)
{
	c->ops = NULL;
	c->closing = true;
	if (c->tls) {
		tls_goodbye(c->tls);
		(void)take_tls_output(c);
	}
	flush(c);
	if (c->broken)
		conn_free(c);
	else if (conn_queued(c) == 0)
		start_drain(c);
}

/* --- reading ---------------------------------------------------------------- */

static bool is_letter(uint8_t o)
{
	return (o | 0x20) >= 'a' && (o | 0x20) <= 'z';
}

/* false: ended. */
static bool sniff(struct conn *c, uint8_t first)
{
	c->sniffed = true;
	if (is_letter(first))
		return true;
	if (first != TLS_HANDSHAKE || !c->home->tls) {
		end(c, CONN_GARBAGE);
		return false;
	}
	if (tls_new(&c->tls, c->home->tls) != 0) {
		end(c, CONN_FAILED);
		return false;
	}
	return true;
}

static void at_eof(struct conn *c)
{
	c->eof = true;
	set_events(c);
	if (c->drain_us)
		conn_free(c);
	else if (c->ops && c->ops->on_eof)
		c->ops->on_eof(c->owner);
	else if (!c->closing)
		end(c, CONN_EOF);
}

/* false: the owner has left. */
static bool tell_secure(struct conn *c)
{
	struct sock *s = c->sock;

	if (c->secured || !tls_is_open(c->tls))
		return true;
	c->secured = true;
	if (c->ops && c->ops->on_secure)
		c->ops->on_secure(c->owner);
	return s->conn == c;
}

/* Hand plain octets out of TLS to the owner, until it pauses, leaves or has them all. */
static void pump_tls(struct conn *c)
{
	uint8_t plain[16 << 10]; /* the largest record, RFC 8446, 5.1 */
	struct sock *s = c->sock;
	enum tls_step step = TLS_DATA;

	c->pump = true;
	while (!c->paused && step == TLS_DATA) {
		size_t n = 0;

		step = tls_read(c->tls, plain, sizeof(plain), &n);
		if (step == TLS_DATA && c->ops)
			c->ops->on_data(c->owner, bytes_of(plain, n));
		if (s->conn != c)
			return;
	}
	if (step != TLS_DATA)
		c->pump = false;
	(void)take_tls_output(c);
	flush(c);
	if (!tell_secure(c))
		return;
	if (step == TLS_END && !c->eof)
		at_eof(c);
	else if (step == TLS_BROKEN && !c->broken)
		end(c, CONN_GARBAGE);
}

static void deliver(struct conn *c, struct bytes data)
{
	if (c->closing) {
		c->drained += data.n;
		if (c->drained > DRAIN_MAX)
			conn_free(c);
		return;
	}
	if (!c->sniffed && !sniff(c, data.p[0]))
		return;
	if (!c->tls) {
		if (c->ops)
			c->ops->on_data(c->owner, data);
	} else if (tls_input(c->tls, data) != 0) {
		end(c, CONN_FAILED);
	} else {
		pump_tls(c);
	}
}

static void read_some(struct conn *c)
{
	uint8_t data[READ_CHUNK];
	struct sock *s = c->sock;

	for (int i = 0; i < READS_PER_TURN && s->conn == c && !c->paused && !c->eof; i++) {
		ssize_t n = recv(c->fd, data, sizeof(data), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			end(c, CONN_RESET);
			return;
		}
		if (n == 0) {
			at_eof(c);
			return;
		}
		deliver(c, bytes_of(data, (size_t)n));
		if ((size_t)n < sizeof(data))
			return;
	}
}

static void write_some(struct conn *c)
{
	flush(c);
	if (c->broken)
		end(c, CONN_RESET);
	else if (c->closing && !c->drain_us && conn_queued(c) == 0)
		start_drain(c);
	else if (c->told && conn_queued(c) <= CONN_LOW) {
		c->told = false;
		if (c->ops && c->ops->on_writable)
			c->ops->on_writable(c->owner);
	}
}

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct sock *s = p->data;

	if (!s->conn)
		return;
	if (status < 0) /* EPOLLERR; libuv has stopped the handle */
		events = UV_READABLE;
	if (events & UV_WRITABLE)
		write_some(s->conn);
	if (s->conn && (events & UV_READABLE))
		read_some(s->conn);
	if (s->conn && status < 0)
		end(s->conn, CONN_RESET);
}

static void on_due(struct timer *t)
{
	struct conn *c = CONTAINER_OF(t, struct conn, timer);
	uint64_t now = loop_now_us(c->home->loop);

	if (c->broken) {
		end(c, CONN_RESET);
	} else if (c->drain_us && now >= c->drain_us) {
		conn_free(c);
	} else if ((conn_queued(c) > 0 && now >= c->moved_us + stall_us(c)) ||
		   (c->high_us && now >= c->high_us + stall_us(c))) {
		end(c, CONN_SLOW);
	} else if (c->pump && c->tls && !c->paused) {
		struct sock *s = c->sock;

		pump_tls(c);
		if (s->conn == c)
			set_timer(c);
	} else {
		set_timer(c);
	}
}

void conn_pause(struct conn *c)
{
	c->paused = true;
	set_events(c);
}

void conn_resume(struct conn *c)
{
	if (!c->paused)
		return;
	c->paused = false;
	set_events(c);
	set_timer(c); /* TLS may hold octets that no readiness of the socket will announce */
}

/* --- moving ----------------------------------------------------------------- */

struct flight {
	struct conn *conn;
	struct sock *sock;
	void (*fn)(void *arg, struct conn *c);
	void *arg;
};

static void arrive(void *payload)
{
	struct flight f;

	memcpy(&f, payload, sizeof(f));
	if (attach(f.conn, f.sock) != 0) {
		conn_free(f.conn);
		f.conn = NULL;
	}
	f.fn(f.arg, f.conn);
}

int conn_move(struct conn *c, struct conn_home *to, void (*fn)(void *arg, struct conn *c),
	      void *arg)
{
	struct conn_home *from = c->home;
	struct flight f = { .conn = c, .fn = fn, .arg = arg };

	assert(sizeof(f) <= LOOP_POST_MAX && !c->closing);
	f.sock = mem_zalloc(sizeof(*f.sock));
	if (!f.sock)
		return -ENOMEM;
	/* Everything leaves this loop before the other one can see it; the descriptor, too. */
	leave(c);
	drop_sock(c);
	c->home = to;
	c->pump = c->tls != NULL;
	int err = loop_post(to->loop, arrive, &f, sizeof(f));
	if (err == 0)
		return 0;
	c->home = from;
	if (attach(c, f.sock) != 0) { /* the kernel is out of memory: the timer ends it */
		c->broken = true;
		enter(c);
	}
	return err;
}

bool conn_is_tls(const struct conn *c)
{
	return c->tls != NULL;
}

const struct addr *conn_peer(const struct conn *c)
{
	return &c->peer;
}

const struct addr *conn_local(const struct conn *c)
{
	return &c->local;
}

struct conn_home *conn_home_of(const struct conn *c)
{
	return c->home;
}

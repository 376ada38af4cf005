#include "net/conn.h"
#include "base/test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "net/net_test.h"
#include "net/tls_test.h"

/* A connection that echoes upper case, and moves when it hears "m". */
struct room {
	struct loop *loops[LOOPS_MAX];
	struct conn_home homes[LOOPS_MAX];
	struct conn *conn;
	struct buf heard;
	bool eof, keep_half_open;
	unsigned n_closed, n_writable, n_landed;
	enum conn_end why;
	int move_to; /* 0: stay */
};

static const struct conn_ops ops, half_ops;

static void landed(void *arg, struct conn *c)
{
	struct room *r = arg;

	r->n_landed++;
	r->conn = c;
	if (c)
		(void)(conn_write(c, bytes_str("LANDED")) == 0);
}

static void on_data(void *owner, struct bytes data)
{
	struct room *r = owner;

	buf_put(&r->heard, data.p, data.n);
	for (size_t i = 0; i < data.n; i++) {
		char up = (char)(data.p[i] & ~0x20);

		if (conn_write(r->conn, bytes_of(&up, 1)) != 0)
			return;
	}
	if (r->move_to && memchr(data.p, 'm', data.n)) {
		int to = r->move_to;

		r->move_to = 0;
		(void)(conn_move(r->conn, &r->homes[to], landed, r) == 0);
	}
}

static void on_eof(void *owner)
{
	struct room *r = owner;
	r->eof = true;
}

static void on_writable(void *owner)
{
	struct room *r = owner;
	r->n_writable++;
}

static void on_closed(void *owner, enum conn_end why)
{
	struct room *r = owner;

	r->n_closed++;
	r->why = why;
	r->conn = NULL;
}

static const struct conn_ops ops = { .on_data = on_data, .on_writable = on_writable,
				     .on_closed = on_closed };
static const struct conn_ops half_ops = { .on_data = on_data, .on_eof = on_eof,
					  .on_closed = on_closed };

static void room_auto_(struct room *r)
{
	for (size_t i = 0; i < LOOPS_MAX; i++)
		if (r->loops[i])
			loop_once(r->loops[i], 0); /* what is under way lands */
	for (size_t i = 0; i < LOOPS_MAX; i++)
		if (r->loops[i])
			conn_home_done(&r->homes[i]);
	for (size_t i = 0; i < LOOPS_MAX; i++)
		loop_free(r->loops[i]);
	buf_done(&r->heard);
}

/* A connected pair: the client's end and the room's connection. */
static bool room_open(struct room *r, struct client *c, size_t n_loops, struct tls_ctx *tls)
{
	static const struct addr nobody = { .family = ADDR_V4, .ip = { 127, 0, 0, 1 } };
	int pair[2];

	for (size_t i = 0; i < n_loops; i++) {
		if (loop_new(&r->loops[i], (unsigned)i) != 0)
			return false;
		conn_home_init(&r->homes[i], r->loops[i], tls);
		r->homes[i].stall_us = 30 * US_PER_MS;
		r->homes[i].linger_us = 20 * US_PER_MS;
	}
	memcpy(c->loops, r->loops, sizeof(c->loops));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	c->fd = pair[0];
	if (conn_open(&r->conn, &r->homes[0], pair[1], &nobody) != 0)
		return false;
	conn_bind(r->conn, r->keep_half_open ? &half_ops : &ops, r);
	return true;
}

static void echoes_and_hears_the_end(void)
{
	AUTO(room) struct room r = { 0 };
	AUTO(client) struct client c = { 0 };
	CHECK(room_open(&r, &c, 1, NULL));

	CHECK(client_says(&c, "hello") && client_hears(&c, "HELLO"));
	CHECK(!conn_is_tls(r.conn) && conn_queued(r.conn) == 0);
	close(c.fd);
	c.fd = 0;
	client_turn(&c);
	CHECK_EQ(r.n_closed, 1);
	CHECK_EQ(r.why, CONN_EOF);
	CHECK_EQ(r.homes[0].n, 0);
}

static void closes_strangers(void)
{
	static const char *const first[] = { "\x16\x03\x01", "\x80", "\n", "1", " GET", "\x7f" };

	for (size_t i = 0; i < ARRAY_LEN(first); i++) {
		AUTO(room) struct room r = { 0 };
		AUTO(client) struct client c = { 0 };
		CHECK(room_open(&r, &c, 1, NULL));

		CHECK(client_says(&c, first[i]) && client_sees_end(&c));
		CHECK_EQ(r.why, CONN_GARBAGE);
		CHECK_EQ(c.got.n, 0);
	}
}

static void moves_and_leaves_nothing_behind(void)
{
	AUTO(room) struct room r = { .move_to = 1 };
	AUTO(client) struct client c = { 0 };
	CHECK(room_open(&r, &c, 2, NULL));

	CHECK(client_says(&c, "a") && client_says(&c, "mb"));
	CHECK(client_hears(&c, "AMBLANDED"));
	CHECK_EQ(r.homes[0].n, 0);
	CHECK_EQ(r.homes[1].n, 1);
	CHECK(conn_home_of(r.conn) == &r.homes[1]);
	r.move_to = 0;
	CHECK(client_says(&c, "c") && client_hears(&c, "C"));
	loop_free(r.loops[0]); /* nothing of it is needed any more */
	r.loops[0] = c.loops[0] = NULL;
	CHECK(client_says(&c, "d") && client_hears(&c, "D"));
}

static void nothing(void *payload)
{
	(void)payload;
}

static void stays_when_the_other_loop_is_full(void)
{
	AUTO(room) struct room r = { .move_to = 1 };
	AUTO(client) struct client c = { 0 };
	CHECK(room_open(&r, &c, 2, NULL));

	while (loop_post(r.loops[1], nothing, NULL, 0) == 0)
		;
	c.loops[1] = NULL;
	CHECK(client_says(&c, "m") && client_says(&c, "x"));
	CHECK(client_hears(&c, "MX"));
	CHECK_EQ(r.n_landed, 0);
	CHECK_EQ(r.homes[0].n, 1);
}

static void holds_back_and_drops_the_deaf(void)
{
	static char data[256 << 10];
	AUTO(room) struct room r = { 0 };
	AUTO(client) struct client c = { 0 };
	CHECK(room_open(&r, &c, 1, NULL));

	memset(data, 'z', sizeof(data));
	CHECK_EQ(conn_write(r.conn, bytes_of(data, sizeof(data))), 0);
	CHECK_EQ(conn_write(r.conn, bytes_of(data, sizeof(data))), 0);
	CHECK(conn_queued(r.conn) > CONN_LOW);
	CHECK_EQ(r.n_writable, 0);
	for (int i = 0; i < 2000 && c.got.n < 2 * sizeof(data); i++) {
		client_turn(&c);
		client_read(&c);
	}
	for (uint64_t end = now_ms() + WAIT_MS; now_ms() < end && !r.n_writable; nap())
		client_turn(&c);
	CHECK_EQ(r.n_writable, 1);
	CHECK_EQ(conn_queued(r.conn), 0);

	int err = 0;
	for (int i = 0; err == 0 && i < 1000; i++)
		err = conn_write(r.conn, bytes_of(data, sizeof(data)));
	CHECK(err == -ENOBUFS && conn_queued(r.conn) <= CONN_MAX);
	for (uint64_t end = now_ms() + WAIT_MS; now_ms() < end && !r.n_closed;) {
		client_turn(&c);
		nap();
	}
	CHECK_EQ(r.n_closed, 1);
	CHECK_EQ(r.why, CONN_SLOW);
}

static void closes_after_the_last_octet(void)
{
	static char data[1 << 20];
	AUTO(room) struct room r = { 0 };
	AUTO(client) struct client c = { 0 };
	CHECK(room_open(&r, &c, 1, NULL));

	memset(data, 'z', sizeof(data));
	data[sizeof(data) - 1] = '!';
	CHECK_EQ(conn_write(r.conn, bytes_of(data, sizeof(data))), 0);
	conn_close(r.conn);
	CHECK_EQ(r.homes[0].n, 1); /* still flushing, for nobody */
	CHECK(client_sees_end(&c));
	CHECK_EQ(c.got.n, sizeof(data));
	CHECK(c.got.p[c.got.n - 1] == '!');
	for (int i = 0; i < 2000 && r.homes[0].n; i++) {
		(void)send(c.fd, "more", 4, MSG_DONTWAIT | MSG_NOSIGNAL); /* drained in vain */
		client_turn(&c);
		nap();
	}
	CHECK_EQ(r.homes[0].n, 0);
	CHECK_EQ(r.n_closed, 0);
	CHECK_EQ(r.heard.n, 0);
}

static void pauses_and_lets_one_side_end(void)
{
	AUTO(room) struct room r = { .keep_half_open = true };
	AUTO(client) struct client c = { 0 };
	CHECK(room_open(&r, &c, 1, NULL));

	conn_pause(r.conn);
	CHECK(client_says(&c, "quiet"));
	client_turn(&c);
	CHECK_EQ(r.heard.n, 0);
	conn_resume(r.conn);
	CHECK(client_hears(&c, "QUIET"));
	CHECK_EQ(shutdown(c.fd, SHUT_WR), 0);
	client_turn(&c);
	CHECK(r.eof && r.n_closed == 0);
	CHECK_EQ(conn_write(r.conn, bytes_str("LAST")), 0);
	conn_close(r.conn);
	CHECK(client_sees_end(&c) && has(&c, "LAST"));
	CHECK_EQ(r.homes[0].n, 0);
}

/* --- with TLS ---------------------------------------------------------------------------- */

static void talks_tls_and_moves_with_it(void)
{
	AUTO(cert_dir) struct cert_dir d = { 0 };
	AUTO(tls_ctx) struct tls_ctx *ctx = test_ctx(&d);
	AUTO(room) struct room r = { .move_to = 1 };
	AUTO(client) struct client c = { 0 };
	AUTO(tls_client) struct tls_client t = { 0 };
	AUTO(buf) struct buf plain = { 0 };
	CHECK(ctx && room_open(&r, &c, 2, ctx));
	CHECK(tls_client_open(&t, d.cert, TLS1_3_VERSION, "\x08http/1.1"));

	(void)SSL_do_handshake(t.ssl);
	CHECK(tls_hears(&t, &c, &plain, NULL));
	/* Three records at once: the second moves, the third is unread when it does. */
	CHECK_EQ(SSL_write(t.ssl, "ab", 2), 2);
	CHECK_EQ(SSL_write(t.ssl, "m", 1), 1);
	CHECK_EQ(SSL_write(t.ssl, "cd", 2), 2);
	CHECK(tls_hears(&t, &c, &plain, "ABMLANDEDCD"));
	CHECK(conn_is_tls(r.conn));
	CHECK_EQ(r.homes[1].n, 1);
	CHECK_EQ(SSL_write(t.ssl, "e", 1), 1);
	CHECK(tls_hears(&t, &c, &plain, "CDE"));
	conn_close(r.conn);
	r.conn = NULL;
	CHECK(!tls_hears(&t, &c, &plain, "never"));
	CHECK(SSL_get_shutdown(t.ssl) & SSL_RECEIVED_SHUTDOWN);
}

static void what_only_looks_like_tls_ends(void)
{
	AUTO(cert_dir) struct cert_dir d = { 0 };
	AUTO(tls_ctx) struct tls_ctx *ctx = test_ctx(&d);
	AUTO(room) struct room r = { 0 };
	AUTO(client) struct client c = { 0 };
	CHECK(ctx && room_open(&r, &c, 1, ctx));

	CHECK(client_says(&c, "\x16GET / HTTP/1.1\r\n\r\n"));
	CHECK(client_sees_end(&c));
	CHECK_EQ(r.why, CONN_GARBAGE);
}

/* --- with real threads --------------------------------------------------------------------- */

struct traveller {
	struct conn_home *homes;
	struct loop **loops;
	struct conn *conn;
	atomic_uint hops;
};

static const struct conn_ops travel_ops;

static void arrived(void *arg, struct conn *c)
{
	struct traveller *t = arg;

	t->conn = c;
	if (c)
		(void)(conn_write(c, bytes_str("x")) == 0);
	atomic_fetch_add(&t->hops, 1);
}

static void travel_data(void *owner, struct bytes data)
{
	struct traveller *t = owner;
	struct conn_home *here = conn_home_of(t->conn);

	(void)data;
	(void)(conn_move(t->conn, here == &t->homes[0] ? &t->homes[1] : &t->homes[0], arrived, t) ==
	       0);
}

static void travel_closed(void *owner, enum conn_end why)
{
	struct traveller *t = owner;

	(void)why;
	t->conn = NULL;
	loop_stop(t->loops[0]);
	loop_stop(t->loops[1]);
}

static const struct conn_ops travel_ops = { .on_data = travel_data, .on_closed = travel_closed };

static void *run(void *l)
{
	(void)(loop_run(l) == 0);
	return NULL;
}

static void travels_between_threads(void)
{
	enum { HOPS = 200 };
	AUTO(room) struct room r = { 0 };
	AUTO(client) struct client c = { 0 };
	struct traveller t = { .homes = r.homes, .loops = r.loops };
	pthread_t th[2];
	unsigned n = 0;
	CHECK(room_open(&r, &c, 2, NULL));

	t.conn = r.conn;
	conn_bind(r.conn, &travel_ops, &t);
	mem_fail_at(0); /* threads: which allocation fails would be chance */
	for (int i = 0; i < 2; i++)
		pthread_create(&th[i], NULL, run, r.loops[i]);
	for (; n < HOPS; n++) { /* each octet makes it hop once, and is answered over there */
		char x;
		if (send(c.fd, "x", 1, MSG_NOSIGNAL) != 1)
			break;
		for (uint64_t end = now_ms() + WAIT_MS; now_ms() < end;)
			if (recv(c.fd, &x, 1, MSG_DONTWAIT) == 1)
				break;
	}
	close(c.fd);
	c.fd = 0;
	for (int i = 0; i < 2; i++)
		pthread_join(th[i], NULL);
	CHECK_EQ(n, HOPS);
	CHECK_EQ(atomic_load(&t.hops), HOPS);
}

TESTS({ "echoes_and_hears_the_end", echoes_and_hears_the_end },
      { "closes_strangers", closes_strangers },
      { "moves_and_leaves_nothing_behind", moves_and_leaves_nothing_behind },
      { "stays_when_the_other_loop_is_full", stays_when_the_other_loop_is_full },
      { "holds_back_and_drops_the_deaf", holds_back_and_drops_the_deaf },
      { "closes_after_the_last_octet", closes_after_the_last_octet },
      { "pauses_and_lets_one_side_end", pauses_and_lets_one_side_end },
      { "talks_tls_and_moves_with_it", talks_tls_and_moves_with_it },
      { "what_only_looks_like_tls_ends", what_only_looks_like_tls_ends },
      { "travels_between_threads", travels_between_threads })

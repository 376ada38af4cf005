#include "net/ws_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/env.h"
#include "base/loop.h"
#include "net/dial.h"
#include "net/tls.h"
#include "net/ws_answer.h"

enum { OPEN_MS = 10000, HOST_MAX = 254, SCRATCH_KEEP = 2 * CONN_LOW };

static const uint64_t ping_us = 20 * US_PER_S, silence_us = 60 * US_PER_S, slow_us = 10 * US_PER_S;

struct ws_client {
	struct conn_home *home;
	struct tls_ctx *tls_ctx; /* NULL: plain                               */
	const struct ws_client_ops *ops; /* NULL: left by its owner           */
	void *owner;
	struct dial *dial;       /* until connected                           */
	struct conn *conn;       /* from then on                              */
	struct ws *ws;
	struct ws_answer answer; /* until open                                */
	bool open;
	char host[HOST_MAX];
	char *protocol;
	struct buf request;      /* goes out once one may write               */
	struct buf scratch;
	struct timer timer;
	uint64_t end_us;         /* when it must be open                      */
	uint64_t ping_us, silence_us, slow_us;
	uint64_t heard_us, pinged_us;
	uint64_t over_us;        /* above the budget since; 0: it is not      */
	bool wants_writable;
	bool busy;               /* in a handler, or in ws_input(): free later */
	char tls_why[TLS_WHY];
};

static void release(struct ws_client *w)
{
	timer_stop(w->home->loop, &w->timer);
	dial_free(w->dial);
	ws_free(w->ws);
	ws_answer_done(&w->answer);
	buf_done(&w->request);
	buf_done(&w->scratch);
	mem_free(w->protocol);
	mem_free(w);
}

/* --- out ------------------------------------------------------------------------------- */

enum amount { AS_FITS, ALL };

/* Hand frames to the connection. -errno: it is broken. */
static int pump(struct ws_client *w, enum amount amount)
{
	while (ws_queued(w->ws) > 0 && (amount == ALL || conn_queued(w->conn) <= CONN_LOW)) {
		buf_reset(&w->scratch);
		int err = ws_output(w->ws, &w->scratch, CONN_LOW);
		if (err == 0)
			err = conn_write(w->conn, buf_bytes(&w->scratch));
		if (err != 0)
			return err;
	}
	if (w->scratch.cap > SCRATCH_KEEP)
		buf_done(&w->scratch);
	if (ws_client_queued(w) <= WS_BUDGET)
		w->over_us = 0;
	else if (!w->over_us)
		w->over_us = loop_now_us(w->home->loop);
	return 0;
}

static void tell_end(struct ws_client *w, const struct ws_client_end *e)
{
	const struct ws_client_ops *ops = w->ops;
	void *owner = w->owner;
	char why[ANSWER_WHY];
	struct ws_client_end end = *e;

	snprintf(why, sizeof(why), "%s", e->why);
	end.why = why;
	release(w);
	if (ops)
		ops->on_closed(owner, &end);
}

/* The connection goes at once, if it is still there. */
static void cut(struct ws_client *w, const struct ws_client_end *e)
{
	conn_free(w->conn);
	w->conn = NULL;
	tell_end(w, e);
}

static void break_off(struct ws_client *w, int error, const char *why)
{
	cut(w, &(struct ws_client_end){ .code = WS_ABNORMAL, .error = w->open ? 0 : error, .why = why });
}

/* The end in good order: what waits goes out, then the connection closes. */
static void finish(struct ws_client *w)
{
	char why[ANSWER_WHY];
	struct ws_client_end e = { .code = ws_code(w->ws), .why = why };
	const char *reason = ws_reason(w->ws);

	snprintf(why, sizeof(why), "the service closed (%u)%s%s", e.code, *reason ? ": " : "", reason);
	if (pump(w, ALL) == 0)
		conn_close(w->conn);
	else
		conn_free(w->conn);
	w->conn = NULL;
	tell_end(w, &e);
}

size_t ws_client_queued(const struct ws_client *w)
{
	return w->open ? ws_queued(w->ws) + conn_queued(w->conn) : 0;
}

void ws_client_want_writable(struct ws_client *w)
{
	w->wants_writable = true;
}

int ws_client_send(struct ws_client *w, struct bytes text)
{
	if (!w->open)
		return -EPIPE;
	if (conn_queued(w->conn) <= CONN_LOW) {
		buf_reset(&w->scratch);
		int err = ws_write_text(w->ws, text, &w->scratch);
		if (err == 0) { /* a broken connection says so itself by on_closed */
			(void)(conn_write(w->conn, buf_bytes(&w->scratch)) == 0);
			return pump(w, AS_FITS) == 0 ? 0 : -EPIPE;
		}
		if (err != -EAGAIN)
			return err;
	}
	int err = ws_send_text(w->ws, WS_CONTROL, 0, text);
	if (err == 0)
		(void)(pump(w, AS_FITS) == 0);
	return err;
}

void ws_client_close(struct ws_client *w, unsigned code, const char *reason)
{
	w->ops = NULL;
	if (!w->open && !w->busy) {
		break_off(w, 0, "");
		return;
	}
	ws_close(w->ws, code, reason);
	if (!w->busy)
		finish(w);
}

void ws_client_free(struct ws_client *w)
{
	if (!w)
		return;
	w->ops = NULL;
	if (w->busy)
		ws_close(w->ws, WS_GOING_AWAY, "");
	else
		break_off(w, 0, "");
}

/* --- in ---------------------------------------------------------------------------------- */

static void on_message(void *owner, enum ws_kind kind, struct bytes data)
{
	struct ws_client *w = owner;

	if (w->ops)
		w->ops->on_message(w->owner, kind, data);
}

static void take_frames(struct ws_client *w, struct bytes data)
{
	w->busy = true;
	enum ws_verdict v = ws_input(w->ws, data);
	w->busy = false;
	switch (v) {
	case WS_OPEN:
		if (pump(w, AS_FITS) != 0)
			break_off(w, 0, "the connection broke");
		break;
	case WS_OVER:
		finish(w);
		break;
	case WS_FAILED:
		break_off(w, 0, "memory ran out");
		break;
	}
}

static void set_tick(struct ws_client *w)
{
	/* The timer has its place since ws_client_new(): this cannot fail. */
	(void)(timer_set(w->home->loop, &w->timer,
			 loop_now_us(w->home->loop) + MIN(w->ping_us, w->silence_us) / 4) == 0);
}

/* 101: from here on there are frames. */
static void become_open(struct ws_client *w, struct bytes rest)
{
	w->open = true;
	w->heard_us = w->pinged_us = loop_now_us(w->home->loop);
	set_tick(w);
	w->busy = true;
	w->ops->on_open(w->owner, w->answer.chosen);
	w->busy = false;
	if (!w->ops) /* it was closed */
		finish(w);
	else if (rest.n)
		take_frames(w, rest);
}

static void take_answer(struct ws_client *w, enum ws_answer_verdict v, struct bytes rest)
{
	const struct ws_answer *a = &w->answer;

	switch (v) {
	case ANSWER_MORE:
		break;
	case ANSWER_OPEN:
		become_open(w, rest);
		break;
	case ANSWER_REFUSED:
		cut(w, &(struct ws_client_end){ .code = WS_ABNORMAL, .status = a->status,
						.retry_after_ms = a->retry_after_ms, .why = a->why });
		break;
	case ANSWER_BAD:
		break_off(w, -EPROTO, a->why);
		break;
	}
}

static void on_data(void *owner, struct bytes data)
{
	struct ws_client *w = owner;
	size_t used = 0;

	w->heard_us = loop_now_us(w->home->loop);
	if (w->open) {
		take_frames(w, data);
		return;
	}
	enum ws_answer_verdict v = ws_answer_input(&w->answer, data, &used);
	take_answer(w, v, bytes_sub(data, used, data.n - used));
}

static void on_eof(void *owner)
{
	struct ws_client *w = owner;

	if (w->open)
		break_off(w, 0, "the service closed the connection");
	else
		take_answer(w, ws_answer_end(&w->answer), (struct bytes){ 0 });
}

static void on_writable(void *owner)
{
	struct ws_client *w = owner;

	if (!w->open)
		return;
	if (pump(w, AS_FITS) != 0) {
		break_off(w, 0, "the connection broke");
	} else if (w->wants_writable && ws_client_queued(w) <= WS_BUDGET / 2) {
		w->wants_writable = false;
		if (w->ops && w->ops->on_writable)
			w->ops->on_writable(w->owner);
	}
}

static void on_conn_closed(void *owner, enum conn_end why)
{
	static const struct {
		int error;
		const char *why;
	} ends[] = {
		[CONN_EOF] = { -ECONNRESET, "the service closed the connection" },
		[CONN_RESET] = { -ECONNRESET, "the connection broke" },
		[CONN_SLOW] = { -ETIMEDOUT, "the service does not read" },
		[CONN_GARBAGE] = { -EPROTO, "TLS fails" },
		[CONN_FAILED] = { -ENOMEM, "memory ran out" },
		[CONN_STOPPED] = { -ECANCELED, "the server is closing" },
	};
	struct ws_client *w = owner;
	const char *text = why == CONN_GARBAGE && w->tls_why[0] ? w->tls_why : ends[why].why;

	w->conn = NULL; /* it is freed already */
	break_off(w, ends[why].error, text);
}

/* --- the way there --------------------------------------------------------------------------- */

static void send_request(void *owner)
{
	struct ws_client *w = owner;

	if (conn_write(w->conn, buf_bytes(&w->request)) != 0)
		return; /* on_closed, or the time limit, says so */
	buf_done(&w->request);
}

static const struct conn_ops conn_ops = {
	.on_data = on_data,
	.on_eof = on_eof,
	.on_writable = on_writable,
	.on_secure = send_request,
	.on_closed = on_conn_closed,
};

static const char *dial_why(int error)
{
	static const struct {
		int error;
		const char *why;
	} whys[] = {
		{ EHOSTUNREACH, "there is no such host" },
		{ ETIMEDOUT, "the host does not answer" },
		{ ECONNREFUSED, "the connection is refused" },
		{ ENOMEM, "memory ran out" },
	};

	for (size_t i = 0; i < ARRAY_LEN(whys); i++)
		if (whys[i].error == -error)
			return whys[i].why;
	return "the host cannot be reached";
}

static void on_dialled(void *owner, int fd, const struct addr *to)
{
	struct ws_client *w = owner;
	struct tls *tls = NULL;

	w->dial = NULL;
	if (fd < 0) {
		break_off(w, fd, dial_why(fd));
		return;
	}
	if (w->tls_ctx && tls_client_new(&tls, w->tls_ctx, w->host, w->tls_why) != 0) {
		close(fd);
		break_off(w, -ENOMEM, "memory ran out");
		return;
	}
	if (conn_open_out(&w->conn, w->home, fd, to, tls) != 0) {
		w->conn = NULL;
		break_off(w, -ENOMEM, "memory ran out");
		return;
	}
	conn_bind(w->conn, &conn_ops, w);
	if (!tls)
		send_request(w);
}

static void on_due(struct timer *t)
{
	struct ws_client *w = CONTAINER_OF(t, struct ws_client, timer);
	uint64_t now = loop_now_us(w->home->loop);

	if (!w->open) {
		if (w->answer.in_body) /* its body does not end: what there is must do */
			take_answer(w, ws_answer_end(&w->answer), (struct bytes){ 0 });
		else
			break_off(w, -ETIMEDOUT, "the service does not answer");
		return;
	}
	if (now >= w->heard_us + w->silence_us) {
		break_off(w, 0, "the service has gone silent");
		return;
	}
	if (w->over_us && now >= w->over_us + w->slow_us) {
		break_off(w, 0, "the service does not read");
		return;
	}
	int err = 0;
	if (now >= w->pinged_us + w->ping_us) {
		w->pinged_us = now;
		err = ws_ping(w->ws);
		if (err == 0)
			err = pump(w, AS_FITS);
	}
	if (err != 0)
		break_off(w, 0, "the connection broke");
	else
		set_tick(w);
}

/* --- what is asked ---------------------------------------------------------------------------- */

struct place {
	bool tls;
	struct bytes host; /* without brackets    */
	struct bytes site; /* host and port       */
	struct bytes path; /* with its query      */
	uint16_t port;
};

static const struct {
	const char *word;
	bool tls;
	uint16_t port;
} schemes[] = {
	{ "ws://", false, 80 }, { "wss://", true, 443 },
	{ "http://", false, 80 }, { "https://", true, 443 },
};

/* No white space, no control character, no user, no fragment: what could end up elsewhere than it seems. */
static bool is_clean(const char *url)
{
	for (const char *p = url; *p; p++)
		if (*p <= ' ' || *p >= 0x7f || strchr("\"<>\\^`{|}#", *p))
			return false;
	return true;
}

/* "name", "name:1", "[::1]:1" */
static bool read_site(struct place *p)
{
	struct bytes s = p->site;
	const uint8_t *colon;

	if (s.n && s.p[0] == '[') {
		const uint8_t *end = memchr(s.p, ']', s.n);

		if (!end)
			return false;
		p->host = bytes_sub(s, 1, (size_t)(end - s.p) - 1);
		s = bytes_sub(s, p->host.n + 2, s.n - p->host.n - 2);
		if (s.n && s.p[0] != ':')
			return false;
		colon = s.n ? s.p : NULL;
	} else {
		colon = s.n ? memchr(s.p, ':', s.n) : NULL;
		p->host = bytes_sub(s, 0, colon ? (size_t)(colon - s.p) : s.n);
	}
	if (colon && !addr_parse_port(bytes_sub(s, (size_t)(colon - s.p) + 1,
						s.n - (size_t)(colon - s.p) - 1), &p->port))
		return false;
	return p->host.n > 0 && p->host.n < HOST_MAX && p->port != 0;
}

static bool read_url(struct place *p, const char *url)
{
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t n = strlen(schemes[i].word);

		if (strncasecmp(url, schemes[i].word, n) != 0)
			continue;
		size_t site = strcspn(url + n, "/?");

		*p = (struct place){ .tls = schemes[i].tls, .port = schemes[i].port,
				     .site = bytes_of(url + n, site),
				     .path = bytes_str(url + n + site) };
		return is_clean(url) && !memchr(p->site.p, '@', p->site.n) && read_site(p);
	}
	return false;
}

/* RFC 9110, 5.5: a field in one line. */
static bool is_field(const char *f)
{
	const char *colon = strchr(f, ':');

	return colon && colon != f && !strpbrk(f, "\r\n");
}

/* RFC 6455, 4.1 */
static int write_request(struct ws_client *w, const struct place *at, const struct ws_client_params *p)
{
	struct buf *b = &w->request;
	bool has_path = at->path.n && at->path.p[0] == '/';

	buf_printf(b, "GET %s%.*s HTTP/1.1\r\nHost: %.*s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\nUser-Agent: voiced/" VERSION "\r\n",
		   has_path ? "" : "/", (int)at->path.n, (const char *)at->path.p, (int)at->site.n,
		   (const char *)at->site.p, w->answer.key);
	if (w->protocol)
		buf_printf(b, "Sec-WebSocket-Protocol: %s\r\n", w->protocol);
	for (size_t i = 0; i < WS_CLIENT_FIELDS; i++) {
		if (!p->fields[i] || !*p->fields[i])
			continue;
		if (!is_field(p->fields[i]))
			return -EINVAL;
		buf_puts(b, p->fields[i]);
		buf_puts(b, "\r\n");
	}
	buf_puts(b, "\r\n");
	return b->failed ? -ENOMEM : 0;
}

static int set_up(struct ws_client *w, const struct place *at, const struct ws_client_params *p)
{
	struct dial_params to = { .loop = w->home->loop, .host = w->host, .port = at->port };

	snprintf(w->host, sizeof(w->host), "%.*s", (int)at->host.n, (const char *)at->host.p);
	if (p->protocol && !(w->protocol = mem_strdup(p->protocol)))
		return -ENOMEM;
	ws_make_key(&env_system, w->answer.key);
	w->answer.protocol = w->protocol;
	int err = write_request(w, at, p);
	if (err == 0)
		err = ws_new_client(&w->ws, &env_system, p->message_max, on_message, w);
	if (err == 0)
		err = timer_set(w->home->loop, &w->timer, w->end_us);
	to.time_ms = p->open_ms ? p->open_ms : OPEN_MS;
	return err ? err : dial_start(&w->dial, &to, on_dialled, w);
}

int ws_client_new(struct ws_client **out, const struct ws_client_params *p,
		  const struct ws_client_ops *ops, void *owner)
{
	struct place at;

	if (!read_url(&at, p->url) || (at.tls && !p->tls))
		return -EINVAL;
	struct ws_client *w = mem_zalloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->home = p->home;
	w->tls_ctx = at.tls ? p->tls : NULL;
	w->timer.on_due = on_due;
	w->end_us = loop_now_us(p->home->loop) +
		    (uint64_t)(p->open_ms ? p->open_ms : OPEN_MS) * US_PER_MS;
	w->ping_us = p->ping_us ? p->ping_us : ping_us;
	w->silence_us = p->silence_us ? p->silence_us : silence_us;
	w->slow_us = p->slow_us ? p->slow_us : slow_us;
	int err = set_up(w, &at, p);
	if (err != 0) {
		release(w);
		return err;
	}
	w->ops = ops;
	w->owner = owner;
	*out = w;
	return 0;
}

#include "service/mcp_http.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "net/fetch.h"
#include "net/sse.h"

LOG_TOPIC("mcp");

enum {
	SESSION_MAX = 512,		/* octets of Mcp-Session-Id                           */
	VERSION_MAX = 24,
	ANSWER_MAX = 16 << 20,		/* octets of one answer, all its events together      */
	HEARD_MAX = 64 << 20,		/* octets of the stream of what is said unasked       */
	SILENCE_MS = 600000,		/* of an answer that has not come: calls end before   */
	NOTIFY_MS = 10000,		/* for a message that has no answer                   */
	DELETE_MS = 1000,		/* what the end may take                              */
	LISTEN_AGAIN_MS = 5000,
	QUEUE_MAX = 256,		/* messages that wait                                 */
};

enum kind { ASKS, TELLS, LISTENS, ENDS };

/* One HTTP request. The fetcher's thread fills what is under the lock, the loop takes it. */
struct exchange {
	struct node node; /* in way.running */
	struct mcp_way *w;
	struct fetch *fetch;
	enum kind kind;
	uint64_t id; /* of the JSON-RPC request, or 0 */
	/* the loop's */
	struct sse sse;
	struct buf json;
	bool streams, had_session;
	unsigned status;

	pthread_mutex_t lock; /* what follows */
	struct buf in;
	bool posted, done;
	bool head_is_new, is_stream;
	unsigned new_status;
	char session[SESSION_MAX + 1];
	int error;
	char why[HTTP_CLIENT_WHY];
};

/* A message that waits until what was told before has arrived: its order counts. */
struct waiting {
	struct node node;
	uint64_t id;
	struct buf message;
};

struct mcp_way {
	struct mcp_way_params p;
	struct list running, queue;
	size_t n_queue;
	unsigned n_telling;
	char session[SESSION_MAX + 1]; /* "": none */
	char version[VERSION_MAX];
	bool listening, deaf; /* deaf: it offers no stream of its own */
	bool closing;
	struct timer timer;
};

static void send_next(struct mcp_way *w);
static void listen_to(struct mcp_way *w);
static void end_if_done(struct mcp_way *w);

/* --- on the fetcher's thread ------------------------------------------------------------------------ */

static void on_news(void *payload);

/* With the lock held. */
static bool must_post(struct exchange *x)
{
	bool first = !x->posted;

	x->posted = true;
	return first;
}

static void post(struct exchange *x)
{
	loop_post_wait(x->w->p.loop, on_news, &x, sizeof(x));
}

static void on_head(void *owner, const struct fetch_head *h)
{
	struct exchange *x = owner;

	pthread_mutex_lock(&x->lock);
	x->new_status = h->status;
	x->is_stream = strncasecmp(h->content_type, "text/event-stream", 17) == 0;
	if (h->session)
		snprintf(x->session, sizeof(x->session), "%s", h->session);
	x->head_is_new = true;
	bool mine = must_post(x);
	pthread_mutex_unlock(&x->lock);
	if (mine)
		post(x);
}

static bool on_body(void *owner, struct bytes part)
{
	struct exchange *x = owner;

	pthread_mutex_lock(&x->lock);
	buf_put(&x->in, part.p, part.n);
	bool ok = !x->in.failed, mine = must_post(x);
	pthread_mutex_unlock(&x->lock);
	if (mine)
		post(x);
	return ok;
}

static void on_done(void *owner, int error, const char *why)
{
	struct exchange *x = owner;

	pthread_mutex_lock(&x->lock);
	x->error = error;
	snprintf(x->why, sizeof(x->why), "%s", why);
	x->done = true;
	bool mine = must_post(x);
	pthread_mutex_unlock(&x->lock);
	if (mine)
		post(x);
}

static const struct fetch_ops fetch_ops = { on_head, on_body, on_done };

/* --- requests ------------------------------------------------------------------------------------------ */

static void exchange_free(struct exchange *x)
{
	node_unlink(&x->node);
	sse_done(&x->sse);
	buf_done(&x->json);
	buf_done(&x->in);
	pthread_mutex_destroy(&x->lock);
	mem_free(x);
}

/* Room for our fields and the operator's or session's. */
struct field_texts {
	char session[SESSION_MAX + 32], version[VERSION_MAX + 32];
};

static void take_fields(const struct mcp_way *w, struct field_texts *t, const char **to, size_t room)
{
	size_t n = 0;

	/* "The client MUST include an Accept header, listing both" (basic/transports). */
	to[n++] = "Accept: application/json, text/event-stream";
	to[n++] = "Content-Type: application/json";
	if (*w->session) {
		snprintf(t->session, sizeof(t->session), "Mcp-Session-Id: %s", w->session);
		to[n++] = t->session;
	}
	if (*w->version) {
		snprintf(t->version, sizeof(t->version), "MCP-Protocol-Version: %s", w->version);
		to[n++] = t->version;
	}
	for (const char *const *f = w->p.fields; f && *f && n < room; f++)
		to[n++] = *f;
}

static const struct kind_rule {
	const char *method;
	unsigned time_ms, idle_ms;
	size_t answer_max;
} kind_rules[] = {
	[ASKS] = { "POST", SILENCE_MS, SILENCE_MS, ANSWER_MAX },
	[TELLS] = { "POST", NOTIFY_MS, NOTIFY_MS, ANSWER_MAX },
	[LISTENS] = { "GET", 0, 3600000, HEARD_MAX },
	[ENDS] = { "DELETE", DELETE_MS, DELETE_MS, ANSWER_MAX },
};

static int exchange_start(struct mcp_way *w, enum kind kind, uint64_t id, struct bytes message)
{
	const struct kind_rule *k = &kind_rules[kind];
	struct field_texts texts;
	struct fetch_request r = {
		.method = k->method,
		.http = { .url = w->p.url, .body = message, .time_ms = k->time_ms, .answer_max = k->answer_max },
		.idle_ms = k->idle_ms,
		.public_only = w->p.public_only,
	};
	struct exchange *x = mem_zalloc(sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->w = w;
	x->kind = kind;
	x->id = id;
	x->had_session = *w->session;
	pthread_mutex_init(&x->lock, NULL);
	sse_init(&x->sse, MCP_MESSAGE_MAX);
	take_fields(w, &texts, r.http.fields, HTTP_CLIENT_FIELDS);
	list_push(&w->running, &x->node);
	int err = fetch_start(&x->fetch, w->p.fetcher, &r, &fetch_ops, x);
	if (err)
		exchange_free(x);
	else
		w->n_telling += kind == TELLS;
	return err;
}

/* fetch_cancel() may be called as long as on_done has not been. */
static void exchange_cancel(struct exchange *x)
{
	pthread_mutex_lock(&x->lock);
	if (!x->done)
		fetch_cancel(x->fetch);
	pthread_mutex_unlock(&x->lock);
}

static void lost(struct mcp_way *w, uint64_t id, enum mcp_outcome o, int code, const char *why)
{
	if (id && !w->closing)
		w->p.sink->on_lost(w->p.owner, id, &(struct mcp_result){ o, code, why });
}

/* --- answers, on the loop -------------------------------------------------------------------------------- */

static void on_message(struct mcp_way *w, struct bytes m)
{
	if (m.n && !w->closing)
		w->p.sink->on_message(w->p.owner, m);
}

static bool on_event(void *owner, const struct sse_event *e)
{
	struct exchange *x = owner;

	if (strcmp(e->type, "message") == 0)
		on_message(x->w, bytes_of(e->data, e->n));
	return true;
}

static void on_part(struct exchange *x, struct bytes part)
{
	if (!x->streams) {
		buf_put(&x->json, part.p, part.n);
		return;
	}
	if (sse_push(&x->sse, part, on_event, x) != SSE_OK)
		exchange_cancel(x);
}

static void on_status(struct exchange *x, unsigned status, bool stream)
{
	struct mcp_way *w = x->w;

	x->status = status;
	x->streams = stream && status / 100 == 2;
	/* Given with the answer to initialize; goes along from there on. */
	if (x->kind == ASKS && status / 100 == 2 && *x->session)
		snprintf(w->session, sizeof(w->session), "%s", x->session);
	if (x->kind == LISTENS && status / 100 != 2)
		w->deaf = true;
}

static const char *why_status(unsigned status, char to[static 80])
{
	if (status == 401 || status == 403)
		snprintf(to, 80, "It does not accept our credentials (HTTP %u).", status);
	else if (status / 100 == 3)
		snprintf(to, 80, "It is somewhere else (HTTP %u); redirections are not followed.", status);
	else
		snprintf(to, 80, "It answered with HTTP %u.", status);
	return to;
}

/* "MUST respond with 404" to a session that is not known (basic/transports); many servers, the SDK's own
 * examples among them, say 400 and name the session. */
static bool has_forgotten(const struct exchange *x)
{
	if (!x->had_session || (x->status != 404 && x->status != 400))
		return false;
	return x->status == 404 || (x->json.n && memmem(x->json.p, x->json.n, "ession", 6));
}

/* The request is over: whoever waits for an answer that was not in it waits no longer. */
static void conclude(struct exchange *x)
{
	struct mcp_way *w = x->w;
	char why[80];

	if (x->error == 0 && x->status / 100 == 2) {
		if (!x->streams)
			on_message(w, buf_bytes(&x->json));
		lost(w, x->id, MCP_PROTOCOL_ERROR, -32603, "It gave no answer.");
	} else if (x->error == 0 && has_forgotten(x)) {
		/* "MUST start a new session by sending a new InitializeRequest without a session ID" */
		*w->session = *w->version = 0;
		if (x->id && !w->closing)
			w->p.sink->on_gone(w->p.owner, x->id);
	} else if (x->error == 0) {
		on_message(w, buf_bytes(&x->json)); /* may be an error of JSON-RPC */
		lost(w, x->id, MCP_HTTP_ERROR, (int)x->status, why_status(x->status, why));
	} else {
		log_debug("server=%s what=http why=\"%s\"", w->p.label, x->why);
		lost(w, x->id, MCP_HTTP_ERROR, x->error == -ETIMEDOUT ? 504 : 502,
		     x->error == -EACCES ? "Its address is not public." : "It cannot be reached.");
	}
}

static void on_listened(struct mcp_way *w)
{
	w->listening = false;
	if (w->closing || w->deaf)
		return;
	if (timer_set(w->p.loop, &w->timer, loop_now_us(w->p.loop) + (uint64_t)LISTEN_AGAIN_MS * US_PER_MS) != 0)
		w->deaf = true;
}

static void on_news(void *payload)
{
	struct exchange *x = *(struct exchange **)payload;
	struct mcp_way *w = x->w;

	pthread_mutex_lock(&x->lock);
	AUTO(buf) struct buf part = x->in;
	bool done = x->done, head = x->head_is_new;
	x->in = (struct buf){ 0 };
	x->posted = x->head_is_new = false;
	pthread_mutex_unlock(&x->lock);

	if (head)
		on_status(x, x->new_status, x->is_stream);
	if (part.n)
		on_part(x, buf_bytes(&part));
	if (!done)
		return;
	enum kind kind = x->kind;
	node_unlink(&x->node);
	conclude(x);
	exchange_free(x);
	w->n_telling -= kind == TELLS;
	if (kind == LISTENS)
		on_listened(w);
	send_next(w);
	end_if_done(w);
}

/* --- the way --------------------------------------------------------------------------------------------- */

static void waiting_free(struct waiting *q)
{
	node_unlink(&q->node);
	buf_done(&q->message);
	mem_free(q);
}

static void start_or_lose(struct mcp_way *w, uint64_t id, struct bytes message)
{
	if (exchange_start(w, id ? ASKS : TELLS, id, message) != 0)
		lost(w, id, MCP_PROTOCOL_ERROR, -32603, "The server is out of memory.");
}

/* What is told goes out alone: "initialized" must be there before what follows. */
static void send_next(struct mcp_way *w)
{
	while (!w->closing && !w->n_telling && !list_empty(&w->queue)) {
		struct waiting *q = CONTAINER_OF(list_pop(&w->queue), struct waiting, node);

		w->n_queue--;
		start_or_lose(w, q->id, buf_bytes(&q->message));
		waiting_free(q);
	}
}

static void way_send(struct mcp_way *w, uint64_t id, struct bytes message, const char *version)
{
	snprintf(w->version, sizeof(w->version), "%s", version);
	if (w->closing)
		return;
	if (!w->n_telling && list_empty(&w->queue)) {
		start_or_lose(w, id, message);
		return;
	}
	struct waiting *q = w->n_queue < QUEUE_MAX ? mem_zalloc(sizeof(*q)) : NULL;
	if (q)
		buf_put(&q->message, message.p, message.n);
	if (!q || q->message.failed) {
		if (q)
			waiting_free(q);
		lost(w, id, MCP_PROTOCOL_ERROR, -32603, "It does not read what it is asked.");
		return;
	}
	q->id = id;
	w->n_queue++;
	list_push(&w->queue, &q->node);
}

static void way_forget(struct mcp_way *w, uint64_t id)
{
	LIST_FOR(&w->queue, n)
		if (CONTAINER_OF(n, struct waiting, node)->id == id) {
			w->n_queue--;
			waiting_free(CONTAINER_OF(n, struct waiting, node));
		}
	LIST_FOR(&w->running, n)
		if (CONTAINER_OF(n, struct exchange, node)->id == id)
			exchange_cancel(CONTAINER_OF(n, struct exchange, node));
}

static void listen_to(struct mcp_way *w)
{
	if (w->closing || w->deaf || w->listening || !w->p.listen)
		return;
	w->listening = exchange_start(w, LISTENS, 0, (struct bytes){ 0 }) == 0;
}

static void on_due(struct timer *t)
{
	struct mcp_way *w = CONTAINER_OF(t, struct mcp_way, timer);

	if (w->closing)
		end_if_done(w);
	else
		listen_to(w);
}

static void way_ready(struct mcp_way *w)
{
	listen_to(w);
}

static int way_open(struct mcp_way **out, const struct mcp_way_params *p)
{
	struct mcp_way *w = mem_zalloc(sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->p = *p;
	w->timer.on_due = on_due;
	list_init(&w->running);
	list_init(&w->queue);
	*out = w;
	return 0;
}

static void end_if_done(struct mcp_way *w)
{
	if (!w->closing || !list_empty(&w->running))
		return;
	struct mcp_way_params p = w->p;

	timer_stop(p.loop, &w->timer);
	LIST_FOR(&w->queue, n)
		waiting_free(CONTAINER_OF(n, struct waiting, node));
	mem_free(w);
	p.sink->on_closed(p.owner, "It was closed.");
}

static void way_close(struct mcp_way *w)
{
	LIST_FOR(&w->running, n)
		exchange_cancel(CONTAINER_OF(n, struct exchange, node));
	if (*w->session && exchange_start(w, ENDS, 0, (struct bytes){ 0 }) != 0)
		log_debug("server=%s what=\"its session is left open\"", w->p.label);
	w->closing = true;
	if (list_empty(&w->running) && timer_set(w->p.loop, &w->timer, 0) != 0)
		log_error("server=%s what=\"out of memory\"", w->p.label);
}

const struct mcp_way_ops mcp_http_ops = { way_open, way_send, way_forget, way_ready, way_close };

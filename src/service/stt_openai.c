#include "service/stt_openai.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/env.h"
#include "service/remote.h"
#include "media/wav.h"
#include "net/sse.h"

enum {
	TURN_S = 120,
	TURN_MAX = TURN_S * STT_RATE_HZ,
	LEAST = STT_RATE_HZ / 4, /* services refuse less than 0.1 s: padded with silence */
	ANSWER_MAX = 1 << 20,
	BOUNDARY_LEN = 24,
	LANGUAGE_LEN = 16,
};

struct stt {
	struct remote remote;
	bool streams; /* the model writes as it hears */
};

/* One request about a turn's audio so far. */
struct ask {
	struct node node; /* in turn.asks, newest last */
	struct remote_call call;
	struct stt_turn *turn;
	size_t n;     /* samples that it is about */
	bool over;    /* its answer has come, or an error */
	/* The fetcher's thread: */
	bool events;
	struct buf answer; /* JSON; or, of events, the words so far */
	struct sse sse;
	char *done; /* the last event's whole text */
	bool failed;
};

struct stt_turn {
	struct relay relay;
	struct stt *engine;
	char language[LANGUAGE_LEN];
	char *prompt;
	int16_t *pcm; /* [TURN_MAX]: pages that nobody has spoken into take no memory */
	size_t n;
	bool overflown;
	struct list asks;
	struct ask *current; /* whose answer counts; or NULL */
	unsigned n_settling; /* settle()s that have no answer yet */
	bool ending;
	struct remote_call later; /* the end, where nothing has to be asked */
	char *settled; /* current's words, once they are there */
};

static const struct stt_sink *sink_of(const struct relay *r)
{
	return r->sink;
}

/* --- the request -------------------------------------------------------------------------------- */

static void put_field(struct buf *b, const char *boundary, const char *name, const char *value)
{
	if (value && value[0])
		buf_printf(b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", boundary, name, value);
}

static int write_request(struct remote_call *c, struct buf *body, char type[static 128])
{
	const struct ask *a = CONTAINER_OF(c, struct ask, call);
	const struct stt_turn *t = a->turn;
	const struct stt *e = t->engine;
	const char *model = e->remote.service->model;
	char boundary[8 + BOUNDARY_LEN + 1];

	env_id(&env_system, "voiced--", boundary, BOUNDARY_LEN);
	snprintf(type, 128, "multipart/form-data; boundary=%s", boundary);
	put_field(body, boundary, "model", model ? model : "whisper-1");
	put_field(body, boundary, "response_format", "json");
	put_field(body, boundary, "language", t->language);
	put_field(body, boundary, "prompt", t->prompt);
	put_field(body, boundary, "stream", e->streams ? "true" : NULL);
	buf_printf(body, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"turn.wav\"\r\n"
			 "Content-Type: audio/wav\r\n\r\n", boundary);
	size_t n = MAX(a->n, (size_t)LEAST);
	wav_write_head(body, STT_RATE_HZ, (uint32_t)(n * sizeof(*t->pcm)));
	buf_put(body, t->pcm, a->n * sizeof(*t->pcm));
	for (size_t i = a->n; i < n; i++)
		buf_put(body, &(int16_t){ 0 }, sizeof(int16_t));
	buf_printf(body, "\r\n--%s--\r\n", boundary);
	return body->failed ? -ENOMEM : 0;
}

/* --- the answer, on the fetcher's thread ------------------------------------------------------------ */

struct partial {
	struct ask *ask;
	char text[];
};

static void deliver_partial(struct relay *r, void *payload)
{
	const struct partial *p = payload;
	const struct stt_turn *t = CONTAINER_OF(r, struct stt_turn, relay);

	if (t->current == p->ask)
		sink_of(r)->on_partial(r->owner, r->ticket, p->text);
}

static void send_partial(struct ask *a)
{
	AUTO(buf) struct buf b = { 0 };
	const struct partial head = { a };

	buf_put(&b, &head, sizeof(head));
	buf_put(&b, a->answer.p, a->answer.n);
	buf_putc(&b, 0);
	if (!b.failed)
		relay_send(&a->turn->relay, RELAY_MORE, deliver_partial, b.p, b.n);
}

static bool on_event(void *owner, const struct sse_event *e)
{
	struct ask *a = owner;
	char why[160];
	AUTO(json) json_t *o = json_parse(bytes_of(e->data, e->n), why);
	const char *type = json_str(o, "type", ""), *delta = json_str(o, "delta", ""),
		   *text = json_str(o, "text", NULL);

	if (strcmp(type, "transcript.text.delta") == 0 && *delta) {
		buf_puts(&a->answer, delta);
		send_partial(a);
	} else if (strcmp(type, "transcript.text.done") == 0 && text) {
		mem_free(a->done);
		a->done = mem_strdup(text);
		a->failed |= !a->done;
	} else if (json_object_get(o, "error")) {
		a->failed = true;
	}
	return !a->failed;
}

static const char *on_head(struct remote_call *c, const struct fetch_head *h)
{
	struct ask *a = CONTAINER_OF(c, struct ask, call);

	a->events = strncasecmp(h->content_type, "text/event-stream", 17) == 0;
	return strncasecmp(h->content_type, "text/html", 9) == 0 ? "sent a page where words were asked for" : NULL;
}

static const char *on_part(struct remote_call *c, struct bytes part)
{
	struct ask *a = CONTAINER_OF(c, struct ask, call);

	if (!a->events) {
		buf_put(&a->answer, part.p, part.n);
		return NULL;
	}
	return sse_push(&a->sse, part, on_event, a) == SSE_OK ? NULL : "sent events that make no sense";
}

/* --- the end, on the loop -------------------------------------------------------------------------------- */

/* The words, which the caller frees; NULL: there are none in it. */
static char *words_of(const struct ask *a)
{
	char why[160];

	if (a->answer.failed || a->failed)
		return NULL;
	if (a->events)
		return a->done ? mem_strdup(a->done) : NULL;
	AUTO(json) json_t *o = json_parse(buf_bytes(&a->answer), why);
	const char *text = json_str(o, "text", NULL);
	return text ? mem_strdup(text) : NULL;
}

static void trim(char *s)
{
	size_t lead = strspn(s, " \t\r\n"), n = strlen(s);

	memmove(s, s + lead, n - lead + 1);
	for (n -= lead; n > 0 && strchr(" \t\r\n", s[n - 1]);)
		s[--n] = 0;
}

static void finish(struct stt_turn *t, const struct engine_error *e)
{
	struct relay *r = &t->relay;

	if (!relay_complete(r))
		return;
	if (e)
		sink_of(r)->on_error(r->owner, r->ticket, e);
	else
		sink_of(r)->on_final(r->owner, r->ticket, t->settled);
}

/* One on_settled for each settle(). The sink may cancel the turn in between: it is still held here. */
static void tell_settled(struct stt_turn *t, const char *text)
{
	struct relay *r = &t->relay;

	while (t->n_settling > 0 && !relay_cancelled(r)) {
		t->n_settling--;
		sink_of(r)->on_settled(r->owner, r->ticket, text);
	}
}

static void on_end(struct remote_call *c, const struct engine_error *e)
{
	static const struct engine_error senseless = { "engine_unavailable",
						       "The recogniser's service answered without words." };
	struct ask *a = CONTAINER_OF(c, struct ask, call);
	struct stt_turn *t = a->turn;

	a->over = true;
	if (t->current != a)
		return;
	mem_free(t->settled);
	t->settled = e ? NULL : words_of(a);
	if (t->settled)
		trim(t->settled);
	if (t->ending) {
		finish(t, t->settled ? NULL : e ? e : &senseless);
		return;
	}
	/* A pause whose words could not be had: the end asks again, and says what is wrong. */
	if (!t->settled)
		t->current = NULL;
	tell_settled(t, t->settled ? t->settled : "");
}

static const struct remote_ops remote_ops = {
	.path = "audio/transcriptions", .answer_max = ANSWER_MAX, .write = write_request, .head = on_head,
	.part = on_part, .end = on_end,
};

/* --- the turn ------------------------------------------------------------------------------------------------ */

static void ask_free(struct ask *a)
{
	remote_call_done(&a->call);
	buf_done(&a->answer);
	sse_done(&a->sse);
	mem_free(a->done);
	mem_free(a);
}

static void on_free(struct relay *r)
{
	struct stt_turn *t = CONTAINER_OF(r, struct stt_turn, relay);

	LIST_FOR (&t->asks, n)
		ask_free(CONTAINER_OF(n, struct ask, node));
	mem_free(t->settled);
	mem_free(t->prompt);
	mem_free(t->pcm);
	mem_free(t);
}

static void on_lost(struct relay *r)
{
	sink_of(r)->on_error(r->owner, r->ticket, &relay_no_memory);
}

static const struct relay_ops turn_ops = { .on_lost = on_lost, .on_free = on_free };

static void drop_current(struct stt_turn *t)
{
	if (t->current)
		remote_cancel(&t->current->call);
	t->current = NULL;
	mem_free(t->settled);
	t->settled = NULL;
}

static void ask_now(struct stt_turn *t)
{
	struct ask *a = mem_zalloc(sizeof(*a));

	drop_current(t);
	if (!a) {
		relay_lose(&t->relay);
		return;
	}
	a->turn = t;
	a->n = t->n;
	sse_init(&a->sse, ANSWER_MAX);
	list_push(&t->asks, &a->node);
	t->current = a;
	remote_start(&a->call, &t->engine->remote, &t->relay, &remote_ops);
}

static int openai_begin(struct stt *e, struct stt_turn **out, const struct stt_params *p, struct loop *loop,
			const struct stt_sink *sink, void *owner, uint64_t ticket)
{
	struct stt_turn *t = mem_zalloc(sizeof(*t));
	const char *language = p && p->language ? p->language : "", *prompt = p ? p->prompt : NULL;

	if (t)
		t->pcm = mem_alloc(TURN_MAX * sizeof(*t->pcm));
	if (!t || !t->pcm || (prompt && !(t->prompt = mem_strdup(prompt)))) {
		if (t)
			mem_free(t->pcm);
		mem_free(t);
		return -ENOMEM;
	}
	/* ISO 639-1: "en-US" is "en". */
	snprintf(t->language, sizeof(t->language), "%.*s", (int)strcspn(language, "-_"), language);
	t->engine = e;
	list_init(&t->asks);
	relay_init(&t->relay, &turn_ops, &e->remote.set, &(struct relay_to){ loop, sink, owner, ticket });
	*out = t;
	return 0;
}

static size_t openai_room(const struct stt_turn *t)
{
	return TURN_MAX - t->n;
}

static void openai_push(struct stt_turn *t, const int16_t *pcm, size_t n)
{
	size_t take = MIN(n, TURN_MAX - t->n);

	if (take)
		memcpy(t->pcm + t->n, pcm, take * sizeof(*pcm));
	t->n += take;
	t->overflown |= take < n;
}

static void openai_settle(struct stt_turn *t)
{
	t->n_settling++;
	ask_now(t);
}

static double power(const int16_t *pcm, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)pcm[i] * pcm[i];
	return n ? sum / (double)n : 0;
}

/* What came after the last question is no speech: 20 dB below what was asked about, in each 50 ms. */
static bool only_silence_since(const struct stt_turn *t)
{
	enum { PIECE = STT_RATE_HZ / 20 };
	size_t from = t->current->n;
	double limit = power(t->pcm, from) / 100;

	for (size_t at = from; at < t->n; at += PIECE)
		if (power(t->pcm + at, MIN(t->n - at, (size_t)PIECE)) > limit)
			return false;
	return from > 0;
}

static void on_later(struct remote_call *c, const struct engine_error *e)
{
	static const struct engine_error long_turn = { "engine_unavailable",
						       "This was longer than the recogniser's service takes in one piece." };
	struct stt_turn *t = CONTAINER_OF(c, struct stt_turn, later);

	(void)e;
	finish(t, t->overflown ? &long_turn : NULL);
}

static const struct remote_ops later_ops = { .end = on_later };

static void openai_end(struct stt_turn *t)
{
	t->ending = true;
	if (t->overflown || (t->current && t->settled && only_silence_since(t)))
		remote_later(&t->later, &t->engine->remote, &t->relay, &later_ops);
	else if (!t->current || t->current->over || !only_silence_since(t))
		ask_now(t);
	/* else the answer that is on its way is the final one */
}

static void openai_cancel(struct stt_turn *t)
{
	if (t->current)
		remote_cancel(&t->current->call);
	remote_cancel(&t->later);
	relay_cancel(&t->relay);
}

static void openai_free(struct stt *e)
{
	if (!e)
		return;
	remote_done(&e->remote);
	mem_free(e);
}

int stt_openai_new(struct stt **out, struct fetcher *f, const struct service *s)
{
	struct stt *e = mem_zalloc(sizeof(*e));
	int r = e ? remote_init(&e->remote, f, s) : -ENOMEM;

	if (r != 0) {
		mem_free(e);
		return r;
	}
	e->streams = s->model && strcasestr(s->model, "gpt-4o") && strcasestr(s->model, "transcribe");
	*out = e;
	return 0;
}

uint64_t stt_openai_rest_ms(struct stt *e)
{
	return remote_rest_ms(&e->remote);
}

const struct stt_ops stt_openai_ops = {
	.name = "openai", .caps = STT_PARTIALS | STT_SETTLED_IS_FINAL, .begin = openai_begin, .room = openai_room,
	.push = openai_push, .settle = openai_settle, .end = openai_end, .cancel = openai_cancel, .free = openai_free,
};

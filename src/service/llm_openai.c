#include "service/llm_openai.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/env.h"
#include "base/log.h"
#include "service/chat_body.h"
#include "service/chat_stream.h"
#include "service/credential.h"
#include "engine/relay.h"
#include "service/remote.h"
#include "net/fetch.h"

LOG_TOPIC("llm");

enum {
	ANSWER_MAX = 8 << 20,
	REFUSAL_MAX = 1 << 14, /* octets of an error that are read */
	TIME_MS = 600000,
	AMENDMENTS = 3,
};

struct llm {
	struct fetcher *f;
	const struct service *s;
	struct credential *credential;
	char *url;
	struct relay_set set;
	pthread_mutex_t lock; /* the rest */
	struct list jobs;
	struct chat_shape shape; /* what the service takes, as far as we know */
	struct warm warm;
	bool closing;
	uint64_t rest_until_us;
};

struct llm_job {
	struct relay relay;
	struct llm *e;
	struct node node; /* under e->lock */
	struct fetch *x;  /* under e->lock; NULL: nothing is under way */
	/* the fetcher's thread's */
	struct chat_shape shape;
	struct buf body;
	unsigned n_amended;
	unsigned status;
	bool told;    /* the completion */
	bool reading; /* `stream` is there */
	struct chat_stream stream;
	struct buf refusal;
};

/* --- to the loop -------------------------------------------------------------------------------- */

static const struct llm_sink *sink_of(const struct relay *r)
{
	return r->sink;
}

static void deliver_text(struct relay *r, void *text)
{
	sink_of(r)->on_text(r->owner, r->ticket, text);
}

/* The name, a NUL, the arguments. */
static void deliver_call(struct relay *r, void *payload)
{
	const char *name = payload;

	sink_of(r)->on_call(r->owner, r->ticket, name, name + strlen(name) + 1);
}

struct ending {
	enum llm_finish finish;
	struct llm_usage usage;
	char code[32], message[CHAT_WHY];
};

static void deliver_done(struct relay *r, void *payload)
{
	const struct ending *e = payload;

	sink_of(r)->on_done(r->owner, r->ticket, e->finish, &e->usage);
}

static void deliver_error(struct relay *r, void *payload)
{
	const struct ending *e = payload;

	sink_of(r)->on_error(r->owner, r->ticket, &(struct engine_error){ e->code, e->message });
}

static void on_lost(struct relay *r)
{
	sink_of(r)->on_error(r->owner, r->ticket, &relay_no_memory);
}

static void stream_over(struct llm_job *j)
{
	if (j->reading)
		chat_stream_done(&j->stream);
	j->reading = false;
}

static void on_free(struct relay *r)
{
	struct llm_job *j = CONTAINER_OF(r, struct llm_job, relay);

	stream_over(j);
	buf_done(&j->body);
	buf_done(&j->refusal);
	mem_free(j);
}

static const struct relay_ops relay_ops = { .on_lost = on_lost, .on_free = on_free };

/* --- the fetcher's thread: an answer ------------------------------------------------------------- */

static void tell_text(void *owner, const char *text)
{
	struct llm_job *j = owner;

	relay_send(&j->relay, RELAY_MORE, deliver_text, text, strlen(text) + 1);
}

static void tell_call(void *owner, const char *name, const char *arguments)
{
	struct llm_job *j = owner;
	AUTO(buf) struct buf both = { 0 };

	buf_put(&both, name, strlen(name) + 1);
	buf_put(&both, arguments, strlen(arguments) + 1);
	if (both.failed)
		relay_lose(&j->relay);
	else
		relay_send(&j->relay, RELAY_MORE, deliver_call, both.p, both.n);
}

static const struct chat_stream_ops stream_ops = { tell_text, tell_call };

/* detail: for the log. */
static void tell_error(struct llm_job *j, const char *code, const char *message, const char *detail)
{
	struct ending e = { .finish = LLM_STOP };

	if (j->told)
		return;
	j->told = true;
	snprintf(e.code, sizeof(e.code), "%s", code);
	snprintf(e.message, sizeof(e.message), "%s", message);
	log_warn("failed service=%s status=%u code=%s: %s", j->e->s->host, j->status, code, detail);
	relay_send(&j->relay, RELAY_LAST, deliver_error, &e, sizeof(e));
}

static void tell_done(struct llm_job *j)
{
	const struct chat_stream *c = &j->stream;
	struct ending e = { .finish = c->finish, .usage = c->usage };

	if (j->told)
		return;
	j->told = true;
	/* A service that tells no usage: four octets are about a token. */
	if (!e.usage.input_tokens)
		e.usage.input_tokens = (int)(j->body.n / 4);
	if (!e.usage.output_tokens)
		e.usage.output_tokens = (int)((c->n_text + 3) / 4);
	relay_send(&j->relay, RELAY_LAST, deliver_done, &e, sizeof(e));
}

static void tell_state(struct llm_job *j, enum chat_state s)
{
	switch (s) {
	case CHAT_READING:
		break;
	case CHAT_FINISHED:
		tell_done(j);
		break;
	case CHAT_FAILED:
		tell_error(j, j->stream.code, j->stream.why, j->stream.why);
		break;
	}
}

static void on_head(void *owner, const struct fetch_head *h)
{
	struct llm_job *j = owner;
	struct llm *e = j->e;

	j->status = h->status;
	pthread_mutex_lock(&e->lock);
	/* Only those that may come again say when: what others say is no rest. */
	if (h->status == 429 || h->status >= 500)
		e->rest_until_us = h->retry_after_ms
					   ? env_now(&env_system) + h->retry_after_ms * US_PER_MS
					   : 0;
	else if (h->status == 200)
		e->rest_until_us = 0;
	if (h->status == 200 && j->n_amended)
		e->shape = j->shape;
	pthread_mutex_unlock(&e->lock);
	if (h->status != 200)
		return;
	j->reading = true;
	tell_state(j, chat_stream_init(&j->stream, h->content_type, &stream_ops, j));
}

static bool on_body(void *owner, struct bytes part)
{
	struct llm_job *j = owner;

	if (relay_cancelled(&j->relay) && !j->told)
		return false;
	if (j->reading) {
		enum chat_state s = chat_stream_push(&j->stream, part);

		tell_state(j, s);
		/* What follows the end keeps the connection usable; what follows a failure is worth nothing. */
		return s != CHAT_FAILED;
	}
	buf_put(&j->refusal, part.p,
		MIN(part.n, REFUSAL_MAX - MIN(j->refusal.n, (size_t)REFUSAL_MAX)));
	return !j->refusal.failed;
}

/* --- the fetcher's thread: refusals -------------------------------------------------------------- */

static const struct refusal {
	unsigned from, to;
	const char *code, *text;
	bool quote; /* it is about the request; what is about us stands in the log only */
} refusals[] = {
	{ 401, 403, "engine_unavailable", "The language model's service does not let us in", false },
	{ 404, 404, "engine_unavailable", "The language model's service does not know the model", false },
	{ 408, 408, "engine_unavailable", "The language model's service was too slow", false },
	{ 429, 429, "rate_limit_exceeded", "The language model's service is at its limit", false },
	{ 300, 399, "engine_unavailable", "The language model's service has moved", false },
	{ 400, 499, "engine_refused", "The language model's service refused the request", true },
	{ 500, 599, "engine_unavailable", "The language model's service is in trouble", false },
	{ 0, 999, "engine_failed", "The language model's service answered in an unknown way", false },
};

static void tell_refusal(struct llm_job *j)
{
	const struct refusal *r = refusals;
	char said[CHAT_WHY], param[64], text[CHAT_WHY];

	while (j->status < r->from || j->status > r->to)
		r++;
	chat_error_read(buf_bytes(&j->refusal), said, param);
	if (r->quote && said[0])
		snprintf(text, sizeof(text), "%s (status %u): %.120s", r->text, j->status, said);
	else
		snprintf(text, sizeof(text), "%s (status %u).", r->text, j->status);
	bool filtered = strstr(said, "content management policy") || strstr(said, "content_filter");
	tell_error(j, filtered && j->status == 400 ? "content_filter" : r->code, text, said);
}

/* Where the service is and what is wrong with its connection is not for clients. */
static void tell_failure(struct llm_job *j, int error, const char *why)
{
	if (error == -EMSGSIZE)
		tell_error(j, "engine_failed", "The language model's answer is too long.", why);
	else
		tell_error(j, "engine_unavailable",
			   error == -ETIMEDOUT ? "The language model's service did not answer in time."
					       : "The language model's service cannot be reached.",
			   why);
}

static int ask(struct llm_job *j, char why[static CREDENTIAL_WHY]);

/* With another body, where that is what the service wants. */
static bool ask_again(struct llm_job *j)
{
	char said[CHAT_WHY], param[64], why[CREDENTIAL_WHY];

	if ((j->status != 400 && j->status != 422) || j->n_amended == AMENDMENTS ||
	    relay_cancelled(&j->relay))
		return false;
	chat_error_read(buf_bytes(&j->refusal), said, param);
	j->n_amended++;
	if (!chat_body_amend(&j->body, &j->shape, param, said))
		return false;
	buf_done(&j->refusal);
	return ask(j, why) == 0;
}

static void on_done(void *owner, int error, const char *why)
{
	struct llm_job *j = owner;
	struct llm *e = j->e;

	pthread_mutex_lock(&e->lock);
	j->x = NULL;
	pthread_mutex_unlock(&e->lock);
	if (!j->reading && error == 0 && ask_again(j))
		return;
	if (!j->reading && error == 0 && j->status == 401)
		credential_refused(e->credential);
	if (j->reading && !j->told)
		tell_state(j, chat_stream_end(&j->stream, error != 0));
	else if (error != 0 && !j->told)
		tell_failure(j, error, why);
	else if (!j->told)
		tell_refusal(j);
	pthread_mutex_lock(&e->lock);
	node_unlink(&j->node);
	pthread_mutex_unlock(&e->lock);
	relay_release(&j->relay);
}

static const struct fetch_ops fetch_ops = { on_head, on_body, on_done };

/* --- asking ------------------------------------------------------------------------------------------ */

static int ask(struct llm_job *j, char why[static CREDENTIAL_WHY])
{
	struct llm *e = j->e;
	char field[CREDENTIAL_FIELD];
	int error = credential_field(e->credential, field, why);

	if (error == -EAGAIN)
		snprintf(why, CREDENTIAL_WHY,
			 "The language model's service is not ready: its token is on its way.");
	if (error)
		return error;
	const struct fetch_request r = {
		.http = { .url = e->url,
			  .body = buf_bytes(&j->body),
			  .fields = { "Content-Type: application/json",
				      "Accept: text/event-stream, application/json",
				      field[0] ? field : NULL },
			  .time_ms = TIME_MS,
			  .answer_max = ANSWER_MAX },
		.idle_ms = e->s->timeout_ms,
	};
	pthread_mutex_lock(&e->lock);
	error = e->closing ? -ECANCELED : fetch_start(&j->x, e->f, &r, &fetch_ops, j);
	pthread_mutex_unlock(&e->lock);
	return error;
}

static int llm_openai_start(struct llm *e, struct llm_job **out, const struct llm_request *r,
			    struct loop *loop, const struct llm_sink *sink, void *owner,
			    uint64_t ticket)
{
	struct llm_job *j = mem_zalloc(sizeof(*j));
	char why[CREDENTIAL_WHY] = "";

	if (!j)
		return -ENOMEM;
	j->e = e;
	pthread_mutex_lock(&e->lock);
	j->shape = e->shape;
	pthread_mutex_unlock(&e->lock);
	if (!chat_body_write(&j->body, &j->shape, r)) {
		buf_done(&j->body);
		mem_free(j);
		return -ENOMEM;
	}
	relay_init(&j->relay, &relay_ops, &e->set, &(struct relay_to){ loop, sink, owner, ticket });
	relay_hold(&j->relay);
	pthread_mutex_lock(&e->lock);
	list_push(&e->jobs, &j->node);
	pthread_mutex_unlock(&e->lock);
	int error = ask(j, why);
	if (error == 0) {
		*out = j;
		return 0;
	}
	pthread_mutex_lock(&e->lock);
	node_unlink(&j->node);
	pthread_mutex_unlock(&e->lock);
	if (why[0])
		log_warn("not asked service=%s: %s", e->s->host, why);
	relay_cancel(&j->relay);
	relay_release(&j->relay);
	return error;
}

static void llm_openai_cancel(struct llm_job *j)
{
	struct llm *e = j->e;

	pthread_mutex_lock(&e->lock);
	if (j->x)
		fetch_cancel(j->x);
	pthread_mutex_unlock(&e->lock);
	relay_cancel(&j->relay);
}

/* --- the engine ---------------------------------------------------------------------------------------- */

static bool is_azure(const struct service *s)
{
	return s->api != SERVICE_OPENAI;
}

/* Those who made the interface have renamed the limit; the others mostly know the old name only. */
static const char *limit_name(const struct service *s)
{
	bool theirs = is_azure(s) || strstr(s->host, "openai.com");

	return theirs ? "max_completion_tokens" : "max_tokens";
}

static void llm_openai_free(struct llm *e)
{
	if (!e)
		return;
	pthread_mutex_lock(&e->lock);
	e->closing = true;
	LIST_FOR(&e->jobs, n) {
		struct llm_job *j = CONTAINER_OF(n, struct llm_job, node);

		if (j->x)
			fetch_cancel(j->x);
	}
	pthread_mutex_unlock(&e->lock);
	warm_done(&e->warm);
	relay_set_done(&e->set);
	credential_free(e->credential);
	pthread_mutex_destroy(&e->lock);
	mem_free(e->url);
	mem_free(e);
}

int llm_openai_new(struct llm **out, struct fetcher *f, const struct service *s)
{
	if (strncmp(s->url, "http", 4) != 0)
		return -EINVAL;
	struct llm *e = mem_zalloc(sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->f = f;
	e->s = s;
	e->shape = (struct chat_shape){ s->model, limit_name(s), true, true, NULL };
	relay_set_init(&e->set, NULL);
	pthread_mutex_init(&e->lock, NULL);
	warm_init(&e->warm, f, s->url);
	list_init(&e->jobs);
	AUTO(buf) struct buf url = { 0 };
	remote_url(s, "chat/completions", &url);
	e->url = buf_take(&url);
	if (!e->url || credential_new(&e->credential, f, s) != 0) {
		llm_openai_free(e);
		return -ENOMEM;
	}
	*out = e;
	return 0;
}

uint64_t llm_openai_rest_ms(struct llm *e)
{
	uint64_t now = env_now(&env_system);

	pthread_mutex_lock(&e->lock);
	uint64_t until = e->rest_until_us;
	pthread_mutex_unlock(&e->lock);
	return until > now ? (until - now) / US_PER_MS + 1 : 0;
}

const struct llm_ops llm_openai_ops = {
	.name = "openai",
	.start = llm_openai_start,
	.cancel = llm_openai_cancel,
	.free = llm_openai_free,
};

/* seat.h - inside of api/: what a handler sees. */
#pragma once

#include <stdatomic.h>

#include "api/api.h"
#include "api/reach.h"
#include "api/secrets.h"
#include "rtc/answer.h"
#include "base/list.h"
#include "base/loop.h"

/* Requests that came before the service was ready (waiting.c). */
struct waiting {
	struct list list;
	struct timer look;
};

/* One loop's part. Touched by its loop only. */
struct seat {
	struct api *api;
	struct loop *loop;
	size_t index;
	struct calls *calls;
	struct udp *udp;
	struct secrets *secrets;
	struct list list; /* struct call, every one of this loop */
	struct list sockets; /* of websocket_leg */
	struct waiting waiting;
};

struct api {
	struct api_params p;
	struct seat *seats;
	struct calls **all_calls; /* [n_loops] */
	struct addr candidates[ANSWER_CANDIDATES_MAX];
	char **questions;
	char *https_url, *data, *collection, *record;
	bool limited; /* requests without a client secret are for these groups only */
	char groups[LABELS_SIZE];
	atomic_size_t sessions; /* now, over all loops */
	atomic_ulong sessions_total, refused_total, requests_total;
};

/* A request on its way to a handler. */
struct request {
	struct seat *seat;
	struct http_exchange *ex;
	const struct http_request *http;
	const char *id; /* what {id} stood for, or NULL; lives with the exchange's request */
	size_t id_len;
	const struct entry *entry; /* of the routes that open sessions, or NULL */
	bool by_token;             /* let in by a client secret: */
	struct claims token;       /* of these claims            */
};

typedef void handler(struct request *r);

/* "Ready" means that a question asked now is answered. One that is asked before waits here, up
 * to 30 s (then 503 with Retry-After), and is handed to `handle` when the service is ready.
 * false: it is ready now. Nothing is held but the exchange. */
MUST_USE bool seat_holds(struct request *r, handler *handle);
void waiting_begin(struct seat *s);
void waiting_end(struct seat *s); /* 503 for all */

/* Whoever may start a session: counts it, or answers 503 and returns false. */
MUST_USE bool seat_admit(struct request *r);
MUST_USE bool seat_count(struct api *a); /* the same, without an answer */
void seat_release(struct api *a);

/* What the request's client secret is bound to: a session object, or {collection?, groups}. *out:
 * a new reference; NULL: nothing of the kind. NULL, or why it cannot be told. */
enum grant { GRANT_SESSION, GRANT_ACCESS };
MUST_USE const struct http_refusal *seat_find_bound(struct request *r, enum grant which, json_t **out);
/* For whoever starts a session, before it is made. Puts into *p what the request's token says:
 * kind, dialect, duration and, under the object posted with the request (borrowed; NULL: none),
 * the session object it is bound to; p->model, whoever named it, must be one that is offered.
 * *config: a new reference or NULL; it must outlive p.
 * NULL, or why it cannot be. */
MUST_USE const struct http_refusal *seat_bind_token(struct request *r, json_t *posted,
						    struct session_params *p, json_t **config);
/* Counts the session against the token's max_sessions: last of all, when nothing else can
 * refuse it. NULL, or why not. */
MUST_USE const struct http_refusal *seat_spend_token(struct request *r);
/* Answers with such a reason, in the way of the endpoint. */
void seat_refuse(struct request *r, const struct http_refusal *why);

/* Who pays for what the request begins. */
struct payers seat_payers(const struct request *r);

/* JSON out. Takes the reference; NULL (no memory) becomes 503. */
void reply_json(struct http_exchange *ex, unsigned status, json_t *o);
void reply_no_memory(struct http_exchange *ex);
/* 405, naming the verbs of the path (bits; HEAD goes with GET), as RFC 9110, 15.5.6 wants. */
void refuse_verb(struct http_exchange *ex, unsigned served);

/* The session's default parameters for this service, and what it may be about; p borrows from
 * *reach. false: answered, as by seat_reach(). */
MUST_USE bool seat_session_params(struct request *r, struct reach *reach, struct session_params *p);

/* Handlers, by file. */
void get_status(struct request *r);
void get_health(struct request *r);
void get_metrics(struct request *r);
void post_login(struct request *r);
void get_page(struct request *r);
void post_search(struct request *r);
void get_documents(struct request *r);
void get_document(struct request *r);
void get_document_text(struct request *r);
void post_documents(struct request *r);
void delete_document(struct request *r);
void get_ingest(struct request *r);
void get_ingest_job(struct request *r);
void post_embeddings(struct request *r);
void post_transcriptions(struct request *r);
void post_speech(struct request *r);
void post_chat_completions(struct request *r);
void get_models(struct request *r);
void get_model(struct request *r);
void get_realtime(struct request *r);
void post_client_secrets(struct request *r);
void post_call(struct request *r);
void get_call(struct request *r);
void post_call_offer(struct request *r);
void post_call_hangup(struct request *r);
void post_call_accept(struct request *r);
void post_call_reject(struct request *r);
void post_call_refer(struct request *r);
void get_voice_live_call(struct request *r);
void post_sessions(struct request *r);
void post_transcription_sessions(struct request *r);
void post_session_begin(struct request *r);

/* End the calls of a seat, now (no op follows) or by a goodbye. */
void calls_drain(struct seat *s);
void calls_end(struct seat *s);

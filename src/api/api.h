/* api.h - the HTTP and WebSocket routes of the service, one seat on each loop.
 *
 *   GET  /                              the page (web/, embedded)
 *   GET  /healthz                       200 when a question asked now is answered, else 503
 *   GET  /metrics                       counters, Prometheus text format
 *   GET  /api/status                    what the page needs to know
 *   POST /api/login                     a one-time code for a cookie
 *   POST /api/search                    {query|searchKey, k?}: passages, best first
 *   GET  /api/documents                 all of a collection that who asks may read
 *   POST /api/documents                 documents, raw (?name=) or in a form
 *   GET  /api/documents/{id}            one
 *   DELETE /api/documents/{id}          removes it
 *   GET  /api/documents/{id}/text       ?start=&end= : a piece of its text
 *   GET  /api/ingest                    what is being read, and how far it is
 *   GET  /api/ingest/{id}               what has become of an upload
 *   POST /v1/embeddings                 {input, model?, encoding_format?, dimensions?}: vectors
 *   POST /v1/audio/transcriptions       a form with an audio file: its words
 *   POST /v1/audio/speech               {input, voice?, response_format?, …}: it aloud
 *   POST /v1/chat/completions           {messages, tools?, stream?, …}: an answer from the documents
 *   GET  /v1/models, /v1/models/{id}    names that mean something here
 *   GET  /v1/realtime                   WebSocket: a session
 *   POST /v1/realtime/client_secrets    a key for one browser (token.h), bound to a session object
 *   POST /v1/realtime/calls             an SDP offer (raw, or multipart with `session`): a WebRTC call
 *   GET  /v1/realtime/calls/{id}        what goes on inside a call, for whoever looks for a cause
 *   POST /v1/realtime/calls/{id}        a further offer of the same call
 *   POST /v1/realtime/calls/{id}/hangup ends it
 *
 * A session, a search and the list of documents are about the served collection, or the one
 * that ?collection=NAME names; 404 where there is none; and about what is labelled for the
 * groups of who asks (reach.h).
 *
 * Call ids carry the loop that owns the call ("rtc_" loop in base 36, two digits, random);
 * a request for a call of another loop is moved there.
 *
 * What is about a collection and comes before the service is ready waits until it is, for
 * 30 s at most; nothing else waits.
 *
 * struct api is made and freed on the main thread while no loop runs. Requests are served
 * on their loops; what blocks goes to the turn pool.
 */
#pragma once

#include "api/auth.h"
#include "engine/ops.h"
#include "leg/calls.h"
#include "net/http_server.h"
#include "rtc/dtls.h"

struct api;
struct budgets;
struct intake;
struct pool;
struct searcher;
struct udp;

struct api_params {
	const struct env *env;
	struct loop *const *loops; /* copied */
	size_t n_loops;
	/* For sessions over the documents of *collection, which becomes a name that lives as long
	 * as the engines. NULL: there is no such collection. Any thread. */
	const struct engines *(*engines_of)(void *ctx, const char **collection);
	struct pool *turn;
	struct searcher *searcher;
	struct intake *intake;  /* outlives the loops' last request; NULL: nothing is taken in */
	const char *data;       /* directory of the store */
	const char *collection; /* of requests that name none; there is one of this name */
	const char *groups;     /* of requests without a client secret (labels.h); NULL: all; copied */
	struct budgets *budgets; /* who pays for sessions; NULL: nobody */
	struct auth *auth;
	struct cert *cert;
	struct sctp_service *sctp;
	const struct addr *candidates; /* copied */
	size_t n_candidates;
	const char *const *questions;  /* the page suggests them; copied */
	size_t n_questions;
	const char *const *models;     /* that may be asked for; n_models 0: any; borrowed */
	size_t n_models;
	bool middle_tier;              /* GET /realtime without a model is one (docs/protocol.md) */
	uint64_t grace_us;             /* that a call outlives its control socket; 0: 30 s */
	uint64_t max_session_us;       /* life of a session; 0: as the service has it */
	size_t max_sessions;           /* over all loops */
	const char *record;            /* directory, or NULL */
	const char *https_url;         /* for people on other machines; "" or NULL: none */
	bool (*ready)(void *ctx);      /* any thread */
	/* For the status and /metrics; NULL: nothing is told. Any thread; no memory: NULL, to->failed. */
	json_t *(*engines_shown)(void *ctx);
	void (*engines_metrics)(void *ctx, struct buf *to);
	void *ctx;                     /* of these functions */
};

MUST_USE int api_new(struct api **out, const struct api_params *p);
void api_free(struct api *a); /* after the HTTP server; ends what calls are left */
AUTO_DEF(api)

extern const struct http_ops api_http_ops; /* ctx: struct api */

/* The UDP socket of each loop, for what the calls send. Before the loops run. */
void api_set_udp(struct api *a, size_t loop, struct udp *u);
/* A datagram of loop `loop`'s socket. On that loop. RT */
void api_datagram(struct api *a, size_t loop, struct bytes d, const struct addr *from,
		  uint64_t now_us);
/* Begin to end all calls and WebSocket sessions of this loop. On that loop. */
void api_drain(struct api *a, size_t loop);

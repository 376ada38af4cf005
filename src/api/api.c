#include "api/entry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/page.h"
#include "base/alloc.h"
#include "base/loop.h"
#include "leg/websocket_leg.h"
#include "net/udp.h"
#include "net/websocket.h"

/* --- routes --------------------------------------------------------------------------------- */

enum {
	KEY_MAX = 8192, /* of a key in the query; twice what clients are known to use */
	UPLOAD_MAX = 52 << 20, /* one document of the largest size, and what a form puts around it */
	AUDIO_MAX = 26 << 20, /* likewise: 25 MB of audio */
};
enum access { OPEN, KEYED, KEY_ALONE /* no client secret will do */ };

/* clang-format off */
#define CALLS(path, entry) \
	{ VERB_POST, path,                 KEYED, 1 << 20, post_call,        entry }, \
	{ VERB_GET,  path "/{id}",         KEYED, 0,       get_call,         entry }, \
	{ VERB_POST, path "/{id}",         KEYED, 1 << 20, post_call_offer,  entry }, \
	{ VERB_POST, path "/{id}/hangup",  KEYED, 4096,    post_call_hangup, entry }, \
	{ VERB_POST, path "/{id}/accept",  KEYED, 1 << 19, post_call_accept, entry }, \
	{ VERB_POST, path "/{id}/reject",  KEYED, 4096,    post_call_reject, entry }, \
	{ VERB_POST, path "/{id}/refer",   KEYED, 4096,    post_call_refer,  entry }

static const struct route {
	enum http_verb verb;
	const char *path;   /* {id} stands for one element */
	enum access access;
	size_t body_max;    /* 0: the default */
	handler *handle;
	const struct entry *entry; /* of what opens or mints sessions */
} routes[] = {
	{ VERB_GET,  "/healthz",                       OPEN,  0,        get_health, NULL },
	{ VERB_GET,  "/metrics",                       KEYED, 0,        get_metrics, NULL },
	{ VERB_GET,  "/api/status",                    KEYED, 0,        get_status, NULL },
	{ VERB_POST, "/api/login",                     OPEN,  4096,     post_login, NULL },
	{ VERB_POST, "/api/search",                    KEYED, 65536,    post_search, NULL },
	{ VERB_GET,  "/api/documents",                 KEYED, 0,        get_documents, NULL },
	{ VERB_POST, "/api/documents",                 KEY_ALONE, UPLOAD_MAX, post_documents, NULL },
	{ VERB_GET,  "/api/documents/{id}",            KEYED, 0,        get_document, NULL },
	{ VERB_DELETE, "/api/documents/{id}",          KEY_ALONE, 4096, delete_document, NULL },
	{ VERB_GET,  "/api/documents/{id}/text",       KEYED, 0,        get_document_text, NULL },
	{ VERB_GET,  "/api/ingest",                    KEY_ALONE, 0,        get_ingest, NULL },
	{ VERB_GET,  "/api/ingest/{id}",               KEY_ALONE, 0,        get_ingest_job, NULL },

	{ VERB_POST, "/v1/embeddings",                 KEYED, 4 << 20,  post_embeddings, NULL },
	{ VERB_POST, "/v1/audio/transcriptions",                      KEYED, AUDIO_MAX, post_transcriptions, NULL },
	{ VERB_POST, "/v1/audio/speech",                              KEYED, 65536,    post_speech, NULL },
	{ VERB_POST, "/v1/chat/completions",                          KEYED, 4 << 20,  post_chat_completions, NULL },
	{ VERB_POST, "/openai/v1/audio/transcriptions",               KEYED, AUDIO_MAX, post_transcriptions, NULL },
	{ VERB_POST, "/openai/v1/audio/speech",                       KEYED, 65536,    post_speech, NULL },
	{ VERB_POST, "/openai/v1/chat/completions",                   KEYED, 4 << 20,  post_chat_completions, NULL },
	{ VERB_POST, "/openai/deployments/{id}/audio/transcriptions", KEYED, AUDIO_MAX, post_transcriptions, NULL },
	{ VERB_POST, "/openai/deployments/{id}/audio/speech",         KEYED, 65536,    post_speech, NULL },
	{ VERB_POST, "/openai/deployments/{id}/chat/completions",     KEYED, 4 << 20,  post_chat_completions, NULL },
	{ VERB_GET,  "/v1/models", KEYED, 0, get_models, NULL },
	{ VERB_GET,  "/v1/models/{id}", KEYED, 0, get_model, NULL },
	{ VERB_GET,  "/openai/v1/models", KEYED, 0, get_models, NULL },
	{ VERB_GET,  "/openai/v1/models/{id}", KEYED, 0, get_model, NULL },

	{ VERB_GET,  "/v1/realtime",                   KEYED, 0,        get_realtime, &entry_openai },
	{ VERB_GET,  "/realtime",                      KEYED, 0,        get_realtime, &entry_openai_bare },
	{ VERB_GET,  "/openai/v1/realtime",            KEYED, 0,        get_realtime, &entry_azure },
	{ VERB_GET,  "/openai/realtime",               KEYED, 0,        get_realtime, &entry_azure_preview },
	{ VERB_GET,  "/voice-live/realtime",           KEYED, 0,        get_realtime, &entry_voice_live },
	{ VERB_GET,  "/voice-agent/realtime",          KEYED, 0,        get_realtime, &entry_voice_live },
	{ VERB_GET,  "/voice-live/realtime/calls",     KEYED, 0,        get_voice_live_call, &entry_voice_live },

	{ VERB_POST, "/v1/realtime/client_secrets",             KEY_ALONE, 1 << 19, post_client_secrets, NULL },
	{ VERB_POST, "/openai/v1/realtime/client_secrets",      KEY_ALONE, 1 << 19, post_client_secrets, NULL },
	{ VERB_POST, "/openai/realtime/client_secrets",         KEY_ALONE, 1 << 19, post_client_secrets, NULL },
	{ VERB_POST, "/v1/realtime/sessions",                   KEY_ALONE, 1 << 19, post_sessions, NULL },
	{ VERB_POST, "/openai/realtimeapi/sessions",            KEY_ALONE, 1 << 19, post_sessions, NULL },
	{ VERB_POST, "/v1/realtime/transcription_sessions",     KEY_ALONE, 1 << 19, post_transcription_sessions, NULL },
	{ VERB_POST, "/openai/realtimeapi/transcription_sessions", KEY_ALONE, 1 << 19, post_transcription_sessions, NULL },
	{ VERB_POST, "/api/session/begin",                      KEY_ALONE, 4096, post_session_begin, NULL },

	{ VERB_POST, "/v1/realtime",                   KEYED, 1 << 20,  post_call, &entry_historic },
	{ VERB_POST, "/v1/realtimertc",                KEYED, 1 << 20,  post_call, &entry_historic },
	{ VERB_POST, "/openai/realtimertc",            KEYED, 1 << 20,  post_call, &entry_historic },
	CALLS("/v1/realtime/calls", &entry_openai),
	CALLS("/openai/v1/realtime/calls", &entry_azure),
	CALLS("/openai/realtime/calls", &entry_azure),
};
/* clang-format on */

/* Does `path` fit the pattern, with or without a slash at its end? */
static bool fits(const char *pattern, const char *path, const char **id, size_t *id_len)
{
	for (; *pattern; pattern++) {
		if (*pattern != '{') {
			if (*path++ != *pattern)
				return false;
			continue;
		}
		*id = path;
		*id_len = strcspn(path, "/");
		if (*id_len == 0)
			return false;
		path += *id_len;
		pattern = strchr(pattern, '}');
	}
	return !*path || strcmp(path, "/") == 0;
}

/* The route, or NULL; *served: the verbs of this path, as bits. */
static const struct route *find_route(struct request *r, unsigned *served)
{
	enum http_verb verb = r->http->verb == VERB_HEAD ? VERB_GET : r->http->verb;

	*served = 0;
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		if (!fits(routes[i].path, r->http->path, &r->id, &r->id_len))
			continue;
		if (routes[i].verb == verb)
			return &routes[i];
		*served |= BIT(routes[i].verb);
	}
	return NULL;
}

static enum auth_verdict check_auth(struct request *r)
{
	char key[KEY_MAX], authorization[KEY_MAX];
	const struct http_request *q = r->http;
	struct auth_evidence e = {
		.authorization = http_header(q, "authorization"),
		.api_key = http_header(q, "api-key"),
		.subprotocols = http_header(q, "sec-websocket-protocol"),
		.cookie = http_header(q, "cookie"),
		.origin = http_header(q, "origin"),
	};

	if (http_query(q, "api-key", key, sizeof(key)))
		e.query_api_key = bytes_str(key);
	if (http_query(q, "Authorization", authorization, sizeof(authorization)))
		e.query_authorization = bytes_str(authorization);
	return auth_check(r->seat->api->p.auth, &e, &r->token);
}

/* false: answered. */
static bool let_in(struct request *r, const struct route *route)
{
	static const struct http_refusal why[N_AUTH_VERDICTS] = {
		[AUTH_TOKEN] = { 403, "token_not_allowed",
				 "A client secret (ek_...) opens sessions; this wants the server's key." },
		[AUTH_MISSING] = { 401, "invalid_api_key",
				   "This server wants its key: send it as 'Authorization: Bearer KEY', or open the "
				   "link that 'voiced serve' printed." },
		[AUTH_WRONG] = { 401, "invalid_api_key", "Incorrect API key provided." },
		[AUTH_EXPIRED] = { 401, "token_expired",
				   "This client secret (ek_...) has expired. Ask for a new one." },
		[AUTH_ORIGIN] = { 403, "origin_not_allowed",
				  "This client secret (ek_...) was made for pages of another origin." },
		[AUTH_NO_MEMORY] = { 503, "server_error", "The server is out of memory." },
	};
	enum auth_verdict v = route->access == OPEN ? AUTH_OK : check_auth(r);

	r->by_token = v == AUTH_TOKEN;
	if (v == AUTH_OK || (v == AUTH_TOKEN && route->access == KEYED))
		return true;
	seat_refuse(r, &why[v]);
	return false;
}

static struct seat *seat_of(struct api *a, struct loop *l)
{
	return &a->seats[loop_index(l)];
}

static void on_request(void *ctx, struct http_exchange *ex)
{
	struct api *a = ctx;
	struct request r = { .seat = seat_of(a, exchange_loop(ex)), .ex = ex, .http = exchange_request(ex) };
	unsigned served;
	const struct route *route = find_route(&r, &served);

	atomic_fetch_add_explicit(&a->requests_total, 1, memory_order_relaxed);
	r.entry = route ? route->entry : NULL;
	if (route) {
		if (let_in(&r, route))
			route->handle(&r);
	} else if (served) {
		refuse_verb(ex, served);
	} else {
		get_page(&r);
	}
}

static size_t body_limit(void *ctx, const struct http_request *q)
{
	struct request r = { .http = q };
	unsigned served;
	const struct route *route = find_route(&r, &served);

	(void)ctx;
	return route && route->body_max ? route->body_max : HTTP_BODY_DEFAULT;
}

const struct http_ops api_http_ops = { body_limit, on_request };

/* --- datagrams ------------------------------------------------------------------------------------ */

static void send_datagram(void *ctx, const struct addr *to, struct bytes d)
{
	udp_send(((struct seat *)ctx)->udp, d, to);
}

void api_set_udp(struct api *a, size_t loop, struct udp *u)
{
	a->seats[loop].udp = u;
}

void api_datagram(struct api *a, size_t loop, struct bytes d, const struct addr *from, uint64_t now_us)
{
	calls_datagram(a->seats[loop].calls, d, from, now_us);
}

void api_drain(struct api *a, size_t loop)
{
	calls_drain(&a->seats[loop]);
	websocket_leg_drain(&a->seats[loop].sockets);
	waiting_end(&a->seats[loop]);
}

/* --- life ------------------------------------------------------------------------------------------- */

static int copy_strings(struct api *a, const struct api_params *p)
{
	a->limited = p->groups;
	snprintf(a->groups, sizeof(a->groups), "%s", p->groups ? p->groups : "");
	a->data = mem_strdup(p->data);
	a->collection = mem_strdup(p->collection);
	a->https_url = mem_strdup(p->https_url ? p->https_url : "");
	a->record = p->record ? mem_strdup(p->record) : NULL;
	a->questions = mem_calloc(p->n_questions, sizeof(*a->questions));
	if (!a->data || !a->collection || !a->https_url || !a->questions || (p->record && !a->record))
		return -ENOMEM;
	for (size_t i = 0; i < p->n_questions; i++)
		if (!(a->questions[i] = mem_strdup(p->questions[i])))
			return -ENOMEM;
	return 0;
}

static int open_seat(struct api *a, size_t i)
{
	struct seat *s = &a->seats[i];
	struct calls_params p = { a->p.loops[i], a->all_calls, a->p.n_loops, s, send_datagram };

	*s = (struct seat){ .api = a, .loop = a->p.loops[i], .index = i };
	list_init(&s->list);
	list_init(&s->sockets);
	waiting_begin(s);
	int r = calls_new(&s->calls, &p);
	a->all_calls[i] = s->calls;
	return r == 0 ? secrets_new(&s->secrets, a->data) : r;
}

int api_new(struct api **out, const struct api_params *p)
{
	struct api *a = mem_zalloc(sizeof(*a));
	int r = -ENOMEM;

	if (!a)
		return r;
	a->p = *p;
	a->p.n_candidates = MIN(p->n_candidates, (size_t)ANSWER_CANDIDATES_MAX);
	memcpy(a->candidates, p->candidates, a->p.n_candidates * sizeof(*p->candidates));
	a->seats = mem_calloc(p->n_loops, sizeof(*a->seats));
	a->all_calls = mem_calloc(p->n_loops, sizeof(*a->all_calls));
	if (a->seats && a->all_calls)
		r = copy_strings(a, p);
	for (size_t i = 0; i < p->n_loops && r == 0; i++)
		r = open_seat(a, i);
	if (r != 0) {
		api_free(a);
		return r;
	}
	*out = a;
	return 0;
}

void api_free(struct api *a)
{
	if (!a)
		return;
	for (size_t i = 0; a->seats && i < a->p.n_loops && a->seats[i].api; i++) {
		waiting_end(&a->seats[i]);
		calls_end(&a->seats[i]);
		calls_free(a->seats[i].calls);
		secrets_free(a->seats[i].secrets);
	}
	for (size_t i = 0; a->questions && i < a->p.n_questions; i++)
		mem_free(a->questions[i]);
	mem_free(a->questions);
	mem_free(a->seats);
	mem_free(a->all_calls);
	mem_free(a->https_url);
	mem_free(a->data);
	mem_free(a->collection);
	mem_free(a->record);
	mem_free(a);
}

/* client_secrets.c - POST …/client_secrets and its elder kin: a key for one browser. */
#include <errno.h>
#include <stdio.h>

#include "api/mint.h"
#include "api/seat.h"
#include "base/log.h"

LOG_TOPIC("token");

/* How a client asks for a secret and how it is told: one row per endpoint that mints. */
struct mint_form {
	enum dialect dialect;
	enum session_kind kind; /* where the object itself does not say it: BETA */
	const char *session; /* member of the body that is the session object; NULL: the body is it */
	/* The answer; a new reference, NULL: no memory. `session` is the effective one, borrowed. */
	json_t *(*reply)(const struct request *r, json_t *session, const struct minted *m);
};

static json_t *reply_beside(const struct request *r, json_t *session, const struct minted *m)
{
	(void)r;
	return json_pack("{s:s, s:I, s:O}", "value", m->value, "expires_at", (json_int_t)m->expires_at,
			 "session", session);
}

/* Before GA: the session object itself, with the secret in it. */
static json_t *reply_inside(const struct request *r, json_t *session, const struct minted *m)
{
	(void)r;
	AUTO(json) json_t *v = json_copy(session);

	if (json_object_set_new(v, "client_secret",
				json_pack("{s:s, s:I}", "value", m->value, "expires_at",
					  (json_int_t)m->expires_at)) < 0)
		return NULL;
	return json_incref(v);
}

/* For pages whose own server mints for them: with the address to send the offer to, which is
 * the one that the request came to. */
static json_t *reply_begin(const struct request *r, json_t *session, const struct minted *m)
{
	struct bytes host = http_header(r->http, "host");
	char uri[300];

	snprintf(uri, sizeof(uri), "%s://%.*s/v1/realtimertc", exchange_is_tls(r->ex) ? "https" : "http",
		 (int)MIN(host.n, (size_t)255), (const char *)host.p);
	return json_pack("{s:o, s:s, s:O}", "session", reply_inside(r, session, m), "webRTCUri", uri,
			 "modelDeploymentName", json_object_get(session, "model"));
}

static const struct mint_form form_ga = { DIALECT_GA, SESSION_REALTIME, "session", reply_beside };
static const struct mint_form form_beta = { DIALECT_BETA, SESSION_REALTIME, NULL, reply_inside };
static const struct mint_form form_transcription = { DIALECT_BETA, SESSION_TRANSCRIPTION, NULL,
						     reply_inside };
static const struct mint_form form_begin = { DIALECT_BETA, SESSION_REALTIME, NULL, reply_begin };

/* --- numbers in the body --------------------------------------------------------------------- */

/* A member that may be absent or null. */
struct number {
	const char *in, *name;
	unsigned min, max;
	size_t offset; /* in struct mint_order */
};

static const struct number numbers[] = {
	{ "expires_after", "seconds", MINT_LIFE_MIN_S, MINT_LIFE_MAX_S, offsetof(struct mint_order, life_s) },
	{ "voiced", "max_sessions", 0, TOKEN_SESSIONS_MAX, offsetof(struct mint_order, max_sessions) },
	{ "voiced", "max_duration_s", 1, MINT_DURATION_MAX_S, offsetof(struct mint_order, max_duration_s) },
};

static int wrong(struct api_error *e, const char *in, const char *name, const char *why)
{
	e->code = "invalid_value";
	snprintf(e->param, sizeof(e->param), "%s%s%.60s", in, *name ? "." : "", name);
	snprintf(e->message, sizeof(e->message), "Invalid value for '%s': %s", e->param, why);
	return -EINVAL;
}

static int read_number(json_t *body, const struct number *n, struct mint_order *o, struct api_error *e)
{
	const json_t *v = json_object_get(json_object_get(body, n->in), n->name);
	char why[64];

	if (!v || json_is_null(v))
		return 0;
	if (json_is_integer(v) && json_integer_value(v) >= n->min && json_integer_value(v) <= n->max) {
		*(unsigned *)(void *)((char *)o + n->offset) = (unsigned)json_integer_value(v);
		return 0;
	}
	snprintf(why, sizeof(why), "expected an integer from %u to %u.", n->min, n->max);
	return wrong(e, n->in, n->name, why);
}

/* --- the rest of it -------------------------------------------------------------------------- */

static int check_object(const json_t *body, const char *name, struct api_error *e)
{
	const json_t *v = json_object_get(body, name);

	return !v || json_is_null(v) || json_is_object(v) ? 0 : wrong(e, name, "", "expected an object.");
}

static int read_expiry(const json_t *body, struct api_error *e)
{
	const json_t *anchor = json_object_get(json_object_get(body, "expires_after"), "anchor");
	const char *name = anchor ? json_string_value(anchor) : "created_at";

	return name && strcmp(name, "created_at") == 0 ? 0 :
							 wrong(e, "expires_after", "anchor",
							       "Supported values are: 'created_at'.");
}

/* Names of groups as a set, into `to`. */
static int read_groups(const json_t *v, char to[static LABELS_SIZE], struct mint_order *o, struct api_error *e)
{
	static const char why[] = "expected an array of at most 16 names of groups.";

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_array(v))
		return wrong(e, "voiced", "groups", why);
	to[0] = 0;
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *name = json_array_get(v, i);
		struct bytes word = bytes_of(json_string_value(name), json_string_length(name));

		if (!label_valid(word) || !labels_add(to, word))
			return wrong(e, "voiced", "groups", why);
	}
	o->groups = to;
	return 0;
}

/* Whether there is such a collection is asked when it is minted. */
static int read_collection(const json_t *v, struct mint_order *o, struct api_error *e)
{
	if (!v || json_is_null(v))
		return 0;
	o->collection = json_string_value(v);
	return o->collection ? 0 : wrong(e, "voiced", "collection", "expected the name of a collection.");
}

/* Ours, and a limit: what we do not understand here is not passed over. */
static int read_limits(json_t *body, struct mint_order *o, struct api_error *e)
{
	static const char *const known[] = { "max_sessions", "max_duration_s", "origin", "collection", "groups" };
	uint8_t hash[TOKEN_HASH_LEN];
	const char *name;
	json_t *v;

	json_object_foreach(json_object_get(body, "voiced"), name, v) {
		size_t i = 0;

		while (i < ARRAY_LEN(known) && strcmp(name, known[i]) != 0)
			i++;
		if (i == ARRAY_LEN(known))
			return wrong(e, "voiced", name, "there are max_sessions, max_duration_s, origin, collection and groups.");
	}
	v = json_object_get(json_object_get(body, "voiced"), "origin");
	if (!v || json_is_null(v))
		return 0;
	o->origin = json_string_value(v);
	if (o->origin && token_origin(bytes_of(o->origin, json_string_length(v)), hash) != -EINVAL)
		return 0;
	return wrong(e, "voiced", "origin", "expected scheme and host, such as https://app.example.");
}

static int read_session(const struct mint_form *f, json_t *body, struct mint_order *o, struct api_error *e)
{
	json_t *session = f->session ? json_object_get(body, f->session) : body;

	o->config = json_is_object(session) ? session : NULL;
	o->kind = f->kind;
	if (f->dialect == DIALECT_GA && !mint_kind(o->config, &o->kind))
		return wrong(e, f->session ? f->session : "type", f->session ? "type" : "",
			     "Supported values are: 'realtime' and 'transcription'.");
	return 0;
}

static int read_order(const struct mint_form *f, json_t *body, struct mint_order *o,
		      char groups[static LABELS_SIZE], struct api_error *e)
{
	static const char *const objects[] = { "expires_after", "voiced", "session" };
	int r = 0;

	*o = (struct mint_order){ .dialect = f->dialect, .life_s = MINT_LIFE_S };
	for (size_t i = 0; i < ARRAY_LEN(objects) && r == 0; i++)
		r = check_object(body, objects[i], e);
	for (size_t i = 0; i < ARRAY_LEN(numbers) && r == 0; i++)
		r = read_number(body, &numbers[i], o, e);
	if (r == 0)
		r = read_expiry(body, e);
	if (r == 0)
		r = read_limits(body, o, e);
	const json_t *ours = json_object_get(body, "voiced");
	if (r == 0)
		r = read_collection(json_object_get(ours, "collection"), o, e);
	if (r == 0)
		r = read_groups(json_object_get(ours, "groups"), groups, o, e);
	if (r == 0)
		r = read_session(f, body, o, e);
	return r;
}

/* --- minting --------------------------------------------------------------------------------- */

static void refuse(struct request *r, int err, const struct api_error *e)
{
	if (err == -EINVAL)
		exchange_error(r->ex, 400, e->code, e->param[0] ? e->param : NULL, e->message);
	else
		reply_no_memory(r->ex);
}

/* What a secret is for is settled when it is made: groups are those of one collection. */
static bool settle_collection(const struct request *r, const struct reach *reach, struct mint_order *o)
{
	const struct api *a = r->seat->api;
	const char *name = o->collection;

	if (!name) {
		o->collection = o->groups ? reach->collection : NULL;
		return true;
	}
	return a->p.engines_of(a->p.ctx, &name) != NULL;
}

static void mint(struct request *r, const struct mint_form *f, struct mint_order *o)
{
	struct api *a = r->seat->api;
	AUTO(json) json_t *session = NULL;
	struct api_error e = { 0 };
	struct session_params p;
	struct reach reach;
	struct minted m;

	if (!seat_session_params(r, &reach, &p))
		return;
	if (!settle_collection(r, &reach, o)) {
		refuse(r, wrong(&e, "voiced", "collection", "there is no such collection."), &e);
		return;
	}
	p.dialect = p.config_dialect = o->dialect;
	p.kind = o->kind;
	p.config = o->config;
	p.model = json_str(o->config, "model", NULL);
	int err = session_config_preview(&p, &session, &e);
	if (err != 0) {
		refuse(r, err, &e);
		return;
	}
	err = token_mint(r->seat->secrets, &a->p.auth->tokens, a->p.env, o, &m);
	if (err == 0) {
		reply_json(r->ex, 200, f->reply(r, session, &m));
	} else if (err == -ENOMEM) {
		reply_no_memory(r->ex);
	} else {
		log_error("what=\"a session object cannot be kept\" why=\"%s\"", secrets_why(r->seat->secrets));
		exchange_error(r->ex, 503, "server_error", NULL,
			       "The server cannot write into its data directory. Please try again later.");
	}
}

static bool is_blank(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++)
		if (!strchr(" \t\r\n", b.p[i]) || b.p[i] == 0)
			return false;
	return true;
}

/* JSON, or what tools say when they were not told: curl, fetch. */
static bool may_be_json(struct bytes type)
{
	static const char *const known[] = { "json", "text/plain", "urlencoded", "octet-stream" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (memmem(type.p, type.n, known[i], strlen(known[i])))
			return true;
	return type.n == 0;
}

static void mint_as(struct request *r, const struct mint_form *f)
{
	char why[160] = "it is not an object";
	struct bytes text = is_blank(r->http->body) ? bytes_str("{}") : r->http->body;
	AUTO(json) json_t *body = json_parse(text, why);
	struct api_error e = { 0 };
	char groups[LABELS_SIZE];
	struct mint_order o;

	if (!may_be_json(http_header(r->http, "content-type"))) {
		exchange_error(r->ex, 415, "unsupported_content_type", NULL,
			       "Send the body as application/json.");
		return;
	}
	if (!json_is_object(body)) {
		exchange_error(r->ex, 400, "invalid_json", NULL, why);
		return;
	}
	int err = read_order(f, body, &o, groups, &e);
	if (err == 0)
		mint(r, f, &o);
	else
		refuse(r, err, &e);
}

void post_client_secrets(struct request *r)
{
	mint_as(r, &form_ga);
}

void post_sessions(struct request *r)
{
	mint_as(r, &form_beta);
}

void post_transcription_sessions(struct request *r)
{
	mint_as(r, &form_transcription);
}

void post_session_begin(struct request *r)
{
	mint_as(r, &form_begin);
}

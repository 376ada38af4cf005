/* grant.c - what a request's client secret says about the session it opens. */
#include <errno.h>

#include "api/entry.h"
#include "base/log.h"

LOG_TOPIC("token");

static const struct http_refusal no_memory = { 503, "server_error", "The server is out of memory." };

static const struct http_refusal *failed(const struct seat *s, const char *what)
{
	static const struct http_refusal refusal = { 503, "server_error",
						     "The server cannot look into its data directory. Please try again later." };

	log_error("what=\"%s\" why=\"%s\"", what, secrets_why(s->secrets));
	return &refusal;
}

const struct http_refusal *seat_find_bound(struct request *r, enum grant which, json_t **out)
{
	static const struct http_refusal elsewhere = {
		401, "invalid_api_key",
		"This client secret was made with another data directory: what it is bound to is not here.",
	};
	AUTO(buf) struct buf text = { 0 };
	char why[160];

	*out = NULL;
	if (!token_hash_given(r->token.config) || (which == GRANT_ACCESS && !r->token.bound))
		return NULL;
	int e = secrets_find(r->seat->secrets, r->token.config, &text);
	if (e == -ENOENT)
		return &elsewhere;
	if (e != 0)
		return e == -ENOMEM ? &no_memory : failed(r->seat, "what a secret is bound to cannot be read");
	json_t *v = json_parse(buf_bytes(&text), why);
	if (!v)
		return &no_memory; /* it was written by us */
	*out = v;
	if (!r->token.bound)
		return NULL;
	*out = json_incref(json_object_get(v, which == GRANT_ACCESS ? "access" : "session"));
	json_decref(v);
	return *out || which == GRANT_SESSION ? NULL : &elsewhere;
}

static const struct http_refusal *bind_session(struct request *r, json_t *posted, struct session_params *p,
					       json_t **config)
{
	if (!r->by_token) {
		p->config = *config = json_incref(posted);
		return NULL;
	}
	AUTO(json) json_t *bound = NULL;
	const struct http_refusal *refusal = seat_find_bound(r, GRANT_SESSION, &bound);
	if (refusal)
		return refusal;
	/* What is minted are defaults; what is posted with the call may change them. */
	if (bound && posted && json_object_update_recursive(bound, posted) != 0)
		return &no_memory;
	p->config = *config = json_incref(bound ? bound : posted);
	p->kind = r->token.kind;
	p->model = json_str(*config, "model", p->model);
	uint64_t most_us = r->token.max_duration_s * (uint64_t)US_PER_S;
	if (most_us && (p->max_us == 0 || most_us < p->max_us))
		p->max_us = most_us;
	return NULL;
}

const struct http_refusal *seat_bind_token(struct request *r, json_t *posted, struct session_params *p,
					   json_t **config)
{
	const struct http_refusal *refusal = bind_session(r, posted, p, config);

	return refusal ? refusal : entry_check_model(r, p->model);
}

const struct http_refusal *seat_spend_token(struct request *r)
{
	static const struct http_refusal used_up = {
		401, "token_used_up",
		"This client secret has opened as many sessions as it may (max_sessions). Ask for a new one.",
	};

	if (!r->by_token)
		return NULL;
	switch (secrets_spend(r->seat->secrets, &r->token)) {
	case SPEND_OK:
		return NULL;
	case SPEND_USED_UP:
		return &used_up;
	case SPEND_FAILED:
		break;
	}
	return failed(r->seat, "a session cannot be counted");
}

void seat_refuse(struct request *r, const struct http_refusal *why)
{
	entry_refuse(r, why);
}

#include "api/entry.h"

#include <stdio.h>
#include <string.h>

#include "leg/websocket_leg.h"
#include "session/errors.h"

enum { HOUR_S = 3600 };

const struct entry entry_openai = { DIALECT_GA, .refusal = IN_BAND, .names_one = true, .max_s = HOUR_S };
const struct entry entry_openai_bare = { DIALECT_GA, .refusal = IN_BAND, .names_one = true,
					 .middle_tier = true, .max_s = HOUR_S };
const struct entry entry_azure = { DIALECT_GA, .fixed = true, .max_s = HOUR_S };
const struct entry entry_azure_preview = { DIALECT_BETA, .fixed = true, .max_s = HOUR_S / 2 };
const struct entry entry_voice_live = { DIALECT_VOICE_LIVE, .fixed = true, .max_s = HOUR_S };
const struct entry entry_historic = { DIALECT_BETA, .fixed = true, .max_s = HOUR_S / 2 };

/* --- what is asked for ----------------------------------------------------------------------- */

static bool says_beta(const struct http_request *q)
{
	struct bytes h = http_header(q, "openai-beta");

	return memmem(h.p ? h.p : (const uint8_t *)"", h.n, "realtime=v1", 11) ||
	       http_header_lists(q, "sec-websocket-protocol", "openai-beta.realtime-v1");
}

/* Voice Live and the Azure preview say it by their path; elsewhere a header may, or the secret. */
static enum dialect choose_dialect(const struct request *r)
{
	if (entry_is_middle_tier(r))
		return DIALECT_BETA;
	if (r->entry->fixed)
		return r->entry->dialect;
	if (says_beta(r->http))
		return DIALECT_BETA;
	return r->by_token ? r->token.dialect : r->entry->dialect;
}

/* Is it said, and more than nothing? */
static bool has(const struct request *r, const char *key)
{
	char value[MODEL_MAX] = "";

	return http_query_has(r->http, key) &&
	       (!http_query(r->http, key, value, sizeof(value)) || value[0]);
}

bool entry_is_middle_tier(const struct request *r)
{
	return r->entry->middle_tier && r->seat->api->p.middle_tier && !has(r, "model") &&
	       !has(r, "call_id") && !has(r, "intent");
}

static bool model_allowed(const struct api *a, const char *model)
{
	for (size_t i = 0; i < a->p.n_models; i++)
		if (strcmp(a->p.models[i], model) == 0)
			return true;
	return a->p.n_models == 0;
}

const struct http_refusal *entry_session(const struct request *r, struct session_params *p,
					 char model[static MODEL_MAX])
{
	static const struct http_refusal missing = {
		400, "missing_model",
		"You must provide a model parameter: ?model=, or ?call_id= of a call, or ?intent=transcription.",
	};
	char intent[32] = "";
	uint64_t most_us = r->seat->api->p.max_session_us;

	p->max_us = (uint64_t)r->entry->max_s * US_PER_S;
	if (most_us && most_us < p->max_us)
		p->max_us = most_us;
	p->dialect = choose_dialect(r);
	p->config_dialect = r->by_token ? r->token.dialect : p->dialect;
	if (http_query(r->http, "intent", intent, sizeof(intent)) && strcmp(intent, "transcription") == 0)
		p->kind = SESSION_TRANSCRIPTION;
	if (http_query(r->http, "model", model, MODEL_MAX) ||
	    http_query(r->http, "deployment", model, MODEL_MAX))
		p->model = model;
	if (r->entry->names_one && websocket_wanted(r->http) && !has(r, "model") && !has(r, "call_id") &&
	    !has(r, "intent") && !entry_is_middle_tier(r))
		return &missing;
	return NULL;
}

const struct http_refusal *entry_check_model(const struct request *r, const char *model)
{
	static const struct http_refusal unknown = {
		404, "invalid_model", "This server does not offer that model: its operator lists those it has.",
	};

	return model && !model_allowed(r->seat->api, model) ? &unknown : NULL;
}

const char *entry_protocol(const struct http_request *q)
{
	return http_header_lists(q, "sec-websocket-protocol", "realtime") ? "realtime" : NULL;
}

bool entry_upgrades(struct request *r)
{
	if (websocket_wanted(r->http))
		return true;
	exchange_error(r->ex, 426, "upgrade_required", NULL,
		       "This path is a WebSocket: connect with ws:// or wss://.");
	return false;
}

/* --- refusing -------------------------------------------------------------------------------- */

/* The service closes with 3000 for who you are, with 4000 for what you ask. */
static unsigned close_code(unsigned status)
{
	return status == 401 || status == 403 ? 3000 : 4000;
}

void entry_refuse(struct request *r, const struct http_refusal *why)
{
	AUTO(buf) struct buf text = { 0 };
	AUTO(json) json_t *event = NULL;
	char id[40], reason[96];

	/* What may pass (too many sessions, no memory) is told by status: clients try again then. */
	if (!r->entry || r->entry->refusal == BY_STATUS || why->status >= 500 ||
	    !websocket_wanted(r->http)) {
		exchange_error(r->ex, why->status, why->code, NULL, why->message);
		return;
	}
	env_id(r->seat->api->p.env, "event_", id, 21);
	event = json_pack("{s:s,s:s,s:o}", "type", "error", "event_id", id, "error",
			  error_json(why->code, why->message, NULL, NULL));
	json_write(&text, event);
	if (text.failed) {
		reply_no_memory(r->ex);
		return;
	}
	snprintf(reason, sizeof(reason), "invalid_request_error.%s", why->code);
	websocket_leg_refuse(r->ex, entry_protocol(r->http), buf_bytes(&text), close_code(why->status),
			     reason);
}

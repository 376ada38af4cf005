/* seat.c - what handlers share: who may start a session, whose documents it is about, replies. */
#include "api/seat.h"

#include <stdio.h>
#include <string.h>

#include "api/budget.h"

bool seat_count(struct api *a)
{
	if (atomic_fetch_add(&a->sessions, 1) < a->p.max_sessions) {
		atomic_fetch_add_explicit(&a->sessions_total, 1, memory_order_relaxed);
		return true;
	}
	atomic_fetch_sub(&a->sessions, 1);
	atomic_fetch_add_explicit(&a->refused_total, 1, memory_order_relaxed);
	return false;
}

bool seat_admit(struct request *r)
{
	if (seat_count(r->seat->api))
		return true;
	exchange_error(r->ex, 503, "session_limit_reached", NULL,
		       "This server has as many conversations as it may have. Please try again later.");
	return false;
}

void seat_release(struct api *a)
{
	atomic_fetch_sub(&a->sessions, 1);
}

void reply_no_memory(struct http_exchange *ex)
{
	exchange_error(ex, 503, "server_error", NULL, "The server is out of memory.");
}

void reply_json(struct http_exchange *ex, unsigned status, json_t *o)
{
	AUTO(buf) struct buf body = { 0 };

	json_write(&body, o);
	json_decref(o);
	if (body.failed) {
		reply_no_memory(ex);
		return;
	}
	static const struct http_field no_store[] = { { "Cache-Control", "no-store" } };
	exchange_reply(ex, &(struct http_reply){ .status = status, .type = "application/json",
						 .body = buf_bytes(&body), .fields = no_store,
						 .n_fields = ARRAY_LEN(no_store) });
}

/* Whose budget it is: of a client secret's, or of all who have the key. */
static uint64_t payer_key(const struct request *r)
{
	enum { OPERATOR = 1 };
	uint64_t key = r->by_token ? be64(r->token.id) : OPERATOR;

	return MAX(key, (uint64_t)OPERATOR);
}

struct payers seat_payers(const struct request *r)
{
	return budgets_payers(r->seat->api->p.budgets, payer_key(r));
}

bool seat_session_params(struct request *r, struct reach *reach, struct session_params *p)
{
	if (!seat_reach(r, reach))
		return false;
	*p = (struct session_params){ .env = r->seat->api->p.env, .engines = reach->engines,
				      .collection = reach->collection, .groups = reach_groups(reach),
				      .payers = seat_payers(r) };
	return true;
}

/* --- replies ---------------------------------------------------------------------------------- */

void refuse_verb(struct http_exchange *ex, unsigned served)
{
	AUTO(buf) struct buf body = { 0 };
	char list[64] = "";
	const struct http_field allow = { "Allow", list };

	for (enum http_verb v = VERB_GET; v <= VERB_OPTIONS; v++)
		if (served & BIT(v) || (v == VERB_HEAD && served & BIT(VERB_GET)))
			snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", *list ? ", " : "",
				 http_verb_name(v));
	http_write_error(&body, http_error_type(405), "method_not_allowed", NULL,
			 "This path is served, but not with this method.");
	if (body.failed)
		reply_no_memory(ex);
	else
		exchange_reply(ex, &(struct http_reply){ .status = 405, .type = "application/json",
							 .body = buf_bytes(&body), .fields = &allow,
							 .n_fields = 1 });
}

/* entry.h - the endpoints of the Realtime APIs: how each is spoken to.
 *
 * A row of the routes (api.c) points to one of these. What the request says beyond its path
 * (header, subprotocol, client secret) can still choose the dialect where the row lets it.
 */
#pragma once

#include "api/seat.h"

enum entry_refusal {
	BY_STATUS, /* Azure, Voice Live: the handshake is answered with an HTTP error       */
	IN_BAND,   /* OpenAI: it is accepted, an error event says why, and the socket closes */
};

struct entry {
	enum dialect dialect;
	bool fixed;                 /* nothing but the path chooses the dialect   */
	enum entry_refusal refusal; /* of WebSockets                              */
	unsigned max_s;             /* life of a session                          */
	bool names_one;             /* ?model=, ?call_id= or ?intent= must be there */
	bool middle_tier;           /* without them it is the middle tier's        */
};

extern const struct entry entry_openai, entry_openai_bare, entry_azure, entry_azure_preview,
	entry_voice_live, entry_historic;

/* dialect, kind and model of the session that the request wants, as far as the request says
 * it itself; model: [MODEL_MAX], where p->model then points. NULL, or why it is refused. */
enum { MODEL_MAX = 256 };
MUST_USE const struct http_refusal *entry_session(const struct request *r, struct session_params *p,
						  char model[static MODEL_MAX]);
/* The same of a model, whoever named it: the request, the object posted with it or its secret. */
MUST_USE const struct http_refusal *entry_check_model(const struct request *r, const char *model);
/* Is the middle tier meant? */
bool entry_is_middle_tier(const struct request *r);
/* "realtime", if the client offers it: the one subprotocol that is ever echoed; else NULL. */
const char *entry_protocol(const struct http_request *q);
/* Does the request ask for a WebSocket, as this path is one? Otherwise it has been told so. */
MUST_USE bool entry_upgrades(struct request *r);
/* Refuse in the row's way. */
void entry_refuse(struct request *r, const struct http_refusal *why);

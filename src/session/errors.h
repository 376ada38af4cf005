/* errors.h - the catalogue of what a client can be told it did wrong. */
#pragma once

#include "session/session.h"

enum err {
	ERR_INVALID_JSON,
	ERR_INVALID_EVENT,
	ERR_INVALID_VALUE,
	ERR_MISSING_PARAMETER,
	ERR_ACTIVE_RESPONSE,
	ERR_CANCEL_NOT_ACTIVE,
	ERR_COMMIT_EMPTY,
	ERR_CANNOT_UPDATE_VOICE,
	ERR_TRUNCATE_ITEM,
	ERR_DELETE_ITEM,
	ERR_RETRIEVE_ITEM,
	ERR_SESSION_EXPIRED,
	ERR_TOO_MANY,
	ERR_EVENT_TOO_LARGE,
	ERR_SERVER,
	N_ERRS
};

/* Fill *e. `param` may be NULL. Returns -EINVAL, for the caller to return. */
int error_set(struct api_error *e, enum err which, const char *param, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* The "error" of an error event: a new reference; NULL: no memory. Codes that the catalogue has not
 * are the client's fault. `param` and `event_id` may be NULL. */
MUST_USE json_t *error_json(const char *code, const char *message, const char *param,
			    const char *event_id);

/* The type that goes with a failed response's code: limits of a service or a budget have their own. */
const char *error_type_failed(const char *code);

/* Send error to the leg whose message is being served, with its event_id; to all legs when
 * there is none. */
void error_emit(struct session *s, const struct api_error *e);
void error_send(struct session *s, enum err which, const char *param, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

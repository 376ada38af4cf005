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
	ERR_SERVER,
	N_ERRS
};

/* Fill *e. `param` may be NULL. Returns -EINVAL, for the caller to return. */
int error_set(struct api_error *e, enum err which, const char *param, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* Send error to the leg whose message is being served, with its event_id; to all legs when
 * there is none. */
void error_emit(struct session *s, const struct api_error *e);
void error_send(struct session *s, enum err which, const char *param, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

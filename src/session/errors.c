#include "session/errors.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "session/emit.h"
#include "session/state.h"

static const struct {
	const char *code, *type;
} errors[N_ERRS] = {
	[ERR_INVALID_JSON] = { "invalid_json", "invalid_request_error" },
	[ERR_INVALID_EVENT] = { "invalid_event", "invalid_request_error" },
	[ERR_INVALID_VALUE] = { "invalid_value", "invalid_request_error" },
	[ERR_MISSING_PARAMETER] = { "missing_required_parameter", "invalid_request_error" },
	[ERR_ACTIVE_RESPONSE] = { "conversation_already_has_active_response",
				  "invalid_request_error" },
	[ERR_CANCEL_NOT_ACTIVE] = { "response_cancel_not_active", "invalid_request_error" },
	[ERR_COMMIT_EMPTY] = { "input_audio_buffer_commit_empty", "invalid_request_error" },
	[ERR_CANNOT_UPDATE_VOICE] = { "cannot_update_voice", "invalid_request_error" },
	[ERR_TRUNCATE_ITEM] = { "item_truncate_invalid_item_id", "invalid_request_error" },
	[ERR_DELETE_ITEM] = { "item_delete_invalid_item_id", "invalid_request_error" },
	[ERR_RETRIEVE_ITEM] = { "item_retrieve_invalid_item_id", "invalid_request_error" },
	[ERR_SESSION_EXPIRED] = { "session_expired", "invalid_request_error" },
	[ERR_TOO_MANY] = { "rate_limit_exceeded", "invalid_request_error" },
	[ERR_SERVER] = { "server_error", "server_error" },
};

static void fill(struct api_error *e, enum err which, const char *param, const char *fmt,
		 va_list ap)
{
	e->code = errors[which].code;
	snprintf(e->param, sizeof(e->param), "%s", param ? param : "");
	vsnprintf(e->message, sizeof(e->message), fmt, ap);
	utf8_trim(e->param);
	utf8_trim(e->message);
}

int error_set(struct api_error *e, enum err which, const char *param, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, which, param, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static const char *type_of(const char *code)
{
	for (size_t i = 0; i < N_ERRS; i++)
		if (strcmp(errors[i].code, code) == 0)
			return errors[i].type;
	return "invalid_request_error";
}

void error_emit(struct session *s, const struct api_error *e)
{
	emit(s, EV_ERROR,
	     json_pack("{s:{s:s,s:s,s:s,s:s?,s:s?}}", "error", "type", type_of(e->code), "code",
		       e->code, "message", e->message, "param", e->param[0] ? e->param : NULL,
		       "event_id", s->asking.event_id));
}

void error_send(struct session *s, enum err which, const char *param, const char *fmt, ...)
{
	struct api_error e;
	va_list ap;

	va_start(ap, fmt);
	fill(&e, which, param, fmt, ap);
	va_end(ap);
	error_emit(s, &e);
}

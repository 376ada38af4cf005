#include "session/errors.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
	[ERR_EVENT_TOO_LARGE] = { "event_too_large", "server_error" },
	[ERR_SERVER] = { "server_error", "server_error" },
};

/* Octets of the well-formed sequence (RFC 3629, 4) at p, which ends in NUL; 0: there is none. */
static size_t utf8_len(const uint8_t *p)
{
	static const struct {
		uint8_t from, to, second_from, second_to, n;
	} leads[] = { { 0x01, 0x7F, 0, 0xFF, 1 },    { 0xC2, 0xDF, 0x80, 0xBF, 2 },
		      { 0xE0, 0xE0, 0xA0, 0xBF, 3 }, { 0xE1, 0xEC, 0x80, 0xBF, 3 },
		      { 0xED, 0xED, 0x80, 0x9F, 3 }, { 0xEE, 0xEF, 0x80, 0xBF, 3 },
		      { 0xF0, 0xF0, 0x90, 0xBF, 4 }, { 0xF1, 0xF3, 0x80, 0xBF, 4 },
		      { 0xF4, 0xF4, 0x80, 0x8F, 4 } };

	for (size_t i = 0; i < ARRAY_LEN(leads); i++) {
		if (p[0] < leads[i].from || p[0] > leads[i].to)
			continue;
		if (p[1] < leads[i].second_from || p[1] > leads[i].second_to)
			return 0;
		for (size_t k = 2; k < leads[i].n; k++)
			if ((p[k] & 0xC0) != 0x80)
				return 0;
		return leads[i].n;
	}
	return 0;
}

void utf8_mend(char *text)
{
	const uint8_t *from = (const uint8_t *)text;
	char *to = text;

	while (*from) {
		size_t n = utf8_len(from);

		memmove(to, from, n);
		to += n;
		from += n ? n : 1;
	}
	*to = 0;
}

static void fill(struct api_error *e, enum err which, const char *param, const char *fmt,
		 va_list ap)
{
	e->code = errors[which].code;
	snprintf(e->param, sizeof(e->param), "%s", param ? param : "");
	vsnprintf(e->message, sizeof(e->message), fmt, ap);
	utf8_mend(e->param);
	utf8_mend(e->message);
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

const char *error_type_failed(const char *code)
{
	static const char *const own[] = { "rate_limit_exceeded", "insufficient_quota" };

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (strcmp(own[i], code) == 0)
			return own[i];
	return "server_error";
}

json_t *error_json(const char *code, const char *message, const char *param, const char *event_id)
{
	return json_pack("{s:s,s:s,s:s,s:s?,s:s?}", "type", type_of(code), "code", code, "message",
			 message, "param", param, "event_id", event_id);
}

void error_emit(struct session *s, const struct api_error *e)
{
	emit(s, EV_ERROR,
	     json_pack("{s:o}", "error",
		       error_json(e->code, e->message, e->param[0] ? e->param : NULL,
				  s->asking.event_id)));
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

/* route.c - the client's half of the protocol on one screen: the table routes[].
 *
 * Shape is checked against the row's fields before the handler is called, so a handler
 * reads members without asking again. */
#include <stdio.h>
#include <string.h>

#include "session/client.h"
#include "session/errors.h"
#include "session/state.h"

enum need { MUST, MAY };

struct field {
	const char *name;
	json_type type;
	enum need need;
};

enum { FIELDS_MAX = 4 };

/* The name of the event in each dialect; NULL: the dialect does not know it. */
#define GA_ONLY(name)                                                                              \
	{                                                                                          \
		name, NULL, NULL                                                                   \
	}
#define REALTIME BIT(SESSION_REALTIME)
#define ANY      (BIT(SESSION_REALTIME) | BIT(SESSION_TRANSCRIPTION))

/* clang-format off */
static const struct route {
	const char *type[N_DIALECTS];
	unsigned kinds; /* of session */
	struct field fields[FIELDS_MAX];
	void (*on)(struct session *, const json_t *);
} routes[] = {
	{ GA_ONLY("session.update"),             ANY,      { { "session", JSON_OBJECT, MUST } }, on_session_update },
	{ GA_ONLY("input_audio_buffer.append"),  ANY,      { { "audio", JSON_STRING, MUST } }, on_append },
	{ GA_ONLY("input_audio_buffer.commit"),  ANY,      { { 0 } }, on_commit },
	{ GA_ONLY("input_audio_buffer.clear"),   ANY,      { { 0 } }, on_clear },
	{ GA_ONLY("conversation.item.create"),   ANY,      { { "item", JSON_OBJECT, MUST },
							     { "previous_item_id", JSON_STRING, MAY } }, on_item_create },
	{ GA_ONLY("conversation.item.retrieve"), ANY,      { { "item_id", JSON_STRING, MUST } }, on_item_retrieve },
	{ GA_ONLY("conversation.item.delete"),   ANY,      { { "item_id", JSON_STRING, MUST } }, on_item_delete },
	{ GA_ONLY("conversation.item.truncate"), REALTIME, { { "item_id", JSON_STRING, MUST },
							     { "content_index", JSON_INTEGER, MAY },
							     { "audio_end_ms", JSON_INTEGER, MUST } }, on_item_truncate },
	{ GA_ONLY("response.create"),            REALTIME, { { "response", JSON_OBJECT, MAY } }, on_response_create },
	{ GA_ONLY("response.cancel"),            REALTIME, { { "response_id", JSON_STRING, MAY } }, on_response_cancel },
	{ GA_ONLY("output_audio_buffer.clear"),  REALTIME, { { 0 } }, on_output_clear },
};
/* clang-format on */

static const char *const type_names[] = {
	[JSON_OBJECT] = "an object",   [JSON_ARRAY] = "an array", [JSON_STRING] = "a string",
	[JSON_INTEGER] = "an integer", [JSON_REAL] = "a number",  [JSON_TRUE] = "a boolean",
	[JSON_FALSE] = "a boolean",    [JSON_NULL] = "null",
};

static const struct route *route_of(const struct session *s, const char *type)
{
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		const char *name = routes[i].type[s->dialect];

		if (name && (routes[i].kinds & BIT(s->kind)) && strcmp(name, type) == 0)
			return &routes[i];
	}
	return NULL;
}

static void refuse_type(struct session *s, const char *type)
{
	char list[320] = "";
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_LEN(routes) && at < sizeof(list); i++) {
		const char *name = routes[i].type[s->dialect];

		if (name && (routes[i].kinds & BIT(s->kind)))
			at += (size_t)snprintf(list + at, sizeof(list) - at, "%s'%s'",
					       at ? ", " : "", name);
	}
	error_send(s, ERR_INVALID_VALUE, "type",
		   "Invalid value: '%.40s'. Supported values are: %s.", type, list);
}

static bool shape_ok(struct session *s, const struct route *r, const json_t *msg)
{
	for (size_t i = 0; i < FIELDS_MAX && r->fields[i].name; i++) {
		const struct field *f = &r->fields[i];
		const json_t *v = json_object_get(msg, f->name);

		if (!v || json_is_null(v)) {
			if (f->need == MAY)
				continue;
			error_send(s, ERR_MISSING_PARAMETER, f->name,
				   "Missing required parameter: '%s'.", f->name);
			return false;
		}
		if (json_typeof(v) != f->type) {
			error_send(s, ERR_INVALID_VALUE, f->name,
				   "Invalid type for '%s': expected %s, but got %s instead.",
				   f->name, type_names[f->type], type_names[json_typeof(v)]);
			return false;
		}
	}
	return true;
}

void route_message(struct session *s, struct bytes text)
{
	char why[160] = "";

	if (text.n > SESSION_MESSAGE_MAX) {
		error_send(s, ERR_INVALID_EVENT, NULL, "The event is too long.");
		return;
	}
	AUTO(json) json_t *msg = json_parse(text, why);
	if (!json_is_object(msg)) {
		error_send(s, ERR_INVALID_JSON, NULL,
			   "The event could not be parsed as a JSON object%s%s.", why[0] ? ": " : "",
			   why);
		return;
	}
	s->asking.event_id = json_str(msg, "event_id", NULL);
	const char *type = json_str(msg, "type", NULL);
	const struct route *r = type ? route_of(s, type) : NULL;

	if (!type)
		error_send(s, ERR_MISSING_PARAMETER, "type", "Missing required parameter: 'type'.");
	else if (!r)
		refuse_type(s, type);
	else if (shape_ok(s, r, msg))
		r->on(s, msg);
	s->asking.event_id = NULL;
}

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
#define EVERYWHERE(name) { name, name, name }
#define BETA_ONLY(name)  { NULL, name, NULL }
#define LIVE_ONLY(name)  { NULL, NULL, name }
#define REALTIME      BIT(SESSION_REALTIME)
#define TRANSCRIPTION BIT(SESSION_TRANSCRIPTION)
#define EITHER        (REALTIME | TRANSCRIPTION)

/* clang-format off */
static const struct route {
	const char *type[N_DIALECTS];
	unsigned kinds; /* of session */
	struct field fields[FIELDS_MAX];
	void (*on)(struct session *, const json_t *);
} routes[] = {
	{ EVERYWHERE("session.update"),             EITHER,   { { "session", JSON_OBJECT, MUST } }, on_session_update },
	{ BETA_ONLY("transcription_session.update"), TRANSCRIPTION, { { "session", JSON_OBJECT, MUST } }, on_transcription_update },
	{ EVERYWHERE("input_audio_buffer.append"),  EITHER,   { { "audio", JSON_STRING, MUST } }, on_append },
	{ EVERYWHERE("input_audio_buffer.commit"),  EITHER,   { { 0 } }, on_commit },
	{ EVERYWHERE("input_audio_buffer.clear"),   EITHER,   { { 0 } }, on_clear },
	{ EVERYWHERE("conversation.item.create"),   EITHER,   { { "item", JSON_OBJECT, MUST },
							        { "previous_item_id", JSON_STRING, MAY } }, on_item_create },
	{ EVERYWHERE("conversation.item.retrieve"), EITHER,   { { "item_id", JSON_STRING, MUST } }, on_item_retrieve },
	{ EVERYWHERE("conversation.item.delete"),   EITHER,   { { "item_id", JSON_STRING, MUST } }, on_item_delete },
	{ EVERYWHERE("conversation.item.truncate"), REALTIME, { { "item_id", JSON_STRING, MUST },
							        { "content_index", JSON_INTEGER, MAY },
							        { "audio_end_ms", JSON_INTEGER, MUST } }, on_item_truncate },
	{ EVERYWHERE("response.create"),            REALTIME, { { "response", JSON_OBJECT, MAY },
							        { "additional_instructions", JSON_STRING, MAY } }, on_response_create },
	{ EVERYWHERE("response.cancel"),            REALTIME, { { "response_id", JSON_STRING, MAY } }, on_response_cancel },
	{ EVERYWHERE("output_audio_buffer.clear"),  REALTIME, { { 0 } }, on_output_clear },
	{ LIVE_ONLY("input_audio.turn.start"),      REALTIME, { { "turn_id", JSON_STRING, MAY } }, on_clear_quietly },
	{ LIVE_ONLY("input_audio.turn.append"),     REALTIME, { { "turn_id", JSON_STRING, MAY },
							        { "audio", JSON_STRING, MUST } }, on_append },
	{ LIVE_ONLY("input_audio.turn.end"),        REALTIME, { { "turn_id", JSON_STRING, MAY } }, on_commit },
	{ LIVE_ONLY("input_audio.turn.cancel"),     REALTIME, { { "turn_id", JSON_STRING, MAY } }, on_clear },
	{ LIVE_ONLY("input_audio.clear"),           REALTIME, { { 0 } }, on_clear },
	{ LIVE_ONLY("input_text.delta"),            REALTIME, { { "id", JSON_STRING, MUST },
							        { "delta", JSON_STRING, MUST } }, on_text_delta },
	{ LIVE_ONLY("input_text.done"),             REALTIME, { { "id", JSON_STRING, MUST } }, on_text_done },
	{ LIVE_ONLY("mcp_approval_response"),       REALTIME, { { "approval_request_id", JSON_STRING, MUST },
							        { "approve", JSON_TRUE, MUST },
							        { "reason", JSON_STRING, MAY } }, on_approval },
	{ LIVE_ONLY("session.avatar.connect"),      REALTIME, { { 0 } }, on_not_here },
	{ LIVE_ONLY("rtc.call.sdp.create"),         REALTIME, { { 0 } }, on_not_here },
};
/* clang-format on */

/* Members of those objects that their handlers would otherwise take for absent when they are of
 * another type; all may be absent. What belongs to settings is checked by config_rule.c. */
/* clang-format off */
#define ALL_DIALECTS (BIT(DIALECT_GA) | FLAT_DIALECTS)
#define FLAT_DIALECTS (BIT(DIALECT_BETA) | BIT(DIALECT_VOICE_LIVE))
static const struct member {
	const char *of, *name;
	json_type type;
	unsigned dialects;
} members[] = {
	{ "session",  "type",            JSON_STRING, BIT(DIALECT_GA) },
	{ "item",     "type",            JSON_STRING, ALL_DIALECTS },
	{ "item",     "id",              JSON_STRING, ALL_DIALECTS },
	{ "item",     "role",            JSON_STRING, ALL_DIALECTS },
	{ "item",     "content",         JSON_ARRAY,  ALL_DIALECTS },
	{ "item",     "call_id",         JSON_STRING, ALL_DIALECTS },
	{ "item",     "name",            JSON_STRING, ALL_DIALECTS },
	{ "item",     "arguments",       JSON_STRING, ALL_DIALECTS },
	{ "item",     "output",          JSON_STRING, ALL_DIALECTS },
	{ "item",     "approval_request_id", JSON_STRING, ALL_DIALECTS },
	{ "item",     "approve",         JSON_TRUE,   ALL_DIALECTS },
	{ "item",     "reason",          JSON_STRING, ALL_DIALECTS },
	{ "response", "conversation",    JSON_STRING, ALL_DIALECTS },
	{ "response", "commit",          JSON_TRUE,   FLAT_DIALECTS },
	{ "response", "cancel_previous", JSON_TRUE,   FLAT_DIALECTS },
	{ "response", "pre_generated_assistant_message", JSON_OBJECT, BIT(DIALECT_VOICE_LIVE) },
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
	char list[720] = "";
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

/* Is v of this type (JSON_TRUE: either boolean)? Else the client is told. */
static bool type_fits(struct session *s, const char *path, json_type type, const json_t *v)
{
	if (json_typeof(v) == type || (type == JSON_TRUE && json_is_boolean(v)))
		return true;
	error_send(s, ERR_INVALID_VALUE, path,
		   "Invalid type for '%s': expected %s, but got %s instead.", path, type_names[type],
		   type_names[json_typeof(v)]);
	return false;
}

static bool members_ok(struct session *s, const char *name, const json_t *object)
{
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const struct member *m = &members[i];
		const json_t *v = json_object_get(object, m->name);
		char path[64];

		if (!v || json_is_null(v) || strcmp(m->of, name) != 0 ||
		    !(m->dialects & BIT(s->dialect)))
			continue;
		snprintf(path, sizeof(path), "%s.%s", name, m->name);
		if (!type_fits(s, path, m->type, v))
			return false;
	}
	return true;
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
		if (!type_fits(s, f->name, f->type, v) || !members_ok(s, f->name, v))
			return false;
	}
	return true;
}

/* The members that all events have: a "type", and perhaps an "event_id". */
static bool envelope_ok(struct session *s, const json_t *msg)
{
	const json_t *type = json_object_get(msg, "type"), *id = json_object_get(msg, "event_id");

	if (id && !json_is_null(id) && !type_fits(s, "event_id", JSON_STRING, id))
		return false;
	if (type && !json_is_null(type))
		return type_fits(s, "type", JSON_STRING, type);
	error_send(s, ERR_MISSING_PARAMETER, "type", "Missing required parameter: 'type'.");
	return false;
}

void route_message(struct session *s, struct bytes text)
{
	char why[160] = "";

	if (text.n > SESSION_MESSAGE_MAX) {
		error_send(s, ERR_INVALID_EVENT, NULL, "The event is too long.");
		return;
	}
	if (on_plain_append(s, text))
		return;
	AUTO(json) json_t *msg = json_parse(text, why);
	if (!json_is_object(msg)) {
		error_send(s, ERR_INVALID_JSON, NULL,
			   "The event could not be parsed as a JSON object%s%s.", why[0] ? ": " : "",
			   why);
		return;
	}
	s->asking.event_id = json_str(msg, "event_id", NULL);
	if (envelope_ok(s, msg)) {
		const char *type = json_str(msg, "type", "");
		const struct route *r = route_of(s, type);

		if (!r)
			refuse_type(s, type);
		else if (shape_ok(s, r, msg))
			r->on(s, msg);
	}
	s->asking.event_id = NULL;
}

/* invariants.h - for tests: what holds for the events of any session, in each dialect.
 *
 * A model follows the events as they are sent, to whichever leg: it knows the responses and
 * their open items, the conversation's order, the ids used. invariants_event() says what is
 * wrong with the next one. It asks the session only for its dialect and for what it was told.
 * The lists of names here are those of the clients and services, not ours: on purpose they
 * repeat what event.def says. Include it in one file of a test program only. */
#pragma once

#include <string.h>

#include "base/alloc.h"
#include "base/b64.h"
#include "session/emit.h"
#include "session/state.h"

struct model {
	const struct session *s;
	json_t *ids;       /* event_id: true */
	json_t *responses; /* id: {done, oob, open, next, said, output: [id]} */
	json_t *order;     /* ids of the conversation's items, as clients know it */
	json_t *ever;      /* item id: true, once added */
	char speech[40];   /* item_id of the last speech_started or timeout_triggered */
	bool asked_for_more; /* retrieve, transcription_session.update, include: BETA has these names only then */
	size_t n;        /* events */
	size_t n_errors; /* of them errors with this event_id */
	const char *asking;
};

static inline bool model_init(struct model *m, const struct session *s)
{
	*m = (struct model){ .s = s,
			     .ids = json_object(),
			     .responses = json_object(),
			     .order = json_array(),
			     .ever = json_object() };
	return m->ids && m->responses && m->order && m->ever;
}

static inline void model_done(struct model *m)
{
	json_decref(m->ids);
	json_decref(m->responses);
	json_decref(m->order);
	json_decref(m->ever);
}

static inline bool listed(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static inline bool has_string(const json_t *v, const char *key)
{
	return json_is_string(json_object_get(v, key));
}

/* Present: a string or null. */
static inline bool has_nullable(const json_t *v, const char *key)
{
	return has_string(v, key) || json_is_null(json_object_get(v, key));
}

static inline void keep(json_t *in, const char *key, json_t *v)
{
	(void)!json_object_set_new(in, key, v);
}

/* --- shapes (protocol 2.9) --------------------------------------------------------------- */

static const char *part_shape(enum dialect d, const char *role, const json_t *part)
{
	static const struct {
		const char *role, *ga, *flat, *text;
	} rules[] = {
		{ "system", "input_text", "input_text", "text" },
		{ "user", "input_text", "input_text", "text" },
		{ "user", "input_audio", "input_audio", NULL },
		{ "user", "input_image", "input_image", "image_url" },
		{ "assistant", "output_text", "text", "text" },
		{ "assistant", "output_audio", "audio", "transcript" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		const char *type = d == DIALECT_GA ? rules[i].ga : rules[i].flat;

		if (strcmp(rules[i].role, role) != 0 ||
		    strcmp(type, json_str(part, "type", "")) != 0)
			continue;
		if (!rules[i].text)
			return has_nullable(part, "transcript") ? NULL : "audio without transcript";
		/* Of what a client put in as the assistant's words may not be known. */
		bool may_lack = strcmp(rules[i].text, "transcript") == 0;
		return has_string(part, rules[i].text) ||
				       (may_lack && !json_object_get(part, rules[i].text))
			       ? NULL
			       : "a part without its text";
	}
	return "a part of a kind that this role has not";
}

/* Of MCP servers: no status, and a call has its output and error in any case. */
static const char *mcp_shape(enum dialect d, const char *type, const json_t *item)
{
	static const struct {
		const char *type, *members[5];
	} rules[] = {
		{ "mcp_list_tools", { "id", "server_label" } },
		{ "mcp_call", { "id", "server_label", "name", "arguments" } },
		{ "mcp_approval_request", { "id", "server_label", "name", "arguments" } },
		{ "mcp_approval_response", { "id", "approval_request_id" } },
	};
	const json_t *output = json_object_get(item, "output"), *error = json_object_get(item, "error");

	if (!json_object_get(item, "object") != (d == DIALECT_GA))
		return "only flat items have an object";
	if (strcmp(type, "mcp_call") == 0 && (!output || !error || (json_is_string(output) && json_is_object(error))))
		return "an mcp_call without output or error, or with both";
	if (strcmp(type, "mcp_list_tools") == 0 && !json_is_array(json_object_get(item, "tools")))
		return "an mcp_list_tools without tools";
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		if (strcmp(rules[i].type, type) != 0)
			continue;
		for (size_t k = 0; rules[i].members[k]; k++)
			if (!has_string(item, rules[i].members[k]))
				return "an item of MCP without one of its members";
		return NULL;
	}
	return "an item of MCP of another type";
}

static const char *item_shape(enum dialect d, const json_t *item)
{
	const char *type = json_str(item, "type", "");
	const json_t *content = json_object_get(item, "content");
	const char *key, *why = NULL;
	json_t *v;

	if (strncmp(type, "mcp_", 4) == 0)
		return mcp_shape(d, type, item);
	json_object_foreach((json_t *)(uintptr_t)item, key, v)
		if (json_is_null(v))
			return "a member of an item is null";
	if (!has_string(item, "id") || !has_string(item, "status"))
		return "an item without id or status";
	if (!json_object_get(item, "object") != (d == DIALECT_GA))
		return "only flat items have an object";
	if (strcmp(type, "function_call") == 0)
		return has_string(item, "name") && has_string(item, "call_id") &&
				       has_string(item, "arguments")
			       ? NULL
			       : "a function_call without name, call_id or arguments";
	if (strcmp(type, "function_call_output") == 0)
		return has_string(item, "call_id") && has_string(item, "output")
			       ? NULL
			       : "a function_call_output without call_id or output";
	if (strcmp(type, "message") != 0 || !has_string(item, "role") || !json_is_array(content))
		return "a message without role or content, or an item of another type";
	for (size_t i = 0; !why && i < json_array_size(content); i++)
		why = part_shape(d, json_str(item, "role", ""), json_array_get(content, i));
	return why;
}

static const char *usage_shape(const json_t *u)
{
	static const char *const paths[] = {
		"total_tokens",
		"input_tokens",
		"output_tokens",
		"input_token_details.text_tokens",
		"input_token_details.audio_tokens",
		"input_token_details.cached_tokens",
		"input_token_details.cached_tokens_details.text_tokens",
		"input_token_details.cached_tokens_details.audio_tokens",
		"output_token_details.text_tokens",
		"output_token_details.audio_tokens",
	};

	for (size_t i = 0; !json_is_null(u) && i < ARRAY_LEN(paths); i++)
		if (!json_is_integer(config_at(u, paths[i])))
			return "usage is neither null nor complete";
	return u ? NULL : "a response without usage";
}

static const char *response_shape(enum dialect d, const json_t *r)
{
	static const char *const ga[] = { "object",
					  "id",
					  "status",
					  "status_details",
					  "output",
					  "conversation_id",
					  "output_modalities",
					  "max_output_tokens",
					  "audio",
					  "usage",
					  "metadata" };
	static const char *const flat[] = { "object",
					    "id",
					    "status",
					    "status_details",
					    "output",
					    "conversation_id",
					    "modalities",
					    "voice",
					    "output_audio_format",
					    "max_output_tokens",
					    "usage",
					    "metadata" };
	const char *const *keys = d == DIALECT_GA ? ga : flat;
	size_t n = d == DIALECT_GA ? ARRAY_LEN(ga) : ARRAY_LEN(flat);
	const json_t *output = json_object_get(r, "output");
	const json_t *details = json_object_get(r, "status_details");
	const char *why = usage_shape(json_object_get(r, "usage"));

	for (size_t i = 0; i < n; i++)
		if (!json_object_get(r, keys[i]))
			return "a response without one of its members";
	if (json_object_get(r, "modalities") && d == DIALECT_GA)
		return "a flat member in a GA response";
	if (d == DIALECT_GA && json_is_null(config_at(r, "audio.output.voice")))
		return "a response without voice";
	if (!json_is_null(details) &&
	    strcmp(json_str(details, "type", ""), json_str(r, "status", "?")) != 0)
		return "status_details of another status";
	for (size_t i = 0; !why && i < json_array_size(output); i++)
		why = item_shape(d, json_array_get(output, i));
	return why;
}

/* --- the conversation -------------------------------------------------------------------- */

static size_t place_of(const struct model *m, const char *id)
{
	for (size_t i = 0; id && i < json_array_size(m->order); i++)
		if (strcmp(json_string_value(json_array_get(m->order, i)), id) == 0)
			return i;
	return SIZE_MAX;
}

static const char *previous_ok(const struct model *m, const json_t *e)
{
	const char *previous = json_str(e, "previous_item_id", NULL);

	if (!has_nullable(e, "previous_item_id"))
		return "no previous_item_id";
	return previous && place_of(m, previous) == SIZE_MAX ? "previous_item_id is not there"
							     : NULL;
}

static const char *on_item_added(struct model *m, const json_t *e)
{
	const char *id = json_str(json_object_get(e, "item"), "id", "");
	const char *previous = json_str(e, "previous_item_id", NULL), *why = previous_ok(m, e);

	if (why)
		return why;
	if (place_of(m, id) != SIZE_MAX)
		return "an item was added twice";
	keep(m->ever, id, json_true());
	(void)!json_array_insert_new(m->order, previous ? place_of(m, previous) + 1 : 0,
				     json_string(id));
	return NULL;
}

static const char *on_item_done(struct model *m, const json_t *e)
{
	const char *id = json_str(json_object_get(e, "item"), "id", "");

	if (strcmp(json_str(json_object_get(e, "item"), "status", ""), "in_progress") == 0)
		return "an item is done and in progress";
	return place_of(m, id) == SIZE_MAX ? "an item was done that is not there"
					   : previous_ok(m, e);
}

static const char *on_item_deleted(struct model *m, const json_t *e)
{
	size_t at = place_of(m, json_str(e, "item_id", NULL));

	return at == SIZE_MAX || json_array_remove(m->order, at) < 0
		       ? "an item was deleted that is not there"
		       : NULL;
}

static const char *on_truncated(struct model *m, const json_t *e)
{
	return place_of(m, json_str(e, "item_id", NULL)) == SIZE_MAX
		       ? "an item was truncated that is not there"
		       : NULL;
}

static const char *on_transcription(struct model *m, const json_t *e)
{
	const json_t *usage = json_object_get(e, "usage"), *error = json_object_get(e, "error");
	const char *key;
	json_t *v;

	if (!json_object_get(m->ever, json_str(e, "item_id", "")))
		return "words of an item that was not added";
	json_object_foreach((json_t *)(uintptr_t)error, key, v)
		if (json_is_null(v))
			return "a member of a transcription's error is null";
	return usage && !has_string(usage, "type") ? "usage without type" : NULL;
}

static const char *on_speech_started(struct model *m, const json_t *e)
{
	snprintf(m->speech, sizeof(m->speech), "%s", json_str(e, "item_id", ""));
	return json_object_get(m->ever, m->speech) ? "speech in an item that is there" : NULL;
}

static const char *on_speech_stopped(struct model *m, const json_t *e)
{
	return strcmp(m->speech, json_str(e, "item_id", "")) != 0
		       ? "speech stopped that had not started"
		       : NULL;
}

static const char *on_committed(struct model *m, const json_t *e)
{
	return json_object_get(m->ever, json_str(e, "item_id", "")) ? "an item was committed twice"
								    : previous_ok(m, e);
}

/* --- responses --------------------------------------------------------------------------- */

static const char *on_created(struct model *m, const json_t *e)
{
	const json_t *r = json_object_get(e, "response");
	bool oob = json_is_null(json_object_get(r, "conversation_id"));
	const char *id;
	json_t *other;

	if (json_object_get(m->responses, json_str(r, "id", "")))
		return "a response was created twice";
	if (!json_is_null(json_object_get(r, "usage")) ||
	    strcmp(json_str(r, "status", ""), "in_progress") != 0)
		return "a response begins as it should not";
	json_object_foreach(m->responses, id, other)
		if (!oob && !json_flag(other, "oob", false) && !json_flag(other, "done", false))
			return "two active responses in the conversation";
	keep(m->responses, json_str(r, "id", ""),
	     json_pack("{s:b,s:b,s:b,s:s,s:i,s:[]}", "done", 0, "oob", oob, "open", 0, "said", "",
		       "next", 0, "output"));
	return NULL;
}

/* A call of an MCP server's tool may come and end beside a message that is still being spoken. */
static bool is_mcp(const json_t *item)
{
	return strncmp(json_str(item, "type", ""), "mcp_", 4) == 0;
}

static const char *on_output_added(const struct model *m, json_t *r, const json_t *e)
{
	const json_t *item = json_object_get(e, "item");
	int64_t next = (int64_t)json_array_size(json_object_get(r, "output"));

	(void)m;
	if (json_int(e, "output_index", -1) != next)
		return "an item was added out of order";
	(void)!json_array_append(json_object_get(r, "output"), json_object_get(item, "id"));
	if (is_mcp(item)) {
		keep(r, "beside", json_integer(json_int(r, "beside", 0) + 1));
		return NULL;
	}
	if (json_flag(r, "open", false) || strcmp(json_str(item, "status", ""), "in_progress") != 0)
		return "an item was added inside of another one";
	keep(r, "said", json_string(""));
	keep(r, "open", json_true());
	keep(r, "next", json_integer(next));
	return NULL;
}

/* Of the open item, or the last one that was. */
static const char *last_output(const json_t *r)
{
	const json_t *list = json_object_get(r, "output");

	return json_array_size(list)
		       ? json_string_value(json_array_get(list, (size_t)json_int(r, "next", 0)))
		       : "";
}

static const char *on_mcp_done(const struct model *m, json_t *r, const json_t *e)
{
	const char *id = json_str(json_object_get(e, "item"), "id", "?");
	const json_t *list = json_object_get(r, "output");
	const char *there = json_string_value(json_array_get(list, (size_t)json_int(e, "output_index", -1)));

	if (!there || strcmp(there, id) != 0)
		return "a call of MCP was done out of order";
	if (!json_flag(r, "oob", false) && !json_object_get(m->ever, id))
		return "an item of MCP is an orphan: the conversation never had it";
	keep(r, "beside", json_integer(json_int(r, "beside", 0) - 1));
	return NULL;
}

static const char *on_output_done(const struct model *m, json_t *r, const json_t *e)
{
	const json_t *item = json_object_get(e, "item");

	if (is_mcp(item))
		return on_mcp_done(m, r, e);
	if (!json_flag(r, "open", false) || json_int(e, "output_index", -1) != json_int(r, "next", 0) ||
	    strcmp(json_str(item, "id", "?"), last_output(r)) != 0 ||
	    strcmp(json_str(item, "status", ""), "in_progress") == 0)
		return "an item was done out of order";
	if (!json_flag(r, "oob", false) && !json_object_get(m->ever, last_output(r)))
		return "an item is an orphan: the conversation never had it";
	keep(r, "open", json_false());
	return NULL;
}

static const char *on_done(const struct model *m, json_t *r, const json_t *e)
{
	const json_t *output = json_object_get(json_object_get(e, "response"), "output");
	const json_t *made = json_object_get(r, "output");

	(void)m;
	keep(r, "done", json_true());
	if (json_flag(r, "open", false) || json_int(r, "beside", 0))
		return "an item is open at response.done";
	if (json_array_size(output) != json_array_size(made))
		return "response.done lists other items than there were";
	for (size_t i = 0; i < json_array_size(output); i++)
		if (strcmp(json_str(json_array_get(output, i), "id", ""),
			   json_string_value(json_array_get(made, i))) != 0)
			return "response.done lists the items in another order";
	return NULL;
}

static const char *inside(const json_t *r, const json_t *e)
{
	if (!json_flag(r, "open", false) ||
	    json_int(e, "output_index", -1) != json_int(r, "next", 0))
		return "something outside of its item";
	return strcmp(json_str(e, "item_id", "?"), last_output(r)) != 0
		       ? "something of another item"
		       : NULL;
}

static const char *on_part(const struct model *m, json_t *r, const json_t *e)
{
	const json_t *part = json_object_get(e, "part");
	const char *type = json_str(part, "type", "");
	const char *text = json_str(part, strcmp(type, "text") == 0 ? "text" : "transcript", NULL);

	(void)m;
	if ((strcmp(type, "text") != 0 && strcmp(type, "audio") != 0) || !text)
		return "a part that is neither text nor audio with transcript";
	return strcmp(text, json_str(r, "said", "")) != 0 ? "a part is not what the deltas were"
							  : inside(r, e);
}

static const char *on_delta(const struct model *m, json_t *r, const json_t *e)
{
	const char *delta = json_str(e, "delta", NULL);

	(void)m;
	if (!delta)
		return "a delta without delta";
	keep(r, "said", json_sprintf("%s%s", json_str(r, "said", ""), delta));
	return inside(r, e);
}

static const char *on_whole(const struct model *m, json_t *r, const json_t *e)
{
	const char *whole =
		json_str(e, "text", json_str(e, "transcript", json_str(e, "arguments", NULL)));

	(void)m;
	return !whole || strcmp(whole, json_str(r, "said", "")) != 0
		       ? "done is not what the deltas were"
		       : inside(r, e);
}

static const char *on_audio(const struct model *m, json_t *r, const json_t *e)
{
	const char *delta = json_str(e, "delta", "");
	size_t len = strlen(delta);
	const struct response *of =
		response_find((struct session *)(uintptr_t)m->s, json_str(e, "response_id", ""));
	bool pairs = of && audio_format_rate(of->set.out) != 8000; /* not G.711, nor 8 kHz */
	AUTO(mem) uint8_t *octets = mem_alloc(len + 1);
	ptrdiff_t n = octets ? b64_decode(delta, len, octets) : 2;

	if (n <= 0 || (pairs && n % 2))
		return "audio is not whole samples in base64";
	return len > 1000000 ? "more audio than clients take at once" : inside(r, e);
}

static const char *on_inside(const struct model *m, json_t *r, const json_t *e)
{
	(void)m;
	return inside(r, e);
}

static const char *on_extension(const struct model *m, json_t *r, const json_t *e)
{
	(void)m, (void)r, (void)e;
	return NULL;
}

/* Of a response by its id; after response.done nothing but playout may come. */
static const char *(*const of_response[N_EVENTS])(const struct model *, json_t *,
						  const json_t *) = {
	[EV_RESPONSE_DONE] = on_done,
	[EV_OUTPUT_ITEM_ADDED] = on_output_added,
	[EV_OUTPUT_ITEM_DONE] = on_output_done,
	[EV_PART_ADDED] = on_part,
	[EV_PART_DONE] = on_part,
	[EV_TEXT_DELTA] = on_delta,
	[EV_TEXT_DONE] = on_whole,
	[EV_AUDIO_DELTA] = on_audio,
	[EV_AUDIO_DONE] = on_inside,
	[EV_TRANSCRIPT_DELTA] = on_delta,
	[EV_TRANSCRIPT_DONE] = on_whole,
	[EV_TIMESTAMP_DELTA] = on_inside,
	[EV_TIMESTAMP_DONE] = on_inside,
	[EV_VISEME_DELTA] = on_inside,
	[EV_VISEME_DONE] = on_inside,
	[EV_ARGUMENTS_DELTA] = on_delta,
	[EV_ARGUMENTS_DONE] = on_whole,
	[EV_X_SOURCES] = on_extension,
	[EV_X_LATENCY] = on_extension,
	[EV_X_COST] = on_extension,
};

static const char *(*const of_session[N_EVENTS])(struct model *, const json_t *) = {
	[EV_ITEM_ADDED] = on_item_added,
	[EV_ITEM_DONE] = on_item_done,
	[EV_ITEM_DELETED] = on_item_deleted,
	[EV_ITEM_TRUNCATED] = on_truncated,
	[EV_TRANSCRIPTION_DELTA] = on_transcription,
	[EV_TRANSCRIPTION_COMPLETED] = on_transcription,
	[EV_TRANSCRIPTION_FAILED] = on_transcription,
	[EV_SPEECH_STARTED] = on_speech_started,
	[EV_TIMEOUT_TRIGGERED] = on_speech_started,
	[EV_SPEECH_STOPPED] = on_speech_stopped,
	[EV_INPUT_COMMITTED] = on_committed,
	[EV_RESPONSE_CREATED] = on_created,
};

/* --- the event as a whole ---------------------------------------------------------------- */

/* rt-client closes the socket at any other name; the second list is had only by asking. */
static bool beta_knows(const struct model *m, const char *type)
{
	static const char *const always[] = {
		"error",
		"session.created",
		"session.updated",
		"input_audio_buffer.committed",
		"input_audio_buffer.cleared",
		"input_audio_buffer.speech_started",
		"input_audio_buffer.speech_stopped",
		"conversation.item.created",
		"conversation.item.truncated",
		"conversation.item.deleted",
		"conversation.item.input_audio_transcription.completed",
		"conversation.item.input_audio_transcription.failed",
		"response.created",
		"response.done",
		"response.output_item.added",
		"response.output_item.done",
		"response.content_part.added",
		"response.content_part.done",
		"response.text.delta",
		"response.text.done",
		"response.audio.delta",
		"response.audio.done",
		"response.audio_transcript.delta",
		"response.audio_transcript.done",
		"response.function_call_arguments.delta",
		"response.function_call_arguments.done",
		"rate_limits.updated",
	};
	static const char *const asked[] = { "conversation.item.retrieved",
					     "transcription_session.updated",
					     "voiced.input_transcript.partial",
					     "voiced.response.sources", "voiced.turn.latency",
					     "voiced.turn.cost" };

	return listed(always, ARRAY_LEN(always), type) ||
	       (m->asked_for_more && listed(asked, ARRAY_LEN(asked), type)) ||
	       (session_paced(m->s) && strncmp(type, "output_audio_buffer.", 20) == 0) ||
	       (m->s->enforced && strcmp(type, "extension.middle_tier_tool_response") == 0);
}

static enum event event_of(enum dialect d, const char *type)
{
	enum event e = 0;

	while (e < N_EVENTS && !(event_name(d, e) && strcmp(event_name(d, e), type) == 0))
		e++;
	return e;
}

static const char *error_shape(struct model *m, const json_t *e)
{
	const json_t *error = json_object_get(e, "error");

	if (!has_string(error, "type") || !has_string(error, "message") ||
	    !has_nullable(error, "event_id"))
		return "an error without type, message or event_id";
	m->n_errors += m->asking && strcmp(json_str(error, "event_id", ""), m->asking) == 0;
	return NULL;
}

static const char *shape_of(struct model *m, enum event which, const json_t *e)
{
	enum dialect d = m->s->dialect;
	const json_t *item = json_object_get(e, "item"), *r = json_object_get(e, "response");

	if (which == EV_ERROR)
		return error_shape(m, e);
	if (which == EV_RATE_LIMITS)
		return has_string(json_array_get(json_object_get(e, "rate_limits"), 0), "name")
			       ? NULL
			       : "a rate limit without name";
	if (item)
		return item_shape(d, item);
	return r ? response_shape(d, r) : NULL;
}

static const char *of_a_response(struct model *m, enum event which, const json_t *e)
{
	const char *id =
		json_str(e, "response_id", json_str(json_object_get(e, "response"), "id", ""));
	json_t *r = json_object_get(m->responses, id);

	if (which == EV_OUTPUT_STARTED || which == EV_OUTPUT_STOPPED)
		return r ? NULL : "playout of no response";
	if (!of_response[which])
		return NULL;
	if (!r)
		return "an event of a response that was not created";
	if (json_flag(r, "done", false))
		return "an event after response.done";
	return of_response[which](m, r, e);
}

/* NULL: all is well. Each event once, whichever legs it went to, as soon as it is sent. */
static const char *invariants_event(struct model *m, const json_t *e, enum event *which)
{
	const char *type = json_str(e, "type", ""), *id = json_str(e, "event_id", NULL), *why;

	m->n++;
	*which = event_of(m->s->dialect, type);
	if (*which == N_EVENTS)
		return "a name that this dialect has not";
	if (m->s->dialect == DIALECT_BETA && !beta_knows(m, type))
		return "a name that rt-client does not know";
	if (!id || json_object_get(m->ids, id))
		return "event_id is missing or used twice";
	keep(m->ids, id, json_true());
	if ((why = shape_of(m, *which, e)))
		return why;
	if (of_session[*which] && (why = of_session[*which](m, e)))
		return why;
	return of_a_response(m, *which, e);
}

/* From here on the next item that is not hidden from clients. */
static const struct node *known_node(const struct model *m, const struct node *n)
{
	while (n != &m->s->conv.items.head &&
	       CONTAINER_OF((struct node *)(uintptr_t)n, struct item, node)->hidden)
		n = n->next;
	return n;
}

/* When nothing is left to be done in a session that still serves. */
static const char *invariants_end(const struct model *m)
{
	const struct node *n = m->s->conv.items.head.next;
	const char *id;
	json_t *r;

	json_object_foreach(m->responses, id, r)
		if (!json_flag(r, "done", false))
			return "a response never ended";
	for (size_t i = 0; i < json_array_size(m->order); i++, n = n->next) {
		n = known_node(m, n);
		if (n == &m->s->conv.items.head ||
		    strcmp(CONTAINER_OF((struct node *)(uintptr_t)n, struct item, node)->id,
			   json_string_value(json_array_get(m->order, i))) != 0)
			return "clients know the conversation in another order";
	}
	return known_node(m, n) == &m->s->conv.items.head ? NULL : "clients do not know all of the conversation";
}

/* --- legs -------------------------------------------------------------------------------- */

/* What a leg of this view may be sent; split: a data channel and a control socket share the call. */
static const char *invariants_view(enum leg_view view, bool split, bool more, const json_t *e)
{
	static const char *const filtered[] = {
		"input_audio_buffer.speech_started",
		"input_audio_buffer.speech_stopped",
		"output_audio_buffer.started",
		"output_audio_buffer.stopped",
		"conversation.item.input_audio_transcription.completed",
		"conversation.item.added",
		"conversation.item.created",
		"response.output_text.delta",
		"response.output_text.done",
		"response.output_audio_transcript.delta",
		"response.output_audio_transcript.done",
		"response.text.delta",
		"response.text.done",
		"response.audio_transcript.delta",
		"response.audio_transcript.done",
	};
	static const char *const control[] = { "session.created", "session.updated", "warning",
					       "mcp_list_tools.in_progress", "mcp_list_tools.completed",
					       "mcp_list_tools.failed", "response.mcp_call_arguments.delta",
					       "response.mcp_call_arguments.done", "response.mcp_call.in_progress",
					       "response.mcp_call.completed", "response.mcp_call.failed",
					       "response.function_call_arguments.delta",
					       "response.function_call_arguments.done" };
	static const char *const lifecycle[] = { "response.created", "response.done" };
	static const char *const either[] = { "error", "conversation.item.retrieved" };
	const char *type = json_str(e, "type", "");
	const json_t *item = json_object_get(e, "item");
	bool call = item && strcmp(json_str(item, "type", ""), "message") != 0;

	if (view == VIEW_NONE)
		return "an event for a leg that takes none";
	if (view == VIEW_FILTERED)
		return listed(filtered, ARRAY_LEN(filtered), type)
			       ? NULL
			       : "not let through by the filter";
	if (view == VIEW_ALL || !split || listed(either, ARRAY_LEN(either), type))
		return NULL;
	if (view == VIEW_DATA)
		return call || listed(control, ARRAY_LEN(control), type)
			       ? "the control socket's event on the data channel"
			       : NULL;
	if (call || listed(control, ARRAY_LEN(control), type) ||
	    (more && listed(lifecycle, ARRAY_LEN(lifecycle), type)))
		return NULL;
	return "the data channel's event on the control socket";
}

#include "service/realtime_dialect.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/ops.h"

#define GA    (BIT(SERVICE_OPENAI) | BIT(SERVICE_AZURE))
#define BETA  BIT(SERVICE_AZURE_PREVIEW)
#define LIVE  BIT(SERVICE_VOICE_LIVE)
#define FLAT  (BETA | LIVE)
#define ALL   (GA | FLAT)

static const char ref_key[] = "voiced_ref";

static const struct dialect {
	const char *path;       /* below service.url                      */
	const char *bare_path;  /* where service.url has none             */
	const char *model_name; /* of the query                           */
	const char *version;    /* api-version where none is said; NULL: none */
	const char *ears;       /* transcription model where none is said */
} dialects[] = {
	[SERVICE_OPENAI] = { "/realtime", "/v1/realtime", "model", NULL, "gpt-4o-mini-transcribe" },
	[SERVICE_AZURE] = { "/openai/v1/realtime", "/openai/v1/realtime", "model", NULL, "whisper-1" },
	[SERVICE_AZURE_PREVIEW] = { "/openai/realtime", "/openai/realtime", "deployment",
				    "2025-04-01-preview", "whisper-1" },
	[SERVICE_VOICE_LIVE] = { "/voice-live/realtime", "/voice-live/realtime", "model", "2025-10-01",
				 "azure-speech" },
};

/* --- names of events -------------------------------------------------------------------- */

/* clang-format off */
static const struct {
	const char *name;
	enum rt_event event;
} events[] = {
	{ "response.output_audio.delta",                           RT_AUDIO_DELTA },
	{ "response.audio.delta",                                  RT_AUDIO_DELTA },
	{ "response.output_audio_transcript.delta",                RT_TRANSCRIPT_DELTA },
	{ "response.audio_transcript.delta",                       RT_TRANSCRIPT_DELTA },
	{ "response.output_text.delta",                            RT_TEXT_DELTA },
	{ "response.text.delta",                                   RT_TEXT_DELTA },
	{ "response.created",                                      RT_RESPONSE_CREATED },
	{ "response.output_item.added",                            RT_ITEM_ADDED },
	{ "response.output_item.done",                             RT_ITEM_DONE },
	{ "response.done",                                         RT_RESPONSE_DONE },
	{ "conversation.item.input_audio_transcription.delta",     RT_WORDS_DELTA },
	{ "conversation.item.input_audio_transcription.completed", RT_WORDS },
	{ "conversation.item.input_audio_transcription.failed",    RT_WORDS_FAILED },
	{ "input_audio_buffer.speech_started",                     RT_SPEECH_STARTED },
	{ "input_audio_buffer.speech_stopped",                     RT_SPEECH_STOPPED },
	{ "input_audio_buffer.committed",                          RT_COMMITTED },
	{ "session.created",                                       RT_SESSION_CREATED },
	{ "session.updated",                                       RT_SESSION_UPDATED },
	{ "error",                                                 RT_ERROR },
};

enum form { AS_IS, MODALITIES, FORMAT, TURNS, EARS, VOICE, FUNCTIONS };
enum where { IN_SESSION = 1, IN_RESPONSE = 2, ANYWHERE = 3 };

/* Members of the GA shape, and what the flat one calls them. */
static const struct member {
	const char *ga, *flat;
	unsigned apis;
	enum form form;
	enum where where;
} members[] = {
	{ "output_modalities",             "modalities",                    ALL,  MODALITIES, ANYWHERE },
	{ "instructions",                  "instructions",                  ALL,  AS_IS,      ANYWHERE },
	{ "tools",                         "tools",                         ALL,  FUNCTIONS,  ANYWHERE },
	{ "tool_choice",                   "tool_choice",                   ALL,  AS_IS,      ANYWHERE },
	{ "max_output_tokens",             "max_response_output_tokens",    ALL,  AS_IS,      ANYWHERE },
	{ "temperature",                   "temperature",                   FLAT, AS_IS,      ANYWHERE },
	{ "reasoning",                     NULL,                            GA,   AS_IS,      ANYWHERE },
	{ "parallel_tool_calls",           NULL,                            GA,   AS_IS,      ANYWHERE },
	{ "truncation",                    NULL,                            GA,   AS_IS,      IN_SESSION },
	{ "audio.input.format",            "input_audio_format",            ALL,  FORMAT,     IN_SESSION },
	{ "audio.input.transcription",     "input_audio_transcription",     ALL,  EARS,       IN_SESSION },
	{ "audio.input.turn_detection",    "turn_detection",                ALL,  TURNS,      IN_SESSION },
	{ "audio.input.noise_reduction",   "input_audio_noise_reduction",   ALL,  AS_IS,      IN_SESSION },
	{ "audio.input.echo_cancellation", "input_audio_echo_cancellation", LIVE, AS_IS,      IN_SESSION },
	{ "audio.output.format",           "output_audio_format",           ALL,  FORMAT,     IN_SESSION },
	{ "audio.output.voice",            "voice",                         ALL,  VOICE,      ANYWHERE },
	{ "audio.output.speed",            NULL,                            GA,   AS_IS,      IN_SESSION },
	{ "conversation",                  "conversation",                  ALL,  AS_IS,      IN_RESPONSE },
};
/* clang-format on */

enum rt_event rt_event_of(const char *type)
{
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (strcmp(events[i].name, type) == 0)
			return events[i].event;
	return RT_OTHER;
}

static bool is_flat(const struct service *s)
{
	return (BIT(s->api) & FLAT) != 0;
}

/* --- the URL ------------------------------------------------------------------------------ */

/* RFC 3986, 2.3 */
static void put_encoded(struct buf *to, const char *text)
{
	for (const char *p = text; *p; p++)
		if (isalnum((unsigned char)*p) || strchr("-._~", *p))
			buf_putc(to, *p);
		else
			buf_printf(to, "%%%02X", (unsigned char)*p);
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

void rt_url(const struct service *s, struct buf *to)
{
	const struct dialect *d = &dialects[s->api];
	const char *site = strstr(s->url, "://"), *version = s->version ? s->version : d->version;
	const char *path = strchr(site ? site + 3 : s->url, '/');

	buf_puts(to, s->url);
	if (!path)
		buf_puts(to, d->bare_path);
	else if (!ends_with(s->url, d->path))
		buf_puts(to, d->path);
	/* GA refuses an api-version. */
	if (d->version) {
		buf_puts(to, "?api-version=");
		put_encoded(to, version);
	}
	if (s->model) {
		buf_printf(to, "%c%s=", d->version ? '&' : '?', d->model_name);
		put_encoded(to, s->model);
	}
}

/* --- settings ------------------------------------------------------------------------------ */

static json_t *at(const json_t *from, const char *path)
{
	char word[48];
	size_t n = strcspn(path, ".");

	snprintf(word, sizeof(word), "%.*s", (int)n, path);
	json_t *v = json_object_get(from, word);
	return path[n] ? at(v, path + n + 1) : v;
}

/* Takes v. */
static bool put_at(json_t *to, const char *path, json_t *v)
{
	char word[48];
	size_t n = strcspn(path, ".");

	snprintf(word, sizeof(word), "%.*s", (int)n, path);
	if (!path[n])
		return json_object_set_new(to, word, v) == 0;
	json_t *inner = json_object_get(to, word);
	if (!inner) {
		inner = json_object();
		if (json_object_set_new(to, word, inner) < 0) {
			json_decref(v);
			return false;
		}
	}
	return put_at(inner, path + n + 1, v);
}

static json_t *write_modalities(const struct service *s, const json_t *v)
{
	bool text = json_has_word(v, "text") && !json_has_word(v, "audio");

	if (!is_flat(s))
		return json_pack("[s]", text ? "text" : "audio");
	return text ? json_pack("[s]", "text") : json_pack("[s,s]", "text", "audio");
}

static json_t *write_format(const struct service *s)
{
	return is_flat(s) ? json_string("pcm16") :
			    json_pack("{s:s,s:i}", "type", "audio/pcm", "rate", REALTIME_RATE_HZ);
}

/* Without its nulls: not every service takes them for "not said". */
static json_t *write_ears(const struct service *s, const json_t *v)
{
	AUTO(json) json_t *to = json_is_object(v) ? json_deep_copy(v) : json_object();
	const char *key;
	json_t *member;
	void *next;

	json_object_foreach_safe (to, next, key, member)
		if (json_is_null(member))
			(void)json_object_del(to, key);
	const json_t *model = json_object_get(to, "model");

	if (to && !json_is_string(model) &&
	    json_object_set_new(to, "model", json_string(dialects[s->api].ears)) < 0)
		return NULL;
	return json_incref(to);
}

static json_t *write_functions(const json_t *v)
{
	json_t *to = json_array();

	for (size_t i = 0; i < json_array_size(v); i++) {
		json_t *tool = json_array_get(v, i);

		if (strcmp(json_str(tool, "type", ""), "function") == 0 &&
		    json_array_append(to, tool) < 0) {
			json_decref(to);
			return NULL;
		}
	}
	return to;
}

/* The value that goes out; *leave: none does. */
static json_t *write_member(const struct service *s, const struct member *m, json_t *v,
			    enum rt_turns turns, bool *leave)
{
	switch (m->form) {
	case AS_IS:
		break;
	case MODALITIES:
		if (v)
			return write_modalities(s, v);
		break;
	case FORMAT:
		return write_format(s);
	case TURNS:
		if (turns == RT_TURNS_OURS || !v)
			return turns == RT_TURNS_OURS ? json_null() : (*leave = true, NULL);
		break;
	case EARS:
		return write_ears(s, v);
	case VOICE:
		if (s->voice)
			return json_string(s->voice);
		break;
	case FUNCTIONS:
		if (v)
			return write_functions(v);
		break;
	}
	*leave = !v;
	return json_incref(v);
}

static bool write_members(const struct service *s, const json_t *from, json_t *to, enum where where,
			  enum rt_turns turns)
{
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const struct member *m = &members[i];
		const char *name = is_flat(s) ? m->flat : m->ga;
		json_t *v = at(from, m->ga);
		bool leave = where == IN_RESPONSE && !v;

		if (!(m->where & where) || !(m->apis & BIT(s->api)) || !name || leave)
			continue;
		json_t *out = write_member(s, m, v, turns, &leave);
		if (!leave && !put_at(to, name, out))
			return false;
	}
	return true;
}

json_t *rt_session(const struct service *s, const json_t *session, enum rt_turns turns)
{
	AUTO(json) json_t *to = is_flat(s) ? json_object() : json_pack("{s:s}", "type", "realtime");

	return to && write_members(s, session, to, IN_SESSION, turns) ? json_incref(to) : NULL;
}

/* --- items ----------------------------------------------------------------------------------- */

enum role { USER, ASSISTANT, SYSTEM, N_ROLES };

static const char *const role_names[] = { "user", "assistant", "system" };

static json_t *text_part(const struct service *s, enum role role, const char *text)
{
	const char *type = role != ASSISTANT ? "input_text" : is_flat(s) ? "text" : "output_text";

	return json_pack("{s:s,s:s}", "type", type, "text", text);
}

/* NULL with *known false: nothing to tell. */
static json_t *write_part(const struct service *s, enum role role, const json_t *part, bool *known)
{
	const char *text = json_str(part, "text", json_str(part, "transcript", ""));
	const char *type = json_str(part, "type", ""), *audio = json_str(part, "audio", "");

	if (role == USER && strcmp(type, "input_image") == 0 && !is_flat(s))
		return json_incref((json_t *)(uintptr_t)part);
	if (*text)
		return text_part(s, role, text);
	if (role == USER && *audio)
		return json_pack("{s:s,s:s}", "type", "input_audio", "audio", audio);
	*known = false;
	return NULL;
}

static json_t *write_message(const struct service *s, const json_t *item, bool *known)
{
	const json_t *content = json_object_get(item, "content");
	const char *name = json_str(item, "role", "");
	enum role role = USER;

	while (role < N_ROLES && strcmp(role_names[role], name) != 0)
		role++;
	*known = false;
	if (role == N_ROLES)
		return NULL;
	AUTO(json) json_t *parts = json_array();
	for (size_t i = 0; i < json_array_size(content); i++) {
		bool has = true;
		json_t *part = write_part(s, role, json_array_get(content, i), &has);

		if (has && json_array_append_new(parts, part) < 0) {
			*known = true;
			return NULL;
		}
	}
	*known = !parts || json_array_size(parts) > 0;
	return *known ? json_pack("{s:s,s:s,s:O}", "type", "message", "role", name, "content", parts) :
			NULL;
}

static json_t *write_call(const struct service *s, const json_t *item, bool *known)
{
	(void)s;
	(void)known;
	return json_pack("{s:s,s:s,s:s,s:s}", "type", "function_call", "call_id",
			 json_str(item, "call_id", ""), "name", json_str(item, "name", ""), "arguments",
			 json_str(item, "arguments", "{}"));
}

static json_t *write_call_output(const struct service *s, const json_t *item, bool *known)
{
	(void)s;
	(void)known;
	return json_pack("{s:s,s:s,s:s}", "type", "function_call_output", "call_id",
			 json_str(item, "call_id", ""), "output", json_str(item, "output", ""));
}

json_t *rt_item(const struct service *s, const json_t *item, const char *id, bool *known)
{
	static const struct {
		const char *type;
		json_t *(*write)(const struct service *s, const json_t *item, bool *known);
	} kinds[] = { { "message", write_message },
		      { "function_call", write_call },
		      { "function_call_output", write_call_output } };
	const char *type = json_str(item, "type", "");

	*known = true;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].type, type) != 0)
			continue;
		AUTO(json) json_t *to = kinds[i].write(s, item, known);
		if (to && id && json_object_set_new(to, "id", json_string(id)) < 0)
			return NULL;
		return json_incref(to);
	}
	*known = false;
	return NULL;
}

/* --- answers ----------------------------------------------------------------------------------- */

static bool put_input(const struct service *s, const json_t *from, json_t *to)
{
	json_t *input = json_object_get(from, "input"), *list = json_array();

	if (!input) {
		json_decref(list);
		return true;
	}
	for (size_t i = 0; i < json_array_size(input); i++) {
		const json_t *item = json_array_get(input, i);
		bool known = true, ref = strcmp(json_str(item, "type", ""), "item_reference") == 0;
		json_t *v = ref ? json_deep_copy(item) : rt_item(s, item, NULL, &known);

		if (known && json_array_append_new(list, v) < 0) {
			json_decref(list);
			return false;
		}
	}
	return json_object_set_new(to, "input", list) == 0;
}

json_t *rt_response(const struct service *s, const json_t *response, uint64_t ref)
{
	AUTO(json) json_t *to = json_object();
	const json_t *theirs = json_object_get(response, "metadata");
	AUTO(json) json_t *metadata = json_is_object(theirs) ? json_copy((json_t *)(uintptr_t)theirs) :
							      json_object();
	char number[24];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)ref);
	if (!to || json_object_set_new(metadata, ref_key, json_string(number)) < 0 ||
	    json_object_set(to, "metadata", metadata) < 0 || !put_input(s, response, to) ||
	    !write_members(s, response, to, IN_RESPONSE, RT_TURNS_OURS))
		return NULL;
	return json_incref(to);
}

uint64_t rt_ref(const json_t *response)
{
	const char *text = json_str(json_object_get(response, "metadata"), ref_key, "");

	return isdigit((unsigned char)text[0]) ? strtoull(text, NULL, 10) : 0;
}

#include "session/dialect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "session/errors.h"

/* How a value is written where the two shapes differ by more than its place. */
enum form { AS_IS, MODALITIES, FORMAT };
enum direction { BOTH_WAYS, READ_ONLY };

#define FLAT (BIT(DIALECT_BETA) | BIT(DIALECT_VOICE_LIVE))
#define LIVE BIT(DIALECT_VOICE_LIVE)

/* Members of the flat session object and their places in the GA shape, in the order in which
 * they are shown. */
/* clang-format off */
static const struct alias {
	const char *flat, *ga;
	enum form form;
	unsigned dialects;
	enum direction direction;
} aliases[] = {
	{ "modalities",                    "output_modalities",             MODALITIES, FLAT, BOTH_WAYS },
	{ "instructions",                  "instructions",                  AS_IS,      FLAT, BOTH_WAYS },
	{ "voice",                         "audio.output.voice",            AS_IS,      FLAT, BOTH_WAYS },
	{ "input_audio_format",            "audio.input.format",            FORMAT,     FLAT, BOTH_WAYS },
	{ "input_audio_sampling_rate",     "audio.input.sampling_rate",     AS_IS,      LIVE, BOTH_WAYS },
	{ "output_audio_format",           "audio.output.format",           FORMAT,     FLAT, BOTH_WAYS },
	{ "input_audio_transcription",     "audio.input.transcription",     AS_IS,      FLAT, BOTH_WAYS },
	{ "turn_detection",                "audio.input.turn_detection",    AS_IS,      FLAT, BOTH_WAYS },
	{ "input_audio_noise_reduction",   "audio.input.noise_reduction",   AS_IS,      FLAT, BOTH_WAYS },
	{ "input_audio_echo_cancellation", "audio.input.echo_cancellation", AS_IS,      LIVE, BOTH_WAYS },
	{ "tools",                         "tools",                         AS_IS,      FLAT, BOTH_WAYS },
	{ "tool_choice",                   "tool_choice",                   AS_IS,      FLAT, BOTH_WAYS },
	{ "parallel_tool_calls",           "parallel_tool_calls",           AS_IS,      FLAT, BOTH_WAYS },
	{ "temperature",                   "temperature",                   AS_IS,      FLAT, BOTH_WAYS },
	{ "max_response_output_tokens",    "max_output_tokens",             AS_IS,      FLAT, BOTH_WAYS },
	{ "max_output_tokens",             "max_output_tokens",             AS_IS,      FLAT, READ_ONLY },
	{ "reasoning_effort",              "reasoning_effort",              AS_IS,      LIVE, BOTH_WAYS },
	{ "speed",                         "audio.output.speed",            AS_IS,      FLAT, BOTH_WAYS },
	{ "tracing",                       "tracing",                       AS_IS,      FLAT, BOTH_WAYS },
	{ "include",                       "include",                       AS_IS,      FLAT, BOTH_WAYS },
	{ "animation",                     "animation",                     AS_IS,      LIVE, BOTH_WAYS },
	{ "output_audio_timestamp_types",  "output_audio_timestamp_types",  AS_IS,      LIVE, BOTH_WAYS },
	{ "avatar",                        "avatar",                        AS_IS,      LIVE, BOTH_WAYS },
	{ "interim_response",              "interim_response",              AS_IS,      LIVE, BOTH_WAYS },
	{ "metadata",                      "metadata",                      AS_IS,      LIVE, BOTH_WAYS },
};

/* Audio formats. The first row that fits is the one that is written. */
static const struct {
	const char *flat, *type;
	int rate; /* 0: none is said */
	unsigned dialects;
} formats[] = {
	{ "pcm16",         "audio/pcm",  24000, FLAT },
	{ "g711_ulaw",     "audio/pcmu", 0,     FLAT },
	{ "g711_alaw",     "audio/pcma", 0,     FLAT },
	{ "g711-ulaw",     "audio/pcmu", 0,     FLAT },
	{ "g711-alaw",     "audio/pcma", 0,     FLAT },
	{ "pcm16_8000hz",  "audio/pcm",  8000,  LIVE },
	{ "pcm16_16000hz", "audio/pcm",  16000, LIVE },
	{ "pcm16-8000hz",  "audio/pcm",  8000,  LIVE },
	{ "pcm16-16000hz", "audio/pcm",  16000, LIVE },
};
/* clang-format on */

/* --- reading ----------------------------------------------------------------------------- */

static const struct alias *alias_of(enum dialect d, const char *flat)
{
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
		if ((aliases[i].dialects & BIT(d)) && strcmp(aliases[i].flat, flat) == 0)
			return &aliases[i];
	return NULL;
}

/* Set the value at a dotted path, making the objects on the way. Takes v. */
static int put_at(json_t *to, const char *path, json_t *v)
{
	char word[64];
	size_t n = strcspn(path, ".");

	snprintf(word, sizeof(word), "%.*s", (int)n, path);
	if (!path[n])
		return json_object_set_new(to, word, v);
	json_t *inner = json_object_get(to, word);
	if (!inner) {
		inner = json_object();
		if (json_object_set_new(to, word, inner) < 0) {
			json_decref(v);
			return -1;
		}
	}
	return put_at(inner, path + n + 1, v);
}

static int refuse_value(enum config_scope scope, const struct alias *a, const json_t *v,
			const char *words, struct api_error *e)
{
	char param[96];

	snprintf(param, sizeof(param), "%s.%s", scope == SCOPE_RESPONSE ? "response" : "session",
		 a->flat);
	return error_set(e, ERR_INVALID_VALUE, param,
			 "Invalid value: '%.60s'. Supported values are: %s.",
			 json_is_string(v) ? json_string_value(v) : "(another type)", words);
}

/* ["text"] is text alone; whatever names audio speaks, and is captioned in any case. */
static json_t *read_modalities(const json_t *v)
{
	bool audio = json_has_word(v, "audio");

	return audio || json_has_word(v, "text") ? json_pack("[s]", audio ? "audio" : "text") : NULL;
}

static json_t *read_format(enum dialect d, const json_t *v)
{
	const char *word = json_is_string(v) ? json_string_value(v) : "";

	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if ((formats[i].dialects & BIT(d)) && strcmp(formats[i].flat, word) == 0)
			return formats[i].rate ? json_pack("{s:s,s:i}", "type", formats[i].type,
							   "rate", formats[i].rate)
					       : json_pack("{s:s}", "type", formats[i].type);
	return NULL;
}

static int read_member(enum dialect d, enum config_scope scope, const struct alias *a, json_t *v,
		       json_t *to, struct api_error *e)
{
	json_t *ga = NULL;

	if (a->form == AS_IS || json_is_null(v))
		ga = json_incref(v);
	else if (a->form == MODALITIES && !(ga = read_modalities(v)))
		return refuse_value(scope, a, json_array_get(v, 0), "'text', 'audio'", e);
	else if (a->form == FORMAT && !(ga = read_format(d, v)))
		return refuse_value(scope, a, v, "'pcm16', 'g711_ulaw', 'g711_alaw'", e);
	return put_at(to, a->ga, ga) < 0 ? -ENOMEM : 0;
}

int dialect_read(enum dialect d, enum config_scope scope, json_t *from, json_t **to,
		 struct api_error *e)
{
	const char *key;
	json_t *v;

	if (d == DIALECT_GA) {
		*to = json_incref(from);
		return 0;
	}
	AUTO(json) json_t *ga = json_object();
	if (!ga)
		return -ENOMEM;
	json_object_foreach (from, key, v) {
		const struct alias *a = alias_of(d, key);
		int err = a ? read_member(d, scope, a, v, ga, e) : 0;
		if (err)
			return err;
	}
	*to = json_incref(ga);
	return 0;
}

void dialect_path(enum dialect d, const char *path, char to[static 96])
{
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
		size_t n = strlen(aliases[i].ga);

		if (!(aliases[i].dialects & BIT(d)) || strncmp(aliases[i].ga, path, n) != 0 ||
		    (path[n] && path[n] != '.' && path[n] != '['))
			continue;
		snprintf(to, 96, "%s%s", aliases[i].flat, path + n);
		return;
	}
	snprintf(to, 96, "%s", path);
}

/* --- writing: the session ---------------------------------------------------------------- */

static json_t *write_modalities(const json_t *v)
{
	const char *word = json_string_value(json_array_get(v, 0));

	return word && strcmp(word, "text") == 0 ? json_pack("[s]", "text")
						 : json_pack("[s,s]", "text", "audio");
}

static json_t *write_format(const json_t *v)
{
	const char *type = json_str(v, "type", "");
	int64_t rate = json_int(v, "rate", 0);

	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (strcmp(formats[i].type, type) == 0 && formats[i].rate == rate)
			return json_string(formats[i].flat);
	return json_string("pcm16");
}

static json_t *write_value(enum form f, json_t *v)
{
	switch (f) {
	case AS_IS:
		break;
	case MODALITIES:
		return write_modalities(v);
	case FORMAT:
		return write_format(v);
	}
	return json_incref(v);
}

/* What stands in front: of the server's making. */
static json_t *flat_head(const json_t *config)
{
	return json_pack("{s:O*,s:O*,s:O*,s:O*}", "id", json_object_get(config, "id"), "object",
			 json_object_get(config, "object"), "model",
			 json_object_get(config, "model"), "expires_at",
			 json_object_get(config, "expires_at"));
}

json_t *dialect_session(enum dialect d, json_t *config)
{
	if (d == DIALECT_GA)
		return json_incref(config);
	AUTO(json) json_t *to = flat_head(config);
	/* A transcription session has no output, but shows modalities all the same. */
	bool ok = config_at(config, "output_modalities") ||
		  json_object_set_new(to, "modalities", json_pack("[s,s]", "text", "audio")) == 0;

	for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
		const struct alias *a = &aliases[i];
		json_t *v = config_at(config, a->ga);

		if (v && (a->dialects & BIT(d)) && a->direction == BOTH_WAYS)
			ok = ok &&
			     json_object_set_new(to, a->flat, write_value(a->form, v)) == 0;
	}
	return to && ok ? json_incref(to) : NULL;
}

/* --- writing: items and responses -------------------------------------------------------- */

static const struct {
	const char *ga, *flat;
} parts[] = { { "output_text", "text" }, { "output_audio", "audio" } };

static json_t *write_part(const json_t *part)
{
	AUTO(json) json_t *to = json_copy((json_t *)(uintptr_t)part);
	const char *type = json_str(part, "type", "");

	for (size_t i = 0; to && i < ARRAY_LEN(parts); i++)
		if (strcmp(parts[i].ga, type) == 0 &&
		    json_object_set_new(to, "type", json_string(parts[i].flat)) < 0)
			return NULL;
	return to ? json_incref(to) : NULL;
}

json_t *dialect_item(enum dialect d, json_t *item)
{
	json_t *content = json_object_get(item, "content"), *part;
	size_t i;

	if (d == DIALECT_GA)
		return json_incref(item);
	AUTO(json) json_t *to = json_copy(item);
	if (!to || json_object_set_new(to, "object", json_string("realtime.item")) < 0)
		return NULL;
	if (!content)
		return json_incref(to);
	AUTO(json) json_t *list = json_array();
	json_array_foreach (content, i, part)
		if (json_array_append_new(list, write_part(part)) < 0)
			return NULL;
	return json_object_set(to, "content", list) < 0 ? NULL : json_incref(to);
}

static json_t *write_output(enum dialect d, const json_t *output)
{
	AUTO(json) json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(output); i++)
		if (json_array_append_new(list, dialect_item(d, json_array_get(output, i))) < 0)
			return NULL;
	return list ? json_incref(list) : NULL;
}

json_t *dialect_response(enum dialect d, json_t *r)
{
	if (d == DIALECT_GA)
		return json_incref(r);
	json_t *modalities = json_object_get(r, "output_modalities");
	json_t *format = config_at(r, "audio.output.format");

	return json_pack("{s:O,s:O,s:O,s:O,s:o,s:O,s:o,s:O?,s:o,s:O*,s:O?,s:O,s:O}", "object",
			 json_object_get(r, "object"), "id", json_object_get(r, "id"), "status",
			 json_object_get(r, "status"), "status_details",
			 json_object_get(r, "status_details"), "output",
			 write_output(d, json_object_get(r, "output")), "conversation_id",
			 json_object_get(r, "conversation_id"), "modalities",
			 write_modalities(modalities), "voice", config_at(r, "audio.output.voice"),
			 "output_audio_format", write_format(format), "temperature",
			 json_object_get(r, "temperature"), "max_output_tokens",
			 json_object_get(r, "max_output_tokens"), "usage",
			 json_object_get(r, "usage"), "metadata", json_object_get(r, "metadata"));
}

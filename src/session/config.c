#include "session/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "session/config_rule.h"
#include "session/dialect.h"

/* --- merging ----------------------------------------------------------------------------- */

static int merge_into(struct merge *m, json_t *to, const char *path, json_t *patch);

static int merge_member(struct merge *m, json_t *to, const char *path, const char *key, json_t *v)
{
	char full[96];

	if ((size_t)snprintf(full, sizeof(full), "%s%s%s", path, path[0] ? "." : "", key) >=
	    sizeof(full))
		return 0;
	const struct config_rule *r = config_rule_at(full, BIT(m->dialect), m->scope);
	if (!r)
		return 0; /* unknown fields are tolerated (protocol rule 8) */

	if (r->kind == K_OBJECT) {
		if (json_is_null(v))
			return 0;
		if (!json_is_object(v))
			return config_refuse(m, full, "expected an object.");
		json_t *inner = json_object_get(to, key);
		if (!inner) {
			inner = json_object();
			m->no_memory |= json_object_set_new(to, key, inner) < 0;
		}
		return m->no_memory ? 0 : merge_into(m, inner, full, v);
	}
	json_t *kept = NULL;
	int err = config_take(m, r, v, &kept);
	if (!err && kept)
		m->no_memory |= json_object_set_new(to, key, kept) < 0;
	return err;
}

static int merge_into(struct merge *m, json_t *to, const char *path, json_t *patch)
{
	const char *key;
	json_t *v;

	json_object_foreach (patch, key, v) {
		int err = merge_member(m, to, path, key, v);
		if (err)
			return err;
	}
	return 0;
}

/* Objects on the way to what changes are copied, values are shared: configs are immutable. */
static json_t *copy_objects(const json_t *from, const char *path)
{
	AUTO(json) json_t *to = json_object();
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)(uintptr_t)from, key, v) {
		char full[96];

		snprintf(full, sizeof(full), "%s%s%s", path, path[0] ? "." : "", key);
		const struct config_rule *r = config_rule_at(full, ~0u, ~0u);
		int err = r && r->kind == K_OBJECT
				  ? json_object_set_new(to, key, copy_objects(v, full))
				  : json_object_set(to, key, v);
		if (err)
			return NULL;
	}
	return json_incref(to);
}

int config_merge(json_t *base, json_t *patch, enum dialect d, enum config_scope scope,
		 json_t **out, struct api_error *e)
{
	struct merge m = { .dialect = d, .scope = scope, .e = e };
	AUTO(json) json_t *to = copy_objects(base, "");
	AUTO(json) json_t *ga = NULL;
	int err = to ? dialect_read(d, scope, patch, &ga, e) : -ENOMEM;

	if (!err)
		err = merge_into(&m, to, "", ga);
	if (m.no_memory)
		return -ENOMEM;
	if (!err)
		*out = json_incref(to);
	return err;
}

/* --- defaults ---------------------------------------------------------------------------- */

static json_t *default_input(enum dialect d)
{
	json_t *v = json_pack("{s:{s:s,s:i},s:n,s:n,s:o}", "format", "type", "audio/pcm", "rate",
			      24000, "transcription", "noise_reduction", "turn_detection",
			      config_tag_default(d, "audio.input.turn_detection", "server_vad"));

	if (d == DIALECT_VOICE_LIVE &&
	    (json_object_set_new(v, "sampling_rate", json_integer(24000)) < 0 ||
	     json_object_set_new(v, "echo_cancellation", json_null()) < 0)) {
		json_decref(v);
		return NULL;
	}
	return v;
}

static json_t *default_realtime(const struct session_params *p, const char *id, int64_t expires_at)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:[s],s:s,s:[],s:s,s:s,s:n,s:s,s:n,s:I,"
			 "s:{s:o,s:{s:{s:s,s:i},s:s,s:f}},s:n}",
			 "type", "realtime", "object", "realtime.session", "id", id, "model",
			 p->model ? p->model : "voiced", "output_modalities", "audio",
			 "instructions", p->instructions ? p->instructions : "", "tools",
			 "tool_choice", "auto", "max_output_tokens", "inf", "tracing", "truncation",
			 "auto", "prompt", "expires_at", (json_int_t)expires_at, "audio", "input",
			 default_input(p->dialect), "output", "format", "type", "audio/pcm",
			 "rate", 24000, "voice", p->voice ? p->voice : "alloy", "speed", 1.0,
			 "include");
}

static json_t *default_transcription(const struct session_params *p, const char *id,
				     int64_t expires_at)
{
	return json_pack("{s:s,s:s,s:s,s:I,s:{s:o},s:n}", "type", "transcription", "object",
			 "realtime.transcription_session", "id", id, "expires_at",
			 (json_int_t)expires_at, "audio", "input", default_input(p->dialect),
			 "include");
}

json_t *config_default(const struct session_params *p, const char *id, int64_t expires_at)
{
	json_t *v = p->kind == SESSION_REALTIME ? default_realtime(p, id, expires_at)
						: default_transcription(p, id, expires_at);

	if (p->dialect == DIALECT_GA || p->kind != SESSION_REALTIME ||
	    json_object_set_new(v, "temperature", json_real(0.8)) == 0)
		return v;
	json_decref(v);
	return NULL;
}

/* --- reading ----------------------------------------------------------------------------- */

json_t *config_at(const json_t *config, const char *path)
{
	json_t *v = (json_t *)(uintptr_t)config;
	char word[64];

	while (v && *path) {
		size_t n = strcspn(path, ".");

		snprintf(word, sizeof(word), "%.*s", (int)n, path);
		v = json_object_get(v, word);
		path += n + (path[n] == '.');
	}
	return v;
}

bool config_same(const json_t *a, const json_t *b, const char *path)
{
	return json_equal(config_at(a, path), config_at(b, path));
}

static const struct {
	const char *type;
	unsigned rate_hz;
} formats[] = {
	[AUDIO_PCM_24K] = { "audio/pcm", 24000 }, [AUDIO_PCM_16K] = { "audio/pcm", 16000 },
	[AUDIO_PCM_8K] = { "audio/pcm", 8000 },	  [AUDIO_ULAW] = { "audio/pcmu", 8000 },
	[AUDIO_ALAW] = { "audio/pcma", 8000 },
};

unsigned audio_format_rate(enum audio_format f)
{
	return formats[f].rate_hz;
}

/* G.711 says no rate, PCM may; a Voice Live session says that of its input beside the format. */
static enum audio_format format_of(const json_t *f, const json_t *rate_beside)
{
	const char *type = json_str(f, "type", "audio/pcm");
	int64_t rate = json_is_integer(rate_beside) ? json_integer_value(rate_beside)
						    : json_int(f, "rate", 24000);

	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (strcmp(formats[i].type, type) == 0 &&
		    (i == AUDIO_ULAW || i == AUDIO_ALAW || formats[i].rate_hz == rate))
			return (enum audio_format)i;
	return AUDIO_PCM_24K;
}

static const char *voice_of(const json_t *v)
{
	return json_is_object(v)   ? json_str(v, "id", json_str(v, "name", "alloy"))
	       : json_is_string(v) ? json_string_value(v)
				   : "alloy";
}

static unsigned include_of(const json_t *list)
{
	static const struct {
		const char *name;
		unsigned bit;
	} known[] = { { "voiced.partials", INCLUDE_PARTIALS },
		      { "voiced.sources", INCLUDE_SOURCES },
		      { "voiced.latency", INCLUDE_LATENCY },
		      { "voiced.cost", INCLUDE_COST },
		      { "voiced.lifecycle", INCLUDE_LIFECYCLE },
		      { "voiced.queue", INCLUDE_QUEUE } };
	unsigned bits = 0;

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (json_has_word(list, known[i].name))
			bits |= known[i].bit;
	return bits;
}

/* semantic_vad has no silence of its own: how long we wait for a speaker to go on. */
static unsigned patience_ms(const char *eagerness)
{
	return strcmp(eagerness, "low") == 0 ? 1000 : strcmp(eagerness, "high") == 0 ? 400 : 600;
}

static void read_turns(const json_t *t, struct settings *out)
{
	const char *type = json_str(t, "type", NULL);

	out->vad = !type ? VAD_NONE : strcmp(type, "server_vad") == 0 ? VAD_SERVER : VAD_SEMANTIC;
	out->threshold = json_num(t, "threshold", 0.5);
	out->prefix_ms = (unsigned)json_int(t, "prefix_padding_ms", 300);
	out->silence_ms = (unsigned)json_int(t, "silence_duration_ms",
					     patience_ms(json_str(t, "eagerness", "auto")));
	out->idle_ms = (unsigned)json_int(t, "idle_timeout_ms", 0);
	out->create_response = json_flag(t, "create_response", true);
	out->interrupt_response = json_flag(t, "interrupt_response", true);
	out->auto_truncate = json_flag(t, "auto_truncate", false);
}

void config_read(const json_t *c, struct settings *out)
{
	const json_t *in = config_at(c, "audio.input"), *to = config_at(c, "audio.output");
	const json_t *heard = json_object_get(in, "transcription");
	const json_t *modality = json_array_get(json_object_get(c, "output_modalities"), 0);
	const char *word = json_string_value(modality);

	*out = (struct settings){
		.text_only = word && strcmp(word, "text") == 0,
		.instructions = json_str(c, "instructions", ""),
		.voice = voice_of(json_object_get(to, "voice")),
		.tools = json_object_get(c, "tools"),
		.tool_choice = json_object_get(c, "tool_choice"),
		.max_output_tokens = (int)json_int(c, "max_output_tokens", 0),
		.speed = json_num(to, "speed", 1.0),
		.in = format_of(json_object_get(in, "format"), json_object_get(in, "sampling_rate")),
		.out = format_of(json_object_get(to, "format"), NULL),
		.transcribe = json_is_object(heard),
		.language = json_str(heard, "language", NULL),
		.prompt = json_str(heard, "prompt", NULL),
		.include = include_of(json_object_get(c, "include")),
		.visemes = json_has_word(config_at(c, "animation.outputs"), "viseme_id"),
		.timestamps = json_array_size(json_object_get(c, "output_audio_timestamp_types")) > 0,
	};
	read_turns(json_object_get(in, "turn_detection"), out);
}

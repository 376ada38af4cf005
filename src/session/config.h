/* config.h - the session object: its defaults, what may be changed, what it means.
 *
 * A config is an immutable json_t in the GA shape: an update makes a new one. The
 * rules (paths, kinds, ranges, defaults of tagged unions) are tables in config_rule.c.
 */
#pragma once

#include "session/session.h"

enum audio_format { AUDIO_PCM_24K, AUDIO_PCM_16K, AUDIO_PCM_8K, AUDIO_ULAW, AUDIO_ALAW };

unsigned audio_format_rate(enum audio_format f);

enum vad_mode { VAD_NONE, VAD_SERVER, VAD_SEMANTIC };
enum include {
	INCLUDE_PARTIALS = BIT(0),
	INCLUDE_SOURCES = BIT(1),
	INCLUDE_LATENCY = BIT(2),
	INCLUDE_LIFECYCLE = BIT(3), /* response.created, .done on the control socket, too */
	INCLUDE_QUEUE = BIT(4),     /* response.create waits instead of failing          */
	INCLUDE_COST = BIT(5),
};

/* A config, read. Strings and JSON are borrowed from it. */
struct settings {
	bool text_only; /* output_modalities is ["text"] */
	const char *instructions, *voice;
	json_t *tools, *tool_choice;
	int max_output_tokens; /* 0: "inf" */
	double speed;
	enum audio_format in, out;
	bool transcribe;
	const char *language, *prompt; /* of transcription; NULL: not said */
	enum vad_mode vad;
	double threshold;
	unsigned prefix_ms, silence_ms, idle_ms; /* idle_ms 0: never */
	bool create_response, interrupt_response;
	bool auto_truncate; /* an answer that is interrupted is cut to what was heard */
	unsigned include;
	bool timestamps, visemes; /* of words, of the mouth: in events */
};

enum config_scope {
	SCOPE_REALTIME = BIT(0),      /* session.update               */
	SCOPE_TRANSCRIPTION = BIT(1), /* of a transcription session   */
	SCOPE_RESPONSE = BIT(2),      /* response.create's overrides  */
};

/* The defaults, a new reference; NULL: no memory. */
MUST_USE json_t *config_default(const struct session_params *p, const char *id, int64_t expires_at);
/* *out: base changed by patch, which the dialect wrote; a new reference. 0, -EINVAL with *e,
 * -ENOMEM. */
MUST_USE int config_merge(json_t *base, json_t *patch, enum dialect d, enum config_scope scope,
			  json_t **out, struct api_error *e);
void config_read(const json_t *config, struct settings *out);
/* Same value at a path such as "audio.output.voice"? */
MUST_USE bool config_same(const json_t *a, const json_t *b, const char *path);
json_t *config_at(const json_t *config, const char *path); /* borrowed; NULL: not there */

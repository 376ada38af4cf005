#include <errno.h>
#include <string.h>

#include "base/b64.h"
#include "session/append.h"
#include "session/client.h"
#include "session/errors.h"
#include "session/state.h"

/* --- session.update ---------------------------------------------------------------------- */

/* Only GA says of what kind the session is, and must. A client of the BETA path that does so
 * at the beginning speaks GA (the Azure helpers of some SDKs): so do we from there on. */
static bool type_ok(struct session *s, const json_t *patch)
{
	const char *want = s->kind == SESSION_REALTIME ? "realtime" : "transcription";
	const char *type = json_str(patch, "type", NULL);

	if (s->dialect == DIALECT_BETA && type && !s->updated && !session_speak_ga(s))
		return false;
	if (s->dialect != DIALECT_GA)
		return true;
	if (!type)
		error_send(s, ERR_MISSING_PARAMETER, "session.type",
			   "Missing required parameter: 'session.type'.");
	else if (strcmp(type, want) != 0)
		error_send(s, ERR_INVALID_VALUE, "session.type",
			   "Invalid value: '%.40s'. Supported values are: '%s'.", type, want);
	return type && strcmp(type, want) == 0;
}

/* What cannot change any more (protocol 3.1: "Locked"). */
static bool locks_ok(struct session *s, const json_t *to)
{
	if (s->voice_locked && !config_same(s->config, to, "audio.output.voice")) {
		error_send(s, ERR_CANNOT_UPDATE_VOICE,
			   s->dialect == DIALECT_GA ? "session.audio.output.voice" : "session.voice",
			   "Cannot update a conversation's voice if assistant audio is present.");
		return false;
	}
	const json_t *tracing = json_object_get(s->config, "tracing");
	if (tracing && !json_is_null(tracing) && !config_same(s->config, to, "tracing")) {
		error_send(s, ERR_INVALID_VALUE, "session.tracing",
			   "Tracing cannot be modified once it is enabled.");
		return false;
	}
	return true;
}

json_t *permitted(const struct session *s, json_t *patch)
{
	static const char *const kept[] = { "turn_detection", "input_audio_transcription",
					    "input_audio_format", "input_audio_noise_reduction",
					    "output_audio_format", "include" };

	if (!s->enforced)
		return json_incref(patch);
	json_t *to = json_object();
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		json_t *v = json_object_get(patch, kept[i]);

		if (v && json_object_set(to, kept[i], v) < 0) {
			json_decref(to);
			return NULL;
		}
	}
	return to;
}

static void update(struct session *s, const json_t *msg, enum event said)
{
	AUTO(json) json_t *patch = permitted(s, json_object_get(msg, "session"));
	AUTO(json) json_t *to = NULL;
	struct api_error e;

	if (!patch) {
		session_oom(s);
		return;
	}
	if (!type_ok(s, patch))
		return;
	int err = config_merge(s->config, patch, s->dialect,
			       s->kind == SESSION_REALTIME ? SCOPE_REALTIME : SCOPE_TRANSCRIPTION,
			       &to, &e);
	if (err == -EINVAL) {
		error_emit(s, &e);
		return;
	}
	if (err) {
		session_oom(s);
		return;
	}
	if (!locks_ok(s, to))
		return;
	AUTO(json) json_t *before = s->config;
	s->config = json_incref(to);
	s->updated = true;
	config_read(s->config, &s->set);
	turn_configure(s);
	upstream_update(s);
	emit(s, said, json_pack("{s:O}", "session", s->config));
	live_warn(s, before, patch);
	json_t *tools = json_object_get(patch, "tools");
	AUTO(json) json_t *none = json_is_null(tools) ? json_array() : NULL;
	if (tools)
		mcp_configure(s, none ? none : tools);
}

void on_session_update(struct session *s, const json_t *msg)
{
	update(s, msg, EV_SESSION_UPDATED);
}

void on_transcription_update(struct session *s, const json_t *msg)
{
	update(s, msg, EV_TRANSCRIPTION_SESSION_UPDATED);
}

/* --- input_audio_buffer.* ---------------------------------------------------------------- */

enum { APPEND_MAX = 15 * 1024 * 1024, APPEND_SMALL = 10000 /* 200 ms */, COMMIT_MIN_MS = 100, COMMIT_AGAIN_MS = 1000 };

/* false: it is not base64. */
static bool append_base64(struct session *s, struct bytes base64)
{
	uint8_t small[APPEND_SMALL];
	AUTO(buf) struct buf large = { 0 };
	size_t room = base64.n / 4 * 3 + 1;
	uint8_t *to = room <= sizeof(small) ? small : buf_reserve(&large, room);

	if (!to) {
		session_oom(s);
		return true;
	}
	ptrdiff_t got = b64_decode((const char *)base64.p, base64.n, to);
	if (got >= 0)
		audio_in_append(s, to, (size_t)got);
	return got >= 0;
}

bool on_plain_append(struct session *s, struct bytes text)
{
	struct bytes audio;

	return append_scan(text, &audio) && audio.n <= b64_len(APPEND_MAX) && append_base64(s, audio);
}

void on_append(struct session *s, const json_t *msg)
{
	const json_t *v = json_object_get(msg, "audio");
	size_t n = json_string_length(v);

	if (n > b64_len(APPEND_MAX))
		error_send(s, ERR_INVALID_VALUE, "audio", "More than 15 MiB of audio.");
	else if (!append_base64(s, bytes_of(json_string_value(v), n)))
		error_send(s, ERR_INVALID_VALUE, "audio",
			   "Invalid 'audio': expected base64-encoded audio.");
}

/* The server has just committed the turn, and the client does so as well: what little came since
 * is no turn of its own. */
static bool just_committed(const struct session *s)
{
	const struct turn *t = &s->turn;

	return s->set.vad != VAD_NONE && t->state == TURN_QUIET && t->ended_at &&
	       audio_in_end(&s->in) - t->ended_at < (uint64_t)COMMIT_AGAIN_MS * STT_RATE_HZ / 1000;
}

void on_commit(struct session *s, const json_t *msg)
{
	double ms = just_committed(s) ? 0 : audio_in_ms(&s->in);

	(void)msg;
	if (ms < COMMIT_MIN_MS) {
		error_send(s, ERR_COMMIT_EMPTY, NULL,
			   "Error committing input audio buffer: buffer too small. Expected at "
			   "least %dms of audio, but buffer only has %.2fms of audio.",
			   COMMIT_MIN_MS, ms);
		return;
	}
	turn_commit(s);
}

void on_clear(struct session *s, const json_t *msg)
{
	(void)msg;
	turn_clear(s);
	audio_in_clear(s);
	emit(s, EV_INPUT_CLEARED, json_object());
}

void on_output_clear(struct session *s, const json_t *msg)
{
	(void)msg;
	if (s->dialect == DIALECT_VOICE_LIVE && !session_paced(s)) {
		emit(s, EV_OUTPUT_CLEARED, json_object()); /* the client has stopped playing */
		return;
	}
	if (!session_paced(s)) {
		error_send(s, ERR_INVALID_VALUE, "type",
			   "output_audio_buffer.clear is for calls (WebRTC, SIP) only: here the "
			   "client plays the audio itself.");
		return;
	}
	LIST_FOR (&s->responses, n) {
		struct response *r = CONTAINER_OF(n, struct response, node);

		if (r->state == RESP_DRAINING || r->state == RESP_ACTIVE)
			response_silence(r);
	}
}

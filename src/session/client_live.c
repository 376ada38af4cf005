/* client_live.c - what Voice Live has beyond the Realtime API. */
#include <string.h>

#include "session/client.h"
#include "session/config_rule.h"
#include "session/errors.h"
#include "session/state.h"

enum { TEXTS_MAX = 8 }; /* streamed at the same time */

/* --- turns and text that the client streams ---------------------------------------------- */

/* A turn of the client's begins: what lay in the buffer is not of it. */
void on_clear_quietly(struct session *s, const json_t *msg)
{
	(void)msg;
	turn_clear(s);
	audio_in_clear(s);
}

void on_text_delta(struct session *s, const json_t *msg)
{
	const char *id = json_str(msg, "id", ""), *delta = json_str(msg, "delta", "");

	if (!s->texts)
		s->texts = json_object();
	const char *before = json_str(s->texts, id, NULL);
	if (!before && json_object_size(s->texts) >= TEXTS_MAX)
		error_send(s, ERR_INVALID_VALUE, "id", "More than %d texts are open.", TEXTS_MAX);
	else if (strlen(before ? before : "") + strlen(delta) > SESSION_ITEM_TEXT_MAX)
		error_send(s, ERR_INVALID_VALUE, "delta", "The text is too long.");
	else if (json_object_set_new(s->texts, id,
				     json_sprintf("%s%s", before ? before : "", delta)) < 0)
		session_oom(s);
}

/* The text becomes the user's message, as conversation.item.create would make it. */
void on_text_done(struct session *s, const json_t *msg)
{
	const char *id = json_str(msg, "id", ""), *text = json_str(s->texts, id, NULL);

	if (!text) {
		error_send(s, ERR_INVALID_VALUE, "id", "No text with the id '%.64s' is open.", id);
		return;
	}
	AUTO(json)
	json_t *create = json_pack("{s:{s:s,s:s,s:[{s:s,s:s}]}}", "item", "type", "message", "role",
				   "user", "content", "type", "input_text", "text", text);
	if (!create || json_object_del(s->texts, id) < 0)
		session_oom(s);
	else
		on_item_create(s, create);
}

/* --- what is not here -------------------------------------------------------------------- */

void on_not_here(struct session *s, const json_t *msg)
{
	static const struct {
		const char *type, *why;
	} reasons[] = {
		{ "session.avatar.connect", "This server has no avatars: it answers by voice." },
		{ "rtc.call.sdp.create", "This call has already begun." },
	};
	const char *type = json_str(msg, "type", "");

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (strcmp(reasons[i].type, type) == 0)
			error_send(s, ERR_INVALID_VALUE, "type", "%s", reasons[i].why);
}

/* Settings that are kept and echoed, but change nothing here. `type`: only with this "type". */
static const struct {
	const char *path, *type, *shown, *why;
} unserved[] = {
	{ "avatar", NULL, "session.avatar", "This server has no avatars: it answers by voice." },
	{ "audio.input.noise_reduction", "azure_deep_noise_suppression",
	  "session.input_audio_noise_reduction",
	  "Noise is not suppressed here: let the browser or device do it." },
	{ "audio.input.echo_cancellation", NULL, "session.input_audio_echo_cancellation",
	  "Echo is not cancelled here: let the browser or device do it." },
};

static void warn(struct session *s, const char *param, const char *message)
{
	emit(s, EV_WARNING,
	     json_pack("{s:{s:s,s:s,s:s}}", "warning", "code", "unsupported_option", "message",
		       message, "param", param));
}

static void warn_of_voice(struct session *s, const json_t *before)
{
	const json_t *voice = config_at(s->config, "audio.output.voice");

	if (json_is_object(voice) && !config_same(before, s->config, "audio.output.voice") &&
	    strcmp(json_str(voice, "type", "openai"), "openai") != 0)
		warn(s, "session.voice",
		     "This voice is not here: one of this server's own speaks in its place.");
}

static void warn_of_animation(struct session *s, const json_t *before)
{
	const json_t *outputs = config_at(s->config, "animation.outputs");

	if (config_same(before, s->config, "animation"))
		return;
	for (size_t i = 0; i < json_array_size(outputs); i++) {
		const char *v = json_string_value(json_array_get(outputs, i));

		if (v && strcmp(v, "viseme_id") != 0)
			warn(s, "session.animation.outputs", "Of animations only visemes are made here.");
	}
}

static void warn_of_turns(struct session *s, const json_t *before)
{
	static const char path[] = "audio.input.turn_detection";
	const char *type = json_str(config_at(s->config, path), "type", "server_vad");

	if (!config_same(before, s->config, path) && !config_tag_known(s->dialect, path, type))
		warn(s, "session.turn_detection.type",
		     "This kind of turn detection is not known here: turns end by silence.");
}

static void warn_of_modalities(struct session *s, const json_t *asked)
{
	if (json_has_word(asked, "avatar"))
		warn(s, "session.modalities", unserved[0].why);
}

void live_warn(struct session *s, const json_t *before, const json_t *patch)
{
	if (s->dialect != DIALECT_VOICE_LIVE)
		return;
	warn_of_modalities(s, json_object_get(patch, "modalities"));
	for (size_t i = 0; i < ARRAY_LEN(unserved); i++) {
		const json_t *v = config_at(s->config, unserved[i].path);

		if (json_is_object(v) && !config_same(before, s->config, unserved[i].path) &&
		    (!unserved[i].type ||
		     strcmp(json_str(v, "type", ""), unserved[i].type) == 0))
			warn(s, unserved[i].shown, unserved[i].why);
	}
	warn_of_voice(s, before);
	warn_of_animation(s, before);
	warn_of_turns(s, before);
}

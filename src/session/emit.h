/* emit.h - server events: which there are, what they are called, to whom they go.
 *
 * The table is event.def. Every event gets "type" and a fresh "event_id" in front; the
 * members "session", "response" and "item" come in GA's shape and go out in the dialect's.
 */
#pragma once

#include "session/session.h"

enum event {
#define EVENT(word, flags, channel, ga, beta, voice_live) EV_##word,
#include "session/event.def"
#undef EVENT
	N_EVENTS
};

const char *event_name(enum dialect d, enum event e); /* NULL: it has not that one */

/* Takes `fields`, an object. NULL means that memory ran out: the session ends. */
void emit(struct session *s, enum event e, json_t *fields);
/* response.output_audio.delta, written without building JSON. `audio` in wire format. */
struct response;
void emit_audio(struct response *r, const uint8_t *audio, size_t n);

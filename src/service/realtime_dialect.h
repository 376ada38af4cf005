/* realtime_dialect.h - four ways in which services write the Realtime API, as tables.
 *
 *   OPENAI         wss://api.openai.com/v1/realtime?model=           the GA shape; another voiced, too
 *   AZURE          …/openai/v1/realtime?model=                       the GA shape
 *   AZURE_PREVIEW  …/openai/realtime?api-version=&deployment=        flat: the shape before GA
 *   VOICE_LIVE     …/voice-live/realtime?api-version=&model=         flat, and more
 *
 * What we have is the GA shape (docs/protocol.md); it is written here as the service wants it, member by
 * member of a table: what no row names does not go out. Pure. New references; NULL: no memory.
 */
#pragma once

#include "base/json.h"
#include "service/service.h"

/* What a service says, as far as anybody listens. Both shapes' names are taken from everybody. */
enum rt_event {
	RT_ERROR,
	RT_SESSION_CREATED,
	RT_SESSION_UPDATED,
	RT_SPEECH_STARTED,
	RT_SPEECH_STOPPED,
	RT_COMMITTED,
	RT_WORDS_DELTA,
	RT_WORDS,
	RT_WORDS_FAILED,
	RT_RESPONSE_CREATED,
	RT_ITEM_ADDED, /* to a response */
	RT_ITEM_DONE,
	RT_TEXT_DELTA,
	RT_TRANSCRIPT_DELTA,
	RT_AUDIO_DELTA,
	RT_RESPONSE_DONE,
	RT_OTHER,
};
MUST_USE enum rt_event rt_event_of(const char *type);

/* Where to connect: service.url, the dialect's path where the URL does not end with it, the query. */
void rt_url(const struct service *s, struct buf *to);

enum rt_turns { RT_TURNS_OURS, RT_TURNS_THEIRS };
/* session.update.session of a session object in the GA shape (realtime_start.session). Audio is PCM 24 kHz
 * both ways, words are always asked for, the service's own voice wins. */
MUST_USE json_t *rt_session(const struct service *s, const json_t *session, enum rt_turns turns);
/* conversation.item.create.item with this id; NULL with *known false: it has nothing of the kind. Audio
 * of the assistant is told by its words, and the user's where there are any. */
MUST_USE json_t *rt_item(const struct service *s, const json_t *item, const char *id, bool *known);
/* response.create.response. `ref` goes along as metadata. */
MUST_USE json_t *rt_response(const struct service *s, const json_t *response, uint64_t ref);
/* The ref of a response.created or response.done; 0: none of ours. */
uint64_t rt_ref(const json_t *response);

/* upstream_inner.h - what the files of upstream.h share. Nobody else includes it. */
#pragma once

#include "session/response.h"
#include "session/state.h"

/* A sink call: enters the session and records it. Is the link the present one? session_leave()
 * follows in any case. */
enum up_call {
	CALL_OPEN,
	CALL_SPEECH,
	CALL_COMMIT,
	CALL_WORDS_DELTA,
	CALL_WORDS,
	CALL_DEAF,
	CALL_BEGUN,
	CALL_TEXT,
	CALL_TRANSCRIPT,
	CALL_AUDIO,
	CALL_CALL,
	CALL_DONE,
	CALL_FAILED,
	CALL_LOST,
};
bool up_enter(struct session *s, uint64_t link, enum up_call fn, struct bytes a, struct bytes b);

/* upstream_in.c, upstream_out.c: the sink's functions, as in realtime_sink */
void up_on_speech(void *owner, uint64_t link, bool started, uint64_t audio_ms);
void up_on_commit(void *owner, uint64_t link);
void up_on_words_delta(void *owner, uint64_t link, const char *text);
void up_on_words(void *owner, uint64_t link, const char *text);
void up_on_deaf(void *owner, uint64_t link, const struct engine_error *e);
void up_on_begun(void *owner, uint64_t link);
void up_on_text(void *owner, uint64_t link, uint64_t ref, const char *text);
void up_on_transcript(void *owner, uint64_t link, uint64_t ref, const char *text);
void up_on_audio(void *owner, uint64_t link, uint64_t ref, const int16_t *pcm, size_t n);
void up_on_call(void *owner, uint64_t link, uint64_t ref, const char *call_id, const char *name,
		const char *arguments);
void up_on_done(void *owner, uint64_t link, uint64_t ref, enum llm_finish f,
		const struct llm_usage *u);
void up_on_failed(void *owner, uint64_t link, uint64_t ref, const struct engine_error *e);

/* upstream.c: it does not answer. */
void up_give_up(struct session *s);

/* upstream_piece.c */
void up_take_transcript(struct response *r, const char *text);
void up_take_text(struct response *r, const char *text); /* written, or to be spoken here */
void up_take_audio(struct response *r, const int16_t *pcm, size_t n);
void up_learn_pace(struct response *r);   /* the answer is complete */
void up_close_pieces(struct response *r); /* no more audio comes    */
/* Has what the answer says not left yet, or only in part; how much of its audio has. */
bool up_said_less(const struct response *r);
uint64_t up_sent_ms(const struct response *r);
/* What was written and not said goes; returns the octets of this answer's text that were said. */
size_t up_drop_unsaid(struct response *r);
/* Of the item as the next link will know it: the part that was said is an item of its own. */
void up_forget_refs(struct response *r, const char *id);

/* upstream_out.c: the link is gone in the middle of what r asked: cut to what was said. */
void up_cut(struct response *r);

/* upstream_say.c; new references, NULL: no memory */
json_t *up_session_json(const struct session *s);
/* Tells the settings anew where what the tools could find has changed. With a link. */
void up_check_tools(struct session *s);
/* The conversation up to `until` (NULL: all of it). */
json_t *up_items_json(struct session *s, const struct item *until);
/* Tells one item at its place; what the service cannot have it does not get. */
void up_tell(struct session *s, const struct item *it);
/* The members of response.create.response; json_null() if there are none. */
json_t *up_ask_json(struct response *r);
/* Calls and outputs of the server's tools that this link does not know yet. */
void up_tell_scratch(struct response *r);
/* Where money runs short it is shown a short history. */
void up_compact(struct response *r);
/* It no longer waits for what its tools find. */
void up_settle_calls(struct response *r);

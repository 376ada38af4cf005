/* turn.h - who is speaking: from 20 ms frames to turns.
 *
 * At a candidate end the words so far are asked for and an answer is prepared, unheard
 * (a held response). When the end is confirmed and the words are the same, it is let go;
 * when the speaker goes on, it is dropped.
 */
#pragma once

#include "session/session.h"

struct ear;
struct hear;
struct response;

enum turn_state {
	TURN_QUIET,  /* nobody speaks; left when speech is found                          */
	TURN_SPEECH, /* speech_started was sent; left at a candidate or confirmed end      */
	TURN_PAUSE,  /* perhaps the end: words are settled, an answer is prepared          */
};

struct turn {
	enum turn_state state;
	struct ear *ear;        /* made with the first frame */
	char item_id[32];       /* of the user item to come, while not TURN_QUIET */
	struct hear *hear;      /* of this turn, or of manual speech; NULL: none   */
	uint64_t start, end;    /* positions: first sample incl. prefix; last speech */
	bool begun, talks;      /* manual: there is speech since `start`; it lasts     */
	uint64_t fed_us;        /* when `hear` last got speech                         */
	uint64_t speech_end_us; /* when the last speech arrived, as far as known  */
	uint64_t ended_at;      /* position at which the last turn was committed; 0: none */
	bool respond_due;       /* words came while a response was still running  */
	uint64_t idle_from_us;  /* the last answer has been heard; 0: none yet    */
	bool idle_told;         /* idle_timeout_ms since then has been told       */
};

void turn_done(struct turn *t);
const char *turn_state_name(const struct turn *t);
/* One frame of 20 ms whose last sample is at position `end`. */
void turn_frame(struct session *s, const int16_t *pcm, uint64_t end);
/* The settings have changed. */
void turn_configure(struct session *s);
/* The input buffer was cleared. */
void turn_clear(struct session *s);
/* input_audio_buffer.commit, or the end of a turn. The item's id is turn.item_id or a new one. */
void turn_commit(struct session *s);
/* hear.c: what a turn's hearing found. */
void turn_on_settled(struct session *s, struct hear *h);
void turn_on_words(struct session *s, struct hear *h, const char *text);
void turn_on_deaf(struct session *s, struct hear *h, const struct engine_error *e);
void turn_on_time(struct session *s);
uint64_t turn_next_us(const struct session *s);
/* The default conversation's response is done: a turn that waited for it is answered. */
void turn_response_over(struct session *s);
/* One in the default conversation that nobody asked for: there is news to tell. */
void turn_respond(struct session *s);
/* A realtime service finds the turns: it has heard speech, or its end, at this position; it has
 * committed what it heard; it can be had no more. */
void turn_service_speech(struct session *s, bool started, uint64_t at);
void turn_service_commit(struct session *s);
void turn_service_gone(struct session *s);
/* A response is over or its audio has been played: idle time starts. */
void turn_idle(struct session *s, uint64_t from_us);

/* upstream.h - a conversation that a realtime service carries (engine/ops.h, realtime_ops).
 *
 * The session stays the owner of items, ids, turns, responses, captions and playout; the service
 * hears, thinks and speaks. What it sends is never shown as it came: words become the transcript
 * of our item (hear.h), an answer becomes pieces of our response (response.h).
 *
 *   upstream.c      the link: opened, lost, opened again with the items as they are then; when
 *                   none can be had the session's own engines go on, and later it returns
 *   upstream_in.c   what the service hears: audio, commits, words; turns that it finds itself
 *   upstream_out.c  what it says: asking, function calls, interruption
 *   upstream_piece.c  ... as pieces of a response
 *   upstream_say.c  what it is told: the session object, items, answers' settings
 */
#pragma once

#include "session/pcm.h"
#include "session/rate.h"
#include "session/session.h"

struct item;
struct piece;
struct response;

enum up_state {
	UP_OFF,     /* no service: this session's engines hear, think and speak            */
	UP_IDLE,    /* one is to be opened with the first leg                               */
	UP_OPENING, /* a link that is not open yet: what it is given goes out when it is    */
	UP_OPEN,
	UP_LOST,    /* the link is gone; the next is opened at again_us                     */
	UP_AWAY,    /* the session's engines go on; back after again_us, at a turn's boundary */
	N_UP_STATES
};

struct upstream {
	enum up_state state;
	struct realtime_link *link; /* OPENING and OPEN */
	uint64_t number;            /* of the link, in its sink calls                        */
	uint64_t since_us;          /* when the state was entered                            */
	uint64_t again_us;          /* LOST, AWAY                                            */
	unsigned n_failed;          /* links in a row that were of no use                    */
	uint64_t down_us;           /* since when there was no link of use; 0: there is one  */
	bool returning;             /* opened from AWAY: less patience                       */
	bool owes_answer;           /* service turns: a turn was committed, nothing begun    */
	bool told_wait;             /* that it takes a moment                                */
	bool useful;                /* this link has said something                          */
	uint64_t pushed;            /* samples (STT_RATE_HZ) that the link was given         */
	uint64_t fed, fed_from;     /* service turns: position up to which; of sample 0       */
	uint64_t n_commits;
	struct rate rate; /* STT_RATE_HZ to REALTIME_RATE_HZ */
	struct pcm wire;
	json_t *calls;     /* the service's call_id by ours, of calls made on this link; or NULL */
	bool stale;        /* the settings it has are not these                          */
	uint64_t idle;     /* the engines' tools that had nothing to find when it was told: a bit each */
	char code[48], why[160]; /* AWAY: what ended the last link */
	unsigned pace_us;  /* of speech per octet of transcript, as learnt; 0: not yet */
};

/* A stretch of an item's audio or text that one answer of the service has said. */
struct item_part {
	uint64_t ref;     /* 0: this link knows it as an item only, `id` */
	uint32_t at, from_ms;
	uint32_t pace_us; /* when it is all there; 0: estimated meanwhile */
	char id[32];      /* that the link knows it by */
};

/* Of a response: what it has asked of the service. */
struct up_answer {
	uint64_t ref;         /* 0: not asked on this link */
	bool asked;           /* an answer is awaited or comes in                          */
	bool adopted;         /* the service began it by itself                            */
	bool continued;       /* the line broke in the middle of it: settings say so       */
	bool own_input;       /* sees other items than the conversation's                  */
	uint64_t asked_us, seen_us; /* seen: last sign of it */
	uint64_t told_number; /* the link that was told n_told of the scratch, n_before of `before` */
	size_t n_told, n_before;
	size_t text_from, text_n; /* of response.text: where this answer begins, how much  */
	uint64_t audio_n;         /* samples                                               */
	struct piece *filling;    /* gets the audio                                        */
	struct rate rate, keep_rate;
	uint32_t pace_us; /* of this ref, when done */
	char name[32];    /* the service knows what it says by; "": nothing yet */
};

/* Turns, words and answers are the service's (now, or once the link is back). */
bool upstream_carries(const struct session *s);
/* ... and it finds the turns itself. */
bool upstream_finds_turns(const struct session *s);
const char *upstream_state_name(const struct session *s);

void upstream_init(struct session *s);
void upstream_attached(struct session *s); /* a leg is there: open */
/* Ends the link; no sink call follows. Idempotent. */
void upstream_close(struct session *s);
void upstream_done(struct session *s);
uint64_t upstream_next_us(const struct session *s);
void upstream_on_time(struct session *s);
/* In session_leave(): open what is due. */
void upstream_pump(struct session *s);
/* The session's settings or tools have changed. */
void upstream_update(struct session *s);

/* --- the user's audio (for hear.c, turn.c) --- */

void upstream_push(struct session *s, const int16_t *pcm, size_t n); /* at STT_RATE_HZ */
/* Returns the commit's number. */
uint64_t upstream_commit(struct session *s, const char *item_id);
/* The service has committed by itself. */
uint64_t upstream_committed(struct session *s, const char *item_id);
void upstream_clear(struct session *s);
/* Service turns: push what has come. */
void upstream_feed(struct session *s);

/* --- items --- */

void upstream_added(struct session *s, const struct item *it);
/* A message of a response is done: if it is not the service's, it is told. */
void upstream_said(struct session *s, const struct item *it);
/* A call of the service's that is not run now: it is told so. */
void upstream_unanswered(struct session *s, const char *call_id);
void upstream_removed(struct session *s, const struct item *it); /* before it is unlinked */
void upstream_truncated(struct session *s, struct item *it, uint64_t ms);

/* --- answers --- */

/* It is for the service to answer: as above, and the budget allows it. */
bool upstream_answers(const struct response *r);
void upstream_ask(struct response *r);
/* There is no service now, and nobody else who thinks: the response says so, and fails with what ended the link. */
void upstream_say_gone(struct response *r);
void upstream_cancel(struct response *r); /* think_cancel()'s part */
void upstream_answer_done(struct response *r); /* frees what up_answer holds */
/* The item of a call that the service has made. false: no memory. */
MUST_USE bool upstream_called(struct response *r, struct item *it, const char *call_id);
/* A piece of the service's is the first to be shown of its answer, or one more. false: no memory. */
MUST_USE bool upstream_shown(struct response *r, struct piece *p);

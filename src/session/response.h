/* response.h - one answer: from items to words to sound.
 *
 *   think.c     asks the language model, runs the server's tools, asks again
 *   speak.c     cuts text into clauses, has them spoken, keeps what is to be said in order
 *   send.c      opens and closes items and parts, sends what is ready
 *   response.c  begins, ends, is interrupted
 *
 * What is to be said waits in a queue of pieces; nothing of it is seen before the
 * response is announced. So an answer can be prepared before it is wanted.
 */
#pragma once

#include "base/list.h"
#include "engine/clause.h"
#include "session/config.h"
#include "session/cost.h"
#include "session/filler.h"
#include "session/pcm.h"
#include "session/rate.h"
#include "session/upstream.h"

struct item;
struct session;

enum resp_state {
	RESP_HELD,     /* works, unseen; left by announce or discard                 */
	RESP_ACTIVE,   /* response.created was sent; left when response.done is       */
	RESP_DRAINING, /* done, but a paced leg still plays it                        */
	RESP_OVER,     /* reaped by response_reap()                                   */
};

enum resp_outcome {
	OUTCOME_COMPLETED,
	OUTCOME_INCOMPLETE,  /* max_output_tokens */
	OUTCOME_FAILED,      /* error_code, error_message */
	OUTCOME_CANCELLED,   /* by the client */
	OUTCOME_INTERRUPTED, /* turn_detected */
	N_OUTCOMES
};

enum piece_kind {
	PIECE_TEXT,   /* text modality                                   */
	PIECE_CLAUSE, /* text with the audio that speaks it              */
	PIECE_SOURCE, /* a citation of the text around it                */
	PIECE_CALL,   /* a call of a client's function                   */
	PIECE_SPEECH, /* of a realtime service: transcript as it came, and the audio about there */
};

struct piece {
	struct node node;
	enum piece_kind kind;
	char *text;         /* TEXT, CLAUSE; CALL: the arguments         */
	char *name;         /* CALL                                      */
	char *call_id;      /* CALL; NULL: a new one                     */
	json_t *source;     /* SOURCE                                    */
	struct pcm audio;   /* CLAUSE: at the output rate                */
	struct pcm kept;    /* the same at STT_RATE_HZ, until the item has it */
	size_t sent;        /* of audio                                  */
	bool filler;        /* no answer: filler.h                       */
	bool spoken, shown; /* all audio is here; the transcript was sent */
	struct word {
		uint32_t at, from_ms, ms; /* offset in text; begin in this clause, length */
	} * words;
	size_t n_words, cap_words, found; /* found: up to where words were looked for */
	size_t marked;                    /* words that are marks of the item */
	struct mouth {
		uint32_t from_ms;
		unsigned viseme;
	} * mouths; /* where the mouth changes */
	size_t n_mouths, cap_mouths, mouthed; /* mouthed: told so far */
	uint32_t base_at, base_ms;            /* where the clause begins in the item */
	uint64_t ref;    /* of a realtime service's answer; 0: not of one */
	char part[32];   /* ... and what it knows that by                 */
	size_t from, to; /* SPEECH: octets of that answer's text          */
};

enum { LATENCY_MARKS = 6 };

enum latency_mark {
	MARK_WINDOW,
	MARK_STT_FINAL,
	MARK_SEARCH,
	MARK_FIRST_TEXT,
	MARK_FIRST_AUDIO,
	MARK_SENT
};

struct response {
	struct node node;
	struct session *s;
	const struct engines *engines; /* that make it; NULL: there is no budget left for any */
	enum cost_level level;         /* at which it is made */
	char id[32];
	uint64_t tag; /* of its audio on a paced leg */
	enum resp_state state;
	enum resp_outcome outcome;
	char error_code[64], error_message[256];
	bool oob;       /* conversation:"none" */
	json_t *config; /* effective, immutable */
	struct settings set;
	json_t *metadata; /* or NULL */
	json_t *input;    /* items instead of the conversation; or NULL */
	json_t *output;   /* wires of its items, in order */
	char *heard;      /* held: the words it answers; the item does not exist yet */

	/* thinking */
	uint64_t llm_ticket;
	struct llm_job *llm;
	json_t *scratch; /* calls and results of server tools in this response */
	json_t *calls;   /* made in this round */
	unsigned n_calls, rounds; /* calls of server tools that have no output yet (tools.h) */
	bool begins_calls;    /* in the middle of tools_run()                                */
	bool asks_consent;    /* ends with a question of consent.h                           */
	bool drops_consent;   /* held: what the user said is no to it                        */
	json_t *before;       /* items for the model in front of what the user said; or NULL */
	enum { LOOKED_NOT, LOOKED_AHEAD, LOOKED_IN_VAIN } looked; /* its first search (ahead.h) */
	uint64_t search_us;   /* from the last call of `search` to its output                */
	bool read;            /* the model has been given what tools read for it             */
	bool tools_wait;      /* held: a tool that changes something waits for the announcement */
	bool waits_for_words; /* an item it answers has not been recognised yet */
	bool thought;         /* nothing more will be queued */
	struct llm_usage usage;
	size_t round_tokens, round_from; /* of this round's request; octet of text where it begins */
	struct buf text; /* all of the answer so far           */
	size_t cited_to; /* octet up to which text has a source */
	size_t cited_before; /* where it was before a filler that may be dropped */
	json_t *found;   /* outputs of `search`, as text (cite.h); or NULL */
	struct ground *ground;
	size_t n_grounds, grounded; /* outputs read; octet up to which text was held against them */
	bool cites_itself; /* the engine has cited, or will */
	bool fresh;      /* what is said next is a sentence of its own  */
	struct filler filler;
	struct up_answer up;

	/* speaking */
	struct list pieces;
	struct clause clause;
	uint64_t tts_ticket;
	struct tts_job *tts;
	struct piece *speaking; /* the piece that tts works on */
	struct rate rate;
	struct rate keep_rate; /* to STT_RATE_HZ: for conversation.item.retrieve */

	/* sending */
	struct item *item; /* the open message, or the one whose audio plays */
	bool item_open;
	unsigned output_index; /* of the open item */
	struct buf said;       /* transcript or text sent so far */
	uint64_t sent;         /* samples of audio, at out_hz     */
	unsigned out_hz;
	bool paced, started, drained; /* playout on a paced leg */
	uint64_t first_sent_us;
	uint64_t marks_us[LATENCY_MARKS];   /* 0: not (yet) */
	uint64_t speech_end, speech_end_us; /* position and time of the turn's last speech; 0 */
	bool latency_told;
};

/* HELD. base: whose settings count (a config); NULL: the session's. NULL: no memory. */
struct response *response_new(struct session *s, json_t *config);
void response_announce(struct response *r);
void response_discard(struct response *r); /* held ones only */
/* End now with this outcome; what is queued is dropped. Held ones are discarded. */
void response_end(struct response *r, enum resp_outcome o);
void response_fail(struct response *r, const char *code, const char *message);
/* send.c: send what can be sent; end when all was. */
void response_pump(struct response *r);
/* End the open message, if there is one, as "completed" or "incomplete". */
void response_close_message(struct response *r, const char *status);
/* Speak (or write) one sentence of ours, then end as failed with this error. */
void response_say_failed(struct response *r, const char *text, const struct engine_error *e);
const char *response_state_name(const struct response *r);
void response_mark(struct response *r, enum latency_mark m);

struct response *response_find(struct session *s, const char *id);
/* The announced one of the default conversation that is not done; NULL: none. */
struct response *response_active(struct session *s);
struct response *response_held(struct session *s);
struct response *response_by_tag(struct session *s, uint64_t tag);
/* Is another response than this one in the paced leg? */
bool response_occupies_leg(struct session *s, const struct response *but);
bool response_audible(const struct session *s); /* is the assistant being heard, as far as known? */
/* The user speaks: cancel the default conversation's responses and stop their audio. */
void response_interrupt(struct session *s, enum resp_outcome o);
/* Stop what a paced leg plays of it; says cleared and truncated. */
void response_silence(struct response *r);
void response_playout(struct response *r, enum leg_playout p);
void response_pump_all(struct session *s);
void response_reap(struct session *s);
void response_free_all(struct session *s);
uint64_t response_next_us(const struct session *s);

/* think.c */
void think(struct response *r);           /* begin, or go on when words have come */
void think_announced(struct response *r); /* it is wanted now: run what had to wait for that */
void think_cancel(struct response *r);
/* Starts the language model, whose words come with this ticket. */
MUST_USE int think_start(struct response *r, struct llm_job **out, const struct llm_request *q,
			 uint64_t ticket);
/* A round of the model's has ended: run its tools, queue its calls, or that was all. */
void think_finish(struct response *r, enum llm_finish f);
/* The client's functions, and the server's tools where none has taken the name. NULL: no memory. */
MUST_USE json_t *think_tools(const struct session *s, const json_t *functions);
/* What the answer is to be made from; *full: truncation is disabled, and not all of it fits beside
 * `taken` tokens. */
MUST_USE json_t *think_items(const struct response *r, size_t taken, bool *full);
/* speak.c */
void speak_text(struct response *r, const char *text);
void speak_flush(struct response *r); /* no more text */
void speak_next(struct response *r);  /* have the next clause spoken if it is time */
void speak_stop(struct response *r);  /* the voice, in the middle of a clause */
void speak_cancel(struct response *r);
void piece_free(struct piece *p);
struct piece *piece_add(struct response *r, enum piece_kind k, const char *text, size_t n);

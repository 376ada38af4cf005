/* hear.h - one stretch of speech on its way to words.
 *
 * A hearing takes its audio from the input buffer until it is committed, then from its
 * item. While no decoder is free it waits and tries again; what was said meanwhile is
 * replayed, no more at a time than the engine has room for. It ends in words, or in an error after HEAR_PATIENCE_US without a decoder.
 *
 * Where a realtime service carries the conversation (upstream.h) it is the service that hears: it
 * is given all audio at once, and owes words for each commit, in order.
 */
#pragma once

#include "base/list.h"
#include "session/session.h"

struct item;

enum { HEAR_RETRY_US = 100000, HEAR_PATIENCE_US = 1500000 };

enum hear_state {
	HEAR_WAITING, /* no decoder yet; tried again at retry_us         */
	HEAR_OPEN,    /* fed with audio; left by hear_end() or an error   */
	HEAR_ENDING,  /* the engine owes us final words                   */
	HEAR_OVER,    /* reaped by hear_reap()                            */
};

struct hear {
	struct node node;
	struct session *s;
	enum hear_state state;
	uint64_t ticket;
	const struct engines *engines; /* that hear it; from the first try on */
	struct stt_turn *stt;
	uint64_t from;       /* position of its first sample */
	uint64_t fed;        /* position (audio_in.h) up to which samples were pushed */
	struct item *item;   /* once committed */
	uint64_t item_start; /* position of the item's first sample */
	bool respond;        /* a response follows the words                */
	bool behind;         /* the engine had no room for all; goes on at retry_us */
	bool ended, settling;
	bool asks_late;      /* settle() is due when it is no longer behind */
	bool dead;           /* no words will come: the engine failed ... */
	const struct engine_error *why; /* ... because of this */
	bool upstream;       /* the service hears */
	uint64_t commit;     /* upstream: words come in the order of these; 0: not committed */
	unsigned n_settling; /* settle() calls not answered yet */
	char *settled;       /* what it would say at the last candidate end; or NULL */
	uint64_t retry_us, ended_us;
	uint64_t speech_end, speech_end_us; /* position and time of the last speech */
};

/* Starts at a position in the input buffer, or with the item whose first sample has this position
 * if the audio is there already. NULL: no memory. */
struct hear *hear_new(struct session *s, uint64_t from, struct item *it);
void hear_feed(struct hear *h); /* push what has arrived */
void hear_settle(struct hear *h);
/* No more audio will come: the item (referenced; the same if one was given) has it all. */
void hear_commit(struct hear *h, struct item *it, uint64_t item_start);
void hear_cancel(struct hear *h);
/* The user's item with audio that did not pass the buffer. */
void hear_item(struct session *s, struct item *it);
void hear_on_time(struct session *s);
uint64_t hear_next_us(const struct session *s);
void hear_reap(struct session *s);
void hear_free_all(struct session *s);

/* upstream: the service has the item's audio already, and has committed it by itself or is told to.
 * NULL: no memory. */
struct hear *hear_expect(struct session *s, struct item *it, uint64_t item_start, bool committed);
/* upstream: whose words come next; NULL: nobody's. */
struct hear *hear_owed(struct session *s);
struct hear *hear_of_item(struct session *s, const struct item *it);
void hear_partly(struct hear *h, const char *more); /* words that go on */
void hear_found(struct hear *h, const char *text);
void hear_failed(struct hear *h, const struct engine_error *e);
/* upstream: the service is another one, or has forgotten: everything from the beginning. */
void hear_again(struct hear *h);
/* No service hears any more: the recogniser does, from the beginning. */
void hear_natively(struct hear *h);

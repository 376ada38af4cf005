/* cost.h - what a session uses, what that costs, and how answers are made when money runs short.
 *
 * Every engine's work is counted where the session starts or ends it: tokens (as the engine says,
 * or estimated where it was stopped before it said), audio given to recognition, characters given
 * to the voice; money by the prices in struct engines. Sums are of the turn (since the response
 * before) and of the session.
 *
 * A budget does not cut a call. The payer is asked when a response begins, and says at which level it
 * is made; what is under way is finished as it began. So no more is overspent than one response
 * costs, of those that run at once each.
 *
 * On the session's loop. Nothing here blocks, and a payer's functions must not.
 */
#pragma once

#include "base/bytes.h"
#include "base/json.h"

struct engine_error;
struct engines;
struct llm_usage;
struct meter;
struct price;
struct response;
struct session;
struct stt_turn;
struct tts_job;

enum { COST_UNIT = 1000000000 }; /* of money: billionths of the operator's currency */

struct cost {
	uint64_t text_in, audio_in;   /* tokens                        */
	uint64_t cached_in;           /* tokens among these            */
	uint64_t text_out, audio_out; /* tokens                        */
	uint64_t heard;               /* samples, at STT_RATE_HZ       */
	uint64_t characters;          /* to be spoken                  */
	uint64_t money;               /* in COST_UNIT                  */
};

/* How a response is made; each saves what those before it save. */
enum cost_level {
	COST_FULL,     /* as configured                                         */
	COST_COMPACT,  /* a short history                                       */
	COST_CHEAPER,  /* the next engines of the list                          */
	COST_EMBEDDED, /* nothing is left: the embedded engines, which are free */
	N_COST_LEVELS
};

enum cost_scope { COST_OF_SESSION, COST_OF_KEY, COST_OF_DAY, N_COST_SCOPES };

/* Of a budget (0: there is none) so much is used. */
enum cost_level cost_level_at(uint64_t used, uint64_t budget);

void cost_add(struct cost *to, const struct cost *c);
uint64_t cost_tokens(const struct cost *c); /* all of them */

/* What is left, never below 0; COST_UNLIMITED: there is no budget of this kind. */
#define COST_UNLIMITED UINT64_MAX
struct cost_left {
	uint64_t money[N_COST_SCOPES], tokens[N_COST_SCOPES];
	uint64_t tokens_limit;     /* of the scope with the fewest tokens left; COST_UNLIMITED */
	uint64_t tokens_remaining; /* of these                                                 */
	uint64_t reset_s;          /* until they are new; 0: never                              */
};

/* --- who pays ------------------------------------------------------------------------------ */

struct payer; /* of one session */

struct payer_ops {
	/* key: whose budget it is, as params say. 0 or -ENOMEM. */
	int (*begin)(void *ctx, uint64_t key, struct payer **out);
	/* used: since the last call, may be nothing. What COST_EMBEDDED's engines did is not in it: it
	 * counts against no budget. Fills *left. */
	enum cost_level (*spend)(struct payer *p, const struct cost *used, struct cost_left *left);
	/* For COST_CHEAPER and COST_EMBEDDED: they live as long as the session; NULL: there are none. */
	const struct engines *(*engines)(struct payer *p, enum cost_level l, const char *collection);
	void (*end)(struct payer *p);
};

/* In session_params. Zero: nobody counts, every level is COST_FULL. */
struct payers {
	const struct payer_ops *ops;
	void *ctx;
	uint64_t key;
	const char *currency; /* for display: "EUR"; or NULL; borrowed */
};

/* Its numbers in the order of a record. */
enum { COST_LEFT_NUMBERS = 2 * N_COST_SCOPES + 3 };
uint64_t *cost_left_number(struct cost_left *left, size_t i);

/* --- inside a session ------------------------------------------------------------------------ */

struct costs {
	struct payers payers; /* ops NULL: none */
	struct payer *payer;
	struct cost all, turn;  /* of the session; since the last turn was told */
	struct cost owed;       /* what the payer has not been told yet          */
	enum cost_level level;  /* that it said last                             */
	struct cost_left left;
	const struct engines *engines[N_COST_LEVELS]; /* NULL: not asked for, or none */
	bool asked[N_COST_LEVELS];
};

MUST_USE int cost_begin(struct session *s, const struct payers *p);
void cost_end(struct session *s);

/* Asks the payer, and tells it what was used. For whoever begins a response or a hearing. */
enum cost_level cost_level(struct session *s);
/* The engines of a level. NULL: nothing may be used any more (COST_EMBEDDED without such engines):
 * what needs them fails as cost_exhausted. */
extern const struct engine_error cost_exhausted;
const struct engines *cost_engines(struct session *s, enum cost_level l);

/* Counting. e: the engines that worked. */
void cost_answered(struct session *s, const struct engines *e, const struct llm_usage *u);
/* A realtime service's answer: as above at the realtime price. */
void cost_relayed(struct session *s, const struct engines *e, const struct llm_usage *u);
/* By t; the samples were just pushed. */
void cost_heard(struct session *s, const struct engines *e, const struct stt_turn *t, uint64_t samples);
/* By j, which was just started. */
void cost_spoken(struct session *s, const struct engines *e, const struct tts_job *j, const char *text);

/* Adds what an engine said, as far as it can be. */
enum { COST_TOKENS_MAX = 100000000 }; /* of one round: beyond it an engine miscounts */
void cost_add_usage(struct llm_usage *to, const struct llm_usage *u);
/* For the recorder: octets written, and back. A price goes with it, into *price. */
enum { COST_PRICE_OCTETS = 7 * 8, COST_USAGE_OCTETS = 4 + 5 * 4 + COST_PRICE_OCTETS };
size_t cost_write_price(const struct price *p, uint8_t to[static COST_PRICE_OCTETS]); /* NULL: 0 */
MUST_USE bool cost_read_price(struct bytes from, struct price *to); /* false: there is none */
size_t cost_write_usage(const struct llm_usage *u, uint8_t to[static COST_USAGE_OCTETS - 4]);
MUST_USE bool cost_read_usage(struct bytes from, struct llm_usage *out, struct price *price);

json_t *cost_price_json(const struct price *p); /* null for NULL; a new reference or NULL */
MUST_USE bool cost_price_read(const json_t *from, struct price *to); /* false: it is null */

/* What these are and cost; p NULL: nothing. Money alone, in COST_UNIT. */
struct cost cost_tokens_of(const struct llm_usage *u, const struct price *p);
struct cost cost_audio_of(uint64_t samples, const struct price *p);
struct cost cost_text_of(const char *text, const struct price *p);
uint64_t cost_of_tokens(const struct llm_usage *u, const struct price *p);
void cost_meter(struct meter *m, const struct cost *c); /* m NULL: nothing is counted */

/* The turn is over with this response: voiced.turn.cost; what comes is of the next. */
void cost_tell(struct response *r);
const char *cost_level_name(enum cost_level l);

/* session.h - a conversation: events in and out, turns, items, responses, tools.
 *
 * Sans-I/O. Messages, audio and the time come in as arguments, events and audio go
 * out through struct leg (leg.h), work goes to the engines (engine/ops.h). A session
 * belongs to one loop; every function here is called on it and none blocks.
 *
 * Protocol: the Realtime API in three dialects (docs/session.md). Limits are at the bottom.
 *
 * Lack of memory ends a session: its legs are closed with 1011.
 */
#pragma once

#include "base/buf.h"
#include "base/env.h"
#include "base/json.h"
#include "engine/ops.h"
#include "media/frame.h"
#include "session/cost.h"
#include "session/leg.h"
#include "session/recorder.h"

struct session;

enum dialect {
	DIALECT_GA,
	DIALECT_BETA,       /* of before GA: OpenAI-Beta: realtime=v1, /openai/realtime */
	DIALECT_VOICE_LIVE, /* BETA with additions                                      */
	N_DIALECTS
};

enum session_kind { SESSION_REALTIME, SESSION_TRANSCRIPTION };

/* What a client is told about a request that cannot be served; strings are static or live
 * in `text`. */
struct api_error {
	const char *code; /* "invalid_value", … (errors.h) */
	char param[96];   /* "session.type"; "": none      */
	char message[768]; /* the longest lists the client events of a dialect */
};

/* Who runs the session. Either function may be NULL. */
struct session_host {
	void *ctx;
	/* session_next_us() has changed (UINT64_MAX: nothing to wait for). */
	void (*on_next)(void *ctx, struct session *s, uint64_t next_us);
	/* The last leg has been detached: the last thing session_detach() does, which may
	 * therefore free the session. */
	void (*on_over)(void *ctx, struct session *s);
};

struct session_params {
	const struct env *env;         /* borrowed for the session's life                      */
	struct loop *loop;             /* passed through to engines                            */
	const struct engines *engines; /* copied; what it points to outlives the session       */
	struct session_host host;
	enum dialect dialect;
	enum dialect config_dialect; /* that `config` is written in */
	enum session_kind kind;
	/* The server's settings count, not the client's, and are not shown: instructions, tools, voice,
	 * limits. What its tools found is told by extension.middle_tier_tool_response. BETA only. */
	bool enforced;
	const char *model;        /* as the client named it; NULL: "voiced"                 */
	const char *instructions; /* server's default; NULL: none                           */
	const char *voice;        /* default voice; NULL: "alloy"                           */
	const char *language;     /* of recognition and voice, BCP 47; NULL: the engine's   */
	const char *collection;   /* whose documents; NULL: the default                     */
	const char *groups;       /* that it may read them for (knowledge/labels.h); NULL: all */
	json_t *config;           /* borrowed: a session object, as minted or posted with the
				   * call, over the defaults; NULL: none                     */
	uint64_t max_us;          /* life of a session; 0: 60 minutes                       */
	unsigned paced_hz;        /* a paced leg of this rate is coming: its audio waits for it; 0: no */
	uint64_t grace_us;        /* how long a call outlives its control socket; 0: 30 s   */
	struct recorder recorder; /* {0}: not recorded                                      */
	struct payers payers;     /* {0}: no budget (cost.h)                                */
};

/* 0; -EINVAL: params.config is wrong, *e says how; -ENOMEM. Times are in env's clock. */
MUST_USE int session_new(struct session **out, const struct session_params *p, struct api_error *e);
/* Cancels all work; legs that are still attached are forgotten, not closed. */
void session_free(struct session *s);
AUTO_DEF(session)

/* The effective session object that session_new() would give, in the dialect's shape, for
 * the answer to POST client_secrets. A new reference; verdicts as session_new(). */
MUST_USE int session_config_preview(const struct session_params *p, json_t **out,
				    struct api_error *e);

const char *session_id(const struct session *s); /* "sess_…" */

enum leg_role {
	LEG_MAIN,     /* carries the audio; when it goes, the session ends */
	LEG_SIDEBAND, /* hears and says events only                        */
};

/* Sends session.created at once as the leg's first event, where its view has that: attach when
 * events can be taken.
 * 0; -EBUSY: there is a main leg or no room for a further one (SESSION_LEGS); -ESHUTDOWN: over. */
MUST_USE int session_attach(struct session *s, struct leg *l, enum leg_role r, uint64_t now_us);
/* The leg's view has changed (its data channel has opened or closed). */
void session_set_view(struct session *s, struct leg *l, enum leg_view v, uint64_t now_us);
/* The leg is gone and not touched again. */
void session_detach(struct session *s, struct leg *l, uint64_t now_us);
/* End the session: every leg is asked to close; they detach. Idempotent. */
void session_close(struct session *s, unsigned code, const char *reason, uint64_t now_us);

/* One client event as it came. Anything a stranger may send. */
void session_on_message(struct session *s, struct leg *from, struct bytes json, uint64_t now_us);
/* A frame that cannot be an event (binary): answered by error invalid_event. */
void session_on_binary(struct session *s, struct leg *from, uint64_t now_us);
/* Audio of the user from the main leg, at 16 kHz (any number of samples). RT */
void session_on_audio(struct session *s, const struct frame *f, uint64_t now_us);
/* From a paced leg. */
void session_on_playout(struct session *s, uint64_t tag, enum leg_playout p, uint64_t now_us);
/* A leg that said it had no room has room again. */
void session_on_writable(struct session *s, struct leg *l, uint64_t now_us);

/* When session_on_time() wants to be called; UINT64_MAX: never. */
uint64_t session_next_us(const struct session *s);
void session_on_time(struct session *s, uint64_t now_us);

/* One JSON object for people: state, turn, responses, counts. */
void session_dump(const struct session *s, struct buf *to);

enum {
	SESSION_LEGS = 4,
	SESSION_MESSAGE_MAX = 21 * 1024 * 1024, /* octets; above: error invalid_event  */
	SESSION_ITEMS_MAX = 2000,               /* the oldest is forgotten             */
	SESSION_ITEM_TEXT_MAX = 256 * 1024,     /* octets of one client item           */
	SESSION_AUDIO_KEPT = 8 * 1024 * 1024,   /* octets of items' audio; oldest dropped */
	SESSION_INPUT_S = 300,                  /* input buffer; the oldest is dropped */
	SESSION_INSTRUCTIONS_MAX = 64 * 1024,
	SESSION_TOOLS_MAX = 128,
	SESSION_TOOLS_TEXT_MAX = 256 * 1024,
	SESSION_RESPONSES_MAX = 16,     /* at work at once, out-of-band ones included */
	SESSION_ANSWER_MAX = 64 * 1024, /* octets of one answer's text         */
	SESSION_QUEUE_MAX = 4,          /* response.create's that wait                */
	SESSION_TOOL_ROUNDS = 4,        /* server tools asked in turn in one response */
};

/* state.h - the inside of a session; included by session/ only.
 *
 * Entry points (session.c, sinks of engines) call enter() first and leave() last; in
 * between nothing is freed that others may hold: responses and hearings that are over are
 * reaped, queues are pumped and deadlines are told in leave().
 */
#pragma once

#include "session/ahead.h"
#include "session/audio_in.h"
#include "session/cite.h"
#include "session/config.h"
#include "session/consent.h"
#include "session/emit.h"
#include "session/hear.h"
#include "session/item.h"
#include "session/mcp.h"
#include "session/response.h"
#include "session/session.h"
#include "session/tools.h"
#include "session/turn.h"
#include "session/upstream.h"

enum { ID_MAX = 32 };

enum session_state {
	SESS_OPEN,   /* serves; left by session_close(), expiry, lack of memory   */
	SESS_CLOSED, /* legs were asked to close; nothing is served or emitted     */
};

struct leg_slot {
	struct leg *leg; /* NULL: free */
	enum leg_role role;
	bool told;       /* session.created was sent                  */
	uint64_t number; /* of this leg, and never of a later one     */
};

/* The message being served: errors and replies go to its sender. */
struct asking {
	struct leg_slot *from;
	const char *event_id;
};

struct session {
	struct env env; /* records what the params' env answers */
	const struct env *outer_env;
	struct recorder rec;
	struct session_host host;
	struct loop *loop;
	struct engines engines;
	enum dialect dialect;
	enum session_kind kind;
	enum session_state state;
	bool broken; /* memory ran out: leave() closes */
	unsigned depth;
	char id[ID_MAX], conversation_id[ID_MAX], seed[16];
	char *language, *collection, *groups;
	json_t *config;
	struct settings set; /* config, read */
	struct leg_slot legs[SESSION_LEGS];
	struct asking asking;
	uint64_t now_us, max_us, expires_us, told_next_us;
	uint64_t grace_us, alone_us; /* without its control socket: at most, and until */
	bool enforced;               /* params.enforced */
	bool updated;                /* by session.update, at least once */
	json_t *queue;               /* response.create's that wait: {leg, message}; or NULL  */
	json_t *texts;               /* Voice Live: streamed text by id; or NULL              */
	uint64_t next_ticket, next_tag, next_id, n_attached;
	uint64_t n_messages, n_errors, n_turns, n_responses_made; /* for dump */
	unsigned paced_hz; /* of the main leg that is expected; 0: none is, or it has come */
	bool voice_locked; /* assistant audio has been sent */
	struct conversation conv;
	struct list responses;
	size_t n_responses;
	struct list hearings;
	struct mcp_box mcp;
	struct list calls, more_tools; /* tools.h */
	struct consent consent;
	struct ahead ahead;
	struct audio_in in;
	struct turn turn;
	struct costs costs;
	struct upstream up;
};

void session_enter(struct session *s, uint64_t now_us);
/* For sinks: the time is asked of the environment. */
void session_enter_sink(struct session *s);
void session_leave(struct session *s);
void session_oom(struct session *s);
bool session_serves(const struct session *s); /* open and not broken */

uint64_t session_ticket(struct session *s);
void session_new_id(struct session *s, const char *prefix, char to[static ID_MAX]);
/* The leg that carries audio, or NULL; and whether it is paced. */
struct leg *session_main(const struct session *s);
bool session_paced(const struct session *s);
/* The rate of what is sent to it: paced legs, there or expected; 0: the format says it. */
unsigned session_paced_hz(const struct session *s);
unsigned slot_index(const struct session *s, const struct leg_slot *l);
/* NULL: the leg of that number has gone. */
struct leg_slot *slot_of_number(struct session *s, uint64_t number);

void session_record(struct session *s, enum rec_kind k, struct bytes body);
/* Records a number as LEB128 and returns it: answers of legs and engines. */
uint64_t session_answer(struct session *s, enum rec_kind k, uint64_t v);
/* Records what a sink was called with: function number, ticket, up to two strings. */
void session_record_sink(struct session *s, enum rec_kind k, unsigned fn, uint64_t ticket,
			 struct bytes a, struct bytes b);

/* An answer: engines of a level (NULL: none). */
void session_record_engines(struct session *s, const struct engines *e);

/* From BETA to GA. false: no memory. */
MUST_USE bool session_speak_ga(struct session *s);

/* route.c */
void route_message(struct session *s, struct bytes json);
/* client_item.c: cut to what was heard in the first `ms`; says so. */
void item_truncate(struct session *s, struct item *it, uint64_t ms);
/* conversation.item.added or .done; nothing of a hidden item. */
void conv_emit(struct session *s, enum event e, const struct item *it);
/* Forget the oldest item when there are SESSION_ITEMS_MAX; says so. */
void conv_make_room(struct session *s);
/* errors.c: drop what printf's precision and the ends of buffers leave of a UTF-8 sequence,
 * wherever it stands: an event that is not UTF-8 cannot be sent. */
void utf8_mend(char *text);

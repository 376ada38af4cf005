/* realtime_inner.h - what the files of realtime_ws.h share. Nobody else includes it.
 *
 *   realtime_ws.c   the services, opening, fail-over, time, the end
 *   realtime_out.c  what the caller wants, as messages
 *   realtime_in.c   what the service says, as sink calls
 *   realtime_talk.c answers and commits that are under way
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "base/loop.h"
#include "service/chain.h"
#include "engine/ops.h"
#include "service/realtime_dialect.h"
#include "service/realtime_ws.h"
#include "net/ws_client.h"

enum {
	RT_SERVICES_MAX = CHAIN_MAX,
	RT_CHUNK = REALTIME_RATE_HZ / 10,       /* samples of a message at most     */
	RT_SEND_AT = REALTIME_RATE_HZ / 50,     /* … and at least, while audio runs */
	RT_ANSWERS_MAX = 64,                    /* remembered, for truncate()       */
	RT_ANSWER_ITEMS = 8,
	RT_COMMITS_MAX = 64,                    /* whose words are owed             */
	RT_WAITING_MAX = 16 << 20,              /* octets that wait for on_open     */
	RT_ID_MAX = 72,
	RT_CODE_MAX = 64,
	RT_WHY_MAX = 240,
};

struct rt_seat { /* a service, as all links share it */
	const struct service *service;
	struct credential *credential;
	struct health health;
};

struct rt_home { /* of one loop's connections */
	struct node node;
	struct conn_home conns;
};

struct realtime {
	struct rt_seat seats[RT_SERVICES_MAX];
	size_t n_seats;
	struct chain chain; /* of the seats' healths */
	atomic_bool limited; /* the last that failed had no room: who finds all at rest is told so */
	struct tls_ctx *tls;
	uint64_t renew_us;
	pthread_mutex_t lock; /* homes, links */
	struct list homes, links;
};

enum rt_state {
	RT_WANTED,      /* the service's credential is on its way, or its turn has come  */
	RT_CONNECTING,  /* until 101                                                     */
	RT_GREETING,    /* until session.created                                         */
	RT_CONFIGURING, /* until session.updated                                         */
	RT_OPEN,
	RT_BROKEN,      /* on_lost is due: `code`, `why`, `again_us`                     */
};

/* Answers, from ask() or on_begun() on. Those that are over are kept a while for truncate(). */
enum rt_answer_state {
	RT_HELD,    /* waits until the conversation's other answer is over           */
	RT_ASKED,   /* response.create has gone                                      */
	RT_RUNNING, /* response.created has come                                     */
	RT_ANSWERED,
};

struct rt_answer_item {
	char id[RT_ID_MAX];
	size_t samples;
};

struct rt_answer {
	struct node node;
	enum rt_answer_state state;
	uint64_t ref;
	json_t *response;      /* what was asked, until it has gone  */
	bool apart;            /* not of the conversation            */
	bool dropped;          /* cancelled: nothing more is told    */
	bool calls;            /* it has called a function           */
	char id[RT_ID_MAX];    /* theirs                             */
	uint64_t seen_us;      /* asked, or heard of                 */
	uint64_t retry_us;     /* RT_HELD: not before                */
	unsigned tries;        /* that found the service busy        */
	struct rt_answer_item items[RT_ANSWER_ITEMS];
	size_t n_items;
	char last_item[RT_ID_MAX]; /* message that was told of last  */
	const char *call_item;     /* inside on_call                 */
};

struct rt_commit {
	struct node node;
	bool ours, known; /* known: the service has named it         */
	bool sent;
	uint64_t number;
	uint64_t since_us;
	char id[RT_ID_MAX]; /* theirs                                */
	char *name;         /* ours, until theirs is known; or NULL  */
	char *words;        /* they came before their turn; or NULL  */
	char *failure;      /* a code instead of words; or NULL      */
};

/* What waits for on_open, or behind what waits. */
enum rt_deed { DO_UPDATE, DO_PUSH, DO_COMMIT, DO_CLEAR, DO_ADD, DO_REMOVE, DO_TRUNCATE, DO_ASK };

struct rt_waiting {
	struct node node;
	enum rt_deed deed;
	json_t *json;
	char *text;
	uint64_t ref, ms;
	size_t n, cap; /* samples */
	int16_t pcm[];
};

struct realtime_link {
	struct node node; /* in realtime.links */
	struct realtime *e;
	struct rt_home *home;
	struct loop *loop;
	const struct realtime_sink *sink;
	void *owner;
	uint64_t number;
	enum rt_state state;
	unsigned depth; /* of our own calls on the stack: freed later */
	bool closed;

	/* opening */
	size_t seat;
	unsigned tried; /* BIT(seat) */
	uint64_t until_us, opened_us;
	json_t *session, *items;
	enum rt_turns turns;
	char *safety_id;
	char code[RT_CODE_MAX], why[RT_WHY_MAX];
	uint64_t again_us;

	struct ws_client *ws;
	struct timer timer;
	struct buf out; /* the message that is being written */
	struct list waiting;
	size_t n_waiting; /* octets */
	int16_t *pcm;     /* RT_CHUNK samples */
	size_t n_pcm;
	uint64_t heard_us; /* of the last push */
	uint64_t n_events;

	/* under way */
	struct list answers, commits;
	size_t n_answers, n_commits;
	uint64_t commit_number;
	struct rt_answer *begun; /* inside on_begun */
	json_t *names;           /* our item ids to theirs */
	struct buf heard;        /* audio that was decoded   */
	uint64_t n_oddities; /* messages that made no sense */
};

static inline const struct service *rt_service(const struct realtime_link *l)
{
	return l->e->seats[l->seat].service;
}

/* --- realtime_ws.c --- */

/* Around everything that may call the sink: leave() frees a link that was closed meanwhile; false: it is gone. */
void rt_enter(struct realtime_link *l);
bool rt_leave(struct realtime_link *l);
/* The connection is of no use any more. Before on_open the next service is tried, else on_lost comes (from
 * the loop). retry_ms: what the service said; blame: is it the service's fault? */
enum rt_blame { RT_BLAME, RT_NO_BLAME };
void rt_break(struct realtime_link *l, enum rt_blame blame, uint64_t retry_ms, const char *code,
	      const char *why);
void rt_opened(struct realtime_link *l);
/* Writes and sends l->out; what cannot be sent breaks the link. */
void rt_send(struct realtime_link *l);

/* --- realtime_out.c --- */

void rt_say_session(struct realtime_link *l);
void rt_say_items(struct realtime_link *l); /* of the start, in front of what waits */
/* As much of what waits as fits. */
void rt_flush(struct realtime_link *l);
void rt_forget_waiting(struct realtime_link *l);
/* The end of the audio so far, where nothing more has come for a while. */
void rt_say_rest(struct realtime_link *l);
void rt_say_ask(struct realtime_link *l, struct rt_answer *a);
void rt_say_cancel(struct realtime_link *l, const struct rt_answer *a);
void rt_update(struct realtime_link *l, const json_t *session);
void rt_push(struct realtime_link *l, const int16_t *pcm, size_t n);
void rt_commit(struct realtime_link *l);
void rt_clear(struct realtime_link *l);
int rt_add(struct realtime_link *l, const json_t *item, const char *after);
void rt_remove(struct realtime_link *l, const char *item_id);
void rt_truncate(struct realtime_link *l, uint64_t ref, uint64_t ms);
int rt_ask(struct realtime_link *l, const struct realtime_ask *a, uint64_t ref);

/* --- realtime_talk.c --- */

struct rt_answer *rt_answer_new(struct realtime_link *l, uint64_t ref); /* NULL: no memory */
void rt_answer_free(struct realtime_link *l, struct rt_answer *a);
struct rt_answer *rt_answer_of(struct realtime_link *l, uint64_t ref);
struct rt_answer *rt_answer_named(struct realtime_link *l, const char *id);
/* Asks for what is held, if the conversation is free. */
void rt_ask_held(struct realtime_link *l);
void rt_answer_over(struct realtime_link *l, struct rt_answer *a);
/* on_failed, and the service shall stop. */
void rt_answer_fail(struct realtime_link *l, struct rt_answer *a, const char *code, const char *why);
struct rt_commit *rt_commit_new(struct realtime_link *l, bool ours); /* NULL: no memory, or too many */
void rt_commit_known(struct realtime_link *l, struct rt_commit *c, const char *id);
struct rt_commit *rt_commit_named(struct realtime_link *l, const char *id);
/* Words (or a code instead) have come: told in the commits' order. */
void rt_commit_heard(struct realtime_link *l, struct rt_commit *c, const char *words, const char *code);
void rt_talk_done(struct realtime_link *l);
/* What has waited too long. */
void rt_talk_time(struct realtime_link *l, uint64_t now_us);
bool rt_talk_idle(const struct realtime_link *l);
void rt_adopt(struct realtime_link *l, uint64_t ref);
void rt_cancel(struct realtime_link *l, uint64_t ref);
void rt_name_item(struct realtime_link *l, uint64_t ref, const char *item_id);
const char *rt_their_id(const struct realtime_link *l, const char *item_id);
void rt_learn_name(struct realtime_link *l, const char *item_id, const char *theirs);

/* --- realtime_in.c --- */

void rt_message(struct realtime_link *l, struct bytes text);

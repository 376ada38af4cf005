/* relay.h - from an engine's thread to its caller's loop, until cancelled.
 *
 * Every piece of work of a threaded engine begins with a struct relay. It keeps
 * ops.h's promises for all of them: sink calls on the caller's loop only, in order,
 * never from inside the call that started the work, exactly one completion, none
 * after cancel.
 *
 * References: one is the caller's handle, which ends with the completion, with
 * relay_cancel() or with relay_set_done(); one per thread that works (relay_hold,
 * relay_release); one per post under way. The last one calls on_free.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/pool.h"

struct engine_error;
struct loop;
struct relay;

/* All work of one engine, so that it can be closed. */
struct relay_set {
	struct pool *pool; /* where relay_run() works */
	pthread_mutex_t lock;
	pthread_cond_t idle;
	struct list open;   /* handles that have not ended */
	unsigned n_holding; /* threads at work             */
};

/* pool NULL: the engine has threads of its own and does without relay_run(). */
void relay_set_init(struct relay_set *s, struct pool *pool);
/* Ends every handle without a sink call and waits until no thread holds a relay.
 * What the loops still have to deliver is dropped there. */
void relay_set_done(struct relay_set *s);

/* What all work of one kind has in common. */
struct relay_ops {
	void (*work)(struct relay *r);    /* on a pool thread, unless cancelled by then */
	void (*on_lost)(struct relay *r); /* on the loop: memory ran out; tell the sink on_error */
	void (*on_free)(struct relay *r); /* any thread */
};

struct relay {
	const struct relay_ops *ops;
	struct node node;
	struct job job;
	struct relay_set *set;
	struct loop *loop;
	const void *sink;
	void *owner;
	uint64_t ticket;

	atomic_uint refs;
	atomic_bool cancelled;
	pthread_mutex_t lock; /* events, posted, lost, closed */
	struct list events;
	bool posted, lost, closed;
};

/* What a caller gives with every start. */
struct relay_to {
	struct loop *loop;
	const void *sink;
	void *owner;
	uint64_t ticket;
};

/* For on_lost. */
extern const struct engine_error relay_no_memory;

/* ops are borrowed; ops->work is relay_run()'s. */
void relay_init(struct relay *r, const struct relay_ops *ops, struct relay_set *s,
		const struct relay_to *to);
/* relay_init(), and ops->work runs on the set's pool and holds r meanwhile. */
void relay_run(struct relay *r, const struct relay_ops *ops, struct relay_set *s,
	       const struct relay_to *to);
/* For a start that fails later on: drops the handle as relay_cancel() does. */
void relay_cancel(struct relay *r); /* on the loop */
bool relay_cancelled(const struct relay *r);
/* On the loop, inside a delivery or while r is held: the handle ends, and its completion is to be told
 * now. false: it has ended, tell nobody. */
MUST_USE bool relay_complete(struct relay *r);

void relay_hold(struct relay *r);    /* before a thread gets r */
void relay_release(struct relay *r); /* the thread is through; r may be gone */

/* Any thread but the loop's own. `deliver` runs on the loop with a copy of the n octets at payload, aligned for
 * any type, unless r has been cancelled or completed by then. After RELAY_LAST nothing more
 * is sent. Where memory runs out, on_lost is the completion. */
enum relay_order { RELAY_MORE, RELAY_LAST };
void relay_send(struct relay *r, enum relay_order o, void (*deliver)(struct relay *r, void *payload),
		const void *payload, size_t n);
/* A worker ran out of memory: on_lost is the completion. */
void relay_lose(struct relay *r);

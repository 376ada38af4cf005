/* assoc_inner.h - what assoc.c (the loop's side) and sctp_service.c (the thread's side) share.
 *
 * Nobody else includes it. One struct item is one thing that crosses; the lock of the
 * service guards all queues, and is held for a few instructions only.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "rtc/assoc.h"

struct socket; /* usrsctp's */

enum {
	ITEM_COST = 256,         /* what an item costs besides its octets, for the caps */
	OUTBOX_MAX = 512 * 1024, /* octets of packets waiting for the loop              */
};

/* One thing on its way between the threads: a command down or an event up. */
struct item {
	struct node node;
	struct assoc *assoc;
	enum item_kind {
		DOWN_OPEN,
		DOWN_PACKET,
		DOWN_SEND,
		DOWN_RESET,
		DOWN_CLOSE,
		UP_PACKET,
		UP_UP,
		UP_MESSAGE,
		UP_RESET,
		UP_WRITABLE,
		UP_END,
	} kind;
	uint16_t stream;
	enum assoc_order order;
	enum assoc_end why;
	uint32_t ppid;
	void *message; /* usrsctp's malloc(), for UP_MESSAGE: free() it */
	size_t n; /* of message, or of what follows this struct */
};

/* Counted: the loop's side has one reference, the thread's side another, each post one. */
struct assoc {
	struct sctp_service *service;
	struct loop *loop;
	const struct assoc_ops *ops;
	void *owner;
	atomic_uint refs;

	/* Guarded by service->lock. */
	bool freed;  /* by assoc_free(); the loop's thread also reads it without the lock */
	bool posted; /* on_post() is on its way                                          */
	bool wants_write, writable_up; /* -EAGAIN was returned; up_writable is on its way  */
	struct list up; /* events for the loop              */
	size_t in_octets, send_octets, packet_octets, message_octets;
	uint64_t n_dropped_in, n_dropped_out;

	/* The loop's thread only. */
	bool ended;
	uint64_t n_packets_in, n_packets_out, n_messages_in, n_messages_out;

	/* The service's thread only. */
	struct socket *so;
	struct node node;   /* in service->open */
	size_t slot;        /* + 1; 0: none */
	bool is_up, is_over;
	struct list unsent; /* DOWN_SEND that usrsctp has no room for */
	uint64_t resets;    /* streams that wait to be reset          */
	uint64_t asked;     /* streams whose reset was our idea, until the peer resets its side */

	/* These must not need memory. */
	struct item open, close, up_up, up_end, up_writable;
};

struct sctp_service {
	pthread_t thread;
	pthread_mutex_t lock; /* guards `down`, `closing` and what struct assoc says */
	pthread_cond_t more;
	struct list down;
	bool closing;

	/* The service's thread only. */
	struct list open;
	struct assoc **slots; /* by the address that usrsctp knows it by */
	size_t n_slots;
	uint64_t ticked_us, tick_until_us;
};

/* NULL: no memory. Copies data behind the item. */
MUST_USE struct item *item_new(struct assoc *a, enum item_kind kind, struct bytes data);
void item_free(struct item *i); /* those inside struct assoc stay */
uint8_t *item_data(struct item *i);
void items_free(struct list *l);
void list_take(struct list *to, struct list *from);
void assoc_unref(struct assoc *a);

/* Thread to loop: takes the item. */
void assoc_emit(struct assoc *a, struct item *i);
/* The same for what waits already; the lock is held. */
void assoc_post(struct assoc *a);
/* Loop to thread: takes the item; the lock is held. */
void sctp_service_push(struct sctp_service *s, struct item *i);

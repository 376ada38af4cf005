#include "rtc/assoc.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/loop.h"
#include "rtc/assoc_inner.h"

enum {
	HEADER = 12,          /* RFC 9260, 3.1                     */
	CHUNK_HEADER = 4,     /* RFC 9260, 3.2                     */
	PACKET_IN_MAX = 2048, /* longer than any DTLS record we read */
};

/* --- items and references ------------------------------------------------ */

uint8_t *item_data(struct item *i)
{
	return (uint8_t *)(i + 1);
}

struct item *item_new(struct assoc *a, enum item_kind kind, struct bytes data)
{
	struct item *i = mem_alloc(sizeof(*i) + data.n);

	if (!i)
		return NULL;
	*i = (struct item){ .assoc = a, .kind = kind, .n = data.n };
	if (data.n)
		memcpy(item_data(i), data.p, data.n);
	return i;
}

static bool is_embedded(const struct item *i)
{
	const struct assoc *a = i->assoc;

	return i == &a->open || i == &a->close || i == &a->up_up || i == &a->up_end ||
	       i == &a->up_writable;
}

void item_free(struct item *i)
{
	free(i->message);
	i->message = NULL;
	if (!is_embedded(i))
		mem_free(i);
}

void items_free(struct list *l)
{
	for (struct node *n; (n = list_pop(l));)
		item_free(CONTAINER_OF(n, struct item, node));
}

void list_take(struct list *to, struct list *from)
{
	list_init(to);
	if (list_empty(from))
		return;
	to->head = from->head;
	to->head.next->prev = &to->head;
	to->head.prev->next = &to->head;
	list_init(from);
}

void assoc_unref(struct assoc *a)
{
	if (atomic_fetch_sub(&a->refs, 1) == 1)
		mem_free(a);
}

/* --- events up: from the service's thread to the loop -------------------- */

static void call_output(struct assoc *a, struct item *i)
{
	a->n_packets_out++;
	a->ops->output(a->owner, bytes_of(item_data(i), i->n));
}

static void call_up(struct assoc *a, struct item *i)
{
	(void)i;
	a->ops->on_up(a->owner);
}

static void call_message(struct assoc *a, struct item *i)
{
	a->n_messages_in++;
	a->ops->on_message(a->owner, i->stream, i->ppid, bytes_of(i->message, i->n));
}

static void call_reset(struct assoc *a, struct item *i)
{
	a->ops->on_reset(a->owner, i->stream);
}

static void call_writable(struct assoc *a, struct item *i)
{
	(void)i;
	pthread_mutex_lock(&a->service->lock);
	a->wants_write = a->writable_up = false;
	pthread_mutex_unlock(&a->service->lock);
	a->ops->on_writable(a->owner);
}

static void call_end(struct assoc *a, struct item *i)
{
	a->ended = true;
	a->ops->on_end(a->owner, i->why);
}

static void (*const calls[])(struct assoc *, struct item *) = {
	[UP_PACKET] = call_output, [UP_UP] = call_up,	      [UP_MESSAGE] = call_message,
	[UP_RESET] = call_reset,   [UP_WRITABLE] = call_writable, [UP_END] = call_end,
};

static void on_post(void *payload)
{
	struct assoc *a = *(struct assoc **)payload;
	struct list todo;

	list_init(&todo);
	if (!a->freed) {
		pthread_mutex_lock(&a->service->lock);
		a->posted = false;
		list_take(&todo, &a->up);
		a->packet_octets = a->message_octets = 0;
		pthread_mutex_unlock(&a->service->lock);
	}
	for (struct node *n; !a->freed && !a->ended && (n = list_pop(&todo));) {
		struct item *i = CONTAINER_OF(n, struct item, node);

		calls[i->kind](a, i);
		item_free(i);
	}
	items_free(&todo);
	assoc_unref(a);
}

/* The lock is held: so nothing is posted to the loop once assoc_free() has returned. */
void assoc_post(struct assoc *a)
{
	if (a->freed || a->posted || list_empty(&a->up))
		return;
	atomic_fetch_add(&a->refs, 1);
	if (loop_post(a->loop, on_post, &a, sizeof(a)) == 0)
		a->posted = true;
	else
		atomic_fetch_sub(&a->refs, 1); /* the loop is very busy: at the next tick */
}

void assoc_emit(struct assoc *a, struct item *i)
{
	struct sctp_service *s = a->service;
	bool taken = false;

	pthread_mutex_lock(&s->lock);
	if (!a->freed) {
		list_push(&a->up, &i->node);
		a->packet_octets += i->kind == UP_PACKET ? i->n + ITEM_COST : 0;
		a->message_octets += i->kind == UP_MESSAGE ? i->n + ITEM_COST : 0;
		assoc_post(a);
		taken = true;
	}
	pthread_mutex_unlock(&s->lock);
	if (!taken)
		item_free(i);
}

/* --- the loop's side ----------------------------------------------------- */

int assoc_new(struct assoc **out, struct sctp_service *s, struct loop *loop,
	      const struct assoc_ops *ops, void *owner)
{
	struct assoc *a = mem_zalloc(sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->service = s;
	a->loop = loop;
	a->ops = ops;
	a->owner = owner;
	atomic_init(&a->refs, 2);
	list_init(&a->up);
	list_init(&a->unsent);
	a->open = (struct item){ .assoc = a, .kind = DOWN_OPEN };
	a->close = (struct item){ .assoc = a, .kind = DOWN_CLOSE };
	a->up_up = (struct item){ .assoc = a, .kind = UP_UP };
	a->up_end = (struct item){ .assoc = a, .kind = UP_END };
	a->up_writable = (struct item){ .assoc = a, .kind = UP_WRITABLE };
	pthread_mutex_lock(&s->lock);
	sctp_service_push(s, &a->open);
	pthread_mutex_unlock(&s->lock);
	*out = a;
	return 0;
}

void assoc_free(struct assoc *a)
{
	struct list left;

	if (!a)
		return;
	pthread_mutex_lock(&a->service->lock);
	a->freed = true;
	list_take(&left, &a->up);
	pthread_mutex_unlock(&a->service->lock);
	items_free(&left);

	/* The thread's reference goes with DOWN_CLOSE, and it comes after all other commands. */
	pthread_mutex_lock(&a->service->lock);
	sctp_service_push(a->service, &a->close);
	pthread_mutex_unlock(&a->service->lock);
	assoc_unref(a);
}

void assoc_input(struct assoc *a, struct bytes packet)
{
	struct sctp_service *s = a->service;
	bool fits = packet.n >= HEADER + CHUNK_HEADER && packet.n <= PACKET_IN_MAX;
	struct item *i = fits ? item_new(a, DOWN_PACKET, packet) : NULL;
	bool taken = false;

	pthread_mutex_lock(&s->lock);
	if (i && a->in_octets + i->n <= ASSOC_INPUT_MAX) {
		a->in_octets += i->n + ITEM_COST;
		a->n_packets_in++;
		sctp_service_push(s, i);
		taken = true;
	} else {
		a->n_dropped_in++;
	}
	pthread_mutex_unlock(&s->lock);
	if (!taken && i)
		item_free(i);
}

int assoc_send(struct assoc *a, uint16_t stream, uint32_t ppid, struct bytes message,
	       enum assoc_order order)
{
	struct sctp_service *s = a->service;

	if (a->ended)
		return -ENOTCONN;
	if (stream >= ASSOC_STREAMS)
		return -EINVAL;
	if (message.n == 0 || message.n > ASSOC_MESSAGE_MAX)
		return -EMSGSIZE;
	struct item *i = item_new(a, DOWN_SEND, message);
	if (!i)
		return -ENOMEM;
	i->stream = stream;
	i->ppid = ppid;
	i->order = order;

	pthread_mutex_lock(&s->lock);
	bool room = a->send_octets + i->n + ITEM_COST <= ASSOC_SEND_MAX;
	if (room) {
		a->send_octets += i->n + ITEM_COST;
		sctp_service_push(s, i);
	} else {
		a->wants_write = true;
	}
	pthread_mutex_unlock(&s->lock);
	if (!room) {
		item_free(i);
		return -EAGAIN;
	}
	a->n_messages_out++;
	return 0;
}

int assoc_reset(struct assoc *a, uint16_t stream)
{
	struct sctp_service *s = a->service;

	if (a->ended)
		return -ENOTCONN;
	if (stream >= ASSOC_STREAMS)
		return -EINVAL;
	struct item *i = item_new(a, DOWN_RESET, bytes_of(NULL, 0));
	if (!i)
		return -ENOMEM;
	i->stream = stream;
	pthread_mutex_lock(&s->lock);
	sctp_service_push(s, i);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static const char *const end_names[] = {
	[ASSOC_CLOSED] = "closed",	 [ASSOC_LOST] = "lost",	  [ASSOC_TOO_LONG] = "too_long",
	[ASSOC_NO_MEMORY] = "no_memory", [ASSOC_FAILED] = "failed",
};

const char *assoc_end_name(enum assoc_end e)
{
	return end_names[e];
}

void assoc_dump(const struct assoc *a, struct buf *to)
{
	struct sctp_service *s = a->service;

	pthread_mutex_lock(&s->lock);
	size_t in = a->in_octets, out = a->send_octets;
	uint64_t lost_in = a->n_dropped_in, lost_out = a->n_dropped_out;
	pthread_mutex_unlock(&s->lock);
	buf_printf(to,
		   "assoc ended=%d packets_in=%llu packets_out=%llu messages_in=%llu "
		   "messages_out=%llu waiting_in=%zu waiting_out=%zu dropped_in=%llu "
		   "dropped_out=%llu\n",
		   a->ended, (unsigned long long)a->n_packets_in,
		   (unsigned long long)a->n_packets_out, (unsigned long long)a->n_messages_in,
		   (unsigned long long)a->n_messages_out, in, out, (unsigned long long)lost_in,
		   (unsigned long long)lost_out);
}

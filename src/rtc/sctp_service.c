#include "rtc/sctp_service.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <usrsctp.h>

#include "base/alloc.h"
#include "base/env.h"
#include "base/pool.h"
#include "rtc/assoc_inner.h"

enum {
	PORT = 5000, /* RFC 8841, 5; it means nothing inside DTLS */
	HEADER = 12, /* RFC 9260, 3.1                             */
	TICK_US = 10 * US_PER_MS,
	LINGER_US = 2 * US_PER_S, /* ticks go on for what closed sockets left behind */
};

/* usrsctp is one per process, is started once, and keeps the addresses it was told. */
static struct {
	pthread_once_t once;
	atomic_bool busy;
	struct sctp_service *service; /* while busy */
	size_t n_addresses;
} process = { .once = PTHREAD_ONCE_INIT };

/* --- what usrsctp calls (on the service's thread) ------------------------ */

static void end(struct assoc *a, enum assoc_end why)
{
	if (a->is_over)
		return;
	a->is_over = true;
	a->up_end.why = why;
	assoc_emit(a, &a->up_end);
}

static struct assoc *assoc_at(const void *address)
{
	struct sctp_service *s = process.service;
	size_t slot = (uintptr_t)address;

	return s && slot && slot <= s->n_slots ? s->slots[slot - 1] : NULL;
}

/* A packet we cannot keep is a lost packet. */
static int on_output(void *address, void *p, size_t n, uint8_t tos, uint8_t set_df)
{
	struct assoc *a = assoc_at(address);
	struct item *i = NULL;

	(void)tos;
	(void)set_df;
	if (!a)
		return 0;
	pthread_mutex_lock(&a->service->lock);
	bool room = a->packet_octets + n <= OUTBOX_MAX && n <= ASSOC_PACKET_MAX;
	a->n_dropped_out += !room;
	pthread_mutex_unlock(&a->service->lock);
	if (room)
		i = item_new(a, UP_PACKET, bytes_of(p, n));
	if (i)
		assoc_emit(a, i);
	return 0;
}

static void on_change(struct assoc *a, const union sctp_notification *n, size_t len)
{
	if (len < sizeof(n->sn_assoc_change))
		return;
	switch (n->sn_assoc_change.sac_state) {
	case SCTP_COMM_UP:
		if (!a->is_up)
			assoc_emit(a, &a->up_up);
		a->is_up = true;
		break;
	case SCTP_CANT_STR_ASSOC:
		end(a, ASSOC_LOST);
		break;
	case SCTP_COMM_LOST:
		end(a, n->sn_assoc_change.sac_error ? ASSOC_LOST : ASSOC_CLOSED);
		break;
	default: /* shut down, or restarted, which over DTLS makes no sense (RFC 8261, 5) */
		end(a, ASSOC_CLOSED);
	}
}

static void reset_streams(struct assoc *a)
{
	_Alignas(struct sctp_reset_streams) uint8_t raw[sizeof(struct sctp_reset_streams) +
							sizeof(uint16_t)] = { 0 };
	struct sctp_reset_streams *r = (void *)raw;

	r->srs_flags = SCTP_STREAM_RESET_OUTGOING;
	r->srs_number_streams = 1;
	/* One request may be under way (RFC 6525, 5.1.2); the others wait for a tick. */
	for (uint16_t k = 0; a->is_up && !a->is_over && k < ASSOC_STREAMS; k++) {
		if (!(a->resets >> k & 1))
			continue;
		r->srs_stream_list[0] = k;
		if (usrsctp_setsockopt(a->so, IPPROTO_SCTP, SCTP_RESET_STREAMS, r,
				       sizeof(raw)) != 0 &&
		    (errno == EALREADY || errno == EAGAIN || errno == EBUSY))
			return;
		a->resets &= ~(UINT64_C(1) << k);
	}
}

static void on_stream_reset(struct assoc *a, const union sctp_notification *n, size_t len)
{
	const struct sctp_stream_reset_event *e = &n->sn_strreset_event;

	if (len < sizeof(*e) || !(e->strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN) ||
	    e->strreset_flags & (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED))
		return;
	size_t count = (len - sizeof(*e)) / sizeof(uint16_t);

	for (size_t k = 0; k < count; k++) {
		uint16_t stream = e->strreset_stream_list[k];
		if (stream >= ASSOC_STREAMS)
			continue;
		struct item *i = item_new(a, UP_RESET, bytes_of(NULL, 0));

		if (!i) {
			end(a, ASSOC_NO_MEMORY);
			return;
		}
		i->stream = stream;
		uint64_t bit = UINT64_C(1) << stream;

		if (!(a->asked & bit))
			a->resets |= bit; /* RFC 8831, 6.7: then we reset ours, too */
		a->asked &= ~bit;
		assoc_emit(a, i);
	}
}

static void on_notification(struct assoc *a, const union sctp_notification *n, size_t len)
{
	static const struct {
		uint16_t type;
		void (*on)(struct assoc *, const union sctp_notification *, size_t);
	} rows[] = {
		{ SCTP_ASSOC_CHANGE, on_change },
		{ SCTP_STREAM_RESET_EVENT, on_stream_reset },
	};

	if (len < sizeof(n->sn_header) || n->sn_header.sn_length > len)
		return;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == n->sn_header.sn_type)
			rows[i].on(a, n, n->sn_header.sn_length);
}

static void on_data(struct assoc *a, const struct sctp_rcvinfo *info, void *data, size_t n)
{
	struct item *i = item_new(a, UP_MESSAGE, bytes_of(NULL, 0));

	if (!i) {
		free(data);
		end(a, ASSOC_NO_MEMORY); /* it has been acknowledged: it must not be lost */
		return;
	}
	i->stream = info->rcv_sid;
	i->ppid = ntohl(info->rcv_ppid);
	i->message = data;
	i->n = n;
	assoc_emit(a, i);
}

/* Takes `data`. usrsctp gives parts only of what is longer than we allow (see options[]). */
static int on_receive(struct socket *so, union sctp_sockstore addr, void *data, size_t n,
		      struct sctp_rcvinfo info, int flags, void *address)
{
	struct assoc *a = assoc_at(address);

	(void)addr;
	if (!a || a->is_over || a->so != so) {
		free(data);
	} else if (!data) {
		end(a, ASSOC_CLOSED);
	} else if (flags & MSG_NOTIFICATION) {
		on_notification(a, data, n);
		free(data);
	} else if (!(flags & MSG_EOR) || n > ASSOC_MESSAGE_MAX) {
		free(data);
		end(a, ASSOC_TOO_LONG);
	} else {
		on_data(a, &info, data, n);
	}
	return 1;
}

/* --- sockets ------------------------------------------------------------- */

static struct sockaddr_conn address_of(size_t slot)
{
	return (struct sockaddr_conn){
		.sconn_family = AF_CONN,
		.sconn_port = htons(PORT),
		.sconn_addr = (void *)(uintptr_t)slot, /* a number, never followed */
	};
}

static const struct sctp_initmsg init_msg = {
	.sinit_num_ostreams = ASSOC_STREAMS,
	.sinit_max_instreams = ASSOC_STREAMS,
	.sinit_max_attempts = 10,
	.sinit_max_init_timeo = 1000,
};
static const struct sctp_rtoinfo rto = { .srto_initial = 200, .srto_min = 100, .srto_max = 4000 };
/* DTLS gives a fixed size, and ICE watches the path: no path MTU discovery (RFC 8261, 4),
 * no heartbeats. usrsctp counts what comes after the common header. */
static const struct sctp_paddrparams path = {
	.spp_flags = SPP_HB_DISABLE | SPP_PMTUD_DISABLE,
	.spp_pathmtu = ASSOC_PACKET_MAX - HEADER,
};
static const struct sctp_assoc_value stream_reset = {
	.assoc_id = SCTP_ALL_ASSOC,
	.assoc_value = SCTP_ENABLE_RESET_STREAM_REQ | SCTP_ENABLE_CHANGE_ASSOC_REQ,
};
static const struct sctp_event change_event = { SCTP_ALL_ASSOC, SCTP_ASSOC_CHANGE, 1 };
static const struct sctp_event reset_event = { SCTP_ALL_ASSOC, SCTP_STREAM_RESET_EVENT, 1 };
static const struct sctp_sack_info sack = { .sack_delay = 20, .sack_freq = 2 };
static const struct linger abort_at_close = { .l_onoff = 1, .l_linger = 0 };
static const int yes = 1, send_buffer = 512 * 1024, receive_buffer = ASSOC_RECEIVE_MAX;
/* Above the longest message that we take, so that only a too long one comes in parts. */
static const uint32_t partial_point = 2 * ASSOC_MESSAGE_MAX;

#define OPTION(level, name, value) { level, name, &(value), sizeof(value) }
static const struct option {
	int level, name;
	const void *value;
	socklen_t n;
} options[] = {
	OPTION(SOL_SOCKET, SO_LINGER, abort_at_close),
	OPTION(SOL_SOCKET, SO_SNDBUF, send_buffer),
	OPTION(SOL_SOCKET, SO_RCVBUF, receive_buffer),
	OPTION(IPPROTO_SCTP, SCTP_PARTIAL_DELIVERY_POINT, partial_point),
	OPTION(IPPROTO_SCTP, SCTP_NODELAY, yes),
	OPTION(IPPROTO_SCTP, SCTP_INITMSG, init_msg),
	OPTION(IPPROTO_SCTP, SCTP_RTOINFO, rto),
	OPTION(IPPROTO_SCTP, SCTP_DELAYED_SACK, sack),
	OPTION(IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, stream_reset),
	OPTION(IPPROTO_SCTP, SCTP_EVENT, change_event),
	OPTION(IPPROTO_SCTP, SCTP_EVENT, reset_event),
};

static bool take_slot(struct sctp_service *s, struct assoc *a)
{
	size_t i = 0;

	while (i < s->n_slots && s->slots[i])
		i++;
	if (i == ASSOC_MAX)
		return false;
	if (i == s->n_slots) {
		size_t n = MAX(2 * s->n_slots, 16);
		struct assoc **slots = mem_realloc(s->slots, n * sizeof(*slots));

		if (!slots)
			return false;
		memset(slots + s->n_slots, 0, (n - s->n_slots) * sizeof(*slots));
		s->slots = slots;
		s->n_slots = n;
	}
	/* Never deregistered: usrsctp would look through all its sockets each time. */
	while (process.n_addresses <= i)
		usrsctp_register_address((void *)(uintptr_t)++process.n_addresses);
	s->slots[i] = a;
	a->slot = i + 1;
	return true;
}

static bool connect_socket(struct assoc *a)
{
	struct sockaddr_conn here = address_of(a->slot);

	a->so = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, on_receive, NULL, 0,
			       here.sconn_addr);
	if (!a->so || usrsctp_set_non_blocking(a->so, 1) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const struct option *o = &options[i];

		if (usrsctp_setsockopt(a->so, o->level, o->name, o->value, o->n) != 0)
			return false;
	}
	if (usrsctp_bind(a->so, (struct sockaddr *)&here, sizeof(here)) != 0)
		return false;
	/* Both ends have the same address, as the peer's is only seen inside DTLS. */
	if (usrsctp_connect(a->so, (struct sockaddr *)&here, sizeof(here)) != 0 &&
	    errno != EINPROGRESS)
		return false;

	struct sctp_paddrparams p = path;
	memcpy(&p.spp_address, &here, sizeof(here));
	return usrsctp_setsockopt(a->so, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &p, sizeof(p)) == 0;
}

/* --- commands down: what the thread does --------------------------------- */

static void run_open(struct sctp_service *s, struct item *i)
{
	struct assoc *a = i->assoc;

	list_push(&s->open, &a->node);
	if (!take_slot(s, a) || !connect_socket(a))
		end(a, ASSOC_FAILED);
}

/* The message is gone from our queue; is there room again? */
static void sent(struct assoc *a, struct item *i)
{
	struct sctp_service *s = a->service;

	pthread_mutex_lock(&s->lock);
	a->send_octets -= i->n + ITEM_COST;
	bool writable = a->wants_write && !a->writable_up && !a->is_over &&
			a->send_octets <= ASSOC_SEND_MAX / 2;
	if (writable)
		a->writable_up = true;
	pthread_mutex_unlock(&s->lock);
	item_free(i);
	if (writable)
		assoc_emit(a, &a->up_writable);
}

static bool hand_over(struct assoc *a, struct item *i)
{
	struct sctp_sendv_spa spa = {
		.sendv_flags = SCTP_SEND_SNDINFO_VALID,
		.sendv_sndinfo = {
			.snd_sid = i->stream,
			.snd_ppid = htonl(i->ppid),
			.snd_flags = i->order == ASSOC_UNORDERED ? SCTP_UNORDERED : 0,
		},
	};
	ssize_t r = usrsctp_sendv(a->so, item_data(i), i->n, NULL, 0, &spa, sizeof(spa),
				  SCTP_SENDV_SPA, 0);

	return r >= 0 || (errno != EWOULDBLOCK && errno != EAGAIN && errno != ENOBUFS);
}

static void send_unsent(struct assoc *a)
{
	struct node *n;

	while (a->is_up && !a->is_over && (n = list_first(&a->unsent))) {
		struct item *i = CONTAINER_OF(n, struct item, node);

		if (!hand_over(a, i))
			return;
		node_unlink(n);
		sent(a, i);
	}
	if (list_empty(&a->unsent))
		reset_streams(a);
}

static void run_packet(struct sctp_service *s, struct item *i)
{
	struct assoc *a = i->assoc;

	pthread_mutex_lock(&s->lock);
	a->in_octets -= i->n + ITEM_COST;
	/* The loop does not keep up with messages: then the peer must wait. */
	bool full = a->message_octets > ASSOC_RECEIVE_MAX;
	a->n_dropped_in += full;
	pthread_mutex_unlock(&s->lock);
	if (a->so && !a->is_over && !full) {
		usrsctp_conninput((void *)(uintptr_t)a->slot, item_data(i), i->n, 0);
		send_unsent(a);
	}
	item_free(i);
}

static void run_send(struct sctp_service *s, struct item *i)
{
	(void)s;
	list_push(&i->assoc->unsent, &i->node);
	send_unsent(i->assoc);
}

static void run_reset(struct sctp_service *s, struct item *i)
{
	(void)s;
	i->assoc->resets |= UINT64_C(1) << i->stream;
	i->assoc->asked |= UINT64_C(1) << i->stream;
	send_unsent(i->assoc);
	item_free(i);
}

static void run_close(struct sctp_service *s, struct item *i)
{
	struct assoc *a = i->assoc;

	a->is_over = true;
	if (a->so)
		usrsctp_close(a->so);
	if (a->slot)
		s->slots[a->slot - 1] = NULL;
	node_unlink(&a->node);
	items_free(&a->unsent);
	assoc_unref(a);
}

static void (*const runs[])(struct sctp_service *, struct item *) = {
	[DOWN_OPEN] = run_open,	  [DOWN_PACKET] = run_packet, [DOWN_SEND] = run_send,
	[DOWN_RESET] = run_reset, [DOWN_CLOSE] = run_close,
};

/* --- the thread ---------------------------------------------------------- */

static void tick(struct sctp_service *s, uint64_t now)
{
	if (!list_empty(&s->open))
		s->tick_until_us = now + LINGER_US;
	if (now < s->ticked_us + TICK_US)
		return;
	uint64_t ms = (now - s->ticked_us) / US_PER_MS;

	s->ticked_us += ms * US_PER_MS;
	usrsctp_handle_timers((uint32_t)ms);
	LIST_FOR(&s->open, n) {
		struct assoc *a = CONTAINER_OF(n, struct assoc, node);

		send_unsent(a);
		pthread_mutex_lock(&s->lock);
		assoc_post(a); /* what a full loop did not take */
		pthread_mutex_unlock(&s->lock);
	}
}

/* Waits for commands, or for the next tick while there is something that ages. false: end. */
static bool wait_for_work(struct sctp_service *s, struct list *work)
{
	pthread_mutex_lock(&s->lock);
	while (list_empty(&s->down) && !s->closing) {
		uint64_t now = env_now(&env_system), due = s->ticked_us + TICK_US;

		if (now >= s->tick_until_us) { /* nothing to age: sleep, then start afresh */
			pthread_cond_wait(&s->more, &s->lock);
			s->ticked_us = env_now(&env_system);
			s->tick_until_us = s->ticked_us + TICK_US;
			continue;
		}
		if (now >= due)
			break;
		struct timespec t = { .tv_sec = (time_t)(due / US_PER_S),
				      .tv_nsec = (long)(due % US_PER_S) * 1000 };
		pthread_cond_timedwait(&s->more, &s->lock, &t);
	}
	list_take(work, &s->down);
	bool go_on = !list_empty(work) || !s->closing;
	pthread_mutex_unlock(&s->lock);
	return go_on;
}

static void *service_main(void *arg)
{
	struct sctp_service *s = arg;
	struct list work;

	thread_set_name("sctp");
	while (wait_for_work(s, &work)) {
		for (struct node *n; (n = list_pop(&work));) {
			struct item *i = CONTAINER_OF(n, struct item, node);

			runs[i->kind](s, i);
		}
		tick(s, env_now(&env_system));
	}
	return NULL;
}

void sctp_service_push(struct sctp_service *s, struct item *i)
{
	bool idle = list_empty(&s->down);

	list_push(&s->down, &i->node);
	if (idle)
		pthread_cond_signal(&s->more);
}

static void init_usrsctp(void)
{
	usrsctp_init_nothreads(0, on_output, NULL);
	usrsctp_sysctl_set_sctp_ecn_enable(0);
	usrsctp_sysctl_set_sctp_asconf_enable(0);
	usrsctp_sysctl_set_sctp_auto_asconf(0);
	usrsctp_sysctl_set_sctp_auth_enable(0);
	usrsctp_sysctl_set_sctp_nrsack_enable(0);
	usrsctp_sysctl_set_sctp_pktdrop_enable(0);
	usrsctp_sysctl_set_sctp_pr_enable(1);
	usrsctp_sysctl_set_sctp_reconfig_enable(1);
	usrsctp_sysctl_set_sctp_nr_incoming_streams_default(ASSOC_STREAMS);
	usrsctp_sysctl_set_sctp_nr_outgoing_streams_default(ASSOC_STREAMS);
	/* Chunks waiting for others, per association; a message of 256 KiB has under 300. */
	usrsctp_sysctl_set_sctp_max_chunks_on_queue(1024);
	usrsctp_sysctl_set_sctp_max_burst_default(10);
	usrsctp_sysctl_set_sctp_initial_cwnd(10); /* RFC 6928 */
	usrsctp_sysctl_set_sctp_blackhole(2);     /* no answer to what belongs to nobody */
}

static int start(struct sctp_service *s)
{
	pthread_condattr_t attr;

	pthread_once(&process.once, init_usrsctp);
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* env_system's */
	pthread_cond_init(&s->more, &attr);
	pthread_condattr_destroy(&attr);
	list_init(&s->down);
	list_init(&s->open);
	process.service = s;
	return -pthread_create(&s->thread, NULL, service_main, s);
}

static void discard(struct sctp_service *s)
{
	process.service = NULL;
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->more);
	mem_free(s->slots);
	mem_free(s);
	atomic_store(&process.busy, false);
}

int sctp_service_new(struct sctp_service **out)
{
	struct sctp_service *s = mem_zalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	if (atomic_exchange(&process.busy, true)) {
		mem_free(s);
		return -EBUSY;
	}
	int r = start(s);
	if (r != 0) {
		discard(s);
		return r;
	}
	*out = s;
	return 0;
}

void sctp_service_free(struct sctp_service *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->closing = true;
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	assert(list_empty(&s->open));
	discard(s);
}

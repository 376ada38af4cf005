#include "leg/calls.h"

#include <assert.h>
#include <errno.h>

#include "base/alloc.h"
#include "base/loop.h"
#include "rtc/demux.h"
#include "rtc/ice.h"

/* A call under its ICE key, and the addresses it has validated. */
struct entry {
	struct entry *next;
	struct webrtc *webrtc;
	uint8_t key[ICE_KEY_LEN];
};

/* Where datagrams of an address go: a call here, or another loop. A slot may be taken over by
 * another address; then the next check of the first one puts it back. */
struct route {
	struct addr from;
	struct webrtc *webrtc; /* here, or NULL: */
	unsigned loop;
};

struct calls {
	struct calls_params params;
	unsigned index;
	size_t n;
	struct calls_stats stats;
	struct entry *by_key[CALLS_BUCKETS];
	struct route by_addr[CALLS_BUCKETS];
};

/* FNV-1a: the keys are random, the addresses few. */
static uint32_t hash(const void *p, size_t n, uint32_t h)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const uint8_t *)p)[i]) * 16777619u;
	return h;
}

static size_t key_bucket(struct bytes key)
{
	return hash(key.p, key.n, 2166136261u) % CALLS_BUCKETS;
}

static struct route *route_of(struct calls *c, const struct addr *a)
{
	uint32_t h = hash(&a->port, sizeof(a->port), hash(a->ip, sizeof(a->ip), 2166136261u));

	return &c->by_addr[h % CALLS_BUCKETS];
}

static struct webrtc *find(const struct calls *c, struct bytes key)
{
	for (struct entry *e = c->by_key[key_bucket(key)]; e; e = e->next)
		if (bytes_eq(bytes_of(e->key, sizeof(e->key)), key))
			return e->webrtc;
	return NULL;
}

/* --- between loops ------------------------------------------------------------------------ */

struct handed {
	struct calls *to;
	unsigned arrived; /* the loop whose socket it came from */
	struct addr from;
	size_t n;
	uint8_t p[];
};

struct told {
	struct calls *to;
	struct addr from;
	unsigned owner;
};

static void on_told(void *payload)
{
	struct told t;

	memcpy(&t, payload, sizeof(t));
	*route_of(t.to, &t.from) = (struct route){ t.from, NULL, t.owner };
}

static void take(struct calls *c, struct webrtc *w, struct bytes d, const struct addr *from,
		 unsigned arrived, uint64_t now_us);

static void on_handed(void *payload)
{
	struct handed *h = *(struct handed **)payload;
	struct calls *c = h->to;
	struct bytes d = bytes_of(h->p, h->n);
	struct bytes key = demux_kind(d) == DEMUX_STUN ? ice_key(demux_ufrag(d)) : (struct bytes){ 0 };
	struct route *r = route_of(c, &h->from);
	struct webrtc *w = key.n ? find(c, key) : addr_eq(&r->from, &h->from) ? r->webrtc : NULL;

	if (w)
		take(c, w, d, &h->from, h->arrived, env_now(&env_system));
	else
		c->stats.strangers++;
	mem_free(h);
}

static void hand_over(struct calls *c, unsigned loop, struct bytes d, const struct addr *from)
{
	struct handed *h = NULL;

	if (loop < c->params.n && loop != c->index && d.n <= PEER_DATAGRAM_MAX)
		h = mem_alloc(sizeof(*h) + d.n);
	if (!h) {
		c->stats.strangers++;
		return;
	}
	*h = (struct handed){ .to = c->params.all[loop], .arrived = c->index, .from = *from, .n = d.n };
	memcpy(h->p, d.p, d.n);
	if (loop_post(h->to->params.loop, on_handed, &h, sizeof(h)) == 0) {
		c->stats.handed++;
		return;
	}
	c->stats.lost++;
	mem_free(h);
}

/* --- a datagram ------------------------------------------------------------------------------ */

static void take(struct calls *c, struct webrtc *w, struct bytes d, const struct addr *from,
		 unsigned arrived, uint64_t now_us)
{
	struct route *r = route_of(c, from);

	webrtc_input(w, d, from, now_us);
	if ((addr_eq(&r->from, from) && r->webrtc == w) ||
	    !peer_is_valid(webrtc_peer(w), from, now_us))
		return;
	*r = (struct route){ *from, w, c->index };
	if (arrived == c->index)
		return;
	struct told t = { c->params.all[arrived], *from, c->index };
	/* Full: the next check tells again. */
	if (loop_post(t.to->params.loop, on_told, &t, sizeof(t)) != 0)
		r->from = (struct addr){ 0 };
}

/* RT */
void calls_datagram(struct calls *c, struct bytes d, const struct addr *from, uint64_t now_us)
{
	struct bytes ufrag = demux_kind(d) == DEMUX_STUN ? demux_ufrag(d) : (struct bytes){ 0 };

	if (ufrag.n) {
		int loop = ice_ufrag_loop(ufrag);
		struct webrtc *w = loop == (int)c->index ? find(c, ice_key(ufrag)) : NULL;

		if (w)
			take(c, w, d, from, c->index, now_us);
		else if (loop >= 0 && loop != (int)c->index)
			hand_over(c, (unsigned)loop, d, from);
		else
			c->stats.strangers++;
		return;
	}
	const struct route *r = route_of(c, from);
	if (!addr_eq(&r->from, from))
		c->stats.strangers++;
	else if (r->webrtc)
		webrtc_input(r->webrtc, d, from, now_us);
	else
		hand_over(c, r->loop, d, from);
}

/* --- the table ---------------------------------------------------------------------------------- */

int calls_new(struct calls **out, const struct calls_params *p)
{
	struct calls *c = mem_zalloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->params = *p;
	c->index = loop_index(p->loop);
	*out = c;
	return 0;
}

void calls_free(struct calls *c)
{
	assert(!c || c->n == 0);
	mem_free(c);
}

int calls_add(struct calls *c, struct webrtc *w)
{
	struct bytes key = peer_key(webrtc_peer(w));
	struct entry *e = c->n < CALLS_MAX ? mem_zalloc(sizeof(*e)) : NULL;

	if (!e)
		return c->n < CALLS_MAX ? -ENOMEM : -ENOSPC;
	assert(key.n == ICE_KEY_LEN);
	memcpy(e->key, key.p, key.n);
	e->webrtc = w;
	e->next = c->by_key[key_bucket(key)];
	c->by_key[key_bucket(key)] = e;
	c->n++;
	return 0;
}

void calls_remove(struct calls *c, struct webrtc *w)
{
	for (struct entry **at = &c->by_key[key_bucket(peer_key(webrtc_peer(w)))]; *at;
	     at = &(*at)->next) {
		struct entry *e = *at;

		if (e->webrtc != w)
			continue;
		*at = e->next;
		mem_free(e);
		c->n--;
		break;
	}
	for (size_t i = 0; i < CALLS_BUCKETS; i++)
		if (c->by_addr[i].webrtc == w)
			c->by_addr[i] = (struct route){ 0 };
}

size_t calls_count(const struct calls *c)
{
	return c->n;
}

void calls_send(struct calls *c, const struct addr *to, struct bytes datagram)
{
	c->params.send(c->params.ctx, to, datagram);
}

const struct calls_stats *calls_stats(const struct calls *c)
{
	return &c->stats;
}

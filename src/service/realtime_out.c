/* realtime_out.c - what the caller wants, as messages. Until on_open, and as long as something waits, it
 * waits behind. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/b64.h"
#include "service/realtime_inner.h"

enum { FLUSH_LOW = 1 << 19 }; /* octets in the connection's queue: no more is added meanwhile */

static uint64_t id_of(struct realtime_link *l)
{
	return ++l->n_events;
}

/* --- messages ------------------------------------------------------------------------------- */

/* {"type":…,"event_id":"<letter><number>" — the rest and the bracket are the caller's. The letter says to
 * whom an error belongs: r an answer, c a commit, s the session, x nobody. */
static void begin(struct realtime_link *l, const char *type, char letter, uint64_t number)
{
	buf_reset(&l->out);
	buf_printf(&l->out, "{\"type\":\"%s\",\"event_id\":\"%c%llu\"", type, letter,
		   (unsigned long long)number);
}

static void put_json(struct realtime_link *l, const char *key, const json_t *v)
{
	buf_printf(&l->out, ",\"%s\":", key);
	json_write(&l->out, v);
}

static void put_text(struct realtime_link *l, const char *key, const char *text)
{
	buf_printf(&l->out, ",\"%s\":", key);
	json_quote(&l->out, bytes_str(text));
}

static void end(struct realtime_link *l)
{
	buf_putc(&l->out, '}');
	rt_send(l);
}

static void no_memory(struct realtime_link *l)
{
	rt_break(l, RT_NO_BLAME, 0, "engine_unavailable", "The server is out of memory.");
}

void rt_say_session(struct realtime_link *l)
{
	AUTO(json) json_t *session = rt_session(rt_service(l), l->session, l->turns);

	if (!session) {
		no_memory(l);
		return;
	}
	begin(l, "session.update", 's', id_of(l));
	put_json(l, "session", session);
	end(l);
}

/* 20 to 100 ms of audio. In steady state `out` is as long as it needs to be. */
static void say_audio(struct realtime_link *l, const int16_t *pcm, size_t n)
{
	begin(l, "input_audio_buffer.append", 'x', id_of(l));
	buf_puts(&l->out, ",\"audio\":\"");
	b64_append(&l->out, pcm, n * sizeof(*pcm)); /* little-endian, as the wire has it */
	buf_putc(&l->out, '"');
	end(l);
}

void rt_say_rest(struct realtime_link *l)
{
	size_t n = l->n_pcm;

	l->n_pcm = 0;
	if (n)
		say_audio(l, l->pcm, n);
}

static void say_push(struct realtime_link *l, const int16_t *pcm, size_t n)
{
	while (n && l->state == RT_OPEN) {
		size_t part = MIN(n, RT_CHUNK - l->n_pcm);

		memcpy(l->pcm + l->n_pcm, pcm, part * sizeof(*pcm));
		l->n_pcm += part;
		pcm += part;
		n -= part;
		if (l->n_pcm == RT_CHUNK || (n == 0 && l->n_pcm >= RT_SEND_AT))
			rt_say_rest(l);
	}
}

static void say_commit(struct realtime_link *l)
{
	struct rt_commit *c = NULL;

	rt_say_rest(l);
	LIST_FOR(&l->commits, n) {
		c = CONTAINER_OF(n, struct rt_commit, node);
		if (c->ours && !c->sent)
			break;
		c = NULL;
	}
	if (!c || l->state != RT_OPEN)
		return;
	c->sent = true;
	c->since_us = loop_now_us(l->loop);
	begin(l, "input_audio_buffer.commit", 'c', c->number);
	end(l);
}

static void say_clear(struct realtime_link *l)
{
	l->n_pcm = 0;
	begin(l, "input_audio_buffer.clear", 'x', id_of(l));
	end(l);
}

/* Services take ids of 32 characters at most. */
static const char *fit_id(struct realtime_link *l, const char *id, char own[static 24])
{
	if (!*id || strlen(id) <= 32)
		return id;
	snprintf(own, 24, "item_%llu", (unsigned long long)id_of(l));
	rt_learn_name(l, id, own);
	return own;
}

static void say_add(struct realtime_link *l, const json_t *item, const char *after)
{
	char own[24];
	bool known;
	const char *id = fit_id(l, json_str(item, "id", ""), own);
	AUTO(json) json_t *v = rt_item(rt_service(l), item, *id ? id : NULL, &known);

	if (!known)
		return;
	if (!v) {
		no_memory(l);
		return;
	}
	begin(l, "conversation.item.create", 'x', id_of(l));
	if (after)
		put_text(l, "previous_item_id", rt_their_id(l, after));
	put_json(l, "item", v);
	end(l);
}

static void say_remove(struct realtime_link *l, const char *item_id)
{
	begin(l, "conversation.item.delete", 'x', id_of(l));
	put_text(l, "item_id", rt_their_id(l, item_id));
	end(l);
	(void)json_object_del(l->names, item_id);
}

static void say_cut(struct realtime_link *l, const struct rt_answer_item *i, uint64_t ms)
{
	begin(l, "conversation.item.truncate", 'x', id_of(l));
	put_text(l, "item_id", i->id);
	buf_printf(&l->out, ",\"content_index\":0,\"audio_end_ms\":%llu", (unsigned long long)ms);
	end(l);
}

/* What was not heard of it is forgotten: the rest of one item, and those behind it. */
static void say_truncate(struct realtime_link *l, uint64_t ref, uint64_t ms)
{
	struct rt_answer *a = rt_answer_of(l, ref);

	if (!a || a->apart)
		return;
	for (size_t i = 0; i < a->n_items && l->state == RT_OPEN; i++) {
		struct rt_answer_item *item = &a->items[i];
		uint64_t all_ms = item->samples / (REALTIME_RATE_HZ / 1000);

		if (!item->samples)
			continue;
		if (ms < all_ms) {
			say_cut(l, item, ms);
			item->samples = (size_t)ms * (REALTIME_RATE_HZ / 1000);
		}
		ms -= MIN(ms, all_ms);
	}
}

void rt_say_ask(struct realtime_link *l, struct rt_answer *a)
{
	AUTO(json) json_t *v = rt_response(rt_service(l), a->response, a->ref);

	if (!v) {
		no_memory(l);
		return;
	}
	a->state = RT_ASKED;
	a->seen_us = loop_now_us(l->loop);
	begin(l, "response.create", 'r', a->ref);
	put_json(l, "response", v);
	end(l);
}

void rt_say_cancel(struct realtime_link *l, const struct rt_answer *a)
{
	if (l->state != RT_OPEN || a->state != RT_RUNNING)
		return;
	begin(l, "response.cancel", 'x', id_of(l));
	put_text(l, "response_id", a->id);
	end(l);
}

/* --- what waits -------------------------------------------------------------------------------- */

static void waiting_free(struct realtime_link *l, struct rt_waiting *w)
{
	node_unlink(&w->node);
	l->n_waiting -= sizeof(*w) + w->cap * sizeof(*w->pcm);
	json_decref(w->json);
	mem_free(w->text);
	mem_free(w);
}

void rt_forget_waiting(struct realtime_link *l)
{
	LIST_FOR(&l->waiting, n)
		waiting_free(l, CONTAINER_OF(n, struct rt_waiting, node));
}

static bool must_wait(const struct realtime_link *l)
{
	return l->state != RT_OPEN || !list_empty((struct list *)(uintptr_t)&l->waiting);
}

/* NULL: the link is over, for want of memory or patience. */
static struct rt_waiting *wait_with(struct realtime_link *l, enum rt_deed deed, size_t samples)
{
	size_t size = sizeof(struct rt_waiting) + samples * sizeof(int16_t);
	struct rt_waiting *w = NULL;

	if (l->state == RT_BROKEN)
		return NULL;
	if (l->n_waiting + size <= RT_WAITING_MAX)
		w = mem_alloc(size);
	if (!w) {
		no_memory(l);
		return NULL;
	}
	*w = (struct rt_waiting){ .deed = deed, .cap = samples };
	list_push(&l->waiting, &w->node);
	l->n_waiting += size;
	return w;
}

static void do_it(struct realtime_link *l, const struct rt_waiting *w)
{
	struct rt_answer *a;

	switch (w->deed) {
	case DO_UPDATE:
		rt_say_session(l);
		break;
	case DO_PUSH:
		say_push(l, w->pcm, w->n);
		break;
	case DO_COMMIT:
		say_commit(l);
		break;
	case DO_CLEAR:
		say_clear(l);
		break;
	case DO_ADD:
		say_add(l, w->json, w->text);
		break;
	case DO_REMOVE:
		say_remove(l, w->text);
		break;
	case DO_TRUNCATE:
		say_truncate(l, w->ref, w->ms);
		break;
	case DO_ASK:
		a = rt_answer_of(l, w->ref); /* unless it was cancelled meanwhile */
		if (a)
			a->retry_us = 0;
		rt_ask_held(l);
		break;
	}
}

void rt_flush(struct realtime_link *l)
{
	struct node *n;

	while (l->state == RT_OPEN && !l->closed && (n = list_first(&l->waiting))) {
		if (l->ws && ws_client_queued(l->ws) > FLUSH_LOW) {
			ws_client_want_writable(l->ws);
			return;
		}
		struct rt_waiting *w = CONTAINER_OF(n, struct rt_waiting, node);
		do_it(l, w);
		waiting_free(l, w);
	}
}

void rt_say_items(struct realtime_link *l)
{
	for (size_t i = json_array_size(l->items); i-- > 0 && l->state == RT_OPEN;) {
		struct rt_waiting *w = wait_with(l, DO_ADD, 0);

		if (!w)
			return;
		w->json = json_incref(json_array_get(l->items, i));
		/* To the front: before what was said since. */
		node_unlink(&w->node);
		w->node.next = l->waiting.head.next;
		w->node.prev = &l->waiting.head;
		w->node.next->prev = w->node.prev->next = &w->node;
	}
	json_decref(l->items);
	l->items = NULL;
}

/* --- ops ------------------------------------------------------------------------------------------ */

void rt_update(struct realtime_link *l, const json_t *session)
{
	json_t *copy = json_deep_copy(session);

	if (!copy) {
		no_memory(l);
		return;
	}
	json_decref(l->session);
	l->session = copy;
	if (!must_wait(l))
		rt_say_session(l);
	else if (l->state == RT_OPEN || l->state == RT_CONFIGURING) /* else it is said anyway */
		(void)wait_with(l, DO_UPDATE, 0);
}

/* Behind the last audio that waits, while there is room; else in a new block of a second. */
static void wait_with_audio(struct realtime_link *l, const int16_t *pcm, size_t n)
{
	while (n) {
		struct rt_waiting *w = list_empty(&l->waiting) ?
					       NULL :
					       CONTAINER_OF(l->waiting.head.prev, struct rt_waiting, node);

		if (!w || w->deed != DO_PUSH || w->n == w->cap)
			w = wait_with(l, DO_PUSH, REALTIME_RATE_HZ);
		if (!w)
			return;
		size_t part = MIN(n, w->cap - w->n);
		memcpy(w->pcm + w->n, pcm, part * sizeof(*pcm));
		w->n += part;
		pcm += part;
		n -= part;
	}
}

/* RT */
void rt_push(struct realtime_link *l, const int16_t *pcm, size_t n)
{
	l->heard_us = loop_now_us(l->loop);
	if (must_wait(l))
		wait_with_audio(l, pcm, n);
	else
		say_push(l, pcm, n);
}

void rt_commit(struct realtime_link *l)
{
	struct rt_commit *c = rt_commit_new(l, true);

	if (!c)
		no_memory(l);
	else if (must_wait(l))
		(void)wait_with(l, DO_COMMIT, 0);
	else
		say_commit(l);
}

void rt_clear(struct realtime_link *l)
{
	if (must_wait(l))
		(void)wait_with(l, DO_CLEAR, 0);
	else
		say_clear(l);
}

int rt_add(struct realtime_link *l, const json_t *item, const char *after)
{
	bool known;
	AUTO(json) json_t *v = rt_item(rt_service(l), item, NULL, &known);

	if (!known)
		return -EINVAL;
	if (!v)
		return -ENOMEM;
	if (!must_wait(l)) {
		say_add(l, item, after);
		return 0;
	}
	json_t *copy = json_deep_copy(item);
	char *place = after ? mem_strdup(after) : NULL;
	struct rt_waiting *w = copy && (place || !after) ? wait_with(l, DO_ADD, 0) : NULL;
	if (!w) {
		json_decref(copy);
		mem_free(place);
		return -ENOMEM;
	}
	w->json = copy;
	w->text = place;
	return 0;
}

void rt_remove(struct realtime_link *l, const char *item_id)
{
	if (!must_wait(l)) {
		say_remove(l, item_id);
		return;
	}
	struct rt_waiting *w = wait_with(l, DO_REMOVE, 0);
	if (w && !(w->text = mem_strdup(item_id))) {
		waiting_free(l, w);
		no_memory(l);
	}
}

void rt_truncate(struct realtime_link *l, uint64_t ref, uint64_t ms)
{
	if (!must_wait(l)) {
		say_truncate(l, ref, ms);
		return;
	}
	struct rt_waiting *w = wait_with(l, DO_TRUNCATE, 0);
	if (w) {
		w->ref = ref;
		w->ms = ms;
	}
}

int rt_ask(struct realtime_link *l, const struct realtime_ask *ask, uint64_t ref)
{
	const json_t *response = ask ? ask->response : NULL;
	struct rt_answer *a = rt_answer_new(l, ref);

	if (!a)
		return -ENOMEM;
	a->response = response ? json_deep_copy(response) : json_object();
	if (!a->response) {
		rt_answer_free(l, a);
		return -ENOMEM;
	}
	a->apart = strcmp(json_str(response, "conversation", ""), "none") == 0;
	if (!must_wait(l)) {
		rt_ask_held(l);
		return 0;
	}
	a->retry_us = UINT64_MAX; /* until its turn among what waits */
	struct rt_waiting *w = wait_with(l, DO_ASK, 0);
	if (w)
		w->ref = ref;
	return 0;
}

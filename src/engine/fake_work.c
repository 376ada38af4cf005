#include "engine/fake_inner.h"

#include <errno.h>

#include "base/alloc.h"

static void event_free(struct fake_work *w, struct fake_event *e)
{
	node_unlink(&e->node);
	if (e == &w->failed)
		return;
	mem_free(e->text);
	mem_free(e->more);
	mem_free(e);
}

void fake_work_forget(struct fake_work *w)
{
	LIST_FOR(&w->events, n)
		event_free(w, CONTAINER_OF(n, struct fake_event, node));
}

static void work_free(struct fake_work *w)
{
	fake_work_forget(w);
	if (w->on_free)
		w->on_free(w);
	mem_free(w->line);
	mem_free(w->error);
	mem_free(w);
}

void fake_work_over(struct fake_work *w)
{
	w->over = true;
	if (w->loop)
		timer_stop(w->loop, &w->timer);
	pthread_mutex_lock(&w->fake->lock);
	node_unlink(&w->node);
	pthread_mutex_unlock(&w->fake->lock);
	if (!w->delivering)
		work_free(w);
}

static struct fake_event *work_next(struct fake_work *w)
{
	struct node *n = list_first(&w->events);

	return n ? CONTAINER_OF(n, struct fake_event, node) : NULL;
}

static void work_arm(struct fake_work *w)
{
	struct fake_event *e = work_next(w);

	/* Cannot fail: fake_work_new() has made the timer's place. */
	if (w->loop && timer_set(w->loop, &w->timer, e ? e->due_us : UINT64_MAX) != 0)
		return;
}

/* Tells the sink the next event. False: w is gone. */
static bool work_step(struct fake_work *w)
{
	struct fake_event *e = work_next(w);

	node_unlink(&e->node);
	w->delivering = true;
	if (e->last)
		fake_work_over(w);
	e->deliver(w, e);
	w->delivering = false;
	event_free(w, e);
	if (!w->over)
		return true;
	work_free(w);
	return false;
}

static void on_due(struct timer *t)
{
	struct fake_work *w = CONTAINER_OF(t, struct fake_work, timer);
	uint64_t now = loop_now_us(w->loop);
	struct fake_event *e;

	while ((e = work_next(w)) && e->due_us <= now)
		if (!work_step(w))
			return;
	work_arm(w);
}

int fake_work_enter(struct fake_work *w, struct fake *f, enum fake_kind kind)
{
	w->fake = f;
	w->kind = kind;
	w->timer.on_due = on_due;
	list_init(&w->events);
	if (w->loop && timer_set(w->loop, &w->timer, UINT64_MAX) != 0) {
		mem_free(w);
		return -ENOMEM;
	}
	pthread_mutex_lock(&f->lock);
	list_push(&f->work, &w->node);
	pthread_mutex_unlock(&f->lock);
	return 0;
}

struct fake_work *fake_work_new(struct fake *f, enum fake_kind kind, struct loop *loop,
				const void *sink, void *owner, uint64_t ticket)
{
	struct fake_work *w = mem_zalloc(sizeof(*w));

	if (!w)
		return NULL;
	w->loop = loop;
	w->sink = sink;
	w->owner = owner;
	w->ticket = ticket;
	return fake_work_enter(w, f, kind) == 0 ? w : NULL;
}

static void work_put(struct fake_work *w, struct fake_event *e, uint64_t after_us)
{
	struct fake *f = w->fake;
	struct node *at = &w->events.head;

	pthread_mutex_lock(&f->lock);
	e->due_us = (w->loop ? loop_now_us(w->loop) : f->now_us) + after_us;
	e->seq = f->seq++;
	pthread_mutex_unlock(&f->lock);
	/* Within one piece of work the order of creation is the order of delivery. */
	struct fake_event *tail =
		list_empty(&w->events) ? NULL : CONTAINER_OF(at->prev, struct fake_event, node);
	if (tail && tail->due_us > e->due_us)
		e->due_us = tail->due_us;
	list_push(&w->events, &e->node);
	work_arm(w);
}

static void deliver_failed(struct fake_work *w, struct fake_event *e);

void fake_work_fail(struct fake_work *w)
{
	fake_work_forget(w);
	w->failed.deliver = deliver_failed;
	w->failed.last = true;
	work_put(w, &w->failed, 0);
}

static bool work_failed(const struct fake_work *w)
{
	return w->failed.last;
}

struct fake_event *fake_work_add(struct fake_work *w, uint64_t after_us,
				 void (*deliver)(struct fake_work *w, struct fake_event *e),
				 const char *text)
{
	if (work_failed(w))
		return NULL;
	struct fake_event *e = mem_zalloc(sizeof(*e));
	char *copy = text ? mem_strdup(text) : NULL;

	if (!e || (text && !copy)) {
		mem_free(e);
		mem_free(copy);
		fake_work_fail(w);
		return NULL;
	}
	e->deliver = deliver;
	e->text = copy;
	work_put(w, e, after_us);
	return e;
}

/* --- errors ------------------------------------------------------------------------ */

static void tell_error(struct fake_work *w, const struct engine_error *err)
{
	switch (w->kind) {
	case KIND_STT:
		((const struct stt_sink *)w->sink)->on_error(w->owner, w->ticket, err);
		return;
	case KIND_LLM:
		((const struct llm_sink *)w->sink)->on_error(w->owner, w->ticket, err);
		return;
	case KIND_TTS:
		((const struct tts_sink *)w->sink)->on_error(w->owner, w->ticket, err);
		return;
	case KIND_LINK:
		fake_link_lost(w, err);
		return;
	case KIND_ANSWER:
		fake_answer_failed(w, err);
		return;
	case N_KINDS:
		return;
	}
}

static void deliver_failed(struct fake_work *w, struct fake_event *e)
{
	(void)e;
	tell_error(w,
		   &(struct engine_error){ "engine_unavailable", "The server is out of memory." });
}

void fake_deliver_error(struct fake_work *w, struct fake_event *e)
{
	tell_error(w, &(struct engine_error){ e->text, "The script says so." });
}

/* --- all of it --------------------------------------------------------------------- */

void fake_end_work(struct fake *f, enum fake_kind kind)
{
	LIST_FOR(&f->work, n) {
		struct fake_work *w = CONTAINER_OF(n, struct fake_work, node);

		if (kind == N_KINDS || w->kind == kind)
			fake_work_over(w);
	}
}

/* The work without a loop whose next event comes first. */
static struct fake_work *first_due(const struct fake *f)
{
	struct fake_work *best = NULL;
	struct fake_event *best_e = NULL;

	for (struct node *n = f->work.head.next; n != &f->work.head; n = n->next) {
		struct fake_work *w = CONTAINER_OF(n, struct fake_work, node);
		struct fake_event *e = w->loop || w->delivering ? NULL : work_next(w);

		if (!e)
			continue;
		if (!best || e->due_us < best_e->due_us ||
		    (e->due_us == best_e->due_us && e->seq < best_e->seq)) {
			best = w;
			best_e = e;
		}
	}
	return best;
}

size_t fake_run(struct fake *f, uint64_t now_us)
{
	size_t n = 0;
	struct fake_work *w;

	while ((w = first_due(f)) && work_next(w)->due_us <= now_us) {
		f->now_us = MAX(f->now_us, work_next(w)->due_us);
		work_step(w);
		n++;
	}
	f->now_us = MAX(f->now_us, now_us);
	return n;
}

uint64_t fake_next_us(const struct fake *f)
{
	struct fake_work *w = first_due(f);

	return w ? work_next(w)->due_us : UINT64_MAX;
}

size_t fake_running(const struct fake *f)
{
	size_t n = 0;

	for (const struct node *x = f->work.head.next; x != &f->work.head; x = x->next)
		n++;
	return n;
}

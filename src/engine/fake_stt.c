#include "engine/fake_inner.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"

static void deliver_partial(struct fake_work *w, struct fake_event *e)
{
	((const struct stt_sink *)w->sink)->on_partial(w->owner, w->ticket, e->text);
}

static void deliver_settled(struct fake_work *w, struct fake_event *e)
{
	((const struct stt_sink *)w->sink)->on_settled(w->owner, w->ticket, e->text);
}

static void deliver_final(struct fake_work *w, struct fake_event *e)
{
	((const struct stt_sink *)w->sink)->on_final(w->owner, w->ticket, e->text);
}

static int fake_begin(struct stt *e, struct stt_turn **out, const struct stt_params *p,
		      struct loop *loop, const struct stt_sink *sink, void *owner, uint64_t ticket)
{
	struct fake *f = e->fake;

	(void)p;
	if (f->busy)
		return -EAGAIN;
	struct fake_work *w = fake_work_new(f, KIND_STT, loop, sink, owner, ticket);
	if (!w)
		return -ENOMEM;

	struct fake_line *l = fake_script_take(f, KIND_STT);
	if (l) {
		char **to = l->say == FAKE_ERROR ? &w->error : &w->line;

		*to = l->text;
		l->text = NULL;
		fake_line_free(l);
	} else if (!(w->line = mem_strdup(f->always ? f->always : ""))) {
		fake_work_over(w);
		return -ENOMEM;
	}
	*out = CONTAINER_OF(w, struct stt_turn, w);
	return 0;
}

/* The octets of the first n words; the whole length when there are no more. */
static size_t words_end(const char *s, size_t n)
{
	const char *p = s;

	for (; n > 0 && *p; n--) {
		p += strspn(p, " ");
		p += strcspn(p, " ");
	}
	return (size_t)(p - s);
}

static void fake_push(struct stt_turn *t, const int16_t *pcm, size_t n)
{
	struct fake_work *w = &t->w;
	uint32_t word_us = w->fake->delays.word_us;

	(void)pcm;
	w->n_pushed += n;
	pthread_mutex_lock(&w->fake->lock);
	w->fake->n_heard += n;
	pthread_mutex_unlock(&w->fake->lock);
	if (!word_us || !w->line)
		return;
	while ((w->n_words + 1) * word_us <= w->n_pushed * 1000 / (STT_RATE_HZ / 1000)) {
		size_t had = words_end(w->line, w->n_words),
		       now = words_end(w->line, w->n_words + 1);

		w->n_words++;
		if (now == had)
			continue;
		struct fake_event *e = fake_work_add(w, 0, deliver_partial, w->line);
		if (e)
			e->text[now] = '\0';
	}
}

static void fake_settle(struct stt_turn *t)
{
	fake_work_add(&t->w, t->w.fake->delays.settle_us, deliver_settled,
		      t->w.line ? t->w.line : "");
}

static void fake_end(struct stt_turn *t)
{
	struct fake_work *w = &t->w;
	struct fake_event *e = fake_work_add(w, w->fake->delays.final_us,
					     w->error ? fake_deliver_error : deliver_final,
					     w->error ? w->error : w->line);

	if (e)
		e->last = true;
}

static void fake_stt_cancel(struct stt_turn *t)
{
	fake_work_over(&t->w);
}

static void fake_stt_free(struct stt *e)
{
	fake_end_work(e->fake, KIND_STT);
}

const struct stt_ops fake_stt_ops = {
	.name = "fake",
	.caps = STT_PARTIALS,
	.begin = fake_begin,
	.push = fake_push,
	.settle = fake_settle,
	.end = fake_end,
	.cancel = fake_stt_cancel,
	.free = fake_stt_free,
};

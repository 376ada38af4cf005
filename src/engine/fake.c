#include "engine/fake.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/loop.h"

enum kind { KIND_STT, KIND_LLM, KIND_TTS, N_KINDS };

enum { TTS_RATE_HZ = 16000, CHUNK = TTS_RATE_HZ / 10, LETTER_MS = 60, WORD_MIN_MS = 120 };

/* The three engines' handles: ops.h wants a type of each. */
struct stt {
	struct fake *fake;
};
struct llm {
	struct fake *fake;
};
struct tts {
	struct fake *fake;
};

/* A line of a script: one step, or the first of an answer's steps. */
struct line {
	struct node node;
	enum fake_say say;
	bool more_follow; /* the next line belongs to the same answer */
	char *text, *more;
};

struct work;

/* Something to tell a sink. */
struct event {
	struct node node;
	uint64_t due_us, seq;
	void (*deliver)(struct work *w, struct event *e);
	bool last; /* the completion */
	char *text, *more;
	size_t at, n;
	enum llm_finish finish;
	struct llm_usage usage;
};

struct work {
	struct node node; /* in fake.work */
	struct fake *fake;
	enum kind kind;
	struct loop *loop; /* NULL: fake_run() drives */
	struct timer timer;
	const void *sink;
	void *owner;
	uint64_t ticket;
	struct list events;  /* by due_us, then seq */
	struct event failed; /* needs no memory: on_error */
	bool over, delivering;

	/* stt */
	char *line, *error;
	size_t n_pushed, n_words;
	/* llm */
	uint64_t n_steps;
};

struct stt_turn {
	struct work w;
};
struct llm_job {
	struct work w;
};
struct tts_job {
	struct work w;
};

struct fake {
	struct stt stt;
	struct llm llm;
	struct tts tts;
	pthread_mutex_t lock; /* work, script, seq: a fake may serve several loops */
	struct list work;
	struct list script[N_KINDS];
	struct fake_delays delays;
	char *always;
	bool busy;
	uint64_t now_us, seq;
	json_t *last_request;
	char *last_clause;
	size_t n_heard;
};

/* --- work and its events ------------------------------------------------------- */

static void event_free(struct work *w, struct event *e)
{
	node_unlink(&e->node);
	if (e == &w->failed)
		return;
	mem_free(e->text);
	mem_free(e->more);
	mem_free(e);
}

static void work_free(struct work *w)
{
	LIST_FOR(&w->events, n)
		event_free(w, CONTAINER_OF(n, struct event, node));
	mem_free(w->line);
	mem_free(w->error);
	mem_free(w);
}

/* Nothing is delivered from here on; the memory goes once no delivery is on the stack. */
static void work_over(struct work *w)
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

static struct event *work_next(struct work *w)
{
	struct node *n = list_first(&w->events);

	return n ? CONTAINER_OF(n, struct event, node) : NULL;
}

static void work_arm(struct work *w)
{
	struct event *e = work_next(w);

	/* Cannot fail: work_new() has made the timer's place. */
	if (w->loop && timer_set(w->loop, &w->timer, e ? e->due_us : UINT64_MAX) != 0)
		return;
}

/* Tells the sink the next event. False: w is gone. */
static bool work_step(struct work *w)
{
	struct event *e = work_next(w);

	node_unlink(&e->node);
	w->delivering = true;
	if (e->last)
		work_over(w);
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
	struct work *w = CONTAINER_OF(t, struct work, timer);
	uint64_t now = loop_now_us(w->loop);
	struct event *e;

	while ((e = work_next(w)) && e->due_us <= now)
		if (!work_step(w))
			return;
	work_arm(w);
}

static struct work *work_new(struct fake *f, enum kind kind, struct loop *loop, const void *sink,
			     void *owner, uint64_t ticket)
{
	struct work *w = mem_zalloc(sizeof(*w));

	if (!w)
		return NULL;
	w->fake = f;
	w->kind = kind;
	w->loop = loop;
	w->sink = sink;
	w->owner = owner;
	w->ticket = ticket;
	w->timer.on_due = on_due;
	list_init(&w->events);
	if (loop && timer_set(loop, &w->timer, UINT64_MAX) != 0) {
		mem_free(w);
		return NULL;
	}
	pthread_mutex_lock(&f->lock);
	list_push(&f->work, &w->node);
	pthread_mutex_unlock(&f->lock);
	return w;
}

static void work_put(struct work *w, struct event *e, uint64_t after_us)
{
	struct fake *f = w->fake;
	struct node *at = &w->events.head;

	pthread_mutex_lock(&f->lock);
	e->due_us = (w->loop ? loop_now_us(w->loop) : f->now_us) + after_us;
	e->seq = f->seq++;
	pthread_mutex_unlock(&f->lock);
	/* Within one piece of work the order of creation is the order of delivery. */
	struct event *tail = list_empty(&w->events) ? NULL
						    : CONTAINER_OF(at->prev, struct event, node);
	if (tail && tail->due_us > e->due_us)
		e->due_us = tail->due_us;
	list_push(&w->events, &e->node);
	work_arm(w);
}

static void deliver_failed(struct work *w, struct event *e);

/* Memory ran out half-way: what waits is dropped and on_error remains. */
static void work_fail(struct work *w)
{
	LIST_FOR(&w->events, n)
		event_free(w, CONTAINER_OF(n, struct event, node));
	w->failed.deliver = deliver_failed;
	w->failed.last = true;
	work_put(w, &w->failed, 0);
}

static bool work_failed(const struct work *w)
{
	return w->failed.last;
}

/* NULL: the work fails now. Text may be NULL. */
static struct event *work_add(struct work *w, uint64_t after_us,
			      void (*deliver)(struct work *w, struct event *e), const char *text)
{
	if (work_failed(w))
		return NULL;
	struct event *e = mem_zalloc(sizeof(*e));
	char *copy = text ? mem_strdup(text) : NULL;

	if (!e || (text && !copy)) {
		mem_free(e);
		mem_free(copy);
		work_fail(w);
		return NULL;
	}
	e->deliver = deliver;
	e->text = copy;
	work_put(w, e, after_us);
	return e;
}

/* --- delivery -------------------------------------------------------------------- */

static void tell_error(struct work *w, const struct engine_error *err)
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
	case N_KINDS:
		return;
	}
}

static void deliver_failed(struct work *w, struct event *e)
{
	(void)e;
	tell_error(w, &(struct engine_error){ "engine_unavailable", "The server is out of memory." });
}

static void deliver_error(struct work *w, struct event *e)
{
	tell_error(w, &(struct engine_error){ e->text, "The script says so." });
}

static void deliver_partial(struct work *w, struct event *e)
{
	((const struct stt_sink *)w->sink)->on_partial(w->owner, w->ticket, e->text);
}

static void deliver_settled(struct work *w, struct event *e)
{
	((const struct stt_sink *)w->sink)->on_settled(w->owner, w->ticket, e->text);
}

static void deliver_final(struct work *w, struct event *e)
{
	((const struct stt_sink *)w->sink)->on_final(w->owner, w->ticket, e->text);
}

static void deliver_text(struct work *w, struct event *e)
{
	((const struct llm_sink *)w->sink)->on_text(w->owner, w->ticket, e->text);
}

static void deliver_cite(struct work *w, struct event *e)
{
	char why[160];
	AUTO(json) json_t *source = json_parse(bytes_str(e->text), why);

	if (source)
		((const struct llm_sink *)w->sink)->on_cite(w->owner, w->ticket, source);
}

static void deliver_call(struct work *w, struct event *e)
{
	((const struct llm_sink *)w->sink)->on_call(w->owner, w->ticket, e->text, e->more);
}

static void deliver_answered(struct work *w, struct event *e)
{
	((const struct llm_sink *)w->sink)->on_done(w->owner, w->ticket, e->finish, &e->usage);
}

static void deliver_word(struct work *w, struct event *e)
{
	((const struct tts_sink *)w->sink)->on_word(w->owner, w->ticket, e->text, e->at, e->n);
}

static void deliver_audio(struct work *w, struct event *e)
{
	int16_t pcm[CHUNK];

	/* A square wave of 200 Hz: each sample depends on its place alone. */
	for (size_t i = 0; i < e->n; i++)
		pcm[i] = (e->at + i) / (TTS_RATE_HZ / 400) % 2 ? 8000 : -8000;
	((const struct tts_sink *)w->sink)->on_audio(w->owner, w->ticket, pcm, e->n);
}

static void deliver_spoken(struct work *w, struct event *e)
{
	(void)e;
	((const struct tts_sink *)w->sink)->on_done(w->owner, w->ticket);
}

/* --- scripts ----------------------------------------------------------------------- */

static void line_free(struct line *l)
{
	node_unlink(&l->node);
	mem_free(l->text);
	mem_free(l->more);
	mem_free(l);
}

static struct line *line_new(const struct fake_step *s)
{
	struct line *l = mem_zalloc(sizeof(*l));

	if (!l)
		return NULL;
	l->say = s->say;
	l->text = mem_strdup(s->text ? s->text : "");
	l->more = mem_strdup(s->more ? s->more : "");
	if (l->text && l->more)
		return l;
	line_free(l);
	return NULL;
}

static int script_put(struct fake *f, enum kind kind, const struct fake_step *steps, size_t n)
{
	struct list made;
	struct node *x;

	list_init(&made);
	for (size_t i = 0; i < n; i++) {
		struct line *l = line_new(&steps[i]);

		if (!l) {
			while ((x = list_pop(&made)))
				line_free(CONTAINER_OF(x, struct line, node));
			return -ENOMEM;
		}
		l->more_follow = i + 1 < n;
		list_push(&made, &l->node);
	}
	pthread_mutex_lock(&f->lock);
	while ((x = list_pop(&made)))
		list_push(&f->script[kind], x);
	pthread_mutex_unlock(&f->lock);
	return 0;
}

/* The next line, which the caller frees; NULL: the queue is empty. */
static struct line *script_take(struct fake *f, enum kind kind)
{
	pthread_mutex_lock(&f->lock);
	struct node *n = list_pop(&f->script[kind]);
	pthread_mutex_unlock(&f->lock);
	return n ? CONTAINER_OF(n, struct line, node) : NULL;
}

int fake_hear(struct fake *f, const char *text)
{
	return script_put(f, KIND_STT, &(struct fake_step){ FAKE_TEXT, text, NULL }, 1);
}

int fake_hear_error(struct fake *f, const char *code)
{
	return script_put(f, KIND_STT, &(struct fake_step){ FAKE_ERROR, code, NULL }, 1);
}

int fake_hear_always(struct fake *f, const char *text)
{
	char *copy = mem_strdup(text);

	if (!copy)
		return -ENOMEM;
	mem_free(f->always);
	f->always = copy;
	return 0;
}

void fake_stt_busy(struct fake *f, bool busy)
{
	f->busy = busy;
}

int fake_answer(struct fake *f, const struct fake_step *steps, size_t n)
{
	return script_put(f, KIND_LLM, steps, n);
}

int fake_speak_error(struct fake *f, const char *code)
{
	return script_put(f, KIND_TTS, &(struct fake_step){ FAKE_ERROR, code, NULL }, 1);
}

void fake_delays(struct fake *f, const struct fake_delays *d)
{
	f->delays = *d;
}

/* --- hearing ------------------------------------------------------------------------ */

static int fake_begin(struct stt *e, struct stt_turn **out, const struct stt_params *p,
		      struct loop *loop, const struct stt_sink *sink, void *owner, uint64_t ticket)
{
	struct fake *f = e->fake;

	(void)p;
	if (f->busy)
		return -EAGAIN;
	struct work *w = work_new(f, KIND_STT, loop, sink, owner, ticket);
	if (!w)
		return -ENOMEM;

	struct line *l = script_take(f, KIND_STT);
	if (l) {
		char **to = l->say == FAKE_ERROR ? &w->error : &w->line;

		*to = l->text;
		l->text = NULL;
		line_free(l);
	} else if (!(w->line = mem_strdup(f->always ? f->always : ""))) {
		work_over(w);
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
	struct work *w = &t->w;
	uint32_t word_us = w->fake->delays.word_us;

	(void)pcm;
	w->n_pushed += n;
	pthread_mutex_lock(&w->fake->lock);
	w->fake->n_heard += n;
	pthread_mutex_unlock(&w->fake->lock);
	if (!word_us || !w->line)
		return;
	while ((w->n_words + 1) * word_us <= w->n_pushed * 1000 / (STT_RATE_HZ / 1000)) {
		size_t had = words_end(w->line, w->n_words), now = words_end(w->line, w->n_words + 1);

		w->n_words++;
		if (now == had)
			continue;
		struct event *e = work_add(w, 0, deliver_partial, w->line);
		if (e)
			e->text[now] = '\0';
	}
}

static void fake_settle(struct stt_turn *t)
{
	work_add(&t->w, t->w.fake->delays.settle_us, deliver_settled, t->w.line ? t->w.line : "");
}

static void fake_end(struct stt_turn *t)
{
	struct work *w = &t->w;
	struct event *e = work_add(w, w->fake->delays.final_us,
				   w->error ? deliver_error : deliver_final,
				   w->error ? w->error : w->line);

	if (e)
		e->last = true;
}

static void fake_stt_cancel(struct stt_turn *t)
{
	work_over(&t->w);
}

/* --- thinking ------------------------------------------------------------------------ */

/* The text of the last user message, or "". */
static const char *last_user_text(const json_t *items)
{
	for (size_t i = json_array_size(items); i-- > 0;) {
		const json_t *item = json_array_get(items, i);
		const json_t *part = json_array_get(json_object_get(item, "content"), 0);

		if (strcmp(json_str(item, "role", ""), "user") == 0)
			return json_str(part, "text", json_str(part, "transcript", ""));
	}
	return "";
}

static int keep_request(struct fake *f, const struct llm_request *r)
{
	/* Copies: the caller may change its arrays once start() has returned. */
	json_t *all = json_pack("{s:s*,s:o*,s:o*,s:O*,s:i,s:f}", "instructions", r->instructions,
				"items", json_deep_copy(r->items), "tools",
				json_deep_copy(r->tools), "tool_choice", r->tool_choice,
				"max_output_tokens", r->max_output_tokens, "temperature",
				r->temperature);

	if (!all)
		return -ENOMEM;
	pthread_mutex_lock(&f->lock);
	json_decref(f->last_request);
	f->last_request = all;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

/* Says the default answer. */
static void echo(struct work *w, const struct llm_request *r)
{
	char *text = mem_printf("You said: %s", last_user_text(r->items));

	if (text)
		work_add(w, w->fake->delays.step_us, deliver_text, text);
	else
		work_fail(w);
	mem_free(text);
}

static void (*const say_deliver[])(struct work *w, struct event *e) = {
	[FAKE_TEXT] = deliver_text,   [FAKE_CITE] = deliver_cite,
	[FAKE_CALL] = deliver_call,   [FAKE_ERROR] = deliver_error,
	[FAKE_MAX_TOKENS] = NULL,
};

/* Puts one line of the script in the queue; true: the answer ends with it. */
static bool say_line(struct work *w, struct line *l, enum llm_finish *finish)
{
	if (l->say == FAKE_MAX_TOKENS) {
		*finish = LLM_MAX_TOKENS;
		return false;
	}
	struct event *e = work_add(w, ++w->n_steps * w->fake->delays.step_us, say_deliver[l->say],
				   l->text);

	if (e) {
		e->more = l->more;
		l->more = NULL;
		e->last = l->say == FAKE_ERROR;
	}
	if (l->say == FAKE_CALL)
		*finish = LLM_TOOL_CALLS;
	return l->say == FAKE_ERROR;
}

static int fake_llm_start(struct llm *e, struct llm_job **out, const struct llm_request *r,
			  struct loop *loop, const struct llm_sink *sink, void *owner,
			  uint64_t ticket)
{
	struct fake *f = e->fake;
	enum llm_finish finish = LLM_STOP;
	bool more = true, failed = false;

	if (keep_request(f, r) != 0)
		return -ENOMEM;
	struct work *w = work_new(f, KIND_LLM, loop, sink, owner, ticket);
	if (!w)
		return -ENOMEM;

	struct line *l = script_take(f, KIND_LLM);
	if (!l)
		echo(w, r);
	for (; l; l = more ? script_take(f, KIND_LLM) : NULL) {
		if (!failed)
			failed = say_line(w, l, &finish);
		more = l->more_follow;
		line_free(l);
	}
	struct event *done = failed ? NULL : work_add(w, 0, deliver_answered, NULL);
	if (done) {
		done->last = true;
		done->finish = finish;
		done->usage = (struct llm_usage){ 10, 10 };
	}
	*out = CONTAINER_OF(w, struct llm_job, w);
	return 0;
}

static void fake_llm_cancel(struct llm_job *j)
{
	work_over(&j->w);
}

/* --- speaking -------------------------------------------------------------------------- */

static const struct tts_voice fake_voices[] = {
	{ "alloy", "a tone of 200 Hz" },
	{ NULL, NULL },
};

static size_t word_samples(const char *word, size_t n, double speed)
{
	unsigned ms = 0;

	for (size_t i = 0; i < n; i++)
		ms += isalnum((unsigned char)word[i]) ? LETTER_MS : 0;
	return (size_t)(MAX(ms, (unsigned)WORD_MIN_MS) * (TTS_RATE_HZ / 1000) / speed);
}

/* Announces every word; returns the samples of all. */
static size_t say_words(struct work *w, const char *text, double speed)
{
	size_t total = 0;

	for (const char *p = text; *(p += strspn(p, " \t\n"));) {
		size_t len = strcspn(p, " \t\n"), n = word_samples(p, len, speed);
		struct event *e = work_add(w, 0, deliver_word, p);

		if (e) {
			e->text[len] = '\0';
			e->at = total;
			e->n = n;
		}
		total += n;
		p += len;
	}
	return total;
}

static int keep_clause(struct fake *f, const char *text)
{
	char *copy = mem_strdup(text);

	if (!copy)
		return -ENOMEM;
	pthread_mutex_lock(&f->lock);
	mem_free(f->last_clause);
	f->last_clause = copy;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

static void speak(struct work *w, const char *text, double speed)
{
	const struct fake_delays *d = &w->fake->delays;
	size_t total = say_words(w, text, speed);
	uint64_t after = d->first_us;

	for (size_t at = 0; at < total; at += CHUNK, after += d->chunk_us) {
		struct event *e = work_add(w, after, deliver_audio, NULL);

		if (!e)
			return;
		e->at = at;
		e->n = MIN(total - at, (size_t)CHUNK);
	}
	struct event *done = work_add(w, after, deliver_spoken, NULL);
	if (done)
		done->last = true;
}

static int fake_tts_start(struct tts *e, struct tts_job **out, const char *text,
			  const struct tts_params *p, struct loop *loop,
			  const struct tts_sink *sink, void *owner, uint64_t ticket)
{
	struct fake *f = e->fake;

	if (keep_clause(f, text) != 0)
		return -ENOMEM;
	struct work *w = work_new(f, KIND_TTS, loop, sink, owner, ticket);
	if (!w)
		return -ENOMEM;

	struct line *l = script_take(f, KIND_TTS);
	if (l) {
		struct event *err = work_add(w, f->delays.first_us, deliver_error, l->text);

		if (err)
			err->last = true;
		line_free(l);
	} else {
		speak(w, text, p && p->speed > 0 ? p->speed : 1.0);
	}
	*out = CONTAINER_OF(w, struct tts_job, w);
	return 0;
}

static void fake_tts_cancel(struct tts_job *j)
{
	work_over(&j->w);
}

/* --- life --------------------------------------------------------------------------------- */

/* Ends all work of a kind, or of every kind. */
static void end_work(struct fake *f, enum kind kind)
{
	LIST_FOR(&f->work, n) {
		struct work *w = CONTAINER_OF(n, struct work, node);

		if (kind == N_KINDS || w->kind == kind)
			work_over(w);
	}
}

static void fake_stt_free(struct stt *e)
{
	end_work(e->fake, KIND_STT);
}

static void fake_llm_free(struct llm *e)
{
	end_work(e->fake, KIND_LLM);
}

static void fake_tts_free(struct tts *e)
{
	end_work(e->fake, KIND_TTS);
}

int fake_new(struct fake **out)
{
	struct fake *f = mem_zalloc(sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->stt.fake = f->llm.fake = f->tts.fake = f;
	pthread_mutex_init(&f->lock, NULL);
	list_init(&f->work);
	for (size_t i = 0; i < N_KINDS; i++)
		list_init(&f->script[i]);
	*out = f;
	return 0;
}

void fake_free(struct fake *f)
{
	if (!f)
		return;
	end_work(f, N_KINDS);
	for (size_t i = 0; i < N_KINDS; i++)
		LIST_FOR(&f->script[i], n)
			line_free(CONTAINER_OF(n, struct line, node));
	json_decref(f->last_request);
	mem_free(f->last_clause);
	mem_free(f->always);
	pthread_mutex_destroy(&f->lock);
	mem_free(f);
}

void fake_engines(struct fake *f, struct engines *out)
{
	out->stt_ops = &fake_stt_ops;
	out->stt = &f->stt;
	out->llm_ops = &fake_llm_ops;
	out->llm = &f->llm;
	out->tts_ops = &fake_tts_ops;
	out->tts = &f->tts;
}

/* The work without a loop whose next event comes first. */
static struct work *first_due(const struct fake *f)
{
	struct work *best = NULL;
	struct event *best_e = NULL;

	for (struct node *n = f->work.head.next; n != &f->work.head; n = n->next) {
		struct work *w = CONTAINER_OF(n, struct work, node);
		struct event *e = w->loop || w->delivering ? NULL : work_next(w);

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
	struct work *w;

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
	struct work *w = first_due(f);

	return w ? work_next(w)->due_us : UINT64_MAX;
}

const json_t *fake_last_request(const struct fake *f)
{
	return f->last_request;
}

const char *fake_last_clause(const struct fake *f)
{
	return f->last_clause;
}

size_t fake_heard(const struct fake *f)
{
	return f->n_heard;
}

size_t fake_running(const struct fake *f)
{
	size_t n = 0;

	for (const struct node *x = f->work.head.next; x != &f->work.head; x = x->next)
		n++;
	return n;
}

const struct stt_ops fake_stt_ops = {
	.name = "fake", .caps = STT_PARTIALS, .begin = fake_begin, .push = fake_push,
	.settle = fake_settle, .end = fake_end, .cancel = fake_stt_cancel, .free = fake_stt_free,
};

const struct llm_ops fake_llm_ops = {
	.name = "fake", .start = fake_llm_start, .cancel = fake_llm_cancel, .free = fake_llm_free,
};

const struct tts_ops fake_tts_ops = {
	.name = "fake", .rate_hz = TTS_RATE_HZ, .voices = fake_voices, .start = fake_tts_start,
	.cancel = fake_tts_cancel, .free = fake_tts_free,
};

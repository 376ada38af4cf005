#include "engine/fake_realtime.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/fake_inner.h"

enum {
	CHUNK = REALTIME_RATE_HZ / 10,
	LETTER_MS = 60,
	WORD_MIN_MS = 120,
	KEEP_MAX = 120 * REALTIME_RATE_HZ, /* samples */
	ID_MAX = 64,
};

/* An answer of its own work, so that several go on beside each other. */
struct answer {
	struct fake_work w;
	struct node node;           /* in link.answers            */
	struct realtime_link *link; /* NULL: it has ended         */
	uint64_t ref;
	size_t spoken;          /* samples of the steps so far    */
	json_t *item;           /* of the message, or NULL so far */
	json_t *call_item;      /* that was told last             */
	bool text_only, apart;  /* apart: conversation "none"     */
};

struct realtime_link {
	struct fake_work w;
	struct list answers;
	struct answer *begun; /* inside on_begun */
	json_t *items, *session, *heard;
	uint64_t n_pushed;
};

static const struct realtime_sink *sink_of(const struct realtime_link *l)
{
	return l->w.sink;
}

static void note(struct fake *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void note(struct fake *f, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&f->lock);
	buf_puts(&f->service.log, line);
	buf_putc(&f->service.log, '\n');
	pthread_mutex_unlock(&f->lock);
}

/* --- life ---------------------------------------------------------------------------- */

static struct realtime_link *link_of(struct fake_work *w)
{
	return CONTAINER_OF(w, struct realtime_link, w);
}

static struct answer *answer_of(struct fake_work *w)
{
	return CONTAINER_OF(w, struct answer, w);
}

/* No sink call of it follows. */
static void answer_leave(struct answer *a)
{
	if (!a->link)
		return;
	if (a->link->begun == a)
		a->link->begun = NULL;
	node_unlink(&a->node);
	a->link = NULL;
}

static void on_answer_free(struct fake_work *w)
{
	struct answer *a = answer_of(w);

	answer_leave(a);
	json_decref(a->item);
	json_decref(a->call_item);
}

static void answer_end(struct answer *a)
{
	answer_leave(a);
	fake_work_over(&a->w);
}

static void end_answers(struct realtime_link *l)
{
	struct node *n;

	while ((n = list_first(&l->answers)))
		answer_end(CONTAINER_OF(n, struct answer, node));
}

static void on_link_free(struct fake_work *w)
{
	struct realtime_link *l = link_of(w);

	end_answers(l);
	if (w->fake->service.link == l)
		w->fake->service.link = NULL;
	json_decref(l->items);
	json_decref(l->session);
	json_decref(l->heard);
}

void fake_service_done(struct fake_service *s)
{
	mem_free(s->refusal);
	buf_done(&s->log);
	buf_done(&s->kept);
	json_decref(s->items);
	json_decref(s->session);
}

void fake_link_lost(struct fake_work *w, const struct engine_error *e)
{
	struct realtime_link *l = link_of(w);

	end_answers(l);
	if (w->fake->service.link == l)
		w->fake->service.link = NULL;
	sink_of(l)->on_lost(w->owner, w->ticket, e, w->fake->service.again_us);
}

static void deliver_open(struct fake_work *w, struct fake_event *e)
{
	(void)e;
	sink_of(link_of(w))->on_open(w->owner, w->ticket);
}

static void lose(struct realtime_link *l, const char *code, uint64_t after_us)
{
	fake_work_forget(&l->w);
	struct fake_event *e = fake_work_add(&l->w, after_us, fake_deliver_error, code);

	if (e)
		e->last = true;
}

static int keep_start(struct fake *f, struct realtime_link *l, const json_t *session, json_t *items)
{
	struct fake_service *s = &f->service;

	l->session = json_deep_copy(session);
	l->items = items ? json_deep_copy(items) : json_array();
	if (!l->session || !l->items)
		return -ENOMEM;
	pthread_mutex_lock(&f->lock);
	json_decref(s->session);
	json_decref(s->items);
	s->session = json_incref(l->session);
	s->items = json_incref(l->items);
	s->link = l;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

static int fake_open(struct realtime *r, struct realtime_link **out, const struct realtime_start *s,
		     struct loop *loop, const struct realtime_sink *sink, void *owner, uint64_t link)
{
	struct fake *f = r->fake;
	struct fake_service *svc = &f->service;
	struct realtime_link *l = mem_zalloc(sizeof(*l));

	if (!l)
		return -ENOMEM;
	list_init(&l->answers);
	l->w = (struct fake_work){ .loop = loop, .sink = sink, .owner = owner, .ticket = link,
				   .on_free = on_link_free };
	if (fake_work_enter(&l->w, f, KIND_LINK) != 0)
		return -ENOMEM;
	if (keep_start(f, l, s->session, s->items) != 0) {
		fake_work_over(&l->w);
		return -ENOMEM;
	}
	note(f, "open %llu%s", (unsigned long long)link, s->service_turns ? " turns" : "");
	if (svc->n_refusals > 0) {
		svc->n_refusals--;
		lose(l, svc->refusal, svc->delays.open_us);
	} else if (!svc->hangs) {
		fake_work_add(&l->w, svc->delays.open_us, deliver_open, NULL);
	}
	*out = l;
	return 0;
}

static void fake_close(struct realtime_link *l)
{
	note(l->w.fake, "close");
	end_answers(l);
	fake_work_over(&l->w);
}

static void fake_realtime_free(struct realtime *r)
{
	fake_end_work(r->fake, KIND_ANSWER);
	fake_end_work(r->fake, KIND_LINK);
}

/* --- items --------------------------------------------------------------------------- */

static size_t item_place(const json_t *items, const char *id)
{
	for (size_t i = 0; i < json_array_size(items); i++)
		if (strcmp(json_str(json_array_get(items, i), "id", ""), id) == 0)
			return i;
	return SIZE_MAX;
}

static int fake_add(struct realtime_link *l, const json_t *item, const char *after)
{
	size_t at = after ? item_place(l->items, after) : SIZE_MAX;
	json_t *copy = json_deep_copy(item);
	int bad;

	note(l->w.fake, "add %s%s%s", json_str(item, "id", "?"), after ? " after " : "",
	     after ? after : "");
	if (!copy)
		return -ENOMEM;
	if (at == SIZE_MAX)
		bad = json_array_append_new(l->items, copy);
	else
		bad = json_array_insert_new(l->items, at + 1, copy);
	return bad ? -ENOMEM : 0;
}

static void fake_remove(struct realtime_link *l, const char *id)
{
	size_t at = item_place(l->items, id);

	note(l->w.fake, "remove %s", id);
	if (at != SIZE_MAX)
		json_array_remove(l->items, at);
}

/* An item that the service makes; NULL: no memory. Borrowed: the conversation has it. */
static json_t *put_item(struct realtime_link *l, json_t *item)
{
	char id[ID_MAX];

	snprintf(id, sizeof(id), "up_%llu", (unsigned long long)++l->w.fake->service.n_items);
	if (!item || json_object_set_new(item, "id", json_string(id)) != 0 ||
	    json_array_append(l->items, item) != 0) {
		json_decref(item);
		return NULL;
	}
	json_decref(item);
	return item;
}

static struct answer *find_answer(struct realtime_link *l, uint64_t ref)
{
	LIST_FOR(&l->answers, n) {
		struct answer *a = CONTAINER_OF(n, struct answer, node);

		if (a->ref == ref)
			return a;
	}
	return NULL;
}

static void fake_name_item(struct realtime_link *l, uint64_t ref, const char *id)
{
	struct answer *a = ref ? find_answer(l, ref) : NULL;
	json_t *item = ref ? NULL : l->heard;

	note(l->w.fake, "name %llu %s", (unsigned long long)ref, id);
	if (a)
		item = a->call_item ? a->call_item : a->item;
	if (item)
		(void)(json_object_set_new(item, "id", json_string(id)) == 0);
}

/* --- hearing -------------------------------------------------------------------------- */

static void deliver_words(struct fake_work *w, struct fake_event *e)
{
	const struct realtime_sink *sink = sink_of(link_of(w));

	if (*e->text)
		sink->on_words_delta(w->owner, w->ticket, e->text);
	if (!w->over)
		sink->on_words(w->owner, w->ticket, e->text);
}

static void deliver_deaf(struct fake_work *w, struct fake_event *e)
{
	sink_of(link_of(w))->on_deaf(w->owner, w->ticket,
				     &(struct engine_error){ e->text, "The script says so." });
}

static void deliver_commit(struct fake_work *w, struct fake_event *e)
{
	(void)e;
	sink_of(link_of(w))->on_commit(w->owner, w->ticket);
}

static void deliver_speech(struct fake_work *w, struct fake_event *e)
{
	sink_of(link_of(w))->on_speech(w->owner, w->ticket, e->n == 1, e->at);
}

/* The next line of the script is what was said. */
static void hear(struct realtime_link *l)
{
	struct fake *f = l->w.fake;
	struct fake_line *line = fake_script_take(f, KIND_STT);
	const char *text = line ? line->text : f->always ? f->always : "";
	bool deaf = line && line->say == FAKE_ERROR;
	json_t *item = put_item(l, json_pack("{s:s,s:s,s:[{s:s,s:s}]}", "type", "message", "role",
					     "user", "content", "type", "input_audio", "transcript",
					     deaf ? "" : text));

	json_decref(l->heard);
	l->heard = json_incref(item);
	fake_work_add(&l->w, f->service.delays.words_us, deaf ? deliver_deaf : deliver_words, text);
	if (line)
		fake_line_free(line);
}

static void fake_commit(struct realtime_link *l)
{
	note(l->w.fake, "commit");
	if (!l->w.fake->service.hangs)
		hear(l);
}

static void fake_clear(struct realtime_link *l)
{
	note(l->w.fake, "clear");
}

static void fake_realtime_push(struct realtime_link *l, const int16_t *pcm, size_t n)
{
	struct fake *f = l->w.fake;

	l->n_pushed += n;
	if (!f->service.keeps)
		return;
	pthread_mutex_lock(&f->lock);
	if (f->service.kept.n / sizeof(*pcm) + n <= KEEP_MAX)
		buf_put(&f->service.kept, pcm, n * sizeof(*pcm));
	pthread_mutex_unlock(&f->lock);
}

/* --- answering -------------------------------------------------------------------------- */

static void tell_text(struct fake_work *w, struct fake_event *e)
{
	struct answer *a = answer_of(w);
	const struct realtime_sink *sink = w->sink;

	json_decref(a->call_item);
	a->call_item = NULL;
	if (!a->item) {
		json_t *item = a->apart ? NULL :
					  json_pack("{s:s,s:s,s:[{s:s,s:s}]}", "type", "message",
						    "role", "assistant", "content", "type",
						    a->text_only ? "output_text" : "output_audio",
						    a->text_only ? "text" : "transcript", "");

		a->item = item ? json_incref(put_item(a->link, item)) : NULL;
	}
	json_t *part = json_array_get(json_object_get(a->item, "content"), 0);
	const char *key = a->text_only ? "text" : "transcript";
	char *whole = mem_printf("%s%s", json_str(part, key, ""), e->text);

	if (part && whole)
		(void)(json_object_set_new(part, key, json_string(whole)) == 0);
	mem_free(whole);
	(a->text_only ? sink->on_text : sink->on_transcript)(w->owner, w->ticket, a->ref, e->text);
}

static void tell_audio(struct fake_work *w, struct fake_event *e)
{
	struct answer *a = answer_of(w);
	int16_t pcm[CHUNK];

	/* A square wave of 200 Hz: each sample depends on its place alone. */
	for (size_t i = 0; i < e->n; i++)
		pcm[i] = (e->at + i) / (REALTIME_RATE_HZ / 400) % 2 ? 8000 : -8000;
	((const struct realtime_sink *)w->sink)->on_audio(w->owner, w->ticket, a->ref, pcm, e->n);
}

static void tell_call(struct fake_work *w, struct fake_event *e)
{
	struct answer *a = answer_of(w);
	char id[ID_MAX];

	snprintf(id, sizeof(id), "call_up_%llu", (unsigned long long)++w->fake->service.n_items);
	json_decref(a->call_item);
	a->call_item = a->apart ? NULL :
				  json_incref(put_item(a->link,
						       json_pack("{s:s,s:s,s:s,s:s}", "type",
								 "function_call", "name", e->text,
								 "arguments", e->more, "call_id", id)));
	((const struct realtime_sink *)w->sink)
		->on_call(w->owner, w->ticket, a->ref, id, e->text, e->more);
}

static void tell_done(struct fake_work *w, struct fake_event *e)
{
	struct answer *a = answer_of(w);

	answer_leave(a);
	((const struct realtime_sink *)w->sink)
		->on_done(w->owner, w->ticket, a->ref, e->finish, &e->usage);
}

void fake_answer_failed(struct fake_work *w, const struct engine_error *e)
{
	struct answer *a = answer_of(w);

	answer_leave(a);
	((const struct realtime_sink *)w->sink)->on_failed(w->owner, w->ticket, a->ref, e);
}

static size_t speech_samples(const char *text)
{
	size_t ms = 0;

	for (const char *p = text; *(p += strspn(p, " \t\n"));) {
		size_t len = strcspn(p, " \t\n"), letters = 0;

		for (size_t i = 0; i < len; i++)
			letters += isalnum((unsigned char)p[i]) != 0;
		ms += MAX(letters * LETTER_MS, (size_t)WORD_MIN_MS);
		p += len;
	}
	return ms * (REALTIME_RATE_HZ / 1000);
}

/* Text, and its sound behind it; returns when the next step is due. */
static uint64_t say_text(struct answer *a, const char *text, uint64_t after_us)
{
	const struct fake_realtime_delays *d = &a->w.fake->service.delays;
	size_t total = a->text_only ? 0 : speech_samples(text);

	fake_work_add(&a->w, after_us, tell_text, text);
	for (size_t at = 0; at < total; at += CHUNK, after_us += d->chunk_us) {
		struct fake_event *e = fake_work_add(&a->w, after_us, tell_audio, NULL);

		if (!e)
			break;
		e->at = a->spoken + at;
		e->n = MIN(total - at, (size_t)CHUNK);
	}
	a->spoken += total;
	return after_us;
}

struct plan {
	uint64_t after_us;
	enum llm_finish finish;
	bool failed;
};

static void say_line(struct answer *a, struct fake_line *l, struct plan *p)
{
	struct fake_event *e = NULL;

	p->after_us += a->w.fake->service.delays.first_us;
	switch (l->say) {
	case FAKE_TEXT:
		p->after_us = say_text(a, l->text, p->after_us);
		break;
	case FAKE_CALL:
		p->finish = LLM_TOOL_CALLS;
		e = fake_work_add(&a->w, p->after_us, tell_call, l->text);
		if (e) {
			e->more = l->more;
			l->more = NULL;
		}
		break;
	case FAKE_ERROR:
		p->failed = true;
		e = fake_work_add(&a->w, p->after_us, fake_deliver_error, l->text);
		if (e)
			e->last = true;
		break;
	case FAKE_MAX_TOKENS:
		p->finish = LLM_MAX_TOKENS;
		break;
	case FAKE_CITE: /* no service says on what its words rest */
		break;
	}
}

static const char *last_user_words(const json_t *items)
{
	for (size_t i = json_array_size(items); i-- > 0;) {
		const json_t *item = json_array_get(items, i);
		const json_t *part = json_array_get(json_object_get(item, "content"), 0);

		if (strcmp(json_str(item, "role", ""), "user") == 0)
			return json_str(part, "text", json_str(part, "transcript", ""));
	}
	return "";
}

static void say_all(struct answer *a)
{
	struct fake *f = a->w.fake;
	struct plan p = { .finish = LLM_STOP };
	struct fake_line *l = fake_script_take(f, KIND_LLM);
	bool more = true;

	if (!l) {
		char *echo = mem_printf("You said: %s", last_user_words(a->link->items));

		if (echo)
			p.after_us = say_text(a, echo, f->service.delays.first_us);
		else
			fake_work_fail(&a->w);
		mem_free(echo);
	}
	for (; l; l = more ? fake_script_take(f, KIND_LLM) : NULL) {
		if (!p.failed)
			say_line(a, l, &p);
		more = l->more_follow;
		fake_line_free(l);
	}
	struct fake_event *done = p.failed ? NULL : fake_work_add(&a->w, p.after_us, tell_done, NULL);
	if (done) {
		done->last = true;
		done->finish = p.finish;
		done->usage = (struct llm_usage){ .input_tokens = 10, .output_tokens = 10 };
	}
}

static struct answer *answer_new(struct realtime_link *l, const json_t *response, uint64_t ref)
{
	struct answer *a = mem_zalloc(sizeof(*a));
	const json_t *kinds = json_object_get(response, "output_modalities");

	if (!a)
		return NULL;
	a->w = (struct fake_work){ .loop = l->w.loop, .sink = l->w.sink, .owner = l->w.owner,
				   .ticket = l->w.ticket, .on_free = on_answer_free };
	if (fake_work_enter(&a->w, l->w.fake, KIND_ANSWER) != 0)
		return NULL;
	if (!kinds)
		kinds = json_object_get(l->session, "output_modalities");
	a->text_only = json_has_word(kinds, "text");
	a->apart = strcmp(json_str(response, "conversation", ""), "none") == 0;
	a->ref = ref;
	a->link = l;
	list_push(&l->answers, &a->node);
	return a;
}

static int fake_ask(struct realtime_link *l, const struct realtime_ask *ask, uint64_t ref)
{
	AUTO(buf) struct buf text = { 0 };

	if (ask && ask->response)
		json_write(&text, ask->response);
	note(l->w.fake, "ask %llu%s%s", (unsigned long long)ref, text.n ? " " : "",
	     text.n ? (const char *)text.p : "");
	struct answer *a = answer_new(l, ask ? ask->response : NULL, ref);
	if (!a)
		return -ENOMEM;
	if (!l->w.fake->service.hangs)
		say_all(a);
	return 0;
}

static void fake_adopt(struct realtime_link *l, uint64_t ref)
{
	note(l->w.fake, "adopt %llu", (unsigned long long)ref);
	if (l->begun)
		l->begun->ref = ref;
}

static void fake_realtime_cancel(struct realtime_link *l, uint64_t ref)
{
	struct answer *a = ref ? find_answer(l, ref) : l->begun;

	note(l->w.fake, "cancel %llu", (unsigned long long)ref);
	if (a)
		answer_end(a);
}

static void fake_truncate(struct realtime_link *l, uint64_t ref, uint64_t ms)
{
	note(l->w.fake, "truncate %llu %llu", (unsigned long long)ref, (unsigned long long)ms);
}

static void fake_update(struct realtime_link *l, const json_t *session)
{
	struct fake_service *s = &l->w.fake->service;
	json_t *copy = json_deep_copy(session);

	note(l->w.fake, "update");
	if (!copy)
		return;
	json_decref(l->session);
	l->session = copy;
	pthread_mutex_lock(&l->w.fake->lock);
	json_decref(s->session);
	s->session = json_incref(copy);
	pthread_mutex_unlock(&l->w.fake->lock);
}

/* --- by itself ---------------------------------------------------------------------------- */

static void deliver_begun(struct fake_work *w, struct fake_event *e)
{
	struct realtime_link *l = link_of(w);
	struct answer *a = answer_new(l, NULL, 0);

	(void)e;
	if (!a)
		return;
	say_all(a);
	l->begun = a;
	sink_of(l)->on_begun(w->owner, w->ticket);
	/* Closed, or cancelled: nobody begins any more. Not adopted: nobody wants it. */
	if (!l->begun)
		return;
	l->begun = NULL;
	if (a->ref == 0)
		answer_end(a);
}

void fake_speech(struct fake *f, bool started)
{
	struct realtime_link *l = f->service.link;
	struct fake_event *e = l ? fake_work_add(&l->w, 0, deliver_speech, NULL) : NULL;

	if (e) {
		e->n = started;
		e->at = (size_t)(l->n_pushed / (REALTIME_RATE_HZ / 1000));
	}
}

void fake_turn(struct fake *f, enum fake_turn t)
{
	struct realtime_link *l = f->service.link;

	if (!l || f->service.hangs)
		return;
	fake_work_add(&l->w, 0, deliver_commit, NULL);
	hear(l);
	if (t == FAKE_ANSWERS)
		fake_work_add(&l->w, 0, deliver_begun, NULL);
}

/* --- what a test says and asks ---------------------------------------------------------------- */

void fake_realtime(struct fake *f, struct engines *out)
{
	out->realtime_ops = &fake_realtime_ops;
	out->realtime = &f->realtime;
}

void fake_realtime_delays(struct fake *f, const struct fake_realtime_delays *d)
{
	f->service.delays = *d;
}

int fake_refuse(struct fake *f, unsigned n, const char *code, uint64_t again_us)
{
	char *copy = mem_strdup(code);

	if (!copy)
		return -ENOMEM;
	mem_free(f->service.refusal);
	f->service.refusal = copy;
	f->service.n_refusals = n;
	f->service.again_us = again_us;
	return 0;
}

void fake_lose(struct fake *f, const char *code, uint64_t again_us)
{
	f->service.again_us = again_us;
	LIST_FOR(&f->work, n) {
		struct fake_work *w = CONTAINER_OF(n, struct fake_work, node);

		if (w->kind != KIND_LINK)
			continue;
		LIST_FOR(&link_of(w)->answers, a)
			fake_work_forget(&CONTAINER_OF(a, struct answer, node)->w);
		lose(link_of(w), code, 0);
	}
}

void fake_hang(struct fake *f, bool hangs)
{
	f->service.hangs = hangs;
}

const char *fake_log(const struct fake *f)
{
	return f->service.log.n ? (const char *)f->service.log.p : "";
}

void fake_log_clear(struct fake *f)
{
	buf_reset(&f->service.log);
}

const json_t *fake_items(const struct fake *f)
{
	return f->service.items;
}

const json_t *fake_session(const struct fake *f)
{
	return f->service.session;
}

void fake_keep_audio(struct fake *f)
{
	f->service.keeps = true;
}

const int16_t *fake_kept_audio(const struct fake *f, size_t *n)
{
	*n = f->service.kept.n / sizeof(int16_t);
	return (const int16_t *)(const void *)f->service.kept.p;
}

const struct realtime_ops fake_realtime_ops = {
	.name = "fake",
	.open = fake_open,
	.update = fake_update,
	.push = fake_realtime_push,
	.commit = fake_commit,
	.clear = fake_clear,
	.add = fake_add,
	.remove = fake_remove,
	.truncate = fake_truncate,
	.ask = fake_ask,
	.adopt = fake_adopt,
	.name_item = fake_name_item,
	.cancel = fake_realtime_cancel,
	.close = fake_close,
	.free = fake_realtime_free,
};

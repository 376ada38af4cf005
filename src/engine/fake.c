#include "engine/fake_inner.h"

#include <errno.h>

#include "base/alloc.h"

int fake_new(struct fake **out)
{
	struct fake *f = mem_zalloc(sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->stt.fake = f->llm.fake = f->tts.fake = f->realtime.fake = f;
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
	fake_end_work(f, KIND_ANSWER); /* a link takes its answers with it */
	fake_end_work(f, N_KINDS);
	for (size_t i = 0; i < N_KINDS; i++)
		LIST_FOR(&f->script[i], n)
			fake_line_free(CONTAINER_OF(n, struct fake_line, node));
	fake_service_done(&f->service);
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

/* --- scripts ----------------------------------------------------------------------- */

void fake_line_free(struct fake_line *l)
{
	node_unlink(&l->node);
	mem_free(l->text);
	mem_free(l->more);
	mem_free(l);
}

static struct fake_line *line_new(const struct fake_step *s)
{
	struct fake_line *l = mem_zalloc(sizeof(*l));

	if (!l)
		return NULL;
	l->say = s->say;
	l->text = mem_strdup(s->text ? s->text : "");
	l->more = mem_strdup(s->more ? s->more : "");
	if (l->text && l->more)
		return l;
	fake_line_free(l);
	return NULL;
}

static int script_put(struct fake *f, enum fake_kind kind, const struct fake_step *steps, size_t n)
{
	struct list made;
	struct node *x;

	list_init(&made);
	for (size_t i = 0; i < n; i++) {
		struct fake_line *l = line_new(&steps[i]);

		if (!l) {
			while ((x = list_pop(&made)))
				fake_line_free(CONTAINER_OF(x, struct fake_line, node));
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

struct fake_line *fake_script_take(struct fake *f, enum fake_kind kind)
{
	pthread_mutex_lock(&f->lock);
	struct node *n = list_pop(&f->script[kind]);
	pthread_mutex_unlock(&f->lock);
	return n ? CONTAINER_OF(n, struct fake_line, node) : NULL;
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

/* --- what was asked ---------------------------------------------------------------- */

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

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/meter.h"
#include "session/response.h"
#include "session/state.h"

enum { AHEAD_S = 10 }; /* audio made before the audio in front of it has left */

void piece_free(struct piece *p)
{
	if (!p)
		return;
	mem_free(p->text);
	mem_free(p->name);
	mem_free(p->call_id);
	json_decref(p->source);
	pcm_done(&p->audio);
	pcm_done(&p->kept);
	mem_free(p->words);
	mem_free(p->mouths);
	mem_free(p);
}

struct piece *piece_add(struct response *r, enum piece_kind k, const char *text, size_t n)
{
	struct piece *p = mem_zalloc(sizeof(*p));

	if (p)
		p->text = mem_alloc(n + 1);
	if (!p || !p->text) {
		mem_free(p);
		return NULL;
	}
	memcpy(p->text, text, n);
	p->text[n] = 0;
	p->kind = k;
	list_push(&r->pieces, &p->node);
	return p;
}

static struct piece *of(struct node *n)
{
	return CONTAINER_OF(n, struct piece, node);
}

/* --- from text to clauses ---------------------------------------------------------------- */

static void take_clauses(struct response *r, enum clause_when when)
{
	const char *text;

	while ((text = clause_next(&r->clause, when)))
		if (!piece_add(r, PIECE_CLAUSE, text, strlen(text)))
			session_oom(r->s);
}

static void take_text(struct response *r, const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || r->text.n + n > SESSION_ANSWER_MAX) {
		/* Longer than anybody listens: what came so far is the answer. */
		if (n)
			r->outcome = OUTCOME_INCOMPLETE;
		return;
	}
	buf_put(&r->text, text, n);
	if (r->set.text_only) {
		if (!piece_add(r, PIECE_TEXT, text, n))
			session_oom(r->s);
	} else {
		clause_push(&r->clause, text);
		take_clauses(r, CLAUSE_MORE);
		speak_next(r);
	}
	if (r->text.failed || r->clause.text.failed)
		session_oom(r->s);
}

void speak_text(struct response *r, const char *text)
{
	filler_drop(r);
	while ((r->text.n == 0 || r->fresh) && *text == ' ')
		text++;
	if (!*text)
		return;
	/* As clauses are told, so they are counted: with a blank between them. */
	if (r->fresh && r->text.n && r->text.p[r->text.n - 1] != ' ')
		take_text(r, " ");
	r->fresh = false;
	take_text(r, text);
}

void speak_flush(struct response *r)
{
	r->fresh = true;
	take_clauses(r, CLAUSE_END);
	speak_next(r);
}

/* --- from clauses to audio --------------------------------------------------------------- */

static const struct tts_sink tts_sink;

/* The next clause to speak; NULL: none, or enough is ready. */
static struct piece *next_clause(struct response *r)
{
	size_t ready = 0;

	LIST_FOR (&r->pieces, n) {
		struct piece *p = of(n);

		if (p->kind != PIECE_CLAUSE)
			continue;
		if (!p->spoken)
			return ready > (size_t)r->out_hz * AHEAD_S ? NULL : p;
		ready += p->audio.n - p->sent;
	}
	return NULL;
}

void speak_next(struct response *r)
{
	struct session *s = r->s;
	struct piece *p = r->tts || r->state > RESP_ACTIVE || s->broken ? NULL : next_clause(r);

	if (!p)
		return;
	if (!r->engines || !r->engines->tts_ops) {
		response_fail(r, "engine_unavailable", "No voice is configured.");
		return;
	}
	const struct tts_params params = { .voice = r->set.voice,
					   .language = s->language,
					   .speed = r->set.speed,
					   .visemes = r->set.visemes };
	r->tts_ticket = session_ticket(s);
	int err = r->engines->tts_ops->start(r->engines->tts, &r->tts, p->text, &params, s->loop,
					     &tts_sink, s, r->tts_ticket);
	if (session_answer(s, REC_START, err != 0) == 0) {
		cost_spoken(s, r->engines, p->text);
		r->speaking = p;
		return;
	}
	r->tts = NULL;
	response_fail(r, "engine_unavailable", "The voice could not be started.");
}

static struct response *speaker(struct session *s, uint64_t ticket)
{
	LIST_FOR (&s->responses, n) {
		struct response *r = CONTAINER_OF(n, struct response, node);

		if (r->tts && r->tts_ticket == ticket)
			return r;
	}
	return NULL;
}

/* Clients that play the audio themselves may ask for it again (conversation.item.retrieve). */
static int keep(struct response *r, const int16_t *pcm, size_t n)
{
	struct piece *p = r->speaking;

	if (r->paced || r->oob)
		return 0;
	return rate_convert(&r->keep_rate, r->engines->tts_ops->rate_hz, STT_RATE_HZ, pcm, n,
			    p->shown ? &r->item->audio : &p->kept);
}

static void on_audio(void *owner, uint64_t ticket, const int16_t *pcm, size_t n)
{
	struct session *s = owner;

	session_enter_sink(s);
	session_record_sink(s, REC_TTS, 0, ticket, bytes_of(pcm, n * sizeof(*pcm)),
			    (struct bytes){ 0 });
	struct response *r = speaker(s, ticket);
	if (r && n) {
		if (!r->speaking->filler)
			response_mark(r, MARK_FIRST_AUDIO);
		if (keep(r, pcm, n) ||
		    rate_convert(&r->rate, r->engines->tts_ops->rate_hz, r->out_hz, pcm, n,
				 &r->speaking->audio))
			session_oom(s);
	}
	session_leave(s);
}

/* Where `word` stands in the clause, from where the last one was found. Spoken words may be
 * written otherwise ("5" is said "five"): then the mark is left out. */
static const char *find_word(const struct piece *p, const char *word)
{
	return strcasestr(p->text + p->found, word);
}

static bool add_word(struct piece *p, const char *word, size_t from_ms, size_t ms)
{
	const char *at = word[0] ? find_word(p, word) : NULL;

	if (!at)
		return true;
	if (!mem_grow(&p->words, &p->cap_words, p->n_words, sizeof(*p->words)))
		return false;
	p->words[p->n_words++] = (struct word){ (uint32_t)(at - p->text), (uint32_t)from_ms, (uint32_t)ms };
	p->found = (size_t)(at - p->text) + strlen(word);
	return true;
}

static void on_word(void *owner, uint64_t ticket, const char *word, size_t sample, size_t n)
{
	struct session *s = owner;
	uint8_t numbers[16];

	session_enter_sink(s);
	put_be64(numbers, sample);
	put_be64(numbers + 8, n);
	session_record_sink(s, REC_TTS, 1, ticket, bytes_str(word),
			    bytes_of(numbers, sizeof(numbers)));
	struct response *r = speaker(s, ticket);
	if (r && !add_word(r->speaking, word, sample * 1000 / r->engines->tts_ops->rate_hz,
			   n * 1000 / r->engines->tts_ops->rate_hz))
		session_oom(s);
	session_leave(s);
}

static bool add_mouth(struct piece *p, unsigned viseme, size_t from_ms)
{
	if (!mem_grow(&p->mouths, &p->cap_mouths, p->n_mouths, sizeof(*p->mouths)))
		return false;
	p->mouths[p->n_mouths++] = (struct mouth){ (uint32_t)from_ms, viseme };
	return true;
}

static void on_viseme(void *owner, uint64_t ticket, unsigned viseme, size_t sample)
{
	struct session *s = owner;
	uint8_t numbers[12];

	session_enter_sink(s);
	put_be64(numbers, sample);
	put_be32(numbers + 8, viseme);
	session_record_sink(s, REC_TTS, 4, ticket, bytes_of(numbers, sizeof(numbers)),
			    (struct bytes){ 0 });
	struct response *r = speaker(s, ticket);
	if (r && !add_mouth(r->speaking, viseme, sample * 1000 / r->engines->tts_ops->rate_hz))
		session_oom(s);
	session_leave(s);
}

/* An engine without word times: words are taken to be as long as they are written. */
static bool guess_words(const struct response *r, struct piece *p)
{
	size_t ms = p->audio.n * 1000 / r->out_hz, n = strlen(p->text);

	for (size_t i = 1; i < n; i++) {
		char word[2] = { p->text[i], 0 };

		if (p->text[i - 1] != ' ' || p->text[i] == ' ')
			continue;
		p->found = i;
		size_t letters = strcspn(p->text + i, " ");
		if (!add_word(p, word, ms * i / n, ms * letters / n))
			return false;
	}
	return true;
}

static void on_done(void *owner, uint64_t ticket)
{
	struct session *s = owner;

	session_enter_sink(s);
	session_record_sink(s, REC_TTS, 2, ticket, (struct bytes){ 0 }, (struct bytes){ 0 });
	struct response *r = speaker(s, ticket);
	if (r) {
		struct piece *p = r->speaking;

		r->tts = NULL;
		r->speaking = NULL;
		p->spoken = true;
		if (rate_flush(&r->rate, &p->audio) || (!p->n_words && !guess_words(r, p)))
			session_oom(s);
		speak_next(r);
	}
	session_leave(s);
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	struct session *s = owner;

	session_enter_sink(s);
	session_record_sink(s, REC_TTS, 3, ticket, bytes_str(e->code), bytes_str(e->message));
	struct response *r = speaker(s, ticket);
	if (r) {
		r->tts = NULL;
		r->speaking = NULL;
		meter_add(r->engines->tts_meter, METER_ERRORS, 1);
		response_fail(r, e->code, e->message);
	}
	session_leave(s);
}

static const struct tts_sink tts_sink = { on_audio, on_word, on_done, on_error, on_viseme };

void speak_stop(struct response *r)
{
	if (r->tts)
		r->engines->tts_ops->cancel(r->tts);
	r->tts = NULL;
	r->speaking = NULL;
}

void speak_cancel(struct response *r)
{
	struct node *n;

	speak_stop(r);
	while ((n = list_pop(&r->pieces)))
		piece_free(of(n));
}

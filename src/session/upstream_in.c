/* upstream_in.c - what a realtime service hears: the user's audio, commits, words, turns. */
#include <string.h>

#include "session/upstream_inner.h"

/* --- audio ------------------------------------------------------------------------------- */

static void send(struct session *s)
{
	struct upstream *u = &s->up;

	if (u->wire.n)
		s->engines.realtime_ops->push(u->link, u->wire.p, u->wire.n);
	u->wire.n = 0;
}

void upstream_push(struct session *s, const int16_t *pcm, size_t n)
{
	struct upstream *u = &s->up;

	if (!u->link)
		return; /* it is all pushed once there is one */
	u->pushed += n;
	if (rate_convert(&u->rate, STT_RATE_HZ, REALTIME_RATE_HZ, pcm, n, &u->wire))
		session_oom(s);
	else
		send(s);
}

uint64_t upstream_commit(struct session *s, const char *item_id)
{
	struct upstream *u = &s->up;

	if (!u->link)
		return ++u->n_commits;
	if (rate_flush(&u->rate, &u->wire))
		session_oom(s);
	else
		send(s);
	s->engines.realtime_ops->commit(u->link);
	s->engines.realtime_ops->name_item(u->link, 0, item_id);
	return ++u->n_commits;
}

uint64_t upstream_committed(struct session *s, const char *item_id)
{
	if (s->up.link)
		s->engines.realtime_ops->name_item(s->up.link, 0, item_id);
	return ++s->up.n_commits;
}

void upstream_clear(struct session *s)
{
	struct upstream *u = &s->up;

	if (!u->link)
		return;
	u->wire.n = 0;
	if (rate_flush(&u->rate, &u->wire))
		session_oom(s);
	u->wire.n = 0;
	s->engines.realtime_ops->clear(u->link);
}

void upstream_feed(struct session *s)
{
	struct upstream *u = &s->up;
	const struct audio_in *in = &s->in;

	if (!u->link || !upstream_finds_turns(s))
		return;
	u->fed = MAX(u->fed, in->start);
	u->fed_from = u->fed - MIN(u->fed, u->pushed);
	size_t n = (size_t)(audio_in_end(in) - MIN(u->fed, audio_in_end(in)));
	if (n)
		upstream_push(s, in->buf.p + (u->fed - in->start), n);
	u->fed += n;
}

/* --- words ------------------------------------------------------------------------------- */

void up_on_words_delta(void *owner, uint64_t link, const char *text)
{
	struct session *s = owner;
	bool live = up_enter(s, link, CALL_WORDS_DELTA, bytes_str(text), (struct bytes){ 0 });
	struct hear *h = live ? hear_owed(s) : NULL;

	if (h)
		hear_partly(h, text);
	session_leave(s);
}

void up_on_words(void *owner, uint64_t link, const char *text)
{
	struct session *s = owner;
	bool live = up_enter(s, link, CALL_WORDS, bytes_str(text), (struct bytes){ 0 });
	struct hear *h = live ? hear_owed(s) : NULL;

	s->up.useful |= live;
	if (h)
		hear_found(h, text);
	session_leave(s);
}

void up_on_deaf(void *owner, uint64_t link, const struct engine_error *e)
{
	struct session *s = owner;
	bool live = up_enter(s, link, CALL_DEAF, bytes_str(e->code), bytes_str(e->message));
	struct hear *h = live ? hear_owed(s) : NULL;

	if (h)
		hear_failed(h, e);
	session_leave(s);
}

/* --- turns that it finds ----------------------------------------------------------------- */

void up_on_speech(void *owner, uint64_t link, bool started, uint64_t audio_ms)
{
	struct session *s = owner;
	uint8_t body[9];

	body[0] = started;
	put_be64(body + 1, audio_ms);
	if (up_enter(s, link, CALL_SPEECH, bytes_of(body, sizeof(body)), (struct bytes){ 0 }) &&
	    upstream_finds_turns(s)) {
		uint64_t ms = MIN(audio_ms, s->up.pushed * 1000 / STT_RATE_HZ);

		turn_service_speech(s, started, s->up.fed_from + ms * STT_RATE_HZ / 1000);
	}
	session_leave(s);
}

void up_on_commit(void *owner, uint64_t link)
{
	struct session *s = owner;

	if (up_enter(s, link, CALL_COMMIT, (struct bytes){ 0 }, (struct bytes){ 0 }) &&
	    upstream_finds_turns(s)) {
		turn_service_commit(s);
		s->up.owes_answer = s->set.create_response;
	}
	session_leave(s);
}

/* Only one may wait while another is being said. */
static struct response *adopt(struct session *s)
{
	if (!upstream_finds_turns(s) || s->n_responses >= SESSION_RESPONSES_MAX || response_held(s))
		return NULL;
	struct response *r = response_new(s, NULL);
	if (!r)
		session_oom(s);
	return r;
}

void up_on_begun(void *owner, uint64_t link)
{
	struct session *s = owner;
	bool live = up_enter(s, link, CALL_BEGUN, (struct bytes){ 0 }, (struct bytes){ 0 });
	struct response *r = live ? adopt(s) : NULL;

	if (r) {
		s->up.owes_answer = false;
		r->up.adopted = r->up.asked = true;
		r->up.asked_us = r->up.seen_us = s->now_us;
		r->up.ref = session_ticket(s);
		r->speech_end = s->turn.end;
		r->speech_end_us = s->turn.speech_end_us;
		s->engines.realtime_ops->adopt(s->up.link, r->up.ref);
		if (!response_active(s))
			response_announce(r);
	} else if (live) {
		s->engines.realtime_ops->cancel(s->up.link, 0);
	}
	session_leave(s);
}

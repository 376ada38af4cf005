/* One suite for every engine of a kind: what ops.h promises, whoever keeps it.
 *
 * Built twice: with the engines that need no model (unit), and with CONFORM_MODELS
 * for those that load one (suite "engine").
 */
#include <errno.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/pool.h"
#include "base/test.h"
#include "service/chain_llm.h"
#include "service/chain_stt.h"
#include "service/chain_tts.h"
#include "engine/fake.h"
#include "engine/llm_extract.h"
#include "service/llm_openai.h"
#include "service/stt_openai.h"
#include "service/tts_openai.h"
#include "net/fetch.h"
#include "net/peer_test.h"
#ifdef CONFORM_MODELS
#include "engine/stt_pocketsphinx.h"
#include "engine/tts_flite.h"
#endif

enum { PATIENCE_MS = 20000 };

/* What one piece of work told its sink. */
struct seen {
	int n_ended, n_told;
	uint64_t ticket;
	bool closed;  /* from here on nothing may come */
	bool offence; /* something came that may not   */
	size_t n_samples, last_word;
	char text[256];
	struct loop *loop;
	int cancel_in; /* cancel from inside the n-th call of the sink; 0: never */
	void (*cancel)(struct seen *s);
	void *handle;
};

struct rig {
	struct loop *loop;
	struct pool *pool;
	struct fake *fake;
	struct engines e;
	struct peer peer; /* of engines that ask a service */
	struct fetcher *fetcher;
	struct service service;
	struct health healths[4]; /* of chains */
};

static void told(struct seen *s, uint64_t ticket)
{
	s->n_told++;
	if (s->closed || s->n_ended || ticket != s->ticket || !loop_is_here(s->loop))
		s->offence = true;
}

static void maybe_cancel(struct seen *s)
{
	if (s->cancel_in && s->n_told == s->cancel_in && !s->n_ended) {
		s->cancel(s);
		s->closed = true;
	}
}

static void ended(void *owner, uint64_t ticket)
{
	struct seen *s = owner;

	told(s, ticket);
	s->n_ended++;
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	struct seen *s = owner;

	ended(owner, ticket);
	if (!e->code || !e->message)
		s->offence = true;
}

static void on_text(void *owner, uint64_t ticket, const char *text)
{
	struct seen *s = owner;

	told(s, ticket);
	snprintf(s->text, sizeof(s->text), "%s", text);
	maybe_cancel(s);
}

static void on_final(void *owner, uint64_t ticket, const char *text)
{
	struct seen *s = owner;

	snprintf(s->text, sizeof(s->text), "%s", text);
	ended(owner, ticket);
}

static void on_cite(void *owner, uint64_t ticket, json_t *source)
{
	told(owner, ticket);
	if (!json_is_object(source))
		((struct seen *)owner)->offence = true;
	maybe_cancel(owner);
}

static void on_call(void *owner, uint64_t ticket, const char *name, const char *arguments)
{
	char why[160];
	AUTO(json) json_t *a = json_parse(bytes_str(arguments), why);

	told(owner, ticket);
	if (!*name || (!a && !mem_failed()))
		((struct seen *)owner)->offence = true;
	maybe_cancel(owner);
}

static void on_answered(void *owner, uint64_t ticket, enum llm_finish f, const struct llm_usage *u)
{
	(void)f;
	ended(owner, ticket);
	if (u->input_tokens < 0 || u->output_tokens < 0)
		((struct seen *)owner)->offence = true;
}

static void on_audio(void *owner, uint64_t ticket, const int16_t *pcm, size_t n)
{
	struct seen *s = owner;

	told(s, ticket);
	if (!n || !pcm)
		s->offence = true;
	s->n_samples += n;
	maybe_cancel(s);
}

static void on_word(void *owner, uint64_t ticket, const char *word, size_t sample, size_t n)
{
	struct seen *s = owner;

	(void)n;
	told(s, ticket);
	if (!*word || sample < s->last_word || sample < s->n_samples)
		s->offence = true;
	s->last_word = sample;
	maybe_cancel(s);
}

static const struct stt_sink stt_sink = { on_text, on_text, on_final, on_error };
static const struct llm_sink llm_sink = { on_text, on_cite, on_call, on_answered, on_error, NULL };
static const struct tts_sink tts_sink = { on_audio, on_word, ended, on_error, NULL };

/* --- the engines -------------------------------------------------------------------- */

#ifndef CONFORM_MODELS
static int make_fakes(struct rig *r)
{
	static const struct fake_delays delays = { .word_us = 100000, .settle_us = 500, .final_us = 500,
						   .step_us = 300, .first_us = 500, .chunk_us = 300 };
	int err = fake_new(&r->fake);

	if (err != 0)
		return err;
	fake_engines(r->fake, &r->e);
	fake_delays(r->fake, &delays);
	return fake_hear_always(r->fake, "what is this");
}

/* --- a service on loopback --- */

#define SAY(type, body) "HTTP/1.1 200 OK\r\nContent-Type: " type "\r\nConnection: close\r\n\r\n" body

static int ask_peer(struct rig *r, const char *model, const struct peer_reply *reply)
{
	char line[128], why[SERVICE_WHY];
	unsigned long left = mem_fail_hold();
	r->peer.warmed = true;
	int e = peer_begin(&r->peer, reply, 1) ? 0 : -1;

	snprintf(line, sizeof(line), "%s/v1 key=k model=%s timeout=5", r->peer.url, model);
	if (e == 0)
		e = service_parse(&r->service, line, why);
	mem_fail_resume(left);
	return e ? e : fetcher_new(&r->fetcher);
}

static int make_stt_openai(struct rig *r)
{
	static const struct peer_reply words = { { SAY("application/json", "{\"text\":\" What is this?\"}") }, 0, PEER_GOES };
	int e = ask_peer(r, "whisper-1", &words);

	r->e.stt_ops = &stt_openai_ops;
	return e ? e : stt_openai_new(&r->e.stt, r->fetcher, &r->service);
}

static int make_stt_openai_stream(struct rig *r)
{
	static const struct peer_reply words = {
		{ SAY("text/event-stream", "data: {\"type\":\"transcript.text.delta\",\"delta\":\"What is\"}\n\n"),
		  "data: {\"type\":\"transcript.text.delta\",\"delta\":\" this?\"}\n\n",
		  "data: {\"type\":\"transcript.text.done\",\"text\":\"What is this?\"}\n\ndata: [DONE]\n\n" }, 1, PEER_GOES
	};
	int e = ask_peer(r, "gpt-4o-mini-transcribe", &words);

	r->e.stt_ops = &stt_openai_ops;
	return e ? e : stt_openai_new(&r->e.stt, r->fetcher, &r->service);
}

static int make_tts_openai(struct rig *r)
{
	static char sound[4096 + 1];
	static const struct peer_reply spoken = { { SAY("audio/pcm", "A"), sound, "AAA", sound, sound }, 1, PEER_GOES };

	memset(sound, 'A', sizeof(sound) - 1);
	int e = ask_peer(r, "tts-1", &spoken);

	r->e.tts_ops = &tts_openai_ops;
	return e ? e : tts_openai_new(&r->e.tts, r->fetcher, &r->service);
}

/* A service that is down, with fakes behind it. */
static int make_chain(struct rig *r)
{
	static const struct peer_reply down = { { "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n" }, 0, PEER_STAYS };
	struct chain_stt_member s[2] = { { &stt_openai_ops, NULL, &r->healths[0], stt_openai_rest_ms } };
	struct chain_tts_member t[2] = { { &tts_openai_ops, NULL, &r->healths[2], tts_openai_rest_ms } };
	int e = ask_peer(r, "any", &down);

	if (e == 0)
		e = make_fakes(r);
	s[1] = (struct chain_stt_member){ r->e.stt_ops, r->e.stt, &r->healths[1], NULL };
	t[1] = (struct chain_tts_member){ r->e.tts_ops, r->e.tts, &r->healths[3], NULL };
	r->e = (struct engines){ 0 };
	if (e == 0)
		e = stt_openai_new(&s[0].stt, r->fetcher, &r->service);
	if (e == 0 && (e = chain_stt_new(&r->e.stt, &r->e.stt_ops, s, 2)) != 0)
		stt_openai_ops.free(s[0].stt);
	if (e == 0)
		e = tts_openai_new(&t[0].tts, r->fetcher, &r->service);
	if (e == 0 && (e = chain_tts_new(&r->e.tts, &r->e.tts_ops, t, 2)) != 0)
		tts_openai_ops.free(t[0].tts);
	return e;
}

#define CHUNK(delta, more) "data: {\"choices\":[{\"delta\":{" delta "}" more "}]}\n\n"

static int make_llm_openai(struct rig *r)
{
	static const struct peer_reply answer = {
		{ SAY("text/event-stream", CHUNK("\"content\":\"There are \"", "")), CHUNK("\"content\":\"thirty days.\"", ""),
		  CHUNK("\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"search\",\"arguments\":\"{}\"}}]", ""),
		  CHUNK("", ",\"finish_reason\":\"tool_calls\"") "data: [DONE]\n\n" }, 1, PEER_GOES
	};
	int e = ask_peer(r, "gpt-4.1-mini", &answer);

	r->e.llm_ops = &llm_openai_ops;
	return e ? e : llm_openai_new(&r->e.llm, r->fetcher, &r->service);
}

/* A service that is down, with a fake behind it. */
static int make_chain_llm(struct rig *r)
{
	static const struct peer_reply down = { { "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n" }, 0, PEER_STAYS };
	struct chain_llm_part parts[2] = { { "down", &llm_openai_ops, NULL, 2000, &r->healths[0], llm_openai_rest_ms, NULL, NULL } };
	int e = ask_peer(r, "any", &down);

	log_set_level(LOG_ERROR);
	if (e == 0)
		e = make_fakes(r);
	parts[1] = (struct chain_llm_part){ "fake", r->e.llm_ops, r->e.llm, 0, &r->healths[1], NULL, NULL, NULL };
	r->e = (struct engines){ .llm_ops = &chain_llm_ops };
	if (e == 0)
		e = llm_openai_new(&parts[0].llm, r->fetcher, &r->service);
	if (e == 0 && (e = chain_llm_new(&r->e.llm, parts, 2)) != 0)
		llm_openai_ops.free(parts[0].llm);
	return e;
}

static int make_extract(struct rig *r)
{
	r->e.llm_ops = &llm_extract_ops;
	return llm_extract_new(&r->e.llm, r->pool);
}

#else
static int make_flite(struct rig *r)
{
	r->e.tts_ops = &tts_flite_ops;
	return tts_flite_new(&r->e.tts, r->pool);
}

static int make_pocketsphinx(struct rig *r)
{
	struct stt_pocketsphinx_params p = { .n_decoders = 2 };
	int err = stt_pocketsphinx_new(&r->e.stt, &p);

	r->e.stt_ops = &stt_pocketsphinx_ops;
	for (int i = 0; err == 0 && i < PATIENCE_MS; i++) {
		if (stt_pocketsphinx_ready(r->e.stt) == 2)
			return 0;
		loop_once(r->loop, 1);
	}
	return err ? err : -1;
}
#endif

enum kind { IS_STT, IS_LLM, IS_TTS };

static const struct maker {
	int (*make)(struct rig *r);
	unsigned kinds; /* BIT(kind) */
	bool asks;      /* a service on loopback: not with every allocation failing in turn, which its own test does */
} makers[] = {
#ifdef CONFORM_MODELS
	{ make_flite, BIT(IS_TTS), false },
	{ make_pocketsphinx, BIT(IS_STT), false },
#else
	{ make_fakes, BIT(IS_STT) | BIT(IS_LLM) | BIT(IS_TTS), false },
	{ make_extract, BIT(IS_LLM), false },
	{ make_stt_openai, BIT(IS_STT), true },
	{ make_stt_openai_stream, BIT(IS_STT), true },
	{ make_tts_openai, BIT(IS_TTS), true },
	{ make_chain, BIT(IS_STT) | BIT(IS_TTS), true },
	{ make_llm_openai, BIT(IS_LLM), true },
	{ make_chain_llm, BIT(IS_LLM), true },
#endif
};

static void rig_done(struct rig *r)
{
	if (r->e.stt)
		r->e.stt_ops->free(r->e.stt);
	if (r->e.llm)
		r->e.llm_ops->free(r->e.llm);
	if (r->e.tts)
		r->e.tts_ops->free(r->e.tts);
	r->e = (struct engines){ 0 };
	fetcher_free(r->fetcher);
	service_done(&r->service);
	peer_end(&r->peer);
	pool_free(r->pool);
	loop_free(r->loop);
	fake_free(r->fake);
	for (size_t i = 0; i < ARRAY_LEN(r->healths); i++)
		health_done(&r->healths[i]);
	*r = (struct rig){ 0 };
}

static inline void rig_auto_(struct rig *r)
{
	rig_done(r);
}

static int rig_make(struct rig *r, size_t maker)
{
	int err = loop_new(&r->loop, 0);

	for (size_t i = 0; i < ARRAY_LEN(r->healths); i++)
		health_init(&r->healths[i]);
	json_init();
	if (err == 0)
		err = pool_new(&r->pool, POOL_TURN, 2);
	return err ? err : makers[maker].make(r);
}

/* --- one start of any kind ------------------------------------------------------------- */

static void cancel_stt(struct seen *s)
{
	struct rig *r = *(struct rig **)s->handle;

	r->e.stt_ops->cancel(((void **)s->handle)[1]);
}

/* A piece of work of either kind: the rig, the handle, what its sink saw. */
struct piece {
	void *rig_and_handle[2];
	struct seen seen;
	enum kind kind;
};

static void cancel_llm(struct seen *s)
{
	struct rig *r = *(struct rig **)s->handle;

	r->e.llm_ops->cancel(((void **)s->handle)[1]);
}

static void cancel_tts(struct seen *s)
{
	struct rig *r = *(struct rig **)s->handle;

	r->e.tts_ops->cancel(((void **)s->handle)[1]);
}

static void piece_init(struct piece *p, struct rig *r, uint64_t ticket)
{
	*p = (struct piece){ .rig_and_handle = { r, NULL } };
	p->seen.ticket = ticket;
	p->seen.loop = r->loop;
	p->seen.handle = p->rig_and_handle;
}

static int start_stt(struct piece *p, struct rig *r, uint64_t ticket)
{
	static int16_t pcm[STT_RATE_HZ / 2];
	struct stt_turn *t = NULL;

	piece_init(p, r, ticket);
	p->kind = IS_STT;
	p->seen.cancel = cancel_stt;
	int err = r->e.stt_ops->begin(r->e.stt, &t, &(struct stt_params){ 0 }, r->loop, &stt_sink,
				      &p->seen, ticket);
	p->rig_and_handle[1] = t;
	for (size_t i = 0; i < ARRAY_LEN(pcm); i++)
		pcm[i] = (int16_t)((i * 7919) % 401 - 200);
	for (int i = 0; err == 0 && i < 2; i++)
		r->e.stt_ops->push(t, pcm, ARRAY_LEN(pcm));
	return err;
}

static int start_llm(struct piece *p, struct rig *r, uint64_t ticket)
{
	struct llm_job *j = NULL;
	AUTO(json) json_t *items = json_pack("[{s:s,s:s,s:[{s:s,s:s}]}]", "type", "message", "role",
					     "user", "content", "type", "input_text", "text",
					     "How many days of leave are there?");
	AUTO(json) json_t *tools = json_pack("[{s:s,s:s}]", "type", "function", "name", "search");
	struct llm_request q = { .items = items, .tools = tools };

	piece_init(p, r, ticket);
	p->kind = IS_LLM;
	p->seen.cancel = cancel_llm;
	if (!items || !tools)
		return -1;
	int err = r->e.llm_ops->start(r->e.llm, &j, &q, r->loop, &llm_sink, &p->seen, ticket);
	p->rig_and_handle[1] = j;
	return err;
}

static int start_tts(struct piece *p, struct rig *r, uint64_t ticket)
{
	struct tts_job *j = NULL;

	piece_init(p, r, ticket);
	p->kind = IS_TTS;
	p->seen.cancel = cancel_tts;
	int err = r->e.tts_ops->start(r->e.tts, &j, "Hello there, my friend of \xc2\xa7""5 \xe2\x80\x94 yes.",
				      &(struct tts_params){ .voice = "alloy" }, r->loop, &tts_sink,
				      &p->seen, ticket);
	p->rig_and_handle[1] = j;
	return err;
}

static int start_piece(struct piece *p, struct rig *r, uint64_t ticket, enum kind kind)
{
	if (kind == IS_STT)
		return start_stt(p, r, ticket);
	return kind == IS_LLM ? start_llm(p, r, ticket) : start_tts(p, r, ticket);
}

/* The rest of the work, after start. */
static void let_end(struct piece *p, struct rig *r)
{
	if (p->kind == IS_STT) {
		r->e.stt_ops->settle(p->rig_and_handle[1]);
		r->e.stt_ops->end(p->rig_and_handle[1]);
	}
}

static bool run_until_ended(struct rig *r, const struct seen *s)
{
	for (int i = 0; i < PATIENCE_MS && !s->n_ended; i++)
		loop_once(r->loop, 1);
	return s->n_ended == 1;
}

/* With every allocation failing in turn there are hundreds of runs: hurry. */
static bool in_a_hurry(void)
{
	return getenv("VOICED_TEST_OOM") != NULL;
}

/* Time for what should not come. */
static void let_pass(struct rig *r)
{
	loop_once(r->loop, in_a_hurry() ? 1 : 8);
}

/* --- the promises ------------------------------------------------------------------------ */

#define EACH_ENGINE(r, p, kind)                                                                    \
	for (size_t m_ = 0; m_ < ARRAY_LEN(makers); m_++)                                          \
		for (enum kind kind = IS_STT; kind <= IS_TTS; kind++)                              \
			if ((makers[m_].kinds & BIT(kind)) && !(makers[m_].asks && in_a_hurry()))

static void ends_exactly_once(void)
{
	EACH_ENGINE(r, p, kind)
	{
		AUTO(rig) struct rig r = { 0 };
		struct piece p;

		CHECK_EQ(rig_make(&r, m_), 0);
		CHECK_EQ(start_piece(&p, &r, 77, kind), 0);
		CHECK_EQ(p.seen.n_told, 0); /* never from inside the start */
		let_end(&p, &r);
		CHECK_EQ(p.seen.n_ended, 0);
		CHECK(run_until_ended(&r, &p.seen));
		let_pass(&r);
		CHECK_EQ(p.seen.n_ended, 1);
		CHECK(!p.seen.offence);
		CHECK(kind != IS_TTS || p.seen.n_samples > 4000);
	}
}

static void two_at_once(void)
{
	EACH_ENGINE(r, p, kind)
	{
		AUTO(rig) struct rig r = { 0 };
		struct piece p[2];

		CHECK_EQ(rig_make(&r, m_), 0);
		CHECK_EQ(start_piece(&p[0], &r, 1, kind), 0);
		CHECK_EQ(start_piece(&p[1], &r, 2, kind), 0);
		let_end(&p[1], &r);
		let_end(&p[0], &r);
		for (int i = 0; i < 2; i++) {
			CHECK(run_until_ended(&r, &p[i].seen));
			CHECK(!p[i].seen.offence);
		}
		CHECK(kind == IS_STT || p[0].seen.n_samples == p[1].seen.n_samples);
	}
}

/* What was cancelled may hold its decoder a moment longer: -EAGAIN until then. */
static int start_when_free(struct piece *p, struct rig *r, uint64_t ticket, enum kind kind)
{
	int e = start_piece(p, r, ticket, kind);

	for (unsigned ms = 0; e == -EAGAIN && ms < 10000; ms += 5) {
		loop_once(r->loop, 5);
		e = start_piece(p, r, ticket, kind);
	}
	return e;
}

/* Cancelled after `wait` turns of the loop: nothing follows, and the next one works. */
static void cancelled_any_time(void)
{
	EACH_ENGINE(r, p, kind)
	{
		AUTO(rig) struct rig r = { 0 };
		struct piece p;

		CHECK_EQ(rig_make(&r, m_), 0);
		for (unsigned wait = 0; wait < (in_a_hurry() ? 2 : 12); wait++) {
			CHECK_EQ(start_when_free(&p, &r, wait, kind), 0);
			if (wait % 2 && p.kind == IS_STT)
				r.e.stt_ops->settle(p.rig_and_handle[1]);
			for (unsigned i = 0; i < wait * wait && !p.seen.n_ended; i++)
				loop_once(r.loop, 0);
			if (!p.seen.n_ended) {
				p.seen.cancel(&p.seen);
				p.seen.closed = true;
			}
			let_pass(&r);
			CHECK(!p.seen.offence);
			CHECK(!p.seen.closed || p.seen.n_ended == 0);
		}
		CHECK_EQ(start_when_free(&p, &r, 99, kind), 0);
		let_end(&p, &r);
		CHECK(run_until_ended(&r, &p.seen));
	}
}

static void cancelled_from_inside_a_sink(void)
{
	EACH_ENGINE(r, p, kind)
	{
		for (int nth = 1; nth < (in_a_hurry() ? 2 : 4); nth++) {
			AUTO(rig) struct rig r = { 0 };
			struct piece p;

			if (nth > 1 && mem_failed())
				return;
			CHECK_EQ(rig_make(&r, m_), 0);
			CHECK_EQ(start_piece(&p, &r, 5, kind), 0);
			p.seen.cancel_in = nth;
			if (kind == IS_STT)
				for (int i = 0; i < 4; i++)
					r.e.stt_ops->settle(p.rig_and_handle[1]);
			for (int i = 0; i < 3000 && !p.seen.closed && !p.seen.n_ended; i++)
				loop_once(r.loop, 1);
			let_pass(&r);
			CHECK(!p.seen.offence);
			CHECK(p.seen.closed || p.seen.n_ended == 1);
		}
	}
}

static void freed_with_work_running(void)
{
	EACH_ENGINE(r, p, kind)
	{
		AUTO(rig) struct rig r = { 0 };
		struct piece p[2];

		CHECK_EQ(rig_make(&r, m_), 0);
		CHECK_EQ(start_piece(&p[0], &r, 1, kind), 0);
		CHECK_EQ(start_piece(&p[1], &r, 2, kind), 0);
		let_end(&p[1], &r);
		if (r.e.stt)
			r.e.stt_ops->free(r.e.stt);
		if (r.e.llm)
			r.e.llm_ops->free(r.e.llm);
		if (r.e.tts)
			r.e.tts_ops->free(r.e.tts);
		r.e = (struct engines){ 0 };
		p[0].seen.closed = p[1].seen.closed = true;
		let_pass(&r);
		CHECK(!p[0].seen.offence && !p[1].seen.offence);
	}
}

TESTS({ "ends_exactly_once", ends_exactly_once }, { "two_at_once", two_at_once },
      { "cancelled_any_time", cancelled_any_time },
      { "cancelled_from_inside_a_sink", cancelled_from_inside_a_sink },
      { "freed_with_work_running", freed_with_work_running })

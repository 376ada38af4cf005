#include "service/chain_tts.h"

#include "base/loop.h"
#include "base/test.h"

/* A voice at another rate that speaks for so many samples and then fails, or not. */
struct scripted {
	struct tts_job *job;
	struct loop *loop;
	const struct tts_sink *sink;
	void *owner;
	uint64_t ticket;
	size_t n;
	bool fails, hangs;
	int16_t value;
	unsigned n_started, n_cancelled;
	struct timer timer;
};

enum { OTHER_HZ = 24000 };

/* ops.h's tts and its job are whatever the engine says: here both are the script. */
static struct scripted *script_of(void *p)
{
	return p;
}

static void on_due(struct timer *t)
{
	struct scripted *s = CONTAINER_OF(t, struct scripted, timer);
	int16_t pcm[480];

	for (size_t i = 0; i < ARRAY_LEN(pcm); i++)
		pcm[i] = s->value;
	s->sink->on_word(s->owner, s->ticket, "word", 0, 100);
	for (size_t left = s->n, n; left && s->job; left -= n) {
		n = MIN(left, ARRAY_LEN(pcm));
		s->sink->on_audio(s->owner, s->ticket, pcm, n);
	}
	if (!s->job || s->hangs)
		return;
	s->job = NULL;
	if (s->fails)
		s->sink->on_error(s->owner, s->ticket, &(struct engine_error){ "broken", "It broke." });
	else
		s->sink->on_done(s->owner, s->ticket);
}

static int start(struct tts *e, struct tts_job **out, const char *text, const struct tts_params *p, struct loop *loop,
		 const struct tts_sink *sink, void *owner, uint64_t ticket)
{
	struct scripted *s = script_of(e);

	(void)text, (void)p;
	s->n_started++;
	s->loop = loop;
	s->sink = sink;
	s->owner = owner;
	s->ticket = ticket;
	s->timer.on_due = on_due;
	*out = s->job = (void *)s;
	return timer_set(loop, &s->timer, loop_now_us(loop));
}

static void cancel(struct tts_job *j)
{
	struct scripted *s = script_of(j);

	s->n_cancelled++;
	s->job = NULL;
	timer_stop(s->loop, &s->timer);
}

static void nothing(struct tts *e)
{
	(void)e;
}

static const struct tts_ops at_16 = { .name = "a", .rate_hz = 16000, .start = start, .cancel = cancel, .free = nothing };
static const struct tts_ops at_24 = { .name = "b", .rate_hz = OTHER_HZ, .start = start, .cancel = cancel, .free = nothing };

struct seen {
	int n_ended;
	bool failed;
	size_t n, n_words, n_of_second, cancel_at;
	const struct tts_ops *ops;
	struct tts_job *job;
};

static void on_audio(void *owner, uint64_t ticket, const int16_t *pcm, size_t n)
{
	struct seen *s = owner;

	(void)ticket;
	s->n += n;
	for (size_t i = 0; i < n; i++)
		s->n_of_second += pcm[i] > 1500;
	if (s->cancel_at && s->n >= s->cancel_at) {
		s->cancel_at = 0;
		s->ops->cancel(s->job);
	}
}

static void on_word(void *owner, uint64_t ticket, const char *word, size_t sample, size_t n)
{
	(void)ticket, (void)word, (void)sample, (void)n;
	((struct seen *)owner)->n_words++;
}

static void on_done(void *owner, uint64_t ticket)
{
	(void)ticket;
	((struct seen *)owner)->n_ended++;
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	(void)ticket, (void)e;
	((struct seen *)owner)->n_ended++;
	((struct seen *)owner)->failed = true;
}

static const struct tts_sink sink = { on_audio, on_word, on_done, on_error, NULL };

struct rig {
	struct loop *loop;
	struct scripted a, b;
	const struct tts_ops *ops;
	struct tts *tts;
	struct seen seen;
	struct health healths[2];
};

static void rig_auto_(struct rig *r)
{
	if (r->tts)
		r->ops->free(r->tts);
	timer_stop(r->loop, &r->a.timer);
	timer_stop(r->loop, &r->b.timer);
	loop_free(r->loop);
	for (size_t i = 0; i < ARRAY_LEN(r->healths); i++)
		health_done(&r->healths[i]);
}

static bool rig_open(struct rig *r)
{
	const struct chain_tts_member m[] = { { &at_16, (void *)&r->a, &r->healths[0], NULL },
					      { &at_24, (void *)&r->b, &r->healths[1], NULL } };

	for (size_t i = 0; i < ARRAY_LEN(r->healths); i++)
		health_init(&r->healths[i]);

	r->a.value = 1000;
	r->b.value = 2000;
	return loop_new(&r->loop, 0) == 0 && chain_tts_new(&r->tts, &r->ops, m, 2) == 0;
}

static bool speak(struct rig *r, size_t cancel_at)
{
	r->seen = (struct seen){ .ops = r->ops, .cancel_at = cancel_at };
	if (r->ops->start(r->tts, &r->seen.job, "text", NULL, r->loop, &sink, &r->seen, 9) != 0)
		return false;
	for (int i = 0; i < 50 && !r->seen.n_ended; i++)
		loop_once(r->loop, 0);
	return true;
}

static void the_next_one_goes_on_where_the_first_stopped(void)
{
	AUTO(rig) struct rig r = { 0 };

	GIVEN(rig_open(&r));
	r.a.n = 8000; /* half a second, then it breaks */
	r.a.fails = true;
	r.b.n = OTHER_HZ; /* one second */
	CHECK(speak(&r, 0));
	CHECK(r.seen.n_ended == 1 && !r.seen.failed);
	CHECK(r.seen.n > 15900 && r.seen.n < 16100);
	CHECK(r.seen.n_of_second > 7900 && r.seen.n_of_second < 8100);
	CHECK_EQ(r.seen.n_words, 1);
	struct health_view v[2];
	for (size_t i = 0; i < 2; i++)
		health_view(&r.healths[i], loop_now_us(r.loop), &v[i]);
	CHECK(v[0].resting && !v[1].resting);
	CHECK(speak(&r, 0));
	CHECK_EQ(r.a.n_started, 1);
	CHECK(r.seen.n > 15900 && r.seen.n < 16100);
}

static void when_none_is_left_it_fails(void)
{
	AUTO(rig) struct rig r = { 0 };

	GIVEN(rig_open(&r));
	r.a.fails = r.b.fails = true;
	CHECK(speak(&r, 0));
	CHECK(r.seen.failed && r.seen.n_ended == 1);
	CHECK(r.a.n_started == 1 && r.b.n_started == 1);
}

/* Cancelled inside the sink, also in what the resampler holds back at the end. */
static void may_be_cancelled_anywhere(void)
{
	AUTO(rig) struct rig r = { 0 };

	GIVEN(rig_open(&r));
	r.a.fails = true;
	r.b.n = OTHER_HZ;
	for (size_t at = 100; at < 16000; at += 3000) {
		CHECK(speak(&r, at));
		CHECK(!r.seen.n_ended && r.seen.n >= at);
	}
	CHECK(speak(&r, 15990));
	CHECK(!r.seen.n_ended || r.seen.cancel_at);
}

static void freed_while_one_speaks(void)
{
	AUTO(rig) struct rig r = { 0 };

	GIVEN(rig_open(&r));
	r.a.hangs = true;
	CHECK(speak(&r, 0));
	r.ops->free(r.tts);
	r.tts = NULL;
	CHECK(!r.seen.n_ended);
	CHECK_EQ(r.a.n_cancelled, 1);
}

TESTS({ "the_next_one_goes_on_where_the_first_stopped", the_next_one_goes_on_where_the_first_stopped },
      { "when_none_is_left_it_fails", when_none_is_left_it_fails },
      { "may_be_cancelled_anywhere", may_be_cancelled_anywhere }, { "freed_while_one_speaks", freed_while_one_speaks })

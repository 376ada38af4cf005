#include "service/chain_stt.h"

#include <errno.h>

#include "base/loop.h"
#include "base/test.h"
#include "engine/fake.h"

struct rig {
	struct loop *loop;
	struct health healths[3];
	struct fake *fakes[3];
	const struct stt_ops *ops;
	struct stt *stt;
};

struct seen {
	int n_partials, n_settled, n_ended;
	bool failed;
	char text[128];
};

static void on_partial(void *owner, uint64_t ticket, const char *text)
{
	(void)ticket, (void)text;
	((struct seen *)owner)->n_partials++;
}

static void on_settled(void *owner, uint64_t ticket, const char *text)
{
	struct seen *s = owner;

	(void)ticket;
	s->n_settled++;
	snprintf(s->text, sizeof(s->text), "%s", text);
}

static void on_final(void *owner, uint64_t ticket, const char *text)
{
	on_settled(owner, ticket, text);
	((struct seen *)owner)->n_settled--;
	((struct seen *)owner)->n_ended++;
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	on_final(owner, ticket, e->code);
	((struct seen *)owner)->failed = true;
}

static const struct stt_sink sink = { on_partial, on_settled, on_final, on_error };

static void rig_auto_(struct rig *r)
{
	if (r->stt)
		r->ops->free(r->stt);
	for (size_t i = 0; i < ARRAY_LEN(r->fakes); i++) {
		fake_free(r->fakes[i]);
		health_done(&r->healths[i]);
	}
	loop_free(r->loop);
}

static bool rig_open(struct rig *r, size_t n)
{
	struct chain_stt_member m[3] = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(r->healths); i++)
		health_init(&r->healths[i]);
	if (loop_new(&r->loop, 0) != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct engines e = { 0 };

		if (fake_new(&r->fakes[i]) != 0)
			return false;
		fake_engines(r->fakes[i], &e);
		m[i] = (struct chain_stt_member){ e.stt_ops, e.stt, &r->healths[i], NULL };
	}
	return chain_stt_new(&r->stt, &r->ops, m, n) == 0;
}

static bool rests(struct rig *r, size_t i)
{
	struct health_view v;

	health_view(&r->healths[i], loop_now_us(r->loop), &v);
	return v.resting;
}

static bool begin(struct rig *r, struct seen *s, struct stt_turn **t)
{
	static const int16_t pcm[STT_RATE_HZ];

	*s = (struct seen){ 0 };
	if (r->ops->begin(r->stt, t, NULL, r->loop, &sink, s, 3) != 0)
		return false;
	r->ops->push(*t, pcm, ARRAY_LEN(pcm));
	return true;
}

static bool turn_until(struct rig *r, const int *n, int wanted)
{
	for (int i = 0; i < (mem_failed() ? 60 : 5000) && *n < wanted; i++)
		loop_once(r->loop, 1);
	return *n >= wanted;
}

static void the_next_one_hears_it_from_the_beginning(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct seen s;
	struct stt_turn *t;

	GIVEN(rig_open(&r, 3));
	CHECK_EQ(fake_hear_error(r.fakes[0], "broken"), 0);
	CHECK_EQ(fake_hear_error(r.fakes[1], "broken"), 0);
	CHECK_EQ(fake_hear(r.fakes[2], "third time lucky"), 0);
	CHECK(begin(&r, &s, &t));
	r.ops->settle(t);
	CHECK(turn_until(&r, &s.n_settled, 1));
	r.ops->end(t); /* now the first two say that they are broken */
	CHECK(turn_until(&r, &s.n_ended, 1));
	CHECK(!s.failed);
	CHECK_STR(s.text, "third time lucky");
	CHECK_EQ(fake_heard(r.fakes[2]), STT_RATE_HZ);
	CHECK(rests(&r, 0) && rests(&r, 1) && !rests(&r, 2));
	/* They are not asked for a while. */
	size_t heard = fake_heard(r.fakes[0]) + fake_heard(r.fakes[1]);
	CHECK(begin(&r, &s, &t));
	r.ops->end(t);
	CHECK(turn_until(&r, &s.n_ended, 1));
	CHECK_EQ(fake_heard(r.fakes[0]) + fake_heard(r.fakes[1]), heard);
	CHECK_EQ(fake_heard(r.fakes[2]), 2 * STT_RATE_HZ);
}

static void when_none_is_left_it_fails(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct seen s;
	struct stt_turn *t;

	GIVEN(rig_open(&r, 2));
	CHECK_EQ(fake_hear_error(r.fakes[0], "first"), 0);
	CHECK_EQ(fake_hear_error(r.fakes[1], "second"), 0);
	CHECK(begin(&r, &s, &t));
	r.ops->end(t);
	CHECK(turn_until(&r, &s.n_ended, 1));
	CHECK(s.failed);
	CHECK_STR(s.text, "second");
}

static void one_that_is_busy_is_passed_over(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct seen s;
	struct stt_turn *t;

	GIVEN(rig_open(&r, 2));
	fake_stt_busy(r.fakes[0], true);
	CHECK(begin(&r, &s, &t));
	r.ops->end(t);
	CHECK(turn_until(&r, &s.n_ended, 1));
	CHECK_EQ(fake_heard(r.fakes[1]), STT_RATE_HZ);
	CHECK(!rests(&r, 0) && !rests(&r, 1)); /* that is no fault */
	fake_stt_busy(r.fakes[1], true);
	CHECK_EQ(r.ops->begin(r.stt, &t, NULL, r.loop, &sink, &s, 4), -EAGAIN);
	/* In the middle it is waited for. */
	fake_stt_busy(r.fakes[1], false);
	CHECK_EQ(fake_hear_error(r.fakes[1], "broken"), 0);
	CHECK(begin(&r, &s, &t));
	r.ops->end(t);
	for (int i = 0; i < 30; i++)
		loop_once(r.loop, 1);
	CHECK_EQ(s.n_ended, 0);
	fake_stt_busy(r.fakes[0], false);
	CHECK(turn_until(&r, &s.n_ended, 1));
	CHECK(!s.failed);
}

static void caps_are_those_of_all(void)
{
	AUTO(rig) struct rig r = { 0 };

	CHECK(rig_open(&r, 2));
	CHECK_EQ(r.ops->caps, STT_PARTIALS);
	CHECK_STR(r.ops->name, fake_stt_ops.name);
}

TESTS({ "the_next_one_hears_it_from_the_beginning", the_next_one_hears_it_from_the_beginning },
      { "when_none_is_left_it_fails", when_none_is_left_it_fails },
      { "one_that_is_busy_is_passed_over", one_that_is_busy_is_passed_over },
      { "caps_are_those_of_all", caps_are_those_of_all })

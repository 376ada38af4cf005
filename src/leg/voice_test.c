#include "leg/voice.h"
#include "base/test.h"

#include <math.h>

/* What comes out of one voice goes into another: speech, coded and decoded. */
struct pair {
	struct env_fake clock;
	struct voice *a, *b;
	uint16_t seq;
	size_t heard, packets, drop_every, started, drained;
	double energy;
};

static void carry(void *owner, struct bytes payload, uint32_t ts, bool marker)
{
	struct pair *p = owner;
	struct voice_packet in = { 7, ts, p->seq++, payload };

	(void)marker;
	p->packets++;
	if (p->drop_every && p->packets % p->drop_every == 0)
		return;
	if (voice_input(p->b, &in, p->clock.now_us) != 0)
		p->energy = -1e9;
}

static void sum(void *owner, const struct frame *f, uint64_t now_us)
{
	struct pair *p = owner;

	(void)now_us;
	p->heard += f->n;
	for (size_t i = 0; i < f->n; i++)
		p->energy += (double)f->pcm[i] * f->pcm[i];
}

static void note(void *owner, uint64_t tag, enum leg_playout what, uint64_t now_us)
{
	struct pair *p = owner;

	(void)tag, (void)now_us;
	if (what == LEG_STARTED)
		p->started++;
	else
		p->drained++;
}

static const struct voice_ops ops = { carry, sum, note };

static void pair_auto_(struct pair *p)
{
	voice_free(p->a);
	voice_free(p->b);
}

static int pair_init(struct pair *p, enum voice_codec c)
{
	env_fake_init(&p->clock, 3);
	int r = voice_new(&p->a, &p->clock.env, &ops, p);
	if (r == 0)
		r = voice_new(&p->b, &p->clock.env, &ops, p);
	if (r == 0) {
		voice_set_codec(p->a, c);
		voice_set_codec(p->b, c);
	}
	return r;
}

static int say_one_second(struct pair *p, uint64_t tag)
{
	static int16_t tone[VOICE_RATE_HZ];

	for (size_t i = 0; i < ARRAY_LEN(tone); i++)
		tone[i] = (int16_t)(8000 * sin((double)i * 2 * 3.14159265 * 440 / VOICE_RATE_HZ));
	return voice_push(p->a, tag, tone, ARRAY_LEN(tone));
}

static int run_ms(struct pair *p, unsigned ms)
{
	int r = 0;

	for (unsigned i = 0; i < ms && r == 0; i++) {
		r = voice_on_time(p->a, p->clock.now_us);
		if (r == 0)
			r = voice_on_time(p->b, p->clock.now_us);
		env_fake_advance(&p->clock, US_PER_MS);
	}
	return r;
}

static void a_second_arrives(enum voice_codec c, size_t drop_every)
{
	AUTO(pair) struct pair p = { .drop_every = drop_every };

	CHECK_EQ(pair_init(&p, c), 0);
	CHECK_EQ(voice_next_us(p.a), UINT64_MAX); /* nothing is sent while nobody speaks */
	CHECK_EQ(say_one_second(&p, 5), 0);
	CHECK_EQ(run_ms(&p, 1300), 0);
	CHECK_EQ(voice_played(p.a, 5), VOICE_RATE_HZ);
	CHECK(p.packets == 50 || p.packets == 51);
	CHECK(p.heard > 15000);
	/* Loud for most of it: 8000 peak is 3.2e7 a sample. */
	CHECK(p.energy > 3.2e7 * 16000 * 0.6);
	CHECK_EQ(p.started, 1);
	CHECK_EQ(p.drained, 1);
	size_t sent = p.packets;
	CHECK_EQ(run_ms(&p, 300), 0);
	CHECK_EQ(p.packets, sent);
}

static void opus(void)
{
	a_second_arrives(VOICE_OPUS, 0);
}

static void opus_with_loss(void)
{
	a_second_arrives(VOICE_OPUS, 10);
}

static void pcmu(void)
{
	a_second_arrives(VOICE_PCMU, 0);
}

static void pcma_with_loss(void)
{
	a_second_arrives(VOICE_PCMA, 10);
}

static void clear_stops_at_once(void)
{
	AUTO(pair) struct pair p = { 0 };

	CHECK_EQ(pair_init(&p, VOICE_OPUS), 0);
	CHECK_EQ(say_one_second(&p, 5), 0);
	CHECK_EQ(run_ms(&p, 200), 0);
	uint64_t played = voice_clear(p.a, 5);
	CHECK(played >= VOICE_RATE_HZ / 5 && played <= VOICE_RATE_HZ / 4);
	size_t sent = p.packets;
	CHECK_EQ(run_ms(&p, 200), 0);
	CHECK(p.packets <= sent + 1);
	CHECK_EQ(p.drained, 0);
	CHECK_EQ(voice_played(p.a, 5), played);
}

TESTS({ "opus", opus }, { "opus_with_loss", opus_with_loss }, { "pcmu", pcmu },
      { "pcma_with_loss", pcma_with_loss }, { "clear_stops_at_once", clear_stops_at_once })

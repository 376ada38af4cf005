#include "engine/tts_flite.h"

#include "base/loop.h"
#include "base/pool.h"
#include "base/test.h"

enum { LONGEST = 16000 * 20 };

struct rig {
	struct loop *loop;
	struct pool *pool;
	struct tts *tts;
	int16_t pcm[LONGEST];
	size_t n, last_word, n_words, last_viseme, n_visemes;
	struct buf words;
	bool ended, late_word;
};

static void on_audio(void *owner, uint64_t ticket, const int16_t *pcm, size_t n)
{
	struct rig *r = owner;

	(void)ticket;
	n = MIN(n, LONGEST - r->n);
	memcpy(r->pcm + r->n, pcm, n * sizeof(*pcm));
	r->n += n;
}

static void on_word(void *owner, uint64_t ticket, const char *word, size_t sample, size_t n)
{
	struct rig *r = owner;

	(void)ticket;
	(void)n;
	r->late_word = r->late_word || sample < r->n || sample < r->last_word;
	r->last_word = sample;
	if (r->n_words++)
		buf_putc(&r->words, ' ');
	buf_puts(&r->words, word);
}

static void on_done(void *owner, uint64_t ticket)
{
	(void)ticket;
	((struct rig *)owner)->ended = true;
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	(void)e;
	on_done(owner, ticket);
}

static void on_viseme(void *owner, uint64_t ticket, unsigned viseme, size_t sample)
{
	struct rig *r = owner;

	(void)ticket;
	r->late_word = r->late_word || sample < r->n || sample < r->last_viseme || viseme > 21;
	r->last_viseme = sample;
	r->n_visemes++;
}

static const struct tts_sink sink = { on_audio, on_word, on_done, on_error, on_viseme };

static void rig_free(struct rig *r)
{
	if (!r)
		return;
	if (r->tts)
		tts_flite_ops.free(r->tts);
	pool_free(r->pool);
	loop_free(r->loop);
	buf_done(&r->words);
	mem_free(r);
}
AUTO_DEF(rig)

static struct rig *rig_new(void)
{
	struct rig *r = mem_zalloc(sizeof(*r));

	if (r && loop_new(&r->loop, 0) == 0 && pool_new(&r->pool, POOL_TURN, 2) == 0 &&
	    tts_flite_new(&r->tts, r->pool) == 0)
		return r;
	rig_free(r);
	return NULL;
}

static bool speak(struct rig *r, const char *text, const char *voice, double speed)
{
	struct tts_params p = { .voice = voice, .speed = speed, .visemes = true };
	struct tts_job *j;

	r->n = r->n_words = r->last_word = r->n_visemes = r->last_viseme = 0;
	r->ended = r->late_word = false;
	buf_reset(&r->words);
	if (tts_flite_ops.start(r->tts, &j, text, &p, r->loop, &sink, r, 1) != 0)
		return false;
	for (int i = 0; i < 5000 && !r->ended; i++)
		loop_once(r->loop, 1);
	return r->ended;
}

/* Where it becomes loud first and last. */
static size_t loud_at(const struct rig *r, int step)
{
	size_t i = step > 0 ? 0 : r->n - 1;

	while (i < r->n && r->pcm[i] < 400 && r->pcm[i] > -400)
		i += (size_t)step;
	return i;
}

static void starts_and_ends_with_sound(void)
{
	AUTO(rig) struct rig *r = rig_new();

	CHECK(r);
	for (const struct tts_voice *v = tts_flite_ops.voices; v->name; v++) {
		CHECK(speak(r, "Annual leave is twenty days.", v->name, 1.0));
		CHECK(r->n > 16000);
		CHECK(loud_at(r, 1) < 1600);
		/* 100 ms of silence after the stop, no more than a little beyond. */
		CHECK(r->n - loud_at(r, -1) >= 1600 && r->n - loud_at(r, -1) < 4000);
		CHECK(!r->late_word);
		CHECK(r->n_visemes > 15 && r->last_viseme < r->n); /* "Annual leave is …": 20 phones */
	}
	CHECK(speak(r, "Annual leave is twenty days", "alloy", 1.0));
	CHECK(r->n - loud_at(r, -1) < 2400);
}

static void announces_the_words_as_written(void)
{
	static const char text[] = "See \xc2\xa7""3 \xe2\x80\x94 it\xe2\x80\x99s 5\xe2\x80\x93""10 km, e.g. here.";
	AUTO(rig) struct rig *r = rig_new();

	CHECK(r);
	CHECK(speak(r, text, NULL, 0));
	CHECK_STR((const char *)r->words.p, text);
	CHECK(r->last_word < r->n);
	CHECK(!r->late_word);
}

static void keeps_the_pace_asked_for(void)
{
	AUTO(rig) struct rig *r = rig_new();

	CHECK(r);
	CHECK(speak(r, "Annual leave is twenty days.", "nobody", 1.0));
	size_t usual = r->n;
	CHECK(speak(r, "Annual leave is twenty days.", "alloy", 1.0));
	CHECK_EQ(r->n, usual); /* an unknown name is alloy */
	CHECK(speak(r, "Annual leave is twenty days.", "alloy", 1.5));
	CHECK(r->n < usual * 8 / 10);
	CHECK(speak(r, "Annual leave is twenty days.", "alloy", 0.5));
	CHECK(r->n > usual * 16 / 10);
}

static void says_nothing_of_nothing(void)
{
	static const char *const silent[] = { "", " ", "...", "\xe2\x80\x94", "\xff\xfe" };
	AUTO(rig) struct rig *r = rig_new();

	CHECK(r);
	for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
		CHECK(speak(r, silent[i], "echo", 1.0));
		CHECK_EQ(r->n, 0);
	}
}

TESTS({ "starts_and_ends_with_sound", starts_and_ends_with_sound },
      { "announces_the_words_as_written", announces_the_words_as_written },
      { "keeps_the_pace_asked_for", keeps_the_pace_asked_for },
      { "says_nothing_of_nothing", says_nothing_of_nothing })

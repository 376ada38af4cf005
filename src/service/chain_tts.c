#include "service/chain_tts.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/meter.h"
#include "service/chain.h"
#include "media/resample.h"

struct tts {
	struct tts_ops ops;
	struct chain chain;
	struct chain_tts_member members[CHAIN_MAX];
	struct bill bills[CHAIN_MAX];
	pthread_mutex_t lock; /* jobs */
	struct list jobs;
};

/* A clause. Touched by its loop only. */
struct tts_job {
	struct node node;
	struct tts *engine;
	char *text, *voice, *language;
	struct tts_params params;
	struct loop *loop;
	const struct tts_sink *sink;
	void *owner;
	uint64_t ticket;

	unsigned tried; /* members asked in vain */
	size_t member;
	struct tts_job *inner; /* of that member */
	uint64_t round;        /* its ticket     */
	struct resample *rate; /* from its rate; NULL: the same */
	struct timer patience; /* until its first sound */
	size_t given;          /* samples that the sink has */
	size_t made;           /* samples of this member, at the chain's rate */
	struct buf samples;
	bool *gone; /* told when it is cancelled inside a call of the sink; or NULL */
};

static const struct chain_tts_member *member_of(const struct tts_job *j)
{
	return &j->engine->members[j->member];
}

static void stop(struct tts_job *j)
{
	timer_stop(j->loop, &j->patience);
	if (j->inner)
		member_of(j)->ops->cancel(j->inner);
	j->inner = NULL;
	resample_free(j->rate);
	j->rate = NULL;
}

static void job_free(struct tts_job *j)
{
	stop(j);
	pthread_mutex_lock(&j->engine->lock);
	node_unlink(&j->node);
	pthread_mutex_unlock(&j->engine->lock);
	buf_done(&j->samples);
	mem_free(j->text);
	mem_free(j->voice);
	mem_free(j->language);
	mem_free(j);
}

static void end(struct tts_job *j, const struct engine_error *e)
{
	const struct tts_sink *sink = j->sink;
	void *owner = j->owner;
	uint64_t ticket = j->ticket;

	job_free(j);
	if (e)
		sink->on_error(owner, ticket, e);
	else
		sink->on_done(owner, ticket);
}

static const struct engine_error no_memory = { "engine_unavailable", "The server is out of memory." };

static void count_failure(const struct tts_job *j, const struct engine_error *e);

/* --- from one to the next ------------------------------------------------------------------------ */

static const struct tts_sink inner_sink;

/* The next one that can be started; false: none is left. */
static bool start_next(struct tts_job *j)
{
	struct tts *e = j->engine;

	for (size_t i; (i = chain_pick(&e->chain, j->tried, loop_now_us(j->loop))) < e->chain.n;) {
		const struct chain_tts_member *m = &e->members[i];

		j->member = i;
		j->tried |= BIT(i);
		j->made = 0;
		if (m->ops->rate_hz != e->ops.rate_hz &&
		    resample_new(&j->rate, m->ops->rate_hz, e->ops.rate_hz) != 0)
			return false;
		if (m->ops->start(m->tts, &j->inner, j->text, &j->params, j->loop, &inner_sink, j, ++j->round) == 0) {
			uint64_t at = loop_now_us(j->loop) + CHAIN_TTS_FIRST_US;

			meter_add(e->bills[i].meter, METER_REQUESTS, 1);

			/* Without a timer it may take longer, then. */
			if (j->tried != BIT(e->chain.n) - 1)
				(void)!timer_set(j->loop, &j->patience, at);
			return true;
		}
		j->inner = NULL;
		stop(j);
		health_failed(m->health, loop_now_us(j->loop), 0);
	}
	return false;
}

static void failed(struct tts_job *j, const struct engine_error *e)
{
	const struct chain_tts_member *m = member_of(j);

	stop(j);
	count_failure(j, e);
	health_failed(m->health, loop_now_us(j->loop), m->rest_ms ? m->rest_ms(m->tts) : 0);
	if (!start_next(j))
		end(j, e);
}

static void on_impatient(struct timer *t)
{
	static const struct engine_error slow = { "engine_unavailable", "The voice does not answer." };

	failed(CONTAINER_OF(t, struct tts_job, patience), &slow);
}

/* --- what the member says --------------------------------------------------------------------------- */

static struct tts_job *job_of(void *owner, uint64_t round)
{
	struct tts_job *j = owner;

	return j->inner && j->round == round ? j : NULL;
}

static size_t at_our_rate(const struct tts_job *j, size_t samples)
{
	return samples * j->engine->ops.rate_hz / member_of(j)->ops->rate_hz;
}

/* All but what another one has said before. The sink may cancel the job inside. */
static void give(struct tts_job *j, const int16_t *pcm, size_t n)
{
	size_t skip = j->given > j->made ? MIN(n, j->given - j->made) : 0;

	j->made += n;
	if (n == skip)
		return;
	j->given += n - skip;
	j->sink->on_audio(j->owner, j->ticket, pcm + skip, n - skip);
}

/* Room for what comes of n samples (of 0: of the flush); NULL: no memory. */
static int16_t *room_for(struct tts_job *j, size_t n)
{
	buf_reset(&j->samples);
	return buf_reserve(&j->samples, (resample_bound(j->rate, n) + 1) * sizeof(int16_t));
}

static void on_audio(void *owner, uint64_t round, const int16_t *pcm, size_t n)
{
	struct tts_job *j = job_of(owner, round);

	if (!j || !n)
		return;
	timer_stop(j->loop, &j->patience);
	if (!j->rate) {
		give(j, pcm, n);
		return;
	}
	int16_t *to = room_for(j, n);
	if (to)
		give(j, to, resample_push(j->rate, pcm, n, to));
	else
		end(j, &no_memory);
}

static void on_word(void *owner, uint64_t round, const char *word, size_t sample, size_t n)
{
	struct tts_job *j = job_of(owner, round);

	/* What the one before has said needs no caption again. */
	if (j && at_our_rate(j, sample) >= (j->given > j->made ? j->given : 0))
		j->sink->on_word(j->owner, j->ticket, word, at_our_rate(j, sample), at_our_rate(j, n));
}

static void on_viseme(void *owner, uint64_t round, unsigned viseme, size_t sample)
{
	struct tts_job *j = job_of(owner, round);

	if (j && j->sink->on_viseme && at_our_rate(j, sample) >= (j->given > j->made ? j->given : 0))
		j->sink->on_viseme(j->owner, j->ticket, viseme, at_our_rate(j, sample));
}

/* What the resampler holds back. false: the sink has cancelled the job. */
static bool give_rest(struct tts_job *j)
{
	int16_t *to = j->rate ? room_for(j, 0) : NULL;
	bool gone = false;

	if (!to)
		return true;
	j->gone = &gone;
	give(j, to, resample_flush(j->rate, to));
	if (!gone)
		j->gone = NULL;
	return !gone;
}

static void on_done(void *owner, uint64_t round)
{
	struct tts_job *j = job_of(owner, round);

	if (!j)
		return;
	j->inner = NULL;
	health_well(member_of(j)->health);
	if (give_rest(j))
		end(j, NULL);
}

static void on_error(void *owner, uint64_t round, const struct engine_error *e)
{
	struct tts_job *j = job_of(owner, round);

	if (!j)
		return;
	j->inner = NULL;
	failed(j, e);
}

static const struct tts_sink inner_sink = { on_audio, on_word, on_done, on_error, on_viseme };

/* --- the caller's side ----------------------------------------------------------------------------------- */

static bool copy(char **to, const char *from)
{
	*to = from ? mem_strdup(from) : NULL;
	return *to || !from;
}

static int chain_start(struct tts *e, struct tts_job **out, const char *text, const struct tts_params *p,
		       struct loop *loop, const struct tts_sink *sink, void *owner, uint64_t ticket)
{
	struct tts_job *j = mem_zalloc(sizeof(*j));

	if (!j)
		return -ENOMEM;
	j->engine = e;
	j->loop = loop;
	j->sink = sink;
	j->owner = owner;
	j->ticket = ticket;
	j->patience.on_due = on_impatient;
	if (p)
		j->params = *p;
	bool ok = copy(&j->text, text) && copy(&j->voice, p ? p->voice : NULL) &&
		  copy(&j->language, p ? p->language : NULL);
	j->params.voice = j->voice;
	j->params.language = j->language;
	pthread_mutex_lock(&e->lock);
	list_push(&e->jobs, &j->node);
	pthread_mutex_unlock(&e->lock);
	if (!ok || !start_next(j)) {
		job_free(j);
		return ok ? -EIO : -ENOMEM;
	}
	*out = j;
	return 0;
}

static void chain_cancel(struct tts_job *j)
{
	if (j->gone)
		*j->gone = true;
	job_free(j);
}

static void chain_free(struct tts *e)
{
	struct node *n;

	if (!e)
		return;
	while ((n = list_first(&e->jobs)))
		job_free(CONTAINER_OF(n, struct tts_job, node));
	for (size_t i = 0; i < e->chain.n; i++)
		e->members[i].ops->free(e->members[i].tts);
	pthread_mutex_destroy(&e->lock);
	mem_free(e);
}

void chain_tts_bill(struct tts *e, size_t i, struct bill bill)
{
	e->bills[i] = bill;
}

static struct bill chain_bill(const struct tts_job *j)
{
	return j->engine->bills[j->member];
}

static void count_failure(const struct tts_job *j, const struct engine_error *e)
{
	struct meter *m = chain_bill(j).meter;

	meter_add(m, METER_ERRORS, 1);
	meter_add(m, METER_LIMITED, strcmp(e->code, "rate_limit_exceeded") == 0);
	meter_add(m, METER_FAILOVERS, j->tried != BIT(j->engine->chain.n) - 1);
}

int chain_tts_new(struct tts **out, const struct tts_ops **ops, const struct chain_tts_member *m, size_t n)
{
	struct tts *e = mem_zalloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	memcpy(e->members, m, n * sizeof(*m));
	e->ops = (struct tts_ops){ .name = m[0].ops->name, .rate_hz = m[0].ops->rate_hz, .voices = m[0].ops->voices,
				   .start = chain_start, .cancel = chain_cancel, .bill = chain_bill, .free = chain_free };
	e->chain.n = n;
	for (size_t i = 0; i < n; i++)
		e->chain.of[i] = m[i].health;
	pthread_mutex_init(&e->lock, NULL);
	list_init(&e->jobs);
	*out = e;
	*ops = &e->ops;
	return 0;
}

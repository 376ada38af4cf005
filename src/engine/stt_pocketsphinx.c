#include "engine/stt_pocketsphinx.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/ring.h"
#include "engine/psdecoder.h"
#include "engine/relay.h"

LOG_TOPIC("stt");

enum {
	RING_LOG2 = 19,	  /* 32.8 s */
	BLOCK = STT_RATE_HZ / 50,
	PARTIAL_EVERY = STT_RATE_HZ / 5,
	DECODERS_MAX = 64,
};

enum state {
	DECODER_FREE,	/* begin() may take it                   */
	DECODER_LEASED,	/* until its thread gives it back        */
};

struct decoder {
	struct stt *engine;
	pthread_t thread;
	sem_t wake;
	atomic_int state;
	atomic_bool built;                   /* once, though perhaps in vain: no model */
	_Atomic(struct stt_turn *) turn;     /* what to work on, or NULL    */
	_Atomic(struct psdecoder *) fresh;   /* built, to be swapped in     */
	atomic_uint generation;              /* of what was built last      */
	struct psdecoder *ps;                /* its thread's                */
};

struct stt_turn {
	struct relay relay;
	struct ring *pcm;
	struct decoder *decoder;
	atomic_uint n_settle; /* settle() calls not answered yet */
	atomic_bool ending, overflow;
};

struct stt {
	struct relay_set set;
	struct decoder *decoders;
	unsigned n_decoders, n_threads;
	atomic_bool closing;

	pthread_t builder;
	bool has_builder;
	sem_t build;
	pthread_mutex_t lock; /* the vocabulary */
	char *model_dir, *extra_dict, *extra_lm;
	atomic_uint generation;
};

/* --- to the sink ------------------------------------------------------------------- */

static const struct stt_sink *sink_of(const struct relay *r)
{
	return r->sink;
}

static void deliver_partial(struct relay *r, void *payload)
{
	sink_of(r)->on_partial(r->owner, r->ticket, payload);
}

static void deliver_settled(struct relay *r, void *payload)
{
	sink_of(r)->on_settled(r->owner, r->ticket, payload);
}

static void deliver_final(struct relay *r, void *payload)
{
	sink_of(r)->on_final(r->owner, r->ticket, payload);
}

static void on_lost(struct relay *r)
{
	sink_of(r)->on_error(r->owner, r->ticket, &relay_no_memory);
}

static void deliver_overflow(struct relay *r, void *payload)
{
	static const struct engine_error e = {
		"engine_busy", "Recognition is more than 30 seconds behind; this turn was given up."
	};

	(void)payload;
	sink_of(r)->on_error(r->owner, r->ticket, &e);
}

static void deliver_no_model(struct relay *r, void *payload)
{
	static const struct engine_error e = {
		"engine_unavailable",
		"The speech model is missing or unreadable. Install it with: "
		"apt-get install pocketsphinx-en-us"
	};

	(void)payload;
	sink_of(r)->on_error(r->owner, r->ticket, &e);
}

static void send_text(struct stt_turn *t, enum relay_order o,
		      void (*deliver)(struct relay *r, void *payload), const char *text)
{
	relay_send(&t->relay, o, deliver, text, strlen(text) + 1);
}

/* --- a decoder's thread ---------------------------------------------------------------- */

/* What one turn has come to. */
struct progress {
	size_t since_partial;
	char *shown; /* the last partial, or NULL */
};

static void show_partial(struct decoder *d, struct stt_turn *t, struct progress *p)
{
	const char *text = psdecoder_text(d->ps);

	p->since_partial = 0;
	if (!*text || (p->shown && strcmp(p->shown, text) == 0))
		return;
	char *copy = mem_strdup(text);
	if (!copy)
		return; /* a partial less */
	mem_free(p->shown);
	p->shown = copy;
	send_text(t, RELAY_MORE, deliver_partial, text);
}

/* Feeds what is in the ring; false: the turn has been cancelled. */
static bool feed(struct decoder *d, struct stt_turn *t, struct progress *p)
{
	int16_t block[BLOCK];
	size_t n;

	while ((n = ring_pull(t->pcm, block, BLOCK)) > 0) {
		if (relay_cancelled(&t->relay) || atomic_load(&d->engine->closing))
			return false;
		psdecoder_push(d->ps, block, n);
		p->since_partial += n;
		if (p->since_partial >= PARTIAL_EVERY)
			show_partial(d, t, p);
	}
	return true;
}

/* Everything of a turn until it is over; the completion is left to the caller. */
static void listen(struct decoder *d, struct stt_turn *t)
{
	struct progress p = { 0 };

	for (;;) {
		/* Read before the ring is emptied: they answer for what was pushed before them. */
		bool ending = atomic_load(&t->ending), lost = atomic_load(&t->overflow);
		unsigned settle = atomic_exchange(&t->n_settle, 0);

		if (relay_cancelled(&t->relay) || atomic_load(&d->engine->closing) || lost ||
		    !feed(d, t, &p))
			break;
		for (; settle > 0; settle--)
			send_text(t, RELAY_MORE, deliver_settled, psdecoder_text(d->ps));
		if (ending)
			break;
		while (sem_wait(&d->wake) != 0 && errno == EINTR)
			;
	}
	mem_free(p.shown);
}

static void give_back(struct decoder *d)
{
	atomic_store(&d->turn, NULL);
	atomic_store(&d->state, DECODER_FREE);
}

static void complete(struct decoder *d, struct stt_turn *t)
{
	AUTO(mem) char *text = NULL;

	if (!d->ps) {
		give_back(d);
		relay_send(&t->relay, RELAY_LAST, deliver_no_model, NULL, 0);
		return;
	}
	bool wanted = atomic_load(&t->ending) && !atomic_load(&t->overflow) &&
		      !relay_cancelled(&t->relay);
	const char *said = psdecoder_end(d->ps, wanted ? PSDECODER_FINAL : PSDECODER_DROP);
	text = wanted ? mem_strdup(said) : NULL;
	/* Free before the caller hears of it, so that it can begin again at once. */
	give_back(d);
	if (atomic_load(&t->overflow))
		relay_send(&t->relay, RELAY_LAST, deliver_overflow, NULL, 0);
	else if (wanted && !text)
		relay_lose(&t->relay);
	else if (wanted)
		send_text(t, RELAY_LAST, deliver_final, text);
}

static void swap_fresh(struct decoder *d)
{
	struct psdecoder *fresh = atomic_exchange(&d->fresh, NULL);

	if (!fresh)
		return;
	psdecoder_free(d->ps);
	d->ps = fresh;
}

static void *decoder_main(void *arg)
{
	struct decoder *d = arg;

	thread_set_name("stt");
	thread_lower_priority(POOL_TURN);
	while (!atomic_load(&d->engine->closing)) {
		struct stt_turn *t = atomic_load(&d->turn);
		bool built = atomic_load(&d->built); /* before the swap, which then finds it */

		swap_fresh(d);
		if (!t || (!built && !relay_cancelled(&t->relay))) {
			sem_wait(&d->wake);
			continue;
		}
		if (d->ps) {
			psdecoder_begin(d->ps);
			listen(d, t);
		}
		complete(d, t);
		relay_release(&t->relay);
	}
	/* A lease that came with the end. */
	struct stt_turn *t = atomic_exchange(&d->turn, NULL);
	if (t)
		relay_release(&t->relay);
	return NULL;
}

/* --- the builder's thread ------------------------------------------------------------------ */

/* A decoder with the present vocabulary; NULL: no model or no memory. */
static struct psdecoder *build(struct stt *e, unsigned *generation)
{
	pthread_mutex_lock(&e->lock);
	*generation = atomic_load(&e->generation);
	AUTO(mem) char *dir = e->model_dir ? mem_strdup(e->model_dir) : NULL;
	AUTO(mem) char *dict = e->extra_dict ? mem_strdup(e->extra_dict) : NULL;
	AUTO(mem) char *lm = e->extra_lm ? mem_strdup(e->extra_lm) : NULL;
	pthread_mutex_unlock(&e->lock);

	struct psdecoder *ps = psdecoder_new(dir, dict, lm);
	if (!ps && (dict || lm)) {
		log_warn("event=adaptation_unusable dict=%s lm=%s", dict ? dict : "-", lm ? lm : "-");
		ps = psdecoder_new(dir, NULL, NULL);
	}
	return ps;
}

static void build_for(struct stt *e, struct decoder *d)
{
	unsigned generation;
	struct psdecoder *ps = build(e, &generation);

	if (!ps)
		log_error("event=no_model dir=%s", e->model_dir ? e->model_dir : PSDECODER_MODEL_DIR);
	if (ps)
		psdecoder_free(atomic_exchange(&d->fresh, ps));
	/* Without a model it is lent too: its turns end in the error that says so. */
	atomic_store(&d->built, true);
	atomic_store(&d->generation, generation);
	sem_post(&d->wake);
}

static void *builder_main(void *arg)
{
	struct stt *e = arg;

	thread_set_name("stt-build");
	thread_lower_priority(POOL_TURN);
	while (!atomic_load(&e->closing)) {
		unsigned i = 0;

		while (i < e->n_decoders &&
		       atomic_load(&e->decoders[i].generation) == atomic_load(&e->generation))
			i++;
		if (i < e->n_decoders)
			build_for(e, &e->decoders[i]);
		else
			sem_wait(&e->build);
	}
	return NULL;
}

/* --- the caller's side ------------------------------------------------------------------------ */

static void turn_free(struct relay *r)
{
	struct stt_turn *t = CONTAINER_OF(r, struct stt_turn, relay);

	ring_free(t->pcm);
	mem_free(t);
}

static const struct relay_ops turn_ops = { .on_lost = on_lost, .on_free = turn_free };

static bool take(struct decoder *d)
{
	int is_free = DECODER_FREE;

	return atomic_compare_exchange_strong(&d->state, &is_free, DECODER_LEASED);
}

/* One that works, or else one that is being built: its turn's ring holds what is said meanwhile. */
static struct decoder *lease(struct stt *e)
{
	for (unsigned i = 0; i < e->n_decoders; i++)
		if (atomic_load(&e->decoders[i].built) && take(&e->decoders[i]))
			return &e->decoders[i];
	for (unsigned i = 0; i < e->n_decoders; i++)
		if (take(&e->decoders[i]))
			return &e->decoders[i];
	return NULL;
}

static int ps_begin(struct stt *e, struct stt_turn **out, const struct stt_params *p,
		    struct loop *loop, const struct stt_sink *sink, void *owner, uint64_t ticket)
{
	struct decoder *d = lease(e);

	(void)p; /* one language; the documents' words are in the models */
	if (!d)
		return -EAGAIN;
	struct stt_turn *t = mem_zalloc(sizeof(*t));
	struct ring *pcm = ring_new(RING_LOG2);
	if (!t || !pcm) {
		mem_free(t);
		ring_free(pcm);
		atomic_store(&d->state, DECODER_FREE);
		return -ENOMEM;
	}
	t->pcm = pcm;
	t->decoder = d;
	relay_init(&t->relay, &turn_ops, &e->set, &(struct relay_to){ loop, sink, owner, ticket });
	relay_hold(&t->relay);
	atomic_store(&d->turn, t);
	sem_post(&d->wake);
	*out = t;
	return 0;
}

static size_t ps_room(const struct stt_turn *t)
{
	return ((size_t)1 << RING_LOG2) - ring_fill(t->pcm);
}

static void ps_push(struct stt_turn *t, const int16_t *pcm, size_t n)
{
	if (ring_push(t->pcm, pcm, n) < n)
		atomic_store(&t->overflow, true);
	sem_post(&t->decoder->wake);
}

static void ps_settle(struct stt_turn *t)
{
	atomic_fetch_add(&t->n_settle, 1);
	sem_post(&t->decoder->wake);
}

static void ps_end(struct stt_turn *t)
{
	struct decoder *d = t->decoder;

	atomic_store(&t->ending, true);
	sem_post(&d->wake);
}

static void ps_cancel(struct stt_turn *t)
{
	struct decoder *d = t->decoder;

	relay_cancel(&t->relay);
	sem_post(&d->wake);
}

static void ps_free(struct stt *e)
{
	if (!e)
		return;
	atomic_store(&e->closing, true);
	sem_post(&e->build);
	for (unsigned i = 0; i < e->n_threads; i++)
		sem_post(&e->decoders[i].wake);
	for (unsigned i = 0; i < e->n_threads; i++) {
		pthread_join(e->decoders[i].thread, NULL);
		psdecoder_free(e->decoders[i].ps);
	}
	/* Last: what it builds cannot be interrupted. */
	if (e->has_builder)
		pthread_join(e->builder, NULL);
	for (unsigned i = 0; i < e->n_threads; i++) {
		psdecoder_free(atomic_load(&e->decoders[i].fresh));
		sem_destroy(&e->decoders[i].wake);
	}
	relay_set_done(&e->set);
	sem_destroy(&e->build);
	pthread_mutex_destroy(&e->lock);
	mem_free(e->decoders);
	mem_free(e->model_dir);
	mem_free(e->extra_dict);
	mem_free(e->extra_lm);
	mem_free(e);
}

static bool copy_path(char **to, const char *path)
{
	*to = path ? mem_strdup(path) : NULL;
	return *to || !path;
}

static int start_threads(struct stt *e)
{
	for (; e->n_threads < e->n_decoders; e->n_threads++) {
		struct decoder *d = &e->decoders[e->n_threads];

		d->engine = e;
		sem_init(&d->wake, 0, 0);
		int r = pthread_create(&d->thread, NULL, decoder_main, d);
		if (r != 0) {
			sem_destroy(&d->wake);
			return -r;
		}
	}
	int r = pthread_create(&e->builder, NULL, builder_main, e);
	e->has_builder = r == 0;
	return -r;
}

int stt_pocketsphinx_new(struct stt **out, const struct stt_pocketsphinx_params *p)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = p->n_decoders ? p->n_decoders : cores > 0 ? (unsigned)cores : 1;
	struct stt *e = mem_zalloc(sizeof(*e));
	int err = -ENOMEM;

	if (!e)
		return -ENOMEM;
	relay_set_init(&e->set, NULL);
	sem_init(&e->build, 0, 0);
	pthread_mutex_init(&e->lock, NULL);
	atomic_init(&e->generation, 1); /* a decoder's 0: never built */
	e->n_decoders = MIN(n, (unsigned)DECODERS_MAX);
	e->decoders = mem_calloc(e->n_decoders, sizeof(*e->decoders));
	if (e->decoders && copy_path(&e->model_dir, p->model_dir) &&
	    copy_path(&e->extra_dict, p->extra_dict) && copy_path(&e->extra_lm, p->extra_lm))
		err = start_threads(e);
	if (err != 0) {
		ps_free(e);
		return err;
	}
	*out = e;
	return 0;
}

unsigned stt_pocketsphinx_ready(const struct stt *e)
{
	unsigned n = 0;

	for (unsigned i = 0; i < e->n_decoders; i++)
		n += atomic_load(&e->decoders[i].generation) == atomic_load(&e->generation);
	return n;
}

int stt_pocketsphinx_adapt(struct stt *e, const char *extra_dict, const char *extra_lm)
{
	char *dict, *lm;

	if (!copy_path(&dict, extra_dict))
		return -ENOMEM;
	if (!copy_path(&lm, extra_lm)) {
		mem_free(dict);
		return -ENOMEM;
	}
	pthread_mutex_lock(&e->lock);
	mem_free(e->extra_dict);
	mem_free(e->extra_lm);
	e->extra_dict = dict;
	e->extra_lm = lm;
	atomic_fetch_add(&e->generation, 1);
	pthread_mutex_unlock(&e->lock);
	sem_post(&e->build);
	return 0;
}

const struct stt_ops stt_pocketsphinx_ops = {
	.name = "pocketsphinx", .caps = STT_PARTIALS | STT_SETTLED_IS_FINAL, .begin = ps_begin, .room = ps_room,
	.push = ps_push, .settle = ps_settle, .end = ps_end, .cancel = ps_cancel, .free = ps_free,
};

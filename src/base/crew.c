#include "base/crew.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/alloc.h"

struct slot {
	void *item;
	bool worked;
};

struct crew {
	struct crew_params p;
	pthread_mutex_t lock;
	pthread_cond_t more, worked;
	struct slot *slots;         /* [p.ahead], a ring */
	size_t taken, begun, given; /* counts since ever: taken <= begun <= given */
	bool closing;
	unsigned n_threads;
	pthread_t threads[];
};

static struct slot *slot_at(const struct crew *c, size_t i)
{
	return &c->slots[i % c->p.ahead];
}

/* The next item that nobody works on; NULL: the end. */
static struct slot *begin(struct crew *c)
{
	pthread_mutex_lock(&c->lock);
	while (c->begun == c->given && !c->closing)
		pthread_cond_wait(&c->more, &c->lock);
	struct slot *s = c->closing ? NULL : slot_at(c, c->begun++);
	pthread_mutex_unlock(&c->lock);
	return s;
}

static void *crew_main(void *arg)
{
	struct crew *c = arg;

	thread_set_name("crew");
	thread_lower_priority(c->p.priority);
	for (struct slot *s; (s = begin(c));) {
		c->p.work(c->p.ctx, s->item);
		pthread_mutex_lock(&c->lock);
		s->worked = true;
		pthread_cond_signal(&c->worked);
		pthread_mutex_unlock(&c->lock);
	}
	return NULL;
}

int crew_new(struct crew **out, const struct crew_params *p)
{
	struct crew *c = mem_zalloc(sizeof(*c) + p->n_threads * sizeof(c->threads[0]));
	struct slot *slots = mem_calloc(p->ahead, sizeof(*slots));
	pthread_condattr_t clock;
	int r = 0;

	if (!c || !slots) {
		mem_free(c);
		mem_free(slots);
		return -ENOMEM;
	}
	c->p = *p;
	c->slots = slots;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->more, NULL);
	pthread_cond_init(&c->worked, &clock);
	pthread_condattr_destroy(&clock);
	while (r == 0 && c->n_threads < p->n_threads) {
		r = -pthread_create(&c->threads[c->n_threads], NULL, crew_main, c);
		c->n_threads += r == 0;
	}
	if (r < 0) {
		crew_free(c);
		return r;
	}
	*out = c;
	return 0;
}

void crew_stop(struct crew *c)
{
	pthread_mutex_lock(&c->lock);
	c->closing = true;
	pthread_cond_broadcast(&c->more);
	pthread_mutex_unlock(&c->lock);
	for (unsigned i = 0; i < c->n_threads; i++)
		pthread_join(c->threads[i], NULL);
	c->n_threads = 0;
}

void crew_free(struct crew *c)
{
	if (!c)
		return;
	crew_stop(c);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->more);
	pthread_cond_destroy(&c->worked);
	mem_free(c->slots);
	mem_free(c);
}

bool crew_full(const struct crew *c)
{
	return c->given - c->taken == c->p.ahead;
}

void crew_give(struct crew *c, void *item)
{
	assert(!crew_full(c));
	pthread_mutex_lock(&c->lock);
	*slot_at(c, c->given++) = (struct slot){ .item = item };
	pthread_cond_signal(&c->more);
	pthread_mutex_unlock(&c->lock);
}

static struct timespec after_ms(unsigned ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	t.tv_sec += (time_t)(ms / 1000) + t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

void *crew_take(struct crew *c, unsigned wait_ms)
{
	struct timespec until = after_ms(wait_ms);
	struct slot *s = slot_at(c, c->taken);
	int r = 0;

	if (c->taken == c->given)
		return NULL;
	if (c->p.n_threads == 0) {
		c->begun++;
		c->taken++;
		c->p.work(c->p.ctx, s->item);
		return s->item;
	}
	pthread_mutex_lock(&c->lock);
	while (!s->worked && r == 0)
		r = pthread_cond_timedwait(&c->worked, &c->lock, &until);
	void *item = s->worked ? s->item : NULL;
	c->taken += item != NULL;
	pthread_mutex_unlock(&c->lock);
	return item;
}

void *crew_drop(struct crew *c)
{
	return c->taken == c->given ? NULL : slot_at(c, c->taken++)->item;
}

#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/loop.h"

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t more, finished;
	struct list waiting;
	unsigned n_must; /* jobs that must run and are not completed */
	struct job **running; /* [n_threads], NULL where idle */
	bool closing;
	enum pool_priority priority;
	unsigned n_threads;
	pthread_t threads[];
};

struct worker {
	struct pool *pool;
	unsigned index;
};

/* Not SCHED_IDLE: on a busy machine such a thread takes ten seconds to get as far as its end, and
 * the process ends with its last thread. */
void thread_lower_priority(enum pool_priority p)
{
	static const int nice_of[] = { [POOL_TURN] = 10, [POOL_BULK] = 13, [POOL_IDLE] = 19 };

	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), nice_of[p]);
	if (p == POOL_IDLE) /* ioprio_set(2): this thread, IOPRIO_CLASS_IDLE */
		syscall(SYS_ioprio_set, 1, 0, 3 << 13);
}

void thread_set_name(const char *name)
{
	prctl(PR_SET_NAME, name);
}

static void run_done(void *payload)
{
	struct job *j = *(struct job **)payload;

	j->done(j);
}

static void complete(struct job *j)
{
	if (j->loop)
		loop_post_wait(j->loop, run_done, &j, sizeof(j));
	else
		j->done(j);
}

static struct job *next_job(struct pool *p, unsigned index)
{
	pthread_mutex_lock(&p->lock);
	while (list_empty(&p->waiting) && !p->closing)
		pthread_cond_wait(&p->more, &p->lock);
	struct node *n = list_pop(&p->waiting);
	struct job *j = n ? CONTAINER_OF(n, struct job, node) : NULL;
	if (j && p->closing && !j->must_run)
		job_cancel(j);
	p->running[index] = j;
	pthread_mutex_unlock(&p->lock);
	return j;
}

/* The job may be gone once it is completed. */
static void end_job(struct pool *p, struct job *j)
{
	bool must_run = j->must_run;

	complete(j);
	if (!must_run)
		return;
	pthread_mutex_lock(&p->lock);
	if (--p->n_must == 0)
		pthread_cond_broadcast(&p->finished);
	pthread_mutex_unlock(&p->lock);
}

static void *worker_main(void *arg)
{
	struct worker w = *(struct worker *)arg;
	struct job *j;
	char name[16];

	mem_free(arg);
	snprintf(name, sizeof(name), "%s-%u", w.pool->priority == POOL_BULK ? "bulk" : "turn", w.index);
	thread_set_name(name);
	thread_lower_priority(w.pool->priority);
	while ((j = next_job(w.pool, w.index))) {
		if (!job_cancelled(j))
			j->work(j);
		pthread_mutex_lock(&w.pool->lock);
		w.pool->running[w.index] = NULL;
		pthread_mutex_unlock(&w.pool->lock);
		end_job(w.pool, j);
	}
	return NULL;
}

static int start_worker(struct pool *p)
{
	struct worker *w = mem_alloc(sizeof(*w));

	if (!w)
		return -ENOMEM;
	*w = (struct worker){ p, p->n_threads };
	int r = pthread_create(&p->threads[p->n_threads], NULL, worker_main, w);
	if (r != 0) {
		mem_free(w);
		return -r;
	}
	p->n_threads++;
	return 0;
}

int pool_new(struct pool **out, enum pool_priority priority, unsigned n_threads)
{
	struct pool *p = mem_zalloc(sizeof(*p) + n_threads * sizeof(p->threads[0]));
	struct job **running = mem_calloc(n_threads, sizeof(*running));
	int r = -ENOMEM;

	if (!p || !running) {
		mem_free(p);
		mem_free(running);
		return r;
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	pthread_cond_init(&p->finished, NULL);
	list_init(&p->waiting);
	p->priority = priority;
	p->running = running;
	for (unsigned i = 0; i < n_threads; i++) {
		r = start_worker(p);
		if (r != 0) {
			pool_free(p);
			return r;
		}
	}
	*out = p;
	return 0;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	for (unsigned i = 0; i < p->n_threads; i++)
		if (p->running[i] && !p->running[i]->must_run)
			job_cancel(p->running[i]);
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->more);
	pthread_cond_destroy(&p->finished);
	mem_free(p->running);
	mem_free(p);
}

static struct job *take_urgent(struct pool *p)
{
	LIST_FOR (&p->waiting, n) {
		struct job *j = CONTAINER_OF(n, struct job, node);

		if (!j->must_run)
			continue;
		node_unlink(&j->node);
		return j;
	}
	return NULL;
}

void pool_finish(struct pool *p)
{
	struct job *j;

	pthread_mutex_lock(&p->lock);
	while ((j = take_urgent(p))) {
		pthread_mutex_unlock(&p->lock);
		j->work(j);
		end_job(p, j);
		pthread_mutex_lock(&p->lock);
	}
	while (p->n_must > 0)
		pthread_cond_wait(&p->finished, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

void pool_run(struct pool *p, struct job *j)
{
	atomic_store(&j->cancelled, false);
	pthread_mutex_lock(&p->lock);
	list_push(&p->waiting, &j->node);
	p->n_must += j->must_run;
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
}

void job_cancel(struct job *j)
{
	atomic_store_explicit(&j->cancelled, true, memory_order_relaxed);
}

bool job_cancelled(const struct job *j)
{
	return atomic_load_explicit(&j->cancelled, memory_order_relaxed);
}

#include "base/pool.h"
#include "base/test.h"

#include <time.h>

#include "base/loop.h"

struct sum_job {
	struct job job;
	int in, out;
	bool *all_on_loop;
	struct loop *loop;
	int *n_done;
};

static void square(struct job *j)
{
	struct sum_job *s = CONTAINER_OF(j, struct sum_job, job);
	s->out = s->in * s->in;
}

static void done(struct job *j)
{
	struct sum_job *s = CONTAINER_OF(j, struct sum_job, job);
	if (!loop_is_here(s->loop))
		*s->all_on_loop = false;
	if (++*s->n_done == 50)
		loop_stop(s->loop);
}

static void jobs_complete_once_on_their_loop(void)
{
	AUTO(loop) struct loop *l = NULL;
	struct sum_job jobs[50] = { 0 };
	bool on_loop = true;
	int n = 0;
	CHECK_EQ(loop_new(&l, 0), 0);
	AUTO(pool) struct pool *p = NULL;
	CHECK_EQ(pool_new(&p, POOL_TURN, 2), 0);
	for (int i = 0; i < 50; i++) {
		jobs[i] = (struct sum_job){ { .work = square, .done = done, .loop = l },
					    i, 0, &on_loop, l, &n };
		pool_run(p, &jobs[i].job);
	}
	CHECK_EQ(loop_run(l), 0);
	CHECK_EQ(n, 50);
	CHECK(on_loop);
	CHECK_EQ(jobs[49].out, 49 * 49);
}

static atomic_int started;

static void until_cancelled(struct job *j)
{
	struct timespec ms = { .tv_nsec = 1000000 };
	started++;
	while (!job_cancelled(j))
		nanosleep(&ms, NULL);
}

static atomic_int finished;

static void count(struct job *j)
{
	(void)j;
	finished++;
}

static void free_cancels_and_completes_all(void)
{
	struct job jobs[4] = { 0 };
	struct timespec ms = { .tv_nsec = 1000000 };
	struct pool *p = NULL;

	started = finished = 0;
	CHECK_EQ(pool_new(&p, POOL_BULK, 1), 0);
	for (int i = 0; i < 4; i++) {
		jobs[i] = (struct job){ .work = until_cancelled, .done = count };
		pool_run(p, &jobs[i]);
	}
	while (started == 0)
		nanosleep(&ms, NULL);
	pool_free(p);
	CHECK_EQ(started, 1);
	CHECK_EQ(finished, 4);
}

static atomic_int worked;

static void work_once(struct job *j)
{
	worked += !job_cancelled(j);
}

static void what_must_run_runs_to_the_end(void)
{
	struct job busy = { .work = until_cancelled, .done = count };
	struct job jobs[6] = { 0 };
	struct timespec ms = { .tv_nsec = 1000000 };
	struct pool *p = NULL;

	started = finished = worked = 0;
	CHECK_EQ(pool_new(&p, POOL_TURN, 1), 0);
	pool_finish(p); /* there is nothing */
	pool_run(p, &busy);
	while (started == 0)
		nanosleep(&ms, NULL);
	for (int i = 0; i < 4; i++) {
		jobs[i] = (struct job){ .work = work_once, .done = count, .must_run = i % 2 };
		pool_run(p, &jobs[i]);
	}
	pool_finish(p); /* the only worker is busy: here */
	CHECK_EQ(worked, 2);
	CHECK_EQ(finished, 2);
	for (int i = 4; i < 6; i++) {
		jobs[i] = (struct job){ .work = work_once, .done = count, .must_run = i % 2 };
		pool_run(p, &jobs[i]);
	}
	pool_free(p);
	CHECK_EQ(worked, 3);
	CHECK_EQ(finished, 7);
}

TESTS({ "jobs_complete_once_on_their_loop", jobs_complete_once_on_their_loop },
      { "free_cancels_and_completes_all", free_cancels_and_completes_all },
      { "what_must_run_runs_to_the_end", what_must_run_runs_to_the_end })

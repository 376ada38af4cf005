/* pool.h - worker threads for what blocks or burns CPU longer than a frame.
 *
 * Two pools exist: turn work (nice 10) and bulk work (nice 13), so that an
 * upload never delays an answer. A job is embedded in its owner, which must live
 * until `done`. Jobs start in order; each completes exactly once, on its loop.
 */
#pragma once

#include <stdatomic.h>

#include "base/list.h"

struct loop;
struct pool;

enum pool_priority { POOL_TURN, POOL_BULK, POOL_IDLE /* and its disk after all others */ };

struct job {
	struct node node;
	void (*work)(struct job *j); /* on a worker; looks at job_cancelled() now and then */
	void (*done)(struct job *j); /* on `loop`, always, also when cancelled; may free */
	struct loop *loop;           /* NULL: done runs on the worker */
	bool must_run;               /* also when the pool is being freed: something would be lost */
	atomic_bool cancelled;
};

MUST_USE int pool_new(struct pool **out, enum pool_priority p, unsigned n_threads);
/* Raises every job's flag, waits for running ones, completes the waiting ones unstarted, but
 * those that must run. */
void pool_free(struct pool *p);
AUTO_DEF(pool)

/* Returns when every job that must run has been completed; those that still wait run on the
 * calling thread, whose priority may be better than the workers'. */
void pool_finish(struct pool *p);

void pool_run(struct pool *p, struct job *j);
void job_cancel(struct job *j); /* any thread */
bool job_cancelled(const struct job *j);

/* What pool threads do at their start; engines with threads of their own call it too. */
void thread_lower_priority(enum pool_priority p);
/* Shown by top -H and perf; at most 15 characters. */
void thread_set_name(const char *name);

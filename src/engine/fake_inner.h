/* fake_inner.h - what fake.c (scripts, life), fake_work.c (what waits, and when it is due) and
 * the three engines share. Nobody else includes it.
 */
#pragma once

#include <pthread.h>

#include "base/list.h"
#include "base/loop.h"
#include "engine/fake_realtime.h"

enum fake_kind { KIND_STT, KIND_LLM, KIND_TTS, KIND_LINK, KIND_ANSWER, N_KINDS };

/* The three engines' handles: ops.h wants a type of each. */
struct stt {
	struct fake *fake;
};
struct llm {
	struct fake *fake;
};
struct tts {
	struct fake *fake;
};
struct realtime {
	struct fake *fake;
};

/* A line of a script: one step, or the first of an answer's steps. */
struct fake_line {
	struct node node;
	enum fake_say say;
	bool more_follow; /* the next line belongs to the same answer */
	char *text, *more;
};

struct fake_work;

/* Something to tell a sink. */
struct fake_event {
	struct node node;
	uint64_t due_us, seq;
	void (*deliver)(struct fake_work *w, struct fake_event *e);
	bool last; /* the completion */
	char *text, *more;
	size_t at, n;
	enum llm_finish finish;
	struct llm_usage usage;
};

struct fake_work {
	struct node node; /* in fake.work */
	struct fake *fake;
	enum fake_kind kind;
	struct loop *loop; /* NULL: fake_run() drives */
	struct timer timer;
	const void *sink;
	void *owner;
	uint64_t ticket;
	struct list events;       /* by due_us, then seq */
	struct fake_event failed; /* needs no memory: on_error */
	bool over, delivering;
	void (*on_free)(struct fake_work *w); /* or NULL: what its kind adds to it */

	/* stt */
	char *line, *error;
	size_t n_pushed, n_words;
	/* llm */
	uint64_t n_steps;
};

struct stt_turn {
	struct fake_work w;
};
struct llm_job {
	struct fake_work w;
};
struct tts_job {
	struct fake_work w;
};

/* What fake_realtime.c keeps. */
struct fake_service {
	struct fake_realtime_delays delays;
	struct realtime_link *link; /* opened last */
	char *refusal;              /* code of the error that refuses an open() */
	unsigned n_refusals;
	uint64_t again_us;
	bool hangs, keeps;
	struct buf log, kept;
	json_t *items, *session;
	uint64_t n_items;
};

struct fake {
	struct stt stt;
	struct llm llm;
	struct tts tts;
	struct realtime realtime;
	struct fake_service service;
	pthread_mutex_t lock; /* work, script, seq: a fake may serve several loops */
	struct list work;
	struct list script[N_KINDS];
	struct fake_delays delays;
	char *always;
	bool busy;
	uint64_t now_us, seq;
	json_t *last_request;
	char *last_clause;
	size_t n_heard;
};

/* --- fake_work.c ------------------------------------------------------------------ */

/* NULL: no memory. */
struct fake_work *fake_work_new(struct fake *f, enum fake_kind kind, struct loop *loop,
				const void *sink, void *owner, uint64_t ticket);
/* The same for a w of the heap that begins a larger struct and has loop, sink, owner and ticket; takes
 * it, also on failure. */
MUST_USE int fake_work_enter(struct fake_work *w, struct fake *f, enum fake_kind kind);
/* Nothing is delivered from here on; the memory goes once no delivery is on the stack. */
void fake_work_over(struct fake_work *w);
/* Memory ran out half-way: what waits is dropped and on_error remains. */
void fake_work_fail(struct fake_work *w);
/* One more thing to tell. NULL: the work fails now. Text is copied and may be NULL. */
struct fake_event *fake_work_add(struct fake_work *w, uint64_t after_us,
				 void (*deliver)(struct fake_work *w, struct fake_event *e),
				 const char *text);
/* on_error with the event's text as its code, whatever the kind. */
void fake_deliver_error(struct fake_work *w, struct fake_event *e);
/* Ends all work of a kind, or (N_KINDS) of every kind. */
void fake_end_work(struct fake *f, enum fake_kind kind);
/* Drops what waits to be told. */
void fake_work_forget(struct fake_work *w);

/* --- fake.c ----------------------------------------------------------------------- */

/* The next line, which the caller frees; NULL: the queue is empty. */
struct fake_line *fake_script_take(struct fake *f, enum fake_kind kind);
void fake_line_free(struct fake_line *l);

/* --- fake_realtime.c ---------------------------------------------------------------- */

void fake_link_lost(struct fake_work *w, const struct engine_error *e);
void fake_answer_failed(struct fake_work *w, const struct engine_error *e);
void fake_service_done(struct fake_service *s);

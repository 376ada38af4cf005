#include "service/chain_llm.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/meter.h"
#include "service/chain.h"
#include "service/service.h"

LOG_TOPIC("chain");

struct llm {
	pthread_mutex_t lock; /* jobs: sessions of several loops have some */
	struct list jobs;
	struct chain chain;
	struct chain_llm_part parts[CHAIN_MAX];
};

struct llm_job {
	struct node node;
	struct llm *e;
	struct loop *loop;
	const struct llm_sink *sink;
	void *owner;
	uint64_t ticket;
	struct llm_request r; /* its texts and values are ours */
	struct timer timer;
	unsigned asked;        /* BIT(part) */
	size_t at;             /* the part that works */
	struct llm_job *inner; /* its handle */
	bool said;
	char code[40], message[240]; /* of the last that failed */
};

static const struct chain_llm_part *part_of(const struct llm_job *j)
{
	return &j->e->parts[j->at];
}

static void job_free(struct llm_job *j)
{
	timer_stop(j->loop, &j->timer);
	pthread_mutex_lock(&j->e->lock);
	node_unlink(&j->node);
	pthread_mutex_unlock(&j->e->lock);
	mem_free((char *)(uintptr_t)j->r.instructions);
	json_decref(j->r.items);
	json_decref(j->r.tools);
	json_decref(j->r.tool_choice);
	mem_free(j);
}

/* --- trying one after the other ------------------------------------------------------------------- */

static void note(struct llm_job *j, const char *code, const char *message)
{
	snprintf(j->code, sizeof(j->code), "%s", code);
	snprintf(j->message, sizeof(j->message), "%s", message);
}

static void failed(struct llm_job *j, const char *code)
{
	const struct chain_llm_part *p = part_of(j);

	health_failed(p->health, loop_now_us(j->loop), p->rest_ms ? p->rest_ms(p->llm) : 0);
	log_warn("%s failed: %s", p->name, code);
}

static const struct llm_sink sink;

static void on_late(struct timer *t);

/* 0: one is at work. */
static int ask_next(struct llm_job *j)
{
	int error = -EAGAIN;
	struct meter *before = j->asked ? part_of(j)->meter : NULL;

	for (size_t i; (i = chain_pick(&j->e->chain, j->asked, loop_now_us(j->loop))) < j->e->chain.n;) {
		const struct chain_llm_part *p = &j->e->parts[i];

		j->at = i;
		j->asked |= BIT(i);
		meter_add(before, METER_ERRORS, 1);
		meter_add(before, METER_FAILOVERS, 1);
		before = p->meter;
		error = p->ops->start(p->llm, &j->inner, &j->r, j->loop, &sink, j, j->ticket);
		if (error == 0 && p->first_ms && j->asked != BIT(j->e->chain.n) - 1) {
			j->timer.on_due = on_late;
			/* Without memory for a timer, its own limits must do. */
			(void)!timer_set(j->loop, &j->timer,
					 loop_now_us(j->loop) + (uint64_t)p->first_ms * US_PER_MS);
		}
		if (error == 0 && j->at > 0)
			meter_add(p->meter, METER_REQUESTS, 1);
		if (error == 0)
			return 0;
		note(j, "engine_unavailable", "The language model could not be asked.");
		failed(j, "start");
	}
	return error;
}

static void fail(struct llm_job *j)
{
	struct llm_job own = *j;

	job_free(j);
	own.sink->on_error(own.owner, own.ticket, &(struct engine_error){ own.code, own.message });
}

static void on_late(struct timer *t)
{
	struct llm_job *j = CONTAINER_OF(t, struct llm_job, timer);
	const struct chain_llm_part *p = part_of(j);

	p->ops->cancel(j->inner);
	j->inner = NULL;
	note(j, "engine_unavailable", "The language model did not answer in time.");
	failed(j, "late");
	if (ask_next(j) != 0)
		fail(j);
}

/* --- what the one at work says ------------------------------------------------------------------------ */

static struct llm_job *speaks(void *owner)
{
	struct llm_job *j = owner;

	bool first = !j->said;

	j->said = true;
	if (!first)
		return j;
	timer_stop(j->loop, &j->timer);
	health_well(part_of(j)->health);
	if (part_of(j)->ops->cites && j->sink->on_cites)
		j->sink->on_cites(j->owner, j->ticket);
	return j;
}

static void on_text(void *owner, uint64_t ticket, const char *text)
{
	struct llm_job *j = speaks(owner);

	j->sink->on_text(j->owner, ticket, text);
}

static void on_cite(void *owner, uint64_t ticket, json_t *source)
{
	struct llm_job *j = speaks(owner);

	j->sink->on_cite(j->owner, ticket, source);
}

static void on_call(void *owner, uint64_t ticket, const char *name, const char *arguments)
{
	struct llm_job *j = speaks(owner);

	j->sink->on_call(j->owner, ticket, name, arguments);
}

static void on_done(void *owner, uint64_t ticket, enum llm_finish f, const struct llm_usage *u)
{
	static const struct price nothing;
	struct llm_job *j = speaks(owner), own = *j;
	const struct chain_llm_part *p = part_of(j);
	struct llm_usage usage = *u;

	usage.price = p->price ? p->price : &nothing;
	usage.meter = p->meter;
	job_free(j);
	own.sink->on_done(own.owner, ticket, f, &usage);
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	struct llm_job *j = owner;
	bool filtered = strcmp(e->code, "content_filter") == 0;

	(void)ticket;
	j->inner = NULL;
	timer_stop(j->loop, &j->timer);
	note(j, e->code, e->message);
	meter_add(part_of(j)->meter, METER_LIMITED, strcmp(e->code, "rate_limit_exceeded") == 0);
	if (!filtered && strcmp(e->code, "engine_refused") != 0)
		failed(j, e->code);
	if (j->said || filtered || ask_next(j) != 0)
		fail(j);
}

static const struct llm_sink sink = { on_text, on_cite, on_call, on_done, on_error, NULL };

/* --- the engine ------------------------------------------------------------------------------------------ */

static int chain_start(struct llm *e, struct llm_job **out, const struct llm_request *r,
		       struct loop *loop, const struct llm_sink *to, void *owner, uint64_t ticket)
{
	struct llm_job *j = mem_zalloc(sizeof(*j));
	char *instructions = r->instructions ? mem_strdup(r->instructions) : NULL;

	if (!j || (r->instructions && !instructions)) {
		mem_free(j);
		mem_free(instructions);
		return -ENOMEM;
	}
	*j = (struct llm_job){
		.e = e, .loop = loop, .sink = to, .owner = owner, .ticket = ticket, .r = *r
	};
	j->r.instructions = instructions;
	json_incref(j->r.items);
	json_incref(j->r.tools);
	json_incref(j->r.tool_choice);
	pthread_mutex_lock(&e->lock);
	list_push(&e->jobs, &j->node);
	pthread_mutex_unlock(&e->lock);
	int error = ask_next(j);
	if (error == 0)
		*out = j;
	else
		job_free(j);
	return error;
}

static void chain_cancel(struct llm_job *j)
{
	if (j->inner)
		part_of(j)->ops->cancel(j->inner);
	job_free(j);
}

static void chain_free(struct llm *e)
{
	if (!e)
		return;
	while (!list_empty(&e->jobs))
		chain_cancel(CONTAINER_OF(list_first(&e->jobs), struct llm_job, node));
	for (size_t i = 0; i < e->chain.n; i++)
		e->parts[i].ops->free(e->parts[i].llm);
	pthread_mutex_destroy(&e->lock);
	mem_free(e);
}

int chain_llm_new(struct llm **out, const struct chain_llm_part *parts, size_t n)
{
	if (n == 0 || n > CHAIN_MAX)
		return -EINVAL;
	struct llm *e = mem_zalloc(sizeof(*e));
	if (!e)
		return -ENOMEM;
	pthread_mutex_init(&e->lock, NULL);
	list_init(&e->jobs);
	e->chain.n = n;
	for (size_t i = 0; i < n; i++) {
		e->parts[i] = parts[i];
		e->chain.of[i] = parts[i].health;
	}
	*out = e;
	return 0;
}

const struct llm_ops chain_llm_ops = {
	.name = "chain",
	.start = chain_start,
	.cancel = chain_cancel,
	.free = chain_free,
};

/* realtime_talk.c - answers and commits under way: found by number and by name, told in order, not
 * waited for without end. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "service/realtime_inner.h"

enum { BUSY_MAX_US = 3 * US_PER_S };

static struct rt_answer *answer_at(struct node *n)
{
	return CONTAINER_OF(n, struct rt_answer, node);
}

static struct rt_commit *commit_at(struct node *n)
{
	return CONTAINER_OF(n, struct rt_commit, node);
}

static uint64_t now_of(const struct realtime_link *l)
{
	return loop_now_us(l->loop);
}

static uint64_t patience_us(const struct realtime_link *l)
{
	return (uint64_t)rt_service(l)->timeout_ms * US_PER_MS;
}

/* --- names --------------------------------------------------------------------------------- */

const char *rt_their_id(const struct realtime_link *l, const char *item_id)
{
	return json_str(l->names, item_id, item_id);
}

void rt_learn_name(struct realtime_link *l, const char *item_id, const char *theirs)
{
	if (theirs[0])
		(void)(json_object_set_new(l->names, item_id, json_string(theirs)) == 0);
}

void rt_name_item(struct realtime_link *l, uint64_t ref, const char *item_id)
{
	if (ref) {
		struct rt_answer *a = rt_answer_of(l, ref);

		if (a)
			rt_learn_name(l, item_id, a->call_item ? a->call_item : a->last_item);
		return;
	}
	struct rt_commit *c = list_empty(&l->commits) ? NULL : commit_at(l->commits.head.prev);

	if (c && c->known) {
		rt_learn_name(l, item_id, c->id);
	} else if (c) {
		mem_free(c->name);
		c->name = mem_strdup(item_id);
	}
}

/* --- answers --------------------------------------------------------------------------------- */

void rt_answer_free(struct realtime_link *l, struct rt_answer *a)
{
	if (l->begun == a)
		l->begun = NULL;
	if (node_linked(&a->node))
		l->n_answers--;
	node_unlink(&a->node);
	json_decref(a->response);
	mem_free(a);
}

/* Of those that are over the oldest goes when there are many. */
static void forget_oldest(struct realtime_link *l)
{
	LIST_FOR(&l->answers, n)
		if (answer_at(n)->state == RT_ANSWERED) {
			rt_answer_free(l, answer_at(n));
			return;
		}
}

struct rt_answer *rt_answer_new(struct realtime_link *l, uint64_t ref)
{
	if (l->n_answers >= RT_ANSWERS_MAX)
		forget_oldest(l);
	struct rt_answer *a = l->n_answers < 2 * RT_ANSWERS_MAX ? mem_zalloc(sizeof(*a)) : NULL;

	if (!a)
		return NULL;
	a->ref = ref;
	a->seen_us = now_of(l);
	list_push(&l->answers, &a->node);
	l->n_answers++;
	return a;
}

struct rt_answer *rt_answer_of(struct realtime_link *l, uint64_t ref)
{
	LIST_FOR(&l->answers, n)
		if (ref && answer_at(n)->ref == ref)
			return answer_at(n);
	return NULL;
}

struct rt_answer *rt_answer_named(struct realtime_link *l, const char *id)
{
	LIST_FOR(&l->answers, n)
		if (answer_at(n)->state == RT_RUNNING && strcmp(answer_at(n)->id, id) == 0)
			return answer_at(n);
	return NULL;
}

/* The answer of the conversation that the service is giving, as far as we know. */
static bool is_busy(struct realtime_link *l, uint64_t now)
{
	LIST_FOR(&l->answers, n) {
		struct rt_answer *a = answer_at(n);

		/* A cancelled one whose end does not come must not hold the next for long. */
		if (!a->apart && (a->state == RT_ASKED || a->state == RT_RUNNING) &&
		    (!a->dropped || now < a->seen_us + BUSY_MAX_US))
			return true;
	}
	return false;
}

void rt_ask_held(struct realtime_link *l)
{
	uint64_t now = now_of(l);

	LIST_FOR(&l->answers, n) {
		struct rt_answer *a = answer_at(n);

		if (l->state != RT_OPEN)
			return;
		if (a->state == RT_HELD && a->retry_us <= now && (a->apart || !is_busy(l, now)))
			rt_say_ask(l, a);
	}
}

void rt_answer_over(struct realtime_link *l, struct rt_answer *a)
{
	a->state = RT_ANSWERED;
	json_decref(a->response);
	a->response = NULL;
	if (a->dropped && a->ref == 0)
		rt_answer_free(l, a);
}

void rt_answer_fail(struct realtime_link *l, struct rt_answer *a, const char *code, const char *why)
{
	const struct engine_error e = { code, why };
	uint64_t ref = a->ref;
	bool told = a->dropped;

	if (a->state == RT_RUNNING || a->state == RT_ASKED)
		rt_say_cancel(l, a);
	if (a->state == RT_RUNNING || a->state == RT_ASKED) {
		a->dropped = true; /* its response.done is still to come */
		a->seen_us = now_of(l);
	} else {
		rt_answer_over(l, a);
	}
	if (!told && ref)
		l->sink->on_failed(l->owner, l->number, ref, &e);
}

void rt_adopt(struct realtime_link *l, uint64_t ref)
{
	if (l->begun)
		l->begun->ref = ref;
}

void rt_cancel(struct realtime_link *l, uint64_t ref)
{
	struct rt_answer *a = ref ? rt_answer_of(l, ref) : l->begun;

	if (!a || a->dropped || a->state == RT_ANSWERED)
		return;
	a->dropped = true;
	a->seen_us = now_of(l);
	if (a->state == RT_HELD)
		rt_answer_free(l, a);
	else
		rt_say_cancel(l, a); /* what was asked a moment ago is cancelled when it has a name */
}

/* --- commits ------------------------------------------------------------------------------------ */

static void commit_free(struct realtime_link *l, struct rt_commit *c)
{
	node_unlink(&c->node);
	l->n_commits--;
	mem_free(c->name);
	mem_free(c->words);
	mem_free(c->failure);
	mem_free(c);
}

struct rt_commit *rt_commit_new(struct realtime_link *l, bool ours)
{
	struct rt_commit *c = l->n_commits < RT_COMMITS_MAX ? mem_zalloc(sizeof(*c)) : NULL;

	if (!c)
		return NULL;
	c->ours = ours;
	c->number = ++l->commit_number;
	c->since_us = now_of(l);
	list_push(&l->commits, &c->node);
	l->n_commits++;
	return c;
}

void rt_commit_known(struct realtime_link *l, struct rt_commit *c, const char *id)
{
	snprintf(c->id, sizeof(c->id), "%s", id);
	c->known = true;
	c->since_us = now_of(l);
	if (c->name)
		rt_learn_name(l, c->name, c->id);
}

struct rt_commit *rt_commit_named(struct realtime_link *l, const char *id)
{
	LIST_FOR(&l->commits, n)
		if (commit_at(n)->known && strcmp(commit_at(n)->id, id) == 0)
			return commit_at(n);
	return NULL;
}

/* Each has its answer when it is the first that is left. */
static void tell_heard(struct realtime_link *l)
{
	while (!l->closed && !list_empty(&l->commits)) {
		struct rt_commit *c = commit_at(list_first(&l->commits));

		if (!c->words && !c->failure)
			return;
		AUTO(mem) char *words = c->words;
		AUTO(mem) char *failure = c->failure;
		const struct engine_error e = { failure, "The service has no words for what was said." };
		c->words = c->failure = NULL;
		commit_free(l, c);
		if (failure)
			l->sink->on_deaf(l->owner, l->number, &e);
		else
			l->sink->on_words(l->owner, l->number, words);
	}
}

void rt_commit_heard(struct realtime_link *l, struct rt_commit *c, const char *words, const char *code)
{
	if (c->words || c->failure)
		return;
	c->words = words ? mem_strdup(words) : NULL;
	c->failure = c->words ? NULL : mem_strdup(words ? "engine_unavailable" : code);
	if (!c->words && !c->failure)
		rt_break(l, RT_NO_BLAME, 0, "engine_unavailable", "The server is out of memory.");
	else
		tell_heard(l);
}

/* --- time ----------------------------------------------------------------------------------------- */

bool rt_talk_idle(const struct realtime_link *l)
{
	LIST_FOR((struct list *)(uintptr_t)&l->answers, n)
		if (answer_at(n)->state != RT_ANSWERED && !answer_at(n)->dropped)
			return false;
	return l->n_commits == 0;
}

static bool is_late(const struct rt_answer *a, uint64_t now, uint64_t patience)
{
	return (a->state == RT_ASKED || a->state == RT_RUNNING) && now >= a->seen_us + patience;
}

/* One at a time: the sink may change the list. */
static bool fail_one(struct realtime_link *l, uint64_t now)
{
	uint64_t patience = patience_us(l);

	LIST_FOR(&l->answers, n) {
		struct rt_answer *a = answer_at(n);

		if (!is_late(a, now, patience))
			continue;
		if (a->dropped) { /* its end never came */
			rt_answer_over(l, a);
			return true;
		}
		rt_answer_fail(l, a, "engine_unavailable", "The realtime service did not answer in time.");
		return true;
	}
	LIST_FOR(&l->commits, n) {
		struct rt_commit *c = commit_at(n);

		if (c->words || c->failure || now < c->since_us + patience)
			continue;
		rt_commit_heard(l, c, NULL, "engine_unavailable");
		return true;
	}
	return false;
}

void rt_talk_time(struct realtime_link *l, uint64_t now_us)
{
	while (!l->closed && l->state == RT_OPEN && fail_one(l, now_us))
		;
	if (!l->closed && l->state == RT_OPEN)
		rt_ask_held(l);
}

void rt_talk_done(struct realtime_link *l)
{
	struct node *n;

	while ((n = list_first(&l->answers)))
		rt_answer_free(l, answer_at(n));
	while ((n = list_first(&l->commits)))
		commit_free(l, commit_at(n));
}

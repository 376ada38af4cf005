#include "engine/fake_inner.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"

static void deliver_text(struct fake_work *w, struct fake_event *e)
{
	((const struct llm_sink *)w->sink)->on_text(w->owner, w->ticket, e->text);
}

static void deliver_cite(struct fake_work *w, struct fake_event *e)
{
	char why[160];
	AUTO(json) json_t *source = json_parse(bytes_str(e->text), why);

	if (source)
		((const struct llm_sink *)w->sink)->on_cite(w->owner, w->ticket, source);
}

static void deliver_call(struct fake_work *w, struct fake_event *e)
{
	((const struct llm_sink *)w->sink)->on_call(w->owner, w->ticket, e->text, e->more);
}

static void deliver_answered(struct fake_work *w, struct fake_event *e)
{
	((const struct llm_sink *)w->sink)->on_done(w->owner, w->ticket, e->finish, &e->usage);
}

/* The text of the last user message, or "". */
static const char *last_user_text(const json_t *items)
{
	for (size_t i = json_array_size(items); i-- > 0;) {
		const json_t *item = json_array_get(items, i);
		const json_t *part = json_array_get(json_object_get(item, "content"), 0);

		if (strcmp(json_str(item, "role", ""), "user") == 0)
			return json_str(part, "text", json_str(part, "transcript", ""));
	}
	return "";
}

static int keep_request(struct fake *f, const struct llm_request *r)
{
	/* Copies: the caller may change its arrays once start() has returned. */
	json_t *all =
		json_pack("{s:s*,s:o*,s:o*,s:O*,s:i,s:f}", "instructions", r->instructions, "items",
			  json_deep_copy(r->items), "tools", json_deep_copy(r->tools),
			  "tool_choice", r->tool_choice, "max_output_tokens", r->max_output_tokens,
			  "temperature", r->temperature);

	if (!all)
		return -ENOMEM;
	pthread_mutex_lock(&f->lock);
	json_decref(f->last_request);
	f->last_request = all;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

/* Says the default answer. */
static void echo(struct fake_work *w, const struct llm_request *r)
{
	char *text = mem_printf("You said: %s", last_user_text(r->items));

	if (text)
		fake_work_add(w, w->fake->delays.step_us, deliver_text, text);
	else
		fake_work_fail(w);
	mem_free(text);
}

static void (*const say_deliver[])(struct fake_work *w, struct fake_event *e) = {
	[FAKE_TEXT] = deliver_text,        [FAKE_CITE] = deliver_cite, [FAKE_CALL] = deliver_call,
	[FAKE_ERROR] = fake_deliver_error, [FAKE_MAX_TOKENS] = NULL,
};

/* Puts one line of the script in the queue; true: the answer ends with it. */
static bool say_line(struct fake_work *w, struct fake_line *l, enum llm_finish *finish)
{
	if (l->say == FAKE_MAX_TOKENS) {
		*finish = LLM_MAX_TOKENS;
		return false;
	}
	struct fake_event *e = fake_work_add(w, ++w->n_steps * w->fake->delays.step_us,
					     say_deliver[l->say], l->text);

	if (e) {
		e->more = l->more;
		l->more = NULL;
		e->last = l->say == FAKE_ERROR;
	}
	if (l->say == FAKE_CALL)
		*finish = LLM_TOOL_CALLS;
	return l->say == FAKE_ERROR;
}

static int fake_llm_start(struct llm *e, struct llm_job **out, const struct llm_request *r,
			  struct loop *loop, const struct llm_sink *sink, void *owner,
			  uint64_t ticket)
{
	struct fake *f = e->fake;
	enum llm_finish finish = LLM_STOP;
	bool more = true, failed = false;

	if (keep_request(f, r) != 0)
		return -ENOMEM;
	struct fake_work *w = fake_work_new(f, KIND_LLM, loop, sink, owner, ticket);
	if (!w)
		return -ENOMEM;

	struct fake_line *l = fake_script_take(f, KIND_LLM);
	if (!l)
		echo(w, r);
	for (; l; l = more ? fake_script_take(f, KIND_LLM) : NULL) {
		if (!failed)
			failed = say_line(w, l, &finish);
		more = l->more_follow;
		fake_line_free(l);
	}
	struct fake_event *done = failed ? NULL : fake_work_add(w, 0, deliver_answered, NULL);
	if (done) {
		done->last = true;
		done->finish = finish;
		done->usage = (struct llm_usage){ .input_tokens = 10, .output_tokens = 10 };
	}
	*out = CONTAINER_OF(w, struct llm_job, w);
	return 0;
}

static void fake_llm_cancel(struct llm_job *j)
{
	fake_work_over(&j->w);
}

static void fake_llm_free(struct llm *e)
{
	fake_end_work(e->fake, KIND_LLM);
}

const struct llm_ops fake_llm_ops = {
	.name = "fake",
	.start = fake_llm_start,
	.cancel = fake_llm_cancel,
	.free = fake_llm_free,
};

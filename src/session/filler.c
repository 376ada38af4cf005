#include "session/filler.h"

#include <string.h>

#include "base/alloc.h"
#include "session/state.h"

enum {
	LATENCY_MS = 2000, /* Voice Live's default                                          */
	TOOL_MS = 300,     /* a tool that is quicker is not worth a sentence                */
	WORDS_MAX = 300,   /* octets of one                                                 */
	TOKENS = 50,       /* of one that a model writes                                    */
};

static const char default_text[] = "One moment, please.";
static const char default_instructions[] =
	"The user has asked something and waits; the answer takes a moment. Say one short, natural sentence "
	"that bridges the wait, in the user's language. Do not answer, and promise nothing.";

static struct response *of(struct node *n)
{
	return CONTAINER_OF(n, struct response, node);
}

/* --- what is configured ------------------------------------------------------------------ */

enum filler_kind { FILLER_NONE, FILLER_STATIC, FILLER_MODEL };

/* "static_interim_response" or "static-interim-response". */
static enum filler_kind kind_of(const json_t *config)
{
	const char *type = json_str(config, "type", "");

	if (strncmp(type, "static", 6) == 0)
		return FILLER_STATIC;
	return strncmp(type, "llm", 3) == 0 ? FILLER_MODEL : FILLER_NONE;
}

static const json_t *config_of(const struct response *r)
{
	return json_object_get(r->config, "interim_response");
}

static bool triggered_by(const json_t *config, const char *what)
{
	const json_t *triggers = json_object_get(config, "triggers");

	return json_array_size(triggers) ? json_has_word(triggers, what)
					 : strcmp(what, "latency") == 0;
}

/* A tool at work for this response that brings a sentence of its own. */
static const struct tool_def *tool_with_filler(const struct response *r)
{
	const struct list *calls = &r->s->calls;

	for (const struct node *n = calls->head.next; n != &calls->head; n = n->next) {
		const struct tool_call *c =
			CONTAINER_OF((struct node *)(uintptr_t)n, struct tool_call, node);

		if (c->r == r && c->ticket && c->def->filler)
			return c->def;
	}
	return NULL;
}

/* How long nothing may be said; UINT64_MAX: for ever. */
static uint64_t patience_us(const struct response *r)
{
	const json_t *config = config_of(r);
	int64_t latency = json_int(config, "latency_threshold_ms", LATENCY_MS);
	uint64_t ms = UINT64_MAX;

	if (kind_of(config) != FILLER_NONE) {
		if (triggered_by(config, "latency"))
			ms = (uint64_t)MIN(MAX(latency, 0), 60000);
		if (triggered_by(config, "tool") && r->n_calls)
			ms = MIN(ms, (uint64_t)TOOL_MS);
	}
	if (tool_with_filler(r))
		ms = MIN(ms, (uint64_t)LATENCY_MS);
	return ms == UINT64_MAX ? ms : ms * US_PER_MS;
}

/* --- when -------------------------------------------------------------------------------- */

static bool waits(const struct response *r)
{
	return r->filler.wait_us && !r->filler.said && !r->filler.llm && r->state == RESP_ACTIVE &&
	       !r->thought && !r->set.text_only && list_empty(&r->pieces) && !r->clause.text.n &&
	       (r->llm || r->n_calls || r->up.asked);
}

static uint64_t due_us(const struct response *r)
{
	uint64_t patience = waits(r) ? patience_us(r) : UINT64_MAX;

	if (patience == UINT64_MAX)
		return UINT64_MAX;
	/* From the end of what can still be heard of it. */
	uint64_t heard = r->first_sent_us ? r->first_sent_us + r->sent * US_PER_S / r->out_hz : 0;
	return MAX(r->filler.wait_us, heard) + patience;
}

uint64_t filler_next_us(const struct session *s)
{
	uint64_t next = UINT64_MAX;

	for (struct node *n = s->responses.head.next; n != &s->responses.head; n = n->next)
		next = MIN(next, due_us(of(n)));
	return next;
}

void filler_wait(struct response *r)
{
	r->filler.wait_us = r->s->now_us;
}

void filler_new_round(struct response *r)
{
	r->filler.said = false;
}

/* --- saying ------------------------------------------------------------------------------ */

static void say(struct response *r, const char *text, size_t n)
{
	while (n && (text[n - 1] == ' ' || text[n - 1] == '\n'))
		n--;
	n = MIN(n, (size_t)WORDS_MAX);
	while (n && ((uint8_t)text[n] & 0xC0) == 0x80)
		n--; /* no half character */
	if (!n)
		return;
	struct piece *p = piece_add(r, PIECE_CLAUSE, text, n);
	if (!p) {
		session_oom(r->s);
		return;
	}
	p->filler = true;
	r->filler.at = r->text.n;
	if (r->text.n && r->text.p[r->text.n - 1] != ' ')
		buf_putc(&r->text, ' ');
	buf_put(&r->text, text, n);
	r->cited_before = r->cited_to;
	r->cited_to = r->text.n;
	r->fresh = true;
	if (r->text.failed)
		session_oom(r->s);
	speak_next(r);
}

void filler_say(struct response *r, const char *text)
{
	r->filler.said = true;
	say(r, text, strlen(text));
}

static const char *some_text(struct response *r, const json_t *config)
{
	const json_t *texts = json_object_get(config, "texts");
	size_t n = json_array_size(texts);
	uint32_t pick = 0;

	if (n > 1)
		env_rand(&r->s->env, &pick, sizeof(pick));
	const char *text = n ? json_string_value(json_array_get(texts, pick % n)) : NULL;
	return text && *text ? text : default_text;
}

static void ask_model(struct response *r, const json_t *config)
{
	struct session *s = r->s;
	AUTO(json) json_t *items = conv_items(&s->conv, 2048);
	AUTO(json) json_t *none = json_array();
	AUTO(json) json_t *choice = json_string("none");
	int64_t tokens = json_int(config, "max_completion_tokens", TOKENS);
	const struct llm_request q = { .instructions = json_str(config, "instructions",
								default_instructions),
				       .items = items,
				       .tools = none,
				       .tool_choice = choice,
				       .max_output_tokens = (int)MIN(MAX(tokens, 1), 500),
				       .temperature = 0.8 };

	r->filler.text.n = 0;
	r->filler.ticket = session_ticket(s);
	if (!items || !none || !choice)
		session_oom(s);
	else if (think_start(r, &r->filler.llm, &q, r->filler.ticket) != 0)
		r->filler.llm = NULL;
}

static void begin(struct response *r)
{
	const json_t *config = config_of(r);
	const struct tool_def *tool = tool_with_filler(r);
	enum filler_kind kind = kind_of(config);

	r->filler.said = true;
	if (tool) {
		say(r, tool->filler, strlen(tool->filler));
	} else if (kind == FILLER_MODEL && r->engines && r->engines->llm_ops &&
		   strcmp(r->engines->llm_ops->name, "extract") != 0) {
		ask_model(r, config);
	} else {
		const char *text = some_text(r, config);
		say(r, text, strlen(text));
	}
}

void filler_on_time(struct session *s)
{
	LIST_FOR (&s->responses, n)
		if (s->now_us >= due_us(of(n)))
			begin(of(n));
}

/* --- what the model writes --------------------------------------------------------------- */

static struct response *writer(struct session *s, uint64_t ticket)
{
	LIST_FOR (&s->responses, n)
		if (of(n)->filler.llm && of(n)->filler.ticket == ticket)
			return of(n);
	return NULL;
}

bool filler_on_text(struct session *s, uint64_t ticket, const char *text)
{
	struct response *r = writer(s, ticket);

	if (r && r->filler.text.n < WORDS_MAX)
		buf_puts(&r->filler.text, text);
	if (r && r->filler.text.failed)
		session_oom(s);
	return r;
}

bool filler_on_end(struct session *s, uint64_t ticket, const struct llm_usage *u)
{
	struct response *r = writer(s, ticket);

	if (!r)
		return false;
	r->filler.llm = NULL;
	if (u)
		cost_answered(s, r->engines, u);
	if (u && !s->broken && list_empty(&r->pieces) && !r->thought && r->filler.text.n)
		say(r, (const char *)r->filler.text.p, r->filler.text.n);
	return true;
}

/* --- the end ----------------------------------------------------------------------------- */

static void stop_model(struct response *r)
{
	if (r->filler.llm)
		r->engines->llm_ops->cancel(r->filler.llm);
	r->filler.llm = NULL;
}

void filler_drop(struct response *r)
{
	stop_model(r);
	r->filler.wait_us = 0;
	LIST_FOR (&r->pieces, n) {
		struct piece *p = CONTAINER_OF(n, struct piece, node);

		if (!p->filler || p->shown)
			continue;
		if (r->speaking == p)
			speak_stop(r);
		node_unlink(n);
		piece_free(p);
		r->text.n = r->filler.at;
		r->cited_to = r->cited_before;
	}
}

void filler_cancel(struct response *r)
{
	stop_model(r);
	r->filler.wait_us = 0;
}

void filler_done(struct filler *f)
{
	buf_done(&f->text);
}

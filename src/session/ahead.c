#include "session/ahead.h"

#include <string.h>

#include "base/alloc.h"
#include "engine/covers.h"
#include "session/state.h"

static const double good_evidence = 0.6; /* search's confidence; "nothing found" is below 0.45 */

/* The documents' search, where it may be run for nothing; NULL: there is none. */
static const struct tool_def *search_of(const struct session *s)
{
	struct tool_entry *e;
	const struct tool_def *def = s->engines.search_ahead ? tools_find(s, "search", &e) : NULL;

	return def && !e && def->effect == TOOL_READS && def->when == TOOL_NOW ? def : NULL;
}

static bool same(const char *a, const char *b)
{
	struct sought x, y;

	if (!a)
		return false;
	sought_make(&x, a);
	sought_make(&y, b);
	return sought_same(&x, &y);
}

static void set(struct session *s, char **to, const char *text)
{
	mem_free(*to);
	*to = text ? mem_strdup(text) : NULL;
	if (text && !*to)
		session_oom(s);
}

static char *arguments_of(const char *query)
{
	AUTO(buf) struct buf b = { 0 };

	buf_puts(&b, "{\"query\":");
	json_quote(&b, bytes_str(query));
	buf_puts(&b, "}");
	buf_putc(&b, 0);
	return b.failed ? NULL : buf_take(&b);
}

static void start(struct session *s, const struct tool_def *def, const char *words)
{
	struct ahead *a = &s->ahead;
	AUTO(mem) char *arguments = arguments_of(words);
	const struct tool_request q = { arguments, s->groups };

	set(s, &a->query, words);
	if (!arguments || !a->query) {
		session_oom(s);
		return;
	}
	uint64_t ticket = session_ticket(s);
	int err = def->ops->start(def->tool, &a->job, &q, s->loop, &tools_tool_sink, s, ticket);
	if (session_answer(s, REC_START, err != 0) != 0)
		return;
	a->ticket = ticket;
	a->def = def;
}

void ahead_words(struct session *s, const char *words)
{
	struct ahead *a = &s->ahead;
	const struct tool_def *def = s->kind == SESSION_REALTIME ? search_of(s) : NULL;
	struct sought now;

	if (!def || s->broken)
		return;
	sought_make(&now, words);
	if (!now.n || now.more)
		return;
	if (a->ticket)
		set(s, &a->next, same(a->query, words) ? NULL : words);
	else if (!same(a->found_for, words) || s->now_us > a->found_us + (uint64_t)AHEAD_FRESH_S * US_PER_S)
		start(s, def, words);
}

/* --- what was found ---------------------------------------------------------------------- */

static bool covers(const struct response *r, const char *looked_for, const char *query)
{
	struct sought x, y;

	if (!looked_for)
		return false;
	if (r->engines && r->engines->llm_ops && r->engines->llm_ops->cites)
		return sought_verbatim(looked_for, query);
	sought_make(&x, looked_for);
	sought_make(&y, query);
	return sought_covers(&x, &y);
}

static bool is_fresh(const struct session *s)
{
	return s->ahead.found && s->now_us <= s->ahead.found_us + (uint64_t)AHEAD_FRESH_S * US_PER_S;
}

enum ahead_hit ahead_look(const struct response *r, const char *arguments, const char **output)
{
	const struct session *s = r->s;
	const struct ahead *a = &s->ahead;
	char why[160];
	AUTO(json) json_t *v = json_parse(bytes_str(arguments), why);
	const char *query = json_object_size(v) == 1 ? json_str(v, "query", NULL) : NULL;

	if (!query || !search_of(s))
		return AHEAD_NOT;
	if (is_fresh(s) && covers(r, a->found_for, query)) {
		*output = a->found;
		return AHEAD_NOW;
	}
	return a->ticket && covers(r, a->query, query) ? AHEAD_SOON : AHEAD_NOT;
}

const char *ahead_evidence(const struct response *r, const char *words)
{
	const struct session *s = r->s;
	char why[160];

	if (!s->engines.search_first || !search_of(s) || !is_fresh(s) || !same(s->ahead.found_for, words) ||
	    !covers(r, s->ahead.found_for, words))
		return NULL;
	AUTO(json) json_t *v = json_parse(bytes_str(s->ahead.found), why);
	return json_num(v, "confidence", 0) >= good_evidence ? s->ahead.found : NULL;
}

bool ahead_on_output(struct session *s, uint64_t ticket, const char *output)
{
	struct ahead *a = &s->ahead;

	if (!ticket || ticket != a->ticket)
		return false;
	a->ticket = 0;
	if (strlen(output) <= TOOL_OUTPUT_MAX && strncmp(output, "{\"error\"", 8) != 0) {
		set(s, &a->found, output);
		mem_free(a->found_for);
		a->found_for = a->query;
		a->query = NULL;
		a->found_us = s->now_us;
	}
	tools_on_ahead(s, output);
	AUTO(mem) char *next = a->next;
	a->next = NULL;
	if (next)
		ahead_words(s, next);
	return true;
}

void ahead_free(struct session *s)
{
	struct ahead *a = &s->ahead;

	if (a->ticket)
		a->def->ops->cancel(a->job);
	mem_free(a->query);
	mem_free(a->next);
	mem_free(a->found_for);
	mem_free(a->found);
	*a = (struct ahead){ 0 };
}

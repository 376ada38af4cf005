#include "session/consent.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/client_tool.h"
#include "engine/assent.h"
#include "session/state.h"

enum { SHORTLY = 160 }; /* octets of the arguments that are said */

/* --- what the model has been shown ------------------------------------------------------- */

static bool has_output(const json_t *items)
{
	for (size_t i = 0; i < json_array_size(items); i++)
		if (strcmp(json_str(json_array_get(items, i), "type", ""), "function_call_output") == 0)
			return true;
	return false;
}

static bool has_read(const struct response *r)
{
	const struct conversation *c = &r->s->conv;

	if (r->read || has_output(r->input))
		return true;
	for (const struct node *n = c->items.head.next; !r->input && n != &c->items.head; n = n->next)
		if (CONTAINER_OF((struct node *)(uintptr_t)n, struct item, node)->type == ITEM_CALL_OUTPUT)
			return true;
	return false;
}

bool consent_needed(const struct response *r, const struct tool_def *def)
{
	return def->effect == TOOL_ACTS && !def->unasked && has_read(r);
}

/* --- what the user says ------------------------------------------------------------------ */

enum consent_word consent_word(const struct response *r)
{
	const struct consent *c = &r->s->consent;
	const struct item *it = conv_last_of_user(&r->s->conv);
	const char *words = r->heard;

	if (!c->name || r->oob || r->input)
		return CONSENT_NONE;
	if (!words && it && strcmp(it->id, c->after) != 0 && !it->awaits_words)
		words = item_words(it);
	if (!words)
		return CONSENT_NONE;
	return assent_of(words) == ASSENT_YES ? CONSENT_GIVEN : CONSENT_DENIED;
}

void consent_clear(struct session *s)
{
	mem_free(s->consent.name);
	mem_free(s->consent.arguments);
	s->consent = (struct consent){ 0 };
}

static bool same_arguments(const char *a, const char *b)
{
	char why[160];
	AUTO(json) json_t *v = json_parse(bytes_str(a), why);
	AUTO(json) json_t *w = json_parse(bytes_str(b), why);

	return v && w && json_equal(v, w);
}

bool consent_take(struct response *r, const struct tool_ask *a)
{
	struct session *s = r->s;

	if (consent_word(r) != CONSENT_GIVEN || strcmp(s->consent.name, a->name) != 0 ||
	    !same_arguments(s->consent.arguments, a->arguments))
		return false;
	consent_clear(s);
	return true;
}

/* --- asking ------------------------------------------------------------------------------ */

static const struct {
	const char *language, *before, *behind;
} sentences[] = {
	{ "en", "Shall I do this: ", "?" },
	{ "de", "Soll ich das tun: ", "?" },
	{ "fr", "Dois-je faire cela : ", " ?" },
	{ "es", "¿Quiere que haga esto: ", "?" },
};

static size_t sentence_of(const struct session *s)
{
	const char *language = s->set.language ? s->set.language : s->language;

	for (size_t i = 0; language && i < ARRAY_LEN(sentences); i++)
		if (strncasecmp(language, sentences[i].language, 2) == 0)
			return i;
	return 0;
}

/* "send mail, to: Bob, subject: the key", cut where it is long. */
static void describe(const struct tool_ask *a, struct buf *to)
{
	size_t begin = to->n;
	for (const char *p = a->name; *p; p++)
		buf_putc(to, *p == '_' || *p == '-' || *p == '.' ? ' ' : *p);
	size_t name = to->n;
	buf_puts(to, ", ");
	client_text(a->arguments, to);
	while (to->n > name && strchr("., !?\n", to->p[to->n - 1]))
		to->n--;
	if (to->n > name + SHORTLY) {
		to->n = name + SHORTLY;
		while (to->n > name && (to->p[to->n] & 0xC0) == 0x80)
			to->n--;
		buf_puts(to, " …");
	}
	/* One sentence: whatever stands in the arguments does not end it. */
	for (size_t i = begin; !to->failed && i < to->n; i++)
		if (to->p[i] && strchr("?!\n\r", to->p[i]))
			to->p[i] = ',';
		else if (to->p[i] == '.' && (i + 1 == to->n || to->p[i + 1] == ' '))
			to->p[i] = ',';
}

void consent_wait(struct session *s, const struct tool_ask *a)
{
	const struct item *it = conv_last_of_user(&s->conv);

	/* The words that may be a yes to it are on their way. */
	if (it && it->awaits_words && s->consent.name && strcmp(s->consent.name, a->name) == 0)
		return;
	consent_clear(s);
	s->consent.name = mem_strdup(a->name);
	s->consent.arguments = mem_strdup(a->arguments[0] ? a->arguments : "{}");
	snprintf(s->consent.after, sizeof(s->consent.after), "%s", it ? it->id : "");
	if (!s->consent.name || !s->consent.arguments) {
		consent_clear(s);
		session_oom(s);
	}
}

void consent_ask(struct response *r, const struct tool_ask *a)
{
	AUTO(buf) struct buf what = { 0 };

	size_t in = sentence_of(r->s);
	buf_puts(&what, sentences[in].before);
	describe(a, &what);
	buf_puts(&what, sentences[in].behind);
	buf_putc(&what, 0);
	if (what.failed) {
		session_oom(r->s);
		return;
	}
	consent_wait(r->s, a);
	r->asks_consent = true;
	speak_flush(r);
	speak_text(r, (const char *)what.p);
	speak_flush(r);
}

/* consent.h - what has been read may not act: the user is asked first.
 *
 * A text that a tool has read may try to give orders. So where the model has been shown any tool's
 * output, a server's tool that changes something (TOOL_ACTS, unless the operator says `unasked`) runs only
 * after the user has agreed to this very call. For a language model the session asks by itself: it
 * says what is to be done and ends the response; the next thing the user says or writes decides. A clear
 * yes (assent.h) makes the call and the model answers with its output, anything else drops it, and the
 * model is told. For whoever runs tools otherwise the call fails with "consent_required": the
 * model asks, and the same call once more succeeds if the user has said yes in between.
 *
 * The functions of clients are their own business.
 */
#pragma once

#include "engine/ops.h"

struct response;
struct session;
struct tool_ask;

/* The call that waits for the user's word. */
struct consent {
	char *name; /* NULL: none */
	char *arguments;
	char after[65]; /* id of what the user had said last when it was asked, "": nothing */
};

/* May this call not run before the user has been asked? */
bool consent_needed(const struct response *r, const struct tool_def *def);
/* Remembers the call, in place of one that waits. */
void consent_wait(struct session *s, const struct tool_ask *a);
/* Says what is to be done, and remembers it. */
void consent_ask(struct response *r, const struct tool_ask *a);

enum consent_word {
	CONSENT_NONE, /* nothing waits, or the user has said nothing since */
	CONSENT_GIVEN,
	CONSENT_DENIED,
};
enum consent_word consent_word(const struct response *r);
/* The user has agreed to this very call: true, once. */
bool consent_take(struct response *r, const struct tool_ask *a);
void consent_clear(struct session *s);

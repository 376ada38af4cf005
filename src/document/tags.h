/* tags.h - an XML document's tags and text, one after another, to a table of handlers.
 *
 * libxml2's SAX parser over memory: no tree, no network, no file; no entity is expanded but
 * the five that XML has itself, so none can be a bomb. Names are local names ("p" for
 * <w:p>). Used for the parts of office files and books; pages are html.h's.
 */
#pragma once

#include "document/extract.h"

struct tags; /* where the parser stands; lives as long as the handler's call */

struct tag {
	const char *name;
	void (*open)(void *ctx, struct tags *t);  /* NULL: nothing to do */
	void (*close)(void *ctx, struct tags *t);
};

struct tag_table {
	const struct tag *tag;
	size_t n;
	void (*text)(void *ctx, struct bytes t); /* in pieces of any length; NULL: not wanted */
};

/* EXTRACT_OK, EXTRACT_MALFORMED (what came before the fault has been handled) or
 * EXTRACT_NO_MEMORY. */
MUST_USE enum extract_verdict tags_walk(struct bytes xml, const struct tag_table *table, void *ctx);

/* Load what the parser loads once in a process. */
void tags_warm(void);

/* In a handler of `open`: an attribute's value, borrowed for the call; absent: {NULL, 0}. */
struct bytes tags_attr(const struct tags *t, const char *name);
/* The last of that name: <p:sldId id="256" r:id="rId2"/> has two. */
struct bytes tags_attr_last(const struct tags *t, const char *name);
bool tags_attr_is(const struct tags *t, const char *name, const char *value);
/* As a number; `fallback` when absent or none. */
long tags_attr_int(const struct tags *t, const char *name, long fallback);
/* In a handler of `open`: handle nothing up to the end of this element, its close included. */
void tags_skip(struct tags *t);
/* The same as a handler, for a table. */
void tags_skip_it(void *ctx, struct tags *t);
/* Handlers of an element that holds text, such as <w:t>: a table that has them is handed only what
 * stands in such elements. */
void tags_text_open(void *ctx, struct tags *t);
void tags_text_close(void *ctx, struct tags *t);
/* In any handler: read no further; the verdict is EXTRACT_OK. */
void tags_stop(struct tags *t);

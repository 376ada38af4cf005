/* clause.h - cuts an answer that is still being written into pieces to speak.
 *
 * Pure and incremental: text goes in as it comes, pieces come out as soon as they are
 * safe. The first piece is short, because somebody waits for it: at least two words up to
 * a comma, semicolon, colon, dash or the end of a sentence, or CLAUSE_FIRST_WORDS words up
 * to a place where a phrase begins. Later pieces are sentences; a sentence longer than
 * CLAUSE_LONG_WORDS is cut at a comma or where a phrase begins. A stop behind a plain word
 * ends a sentence when the text so far ends there; of others, what follows them says so.
 */
#pragma once

#include "base/buf.h"

enum { CLAUSE_FIRST_WORDS = 8, CLAUSE_LONG_WORDS = 30, CLAUSE_MAX_OCTETS = 1000 };

/* Zero is a valid start of an answer. */
struct clause {
	struct buf text; /* what has not been handed out          */
	size_t taken;    /* octets of the piece handed out last   */
	bool begun;      /* the first piece has been handed out   */
};

/* Appends. On lack of memory c->text.failed is set and the text is left out. */
void clause_push(struct clause *c, const char *delta);

enum clause_when { CLAUSE_MORE, CLAUSE_END };
/* The next piece without outer white space, or NULL: nothing is ready. CLAUSE_END: no more
 * text comes, so give what is left. Borrowed until the next call. */
const char *clause_next(struct clause *c, enum clause_when when);

void clause_done(struct clause *c);
static inline void clause_auto_(struct clause *c)
{
	clause_done(c);
}

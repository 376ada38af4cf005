/* answer.h - picks the sentences of a search's results that answer a question.
 *
 * Pure. Understands `search`'s output: {"results": [{"document", "file", "title", "page"?,
 * "heading"?, "start", "end", "text", "score", "coverage"}]}, best first; start and end are
 * octets of the document, text is what stands between them.
 *
 * A sentence scores by the question's informative words in it, each weighted by how rare
 * it is among the results; its heading and the sentence before a pronoun lend theirs.
 * What the question asks for (a number, a person, a time, a place) counts too. Below a
 * threshold there is no answer: better none than a wrong one.
 */
#pragma once

#include "base/json.h"

enum { ANSWER_PARTS_MAX = 2 };

/* Neighbouring sentences of one passage, quoted. */
struct answer_part {
	char *text;      /* to say: without markup, ends with a stop */
	json_t *source;  /* {document, title, page?, heading?, start, end, quote} */
	char *whereabouts; /* "That is in the staff handbook, page 3." */
};

/* Zero is valid. */
struct answer {
	struct answer_part parts[ANSWER_PARTS_MAX];
	size_t n_parts; /* 0: nothing answers */
};

/* What to search for: the question, with the informative words of the question before
 * (may be NULL) when it has fewer than two of its own. The caller frees; NULL: no memory. */
MUST_USE char *answer_query(const char *question, const char *before);

/* 0 or -ENOMEM. `query` is answer_query()'s, `results` search's output. */
MUST_USE int answer_find(struct answer *a, const char *query, const json_t *results);

/* Up to three informative words of the query, for "I found nothing about …"; "" when there
 * is no short, safe name for it. The caller frees; NULL: no memory. */
MUST_USE char *answer_topic(const char *query);

void answer_done(struct answer *a);
static inline void answer_auto_(struct answer *a)
{
	answer_done(a);
}

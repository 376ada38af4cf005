/* answer.h - picks the sentences of a search's results that answer a question.
 *
 * Pure. Understands `search`'s output: {"results": [{"document", "file", "title", "page"?,
 * "heading"?, "start", "end", "text", "score", "coverage"}]}, best first; start and end are
 * octets of the document, text is what stands between them.
 *
 * A sentence answers only if it states the kind of thing asked for (shape.h), meets the
 * words that name it (question.h), and enough of the weight of all informative words;
 * headings, title and the sentence before lend theirs. Better no answer than a wrong one:
 * docs/engine.md has the rules and the thresholds. Words weigh as the results' "words" say,
 * where they are there, else by rarity among the results.
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

/* What to search for: the question, with what the question before (may be NULL) was about when
 * this one has no subject of its own, or leans on it (a pronoun, "and …", "what about …", "on
 * weekends?") and has fewer than three informative words. The caller frees; NULL: no memory. */
MUST_USE char *answer_query(const char *question, const char *before);
/* Has it words that tell what it is about? "How much is it?" has none. */
MUST_USE bool answer_has_subject(const char *question);

/* How the question came. Of a heard one some words may be wrong, mostly into words that the
 * documents do not have: those count little, and one that is missing is forgiven sooner. */
enum answer_manner { ANSWER_TYPED, ANSWER_HEARD };

/* 0 or -ENOMEM. `query` is answer_query()'s, `results` search's output. */
MUST_USE int answer_find(struct answer *a, const char *query, enum answer_manner m,
			 const json_t *results);


void answer_done(struct answer *a);
static inline void answer_auto_(struct answer *a)
{
	answer_done(a);
}

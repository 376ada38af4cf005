/* answer.h - picks the sentences of a search's results that answer a question.
 *
 * Pure. Understands `search`'s output: {"results": [{"document", "file", "title", "page"?,
 * "heading"?, "start", "end", "text", "score", "coverage"}]}, best first; start and end are
 * octets of the document, text is what stands between them.
 *
 * What speaks for a sentence (enum answer_evidence) is weighed twice: which sentence answers best,
 * and whether to say it. Better no answer than a wrong one: docs/engine.md has the rules and
 * where the weights come from. Words weigh as the results' "words" say, where they are there,
 * else by rarity among the results.
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

/* What to search for: the question, with what the question before (may be NULL) was about
 * when it has fewer than two informative words of its own, or three and a pronoun. The
 * caller frees; NULL: no memory. */
MUST_USE char *answer_query(const char *question, const char *before);

/* How the question came. Of a heard one some words may be wrong, mostly into words that the
 * documents do not have: those count little, and one that is missing is forgiven sooner. */
enum answer_manner { ANSWER_TYPED, ANSWER_HEARD };

/* 0 or -ENOMEM. `query` is answer_query()'s, `results` search's output. */
MUST_USE int answer_find(struct answer *a, const char *query, enum answer_manner m,
			 const json_t *results);

/* What speaks for a sentence, and for its passage. */
enum answer_evidence {
	ANSWER_COVERED,	  /* 0..1: of the question's weight, with what stands around        */
	ANSWER_PASSAGE,	  /* 0..1: the same for the whole passage and its headings          */
	ANSWER_SHAPED,	  /* a kind of thing is asked for, and stated                       */
	ANSWER_SHAPELESS, /* … and not stated                                               */
	ANSWER_NO_RAREST, /* the rarest word of the question is missing                     */
	ANSWER_NO_KEY,	  /* a word is missing that names what is asked for                 */
	ANSWER_BEGINS,	  /* 1: it begins with the question's words, 2: it defines them     */
	ANSWER_PLACE,	  /* the passage's score in the search, 0..1                        */
	ANSWER_DEFINES,	  /* "what is X" was asked                                          */
	ANSWER_EVIDENCE
};

/* answer_find() that also shows each sentence: for bench/answer_fit.py, which finds the weights. */
typedef void answer_each_fn(void *ctx, size_t result, struct bytes sentence,
			    const double evidence[static ANSWER_EVIDENCE]);
MUST_USE int answer_find_with(struct answer *a, const char *query, enum answer_manner m, const json_t *results,
			      answer_each_fn *each, void *ctx);

/* Up to three informative words of the query, for "I found nothing about …"; "" when there
 * is no short, safe name for it. The caller frees; NULL: no memory. */
MUST_USE char *answer_topic(const char *query);

void answer_done(struct answer *a);
static inline void answer_auto_(struct answer *a)
{
	answer_done(a);
}

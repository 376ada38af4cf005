/* words.h - words of a text, as the index and the questions see them.
 *
 * A word is a run of letters and digits, lower-case, its accents folded ("Café's" is
 * "cafe"); numbers keep their points ("3.5", "12.0.3") and lose their commas ("10,000"
 * is "10000"). A term is what is counted: the word's stem (Porter 1980), a written-out
 * number as digits. Positions are octets. Pure functions; they never fail.
 */
#pragma once

#include "base/bytes.h"

enum { WORD_MAX = 40 }; /* octets; a longer word is cut for counting, not in its range */

struct word {
	size_t start, end; /* in the text */
	size_t n;          /* octets in s */
	char s[WORD_MAX + 1];
};

/* The next word at or after *pos, which is moved behind it. false: no more. */
MUST_USE bool word_next(struct bytes text, size_t *pos, struct word *out);
/* How many words. */
size_t words_count(struct bytes text);

/* In place: the word becomes its term. */
void word_to_term(struct word *w);
/* Says nothing about a text's subject: articles, pronouns, the verbs of questions. Ask
 * with the word, not the term. */
MUST_USE bool word_is_stop(const struct word *w);

/* adapt.h - the documents' words and sentences, in the form the recogniser takes.
 *
 * Users ask, documents state: besides every sentence, questions made of it are counted
 * ("The Mirrawick may carry ten people" -> "may the mirrawick carry", "how many people may
 * the mirrawick carry", "what is the mirrawick"), and the openings of common questions.
 * The result is a dictionary of the words that the general one lacks, and a language model
 * (lm.h). Works on texts given one by one; needs no store. One thread at a time; takes
 * about 20 ms per 1,000 sentences and a second for the dictionary.
 */
#pragma once

#include "base/buf.h"

struct adapt;

/* general_dict NULL: PocketSphinx's English one. -ENOENT: it is not there. */
MUST_USE int adapt_new(struct adapt **out, const char *general_dict);
void adapt_free(struct adapt *a);
AUTO_DEF(adapt)

/* Any run of text, UTF-8: a passage, a title, a heading. Newlines end sentences. */
MUST_USE int adapt_add(struct adapt *a, struct bytes text);

struct adapt_stats {
	size_t n_sentences, n_questions, n_new_words;
};

/* Writes both files anew (a temporary name first, then renamed). 0 or −errno; -EINVAL:
 * no text was added. stats may be NULL. */
MUST_USE int adapt_write(struct adapt *a, const char *dict_path, const char *lm_path,
			 struct adapt_stats *stats);

/* The words of a text as the recogniser has them, separated by single blanks, appended:
 * lower-case, numbers in words. For tests and for comparing with what was heard. */
void adapt_words(struct buf *out, struct bytes text);

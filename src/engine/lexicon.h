/* lexicon.h - which words the recogniser knows, and how to say those it does not.
 *
 * Reads the words of a CMU-style dictionary ("word PH ON ES" per line, "word(2)" for a
 * second way). A word that is missing is spelled out by Flite's letter-to-sound rules in
 * the dictionary's phones; an acronym also letter by letter; digits as number words. Words
 * are lower-case ASCII letters, digits, apostrophes. Not thread-safe.
 */
#pragma once

#include "base/buf.h"

struct lexicon;

/* -ENOENT: no such file; -ENOMEM. */
MUST_USE int lexicon_new(struct lexicon **out, const char *dict_path);
void lexicon_free(struct lexicon *l);
AUTO_DEF(lexicon)

MUST_USE bool lexicon_knows(const struct lexicon *l, const char *word);

/* How the word was written: an acronym is tried letter by letter first. */
enum lexicon_case { LEXICON_WORD, LEXICON_ACRONYM };

/* Appends the dictionary lines of an unknown word, one to three. Nothing for a word that
 * cannot be said, such as one of 30 letters or more. False: nothing was appended. */
MUST_USE bool lexicon_pronounce(const char *word, enum lexicon_case c, struct buf *out);

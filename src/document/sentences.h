/* sentences.h - where sentences end. What an answer quotes is a sentence.
 *
 * Works on text as struct outline holds it: a newline always ends a sentence (blocks are
 * one line each). Knows abbreviations, initials, enumerations, decimals, file names.
 * Positions are octets on character boundaries. Never fails.
 */
#pragma once

#include "base/bytes.h"

struct span {
	size_t start, end;
};

/* The next sentence at or after *pos, trimmed; *pos is moved behind it. false: no more. */
MUST_USE bool sentence_next(struct bytes text, size_t *pos, struct span *out);

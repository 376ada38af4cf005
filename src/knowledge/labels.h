/* labels.h - sets of words in one string: a document's labels, a session's groups.
 *
 * "\n" before, between and after them: "\nhr\nlegal\n"; "" is the empty set. Pure.
 *
 * A document may be read where one of its labels is among the session's groups, or where it
 * has none. Groups of NULL read everything: that is the server's operator.
 */
#pragma once

#include "base/buf.h"

/* Of one word in octets, and of the words in a set that comes from outside. */
enum { LABEL_MAX = 64, LABELS_MAX = 16, LABELS_SIZE = LABELS_MAX * (LABEL_MAX + 1) + 2 };

/* 1 to LABEL_MAX octets of UTF-8 without control characters, blanks at its ends and commas. */
MUST_USE bool label_valid(struct bytes word);
/* Adds a valid word; one that is there already is not added again. false: the set is full. */
MUST_USE bool labels_add(char set[static LABELS_SIZE], struct bytes word);
MUST_USE bool labels_have(const char *set, struct bytes word);
/* Are all words of `part` in `set`? */
MUST_USE bool labels_within(const char *part, const char *set);
/* May a document with these labels be read? */
MUST_USE bool labels_admit(const char *labels, const char *groups);

/* The words of a set, one after the other. *pos begins at 0; false: no more. */
MUST_USE bool labels_next(const char *set, size_t *pos, struct bytes *word);

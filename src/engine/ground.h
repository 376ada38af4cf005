/* ground.h - which passage a sentence of an answer rests on.
 *
 * For models that answer from search's results and do not say from which: each finished sentence is
 * held against the sentences of all passages. It rests on the one to three neighbouring sentences that
 * share most of the weight of its words; every number it states must stand there, and every name at least in
 * the passage, its headings or its title. Words count by their stems, written-out numbers as
 * figures ("one hundred and twenty" is 120), a few plain words for each other (synonym.h). A sentence for which
 * nothing stands like that rests on nothing: better no citation than a wrong one.
 *
 * It finds the place that a sentence is about; it does not prove the sentence. Pure but for memory; a
 * sentence against eight passages takes some 20 µs.
 */
#pragma once

#include "base/json.h"

struct ground;

enum {
	GROUND_ROWS_MAX = 32, /* passages; further ones are left out             */
	GROUND_WINDOW = 3,    /* neighbouring sentences that a sentence may rest on */
};

MUST_USE int ground_new(struct ground **out);
void ground_free(struct ground *g);
AUTO_DEF(ground)

/* Adds the passages of one search: {"results": [{document, title, page?, heading, start, end, text}]}; keeps
 * references. A passage that is there already is not added again. Anything else adds nothing. 0 or -ENOMEM. */
MUST_USE int ground_add(struct ground *g, const json_t *output);
size_t ground_rows(const struct ground *g);

/* The next sentence of an answer at or after *pos, which is moved behind it. false: no more. */
MUST_USE bool ground_next(struct bytes text, size_t *pos, size_t *start, size_t *end);
/* {document, file, title, page?, heading?, start, end, quote}, a new reference; NULL: it rests on
 * nothing, or (*no_memory) memory ran out. */
MUST_USE json_t *ground_find(const struct ground *g, struct bytes sentence, bool *no_memory);

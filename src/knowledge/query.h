/* query.h - a question as the index understands it.
 *
 * A question is a row of *slots*, one for each word that says something; a slot is met by
 * any of its alternatives: the word's own term, the joined or split form ("conf file",
 * "conffile"), a plain synonym, or what sounds like it where the collection does not know
 * the word. How
 * well a passage or a sentence covers the question is the part of the slots' weight that
 * it meets: 0..1; words the collection has never seen weigh most. Immutable once made.
 */
#pragma once

#include "base/bytes.h"
#include "knowledge/index.h"
#include "knowledge/seen.h"

enum { QUERY_SLOTS = 48, QUERY_ALTERNATIVES = 160 };

enum query_kind { QUERY_EXACT, QUERY_JOINED, QUERY_SPLIT, QUERY_SYNONYM, QUERY_SOUND };

struct query_slot {
	float weight; /* idf */
	int32_t term; /* -1: not in the collection */
	size_t start, end; /* of the word in the question */
};

struct query_alternative {
	enum query_kind kind;
	int32_t term;
	float quality;          /* 0..1: how well it meets its slots */
	float weight;           /* in the ranking, idf included      */
	uint8_t first, n_slots; /* the slots it meets                */
};

struct query {
	struct query_slot slots[QUERY_SLOTS];
	struct query_alternative alternatives[QUERY_ALTERNATIVES];
	size_t n_slots, n_alternatives;
	float weight; /* of all slots */
};

void query_make(const struct index *x, struct bytes text, struct query *out);
/* The same by who does not see all of it: a word that stands only in what is hidden is not in the
 * collection and no alternative, and words weigh as they are rare in what is seen. */
void query_make_seen(const struct seen *v, struct bytes text, struct query *out);

/* 0..1; 0 for a question without slots. */
float query_covers_passage(const struct index *x, const struct query *q, uint32_t passage);
/* The same for any text, such as a sentence, with what stands above it (may be empty). */
float query_covers_text(const struct index *x, const struct query *q, struct bytes text,
			struct bytes above);

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
#include "knowledge/view.h"

enum { QUERY_SLOTS = 48, QUERY_ALTERNATIVES = 160 };

enum query_kind { QUERY_EXACT, QUERY_JOINED, QUERY_SPLIT, QUERY_SYNONYM, QUERY_SOUND };

struct query_slot {
	float weight; /* idf */
	int32_t term; /* -1: not in the collection */
	int32_t surface; /* the word as asked for; -1: not in the collection */
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

/* Words that stand only in what the view hides are unknown. */
void query_make(const struct view *v, struct bytes text, struct query *out);

/* What of the slots is met, [QUERY_SLOTS], zero at first: an alternative is there ... */
void query_meet(const struct query_alternative *a, float *met);
/* ... and the share of the question's weight that is met in the end: 0..1. */
float query_met(const struct query *q, const float *met);

/* 0..1; 0 for a question without slots. */
float query_covers_passage(const struct index *x, const struct query *q, uint32_t passage);
/* The same for any text, such as a sentence, with what stands above it (may be empty). */
float query_covers_text(const struct index *x, const struct query *q, struct bytes text,
			struct bytes above);

/* evidence.h - what is dearer to know of a passage than its scores: asked of the best only.
 *
 * All are shares of the question's weight (query.h), 0..1.
 */
#pragma once

#include "knowledge/lexical.h"
#include "knowledge/query.h"

struct evidence {
	float coverage;  /* what is met anywhere in the passage, headings included          */
	float heading;   /* what is met in the title and the headings                       */
	float proximity; /* words that follow each other in the question stand near         */
	float exact;     /* the words as they were asked for, not only other forms of them  */
};

/* What is the same for all passages of a question. Borrows all it is made of. */
struct evidence_ask {
	const struct query *q;
	const struct lexical_query *lexical; /* open */
	uint8_t list[QUERY_ALTERNATIVES];    /* of the lexical query's: the alternative's term */
	uint64_t terms[16];                  /* bit: some term of the question hashes there    */
};

void evidence_ask(struct evidence_ask *a, const struct query *q, const struct lexical_query *lexical);
void evidence_of(const struct evidence_ask *a, size_t row, struct evidence *out);

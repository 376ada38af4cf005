/* evidence.h - what is dearer to know of a passage than its scores: asked of the best only.
 *
 * All are shares of the question's weight (query.h), 0..1.
 */
#pragma once

#include "knowledge/query.h"

struct evidence {
	float coverage;  /* what is met anywhere in the passage, headings included          */
	float heading;   /* what is met in the title and the headings                       */
	float proximity; /* words that follow each other in the question stand near         */
	float exact;     /* the words as they were asked for, not only other forms of them  */
};

/* with_tokens false: coverage only. */
void evidence_of(const struct index *x, const struct query *q, size_t row, bool with_tokens,
		 struct evidence *out);

/* cranfield.h - the Cranfield collection: 1,400 abstracts, 225 questions, judgements.
 *
 * Not in the tree. DIR holds three files as the collection has been passed round since 1967:
 *   cran.all.1400  records ".I number", then fields, each behind a line ".T" (title), ".A", ".B",
 *                  ".W" (text, which repeats the title)
 *   cran.qry       the questions in the same form; numbered by their order, not by their ".I"
 *   cranqrel       lines "question abstract code": code 1 is best, 4 least, -1 (and 0) none
 * Gains: codes 1, 2, 3, 4 are 4, 3, 2, 1.
 */
#pragma once

#include "base/buf.h"

enum { CRANFIELD_DOCUMENTS = 1400, CRANFIELD_QUESTIONS = 225 };

struct cranfield {
	struct {
		char *title, *text;              /* the text without the title */
	} document[CRANFIELD_DOCUMENTS + 1];     /* from 1 */
	char *question[CRANFIELD_QUESTIONS + 1]; /* from 1 */
	uint8_t gain[CRANFIELD_QUESTIONS + 1][CRANFIELD_DOCUMENTS + 1];
};

/* Ends the program with a sentence where a file cannot be read. */
void cranfield_read(struct cranfield *c, const char *dir);
/* The questions alone; the rest stays empty. */
void cranfield_read_questions(struct cranfield *c, const char *dir);
void cranfield_done(struct cranfield *c);

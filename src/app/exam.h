/* exam.h - a table of questions with the places where their answers stand, as docs/eval.md
 * describes it. Sans-I/O: bytes in, rows out.
 *
 * Tab-separated; the first line names the columns, in any order:
 *   question  text, or the path of a recording that ends in ".wav"     (this or `audio`)
 *   audio     the path of a recording; `question` is then what it says
 *   sources   acceptable places separated by "|": file, file#p=PAGE, file#h=HEADING;
 *             empty or "-": the documents do not answer it
 *   answer    optional: strings separated by "|", one of which a right answer contains
 *   id        optional
 * Columns of other names are ignored.
 */
#pragma once

#include "base/buf.h"

enum { EXAM_WHY = 320 };

/* Strings belong to the exam; none is NULL but `wav`. */
struct exam_question {
	const char *id, *text, *wav, *places, *answer;
	unsigned line;
};

/* Zero is valid. */
struct exam {
	char *text;
	struct exam_question *q;
	size_t n, cap;
	bool spoken; /* there is a recording */
};

/* 0; -EBADMSG or -ENOMEM and a sentence, which begins with `name` and the line. */
MUST_USE int exam_read(struct exam *e, struct bytes file, const char *name,
		       char why[static EXAM_WHY]);
void exam_done(struct exam *e);
/* AUTO(exam) struct exam e = {0}; */
static inline void exam_auto_(struct exam *e)
{
	exam_done(e);
}

bool exam_answerable(const struct exam_question *q);
/* Is it one of the acceptable places? `path` may be longer than the file named in the table:
 * its last folders and its name count. Headings are compared without case, without a number
 * in front ("3.7.") and without a paragraph sign behind. */
MUST_USE bool exam_is_place(const char *places, const char *path, unsigned page,
			    const char *heading);
/* The next acceptable file, without its place: *at starts as the places and moves behind it.
 * false: no more. */
MUST_USE bool exam_next_file(const char **at, struct bytes *file);
MUST_USE bool exam_is_file(struct bytes file, const char *path);
/* Does the text contain one of the strings? Case and runs of blanks do not count. */
MUST_USE bool exam_says(const char *text, const char *answers);

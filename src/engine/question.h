/* question.h - what a question asks for, and with which words.
 *
 * A question has a shape (what kind of thing would answer: shape.h) and terms, its
 * informative words, weighted by how rare they are in the collection. Words that only tell
 * the shape ("how heavy", "price") are no terms: a sentence may state a mass without them.
 * A key term names what is asked for ("the *leader* of …", "which *bank*", "who *built*",
 * "the *first*"): without it there is no answer. Pure.
 */
#pragma once

#include "base/json.h"
#include "engine/shape.h"

enum { TERMS_MAX = 24, LIKE_MAX = 8 };

struct term_like {
	char s[WORD_MAX + 1];
	double quality; /* 0..1: how well it stands for the term */
};

struct term {
	char s[WORD_MAX + 1];
	size_t n;
	struct term_like like[LIKE_MAX]; /* synonyms, joined words, what sounds alike */
	size_t n_like;
	size_t start; /* octet of the question */
	bool key;
	bool sort;	/* "which *animal*": may go unsaid where all else is said */
	bool known;	/* to the collection                   */
	double share;	/* of its weight that counts: 0..1     */
	double weight;	/* 0: the index said nothing about it */
};

struct question {
	enum shape shape;
	char dimension[WORD_MAX + 1]; /* "wide"; "": none */
	bool defines;	       /* "what is X"           */
	bool heard;	       /* by the recogniser: its words may be wrong; set by the caller */
	size_t counted;	       /* SHAPE_COUNT: the term that is counted, or SIZE_MAX */
	struct term terms[TERMS_MAX];
	size_t n_terms;
};

/* `words`: as in search's output (may be NULL: then the terms have no weight yet). */
void question_make(struct question *q, const char *text, const json_t *words);
/* 0..1: how well a word of a document (as a term) stands for the question's i-th. */
MUST_USE double question_meets(const struct question *q, size_t i, const struct word *term);
/* Says how to answer, not about what: "tell", "many". */
MUST_USE bool question_is_asking(const struct word *w);

/* shape.h - what kind of thing a sentence states: a mass, a price, a person, a time.
 *
 * A question asks for one kind of thing; a sentence that does not state one cannot be its
 * answer, however many words they share. Numbers count as words and as digits, units as
 * words and as signs. Pure; never fails.
 */
#pragma once

#include "document/words.h"

enum shape {
	SHAPE_ANY,
	SHAPE_NUMBER,	   /* any number                              */
	SHAPE_COUNT,	   /* a number of what `of` names             */
	SHAPE_MASS,
	SHAPE_LENGTH,	   /* of the dimension asked for, if it tells */
	SHAPE_EXTENT,	   /* "how long": a length or a duration      */
	SHAPE_SIZE,	   /* a length, an area, a volume, a mass     */
	SHAPE_DURATION,
	SHAPE_SPEED,
	SHAPE_MONEY,
	SHAPE_MEMORY,
	SHAPE_TEMPERATURE,
	SHAPE_AGE,
	SHAPE_OFTEN,
	SHAPE_CLOCK,	   /* a time of day                           */
	SHAPE_DAY,	   /* a day of the week or of the year        */
	SHAPE_DATE,	   /* a year, a month, a day                  */
	SHAPE_TIME,	   /* any of these, or "before …"             */
	SHAPE_PERSON,	   /* a name or a role                        */
	SHAPE_NAME,	   /* a name that the question does not say   */
	SHAPE_PLACE,
	SHAPE_CITY,	   /* a named place                           */
	SHAPE_COLOUR,
	SHAPE_ADDRESS,	   /* of mail or of the web                   */
	SHAPE_REASON,
	SHAPE_WAY,
	SHAPES
};

enum { SAID_WORDS = 96 };

/* A sentence as words; longer ones are cut. */
struct said {
	struct bytes text;
	struct word words[SAID_WORDS]; /* as word_next() gives them */
	size_t n;
};

void said_make(struct said *s, struct bytes text);

/* What of the question matters beside the kind. `ctx` is the caller's. */
struct shape_of {
	const char *dimension; /* "wide", "height"; NULL: none */
	bool (*is_counted)(const void *ctx, const struct word *w); /* SHAPE_COUNT */
	bool (*is_asked)(const void *ctx, const struct word *w);   /* SHAPE_NAME: the question says it */
	const void *ctx;
};

MUST_USE bool shape_holds(enum shape shape, const struct said *s, const struct shape_of *of);
/* Is it one of the words in `list`, which are separated by blanks? A final "s" is ignored. */
MUST_USE bool shape_listed(const char *list, const char *word);

/* asking.h - one question to a real session, and what came of it. For `ask` and `eval`.
 *
 * The same machine answers here as behind the server: a text or voice turn, the search
 * tool, the answer's sources, its audio. Blocks until the answer is there, a minute at most.
 */
#pragma once

#include "app/parts.h"
#include "base/buf.h"
#include "base/json.h"

enum { ASKED_RATE_HZ = 24000, ASKED_WHY = 320 };

/* Either text or a recording; borrowed. */
struct question {
	const char *text;
	const char *wav;   /* its path; the parts must be PARTS_SPOKEN */
	const char *groups; /* of who asks (knowledge/labels.h); NULL: may read everything */
	const char *voice; /* speaks the answer; NULL: text only */
};

/* Zero is valid. */
struct asked {
	struct buf question; /* as typed, or as it was heard */
	struct buf answer;
	struct buf speech; /* 16 bit mono at ASKED_RATE_HZ, with a voice */
	json_t *sources; /* array of {file, title, page?, heading?, …}; NULL or empty: nothing answered */
	uint64_t hearing_us;   /* from the first sample to the words; all samples come at once */
	uint64_t answering_us; /* from the words to the end of the answer */
	char why[ASKED_WHY];
};

/* 0; -errno and a sentence in out->why. -ENODATA: no words were heard. One thread, one call at a time. */
MUST_USE int asking(struct parts *parts, const struct question *q, struct asked *out);
void asked_done(struct asked *a);
/* AUTO(asked) struct asked a = {0}; */
static inline void asked_auto_(struct asked *a)
{
	asked_done(a);
}

/* passages.h - an outline cut into the pieces that are searched and quoted.
 *
 * A passage is 80 to 160 words of one section, at most about 220; a short section is a
 * short passage. It never crosses a heading or starts inside a sentence. Ranges are octets
 * of the outline's text, on character boundaries; the heading is not part of the range.
 */
#pragma once

#include "document/outline.h"

struct passage {
	size_t start, end;
	unsigned page;    /* where it starts; 0: no pages                          */
	char *heading;    /* the nearest, "" if none                               */
	char *path;       /* all of them, outermost first, "A > B > C"; "" if none */
};

struct passages {
	struct passage *p;
	size_t n, cap;
};

/* 0 or -ENOMEM (then *out is empty). */
MUST_USE int passages_cut(const struct outline *o, struct passages *out);
void passages_done(struct passages *p);

static inline void passages_auto_(struct passages *p)
{
	passages_done(p);
}

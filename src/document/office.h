/* office.h - what office files and books have in common: which kind of ZIP container it is,
 * its parts and how they refer to each other, its title.
 *
 * Open Packaging Conventions (ECMA-376 part 2) for DOCX, PPTX, XLSX; the `mimetype` member
 * of OpenDocument (part 3, 3.3) and EPUB (OCF 3.2, 3.3).
 */
#pragma once

#include "document/archive.h"

/* "docx", "pptx", "xlsx", "odt", "ods", "odp", "epub"; NULL: none of them. */
const char *office_type(struct bytes zip);

/* The name of the part that everything else hangs on. EXTRACT_EMPTY: there is none. */
MUST_USE enum extract_verdict office_main(struct archive *a, struct buf *name);

struct relation {
	char *id, *type; /* type: the last part of its URI, such as "slide" */
	char *target;    /* a member's name                                 */
};

struct relations {
	struct relation *r;
	size_t n, cap;
	char *base; /* whose they are */
	bool failed;
};

/* A part's relations; none is no fault. */
MUST_USE enum extract_verdict office_relations(struct archive *a, const char *part,
					       struct relations *out);
void relations_done(struct relations *r);
/* A member's name, or "". */
const char *relations_by_id(const struct relations *r, struct bytes id);
const char *relations_by_type(const struct relations *r, const char *type);

static inline void relations_auto_(struct relations *r)
{
	relations_done(r);
}

/* The first <title> of a member becomes the outline's; a missing member or title is none. */
void office_title(struct archive *a, const char *member, struct outline *to);

/* plain.h - plain text into an outline: paragraphs, and the headings it seems to have.
 *
 * A heading is a line of its own that is underlined with ===, ---, *** and the like, or
 * numbered ("4.2 Returns") or short without a full stop before a paragraph. Words cut at
 * a line's end are joined. Also reads one page of a PDF's text (pdf.h).
 */
#pragma once

#include "document/outline.h"

/* page: 0, or the page all of this text stands on. */
void plain_read(struct outline *to, struct bytes text, unsigned page);

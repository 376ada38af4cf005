/* pptx.h - a PowerPoint presentation (ECMA-376 part 1, PresentationML) into an outline.
 *
 * A slide is a page, its title a heading wherever it stands in the file; tables; what the
 * speaker notes. Slide numbers, dates, footers, layouts and masters go.
 */
#pragma once

#include "document/extract.h"

MUST_USE enum extract_verdict pptx_read(struct outline *to, struct bytes raw);

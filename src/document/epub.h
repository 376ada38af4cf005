/* epub.h - an EPUB book (2 and 3) into an outline.
 *
 * Chapters in the order of the spine, each read as a web page; one that begins without a
 * heading gets its title from the table of contents, which itself goes.
 */
#pragma once

#include "document/extract.h"

MUST_USE enum extract_verdict epub_read(struct outline *to, struct bytes raw);

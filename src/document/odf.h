/* odf.h - OpenDocument text, spreadsheets and presentations (OASIS ODF 1.3, part 3) into an
 * outline.
 *
 * Headings, numbered and plain lists, tables, notes behind their paragraph. Pages: the soft
 * page breaks a text was saved with, sheets, slides (with the speaker's notes). Tables of
 * contents, comments and tracked deletions go.
 */
#pragma once

#include "document/extract.h"

MUST_USE enum extract_verdict odf_read(struct outline *to, struct bytes raw);

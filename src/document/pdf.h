/* pdf.h - a PDF's text by page, through poppler's pdftotext as a child process.
 *
 * Running headers and footers, page numbers and tables of contents are left out; words cut
 * at line ends are joined; a paragraph that runs over a page's end belongs to the page it
 * begins on.
 */
#pragma once

#include "document/extract.h"

/* Blocks up to 30 s. */
MUST_USE enum extract_verdict pdf_read(struct outline *to, struct bytes raw);

/* What pdftotext has said: pages apart by form feeds. */
void pdf_text_read(struct outline *to, struct bytes text);

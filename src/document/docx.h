/* docx.h - a Word document (ECMA-376 part 1, WordprocessingML) into an outline.
 *
 * Headings by style, also inherited ones; lists with their numbers; tables; foot- and
 * endnotes behind their paragraph; pages where the program that wrote it has left its page
 * breaks. Page headers and footers, comments, deleted text and the table of contents go.
 */
#pragma once

#include "document/extract.h"

MUST_USE enum extract_verdict docx_read(struct outline *to, struct bytes raw);

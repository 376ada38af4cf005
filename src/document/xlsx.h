/* xlsx.h - an Excel workbook (ECMA-376 part 1, SpreadsheetML) into an outline.
 *
 * A sheet is a page and a heading; the first row with text in two cells is the header of
 * what follows. Dates by their number format are written 2024-05-01, shares "12%". Values
 * of formulas are those that were stored. Hidden sheets, charts and comments go.
 */
#pragma once

#include "document/extract.h"

MUST_USE enum extract_verdict xlsx_read(struct outline *to, struct bytes raw);

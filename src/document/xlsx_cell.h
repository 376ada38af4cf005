/* xlsx_cell.h - what a stored number of a spreadsheet looks like to its reader.
 *
 * Number formats (ECMA-376 part 1, 18.8.30), of which only the kind counts here.
 */
#pragma once

#include "base/buf.h"

enum number_kind { NUMBER_PLAIN, NUMBER_DATE, NUMBER_TIME, NUMBER_DATE_TIME, NUMBER_SHARE };

/* Of a built-in format. */
enum number_kind number_kind_of_id(long id);
/* Of a format's code, such as "yyyy\-mm\-dd" or "0.0%". */
enum number_kind number_kind_of_code(struct bytes code);

/* `value` as stored, such as "45413.5"; `from_1904`: the workbook's days count from there.
 * What is no number is appended as it is. */
void number_put(struct buf *to, struct bytes value, enum number_kind kind, bool from_1904);
/* "BC12": the column, from 0; -1: not a reference. */
long cell_column(struct bytes ref);

/* table.h - a table's rows as text that stands by itself, the same for every format.
 *
 * With a header a row is "City: Paris; Price: 60"; without one two cells are "Phone: 12"
 * and more "a; b; c". Empty cells are left out. So a row says what its numbers are where it
 * is found, quoted and read aloud.
 */
#pragma once

#include "document/outline.h"

enum { TABLE_COLUMNS = 1024, TABLE_HEADER = 120 /* octets of a column's name */ };

enum table_cell {
	TABLE_DATA,
	TABLE_HEAD, /* the format says that it names a row or column */
};

struct table_cells {
	struct buf text;
	size_t *end; /* of each cell in text */
	size_t n, cap, n_filled, n_heads;
};

/* Zero but .to is a new table. */
struct table {
	struct outline *to;
	unsigned page;
	bool guess; /* nothing marks the header: a first row without numbers is one */
	/* internal */
	struct table_cells head, row, before;
	bool unused_head; /* no row has come below it yet */
	struct buf line;
};

/* Append one cell to the row that is open. */
void table_cell(struct table *t, struct bytes text, enum table_cell kind);
/* The cell above once more (merged cells). */
void table_cell_above(struct table *t);
/* Cells up to column i (from 0) that are not there are empty. */
void table_column(struct table *t, size_t i);
/* The row is complete: it becomes the header or a block. */
void table_row(struct table *t);
/* The row that is open is the header, whatever it looks like. */
void table_header(struct table *t);
/* The table is complete; t is a new one with the same settings. */
void table_end(struct table *t);
void table_done(struct table *t);

static inline void table_auto_(struct table *t)
{
	table_done(t);
}

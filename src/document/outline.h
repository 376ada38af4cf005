/* outline.h - what every extractor makes: one run of UTF-8 text and its structure.
 *
 * The text is what a reader would read, valid UTF-8, one line per block (a code block
 * keeps its lines), blocks apart by an empty line, list items and table rows by a
 * newline. Positions are octets on character boundaries. Zero is a valid empty outline.
 * When memory runs out .text.failed is set and stays set; ask once, at the end.
 */
#pragma once

#include "base/buf.h"

enum { OUTLINE_MAX = 75 * 1024 * 1024 }; /* octets of text; what comes after is dropped */

enum block_kind { BLOCK_HEADING, BLOCK_PARA, BLOCK_ITEM, BLOCK_ROW, BLOCK_CODE };

struct block {
	enum block_kind kind;
	unsigned level; /* of a heading, 1..6           */
	unsigned page;  /* from 1; 0: there are no pages */
	size_t start, end;
};

struct outline {
	struct buf text;
	struct block *blocks;
	size_t n_blocks, cap_blocks;
	char *title; /* NULL: none was found */
	unsigned n_pages;
	struct bytes before; /* borrowed: a heading for the next block, unless that is one itself */
	unsigned shift; /* levels that headings are moved down by: a document inside another */
	unsigned inside; /* documents that this one is inside of                            */
	bool full;       /* OUTLINE_MAX was reached                                         */
};

/* Append one block. White space is collapsed (not in code), control characters, soft
 * hyphens and zero-width characters go, ligatures are spelt out. An empty one is dropped. */
void outline_add(struct outline *o, enum block_kind kind, unsigned level, unsigned page,
		 struct bytes text);
/* Take the last block away again. */
void outline_drop(struct outline *o);
/* Keep the first title that is not empty. */
void outline_title(struct outline *o, struct bytes title);
void outline_done(struct outline *o);

static inline struct bytes outline_block(const struct outline *o, size_t i)
{
	return bytes_of(o->text.p + o->blocks[i].start, o->blocks[i].end - o->blocks[i].start);
}

/* AUTO(outline) struct outline o = {0}; */
static inline void outline_auto_(struct outline *o)
{
	outline_done(o);
}

/* outline_pack.h - an outline as octets: what a child that has read a stranger's document
 * hands to its parent, and the parent's reader, which trusts none of it.
 *
 *   text | block * n | title | type | why | footer
 *
 * The text comes first so that the parent keeps the buffer it read into. A block is 16
 * octets: kind, level, two of zero, page, start, end; the footer PACK_FOOTER octets. All
 * integers are big-endian. Both ends are the same program: no other version is read.
 */
#pragma once

#include "document/extract.h"

enum { PACK_BLOCK = 16, PACK_FOOTER = 40, PACK_TYPE_MAX = 32, PACK_TITLE_MAX = 400 };

enum pack_content {
	PACK_TEXT,   /* an outline's                                 */
	PACK_OCTETS, /* anything: what was inside a compressed file */
};

struct outline_pack {
	enum extract_verdict verdict;
	struct outline outline;
	char type[PACK_TYPE_MAX]; /* "" unless EXTRACT_OK */
	char why[EXTRACT_WHY];    /* "" when EXTRACT_OK   */
};

/* Everything after the text, which the caller has written already: the text may be large. */
void outline_pack_rest(const struct outline_pack *p, struct buf *to);
/* false: not what outline_pack_rest() makes: lengths that do not add up, text that is not
 * UTF-8, blocks out of order or between characters, characters that no sentence has. Takes
 * the buffer when true, leaves it when false; also false when memory runs out
 * (to->outline.text.failed). */
MUST_USE bool outline_unpack(struct buf *from, enum pack_content content, struct outline_pack *to);

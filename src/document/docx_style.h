/* docx_style.h - what a DOCX's styles and lists make of a paragraph: a heading of which
 * level, an item with which number (ECMA-376 part 1, 17.7 and 17.9).
 */
#pragma once

#include "document/extract.h"

enum { DOCX_STYLES = 4096, DOCX_LISTS = 4096, DOCX_DEPTH = 9 };

struct docx_style {
	char *id, *based_on;
	int outline; /* 0..8: heading 1..9; -1: not said; 9: no heading */
	int list, depth; /* numId and ilvl; -1: not said                */
	bool title, contents; /* the document's title; a line of its table of contents */
};

struct docx_list { /* <w:abstractNum> */
	long id;
	char mark[DOCX_DEPTH]; /* '1', 'a'; 0: a bullet */
};

struct docx_number { /* <w:num>, what paragraphs refer to */
	long id, list;
	unsigned count[DOCX_DEPTH];
};

struct docx_styles {
	struct docx_style *s;
	size_t n, cap;
	struct docx_list *lists;
	size_t n_lists, cap_lists;
	struct docx_number *numbers;
	size_t n_numbers, cap_numbers;
	bool failed;
	int depth; /* while parsing: the level that is open */
};

MUST_USE enum extract_verdict docx_styles_read(struct docx_styles *to, struct bytes xml);
MUST_USE enum extract_verdict docx_lists_read(struct docx_styles *to, struct bytes xml);
void docx_styles_done(struct docx_styles *s);

/* A style with what it inherits; an unknown id says nothing. */
struct docx_style docx_style_of(const struct docx_styles *s, struct bytes id);
/* Count one item of a list. Writes "3. ", "c. " or "". */
void docx_count(struct docx_styles *s, long list, int depth, char to[static 16]);

static inline void docx_styles_auto_(struct docx_styles *s)
{
	docx_styles_done(s);
}

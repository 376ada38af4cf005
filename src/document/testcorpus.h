/* testcorpus.h - real files of test/corpus/, and an outline as text that tests compare. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "document/outline.h"
#include "document/utf8.h"

/* A file of test/corpus; empty if it is not there. Reading it never fails for memory. */
static inline void corpus_file(const char *name, struct buf *to)
{
	unsigned long held = mem_fail_hold();
	char path[512], part[4096];
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", CORPUS, name);
	FILE *f = fopen(path, "re");
	while (f && (n = fread(part, 1, sizeof(part), f)) > 0)
		buf_put(to, part, n);
	if (f)
		fclose(f);
	mem_fail_resume(held);
}

/* A line per block: "1 Heading", "- item", "| row", "> code", "  paragraph", and "#3" before
 * what begins on page 3. */
static inline void outline_lines(const struct outline *o, struct buf *to)
{
	static const char *const marks[] = { "", "  ", "- ", "| ", "> " };
	unsigned page = 0;

	for (size_t i = 0; i < o->n_blocks; i++) {
		const struct block *b = &o->blocks[i];
		struct bytes t = outline_block(o, i);

		if (b->page != page)
			buf_printf(to, "#%u\n", page = b->page);
		if (b->kind == BLOCK_HEADING)
			buf_printf(to, "%u ", b->level);
		buf_puts(to, marks[b->kind]);
		buf_put(to, t.p, t.n);
		buf_putc(to, '\n');
	}
}

/* Blocks lie in order inside the text, between characters; the text is UTF-8. */
static inline bool outline_sound(const struct outline *o)
{
	size_t end = 0;

	for (size_t i = 0; i < o->n_blocks; i++) {
		const struct block *b = &o->blocks[i];

		if (b->start < end || b->end <= b->start || b->end > o->text.n ||
		    !utf8_valid(outline_block(o, i)))
			return false;
		end = b->end;
	}
	return utf8_valid(buf_bytes(&o->text));
}

#include "base/test.h"
#include "document/plain.h"

static void shape(const struct outline *o, struct buf *b)
{
	static const char kinds[] = { [BLOCK_HEADING] = 'h', [BLOCK_PARA] = 'p', [BLOCK_ITEM] = 'i',
				      [BLOCK_ROW] = 'r', [BLOCK_CODE] = 'c' };

	for (size_t i = 0; i < o->n_blocks; i++) {
		buf_printf(b, "%s%c", i ? "|" : "", kinds[o->blocks[i].kind]);
		if (o->blocks[i].level)
			buf_printf(b, "%u", o->blocks[i].level);
		buf_putc(b, ' ');
		buf_put(b, outline_block(o, i).p, outline_block(o, i).n);
	}
}

static void reads(void)
{
	static const char *const rows[][2] = {
		{ "A Title\n=======\n\nOne para-\ngraph here.\n\nAnother.\n",
		  "h2 A Title|p One paragraph here.|p Another." },
		{ "4.2 Returns\n\nSend it back.\n\n4.2.1. Late Returns\n\nToo late.",
		  "h2 4.2 Returns|p Send it back.|h3 4.2.1. Late Returns|p Too late." },
		{ "CONTROL FILES\n\ntext follows.", "h1 CONTROL FILES|p text follows." },
		{ "Fire on board\nThe blanket of the boat hangs beside the stove in the cabin.\nUse it at once.",
		  "h2 Fire on board|p The blanket of the boat hangs beside the stove in the cabin. Use it at once." },
		{ "* one\n* two\n  more", "i one|i two more" },
		{ "1. Do this\n2. Do that", "i 1. Do this|i 2. Do that" },
		{ "Source\nMaintainer\nSection", "p Source Maintainer Section" },
		{ "It is plain. No heading.", "p It is plain. No heading." },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(outline) struct outline o = { 0 };
		AUTO(buf) struct buf b = { 0 };
		plain_read(&o, bytes_str(rows[i][0]), 0);
		shape(&o, &b);
		CHECK(!o.text.failed && !b.failed);
		CHECK_STR(b.p ? (char *)b.p : "", rows[i][1]);
	}
}

TESTS({ "reads", reads })

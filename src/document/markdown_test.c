#include "base/test.h"
#include "document/markdown.h"

static const char kinds[] = { [BLOCK_HEADING] = 'h', [BLOCK_PARA] = 'p', [BLOCK_ITEM] = 'i',
			      [BLOCK_ROW] = 'r', [BLOCK_CODE] = 'c' };

static void shape(const struct outline *o, struct buf *b)
{
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
		{ "# A *title* #\n\ntext **bold** and `co*de`\nmore\n", "h1 A title|p text bold and co*de more" },
		{ "Title\n=====\nSub\n---\ntext", "h1 Title|h2 Sub|p text" },
		{ "- one\n- two\n  more\n\n1. first\n2. second", "i one|i two more|i 1. first|i 2. second" },
		{ "* a\n    * b", "i a|i b" },
		{ "- [ ] todo\n- [x] done", "i todo|i done" },
		{ "```c\nint a; # not\n```\nafter", "c int a; # not|p after" },
		{ "    code\n      more\n\ntext", "c code\n  more|p text" },
		{ "| A | B |\n|---|:-:|\n| 1 | 2 |\n| `x|y` | |\n\nend", "r A: 1; B: 2|r A: x|y|p end" },
		{ "[link](http://x (y)) ![pic](p.png) <http://z> [1] [ref][r]\n\n[r]: http://r",
		  "p link pic http://z [1] ref" },
		{ "> quoted\n> text", "p quoted text" },
		{ "a_b_c and _em_ 2 * 3 \\* &amp; &lt;", "p a_b_c and em 2 * 3 * & <" },
		{ "<!-- hidden\nmore -->\nshown<br>here", "p shownhere" },
		{ "---\ntitle: \"Front\"\nx: y\n---\ntext", "p text" },
		{ "***\ntext\n\n---", "p text" },
		{ "text\n1986. was\n2. not a list", "p text 1986. was 2. not a list" },
		{ "~~gone~~ note[^1]", "p gone note" },
		{ "``` \nnever closed", "c never closed" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(outline) struct outline o = { 0 };
		AUTO(buf) struct buf b = { 0 };
		markdown_read(&o, bytes_str(rows[i][0]));
		shape(&o, &b);
		CHECK(!o.text.failed && !b.failed);
		CHECK_STR(b.p ? (char *)b.p : "", rows[i][1]);
	}
}

static void finds_titles(void)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(outline) struct outline f = { 0 };

	markdown_read(&o, bytes_str("text\n\n# The `title`\n\n# Other"));
	markdown_read(&f, bytes_str("---\ntitle: 'Front'\n---\n# Other"));
	CHECK(!o.text.failed && !f.text.failed);
	CHECK_STR(o.title, "The title");
	CHECK_STR(f.title, "Front");
}

TESTS({ "reads", reads }, { "finds_titles", finds_titles })

#include "document/outline_pack.h"

#include "base/alloc.h"
#include "document/utf8.h"

static const char magic[8] = "vxpack1";

enum { PAGES_MAX = 1000000, LEVEL_MAX = 6, KINDS = BLOCK_CODE + 1, VERDICTS = EXTRACT_NO_MEMORY + 1 };

static void put32(struct buf *to, size_t v)
{
	uint8_t b[4];

	put_be32(b, (uint32_t)v);
	buf_put(to, b, sizeof(b));
}

void outline_pack_rest(const struct outline_pack *p, struct buf *to)
{
	const struct outline *o = &p->outline;
	const char *title = o->title ? o->title : "";

	for (size_t i = 0; i < o->n_blocks; i++) {
		const struct block *b = &o->blocks[i];
		const uint8_t head[4] = { (uint8_t)b->kind, (uint8_t)b->level, 0, 0 };

		buf_put(to, head, sizeof(head));
		put32(to, b->page);
		put32(to, b->start);
		put32(to, b->end);
	}
	buf_puts(to, title);
	buf_puts(to, p->type);
	buf_puts(to, p->why);
	const size_t numbers[] = { p->verdict, o->text.n, o->n_blocks, strlen(title),
				   strlen(p->type), strlen(p->why), o->n_pages, 0 };
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		put32(to, numbers[i]);
	buf_put(to, magic, sizeof(magic));
}

struct footer {
	size_t verdict, n_text, n_blocks, n_title, n_type, n_why, n_pages;
};

static bool read_footer(struct bytes c, struct footer *f)
{
	if (c.n < PACK_FOOTER || memcmp(c.p + c.n - sizeof(magic), magic, sizeof(magic)) != 0)
		return false;
	const uint8_t *p = c.p + c.n - PACK_FOOTER;
	*f = (struct footer){ be32(p),      be32(p + 4),  be32(p + 8), be32(p + 12),
			      be32(p + 16), be32(p + 20), be32(p + 24) };
	/* Each is below 2^32 and a block 2^4: the sum cannot overflow 64 bits. */
	return f->verdict < VERDICTS && f->n_pages <= PAGES_MAX && f->n_title <= PACK_TITLE_MAX &&
	       f->n_type < PACK_TYPE_MAX && f->n_why < EXTRACT_WHY && be32(p + 28) == 0 &&
	       (uint64_t)f->n_text + (uint64_t)f->n_blocks * PACK_BLOCK + f->n_title + f->n_type +
			       f->n_why + PACK_FOOTER ==
		       c.n;
}

/* What may be shown to people: whole characters, none that moves a cursor but `controls`. */
static bool is_text(struct bytes t, uint32_t controls)
{
	for (size_t i = 0; i < t.n; i++)
		if ((t.p[i] < 0x20 && !(controls & BIT(t.p[i]))) || t.p[i] == 0x7f)
			return false;
	return utf8_valid(t);
}

static bool continues(struct bytes text, size_t at)
{
	return at < text.n && (text.p[at] & 0xc0) == 0x80;
}

static bool read_block(const uint8_t *p, struct bytes text, size_t after, const struct footer *f,
		       struct block *b)
{
	*b = (struct block){ p[0], p[1], be32(p + 4), be32(p + 8), be32(p + 12) };
	return p[0] < KINDS && p[1] <= LEVEL_MAX && p[2] == 0 && p[3] == 0 && b->page <= f->n_pages &&
	       b->start >= after && b->end > b->start && b->end <= text.n && !continues(text, b->start) &&
	       !continues(text, b->end);
}

static bool read_blocks(struct bytes c, const struct footer *f, struct outline *o)
{
	struct bytes text = bytes_sub(c, 0, f->n_text);
	size_t after = 0;

	/* Each holds a character at least. */
	if (f->n_blocks > f->n_text)
		return false;
	o->blocks = f->n_blocks ? mem_calloc(f->n_blocks, sizeof(*o->blocks)) : NULL;
	if (f->n_blocks && !o->blocks) {
		o->text.failed = true;
		return false;
	}
	o->n_blocks = o->cap_blocks = f->n_blocks;
	for (size_t i = 0; i < f->n_blocks; i++) {
		if (!read_block(c.p + f->n_text + i * PACK_BLOCK, text, after, f, &o->blocks[i]))
			return false;
		after = o->blocks[i].end;
	}
	return true;
}

static bool read_title(struct bytes t, struct outline *o)
{
	if (!is_text(t, 0))
		return false;
	o->title = t.n ? mem_alloc(t.n + 1) : NULL;
	if (t.n && !o->title) {
		o->text.failed = true;
		return false;
	}
	if (t.n) {
		memcpy(o->title, t.p, t.n);
		o->title[t.n] = 0;
	}
	return true;
}

static bool read_line(struct bytes t, char *to)
{
	if (!is_text(t, 0))
		return false;
	memcpy(to, t.p, t.n);
	to[t.n] = 0;
	return true;
}

bool outline_unpack(struct buf *from, enum pack_content content, struct outline_pack *to)
{
	struct bytes c = buf_bytes(from);
	struct footer f;

	*to = (struct outline_pack){ .verdict = EXTRACT_MALFORMED };
	if (!read_footer(c, &f))
		return false;
	size_t at = f.n_text + f.n_blocks * PACK_BLOCK;
	if ((content == PACK_TEXT && !is_text(bytes_sub(c, 0, f.n_text), BIT('\n') | BIT('\t'))) || !read_blocks(c, &f, &to->outline) ||
	    !read_title(bytes_sub(c, at, f.n_title), &to->outline) ||
	    !read_line(bytes_sub(c, at + f.n_title, f.n_type), to->type) ||
	    !read_line(bytes_sub(c, at + f.n_title + f.n_type, f.n_why), to->why)) {
		bool failed = to->outline.text.failed;
		outline_done(&to->outline);
		to->outline.text.failed = failed;
		return false;
	}
	to->verdict = (enum extract_verdict)f.verdict;
	to->outline.n_pages = (unsigned)f.n_pages;
	to->outline.text = *from;
	to->outline.text.n = f.n_text;
	to->outline.text.p[f.n_text] = 0;
	*from = (struct buf){ 0 };
	return true;
}

#include "document/outline.h"

#include "base/alloc.h"
#include "document/utf8.h"

static const struct {
	uint32_t cp;
	const char *instead;
} replaced[] = {
	{ 0xad, "" },      { 0x200b, "" },    { 0x200c, "" },    { 0x200d, "" },
	{ 0x2060, "" },    { 0xfeff, "" },    { 0xfb00, "ff" },  { 0xfb01, "fi" },
	{ 0xfb02, "fl" },  { 0xfb03, "ffi" }, { 0xfb04, "ffl" }, { 0xa0, " " },
	{ 0x2007, " " },   { 0x2009, " " },   { 0x202f, " " },   { 0x2003, " " },
	{ 0x2002, " " },   { 0x2028, " " },   { 0x2029, " " },   { 0x2010, "-" },
	{ 0x2011, "-" },   { 0xb6, "" },      { 0x200e, "" },    { 0x200f, "" },
};

/* Bidirectional overrides could make a citation read as something else; private use is
 * icons and bullets of one font. */
static bool invisible(uint32_t cp)
{
	return (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) ||
	       (cp >= 0x80 && cp < 0xa0) || (cp >= 0xe000 && cp < 0xf900) || cp == 0x7f;
}

static const char *replacement(uint32_t cp)
{
	if (cp < 0x20 || invisible(cp))
		return " ";
	if (cp < 0x80)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(replaced); i++)
		if (replaced[i].cp == cp)
			return replaced[i].instead;
	return NULL;
}

/* Octets at the start that stand in the text as they are. */
static size_t plain(struct bytes t)
{
	size_t n = 0;

	while (n < t.n && t.p[n] > ' ' && t.p[n] < 0x7f)
		n++;
	return n;
}

static void put_flowing(struct buf *to, struct bytes t)
{
	size_t from = to->n;

	for (size_t i = 0, n; i < t.n; i += n) {
		n = plain(bytes_sub(t, i, t.n - i));
		/* One space between words, the commonest. */
		if (n && i + n + 1 < t.n && t.p[i + n] == ' ' && t.p[i + n + 1] > ' ')
			n++;
		if (n) {
			buf_put(to, t.p + i, n);
			continue;
		}
		uint32_t cp;
		n = utf8_decode(t.p + i, t.n - i, &cp);
		const char *r = cp == ' ' ? " " : replacement(cp);

		if (!r)
			utf8_put(to, cp);
		else if (*r != ' ')
			buf_puts(to, r);
		else if (to->n > from && to->p[to->n - 1] != ' ')
			buf_putc(to, ' ');
	}
	while (to->n > from && to->p[to->n - 1] == ' ')
		to->n--;
}

static void put_code(struct buf *to, struct bytes t)
{
	size_t from = to->n;

	for (size_t i = 0; i < t.n;) {
		uint32_t cp;
		size_t len = plain(bytes_sub(t, i, t.n - i));

		if (len) {
			buf_put(to, t.p + i, len);
			i += len;
			continue;
		}
		len = utf8_decode(t.p + i, t.n - i, &cp);
		const char *r = cp == '\n' ? NULL : replacement(cp);

		while (cp == '\n' && to->n > from && to->p[to->n - 1] == ' ')
			to->n--;
		if (r)
			buf_puts(to, r);
		else if (cp != '\n' || to->n > from)
			utf8_put(to, cp);
		i += len;
	}
	while (to->n > from && (to->p[to->n - 1] == '\n' || to->p[to->n - 1] == ' '))
		to->n--;
}

static bool add_block(struct outline *o, struct block b)
{
	if (!mem_grow(&o->blocks, &o->cap_blocks, o->n_blocks, sizeof(*o->blocks)))
		return false;
	o->blocks[o->n_blocks++] = b;
	return true;
}

static bool tight(enum block_kind k)
{
	return k == BLOCK_ITEM || k == BLOCK_ROW;
}

static bool has_text(struct bytes t)
{
	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] > ' ')
			return true;
	return false;
}

static bool says(struct bytes t, struct bytes heading)
{
	AUTO(buf) struct buf a = { 0 };
	AUTO(buf) struct buf b = { 0 };

	put_flowing(&a, t);
	put_flowing(&b, heading);
	return bytes_eq(buf_bytes(&a), buf_bytes(&b));
}

void outline_add(struct outline *o, enum block_kind kind, unsigned level, unsigned page,
		 struct bytes t)
{
	size_t before = o->text.n;

	if (o->before.n && has_text(t)) {
		struct bytes heading = o->before;
		bool same = says(t, heading);

		o->before = (struct bytes){ 0 };
		if (same || kind != BLOCK_HEADING)
			outline_add(o, BLOCK_HEADING, 1, page, heading);
		if (same)
			return;
		before = o->text.n;
	}
	if (before + t.n > OUTLINE_MAX) {
		o->full = true;
		return;
	}
	if (o->n_blocks)
		buf_puts(&o->text, tight(kind) && o->blocks[o->n_blocks - 1].kind == kind ? "\n" : "\n\n");
	size_t start = o->text.n;
	if (kind == BLOCK_CODE)
		put_code(&o->text, t);
	else
		put_flowing(&o->text, t);
	if (kind == BLOCK_HEADING)
		level = MIN(MAX(level, 1u) + o->shift, 6u);
	struct block b = { kind, level, page, start, o->text.n };
	if (o->text.n == start || o->text.failed) {
		o->text.n = before;
		return;
	}
	if (!add_block(o, b)) {
		o->text.n = before;
		o->text.failed = true;
		return;
	}
	o->text.p[o->text.n] = 0;
	if (page > o->n_pages)
		o->n_pages = page;
}

void outline_drop(struct outline *o)
{
	if (!o->n_blocks)
		return;
	o->n_blocks--;
	o->text.n = o->n_blocks ? o->blocks[o->n_blocks - 1].end : 0;
	o->text.p[o->text.n] = 0;
}

void outline_title(struct outline *o, struct bytes t)
{
	AUTO(buf) struct buf b = { 0 };

	if (o->title)
		return;
	put_flowing(&b, t);
	if (b.n > 300)
		b.n = utf8_floor(buf_bytes(&b), 300);
	if (b.n) {
		b.p[b.n] = 0;
		o->title = buf_take(&b);
	}
	if (b.failed)
		o->text.failed = true;
}

void outline_done(struct outline *o)
{
	buf_done(&o->text);
	mem_free(o->blocks);
	mem_free(o->title);
	*o = (struct outline){ 0 };
}

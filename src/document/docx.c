#include "document/docx.h"

#include <stdio.h>

#include "base/alloc.h"
#include "document/docx_style.h"
#include "document/office.h"
#include "document/table.h"
#include "document/tags.h"

enum { NESTED = 4 /* paragraphs in text boxes in paragraphs */ };

struct para {
	struct buf text;
	struct docx_style style;
	int outline;     /* of its own; -1: none */
	int list, depth; /* of its own; -1: none */
	unsigned page;
};

struct note {
	char *key; /* "f12": foot, "e12": end */
	struct buf text;
};

struct docx {
	struct outline *to;
	struct docx_styles styles;
	struct para para[NESTED];
	unsigned open;
	bool skip_contents;
	unsigned page; /* 0: it has no pages */
	struct table table;
	unsigned tables; /* open ones        */
	struct buf cell;
	long span;
	bool merged, header_row;
	struct note *notes;
	size_t n_notes, cap_notes;
	char note_kind;
	struct buf after; /* notes of what is open, a line each */
	bool failed;
};

static void docx_done(struct docx *d)
{
	docx_styles_done(&d->styles);
	for (size_t i = 0; i < NESTED; i++)
		buf_done(&d->para[i].text);
	table_done(&d->table);
	buf_done(&d->cell);
	for (size_t i = 0; i < d->n_notes; i++) {
		mem_free(d->notes[i].key);
		buf_done(&d->notes[i].text);
	}
	mem_free(d->notes);
	buf_done(&d->after);
}

static struct para *para_of(struct docx *d)
{
	return d->open && d->open <= NESTED ? &d->para[d->open - 1] : NULL;
}

/* --- notes ------------------------------------------------------------------------------- */

static void note_open(void *ctx, struct tags *t)
{
	struct docx *d = ctx;
	struct bytes id = tags_attr(t, "id");

	/* Separators are notes too. */
	if (tags_attr(t, "type").n && !tags_attr_is(t, "type", "normal")) {
		tags_skip(t);
		return;
	}
	char *key = mem_printf("%c%.*s", d->note_kind, (int)MIN(id.n, (size_t)20), (const char *)id.p);
	if (!key || !mem_grow(&d->notes, &d->cap_notes, d->n_notes, sizeof(*d->notes))) {
		mem_free(key);
		d->failed = true;
		tags_stop(t);
		return;
	}
	d->notes[d->n_notes++] = (struct note){ .key = key };
}

static void note_text(void *ctx, struct bytes t)
{
	struct docx *d = ctx;

	if (d->n_notes)
		buf_put(&d->notes[d->n_notes - 1].text, t.p, t.n);
}

static void note_para(void *ctx, struct tags *t)
{
	struct docx *d = ctx;

	(void)t;
	if (d->n_notes)
		buf_putc(&d->notes[d->n_notes - 1].text, ' ');
}

static enum extract_verdict read_notes(struct docx *d, struct archive *a, const char *part, char kind)
{
	static const struct tag tags[] = {
		{ "footnote", note_open, NULL },
		{ "endnote", note_open, NULL },
		{ "t", tags_text_open, tags_text_close },
		{ "p", note_para, NULL },
	};
	static const struct tag_table table = { tags, ARRAY_LEN(tags), note_text };
	AUTO(buf) struct buf xml = { 0 };
	enum extract_verdict v = archive_read(a, part, &xml);

	d->note_kind = kind;
	if (v == EXTRACT_OK)
		v = tags_walk(buf_bytes(&xml), &table, d);
	return d->failed ? EXTRACT_NO_MEMORY : v;
}

static void refer_to(struct docx *d, struct bytes id, char kind)
{
	for (size_t i = 0; i < d->n_notes; i++) {
		const struct note *n = &d->notes[i];

		if (n->key[0] != kind || !bytes_is(id, n->key + 1) || !n->text.n)
			continue;
		buf_puts(&d->after, "Note: ");
		/* One line for each. */
		for (size_t k = 0; k < n->text.n; k++)
			buf_putc(&d->after, n->text.p[k] == '\n' ? ' ' : (char)n->text.p[k]);
		buf_putc(&d->after, '\n');
		return;
	}
}

static void foot_reference(void *ctx, struct tags *t)
{
	refer_to(ctx, tags_attr(t, "id"), 'f');
}

static void end_reference(void *ctx, struct tags *t)
{
	refer_to(ctx, tags_attr(t, "id"), 'e');
}

static void put_notes(struct docx *d, unsigned page)
{
	struct bytes t = buf_bytes(&d->after);

	while (t.n) {
		const uint8_t *nl = memchr(t.p, '\n', t.n);
		size_t n = nl ? (size_t)(nl - t.p) : t.n;

		outline_add(d->to, BLOCK_PARA, 0, page, bytes_sub(t, 0, n));
		n += nl != NULL;
		t = bytes_sub(t, n, t.n - n);
	}
	d->failed |= d->after.failed;
	buf_reset(&d->after);
}

/* --- paragraphs ---------------------------------------------------------------------------- */

static void para_open(void *ctx, struct tags *t)
{
	struct docx *d = ctx;

	(void)t;
	d->open++;
	struct para *p = para_of(d);
	if (!p)
		return;
	struct buf text = p->text;
	buf_reset(&text);
	*p = (struct para){ .text = text, .outline = -1, .list = -1, .depth = -1, .page = d->page };
	p->style = docx_style_of(&d->styles, (struct bytes){ 0 });
}

static void put_item(struct docx *d, struct para *p, long list, int depth)
{
	AUTO(buf) struct buf b = { 0 };
	char number[16];

	docx_count(&d->styles, list, depth < 0 ? 0 : depth, number);
	buf_puts(&b, number);
	buf_put(&b, p->text.p, p->text.n);
	d->failed |= b.failed;
	outline_add(d->to, BLOCK_ITEM, 0, p->page, buf_bytes(&b));
}

static bool is_blank(const struct buf *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->p[i] > ' ')
			return false;
	return true;
}

static void put_para(struct docx *d, struct para *p)
{
	int outline = p->outline >= 0 ? p->outline : p->style.outline;
	long list = p->list >= 0 ? p->list : p->style.list;
	int depth = p->depth >= 0 ? p->depth : p->style.depth;

	if (is_blank(&p->text) || p->style.contents)
		return;
	if (p->style.title) {
		outline_title(d->to, buf_bytes(&p->text));
		outline_add(d->to, BLOCK_HEADING, 1, p->page, buf_bytes(&p->text));
	} else if (outline >= 0 && outline < 9) {
		if (outline == 0)
			outline_title(d->to, buf_bytes(&p->text));
		outline_add(d->to, BLOCK_HEADING, (unsigned)outline + 1, p->page, buf_bytes(&p->text));
	} else if (list > 0) {
		put_item(d, p, list, depth);
	} else {
		outline_add(d->to, BLOCK_PARA, 0, p->page, buf_bytes(&p->text));
	}
}

static void para_close(void *ctx, struct tags *t)
{
	struct docx *d = ctx;
	struct para *p = para_of(d);

	(void)t;
	if (d->open)
		d->open--;
	if (!p)
		return;
	d->failed |= p->text.failed;
	if (d->tables) {
		if (d->cell.n)
			buf_putc(&d->cell, ' ');
		buf_put(&d->cell, p->text.p, p->text.n);
		return;
	}
	put_para(d, p);
	if (!d->open)
		put_notes(d, p->page);
}

static void put_char(struct docx *d, char c)
{
	struct para *p = para_of(d);

	if (p)
		buf_putc(&p->text, c);
}

static void on_space(void *ctx, struct tags *t)
{
	(void)t;
	put_char(ctx, ' ');
}

static void on_hyphen(void *ctx, struct tags *t)
{
	(void)t;
	put_char(ctx, '-');
}

static void on_text(void *ctx, struct bytes t)
{
	struct docx *d = ctx;
	struct para *p = para_of(d);

	if (p)
		buf_put(&p->text, t.p, t.n);
}

static void on_page_break(void *ctx, struct tags *t)
{
	struct docx *d = ctx;
	struct para *p = para_of(d);

	(void)t;
	d->page++;
	if (p && is_blank(&p->text))
		p->page = d->page;
}

static void on_para_style(void *ctx, struct tags *t)
{
	struct docx *d = ctx;
	struct para *p = para_of(d);

	if (p)
		p->style = docx_style_of(&d->styles, tags_attr(t, "val"));
}

static void on_para_outline(void *ctx, struct tags *t)
{
	struct docx *d = ctx;
	struct para *p = para_of(d);

	if (p)
		p->outline = (int)MIN(MAX(tags_attr_int(t, "val", 9), 0L), 9L);
}

static void on_para_list(void *ctx, struct tags *t)
{
	struct docx *d = ctx;
	struct para *p = para_of(d);

	if (p)
		p->list = (int)tags_attr_int(t, "val", 0);
}

static void on_para_depth(void *ctx, struct tags *t)
{
	struct docx *d = ctx;
	struct para *p = para_of(d);

	if (p)
		p->depth = (int)tags_attr_int(t, "val", 0);
}

/* --- tables ---------------------------------------------------------------------------------- */

static void table_open(void *ctx, struct tags *t)
{
	struct docx *d = ctx;

	(void)t;
	d->table.page = d->page;
	d->tables++;
}

static void table_close(void *ctx, struct tags *t)
{
	struct docx *d = ctx;

	(void)t;
	if (!d->tables || --d->tables)
		return; /* a table in a cell is part of the cell's text */
	table_end(&d->table);
	put_notes(d, d->table.page);
}

static void row_open(void *ctx, struct tags *t)
{
	struct docx *d = ctx;

	(void)t;
	if (d->tables == 1)
		d->header_row = false;
}

static void row_close(void *ctx, struct tags *t)
{
	struct docx *d = ctx;

	(void)t;
	if (d->tables == 1)
		table_row(&d->table);
}

static void cell_open(void *ctx, struct tags *t)
{
	struct docx *d = ctx;

	(void)t;
	if (d->tables != 1)
		return;
	buf_reset(&d->cell);
	d->span = 1;
	d->merged = false;
}

static void cell_close(void *ctx, struct tags *t)
{
	struct docx *d = ctx;

	(void)t;
	if (d->tables != 1)
		return;
	d->failed |= d->cell.failed;
	if (d->merged)
		table_cell_above(&d->table);
	else
		table_cell(&d->table, buf_bytes(&d->cell), d->header_row ? TABLE_HEAD : TABLE_DATA);
	table_column(&d->table, d->table.row.n + (size_t)MIN(MAX(d->span, 1L), 64L) - 1);
	buf_reset(&d->cell);
}

static bool is_on(const struct tags *t)
{
	return !tags_attr_is(t, "val", "0") && !tags_attr_is(t, "val", "false");
}

static void on_header_row(void *ctx, struct tags *t)
{
	struct docx *d = ctx;

	if (d->tables == 1)
		d->header_row = is_on(t);
}

static void on_span(void *ctx, struct tags *t)
{
	struct docx *d = ctx;

	if (d->tables == 1)
		d->span = tags_attr_int(t, "val", 1);
}

static void on_merge(void *ctx, struct tags *t)
{
	struct docx *d = ctx;

	if (d->tables == 1)
		d->merged = !tags_attr_is(t, "val", "restart");
}

/* --- the document ------------------------------------------------------------------------------ */

static void on_gallery(void *ctx, struct tags *t)
{
	struct docx *d = ctx;

	d->skip_contents = tags_attr_is(t, "val", "Table of Contents");
}

static void on_control(void *ctx, struct tags *t)
{
	struct docx *d = ctx;

	if (d->skip_contents)
		tags_skip(t);
	d->skip_contents = false;
}

static const struct tag body_tags[] = {
	{ "p", para_open, para_close },
	{ "t", tags_text_open, tags_text_close },
	{ "tab", on_space, NULL },
	{ "br", on_space, NULL },
	{ "cr", on_space, NULL },
	{ "noBreakHyphen", on_hyphen, NULL },
	{ "lastRenderedPageBreak", on_page_break, NULL },
	{ "pStyle", on_para_style, NULL },
	{ "outlineLvl", on_para_outline, NULL },
	{ "numId", on_para_list, NULL },
	{ "ilvl", on_para_depth, NULL },
	{ "footnoteReference", foot_reference, NULL },
	{ "endnoteReference", end_reference, NULL },
	{ "tbl", table_open, table_close },
	{ "tr", row_open, row_close },
	{ "tc", cell_open, cell_close },
	{ "tblHeader", on_header_row, NULL },
	{ "gridSpan", on_span, NULL },
	{ "vMerge", on_merge, NULL },
	{ "docPartGallery", on_gallery, NULL },
	{ "sdtContent", on_control, NULL },
	/* What was there before a change, and what older programs would show instead. */
	{ "del", tags_skip_it, NULL },
	{ "moveFrom", tags_skip_it, NULL },
	{ "pPrChange", tags_skip_it, NULL },
	{ "trPrChange", tags_skip_it, NULL },
	{ "tcPrChange", tags_skip_it, NULL },
	{ "Fallback", tags_skip_it, NULL },
};

/* A part that may be missing. */
static enum extract_verdict read_part(struct archive *a, const char *name, struct docx_styles *to,
				      enum extract_verdict (*read)(struct docx_styles *, struct bytes))
{
	AUTO(buf) struct buf xml = { 0 };
	enum extract_verdict v = archive_read(a, name, &xml);

	return v == EXTRACT_OK ? read(to, buf_bytes(&xml)) : v;
}

/* Styles, lists and notes: without them, or with broken ones, the text is still there. */
static bool read_beside(struct docx *d, struct archive *a, const char *part)
{
	AUTO(relations) struct relations rels = { 0 };

	if (office_relations(a, part, &rels) == EXTRACT_NO_MEMORY)
		return false;
	return read_part(a, relations_by_type(&rels, "styles"), &d->styles, docx_styles_read) !=
		       EXTRACT_NO_MEMORY &&
	       read_part(a, relations_by_type(&rels, "numbering"), &d->styles, docx_lists_read) !=
		       EXTRACT_NO_MEMORY &&
	       read_notes(d, a, relations_by_type(&rels, "footnotes"), 'f') != EXTRACT_NO_MEMORY &&
	       read_notes(d, a, relations_by_type(&rels, "endnotes"), 'e') != EXTRACT_NO_MEMORY;
}

static enum extract_verdict read_body(struct docx *d, struct archive *a, const char *part)
{
	static const struct tag_table table = { body_tags, ARRAY_LEN(body_tags), on_text };
	static const char mark[] = "lastRenderedPageBreak";
	AUTO(buf) struct buf xml = { 0 };
	enum extract_verdict v = archive_read(a, part, &xml);

	if (v != EXTRACT_OK)
		return v == EXTRACT_EMPTY ? EXTRACT_MALFORMED : v;
	d->page = memmem(xml.p, xml.n, mark, sizeof(mark) - 1) ? 1 : 0;
	return tags_walk(buf_bytes(&xml), &table, d);
}

enum extract_verdict docx_read(struct outline *to, struct bytes raw)
{
	AUTO(archive) struct archive *a = NULL;
	AUTO(buf) struct buf part = { 0 };
	struct docx d = { .to = to, .table = { .to = to, .guess = true } };
	enum extract_verdict v = archive_open(raw, &a);

	if (v != EXTRACT_OK)
		return v;
	office_title(a, "docProps/core.xml", to);
	v = office_main(a, &part);
	if (v == EXTRACT_OK)
		v = read_beside(&d, a, (const char *)part.p) ? read_body(&d, a, (const char *)part.p)
							     : EXTRACT_NO_MEMORY;
	if (d.failed || to->text.failed)
		v = EXTRACT_NO_MEMORY;
	docx_done(&d);
	return v == EXTRACT_EMPTY ? EXTRACT_MALFORMED : v;
}

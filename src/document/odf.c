#include "document/odf.h"

#include <stdio.h>

#include "base/alloc.h"
#include "document/office.h"
#include "document/table.h"
#include "document/tags.h"

enum { LISTS = 10, STYLES_MAX = 16384, REPEAT_MAX = 64, NESTED = 4 };

enum style_kind { STYLE_TITLE, STYLE_NUMBERED, STYLE_BREAK /* begins a page */ };

/* Of all styles only these matter. */
struct style {
	char *name;
	enum style_kind kind;
	unsigned levels; /* STYLE_NUMBERED: bit n: level n is numbered */
};

struct list {
	unsigned levels, count;
};

struct odf {
	struct outline *to;
	struct style *styles;
	size_t n_styles, cap_styles;
	struct style list_style; /* while it is read */
	struct buf style_name;   /* of the paragraph style that is read */
	/* the paragraph that is open; those in a note or frame in it are stacked */
	struct buf para[NESTED];
	unsigned open;
	unsigned level; /* of a heading; 0: none */
	bool title;
	unsigned page, para_page;
	struct list lists[LISTS];
	unsigned n_lists;
	bool item; /* the item has no paragraph yet */
	struct buf notes; /* a line each */
	unsigned in_note, in_citation, in_speaker;
	/* tables */
	struct table table;
	unsigned tables;
	bool header_rows, sheets, slide_title;
	struct buf cell;
	long columns, rows;
	bool failed;
};

static void odf_done(struct odf *o)
{
	for (size_t i = 0; i < o->n_styles; i++)
		mem_free(o->styles[i].name);
	mem_free(o->styles);
	mem_free(o->list_style.name);
	buf_done(&o->style_name);
	for (size_t i = 0; i < NESTED; i++)
		buf_done(&o->para[i]);
	buf_done(&o->notes);
	buf_done(&o->cell);
	table_done(&o->table);
}

/* --- styles -------------------------------------------------------------------------------- */

static void keep_style(struct odf *o, struct bytes name, enum style_kind kind, unsigned levels)
{
	struct style new = { mem_printf("%.*s", (int)MIN(name.n, (size_t)200), (const char *)name.p),
			     kind, levels };

	if (o->n_styles < STYLES_MAX && new.name &&
	    mem_grow(&o->styles, &o->cap_styles, o->n_styles, sizeof(new))) {
		o->styles[o->n_styles++] = new;
		return;
	}
	o->failed |= o->n_styles < STYLES_MAX;
	mem_free(new.name);
}

static const struct style *find_style(const struct odf *o, struct bytes name, enum style_kind kind)
{
	for (size_t i = 0; i < o->n_styles; i++)
		if (o->styles[i].kind == kind && bytes_is(name, o->styles[i].name))
			return &o->styles[i];
	return NULL;
}

static void on_style(void *ctx, struct tags *t)
{
	struct odf *o = ctx;
	struct bytes name = tags_attr(t, "name"), parent = tags_attr(t, "parent-style-name");

	if (!tags_attr_is(t, "family", "paragraph")) {
		tags_skip(t);
		return;
	}
	buf_reset(&o->style_name);
	buf_put(&o->style_name, name.p, name.n);
	o->failed |= o->style_name.failed;
	/* Whoever names a page's style wants a new page. */
	if (tags_attr(t, "master-page-name").n)
		keep_style(o, name, STYLE_BREAK, 0);
	if (bytes_is(parent, "Title") || find_style(o, parent, STYLE_TITLE))
		keep_style(o, name, STYLE_TITLE, 0);
}

static void on_paragraph_properties(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	if (tags_attr_is(t, "break-before", "page"))
		keep_style(o, buf_bytes(&o->style_name), STYLE_BREAK, 0);
}

static void list_style_open(void *ctx, struct tags *t)
{
	struct odf *o = ctx;
	struct bytes name = tags_attr(t, "name");

	mem_free(o->list_style.name);
	o->list_style = (struct style){
		.name = mem_printf("%.*s", (int)MIN(name.n, (size_t)200), (const char *)name.p)
	};
	o->failed |= !o->list_style.name;
}

static void on_number_level(void *ctx, struct tags *t)
{
	struct odf *o = ctx;
	long level = tags_attr_int(t, "level", 1);

	/* Without a format it counts, but shows nothing. */
	if (level >= 1 && level <= LISTS && tags_attr(t, "num-format").n)
		o->list_style.levels |= BIT(level);
}

static void list_style_close(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	(void)t;
	if (o->list_style.levels && o->list_style.name)
		keep_style(o, bytes_str(o->list_style.name), STYLE_NUMBERED, o->list_style.levels);
}

/* --- paragraphs ------------------------------------------------------------------------------ */

static struct buf *para_of(struct odf *o)
{
	return o->open && o->open <= NESTED ? &o->para[o->open - 1] : NULL;
}

static void open_para(struct odf *o, struct bytes style)
{
	/* Those that began by themselves are marked (on_page_break()). */
	if (o->page && !o->sheets && o->to->n_blocks && !o->open && !o->tables &&
	    find_style(o, style, STYLE_BREAK))
		o->page++;
	o->open++;
	if (para_of(o))
		buf_reset(para_of(o));
	if (o->open == 1)
		o->para_page = o->page;
}

static void para_open(void *ctx, struct tags *t)
{
	struct odf *o = ctx;
	struct bytes style = tags_attr(t, "style-name");

	if (!o->open) {
		o->level = 0;
		o->title = bytes_is(style, "Title") || find_style(o, style, STYLE_TITLE);
	}
	open_para(o, style);
}

static void heading_open(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	if (!o->open) {
		o->level = (unsigned)MIN(MAX(tags_attr_int(t, "outline-level", 1), 1L), 6L);
		o->title = false;
	}
	open_para(o, tags_attr(t, "style-name"));
}

static void put_item(struct odf *o, struct bytes text)
{
	AUTO(buf) struct buf b = { 0 };
	const struct list *l = &o->lists[MIN(o->n_lists, (unsigned)LISTS) - 1];

	if (o->item && l->levels & BIT(MIN(o->n_lists, (unsigned)LISTS)))
		buf_printf(&b, "%u. ", l->count);
	buf_put(&b, text.p, text.n);
	o->failed |= b.failed;
	outline_add(o->to, BLOCK_ITEM, 0, o->para_page, buf_bytes(&b));
	o->item = false;
}

static void put_block(struct odf *o, struct bytes text)
{
	if (o->title || o->slide_title)
		outline_title(o->to, text);
	if (o->title || o->slide_title || o->level)
		outline_add(o->to, BLOCK_HEADING, o->level ? o->level : 1, o->para_page, text);
	else if (o->n_lists)
		put_item(o, text);
	else
		outline_add(o->to, BLOCK_PARA, 0, o->para_page, text);
	if (o->level == 1)
		outline_title(o->to, text);
}

static void put_notes(struct odf *o)
{
	struct bytes t = buf_bytes(&o->notes);

	while (t.n) {
		const uint8_t *nl = memchr(t.p, '\n', t.n);
		size_t n = nl ? (size_t)(nl - t.p) : t.n;

		outline_add(o->to, BLOCK_PARA, 0, o->para_page, bytes_sub(t, 0, n));
		n += nl != NULL;
		t = bytes_sub(t, n, t.n - n);
	}
	o->failed |= o->notes.failed;
	buf_reset(&o->notes);
}

static bool is_blank(const struct buf *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->p[i] > ' ')
			return false;
	return true;
}

static void para_close(void *ctx, struct tags *t)
{
	struct odf *o = ctx;
	struct buf *p = para_of(o);

	(void)t;
	if (o->open)
		o->open--;
	if (!p || is_blank(p))
		return;
	o->failed |= p->failed;
	if (o->in_note) {
		buf_put(&o->notes, p->p, p->n);
		buf_putc(&o->notes, ' ');
	} else if (o->tables) {
		if (o->cell.n)
			buf_putc(&o->cell, ' ');
		buf_put(&o->cell, p->p, p->n);
	} else {
		put_block(o, buf_bytes(p));
		if (!o->open)
			put_notes(o);
	}
}

static void on_text(void *ctx, struct bytes t)
{
	struct odf *o = ctx;

	if (para_of(o) && !o->in_citation)
		buf_put(para_of(o), t.p, t.n);
}

static void on_space(void *ctx, struct tags *t)
{
	(void)t;
	on_text(ctx, bytes_str(" "));
}

static void on_page_break(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	(void)t;
	if (o->sheets)
		return;
	o->page = MAX(o->page, 1u) + 1;
	if (o->open == 1 && is_blank(&o->para[0]))
		o->para_page = o->page;
}

/* --- notes, lists -------------------------------------------------------------------------------- */

static void note_open(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	(void)t;
	o->in_note++;
	if (o->in_note == 1)
		buf_puts(&o->notes, "Note: ");
}

static void note_close(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	(void)t;
	if (o->in_note && !--o->in_note)
		buf_putc(&o->notes, '\n');
}

static void citation_open(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	(void)t;
	o->in_citation++;
}

static void citation_close(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	(void)t;
	o->in_citation -= o->in_citation > 0;
}

static void list_open(void *ctx, struct tags *t)
{
	struct odf *o = ctx;
	struct bytes name = tags_attr(t, "style-name");
	const struct style *s = name.n ? find_style(o, name, STYLE_NUMBERED) : NULL;
	unsigned outer = o->n_lists && o->n_lists <= LISTS && !name.n ? o->lists[o->n_lists - 1].levels : 0;

	if (o->n_lists++ >= LISTS)
		return;
	struct list *l = &o->lists[o->n_lists - 1];
	bool goes_on = tags_attr_is(t, "continue-numbering", "true");
	*l = (struct list){ s ? s->levels : outer, goes_on ? l->count : 0 };
}

static void list_close(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	(void)t;
	o->n_lists -= o->n_lists > 0;
}

static void item_open(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	(void)t;
	o->item = true;
	if (o->n_lists && o->n_lists <= LISTS)
		o->lists[o->n_lists - 1].count++;
}

/* --- tables, sheets -------------------------------------------------------------------------------- */

static void table_open(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	if (o->tables++)
		return;
	if (o->sheets) {
		o->page++;
		outline_add(o->to, BLOCK_HEADING, 1, o->page, tags_attr(t, "name"));
	}
	o->table.page = o->page;
	o->header_rows = false;
}

static void table_close(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	(void)t;
	if (!o->tables || --o->tables)
		return;
	size_t before = o->to->n_blocks;
	table_end(&o->table);
	if (o->sheets && before && before == o->to->n_blocks &&
	    o->to->blocks[before - 1].kind == BLOCK_HEADING)
		outline_drop(o->to); /* an empty sheet's name */
	put_notes(o);
}

static void header_rows_open(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	(void)t;
	o->header_rows = o->tables == 1;
}

static void header_rows_close(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	(void)t;
	o->header_rows = false;
}

static void row_open(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	if (o->tables == 1)
		o->rows = tags_attr_int(t, "number-rows-repeated", 1);
}

static void row_close(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	if (o->tables != 1)
		return;
	/* Below two empty rows of a sheet another table begins. */
	if (o->sheets && !o->table.row.n_filled && o->rows >= 2)
		table_end(&o->table);
	table_row(&o->table);
	if (o->to->full)
		tags_stop(t);
}

static void cell_open(void *ctx, struct tags *t)
{
	struct odf *o = ctx;
	struct bytes date = tags_attr(t, "date-value");

	if (o->tables != 1)
		return;
	o->columns = MIN(MAX(tags_attr_int(t, "number-columns-repeated", 1), 1L), (long)TABLE_COLUMNS);
	buf_reset(&o->cell);
	/* The same in every country: 2024-05-01, not 05/01/24. */
	if (date.n) {
		const uint8_t *hour = memchr(date.p, 'T', date.n);

		table_cell(&o->table, bytes_sub(date, 0, hour ? (size_t)(hour - date.p) : date.n),
			   TABLE_DATA);
		o->columns = 0;
	}
}

static void cell_close(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	(void)t;
	if (o->tables != 1)
		return;
	o->failed |= o->cell.failed;
	/* What fills a sheet to its right edge is empty. */
	long n = o->cell.n ? MIN(o->columns, (long)REPEAT_MAX) : o->columns;
	for (long i = 0; i < n && !o->to->text.failed; i++)
		table_cell(&o->table, buf_bytes(&o->cell), o->header_rows ? TABLE_HEAD : TABLE_DATA);
	buf_reset(&o->cell);
}

/* --- slides ---------------------------------------------------------------------------------------- */

static void slide_open(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	(void)t;
	o->page++;
}

static void frame_open(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	o->slide_title = tags_attr_is(t, "class", "title") && !o->in_speaker;
	if (tags_attr_is(t, "class", "page-number") || tags_attr_is(t, "class", "footer") ||
	    tags_attr_is(t, "class", "date-time") || tags_attr_is(t, "class", "header"))
		tags_skip(t);
}

static void frame_close(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	(void)t;
	o->slide_title = false;
}

static void speaker_open(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	(void)t;
	o->in_speaker++;
}

static void speaker_close(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	(void)t;
	o->in_speaker -= o->in_speaker > 0;
}

static void spreadsheet_open(void *ctx, struct tags *t)
{
	struct odf *o = ctx;

	(void)t;
	o->sheets = true;
}

/* --- the file ------------------------------------------------------------------------------------------ */

static const struct tag content_tags[] = {
	{ "p", para_open, para_close },
	{ "h", heading_open, para_close },
	{ "s", on_space, NULL },
	{ "tab", on_space, NULL },
	{ "line-break", on_space, NULL },
	{ "soft-page-break", on_page_break, NULL },
	{ "note", note_open, note_close },
	{ "note-citation", citation_open, citation_close },
	{ "list", list_open, list_close },
	{ "list-item", item_open, NULL },
	{ "table", table_open, table_close },
	{ "table-header-rows", header_rows_open, header_rows_close },
	{ "table-row", row_open, row_close },
	{ "table-cell", cell_open, cell_close },
	{ "covered-table-cell", cell_open, cell_close },
	{ "spreadsheet", spreadsheet_open, NULL },
	{ "page", slide_open, NULL },
	{ "frame", frame_open, frame_close },
	{ "notes", speaker_open, speaker_close },
	{ "style", on_style, NULL },
	{ "paragraph-properties", on_paragraph_properties, NULL },
	{ "list-style", list_style_open, list_style_close },
	{ "list-level-style-number", on_number_level, NULL },
	{ "table-of-content", tags_skip_it, NULL },
	{ "tracked-changes", tags_skip_it, NULL },
	{ "annotation", tags_skip_it, NULL },
	{ "forms", tags_skip_it, NULL },
	{ "desc", tags_skip_it, NULL },
	{ "shapes", tags_skip_it, NULL },
};

static const struct tag style_tags[] = {
	{ "style", on_style, NULL },
	{ "paragraph-properties", on_paragraph_properties, NULL },
	{ "list-style", list_style_open, list_style_close },
	{ "list-level-style-number", on_number_level, NULL },
};

static enum extract_verdict read_part(struct odf *o, struct archive *a, const char *part,
				      const struct tag_table *table)
{
	static const char mark[] = "soft-page-break";
	AUTO(buf) struct buf xml = { 0 };
	enum extract_verdict v = archive_read(a, part, &xml);

	if (v == EXTRACT_OK) {
		/* The program that saved it had laid it out. */
		o->page = memmem(xml.p, xml.n, mark, sizeof(mark) - 1) &&
			  memmem(xml.p, xml.n, "<office:text", 12);
		v = tags_walk(buf_bytes(&xml), table, o);
	}
	return o->failed ? EXTRACT_NO_MEMORY : v;
}

enum extract_verdict odf_read(struct outline *to, struct bytes raw)
{
	static const struct tag_table style_table = { style_tags, ARRAY_LEN(style_tags), NULL };
	static const struct tag_table content_table = { content_tags, ARRAY_LEN(content_tags), on_text };
	AUTO(archive) struct archive *a = NULL;
	struct odf o = { .to = to, .table = { .to = to, .guess = true } };
	enum extract_verdict v = archive_open(raw, &a);

	if (v != EXTRACT_OK)
		return v;
	office_title(a, "meta.xml", to);
	v = read_part(&o, a, "styles.xml", &style_table);
	if (v != EXTRACT_NO_MEMORY)
		v = read_part(&o, a, "content.xml", &content_table);
	odf_done(&o);
	return to->text.failed ? EXTRACT_NO_MEMORY : v == EXTRACT_EMPTY ? EXTRACT_MALFORMED : v;
}

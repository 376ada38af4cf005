#include "document/pptx.h"

#include "base/alloc.h"
#include "document/office.h"
#include "document/table.h"
#include "document/tags.h"

/* A slide is read twice: for its title, then for the rest. */
enum pass { PASS_TITLE, PASS_REST, PASS_NOTES };

enum shape { SHAPE_TEXT, SHAPE_TITLE, SHAPE_BODY, SHAPE_FURNITURE };

struct pptx {
	struct outline *to;
	struct relations rels; /* of the presentation */
	char **slides;
	size_t n_slides, cap_slides;
	enum pass pass;
	enum shape shape;
	unsigned page;
	struct buf para, title;
	bool bullet, numbered, failed;
	unsigned number;
	struct table table;
	unsigned tables;
	struct buf cell;
	bool merged;
};

static void pptx_done(struct pptx *p)
{
	relations_done(&p->rels);
	for (size_t i = 0; i < p->n_slides; i++)
		mem_free(p->slides[i]);
	mem_free(p->slides);
	buf_done(&p->para);
	buf_done(&p->title);
	buf_done(&p->cell);
	table_done(&p->table);
}

/* --- the presentation ----------------------------------------------------------------- */

static void on_slide(void *ctx, struct tags *t)
{
	struct pptx *p = ctx;
	/* Two attributes are called id here; the relation's is the one that leads somewhere. */
	struct bytes id = tags_attr_last(t, "id");
	const char *part = relations_by_id(&p->rels, id);
	char *copy = *part ? mem_strdup(part) : NULL;

	if (!*part)
		return;
	if (copy && mem_grow(&p->slides, &p->cap_slides, p->n_slides, sizeof(*p->slides))) {
		p->slides[p->n_slides++] = copy;
		return;
	}
	mem_free(copy);
	p->failed = true;
}

static const struct tag presentation_tags[] = { { "sldId", on_slide, NULL } };
static const struct tag_table presentation_table = { presentation_tags, ARRAY_LEN(presentation_tags),
						     NULL };

/* --- a slide ------------------------------------------------------------------------------ */

static void shape_open(void *ctx, struct tags *t)
{
	struct pptx *p = ctx;

	(void)t;
	p->shape = SHAPE_TEXT;
	p->number = 0;
}

static void on_placeholder(void *ctx, struct tags *t)
{
	static const struct {
		const char *type;
		enum shape shape;
	} types[] = {
		{ "title", SHAPE_TITLE }, { "ctrTitle", SHAPE_TITLE },	{ "sldNum", SHAPE_FURNITURE },
		{ "dt", SHAPE_FURNITURE }, { "ftr", SHAPE_FURNITURE },	{ "hdr", SHAPE_FURNITURE },
		{ "subTitle", SHAPE_TEXT },
	};
	struct pptx *p = ctx;
	struct bytes type = tags_attr(t, "type");

	/* What has no type is the outline: bullets. */
	p->shape = SHAPE_BODY;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (bytes_is(type, types[i].type))
			p->shape = types[i].shape;
}

static bool is_wanted(const struct pptx *p)
{
	switch (p->pass) {
	case PASS_TITLE:
		return p->shape == SHAPE_TITLE;
	case PASS_REST:
		return p->shape == SHAPE_TEXT || p->shape == SHAPE_BODY;
	case PASS_NOTES:
		return p->shape == SHAPE_BODY;
	}
	return false;
}

static void para_open(void *ctx, struct tags *t)
{
	struct pptx *p = ctx;

	(void)t;
	buf_reset(&p->para);
	p->bullet = p->shape == SHAPE_BODY && p->pass == PASS_REST;
	p->numbered = false;
}

static void on_bullet(void *ctx, struct tags *t)
{
	struct pptx *p = ctx;

	(void)t;
	p->bullet = true;
}

static void on_number(void *ctx, struct tags *t)
{
	struct pptx *p = ctx;

	(void)t;
	p->bullet = p->numbered = true;
}

static void on_no_bullet(void *ctx, struct tags *t)
{
	struct pptx *p = ctx;

	(void)t;
	p->bullet = false;
}

static void on_text(void *ctx, struct bytes t)
{
	struct pptx *p = ctx;

	buf_put(&p->para, t.p, t.n);
}

static void on_break(void *ctx, struct tags *t)
{
	struct pptx *p = ctx;

	(void)t;
	buf_putc(&p->para, ' ');
}

static void put_item(struct pptx *p)
{
	AUTO(buf) struct buf b = { 0 };

	if (p->numbered)
		buf_printf(&b, "%u. ", ++p->number);
	else
		p->number = 0;
	buf_put(&b, p->para.p, p->para.n);
	p->failed |= b.failed;
	outline_add(p->to, BLOCK_ITEM, 0, p->page, buf_bytes(&b));
}

static void para_close(void *ctx, struct tags *t)
{
	struct pptx *p = ctx;

	(void)t;
	p->failed |= p->para.failed;
	if (!p->para.n || !is_wanted(p))
		return;
	if (p->tables) {
		if (p->cell.n)
			buf_putc(&p->cell, ' ');
		buf_put(&p->cell, p->para.p, p->para.n);
	} else if (p->pass == PASS_TITLE) {
		if (p->title.n)
			buf_putc(&p->title, ' ');
		buf_put(&p->title, p->para.p, p->para.n);
	} else if (p->bullet) {
		put_item(p);
	} else {
		outline_add(p->to, BLOCK_PARA, 0, p->page, buf_bytes(&p->para));
	}
	buf_reset(&p->para);
}

/* --- tables --------------------------------------------------------------------------------- */

static void table_open(void *ctx, struct tags *t)
{
	struct pptx *p = ctx;

	(void)t;
	p->tables++;
	p->table.page = p->page;
	p->shape = SHAPE_TEXT;
}

static void table_close(void *ctx, struct tags *t)
{
	struct pptx *p = ctx;

	(void)t;
	if (p->tables && !--p->tables && p->pass == PASS_REST)
		table_end(&p->table);
}

static void row_close(void *ctx, struct tags *t)
{
	struct pptx *p = ctx;

	(void)t;
	if (p->tables == 1 && p->pass == PASS_REST)
		table_row(&p->table);
}

static void cell_open(void *ctx, struct tags *t)
{
	struct pptx *p = ctx;

	buf_reset(&p->cell);
	p->merged = tags_attr_is(t, "vMerge", "1") || tags_attr_is(t, "vMerge", "true");
}

static void cell_close(void *ctx, struct tags *t)
{
	struct pptx *p = ctx;

	(void)t;
	p->failed |= p->cell.failed;
	if (p->tables != 1 || p->pass != PASS_REST)
		return;
	/* Cells that a merged one covers are there, and empty. */
	if (p->merged)
		table_cell_above(&p->table);
	else
		table_cell(&p->table, buf_bytes(&p->cell), TABLE_DATA);
	buf_reset(&p->cell);
}

static const struct tag slide_tags[] = {
	{ "sp", shape_open, NULL },
	{ "ph", on_placeholder, NULL },
	{ "p", para_open, para_close },
	{ "t", tags_text_open, tags_text_close },
	{ "br", on_break, NULL },
	{ "buChar", on_bullet, NULL },
	{ "buAutoNum", on_number, NULL },
	{ "buNone", on_no_bullet, NULL },
	{ "tbl", table_open, table_close },
	{ "tr", NULL, row_close },
	{ "tc", cell_open, cell_close },
	{ "Fallback", tags_skip_it, NULL },
};
static const struct tag_table slide_table = { slide_tags, ARRAY_LEN(slide_tags), on_text };

static enum extract_verdict walk_slide(struct pptx *p, struct bytes xml, enum pass pass)
{
	p->pass = pass;
	p->shape = SHAPE_TEXT;
	p->tables = 0;
	enum extract_verdict v = tags_walk(xml, &slide_table, p);
	return p->failed ? EXTRACT_NO_MEMORY : v;
}

static void put_title(struct pptx *p)
{
	p->failed |= p->title.failed;
	outline_add(p->to, BLOCK_HEADING, 1, p->page, buf_bytes(&p->title));
	outline_title(p->to, buf_bytes(&p->title));
	buf_reset(&p->title);
}

/* Notes that are missing or broken leave the slide as it is. */
static enum extract_verdict read_notes(struct pptx *p, struct archive *a, const char *slide)
{
	AUTO(relations) struct relations rels = { 0 };
	AUTO(buf) struct buf xml = { 0 };
	enum extract_verdict v = office_relations(a, slide, &rels);

	if (v == EXTRACT_OK)
		v = archive_read(a, relations_by_type(&rels, "notesSlide"), &xml);
	if (v == EXTRACT_OK)
		v = walk_slide(p, buf_bytes(&xml), PASS_NOTES);
	return v == EXTRACT_NO_MEMORY || v == EXTRACT_TOO_LARGE ? v : EXTRACT_OK;
}

static enum extract_verdict read_slide(struct pptx *p, struct archive *a, const char *part)
{
	AUTO(buf) struct buf xml = { 0 };
	enum extract_verdict v = archive_read(a, part, &xml);

	if (v == EXTRACT_EMPTY)
		return EXTRACT_OK;
	if (v == EXTRACT_OK)
		v = walk_slide(p, buf_bytes(&xml), PASS_TITLE);
	put_title(p);
	if (v == EXTRACT_OK)
		v = walk_slide(p, buf_bytes(&xml), PASS_REST);
	return v == EXTRACT_OK ? read_notes(p, a, part) : v;
}

enum extract_verdict pptx_read(struct outline *to, struct bytes raw)
{
	AUTO(archive) struct archive *a = NULL;
	AUTO(buf) struct buf part = { 0 };
	AUTO(buf) struct buf xml = { 0 };
	struct pptx p = { .to = to, .table = { .to = to, .guess = true } };
	enum extract_verdict v = archive_open(raw, &a);

	if (v != EXTRACT_OK)
		return v;
	office_title(a, "docProps/core.xml", to);
	v = office_main(a, &part);
	if (v == EXTRACT_OK)
		v = office_relations(a, (const char *)part.p, &p.rels);
	if (v == EXTRACT_OK)
		v = archive_read(a, (const char *)part.p, &xml);
	if (v == EXTRACT_OK)
		v = tags_walk(buf_bytes(&xml), &presentation_table, &p);
	for (size_t i = 0; i < p.n_slides && v == EXTRACT_OK && !to->full; i++) {
		p.page = (unsigned)i + 1;
		v = read_slide(&p, a, p.slides[i]);
	}
	if (p.failed || to->text.failed)
		v = EXTRACT_NO_MEMORY;
	pptx_done(&p);
	return v == EXTRACT_EMPTY ? EXTRACT_MALFORMED : v;
}

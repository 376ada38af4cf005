#include "document/xlsx.h"

#include "base/alloc.h"
#include "document/office.h"
#include "document/table.h"
#include "document/tags.h"
#include "document/xlsx_cell.h"

enum { STYLES_MAX = 65536 };

struct sheet {
	char *name, *part;
};

struct format_code { /* <numFmt> */
	long id;
	enum number_kind kind;
};

enum cell_type { CELL_NUMBER, CELL_SHARED, CELL_TEXT, CELL_TRUTH };

struct xlsx {
	struct outline *to;
	struct relations rels;
	struct sheet *sheets;
	size_t n_sheets, cap_sheets;
	bool from_1904;
	struct buf shared; /* all shared strings; where each ends */
	size_t *shared_end;
	size_t n_shared, cap_shared;
	struct format_code *codes;
	size_t n_codes, cap_codes;
	enum number_kind *styles; /* of each cell style */
	size_t n_styles, cap_styles;
	bool in_styles; /* inside <cellXfs> */
	/* the cell that is open */
	enum cell_type type;
	enum number_kind kind;
	struct buf value;
	/* the sheet that is open */
	struct table table;
	long row, filled; /* the last with text */
	bool failed;
};

static void xlsx_done(struct xlsx *x)
{
	relations_done(&x->rels);
	for (size_t i = 0; i < x->n_sheets; i++) {
		mem_free(x->sheets[i].name);
		mem_free(x->sheets[i].part);
	}
	mem_free(x->sheets);
	buf_done(&x->shared);
	mem_free(x->shared_end);
	mem_free(x->codes);
	mem_free(x->styles);
	buf_done(&x->value);
	table_done(&x->table);
}

/* --- the workbook ------------------------------------------------------------------------- */

static void on_sheet(void *ctx, struct tags *t)
{
	struct xlsx *x = ctx;
	struct bytes name = tags_attr(t, "name");
	const char *part = relations_by_id(&x->rels, tags_attr(t, "id"));

	/* A sheet that its maker has hidden holds what others look up. */
	if (!*part || (tags_attr(t, "state").n && !tags_attr_is(t, "state", "visible")))
		return;
	struct sheet new = { mem_printf("%.*s", (int)MIN(name.n, (size_t)200), (const char *)name.p),
			     mem_strdup(part) };
	if (new.name && new.part && mem_grow(&x->sheets, &x->cap_sheets, x->n_sheets, sizeof(new))) {
		x->sheets[x->n_sheets++] = new;
		return;
	}
	mem_free(new.name);
	mem_free(new.part);
	x->failed = true;
}

static void on_properties(void *ctx, struct tags *t)
{
	struct xlsx *x = ctx;

	x->from_1904 = tags_attr_is(t, "date1904", "1") || tags_attr_is(t, "date1904", "true");
}

static const struct tag workbook_tags[] = {
	{ "workbookPr", on_properties, NULL },
	{ "sheet", on_sheet, NULL },
};
static const struct tag_table workbook_table = { workbook_tags, ARRAY_LEN(workbook_tags), NULL };

/* --- shared strings --------------------------------------------------------------------------- */

static void string_close(void *ctx, struct tags *t)
{
	struct xlsx *x = ctx;

	if (!mem_grow(&x->shared_end, &x->cap_shared, x->n_shared, sizeof(*x->shared_end))) {
		x->failed = true;
		tags_stop(t);
		return;
	}
	x->shared_end[x->n_shared++] = x->shared.n;
}

static void string_text(void *ctx, struct bytes t)
{
	struct xlsx *x = ctx;

	buf_put(&x->shared, t.p, t.n);
}

static const struct tag string_tags[] = {
	{ "si", NULL, string_close },
	{ "t", tags_text_open, tags_text_close },
	{ "rPh", tags_skip_it, NULL }, /* how it is pronounced */
};
static const struct tag_table string_table = { string_tags, ARRAY_LEN(string_tags), string_text };

static struct bytes shared_string(const struct xlsx *x, struct bytes index)
{
	size_t n = 0;

	for (size_t i = 0; i < index.n; i++) {
		if (index.p[i] < '0' || index.p[i] > '9' || i > 8)
			return (struct bytes){ 0 };
		n = n * 10 + (size_t)(index.p[i] - '0');
	}
	if (!index.n || n >= x->n_shared)
		return (struct bytes){ 0 };
	size_t from = n ? x->shared_end[n - 1] : 0;
	return bytes_sub(buf_bytes(&x->shared), from, x->shared_end[n] - from);
}

/* --- styles ------------------------------------------------------------------------------------ */

static void on_code(void *ctx, struct tags *t)
{
	struct xlsx *x = ctx;

	if (x->n_codes >= STYLES_MAX)
		return;
	if (!mem_grow(&x->codes, &x->cap_codes, x->n_codes, sizeof(*x->codes))) {
		x->failed = true;
		return;
	}
	x->codes[x->n_codes++] = (struct format_code){ tags_attr_int(t, "numFmtId", -1),
						       number_kind_of_code(tags_attr(t, "formatCode")) };
}

static void styles_open(void *ctx, struct tags *t)
{
	struct xlsx *x = ctx;

	(void)t;
	x->in_styles = true;
}

static void styles_close(void *ctx, struct tags *t)
{
	struct xlsx *x = ctx;

	(void)t;
	x->in_styles = false;
}

static void on_cell_style(void *ctx, struct tags *t)
{
	struct xlsx *x = ctx;
	long id = tags_attr_int(t, "numFmtId", 0);

	if (!x->in_styles || x->n_styles >= STYLES_MAX)
		return;
	if (!mem_grow(&x->styles, &x->cap_styles, x->n_styles, sizeof(*x->styles))) {
		x->failed = true;
		return;
	}
	enum number_kind kind = number_kind_of_id(id);
	for (size_t i = 0; i < x->n_codes; i++)
		if (x->codes[i].id == id)
			kind = x->codes[i].kind;
	x->styles[x->n_styles++] = kind;
}

static const struct tag style_tags[] = {
	{ "numFmt", on_code, NULL },
	{ "cellXfs", styles_open, styles_close },
	{ "xf", on_cell_style, NULL },
	{ "dxfs", tags_skip_it, NULL },
};
static const struct tag_table style_table = { style_tags, ARRAY_LEN(style_tags), NULL };

/* --- a sheet ------------------------------------------------------------------------------------- */

static void row_open(void *ctx, struct tags *t)
{
	struct xlsx *x = ctx;
	long row = tags_attr_int(t, "r", x->row + 1);

	/* Below two empty rows another table begins. */
	if (x->filled && row > x->filled + 2)
		table_end(&x->table);
	x->row = row;
}

static void row_close(void *ctx, struct tags *t)
{
	struct xlsx *x = ctx;

	if (x->table.row.n_filled)
		x->filled = x->row;
	table_row(&x->table);
	if (x->to->full)
		tags_stop(t);
}

static void cell_open(void *ctx, struct tags *t)
{
	static const struct {
		const char *name;
		enum cell_type type;
	} types[] = { { "s", CELL_SHARED }, { "str", CELL_TEXT },    { "inlineStr", CELL_TEXT },
		      { "e", CELL_TEXT },   { "b", CELL_TRUTH },     { "d", CELL_TEXT } };
	struct xlsx *x = ctx;
	struct bytes type = tags_attr(t, "t");
	long column = cell_column(tags_attr(t, "r")), style = tags_attr_int(t, "s", 0);

	x->type = CELL_NUMBER;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (bytes_is(type, types[i].name))
			x->type = types[i].type;
	x->kind = style >= 0 && (size_t)style < x->n_styles ? x->styles[style] : NUMBER_PLAIN;
	if (column >= 0)
		table_column(&x->table, (size_t)column);
	buf_reset(&x->value);
}

static void cell_close(void *ctx, struct tags *t)
{
	struct xlsx *x = ctx;
	struct bytes v = buf_bytes(&x->value);
	AUTO(buf) struct buf number = { 0 };

	(void)t;
	switch (x->type) {
	case CELL_SHARED:
		v = shared_string(x, v);
		break;
	case CELL_TRUTH:
		v = bytes_str(bytes_is(v, "1") ? "yes" : bytes_is(v, "0") ? "no" : "");
		break;
	case CELL_NUMBER:
		number_put(&number, v, x->kind, x->from_1904);
		v = buf_bytes(&number);
		break;
	case CELL_TEXT:
		break;
	}
	x->failed |= x->value.failed || number.failed;
	table_cell(&x->table, v, TABLE_DATA);
}

static void cell_text(void *ctx, struct bytes t)
{
	struct xlsx *x = ctx;

	buf_put(&x->value, t.p, t.n);
}

static const struct tag sheet_tags[] = {
	{ "row", row_open, row_close },
	{ "c", cell_open, cell_close },
	{ "v", tags_text_open, tags_text_close },
	{ "t", tags_text_open, tags_text_close },
	{ "rPh", tags_skip_it, NULL },
	{ "headerFooter", tags_skip_it, NULL },
};
static const struct tag_table sheet_table = { sheet_tags, ARRAY_LEN(sheet_tags), cell_text };

/* --- the file ---------------------------------------------------------------------------------------- */

static enum extract_verdict read_part(struct xlsx *x, struct archive *a, const char *part,
				      const struct tag_table *table)
{
	AUTO(buf) struct buf xml = { 0 };
	enum extract_verdict v = archive_read(a, part, &xml);

	if (v == EXTRACT_OK)
		v = tags_walk(buf_bytes(&xml), table, x);
	return x->failed || x->shared.failed ? EXTRACT_NO_MEMORY : v;
}

static bool stops(enum extract_verdict v)
{
	return v != EXTRACT_OK && v != EXTRACT_EMPTY;
}

static enum extract_verdict read_workbook(struct xlsx *x, struct archive *a, const char *part)
{
	enum extract_verdict v = office_relations(a, part, &x->rels);

	if (v == EXTRACT_OK)
		v = read_part(x, a, part, &workbook_table);
	if (stops(v))
		return v;
	v = read_part(x, a, relations_by_type(&x->rels, "sharedStrings"), &string_table);
	if (stops(v))
		return v;
	v = read_part(x, a, relations_by_type(&x->rels, "styles"), &style_table);
	if (v == EXTRACT_NO_MEMORY)
		return v;
	for (size_t i = 0; i < x->n_sheets; i++) {
		x->table.page = (unsigned)i + 1;
		x->row = x->filled = 0;
		outline_add(x->to, BLOCK_HEADING, 1, x->table.page, bytes_str(x->sheets[i].name));
		size_t before = x->to->n_blocks;
		v = read_part(x, a, x->sheets[i].part, &sheet_table);
		table_end(&x->table);
		if (x->to->n_blocks == before)
			outline_drop(x->to); /* an empty sheet's name */
		if (stops(v))
			return v;
	}
	return EXTRACT_OK;
}

enum extract_verdict xlsx_read(struct outline *to, struct bytes raw)
{
	AUTO(archive) struct archive *a = NULL;
	AUTO(buf) struct buf part = { 0 };
	struct xlsx x = { .to = to, .table = { .to = to, .guess = true } };
	enum extract_verdict v = archive_open(raw, &a);

	if (v != EXTRACT_OK)
		return v;
	office_title(a, "docProps/core.xml", to);
	v = office_main(a, &part);
	if (v == EXTRACT_OK)
		v = read_workbook(&x, a, (const char *)part.p);
	xlsx_done(&x);
	return to->text.failed ? EXTRACT_NO_MEMORY : v == EXTRACT_EMPTY ? EXTRACT_MALFORMED : v;
}

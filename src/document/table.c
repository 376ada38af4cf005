#include "document/table.h"

#include "base/alloc.h"
#include "document/utf8.h"

static struct bytes trim(struct bytes t)
{
	while (t.n && t.p[0] <= ' ')
		t = bytes_sub(t, 1, t.n - 1);
	while (t.n && t.p[t.n - 1] <= ' ')
		t.n--;
	return t;
}

static struct bytes cell_of(const struct table_cells *c, size_t i)
{
	if (i >= c->n)
		return (struct bytes){ 0 };
	size_t from = i ? c->end[i - 1] : 0;
	return bytes_sub(buf_bytes(&c->text), from, c->end[i] - from);
}

static void reset(struct table_cells *c)
{
	buf_reset(&c->text);
	c->n = c->n_filled = c->n_heads = 0;
}

void table_cell(struct table *t, struct bytes text, enum table_cell kind)
{
	struct table_cells *c = &t->row;

	if (c->n >= TABLE_COLUMNS)
		return;
	text = trim(text);
	buf_put(&c->text, text.p, text.n);
	if (c->text.failed || !mem_grow(&c->end, &c->cap, c->n, sizeof(*c->end))) {
		t->to->text.failed = true;
		return;
	}
	c->end[c->n++] = c->text.n;
	c->n_filled += text.n > 0;
	c->n_heads += kind == TABLE_HEAD;
}

void table_cell_above(struct table *t)
{
	table_cell(t, cell_of(&t->before, t->row.n), TABLE_DATA);
}

void table_column(struct table *t, size_t i)
{
	while (t->row.n < MIN(i, (size_t)TABLE_COLUMNS) && !t->to->text.failed)
		table_cell(t, (struct bytes){ 0 }, TABLE_DATA);
}

/* 12, -3.5 %, 2024-05-01, € 1,000.00: more digits than letters. */
static bool is_number(struct bytes t)
{
	size_t digits = 0, letters = 0;

	for (size_t i = 0; i < t.n; i++) {
		digits += t.p[i] >= '0' && t.p[i] <= '9';
		letters += (t.p[i] | 32) >= 'a' && (t.p[i] | 32) <= 'z';
	}
	return digits > letters;
}

static bool could_be_header(const struct table_cells *c)
{
	if (c->n_filled < 2)
		return false;
	for (size_t i = 0; i < c->n; i++)
		if (cell_of(c, i).n > TABLE_HEADER || is_number(cell_of(c, i)))
			return false;
	return true;
}

static void put_name(struct buf *to, struct bytes name)
{
	name.n = name.n > TABLE_HEADER ? utf8_floor(name, TABLE_HEADER) : name.n;
	buf_put(to, name.p, name.n);
	buf_puts(to, name.p[name.n - 1] == ':' ? " " : ": ");
}

static void put_row(struct table *t, const struct table_cells *row)
{
	/* "Phone: 12" needs no header to be understood. */
	bool pair = !t->head.n && (row->n == 2 || (row->n_heads == 1 && row->n > 1));

	buf_reset(&t->line);
	for (size_t i = 0; i < row->n; i++) {
		struct bytes c = cell_of(row, i), h = cell_of(&t->head, i);

		if (!c.n)
			continue;
		if (t->line.n)
			buf_puts(&t->line, !pair ? "; " : t->line.p[t->line.n - 1] == ':' ? " " : ": ");
		pair = pair && !t->line.n;
		if (h.n)
			put_name(&t->line, h);
		buf_put(&t->line, c.p, c.n);
	}
	if (t->line.failed)
		t->to->text.failed = true;
	outline_add(t->to, BLOCK_ROW, 0, t->page, buf_bytes(&t->line));
	t->unused_head = false;
}

void table_header(struct table *t)
{
	struct table_cells old = t->head;

	t->head = t->row;
	t->row = old;
	reset(&t->row);
	t->unused_head = true;
}

void table_row(struct table *t)
{
	bool first = !t->head.n && !t->before.n;

	if (!t->row.n_filled) {
		reset(&t->row);
		return;
	}
	if (!t->head.n && t->row.n_filled > 1 && t->row.n_heads >= t->row.n_filled) {
		table_header(t);
		return;
	}
	/* A title may stand above: one cell alone. */
	if (t->guess && first && could_be_header(&t->row)) {
		table_header(t);
		return;
	}
	put_row(t, &t->row);
	struct table_cells old = t->before;
	bool keep = t->row.n_filled > 1 || !first;
	if (keep) {
		t->before = t->row;
		t->row = old;
	}
	reset(&t->row);
}

void table_end(struct table *t)
{
	table_row(t);
	if (t->unused_head) { /* it was all there is */
		struct table_cells only = t->head;

		t->head = (struct table_cells){ 0 };
		put_row(t, &only);
		t->head = only;
	}
	t->unused_head = false;
	reset(&t->head);
	reset(&t->before);
}

static void free_cells(struct table_cells *c)
{
	buf_done(&c->text);
	mem_free(c->end);
}

void table_done(struct table *t)
{
	free_cells(&t->head);
	free_cells(&t->row);
	free_cells(&t->before);
	buf_done(&t->line);
	*t = (struct table){ 0 };
}

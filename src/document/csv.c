#include "document/csv.h"

#include "document/table.h"

enum { LOOK_LINES = 20, LOOK_OCTETS = 65536 };

/* How many of `mark` stand outside quotes in the line at *i, which is moved behind it. */
static size_t count_in_line(struct bytes t, size_t *i, char mark)
{
	bool quoted = false;
	size_t n = 0;

	for (; *i < t.n && (quoted || t.p[*i] != '\n'); ++*i) {
		quoted ^= t.p[*i] == '"';
		n += !quoted && t.p[*i] == mark;
	}
	++*i;
	return n;
}

/* Points for lines that have as many as the first. */
static size_t evenness(struct bytes t, char mark)
{
	size_t i = 0, first = count_in_line(t, &i, mark), points = first ? 2 : 0;

	for (size_t line = 1; first && line < LOOK_LINES && i < t.n; line++) {
		size_t n = count_in_line(t, &i, mark);

		points += n == first ? 4 : n > 0;
	}
	return points * 8 + MIN(first, (size_t)7);
}

static char separator(struct bytes t)
{
	static const char marks[] = { ',', ';', '\t', '|' };
	char best = ',';
	size_t most = 0;

	t.n = MIN(t.n, (size_t)LOOK_OCTETS);
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		size_t points = evenness(t, marks[i]);

		if (points <= most)
			continue;
		most = points;
		best = marks[i];
	}
	return best;
}

/* The field at *i into `field`; *i is moved to its separator or line end. */
static void take_field(struct bytes t, size_t *i, char mark, struct buf *field)
{
	buf_reset(field);
	if (*i < t.n && t.p[*i] == '"') {
		for (++*i; *i < t.n; ++*i) {
			if (t.p[*i] == '"' && !(*i + 1 < t.n && t.p[*i + 1] == '"'))
				break;
			*i += t.p[*i] == '"';
			buf_putc(field, (char)t.p[*i]);
		}
		*i += *i < t.n;
	}
	size_t from = *i;
	while (*i < t.n && t.p[*i] != mark && t.p[*i] != '\n')
		++*i;
	buf_put(field, t.p + from, *i - from);
}

/* Excel's "sep=;" says it. */
static bool said(struct bytes *t, char *mark)
{
	if (t->n < 6 || memcmp(t->p, "sep=", 4) != 0 || t->p[5] != '\n')
		return false;
	*mark = (char)t->p[4];
	*t = bytes_sub(*t, 6, t->n - 6);
	return true;
}

void csv_read(struct outline *to, struct bytes text)
{
	AUTO(table) struct table table = { .to = to, .guess = true };
	AUTO(buf) struct buf field = { 0 };
	char mark;

	if (!said(&text, &mark))
		mark = separator(text);
	for (size_t i = 0; i < text.n && !to->full && !to->text.failed;) {
		take_field(text, &i, mark, &field);
		if (field.failed)
			to->text.failed = true;
		table_cell(&table, buf_bytes(&field), TABLE_DATA);
		if (i >= text.n || text.p[i] == '\n')
			table_row(&table);
		i++;
	}
	table_end(&table);
}

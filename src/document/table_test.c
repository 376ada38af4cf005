#include "base/test.h"
#include "document/table.h"

static void row(struct table *t, const char *const *cells)
{
	for (; *cells; cells++)
		table_cell(t, bytes_str(*cells), TABLE_DATA);
	table_row(t);
}

static void with_header(void)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(table) struct table t = { .to = &o };

	table_cell(&t, bytes_str(" City "), TABLE_HEAD);
	table_cell(&t, bytes_str("Price:"), TABLE_HEAD);
	table_cell(&t, bytes_str(""), TABLE_HEAD);
	table_row(&t);
	row(&t, (const char *const[]){ "Paris", "60", "x", "y", NULL });
	row(&t, (const char *const[]){ "", "", NULL });
	table_cell_above(&t);
	table_cell(&t, bytes_str("80"), TABLE_DATA);
	table_row(&t);
	table_column(&t, 1);
	table_cell(&t, bytes_str("9"), TABLE_DATA);
	table_end(&t);
	CHECK(!o.text.failed);
	CHECK_STR((char *)o.text.p, "City: Paris; Price: 60; x; y\nCity: Paris; Price: 80\nPrice: 9");
}

static void without_header(void)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(table) struct table t = { .to = &o };

	row(&t, (const char *const[]){ "Phone", "12", NULL });
	row(&t, (const char *const[]){ "Fax:", "13", NULL });
	row(&t, (const char *const[]){ "a", "b", "c", NULL });
	table_cell(&t, bytes_str("Tea"), TABLE_HEAD);
	table_cell(&t, bytes_str("3"), TABLE_DATA);
	table_cell(&t, bytes_str("4"), TABLE_DATA);
	table_end(&t);
	CHECK(!o.text.failed);
	CHECK_STR((char *)o.text.p, "Phone: 12\nFax: 13\na; b; c\nTea: 3; 4");
}

static void guesses(void)
{
	static const struct {
		const char *cells[3][4], *text;
	} rows[] = {
		{ { { "Prices of 2024" }, { "City", "Price" }, { "Paris", "60" } },
		  "Prices of 2024\nCity: Paris; Price: 60" },
		{ { { "Paris", "60" }, { "Rome", "50" } }, "Paris: 60\nRome: 50" },
		{ { { "City", "Price" } }, "City: Price" },
		{ { { "2024-05-01", "Rain", "x" }, { "2024-05-02", "Sun", "y" } },
		  "2024-05-01; Rain; x\n2024-05-02; Sun; y" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(outline) struct outline o = { 0 };
		AUTO(table) struct table t = { .to = &o, .guess = true };

		for (size_t r = 0; r < 3; r++)
			row(&t, rows[i].cells[r]);
		table_end(&t);
		CHECK(!o.text.failed);
		CHECK_STR((char *)o.text.p, rows[i].text);
	}
}

static void has_limits(void)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(table) struct table t = { .to = &o };

	table_column(&t, 1000000);
	table_cell(&t, bytes_str("beyond"), TABLE_DATA);
	CHECK_EQ(t.row.n <= TABLE_COLUMNS, true);
	table_end(&t);
	CHECK_EQ(o.n_blocks, 0);
}

TESTS({ "with_header", with_header }, { "without_header", without_header }, { "guesses", guesses },
      { "has_limits", has_limits })

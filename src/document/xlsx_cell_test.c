#include "base/test.h"
#include "document/xlsx_cell.h"

static void tells_kinds(void)
{
	static const struct {
		const char *code;
		enum number_kind kind;
	} rows[] = {
		{ "General", NUMBER_PLAIN },
		{ "0.00", NUMBER_PLAIN },
		{ "yyyy\\-mm\\-dd", NUMBER_DATE },
		{ "[$-409]d/m/yy h:mm AM/PM;@", NUMBER_DATE_TIME },
		{ "[h]:mm", NUMBER_TIME },
		{ "0.0%", NUMBER_SHARE },
		{ "#,##0 \"days\"", NUMBER_PLAIN },
		{ "[Red]0;[Blue]-0", NUMBER_PLAIN },
		{ "\"open", NUMBER_PLAIN },
		{ "", NUMBER_PLAIN },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_EQ(number_kind_of_code(bytes_str(rows[i].code)), rows[i].kind);
	CHECK_EQ(number_kind_of_id(14), NUMBER_DATE);
	CHECK_EQ(number_kind_of_id(10), NUMBER_SHARE);
	CHECK_EQ(number_kind_of_id(0), NUMBER_PLAIN);
}

static void writes(void)
{
	static const struct {
		const char *value;
		enum number_kind kind;
		bool from_1904;
		const char *text;
	} rows[] = {
		{ "0.30000000000000004", NUMBER_PLAIN, false, "0.3" },
		{ "45351", NUMBER_DATE, false, "2024-02-29" },
		{ "60", NUMBER_DATE, false, "1900-02-28" },
		{ "43889", NUMBER_DATE, true, "2024-02-29" },
		{ "44696.770833333336", NUMBER_DATE_TIME, false, "2022-05-15 18:30" },
		{ "0.5", NUMBER_TIME, false, "12:00" },
		{ "1.25", NUMBER_TIME, false, "30:00" },
		{ "0.999999999", NUMBER_TIME, false, "24:00" },
		{ "0.125", NUMBER_SHARE, false, "12.5%" },
		{ "1e300", NUMBER_DATE, false, "1e+300" },
		{ "-5", NUMBER_DATE, false, "-5" },
		{ "nan", NUMBER_PLAIN, false, "nan" },
		{ "12x", NUMBER_PLAIN, false, "12x" },
		{ "", NUMBER_PLAIN, false, "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };

		buf_puts(&b, "");
		number_put(&b, bytes_str(rows[i].value), rows[i].kind, rows[i].from_1904);
		CHECK(!b.failed);
		CHECK_STR((char *)b.p, rows[i].text);
	}
}

static void finds_columns(void)
{
	CHECK_EQ(cell_column(bytes_str("A1")), 0);
	CHECK_EQ(cell_column(bytes_str("BC12")), 54);
	CHECK_EQ(cell_column(bytes_str("12")), -1);
	CHECK_EQ(cell_column(bytes_str("ABCDE1")), -1);
	CHECK_EQ(cell_column(bytes_str("")), -1);
}

TESTS({ "tells_kinds", tells_kinds }, { "writes", writes }, { "finds_columns", finds_columns })

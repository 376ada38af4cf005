#include "document/xlsx_cell.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DAY_S = 86400, DAYS_1904 = 1462, DAYS_1970 = 25569, DAYS_MAX = 2958466 /* 9999-12-31 */ };

enum number_kind number_kind_of_id(long id)
{
	static const struct {
		long from, to;
		enum number_kind kind;
	} rows[] = {
		{ 9, 10, NUMBER_SHARE },      { 14, 17, NUMBER_DATE }, { 18, 21, NUMBER_TIME },
		{ 22, 22, NUMBER_DATE_TIME }, { 27, 31, NUMBER_DATE }, { 32, 35, NUMBER_TIME },
		{ 36, 36, NUMBER_DATE },      { 45, 47, NUMBER_TIME }, { 50, 58, NUMBER_DATE },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (id >= rows[i].from && id <= rows[i].to)
			return rows[i].kind;
	return NUMBER_PLAIN;
}

/* Octets that say nothing about the kind: "literal", [Red], \x, _x, *x. */
static size_t literal(struct bytes c, size_t i)
{
	uint8_t end = c.p[i] == '"' ? '"' : ']';

	if (strchr("\\_*", c.p[i]) && c.p[i])
		return 2;
	if (c.p[i] != '"' && c.p[i] != '[')
		return 0;
	/* [h]:mm counts hours. */
	if (c.p[i] == '[' && i + 1 < c.n && strchr("hms", c.p[i + 1] | 32))
		return 0;
	const uint8_t *at = i + 1 < c.n ? memchr(c.p + i + 1, end, c.n - i - 1) : NULL;
	return at ? (size_t)(at - c.p) - i + 1 : c.n - i;
}

enum number_kind number_kind_of_code(struct bytes c)
{
	bool date = false, time = false;

	for (size_t i = 0; i < c.n && c.p[i] != ';';) {
		size_t skip = literal(c, i);

		if (skip) {
			i += skip;
			continue;
		}
		uint8_t l = c.p[i++] | 32;
		if (c.p[i - 1] == '%')
			return NUMBER_SHARE;
		/* "m" alone is a month; beside h or s it is minutes. "General" has no y or d. */
		date |= l == 'y' || l == 'd';
		time |= l == 'h' || l == 's';
	}
	if (date)
		return time ? NUMBER_DATE_TIME : NUMBER_DATE;
	return time ? NUMBER_TIME : NUMBER_PLAIN;
}

/* Days since 1970-01-01 to year, month, day (proleptic Gregorian calendar). */
static void put_date(struct buf *to, long days)
{
	long z = days + 719468, era = z / 146097, doe = z - era * 146097;
	long yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	long doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	long month = mp < 10 ? mp + 3 : mp - 9;

	buf_printf(to, "%04ld-%02ld-%02ld", yoe + era * 400 + (month <= 2), month,
		   doy - (153 * mp + 2) / 5 + 1);
}

static void put_time(struct buf *to, long s)
{
	buf_printf(to, "%02ld:%02ld", s / 3600, s / 60 % 60);
	if (s % 60)
		buf_printf(to, ":%02ld", s % 60);
}

/* A day's number; before March 1900 it is one off, as there 1900 was a leap year. */
static void put_moment(struct buf *to, double v, enum number_kind kind, bool from_1904)
{
	double day = floor(v);
	long s = lround((v - day) * DAY_S), n = (long)day;

	if (s == DAY_S) {
		s = 0;
		n++;
	}
	if (kind == NUMBER_TIME) {
		put_time(to, s + (v < 1000 ? n * DAY_S : 0));
		return;
	}
	n += from_1904 ? DAYS_1904 : 0;
	put_date(to, n - DAYS_1970 + (n < 60));
	if (kind == NUMBER_DATE_TIME || s) {
		buf_putc(to, ' ');
		put_time(to, s);
	}
}

void number_put(struct buf *to, struct bytes value, enum number_kind kind, bool from_1904)
{
	char text[64], *end = NULL;
	double v = 0;

	if (value.n && value.n < sizeof(text)) {
		snprintf(text, sizeof(text), "%.*s", (int)value.n, (const char *)value.p);
		v = strtod(text, &end);
	}
	if (!end || end == text || *end || !isfinite(v)) {
		buf_put(to, value.p, value.n);
		return;
	}
	bool moment = kind == NUMBER_DATE || kind == NUMBER_TIME || kind == NUMBER_DATE_TIME;
	if (moment && v >= 0 && v < DAYS_MAX)
		put_moment(to, v, kind, from_1904);
	else if (kind == NUMBER_SHARE && fabs(v) < 1e9)
		buf_printf(to, "%.6g%%", v * 100);
	else
		buf_printf(to, "%.15g", v); /* as the program shows it: 0.3, not 0.30000000000000004 */
}

long cell_column(struct bytes ref)
{
	long n = 0;
	size_t i = 0;

	for (; i < ref.n && i < 4 && (ref.p[i] | 32) >= 'a' && (ref.p[i] | 32) <= 'z'; i++)
		n = n * 26 + (ref.p[i] | 32) - 'a' + 1;
	return i && i < ref.n && ref.p[i] >= '0' && ref.p[i] <= '9' ? n - 1 : -1;
}
